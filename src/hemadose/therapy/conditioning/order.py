"""The lines of an order sheet: each day and agent with its basis, the amount of the day, up to then, and in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from hemadose.model import Course, CourseEvent, Lane
from hemadose.therapy.conditioning.doses import DrugDose
from hemadose.therapy.conditioning.regimen import DoseUnit, Evidence

_CODES = {
    "fludarabine": ("FLU-", "CREATININE"),
    "cyclophosphamide": ("CY-", "OBESITY-WEIGHT", "WEIGHT-ABOVE-ACTUAL", "PTCY-"),
    "antithymocyte_globulin": ("ATG-",),
    "mycophenolate_mofetil": ("MMF-", "IMMUNOSUPPRESSION-START", "CNI-BEFORE-PTCY"),
    "calcineurin_inhibitor": ("CNI-", "IMMUNOSUPPRESSION-START"),
    "ert": ("GRAFT-", "ERT-", "RESIDUAL-", "INTERVAL-", "AGENT-NAME"),
    "amino_acids": ("AMINO-ACID", "POTASSIUM"),
    "tbi": ("TBI-", "ERT-TBI-INTERVAL"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One agent on one day (or over one period).

    Attributes
    ----------
    day, last_day : int
        Relative to the graft; equal for a single day, `last_day` None for an open end.
    on : date
        Date of `day`.
    lane : Lane
        Who treats.
    agent : str
        Name.
    ordered : str
        Basis as ordered, e.g. ``"30 mg/m2"``.
    fraction : float
        Part of it that renal function allows.
    size : str
        Surface or weight used, e.g. ``"1.926 m2"``.
    size_rule : str
        How it was found.
    single : float or None
        Per administration in `unit`, not rounded.
    times_per_day : int
        Administrations per day.
    per_day, so_far, total : float or None
        Amount of the day, of all days up to it, of all days, in `unit`.
    unit : str
        ``"mg"``, ``"Gy"``, ``"GBq"`` or empty.
    remark : str
        Renal reduction, time, instruction.
    refused : bool
        True where the drug must not be given.
    unverified : bool
        True where days or amount were not read in a publication.
    checks : tuple of str
        Codes of warnings that concern the line.
    """

    day: int
    last_day: int | None
    on: date
    lane: Lane
    agent: str
    ordered: str
    size: str
    size_rule: str
    single: float | None
    times_per_day: int
    per_day: float | None
    so_far: float | None
    total: float | None
    unit: str
    fraction: float = 1.0
    remark: str = ""
    refused: bool = False
    unverified: bool = False
    checks: tuple[str, ...] = ()


def order_lines(course: Course, doses: Sequence[DrugDose]) -> tuple[OrderLine, ...]:
    """Give the lines of the order sheet of a course, in order of day.

    Parameters
    ----------
    course : Course
        The calendar, whose events give days and times.
    doses : sequence of DrugDose
        From `hemadose.therapy.conditioning.doses.course_doses`, made of the same regimen, patient and choices.
    """
    lines = [*_drug_lines(course, doses), *_other_lines(course)]
    lanes = list(Lane)
    return tuple(sorted(lines, key=lambda n: (n.day, lanes.index(n.lane), n.agent)))


def _drug_lines(course: Course, doses: Sequence[DrugDose]) -> Iterator[OrderLine]:
    for dose in doses:
        days = dose.days[:1] if dose.continuous else dose.days
        last = dose.days[-1] if dose.continuous and len(dose.days) > 1 else None
        for number, day in enumerate(days, start=1):
            per_day = dose.per_day_mg
            yield OrderLine(
                day=day,
                last_day=last if dose.continuous else day,
                on=course.date_of(day),
                lane=Lane.TRANSPLANTATION,
                agent=dose.title,
                ordered=f"{dose.ordered:g} {dose.unit}",
                size=f"{dose.size:.3f} m2" if dose.unit is DoseUnit.MG_PER_M2 else f"{dose.size:.1f} kg",
                size_rule=dose.size_rule,
                single=dose.single_mg,
                times_per_day=dose.times_per_day,
                per_day=per_day,
                so_far=None if per_day is None or dose.continuous else per_day * number,
                total=dose.total_mg,
                unit="mg",
                fraction=dose.fraction,
                remark="; ".join(part for part in (dose.remark.lstrip(",; "), dose.instruction) if part),
                refused=dose.fraction == 0.0,
                unverified=dose.evidence is Evidence.UNVERIFIED,
                checks=_codes(course, dose.drug, title=dose.title),
            )


def _other_lines(course: Course) -> Iterator[OrderLine]:
    gray = 0.0
    irradiation = [e for e in course.events if e.kind == "tbi"]
    total = sum(e.amount or 0.0 for e in irradiation)
    for day in sorted({e.day for e in irradiation}):
        today = [e for e in irradiation if e.day == day]
        gray += sum(e.amount or 0.0 for e in today)
        ordered = f"{today[0].amount:g} Gy per fraction"
        yield _line(course, today[0], "tbi", times=len(today), so_far=gray, total=total, ordered=ordered)
    for event in course.events:
        if event.kind in ("ert", "amino_acids", "graft"):
            yield _line(course, event, event.kind, times=1, so_far=event.amount, total=event.amount, ordered="")
        elif event.kind == "immunosuppression" and event.amount is None:
            level = not event.title.lower().startswith("mycophenolate")
            drug = "calcineurin_inhibitor" if level else "mycophenolate_mofetil"
            ordered = "by level" if level else "amount not stated"
            yield _line(course, event, drug, times=1, so_far=None, total=None, ordered=ordered)


def _line(
    course: Course,
    event: CourseEvent,
    kind: str,
    *,
    times: int,
    so_far: float | None,
    total: float | None,
    ordered: str,
) -> OrderLine:
    open_end = event.kind == "immunosuppression" and event.duration_h is None
    at = "" if event.at is None else f"at {event.at:%H:%M}"
    return OrderLine(
        day=event.day,
        last_day=None if open_end else event.day,
        on=course.date_of(event.day),
        lane=event.lane,
        agent=event.title,
        ordered=ordered,
        size="",
        size_rule="",
        single=event.amount,
        times_per_day=times,
        per_day=None if event.amount is None else event.amount * times,
        so_far=so_far,
        total=total,
        unit=event.unit or "",
        remark="; ".join(part for part in (at, event.basis) if part) if kind != "tbi" else "",
        checks=_codes(course, kind),
    )


def _codes(course: Course, kind: str, *, title: str = "") -> tuple[str, ...]:
    """Codes of the warnings of one agent, and of corrected units that name its line."""
    starts = _CODES.get(kind, ())
    named = ("UNIT-CORRECTED", "UNIT-REASON")
    return tuple(
        dict.fromkeys(
            w.code
            for w in course.warnings
            if (starts and w.code.startswith(starts)) or (title and w.code in named and w.text.startswith(title))
        )
    )
