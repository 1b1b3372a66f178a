"""Media: compositions, densities and mean excitation energies against published constants."""

from __future__ import annotations

import math

import pytest

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.physics.matter.electrons import electrons_per_gram_mol
from hemadose.physics.matter.media import Medium, additive_excitation_ev, medium, medium_names

# Density (g/cm3), Z/A and I (eV): ESTAR (NIST) for water, air and the ICRP tissues, NISTIR 5632 table 2 for ICRU 44.
PUBLISHED = {
    "water": (1.0, 0.55508, 75.0),
    "air": (0.00120479, 0.49919, 85.7),
    "soft-tissue": (1.0, 0.55121, 72.3),
    "soft-tissue-icru4": (1.0, 0.54975, 74.9),
    "soft-tissue-icru44": (1.06, 0.54996, 74.7),
    "cortical-bone": (1.92, 0.51478, 112.0),
}


def test_names_cover_tissues_of_the_chain():
    wanted = {
        "water", "air", "soft-tissue", "soft-tissue-icru4", "lung", "adipose", "red-marrow", "yellow-marrow",
        "cortical-bone", "trabecular-bone", "muscle", "blood", "liver", "stylised-soft", "stylised-bone",
        "stylised-lung",
    }  # fmt: skip
    assert wanted <= set(medium_names())


@pytest.mark.parametrize("name", medium_names())
def test_shares_sum_to_one(name):
    found = medium(name)
    assert found.name == name
    assert math.fsum(found.mass_fraction.values()) == pytest.approx(1.0, abs=1e-12)
    assert found.source


@pytest.mark.parametrize(("name", "constants"), PUBLISHED.items())
def test_published_constants(name, constants):
    density, electrons, excitation = constants
    found = medium(name)
    assert found.density_g_per_ml == pytest.approx(density, rel=2e-3)
    assert electrons_per_gram_mol(found) == pytest.approx(electrons, rel=2e-4)
    assert found.mean_excitation_ev == excitation


@pytest.mark.parametrize("name", [n for n in medium_names() if n != "air"])
def test_additivity_reproduces_published_excitation_energies(name):
    # ICRU 37 gives I of tissues by additivity with its table 5.1: the rule must meet the published values.
    found = medium(name)
    assert additive_excitation_ev(found.mass_fraction) == pytest.approx(found.mean_excitation_ev, rel=6e-3)


def test_stylised_densities_are_those_of_the_1987_report():
    assert [medium(f"stylised-{t}").density_g_per_ml for t in ("soft", "bone", "lung")] == [1.04, 1.40, 0.296]
    assert medium("stylised-bone").mass_fraction["Ca"] == pytest.approx(0.1019, rel=1e-3)


def test_spelling_does_not_matter():
    assert medium("Cortical_Bone ") is medium("cortical bone") is medium("cortical-bone")


def test_unknown_medium_lists_the_known_ones():
    with pytest.raises(ReferenceDataError, match="red-marrow"):
        medium("cheese")


def test_additivity_refuses_unknown_elements():
    with pytest.raises(ReferenceDataError, match="Gd"):
        additive_excitation_ev({"H": 0.5, "Gd": 0.5})


@pytest.mark.parametrize(
    ("shares", "density", "excitation"),
    [
        ({"H": 0.1, "O": 0.8}, 1.0, 75.0),
        ({"H": 1.1, "O": -0.1}, 1.0, 75.0),
        ({"H": 1.0}, 0.0, 19.2),
        ({"H": 1.0}, 1.0, float("nan")),
    ],
)
def test_impossible_media_are_refused(shares, density, excitation):
    with pytest.raises(QuantityError):
        Medium(name="x", density_g_per_ml=density, mass_fraction=shares, mean_excitation_ev=excitation, source="test")
