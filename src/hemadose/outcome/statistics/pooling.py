"""Centres together: fixed and random effects, proportions, and survival standardised over centres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics.followup import Floats, require_confidence
from hemadose.outcome.statistics.heterogeneity import ESTIMATORS, profile_interval, spread

METHODS = ("reml", "paule-mandel", "dersimonian-laird", "fixed")
INTERVALS = ("hartung-knapp", "wald")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Estimates of several centres as one.

    Attributes
    ----------
    k : int
        Centres.
    estimate, low, high : float
        Pooled value and interval, on the scale of the input.
    standard_error : float
        That the interval uses.
    tau2, tau2_low, tau2_high : float
        Variance between centres and its Q-profile interval (NaN for fixed effects).
    i2 : float
        Share of the variation beyond chance, from Q.
    q, q_p : float
        Cochran's Q and its p.
    prediction_low, prediction_high : float
        Where the next centre is expected; NaN below three centres or for fixed effects.
    weights : tuple of float
        Of the centres, adding to 1.
    method, interval : str
        Names.
    confidence : float
        Of the intervals.
    notes : tuple of str
        Doubts.
    """

    k: int
    estimate: float
    low: float
    high: float
    standard_error: float
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    q: float
    q_p: float
    prediction_low: float
    prediction_high: float
    weights: tuple[float, ...]
    method: str
    interval: str
    confidence: float
    notes: tuple[str, ...] = ()


