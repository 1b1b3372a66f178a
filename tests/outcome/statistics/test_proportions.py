"""Proportions: published Clopper-Pearson intervals, Wilson, clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, t

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics import clustered_proportion, proportion


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    # SIERRA, J Clin Oncol 2025;43:201; clinical reference A26 and A32
    [(13, 76, 9.4, 27.5), (0, 77, 0.0, 4.7), (6, 7, 42.1, 99.6), (2, 7, 3.7, 71.0)],
)
def test_published_intervals(k: int, n: int, low: float, high: float) -> None:
    found = proportion(successes=k, n=n)
    assert (round(100 * found.low, 1), round(100 * found.high, 1)) == (low, high)


@given(st.integers(1, 60), st.data())
def test_exact_limits_leave_their_tails(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    found = proportion(successes=k, n=n, confidence=0.9)
    if k > 0:
        assert binom.sf(k - 1, n, found.low) == pytest.approx(0.05, abs=1e-9)
    if k < n:
        assert binom.cdf(k, n, found.high) == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(0, 9), (3, 10), (13, 76), (9, 9)])
def test_wilson_against_scipy(k: int, n: int) -> None:
    found, expected = proportion(successes=k, n=n, method="wilson"), binomtest(k, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nobody_is_no_knowledge() -> None:
    found = proportion(successes=0, n=0)
    assert np.isnan(found.estimate)
    assert (found.low, found.high) == (0.0, 1.0)
    assert found.notes


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 5), (1.5, 4), (True, 3)])
def test_impossible_counts(k: float, n: int) -> None:
    with pytest.raises(QuantityError):
        proportion(successes=k, n=n)


def test_unknown_methods() -> None:
    with pytest.raises(InputError):
        proportion(successes=1, n=2, method="wald")
    with pytest.raises(InputError):
        clustered_proportion(successes=[1, 0], totals=[1, 1], method="gee")


def test_ratio_estimator_by_hand() -> None:
    # p = 9/14; sum (x - p m)^2 = 8.0510; variance 6/5 * 8.0510 / 196; over p (1 - p) / 14
    found = clustered_proportion(successes=[2, 2, 0, 3, 0, 2], totals=[2, 2, 2, 3, 3, 2])
    p = 9 / 14
    squares = 3 * (2 - 2 * p) ** 2 + (2 * p) ** 2 + (3 - 3 * p) ** 2 + (3 * p) ** 2
    assert found.standard_error**2 == pytest.approx(1.2 * squares / 196)
    assert found.design_effect == pytest.approx(1.2 * squares / 196 / (p * (1 - p) / 14))
    assert found.low < proportion(successes=9, n=14).low
    assert found.high > proportion(successes=9, n=14).high


def test_single_examinations_have_design_effect_near_one() -> None:
    found = clustered_proportion(successes=[1] * 30 + [0] * 20, totals=[1] * 50)
    assert found.design_effect == pytest.approx(50 / 49)
    plain = proportion(successes=30, n=50)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.005)


def test_full_agreement_within_patients_counts_patients() -> None:
    # each patient examined four times with one result: the design effect is four
    found = clustered_proportion(successes=[4] * 20 + [0] * 20, totals=[4] * 40)
    assert found.design_effect == pytest.approx(4 * 40 / 39)
    # Korn and Graubard: 39 examinations' worth, shrunk for 39 degrees of freedom instead of 159
    shrink = (t.ppf(0.975, 159) / t.ppf(0.975, 39)) ** 2
    assert found.effective_n == pytest.approx(39 * shrink)


def test_all_positive_falls_back_to_patients() -> None:
    found = clustered_proportion(successes=[2, 3, 2], totals=[2, 3, 2])
    assert found.effective_n == 3
    assert found.low == pytest.approx(proportion(successes=3, n=3).low)
    assert "no variation" in found.notes[0]


def test_bootstrap_agrees_with_the_ratio_in_a_large_series() -> None:
    rng = np.random.default_rng(4)
    totals = rng.integers(1, 4, 300)
    successes = rng.binomial(totals, rng.beta(2, 2, 300))
    ratio = clustered_proportion(successes=successes.tolist(), totals=totals.tolist())
    boot = clustered_proportion(successes=successes.tolist(), totals=totals.tolist(), method="bootstrap")
    assert (boot.low, boot.high) == pytest.approx((ratio.low, ratio.high), abs=0.01)
    again = clustered_proportion(successes=successes.tolist(), totals=totals.tolist(), method="bootstrap")
    assert again.low == boot.low


def test_clusters_must_be_possible() -> None:
    with pytest.raises(InputError):
        clustered_proportion(successes=[1], totals=[2])
    with pytest.raises(QuantityError):
        clustered_proportion(successes=[3, 0], totals=[2, 2])
    with pytest.raises(QuantityError):
        clustered_proportion(successes=[0, 0], totals=[2, 0])
