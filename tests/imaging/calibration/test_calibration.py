"""Known sources in front of the camera: closed forms, made images with known truth, coverage of stated uncertainties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import exp, log, sqrt

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hemadose.errors import CaseError, QuantityError, RegionError, TimingError
from hemadose.imaging.calibration.cross import Reading, dial_setting, geometry_factor, reference_factor
from hemadose.imaging.calibration.known_source import (
    DOSE_CALIBRATOR,
    CalibrationFactor,
    KnownSource,
    UncertaintyTerm,
    combined_relative_sd,
    compare_factors,
    mean_decay_factor,
)
from hemadose.imaging.calibration.phantom_images import (
    ball,
    calibrate_cylinder,
    calibrate_sphere,
    round_noise_sd,
    upright_cylinder,
)
from hemadose.imaging.calibration.planar_sensitivity import CountingRun, planar_sensitivity, slab_transmission
from hemadose.imaging.calibration.spect import SpectCounts, cylinder_factor, sphere_factor, whole_field_factor
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.model import Grid, Image, Nuclide, Quantity, TomographicScan

LUTETIUM = Nuclide(name="Lu-177", half_life_s=6.647 * 86400, electron_energy_kev=147.9, photon_energy_kev=35.1)
GALLIUM = Nuclide(name="Ga-68", half_life_s=67.71 * 60, electron_energy_kev=740.0, photon_energy_kev=948.0)
NOON = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
FWHM_PER_SIGMA = 2.354820045


def source(**changes):
    given = {
        "nuclide": LUTETIUM,
        "measured_activity_bq": 100e6,
        "measured_at": NOON,
        "residual_activity_bq": 4e6,
        "residual_measured_at": NOON + timedelta(hours=1),
        "dose_calibrator_relative_sd": 0.02,
        "reading_relative_sd": 0.005,
    }
    return KnownSource(**(given | changes))


def run(counts, *, hours=2.0, duration_s=300.0, head="1", **more):
    return CountingRun(
        counts=counts, duration_s=duration_s, started_at=NOON + timedelta(hours=hours), head=head, **more
    )


# decay and the syringe


def test_decay_during_acquisition_is_the_integral():
    """Mean of exp(-lambda t) over the acquisition by fine sums, for a short-lived nuclide."""
    t = (np.arange(200_000) + 0.5) / 200_000 * 1800.0
    mean = np.exp(-log(2) / GALLIUM.half_life_s * t).mean()
    assert mean_decay_factor(GALLIUM, duration_s=1800.0) == pytest.approx(mean, rel=1e-9)
    assert mean_decay_factor(LUTETIUM, duration_s=0.0) == 1.0
    with pytest.raises(QuantityError, match="negative"):
        mean_decay_factor(LUTETIUM, duration_s=-1.0)


def test_net_activity_by_hand():
    """100 MBq at 12 h less 4 MBq read at 13 h, both taken to 20 h."""
    hour = 2 ** (-1 / (6.647 * 24))
    assert source().activity_bq(NOON + timedelta(hours=8)) == pytest.approx(100e6 * hour**8 - 4e6 * hour**7, rel=1e-12)


def test_source_refuses_what_cannot_be():
    with pytest.raises(TimingError, match="residual"):
        source(residual_measured_at=None)
    with pytest.raises(QuantityError, match="not below"):
        source(residual_activity_bq=120e6)
    with pytest.raises(TimingError, match="time zone"):
        source(measured_at=datetime(2025, 3, 3, 12, 0))  # noqa: DTZ001
    with pytest.raises(QuantityError, match="must be positive"):
        source(measured_activity_bq=0.0)


def test_budget_of_a_source():
    """Readings add as sqrt(full^2 + left^2) over the net; a 1 % half-life error over one half-life is 1 % ln 2."""
    late = NOON + timedelta(days=6.647)
    terms = {t.name: t for t in source(half_life_relative_sd=0.01).terms(late)}
    full, left = 50e6, 4e6 * 0.5 * exp(log(2) * 3600 / LUTETIUM.half_life_s)
    assert terms["dose calibrator readings"].relative_sd == pytest.approx(0.005 * np.hypot(full, left) / (full - left))
    assert terms["half-life"].relative_sd == pytest.approx(0.01 * log(2))
    assert terms["dose calibrator"].kind == "B"
    assert combined_relative_sd([]) == 0.0


# planar


def test_planar_sensitivity_gives_back_the_truth():
    """Counts made by hand: A(t) mean over the run, 8 cps/MBq, transmission 0.97, scatter and background on top."""
    true, transmission = 8e-6, 0.97
    start = NOON + timedelta(hours=2)
    net = true * transmission * source().activity_bq(start) * mean_decay_factor(LUTETIUM, duration_s=300.0) * 300.0
    one = run(
        net + 5000.0 + 5.0 * 300.0,
        scatter_counts=5000.0,
        scatter_variance=900.0,
        background_counts=3000.0,
        background_duration_s=600.0,
    )
    found = planar_sensitivity([one], source(), transmission=transmission, transmission_relative_sd=0.01)
    assert found.mean.counts_per_s_per_bq == pytest.approx(true, rel=1e-12)
    counting = sqrt((one.counts + 900.0) / 300.0**2 + 3000.0 / 600.0**2) / (net / 300.0)
    budget = {t.name: t.relative_sd for t in found.mean.budget}
    assert budget["counting"] == pytest.approx(counting, rel=1e-9)
    assert budget["transmission of source and holder"] == 0.01
    assert found.mean.relative_sd == pytest.approx(sqrt(sum(v**2 for v in budget.values())), rel=1e-12)
    assert any("dead time" in n for n in found.mean.notes)


def test_heads_are_averaged_as_conjugate_views_need_it():
    found = planar_sensitivity([run(240e3), run(200e3, head="2")], source(), dead_time=DeadTime())
    by_head = dict(found.heads)
    product = by_head["1"].counts_per_s_per_bq * by_head["2"].counts_per_s_per_bq
    assert found.mean.counts_per_s_per_bq == pytest.approx(sqrt(product), rel=1e-12)
    assert any("heads 1 and 2 differ by 18.2 %" in n for n in found.mean.notes)
    quiet = planar_sensitivity([run(240e3), run(240.3e3, head="2")], source(), dead_time=DeadTime())
    assert quiet.mean.notes == ()


def test_dead_time_is_given_back():
    camera = DeadTime(paralysable_s=3e-6)
    true_rate = 40_000.0
    shown = float(camera.observed_per_s(true_rate)) * 300.0
    found = planar_sensitivity([run(shown)], source(), dead_time=camera)
    ideal = planar_sensitivity([run(true_rate * 300.0)], source(), dead_time=DeadTime())
    assert found.mean.counts_per_s_per_bq == pytest.approx(ideal.mean.counts_per_s_per_bq, rel=1e-9)
    assert any("lost to dead time" in n for n in found.mean.notes)


def test_runs_that_scatter_too_much_widen_the_uncertainty():
    steady = planar_sensitivity([run(90e3), run(90.1e3), run(89.9e3)], source(), dead_time=DeadTime())
    moved = planar_sensitivity([run(90e3), run(94e3), run(86e3)], source(), dead_time=DeadTime())
    assert moved.mean.budget[0].relative_sd > 5 * steady.mean.budget[0].relative_sd
    assert any("scatter" in n for n in moved.mean.notes)
    assert not steady.mean.notes


def test_planar_sensitivity_refuses():
    with pytest.raises(CaseError, match="at least one"):
        planar_sensitivity([], source())
    with pytest.raises(QuantityError, match="no counts above"):
        planar_sensitivity([run(100.0, scatter_counts=200.0)], source())
    with pytest.raises(QuantityError, match="share"):
        planar_sensitivity([run(1e5)], source(), transmission=1.2)
    with pytest.raises(QuantityError, match="acquisition time"):
        run(1e5, background_counts=5.0)


def test_stated_planar_uncertainty_covers_the_truth():
    """2000 drawn experiments, dose calibrator error and counting both drawn: 68 % and 95 % intervals hold."""
    rng = np.random.default_rng(5)
    true, inside = 9e-6, np.zeros(2)
    for _ in range(2000):
        wrong = 1.0 + 0.02 * rng.standard_normal()
        read = 1.0 + 0.005 * rng.standard_normal(2)
        shown = source(measured_activity_bq=100e6 * wrong * read[0], residual_activity_bq=4e6 * wrong * read[1])
        start = NOON + timedelta(hours=2)
        rate = true * source().activity_bq(start) * mean_decay_factor(LUTETIUM, duration_s=30.0)
        runs = [
            CountingRun(
                counts=float(rng.poisson(30.0 * (rate + 20.0))),
                duration_s=30.0,
                started_at=start,
                head=h,
                background_counts=float(rng.poisson(20.0 * 60.0)),
                background_duration_s=60.0,
            )
            for h in ("1", "2")
        ]
        found = planar_sensitivity(runs, shown, dead_time=DeadTime()).mean
        z = abs(log(found.counts_per_s_per_bq / true)) / found.relative_sd
        inside += [z < 1.0, z < 1.96]
    assert inside / 2000 == pytest.approx([0.683, 0.95], abs=0.03)


def test_slab_transmission_is_the_mean_over_the_depth():
    depth = (np.arange(10_000) + 0.5) / 10_000 * 8.0
    mean = np.exp(-0.01357 * depth).mean() * exp(-0.01357 * 1.5)
    assert slab_transmission(attenuation_per_mm=0.01357, source_mm=8.0, wall_mm=1.5) == pytest.approx(mean, rel=1e-8)
    assert slab_transmission(attenuation_per_mm=0.0, source_mm=8.0) == 1.0


# SPECT: arithmetic


def counted(counts, **more):
    given = {"relative_sd": 0.01, "duration_s": 1280.0, "started_at": NOON + timedelta(hours=3)}
    return SpectCounts(counts=counts, **(given | more))


def test_cylinder_and_whole_field_by_hand():
    """9.26 cps/MBq (Symbia T, 208 keV, MELP) put in, with decay during the scan, comes out."""
    cf = 9.26e-6
    mean = source().activity_bq(NOON + timedelta(hours=3)) * mean_decay_factor(LUTETIUM, duration_s=1280.0)
    inside = cylinder_factor(
        counted(cf * mean * 1280.0 * 2000 / 6283), source(), voi_ml=2000, phantom_ml=6283, phantom_relative_sd=0.002
    )
    whole = whole_field_factor(counted(cf * mean * 1280.0), source(), method="whole field")
    assert inside.counts_per_s_per_bq == pytest.approx(cf, rel=1e-12)
    assert whole.counts_per_s_per_bq == pytest.approx(cf, rel=1e-12)
    names = [t.name for t in inside.budget]
    assert names == ["noise of the image", "dose calibrator", "dose calibrator readings", "filling volume"]
    with pytest.raises(QuantityError, match="inside the phantom"):
        cylinder_factor(counted(1e6), source(), voi_ml=7000, phantom_ml=6283)


def test_decay_corrected_image_stands_for_its_reference():
    reference = NOON + timedelta(hours=1)
    shown = counted(9e-6 * source().activity_bq(reference) * 1280.0, decay_reference_at=reference)
    assert whole_field_factor(shown, source(), method="x").counts_per_s_per_bq == pytest.approx(9e-6, rel=1e-12)


def test_sphere_needs_its_recovery():
    activity = source().activity_bq(NOON + timedelta(hours=3)) * mean_decay_factor(LUTETIUM, duration_s=1280.0)
    shown = counted(9e-6 * activity * 1280.0 * 0.609)
    found = sphere_factor(shown, source(), recovery=0.609, recovery_relative_sd=0.03, method="sphere")
    assert found.counts_per_s_per_bq == pytest.approx(9e-6, rel=1e-12)
    assert 0.03 in [t.relative_sd for t in found.budget]
    with pytest.raises(QuantityError, match="recovery"):
        sphere_factor(shown, source(), recovery=60.9, method="sphere")


def factor(value, *terms):
    return CalibrationFactor(counts_per_s_per_bq=value, budget=terms, method="x", nuclide="Lu-177")


def test_shared_errors_cancel_in_a_comparison():
    calibrator = UncertaintyTerm(name="dose calibrator", kind="B", relative_sd=0.05, key=DOSE_CALIBRATOR)
    a, b = (UncertaintyTerm(name="noise", kind="A", relative_sd=r) for r in (0.006, 0.008))
    both = compare_factors(factor(9.5e-6, a, calibrator), factor(9e-6, b, calibrator))
    assert both.relative_sd == pytest.approx(0.01)
    assert both.ratio == pytest.approx(9.5 / 9)
    assert not both.agrees
    free = compare_factors(
        factor(9.5e-6, a, replace(calibrator, key=None)), factor(9e-6, b, replace(calibrator, key=None))
    )
    assert free.relative_sd == pytest.approx(sqrt(0.006**2 + 0.008**2 + 2 * 0.05**2))
    assert free.agrees
    with pytest.raises(CaseError, match="nuclides"):
        compare_factors(factor(9e-6, a), replace(factor(9e-6, a), nuclide="Y-90"))


# SPECT: images


def scan_of(bq_per_ml, *, cf=9e-6, fwhm_mm=12.0, spacing=4.0, noise=0.0, seed=1, frame="1.2.3", duration=1280.0):
    """Counts of an activity map, blurred, with correlated noise; rows and columns about the middle."""
    shape = bq_per_ml.shape
    grid = Grid.axial(
        shape=shape,
        spacing_mm=(spacing,) * 3,
        origin_mm=tuple(-spacing * (shape[i] - 1) / 2 for i in (2, 1, 0)),
        frame_of_reference_uid=frame,
    )
    counts = bq_per_ml * grid.voxel_volume_ml * cf * duration
    sigma = fwhm_mm / FWHM_PER_SIGMA / spacing
    blurred = gaussian_filter(counts, sigma, mode="constant", truncate=5.0)
    if noise:
        grain = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 0.8)
        blurred = np.maximum(blurred * (1.0 + noise * grain / grain.std()), 0.0)
    image = Image(values=blurred.astype(np.float32), grid=grid, quantity=Quantity.COUNTS)
    start = NOON + timedelta(hours=3)
    return TomographicScan(
        image=image, started_at=start, duration_s=duration, decay_reference_at=start, corrections=frozenset()
    )


def places(shape, spacing):
    return [
        a.reshape([-1 if i == k else 1 for i in range(3)])
        for k, a in enumerate(spacing * (np.arange(n) - (n - 1) / 2) for n in shape)
    ]


def cylinder_map(activity_bq, *, diameter=200.0, length=180.0, shape=(64, 64, 64), spacing=4.0):
    z, y, x = places(shape, spacing)
    mask = (np.hypot(x, y) <= diameter / 2) & (np.abs(z) <= length / 2)
    volume = mask.sum() * spacing**3 / 1000
    return mask * (activity_bq / (mask.sum() * spacing**3 / 1000)), volume


def mean_activity():
    return source().activity_bq(NOON + timedelta(hours=3)) * mean_decay_factor(LUTETIUM, duration_s=1280.0)


def test_cylinder_on_an_image():
    """A blurred, noisy cylinder of known activity: inside and whole field agree with 9 cps/MBq within their SD."""
    bq, volume = cylinder_map(mean_activity())
    found = calibrate_cylinder(
        scan_of(bq, noise=0.1),
        source(),
        diameter_mm=200,
        length_mm=180,
        phantom_ml=volume,
        phantom_relative_sd=0.002,
        margin_mm=24.0,
    )
    (whole,) = found.others
    assert found.preferred.counts_per_s_per_bq == pytest.approx(9e-6, rel=0.01)
    assert whole.counts_per_s_per_bq == pytest.approx(9e-6, rel=0.005)
    assert found.preferred.notes == ()
    assert abs(compare_factors(found.preferred, whole).ratio - 1.0) < 0.01


def test_a_cupped_cylinder_is_noticed():
    bq, volume = cylinder_map(mean_activity())
    _, y, x = places(bq.shape, 4.0)
    cupped = bq * (0.8 + 0.2 * np.hypot(x, y) ** 2 / 100.0**2)
    found = calibrate_cylinder(
        scan_of(cupped), source(), diameter_mm=200, length_mm=180, phantom_ml=volume, margin_mm=24.0
    )
    assert any("not uniform" in n and "rim" in n for n in found.preferred.notes)


@pytest.mark.parametrize(("diameter", "tolerance"), [(37.0, 0.02), (60.0, 0.01)])
def test_sphere_on_an_image(diameter, tolerance):
    """Enlarged volume and recovery inside the wall give the same factor, which is the true one."""
    shape, spacing = (56, 56, 56), 2.5
    z, y, x = places(shape, spacing)
    mask = x**2 + y**2 + z**2 <= (diameter / 2) ** 2
    bq = mask * (mean_activity() / (mask.sum() * spacing**3 / 1000))
    found = calibrate_sphere(scan_of(bq, spacing=spacing), source(), diameter_mm=diameter, fwhm_mm=12.0)
    assert found.preferred.counts_per_s_per_bq == pytest.approx(9e-6, rel=0.005)
    assert found.others[0].counts_per_s_per_bq == pytest.approx(9e-6, rel=tolerance)


def test_noise_of_a_sphere_is_what_replicates_show():
    """16 noisy images of one sphere: stated noise of both volumes near their spread; none without."""
    shape, spacing = (30, 30, 30), 3.0
    z, y, x = places(shape, spacing)
    mask = x**2 + y**2 + z**2 <= 20.0**2
    bq = mask * (mean_activity() / (mask.sum() * spacing**3 / 1000))
    quiet = scan_of(bq, spacing=spacing)
    centre = (0.0, 0.0, 0.0)
    for diameter in (40.0, 64.0):
        found, stated = [], []
        region = ball(quiet, diameter_mm=diameter, centre_mm=centre)
        assert round_noise_sd(quiet, region, centre_mm=centre) < 0.003 * quiet.image.values[region.mask].sum()
        level = 0.05 * float(quiet.image.values.max())
        for seed in range(16):
            grain = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.0)
            values = quiet.image.values + level * grain / grain.std()
            noisy = replace(quiet, image=replace(quiet.image, values=values.astype(np.float32)))
            found.append(float(values[region.mask].sum()))
            stated.append(round_noise_sd(noisy, region, centre_mm=centre))
        assert np.mean(stated) == pytest.approx(np.std(found), rel=0.5)


def test_calibration_images_refuse():
    bq, volume = cylinder_map(mean_activity())
    scan = scan_of(bq)
    with pytest.raises(RegionError, match="leaves the image"):
        upright_cylinder(scan, diameter_mm=300, length_mm=100)
    with pytest.raises(RegionError, match="leaves the image"):
        ball(scan, diameter_mm=60, centre_mm=(110.0, 0.0, 0.0))
    with pytest.raises(QuantityError, match="margin"):
        calibrate_cylinder(scan, source(), diameter_mm=200, length_mm=180, phantom_ml=volume, margin_mm=100)
    ready = replace(scan, image=replace(scan.image, quantity=Quantity.ACTIVITY_CONCENTRATION))
    with pytest.raises(QuantityError, match="image in counts"):
        calibrate_cylinder(ready, source(), diameter_mm=200, length_mm=180, phantom_ml=volume, margin_mm=24)


# dose calibrator


def test_reference_source():
    """Certificate 10 MBq; the calibrator shows 3 % too much; readings repeated at two times."""
    certificate = source(
        measured_activity_bq=10e6,
        residual_activity_bq=0.0,
        residual_measured_at=None,
        dose_calibrator_relative_sd=0.015,
    )
    late = NOON + timedelta(days=2)
    shown = [1.03 * certificate.activity_bq(late) * f + 5e3 for f in (0.999, 1.001, 1.002, 0.998)]
    found = reference_factor(
        [Reading(activity_bq=a, measured_at=late) for a in shown], reference=certificate, background_bq=5e3
    )
    assert found.value == pytest.approx(1 / 1.03, rel=1e-4)
    budget = {t.name: t.relative_sd for t in found.budget}
    spread = np.std([1 / 0.999, 1 / 1.001, 1 / 1.002, 1 / 0.998], ddof=1) / 2
    assert budget["repeated readings"] == pytest.approx(spread, rel=1e-3)
    assert budget["certificate of the reference"] == 0.015
    single = reference_factor([Reading(activity_bq=1e7, measured_at=NOON)], reference=certificate)
    assert any("one reading" in n for n in single.notes)
    with pytest.raises(QuantityError, match="above background"):
        reference_factor([Reading(activity_bq=1.0, measured_at=NOON)], reference=certificate, background_bq=5e3)
    with pytest.raises(CaseError, match="needs readings"):
        reference_factor([], reference=certificate)


def test_geometry_by_difference():
    """40 of 100 MBq move into a syringe that shows 5 % too little; an hour passes between the readings."""
    hour = LUTETIUM.decay_factor(3600.0)
    found = geometry_factor(
        calibrated_before=Reading(activity_bq=100e6, measured_at=NOON),
        calibrated_after=Reading(activity_bq=60e6 * hour, measured_at=NOON + timedelta(hours=1)),
        other_full=Reading(activity_bq=0.95 * 40e6 * hour, measured_at=NOON + timedelta(hours=1)),
        other_empty=None,
        nuclide=LUTETIUM,
        reading_relative_sd=0.003,
    )
    assert found.value == pytest.approx(1 / 0.95, rel=1e-9)
    assert found.relative_sd == pytest.approx(0.003 * sqrt((100**2 + 60**2) / 40**2 + 1.0), rel=1e-6)
    with pytest.raises(QuantityError, match="no activity moved"):
        geometry_factor(
            calibrated_before=Reading(activity_bq=60e6, measured_at=NOON),
            calibrated_after=Reading(activity_bq=60e6, measured_at=NOON),
            other_full=Reading(activity_bq=1e6, measured_at=NOON),
            other_empty=None,
            nuclide=LUTETIUM,
            reading_relative_sd=0.003,
        )


def test_dial_setting():
    """Readings that fall as 1 / (setting + 80): the setting of 50 MBq is known exactly."""
    settings = [420, 440, 450, 460, 480]
    readings = [50e6 * (452.0 + 80.0) / (s + 80.0) for s in settings]
    found = dial_setting(settings, readings, reference_bq=50e6, reference_relative_sd=0.01)
    assert found.setting == pytest.approx(452.0, abs=0.05)
    assert found.sd == pytest.approx(0.01 * 532.0, rel=0.02)
    with pytest.raises(QuantityError, match="not between"):
        dial_setting(settings, readings, reference_bq=90e6, reference_relative_sd=0.01)
    with pytest.raises(QuantityError, match="steadily"):
        dial_setting([1, 2, 3], [1e6, 3e6, 2e6], reference_bq=2.5e6, reference_relative_sd=0.01)
    with pytest.raises(CaseError, match="three different"):
        dial_setting([1, 1, 3], [1e6, 1e6, 2e6], reference_bq=1.5e6, reference_relative_sd=0.01)
