"""Numbers as the field writes them: units, sensible digits, standard uncertainties."""

from __future__ import annotations

import math

from hemadose.units import DAY_S, GBQ, HOUR_S, MBQ, MINUTE_S

MISSING = "–"
MINUS = "\N{MINUS SIGN}"


def decimals_for(sd: float, *, digits: int = 2) -> int:
    """Give the decimals that show a standard uncertainty with `digits` significant digits.

    >>> decimals_for(0.123), decimals_for(4.2), decimals_for(37.0)
    (2, 1, 0)
    >>> decimals_for(0.0998)
    2
    """
    sd = float(f"{sd:.{digits - 1}e}")
    return max(0, digits - 1 - math.floor(math.log10(sd))) if sd > 0.0 else 0


def significant(value: float, *, digits: int = 3) -> str:
    """Write a number with `digits` significant digits, never in powers of ten.

    >>> significant(14.4), significant(0.001234), significant(28765.0), significant(0.0)
    ('14.4', '0.00123', '28765', '0')
    >>> significant(math.inf)
    'unlimited'
    """
    if not math.isfinite(value):
        return "unlimited" if value > 0.0 else MISSING
    if value == 0.0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}".replace("-", MINUS)


def measured(value: float, sd: float | None, *, digits: int = 3) -> str:
    """Write a value with its standard uncertainty (k = 1), both to the same decimal.

    >>> measured(1.5923, 0.1234), measured(22.9, 3.1), measured(0.42, None)
    ('1.59 ± 0.12', '22.9 ± 3.1', '0.420')
    """
    if sd is None or sd <= 0.0 or not math.isfinite(sd):
        return significant(value, digits=digits)
    decimals = decimals_for(sd)
    return f"{value:.{decimals}f} ± {sd:.{decimals}f}".replace("-", MINUS)


def probability(value: float | None) -> str:
    """Write a probability in percent without claiming certainty.

    >>> probability(0.0712), probability(0.0), probability(0.9999), probability(None)
    ('7 %', '< 1 %', '> 99 %', '–')
    """
    if value is None:
        return MISSING
    if value < 0.01:
        return "< 1 %"
    return "> 99 %" if value > 0.99 else f"{100.0 * value:.0f} %"


def percent(fraction: float) -> str:
    """Write a fraction in percent.

    >>> percent(0.124), percent(0.0004)
    ('12 %', '< 0.1 %')
    """
    value = 100.0 * fraction
    if 0.0 < value < 0.1:
        return "< 0.1 %"
    return f"{value:.0f} %" if abs(value) >= 9.95 else f"{value:.1f} %"


def activity(value_bq: float, *, digits: int = 3) -> str:
    """Write an activity in GBq or MBq.

    >>> activity(14.4e9), activity(198.2e6), activity(14.838e9, digits=4)
    ('14.4 GBq', '198 MBq', '14.84 GBq')
    """
    if abs(value_bq) >= GBQ:
        return f"{significant(value_bq / GBQ, digits=digits)} GBq"
    return f"{significant(value_bq / MBQ, digits=digits)} MBq"


def prescribed(value_bq: float) -> str:
    """Write an activity to be given: every digit it has, never rounded up beyond 1 MBq.

    >>> prescribed(14.4e9), prescribed(14.467e9)
    ('14.4 GBq', '14.467 GBq')
    """
    text = f"{value_bq / GBQ:.3f}".rstrip("0")
    return f"{text}0 GBq" if text.endswith(".") else f"{text} GBq"


def hours(value_s: float, *, digits: int = 3) -> str:
    """Write a time in hours, without the unit.

    >>> hours(41 * 3600.0)
    '41.0'
    """
    return significant(value_s / HOUR_S, digits=digits)


def days(value_s: float) -> str:
    """Write a time in days with one decimal.

    >>> days(12.34 * 86400)
    '12.3 d'
    """
    return f"{value_s / DAY_S:.1f} d".replace("-", MINUS)


def days_up(value_s: float) -> str:
    """Write a time in days, rounded up to one decimal, as an earliest time must be.

    >>> days_up(9.91 * 86400)
    '10.0 d'
    """
    return f"{math.ceil(round(10.0 * value_s / DAY_S, 6)) / 10.0:.1f} d"


def minutes(value_s: float) -> str:
    """Write a time in minutes, without the unit.

    >>> minutes(1290.0)
    '21.5'
    """
    return significant(value_s / MINUTE_S)


def grams(value_kg: float) -> str:
    """Write a mass in g, without the unit.

    >>> grams(0.3104)
    '310'
    """
    return significant(value_kg * 1000.0)


def relative_day(day: int) -> str:
    """Write a day of the calendar relative to day 0.

    >>> relative_day(-14), relative_day(0), relative_day(3)
    ('d−14', 'd0', 'd+3')
    """
    return "d0" if day == 0 else f"d{day:+d}".replace("-", MINUS)
