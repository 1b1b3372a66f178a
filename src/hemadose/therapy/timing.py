"""When stem cells can be given: the marrow dose still to come as a function of the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Nuclide, ResidualDose
from hemadose.units import DAY_S, LN2

Floats = npt.NDArray[np.float64]

_LONGEST_S = 365.0 * DAY_S


def residual_dose_gy(residual: ResidualDose, *, activity_bq: float, from_s: float) -> float:
    """Marrow dose delivered from `from_s` after administration on."""
    return activity_bq * residual.gy_per_bq(from_s=from_s)


def earliest_infusion_s(residual: ResidualDose, *, activity_bq: float, limit_gy: float) -> float:
    """Earliest time after administration with no more than `limit_gy` still to come.

    Raises
    ------
    PlanningError
        If a year is not enough.

    Notes
    -----
    For one exponential this is T log2(D_total / limit).
    """
    from scipy.optimize import brentq

    if not (limit_gy > 0.0 and activity_bq > 0.0):
        raise QuantityError("activity and limit must be positive")

    def excess(t: float) -> float:
        return residual_dose_gy(residual, activity_bq=activity_bq, from_s=t) - limit_gy

    if excess(0.0) <= 0.0:
        return 0.0
    if excess(_LONGEST_S) > 0.0:
        raise PlanningError(
            "the marrow dose does not fall below its limit within a year",
            value=f"{limit_gy:g} Gy",
            remedy="check the effective half-life of the marrow",
        )
    return float(brentq(excess, 0.0, _LONGEST_S, xtol=1.0))


def activity_for_interval_bq(residual: ResidualDose, *, interval_s: float, limit_gy: float) -> float:
    """Largest activity that leaves no more than `limit_gy` after an interval.

    Raises
    ------
    QuantityError
        If the interval is negative.
    """
    if interval_s < 0.0:
        raise QuantityError("the infusion cannot precede the administration", value=f"{interval_s:g} s")
    return limit_gy / residual.gy_per_bq(from_s=interval_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingCurve:
    """Residual dose and permitted activity against the interval, for a figure.

    Attributes
    ----------
    interval_s : ndarray, shape (n,)
        From administration to infusion.
    residual_gy, residual_low_gy, residual_high_gy : ndarray, shape (n,)
        Best estimate and central 95 % for the chosen activity.
    permitted_activity_bq : ndarray, shape (n,)
        Largest activity that meets the limit.
    probability_exceeding : ndarray, shape (n,)
        That the residual dose of the chosen activity exceeds the limit.
    """

    interval_s: Floats
    residual_gy: Floats
    residual_low_gy: Floats
    residual_high_gy: Floats
    permitted_activity_bq: Floats
    probability_exceeding: Floats


def timing_curve(
    residual: ResidualDose, *, activity_bq: float, limit_gy: float, last_day: float = 28.0, points: int = 113
) -> TimingCurve:
    """Tabulate residual dose and permitted activity from day 0 to `last_day`."""
    times = np.linspace(0.0, last_day * DAY_S, points)
    best = np.array([residual.gy_per_bq(from_s=t) for t in times])
    draws = np.array([residual.gy_per_bq_draws(from_s=t) for t in times]) * activity_bq
    low, high = np.quantile(draws, [0.025, 0.975], axis=1)
    return TimingCurve(
        interval_s=times,
        residual_gy=best * activity_bq,
        residual_low_gy=low,
        residual_high_gy=high,
        permitted_activity_bq=limit_gy / best,
        probability_exceeding=(draws > limit_gy).mean(axis=1),
    )


def convert_half_life_s(effective_half_life_s: float, *, measured: Nuclide, wanted: Nuclide) -> float:
    """Effective half-life of another nuclide on the same molecule: equal biological half-life.

    >>> lu = Nuclide(name="Lu-177", half_life_s=159.528, electron_energy_kev=147.9, photon_energy_kev=35)
    >>> y = Nuclide(name="Y-90", half_life_s=64.1, electron_energy_kev=933.1, photon_energy_kev=0)
    >>> round(convert_half_life_s(41.0, measured=lu, wanted=y), 2)
    29.65
    """
    biological = measured.biological_half_life_s(effective_half_life_s=effective_half_life_s)
    return wanted.effective_half_life_s(biological_half_life_s=biological)


def mono_exponential_residual(
    *,
    gy_per_bq: float,
    effective_half_life_s: float,
    relative_sd: float = 0.0,
    draws: int = 2000,
    seed: int = 20250101,
) -> ResidualDose:
    """Tail of a marrow dose known by its coefficient and one half-life.

    Raises
    ------
    QuantityError
        If a number is not positive.
    """
    if not (gy_per_bq > 0.0 and effective_half_life_s > 0.0):
        raise QuantityError("marrow coefficient and half-life must be positive")
    rate = LN2 / effective_half_life_s
    normal = np.random.default_rng(seed).standard_normal(draws)
    factor = np.exp(np.sqrt(np.log1p(relative_sd**2)) * normal)
    return ResidualDose(
        target="red_marrow",
        amplitudes_gy_per_bq_s=np.array([gy_per_bq * rate]),
        rates_per_s=np.array([rate]),
        draw_amplitudes_gy_per_bq_s=(gy_per_bq * rate * factor)[:, None],
        draw_rates_per_s=np.full((draws, 1), rate),
    )
