"""The quantities of a budget before they are drawn: best value, first-order variances, how to read them from doses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.dose.uncertainty.analytic import dose_variances, tail_variances
from hemadose.dose.uncertainty.inputs import BudgetInputs
from hemadose.dose.uncertainty.montecarlo import DrawnDoses
from hemadose.errors import PlanningError, QuantityError
from hemadose.model.budget import Component, QuantityKind
from hemadose.model.prescription import Limit, LimitKind

Floats: TypeAlias = npt.NDArray[np.float64]

PROPOSED = "proposed activity"
_LEAST = 1e-3
"""A drawn dose below this share of the best one permits a thousand times the activity: more is not told apart."""


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity before it is drawn: how to read it from doses, and its first-order variances.

    Attributes
    ----------
    name, kind, best, limit
        As in `hemadose.model.budget.BudgetQuantity`.
    variances : Mapping
        First-order variance by cause.
    row : int or None
        Target, -1 for the dose after infusion, None for the activity that meets all limits.
    cap : float
        Bound of the proposed activity that no dose sets.
    """

    name: str
    kind: QuantityKind
    best: float
    variances: Mapping[Component, float]
    limit: Limit | None = None
    row: int | None = None
    cap: float = np.inf


def budget_lines(inputs: BudgetInputs, limits: Sequence[Limit]) -> list[Line]:
    """Give all quantities: doses, the dose after infusion, what dose limits permit, and what meets them all.

    Raises
    ------
    QuantityError
        If a dose is negative.
    PlanningError
        If a limit needs a dose that is not there, or that is not positive.
    """
    found = []
    for index, target in enumerate(inputs.targets):
        best, variances = dose_variances(inputs, index)
        if best < 0.0:
            raise QuantityError(f"the dose of {target.name} is negative", value=f"{best:g} Gy/Bq")
        found.append(Line(target.name, QuantityKind.DOSE, best, variances, row=index))
    if inputs.tail is not None:
        best, variances = tail_variances(inputs)
        found.append(Line(inputs.tail.target, QuantityKind.RESIDUAL, best, variances, row=-1))
    permitted = [_permitted(limit, inputs, found) for limit in limits]
    if not permitted:
        return found
    active = min(permitted, key=lambda line: line.best)
    cap = min((limit.value for limit in limits if limit.kind is LimitKind.ACTIVITY), default=np.inf)
    proposed = replace(active, name=PROPOSED, kind=QuantityKind.PROPOSED, row=None, cap=cap)
    return [*found, *(line for line in permitted if line.row is not None), proposed]


def _permitted(limit: Limit, inputs: BudgetInputs, doses: Sequence[Line]) -> Line:
    """Activity that a limit permits: L / d, whose relative first-order uncertainty is that of d."""
    if limit.kind is LimitKind.ACTIVITY:
        return Line(limit.name, QuantityKind.PERMITTED, limit.value, {}, limit)
    kind = QuantityKind.RESIDUAL if limit.kind is LimitKind.RESIDUAL_DOSE else QuantityKind.DOSE
    line = next((d for d in doses if d.kind is kind and d.name == limit.target), None)
    if line is None:
        raise PlanningError(
            f"limit {limit.name}: the budget holds no {kind} of {limit.target}",
            expected=", ".join(d.name for d in doses if d.kind is kind) or "a tail of the marrow dose",
        )
    if line.best <= 0.0:
        raise PlanningError(f"limit {limit.name}: the dose per activity is not positive")
    best = limit.value / line.best
    variances = {c: v * (best / line.best) ** 2 for c, v in line.variances.items()}
    return Line(limit.name, QuantityKind.PERMITTED, best, variances, limit, line.row)


def read_line(line: Line, doses: DrawnDoses, lines: Sequence[Line]) -> Floats:
    """Draws of a quantity from drawn doses."""
    if line.kind is QuantityKind.PROPOSED:
        every = [read_line(x, doses, lines) for x in lines if x.kind is QuantityKind.PERMITTED]
        return np.asarray(np.minimum.reduce([*every, np.full(doses.targets.shape[1], line.cap)]))
    assert line.row is not None
    value = doses.tail if line.row < 0 else doses.targets[line.row]
    assert value is not None
    if line.kind is not QuantityKind.PERMITTED:
        return value
    assert line.limit is not None
    return line.limit.value / np.maximum(value, _LEAST * line.limit.value / line.best)
