"""S values: stylised adults against published tables and their own sums, and any labelled phantom by transport."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError, ReferenceDataError, RegionError
from hemadose.model import Anatomy, Grid, Image, Quantity, Sex, Tissue
from hemadose.model.saf import Radiation
from hemadose.physics.phantoms import stylised_adult
from hemadose.refdata.emissions import emissions
from hemadose.units import KEV_J
from hemadose.workflow.kernels import KernelRequest, stored_point_kernel
from hemadose.workflow.svalues import phantom_s_values, stylised_s_values, stylised_saf, svalue_answer, svalue_rows

NUCLIDES = ("Lu-177", "Y-90", "I-131", "Re-188", "Ga-68", "In-111", "Tc-99m", "F-18")
PATIENT = Path(__file__).parents[3] / "shared" / "data" / "lu177-patient" / "patient15_LuDOTATATE_src.i33.gz"
MGY = 1e9
PARTITION = {
    "kidneys", "lungs", "colon_wall", "colon_contents", "skeleton", "adrenals", "bladder_contents", "bladder_wall",
    "brain", "breasts", "gallbladder_contents", "gallbladder_wall", "heart_contents", "heart_wall", "liver", "ovaries",
    "pancreas", "remaining_tissue", "skin", "small_intestine", "spleen", "stomach_contents", "stomach_wall", "testes",
    "thymus", "thyroid", "uterus",
}  # fmt: skip
"""Organs that together are the whole body, each part once."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache for this module."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMADOSE_CACHE", str(folder))
        yield folder


def by_pair(table):
    return {(v.source, v.target): v for v in table.values}


# --- the packaged tables hold together ---


@pytest.mark.parametrize("sex", list(Sex))
@pytest.mark.parametrize("name", NUCLIDES)
def test_every_nuclide_of_the_papers_is_there(name, sex):
    """All organs as sources and targets; statistics of self-dose at most 0.5 %; energy no more than what is emitted."""
    table = stylised_s_values(name, sex)
    s, mass = by_pair(table), table.target_mass_kg
    organs = {o for o in PARTITION if o in mass}
    assert organs == PARTITION - ({"breasts", "ovaries", "uterus"} if sex is Sex.MALE else {"testes"})
    sources = {*organs, "kidney_left", "kidney_right", "red_marrow", "bone_surface", "bone_volume"}
    sources |= {"marrow_blood", "total_body"}
    assert set(s) == {(a, b) for a in sources for b in {*mass}}
    assert all(np.isfinite(v.gy_per_bq_s) and np.isfinite(v.relative_sd) for v in table.values)
    assert all(v.electron_gy_per_bq_s >= 0.0 and v.photon_gy_per_bq_s >= 0.0 for v in table.values)
    for organ in (*organs, "red_marrow", "total_body"):
        assert s[organ, organ].relative_sd <= 0.005, organ
    emitted = emissions(name)
    total = emitted.electron_energy_kev + emitted.photon_energy_kev
    for source in sources:
        kev = s[source, "total_body"].gy_per_bq_s * mass["total_body"] / KEV_J
        lost = {"skin": 0.30, "breasts": 0.06}.get(source, 0.02)  # electrons through the surface of the body
        assert (1.0 - lost) * emitted.electron_energy_kev < kev < 1.002 * total, source


@pytest.mark.parametrize("sex", list(Sex))
@pytest.mark.parametrize("name", ["Lu-177", "Y-90", "I-131"])
def test_targets_and_sources_add_up(name, sex):
    table = stylised_s_values(name, sex)
    s, mass = by_pair(table), table.target_mass_kg
    organs = [o for o in PARTITION if o in mass]
    assert sum(mass[o] for o in organs) == pytest.approx(mass["total_body"], rel=1e-3)
    for source in ("liver", "kidneys", "spleen", "thyroid", "remaining_tissue", "red_marrow"):
        whole = sum(s[source, o].gy_per_bq_s * mass[o] for o in organs) / mass["total_body"]
        assert s[source, "total_body"].gy_per_bq_s == pytest.approx(whole, rel=0.01, abs=0.0)
        both = 0.5 * (s[source, "kidney_left"].gy_per_bq_s + s[source, "kidney_right"].gy_per_bq_s)
        sides = ("kidneys", "kidney_left", "kidney_right")  # averaged with their reverse one by one
        error = 4.0 * np.sqrt(sum(s[source, k].relative_sd ** 2 for k in sides)) + 1e-3
        assert s[source, "kidneys"].gy_per_bq_s == pytest.approx(both, rel=error, abs=0.0)
    for target in ("liver", "kidneys", "spleen", "thyroid", "red_marrow"):
        whole = sum(s[o, target].gy_per_bq_s * mass[o] for o in organs) / mass["total_body"]
        assert s["total_body", target].gy_per_bq_s == pytest.approx(whole, rel=0.005, abs=0.0)


