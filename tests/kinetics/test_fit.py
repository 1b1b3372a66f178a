"""Fits against closed forms, published check cases and virtual curves of known truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import FitError
from hemadose.kinetics import FitOptions, fit_series
from hemadose.model import ActivitySample, ActivitySeries, ExponentialCurve, Nuclide

H = 3600.0
LU = Nuclide(name="Lu-177", half_life_s=6.647 * 86400, electron_energy_kev=147.92, photon_energy_kev=35.10)
FIVE = (1.0, 4.0, 24.0, 48.0, 168.0)


def series(times_h, activities_mbq, sds_mbq=None, **more):
    sds = sds_mbq if sds_mbq is not None else [None] * len(times_h)
    return ActivitySeries(
        region="organ",
        samples=tuple(
            ActivitySample(
                region="organ",
                time_s=t * H,
                activity_bq=a * 1e6,
                sd_bq=None if s is None else s * 1e6,
            )
            for t, a, s in zip(times_h, activities_mbq, sds, strict=True)
        ),
        **more,
    )


def test_tac1_mono_exponential():
    """Check case TAC1 (derived): A0 5.0 MBq, T 41 h, TIA 295.7525 MBq h, 0.01 %."""
    fit = fit_series(series(FIVE, [4.91618, 4.673059, 3.332402, 2.22098, 0.292066]), nuclide=LU)
    assert fit.model == "mono"
    assert fit.tia_bq_s / 1e6 / H == pytest.approx(295.7525, rel=1e-4)
    assert fit.effective_half_life_s / H == pytest.approx(41.0, rel=1e-4)
    assert fit.curve.amplitudes_bq[0] / 1e6 == pytest.approx(5.0, rel=1e-4)


def test_tac2_uptake_and_clearance():
    """Check case TAC2 (derived): A 4.4 %, T 41 h and 3 h, TIAC 2.412186 h, 0.1 %."""
    fit = fit_series(series(FIVE, [0.833956, 2.36615, 2.915326, 1.954395, 0.257018]), nuclide=LU)
    assert fit.model == "uptake_clearance"
    assert fit.tia_bq_s / 1e6 / H / 100 == pytest.approx(2.412186, rel=1e-3)
    half_lives = np.sort(np.log(2) / fit.curve.rates_per_s / H)
    assert half_lives == pytest.approx([3.0, 41.0], rel=1e-3)
    assert fit.curve.amplitudes_bq.max() / 1e6 == pytest.approx(4.4, rel=1e-3)


def test_bi_exponential_recovered_with_six_points():
    truth = ExponentialCurve(amplitudes_bq=np.array([3e6, 2e6]), rates_per_s=np.log(2) / (np.array([6.0, 70.0]) * H))
    times = np.array([0.5, 2.0, 6.0, 24.0, 72.0, 168.0])
    values = truth.activity_bq(times * H) / 1e6
    fit = fit_series(series(times, values, 0.01 * values), nuclide=LU)
    assert fit.model == "bi"
    assert fit.tia_bq_s == pytest.approx(truth.integral_bq_s(), rel=1e-4)


def test_rates_never_slower_than_decay():
    fit = fit_series(series(FIVE, [1.03, 1.02, 1.01, 1.005, 1.0]), nuclide=LU)
    assert fit.curve.rates_per_s.min() >= LU.decay_constant_per_s
    assert fit.ensemble.rates_per_s.min() >= LU.decay_constant_per_s
    assert any("physical floor" in note for note in fit.notes)


def test_clear_decay_is_not_called_floor():
    fit = fit_series(series(FIVE, 5 * np.exp(-np.log(2) / 41 * np.array(FIVE))), nuclide=LU)
    assert not any("physical floor" in note for note in fit.notes)


def test_guard_makes_aicc_undefined_for_few_points():
    fit = fit_series(series((24, 48, 96, 168), [4.0, 2.7, 1.2, 0.35]), nuclide=LU)
    by_name = {c.model: c for c in fit.candidates}
    assert by_name["mono"].aicc is not None
    assert by_name["uptake_clearance"].aicc is None
    assert by_name["bi"].aicc is None
    assert fit.model == "mono"
    assert any("AICc is not defined" in r for r in by_name["uptake_clearance"].reasons)


def test_acceptance_rules_reject_with_reasons():
    """NUKFIT rules: an uptake half-life from one early point is too uncertain to be accepted."""
    values = 5 * np.exp(-np.log(2) / 41 * np.array(FIVE))
    fit = fit_series(series(FIVE, values, 0.1 * values), nuclide=LU)
    rejected = [c for c in fit.candidates if not c.accepted]
    assert fit.model == "mono"
    assert rejected
    assert all(c.reasons for c in rejected)


def test_one_sample_is_refused_with_the_way_out():
    with pytest.raises(FitError, match="single-time-point"):
        fit_series(series((24.0,), (3.0,)), nuclide=LU)


def test_no_activity_is_refused():
    with pytest.raises(FitError, match="no activity"):
        fit_series(series((24.0, 48.0), (0.0, 0.0)), nuclide=LU)


def test_unknown_model_lists_the_known():
    with pytest.raises(FitError, match="mono"):
        fit_series(series(FIVE, [5, 4, 3, 2, 1]), nuclide=LU, options=FitOptions(models=("tri",)))


def test_misfit_is_said_and_widens_the_uncertainty():
    values = np.array([5.0, 1.0, 4.0, 0.5, 3.0])
    fit = fit_series(series(FIVE, values, 0.01 * values), nuclide=LU)
    assert any("no model describes" in note for note in fit.notes)
    assert fit.tia_sd_bq_s > 0.05 * fit.tia_bq_s


def test_shared_uncertainty_scales_but_does_not_weigh():
    many = FitOptions(draws=40_000)
    values = [5, 4.7, 3.3, 2.2, 0.29]
    plain = fit_series(series(FIVE, values), nuclide=LU, options=many)
    shared = fit_series(series(FIVE, values, shared_relative_sd=0.10), nuclide=LU, options=many)
    assert shared.tia_bq_s == plain.tia_bq_s
    relative = shared.tia_sd_bq_s / shared.tia_bq_s
    expected = np.hypot(plain.tia_sd_bq_s / plain.tia_bq_s, 0.10)
    assert relative == pytest.approx(expected, rel=0.12)


def test_averaging_stays_between_its_candidates():
    values = np.array([5.0, 4.4, 3.0, 2.2, 0.4])
    fit = fit_series(series(FIVE, values, 0.1 * values), nuclide=LU, options=FitOptions(averaging=True))
    used = [c.tia_bq_s for c in fit.candidates if c.weight > 0]
    assert min(used) - 1 <= fit.tia_bq_s <= max(used) + 1
    assert sum(c.weight for c in fit.candidates) == pytest.approx(1.0)


@settings(max_examples=25, deadline=None)
@given(
    half_life=st.floats(15.0, 120.0),
    uptake=st.floats(1.0, 5.0),
    scale=st.floats(1e-3, 1e4),
)
def test_scaling_the_data_scales_the_integral(half_life, uptake, scale):
    t = np.array(FIVE)
    a = np.exp(-np.log(2) / half_life * t) - np.exp(-np.log(2) / uptake * t)
    one = fit_series(series(FIVE, a), nuclide=LU, options=FitOptions(draws=200))
    many = fit_series(series(FIVE, scale * a), nuclide=LU, options=FitOptions(draws=200))
    assert many.model == one.model
    assert many.tia_bq_s == pytest.approx(scale * one.tia_bq_s, rel=1e-6)


def test_no_local_optimum():
    """Against 2000 random starts of a general optimiser: never more than 0.1 % worse."""
    from scipy.optimize import least_squares

    from hemadose.kinetics.leastsquares import solve
    from hemadose.kinetics.models import model_function

    rng = np.random.default_rng(1)
    t = np.array([1.0, 4.0, 24.0, 48.0, 96.0, 168.0])
    physical = np.log(2) / 159.528
    for _ in range(8):
        k = np.log(2) / np.sort(rng.uniform(2, 120, 2))
        values = 3 * np.exp(-k[0] * t) + 2 * np.exp(-k[1] * t)
        values = values * (1 + 0.05 * rng.standard_normal(6))
        found = solve(
            model_function("bi"),
            times=t * H,
            values=values,
            sds=0.05 * values,
            physical_rate=physical / H,
        )

        def misfit(p, values=values):
            model = np.exp(p[0]) * np.exp(-np.exp(p[1]) * t) + np.exp(p[2]) * np.exp(-np.exp(p[3]) * t)
            return (model - values) / (0.05 * values)

        low = [-20, np.log(physical), -20, np.log(physical)]
        high = [5, np.log(np.log(2) / 0.5), 5, np.log(np.log(2) / 0.5)]
        best = min(2 * least_squares(misfit, rng.uniform(low, high), bounds=(low, high)).cost for _ in range(25))
        assert found.chi_square <= best * 1.001 + 1e-6
