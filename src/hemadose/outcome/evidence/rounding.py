"""What a printed number allows: the counts behind a rounded percentage, or that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import product

from hemadose.errors import QuantityError

_EPSILON = 1e-9


def decimals_of(printed: str) -> int:
    """Count the printed decimals.

    >>> decimals_of("31.8"), decimals_of("40")
    (1, 0)
    """
    return len(printed.partition(".")[2])


def rounds_to(value: float, printed: str) -> bool:
    """Tell whether a number rounds to a printed one, a half either way.

    Parameters
    ----------
    value : float
        Recomputed.
    printed : str
        As printed; its digits say how far it was rounded.

    Returns
    -------
    bool

    Raises
    ------
    QuantityError
        If the text is no number.

    Examples
    --------
    >>> rounds_to(17.46, "17.5"), rounds_to(17.46, "17.4"), rounds_to(0.0484, "0.05")
    (True, False, True)
    """
    try:
        centre = float(printed)
    except ValueError as problem:
        raise QuantityError("not a printed number", field="printed", value=printed) from problem
    return abs(value - centre) <= 0.5 * 10.0 ** -decimals_of(printed) + _EPSILON


def counts_of_percent(percent: str, n: int) -> tuple[int, ...]:
    """Give every count k whose k/n rounds to a printed percentage.

    Parameters
    ----------
    percent : str
        As printed, e.g. ``"31.8"``.
    n : int
        Denominator, positive.

    Returns
    -------
    tuple of int
        Empty where no count does: the denominator or the percentage is not what it seems. A half is rounded up.

    Raises
    ------
    QuantityError
        If n is not positive.

    Examples
    --------
    >>> counts_of_percent("15", 54), counts_of_percent("15", 57), counts_of_percent("50", 300)
    ((8,), (), (149, 150, 151))
    """
    if n <= 0:
        raise QuantityError("a percentage needs a denominator", field="n", value=str(n), expected="> 0")
    digits = decimals_of(percent)
    return tuple(k for k in range(n + 1) if _round(Decimal(100 * k) / n, digits) == Decimal(percent))


def twice_rounded_counts(percent: str, n: int) -> tuple[int, ...]:
    """Give counts that reach a printed percentage only if they are rounded twice (first to one more decimal).

    Examples
    --------
    >>> counts_of_percent("80", 73), twice_rounded_counts("80", 73)
    ((), (58,))
    """
    digits = decimals_of(percent)
    once = set(counts_of_percent(percent, n))
    return tuple(
        k
        for k in range(n + 1)
        if k not in once and _round(_round(Decimal(100 * k) / n, digits + 1), digits) == Decimal(percent)
    )


def shared_counts(percents: Sequence[str], *, n_max: int) -> tuple[tuple[int, ...], ...]:
    """Give every whole-number division (k1, k2, ...) of up to `n_max` whose shares round to the printed ones.

    Parameters
    ----------
    percents : sequence of str
        Shares of one whole, as printed.
    n_max : int
        Largest whole considered.

    Returns
    -------
    tuple of tuple of int
        In order of the whole.

    Examples
    --------
    >>> shared_counts(["21", "42", "37"], n_max=35)
    ((4, 8, 7),)
    """
    found = []
    for n in range(1, n_max + 1):
        choices = [counts_of_percent(p, n) for p in percents]
        found += [ks for ks in product(*choices) if sum(ks) == n]
    return tuple(found)


def _round(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
