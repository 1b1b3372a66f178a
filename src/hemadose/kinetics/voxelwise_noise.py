"""How far the errors of neighbouring voxels' fits belong together, from what the fits leave over.

A reconstruction spreads the noise of a count over its resolution, so that a region of n voxels has fewer independent
errors than n. What one exponential leaves over in every image of the series, less the part that the whole region
shares (the curve's own misfit), is noise; the correlation rho of neighbours along an axis gives the length of an
independent patch, sqrt(pi / -ln rho) voxels for a Gaussian correlation exp(-d^2 / 4 s^2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import RegionError
from hemadose.kinetics.voxelwise import fit_voxels

Array = npt.NDArray[np.float64]

_FEWEST = 27
_LEAST_RHO, _MOST_RHO = 1e-3, 0.95


def independent_patch_voxels(
    times_s: npt.ArrayLike,
    values: npt.NDArray[np.floating[Any]],
    mask: npt.NDArray[np.bool_],
    *,
    half_life_s: float,
) -> float:
    """Number of voxels that share one independent error of the fit.

    Parameters
    ----------
    times_s : array (n,)
        Three at least; with two, nothing is left over.
    values : array (n, slices, rows, columns)
        Activity concentration, as for `fit_voxels`.
    mask : array of bool (slices, rows, columns)
        The region.
    half_life_s : float
        Physical.

    Returns
    -------
    float
        From 1 (independent voxels) to the number of voxels of the region; that number where the region is smaller
        than 27 voxels or has no neighbours in some direction: a small region is taken as one.

    Raises
    ------
    RegionError
        If the shapes differ, or the region is empty.
    """
    if values.shape[1:] != mask.shape or not mask.any():
        raise RegionError("a region and the series do not share one grid, or it is empty", value=str(mask.shape))
    times = np.asarray(times_s, dtype=np.float64)
    count = int(np.count_nonzero(mask))
    if times.size < 3 or count < _FEWEST:
        return float(count)
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(mask))
    inside = mask[box]
    left = _left_over(times, np.asarray(values[(slice(None), *box)], dtype=np.float64), inside, half_life_s)
    patch = 1.0
    for axis in range(3):
        near, far = _neighbours(inside, axis)
        both = near & far
        if not both.any():
            return float(count)
        first = np.moveaxis(left, axis + 1, -1)[..., :-1][..., both]
        second = np.moveaxis(left, axis + 1, -1)[..., 1:][..., both]
        scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
        rho = float(np.clip((first * second).sum() / scale if scale > 0.0 else 0.0, _LEAST_RHO, _MOST_RHO))
        patch *= max(float(np.sqrt(np.pi / -np.log(rho))), 1.0)
    return min(patch, float(count))


def _neighbours(inside: npt.NDArray[np.bool_], axis: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    moved = np.moveaxis(inside, axis, -1)
    return moved[..., :-1], moved[..., 1:]


def _left_over(times: Array, values: Array, inside: npt.NDArray[np.bool_], half_life_s: float) -> Array:
    """Residuals at every time, zero outside, without what the region shares."""
    held = values[:, inside]
    curves = fit_voxels(times, held, half_life_s=half_life_s)
    fitted = curves.tia_s * curves.rate_per_s * np.exp(-curves.rate_per_s * times[:, None])
    residual = held - fitted
    norm = np.maximum((fitted**2).sum(axis=1), 1e-300)
    residual -= fitted * ((residual * fitted).sum(axis=1) / norm)[:, None]
    found = np.zeros_like(values)
    found[:, inside] = residual - residual.mean(axis=1)[:, None]
    return found
