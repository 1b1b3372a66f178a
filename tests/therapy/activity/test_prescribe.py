"""Prescription and transplant timing against Braitsch 2025 and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Limit, LimitKind
from hemadose.refdata.nuclides import nuclide
from hemadose.therapy.activity.prescribe import doses_from_coefficients, prescribe
from hemadose.therapy.timing.residual import (
    activity_for_interval_bq,
    convert_half_life_s,
    earliest_infusion_s,
    mono_exponential_residual,
    residual_dose_gy,
    timing_curve,
)
from hemadose.units import DAY_S, GBQ, HOUR_S

KIDNEYS = Limit(name="kidneys", kind=LimitKind.TOTAL_DOSE, target="kidneys", value=23.0)
MARROW = Limit(name="red_marrow_residual", kind=LimitKind.RESIDUAL_DOSE, target="red_marrow", value=1.0)
CAP = Limit(name="cap", kind=LimitKind.ACTIVITY, target="", value=12.2 * GBQ)


def study(kidneys=1.59, marrow=0.42, half_life_h=92.0, sd=0.0):
    residual = mono_exponential_residual(
        gy_per_bq=marrow / GBQ, effective_half_life_s=half_life_h * HOUR_S, relative_sd=sd
    )
    return doses_from_coefficients({"kidneys": kidneys / GBQ}, residual=residual, relative_sd=sd)


@pytest.mark.parametrize(
    ("coefficient", "largest", "given_gbq", "dose"),
    [
        (1.59, 14.47, 12.0, 19.08),
        (1.44, 15.97, 14.4, 20.74),
        (1.73, 13.29, 13.0, 22.49),
        (1.18, 19.49, 11.4, 13.45),
        (0.73, 31.51, 12.2, 8.91),
        (1.30, 17.69, 16.1, 20.93),
        (2.97, 7.74, 7.6, 22.57),
    ],
)
def test_seed1_braitsch_table_2(coefficient, largest, given_gbq, dose):
    """SEED1: Braitsch 2025 Table 2, 23 Gy to the kidneys (0.1 %)."""
    result = prescribe(study(kidneys=coefficient), limits=[KIDNEYS], chosen_activity_bq=given_gbq * GBQ)
    assert result.outcomes[0].max_activity_bq / GBQ == pytest.approx(largest, rel=1e-3)
    assert result.outcomes[0].value_at_activity == pytest.approx(dose, rel=1e-3)
    assert not result.violations


def test_d0a_patient_2_residual_marrow():
    """D0a: 0.57 Gy/GBq x 14.4 GBq, 14 d, T 92 h (0.1 %)."""
    residual = mono_exponential_residual(gy_per_bq=0.57 / GBQ, effective_half_life_s=92 * HOUR_S)
    activity, at = 14.4 * GBQ, 14 * DAY_S
    assert residual_dose_gy(residual, activity_bq=activity, from_s=0) == pytest.approx(8.208, rel=1e-3)
    assert residual_dose_gy(residual, activity_bq=activity, from_s=at) == pytest.approx(0.6528, rel=1e-3)
    assert activity * residual.rate_gy_per_bq_s(at_s=at) * HOUR_S * 1e3 == pytest.approx(4.919, rel=1e-3)
    earliest = earliest_infusion_s(residual, activity_bq=activity, limit_gy=1.0)
    assert earliest / DAY_S == pytest.approx(11.64, rel=1e-3)
    slow = mono_exponential_residual(gy_per_bq=0.57 / GBQ, effective_half_life_s=110.6 * HOUR_S)
    assert residual_dose_gy(slow, activity_bq=activity, from_s=at) == pytest.approx(1.0, rel=2e-3)


@pytest.mark.parametrize(("half_life_h", "mgy"), [(50.0, 51.9), (64.1, 134.3)])
def test_d0c_zevalin_residual(half_life_h, mgy):
    """D0c: 56 MBq/kg x 70 kg, 1.0 Gy/GBq, day 13: border of the 50 mGy criterion (ASH 2008), 0.5 %."""
    residual = mono_exponential_residual(gy_per_bq=1.0 / GBQ, effective_half_life_s=half_life_h * HOUR_S)
    activity = 56e6 * 70
    assert residual_dose_gy(residual, activity_bq=activity, from_s=0) == pytest.approx(3.92, rel=5e-3)
    left = residual_dose_gy(residual, activity_bq=activity, from_s=13 * DAY_S)
    assert left * 1e3 == pytest.approx(mgy, rel=5e-3)
    assert left > 0.050


def test_px1_yttrium_half_life():
    """PX1: kidney 41 h with 177Lu is 29.65 h with 90Y; biological 55.18 h."""
    lu, y = nuclide("Lu-177"), nuclide("Y-90")
    assert lu.biological_half_life_s(effective_half_life_s=41 * HOUR_S) / HOUR_S == pytest.approx(55.18, rel=1e-3)
    assert convert_half_life_s(41 * HOUR_S, measured=lu, wanted=y) / HOUR_S == pytest.approx(29.65, rel=1e-3)


@pytest.mark.parametrize(("coefficient", "gbq"), [(0.91, 25.27), (3.75, 6.13)])
def test_px4_published_medians(coefficient, gbq):
    """PX4: 23 Gy after 25.27 GBq 177Lu or 6.13 GBq 90Y (papers: 20-30 and 5-8)."""
    result = prescribe(study(kidneys=coefficient), limits=[KIDNEYS], rounding_bq=0.01 * GBQ)
    assert result.activity_bq / GBQ == pytest.approx(gbq, abs=0.011)


def test_active_limit_is_named_and_the_rest_judged():
    result = prescribe(study(), limits=[KIDNEYS, MARROW], interval_to_infusion_s=14 * DAY_S)
    assert result.active_limit == "kidneys"
    assert result.activity_bq / GBQ == pytest.approx(14.4)
    assert [o.active for o in result.outcomes] == [True, False]
    tight = prescribe(study(marrow=1.2), limits=[KIDNEYS, MARROW], interval_to_infusion_s=14 * DAY_S)
    assert tight.active_limit == "red_marrow_residual"


def test_cap_can_be_active():
    """Patient 5 of Braitsch 2025 was limited by neither stated dose rule."""
    result = prescribe(
        study(kidneys=0.73, marrow=0.11), limits=[KIDNEYS, MARROW, CAP], interval_to_infusion_s=14 * DAY_S
    )
    assert result.active_limit == "cap"
    assert result.activity_bq / GBQ == pytest.approx(12.2)


def test_residual_not_total_marrow_dose_is_limited():
    result = prescribe(study(), limits=[KIDNEYS, MARROW], interval_to_infusion_s=14 * DAY_S)
    marrow = result.outcomes[1]
    assert marrow.value_at_activity < 1.0 < 14.4 * 0.42
    assert any("only the latter is limited" in n for n in result.notes)


def test_chosen_activity_over_a_limit_is_a_violation_not_an_error():
    result = prescribe(study(), limits=[KIDNEYS], chosen_activity_bq=20 * GBQ)
    assert [o.limit.name for o in result.violations] == ["kidneys"]
    assert not prescribe(study(), limits=[KIDNEYS], chosen_activity_bq=10 * GBQ).violations


def test_probability_follows_the_uncertainty():
    at_limit = prescribe(study(sd=0.15), limits=[KIDNEYS], rounding_bq=0.001 * GBQ)
    assert at_limit.outcomes[0].probability_exceeding == pytest.approx(0.5, abs=0.05)
    safe = prescribe(study(sd=0.15), limits=[KIDNEYS], max_probability_exceeding=0.05, rounding_bq=0.001 * GBQ)
    assert safe.outcomes[0].probability_exceeding == pytest.approx(0.05, abs=0.01)
    assert safe.activity_bq < at_limit.activity_bq
    assert prescribe(study(), limits=[KIDNEYS]).outcomes[0].probability_exceeding is None


def test_missing_interval_and_missing_limits_are_refused():
    with pytest.raises(PlanningError, match="stem-cell infusion"):
        prescribe(study(), limits=[MARROW])
    with pytest.raises(PlanningError, match="at least one limit"):
        prescribe(study(), limits=[])
    with pytest.raises(PlanningError, match="no activity"):
        prescribe(study(kidneys=5000.0), limits=[KIDNEYS])


def test_negative_interval_is_refused():
    residual = mono_exponential_residual(gy_per_bq=1e-9, effective_half_life_s=HOUR_S)
    with pytest.raises(QuantityError, match="cannot precede"):
        activity_for_interval_bq(residual, interval_s=-1.0, limit_gy=1.0)


@given(
    kidneys=st.floats(0.2, 5.0),
    marrow=st.floats(0.01, 2.0),
    half_life=st.floats(20, 150),
    days=st.floats(2, 30),
)
def test_dose_at_the_largest_activity_is_the_limit(kidneys, marrow, half_life, days):
    doses = study(kidneys, marrow, half_life)
    result = prescribe(doses, limits=[KIDNEYS, MARROW], interval_to_infusion_s=days * DAY_S, chosen_activity_bq=GBQ)
    for outcome in result.outcomes:
        scale = outcome.max_activity_bq / GBQ
        assert scale * outcome.value_at_activity == pytest.approx(outcome.limit.value, rel=1e-9)


@given(marrow=st.floats(0.05, 2.0), half_life=st.floats(20, 150))
def test_earliest_day_is_where_the_residual_meets_the_limit(marrow, half_life):
    residual = mono_exponential_residual(gy_per_bq=marrow / GBQ, effective_half_life_s=half_life * HOUR_S)
    earliest = earliest_infusion_s(residual, activity_bq=12 * GBQ, limit_gy=1.0)
    left = residual_dose_gy(residual, activity_bq=12 * GBQ, from_s=earliest)
    assert left == pytest.approx(1.0, rel=1e-4) or (earliest == 0.0 and left <= 1.0)


def test_timing_curve_falls_and_permits_more_later():
    curve = timing_curve(study(sd=0.2).marrow_residual, activity_bq=14 * GBQ, limit_gy=1.0)
    assert (np.diff(curve.residual_gy) < 0).all()
    assert (np.diff(curve.permitted_activity_bq) > 0).all()
    assert (curve.residual_low_gy <= curve.residual_high_gy).all()
