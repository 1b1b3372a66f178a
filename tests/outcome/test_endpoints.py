"""Endpoints of the seven patients of Braitsch 2025, and LDH curves with known shape."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import InputError
from hemadose.model.followup import Event, EventKind, FollowUp, Series
from hemadose.outcome.endpoints import FirstEvent, endpoints, hospital_stay_d, intensive_care_day
from hemadose.outcome.ldh import ldh_kinetics


def patient(name, *events):
    made = tuple(Event(day=float(day), kind=kind) for day, kind in sorted(events, key=lambda e: e[0]))
    return FollowUp(pseudonym=name, events=made)


# outcome classes of the paper: O1 (2), O2, O3, O4, O5, O6; days of death in hospital 30, 41 and 83 in unknown order
COHORT = (
    patient("O1a", (90, EventKind.RELAPSE), (100, EventKind.DEATH)),
    patient("O1b", (92, EventKind.RELAPSE), (110, EventKind.DEATH)),
    patient("O2", (365, EventKind.RELAPSE), (760, EventKind.DEATH)),
    patient("O3", (1500, EventKind.LAST_CONTACT)),
    patient("O4", (30, EventKind.DEATH)),
    patient("O5", (83, EventKind.DEATH)),
    patient("O6", (11, EventKind.PROGRESSION), (41, EventKind.DEATH)),
)


def test_the_cohort_of_the_paper():
    """At 24 months: alive 2 of 7; relapse first in 4 of 7, death first in 2 of 7, neither in 1 of 7."""
    found = endpoints(COHORT)
    two_years = 730.0
    assert int(np.sum(found.survival_d > two_years)) == 2
    first = found.first_event[found.progression_free_d <= two_years]
    assert np.sum(first == FirstEvent.RELAPSE) == 4
    assert np.sum(first == FirstEvent.NON_RELAPSE_DEATH) == 2
    assert int(np.sum(~found.failed)) == 1


def test_relapse_and_death_on_one_day_is_a_relapse():
    both = patient("A", (50, EventKind.RELAPSE), (50, EventKind.DEATH))
    assert endpoints([both]).first_event.tolist() == [FirstEvent.RELAPSE]


def test_patients_without_follow_up_are_named_and_left_out():
    found = endpoints([*COHORT, patient("X", (-14, EventKind.RADIOLIGAND))])
    assert "X" not in found.pseudonyms
    assert any(n.startswith("X:") for n in found.notes)
    with pytest.raises(InputError, match="no patient"):
        endpoints([FollowUp(pseudonym="Y")])


def test_stay_and_intensive_care():
    stayed = patient("A", (-16, EventKind.ADMISSION), (3, EventKind.INTENSIVE_CARE), (25, EventKind.DISCHARGE))
    assert hospital_stay_d(stayed) == 41.0
    assert intensive_care_day(stayed, from_day=-16.0) == 19.0
    assert hospital_stay_d(COHORT[4]) is None
    induction = ((-120, EventKind.ADMISSION), (-90, EventKind.DISCHARGE))
    again = patient("B", *induction, (-16, EventKind.ADMISSION), (25, EventKind.DISCHARGE))
    assert hospital_stay_d(again) == 41.0
    assert hospital_stay_d(patient("C", *induction)) is None
    assert intensive_care_day(COHORT[4], from_day=-16.0) is None


def with_ldh(day, value, *events):
    series = Series(quantity="ldh", unit="U/L", day=day, value=value)
    return FollowUp(pseudonym="A", series=(series,), events=(Event(day=-14.0, kind=EventKind.RADIOLIGAND), *events))


def test_a_curve_with_known_half_time():
    """Peak of 800 two days after therapy, then halved every three days."""
    day = np.array([-15.0, -12.0, -9.0, -6.0, -3.0])
    found = ldh_kinetics(with_ldh(day, [200.0, 800.0, 400.0, 200.0, 100.0]))
    assert (found.peak_day, found.peak_over_baseline) == (2.0, 4.0)
    assert found.half_time_d == pytest.approx(3.0)
    # excess 0, 600, 200, 0, 0 at 0, 2, 5, 8, 11 days after therapy
    assert found.area_above_baseline_u_d_per_l == pytest.approx(600.0 + 1200.0 + 300.0)
    assert found.last_over_baseline == 0.5


def test_a_rising_curve_has_no_half_time_and_doubts_are_named():
    doubtful = with_ldh([-15.0, -12.0, -6.0], [200.0, 300.0, 500.0], Event(day=-9.0, kind=EventKind.IRRADIATION))
    found = ldh_kinetics(doubtful)
    assert found.half_time_d is None
    assert any("cytotoxic" in n for n in found.notes)


def test_without_a_baseline_there_is_no_curve():
    assert ldh_kinetics(with_ldh([-10.0, -5.0], [300.0, 200.0])) is None
    assert ldh_kinetics(FollowUp(pseudonym="A")) is None
