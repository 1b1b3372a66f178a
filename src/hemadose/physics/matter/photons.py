"""Photons of 1 keV to 3 MeV in a medium: coefficients of attenuation and of energy absorption.

References
----------
Seltzer S M. Radiat Res 136:147 (1993): what the mass energy-absorption coefficient counts.
Sources of the single interactions stand in `attenuation`, `pairs`, `formfactors` and `fluorescence`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hemadose.physics.matter.attenuation import AVOGADRO, element_coefficients, require_photon_energies
from hemadose.physics.matter.bremsstrahlung import radiative_stopping
from hemadose.physics.matter.electrons import ELECTRON_REST_KEV, atoms, collision_stopping
from hemadose.physics.matter.fluorescence import FluorescenceTable, k_fluorescence, mean_x_ray_kev
from hemadose.physics.matter.formfactors import coherent_inverse, incoherent_function
from hemadose.physics.matter.media import Medium
from hemadose.physics.matter.pairs import electron_pair_cm2, nuclear_pair_cm2

__all__ = [
    "FluorescenceTable",
    "PhotonTable",
    "coherent_inverse",
    "incoherent_function",
    "k_fluorescence",
    "photon_table",
]

Array = npt.NDArray[np.float64]

KEV_ANGSTROM = 12.39841984
"""Photon energy times wavelength."""
_COSINE, _WEIGHT = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotonTable:
    """Mass coefficients of a medium in cm2/g, all of shape (n,).

    Attributes
    ----------
    energy_kev : array (n,)
        Photon energies.
    photoelectric, incoherent, coherent : array (n,)
        Absorption by an atom, scattering by one electron, by all electrons of an atom together.
    pair : array (n,)
        Pair production in the fields of nucleus and electrons.
    mass_energy_absorption : array (n,)
        mu_en / rho: energy given to electrons, less K X-rays and bremsstrahlung (annihilation in flight is left out).
    """

    energy_kev: Array
    photoelectric: Array
    incoherent: Array
    coherent: Array
    pair: Array
    mass_energy_absorption: Array

    def __post_init__(self) -> None:
        """Lock the arrays."""
        for field in fields(self):
            getattr(self, field.name).setflags(write=False)

    @property
    def total(self) -> Array:
        """Mass attenuation coefficient in cm2/g."""
        return np.asarray(self.photoelectric + self.incoherent + self.coherent + self.pair)


def photon_table(medium: Medium, energy_kev: Array) -> PhotonTable:
    """Give the mass coefficients of a medium.

    Parameters
    ----------
    medium : Medium
        What the photons traverse.
    energy_kev : array (n,)
        Photon energies, 1 keV to 3 MeV.

    Raises
    ------
    QuantityError
        If an energy lies outside that range.

    Examples
    --------
    >>> from hemadose.physics.matter.media import medium
    >>> water = photon_table(medium("water"), np.array([100.0, 1000.0]))
    >>> water.total.round(4).tolist(), water.mass_energy_absorption.round(4).tolist()
    ([0.1707, 0.0707], [0.0255, 0.031])
    """
    energy = require_photon_energies(energy_kev)
    photoelectric, incoherent, coherent, pair = (np.zeros_like(energy) for _ in range(4))
    for number, molar, fraction in atoms(medium):
        photo, inco, cohe = element_coefficients(number, molar, energy)
        photoelectric += fraction * photo
        incoherent += fraction * inco
        coherent += fraction * cohe
        pair += fraction / molar * AVOGADRO * (nuclear_pair_cm2(number, energy) + number * electron_pair_cm2(energy))
    kinetic, radiated = _radiation_yield(medium)
    pair_kinetic = np.maximum(energy - 2.0 * ELECTRON_REST_KEV, 0.0)
    absorbed = (
        photoelectric * (1.0 - mean_x_ray_kev(medium, energy) / energy) * (1.0 - np.interp(energy, kinetic, radiated))
        + incoherent * _recoil_share(medium, energy, kinetic, radiated)
        + pair * pair_kinetic / energy * (1.0 - np.interp(pair_kinetic / 2.0, kinetic, radiated))
    )
    return PhotonTable(
        energy_kev=energy.copy(),
        photoelectric=photoelectric,
        incoherent=incoherent,
        coherent=coherent,
        pair=pair,
        mass_energy_absorption=np.asarray(absorbed),
    )


def _radiation_yield(medium: Medium) -> tuple[Array, Array]:
    """Kinetic energies (keV), and the share that an electron of each radiates until it rests (n,)."""
    kinetic = np.geomspace(1.0, 3000.0, 48)
    radiative = radiative_stopping(medium, kinetic)
    share = radiative / (radiative + collision_stopping(medium, kinetic))
    pieces = 0.5 * (share[1:] + share[:-1]) * np.diff(kinetic)
    return kinetic, (share[0] * kinetic[0] + np.concatenate([[0.0], np.cumsum(pieces)])) / kinetic


def _recoil_share(medium: Medium, energy: Array, kinetic: Array, radiated: Array) -> Array:
    """Mean share of the photon's energy that incoherent scattering gives to matter (n,)."""
    k = energy[:, None] / ELECTRON_REST_KEV
    left = 1.0 / (1.0 + k * (1.0 - _COSINE))
    x = energy[:, None] / KEV_ANGSTROM * np.sqrt((1.0 - _COSINE) / 2.0)
    likely = _WEIGHT * left**2 * (left + 1.0 / left + _COSINE**2 - 1.0) * incoherent_function(medium, x)
    given = 1.0 - left
    kept = given * (1.0 - np.interp(energy[:, None] * given, kinetic, radiated))
    return np.asarray(np.sum(likely * kept, axis=1) / np.sum(likely, axis=1))