@pytest.mark.parametrize("sex", list(Sex))
def test_both_directions_of_a_pair_are_alike(sex):
    """Reciprocity between organs of one medium, within the statistics (absorbed fractions of photons)."""
    table = stylised_saf(sex, Radiation.PHOTON)
    soft = ("liver", "spleen", "kidneys", "pancreas", "stomach_wall", "thyroid", "bladder_wall", "heart_wall", "brain")
    energy = np.searchsorted(table.energies_kev, [50.0, 200.0, 1000.0])
    pulls = []
    for i, a in enumerate(soft):
        for b in soft[:i]:
            there, back = (table.get(source=x, target=y)[energy] for x, y in ((a, b), (b, a)))
            sd = np.hypot(table.relative_sd[a, b], table.relative_sd[b, a])[energy]
            known = (sd > 0.0) & (sd < 0.02)
            difference = 2.0 * (there - back)[known] / (there + back)[known]
            assert np.all(np.abs(difference) < 5.0 * sd[known] + 0.02), (a, b)
            pulls += list(difference / sd[known])
    assert len(pulls) > 30
    assert np.mean(np.abs(pulls) < 2.0) > 0.8


# Goal: 3 % for cross terms above 1e-4 of the target's self-dose. What the packaged tables do not meet: share of pairs,
# all of them far or small (Y-90: bremsstrahlung alone; Tc-99m, F-18: bladder, ovaries, thyroid and brain).
SHARE_ABOVE_3_PERCENT = {"Lu-177": 0.005, "Re-188": 0.0, "I-131": 0.0, "In-111": 0.01, "Ga-68": 0.01, "Tc-99m": 0.07,
                         "F-18": 0.02, "Y-90": 0.05}  # fmt: skip


@pytest.mark.parametrize("sex", list(Sex))
@pytest.mark.parametrize("name", NUCLIDES)
def test_statistics_of_cross_dose(name, sex):
    s = by_pair(stylised_s_values(name, sex))
    cross = [
        v.relative_sd
        for (source, target), v in s.items()
        if source != target and v.gy_per_bq_s > 1e-4 * s[target, target].gy_per_bq_s
    ]
    assert len(cross) > 200
    assert np.mean(np.array(cross) > 0.03) <= SHARE_ABOVE_3_PERCENT[name]
    assert max(cross) < 0.08
    for pair in (("liver", "kidneys"), ("spleen", "kidneys"), ("total_body", "red_marrow"), ("liver", "spleen")):
        assert s[pair].relative_sd <= 0.03 or name == "Y-90"


# --- published numbers: self-dose ---

# OLINDA/EXM 2, Lu-177, mGy/(MBq s), as quoted in the project's physics reference, with the ICRP 89 masses in kg of its
# phantoms (check case S1 for the male). Target: male S, mass; female S, mass.
OLINDA_2 = {
    "kidneys": {Sex.MALE: (7.76e-5, 0.310), Sex.FEMALE: (8.70e-5, 0.275)},
    "liver": {Sex.MALE: (1.37e-5, 1.8), Sex.FEMALE: (1.76e-5, 1.4)},
    "spleen": {Sex.MALE: (1.60e-4, 0.150), Sex.FEMALE: (1.84e-4, 0.130)},
    "total_body": {Sex.MALE: (3.54e-7, 73.0), Sex.FEMALE: (4.30e-7, 60.0)},
}


@pytest.mark.parametrize("sex", list(Sex))
@pytest.mark.parametrize("organ", list(OLINDA_2))
def test_self_dose_of_lu_177_agrees_with_olinda_2(organ, sex):
    """Within 1 % at equal mass (electrons with 1/m, photons with m^-2/3, MIRD 11)."""
    printed, mass_kg = OLINDA_2[organ][sex]
    table = stylised_s_values("Lu-177", sex)
    own = table.get(source=organ, target=organ)
    ratio = table.target_mass_kg[organ] / mass_kg
    scaled = own.electron_gy_per_bq_s * ratio + own.photon_gy_per_bq_s * ratio ** (2.0 / 3.0)
    assert scaled * MGY == pytest.approx(printed, rel=0.01, abs=0.0)


