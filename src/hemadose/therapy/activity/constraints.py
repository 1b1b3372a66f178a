"""Several bounds at once: the window of activities that meets them all, which bound is active, how likely each breaks.

Every bound allows activities up to, or from, bound / (dose per activity). The window runs from the largest lower to
the smallest upper bound; if it is empty, that is said and nothing is proposed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, inf

from hemadose.errors import PlanningError, QuantityError
from hemadose.model._checks import require_positive
from hemadose.therapy.activity.bounds import ActivityProposal, Aim, Bound, Constraint, ConstraintOutcome
from hemadose.therapy.activity.coefficients import DosePerActivity


def propose_activity(
    constraints: Sequence[Constraint],
    coefficients: Mapping[str, DosePerActivity],
    *,
    step_bq: float,
    aim: Aim = Aim.HIGHEST,
    available_bq: Sequence[float] = (),
    chosen_bq: float | None = None,
    max_probability: float | None = None,
) -> ActivityProposal:
    """Give the largest, or smallest, activity that meets every constraint.

    Parameters
    ----------
    constraints : sequence of Constraint
        At least one upper bound, unless an activity is chosen.
    coefficients : Mapping
        Target to dose per activity; one for every dose constraint.
    step_bq : float
        The activity is rounded into the window to a multiple of it.
    aim : Aim
        The lowest needs a dose to reach.
    available_bq : sequence of float
        Activities that can be had (vials, capsules); one in the window is taken instead of rounding.
    chosen_bq : float, optional
        Judge this activity instead.
    max_probability : float, optional
        Also keep the probability of breaking each dose constraint at or below this.

    Raises
    ------
    PlanningError
        If nothing bounds the activity from above (or from below, where the lowest is asked for), or a dose
        constraint has no coefficient.
    QuantityError
        If a number makes no sense.

    Examples
    --------
    188Re-anti-CD66, at least 12 Gy to marrow and at most 12 Gy to kidneys (Kotzerke 2000):

    >>> doses = {t: DosePerActivity(target=t, gy_per_bq=v * 1e-9) for t, v in (("red_marrow", 1.45), ("kidneys", 0.71))}
    >>> rules = [Constraint(name="marrow", bound=Bound.MIN_DOSE, value=12.0, target="red_marrow"),
    ...          Constraint(name="kidneys", bound=Bound.MAX_DOSE, value=12.0, target="kidneys")]
    >>> found = propose_activity(rules, doses, step_bq=1e8)
    >>> round(found.lowest_bq / 1e9, 2), round(found.highest_bq / 1e9, 1), found.active
    (8.28, 16.9, 'kidneys')
    """
    _check(constraints, step_bq, available_bq, chosen_bq, max_probability)
    edges = {c.name: _edge(c, coefficients, max_probability) for c in constraints}
    upper = {c.name: edges[c.name] for c in constraints if c.bound is not Bound.MIN_DOSE}
    lower = {c.name: edges[c.name] for c in constraints if c.bound is Bound.MIN_DOSE}
    if not upper and chosen_bq is None:
        raise PlanningError(
            "nothing bounds the activity from above", remedy="give an organ limit, a cap, or the activity to judge"
        )
    if not lower and aim is Aim.LOWEST and chosen_bq is None:
        raise PlanningError("nothing bounds the activity from below", remedy="give a dose to reach")
    top = min(upper, key=lambda name: upper[name]) if upper else ""
    bottom = max(lower, key=lambda name: lower[name]) if lower else ""
    low, high = lower.get(bottom, 0.0), upper.get(top, inf)
    activity, active = _pick((low, high), (bottom, top), aim, step_bq, available_bq, chosen_bq)
    edge_names = {top, bottom} if activity is None else {active}
    outcomes = tuple(_outcome(c, coefficients, edges[c.name], activity, c.name in edge_names) for c in constraints)
    return ActivityProposal(
        activity_bq=activity,
        lowest_bq=low,
        highest_bq=high,
        feasible=low <= high * (1.0 + 1e-12) and activity is not None,
        active=active,
        outcomes=outcomes,
        notes=_notes(outcomes, coefficients, low, high, top, bottom, activity),
    )


def _check(
    constraints: Sequence[Constraint],
    step: float,
    available: Sequence[float],
    chosen: float | None,
    probability: float | None,
) -> None:
    names = [c.name for c in constraints]
    if len(set(names)) != len(names):
        raise PlanningError("two constraints have the same name", value=", ".join(names))
    require_positive("activity", step_bq=step)
    for value in available:
        require_positive("available activity", activity_bq=value)
    if chosen is not None:
        require_positive("activity", chosen_bq=chosen)
    if probability is not None and not 0.0 < probability < 1.0:
        raise QuantityError("a probability lies between 0 and 1", value=f"{probability:g}")


def _edge(c: Constraint, coefficients: Mapping[str, DosePerActivity], probability: float | None) -> float:
    if c.bound is Bound.MAX_ACTIVITY:
        return c.value
    if c.target not in coefficients:
        raise PlanningError(
            f"no dose coefficient for {c.target.replace('_', ' ')}",
            field=c.name,
            expected=", ".join(coefficients) or "none given",
            remedy="give the patient's own, from a tracer study",
        )
    per_bq = coefficients[c.target]
    best = c.value / per_bq.gy_per_bq
    if probability is None or per_bq.log_sd is None:
        return best
    if c.bound is Bound.MAX_DOSE:
        return min(best, c.value / per_bq.quantile_gy_per_bq(1.0 - probability))
    return max(best, c.value / per_bq.quantile_gy_per_bq(probability))


def _pick(
    window: tuple[float, float],
    names: tuple[str, str],
    aim: Aim,
    step: float,
    available: Sequence[float],
    chosen: float | None,
) -> tuple[float | None, str]:
    """Activity in the window and what set it; None if nothing fits."""
    low, high = window
    if chosen is not None:
        return chosen, "chosen"
    slack = 1.0 + 1e-9
    if available:
        within = [a for a in available if low <= a * slack and a <= high * slack]
        best = max if aim is Aim.HIGHEST else min
        return (best(within), "available activity") if within else (None, "")
    if aim is Aim.HIGHEST:
        rounded, name = floor(high / step * (1.0 + 1e-12)) * step, names[1]
    else:
        rounded, name = ceil(low / step * (1.0 - 1e-12)) * step, names[0]
    fits = rounded > 0.0 and low <= rounded * slack and rounded <= high * slack
    return (rounded, name) if fits else (None, "")


def _outcome(
    c: Constraint, coefficients: Mapping[str, DosePerActivity], edge: float, activity: float | None, active: bool
) -> ConstraintOutcome:
    if activity is None:
        return ConstraintOutcome(
            constraint=c, edge_bq=edge, value_at_activity=None, probability_broken=None, active=active, broken=False
        )
    if c.bound is Bound.MAX_ACTIVITY:
        value, probability = activity, None
    else:
        value = activity * coefficients[c.target].gy_per_bq
        above = coefficients[c.target].probability_above(c.value / activity)
        probability = above if above is None or c.bound is Bound.MAX_DOSE else 1.0 - above
    broken = value < c.value * (1 - 1e-9) if c.bound is Bound.MIN_DOSE else value > c.value * (1 + 1e-9)
    return ConstraintOutcome(
        constraint=c,
        edge_bq=edge,
        value_at_activity=value,
        probability_broken=probability,
        active=active,
        broken=broken,
    )


def _notes(
    outcomes: Sequence[ConstraintOutcome],
    coefficients: Mapping[str, DosePerActivity],
    low: float,
    high: float,
    top: str,
    bottom: str,
    activity: float | None,
) -> tuple[str, ...]:
    notes = []
    if low > high * (1.0 + 1e-12):
        notes.append(
            f"no activity meets all: {bottom} needs at least {low / 1e6:.5g} MBq, {top} allows {high / 1e6:.5g} MBq"
        )
    elif activity is None:
        window = f"{low / 1e6:.5g}-{high / 1e6:.5g} MBq"
        notes.append(f"no available or rounded activity lies in the window {window}")
    used = [coefficients[o.constraint.target] for o in outcomes if o.constraint.target in coefficients]
    notes += [f"{c.target.replace('_', ' ')}: {c.assumption}" for c in used if c.assumption]
    for o in outcomes:
        p = o.probability_broken
        if p is not None and p > 0.05 and not o.broken:
            notes.append(f"{o.constraint.name}: with the stated spread it is broken with a probability of {p:.0%}")
        if o.constraint.unverified:
            notes.append(f"{o.constraint.name}: the number is unverified ({o.constraint.source})")
    return tuple(dict.fromkeys(notes))
