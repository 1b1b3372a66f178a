"""Point kernels made once and kept; kernels and spheres against published numbers, by parts, and after an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError, ReferenceDataError
from hemadose.io.point_kernels import cache_folder
from hemadose.refdata.emissions import emissions
from hemadose.workflow.kernels import KernelRequest, kernel_answer, sphere_answer, stored_point_kernel

LANCONELLI = Path(__file__).parents[3] / "shared" / "data" / "voxel-s-lanconelli"
PARTICLES = 120_000
LU = KernelRequest(nuclide="Lu-177", particles=2_000)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache for this module."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMADOSE_CACHE", str(folder))
        yield folder


def kernel_values(request, side_mm, half_width):
    """S values and relative uncertainties by offset."""
    found = kernel_answer(request, voxel_mm=(side_mm,) * 3, half_width=half_width)
    return {tuple(v["offset"]): (v["s_mGy_per_MBq_s"], v["rel_sd"]) for v in found["values"]}


# --- parts and scales ---


def test_electrons_and_photons_add_up():
    """Both parts are followed apart: their sum is the whole, number by number."""
    both, electrons, photons, betas = (
        kernel_values(replace(LU, which=which), 4.0, 2) for which in ("all", "electrons", "photons", "beta")
    )
    for offset, (value, _) in both.items():
        assert electrons[offset][0] + photons[offset][0] == pytest.approx(value, rel=1e-9)
    assert betas[0, 0, 0][0] < electrons[0, 0, 0][0] < both[0, 0, 0][0]
    # of 147.92 keV of electrons 133.27 keV are beta particles, and both stay in the voxel but for a little
    assert betas[0, 0, 0][0] / electrons[0, 0, 0][0] == pytest.approx(133.27 / 147.92, rel=0.02)


def test_beta_particles_of_positron_emitters_bring_their_annihilation_photons():
    """F-18: 241.6 keV of positrons and 2 x 511 keV x 0.9673 (ICRP 107), which belong to the positrons' part."""
    found = kernel_answer(
        KernelRequest(nuclide="F-18", which="beta", particles=2_000), voxel_mm=(4.0,) * 3, half_width=0
    )
    positrons = sum(b.yield_per_decay for b in emissions("F-18").betas)
    emitted = 241.6 + 2.0 * 510.999 * positrons
    assert found["energy_keV_per_decay"]["emitted"] == pytest.approx(emitted, rel=1e-3)


def test_half_the_voxel_at_twice_the_density():
    """Lengths scale with 1/density: the same energy in the same offsets."""
    one = kernel_values(replace(LU, density_g_per_ml=1.0), 4.0, 2)
    two = kernel_values(replace(LU, density_g_per_ml=2.0), 2.0, 2)
    for offset, (value, _) in one.items():
        assert two[offset][0] * 2.0 * 2.0**3 == pytest.approx(value * 4.0**3, rel=1e-9)


def test_energy_balance():
    """Sum of S m over the kernel and what lies beyond are what is emitted, in any medium."""
    for name, medium in (("I-131", "soft-tissue"), ("Y-90", "cortical-bone")):
        found = kernel_answer(
            KernelRequest(nuclide=name, medium=medium, particles=2_000), voxel_mm=(5.0, 3.0, 3.0), half_width=3
        )
        energy = found["energy_keV_per_decay"]
        emitted = emissions(name)
        assert energy["emitted"] == pytest.approx(emitted.electron_energy_kev + emitted.photon_energy_kev, rel=1e-9)
        assert energy["inside_kernel"] + energy["beyond_kernel"] == pytest.approx(energy["emitted"], rel=1e-9)
        assert 0.0 < energy["beyond_kernel"] < energy["emitted"]


def test_spheres_and_kernels_come_from_the_same_calculation():
    """A large sphere keeps all electrons; S falls with the mass."""
    rows = sphere_answer(LU, masses_g=(1e-3, 1.0, 1e4))["spheres"]
    assert rows[2]["phi_electrons"] == pytest.approx(1.0, abs=3e-3)
    assert rows[0]["phi_electrons"] < rows[1]["phi_electrons"]
    assert rows[0]["s_mGy_per_MBq_s"] > 500.0 * rows[1]["s_mGy_per_MBq_s"]


