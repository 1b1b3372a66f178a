"""Spheres in vertebrae made up with cortex, and in the real CT with vertebra labels where the data are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import QuantityError, RegionError
from hemadose.imaging.regions.marrow_room import iliac_part
from hemadose.imaging.regions.marrow_spheres import (
    LUMBAR,
    SphereRule,
    clear_of,
    place_spheres,
    sphere_region,
    spheres_at_landmarks,
)
from hemadose.imaging.regions.tidying import distance_inside_mm
from hemadose.model import Grid, Image, Quantity, Region

UID = "1.2.826.0.1.3680043.2.1125.33"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "ct-labelled"
GRID = Grid.axial(shape=(60, 50, 50), spacing_mm=(2.0, 2.0, 2.0), origin_mm=(-49, -49, 0), frame_of_reference_uid=UID)


def points():
    index = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij"), axis=-1)
    return GRID.index_to_mm(index)


def spine(*, cement=False):
    """L2-L4: boxes 44 x 32 x 28 mm of spongiosa in 2 mm of cortex, an arch behind a canal, discs of 10 mm."""
    p = points()
    hu = np.full(GRID.shape, 40.0, dtype=np.float32)
    bones = []
    for step, name in enumerate(("lumbar_l4", "lumbar_l3", "lumbar_l2")):
        middle = 22.0 + 38.0 * step
        z = np.abs(p[..., 2] - middle)
        body = (np.abs(p[..., 0]) <= 22) & (np.abs(p[..., 1] + 10) <= 16) & (z <= 14)
        core = (np.abs(p[..., 0]) <= 20) & (np.abs(p[..., 1] + 10) <= 14) & (z <= 12)
        arch = (np.abs(p[..., 0]) <= 16) & (p[..., 1] > 6) & (p[..., 1] <= 34) & (z <= 8)
        canal = (np.abs(p[..., 0]) <= 8) & (p[..., 1] > 6) & (p[..., 1] <= 20)
        arch &= ~canal
        hu[body | arch] = 600.0
        hu[core] = 150.0
        bones.append(Region(name=name, mask=body | arch, grid=GRID))
    if cement:
        hu[np.linalg.norm(p - np.array([0.0, -10.0, 60.0]), axis=-1) <= 7.0] = 1200.0
    ct = Image(values=hu, grid=GRID, quantity=Quantity.HOUNSFIELD)
    return ct, tuple(reversed(bones))


@pytest.fixture(scope="module")
def made_up():
    return spine()


def test_spheres_lie_in_the_middle_of_the_bodies(made_up):
    ct, bones = made_up
    spheres = place_spheres(bones, ct=ct)
    assert [s.name for s in spheres] == ["marrow_sphere_l2", "marrow_sphere_l3", "marrow_sphere_l4"]
    for sphere, z in zip(spheres, (98.0, 60.0, 22.0), strict=True):
        assert np.allclose(sphere.centre_mm, (0.0, -10.0, z), atol=2.5)
        assert sphere.radius_mm == pytest.approx(10.0, abs=0.6)
        assert sphere.hounsfield_mean == pytest.approx(150.0, abs=8.0)
        voxels = sphere.region(GRID)
        assert (ct.values[voxels.mask] < 350.0).all()
        assert voxels.volume_ml == pytest.approx(4.19 * (sphere.radius_mm / 10.0) ** 3, rel=0.15)


def test_radius_follows_the_room(made_up):
    """28 mm tall, 3 mm kept to the outline: at most 11 mm; half of that with a margin of 8 mm; 6 mm if so asked."""
    ct, bones = made_up
    (free,) = place_spheres(bones[:1], ct=ct, rule=SphereRule(largest_mm=30.0))
    assert free.radius_mm == pytest.approx(11.5, abs=0.8)
    assert free.clearance_mm == pytest.approx(3.0)
    assert any("all that the bone allows" in n for n in free.notes)
    (tight,) = place_spheres(bones[:1], ct=ct, rule=SphereRule(margin_mm=8.0))
    assert tight.radius_mm == pytest.approx(6.5, abs=0.8)
    (small,) = place_spheres(bones[:1], ct=ct, rule=SphereRule(largest_mm=6.0))
    assert small.radius_mm == 6.0
    assert not small.notes


def test_no_room_is_refused_by_name(made_up):
    ct, bones = made_up
    with pytest.raises(RegionError, match="lumbar_l2 leaves no room"):
        place_spheres(bones[:1], ct=ct, rule=SphereRule(margin_mm=12.0))
    with pytest.raises(QuantityError):
        SphereRule(largest_mm=4.0)


def test_cement_is_kept_away_from():
    ct, bones = spine(cement=True)
    (sphere,) = place_spheres(bones[1:2], ct=ct, rule=SphereRule(largest_mm=8.0))
    distance = np.linalg.norm(np.subtract(sphere.centre_mm, (0.0, -10.0, 60.0)))
    assert distance >= 7.0 + sphere.radius_mm - 1.5
    (blind,) = place_spheres(bones[1:2], rule=SphereRule(largest_mm=8.0))
    assert np.linalg.norm(np.subtract(blind.centre_mm, (0.0, -10.0, 60.0))) < 3.0
    assert any("without a CT" in n for n in blind.notes)


def test_neighbours_and_bodies(made_up):
    ct, bones = made_up
    half = np.array(bones[1].mask)
    half[:, :, 25:] = False
    lesion = Region(name="lesion_1", mask=half, grid=GRID)
    (sphere,) = place_spheres(bones[1:2], ct=ct, avoid=[lesion], rule=SphereRule(largest_mm=7.0))
    assert sphere.centre_mm[0] > 7.0
    assert clear_of(sphere.region(GRID), [lesion], distance_mm=2.0)
    arch = points()[..., 1] > 6
    with pytest.raises(RegionError, match="room"):
        place_spheres(bones[:1], ct=ct, bodies=Region(name="b", mask=arch, grid=GRID))


def test_a_vertebra_cut_by_the_image_is_noted(made_up):
    ct, bones = made_up
    shorter = Grid.axial(shape=(52, 50, 50), spacing_mm=(2.0, 2.0, 2.0), origin_mm=(-49, -49, 0),
                         frame_of_reference_uid=UID)  # fmt: skip
    cut = Region(name="lumbar_l2", mask=bones[0].mask[:52], grid=shorter)
    (sphere,) = place_spheres([cut], ct=ct, rule=SphereRule(smallest_mm=2.0, margin_mm=0.5))
    assert any("cut by the end" in n for n in sphere.notes)
    assert sphere.centre_mm[2] + sphere.radius_mm < 103.0


def test_landmarks_are_moved_to_where_there_is_room(made_up):
    ct, _ = made_up
    spheres = spheres_at_landmarks({"lumbar_l3": (3.0, -7.0, 57.0)}, ct=ct, rule=SphereRule(largest_mm=8.0))
    assert spheres[0].name == "marrow_sphere_l3"
    assert np.linalg.norm(np.subtract(spheres[0].centre_mm, (3.0, -7.0, 57.0))) <= 6.0
    assert (ct.values[spheres[0].region(GRID).mask] < 350.0).all()
    with pytest.raises(RegionError, match="outside the CT"):
        spheres_at_landmarks({"lumbar_l3": (500.0, 0.0, 60.0)}, ct=ct)
    with pytest.raises(RegionError, match="no room"):
        spheres_at_landmarks({"lumbar_l3": (0.0, -10.0, 60.0)}, ct=ct, rule=SphereRule(smallest_mm=14, largest_mm=14))


def test_iliac_sphere_lies_high_and_at_the_back():
    """A wing whose lower, front part (the joint) is thicker: the sphere must not go there."""
    p = points()
    wing = (np.abs(p[..., 0]) <= 12) & (np.abs(p[..., 1]) <= 40) & (p[..., 2] > 50) & (p[..., 2] < 110)
    joint = np.linalg.norm(p - np.array([0.0, -20.0, 30.0]), axis=-1) <= 28
    hip = Region(name="hip_left", mask=wing | joint, grid=GRID)
    sacrum = Region(name="sacrum", mask=(np.abs(p[..., 0]) > 20) & (p[..., 2] > 40) & (p[..., 2] < 100), grid=GRID)
    (whole,) = place_spheres([hip], rule=SphereRule(largest_mm=30.0))
    assert whole.centre_mm[2] < 50.0  # what the rule without the part would do
    (sphere,) = place_spheres([iliac_part(hip, sacrum=sacrum)], rule=SphereRule(largest_mm=8.0))
    assert sphere.name == "marrow_sphere_hip_left"
    assert sphere.centre_mm[1] > 0.0
    assert sphere.centre_mm[2] > 65.0
    assert iliac_part(hip).centroid_mm[2] > 70.0
    high = Region(name="sacrum", mask=p[..., 2] > 114, grid=GRID)
    with pytest.raises(RegionError, match="above the middle"):
        iliac_part(hip, sacrum=high)


def test_grid_too_coarse_or_elsewhere():
    with pytest.raises(RegionError, match="empty"):
        sphere_region((500.0, 0.0, 0.0), 5.0, GRID, name="marrow_sphere_l2")


needs_data = pytest.mark.skipif(not DATA.exists(), reason="the labelled CT is not at hand")


@pytest.fixture(scope="module")
def patient():
    from hemadose.io.nifti import read_image
    from hemadose.workflow.totalsegmentator import read_totalsegmentator

    ct = read_image(DATA / "example_ct.nii.gz", quantity=Quantity.HOUNSFIELD, frame_of_reference_uid=UID)
    bones = read_totalsegmentator(DATA / "example_ct_vertebrae.nii.gz", reference=ct.grid)
    (bodies,) = read_totalsegmentator(DATA / "example_ct_vertebrae_body.nii.gz", reference=ct.grid)
    return ct, {b.name: b for b in bones}, bodies


@needs_data
def test_real_vertebrae(patient):
    """L2-L4 of a patient: inside the vertebral bodies (labelled apart), clear of cortex and neighbours."""
    ct, bones, bodies = patient
    others = [b for n, b in bones.items() if n not in LUMBAR]
    spheres = place_spheres([bones[n] for n in LUMBAR], ct=ct, avoid=others)
    heights = [s.centre_mm[2] for s in spheres]
    assert heights == sorted(heights, reverse=True)
    for sphere in spheres:
        own = bones[sphere.site]
        voxels = sphere.region(ct.grid)
        assert not (voxels.mask & ~own.mask).any()
        assert not (voxels.mask & ~bodies.mask).any()
        assert distance_inside_mm(own)[voxels.mask].min() >= 3.0
        assert clear_of(voxels, [b for b in bones.values() if b is not own], distance_mm=3.0)
        assert ct.values[voxels.mask].max() < 350.0
        assert 9.0 <= sphere.radius_mm <= 10.0
        assert 60.0 < sphere.hounsfield_mean < 200.0  # spongiosa, not cortex and not disc
        assert sphere.hounsfield_sd < 40.0
        assert abs(sphere.centre_mm[2] - own.centroid_mm[2]) < 8.0


@needs_data
def test_real_spheres_do_not_need_the_bodies(patient):
    """The thickest place of a whole vertebra is its body: with and without body labels the centres agree."""
    ct, bones, bodies = patient
    plain = place_spheres([bones[n] for n in LUMBAR], ct=ct)
    helped = place_spheres([bones[n] for n in LUMBAR], ct=ct, bodies=bodies)
    for a, b in zip(plain, helped, strict=True):
        assert np.linalg.norm(np.subtract(a.centre_mm, b.centre_mm)) < 3.0


@needs_data
def test_real_sacrum(patient):
    ct, bones, _ = patient
    (sphere,) = place_spheres([bones["sacrum_s1"]], ct=ct, avoid=[b for n, b in bones.items() if n != "sacrum_s1"])
    assert sphere.radius_mm >= 8.0
    assert 60.0 < sphere.hounsfield_mean < 250.0
    assert not (sphere.region(ct.grid).mask & ~bones["sacrum_s1"].mask).any()


@needs_data
def test_real_landmarks_without_labels(patient):
    """A point set by hand near the middle of L3: the sphere found from CT alone lies inside the label."""
    ct, bones, _ = patient
    (sphere,) = spheres_at_landmarks({"lumbar_l3": (4.0, -146.0, 313.0)}, ct=ct)
    inside = sphere.region(ct.grid).mask
    assert (inside & bones["lumbar_l3"].mask).sum() / inside.sum() > 0.9
