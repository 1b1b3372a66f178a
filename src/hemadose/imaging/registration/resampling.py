"""Volumes and regions from one grid onto another of the same frame of reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.model import Grid, Image, Quantity, Region

AIR_HU = -1000.0


def outside_value(quantity: Quantity) -> float:
    """Give the value beyond the border of an image: air for CT, nothing for all else."""
    return AIR_HU if quantity is Quantity.HOUNSFIELD else 0.0


def require_one_frame(first: Grid, second: Grid, *, what: str) -> None:
    """Refuse grids of different frames of reference.

    Raises
    ------
    GeometryError
        Saying what does not belong together.
    """
    if first.frame_of_reference_uid != second.frame_of_reference_uid:
        raise GeometryError(
            f"{what} belong to different frames of reference",
            field="FrameOfReferenceUID",
            remedy="register them first (hemadose register), or use the series acquired together",
        )


def sample_onto(
    values: npt.NDArray[np.generic], source: Grid, target: Grid, *, order: int, outside: float
) -> npt.NDArray[np.float32]:
    """Interpolate an array at the voxel centres of another grid, whatever their directions.

    Where the target voxels are larger, the array is smoothed first, so that noise and edges do not alias
    (Gaussian of half the difference of the squared pitches, as for any change of sampling).

    Parameters
    ----------
    values : ndarray, shape of `source`
        What to interpolate.
    source, target : Grid
        From where and to where; frames of reference are not compared here.
    order : int
        0 nearest neighbour (no smoothing), 1 linear, 3 cubic spline.
    outside : float
        Value beyond the source.

    Returns
    -------
    ndarray of float32, shape of `target`
    """
    from scipy.ndimage import affine_transform, gaussian_filter

    array = np.asarray(values, dtype=np.float32)
    to_source = np.linalg.inv(source.affine) @ target.affine
    if order > 0:
        steps = np.abs(to_source[:3, :3]).sum(axis=1)
        sigma = 0.5 * np.sqrt(np.maximum(steps**2 - 1.0, 0.0))
        if sigma.max() > 0.3:
            array = gaussian_filter(array, sigma, mode="nearest")
    return np.asarray(
        affine_transform(
            array, to_source[:3, :3], offset=to_source[:3, 3], output_shape=target.shape, order=order,
            mode="constant", cval=outside,
        ),
        dtype=np.float32,
    )  # fmt: skip


def resample_image(image: Image, grid: Grid) -> Image:
    """Bring an image onto another grid of its frame of reference.

    Counts are kept in sum: they are taken as counts per volume and multiplied by the new voxel volume.

    Parameters
    ----------
    image : Image
        Any quantity; labels by nearest neighbour, all else linearly.
    grid : Grid
        Target.

    Returns
    -------
    Image

    Raises
    ------
    GeometryError
        If the frames of reference differ.
    """
    require_one_frame(image.grid, grid, what="image and grid")
    if image.grid.matches(grid):
        return image
    label = image.quantity is Quantity.LABEL
    values = sample_onto(
        image.values, image.grid, grid, order=0 if label else 1, outside=outside_value(image.quantity)
    )  # fmt: skip
    if label:
        return Image(values=np.rint(values).astype(np.int32), grid=grid, quantity=image.quantity)
    if image.quantity is Quantity.COUNTS:
        values = values * np.float32(grid.voxel_volume_ml / image.grid.voxel_volume_ml)
    return Image(values=values, grid=grid, quantity=image.quantity)


def resample_region(region: Region, grid: Grid) -> Region:
    """Bring a region onto another grid: voxels of which at least half lies inside.

    Parameters
    ----------
    region : Region
        On any grid.
    grid : Grid
        Target, of the same frame of reference.

    Returns
    -------
    Region

    Raises
    ------
    GeometryError
        If the frames of reference differ.
    RegionError
        If nothing of it lies in the grid.
    """
    require_one_frame(region.grid, grid, what=f"region {region.name} and grid")
    if region.grid.matches(grid):
        return region
    share = sample_onto(region.mask, region.grid, grid, order=1, outside=0.0)
    return Region(name=region.name, mask=share >= 0.5, grid=grid)
