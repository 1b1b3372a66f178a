"""How numbers of a cohort are written: k/n with intervals, curves at a time, medians."""

from __future__ import annotations

import math

from hemadose.outcome.statistics.proportions import Proportion
from hemadose.outcome.statistics.survival import CurvePoint
from hemadose.outcome.summary.describe import Absent, NumberSummary
from hemadose.report.numbers import MISSING, significant

LEAST_FOR_PERCENT = 10
MONTH_D = 365.25 / 12.0


def share(p: Proportion) -> str:
    """Write k/n with per cent and exact interval; without per cent for small denominators.

    Examples
    --------
    >>> from hemadose.outcome.statistics.proportions import proportion
    >>> share(proportion(successes=13, n=76)), share(proportion(successes=2, n=7))
    ('13/76 (17 %, 9–27 %)', '2/7 (interval 4–71 %)')
    """
    if p.n == 0:
        return MISSING
    low, high = 100.0 * p.low, 100.0 * p.high
    reach = f"{low:.0f}–{high:.0f} %"
    if p.n < LEAST_FOR_PERCENT:
        return f"{p.successes}/{p.n} (interval {reach})"
    return f"{p.successes}/{p.n} ({100.0 * p.estimate:.0f} %, {reach})"


def counted(k: int, n: int) -> str:
    """Write a category.

    >>> counted(12, 40), counted(2, 7)
    ('12 (30 %)', '2/7')
    """
    return f"{k}/{n}" if n < LEAST_FOR_PERCENT else f"{k} ({100.0 * k / n:.0f} %)"


def middle(found: NumberSummary) -> str:
    """Write median and range.

    >>> from hemadose.outcome.summary.describe import describe_numbers
    >>> middle(describe_numbers("age", [40.0, 50.0, 62.0]))
    '50.0 (40.0–62.0)'
    """
    if found.n == 0:
        return MISSING
    return f"{significant(found.median)} ({significant(found.low)}–{significant(found.high)})"


def average(found: NumberSummary) -> str:
    """Write mean and standard deviation (n - 1)."""
    if found.n == 0 or math.isnan(found.sd):
        return MISSING
    return f"{significant(found.mean)} ± {significant(found.sd)}"


def at(point: CurvePoint) -> str:
    """Write a probability with its interval; a dash beyond the follow-up.

    >>> at(CurvePoint(time=365.0, estimate=0.637, standard_error=0.03, low=0.579, high=0.688, at_risk=40))
    '64 % (58–69)'
    """
    if math.isnan(point.estimate):
        return MISSING
    return f"{100.0 * point.estimate:.0f} %" + interval(point.low, point.high)


def interval(low: float, high: float) -> str:
    """Write an interval of probabilities; nothing where there is none (a curve at 0 or 1)."""
    return "" if math.isnan(low) or math.isnan(high) else f" ({100.0 * low:.0f}–{100.0 * high:.0f})"


def months(median: float | None, low: float | None, high: float | None) -> str:
    """Write a median time in months with its interval.

    >>> months(365.25, 182.625, None)
    '12.0 (6.0–not reached)'
    """
    if median is None:
        return "not reached"
    ends = [f"{x / MONTH_D:.1f}" if x is not None else "not reached" for x in (low, high)]
    return f"{median / MONTH_D:.1f} ({ends[0]}–{ends[1]})"


def absent(missing: Absent) -> str:
    """Write what is missing, by reason.

    >>> absent((("not reported", 3), ("lost to follow-up", 1)))
    '3 not reported; 1 lost to follow-up'
    """
    return "; ".join(f"{k} {why}" for why, k in missing)


def p_value(p: float) -> str:
    """Write a p value.

    >>> p_value(0.0432), p_value(0.00001)
    ('0.043', '< 0.0001')
    """
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"
