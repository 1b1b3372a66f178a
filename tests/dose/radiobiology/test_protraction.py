"""G, BED and EQD2: closed forms, limits, and the double integral done by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose import protraction_factor
from hemadose.dose.radiobiology import (
    Repair,
    bed_gy,
    dose_from_bed_gy,
    eqd2_gy,
    equivalent_uniform_bed_gy,
    equivalent_uniform_dose_gy,
    lea_catcheside,
    sampled_lea_catcheside,
    voxel_bed_gy,
)
from hemadose.errors import QuantityError
from hemadose.units import HOUR_S as H
from hemadose.units import LN2

KIDNEY = Repair(half_lives_s=(2.8 * H,))
TWO = Repair(half_lives_s=(0.4 * H, 3.65 * H), weights=(0.6, 0.4))


def brute_g(rate, repair, *, end, steps=6000):
    """2/D^2 of the double sum over a fine grid (midpoints), half of the diagonal cells."""
    step = end / steps
    t = (np.arange(steps) + 0.5) * step
    r = rate(t)
    left = repair.unrepaired(np.abs(t[:, None] - t[None, :]))
    return float(r @ left @ r / np.sum(r) ** 2)


def test_bed1_of_the_check_cases():
    # check-cases.json BED1: D 23 Gy, T_eff 41 h, T_rep 2.8 h, alpha/beta 2.6 Gy
    g = lea_catcheside(amplitudes=[1.0], rates_per_s=[LN2 / (41 * H)], repair=KIDNEY)
    assert float(g) == pytest.approx(0.063927, rel=1e-4)
    assert float(bed_gy(dose_gy=23.0, protraction=g, alpha_beta_gy=2.6)) == pytest.approx(36.007, rel=1e-4)


@pytest.mark.parametrize("hours", [0.01, 1.0, 41.0, 160.0])
def test_one_term_is_the_known_form(hours):
    g = lea_catcheside(amplitudes=[3.0], rates_per_s=[LN2 / (hours * H)], repair=KIDNEY)
    assert float(g) == pytest.approx(protraction_factor(effective_half_life_s=hours, repair_half_life_s=2.8))


@pytest.mark.parametrize(
    ("shares", "hours"), [((1.0,), (41.0,)), ((0.7, 0.3), (8.0, 90.0)), ((1.0, -1.0), (50.0, 2.0))]
)
@pytest.mark.parametrize("repair", [KIDNEY, TWO])
def test_sums_of_exponentials_against_the_double_integral(shares, hours, repair):
    a, k = np.array(shares), LN2 / (np.array(hours) * H)
    exact = float(lea_catcheside(amplitudes=a, rates_per_s=k, repair=repair))
    end = 14 * max(hours) * H
    brute = brute_g(lambda t: (a * np.exp(-np.multiply.outer(t, k))).sum(axis=-1), repair, end=end)
    assert exact == pytest.approx(brute, rel=4e-3 if repair is KIDNEY else 1.5e-2)
    t = np.unique(np.concatenate([np.linspace(0, 20 * H, 800), np.geomspace(20 * H, 30 * max(hours) * H, 800)]))
    rate = np.maximum((a * np.exp(-np.multiply.outer(t, k))).sum(axis=-1), 0.0)
    sampled = sampled_lea_catcheside(times_s=t, dose_rates=rate, repair=repair)
    assert sampled == pytest.approx(exact, rel=5e-4)


def test_limits_acute_and_protracted():
    acute = lea_catcheside(amplitudes=[1.0], rates_per_s=[1.0], repair=Repair(half_lives_s=(1e9,)))
    trickle = lea_catcheside(amplitudes=[1.0], rates_per_s=[1e-9], repair=Repair(half_lives_s=(1.0,)))
    assert float(acute) == pytest.approx(1.0, abs=1e-6)
    assert float(trickle) == pytest.approx(0.0, abs=1e-6)


def test_two_phases_are_the_weighted_mean_of_each():
    a, k = [1.0, 0.5], [1e-5, 1e-6]
    one = [
        float(lea_catcheside(amplitudes=a, rates_per_s=k, repair=Repair(half_lives_s=(t,)))) for t in TWO.half_lives_s
    ]
    both = float(lea_catcheside(amplitudes=a, rates_per_s=k, repair=TWO))
    assert both == pytest.approx(0.6 * one[0] + 0.4 * one[1])


def test_voxels_are_leading_axes():
    rng = np.random.default_rng(3)
    a, k = rng.uniform(0.1, 1.0, (4, 5, 2)), rng.uniform(1e-6, 1e-4, (4, 5, 2))
    g = lea_catcheside(amplitudes=a, rates_per_s=k, repair=TWO)
    assert g.shape == (4, 5)
    assert float(g[2, 3]) == pytest.approx(float(lea_catcheside(amplitudes=a[2, 3], rates_per_s=k[2, 3], repair=TWO)))


def test_constant_rate_for_a_time():
    # Dale 1985: G = 2/(mu T) [1 - (1 - exp(-mu T)) / (mu T)]
    x = LN2 / 2.8 * 20.0
    g = sampled_lea_catcheside(times_s=[0.0, 20 * H], dose_rates=[2.0, 2.0], repair=KIDNEY)
    assert g == pytest.approx(2.0 / x * (1.0 - (1.0 - np.exp(-x)) / x), rel=1e-9)


def test_what_is_refused():
    with pytest.raises(QuantityError, match="must decay"):
        lea_catcheside(amplitudes=[1.0], rates_per_s=[0.0], repair=KIDNEY)
    with pytest.raises(QuantityError, match="dose must be positive"):
        lea_catcheside(amplitudes=[1.0, -1.0], rates_per_s=[2.0, 1.0], repair=KIDNEY)
    with pytest.raises(QuantityError, match="add up to one"):
        Repair(half_lives_s=(1.0, 2.0), weights=(0.5, 0.6))
    with pytest.raises(QuantityError, match="one weight"):
        Repair(half_lives_s=(1.0, 2.0))
    with pytest.raises(QuantityError, match="increasing"):
        sampled_lea_catcheside(times_s=[0.0, 0.0], dose_rates=[1.0, 1.0], repair=KIDNEY)
    with pytest.raises(QuantityError, match="negative"):
        sampled_lea_catcheside(times_s=[0.0, 1.0], dose_rates=[1.0, -1.0], repair=KIDNEY)
    with pytest.raises(QuantityError, match="no dose"):
        sampled_lea_catcheside(times_s=[0.0, 1.0], dose_rates=[0.0, 0.0], repair=KIDNEY)


def test_bed_and_its_inverse():
    dose = np.linspace(0.0, 60.0, 13)
    bed = bed_gy(dose_gy=dose, protraction=0.08, alpha_beta_gy=2.5)
    assert np.allclose(dose_from_bed_gy(bed=bed, protraction=0.08, alpha_beta_gy=2.5), dose)
    assert np.allclose(dose_from_bed_gy(bed=bed, protraction=0.0, alpha_beta_gy=2.5), bed)
    # n fractions of 2 Gy, fully repaired, are their own EQD2
    assert float(eqd2_gy(bed=5 * 2.0 * (1 + 2.0 / 2.6), alpha_beta_gy=2.6)) == pytest.approx(10.0)


def test_voxel_bed_of_a_uniform_and_an_uneven_map():
    assert np.allclose(
        voxel_bed_gy(dose_gy=np.full((3, 3), 23.0), protraction=0.063927, alpha_beta_gy=2.6), 36.007, atol=1e-3
    )
    uneven = np.array([10.0, 36.0])
    bed = voxel_bed_gy(dose_gy=uneven, protraction=0.063927, alpha_beta_gy=2.6)
    # BED is convex in dose: the mean of the BED lies above the BED of the mean dose, by G var(D) / (alpha/beta)
    excess = bed.mean() - float(bed_gy(dose_gy=23.0, protraction=0.063927, alpha_beta_gy=2.6))
    assert excess == pytest.approx(0.063927 * np.var(uneven) / 2.6)
    four = voxel_bed_gy(dose_gy=uneven, protraction=0.063927, alpha_beta_gy=2.6, fractions=4)
    assert np.allclose(four - uneven, (bed - uneven) / 4)
    with pytest.raises(QuantityError, match="negative or missing"):
        voxel_bed_gy(dose_gy=[-1.0], protraction=0.1, alpha_beta_gy=2.6)
    with pytest.raises(QuantityError, match="outside 0 to 1"):
        voxel_bed_gy(dose_gy=[1.0], protraction=1.2, alpha_beta_gy=2.6)


def test_eubed_of_a_normal_distribution():
    # exp of a normal: EUBED = mean - alpha var / 2 (O'Donoghue 1999)
    rng = np.random.default_rng(1)
    bed = 40.0 + 3.0 * rng.standard_normal(400_000)
    assert equivalent_uniform_bed_gy(bed, alpha_per_gy=0.2) == pytest.approx(40.0 - 0.2 * 9.0 / 2.0, abs=0.05)
    assert equivalent_uniform_bed_gy(np.full(9, 40.0), alpha_per_gy=0.35) == pytest.approx(40.0)
    # a large uniform BED does not underflow
    assert equivalent_uniform_bed_gy(np.full(9, 9000.0), alpha_per_gy=0.35) == pytest.approx(9000.0)


def test_eubed_weighs_volumes_and_the_coldest_voxels():
    even = equivalent_uniform_bed_gy([10.0, 10.0, 30.0], alpha_per_gy=0.35)
    assert equivalent_uniform_bed_gy([10.0, 30.0], alpha_per_gy=0.35, volumes=[2.0, 1.0]) == pytest.approx(even)
    assert 10.0 < even < 12.0
    with pytest.raises(QuantityError, match="without voxels"):
        equivalent_uniform_bed_gy([], alpha_per_gy=0.35)
    with pytest.raises(QuantityError, match="do not fit"):
        equivalent_uniform_bed_gy([1.0, 2.0], alpha_per_gy=0.35, volumes=[1.0])


def test_generalised_eud():
    dose = [10.0, 30.0]
    assert equivalent_uniform_dose_gy(dose, exponent=2.0) == pytest.approx(np.sqrt(500.0))
    assert equivalent_uniform_dose_gy(dose, exponent=400.0) == pytest.approx(30.0, rel=0.01)
    assert equivalent_uniform_dose_gy(dose, exponent=-400.0) == pytest.approx(10.0, rel=0.01)
    assert equivalent_uniform_dose_gy([0.0, 30.0], exponent=-2.0) == 0.0
    assert equivalent_uniform_dose_gy([0.0, 0.0], exponent=2.0) == 0.0
    with pytest.raises(QuantityError, match="exponent"):
        equivalent_uniform_dose_gy(dose, exponent=0.0)
