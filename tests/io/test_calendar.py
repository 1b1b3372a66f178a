"""Calendar files: zones, daylight saving, identifiers, the same bytes twice."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from hemadose.errors import TimingError
from hemadose.io.calendar import clock_change, elapsed_h, ics_bytes, write_course_csv, write_ics
from hemadose.model import Course, CourseEvent, CourseWarning, Donor, Lane, Severity

ZONE = "Europe/Berlin"
SPRING = date(2025, 3, 30)  # clocks go forward at 02:00


def course(day_zero_on: date = SPRING, *, warnings: tuple[CourseWarning, ...] = ()) -> Course:
    events = (
        CourseEvent(day=-14, lane=Lane.NUCLEAR_MEDICINE, kind="ert", title="Therapy", amount=12.4, unit="GBq", at=time(10)),
        CourseEvent(day=-1, lane=Lane.NUCLEAR_MEDICINE, kind="ward", title="Ward", at=time(10), duration_h=48.0),
        CourseEvent(day=0, lane=Lane.TRANSPLANTATION, kind="graft", title="Stem cells", source="Braitsch 2025"),
        CourseEvent(day=1, lane=Lane.TRANSPLANTATION, kind="monitoring", title="Blood, urine; weight", at=time(8)),
        CourseEvent(day=5, lane=Lane.TRANSPLANTATION, kind="immunosuppression", title="MMF", duration_h=24.0 * 31),
    )  # fmt: skip
    return Course(regimen="r", donor=Donor.HAPLOIDENTICAL, day_zero_on=day_zero_on, events=events, warnings=warnings)


def entries(made: Course, **options: Any) -> list[Any]:
    return Calendar.from_ical(ics_bytes(made, zone=ZONE, **options)).walk("VEVENT")


def test_clock_time_survives_daylight_saving() -> None:
    therapy, _, _, blood, _ = entries(course())
    assert therapy.decoded("dtstart").astimezone(UTC) == datetime(2025, 3, 16, 9, tzinfo=UTC)  # CET
    assert blood.decoded("dtstart").astimezone(UTC) == datetime(2025, 3, 31, 6, tzinfo=UTC)  # CEST
    assert blood.decoded("dtstart").hour == 8


def test_48_h_are_elapsed_hours_across_the_change() -> None:
    ward = entries(course())[1]
    begin, end = ward.decoded("dtstart"), ward.decoded("dtend")
    assert end.astimezone(UTC) - begin.astimezone(UTC) == timedelta(hours=48)
    assert (begin.hour, end.hour) == (10, 11)


def test_whole_days() -> None:
    graft, mmf = entries(course())[2], entries(course())[4]
    assert graft.decoded("dtstart") == SPRING
    assert graft.decoded("dtend") == SPRING + timedelta(days=1)
    assert mmf.decoded("dtend") - mmf.decoded("dtstart") == timedelta(days=31)


def test_the_zone_is_part_of_the_file() -> None:
    text = ics_bytes(course(), zone=ZONE).decode()
    assert "BEGIN:VTIMEZONE" in text
    assert "DTSTART;TZID=Europe/Berlin:20250316T100000" in text


def test_identifiers_only_when_asked() -> None:
    assert b"PAT-7" not in ics_bytes(course(), zone=ZONE)
    assert all("[PAT-7]" in str(e["summary"]) for e in entries(course(), pseudonym="PAT-7"))


def test_same_course_same_bytes_and_unique_ids() -> None:
    assert ics_bytes(course(), zone=ZONE) == ics_bytes(course(), zone=ZONE)
    uids = [str(e["uid"]) for e in entries(course())]
    assert len(set(uids)) == len(uids)
    stamped = ics_bytes(course(), zone=ZONE, stamped_at=datetime(2025, 1, 2, 3, tzinfo=UTC))
    assert b"DTSTAMP:20250102T030000Z" in stamped


def test_a_stop_stands_on_the_day_of_therapy() -> None:
    stop = CourseWarning(code="GRAFT-UNCONFIRMED", severity=Severity.STOP, text="no graft", source="x")
    hint = CourseWarning(code="TLS", severity=Severity.CAUTION, text="watch", source="x")
    found = entries(course(warnings=(stop, hint)))
    assert len(found) == 6
    assert "STOP GRAFT-UNCONFIRMED" in str(found[-1]["summary"])
    assert found[-1].decoded("dtstart") == SPRING - timedelta(days=14)


def test_bad_zone_or_stamp() -> None:
    with pytest.raises(TimingError, match="unknown time zone"):
        ics_bytes(course(), zone="Europe/Munich")
    with pytest.raises(TimingError, match="time zone"):
        ics_bytes(course(), zone=ZONE, stamped_at=datetime(2025, 1, 1))  # noqa: DTZ001


def test_files(tmp_path: Path) -> None:
    write_ics(course(), tmp_path / "plan.ics", zone=ZONE)
    write_course_csv(course(), tmp_path / "plan.csv")
    assert (tmp_path / "plan.ics").read_bytes() == ics_bytes(course(), zone=ZONE)
    with (tmp_path / "plan.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["day"] for row in rows] == ["-14", "-1", "0", "1", "5"]
    assert (rows[0]["date"], rows[0]["weekday"], rows[0]["amount"], rows[0]["unit"]) == (
        "2025-03-16",
        "Sun",
        "12.4",
        "GBq",
    )
    assert rows[3]["title"] == "Blood, urine; weight"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plan.csv", "plan.ics"]


@settings(max_examples=30, deadline=None)
@given(day_zero_on=st.dates(date(2020, 1, 1), date(2035, 12, 31)))
def test_every_day_of_the_year_reads_back(day_zero_on: date) -> None:
    therapy = entries(course(day_zero_on))[0]
    begin = therapy.decoded("dtstart")
    assert begin.date() == day_zero_on - timedelta(days=14)
    assert begin.hour == 10


# --- alarms, and hours over a change of the clocks ---------------------------------------------------


def alarms(entry: Any) -> list[timedelta]:
    return [a.decoded("trigger") for a in entry.walk("VALARM")]


def test_alarms_before_what_must_not_be_missed() -> None:
    therapy, ward, graft, blood, mmf = entries(course())
    assert alarms(therapy) == [timedelta(days=-7), timedelta(days=-1)]
    assert alarms(ward) == []
    assert alarms(blood) == [timedelta(minutes=-15)]
    # whole days begin at midnight: 9:00 of the day before, and of the week before
    assert alarms(graft) == [-timedelta(days=7) + timedelta(hours=9), -timedelta(hours=15)]
    assert alarms(mmf) == [-timedelta(hours=15)]
    for alarm in therapy.walk("VALARM"):
        assert str(alarm["action"]) == "DISPLAY"
        assert "Therapy" in str(alarm["description"])
    assert all(alarms(e) == [] for e in entries(course(), alarms=False))


def test_two_patients_of_one_day_do_not_overwrite_each_other() -> None:
    other = course()
    heavier = Course(
        regimen=other.regimen, donor=other.donor, day_zero_on=other.day_zero_on,
        events=(replace(other.events[0], amount=9.9), *other.events[1:]),
    )  # fmt: skip
    assert {str(e["uid"]) for e in entries(other)}.isdisjoint(str(e["uid"]) for e in entries(heavier))
    one, two = (entries(other, pseudonym=name) for name in ("A", "B"))
    assert {str(e["uid"]) for e in one}.isdisjoint(str(e["uid"]) for e in two)


@pytest.mark.parametrize(
    ("day_zero", "hours", "changed"),
    [
        (date(2025, 4, 7), 15 * 24 - 2 - 1, (date(2025, 3, 30), -1.0)),  # March: a day of 23 h
        (date(2025, 11, 3), 15 * 24 - 2 + 1, (date(2025, 10, 26), 1.0)),  # October: a day of 25 h
        (date(2025, 6, 2), 15 * 24 - 2, None),
    ],
)
def test_elapsed_hours(day_zero: date, hours: float, changed: tuple[date, float] | None) -> None:
    # from day -14 10:00 to day +1 08:00
    made = course(day_zero)
    assert elapsed_h(made, made.events[0], made.events[3], zone=ZONE) == hours
    assert clock_change(made, zone=ZONE) == changed
    with pytest.raises(TimingError, match="without a time"):
        elapsed_h(made, made.events[0], made.events[2], zone=ZONE)


def test_a_time_that_the_clocks_leave_out_is_refused() -> None:
    # 30 March 2025, Europe/Berlin: 02:30 does not exist
    made = course()
    missing = replace(made.events[0], day=0, at=time(2, 30))
    with pytest.raises(TimingError, match="leave this time out"):
        ics_bytes(replace(made, events=(missing,)), zone=ZONE)
    assert ics_bytes(replace(made, events=(replace(missing, at=time(3, 30)),)), zone=ZONE)
    # 26 October 2025: 02:30 exists twice and is taken
    twice = replace(made, day_zero_on=date(2025, 10, 26), events=(missing,))
    assert ics_bytes(twice, zone=ZONE)


@settings(max_examples=60, deadline=None)
@given(day_zero_on=st.dates(date(2024, 1, 1), date(2030, 12, 31)))
def test_clock_changes_are_those_of_the_law(day_zero_on: date) -> None:
    # EU: last Sundays of March and October
    made = course(day_zero_on)
    start = day_zero_on - timedelta(days=14)
    sundays = [
        d
        for n in range(1, 15)
        if (d := start + timedelta(days=n)).weekday() == 6 and d.month in (3, 10) and d.day >= 25
    ]
    found = clock_change(made, zone=ZONE)
    assert (found is None) is (not sundays)
    if found is not None:
        assert found == (sundays[0], -1.0 if sundays[0].month == 3 else 1.0)
