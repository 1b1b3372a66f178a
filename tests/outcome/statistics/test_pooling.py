"""Pooling against the worked example of R's metafor (BCG vaccine trials) and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics import pool_estimates, pool_proportions

# Colditz et al., JAMA 1994;271:698: tuberculosis yes/no among vaccinated, yes/no among controls
BCG = np.array(
    [
        [4, 119, 11, 128],
        [6, 300, 29, 274],
        [3, 228, 11, 209],
        [62, 13536, 248, 12619],
        [33, 5036, 47, 5761],
        [180, 1361, 372, 1079],
        [8, 2537, 10, 619],
        [505, 87886, 499, 87892],
        [29, 7470, 45, 7232],
        [17, 1699, 65, 1600],
        [186, 50448, 141, 27197],
        [5, 2493, 3, 2338],
        [27, 16886, 29, 17825],
    ],
    dtype=float,
)
A, B, C, D = BCG.T
LOG_RATIO = np.log(A / (A + B) / (C / (C + D)))
VARIANCE = 1 / A - 1 / (A + B) + 1 / C - 1 / (C + D)


@pytest.mark.parametrize(
    ("method", "estimate", "error", "low", "high", "tau2"),
    # Viechtbauer, J Stat Softw 2010;36(3): REML -0.7145, se 0.1798, -1.0669 to -0.3622, tau2 0.3132;
    # other estimators from metafor's documentation of the same data
    [
        ("reml", -0.7145, 0.1798, -1.0669, -0.3622, 0.3132),
        ("dersimonian-laird", -0.7141, 0.1787, -1.0644, -0.3638, 0.3088),
        ("fixed", -0.4303, 0.0405, -0.5097, -0.3509, 0.0),
    ],
)
def test_bcg(method: str, estimate: float, error: float, low: float, high: float, tau2: float) -> None:
    found = pool_estimates(estimates=LOG_RATIO, variances=VARIANCE, method=method, interval="wald")
    values = (found.estimate, found.standard_error, found.low, found.high, found.tau2)
    assert values == pytest.approx((estimate, error, low, high, tau2), abs=6e-5)
    assert found.q == pytest.approx(152.2330, abs=6e-5)
    assert found.i2 == pytest.approx(0.9212, abs=6e-5)


def test_bcg_interval_of_the_variance() -> None:
    # Viechtbauer 2010: Q-profile 0.1197 to 1.1115
    found = pool_estimates(estimates=LOG_RATIO, variances=VARIANCE)
    assert (found.tau2_low, found.tau2_high) == pytest.approx((0.1197, 1.1115), abs=6e-5)


def test_paule_mandel_makes_q_its_degrees_of_freedom() -> None:
    found = pool_estimates(estimates=LOG_RATIO, variances=VARIANCE, method="paule-mandel")
    w = 1 / (VARIANCE + found.tau2)
    mean = (w * LOG_RATIO).sum() / w.sum()
    assert (w * (LOG_RATIO - mean) ** 2).sum() == pytest.approx(12.0, abs=1e-9)


def test_reml_is_the_top_of_its_likelihood() -> None:
    def height(tau2: float) -> float:
        w = 1 / (VARIANCE + tau2)
        mean = (w * LOG_RATIO).sum() / w.sum()
        return float(0.5 * (np.log(w).sum() - np.log(w.sum()) - (w * (LOG_RATIO - mean) ** 2).sum()))

    tau2 = pool_estimates(estimates=LOG_RATIO, variances=VARIANCE).tau2
    assert height(tau2) > max(height(tau2 * 0.999), height(tau2 * 1.001))


def test_equal_variances_give_the_t_interval_of_the_mean() -> None:
    # with equal variances Hartung-Knapp is the one-sample t interval
    y = np.array([0.1, 0.5, 0.9, 1.4])
    found = pool_estimates(estimates=y, variances=np.full(4, 0.04))
    half = 3.182446305284263 * y.std(ddof=1) / 2
    assert (found.low, found.high) == pytest.approx((y.mean() - half, y.mean() + half), abs=1e-9)
    assert found.tau2 == pytest.approx(y.var(ddof=1) - 0.04, abs=1e-9)
    assert found.prediction_low < found.low
    assert sum(found.weights) == pytest.approx(1)


def test_homogeneous_centres() -> None:
    found = pool_estimates(estimates=[0.3, 0.31, 0.29], variances=[0.1, 0.2, 0.1])
    assert found.tau2 == found.i2 == found.tau2_low == 0.0
    assert any("narrower than Wald" in note for note in found.notes)
    assert any("3 centres" in note for note in found.notes)


def test_proportions_of_equal_centres_are_their_proportion() -> None:
    for scale in ("logit", "freeman-tukey"):
        found = pool_proportions(successes=[10, 10], totals=[40, 40], scale=scale, method="fixed")
        assert found.estimate == pytest.approx(0.25, abs=1e-9)
        assert 0 < found.low < 0.25 < found.high < 1


def test_logit_fixed_by_hand() -> None:
    found = pool_proportions(successes=[13, 5], totals=[76, 29], method="fixed")
    v = np.array([1 / 13 + 1 / 63, 1 / 5 + 1 / 24])
    mean = (np.log([13 / 63, 5 / 24]) / v).sum() / (1 / v).sum()
    assert found.estimate == pytest.approx(1 / (1 + np.exp(-mean)))


def test_a_centre_without_events_is_kept_and_told() -> None:
    found = pool_proportions(successes=[13, 0, 3], totals=[76, 10, 11])
    assert any("one half added" in note and "1 of 3" in note for note in found.notes)
    assert 0 < found.low < found.estimate < found.high < 1
    double = pool_proportions(successes=[0, 0], totals=[10, 20], scale="freeman-tukey", method="fixed")
    assert double.estimate == pytest.approx(0.0, abs=0.01)
    assert double.low == 0.0


def test_refusals() -> None:
    with pytest.raises(InputError, match="two centres"):
        pool_estimates(estimates=[1], variances=[1])
    with pytest.raises(QuantityError):
        pool_estimates(estimates=[1, 2], variances=[1, 0])
    with pytest.raises(InputError, match="unknown name"):
        pool_estimates(estimates=[1, 2], variances=[1, 1], method="bayes")
    with pytest.raises(QuantityError):
        pool_proportions(successes=[3, 5], totals=[2, 9])
    with pytest.raises(InputError, match="scale"):
        pool_proportions(successes=[1, 5], totals=[2, 9], scale="probit")
