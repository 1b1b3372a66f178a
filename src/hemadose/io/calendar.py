"""A course of treatment as a calendar file (RFC 5545) with alarms and as a table.

Events carry no identifier of the patient, only a pseudonym where the caller gives one. The same
course gives the same bytes: the time stamp of the entries is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hemadose.errors import TimingError
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.io.tables import csv_text
from hemadose.model import Course, CourseEvent, CourseWarning, Severity
from hemadose.model.moment import elapsed_s
from hemadose.provenance import __version__, digest_bytes

RESEARCH_USE = "Research use. Not an order: to be confirmed by the treating team."
SHORT_EVENT_MIN = 30
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_ALARMS: Mapping[str, tuple[timedelta, ...]] = MappingProxyType(
    {
        "ert": (_WEEK, _DAY),
        "amino_acids": (timedelta(minutes=30),),
        "tbi": (_DAY,),
        "chemotherapy": (_DAY,),
        "immunosuppression": (_DAY,),
        "graft": (_WEEK, _DAY),
        "supportive": (_DAY,),
        "monitoring": (timedelta(minutes=15),),
    }
)
"""Time before the start at which a calendar reminds, by kind of event; whole-day events at 9:00 of the day before."""


def write_ics(
    course: Course,
    path: Path,
    *,
    zone: ZoneInfo | str,
    pseudonym: str | None = None,
    stamped_at: datetime = EPOCH,
    alarms: bool = True,
) -> None:
    """Write a course as a calendar file, as a whole or not at all.

    Parameters
    ----------
    course : Course
        The calendar.
    path : Path
        File to write (``.ics``).
    zone : ZoneInfo or str
        Time zone of the clinic; events with a time keep their clock time across a change to or
        from daylight saving.
    pseudonym : str or None
        Put in front of each title; None leaves the file without any hint at the patient.
    stamped_at : datetime
        DTSTAMP of all entries, with time zone.
    alarms : bool
        Whether entries remind (VALARM).

    Raises
    ------
    TimingError
        For an unknown zone, a time stamp without zone, or a clock time that the change to daylight
        saving leaves out.
    """
    write_bytes_atomic(path, ics_bytes(course, zone=zone, pseudonym=pseudonym, stamped_at=stamped_at, alarms=alarms))


def ics_bytes(
    course: Course,
    *,
    zone: ZoneInfo | str,
    pseudonym: str | None = None,
    stamped_at: datetime = EPOCH,
    alarms: bool = True,
) -> bytes:
    """Give a course as calendar text; see `write_ics`."""
    from icalendar import Calendar

    clinic = _zone(zone)
    if stamped_at.tzinfo is None:
        raise TimingError("the time stamp needs a time zone", field="stamped_at")
    calendar = Calendar()
    calendar.add("prodid", f"-//hemadose//{__version__}//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-timezone", clinic.key)
    for number, event in enumerate(course.events):
        entry = _entry(course, event, number, clinic, pseudonym, stamped_at)
        for before in _ALARMS.get(event.kind, ()) if alarms else ():
            entry.add_component(_alarm(event, before, pseudonym))
        calendar.add_component(entry)
    for number, warning in enumerate(course.warnings):
        if warning.severity is Severity.STOP:
            calendar.add_component(_stop(course, warning, number, pseudonym, stamped_at))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def write_course_csv(course: Course, path: Path) -> None:
    """Write the events of a course as a CSV table, one row per event."""
    write_text_atomic(path, csv_text(course_rows(course)))


def course_rows(course: Course) -> list[dict[str, Any]]:
    """Rows of the table of events: day, date, weekday, lane, title, amount, basis, source."""
    return [
        {
            "day": event.day,
            "date": course.date_of(event.day).isoformat(),
            "weekday": course.date_of(event.day).strftime("%a"),
            "time": "" if event.at is None else event.at.strftime("%H:%M"),
            "lane": event.lane.value,
            "kind": event.kind,
            "title": event.title,
            "amount": "" if event.amount is None else f"{event.amount:.6g}",
            "unit": event.unit or "",
            "duration_h": "" if event.duration_h is None else f"{event.duration_h:g}",
            "basis": event.basis,
            "source": event.source,
        }
        for event in course.events
    ]


def _zone(zone: ZoneInfo | str) -> ZoneInfo:
    try:
        return ZoneInfo(zone) if isinstance(zone, str) else zone
    except (ZoneInfoNotFoundError, ValueError) as problem:
        raise TimingError(
            "unknown time zone", field="zone", value=str(zone), expected="e.g. Europe/Berlin"
        ) from problem


def _entry(
    course: Course,
    event: CourseEvent,
    number: int,
    zone: ZoneInfo,
    pseudonym: str | None,
    stamped_at: datetime,
) -> Any:
    entry = _new_entry(course, f"{number}:{event.day}:{event.title}", pseudonym, stamped_at)
    begin, end = _span(course, event, zone)
    entry.add("dtstart", begin)
    entry.add("dtend", end)
    entry.add("summary", _headline(event, pseudonym))
    lines = [f"Day {event.day:+d}", event.basis, f"Source: {event.source}" if event.source else ""]
    entry.add("description", "\n".join([*(line for line in lines if line), RESEARCH_USE]))
    entry.add("categories", [event.lane.value, event.kind])
    entry.add("transp", "OPAQUE" if event.at is not None else "TRANSPARENT")
    return entry


def _alarm(event: CourseEvent, before: timedelta, pseudonym: str | None) -> Any:
    from icalendar import Alarm

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", _headline(event, pseudonym))
    if event.at is None:
        # a whole day starts at midnight: remind at 9:00 of an earlier day
        before = timedelta(days=max(1, before.days)) - timedelta(hours=9)
    alarm.add("trigger", -before)
    return alarm


def elapsed_h(course: Course, first: CourseEvent, last: CourseEvent, *, zone: ZoneInfo | str) -> float:
    """Hours that pass between the starts of two events, also over a change of the clocks.

    Parameters
    ----------
    course : Course
        The calendar.
    first, last : CourseEvent
        Both with a time of day.
    zone : ZoneInfo or str
        Time zone of the clinic.

    Raises
    ------
    TimingError
        If one has no time, or the time does not exist.
    """
    clinic = _zone(zone)
    moments = []
    for event in (first, last):
        begin, _ = _span(course, event, clinic)
        if not isinstance(begin, datetime):
            raise TimingError("an event without a time of day has no interval in hours", field="at", value=event.title)
        moments.append(begin.astimezone(UTC))
    return elapsed_s(moments[0], moments[1]) / 3600.0


def clock_change(course: Course, *, zone: ZoneInfo | str) -> tuple[date, float] | None:
    """Day on which the clocks change between endoradiotherapy and graft, and the hours that day is longer.

    Parameters
    ----------
    course : Course
        The calendar.
    zone : ZoneInfo or str
        Time zone of the clinic.

    Returns
    -------
    tuple of (date, float) or None
        +1 h in autumn, -1 h in spring; None where the clocks do not change.
    """
    clinic = _zone(zone)
    first = min(event.day for event in course.events if event.kind == "ert")
    for day in range(first, 0):
        on = course.date_of(day)
        noon, next_noon = (datetime.combine(d, time(12), tzinfo=clinic) for d in (on, on + _DAY))
        longer = elapsed_s(noon.astimezone(UTC), next_noon.astimezone(UTC)) / 3600.0 - 24.0
        if longer:
            return on + _DAY, longer
    return None


def _stop(course: Course, warning: CourseWarning, number: int, pseudonym: str | None, stamped_at: datetime) -> Any:
    first = course.date_of(min(event.day for event in course.events if event.kind == "ert"))
    entry = _new_entry(course, f"stop:{number}:{warning.code}", pseudonym, stamped_at)
    entry.add("dtstart", first)
    entry.add("dtend", first + timedelta(days=1))
    entry.add("summary", _prefixed(f"STOP {warning.code}", pseudonym))
    entry.add("description", "\n".join((warning.text, f"Source: {warning.source}", RESEARCH_USE)))
    entry.add("categories", ["STOP"])
    entry.add("priority", 1)
    return entry


def _new_entry(course: Course, key: str, pseudonym: str | None, stamped_at: datetime) -> Any:
    from icalendar import Event

    entry = Event()
    # two patients of one regimen and day 0 must not overwrite each other in a calendar
    whose = pseudonym or "/".join(f"{event.amount}" for event in course.events)
    identity = f"{whose}:{course.regimen}:{course.donor}:{course.day_zero_on.isoformat()}:{key}"
    entry.add("uid", f"{digest_bytes(identity.encode())[:32]}@hemadose")
    entry.add("dtstamp", stamped_at)
    return entry


def _headline(event: CourseEvent, pseudonym: str | None) -> str:
    amount = "" if event.amount is None else f" {event.amount:.4g} {event.unit}"
    return _prefixed(f"{event.lane.value} d{event.day:+d} {event.title}{amount}", pseudonym)


def _prefixed(text: str, pseudonym: str | None) -> str:
    return text if pseudonym is None else f"[{pseudonym}] {text}"


def _span(course: Course, event: CourseEvent, zone: ZoneInfo) -> tuple[date | datetime, date | datetime]:
    """Begin and end: whole days without a time, elapsed hours with one."""
    on = course.date_of(event.day)
    hours = event.duration_h
    if event.at is None:
        days = 1 if hours is None else max(1, round(hours / 24.0))
        return on, on + timedelta(days=days)
    begin = datetime.combine(on, event.at, tzinfo=zone)
    if begin.astimezone(UTC).astimezone(zone).replace(fold=0) != begin.replace(fold=0):
        raise TimingError(
            f"{event.title}: the clocks leave this time out",
            field="at",
            value=f"{on.isoformat()} {event.at:%H:%M} {zone.key}",
            remedy="choose a time after the change to daylight saving",
        )
    length = timedelta(minutes=SHORT_EVENT_MIN) if hours is None else timedelta(hours=hours)
    return begin, (begin.astimezone(UTC) + length).astimezone(zone)
