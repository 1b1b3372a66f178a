"""Compiled loops of the fits by voxel; imported inside functions only."""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, nogil=True, fastmath={"contract", "arcp", "nsz", "reassoc"}, error_model="numpy")
def mono(times, values, sd, slowest, fastest, first, last, out):  # type: ignore[no-untyped-def]  # noqa: PLR0915
    """Fit A exp(-k t) to voxels [first, last); out rows: A, k, var A, var k, cov, chi2, status."""
    n = times.shape[0]
    shared = sd.shape[1] == 1
    for v in range(first, last):
        s0 = 0.0
        s1 = 0.0
        s2 = 0.0
        y0 = 0.0
        y1 = 0.0
        held = 0
        for i in range(n):
            y = values[i, v]
            if y > 0.0:
                e = sd[i, 0 if shared else v]
                w = y * y / (e * e)
                log_y = math.log(y)
                s0 += w
                s1 += w * times[i]
                s2 += w * times[i] * times[i]
                y0 += w * log_y
                y1 += w * times[i] * log_y
                held += 1
        for row in range(6):
            out[row, v] = 0.0
        if held < 2:
            out[6, v] = 2.0
            continue
        spread = s0 * s2 - s1 * s1
        k = -(s0 * y1 - s1 * y0) / spread if spread > 0.0 else slowest
        k = min(max(k, slowest), fastest)
        a, best, gradient, curvature, ee = _parts(times, values, sd, shared, v, k)
        for _ in range(40):
            if curvature <= 0.0:
                break
            step = gradient / curvature
            moved = min(max(k + step, slowest), fastest)
            if abs(moved - k) <= 1e-7 * k:
                break
            tried = _parts(times, values, sd, shared, v, moved)
            halved = 0
            while tried[1] > best * (1.0 + 1e-12) and halved < 12:
                moved = 0.5 * (moved + k)
                tried = _parts(times, values, sd, shared, v, moved)
                halved += 1
            if tried[1] > best * (1.0 + 1e-12):
                break
            k = moved
            a, best, gradient, curvature, ee = tried
        if a <= 0.0:
            out[6, v] = 2.0
            continue
        at_bound = k <= slowest * (1.0 + 1e-9) or k >= fastest * (1.0 - 1e-9)
        out[0, v] = a
        out[1, v] = k
        out[5, v] = best
        if at_bound or curvature <= 0.0:
            out[2, v] = 1.0 / ee
            out[6, v] = 1.0
        else:
            # curvature is that of k with A eliminated; te is the weighted mean time of the squared curve
            te = _mean_time(times, sd, shared, v, k)
            var_k = 1.0 / curvature
            out[2, v] = 1.0 / ee + (a * te) ** 2 * var_k
            out[3, v] = var_k
            out[4, v] = a * te * var_k
            out[6, v] = 0.0


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _parts(times, values, sd, shared, v, k):  # type: ignore[no-untyped-def]
    """Best A at k, chi2, half its negative derivative by k, Gauss-Newton curvature, weighted sum of squares."""
    n = times.shape[0]
    ee = 0.0
    te = 0.0
    tte = 0.0
    ye = 0.0
    yte = 0.0
    yy = 0.0
    for i in range(n):
        s = sd[i, 0 if shared else v]
        w = 1.0 / (s * s)
        e = math.exp(-k * times[i])
        y = values[i, v]
        t = times[i]
        ee += w * e * e
        te += w * t * e * e
        tte += w * t * t * e * e
        ye += w * y * e
        yte += w * y * t * e
        yy += w * y * y
    a = ye / ee
    chi2 = max(yy - a * ye, 0.0)
    # d(curve)/dk = -A t e, made orthogonal to e; its product with the residual
    gradient = -a * (yte - a * te)
    curvature = a * a * (tte - te * te / ee)
    return a, chi2, gradient, curvature, ee


@njit(cache=True, nogil=True, error_model="numpy")
def _mean_time(times, sd, shared, v, k):  # type: ignore[no-untyped-def]
    ee = 0.0
    te = 0.0
    for i in range(times.shape[0]):
        s = sd[i, 0 if shared else v]
        e2 = math.exp(-2.0 * k * times[i]) / (s * s)
        ee += e2
        te += times[i] * e2
    return te / ee
