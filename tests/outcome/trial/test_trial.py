"""Designs of trials against published tables."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import PlanningError, QuantityError
from hemadose.outcome.trial.boin import boin, closed_from, next_level, selected_level, simulate_boin
from hemadose.outcome.trial.crm import Crm, posterior, recommended_level, skeleton
from hemadose.outcome.trial.titration import Levels, isotonic
from hemadose.outcome.trial.two_stage import simon_designs, two_stage


@pytest.mark.parametrize(
    ("poor", "good", "optimal", "minimax"),
    [
        (0.05, 0.25, (0, 9, 2, 17, 12.0, 0.63), (0, 12, 2, 16, 13.8, 0.54)),
        (0.10, 0.30, (1, 10, 5, 29, 15.0, 0.74), (1, 15, 5, 25, 19.5, 0.55)),
        (0.20, 0.40, (3, 13, 12, 43, 20.6, 0.75), (4, 18, 10, 33, 22.3, 0.72)),
    ],
)
def test_simon_designs_in_print(poor, good, optimal, minimax):
    """Simon R. Control Clin Trials 1989;10:1-10, Tables 1 and 2, alpha 0.05, beta 0.20."""
    for found, printed in zip(simon_designs(poor=poor, good=good), (optimal, minimax), strict=True):
        assert (found.r1, found.n1, found.r, found.n) == printed[:4]
        assert found.expected_n_poor == pytest.approx(printed[4], abs=0.05)
        assert found.early_stop_poor == pytest.approx(printed[5], abs=0.005)
        assert found.alpha <= 0.05
        assert found.power >= 0.80


def test_characteristics_of_a_design_by_simulation():
    design = two_stage(r1=1, n1=10, r=5, n=29, poor=0.1, good=0.3)
    rng = np.random.default_rng(1)
    first, second = rng.binomial(10, 0.3, 200_000), rng.binomial(19, 0.3, 200_000)
    on = (first > 1) & (first + second > 5)
    assert design.power == pytest.approx(on.mean(), abs=0.005)
    assert design.expected_n_good == pytest.approx(10.0 + 19.0 * np.mean(first > 1), abs=0.05)


def test_impossible_two_stage_designs():
    with pytest.raises(PlanningError, match="no two-stage"):
        simon_designs(poor=0.1, good=0.15, largest_n=20)
    with pytest.raises(QuantityError, match="out of order"):
        simon_designs(poor=0.3, good=0.1)
    with pytest.raises(QuantityError, match="out of order"):
        two_stage(r1=5, n1=5, r=6, n=10, poor=0.1, good=0.3)


@pytest.mark.parametrize(
    ("target", "up", "down"), [(0.15, 0.118, 0.179), (0.2, 0.157, 0.238), (0.25, 0.197, 0.298), (0.3, 0.236, 0.358)]
)
def test_boundaries_in_print(target, up, down):
    """Liu S, Yuan Y. J R Stat Soc C 2015;64:507-523, Table 1."""
    assert boin(target).boundaries == pytest.approx((up, down), abs=1.1e-3)


@pytest.mark.parametrize(
    ("toxic", "treated", "level"),
    [([0, 0], [3, 0], 1), ([1, 0], [3, 0], 0), ([0, 2], [3, 3], 0), ([0, 1], [3, 3], 1), ([0, 1], [3, 6], 1)],
)
def test_moves(toxic, treated, level):
    current = 1 if treated[1] else 0
    assert next_level(boin(0.3), toxic, treated, current=current) == level


def test_a_level_that_is_too_toxic_is_closed():
    """Three of three: P(rate > 0.3) = 1 - 0.3^4 = 0.992; two of three: 0.916."""
    assert closed_from(boin(0.3), [0, 3, 0], [3, 3, 0]) == 1
    assert closed_from(boin(0.3), [0, 2, 0], [3, 3, 0]) == 3
    assert next_level(boin(0.3), [3, 0], [3, 0], current=0) is None


def test_organ_doses_bound_the_level():
    levels = Levels(activity_bq=(5e9, 10e9, 15e9, 20e9))
    kidneys = {"kidneys": 1.59e-9}
    may = levels.allowed(kidneys, {"kidneys": 23.0})
    assert may == 2
    assert next_level(boin(0.3), [0, 0, 0, 0], [3, 3, 0, 0], current=1, allowed=may) == 1
    assert next_level(boin(0.3), [0, 0, 0, 0], [3, 0, 0, 0], current=0, allowed=0) is None
    with pytest.raises(PlanningError, match="coefficient"):
        levels.allowed(kidneys, {"liver": 20.0})


def test_isotonic_rates_against_their_definition():
    rng = np.random.default_rng(2)
    rates, weights = rng.random(8), rng.uniform(1.0, 5.0, 8)
    found = isotonic(rates, weights)
    assert np.all(np.diff(found) >= 0.0)
    assert found @ weights == pytest.approx(rates @ weights)
    for _ in range(200):  # no rising sequence is closer
        other = np.sort(found + 0.1 * rng.standard_normal(8))
        assert weights @ (found - rates) ** 2 <= weights @ (other - rates) ** 2 + 1e-12


def test_a_trial_finds_the_right_level_more_often_than_others():
    truth = (0.05, 0.12, 0.30, 0.50)
    found = simulate_boin(boin(0.3), truth, cohorts=10, trials=400)
    assert np.argmax(found.selected) == 2
    assert found.selected.sum() + found.none_selected == pytest.approx(1.0)
    assert found.patients.sum() <= 30.0
    poison = simulate_boin(boin(0.3), (0.7, 0.8), cohorts=10, trials=200)
    assert poison.none_selected > 0.9
    assert selected_level(boin(0.3), [0, 0], [0, 0]) is None


def test_organ_limits_keep_patients_from_high_levels():
    truth = (0.02, 0.05, 0.10, 0.15)
    free = simulate_boin(boin(0.3), truth, trials=200)
    bound = simulate_boin(boin(0.3), truth, trials=200, allowed=(1.0, 1.0, 0.5, 0.1))
    assert bound.patients[3] < 0.3 * free.patients[3]


def test_skeleton_in_print():
    """Cheung YK. Dose Finding by the CRM (2011), getprior(0.05, 0.25, 3, 5): 0.08 0.16 0.25 0.35 0.46."""
    assert skeleton(0.25, levels=5, best=2) == pytest.approx((0.08, 0.16, 0.25, 0.35, 0.46), abs=0.005)


def test_the_posterior_against_brute_force():
    design = Crm(target=0.25, skeleton=skeleton(0.25, levels=5, best=2))
    toxic, treated = [0, 1, 2, 0, 0], [3, 3, 3, 0, 0]
    found = posterior(design, toxic, treated)
    rng = np.random.default_rng(3)
    a = design.prior_sd * rng.standard_normal(400_000)
    p = np.asarray(design.skeleton)[None, :] ** np.exp(a)[:, None]
    weight = np.prod(p ** np.array(toxic) * (1.0 - p) ** (np.array(treated) - np.array(toxic)), axis=1)
    assert found.toxicity == pytest.approx(weight @ p / weight.sum(), abs=0.004)
    assert np.all((found.low < found.toxicity) & (found.toxicity < found.high))


def test_no_level_is_skipped_and_toxicity_stops():
    design = Crm(target=0.25, skeleton=skeleton(0.25, levels=5, best=2))
    assert recommended_level(design, [0] * 5, [0] * 5) == 0
    assert recommended_level(design, [0] * 5, [3, 0, 0, 0, 0]) == 1
    assert recommended_level(design, [0] * 5, [3, 0, 0, 0, 0], skip=True) > 1
    assert recommended_level(design, [0] * 5, [3, 0, 0, 0, 0], allowed=1) == 0
    assert recommended_level(design, [3, 0, 0, 0, 0], [3, 0, 0, 0, 0]) is None
    with pytest.raises(QuantityError, match="do not fit"):
        recommended_level(design, [4, 0, 0, 0, 0], [3, 0, 0, 0, 0])


def test_patients_who_may_have_no_level_do_not_enter():
    """Half of all patients may not have the lowest level: the trial is the one without them, not one that ends."""
    truth = (0.05, 0.12, 0.30, 0.50)
    whole = simulate_boin(boin(0.3), truth, trials=300)
    half = simulate_boin(boin(0.3), truth, trials=300, allowed=(0.5, 0.5, 0.5, 0.5))
    assert half.patients.sum() == pytest.approx(whole.patients.sum())
    assert half.none_selected == pytest.approx(whole.none_selected, abs=0.03)
