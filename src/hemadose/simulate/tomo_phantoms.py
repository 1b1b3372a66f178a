"""Calibration phantoms for the virtual camera: a cylinder of water, and a body-shaped one with spheres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemadose.errors import RegionError
from hemadose.imaging.calibration.sphere_phantom import PhantomSphere
from hemadose.model import Anatomy, Grid, Image, Quantity, Region, Tissue
from hemadose.simulate.outlines import _ball_share, _fullest
from hemadose.simulate.sources import SourceMap

_AIR = Tissue(label=0, name="air", medium="air", density_g_per_ml=0.0012, hounsfield=-1000.0)
_WATER = Tissue(label=1, name="water", medium="water", density_g_per_ml=1.0, hounsfield=0.0)


def water_phantom(
    *, width_mm: float, depth_mm: float, length_mm: float, voxel_mm: float = 4.0, frame_of_reference_uid: str
) -> Anatomy:
    """Make an elliptic cylinder of water along z, centred on the origin.

    Parameters
    ----------
    width_mm, depth_mm, length_mm : float
        Outer sizes along x, y, z.
    voxel_mm : float
        Side of the voxels.
    frame_of_reference_uid : str
        Of the grid.

    Returns
    -------
    Anatomy
        Tissues ``air`` and ``water``.

    Examples
    --------
    >>> phantom = water_phantom(width_mm=200, depth_mm=200, length_mm=100, voxel_mm=5, frame_of_reference_uid="1.2")
    >>> round(phantom.region("water").volume_ml / 1000, 2)  # 3.14 but for its voxels
    3.16
    """
    slices, rows, columns = (int(np.ceil(side / voxel_mm)) + 4 for side in (length_mm, depth_mm, width_mm))
    shape = (slices, rows, columns)
    grid = Grid.axial(
        shape=shape,
        spacing_mm=(voxel_mm, voxel_mm, voxel_mm),
        origin_mm=(
            -(columns - 1) / 2.0 * voxel_mm,
            -(rows - 1) / 2.0 * voxel_mm,
            -(slices - 1) / 2.0 * voxel_mm,
        ),
        frame_of_reference_uid=frame_of_reference_uid,
    )
    z, y, x = ((np.arange(n) - (n - 1) / 2.0) * voxel_mm for n in shape)
    flat = (2.0 * y[:, None] / depth_mm) ** 2 + (2.0 * x[None, :] / width_mm) ** 2 <= 1.0
    labels = (np.abs(z) <= length_mm / 2.0)[:, None, None] & flat[None]
    return Anatomy(
        name="water phantom",
        labels=Image(values=labels.astype(np.uint8), grid=grid, quantity=Quantity.LABEL),
        tissues=(_AIR, _WATER),
    )


def filled(phantom: Anatomy, *, name: str = "water", without: Sequence[SourceMap] = ()) -> SourceMap:
    """Spread one becquerel evenly over the water, less what spheres take of it."""
    share = phantom.region("water").mask.astype(np.float64)
    for source in without:
        share -= source.share * (1.0 / max(float(source.share.max()), 1e-30))
    share = np.maximum(share, 0.0)
    return SourceMap(name=name, share=(share / share.sum()).astype(np.float32), compartment_share=1.0)


def sphere_sources(phantom: Anatomy, spheres: Sequence[PhantomSphere]) -> tuple[SourceMap, ...]:
    """One becquerel in each sphere; voxels on its wall hold the part of them that lies inside.

    Raises
    ------
    RegionError
        If a sphere leaves the phantom.
    """
    grid, water = phantom.labels.grid, phantom.region("water").mask
    found = []
    for sphere in spheres:
        share: npt.NDArray[np.float64] = _ball_share(
            grid, sphere.centre_mm, sphere.diameter_mm / 2.0, samples=9
        ).astype(np.float64)
        if (share[~water] > 0.0).any() or not share.any():
            raise RegionError(f"sphere {sphere.name} is not inside the water", value=str(sphere.centre_mm))
        found.append(SourceMap(name=sphere.name, share=(share / share.sum()).astype(np.float32), compartment_share=1.0))
    return tuple(found)


def ball_region(name: str, grid: Grid, centre_mm: tuple[float, float, float], radius_mm: float) -> Region:
    """Outline a ball: as many voxels as its volume holds, those first that it fills most."""
    return Region(name=name, mask=_fullest(_ball_share(grid, centre_mm, radius_mm, samples=9)), grid=grid)
