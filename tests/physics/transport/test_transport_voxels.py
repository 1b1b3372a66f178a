"""Transport in voxels: conservation, symmetries, statistics, published voxel S values."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.model.emissions import BetaSpectrum, EmissionLine, Emissions, LineKind
from hemadose.physics.matter.electrons import ELECTRON_REST_KEV
from hemadose.physics.matter.media import medium
from hemadose.physics.transport.run import DEFAULT_LIMITS, VoxelGeometry, transport_voxels
from hemadose.refdata.emissions import emissions
from hemadose.units import KEV_J

SHARED = Path(__file__).parents[4] / "shared"
ORACLE = SHARED / "reference" / "data" / "oracles_egsnrc.json"
LANCONELLI = SHARED / "data" / "voxel-s-lanconelli"
WATER = medium("water")


def box(shape=(5, 5, 5), *, side_mm=4.0, density=1.0, matter=WATER, periodic=False):
    """A uniform block."""
    return VoxelGeometry(
        medium_index=np.zeros(shape, dtype=np.uint8),
        density_g_per_ml=np.full(shape, density, dtype=np.float32),
        voxel_mm=(side_mm,) * 3,
        media=(matter,),
        periodic=periodic,
    )


def one_line(kind, energy_kev, yield_per_decay=1.0):
    """A nuclide with a single line."""
    line = EmissionLine(kind=kind, energy_kev=energy_kev, yield_per_decay=yield_per_decay)
    return Emissions(nuclide="one line", half_life_s=1.0, lines=(line,), betas=(), source="test")


def run(geometry, source, nuclide, decays, *, seed=1, **options):
    """Transport with the nuclide by name or value."""
    emitted = emissions(nuclide) if isinstance(nuclide, str) else nuclide
    return transport_voxels(geometry=geometry, source=source, emissions=emitted, decays=decays, seed=seed, **options)


def at_centre(shape):
    source = np.zeros(shape)
    source[tuple(n // 2 for n in shape)] = 1.0
    return source


def voxel_s(nuclide, side_mm, *, matter, density, decays, half_width=3):
    """S values (mGy/(MBq s)) around a voxel, and their relative uncertainty."""
    shape = (2 * half_width + 1,) * 3
    found = run(box(shape, side_mm=side_mm, density=density, matter=matter), at_centre(shape), nuclide, decays)
    per_kev = KEV_J / (side_mm**3 * 1e-6 * density) * 1e9
    energy = found.energy_kev_per_decay
    return energy * per_kev, found.standard_uncertainty / np.maximum(energy, 1e-300)


def over_symmetric(values, errors, offset):
    """Mean of the voxels that are mirror images, and its relative uncertainty."""
    c = values.shape[0] // 2
    places = {
        tuple(c + a * b for a, b in zip(p, s, strict=True))
        for p in itertools.permutations(offset)
        for s in itertools.product((1, -1), repeat=3)
    }
    each = np.array([values[p] for p in places])
    error = np.array([values[p] * errors[p] for p in places])
    return each.mean(), float(np.sqrt(np.sum(error**2)) / each.sum())


# --- conservation ---


@pytest.mark.parametrize("nuclide", ["Lu-177", "Y-90", "I-131", "F-18"])
def test_what_is_emitted_is_deposited_or_escapes(nuclide):
    """The masses of positrons come out as annihilation photons, made by transport instead of the nuclide's own."""
    emitted = emissions(nuclide)
    found = run(box(side_mm=60.0), at_centre((5, 5, 5)), emitted, 400_000)
    positrons = sum(b.yield_per_decay for b in emitted.betas if b.charge > 0)
    photons = emitted.photon_energy_kev
    if positrons > 0.0:
        photons -= emitted.line_energy_kev(LineKind.ANNIHILATION)
    expected = emitted.electron_energy_kev + photons + 2.0 * ELECTRON_REST_KEV * positrons
    variance = sum(x.yield_per_decay * x.energy_kev**2 for x in emitted.lines)
    variance += sum(
        (0.4 * b.mean_energy_kev) ** 2 + b.yield_per_decay * 0.04 * ELECTRON_REST_KEV**2 for b in emitted.betas
    )
    bound = 4.0 * np.sqrt(variance / found.decays)
    assert found.deposited_kev_per_decay + found.escaped_kev_per_decay == pytest.approx(expected, abs=bound)
    assert bound < 0.015 * expected