# --- the cache ---


def test_what_the_key_holds(cache):
    """Another emitter, medium, seed or number of particles is another file; another density or voxel is not."""

    def made(request):
        before = set(cache.rglob("*.npz"))
        kernel, reused = stored_point_kernel(request)
        assert reused == (not set(cache.rglob("*.npz")) - before)
        return kernel, reused

    base = KernelRequest(nuclide="Tb-161", particles=1_000)
    assert made(base)[1] is False
    assert made(base)[1] is True
    dense, reused = made(replace(base, density_g_per_ml=1.9))
    assert reused
    assert dense.density_g_per_ml == 1.9
    for change in (
        {"nuclide": "Sm-153"},
        {"medium": "cortical-bone"},
        {"seed": 2},
        {"particles": 1_100},
        {"which": "beta"},
    ):
        assert made(replace(base, **change))[1] is False
    assert cache_folder() == cache


def test_a_chain_is_not_its_parent():
    one, _ = stored_point_kernel(KernelRequest(nuclide="Ac-225", particles=1_000))
    chain, reused = stored_point_kernel(KernelRequest(nuclide="Ac-225", particles=1_000, chain=True))
    assert not reused
    assert chain.emitted_electron_kev > 4.0 * one.emitted_electron_kev  # four alpha particles instead of one


def test_an_interrupted_run_leaves_nothing_and_the_next_gives_the_same(monkeypatch, tmp_path):
    request = replace(LU, seed=77)
    whole, _ = stored_point_kernel(request)
    monkeypatch.setenv("HEMADOSE_CACHE", str(tmp_path))

    def stop(done, total):
        assert 0 < done <= total == 64
        if done == 40:  # in the middle of the photons
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored_point_kernel(request, progress=stop)
    assert not list(tmp_path.rglob("*.npz"))
    again, reused = stored_point_kernel(request)
    assert not reused
    np.testing.assert_array_equal(again.electron_kev, whole.electron_kev)
    np.testing.assert_array_equal(again.photon_kev, whole.photon_kev)


@pytest.mark.parametrize(
    ("change", "problem", "words"),
    [
        ({"nuclide": None}, InputError, "name one emitter"),
        ({"photon_kev": 100.0}, InputError, "name one emitter"),
        ({"nuclide": "Xx-1"}, ReferenceDataError, "Xx-1"),
        ({"medium": "granite"}, ReferenceDataError, "no such medium"),
        ({"which": "quarks"}, InputError, "no such choice"),
        ({"nuclide": "Y-90", "which": "photons", "photon_kev": 1.0}, InputError, "name one emitter"),
        ({"nuclide": None, "electron_kev": 3001.0}, InputError, "outside the data"),
        ({"nuclide": None, "photon_kev": 9.9}, InputError, "outside the data"),
        ({"particles": 999}, InputError, "too few particles"),
        ({"density_g_per_ml": 0.0}, InputError, "implausible density"),
        ({"seed": -1}, QuantityError, "a seed is not negative"),
    ],
)
def test_bad_requests_are_refused(change, problem, words):
    with pytest.raises(problem, match=words):
        stored_point_kernel(replace(LU, **change))


# --- published numbers ---


def published(name, side_mm):
    """Octant of Lanconelli et al. by offset."""
    symbol, mass = name.split("-")
    path = LANCONELLI / f"{mass}{symbol}{side_mm:g}mmsoft.txt"
    if not path.exists():
        pytest.skip("the published voxel S values are not at hand")
    rows = [line.split() for line in path.read_text(encoding="latin-1").splitlines()[2:] if line.strip()]
    return alike({tuple(int(i) for i in row[:3]): float(row[3]) for row in rows})


def alike(values):
    """Mean over the offsets that are permutations of each other: their statistics differ."""
    groups: dict[tuple[int, ...], list[float]] = {}
    for offset, value in values.items():
        groups.setdefault(tuple(sorted(offset)), []).append(value)
    return {offset: float(np.mean(group)) for offset, group in groups.items()}


