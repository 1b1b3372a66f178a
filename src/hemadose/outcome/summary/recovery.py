"""Recovery of counts in a cohort: cumulative incidence with death competing, days, and failure of the graft.

Only patients whose counts fell below the threshold can recover. A patient who dies first had the competing event on
the day of death; a patient alive without recovery is censored at the last count, because nobody looked later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hemadose.errors import HemadoseError
from hemadose.model.followup import Decision, FollowUp
from hemadose.outcome.chimerism import chimerism
from hemadose.outcome.engraftment import EngraftmentRule, graft_failure, neutrophil_recovery, platelet_recovery
from hemadose.outcome.statistics.gray import gray_test
from hemadose.outcome.statistics.incidence import IncidenceCurve, cumulative_incidence
from hemadose.outcome.statistics.survival import CurvePoint
from hemadose.outcome.summary.describe import NumberSummary, describe_numbers
from hemadose.outcome.summary.survival import advice_for_groups, curve_at
from hemadose.outcome.summary.toxicity import Outcomes, outcomes

RECOVERED, DIED = 1, 2
DAYS = (28.0, 42.0, 60.0, 100.0)
CHIMERISM_DAYS = (28.0, 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One count.

    Attributes
    ----------
    quantity : str
        ``"neutrophils"`` or ``"platelets"``.
    rule : str
        Definition in words.
    day : NumberSummary
        Of those who recovered; the others are counted with the reason.
    curve : IncidenceCurve or None
        None if no patient can be followed.
    at : tuple of CurvePoint
        Cumulative incidence at `DAYS`.
    group : str
        ``""`` for all patients.
    """

    quantity: str
    rule: str
    day: NumberSummary
    curve: IncidenceCurve | None
    at: tuple[CurvePoint, ...]
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortRecovery:
    """Both counts, the graft, and whose blood it is.

    Attributes
    ----------
    definition, source : str
        Name and publication of the rule.
    counts : tuple of Recovery
        Neutrophils, platelets.
    by_group : tuple of Recovery
        The same for each group.
    p_values : tuple of (str, float)
        Gray's test of the groups by quantity, where enough patients recovered.
    graft : Outcomes
        Engrafted, primary or secondary failure.
    chimerism : tuple of Outcomes
        At `CHIMERISM_DAYS`, as far as anybody was measured.
    notes : tuple of str
        Doubts.
    """

    definition: str
    source: str
    counts: tuple[Recovery, ...]
    graft: Outcomes
    chimerism: tuple[Outcomes, ...]
    by_group: tuple[Recovery, ...] = ()
    p_values: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()


def cohort_recovery(
    patients: Sequence[FollowUp], rule: EngraftmentRule, *, groups: Sequence[str] = (), unknown: str = "not known"
) -> CohortRecovery:
    """Judge every patient by one definition.

    Parameters
    ----------
    patients : sequence of FollowUp
        The cohort.
    rule : EngraftmentRule
        The definition.
    groups : sequence of str
        Label of each patient; empty without groups.
    unknown : str
        Label of patients without a group: they are in no group.
    """
    decided = {
        "neutrophils": [neutrophil_recovery(p, rule) for p in patients],
        "platelets": [platelet_recovery(p, rule) for p in patients],
    }
    late = sum(_unseen(p, d) for p, d in zip(patients, decided["neutrophils"], strict=True))
    notes = (
        (f"{late} patients without neutrophil recovery died more than 14 days after their last count: they count as "
         "dead without recovery",) if late else ()
    )  # fmt: skip
    measured = [(day, [chimerism(p, day=day).outcome for p in patients]) for day in CHIMERISM_DAYS]
    return CohortRecovery(
        definition=rule.name,
        source=rule.source,
        counts=tuple(_recovery(q, patients, found) for q, found in decided.items()),
        graft=outcomes(f"graft, {rule.name}", [graft_failure(p, rule).outcome for p in patients]),
        chimerism=tuple(outcomes(f"chimerism on day {day:g}", said) for day, said in measured if any(said)),
        by_group=tuple(
            _recovery(q, *_of(group, patients, found, groups), group=group)
            for q, found in decided.items()
            for group in sorted(set(groups) - {unknown})
        ),
        p_values=tuple(
            (q, p) for q, found in decided.items() if (p := _compared(q, patients, found, groups, unknown)) is not None
        ),
        notes=notes,
    )


def _of(
    group: str, patients: Sequence[FollowUp], found: Sequence[Decision], groups: Sequence[str]
) -> tuple[list[FollowUp], list[Decision]]:
    rows = [i for i, g in enumerate(groups) if g == group]
    return [patients[i] for i in rows], [found[i] for i in rows]


def _compared(
    quantity: str, patients: Sequence[FollowUp], found: Sequence[Decision], groups: Sequence[str], unknown: str
) -> float | None:
    """P of Gray's test; None if the policy for small samples withholds it."""
    rows = [
        (t, s, g)
        for p, d, g in zip(patients, found, groups, strict=True)
        if g != unknown
        for t, s in [_time(p, quantity, d)]
        if t is not None
    ] if groups else []  # fmt: skip
    labels = [g for _, _, g in rows]
    if len(set(labels)) < 2:
        return None
    recovered = sum(s == RECOVERED for _, s, _ in rows)
    advice = advice_for_groups(len(rows), [labels.count(g) for g in sorted(set(labels))], recovered)
    if advice.descriptive_only or "p value of curves" in advice.withheld:
        return None
    try:
        return gray_test(
            times=[t for t, _, _ in rows], status=[s for _, s, _ in rows], cause=RECOVERED, groups=labels,
            causes=[RECOVERED, DIED],
        ).p  # fmt: skip
    except HemadoseError:
        return None


def _time(patient: FollowUp, quantity: str, decision: Decision) -> tuple[float | None, int]:
    """When recovery, death or the last count came; None if the patient cannot recover or was not looked at."""
    if decision.outcome == "recovered" and decision.day is not None:
        return decision.day, RECOVERED
    if decision.outcome != "not recovered":
        return None, 0
    died = patient.died_on
    return max(0.0, _last_count(patient, quantity) if died is None else died), 0 if died is None else DIED


def _recovery(quantity: str, patients: Sequence[FollowUp], found: Sequence[Decision], *, group: str = "") -> Recovery:
    days, reasons = [], []
    times, status = [], []
    for patient, decision in zip(patients, found, strict=True):
        time, what = _time(patient, quantity, decision)
        if time is not None:
            times.append(time)
            status.append(what)
        if time is not None and what == RECOVERED:
            days.append(time)
        else:
            reasons.append("no counts after day 0" if decision.outcome is None else decision.outcome)
    curve = None
    if times:
        curve = cumulative_incidence(
            times=times, status=status, cause=RECOVERED, causes={RECOVERED: "recovered", DIED: "died"}
        )
    return Recovery(
        quantity=quantity,
        rule=found[0].rule if found else quantity,
        day=describe_numbers(f"day of {quantity.removesuffix('s')} recovery", days, reasons),
        curve=curve,
        at=() if curve is None else tuple(curve_at(curve, day, times, status) for day in DAYS),
        group=group,
    )


def _last_count(patient: FollowUp, quantity: str) -> float:
    series = patient.of(quantity)
    return float(series.day[-1]) if series is not None and len(series) else 0.0


def _unseen(patient: FollowUp, decision: Decision) -> bool:
    died = patient.died_on
    return decision.outcome == "not recovered" and died is not None and died - _last_count(patient, "neutrophils") > 14
