"""Where particles move: a box of voxels, each with a medium and a density, and what a deposit is counted for."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemadose.physics.transport.device import device

INSIDE, OUTSIDE = 0, 1


class World(NamedTuple):
    """Voxels as the device code sees them; flat arrays in C order of (slice, row, column).

    Attributes
    ----------
    shape : tuple of 3 int
        Voxels along x (columns), y (rows), z (slices).
    size_cm : tuple of 3 float
        Sides of a voxel along x, y, z.
    material : array (n,) of uint16 or uint32
        Row of the three lists below: one small look-up a voxel, since memory is what limits speed.
    medium : array (materials,)
        Index into the tables.
    density : array (materials,)
        g/ml.
    tally : array (materials,)
        Index of the sum that a deposit adds to; -1: the voxel's own.
    periodic : int
        1: what leaves on one side enters on the other.
    resolution_cm : float
        A particle whose range is shorter stops where it is; voxel faces limit this further.
    radial : int
        1: sums are spherical shells around the origin, not voxels.
    centre_cm : tuple of 3 float
        Origin of the shells.
    bins_per_e, first_log_cm : float
        Shells: number per factor e of radius, logarithm of the inner radius of the second one.
    """

    shape: tuple[int, int, int]
    size_cm: tuple[float, float, float]
    material: npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
    medium: npt.NDArray[np.int64]
    density: npt.NDArray[np.float64]
    tally: npt.NDArray[np.int64]
    periodic: int
    resolution_cm: float
    radial: int
    centre_cm: tuple[float, float, float]
    bins_per_e: float
    first_log_cm: float


@device
def clearance(world, ix, iy, iz, x, y, z):  # type: ignore[no-untyped-def]
    """Distance from a point to the nearest face of its voxel in cm (never more than the resolution wanted)."""
    dx, dy, dz = world.size_cm
    ax = x - ix * dx
    ay = y - iy * dy
    az = z - iz * dz
    return min(ax, dx - ax, ay, dy - ay, az, dz - az, world.resolution_cm)


@device
def exit_distance(world, ix, iy, iz, x, y, z, u, v, w):  # type: ignore[no-untyped-def]
    """Distance (cm) along a direction to the face of the voxel, and the axis of that face."""
    dx, dy, dz = world.size_cm
    best = 1e30
    axis = 0
    if u > 1e-12:
        best = ((ix + 1) * dx - x) / u
    elif u < -1e-12:
        best = (ix * dx - x) / u
    if v > 1e-12:
        d = ((iy + 1) * dy - y) / v
        if d < best:
            best = d
            axis = 1
    elif v < -1e-12:
        d = (iy * dy - y) / v
        if d < best:
            best = d
            axis = 1
    if w > 1e-12:
        d = ((iz + 1) * dz - z) / w
        if d < best:
            best = d
            axis = 2
    elif w < -1e-12:
        d = (iz * dz - z) / w
        if d < best:
            best = d
            axis = 2
    return max(best, 0.0), axis


@device
def enter_next(world, axis, ix, iy, iz, x, y, z, u, v, w):  # type: ignore[no-untyped-def]
    """Step over a face: new voxel, the point moved exactly onto the face, and 1 if the box is left."""
    nx, ny, nz = world.shape
    dx, dy, dz = world.size_cm
    outside = 0
    if axis == 0:
        ix += 1 if u > 0.0 else -1
        if ix < 0 or ix >= nx:
            outside = 1 - world.periodic
            ix = nx - 1 if ix < 0 else 0
        x = (ix if u > 0.0 else ix + 1) * dx
    elif axis == 1:
        iy += 1 if v > 0.0 else -1
        if iy < 0 or iy >= ny:
            outside = 1 - world.periodic
            iy = ny - 1 if iy < 0 else 0
        y = (iy if v > 0.0 else iy + 1) * dy
    else:
        iz += 1 if w > 0.0 else -1
        if iz < 0 or iz >= nz:
            outside = 1 - world.periodic
            iz = nz - 1 if iz < 0 else 0
        z = (iz if w > 0.0 else iz + 1) * dz
    return ix, iy, iz, x, y, z, outside


@device
def shell(world, x, y, z):  # type: ignore[no-untyped-def]
    """Index of the spherical shell that a point lies in; 0 is the ball inside the first radius."""
    cx, cy, cz = world.centre_cm
    r2 = (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2
    if r2 < 1e-24:
        return 0
    place = (0.5 * math.log(r2) - world.first_log_cm) * world.bins_per_e + 1.0
    if place < 0.0:
        return 0
    return int(place)
