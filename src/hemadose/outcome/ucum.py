"""Units of laboratory values: the part of UCUM that a laboratory uses, and conversion between two of them.

A unit is a factor and powers of base dimensions. Mass and amount of substance meet through a molar mass, amount and
equivalents through a valence; both belong to the quantity and are given by the caller. Nothing is guessed: a unit that
is not understood, or of another dimension, is refused.

Source: Schadow G, McDonald CJ. The Unified Code for Units of Measure, version 2.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from hemadose.errors import QuantityError

_PREFIXES = {
    "G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12,
    "f": 1e-15,
}  # fmt: skip
_BASES = ("mass", "length", "amount", "time", "temperature", "charge", "unit", "dose")
# factor in g, m, mol, s, K; powers of the bases; whether prefixes are allowed
_ATOMS: dict[str, tuple[float, dict[str, int], bool]] = {
    "g": (1.0, {"mass": 1}, True),
    "m": (1.0, {"length": 1}, True),
    "L": (1e-3, {"length": 3}, True),
    "l": (1e-3, {"length": 3}, True),
    "mol": (1.0, {"amount": 1}, True),
    "eq": (1.0, {"charge": 1}, True),
    "s": (1.0, {"time": 1}, True),
    "min": (60.0, {"time": 1}, False),
    "h": (3600.0, {"time": 1}, False),
    "d": (86400.0, {"time": 1}, False),
    "U": (1e-6 / 60.0, {"amount": 1, "time": -1}, True),
    "kat": (1.0, {"amount": 1, "time": -1}, True),
    "[IU]": (1.0, {"unit": 1}, True),
    "[iU]": (1.0, {"unit": 1}, True),
    "K": (1.0, {"temperature": 1}, False),
    "Gy": (1.0, {"dose": 1}, True),
    "Bq": (1.0, {"time": -1}, True),
    "%": (1e-2, {}, False),
    "[lb_av]": (453.59237, {"mass": 1}, False),
    "[in_i]": (0.0254, {"length": 1}, False),
    "mm[Hg]": (133322.387415, {"mass": 1, "length": -1, "time": -2}, False),
    "1": (1.0, {}, False),
}
_OFFSETS = {"Cel": (1.0, 273.15), "[degF]": (5.0 / 9.0, 459.67 * 5.0 / 9.0), "K": (1.0, 0.0)}
# spellings of laboratories that are not UCUM but have one meaning only
SPELLINGS = {
    "10^9/L": "10*9/L", "10^9/l": "10*9/L", "x10^9/L": "10*9/L", "x10^9/l": "10*9/L", "10e9/L": "10*9/L",
    "10E9/L": "10*9/L", "G/L": "10*9/L", "G/l": "10*9/L", "Gpt/l": "10*9/L", "Gpt/L": "10*9/L", "1/nl": "/nL",
    "/nl": "/nL", "Tsd/ul": "10*3/uL", "Tsd./ul": "10*3/uL", "K/uL": "10*3/uL", "K/ul": "10*3/uL",
    "10^3/uL": "10*3/uL", "10^3/ul": "10*3/uL", "x10^3/uL": "10*3/uL", "thou/uL": "10*3/uL", "1/ul": "/uL",
    "/ul": "/uL", "cells/uL": "/uL", "/mm3": "/mm3", "/cumm": "/mm3", "degC": "Cel", "°C": "Cel", "C": "Cel",
    "degF": "[degF]", "°F": "[degF]", "F": "[degF]", "mEq/L": "meq/L", "mEq/l": "meq/L", "IU/L": "U/L",
    "ukat/l": "ukat/L", "lb": "[lb_av]", "in": "[in_i]", "mmHg": "mm[Hg]",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit as factor and powers.

    Attributes
    ----------
    text : str
        UCUM code.
    factor : float
        Of the unit in g, m, mol, s, K.
    powers : tuple of int
        Of mass, length, amount, time, temperature, charge, arbitrary unit, dose.
    offset : float
        In K, for temperatures that do not begin at 0 K.
    """

    text: str
    factor: float
    powers: tuple[int, ...]
    offset: float = 0.0


