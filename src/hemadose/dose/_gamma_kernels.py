"""Search of the nearest agreement, voxel by voxel: imported only where gamma is calculated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange


@njit(cache=True)  # type: ignore[untyped-decorator]
def _inside(volume: Any, z: float, y: float, x: float) -> tuple[bool, float]:
    """Trilinear value at fractional indices, and whether they lie in the map."""
    slices, rows, columns = volume.shape
    edge = 1e-9
    if z < -edge or y < -edge or x < -edge or z > slices - 1 + edge or y > rows - 1 + edge or x > columns - 1 + edge:
        return False, 0.0
    k, j, i = max(int(z), 0), max(int(y), 0), max(int(x), 0)
    k, j, i = min(k, max(slices - 2, 0)), min(j, max(rows - 2, 0)), min(i, max(columns - 2, 0))
    c, b, a = z - k, y - j, x - i
    k1, j1, i1 = min(k + 1, slices - 1), min(j + 1, rows - 1), min(i + 1, columns - 1)
    low = (volume[k, j, i] * (1 - a) + volume[k, j, i1] * a) * (1 - b) + (
        volume[k, j1, i] * (1 - a) + volume[k, j1, i1] * a
    ) * b
    high = (volume[k1, j, i] * (1 - a) + volume[k1, j, i1] * a) * (1 - b) + (
        volume[k1, j1, i] * (1 - a) + volume[k1, j1, i1] * a
    ) * b
    return True, low * (1 - c) + high * c


@njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]
def least_squares_of(evaluated: Any, places: Any, dose: Any, allowed: Any, offsets: Any, away: Any, most: float) -> Any:
    """Smallest squared gamma of each place; offsets lie nearest first, `away` is their share of it."""
    found = np.empty(dose.size)
    for n in prange(dose.size):
        best = most
        for m in range(away.size):
            if away[m] >= best:
                break
            inside, value = _inside(
                evaluated, places[n, 0] + offsets[m, 0], places[n, 1] + offsets[m, 1], places[n, 2] + offsets[m, 2]
            )
            if inside:
                off = (value - dose[n]) / allowed[n]
                best = min(best, away[m] + off * off)
        found[n] = best
    return found
