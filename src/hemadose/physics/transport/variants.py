"""The same histories, counted in other ways: where energy is given, or what is expected along a photon's way.

``deposits``: every deposit where it happens. ``kerma``: photons alone; each flight adds to every voxel on its straight
way out the energy that electrons would take there on average (collision kerma: E mu_en/rho times path, weakened by what
lies before). Dose is that if electrons of photons do not travel far compared with voxels or regions; the statistical
uncertainty of a voxel is far smaller for as many photons.

References
----------
Williamson J F. Phys Med Biol 32:1003 (1987) (expected-value estimators of dose from photons). Baldacci F et al. Z Med
Phys 25:36 (2015) (track-length estimator with seTLE).
"""

from __future__ import annotations

import math
from typing import Any

from hemadose.physics.transport.charged import charged, leg, push_annihilation
from hemadose.physics.transport.decay import decay
from hemadose.physics.transport.device import device, rebound
from hemadose.physics.transport.photons import _share_of, photon
from hemadose.physics.transport.random import uniform
from hemadose.physics.transport.scoring import score, score_collision
from hemadose.physics.transport.tables import ABSORPTION, ATTENUATION
from hemadose.physics.transport.world import enter_next, exit_distance

ESTIMATORS = ("deposits", "kerma")
_ROULETTE = 0.05
"""Where this share of a photon is left on its way out, chance decides whether to look further."""


@device
def score_expected(world, tables, sums, node, share, x, y, z, u, v, w, energy, state):  # type: ignore[no-untyped-def]
    """Count the energy expected in every voxel from here straight out of the box."""
    nx, ny, nz = world.shape
    dx, dy, dz = world.size_cm
    ix, iy, iz = min(int(x / dx), nx - 1), min(int(y / dy), ny - 1), min(int(z / dz), nz - 1)
    left = energy
    while True:
        length, axis = exit_distance(world, ix, iy, iz, x, y, z, u, v, w)
        cell = (iz * ny + iy) * nx + ix
        material = world.material[cell]
        medium = world.medium[material]
        attenuation = _share_of(tables, medium, node, share, ATTENUATION)
        passed = math.exp(-attenuation * world.density[material] * length)
        absorbed = _share_of(tables, medium, node, share, ABSORPTION) / attenuation
        score(world, sums, cell, x, y, z, left * (1.0 - passed) * absorbed)
        left *= passed
        if left < _ROULETTE * energy:
            if uniform(state) < 0.5:
                return
            left *= 2.0
        x += length * u
        y += length * v
        z += length * w
        ix, iy, iz, x, y, z, outside = enter_next(world, axis, ix, iy, iz, x, y, z, u, v, w)
        if outside:
            return


@device
def _counted_before(world, sums, cell, x, y, z, energy):  # type: ignore[no-untyped-def]
    """Count nothing at a collision: it has been expected."""


@device
def _stops(world, tables, limits, sums, charge, ix, iy, iz, x, y, z, u, v, w, kinetic, stack, n, state):  # type: ignore[no-untyped-def]
    """End an electron or positron where it is, its energy counted before; positrons annihilate."""
    if charge > 0.0:
        return push_annihilation(stack, n, x, y, z, state)
    return n


def decay_of(estimator: str, *, score_by: Any = score) -> Any:
    """Give `decay` with an estimator, and if asked with another way of adding to a sum."""
    if estimator == "kerma":
        flight = rebound(score_expected, score=score_by)
        return rebound(
            decay,
            score=score_by,
            charged=_stops,
            photon=rebound(photon, score=score_by, score_collision=_counted_before, score_flight=flight),
        )
    if score_by is score:
        return decay
    bound = {"score": score_by}
    return rebound(
        decay,
        **bound,
        charged=rebound(charged, **bound, leg=rebound(leg, **bound)),
        photon=rebound(photon, **bound, score_collision=rebound(score_collision, **bound)),
    )
