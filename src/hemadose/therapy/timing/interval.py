"""Which intervals between administration and transplant a calendar permits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import PlanningError, QuantityError
from hemadose.model._checks import require_finite, require_positive

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRange:
    """Which intervals between administration and transplant are permitted, in days.

    Attributes
    ----------
    first, last : float
        Shortest and longest that the calendar has.
    step : float
        Days that can be chosen: first, first + step ...
    first_tbi_day : float or None
        Of the first fraction, counted from the transplant (negative); None for no TBI.
    days_before_tbi : float
        Least between administration and first fraction.
    """

    first: float
    last: float
    step: float = 1.0
    first_tbi_day: float | None = None
    days_before_tbi: float = 5.0

    def __post_init__(self) -> None:
        """Check the order of events."""
        require_finite("calendar", first=self.first, last=self.last, days_before_tbi=self.days_before_tbi)
        require_positive("calendar", step=self.step)
        if not 0.0 <= self.first <= self.last:
            raise PlanningError(
                "the transplant cannot precede the administration, nor the last day the first",
                field="calendar",
                value=f"{self.first:g} ... {self.last:g} d",
            )
        if self.days_before_tbi < 0.0:
            raise QuantityError("an interval cannot be negative", value=f"{self.days_before_tbi:g} d")
        if self.first_tbi_day is not None and not self.first_tbi_day < 0.0:
            raise PlanningError(
                "total body irradiation comes before the transplant",
                field="first day of TBI",
                value=f"{self.first_tbi_day:g}",
                expected="negative, e.g. -9",
            )

    @property
    def shortest(self) -> float:
        """Least interval that the calendar and TBI allow."""
        return self.first if self.first_tbi_day is None else max(self.first, self.days_before_tbi - self.first_tbi_day)

    def days(self) -> Floats:
        """Give the intervals that can be chosen.

        Raises
        ------
        PlanningError
            If TBI leaves none.
        """
        count = math.floor((self.last - self.first) / self.step + 1e-9)
        every = self.first + self.step * np.arange(count + 1)
        found = every[every >= self.shortest - 1e-9]
        if not found.size:
            raise PlanningError(
                "no day of the calendar leaves time before total body irradiation",
                field="calendar",
                value=f"{self.first:g} ... {self.last:g} d",
                expected=f">= {self.shortest:g} d from administration to transplant",
                remedy="lengthen the calendar or move the irradiation",
            )
        return np.asarray(found, dtype=np.float64)
