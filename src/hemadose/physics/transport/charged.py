"""Electrons and positrons: soft losses in steps with one deflection each, hard events one by one.

A step ends where the next hard event may be or where a set share of the energy is lost. Its deflection is drawn
from the Goudsmit-Saunderson distribution of the step's own scattering strength and applied at a random point of the
path (random hinge), which gives the right mean displacement. Steps are counted in energy: where they cross into a
voxel of another density or medium, the path that is left is what the new voxel needs for the energy that is left, and
the strength is that of the medium in which the hinge falls. A particle that cannot leave its voxel stops there; the
photon that it would have radiated is drawn first.

References
----------
Berger M J. Methods Comput Phys 1:135 (1963) (class II schemes). Sempau J et al. Phys Med Biol 45:2263 (2000) (random
hinge in voxels). Bielajew A F, Kawrakow I, NRC PIRS-701 (kinematics of collisions and annihilation).
"""

from __future__ import annotations

import math

from hemadose.physics.matter.electrons import ELECTRON_REST_KEV
from hemadose.physics.transport.device import device
from hemadose.physics.transport.random import azimuth, isotropic, rotate, uniform
from hemadose.physics.transport.scoring import score
from hemadose.physics.transport.tables import (
    CHARGED_NODES,
    CHARGED_STEP,
    COLLISION_SHARE,
    CSDA,
    HARD_COLLISION_KEV,
    HARD_PHOTON_KEV,
    HARD_RATE,
    HIGHEST_KEV,
    LOWEST_KEV,
    LOWEST_ROOT_STRENGTH,
    NODES,
    PHOTON_SHARE,
    RADIATED,
    RANGE,
    ROOT_STRENGTH_STEP,
    SCATTERING_ROW,
    STRENGTH,
    STRENGTHS,
)
from hemadose.physics.transport.world import clearance, enter_next, exit_distance

_LOG_LOW = math.log(LOWEST_KEV)
_PER_LOG = (NODES - 1) / math.log(HIGHEST_KEV / LOWEST_KEV)
_ROOT_LOW = math.sqrt(LOWEST_KEV)
_PER_ROOT = 1.0 / CHARGED_STEP
_BREMS_LOW = math.log(1.02 * HARD_PHOTON_KEV)
_BREMS_PER_LOG = 31.0 / math.log(HIGHEST_KEV / (1.02 * HARD_PHOTON_KEV))
_TAIL = 1.0 / 32.0
PHOTON, ELECTRON, POSITRON = 0.0, -1.0, 1.0


@device
def grid_place(energy_kev):  # type: ignore[no-untyped-def]
    """Node of the photon tables below an energy, and the share of the way to the next."""
    place = max((math.log(energy_kev) - _LOG_LOW) * _PER_LOG, 0.0)
    node = min(int(place), NODES - 2)
    return node, place - node


@device
def charged_place(kinetic_kev):  # type: ignore[no-untyped-def]
    """Node of the tables of charged particles below an energy, and the share of the way to the next."""
    place = max((math.sqrt(kinetic_kev) - _ROOT_LOW) * _PER_ROOT, 0.0)
    node = min(int(place), CHARGED_NODES - 2)
    return node, place - node


@device
def between(tables, kind, medium, node, share, column):  # type: ignore[no-untyped-def]
    """Value of a column of the charged tables between two nodes."""
    low = float(tables.charged[kind, medium, node, column])
    return low + share * (float(tables.charged[kind, medium, node + 1, column]) - low)


@device
def column_at(tables, kind, medium, kinetic_kev, column):  # type: ignore[no-untyped-def]
    """Value of a column of the charged tables at an energy."""
    node, share = charged_place(kinetic_kev)
    return between(tables, kind, medium, node, share, column)


@device
def energy_of_range(tables, kind, medium, residual):  # type: ignore[no-untyped-def]
    """Energy of a particle that soft losses would stop after a residual range (g/cm2)."""
    place = math.sqrt(max(residual, 0.0)) * tables.range_scale[kind, medium]
    node = min(int(place), tables.energy.shape[2] - 2)
    low = float(tables.energy[kind, medium, node])
    return low + (place - node) * (float(tables.energy[kind, medium, node + 1]) - low)


