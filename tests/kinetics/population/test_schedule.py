"""Sampling times: closed-form optimum of one sample, agreement with simulation, reduction."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import FitError
from hemadose.kinetics.population import (
    PopulationPrior,
    expected_relative_sd,
    preposterior,
    recommend_times,
    reduce_schedule,
)
from hemadose.units import HOUR_S as H
from hemadose.units import LN2


def prior(*, half_life_h=50.0, spread=0.2, noise=0.05, **more):
    return PopulationPrior.from_half_lives(
        physical_half_life_s=159.53 * H,
        effective_half_life_s=half_life_h * H,
        half_life_relative_sd=spread,
        relative_sd=noise,
        **more,
    )


@pytest.mark.parametrize("half_life_h", [33.0, 50.0, 80.0])
def test_one_sample_is_best_at_the_mean_life(half_life_h):
    # integral = A(t) exp(k t) / k does not depend on k to first order at t = 1/k = T / ln 2; for T = 50 h that is 72 h,
    # the time Hou et al. 2021 find best for 177Lu-DOTATATE
    narrow = prior(half_life_h=half_life_h, spread=0.03, noise=0.01, amplitude_relative_sd=20.0)
    best = recommend_times(narrow, samples=1, candidates_s=np.arange(10, 200, 1.0) * H)[0]
    assert best.times_s[0] / H == pytest.approx(half_life_h / LN2, abs=1.5)
    assert best.relative_sd == pytest.approx(0.01, rel=0.05)


def test_one_sample_elsewhere_has_the_closed_form():
    narrow = prior(spread=0.03, noise=0.02, amplitude_relative_sd=50.0)
    rate = LN2 / (50 * H)
    for hours in (12.0, 140.0):
        exact = np.hypot(0.02, (rate * hours * H - 1.0) * 0.03)
        assert expected_relative_sd(narrow, [hours * H]) == pytest.approx(exact, rel=0.05)


def test_expected_uncertainty_agrees_with_simulation():
    wide = prior(uptake_half_life_s=3.0 * H, spread=0.25, noise=0.08)
    for hours in ([48.0], [24.0, 96.0], [4.0, 24.0, 96.0, 168.0]):
        times = [h * H for h in hours]
        told = preposterior(wide, times, patients=400, draws=300)
        assert expected_relative_sd(wide, times) == pytest.approx(told.relative_rmse, rel=0.25)


def test_more_samples_never_make_it_worse_and_none_leave_the_population():
    wide = prior(uptake_half_life_s=3.0 * H)
    reduced = reduce_schedule(wide, [h * H for h in (4.0, 24.0, 48.0, 96.0, 168.0)])
    sds = [quality.relative_sd for quality in reduced]
    assert [len(quality.times_s) for quality in reduced] == [5, 4, 3, 2, 1]
    assert sds == sorted(sds)
    assert expected_relative_sd(wide, []) > sds[-1]
    assert set(reduced[2].times_s) <= set(reduced[0].times_s)


def test_exchange_finds_what_all_combinations_find(monkeypatch):
    wide = prior(uptake_half_life_s=3.0 * H)
    times = np.array([2, 4, 8, 24, 30, 48, 54, 72, 96, 120, 144, 168.0]) * H
    every = recommend_times(wide, samples=3, candidates_s=times)
    monkeypatch.setattr("hemadose.kinetics.population.schedule._EXHAUSTIVE", 10)
    quick = recommend_times(wide, samples=3, candidates_s=times)
    assert quick[0].relative_sd == pytest.approx(every[0].relative_sd)
    assert len(every) == 5
    assert len(quick) == 1


def test_fixed_times_are_kept():
    best = recommend_times(prior(), samples=1, candidates_s=np.array([24.0, 48.0, 96.0, 168.0]) * H, fixed_s=[4 * H])[0]
    assert best.times_s[0] == 4 * H
    assert len(best.times_s) == 2


def test_an_absolute_error_forbids_late_times():
    free = recommend_times(prior(), samples=2, candidates_s=np.arange(4, 340, 12.0) * H)[0]
    bound = recommend_times(prior(), samples=2, candidates_s=np.arange(4, 340, 12.0) * H, floor=0.03)[0]
    assert max(bound.times_s) < max(free.times_s)


def test_what_is_refused():
    with pytest.raises(FitError, match="fewer possible times"):
        recommend_times(prior(), samples=3, candidates_s=[H, 2 * H])
    with pytest.raises(FitError, match="before the administration"):
        expected_relative_sd(prior(), [-1.0])
    with pytest.raises(FitError, match="cannot be reduced"):
        reduce_schedule(prior(), [])
