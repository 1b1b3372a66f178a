"""Correlation of the errors of voxels against noise of known correlation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hemadose.errors import RegionError
from hemadose.kinetics.voxelwise import fit_voxels
from hemadose.kinetics.voxelwise_noise import independent_patch_voxels
from hemadose.units import HOUR_S

TIMES = np.array([4.0, 24.0, 72.0, 168.0]) * HOUR_S
LU_S = 159.5 * HOUR_S
SHAPE = (24, 24, 24)


def series(smooth, seed=0):
    """60 h everywhere, 5 % noise, white or smoothed by a Gaussian of so many voxels."""
    rng = np.random.default_rng(seed)
    even = np.exp(-np.log(2.0) * TIMES / (60.0 * HOUR_S))[:, None, None, None]
    noise = rng.standard_normal((4, *SHAPE))
    if smooth:
        noise = np.stack([gaussian_filter(n, smooth, mode="wrap") for n in noise])
    return even * (1.0 + 0.05 * noise / noise.std())


def test_white_noise_is_one_voxel():
    """Independent voxels: a patch of 1 (at most 2, from the estimate of rho)."""
    patch = independent_patch_voxels(TIMES, series(0.0), np.ones(SHAPE, dtype=bool), half_life_s=LU_S)
    assert 1.0 <= patch < 2.0


def test_smoothed_noise_has_the_volume_of_its_correlation():
    """Noise smoothed by s has the correlation exp(-d^2/4s^2), whose integral is (4 pi s^2)^(3/2)."""
    patch = independent_patch_voxels(TIMES, series(1.2), np.ones(SHAPE, dtype=bool), half_life_s=LU_S)
    assert patch == pytest.approx((4.0 * np.pi * 1.2**2) ** 1.5, rel=0.15)


def test_the_patch_tells_how_much_a_mean_varies():
    """Means of 8^3 voxels over 48 noise realisations: sqrt(patch / n) times a voxel's, within 30 %."""
    means, voxels = [], []
    for seed in range(48):
        tia = fit_voxels(TIMES, series(1.2, seed=seed)[:, 8:16, 8:16, 8:16], half_life_s=LU_S).tia_s
        means.append(tia.mean())
        voxels.append(tia[4, 4, 4])
    patch = independent_patch_voxels(TIMES, series(1.2, seed=99), np.ones(SHAPE, dtype=bool), half_life_s=LU_S)
    assert np.std(means) / np.std(voxels) == pytest.approx(np.sqrt(patch / 512), rel=0.30)


def test_small_regions_are_one_patch_and_others_are_refused():
    """Eight voxels; two images, which leave nothing over; another grid."""
    few = np.zeros(SHAPE, dtype=bool)
    few[:2, :2, :2] = True
    assert independent_patch_voxels(TIMES, series(0.0), few, half_life_s=LU_S) == 8.0
    assert independent_patch_voxels(TIMES[:2], series(0.0)[:2], np.ones(SHAPE, bool), half_life_s=LU_S) == 24.0**3
    with pytest.raises(RegionError, match="do not share one grid"):
        independent_patch_voxels(TIMES, series(0.0), few[:2], half_life_s=LU_S)
