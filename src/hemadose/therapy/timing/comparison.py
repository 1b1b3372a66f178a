"""Nuclides compared at equal marrow dose: which one lets the graft in first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import Nuclide, ResidualDose
from hemadose.model._checks import require_positive
from hemadose.therapy.timing.residual import (
    earliest_for_rate_s,
    earliest_infusion_draws_s,
    earliest_infusion_s,
)
from hemadose.therapy.timing.tail import leading_half_life_s
from hemadose.units import DAY_S

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowOption:
    """One nuclide on a molecule, as the marrow sees it.

    Attributes
    ----------
    nuclide : Nuclide
        Which.
    residual : ResidualDose
        Its dose rate in the marrow per administered activity.
    notes : tuple of str
        Doubts, e.g. how its dose per activity was found.
    """

    nuclide: Nuclide
    residual: ResidualDose
    notes: tuple[str, ...] = ()

    @property
    def effective_half_life_s(self) -> float:
        """Of the term that gives most of the late dose."""
        return leading_half_life_s(self.residual)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTiming:
    """Earliest infusion for one limit.

    Attributes
    ----------
    limit : float
        Gy, or Gy/s for a dose rate.
    is_rate : bool
        Which of the two.
    earliest_s : float
        Best estimate.
    confident_s : float or None
        For the confidence asked for; None without draws, for a rate, or where a year is not enough.
    interval_s : (float, float) or None
        Central 95 % of the draws.
    """

    limit: float
    is_rate: bool
    earliest_s: float
    confident_s: float | None = None
    interval_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NuclideTiming:
    """One nuclide at the common marrow dose.

    Attributes
    ----------
    option : MarrowOption
        What is compared.
    activity_bq : float
        That gives the marrow dose.
    days : ndarray, shape (n,)
        Since administration.
    residual_gy, residual_low_gy, residual_high_gy : ndarray, shape (n,)
        Still to come; central 95 % of the draws (equal to the best without draws).
    rate_gy_per_s : ndarray, shape (n,)
        Dose rate.
    probability_met : ndarray, shape (n,)
        Share of draws within the first limit on the dose.
    timings : tuple of LimitTiming
        By limit.
    """

    option: MarrowOption
    activity_bq: float
    days: Floats
    residual_gy: Floats
    residual_low_gy: Floats
    residual_high_gy: Floats
    rate_gy_per_s: Floats
    probability_met: Floats
    timings: tuple[LimitTiming, ...]


def compare_at_equal_dose(
    options: Sequence[MarrowOption],
    *,
    marrow_dose_gy: float,
    limits_gy: Sequence[float] = (1.0,),
    rate_limits_gy_per_s: Sequence[float] = (),
    confidence: float = 0.95,
    last_day: int = 28,
) -> tuple[NuclideTiming, ...]:
    """Give every nuclide the activity for one marrow dose and see when the graft may come.

    Parameters
    ----------
    options : sequence of MarrowOption
        Nuclides; no two alike.
    marrow_dose_gy : float
        To infinity, the same for all.
    limits_gy, rate_limits_gy_per_s : sequence of float
        On the dose still to come and on the dose rate.
    confidence : float
        Of `LimitTiming.confident_s`.
    last_day : int
        Of the curves.

    Returns
    -------
    tuple of NuclideTiming
        The earliest for the first limit first.

    Raises
    ------
    QuantityError
        If there is no option or limit, or a number is not positive.
    PlanningError
        If a year is not enough.
    """
    require_positive("comparison", marrow_dose_gy=marrow_dose_gy, last_day=last_day)
    if not options or not (len(limits_gy) or len(rate_limits_gy_per_s)):
        raise QuantityError("a comparison needs a nuclide and a limit", field="options, limits")
    names = [o.nuclide.name for o in options]
    if len(set(names)) != len(names):
        raise QuantityError("a nuclide is named twice", field="nuclide", value=", ".join(names))
    found = [
        _timing(o, marrow_dose_gy, limits_gy, rate_limits_gy_per_s, confidence=confidence, last_day=last_day)
        for o in options
    ]
    return tuple(sorted(found, key=lambda t: t.timings[0].earliest_s))


def _timing(
    option: MarrowOption,
    dose_gy: float,
    limits_gy: Sequence[float],
    rates: Sequence[float],
    *,
    confidence: float,
    last_day: int,
) -> NuclideTiming:
    residual = option.residual
    activity = dose_gy / residual.gy_per_bq(from_s=0.0)
    days = np.arange(last_day + 1, dtype=np.float64)
    best = np.array([residual.gy_per_bq(from_s=day * DAY_S) for day in days]) * activity
    drawn = np.array([residual.gy_per_bq_draws(from_s=day * DAY_S) for day in days]) * activity
    some = drawn.shape[1] > 1 and _differ(residual)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=1) if some else (best, best)
    first = limits_gy[0] if len(limits_gy) else np.inf
    timings = [_dose_limit(residual, activity, limit, confidence, drawn=some) for limit in limits_gy]
    timings += [
        LimitTiming(
            limit=limit,
            is_rate=True,
            earliest_s=earliest_for_rate_s(residual, activity_bq=activity, limit_gy_per_s=limit),
        )
        for limit in rates
    ]
    return NuclideTiming(
        option=option,
        activity_bq=activity,
        days=days,
        residual_gy=best,
        residual_low_gy=low,
        residual_high_gy=high,
        rate_gy_per_s=np.array([residual.rate_gy_per_bq_s(at_s=day * DAY_S) for day in days]) * activity,
        probability_met=(drawn <= first).mean(axis=1) if some else (best <= first).astype(np.float64),
        timings=tuple(timings),
    )


def _dose_limit(
    residual: ResidualDose, activity_bq: float, limit_gy: float, confidence: float, *, drawn: bool
) -> LimitTiming:
    best = earliest_infusion_s(residual, activity_bq=activity_bq, limit_gy=limit_gy)
    if not drawn:
        return LimitTiming(limit=limit_gy, is_rate=False, earliest_s=best)
    times = earliest_infusion_draws_s(residual, activity_bq=activity_bq, limit_gy=limit_gy)
    low, high = np.quantile(times, [0.025, 0.975], method="nearest")
    needed = float(np.quantile(times, confidence, method="higher"))
    return LimitTiming(
        limit=limit_gy,
        is_rate=False,
        earliest_s=best,
        confident_s=needed if np.isfinite(needed) else None,
        interval_s=(float(low), float(high)),
    )


def _differ(residual: ResidualDose) -> bool:
    return bool(
        np.ptp(residual.draw_rates_per_s, axis=0).any() or np.ptp(residual.draw_amplitudes_gy_per_bq_s, axis=0).any()
    )


def equal_fraction_interval_s(residual: ResidualDose, other: ResidualDose, *, interval_s: float) -> float:
    """Interval at which another nuclide has the share of its dose still to come that the first has after `interval_s`.

    Examples
    --------
    Physical decay of 177Lu for 14 d leaves what 90Y leaves after 5.6 d.

    >>> from hemadose.therapy.timing.tail import exponential_residual
    >>> lu = exponential_residual(gy_per_bq=1e-9, half_lives_s=(159.528 * 3600.0,))
    >>> y = exponential_residual(gy_per_bq=1e-9, half_lives_s=(64.1 * 3600.0,))
    >>> round(equal_fraction_interval_s(lu, y, interval_s=14 * 86400.0) / 86400, 1)
    5.6
    """
    share = residual_fraction(residual, from_s=interval_s)
    return earliest_infusion_s(other, activity_bq=1.0 / other.gy_per_bq(from_s=0.0), limit_gy=share)


def residual_fraction(residual: ResidualDose, *, from_s: float) -> float:
    """Share of the marrow dose that is still to come."""
    return residual.gy_per_bq(from_s=from_s) / residual.gy_per_bq(from_s=0.0)
