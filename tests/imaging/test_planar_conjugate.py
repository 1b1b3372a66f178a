"""Conjugate views on a water phantom whose projector shares no code with the analysis."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from hemadose.errors import CaseError, GeometryError, QuantityError, RegionError, TimingError
from hemadose.imaging import PlanarProtocol, ProbePoint, planar_geometry, quantify_planar
from hemadose.imaging.geometry import attenuation_per_mm, resample_mask
from hemadose.imaging.planar import passing_time_s, probe_activity_bq, scatter_windows, whole_body_series
from hemadose.model import Grid, Image, PlanarFrame, PlanarRegion, Quantity, Region, View

ORGANS = {"liver": 30e6, "kidney_left": 4e6}
NO_BACKGROUND = PlanarProtocol(background={}, calibration="sensitivity", counts_per_s_per_bq=11.5e-6)


@pytest.fixture(scope="module")
def outlines(phantom):
    return [phantom.outline(name) for name in phantom.regions]


@pytest.fixture(scope="module")
def geometry(phantom, outlines):
    return factors(phantom, outlines)


def factors(phantom, outlines, **changes):
    return planar_geometry(
        changes.get("ct", phantom.ct),
        list(phantom.regions.values()),
        outlines,
        pixel_mm=phantom.pixel_mm,
        planar_origin_mm=phantom.origin_mm,
        water_per_mm=phantom.water_per_mm,
    )


def measure(scans, regions, injection, geometry, protocol=NO_BACKGROUND, **options):
    found = quantify_planar(scans, regions, administration=injection, protocol=protocol, geometry=geometry, **options)
    return {s.region: s for s in found}


def test_isolated_organs_in_water(phantom, outlines, geometry, injection):
    """No background, scatter on a line under the peak: TEW takes all of it, attenuation gives the rest back."""
    found = measure([phantom.sweep(ORGANS)], outlines, injection, geometry)
    for name, true in ORGANS.items():
        assert found[name].activities_bq[0] == pytest.approx(true, rel=0.02)


def test_attenuation_factor_against_a_thin_source(phantom, outlines, geometry):
    """Geometric mean of a point: exp(mu T/2) at any depth; the kidney's columns are 164-200 mm thick."""
    low, high = (np.exp(phantom.water_per_mm * t / 2) for t in (164.0, 205.0))
    assert low < geometry["kidney_left"].attenuation_factor < high
    assert geometry["kidney_left"].overlap_factor == pytest.approx(1.0)
    assert geometry["kidney_left"].covered_share == 0.0
    assert geometry["liver"].background_share == pytest.approx(
        1.0 - geometry["liver"].organ_mm / geometry["liver"].body_mm
    )


def test_without_ct_the_series_says_so(phantom, outlines, injection):
    found = measure([phantom.sweep(ORGANS)], outlines, injection, {})
    assert found["liver"].activities_bq[0] < 0.5 * ORGANS["liver"]
    assert any("not corrected for attenuation" in n for n in found["liver"].notes)


def test_scatter_left_in_overstates(phantom, outlines, geometry, injection):
    scan = phantom.sweep(ORGANS, scatter=1.0)
    kept = measure([scan], outlines, injection, geometry, replace(NO_BACKGROUND, scatter="none"))
    taken = measure([scan], outlines, injection, geometry)
    assert kept["kidney_left"].activities_bq[0] > 1.2 * ORGANS["kidney_left"]
    assert taken["kidney_left"].activities_bq[0] == pytest.approx(ORGANS["kidney_left"], rel=0.02)


def beside(phantom, name="background_liver"):
    """A strip of trunk without organs: the lowest five slices, 20 columns in the middle."""
    mask = np.zeros((phantom.ct.grid.shape[0], phantom.ct.grid.shape[2]), dtype=bool)
    mask[-5:, 20:40] = True
    return PlanarRegion(name=name, mask=mask)


