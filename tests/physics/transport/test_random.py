"""Random numbers of the device code against the published algorithms, and the directions made from them."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from hemadose.physics.transport.random import azimuth, isotropic, rotate, seed_stream, uniform

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def splitmix(z):
    """Output function of splitmix64 (Steele, Lea, Flood. OOPSLA 2014)."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def xoroshiro(state, count):
    """Outputs of xoroshiro128+ 1.0 (Blackman and Vigna 2021: constants 24, 16, 37)."""
    s0, s1 = state
    found = []
    for _ in range(count):
        found.append((s0 + s1) & MASK)
        s1 ^= s0
        s0 = (((s0 << 24) | (s0 >> 40)) & MASK) ^ s1 ^ ((s1 << 16) & MASK)
        s1 = ((s1 << 37) | (s1 >> 27)) & MASK
    return found


@njit
def numbers(seed, first, histories, each):
    """Uniform numbers (histories, each)."""
    state = np.zeros(2, dtype=np.uint64)
    found = np.empty((histories, each))
    for i in range(histories):
        seed_stream(state, seed, np.uint64(first + i))
        for j in range(each):
            found[i, j] = uniform(state)
    return found


@njit
def directions(seed, count):
    """Isotropic directions and azimuths (count, 5)."""
    state = np.zeros(2, dtype=np.uint64)
    seed_stream(state, seed, np.uint64(0))
    found = np.empty((count, 5))
    for i in range(count):
        found[i, 0], found[i, 1], found[i, 2] = isotropic(state)
        found[i, 3], found[i, 4] = azimuth(state)
    return found


@njit
def turned(way, cos_theta, phi):
    """A direction after one rotation."""
    return rotate(way[0], way[1], way[2], cos_theta, np.sqrt(1.0 - cos_theta**2), np.cos(phi), np.sin(phi))


@pytest.mark.parametrize(("seed", "history"), [(0, 0), (1, 0), (7, 123_456_789), (2**63 + 5, 2**40)])
def test_the_stream_is_xoroshiro_seeded_by_splitmix(seed, history):
    start = (splitmix((seed + GOLDEN) & MASK) + history * GOLDEN) & MASK
    state = (splitmix((start + GOLDEN) & MASK), splitmix((start + 2 * GOLDEN) & MASK))
    expected = [(x >> 11) * 2.0**-53 + 2.0**-54 for x in xoroshiro(state, 50)]
    np.testing.assert_array_equal(numbers(np.uint64(seed), history, 1, 50)[0], expected)


def test_numbers_are_uniform_within_and_across_histories():
    """Chi-square in 100 bins of the first, second and fifth numbers of neighbouring histories; 4 sigma bounds."""
    found = numbers(np.uint64(3), 0, 200_000, 5)
    assert found.min() > 0.0
    assert found.max() < 1.0
    for column in (0, 1, 4):
        count = np.histogram(found[:, column], bins=100, range=(0.0, 1.0))[0]
        chi2 = np.sum((count - 2000.0) ** 2 / 2000.0)
        assert abs(chi2 - 99.0) < 4.0 * np.sqrt(2.0 * 99.0)


def test_neighbouring_histories_and_seeds_are_not_correlated():
    a, b = numbers(np.uint64(3), 0, 100_000, 2), numbers(np.uint64(4), 0, 100_000, 2)
    bound = 4.0 / np.sqrt(100_000)
    for x, y in ((a[:-1, 0], a[1:, 0]), (a[:, 0], a[:, 1]), (a[:, 0], b[:, 0]), (a[1:, 0], b[:-1, 0])):
        assert abs(np.corrcoef(x, y)[0, 1]) < bound


def test_directions_are_isotropic():
    """Means 0, second moments 1/3, fourth 1/5; azimuths have no harmonics."""
    found = directions(np.uint64(5), 400_000)
    way, cos_phi, sin_phi = found[:, :3], found[:, 3], found[:, 4]
    np.testing.assert_allclose(np.sum(way**2, axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(way.mean(axis=0), 0.0, atol=4.0 * np.sqrt(1.0 / 3.0 / 400_000))
    np.testing.assert_allclose((way**2).mean(axis=0), 1.0 / 3.0, atol=4.0 * 0.3 / np.sqrt(400_000))
    np.testing.assert_allclose((way**4).mean(axis=0), 0.2, atol=4.0 * 0.27 / np.sqrt(400_000))
    phi = np.arctan2(sin_phi, cos_phi)
    for order in (1, 2, 3, 4):
        assert abs(np.mean(np.exp(1j * order * phi))) < 4.0 / np.sqrt(400_000)


@pytest.mark.parametrize(
    "way", [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0), (0.6, -0.48, 0.64), (1e-6, 0.0, 1.0)]
)
def test_rotation_turns_by_the_polar_angle_and_right_round(way):
    way = np.asarray(way) / np.linalg.norm(way)
    for cos_theta in (0.3, -0.9, 1.0):
        found = np.array([turned(way, cos_theta, phi) for phi in (0.0, 0.5 * np.pi, np.pi, 1.5 * np.pi)])
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-12)
        np.testing.assert_allclose(found @ way, cos_theta, atol=2e-6)
        np.testing.assert_allclose(found.mean(axis=0), cos_theta * way, atol=2e-6)