@device
def _deflection(tables, kind, medium, row_place, strength, state):  # type: ignore[no-untyped-def]
    """Sin(theta/2) of a step, drawn from the Goudsmit-Saunderson tables."""
    row = int(row_place)
    if uniform(state) < row_place - row:
        row += 1
    root = math.sqrt(strength)
    scale = 1.0
    column = 0
    if root <= LOWEST_ROOT_STRENGTH:
        scale = root / LOWEST_ROOT_STRENGTH
    else:
        column = min(int((root - LOWEST_ROOT_STRENGTH) / ROOT_STRENGTH_STEP), STRENGTHS - 2)
        low = tables.strengths[column]
        if uniform(state) * (tables.strengths[column + 1] - low) < strength - low:
            column += 1
    bins = tables.scattering.shape[4] // 2 - 1
    u = uniform(state)
    offset = 0
    if u > 1.0 - _TAIL:
        u = (u - (1.0 - _TAIL)) / _TAIL
        offset = bins + 1
    place = u * bins
    node = min(int(place), bins - 1)
    low = float(tables.scattering[kind, medium, row, column, offset + node])
    return scale * (
        low + (float(tables.scattering[kind, medium, row, column, offset + node + 1]) - low) * (place - node)
    )


@device
def _radiated_photon(tables, medium, kinetic_kev, state):  # type: ignore[no-untyped-def]
    """Energy of a photon above the cut-off that a particle of this energy radiates."""
    place = (math.log(kinetic_kev) - _BREMS_LOW) * _BREMS_PER_LOG
    row = int(min(max(place, 0.0), 30.0))
    if uniform(state) < place - row:
        row += 1
    bins = tables.radiated.shape[2] - 1
    place = uniform(state) * bins
    node = min(int(place), bins - 1)
    low = tables.radiated[medium, row, node]
    share = low + (tables.radiated[medium, row, node + 1] - low) * (place - node)
    return HARD_PHOTON_KEV * math.exp(share * math.log(kinetic_kev / HARD_PHOTON_KEV))


@device
def _radiates_at(tables, kind, medium, radiated, state):  # type: ignore[no-untyped-def]
    """Energy at which a particle on its way to rest radiates, given that it does: inverse of the RADIATED column."""
    wanted = uniform(state) * radiated
    low = 0
    high = CHARGED_NODES - 1
    while high - low > 1:
        middle = (low + high) // 2
        if tables.charged[kind, medium, middle, RADIATED] > wanted:
            high = middle
        else:
            low = middle
    return (_ROOT_LOW + high * CHARGED_STEP) ** 2


@device
def _push(stack, n, kind, x, y, z, u, v, w, kinetic_kev):  # type: ignore[no-untyped-def]
    if n < stack.shape[0]:
        stack[n, 0] = kind
        stack[n, 1] = x
        stack[n, 2] = y
        stack[n, 3] = z
        stack[n, 4] = u
        stack[n, 5] = v
        stack[n, 6] = w
        stack[n, 7] = kinetic_kev
        return n + 1
    return n


@device
def push_annihilation(stack, n, x, y, z, state):  # type: ignore[no-untyped-def]
    """Two photons of 511 keV, back to back."""
    u, v, w = isotropic(state)
    n = _push(stack, n, PHOTON, x, y, z, u, v, w, ELECTRON_REST_KEV)
    return _push(stack, n, PHOTON, x, y, z, -u, -v, -w, ELECTRON_REST_KEV)