@cache
def parse_unit(text: str) -> Unit:
    """Read a unit.

    Parameters
    ----------
    text : str
        UCUM code, or one of the customary `SPELLINGS`. The micro sign is read as ``u``.

    Returns
    -------
    Unit

    Raises
    ------
    QuantityError
        If it is empty or not understood.

    Examples
    --------
    >>> parse_unit("mg/dL").factor
    10.0
    >>> parse_unit("Tsd/µl").text
    '10*3/uL'
    """
    code = text.strip().replace("µ", "u").replace("μ", "u").replace(" ", "")
    code = SPELLINGS.get(code, code).replace("10^", "10*")
    if not code:
        raise QuantityError("a value has no unit", field="unit", remedy="state the UCUM unit, e.g. mg/dL or 10*9/L")
    if code in _OFFSETS:
        factor, offset = _OFFSETS[code]
        return Unit(text=code, factor=factor, powers=_powers({"temperature": 1}), offset=offset)
    total, powers = 1.0, dict.fromkeys(_BASES, 0)
    parts = re.findall(r"([./]?)((?:\[[^\]]*\]|\{[^}]*\}|[^./\[{])+)", code)
    if "".join(sign + part for sign, part in parts) != code:
        raise _not_understood(text)
    for sign, part in parts:
        factor, found = _component(part, text)
        power = -1 if sign == "/" else 1
        total *= factor**power
        for base, n in found.items():
            powers[base] += power * n
    return Unit(text=code, factor=total, powers=_powers(powers))


def _powers(found: dict[str, int]) -> tuple[int, ...]:
    return tuple(found.get(base, 0) for base in _BASES)


def _component(part: str, whole: str) -> tuple[float, dict[str, int]]:
    part = re.sub(r"\{[^}]*\}", "", part)
    if part == "":
        return 1.0, {}
    power_of_ten = re.fullmatch(r"10\*(-?\d+)", part)
    if power_of_ten:
        return 10.0 ** int(power_of_ten[1]), {}
    match = re.fullmatch(r"(.*?)(-?\d+)?", part)
    name, exponent = (match[1], int(match[2] or 1)) if match and match[1] else (part, 1)
    if name in _ATOMS:
        factor, powers, _ = _ATOMS[name]
    elif name and name[0] in _PREFIXES and name[1:] in _ATOMS and _ATOMS[name[1:]][2]:
        factor, powers, _ = _ATOMS[name[1:]]
        factor *= _PREFIXES[name[0]]
    else:
        raise _not_understood(whole)
    return factor**exponent, {base: n * exponent for base, n in powers.items()}


def _not_understood(text: str) -> QuantityError:
    return QuantityError(
        "a unit is not understood", field="unit", value=text, expected="a UCUM code such as mg/dL, umol/L, 10*9/L"
    )


def conversion(
    unit: str, to: str, *, molar_mass_g_per_mol: float | None = None, valence: int | None = None
) -> tuple[float, float]:
    """Give slope and intercept that turn a value of one unit into another.

    Parameters
    ----------
    unit, to : str
        Codes for `parse_unit`.
    molar_mass_g_per_mol : float, optional
        Of the substance, where mass and amount meet.
    valence : int, optional
        Where equivalents and amount meet.

    Returns
    -------
    tuple of (float, float)
        ``new = slope * old + intercept``.

    Raises
    ------
    QuantityError
        If the units measure different things.

    Examples
    --------
    >>> round(conversion("mg/dL", "umol/L", molar_mass_g_per_mol=113.12)[0], 2)  # creatinine
    88.4
    """
    a, b = parse_unit(unit), parse_unit(to)
    if a.powers == b.powers:
        return a.factor / b.factor, (a.offset - b.offset) / b.factor
    amount, charge = _BASES.index("amount"), _BASES.index("charge")
    change = [x - y for x, y in zip(b.powers, a.powers, strict=True)]
    expected = [0] * len(_BASES)
    slope = a.factor / b.factor
    for index, per in ((0, molar_mass_g_per_mol), (charge, valence)):
        for towards in (1, -1):
            wanted = list(expected)
            wanted[index], wanted[amount] = -towards, towards
            if change == wanted and per:
                return (slope / per if towards > 0 else slope * per), 0.0
    raise QuantityError(
        "two units measure different things", field="unit", value=unit, expected=f"a unit like {to}",
        remedy="state the unit of the laboratory report",
    )  # fmt: skip
