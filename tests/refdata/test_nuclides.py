"""Nuclides by any spelling, against ICRP 107; reference masses by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hemadose.errors import ReferenceDataError
from hemadose.model import Sex
from hemadose.refdata.nuclides import canonical_name, nuclide, nuclide_names
from hemadose.refdata.reference_masses import reference_masses_kg

ICRP107 = Path(__file__).parents[3] / "shared" / "reference" / "data" / "icrp107_energy_per_decay.json"
UNIT_H = {"m": 1 / 60, "h": 1.0, "d": 24.0}


@pytest.mark.parametrize(
    "text", ["Lu-177", "177Lu", "Lu177", "lu 177", "LU-177", "lutetium-177", "177-Lutetium", "^177^Lutetium", "[177Lu]"]
)
def test_spellings_of_lutetium(text):
    assert nuclide(text).name == "Lu-177"


@pytest.mark.parametrize("text", ["Tc-99m", "99mTc", "TC-99M", "^99m^Technetium", "tc99m"])
def test_spellings_of_a_metastable_nuclide(text):
    assert nuclide(text).name == "Tc-99m"


@pytest.mark.parametrize("text", ["Lu-177m", "Lu-176", "Xx-1", "Lu", "177", "", "Tc-99"])
def test_unknown_names_list_the_known_ones(text):
    with pytest.raises(ReferenceDataError, match=r"Lu-177.*Y-90"):
        nuclide(text)


def test_canonical_name_leaves_what_it_cannot_read():
    assert canonical_name("contrast agent") == "contrast agent"


@pytest.mark.parametrize("name", nuclide_names())
def test_facts_of_icrp_107(name):
    """Half-life and mean energies of every packaged nuclide, 0.05 %."""
    if not ICRP107.exists():
        pytest.skip("the reference extract of ICRP 107 is not on this machine")
    row = json.loads(ICRP107.read_text())[name]
    found = nuclide(name)
    assert found.half_life_s / 3600 == pytest.approx(row["half_life"] * UNIT_H[row["unit"]], rel=5e-4)
    assert found.electron_energy_kev == pytest.approx(row["electron_MeV"] * 1e3, rel=5e-4)
    assert found.photon_energy_kev == pytest.approx(row["photon_MeV"] * 1e3, rel=5e-4, abs=1e-3)
    assert found.source


@pytest.mark.parametrize("name", nuclide_names())
def test_lines_carry_no_more_than_the_photon_energy(name):
    found = nuclide(name)
    carried = sum(g.energy_kev * g.photons_per_decay for g in found.gamma_lines)
    assert carried <= found.photon_energy_kev * 1.005


def test_imaging_lines_of_lutetium():
    """112.9 keV 6.2 % and 208.4 keV 10.4 % (DDEP); 90Y has none."""
    lines = {round(g.energy_kev): g.photons_per_decay for g in nuclide("Lu-177").gamma_lines}
    assert lines[113] == pytest.approx(0.062, abs=0.001)
    assert lines[208] == pytest.approx(0.104, abs=0.001)
    assert nuclide("Y-90").gamma_lines == ()


@pytest.mark.parametrize(
    ("sex", "organ", "grams"),
    [
        (Sex.MALE, "kidneys", 310),
        (Sex.MALE, "liver", 1800),
        (Sex.MALE, "spleen", 150),
        (Sex.MALE, "red_marrow", 1170),
        (Sex.MALE, "whole_body", 73000),
        (Sex.FEMALE, "kidneys", 275),
        (Sex.FEMALE, "liver", 1400),
        (Sex.FEMALE, "spleen", 130),
        (Sex.FEMALE, "red_marrow", 900),
        (Sex.FEMALE, "whole_body", 60000),
    ],
)
def test_icrp_89_masses(sex, organ, grams):
    """ICRP Publication 89 reference adults."""
    assert reference_masses_kg("icrp89", sex=sex)[organ] * 1000 == pytest.approx(grams)


def test_sets_are_named_choices():
    """Stylised male: kidneys 299, liver 1910, spleen 183, red marrow 1120 g (Cristy & Eckerman 1987)."""
    male = reference_masses_kg("stylised", sex=Sex.MALE)
    assert [round(male[k] * 1000) for k in ("kidneys", "liver", "spleen", "red_marrow")] == [299, 1910, 183, 1120]
    with pytest.raises(ReferenceDataError, match="icrp89"):
        reference_masses_kg("icrp133", sex=Sex.MALE)