def pool_estimates(
    *,
    estimates: Sequence[float],
    variances: Sequence[float],
    method: str = "reml",
    interval: str = "hartung-knapp",
    confidence: float = 0.95,
) -> Pooled:
    """Pool estimates by inverse variance.

    Parameters
    ----------
    estimates : sequence of float, length k >= 2
        On a scale where they are about normal (log ratio, logit, mean).
    variances : sequence of float, length k
        Squares of their standard errors, positive.
    method : {"reml", "paule-mandel", "dersimonian-laird", "fixed"}
        Estimator of the variance between centres; "fixed" takes it as 0.
    interval : {"hartung-knapp", "wald"}
        Hartung and Knapp, Stat Med 2001;20:3875 (t distribution), or normal. Fixed effects always
        use the normal one.
    confidence : float
        Of the intervals.

    Returns
    -------
    Pooled
        On the scale of the input.

    Raises
    ------
    InputError
        For fewer than two centres or an unknown name.
    QuantityError
        For variances that are not positive or values that are missing.

    Notes
    -----
    DerSimonian and Laird, Control Clin Trials 1986;7:177; Paule and Mandel 1982; REML as
    Viechtbauer, J Educ Behav Stat 2005;30:261; Q-profile: Viechtbauer, Stat Med 2007;26:37;
    prediction: Higgins et al., J R Stat Soc A 2009;172:137.

    Examples
    --------
    >>> both = pool_estimates(estimates=[0.1, 0.5], variances=[0.04, 0.04], method="fixed")
    >>> round(both.estimate, 3), round(both.i2, 2)
    (0.3, 0.5)
    """
    from scipy.stats import chi2, norm, t

    require_confidence(confidence)
    y, v = np.asarray(estimates, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    _check(y, v, method, interval)
    k = y.size
    q = spread(y, v, 0.0)
    tau2 = ESTIMATORS[method](y, v)
    w = 1.0 / (v + tau2)
    mean = float(w @ y / w.sum())
    wald = float(np.sqrt(1.0 / w.sum()))
    quantile = 0.5 + confidence / 2.0
    notes = []
    if method == "fixed" or interval == "wald":
        error, reach = wald, float(norm.ppf(quantile))
    else:
        error, reach = float(np.sqrt((w * (y - mean) ** 2).sum() / (k - 1) / w.sum())), float(t.ppf(quantile, k - 1))
        if error * reach < wald * float(norm.ppf(quantile)):
            notes.append("centres agree better than chance allows: Hartung-Knapp is narrower than Wald, read the wider")
    random = method != "fixed"
    next_half = float(t.ppf(quantile, k - 2)) * np.sqrt(tau2 + wald**2) if random and k > 2 else np.nan
    low2, high2 = profile_interval(y, v, confidence) if random else (np.nan, np.nan)
    if random and k < 5:
        notes.append(f"{k} centres: the variance between centres is hardly known")
    return Pooled(
        k=k,
        estimate=mean,
        low=mean - reach * error,
        high=mean + reach * error,
        standard_error=error,
        tau2=tau2,
        tau2_low=low2,
        tau2_high=high2,
        i2=max(0.0, (q - (k - 1)) / q) if q > 0.0 else 0.0,
        q=q,
        q_p=float(chi2.sf(q, k - 1)),
        prediction_low=float(mean - next_half),
        prediction_high=float(mean + next_half),
        weights=tuple(float(x) for x in w / w.sum()),
        method=method,
        interval="wald" if not random else interval,
        confidence=confidence,
        notes=tuple(notes),
    )


def pool_proportions(
    *,
    successes: Sequence[int],
    totals: Sequence[int],
    scale: str = "logit",
    method: str = "reml",
    interval: str = "hartung-knapp",
    confidence: float = 0.95,
) -> Pooled:
    """Pool proportions of centres.

    Parameters
    ----------
    successes, totals : sequence of int, length k >= 2
        By centre.
    scale : {"logit", "freeman-tukey"}
        "logit": log odds, one half added where a centre has 0 or all; "freeman-tukey": double
        arcsine, turned back with the harmonic mean size (Miller, Am Stat 1978;32:138).
    method, interval, confidence
        As in `pool_estimates`.

    Returns
    -------
    Pooled
        Estimate, limits and prediction as proportions; standard error and tau2 on the scale of the
        analysis.

    Raises
    ------
    InputError
        For an unknown scale or fewer than two centres.
    QuantityError
        For impossible counts.

    Examples
    --------
    >>> both = pool_proportions(successes=[13, 5], totals=[76, 29], method="fixed")
    >>> round(both.estimate, 3)
    0.171
    """
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    if k.shape != n.shape or k.ndim != 1:
        raise InputError("one count and one total for each centre", value=f"{k.size} and {n.size}", expected="equal")
    if not ((k >= 0) & (k <= n) & (n > 0) & (np.floor(k) == k) & (np.floor(n) == n)).all():
        raise QuantityError(
            "impossible counts", field="successes, totals", expected="whole numbers, 0 <= k <= n, n > 0"
        )
    notes: tuple[str, ...] = ()
    back: Callable[[float], float]
    if scale == "logit":
        edge = (k == 0) | (k == n)
        a, b = k + 0.5 * edge, n - k + 0.5 * edge
        y, v = np.log(a / b), 1.0 / a + 1.0 / b
        back = _logistic
        if edge.any():
            notes = (f"one half added to both counts of {int(edge.sum())} of {k.size} centres (none or all)",)
    elif scale == "freeman-tukey":
        y = np.arcsin(np.sqrt(k / (n + 1.0))) + np.arcsin(np.sqrt((k + 1.0) / (n + 1.0)))
        v = 1.0 / (n + 0.5)
        harmonic = float(n.size / (1.0 / n).sum())
        back = lambda t: _miller(t, harmonic)  # noqa: E731
        notes = ("Freeman-Tukey goes back through one mean size: misleading where sizes differ much",)
    else:
        raise InputError("unknown scale", field="scale", value=scale, expected="logit, freeman-tukey")
    found = pool_estimates(
        estimates=y.tolist(), variances=v.tolist(), method=method, interval=interval, confidence=confidence
    )
    turned = {f: back(getattr(found, f)) for f in ("estimate", "low", "high", "prediction_low", "prediction_high")}
    kept = {f: getattr(found, f) for f in found.__slots__ if f not in turned}
    return Pooled(**{**kept, **turned, "notes": (*found.notes, *notes)})


def _check(y: Floats, v: Floats, method: str, interval: str) -> None:
    if y.shape != v.shape or y.ndim != 1 or y.size < 2:
        raise InputError("pooling needs at least two centres", value=f"{y.size} and {v.size}", expected="equal, >= 2")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise QuantityError("estimates must be finite and variances positive", field="estimates, variances")
    if method not in METHODS or interval not in INTERVALS:
        raise InputError(
            "unknown name",
            field="method, interval",
            value=f"{method}, {interval}",
            expected=", ".join((*METHODS, *INTERVALS)),
        )


def _logistic(t: float) -> float:
    return float(1.0 / (1.0 + np.exp(-t)))


def _miller(t: float, n: float) -> float:
    ends = (np.arcsin(np.sqrt(1.0 / (n + 1.0))), np.pi / 2.0 + np.arcsin(np.sqrt(n / (n + 1.0))))
    if np.isnan(t) or not ends[0] < t < ends[1]:
        return float("nan") if np.isnan(t) else float(t >= ends[1])
    sine = np.sin(t)
    inner = 1.0 - (sine + (sine - 1.0 / sine) / n) ** 2
    return float(0.5 * (1.0 - np.sign(np.cos(t)) * np.sqrt(max(0.0, inner))))
