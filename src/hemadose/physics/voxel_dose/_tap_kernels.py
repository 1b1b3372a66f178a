"""Compiled sum over a few slices."""

from __future__ import annotations

from numba import njit

_BLOCK = 256
"""Numbers of a plane that are summed at a time: with all their slices they stay in the nearest cache."""


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"})
def tapped(planes, taps, found):  # type: ignore[no-untyped-def]
    """Convolve along the first axis with an even kernel: `taps[j]` weighs, number by number, the planes j away.

    Planes are complex numbers as pairs of real ones in a row; taps are given for each of the two alike.
    """
    count, width = planes.shape
    reach = min(taps.shape[0], count)
    for start in range(0, width, _BLOCK):
        end = min(start + _BLOCK, width)
        for z in range(count):
            out = found[z, start:end]
            middle, tap = planes[z, start:end], taps[0, start:end]
            for i in range(out.shape[0]):
                out[i] = tap[i] * middle[i]
            inner = min(reach, z + 1, count - z)
            for j in range(1, inner):
                tap, low, high = taps[j, start:end], planes[z - j, start:end], planes[z + j, start:end]
                for i in range(out.shape[0]):
                    out[i] += tap[i] * (low[i] + high[i])
            for j in range(inner, reach):
                at = z - j if z >= j else z + j
                if 0 <= at < count:
                    tap, low = taps[j, start:end], planes[at, start:end]
                    for i in range(out.shape[0]):
                        out[i] += tap[i] * low[i]
