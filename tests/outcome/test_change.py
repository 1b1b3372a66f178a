"""Change from baseline: closed form, and no per cent of nothing."""

from __future__ import annotations

import pytest

from hemadose.model.followup import Series
from hemadose.outcome.change import change_from_baseline


def blasts(*values, day=(-20.0, -14.0, 28.0, 100.0), **more):
    return Series(quantity="marrow_blasts", unit="%", day=day, value=values, **more)


def test_the_last_value_before_therapy_is_the_baseline():
    found = change_from_baseline(blasts(80.0, 40.0, 10.0, 50.0), therapy_day=-14.0)
    assert (found.baseline, found.baseline_day) == (40.0, -14.0)
    assert found.percent.tolist() == pytest.approx([-75.0, 25.0])
    assert found.day.tolist() == [42.0, 114.0]
    assert found.best_percent == pytest.approx(-75.0)
    assert change_from_baseline(blasts(80.0, 40.0, 10.0, 50.0), therapy_day=-14.0, until_day=50.0).percent.size == 1


@pytest.mark.parametrize(
    ("values", "therapy"), [((80.0, 0.0, 10.0, 5.0), -14.0), ((1.0, 1.0, 1.0, 1.0), -21.0), ((1.0,) * 4, 100.0)]
)
def test_without_a_baseline_or_a_later_value_there_is_no_change(values, therapy):
    assert change_from_baseline(blasts(*values), therapy_day=therapy) is None


def test_limits_of_detection_are_said():
    found = change_from_baseline(blasts(80.0, 40.0, 1.0, 5.0, bound=[0, 0, -1, 0]), therapy_day=-14.0)
    assert any("1 values are limits" in n for n in found.notes)
