"""How electrons and positrons lose energy: collision stopping power, its restricted part, density effect.

Bethe's formula with Moller (electrons) or Bhabha (positrons) hard collisions and Sternheimer's density effect
computed from the shell energies of the medium's own atoms (no fitted parameters).

References
----------
ICRU Report 37 (1984), eqs. 2.11-2.16 (collision stopping power) and 2.23-2.26 (restricted).
Sternheimer R M. Phys Rev 88:851 (1952); Sternheimer, Seltzer, Berger. Phys Rev B 26:6067 (1982).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.physics.matter.media import Medium

Array = npt.NDArray[np.float64]

ELECTRON_REST_KEV = 510.99895
BETHE_KEV_CM2_MOL = 153.53745
"""2 pi N_A r_e^2 m c^2 in keV cm2/mol."""
LOWEST_KEV = 1.0
HIGHEST_KEV = 10_000.0


def electrons_per_gram_mol(medium: Medium) -> float:
    """Electrons per gram in units of Avogadro's number: the sum of w Z / A."""
    return sum(w * z / a for z, a, w in atoms(medium))


# Conventional atomic weights (IUPAC 2021) of the elements of tissue: xraylib gives hydrogen as 1.01.
_ATOMIC_WEIGHT = {
    "H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "F": 18.998, "Na": 22.990, "Mg": 24.305, "Si": 28.085,
    "P": 30.974, "S": 32.06, "Cl": 35.45, "Ar": 39.95, "K": 39.098, "Ca": 40.078, "Fe": 55.845, "Zn": 65.38,
}  # fmt: skip


@cache
def _element(symbol: str) -> tuple[int, float]:
    import xraylib

    number = int(xraylib.SymbolToAtomicNumber(symbol))
    return number, _ATOMIC_WEIGHT.get(symbol) or float(xraylib.AtomicWeight(number))


def atoms(medium: Medium) -> list[tuple[int, float, float]]:
    """Atomic number, molar mass (g/mol) and mass fraction of each element."""
    return [(*_element(symbol), fraction) for symbol, fraction in medium.mass_fraction.items()]


# Electrons and ionisation energy (eV) of the shells of free atoms (Carlson, Photoelectron and Auger Spectroscopy,
# 1975, as used by Sternheimer et al. 1982), where the outermost shells matter most.
_LIGHT_ATOMS: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((1, 13.60),),
    6: ((2, 288.0), (2, 16.59), (2, 11.26)),
    7: ((2, 403.0), (2, 20.33), (3, 14.53)),
    8: ((2, 538.0), (2, 28.48), (4, 13.62)),
    9: ((2, 694.0), (2, 37.85), (5, 17.42)),
    11: ((2, 1075.0), (2, 66.0), (6, 34.0), (1, 5.14)),
    12: ((2, 1308.0), (2, 92.0), (6, 54.0), (2, 7.65)),
    15: ((2, 2148.0), (2, 193.0), (6, 135.3), (2, 16.15), (3, 10.49)),
    16: ((2, 2476.0), (2, 232.0), (6, 168.7), (2, 20.20), (4, 10.36)),
    17: ((2, 2829.0), (2, 277.0), (6, 206.7), (2, 24.54), (5, 12.97)),
    19: ((2, 3610.0), (2, 381.0), (6, 299.0), (2, 37.0), (6, 18.7), (1, 4.34)),
    20: ((2, 4041.0), (2, 441.0), (6, 351.3), (2, 46.0), (6, 28.0), (2, 6.11)),
}


@cache
def _shells(number: int) -> tuple[tuple[float, float], ...]:
    """Electrons and binding energy (eV) of each occupied shell of an atom."""
    if number in _LIGHT_ATOMS:
        return _LIGHT_ATOMS[number]
    import xraylib

    found = []
    for shell in range(30):
        try:
            electrons, edge = xraylib.ElectronConfig(number, shell), xraylib.EdgeEnergy(number, shell)
        except ValueError:
            continue
        if electrons > 0.0:
            found.append((float(electrons), float(edge) * 1000.0))
    missing = number - sum(n for n, _ in found)
    if missing > 1e-6:
        found.append((missing, 10.0))
    return tuple(found)


def plasma_energy_ev(medium: Medium) -> float:
    """Energy of the plasmon of the medium's electrons in eV: 28.816 sqrt(rho Z/A).

    The constant is hbar e sqrt(N_A / (m eps0)) in eV for 1 g/ml and one mole of electrons per gram.
    """
    return 28.81604 * float(np.sqrt(medium.density_g_per_ml * electrons_per_gram_mol(medium)))


@cache
def _oscillators(key: tuple[tuple[tuple[str, float], ...], float, float]) -> tuple[Array, Array]:
    """Strengths f_i and energies (in plasmon units, squared) whose mean excitation energy is the medium's."""
    fractions, density, excitation_ev = key
    strengths, energies = [], []
    for symbol, fraction in fractions:
        number, molar = _element(symbol)
        for electrons, edge in _shells(number):
            strengths.append(fraction * electrons / molar)
            energies.append(edge)
    total = float(sum(strengths))
    f = np.asarray(strengths) / total
    plasma = 28.81604 * float(np.sqrt(density * total))
    nu = np.asarray(energies) / plasma

    def excess(log_factor: float) -> float:
        scaled = (nu * np.exp(log_factor)) ** 2 + 2.0 / 3.0 * f
        return float(np.sum(f * 0.5 * np.log(scaled))) - float(np.log(excitation_ev / plasma))

    from scipy.optimize import brentq

    factor = float(np.exp(brentq(excess, -3.0, 5.0)))
    return f, (nu * factor) ** 2


