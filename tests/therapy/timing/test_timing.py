"""Residual marrow dose against the day: closed forms, other nuclides, bad input."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import ResidualDose
from hemadose.physics.svalues import MarrowModel, patient_s_values
from hemadose.refdata.nuclides import nuclide
from hemadose.therapy.timing.residual import (
    activity_for_interval_bq,
    convert_half_life_s,
    earliest_for_rate_s,
    earliest_infusion_draws_s,
    earliest_infusion_s,
    infusion_with_confidence_s,
    mono_exponential_residual,
    peak_rate_gy_per_bq_s,
    residual_dose_gy,
    timing_curve,
)
from hemadose.units import DAY_S, GBQ, HOUR_S

CASES = tomllib.loads((Path(__file__).parents[2] / "reference" / "dose.toml").read_text(encoding="utf-8"))


def mono(coefficient=0.42, half_life_h=92.0, sd=0.0):
    return mono_exponential_residual(
        gy_per_bq=coefficient / GBQ, effective_half_life_s=half_life_h * HOUR_S, relative_sd=sd
    )


def two_phases():
    rates = np.log(2) / (np.array([20.0, 110.0]) * HOUR_S)
    amplitudes = np.array([0.1, 0.4]) / GBQ * rates
    return ResidualDose(
        target="red_marrow",
        amplitudes_gy_per_bq_s=amplitudes,
        rates_per_s=rates,
        draw_amplitudes_gy_per_bq_s=np.tile(amplitudes, (4, 1)),
        draw_rates_per_s=np.tile(rates, (4, 1)),
    )


def test_px1_lutetium_to_yttrium_kidneys():
    """PX1: T 41 h becomes 29.65 h, TIAC ratio 0.7233, dose ratio 4.06; published medians 4.12 (10 %)."""
    case = CASES["PX1"]
    lu, y = nuclide("Lu-177"), nuclide("Y-90")
    tiac = convert_half_life_s(41 * HOUR_S, measured=lu, wanted=y) / (41 * HOUR_S)
    assert tiac == pytest.approx(case["tiac_ratio"], rel=1e-3)
    marrow = MarrowModel(absorbed_fraction=0.57, mass_kg=1.17, rule="test")
    s = {
        n.name: patient_s_values(nuclide=n, organ_masses_kg={"kidneys": 0.31}, body_mass_kg=73.0, marrow=marrow)
        .get(source="kidneys", target="kidneys")
        .gy_per_bq_s
        for n in (lu, y)
    }
    local = tiac * s["Y-90"] / s["Lu-177"]
    assert local * case["yttrium_absorbed_fraction"] == pytest.approx(case["dose_ratio"], rel=case["rtol"])
    assert local == pytest.approx(case["published_ratio"], rel=case["rtol_published"])


def test_conversion_refuses_a_half_life_that_is_not_biological():
    lu, y = nuclide("Lu-177"), nuclide("Y-90")
    with pytest.raises(QuantityError, match="cannot reach the physical one"):
        convert_half_life_s(lu.half_life_s, measured=lu, wanted=y)


@given(half_life=st.floats(5, 60))
def test_conversion_there_and_back(half_life):
    lu, y = nuclide("Lu-177"), nuclide("Y-90")
    there = convert_half_life_s(half_life * HOUR_S, measured=lu, wanted=y)
    assert there < half_life * HOUR_S
    assert convert_half_life_s(there, measured=y, wanted=lu) == pytest.approx(half_life * HOUR_S, rel=1e-9)


@pytest.mark.parametrize(
    ("coefficient", "given_gbq", "effective_gy", "physical_gy"),
    [(0.42, 12.0, 0.40, 1.17), (0.57, 14.4, 0.65, 1.91), (0.47, 13.0, 0.49, 1.42), (0.44, 11.4, 0.40, 1.17)],
)
def test_patients_1_to_4_keep_to_one_gray_only_by_clearance(coefficient, given_gbq, effective_gy, physical_gy):
    """Braitsch 2025, P1-P4, 14 d: with 92 h below 1 Gy, with physical decay above (values printed to 0.01)."""
    at = 14 * DAY_S
    cleared = residual_dose_gy(mono(coefficient, 92.0), activity_bq=given_gbq * GBQ, from_s=at)
    kept = residual_dose_gy(mono(coefficient, 159.528), activity_bq=given_gbq * GBQ, from_s=at)
    assert cleared == pytest.approx(effective_gy, abs=0.006)
    assert kept == pytest.approx(physical_gy, abs=0.011)
    assert cleared < 1.0 < kept


@settings(deadline=None)  # the first call loads scipy
@given(coefficient=st.floats(0.05, 2.0), half_life=st.floats(20, 150), activity=st.floats(1, 40))
def test_earliest_infusion_is_the_closed_form(coefficient, half_life, activity):
    """T log2(D / limit), or at once."""
    found = earliest_infusion_s(mono(coefficient, half_life), activity_bq=activity * GBQ, limit_gy=1.0)
    expected = max(half_life * HOUR_S * np.log2(coefficient * activity), 0.0)
    assert found == pytest.approx(expected, abs=2.0)


@pytest.mark.parametrize("days", [1.0, 7.0, 14.0, 21.0])
def test_day_and_activity_are_inverse_to_each_other(days):
    tail = two_phases()
    activity = activity_for_interval_bq(tail, interval_s=days * DAY_S, limit_gy=1.0)
    assert residual_dose_gy(tail, activity_bq=activity, from_s=days * DAY_S) == pytest.approx(1.0, rel=1e-12)
    assert earliest_infusion_s(tail, activity_bq=activity, limit_gy=1.0) == pytest.approx(days * DAY_S, abs=2.0)


def test_a_small_activity_needs_no_interval():
    assert earliest_infusion_s(mono(), activity_bq=1.0 * GBQ, limit_gy=1.0) == 0.0


@pytest.mark.parametrize(("activity", "limit"), [(0.0, 1.0), (1e9, 0.0), (-1e9, 1.0), (1e9, float("nan"))])
def test_earliest_infusion_needs_positive_numbers(activity, limit):
    with pytest.raises(QuantityError, match="positive"):
        earliest_infusion_s(mono(), activity_bq=activity, limit_gy=limit)


def test_a_marrow_that_never_decays_is_an_error():
    with pytest.raises(PlanningError, match="within a year"):
        earliest_infusion_s(mono(half_life_h=9000.0), activity_bq=14 * GBQ, limit_gy=1.0)


@pytest.mark.parametrize(("coefficient", "half_life"), [(0.0, 92.0), (-0.4, 92.0), (0.4, 0.0)])
def test_shortcut_refuses_numbers_that_are_not_positive(coefficient, half_life):
    with pytest.raises(QuantityError, match="positive"):
        mono(coefficient, half_life)


def test_curve_agrees_with_the_single_numbers():
    tail, activity = mono(sd=0.2), 14.4 * GBQ
    curve = timing_curve(tail, activity_bq=activity, limit_gy=1.0, last_day=21.0, points=22)
    assert curve.interval_s[14] == pytest.approx(14 * DAY_S)
    assert curve.residual_gy[14] == pytest.approx(residual_dose_gy(tail, activity_bq=activity, from_s=14 * DAY_S))
    permitted = activity_for_interval_bq(tail, interval_s=14 * DAY_S, limit_gy=1.0)
    assert curve.permitted_activity_bq[14] == pytest.approx(permitted)
    assert (np.diff(curve.probability_exceeding) <= 0).all()
    crossing = earliest_infusion_s(tail, activity_bq=activity, limit_gy=1.0)
    assert ((curve.residual_gy > 1.0) == (curve.interval_s < crossing)).all()


def test_d0a_rate_at_infusion():
    """D0a: 8.208 Gy with 92 h, 14 d: 4.919 mGy/h; the day for a rate is T log2(rate / limit)."""
    activity = 14.4 * GBQ
    rate = activity * peak_rate_gy_per_bq_s(mono(0.57), from_s=14 * DAY_S) * HOUR_S * 1e3
    assert rate == pytest.approx(4.919, rel=1e-3)
    day = earliest_for_rate_s(mono(0.57), activity_bq=activity, limit_gy_per_s=10e-3 / HOUR_S) / DAY_S
    start = 8.208 * np.log(2) / 92.0 * 1e3
    assert day == pytest.approx(92.0 / 24.0 * np.log2(start / 10.0), abs=1e-3)


@pytest.mark.parametrize(("half_life_h", "residual_mgy"), [(50.0, 51.9), (64.1, 134.3)])
def test_d0c_zevalin_at_56_mbq_per_kg(half_life_h, residual_mgy):
    """D0c: 56 MBq/kg, 70 kg, 1.0 Gy/GBq, day 13; the published criterion is 50 mGy (ASH 2008): both fail."""
    activity = 56e6 * 70
    left = residual_dose_gy(mono(1.0, half_life_h), activity_bq=activity, from_s=13 * DAY_S)
    assert activity / GBQ == pytest.approx(3.92)
    assert left * 1e3 == pytest.approx(residual_mgy, rel=5e-3)
    assert earliest_infusion_s(mono(1.0, half_life_h), activity_bq=activity, limit_gy=0.05) > 13 * DAY_S


def test_with_uptake_the_worst_rate_comes_after_infusion():
    rates = np.log(2) / (np.array([92.0, 12.0]) * HOUR_S)
    amplitudes = np.array([1.0, -1.0]) * 1e-15
    late = ResidualDose(
        target="red_marrow",
        amplitudes_gy_per_bq_s=amplitudes,
        rates_per_s=rates,
        draw_amplitudes_gy_per_bq_s=amplitudes[None],
        draw_rates_per_s=rates[None],
    )
    # d/dt = 0 where k1 exp(-k1 t) = k2 exp(-k2 t)
    top = np.log(rates[1] / rates[0]) / (rates[1] - rates[0])
    assert peak_rate_gy_per_bq_s(late, from_s=0.0) == pytest.approx(late.rate_gy_per_bq_s(at_s=top), rel=1e-9)
    after = 3 * top
    assert peak_rate_gy_per_bq_s(late, from_s=after) == pytest.approx(late.rate_gy_per_bq_s(at_s=after), rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(first=st.floats(5, 150), second=st.floats(5, 150), share=st.floats(0.05, 20), day=st.floats(0, 40))
def test_one_day_more_leaves_less_and_allows_more(first, second, share, day):
    from hemadose.therapy.timing.tail import exponential_residual

    curve = exponential_residual(
        gy_per_bq=0.5 / GBQ, half_lives_s=(first * HOUR_S, second * HOUR_S), shares=(1.0, share), draws=1
    )
    now, later = day * DAY_S, (day + 1.0) * DAY_S
    assert curve.gy_per_bq(from_s=later) < curve.gy_per_bq(from_s=now)
    assert peak_rate_gy_per_bq_s(curve, from_s=later) < peak_rate_gy_per_bq_s(curve, from_s=now)
    assert activity_for_interval_bq(curve, interval_s=later, limit_gy=1.0) > activity_for_interval_bq(
        curve, interval_s=now, limit_gy=1.0
    )


def test_day_with_confidence_against_the_log_normal():
    """With a known half-life t = T log2(D f / L) and log-normal f: the 95 % day is T log2(D exp(1.645 s) / L)."""
    spread = 0.3
    curve = mono_exponential_residual(
        gy_per_bq=0.57 / GBQ, effective_half_life_s=92 * HOUR_S, relative_sd=spread, draws=40_000
    )
    sigma = np.sqrt(np.log1p(spread**2))
    expected = 92 * HOUR_S * np.log2(8.208 * np.exp(1.6449 * sigma))
    found = infusion_with_confidence_s(curve, activity_bq=14.4 * GBQ, limit_gy=1.0)
    assert found == pytest.approx(expected, rel=0.01)
    median = np.median(earliest_infusion_draws_s(curve, activity_bq=14.4 * GBQ, limit_gy=1.0))
    assert median == pytest.approx(earliest_infusion_s(curve, activity_bq=14.4 * GBQ, limit_gy=1.0), rel=0.005)
    times = np.array([found])
    met = (curve.gy_per_bq_draws(from_s=times[0]) * 14.4 * GBQ <= 1.0).mean()
    assert met == pytest.approx(0.95, abs=1e-3)


def test_confidence_is_refused_where_it_cannot_be_had():
    with pytest.raises(QuantityError, match="between 0 and 1"):
        infusion_with_confidence_s(mono(sd=0.2), activity_bq=GBQ, limit_gy=1.0, confidence=1.0)
    bare = mono_exponential_residual(gy_per_bq=0.5 / GBQ, effective_half_life_s=92 * HOUR_S, draws=0)
    with pytest.raises(QuantityError, match="no draws"):
        infusion_with_confidence_s(bare, activity_bq=20 * GBQ, limit_gy=1.0)


def test_a_day_before_the_administration_is_refused():
    with pytest.raises(QuantityError, match="cannot precede"):
        activity_for_interval_bq(mono(), interval_s=-1.0, limit_gy=1.0)
    with pytest.raises(QuantityError, match="cannot be negative"):
        peak_rate_gy_per_bq_s(mono(), from_s=-1.0)
