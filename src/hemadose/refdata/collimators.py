"""Parallel-hole collimators by name: how sharply and how often they let photons through.

A photon also crosses the edges of the septa, so that a hole of length l acts like one of ``l - 2 / mu`` (mu of lead).
FWHM at distance z from the face: ``d (l_e + z + g) / l_e`` with hole diameter d and the gap g behind the collimator,
in quadrature with the intrinsic resolution, which goes as E^-1/2.

References
----------
Anger H O. J Nucl Med 5:515 (1964). Cherry S R, Sorenson J A, Phelps M E. Physics in Nuclear Medicine, 4th ed. (2012),
eq. 14-4 to 14-9.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.imaging.camera.response import DetectorResponse
from hemadose.physics.matter.attenuation import element_coefficients
from hemadose.refdata._toml import check_keys, take

_SOURCE = "collimators.toml"
_KEYS = (
    "vendor", "name", "aliases", "table_code", "hole_diameter_mm", "hole_length_mm", "septum_mm", "gap_mm",
    "intrinsic_fwhm_140kev_mm",
)  # fmt: skip
_CAMERAS = {
    "Siemens": ("siemens", "symbia", "intevo", "e.cam", "ecam"),
    "GE": ("ge ", "ge_", "general electric", "infinia", "discovery", "optima", "millennium"),
    "Philips": ("philips", "adac", "brightview", "precedence", "forte", "skylight"),
}
_LEAD = (82, 207.2, 11.35)  # atomic number, molar mass g/mol, density g/ml
_TC99M_KEV = 140.5
_HEXAGON = np.sqrt(3.0) / 2.0
"""Area of a hexagon of width one across its flats."""
TRANSPARENT = 0.5
"""Septal penetration above which there is no image to speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collimator:
    """A parallel-hole collimator of lead with hexagonal holes, on its camera.

    Attributes
    ----------
    id : str
        As in `collimator_ids`.
    vendor, name : str
        Whose and what.
    hole_diameter_mm : float
        Across flats.
    hole_length_mm, septum_mm : float
        Of the holes, and between them.
    gap_mm : float
        From the back of the collimator to the middle of the crystal.
    intrinsic_fwhm_140kev_mm : float
        Of crystal and electronics at 140.5 keV.
    aliases : tuple of str
        Names that files use.
    table_code : str
        In the table it was taken from.
    """

    id: str
    vendor: str
    name: str
    hole_diameter_mm: float
    hole_length_mm: float
    septum_mm: float
    gap_mm: float
    intrinsic_fwhm_140kev_mm: float
    aliases: tuple[str, ...]
    table_code: str

    def effective_length_mm(self, energy_kev: float) -> float:
        """Hole length less two mean free paths in lead."""
        return self.hole_length_mm - 2.0 / lead_attenuation_per_mm(energy_kev)

    def septal_penetration(self, energy_kev: float) -> float:
        """Share of photons that crosses a septum on its shortest way, ``t l / (2 d + t)`` long (Cherry, eq. 14-4)."""
        shortest = self.septum_mm * self.hole_length_mm / (2.0 * self.hole_diameter_mm + self.septum_mm)
        return float(np.exp(-lead_attenuation_per_mm(energy_kev) * shortest))

    def response(self, energy_kev: float, *, intrinsic_fwhm_140kev_mm: float | None = None) -> DetectorResponse:
        """Resolution by distance at a gamma line.

        Parameters
        ----------
        energy_kev : float
            Gamma line.
        intrinsic_fwhm_140kev_mm : float, optional
            Measured on the camera; the table's value if not given.

        Returns
        -------
        DetectorResponse
            Geometric; penetration and scatter in the collimator are not in it.

        Raises
        ------
        QuantityError
            If most photons cross the septa at this energy.

        Examples
        --------
        >>> melp = collimator("MELP").response(208.4)
        >>> [round(float(w), 1) for w in melp.fwhm_mm([0.0, 100.0, 200.0])]
        [4.6, 11.4, 18.8]
        """
        if self.septal_penetration(energy_kev) > TRANSPARENT:
            raise QuantityError(
                f"collimator {self.id} does not stop photons of this energy",
                field="energy_kev",
                value=f"{energy_kev:g} keV: {self.septal_penetration(energy_kev):.0%} cross a septum",
                expected=f"at most {TRANSPARENT:.0%}",
                remedy="choose the collimator the study was made with",
            )
        length = self.effective_length_mm(energy_kev)
        intrinsic = self.intrinsic_fwhm_140kev_mm if intrinsic_fwhm_140kev_mm is None else intrinsic_fwhm_140kev_mm
        return DetectorResponse(
            intrinsic_fwhm_mm=intrinsic * float(np.sqrt(_TC99M_KEV / energy_kev)),
            at_face_mm=self.hole_diameter_mm * (length + self.gap_mm) / length,
            per_mm=self.hole_diameter_mm / length,
        )

    def geometric_efficiency(self, energy_kev: float) -> float:
        """Share of all photons that passes the holes, at any distance (Cherry, eq. 14-8 for hexagonal holes)."""
        length = self.effective_length_mm(energy_kev)
        hole, cell = self.hole_diameter_mm, self.hole_diameter_mm + self.septum_mm
        return float(_HEXAGON / (4.0 * np.pi) * (hole / length) ** 2 * (hole / cell) ** 2)


