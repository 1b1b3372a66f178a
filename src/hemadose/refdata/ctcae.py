"""The packaged versions of the laboratory criteria of CTCAE."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hemadose.errors import ReferenceDataError
from hemadose.outcome.toxicity.ctcae import CONDITIONS, REFERENCES, SIGNS, Criterion, Ctcae, LaboratoryTerm
from hemadose.refdata._toml import check_keys, read_packaged, take

VERSIONS = ("5.0", "6.0")


@cache
def ctcae(version: str) -> Ctcae:
    """Give one version.

    Parameters
    ----------
    version : str
        ``"5.0"`` or ``"6.0"``.

    Raises
    ------
    ReferenceDataError
        If the version is unknown, or its table does not follow the schema.

    Examples
    --------
    >>> len(ctcae("5.0").terms), ctcae("6.0").term("neutrophil count decreased").criteria[0].value
    (40, (0.1,))
    """
    if version not in VERSIONS:
        raise ReferenceDataError(
            "unknown version of CTCAE", field="version", value=version, expected=", ".join(VERSIONS)
        )
    name = f"ctcae-{version.split('.', maxsplit=1)[0]}"
    table, where = read_packaged("outcome", name), f"outcome/{name}.toml"
    check_keys(table, source=where, required=("version", "source", "term"), optional=("notes",))
    return Ctcae(
        version=take(table, "version", str, source=where),
        source=take(table, "source", str, source=where),
        terms=tuple(_term(entry, f"{where}, {entry.get('name', '?')}") for entry in table["term"]),
    )


def _term(entry: Mapping[str, Any], where: str) -> LaboratoryTerm:
    required = ("name", "quantity", "direction", "criteria")
    check_keys(entry, source=where, required=required, optional=("units", "required", "note"))
    units = tuple(entry.get("units", ()))
    return LaboratoryTerm(
        name=take(entry, "name", str, source=where),
        quantity=take(entry, "quantity", str, source=where),
        direction=_one_of(take(entry, "direction", str, source=where), ("high", "low"), "direction", where),
        units=units,
        required=tuple(entry.get("required", ())),
        criteria=tuple(_criterion(c, len(units), where) for c in entry["criteria"]),
        note=entry.get("note", ""),
    )


def _criterion(entry: Mapping[str, Any], units: int, where: str) -> Criterion:
    check_keys(entry, source=where, required=("grade", "sign", "value"), optional=("of", "when", "strict"))
    value = entry["value"] if isinstance(entry["value"], list) else [entry["value"]]
    of = _one_of(entry.get("of", ""), REFERENCES, "of", where)
    if not of and len(value) != max(units, 1):
        raise ReferenceDataError("a criterion needs one number per unit", source=where, field="value", value=str(value))
    return Criterion(
        grade=take(entry, "grade", int, source=where),
        sign=_one_of(entry["sign"], SIGNS, "sign", where),
        value=tuple(float(x) for x in value),
        of=of,
        when=_one_of(entry.get("when", ""), CONDITIONS, "when", where),
        strict=take(entry, "strict", bool, source=where, default=False),
    )


def _one_of(value: str, known: tuple[str, ...], field: str, where: str) -> str:
    if value not in known:
        raise ReferenceDataError("unknown word", source=where, field=field, value=value, expected=", ".join(known))
    return value
