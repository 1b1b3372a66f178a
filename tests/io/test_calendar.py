"""Calendar files: zones, daylight saving, identifiers, the same bytes twice."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from hemadose.errors import TimingError
from hemadose.io.calendar import ics_bytes, write_course_csv, write_ics
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
