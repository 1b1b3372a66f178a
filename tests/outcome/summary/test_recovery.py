"""Recovery of a cohort: death competes, the day of simulated patients is found again."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hemadose.model.followup import Event, EventKind, FollowUp, Series
from hemadose.outcome.engraftment import engraftment_rule
from hemadose.outcome.summary.recovery import DAYS, cohort_recovery
from hemadose.outcome.summary.stay import response, stay
from hemadose.simulate.followup import CohortTruth, simulate_cohort

RULE = engraftment_rule("CIBMTR")


def patient(name, days, counts, *, died=None, last=None):
    end = Event(day=died, kind=EventKind.DEATH) if died is not None else None
    if last is not None:
        end = Event(day=last, kind=EventKind.LAST_CONTACT)
    series = Series(quantity="neutrophils", unit="10*9/L", day=days, value=counts)
    return FollowUp(pseudonym=name, series=(series,), events=() if end is None else (end,))


def test_four_patients_by_hand():
    """Recovered on day 10 and 14, dead on day 12, alive with the last count on day 20: 1/4, 1/4 + 1/2 x 1/2."""
    patients = (
        patient("A", [1.0, 10.0, 11.0, 12.0], [0.1, 0.6, 0.7, 0.8]),
        patient("B", [1.0, 14.0, 15.0, 16.0], [0.1, 0.6, 0.7, 0.8]),
        patient("C", [1.0, 5.0, 11.0], [0.1, 0.1, 0.1], died=12.0),
        patient("D", [1.0, 20.0], [0.1, 0.1], last=300.0),
    )
    found = cohort_recovery(patients, RULE)
    neutrophils, platelets = found.counts
    assert neutrophils.day.median == 12.0
    assert neutrophils.day.missing == (("not recovered", 2),)
    assert neutrophils.curve.at(14.0).estimate == pytest.approx(0.25 + 0.5 * 0.5)
    assert math.isnan(neutrophils.at[0].estimate)  # day 28: D was last seen on day 20
    assert platelets.curve is None
    assert platelets.day.missing == (("no counts after day 0", 4),)
    assert platelets.at == ()


def test_death_without_recovery_holds_the_incidence_down():
    alive = patient("A", [1.0, 10.0, 11.0, 12.0], [0.1, 0.6, 0.7, 0.8])
    dead = patient("B", [1.0, 5.0], [0.1, 0.1], died=8.0)
    at = cohort_recovery((alive, dead), RULE).counts[0].at
    assert [p.estimate for p in at] == [0.5] * len(DAYS)


def test_late_death_without_counts_is_said():
    late = patient("A", [1.0, 5.0], [0.1, 0.1], died=90.0)
    assert "more than 14 days" in cohort_recovery((late,), RULE).notes[0]
    assert cohort_recovery((patient("B", [1.0, 5.0], [0.1, 0.1], died=8.0),), RULE).notes == ()


def test_the_simulated_day_is_found_again():
    """Neutrophils pass the threshold on day N(18, 3); samples of every other day add 1 day on average.

    Rounding up to even days adds 1.0 on average and at most 2; noise of 3 % moves the crossing by 0.1 day. Platelets
    count from 7 days after the last transfusion, which is given below 10 on days that 4 divides.
    """
    truth = CohortTruth(death_per_d=0.0, relapse_per_d=0.0)
    found = cohort_recovery(simulate_cohort(400, truth=truth, seed=2).patients, RULE)
    neutrophils, platelets = found.counts
    assert neutrophils.day.n == 400
    assert neutrophils.day.mean == pytest.approx(19.0, abs=4.0 * 3.0 / 20.0)
    assert neutrophils.day.sd == pytest.approx(math.sqrt(9.0 + 1.0 / 3.0), rel=0.15)
    true = np.random.default_rng(1).normal(24.0, 5.0, 200000)
    last_transfusion = np.floor((true - math.log(2.0) / 0.35 - 1e-9) / 4.0) * 4.0
    expected = np.maximum(np.ceil(true / 2.0) * 2.0, last_transfusion + 8.0).mean()
    assert platelets.day.mean == pytest.approx(expected, abs=4.0 * 5.0 / 20.0)
    assert found.graft.counts[0][0] == "engrafted"


def test_response_and_stay_by_hand():
    def one(name, *events):
        return FollowUp(pseudonym=name, events=events)

    start = Event(day=-14.0, kind=EventKind.RADIOLIGAND)
    patients = (
        one(
            "A", Event(day=-16.0, kind=EventKind.ADMISSION), start, Event(day=3.0, kind=EventKind.INTENSIVE_CARE),
            Event(day=30.0, kind=EventKind.RESPONSE, term="CR"), Event(day=34.0, kind=EventKind.DISCHARGE),
            Event(day=90.0, kind=EventKind.RESPONSE, term="NR"),
        ),
        one("B", start, Event(day=30.0, kind=EventKind.RESPONSE, term="NR")),
        one("D", start),  # nothing is known after therapy: in no denominator
        one("C", Event(day=-20.0, kind=EventKind.RESPONSE, term="PD")),
    )  # fmt: skip
    said = response(patients)
    assert [(name, p.successes, p.n) for name, p in said.counts] == [("CR", 1, 2), ("NR", 1, 2)]
    assert said.open == 2
    found = stay(patients)
    assert (found.stay_d.n, found.stay_d.median) == (1, 50.0)
    assert (found.intensive_care.successes, found.intensive_care.n) == (1, 2)
    assert found.intensive_care_day.median == 17.0


def test_recovery_of_all_is_one_without_an_interval():
    """20 patients who all recover, where 1 is reached only up to rounding."""
    truth = CohortTruth(death_per_d=0.0, relapse_per_d=0.0)
    found = cohort_recovery(simulate_cohort(20, truth=truth, seed=9).patients, RULE)
    last = found.counts[0].at[-1]
    assert last.estimate == 1.0
    assert math.isnan(last.low)
    assert 0.0 < found.counts[0].curve.low[-2] < found.counts[0].curve.incidence[-2] < 1.0
