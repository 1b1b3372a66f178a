"""Absorbed fractions of organs from those of parts: sums, both directions of a pair, red marrow, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.model.saf import Radiation, SpecificAbsorbedFractions
from hemadose.physics.organ_saf import PartEnergies, local_alpha_saf, organ_saf
from hemadose.physics.skeleton.absorbed_fractions import MarrowAbsorbedFractions

ENERGY = np.array([50.0, 200.0, 1000.0])
MASS = {"kidney_left": 0.15, "kidney_right": 0.16, "liver": 1.9, "spine": 1.0, "ribs": 2.0, "remaining_tissue": 50.0}
ORGANS = {
    "kidney_left": ("kidney_left",),
    "kidney_right": ("kidney_right",),
    "kidneys": ("kidney_left", "kidney_right"),
    "liver": ("liver",),
    "remaining_tissue": ("remaining_tissue",),
    "skeleton": ("spine", "ribs"),
    "total_body": tuple(MASS),
}
SOFT = ("kidney_left", "kidney_right", "kidneys", "liver", "remaining_tissue")
SHARE = {"spine": 0.7, "ribs": 0.3}
RED_MARROW_KG = 0.8
NAMES = tuple(MASS)
RESPONSE = np.array([0.3, 0.8, 1.04])


@pytest.fixture(scope="module")
def skeleton():
    """The packaged model of spongiosa."""
    text = files("hemadose.refdata").joinpath("data/saf/skeleton.json").read_text(encoding="utf-8")
    return MarrowAbsorbedFractions.from_records(json.loads(text))


def saf_between_parts():
    """A symmetric matrix (energy, source, target) of SAF in 1/kg, so that reciprocity holds exactly."""
    rng = np.random.default_rng(3)
    each = rng.uniform(1e-3, 8e-3, (ENERGY.size, len(NAMES), len(NAMES)))
    return 0.5 * (each + each.transpose(0, 2, 1))


def part_energies(relative=1e-3):
    """Energies of parts for all organs as sources, each spread evenly over its mass; red marrow by its share.

    Had bones absorbed as marrow does, they would have got `RESPONSE` times their energy.
    """
    saf, mass = saf_between_parts(), np.array(list(MASS.values()))
    shares = {organ: {p: MASS[p] for p in group} for organ, group in ORGANS.items()} | {"red_marrow": SHARE}
    kev = {}
    for source, share in shares.items():
        weight = np.array([share.get(n, 0.0) for n in NAMES])
        mean = np.einsum("esn,s->en", saf, weight / weight.sum())
        kev[source] = mean * mass * ENERGY[:, None]
    sd = {source: relative * values for source, values in kev.items()}
    marrow = {source: RESPONSE[:, None] * values for source, values in kev.items()}
    return PartEnergies(
        names=NAMES,
        mass_kg=mass,
        energies_kev=ENERGY,
        kev=kev,
        sd=sd,
        marrow_kev=marrow,
        marrow_sd={source: 2.0 * relative * values for source, values in marrow.items()},
    )


def table(skeleton, parts=None, *, radiation=Radiation.PHOTON, **options):
    settings = {
        "organs": ORGANS, "marrow_share": SHARE, "red_marrow_kg": RED_MARROW_KG, "soft_organs": SOFT,
        "source_note": "test",
    }  # fmt: skip
    return organ_saf(parts or part_energies(), radiation=radiation, skeleton=skeleton, **(settings | options))


def test_targets_add_up(skeleton):
    """Energy in both kidneys is that in the left and in the right; the body's is that of all organs."""
    found = table(skeleton)
    for source in (*ORGANS, "red_marrow"):
        both = sum(found.get(source=source, target=k) * MASS[k] for k in ("kidney_left", "kidney_right"))
        np.testing.assert_allclose(found.get(source=source, target="kidneys") * 0.31, both, rtol=1e-12)
        parts = ("kidneys", "liver", "remaining_tissue", "skeleton")
        whole = sum(found.get(source=source, target=t) * found.target_mass_kg[t] for t in parts)
        np.testing.assert_allclose(found.get(source=source, target="total_body") * sum(MASS.values()), whole, rtol=1e-9)
    assert found.target_mass_kg["skeleton"] == pytest.approx(3.0)
    assert found.target_mass_kg["red_marrow"] == RED_MARROW_KG


