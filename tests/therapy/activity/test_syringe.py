"""The syringe: decay forth and back, residual, volume, and the clock change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError, TimingError
from hemadose.refdata.nuclides import nuclide
from hemadose.therapy.activity.syringe import syringe_plan
from hemadose.units import GBQ, MBQ

Y90 = nuclide("Y-90")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@given(st.floats(1e6, 1e11), st.floats(-100, 200), st.floats(0, 0.4))
def test_what_is_ordered_decays_to_what_the_patient_receives(activity, hours, residual):
    later = NOON + timedelta(hours=hours)
    plan = syringe_plan(activity, nuclide=Y90, calibrated_at=NOON, administered_at=later, residual_fraction=residual)
    elapsed = (later - NOON).total_seconds()
    given_activity = plan.at_calibration_bq * 2.0 ** (-elapsed / Y90.half_life_s) * (1.0 - residual)
    assert given_activity == pytest.approx(activity)


def test_one_half_life_doubles_the_order():
    plan = syringe_plan(GBQ, nuclide=Y90, calibrated_at=NOON, administered_at=NOON + timedelta(seconds=Y90.half_life_s))
    assert plan.at_calibration_bq == pytest.approx(2 * GBQ)
    assert plan.volume_ml is None


def test_the_clock_change_is_not_a_day_of_24_hours():
    """Noon to noon over 29 March 2026 in Berlin is 23 h."""
    berlin = ZoneInfo("Europe/Berlin")
    plan = syringe_plan(
        GBQ,
        nuclide=Y90,
        calibrated_at=datetime(2026, 3, 28, 12, tzinfo=berlin),
        administered_at=datetime(2026, 3, 29, 12, tzinfo=berlin),
    )
    assert plan.decay_factor == pytest.approx(2.0 ** (-23 / 64.1))


def test_volume_and_a_vial_that_is_too_small():
    order = {"nuclide": Y90, "calibrated_at": NOON, "administered_at": NOON, "concentration_bq_per_ml": 200 * MBQ}
    assert syringe_plan(GBQ, **order).volume_ml == pytest.approx(5.0)
    assert syringe_plan(GBQ, **order, residual_fraction=0.2).volume_ml == pytest.approx(6.25)
    with pytest.raises(PlanningError, match="does not hold enough"):
        syringe_plan(GBQ, **order, vial_volume_ml=4.9)


def test_bad_input():
    with pytest.raises(TimingError):
        syringe_plan(GBQ, nuclide=Y90, calibrated_at=NOON.replace(tzinfo=None), administered_at=NOON)
    with pytest.raises(QuantityError, match="implausible residual"):
        syringe_plan(GBQ, nuclide=Y90, calibrated_at=NOON, administered_at=NOON, residual_fraction=0.5)
    far = syringe_plan(GBQ, nuclide=Y90, calibrated_at=NOON, administered_at=NOON + timedelta(days=30))
    assert any("check the dates" in note for note in far.notes)
    before = syringe_plan(GBQ, nuclide=Y90, calibrated_at=NOON, administered_at=NOON - timedelta(hours=5))
    assert any("after the administration" in note for note in before.notes)