# Self voxel of this program over theirs. Lanconelli's lack part of the conversion and Auger electrons (Lu-177 sums to
# 141.7 keV, of electrons alone 147.9; project's physics reference, where another program finds +8.5, -0.4, +2.0, +3.9 %).
SELF = {"Lu-177": 1.08, "Y-90": 0.992, "I-131": 1.018, "Re-188": 1.034}


@pytest.mark.parametrize("side_mm", [4.42, pytest.param(4.8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", list(SELF))
def test_neighbours_agree_with_lanconelli(name, side_mm):
    """Lanconelli et al. Phys Med Biol 57:517 (2012), soft tissue of 1.04 g/ml: all neighbours out to (5,5,5), and (3,3,3).

    3 % and the statistics. Re-188 is told apart: where the beta particles end and beyond, EGSnrc too lies 5 to 9 %
    above this table (project's physics reference, unexplained there; older photon yields would explain it), so there it
    is only asked that the offset is the same everywhere.
    """
    table = published(name, side_mm)
    wide = 5 if side_mm < 4.5 else 3
    table = {offset: value for offset, value in table.items() if max(offset) <= wide}
    found = kernel_values(KernelRequest(nuclide=name, density_g_per_ml=1.04, particles=PARTICLES), side_mm, wide)
    assert found[0, 0, 0][0] / table[0, 0, 0] == pytest.approx(SELF[name], abs=0.015)
    known = 0
    for offset, expected in table.items():
        value, sd = found[offset]
        if offset == (0, 0, 0) or (name == "Re-188" and sum(o * o for o in offset) > 3):
            continue
        known += sd < 0.015
        assert value == pytest.approx(expected, rel=0.03 + 2.5 * sd), (offset, value / expected - 1.0, sd)
    assert known >= 3
    if name == "Re-188":
        far = np.array([found[o][0] / v for o, v in table.items() if sum(i * i for i in o) >= 9])
        assert np.mean(far) == pytest.approx(1.065, abs=0.025)
        assert np.std(far) < 0.03


def test_egsnrc_stands_with_us_for_the_photons_of_re_188():
    """EGSnrc, density 1.00, 4.8 mm (project's physics reference data): (3,3,3) and (0,0,5) within their statistics."""
    import json

    path = LANCONELLI.parents[1] / "reference" / "data" / "oracles_egsnrc.json"
    if not path.exists():
        pytest.skip("the EGSnrc values are not at hand")
    rows = json.loads(path.read_text(encoding="utf-8"))["voxel_kernels_4p8mm"]["Re-188"]["values"]
    oracle = {tuple(r["offset"]): (r["S_total"], r["rel_sd_total"]) for r in rows}
    found = kernel_values(KernelRequest(nuclide="Re-188", density_g_per_ml=1.0, particles=PARTICLES), 4.8, 5)
    far = [o for o in oracle if sum(i * i for i in o) >= 16]
    ratio = np.array([found[o][0] / oracle[o][0] for o in far])
    assert len(far) > 20
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)


def test_far_voxels_against_mird_17_and_lanconelli():
    """(5,5,5) of 3 mm, 26 mm away, density 1.04. MIRD 17 prints 2.63e-5 for I-131 and 6.31e-7 mGy/(MBq s) for Y-90.

    Ours lie 8 % and 50 % below. At (3,3,3) of 4.8 mm, 25 mm away, Lanconelli and EGSnrc agree with ours (test above), and
    S falls smoothly in between: so MIRD 17, made with the EGS4 of its day, is taken to be high there. Asked for: ours
    against Lanconelli's values, carried to 26 mm with the slope of ours.
    """
    for name, printed, high, within in (("I-131", 2.63e-5, 1.09, 0.03), ("Y-90", 6.31e-7, 2.0, 0.15)):
        request = KernelRequest(nuclide=name, density_g_per_ml=1.04, particles=PARTICLES)
        here, sd = kernel_values(request, 3.0, 5)[5, 5, 5]
        near = kernel_values(request, 4.8, 5)
        carried = published(name, 4.8)[3, 3, 3] * here / near[3, 3, 3][0]
        assert here == pytest.approx(carried, rel=within, abs=0.0)
        assert printed / here == pytest.approx(high, rel=0.04 + 3.0 * sd)
