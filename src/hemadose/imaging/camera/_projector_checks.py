"""What a projector needs of its input, checked before anything is computed."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, QuantityError
from hemadose.imaging.camera._lattice import Floats, Mask, Volume
from hemadose.model import Grid
from hemadose.model._checks import frozen_array


def cores() -> int:
    """Cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def require_axial(grid: Grid) -> float:
    """Give the pitch in the plane of an axial grid with square pixels."""
    slice_mm, row_mm, column_mm = grid.spacing_mm
    axial = Grid.axial(
        shape=grid.shape,
        spacing_mm=grid.spacing_mm,
        origin_mm=(float(grid.affine[0, 3]), float(grid.affine[1, 3]), float(grid.affine[2, 3])),
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )
    if not axial.matches(grid) or abs(row_mm - column_mm) > 1e-3:
        raise GeometryError(
            "projections need an axial grid with square pixels",
            field="grid",
            value=f"{slice_mm:g} x {row_mm:g} x {column_mm:g} mm",
            expected="slices to the head, rows to the back, columns to the left",
            remedy="resample the image first",
        )
    return row_mm


def require_views(angles: Floats, radius: Floats) -> None:
    if angles.ndim != 1 or not angles.size or not np.isfinite(angles).all():
        raise GeometryError("a projector needs a list of finite angles", field="angle_deg", value=str(angles.shape))
    if not (np.isfinite(radius).all() and radius.min() > 0.0):
        raise GeometryError("the collimator must lie outside the axis", field="radius_mm", value=f"{radius.min():g}")


def require_map(mu_per_cm: npt.ArrayLike, grid: Grid) -> Volume:
    mu = np.asarray(mu_per_cm, dtype=np.float32)
    if mu.shape != grid.shape:
        raise GeometryError(
            "attenuation and activity lie on different grids",
            field="mu_per_cm",
            value=str(mu.shape),
            expected=str(grid.shape),
        )
    if not np.isfinite(mu).all() or mu.min() < 0.0 or mu.max() > 10.0:
        raise QuantityError(
            "attenuation coefficients are finite, not negative, and per cm",
            field="mu_per_cm",
            value=f"{mu.min():g} to {mu.max():g}",
            expected="0 to 10 /cm",
            remedy="make the map with hemadose.imaging.camera.attenuation",
        )
    return mu


def require_support(support: npt.ArrayLike | None, grid: Grid) -> Mask:
    allowed = np.ones(grid.shape, dtype=bool) if support is None else np.asarray(support, dtype=bool)
    if allowed.shape != grid.shape or not allowed.any():
        raise GeometryError(
            "the support is a mask of the grid with at least one voxel",
            field="support",
            value=f"{allowed.shape}, {np.count_nonzero(allowed)} voxels",
            expected=str(grid.shape),
        )
    return np.asarray(frozen_array(allowed, bool))
