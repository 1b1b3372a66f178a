"""Photons that turn into an electron and a positron, in the field of a nucleus or of an electron.

References
----------
Maximon L C. J Res Natl Bur Stand 72B:79 (1968): series for the Bethe-Heitler total cross section.
Hubbell J H, Gimm H A, Overbo I. J Phys Chem Ref Data 9:1023 (1980): pair production beyond the Born approximation.
Haug E. Z Naturforsch 36a:413 (1981), eqs. 9-10: fits of the total cross section in the field of an electron.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hemadose.physics.matter.electrons import ELECTRON_REST_KEV

Array = npt.NDArray[np.float64]

_ALPHA_R2_CM2 = 5.7946779e-28
"""Fine-structure constant times the square of the classical electron radius."""
_ZETA_3 = 1.2020569031595942


def nuclear_pair_cm2(number: int, energy_kev: Array) -> Array:
    """Cross section per atom for pair production in the field of the nucleus.

    Bethe-Heitler cross section (Born approximation, no screening) times 1 + 0.066 (Z / 20)^1.75 / (k - 2), with k the
    photon energy in units of m c^2. That factor stands for Coulomb and screening corrections; its two numbers were
    fitted to the tables of XCOM (after Hubbell, Gimm and Overbo) from carbon to iron, 1.25 to 3 MeV. Below 1.2 MeV,
    where the cross section hardly matters, the factor stays constant.

    Parameters
    ----------
    number : int
        Atomic number.
    energy_kev : array (n,)
        Photon energies, up to some 10 MeV.

    Returns
    -------
    array (n,)
        cm2 per atom; 0 below 1022 keV.

    Examples
    --------
    >>> round(float(nuclear_pair_cm2(8, np.array([2000.0]))[0]) * 1e24, 4)  # barn; XCOM: 0.01134
    0.0113
    """
    k = np.maximum(np.asarray(energy_kev, dtype=np.float64) / ELECTRON_REST_KEV, 2.0)
    born = np.where(k < 4.0, _near_threshold(k), _far_from_threshold(k))
    beyond = 1.0 + 0.066 * (number / 20.0) ** 1.75 / np.maximum(k - 2.0, 0.35)
    return np.asarray(_ALPHA_R2_CM2 * number**2 * born * beyond)


def _near_threshold(k: Array) -> Array:
    """Maximon's series in eta, for k < 4."""
    eta = (2.0 * k - 4.0) / (k + 2.0 + 2.0 * np.sqrt(2.0 * k))
    series = 1.0 + eta / 2.0 + 23.0 / 40.0 * eta**2 + 11.0 / 60.0 * eta**3 + 29.0 / 960.0 * eta**4
    return np.asarray(2.0 * math.pi / 3.0 * ((k - 2.0) / k) ** 3 * series)


def _far_from_threshold(k: Array) -> Array:
    """Maximon's series in 2/k, for k > 4."""
    log, q = np.log(2.0 * k), (2.0 / k) ** 2
    first = (
        2.0 / 3.0 * log**3 - log**2 + (6.0 - math.pi**2 / 3.0) * log + 2.0 * _ZETA_3 + math.pi**2 / 6.0 - 3.5
    )  # fmt: skip
    second = 3.0 / 16.0 * log + 1.0 / 8.0
    third = 29.0 / 2304.0 * log - 77.0 / 13824.0
    return np.asarray(28.0 / 9.0 * log - 218.0 / 27.0 + q * first - q**2 * second - q**3 * third)


def electron_pair_cm2(energy_kev: Array) -> Array:
    """Cross section per atomic electron for pair production in its field (a triplet), the electron taken as free.

    Parameters
    ----------
    energy_kev : array (n,)
        Photon energies, up to 3.06 MeV.

    Returns
    -------
    array (n,)
        cm2 per electron; 0 below 2044 keV.

    Examples
    --------
    >>> round(float(electron_pair_cm2(np.array([3000.0]))[0]) * 1e24, 7)  # barn; XCOM: 4.035e-5
    3.99e-05
    """
    k = np.maximum(np.asarray(energy_kev, dtype=np.float64) / ELECTRON_REST_KEV, 4.0)
    d = k - 4.0
    near = 1e-3 * d**2 * (5.6 + 20.4 * d - 10.9 * d**2 - 3.6 * d**3 + 7.4 * d**4)
    far = 0.582814 - 0.29842 * k + 0.04354 * k**2 - 0.0012977 * k**3
    return np.asarray(_ALPHA_R2_CM2 * np.where(k < 4.6, near, far))
