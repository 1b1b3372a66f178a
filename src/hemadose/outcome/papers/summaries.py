"""What a printed summary leaves open: the values behind a median and a range, and the SD that a range allows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.evidence.rounding import decimals_of
from hemadose.outcome.papers.values import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedValues:
    """The values behind a median and a range, in order.

    Attributes
    ----------
    low, high : tuple of float
        Bounds of each ordered value; equal where it is determined.
    solutions : int or None
        Number of whole-number solutions; None where values are not whole.
    pair_sum : float or None
        Sum of the two middle values, for an even n.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    solutions: int | None
    pair_sum: float | None

    @property
    def determined(self) -> bool:
        """Whether every value is known."""
        return self.low == self.high


def ordered_values(summary: Summary) -> OrderedValues:
    """Bound the ordered values that give a printed median and range.

    Parameters
    ----------
    summary : Summary
        With a median.

    Returns
    -------
    OrderedValues
        Bounds for exact printed values; whole numbers are counted one by one.

    Raises
    ------
    InputError
        If the centre is no median.
    QuantityError
        If no values have that median and range.

    Examples
    --------
    >>> deaths = Summary(name="death", unit="d", n=3, centre_kind="median", centre="41", low="30", high="83")
    >>> found = ordered_values(deaths)
    >>> found.determined, found.low
    (True, (30.0, 41.0, 83.0))
    """
    if summary.centre_kind != "median":
        raise InputError("the values follow from a median only", field=summary.name, value=summary.centre_kind)
    n, low, middle, high = summary.n, float(summary.low), float(summary.centre), float(summary.high)
    half, pair = n // 2, None if n % 2 else 2.0 * middle
    if n % 2:
        bottom = [low] * half + [middle] * half + [high]
        top = [low] + [middle] * half + [high] * half
    else:
        under, over = max(low, 2.0 * middle - high), min(middle, 2.0 * middle - low)
        bottom = [low] * (half - 1) + [under, 2.0 * middle - over] + [middle] * (half - 1)
        top = [low] * (half - 1) + [over, 2.0 * middle - under] + [high] * (half - 1)
        top[1 : half - 1] = [over] * (half - 2) if half > 2 else []
    ends = ((bottom[0], top[0], low), (bottom[-1], top[-1], high))
    if any(not least <= end <= most for least, most, end in ends):
        raise QuantityError(f"no {n} values have this median and range", field=summary.name, value=summary.centre)
    bottom[0], top[0], bottom[-1], top[-1] = low, low, high, high
    if summary.whole:
        bottom, top = [float(math.ceil(v)) for v in bottom], [float(math.floor(v)) for v in top]
    count = _count(bottom, top, pair, half) if summary.whole else None
    return OrderedValues(low=tuple(bottom), high=tuple(top), solutions=count, pair_sum=pair)


def _count(bottom: list[float], top: list[float], pair: float | None, half: int) -> int:
    """Count non-decreasing whole-number sequences within bounds, the two middle ones adding up for an even n."""
    ways: dict[int, int] = {}
    for place, (least, most) in enumerate(zip(bottom, top, strict=True)):
        options = range(math.ceil(least), math.floor(most) + 1)
        if place == 0:
            ways = dict.fromkeys(options, 1)
        elif pair is not None and place == half:
            ways = {int(pair) - v: w for v, w in ways.items() if int(pair) - v in options and int(pair) - v >= v}
        else:
            ways = {v: sum(w for before, w in ways.items() if before <= v) for v in options}
    return sum(ways.values())


def sd_bounds(summary: Summary, *, ddof: int = 1) -> tuple[float, float]:
    """Give the least and largest SD that a printed mean and range allow.

    Parameters
    ----------
    summary : Summary
        With a mean; n of at least 3.
    ddof : int
        1 for n - 1 in the denominator, 0 for n.

    Returns
    -------
    tuple of float
        For the printed numbers taken as exact.

    Raises
    ------
    InputError
        If the centre is no mean.
    QuantityError
        If no values have that mean and range.

    Examples
    --------
    >>> tracer = Summary(name="tracer", unit="MBq", n=7, centre_kind="mean", centre="198", low="182", high="213")
    >>> [round(x, 2) for x in sd_bounds(tracer)]
    [8.96, 15.56]
    """
    if summary.centre_kind != "mean":
        raise InputError("the spread is bounded around a mean", field=summary.name, value=summary.centre_kind)
    n, low, mean, high = summary.n, float(summary.low), float(summary.centre), float(summary.high)
    rest, left = n - 2, n * mean - low - high
    if n < 3 or not rest * low <= left <= rest * high:
        raise QuantityError(f"no {n} values have this mean and range", field=summary.name, value=f"{mean:g}")
    ends = (low - mean) ** 2 + (high - mean) ** 2
    least = ends + rest * (left / rest - mean) ** 2
    at_top = math.floor((left - rest * low) / (high - low)) if high > low else 0
    between = left - at_top * high - (rest - at_top - 1) * low if at_top < rest else 0.0
    most = ends + at_top * (high - mean) ** 2 + max(0, rest - at_top - 1) * (low - mean) ** 2
    most += (between - mean) ** 2 if at_top < rest else 0.0
    return math.sqrt(least / (n - ddof)), math.sqrt(most / (n - ddof))


def slack_of(printed: str) -> float:
    """Half a unit of the last printed digit.

    >>> slack_of("1.90"), slack_of("41")
    (0.005, 0.5)
    """
    return float(0.5 * 10.0 ** -decimals_of(printed))
