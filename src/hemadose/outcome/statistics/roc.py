"""How well a score ranks patients: area under the ROC curve with an interval that survives 1.0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics.followup import Floats, require_confidence
from hemadose.outcome.statistics.permutation import permutation_test

METHODS = ("delong", "newcombe")


@dataclass(frozen=True, slots=True, kw_only=True)
class RocArea:
    """Probability that a positive patient scores higher than a negative one.

    Attributes
    ----------
    n_positive, n_negative : int
        Patients.
    area, low, high : float
        Area and interval.
    standard_error : float
        DeLong's; 0 when all are ranked rightly (or wrongly).
    p, least_p : float
        Two-sided exact rank test of area one half, and the least p possible.
    method : str
        Of the interval.
    confidence : float
        Of the interval.
    notes : tuple of str
        Doubts.
    """

    n_positive: int
    n_negative: int
    area: float
    low: float
    high: float
    standard_error: float
    p: float
    least_p: float
    method: str
    confidence: float
    notes: tuple[str, ...] = ()


def roc_area(*, scores: ArrayLike, positive: ArrayLike, confidence: float = 0.95, method: str = "newcombe") -> RocArea:
    """Estimate the area under the ROC curve.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Higher means more likely positive; ties count one half.
    positive : array_like of bool, shape (n,)
        Truth; both must occur.
    confidence : float
        Of the interval.
    method : {"newcombe", "delong"}
        "newcombe": Newcombe, Stat Med 2006;25:559, method 5, a score interval that stays within
        0 and 1; "delong": DeLong et al., Biometrics 1988;44:837, on the logit, for larger series.

    Returns
    -------
    RocArea
        Interval and exact p.

    Raises
    ------
    InputError
        For one class only, unequal lengths, an unknown method, or "delong" where the area is 0 or 1.
    QuantityError
        For missing scores.

    Examples
    --------
    >>> found = roc_area(scores=[1, 2, 3, 4, 5, 8, 9], positive=[0, 0, 0, 0, 0, 1, 1])
    >>> found.area, round(found.low, 2), found.high
    (1.0, 0.49, 1.0)
    """
    z = require_confidence(confidence)
    x, truth = np.asarray(scores, dtype=np.float64), np.asarray(positive)
    if x.ndim != 1 or truth.shape != x.shape or not np.isin(truth, [0, 1]).all():
        raise InputError(
            "scores and truth must be rows of equal length", field="positive", expected="0/1 for each score"
        )
    if not np.isfinite(x).all():
        raise QuantityError("a score is missing", field="scores", expected="finite numbers")
    if method not in METHODS:
        raise InputError("unknown method", field="method", value=method, expected=", ".join(METHODS))
    chosen = truth.astype(bool)
    m, n = int(chosen.sum()), int((~chosen).sum())
    if m == 0 or n == 0:
        raise InputError("both outcomes must occur", field="positive", value=f"{m} of {m + n}")
    area, error = _delong(x[chosen], x[~chosen])
    if method == "newcombe":
        low, high = _newcombe(area, m, n, z)
    elif error == 0.0:
        raise InputError(
            "DeLong's interval is empty where all are ranked alike",
            field="method",
            value=f"area {area:g}",
            remedy="use newcombe",
        )
    else:
        half, middle = z * error / (area * (1.0 - area)), np.log(area / (1.0 - area))
        low, high = (float(1.0 / (1.0 + np.exp(-(middle + s * half)))) for s in (-1.0, 1.0))
    test = permutation_test(values=x, group=chosen)
    notes = (f"{min(m, n)} patients in the rarer class: exploratory",) if min(m, n) < 10 else ()
    return RocArea(
        n_positive=m,
        n_negative=n,
        area=area,
        low=low,
        high=high,
        standard_error=error,
        p=test.p,
        least_p=test.least_p,
        method=method,
        confidence=confidence,
        notes=(*notes, *test.notes),
    )


def _delong(positive: Floats, negative: Floats) -> tuple[float, float]:
    from scipy.stats import rankdata

    m, n = positive.size, negative.size
    joint = rankdata(np.concatenate([positive, negative]))
    over = (joint[:m] - rankdata(positive)) / n
    under = 1.0 - (joint[m:] - rankdata(negative)) / m
    area = float(over.mean())
    variance = (over.var(ddof=1) / m if m > 1 else 0.0) + (under.var(ddof=1) / n if n > 1 else 0.0)
    return area, float(np.sqrt(variance))


def _newcombe(area: float, m: int, n: int, z: float) -> tuple[float, float]:
    """Solve |A - t| = z sqrt(V(t)), with Hanley and McNeil's variance at t and equal mean sizes."""
    from scipy.optimize import brentq

    size = (m + n) / 2.0 - 1.0

    def excess(t: float) -> float:
        variance = t * (1.0 - t) * (1.0 + size * ((1.0 - t) / (2.0 - t) + t / (1.0 + t))) / (m * n)
        return float((area - t) ** 2 - z * z * variance)

    low = 0.0 if area == 0.0 else float(brentq(excess, 0.0, area if area < 1.0 else 1.0 - 1e-12))
    high = 1.0 if area == 1.0 else float(brentq(excess, area if area > 0.0 else 1e-12, 1.0))
    return low, high
