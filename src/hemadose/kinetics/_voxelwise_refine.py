"""Compiled Levenberg-Marquardt steps in both rates of two exponentials, amplitudes eliminated; many voxels at once.

Starts lie side by side in lanes. Each has its own damping; what has settled is taken out and the rest moves together,
so that few slow voxels do not hold up the others.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from hemadose.kinetics._voxelwise_amplitudes import amplitudes
from hemadose.kinetics._voxelwise_exp import decayed

LANES = 128
_ROW = LANES + 8
_FAST = {"contract", "arcp", "nsz", "reassoc"}
_ROUNDS = 80
_TOGETHER = 4
_SLACK = 1e-3

_U, _V, _CU, _CV, _CHI, _MU, _J11, _J12, _J22, _G1, _G2, _DONE, _YY, _WHO = (_ROW * r for r in range(14))
_CARRIED = 14
_K, _L, _Y, _E, _F, _E0, _E1, _E2, _X0, _X1, _X2, _F0, _F1, _F2 = (_ROW * r for r in range(14, 28))
_YE, _YE1, _YE2, _YF, _YF1, _YF2, _N11, _N12, _N22, _N1, _N2, _NEW = (_ROW * r for r in range(28, 40))
_DATA = _ROW * 40
"""Rows of the scratch; the first fourteen and the data belong to a lane and move with it."""


@njit(cache=True, nogil=True, error_model="numpy")
def refine(times, root, scaled, count, starts, slowest, fastest, found):  # type: ignore[no-untyped-def]
    """Take two starts of each voxel to their optimum; found rows: A, log a, B, log b, chi2 by start."""
    n = times.shape[0]
    work = np.empty(_DATA + n * _ROW)
    lanes = 2 * count
    for j in range(LANES):
        who = j % lanes
        work[_U + j] = starts[0, who]
        work[_V + j] = starts[1, who]
        work[_WHO + j] = who
        work[_CHI + j] = 1e300
        work[_MU + j] = 1e-3
        work[_DONE + j] = 0.0
        work[_YY + j] = 0.0
        for i in range(n):
            y = scaled[i, who % count]
            work[_DATA + i * _ROW + j] = y
            work[_YY + j] += y * y
    full = _filled(lanes)
    _sums(times, root, full, n, work)
    _normal(full, work)
    _take(full, work)
    for _ in range(_ROUNDS // _TOGETHER):
        full = _filled(lanes)
        for _ in range(_TOGETHER):
            _propose(math.log(slowest), math.log(fastest), full, work)
            _sums(times, root, full, n, work)
            _normal(full, work)
            _take(full, work)
        lanes = _settle(lanes, n, False, work, found)
        if lanes == 0:
            return
    _settle(lanes, n, True, work, found)


@njit(cache=True, nogil=True, error_model="numpy")
def _filled(lanes):  # type: ignore[no-untyped-def]
    """Lanes rounded up to whole vectors: what is left behind a lane that was taken out is calculated in vain."""
    return (lanes + 7) // 8 * 8


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _sums(times, root, lanes, n, work):  # type: ignore[no-untyped-def]
    """All products of both exponentials with each other, with time and with the values."""
    for j in range(lanes):
        work[_K + j] = decayed(work[_U + j])
        work[_L + j] = decayed(work[_V + j])
    work[_E0 : _YF2 + _ROW] = 0.0
    for i in range(n):
        t = times[i]
        w = root[i]
        at = _DATA + i * _ROW
        for j in range(lanes):
            work[_Y + j] = work[at + j]
        for j in range(lanes):
            work[_E + j] = w * decayed(-work[_K + j] * t)
            work[_F + j] = w * decayed(-work[_L + j] * t)
        for j in range(lanes):
            e, f, y = work[_E + j], work[_F + j], work[_Y + j]
            ee, ef, ff, ye, yf = e * e, e * f, f * f, y * e, y * f
            work[_E0 + j] += ee
            work[_E1 + j] += t * ee
            work[_E2 + j] += t * t * ee
            work[_X0 + j] += ef
            work[_X1 + j] += t * ef
            work[_X2 + j] += t * t * ef
            work[_F0 + j] += ff
            work[_F1 + j] += t * ff
            work[_F2 + j] += t * t * ff
            work[_YE + j] += ye
            work[_YE1 + j] += t * ye
            work[_YE2 + j] += t * t * ye
            work[_YF + j] += yf
            work[_YF1 + j] += t * yf
            work[_YF2 + j] += t * t * yf


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _normal(lanes, work):  # type: ignore[no-untyped-def]
    """Curvature and slope of the sum of squares by both log rates, amplitudes projected out.

    All second derivatives where the curvature is then positive (Newton), else products of first ones (Kaufman).
    """
    for j in range(lanes):
        pp, pq, qq, k, l = work[_E0 + j], work[_X0 + j], work[_F0 + j], work[_K + j], work[_L + j]
        a, b, gain, case = amplitudes(pp, pq, qq, work[_YE + j], work[_YF + j])
        s, z = -a * k, -b * l
        r1 = k * (work[_YE1 + j] - a * work[_E1 + j] - b * work[_X1 + j])
        r2 = k * k * (work[_YE2 + j] - a * work[_E2 + j] - b * work[_X2 + j])
        t1 = l * (work[_YF1 + j] - a * work[_X1 + j] - b * work[_F1 + j])
        t2 = l * l * (work[_YF2 + j] - a * work[_X2 + j] - b * work[_F2 + j])
        ep, eq, fp, fq = s * work[_E1 + j], s * work[_X1 + j], z * work[_X1 + j], z * work[_F1 + j]
        d = 1.0 / max(pp * qq - pq * pq, 1e-12 * pp * qq)
        rise = 1.0 / max(pp - 2.0 * pq + qq, 1e-12 * pp)
        rise = rise if case == 3.0 else 0.0
        c1, c2, c3 = qq * d, pq * d, pp * d
        c1 = c1 if case == 0.0 else (1.0 / pp if case == 1.0 else rise)
        c2 = c2 if case == 0.0 else rise
        c3 = c3 if case == 0.0 else (1.0 / qq if case == 2.0 else rise)
        j11, j12, j22 = s * s * work[_E2 + j], s * z * work[_X2 + j], z * z * work[_F2 + j]
        n11 = j11 - (c1 * ep * ep - 2.0 * c2 * ep * eq + c3 * eq * eq)
        n12 = j12 - (c1 * ep * fp - c2 * (ep * fq + eq * fp) + c3 * eq * fq)
        n22 = j22 - (c1 * fp * fp - 2.0 * c2 * fp * fq + c3 * fq * fq)
        ep, fq = ep + r1, fq + t1
        h11 = j11 + a * (r1 - r2) - (c1 * ep * ep - 2.0 * c2 * ep * eq + c3 * eq * eq)
        h12 = j12 - (c1 * ep * fp - c2 * (ep * fq + eq * fp) + c3 * eq * fq)
        h22 = j22 + b * (t1 - t2) - (c1 * fp * fp - 2.0 * c2 * fp * fq + c3 * fq * fq)
        sound = (h11 > 0.02 * n11) & (h22 > 0.02 * n22) & (h11 * h22 - h12 * h12 > 0.01 * h11 * h22 * _SLACK)
        work[_N11 + j] = h11 if sound else n11
        work[_N12 + j] = h12 if sound else n12
        work[_N22 + j] = h22 if sound else n22
        work[_N1 + j] = -a * r1
        work[_N2 + j] = -b * t1
        work[_NEW + j] = work[_YY + j] - gain


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _take(lanes, work):  # type: ignore[no-untyped-def]
    """Keep a step that is not worse; stop a lane when steps gain nothing or damping has run away."""
    for j in range(lanes):
        old, new = work[_CHI + j], work[_NEW + j]
        good = new <= old
        gain = old - new
        small = gain <= 1e-7 * max(new, 0.0) + 1e-14 * work[_YY + j]
        mu = work[_MU + j]
        ended = (good & small) | (mu > 1e6)
        work[_DONE + j] = 1.0 if ended else work[_DONE + j]
        work[_MU + j] = max(0.1 * mu, 1e-9) if good else 10.0 * mu
        work[_CHI + j] = new if good else old
        work[_CU + j] = work[_U + j] if good else work[_CU + j]
        work[_CV + j] = work[_V + j] if good else work[_CV + j]
    for j in range(lanes):
        good = work[_CHI + j] == work[_NEW + j]
        work[_J11 + j] = work[_N11 + j] if good else work[_J11 + j]
        work[_J12 + j] = work[_N12 + j] if good else work[_J12 + j]
        work[_J22 + j] = work[_N22 + j] if good else work[_J22 + j]
        work[_G1 + j] = work[_N1 + j] if good else work[_G1 + j]
        work[_G2 + j] = work[_N2 + j] if good else work[_G2 + j]


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _propose(low, high, lanes, work):  # type: ignore[no-untyped-def]
    """Damped step of both rates, not further than a factor e; a rate at its limit stays and the other moves alone."""
    for j in range(lanes):
        damping = 1.0 + work[_MU + j]
        h11 = max(work[_J11 + j], 0.0) * damping + 1e-300
        h22 = max(work[_J22 + j], 0.0) * damping + 1e-300
        j12 = work[_J12 + j]
        g1, g2 = work[_G1 + j], work[_G2 + j]
        d = h11 * h22 - j12 * j12
        sound = d > 1e-14 * h11 * h22
        safe = max(d, 1e-14 * h11 * h22) + 1e-300
        s1 = (h22 * g1 - j12 * g2) / safe if sound else g1 / h11
        s2 = (h11 * g2 - j12 * g1) / safe if sound else g2 / h22
        u, v = work[_CU + j], work[_CV + j]
        stop_u = ((u <= low) & (s1 < 0.0)) | ((u >= high) & (s1 > 0.0))
        stop_v = ((v <= low) & (s2 < 0.0)) | ((v >= high) & (s2 > 0.0))
        s2 = g2 / h22 if stop_u else s2
        s1 = g1 / h11 if stop_v else s1
        s1 = 0.0 if stop_u else min(max(s1, -1.0), 1.0)
        s2 = 0.0 if stop_v else min(max(s2, -1.0), 1.0)
        work[_U + j] = min(max(u + s1, low), high)
        work[_V + j] = min(max(v + s2, low), high)


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(lanes, n, all_of, work, found):  # type: ignore[no-untyped-def]
    """Take out lanes that are done, close ranks, give how many are left."""
    kept = 0
    for j in range(lanes):
        if all_of or work[_DONE + j] > 0.5:
            who = int(work[_WHO + j])
            found[1, who] = work[_CU + j]
            found[3, who] = work[_CV + j]
            found[4, who] = work[_CHI + j]
        else:
            if kept != j:
                for row in range(_CARRIED):
                    work[row * _ROW + kept] = work[row * _ROW + j]
                for i in range(n):
                    work[_DATA + i * _ROW + kept] = work[_DATA + i * _ROW + j]
            kept += 1
    return kept
