"""Where activity may be: the field that every view sees, and the body.

A reconstruction needs no voxel of air. Cropping to the body saves most of the work and leaves no activity there, so
that contamination or a drain outside the outline would be missed: the margin is wide, and the crop is a choice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, RegionError
from hemadose.model import Grid

Mask = npt.NDArray[np.bool_]


def field_support(
    grid: Grid,
    *,
    axis_mm: tuple[float, float] | None = None,
    bins: int | None = None,
    angle_deg: npt.ArrayLike | None = None,
    radius_mm: npt.ArrayLike | None = None,
) -> Mask:
    """Voxels that lie on the detector in every view (a cylinder about the axis), and before its collimator.

    Parameters
    ----------
    grid : Grid
        Axial, square in the plane.
    axis_mm : tuple of float, optional
        (x, y) of the axis of rotation; the centre of the grid if not given.
    bins : int, optional
        Detector bins, as wide as voxels; as many as columns if not given.
    angle_deg, radius_mm : array, shape (views,), optional
        Orbit: nobody is where the collimator passes.

    Returns
    -------
    ndarray of bool, shape of the grid
    """
    middle = grid.index_to_mm((np.array(grid.shape) - 1) / 2.0)
    x0, y0 = (float(middle[0]), float(middle[1])) if axis_mm is None else axis_mm
    row, column = np.indices(grid.shape[1:])
    x = grid.affine[0, 3] + column * grid.affine[0, 2] - x0
    y = grid.affine[1, 3] + row * grid.affine[1, 1] - y0
    seen = np.hypot(x, y) <= (grid.shape[2] if bins is None else bins) * grid.spacing_mm[2] / 2.0
    if angle_deg is not None and radius_mm is not None:
        angles = np.deg2rad(np.atleast_1d(np.asarray(angle_deg, dtype=np.float64)))
        for angle, radius in zip(angles, np.broadcast_to(radius_mm, angles.shape), strict=True):
            seen &= x * np.sin(angle) + y * np.cos(angle) <= radius
    return np.asarray(np.broadcast_to(seen, grid.shape))


def body_support(
    mu_per_cm: npt.ArrayLike, grid: Grid, *, margin_mm: float = 20.0, threshold_per_cm: float = 0.03
) -> Mask:
    """Body outline from a map of attenuation: filled slice by slice, widened by a margin.

    Parameters
    ----------
    mu_per_cm : array, shape of the grid
        Attenuation coefficients; air is below the threshold, tissue above.
    grid : Grid
        Axial.
    margin_mm : float
        For misregistration and for the blur of the map.
    threshold_per_cm : float
        A quarter of soft tissue at 140 to 210 keV; lung may fall below it and is filled.

    Returns
    -------
    ndarray of bool, shape of the grid
        One outline for all slices of the grid, as projections blur along them.

    Raises
    ------
    GeometryError
        If map and grid differ in shape.
    RegionError
        If nothing attenuates.
    """
    from scipy.ndimage import binary_fill_holes, distance_transform_edt

    mu = np.asarray(mu_per_cm)
    if mu.shape != grid.shape:
        raise GeometryError(
            "attenuation and grid differ", field="mu_per_cm", value=str(mu.shape), expected=str(grid.shape)
        )
    matter = (mu > threshold_per_cm).any(axis=0)
    if not matter.any():
        raise RegionError(
            "no body in the map of attenuation",
            field="mu_per_cm",
            value=f"maximum {float(mu.max()):g} /cm",
            expected=f"> {threshold_per_cm:g} /cm",
            remedy="check the map, or reconstruct without a body crop",
        )
    away = distance_transform_edt(~binary_fill_holes(matter), sampling=grid.spacing_mm[1:])
    return np.asarray(np.broadcast_to(away <= margin_mm, grid.shape))
