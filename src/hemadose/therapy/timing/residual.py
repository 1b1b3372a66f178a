"""When stem cells can be given: the marrow dose still to come as a function of the day."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Nuclide, ResidualDose
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.therapy.timing.tail import draw_tails_gy_per_bq, exponential_residual
from hemadose.units import DAY_S

Floats = npt.NDArray[np.float64]

_LONGEST_S = 365.0 * DAY_S


def residual_dose_gy(residual: ResidualDose, *, activity_bq: float, from_s: float) -> float:
    """Marrow dose delivered from `from_s` after administration on."""
    return activity_bq * residual.gy_per_bq(from_s=from_s)


def days_up(days: float) -> str:
    """Write days with one decimal, rounded up: an earliest day must not look earlier than it is.

    >>> days_up(11.642), days_up(14.0)
    ('11.7', '14.0')
    """
    return f"{ceil(round(10.0 * days, 4)) / 10.0:.1f}"


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


def earliest_infusion_draws_s(residual: ResidualDose, *, activity_bq: float, limit_gy: float) -> Floats:
    """Give the earliest time for every draw of the uncertainty.

    Returns
    -------
    ndarray, shape (draws,)
        Seconds after administration, to 1 s; infinite where a year is not enough.
    """
    require_positive("infusion", activity_bq=activity_bq, limit_gy=limit_gy)
    count = len(residual.draw_rates_per_s)
    low, high = np.zeros(count), np.full(count, _LONGEST_S)

    def too_much(times: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(activity_bq * draw_tails_gy_per_bq(residual, from_s=times) > limit_gy)

    never, at_once = too_much(high), ~too_much(low)
    for _ in range(26):
        middle = 0.5 * (low + high)
        above = too_much(middle)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(never, np.inf, np.where(at_once, 0.0, high))


def infusion_with_confidence_s(
    residual: ResidualDose, *, activity_bq: float, limit_gy: float, confidence: float = 0.95
) -> float:
    """Earliest time at which a share `confidence` of the draws keeps to the limit.

    Raises
    ------
    QuantityError
        If the confidence is not between 0 and 1, or there are no draws.
    PlanningError
        If a year is not enough.
    """
    if not 0.0 < confidence < 1.0:
        raise QuantityError("a confidence lies between 0 and 1", field="confidence", value=f"{confidence:g}")
    times = earliest_infusion_draws_s(residual, activity_bq=activity_bq, limit_gy=limit_gy)
    if not times.size:
        raise QuantityError("the marrow curve brings no draws of its uncertainty", field="draws")
    found = float(np.quantile(times, confidence, method="higher"))
    if not np.isfinite(found):
        raise PlanningError(
            f"a year is not enough for {confidence:.0%} confidence",
            value=f"{limit_gy:g} Gy",
            remedy="check the uncertainty of the half-life",
        )
    return found


def peak_rate_gy_per_bq_s(residual: ResidualDose, *, from_s: float) -> float:
    """Highest dose-rate coefficient from `from_s` on: what infused cells meet at worst.

    For terms that all fall it is the rate at `from_s`; with uptake it may come later.
    """
    require_non_negative("infusion", from_s=from_s)
    if (residual.amplitudes_gy_per_bq_s >= 0.0).all():
        return residual.rate_gy_per_bq_s(at_s=from_s)
    from scipy.optimize import minimize_scalar

    def rate(time: float) -> float:
        return residual.rate_gy_per_bq_s(at_s=time)

    later = np.concatenate([[0.0], np.geomspace(1e-4, 10.0, 300)]) / float(residual.rates_per_s.min())
    values = [rate(from_s + t) for t in later]
    top = int(np.argmax(values))
    if top == 0:
        return values[0]
    around = (from_s + later[top - 1], from_s + later[min(top + 1, len(later) - 1)])
    best = minimize_scalar(lambda t: -rate(t), bounds=around, method="bounded", options={"xatol": 1.0})
    return max(values[top], float(-best.fun))


def earliest_for_rate_s(residual: ResidualDose, *, activity_bq: float, limit_gy_per_s: float) -> float:
    """Earliest time after administration from which the dose rate stays at or below a limit.

    Raises
    ------
    PlanningError
        If a year is not enough.

    Notes
    -----
    For one exponential this is T log2(rate at time 0 / limit).
    """
    from scipy.optimize import brentq

    require_positive("infusion", activity_bq=activity_bq, limit_gy_per_s=limit_gy_per_s)

    def excess(t: float) -> float:
        return activity_bq * peak_rate_gy_per_bq_s(residual, from_s=t) / limit_gy_per_s - 1.0

    if excess(0.0) <= 0.0:
        return 0.0
    if excess(_LONGEST_S) > 0.0:
        raise PlanningError(
            "the marrow dose rate does not fall below its limit within a year",
            value=f"{limit_gy_per_s * 3.6e6:g} mGy/h",
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
    half_life_relative_sd: float = 0.0,
    draws: int = 2000,
    seed: int = 20250101,
) -> ResidualDose:
    """Tail of a marrow dose known by its coefficient and one half-life.

    Raises
    ------
    QuantityError
        If a number is not positive.
    """
    return exponential_residual(
        gy_per_bq=gy_per_bq,
        half_lives_s=(effective_half_life_s,),
        relative_sd=relative_sd,
        half_life_relative_sd=half_life_relative_sd,
        draws=draws,
        seed=seed,
    )
