"""Pairs: exact signed ranks, exact limits of agreement, exact McNemar."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics import limits_of_agreement, mcnemar_test, signed_rank_test

PRE, POST = [1.59, 1.44, 1.18, 1.30], [0.87, 1.21, 0.68, 0.68]
"""Kidney dose coefficients before and after, Braitsch 2025, Table 2."""


def test_four_pairs_reach_0125_at_best() -> None:
    found = signed_rank_test(differences=np.subtract(POST, PRE).tolist())
    assert found.p == found.least_p == 0.125


@pytest.mark.parametrize("zeros", ["drop", "pratt"])
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=8))
def test_by_counting_all_signs(zeros: str, differences: list[int]) -> None:
    d = np.array(differences, dtype=float)
    pool = d[d != 0] if zeros == "drop" else d
    ranks = stats.rankdata(np.abs(pool))[pool != 0] if pool.size else np.array([])
    seen = abs((np.sign(pool[pool != 0]) * ranks).sum())
    all_signs = [abs((np.array(signs) * ranks).sum()) for signs in product([-1, 1], repeat=ranks.size)]
    expected = np.mean([value >= seen - 1e-9 for value in all_signs])
    assert signed_rank_test(differences=d.tolist(), zeros=zeros).p == pytest.approx(expected)


def test_zeros_matter_to_pratt() -> None:
    d = [0.0, 1.0, -2.0, 3.0, 4.0, 5.0]
    assert signed_rank_test(differences=d).zeros == 1
    assert signed_rank_test(differences=d).positive_rank_sum == 13
    assert signed_rank_test(differences=d, zeros="pratt").positive_rank_sum == 17
    assert signed_rank_test(differences=[0.0, 0.0]).p == 1.0


def test_signed_rank_refusals() -> None:
    with pytest.raises(InputError):
        signed_rank_test(differences=[])
    with pytest.raises(QuantityError):
        signed_rank_test(differences=[1.0, np.nan])
    with pytest.raises(InputError):
        signed_rank_test(differences=[1.0], zeros="wilcox")
    with pytest.raises(InputError):
        signed_rank_test(differences=list(range(1, 23)), zeros="pratt")


def test_limits_of_the_kidneys() -> None:
    # clinical reference A18: bias -0.52 (-0.93, -0.10) Gy/GBq
    found = limits_of_agreement(first=PRE, second=POST)
    assert (round(found.bias, 2), round(found.low, 2), round(found.high, 2)) == (-0.52, -0.93, -0.10)
    assert found.high_interval[0] < found.high < found.high_interval[1]
    assert found.high_interval[1] > 0.3  # with four pairs agreement cannot be excluded


def test_limits_in_a_large_series_follow_bland_and_altman() -> None:
    # Bland and Altman 1986: standard error of a limit about s sqrt(1/n + 1.96^2 / (2 (n - 1)))
    d = np.random.default_rng(1).normal(size=2000)
    found = limits_of_agreement(first=np.zeros(2000), second=d)
    error = d.std(ddof=1) * np.sqrt(1 / 2000 + 1.96**2 / (2 * 1999))
    assert found.high_interval == pytest.approx((found.high - 1.96 * error, found.high + 1.96 * error), abs=0.004)
    assert found.low_interval == pytest.approx((found.low - 1.96 * error, found.low + 1.96 * error), abs=0.004)
    assert (found.bias_low, found.bias_high) == pytest.approx(
        stats.t.interval(0.95, 1999, d.mean(), stats.sem(d)), abs=1e-12
    )


def test_exact_limits_cover() -> None:
    # small sample: the interval holds the true 97.5 % point (1.96) in 95 % of draws
    rng = np.random.default_rng(6)
    draws = [limits_of_agreement(first=np.zeros(5), second=rng.normal(size=5)).high_interval for _ in range(1500)]
    assert np.mean([low <= 1.96 <= high for low, high in draws]) == pytest.approx(0.95, abs=0.017)


def test_agreement_refusals() -> None:
    with pytest.raises(InputError):
        limits_of_agreement(first=[1], second=[2])
    with pytest.raises(QuantityError):
        limits_of_agreement(first=[1, 2], second=[2, np.nan])


def test_mcnemar_five_to_nothing() -> None:
    # clinical reference B12: 22 of 22 against 17 of 22
    found = mcnemar_test(first_only=0, second_only=5)
    assert found.p == found.least_p == 0.0625
    assert found.odds_ratio == found.high == np.inf
    assert found.low > 0.5


@pytest.mark.parametrize(("b", "c"), [(3, 9), (10, 2), (6, 6)])
def test_mcnemar_is_the_binomial_test(b: int, c: int) -> None:
    found = mcnemar_test(first_only=b, second_only=c)
    assert found.p == pytest.approx(stats.binomtest(b, b + c).pvalue)
    assert found.odds_ratio == pytest.approx(c / b)


def test_mcnemar_border() -> None:
    assert mcnemar_test(first_only=0, second_only=0).p == 1.0
    with pytest.raises(QuantityError):
        mcnemar_test(first_only=-1, second_only=5)
