"""Compiled loop of energy laid along rays."""

from __future__ import annotations

from numba import njit

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "arcp", "nsz", "afn", "reassoc"}}


@njit(inline="always", **_OPTIONS)
def _at(beyond, place):  # type: ignore[no-untyped-def]
    """Value between two nodes, 0 past the last."""
    node = int(place)
    if node >= beyond.shape[0] - 1:
        return 0.0
    low = beyond[node]
    return low + (beyond[node + 1] - low) * (place - node)


@njit(cache=True, **_OPTIONS)
def lay(cells, weight, density, first, offset, length, per_cm, beyond, energy):  # type: ignore[no-untyped-def]
    """Lay the energy of every cell along all rays; what a ray has left at its end stays in its last voxel.

    Lengths are in nodes of `beyond` per unit of density. It is the integral, from a mass per area on, of the share of
    energy that goes further, so that its difference over the chord in the first voxel sums all starts on that chord.
    """
    for i in range(cells.shape[0]):
        base = cells[i]
        scale = weight[i] / density[base]
        given = 0.0
        for ray in range(per_cm.shape[0]):
            start = first[ray]
            chord = density[base] * length[start]
            share = scale * per_cm[ray]
            left = (beyond[0] - _at(beyond, chord)) * share
            given += left
            place = 0.0
            at = base
            for step in range(start + 1, first[ray + 1]):
                at = base + offset[step]
                place += density[at] * length[step]
                more = (_at(beyond, place) - _at(beyond, place + chord)) * share
                energy[at] += left - more
                left = more
                if place >= beyond.shape[0] - 1:
                    break
            energy[at] += left
        energy[base] += weight[i] - given
