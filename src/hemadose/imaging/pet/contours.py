"""Contours at a level of uptake: the part that holds the peak, grown without leaking."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]

ALL_NEIGHBOURS = np.ones((3, 3, 3), dtype=np.bool_)


def connected_to_peak(values: Values, mask: Mask) -> Mask:
    """Keep the connected part that holds the hottest voxel."""
    from scipy.ndimage import label

    parts, count = label(mask, structure=ALL_NEIGHBOURS)
    if count == 1:
        return mask
    hottest = np.unravel_index(int(np.where(mask, values, -np.inf).argmax()), mask.shape)
    return np.asarray(parts == parts[hottest])


def grown(
    values: Values,
    basin: Mask,
    *,
    others: Mask,
    allowed: Mask,
    level: float,
    growth_mm: float,
    spacing_mm: tuple[float, float, float],
) -> Mask | None:
    """Grow a basin down to a level below the one it was found at.

    Parameters
    ----------
    values : ndarray, shape (slices, rows, columns)
        Uptake.
    basin : ndarray of bool
        Where to begin.
    others, allowed : ndarray of bool
        Voxels of other lesions, which are never taken, and voxels that may be taken.
    level : float
        Of the wider contour.
    growth_mm : float
        Farthest distance from the basin.
    spacing_mm : tuple of float
        Voxel pitch.

    Returns
    -------
    ndarray of bool, or None
        None if it reaches as far as it was allowed to: the contour runs into the surroundings.
    """
    from scipy.ndimage import distance_transform_edt

    reach = [int(np.ceil(growth_mm / s)) + 1 for s in spacing_mm]
    index = np.argwhere(basin)
    box = tuple(
        slice(max(int(a) - r, 0), int(b) + r + 1)
        for a, b, r in zip(index.min(axis=0), index.max(axis=0), reach, strict=True)
    )
    away = distance_transform_edt(~basin[box], sampling=spacing_mm)
    mask = (values[box] >= level) & allowed[box] & ~others[box] & (away <= growth_mm)
    part = np.zeros(values.shape, dtype=np.bool_)
    part[box] = mask | basin[box]
    part = connected_to_peak(values, part)
    if float(away[part[box]].max()) > growth_mm - max(spacing_mm):
        return None
    return part
