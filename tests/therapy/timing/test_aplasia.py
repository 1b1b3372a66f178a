"""Aplasia interval by dose: closed form, fractions, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose.radiobiology import DoseRate, Fractions
from hemadose.errors import PlanningError, QuantityError
from hemadose.therapy.timing.aplasia import aplasia_interval
from hemadose.units import DAY_S


def agent(dose=8.0, days=4.0, start=-14.0):
    return DoseRate.from_dose("agent", start_s=start * DAY_S, dose_gy=dose, half_lives_s=(days * DAY_S,))


def tbi(first=-9.0, fractions=4):
    times = (first + np.arange(fractions) / 2) * DAY_S
    return Fractions(name="TBI", times_s=times, doses_gy=np.full(fractions, 2.0))


def test_one_agent_is_the_closed_form():
    """D (1 - 2^(-t/T)) = L at t = -T log2(1 - L/D)."""
    found = aplasia_interval([agent()], level_gy=6.0)
    assert found.reached_s / DAY_S == pytest.approx(-14.0 + 8.0, abs=1e-4)
    assert found.interval_s / DAY_S == pytest.approx(6.0, abs=1e-4)
    assert found.dose_at_graft_gy == pytest.approx(8.0 * (1 - 2 ** (-14 / 4)))


def test_a_fraction_carries_the_dose_over_the_level_at_its_own_time():
    # day -9: 8 (1 - 2^(-5/4)) = 4.64 Gy of the agent, with one fraction 6.64 Gy
    alone = aplasia_interval([agent()], level_gy=6.5)
    both = aplasia_interval([agent(), tbi()], level_gy=6.5)
    assert both.reached_s / DAY_S == pytest.approx(-9.0, abs=1e-4)
    assert alone.reached_s > both.reached_s


def test_a_level_that_is_never_reached_gives_no_interval():
    found = aplasia_interval([agent()], level_gy=7.9, engraftment_s=12 * DAY_S)
    assert found.reached_s is None
    assert found.interval_s is None
    assert found.until_engraftment_s is None


def test_engraftment_ends_a_longer_interval():
    found = aplasia_interval([agent()], level_gy=6.0, engraftment_s=12 * DAY_S)
    assert found.until_engraftment_s / DAY_S == pytest.approx(18.0, abs=1e-4)


@pytest.mark.parametrize(
    ("components", "more", "error", "match"),
    [
        ([], {}, QuantityError, "nothing irradiates"),
        ([agent()], {"level_gy": 0.0}, QuantityError, "positive"),
        ([agent(start=1.0)], {}, PlanningError, "after the graft"),
        ([agent()], {"engraftment_s": -DAY_S}, PlanningError, "precedes the graft"),
    ],
)
def test_refusals(components, more, error, match):
    with pytest.raises(error, match=match):
        aplasia_interval(components, **({"level_gy": 4.0} | more))
