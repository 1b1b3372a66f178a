"""Repair of sublethal damage: one or more exponential phases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model._checks import require_positive
from hemadose.units import LN2

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """The share of sublethal damage that is still there after a time, sum_k w_k exp(-mu_k t).

    Attributes
    ----------
    half_lives_s : tuple of float
        One of each phase.
    weights : tuple of float
        Share of the damage that each phase repairs; they add up to one.

    Examples
    --------
    >>> fast_and_slow = Repair(half_lives_s=(0.4 * 3600, 3.65 * 3600), weights=(0.5, 0.5))
    >>> round(float(fast_and_slow.unrepaired(3.65 * 3600)), 4)
    0.2509
    """

    half_lives_s: tuple[float, ...]
    weights: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        """Check the phases."""
        if len(self.half_lives_s) != len(self.weights) or not self.weights:
            raise QuantityError(
                "repair needs one weight per half-life",
                field="weights",
                value=str(list(self.weights)),
                expected=f"{len(self.half_lives_s)} number(s)",
            )
        for half_life, weight in zip(self.half_lives_s, self.weights, strict=True):
            require_positive("repair", half_life_s=half_life, weight=weight)
        if abs(sum(self.weights) - 1.0) > 1e-6:
            raise QuantityError(
                "the weights of repair do not add up to one",
                field="weights",
                value=f"{sum(self.weights):g}",
                expected="1",
            )

    @property
    def rates_per_s(self) -> tuple[float, ...]:
        """Repair rate mu of each phase."""
        return tuple(LN2 / t for t in self.half_lives_s)

    def unrepaired(self, time_s: npt.ArrayLike) -> Floats:
        """Share of damage left after a time, same shape as `time_s`."""
        t = np.asarray(time_s, dtype=np.float64)
        parts = [w * np.exp(-mu * t) for w, mu in zip(self.weights, self.rates_per_s, strict=True)]
        return np.asarray(np.sum(parts, axis=0))
