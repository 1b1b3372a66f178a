"""K X-rays that atoms send out after they absorbed a photon.

References
----------
Schoonjans T et al. Spectrochim Acta B 66:776 (2011): xraylib, with fluorescence yields and line energies after
Elam W T et al. Radiat Phys Chem 63:121 (2002) and shares of shells after Kissel L. Radiat Phys Chem 59:185 (2000).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from hemadose.physics.matter.attenuation import element_coefficients, require_photon_energies
from hemadose.physics.matter.electrons import atoms
from hemadose.physics.matter.media import Medium

Array = npt.NDArray[np.float64]

MAX_FLUORESCENT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FluorescenceTable:
    """K X-rays after photoelectric absorption, element by element (m of them).

    Attributes
    ----------
    symbols : tuple of str
        Elements, the one that sends out most first.
    cumulative : array (m, n)
        Probability that an absorption at energy n gives a K X-ray of this element or one before it.
    k_alpha_kev, k_beta_kev, k_beta_share : array (m,)
        Mean energies of the two groups of lines, and the share of the second.
    """

    symbols: tuple[str, ...]
    cumulative: Array
    k_alpha_kev: Array
    k_beta_kev: Array
    k_beta_share: Array

    def __post_init__(self) -> None:
        """Lock the arrays."""
        for array in (self.cumulative, self.k_alpha_kev, self.k_beta_kev, self.k_beta_share):
            array.setflags(write=False)


@cache
def _k_lines(number: int) -> tuple[float, float, float, float, float] | None:
    """K edge (keV), K fluorescence yield, mean energies of K alpha and K beta, share of K beta."""
    import xraylib

    try:
        edge = float(xraylib.EdgeEnergy(number, xraylib.K_SHELL))
        fluorescence = float(xraylib.FluorYield(number, xraylib.K_SHELL))
        alpha = float(xraylib.LineEnergy(number, xraylib.KA_LINE))
    except ValueError:
        return None
    try:
        beta = float(xraylib.LineEnergy(number, xraylib.KB_LINE))
        share = float(xraylib.RadRate(number, xraylib.KB_LINE))
    except ValueError:
        beta, share = alpha, 0.0
    return edge, fluorescence, alpha, beta, share


def _k_share(number: int, edge: float, energy: Array) -> Array:
    """Share of the K shell in photoelectric absorption (constant above 10 times the edge)."""
    import xraylib

    top = min(10.0 * edge, 150.0)
    share = np.zeros_like(energy)
    above = energy > edge
    inside = np.clip(energy[above], 1.0001 * edge, top).tolist()
    share[above] = [xraylib.CS_Photo_Partial(number, 0, e) / xraylib.CS_Photo_Total(number, e) for e in inside]
    return share


def _k_emission(medium: Medium, energy: Array) -> list[tuple[str, Array, tuple[float, float, float, float, float]]]:
    """Symbol, probability of a K X-ray per photoelectric absorption (n,), and lines of each element that has some."""
    parts = zip(medium.mass_fraction, atoms(medium), strict=True)
    photo = [(s, z, fraction * element_coefficients(z, molar, energy)[0]) for s, (z, molar, fraction) in parts]
    total = sum(p for _, _, p in photo)
    found = []
    for symbol, number, part in photo:
        lines = _k_lines(number)
        if lines is not None:
            found.append((symbol, np.asarray(part / total * _k_share(number, lines[0], energy) * lines[1]), lines))
    return found


def mean_x_ray_kev(medium: Medium, energy: Array) -> Array:
    """Mean energy of K X-rays per photoelectric absorption."""
    mean = np.zeros_like(energy)
    for _, chance, (_, _, alpha, beta, share) in _k_emission(medium, energy):
        mean += chance * ((1.0 - share) * alpha + share * beta)
    return mean


def k_fluorescence(medium: Medium, energy_kev: Array, minimum_kev: float = 2.0) -> FluorescenceTable:
    """Give the K X-rays that follow photoelectric absorption.

    Parameters
    ----------
    medium : Medium
        What absorbs.
    energy_kev : array (n,)
        Photon energies, 1 keV to 3 MeV.
    minimum_kev : float
        Elements whose K edge lies lower are left out, and all but the 8 that send out most.

    Raises
    ------
    QuantityError
        If an energy lies outside the range.

    Examples
    --------
    >>> from hemadose.physics.matter.media import medium
    >>> k_fluorescence(medium("cortical-bone"), np.array([30.0])).symbols
    ('Ca', 'P', 'S')
    """
    energy = require_photon_energies(energy_kev)
    found = [part for part in _k_emission(medium, energy) if part[2][0] > minimum_kev]
    found = sorted(found, key=lambda part: -float(part[1].max()))[:MAX_FLUORESCENT]
    chances = np.asarray([chance for _, chance, _ in found]).reshape(len(found), energy.size)
    return FluorescenceTable(
        symbols=tuple(symbol for symbol, _, _ in found),
        cumulative=np.cumsum(chances, axis=0),
        k_alpha_kev=np.asarray([lines[2] for _, _, lines in found]),
        k_beta_kev=np.asarray([lines[3] for _, _, lines in found]),
        k_beta_share=np.asarray([lines[4] for _, _, lines in found]),
    )
