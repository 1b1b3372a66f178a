"""Kaplan-Meier: survival with its interval, median and risk table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import InputError
from hemadose.outcome.statistics.followup import Floats, follow_up, require_confidence, risk_counts

TRANSFORMS = ("log-log", "log", "plain")
"""Scales on which the interval of a survival curve can be symmetrical."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A curve at one time; `low` and `high` are NaN where no interval is defined.

    Attributes
    ----------
    time, estimate, standard_error, low, high : float
        Value just after `time`, its standard error and interval.
    at_risk : int
        Patients whose follow-up is at least `time`.
    """

    time: float
    estimate: float
    standard_error: float
    low: float
    high: float
    at_risk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalCurve:
    """A Kaplan-Meier curve: a step at each entry of `times`.

    Attributes
    ----------
    n, n_events : int
        Patients and events.
    times, at_risk, events, censored : ndarray, shape (m,)
        Distinct times and the counts there.
    survival, standard_error, low, high : ndarray, shape (m,)
        Value just after each time, Greenwood's standard error, limits (NaN where undefined).
    median, median_low, median_high : float or None
        None where the curve (or the limit) does not reach one half.
    confidence : float
        Of the intervals.
    transform : str
        Scale of the intervals.
    notes : tuple of str
        Doubts.
    """

    n: int
    n_events: int
    times: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    survival: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    median: float | None
    median_low: float | None
    median_high: float | None
    confidence: float
    transform: str
    notes: tuple[str, ...] = ()

    def at(self, time: float) -> CurvePoint:
        """Give the curve just after a time.

        Parameters
        ----------
        time : float
            Not negative. Beyond the longest follow-up the curve is not defined.

        Returns
        -------
        CurvePoint
            NaN beyond the longest follow-up, unless the curve has reached 0.
        """
        return step_at(
            time, self.times, self.survival, self.standard_error, self.low, self.high, self.at_risk, start=1.0, end=0.0
        )


def kaplan_meier(
    *, times: ArrayLike, events: ArrayLike, confidence: float = 0.95, transform: str = "log-log"
) -> SurvivalCurve:
    """Estimate survival by the product-limit method.

    Parameters
    ----------
    times : array_like, shape (n,)
        Follow-up in one unit, not negative.
    events : array_like of bool or int, shape (n,)
        0 for censored; any other code is an event.
    confidence : float
        Of the intervals.
    transform : {"log-log", "log", "plain"}
        Scale on which the interval is symmetrical.

    Returns
    -------
    SurvivalCurve
        Times in the unit of the input.

    Raises
    ------
    InputError
        For an unknown transform, unequal lengths or an unknown status.
    QuantityError
        For a negative or missing time.

    Notes
    -----
    Kaplan and Meier, J Am Stat Assoc 1958;53:457; variance of Greenwood 1926; log-log interval of
    Kalbfleisch and Prentice; interval of the median of Brookmeyer and Crowley, Biometrics
    1982;38:29. While the curve is 1 or when it has fallen to 0 the variance is 0, which is no
    knowledge: the interval is NaN there and a note says so. Where the curve runs along one half,
    the median is the middle of that step.

    Examples
    --------
    >>> curve = kaplan_meier(times=[30, 41, 83, 400, 700, 800, 1500], events=[1, 1, 1, 1, 1, 0, 0])
    >>> curve.median, round(curve.at(730).estimate, 4)
    (400.0, 0.2857)
    """
    z = require_confidence(confidence)
    if transform not in TRANSFORMS:
        raise InputError("unknown transform", field="transform", value=transform, expected=", ".join(TRANSFORMS))
    data = follow_up(times=times, status=events)
    c = risk_counts(times=data.times, status=data.status)
    survival = np.asarray(np.cumprod(1.0 - c.events / c.at_risk), dtype=np.float64)
    alive = c.at_risk > c.events
    growth = np.where(alive, c.events / (c.at_risk * np.where(alive, c.at_risk - c.events, 1.0)), 0.0)
    relative = np.sqrt(np.cumsum(growth))
    low, high = _limits(survival, relative, z, transform)
    notes = list(data.notes)
    if np.isnan(low).any():
        notes.append("no interval while the curve is 1 or 0: use the exact binomial interval there")
    return SurvivalCurve(
        n=data.times.size,
        n_events=int(c.events.sum()),
        times=c.times,
        at_risk=c.at_risk,
        events=c.events,
        censored=c.censored,
        survival=survival,
        standard_error=survival * relative,
        low=low,
        high=high,
        median=_crossing(c.times, survival),
        median_low=_crossing(c.times, np.where(survival == 0.0, 0.0, low)),
        median_high=_crossing(c.times, high),
        confidence=confidence,
        transform=transform,
        notes=tuple(notes),
    )


def step_at(
    time: float,
    times: Floats,
    value: Floats,
    error: Floats,
    low: Floats,
    high: Floats,
    at_risk: Floats,
    *,
    start: float,
    end: float,
) -> CurvePoint:
    """Read a right-continuous step function.

    Parameters
    ----------
    time : float
        Where.
    times, value, error, low, high, at_risk : ndarray, shape (m,)
        The steps.
    start : float
        Value before the first step.
    end : float
        Value at which nothing more can happen, so that the curve goes on for ever.

    Returns
    -------
    CurvePoint
        NaN beyond the last time unless the curve has reached `end`.
    """
    if not time >= 0.0:
        raise InputError("a curve is read at a time", field="time", value=str(time), expected=">= 0")
    i = int(np.searchsorted(times, time, side="right")) - 1
    waiting = int(np.searchsorted(times, time, side="left"))
    n = int(at_risk[waiting]) if waiting < times.size else 0
    if i < 0:
        return CurvePoint(time=time, estimate=start, standard_error=0.0, low=np.nan, high=np.nan, at_risk=n)
    if time > times[-1] and value[-1] != end:
        return CurvePoint(time=time, estimate=np.nan, standard_error=np.nan, low=np.nan, high=np.nan, at_risk=0)
    return CurvePoint(
        time=time,
        estimate=float(value[i]),
        standard_error=float(error[i]),
        low=float(low[i]),
        high=float(high[i]),
        at_risk=n,
    )


def _limits(survival: Floats, relative: Floats, z: float, transform: str) -> tuple[Floats, Floats]:
    known = (survival > 0.0) & (survival < 1.0)
    s = np.where(known, survival, 0.5)
    r = np.where(known, relative, 0.0)
    if transform == "log-log":
        spread = z * r / np.abs(np.log(s))
        low, high = s ** np.exp(spread), s ** np.exp(-spread)
    elif transform == "log":
        low, high = s * np.exp(-z * r), np.minimum(s * np.exp(z * r), 1.0)
    else:
        low, high = np.maximum(s - z * s * r, 0.0), np.minimum(s + z * s * r, 1.0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _crossing(times: Floats, curve: Floats) -> float | None:
    below = np.flatnonzero(curve < 0.5 - 1e-12)
    level = np.flatnonzero(np.abs(curve - 0.5) <= 1e-12)
    if level.size and below.size:
        return float((times[level[0]] + times[below[0]]) / 2.0)
    first = level if level.size else below
    return float(times[first[0]]) if first.size else None
