"""Exact permutation tests for few patients, with the least p that the numbers allow."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics.followup import Floats

MOST_ARRANGEMENTS = 400_000
"""Up to this many arrangements all are counted; beyond, a sample is drawn."""

ALTERNATIVES = ("two-sided", "greater", "less")


@dataclass(frozen=True, slots=True, kw_only=True)
class PermutationTest:
    """A test by rearrangement of the labels.

    Attributes
    ----------
    statistic : float
        Difference of means (of values or of ranks), group true less group false.
    p : float
        Share of arrangements at least as extreme.
    least_p : float
        Least p that any outcome could have reached with these numbers.
    arrangements : int
        Counted (exact) or drawn.
    exact : bool
        Whether all were counted.
    alternative : str
        Side.
    notes : tuple of str
        Doubts.
    """

    statistic: float
    p: float
    least_p: float
    arrangements: int
    exact: bool
    alternative: str
    notes: tuple[str, ...] = ()


def permutation_test(
    *,
    values: ArrayLike,
    group: ArrayLike,
    statistic: str = "rank",
    alternative: str = "two-sided",
    draws: int = 100_000,
    seed: int = 1,
) -> PermutationTest:
    """Compare two groups by rearranging who belongs where.

    Parameters
    ----------
    values : array_like, shape (n,)
        For instance SUVmax.
    group : array_like of bool, shape (n,)
        For instance alive after 24 months; both groups must occur.
    statistic : {"rank", "mean"}
        Compare mid-ranks (exact Wilcoxon rank-sum test) or the values themselves.
    alternative : {"two-sided", "greater", "less"}
        "greater": the true group has larger values.
    draws, seed : int
        For the sample where there are too many arrangements.

    Returns
    -------
    PermutationTest
        `exact` tells whether all arrangements were counted.

    Raises
    ------
    InputError
        For one group only, unequal lengths or an unknown name.
    QuantityError
        For missing values.

    Notes
    -----
    Seven patients, two of them survivors: 21 arrangements, so one-sided p is never below
    1/21 = 0.048, whatever the values.

    Examples
    --------
    >>> found = permutation_test(values=[1, 2, 3, 4, 5, 8, 9], group=[0, 0, 0, 0, 0, 1, 1], alternative="greater")
    >>> round(found.p, 3), round(found.least_p, 3)
    (0.048, 0.048)
    """
    x, g = finite_row(values, "values"), np.asarray(group)
    if g.shape != x.shape or not np.isin(g, [0, 1]).all():
        raise InputError("the group must be yes or no for each value", field="group", expected=f"0/1, length {x.size}")
    chosen = g.astype(bool)
    k, n = int(chosen.sum()), x.size
    if k in (0, n):
        raise InputError("only one group: nothing to compare", field="group", value=f"{k} of {n}")
    if alternative not in ALTERNATIVES or statistic not in ("rank", "mean"):
        raise InputError(
            "unknown name",
            field="alternative, statistic",
            value=f"{alternative}, {statistic}",
            expected=", ".join((*ALTERNATIVES, "rank", "mean")),
        )
    scores = mid_ranks(x) if statistic == "rank" else x
    total = comb(n, k)
    exact = total <= MOST_ARRANGEMENTS
    sums = _all_sums(scores, k, total) if exact else _some_sums(scores, k, draws, seed)
    observed = float(scores[chosen].sum())
    far = _distance(sums, k * scores.mean(), alternative)
    reached = _distance(np.array([observed]), k * scores.mean(), alternative)[0]
    slack = 1e-9 * max(1.0, float(np.abs(scores).max()))
    hits = int((far >= reached - slack).sum())
    return PermutationTest(
        statistic=float(scores[chosen].mean() - scores[~chosen].mean()),
        p=hits / sums.size if exact else (hits + 1.0) / (sums.size + 1.0),
        least_p=float((far >= far.max() - slack).mean())
        if exact
        else (1.0 if alternative != "two-sided" else 2.0) / total,
        arrangements=sums.size,
        exact=exact,
        alternative=alternative,
        notes=() if exact else (f"{sums.size} arrangements drawn of {total:.3g}",),
    )


def finite_row(values: ArrayLike, field: str) -> Floats:
    """Check one row of finite numbers.

    Parameters
    ----------
    values : array_like
        One dimension, not empty.
    field : str
        Name in the error.

    Returns
    -------
    ndarray
        As floats.

    Raises
    ------
    InputError
        For another shape.
    QuantityError
        For a missing value.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or found.size == 0:
        raise InputError(f"{field} must be one row of numbers", field=field, value=str(found.shape))
    if not np.isfinite(found).all():
        raise QuantityError("a value is missing", field=field, expected="finite numbers")
    return found


def mid_ranks(values: Floats) -> Floats:
    """Rank values, ties by their mean rank.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite.

    Returns
    -------
    ndarray, shape (n,)
        From 1 to n.
    """
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), dtype=np.float64)


def _all_sums(scores: Floats, k: int, total: int) -> Floats:
    flat = np.fromiter(
        (i for chosen in combinations(range(scores.size), k) for i in chosen), dtype=np.int64, count=total * k
    )
    return np.asarray(scores[flat.reshape(total, k)].sum(axis=1))


def _some_sums(scores: Floats, k: int, draws: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    return np.array([rng.choice(scores, size=k, replace=False).sum() for _ in range(draws)])


def _distance(sums: Floats, centre: float, alternative: str) -> Floats:
    away = sums - centre
    return np.abs(away) if alternative == "two-sided" else (away if alternative == "greater" else -away)
