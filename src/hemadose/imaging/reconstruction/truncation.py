"""Whether the body reaches beyond the field of view of a CT."""

from __future__ import annotations

import numpy as np

from hemadose.model import Image

TISSUE_HU = -300.0
_RING_VOXELS = 2.5
_WITHIN_DEG = 35.0
_SQUARE = 0.1
"""Largest difference of the sides of a field that a scanner reconstructed as a circle."""
_SHARE = 0.05


def truncated_slices(ct: Image) -> int:
    """Count the slices whose body is cut off by the field of view.

    Looked at is a ring 2.5 voxels wide at the rim of the circle that fits the matrix (what scanners reconstruct),
    within 35 degrees of its four sides; a body in the corners of a square field is not cut. A slice counts if
    more than 5 % of the ring is tissue: the edge of a table is less. Of a field that is not square (cut out of
    another) the outermost rows and columns are looked at.

    Parameters
    ----------
    ct : Image
        In HU, rows and columns across the patient.

    Returns
    -------
    int

    Examples
    --------
    >>> from hemadose.model import Grid, Quantity
    >>> grid = Grid.axial(shape=(1, 64, 64), spacing_mm=(5, 8, 8), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2")
    >>> body = np.full(grid.shape, -1000.0)
    >>> body[0, 20:44, 10:54] = 0.0
    >>> truncated_slices(Image(values=body, grid=grid, quantity=Quantity.HOUNSFIELD))
    0
    >>> body[0, 20:44] = 0.0
    >>> truncated_slices(Image(values=body, grid=grid, quantity=Quantity.HOUNSFIELD))
    1
    """
    _, rows, columns = ct.grid.shape
    _, row_mm, column_mm = ct.grid.spacing_mm
    if abs(rows * row_mm - columns * column_mm) > _SQUARE * max(rows * row_mm, columns * column_mm):
        values = np.asarray(ct.values) > TISSUE_HU
        edges = np.concatenate([values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1]], axis=1)
        return int(np.count_nonzero(edges.mean(axis=1) > _SHARE))
    y = (np.arange(rows) - (rows - 1) / 2.0) * row_mm
    x = (np.arange(columns) - (columns - 1) / 2.0) * column_mm
    radius = np.hypot(y[:, None], x[None, :])
    rim = min(rows * row_mm, columns * column_mm) / 2.0
    width = _RING_VOXELS * max(row_mm, column_mm)
    turned = np.degrees(np.arctan2(y[:, None], x[None, :])) % 90.0
    beside = (turned <= _WITHIN_DEG) | (turned >= 90.0 - _WITHIN_DEG)
    ring = (radius <= rim) & (radius > rim - width) & beside
    if not ring.any():
        return 0
    tissue = np.asarray(ct.values)[:, ring] > TISSUE_HU
    return int(np.count_nonzero(tissue.mean(axis=1) > _SHARE))
