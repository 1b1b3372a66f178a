"""Peaks of an image that a real valley separates, and the voxels that belong to each."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int32]

VALLEY = 0.8
"""Two peaks are two lesions if the way between them falls below this share of the lower one (a project choice)."""


def basins(values: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], *, valley: float = VALLEY) -> Labels:
    """Split the voxels of a mask among its peaks.

    Voxels are flooded from the highest down. A voxel without flooded neighbours (of 26) is a new peak; one
    between two peaks joins them, unless it lies below `valley` times the lower peak.

    Parameters
    ----------
    values : ndarray, shape (slices, rows, columns)
        Uptake.
    mask : ndarray of bool, same shape
        Voxels to split.
    valley : float
        See above.

    Returns
    -------
    ndarray of int, same shape
        0 outside the mask, 1 for the basin of the highest peak, 2 ...

    Examples
    --------
    >>> row = np.array([[[5.0, 2.0, 4.0, 3.9, 4.1]]], dtype=np.float32)
    >>> basins(row, row > 0).tolist()
    [[[1, 1, 2, 2, 2]]]
    """
    index = np.argwhere(mask)
    level = values[mask].astype(np.float64)
    low = index.min(axis=0) - 1
    shape = tuple(int(n) for n in index.max(axis=0) - low + 2)
    flat = np.ravel_multi_index(tuple((index - low).T), shape)
    steps = [
        int(a * shape[1] * shape[2] + b * shape[2] + c) for a, b, c in product((-1, 0, 1), repeat=3) if a or b or c
    ]
    owner: dict[int, int] = {}
    parent: list[int] = []
    peak: list[float] = []
    for place in np.argsort(-level, kind="stable"):
        here, height = int(flat[place]), float(level[place])
        around = {_root(parent, owner[here + step]) for step in steps if here + step in owner}
        if not around:
            owner[here] = len(parent)
            parent.append(len(parent))
            peak.append(height)
            continue
        ordered = sorted(around, key=lambda basin: -peak[basin])
        owner[here] = ordered[0]
        for other in ordered[1:]:
            if height >= valley * peak[other]:
                parent[other] = ordered[0]
    roots = [_root(parent, owner[int(place)]) for place in flat]
    numbers = {root: n for n, root in enumerate(sorted(set(roots), key=lambda basin: -peak[basin]), start=1)}
    labels = np.zeros(mask.shape, dtype=np.int32)
    labels[mask] = [numbers[root] for root in roots]
    return labels


def _root(parent: list[int], basin: int) -> int:
    while parent[basin] != basin:
        parent[basin] = parent[parent[basin]]
        basin = parent[basin]
    return basin
