"""Write the result folder: everything at the end, each file whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from hemadose.io.calendar import ics_bytes
from hemadose.io.files import write_bytes_atomic
from hemadose.io.records import to_json
from hemadose.io.tables import csv_text
from hemadose.model import Prescription
from hemadose.model.marrow import MarrowFindings
from hemadose.provenance import Provenance
from hemadose.report import (
    PlanReport,
    activity_rows,
    candidate_rows,
    contribution_rows,
    dose_rows,
    event_rows,
    fit_rows,
    limit_rows,
    render_html,
    render_pdf,
)
from hemadose.report.doubts import collect_doubts
from hemadose.report.tables import (
    comparison_rows,
    convention_rows,
    marrow_event_rows,
    marrow_mass_rows,
    marrow_site_rows,
)
from hemadose.units import DAY_S, GBQ
from hemadose.workflow.compare import RESULT_FILE
from hemadose.workflow.stages import Stages


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """A finished plan.

    Attributes
    ----------
    report : PlanReport
        All values and figures.
    out : Path
        Result folder.
    files : tuple of Path
        What was written.
    """

    report: PlanReport
    out: Path
    files: tuple[Path, ...]

    def summary(self) -> dict[str, object]:
        """Give the answer in field units, for `--json`."""
        report = self.report
        administered = report.administration.administered_activity_bq
        prescription, course = report.prescription, report.course
        return {
            "patient": report.patient.pseudonym,
            "study": report.study,
            "prescription": None if prescription is None else prescription_summary(prescription),
            "doses": dose_rows(report.doses, activity_bq=prescription.activity_bq if prescription else None),
            "contributions": contribution_rows(report.doses),
            "conventions": convention_rows(report.conventions),
            "marrow": None if report.marrow is None else marrow_summary(report.marrow),
            "marrow_events": [] if report.marrow is None else marrow_event_rows(report.marrow),
            "fits": fit_rows(report.fits, administered_activity_bq=administered),
            "warnings": []
            if course is None
            else [{"code": w.code, "severity": w.severity.value, "text": w.text} for w in course.warnings],
            "comparison": [] if report.comparison is None else comparison_rows(report.comparison),
            "notes": list(report.notes),
            "doubts": [{"stage": d.stage, "about": d.about, "text": d.text} for d in collect_doubts(report)],
            "out": str(self.out),
            "files": [str(path.relative_to(self.out)) for path in self.files],
        }


def marrow_summary(marrow: MarrowFindings) -> dict[str, object]:
    """Give what the marrow dose rests on in field units."""
    return {"method": marrow.method, "sites": marrow_site_rows(marrow), "masses": marrow_mass_rows(marrow)}


def prescription_summary(prescription: Prescription) -> dict[str, object]:
    """Give a prescription in field units."""
    return {
        "activity_GBq": prescription.activity_bq / GBQ,
        "active_limit": prescription.active_limit,
        "limits": limit_rows(prescription),
        "interval_to_infusion_d": None
        if prescription.interval_to_infusion_s is None
        else prescription.interval_to_infusion_s / DAY_S,
        "earliest_infusion_d": None
        if prescription.earliest_infusion_s is None
        else prescription.earliest_infusion_s / DAY_S,
        "activity_for_interval_GBq": None
        if prescription.activity_for_interval_bq is None
        else prescription.activity_for_interval_bq / GBQ,
        "violated": [o.limit.name for o in prescription.violations],
        "notes": list(prescription.notes),
        "research_use": "to be confirmed by the responsible physician and medical physics expert",
    }


def _dose_tables(report: PlanReport) -> dict[str, bytes]:
    """CSV files of conventions and red marrow, those that hold rows."""
    rows = {"tables/conventions.csv": convention_rows(report.conventions)}
    if report.marrow is not None:
        rows["tables/marrow_sites.csv"] = marrow_site_rows(report.marrow)
        rows["tables/marrow_masses.csv"] = marrow_mass_rows(report.marrow)
        rows["tables/marrow_events.csv"] = marrow_event_rows(report.marrow)
    return {name: csv_text(table).encode() for name, table in rows.items() if table}


def write_results(
    report: PlanReport, *, out: Path, zone: ZoneInfo, digests: dict[str, str], stages: Stages
) -> PlanResult:
    """Render and write everything.

    Parameters
    ----------
    report : PlanReport
        With its figures.
    out : Path
        Result folder.
    zone : ZoneInfo
        Of the calendar.
    digests : dict
        Input file to SHA-256, recorded in the result.
    stages : Stages
        Keeps the PDF while nothing changed.
    """
    inputs = Provenance(step="workflow.plan", inputs=digests)
    report = replace(report, provenance=(inputs, *report.provenance))
    contents: dict[str, bytes] = {
        RESULT_FILE: to_json(report).encode(),
        "report.html": render_html(report).encode(),
        "report.pdf": stages.run("pdf", title="PDF", key={"report": report}, compute=lambda: render_pdf(report)),
        "tables/activity.csv": csv_text(activity_rows(report.series)).encode(),
        "tables/fits.csv": csv_text(
            fit_rows(report.fits, administered_activity_bq=report.administration.administered_activity_bq)
        ).encode(),
        "tables/candidates.csv": csv_text(candidate_rows(report.fits)).encode(),
        "tables/doses.csv": csv_text(
            dose_rows(report.doses, activity_bq=report.prescription.activity_bq if report.prescription else None)
        ).encode(),
        "tables/contributions.csv": csv_text(contribution_rows(report.doses)).encode(),
        **_dose_tables(report),
        **{f"figures/{f.name}{f.suffix}": f.data for f in report.figures},
    }
    if report.prescription is not None:
        contents["tables/limits.csv"] = csv_text(limit_rows(report.prescription)).encode()
    if report.course is not None:
        contents["tables/calendar.csv"] = csv_text(event_rows(report.course)).encode()
        contents["calendar.ics"] = ics_bytes(report.course, zone=zone)
    written = [out / name for name in contents]
    result = PlanResult(report=report, out=out, files=(*written, out / "summary.json"))
    contents["summary.json"] = (json.dumps(result.summary(), indent=2, ensure_ascii=False) + "\n").encode()
    for name, data in contents.items():
        write_bytes_atomic(out / name, data)
    return result
