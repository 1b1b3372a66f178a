"""A moment as a person writes it: with its offset, or in a named zone where the clock shows it once and only once."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hemadose.errors import TimingError


def local_moment(text: str, *, zone: str | None, field: str) -> datetime:
    """Read an ISO 8601 moment.

    Parameters
    ----------
    text : str
        E.g. ``2026-03-28T12:00`` or ``2026-03-28T12:00+01:00``.
    zone : str or None
        Name of the time zone of a moment without offset.
    field : str
        Option or key, for the error.

    Returns
    -------
    datetime
        With time zone.

    Raises
    ------
    TimingError
        If it is no moment, its zone is not known, or the clock skips or repeats it (daylight saving).

    Examples
    --------
    >>> local_moment("2026-03-28T12:00", zone="Europe/Berlin", field="t").isoformat()
    '2026-03-28T12:00:00+01:00'
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as problem:
        raise TimingError("not a date and time", field=field, value=text, expected="2026-03-28T12:00") from problem
    if found.tzinfo is not None:
        return found
    if zone is None:
        raise TimingError(
            "a time without its zone", field=field, value=text, remedy="add the offset (+01:00) or give --zone"
        )
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as problem:
        raise TimingError("unknown time zone", field="zone", value=zone, expected="Europe/Berlin") from problem
    moment = found.replace(tzinfo=place)
    if moment.astimezone(UTC).astimezone(place).replace(tzinfo=None) != found:
        raise TimingError("the clock skips this time (daylight saving)", field=field, value=f"{text} {zone}")
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():
        raise TimingError(
            "the clock shows this time twice (daylight saving)",
            field=field,
            value=f"{text} {zone}",
            remedy="give it with its offset",
        )
    return moment
