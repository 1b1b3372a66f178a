"""Bayesian update of one patient: limits, closed forms, calibration of the stated uncertainty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from hemadose.errors import FitError, QuantityError
from hemadose.kinetics import madsen_tia_bq_s
from hemadose.kinetics.population import (
    PopulationPrior,
    SampleSet,
    population_curve,
    population_form,
    posterior_draws,
    preposterior,
)
from hemadose.model import ActivitySample, ActivitySeries
from hemadose.units import HOUR_S as H
from hemadose.units import LN2

LU_H = 159.53


def mono(*, half_life_h=41.0, spread=0.25, noise=0.05, **more):
    # half-life of kidneys and its spread: Haenscheid 2022, 41 +- 10 h
    return PopulationPrior.from_half_lives(
        physical_half_life_s=LU_H * H,
        effective_half_life_s=half_life_h * H,
        half_life_relative_sd=spread,
        relative_sd=noise,
        **more,
    )


def with_uptake(**more):
    return mono(uptake_half_life_s=2.0 * H, **more)


def series(*pairs, sd=0.05, shared=0.0):
    samples = tuple(
        ActivitySample(region="kidneys", time_s=h * H, activity_bq=a, sd_bq=None if sd is None else sd * a)
        for h, a in pairs
    )
    return ActivitySeries(region="kidneys", samples=samples, shared_relative_sd=shared)


def test_without_samples_the_population_comes_back():
    prior = with_uptake()
    theta, _ = posterior_draws(prior, [SampleSet(times_s=np.array([]), values=np.array([]))], draws=4000)
    assert theta[0].mean(axis=0) == pytest.approx(prior.mean, abs=0.05)
    assert np.allclose(np.cov(theta[0].T), prior.covariance, atol=0.06)


def test_many_exact_samples_leave_nothing_to_the_population():
    prior = mono(amplitude_relative_sd=2.0)
    truth = np.array([np.log(3.0), np.log(LN2 / (70 * H) - LN2 / (LU_H * H))])
    times = np.linspace(5, 150, 8) * H
    values = prior.form.activity(truth, times, physical_rate=prior.physical_rate_per_s)
    theta, _ = posterior_draws(prior, [SampleSet(times_s=times, values=values, sds=0.003 * values)], draws=1000)
    exact = prior.form.integral(truth, physical_rate=prior.physical_rate_per_s)
    drawn = prior.form.integral(theta[0], physical_rate=prior.physical_rate_per_s)
    assert drawn.mean() == pytest.approx(float(exact), rel=0.003)
    assert drawn.std() / drawn.mean() < 0.005


def test_a_sharp_population_is_madsens_method():
    # STP2 of the check cases: 0.6 at 96 h, population half-life 51 h: 162.7574 h
    prior = mono(half_life_h=51.0, spread=0.001, amplitude_relative_sd=5.0)
    found = population_curve(series((96.0, 0.6), sd=0.001), prior=prior)
    assert madsen_tia_bq_s(activity_bq=0.6, time_s=96.0, half_life_s=51.0) == pytest.approx(162.7574, rel=1e-5)
    assert found.tia_bq_s / H == pytest.approx(162.7574, rel=0.004)


def test_linear_gaussian_limit():
    # little spread and little noise: ln A and ln k are a linear Gaussian model with a closed-form posterior
    prior = mono(spread=0.02, noise=0.01, amplitude_relative_sd=0.05)
    physical = prior.physical_rate_per_s
    clearance = np.exp(prior.mean[1])
    times = np.array([30.0, 100.0]) * H
    values = prior.form.activity(prior.mean, times, physical_rate=physical) * np.array([1.01, 0.99])
    design = np.stack([np.ones(2), -clearance * times], axis=1)
    precision = np.linalg.inv(prior.covariance) + design.T @ design / 0.01**2
    shift = np.linalg.solve(precision, design.T @ np.log([1.01, 0.99]) / 0.01**2)
    theta, _ = posterior_draws(prior, [SampleSet(times_s=times, values=values)], draws=4000)
    assert theta[0].mean(axis=0) - prior.mean == pytest.approx(shift, abs=3e-3)
    assert np.allclose(np.cov(theta[0].T), np.linalg.inv(precision), rtol=0.12, atol=3e-6)


@pytest.mark.parametrize(
    ("prior", "hours"),
    [
        (mono(), (24.0,)),
        (mono(spread=0.4), (96.0,)),
        (with_uptake(), (24.0, 96.0)),
        (with_uptake(noise=0.1), (4.0, 48.0, 120.0)),
    ],
    ids=["one early", "one late", "two", "three"],
)
def test_simulation_based_calibration(prior, hours):
    # Talts et al. 2018: ranks of the truth are uniform, intervals cover
    told = preposterior(prior, [h * H for h in hours], patients=500, draws=400)
    assert 0.92 <= told.coverage <= 0.98
    assert kstest(told.ranks, "uniform").pvalue > 0.01
    assert told.relative_rmse == pytest.approx(told.stated_relative_sd, rel=0.25)
    assert abs(told.bias) < 0.03


def test_calibration_test_would_notice_a_prior_that_is_too_sure():
    prior = mono(spread=0.4)
    rng = np.random.default_rng(5)
    truth = prior.drawn(400, rng=rng)
    times = np.array([24.0 * H])
    value = prior.form.activity(truth, times, physical_rate=prior.physical_rate_per_s)
    sets = [SampleSet(times_s=times, values=v * (1 + 0.05 * rng.standard_normal(1))) for v in value]
    sure = replace(prior, covariance=prior.covariance * np.array([[1.0, 0.3], [0.3, 0.09]]))
    theta, _ = posterior_draws(sure, sets, draws=400)
    drawn = prior.form.integral(theta, physical_rate=prior.physical_rate_per_s)
    true = prior.form.integral(truth, physical_rate=prior.physical_rate_per_s)
    low, high = np.quantile(drawn, (0.025, 0.975), axis=1)
    assert np.mean((low <= true) & (true <= high)) < 0.7


def test_a_small_cohort_is_less_sure():
    prior = replace(mono(), subjects=4)
    assert prior.predictive_covariance == pytest.approx(1.25 * prior.covariance)


def test_curve_fits_its_integral_and_carries_the_shared_error():
    alone = population_curve(series((24.0, 2.0), (96.0, 0.6)), prior=mono(), draws=3000)
    shared = population_curve(series((24.0, 2.0), (96.0, 0.6), shared=0.1), prior=mono(), draws=3000)
    assert alone.curve.integral_bq_s() == pytest.approx(alone.tia_bq_s)
    assert alone.ensemble.draws == 3000
    widened = np.hypot(alone.tia_sd_bq_s / alone.tia_bq_s, 0.1)
    assert shared.tia_sd_bq_s / shared.tia_bq_s == pytest.approx(widened, rel=0.1)
    assert alone.model == "population_mono"


def test_units_cancel():
    share = population_curve(series((24.0, 2e8)), prior=mono(amplitude=0.02), unit_bq=1e10)
    plain = population_curve(series((24.0, 2e-2)), prior=mono(amplitude=0.02))
    assert share.tia_bq_s == pytest.approx(1e10 * plain.tia_bq_s)


def test_notes_say_what_rests_on_the_population_and_who_does_not_belong():
    one = population_curve(series((24.0, 1.0)), prior=mono(source="a cohort"))
    assert any("clearance_per_s comes from the population" in note for note in one.notes)
    assert any("a cohort" in note for note in one.notes)
    assert not any("outside the population" in note for note in one.notes)
    odd = population_curve(series((2.0, 1.0), (24.0, 0.02), (30.0, 0.01)), prior=mono(spread=0.1))
    assert any("outside the population" in note for note in odd.notes)


def test_what_is_refused():
    with pytest.raises(FitError, match="above zero"):
        SampleSet(times_s=np.array([1.0]), values=np.array([0.0]))
    with pytest.raises(FitError, match="before the administration"):
        SampleSet(times_s=np.array([-1.0]), values=np.array([1.0]))
    with pytest.raises(FitError, match="positive uncertainty"):
        SampleSet(times_s=np.array([1.0]), values=np.array([1.0]), sds=np.array([0.0]))
    with pytest.raises(FitError, match="unknown form"):
        population_form("tri")
    with pytest.raises(QuantityError, match="shorter than the physical"):
        mono(half_life_h=170.0)
    with pytest.raises(QuantityError, match="symmetric and positive"):
        replace(mono(), covariance=np.zeros((2, 2)))
