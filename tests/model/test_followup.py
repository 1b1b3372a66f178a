"""Follow-up values refuse what cannot be, and say what they hold."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.model.followup import Decision, Event, EventKind, FollowUp, Series


def creatinine(**changes):
    given = {"quantity": "creatinine", "unit": "mg/dL", "day": [-3.0, 0.0, 5.0], "value": [0.8, 0.9, 1.6]}
    return Series(**{**given, **changes})


def test_limits_that_are_not_given_are_not_numbers():
    series = creatinine()
    assert np.isnan(series.upper_limit).all()
    assert series.bound.tolist() == [0, 0, 0]
    assert not series.value.flags.writeable


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit": ""}, "no unit"),
        ({"value": [1.0, 2.0]}, "one number each"),
        ({"value": [1.0, np.nan, 2.0]}, "not finite"),
        ({"day": [0.0, -1.0, 2.0]}, "order of time"),
    ],
)
def test_a_series_that_cannot_be_is_refused(changes, said):
    with pytest.raises(QuantityError, match=said):
        creatinine(**changes)


def test_two_samples_of_one_day_are_allowed():
    assert len(creatinine(day=[0.0, 0.0, 1.0])) == 3


def test_nothing_follows_death():
    death = Event(day=4.0, kind=EventKind.DEATH, term="septic shock")
    with pytest.raises(InputError, match="after death"):
        FollowUp(pseudonym="A", series=(creatinine(),), events=(death,))
    same_day = Event(day=5.0, kind=EventKind.DEATH)
    assert FollowUp(pseudonym="A", series=(creatinine(),), events=(same_day,)).died_on == 5.0


def test_events_in_order_and_named_once():
    late, early = Event(day=4.0, kind=EventKind.GRAFT), Event(day=0.0, kind=EventKind.ADMISSION)
    with pytest.raises(InputError, match="order"):
        FollowUp(pseudonym="A", events=(late, early))
    with pytest.raises(InputError, match="twice"):
        FollowUp(pseudonym="A", series=(creatinine(), creatinine()))
    patient = FollowUp(pseudonym="A", events=(early, late))
    assert patient.first(EventKind.GRAFT) is late
    assert patient.first(EventKind.DEATH) is None
    assert patient.last_day == 4.0


def test_an_event_cannot_end_before_it_begins_or_lack_its_unit():
    with pytest.raises(InputError, match="ends before"):
        Event(day=3.0, until_day=2.0, kind=EventKind.DIALYSIS)
    with pytest.raises(QuantityError, match="unit"):
        Event(day=3.0, kind=EventKind.RADIOLIGAND, amount=12.0)
    with pytest.raises(InputError, match="grade"):
        Event(day=3.0, kind=EventKind.ADVERSE_EVENT, grade=6)


def test_an_open_decision_says_what_is_missing():
    with pytest.raises(InputError, match="missing"):
        Decision(rule="ELN 2022", outcome=None)
    assert Decision(rule="ELN 2022", outcome=None, missing=("marrow",)).grade is None
