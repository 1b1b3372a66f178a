"""The document: what is printed and in which order, as plain text for HTML and PDF alike."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

from hemadose.model import Sex
from hemadose.provenance import __version__
from hemadose.report import dose_parts, names, numbers, printed
from hemadose.report.answer import answer_of
from hemadose.report.content import PlanReport
from hemadose.report.doubts import collect_doubts

STATEMENT = (
    "Research use only. Not a medical device. Every number is to be confirmed by the responsible "
    "physician and the medical physics expert before any use in a patient."
)
UNCERTAINTY = "Uncertainties are standard uncertainties (± 1 SD, k = 1)."
SIGNATURES = ("Prepared by", "Checked by", "Responsible physician", "Medical physics expert")
_SEVERITY = {"stop": "STOP", "caution": "Caution", "info": "Note"}


def document(report: PlanReport) -> dict[str, Any]:
    """Give everything a report prints as plain lists, dicts and text.

    Parameters
    ----------
    report : PlanReport
        Values and figures.

    Returns
    -------
    dict
        JSON-ready, except for figures, which the renderers embed in their own way.
    """
    return {
        "title": report.title,
        "study": report.study,
        "pseudonym": report.patient.pseudonym,
        "version": __version__,
        "statement": STATEMENT,
        "uncertainty": UNCERTAINTY,
        "answer": asdict(answer_of(report)),
        "patient": patient_facts(report),
        "administration": administration_facts(report),
        "tables": _tables(report),
        "course": _course_line(report),
        "warnings": _warnings(report),
        "doubts": _doubts(report),
        "methods": [*report.methods, f"S values: {report.doses.s_value_source}."],
        "signatures": list(SIGNATURES),
    }


def patient_facts(report: PlanReport) -> list[tuple[str, str]]:
    """Give the facts about the patient as label and value."""
    patient = report.patient
    facts = [
        ("Pseudonym", patient.pseudonym),
        ("Sex", "male" if patient.sex is Sex.MALE else "female"),
    ]
    if patient.age_years is not None:
        facts.append(("Age", f"{patient.age_years:g} years"))
    facts += [("Height", f"{patient.height_cm:g} cm"), ("Weight", f"{patient.weight_kg:g} kg")]
    if patient.creatinine_mg_per_dl is not None:
        facts.append(("Creatinine", f"{patient.creatinine_mg_per_dl:g} mg/dl"))
    return facts


def administration_facts(report: PlanReport) -> list[tuple[str, str]]:
    """Give the facts about the imaged administration as label and value."""
    given = report.administration
    return [
        ("Study", report.study),
        ("Agent", given.agent),
        (
            "Radionuclide",
            f"{given.nuclide.name}, half-life {numbers.hours(given.nuclide.half_life_s, digits=4)} h",
        ),
        ("Administered", f"{given.administered_at:%Y-%m-%d %H:%M %Z}"),
        (
            "Net activity",
            f"{numbers.activity(given.administered_activity_bq)} at administration "
            f"(syringe {numbers.activity(given.measured_activity_bq)} at "
            f"{given.measured_at:%H:%M}, residual "
            f"{numbers.activity(given.residual_activity_bq)} at "
            f"{given.residual_measured_at:%H:%M})",
        ),
    ]


def _tables(report: PlanReport) -> dict[str, Any]:
    comparison = report.comparison
    tables = {
        "imaging": printed.imaging_table(report) if report.imaging else None,
        "fits": printed.fit_table(report) if report.fits else None,
        "doses": printed.dose_table(report),
        "contributions": dose_parts.contribution_table(report),
        "marrow_events": dose_parts.marrow_event_table(report),
        "marrow_masses": dose_parts.marrow_mass_table(report),
        "budget": dose_parts.budget_table(report),
        "limits": printed.limit_table(report),
        "calendar": printed.event_table(report),
        "comparison": None if comparison is None else printed.comparison_table(comparison),
        "provenance": printed.provenance_table(report),
    }
    return {name: None if table is None else asdict(table) for name, table in tables.items()}


def _course_line(report: PlanReport) -> str:
    course = report.course
    if course is None:
        return ""
    return (
        f"Regimen {course.regimen}, donor {course.donor}. Day 0, the infusion of stem cells, is "
        f"{course.day_zero_on:%a %d %b %Y}."
    )


def _warnings(report: PlanReport) -> list[dict[str, str]]:
    warnings = () if report.course is None else report.course.warnings
    return [
        {
            "severity": str(warning.severity),
            "word": _SEVERITY[str(warning.severity)],
            "code": warning.code,
            "text": warning.text,
            "source": warning.source,
        }
        for warning in warnings
    ]


def _doubts(report: PlanReport) -> list[dict[str, Any]]:
    doubts = collect_doubts(report)
    return [
        {
            "stage": stage,
            "entries": [{"about": names.sentence(doubt.about), "text": doubt.text} for doubt in group],
        }
        for stage, group in itertools.groupby(doubts, key=lambda doubt: doubt.stage)
    ]
