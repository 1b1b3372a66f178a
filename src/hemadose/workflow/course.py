"""A conditioning calendar on request: computed, drawn and written with its order sheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemadose.errors import PlanningError
from hemadose.io.calendar import course_rows, ics_bytes, write_course_csv, write_ics
from hemadose.io.course_files import course_record, order_rows, write_json, write_order_csv
from hemadose.io.files import write_bytes_atomic
from hemadose.model import Course, Severity
from hemadose.refdata import regimens
from hemadose.therapy.conditioning.order import order_lines
from hemadose.therapy.conditioning.verification import course_numbers, require_second_calculation
from hemadose.workflow.course_inputs import CourseInputs, PlannedCourse, named_regimen, plan_inputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORD = "course.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOutputs:
    """What is written beside the answer."""

    ics: Path | None = None
    figure: Path | None = None
    out: Path | None = None
    planner: str | None = None
    pseudonym: str | None = None


def make_schedule(inputs: CourseInputs, outputs: ScheduleOutputs | None = None) -> dict[str, Any]:
    """Make a calendar and write the files that were asked for.

    Raises
    ------
    PlanningError
        For anything the calendar needs and the request does not say, or a folder without a planner.
    """
    wanted = outputs or ScheduleOutputs()
    if wanted.out is not None and not (wanted.planner or "").strip():
        raise PlanningError(
            "the record of a course names who planned it",
            field="--planner",
            expected="a role or initials, never a patient's name",
        )
    planned = plan_inputs(inputs)
    course = planned.course
    require_second_calculation(planned.doses, planned.patient, planned.choices)
    return {
        "regimen": course.regimen,
        "donor": course.donor.value,
        "day_zero_on": course.day_zero_on.isoformat(),
        "events": course_rows(course),
        "orders": order_rows(order_lines(course, planned.doses)),
        "warnings": warning_rows(course),
        "stops": sum(w.severity is Severity.STOP for w in course.warnings),
        "written": _written(inputs, planned, wanted),
        "research_use": "not an order: to be confirmed by the treating team",
    }


def warning_rows(course: Course) -> list[dict[str, str]]:
    """Give the warnings of a course as rows."""
    return [{"code": w.code, "severity": w.severity.value, "text": w.text, "source": w.source} for w in course.warnings]


def _written(inputs: CourseInputs, planned: PlannedCourse, wanted: ScheduleOutputs) -> list[str]:
    course = planned.course
    written: list[Path] = []
    if wanted.ics is not None:
        write_ics(course, wanted.ics, zone=inputs.zone, pseudonym=wanted.pseudonym)
        written.append(wanted.ics)
    if wanted.figure is not None:
        write_bytes_atomic(wanted.figure, _drawn(course, wanted.figure))
        written.append(wanted.figure)
    if wanted.out is not None and wanted.planner is not None:
        written += _folder(inputs, planned, wanted.out, wanted.planner.strip(), wanted.pseudonym)
    return [str(path) for path in written]


def _folder(
    inputs: CourseInputs, planned: PlannedCourse, folder: Path, planner: str, pseudonym: str | None
) -> list[Path]:
    from hemadose.report.lanechart import lane_chart
    from hemadose.report.one_pager import one_pager_pdf
    from hemadose.report.order_sheet import order_sheet_pdf
    from hemadose.report.style import to_svg

    course, plain = planned.course, inputs.as_plain()
    lines = order_lines(course, planned.doses)
    record = course_record(
        planner=planner,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs=plain,
        regimen_sha256=planned.regimen_sha256,
        numbers=course_numbers(course, planned.doses),
        warnings=warning_rows(course),
        overrides=planned.choices.overrides,
    )
    # everything is computed before the first file is written
    chart = to_svg(lane_chart(course))
    digest = record["inputs_sha256"]
    pages = {
        "order-sheet.pdf": order_sheet_pdf(
            course, lines, planned.patient, planner=planner, pseudonym=pseudonym, inputs_sha256=digest
        ),
        "one-page.pdf": one_pager_pdf(
            course, lines, planned.patient, chart=chart, planner=planner, pseudonym=pseudonym, inputs_sha256=digest
        ),
        "calendar.ics": ics_bytes(course, zone=inputs.zone, pseudonym=pseudonym),
        "lanes.svg": chart,
    }
    for name, data in pages.items():
        write_bytes_atomic(folder / name, data)
    write_course_csv(course, folder / "calendar.csv")
    write_order_csv(lines, folder / "order-sheet.csv")
    write_json(folder / RECORD, record)
    return [folder / name for name in (*pages, "calendar.csv", "order-sheet.csv", RECORD)]


def _drawn(course: Course, path: Path) -> bytes:
    from hemadose.report.lanechart import lane_chart

    return _saved(lane_chart(course), path)


def _saved(figure: Figure, path: Path) -> bytes:
    from io import BytesIO

    from hemadose.report.style import to_svg

    kind = path.suffix.lstrip(".").lower() or "svg"
    if kind not in ("svg", "png", "pdf"):
        raise PlanningError("unknown kind of figure", field="--figure", value=path.name, expected="svg, png or pdf")
    if kind == "svg":
        return to_svg(figure)
    buffer = BytesIO()
    figure.savefig(buffer, format=kind, dpi=200)
    return buffer.getvalue()


def regimen_rows() -> list[dict[str, Any]]:
    """Give the regimens in brief."""
    return [
        {
            "id": r.id,
            "title": r.title,
            "donors": ", ".join(d.value for d in r.donors),
            "intensity": r.intensity,
            "instead_of": ", ".join(r.alternatives),
        }
        for r in regimens()
    ]


def draw_figure_1(path: Path) -> list[str]:
    """Write Figure 1 of Braitsch 2025 with a branch for each group of donors (svg, png or pdf)."""
    from hemadose.report.donor_chart import donor_chart

    write_bytes_atomic(path, _saved(donor_chart([r for r in regimens() if r.ert_days][::-1]), path))
    return [str(path)]


def regimen_details(id: str) -> dict[str, Any]:
    """Give one regimen (id or .toml file) line by line, with sources, corrections and how sure each line is."""
    r = named_regimen(id)
    tbi = r.tbi
    rows = [
        {
            "agent": "Total body irradiation",
            "days": _days(tbi.days, continuous=False),
            "amount": " or ".join(f"{dose:g}" for dose in tbi.permitted_gy)
            + f" Gy in fractions of {tbi.fraction_gy:g}",
            "total": "",
            "evidence": tbi.evidence.value,
            "source": tbi.source,
        }
    ]
    for item in r.items:
        times = f" x {item.times_per_day}" if item.times_per_day > 1 else ""
        total = item.amount_of_all_days
        rows.append(
            {
                "agent": item.title,
                "days": _days(item.days, continuous=item.continuous),
                "amount": "" if item.amount is None else f"{item.amount:g} {item.unit}{times}",
                "total": "" if total is None else f"{total:g} {item.unit}",
                "evidence": item.evidence.value,
                "source": item.source,
            }
        )
    if r.atg is not None:
        printed = ", ".join(f"{donor.value} {dose:g} mg/kg" for donor, dose in r.atg.printed_mg_per_kg.items())
        rows.append(
            {
                "agent": "Antithymocyte globulin",
                "days": _days(r.atg.days, continuous=False),
                "amount": f"printed {printed}; product and basis to be chosen",
                "total": "",
                "evidence": "publication",
                "source": r.atg.source,
            }
        )
    return {
        "id": r.id,
        "title": r.title,
        "donors": [d.value for d in r.donors],
        "intensity": r.intensity,
        "order": r.order.value,
        "instead_of": list(r.alternatives),
        "lines": rows,
        "corrections": [
            {"agent": i.title, "printed": c.printed, "used": c.corrected, "reason": c.reason}
            for i in r.items
            if (c := i.correction) is not None
        ],
        "notes": list(r.notes),
        "sources": list(r.sources),
    }


def _days(days: tuple[int, ...], *, continuous: bool) -> str:
    if continuous:
        return f"from {days[0]:+d}" + (f" to {days[-1]:+d}" if len(days) > 1 else "")
    return ", ".join(f"{day:+d}" if day else "0" for day in days)
