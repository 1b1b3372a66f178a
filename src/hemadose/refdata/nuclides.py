"""Radionuclides by name."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

from hemadose.errors import ReferenceDataError
from hemadose.model import GammaLine, Nuclide
from hemadose.units import HOUR_S

SOURCE = "ICRP Publication 107 (2008)"

_ELEMENTS = {
    "lutetium": "Lu",
    "yttrium": "Y",
    "iodine": "I",
    "rhenium": "Re",
    "indium": "In",
    "technetium": "Tc",
    "gallium": "Ga",
    "fluorine": "F",
    "zirconium": "Zr",
    "samarium": "Sm",
    "terbium": "Tb",
    "holmium": "Ho",
}


@cache
def _table() -> dict[str, dict[str, object]]:
    text = files("hemadose.refdata").joinpath("data/nuclides.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def nuclide_names() -> tuple[str, ...]:
    """Names of all packaged nuclides."""
    return tuple(_table())


def canonical_name(text: str) -> str:
    """Write a nuclide's name the way hemadose does.

    >>> canonical_name("177Lu"), canonical_name("^177^Lutetium"), canonical_name("tc99m")
    ('Lu-177', 'Lu-177', 'Tc-99m')
    """
    cleaned = re.sub(r"[\s^\[\]_-]", "", text)
    match = re.fullmatch(r"([A-Za-z]+?)(\d+[mM]?)", cleaned) or re.fullmatch(r"(\d+m?)([A-Za-z]+)", cleaned)
    if match is None:
        return text
    letters, digits = match.groups() if match.group(1)[0].isalpha() else match.groups()[::-1]
    symbol = _ELEMENTS.get(letters.lower(), letters.capitalize())
    return f"{symbol}-{digits.lower()}"


def nuclide(name: str) -> Nuclide:
    """Give a nuclide by any common spelling of its name.

    Raises
    ------
    ReferenceDataError
        If it is not packaged, listing those that are.

    Examples
    --------
    >>> round(nuclide("177Lu").half_life_s / 86400, 3)
    6.647
    """
    key = canonical_name(name)
    row = _table().get(key)
    if row is None:
        raise ReferenceDataError(f"no data for the nuclide {name!r}", expected=", ".join(nuclide_names()))
    lines = row["gamma_lines"]
    assert isinstance(lines, list)
    return Nuclide(
        name=key,
        half_life_s=float(str(row["half_life_h"])) * HOUR_S,
        electron_energy_kev=float(str(row["electron_energy_kev"])),
        photon_energy_kev=float(str(row["photon_energy_kev"])),
        gamma_lines=tuple(GammaLine(energy_kev=e, photons_per_decay=y) for e, y in lines),
        source=SOURCE,
    )
