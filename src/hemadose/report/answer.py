"""The answer first: which activity, because of what, how sure, and when to transplant."""

from __future__ import annotations

from dataclasses import dataclass

from hemadose.errors import ReportError
from hemadose.model import LimitKind, LimitOutcome, OrganDose, Prescription
from hemadose.report import names, numbers
from hemadose.report.content import PlanReport
from hemadose.units import GBQ


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One number of the answer: what it is, its value, what it is measured against."""

    label: str
    value: str
    remark: str
    alert: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The first thing a reader sees.

    Attributes
    ----------
    headline : str
        E.g. ``"Proposed activity 14.2 GBq"``.
    reason : str
        The active constraint, in one sentence.
    facts : tuple of Fact
        The numbers behind it.
    alerts : tuple of str
        Broken limits, in words.
    """

    headline: str
    reason: str
    facts: tuple[Fact, ...]
    alerts: tuple[str, ...] = ()


def answer_of(report: PlanReport) -> Answer:
    """Give the answer of a planning study, or of a study after therapy."""
    if report.comparison is not None:
        return _delivered(report)
    if report.prescription is not None:
        return _planned(report.prescription)
    activity = numbers.activity(report.reference_activity_bq)
    facts = tuple(
        Fact(
            label=names.sentence(names.label(organ.target)),
            value=f"{numbers.measured(organ.gy_per_bq * GBQ, organ.sd_gy_per_bq * GBQ)} Gy/GBq",
            remark="absorbed dose per administered activity",
        )
        for organ in _ranked(report)[:4]
    )
    return Answer(
        headline=f"Absorbed doses of {activity}",
        reason="No activity is proposed: this study holds no limits.",
        facts=facts,
    )


def _ranked(report: PlanReport) -> list[OrganDose]:
    return sorted(report.doses.organs, key=lambda organ: names.rank(organ.target))


def _planned(prescription: Prescription) -> Answer:
    facts = [_limit_fact(outcome) for outcome in prescription.outcomes]
    facts += _timing_facts(prescription)
    return Answer(
        headline=f"{_role(prescription)} {numbers.prescribed(prescription.activity_bq)}",
        reason=reason_of(prescription),
        facts=tuple(facts),
        alerts=tuple(_alert(outcome) for outcome in prescription.violations),
    )


def _role(prescription: Prescription) -> str:
    return "Chosen activity" if prescription.active_limit == "chosen" else "Proposed activity"


def reason_of(prescription: Prescription) -> str:
    """Name the constraint that sets the activity, in one sentence."""
    lowest = min(prescription.outcomes, key=lambda o: o.max_activity_bq, default=None)
    active = next((o for o in prescription.outcomes if o.limit.name == prescription.active_limit), None)
    if active is None:
        if lowest is None:
            return "The activity was chosen; no limit was given."
        return (
            f"The activity was chosen. The limits would allow up to "
            f"{numbers.activity(lowest.max_activity_bq, digits=4)} ({limit_words(lowest)})."
        )
    if active.limit.kind is LimitKind.ACTIVITY:
        return f"Because of the {limit_words(active)}; every other limit would allow more."
    limit = active.limit
    after = " after infusion of stem cells" if limit.kind is LimitKind.RESIDUAL_DOSE else ""
    return (
        f"Because of the limit of {limit.value:g} Gy to the {names.label(limit.target)}{after}, "
        f"which is met at {numbers.activity(active.max_activity_bq, digits=4)}, the lowest "
        "activity that any limit allows; rounded down."
    )


def limit_words(outcome: LimitOutcome) -> str:
    """Give a limit in words: ``kidneys 23 Gy``, ``activity cap 16 GBq``."""
    limit = outcome.limit
    if limit.kind is LimitKind.ACTIVITY:
        return f"activity cap {numbers.significant(limit.value / GBQ)} GBq"
    after = " after infusion of stem cells" if limit.kind is LimitKind.RESIDUAL_DOSE else ""
    return f"{names.label(limit.target)}{after} {limit.value:g} Gy"


def value_words(outcome: LimitOutcome) -> str:
    """Give what the activity does to a limit, with unit and standard uncertainty."""
    if outcome.limit.kind is LimitKind.ACTIVITY:
        return f"{numbers.significant(outcome.value_at_activity / GBQ)} GBq"
    return f"{numbers.measured(outcome.value_at_activity, outcome.sd_at_activity)} Gy"


def _limit_fact(outcome: LimitOutcome) -> Fact:
    limit = outcome.limit
    remark = f"allows up to {numbers.activity(outcome.max_activity_bq, digits=4)}"
    if limit.kind is LimitKind.ACTIVITY:
        label = "Activity cap"
        remark = f"of {numbers.significant(limit.value / GBQ)} GBq"
    else:
        label = names.sentence(names.label(limit.target))
        label += " after infusion" if limit.kind is LimitKind.RESIDUAL_DOSE else ""
        chance = numbers.probability(outcome.probability_exceeding)
        remark = f"limit {limit.value:g} Gy, probability of exceeding {chance}; {remark}"
    return Fact(label=label, value=value_words(outcome), remark=remark, alert=outcome.violated)


def _timing_facts(prescription: Prescription) -> list[Fact]:
    facts = []
    chosen, earliest = prescription.interval_to_infusion_s, prescription.earliest_infusion_s
    if earliest is not None:
        remark = "after administration"
        if chosen is not None:
            remark += f"; chosen {numbers.days(chosen)}"
        facts.append(
            Fact(
                label="Earliest transplantation",
                value=numbers.days_up(earliest),
                remark=remark,
                alert=chosen is not None and chosen < earliest,
            )
        )
    return facts


def _alert(outcome: LimitOutcome) -> str:
    return f"Limit broken: {limit_words(outcome)}, expected {value_words(outcome)}."


def _delivered(report: PlanReport) -> Answer:
    comparison = report.comparison
    if comparison is None:
        raise ReportError("a report of delivered doses needs the comparison")
    facts = []
    for target in sorted(comparison.targets, key=names.rank)[:4]:
        planned = comparison.planned.organ(target).gy_per_bq * comparison.planned_activity_bq
        organ = comparison.delivered.organ(target)
        activity = comparison.delivered_activity_bq
        text = numbers.measured(organ.gy_per_bq * activity, organ.sd_gy_per_bq * activity)
        facts.append(
            Fact(
                label=names.sentence(names.label(target)),
                value=f"{text} Gy",
                remark=f"planned {numbers.significant(planned)} Gy",
            )
        )
    return Answer(
        headline=f"Delivered by {numbers.activity(comparison.delivered_activity_bq)}",
        reason="Absorbed doses of the study after therapy, beside those planned from the tracer "
        f"study for {numbers.activity(comparison.planned_activity_bq)}.",
        facts=tuple(facts),
        alerts=tuple(_alert(o) for o in report.prescription.violations) if report.prescription else (),
    )
