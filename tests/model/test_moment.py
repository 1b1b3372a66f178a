"""Time across changes of the clock: 29 March 2026 has 23 hours in Berlin, 25 October 2026 has 25."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hemadose.model.moment import elapsed_s

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 28, 23.0), (10, 24, 25.0), (6, 1, 24.0)])
def test_days_with_a_change_of_the_clock(month, day, hours):
    first = datetime(2026, month, day, 12, tzinfo=BERLIN)
    second = datetime(2026, month, day + 1, 12, tzinfo=BERLIN)
    assert elapsed_s(first, second) == hours * 3600.0
    assert elapsed_s(second, first) == -hours * 3600.0
    assert elapsed_s(first, second.astimezone(UTC)) == hours * 3600.0


def test_an_administration_counts_real_hours():
    from hemadose.model import Administration
    from hemadose.refdata.nuclides import nuclide

    injected = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    given = Administration(
        agent="lu177-pentixather", nuclide=nuclide("Lu-177"), measured_activity_bq=2e8, measured_at=injected,
        administered_at=injected, residual_activity_bq=0.0, residual_measured_at=injected,
    )  # fmt: skip
    assert given.time_since_s(datetime(2026, 3, 29, 12, tzinfo=BERLIN)) == 23.0 * 3600.0
