"""Agreement of two measurements of the same patients: ratio, difference, tests for few pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.errors import InputError, QuantityError


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedAgreement:
    """What n pairs (first, second) say.

    Attributes
    ----------
    n : int
        Number of pairs.
    ratios : tuple of float
        second / first of each pair.
    geometric_mean_ratio, ratio_low, ratio_high : float
        Geometric mean of the ratios and its confidence interval (t distribution on logarithms).
    bias, limit_low, limit_high : float
        Bland-Altman: mean of second - first, and bias -/+ 1.96 SD (n - 1) of the differences.
    wilcoxon_p : float
        Exact two-sided signed-rank test.
    wilcoxon_least_p : float
        Least p that this test can give for n pairs.
    paired_t_p : float
        Two-sided paired t test on the differences.
    confidence : float
        Of the interval of the ratio.
    """

    n: int
    ratios: tuple[float, ...]
    geometric_mean_ratio: float
    ratio_low: float
    ratio_high: float
    bias: float
    limit_low: float
    limit_high: float
    wilcoxon_p: float
    wilcoxon_least_p: float
    paired_t_p: float
    confidence: float


def paired_agreement(*, first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> PairedAgreement:
    """Compare two measurements of the same patients.

    Parameters
    ----------
    first, second : sequence of float, length n >= 2
        Positive values in the same unit and order.
    confidence : float
        Of the interval of the geometric mean ratio.

    Returns
    -------
    PairedAgreement
        Differences in the unit of the input.

    Raises
    ------
    InputError
        For unequal lengths or fewer than two pairs.
    QuantityError
        For values that are not positive.

    Notes
    -----
    Bland and Altman, Lancet 1986;327:307. With n pairs the exact signed-rank test cannot give a
    p below 2^(1-n): 0.125 for n = 4, so it cannot show a difference there, whatever the values.

    Examples
    --------
    >>> kidney = paired_agreement(first=[1.59, 1.44, 1.18, 1.30], second=[0.87, 1.21, 0.68, 0.68])
    >>> round(kidney.geometric_mean_ratio, 3), kidney.wilcoxon_p
    (0.61, 0.125)
    """
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if x.shape != y.shape or x.ndim != 1 or x.size < 2:
        raise InputError("agreement needs at least two pairs", value=f"{x.size} and {y.size}", expected="equal, >= 2")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (x > 0).all() and (y > 0).all()):
        raise QuantityError("agreement needs positive finite values")
    from scipy import stats

    n = int(x.size)
    logs = np.log(y / x)
    half = stats.t.ppf(0.5 + confidence / 2.0, n - 1) * logs.std(ddof=1) / np.sqrt(n)
    differences = y - x
    spread = 1.96 * differences.std(ddof=1)
    bias = differences.mean()
    identical = bool((differences == 0.0).all())
    return PairedAgreement(
        n=n,
        ratios=tuple(float(r) for r in y / x),
        geometric_mean_ratio=float(np.exp(logs.mean())),
        ratio_low=float(np.exp(logs.mean() - half)),
        ratio_high=float(np.exp(logs.mean() + half)),
        bias=float(bias),
        limit_low=float(bias - spread),
        limit_high=float(bias + spread),
        wilcoxon_p=1.0 if identical else signed_rank_p(differences),
        wilcoxon_least_p=2.0 ** (1 - n),
        paired_t_p=1.0 if identical else _paired_t_p(differences),
        confidence=confidence,
    )


def signed_rank_p(differences: Sequence[float]) -> float:
    """Two-sided exact p of Wilcoxon's signed-rank test, with mid-ranks for ties.

    All 2^n signs of the observed ranks are counted (zeros are left out), which stays exact with
    ties, unlike tabulated distributions.

    Raises
    ------
    InputError
        For more than 20 differences, where counting all signs is no longer sensible.

    Examples
    --------
    >>> signed_rank_p([-0.5, -0.2, -0.4, -0.6])
    0.125
    """
    values = np.asarray(differences, dtype=float)
    values = values[values != 0.0]
    if values.size > 20:
        raise InputError("the exact signed-rank test is for up to 20 pairs", value=str(values.size))
    if values.size == 0:
        return 1.0
    from scipy import stats

    ranks = stats.rankdata(np.round(np.abs(values), 12))
    sums = np.zeros(1)
    for rank in ranks:
        sums = np.concatenate([sums, sums + rank])
    centre = ranks.sum() / 2.0
    observed = abs(ranks[values > 0].sum() - centre)
    return float(np.mean(np.abs(sums - centre) >= observed - 1e-9))


def _paired_t_p(differences: np.ndarray) -> float:
    from scipy import stats

    error = differences.std(ddof=1) / np.sqrt(differences.size)
    if error == 0.0:
        return 0.0
    return float(2.0 * stats.t.sf(abs(differences.mean()) / error, differences.size - 1))
