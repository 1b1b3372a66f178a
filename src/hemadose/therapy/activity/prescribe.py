"""All limits together into one proposed activity.

The dose to the marrow that matters after transplantation is what is still to come when the stem
cells are infused: the tail of the fitted curve, not its total (Braitsch 2025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor

import numpy as np
import numpy.typing as npt

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import (
    DoseContribution,
    Limit,
    LimitKind,
    LimitOutcome,
    OrganDose,
    Prescription,
    ResidualDose,
    StudyDoses,
)
from hemadose.model._checks import require_positive
from hemadose.provenance import Provenance
from hemadose.therapy.timing.residual import activity_for_interval_bq, days_up, earliest_infusion_s
from hemadose.units import DAY_S, GBQ

Floats = npt.NDArray[np.float64]


def prescribe(
    doses: StudyDoses,
    *,
    limits: Sequence[Limit],
    interval_to_infusion_s: float | None = None,
    chosen_activity_bq: float | None = None,
    rounding_bq: float = 0.1 * GBQ,
    max_probability_exceeding: float | None = None,
) -> Prescription:
    """Propose the largest activity that meets every limit.

    Parameters
    ----------
    doses : StudyDoses
        Dose coefficients with joint draws.
    limits : sequence of Limit
        At least one.
    interval_to_infusion_s : float, optional
        From administration to stem-cell infusion; needed for a residual-dose limit.
    chosen_activity_bq : float, optional
        Judge this activity instead of proposing one; broken limits are values, not errors.
    rounding_bq : float
        The proposal is rounded down to a multiple of it.
    max_probability_exceeding : float, optional
        Also keep the probability of exceeding each dose limit at or below this (for example 0.05);
        otherwise the best estimate meets the limit.

    Returns
    -------
    Prescription

    Raises
    ------
    PlanningError
        Without limits, without the interval a residual limit needs, or if no activity is left.
    QuantityError
        If an activity, the rounding step or the probability makes no sense.
    """
    _check(limits, chosen_activity_bq, rounding_bq, max_probability_exceeding)
    per_bq = {limit.name: _per_bq(doses, limit, interval_to_infusion_s) for limit in limits}
    largest = {limit.name: _largest_activity(limit, *per_bq[limit.name], max_probability_exceeding) for limit in limits}
    active = min(largest, key=lambda name: largest[name])
    activity = _round_down(largest[active], rounding_bq) if chosen_activity_bq is None else chosen_activity_bq
    outcomes = tuple(
        _outcome(limit, per_bq[limit.name], activity, largest[limit.name], limit.name == active) for limit in limits
    )
    residual = next((x for x in limits if x.kind is LimitKind.RESIDUAL_DOSE), None)
    earliest = permitted = None
    if residual is not None and doses.marrow_residual is not None and interval_to_infusion_s is not None:
        earliest = earliest_infusion_s(doses.marrow_residual, activity_bq=activity, limit_gy=residual.value)
        permitted = activity_for_interval_bq(
            doses.marrow_residual, interval_s=interval_to_infusion_s, limit_gy=residual.value
        )
    return Prescription(
        activity_bq=activity,
        active_limit=active if chosen_activity_bq is None else "chosen",
        outcomes=outcomes,
        interval_to_infusion_s=interval_to_infusion_s,
        earliest_infusion_s=earliest,
        activity_for_interval_bq=permitted,
        notes=_notes(doses, outcomes, activity, earliest, interval_to_infusion_s, max_probability_exceeding),
        provenance=Provenance(
            step="therapy.prescribe",
            parameters={
                **{f"limit {x.name}": f"{x.value:g} ({x.kind})" for x in limits},
                "rounding_bq": rounding_bq,
                "max_probability_exceeding": max_probability_exceeding,
                "interval_to_infusion_s": interval_to_infusion_s,
            },
        ),
    )


def _check(limits: Sequence[Limit], chosen: float | None, step: float, probability: float | None) -> None:
    if not limits:
        raise PlanningError("a prescription needs at least one limit")
    names = [limit.name for limit in limits]
    if len(set(names)) != len(names):
        raise PlanningError("two limits have the same name", value=", ".join(names), remedy="name each differently")
    if chosen is not None:
        require_positive("prescription", chosen_activity_bq=chosen)
    require_positive("prescription", rounding_bq=step)
    if probability is not None and not 0.0 < probability < 1.0:
        raise QuantityError("a probability lies between 0 and 1", value=f"{probability:g}")


def _per_bq(doses: StudyDoses, limit: Limit, interval_s: float | None) -> tuple[float, Floats]:
    """What the limit bounds, per becquerel: best estimate and draws."""
    if limit.kind is LimitKind.ACTIVITY:
        return 1.0, np.ones(1)
    if limit.kind is LimitKind.TOTAL_DOSE:
        dose = doses.organ(limit.target)
        return dose.gy_per_bq, dose.gy_per_bq_draws
    if interval_s is None:
        raise PlanningError(
            f"limit {limit.name} needs the time from administration to stem-cell infusion",
            remedy="give the day of administration and day 0",
        )
    if doses.marrow_residual is None:
        raise PlanningError(f"limit {limit.name} needs the curve of the marrow dose")
    if limit.target != doses.marrow_residual.target:
        raise PlanningError(
            f"limit {limit.name}: the dose still to come is known for {doses.marrow_residual.target} only",
            field="target",
            value=limit.target,
        )
    return (
        doses.marrow_residual.gy_per_bq(from_s=interval_s),
        doses.marrow_residual.gy_per_bq_draws(from_s=interval_s),
    )


def _largest_activity(limit: Limit, best: float, draws: Floats, probability: float | None) -> float:
    if best <= 0.0:
        raise QuantityError(f"limit {limit.name}: the dose per activity is not positive")
    if probability is None or limit.kind is LimitKind.ACTIVITY:
        return limit.value / best
    return limit.value / max(best, float(np.quantile(draws, 1.0 - probability)))


def _round_down(activity_bq: float, step_bq: float) -> float:
    rounded = floor(activity_bq / step_bq * (1.0 + 1e-12)) * step_bq
    if rounded <= 0.0:
        raise PlanningError(
            "the limits leave no activity",
            value=f"{activity_bq / GBQ:.3g} GBq",
            expected=f">= {step_bq / GBQ:g} GBq",
        )
    return rounded


def _outcome(limit: Limit, per_bq: tuple[float, Floats], activity: float, largest: float, active: bool) -> LimitOutcome:
    best, draws = per_bq
    known = draws.size > 1 and float(np.ptp(draws)) > 0.0
    value = activity * best
    return LimitOutcome(
        limit=limit,
        max_activity_bq=largest,
        value_at_activity=value,
        sd_at_activity=float(activity * draws.std(ddof=1)) if known else 0.0,
        probability_exceeding=float(np.mean(activity * draws > limit.value)) if known else None,
        active=active,
        violated=value > limit.value * (1.0 + 1e-9),
    )


def _spoken(limit: Limit) -> str:
    """Name of a limit as a person says it."""
    return limit.name.replace("_", " ")


def _notes(
    doses: StudyDoses,
    outcomes: tuple[LimitOutcome, ...],
    activity: float,
    earliest: float | None,
    interval: float | None,
    probability: float | None,
) -> tuple[str, ...]:
    notes = []
    bounded = [o for o in outcomes if o.limit.kind is not LimitKind.ACTIVITY]
    if probability is not None and any(o.probability_exceeding is None for o in bounded):
        names = ", ".join(_spoken(o.limit) for o in bounded if o.probability_exceeding is None)
        notes.append(f"{names}: no uncertainty is known, so the rule on the probability of exceeding it has no effect")
    for outcome in outcomes:
        name = _spoken(outcome.limit)
        if outcome.violated:
            scale, unit = (GBQ, "GBq") if outcome.limit.kind is LimitKind.ACTIVITY else (1.0, "Gy")
            value, bound = outcome.value_at_activity / scale, outcome.limit.value / scale
            notes.append(f"{name}: {value:.3g} {unit} exceeds the limit of {bound:.3g} {unit}")
        elif outcome.probability_exceeding is not None and outcome.probability_exceeding > 0.05:
            notes.append(
                f"{name}: the best estimate meets the limit, but with the stated uncertainty it is "
                f"exceeded with a probability of {outcome.probability_exceeding:.0%}"
            )
    if doses.marrow_residual is not None and interval is not None:
        total = activity * doses.marrow_residual.gy_per_bq(from_s=0.0)
        left = activity * doses.marrow_residual.gy_per_bq(from_s=interval)
        notes.append(
            f"red marrow receives {total:.2f} Gy in all, of which {left:.2f} Gy after infusion of stem "
            f"cells on day {interval / DAY_S:.0f} after administration; only the latter is limited"
        )
    if earliest is not None and interval is not None and earliest > interval:
        notes.append(f"stem cells should not be infused before {days_up(earliest / DAY_S)} days after administration")
    return tuple(notes)


def doses_from_coefficients(
    coefficients_gy_per_bq: Mapping[str, float],
    *,
    residual: ResidualDose | None = None,
    relative_sd: float = 0.0,
    draws: int = 2000,
    seed: int = 20250101,
) -> StudyDoses:
    """Make the doses of a study from published or hand-entered coefficients.

    Raises
    ------
    QuantityError
        If a coefficient is not positive.
    """
    rng = np.random.default_rng([seed, 13])  # a stream of its own: the marrow tail uses `seed`
    organs = []
    for target, value in coefficients_gy_per_bq.items():
        if not value > 0.0:
            raise QuantityError(f"coefficient of {target} must be positive", value=f"{value * GBQ:g} Gy/GBq")
        factor = np.exp(np.sqrt(np.log1p(relative_sd**2)) * rng.standard_normal(draws))
        organs.append(
            OrganDose(
                target=target,
                gy_per_bq=value,
                gy_per_bq_draws=value * factor,
                contributions=(DoseContribution(source="given", gy_per_bq=value),),
                mass_kg=0.0,
                method="coefficient given",
            )
        )
    return StudyDoses(
        organs=tuple(organs), marrow_residual=residual, s_value_source="dose coefficients given by the user"
    )
