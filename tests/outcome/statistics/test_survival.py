"""Kaplan-Meier against R's survival, statsmodels, closed forms."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import InputError
from hemadose.outcome.statistics import kaplan_meier, proportion, risk_table, standardised_survival

DAYS = [30, 41, 83, 105, 110, 760, 1500]


def test_against_r_survival(bmt: dict[str, np.ndarray]) -> None:
    # R 4.2.2 survival 3.5-3: 12 months 0.386 (0.220-0.550); statsmodels 0.15: 0.38640086576502525, se 0.08725634526178976;
    # lifelines 0.30.3: limits 0.21991609, 0.55045667, median 8 (4-14)
    curve = kaplan_meier(times=bmt["months"], events=bmt["status"])
    year = curve.at(12)
    assert year.estimate == pytest.approx(0.38640086576502525, abs=1e-12)
    assert year.standard_error == pytest.approx(0.08725634526178976, abs=1e-12)
    assert (year.low, year.high) == pytest.approx((0.21991609, 0.55045667), abs=1e-8)
    assert (curve.median, curve.median_low, curve.median_high) == (8.0, 4.0, 14.0)
    assert (curve.n, curve.n_events, year.at_risk) == (35, 24, 12)


def test_greenwood_without_censoring_is_binomial() -> None:
    curve = kaplan_meier(times=range(1, 11), events=[1] * 10)
    s = np.arange(9, 0, -1) / 10
    np.testing.assert_allclose(curve.survival[:-1], s)
    np.testing.assert_allclose(curve.standard_error[:-1], np.sqrt(s * (1 - s) / 10))


@pytest.mark.parametrize("transform", ["log-log", "log", "plain"])
def test_intervals_by_their_definition(transform: str, bmt: dict[str, np.ndarray]) -> None:
    p = kaplan_meier(times=bmt["months"], events=bmt["status"], transform=transform).at(7)
    s, e, z = p.estimate, p.standard_error, 1.959963984540054
    low, high = {
        "plain": (s - z * e, s + z * e),
        "log": (s * np.exp(-z * e / s), s * np.exp(z * e / s)),
        "log-log": (s ** np.exp(-z * e / (s * np.log(s))), s ** np.exp(z * e / (s * np.log(s)))),
    }[transform]
    assert (p.low, p.high) == pytest.approx((low, high))


def test_unknown_transform() -> None:
    with pytest.raises(InputError, match="transform"):
        kaplan_meier(times=[1, 2], events=[1, 0], transform="loglog")


def test_two_year_survival_of_seven_patients() -> None:
    # clinical reference A32: 2 of 7 alive at 2 years
    curve = kaplan_meier(times=DAYS, events=[1, 1, 1, 1, 1, 0, 0])
    assert curve.at(730).estimate == pytest.approx(2 / 7)
    assert np.isnan(curve.at(10).low)
    assert proportion(successes=2, n=7).low == pytest.approx(0.037, abs=5e-4)


def test_beyond_follow_up_nothing_is_said() -> None:
    curve = kaplan_meier(times=[1, 2, 3], events=[1, 1, 0])
    assert np.isnan(curve.at(3.5).estimate)
    assert kaplan_meier(times=[1, 2], events=[1, 1]).at(9).estimate == 0.0
    with pytest.raises(InputError):
        curve.at(-1)


def test_median_between_steps_and_not_reached() -> None:
    # the curve is one half from 2 to 5: R's survfit gives the middle
    assert kaplan_meier(times=[1, 2, 5, 7], events=[1, 1, 1, 0]).median == 3.5
    assert kaplan_meier(times=[1, 2, 5, 7], events=[1, 0, 0, 0]).median is None


def test_risk_table_counts(bmt: dict[str, np.ndarray]) -> None:
    table = risk_table(times=bmt["months"], status=bmt["status"], groups=bmt["disease"], at=[0, 12, 24, 100])
    assert table.groups == ("0", "1")
    assert [row[0] for row in table.at_risk] == [17, 18]
    for row in range(2):
        for column, months in enumerate(table.times):
            mine = bmt["disease"] == row
            assert table.at_risk[row][column] == (bmt["months"][mine] >= months).sum()
            gone = table.events[row][column] + table.censored[row][column]
            assert gone == (bmt["months"][mine] <= months).sum()
    assert sum(row[-1] for row in table.events) == 24


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40))
def test_product_limit_by_hand(patients: list[tuple[int, bool]]) -> None:
    t, e = np.array([p[0] for p in patients]), np.array([p[1] for p in patients])
    curve, alive = kaplan_meier(times=t, events=e), 1.0
    for i, u in enumerate(np.unique(t)):
        alive *= 1 - (e & (t == u)).sum() / (t >= u).sum()
        assert curve.survival[i] == pytest.approx(alive, abs=1e-12)
    known = ~np.isnan(curve.low)
    assert (curve.low[known] <= curve.survival[known]).all()
    assert (curve.survival[known] <= curve.high[known]).all()


def test_standardised_survival_is_the_weighted_mean_and_its_variance_adds() -> None:
    t, e, s = [1, 4, 6, 2, 5, 9], [1, 0, 1, 1, 1, 0], ["a", "a", "a", "b", "b", "b"]
    both = standardised_survival(times=t, events=e, strata=s, weights={"a": 3.0, "b": 1.0})
    a, b = both.curves
    assert both.weights == (0.75, 0.25)
    i = int(np.flatnonzero(both.times == 5)[0])
    assert both.survival[i] == pytest.approx(0.75 * a.at(5).estimate + 0.25 * b.at(5).estimate)
    assert both.standard_error[i] ** 2 == pytest.approx(
        (0.75 * a.at(5).standard_error) ** 2 + (0.25 * b.at(5).standard_error) ** 2
    )
    with pytest.raises(InputError, match="weight"):
        standardised_survival(times=t, events=e, strata=s, weights={"a": 1.0})


def test_standardised_survival_ends_with_the_shortest_centre() -> None:
    both = standardised_survival(times=[1, 3, 2, 9], events=[1, 0, 1, 0], strata=["a", "a", "b", "b"])
    assert both.times[-1] == 3
    assert "ends at 3" in both.notes[-1]
    one = standardised_survival(times=[1, 3, 2, 9], events=[1, 0, 1, 0], strata=["a"] * 4)
    np.testing.assert_allclose(one.survival, kaplan_meier(times=[1, 3, 2, 9], events=[1, 0, 1, 0]).survival)


def test_ten_thousand_patients_in_a_moment() -> None:
    rng = np.random.default_rng(1)
    start = time.process_time()
    kaplan_meier(times=rng.exponential(size=10_000), events=rng.integers(0, 2, 10_000))
    assert time.process_time() - start < 1.0