def density_effect(medium: Medium, kinetic_kev: Array) -> Array:
    """Density-effect correction delta of Bethe's formula.

    Parameters
    ----------
    medium : Medium
        Composition, density and mean excitation energy.
    kinetic_kev : array (n,)
        Kinetic energies.

    Returns
    -------
    array (n,)
        Sternheimer's delta; above 0 at every energy for a condensed medium that conducts, 0 at low speed otherwise.
    """
    from scipy.optimize import brentq

    key = (tuple(sorted(medium.mass_fraction.items())), medium.density_g_per_ml, medium.mean_excitation_ev)
    f, nu2 = _oscillators(key)
    ell2 = nu2 + 2.0 / 3.0 * f
    beta2 = beta_squared(kinetic_kev)
    found = np.zeros_like(beta2)
    for i, b2 in enumerate(beta2):
        target = 1.0 / b2 - 1.0
        if np.sum(f / nu2) <= target:
            continue

        def balance(log_l: float, target: float = target) -> float:
            return float(np.sum(f / (nu2 + np.exp(2.0 * log_l)))) - target

        ell = float(np.exp(brentq(balance, -20.0, 20.0)))
        found[i] = float(np.sum(f * np.log((ell2 + ell * ell) / ell2))) - ell * ell * (1.0 - b2)
    return np.maximum(found, 0.0)


def beta_squared(kinetic_kev: Array) -> Array:
    """Squared speed in units of light.

    >>> float(beta_squared(np.array([510.99895]))[0])
    0.75
    """
    tau = np.asarray(kinetic_kev, dtype=np.float64) / ELECTRON_REST_KEV
    return np.asarray(tau * (tau + 2.0) / (tau + 1.0) ** 2)


def collision_stopping(
    medium: Medium, kinetic_kev: Array, *, charge: int = -1, cutoff_kev: float | None = None
) -> Array:
    """Mass collision stopping power, whole or restricted to transfers below a cut-off.

    Parameters
    ----------
    medium : Medium
        What slows the particle down.
    kinetic_kev : array (n,)
        Kinetic energies, 1 keV to 10 MeV.
    charge : int
        -1 electrons, +1 positrons.
    cutoff_kev : float, optional
        Largest energy transfer that counts; all of them if not given.

    Returns
    -------
    array (n,)
        keV cm2/g.

    Raises
    ------
    QuantityError
        If an energy lies outside the data, or the cut-off is not positive.

    Examples
    --------
    >>> from hemadose.physics.matter.media import medium
    >>> float(collision_stopping(medium("water"), np.array([1000.0]))[0].round(0))
    1849.0
    """
    kinetic = np.asarray(kinetic_kev, dtype=np.float64)
    if not (np.all(kinetic >= LOWEST_KEV) and np.all(kinetic <= HIGHEST_KEV)):
        raise QuantityError(
            "stopping powers are known for a limited range of energy",
            field="kinetic_kev",
            value=f"{np.nanmin(kinetic):g} to {np.nanmax(kinetic):g}",
            expected=f"{LOWEST_KEV:g} to {HIGHEST_KEV:g} keV",
        )
    if cutoff_kev is not None and not cutoff_kev > 0.0:
        raise QuantityError("the largest energy transfer must be positive", value=f"{cutoff_kev:g} keV")
    tau = kinetic / ELECTRON_REST_KEV
    beta2 = beta_squared(kinetic)
    largest = kinetic / 2.0 if charge < 0 else kinetic
    cut = largest if cutoff_kev is None else np.minimum(cutoff_kev, largest)
    shape = _electron_shape(tau, beta2, cut / kinetic) if charge < 0 else _positron_shape(tau, beta2, cut / kinetic)
    log_term = 2.0 * np.log(kinetic * 1000.0 / medium.mean_excitation_ev) + np.log1p(tau / 2.0)
    per_electron = log_term + shape - density_effect(medium, kinetic)
    return np.asarray(BETHE_KEV_CM2_MOL * electrons_per_gram_mol(medium) / beta2 * per_electron)


def _electron_shape(tau: Array, beta2: Array, eta: Array) -> Array:
    """G of ICRU 37 for Moller scattering up to the fraction eta of the kinetic energy."""
    return np.asarray(
        -1.0
        - beta2
        + np.log(4.0 * (1.0 - eta) * eta)
        + 1.0 / (1.0 - eta)
        + (1.0 - beta2) * (tau**2 * eta**2 / 2.0 + (2.0 * tau + 1.0) * np.log1p(-eta))
    )


def _positron_shape(tau: Array, beta2: Array, eta: Array) -> Array:
    """G of ICRU 37 for Bhabha scattering up to the fraction eta of the kinetic energy."""
    xi = 1.0 / (tau + 2.0)
    series = (
        1.0
        + (2.0 - xi**2) * eta
        - (3.0 + xi**2) * (xi * tau / 2.0) * eta**2
        + (1.0 + xi * tau) * (xi**2 * tau**2 / 3.0) * eta**3
        - (xi**3 * tau**3 / 4.0) * eta**4
    )
    return np.asarray(np.log(4.0 * eta) - beta2 * series)
