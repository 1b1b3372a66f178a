"""Firth's logistic regression and the ROC area: closed forms, other programs, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics import firth_logistic, roc_area


@pytest.mark.parametrize(("a", "b", "c", "d"), [(6, 1, 2, 5), (7, 0, 2, 5), (3, 0, 0, 4)])
def test_two_by_two_adds_one_half(a: int, b: int, c: int, d: int) -> None:
    # Jeffreys' prior in a saturated table: one half to each cell, also where a cell is empty
    model = firth_logistic(
        response=[1] * a + [0] * b + [1] * c + [0] * d, covariates=[1] * (a + b) + [0] * (c + d), names=["high"]
    )
    expected = np.log((a + 0.5) * (d + 0.5) / (b + 0.5) / (c + 0.5))
    assert model.effects[0].coefficient == pytest.approx(expected, abs=1e-6)
    assert model.intercept == pytest.approx(np.log((c + 0.5) / (d + 0.5)), abs=1e-6)
    assert model.probability([1]) == pytest.approx((a + 0.5) / (a + b + 1), abs=1e-7)
    assert model.separated == (0 in (b, c))


def profile(x: np.ndarray, y: np.ndarray, slope: float) -> float:
    """Penalised log-likelihood at a slope, largest over the intercept, by a plain optimiser."""

    def height(a: float) -> float:
        p = 1 / (1 + np.exp(-(a + slope * x)))
        w = p * (1 - p)
        information = np.array([[w.sum(), (w * x).sum()], [(w * x).sum(), (w * x * x).sum()]])
        return float((y * np.log(p) + (1 - y) * np.log(1 - p)).sum() + 0.5 * np.linalg.slogdet(information)[1])

    return -float(
        optimize.minimize_scalar(lambda a: -height(a), bounds=(-60, 30), method="bounded", options={"xatol": 1e-10}).fun
    )


def test_profile_limits_and_p_by_a_plain_optimiser() -> None:
    x, y = np.array([0.2, 0.9, 1.1, 1.8, 2.0, 2.9, 3.1, 4.0]), np.array([0, 0, 1, 0, 1, 0, 1, 1.0])
    model = firth_logistic(response=y, covariates=x)
    effect, best = model.effects[0], model.log_likelihood
    assert profile(x, y, effect.coefficient) == pytest.approx(best, abs=1e-8)
    for limit in (effect.low, effect.high):
        assert 2 * (best - profile(x, y, limit)) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-5)
    assert effect.p == pytest.approx(stats.chi2.sf(2 * (best - profile(x, y, 0.0)), 1), abs=1e-6)
    assert effect.low < effect.coefficient < effect.high


def test_separated_doses_stay_finite_and_are_told() -> None:
    model = firth_logistic(response=[0, 0, 0, 1, 1, 1], covariates=[10, 12, 15, 18, 21, 30], names=["dose_gy"])
    assert model.separated
    assert 0 < model.effects[0].coefficient < 1
    assert np.isfinite(model.effects[0].high)
    assert "separation" in model.notes[0]
    mixed = firth_logistic(response=[0, 1, 0, 1, 0, 1], covariates=[10, 12, 15, 18, 21, 30])
    assert not mixed.separated


def test_units_do_not_matter() -> None:
    x, y = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), [0, 0, 1, 0, 1, 1]
    one, two = firth_logistic(response=y, covariates=x), firth_logistic(response=y, covariates=1000 * x + 7)
    assert two.effects[0].coefficient * 1000 == pytest.approx(one.effects[0].coefficient, rel=1e-6)
    assert two.effects[0].high * 1000 == pytest.approx(one.effects[0].high, rel=1e-5)
    assert two.effects[0].p == pytest.approx(one.effects[0].p, rel=1e-6)


def test_many_patients_approach_maximum_likelihood() -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(4000, 2))
    y = rng.random(4000) < 1 / (1 + np.exp(-(0.3 + x @ [0.8, -0.5])))
    model = firth_logistic(response=y, covariates=x)
    assert [e.coefficient for e in model.effects] == pytest.approx([0.8, -0.5], abs=0.12)
    assert model.notes == ()
    assert model.effects[0].low > 0.6


def test_firth_refusals() -> None:
    with pytest.raises(InputError, match="only one outcome"):
        firth_logistic(response=[1, 1, 1], covariates=[1, 2, 3])
    with pytest.raises(InputError, match="yes or no"):
        firth_logistic(response=[1, 2, 0], covariates=[1, 2, 3])
    with pytest.raises(InputError, match="constant"):
        firth_logistic(response=[1, 0, 1], covariates=[2, 2, 2])
    with pytest.raises(InputError, match="collinear"):
        firth_logistic(response=[1, 0, 1, 0], covariates=[[1, 2], [2, 4], [3, 6], [5, 10]])
    with pytest.raises(QuantityError):
        firth_logistic(response=[1, 0, 1], covariates=[1, np.nan, 3])
    with pytest.raises(InputError, match="one value"):
        firth_logistic(response=[1, 0, 1, 0], covariates=[1, 2, 3, 5]).probability([1, 2])


def test_area_and_delong_error_by_hand() -> None:
    # pairs won: 4.5 of 6; placements of the positives 1, 0.5 (tie), 0.75 ...
    scores, truth = [1, 2, 3, 2, 5], [0, 0, 0, 1, 1]
    found = roc_area(scores=scores, positive=truth, method="delong")
    assert found.area == pytest.approx(4.5 / 6)
    over, under = np.array([1.5 / 3, 1.0]), np.array([1.0, 0.75, 0.5])
    assert found.standard_error == pytest.approx(np.sqrt(over.var(ddof=1) / 2 + under.var(ddof=1) / 3))
    half = 1.959963984540054 * found.standard_error / (0.75 * 0.25)
    assert found.high == pytest.approx(1 / (1 + np.exp(-(np.log(3) + half))))


def test_perfect_ranking_of_seven_keeps_an_honest_lower_limit() -> None:
    found = roc_area(scores=[1, 2, 3, 4, 5, 8, 9], positive=[0, 0, 0, 0, 0, 1, 1])
    assert found.area == found.high == 1.0
    assert found.low < 0.5
    assert found.p == found.least_p == pytest.approx(2 / 21)
    reverse = roc_area(scores=[9, 8, 5, 4, 3, 2, 1], positive=[0, 0, 0, 0, 0, 1, 1])
    assert reverse.area == reverse.low == 0.0
    assert reverse.high == pytest.approx(1 - found.low)
    with pytest.raises(InputError, match="DeLong"):
        roc_area(scores=[1, 2, 3], positive=[0, 0, 1], method="delong")


def test_score_interval_solves_its_equation() -> None:
    found = roc_area(scores=[1, 2, 3, 4, 5, 8, 2.5], positive=[0, 0, 0, 0, 0, 1, 1])
    for t in (found.low, found.high):
        variance = t * (1 - t) * (1 + 2.5 * ((1 - t) / (2 - t) + t / (1 + t))) / 10
        assert abs(found.area - t) == pytest.approx(1.959963984540054 * np.sqrt(variance))


def test_score_interval_covers_in_small_series() -> None:
    rng, truth = np.random.default_rng(12), np.array([1] * 6 + [0] * 10)
    area = stats.norm.cdf(1.2 / np.sqrt(2))
    hits = []
    for _ in range(400):
        found = roc_area(scores=rng.normal(size=16) + 1.2 * truth, positive=truth)
        hits.append(found.low <= area <= found.high)
    assert np.mean(hits) > 0.92


def test_roc_refusals() -> None:
    with pytest.raises(InputError, match="both outcomes"):
        roc_area(scores=[1, 2], positive=[1, 1])
    with pytest.raises(InputError, match="unknown method"):
        roc_area(scores=[1, 2], positive=[0, 1], method="bootstrap")
    with pytest.raises(QuantityError):
        roc_area(scores=[1, np.nan], positive=[0, 1])
    with pytest.raises(InputError):
        roc_area(scores=[1, 2, 3], positive=[0, 1])
