"""Moments as people write them, clock changes of Berlin in 2026 included."""

from __future__ import annotations

import pytest

from hemadose.errors import TimingError
from hemadose.workflow.moments import local_moment


@pytest.mark.parametrize(
    ("text", "offset_h"), [("2026-03-28T12:00", 1), ("2026-03-29T12:00", 2), ("2026-03-29T02:30+01:00", 1)]
)
def test_a_moment_has_its_offset(text, offset_h):
    assert local_moment(text, zone="Europe/Berlin", field="t").utcoffset().total_seconds() == offset_h * 3600


@pytest.mark.parametrize(
    ("text", "zone", "message"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", "skips"),
        ("2026-10-25T02:30", "Europe/Berlin", "twice"),
        ("2026-03-28T12:00", None, "without its zone"),
        ("2026-03-28T12:00", "Mars/Olympus", "unknown time zone"),
        ("28.3.2026 12:00", "Europe/Berlin", "not a date"),
    ],
)
def test_a_moment_that_is_none_is_refused(text, zone, message):
    with pytest.raises(TimingError, match=message):
        local_moment(text, zone=zone, field="t")
