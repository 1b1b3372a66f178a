"""Aplasia interval: from the time the marrow has received an ablative dose to the graft.

The dose that ablates is given by the user. No threshold for protracted marrow irradiation with a source was found, and
blood counts fall later than the dose is given: this interval is about dose, not about counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.dose.radiobiology import Component, Fractions
from hemadose.errors import PlanningError, QuantityError
from hemadose.model._checks import require_finite, require_positive

DEFINITION = (
    "time from the moment the marrow has received the stated dose to the infusion of stem cells; "
    "the dose is given by the user, and counts fall later than dose is given"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AplasiaInterval:
    """Time without own marrow, by dose.

    Attributes
    ----------
    level_gy : float
        Dose that is taken as ablative.
    reached_s : float or None
        On the clock of the course; None if it is never reached before the graft.
    graft_s : float
        Infusion of stem cells.
    dose_at_graft_gy : float
        Given until then.
    engraftment_s : float or None
        If given.
    """

    level_gy: float
    reached_s: float | None
    graft_s: float
    dose_at_graft_gy: float
    engraftment_s: float | None = None

    @property
    def interval_s(self) -> float | None:
        """From reaching the level to the graft."""
        return None if self.reached_s is None else self.graft_s - self.reached_s

    @property
    def until_engraftment_s(self) -> float | None:
        """From reaching the level to engraftment."""
        if self.reached_s is None or self.engraftment_s is None:
            return None
        return self.engraftment_s - self.reached_s


def aplasia_interval(
    components: Sequence[Component], *, level_gy: float, graft_s: float = 0.0, engraftment_s: float | None = None
) -> AplasiaInterval:
    """Find when everything together has given the marrow a dose.

    Parameters
    ----------
    components : sequence of DoseRate or Fractions
        What irradiates the marrow, on one clock.
    level_gy : float
        Dose that is taken as ablative.
    graft_s : float
        Infusion of stem cells on that clock.
    engraftment_s : float, optional
        On that clock.

    Returns
    -------
    AplasiaInterval
        Exact to 1 s.

    Raises
    ------
    QuantityError
        If nothing irradiates the marrow, or the level is not positive.
    PlanningError
        If something starts after the graft, or engraftment precedes it.

    Examples
    --------
    8 Gy with a half-life of 4 d reach 4 Gy after 4 d, 10 d before a graft on day 14.

    >>> from hemadose.dose.radiobiology import DoseRate
    >>> agent = DoseRate.from_dose("agent", start_s=0.0, dose_gy=8.0, half_lives_s=(4 * 86400.0,))
    >>> round(aplasia_interval([agent], level_gy=4.0, graft_s=14 * 86400.0).interval_s / 86400, 3)
    10.0
    """
    require_positive("aplasia", level_gy=level_gy)
    require_finite("aplasia", graft_s=graft_s)
    if not components:
        raise QuantityError("nothing irradiates the marrow", field="components")
    starts = [float(c.times_s[0]) if isinstance(c, Fractions) else c.start_s for c in components]
    if max(starts) > graft_s:
        raise PlanningError("the marrow is irradiated after the graft", value=f"{(max(starts) - graft_s) / 86400:g} d")
    if engraftment_s is not None and engraftment_s <= graft_s:
        raise PlanningError("engraftment precedes the graft", value=f"{(engraftment_s - graft_s) / 86400:g} d")

    def given(time_s: float) -> float:
        return float(sum(float(c.given_gy(time_s)) for c in components))

    before = given(graft_s)
    reached = None
    if before >= level_gy:
        low, high = min(starts) - 1.0, graft_s
        while high - low > 1.0:
            middle = 0.5 * (low + high)
            low, high = (low, middle) if given(middle) >= level_gy else (middle, high)
        reached = float(np.round(high, 3))
    return AplasiaInterval(
        level_gy=level_gy, reached_s=reached, graft_s=graft_s, dose_at_graft_gy=before, engraftment_s=engraftment_s
    )
