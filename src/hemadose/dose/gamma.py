"""Two dose maps by gamma analysis: how far, in dose and in distance, the nearest agreement is.

References
----------
Low D. et al., Med Phys 1998;25:656.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, QuantityError
from hemadose.model._checks import require_positive

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaResult:
    """Gamma of every reference voxel.

    Attributes
    ----------
    gamma : ndarray, shape of the maps
        NaN below the threshold; no more than the `most` asked for.
    pass_fraction : float
        Share of judged voxels with gamma <= 1.
    mean_gamma : float
        Over judged voxels.
    judged : int
        Voxels above the threshold.
    """

    gamma: Floats
    pass_fraction: float
    mean_gamma: float
    judged: int


def gamma_analysis(
    reference: npt.ArrayLike,
    evaluated: npt.ArrayLike,
    *,
    spacing_mm: tuple[float, float, float],
    dose_percent: float = 3.0,
    distance_mm: float = 3.0,
    local: bool = False,
    threshold_percent: float = 10.0,
    most: float = 2.0,
    steps: int = 10,
) -> GammaResult:
    """Compare two dose maps on one grid.

    Parameters
    ----------
    reference, evaluated : array_like, shape (slices, rows, columns)
        Doses in one unit.
    spacing_mm : (float, float, float)
        Of slices, rows, columns.
    dose_percent, distance_mm : float
        Criteria.
    local : bool
        Percent of the dose of the voxel, not of the highest reference dose.
    threshold_percent : float
        Reference voxels below this share of the highest dose are not judged.
    most : float
        Gamma is searched up to this value.
    steps : int
        Search points per `distance_mm`; the evaluated map is trilinear between voxels.

    Returns
    -------
    GammaResult

    Raises
    ------
    GeometryError
        If the maps differ in shape.
    QuantityError
        For criteria that are not positive, or a reference without dose.

    Notes
    -----
    The search goes outwards shell by shell and leaves a voxel as soon as the distance alone exceeds its gamma, so that
    voxels that agree cost one comparison. Points outside the evaluated map do not count.
    """
    ref, ev = np.asarray(reference, dtype=np.float64), np.asarray(evaluated, dtype=np.float64)
    if ref.shape != ev.shape or ref.ndim != 3:
        raise GeometryError("gamma analysis needs two 3-D maps of one shape", value=f"{ref.shape} and {ev.shape}")
    if not 0.0 <= threshold_percent <= 100.0:
        raise QuantityError(
            "a share of the highest dose", field="threshold_percent", value=f"{threshold_percent:g}", expected="0-100"
        )
    require_positive("gamma", dose_percent=dose_percent, distance_mm=distance_mm, most=most, steps=steps)
    highest = float(ref.max())
    if not (np.isfinite(ref).all() and np.isfinite(ev).all()) or highest <= 0.0:
        raise QuantityError("a dose map holds no dose, or values that are not finite", value=f"{highest:g}")
    places = np.argwhere(ref >= max(threshold_percent / 100.0 * highest, np.finfo(float).tiny))
    dose = ref[tuple(places.T)]
    allowed = dose_percent / 100.0 * (dose if local else np.full(len(dose), highest))
    from hemadose.dose._gamma_kernels import least_squares_of

    offsets = _shells(distance_mm, most, steps)
    away = np.sum(offsets**2, axis=1) / distance_mm**2
    at = offsets / np.asarray(spacing_mm)
    squares = least_squares_of(np.ascontiguousarray(ev), places, dose, allowed, at, away, float(most**2))
    gamma = np.full(ref.shape, np.nan)
    gamma[tuple(places.T)] = np.sqrt(squares)
    return GammaResult(
        gamma=gamma,
        pass_fraction=float(np.mean(squares <= 1.0 + 1e-12)),
        mean_gamma=float(np.sqrt(squares).mean()),
        judged=len(dose),
    )


def _shells(distance_mm: float, most: float, steps: int) -> Floats:
    """Offsets in mm inside the largest distance, nearest first, shape (n, 3)."""
    step = distance_mm / steps
    axis = step * np.arange(-int(np.floor(most * steps)), int(np.floor(most * steps)) + 1)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    squared = (points**2).sum(axis=1)
    order = np.argsort(squared, kind="stable")
    kept = order[squared[order] <= (most * distance_mm) ** 2 * (1.0 + 1e-9)]
    return np.asarray(points[kept])
