"""How much the infusion day hangs on what is not known: the half-life above all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import Nuclide, ResidualDose
from hemadose.model._checks import require_positive
from hemadose.therapy.timing.residual import earliest_infusion_s
from hemadose.therapy.timing.tail import leading_half_life_s, require_physical
from hemadose.units import DAY_S, LN2

Floats: TypeAlias = npt.NDArray[np.float64]


class Held(StrEnum):
    """What stays when the half-life is another one.

    ``dose``: the dose to infinity is known (coefficient of the plan). ``rate``: the dose rate at the start is known
    (early images), so a longer half-life is also a higher dose.
    """

    DOSE = "dose"
    RATE = "rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfLifeCurve:
    """Residual dose against time for one half-life.

    Attributes
    ----------
    half_life_s : float
        Effective, in the marrow, of the leading term.
    residual_gy : ndarray, shape (n,)
        At the times asked for.
    earliest_s : float
        First time with no more than the limit to come.
    """

    half_life_s: float
    residual_gy: Floats
    earliest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """What one input does alone, from its low to its high value.

    Attributes
    ----------
    name : str
        ``"half-life"``, ``"dose per activity"``, ``"activity"`` or ``"day"``.
    low, high : float
        Values of the input, SI.
    residual_gy : (float, float)
        Residual dose at these.
    earliest_s : (float, float)
        Earliest infusion at these.
    """

    name: str
    low: float
    high: float
    residual_gy: tuple[float, float]
    earliest_s: tuple[float, float]


def longest_half_life_s(*, total_gy: float, from_s: float, limit_gy: float) -> float:
    """Longest effective half-life that keeps to the limit: t / log2(D / limit); infinite if D is below it.

    >>> round(longest_half_life_s(total_gy=8.208, from_s=14 * 86400.0, limit_gy=1.0) / 3600, 1)
    110.6
    """
    require_positive("residual dose", total_gy=total_gy, from_s=from_s, limit_gy=limit_gy)
    return float(from_s / np.log2(total_gy / limit_gy)) if total_gy > limit_gy else float("inf")


def half_life_family(
    residual: ResidualDose,
    *,
    activity_bq: float,
    factors: Sequence[float],
    times_s: Floats,
    limit_gy: float,
    held: Held = Held.DOSE,
    nuclide: Nuclide | None = None,
) -> tuple[HalfLifeCurve, ...]:
    """Residual dose against time for a family of curves: all half-lives times a factor.

    Parameters
    ----------
    residual : ResidualDose
        Best curve.
    activity_bq, limit_gy : float
        Administered; on the residual dose.
    factors : sequence of float
        On every half-life; one that would pass the physical half-life is refused if a nuclide is given.
    times_s : ndarray, shape (n,)
        Since administration.
    held : Held
        Whether total dose or first dose rate stays.
    nuclide : Nuclide, optional
        For that.

    Returns
    -------
    tuple of HalfLifeCurve
        By the half-life of the leading term.
    """
    found = []
    for factor in sorted(factors):
        slower = _slower(residual, factor, nuclide, held=held)
        found.append(
            HalfLifeCurve(
                half_life_s=leading_half_life_s(slower),
                residual_gy=np.array([activity_bq * slower.gy_per_bq(from_s=float(t)) for t in times_s]),
                earliest_s=earliest_infusion_s(slower, activity_bq=activity_bq, limit_gy=limit_gy),
            )
        )
    return tuple(found)


def _slower(
    residual: ResidualDose, factor: float, nuclide: Nuclide | None = None, *, held: Held = Held.DOSE
) -> ResidualDose:
    require_positive("half-life", factor=factor)
    if nuclide is not None:
        require_physical(factor * LN2 / float(residual.rates_per_s.min()), nuclide=nuclide)
    return replace(
        residual,
        amplitudes_gy_per_bq_s=residual.amplitudes_gy_per_bq_s / (factor if held is Held.DOSE else 1.0),
        rates_per_s=residual.rates_per_s / factor,
    )


def tornado(
    residual: ResidualDose,
    *,
    dose_factors: tuple[float, float],
    half_life_factors: tuple[float, float],
    activity_bq: tuple[float, float, float],
    from_s: float,
    limit_gy: float,
    day_slip_s: float = DAY_S,
) -> tuple[Swing, ...]:
    """Change one input at a time from low to high and see what the residual dose and the earliest day do.

    Parameters
    ----------
    residual : ResidualDose
        Best curve.
    dose_factors, half_life_factors : (float, float)
        Low and high, on the dose per activity and on every half-life (at equal dose).
    activity_bq : (float, float, float)
        Low, best, high.
    from_s : float
        Interval from administration to infusion.
    limit_gy : float
        On the residual dose.
    day_slip_s : float
        By how much the infusion may come earlier or later.

    Returns
    -------
    tuple of Swing
        The widest first; the half-life is that of the leading term.

    Raises
    ------
    QuantityError
        If numbers are not positive and in order, or the slip goes before the administration.
    """
    for name, given in (("dose", dose_factors), ("half-life", half_life_factors), ("activity", activity_bq)):
        if not (given[0] > 0.0 and list(given) == sorted(given) and np.isfinite(given).all()):
            raise QuantityError("low and high are not positive and in order", field=name, value=str(list(given)))
    if not 0.0 <= day_slip_s <= from_s:
        raise QuantityError("the infusion cannot precede the administration", value=f"{from_s - day_slip_s:g} s")
    low, best, high = activity_bq

    def at(activity: float, factor: float, time: float) -> tuple[float, float]:
        curve = _slower(residual, factor)
        day = earliest_infusion_s(curve, activity_bq=activity, limit_gy=limit_gy)
        return activity * curve.gy_per_bq(from_s=time), day

    leading, coefficient = leading_half_life_s(residual), residual.gy_per_bq(from_s=0.0)
    days = (from_s - day_slip_s, from_s + day_slip_s)
    ends = {
        "dose per activity": [(coefficient * f, at(best * f, 1.0, from_s)) for f in dose_factors],
        "half-life": [(leading * f, at(best, f, from_s)) for f in half_life_factors],
        "activity": [(a, at(a, 1.0, from_s)) for a in (low, high)],
        "day": [(t, at(best, 1.0, t)) for t in days],
    }
    swings = [
        Swing(name=n, low=a, high=b, residual_gy=(x[0], y[0]), earliest_s=(x[1], y[1]))
        for n, ((a, x), (b, y)) in ends.items()
    ]
    return tuple(sorted(swings, key=lambda s: -abs(s.residual_gy[1] - s.residual_gy[0])))
