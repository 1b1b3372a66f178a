"""SUVmax, SUVpeak, SUVmean and tumour volume against closed forms, brute force and hand-made images."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import erf

from hemadose.errors import GeometryError, InputError, QuantityError, RegionError
from hemadose.imaging.pet.ball import ball_weights
from hemadose.imaging.pet.basins import basins
from hemadose.imaging.pet.lesions import BurdenOptions
from hemadose.imaging.pet.reference_spheres import reference_sphere, sphere_region
from hemadose.imaging.pet.reference_uptake import reference_uptake
from hemadose.imaging.pet.skeletal_sites import SITES, skeletal_uptake
from hemadose.imaging.pet.tumour_burden import find_lesions, lesions_as_drawn
from hemadose.imaging.pet.uptake import Uptake, find_peak, measure_uptake
from hemadose.imaging.pet.uptake_thresholds import parse_threshold
from hemadose.model import Grid, Region
from hemadose.model.pet import SuvImage, SuvMeasure

R_MM = 10.0 * (3.0 / (4.0 * math.pi)) ** (1.0 / 3.0)  # 6.204 mm: 1 ml
FRAME = "1.2.3"


def grid(shape=(24, 24, 24), spacing=(3.0, 4.0, 4.0), origin=(0.0, 0.0, 0.0)) -> Grid:
    return Grid.axial(shape=shape, spacing_mm=spacing, origin_mm=origin, frame_of_reference_uid=FRAME)


def places(where: Grid):
    """x, y, z of every voxel."""
    points = where.index_to_mm(np.stack(np.indices(where.shape), axis=-1))
    return points[..., 0], points[..., 1], points[..., 2]


def suv(values, where: Grid) -> SuvImage:
    return SuvImage(values=np.asarray(values, dtype=np.float32), grid=where, measure=SuvMeasure.BODY_WEIGHT)


def box(where: Grid, low, high, name="lesion_1") -> Region:
    mask = np.zeros(where.shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return Region(name=name, mask=mask, grid=where)


# --- the ball ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [(0.0, 0.0, 0.0), (0.7, -1.1, 1.9), (-2.0, 2.0, 2.0)])
@pytest.mark.parametrize("spacing", [(4.0, 4.0, 4.0), (3.27, 4.07, 4.07)])
def test_ball_weights_against_a_fine_raster(offset, spacing):
    """Shares of 24^3 points a voxel: the raster's own error is 1e-4; the weights add up to one exactly."""
    weights, first = ball_weights(radius_mm=R_MM, spacing_mm=spacing, offset_mm=offset)
    fine = 24
    at = [
        ((np.arange(n * fine) + 0.5) / fine - 0.5 + f) * s - o
        for n, f, s, o in zip(weights.shape, first, spacing, offset, strict=True)
    ]
    inside = at[0][:, None, None] ** 2 + at[1][None, :, None] ** 2 + at[2][None, None, :] ** 2 <= R_MM**2
    cells = inside.reshape(weights.shape[0], fine, weights.shape[1], fine, weights.shape[2], fine)
    raster = cells.mean(axis=(1, 3, 5))
    assert np.abs(weights - raster / raster.sum()).max() < 2e-4
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)


def test_ball_weights_hold_centre_and_second_moment():
    """The centre of mass is the ball's centre. A point and its voxel's centre differ by a uniform vector, so the
    second moment is 3 R^2 / 5 + 3 h^2 / 12."""
    offset = (0.11, -0.07, 0.2)
    weights, first = ball_weights(radius_mm=R_MM, spacing_mm=(1.0,) * 3, offset_mm=offset)
    axes = [np.arange(n) + f - o for n, f, o in zip(weights.shape, first, offset, strict=True)]
    r2 = axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2
    assert (weights * r2).sum() == pytest.approx(0.6 * R_MM**2 + 0.25, rel=2e-3)
    assert (weights * axes[2][None, None, :]).sum() == pytest.approx(0.0, abs=1e-2)


def test_ball_of_nothing_is_refused():
    with pytest.raises(QuantityError):
        ball_weights(radius_mm=0.0, spacing_mm=(1.0, 1.0, 1.0))


# --- one region -------------------------------------------------------------------------------------------


