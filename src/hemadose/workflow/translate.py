"""From the fitted curves of a finished plan to doses and an activity of another nuclide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import CaseError
from hemadose.io.case import Case, read_case
from hemadose.model import FittedCurve, StudyDoses
from hemadose.model.agent import Agent
from hemadose.refdata.agents import find_agent
from hemadose.report import PlanReport
from hemadose.therapy.activity.translation import AGREEMENT, TranslatedCurve, translate_fit
from hemadose.units import GBQ, HOUR_S
from hemadose.workflow.compare import read_report
from hemadose.workflow.doses import dose_study
from hemadose.workflow.prescribing import prescribe_case
from hemadose.workflow.quantify import Quantified
from hemadose.workflow.results import prescription_summary
from hemadose.workflow.study import case_administration
from hemadose.workflow.translate_numbers import Label, published_check, require_same_molecule


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedPlan:
    """Doses of another nuclide from the fits of a plan.

    Attributes
    ----------
    measured : PlanReport
        What was read.
    doses : StudyDoses
        Of the wanted nuclide, per activity of it.
    answer : dict
        In field units.
    """

    measured: PlanReport
    doses: StudyDoses
    answer: dict[str, Any]


def translate_plan(result: Path, case_path: Path, *, wanted: Label, own: Sequence[Agent] = ()) -> TranslatedPlan:
    """Translate the fitted curves of a finished plan, with its own masses, marrow and limits.

    Parameters
    ----------
    result : Path
        Folder of the plan.
    case_path : Path
        Its case file: marrow, masses, limits and day.
    wanted : Label
        Nuclide or agent.
    own : sequence of Agent
        Of the site.

    Raises
    ------
    HemadoseError
        If the folder holds no plan, the case is of another patient or brings S values of its own, or a curve cannot
        be translated.
    """
    report, case = read_report(result), read_case(case_path)
    if report.patient.pseudonym != case.patient.pseudonym:
        raise CaseError("the case and the plan are of two patients", source=str(case_path), field="patient.pseudonym")
    administration = case_administration(case)
    source = Label(nuclide=administration.nuclide, agent=find_agent(case.administration.agent, own))
    doubts = require_same_molecule(source, wanted)
    case, notes = _case_for(case, wanted)
    fits, curves = _translated_fits(report, source, wanted)
    doses = dose_study(
        case,
        Quantified(series=report.series, methods=(), notes=()),
        fits,
        replace(administration, nuclide=wanted.nuclide),
        case_path.parent,
    ).doses
    rows, said = _plan_rows(report.doses, doses, source, wanted)
    prescription = None if case.case.study == "post-therapy" else prescribe_case(case, doses)
    answer = {
        "from": source.name,
        "to": wanted.name,
        "patient": report.patient.pseudonym,
        "agreement_within": AGREEMENT,
        "organs": rows,
        "curves": [_curve_row(t) for t in curves],
        "prescription": None if prescription is None else prescription_summary(prescription),
        "notes": [*doubts, *notes, *said, *(n for t in curves for n in t.notes), *doses.notes],
    }
    return TranslatedPlan(measured=report, doses=doses, answer=answer)


def _translated_fits(
    report: PlanReport, measured: Label, wanted: Label
) -> tuple[tuple[FittedCurve, ...], tuple[TranslatedCurve, ...]]:
    last = {s.region: max(x.time_s for x in s.samples) for s in report.series}
    pairs = [
        translate_fit(f, measured=measured.nuclide, wanted=wanted.nuclide, last_sample_s=last.get(f.region))
        for f in report.fits
    ]
    return tuple(fit for fit, _ in pairs), tuple(curve for _, curve in pairs)


def _curve_row(curve: TranslatedCurve) -> dict[str, Any]:
    return {
        "region": curve.region,
        "tia_ratio": curve.tia_ratio,
        "tia_ratio_sd": curve.tia_ratio_sd,
        "effective_half_life_h": curve.curve.effective_half_life_s / HOUR_S,
    }


def _case_for(case: Case, wanted: Label) -> tuple[Case, list[str]]:
    """Take out of a case what holds for the measured nuclide only."""
    if case.dose.s_value_file is not None:
        raise CaseError(
            "the S values of the case are of the measured nuclide",
            field="dose.s_value_file",
            remedy="leave it out: S values of the stylised adult are made for any nuclide",
        )
    notes = []
    if case.marrow.blood is not None:
        notes.append("blood samples are not translated: a marrow dose by blood is left out")
    marrow = case.marrow.model_copy(update={"blood": None})
    if case.marrow.absorbed_fraction != "skeletal-model":
        marrow = marrow.model_copy(update={"absorbed_fraction": "skeletal-model"})
        notes.append(
            "the absorbed fraction of red marrow in the case holds for the measured nuclide: for "
            f"{wanted.nuclide.name} that of the skeletal model is used"
        )
    limits = case.limits.model_copy(update={"chosen_activity_GBq": None, "activity_cap_GBq": None})
    if case.limits.chosen_activity_GBq is not None or case.limits.activity_cap_GBq is not None:
        notes.append("chosen activity and cap of the case are of the measured nuclide and were left out")
    notes.append("the dose limits of the case were set for the measured nuclide: dose rates differ, see BED")
    return case.model_copy(update={"marrow": marrow, "limits": limits}), notes


def _plan_rows(
    before: StudyDoses, after: StudyDoses, measured: Label, wanted: Label
) -> tuple[list[dict[str, Any]], list[str]]:
    rows, notes = [], []
    left = [d.target for d in before.organs if d.target not in {a.target for a in after.organs}]
    if left:
        notes.append(f"not translated: {', '.join(left)}")
    for dose in after.organs:
        old = before.organ(dose.target)
        ratio = dose.gy_per_bq / old.gy_per_bq
        same = dose.draws == old.draws and dose.draws > 1
        check = published_check(dose.target, measured, wanted)
        if check is not None:
            notes.append(check.text)
        rows.append(
            {
                "organ": dose.target,
                "measured_Gy_per_GBq": old.gy_per_bq * GBQ,
                "measured_sd": old.sd_gy_per_bq * GBQ,
                "translated_Gy_per_GBq": dose.gy_per_bq * GBQ,
                "translated_sd": dose.sd_gy_per_bq * GBQ,
                "dose_ratio": ratio,
                "dose_ratio_sd": float(np.std(dose.gy_per_bq_draws / old.gy_per_bq_draws, ddof=1)) if same else None,
                "published_ratio": None if check is None else check.published,
                "agrees_with_published": None if check is None else check.agrees,
            }
        )
    return rows, notes
