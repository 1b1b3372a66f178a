"""Compiled Monte Carlo of scatter with forced detection.

Photons are followed from collision to collision (Woodcock); at every collision the chance to be scattered straight
towards a detector, to leave the body on that way and to be counted in each window is added to the pixel it would hit,
displaced by the blur of the collimator at that distance. Absorption is a weight. Random numbers are those of the
transport engine, one stream a history.

References
----------
Ljungberg M, Strand S-E. Comput Methods Programs Biomed 29:257 (1989): scatter in SPECT by forced detection.
Woodcock E et al. ANL-7050:557 (1965).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from hemadose.physics.transport.random import azimuth, isotropic, rotate, seed_stream, uniform
from hemadose.simulate.photon_tables import ELECTRON_REST_KEV, FORM_NODES, FORM_STEP, KEV_ANGSTROM

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}}
_FOUR_PI = 4.0 * math.pi
_MOST_ORDERS = 30


class Body(NamedTuple):
    """The patient before the camera; lengths in mm, x and y from the axis, z from the lower edge of the detector.

    Attributes
    ----------
    labels : array (slices, rows, columns) of uint8
        Tissues.
    corner, pitch : tuple of float
        Outer corner of voxel (0, 0, 0), and sides of a voxel: x, y, z.
    ways : array (views, rows / thin, columns / thin, slices / thin) of float32
        Attenuation at the main line from there to the detector.
    thin : int
        Voxels along the side of a cell of `ways`.
    """

    labels: npt.NDArray[np.uint8]
    corner: tuple[float, float, float]
    pitch: tuple[float, float, float]
    ways: npt.NDArray[np.float32]
    thin: int


class Detector(NamedTuple):
    """All views.

    Attributes
    ----------
    sine, cosine, radius : array (views,)
        Of each view.
    bin_mm, slice_mm : float
        Pixels.
    response : tuple of float
        FWHM: intrinsic, at the face, per mm.
    counts : array (windows, energies)
        Counts per photon that reaches the collimator along its holes, times 4 pi.
    stride : int
        At each collision one view in so many is looked at, beginning anywhere.
    """

    sine: npt.NDArray[np.float64]
    cosine: npt.NDArray[np.float64]
    radius: npt.NDArray[np.float64]
    bin_mm: float
    slice_mm: float
    response: tuple[float, float, float]
    counts: npt.NDArray[np.float64]
    stride: int


@njit(inline="always")
def _normal(state):  # type: ignore[no-untyped-def]
    """Two independent normal numbers (Box and Muller)."""
    size = math.sqrt(-2.0 * math.log(uniform(state)))
    a, b = azimuth(state)
    return size * a, size * b


@njit(**_OPTIONS)
def _compton(tables, matter, energy, state):  # type: ignore[no-untyped-def]
    """Energy and cosine after a Compton scatter, by rejection from the circle of all cosines."""
    while True:
        c = 2.0 * uniform(state) - 1.0
        left = 1.0 / (1.0 + energy / ELECTRON_REST_KEV * (1.0 - c))
        law = 0.5 * left * left * (left + 1.0 / left - 1.0 + c * c)
        if uniform(state) < law * _bound(tables, matter, energy, c):
            return energy * left, c


@njit(inline="always")
def _bound(tables, matter, energy, c):  # type: ignore[no-untyped-def]
    """S / Z of a medium at a scattering angle."""
    place = energy / KEV_ANGSTROM * math.sqrt(0.5 * (1.0 - c)) / FORM_STEP
    node = int(place)
    if node >= FORM_NODES - 1:
        return 1.0
    low = tables.bound[matter, node]
    return low + (tables.bound[matter, node + 1] - low) * (place - node)


@njit(**_OPTIONS)
def _look(tables, body, detector, x, y, z, u, v, w, energy, weight, matter, scattered, tally, state):  # type: ignore[no-untyped-def]
    """Add what is expected of a photon at a point: scattered there, or (not `scattered`) emitted there."""
    thin = body.thin
    r = int((y - body.corner[1]) / (body.pitch[1] * thin))
    c = int((x - body.corner[0]) / (body.pitch[0] * thin))
    s = int((z - body.corner[2]) / (body.pitch[2] * thin))
    _, rows, columns, slices = body.ways.shape
    r, c, s = min(max(r, 0), rows - 1), min(max(c, 0), columns - 1), min(max(s, 0), slices - 1)
    windows, views, height, bins = tally.shape
    place = energy - tables.lowest_kev
    node = int(place)
    norm = tables.norm[matter, node]
    norm += (tables.norm[matter, node + 1] - norm) * (place - node)
    view = int(uniform(state) * detector.stride)
    while view < views:
        sine, cosine = detector.sine[view], detector.cosine[view]
        seen, chance = energy, 1.0 / _FOUR_PI
        if scattered:
            t = u * sine + v * cosine
            left = 1.0 / (1.0 + energy / ELECTRON_REST_KEV * (1.0 - t))
            seen = energy * left
            law = 0.5 * left * left * (left + 1.0 / left - 1.0 + t * t)
            chance = law * _bound(tables, matter, energy, t) / norm
        place = seen - tables.lowest_kev
        if place > 0.0:
            node = int(place)
            share = place - node
            relative = tables.relative[node] + (tables.relative[node + 1] - tables.relative[node]) * share
            expected = weight * detector.stride * chance * math.exp(-body.ways[view, r, c, s] * relative)
            distance = max(detector.radius[view] - (x * sine + y * cosine), 0.0)
            wide = detector.response[1] + detector.response[2] * distance
            sigma = math.sqrt(detector.response[0] ** 2 + wide * wide) / 2.3548200450309493
            a, b = _normal(state)
            column = math.floor((-x * cosine + y * sine + sigma * a) / detector.bin_mm + 0.5 * bins)
            line = math.floor((z + sigma * b) / detector.slice_mm)
            if 0 <= column < bins and 0 <= line < height:
                for k in range(windows):
                    counts = detector.counts[k, node]
                    counts += (detector.counts[k, node + 1] - counts) * share
                    tally[k, view, line, column] += np.float32(expected * counts)
        view += detector.stride


@njit(**_OPTIONS)
def _fly(tables, body, x, y, z, u, v, w, energy, state):  # type: ignore[no-untyped-def]
    """Place and tissue of the next collision; -1 where the photon has left."""
    slices, rows, columns = body.labels.shape
    node = int(energy - tables.lowest_kev)
    share = energy - tables.lowest_kev - node
    most = tables.majorant[node] + (tables.majorant[node + 1] - tables.majorant[node]) * share
    while True:
        path = -10.0 * math.log(uniform(state)) / most
        x += path * u
        y += path * v
        z += path * w
        ix = math.floor((x - body.corner[0]) / body.pitch[0])
        iy = math.floor((y - body.corner[1]) / body.pitch[1])
        iz = math.floor((z - body.corner[2]) / body.pitch[2])
        if ix < 0 or iy < 0 or iz < 0 or ix >= columns or iy >= rows or iz >= slices:
            return x, y, z, -1
        label = int(body.labels[iz, iy, ix])
        here = tables.total[label, node] + (tables.total[label, node + 1] - tables.total[label, node]) * share
        if uniform(state) * most < here:
            return x, y, z, label


@njit(**_OPTIONS)
def histories(  # type: ignore[no-untyped-def]
    tables, body, detector, cells, cumulative, line_kev, line_chance, line_weight, first, last, total, seed, tally
):
    """Follow histories `first` to `last` of `total`; those of the first line are not seen before they scatter.

    cells, cumulative : flat voxels that hold activity and the running sum of it up to and with each. line_* : energy,
    running chance and weight (photons per decay over chance) of each line. tally : (windows, views, slices, bins).
    """
    state = np.zeros(2, dtype=np.uint64)
    _, rows, columns = body.labels.shape
    low, pitch = body.corner, body.pitch
    cell = int(np.searchsorted(cumulative, first / total * cumulative[-1]))
    for i in range(first, last):
        seed_stream(state, np.uint64(seed), np.uint64(i))
        wanted = (i + uniform(state)) / total * cumulative[-1]
        while cell < cells.size - 1 and cumulative[cell] < wanted:
            cell += 1
        at = cells[cell]
        iz, rest = at // (rows * columns), at % (rows * columns)
        iy, ix = rest // columns, rest % columns
        x = low[0] + (ix + uniform(state)) * pitch[0]
        y = low[1] + (iy + uniform(state)) * pitch[1]
        z = low[2] + (iz + uniform(state)) * pitch[2]
        line = 0
        dice = uniform(state)
        while line < line_kev.size - 1 and dice > line_chance[line]:
            line += 1
        energy, weight = line_kev[line], line_weight[line]
        u, v, w = isotropic(state)
        if line > 0:
            matter = tables.matter[body.labels[iz, iy, ix]]
            _look(tables, body, detector, x, y, z, u, v, w, energy, weight, matter, False, tally, state)
        for _ in range(_MOST_ORDERS):
            x, y, z, label = _fly(tables, body, x, y, z, u, v, w, energy, state)
            if label < 0:
                break
            weight *= tables.compton[label, int(energy - tables.lowest_kev)]
            matter = tables.matter[label]
            _look(tables, body, detector, x, y, z, u, v, w, energy, weight, matter, True, tally, state)
            energy, c = _compton(tables, matter, energy, state)
            if energy <= tables.lowest_kev + 1e-6:
                break
            cos_phi, sin_phi = azimuth(state)
            u, v, w = rotate(u, v, w, c, math.sqrt(max(0.0, 1.0 - c * c)), cos_phi, sin_phi)
    return state[0]
