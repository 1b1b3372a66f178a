"""How a result was made: step, version, inputs, tables, parameters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

__version__ = "0.1.0"

Scalar: TypeAlias = str | float | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What is needed to recompute a result and to compare two.

    Attributes
    ----------
    step : str
        Dotted name of the function that made the result, e.g. ``"kinetics.fit"``.
    version : str
        Version of hemadose.
    inputs : Mapping[str, str]
        Name of each input and its SHA-256 digest (or identifier).
    tables : tuple of str
        Ids of the reference tables used (see ``refdata/manifest.toml``).
    parameters : Mapping[str, Scalar]
        Every named choice that shaped the number.

    Examples
    --------
    >>> Provenance(step="kinetics.fit", parameters={"model": "mono"}).parameters["model"]
    'mono'
    """

    step: str
    version: str = __version__
    inputs: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    parameters: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the mappings."""
        object.__setattr__(self, "inputs", MappingProxyType(dict(self.inputs)))
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling (mapping proxies do not)."""
        return (
            _rebuild,
            (self.step, self.version, dict(self.inputs), self.tables, dict(self.parameters)),
        )


def _rebuild(
    step: str,
    version: str,
    inputs: dict[str, str],
    tables: tuple[str, ...],
    parameters: dict[str, Scalar],
) -> Provenance:
    return Provenance(step=step, version=version, inputs=inputs, tables=tables, parameters=parameters)


def digest_bytes(data: bytes) -> str:
    """SHA-256 of a byte string as hexadecimal text.

    >>> digest_bytes(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def digest_parameters(parameters: Mapping[str, object]) -> str:
    """Digest of a nested mapping of plain values, independent of key order.

    >>> digest_parameters({"a": 1, "b": 2}) == digest_parameters({"b": 2, "a": 1})
    True
    """
    return digest_bytes(json.dumps(parameters, sort_keys=True, default=str).encode())
