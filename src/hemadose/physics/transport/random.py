"""Random numbers of the device code: xoroshiro128+, one stream for each history.

A history's stream depends on the seed and the history's number alone, so results do not change with the number of
threads or the machine. All functions here compile for CPU and CUDA alike.

References
----------
Blackman D, Vigna S. Scrambled linear pseudorandom number generators. ACM TOMS 47:36 (2021). Seeding: splitmix64.
"""

from __future__ import annotations

import math

import numpy as np

from hemadose.physics.transport.device import device

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_R30, _R27, _R31 = np.uint64(30), np.uint64(27), np.uint64(31)
_R24, _R40, _R16, _R37 = np.uint64(24), np.uint64(40), np.uint64(16), np.uint64(37)
_R27B, _R11 = np.uint64(27), np.uint64(11)
_TO_UNIT = 2.0**-53
_HALF = 2.0**-54


@device
def _mix(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> _R30)) * _MIX1
    z = (z ^ (z >> _R27)) * _MIX2
    return z ^ (z >> _R31)


@device
def seed_stream(state, seed, history):  # type: ignore[no-untyped-def]
    """Start the stream of a history: `state` is two words, `seed` and `history` unsigned."""
    z = _mix(seed + _GOLDEN) + history * _GOLDEN
    state[0] = _mix(z + _GOLDEN)
    state[1] = _mix(z + _GOLDEN + _GOLDEN)


@device
def uniform(state):  # type: ignore[no-untyped-def]
    """Number between 0 and 1, both excluded."""
    s0 = state[0]
    s1 = state[1]
    result = s0 + s1
    s1 ^= s0
    state[0] = ((s0 << _R24) | (s0 >> _R40)) ^ s1 ^ (s1 << _R16)
    state[1] = (s1 << _R37) | (s1 >> _R27B)
    return float(result >> _R11) * _TO_UNIT + _HALF


@device
def azimuth(state):  # type: ignore[no-untyped-def]
    """Cosine and sine of an angle that is uniform over the circle (von Neumann's rejection)."""
    a = 0.0
    b = 0.0
    r2 = 2.0
    while r2 > 1.0 or r2 < 1e-12:
        a = 2.0 * uniform(state) - 1.0
        b = 2.0 * uniform(state) - 1.0
        r2 = a * a + b * b
    inverse = 1.0 / math.sqrt(r2)
    return a * inverse, b * inverse


@device
def rotate(u, v, w, cos_theta, sin_theta, cos_phi, sin_phi):  # type: ignore[no-untyped-def]
    """Turn a direction by a polar angle and an azimuth."""
    perpendicular = u * u + v * v
    if perpendicular > 1e-10:
        root = math.sqrt(perpendicular)
        a = sin_theta * cos_phi / root
        b = sin_theta * sin_phi / root
        nu = u * cos_theta + a * u * w - b * v
        nv = v * cos_theta + a * v * w + b * u
        nw = w * cos_theta - a * perpendicular
    else:
        nu = sin_theta * cos_phi
        nv = sin_theta * sin_phi
        nw = cos_theta if w > 0.0 else -cos_theta
    inverse = 1.0 / math.sqrt(nu * nu + nv * nv + nw * nw)
    return nu * inverse, nv * inverse, nw * inverse


@device
def isotropic(state):  # type: ignore[no-untyped-def]
    """Direction that is uniform over the sphere."""
    w = 2.0 * uniform(state) - 1.0
    cos_phi, sin_phi = azimuth(state)
    s = math.sqrt(max(0.0, 1.0 - w * w))
    return s * cos_phi, s * sin_phi, w