def test_pet3_total_lesion_uptake():
    """PET3: 45 ml at SUVmean 6.2 are 279.0; exact."""
    lesion = Uptake(name="l", volume_ml=45.0, suv_max=9.0, suv_max_mm=(0, 0, 0), suv_mean=6.2, suv_sd=1.0, peak=None)
    assert lesion.total_uptake == pytest.approx(279.0, abs=1e-12)
    assert lesion.to_background(1.5) == 6.0  # SUVmax over SUVmean of the blood pool (Buck 2022)
    with pytest.raises(QuantityError, match="blood"):
        lesion.to_background(0.0)


def test_maximum_mean_and_volume():
    where = grid()
    values = np.ones(where.shape)
    values[10, 11, 12] = 7.0
    found = measure_uptake(suv(values, where), box(where, (9, 10, 11), (12, 13, 14)))
    assert found.suv_max == 7.0
    assert found.suv_max_mm == (48.0, 44.0, 30.0)
    assert found.suv_mean == pytest.approx((26 + 7) / 27)
    assert found.volume_ml == pytest.approx(27 * 0.048)
    assert measure_uptake(suv(values, where), box(where, (9, 10, 11), (12, 13, 14)), peak=False).peak is None


def gaussian(where: Grid, centre, sigma=5.0):
    x, y, z = places(where)
    return 10.0 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2) / (2 * sigma**2))


def sphere_mean_of_gaussian(radius, sigma, voxel):
    """10 (2 pi)^1.5 s^3 [erf(R / s sqrt 2) - sqrt(2/pi) R/s exp(-R^2 / 2 s^2)] / (4/3 pi R^3), in voxels that
    are filled with the value at their centre, which blurs by h^2 / 12."""
    u = radius / math.hypot(sigma, voxel / math.sqrt(12.0))
    inside = erf(u / math.sqrt(2)) - math.sqrt(2 / math.pi) * u * math.exp(-(u**2) / 2)
    return 10.0 * (2 * math.pi) ** 1.5 * sigma**3 * inside / (4 / 3 * math.pi * radius**3)


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (1.0, 0.3, 0.8)])
def test_peak_of_a_gaussian_wherever_it_lies(shift):
    """Closed form of the mean over 1 ml around the top: 1 mm voxels, 0.05 %."""
    where = grid(shape=(32, 32, 32), spacing=(1.0, 1.0, 1.0))
    centre = tuple(15.0 + s for s in shift)
    peak = find_peak(suv(gaussian(where, centre), where), box(where, (11, 11, 11), (21, 21, 21)))
    assert peak.value == pytest.approx(sphere_mean_of_gaussian(R_MM, 5.0, 1.0), rel=5e-4)
    assert peak.centre_mm == pytest.approx(centre, abs=0.05)


def test_peak_on_pet_voxels_hardly_depends_on_the_grid():
    """4 mm voxels, eight shifts: 2.2 % between them with the sphere anywhere, 16 % on voxel centres."""
    shifts = [(a, b, c) for a in (0.0, 2.0) for b in (0.0, 2.0) for c in (0.0, 2.0)]
    where = grid(shape=(16, 16, 16), spacing=(4.0, 4.0, 4.0))
    images = [suv(gaussian(where, tuple(30.0 + s for s in shift)), where) for shift in shifts]
    region = box(where, (5, 5, 5), (12, 12, 12))
    anywhere = [find_peak(i, region).value for i in images]
    centred = [find_peak(i, region, anywhere=False).value for i in images]
    assert np.ptp(anywhere) < 0.025 * max(anywhere)
    assert np.ptp(centred) > 5 * np.ptp(anywhere)
    assert np.mean(anywhere) == pytest.approx(sphere_mean_of_gaussian(R_MM, 5.0, 4.0), rel=5e-3)
    assert all(a >= c - 1e-6 for a, c in zip(anywhere, centred, strict=True))


def test_peak_against_an_exhaustive_search():
    """Noise: every quarter of a voxel tried. The search may only be better, and not by more than the raster misses."""
    from scipy.ndimage import gaussian_filter
    from scipy.signal import correlate

    where = grid()
    for seed in (2,):
        values = gaussian_filter(np.random.default_rng(seed).random(where.shape), 1.0) * 10.0
        image, region = suv(values, where), box(where, (8, 8, 8), (16, 16, 16))
        best = 0.0
        for shift in np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 5)] * 3, indexing="ij"), -1).reshape(-1, 3):
            offset = tuple(float(v) for v in shift * np.array(where.spacing_mm))
            weights, first = ball_weights(radius_mm=R_MM, spacing_mm=where.spacing_mm, offset_mm=offset, nodes=6)
            part = tuple(slice(8 + f, 16 + f + n - 1) for f, n in zip(first, weights.shape, strict=True))
            best = max(best, float(correlate(image.values[part].astype(float), weights, mode="valid").max()))
        assert best - 1e-6 <= find_peak(image, region).value <= best * 1.005


