"""The main job: one study to a prescription, a calendar and a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from hemadose.errors import PlanningError
from hemadose.io.case import Case
from hemadose.model import Administration, Prescription, StudyDoses
from hemadose.model.budget import Budget
from hemadose.report import FigureAsset, ImagingRow, PlanReport, StudyImages, draw_figures, image_figures
from hemadose.workflow.budget import plan_budget
from hemadose.workflow.compare import comparison_of
from hemadose.workflow.dose_words import dose_methods
from hemadose.workflow.doses import dose_study
from hemadose.workflow.marrow import marrow_events
from hemadose.workflow.measured import Measured, measured
from hemadose.workflow.prescribing import plan_course, prescribe_case
from hemadose.workflow.results import PlanResult, write_results
from hemadose.workflow.stages import Progress, Silent, Stages
from hemadose.workflow.study import (
    Study,
    case_patient,
)

BUDGET_DRAWS = 20_000
STUDY_WORDS = {
    "pre-therapy": "pre-therapeutic tracer study",
    "post-therapy": "post-therapeutic study",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Images:
    """What the report needs to know of the images, with the figures drawn from them."""

    imaging: tuple[ImagingRow, ...]
    figures: tuple[FigureAsset, ...]


def plan(case_path: Path, out: Path, *, progress: Progress | None = None) -> PlanResult:
    """Run a case file through to prescription, calendar and report.

    Parameters
    ----------
    case_path : Path
        The TOML case file.
    out : Path
        Result folder; files are written only when everything has been computed.
    progress : Progress, optional
        The screen.

    Returns
    -------
    PlanResult
        All values, and the files written.

    Raises
    ------
    HemadoseError
        For anything that cannot be used; no result is written then.
    """
    stages = Stages(folder=out / ".cache", progress=progress or Silent())
    begun = measured(case_path, stages)
    case, folder, administration = begun.case, begun.folder, begun.administration
    quantified, fits = begun.quantified, begun.fits
    found = dose_study(case, quantified, fits, administration, folder)
    doses = found.doses
    prescription = prescribe_case(case, doses)
    course = plan_course(case, prescription)
    events = marrow_events(
        case,
        doses,
        prescription=prescription,
        course=course,
        administered_bq=administration.administered_activity_bq,
    )
    marrow = replace(found.marrow, events=events)
    budget, unbudgeted = _budget(begun, doses, prescription, stages)
    images = stages.run(
        "images",
        title="images with regions",
        key=begun.image_key,
        compute=lambda: _images(case, begun.study.get(), administration),
    )
    report = PlanReport(
        study=STUDY_WORDS[case.case.study],
        title=case.case.title,
        patient=case_patient(case),
        administration=administration,
        imaging=images.imaging,
        series=quantified.series,
        fits=fits,
        doses=doses,
        prescription=prescription,
        course=course,
        comparison=comparison_of(case, folder, doses),
        marrow=marrow,
        conventions=found.conventions,
        budget=budget,
        methods=(*quantified.methods, *dose_methods(case, found, marrow)),
        notes=(*quantified.notes, *(found.blood.notes if found.blood else ()), *marrow.notes, *unbudgeted),
        figures=images.figures,
    )
    report = stages.run(
        "report",
        title="figures and report",
        key={"report": replace(report, figures=())},
        compute=lambda: replace(report, figures=(*images.figures, *draw_figures(report))),
    )
    return write_results(report, out=out, zone=case.zone, digests=begun.digests, stages=stages)


def _budget(
    begun: Measured, doses: StudyDoses, prescription: Prescription, stages: Stages
) -> tuple[Budget | None, tuple[str, ...]]:
    """Uncertainty budget, or why there is none."""
    try:
        found = stages.run(
            "budget",
            title="uncertainty budget",
            key={"doses": doses, "prescription": prescription, "fits": begun.fits, "series": begun.quantified.series},
            compute=lambda: plan_budget(
                begun.case, begun.quantified, begun.fits, doses, prescription, begun.administration, begun.folder,
                draws=BUDGET_DRAWS,
            ),
        )  # fmt: skip
    except PlanningError as problem:
        return None, (f"no uncertainty budget: {problem.message}",)
    return found, ()


def _images(case: Case, study: Study, administration: Administration) -> _Images:
    rows = [
        _imaging_row(administration, "SPECT/CT", s.started_at, s.duration_s, s.corrections) for s in study.spect
    ] + [_imaging_row(administration, "planar", s.started_at, s.duration_s, s.corrections) for s in study.planar]
    content = StudyImages(
        ct=study.ct,
        spect=study.spect,
        regions=study.regions,
        planar=study.planar,
        planar_regions=study.planar_regions,
    )
    return _Images(
        imaging=tuple(sorted(rows, key=lambda r: r.time_s)),
        figures=image_figures(administration, content),
    )


def _imaging_row(
    administration: Administration, modality: str, at: datetime, duration_s: float, codes: frozenset[str]
) -> ImagingRow:
    words = {"ATTN": "attenuation", "SCAT": "scatter", "DECY": "decay", "DTIM": "dead time"}
    return ImagingRow(
        time_s=administration.time_since_s(at) + duration_s / 2.0,
        modality=modality,
        duration_s=duration_s,
        corrections=", ".join(words.get(code, code) for code in sorted(codes)),
    )
