"""Conventions of organ dosimetry programs as packaged data."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from hemadose.dose.conventions import Convention
from hemadose.errors import ReferenceDataError
from hemadose.model import Sex
from hemadose.refdata._toml import check_keys, parse, take
from hemadose.units import GRAM_KG

_SOURCE = "conventions.toml"
_TEXTS = ("name", "title", "masses", "blood", "note", "evidence", "source")


@cache
def conventions() -> tuple[Convention, ...]:
    """Give all conventions, this project's own first."""
    text = files("hemadose.refdata").joinpath(f"data/{_SOURCE}").read_text(encoding="utf-8")
    found = []
    for entry in parse(text, source=_SOURCE)["convention"]:
        check_keys(entry, source=_SOURCE, required=_TEXTS, optional=("male", "female"))
        reference = {
            sex: {organ: float(grams) * GRAM_KG for organ, grams in entry[sex.value].items()}
            for sex in Sex
            if sex.value in entry
        }
        texts = {key: take(entry, key, str, source=_SOURCE) for key in _TEXTS}
        found.append(Convention(reference_kg=reference, **texts))
    return tuple(found)


def convention(name: str) -> Convention:
    """Give one convention.

    Raises
    ------
    ReferenceDataError
        If there is none of that name.

    Examples
    --------
    >>> convention("olinda-2").reference_mass_kg("kidneys", sex=Sex.MALE)
    0.31
    """
    for known in conventions():
        if known.name == name:
            return known
    raise ReferenceDataError("unknown convention", value=name, expected=", ".join(c.name for c in conventions()))
