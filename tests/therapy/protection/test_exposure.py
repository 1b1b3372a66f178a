"""Dose near a patient: published rates and doses, closed forms, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError
from hemadose.refdata import nuclide
from hemadose.therapy.protection.exposure import (
    Contact,
    ContactPattern,
    Source,
    WholeBodyCurve,
    contact_dose_sv,
    first_time_s,
    relative_to_1m,
)
from hemadose.units import DAY_S, GBQ, HOUR_S

LU = nuclide("Lu-177")
USV_H = 1e-6 / HOUR_S
PER_GBQ = USV_H / GBQ


def body(hours=(30.0,), shares=(1.0,)):
    return WholeBodyCurve(nuclide=LU, fractions=shares, half_lives_s=tuple(h * HOUR_S for h in hours))


def source(curve=None, gbq=12.4, constant=3.7, **more):
    return Source(body=curve or body(), activity_bq=gbq * GBQ, sv_per_s_bq_at_1m=constant * PER_GBQ, **more)


def test_rp3_rate_and_time():
    """RP3: 12.4 GBq, 3.7 uSv/h per GBq at 1 m, 30 h: 11.47 uSv/h at 2 m; 3.5 uSv/h after 51.4 h."""
    patient = source()
    assert float(patient.rate_sv_per_s(0.0, distance_m=2.0)) / USV_H == pytest.approx(11.47, rel=2e-3)
    assert patient.time_to_rate_s(3.5 * USV_H, distance_m=2.0) / HOUR_S == pytest.approx(51.4, rel=2e-3)


def test_kurth_2018_dose_after_discharge():
    """50 patients, 6.3 GBq 177Lu-PSMA: 1.1 uSv/h at 2 m after 48 h, about 250 (SD 55) uSv to others: physical decay.

    After 72 h 0.7 uSv/h and 190 (SD 36) uSv. (Kurth J et al. EJNMMI Res 2018;8:32, abstract.)
    """
    for rate, published, sd in ((1.1, 250.0, 55.0), (0.7, 190.0, 36.0)):
        still = WholeBodyCurve.physical(LU)
        patient = Source(body=still, activity_bq=1.0, sv_per_s_bq_at_1m=4.0 * rate * USV_H)
        dose = patient.dose_sv(distance_m=2.0, from_s=0.0) * 1e6
        assert dose == pytest.approx(published, abs=sd)


def test_kurth_2018_rates_are_two_phases_within_their_spread():
    """3.6, 1.6, 1.1, 0.7 uSv/h at 2, 24, 48, 72 h: half gone by 4 h, 40.5 h after: all within one SD (0.7 to 0.4)."""
    patient = source(body((1.5, 40.5), (0.6, 0.4)), gbq=6.3, constant=3.7)
    for hours, rate, sd in ((2, 3.6, 0.7), (24, 1.6, 0.6), (48, 1.1, 0.5), (72, 0.7, 0.4)):
        assert float(patient.rate_sv_per_s(hours * HOUR_S, distance_m=2.0)) / USV_H == pytest.approx(rate, abs=sd)


def test_integral_is_that_of_the_curve():
    from scipy.integrate import quad

    curve = body((3.0, 60.0), (0.6, 0.4))
    whole = quad(lambda h: float(curve.retained(h * HOUR_S)), 10, 50)[0] * HOUR_S
    assert curve.integral_s(from_s=10 * HOUR_S, to_s=50 * HOUR_S) == pytest.approx(whole, rel=1e-9)
    assert curve.integral_s(from_s=0.0) == pytest.approx((0.6 * 3 + 0.4 * 60) * HOUR_S / math.log(2))


def test_a_line_is_the_integral_of_points():
    """Points spread over 1.7 m, seen from 0.5 m beside the middle."""
    places = np.linspace(-0.85, 0.85, 20001)
    near, far = (np.mean(1.0 / (places**2 + d**2)) for d in (0.5, 1.0))
    assert relative_to_1m(0.5, length_m=1.7) == pytest.approx(near / far, rel=1e-4)
    assert relative_to_1m(30.0, length_m=1.7) == pytest.approx(relative_to_1m(30.0) / far, rel=1e-3)
    assert relative_to_1m(1.0, length_m=1.7) == 1.0


def test_contact_is_the_sum_of_its_parts():
    pattern = ContactPattern(
        id="x",
        title="x",
        contacts=(
            Contact(from_day=0.0, to_day=2.0, distance_m=1.0, hours_per_day=6.0),
            Contact(from_day=2.0, to_day=math.inf, distance_m=0.5, hours_per_day=12.0),
        ),
    )
    patient = source(WholeBodyCurve.physical(LU), gbq=1.0, constant=1.0)
    # hours of full dose rate: T/ln2 (1 - 2^(-2 d/T)) etc.
    mean_life = LU.half_life_s / HOUR_S / math.log(2)
    left = 2.0 ** (-2 * DAY_S / LU.half_life_s)
    expected = 0.25 * mean_life * (1 - left) + 0.5 * 4.0 * mean_life * left
    assert contact_dose_sv(patient, pattern, release_s=0.0) * 1e6 == pytest.approx(expected, rel=1e-12)
    later = contact_dose_sv(patient, pattern, release_s=LU.half_life_s)
    assert later * 1e6 == pytest.approx(expected / 2, rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(
    fast=st.floats(0.5, 30),
    slow=st.floats(5, 159),
    share=st.floats(0.01, 0.99),
    at=st.floats(0, 300),
    more=st.floats(0.1, 100),
)
def test_waiting_longer_never_raises_rate_or_dose(fast, slow, share, at, more):
    patient = source(body((fast, slow), (share, 1 - share)))
    now, later = at * HOUR_S, (at + more) * HOUR_S
    assert patient.rate_sv_per_s(later, distance_m=1.0) < patient.rate_sv_per_s(now, distance_m=1.0)
    assert patient.dose_sv(distance_m=1.0, from_s=later) < patient.dose_sv(distance_m=1.0, from_s=now)
    limit = float(patient.rate_sv_per_s(later, distance_m=1.0))
    assert patient.time_to_rate_s(limit, distance_m=1.0) == pytest.approx(later, abs=1.0)


@pytest.mark.parametrize(
    ("hours", "shares", "match"),
    [
        ((0.0,), (1.0,), "positive"),
        ((-3.0,), (1.0,), "positive"),
        ((160.0,), (1.0,), "more slowly than Lu-177"),
        ((30.0, 40.0), (1.0,), "one share per half-life"),
        ((30.0, 40.0), (0.7, 0.7), "more than the administered"),
        ((30.0,), (0.0,), "positive"),
        ((), (), "one share per half-life"),
    ],
)
def test_impossible_bodies_are_refused(hours, shares, match):
    with pytest.raises(QuantityError, match=match):
        body(hours, shares)


def test_other_refusals():
    with pytest.raises(QuantityError, match="before the administration"):
        body().retained(-1.0)
    with pytest.raises(QuantityError, match="backwards"):
        body().integral_s(from_s=2.0, to_s=1.0)
    with pytest.raises(QuantityError, match="near the body"):
        relative_to_1m(0.05)
    with pytest.raises(QuantityError, match="at most 24 h"):
        Contact(from_day=0.0, to_day=1.0, distance_m=1.0, hours_per_day=25.0)
    day = Contact(from_day=0.0, to_day=9.0, distance_m=1.0, hours_per_day=13.0)
    with pytest.raises(QuantityError, match="more than 24 h"):
        ContactPattern(id="x", title="x", contacts=(day, day))
    with pytest.raises(PlanningError, match="ten years"):
        first_time_s(lambda t: 1.0, what="dose")
    with pytest.raises(QuantityError, match="cannot be negative"):
        contact_dose_sv(source(), ContactPattern(id="x", title="x", contacts=(day,)), release_s=-1.0)
