"""Transport around a point: attenuation and kerma in closed form, spheres of EGSnrc, the way back to voxels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.model.emissions import EmissionLine, Emissions, LineKind
from hemadose.physics.matter.media import medium
from hemadose.physics.transport.run import DEFAULT_LIMITS, VoxelGeometry, transport_point, transport_voxels
from hemadose.physics.transport.tables import CSDA, RANGE, charged_grid, transport_tables
from hemadose.refdata.emissions import emissions
from hemadose.units import KEV_J

ORACLE = Path(__file__).parents[4] / "shared" / "reference" / "data" / "oracles_egsnrc.json"
WATER = medium("water")
RADII = np.geomspace(1e-4, 100.0, 601)


def one_line(kind, energy_kev):
    line = EmissionLine(kind=kind, energy_kev=energy_kev, yield_per_decay=1.0)
    return Emissions(nuclide="one line", half_life_s=1.0, lines=(line,), betas=(), source="test")


def run(emitted, decays, *, radius_cm=RADII, matter=WATER, **options):
    return transport_point(medium=matter, emissions=emitted, decays=decays, seed=1, radius_cm=radius_cm, **options)


def geometric_mean_share(energy, share):
    """Energy of shells times the mean of a share over each shell."""
    inner = np.concatenate([[0.0], RADII[:-1]])
    part = np.linspace(0.0, 1.0, 9)
    r = inner[:, None] + (RADII - inner)[:, None] * part
    return energy @ np.trapezoid(share(r), part, axis=1)


def test_soft_photons_are_absorbed_exponentially():
    """1 - exp(-mu r) at 2 keV, where scattering is 0.3 % of mu = 617.3 cm2/g (NISTIR 5632, water)."""
    radii = np.geomspace(1e-5, 1.0, 301)
    found = run(
        one_line(LineKind.GAMMA, 2.0), 1_000_000, radius_cm=radii, limits=DEFAULT_LIMITS._replace(photon_kev=1.0)
    )
    inside = np.cumsum(found.energy_kev_per_decay) / 2.0
    for depth in (0.5, 1.0, 2.0, 4.0):
        share = float(np.interp(np.log(depth / 617.3), np.log(radii), inside))
        expected = 1.0 - np.exp(-depth)
        assert share == pytest.approx(expected, abs=4.0 * np.sqrt(expected * (1.0 - expected) / 1e6) + 1.5e-3)


@pytest.mark.parametrize(("energy", "absorption"), [(60.0, 0.03190), (150.0, 0.02764), (600.0, 0.03284)])
def test_photons_give_what_the_energy_absorption_coefficient_says(energy, absorption):
    """Where electrons stop at once, the energy near the point is E mu_en r (NISTIR 5632, table 4: cm2/g)."""
    radius = 0.05
    found = run(
        one_line(LineKind.GAMMA, energy), 6_000_000, radius_cm=np.array([0.5 * radius, radius]),
        limits=DEFAULT_LIMITS._replace(electron_kev=1000.0),
    )  # fmt: skip
    error = float(np.hypot(*found.standard_uncertainty)) / found.deposited_kev_per_decay
    assert error < 0.015
    expected = energy * absorption * radius
    assert found.deposited_kev_per_decay == pytest.approx(expected, rel=4.0 * error + 0.005)


def test_equal_shares_of_the_radius_get_equal_energy_from_photons():
    """Inverse squares cancel against areas: shells of equal thickness near the point receive the same."""
    found = run(
        one_line(LineKind.GAMMA, 300.0), 6_000_000, radius_cm=np.geomspace(0.01, 0.16, 5),
        limits=DEFAULT_LIMITS._replace(electron_kev=1000.0),
    )  # fmt: skip
    per_cm = found.energy_kev_per_decay / np.diff(np.concatenate([[0.0], np.geomspace(0.01, 0.16, 5)]))
    error = found.standard_uncertainty / found.energy_kev_per_decay
    np.testing.assert_allclose(per_cm[2:] / per_cm[-1], 1.0, atol=4.0 * error[2] + 0.01)


@pytest.mark.parametrize("energy", [50.0, 300.0, 1000.0])
def test_no_electron_goes_beyond_its_range(energy):
    """Without hard collisions an electron goes as far as its soft range; few reach the CSDA range (straggling)."""
    found = run(one_line(LineKind.CONVERSION, energy), 40_000)
    column = transport_tables((WATER,)).charged[0, 0]
    longest, mean_path = (float(np.interp(energy, charged_grid(), column[:, c])) for c in (RANGE, CSDA))
    photons = 4e-3  # radiated energy that may lie anywhere
    total = found.deposited_kev_per_decay + found.escaped_kev_per_decay
    assert total == pytest.approx(energy, rel=1e-9)
    beyond = 1.0 - np.cumsum(found.energy_kev_per_decay) / energy
    assert beyond[np.searchsorted(RADII, longest) + 1] < photons
    assert beyond[np.searchsorted(RADII, mean_path) + 1] < photons + 0.005
    # most of the energy lies within 80 % of the CSDA range, and much of it beyond 30 %
    assert np.interp(0.8 * mean_path, RADII, beyond) < 0.12
    assert np.interp(0.3 * mean_path, RADII, beyond) > 0.5


def test_annihilation_radiation_leaves_the_range_of_the_positrons():
    """F-18: within 3 mm of the point lies the kinetic energy of the positrons and about mu_en r of the photons."""
    emitted = emissions("F-18")
    found = run(emitted, 40_000)
    inside = float(np.interp(0.3, RADII, np.cumsum(found.energy_kev_per_decay)))
    positrons = sum(b.yield_per_decay for b in emitted.betas)
    photons = 2.0 * positrons * 510.999 * 0.03298 * 0.3
    assert inside == pytest.approx(emitted.electron_energy_kev + photons, rel=0.015)
    total = found.deposited_kev_per_decay + found.escaped_kev_per_decay
    assert total == pytest.approx(emitted.electron_energy_kev + 2.0 * positrons * 510.999, rel=8e-3)


@pytest.mark.parametrize(("nuclide", "side_mm"), [("Lu-177", 1.0), ("Y-90", 4.0)])
def test_shells_and_voxels_tell_the_same(nuclide, side_mm):
    """Self dose of a cube from the point kernel: the share of random points that stay inside after a way r u,
    the product of (1 - r |u_i| / a), averaged over directions; against transport in voxels with their borders."""
    emitted = emissions(nuclide)
    emitted = Emissions(
        nuclide=nuclide, half_life_s=1.0, lines=(), betas=emitted.betas, source=emitted.source
    )  # fmt: skip
    kernel = run(emitted, 200_000)
    count = 400
    w = (np.arange(count) + 0.5) / count
    phi = (np.arange(count) * 0.6180339887498949 % 1.0) * 0.5 * np.pi
    directions = np.stack([w, np.sqrt(1.0 - w**2) * np.cos(phi), np.sqrt(1.0 - w**2) * np.sin(phi)])
    side = 0.1 * side_mm

    def share(r):
        found = np.zeros(r.shape)
        near = r < side * np.sqrt(3.0)
        found[near] = np.prod(
            np.maximum(1.0 - r[near][None, :, None] * directions[:, None, :] / side, 0.0), axis=0
        ).mean(-1)
        return found

    from_shells = geometric_mean_share(kernel.energy_kev_per_decay, share)
    geometry = VoxelGeometry(
        medium_index=np.zeros((3, 3, 3), dtype=np.uint8), density_g_per_ml=np.ones((3, 3, 3), dtype=np.float32),
        voxel_mm=(side_mm,) * 3, media=(WATER,),
    )  # fmt: skip
    source = np.zeros((3, 3, 3))
    source[1, 1, 1] = 1.0
    voxels = transport_voxels(geometry=geometry, source=source, emissions=emitted, decays=800_000, seed=4)
    assert voxels.standard_uncertainty[1, 1, 1] < 1e-3 * from_shells
    assert voxels.energy_kev_per_decay[1, 1, 1] == pytest.approx(from_shells, rel=3e-3)


# EGSnrc with spin effects, ICRP soft tissue of density 1: tolerance by mass (g).
@pytest.mark.skipif(not ORACLE.exists(), reason="the shared reference data are not here")
@pytest.mark.parametrize(
    ("nuclide", "tolerance"),
    [("Lu-177", {0.1: 2e-3, 1.0: 2e-3, 100.0: 2e-3}), ("Y-90", {0.1: 7e-3, 1.0: 4e-3, 100.0: 2e-3})],
)
def test_spheres_agree_with_egsnrc(nuclide, tolerance):
    """Of the energy at a distance r a share 1 - 3r/4R + r^3/16R^3 stays in a sphere of radius R (Berger, MIRD 7)."""
    rows = {row["mass_g"]: row for row in json.loads(ORACLE.read_text(encoding="utf-8"))["spheres"][nuclide]}
    kernel = run(emissions(nuclide), 250_000, matter=medium("soft-tissue"))
    for mass_g, allowed in tolerance.items():
        x = 2.0 * rows[mass_g]["radius_cm"]
        inside = geometric_mean_share(
            kernel.energy_kev_per_decay,
            lambda r, x=x: 1.0 - 1.5 * np.minimum(r / x, 1.0) + 0.5 * np.minimum(r / x, 1.0) ** 3,
        )
        found = inside * KEV_J / (mass_g * 1e-3) * 1e9
        assert found == pytest.approx(rows[mass_g]["S_mGy_per_MBq_s"], rel=allowed, abs=0.0), mass_g


def test_batches_are_kept_and_the_seed_decides():
    one, two = (run(emissions("Lu-177"), 6_400, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.by_batch, two.by_batch)
    np.testing.assert_allclose(one.by_batch.mean(axis=0), one.energy_kev_per_decay, rtol=1e-9)


@pytest.mark.parametrize("radii", [np.array([1.0]), np.array([1.0, 2.0, 3.0]), np.linspace(0.1, 1.0, 10)])
def test_shells_must_be_even_in_the_logarithm(radii):
    with pytest.raises(QuantityError, match="even in their logarithm"):
        run(emissions("Y-90"), 320, radius_cm=radii)
