"""The uncertainty budget of a case: from counts to the prescribed activity."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import sqrt
from pathlib import Path

import numpy as np

from hemadose.dose.uncertainty import BudgetInputs, RegionInput, TailInput, TargetInput, make_budget, tail_variances
from hemadose.errors import PlanningError
from hemadose.io.case import Case
from hemadose.kinetics import DEFAULT_MODELS, FitOptions
from hemadose.model import (
    ActivitySeries,
    Administration,
    CurveEnsemble,
    FittedCurve,
    LimitKind,
    Prescription,
    StudyDoses,
)
from hemadose.model.budget import Budget, QuantityKind
from hemadose.units import DAY_S
from hemadose.workflow.budget_chain import Responses, held, mass_following, responses
from hemadose.workflow.budget_curves import DrawnCurve, draw_curve
from hemadose.workflow.budget_spreads import stated_spreads
from hemadose.workflow.doses import dose_study
from hemadose.workflow.prescribing import case_limits
from hemadose.workflow.quantify import Quantified

DRAWS = 100_000
MARROW = "red_marrow"


def plan_budget(
    case: Case,
    quantified: Quantified,
    fits: tuple[FittedCurve, ...],
    doses: StudyDoses,
    prescription: Prescription | None,
    administration: Administration,
    folder: Path,
    *,
    draws: int = DRAWS,
) -> Budget:
    """Propagate every uncertainty of a plan to its doses and activities.

    Parameters
    ----------
    case, quantified, fits, doses, prescription, administration, folder
        As in the plan: what was measured, fitted, computed and proposed.
    draws : int
        An even number.

    Returns
    -------
    Budget

    Raises
    ------
    PlanningError
        If the tail of the marrow dose is not that of the fitted curves.
    QuantityError
        If doses do not follow curves, or draws do not match.
    """
    limits = case_limits(case)
    tail_from = _tail_from(case, limits_tail=any(x.kind is LimitKind.RESIDUAL_DOSE for x in limits))
    starts = (0.0,) if tail_from is None else (0.0, tail_from)
    found = responses(lambda f: _doses(case, quantified, f, administration, folder), fits)
    curves = _curves(case, quantified, administration, fits, folder, starts, draws)
    inputs = _inputs(case, quantified, fits, administration, folder, found, curves, tail=tail_from is not None)
    if tail_from is not None:
        _check_tail(inputs, doses, tail_from)
    budget = make_budget(
        inputs,
        [c.draws for c in curves],
        limits=limits,
        prescription=prescription,
        seed=case.kinetics.seed,
        notes=_notes(quantified.series, curves, inputs),
    )
    return replace(budget, notes=budget.notes + _against_plan(budget, doses))


def _doses(
    case: Case,
    quantified: Quantified,
    fits: tuple[FittedCurve, ...],
    administration: Administration,
    folder: Path,
) -> StudyDoses:
    return dose_study(case, quantified, fits, administration, folder).doses


def _tail_from(case: Case, *, limits_tail: bool) -> float | None:
    if case.transplant is None:
        if limits_tail:
            raise PlanningError("a limit after infusion needs the day of infusion", field="transplant")
        return None
    return -case.transplant.ert_day * DAY_S


def _curves(
    case: Case,
    quantified: Quantified,
    administration: Administration,
    fits: tuple[FittedCurve, ...],
    folder: Path,
    starts: tuple[float, ...],
    draws: int,
) -> list[DrawnCurve]:
    k = case.kinetics
    options = FitOptions(models=k.models or DEFAULT_MODELS, averaging=k.averaging, draws=k.draws, seed=k.seed)
    series = {s.region: s for s in quantified.series}
    return [
        draw_curve(
            series[fit.region],
            fit,
            nuclide=administration.nuclide,
            options=options,
            from_s=starts,
            draws=draws,
            unshared=partial(_unshared, case, quantified, administration, folder, fit.region),
        )
        for fit in fits
    ]


def _unshared(
    case: Case, quantified: Quantified, administration: Administration, folder: Path, region: str
) -> CurveEnsemble:
    """Draws of a curve without what its samples share."""
    from hemadose.workflow.curves import fit_all  # a plan may ask for its budget

    alone = tuple(
        replace(s, shared_relative_sd=0.0, shared_parts=None) for s in quantified.series if s.region == region
    )
    return fit_all(case, replace(quantified, series=alone), administration, folder=folder)[0].ensemble


def _inputs(
    case: Case,
    quantified: Quantified,
    fits: tuple[FittedCurve, ...],
    administration: Administration,
    folder: Path,
    found: Responses,
    curves: list[DrawnCurve],
    *,
    tail: bool,
) -> BudgetInputs:
    """Join curves, responses and what the case states."""
    stated = stated_spreads(case, partial(_held_doses, quantified, fits, administration, folder))
    by_name = {s.region: s for s in quantified.series}
    series = [by_name[name] for name in found.regions]
    told = np.array([s.shared_parts is not None and s.shared_parts.volume is not None for s in series])
    follows = np.zeros(found.own.shape)
    if told.any():
        others = tuple(s for s in quantified.series if s.region not in found.regions)
        follows = mass_following(
            lambda s: _doses(case, replace(quantified, series=(*s, *others)), fits, administration, folder), series
        )
        follows = np.where(told, follows, 0.0)
    marrow = found.targets.index(MARROW) if MARROW in found.targets else None
    in_marrow = np.zeros(len(series), dtype=bool) if marrow is None else found.own[marrow] != 0.0
    regions = tuple(
        _region(one, curve, marrow_fraction=stated.marrow_fraction if in_marrow[k] else 0.0)
        for k, (one, curve) in enumerate(zip(series, curves, strict=True))
    )
    outlines = np.array([r.volume for r in regions])
    targets = tuple(
        TargetInput(
            name=name,
            own=found.own[row],
            cross=found.cross[row],
            fixed=float(found.fixed[row]),
            # what the outline explains of a stated uncertainty of the mass moves with it; the rest is of its own
            mass_relative_sd=sqrt(max(stated.mass[name] ** 2 - float(np.sum((follows[row] * outlines) ** 2)), 0.0)),
            mass_follows=follows[row],
        )
        for row, name in enumerate(found.targets)
    )
    last = None
    if tail and marrow is not None:
        rest = found.difference[MARROW]
        last = TailInput(target=MARROW, own=found.own[marrow], cross=found.cross[marrow] - rest, difference=rest)
    return BudgetInputs(regions=regions, targets=targets, tail=last, s_value_relative_sd=case.dose.s_value_relative_sd)


def _held_doses(
    quantified: Quantified, fits: tuple[FittedCurve, ...], administration: Administration, folder: Path, case: Case
) -> StudyDoses:
    return _doses(case, quantified, held(fits, draws=case.kinetics.draws), administration, folder)


def _region(series: ActivitySeries, curve: DrawnCurve, *, marrow_fraction: float) -> RegionInput:
    parts = series.shared_parts
    split: dict[str, float] = {"shared": series.shared_relative_sd}
    if parts is not None:
        split = {"calibration": parts.calibration, "recovery": parts.recovery, "scale": parts.scale}
        if parts.volume is not None and parts.volume_exponent is not None:
            split |= {"volume": parts.volume, "volume_exponent": parts.volume_exponent}
        else:
            split |= {"volume": parts.outline, "volume_exponent": 1.0}
    return RegionInput(
        name=series.region,
        integrals_bq_s=curve.best,
        marrow_fraction=marrow_fraction,
        stated_share=curve.stated_share,
        samples_variance=curve.samples_variance,
        model_variance=curve.model_variance,
        **split,
    )


def _check_tail(inputs: BudgetInputs, doses: StudyDoses, from_s: float) -> None:
    if inputs.tail is None or doses.marrow_residual is None:
        raise PlanningError("a limit after infusion needs the curve of the marrow dose")
    ours, theirs = tail_variances(inputs)[0], doses.marrow_residual.gy_per_bq(from_s=from_s)
    if not np.isclose(ours, theirs, rtol=1e-3, atol=1e-6 * doses.organ(MARROW).gy_per_bq):
        raise PlanningError(
            "the marrow dose after infusion does not follow the fitted curves alone, so it has no budget",
            value=f"{ours:.4g} Gy/Bq",
            expected=f"{theirs:.4g} Gy/Bq",
            remedy="an image-based marrow curve; blood curves are not drawn again",
        )


def _notes(series: tuple[ActivitySeries, ...], curves: list[DrawnCurve], inputs: BudgetInputs) -> tuple[str, ...]:
    notes = []
    whole = [r.name for r in inputs.regions if r.shared > 0.0]
    if whole:
        notes.append(
            f"{', '.join(whole)}: calibration, recovery and volume were handed over as one number; it is taken as one "
            "error of all these regions"
        )
    simple = [
        s.region
        for s in series
        if s.shared_parts is not None and s.shared_parts.volume is None and s.shared_parts.outline
    ]
    if simple:
        notes.append(
            f"{', '.join(simple)}: the outline is one stated uncertainty of the activity, and the mass is taken as "
            'independent of it; volume_uncertainty = "gear2018" carries an error of the outline into both'
        )
    drawn = [r.name for r, c in zip(inputs.regions, curves, strict=True) if not c.refitted]
    if drawn:
        notes.append(f"{', '.join(drawn)}: not fitted to several samples; the draws of the curve itself were taken")
    fixed = [t.name for t in inputs.targets if t.fixed > 0.0]
    if fixed:
        notes.append(f"{', '.join(fixed)}: a part of the dose does not come from a fitted curve and was held fixed")
    return tuple(notes)


def _against_plan(budget: Budget, doses: StudyDoses) -> tuple[str, ...]:
    """Say where the draws of the plan spread otherwise."""
    notes = []
    for organ in doses.organs:
        here = budget.quantity(organ.target, QuantityKind.DOSE).relative_sd
        there = organ.sd_gy_per_bq / organ.gy_per_bq if organ.gy_per_bq > 0.0 else 0.0
        if max(here, there) > 0.01 and abs(here - there) > 0.2 * max(here, there):
            notes.append(
                f"{organ.target}: {100 * here:.1f} % here, {100 * there:.1f} % in the draws of the plan, which take "
                "what samples share as one error, mass as independent of the outline, and curves by their likelihood"
            )
    return tuple(notes)