def test_sources_add_up(skeleton):
    """Activity in both kidneys is that of each in proportion to its mass; so for the whole body."""
    found = table(skeleton)
    for target in ("liver", "red_marrow", "skeleton", "kidneys"):
        both = sum(found.get(source=k, target=target) * MASS[k] / 0.31 for k in ("kidney_left", "kidney_right"))
        np.testing.assert_allclose(found.get(source="kidneys", target=target), both, rtol=1e-9)
        masses = {s: found.target_mass_kg[s] for s in ("kidneys", "liver", "remaining_tissue", "skeleton")}
        whole = sum(found.get(source=s, target=target) * m for s, m in masses.items()) / sum(masses.values())
        np.testing.assert_allclose(found.get(source="total_body", target=target), whole, rtol=1e-9)


def test_energy_of_a_source_is_what_its_parts_received(skeleton):
    """SAF(body) times its mass is the share of the energy that stayed inside, below 1."""
    parts = part_energies()
    found = table(skeleton, parts)
    for source in ("liver", "kidneys", "red_marrow", "total_body"):
        share = found.get(source=source, target="total_body") * sum(MASS.values())
        np.testing.assert_allclose(share, parts.kev[source].sum(axis=1) / ENERGY, rtol=1e-9)
        assert np.all(share < 1.0)


def test_directions_that_are_known_badly_are_averaged(skeleton):
    """4.0 +- 0.40 and 4.8 +- 0.24, weighted with inverse variances: (6.25 x 4.0 + 17.36 x 4.8) / 23.61 = 4.588."""
    parts = part_energies()
    liver, remaining = NAMES.index("liver"), NAMES.index("remaining_tissue")
    kev = {s: v.copy() for s, v in parts.kev.items()}
    sd = {s: v.copy() for s, v in parts.sd.items()}
    kev["liver"][:, remaining] = 4.0e-3 * ENERGY * MASS["remaining_tissue"]
    kev["remaining_tissue"][:, liver] = 4.8e-3 * ENERGY * MASS["liver"]
    sd["liver"][:, remaining] = 0.10 * kev["liver"][:, remaining]
    sd["remaining_tissue"][:, liver] = 0.05 * kev["remaining_tissue"][:, liver]
    found = table(skeleton, replace(parts, kev=kev, sd=sd))
    weights = np.array([1.0 / (4.0e-3 * 0.10) ** 2, 1.0 / (4.8e-3 * 0.05) ** 2])
    mean = (weights @ np.array([4.0e-3, 4.8e-3])) / weights.sum()
    for pair in (("liver", "remaining_tissue"), ("remaining_tissue", "liver")):
        np.testing.assert_allclose(found.saf_per_kg[pair], mean, rtol=1e-9)
        np.testing.assert_allclose(found.saf_per_kg[pair], 4.588e-3, rtol=1e-3)
        np.testing.assert_allclose(found.relative_sd[pair], 1.0 / np.sqrt(weights.sum()) / mean, rtol=1e-9)


def test_a_direction_that_is_known_well_is_left_alone(skeleton):
    parts = part_energies()
    liver, remaining = NAMES.index("liver"), NAMES.index("remaining_tissue")
    kev = {s: v.copy() for s, v in parts.kev.items()}
    sd = {s: v.copy() for s, v in parts.sd.items()}
    kev["liver"][:, remaining] = 5.0e-3 * ENERGY * MASS["remaining_tissue"]  # 0.1 %
    sd["liver"][:, remaining] = 1e-3 * kev["liver"][:, remaining]
    kev["remaining_tissue"][:, liver] = 0.0  # not one particle arrived
    sd["remaining_tissue"][:, liver] = 0.0
    found = table(skeleton, replace(parts, kev=kev, sd=sd))
    np.testing.assert_allclose(found.get(source="liver", target="remaining_tissue"), 5.0e-3, rtol=1e-9)
    np.testing.assert_allclose(found.get(source="remaining_tissue", target="liver"), 5.0e-3, rtol=1e-9)
    np.testing.assert_allclose(found.relative_sd["remaining_tissue", "liver"], 1e-3, rtol=1e-9)


def test_red_marrow_of_photons_is_what_bones_received_with_its_response(skeleton):
    """SAF = sum over bones of share / mass of the bone x energy that marrow's absorption takes there."""
    found = table(skeleton)
    for source in ("liver", "kidneys", "red_marrow"):
        spine, ribs = (part_energies().kev[source][:, NAMES.index(n)] / ENERGY / MASS[n] for n in SHARE)
        expected = RESPONSE * (0.7 * spine + 0.3 * ribs)
        np.testing.assert_allclose(found.get(source=source, target="red_marrow"), expected, rtol=1e-9)
    spread = found.relative_sd["liver", "red_marrow"]
    assert np.all((spread > 1.4e-3) & (spread < 2e-3))  # 0.2 % of two bones, independent


