"""Hybrid quantification: shape from planar images, scale from SPECT."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import CaseError
from hemadose.imaging import scale_to_spect
from hemadose.model import ActivitySample, ActivitySeries

HOURS = np.array([1.0, 4.0, 24.0, 48.0, 168.0])


def series(hours, activity, *, relative=0.05, method="planar", region="liver", shared=0.05, sd=None, notes=()):
    sds = relative * np.asarray(activity) if sd is None else sd
    samples = tuple(
        ActivitySample(region=region, time_s=h * 3600.0, activity_bq=float(a), sd_bq=float(s), method=method)
        for h, a, s in zip(hours, activity, sds, strict=True)
    )
    return ActivitySeries(region=region, samples=samples, shared_relative_sd=shared, volume_ml=1800.0, notes=notes)


def decay(hours):
    return 1e7 * 2.0 ** (-np.asarray(hours) / 80.0)


def test_one_spect_gives_the_scale():
    planar = series(HOURS, 1.4 * decay(HOURS))
    spect = series([24.6], decay([24.6]), relative=0.02, method="spect", shared=0.03)
    hybrid = scale_to_spect(planar, spect)
    assert hybrid.activities_bq == pytest.approx(decay(HOURS), rel=1e-9)
    assert hybrid.samples[0].method == "hybrid"
    assert hybrid.shared_relative_sd == pytest.approx(np.sqrt(0.03**2 + 0.02**2 + 0.05**2), rel=1e-6)
    assert any("times 0.71" in note for note in hybrid.notes)


def test_a_faint_planar_point_does_not_rule_the_scale():
    """A late planar point that fell to a tenth by over-subtraction has a large relative uncertainty."""
    seen = decay(HOURS)
    seen[-1] *= 0.1
    sd = 0.05 * decay(HOURS)
    sd[-1] = 0.9 * decay(HOURS)[-1]
    spect = series(HOURS + 0.6, decay(HOURS + 0.6), relative=0.01, method="spect")
    hybrid = scale_to_spect(series(HOURS, seen, sd=sd), spect)
    assert hybrid.activities_bq[:4] == pytest.approx(decay(HOURS)[:4], rel=0.04)
    assert hybrid.shared_relative_sd < 0.08


def test_a_planar_point_of_zero_is_left_out_of_the_scale():
    seen = decay(HOURS)
    seen[0] = 0.0
    spect = series(HOURS, decay(HOURS), relative=0.01, method="spect")
    hybrid = scale_to_spect(series(HOURS, seen, sd=0.05 * decay(HOURS)), spect)
    assert hybrid.activities_bq[1:] == pytest.approx(decay(HOURS)[1:], rel=1e-6)
    with pytest.raises(CaseError, match="show no activity"):
        scale_to_spect(series(HOURS, 0.0 * HOURS, sd=1.0 + HOURS), spect)


def test_spect_shortly_after_the_last_sweep_follows_the_curve():
    spect = series([168.6], decay([168.6]), relative=0.02, method="spect")
    assert scale_to_spect(series(HOURS, decay(HOURS)), spect).activities_bq == pytest.approx(decay(HOURS), rel=1e-9)


def test_spect_long_after_the_last_sweep_is_refused():
    spect = series([240.0], decay([240.0]), method="spect")
    with pytest.raises(CaseError, match="outside the planar series"):
        scale_to_spect(series(HOURS, decay(HOURS)), spect)


def test_regions_must_agree():
    with pytest.raises(CaseError, match="different regions"):
        scale_to_spect(series(HOURS, decay(HOURS)), series([24.0], [1e6], region="spleen"))


def test_the_scale_is_covered_by_its_uncertainty():
    """Noise of both modalities, one calibration error: 95 % intervals hold the truth in 90-99 % (n = 400)."""
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        planar = 1.3 * decay(HOURS) * (1 + 0.08 * rng.standard_normal(5))
        spect = decay([24.0]) * (1 + 0.03 * rng.standard_normal()) * (1 + 0.04 * rng.standard_normal())
        hybrid = scale_to_spect(
            series(HOURS, planar, relative=0.08), series([24.0], spect, relative=0.03, shared=0.04, method="spect")
        )
        sd = np.hypot(hybrid.sds_bq[4], hybrid.shared_relative_sd * hybrid.activities_bq[4])
        hits += abs(hybrid.activities_bq[4] - decay(168.0)) < 1.96 * sd
    assert 0.90 <= hits / 400 <= 0.99
