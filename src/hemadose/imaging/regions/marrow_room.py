"""The room inside a bone, in voxels of 1 mm whatever the labels' own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.imaging.registration.resampling import require_one_frame, resample_image, resample_region, sample_onto
from hemadose.model import Grid, Image, Quantity, Region

Floats = npt.NDArray[np.float64]

FINE_MM = 1.0
"""Pitch at which room is measured, so that a coarse label map does not round the radius."""


def fine_grid(box_mm: Floats, frame_uid: str) -> Grid:
    """Give an axial grid of 1 mm over a box, shape (2, 3) in LPS mm."""
    shape = np.ceil((box_mm[1] - box_mm[0]) / FINE_MM).astype(int)[::-1] + 1
    return Grid.axial(
        shape=(int(shape[0]), int(shape[1]), int(shape[2])),
        spacing_mm=(FINE_MM, FINE_MM, FINE_MM),
        origin_mm=(float(box_mm[0, 0]), float(box_mm[0, 1]), float(box_mm[0, 2])),
        frame_of_reference_uid=frame_uid,
    )


def finely(region: Region) -> Region:
    """The same region in voxels of 1 mm, in a box about it; it is not continued beyond the image."""
    index = np.argwhere(region.mask)
    ends = np.array(np.meshgrid(*zip(index.min(axis=0) - 1, index.max(axis=0) + 1, strict=True), indexing="ij"))
    corners = region.grid.index_to_mm(ends.reshape(3, -1).T)
    box = np.array([corners.min(axis=0), corners.max(axis=0)])
    grid = fine_grid(box, region.grid.frame_of_reference_uid)
    share = sample_onto(region.mask, region.grid, grid, order=1, outside=0.0)
    return Region(name=region.name, mask=share > 0.501, grid=grid)  # voxels half inside count as outside


def ct_on(ct: Image, grid: Grid) -> Floats:
    """CT numbers on the fine grid, smoothed by 1 mm so that noise is not taken for cortex."""
    from scipy.ndimage import gaussian_filter

    if ct.quantity is not Quantity.HOUNSFIELD:
        raise QuantityError("cortex is found on a CT in HU", field="quantity", value=str(ct.quantity))
    require_one_frame(ct.grid, grid, what="CT and labels")
    values = np.asarray(resample_image(ct, grid).values, dtype=np.float64)
    return np.asarray(gaussian_filter(values, 1.0 / FINE_MM))


def room_of(bone: Region, others: Sequence[Region], bodies: Region | None) -> Region:
    """What is left of a bone outside all other regions (and inside the vertebral bodies, for a vertebra)."""
    room = np.array(bone.mask)
    for other in others:
        other.grid.require_match(bone.grid, what=f"regions {other.name} and {bone.name}")
        room &= ~other.mask
    if bodies is not None and bone.name.startswith(("lumbar", "thoracic", "cervical", "sacrum_s1")):
        room &= resample_region(bodies, bone.grid).mask
    if not room.any():
        raise RegionError(f"no room for a marrow sphere in {bone.name}", remedy="check the labels and the bodies")
    return Region(name=bone.name, mask=room, grid=bone.grid)


def is_cut(region: Region) -> bool:
    """Tell whether a region reaches the first or last slice of its grid."""
    return bool(region.mask[0].any() or region.mask[-1].any())


def deepest(free: Floats, wanted_mm: float) -> tuple[Floats, float]:
    """Place with most room; where many allow the wanted radius, the one in their middle."""
    score = np.minimum(free, wanted_mm)
    near = np.argwhere(score >= score.max() - 0.5 * FINE_MM)
    index = near[np.argmin(((near - near.mean(axis=0)) ** 2).sum(axis=1))]
    return index.astype(np.float64), float(free[tuple(index)])


def iliac_part(hip: Region, *, sacrum: Region | None = None) -> Region:
    """Give the back of the iliac wing, where marrow is rich and the bone thick, and where it is sampled.

    Of the hip bone: what lies above the middle of the sacrum (without it: the upper 40 %), and of that
    the back half. The socket of the joint, which is thicker but poor in red marrow, is left out.

    Raises
    ------
    RegionError
        If nothing is left.
    """
    points = hip.grid.index_to_mm(np.argwhere(hip.mask))
    z, y = points[:, 2], points[:, 1]
    floor = sacrum.centroid_mm[2] if sacrum is not None else float(z.min() + 0.6 * np.ptp(z))
    upper = z >= floor
    if not upper.any():
        raise RegionError(f"{hip.name} does not reach above the middle of the sacrum", remedy="check the labels")
    back = y >= 0.5 * (y[upper].min() + y[upper].max())
    mask = np.zeros(hip.grid.shape, dtype=bool)
    mask[tuple(np.argwhere(hip.mask)[upper & back].T)] = True
    return Region(name=hip.name, mask=mask, grid=hip.grid)
