"""Best activity, nuclide and day, and why, for `hemadose transplant`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hemadose.errors import InputError
from hemadose.refdata import nuclide
from hemadose.therapy.timing.comparison import MarrowOption
from hemadose.therapy.timing.interval import CalendarRange
from hemadose.therapy.timing.optimise import CAP, RESIDUAL, Optimum, PlanOption, optimise
from hemadose.units import GBQ
from hemadose.workflow.transplant_options import MARROW, TransplantRequest, packaged_agents, planned


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimumRequest:
    """What to maximise, and under what.

    Attributes
    ----------
    maximise : str
        ``"red_marrow"``, ``"tumour"`` or an organ.
    coefficients : tuple of (str, str, float)
        Nuclide, organ, Gy/GBq; over the packaged ones.
    organ_limits_gy : Mapping[str, float]
        Total dose; none for those of the first agent.
    caps_gbq : Mapping[str, float]
        By nuclide.
    first_day, last_day, step_d : float
        Days from administration to transplant that the calendar has.
    first_tbi_day : float or None
        From the transplant, negative.
    days_before_tbi : float
        From administration to TBI.
    max_probability : float or None
        Of exceeding a limit.
    """

    maximise: str = MARROW
    coefficients: tuple[tuple[str, str, float], ...] = ()
    organ_limits_gy: Mapping[str, float] = field(default_factory=dict)
    caps_gbq: Mapping[str, float] = field(default_factory=dict)
    first_day: float = 7.0
    last_day: float = 21.0
    step_d: float = 1.0
    first_tbi_day: float | None = None
    days_before_tbi: float = 5.0
    max_probability: float | None = None


def best_plans(
    request: TransplantRequest, optimum: OptimumRequest, options: Sequence[MarrowOption], notes: list[str]
) -> tuple[Optimum, ...]:
    """Optimise every nuclide that has all coefficients.

    Raises
    ------
    InputError
        If none has.
    PlanningError
        If no day is permitted.
    """
    if not request.limits_gy:
        raise InputError("an optimum needs a limit on the residual marrow dose", field="--limit-Gy")
    limits = dict(optimum.organ_limits_gy) or _packaged_limits(request)
    needed = {*limits, optimum.maximise}
    caps = {nuclide(name).name: value for name, value in optimum.caps_gbq.items()}
    known = _coefficients(request, optimum)
    plans = []
    for index, option in enumerate(options):
        name = option.nuclide.name
        organs = {**known.get(name, {}), MARROW: option.residual.gy_per_bq(from_s=0.0)}
        missing = sorted(needed - set(organs))
        if missing:
            notes.append(f"{name} is left out of the optimum: no dose per activity of {', '.join(missing)}")
            continue
        plans.append(
            PlanOption(
                name=name,
                residual=option.residual,
                gy_per_bq=organs,
                gy_per_bq_draws=_draws(request, organs, option, seed=index),
                cap_bq=caps[name] * GBQ if name in caps else None,
            )
        )
    if not plans:
        raise InputError(
            "no nuclide has every coefficient that is needed",
            field="--coefficient",
            expected=", ".join(sorted(needed)),
            remedy="e.g. --coefficient Y-90:kidneys=3.75",
        )
    calendar = CalendarRange(
        first=optimum.first_day,
        last=optimum.last_day,
        step=optimum.step_d,
        first_tbi_day=optimum.first_tbi_day,
        days_before_tbi=optimum.days_before_tbi,
    )
    return optimise(
        plans,
        objective=optimum.maximise,
        limits_gy=limits,
        residual_limit_gy=request.limits_gy[0],
        calendar=calendar,
        max_probability_exceeding=optimum.max_probability,
    )


def _packaged_limits(request: TransplantRequest) -> dict[str, float]:
    from hemadose.model import LimitKind

    found = packaged_agents(request)
    if request.plan is not None:
        prescription = planned(request.plan).prescription
        outcomes = () if prescription is None else prescription.outcomes
        kept = {o.limit.target: o.limit.value for o in outcomes if o.limit.kind is LimitKind.TOTAL_DOSE}
        if kept:
            return kept
    return {x.target: x.value for x in found[0].limits if x.kind is LimitKind.TOTAL_DOSE} if found else {}


def _coefficients(request: TransplantRequest, optimum: OptimumRequest) -> dict[str, dict[str, float]]:
    """Gy/Bq by nuclide and organ; the marrow is left to its curve."""
    found: dict[str, dict[str, float]] = {}
    for agent in packaged_agents(request):
        organs = {c.target: c.best_gy_per_bq for c in agent.coefficients if c.target != MARROW}
        found.setdefault(nuclide(agent.nuclide).name, {}).update(organs)
    if request.plan is not None:
        report = planned(request.plan)
        organs = {dose.target: dose.gy_per_bq for dose in report.doses.organs if dose.target != MARROW}
        found[report.administration.nuclide.name] = organs
    for name, organ, value in optimum.coefficients:
        if organ == MARROW:
            raise InputError(
                "the marrow's dose per activity belongs to its curve",
                field="--coefficient",
                remedy="give --marrow-Gy-per-GBq or --own-Gy-per-GBq",
            )
        found.setdefault(nuclide(name).name, {})[organ] = value / GBQ
    return found


def _draws(
    request: TransplantRequest, organs: Mapping[str, float], option: MarrowOption, *, seed: int
) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    rng = np.random.default_rng([request.seed, 7, seed])
    sigma = np.sqrt(np.log1p(request.relative_sd**2))
    found = {o: v * np.exp(sigma * rng.standard_normal(request.draws)) for o, v in organs.items() if o != MARROW}
    if request.plan is not None and planned(request.plan).administration.nuclide.name == option.nuclide.name:
        found |= {d.target: d.gy_per_bq_draws for d in planned(request.plan).doses.organs if d.target in found}
    return {**found, MARROW: option.residual.gy_per_bq_draws(from_s=0.0)}


def optimum_row(plan: Optimum) -> dict[str, Any]:
    """Give one plan with its explanation."""
    unit = "GBq" if plan.active == CAP else "Gy"
    return {
        "nuclide": plan.option.name,
        "interval_d": plan.interval_d,
        "activity_GBq": plan.activity_bq / GBQ,
        "objective_Gy": plan.objective_gy,
        "marrow_before_graft_Gy": plan.before_graft_gy,
        "residual_Gy": plan.residual_gy,
        "active_limit": plan.active,
        "one_day_more_Gy": plan.gain_per_day_gy,
        "one_day_less_Gy": -plan.loss_per_day_gy,
        "objective_per_unit_of_limit": plan.gain_per_unit,
        "unit_of_limit": unit,
        "nothing_gained_after_d": plan.plateau_d if np.isfinite(plan.plateau_d) else None,
        "limits": [{"name": b.name, "allows_GBq": b.activity_bq / GBQ, "used": b.used} for b in plan.bounds],
        "why": _why(plan),
    }


def _why(plan: Optimum) -> str:
    if plan.active == RESIDUAL:
        return (
            f"the residual marrow dose sets the activity on day {plan.interval_d:g}; one day more would buy "
            f"{plan.gain_per_day_gy:.3g} Gy of the objective"
        )
    first = "the first permitted day" if plan.loss_per_day_gy < 1e-9 else "the first day on which it does"
    return (
        f"{plan.active} sets the activity and the residual marrow dose does not: day {plan.interval_d:g} is {first}, "
        "and waiting longer buys nothing"
    )
