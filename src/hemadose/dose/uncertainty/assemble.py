"""Inputs and draws into a budget: doses, what every limit permits, and the activity that comes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.dose.uncertainty.effects import Effect, effects_of
from hemadose.dose.uncertainty.explain import difference, dominance
from hemadose.dose.uncertainty.inputs import BudgetInputs, CurveDraws
from hemadose.dose.uncertainty.lines import Line, budget_lines, read_line
from hemadose.dose.uncertainty.montecarlo import Chain, DrawnDoses
from hemadose.model.budget import (
    Budget,
    BudgetQuantity,
    Component,
    LimitProbability,
    QuantityKind,
    VarianceShare,
)
from hemadose.model.prescription import Limit, Prescription
from hemadose.provenance import Provenance

Floats: TypeAlias = npt.NDArray[np.float64]

_ROUNDING = 1e-12
"""Relative spread of draws that are all alike."""
_NOTHING = 1e-3
"""Share of the variance below which a cause is not listed."""


def make_budget(
    inputs: BudgetInputs,
    curves: Sequence[CurveDraws],
    *,
    limits: Sequence[Limit] = (),
    activity_bq: float | None = None,
    prescription: Prescription | None = None,
    seed: int = 20250101,
    notes: tuple[str, ...] = (),
) -> Budget:
    """Propagate every uncertainty to doses and activities, to first order and by Monte Carlo.

    Parameters
    ----------
    inputs : BudgetInputs
        Best estimates and uncertainties.
    curves : sequence of CurveDraws
        One per region, equally many draws.
    limits : sequence of Limit
        What bounds the activity.
    activity_bq : float, optional
        At which probabilities are asked; by default that of the prescription, else what the limits permit.
    prescription : Prescription, optional
        Its activity and probabilities stand beside those of the budget.
    seed : int
        Of the draws.
    notes : tuple of str
        Doubts to pass on.

    Returns
    -------
    Budget

    Raises
    ------
    QuantityError
        If draws do not match, or numbers make no sense.
    PlanningError
        If a limit needs a dose that is not there, or that is not positive.
    """
    chain = Chain(inputs, curves, seed=seed)
    lines = budget_lines(inputs, limits)
    whole = chain.all()
    drawn = [read_line(line, whole, lines) for line in lines]
    effects = effects_of(chain, lines, drawn)
    quantities = tuple(
        _quantity(line, drawn[k], effects[k], other_limit=_other_limit(line, whole, lines))
        for k, line in enumerate(lines)
    )
    at = activity_bq if activity_bq is not None else None if prescription is None else prescription.activity_bq
    if at is None and limits:
        at = lines[-1].best
    return Budget(
        quantities=quantities,
        probabilities=_probabilities(lines, whole, at, prescription),
        targets=tuple(t.name for t in inputs.targets),
        correlation=_correlation(whole.targets),
        activity_bq=at,
        draws=chain.draws,
        notes=notes + _doubts(lines, drawn),
        provenance=Provenance(
            step="dose.uncertainty.make_budget",
            parameters={
                "draws": chain.draws,
                "seed": seed,
                "regions": ", ".join(r.name for r in inputs.regions),
                "s_value_relative_sd": inputs.s_value_relative_sd,
            },
        ),
    )


def _quantity(line: Line, drawn: Floats, effects: Mapping[Component, Effect], *, other_limit: float) -> BudgetQuantity:
    variance, first = float(drawn.var()), sum(line.variances.values())
    shares = _shares(line, variance, effects)
    excess = {c: (e.alone - line.variances.get(c, 0.0)) / first for c, e in effects.items()} if first > 0.0 else {}
    low, median, high = np.quantile(drawn, [0.025, 0.5, 0.975])
    sd, analytic = float(np.sqrt(variance)), float(np.sqrt(first))
    sd = sd if sd > _ROUNDING * line.best else 0.0
    return BudgetQuantity(
        name=line.name,
        kind=line.kind,
        best=line.best,
        analytic_sd=analytic,
        sd=sd,
        median=float(median),
        low=float(low),
        high=float(high),
        shares=shares,
        limit=line.limit,
        why_different=difference(
            analytic_sd=analytic,
            drawn_sd=sd,
            excess=excess,
            inverse=line.kind in (QuantityKind.PERMITTED, QuantityKind.PROPOSED),
            other_limit=other_limit,
            product=(variance - sum(e.alone for e in effects.values())) / first if first > 0.0 else 0.0,
        ),
        sentence=dominance(shares, relative_sd=sd / line.best if line.best > 0.0 else 0.0, marrow=_of_marrow(line)),
    )


def _of_marrow(line: Line) -> bool:
    return "red_marrow" in (line.name, "" if line.limit is None else line.limit.target)


def _shares(line: Line, variance: float, effects: Mapping[Component, Effect]) -> tuple[VarianceShare, ...]:
    """Shares by cause, the largest first; what does nothing is left out."""
    first = sum(line.variances.values())
    found = [
        VarianceShare(
            component=component,
            analytic=line.variances.get(component, 0.0) / first if first > 0.0 else 0.0,
            alone=effect.alone / variance if variance > 0.0 else 0.0,
            first_order=max(effect.first_order, 0.0),
            total=max(effect.total, 0.0),
        )
        for component, effect in effects.items()
    ]
    kept = [s for s in found if max(s.analytic, s.alone, s.first_order, s.total) > _NOTHING]
    return tuple(sorted(kept, key=lambda s: -s.first_order))


def _other_limit(line: Line, doses: DrawnDoses, lines: Sequence[Line]) -> float:
    """Share of draws in which another limit than the active one is the smallest."""
    if line.kind is not QuantityKind.PROPOSED or line.limit is None:
        return 0.0
    proposed = read_line(line, doses, lines)
    own = next((x for x in lines if x.kind is QuantityKind.PERMITTED and x.name == line.limit.name), None)
    active = np.full(proposed.shape, line.best) if own is None else read_line(own, doses, lines)
    return float(np.mean(proposed < active * (1.0 - 1e-12)))


def _probabilities(
    lines: Sequence[Line], doses: DrawnDoses, activity_bq: float | None, prescription: Prescription | None
) -> tuple[LimitProbability, ...]:
    if activity_bq is None:
        return ()
    known = {} if prescription is None else {o.limit.name: o.probability_exceeding for o in prescription.outcomes}
    same = prescription is not None and np.isclose(prescription.activity_bq, activity_bq)
    found = []
    for line in lines:
        if line.kind is not QuantityKind.PERMITTED or line.limit is None:
            continue
        # the limit is exceeded where it permits less
        share = float(np.mean(read_line(line, doses, lines) < activity_bq))
        count = doses.targets.shape[1]
        found.append(
            LimitProbability(
                limit=line.limit,
                activity_bq=activity_bq,
                probability=share,
                standard_error=float(np.sqrt(share * (1.0 - share) / count)),
                prescribed=known.get(line.limit.name) if same else None,
            )
        )
    return tuple(found)


def _correlation(doses: Floats) -> Floats:
    spread = doses.std(axis=1)
    sure = spread <= 1e-12 * np.abs(doses.mean(axis=1))
    centred = (doses - doses.mean(axis=1, keepdims=True)) / np.where(sure, 1.0, spread)[:, None]
    matrix = centred @ centred.T / doses.shape[1]
    matrix[sure] = matrix[:, sure] = 0.0
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(matrix)


def _doubts(lines: Sequence[Line], drawn: Sequence[Floats]) -> tuple[str, ...]:
    notes = []
    for line, values in zip(lines, drawn, strict=True):
        negative = float(np.mean(values <= 0.0))
        if line.kind in (QuantityKind.DOSE, QuantityKind.RESIDUAL) and negative > 0.0:
            notes.append(f"{line.name}: {100.0 * negative:.2g} % of the draws give no dose at all ({line.kind})")
        centre = float(np.median(values)) / line.best - 1.0 if line.best > 0.0 else 0.0
        if abs(centre) > 0.05:
            side = "above" if centre > 0.0 else "below"
            notes.append(
                f"{line.name}: the median of the draws lies {100 * abs(centre):.0f} % {side} the best estimate"
            )
    return tuple(notes)
