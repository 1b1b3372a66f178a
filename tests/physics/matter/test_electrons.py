"""Stopping powers against ESTAR (NIST) and against integrals of the cross sections they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.physics.matter.electrons import (
    BETHE_KEV_CM2_MOL,
    ELECTRON_REST_KEV,
    atoms,
    beta_squared,
    collision_stopping,
    density_effect,
    electrons_per_gram_mol,
    plasma_energy_ev,
)
from hemadose.physics.matter.media import Medium, medium

# ESTAR (NIST; the formulas and data of ICRU Report 37): collision stopping power in MeV cm2/g at these energies (keV).
KEV = np.array([12.5, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 1500.0, 2000.0, 3000.0])
ESTAR = {
    "water": [18.97, 13.17, 6.603, 4.115, 2.793, 2.034, 1.849, 1.822, 1.824, 1.846],
    "air": [16.63, 11.57, 5.818, 3.633, 2.469, 1.802, 1.661, 1.661, 1.684, 1.740],
    "oxygen": [16.32, 11.38, 5.735, 3.586, 2.441, 1.784, 1.646, 1.647, 1.671, 1.727],
    "calcium": [14.02, 9.905, 5.094, 3.221, 2.210, 1.626, 1.502, 1.498, 1.513, 1.551],
    "phosphorus": [13.92, 9.810, 5.028, 3.172, 2.171, 1.589, 1.461, 1.455, 1.470, 1.508],
}
ELEMENTS = {
    "oxygen": ("O", 1.33151e-3, 95.0),
    "calcium": ("Ca", 1.55, 191.0),
    "phosphorus": ("P", 2.2, 173.0),
}


def substance(name):
    if name not in ELEMENTS:
        return medium(name)
    symbol, density, excitation = ELEMENTS[name]
    return Medium(
        name=name, density_g_per_ml=density, mass_fraction={symbol: 1.0}, mean_excitation_ev=excitation, source="ESTAR"
    )


@pytest.mark.parametrize(("name", "tolerance"), [("water", 5e-4), ("air", 5e-4), ("oxygen", 5e-4)])
def test_collision_stopping_of_insulators_agrees_with_estar(name, tolerance):
    found = collision_stopping(substance(name), KEV) / 1000.0
    np.testing.assert_allclose(found, ESTAR[name], rtol=tolerance)


@pytest.mark.parametrize("name", ["calcium", "phosphorus"])
def test_metals_lack_the_density_effect_of_their_conduction_electrons(name):
    """ESTAR has conduction electrons in bulk calcium and phosphorus; in tissue and bone there are none."""
    ratio = collision_stopping(substance(name), KEV) / 1000.0 / ESTAR[name] - 1.0
    assert np.all(np.abs(ratio) < 0.01)
    assert np.all(ratio[:3] < 1e-3)


def test_water_at_the_lowest_energy():
    """ESTAR: 22.56 MeV cm2/g at 10 keV."""
    assert collision_stopping(medium("water"), np.array([10.0]))[0] / 1000.0 == pytest.approx(22.56, rel=1e-3)


def test_csda_range_of_water():
    """ESTAR: 0.01431, 0.1766, 0.4367, 0.9785 g/cm2 at 0.1, 0.5, 1, 2 MeV (collision and radiative)."""
    from hemadose.physics.transport.tables import CSDA, charged_grid, transport_tables

    column = transport_tables((medium("water"),)).charged[0, 0, :, CSDA]
    found = np.interp([100.0, 500.0, 1000.0, 2000.0], charged_grid(), column)
    np.testing.assert_allclose(found, [0.01431, 0.1766, 0.4367, 0.9785], rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("water", [0.2428, 0.5437, 0.8218, 1.288]), ("air", [0.0, 0.0, 0.0, 0.0])],
)
def test_density_effect_agrees_with_estar(name, expected):
    """ESTAR: delta at 1, 1.5, 2, 3 MeV."""
    found = density_effect(medium(name), np.array([1000.0, 1500.0, 2000.0, 3000.0]))
    np.testing.assert_allclose(found, expected, atol=5e-4)


def test_density_effect_of_water_begins_near_half_an_mev():
    assert density_effect(medium("water"), np.array([300.0]))[0] == 0.0
    assert np.all(np.diff(density_effect(medium("water"), np.geomspace(700.0, 1e4, 20))) > 0.0)


def test_plasma_energy_of_water():
    """21.469 eV (Sternheimer, Berger, Seltzer. At Data Nucl Data Tables 30:261, 1984)."""
    assert plasma_energy_ev(medium("water")) == pytest.approx(21.469, rel=2e-4)


def moller(kinetic, transfer):
    """Cross section of Moller (1932) per electron in units of 2 pi r_e^2 m c^2 / beta^2, per keV."""
    tau, e = kinetic / ELECTRON_REST_KEV, transfer / kinetic
    exchange = (2.0 * tau + 1.0) / (tau + 1.0) ** 2
    value = 1.0 / e**2 + 1.0 / (1.0 - e) ** 2 + (tau / (tau + 1.0)) ** 2 - exchange / (e * (1.0 - e))
    return value / kinetic**2


def bhabha(kinetic, transfer):
    """Cross section of Bhabha (1936) in the same units."""
    tau, e = kinetic / ELECTRON_REST_KEV, transfer / kinetic
    y = 1.0 / (tau + 2.0)
    b4 = (1.0 - 2.0 * y) ** 3
    b = (2.0 - y**2, (1.0 - 2.0 * y) * (3.0 + y**2), b4 + (1.0 - 2.0 * y) ** 2, b4)
    beta2 = float(beta_squared(np.array([kinetic]))[0])
    return (1.0 / e**2 - beta2 * (b[0] / e - b[1] + b[2] * e - b[3] * e**2)) / kinetic**2


def lost_in(cross_section, kinetic, low, high):
    """Energy lost per path (keV cm2/g) in collisions with transfers between two values, in water."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    log_w = 0.5 * np.log(high / low) * (nodes + 1.0) + np.log(low)
    w = np.exp(log_w)
    beta2 = float(beta_squared(np.array([kinetic]))[0])
    per = np.sum(0.5 * np.log(high / low) * weights * w * w * cross_section(kinetic, w))
    return BETHE_KEV_CM2_MOL * electrons_per_gram_mol(medium("water")) / beta2 * per


