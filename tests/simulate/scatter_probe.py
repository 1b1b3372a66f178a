"""The transport engine as a judge of scatter: what leaves a ball of water, by energy and distance from its axis.

The engine's own histories are used; only what is counted is another thing. At the start of every flight (emission and
each scatter) the chance to leave the ball straight on is added by energy and by the distance of that line from the
middle. In a ball with a round source all directions are alike, so this is what a parallel-hole camera sees.
"""

import math
from types import FunctionType

import numpy as np
from numba import njit

from hemadose.model import Anatomy, Grid, Image, Quantity, Tissue
from hemadose.model.saf import Radiation
from hemadose.physics.anatomy_transport import labelled_matter, mono_energetic
from hemadose.physics.transport import cpu
from hemadose.physics.transport.decay import Limits, Source, alias_table, decay, emitted
from hemadose.physics.transport.device import device, rebound
from hemadose.physics.transport.photons import _share_of, photon
from hemadose.physics.transport.run import _materials, majorant
from hemadose.physics.transport.tables import ATTENUATION, transport_tables
from hemadose.physics.transport.world import World, enter_next, exit_distance

MAIN_KEV = 208.366
LOWEST_KEV, ENERGIES, RADII = 148, 62, 24  # bins of 1 keV (the last one: not scattered) and of 5 mm
VOXELS, SIDE_MM = 44, 5.0
BALL_MM, SOURCE_MM = 100.0, 25.0


def ball_of_water():
    """Anatomy, and one becquerel in a smaller ball at its middle."""
    middle = (VOXELS - 1) / 2.0
    away = np.sqrt(((np.indices((VOXELS,) * 3) - middle) ** 2).sum(axis=0)) * SIDE_MM
    grid = Grid.axial(shape=away.shape, spacing_mm=(SIDE_MM,) * 3, origin_mm=(-middle * SIDE_MM,) * 3,
                      frame_of_reference_uid="1.2")  # fmt: skip
    tissues = (
        Tissue(label=0, name="air", medium="air", density_g_per_ml=0.0012, hounsfield=-1000.0),
        Tissue(label=1, name="water", medium="water", density_g_per_ml=1.0, hounsfield=0.0),
    )
    labels = Image(values=(away <= BALL_MM).astype(np.uint8), grid=grid, quantity=Quantity.LABEL)
    source = (away <= SOURCE_MM).astype(np.float32)
    return Anatomy(name="ball", labels=labels, tissues=tissues), source / source.sum()


@device
def _nothing(world, sums, cell, x, y, z, energy):
    """Count no energy."""


@device
def _stops(world, tables, limits, sums, charge, ix, iy, iz, x, y, z, u, v, w, kinetic, stack, n, state):
    return n


@device
def _straight_out(world, tables, sums, node, share, x, y, z, u, v, w, energy, state):
    half = 0.05 * VOXELS * SIDE_MM
    px, py, pz = x - half, y - half, z - half
    cx, cy, cz = py * w - pz * v, pz * u - px * w, px * v - py * u
    radius = min(int(2.0 * math.sqrt(cx * cx + cy * cy + cz * cz)), RADII - 1)
    nx, ny, nz = world.shape
    dx, dy, dz = world.size_cm
    ix, iy, iz = min(int(x / dx), nx - 1), min(int(y / dy), ny - 1), min(int(z / dz), nz - 1)
    way = 0.0
    outside = 0
    while not outside:
        length, axis = exit_distance(world, ix, iy, iz, x, y, z, u, v, w)
        material = world.material[(iz * ny + iy) * nx + ix]
        attenuation = _share_of(tables, world.medium[material], node, share, ATTENUATION)
        way += attenuation * world.density[material] * length
        x += length * u
        y += length * v
        z += length * w
        ix, iy, iz, x, y, z, outside = enter_next(world, axis, ix, iy, iz, x, y, z, u, v, w)
    bin_ = ENERGIES - 1 if energy > MAIN_KEV - 1e-6 else min(int(energy - LOWEST_KEV), ENERGIES - 2)
    if energy >= LOWEST_KEV:
        sums[bin_ * RADII + radius] += math.exp(-way)


def engine_escape(anatomy, source, *, photons, batches=10):
    """Photons that leave per photon emitted, shape (energies, radii), and the standard error of it."""
    probe = rebound(
        decay, score=_nothing, charged=_stops,
        photon=rebound(photon, score=_nothing, score_collision=_nothing, score_flight=_straight_out),
    )  # fmt: skip
    run = njit(nogil=True, error_model="numpy")(
        FunctionType(cpu._run_batch.__code__, {**vars(cpu), "decay": probe}, "run_batch_probe")
    )
    matter = labelled_matter(anatomy)
    material, medium, density, tally = _materials(matter.geometry, None)
    world = World(
        shape=(VOXELS,) * 3, size_cm=(SIDE_MM / 10.0,) * 3, material=material, medium=medium, density=density,
        tally=tally, periodic=0, resolution_cm=1e30, radial=0, centre_cm=(0.0, 0.0, 0.0), bins_per_e=0.0,
        first_log_cm=0.0,
    )  # fmt: skip
    tables = transport_tables(matter.geometry.media)
    limits = Limits(electron_kev=1e9, photon_kev=LOWEST_KEV - 1.0, step_loss=0.15)
    cells = np.flatnonzero(source)
    place = Source(cells=cells.astype(np.int64), alias=alias_table(source.ravel()[cells].astype(float)), at_point=0,
                   point_cm=(0.0, 0.0, 0.0))  # fmt: skip
    emission = emitted(mono_energetic(Radiation.PHOTON, MAIN_KEV), limits=limits)
    each, found = photons // batches, []
    for batch in range(batches):
        sums = np.zeros(ENERGIES * RADII + 1)
        shift = (0.37 + 0.1 * batch) % 1.0
        run(world, tables, limits, majorant(world, tables), place, emission, np.uint64(1), batch * each, each, shift,
            sums)  # fmt: skip
        found.append(sums[:-1].reshape(ENERGIES, RADII) / each)
    return np.mean(found, axis=0), np.std(found, axis=0) / math.sqrt(batches - 1)
