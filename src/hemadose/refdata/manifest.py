"""The manifest of packaged data: what each file is, where it comes from, and its digest.

To refresh the digests after a data file was edited::

    python -m hemadose.refdata.manifest

A new file needs an entry by hand first: a citation cannot be generated.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from hemadose.errors import ReferenceDataError
from hemadose.provenance import digest_bytes

_FIELDS = ("id", "path", "sha256", "quantity", "unit", "publication", "licence", "script")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """What one packaged file is.

    Attributes
    ----------
    id : str
        Name used in `Provenance.tables`.
    path : str
        As of `packaged_files`.
    sha256 : str
        Digest of the file.
    quantity, unit : str
        What the numbers are.
    publication : str
        Publication and table.
    licence : str
        Of the data.
    script : str
        What made the file; ``"by hand"`` for a transcription.
    """

    id: str
    path: str
    sha256: str
    quantity: str
    unit: str
    publication: str
    licence: str
    script: str


def packaged_files() -> dict[str, bytes]:
    """Content of every packaged data file except the manifest.

    Files of this room go by their path below its data folder, those of other rooms by their path in the package.
    """
    package = Path(str(files("hemadose")))
    root = package / "refdata" / "data"
    found = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "manifest.toml" and "__pycache__" not in path.parts
    }
    elsewhere = (p for p in sorted(package.rglob("data/*")) if p.is_file() and not p.is_relative_to(root))
    return {**found, **{path.relative_to(package).as_posix(): path.read_bytes() for path in elsewhere}}


@cache
def manifest() -> tuple[ManifestEntry, ...]:
    """Give the entries of all packaged files.

    Raises
    ------
    ReferenceDataError
        For an entry that lacks a field.
    """
    text = files("hemadose.refdata").joinpath("data", "manifest.toml").read_text(encoding="utf-8")
    return entries_from_text(text)


def entries_from_text(text: str) -> tuple[ManifestEntry, ...]:
    """Read manifest text.

    Raises
    ------
    ReferenceDataError
        For an entry that lacks a field or leaves one empty.
    """
    entries = []
    for table in tomllib.loads(text)["file"]:
        missing = [name for name in _FIELDS if not str(table.get(name, "")).strip()]
        if missing:
            raise ReferenceDataError(
                "an entry of the manifest is incomplete",
                source="manifest.toml",
                field=", ".join(missing),
                value=str(table.get("path", table.get("id"))),
            )
        entries.append(ManifestEntry(**{name: str(table[name]) for name in _FIELDS}))
    return tuple(entries)


def find_problems(entries: tuple[ManifestEntry, ...], contents: dict[str, bytes]) -> tuple[str, ...]:
    """Say what does not agree between manifest and files: uncited, missing, changed, repeated.

    Examples
    --------
    >>> find_problems((), {"new.toml": b""})
    ('new.toml has no entry in the manifest',)
    """
    by_path = {entry.path: entry for entry in entries}
    problems = [f"{path} has no entry in the manifest" for path in contents if path not in by_path]
    problems += [f"{path} is in the manifest but not packaged" for path in by_path if path not in contents]
    problems += [
        f"{path} was changed: its digest does not agree with the manifest"
        for path, content in contents.items()
        if path in by_path and by_path[path].sha256 != digest_bytes(content)
    ]
    if len({entry.id for entry in entries}) != len(entries):
        problems.append("an id occurs twice in the manifest")
    return tuple(problems)


def with_digests(text: str, contents: dict[str, bytes]) -> str:
    """Give manifest text with the digests of the files as they are.

    Raises
    ------
    ReferenceDataError
        For a file without an entry.
    """
    uncited = [path for path in contents if f'path = "{path}"' not in text]
    if uncited:
        raise ReferenceDataError(
            "a packaged file is not cited", value=", ".join(uncited), remedy="add its entry to manifest.toml"
        )
    for path, content in contents.items():
        head = f'path = "{path}"\nsha256 = "'
        pattern = re.compile(re.escape(head) + '[^"]*')
        text = pattern.sub(head + digest_bytes(content), text)
    return text


def refresh() -> tuple[str, ...]:
    """Write the digests of the files into the manifest and give what is still wrong."""
    path = Path(str(files("hemadose.refdata").joinpath("data", "manifest.toml")))
    contents = packaged_files()
    text = with_digests(path.read_text(encoding="utf-8"), contents)
    path.write_text(text, encoding="utf-8")
    return find_problems(entries_from_text(text), contents)


if __name__ == "__main__":
    sys.exit("\n".join(refresh()) or 0)
