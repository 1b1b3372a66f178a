"""SPECT: counts into activity, decay bookkeeping, noise, bad input."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hemadose.errors import CaseError, GeometryError, QuantityError, RegionError, TimingError
from hemadose.imaging import RecoveryCurve, SpectCalibration, quantify_spect, sphere_concentration
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.imaging.count_losses import CountLosses
from hemadose.imaging.spect import region_variance
from hemadose.model import Grid, Image, Quantity, Region, TomographicScan

CF = 9.1e-6
SECONDS = 1280.0
FWHM = 12.0
CALIBRATION = SpectCalibration(counts_per_s_per_bq=CF, relative_sd=0.03, fwhm_mm=FWHM)
TRUE = {"liver": 30e6, "kidney_left": 4e6, "whole_body": 60e6}


def blur(values, fwhm=FWHM):
    return gaussian_filter(values, fwhm / 2.354820045 / 5.0, mode="constant", truncate=5.0)


def spect(phantom, values, injection, *, hours=24.0, quantity=Quantity.COUNTS, grid=None, **changes):
    started = injection.administered_at + timedelta(hours=hours)
    image = Image(values=np.asarray(values, dtype=np.float32), grid=grid or phantom.ct.grid, quantity=quantity)
    scan = TomographicScan(image=image, started_at=started, duration_s=SECONDS, decay_reference_at=started)
    return replace(scan, **changes)


@pytest.fixture(scope="module")
def counts(phantom):
    return blur(phantom.activity_map(TRUE)) * CF * SECONDS


def measure(scans, regions, injection, **options):
    options = {"calibration": CALIBRATION, "recovery": "geometric_transfer"} | options
    found = quantify_spect(scans, regions, administration=injection, **options)
    return {s.region: s for s in found}


def test_geometric_transfer_finds_the_truth(phantom, counts, injection):
    found = measure([spect(phantom, counts, injection)], list(phantom.regions.values()), injection)
    assert set(found) == {"liver", "kidney_left"}
    for name, series in found.items():
        assert series.activities_bq[0] == pytest.approx(TRUE[name], rel=2e-3)
        assert series.volume_ml == pytest.approx(phantom.regions[name].volume_ml)
        assert series.samples[0].time_s == pytest.approx(24 * 3600 + SECONDS / 2)
        assert series.shared_relative_sd == pytest.approx(0.03)


def test_without_recovery_small_organs_lose_most(phantom, counts, injection):
    found = measure([spect(phantom, counts, injection)], list(phantom.regions.values()), injection, recovery="none")
    kidney, liver = (found[n].activities_bq[0] / TRUE[n] for n in ("kidney_left", "liver"))
    assert kidney < liver < 1.0
    assert kidney < 0.97


def test_recovery_curve_divides_and_adds_its_uncertainty(phantom, counts, injection):
    scans, regions = [spect(phantom, counts, injection)], list(phantom.regions.values())
    curve = RecoveryCurve(alpha_ml=20.0, beta=1.0, relative_sd=0.04)
    plain = measure(scans, regions, injection, recovery="none")["kidney_left"]
    curved = measure(scans, regions, injection, recovery=curve, volume_relative_sd=0.05)["kidney_left"]
    coefficient = curve.coefficient(phantom.regions["kidney_left"].volume_ml)
    assert curved.activities_bq == pytest.approx(plain.activities_bq / coefficient)
    assert curved.shared_relative_sd == pytest.approx(np.sqrt(0.03**2 + 0.04**2 + 0.05**2))


def test_image_in_bq_per_ml(phantom, counts, injection):
    concentration = counts / (CF * SECONDS) / phantom.ct.grid.voxel_volume_ml
    scan = spect(phantom, concentration, injection, quantity=Quantity.ACTIVITY_CONCENTRATION)
    regions = list(phantom.regions.values())
    found = measure([scan], regions, injection, calibration=replace(CALIBRATION, counts_per_s_per_bq=None))
    assert found["liver"].activities_bq[0] == pytest.approx(TRUE["liver"], rel=2e-3)
    with pytest.raises(CaseError, match="already in Bq/ml"):
        measure([scan], regions, injection)


def test_decay_corrected_image_is_brought_to_the_middle_of_the_scan(phantom, counts, injection):
    regions = list(phantom.regions.values())
    plain = spect(phantom, counts, injection)
    to_injection = replace(plain, corrections=frozenset({"DECY"}), decay_reference_at=injection.administered_at)
    found = measure([to_injection], regions, injection)["liver"]
    expected = TRUE["liver"] * 2.0 ** (-(24 * 3600 + SECONDS / 2) / (6.647 * 86400))
    assert found.activities_bq[0] == pytest.approx(expected, rel=2e-3)
    uncorrected = replace(plain, decay_reference_at=injection.administered_at)
    assert measure([uncorrected], regions, injection)["liver"].activities_bq[0] == pytest.approx(30e6, rel=2e-3)


def test_scans_are_put_in_order_of_time(phantom, counts, injection):
    late, early = spect(phantom, counts / 2, injection, hours=48.0), spect(phantom, counts, injection, hours=4.0)
    found = measure([late, early], list(phantom.regions.values()), injection)["liver"]
    assert (np.diff(found.times_s) > 0).all()
    assert found.activities_bq[1] == pytest.approx(found.activities_bq[0] / 2, rel=1e-5)


def test_dead_time(phantom, counts, injection):
    tau = 5e-6
    true_rate = counts.sum() / SECONDS
    lost = counts * np.exp(-true_rate * tau)
    found = measure(
        [spect(phantom, lost, injection)],
        list(phantom.regions.values()),
        injection,
        calibration=replace(CALIBRATION, losses=CountLosses(model=DeadTime(paralysable_s=tau))),
    )
    assert found["liver"].activities_bq[0] == pytest.approx(TRUE["liver"], rel=2e-3)
    with pytest.raises(QuantityError, match="saturated"):
        measure(
            [spect(phantom, counts, injection)],
            list(phantom.regions.values()),
            injection,
            calibration=replace(CALIBRATION, losses=CountLosses(model=DeadTime(paralysable_s=9e-3))),
        )


@pytest.mark.parametrize(
    "model",
    [DeadTime(nonparalysable_s=6e-6), DeadTime(paralysable_s=3e-6, nonparalysable_s=2e-6)],
    ids=lambda m: m.kind,
)
def test_other_dead_time_models_and_what_they_leave_open(phantom, counts, injection, model):
    """Closed form m = n exp(-n tau_p) / (1 + n tau_n); the uncertainty by finite differences of it."""
    rate = counts.sum() / SECONDS
    regions = list(phantom.regions.values())
    lost = counts * float(model.observed_per_s(rate)) / rate
    scan = spect(phantom, lost, injection)
    sure = measure([scan], regions, injection, calibration=replace(CALIBRATION, losses=CountLosses(model=model)))
    assert sure["liver"].activities_bq[0] == pytest.approx(TRUE["liver"], rel=2e-3)
    factor = rate / float(model.observed_per_s(rate))
    assert any(f"counts times {factor:.3f} for dead time" in n for n in sure["liver"].notes)
    sd = 0.3e-6
    losses = CountLosses(model=model, nonparalysable_sd_s=sd)
    unsure = measure([scan], regions, injection, calibration=replace(CALIBRATION, losses=losses))["liver"]
    moved = replace(model, nonparalysable_s=model.nonparalysable_s + 0.01 * sd)
    expected = (moved.true_per_s(lost.sum() / SECONDS) / rate - 1.0) / 0.01
    added = np.sqrt(unsure.sds_bq[0] ** 2 - sure["liver"].sds_bq[0] ** 2) / TRUE["liver"]
    assert added == pytest.approx(expected, rel=0.01)


def test_dead_time_sees_the_rate_during_the_scan_not_the_decay_corrected_one(phantom, counts, injection):
    tau = 5e-6
    regions = list(phantom.regions.values())
    lost = counts * np.exp(-counts.sum() / SECONDS * tau)
    decay = 2.0 ** ((24 * 3600 + SECONDS / 2) / (6.647 * 86400))
    scan = replace(
        spect(phantom, lost * decay, injection),
        corrections=frozenset({"DECY"}),
        decay_reference_at=injection.administered_at,
    )
    calibration = replace(CALIBRATION, losses=CountLosses(model=DeadTime(paralysable_s=tau)))
    found = measure([scan], regions, injection, calibration=calibration)["liver"]
    assert found.activities_bq[0] == pytest.approx(TRUE["liver"], rel=2e-3)


def test_dead_time_of_an_image_in_bq_per_ml_is_left_alone_and_said(phantom, counts, injection):
    values = counts / (CF * SECONDS) / phantom.ct.grid.voxel_volume_ml
    scan = spect(phantom, values, injection, quantity=Quantity.ACTIVITY_CONCENTRATION)
    calibration = replace(CALIBRATION, counts_per_s_per_bq=None, losses=CountLosses(model=DeadTime(paralysable_s=5e-6)))
    found = measure([scan], list(phantom.regions.values()), injection, calibration=calibration)["liver"]
    assert found.activities_bq[0] == pytest.approx(TRUE["liver"], rel=2e-3)
    assert any("not applied" in n for n in found.notes)


def test_at_the_maximum_an_uncertain_dead_time_is_refused():
    tau = 2e-6
    losses = CountLosses(model=DeadTime(paralysable_s=tau), paralysable_sd_s=0.1e-6)
    peak = losses.model.maximum_per_s
    assert losses.relative_sd(0.5 * peak) > 0.0
    with pytest.raises(QuantityError, match="maximum"):
        losses.relative_sd(peak)
    with pytest.raises(QuantityError, match="saturated"):
        losses.factor(1.01 * peak)


def test_empty_image_gives_zero_not_an_accident(phantom, injection):
    found = measure(
        [spect(phantom, np.zeros(phantom.ct.grid.shape), injection)],
        list(phantom.regions.values()),
        injection,
        calibration=replace(CALIBRATION, losses=CountLosses(model=DeadTime(paralysable_s=1e-6))),
    )
    assert found["liver"].activities_bq[0] == 0.0
    assert found["liver"].sds_bq[0] > 0.0


@pytest.mark.parametrize(("dimmed", "lowest"), [(50.0, 0.5), (1.0, 0.0)])
def test_stated_noise_is_not_below_the_spread_of_realisations(phantom, injection, dimmed, lowest):
    """White Poisson noise smoothed as a reconstruction would, 40 realisations.

    At tracer-like noise the stated uncertainty is near the spread; at many counts the edges of the organ are
    taken for noise, which errs to the safe side.
    """
    rng = np.random.default_rng(8)
    regions = list(phantom.regions.values())
    sharp = phantom.activity_map(TRUE) * CF * SECONDS / dimmed
    z = {"liver": [], "kidney_left": []}
    for _ in range(40):
        noisy = blur(rng.poisson(sharp).astype(float))
        for name, series in measure([spect(phantom, noisy, injection)], regions, injection).items():
            z[name].append((series.activities_bq[0] - TRUE[name] / dimmed) / series.sds_bq[0])
    for name, values in z.items():
        assert lowest < np.std(values) < 1.4, name
        assert abs(np.mean(values)) < 0.6, name


def test_variance_of_a_sum_knows_correlation():
    """White noise: n times the variance; smoothed: more, as measured over 60 images."""
    rng = np.random.default_rng(2)
    mask = np.zeros((24, 24, 24), dtype=bool)
    mask[6:18, 6:18, 6:18] = True
    images = [gaussian_filter(rng.standard_normal((24, 24, 24)), 1.2) for _ in range(60)]
    spread = np.var([i[mask].sum() for i in images])
    stated = np.mean([region_variance(i, mask) for i in images])
    assert 0.5 < stated / spread < 2.0


def test_marrow_spheres_scale_to_the_vertebrae(phantom, injection):
    lumbar = phantom.regions["liver"]
    centre = np.argwhere(lumbar.mask).mean(axis=0)
    index = np.indices(lumbar.grid.shape)
    sphere = Region(name="sphere_l2", mask=sum((index[k] - centre[k]) ** 2 for k in range(3)) <= 4.0, grid=lumbar.grid)
    uniform = phantom.activity_map({"liver": 30e6}) * CF * SECONDS
    found = quantify_spect(
        [spect(phantom, uniform, injection)],
        [sphere],
        administration=injection,
        calibration=CALIBRATION,
        recovery="none",
    )
    series = sphere_concentration(found, [sphere], lumbar_volume_ml=lumbar.volume_ml)
    assert series.region == "lumbar_l2_l4"
    assert series.activities_bq[0] == pytest.approx(30e6, rel=1e-6)
    with pytest.raises(GeometryError, match="no marrow sphere"):
        sphere_concentration([], [], lumbar_volume_ml=100.0)


def test_bad_input_is_refused(phantom, counts, injection):
    scan, regions = spect(phantom, counts, injection), list(phantom.regions.values())
    with pytest.raises(CaseError, match="no calibration factor"):
        measure([scan], regions, injection, calibration=replace(CALIBRATION, counts_per_s_per_bq=None))
    with pytest.raises(CaseError, match="needs the resolution"):
        measure([scan], regions, injection, calibration=replace(CALIBRATION, fwhm_mm=None))
    with pytest.raises(CaseError, match="unknown correction"):
        measure([scan], regions, injection, recovery="geometric-transfer")
    with pytest.raises(TimingError, match="before the injection"):
        measure([spect(phantom, counts, injection, hours=-1.0)], regions, injection)


def test_overlapping_organs_are_refused(phantom, counts, injection):
    liver = phantom.regions["liver"]
    twin = Region(name="lesion_1", mask=liver.mask, grid=liver.grid)
    with pytest.raises(RegionError, match="overlap"):
        measure([spect(phantom, counts, injection)], [liver, twin], injection)


@pytest.mark.parametrize("moved", ["liver", "whole_body"])
@pytest.mark.parametrize("recovery", ["geometric_transfer", "none"])
def test_regions_of_another_frame_are_refused(phantom, counts, injection, moved, recovery):
    grid = phantom.ct.grid
    other = Grid(shape=grid.shape, affine=grid.affine, frame_of_reference_uid="9.9.9")
    regions = [Region(name=r.name, mask=r.mask, grid=other) if r.name == moved else r for r in phantom.regions.values()]
    with pytest.raises(GeometryError, match="frames of reference"):
        measure([spect(phantom, counts, injection)], regions, injection, recovery=recovery)
