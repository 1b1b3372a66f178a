"""Photons: Woodcock flights, photoelectric absorption with K X-rays, bound Compton, Rayleigh, pair production.

References
----------
Woodcock E et al. ANL-7050:557 (1965). Hubbell J H et al. J Phys Chem Ref Data 4:471 (1975) (incoherent scattering
function as rejection, form factor). Sauter F. Ann Phys 11:454 (1931) (direction of photoelectrons).
"""

from __future__ import annotations

import math

from hemadose.physics.matter.electrons import ELECTRON_REST_KEV
from hemadose.physics.matter.scattering import HC_KEV_ANGSTROM
from hemadose.physics.transport.charged import ELECTRON, PHOTON, POSITRON, _push, grid_place
from hemadose.physics.transport.device import device
from hemadose.physics.transport.random import azimuth, isotropic, rotate, uniform
from hemadose.physics.transport.scoring import score, score_collision, score_flight
from hemadose.physics.transport.tables import (
    ATTENUATION,
    FORM_NODES,
    FORM_STEP,
    MAX_FLUORESCENT,
    TO_COMPTON,
    TO_PHOTO,
    TO_RAYLEIGH,
)


@device
def _compton(tables, medium, energy, state):  # type: ignore[no-untyped-def]
    """Energy and cosine of the photon scattered by a bound electron: Klein-Nishina times S(x)/Z."""
    k = energy / ELECTRON_REST_KEV
    least = 1.0 / (1.0 + 2.0 * k)
    a1 = -math.log(least)
    a2 = 0.5 * (1.0 - least * least)
    while True:
        e = (
            math.exp(-a1 * uniform(state))
            if uniform(state) * (a1 + a2) < a1
            else math.sqrt(least * least + (1.0 - least * least) * uniform(state))
        )
        t = (1.0 - e) / (k * e)
        if uniform(state) > 1.0 - e * t * (2.0 - t) / (1.0 + e * e):
            continue
        place = energy / HC_KEV_ANGSTROM * math.sqrt(0.5 * t) / FORM_STEP
        node = int(place)
        if node >= FORM_NODES - 1:
            return e * energy, 1.0 - t
        low = tables.incoherent[medium, node]
        if uniform(state) < low + (tables.incoherent[medium, node + 1] - low) * (place - node):
            return e * energy, 1.0 - t


@device
def _rayleigh(tables, medium, energy, state):  # type: ignore[no-untyped-def]
    """Cosine of coherent scattering: form factor squared times 1 + cos^2."""
    largest = energy / HC_KEV_ANGSTROM
    place = min(largest / FORM_STEP, FORM_NODES - 1.001)
    node = int(place)
    top = tables.coherent[medium, node] + (tables.coherent[medium, node + 1] - tables.coherent[medium, node]) * (
        place - node
    )
    while True:
        wanted = uniform(state) * top
        low = 0
        high = node + 1
        while high - low > 1:
            middle = (low + high) // 2
            if tables.coherent[medium, middle] > wanted:
                high = middle
            else:
                low = middle
        span = tables.coherent[medium, high] - tables.coherent[medium, low]
        share = (wanted - tables.coherent[medium, low]) / span if span > 0.0 else 0.0
        below = (low * FORM_STEP) ** 2
        x2 = below + share * ((high * FORM_STEP) ** 2 - below)
        c = 1.0 - 2.0 * min(x2 / (largest * largest), 1.0)
        if 2.0 * uniform(state) < 1.0 + c * c:
            return c


@device
def _photoelectron_cosine(kinetic_kev, state):  # type: ignore[no-untyped-def]
    """Direction of a K photoelectron to the photon (Sauter; sampled as in the PENELOPE manual, sec. 2.2)."""
    gamma = kinetic_kev / ELECTRON_REST_KEV + 1.0
    beta = math.sqrt(1.0 - 1.0 / (gamma * gamma))
    a = 1.0 / beta - 1.0
    b = 0.5 * beta * gamma * (gamma - 1.0) * (gamma - 2.0)
    bound = 2.0 * (1.0 / a + b)
    while True:
        random = uniform(state)
        t = 2.0 * a / ((a + 2.0) ** 2 - 4.0 * random) * (2.0 * random + (a + 2.0) * math.sqrt(random))
        if uniform(state) * bound < (2.0 - t) * (1.0 / (a + t) + b):
            return 1.0 - t


@device
def _share_of(tables, medium, node, share, column):  # type: ignore[no-untyped-def]
    """Value of a column of the photon tables between two nodes."""
    low = tables.photon[medium, node, column]
    return low + share * (tables.photon[medium, node + 1, column] - low)


