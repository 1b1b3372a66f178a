"""Which decays are plain: their electrons meet nothing but matter like their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.physics.voxel_dose.convolution import bounding_box
from hemadose.physics.voxel_dose.matter import PatientMatter

Volume = npt.NDArray[np.floating[Any]]

UNIFORM_RATIO = 1.15
"""Densities within reach of a plain decay differ by no more than this factor; fat and muscle do by 1.1."""
CLASS_RATIO = 1.2
_FIRST = 0.05
_WIDEST = 12


def density_classes(density_g_per_ml: Volume) -> npt.NDArray[np.int64]:
    """Class of each density, even in its logarithm; one of them is 0.92 to 1.11 g/ml."""
    place = np.log(np.maximum(density_g_per_ml, 1e-3) / _FIRST) / np.log(CLASS_RATIO)
    return np.asarray(np.maximum(np.floor(place), 0).astype(np.int64))


def plain_decays(matter: PatientMatter, *, reach_cm: float) -> npt.NDArray[np.bool_]:
    """Voxels whose electrons meet nothing but matter like their own.

    Parameters
    ----------
    matter : PatientMatter
        Densities.
    reach_cm : float
        Reach of electrons at 1 g/ml, from the middle of a voxel; it grows with 1/density. Neighbours always
        count.

    Returns
    -------
    array of bool
        False for air, and at the border of the grid where air begins.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    found = np.zeros(matter.tissue.shape, dtype=bool)
    least = float(matter.density_g_per_ml[matter.tissue].min(initial=np.inf))
    most = _widths(np.array([least]), reach_cm, min(matter.voxel_mm)).max()
    wide = [int(np.ceil(most * min(matter.voxel_mm) / side)) for side in matter.voxel_mm]
    box = tuple(slice(max(b.start - w, 0), b.stop + w) for b, w in zip(bounding_box(matter.tissue), wide, strict=True))
    density, tissue = matter.density_g_per_ml[box], matter.tissue[box]
    plain = np.zeros(density.shape, dtype=bool)
    widths = _widths(density, reach_cm, min(matter.voxel_mm))
    for width in np.unique(widths[tissue]):
        size = tuple(2 * int(np.ceil(width * min(matter.voxel_mm) / side)) + 1 for side in matter.voxel_mm)
        low = minimum_filter(density, size=size, mode="nearest")
        high = maximum_filter(density, size=size, mode="nearest")
        here = widths == width
        plain[here] = (high <= low * UNIFORM_RATIO)[here]
    found[box] = plain & tissue
    return found


def _widths(density: Volume, reach_cm: float, side_mm: float) -> npt.NDArray[np.int64]:
    """Voxels that electrons reach."""
    steps = np.ceil(10.0 * reach_cm / (np.maximum(density, 0.05) * side_mm) - 0.5)
    return np.asarray(np.clip(steps, 1, _WIDEST).astype(np.int64))
