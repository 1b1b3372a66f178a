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
    require_positive("gamma", dose_percent=dose_percent, distance_mm=distance_mm, most=most, steps=steps)
    highest = float(ref.max())
    if not (np.isfinite(ref).all() and np.isfinite(ev).all()) or highest <= 0.0:
        raise QuantityError("a dose map holds no dose, or values that are not finite", value=f"{highest:g}")
    places = np.argwhere(ref >= max(threshold_percent / 100.0 * highest, np.finfo(float).tiny))
    dose = ref[tuple(places.T)]
    allowed = dose_percent / 100.0 * (dose if local else np.full(len(dose), highest))
    squares = np.full(len(dose), most**2)
    active = np.arange(len(dose))
    for offset in _shells(distance_mm, most, steps):
        away = float(offset @ offset) / distance_mm**2
        active = active[squares[active] > away]
        if not active.size:
            break
        at = places[active] + offset / np.asarray(spacing_mm)
        value, inside = _trilinear(ev, at)
        found = away + ((value - dose[active]) / allowed[active]) ** 2
        squares[active] = np.where(inside, np.minimum(squares[active], found), squares[active])
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


def _trilinear(volume: Floats, at: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Values at fractional indices, shape (n,), and whether they lie inside the map."""
    last = np.array(volume.shape) - 1
    inside = ((at >= -1e-9) & (at <= last + 1e-9)).all(axis=1)
    at = np.clip(at, 0.0, last)
    low = np.minimum(at.astype(np.intp), np.maximum(last - 1, 0))
    part = at - low
    high = np.minimum(low + 1, last)
    flat, (_, rows, columns) = volume.ravel(), volume.shape
    total = np.zeros(len(at))
    for corner in range(8):
        pick = [(corner >> k) & 1 for k in range(3)]
        index = [high[:, k] if pick[k] else low[:, k] for k in range(3)]
        weight = np.prod([part[:, k] if pick[k] else 1.0 - part[:, k] for k in range(3)], axis=0)
        total += weight * flat[(index[0] * rows + index[1]) * columns + index[2]]
    return total, np.asarray(inside)