@pytest.mark.parametrize(("scaling", "worst"), [("thickness", 0.12), ("full", 0.35)])
def test_background_rules(phantom, outlines, geometry, injection, scaling, worst):
    """Full subtraction takes too much, thickness scaling (Buijs 1998) comes close."""
    scan = phantom.sweep(ORGANS | {"whole_body": 60e6})
    regions = [*outlines, beside(phantom)]
    none = measure([scan], regions, injection, geometry)
    protocol = replace(NO_BACKGROUND, background={"liver": "background_liver"}, background_scaling=scaling)
    found = measure([scan], regions, injection, geometry, protocol)["liver"].activities_bq[0]
    assert none["liver"].activities_bq[0] > 1.2 * ORGANS["liver"]
    assert abs(found / ORGANS["liver"] - 1.0) < worst
    if scaling == "full":
        assert found < ORGANS["liver"]


def probe_points(injection, hours, activities_bq):
    return [
        ProbePoint(measured_at=injection.administered_at + timedelta(hours=h), counts_per_s=2e-5 * a)
        for h, a in zip(hours, activities_bq, strict=True)
    ]


def test_probe_normalisation(phantom, outlines, geometry, injection):
    """A_organ = (GM_organ / GM_body) A_probe: no camera sensitivity enters, and decay is in the probe."""
    scan = phantom.sweep(ORGANS)
    probe = probe_points(injection, (0.0, 24.0), (200e6, 34e6))
    found = measure([scan], outlines, injection, geometry, replace(NO_BACKGROUND, calibration="probe"), probe=probe)
    absolute = measure([scan], outlines, injection, geometry)
    scale = 34e6 / absolute["whole_body"].activities_bq[0]
    for name in ORGANS:
        assert found[name].activities_bq == pytest.approx(scale * absolute[name].activities_bq)
    assert found["whole_body"].activities_bq[0] == pytest.approx(34e6)


def test_probe_is_right_for_a_uniform_body(phantom, outlines, geometry, injection):
    """Whole-body counts are corrected as for uniform activity: then, and only then, the scale is exact."""
    volume = {n: r.volume_ml for n, r in phantom.regions.items()}
    uniform = volume | {"whole_body": 2 * volume["whole_body"] - sum(volume.values())}
    scan = phantom.sweep({n: 1e4 * v for n, v in uniform.items()})
    found = measure([scan], outlines, injection, geometry)["whole_body"].activities_bq[0]
    assert found == pytest.approx(1e4 * volume["whole_body"], rel=0.02)


def test_probe_between_readings(injection):
    probe = probe_points(injection, (0.1, 24.0), (200e6, 100e6))
    at = injection.administered_at + timedelta(hours=25.0)
    per_hour = 2.0 ** (-1.0 / (6.647 * 24))
    assert probe_activity_bq(probe, at, administration=injection) == pytest.approx(
        200e6 * per_hour**0.1 * 0.5 * per_hour, rel=1e-6
    )
    with pytest.raises(CaseError, match="no probe reading"):
        probe_activity_bq(probe, at + timedelta(hours=5), administration=injection)


def test_whole_body_series(injection):
    probe = probe_points(injection, (48.0, 0.0, 24.0), (50e6, 200e6, 100e6))
    series = whole_body_series(probe, administration=injection)
    assert series.times_s == pytest.approx([0.0, 86400.0, 172800.0])
    assert series.activities_bq == pytest.approx([200e6, 100e6, 50e6])
    with pytest.raises(CaseError, match="probe readings"):
        whole_body_series([], administration=injection)
    with pytest.raises(TimingError, match="before the injection"):
        whole_body_series(probe_points(injection, (-1.0,), (200e6,)), administration=injection)


def test_time_is_that_of_the_passing_detector(phantom, outlines, geometry, injection):
    scan = phantom.sweep(ORGANS)
    rows = phantom.ct.grid.shape[0]
    assert passing_time_s(scan, (rows - 1) / 2) == pytest.approx(scan.duration_s / 2)
    assert passing_time_s(scan, 0) < passing_time_s(scan, rows - 1) <= scan.duration_s
    found = measure([scan], outlines, injection, geometry)["liver"]
    assert 0.0 < found.times_s[0] - 24 * 3600 < scan.duration_s


