"""Single time points and trapezoids against published and derived numbers."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import FitError
from hemadose.kinetics import (
    haenscheid_tia_bq_s,
    madsen_tia_bq_s,
    relative_tia_sd,
    single_time_point,
    trapezoid,
)
from hemadose.model import ActivitySample, ActivitySeries, Nuclide

H = 3600.0
LU = Nuclide(name="Lu-177", half_life_s=6.647 * 86400, electron_energy_kev=147.92, photon_energy_kev=35.10)


def series(times_h, activities_mbq, sd=None):
    return ActivitySeries(
        region="kidney",
        samples=tuple(
            ActivitySample(
                region="kidney", time_s=t * H, activity_bq=a * 1e6, sd_bq=None if sd is None else sd * a * 1e6
            )
            for t, a in zip(times_h, activities_mbq, strict=True)
        ),
    )


@pytest.mark.parametrize(
    ("r", "ratio"),
    [(0.5, 0.7071), (0.75, 0.8919), (1, 1.0), (1.442695, 1.0615), (2, 1.0), (2.5, 0.8839), (3, 0.75)],
)
def test_stp1_haenscheid_against_exact(r, ratio):
    """Check case STP1: 2 r 2^-r for r = t / T (Haenscheid 2018), 1e-4."""
    half_life, amplitude = 50.0, 3.0
    exact = amplitude * half_life / np.log(2)
    sampled = amplitude * 2.0**-r
    assert haenscheid_tia_bq_s(activity_bq=sampled, time_s=r * half_life) / exact == pytest.approx(ratio, abs=1e-4)


def test_stp2_haenscheid_and_madsen():
    """Check case STP2: 0.6 % at 96 h, population 51 h: 166.1985, 162.7574; exact 179.8707 at 41 h."""
    assert haenscheid_tia_bq_s(activity_bq=0.6, time_s=96) == pytest.approx(166.1985, rel=1e-5)
    assert madsen_tia_bq_s(activity_bq=0.6, time_s=96, half_life_s=51) == pytest.approx(162.7574, rel=1e-5)
    assert madsen_tia_bq_s(activity_bq=0.6, time_s=96, half_life_s=41) == pytest.approx(179.8707, rel=1e-5)


def test_single_curve_has_the_integral_of_its_method():
    fit = single_time_point(series([96], [0.6]), nuclide=LU, method="haenscheid", population_half_life_s=51 * H)
    assert fit.tia_bq_s / 1e6 / H == pytest.approx(166.1985, rel=1e-5)
    assert fit.curve.activity_bq(96 * H) == pytest.approx(0.6e6)
    assert any("one time point only" in n for n in fit.notes)
    assert not any("0.75 and 2.5" in n for n in fit.notes)


def test_single_outside_its_range_is_said():
    fit = single_time_point(series([4], [0.6]), nuclide=LU, method="haenscheid", population_half_life_s=51 * H)
    assert any("0.75 and 2.5" in n for n in fit.notes)


def test_spread_of_half_lives_makes_the_uncertainty():
    small, large = (
        single_time_point(
            series([24], [0.6], sd=0.01),
            nuclide=LU,
            method="madsen",
            population_half_life_s=51 * H,
            population_relative_sd=sd,
        ).tia_sd_bq_s
        for sd in (0.05, 0.25)
    )
    assert large > 2 * small


def test_madsen_needs_a_population():
    with pytest.raises(FitError, match="population half-life"):
        single_time_point(series([24], [0.6]), nuclide=LU, method="madsen")


def test_tac4_trapezoid():
    """Check case TAC4, 0.05 %. Its samples (TAC3) are rebuilt from the expected parts:
    3.1 at 1 h (head 1.55), 0.302 at 168 h (physical tail), 2.41 at 48 h (T 40.0479 h), and 4.06, 3.32
    at 4 and 24 h, the one pair of two-decimal numbers that gives 316.02."""
    samples = series([1, 4, 24, 48, 168], [3.1, 4.06, 3.32, 2.41, 0.302])
    physical = trapezoid(samples, nuclide=LU, tail="physical")
    last_two = trapezoid(samples, nuclide=LU, tail="last_two")
    unit = 1e6 * H
    assert physical.head_bq_s / unit == pytest.approx(1.55, rel=5e-4)
    assert physical.between_bq_s / unit == pytest.approx(316.02, rel=5e-4)
    assert physical.tail_bq_s / unit == pytest.approx(69.505, rel=5e-4)
    assert last_two.tail_bq_s / unit == pytest.approx(17.4486, rel=5e-4)
    assert last_two.tail_half_life_s / H == pytest.approx(40.0479, rel=5e-4)
    assert physical.total_bq_s > last_two.total_bq_s


def test_trapezoid_refuses_a_rising_end():
    with pytest.raises(FitError, match="do not decrease"):
        trapezoid(series([1, 4], [1.0, 2.0]), nuclide=LU, tail="last_two")


def test_unc1_mono_exponential_uncertainty():
    """Check case UNC1 (Gear 2018 form): 6 % and 5 %, r 0.5 and 0."""
    assert relative_tia_sd(amplitude_relative_sd=0.06, rate_relative_sd=0.05, correlation=0.5) == pytest.approx(
        0.0556776, abs=1e-6
    )
    assert relative_tia_sd(amplitude_relative_sd=0.06, rate_relative_sd=0.05, correlation=0.0) == pytest.approx(
        0.0781025, abs=1e-6
    )


def test_population_half_life_cannot_exceed_decay():
    with pytest.raises(FitError, match="effective"):
        single_time_point(series([24], [0.6]), nuclide=LU, method="madsen", population_half_life_s=200 * H)


def test_unused_samples_are_said():
    many = single_time_point(series([24, 96], [1.0, 0.6]), nuclide=LU, method="madsen", population_half_life_s=51 * H)
    one = single_time_point(series([96], [0.6]), nuclide=LU, method="madsen", population_half_life_s=51 * H)
    assert many.tia_bq_s == one.tia_bq_s
    assert any("not used" in n for n in many.notes)
    assert not any("not used" in n for n in one.notes)
