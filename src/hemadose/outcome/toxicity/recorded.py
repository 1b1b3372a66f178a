"""What a recorded grade means: clinical terms of CTCAE that a person grades and a program can only explain.

A term that the table does not know is reported as such and never dropped; a grade that CTCAE does not have for a term
is reported as recorded, with a note. No grade is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hemadose.model.followup import Decision, Event, FollowUp
from hemadose.model.followup import EventKind as Kind

UNKNOWN = "unknown term"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalTerm:
    """One term that is graded by a person.

    Attributes
    ----------
    name : str
        As CTCAE prints it.
    group : str
        Organ class, one word.
    synonyms : tuple of str
        Other spellings, lower case.
    grades : Mapping of int to str
        Meaning of each grade that the term has, paraphrased.
    seen : bool
        The meaning was compared with the published wording; otherwise it is recalled and unverified.
    """

    name: str
    group: str
    synonyms: tuple[str, ...]
    grades: Mapping[int, str]
    seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalTerms:
    """The table of clinical terms of one version."""

    version: str
    source: str
    terms: tuple[ClinicalTerm, ...]

    def find(self, label: str) -> ClinicalTerm | None:
        """Find a term by name or synonym, in any case; None if the table does not know it."""
        wanted = " ".join(label.lower().split())
        return next((t for t in self.terms if wanted in (t.name.lower(), *t.synonyms)), None)


def recorded_event(event: Event, terms: ClinicalTerms, *, laboratory: tuple[str, ...] = ()) -> Decision:
    """Explain one recorded event.

    Parameters
    ----------
    event : Event
        An adverse event or infection.
    terms : ClinicalTerms
        The table.
    laboratory : tuple of str
        Names of laboratory terms: known, but graded from values.

    Returns
    -------
    Decision
        The grade as recorded; open where nobody gave one. An unknown term says ``"unknown term"`` in its outcome.
    """
    label = event.term or event.kind.value
    until = "" if event.until_day is None else f" to {event.until_day:g}"
    used = (f"recorded on day {event.day:g}{until}", *((event.detail,) if event.detail else ()))
    term = terms.find(label)
    if term is None:
        return _without_meaning(event, label, used, terms, laboratory)
    rule = f"CTCAE {terms.version} {term.name}, recorded"
    notes = () if term.seen else ("meaning of the grades recalled from memory, unverified",)
    if event.grade is None:
        return Decision(
            rule=rule, outcome=None, day=event.day, used=used, missing=("grade",), source=terms.source, notes=notes
        )
    if event.grade not in term.grades:
        known = ", ".join(str(g) for g in sorted(term.grades))
        said = f"{term.name} has no grade {event.grade} in CTCAE {terms.version} (it has {known}): check the record"
        notes = (*notes, said)
    return Decision(
        rule=rule,
        outcome=f"grade {event.grade}",
        grade=event.grade,
        day=event.day,
        criteria=(term.grades[event.grade],) if event.grade in term.grades else (),
        used=used,
        source=terms.source,
        notes=notes,
    )


def _without_meaning(
    event: Event, label: str, used: tuple[str, ...], terms: ClinicalTerms, laboratory: tuple[str, ...]
) -> Decision:
    """A laboratory term, or one that no table knows."""
    name = next((n for n in laboratory if n.lower() == label.lower()), None)
    if name is not None:
        rule, notes = f"CTCAE {name}, recorded", ("a laboratory term: compare with the grade from the values",)
        said = None if event.grade is None else f"grade {event.grade}"
    else:
        rule, notes = f"{label}, recorded", ("the table of clinical terms does not know this term: code it by hand",)
        said = UNKNOWN if event.grade is None else f"{UNKNOWN}, grade {event.grade} as recorded"
    missing = ("grade",) if event.grade is None else ()
    return Decision(
        rule=rule, outcome=said, grade=event.grade, day=event.day, used=used, missing=missing, source=terms.source,
        notes=notes,
    )  # fmt: skip


def recorded_events(
    patient: FollowUp, terms: ClinicalTerms, *, first_day: float, last_day: float, laboratory: tuple[str, ...] = ()
) -> tuple[Decision, ...]:
    """Explain every adverse event and infection that touches a window, in order of day."""
    return tuple(
        recorded_event(e, terms, laboratory=laboratory)
        for e in patient.events_of(Kind.ADVERSE_EVENT, Kind.INFECTION)
        if e.day <= last_day and (e.until_day if e.until_day is not None else e.day) >= first_day
    )
