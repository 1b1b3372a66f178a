"""The variance between centres, estimated in three ways, and its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hemadose.errors import FitError
from hemadose.outcome.statistics.followup import Floats


def spread(y: Floats, v: Floats, tau2: float) -> float:
    """Give the generalised Q: weighted squares around the weighted mean.

    Parameters
    ----------
    y, v : ndarray, shape (k,)
        Estimates and variances.
    tau2 : float
        Variance between centres.

    Returns
    -------
    float
        Cochran's Q for tau2 = 0.
    """
    w = 1.0 / (v + tau2)
    return float((w * (y - w @ y / w.sum()) ** 2).sum())


def _dersimonian_laird(y: Floats, v: Floats) -> float:
    w = 1.0 / v
    return float(max(0.0, (spread(y, v, 0.0) - (y.size - 1)) / (w.sum() - (w * w).sum() / w.sum())))


def _solve(y: Floats, v: Floats, target: float) -> float:
    """Find tau2 at which the generalised Q equals `target` (0 if it is below from the start)."""
    from scipy.optimize import brentq

    if spread(y, v, 0.0) <= target:
        return 0.0
    top = max(float(y.var()), float(v.max()))
    for _ in range(200):
        if spread(y, v, top) < target:
            return float(brentq(lambda t: spread(y, v, t) - target, 0.0, top, xtol=1e-14, rtol=1e-13))
        top *= 4.0
    return float("inf")


def _paule_mandel(y: Floats, v: Floats) -> float:
    return _solve(y, v, y.size - 1.0)


def _reml(y: Floats, v: Floats) -> float:
    """Largest restricted likelihood: Fisher scoring from DerSimonian and Laird."""
    tau2 = _dersimonian_laird(y, v)
    for _ in range(1000):
        w = 1.0 / (v + tau2)
        mean = w @ y / w.sum()
        trace = (w * w).sum() - 2.0 * (w**3).sum() / w.sum() + ((w * w).sum() / w.sum()) ** 2
        gradient = (w * w * (y - mean) ** 2).sum() - w.sum() + (w * w).sum() / w.sum()
        step = float(gradient / trace)
        new = max(0.0, tau2 + step)
        if abs(new - tau2) < 1e-12 * (1.0 + tau2):
            return new
        tau2 = new
    raise FitError("the variance between centres did not converge", value="1000 steps", remedy="use paule-mandel")


ESTIMATORS: Mapping[str, Callable[[Floats, Floats], float]] = {
    "reml": _reml,
    "paule-mandel": _paule_mandel,
    "dersimonian-laird": _dersimonian_laird,
    "fixed": lambda _y, _v: 0.0,
}


def profile_interval(y: Floats, v: Floats, confidence: float) -> tuple[float, float]:
    """Give the Q-profile interval of the variance between centres.

    Parameters
    ----------
    y, v : ndarray, shape (k,)
        Estimates and variances.
    confidence : float
        Of the interval.

    Returns
    -------
    tuple of float
        Low and high, 0 where Q is small from the start.
    """
    from scipy.stats import chi2

    tail = (1.0 - confidence) / 2.0
    return _solve(y, v, float(chi2.isf(tail, y.size - 1))), _solve(y, v, float(chi2.ppf(tail, y.size - 1)))
