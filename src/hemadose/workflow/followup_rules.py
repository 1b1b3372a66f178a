"""Every rule of follow-up applied to one patient: grades by window, tumour lysis, fever, engraftment, and the rest.

The start of therapy is the first radioligand therapy, irradiation or chemotherapy of the conditioning; earlier lines
are kept out of it, so that a baseline is the value before this therapy. A rule that lacks data stays open and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from hemadose.model.followup import Decision, EventKind, FollowUp
from hemadose.outcome.chimerism import chimerism
from hemadose.outcome.engraftment import (
    EngraftmentRule,
    count_recovery,
    graft_failure,
    neutrophil_recovery,
    platelet_recovery,
)  # fmt: skip
from hemadose.outcome.ldh import LdhKinetics, ldh_kinetics
from hemadose.outcome.quantities import Quantities
from hemadose.outcome.toxicity.ctcae import Ctcae, worst_grade
from hemadose.outcome.toxicity.fever import febrile_neutropenia
from hemadose.outcome.toxicity.recorded import ClinicalTerms, recorded_events
from hemadose.outcome.toxicity.tumour_lysis import STARTS, tumour_lysis_by_start
from hemadose.workflow.followup_care import care_decisions

CONDITIONING_D = 42.0
"""Treatment earlier than this before day 0 belongs to an earlier line."""
EARLY_D = 30.0
LATE_CHIMERISM_WITHIN_D = 14.0
LEUKOCYTES = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What the rules need besides the patient."""

    criteria: Ctcae
    clinical: ClinicalTerms
    engraftment: EngraftmentRule
    quantities: Quantities
    until_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One decision with its place in the report.

    Attributes
    ----------
    group : str
        ``"laboratory"``, ``"recorded"``, ``"tumour lysis"``, ``"fever"``, ``"engraftment"``, ``"chimerism"``,
        ``"care"``, ``"ldh"``.
    window : str
        Days it speaks of.
    decision : Decision
        With its reasons.
    """

    group: str
    window: str
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFollowUp:
    """One patient judged.

    Attributes
    ----------
    patient : FollowUp
        As read.
    start_day : float
        First day of therapy; 0 where none is recorded.
    windows : tuple of (float, float)
        Of the laboratory grades.
    judged : tuple of Judged
        Every decision, open ones too.
    ldh : LdhKinetics or None
        None without therapy, baseline or a later value.
    notes : tuple of str
        Doubts.
    """

    patient: FollowUp
    start_day: float
    windows: tuple[tuple[float, float], ...]
    judged: tuple[Judged, ...]
    ldh: LdhKinetics | None
    notes: tuple[str, ...]

    def of(self, group: str) -> tuple[Judged, ...]:
        """Give the decisions of a group."""
        return tuple(j for j in self.judged if j.group == group)


def judge_patient(patient: FollowUp, tables: Tables) -> PatientFollowUp:
    """Apply all rules to one patient.

    Parameters
    ----------
    patient : FollowUp
        Day 0 is the infusion of stem cells.
    tables : Tables
        Criteria, definitions and the end of the window.
    """
    start, notes = _start(patient, tables.until_day)
    current = replace(patient, events=tuple(e for e in patient.events if e.kind not in STARTS or e.day >= start))
    windows = _windows(start, tables.until_day)
    kinetics = ldh_kinetics(current, until_day=0.0)
    whole = f"day {start:g} to {tables.until_day:g}"
    judged = [
        *_laboratory(current, tables, windows, start),
        *_recorded(current, tables, start),
        *(Judged(group="tumour lysis", window=whole, decision=d) for d in _lysis(current)),
        Judged(group="fever", window=whole, decision=_fever(current, tables, start)),
        *_engraftment(current, tables),
        *(Judged(group="care", window=whole, decision=d) for d in care_decisions(current, start, tables.until_day)),
        Judged(group="ldh", window=f"day {start:g} to 0", decision=_ldh(kinetics)),
    ]
    return PatientFollowUp(
        patient=patient, start_day=start, windows=windows, judged=tuple(judged), ldh=kinetics,
        notes=(*patient.notes, *notes),
    )  # fmt: skip


def _start(patient: FollowUp, until_day: float) -> tuple[float, list[str]]:
    """First day of this therapy, and what to doubt about it."""
    notes = []
    given = patient.events_of(*STARTS)
    earlier = [e for e in given if e.day < -CONDITIONING_D]
    own = [e.day for e in given if -CONDITIONING_D <= e.day <= until_day]
    if earlier:
        notes.append(
            f"{len(earlier)} treatments before day {-CONDITIONING_D:g} are taken as an earlier line, "
            "not as the start of therapy"
        )
    if not own:
        notes.append("no start of therapy is recorded: the baseline is the last value up to day 0")
    graft = patient.first(EventKind.GRAFT)
    if graft is None:
        notes.append("no infusion of stem cells is recorded")
    elif graft.day != 0.0:
        notes.append(f"the first infusion of stem cells is on day {graft.day:g}, not on day 0")
    return (min(own) if own else 0.0), notes


def _windows(start: float, until_day: float) -> tuple[tuple[float, float], ...]:
    """Therapy to graft, the first thirty days, and the rest."""
    edges = sorted({start, 0.0, EARLY_D, until_day})
    edges = [e for e in edges if start <= e <= until_day]
    return tuple(pairwise(edges)) or ((start, until_day),)


def _laboratory(
    patient: FollowUp, tables: Tables, windows: tuple[tuple[float, float], ...], start: float
) -> list[Judged]:
    """Worst grade of every laboratory term in every window, always against the baseline before therapy."""
    return [
        Judged(
            group="laboratory",
            window=f"day {first:g} to {last:g}",
            decision=worst_grade(
                tables.criteria, term, patient, first_day=first, last_day=last, quantities=tables.quantities,
                baseline_day=start,
            ),
        )
        for term in tables.criteria.terms
        for first, last in windows
    ]  # fmt: skip


def _recorded(patient: FollowUp, tables: Tables, start: float) -> list[Judged]:
    names = tuple(t.name for t in tables.criteria.terms)
    found = recorded_events(patient, tables.clinical, first_day=start, last_day=tables.until_day, laboratory=names)
    return [
        Judged(group="recorded", window="" if d.day is None else f"day {d.day:g}", decision=d)
        for d in found
    ]  # fmt: skip


def _lysis(patient: FollowUp) -> tuple[Decision, ...]:
    adult = patient.age_years is None or patient.age_years >= 18.0
    found = tumour_lysis_by_start(patient, adult=adult)
    if not found:
        return (
            Decision(
                rule="Cairo-Bishop tumour lysis", outcome=None,
                missing=("day of radioligand therapy, irradiation or chemotherapy",),
            ),
        )  # fmt: skip
    if patient.age_years is None:
        doubt = "age is not known: the adult limit of phosphate was taken"
        found = tuple(replace(d, notes=(*d.notes, doubt)) for d in found)
    return found


def _fever(patient: FollowUp, tables: Tables, start: float) -> Decision:
    """The rule of CTCAE 5.0; a record without a grade keeps it from saying that there was none."""
    found = febrile_neutropenia(patient, first_day=start, last_day=tables.until_day)
    recorded = [
        e for e in patient.events_of(EventKind.ADVERSE_EVENT, EventKind.INFECTION)
        if (t := tables.clinical.find(e.term)) is not None and t.name == "Febrile neutropenia"
        and start <= e.day <= tables.until_day
    ]  # fmt: skip
    if recorded and found.outcome == "none":
        found = Decision(
            rule=found.rule, outcome=None, used=found.used, source=found.source,
            missing=(f"agreement: recorded on day {recorded[0].day:g}, but not seen in temperature and counts",),
        )  # fmt: skip
    return found


def _engraftment(patient: FollowUp, tables: Tables) -> list[Judged]:
    rule = tables.engraftment
    if patient.first(EventKind.GRAFT) is None:
        missing = ("infusion of stem cells",)
        return [
            Judged(
                group=group, window="from day 0",
                decision=Decision(rule=name, outcome=None, missing=missing, source=source),
            )
            for group, name, source in (
                ("engraftment", f"engraftment, {rule.name}", rule.source), ("chimerism", "chimerism, ASTCT", ""),
            )
        ]  # fmt: skip
    counts: tuple[Callable[[], Decision], ...] = (
        lambda: neutrophil_recovery(patient, rule),
        lambda: count_recovery(patient, "leukocytes", threshold=LEUKOCYTES, rule=rule),
        lambda: platelet_recovery(patient, rule),
        lambda: graft_failure(patient, rule),
    )
    found = [Judged(group="engraftment", window="from day 0", decision=each()) for each in counts]
    return [
        *found,
        Judged(group="chimerism", window="day 28", decision=chimerism(patient, day=28.0)),
        Judged(
            group="chimerism", window="day 100",
            decision=chimerism(patient, day=100.0, within_days=LATE_CHIMERISM_WITHIN_D),
        ),
    ]  # fmt: skip


def _ldh(kinetics: LdhKinetics | None) -> Decision:
    rule = "LDH after radioligand therapy (description, no criterion)"
    if kinetics is None:
        return Decision(rule=rule, outcome=None, missing=("radioligand therapy, LDH before it and LDH after it",))
    half = "no fall" if kinetics.half_time_d is None else f"half-time of the fall {kinetics.half_time_d:.1f} d"
    return Decision(
        rule=rule,
        outcome=f"peak {kinetics.peak_over_baseline:.2f} x baseline, {kinetics.peak_day:g} d after therapy",
        criteria=(half, f"last / baseline {kinetics.last_over_baseline:.2f}"),
        used=(f"{kinetics.values} values after therapy, baseline {kinetics.baseline_u_per_l:g} U/L",),
        source="shape: Buck 2023, J Nucl Med 64:1009, Figure 7B",
        notes=kinetics.notes,
    )