@device
def _moller_transfer(kinetic_kev, state):  # type: ignore[no-untyped-def]
    """Energy given to an electron in a hard Moller collision."""
    tau = kinetic_kev / ELECTRON_REST_KEV
    least = HARD_COLLISION_KEV / kinetic_kev
    spin = (tau / (tau + 1.0)) ** 2
    exchange = (2.0 * tau + 1.0) / (tau + 1.0) ** 2
    bound = max(1.0, 2.0 + 0.25 * spin - exchange)
    while True:
        e = least / (1.0 - uniform(state) * (1.0 - 2.0 * least))
        ratio = e / (1.0 - e)
        if uniform(state) * bound < 1.0 + ratio * ratio + spin * e * e - exchange * ratio:
            return e * kinetic_kev


@device
def _bhabha_transfer(kinetic_kev, state):  # type: ignore[no-untyped-def]
    """Energy given to an electron in a hard Bhabha collision."""
    tau = kinetic_kev / ELECTRON_REST_KEV
    beta2 = tau * (tau + 2.0) / (tau + 1.0) ** 2
    y = 1.0 / (tau + 2.0)
    b1 = 2.0 - y * y
    b2 = (1.0 - 2.0 * y) * (3.0 + y * y)
    b4 = (1.0 - 2.0 * y) ** 3
    b3 = b4 + (1.0 - 2.0 * y) ** 2
    least = HARD_COLLISION_KEV / kinetic_kev
    while True:
        e = least / (1.0 - uniform(state) * (1.0 - least))
        if uniform(state) < 1.0 - beta2 * e * (b1 - e * (b2 - e * (b3 - e * b4))):
            return e * kinetic_kev


@device
def _flight_share(gamma, state):  # type: ignore[no-untyped-def]
    """Share of the total energy that one photon of an annihilation in flight takes (Heitler's cross section)."""
    root = math.sqrt(gamma * gamma - 1.0)
    least = 1.0 / (gamma + 1.0 + root)
    span = math.log((1.0 - least) / least)
    while True:
        e = least * math.exp(uniform(state) * span)
        g = 1.0 - e + (2.0 * gamma - 1.0 / e) / (gamma + 1.0) ** 2
        if uniform(state) < g:
            return e


@device
def _photon_cosine(kinetic_kev, state):  # type: ignore[no-untyped-def]
    """Angle of radiation: a dipole's 1 + cos^2 in the frame of the particle, seen from outside."""
    tau = kinetic_kev / ELECTRON_REST_KEV
    beta = math.sqrt(tau * (tau + 2.0)) / (tau + 1.0)
    while True:
        c = 2.0 * uniform(state) - 1.0
        if 2.0 * uniform(state) < 1.0 + c * c:
            return (c + beta) / (1.0 + beta * c)


@device
def hard_event(tables, kind, charge, medium, kinetic_kev, stack, n, x, y, z, u, v, w, state):  # type: ignore[no-untyped-def]
    """Collision, radiation or annihilation: energy left (-1 if annihilated), direction, entries of the stack."""
    node, share = charged_place(kinetic_kev)
    dice = uniform(state)
    cos_phi, sin_phi = azimuth(state)
    rest = ELECTRON_REST_KEV
    if dice < between(tables, kind, medium, node, share, COLLISION_SHARE):
        least = HARD_COLLISION_KEV if charge > 0 else 2.0 * HARD_COLLISION_KEV
        if kinetic_kev <= least:
            return kinetic_kev, u, v, w, n
        given = _moller_transfer(kinetic_kev, state) if charge < 0 else _bhabha_transfer(kinetic_kev, state)
        left = kinetic_kev - given
        total = kinetic_kev + 2.0 * rest
        cos2 = left * total / (kinetic_kev * (left + 2.0 * rest))
        out2 = given * total / (kinetic_kev * (given + 2.0 * rest))
        sin1, sin2 = math.sqrt(max(0.0, 1.0 - cos2)), math.sqrt(max(0.0, 1.0 - out2))
        a, b, c = rotate(u, v, w, math.sqrt(out2), sin2, -cos_phi, -sin_phi)
        n = _push(stack, n, ELECTRON, x, y, z, a, b, c, given)
        u, v, w = rotate(u, v, w, math.sqrt(cos2), sin1, cos_phi, sin_phi)
        return left, u, v, w, n
    if dice < between(tables, kind, medium, node, share, PHOTON_SHARE):
        if kinetic_kev <= 1.02 * HARD_PHOTON_KEV:
            return kinetic_kev, u, v, w, n
        photon = min(_radiated_photon(tables, medium, kinetic_kev, state), kinetic_kev)
        c = _photon_cosine(kinetic_kev, state)
        a, b, c = rotate(u, v, w, c, math.sqrt(max(0.0, 1.0 - c * c)), cos_phi, sin_phi)
        n = _push(stack, n, PHOTON, x, y, z, a, b, c, photon)
        return kinetic_kev - photon, u, v, w, n
    gamma = kinetic_kev / rest + 1.0
    root = math.sqrt(gamma * gamma - 1.0)
    first = _flight_share(gamma, state)
    for e, sign in ((first, 1.0), (1.0 - first, -1.0)):
        c = min(max((gamma + 1.0 - 1.0 / e) / root, -1.0), 1.0)
        s = math.sqrt(max(0.0, 1.0 - c * c))
        a, b, d = rotate(u, v, w, c, s, sign * cos_phi, sign * sin_phi)
        n = _push(stack, n, PHOTON, x, y, z, a, b, d, e * (kinetic_kev + 2.0 * rest))
    return -1.0, u, v, w, n


