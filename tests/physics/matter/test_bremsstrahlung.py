"""Radiative stopping powers against ESTAR (NIST) and shapes of the spectra."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import ReferenceDataError
from hemadose.physics.matter.bremsstrahlung import photon_spectrum, positron_ratio, radiative_stopping
from hemadose.physics.matter.media import Medium, medium

KEV = np.array([12.5, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 3000.0])
# ESTAR (NIST; Seltzer and Berger 1986): radiative stopping power in MeV cm2/g at these energies (keV).
ESTAR = {
    "water": [.003927, .003963, .004031, .004228, .004801, .007257, .01280, .02678, .04299],
    "air": [.003921, .003954, .004025, .004222, .004789, .007223, .01271, .02656, .04260],
    "O": [.004298, .004336, .004402, .004607, .005215, .007838, .01376, .02869, .04598],
    "P": [.007696, .008032, .008436, .008792, .009790, .01434, .02456, .05019, .07967],
    "Ca": [.01026, .01093, .01181, .01244, .01385, .02003, .03391, .06858, .1083],
}  # fmt: skip


def pure(symbol):
    return Medium(
        name=symbol, density_g_per_ml=1.0, mass_fraction={symbol: 1.0}, mean_excitation_ev=100.0, source="ESTAR"
    )


@pytest.mark.parametrize("name", ESTAR)
def test_radiative_stopping_agrees_with_estar(name):
    """ESTAR holds the same cross sections: what is left, 1.1 %, is interpolation."""
    matter = medium(name) if name in ("water", "air") else pure(name)
    np.testing.assert_allclose(radiative_stopping(matter, KEV) / 1000.0, ESTAR[name], rtol=0.011)


def test_radiation_yield_of_water():
    """ESTAR: electrons of 1 and 2 MeV radiate 3.579e-3 and 7.085e-3 of their energy on the way to rest."""
    from hemadose.physics.matter.electrons import collision_stopping

    water = medium("water")
    for kinetic, expected in ((1000.0, 3.579e-3), (2000.0, 7.085e-3)):
        t = np.geomspace(1.0, kinetic, 400)
        radiative = radiative_stopping(water, t)
        share = radiative / (radiative + collision_stopping(water, t))
        found = (np.trapezoid(share, t) + share[0] * t[0]) / kinetic
        assert found == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("name", ["water", "cortical-bone", "air"])
@pytest.mark.parametrize("kinetic", [12.0, 133.0, 934.0, 2280.0])
def test_the_spectrum_is_positive_and_falls(name, kinetic):
    """k dN/dk falls from soft to hard photons and is not zero anywhere (Seltzer and Berger 1986, figures)."""
    reduced = np.linspace(0.0, 1.0, 51)
    spectrum = photon_spectrum(medium(name), kinetic, reduced)
    assert np.all(spectrum > 0.0)
    assert np.all(np.diff(spectrum[reduced > 0.05]) < 1e-12)


def test_the_spectrum_adds_over_elements_and_energy_is_its_integral():
    reduced = np.linspace(0.0, 1.0, 4001)
    water = medium("water")
    parts = sum(f * photon_spectrum(pure(s), 700.0, reduced) for s, f in water.mass_fraction.items())
    np.testing.assert_allclose(photon_spectrum(water, 700.0, reduced), parts, rtol=1e-12)
    expected = 700.0 * np.trapezoid(parts, reduced)
    assert radiative_stopping(water, np.array([700.0]))[0] == pytest.approx(expected, rel=1e-3)


def test_positrons_radiate_less():
    """Kim et al. 1986, table as in ICRU 37, sec. 9: the ratio depends on T / Z^2 alone and tends to 1."""
    assert positron_ratio(8, 64.0) == pytest.approx(positron_ratio(16, 256.0), rel=1e-12)
    ratio = [positron_ratio(8, t) for t in (10.0, 100.0, 1000.0, 1e4)]
    assert np.all(np.diff(ratio) > 0.0)
    assert 0.4 < ratio[0] < ratio[-1] < 1.0
    water = medium("water")
    both = [radiative_stopping(water, np.array([500.0]), charge=c)[0] for c in (1, -1)]
    assert both[0] < both[1]


def test_elements_without_data_are_refused():
    with pytest.raises(ReferenceDataError, match="bremsstrahlung data"):
        radiative_stopping(pure("Pb"), np.array([100.0]))