# Red marrow <- source of the man, mGy/(MBq s): ICRP 133 x ICRP 107, and OLINDA 2, both with 1.17 kg (project's physics
# reference). They differ by 14 to 27 % from each other: two models of the skeleton.
ICRP_133 = {
    "red_marrow": {"Lu-177": 9.76e-6, "Y-90": 4.08e-5, "I-131": 1.29e-5, "Re-188": 3.64e-5},
    "bone_surface": {"Lu-177": 3.11e-6, "Y-90": 1.84e-5, "I-131": 5.17e-6, "Re-188": 1.61e-5},
    "bone_volume": {"Lu-177": 2.33e-6, "Y-90": 2.07e-5, "I-131": 4.28e-6, "Re-188": 1.77e-5},
}
OLINDA_2_MARROW = {"Lu-177": 1.15e-5, "Y-90": 5.61e-5, "I-131": 1.49e-5}


@pytest.mark.parametrize("name", list(ICRP_133["red_marrow"]))
def test_red_marrow_lies_between_the_published_models(name):
    """At equal mass (1.12 against 1.17 kg): ICRP 133 < ours < OLINDA 2; sources in bone above ICRP 133.

    ICRP counts trabecular bone of the whole skeleton, also where there is no red marrow; here the source is the bone
    beside red marrow, so that a marrow-free shaft takes nothing away: up to 1.8 times (docs/methods/skeleton.md).
    """
    table = stylised_s_values(name, Sex.MALE)
    scaled = table.target_mass_kg["red_marrow"] / 1.17 * MGY
    found = {s: table.get(source=s, target="red_marrow").gy_per_bq_s * scaled for s in ICRP_133}
    assert 0.98 < found["red_marrow"] / ICRP_133["red_marrow"][name] < 1.15
    if name in OLINDA_2_MARROW:
        assert 0.80 < found["red_marrow"] / OLINDA_2_MARROW[name] < 1.0
    assert 1.3 < found["bone_surface"] / ICRP_133["bone_surface"][name] < 1.85
    assert 1.05 < found["bone_volume"] / ICRP_133["bone_volume"][name] < 1.4


# --- published numbers: cross-dose in the same anatomy ---

