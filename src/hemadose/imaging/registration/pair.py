"""Two images made ready to be compared: axial, one kind of values, the body known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError
from hemadose.imaging.regions.segmentation import body_region
from hemadose.imaging.regions.tidying import grow_mm
from hemadose.imaging.registration.resampling import outside_value, sample_onto
from hemadose.model import Grid, Image, Quantity
from hemadose.model.transform import Transform

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

WORK_MM = 3.0
"""Finest pitch of the rigid search."""

CT_WINDOW_HU = (-1000.0, 600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """One image as the optimiser sees it.

    Attributes
    ----------
    values : ndarray of float32
        CT clipped to a window, or the square root of an emission image.
    grid : Grid
        Axial.
    body : ndarray of bool
        Where the patient is, with a margin.
    is_ct : bool
        HU or emission.
    """

    values: npt.NDArray[np.float32]
    grid: Grid
    body: Mask
    is_ct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two images made ready."""

    fixed: Ready
    moving: Ready

    def swapped(self) -> Pair:
        """Exchange fixed and moving."""
        return Pair(fixed=self.moving, moving=self.fixed)

    @property
    def body_points_mm(self) -> Floats:
        """Points of the fixed body, at most some 20 000, shape (n, 3)."""
        index = np.argwhere(self.fixed.body)
        return self.fixed.grid.index_to_mm(index[:: max(len(index) // 20_000, 1)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """Correlation, mutual information (nats) and overlap of two images inside the fixed body."""

    correlation: float
    information: float
    overlap: float


def simple_itk() -> Any:
    """Import SimpleITK.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import SimpleITK
    except ImportError as problem:
        raise InputError(
            "registration needs SimpleITK, which is not installed",
            remedy='pip install "hemadose[registration]"',
        ) from problem
    return SimpleITK


def prepared(fixed: Image, moving: Image) -> Pair:
    """Make two images of one kind ready: axial, not finer than 3 mm, values levelled, body found."""
    simple_itk()
    return Pair(fixed=_ready(fixed), moving=_ready(moving))


def _ready(image: Image) -> Ready:
    is_ct = image.quantity is Quantity.HOUNSFIELD
    grid = axial_grid(image.grid, least_mm=WORK_MM)
    values = sample_onto(image.values, image.grid, grid, order=1, outside=outside_value(image.quantity))
    if is_ct:
        body = body_region(Image(values=values, grid=grid, quantity=image.quantity)).mask
        values, margin = np.clip(values, *CT_WINDOW_HU), 10.0
    else:
        values, margin = np.sqrt(np.maximum(values, 0.0)), 20.0
        body = _warm(values, grid)
    return Ready(
        values=values.astype(np.float32), grid=grid, body=grow_mm(body, grid.spacing_mm, margin), is_ct=is_ct
    )  # fmt: skip


def _warm(values: npt.NDArray[np.float32], grid: Grid) -> Mask:
    """Voxels of an emission image that are not background: a tenth of its bright end, smoothed by 10 mm."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(values, [10.0 / s for s in grid.spacing_mm])
    return np.asarray(smooth >= 0.1 * np.percentile(smooth, 99.5))


def axial_grid(grid: Grid, *, least_mm: float) -> Grid:
    """Give an axial grid over the same box, with the pitch of the image but not below `least_mm`."""
    ends = np.array(np.meshgrid(*((0, n - 1) for n in grid.shape), indexing="ij")).reshape(3, -1).T
    corners = grid.index_to_mm(ends)
    low, high = corners.min(axis=0), corners.max(axis=0)
    along = [grid.spacing_mm[int(np.argmax(np.abs(grid.affine[axis, :3])))] for axis in range(3)]
    pitch = [max(a, least_mm) for a in along]
    shape = [int(np.floor((high[a] - low[a]) / pitch[a] + 1e-3)) + 1 for a in (2, 1, 0)]
    return Grid.axial(
        shape=(shape[0], shape[1], shape[2]),
        spacing_mm=(pitch[2], pitch[1], pitch[0]),
        origin_mm=(float(low[0]), float(low[1]), float(low[2])),
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )


def similarity(pair: Pair, matrix: Floats, transform: Transform | None) -> Similarity:
    """Compare the images at the points of the fixed body, moved by a transform (or by a matrix alone)."""
    from scipy.ndimage import map_coordinates

    points = pair.body_points_mm
    moved = points @ matrix[:3, :3].T + matrix[:3, 3] if transform is None else transform.map_points(points)
    index = pair.moving.grid.mm_to_index(moved)
    held = ((index >= -0.5) & (index <= np.array(pair.moving.grid.shape) - 0.5)).all(axis=1)
    overlap = float(held.mean())
    if held.sum() < 200:
        return Similarity(correlation=0.0, information=0.0, overlap=overlap)
    at = pair.fixed.grid.mm_to_index(points[held]).T
    a = map_coordinates(pair.fixed.values, at, order=1, mode="nearest")
    b = map_coordinates(pair.moving.values, index[held].T, order=1, mode="nearest")
    if a.std() <= 0.0 or b.std() <= 0.0:
        return Similarity(correlation=0.0, information=0.0, overlap=overlap)
    joint = np.histogram2d(a, b, bins=32)[0] / len(a)
    alone = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    some = joint > 0
    information = float((joint[some] * np.log(joint[some] / alone[some])).sum())
    return Similarity(correlation=float(np.corrcoef(a, b)[0, 1]), information=information, overlap=overlap)
