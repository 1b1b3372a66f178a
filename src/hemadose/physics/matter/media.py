"""What matter is made of: density, elements by mass, mean excitation energy.

A mean excitation energy is the published one where there is one; otherwise it follows from Bragg's additivity
rule with the values of ICRU 37, table 5.1 for elements inside liquids and solids.

References
----------
ICRU Report 37 (1984), sec. 5: compositions, densities and I as ESTAR uses them (Berger et al., NIST).
ICRU Report 44 (1989), app. A and ICRU Report 46 (1992), app. A: body tissues. ICRP Publication 110 (2009): bone.
Hubbell J H, Seltzer S M. NISTIR 5632 (1995), table 2: constants of the ICRU 44 tissues.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model._checks import require_positive

# Symbol: atomic number, atomic weight, I in eV inside liquids and solids (ICRU 37, table 5.1: 1.13 times that of the
# element beyond fluorine, chlorine excepted).
_ELEMENT = {
    "H": (1, 1.008, 19.2), "C": (6, 12.011, 81.0), "N": (7, 14.007, 82.0), "O": (8, 15.999, 106.0),
    "F": (9, 18.998, 112.0), "Na": (11, 22.990, 1.13 * 149.0), "Mg": (12, 24.305, 1.13 * 156.0),
    "Si": (14, 28.085, 1.13 * 173.0), "P": (15, 30.974, 1.13 * 173.0), "S": (16, 32.06, 1.13 * 180.0),
    "Cl": (17, 35.45, 180.0), "K": (19, 39.098, 1.13 * 190.0), "Ca": (20, 40.078, 1.13 * 191.0),
    "Fe": (26, 55.845, 1.13 * 286.0), "Zn": (30, 65.38, 1.13 * 330.0), "Rb": (37, 85.468, 1.13 * 363.0),
    "Sr": (38, 87.62, 1.13 * 366.0), "Zr": (40, 91.224, 1.13 * 393.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """A homogeneous material.

    Attributes
    ----------
    name : str
        Name.
    density_g_per_ml : float
        Usual density; a voxel may carry its own.
    mass_fraction : mapping of str to float
        Element symbol to share of the mass; sums to 1.
    mean_excitation_ev : float
        Mean excitation energy I in eV.
    source : str
        Where the numbers come from.

    Raises
    ------
    QuantityError
        If the shares do not sum to 1, one is not positive, or density or I is not positive.

    Examples
    --------
    >>> ice = Medium(name="ice", density_g_per_ml=0.917, mass_fraction={"H": 0.1119, "O": 0.8881},
    ...              mean_excitation_ev=75.0, source="example")
    >>> ice.density_g_per_ml
    0.917
    """

    name: str
    density_g_per_ml: float
    mass_fraction: Mapping[str, float]
    mean_excitation_ev: float
    source: str

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive(
            f"medium {self.name}", density_g_per_ml=self.density_g_per_ml, mean_excitation_ev=self.mean_excitation_ev
        )
        require_positive(f"medium {self.name}", **dict(self.mass_fraction))
        total = math.fsum(self.mass_fraction.values())
        if abs(total - 1.0) > 1e-6:
            raise QuantityError(
                f"the mass fractions of {self.name} must sum to 1", field="mass_fraction", value=f"{total:.8g}"
            )


def additive_excitation_ev(mass_fraction: Mapping[str, float]) -> float:
    """Mean excitation energy (eV) by Bragg's additivity rule: the mean of ln I, weighted by electrons.

    Parameters
    ----------
    mass_fraction : mapping of str to float
        Element symbol to share of the mass.

    Raises
    ------
    ReferenceDataError
        If an element has no tabulated value.

    References
    ----------
    ICRU Report 37 (1984), sec. 5 and table 5.1.

    Examples
    --------
    >>> round(additive_excitation_ev({"H": 0.111894, "O": 0.888106}), 1)
    75.3
    """
    unknown = sorted(set(mass_fraction) - set(_ELEMENT))
    if unknown:
        raise ReferenceDataError(
            "no mean excitation energy for an element",
            value=", ".join(unknown),
            expected=", ".join(_ELEMENT),
            remedy="give mean_excitation_ev of the medium itself",
        )
    electrons = {s: w * _ELEMENT[s][0] / _ELEMENT[s][1] for s, w in mass_fraction.items()}
    log_mean = math.fsum(n * math.log(_ELEMENT[s][2]) for s, n in electrons.items()) / math.fsum(electrons.values())
    return math.exp(log_mean)


_ESTAR = "ICRU 37 (1984) as in ESTAR (NIST)"
_ICRU_46 = "ICRU 46 (1992), app. A; I by additivity with ICRU 37, table 5.1"
_STYLISED = "Cristy and Eckerman, ORNL/TM-8381 (1987); I by additivity with ICRU 37, table 5.1"

# Name: density, I in eV (None: additivity), source, mass in per cent. Shares are divided by their sum.
_TABLE: dict[str, tuple[float, float | None, str, dict[str, float]]] = {
    "water": (1.0, 75.0, _ESTAR, {"H": 11.1894, "O": 88.8106}),
    "air": (0.001205, 85.7, _ESTAR, {"C": 0.0124, "N": 75.5267, "O": 23.1781, "Ar": 1.2827}),
    "soft-tissue": (1.0, 72.3, f"soft tissue (ICRP), {_ESTAR}", {
        "H": 10.4472, "C": 23.219, "N": 2.488, "O": 63.0238, "Na": 0.113, "Mg": 0.013, "P": 0.133, "S": 0.199,
        "Cl": 0.134, "K": 0.199, "Ca": 0.023, "Fe": 0.005, "Zn": 0.003}),
    "soft-tissue-icru4": (1.0, 74.9, f"soft tissue (ICRU four-component), {_ESTAR}", {
        "H": 10.1172, "C": 11.1, "N": 2.6, "O": 76.1828}),
    "soft-tissue-icru44": (1.06, 74.7, "ICRU 44 (1989); I: NISTIR 5632, table 2", {
        "H": 10.2, "C": 14.3, "N": 3.4, "O": 70.8, "Na": 0.2, "P": 0.3, "S": 0.3, "Cl": 0.2, "K": 0.3}),
    "lung": (0.26, 75.3, f"lung (ICRP), {_ESTAR}; density of the inflated lung, ICRU 46", {
        "H": 10.1278, "C": 10.231, "N": 2.865, "O": 75.7072, "Na": 0.184, "Mg": 0.073, "P": 0.08, "S": 0.225,
        "Cl": 0.266, "K": 0.194, "Ca": 0.009, "Fe": 0.037, "Zn": 0.001}),
    "adipose": (0.92, 63.2, f"adipose tissue (ICRP), {_ESTAR}", {
        "H": 11.9477, "C": 63.724, "N": 0.797, "O": 23.2333, "Na": 0.05, "Mg": 0.002, "P": 0.016, "S": 0.073,
        "Cl": 0.119, "K": 0.032, "Ca": 0.002, "Fe": 0.002, "Zn": 0.002}),
    "muscle": (1.04, 75.3, f"skeletal muscle (ICRP), {_ESTAR}", {
        "H": 10.0637, "C": 10.783, "N": 2.768, "O": 75.4773, "Na": 0.075, "Mg": 0.019, "P": 0.18, "S": 0.241,
        "Cl": 0.079, "K": 0.302, "Ca": 0.003, "Fe": 0.004, "Zn": 0.005}),
    "blood": (1.06, 75.2, f"blood (ICRP), {_ESTAR}", {
        "H": 10.1866, "C": 10.002, "N": 2.964, "O": 75.9414, "Na": 0.185, "Mg": 0.004, "Si": 0.003, "P": 0.035,
        "S": 0.185, "Cl": 0.278, "K": 0.163, "Ca": 0.006, "Fe": 0.046, "Zn": 0.001}),
    "liver": (1.06, None, _ICRU_46, {
        "H": 10.2, "C": 13.9, "N": 3.0, "O": 71.6, "Na": 0.2, "P": 0.3, "S": 0.3, "Cl": 0.2, "K": 0.3}),
    "red-marrow": (1.03, None, _ICRU_46, {
        "H": 10.5, "C": 41.4, "N": 3.4, "O": 43.9, "P": 0.1, "S": 0.2, "Cl": 0.2, "K": 0.2, "Fe": 0.1}),
    "yellow-marrow": (0.98, None, _ICRU_46, {
        "H": 11.5, "C": 64.4, "N": 0.7, "O": 23.1, "Na": 0.1, "S": 0.1, "Cl": 0.1}),
    "cortical-bone": (1.92, 112.0, "ICRU 44 (1989); I: NISTIR 5632, table 2", {
        "H": 3.4, "C": 15.5, "N": 4.2, "O": 43.5, "Na": 0.1, "Mg": 0.2, "P": 10.3, "S": 0.3, "Ca": 22.5}),
    "trabecular-bone": (1.92, None, "mineral bone, ICRP 110 (2009); I by additivity with ICRU 37, table 5.1", {
        "H": 3.6, "C": 15.9, "N": 4.2, "O": 44.8, "Na": 0.3, "Mg": 0.2, "P": 9.4, "S": 0.3, "Ca": 21.3}),
    "spongiosa": (1.18, None, _ICRU_46, {
        "H": 8.5, "C": 40.4, "N": 2.8, "O": 36.7, "Na": 0.1, "Mg": 0.1, "P": 3.4, "S": 0.2, "Cl": 0.2, "K": 0.1,
        "Ca": 7.4, "Fe": 0.1}),
    "stylised-soft": (1.04, None, _STYLISED, {
        "H": 10.454, "C": 22.663, "N": 2.490, "O": 63.525, "Na": 0.112, "Mg": 0.013, "Si": 0.030, "P": 0.134,
        "S": 0.204, "Cl": 0.133, "K": 0.208, "Ca": 0.024, "Fe": 0.005, "Zn": 0.003, "Rb": 0.001, "Zr": 0.001}),
    "stylised-bone": (1.40, None, f"{_STYLISED}; without its 0.001 % of lead", {
        "H": 7.337, "C": 25.475, "N": 3.057, "O": 47.893, "F": 0.025, "Na": 0.326, "Mg": 0.112, "Si": 0.002,
        "P": 5.095, "S": 0.173, "Cl": 0.143, "K": 0.153, "Ca": 10.190, "Fe": 0.008, "Zn": 0.005, "Rb": 0.002,
        "Sr": 0.003}),
    "stylised-lung": (0.296, None, _STYLISED, {
        "H": 10.134, "C": 10.238, "N": 2.866, "O": 75.752, "Na": 0.184, "Mg": 0.007, "Si": 0.006, "P": 0.080,
        "S": 0.225, "Cl": 0.266, "K": 0.194, "Ca": 0.009, "Fe": 0.037, "Zn": 0.001, "Rb": 0.001}),
}  # fmt: skip


def medium_names() -> tuple[str, ...]:
    """Names that `medium` knows.

    Examples
    --------
    >>> medium_names()[:3]
    ('water', 'air', 'soft-tissue')
    """
    return tuple(_TABLE)


def medium(name: str) -> Medium:
    """Give a medium by name; spaces, underscores and capitals do not matter.

    `trabecular-bone` is the mineral tissue of the trabeculae; `spongiosa` is its mixture with marrow.

    Parameters
    ----------
    name : str
        One of `medium_names`.

    Raises
    ------
    ReferenceDataError
        If no medium has that name.

    Examples
    --------
    >>> medium("Soft tissue").mean_excitation_ev
    72.3
    >>> round(medium("red_marrow").mean_excitation_ev, 1)
    69.2
    """
    return _medium(name.strip().lower().replace("_", "-").replace(" ", "-"))


@cache
def _medium(name: str) -> Medium:
    if name not in _TABLE:
        raise ReferenceDataError(
            "no such medium", field="name", value=name, expected=", ".join(_TABLE), remedy="choose one of these"
        )
    density, excitation, source, percent = _TABLE[name]
    total = math.fsum(percent.values())
    fraction = {symbol: mass / total for symbol, mass in percent.items()}
    return Medium(
        name=name,
        density_g_per_ml=density,
        mass_fraction=fraction,
        mean_excitation_ev=additive_excitation_ev(fraction) if excitation is None else excitation,
        source=source,
    )
