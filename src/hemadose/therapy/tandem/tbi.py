"""Fractionated total body irradiation on the clock of the transplant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hemadose.dose.radiobiology import Fractions, daily_times_s
from hemadose.errors import PlanningError
from hemadose.model._checks import require_finite, require_non_negative, require_positive
from hemadose.units import DAY_S, HOUR_S

TBI = "TBI"


@dataclass(frozen=True, slots=True, kw_only=True)
class TbiScheme:
    """Fractionated total body irradiation.

    Attributes
    ----------
    fraction_gy : float
        Prescribed.
    fractions, per_day : int
        In all, and on each day.
    first_day : float
        Of the first, counted from the transplant, negative.
    gap_h : float
        Between fractions of a day.
    factors : Mapping[str, float]
        Organ dose over prescribed dose, e.g. shielded lungs; 1 where none is given.
    """

    fraction_gy: float
    fractions: int
    first_day: float
    per_day: int = 1
    gap_h: float = 8.0
    factors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check doses, and that the last fraction precedes the transplant."""
        require_positive(TBI, fraction_gy=self.fraction_gy, fractions=self.fractions, per_day=self.per_day)
        require_finite(TBI, first_day=self.first_day)
        for organ, factor in self.factors.items():
            require_non_negative(f"{TBI}, {organ}", factor=factor)
        last = float(self.times_s()[-1])
        if last >= 0.0:
            raise PlanningError(
                "the transplant precedes the last fraction of total body irradiation",
                field="first day of TBI",
                value=f"last fraction on day {last / DAY_S:g}",
                expected="before day 0",
            )

    def times_s(self) -> npt.NDArray[np.float64]:
        """Times of the fractions on the clock of the transplant, shape (fractions,)."""
        gap, first = self.gap_h * HOUR_S if self.per_day > 1 else DAY_S, self.first_day * DAY_S
        return daily_times_s(fractions=self.fractions, per_day=self.per_day, gap_s=gap, first_s=first)

    def in_organ(self, organ: str) -> Fractions:
        """Fractions as an organ receives them."""
        dose = self.fraction_gy * self.factors.get(organ, 1.0)
        return Fractions(name=TBI, times_s=self.times_s(), doses_gy=np.full(self.fractions, dose))
