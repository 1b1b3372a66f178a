"""A proportion with an honest interval: exact, Wilson, or for several examinations a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics.followup import require_confidence

METHODS = ("exact", "wilson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """A number k of n with a confidence interval.

    Attributes
    ----------
    successes, n : int
        Numerator and denominator.
    estimate, low, high : float
        k/n and its interval; NaN when n is 0.
    confidence : float
        Of the interval.
    method : str
        How the interval was made.
    notes : tuple of str
        Doubts.
    """

    successes: int
    n: int
    estimate: float
    low: float
    high: float
    confidence: float
    method: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteredProportion:
    """A proportion of examinations, several of which belong to one patient.

    Attributes
    ----------
    successes, n, clusters : int
        Examinations with the property, examinations, patients.
    estimate, low, high : float
        Ratio of totals and its interval.
    standard_error : float
        Between patients; NaN where the results do not vary.
    design_effect : float
        Variance over that of independent examinations; NaN where it cannot be estimated.
    effective_n : float
        Number of independent examinations worth as much.
    confidence : float
        Of the interval.
    method : str
        "ratio" or "bootstrap".
    notes : tuple of str
        Doubts.
    """

    successes: int
    n: int
    clusters: int
    estimate: float
    low: float
    high: float
    standard_error: float
    design_effect: float
    effective_n: float
    confidence: float
    method: str
    notes: tuple[str, ...] = ()


def proportion(*, successes: int, n: int, confidence: float = 0.95, method: str = "exact") -> Proportion:
    """Give k/n with an interval.

    Parameters
    ----------
    successes, n : int
        0 <= k <= n.
    confidence : float
        Of the interval.
    method : {"exact", "wilson"}
        Clopper and Pearson, Biometrika 1934;26:404, which never covers less than promised; or
        Wilson, J Am Stat Assoc 1927;22:209, which does so on average.

    Returns
    -------
    Proportion
        With n = 0 nothing is known: NaN from 0 to 1, and a note.

    Raises
    ------
    QuantityError
        For counts that cannot be.
    InputError
        For an unknown method.

    Examples
    --------
    >>> p = proportion(successes=13, n=76)
    >>> round(100 * p.low, 1), round(100 * p.high, 1)
    (9.4, 27.5)
    """
    z = require_confidence(confidence)
    if method not in METHODS:
        raise InputError("unknown method", field="method", value=method, expected=", ".join(METHODS))
    k, n = _count(successes, "successes"), _count(n, "n")
    if k > n:
        raise QuantityError("more successes than patients", field="successes", value=f"{k}/{n}", expected="k <= n")
    if n == 0:
        return Proportion(
            successes=0,
            n=0,
            estimate=float("nan"),
            low=0.0,
            high=1.0,
            confidence=confidence,
            method=method,
            notes=("no patient: the proportion is not defined",),
        )
    low, high = beta_limits(k, n, confidence) if method == "exact" else _wilson(k, n, z)
    return Proportion(successes=k, n=n, estimate=k / n, low=low, high=high, confidence=confidence, method=method)


def clustered_proportion(
    *,
    successes: Sequence[int],
    totals: Sequence[int],
    confidence: float = 0.95,
    method: str = "ratio",
    draws: int = 4000,
    seed: int = 1,
) -> ClusteredProportion:
    """Give a proportion of examinations when patients have several.

    Parameters
    ----------
    successes, totals : sequence of int, length C >= 2
        For each patient: examinations with the property, and examinations.
    confidence : float
        Of the interval.
    method : {"ratio", "bootstrap"}
        "ratio": ratio estimator and Korn and Graubard's exact-type interval on the effective
        number of examinations; "bootstrap": percentiles, patients drawn with replacement.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    ClusteredProportion
        Where all examinations agree, the number of patients takes the place of the effective
        number: the variance cannot be seen, so the examinations of a patient count as one.

    Raises
    ------
    InputError
        For fewer than two patients, unequal lengths or an unknown method.
    QuantityError
        For counts that cannot be.

    Notes
    -----
    Rao and Scott, Biometrics 1992;48:577; Korn and Graubard, Surv Methodol 1998;24:193.

    Examples
    --------
    >>> p = clustered_proportion(successes=[2, 2, 0, 3, 0, 2], totals=[2, 2, 2, 3, 3, 2])
    >>> round(p.estimate, 3), round(p.design_effect, 2)
    (0.643, 3.01)
    """
    require_confidence(confidence)
    x = np.array([_count(v, "successes") for v in successes], dtype=np.float64)
    m = np.array([_count(v, "totals") for v in totals], dtype=np.float64)
    if x.shape != m.shape or x.size < 2:
        raise InputError(
            "clusters need one count and one total each", value=f"{x.size}, {m.size}", expected="equal, >= 2"
        )
    if (x > m).any() or (m == 0).any():
        raise QuantityError("a patient has more successes than examinations, or no examination", field="totals")
    if method not in ("ratio", "bootstrap"):
        raise InputError("unknown method", field="method", value=method, expected="ratio, bootstrap")
    total, clusters = float(m.sum()), x.size
    estimate = float(x.sum() / total)
    squared = clusters / (clusters - 1.0) * float(((x - estimate * m) ** 2).sum()) / total**2
    plain = estimate * (1.0 - estimate) / total
    varies = 0.0 < estimate < 1.0 and squared > 0.0
    effect = squared / plain if varies else float("nan")
    notes = [] if varies else ["no variation between examinations: the number of patients limits the interval"]
    effective = _effective(total, clusters, effect, confidence) if varies else float(clusters)
    if method == "bootstrap" and varies:
        low, high = _bootstrap(x, m, confidence, draws, seed)
    else:
        low, high = beta_limits(estimate * effective, effective, confidence)
    if clusters < 20:
        notes.append(f"only {clusters} patients: the design effect is itself uncertain")
    return ClusteredProportion(
        successes=int(x.sum()),
        n=int(total),
        clusters=clusters,
        estimate=estimate,
        low=low,
        high=high,
        standard_error=float(np.sqrt(squared)) if varies else float("nan"),
        design_effect=effect,
        effective_n=effective,
        confidence=confidence,
        method=method,
        notes=tuple(notes),
    )


def beta_limits(successes: float, n: float, confidence: float) -> tuple[float, float]:
    """Give Clopper-Pearson limits, also for an effective (not whole) number.

    Parameters
    ----------
    successes, n : float
        0 <= k <= n, n > 0.
    confidence : float
        Of the interval.

    Returns
    -------
    tuple of float
        Low and high.
    """
    from scipy.stats import beta

    tail = (1.0 - confidence) / 2.0
    low = 0.0 if successes <= 0.0 else float(beta.ppf(tail, successes, n - successes + 1.0))
    high = 1.0 if successes >= n else float(beta.ppf(1.0 - tail, successes + 1.0, n - successes))
    return low, high


def _effective(total: float, clusters: int, effect: float, confidence: float) -> float:
    from scipy.stats import t

    quantile = 0.5 + confidence / 2.0
    shrink = (t.ppf(quantile, total - 1.0) / t.ppf(quantile, clusters - 1.0)) ** 2
    return float(min(total, total / effect * shrink))


def _bootstrap(x: np.ndarray, m: np.ndarray, confidence: float, draws: int, seed: int) -> tuple[float, float]:
    chosen = np.random.default_rng(seed).integers(0, x.size, size=(draws, x.size))
    ratios = x[chosen].sum(axis=1) / m[chosen].sum(axis=1)
    tail = (1.0 - confidence) / 2.0
    return float(np.quantile(ratios, tail)), float(np.quantile(ratios, 1.0 - tail))


def _wilson(k: int, n: int, z: float) -> tuple[float, float]:
    p = k / n
    centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n)
    half = z / (1.0 + z * z / n) * float(np.sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n)))
    return (0.0 if k == 0 else max(0.0, centre - half)), (1.0 if k == n else min(1.0, centre + half))


def _count(value: int, field: str) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise QuantityError("a count must be a whole number", field=field, value=str(value), expected=">= 0")
    return int(value)
