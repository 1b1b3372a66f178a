"""Photons that electrons give off while atoms slow them down.

Cross sections of Seltzer and Berger, evaluated by partial waves below 2 MeV, for nucleus and atomic electrons
together, interpolated in the logarithm of the energy.

References
----------
Seltzer S M, Berger M J. At Data Nucl Data Tables 35:345 (1986).
Positrons radiate less: Kim L et al. Phys Rev A 33:3002 (1986), fit of ICRU Report 37 practice, see `positron_ratio`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReferenceDataError
from hemadose.physics.matter.electrons import ELECTRON_REST_KEV, atoms, beta_squared
from hemadose.physics.matter.media import Medium

Array = npt.NDArray[np.float64]

AVOGADRO_CM2_PER_MILLIBARN = 6.02214076e-4


@cache
def _tables() -> tuple[Array, Array, dict[int, Array]]:
    """Kinetic energies (keV), reduced photon energies, and by element the scaled cross section (mb)."""
    text = files("hemadose.physics.matter").joinpath("data/seltzer_berger.csv").read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    reduced = np.asarray(rows[0][2:], dtype=np.float64)
    numbers = np.asarray(rows[1:], dtype=np.float64)
    elements = {}
    for element in np.unique(numbers[:, 0]):
        part = numbers[numbers[:, 0] == element]
        elements[int(element)] = part[:, 2:]
        energies = part[:, 1]
    return energies, reduced, elements


def _scaled(number: int) -> Array:
    """Scaled cross section of an element; of the neighbour in the table for those that are not in it."""
    elements = _tables()[2]
    nearest = min(elements, key=lambda z: abs(z - number))
    if abs(nearest - number) > 12:
        raise ReferenceDataError(
            "no bremsstrahlung data for an element", value=f"Z = {number}", expected="hydrogen to zinc, or near iodine"
        )
    return elements[nearest]


def photon_spectrum(medium: Medium, kinetic_kev: float, reduced: Array, *, charge: int = -1) -> Array:
    """Photons per unit path and unit of reduced energy, times that energy: k dN/dk with k a share of the kinetic one.

    Parameters
    ----------
    medium : Medium
        What is traversed.
    kinetic_kev : float
        Kinetic energy, 1 keV to 10 MeV.
    reduced : array (n,)
        Photon energy as a share of the kinetic energy, 0 to 1.
    charge : int
        -1 electrons, +1 positrons.

    Returns
    -------
    array (n,)
        cm2/g.
    """
    energies, grid, _ = _tables()
    total = np.zeros_like(reduced)
    position = float(np.interp(np.log(kinetic_kev), np.log(energies), np.arange(energies.size)))
    low = min(int(position), energies.size - 2)
    share = position - low
    for number, molar, fraction in atoms(medium):
        table = _scaled(number)
        values = (1.0 - share) * table[low] + share * table[low + 1]
        factor = positron_ratio(number, kinetic_kev) if charge > 0 else 1.0
        total += factor * fraction / molar * number**2 * np.interp(reduced, grid, values)
    beta2 = float(beta_squared(np.array([kinetic_kev]))[0])
    return np.asarray(AVOGADRO_CM2_PER_MILLIBARN * total / beta2)


def positron_ratio(number: int, kinetic_kev: float) -> float:
    """Radiative stopping of positrons as a share of that of electrons.

    Fit of Kim et al. in t = ln(1 + 1e6 T / (Z^2 m c^2)), as given with the PENELOPE code (NEA 2019, eq. 3.166).

    >>> 0.5 < positron_ratio(8, 100.0) < positron_ratio(8, 1000.0) < 1.0
    True
    """
    t = np.log1p(1e6 * kinetic_kev / (number**2 * ELECTRON_REST_KEV))
    powers = (1.2359e-1, -6.1274e-2, 3.1516e-2, -7.7446e-3, 1.0595e-3, -7.0568e-5, 1.8080e-6)
    return float(-np.expm1(-sum(c * t ** (i + 1) for i, c in enumerate(powers))))


def radiative_stopping(medium: Medium, kinetic_kev: Array, *, charge: int = -1) -> Array:
    """Mass radiative stopping power in keV cm2/g.

    Examples
    --------
    >>> from hemadose.physics.matter.media import medium
    >>> float(radiative_stopping(medium("water"), np.array([1000.0]))[0].round(1))
    12.8
    """
    grid = _tables()[1]
    return np.asarray(
        [t * float(np.trapezoid(photon_spectrum(medium, float(t), grid, charge=charge), grid)) for t in kinetic_kev]
    )
