"""Whether groups differ in survival: the log-rank test, and what every test of groups shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import InputError
from hemadose.outcome.statistics.followup import CENSORED, Floats, FollowUp, Ints, follow_up, group_codes

FEW_EVENTS = 10
"""Below this number of events the chi-square distribution of a test is only a rough guide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTest:
    """A test of K groups.

    Attributes
    ----------
    name : str
        Of the test.
    groups : tuple of str
        Names in order.
    n, observed : tuple of int
        Patients and events by group.
    expected : tuple of float
        Events expected if the groups did not differ.
    statistic : float
        Chi-square.
    degrees_of_freedom : int
        Groups with something to compare, less one.
    p : float
        From the chi-square distribution.
    strata : int
        Number of strata.
    notes : tuple of str
        Doubts.
    """

    name: str
    groups: tuple[str, ...]
    n: tuple[int, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    statistic: float
    degrees_of_freedom: int
    p: float
    strata: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounts:
    """Counts at the distinct event times of one stratum, one column a group.

    Attributes
    ----------
    at_risk, of_cause, other : ndarray, shape (m, K)
        Patients at risk, events of the cause, events of other causes.
    """

    at_risk: Floats
    of_cause: Floats
    other: Floats


def logrank_test(
    *, times: ArrayLike, events: ArrayLike, groups: ArrayLike, strata: ArrayLike | None = None, rho: float = 0.0
) -> GroupTest:
    """Compare the survival of groups.

    Parameters
    ----------
    times, events : array_like, shape (n,)
        Follow-up; events 0 is censored, any other code an event.
    groups : array_like, shape (n,)
        Group of each patient, at least two groups.
    strata : array_like, shape (n,), optional
        Patients are compared within strata only.
    rho : float
        Weight S(t-)^rho of Fleming and Harrington: 0 is the log-rank test, 1 weighs early events.

    Returns
    -------
    GroupTest
        With K - 1 degrees of freedom; ties by the hypergeometric variance.

    Raises
    ------
    InputError
        For a single group, no event, or groups that never share a risk set.

    Notes
    -----
    Mantel, Cancer Chemother Rep 1966;50:163; Harrington and Fleming, Biometrika 1982;69:553.

    Examples
    --------
    >>> test = logrank_test(times=[1, 2, 3, 4], events=[1, 1, 1, 1], groups=["a", "a", "b", "b"])
    >>> round(test.statistic, 4), test.degrees_of_freedom
    (2.8824, 1)
    """
    data = follow_up(times=times, status=events)
    names, codes, layers = partition(data, groups, strata)
    k = len(names)
    observed, expected, variance, weighed = np.zeros(k), np.zeros(k), np.zeros((k, k)), np.zeros(k)
    for layer in range(layers.max() + 1):
        inside = layers == layer
        c = group_counts(data.times[inside], (data.status[inside] != CENSORED).astype(np.int64), codes[inside], k, 1)
        n, d = c.at_risk.sum(axis=1), c.of_cause.sum(axis=1)
        left = np.cumprod(1.0 - d / n)
        weight = np.concatenate([[1.0], left[:-1]]) ** rho
        share = c.at_risk / n[:, None]
        observed += c.of_cause.sum(axis=0)
        expected += (share * d[:, None]).sum(axis=0)
        weighed += (weight[:, None] * (c.of_cause - share * d[:, None])).sum(axis=0)
        factor = weight**2 * d * (n - d) / np.maximum(n - 1.0, 1.0)
        variance += np.diag((share * factor[:, None]).sum(axis=0)) - share.T @ (share * factor[:, None])
    return judge(
        "log-rank" if rho == 0.0 else f"Fleming-Harrington rho = {rho:g}",
        names,
        codes,
        layers,
        observed,
        expected,
        weighed,
        variance,
        data.notes,
    )


def group_counts(times: Floats, status: Ints, codes: Ints, k: int, cause: int) -> GroupCounts:
    """Count by group at the distinct times of an event of any cause.

    Parameters
    ----------
    times, status, codes : ndarray, shape (n,)
        Follow-up and group 0 ... k - 1.
    k : int
        Number of groups.
    cause : int
        Cause counted in `of_cause`.

    Returns
    -------
    GroupCounts
        Arrays of shape (m, k).
    """
    distinct, where = np.unique(times, return_inverse=True)
    cell, size = where * k + codes, distinct.size * k

    def count(chosen: np.ndarray) -> Floats:
        return np.bincount(cell[chosen], minlength=size).reshape(-1, k).astype(np.float64)

    everyone = count(np.ones(times.size, dtype=bool))
    of_cause, other = count(status == cause), count((status != CENSORED) & (status != cause))
    happens = (of_cause + other).sum(axis=1) > 0.0
    at_risk = np.cumsum(everyone[::-1], axis=0)[::-1]
    return GroupCounts(at_risk=at_risk[happens], of_cause=of_cause[happens], other=other[happens])


def partition(data: FollowUp, groups: ArrayLike, strata: ArrayLike | None) -> tuple[tuple[str, ...], Ints, Ints]:
    """Give group names and codes and the code of each patient's stratum.

    Parameters
    ----------
    data : FollowUp
        Checked follow-up of n patients.
    groups, strata : array_like, shape (n,)
        Labels; None for a single stratum.

    Returns
    -------
    tuple of (tuple of str, ndarray, ndarray)
        Names of the groups, codes of the groups, codes of the strata.

    Raises
    ------
    InputError
        For a single group or no event at all.
    """
    n = data.times.size
    names, codes = group_codes(groups=groups, n=n)
    if not (data.status != CENSORED).any():
        raise InputError("no event: nothing to compare", field="status", expected="at least one event")
    if strata is None:
        return names, codes, np.zeros(n, dtype=np.int64)
    return names, codes, group_codes(groups=strata, n=n, field="strata", least=1)[1]


def judge(
    name: str,
    names: tuple[str, ...],
    codes: Ints,
    layers: Ints,
    observed: Floats,
    expected: Floats,
    scores: Floats,
    variance: Floats,
    notes: tuple[str, ...],
) -> GroupTest:
    """Turn scores and their covariance into a test.

    Parameters
    ----------
    name : str
        Of the test.
    names : tuple of str
        Groups.
    codes, layers : ndarray, shape (n,)
        Group and stratum of each patient.
    observed, expected, scores : ndarray, shape (K,)
        Events and weighted differences by group.
    variance : ndarray, shape (K, K)
        Covariance of the scores.
    notes : tuple of str
        Doubts so far.

    Returns
    -------
    GroupTest
        Chi-square with one degree of freedom less than the groups that share risk sets.

    Raises
    ------
    InputError
        Where fewer than two groups share a risk set.
    """
    from scipy.stats import chi2

    usable = np.flatnonzero(np.diag(variance) > 1e-12 * max(1.0, float(np.trace(variance))))
    if usable.size < 2:
        raise InputError(
            "no event tells the groups apart: nothing to compare",
            field="groups",
            expected="an event while two groups are at risk",
        )
    kept = usable[:-1]
    statistic = float(scores[kept] @ np.linalg.pinv(variance[np.ix_(kept, kept)], hermitian=True) @ scores[kept])
    doubts = list(notes)
    if observed.sum() < FEW_EVENTS:
        doubts.append(
            f"only {int(observed.sum())} events: the p value is approximate, prefer an exact permutation test"
        )
    if usable.size < len(names):
        doubts.append("a group that shares no risk set was left out of the comparison")
    return GroupTest(
        name=name,
        groups=names,
        n=tuple(int(x) for x in np.bincount(codes)),
        observed=tuple(int(x) for x in observed),
        expected=tuple(float(x) for x in expected),
        statistic=statistic,
        degrees_of_freedom=kept.size,
        p=float(chi2.sf(statistic, kept.size)),
        strata=int(layers.max()) + 1,
        notes=tuple(doubts),
    )
