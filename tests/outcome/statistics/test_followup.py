"""Bad follow-up is refused, and ties and time zero are told."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics import (
    cumulative_incidence,
    fine_gray,
    follow_up,
    gray_test,
    kaplan_meier,
    logrank_test,
)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_impossible_times(bad: float) -> None:
    with pytest.raises(QuantityError, match="negative or missing"):
        follow_up(times=[1.0, bad], status=[0, 1])


@pytest.mark.parametrize("bad", [3, -1, 0.5, np.nan])
def test_unknown_status(bad: float) -> None:
    with pytest.raises(InputError, match="unknown status code"):
        follow_up(times=[1.0, 2.0], status=[1, bad], causes={1: "death", 2: "relapse"})


def test_any_positive_code_is_a_cause_unless_the_causes_are_named() -> None:
    assert follow_up(times=[1, 2, 3], status=[7, 0, 2]).causes == (2, 7)


@pytest.mark.parametrize(("times", "status"), [([], []), ([1, 2], [1]), ([[1, 2]], [[0, 1]]), (["x"], [1])])
def test_shapes(times: list, status: list) -> None:
    with pytest.raises(InputError):
        follow_up(times=times, status=status)


def test_censoring_at_zero_is_kept_noted_and_weighs_nothing_later() -> None:
    plain = kaplan_meier(times=[2, 3, 5], events=[1, 0, 1])
    more = kaplan_meier(times=[0, 0, 2, 3, 5], events=[0, 0, 1, 0, 1])
    assert more.n == 5
    assert more.at_risk[0] == 5
    assert "2 patients censored at time zero" in more.notes[0]
    np.testing.assert_array_equal(more.survival[1:], plain.survival)
    np.testing.assert_array_equal(more.standard_error[1:], plain.standard_error)


def test_events_at_zero_and_shared_times_are_noted() -> None:
    notes = follow_up(times=[0, 4, 4, 4], status=[1, 1, 2, 0]).notes
    assert notes[0].startswith("1 event at time zero")
    assert "different causes at the same time (1 times)" in notes[1]


def test_causes_on_one_day_share_the_risk_set_whatever_their_order() -> None:
    one = cumulative_incidence(times=[4, 4, 9, 9], status=[1, 2, 0, 0], cause=1)
    two = cumulative_incidence(times=[4, 4, 9, 9], status=[2, 1, 0, 0], cause=1)
    assert one.incidence[0] == two.incidence[0] == 0.25


def test_all_censored() -> None:
    curve = kaplan_meier(times=[1, 2], events=[0, 0])
    assert curve.median is None
    assert curve.survival.tolist() == [1.0, 1.0]
    assert np.isnan(curve.low).all()
    zero = cumulative_incidence(times=[1, 2], status=[0, 0], cause=1, causes=[1, 2])
    assert zero.incidence.tolist() == [0.0, 0.0]
    assert np.isnan(zero.high).all()
    assert "no event of cause 1" in zero.notes[-1]
    with pytest.raises(InputError, match="no event"):
        logrank_test(times=[1, 2], events=[0, 0], groups=["a", "b"])
    with pytest.raises(InputError, match="no event"):
        gray_test(times=[1, 2], status=[0, 2], cause=1, groups=["a", "b"])
    with pytest.raises(InputError, match="no event"):
        fine_gray(times=[1, 2], status=[0, 2], cause=1, covariates=[0, 1])


def test_single_group_and_missing_label() -> None:
    with pytest.raises(InputError, match="only one group"):
        logrank_test(times=[1, 2], events=[1, 1], groups=["a", "a"])
    with pytest.raises(InputError, match="label is missing"):
        logrank_test(times=[1, 2], events=[1, 1], groups=["a", None])
    with pytest.raises(InputError, match="one label a patient"):
        gray_test(times=[1, 2], status=[1, 1], cause=1, groups=["a"])


def test_groups_that_never_meet() -> None:
    with pytest.raises(InputError, match="tells the groups apart"):
        logrank_test(times=[1, 2, 3, 4], events=[0, 0, 1, 1], groups=["a", "a", "b", "b"])


def test_unknown_cause_is_not_a_curve_of_zeros() -> None:
    with pytest.raises(InputError, match="no such cause"):
        cumulative_incidence(times=[1, 2], status=[1, 0], cause=2)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_confidence(level: float) -> None:
    with pytest.raises(QuantityError, match="confidence"):
        kaplan_meier(times=[1, 2], events=[1, 0], confidence=level)