# Cristy M, Eckerman K F. ORNL/TM-8381 (1987): absorbed fractions of photons of 50, 100, 200, 500, 1000 keV per kg of
# target, two digits (female set: three), their statistics a few percent; read from a public compilation of these tables.
PUBLISHED_KEV = (50.0, 100.0, 200.0, 500.0, 1000.0)
PUBLISHED = {
    Sex.MALE: {
        ("liver", "kidneys"): (1.9e-2, 1.5e-2, 1.4e-2, 1.3e-2, 1.2e-2),
        ("liver", "spleen"): (2.7e-3, 3.6e-3, 3.6e-3, 3.5e-3, 3.4e-3),
        ("liver", "pancreas"): (2.5e-2, 2.0e-2, 1.8e-2, 1.6e-2, 1.4e-2),
        ("liver", "lungs"): (1.5e-2, 1.1e-2, 9.3e-3, 8.7e-3, 8.1e-3),
        ("liver", "stomach_wall"): (7.9e-3, 7.7e-3, 6.9e-3, 7.0e-3, 6.3e-3),
        ("liver", "total_body"): (9.1e-3, 6.4e-3, 5.8e-3, 5.7e-3, 5.4e-3),
        ("spleen", "kidneys"): (5.1e-2, 3.4e-2, 3.1e-2, 3.0e-2, 2.8e-2),
        ("spleen", "stomach_wall"): (5.9e-2, 4.1e-2, 3.5e-2, 3.2e-2, 2.9e-2),
        ("spleen", "pancreas"): (1.1e-1, 6.5e-2, 6.0e-2, 5.8e-2, 5.0e-2),
        ("spleen", "total_body"): (9.1e-3, 6.4e-3, 5.8e-3, 5.7e-3, 5.4e-3),
        ("kidneys", "adrenals"): (5.2e-2, 3.7e-2, 3.4e-2, 3.3e-2, 3.1e-2),
        ("kidneys", "pancreas"): (3.4e-2, 2.6e-2, 2.3e-2, 2.3e-2, 2.1e-2),
        ("kidneys", "total_body"): (8.7e-3, 6.3e-3, 5.8e-3, 5.7e-3, 5.4e-3),
        ("lungs", "heart_wall"): (3.5e-2, 2.3e-2, 2.0e-2, 1.9e-2, 1.7e-2),
        ("liver", "liver"): (1.5e-1, 9.2e-2, 8.7e-2, 8.7e-2, 8.1e-2),
        ("kidneys", "kidneys"): (4.0e-1, 2.3e-1, 2.4e-1, 2.5e-1, 2.3e-1),
        ("spleen", "spleen"): (7.3e-1, 4.2e-1, 4.3e-1, 4.5e-1, 4.1e-1),
        ("total_body", "total_body"): (7.8e-3, 5.3e-3, 4.9e-3, 4.8e-3, 4.6e-3),
    },
    Sex.FEMALE: {
        ("liver", "kidneys"): (2.27e-2, 1.81e-2, 1.66e-2, 1.55e-2, 1.42e-2),
        ("liver", "spleen"): (4.63e-3, 5.64e-3, 5.27e-3, 5.36e-3, 4.88e-3),
        ("liver", "pancreas"): (3.46e-2, 2.59e-2, 2.22e-2, 2.03e-2, 1.88e-2),
        ("liver", "lungs"): (2.06e-2, 1.38e-2, 1.23e-2, 1.14e-2, 1.07e-2),
        ("spleen", "kidneys"): (6.08e-2, 4.26e-2, 3.72e-2, 3.70e-2, 3.54e-2),
        ("spleen", "pancreas"): (1.30e-1, 7.98e-2, 7.21e-2, 6.81e-2, 6.61e-2),
        ("spleen", "stomach_wall"): (6.82e-2, 4.44e-2, 3.79e-2, 3.75e-2, 3.43e-2),
        ("kidneys", "pancreas"): (4.16e-2, 3.16e-2, 2.71e-2, 2.60e-2, 2.46e-2),
        ("ovaries", "uterus"): (1.67e-1, 1.06e-1, 8.94e-2, 8.64e-2, 7.58e-2),
        ("bladder_contents", "uterus"): (1.22e-1, 7.71e-2, 6.78e-2, 6.06e-2, 5.48e-2),
        ("liver", "liver"): (1.85e-1, 1.11e-1, 1.06e-1, 1.07e-1, 9.83e-2),
        ("kidneys", "kidneys"): (4.57e-1, 2.66e-1, 2.77e-1, 2.86e-1, 2.64e-1),
        ("spleen", "spleen"): (9.45e-1, 5.43e-1, 5.61e-1, 5.89e-1, 5.46e-1),
        ("uterus", "uterus"): (1.24, 7.14e-1, 7.38e-1, 7.80e-1, 7.10e-1),
    },
}


@pytest.mark.parametrize("sex", list(Sex))
def test_cross_dose_agrees_with_cristy_and_eckerman(sex):
    """The same anatomy, other programs: 10 % for any energy (their statistics and digits), 5 % for the mean of a pair.

    Self terms: 5 %; theirs count the kerma, ours fall below it where the electrons of 1 MeV photons leave small organs.
    """
    table = stylised_saf(sex, Radiation.PHOTON)
    for (source, target), printed in PUBLISHED[sex].items():
        found = table.interpolate(source=source, target=target, energy_kev=np.array(PUBLISHED_KEV))
        ratio = found / np.array(printed)
        assert np.all(np.abs(ratio - 1.0) < (0.05 if source == target else 0.10)), (source, target, ratio)
        assert ratio.mean() == pytest.approx(1.0, abs=0.05), (source, target, ratio)


# Red marrow per kg <- photons of the energies above, the same report.
PUBLISHED_MARROW = {
    "liver": (3.7e-3, 4.1e-3, 4.2e-3, 4.4e-3, 4.1e-3),
    "spleen": (4.0e-3, 4.2e-3, 4.2e-3, 4.6e-3, 4.3e-3),
    "lungs": (6.1e-3, 5.6e-3, 5.4e-3, 5.6e-3, 5.1e-3),
    "total_body": (5.7e-3, 5.3e-3, 5.4e-3, 5.4e-3, 4.9e-3),
}


