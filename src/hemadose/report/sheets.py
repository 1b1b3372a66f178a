"""Printed pages of a course: what the order sheet and the one-page calendar share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from hemadose.errors import ReportError
from hemadose.model import Course, Donor, Patient, Severity, Sex
from hemadose.provenance import __version__
from hemadose.therapy.conditioning.order import OrderLine

MARK = "Research use - not an order"
STATEMENT = (
    "Research software, not a medical device. Every amount, day and time is to be confirmed by the responsible "
    "physician, the pharmacist and the medical physics expert before any use in a patient."
)
DONOR_WORDS = {
    Donor.MATCHED_RELATED: "matched related (MRD)",
    Donor.MATCHED_UNRELATED: "matched unrelated (MUD)",
    Donor.MISMATCHED_UNRELATED: "mismatched unrelated (MMUD)",
    Donor.HAPLOIDENTICAL: "haploidentical (HID)",
    Donor.AUTOLOGOUS: "autologous",
}
SEVERITY_WORDS = {Severity.STOP: "STOP", Severity.CAUTION: "Caution", Severity.INFO: "Note"}


def typeset(template: str, content: Mapping[str, Any]) -> bytes:
    """Typeset one page from a packaged template; text arrives as data and is never read as markup.

    Parameters
    ----------
    template : str
        File name below ``report/templates``.
    content : Mapping
        JSON-ready.

    Raises
    ------
    ReportError
        If the page cannot be typeset.
    """
    import typst

    source = resources.files("hemadose.report") / "templates" / template
    try:
        made = typst.compile(
            source.read_bytes(),
            format="pdf",
            ignore_system_fonts=True,
            sys_inputs={"content": json.dumps(content, ensure_ascii=False)},
        )
    except RuntimeError as problem:
        raise ReportError("the page could not be typeset", source=template, value=str(problem)) from problem
    return bytes(made)


def heading(
    course: Course, patient: Patient, *, planner: str, pseudonym: str | None, inputs_sha256: str
) -> dict[str, Any]:
    """Give what stands at the head and foot of every page; the patient by pseudonym only where one is given."""
    on = course.day_zero_on
    facts = [
        ("Regimen", course.regimen),
        ("Donor", DONOR_WORDS[course.donor]),
        ("Day 0", f"{on:%a} {on.day} {on:%B %Y}"),
        ("Sex", "male" if patient.sex is Sex.MALE else "female"),
        ("Height", f"{patient.height_cm:g} cm"),
        ("Weight", f"{patient.weight_kg:g} kg"),
    ]
    if patient.age_years is not None:
        facts.append(("Age", f"{patient.age_years:g} years"))
    if patient.creatinine_mg_per_dl is not None:
        facts.append(("Creatinine", f"{patient.creatinine_mg_per_dl:.2g} mg/dl"))
    return {
        "mark": MARK,
        "statement": STATEMENT,
        "version": __version__,
        "planner": planner,
        "pseudonym": pseudonym or "",
        "digest": inputs_sha256[:12],
        "facts": facts,
        "warnings": [
            {
                "severity": w.severity.value,
                "word": SEVERITY_WORDS[w.severity],
                "code": w.code,
                "text": w.text,
                "source": w.source,
            }
            for w in course.warnings
        ],
    }


def day_words(line: OrderLine) -> str:
    """Give the day or period of a line, with a true minus sign.

    A period with an open end reads ``"from +5"``.
    """
    first = signed(line.day)
    if line.last_day is None:
        return f"from {first}"
    return first if line.last_day == line.day else f"{first} to {signed(line.last_day)}"


def signed(day: int) -> str:
    """Write a day relative to the graft.

    >>> signed(-5), signed(0), signed(3)
    ('−5', '0', '+3')
    """
    return f"{day:+d}".replace("-", "\N{MINUS SIGN}") if day else "0"


def amount(value: float | None, unit: str) -> str:
    """Write an amount: whole milligrams from 100 mg on, one decimal below; Gy and GBq as they are.

    >>> amount(57.79, "mg"), amount(4500.0, "mg"), amount(2.0, "Gy"), amount(None, "mg")
    ('57.8', '4500', '2', '')
    """
    if value is None:
        return ""
    if unit == "mg":
        return f"{value:.0f}" if value >= 100.0 else f"{value:.1f}"
    return f"{value:.4g}"


def ordered_words(line: OrderLine) -> str:
    """Give the basis as ordered, with the part that renal function allows, e.g. ``"30 mg/m² × 60 %"``."""
    part = "" if line.fraction in (0.0, 1.0) else f" × {line.fraction:.0%}".replace("%", " %")
    return line.ordered.replace("m2", "m²") + part


def codes_of(line: OrderLine, known: Sequence[str]) -> str:
    """Give the numbers of the warnings that concern a line, as printed below the table."""
    return ", ".join(str(known.index(code) + 1) for code in line.checks if code in known)
