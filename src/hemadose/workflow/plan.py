"""The main job: one study to a prescription, a calendar and a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.dose import SourceCurve, marrow_from_lumbar, organ_doses, remainder, require_image_based, source_from_fits
from hemadose.errors import CaseError, FitError
from hemadose.io.case import Case, read_case
from hemadose.io.files import digest_file
from hemadose.kinetics import DEFAULT_MODELS, FitOptions, fit_series, single_time_point
from hemadose.model import (
    ActivitySeries,
    Administration,
    Course,
    Donor,
    FittedCurve,
    Limit,
    LimitKind,
    Prescription,
    StudyDoses,
)
from hemadose.refdata import regimen
from hemadose.report import FigureAsset, ImagingRow, PlanReport, StudyImages, draw_figures, image_figures
from hemadose.therapy.anthropometry import SurfaceRule, WeightRule
from hemadose.therapy.calendar import schedule
from hemadose.therapy.prescribe import prescribe
from hemadose.therapy.regimen import AminoAcids, AtgBasis, AtgOrder, AtgProduct, CourseChoices
from hemadose.units import DAY_S, GBQ, GRAM_KG, HOUR_S
from hemadose.workflow.blood import BloodMarrow, blood_marrow
from hemadose.workflow.compare import comparison_of
from hemadose.workflow.patient_table import marrow_model, patient_table
from hemadose.workflow.quantify import Quantified, quantify
from hemadose.workflow.results import PlanResult, write_results
from hemadose.workflow.stages import Progress, Silent, Stages
from hemadose.workflow.study import (
    Study,
    case_administration,
    case_agent,
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
    digests = {str(p.relative_to(folder)): digest_file(p) for p in case_files(case, folder)}
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
        key={"series": quantified.series, "kinetics": _part(case, "kinetics")},
        compute=lambda: fit_all(case, quantified, administration),
    )
    doses, blood = dose_study(case, quantified, fits, administration, folder)
    prescription = prescribe_case(case, doses)
    course = plan_course(case, prescription)
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
        methods=(*quantified.methods, *_methods(case, blood)),
        notes=(*quantified.notes, *(blood.notes if blood else ())),
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


def fit_all(case: Case, quantified: Quantified, administration: Administration) -> tuple[FittedCurve, ...]:
    """Fit every series with joint draws of the shared uncertainty."""
    k = case.kinetics
    options = FitOptions(models=k.models or DEFAULT_MODELS, averaging=k.averaging, draws=k.draws, seed=k.seed)
    shared = np.random.default_rng([k.seed, 99]).standard_normal(k.draws)
    return tuple(_fit_one(case, s, administration, options, shared) for s in quantified.series)


def _fit_one(
    case: Case, series: ActivitySeries, administration: Administration, options: FitOptions, shared: Any
) -> FittedCurve:
    if len(series.samples) > 1:
        return fit_series(series, nuclide=administration.nuclide, options=options, shared_normal=shared)
    method = case.kinetics.single_time_point
    if method is None:
        raise FitError(
            f"{series.region} was measured once only",
            field="kinetics.single_time_point",
            expected="haenscheid or madsen",
            remedy="choose a single-time-point method, or add time points",
        )
    organ = "kidneys" if series.region.startswith("kidney") else series.region
    population = case.kinetics.population_half_life_h.get(organ)
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


def dose_study(
    case: Case,
    quantified: Quantified,
    fits: tuple[FittedCurve, ...],
    administration: Administration,
    folder: Path,
) -> tuple[StudyDoses, BloodMarrow | None]:
    """Turn curves into doses, the marrow image-based and the blood model beside it."""
    by_name = {f.region: f for f in fits}
    require_image_based(
        agent=case.administration.agent,
        marrow_targeting=case_agent(case).marrow_targeting,
        has_image="lumbar_l2_l4" in by_name,
    )
    sources, masses = _sources(case, quantified, by_name)
    marrow = marrow_model(case, administration)
    table = patient_table(case, administration, masses, marrow)
    notes: tuple[str, ...] = ()
    if "whole_body" in by_name:
        sources.append(remainder(source_from_fits("whole_body", [by_name["whole_body"]]), sources))
    else:
        notes = ("no whole-body activity was measured: cross-dose from the rest of the body is left out",)
    doses = organ_doses(
        sources,
        administered_activity_bq=administration.administered_activity_bq,
        s_values=table,
        mass_relative_sd={
            **dict.fromkeys(masses, case.dose.mass_relative_sd),
            "red_marrow": case.marrow.mass_relative_sd,
        },
        s_value_relative_sd=case.dose.s_value_relative_sd,
        methods={"red_marrow": "marrow-image (L2-L4)"},
        notes=notes,
        seed=case.kinetics.seed,
    )
    return doses, blood_marrow(case, folder, administration, marrow)


def _sources(
    case: Case, quantified: Quantified, by_name: Mapping[str, FittedCurve]
) -> tuple[list[SourceCurve], dict[str, float]]:
    """Source curves with joint draws, and target masses."""
    mass = {s.region: s.mass_kg for s in quantified.series}
    parts = {"kidneys": [n for n in ("kidney_left", "kidney_right", "kidneys") if n in by_name]}
    for name in by_name:
        if name not in ("kidney_left", "kidney_right", "kidneys", "whole_body", "lumbar_l2_l4"):
            parts[name] = [name]
    sources, masses = [], {}
    for organ, names in parts.items():
        if not names:
            continue
        sources.append(source_from_fits(organ, [by_name[n] for n in names]))
        given = case.dose.organ_masses_g.get(organ)
        found = [mass.get(n) for n in names]
        if given is None and any(m is None for m in found):
            raise CaseError(
                f"no mass is known for {organ}",
                field=f"dose.organ_masses_g.{organ}",
                remedy="give its mass, or volumes drawn on SPECT/CT",
            )
        masses[organ] = given * GRAM_KG if given is not None else float(sum(m for m in found if m is not None))
    if "lumbar_l2_l4" in by_name:
        normal = np.random.default_rng([case.kinetics.seed, 5]).standard_normal(case.kinetics.draws)
        sources.append(
            marrow_from_lumbar(
                source_from_fits("lumbar_l2_l4", [by_name["lumbar_l2_l4"]]),
                fraction=case.marrow.l2_l4_fraction,
                fraction_relative_sd=case.marrow.l2_l4_fraction_relative_sd,
                normal=normal,
            )
        )
    return sources, masses


def prescribe_case(case: Case, doses: StudyDoses) -> Prescription:
    """Apply the limits of the case; a post-therapy study judges the activity that was given."""
    interval = None if case.transplant is None else -case.transplant.ert_day * DAY_S
    chosen = case.limits.chosen_activity_GBq
    if chosen is None and case.case.study == "post-therapy":
        chosen = case_administration(case).administered_activity_bq / GBQ
    return prescribe(
        doses,
        limits=case_limits(case),
        interval_to_infusion_s=interval,
        chosen_activity_bq=None if chosen is None else chosen * GBQ,
        rounding_bq=case.limits.rounding_GBq * GBQ,
        max_probability_exceeding=case.limits.max_probability_exceeding,
    )


def case_limits(case: Case) -> list[Limit]:
    """Give the limits of a case as values."""
    x = case.limits
    found = []
    for organ, value in (("kidneys", x.kidneys_Gy), ("liver", x.liver_Gy)):
        if value is not None:
            found.append(Limit(name=organ, kind=LimitKind.TOTAL_DOSE, target=organ, value=value, source=x.source))
    if x.red_marrow_after_infusion_Gy is not None:
        found.append(
            Limit(
                name="red_marrow_after_infusion",
                kind=LimitKind.RESIDUAL_DOSE,
                target="red_marrow",
                value=x.red_marrow_after_infusion_Gy,
                source=x.source,
            )
        )
    if x.activity_cap_GBq is not None:
        reason = x.activity_cap_reason or x.source
        found.append(
            Limit(name="cap", kind=LimitKind.ACTIVITY, target="", value=x.activity_cap_GBq * GBQ, source=reason)
        )
    return found


def plan_course(case: Case, prescription: Prescription) -> Course | None:
    """Make the calendar, if the case plans a transplantation."""
    t = case.transplant
    if t is None:
        return None
    atg = None
    if t.atg is not None:
        atg = AtgOrder(
            product=AtgProduct(t.atg.product.lower()),
            amount_mg_per_kg=t.atg.amount_mg_per_kg,
            basis=AtgBasis(t.atg.basis),
        )
    return schedule(
        regimen=regimen(t.regimen),
        donor=Donor(t.donor),
        patient=case_patient(case),
        day_zero_on=t.day_zero_on,
        choices=CourseChoices(
            tbi_dose_gy=t.tbi_Gy,
            graft_confirmed=t.graft_confirmed,
            ert_day=t.ert_day,
            surface_rule=SurfaceRule(t.bsa),
            cyclophosphamide_weight=None
            if t.cyclophosphamide_weight is None
            else WeightRule(t.cyclophosphamide_weight),
            atg=atg,
            calcineurin_inhibitor=t.calcineurin_inhibitor,
            immunosuppression_start_day=t.immunosuppression_start_day,
            amino_acids=None
            if t.amino_acids is None
            else AminoAcids(arginine_g=t.amino_acids.arginine_g, lysine_g=t.amino_acids.lysine_g),
            creatinine_after_ert_mg_per_dl=t.creatinine_after_ert_mg_per_dl,
            renal_weight=WeightRule(t.renal_weight),
            ert_at=t.ert_at,
            overrides=t.overrides,
        ),
        agent_title=case_agent(case).title,
        prescription=prescription,
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


def _methods(case: Case, blood: BloodMarrow | None) -> tuple[str, ...]:
    m = case.marrow
    said = [
        "Curves: weighted least squares over the models "
        + ", ".join(case.kinetics.models or DEFAULT_MODELS)
        + "; choice by AICc with the acceptance rules of NUKFIT (CV < 50 %, |r| < 0.8); no rate slower than decay.",
        f"Red marrow: activity in L2-L4 divided by {m.l2_l4_fraction:.3f} (relative SD "
        f"{m.l2_l4_fraction_relative_sd:.0%}), absorbed fraction {m.absorbed_fraction}.",
        "Uncertainty: counting, fit and model choice, calibration, volume, mass, S value and marrow fraction are "
        f"propagated through {case.kinetics.draws} joint draws; ± is one standard uncertainty.",
    ]
    if blood is not None:
        said.append(
            f"Blood-based red-marrow dose, for comparison only: {blood.gy_per_bq * GBQ:.3f} Gy/GBq "
            f"(marrow-to-blood ratio {blood.ratio:.2f})."
        )
    return tuple(said)
