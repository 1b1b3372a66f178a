"""Two measurements or two judgements of the same patients: signed ranks, limits of agreement, McNemar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.agreement import signed_rank_p
from hemadose.outcome.statistics.followup import require_confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRankTest:
    """Wilcoxon's signed-rank test by counting all signs.

    Attributes
    ----------
    n, zeros : int
        Pairs, and pairs without a difference.
    positive_rank_sum : float
        W+, with mid-ranks.
    p, least_p : float
        Two-sided p, and the least p these ranks could have given.
    zeros_method : str
        "drop" (Wilcoxon) or "pratt".
    """

    n: int
    zeros: int
    positive_rank_sum: float
    p: float
    least_p: float
    zeros_method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOfAgreement:
    """Bland-Altman limits with the intervals that few pairs call for.

    Attributes
    ----------
    n : int
        Pairs.
    bias, standard_deviation : float
        Mean and standard deviation (n - 1) of second - first.
    bias_low, bias_high : float
        Interval of the bias.
    low, high : float
        Limits of agreement, bias -/+ 1.96 SD.
    low_interval, high_interval : tuple of float
        Exact intervals of the limits.
    confidence : float
        Of the intervals.
    """

    n: int
    bias: float
    standard_deviation: float
    bias_low: float
    bias_high: float
    low: float
    high: float
    low_interval: tuple[float, float]
    high_interval: tuple[float, float]
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemarTest:
    """Two judgements of the same patients where they differ.

    Attributes
    ----------
    first_only, second_only : int
        Patients that only the first, or only the second, judged right.
    p, least_p : float
        Exact two-sided p, and the least p for that many discordant pairs.
    odds_ratio, low, high : float
        second_only / first_only with its exact interval (0 or infinite at the border).
    confidence : float
        Of the interval.
    """

    first_only: int
    second_only: int
    p: float
    least_p: float
    odds_ratio: float
    low: float
    high: float
    confidence: float


def signed_rank_test(*, differences: Sequence[float], zeros: str = "drop") -> SignedRankTest:
    """Test paired differences by their signed ranks.

    Parameters
    ----------
    differences : sequence of float, length n
        second - first, finite; up to 20 that are not zero.
    zeros : {"drop", "pratt"}
        Leave zeros out before ranking (Wilcoxon) or after it (Pratt, J Am Stat Assoc 1959;54:655).

    Returns
    -------
    SignedRankTest
        p = 1 when all differences are zero.

    Raises
    ------
    InputError
        For no pair, more than 20 differences or an unknown method.
    QuantityError
        For missing differences.

    Examples
    --------
    >>> signed_rank_test(differences=[-0.5, -0.2, -0.4, -0.6]).p
    0.125
    """
    from scipy.stats import rankdata

    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or d.size == 0:
        raise InputError("no pair to test", field="differences", expected="at least one")
    if not np.isfinite(d).all():
        raise QuantityError("a difference is missing", field="differences", expected="finite numbers")
    if zeros not in ("drop", "pratt"):
        raise InputError("unknown treatment of zeros", field="zeros", value=zeros, expected="drop, pratt")
    moved = d != 0.0
    pool = d[moved] if zeros == "drop" else d
    ranks = rankdata(np.round(np.abs(pool), 12))[pool != 0.0]
    signs = pool[pool != 0.0] > 0.0
    m = int(moved.sum())
    return SignedRankTest(
        n=d.size,
        zeros=d.size - m,
        positive_rank_sum=float(ranks[signs].sum()),
        p=signed_rank_p(d.tolist()) if zeros == "drop" else _enumerate(ranks, signs),
        least_p=min(1.0, 2.0 ** (1 - m)),
        zeros_method=zeros,
    )


def limits_of_agreement(
    *, first: Sequence[float], second: Sequence[float], confidence: float = 0.95
) -> LimitsOfAgreement:
    """Give Bland-Altman limits with exact intervals.

    Parameters
    ----------
    first, second : sequence of float, length n >= 2
        Same unit and order.
    confidence : float
        Of the intervals.

    Returns
    -------
    LimitsOfAgreement
        In the unit of the input.

    Raises
    ------
    InputError
        For unequal lengths or fewer than two pairs.
    QuantityError
        For missing values.

    Notes
    -----
    Bland and Altman, Lancet 1986;327:307; the intervals of the limits from the non-central t
    distribution (Carkeet, Optom Vis Sci 2015;92:e71). With four pairs they are several times
    wider than the limits themselves suggest.

    Examples
    --------
    >>> found = limits_of_agreement(first=[1.59, 1.44, 1.18, 1.30], second=[0.87, 1.21, 0.68, 0.68])
    >>> round(found.bias, 2), round(found.low, 2), round(found.high, 2)
    (-0.52, -0.93, -0.1)
    """
    from scipy.stats import nct, t

    require_confidence(confidence)
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or x.size < 2:
        raise InputError("agreement needs at least two pairs", value=f"{x.size} and {y.size}", expected="equal, >= 2")
    d = y - x
    if not np.isfinite(d).all():
        raise QuantityError("a measurement is missing", field="first, second", expected="finite numbers")
    n, bias, spread = d.size, float(d.mean()), float(d.std(ddof=1))
    tail = (1.0 - confidence) / 2.0
    root = float(np.sqrt(n))
    half = float(t.ppf(1.0 - tail, n - 1)) * spread / root
    inner, outer = (float(nct.ppf(q, n - 1, 1.96 * root)) / root * spread for q in (tail, 1.0 - tail))
    return LimitsOfAgreement(
        n=n,
        bias=bias,
        standard_deviation=spread,
        bias_low=bias - half,
        bias_high=bias + half,
        low=bias - 1.96 * spread,
        high=bias + 1.96 * spread,
        low_interval=(bias - outer, bias - inner),
        high_interval=(bias + inner, bias + outer),
        confidence=confidence,
    )


def mcnemar_test(*, first_only: int, second_only: int, confidence: float = 0.95) -> McNemarTest:
    """Compare two judgements of the same patients exactly.

    Parameters
    ----------
    first_only, second_only : int
        Discordant pairs: right by the first judgement only, by the second only.
    confidence : float
        Of the interval of the odds ratio.

    Returns
    -------
    McNemarTest
        p = 1 without discordant pairs.

    Raises
    ------
    QuantityError
        For negative counts.

    Notes
    -----
    The discordant pairs are binomial with one half; concordant pairs say nothing.

    Examples
    --------
    >>> mcnemar_test(first_only=0, second_only=5).p
    0.0625
    """
    from scipy.stats import binom

    from hemadose.outcome.statistics.proportions import proportion

    share = proportion(successes=second_only, n=first_only + second_only, confidence=confidence)
    n, k = share.n, min(first_only, second_only)
    return McNemarTest(
        first_only=first_only,
        second_only=second_only,
        p=min(1.0, 2.0 * float(binom.cdf(k, n, 0.5))) if n else 1.0,
        least_p=min(1.0, 2.0 ** (1 - n)),
        odds_ratio=_odds(share.estimate),
        low=_odds(share.low),
        high=_odds(share.high),
        confidence=confidence,
    )


def _odds(share: float) -> float:
    return float("inf") if share == 1.0 else share / (1.0 - share)


def _enumerate(ranks: np.ndarray, signs: np.ndarray) -> float:
    if ranks.size > 20:
        raise InputError("the exact signed-rank test is for up to 20 pairs", value=str(ranks.size))
    sums = np.zeros(1)
    for rank in ranks:
        sums = np.concatenate([sums, sums + rank])
    centre = ranks.sum() / 2.0
    return float(np.mean(np.abs(sums - centre) >= abs(ranks[signs].sum() - centre) - 1e-9))
