"""Harm in a cohort: laboratory grades, recorded adverse events, tumour lysis and febrile neutropenia."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.model.followup import EventKind, FollowUp
from hemadose.outcome.quantities import Quantities
from hemadose.outcome.statistics.proportions import Proportion, proportion
from hemadose.outcome.summary.laboratory import GradeCounts, laboratory_grades
from hemadose.outcome.summary.regimen import observed, start_of_conditioning
from hemadose.outcome.toxicity.ctcae import Ctcae
from hemadose.outcome.toxicity.fever import febrile_neutropenia
from hemadose.outcome.toxicity.tumour_lysis import tumour_lysis_by_start

_RECORDED = (EventKind.ADVERSE_EVENT, EventKind.INFECTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTerm:
    """An adverse event that people recorded.

    Attributes
    ----------
    term : str
        As recorded, lower case.
    counts : tuple of 6 int
        Patients by worst recorded grade 0 to 5.
    no_grade : int
        Patients who had it without any grade.
    severe : Proportion
        Grade 3 or worse, of the patients with anything recorded after therapy began; an event without a grade is not
        counted as severe.
    """

    term: str
    counts: tuple[int, ...]
    no_grade: int
    severe: Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What a rule said of the patients.

    Attributes
    ----------
    name : str
        Of the rule.
    counts : tuple of (str, Proportion)
        Outcomes, each of the patients who could be judged.
    open : int
        Patients who could not.
    """

    name: str
    counts: tuple[tuple[str, Proportion], ...]
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortToxicity:
    """All of it.

    Attributes
    ----------
    window : str
        In words.
    laboratory : tuple of GradeCounts
        Terms that somebody has values for.
    not_measured : tuple of str
        Terms that nobody has values for.
    recorded : tuple of RecordedTerm
        The most frequent first.
    rules : tuple of Outcomes
        Tumour lysis by start of treatment; febrile neutropenia.
    notes : tuple of str
        Doubts.
    """

    window: str
    laboratory: tuple[GradeCounts, ...]
    not_measured: tuple[str, ...]
    recorded: tuple[RecordedTerm, ...]
    rules: tuple[Outcomes, ...]
    notes: tuple[str, ...] = ()


def cohort_toxicity(
    patients: Sequence[FollowUp], *, criteria: Ctcae, quantities: Quantities, last_day: float = 100.0
) -> CohortToxicity:
    """Judge every patient from the start of conditioning to a day.

    Parameters
    ----------
    patients : sequence of FollowUp
        The cohort.
    criteria : Ctcae
        Version of the criteria.
    quantities : Quantities
        Of the values.
    last_day : float
        End of the window.
    """
    starts = [start_of_conditioning(p) for p in patients]
    without = sum(s is None for s in starts)
    days = np.array([np.nan if s is None else s for s in starts])
    laboratory, absent = laboratory_grades(criteria, patients, start_day=days, last_day=last_day, quantities=quantities)
    notes = [f"{without} patients without a day of therapy: nothing is graded for them"] if without else []
    unseen = sum(not observed(p) for p in patients)
    if unseen:
        notes.append(f"{unseen} patients without any entry after therapy began: in no denominator of recorded events")
    ageless = sum(p.age_years is None for p in patients)
    if ageless:
        notes.append(f"{ageless} patients without age: tumour lysis by the limits of adults")
    return CohortToxicity(
        window=f"start of conditioning to day {last_day:g}; baseline is the last value before or on the first day",
        laboratory=laboratory,
        not_measured=absent,
        recorded=_recorded(patients, starts, last_day),
        rules=(*_tumour_lysis(patients), _fever(patients, starts, last_day)),
        notes=tuple(notes),
    )


def outcomes(name: str, found: Sequence[str | None]) -> Outcomes:
    """Count outcomes of a rule; None is a patient who could not be judged."""
    judged = [f for f in found if f is not None]
    counts = sorted(Counter(judged).items(), key=lambda item: (-item[1], item[0]))
    return Outcomes(
        name=name,
        counts=tuple((said, proportion(successes=k, n=len(judged))) for said, k in counts),
        open=len(found) - len(judged),
    )


def _recorded(
    patients: Sequence[FollowUp], starts: Sequence[float | None], last_day: float
) -> tuple[RecordedTerm, ...]:
    worst: dict[str, list[int | None]] = {}
    for patient, start in zip(patients, starts, strict=True):
        own: dict[str, int | None] = {}
        first = -np.inf if start is None else start
        for event in patient.events_of(*_RECORDED):
            term = event.term.strip().lower() or event.kind.value
            if first <= event.day <= last_day and observed(patient):
                known = [g for g in (own.get(term), event.grade) if g is not None]
                own[term] = max(known) if known else None
        for term, grade in own.items():
            worst.setdefault(term, []).append(grade)
    found, seen = [], sum(observed(p) for p in patients)
    for term, grades in sorted(worst.items(), key=lambda item: (-len(item[1]), item[0])):
        severe = sum(g is not None and g >= 3 for g in grades)
        found.append(
            RecordedTerm(
                term=term,
                counts=tuple(grades.count(g) for g in range(6)),
                no_grade=grades.count(None),
                severe=proportion(successes=severe, n=seen),
            )
        )
    return tuple(found)


def _tumour_lysis(patients: Sequence[FollowUp]) -> tuple[Outcomes, ...]:
    """By kind of treatment; clinical grades are told apart."""
    said: dict[str, list[str | None]] = {}
    for patient in patients:
        adult = patient.age_years is None or patient.age_years >= 18.0
        for decision in tumour_lysis_by_start(patient, adult=adult):
            name = decision.rule.split(" on day ", maxsplit=1)[0]
            said.setdefault(name, []).append(decision.outcome)
    return tuple(outcomes(name, found) for name, found in said.items())


def _fever(patients: Sequence[FollowUp], starts: Sequence[float | None], last_day: float) -> Outcomes:
    found = [
        None if s is None else febrile_neutropenia(p, first_day=s, last_day=last_day).outcome
        for p, s in zip(patients, starts, strict=True)
    ]
    return outcomes("febrile neutropenia", found)