@device
def _turned(tables, kind, medium, row_place, strength, u, v, w, state):  # type: ignore[no-untyped-def]
    """Direction after the deflection of a step."""
    root = _deflection(tables, kind, medium, row_place, strength, state)
    cos_phi, sin_phi = azimuth(state)
    sine = 2.0 * root * math.sqrt(max(0.0, 1.0 - root * root))
    return rotate(u, v, w, 1.0 - 2.0 * root * root, sine, cos_phi, sin_phi)


@device
def _next_event(tables, kind, kinetic_kev, state):  # type: ignore[no-untyped-def]
    """Energy at which the next hard event may be."""
    return kinetic_kev + math.log(uniform(state)) / tables.hard_rate[kind]


@device
def leg(  # type: ignore[no-untyped-def]
    world, tables, sums, kind, ix, iy, iz, x, y, z, u, v, w, now, residual, target, target_range, state
):
    """Go straight on, through voxels, until the energy is `target`; the last answer is 1 once outside.

    `residual` and `target_range` are the residual ranges of both energies in the medium of the first voxel.
    """
    nx, ny, _ = world.shape
    material = world.material[(iz * ny + iy) * nx + ix]
    medium = world.medium[material]
    while True:
        cell = (iz * ny + iy) * nx + ix
        density = world.density[material]
        need = (residual - target_range) / density
        distance, axis = exit_distance(world, ix, iy, iz, x, y, z, u, v, w)
        if need <= distance:
            at = need * uniform(state) if world.radial else 0.0
            score(world, sums, cell, x + at * u, y + at * v, z + at * w, now - target)
            return ix, iy, iz, x + need * u, y + need * v, z + need * w, 0
        residual -= distance * density
        left = min(max(energy_of_range(tables, kind, medium, residual), target), now)
        score(world, sums, cell, x, y, z, now - left)
        now = left
        x += distance * u
        y += distance * v
        z += distance * w
        ix, iy, iz, x, y, z, outside = enter_next(world, axis, ix, iy, iz, x, y, z, u, v, w)
        if outside:
            # a positron takes the energy of its annihilation with it
            score(world, sums, -1, x, y, z, now + 2.0 * ELECTRON_REST_KEV * kind)
            return ix, iy, iz, x, y, z, 1
        material = world.material[(iz * ny + iy) * nx + ix]
        if world.medium[material] != medium:
            medium = world.medium[material]
            residual = column_at(tables, kind, medium, now, RANGE)
            target_range = column_at(tables, kind, medium, target, RANGE)


