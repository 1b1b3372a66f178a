"""Whether two measurements rise together: Spearman's rank correlation, exact for few pairs."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import InputError
from hemadose.outcome.statistics.followup import Floats, require_confidence
from hemadose.outcome.statistics.permutation import finite_row, mid_ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCorrelation:
    """Spearman's rank correlation.

    Attributes
    ----------
    n : int
        Pairs.
    rho, low, high : float
        Correlation and its interval (NaN below four pairs).
    p, least_p : float
        Two-sided p, and the least p that an exact test of n pairs can give.
    exact : bool
        Whether all permutations were counted.
    interval : str
        "fisher" or "bootstrap".
    confidence : float
        Of the interval.
    notes : tuple of str
        Doubts.
    """

    n: int
    rho: float
    low: float
    high: float
    p: float
    least_p: float
    exact: bool
    interval: str
    confidence: float
    notes: tuple[str, ...] = ()


def spearman(
    *, x: ArrayLike, y: ArrayLike, confidence: float = 0.95, interval: str = "fisher", draws: int = 4000, seed: int = 1
) -> RankCorrelation:
    """Correlate ranks.

    Parameters
    ----------
    x, y : array_like, shape (n,), n >= 3
        For instance absorbed dose and response; not constant.
    confidence : float
        Of the interval.
    interval : {"fisher", "bootstrap"}
        Fisher's z with the standard error of Bonett and Wright, Psychometrika 2000;65:23, or
        bootstrap percentiles.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    RankCorrelation
        Up to nine pairs p counts all n! orders; beyond, it comes from the t distribution.

    Raises
    ------
    InputError
        For fewer than three pairs, a constant row or an unknown interval.
    QuantityError
        For missing values.

    Examples
    --------
    >>> found = spearman(x=[1, 2, 3, 4, 5], y=[2, 1, 4, 3, 5])
    >>> round(found.rho, 1), round(found.p, 4), round(found.least_p, 4)
    (0.8, 0.1333, 0.0167)
    """
    z = require_confidence(confidence)
    a, b = finite_row(x, "x"), finite_row(y, "y")
    if a.shape != b.shape or a.size < 3:
        raise InputError(
            "rank correlation needs at least three pairs", value=f"{a.size}, {b.size}", expected="equal, >= 3"
        )
    if np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        raise InputError("no correlation with a constant", field="x" if np.ptp(a) == 0.0 else "y")
    if interval not in ("fisher", "bootstrap"):
        raise InputError("unknown interval", field="interval", value=interval, expected="fisher, bootstrap")
    n = a.size
    u, v = _standard(mid_ranks(a)), _standard(mid_ranks(b))
    rho = float(np.clip(u @ v, -1.0, 1.0))
    exact = n <= 9
    p, least = _all_orders(u, v, rho) if exact else (_approximate(rho, n), 2 / factorial(n))
    low, high = _fisher(rho, n, z) if interval == "fisher" else _bootstrap(a, b, confidence, draws, seed)
    notes = [f"{n} pairs: exploratory"] if n < 10 else ["p from the t distribution"]
    if np.isnan(low):
        notes.append("no interval from so few pairs or from a perfect order")
    if interval == "bootstrap" and n < 10:
        notes.append("bootstrap intervals are too narrow for so few pairs")
    return RankCorrelation(
        n=n,
        rho=rho,
        low=low,
        high=high,
        p=p,
        least_p=least,
        exact=exact,
        interval=interval,
        confidence=confidence,
        notes=tuple(notes),
    )


def _standard(ranks: Floats) -> Floats:
    centred = ranks - ranks.mean()
    return np.asarray(centred / np.sqrt(centred @ centred))


def _all_orders(u: Floats, v: Floats, rho: float) -> tuple[float, float]:
    """Correlations of all n! orders, built by adding one patient at a time."""
    orders = np.zeros((1, 1), dtype=np.int8)
    for size in range(1, u.size):
        orders = np.concatenate([np.insert(orders, place, size, axis=1) for place in range(size + 1)])
    found = np.abs(v[orders] @ u)
    return float((found >= abs(rho) - 1e-9).mean()), float((found >= found.max() - 1e-9).mean())


def _approximate(rho: float, n: int) -> float:
    from scipy.stats import t

    if abs(rho) >= 1.0:
        return 0.0
    return float(2.0 * t.sf(abs(rho) * np.sqrt((n - 2.0) / (1.0 - rho * rho)), n - 2))


def _fisher(rho: float, n: int, z: float) -> tuple[float, float]:
    if n < 4 or abs(rho) >= 1.0 - 1e-12:
        return float("nan"), float("nan")
    half = z * float(np.sqrt((1.0 + rho * rho / 2.0) / (n - 3.0)))
    return float(np.tanh(np.arctanh(rho) - half)), float(np.tanh(np.arctanh(rho) + half))


def _bootstrap(a: Floats, b: Floats, confidence: float, draws: int, seed: int) -> tuple[float, float]:
    from scipy.stats import rankdata

    chosen = np.random.default_rng(seed).integers(0, a.size, size=(draws, a.size))
    u, v = rankdata(a[chosen], axis=1), rankdata(b[chosen], axis=1)
    u, v = u - u.mean(axis=1, keepdims=True), v - v.mean(axis=1, keepdims=True)
    size = np.sqrt((u * u).sum(axis=1) * (v * v).sum(axis=1))
    rho = (u * v).sum(axis=1)[size > 0.0] / size[size > 0.0]
    tail = (1.0 - confidence) / 2.0
    return float(np.quantile(rho, tail)), float(np.quantile(rho, 1.0 - tail))
