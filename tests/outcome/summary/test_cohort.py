"""The whole summary: cohorts with nothing, with one patient, and with deaths before day 0."""

from __future__ import annotations

import pytest

from hemadose.errors import InputError
from hemadose.model.followup import Event, EventKind, FollowUp, FollowUpCohort
from hemadose.outcome.engraftment import engraftment_rule
from hemadose.outcome.summary.cohort import summarise_cohort
from hemadose.refdata.ctcae import ctcae
from hemadose.refdata.quantities import quantities
from hemadose.simulate.followup import simulate_cohort


def summary(cohort, **more):
    return summarise_cohort(
        cohort, criteria=ctcae("5.0"), quantities=quantities(), rule=engraftment_rule("CIBMTR"),
        limits_gy={"kidneys": 23.0}, **more,
    )  # fmt: skip


def cohort(*patients):
    return FollowUpCohort(name="c", title="c", patients=patients)


def test_an_empty_cohort_is_refused():
    with pytest.raises(InputError, match="no patients"):
        summary(cohort())


def test_a_patient_without_anything_is_counted_and_nothing_is_said_of_him():
    found = summary(cohort(FollowUp(pseudonym="A")))
    assert found.survival is None
    assert any("no survival" in n for n in found.notes)
    assert found.toxicity.laboratory == ()
    assert found.response.open == 1
    assert found.recovery.graft.open == 1
    assert found.dosimetry is None
    assert dict(found.baseline[0].missing) == {"not reported": 1}


def test_a_patient_without_follow_up_is_left_out_of_survival_and_named():
    some = simulate_cohort(12, seed=1)
    found = summary(FollowUpCohort(name="c", title="c", patients=(*some.patients, FollowUp(pseudonym="A"))))
    assert found.survival.n == 12
    assert any(n.startswith("A: no follow-up") for n in found.survival.notes)


def test_death_before_day_zero_is_no_survival_from_day_zero():
    dead = FollowUp(
        pseudonym="A",
        events=(Event(day=-14.0, kind=EventKind.RADIOLIGAND), Event(day=-3.0, kind=EventKind.DEATH)),
    )
    found = summary(FollowUpCohort(name="c", title="c", patients=(*simulate_cohort(12, seed=1).patients, dead)))
    assert found.survival.n == 12
    assert any("died before day 0: A" in n for n in found.notes)
    assert found.regimen.interval_d.n == 13


def test_unknown_group_is_refused():
    with pytest.raises(InputError, match="no such property"):
        summary(simulate_cohort(5), by="FACT")


def test_centres_are_pooled_only_when_they_are_the_groups():
    some = simulate_cohort(60, seed=3)
    assert summary(some, by="centre").centres
    by_donor = summary(some, by="de_novo")
    assert by_donor.centres == ()
    assert by_donor.survival.comparisons[0].stratified.strata == 2


def test_a_larger_cohort_begins_with_the_smaller_and_the_rest_changes_the_numbers():
    small, large = (summary(simulate_cohort(n, seed=9)) for n in (20, 40))
    assert small.cohort.patients[0].events == large.cohort.patients[0].events
    assert small.baseline[0].mean != large.baseline[0].mean