@pytest.mark.parametrize("energy", [40.0, 208.4, 661.7, 2000.0])
def test_no_photon_loses_energy_on_its_way(energy):
    """One photon per decay: the sum is exact, history by history (annihilation and pair production included)."""
    found = run(box(side_mm=30.0), at_centre((5, 5, 5)), one_line(LineKind.GAMMA, energy), 50_000)
    assert found.deposited_kev_per_decay + found.escaped_kev_per_decay == pytest.approx(energy, rel=1e-9)
    assert 0.0 < found.escaped_kev_per_decay < energy


@pytest.mark.parametrize("energy", [15.0, 147.0, 939.0, 2500.0])
def test_no_electron_loses_energy_on_its_way(energy):
    found = run(box(), np.ones((5, 5, 5)), one_line(LineKind.CONVERSION, energy), 20_000)
    assert found.deposited_kev_per_decay + found.escaped_kev_per_decay == pytest.approx(energy, rel=1e-9)


def test_nothing_escapes_from_a_world_without_end():
    found = run(box(periodic=True), np.ones((5, 5, 5)), "Y-90", 20_000)
    assert found.escaped_kev_per_decay == 0.0
    assert found.deposited_kev_per_decay == pytest.approx(emissions("Y-90").electron_energy_kev, rel=2e-3)


def test_particles_below_the_limits_stay_where_they_are():
    """Auger electrons, soft X-rays and alpha particles."""
    for kind, energy in ((LineKind.AUGER, 8.0), (LineKind.X_RAY, 1.5), (LineKind.ALPHA, 5500.0)):
        found = run(box(), at_centre((5, 5, 5)), one_line(kind, energy, 1.5), 64)
        assert found.energy_kev_per_decay[2, 2, 2] == pytest.approx(1.5 * energy, rel=1e-12)
        assert found.deposited_kev_per_decay == pytest.approx(1.5 * energy, rel=1e-12)


def test_activity_sits_where_the_source_says():
    """Electrons of 11 keV go 2.6 micrometres."""
    rng = np.random.default_rng(5)
    source = rng.random((4, 5, 6)) ** 3
    found = run(box((4, 5, 6)), source, one_line(LineKind.CONVERSION, 11.0), 500_000)
    share = found.energy_kev_per_decay / 11.0
    expected = source / source.sum()
    np.testing.assert_allclose(share, expected, atol=5.0 * np.sqrt(expected.max() / 500_000))


# --- the same again ---