@pytest.mark.parametrize("source", list(PUBLISHED_MARROW))
def test_red_marrow_of_photons_agrees_with_cristy_and_eckerman(source):
    """12 %: another share of marrow by bone, another enhancement. Photons that reach bone are mostly scattered: with the
    ratio of marrow to bone at the energy of emission, 100 keV would lie 62 % and 200 keV 35 % above."""
    table = stylised_saf(Sex.MALE, Radiation.PHOTON)
    found = table.interpolate(source=source, target="red_marrow", energy_kev=np.array(PUBLISHED_KEV))
    np.testing.assert_allclose(found, PUBLISHED_MARROW[source], rtol=0.12)


# --- published numbers: cross-dose in another anatomy ---

# Lu-177, man, mGy/(MBq s): OLINDA 2, and OpenDose (ICRP 110), as quoted in the project's physics reference.
OTHER_ANATOMIES = {("liver", "kidneys"): (1.20e-7, 1.39e-7), ("spleen", "kidneys"): (2.65e-7, 1.84e-7)}


class PairIntegral:
    """Cross-dose of Lu-177 photons without transport: a point kernel averaged over random pairs of points."""

    def __init__(self):
        request = KernelRequest(nuclide="Lu-177", which="photons", density_g_per_ml=1.04, particles=100_000)
        kernel, _ = stored_point_kernel(request)
        inner = np.concatenate([[0.0], kernel.radius_cm[:-1]])
        shell_kg = 4.0 / 3.0 * np.pi * (kernel.radius_cm**3 - inner**3) * 1.04e-3
        dose = kernel.photon_kev.mean(axis=0) / shell_kg * KEV_J * MGY
        known = (dose > 0.0) & (inner > 0.05)
        self.log_radius, self.log_dose = np.log(np.sqrt(inner * kernel.radius_cm)[known]), np.log(dose[known])

    def __call__(self, source, target, side_cm, shift_cm=(0.0, 0.0, 0.0), n=200_000):
        rng = np.random.default_rng(1)
        ends = [p[rng.integers(len(p), size=n)] + rng.uniform(-0.5, 0.5, (n, 3)) for p in (source, target)]
        distance = np.linalg.norm((ends[0] - ends[1]) * side_cm - shift_cm, axis=1)
        return float(np.exp(np.interp(np.log(distance), self.log_radius, self.log_dose)).mean())


def test_other_anatomies_explain_other_cross_dose():
    """OLINDA 2 and OpenDose differ from each other by 16 and 44 %, and from the stylised man by up to 73 %.

    Transport is not why: a point kernel averaged over the same organs gives the stylised values too (it has neither
    lungs nor bones nor an end of the body, and so lies 5 to 25 % above). With the kidneys 3 cm nearer (2 cm up,
    2 cm forward) the same average spans both published tables.
    """
    anatomy = stylised_adult(sex=Sex.MALE, voxel_mm=6.0, frame_of_reference_uid="2.25.1")
    labels = anatomy.labels.values

    def voxels(*names):
        return np.argwhere(np.isin(labels, [anatomy.tissue(n).label for n in names]))

    kidneys, average = voxels("kidney_left", "kidney_right"), PairIntegral()
    table = stylised_s_values("Lu-177", Sex.MALE)
    for (source, target), printed in OTHER_ANATOMIES.items():
        ours = table.get(source=source, target=target).gy_per_bq_s * MGY
        here = average(voxels(source), kidneys, 0.6)
        nearer = average(voxels(source), kidneys, 0.6, shift_cm=(2.0, -2.0, 0.0))
        assert 1.05 < here / ours < 1.25
        assert ours < 1.02 * min(printed)
        assert ours * nearer / here > 0.93 * max(printed)


def test_a_real_patient_differs_more_than_the_published_tables():
    """Liver to kidneys of a woman treated with Lu-177, by the same average: twice the stylised woman's."""
    if not PATIENT.exists():
        pytest.skip("the patient's label image is not at hand")
    labels = np.frombuffer(gzip.decompress(PATIENT.read_bytes()), dtype="<u2").reshape(90, 70, 108)
    side_cm = np.array([0.44196, 0.39063, 0.39063])
    liver, kidneys = np.argwhere(labels == 15000), np.argwhere((labels == 17000) | (labels == 18000))
    found = PairIntegral()(liver, kidneys, side_cm)
    stylised = stylised_s_values("Lu-177", Sex.FEMALE).get(source="liver", target="kidneys").gy_per_bq_s * MGY
    assert len(liver) * side_cm.prod() * 1.04 == pytest.approx(1079.0, rel=0.01)
    assert 1.4 < found / stylised < 2.2


