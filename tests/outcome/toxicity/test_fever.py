"""Febrile neutropenia: CTCAE v5.0, above 38.3 once, or 38.0 for more than an hour, with neutrophils below 1.0."""

from __future__ import annotations

import pytest

from hemadose.model.followup import Event, EventKind, FollowUp, Series
from hemadose.outcome.toxicity.fever import febrile_neutropenia


def judged(temperatures, neutrophils=((0.0, 0.2),), events=()):
    series = []
    for name, unit, pairs in (("temperature", "Cel", temperatures), ("neutrophils", "10*9/L", neutrophils)):
        if pairs:
            day, value = zip(*pairs, strict=True)
            series.append(Series(quantity=name, unit=unit, day=day, value=value))
    patient = FollowUp(pseudonym="A", series=tuple(series), events=tuple(events))
    return febrile_neutropenia(patient, first_day=-1.0, last_day=30.0)


@pytest.mark.parametrize(
    ("temperatures", "grade"),
    [
        ([(1.0, 38.4)], 3),
        ([(1.0, 38.3)], 0),
        ([(1.0, 38.1), (1.1, 38.0)], 3),
        ([(1.0, 38.1), (1.02, 38.1)], 0),  # half an hour apart
        ([(1.0, 38.1), (1.1, 37.9)], 0),
    ],
)
def test_fever(temperatures, grade):
    assert judged(temperatures).grade == grade


def test_neutrophils_must_be_low_and_recent():
    assert judged([(1.0, 39.0)], neutrophils=[(0.5, 1.0)]).grade == 0
    assert judged([(5.0, 39.0)]).outcome is None
    assert judged([(5.0, 37.0)]).grade == 0


def test_a_person_may_grade_worse():
    worse = Event(day=2.0, kind=EventKind.ADVERSE_EVENT, term="Febrile neutropenia", grade=4)
    assert judged([(1.0, 38.5)], events=[worse]).grade == 4
    assert judged([], events=[worse]).grade == 4


def test_recorded_without_a_grade_is_at_least_three_and_death_is_five():
    """The term has no grade 1 or 2."""
    plain = Event(day=2.0, kind=EventKind.ADVERSE_EVENT, term="febrile neutropenia")
    assert judged([(1.0, 37.0)], events=[plain]).grade == 3
    death = Event(day=30.0, kind=EventKind.DEATH, term="febrile neutropenia")
    assert judged([(1.0, 37.0)], events=[death]).grade == 5


def test_nothing_is_graded_from_nothing():
    found = judged([])
    assert found.outcome is None
    assert found.missing == ("temperature",)
