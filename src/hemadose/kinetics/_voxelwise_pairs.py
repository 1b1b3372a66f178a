"""Compiled loops of the fits of two exponentials by voxel; imported inside functions only."""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, nogil=True, fastmath={"contract", "arcp", "nsz", "reassoc"}, error_model="numpy")
def bi(times, weights, values, rates, first, last, out):  # type: ignore[no-untyped-def]
    """Fit A exp(-a t) + B exp(-b t), a < b, A >= 0, A + B >= 0; out rows: A, a, B, b, chi2, status.

    Weights are common to all voxels, so that the grid of rates shares its exponentials; from its best pair on
    Gauss-Newton steps with both amplitudes eliminated.
    """
    n = times.shape[0]
    m = rates.shape[0]
    basis = [[0.0] * n for _ in range(m)]
    gram = [[0.0] * m for _ in range(m)]
    for p in range(m):
        for i in range(n):
            basis[p][i] = math.exp(-rates[p] * times[i])
    for p in range(m):
        for q in range(m):
            total = 0.0
            for i in range(n):
                total += weights[i] * basis[p][i] * basis[q][i]
            gram[p][q] = total
    dots = [0.0] * m
    for v in range(first, last):
        yy = 0.0
        largest = 0.0
        for i in range(n):
            yy += weights[i] * values[i, v] * values[i, v]
            largest = max(largest, values[i, v])
        for row in range(5):
            out[row, v] = 0.0
        if largest <= 0.0:
            out[5, v] = 2.0
            continue
        for p in range(m):
            total = 0.0
            for i in range(n):
                total += weights[i] * values[i, v] * basis[p][i]
            dots[p] = total
        best = 1e300
        at_p = 0
        at_q = 1
        for p in range(m - 1):
            for q in range(p + 1, m):
                chi2, _, _ = _amplitudes(gram[p][p], gram[p][q], gram[q][q], dots[p], dots[q], yy)
                if chi2 < best:
                    best = chi2
                    at_p = p
                    at_q = q
        _refine(times, weights, values, v, yy, rates[at_p], rates[at_q], rates[0], rates[m - 1], out)
        # a second start away from the first: valleys are narrow, and some voxels have two
        second = 1e300
        other_p = -1
        other_q = -1
        for p in range(m - 1):
            for q in range(p + 1, m):
                if abs(p - at_p) + abs(q - at_q) > 4:
                    chi2, _, _ = _amplitudes(gram[p][p], gram[p][q], gram[q][q], dots[p], dots[q], yy)
                    if chi2 < second:
                        second = chi2
                        other_p = p
                        other_q = q
        if other_p >= 0 and second < 4.0 * best + 1e-12 * yy:
            kept = (out[0, v], out[1, v], out[2, v], out[3, v], out[4, v], out[5, v])
            _refine(times, weights, values, v, yy, rates[other_p], rates[other_q], rates[0], rates[m - 1], out)
            if out[4, v] >= kept[4]:
                for row in range(6):
                    out[row, v] = kept[row]


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _amplitudes(pp, pq, qq, dp, dq, yy):  # type: ignore[no-untyped-def]
    """Best amplitudes A >= 0, A + B >= 0 of two curves, and chi2 (active set)."""
    determinant = pp * qq - pq * pq
    if determinant > 1e-12 * pp * qq:
        a = (qq * dp - pq * dq) / determinant
        b = (pp * dq - pq * dp) / determinant
        if a >= 0.0 and a + b >= 0.0:
            return yy - a * dp - b * dq, a, b
    best = yy
    a = 0.0
    b = 0.0
    if dp > 0.0:  # the first curve alone
        best = yy - dp * dp / pp
        a = dp / pp
    if dq > 0.0 and yy - dq * dq / qq < best:  # the second alone
        best = yy - dq * dq / qq
        a = 0.0
        b = dq / qq
    rise = pp - 2.0 * pq + qq
    d = dp - dq
    if rise > 1e-12 * pp and d > 0.0 and yy - d * d / rise < best:  # starting from zero
        best = yy - d * d / rise
        a = d / rise
        b = -a
    return best, a, b


@njit(cache=True, nogil=True, error_model="numpy")
def _at(times, weights, values, v, yy, k, l):  # type: ignore[no-untyped-def]
    pp = 0.0
    pq = 0.0
    qq = 0.0
    dp = 0.0
    dq = 0.0
    for i in range(times.shape[0]):
        e = math.exp(-k * times[i])
        f = math.exp(-l * times[i])
        w = weights[i]
        y = values[i, v]
        pp += w * e * e
        pq += w * e * f
        qq += w * f * f
        dp += w * y * e
        dq += w * y * f
    return _amplitudes(pp, pq, qq, dp, dq, yy)


