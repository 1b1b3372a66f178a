"""Where a projector samples the volume: turned lattices, and the blur that belongs to each depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from hemadose.imaging.camera.response import DetectorResponse
from hemadose.model import Grid

Volume: TypeAlias = npt.NDArray[np.float32]
Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

T = TypeVar("T", bound=np.generic)

TAP_VARIANCE = 1.0 / 3.0
"""Of one blurring step, in pixels squared: three taps of this variance have the fourth moment of a Gaussian."""
TAP_REACH = 4.5
"""Standard deviations that the taps of a Gaussian reach."""
MARGIN = 4.0
"""Standard deviations of the widest blur that are kept around the samples while blurring."""

BEHIND = "part of the support lies behind the collimator of some view: seen as if on its face"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Samples of every view, and the stages of blur that they belong to (see `_projector_kernels`).

    Attributes
    ----------
    rows, columns : slice
        Of the grid: the support with a border of one; may reach beyond the grid by one.
    geometry : array (views, 6)
        Row and column of sample (0, 0) within the crop, and their steps along u and w.
    low : int
        First of the detector bins that see the support in some view.
    first, last : array (views, bins used) of int32
        Depths whose samples meet the support.
    base : array (views, bins used) of int64
        Where the samples of a bin begin, within the view.
    offset : array (views + 1,) of int64
        Where the samples of a view begin.
    stage, share : array (views, depths)
        Lower stage of every depth, and the share of the upper one.
    stages : int
        Number of stages, of all views.
    taps : array (2,) of float32
        Outer taps of a stage, along slices and across bins.
    last_along, last_across : array (views, taps) of float32
        Gaussian of the nearest plane, from the middle on.
    margin : tuple of int
        Bins around those used, and slices around all, that blur may leave into and come back from.
    notes : tuple of str
        Doubts.
    """

    rows: slice
    columns: slice
    geometry: Floats
    low: int
    first: npt.NDArray[np.int32]
    last: npt.NDArray[np.int32]
    base: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    stage: npt.NDArray[np.int32]
    share: Volume
    stages: int
    taps: Volume
    last_along: Volume
    last_across: Volume
    margin: tuple[int, int]
    notes: tuple[str, ...]


def make_lattice(
    grid: Grid,
    *,
    angle_deg: Floats,
    radius_mm: Floats,
    axis_mm: tuple[float, float],
    bins: int,
    mask: Mask,
    response: DetectorResponse | None,
) -> Lattice:
    """Lay the samples of all views over a grid; `mask` (rows, columns) is where activity may be in any slice."""
    from hemadose.imaging.camera import _projector_kernels as kernels

    slice_mm, step, _ = grid.spacing_mm
    centre = grid.mm_to_index([*axis_mm, float(grid.affine[2, 3])])[1:]
    rows, columns = (_bordered(np.any(mask, axis=1 - axis)) for axis in (0, 1))
    cropped = crop(mask[None], rows, columns)[0]
    depths = _depths(mask.shape, centre)
    geometry = _geometry(angle_deg, centre - [rows.start, columns.start], bins, depths)
    first, last = (np.empty((angle_deg.size, bins), dtype=np.int32) for _ in range(2))
    kernels.depth_ranges(cropped, geometry, depths, first, last)
    low, high = _seeing_bins(first <= last)
    first, last = (np.ascontiguousarray(bounds[:, low:high]) for bounds in (first, last))
    length = np.maximum(last - first + 1, 0).astype(np.int64)
    depth = np.arange(depths)
    used = np.any((depth >= first[:, :, None]) & (depth <= last[:, :, None]), axis=1)
    distance = radius_mm[:, None] - (depth - (depths - 1) / 2.0) * step
    variance = _variance(np.maximum(distance, 0.0), response, step)
    least = np.where(used, variance, np.inf).min(axis=1)
    least[~np.any(used, axis=1)] = 0.0
    per_slice = (step / slice_mm) ** 2
    stage, share, tap = _stages(np.where(used, variance - least[:, None], 0.0), per_slice)
    widest = MARGIN * float(np.sqrt(variance[used].max(initial=0.0)))
    behind = (distance[used] < 0.0).any()
    return Lattice(
        rows=rows, columns=columns, geometry=geometry, low=low, first=first, last=last,
        base=np.cumsum(length, axis=1) - length,
        offset=np.concatenate([[0], np.cumsum(length.sum(axis=1))]),
        stage=stage, share=share, stages=int(stage.max()) + 2, taps=np.array([tap * per_slice, tap], dtype=np.float32),
        last_along=gaussian_taps(least * per_slice), last_across=gaussian_taps(least),
        margin=(int(np.ceil(widest)), int(np.ceil(widest * step / slice_mm))),
        notes=(BEHIND,) if behind else (),
    )  # fmt: skip


