"""What every cause does to every quantity: its variance alone, and its Sobol indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.dose.uncertainty.lines import Line, read_line
from hemadose.dose.uncertainty.montecarlo import CURVE, Chain, model_index, sobol
from hemadose.model.budget import Component

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one cause does to one quantity.

    Attributes
    ----------
    alone : float
        Variance with this cause alone.
    first_order, total : float
        Sobol indices.
    """

    alone: float
    first_order: float
    total: float


def effects_of(chain: Chain, lines: Sequence[Line], drawn: Sequence[Floats]) -> list[dict[Component, Effect]]:
    """Evaluate every cause alone and exchanged, for all quantities at once."""
    after = [chain.shifted(y) for y in drawn]
    found: list[dict[Component, Effect]] = [{} for _ in lines]
    for cause in chain.causes:
        swapped = chain.exchanged(cause)
        kinds = ("samples", "models") if cause == CURVE else ("both",)
        single = [chain.alone(cause, curve=kind) for kind in kinds]
        for k, line in enumerate(lines):
            alone = [float(read_line(line, one, lines).var()) for one in single]
            first, total = sobol(drawn[k], after[k], read_line(line, swapped, lines))
            if isinstance(cause, Component):
                found[k][cause] = Effect(alone[0], first, total)
            else:
                models = min(model_index(drawn[k], chain.choices), max(first, 0.0))
                found[k].update(_split_curve(line, alone, first, total, models))
    return found


def _split_curve(
    line: Line, alone: Sequence[float], first: float, total: float, models: float
) -> dict[Component, Effect]:
    """Tell samples and model of a curve apart; of the samples, counting and scatter by their first-order variances."""
    counting = line.variances.get(Component.COUNTING, 0.0)
    scatter = line.variances.get(Component.SCATTER, 0.0)
    share = counting / (counting + scatter) if counting + scatter > 0.0 else 1.0
    more = total / first if first > 0.0 else 1.0
    samples = first - models
    return {
        Component.COUNTING: Effect(share * alone[0], share * samples, share * samples * more),
        Component.SCATTER: Effect((1 - share) * alone[0], (1 - share) * samples, (1 - share) * samples * more),
        Component.MODEL: Effect(alone[1], models, models * more),
    }