@pytest.mark.parametrize("charge", [-1, 1])
@pytest.mark.parametrize("kinetic", [30.0, 150.0, 934.0, 2280.0])
def test_restricted_stopping_and_hard_collisions_add_up(charge, kinetic):
    """Soft losses below 10 keV and the integral of the cross section above it make the whole."""
    whole = collision_stopping(medium("water"), np.array([kinetic]), charge=charge)[0]
    soft = collision_stopping(medium("water"), np.array([kinetic]), charge=charge, cutoff_kev=10.0)[0]
    cross_section, largest = (moller, kinetic / 2.0) if charge < 0 else (bhabha, kinetic)
    assert soft < whole
    assert soft + lost_in(cross_section, kinetic, 10.0, largest) == pytest.approx(whole, rel=1e-8)


@pytest.mark.parametrize("kinetic", [20.0, 100.0, 1000.0])
def test_positrons_and_electrons_lose_the_same_in_distant_collisions(kinetic):
    """Their stopping powers differ by what the two cross sections differ, down to transfers far below the energy."""
    at = np.array([kinetic])
    low = 1e-4 * kinetic
    found = collision_stopping(medium("water"), at, charge=1)[0] - collision_stopping(medium("water"), at)[0]
    expected = lost_in(bhabha, kinetic, low, kinetic) - lost_in(moller, kinetic, low, kinetic / 2.0)
    assert found == pytest.approx(expected, rel=2e-3)


def test_positrons_lose_more_when_slow_and_less_when_fast():
    """The ratio of positrons to electrons crosses 1 between 200 and 500 keV (ICRU 37, sec. 8; Rohrlich, Carlson 1954)."""
    at = np.array([10.0, 200.0, 500.0, 2000.0])
    ratio = collision_stopping(medium("water"), at, charge=1) / collision_stopping(medium("water"), at)
    assert np.all(np.diff(ratio) < 0.0)
    assert ratio[1] > 1.0 > ratio[2]


def test_an_element_lies_between_its_atoms():
    """Electrons per gram: 0.55508 mol/g for water (NIST)."""
    assert electrons_per_gram_mol(medium("water")) == pytest.approx(0.55508, rel=2e-4)
    assert sorted(z for z, _, _ in atoms(medium("water"))) == [1, 8]


@pytest.mark.parametrize("kinetic", [0.5, 2e4, np.nan])
def test_energies_outside_the_data_are_refused(kinetic):
    with pytest.raises(QuantityError, match="limited range of energy"):
        collision_stopping(medium("water"), np.array([100.0, kinetic]))


@pytest.mark.parametrize("cutoff", [0.0, -1.0, np.nan])
def test_a_cutoff_must_be_positive(cutoff):
    with pytest.raises(QuantityError, match="largest energy transfer"):
        collision_stopping(medium("water"), np.array([100.0]), cutoff_kev=cutoff)
