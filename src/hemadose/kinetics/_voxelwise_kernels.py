"""Compiled loops of the fits of one exponential by voxel; imported inside functions only.

Voxels lie side by side in blocks, so that each line of arithmetic is done for eight of them at once. For a rate k the
best amplitude is N/D (N = sum w y e, D = sum w e^2), and N^2/D is what it takes off the sum of squares. The best of a
grid of rates, whose exponentials all voxels share, is the start; Newton's steps in k follow.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from hemadose.kinetics._voxelwise_exp import decayed

BLOCK = 128
_ROW = BLOCK + 8
_LOST = 4
_SQUARES, _POSITIVE, _RATE, _BEST, _LEFT, _RIGHT, _AT, _LAST, _TOP, _DEN, _Y, _W, _FROM = (_ROW * r for r in range(13))
_EE, _TE, _TTE, _YE, _YTE, _YTTE = (_ROW * r for r in range(3, 9))
_VALUES = _ROW * 13
"""Places of rows in the scratch of a block: distances are known when compiling, else loops stay scalar. Weighted values
start at `_VALUES`, weights n rows behind them; sums of a step lie where the search had its rows."""
_FAST = {"contract", "arcp", "nsz", "reassoc"}


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def mono(times, values, weights, rates, known, first, last, out, status):  # type: ignore[no-untyped-def]
    """Fit A exp(-k t) to voxels [first, last); out rows: integral, its uncertainty, k.

    Weights are (n, 1) or (n, voxels).
    """
    n = times.shape[0]
    m = rates.shape[0]
    shared = weights.shape[1] == 1
    basis = np.empty((m, n))
    norm = np.empty(m)
    for p in range(m):
        norm[p] = 0.0
        for i in range(n):
            basis[p, i] = math.exp(-rates[p] * times[i])
            norm[p] += weights[i, 0] * basis[p, i] * basis[p, i]
    work = np.empty(_VALUES + 2 * n * _ROW)
    for begin in range(first, last, BLOCK):
        count = min(BLOCK, last - begin)
        _load(values, weights, shared, begin, count, n, work)
        _search(basis, norm, shared, count, n, m, work)
        _start(rates, count, m, work)
        for _ in range(2):
            _step(times, rates, count, n, work)
        if _finish(times, rates, known, False, begin, count, n, work, out, status):
            for j in range(count):
                if status[begin + j] == _LOST:
                    work[_RATE + j] = _alone(times, rates, j, n, work)
                else:
                    work[_RATE + j] = max(work[_RATE + j], rates[0])
            _finish(times, rates, known, True, begin, count, n, work, out, status)


@njit(cache=True, nogil=True, error_model="numpy")
def _alone(times, rates, j, n, work):  # type: ignore[no-untyped-def]
    """Golden section between the neighbours of the best rate of the grid, for a voxel that Newton's steps left."""
    at = int(work[_FROM + j])
    low, high = math.log(rates[max(at - 1, 0)]), math.log(rates[min(at + 1, rates.shape[0] - 1)])
    share = 0.5 * (math.sqrt(5.0) - 1.0)
    first, second = high - share * (high - low), low + share * (high - low)
    one, two = _gain(times, math.exp(first), j, n, work), _gain(times, math.exp(second), j, n, work)
    for _ in range(60):
        if one >= two:
            high, second, two = second, first, one
            first = high - share * (high - low)
            one = _gain(times, math.exp(first), j, n, work)
        else:
            low, first, one = first, second, two
            second = low + share * (high - low)
            two = _gain(times, math.exp(second), j, n, work)
    ends = rates[max(at - 1, 0)], rates[min(at + 1, rates.shape[0] - 1)]
    found = math.exp(0.5 * (low + high))
    for end in ends:
        if _gain(times, end, j, n, work) > _gain(times, found, j, n, work):
            found = end
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _gain(times, k, j, n, work):  # type: ignore[no-untyped-def]
    ee = 0.0
    ye = 0.0
    for i in range(n):
        e = math.exp(-k * times[i])
        ye += work[_VALUES + i * _ROW + j] * e
        ee += work[_VALUES + (n + i) * _ROW + j] * e * e
    return ye * ye / ee if ye > 0.0 else 0.0


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _load(values, weights, shared, begin, count, n, work):  # type: ignore[no-untyped-def]
    """Weighted values, weights, sum of squares, number of positive values."""
    for j in range(count):
        work[_SQUARES + j] = 0.0
        work[_POSITIVE + j] = 0.0
    for i in range(n):
        at = _VALUES + i * _ROW
        to = at + n * _ROW
        if shared:
            w = weights[i, 0]
            for j in range(count):
                work[_W + j] = w
        else:
            for j in range(count):
                work[_W + j] = weights[i, begin + j]
        for j in range(count):
            work[_Y + j] = values[i, begin + j]
        for j in range(count):
            y = work[_Y + j]
            wy = work[_W + j] * y
            work[_Y + j] = wy
            work[_SQUARES + j] += wy * y
            work[_POSITIVE + j] += 1.0 if y > 0.0 else 0.0
        for j in range(count):
            work[at + j] = work[_Y + j]
        for j in range(count):
            work[to + j] = work[_W + j]


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _search(basis, norm, shared, count, n, m, work):  # type: ignore[no-untyped-def]
    """Best gain of the grid, the gains left and right of it, and its number."""
    for j in range(count):
        work[_BEST + j] = -1.0
        work[_LEFT + j] = 0.0
        work[_RIGHT + j] = 0.0
        work[_AT + j] = 0.0
        work[_LAST + j] = 0.0
    for p in range(m):
        for j in range(count):
            work[_TOP + j] = 0.0
            work[_DEN + j] = norm[p] if shared else 0.0
        for i in range(n):
            e = basis[p, i]
            at = _VALUES + i * _ROW
            for j in range(count):
                work[_TOP + j] += e * work[at + j]
        if not shared:
            for i in range(n):
                e = basis[p, i] * basis[p, i]
                at = _VALUES + (n + i) * _ROW
                for j in range(count):
                    work[_DEN + j] += e * work[at + j]
        _compare(p, count, work)


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _compare(p, count, work):  # type: ignore[no-untyped-def]
    before = p - 1.0
    here = p + 0.0
    for j in range(count):
        g = max(work[_TOP + j], 0.0)
        gain = g * g / work[_DEN + j]
        best = work[_BEST + j]
        at = work[_AT + j]
        last = work[_LAST + j]
        better = gain > best
        right = gain if at == before else work[_RIGHT + j]
        work[_RIGHT + j] = gain if better else right
        work[_LEFT + j] = last if better else work[_LEFT + j]
        work[_BEST + j] = gain if better else best
        work[_AT + j] = here if better else at
        work[_LAST + j] = gain


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _start(rates, count, m, work):  # type: ignore[no-untyped-def]
    """Rate at the top of the parabola through three gains, in the logarithm of the rate."""
    low = math.log(rates[0])
    pitch = (math.log(rates[m - 1]) - low) / (m - 1)
    end = m - 1.0
    for j in range(count):
        p = work[_AT + j]
        bend = min(work[_LEFT + j] - 2.0 * work[_BEST + j] + work[_RIGHT + j], -1e-300)
        shift = 0.5 * (work[_LEFT + j] - work[_RIGHT + j]) / bend
        shift = min(max(shift, -0.5), 0.5)
        shift = shift if p > 0.0 else 0.0
        shift = shift if p < end else 0.0
        work[_RATE + j] = decayed(low + pitch * (p + shift))
        work[_FROM + j] = p


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _sums(times, count, n, work):  # type: ignore[no-untyped-def]
    """Sums of w e^2, w t e^2, w t^2 e^2, w y e, w y t e, w y t^2 e."""
    for j in range(count):
        work[_EE + j] = 0.0
        work[_TE + j] = 0.0
        work[_TTE + j] = 0.0
        work[_YE + j] = 0.0
        work[_YTE + j] = 0.0
        work[_YTTE + j] = 0.0
    for i in range(n):
        t = times[i]
        at = _VALUES + i * _ROW
        to = at + n * _ROW
        for j in range(count):
            work[_Y + j] = work[at + j]
        for j in range(count):
            work[_W + j] = work[to + j]
        for j in range(count):
            e = decayed(-work[_RATE + j] * t)
            we = work[_W + j] * e * e
            ye = work[_Y + j] * e
            work[_EE + j] += we
            work[_TE + j] += t * we
            work[_TTE + j] += t * t * we
            work[_YE + j] += ye
            work[_YTE + j] += t * ye
            work[_YTTE + j] += t * t * ye


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _newton(ee, te, tte, ye, yte, ytte):  # type: ignore[no-untyped-def]
    """Amplitude, its derivative by k, the slope of the gain and Newton's step (Gauss-Newton's where that is flat)."""
    a = ye / ee
    slope = a * te - yte  # half the derivative of the gain, over a
    turned = (2.0 * a * te - yte) / ee
    plain = -a * (tte - te * te / ee)
    bend = min(ytte + turned * te - 2.0 * a * tte, 0.1 * plain)
    return a, turned, slope, -slope / min(bend, -1e-300)


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _step(times, rates, count, n, work):  # type: ignore[no-untyped-def]
    """One step of all rates, not further than a quarter."""
    _sums(times, count, n, work)
    low, high = rates[0], rates[rates.shape[0] - 1]
    for j in range(count):
        k = work[_RATE + j]
        _, _, _, move = _newton(
            work[_EE + j], work[_TE + j], work[_TTE + j], work[_YE + j], work[_YTE + j], work[_YTTE + j]
        )
        move = min(max(move, -0.25 * k), 0.25 * k)
        work[_RATE + j] = min(max(k + move, low), high)


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _finish(times, rates, known, settled, begin, count, n, work, out, status):  # type: ignore[no-untyped-def]
    """Last step to first order in k; integral and uncertainty. Says whether voxels still move."""
    _sums(times, count, n, work)
    low, high = rates[0], rates[rates.shape[0] - 1]
    free_one, free_two = n - 1.0, n - 2.0
    lost = float(_LOST)
    move_limit = 1e300 if settled else 3e-6
    for j in range(count):
        k = work[_RATE + j]
        ee, te, tte = work[_EE + j], work[_TE + j], work[_TTE + j]
        a, turned, slope, move = _newton(ee, te, tte, work[_YE + j], work[_YTE + j], work[_YTTE + j])
        slowest = (k <= low) & (slope <= 0.0)
        fastest = (k >= high) & (slope >= 0.0)
        bound = slowest | fastest
        move = 0.0 if bound else min(max(move, -0.01 * k), 0.01 * k)
        size = max(move, -move)
        state = 1.0 if slowest else 0.0
        state = 3.0 if fastest else state
        state = lost if size > move_limit * k else state
        state = 2.0 if a <= 0.0 else state
        state = 2.0 if work[_POSITIVE + j] < 1.5 else state
        k = k + move
        inverse = 1.0 / k
        chi2 = max(work[_SQUARES + j] - a * work[_YE + j], 0.0)
        a = a + turned * move
        spread = a * a * (tte - te * te / ee)
        lever = a * inverse * (te / ee - inverse)
        by_rate = lever * lever / max(spread, 1e-300)
        variance = inverse * inverse / ee + (0.0 if bound else by_rate)
        free = free_one if bound else free_two
        scaled = variance * chi2 / free if free > 0.0 else math.nan
        variance = variance if known else scaled
        empty = state == 2.0
        work[_BEST + j] = 0.0 if empty else a * inverse
        work[_LEFT + j] = 0.0 if empty else math.sqrt(variance)
        work[_RATE + j] = 0.0 if empty else k
        work[_AT + j] = state
    for j in range(count):
        out[0, begin + j] = work[_BEST + j]
        out[1, begin + j] = work[_LEFT + j]
        out[2, begin + j] = work[_RATE + j]
    moving = 0
    for j in range(count):
        status[begin + j] = np.int8(work[_AT + j])
        moving += 1 if work[_AT + j] == lost else 0
    return moving > 0
