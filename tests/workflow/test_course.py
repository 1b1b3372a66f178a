"""A whole calendar over changes of the clocks, and inputs that stand for values."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from hemadose.errors import HemadoseError, QuantityError
from hemadose.io.calendar import elapsed_h, ics_bytes
from hemadose.model import Severity
from hemadose.workflow.course import make_schedule
from hemadose.workflow.course_inputs import CourseInputs, plan_inputs

ZONE = "Europe/Berlin"


def inputs(**changes: Any) -> CourseInputs:
    values: dict[str, Any] = {
        "regimen": "cxcr4-tbi-haplo",
        "donor": "HID",
        "day_zero": "2025-04-07",
        "height_cm": 178.0,
        "weight_kg": 75.0,
        "sex": "male",
        "tbi_gy": 8.0,
        "graft_confirmed": True,
        "cyclophosphamide_weight": "actual",
        "age_years": 46.0,
        "creatinine_mg_per_dl": 0.8,
        "agent": "177Lu-pentixather",
        "activity_gbq": 12.4,
        "zone": ZONE,
    }
    return CourseInputs(**{**values, **changes})


@settings(max_examples=25, deadline=None)
@given(
    day_zero=st.dates(date(2024, 3, 25), date(2030, 12, 31))
    | st.builds(date, st.integers(2024, 2030), st.sampled_from([4, 11]), st.integers(1, 14))
)
def test_intervals_in_hours_and_clock_times_on_any_day_of_the_year(day_zero: date) -> None:
    course = plan_inputs(inputs(day_zero=day_zero.isoformat())).course
    therapy = next(e for e in course.events if e.kind == "ert")
    for title, hours in (("Imaging 1 h", 1), ("Imaging 24 h", 24), ("Imaging 48 h", 48), ("Imaging 7 d", 168)):
        image = next(e for e in course.events if e.title == title)
        assert elapsed_h(course, therapy, image, zone=ZONE) == hours
    transfer = next(e for e in course.events if e.title.startswith("Transfer"))
    assert elapsed_h(course, therapy, transfer, zone=ZONE) == 48
    written = Calendar.from_ical(ics_bytes(course, zone=ZONE)).walk("VEVENT")
    for event, entry in zip(course.events, written, strict=False):
        begin = entry.decoded("dtstart")
        if event.at is None:
            assert begin == course.date_of(event.day)
        else:
            assert (begin.date(), begin.time()) == (course.date_of(event.day), event.at)
            if event.duration_h is not None:
                length = entry.decoded("dtend").astimezone(UTC) - begin.astimezone(UTC)
                assert length == timedelta(hours=event.duration_h)


ODD = st.sampled_from([float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e300])


@settings(max_examples=120, deadline=None)
@given(
    height=st.floats(140, 210) | st.floats(0, 300) | ODD,
    weight=st.floats(40, 150) | st.floats(0, 400) | ODD,
    creatinine=st.floats(0.3, 5) | st.floats(0, 200) | ODD,
    age=st.floats(18, 80) | ODD,
)
def test_any_numbers_give_a_calendar_or_a_clear_refusal(
    height: float, weight: float, creatinine: float, age: float
) -> None:
    asked = inputs(height_cm=height, weight_kg=weight, creatinine_mg_per_dl=creatinine, age_years=age)
    if 50 <= height <= 250 and 3 <= weight <= 350 and 0.1 <= creatinine <= 15 and 18 <= age <= 100:
        index = weight / (height / 100) ** 2
        if 10 <= index <= 80:
            clearance = (140 - age) * weight / (72 * creatinine)  # Cockcroft and Gault; women 0.85 of it
            if 0.85 * clearance >= 1000:  # cannot belong together, such as 222 kg and 0.375 mg/dl
                with pytest.raises(QuantityError, match="clearance"):
                    plan_inputs(asked)
            if clearance >= 1000:
                return
            doses = plan_inputs(asked).doses
            assert all(dose.per_day_mg is None or dose.per_day_mg > 0 for dose in doses)
            return
    with pytest.raises(QuantityError) as refused:
        plan_inputs(asked)
    assert refused.value.field
    assert refused.value.value


@settings(max_examples=40, deadline=None)
@given(donor=st.text(max_size=6), regimen=st.text(max_size=12))
def test_any_words_are_refused_unless_known(donor: str, regimen: str) -> None:
    with pytest.raises(HemadoseError):
        plan_inputs(inputs(donor=donor, regimen=regimen))


def test_stops_are_counted_until_they_are_overridden() -> None:
    assert make_schedule(inputs(graft_confirmed=False))["stops"] == 1
    assert make_schedule(inputs())["stops"] == 0
    early = inputs(immunosuppression_start_day=3)
    assert make_schedule(early)["stops"] == 1
    told = inputs(immunosuppression_start_day=3, override=("CNI-BEFORE-PTCY=study 12",))
    assert make_schedule(told)["stops"] == 0


def test_warnings_stay_in_order_of_gravity() -> None:
    course = plan_inputs(inputs(agent="177Lu-pentixafor", graft_confirmed=False)).course
    order = list(reversed(Severity))
    ranks = [order.index(w.severity) for w in course.warnings]
    assert ranks == sorted(ranks)
    assert "AGENT-NAME" in {w.code for w in course.warnings}
    assert {"[177Lu]Lu-pentixather"} == {e.title for e in course.events if e.kind == "ert"}
