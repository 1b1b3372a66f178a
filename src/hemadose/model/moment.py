"""Time between two moments, across changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime


def elapsed_s(earlier: datetime, later: datetime) -> float:
    """Give the seconds from one moment to another.

    Python subtracts two moments of one time zone as the clock on the wall shows them, so that a night in which clocks
    change is an hour too long or too short; here both are counted in universal time.

    Parameters
    ----------
    earlier, later : datetime
        Aware of their zones (both naive is taken as one clock without changes).

    Returns
    -------
    float
        Negative if `later` lies before `earlier`.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> elapsed_s(datetime(2026, 3, 28, 12, tzinfo=berlin), datetime(2026, 3, 29, 12, tzinfo=berlin)) / 3600.0
    23.0
    """
    if earlier.tzinfo is None and later.tzinfo is None:
        return (later - earlier).total_seconds()
    return (later.astimezone(UTC) - earlier.astimezone(UTC)).total_seconds()