def test_peak_of_a_plane_field_is_at_the_border_of_the_region():
    """The mean of a linear field over a ball is its value at the centre."""
    where = grid()
    _, _, z = places(where)
    peak = find_peak(suv(1.0 + 0.1 * z, where), box(where, (8, 8, 8), (12, 12, 12)))
    assert peak.centre_mm[2] == pytest.approx(11.5 * 3.0, abs=0.01)
    assert peak.value == pytest.approx(1.0 + 0.1 * 34.5, rel=2e-3)


def test_peak_needs_room():
    where = grid(shape=(4, 4, 4))
    assert find_peak(suv(np.ones(where.shape), where), box(where, (0, 0, 0), (4, 4, 4))) is None


def test_foreign_region_is_refused():
    where = grid()
    foreign = replace(box(where, (1, 1, 1), (3, 3, 3)), grid=replace(where, frame_of_reference_uid="9.9"))
    with pytest.raises(GeometryError, match="frames of reference"):
        measure_uptake(suv(np.ones(where.shape), where), foreign)


# --- references -------------------------------------------------------------------------------------------


def ball(where: Grid, centre, radius, name) -> Region:
    return sphere_region(name, grid=where, centre_mm=centre, radius_mm=radius)


def test_liver_sphere_lies_deep_in_the_right_half():
    where = grid(shape=(40, 40, 60), spacing=(4.0, 4.0, 4.0))
    right, left = ball(where, (70.0, 80.0, 80.0), 45.0, "liver"), ball(where, (150.0, 80.0, 80.0), 25.0, "liver")
    liver = Region(name="liver", mask=right.mask | left.mask, grid=where)
    sphere = reference_sphere(liver, patient_right_only=True)
    assert sphere.centroid_mm == pytest.approx((70.0, 80.0, 80.0), abs=6.0)
    assert sphere.volume_ml == pytest.approx(4 / 3 * math.pi * 1.5**3, rel=0.15)  # 14.1 ml
    with pytest.raises(RegionError, match="too thin"):
        reference_sphere(ball(where, (70.0, 80.0, 80.0), 8.0, "liver"))


def test_thin_liver_and_blood_without_its_border():
    where = grid(shape=(40, 40, 40), spacing=(4.0, 4.0, 4.0))
    values = np.full(where.shape, 5.0)
    blood = ball(where, (80.0, 80.0, 80.0), 28.0, "blood_pool")
    values[ball(where, (80.0, 80.0, 80.0), 25.0, "core").mask] = 1.5
    thin = ball(where, (80.0, 80.0, 20.0), 8.0, "liver")
    found, notes = reference_uptake(suv(values, where), [blood, thin])
    assert found["blood_pool"].suv_mean == pytest.approx(1.5)
    assert measure_uptake(suv(values, where), blood).suv_mean > 2.0
    assert found["liver"].volume_ml == pytest.approx(thin.volume_ml)
    assert any("too thin" in note for note in notes)


# --- thresholds and lesions -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "4 SUV", "-3", "0", "100%", "liver*", "spleen", "41", "1e3"])
def test_unreadable_or_empty_thresholds(text):
    if text == "41":
        assert parse_threshold(text).value == 41.0  # a number is an SUV, never a percentage
        return
    with pytest.raises((InputError, QuantityError)):
        parse_threshold(text)


def test_reference_thresholds_are_percist():
    """1.5 x 2.0 + 2 x 0.3 = 3.6 on the liver, 2.0 x 1.6 + 2 x 0.2 = 3.6 on blood (Wahl 2009)."""

    def reference(name, mean, sd):
        return Uptake(name=name, volume_ml=14, suv_max=3, suv_max_mm=(0, 0, 0), suv_mean=mean, suv_sd=sd, peak=None)

    known = {"liver": reference("liver", 2.0, 0.3), "blood_pool": reference("blood_pool", 1.6, 0.2)}
    assert parse_threshold("liver").level(known) == pytest.approx(3.6)
    assert parse_threshold("blood").level(known) == pytest.approx(3.6)
    assert parse_threshold("liver*2").level(known) == pytest.approx(4.0)
    with pytest.raises(InputError, match="not measured"):
        parse_threshold("liver").level({})


