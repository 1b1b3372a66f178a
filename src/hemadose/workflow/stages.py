"""Stages that are recomputed only when their inputs changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from hemadose.errors import InputError
from hemadose.io.files import write_text_atomic
from hemadose.io.records import decode, encode
from hemadose.provenance import digest_bytes, digest_parameters

T = TypeVar("T")


@cache
def code_digest() -> str:
    """Digest of the installed source: a result of other code is never reused."""
    root = Path(__file__).parents[1]
    kinds = ("*.py", "*.toml", "*.csv", "*.gz", "*.json", "*.j2", "*.css", "*.typ")
    found = sorted(path for kind in kinds for path in root.rglob(kind))
    return digest_bytes(b"".join(path.read_bytes() for path in found))


class Progress(Protocol):
    """What a screen offers to long work."""

    def begin(self, title: str) -> None:
        """Announce a stage."""

    def end(self, title: str, *, reused: bool) -> None:
        """Close a stage, saying whether its stored result was used."""


class Silent:
    """Progress that shows nothing."""

    def begin(self, title: str) -> None:
        """Announce nothing."""

    def end(self, title: str, *, reused: bool) -> None:
        """Close nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """A folder of stored stage results, each under the digest of what it was made from.

    Attributes
    ----------
    folder : Path or None
        Where results are kept; None computes everything.
    progress : Progress
        The screen.
    """

    folder: Path | None
    progress: Progress = field(default_factory=Silent)

    def run(self, name: str, *, title: str, key: Mapping[str, Any], compute: Callable[[], T]) -> T:
        """Give the result of a stage: the stored one if its key is the same, else a new one.

        Parameters
        ----------
        name : str
            File name of the stored result.
        title : str
            What the screen shows.
        key : Mapping
            Everything the result depends on, as plain values or values of hemadose.
        compute : callable
            Makes the result.
        """
        digest = digest_parameters({"stage": name, "code": code_digest(), "key": encode(dict(key))})
        self.progress.begin(title)
        stored = self._load(name, digest)
        if stored is not None:
            self.progress.end(title, reused=True)
            return stored  # type: ignore[no-any-return]
        value = compute()
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            record = {"digest": digest, "value": encode(value)}
            write_text_atomic(self.folder / f"{name}.json", json.dumps(record))
        self.progress.end(title, reused=False)
        return value

    def _load(self, name: str, digest: str) -> Any:
        if self.folder is None:
            return None
        try:
            record = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
            return decode(record["value"]) if record["digest"] == digest else None
        except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError, InputError):
            return None  # absent, from another version, or damaged: compute it again
