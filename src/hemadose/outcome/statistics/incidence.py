"""Cumulative incidence of one cause among competing causes (Aalen-Johansen), exact with ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import InputError
from hemadose.outcome.statistics.followup import Floats, RiskCounts, follow_up, require_confidence, risk_counts
from hemadose.outcome.statistics.survival import CurvePoint, step_at

_ROUNDING = 1e-12
"""What sums of shares may leave of 1."""
VARIANCES = ("aalen", "delta")
INTERVALS = ("log-log", "complementary", "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidenceCurve:
    """Probability of having had the event of one cause by a time, others competing.

    Attributes
    ----------
    cause : int
        Code of the cause.
    n, n_events, n_competing : int
        Patients, events of the cause, events of other causes.
    times, at_risk : ndarray, shape (m,)
        Distinct times and patients at risk there.
    incidence, standard_error, low, high : ndarray, shape (m,)
        Value just after each time, standard error, limits (NaN where undefined).
    confidence : float
        Of the intervals.
    variance, interval : str
        Names of the variance and of the scale of the interval.
    notes : tuple of str
        Doubts.
    """

    cause: int
    n: int
    n_events: int
    n_competing: int
    times: Floats
    at_risk: Floats
    incidence: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    confidence: float
    variance: str
    interval: str
    notes: tuple[str, ...] = ()

    def at(self, time: float) -> CurvePoint:
        """Give the curve just after a time.

        Parameters
        ----------
        time : float
            Not negative; beyond the longest follow-up the curve is not defined.

        Returns
        -------
        CurvePoint
            NaN beyond the longest follow-up.
        """
        return step_at(
            time, self.times, self.incidence, self.standard_error, self.low, self.high, self.at_risk, start=0.0, end=1.0
        )


def cumulative_incidence(
    *,
    times: ArrayLike,
    status: ArrayLike,
    cause: int,
    causes: Mapping[int, str] | Sequence[int] | None = None,
    confidence: float = 0.95,
    variance: str = "aalen",
    interval: str = "log-log",
) -> IncidenceCurve:
    """Estimate the cumulative incidence of one cause.

    Parameters
    ----------
    times : array_like, shape (n,)
        Follow-up in one unit.
    status : array_like of int, shape (n,)
        0 for censored, otherwise the cause.
    cause : int
        Cause asked for.
    causes : mapping or sequence of int, optional
        Codes that may occur; anything else is an error.
    confidence : float
        Of the interval.
    variance : {"aalen", "delta"}
        "aalen": Aalen, Ann Stat 1978;6:534, with (n - d)/(n - 1) for ties, as R's cmprsk;
        "delta": Dinse and Larson, Biometrika 1986;73:379, the delta method on multinomial counts.
    interval : {"log-log", "complementary", "plain"}
        "log-log": x^exp(-/+ z se/(x ln x)) of Pintilie 2006 and R's tidycmprsk; "complementary":
        the same for 1 - x.

    Returns
    -------
    IncidenceCurve
        A curve of zeros, without interval, when the cause is known but never happened.

    Raises
    ------
    InputError
        For an unknown name, or a cause that occurs neither in `status` nor in `causes`.
    QuantityError
        For a negative or missing time.

    Notes
    -----
    dF_k = S(t-) d_k/n with S the Kaplan-Meier curve of all causes: no jitter, no order among
    ties. The curves of all causes and S add up to 1.

    Examples
    --------
    >>> curve = cumulative_incidence(times=[1, 2, 2, 3, 4], status=[1, 2, 1, 0, 1], cause=1)
    >>> [round(float(x), 3) for x in curve.incidence]
    [0.2, 0.4, 0.4, 0.8]
    """
    z = require_confidence(confidence)
    _require(variance, VARIANCES, "variance")
    _require(interval, INTERVALS, "interval")
    data = follow_up(times=times, status=status, causes=causes)
    if cause not in data.causes:
        raise InputError("no such cause in the data", field="cause", value=str(cause), expected=str(data.causes))
    c = risk_counts(times=data.times, status=data.status, cause=cause)
    after = np.asarray(np.cumprod(1.0 - c.events / c.at_risk), dtype=np.float64)
    before = np.concatenate([[1.0], after[:-1]])
    incidence = np.cumsum(before * c.of_cause / c.at_risk)
    incidence = np.where(incidence > 1.0 - _ROUNDING, 1.0, incidence)
    squared = _aalen(c, before, after, incidence) if variance == "aalen" else _delta(c, before, incidence)
    error = np.sqrt(np.maximum(squared, 0.0))
    low, high = incidence_limits(incidence, error, z, interval)
    n_events = int(c.of_cause.sum())
    notes = list(data.notes)
    if n_events == 0:
        notes.append(f"no event of cause {cause}: no interval from the curve")
    return IncidenceCurve(
        cause=cause,
        n=data.times.size,
        n_events=n_events,
        n_competing=int(c.events.sum()) - n_events,
        times=c.times,
        at_risk=c.at_risk,
        incidence=incidence,
        standard_error=error,
        low=low,
        high=high,
        confidence=confidence,
        variance=variance,
        interval=interval,
        notes=tuple(notes),
    )


def incidence_limits(incidence: Floats, error: Floats, z: float, interval: str) -> tuple[Floats, Floats]:
    """Give the limits of an incidence.

    Parameters
    ----------
    incidence, error : ndarray, shape (m,)
        Estimates and standard errors.
    z : float
        Normal quantile.
    interval : {"log-log", "complementary", "plain"}
        Scale.

    Returns
    -------
    tuple of ndarray
        Low and high; NaN where the incidence or its standard error is 0, or the incidence is 1.
    """
    known = (incidence > 0.0) & (incidence < 1.0) & (error > 0.0)
    x = np.where(known, incidence, 0.5)
    s = np.where(known, error, 0.0)
    if interval == "log-log":
        spread = z * s / np.abs(x * np.log(x))
        low, high = x ** np.exp(spread), x ** np.exp(-spread)
    elif interval == "complementary":
        y = 1.0 - x
        spread = z * s / np.abs(y * np.log(y))
        low, high = 1.0 - y ** np.exp(-spread), 1.0 - y ** np.exp(spread)
    else:
        low, high = np.maximum(x - z * s, 0.0), np.minimum(x + z * s, 1.0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _aalen(c: RiskCounts, before: Floats, after: Floats, incidence: Floats) -> Floats:
    """Sum over u <= t of S(u-)^2 [var(dL1) (1 - r)^2 + var(dL2) r^2] with r = (F(t) - F(u))/S(u)."""
    other = c.events - c.of_cause
    inverse = np.where(after > 1e-300, 1.0 / np.maximum(after, 1e-300), 0.0)
    one = _scatter(c.of_cause, c.at_risk) * before**2
    two = np.where(after > 1e-300, _scatter(other, c.at_risk), 0.0) * before**2
    lift = 1.0 + incidence * inverse
    fall = incidence * inverse
    constant = np.cumsum(one * lift**2 + two * fall**2)
    linear = np.cumsum(inverse * (one * lift + two * fall))
    square = np.cumsum(inverse**2 * (one + two))
    return constant - 2.0 * incidence * linear + incidence**2 * square


def _scatter(d: Floats, n: Floats) -> Floats:
    """Variance of d/n with the finite-sample factor (n - d)/(n - 1) where d > 1."""
    factor = np.where(d > 1.0, (n - d) / np.maximum(n - 1.0, 1.0), 1.0)
    return np.asarray(d / n**2 * factor)


def _delta(c: RiskCounts, before: Floats, incidence: Floats) -> Floats:
    """Delta method; a = d/(n (n - d)), b = S^2 dk (n - dk)/n^3, e = S dk/n^2 at each time."""
    n, d, dk = c.at_risk, c.events, c.of_cause
    left = n > d
    a = np.where(left, d / (n * np.where(left, n - d, 1.0)), 0.0)
    b = before**2 * dk * (n - dk) / n**3
    e = np.where(left, before * dk / n**2, 0.0)
    constant = np.cumsum(incidence**2 * a + b + 2.0 * incidence * e)
    linear = np.cumsum(incidence * a + e)
    return np.asarray(constant - 2.0 * incidence * linear + incidence**2 * np.cumsum(a))


def _require(value: str, allowed: tuple[str, ...], field: str) -> None:
    if value not in allowed:
        raise InputError(f"unknown {field}", field=field, value=value, expected=", ".join(allowed))