# --- tables as answers ---


def test_rows_are_chosen_and_unknown_regions_refused():
    table = stylised_s_values("Lu-177", Sex.MALE)
    (row,) = svalue_rows(table, sources=["liver"], targets=["kidneys"])
    assert row.keys() == {"source", "target", "s_mGy_per_MBq_s", "electron", "photon", "rel_sd"}
    assert row["electron"] + row["photon"] == pytest.approx(row["s_mGy_per_MBq_s"])
    assert len(svalue_rows(table)) == len(table.values)
    for flags, words in (({"sources": ["lever"]}, "--source"), ({"targets": ["liver", "tail"]}, r"--target.*tail")):
        with pytest.raises(InputError, match=words):
            svalue_rows(table, **flags)


def test_a_table_is_written_as_csv_and_read_back(tmp_path):
    from hemadose.io.svalue_tables import read_s_value_table

    table = stylised_s_values("Lu-177", Sex.MALE)
    path = tmp_path / "new" / "s.csv"
    answer = svalue_answer(nuclide="Lu-177", table=table, csv=path)
    assert answer["written"] == str(path)
    assert answer["target_mass_g"]["kidneys"] == pytest.approx(299.5, rel=5e-3)
    back = read_s_value_table(path, nuclide="Lu-177", rename={"total_body": "total_body"})
    for v in table.values[::17]:
        there = back.get(source=v.source, target=v.target)
        assert there.electron_gy_per_bq_s == pytest.approx(v.electron_gy_per_bq_s, rel=1e-5, abs=0.0)
        assert there.photon_gy_per_bq_s == pytest.approx(v.photon_gy_per_bq_s, rel=1e-5, abs=0.0)


def test_chains_and_alpha_particles():
    """Ac-225 with its daughters: 27.6 MeV of alpha particles stay in the liver; a note says that no weighting is applied."""
    table = stylised_s_values("Ac-225", Sex.MALE, chain=True)
    alpha = emissions("Ac-225", chain=True).alpha_energy_kev
    own = table.get(source="liver", target="liver").gy_per_bq_s * table.target_mass_kg["liver"] / KEV_J
    assert alpha < own < 1.06 * alpha
    assert any("alpha" in note for note in table.notes)
    with pytest.raises(ReferenceDataError, match="Lu-1"):
        stylised_s_values("Lu-1", Sex.MALE)


# --- any labelled phantom ---

DECAYS = 3_200
TISSUES = (
    Tissue(label=0, name="air", medium="air", density_g_per_ml=0.0012, hounsfield=-1000.0),
    Tissue(label=1, name="body", medium="soft-tissue", density_g_per_ml=1.0, hounsfield=0.0),
    Tissue(label=2, name="left", medium="soft-tissue", density_g_per_ml=1.05, hounsfield=40.0),
    Tissue(label=3, name="right", medium="soft-tissue", density_g_per_ml=1.05, hounsfield=40.0),
    Tissue(label=4, name="absent", medium="soft-tissue", density_g_per_ml=1.05, hounsfield=40.0),
)


def phantom(tissues=TISSUES, side_mm=8.0):
    """A ball in air with two organs beside each other, 24 voxels a side."""
    place = np.indices((24, 24, 24)) - 11.5
    labels = np.where((place**2).sum(axis=0) < 11.0**2, 1, 0).astype(np.uint8)
    labels[9:15, 9:15, 5:10] = 2
    labels[9:15, 9:15, 14:19] = 3
    grid = Grid.axial(
        shape=labels.shape, spacing_mm=(side_mm,) * 3, origin_mm=(0.0, 0.0, 0.0), frame_of_reference_uid="2.25.1"
    )
    return Anatomy(name="ball", labels=Image(values=labels, grid=grid, quantity=Quantity.LABEL), tissues=tissues)


def computed(**options):
    settings = {"anatomy": phantom(), "emitted": emissions("Lu-177"), "decays": DECAYS, "seed": 5}
    return phantom_s_values(**(settings | options))


