"""Where a deposit is counted: in the sum of its voxel or region, or in the spherical shell around a point."""

from __future__ import annotations

from hemadose.physics.transport.device import device
from hemadose.physics.transport.world import shell


@device
def score(world, sums, cell, x, y, z, energy):  # type: ignore[no-untyped-def]
    """Add a deposit to its sum; the last sum takes what leaves the box (cell -1) or the outermost shell."""
    last = sums.shape[0] - 1
    if cell < 0:
        sums[last] += energy
    elif world.radial:
        sums[min(shell(world, x, y, z), last)] += energy
    else:
        own = world.tally[world.material[cell]]
        sums[cell if own < 0 else own] += energy


@device
def score_collision(world, sums, cell, x, y, z, energy):  # type: ignore[no-untyped-def]
    """Count what a photon gives to an electron that stops at once."""
    score(world, sums, cell, x, y, z, energy)


@device
def score_flight(world, tables, sums, node, share, x, y, z, u, v, w, energy, state):  # type: ignore[no-untyped-def]
    """Count nothing along the way of a photon; `kerma` puts the expected deposit here."""
