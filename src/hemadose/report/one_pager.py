"""The calendar on one page: the lane chart, what stops it, the amounts of each agent, signatures."""

from __future__ import annotations

from collections.abc import Sequence

from hemadose.model import Course, Patient
from hemadose.report.sheets import amount, heading, ordered_words, signed, typeset
from hemadose.therapy.conditioning.order import OrderLine

SIGNATURES = ("Planned by", "Verified by", "Responsible physician")


def one_pager_pdf(
    course: Course,
    lines: Sequence[OrderLine],
    patient: Patient,
    *,
    chart: bytes,
    planner: str,
    pseudonym: str | None = None,
    inputs_sha256: str = "",
) -> bytes:
    """Typeset the calendar on one A4 page.

    Parameters
    ----------
    course : Course
        The calendar with its warnings.
    lines : sequence of OrderLine
        From `hemadose.therapy.conditioning.order.order_lines`.
    patient : Patient
        Height, weight, sex, age, creatinine are printed; never a name.
    chart : bytes
        Lane chart as SVG (`hemadose.report.style.to_svg`).
    planner : str
        Role or initials.
    pseudonym : str or None
        Printed only where given.
    inputs_sha256 : str
        Digest of the inputs.

    Returns
    -------
    bytes
        The file; the caller writes it.

    Raises
    ------
    ReportError
        If the page cannot be typeset.
    """
    content = heading(course, patient, planner=planner, pseudonym=pseudonym, inputs_sha256=inputs_sha256)
    content["chart"] = chart.decode("utf-8")
    content["signatures"] = list(SIGNATURES)
    content["rows"] = [_row(group) for group in _groups(lines)]
    return typeset("one_pager.typ", content)


def _groups(lines: Sequence[OrderLine]) -> list[list[OrderLine]]:
    """Lines of the same agent and amount, in order of their first day."""
    groups: dict[tuple[str, str, float | None], list[OrderLine]] = {}
    for line in lines:
        # the day of a single fraction belongs to the other days of irradiation
        per_day = None if line.unit == "Gy" else line.per_day
        groups.setdefault((line.agent, line.ordered, per_day), []).append(line)
    return list(groups.values())


def _row(group: Sequence[OrderLine]) -> dict[str, object]:
    first, days = group[0], sorted({line.day for line in group})
    if first.last_day is None:
        when = f"from {signed(days[0])}"
    elif first.last_day != first.day:
        when = f"{signed(first.day)} to {signed(first.last_day)}"
    elif len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        when = f"{signed(days[0])} to {signed(days[-1])}"
    else:
        when = ", ".join(signed(day) for day in days)
    basis = " × ".join(part for part in (ordered_words(first), first.size.replace("m2", "m²")) if part)
    if first.unit == "Gy":
        fractions = sum(line.times_per_day for line in group)
        basis, per_day = f"{fractions} fraction{'s' if fractions > 1 else ''} of {first.single:g} Gy", ""
    else:
        per_day = "do not give" if first.refused else f"{amount(first.per_day, first.unit)} {first.unit}".strip()
    total = amount(first.total, first.unit)
    return {
        "days": when,
        "agent": first.agent + (" †" if first.unverified else ""),
        "basis": basis,
        "per_day": per_day,
        "total": f"{total} {first.unit}".strip() if total else "",
        "refused": first.refused,
    }