def numbers(table):
    return [(v.source, v.target, v.electron_gy_per_bq_s, v.photon_gy_per_bq_s, v.relative_sd) for v in table.values]


def test_energy_is_balanced_in_a_phantom():
    """Lu-177 147.92 keV of electrons and 35.10 keV of photons a decay: the electrons stay inside, the photons partly."""
    table = computed()
    s, mass = by_pair(table), table.target_mass_kg
    assert set(mass) == {"body", "left", "right"}
    assert mass["left"] == pytest.approx(180 * 0.8**3 * 1.05e-3, rel=1e-6)
    for source in ("left", "right"):
        electron = sum(s[source, t].electron_gy_per_bq_s * m for t, m in mass.items()) / KEV_J
        photon = sum(s[source, t].photon_gy_per_bq_s * m for t, m in mass.items()) / KEV_J
        assert electron == pytest.approx(147.92, rel=0.04)
        assert 3.0 < photon < 15.0
        assert s[source, source].electron_gy_per_bq_s * mass[source] / KEV_J > 0.95 * electron
        assert 0.0 < s[source, source].relative_sd < 0.05
    # the phantom is the same from either side
    error = np.hypot(s["left", "right"].relative_sd, s["right", "left"].relative_sd)
    assert s["left", "right"].gy_per_bq_s == pytest.approx(s["right", "left"].gy_per_bq_s, rel=4.0 * error, abs=0.0)
    assert "Monte Carlo" in table.source_note


def test_an_interrupted_run_goes_on_where_it_was(monkeypatch, tmp_path):
    """Stopped between two sources and in the middle of one: the finished table is the uninterrupted one, bit for bit."""
    whole = computed()
    monkeypatch.setenv("HEMADOSE_CACHE", str(tmp_path))
    kept = tmp_path / "region-energies"

    def until(source, batches):
        def report(what, done, total):
            assert 0 < done <= total == 32
            if what.startswith(source) and done >= batches:
                raise KeyboardInterrupt

        return report

    with pytest.raises(KeyboardInterrupt):
        computed(report=until("left (photons", 20))
    assert len(list(kept.iterdir())) == 3  # body: electrons, photons; left: electrons
    with pytest.raises(KeyboardInterrupt):
        computed(report=until("right", 1))
    assert len(list(kept.iterdir())) == 4
    told = []
    finished = computed(report=lambda what, done, total: told.append(what))
    assert set(told) == {"right (electrons)", "right (photons)"}
    assert numbers(finished) == numbers(whole)
    told.clear()
    assert numbers(computed(report=lambda what, done, total: told.append(what))) == numbers(whole)
    assert not told


def test_threads_do_not_matter_and_seeds_do(monkeypatch, tmp_path):
    found = {}
    for name, options in (("one", {"threads": 1}), ("three", {"threads": 3}), ("other", {"seed": 6})):
        monkeypatch.setenv("HEMADOSE_CACHE", str(tmp_path / name))
        found[name] = numbers(computed(sources=("left",), **options))
    assert found["one"] == found["three"]
    assert all(a[2:] != b[2:] for a, b in zip(found["one"], found["other"], strict=True))


def test_sources_are_kept_apart_from_each_other(monkeypatch, tmp_path):
    """Asked alone, a source has the numbers it has among others; another content has another file."""
    monkeypatch.setenv("HEMADOSE_CACHE", str(tmp_path))

    def files():
        return len(list((tmp_path / "region-energies").iterdir()))

    alone = computed(sources=("right",))
    assert files() == 2
    assert numbers(computed(sources=("left", "right")))[3:] == numbers(alone)
    count = files()
    denser = phantom((*TISSUES[:3], replace(TISSUES[3], density_g_per_ml=1.06), TISSUES[4]))
    for change in (
        {"anatomy": denser},
        {"anatomy": phantom(side_mm=8.1)},
        {"emitted": emissions("Y-90")},
        {"decays": DECAYS + 32},
        {"seed": 6},
    ):
        computed(sources=("right",), **change)
        assert files() > count, change
        count = files()


