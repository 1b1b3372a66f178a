"""One decay after another: where, what is emitted, and every particle followed to its end."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from hemadose.errors import QuantityError
from hemadose.model.emissions import BetaSpectrum, Emissions, LineKind
from hemadose.physics.transport.charged import ELECTRON, PHOTON, POSITRON, _push, charged
from hemadose.physics.transport.device import device
from hemadose.physics.transport.photons import photon
from hemadose.physics.transport.random import isotropic, seed_stream, uniform
from hemadose.physics.transport.scoring import score
from hemadose.physics.transport.tables import HIGHEST_KEV

Array = npt.NDArray[np.float64]

STACK_DEPTH = 96
_GOLDEN = 0.6180339887498949
_QUANTILES = 2048


class Limits(NamedTuple):
    """Where following ends, and how finely steps are cut.

    Attributes
    ----------
    electron_kev, photon_kev : float
        Particles with less stop where they are.
    step_loss : float
        Largest share of the energy that one step loses softly.
    """

    electron_kev: float
    photon_kev: float
    step_loss: float


class Alias(NamedTuple):
    """Walker's alias method: an index drawn with given weights by one number and one look-up.

    Equal weights have no `other`: every index stands for itself.
    """

    keep: Array
    other: npt.NDArray[np.int32]


class Emitted(NamedTuple):
    """What one decay emits, ready to sample; betas of both charges as rows, lines as (energy, alias) lists."""

    local_kev: float
    beta_charge: Array
    beta_yield: Array
    beta_quantile: Array
    electron_yield: float
    electron_kev: Array
    electron_alias: Alias
    photon_yield: float
    photon_kev: Array
    photon_alias: Alias


class Source(NamedTuple):
    """Voxels that hold activity, by flat index, and a fixed point instead of a place inside the voxel if asked."""

    cells: npt.NDArray[np.int64]
    alias: Alias
    at_point: int
    point_cm: tuple[float, float, float]


def alias_table(weights: Array) -> Alias:
    """Prepare Walker's alias method (Vose 1991).

    >>> table = alias_table(np.array([1.0, 3.0]))
    >>> float(table.keep[0]), int(table.other[0])
    (0.5, 1)
    """
    share = np.asarray(weights, dtype=np.float64) * (len(weights) / float(np.sum(weights)))
    keep = np.ones(share.size)
    other = np.arange(share.size, dtype=np.int32)
    if np.ptp(share) < 1e-12:
        return Alias(keep=keep, other=other[:0])
    _pair(share, keep, other)
    return Alias(keep=keep, other=other)


@njit(cache=True)
def _pair(share, keep, other):  # type: ignore[no-untyped-def]
    """Fill every index that has less than its even share from one that has more; `share` is used up."""
    pending = np.empty(share.size, dtype=np.int64)  # small ones from the front, large ones from the back
    small, large = 0, share.size
    for index in range(share.size):
        if share[index] < 1.0:
            pending[small] = index
            small += 1
        else:
            large -= 1
            pending[large] = index
    while small > 0 and large < share.size:
        small -= 1
        low, high = pending[small], pending[large]
        keep[low], other[low] = share[low], high
        share[high] -= 1.0 - share[low]
        if share[high] < 1.0:
            large += 1
            pending[small] = high
            small += 1


def emitted(emissions: Emissions, *, limits: Limits) -> Emitted:
    """Prepare the emissions of a decay; lines below the limits and alpha particles stay where they are emitted.

    Where positrons are emitted, transport makes their annihilation photons itself: the nuclide's own annihilation
    line is left out.

    Raises
    ------
    QuantityError
        If something is emitted with more energy than the data reach, or nothing at all.
    """
    top = max(
        [line.energy_kev for line in emissions.lines if line.kind is not LineKind.ALPHA]
        + [float(b.energy_kev[-1]) for b in emissions.betas],
        default=0.0,
    )
    if top > HIGHEST_KEV * 0.999:
        raise QuantityError(
            f"{emissions.nuclide} emits more energy than transport knows",
            value=f"{top:.0f} keV",
            expected=f"up to {HIGHEST_KEV:.0f} keV",
        )
    positrons = any(b.charge > 0 for b in emissions.betas)
    lines = [
        x for x in emissions.lines if x.yield_per_decay > 0.0 and not (positrons and x.kind is LineKind.ANNIHILATION)
    ]
    electrons = [x for x in lines if x.kind.is_electron and x.energy_kev > limits.electron_kev]
    photons = [x for x in lines if x.kind.is_photon and x.energy_kev > limits.photon_kev]
    if not lines and not emissions.betas:
        raise QuantityError(f"{emissions.nuclide} emits nothing that transport follows")
    return Emitted(
        local_kev=sum(x.energy_kev * x.yield_per_decay for x in lines if x not in electrons and x not in photons),
        beta_charge=np.array([float(b.charge) for b in emissions.betas]),
        beta_yield=np.array([b.yield_per_decay for b in emissions.betas]),
        beta_quantile=np.array([_quantiles(b) for b in emissions.betas]).reshape(len(emissions.betas), _QUANTILES + 1),
        electron_yield=float(sum(x.yield_per_decay for x in electrons)),
        electron_kev=np.array([x.energy_kev for x in electrons] or [0.0]),
        electron_alias=alias_table(np.array([x.yield_per_decay for x in electrons] or [1.0])),
        photon_yield=float(sum(x.yield_per_decay for x in photons)),
        photon_kev=np.array([x.energy_kev for x in photons] or [0.0]),
        photon_alias=alias_table(np.array([x.yield_per_decay for x in photons] or [1.0])),
    )


def _quantiles(beta: BetaSpectrum) -> Array:
    """Energies at even steps of the cumulative probability, scaled to keep the mean energy."""
    energy = np.interp(
        np.linspace(0, beta.energy_kev.size - 1, 20001), np.arange(beta.energy_kev.size), beta.energy_kev
    )
    density = np.interp(energy, beta.energy_kev, beta.density_per_kev)
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(energy))])
    rising = np.concatenate([[True], np.diff(cumulative) > 0.0])
    quantile = np.interp(np.linspace(0.0, 1.0, _QUANTILES + 1), cumulative[rising] / cumulative[-1], energy[rising])
    mean = float(np.mean(0.5 * (quantile[1:] + quantile[:-1])))
    return np.asarray(quantile * (beta.mean_energy_kev / mean))


@device
def draw(alias, state):  # type: ignore[no-untyped-def]
    """Index drawn from an alias table."""
    place = uniform(state) * alias.keep.shape[0]
    index = min(int(place), alias.keep.shape[0] - 1)
    if alias.other.shape[0] == 0 or place - index < alias.keep[index]:
        return index
    return int(alias.other[index])


@device
def _count(mean, state):  # type: ignore[no-untyped-def]
    """Whole number of particles whose mean over decays is `mean`."""
    whole = int(mean)
    return whole + (1 if uniform(state) < mean - whole else 0)


@device
def _place(world, source, state):  # type: ignore[no-untyped-def]
    """Cell and point of a decay."""
    cell = int(source.cells[draw(source.alias, state)])
    nx, ny, _ = world.shape
    dx, dy, dz = world.size_cm
    ix = cell % nx
    iy = (cell // nx) % ny
    iz = cell // (nx * ny)
    if source.at_point:
        x, y, z = source.point_cm
    else:
        x = (ix + uniform(state)) * dx
        y = (iy + uniform(state)) * dy
        z = (iz + uniform(state)) * dz
    return cell, x, y, z


@device
def _fill(emission, number, shift, x, y, z, stack, state):  # type: ignore[no-untyped-def]
    """Put everything that a decay emits on the stack; beta energies follow a golden-ratio sequence."""
    n = 0
    for b in range(emission.beta_yield.shape[0]):
        for _ in range(_count(emission.beta_yield[b], state)):
            place = number * _GOLDEN + shift
            place = (place - math.floor(place)) * _QUANTILES
            node = min(int(place), _QUANTILES - 1)
            low = emission.beta_quantile[b, node]
            kinetic = low + (emission.beta_quantile[b, node + 1] - low) * (place - node)
            u, v, w = isotropic(state)
            kind = ELECTRON if emission.beta_charge[b] < 0.0 else POSITRON
            n = _push(stack, n, kind, x, y, z, u, v, w, kinetic)
    for _ in range(_count(emission.electron_yield, state)):
        kinetic = emission.electron_kev[draw(emission.electron_alias, state)]
        u, v, w = isotropic(state)
        n = _push(stack, n, ELECTRON, x, y, z, u, v, w, kinetic)
    for _ in range(_count(emission.photon_yield, state)):
        energy = emission.photon_kev[draw(emission.photon_alias, state)]
        u, v, w = isotropic(state)
        n = _push(stack, n, PHOTON, x, y, z, u, v, w, energy)
    return n


@device
def decay(world, tables, limits, majorant, source, emission, seed, number, shift, sums, stack, state):  # type: ignore[no-untyped-def]
    """Follow everything from one decay, the `number`-th of the stream that `seed` starts."""
    nx, ny, nz = world.shape
    dx, dy, dz = world.size_cm
    seed_stream(state, seed, np.uint64(number))
    cell, x, y, z = _place(world, source, state)
    if emission.local_kev > 0.0:
        score(world, sums, cell, x, y, z, emission.local_kev)
    n = _fill(emission, number, shift, x, y, z, stack, state)
    while n > 0:
        n -= 1
        kind = stack[n, 0]
        x, y, z = stack[n, 1], stack[n, 2], stack[n, 3]
        u, v, w, energy = stack[n, 4], stack[n, 5], stack[n, 6], stack[n, 7]
        if kind == PHOTON:
            n = photon(world, tables, limits, majorant, sums, x, y, z, u, v, w, energy, stack, n, state)
        else:
            ix, iy, iz = min(int(x / dx), nx - 1), min(int(y / dy), ny - 1), min(int(z / dz), nz - 1)
            n = charged(world, tables, limits, sums, kind, ix, iy, iz, x, y, z, u, v, w, energy, stack, n, state)
