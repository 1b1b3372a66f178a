"""Nuclide translation: PX1, conservation, and curves that cannot be what they seem."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import QuantityError
from hemadose.model import CurveEnsemble, ExponentialCurve, FittedCurve
from hemadose.refdata.nuclides import nuclide
from hemadose.therapy.activity.translation import biological_rates_per_s, check_ratio, translate_curve, translate_fit
from hemadose.units import DAY_S, HOUR_S, LN2

LU, Y, IN, ZR = nuclide("Lu-177"), nuclide("Y-90"), nuclide("In-111"), nuclide("Zr-89")


def translated(amplitudes, half_lives_h, measured=LU, wanted=Y, last_d=None, spread=0.0):
    rates = LN2 / (np.asarray(half_lives_h, dtype=float) * HOUR_S)
    a = np.asarray(amplitudes, dtype=float)
    factors = np.exp(spread * np.random.default_rng(3).standard_normal((500, 1))) if spread else np.ones((2, 1))
    draws = np.maximum(rates * factors, measured.decay_constant_per_s)
    return translate_curve(
        "kidneys",
        ExponentialCurve(amplitudes_bq=a, rates_per_s=rates),
        CurveEnsemble(amplitudes_bq=np.tile(a, (draws.shape[0], 1)), rates_per_s=draws),
        measured=measured,
        wanted=wanted,
        last_sample_s=None if last_d is None else last_d * DAY_S,
    )


def test_px1():
    """PX1: T_bio 55.18 h, T_eff(90Y) 29.65 h, ratio of time-integrated activity 0.7233 (Haenscheid 2022, 41 h)."""
    found = translated([1.0], [41.0])
    assert LN2 / found.biological_rates_per_s[0] / HOUR_S == pytest.approx(55.18, rel=1e-3)
    assert found.curve.effective_half_life_s / HOUR_S == pytest.approx(29.65, rel=1e-3)
    assert found.tia_ratio == pytest.approx(0.7233, rel=1e-3)


@given(st.lists(st.floats(2.0, 158.0), min_size=1, max_size=3), st.sampled_from([Y, IN, ZR]))
def test_there_and_back_is_where_it_began(half_lives, other):
    """Taking one decay out and the other in can be undone, component by component."""
    there = translated([1.0] * len(half_lives), half_lives, wanted=other)
    back = translate_curve("kidneys", there.curve, there.ensemble, measured=other, wanted=LU)
    assert np.allclose(back.curve.rates_per_s, LN2 / (np.array(half_lives) * HOUR_S), rtol=1e-6)


def test_decay_corrected_activity_is_the_same_for_both_nuclides():
    """The same molecule: A(t) exp(lambda t) does not depend on the label, uptake phase included."""
    found = translated([2.0, 1.0, -3.0], [60.0, 20.0, 3.0])
    t = np.linspace(0, 10 * DAY_S, 50)
    rates = LN2 / (np.array([60.0, 20.0, 3.0]) * HOUR_S)
    before = ExponentialCurve(amplitudes_bq=[2.0, 1.0, -3.0], rates_per_s=rates)
    assert np.allclose(
        before.activity_bq(t) * np.exp(LU.decay_constant_per_s * t),
        found.curve.activity_bq(t) * np.exp(Y.decay_constant_per_s * t),
    )


def test_a_component_slower_than_decay_is_decay_alone_and_said():
    found = translated([1.0], [170.0])
    assert found.curve.effective_half_life_s == pytest.approx(Y.half_life_s)
    assert any("slower than the decay of Lu-177" in note for note in found.notes)
    assert translated([1.0], [159.0]).notes == ()


def test_a_physical_tail_stays_physical():
    """mono_physical_tail of the fits: the tail has no biology."""
    assert biological_rates_per_s(LU.decay_constant_per_s, LU) == 0.0
    found = translated([1.0, 1.0], [LU.half_life_s / HOUR_S, 40.0])
    assert found.curve.rates_per_s[0] == pytest.approx(Y.decay_constant_per_s)
    assert found.notes == ()


def test_an_organ_that_still_fills_is_said():
    rising = translated([1.0, -1.0], [159.528, 60.0], last_d=2)
    assert any("still rises" in note for note in rising.notes)
    assert not any("still rises" in note for note in translated([1.0, -1.0], [60.0, 2.0], last_d=4).notes)


def test_a_longer_lived_nuclide_is_extrapolated_and_said():
    """111In (2.8 d) over 2 days cannot show what 177Lu (6.6 d) does later."""
    late = translated([1.0], [60.0], measured=IN, wanted=LU, last_d=2)
    assert any("extrapolated" in note for note in late.notes)
    assert not any("extrapolated" in note for note in translated([1.0], [41.0], last_d=7).notes)


def test_uncertainty_is_carried_draw_by_draw():
    """d ln(T_Y) / d ln(T_Lu) of the ratio, to first order: SD = ratio (1 - ...) u(T)/T."""
    found = translated([1.0], [41.0], spread=0.05)
    decay_lu, decay_y, rate = LU.decay_constant_per_s, Y.decay_constant_per_s, LN2 / (41 * HOUR_S)
    put_in = rate - decay_lu + decay_y
    expected = rate / put_in * (1.0 - rate / put_in) * 0.05
    assert found.tia_ratio_sd == pytest.approx(expected, rel=0.1)


def test_a_curve_without_positive_integral_is_refused():
    with pytest.raises(QuantityError, match="no positive integral"):
        translated([1.0, -3.0], [60.0, 50.0])


def test_a_fitted_curve_keeps_its_name_and_loses_its_candidates():
    rate = np.array([LN2 / (41 * HOUR_S)])
    curve = ExponentialCurve(amplitudes_bq=np.ones(1), rates_per_s=rate)
    fit = FittedCurve(
        region="liver",
        model="mono",
        curve=curve,
        ensemble=CurveEnsemble(amplitudes_bq=np.ones((2, 1)), rates_per_s=np.tile(rate, (2, 1))),
        tia_bq_s=curve.integral_bq_s(),
        tia_sd_bq_s=0.0,
        effective_half_life_s=41 * HOUR_S,
        extrapolated_fraction=0.05,
        reduced_chi_square=1.0,
        candidates=(),
    )
    new, found = translate_fit(fit, measured=LU, wanted=Y, last_sample_s=7 * DAY_S)
    assert new.model == "mono, Lu-177 to Y-90"
    assert new.tia_bq_s == pytest.approx(fit.tia_bq_s * found.tia_ratio)
    assert new.extrapolated_fraction == pytest.approx(2.0 ** (-168 / 29.654), rel=1e-3)


def test_the_liver_of_the_published_medians_disagrees():
    """Haenscheid 2022: 1.61 / 0.71 = 2.27 published, 2.86 by kinetics of the medians; kidneys agree."""
    liver = check_ratio("liver", computed=2.86, published=1.61 / 0.71)
    assert not liver.agrees
    assert "do not rely on it" in liver.text
    kidneys = check_ratio("kidneys", computed=4.06, published=3.75 / 0.91)
    assert kidneys.agrees
    assert "rely" not in kidneys.text
