"""Reference organ masses by named set and sex."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from hemadose.errors import ReferenceDataError
from hemadose.model import Sex
from hemadose.units import GRAM_KG


@cache
def _table() -> dict[str, dict[str, dict[str, float]]]:
    text = files("hemadose.refdata").joinpath("data/reference_masses.toml")
    return tomllib.loads(text.read_text(encoding="utf-8"))


def reference_masses_kg(name: str, *, sex: Sex) -> dict[str, float]:
    """Give the masses of a set (``icrp89`` or ``stylised``) in kg by organ.

    Raises
    ------
    ReferenceDataError
        If there is no such set.

    Examples
    --------
    >>> reference_masses_kg("icrp89", sex=Sex.MALE)["kidneys"]
    0.31
    """
    try:
        return {organ: g * GRAM_KG for organ, g in _table()[name][sex.value].items()}
    except KeyError as problem:
        raise ReferenceDataError(f"no reference masses {name!r}", expected=", ".join(_table())) from problem
