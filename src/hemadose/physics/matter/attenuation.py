"""How often the atoms of an element absorb or scatter photons.

Up to 800 keV the coefficients are those of xraylib (Berger and Hubbell's XCOM tables). Beyond, each goes on from its
value at 800 keV along a known law: photoelectric as Sauter's cross section of the K shell, coherent as 1/E^2,
incoherent as Klein and Nishina's.

References
----------
Schoonjans T et al. Spectrochim Acta B 66:776 (2011): xraylib.
Berger M J, Hubbell J H et al. XCOM: Photon Cross Sections Database, NIST Standard Reference Database 8.
Sauter F. Ann Phys 403:454 (1931). Klein O, Nishina Y. Z Phys 52:853 (1929).
Mork K J. Phys Rev A 4:917 (1971): radiative corrections to Compton scattering.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.physics.matter.electrons import ELECTRON_REST_KEV

Array = npt.NDArray[np.float64]

LOWEST_KEV, HIGHEST_KEV = 1.0, 3000.0
AVOGADRO = 6.02214076e23
CLASSICAL_RADIUS_CM = 2.8179403262e-13
_JOIN_KEV = 800.0


def require_photon_energies(energy_kev: Array) -> Array:
    """Give the energies as an array, or refuse those outside 1 keV to 3 MeV."""
    energy = np.atleast_1d(np.asarray(energy_kev, dtype=np.float64))
    if not (energy.ndim == 1 and energy.size and np.all(energy >= LOWEST_KEV) and np.all(energy <= HIGHEST_KEV)):
        raise QuantityError(
            "photon data cover a limited range of energy",
            field="energy_kev",
            value=f"{energy.min():g} to {energy.max():g}" if energy.size else "none",
            expected=f"a list of energies, {LOWEST_KEV:g} to {HIGHEST_KEV:g} keV",
        )
    return energy


def klein_nishina_cm2(energy_kev: Array) -> Array:
    """Cross section of a free electron at rest.

    >>> round(float(klein_nishina_cm2(np.array([1000.0]))[0]) * 1e24, 4)  # barn
    0.2112
    """
    k = np.asarray(energy_kev, dtype=np.float64) / ELECTRON_REST_KEV
    log = np.log1p(2.0 * k)
    first = (1.0 + k) / k**2 * (2.0 * (1.0 + k) / (1.0 + 2.0 * k) - log / k)
    return np.asarray(
        2.0 * np.pi * CLASSICAL_RADIUS_CM**2 * (first + log / (2.0 * k) - (1.0 + 3.0 * k) / (1.0 + 2.0 * k) ** 2)
    )


def sauter_shape(energy_kev: Array) -> Array:
    """Sauter's relativistic cross section of the K shell, without its constant (binding neglected)."""
    gamma = 1.0 + np.asarray(energy_kev, dtype=np.float64) / ELECTRON_REST_KEV
    root = np.sqrt(gamma**2 - 1.0)
    log = np.log((gamma + root) / (gamma - root))
    bracket = 4.0 / 3.0 + gamma * (gamma - 2.0) / (gamma + 1.0) * (1.0 - log / (2.0 * gamma * root))
    return np.asarray((gamma - 1.0) ** -5 * root**3 * bracket)


def element_coefficients(number: int, molar: float, energy_kev: Array) -> tuple[Array, Array, Array]:
    """Photoelectric, incoherent and coherent coefficients of an element.

    Parameters
    ----------
    number : int
        Atomic number.
    molar : float
        Molar mass in g/mol.
    energy_kev : array (n,)
        Photon energies, 1 keV to 3 MeV.

    Returns
    -------
    tuple of three arrays (n,)
        cm2/g.

    Examples
    --------
    >>> carbon = element_coefficients(6, 12.011, np.array([100.0]))  # XCOM: 1.031e-3, 0.1466, 3.719e-3
    >>> [round(float(c[0]), 4) for c in carbon]
    [0.001, 0.1466, 0.0037]
    """
    import xraylib

    energy = np.asarray(energy_kev, dtype=np.float64)
    inside = np.minimum(energy, _JOIN_KEV).tolist()
    photo = np.asarray([xraylib.CS_Photo(number, e) for e in inside])
    incoherent = np.asarray([xraylib.CS_Compt(number, e) for e in inside])
    coherent = np.asarray([xraylib.CS_Rayl(number, e) for e in inside])
    above = energy > _JOIN_KEV
    if above.any():
        high, join = energy[above], np.asarray([_JOIN_KEV])
        photo[above] *= sauter_shape(high) / sauter_shape(join)
        coherent[above] *= (_JOIN_KEV / high) ** 2
        free = AVOGADRO * number / molar
        bound = 1.0 - incoherent[above] / (free * klein_nishina_cm2(join))
        # Binding fades as E^-1.5 (as from 100 to 400 keV); the logarithm is Mork's radiative correction.
        factor = 1.0 - bound * (_JOIN_KEV / high) ** 1.5 + 0.0013 * np.log(high / _JOIN_KEV)
        incoherent[above] = free * klein_nishina_cm2(high) * factor
    return photo, incoherent, coherent