def test_counting_noise_is_stated(phantom, outlines, geometry, injection):
    """30 realisations, all other uncertainties off: spread of z between 0.7 and 1.35."""
    protocol = replace(NO_BACKGROUND, point_relative_sd=0.0, background={"liver": "background_liver"})
    faint = {n: a / 100 for n, a in (ORGANS | {"whole_body": 60e6}).items()}
    regions = [*outlines, beside(phantom)]
    exact = measure([phantom.sweep(faint)], regions, injection, geometry, protocol)
    z = []
    for seed in range(30):
        found = measure([phantom.sweep(faint, seed=seed)], regions, injection, geometry, protocol)
        z += [
            (found[n].activities_bq[0] - exact[n].activities_bq[0]) / found[n].sds_bq[0]
            for n in ("liver", "kidney_left")
        ]
    assert 0.7 < np.std(z) < 1.35
    assert abs(np.mean(z)) < 0.4


def test_two_organs_behind_each_other_are_told(phantom, injection):
    """A second organ right behind the liver, its outline drawn in full: the note says that both are counted."""
    liver = phantom.regions["liver"]
    behind = Region(name="kidney_right", mask=np.roll(liver.mask, 12, axis=1) & ~liver.mask, grid=liver.grid)
    outlines = [phantom.outline("liver"), PlanarRegion(name="kidney_right", mask=behind.mask.any(axis=1)[::-1])]
    found = planar_geometry(
        phantom.ct,
        [liver, behind],
        outlines,
        pixel_mm=phantom.pixel_mm,
        planar_origin_mm=phantom.origin_mm,
        water_per_mm=phantom.water_per_mm,
    )
    assert found["kidney_right"].covered_share > 0.9
    series = measure([phantom.sweep(ORGANS)], outlines, injection, found)
    assert any("overstate" in n for n in series["kidney_right"].notes)
    alone = planar_geometry(
        phantom.ct,
        [liver],
        outlines,
        pixel_mm=phantom.pixel_mm,
        planar_origin_mm=phantom.origin_mm,
        water_per_mm=phantom.water_per_mm,
    )
    assert not measure([phantom.sweep(ORGANS)], outlines, injection, alone)["liver"].notes


def test_partly_drawn_organ_is_scaled_to_the_whole(phantom, outlines, injection):
    """Half of the outline hidden: area scaling by volume gives the organ back."""
    half = np.array(phantom.outline("liver").mask)
    half[: np.argwhere(half)[:, 0].min() + 10] = False
    drawn = [PlanarRegion(name="liver", mask=half), phantom.outline("whole_body")]
    place = factors(phantom, drawn)
    assert place["liver"].overlap_factor == pytest.approx(2.0, rel=0.05)
    found = measure([phantom.sweep(ORGANS)], drawn, injection, place)["liver"]
    assert found.activities_bq[0] == pytest.approx(ORGANS["liver"], rel=0.03)
    assert any("is seen clear" in n for n in found.notes)


def test_attenuation_from_ct_numbers():
    """Water 0.01357 /mm at 208 keV; air none; bone rises with its own slope."""
    mu = attenuation_per_mm([-1000, -2000, 0, 1000], water_per_mm=0.01357)
    assert mu == pytest.approx([0.0, 0.0, 0.01357, 1.55 * 0.01357])


def test_mask_on_another_grid(phantom):
    liver = phantom.regions["liver"]
    fine = Grid.axial(
        shape=(80, 88, 120),
        spacing_mm=(2.5, 2.5, 2.5),
        origin_mm=(-148.75, -108.75, -98.75),
        frame_of_reference_uid=liver.grid.frame_of_reference_uid,
    )
    mask = resample_mask(liver, fine)
    assert mask.sum() * fine.voxel_volume_ml == pytest.approx(liver.volume_ml)


