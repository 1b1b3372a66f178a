"""Compiled amplitudes of two exponentials of given rates, and the uncertainty of their integral."""

from __future__ import annotations

import math

from numba import njit

from hemadose.kinetics._voxelwise_exp import decayed

_FAST = {"contract", "arcp", "nsz", "reassoc"}


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def amplitudes(pp, pq, qq, dp, dq):  # type: ignore[no-untyped-def]
    """Best amplitudes A >= 0, A + B >= 0 (active set), what they take off chi2, and which case it is.

    0 both, 1 the first alone, 2 the second alone, 3 starting from zero.
    """
    determinant = max(pp * qq - pq * pq, 1e-300)
    a = (qq * dp - pq * dq) / determinant
    b = (pp * dq - pq * dp) / determinant
    free = (determinant > 1e-12 * pp * qq) & (a >= 0.0) & (a + b >= 0.0)
    one, two, rise = max(dp, 0.0), max(dq, 0.0), max(dp - dq, 0.0)
    alone = one / pp
    other = two / qq
    between = max(pp - 2.0 * pq + qq, 1e-300)
    both = rise / between if between > 1e-12 * pp else 0.0
    gain_one, gain_two, gain_rise = alone * one, other * two, both * rise
    case = 2.0 if gain_two > gain_one else 1.0
    gain = max(gain_one, gain_two)
    case = 3.0 if gain_rise > gain else case
    gain = max(gain, gain_rise)
    bound_a = alone if case == 1.0 else (both if case == 3.0 else 0.0)
    bound_b = other if case == 2.0 else (-both if case == 3.0 else 0.0)
    gain = a * dp + b * dq if free else gain
    return a if free else bound_a, b if free else bound_b, gain, 0.0 if free else case


@njit(cache=True, nogil=True, error_model="numpy")
def finish(times, root, scaled, j, found, lane, slowest, fastest, known, voxel, columns, out):  # type: ignore[no-untyped-def]
    """Amplitudes and uncertainty of the integral at the optimum of one voxel."""
    n = times.shape[0]
    k, l = math.exp(found[1, lane]), math.exp(found[3, lane])
    if k > l:
        k, l = l, k
    pp = 0.0
    pq = 0.0
    qq = 0.0
    dp = 0.0
    dq = 0.0
    yy = 0.0
    for i in range(n):
        e, f, y = root[i] * decayed(-k * times[i]), root[i] * decayed(-l * times[i]), scaled[i, j]
        columns[0, i], columns[1, i] = e, f
        columns[2, i], columns[3, i] = -times[i] * e, -times[i] * f
        pp += e * e
        pq += e * f
        qq += f * f
        dp += y * e
        dq += y * f
        yy += y * y
    a, b, _, case = amplitudes(pp, pq, qq, dp, dq)
    chi2 = 0.0
    for i in range(n):
        r = scaled[i, j] - a * columns[0, i] - b * columns[1, i]
        chi2 += r * r
        columns[2, i] *= a
        columns[3, i] *= b
    at_low = k <= slowest * (1.0 + 1e-9)
    at_high = l >= fastest * (1.0 - 1e-9)
    columns[0, n], columns[1, n], columns[2, n], columns[3, n] = 1.0 / k, 1.0 / l, -a / (k * k), -b / (l * l)
    if case == 3.0:
        for i in range(n + 1):
            columns[0, i] -= columns[1, i]
    uses = (case != 2.0, a > 0.0 and not at_low, abs(case - 2.0) != 1.0, b != 0.0 and not at_high)
    variance, free = _variance(columns, uses, n)
    if not known:
        variance = variance * chi2 / (n - free) if n > free else math.nan
    last = k if a > 0.0 else l
    out[0, voxel], out[1, voxel], out[2, voxel], out[3, voxel], out[4, voxel] = a, k, b, l, chi2
    out[5, voxel] = 1.0 if last <= slowest * (1.0 + 1e-9) else (3.0 if last >= fastest * (1.0 - 1e-9) else 0.0)
    out[5, voxel] = 2.0 if a <= 0.0 and b <= 0.0 else out[5, voxel]
    out[6, voxel] = math.sqrt(variance)


@njit(cache=True, nogil=True, error_model="numpy")
def _variance(columns, uses, n):  # type: ignore[no-untyped-def]
    """G' (J'J)^-1 g by orthogonal columns, in place; column n holds g. A parameter that the others explain is held.

    Where two rates have met, only their sum is known, and the integral is that of one exponential.
    """
    free = 0
    variance = 0.0
    for place in range(4):
        c = 2 * (place % 2) + place // 2  # A, its rate, B, its rate
        if not uses[place]:
            continue
        norm = 0.0
        for i in range(n):
            norm += columns[c, i] * columns[c, i]
        for r in range(free):
            product = 0.0
            for i in range(n):
                product += columns[4 + r, i] * columns[c, i]
            for i in range(n + 1):
                columns[c, i] -= product * columns[4 + r, i]
        left = 0.0
        for i in range(n):
            left += columns[c, i] * columns[c, i]
        if left <= 1e-8 * norm or norm <= 0.0:
            continue
        length = 1.0 / math.sqrt(left)
        for i in range(n + 1):
            columns[4 + free, i] = columns[c, i] * length
        variance += columns[4 + free, n] ** 2
        free += 1
    return variance, free