@njit(cache=True, nogil=True, error_model="numpy")
def _refine(times, weights, values, v, yy, k, l, slowest, fastest, out):  # type: ignore[no-untyped-def]  # noqa: PLR0915
    """Levenberg-Marquardt in the logarithms of both rates, amplitudes eliminated (Kaufman's Jacobian by parts)."""
    chi2, a, b = _at(times, weights, values, v, yy, k, l)
    damping = 1e-3
    status = 1.0
    for _ in range(60):
        j11 = 0.0
        j12 = 0.0
        j22 = 0.0
        g1 = 0.0
        g2 = 0.0
        pp = 0.0
        pq = 0.0
        qq = 0.0
        ep = 0.0
        eq = 0.0
        fp = 0.0
        fq = 0.0
        for i in range(times.shape[0]):
            t = times[i]
            w = weights[i]
            e = math.exp(-k * t)
            f = math.exp(-l * t)
            r = values[i, v] - a * e - b * f
            u = -a * k * t * e
            z = -b * l * t * f
            j11 += w * u * u
            j12 += w * u * z
            j22 += w * z * z
            g1 += w * u * r
            g2 += w * z * r
            pp += w * e * e
            pq += w * e * f
            qq += w * f * f
            ep += w * u * e
            eq += w * u * f
            fp += w * z * e
            fq += w * z * f
        determinant = pp * qq - pq * pq
        if determinant > 1e-12 * pp * qq and a > 0.0 and a + b > 0.0:  # both amplitudes follow the rates
            j11 -= (qq * ep * ep - 2.0 * pq * ep * eq + pp * eq * eq) / determinant
            j12 -= (qq * ep * fp - pq * (ep * fq + eq * fp) + pp * eq * fq) / determinant
            j22 -= (qq * fp * fp - 2.0 * pq * fp * fq + pp * fq * fq) / determinant
        elif a > 0.0 and a + b <= 0.0:  # one amplitude, of the difference
            rise = pp - 2.0 * pq + qq
            if rise > 1e-12 * pp:
                j11 -= (ep - eq) * (ep - eq) / rise
                j12 -= (ep - eq) * (fp - fq) / rise
                j22 -= (fp - fq) * (fp - fq) / rise
        elif a > 0.0:
            j11 -= ep * ep / pp
        else:
            j22 -= fq * fq / qq
        moved = False
        for _ in range(8):
            h11 = j11 * (1.0 + damping) + 1e-300
            h22 = j22 * (1.0 + damping) + 1e-300
            d = h11 * h22 - j12 * j12
            if d <= 0.0:
                damping *= 10.0
                continue
            s1 = (h22 * g1 - j12 * g2) / d
            s2 = (h11 * g2 - j12 * g1) / d
            stop_k = (k <= slowest and s1 < 0.0) or (k >= fastest and s1 > 0.0)
            stop_l = (l <= slowest and s2 < 0.0) or (l >= fastest and s2 > 0.0)
            if stop_k:  # a rate at its limit stays there, and the other moves alone
                s1 = 0.0
                s2 = 0.0 if stop_l else g2 / h22
            elif stop_l:
                s1 = g1 / h11
                s2 = 0.0
            s1 = min(max(s1, -1.0), 1.0)
            s2 = min(max(s2, -1.0), 1.0)
            new_k = min(max(k * math.exp(s1), slowest), fastest)
            new_l = min(max(l * math.exp(s2), slowest), fastest)
            tried, new_a, new_b = _at(times, weights, values, v, yy, new_k, new_l)
            if tried <= chi2:
                moved = True
                gain = chi2 - tried
                k = new_k
                l = new_l
                a = new_a
                b = new_b
                chi2 = tried
                damping = max(0.1 * damping, 1e-9)
                break
            damping *= 10.0
        if not moved or gain <= 1e-10 * chi2 + 1e-14 * yy:
            status = 0.0
            break
    if k > l:
        k, l, a, b = l, k, b, a
    out[0, v] = a
    out[1, v] = k
    out[2, v] = b
    out[3, v] = l
    out[4, v] = max(chi2, 0.0)
    if k <= slowest * (1.0 + 1e-9) and a > 0.0:
        status = 1.0
    out[5, v] = status
