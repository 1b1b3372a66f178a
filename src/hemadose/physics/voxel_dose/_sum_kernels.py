"""Compiled sums over neighbours."""

from __future__ import annotations

import numpy as np
from numba import njit

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "reassoc"}}


@njit(**_OPTIONS)
def sum_of_neighbours(energy, width):  # type: ignore[no-untyped-def]
    """Sum over a cube of 2 `width` + 1 voxels around each; nothing lies outside."""
    nz, ny, nx = energy.shape
    found = np.zeros_like(energy)
    plane = np.zeros((ny, nx))
    row = np.zeros((ny, nx))
    for z in range(nz):
        for y in range(ny):
            row[y, :] = energy[z, y, :]
            for step in range(1, width + 1):
                for x in range(nx - step):
                    row[y, x] += energy[z, y, x + step]
                for x in range(step, nx):
                    row[y, x] += energy[z, y, x - step]
        for y in range(ny):
            plane[y, :] = row[y, :]
            for step in range(1, width + 1):
                if y >= step:
                    plane[y, :] += row[y - step, :]
                if y + step < ny:
                    plane[y, :] += row[y + step, :]
        for to in range(max(z - width, 0), min(z + width + 1, nz)):
            found[to] += plane
    return found


@njit(**_OPTIONS)
def sum_of_kind(energy, kind, cells, width, found):  # type: ignore[no-untyped-def]
    """Sum over those voxels of the cube that are of the same kind as its middle, for some cells, into `found`."""
    nz, ny, nx = energy.shape
    for cell in cells:
        z, y, x = cell // (ny * nx), (cell // nx) % ny, cell % nx
        own = kind[z, y, x]
        total = 0.0
        for k in range(max(z - width, 0), min(z + width + 1, nz)):
            for j in range(max(y - width, 0), min(y + width + 1, ny)):
                for i in range(max(x - width, 0), min(x + width + 1, nx)):
                    if kind[k, j, i] == own:
                        total += energy[k, j, i]
        found[z, y, x] = total
