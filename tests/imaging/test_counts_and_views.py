"""Scatter, dead time and conjugate views against tests/reference/imaging.toml."""

from __future__ import annotations

import tomllib
from math import exp
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import QuantityError
from hemadose.imaging import (
    background_scale,
    conjugate_view_activity_bq,
    geometric_mean,
    self_attenuation,
    tew_scatter,
    true_rate_nonparalysable,
    true_rate_paralysable,
)
from hemadose.imaging.counts import dew_weight, tew_weights
from hemadose.model import EnergyWindow

CASES = tomllib.loads((Path(__file__).parents[1] / "reference" / "imaging.toml").read_text())


def test_conjugate_view_pl1():
    c = CASES["PL1"]
    near = lambda value: pytest.approx(value, rel=c["rtol"])  # noqa: E731
    anterior, posterior = c["anterior_counts"] / c["duration_s"], c["posterior_counts"] / c["duration_s"]
    mu, body, organ = c["attenuation_per_cm"] / 10, c["body_cm"] * 10, c["organ_cm"] * 10
    assert geometric_mean(anterior, posterior) == near(c["geometric_mean_per_s"])
    assert exp(mu * body / 2) == near(c["transmission"])
    assert self_attenuation(attenuation_per_mm=mu, organ_mm=organ) == near(c["self_attenuation"])
    activity = conjugate_view_activity_bq(
        anterior_per_s=anterior,
        posterior_per_s=posterior,
        attenuation_per_mm=mu,
        body_mm=body,
        organ_mm=organ,
        counts_per_s_per_bq=c["counts_per_s_per_mbq"] / 1e6,
    )
    assert activity / 1e6 == near(c["activity_mbq"])


def test_tew_pl3():
    c = CASES["PL3"]
    scatter = tew_scatter(
        lower=c["lower_counts"],
        upper=c["upper_counts"],
        lower_kev=c["lower_kev"],
        upper_kev=c["upper_kev"],
        peak_kev=c["peak_kev"],
    )
    assert scatter == pytest.approx(c["scatter_counts"], rel=c["rtol"])
    assert c["peak_counts"] - scatter == pytest.approx(c["primary_counts"], rel=c["rtol"])


def test_window_weights_agree_with_the_formula():
    peak = EnergyWindow(name="p", lower_kev=195.52, upper_kev=220.48)
    lower = EnergyWindow(name="l", lower_kev=174.72, upper_kev=195.52)
    upper = EnergyWindow(name="u", lower_kev=220.48, upper_kev=251.68)
    low, high = tew_weights(lower=lower, upper=upper, peak=peak)
    assert 260 * low + 40 * high == pytest.approx(172.0)  # PL3
    assert dew_weight(lower=lower, peak=peak) == pytest.approx(0.5 * 24.96 / 20.8)


def test_dead_time_pl4():
    c = CASES["PL4"]
    rate, tau = c["measured_per_s"], c["dead_time_s"]
    assert true_rate_nonparalysable(rate, dead_time_s=tau) == pytest.approx(c["nonparalysable_per_s"], rel=c["rtol"])
    assert true_rate_paralysable(rate, dead_time_s=tau) == pytest.approx(c["paralysable_per_s"], rel=c["rtol"])


@given(st.floats(1.0, 4.0e5))
def test_dead_time_is_undone(true):
    tau = 2.4e-6
    assert true_rate_paralysable(true * exp(-true * tau), dead_time_s=tau) == pytest.approx(true, rel=1e-4)
    assert true_rate_nonparalysable(true / (1 + true * tau), dead_time_s=tau) == pytest.approx(true, rel=1e-9)


def test_saturation_is_refused():
    with pytest.raises(QuantityError, match="dead time allows"):
        true_rate_nonparalysable(5e5, dead_time_s=2.4e-6)
    with pytest.raises(QuantityError, match="saturated"):
        true_rate_paralysable(1.6e5, dead_time_s=2.4e-6)  # highest possible: 1/(e tau) = 153 283 /s


@pytest.mark.parametrize("correct", [true_rate_paralysable, true_rate_nonparalysable])
def test_negative_rates_are_refused(correct):
    assert correct(0.0, dead_time_s=2.4e-6) == 0.0
    assert correct(100.0, dead_time_s=0.0) == 100.0
    for rate, tau in ((-1.0, 2.4e-6), (100.0, -1e-6)):
        with pytest.raises(QuantityError, match="negative"):
            correct(rate, dead_time_s=tau)


def test_self_attenuation_of_a_thin_source():
    assert self_attenuation(attenuation_per_mm=0.0, organ_mm=60.0) == 1.0
    assert self_attenuation(attenuation_per_mm=0.0136, organ_mm=100.0) < 1.0


@given(mu=st.floats(0.001, 0.02), organ=st.floats(5.0, 120.0), share=st.floats(0.0, 1.0))
def test_depth_does_not_matter(mu, organ, share):
    """A uniform slab at any depth is found by the conjugate view: integrate the two views by hand."""
    body = 220.0
    front = share * (body - organ)
    back = body - organ - front
    escape = (1 - exp(-mu * organ)) / (mu * organ)
    activity = conjugate_view_activity_bq(
        anterior_per_s=exp(-mu * front) * escape,
        posterior_per_s=exp(-mu * back) * escape,
        attenuation_per_mm=mu,
        body_mm=body,
        organ_mm=organ,
        counts_per_s_per_bq=1.0,
    )
    assert activity == pytest.approx(1.0, rel=1e-9)


def test_impossible_geometry_is_refused():
    good = {"anterior_per_s": 1.0, "posterior_per_s": 1.0, "attenuation_per_mm": 0.01, "body_mm": 200.0}
    with pytest.raises(QuantityError, match="thicker"):
        conjugate_view_activity_bq(**good, organ_mm=201.0, counts_per_s_per_bq=1e-5)
    with pytest.raises(QuantityError, match="sensitivity"):
        conjugate_view_activity_bq(**good, organ_mm=50.0, counts_per_s_per_bq=0.0)
    with pytest.raises(QuantityError, match="thicker"):
        background_scale(organ_mm=201.0, body_mm=200.0)
    assert background_scale(organ_mm=50.0, body_mm=200.0) == 0.75  # Buijs 1998: 1 - d/T


def test_geometric_mean_of_an_over_subtracted_view_is_zero():
    assert geometric_mean(-5.0, 10.0) == 0.0
    assert geometric_mean(4.0, 9.0) == 6.0
