"""Fit of a population: truth recovered from full and sparse cohorts, likelihood against a closed form."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import FitError
from hemadose.kinetics.population import PopulationPrior, SampleSet, fit_cohort, population_form
from hemadose.kinetics.population.posterior import Batch, random_numbers, weighted_draws
from hemadose.units import HOUR_S as H
from hemadose.units import LN2

PHYSICAL = LN2 / (159.53 * H)


def truth(form="mono", noise=0.06):
    mean = {
        "mono": [np.log(0.02), np.log(LN2 / (55 * H))],
        "uptake_clearance": [np.log(0.02), np.log(LN2 / (55 * H)), np.log(LN2 / (3 * H))],
    }
    covariance = {
        "mono": [[0.09, 0.03], [0.03, 0.06]],
        "uptake_clearance": [[0.09, 0.03, 0.0], [0.03, 0.06, 0.0], [0.0, 0.0, 0.09]],
    }
    return PopulationPrior(
        form=population_form(form),
        mean=np.array(mean[form]),
        covariance=np.array(covariance[form]),
        relative_sd=noise,
        physical_rate_per_s=PHYSICAL,
    )


def cohort(prior, patients, schedules, *, seed=2):
    rng = np.random.default_rng(seed)
    theta = prior.drawn(patients, rng=rng)
    sets = []
    for i, one in enumerate(theta):
        times = np.array(schedules[i % len(schedules)]) * H
        value = prior.form.activity(one, times, physical_rate=PHYSICAL)
        sets.append(SampleSet(times_s=times, values=value * (1 + prior.relative_sd * rng.standard_normal(len(times)))))
    return sets, theta


def test_full_cohort_gives_the_population_back():
    prior = truth()
    sets, theta = cohort(prior, 60, [(4.0, 24.0, 48.0, 96.0, 168.0)])
    found = fit_cohort(sets, form="mono", physical_rate_per_s=PHYSICAL)
    # against the sample of patients that was drawn, not the population: the rest is sampling error
    assert found.prior.mean == pytest.approx(theta.mean(axis=0), abs=0.05)
    assert np.sqrt(np.diag(found.prior.covariance)) == pytest.approx(theta.std(axis=0), rel=0.15)
    assert found.prior.covariance[0, 1] == pytest.approx(np.cov(theta.T)[0, 1], abs=0.02)
    assert found.prior.relative_sd == pytest.approx(0.06, rel=0.2)
    assert (found.shrinkage < 0.3).all()
    assert found.prior.subjects == 60


def test_sparse_cohort_still_gives_means_and_spread():
    # two samples each, at different times: no patient could be fitted alone with an uptake phase
    prior = truth("uptake_clearance")
    sets, theta = cohort(prior, 80, [(1.0, 24.0), (4.0, 96.0), (24.0, 168.0), (2.0, 48.0)])
    found = fit_cohort(sets, form="uptake_clearance", physical_rate_per_s=PHYSICAL, draws=250, rounds=120)
    assert found.prior.mean[:2] == pytest.approx(theta.mean(axis=0)[:2], abs=0.12)
    assert found.prior.mean[2] == pytest.approx(theta.mean(axis=0)[2], abs=0.35)
    assert np.sqrt(found.prior.covariance[1, 1]) == pytest.approx(theta.std(axis=0)[1], rel=0.4)
    assert any("hardly determine" in note for note in found.notes)


def test_the_better_form_has_the_lower_aic():
    sets, _ = cohort(truth("uptake_clearance"), 30, [(1.0, 4.0, 24.0, 48.0, 168.0)])
    one = fit_cohort(sets, form="mono", physical_rate_per_s=PHYSICAL, draws=150, rounds=60)
    two = fit_cohort(sets, form="uptake_clearance", physical_rate_per_s=PHYSICAL, draws=150, rounds=60)
    assert two.aic < one.aic - 10.0


def test_marginal_likelihood_of_one_known_gaussian():
    # sharp clearance, little noise: ln y is normal with variance of ln A plus error
    prior = PopulationPrior(
        form=population_form("mono"),
        mean=np.array([0.0, np.log(LN2 / (55 * H))]),
        covariance=np.diag([0.04, 1e-8]),
        relative_sd=0.01,
        physical_rate_per_s=PHYSICAL,
    )
    y, t = 1.1, 24 * H
    batch = Batch.of([SampleSet(times_s=np.array([t]), values=np.array([y]))])
    normals, chi = random_numbers(1, 20_000, 2, rng=np.random.default_rng(1))
    told = weighted_draws(prior, batch, covariance=prior.covariance, normals=normals, chi=chi).log_likelihood[0]
    expected = -(PHYSICAL + LN2 / (55 * H)) * t
    variance = 0.04 + 0.01**2
    exact = -0.5 * ((np.log(y) - expected) ** 2 / variance + np.log(2 * np.pi * variance)) - np.log(y)
    assert told == pytest.approx(exact, abs=0.01)


def test_what_is_refused():
    sets, _ = cohort(truth(), 10, [(24.0,)])
    with pytest.raises(FitError, match="no patient has two samples"):
        fit_cohort(sets, form="mono", physical_rate_per_s=PHYSICAL)
    with pytest.raises(FitError, match="too few patients"):
        fit_cohort(sets[:3], form="mono", physical_rate_per_s=PHYSICAL)
    with pytest.raises(FitError, match="unknown form"):
        fit_cohort(sets, form="spline", physical_rate_per_s=PHYSICAL)
