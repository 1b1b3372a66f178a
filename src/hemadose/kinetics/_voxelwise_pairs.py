"""Compiled search of two exponentials by voxel: the best pairs of a grid of rates; imported inside functions only.

All exponentials of the grid are shared between voxels. For a pair of rates the best amplitudes A of the slow and B of
the fast one, A >= 0 and A + B >= 0, are in closed form: both, the slow one alone, the fast one alone, or B = -A.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from hemadose.kinetics._voxelwise_amplitudes import finish
from hemadose.kinetics._voxelwise_refine import LANES, refine

BLOCK = LANES // 2
"""Voxels of a block; each has two starts."""

_ROW = BLOCK + 8
_FAST = {"contract", "arcp", "nsz", "reassoc"}
_POSITIVE, _GAIN, _PAIR, _P, _Q, _D, _E, _F = (_ROW * r for r in range(8))
_DOTS = _ROW * 8


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def bi(times, weights, values, rates, known, first, last, out):  # type: ignore[no-untyped-def]
    """Fit A exp(-a t) + B exp(-b t), a < b; out rows: A, a, B, b, chi2, status, sd of the integral.

    Weights are common to all voxels. Two starts for each: the best pair of the grid, and the best one away from it,
    since valleys are narrow and some voxels have two.
    """
    n, m = times.shape[0], rates.shape[0]
    basis, gram = _grid(times, weights, rates)
    work = np.empty(_DOTS + m * _ROW)
    scaled = np.empty((n, BLOCK))
    root, logs = np.sqrt(weights), np.log(rates)
    starts = np.empty((2, LANES))
    found = np.empty((5, LANES))
    columns = np.empty((8, n + 1))
    for begin in range(first, last, BLOCK):
        count = min(BLOCK, last - begin)
        for i in range(n):
            for j in range(count):
                scaled[i, j] = root[i] * values[i, begin + j]
        _dots(scaled, basis, count, n, m, work)
        _best(gram, count, m, work)
        for j in range(count):
            starts[0, j] = logs[int(work[_PAIR + j]) // m]
            starts[1, j] = logs[int(work[_PAIR + j]) % m]
        _second(gram, count, m, work)
        for j in range(count):
            starts[0, count + j] = logs[int(work[_PAIR + j]) // m]
            starts[1, count + j] = logs[int(work[_PAIR + j]) % m]
        refine(times, root, scaled, count, starts, rates[0], rates[m - 1], found)
        for j in range(count):
            lane = j if found[4, j] <= found[4, count + j] else count + j
            finish(times, root, scaled, j, found, lane, rates[0], rates[m - 1], known, begin + j, columns, out)
            if work[_POSITIVE + j] < 0.5:
                for row in range(7):
                    out[row, begin + j] = 0.0
                out[5, begin + j] = 2.0


@njit(cache=True, nogil=True, error_model="numpy")
def _grid(times, weights, rates):  # type: ignore[no-untyped-def]
    """Weighted exponentials, and all that a pair needs: five numbers by (p, q)."""
    n, m = times.shape[0], rates.shape[0]
    basis = np.empty((m, n))
    for p in range(m):
        for i in range(n):
            basis[p, i] = math.sqrt(weights[i]) * math.exp(-rates[p] * times[i])
    gram = np.empty((m, m, 4))
    for p in range(m):
        for q in range(m):
            pp = 0.0
            pq = 0.0
            qq = 0.0
            for i in range(n):
                pp += basis[p, i] * basis[p, i]
                pq += basis[p, i] * basis[q, i]
                qq += basis[q, i] * basis[q, i]
            determinant = pp * qq - pq * pq
            good = determinant > 1e-12 * pp * qq
            gram[p, q, 0] = qq / determinant if good else 0.0
            gram[p, q, 1] = pq / determinant if good else 0.0
            gram[p, q, 2] = pp / determinant if good else 0.0
            rise = pp - 2.0 * pq + qq
            gram[p, q, 3] = 1.0 / rise if rise > 1e-12 * pp else 0.0
    return basis, gram


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _dots(scaled, basis, count, n, m, work):  # type: ignore[no-untyped-def]
    """Products of the values with every exponential of the grid; number of positive values."""
    for j in range(count):
        work[_POSITIVE + j] = 0.0
        work[_PAIR + j] = 1.0
    for i in range(n):
        for j in range(count):
            work[_POSITIVE + j] += 1.0 if scaled[i, j] > 0.0 else 0.0
    for p in range(m):
        for j in range(count):
            work[_D + j] = 0.0
        for i in range(n):
            e = basis[p, i]
            for j in range(count):
                work[_D + j] += e * scaled[i, j]
        at = _DOTS + p * _ROW
        for j in range(count):
            work[at + j] = work[_D + j]


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _best(gram, count, m, work):  # type: ignore[no-untyped-def]
    """Best pair, as m p + q."""
    for j in range(count):
        work[_GAIN + j] = -1.0
    for p in range(m - 1):
        at = _DOTS + p * _ROW
        for j in range(count):
            work[_D + j] = work[at + j]
        for q in range(p + 1, m, 2):
            r = min(q + 1, m - 1)
            at = _DOTS + q * _ROW
            for j in range(count):
                work[_E + j] = work[at + j]
            at = _DOTS + r * _ROW
            for j in range(count):
                work[_F + j] = work[at + j]
            _compare(gram, p, q, r, 1.0 * (m * p + q), 1.0 * (m * p + r), count, work)


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _gain(c0, c1, c2, c3, d, e):  # type: ignore[no-untyped-def]
    """What a pair takes off the sum of squares."""
    a = c0 * d - c1 * e
    b = c2 * e - c1 * d
    rise = max(d - e, 0.0)
    gain = a * d + b * e if (a >= 0.0) & (a + b >= 0.0) else 0.0
    return max(gain, c3 * rise * rise)


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _compare(gram, p, q, r, one, two, count, work):  # type: ignore[no-untyped-def]
    """Keep the better of two pairs where it is better than the best so far."""
    a0, a1, a2, a3 = gram[p, q, 0], gram[p, q, 1], gram[p, q, 2], gram[p, q, 3]
    b0, b1, b2, b3 = gram[p, r, 0], gram[p, r, 1], gram[p, r, 2], gram[p, r, 3]
    for j in range(count):
        d = work[_D + j]
        gain = _gain(a0, a1, a2, a3, d, work[_E + j])
        other = _gain(b0, b1, b2, b3, d, work[_F + j])
        pair = two if other > gain else one
        gain = max(gain, other)
        better = gain > work[_GAIN + j]
        work[_GAIN + j] = gain if better else work[_GAIN + j]
        work[_PAIR + j] = pair if better else work[_PAIR + j]


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _second(gram, count, m, work):  # type: ignore[no-untyped-def]
    """Best pair with the fastest rate of all, as m p + q: it answers to the first image alone, and valleys end there.

    Where the first start is such a pair already, the fast rate is taken from the middle of the grid.
    """
    fastest = m - 1
    for j in range(count):
        work[_GAIN + j] = -1.0
        work[_P + j] = np.floor(work[_PAIR + j] / m)
        work[_Q + j] = work[_PAIR + j] - m * work[_P + j]
    for q in (fastest, m // 2):
        at = _DOTS + q * _ROW
        for j in range(count):
            work[_E + j] = work[at + j]
        for p in range(q):
            at = _DOTS + p * _ROW
            for j in range(count):
                work[_D + j] = work[at + j]
            wanted = 1.0 if q == fastest else 0.0
            _other(gram[p, q, 0], gram[p, q, 1], gram[p, q, 2], gram[p, q, 3], m * p + q, wanted, fastest, count, work)


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _other(c0, c1, c2, c3, pair, wanted, fastest, count, work):  # type: ignore[no-untyped-def]
    limit = fastest - 1.5
    for j in range(count):
        gain = _gain(c0, c1, c2, c3, work[_D + j], work[_E + j])
        slow = 1.0 if work[_Q + j] < limit else 0.0
        gain = gain if slow == wanted else -2.0
        better = gain > work[_GAIN + j]
        work[_GAIN + j] = gain if better else work[_GAIN + j]
        work[_PAIR + j] = pair if better else work[_PAIR + j]