def test_what_lies_otherwise_or_emits_otherwise_is_computed_anew():
    """The same labels in another shape; a spectrum of a tenth of the energy; a particle of another kind."""
    from hemadose.model.emissions import BetaSpectrum, EmissionLine, LineKind

    labels = np.ones((4, 8, 8), dtype=np.uint8)
    labels[1:3, 2:4, 2:4] = 2
    boxes = []
    for shape in ((4, 8, 8), (8, 4, 8)):
        grid = Grid.axial(
            shape=shape, spacing_mm=(8.0,) * 3, origin_mm=(0.0, 0.0, 0.0), frame_of_reference_uid="2.25.1"
        )
        image = Image(values=labels.reshape(shape), grid=grid, quantity=Quantity.LABEL)
        boxes.append(Anatomy(name="box", labels=image, tissues=TISSUES))
    one, two = (numbers(computed(anatomy=box, sources=("left",))) for box in boxes)
    assert one != two
    y90 = emissions("Y-90")
    (beta,) = y90.betas
    soft = BetaSpectrum(charge=-1, energy_kev=beta.energy_kev / 10.0, density_per_kev=beta.density_per_kev * 10.0)
    line = EmissionLine(kind=LineKind.ALPHA, energy_kev=500.0, yield_per_decay=1.0)
    found = [
        computed(anatomy=boxes[0], sources=("left",), emitted=replace(y90, lines=lines, betas=betas))
        for lines, betas in (
            ((), (beta,)), ((), (soft,)), ((line,), ()), ((replace(line, kind=LineKind.CONVERSION),), ()),
        )
    ]  # fmt: skip
    own = [t.get(source="left", target="left").gy_per_bq_s for t in found]
    assert own[1] < 0.2 * own[0]
    assert own[3] < own[2]


def test_damaged_results_are_computed_again(monkeypatch, tmp_path):
    monkeypatch.setenv("HEMADOSE_CACHE", str(tmp_path))
    first = numbers(computed(sources=("left",)))
    for path in (tmp_path / "region-energies").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert numbers(computed(sources=("left",))) == first
    assert [p.suffix for p in (tmp_path / "region-energies").iterdir()] == [".npz", ".npz"]


def test_a_small_organ_has_the_dose_of_the_voxel_kernel():
    """One voxel of 8 mm in soft tissue: self-dose of Y-90 as from the point kernel, within the statistics."""
    from hemadose.workflow.kernels import kernel_answer

    labels = np.ones((9, 9, 9), dtype=np.uint8)
    labels[4, 4, 4] = 2
    grid = phantom().labels.grid
    small = Grid.axial(
        shape=(9, 9, 9), spacing_mm=(8.0,) * 3, origin_mm=(0.0, 0.0, 0.0),
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )  # fmt: skip
    anatomy = Anatomy(
        name="voxel",
        labels=Image(values=labels, grid=small, quantity=Quantity.LABEL),
        tissues=(TISSUES[1], replace(TISSUES[2], density_g_per_ml=1.0)),
    )
    found = computed(anatomy=anatomy, emitted=emissions("Y-90"), sources=("left",), decays=64_000)
    own = found.get(source="left", target="left")
    kernel = kernel_answer(KernelRequest(nuclide="Y-90", particles=50_000), voxel_mm=(8.0,) * 3, half_width=0)
    expected = kernel["values"][0]
    error = np.hypot(own.relative_sd, expected["rel_sd"])
    assert error < 0.005
    assert own.gy_per_bq_s * MGY == pytest.approx(expected["s_mGy_per_MBq_s"], rel=4.0 * error)


def test_bad_sources_are_refused():
    for options, problem, words in (
        ({"sources": ("tail",)}, RegionError, "no tissue tail"),
        ({"sources": ("absent",)}, QuantityError, "source is empty"),
        ({"targets": ("tail",)}, RegionError, "no tissue tail"),
        ({"targets": ("absent",)}, QuantityError, "no voxel"),
        ({"decays": 10}, QuantityError, "at least two batches"),
        ({"threads": -1, "seed": 98}, QuantityError, "at least one thread"),
        ({"seed": -(2**40)}, QuantityError, "a seed is not negative"),
        ({"device": "abacus", "seed": 99}, QuantityError, "no such device"),
    ):
        with pytest.raises(problem, match=words):
            computed(**options)
    nothing = phantom((TISSUES[0], *(replace(t, medium="air", density_g_per_ml=0.0012) for t in TISSUES[1:])))
    with pytest.raises(QuantityError, match="nothing but air"):
        computed(anatomy=nothing)
