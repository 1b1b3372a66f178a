"""An independent way through spongiosa: electrons on straight lines that slow down continuously."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.physics.matter.electrons import collision_stopping
from hemadose.physics.matter.media import medium

MEDIA = ("red-marrow", "yellow-marrow", "trabecular-bone")
BATCHES = 10
LOWEST_KEV = 2.0


def straight_line(piece, weights, labels, energy_kev, electrons, seed):
    """Fractions (batches, regions) of electrons that run straight on and lose S(T) ds."""
    rng = np.random.default_rng(seed)
    grid = np.geomspace(1.0, 3200.0, 300)
    media = [medium(name) for name in MEDIA]
    stopping = np.stack([collision_stopping(m, grid) * m.density_g_per_ml for m in media]) * 0.1  # keV/mm
    tissue, region, size = piece.tissue, labels, piece.tissue.shape[0]
    cell = rng.choice(weights.size, electrons, p=weights.ravel() / weights.sum())
    place = (np.stack(np.unravel_index(cell, weights.shape), axis=1) + rng.random((electrons, 3))) * piece.voxel_mm
    way = rng.standard_normal((electrons, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    batch = np.arange(electrons) % BATCHES
    left = np.full(electrons, float(energy_kev))
    found = np.zeros((BATCHES, int(labels.max()) + 1))
    log_step = np.log(grid[1] / grid[0])
    while left.size:
        index = tuple((np.floor(place / piece.voxel_mm).astype(int) % size).T)
        kind = tissue[index]
        spot = np.log(left) / log_step
        node = spot.astype(int)
        power = stopping[kind, node] * (1.0 - spot + node) + stopping[kind, node + 1] * (spot - node)
        step = np.minimum(0.4 * piece.voxel_mm, 0.1 * left / power)
        loss = np.where(left < LOWEST_KEV, left, power * step)
        np.add.at(found, (batch, region[index]), loss)
        left = left - loss
        place = place + way * step[:, None]
        alive = left > 1.0
        np.add.at(found, (batch[~alive], region[tuple(i[~alive] for i in index)]), left[~alive])
        place, way, batch, left = place[alive], way[alive], batch[alive], left[alive]
    return found * BATCHES / electrons / energy_kev


@pytest.fixture(scope="session")
def ray_tracer():
    return straight_line
