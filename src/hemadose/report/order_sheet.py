"""The order sheet as PDF: a line for each day and agent, boxes for two persons, signatures; never an order itself."""

from __future__ import annotations

from collections.abc import Sequence

from hemadose.model import Course, Patient
from hemadose.report.sheets import amount, codes_of, day_words, heading, ordered_words, typeset
from hemadose.therapy.conditioning.order import OrderLine

SIGNATURES = ("Planned by", "Verified by (second calculation)", "Responsible physician", "Pharmacist")


def order_sheet_pdf(
    course: Course,
    lines: Sequence[OrderLine],
    patient: Patient,
    *,
    planner: str,
    pseudonym: str | None = None,
    inputs_sha256: str = "",
) -> bytes:
    """Typeset the order sheet on A4 across.

    Parameters
    ----------
    course : Course
        The calendar with its warnings.
    lines : sequence of OrderLine
        From `hemadose.therapy.conditioning.order.order_lines`.
    patient : Patient
        Height, weight, sex, age, creatinine are printed; never a name.
    planner : str
        Role or initials.
    pseudonym : str or None
        Printed only where given.
    inputs_sha256 : str
        Digest of the inputs, so that paper and record can be matched.

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
    known = [str(w["code"]) for w in content["warnings"]]
    content["signatures"] = list(SIGNATURES)
    content["rows"] = [
        {
            "day": day_words(line),
            "date": f"{line.on:%a} {line.on.day} {line.on:%b}",
            "lane": line.lane.value,
            "agent": line.agent + (" †" if line.unverified else ""),
            "ordered": ordered_words(line),
            "size": line.size.replace("m2", "m²"),
            "rule": line.size_rule,
            "single": _single(line),
            "per_day": "do not give" if line.refused else _with_unit(line.per_day, line.unit),
            "so_far": amount(line.so_far, line.unit),
            "total": amount(line.total, line.unit),
            "remark": line.remark.replace("m2", "m²"),
            "checks": codes_of(line, known),
            "refused": line.refused,
        }
        for line in lines
    ]
    content["unverified"] = any(line.unverified for line in lines)
    return typeset("order_sheet.typ", content)


def _single(line: OrderLine) -> str:
    if line.single is None or line.times_per_day == 1:
        return ""
    return f"{line.times_per_day} × {amount(line.single, line.unit)}"


def _with_unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{amount(value, unit)} {unit}"