def lead_attenuation_per_mm(energy_kev: float) -> float:
    """Linear attenuation of lead (XCOM).

    Examples
    --------
    >>> round(lead_attenuation_per_mm(200.0), 3)  # NIST: 0.9985 cm2/g, 1.133 /mm
    1.134
    """
    number, molar, density = _LEAD
    parts = element_coefficients(number, molar, np.array([energy_kev]))
    return density * float(sum(part[0] for part in parts)) / 10.0


@cache
def _table() -> dict[str, Collimator]:
    text = files("hemadose.refdata").joinpath("data", _SOURCE).read_text(encoding="utf-8")
    return collimators_from_text(text, source=_SOURCE)


def collimators_from_text(text: str, *, source: str) -> dict[str, Collimator]:
    """Read a table of collimators.

    Raises
    ------
    ReferenceDataError
        If a key is missing, unknown or of the wrong type.
    """
    found = {}
    for key, row in tomllib.loads(text).items():
        where = f"{source} [{key}]"
        check_keys(row, source=where, required=_KEYS)
        found[key] = Collimator(
            id=key,
            vendor=take(row, "vendor", str, source=where),
            name=take(row, "name", str, source=where),
            aliases=tuple(take(row, "aliases", list, source=where)),
            table_code=take(row, "table_code", str, source=where),
            **{k: take(row, k, float, source=where) for k in _KEYS if k.endswith("_mm")},
        )
    return found


def collimator_ids() -> tuple[str, ...]:
    """Ids of all packaged collimators."""
    return tuple(_table())


def collimator(name: str, *, camera: str = "") -> Collimator:
    """Give a collimator by id, or by the name that files use.

    Parameters
    ----------
    name : str
        Id or alias; capitals, blanks and hyphens do not matter.
    camera : str
        Maker and model, where an alias is used by several makers.

    Returns
    -------
    Collimator

    Raises
    ------
    InputError
        If there is none, or several makers use the name and the camera does not decide.

    Examples
    --------
    >>> collimator("Medium Energy Low Penetration").id
    'siemens-symbia-melp'
    >>> collimator("LEHR", camera="GE MEDICAL SYSTEMS Discovery NM/CT 670").id
    'ge-lehr'
    """
    table = _table()
    if name in table:
        return table[name]
    found = [c for c in table.values() if _plain(name) in {_plain(alias) for alias in (c.id, *c.aliases)}]
    makers = {vendor for vendor, words in _CAMERAS.items() if any(w in f"{camera.lower()} " for w in words)}
    if len(found) > 1 and makers:
        found = [c for c in found if c.vendor in makers]
    if len(found) == 1:
        return found[0]
    raise InputError(
        "several makers use this name of a collimator" if found else "no such collimator",
        field="collimator",
        value=name,
        expected=", ".join(c.id for c in found) or ", ".join(table),
        remedy="give the id of the one the study was made with",
    )


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
