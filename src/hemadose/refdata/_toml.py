"""Packaged TOML tables, read once, with errors that name file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, TypeVar

from hemadose.errors import ReferenceDataError

T = TypeVar("T")


def packaged_ids(folder: str) -> tuple[str, ...]:
    """Ids of all tables in one folder of the packaged data, sorted."""
    found = files("hemadose.refdata").joinpath("data", folder).iterdir()
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in found if entry.name.endswith(".toml")))


def read_packaged(folder: str, name: str) -> Mapping[str, Any]:
    """Read one packaged table.

    Raises
    ------
    ReferenceDataError
        If there is none of that name.
    """
    known = packaged_ids(folder)
    if name not in known:
        raise ReferenceDataError(f"unknown entry of {folder}", field="id", value=name, expected=", ".join(known))
    text = files("hemadose.refdata").joinpath("data", folder, f"{name}.toml").read_text(encoding="utf-8")
    return parse(text, source=f"{folder}/{name}.toml")


def parse(text: str, *, source: str) -> Mapping[str, Any]:
    """Parse TOML text.

    Raises
    ------
    ReferenceDataError
        If it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ReferenceDataError("not valid TOML", source=source, value=str(problem)) from problem


def check_keys(
    table: Mapping[str, Any], *, source: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> None:
    """Refuse a table with missing or unknown keys.

    Raises
    ------
    ReferenceDataError
        Naming the keys.
    """
    missing = [key for key in required if key not in table]
    unknown = [key for key in table if key not in (*required, *optional)]
    if missing or unknown:
        raise ReferenceDataError(
            "a reference table does not follow its schema",
            source=source,
            field=", ".join([*missing, *unknown]),
            value=("missing" if missing else "unknown"),
            expected=", ".join((*required, *optional)),
        )


def take(table: Mapping[str, Any], key: str, kind: type[T], *, source: str, default: T | None = None) -> T:
    """Give one value of the right type.

    Raises
    ------
    ReferenceDataError
        If the value is missing or of another type.
    """
    value = table.get(key, default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind):
        raise ReferenceDataError(
            "a reference table holds a value of the wrong type",
            source=source,
            field=key,
            value=repr(value),
            expected=kind.__name__,
        )
    return value
