"""Marrow curves from numbers and for other nuclides: published half-lives and ratios, closed forms, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import QuantityError
from hemadose.model import ResidualDose
from hemadose.refdata import nuclide
from hemadose.therapy.timing.tail import draw_tails_gy_per_bq, exponential_residual, translate_residual
from hemadose.units import DAY_S, GBQ, HOUR_S, LN2

LU, Y = nuclide("Lu-177"), nuclide("Y-90")


def tail(hours=(92.0,), shares=(1.0,), coefficient=0.47, **more):
    return exponential_residual(
        gy_per_bq=coefficient / GBQ, half_lives_s=tuple(h * HOUR_S for h in hours), shares=shares, **more
    )


def test_several_terms_keep_their_dose_and_their_shares():
    two = tail((20.0, 110.0), (1.0, 2.0))
    assert two.gy_per_bq(from_s=0.0) * GBQ == pytest.approx(0.47, rel=1e-12)
    assert two.amplitudes_gy_per_bq_s[1] == pytest.approx(2.0 * two.amplitudes_gy_per_bq_s[0])
    # tail integral of each term: a T / ln2 2^(-t/T)
    parts = np.array([20.0, 220.0])
    left = parts * 2.0 ** (-24.0 / np.array([20.0, 110.0]))
    assert two.gy_per_bq(from_s=DAY_S) * GBQ == pytest.approx(0.47 * left.sum() / parts.sum(), rel=1e-12)


def test_uptake_starts_at_no_dose_rate():
    curve = tail((92.0, 2.0), (1.0, -1.0))
    assert curve.rate_gy_per_bq_s(at_s=0.0) == pytest.approx(0.0, abs=1e-30)
    assert curve.rate_gy_per_bq_s(at_s=DAY_S) > 0.0


@pytest.mark.parametrize(
    ("hours", "shares", "match"),
    [
        ((92.0,), (1.0, 1.0), "one share per half-life"),
        ((92.0, 2.0), (1.0, -2.0), "below zero"),
        ((92.0,), (-1.0,), "below zero"),
        ((0.0,), (1.0,), "positive"),
        ((-5.0,), (1.0,), "positive"),
        ((float("nan"),), (1.0,), "positive"),
        ((), (), "positive"),
    ],
)
def test_impossible_curves_are_refused(hours, shares, match):
    with pytest.raises(QuantityError, match=match):
        tail(hours, shares)


def test_a_curve_slower_than_decay_is_refused_and_physical_decay_is_not():
    assert tail((LU.half_life_s / HOUR_S,), nuclide=LU).gy_per_bq(from_s=0.0) > 0.0
    with pytest.raises(QuantityError, match="more slowly than Lu-177 decays"):
        tail((LU.half_life_s / HOUR_S * 1.001,), nuclide=LU)


def test_drawn_half_lives_stop_at_physical_decay_and_say_so():
    curve = tail((150.0,), nuclide=LU, half_life_relative_sd=0.3)
    assert LN2 / curve.draw_rates_per_s.min() == pytest.approx(LU.half_life_s, rel=1e-9)
    assert "cut to it" in curve.notes[0]
    assert not tail((60.0,), nuclide=LU, half_life_relative_sd=0.02).notes


def test_half_life_uncertainty_leaves_the_total_dose():
    curve = tail((60.0,), half_life_relative_sd=0.3)
    assert np.ptp(curve.gy_per_bq_draws(from_s=0.0)) < 1e-12 / GBQ
    assert np.ptp(curve.gy_per_bq_draws(from_s=7 * DAY_S)) > 0.01 / GBQ


def test_pentixather_marrow_from_lutetium_to_yttrium():
    """Haenscheid 2022: 92 h; medians 0.47 and 1.06 Gy/GBq, ratio 2.26. S ratio of the stylised male: 4.187."""
    moved = translate_residual(tail(), measured=LU, wanted=Y, dose_per_decay_ratio=4.187)
    assert LN2 / moved.rates_per_s[0] / HOUR_S == pytest.approx(49.5, abs=0.05)
    assert moved.gy_per_bq(from_s=0.0) / tail().gy_per_bq(from_s=0.0) == pytest.approx(1.06 / 0.47, rel=0.01)


@settings(deadline=None, max_examples=40)
@given(first=st.floats(5, 159), second=st.floats(5, 159))
def test_there_and_back_is_the_same_curve(first, second):
    start = tail((first, second), (1.0, 0.7))
    there = translate_residual(start, measured=LU, wanted=Y, dose_per_decay_ratio=4.2)
    assert (there.rates_per_s >= Y.decay_constant_per_s * (1 - 1e-12)).all()
    back = translate_residual(there, measured=Y, wanted=LU, dose_per_decay_ratio=1 / 4.2)
    assert back.rates_per_s == pytest.approx(start.rates_per_s, rel=1e-9)
    assert back.amplitudes_gy_per_bq_s == pytest.approx(start.amplitudes_gy_per_bq_s, rel=1e-12)


def test_translation_refuses_a_curve_slower_than_the_measured_nuclide():
    with pytest.raises(QuantityError, match="more slowly than Lu-177"):
        translate_residual(tail((200.0,)), measured=LU, wanted=Y, dose_per_decay_ratio=1.0)


def test_translation_counts_slow_draws_as_decay():
    loose = tail((150.0,), half_life_relative_sd=0.3)
    moved = translate_residual(loose, measured=LU, wanted=Y, dose_per_decay_ratio=1.0)
    assert moved.draw_rates_per_s.min() == pytest.approx(Y.decay_constant_per_s)
    assert any("count as its decay" in note for note in moved.notes)


def test_tail_of_draws_agrees_with_the_common_time_and_never_takes_dose_off():
    noisy = tail((60.0,), half_life_relative_sd=0.2, relative_sd=0.2)
    at = np.full(len(noisy.draw_rates_per_s), 3 * DAY_S)
    assert draw_tails_gy_per_bq(noisy, from_s=at) == pytest.approx(noisy.gy_per_bq_draws(from_s=3 * DAY_S))
    rates = np.array([1e-6, 2e-6])
    minus = np.array([1.0, -5.0])
    difference = ResidualDose(
        target="red_marrow",
        amplitudes_gy_per_bq_s=minus,
        rates_per_s=rates,
        draw_amplitudes_gy_per_bq_s=minus[None],
        draw_rates_per_s=rates[None],
        differences=((1, 2),),
    )
    assert draw_tails_gy_per_bq(difference, from_s=np.zeros(1)) == pytest.approx([1e6])