def test_red_marrow_of_electrons_from_outside_is_its_share_of_the_bones(skeleton):
    found = table(skeleton, radiation=Radiation.ELECTRON)
    spine, ribs = (part_energies().kev["liver"][:, NAMES.index(n)] / ENERGY / MASS[n] for n in SHARE)
    alone = replace(part_energies(), marrow_kev=None, marrow_sd=None)
    bare = table(skeleton, alone, radiation=Radiation.ELECTRON)
    np.testing.assert_allclose(bare.get(source="liver", target="red_marrow"), 0.7 * spine + 0.3 * ribs, rtol=1e-9)
    assert set(found.saf_per_kg) == set(bare.saf_per_kg)


def test_photons_without_the_energies_of_marrow_are_refused(skeleton):
    with pytest.raises(QuantityError, match="marrow"):
        table(skeleton, replace(part_energies(), marrow_kev=None, marrow_sd=None))


def test_electrons_in_the_skeleton_follow_its_model(skeleton):
    """phi(red marrow <- red marrow) per kg of red marrow; sources in bone reach soft organs as the whole skeleton does."""
    found = table(skeleton, radiation=Radiation.ELECTRON)
    for source in ("red_marrow", "bone_surface", "bone_volume"):
        phi = skeleton.at(source=source, target="red_marrow", energy_kev=ENERGY)
        np.testing.assert_allclose(found.get(source=source, target="red_marrow"), phi / RED_MARROW_KG, rtol=1e-12)
        assert np.all((phi > 0.0) & (phi < 1.0))
    own = found.get(source="red_marrow", target="red_marrow")
    assert np.all(own > found.get(source="bone_surface", target="red_marrow"))
    np.testing.assert_array_equal(
        found.get(source="bone_surface", target="liver"), found.get(source="skeleton", target="liver")
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"marrow_share": {"spine": 0.7, "ribs": 0.2}}, "sum to 1"),
        ({"marrow_share": {"spine": 0.7, "sternum": 0.3}}, "lacks parts .*sternum"),
        ({"organs": {**ORGANS, "spleen": ("spleen",)}}, "lacks parts .*spleen"),
        ({"organs": {k: v for k, v in ORGANS.items() if k != "liver"}}, "do not make up the whole body .*liver"),
    ],
)
def test_impossible_bodies_are_refused(skeleton, options, words):
    with pytest.raises(QuantityError, match=words):
        table(skeleton, **options)


def test_alpha_particles_stay_in_their_source():
    """An energy-free check of the shares: parts of a source by mass, the body takes all, a neighbour nothing."""
    masses = {"kidneys": 0.31, "kidney_left": 0.15, "kidney_right": 0.16, "liver": 1.9, "skeleton": 10.0,
              "red_marrow": 1.1, "total_body": 70.0}  # fmt: skip
    sources = (*masses, "bone_surface", "bone_volume")
    electron = SpecificAbsorbedFractions(
        radiation=Radiation.ELECTRON,
        energies_kev=ENERGY,
        saf_per_kg={(s, t): np.zeros(3) for s in sources for t in masses},
        target_mass_kg=masses,
        source_note="test",
    )
    found = local_alpha_saf(electron)
    absorbed = {(s, t): float(found.get(source=s, target=t)[0]) * masses[t] for s in sources for t in masses}
    assert found.radiation is Radiation.ALPHA
    assert all(absorbed[s, "total_body"] == pytest.approx(1.0) for s in sources)
    assert all(absorbed[s, s] == pytest.approx(1.0) for s in masses)
    assert absorbed["kidneys", "kidney_left"] == pytest.approx(0.15 / 0.31)
    assert absorbed["kidney_left", "kidneys"] == pytest.approx(1.0)
    assert absorbed["total_body", "liver"] == pytest.approx(1.9 / 70.0)
    assert absorbed["red_marrow", "skeleton"] == pytest.approx(1.0)
    assert absorbed["liver", "kidneys"] == absorbed["kidney_left", "kidney_right"] == 0.0
    assert absorbed["bone_surface", "red_marrow"] == 0.0
    np.testing.assert_allclose(found.interpolate(source="liver", target="liver", energy_kev=[5000.0, 8800.0]), 1 / 1.9)