@device
def charged(world, tables, limits, sums, charge, ix, iy, iz, x, y, z, u, v, w, kinetic, stack, n, state):  # type: ignore[no-untyped-def]
    """Follow one particle until it stops or leaves; returns the new height of the stack."""
    nx, ny, _ = world.shape
    kind = 0 if charge < 0.0 else 1
    event = _next_event(tables, kind, kinetic, state)
    while True:
        cell = (iz * ny + iy) * nx + ix
        material = world.material[cell]
        medium = world.medium[material]
        density = world.density[material]
        node, share = charged_place(kinetic)
        free = clearance(world, ix, iy, iz, x, y, z)
        if kinetic <= limits.electron_kev or between(tables, kind, medium, node, share, CSDA) < free * density:
            radiated = between(tables, kind, medium, node, share, RADIATED)
            if kinetic > 1.05 * HARD_PHOTON_KEV and uniform(state) < radiated:
                at = min(_radiates_at(tables, kind, medium, radiated, state), kinetic)
                photon = min(_radiated_photon(tables, medium, at, state), kinetic)
                a, b, c = isotropic(state)
                n = _push(stack, n, PHOTON, x, y, z, a, b, c, photon)
                kinetic -= photon
            score(world, sums, cell, x, y, z, kinetic)
            if charge > 0.0:
                n = push_annihilation(stack, n, x, y, z, state)
            return n
        after = max(event, kinetic * (1.0 - limits.step_loss), limits.electron_kev)
        after_node, after_share = charged_place(after)
        residual = between(tables, kind, medium, node, share, RANGE)
        after_range = between(tables, kind, medium, after_node, after_share, RANGE)
        row_place = between(tables, kind, medium, node, share, SCATTERING_ROW)
        path = residual - after_range
        length = path / density
        hinge = uniform(state)
        if length < free or world.radial:
            strength = between(tables, kind, medium, node, share, STRENGTH) - between(
                tables, kind, medium, after_node, after_share, STRENGTH
            )
            loss = kinetic - after
            first = hinge * length
            second = length - first
            if world.radial:
                at = uniform(state) * first
                score(world, sums, cell, x + at * u, y + at * v, z + at * w, loss * hinge)
            else:
                score(world, sums, cell, x, y, z, loss)
            x += first * u
            y += first * v
            z += first * w
            u, v, w = _turned(tables, kind, medium, row_place, strength, u, v, w, state)
            if world.radial:
                at = uniform(state) * second
                score(world, sums, cell, x + at * u, y + at * v, z + at * w, loss * (1.0 - hinge))
            x += second * u
            y += second * v
            z += second * w
        else:
            turn_range = residual - hinge * path
            turn = min(max(energy_of_range(tables, kind, medium, turn_range), after), kinetic)
            ix, iy, iz, x, y, z, outside = leg(
                world, tables, sums, kind, ix, iy, iz, x, y, z, u, v, w, kinetic, residual, turn, turn_range, state
            )
            if outside:
                return n
            here = world.medium[world.material[(iz * ny + iy) * nx + ix]]
            strength = between(tables, kind, here, node, share, STRENGTH) - between(
                tables, kind, here, after_node, after_share, STRENGTH
            )
            u, v, w = _turned(tables, kind, here, row_place, strength, u, v, w, state)
            if here != medium:
                turn_range = column_at(tables, kind, here, turn, RANGE)
                after_range = between(tables, kind, here, after_node, after_share, RANGE)
            ix, iy, iz, x, y, z, outside = leg(
                world, tables, sums, kind, ix, iy, iz, x, y, z, u, v, w, turn, turn_range, after, after_range, state
            )
            if outside:
                return n
        kinetic = after
        if after == event:
            medium = world.medium[world.material[(iz * ny + iy) * nx + ix]]
            rate = between(tables, kind, medium, after_node, after_share, HARD_RATE)
            if uniform(state) * tables.hard_rate[kind] < rate:
                kinetic, u, v, w, n = hard_event(
                    tables, kind, charge, medium, kinetic, stack, n, x, y, z, u, v, w, state
                )
                if kinetic < 0.0:
                    return n
            event = _next_event(tables, kind, kinetic, state)
