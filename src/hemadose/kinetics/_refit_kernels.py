"""Compiled loops that fit one model to many perturbed series; imported inside functions only."""

from __future__ import annotations

import math

from numba import njit

_FAST = {"contract", "arcp", "nsz", "reassoc"}
_STEPS = 60
_GAIN = 1e-5
"""A step that takes less off the weighted sum of squares moves no parameter by more than 0.3 % of its uncertainty."""
_GOOD = 0.5
"""A fit this close has nothing to gain from another start: the likelihood would rise by less than a quarter."""


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def refit(times, weights, values, mixing, physical, low, high, starts, first, last, logs, amplitudes, chi2, work):  # type: ignore[no-untyped-def]
    """Fit series [first, last): logarithms of rates, amplitudes >= 0, weighted sum of squares.

    `starts` (s, rates): the first one always; the others only where the fit from the first one lost an amplitude or
    stopped at a bound, and could be better. `work` (6 + 2 rates + terms, samples) is scratch space.
    """
    count, n = mixing.shape[0], times.shape[0]
    rates = starts.shape[1]
    x, found = logs[first].copy(), amplitudes[first].copy()
    for v in range(first, last):
        for i in range(n):
            work[0, i] = values[v, i] * weights[i]
        best = -1.0
        for s in range(starts.shape[0]):
            if s > 0 and (best < _GOOD or not _suspect(logs[v], amplitudes[v], low, high, rates, count)):
                break
            for p in range(rates):
                x[p] = starts[s, p]
            cost = _descend(times, weights, mixing, physical, low, high, x, found, work)
            if best < 0.0 or cost < best:
                best = cost
                for p in range(rates):
                    logs[v, p] = x[p]
                for a in range(count):
                    amplitudes[v, a] = found[a]
        chi2[v] = best


@njit(cache=True, nogil=True, inline="always", fastmath=_FAST, error_model="numpy")
def _suspect(x, amplitudes, low, high, rates, count):  # type: ignore[no-untyped-def]
    for p in range(rates):
        if x[p] <= low + 1e-9 or x[p] >= high[p] - 1e-9:
            return True
    return amplitudes[0] <= 0.0 or (count > 1 and amplitudes[1] <= 0.0)


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _descend(times, weights, mixing, physical, low, high, x, found, work):  # type: ignore[no-untyped-def]  # noqa: PLR0915
    """Levenberg-Marquardt steps in the logarithms of the rates, amplitudes eliminated; gives the misfit."""
    rates = x.shape[0]
    cost = _project(times, weights, mixing, physical, x, found, work)
    damping = 1e-6
    for _ in range(_STEPS):
        # normal equations of at most three rates, kept in scalars
        g0, g1, g2, h00, h01, h02, h11, h12, h22 = _normal(times, mixing, x, found, work)
        if rates < 2:
            h11, g1, h01, h12 = 1.0, 0.0, 0.0, 0.0
        if rates < 3:
            h22, g2, h02, h12 = 1.0, 0.0, 0.0, 0.0
        # a rate at its bound that wants to go beyond stays there
        if _held(x[0], low, high[0], g0):
            g0, h01, h02 = 0.0, 0.0, 0.0
        if rates > 1 and _held(x[1], low, high[1], g1):
            g1, h01, h12 = 0.0, 0.0, 0.0
        if rates > 2 and _held(x[2], low, high[2], g2):
            g2, h02, h12 = 0.0, 0.0, 0.0
        moved = False
        for _ in range(12):
            d0, d1, d2 = _solve3(
                h00 * (1.0 + damping) + 1e-300, h01, h02, h11 * (1.0 + damping) + 1e-300, h12,
                h22 * (1.0 + damping) + 1e-300, g0, g1, g2,
            )  # fmt: skip
            if g0 * d0 + g1 * d1 + g2 * d2 <= _GAIN:
                break  # nothing left to gain
            largest = max(abs(d0), abs(d1), abs(d2))
            shrink = 1.0 if largest <= 1.5 else 1.5 / largest
            old0 = x[0]
            old1 = x[1] if rates > 1 else 0.0
            old2 = x[2] if rates > 2 else 0.0
            x[0] = min(max(old0 - shrink * d0, low), high[0])
            if rates > 1:
                x[1] = min(max(old1 - shrink * d1, low), high[1])
            if rates > 2:
                x[2] = min(max(old2 - shrink * d2, low), high[2])
            tried = _project(times, weights, mixing, physical, x, found, work)
            if tried <= cost:
                moved = True
                break
            x[0] = old0
            if rates > 1:
                x[1] = old1
            if rates > 2:
                x[2] = old2
            damping = max(10.0 * damping, 1e-4)
        if not moved:
            cost = _project(times, weights, mixing, physical, x, found, work)
            break
        step = abs(x[0] - old0)
        if rates > 1:
            step = max(step, abs(x[1] - old1))
        if rates > 2:
            step = max(step, abs(x[2] - old2))
        gained = cost - tried
        cost = tried
        damping = max(0.1 * damping, 1e-9)
        if step < 1e-6 or gained <= _GAIN:
            break
    return cost


