"""Borders between unlike voxels: Fano's theorem, and a thin layer of another medium."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemadose.model.emissions import Emissions
from hemadose.physics.matter.electrons import collision_stopping
from hemadose.physics.matter.media import medium
from hemadose.physics.transport.run import DEFAULT_LIMITS, VoxelGeometry, transport_voxels
from hemadose.refdata.emissions import emissions

WATER = medium("water")
DENSITY = np.array([0.26, 1.0, 1.85])


def betas_of(nuclide):
    """Its beta particles alone."""
    return Emissions(nuclide=nuclide, half_life_s=1.0, lines=(), betas=emissions(nuclide).betas, source="ICRP 107")


def dose_over_mean(geometry, label, emitted, decays, **options):
    """Dose to each region as a multiple of the mean dose, and its uncertainty, for equal activity per mass.

    One run for each region as a source, weighted by its mass: where activity is placed by chance no longer counts.
    """
    density = geometry.density_g_per_ml.astype(float)
    mass = np.bincount(label.ravel(), weights=density.ravel())
    energy, variance = np.zeros(mass.size), np.zeros(mass.size)
    for region in range(mass.size):
        found = transport_voxels(
            geometry=geometry, source=density * (label == region), emissions=emitted, decays=decays, seed=20 + region,
            tally=label.astype(np.int32), **options,
        )  # fmt: skip
        share = mass[region] / mass.sum()
        energy += share * found.energy_kev_per_decay
        variance += (share * found.standard_uncertainty) ** 2
        assert found.escaped_kev_per_decay == 0.0
    mean = energy.sum() / mass.sum()
    return energy / mass / mean, np.sqrt(variance) / mass / mean


def mixture(*, side_mm, unlike, seed=1):
    """A box without end of voxels of three densities at random, the same mass of each; `unlike` alternates the index
    of the medium between two equal ones, so that the code takes the way of a change of medium."""
    rng = np.random.default_rng(seed)
    label = rng.choice(3, size=(8, 8, 8), p=(1.0 / DENSITY) / np.sum(1.0 / DENSITY))
    geometry = VoxelGeometry(
        medium_index=(label % 2 if unlike else 0 * label).astype(np.uint8),
        density_g_per_ml=DENSITY[label].astype(np.float32),
        voxel_mm=(side_mm,) * 3,
        media=(WATER, replace(WATER, name="water again")),
        periodic=True,
    )
    return geometry, label


@pytest.mark.parametrize("unlike", [False, True])
@pytest.mark.parametrize(("nuclide", "side_mm", "decays"), [("Lu-177", 0.5, 600_000), ("Y-90", 2.0, 300_000)])
def test_dose_is_uniform_where_activity_per_mass_is(nuclide, side_mm, decays, unlike):
    """Fano's theorem (Radiat Res 1:237, 1954): with one composition and activity in proportion to mass the fluence of
    electrons, and the dose, do not depend on density. Any error at borders would show; 0.3 % and four sigma."""
    geometry, label = mixture(side_mm=side_mm, unlike=unlike)
    dose, error = dose_over_mean(geometry, label, betas_of(nuclide), decays)
    assert np.all(error < 1.5e-3)
    assert np.all(np.abs(dose - 1.0) < np.minimum(4.0 * error, 3e-3))


@pytest.mark.parametrize("loss", [0.05, 0.3])
def test_fanos_theorem_holds_for_steps_of_any_length(loss):
    geometry, label = mixture(side_mm=2.0, unlike=False)
    dose, error = dose_over_mean(
        geometry, label, betas_of("Y-90"), 100_000, limits=DEFAULT_LIMITS._replace(step_loss=loss)
    )
    assert np.all(error < 2.5e-3)
    assert np.all(np.abs(dose - 1.0) < 4.0 * error)


def test_fanos_theorem_holds_for_positrons():
    """Ga-68, without their annihilation photons, which leave the few voxels that count."""
    geometry, label = mixture(side_mm=2.0, unlike=True)
    dose, error = dose_over_mean(geometry, label, betas_of("Ga-68"), 60_000)
    assert np.all(error < 4e-3)
    assert np.all(np.abs(dose - 1.0) < 4.0 * error)


def test_the_theorem_can_fail():
    """Activity per volume instead of mass gives dense voxels less dose than thin ones: the test above sees it."""
    geometry, label = mixture(side_mm=2.0, unlike=False)
    found = transport_voxels(
        geometry=geometry, source=np.ones(label.shape), emissions=betas_of("Y-90"), decays=50_000, seed=1,
        tally=label.astype(np.int32),
    )  # fmt: skip
    dose = found.energy_kev_per_decay / np.bincount(label.ravel(), weights=geometry.density_g_per_ml.ravel())
    assert dose[0] > 1.2 * dose[2]


def test_a_thin_layer_gets_the_ratio_of_stopping_powers():
    """Bragg and Gray: a layer of 0.002 g/cm2 in water of uniform Y-90 does not disturb the fluence; the ratio of doses
    lies among the ratios of mass collision stopping powers from 20 keV to 2 MeV (bone 0.862-0.887)."""
    n = 41
    medium_index = np.zeros((n, 1, 1), dtype=np.uint8)
    density = np.ones((n, 1, 1), dtype=np.float32)
    medium_index[n // 2], density[n // 2] = 1, 0.2
    geometry = VoxelGeometry(
        medium_index=medium_index, density_g_per_ml=density, voxel_mm=(0.1, 1.0, 1.0), media=(WATER, medium("cortical-bone")),
        periodic=True,
    )  # fmt: skip
    label = np.zeros((n, 1, 1), dtype=np.int32)
    label[n // 2] = 1
    dose, error = dose_over_mean(geometry, label, betas_of("Y-90"), 150_000)
    ratio, sd = dose[1] / dose[0], error[1]
    assert sd < 0.015
    kinetic = np.geomspace(20.0, 2000.0, 30)
    expected = collision_stopping(medium("cortical-bone"), kinetic) / collision_stopping(WATER, kinetic)
    assert expected.min() - 3.0 * sd < ratio < expected.max() + 3.0 * sd + 0.01


def test_a_wall_of_bone_sends_electrons_back():
    """Backscatter: calcium and phosphorus return more betas of Y-90 to the last millimetre of water than water does."""
    n = 20
    dose = []
    for matter, rho in ((WATER, 1.0), (medium("cortical-bone"), 1.92)):
        medium_index = np.zeros((n, 1, 1), dtype=np.uint8)
        density = np.ones((n, 1, 1), dtype=np.float32)
        medium_index[n // 2 :], density[n // 2 :] = 1, rho
        geometry = VoxelGeometry(
            medium_index=medium_index, density_g_per_ml=density, voxel_mm=(1.0, 200.0, 200.0), media=(WATER, matter)
        )
        source = np.zeros((n, 1, 1))
        source[n // 2 - 2 : n // 2] = 1.0
        found = transport_voxels(
            geometry=geometry, source=source, emissions=betas_of("Y-90"), decays=300_000, seed=5
        )  # fmt: skip
        dose.append((found.energy_kev_per_decay[n // 2 - 1, 0, 0], found.standard_uncertainty[n // 2 - 1, 0, 0]))
    excess = dose[1][0] / dose[0][0] - 1.0
    error = np.hypot(dose[0][1], dose[1][1]) / dose[0][0]
    assert error < 4e-3
    assert 4.0 * error < excess < 0.1
