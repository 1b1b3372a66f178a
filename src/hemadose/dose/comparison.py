"""Two studies, programs or methods side by side, organ by organ and object by object.

References
----------
Bland J., Altman D., Lancet 1986;327:307.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import StudyDoses

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganComparison:
    """Dose coefficients of one organ in two studies.

    Attributes
    ----------
    target : str
        Organ.
    first_gy_per_bq, second_gy_per_bq : float
        Coefficients.
    difference_gy_per_bq : float
        Second less first.
    ratio : float
        Second over first.
    in_standard_deviations : float or None
        Difference over the root of the sum of both variances; None if neither study states one.
    """

    target: str
    first_gy_per_bq: float
    second_gy_per_bq: float
    difference_gy_per_bq: float
    ratio: float
    in_standard_deviations: float | None


def compare_studies(first: StudyDoses, second: StudyDoses) -> tuple[OrganComparison, ...]:
    """Compare the organs that two studies share, in the order of the first.

    Raises
    ------
    QuantityError
        If they share no organ.
    """
    known = {organ.target for organ in second.organs}
    rows = []
    for one in first.organs:
        if one.target not in known:
            continue
        other = second.organ(one.target)
        sd = float(np.hypot(one.sd_gy_per_bq, other.sd_gy_per_bq))
        difference = other.gy_per_bq - one.gy_per_bq
        rows.append(
            OrganComparison(
                target=one.target,
                first_gy_per_bq=one.gy_per_bq,
                second_gy_per_bq=other.gy_per_bq,
                difference_gy_per_bq=difference,
                ratio=other.gy_per_bq / one.gy_per_bq if one.gy_per_bq > 0.0 else float("nan"),
                in_standard_deviations=difference / sd if sd > 0.0 else None,
            )
        )
    if not rows:
        raise QuantityError("the two studies share no organ", value=", ".join(o.target for o in first.organs))
    return tuple(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlandAltman:
    """Agreement of two methods over n objects.

    Attributes
    ----------
    means, differences : ndarray, shape (n,)
        Of each pair: mean, and second less first; in percent of the mean where `relative`.
    bias, sd : float
        Mean and standard deviation (n - 1) of the differences.
    limits : (float, float)
        Bias -/+ 1.96 SD.
    bias_interval, low_interval, high_interval : (float, float)
        95 % confidence intervals of the bias and of both limits (t distribution).
    slope, slope_p : float
        Of the differences on the means, and its two-sided p: a bias that grows with size.
    relative : bool
        Whether differences are in percent of the mean.
    """

    means: Floats
    differences: Floats
    bias: float
    sd: float
    limits: tuple[float, float]
    bias_interval: tuple[float, float]
    low_interval: tuple[float, float]
    high_interval: tuple[float, float]
    slope: float
    slope_p: float
    relative: bool


def bland_altman(first: Sequence[float], second: Sequence[float], *, relative: bool = False) -> BlandAltman:
    """Compare two methods measured on the same objects.

    Parameters
    ----------
    first, second : sequence of float, length n >= 3
        In the same unit and order.
    relative : bool
        Differences in percent of the mean of each pair.

    Returns
    -------
    BlandAltman

    Raises
    ------
    QuantityError
        For fewer than three pairs, unlike lengths, values that are not finite, or relative differences about a mean
        that is not positive.

    Examples
    --------
    >>> told = bland_altman([1.0, 2.0, 3.0, 4.0], [1.1, 2.1, 3.1, 4.1])
    >>> round(told.bias, 6), round(told.sd, 6)
    (0.1, 0.0)
    """
    from scipy.stats import linregress, t

    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or a.size < 3:
        raise QuantityError("three or more pairs are needed", value=f"{a.size} and {b.size}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise QuantityError("a pair holds a value that is not finite")
    means, differences = (a + b) / 2.0, b - a
    if relative:
        if (means <= 0.0).any():
            raise QuantityError("relative differences need positive means", value=f"{means.min():g}")
        differences = 100.0 * differences / means
    n = a.size
    bias, sd = float(differences.mean()), float(differences.std(ddof=1))
    reach = float(t.ppf(0.975, n - 1)) * sd
    of_bias, of_limit = reach / np.sqrt(n), reach * np.sqrt(1.0 / n + 1.96**2 / (2.0 * (n - 1)))
    low, high = bias - 1.96 * sd, bias + 1.96 * sd
    spread = np.ptp(means) > 0.0 and sd > 0.0
    line = linregress(means, differences) if spread else None
    return BlandAltman(
        means=means,
        differences=differences,
        bias=bias,
        sd=sd,
        limits=(low, high),
        bias_interval=(bias - of_bias, bias + of_bias),
        low_interval=(low - of_limit, low + of_limit),
        high_interval=(high - of_limit, high + of_limit),
        slope=0.0 if line is None else float(line.slope),
        slope_p=1.0 if line is None else float(line.pvalue),
        relative=relative,
    )
