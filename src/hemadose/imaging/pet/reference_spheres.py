"""Spheres as reference regions: where an organ is deepest, or around a landmark."""

from __future__ import annotations

import numpy as np

from hemadose.errors import GeometryError, RegionError
from hemadose.model.image import Grid
from hemadose.model.region import Region

Point = tuple[float, float, float]


def reference_sphere(region: Region, *, radius_mm: float = 15.0, patient_right_only: bool = False) -> Region:
    """Place a sphere where a region is deepest, e.g. 3 cm in the right lobe of the liver (PERCIST, EANM).

    Parameters
    ----------
    region : Region
        The organ.
    radius_mm : float
        Of the sphere.
    patient_right_only : bool
        Keep to the half of the region on the patient's right.

    Returns
    -------
    Region
        Voxels whose centre lies in the sphere and in the region.

    Raises
    ------
    RegionError
        If the sphere does not fit into the region.
    """
    from scipy.ndimage import distance_transform_edt

    grid = region.grid
    depth = distance_transform_edt(np.pad(region.mask, 1), sampling=grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    index = np.argwhere(region.mask)
    across = grid.index_to_mm(index)[:, 0]
    allowed = index[across <= np.median(across)] if patient_right_only else index
    centre = allowed[int(depth[tuple(allowed.T)].argmax())]
    deepest = float(depth[tuple(centre)])
    if deepest + 0.5 * max(grid.spacing_mm) < radius_mm:
        raise RegionError(
            f"{region.name} is too thin for the reference sphere",
            value=f"{deepest:.1f} mm deep",
            expected=f"{radius_mm:g} mm",
            remedy="draw the reference region by hand",
        )
    middle = grid.index_to_mm(centre)
    return sphere_region(
        f"{region.name}_reference",
        grid=grid,
        centre_mm=(float(middle[0]), float(middle[1]), float(middle[2])),
        radius_mm=radius_mm,
    )


def sphere_region(name: str, *, grid: Grid, centre_mm: Point, radius_mm: float) -> Region:
    """Make a spherical region: voxels whose centre lies inside, or the one voxel that holds the centre.

    Raises
    ------
    GeometryError
        If the centre lies outside the image.
    """
    middle = grid.mm_to_index(centre_mm)
    nearest = np.rint(middle).astype(int)
    if (nearest < 0).any() or (nearest >= np.array(grid.shape)).any():
        raise GeometryError(
            f"{name} lies outside the PET",
            value=", ".join(f"{v:.0f}" for v in centre_mm) + " mm",
            remedy="check the landmark's coordinates (LPS, mm)",
        )
    axes = [((np.arange(n) - m) * s) ** 2 for n, m, s in zip(grid.shape, middle, grid.spacing_mm, strict=True)]
    mask = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :] <= radius_mm**2
    mask[tuple(nearest)] = True
    return Region(name=name, mask=mask, grid=grid)