SCENE = grid(shape=(50, 30, 30), spacing=(4.0, 4.0, 4.0))
HOT = ball(SCENE, (60.0, 60.0, 150.0), 14.0, "hot")
COLD = ball(SCENE, (60.0, 60.0, 60.0), 12.0, "cold")
KIDNEY = ball(SCENE, (90.0, 60.0, 100.0), 15.0, "kidney_left")


def scene(background=1.0):
    values = np.full(SCENE.shape, background)
    values[HOT.mask], values[COLD.mask], values[KIDNEY.mask] = 12.0, 5.0, 20.0
    values[5, 5, 5] = 9.0
    return suv(values, SCENE)


def burden(threshold, image=None, detection=None, exclude=(KIDNEY,), **more):
    options = BurdenOptions(
        threshold=parse_threshold(threshold),
        detection=None if detection is None else parse_threshold(detection),
        **{k: more.pop(k) for k in ("minimum_ml", "margin_mm") if k in more},
    )
    return find_lesions(image or scene(), options=options, exclude=exclude, **more)


def test_lesions_are_connected_numbered_from_the_head_and_measured():
    found = burden("4")
    assert [lesion.region.name for lesion in found.lesions] == ["lesion_1", "lesion_2"]
    assert found.lesions[0].uptake.suv_max == 12.0
    assert (found.lesions[0].region.mask == HOT.mask).all()
    assert found.volume_ml == pytest.approx(HOT.volume_ml + COLD.volume_ml)
    assert found.total_uptake == pytest.approx(12 * HOT.volume_ml + 5 * COLD.volume_ml, rel=1e-6)
    assert found.suv_mean == pytest.approx(found.total_uptake / found.volume_ml)
    assert any("0.5 ml: 1 part" in note for note in found.notes)  # the single voxel of 0.064 ml


def test_without_exclusion_the_kidney_is_tumour():
    assert len(burden("4", exclude=()).lesions) == 3
    assert len(burden("6").lesions) == 1
    assert burden("30").lesions == ()
    assert burden("30").suv_mean is None


def test_the_blurred_edge_of_an_organ_is_no_lesion():
    """Without a margin the kidney's edge lies above SUV 4: hottest where it touches the kidney, it is left out with
    a note; a margin of 8 mm leaves nothing to tell."""
    from scipy.ndimage import gaussian_filter

    blurred = suv(gaussian_filter(scene().values, 0.8), SCENE)
    found = burden("4", blurred, margin_mm=0.0)
    assert len(found.lesions) == 2
    assert any("edge of physiological uptake" in note for note in found.notes)
    assert not any("edge of physiological" in note for note in burden("4", blurred, margin_mm=8.0).notes)


def test_a_lesion_beside_an_organ_is_kept():
    """10 mm from the kidney's surface, hottest in its own middle."""
    values = np.array(scene().values)
    near = ball(SCENE, (90.0, 60.0, 133.0), 8.0, "near")
    values[near.mask] = 9.0
    assert any((lesion.region.mask & near.mask).any() for lesion in burden("4", suv(values, SCENE)).lesions)


def test_share_of_the_maximum_is_each_lesions_own():
    """Cold lesion of 5 over a background of 1: 41 % of 5 is 2.05, the whole lesion; 50 % of 12 cuts nothing either."""
    found = burden("41%", detection="4")
    assert [round(lesion.level_suv, 2) for lesion in found.lesions] == [4.92, 2.05]
    assert found.volume_ml == pytest.approx(HOT.volume_ml + COLD.volume_ml)
    with pytest.raises(InputError, match="--detect"):
        burden("41%")


def test_a_contour_that_leaks_stays_at_the_detection_level():
    """Background of 2.5 lies above 41 % of 5."""
    found = burden("41%", scene(background=2.5), detection="4")
    assert [round(lesion.level_suv, 2) for lesion in found.lesions] == [4.92, 4.0]
    assert (found.lesions[1].region.mask == COLD.mask).all()
    assert any("1 of 2 lesions" in note and "runs into" in note for note in found.notes)


