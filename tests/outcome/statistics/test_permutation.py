"""Exact permutation tests against enumeration and scipy."""

from __future__ import annotations

from itertools import permutations
from math import comb

import numpy as np
import pytest
from scipy import stats

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics import permutation_test, spearman

SUV = [7.1, 3.2, 9.9, 4.4, 1.9, 12.0, 5.1]


def test_two_survivors_of_seven() -> None:
    # clinical reference, section 7: best possible one-sided p = 1/C(7,2) = 0.048
    group = [0, 0, 1, 0, 0, 1, 0]
    found = permutation_test(values=SUV, group=group, alternative="greater")
    assert found.p == found.least_p == pytest.approx(1 / 21)
    assert found.exact
    assert found.arrangements == 21
    assert permutation_test(values=SUV, group=group).p == pytest.approx(2 / 21)
    assert permutation_test(values=SUV, group=group, alternative="less").p == 1.0


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_rank_test_is_mann_whitney(alternative: str) -> None:
    rng = np.random.default_rng(3)
    x, group = rng.normal(size=12), np.array([1] * 5 + [0] * 7)
    expected = stats.mannwhitneyu(x[:5], x[5:], alternative=alternative, method="exact").pvalue
    assert permutation_test(values=x, group=group, alternative=alternative).p == pytest.approx(expected)


def test_means_against_scipy_with_ties() -> None:
    x, group = np.array([1.0, 1.0, 2.0, 3.0, 3.0, 8.0, 2.0, 2.0]), np.array([1, 0, 1, 0, 1, 1, 0, 0])
    expected = stats.permutation_test(
        (x[group == 1], x[group == 0]), lambda a, b: a.mean() - b.mean(), n_resamples=np.inf, alternative="greater"
    ).pvalue
    assert permutation_test(values=x, group=group, statistic="mean", alternative="greater").p == pytest.approx(expected)


def test_many_patients_are_sampled_and_said() -> None:
    x = np.arange(40.0)
    found = permutation_test(values=x, group=(x > 25).astype(int), draws=500)
    assert not found.exact
    assert "drawn of" in found.notes[0]
    assert found.p == pytest.approx(1 / 501)
    assert found.least_p == pytest.approx(2 / comb(40, 14))


def test_refusals() -> None:
    with pytest.raises(InputError, match="only one group"):
        permutation_test(values=[1, 2], group=[1, 1])
    with pytest.raises(InputError):
        permutation_test(values=[1, 2, 3], group=[1, 0])
    with pytest.raises(InputError):
        permutation_test(values=[1, 2], group=[0, 1], alternative="both")
    with pytest.raises(QuantityError):
        permutation_test(values=[1, np.nan], group=[0, 1])


@pytest.mark.parametrize("y", [[2, 1, 4, 3, 5, 6], [1, 1, 2, 5, 3, 3]])
def test_spearman_by_all_orders(y: list[int]) -> None:
    x = [3, 1, 2, 6, 4, 4]
    found = spearman(x=x, y=y)
    assert found.rho == pytest.approx(stats.spearmanr(x, y).statistic)
    u, v = stats.rankdata(x), stats.rankdata(y)
    rhos = [abs(np.corrcoef(u, v[list(p)])[0, 1]) for p in permutations(range(6))]
    assert found.p == pytest.approx(np.mean([r >= abs(found.rho) - 1e-9 for r in rhos]))


def test_perfect_order_of_seven() -> None:
    found = spearman(x=range(7), y=range(7))
    assert found.p == found.least_p == pytest.approx(2 / 5040)
    assert np.isnan(found.low)
    assert any("perfect order" in note for note in found.notes)


def test_large_series_follow_t_and_fisher() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=200)
    y = x + rng.normal(size=200)
    found = spearman(x=x, y=y)
    assert not found.exact
    assert found.least_p == 0.0  # 2/200!, below the smallest double
    assert found.p == pytest.approx(stats.spearmanr(x, y).pvalue, rel=1e-6)
    boot = spearman(x=x, y=y, interval="bootstrap")
    assert (boot.low, boot.high) == pytest.approx((found.low, found.high), abs=0.03)


def test_fisher_interval_by_hand() -> None:
    found = spearman(x=range(1, 9), y=[2, 1, 4, 3, 6, 5, 8, 7])
    half = 1.959963984540054 * np.sqrt((1 + found.rho**2 / 2) / 5)
    assert found.low == pytest.approx(np.tanh(np.arctanh(found.rho) - half))


def test_spearman_refusals() -> None:
    with pytest.raises(InputError, match="three pairs"):
        spearman(x=[1, 2], y=[1, 2])
    with pytest.raises(InputError, match="constant"):
        spearman(x=[1, 2, 3], y=[1, 1, 1])
    with pytest.raises(InputError, match="interval"):
        spearman(x=[1, 2, 3], y=[1, 3, 2], interval="wald")
    with pytest.raises(QuantityError):
        spearman(x=[1, 2, np.inf], y=[1, 3, 2])