def crop(volume: npt.NDArray[T], rows: slice, columns: slice) -> npt.NDArray[T]:
    """Cut rows and columns out of (slices, rows, columns), with zeros where the cut reaches beyond the volume."""
    shape = (volume.shape[0], rows.stop - rows.start, columns.stop - columns.start)
    cut = np.zeros(shape, dtype=volume.dtype)
    (r, inner_r), (c, inner_c) = overlap(rows, volume.shape[1]), overlap(columns, volume.shape[2])
    cut[:, inner_r, inner_c] = volume[:, r, c]
    return cut


def overlap(part: slice, count: int) -> tuple[slice, slice]:
    """Part of a range that lies within an axis, and where that is in the range."""
    low, high = max(part.start, 0), min(part.stop, count)
    return slice(low, high), slice(low - part.start, high - part.start)


def _bordered(used: npt.ArrayLike) -> slice:
    """Range of the used indices and one more on either side."""
    places = np.flatnonzero(used)
    return slice(int(places[0]) - 1, int(places[-1]) + 2)


def _seeing_bins(seen: npt.ArrayLike) -> tuple[int, int]:
    """Range of the bins that see the support in some view."""
    places = np.flatnonzero(np.any(seen, axis=0))
    return (int(places[0]), int(places[-1]) + 1) if places.size else (0, 1)


def _depths(shape: tuple[int, ...], centre: Floats) -> int:
    """Samples along a ray that reach every corner, of the parity that puts right angles onto voxel centres."""
    corners = np.array([[r, c] for r in (-1, shape[0]) for c in (-1, shape[1])])
    reach = float(np.linalg.norm(corners - centre, axis=1).max())
    parity = round(2.0 * float(centre[0])) + 1
    count = 2 * int(np.ceil(reach)) + 1
    return count + (count - parity) % 2


def _geometry(angle_deg: Floats, centre: Floats, bins: int, depths: int) -> Floats:
    """Row and column of sample (0, 0) of each view, and the steps along u and w."""
    sine, cosine = np.sin(np.deg2rad(angle_deg)), np.cos(np.deg2rad(angle_deg))
    y_u, x_u, y_w, x_w = sine, -cosine, cosine, sine
    u, w = (bins - 1) / 2.0, (depths - 1) / 2.0
    y0, x0 = centre[0] - u * y_u - w * y_w, centre[1] - u * x_u - w * x_w
    # a sample on a voxel centre must not fall below it by rounding
    return np.ascontiguousarray(np.stack([y0 + 1e-9, x0 + 1e-9, y_u, x_u, y_w, x_w], axis=1))


def _variance(distance: Floats, response: DetectorResponse | None, step: float) -> Floats:
    """Of the blur at each distance, in pixels squared."""
    return np.zeros_like(distance) if response is None else (response.sigma_mm(distance) / step) ** 2


def _stages(variance: Floats, per_slice: float) -> tuple[npt.NDArray[np.int32], Volume, float]:
    """Lower stage of every depth, share of the upper one, and the outer tap across bins."""
    height = TAP_VARIANCE / max(1.0, per_slice)
    place = variance / height
    stage = np.floor(place).astype(np.int32)
    return stage, (place - stage).astype(np.float32), height / 2.0


def gaussian_taps(variance: npt.ArrayLike) -> Volume:
    """Taps of Gaussians of these variances (pixels squared) from the middle on.

    A sampled Gaussian narrower than a pixel has less variance than it should: its parameter is raised until it has.

    Parameters
    ----------
    variance : array (n,)
        Wanted variances.

    Returns
    -------
    array (n, taps) of float32

    Examples
    --------
    >>> [[round(float(t), 3) for t in taps] for taps in gaussian_taps([0.1, 1.0])][0][:3]
    [0.9, 0.05, 0.0]
    """
    wanted = np.atleast_1d(np.asarray(variance, dtype=np.float64))
    place = np.arange(int(np.ceil(TAP_REACH * np.sqrt(wanted.max(initial=0.0)))) + 2, dtype=np.float64)
    weight = np.where(place > 0.0, 2.0, 1.0)
    taps = np.zeros((wanted.size, place.size))
    taps[:, 0] = 1.0
    for i in np.flatnonzero(wanted > 1e-6):
        low, high = 0.0, float(wanted[i]) + 1.0
        for _ in range(50):
            middle = (low + high) / 2.0
            shape = np.exp(-(place**2) / (2.0 * middle))
            taps[i] = shape / (weight @ shape)
            if (weight * place**2) @ taps[i] < wanted[i]:
                low = middle
            else:
                high = middle
    return taps.astype(np.float32)