def test_the_answer_depends_on_the_seed_alone():
    one, two = (run(box(), np.ones((5, 5, 5)), "I-131", 20_000, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.energy_kev_per_decay, two.energy_kev_per_decay)
    np.testing.assert_array_equal(one.standard_uncertainty, two.standard_uncertainty)
    other = run(box(), np.ones((5, 5, 5)), "I-131", 20_000, seed=2)
    assert np.all(one.energy_kev_per_decay != other.energy_kev_per_decay)
    assert one.seed == 1
    assert one.decays == 20_000


def test_the_scale_of_the_source_does_not_matter():
    one, two = (run(box(), s * np.ones((5, 5, 5)), "Lu-177", 3_200) for s in (1.0, 3.7e6))
    np.testing.assert_array_equal(one.energy_kev_per_decay, two.energy_kev_per_decay)


def test_twice_the_density_is_half_the_size():
    """All lengths scale with 1/density (O'Connor 1957), electrons, photons and borders alike: the same histories."""
    coarse = run(box(side_mm=4.0, density=1.0), np.ones((5, 5, 5)), "Y-90", 20_000)
    fine = run(box(side_mm=2.0, density=2.0), np.ones((5, 5, 5)), "Y-90", 20_000)
    np.testing.assert_allclose(coarse.energy_kev_per_decay, fine.energy_kev_per_decay, rtol=1e-9)


def test_regions_are_sums_of_their_voxels():
    label = np.random.default_rng(0).integers(0, 4, (5, 5, 5)).astype(np.int32)
    voxels = run(box(), np.ones((5, 5, 5)), "I-131", 20_000)
    regions = run(box(), np.ones((5, 5, 5)), "I-131", 20_000, tally=label)
    expected = np.bincount(label.ravel(), weights=voxels.energy_kev_per_decay.ravel())
    np.testing.assert_allclose(regions.energy_kev_per_decay, expected, rtol=1e-12)
    assert regions.escaped_kev_per_decay == pytest.approx(voxels.escaped_kev_per_decay, rel=1e-12)


def test_progress_is_told_and_batches_are_kept():
    told = []
    found = run(
        box(), np.ones((5, 5, 5)), "Lu-177", 1_000, batches=10, keep_batches=True,
        progress=lambda done, of: told.append((done, of)),
    )  # fmt: skip
    assert told == [(i, 10) for i in range(1, 11)]
    assert found.by_batch.shape == (10, 5, 5, 5)
    np.testing.assert_allclose(found.by_batch.mean(axis=0), found.energy_kev_per_decay, rtol=1e-9)
    expected = found.by_batch.std(axis=0, ddof=1) / np.sqrt(10)
    np.testing.assert_allclose(found.standard_uncertainty, expected, rtol=1e-6, atol=1e-9)


# --- statistics ---


@pytest.mark.parametrize("nuclide", ["Lu-177", "Y-90"])
def test_stated_uncertainties_are_the_scatter_between_seeds(nuclide):
    """Ratio of variances over 125 voxels and 20 seeds; also where beta energies are stratified (golden ratio)."""
    source = np.eye(5)[:, :, None] * np.ones(5)
    found = [run(box(), source, nuclide, 20_000, seed=s) for s in range(20)]
    energy = np.array([f.energy_kev_per_decay for f in found])
    stated = np.array([f.standard_uncertainty for f in found])
    ratio = energy.var(axis=0, ddof=1) / np.mean(stated**2, axis=0)
    error = ratio.std() / np.sqrt(ratio.size)
    assert error < 0.05
    assert ratio.mean() == pytest.approx(1.0, abs=4.0 * error)


def test_uncertainty_falls_with_the_root_of_decays():
    few, many = (run(box(), np.ones((5, 5, 5)), "I-131", n) for n in (6_400, 160_000))
    assert np.median(few.standard_uncertainty / many.standard_uncertainty) == pytest.approx(5.0, rel=0.1)


# --- symmetries ---


@pytest.mark.parametrize(("nuclide", "side_mm", "decays"), [("Y-90", 4.0, 200_000), ("I-131", 40.0, 300_000)])
def test_regions_give_each_other_the_same_dose(nuclide, side_mm, decays):
    """Reciprocity in a uniform medium without end: dose of B from A is dose of A from B (Loevinger and Berman 1968),
    here for one voxel and an angular chain of five."""
    label = np.zeros((6, 6, 6), dtype=np.int32)
    label[1, 1, 1] = 1
    for place in ((1, 1, 2), (1, 2, 2), (2, 2, 2), (1, 1, 3), (3, 1, 1)):
        label[place] = 2
    geometry = box((6, 6, 6), side_mm=side_mm, periodic=True)
    to_chain, to_voxel = (run(geometry, (label == i) * 1.0, nuclide, decays, seed=i, tally=label) for i in (1, 2))
    a, b = to_chain.energy_kev_per_decay[2] / 5.0, to_voxel.energy_kev_per_decay[1]
    error = np.hypot(to_chain.standard_uncertainty[2] / 5.0, to_voxel.standard_uncertainty[1])
    assert error < 0.03 * a
    assert a == pytest.approx(b, abs=4.0 * error)


def test_sources_add():
    """Dose of a mixture is the mean of the doses of its parts, weighted by activity."""
    geometry = box()
    left, right = np.zeros((5, 5, 5)), np.zeros((5, 5, 5))
    left[:2], right[4] = 1.0, 1.0
    parts = [run(geometry, s, "Y-90", 150_000, seed=i) for i, s in enumerate((left, right))]
    share = np.array([left.sum() * 2.0, right.sum()])
    share /= share.sum()
    expected = sum(w * p.energy_kev_per_decay for w, p in zip(share, parts, strict=True))
    mixed = run(geometry, 2.0 * left + right, "Y-90", 150_000, seed=9)
    error2 = mixed.standard_uncertainty**2
    error2 = error2 + sum((w * p.standard_uncertainty) ** 2 for w, p in zip(share, parts, strict=True))
    chi2 = np.sum((mixed.energy_kev_per_decay - expected) ** 2 / error2)
    assert chi2 == pytest.approx(125.0, abs=5.0 * np.sqrt(2.0 * 125.0))


def test_a_cube_looks_alike_from_all_sides():
    found = run(box((3, 3, 3)), at_centre((3, 3, 3)), "Y-90", 400_000)
    faces = [found.energy_kev_per_decay[p] for p in ((0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2))]
    assert np.ptp(faces) < 6.0 * found.standard_uncertainty[0, 1, 1]


# --- convergence and published values ---


def test_shorter_steps_change_nothing():
    """Escape of Y-90 betas from a cube of 5 mm: 0.3 % between steps of 30 and 5 % of the energy."""
    geometry = box((1, 1, 1), side_mm=5.0)
    escape = [
        run(
            geometry, np.ones((1, 1, 1)), "Y-90", 800_000, limits=DEFAULT_LIMITS._replace(step_loss=loss)
        ).escaped_kev_per_decay
        for loss in (0.3, 0.15, 0.05)
    ]  # fmt: skip
    assert escape[1] == pytest.approx(escape[2], rel=3e-3)
    assert escape[0] == pytest.approx(escape[2], rel=5e-3)


# MIRD Pamphlet 17 (Bolch et al. J Nucl Med 40:11S, 1999), table 2 ff.: self voxel, mGy/(MBq s), density 1.04.
MIRD_17 = [
    ("Y-90", 3.0, 1.61), ("I-131", 3.0, 0.92), ("Tc-99m", 3.0, 0.0902),
    ("Y-90", 6.0, 0.346), ("I-131", 6.0, 0.129), ("Tc-99m", 6.0, 0.0120),
]  # fmt: skip


@pytest.mark.parametrize(("nuclide", "side_mm", "expected"), MIRD_17)
def test_self_dose_of_voxels_agrees_with_mird_17(nuclide, side_mm, expected):
    """Within 2.5 %: values of two or three digits, made with EGS4 and older emission data."""
    found, error = voxel_s(nuclide, side_mm, matter=medium("soft-tissue"), density=1.04, decays=300_000)
    assert error[3, 3, 3] < 0.005
    assert found[3, 3, 3] == pytest.approx(expected, rel=0.025, abs=0.0)


def test_self_dose_of_a_voxel_agrees_with_dpm():
    """Y-90, 3 mm: 1.581 mGy/(MBq s) (DPM, as quoted in the project's physics reference)."""
    found, _ = voxel_s("Y-90", 3.0, matter=medium("soft-tissue"), density=1.04, decays=300_000)
    assert found[3, 3, 3] == pytest.approx(1.581, rel=0.007, abs=0.0)


# EGSnrc with spin effects, 4.8 mm, ICRP soft tissue, density 1: tolerance of self, face and edge voxel. Statistics of
# the table are 0.04 to 0.5 %; its own systematics are put at 0.3 % (Y-90 self).
@pytest.mark.skipif(not ORACLE.exists(), reason="the shared reference data are not here")
@pytest.mark.parametrize(
    ("nuclide", "decays", "tolerance"),
    [("Lu-177", 2_000_000, (0.004, 0.015, 0.0)), ("Y-90", 600_000, (0.006, 0.01, 0.02))],
)
def test_voxel_kernels_agree_with_egsnrc(nuclide, decays, tolerance):
    table = json.loads(ORACLE.read_text(encoding="utf-8"))["voxel_kernels_4p8mm"][nuclide]["values"]
    expected = {tuple(v["offset"]): v["S_total"] for v in table}
    found, errors = voxel_s(nuclide, 4.8, matter=medium("soft-tissue"), density=1.0, decays=decays)
    for offset, allowed in zip(((0, 0, 0), (0, 0, 1), (0, 1, 1)), tolerance, strict=True):
        if allowed > 0.0:
            value, error = over_symmetric(found, errors, offset)
            assert error < 0.4 * allowed
            assert value == pytest.approx(expected[offset], rel=allowed, abs=0.0), offset


@pytest.mark.skipif(not LANCONELLI.exists(), reason="the shared reference data are not here")
@pytest.mark.parametrize(
    ("name", "nuclide", "offsets", "decays"),
    [
        ("90Y4.8mmsoft.txt", "Y-90", [(0, 0, 0), (0, 0, 1), (0, 1, 1)], 600_000),
        ("177Lu4.8mmsoft.txt", "Lu-177", [(0, 0, 1)], 1_000_000),
        ("131I4.8mmsoft.txt", "I-131", [(0, 0, 1)], 1_000_000),
    ],
)
def test_voxel_s_values_agree_with_lanconelli(name, nuclide, offsets, decays):
    """Lanconelli et al. Phys Med Biol 57:517 (2012), density 1.04; its self voxels of Lu-177 and I-131 lack electrons."""
    rows = [line.split() for line in (LANCONELLI / name).read_text(encoding="latin-1").splitlines()[2:] if line.strip()]
    table = {tuple(int(i) for i in row[:3]): float(row[3]) for row in rows}
    found, errors = voxel_s(nuclide, 4.8, matter=medium("soft-tissue"), density=1.04, decays=decays)
    for offset in offsets:
        value, error = over_symmetric(found, errors, offset)
        assert error < 0.01
        assert value == pytest.approx(table[offset], rel=0.03, abs=0.0), offset


# --- what is refused ---


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"density_g_per_ml": np.zeros((2, 2, 2), dtype=np.float32)}, "without matter"),
        ({"density_g_per_ml": np.full((2, 2, 2), -1.0, dtype=np.float32)}, "without matter"),
        ({"density_g_per_ml": np.full((2, 2, 2), np.nan, dtype=np.float32)}, "without matter"),
        ({"density_g_per_ml": np.full((2, 2, 2), 1000.0, dtype=np.float32)}, "implausible density"),
        ({"density_g_per_ml": np.ones((2, 2, 3), dtype=np.float32)}, "same voxels"),
        ({"medium_index": np.ones((2, 2, 2), dtype=np.uint8)}, "no medium"),
        ({"voxel_mm": (1.0, 0.0, 1.0)}, "need a size"),
    ],
)
def test_impossible_geometries_are_refused(changes, words):
    with pytest.raises(QuantityError, match=words):
        replace(box((2, 2, 2)), **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": np.zeros((2, 2, 2))}, "empty"),
        ({"source": np.full((2, 2, 2), -1.0)}, "negative"),
        ({"source": np.full((2, 2, 2), np.nan)}, "negative or missing"),
        ({"source": np.ones((2, 2, 3))}, "cover the geometry"),
        ({"tally": np.full((2, 2, 2), -1, dtype=np.int32)}, "tally index"),
        ({"tally": np.zeros((2, 2, 3), dtype=np.int32)}, "tally index"),
        ({"decays": 31}, "fill at least two batches"),
        ({"batches": 1}, "at least two batches"),
        ({"device": "abacus"}, "no such device"),
        ({"limits": DEFAULT_LIMITS._replace(electron_kev=1.0)}, "cut-off"),
        ({"limits": DEFAULT_LIMITS._replace(photon_kev=0.0)}, "cut-off"),
        ({"limits": DEFAULT_LIMITS._replace(electron_kev=float("nan"))}, "cut-off"),
        ({"limits": DEFAULT_LIMITS._replace(step_loss=0.0)}, "step"),
        ({"limits": DEFAULT_LIMITS._replace(step_loss=0.9)}, "step"),
        ({"limits": DEFAULT_LIMITS._replace(step_loss=float("nan"))}, "step"),
        ({"emissions": one_line(LineKind.GAMMA, 4000.0)}, "more energy than transport knows"),
        ({"emissions": one_line(LineKind.CONVERSION, 3200.0)}, "more energy than transport knows"),
        ({"emissions": one_line(LineKind.GAMMA, 100.0, 0.0)}, "emits nothing"),
    ],
)
def test_impossible_tasks_are_refused(changes, words):
    options = {
        "geometry": box((2, 2, 2)),
        "source": np.ones((2, 2, 2)),
        "emissions": one_line(LineKind.GAMMA, 100.0),
        "decays": 320,
        "seed": 1,
    }
    with pytest.raises(QuantityError, match=words):
        transport_voxels(**(options | changes))


def test_beta_spectra_beyond_the_data_are_refused():
    beta = BetaSpectrum(charge=-1, energy_kev=np.array([0.0, 3500.0]), density_per_kev=np.array([1.0, 0.0]) / 1750.0)
    hard = Emissions(nuclide="hard", half_life_s=1.0, lines=(), betas=(beta,), source="test")
    with pytest.raises(QuantityError, match="hard emits more energy"):
        run(box((2, 2, 2)), np.ones((2, 2, 2)), hard, 320)
