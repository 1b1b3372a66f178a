"""Survival over centres or strata: each has its own curve, and the mean follows a stated mix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import InputError
from hemadose.outcome.statistics.followup import Floats, follow_up, group_codes, require_confidence
from hemadose.outcome.statistics.survival import SurvivalCurve, kaplan_meier


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardisedSurvival:
    """Kaplan-Meier by stratum and the weighted mean of the curves.

    Attributes
    ----------
    strata : tuple of str
        Names in order.
    weights : tuple of float
        Of the strata, adding to 1.
    curves : tuple of SurvivalCurve
        By stratum.
    times, survival, standard_error, low, high : ndarray, shape (m,)
        Mean curve, to the shortest longest follow-up of any stratum; log-log interval.
    confidence : float
        Of the intervals.
    notes : tuple of str
        Doubts.
    """

    strata: tuple[str, ...]
    weights: tuple[float, ...]
    curves: tuple[SurvivalCurve, ...]
    times: Floats
    survival: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    confidence: float
    notes: tuple[str, ...] = ()


def standardised_survival(
    *,
    times: ArrayLike,
    events: ArrayLike,
    strata: ArrayLike,
    weights: Mapping[str, float] | None = None,
    confidence: float = 0.95,
) -> StandardisedSurvival:
    """Pool the survival of centres without mixing their risk sets.

    Parameters
    ----------
    times, events : array_like, shape (n,)
        Follow-up; events 0 is censored.
    strata : array_like, shape (n,)
        Centre or stratum of each patient.
    weights : mapping of str to float, optional
        Mix of the strata wanted; by default their share of the patients.
    confidence : float
        Of the intervals.

    Returns
    -------
    StandardisedSurvival
        S(t) = sum of w S_k(t), with variance sum of w^2 var(S_k(t)).

    Raises
    ------
    InputError
        For weights that do not name every stratum, or are not positive.

    Examples
    --------
    >>> both = standardised_survival(times=[1, 4, 2, 5], events=[1, 0, 1, 0], strata=["a", "a", "b", "b"])
    >>> [float(s) for s in both.survival]
    [0.75, 0.5, 0.5]
    """
    z = require_confidence(confidence)
    data = follow_up(times=times, status=events)
    names, codes = group_codes(groups=strata, n=data.times.size, field="strata", least=1)
    share = np.bincount(codes) / codes.size
    if weights is not None:
        if set(weights) != set(names) or not all(np.isfinite(w) and w > 0 for w in weights.values()):
            raise InputError(
                "every stratum needs a positive weight",
                field="weights",
                value=str(sorted(weights)),
                expected=str(list(names)),
            )
        share = np.array([weights[name] for name in names]) / sum(weights.values())
    curves = tuple(
        kaplan_meier(times=data.times[codes == k], events=data.status[codes == k], confidence=confidence)
        for k in range(len(names))
    )
    ends = [np.inf if c.survival[-1] == 0.0 else c.times[-1] for c in curves]
    grid = np.unique(data.times[data.times <= min(ends)])
    where = [np.searchsorted(c.times, grid, side="right") for c in curves]
    survival = sum(w * np.concatenate([[1.0], c.survival])[i] for w, c, i in zip(share, curves, where, strict=True))
    squared = sum(
        (w * np.concatenate([[0.0], c.standard_error])[i]) ** 2 for w, c, i in zip(share, curves, where, strict=True)
    )
    mean, error = np.asarray(survival, dtype=np.float64), np.sqrt(np.asarray(squared, dtype=np.float64))
    known = (mean > 0.0) & (mean < 1.0) & (error > 0.0)
    s = np.where(known, mean, 0.5)
    spread = np.where(known, z * error / (s * np.abs(np.log(s))), 0.0)
    notes = list(data.notes)
    if grid[-1] < data.times.max():
        notes.append(f"mean curve ends at {grid[-1]:g}: beyond, one stratum has no patient in follow-up")
    return StandardisedSurvival(
        strata=names,
        weights=tuple(float(w) for w in share),
        curves=curves,
        times=grid,
        survival=mean,
        standard_error=error,
        low=np.where(known, s ** np.exp(spread), np.nan),
        high=np.where(known, s ** np.exp(-spread), np.nan),
        confidence=confidence,
        notes=tuple(notes),
    )
