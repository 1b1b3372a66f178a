"""Two tracers lesion by lesion: matching, sites made of several lesions, what one tracer misses, other frames."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import GeometryError
from hemadose.imaging.pet.lesion_comparison import Concordance, LesionComparison, carry_mask, compare_lesions
from hemadose.imaging.pet.reference_spheres import sphere_region
from hemadose.imaging.pet.tumour_burden import lesions_as_drawn
from hemadose.model import Grid, Region
from hemadose.model.pet import SuvImage, SuvMeasure

FRAME = "1.2.3"
FIRST = Grid.axial(shape=(40, 30, 30), spacing_mm=(4.0, 4.0, 4.0), origin_mm=(0, 0, 0), frame_of_reference_uid=FRAME)
SECOND = Grid.axial(
    shape=(55, 36, 36), spacing_mm=(3.0, 3.3, 3.3), origin_mm=(1.0, 1.0, -2.0), frame_of_reference_uid=FRAME
)
A, B, C, D = (60.0, 60.0, 130.0), (60.0, 60.0, 90.0), (60.0, 60.0, 40.0), (30.0, 40.0, 60.0)


def scan(grid, spots, radius=9.0, background=1.0):
    """Image and lesions of spheres {centre: uptake}."""
    values = np.full(grid.shape, background, dtype=np.float32)
    regions = []
    for number, (centre, uptake) in enumerate(spots.items(), start=1):
        region = sphere_region(f"lesion_{number}", grid=grid, centre_mm=centre, radius_mm=radius)
        values[region.mask] = uptake
        regions.append(region)
    image = SuvImage(values=values, grid=grid, measure=SuvMeasure.BODY_WEIGHT)
    return image, lesions_as_drawn(image, regions)


def compare(first, second, **more):
    return compare_lesions(first[1], second[1], first_suv=first[0], second_suv=second[0], **more)


def test_concordant_and_discordant_sites():
    """A seen by both (8 against 4), B by the first only, C by the second only: 1/1/1 and the ratio of each."""
    found = compare(scan(FIRST, {A: 8.0, B: 6.0}), scan(SECOND, {A: 4.0, C: 10.0}))
    assert [s.concordance for s in found.sites] == [
        Concordance.BOTH,
        Concordance.FIRST_ONLY,
        Concordance.SECOND_ONLY,
    ]
    assert [s.ratio for s in found.sites] == pytest.approx([2.0, 6.0, 0.1])
    assert found.sites[1].second_suv_max == 1.0  # what the other tracer shows at the same place
    assert found.sites[2].first == ()
    assert found.seen_by_more == "equal"
    assert [found.count(kind) for kind in Concordance] == [1, 1, 1]
    assert found.notes == ()


def test_who_sees_more():
    assert compare(scan(FIRST, {A: 8.0, B: 6.0}), scan(SECOND, {A: 4.0})).seen_by_more == "first"
    assert compare(scan(FIRST, {A: 8.0}), scan(SECOND, {A: 4.0, C: 3.0})).seen_by_more == "second"
    assert compare(scan(FIRST, {}), scan(SECOND, {})) == LesionComparison(sites=())


def test_shifted_lesions_match_within_the_tolerance():
    """Spheres of 9 mm, 22 mm apart: a gap of 4 mm."""
    moved = (A[0], A[1], A[2] - 22.0)
    first, second = scan(FIRST, {A: 8.0}), scan(SECOND, {moved: 8.0})
    assert compare(first, second, tolerance_mm=8.0).count(Concordance.BOTH) == 1
    assert compare(first, second, tolerance_mm=0.0).count(Concordance.BOTH) == 0


def test_a_mass_cut_into_parts_is_one_site():
    """One long lesion against two pieces of it: one site, volumes added, the hotter piece counts."""
    first = scan(FIRST, {B: 8.0}, radius=25.0)
    near, far = (60.0, 60.0, 75.0), (60.0, 60.0, 105.0)
    found = compare(first, scan(SECOND, {near: 5.0, far: 4.0}))
    (site,) = found.sites
    assert set(site.second) == {"lesion_1", "lesion_2"}
    assert site.second_suv_max == 5.0
    assert site.second_volume_ml == pytest.approx(2 * 4 / 3 * np.pi * 0.9**3, rel=0.15)


def test_other_frames_need_a_transform():
    """The second scan turned by 90 degrees about z and shifted: carried back, everything matches."""
    turn = np.array([[0.0, -1.0, 0.0, 120.0], [1.0, 0.0, 0.0, 3.0], [0.0, 0.0, 1.0, -5.0], [0.0, 0.0, 0.0, 1.0]])
    other = Grid.axial(
        shape=(55, 40, 40), spacing_mm=(3.0, 3.3, 3.3), origin_mm=(0, 0, 0), frame_of_reference_uid="9.9"
    )
    there = {tuple(float(v) for v in (np.linalg.inv(turn) @ [*p, 1.0])[:3]): 5.0 for p in (A, D)}
    first, second = scan(FIRST, {A: 8.0, D: 6.0, C: 4.0}), scan(other, there)
    found = compare(first, second, second_to_first=turn, tolerance_mm=0.0)
    assert [s.concordance for s in found.sites] == [Concordance.BOTH, Concordance.BOTH, Concordance.FIRST_ONLY]
    with pytest.raises(GeometryError, match="--transform"):
        compare(first, second)
    with pytest.raises(GeometryError, match="not rigid"):
        compare(first, second, second_to_first=np.diag([2.0, 1.0, 1.0, 1.0]))
    with pytest.raises(GeometryError, match="not rigid"):
        compare(first, second, second_to_first=np.diag([-1.0, 1.0, 1.0, 1.0]))
    with pytest.raises(GeometryError, match="4 x 4"):
        compare(first, second, second_to_first=np.eye(3))


def test_outside_the_other_field_of_view():
    short = Grid.axial(
        shape=(20, 36, 36), spacing_mm=(3.0, 3.3, 3.3), origin_mm=(1.0, 1.0, 0.0), frame_of_reference_uid=FRAME
    )
    found = compare(scan(FIRST, {A: 8.0, C: 7.0}), scan(short, {C: 5.0}))
    assert found.sites[0].second_suv_max is None
    assert found.sites[0].ratio is None
    assert "1 site" in found.notes[0]


def test_masks_keep_their_volume_on_another_grid():
    region = sphere_region("lesion_1", grid=SECOND, centre_mm=B, radius_mm=14.0)
    mask = carry_mask(region, FIRST, to_target=np.eye(4))
    assert mask.sum() * FIRST.voxel_volume_ml == pytest.approx(region.volume_ml, rel=0.15)
    carried = Region(name="lesion_1", mask=mask, grid=FIRST)
    assert carried.centroid_mm == pytest.approx(B, abs=1.0)


def test_a_lesion_smaller_than_a_voxel_is_not_lost():
    fine = Grid.axial(shape=(40, 40, 40), spacing_mm=(1.0,) * 3, origin_mm=(40, 40, 70), frame_of_reference_uid=FRAME)
    speck = sphere_region("lesion_1", grid=fine, centre_mm=(62.0, 62.0, 90.0), radius_mm=0.6)
    assert carry_mask(speck, FIRST, to_target=np.eye(4)).sum() == 1
