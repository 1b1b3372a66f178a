"""Electrons along rays: closed geometry, the exact kernel of a uniform medium, mass alone across plane borders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemadose.physics.kernels import point_kernel
from hemadose.physics.matter.media import medium
from hemadose.physics.voxel_dose.kernels import electron_kernel, electron_range_cm, split_point_kernel
from hemadose.physics.voxel_dose.matter import patient_matter
from hemadose.physics.voxel_dose.rays import ScaledElectrons, penetration_ratio, ray_pattern
from hemadose.refdata.emissions import emissions

LU = emissions("Lu-177")
SIDE = (4.8, 4.8, 4.8)


@pytest.fixture(scope="module")
def electrons():
    """Lu-177 in soft tissue, electrons within their range."""
    point = point_kernel(medium("soft-tissue"), LU, electrons=60_000, photons=1_000, seed=7)
    return split_point_kernel(point, range_cm=electron_range_cm(LU, density_g_per_ml=point.density_g_per_ml))[0]


@pytest.mark.parametrize("voxel_mm", [(4.8, 4.8, 4.8), (2.0, 4.0, 6.0)])
def test_lines_fill_the_voxel_once(voxel_mm):
    """Mean chord of a convex body 4 V / S (Cauchy): the lines' shares of the decays add up to one."""
    made = ray_pattern(voxel_mm=voxel_mm, longest_cm=2.0)
    chords = made.length_cm[made.first[:-1]]
    assert float((made.per_cm * chords).sum()) == pytest.approx(1.0, rel=0.05)
    surface = 2.0 * sum(1.0 / (0.1 * side) for side in voxel_mm)
    assert made.per_cm.sum() == pytest.approx(surface / 4.0)


def test_rays_are_alike_to_all_sides_and_cross_neighbours_one_after_another():
    """Mirrored in every axis; each part lies in a voxel that shares a face with the one before."""
    made = ray_pattern(voxel_mm=SIDE, longest_cm=3.0, rays=192)
    weighted = made.offset * made.length_cm[:, None]
    assert np.allclose(weighted.sum(axis=0), 0.0, atol=1e-9)
    for begin, end in zip(made.first[:-1], made.first[1:], strict=True):
        assert not made.offset[begin].any()
        steps = np.abs(np.diff(made.offset[begin:end], axis=0)).sum(axis=1)
        assert np.all(steps == 1)


@pytest.mark.parametrize("density", [0.3, 1.04, 1.6])
def test_one_voxel_in_a_uniform_medium_has_the_exact_kernel(electrons, density):
    """`electron_kernel` averages over both voxels exactly: own voxel within 0.1 %, all differences below 0.8 %."""
    exact = electron_kernel(electrons.at_density(density), voxel_mm=SIDE).octant_kev
    source = np.zeros((11, 11, 11))
    source[5, 5, 5] = 1.0
    found = ScaledElectrons(electrons, voxel_mm=SIDE)(
        source, patient_matter(np.full((11,) * 3, density), voxel_mm=SIDE)
    )
    index = np.abs(np.arange(11) - 5)
    full = np.pad(exact, [(0, max(6 - n, 0)) for n in exact.shape])[np.ix_(index, index, index)]
    assert found[5, 5, 5] == pytest.approx(full[5, 5, 5], rel=1e-3)
    assert np.abs(found - full).sum() < 8e-3 * full.sum()


def test_across_a_plane_only_mass_counts(electrons):
    """Two voxels of half the density get what one of full density gets: exact, ray by ray."""
    side = (1.0, 1.0, 1.0)
    rays = ScaledElectrons(electrons, voxel_mm=side)
    layers = []
    for light in (1.0, 0.5):
        density = np.ones((16, 21, 21))
        density[6:] = light
        source = np.zeros(density.shape)
        source[5] = 1.0
        layers.append(rays(source, patient_matter(density, voxel_mm=side))[:, 10, 10])
    dense, light = layers
    assert light[:6] == pytest.approx(dense[:6], rel=1e-5)
    assert light[6] + light[7] == pytest.approx(dense[6], rel=1e-5)
    assert light[8] + light[9] == pytest.approx(dense[7], rel=1e-5)
    assert light[7] > 0.02 * dense[6]


def test_no_energy_is_lost_inside(electrons):
    """A hollow of air within tissue: what crosses it arrives beyond, and the sum is what was emitted."""
    density = np.ones((9, 9, 9))
    density[4, 4, 4:6] = 0.0
    source = np.zeros(density.shape)
    source[4, 4, 3] = 1e6
    found = ScaledElectrons(electrons, voxel_mm=SIDE)(source, patient_matter(density, voxel_mm=SIDE))
    filled = ScaledElectrons(electrons, voxel_mm=SIDE)(source, patient_matter(np.ones((9, 9, 9)), voxel_mm=SIDE))
    kev = float(electrons.electron_kev.sum(axis=1).mean())
    assert found.sum() == pytest.approx(1e6 * kev, rel=1e-6)
    assert found[4, 4, 4] < 0.02 * filled[4, 4, 4]
    assert found[4, 4, 6] > 0.05 * filled[4, 4, 4]
    assert filled[4, 4, 6] == 0.0


def test_the_number_of_threads_changes_nothing(electrons):
    """Parts are added in their order."""
    rng = np.random.default_rng(4)
    source, matter = rng.random((9, 8, 7)), patient_matter(rng.uniform(0.2, 1.6, (9, 8, 7)), voxel_mm=SIDE)
    rays = ScaledElectrons(electrons, voxel_mm=SIDE, rays=96)
    assert np.array_equal(rays(source, matter, threads=1), rays(source, matter, threads=3))


def test_nothing_gives_nothing(electrons):
    """No decays, no energy."""
    matter = patient_matter(np.ones((3, 3, 3)), voxel_mm=SIDE)
    assert not ScaledElectrons(electrons, voxel_mm=SIDE, rays=24)(np.zeros((3, 3, 3)), matter).any()


def test_lengths_in_other_media(electrons):
    """The same stuff under another name: 1 within its statistics. Bone: longer per mass than its electrons' number
    says (stopping power 0.88 of soft tissue at 130 keV, ICRU 37), since more scattering takes back a part."""
    again = replace(medium("soft-tissue"), name="the same")
    assert penetration_ratio(electrons, medium("soft-tissue"), LU) == 1.0
    assert penetration_ratio(electrons, again, LU) == pytest.approx(1.0, abs=0.015)
    assert 0.94 < penetration_ratio(electrons, medium("cortical-bone"), LU) < 0.99
