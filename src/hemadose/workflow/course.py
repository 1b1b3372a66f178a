"""Calendars, agents and regimens on request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hemadose.errors import PlanningError
from hemadose.io.calendar import course_rows, write_ics
from hemadose.io.files import write_bytes_atomic
from hemadose.model import Course, Donor, Patient, Prescription, Sex
from hemadose.refdata import regimen, regimens
from hemadose.therapy.anthropometry import SurfaceRule, WeightRule
from hemadose.therapy.calendar import schedule
from hemadose.therapy.regimen import AtgBasis, AtgOrder, AtgProduct, CourseChoices
from hemadose.units import GBQ


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRequest:
    """What `hemadose schedule` was asked, in field units."""

    regimen: str
    donor: str
    day_zero: str
    height_cm: float
    weight_kg: float
    sex: str
    tbi_gy: float
    ert_day: int = -14
    graft_confirmed: bool = False
    atg_product: str | None = None
    atg_mg_per_kg: float | None = None
    atg_basis: str | None = None
    cyclophosphamide_weight: str | None = None
    calcineurin_inhibitor: str | None = None
    age_years: float | None = None
    creatinine_mg_per_dl: float | None = None
    activity_gbq: float | None = None
    bsa: str = "mosteller"
    zone: str = "Europe/Berlin"
    ics: Path | None = None
    figure: Path | None = None


def make_schedule(request: ScheduleRequest) -> dict[str, Any]:
    """Make a calendar and write the files that were asked for.

    Raises
    ------
    PlanningError
        For anything the calendar needs and the request does not say.
    """
    course = _course(request)
    written = []
    if request.ics is not None:
        write_ics(course, request.ics, zone=ZoneInfo(request.zone))
        written.append(str(request.ics))
    if request.figure is not None:
        write_bytes_atomic(request.figure, _drawn(course, request.figure))
        written.append(str(request.figure))
    return {
        "regimen": course.regimen,
        "donor": course.donor.value,
        "day_zero_on": course.day_zero_on.isoformat(),
        "events": course_rows(course),
        "warnings": [
            {"code": w.code, "severity": w.severity.value, "text": w.text, "source": w.source} for w in course.warnings
        ],
        "written": written,
        "research_use": "not an order: to be confirmed by the treating team",
    }


def _course(request: ScheduleRequest) -> Course:
    try:
        day_zero = date.fromisoformat(request.day_zero)
    except ValueError as problem:
        raise PlanningError(
            "not a date", field="--day-zero", value=request.day_zero, expected="2025-04-07"
        ) from problem
    prescription = None
    if request.activity_gbq is not None:
        prescription = Prescription(
            activity_bq=request.activity_gbq * GBQ,
            active_limit="chosen",
            outcomes=(),
            interval_to_infusion_s=-request.ert_day * 86400.0,
        )
    return schedule(
        regimen=regimen(request.regimen),
        donor=_one_of(Donor, request.donor, "--donor"),
        patient=Patient(
            pseudonym="patient",
            sex=_one_of(Sex, request.sex, "--sex"),
            height_cm=request.height_cm,
            weight_kg=request.weight_kg,
            age_years=request.age_years,
            creatinine_mg_per_dl=request.creatinine_mg_per_dl,
        ),
        day_zero_on=day_zero,
        choices=CourseChoices(
            tbi_dose_gy=request.tbi_gy,
            graft_confirmed=request.graft_confirmed,
            ert_day=request.ert_day,
            surface_rule=_one_of(SurfaceRule, request.bsa, "--bsa"),
            cyclophosphamide_weight=None
            if request.cyclophosphamide_weight is None
            else _one_of(WeightRule, request.cyclophosphamide_weight, "--cyclophosphamide-weight"),
            atg=_atg(request),
            calcineurin_inhibitor=request.calcineurin_inhibitor,
        ),
        prescription=prescription,
    )


def _atg(request: ScheduleRequest) -> AtgOrder | None:
    parts = (request.atg_product, request.atg_mg_per_kg, request.atg_basis)
    if all(part is None for part in parts):
        return None
    if request.atg_product is None or request.atg_mg_per_kg is None or request.atg_basis is None:
        raise PlanningError(
            "antithymocyte globulin needs product, amount and basis together",
            field="--atg-product, --atg-mg-per-kg, --atg-basis",
        )
    return AtgOrder(
        product=_one_of(AtgProduct, request.atg_product.lower(), "--atg-product"),
        amount_mg_per_kg=request.atg_mg_per_kg,
        basis=_one_of(AtgBasis, request.atg_basis, "--atg-basis"),
    )


def _one_of(kind: Any, value: str, field: str) -> Any:
    try:
        return kind(value)
    except ValueError as problem:
        raise PlanningError(
            "unknown choice", field=field, value=value, expected=", ".join(str(k.value) for k in kind)
        ) from problem


def _drawn(course: Course, path: Path) -> bytes:
    from io import BytesIO

    from hemadose.report.lanechart import lane_chart

    buffer = BytesIO()
    lane_chart(course).savefig(buffer, format=path.suffix.lstrip(".") or "svg", dpi=200)
    return buffer.getvalue()


def regimen_rows() -> list[dict[str, Any]]:
    """Give the regimens in brief."""
    return [
        {
            "id": r.id,
            "title": r.title,
            "donors": ", ".join(d.value for d in r.donors),
            "instead_of": ", ".join(r.alternatives),
        }
        for r in regimens()
    ]