def test_photopeak_is_found_by_energy_or_name(phantom, injection):
    scan = phantom.sweep(ORGANS)
    assert scatter_windows(scan, injection, NO_BACKGROUND, None)[0] == ("photopeak", 1.0)
    dew = scatter_windows(scan, injection, replace(NO_BACKGROUND, scatter="dew"), None)
    assert dew[1] == ("lower_scatter", pytest.approx(-0.5 * 24.96 / 20.8))
    with pytest.raises(CaseError, match="no such energy window"):
        scatter_windows(scan, injection, NO_BACKGROUND, "peak")
    technetium = replace(injection, nuclide=replace(injection.nuclide, name="Tc-99m", gamma_lines=()))
    with pytest.raises(CaseError, match="no energy window holds a line"):
        scatter_windows(scan, technetium, NO_BACKGROUND, None)


def test_missing_windows_are_refused(phantom, outlines, geometry, injection):
    scan = phantom.sweep(ORGANS)
    only_peak = replace(scan, frames=tuple(f for f in scan.frames if f.window.name == "photopeak"))
    with pytest.raises(CaseError, match="needs windows beside"):
        measure([only_peak], outlines, injection, geometry)
    no_upper = replace(scan, frames=tuple(f for f in scan.frames if f.window.name != "upper_scatter"))
    with pytest.raises(CaseError, match="needs windows beside"):
        measure([no_upper], outlines, injection, geometry)
    one_view = replace(scan, frames=tuple(f for f in scan.frames if f.view is View.ANTERIOR))
    with pytest.raises(QuantityError, match="0 frames"):
        measure([one_view], outlines, injection, geometry)


def test_bad_input_is_refused(phantom, outlines, geometry, injection):
    scan = phantom.sweep(ORGANS)
    with pytest.raises(CaseError, match="background_liver"):
        measure([scan], outlines, injection, geometry, replace(NO_BACKGROUND, background={"liver": "background_liver"}))
    with pytest.raises(CaseError, match="sensitivity"):
        measure([scan], outlines, injection, geometry, replace(NO_BACKGROUND, counts_per_s_per_bq=None))
    with pytest.raises(CaseError, match="probe readings"):
        measure([scan], outlines, injection, geometry, replace(NO_BACKGROUND, calibration="probe"))
    small = PlanarRegion(name="liver", mask=np.ones((4, 4), dtype=bool))
    with pytest.raises(RegionError, match="does not fit"):
        measure([scan], [small], injection, geometry)
    with pytest.raises(RegionError, match="one name"):
        measure([scan], [*outlines, outlines[0]], injection, geometry)
    with pytest.raises(TimingError, match="before the injection"):
        measure([phantom.sweep(ORGANS, hours=-2.0)], outlines, injection, geometry)
    with pytest.raises(QuantityError, match="not negative"):
        PlanarFrame(counts=-np.ones((4, 4)), view=View.ANTERIOR, window=scan.frames[0].window)


def test_probe_needs_the_body_corrected_like_the_organs(phantom, outlines, geometry, injection):
    organs_only = {n: g for n, g in geometry.items() if n != "whole_body"}
    protocol = replace(NO_BACKGROUND, calibration="probe")
    probe = probe_points(injection, (0.0, 24.0), (200e6, 34e6))
    with pytest.raises(CaseError, match="whole-body counts are not"):
        measure([phantom.sweep(ORGANS)], outlines, injection, organs_only, protocol, probe=probe)
    with pytest.raises(CaseError, match="whole_body region"):
        measure([phantom.sweep(ORGANS)], outlines[1:], injection, geometry, protocol, probe=probe)


def test_geometry_needs_a_ct_of_the_same_frame(phantom, outlines):
    wrong = Image(values=phantom.ct.values, grid=phantom.ct.grid, quantity=Quantity.COUNTS)
    with pytest.raises(GeometryError, match="CT in HU"):
        factors(phantom, outlines, ct=wrong)
    grid = phantom.ct.grid
    elsewhere = Grid(shape=grid.shape, affine=grid.affine, frame_of_reference_uid="9.9.9")
    moved = Image(values=phantom.ct.values, grid=elsewhere, quantity=Quantity.HOUNSFIELD)
    with pytest.raises(GeometryError, match="frames of reference"):
        factors(phantom, outlines, ct=moved)
