"""The main job: one study to a prescription, a calendar and a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import CaseError, FitError
from hemadose.io.case import Case, read_case
from hemadose.io.files import digest_file
from hemadose.kinetics import DEFAULT_MODELS, FitOptions, fit_series, single_time_point
from hemadose.model import (
    ActivitySeries,
    Administration,
    FittedCurve,
)
from hemadose.report import FigureAsset, ImagingRow, PlanReport, StudyImages, draw_figures, image_figures
from hemadose.units import HOUR_S
from hemadose.workflow.compare import comparison_of
from hemadose.workflow.dose_words import dose_methods
from hemadose.workflow.doses import dose_study
from hemadose.workflow.marrow import marrow_events
from hemadose.workflow.population import curve_from_population, prior_organ
from hemadose.workflow.prescribing import plan_course, prescribe_case
from hemadose.workflow.quantify import Quantified, quantify
from hemadose.workflow.results import PlanResult, write_results
from hemadose.workflow.stages import Progress, Silent, Stages
from hemadose.workflow.study import (
    Study,
    case_administration,
    case_files,
    case_patient,
    read_study,
)

STUDY_WORDS = {
    "pre-therapy": "pre-therapeutic tracer study",
    "post-therapy": "post-therapeutic study",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Images:
    """What the report needs to know of the images, with the figures drawn from them."""

    imaging: tuple[ImagingRow, ...]
    figures: tuple[FigureAsset, ...]


class _LazyStudy:
    """The images, read when the first stage needs them."""

    def __init__(self, case: Case, folder: Path) -> None:
        self._case, self._folder = case, folder
        self._study: Study | None = None

    def get(self) -> Study:
        """Read once."""
        if self._study is None:
            self._study = read_study(self._case, self._folder)
        return self._study


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
    case = read_case(case_path)
    folder = case_path.parent
    stages = Stages(folder=out / ".cache", progress=progress or Silent())
    administration = case_administration(case)
    files = [*case_files(case, folder), *_named_tables(case, folder)]
    digests = {str(p.relative_to(folder)): digest_file(p) for p in files}
    study = _LazyStudy(case, folder)
    image_key = {"files": digests, "case": _part(case, "images", "regions", "case", "administration", "patient")}
    quantified = stages.run(
        "quantified",
        title="activity from images",
        key={**image_key, "choices": _part(case, "calibration", "quantification", "dose", "marrow")},
        compute=lambda: quantify(case, study.get(), administration, folder=folder),
    )
    fits = stages.run(
        "fits",
        title="time-activity curves",
        key={
            "series": quantified.series,
            "kinetics": _part(case, "kinetics"),
            "prior": digests.get(case.kinetics.population_prior_file or ""),
            "population": _part(case, "administration", "marrow") if case.kinetics.single_time_point else {},
        },
        compute=lambda: fit_all(case, quantified, administration, folder=folder),
    )
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
    images = stages.run(
        "images",
        title="images with regions",
        key=image_key,
        compute=lambda: _images(case, study.get(), administration),
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
        methods=(*quantified.methods, *dose_methods(case, found, marrow)),
        notes=(*quantified.notes, *(found.blood.notes if found.blood else ()), *marrow.notes),
        figures=images.figures,
    )
    report = stages.run(
        "report",
        title="figures and report",
        key={"report": replace(report, figures=())},
        compute=lambda: replace(report, figures=(*images.figures, *draw_figures(report))),
    )
    return write_results(report, out=out, zone=case.zone, digests=digests, stages=stages)


def _part(case: Case, *sections: str) -> dict[str, Any]:
    return {name: getattr(case, name).model_dump(mode="json") for name in sections}


def _named_tables(case: Case, folder: Path) -> list[Path]:
    """Files that the case names beside images and samples: S values, priors.

    Raises
    ------
    CaseError
        If one does not exist.
    """
    named = {
        "dose.s_value_file": case.dose.s_value_file,
        "kinetics.population_prior_file": case.kinetics.population_prior_file,
    }
    for field, name in named.items():
        if name is not None and not (folder / name).exists():
            raise CaseError(
                "a file that the case names does not exist",
                field=field,
                value=name,
                remedy="paths are relative to the case file",
            )
    return [folder / name for name in named.values() if name is not None]


def fit_all(
    case: Case, quantified: Quantified, administration: Administration, *, folder: Path | None = None
) -> tuple[FittedCurve, ...]:
    """Fit every series with joint draws of the shared uncertainty."""
    k = case.kinetics
    options = FitOptions(models=k.models or DEFAULT_MODELS, averaging=k.averaging, draws=k.draws, seed=k.seed)
    shared = np.random.default_rng([k.seed, 99]).standard_normal(k.draws)
    return tuple(_fit_one(case, s, administration, options, shared, folder) for s in quantified.series)


def _fit_one(
    case: Case,
    series: ActivitySeries,
    administration: Administration,
    options: FitOptions,
    shared: Any,
    folder: Path | None,
) -> FittedCurve:
    if len(series.samples) > 1:
        return fit_series(series, nuclide=administration.nuclide, options=options, shared_normal=shared)
    method = case.kinetics.single_time_point
    if method is None:
        raise FitError(
            f"{series.region} was measured once only",
            field="kinetics.single_time_point",
            expected="haenscheid, madsen or population",
            remedy="choose a single-time-point method, or add time points",
        )
    if method == "population":
        return curve_from_population(case, series, administration, options, shared, folder=folder)
    organ = prior_organ(case, series.region)
    given = case.kinetics.population_half_life_h
    population = given.get(series.region, given.get(organ))
    return single_time_point(
        series,
        nuclide=administration.nuclide,
        method=method,
        population_half_life_s=None if population is None else population * HOUR_S,
        population_relative_sd=case.kinetics.population_half_life_relative_sd,
        draws=options.draws,
        seed=options.seed,
        shared_normal=shared,
    )


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
