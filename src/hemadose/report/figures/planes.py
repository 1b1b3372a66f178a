"""Cuts and projections through volumes, in mm and radiological orientation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.model import Grid, Image, Quantity, Region

Floats: TypeAlias = npt.NDArray[np.float64]


class Cut(Enum):
    """Direction of a cut: LPS axes (across the image, up the image, through it) and its letters.

    The first axis runs to the right of the image, the second upwards; a sign turns it round.
    Patient right is on the image left; a sagittal cut has anterior on the left.
    """

    CORONAL = (0, 1.0, 2, 1.0, 1, "R", "L", "H", "F")
    AXIAL = (0, 1.0, 1, -1.0, 2, "R", "L", "A", "P")
    SAGITTAL = (1, 1.0, 2, 1.0, 0, "A", "P", "H", "F")

    @property
    def across(self) -> int:
        """LPS axis that runs to the right of the image."""
        return self.value[0]

    @property
    def up(self) -> int:
        """LPS axis that runs up or down the image."""
        return self.value[2]

    @property
    def up_sign(self) -> float:
        """+1 if the LPS axis runs upwards, -1 if downwards."""
        return self.value[3]

    @property
    def through(self) -> int:
        """LPS axis perpendicular to the image."""
        return self.value[4]

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """Orientation letters: left, right, top, bottom of the image."""
        return self.value[5], self.value[6], self.value[7], self.value[8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rectangle of an image plane in mm.

    Attributes
    ----------
    cut : Cut
        Direction.
    across_mm, up_mm : ndarray, shape (n,) and (m,)
        Pixel centres; `up_mm` in the order of image rows from bottom to top.
    """

    cut: Cut
    across_mm: Floats
    up_mm: Floats

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top for `imshow` with the origin at the bottom."""
        half_a = 0.5 * (self.across_mm[1] - self.across_mm[0])
        half_u = 0.5 * (self.up_mm[1] - self.up_mm[0])
        return (
            float(self.across_mm[0] - half_a),
            float(self.across_mm[-1] + half_a),
            float(self.up_mm[0] - half_u),
            float(self.up_mm[-1] + half_u),
        )


def bounds_mm(grid: Grid) -> Floats:
    """Give the corners of a grid's voxel centres as (lower, upper), shape (2, 3), LPS mm."""
    steps = np.array(np.meshgrid(*[(0, n - 1) for n in grid.shape], indexing="ij"))
    corners = grid.index_to_mm(steps.reshape(3, -1).T)
    return np.stack([corners.min(axis=0), corners.max(axis=0)])


def body_box_mm(grid: Grid, regions: tuple[Region, ...]) -> Floats:
    """Give the box to show, shape (2, 3) in LPS mm: the body, else all regions and a margin.

    The box never leaves the grid, and keeps its full length from head to foot.
    """
    lower, upper = bounds_mm(grid)
    body = [region for region in regions if region.name == "whole_body"]
    margin = 15.0 if body else 70.0
    box = np.stack([lower, upper])
    corners = [region_box_mm(region) for region in (body or regions)]
    if corners:
        across = np.array([True, True, False])
        box[0, across] = np.maximum(lower, np.min([c[0] for c in corners], axis=0) - margin)[across]
        box[1, across] = np.minimum(upper, np.max([c[1] for c in corners], axis=0) + margin)[across]
    return box


def region_box_mm(region: Region) -> Floats:
    """Give the corners of the box around a region, shape (2, 3) in LPS mm."""
    ends = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        inside = np.flatnonzero(region.mask.any(axis=others))
        ends.append((inside[0], inside[-1]))
    index = np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T
    corners = region.grid.index_to_mm(index)
    return np.stack([corners.min(axis=0), corners.max(axis=0)])


def window_of(box_mm: Floats, cut: Cut, *, pitch_mm: float) -> Window:
    """Give the rectangle that shows a box, shape (2, 3) in LPS mm, in one direction."""
    lower, upper = box_mm

    def run(axis: int) -> Floats:
        count = max(2, round((upper[axis] - lower[axis]) / pitch_mm) + 1)
        return np.linspace(lower[axis], upper[axis], count)

    up = run(cut.up)
    return Window(cut=cut, across_mm=run(cut.across), up_mm=up if cut.up_sign > 0 else up[::-1])


def sample_cut(values: npt.NDArray[np.generic], grid: Grid, window: Window, *, at_mm: float, outside: float) -> Floats:
    """Interpolate a volume on one plane.

    Parameters
    ----------
    values : ndarray, shape of `grid`
        Volume.
    grid : Grid
        Where it lies.
    window : Window
        Rectangle and direction.
    at_mm : float
        Position along the direction through the plane.
    outside : float
        Value outside the volume.

    Returns
    -------
    ndarray, shape (up, across)
        Row 0 at the bottom of the image.
    """
    from scipy.ndimage import map_coordinates

    points = np.empty((window.up_mm.size, window.across_mm.size, 3))
    points[..., window.cut.across] = window.across_mm[None, :]
    points[..., window.cut.up] = window.up_mm[:, None]
    points[..., window.cut.through] = at_mm
    index = np.moveaxis(grid.mm_to_index(points), -1, 0)
    return np.asarray(
        map_coordinates(np.asarray(values, dtype=np.float32), index, order=1, mode="constant", cval=outside),
        dtype=np.float64,
    )


def project_maximum(image: Image, window: Window) -> Floats:
    """Maximum-intensity projection through a volume, shape (up, across).

    Axial, coronal and sagittal grids are projected without interpolation between planes.
    """
    lower, upper = bounds_mm(image.grid)
    axis = window.cut.through
    index_axis = int(np.argmax(np.abs(image.grid.affine[axis, :3])))
    count = image.grid.shape[index_axis]
    flat = np.zeros((window.up_mm.size, window.across_mm.size))
    if _aligned(image.grid):
        projected = np.expand_dims(image.values.max(axis=index_axis), index_axis)
        thick = np.repeat(projected, 2, axis=index_axis)
        steps = (int(n) for n in thick.shape)
        shape = (next(steps), next(steps), next(steps))
        grid = Grid(
            shape=shape,
            affine=image.grid.affine,
            frame_of_reference_uid=image.grid.frame_of_reference_uid,
        )
        at_mm = float(bounds_mm(grid)[:, axis].mean())
        return sample_cut(thick, grid, window, at_mm=at_mm, outside=0.0)
    for at_mm in np.linspace(lower[axis], upper[axis], count):
        plane = sample_cut(image.values, image.grid, window, at_mm=float(at_mm), outside=0.0)
        np.maximum(flat, plane, out=flat)
    return flat


def _aligned(grid: Grid) -> bool:
    """Tell whether every index axis runs along one patient axis."""
    direction = grid.affine[:3, :3] / np.asarray(grid.spacing_mm)
    return bool(np.all(np.isclose(np.abs(direction), np.round(np.abs(direction)), atol=1e-4)))


def project_mask(region: Region, window: Window) -> Floats:
    """Shadow of a region in the plane of a window: 1 inside, shape (up, across)."""
    volume = Image(values=region.mask.astype(np.float32), grid=region.grid, quantity=Quantity.LABEL)
    return project_maximum(volume, window)


def centre_of(regions: tuple[Region, ...], *stems: str) -> tuple[float, float, float]:
    """Mean centroid of the regions whose name starts with one of the stems, else of all."""
    chosen = [r for r in regions if r.name.startswith(stems)] or list(regions)
    x, y, z = np.mean([region.centroid_mm for region in chosen], axis=0)
    return float(x), float(y), float(z)
