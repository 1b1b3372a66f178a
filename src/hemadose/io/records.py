"""Values to JSON and back: every dataclass of hemadose, with its arrays, times and enums.

Small arrays are written as lists, large ones (draws of an ensemble) as base64 of the raw
little-endian bytes, so that a stored result is exact and a person can still read the rest.
"""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from functools import cache
from typing import Any

import numpy as np

from hemadose.errors import InputError

_KEY = "__hemadose__"
_LIST_LIMIT = 64


def encode(value: Any) -> Any:
    """Turn a value into plain JSON types, tagged so that `decode` restores it.

    >>> encode((1, 2.5, "a"))
    {'__hemadose__': 'tuple', 'items': [1, 2.5, 'a']}
    """
    if value is None or (isinstance(value, bool | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return {_KEY: "enum", "type": _qualified(type(value)), "value": value.value}
    if isinstance(value, int | float) and not isinstance(value, np.generic):
        return _encode_number(value)
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, np.ndarray):
        return _encode_array(value)
    if isinstance(value, datetime):
        return {_KEY: "datetime", "value": value.isoformat()}
    if isinstance(value, date):
        return {_KEY: "date", "value": value.isoformat()}
    if isinstance(value, time):
        return {_KEY: "time", "value": value.isoformat()}
    if isinstance(value, bytes):
        return {_KEY: "bytes", "value": base64.b64encode(value).decode("ascii")}
    return _encode_container(value)


def _encode_container(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        content = {f.name: encode(getattr(value, f.name)) for f in fields(value) if f.init}
        return {_KEY: "value", "type": _qualified(type(value)), **content}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {_KEY: "tuple", "items": [encode(item) for item in value]}
    if isinstance(value, frozenset):
        return {_KEY: "frozenset", "items": [encode(item) for item in sorted(value)]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    raise InputError(f"{type(value).__name__} cannot be written to JSON")


def _encode_number(value: float) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return {_KEY: "float", "value": str(value)}
    return value


def _encode_array(value: np.ndarray[Any, Any]) -> dict[str, Any]:
    head = {_KEY: "array", "dtype": value.dtype.str, "shape": list(value.shape)}
    if value.size <= _LIST_LIMIT and bool(np.isfinite(value).all() if value.size else True):
        return {**head, "items": value.ravel().tolist()}
    raw = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<"), copy=False))
    return {**head, "base64": base64.b64encode(raw.tobytes()).decode("ascii")}


def decode(data: Any) -> Any:
    """Restore what `encode` wrote.

    Raises
    ------
    InputError
        If the data names a type that is not a value of hemadose.
    """
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    kind = data.get(_KEY)
    if kind is None:
        return {key: decode(item) for key, item in data.items()}
    return _DECODERS[kind](data)


def _decode_array(data: dict[str, Any]) -> np.ndarray[Any, Any]:
    dtype = np.dtype(data["dtype"])
    if "items" in data:
        array = np.array(data["items"], dtype=dtype)
    else:
        array = np.frombuffer(base64.b64decode(data["base64"]), dtype=dtype)
    array = array.reshape(data["shape"])
    array.setflags(write=False)
    return array


def _decode_value(data: dict[str, Any]) -> Any:
    known = {key: decode(item) for key, item in data.items() if key not in (_KEY, "type")}
    return _resolve(data["type"])(**known)


def _qualified(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


@cache
def _resolve(name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    if module_name.split(".")[0] != "hemadose" or "." in attribute:
        raise InputError("a stored record names a foreign type", value=name)
    kind = getattr(importlib.import_module(module_name), attribute, None)
    if not isinstance(kind, type) or not (is_dataclass(kind) or issubclass(kind, Enum)):
        raise InputError("a stored record names an unknown type", value=name)
    return kind


_DECODERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "tuple": lambda d: tuple(decode(item) for item in d["items"]),
    "frozenset": lambda d: frozenset(decode(item) for item in d["items"]),
    "float": lambda d: float(d["value"]),
    "datetime": lambda d: datetime.fromisoformat(d["value"]),
    "date": lambda d: date.fromisoformat(d["value"]),
    "time": lambda d: time.fromisoformat(d["value"]),
    "bytes": lambda d: base64.b64decode(d["value"]),
    "array": _decode_array,
    "enum": lambda d: _resolve(d["type"])(d["value"]),
    "value": _decode_value,
}


def to_json(value: Any, *, indent: int | None = 1) -> str:
    """Write a value as JSON text."""
    return json.dumps(encode(value), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str, *, source: str | None = None) -> Any:
    """Read a value from JSON text.

    Raises
    ------
    InputError
        If the text is not a record written by hemadose.
    """
    try:
        return decode(json.loads(text))
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as problem:
        raise InputError(
            "this is not a complete record of hemadose",
            source=source,
            value=str(problem)[:120],
            remedy="delete it and compute it again",
        ) from problem
