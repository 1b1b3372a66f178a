"""Images and regions carried through a transform, its Jacobian, its inverse, and two of them in a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, InputError, RegionError
from hemadose.imaging.registration.resampling import outside_value
from hemadose.model import Grid, Image, Quantity, Region
from hemadose.model.transform import Transform

Floats = npt.NDArray[np.float64]

KEEP = ("concentration", "total")


def carry_image(moving: Image, transform: Transform, grid: Grid, *, keep: str | None = None) -> Image:
    """Bring a moving image onto a grid of the fixed frame.

    Parameters
    ----------
    moving : Image
        In the moving frame.
    transform : Transform
        From fixed to moving points.
    grid : Grid
        In the fixed frame.
    keep : str, optional
        ``concentration``: tissue keeps its Bq/ml when it is stretched or pressed. ``total``: counts or activity
        of an organ stay the same, so values are multiplied by the local change of volume. The default is total
        for counts (with the change of voxel volume) and concentration for Bq/ml; neither touches HU and labels.

    Returns
    -------
    Image
        Quantity as before; labels by nearest neighbour, all else linearly.

    Raises
    ------
    GeometryError
        If a frame does not belong to the transform.
    InputError
        If `keep` is none of these.
    """
    _require_frames(moving.grid, grid, transform)
    chosen = keep or ("total" if moving.quantity is Quantity.COUNTS else "concentration")
    if chosen not in KEEP:
        raise InputError("unknown choice of what to keep", field="keep", value=chosen, expected=", ".join(KEEP))
    label = moving.quantity is Quantity.LABEL
    outside = outside_value(moving.quantity)
    source = np.asarray(moving.values, dtype=np.float32)
    values = _pull(source, moving.grid, transform, grid, order=0 if label else 1, outside=outside)
    if label:
        return Image(values=np.rint(values).astype(np.int32), grid=grid, quantity=moving.quantity)
    if moving.quantity is Quantity.COUNTS:
        values *= np.float32(grid.voxel_volume_ml / moving.grid.voxel_volume_ml)
    if chosen == "total" and moving.quantity not in (Quantity.HOUNSFIELD,):
        values *= jacobian_on(transform, grid).astype(np.float32)
    return Image(values=values, grid=grid, quantity=moving.quantity)


def carry_region(moving: Region, transform: Transform, grid: Grid) -> Region:
    """Bring a region drawn on the moving image onto a grid of the fixed frame (voxels half inside or more).

    Raises
    ------
    GeometryError
        If a frame does not belong to the transform.
    RegionError
        If nothing of it falls into the grid.
    """
    _require_frames(moving.grid, grid, transform)
    share = _pull(moving.mask.astype(np.float32), moving.grid, transform, grid, order=1, outside=0.0)
    if not (share >= 0.5).any():
        raise RegionError(
            f"region {moving.name} leaves the fixed image when it is carried over",
            remedy="check the direction of the registration and the field of view",
        )
    return Region(name=moving.name, mask=share >= 0.5, grid=grid)


def jacobian_determinant(transform: Transform) -> Floats:
    """Local volume ratio (moving over fixed) at the nodes of the displacement field; the affine part included.

    det A det(I + du/dp), by central differences.

    Returns
    -------
    ndarray, shape of the displacement grid (or (1, 1, 1) without one)
    """
    affine = float(np.linalg.det(transform.matrix[:3, :3]))
    field, grid = transform.displacement_mm, transform.displacement_grid
    if field is None or grid is None:
        return np.full((1, 1, 1), affine)
    steps = [np.gradient(field.astype(np.float64), axis=axis) for axis in range(3)]
    by_index = np.stack(steps, axis=-1)  # [..., component, index axis]
    by_mm = by_index @ np.linalg.inv(grid.affine[:3, :3])
    return np.asarray(affine * np.linalg.det(np.eye(3) + by_mm))


def jacobian_on(transform: Transform, grid: Grid) -> Floats:
    """Local volume ratio at the voxel centres of any grid of the fixed frame."""
    own = transform.displacement_grid
    if own is None:
        return np.full(grid.shape, float(np.linalg.det(transform.matrix[:3, :3])))
    determinant = jacobian_determinant(transform)
    return _by_planes(grid, lambda points: _interpolated(determinant, own, points))


def invert(transform: Transform, *, rounds: int = 60) -> Transform:
    """Give the transform from moving to fixed points.

    The field v of the inverse solves v(q) = -u(q + v(q)) by iteration, which converges where u changes by less
    than 1 mm per mm; q runs over the nodes of u, so the inverse keeps its grid, moved by A.

    Raises
    ------
    GeometryError
        If the field cannot be inverted to 0.1 mm.
    """
    inverse = np.asarray(np.linalg.inv(transform.matrix), dtype=np.float64)
    swapped = replace(
        transform,
        matrix=inverse,
        fixed_frame_uid=transform.moving_frame_uid,
        moving_frame_uid=transform.fixed_frame_uid,
        displacement_mm=None,
        displacement_grid=None,
    )
    field, grid = transform.displacement_mm, transform.displacement_grid
    if field is None or grid is None:
        return swapped
    nodes = grid.index_to_mm(np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1))
    v = -field.astype(np.float64)
    for _ in range(rounds):
        update = -transform.displacement_at(nodes + v)
        change = float(np.abs(update - v).max())
        v = 0.5 * (v + update) if change > 1.0 else update
        if change < 0.02:
            break
    if change > 0.1:
        raise GeometryError(
            "the displacement field cannot be inverted",
            value=f"{change:.2g} mm left",
            remedy="register with more smoothing, or the other way round",
        )
    moved = Grid(
        shape=grid.shape, affine=transform.matrix @ grid.affine, frame_of_reference_uid=transform.moving_frame_uid
    )
    return replace(
        swapped,
        displacement_mm=(v @ transform.matrix[:3, :3].T).astype(np.float32),
        displacement_grid=moved,
    )


def compose(first: Transform, second: Transform) -> Transform:
    """Chain two transforms: fixed to middle by the first, middle to moving by the second.

    Raises
    ------
    GeometryError
        If the middle frames differ.
    """
    if first.moving_frame_uid != second.fixed_frame_uid:
        raise GeometryError("the two registrations do not meet in one frame of reference", field="moving_frame_uid")
    matrix = second.matrix @ first.matrix
    joined = replace(
        first, matrix=matrix, moving_frame_uid=second.moving_frame_uid, quality=None,
        displacement_mm=None, displacement_grid=None,
    )  # fmt: skip
    grid = first.displacement_grid
    if grid is None and second.displacement_grid is not None:
        own = second.displacement_grid
        grid = Grid(
            shape=own.shape,
            affine=np.linalg.inv(first.matrix) @ own.affine,
            frame_of_reference_uid=first.fixed_frame_uid,
        )
    if grid is None:
        return joined
    nodes = grid.index_to_mm(np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1))
    back = np.linalg.inv(matrix)
    ends = second.map_points(first.map_points(nodes)) @ back[:3, :3].T + back[:3, 3]
    return replace(joined, displacement_mm=(ends - nodes).astype(np.float32), displacement_grid=grid)


def _require_frames(moving: Grid, fixed: Grid, transform: Transform) -> None:
    for grid, frame, what in (
        (moving, transform.moving_frame_uid, "moving image"),
        (fixed, transform.fixed_frame_uid, "target grid"),
    ):
        if grid.frame_of_reference_uid != frame:
            raise GeometryError(
                f"the {what} does not belong to this registration",
                field="FrameOfReferenceUID",
                remedy="check which series was fixed and which moving; the inverse runs the other way",
            )


def _pull(
    values: npt.NDArray[np.float32], source: Grid, transform: Transform, grid: Grid, *, order: int, outside: float
) -> npt.NDArray[np.float32]:
    """Sample the source where the voxel centres of a fixed grid are mapped to."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    if order > 0:
        steps = np.abs(np.linalg.inv(source.affine)[:3, :3] @ transform.matrix[:3, :3] @ grid.affine[:3, :3]).max(
            axis=1
        )
        sigma = 0.5 * np.sqrt(np.maximum(steps**2 - 1.0, 0.0))
        if sigma.max() > 0.3:
            values = gaussian_filter(values, sigma, mode="nearest")

    def sampled(points: Floats) -> Floats:
        index = np.moveaxis(source.mm_to_index(transform.map_points(points)), -1, 0)
        return np.asarray(
            map_coordinates(values, index, order=order, mode="constant" if order == 0 else "grid-constant",
                            cval=outside), dtype=np.float64
        )  # fmt: skip

    return _by_planes(grid, sampled).astype(np.float32)


def _interpolated(values: Floats, grid: Grid, points: Floats) -> Floats:
    from scipy.ndimage import map_coordinates

    return np.asarray(map_coordinates(values, np.moveaxis(grid.mm_to_index(points), -1, 0), order=1, mode="nearest"))


def _by_planes(grid: Grid, function: Callable[[Floats], Floats]) -> Floats:
    """Evaluate a function of points at all voxel centres, slice by slice (memory)."""
    found = np.empty(grid.shape)
    rows, columns = np.meshgrid(np.arange(grid.shape[1]), np.arange(grid.shape[2]), indexing="ij")
    for k in range(grid.shape[0]):
        found[k] = function(grid.index_to_mm(np.stack([np.full_like(rows, k), rows, columns], axis=-1)))
    return found
