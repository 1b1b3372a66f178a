"""Dose-volume histograms against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose.dvh import DoseVolume, dose_volume
from hemadose.errors import QuantityError, RegionError


def ramp():
    """A thousand voxels from 0.005 to 9.995 Gy."""
    return DoseVolume(region="liver", sorted_gy=(np.arange(1000) + 0.5) / 100.0, voxel_ml=0.1, mean_sd_gy=0.1)


def test_a_ramp_has_its_quantiles():
    """D_V of a dose even from 0 to 10 Gy is 10 (1 - V); (D2 - D98) / D50 = 9.6 / 5."""
    one = ramp()
    assert [one.dose_at_percent(p) for p in (98, 95, 50, 2)] == pytest.approx([0.2, 0.5, 5.0, 9.8], abs=1e-9)
    assert one.percent_at_dose(2.5) == pytest.approx(75.0)
    assert one.percent_at_dose(99.0) == 0.0
    assert one.homogeneity_index() == pytest.approx(9.6 / 5.0)
    assert one.volume_ml == pytest.approx(100.0)
    doses, volume = one.curve()
    assert volume[0] == 100.0
    assert volume[-1] == 0.0
    assert (np.diff(volume) <= 0.0).all()
    assert doses[-1] > 9.99


@pytest.mark.parametrize("a", [1.0, 2.0, -3.0, 40.0])
def test_equivalent_uniform_dose_is_the_power_mean(a):
    """By definition (Niemierko 1999); the mean for a = 1."""
    one = ramp()
    assert one.generalised_eud_gy(a) == pytest.approx(np.mean(one.sorted_gy**a) ** (1.0 / a), rel=1e-9)


def test_equivalent_uniform_dose_survives_large_exponents():
    """a = 1000 goes to the highest dose, a = -1000 to the lowest, without overflow."""
    one = ramp()
    assert one.generalised_eud_gy(1000.0) == pytest.approx(9.995, rel=0.01)
    assert one.generalised_eud_gy(-1000.0) == pytest.approx(0.005, rel=0.01)
    with pytest.raises(QuantityError, match="exponent"):
        one.generalised_eud_gy(0.0)


def test_survival_equivalent_is_between_minimum_and_mean():
    """-ln(mean exp(-aD))/a; a uniform dose is its own; high doses do not underflow."""
    one = ramp()
    assert one.survival_eud_gy(0.3) == pytest.approx(-np.log(np.mean(np.exp(-0.3 * one.sorted_gy))) / 0.3)
    even = DoseVolume(region="r", sorted_gy=np.full(5, 4000.0), voxel_ml=1.0, mean_sd_gy=0.0)
    assert even.survival_eud_gy(0.3) == pytest.approx(4000.0)
    with pytest.raises(QuantityError, match="sensitivity"):
        one.survival_eud_gy(0.0)


def test_a_dose_of_zero_has_no_homogeneity():
    """0 / 0 is told as nothing."""
    none = DoseVolume(region="r", sorted_gy=np.zeros(3), voxel_ml=1.0, mean_sd_gy=0.0)
    assert none.homogeneity_index() is None
    assert none.generalised_eud_gy(-2.0) == 0.0


def test_uncertainty_of_the_mean_joins_statistics_and_common_error():
    """3 and 4 per cent make 5; independent voxels shrink by the root of their number."""
    dose, mask = np.full((2, 2, 1), 10.0), np.ones((2, 2, 1), dtype=bool)
    both = dose_volume(dose, mask, region="r", voxel_ml=1.0, mean_sd_gy=0.3, common_sd=0.04)
    assert both.mean_sd_gy == pytest.approx(0.5)
    alone = dose_volume(dose, mask, region="r", voxel_ml=1.0, sd_gy=np.full((2, 2, 1), 1.0))
    assert alone.mean_sd_gy == pytest.approx(0.5)


def test_air_is_left_out_and_told():
    """Half of the region is outside the body; a region within the body says nothing."""
    dose = np.array([[[2.0, 0.0]]])
    mask, tissue = np.array([[[True, True]]]), np.array([[[True, False]]])
    found = dose_volume(dose, mask, region="lung", voxel_ml=1.0, tissue=tissue)
    assert found.mean_gy == 2.0
    assert "50 %" in found.notes[0]
    assert dose_volume(dose, tissue, region="lung", voxel_ml=1.0, tissue=tissue).notes == ()


def test_bad_regions_and_doses_are_refused():
    """No tissue, another grid, negative dose, share above 100 %."""
    ones, yes = np.ones((2, 1, 1)), np.ones((2, 1, 1), dtype=bool)
    with pytest.raises(RegionError, match="no tissue"):
        dose_volume(ones, yes, region="r", voxel_ml=1.0, tissue=~yes)
    with pytest.raises(RegionError, match="one grid"):
        dose_volume(ones, yes[:1], region="r", voxel_ml=1.0)
    with pytest.raises(QuantityError, match="negative"):
        dose_volume(-ones, yes, region="r", voxel_ml=1.0)
    with pytest.raises(QuantityError, match="0-100"):
        ramp().dose_at_percent(120.0)


def test_an_even_region_has_the_uncertainty_of_a_median():
    """N independent errors sigma around one dose: D50 varies by sigma sqrt(pi / 2N); patches of 8 make it sqrt(8) more."""
    rng = np.random.default_rng(3)
    n, sigma = 20_000, 0.5
    dose = (10.0 + sigma * rng.standard_normal(n)).reshape(n, 1, 1)
    noise, mask = np.full(dose.shape, sigma / np.sqrt(2.0)), np.ones(dose.shape, dtype=bool)
    # the observed spread is that of truth and noise together: sigma^2 = half truth, half noise
    one = dose_volume(dose, mask, region="r", voxel_ml=1.0, fit_sd_gy=noise)
    many = dose_volume(dose, mask, region="r", voxel_ml=1.0, fit_sd_gy=noise, patch_voxels=8.0)
    found = one.sd_of_dose(one.dose_at_percent(50.0))[0]
    trials = [np.median(10.0 + sigma / np.sqrt(2.0) * (rng.standard_normal(n) + rng.standard_normal(n)))
              for _ in range(200)]  # fmt: skip
    assert found == pytest.approx(np.std(trials), rel=0.25)
    assert many.sd_of_dose(10.0)[0] == pytest.approx(found * np.sqrt(8.0), rel=0.02)
    assert many.mean_sd_gy == pytest.approx(sigma / np.sqrt(2.0) * np.sqrt(8.0 / n), rel=1e-9)


def test_common_and_own_errors_join_in_the_band():
    """Without errors of voxels the band is the common one; with them it is wider, never narrower."""
    dose, mask = np.linspace(5.0, 15.0, 1000).reshape(-1, 1, 1), np.ones((1000, 1, 1), dtype=bool)
    common = dose_volume(dose, mask, region="r", voxel_ml=1.0, common_sd=0.05)
    assert common.sd_of_dose([8.0, 12.0]) == pytest.approx([0.4, 0.6])
    both = dose_volume(dose, mask, region="r", voxel_ml=1.0, common_sd=0.05, fit_sd_gy=0.2 * dose, patch_voxels=30.0)
    assert (both.sd_of_dose([8.0, 12.0]) > common.sd_of_dose([8.0, 12.0])).all()
    assert (both.sd_of_dose([8.0, 12.0]) < 0.2 * np.array([8.0, 12.0]) + 1.0).all()