@device
def photon(world, tables, limits, majorant, sums, x, y, z, u, v, w, energy, stack, n, state):  # type: ignore[no-untyped-def]
    """Follow one photon until it is absorbed or leaves; returns the new height of the stack."""
    nx, ny, nz = world.shape
    dx, dy, dz = world.size_cm
    while True:
        if energy <= limits.photon_kev:
            ix, iy, iz = int(x / dx), int(y / dy), int(z / dz)
            ix, iy, iz = min(max(ix, 0), nx - 1), min(max(iy, 0), ny - 1), min(max(iz, 0), nz - 1)
            score(world, sums, (iz * ny + iy) * nx + ix, x, y, z, energy)
            return n
        node, share = grid_place(energy)
        most = majorant[node] + share * (majorant[node + 1] - majorant[node])
        score_flight(world, tables, sums, node, share, x, y, z, u, v, w, energy, state)
        cell, medium = 0, 0
        while True:
            path = -math.log(uniform(state)) / most
            x += path * u
            y += path * v
            z += path * w
            if world.periodic:
                x -= math.floor(x / (nx * dx)) * (nx * dx)
                y -= math.floor(y / (ny * dy)) * (ny * dy)
                z -= math.floor(z / (nz * dz)) * (nz * dz)
            if x < 0.0 or y < 0.0 or z < 0.0 or x >= nx * dx or y >= ny * dy or z >= nz * dz:
                score(world, sums, -1, x, y, z, energy)
                return n
            ix, iy, iz = min(int(x / dx), nx - 1), min(int(y / dy), ny - 1), min(int(z / dz), nz - 1)
            cell = (iz * ny + iy) * nx + ix
            material = world.material[cell]
            medium = world.medium[material]
            here = _share_of(tables, medium, node, share, ATTENUATION)
            if uniform(state) * most < here * world.density[material]:
                break
        dice = uniform(state)
        if dice < _share_of(tables, medium, node, share, TO_PHOTO):
            dice = uniform(state)
            kinetic = energy
            for element in range(MAX_FLUORESCENT):
                low = tables.fluorescence[medium, element, node]
                if dice < low + share * (tables.fluorescence[medium, element, node + 1] - low):
                    is_beta = uniform(state) < tables.x_rays[medium, element, 2]
                    x_ray = tables.x_rays[medium, element, 1 if is_beta else 0]
                    a, b, c = isotropic(state)
                    n = _push(stack, n, PHOTON, x, y, z, a, b, c, x_ray)
                    kinetic -= x_ray
                    break
            if kinetic <= limits.electron_kev:
                score_collision(world, sums, cell, x, y, z, kinetic)
            else:
                c = _photoelectron_cosine(kinetic, state)
                cos_phi, sin_phi = azimuth(state)
                a, b, c = rotate(u, v, w, c, math.sqrt(max(0.0, 1.0 - c * c)), cos_phi, sin_phi)
                n = _push(stack, n, ELECTRON, x, y, z, a, b, c, kinetic)
            return n
        if dice < _share_of(tables, medium, node, share, TO_COMPTON):
            scattered, c = _compton(tables, medium, energy, state)
            given = energy - scattered
            cos_phi, sin_phi = azimuth(state)
            s = math.sqrt(max(0.0, 1.0 - c * c))
            if given <= limits.electron_kev:
                score_collision(world, sums, cell, x, y, z, given)
            else:
                momentum = math.sqrt(given * (given + 2.0 * ELECTRON_REST_KEV))
                c2 = min((energy - scattered * c) / momentum, 1.0)
                a, b, d = rotate(u, v, w, c2, math.sqrt(max(0.0, 1.0 - c2 * c2)), -cos_phi, -sin_phi)
                n = _push(stack, n, ELECTRON, x, y, z, a, b, d, given)
            u, v, w = rotate(u, v, w, c, s, cos_phi, sin_phi)
            energy = scattered
        elif dice < _share_of(tables, medium, node, share, TO_RAYLEIGH):
            c = _rayleigh(tables, medium, energy, state)
            cos_phi, sin_phi = azimuth(state)
            u, v, w = rotate(u, v, w, c, math.sqrt(max(0.0, 1.0 - c * c)), cos_phi, sin_phi)
        else:
            kinetic = energy - 2.0 * ELECTRON_REST_KEV
            first = kinetic * uniform(state)
            n = _push(stack, n, ELECTRON, x, y, z, u, v, w, first)
            return _push(stack, n, POSITRON, x, y, z, u, v, w, kinetic - first)
