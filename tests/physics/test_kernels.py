"""Point kernels, voxel kernels and spheres: geometry in closed form, energy balance, numbers of other programs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.model.emissions import EmissionLine, Emissions, LineKind
from hemadose.physics.kernels import (
    PointKernel,
    ellipsoid_energy,
    ellipsoid_self_dose,
    point_kernel,
    shell_radii_cm,
    voxel_kernel,
)
from hemadose.physics.matter import medium
from hemadose.refdata.emissions import emissions
from hemadose.units import KEV_J

SHARED = Path(__file__).parents[3] / "shared"
PARTICLES = 400_000


@pytest.fixture(scope="module")
def kernels():
    """Point kernels in soft tissue, made once."""
    made: dict[str, PointKernel] = {}

    def give(name: str) -> PointKernel:
        if name not in made:
            made[name] = point_kernel(medium("soft-tissue"), emissions(name), electrons=PARTICLES, photons=PARTICLES)
        return made[name]

    return give


def local_kernel(kev=100.0) -> PointKernel:
    """All energy in the innermost ball."""
    radius = shell_radii_cm()
    energy = np.zeros((4, radius.size))
    energy[:, 0] = kev
    return PointKernel(
        nuclide="X-1",
        medium="soft-tissue",
        density_g_per_ml=1.0,
        radius_cm=radius,
        electron_kev=energy,
        photon_kev=np.zeros_like(energy),
        emitted_electron_kev=kev,
        emitted_photon_kev=0.0,
        electron_decays=1,
        photon_decays=0,
    )


def shell_kernel(radius_cm: float) -> PointKernel:
    """All energy in one thin shell."""
    kernel = local_kernel()
    energy = np.zeros_like(kernel.electron_kev)
    energy[:, np.searchsorted(kernel.radius_cm, radius_cm)] = 100.0
    return PointKernel(**{**{f: getattr(kernel, f) for f in kernel.__slots__}, "electron_kev": energy})


def test_local_energy_stays_in_the_voxel_and_the_sphere():
    kernel = local_kernel()
    found = voxel_kernel(kernel, voxel_mm=(5.0, 5.0, 5.0), half_width=(2, 2, 2))
    assert found.s_gy_per_bq_s[2, 2, 2] == pytest.approx(100.0 * KEV_J / 125e-6, rel=1e-3, abs=0)
    assert found.s_gy_per_bq_s.sum() == pytest.approx(100.0 * KEV_J / 125e-6, rel=1e-9, abs=0)
    one = ellipsoid_self_dose(kernel, mass_kg=0.001)
    assert one.electron_fraction == pytest.approx(1.0, abs=3e-4)


@pytest.mark.parametrize("distance_mm", [1.0, 4.0, 11.0])
def test_a_shell_spreads_over_voxels_as_random_points_do(distance_mm):
    """Against 400 000 random pairs: a point of the source voxel, and one at the distance in a random direction."""
    rng = np.random.default_rng(5)
    size = np.array([3.0, 4.0, 5.0])
    kernel = shell_kernel(distance_mm / 10.0)
    index = int(np.argmax(kernel.electron_kev[0] > 0))
    low, high = kernel.radius_cm[index - 1] * 10.0, kernel.radius_cm[index] * 10.0
    n = 400_000
    start = rng.random((n, 3)) * size
    direction = rng.standard_normal((n, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    end = start + direction * (low + (high - low) * rng.random((n, 1)))
    offset = np.floor(end / size).astype(int)
    found = voxel_kernel(kernel, voxel_mm=tuple(size), half_width=(4, 4, 4))
    share = found.s_gy_per_bq_s * 60e-6 / KEV_J / 100.0
    assert share.sum() == pytest.approx(1.0, abs=1e-9)
    for wanted in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1), (-1, 0, 2), (2, -1, 0), (3, 0, 0)):
        counted = np.count_nonzero(np.all(offset == wanted, axis=1)) / n
        here = share[4 + wanted[0], 4 + wanted[1], 4 + wanted[2]]
        assert here == pytest.approx(counted, abs=4.0 * np.sqrt(max(counted, 1e-5) / n) + 2e-4)


def test_ellipsoid_keeps_what_random_points_keep():
    """Share of points of an ellipsoid whose end at a distance in a random direction is still inside."""
    rng = np.random.default_rng(6)
    axes = np.array([1.0, 2.0, 3.5])
    n = 400_000
    u = rng.standard_normal((n, 3))
    u *= (rng.random((n, 1)) ** (1 / 3)) / np.linalg.norm(u, axis=1)[:, None]
    direction = rng.standard_normal((n, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    kernel = shell_kernel(1.5)
    radius = kernel.radius_cm[int(np.argmax(kernel.electron_kev[0] > 0))] * 0.99
    inside = np.mean(np.sum(((u * axes + direction * radius) / axes) ** 2, axis=1) < 1.0)
    kept = ellipsoid_energy(kernel.electron_kev[0], kernel.radius_cm, semi_axes_cm=tuple(axes)) / 100.0
    assert float(kept) == pytest.approx(float(inside), abs=3e-3)


def test_density_moves_the_shells():
    kernel = local_kernel().at_density(0.26)
    assert kernel.radius_cm[10] == pytest.approx(shell_radii_cm()[10] / 0.26)
    with pytest.raises(QuantityError, match="density"):
        local_kernel().at_density(0.0)


@pytest.mark.parametrize("name", ["Lu-177", "Y-90"])
def test_energy_balance(kernels, name):
    """Nothing is lost: shells and what lies beyond a metre hold the emitted energy."""
    kernel = kernels(name)
    emitted = kernel.emitted_electron_kev + kernel.emitted_photon_kev
    total = kernel.energy_kev.mean(axis=0).sum()
    assert 0.995 * emitted < total < 1.001 * emitted
    found = voxel_kernel(kernel, voxel_mm=(4.8, 4.8, 4.8), half_width=(6, 6, 6))
    inside = float(found.s_gy_per_bq_s.sum()) * 4.8**3 * 1e-6 / KEV_J
    assert inside + found.outside_kev == pytest.approx(emitted, rel=1e-3)
    assert emissions(name).electron_energy_kev * 0.99 < inside < emitted


def test_symmetry(kernels):
    found = voxel_kernel(kernels("Lu-177"), voxel_mm=(4.0, 4.0, 4.0), half_width=(3, 3, 3)).s_gy_per_bq_s
    assert np.array_equal(found, found[::-1, :, :])
    assert found[3, 3, 4] == pytest.approx(found[4, 3, 3], rel=2e-3, abs=0)
    assert found[3, 4, 5] == pytest.approx(found[5, 4, 3], rel=5e-3, abs=0)


# MIRD Pamphlet 17 (Bolch et al. 1999) and DPM, soft tissue of 1.04 g/ml, mGy/(MBq s): as quoted in the project's
# physics reference. MIRD 17 used EGS4 with its older scattering.
@pytest.mark.parametrize(
    ("name", "side", "published", "tolerance"),
    [
        ("Y-90", 3.0, 1.581, 0.02),  # DPM
        ("Y-90", 3.0, 1.61, 0.025),  # 1.8 % above DPM itself: EGS4 without spin effects, printed to three digits
        ("I-131", 3.0, 0.92, 0.02),
        ("Y-90", 6.0, 0.346, 0.02),
        ("I-131", 6.0, 0.129, 0.02),
    ],
)
def test_published_self_voxels(kernels, name, side, published, tolerance):
    found = voxel_kernel(kernels(name).at_density(1.04), voxel_mm=(side, side, side), half_width=(0, 0, 0))
    assert found.s_gy_per_bq_s[0, 0, 0] * 1e9 == pytest.approx(published, rel=tolerance)


# Lu-177 spheres, soft tissue: published table (MIRDcalc-style), interpolated in log-log: check case S8, 0.5 %.
@pytest.mark.parametrize(
    ("mass_g", "published"), [(1, 2.3225e-11), (10, 2.3715e-12), (100, 2.3999e-13), (500, 4.8906e-14)]
)
def test_published_spheres(kernels, mass_g, published):
    """S8. The table itself lies 0.3-0.6 % high (it interpolates the beta spectrum linearly): 1 % is asked for."""
    found = ellipsoid_self_dose(kernels("Lu-177").at_density(1.04), mass_kg=mass_g / 1000.0)
    assert found.s_gy_per_bq_s == pytest.approx(published, rel=0.01, abs=0)


@pytest.fixture(scope="module")
def oracle():
    path = SHARED / "reference" / "data" / "oracles_egsnrc.json"
    if not path.exists():
        pytest.skip("reference values computed with EGSnrc are not at hand")
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("name", "spheres", "smallest", "self_voxel"),
    [
        ("Lu-177", 0.005, 0.005, 0.005),
        ("I-131", 0.005, 0.005, 0.005),
        ("Y-90", 0.01, 0.015, 0.01),
        ("Re-188", 0.01, 0.015, 0.01),
    ],
)
def test_egsnrc(kernels, oracle, name, spheres, smallest, self_voxel):
    """Independent EGSnrc values (spin effects on): spheres 0.1-1000 g, 4.8 mm kernel, tolerances as asked for."""
    kernel = kernels(name)
    for row in oracle["spheres"][name]:
        found = ellipsoid_self_dose(kernel, mass_kg=row["mass_g"] / 1000.0)
        tolerance = smallest if row["mass_g"] < 0.2 else spheres
        assert found.s_gy_per_bq_s * 1e9 == pytest.approx(row["S_mGy_per_MBq_s"], rel=tolerance)
    made = voxel_kernel(kernel, voxel_mm=(4.8, 4.8, 4.8), half_width=(5, 5, 5))
    s, sd = made.s_gy_per_bq_s * 1e9, made.relative_uncertainty
    reach = 5.0 if name in ("Lu-177", "I-131") else 10.6  # mm, electrons
    for row in oracle["voxel_kernels_4p8mm"][name]["values"]:
        i = tuple(5 + o for o in row["offset"])
        off = s[i] / row["S_total"] - 1.0
        scatter = float(np.hypot(sd[i], row["rel_sd_total"]))
        nearest = 4.8 * np.sqrt(sum(max(o - 1, 0) ** 2 for o in row["offset"]))
        if row["offset"] == [0, 0, 0]:
            assert abs(off) < self_voxel
        elif sum(row["offset"]) == 1:
            assert abs(off) < 0.015
        elif nearest < reach and row["rel_sd_total"] < 0.01:
            # the end of the electron range, where 5 % is asked for; the statistics of both come on top
            assert abs(off) < 0.05 + 2.0 * scatter, (row["offset"], off)
        else:
            assert abs(off) < 4.0 * scatter, (row["offset"], off, scatter)


def test_positrons_bring_their_own_annihilation_photons():
    """F-18: 0.967 positrons of 249.8 keV and two photons of 511 keV each (ICRP 107), counted once."""
    kernel = point_kernel(medium("water"), emissions("F-18"), electrons=60_000, photons=60_000)
    positrons = sum(b.yield_per_decay for b in emissions("F-18").betas)
    emitted = 241.6 + 2.0 * 510.999 * positrons
    assert kernel.emitted_electron_kev == pytest.approx(emitted, rel=2e-3)
    assert kernel.energy_kev.mean(axis=0).sum() == pytest.approx(emitted, rel=0.02)
    near = kernel.energy_kev.mean(axis=0)[kernel.radius_cm < 0.3].sum()
    assert near == pytest.approx(
        241.6 + 0.0330 * 0.3 * 2.0 * 510.999 * positrons, rel=0.02
    )  # NIST mu_en of water, 1/cm


def test_what_emits_nothing_is_refused():
    nothing = Emissions(
        nuclide="X-1",
        half_life_s=1.0,
        lines=(EmissionLine(kind=LineKind.GAMMA, energy_kev=4000.0, yield_per_decay=1.0),),
        betas=(),
        source="test",
    )
    with pytest.raises(QuantityError, match="more energy than transport knows"):
        point_kernel(medium("water"), nothing, electrons=1000, photons=1000)
    with pytest.raises(QuantityError, match="voxels of this size"):
        voxel_kernel(local_kernel(), voxel_mm=(0.0, 1.0, 1.0), half_width=(1, 1, 1))
    with pytest.raises(QuantityError, match="too large"):
        voxel_kernel(local_kernel(), voxel_mm=(1.0, 1.0, 1.0), half_width=(400, 400, 400))
    with pytest.raises(QuantityError, match="mass"):
        ellipsoid_self_dose(local_kernel(), mass_kg=0.0)