@njit(cache=True, nogil=True, inline="always", fastmath=_FAST, error_model="numpy")
def _held(x, low, high, gradient):  # type: ignore[no-untyped-def]
    return (x <= low + 1e-12 and gradient > 0.0) or (x >= high - 1e-12 and gradient < 0.0)


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _solve3(a, b, c, d, e, f, u, v, w):  # type: ignore[no-untyped-def]
    """Solve the symmetric system [[a b c] [b d e] [c e f]] x = (u v w) by Cholesky with floors on the pivots."""
    l00 = math.sqrt(a)
    l10 = b / l00
    l20 = c / l00
    l11 = math.sqrt(max(d - l10 * l10, 1e-14 * d))
    l21 = (e - l10 * l20) / l11
    l22 = math.sqrt(max(f - l20 * l20 - l21 * l21, 1e-14 * f))
    y0 = u / l00
    y1 = (v - l10 * y0) / l11
    y2 = (w - l20 * y0 - l21 * y1) / l22
    z2 = y2 / l22
    z1 = (y1 - l21 * z2) / l11
    z0 = (y0 - l10 * z1 - l20 * z2) / l00
    return z0, z1, z2


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _project(times, weights, mixing, physical, x, found, work):  # type: ignore[no-untyped-def]
    """Best amplitudes for given rates; rows of work: 0 target, 1-2 basis, 3 residual, 6+ weighted exponentials."""
    n, rates = times.shape[0], x.shape[0]
    count, terms = mixing.shape
    for term in range(terms):
        k = math.exp(x[term]) if term < rates else physical
        for i in range(n):
            work[6 + term, i] = weights[i] * math.exp(-k * times[i])
    g00, g01, g11, r0, r1 = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        b0 = 0.0
        b1 = 0.0
        for term in range(terms):
            b0 += mixing[0, term] * work[6 + term, i]
            if count > 1:
                b1 += mixing[1, term] * work[6 + term, i]
        work[1, i] = b0
        work[2, i] = b1
        y = work[0, i]
        g00 += b0 * b0
        g01 += b0 * b1
        g11 += b1 * b1
        r0 += b0 * y
        r1 += b1 * y
    one = max(r0 / max(g00, 1e-300), 0.0)
    two = 0.0
    if count > 1:
        determinant = g00 * g11 - g01 * g01
        other = max(r1 / max(g11, 1e-300), 0.0)
        both = False
        if determinant > 1e-14 * g00 * g11:
            c0 = (g11 * r0 - g01 * r1) / determinant
            c1 = (g00 * r1 - g01 * r0) / determinant
            both = c0 >= 0.0 and c1 >= 0.0
        if both:
            one = c0
            two = c1
        elif one * max(r0, 0.0) < other * max(r1, 0.0):
            one = 0.0
            two = other
    cost = 0.0
    for i in range(n):
        residual = one * work[1, i] + two * work[2, i] - work[0, i]
        work[3, i] = residual
        cost += residual * residual
    found[0] = one
    if count > 1:
        found[1] = two
    return cost


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _normal(times, mixing, x, found, work):  # type: ignore[no-untyped-def]
    """Gradient and Gauss-Newton matrix of the misfit in the logarithms of the rates (Kaufman's projection)."""
    n, rates = times.shape[0], x.shape[0]
    count = mixing.shape[0]
    terms = mixing.shape[1]
    use0 = found[0] > 0.0
    use1 = count > 1 and found[1] > 0.0
    # orthonormal basis of the active columns in rows 4 and 5
    norm0 = 0.0
    for i in range(n):
        work[4, i] = work[1, i] if use0 else 0.0
        norm0 += work[4, i] * work[4, i]
    norm0 = 1.0 / math.sqrt(norm0) if norm0 > 0.0 else 0.0
    dot = 0.0
    for i in range(n):
        work[4, i] *= norm0
        dot += work[4, i] * work[2, i]
    norm1 = 0.0
    for i in range(n):
        work[5, i] = work[2, i] - dot * work[4, i] if use1 else 0.0
        norm1 += work[5, i] * work[5, i]
    norm1 = 1.0 / math.sqrt(norm1) if norm1 > 0.0 else 0.0
    for i in range(n):
        work[5, i] *= norm1
    base = 6 + terms
    for p in range(rates):
        share = found[0] * mixing[0, p]
        if count > 1:
            share += found[1] * mixing[1, p]
        scale = -share * math.exp(x[p])
        q0 = 0.0
        q1 = 0.0
        for i in range(n):
            slope = scale * times[i] * work[6 + p, i]
            work[base + p, i] = slope
            q0 += slope * work[4, i]
            q1 += slope * work[5, i]
        for i in range(n):
            work[base + p, i] -= q0 * work[4, i] + q1 * work[5, i]
    g0, g1, g2, h00, h01, h02, h11, h12, h22 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        s0 = work[base, i]
        r = work[3, i]
        g0 += s0 * r
        h00 += s0 * s0
        if rates > 1:
            s1 = work[base + 1, i]
            g1 += s1 * r
            h01 += s0 * s1
            h11 += s1 * s1
        if rates > 2:
            s2 = work[base + 2, i]
            g2 += s2 * r
            h02 += s0 * s2
            h12 += s1 * s2
            h22 += s2 * s2
    return g0, g1, g2, h00, h01, h02, h11, h12, h22