def test_peaks_that_a_valley_separates_are_two_lesions():
    """20 and 8 joined by a bridge of 5: 41 % of 20 alone would lose the second."""
    values = np.full(SCENE.shape, 1.0)
    second = ball(SCENE, (60.0, 60.0, 110.0), 12.0, "second")
    values[23:40, 14:17, 14:17] = 5.0
    values[HOT.mask], values[second.mask] = 20.0, 8.0
    image = suv(values, SCENE)
    assert len(burden("4", image).lesions) == 1
    found = burden("41%", image, detection="4")
    assert [lesion.uptake.suv_max for lesion in found.lesions] == [20.0, 8.0]
    assert (found.lesions[0].region.mask == HOT.mask).all()
    assert (found.lesions[1].region.mask & second.mask).sum() == second.mask.sum()
    assert not (found.lesions[0].region.mask & found.lesions[1].region.mask).any()


def test_a_ripple_is_no_second_peak():
    row = np.array([[[5.0, 4.2, 4.6, 1.5, 4.0]]], dtype=np.float32)
    assert basins(row, row > 0).tolist() == [[[1, 1, 1, 1, 2]]]


def test_drawn_lesions():
    """A drawn box is cut at its own 50 %, or measured as drawn; one without uptake is named."""
    drawn = box(SCENE, (30, 8, 8), (45, 22, 22), "lesion_hot")
    empty = box(SCENE, (1, 1, 1), (4, 4, 4), "lesion_empty")
    found = burden("50%", within=(drawn,))
    assert (found.lesions[0].region.mask == HOT.mask).all()
    assert found.lesions[0].region.name == "lesion_hot"
    assert any("lesion_empty" in note for note in burden("4", within=(drawn, empty)).notes)
    as_drawn = lesions_as_drawn(scene(), (drawn,))
    assert as_drawn.volume_ml == pytest.approx(drawn.volume_ml)
    assert as_drawn.threshold == "as drawn"


def test_lesions_know_where_they_lie():
    vertebra = box(SCENE, (33, 10, 10), (42, 20, 20), "vertebrae_l4")
    found = burden("4", places=(vertebra, box(SCENE, (0, 0, 0), (3, 3, 3), "liver")))
    assert [lesion.located_in for lesion in found.lesions] == ["vertebrae_l4", ""]


def test_provenance_holds_every_choice():
    parameters = burden("41%", detection="4").provenance.parameters
    assert parameters["threshold"] == "41 % of each lesion's maximum"
    assert parameters["detection"] == "SUV 4"
    assert parameters["excluded"] == "kidney_left"


# --- skeletal sites ---------------------------------------------------------------------------------------


def test_sites_from_labels_and_landmarks():
    """Braitsch 2025, Figure 2: six sites; a hip label gives its upper half, a skull none."""
    values = np.ones(SCENE.shape)
    values[40, 15, 15], values[30, 15, 25], values[10, 15, 25] = 9.0, 7.0, 20.0
    hip = box(SCENE, (8, 12, 22), (34, 18, 28), "hip_left")
    found, notes = skeletal_uptake(
        suv(values, SCENE),
        labels=(
            hip,
            box(SCENE, (44, 5, 5), (49, 20, 20), "skull"),
            box(SCENE, (38, 12, 12), (43, 18, 18), "vertebrae_c4"),
        ),
        landmarks={"t5": (60.0, 60.0, 100.0)},
    )
    by_site = {s.site: s for s in found}
    assert list(by_site) == ["c4", "t5", "ilium_left"]
    assert by_site["c4"].uptake.suv_max == 9.0
    assert by_site["t5"].uptake.volume_ml == pytest.approx(4 / 3 * math.pi, rel=0.25)
    assert by_site["ilium_left"].uptake.suv_max == 7.0  # the 20 lies in the lower half
    assert by_site["ilium_left"].source == "upper half of label hip_left"
    assert "skull base, l5, ilium right" in notes[0]
    assert set(by_site) < set(SITES)


def test_landmarks_are_checked():
    with pytest.raises(GeometryError, match="none of the skeletal sites"):
        skeletal_uptake(scene(), landmarks={"femur": (0.0, 0.0, 0.0)})
    with pytest.raises(GeometryError, match="outside the PET"):
        skeletal_uptake(scene(), landmarks={"c4": (60.0, 60.0, 900.0)})
