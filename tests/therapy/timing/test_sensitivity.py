"""Half-life and other inputs against residual dose and day: published patients, closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import QuantityError
from hemadose.refdata import nuclide
from hemadose.therapy.timing.residual import earliest_infusion_s
from hemadose.therapy.timing.sensitivity import Held, half_life_family, longest_half_life_s, tornado
from hemadose.therapy.timing.tail import exponential_residual
from hemadose.units import DAY_S, GBQ, HOUR_S

ENDS = {
    "dose_factors": (0.8, 1.2),
    "half_life_factors": (80 / 92, 110 / 92),
    "activity_bq": (13.0 * GBQ, 14.0 * GBQ, 15.0 * GBQ),
    "from_s": 14 * DAY_S,
    "limit_gy": 1.0,
}


def curve(coefficient=0.5, hours=(92.0,), shares=(1.0,)):
    return exponential_residual(
        gy_per_bq=coefficient / GBQ, half_lives_s=tuple(h * HOUR_S for h in hours), shares=shares, draws=1
    )


def family(tail, factors, hours, **more):
    times = np.array(hours) * HOUR_S
    return half_life_family(tail, activity_bq=16 * GBQ, factors=factors, times_s=times, limit_gy=1.0, **more)


@pytest.mark.parametrize(
    ("coefficient", "gbq", "d14", "d15"),
    [(0.42, 12.0, 6.00, 6.43), (0.57, 14.4, 4.61, 4.94), (0.47, 13.0, 5.36, 5.74), (0.44, 11.4, 6.02, 6.45)],
)
def test_longest_half_lives_of_patients_1_to_4(coefficient, gbq, d14, d15):
    """Braitsch 2025, P1-P4: at most these half-lives (d) keep 1 Gy, 14 and 15 d after the therapy."""
    for days, longest in ((14, d14), (15, d15)):
        found = longest_half_life_s(total_gy=coefficient * gbq, from_s=days * DAY_S, limit_gy=1.0)
        assert found / DAY_S == pytest.approx(longest, abs=0.006)
        left = gbq * GBQ * curve(coefficient, (found / HOUR_S,)).gy_per_bq(from_s=days * DAY_S)
        assert left == pytest.approx(1.0)


def test_d0a_half_life():
    found = longest_half_life_s(total_gy=8.208, from_s=14 * DAY_S, limit_gy=1.0)
    assert found / HOUR_S == pytest.approx(110.6, rel=1e-3)
    assert longest_half_life_s(total_gy=0.9, from_s=DAY_S, limit_gy=1.0) == np.inf


@settings(deadline=None)
@given(total=st.floats(1.01, 50), hours=st.floats(5, 150), limit=st.floats(0.05, 1.0))
def test_longest_half_life_and_earliest_day_are_inverse(total, hours, limit):
    day = earliest_infusion_s(curve(total, (hours,)), activity_bq=GBQ, limit_gy=limit)
    if day > HOUR_S:
        found = longest_half_life_s(total_gy=total, from_s=day, limit_gy=limit)
        assert found == pytest.approx(hours * HOUR_S, rel=1e-3)


def test_family_with_the_dose_or_the_rate_held():
    short, best = family(curve(), [1.0, 0.5], (0.0, 92.0, 184.0))
    assert best.half_life_s / HOUR_S == pytest.approx(92.0)
    assert best.residual_gy == pytest.approx([8.0, 4.0, 2.0])
    assert short.residual_gy == pytest.approx([8.0, 2.0, 0.5])
    assert best.earliest_s == pytest.approx(3 * 92 * HOUR_S, abs=2.0)
    short, best = family(curve(), [1.0, 0.5], (0.0, 92.0, 184.0), held=Held.RATE)
    assert short.residual_gy == pytest.approx([4.0, 1.0, 0.25])
    assert best.residual_gy == pytest.approx([8.0, 4.0, 2.0])


def test_stretching_two_terms_keeps_the_dose():
    two = curve(hours=(20.0, 100.0), shares=(0.4, 0.6))
    (one,) = family(two, [1.3], (0.0, 130.0))
    assert one.residual_gy[0] == pytest.approx(8.0)
    assert one.half_life_s == pytest.approx(130 * HOUR_S)
    # at 1.3 times the time, what the curve leaves at that time
    assert one.residual_gy[1] == pytest.approx(16 * GBQ * two.gy_per_bq(from_s=100 * HOUR_S))


def test_family_refuses_what_cannot_be():
    with pytest.raises(QuantityError, match="more slowly than Lu-177"):
        family(curve(hours=(150.0,)), [1.2], (0.0,), nuclide=nuclide("Lu-177"))
    with pytest.raises(QuantityError, match="positive"):
        family(curve(), [0.0], (0.0,))


def test_tornado_ends_are_the_closed_form_and_the_half_life_leads():
    swings = tornado(curve(), **ENDS)
    assert swings[0].name == "half-life"
    by_name = {s.name: s for s in swings}
    assert by_name["half-life"].residual_gy == pytest.approx((7.0 * 2 ** (-336 / 80), 7.0 * 2 ** (-336 / 110)))
    assert (by_name["half-life"].low, by_name["half-life"].high) == pytest.approx((80 * HOUR_S, 110 * HOUR_S))
    assert by_name["day"].residual_gy == pytest.approx((7.0 * 2 ** (-312 / 92), 7.0 * 2 ** (-360 / 92)))
    assert by_name["day"].earliest_s[0] == by_name["day"].earliest_s[1]
    assert by_name["activity"].earliest_s[1] == pytest.approx(92 * HOUR_S * np.log2(0.5 * 15.0), abs=2.0)
    assert by_name["dose per activity"].residual_gy == pytest.approx([7.0 * f * 2 ** (-336 / 92) for f in (0.8, 1.2)])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"from_s": 0.5 * DAY_S}, "cannot precede"),
        ({"half_life_factors": (1.2, 0.8)}, "in order"),
        ({"dose_factors": (0.0, 0.8)}, "in order"),
        ({"activity_bq": (2.0, 1.0, 3.0)}, "in order"),
    ],
)
def test_tornado_refuses_disorder(change, match):
    with pytest.raises(QuantityError, match=match):
        tornado(curve(), **(ENDS | change))
