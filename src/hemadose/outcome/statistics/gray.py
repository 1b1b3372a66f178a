"""Whether groups differ in the cumulative incidence of one cause: Gray's test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import InputError
from hemadose.outcome.statistics.comparison import GroupCounts, GroupTest, group_counts, judge, partition
from hemadose.outcome.statistics.followup import Floats, follow_up


def gray_test(
    *,
    times: ArrayLike,
    status: ArrayLike,
    cause: int,
    groups: ArrayLike,
    strata: ArrayLike | None = None,
    causes: Mapping[int, str] | Sequence[int] | None = None,
) -> GroupTest:
    """Compare the cumulative incidence of one cause between groups.

    Parameters
    ----------
    times, status : array_like, shape (n,)
        Follow-up; status 0 is censored, otherwise the cause.
    cause : int
        Cause compared.
    groups : array_like, shape (n,)
        Group of each patient, at least two groups.
    strata : array_like, shape (n,), optional
        Patients are compared within strata only.
    causes : mapping or sequence of int, optional
        Codes that may occur.

    Returns
    -------
    GroupTest
        With K - 1 degrees of freedom.

    Raises
    ------
    InputError
        For a single group, no event of the cause, or an unknown status.

    Notes
    -----
    Gray, Ann Stat 1988;16:1141, with weight 1. Each group counts with
    R = Y (1 - F(t-))/S(t-), patients that the cause could still reach; ties and the pooled
    incidence are treated as by R's cmprsk, with which the result agrees to all printed digits.

    Examples
    --------
    >>> test = gray_test(times=[1, 2, 3, 4, 5, 6], status=[1, 2, 1, 1, 0, 2], cause=1, groups=list("aabbab"))
    >>> test.degrees_of_freedom
    1
    """
    data = follow_up(times=times, status=status, causes=causes)
    names, codes, layers = partition(data, groups, strata)
    if not (data.status == cause).any():
        raise InputError("no event of this cause: nothing to compare", field="cause", value=str(cause))
    k = len(names)
    observed, expected, variance = np.zeros(k), np.zeros(k), np.zeros((k, k))
    for layer in range(layers.max() + 1):
        inside = layers == layer
        c = group_counts(data.times[inside], data.status[inside], codes[inside], k, cause)
        if not c.at_risk.size:
            continue
        awaited, spread = _gray_stratum(c)
        observed += c.of_cause.sum(axis=0)
        expected += awaited
        variance += spread
    return judge("Gray", names, codes, layers, observed, expected, observed - expected, variance, data.notes)


def _gray_stratum(c: GroupCounts) -> tuple[Floats, Floats]:
    """Expected events and variance of the scores, Gray 1988 section 2 and equation (7)."""
    y, d1, d2 = c.at_risk, c.of_cause, c.other
    here = y > 0.0
    safe = np.where(here, y, 1.0)
    after = np.asarray(np.cumprod(1.0 - (d1 + d2) / safe, axis=0), dtype=np.float64)
    before = _lag(after, 1.0)
    reached = _lag(np.cumsum(before * d1 / safe, axis=0), 0.0)
    h = np.where(here, y / np.where(here, before, 1.0), 0.0)
    reach = h * (1.0 - reached)
    d = d1.sum(axis=1)
    expected = (reach / reach.sum(axis=1, keepdims=True) * d[:, None]).sum(axis=0)

    total = h.sum(axis=1)
    pooled = np.cumsum(d / total)
    still = 1.0 - np.concatenate([[0.0], pooled[:-1]])
    ratio = np.where(after > 0.0, (1.0 - pooled)[:, None] / np.where(after > 0.0, after, 1.0), 0.0)
    shared = (d > 0.0) & (here.sum(axis=1) > 1) & (still != 0.0)  # a group alone compares with nobody
    step = np.where(shared, d / (total * np.where(shared, still, 1.0)), 0.0)
    tie_1 = np.where(
        (d > 1.0)[:, None], 1.0 - (d - 1.0)[:, None] / np.maximum(total[:, None] * before - 1.0, 1e-12), 1.0
    )
    w1 = np.where(here, tie_1 * before * (d / total)[:, None] / safe, 0.0)
    tie_2 = np.where(d2 > 1.0, 1.0 - (d2 - 1.0) / np.maximum(safe - 1.0, 1.0), 1.0)
    w2 = np.where(here & (after > 0.0), tie_2 * before**2 * d2 / safe**2, 0.0)
    k = y.shape[1]
    variance = np.zeros((k, k))
    for r in range(k):
        part = h[:, [r]] * (np.eye(k)[r] - h / total[:, None])
        past = np.cumsum(part * step[:, None], axis=0)
        to_come = past[-1] - past
        first = part + (1.0 - ratio[:, [r]]) * to_come
        second = ratio[:, [r]] * to_come
        variance += first.T @ (first * w1[:, [r]]) + second.T @ (second * w2[:, [r]])
    return expected, variance


def _lag(values: Floats, start: float) -> Floats:
    return np.vstack([np.full(values.shape[1], start), values[:-1]])
