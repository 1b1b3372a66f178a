"""Grades of a cohort are those of each patient alone; nothing is graded from nothing."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.model.followup import Event, EventKind, FollowUp, Series
from hemadose.outcome.summary.laboratory import NOT_MEASURED, laboratory_grades, worst_grades
from hemadose.outcome.summary.regimen import start_of_conditioning
from hemadose.outcome.summary.toxicity import cohort_toxicity
from hemadose.outcome.toxicity.ctcae import OPEN, worst_grade
from hemadose.refdata.ctcae import ctcae
from hemadose.refdata.quantities import quantities
from hemadose.simulate.followup import simulate_cohort

LAST_DAY = 60.0


def rough_cohort(rng, count=40):
    """Patients with values all over, limits that are missing here and there, and bounds."""
    found = []
    for i in range(count):
        series = []
        for q in ("creatinine", "bilirubin", "platelets", "alt", "potassium", "calcium", "haemoglobin", "sodium"):
            if rng.random() < 0.2:
                continue
            n = int(rng.integers(1, 9))
            known = quantities()[q]
            top = {"creatinine": 8.0, "bilirubin": 15.0, "platelets": 300.0, "alt": 900.0, "potassium": 8.0}
            value = rng.uniform(max(known.lowest, 0.1), top.get(q, known.highest * 0.6), n)
            limit = {"creatinine": (0.5, 1.1), "calcium": (8.5, 10.5)}.get(
                q, (np.median(value) * 0.7, np.median(value))
            )
            missing = rng.random(n) < 0.4
            series.append(
                Series(
                    quantity=q, unit=known.unit, day=np.sort(rng.uniform(-25.0, 80.0, n)), value=value,
                    lower_limit=np.where(missing, np.nan, limit[0]), upper_limit=np.where(missing, np.nan, limit[1]),
                    bound=rng.choice([-1, 0, 0, 0, 1], n),
                )
            )  # fmt: skip
        events = () if rng.random() < 0.1 else (Event(day=-14.0, kind=EventKind.RADIOLIGAND),)
        found.append(FollowUp(pseudonym=f"P{i}", series=tuple(series), events=events))
    return found


@pytest.mark.parametrize("version", ["5.0", "6.0"])
def test_cohort_and_patient_get_the_same_grades(version):
    patients, criteria, table = rough_cohort(np.random.default_rng(8)), ctcae(version), quantities()
    starts = [start_of_conditioning(p) for p in patients]
    days = [np.nan if s is None else s for s in starts]
    seen = set()
    for term in criteria.terms:
        found = worst_grades(term, patients, start_day=days, last_day=LAST_DAY, quantities=table)
        for patient, start, grade in zip(patients, starts, found, strict=True):
            if start is None:
                assert grade == NOT_MEASURED
                continue
            alone = worst_grade(criteria, term, patient, first_day=start, last_day=LAST_DAY, quantities=table)
            wanted = alone.grade if alone.outcome is not None else (OPEN if alone.used else NOT_MEASURED)
            assert grade == wanted, (term.name, patient.pseudonym)
            seen.add(int(grade))
    assert seen == {NOT_MEASURED, OPEN, 0, 1, 2, 3, 4}


def test_every_patient_is_counted_once():
    patients, table = rough_cohort(np.random.default_rng(9)), quantities()
    starts = [start_of_conditioning(p) for p in patients]
    days = [np.nan if s is None else s for s in starts]
    found, absent = laboratory_grades(ctcae("5.0"), patients, start_day=days, last_day=LAST_DAY, quantities=table)
    assert all(t.graded + t.not_gradable + t.not_measured == len(patients) for t in found)
    assert len(found) + len(absent) == len(ctcae("5.0").terms)
    assert "Neutrophil count decreased" in absent


def test_recorded_terms_by_hand():
    def one(name, *events):
        start = Event(day=-14.0, kind=EventKind.RADIOLIGAND)
        return FollowUp(pseudonym=name, age_years=50.0, events=(start, *events))

    def harm(day, term, grade):
        return Event(day=day, kind=EventKind.ADVERSE_EVENT, term=term, grade=grade)

    patients = (
        one("A", harm(2.0, "Mucositis oral", 2), harm(5.0, "mucositis oral", 3)),
        one("B", harm(3.0, "mucositis oral", None)),
        one("C", harm(300.0, "mucositis oral", 4)),  # beyond the window
        FollowUp(pseudonym="D", age_years=50.0),
    )
    found = cohort_toxicity(patients, criteria=ctcae("5.0"), quantities=quantities())
    (term,) = found.recorded
    assert (term.counts, term.no_grade) == ((0, 0, 0, 1, 0, 0), 1)
    assert (term.severe.successes, term.severe.n) == (1, 3)  # nothing is known of D
    assert found.notes == (
        "1 patients without a day of therapy: nothing is graded for them",
        "1 patients without any entry after therapy began: in no denominator of recorded events",
    )
    assert found.laboratory == ()
    fever = found.rules[-1]
    assert (fever.name, fever.counts, fever.open) == ("febrile neutropenia", (), 4)


def test_simulated_harm_is_found_again():
    """True shares: 10 % laboratory tumour lysis, creatinine doubles in 20 %; within 4 standard errors of 600."""
    patients = simulate_cohort(600, seed=4).patients
    found = cohort_toxicity(patients, criteria=ctcae("5.0"), quantities=quantities())
    lysis = dict(found.rules[0].counts)["laboratory"]
    assert lysis.estimate == pytest.approx(0.1, abs=4.0 * np.sqrt(0.1 * 0.9 / 600))
    creatinine = next(t for t in found.laboratory if t.term == "Creatinine increased")
    assert sum(creatinine.counts[1:]) / 600 == pytest.approx(0.2, abs=4.0 * np.sqrt(0.2 * 0.8 / 600))
    neutrophils = next(t for t in found.laboratory if t.term == "Neutrophil count decreased")
    alive = [p for p in patients if (p.died_on or 99.0) > 2.0]
    assert neutrophils.counts[4] >= len(alive)  # nadir 0.02 x 10^9/l: grade 4 in all who live to see it
    mucositis = found.recorded[0]
    assert mucositis.term == "mucositis oral"
    assert mucositis.severe.estimate == pytest.approx(0.9 * 0.6, abs=4.0 * np.sqrt(0.54 * 0.46 / 600) + 0.02)
