"""Noise of a region's sum, told from one image alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def region_variance(values: Floats, mask: npt.NDArray[np.bool_]) -> float:
    """Variance of the sum of an image over a region, from the image itself.

    Parameters
    ----------
    values : ndarray, shape (slices, rows, columns)
        Counts or Bq/ml.
    mask : ndarray of bool
        The region, of the same shape.

    Returns
    -------
    float
        In the image's unit squared; the sum itself (at least 1) where the region is too small to tell.

    Notes
    -----
    Second differences over four voxels show the noise without smooth structure; first differences of
    neighbours show how far it is correlated. With a Gaussian correlation exp(-d^2/4s^2), of which
    neighbours keep rho, one independent patch is sqrt(pi / -ln rho) voxels long in each direction, and
    the sum of n voxels varies n times the patch times the voxel variance.
    """
    count = int(np.count_nonzero(mask))
    noise = _second_difference_variance(values, mask)
    if noise is None or noise <= 0.0:
        return float(max(values[mask].sum(), 1.0))
    patch = 1.0
    for axis in range(3):
        inside = np.moveaxis(mask, axis, 2)
        moved = np.moveaxis(values, axis, 2)
        pairs = inside[:, :, 1:] & inside[:, :, :-1]
        if not pairs.any():
            continue
        step = np.median(np.abs(moved[:, :, 1:] - moved[:, :, :-1])[pairs]) / 0.6745
        rho = float(np.clip(1.0 - step**2 / (2.0 * noise), 1e-3, 0.95))
        patch *= max(float(np.sqrt(np.pi / -np.log(rho))), 1.0)
    return noise * count * min(patch, float(count))


def _second_difference_variance(values: Floats, mask: npt.NDArray[np.bool_]) -> float | None:
    """Voxel variance from second differences over four voxels, or first ones in small regions."""
    both = mask[:, :, 4:] & mask[:, :, :-4]
    if np.count_nonzero(both) < 8:
        return None
    curvature = mask[:, :, 8:] & mask[:, :, 4:-4] & mask[:, :, :-8]
    if np.count_nonzero(curvature) >= 8:
        second = values[:, :, 8:] - 2.0 * values[:, :, 4:-4] + values[:, :, :-8]
        return float(np.median(np.abs(second[curvature])) / 0.6745) ** 2 / 6.0
    first = values[:, :, 4:] - values[:, :, :-4]
    return float(np.median(np.abs(first[both])) / 0.6745) ** 2 / 2.0
