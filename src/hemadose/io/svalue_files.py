"""Our own tables of absorbed fractions and S values, as small text files a person can read.

A file is gzipped CSV: a line that names the format, a line of JSON with everything that is not a number of a pair,
a heading, and one row for each pair and quantity. Numbers carry five significant digits for absorbed fractions, six
for S values and two for uncertainties. The gzip header holds no time, name or machine, so the same table gives the
same bytes (with the same zlib) and can stand under a digest in the manifest; look inside with ``zcat``.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import InputError
from hemadose.io.files import write_bytes_atomic
from hemadose.model.dose import SValue, SValueTable
from hemadose.model.saf import Floats, Pair, Radiation, SpecificAbsorbedFractions

SAF_FORMAT = "# hemadose absorbed fractions 1"
S_VALUE_FORMAT = "# hemadose S values 1"

_SAF_COLUMNS = ("source", "target", "quantity")
_S_COLUMNS = ("source", "target", "electron_gy_per_bq_s", "photon_gy_per_bq_s", "relative_sd")


def saf_bytes(table: SpecificAbsorbedFractions) -> bytes:
    """Give the file of a table of absorbed fractions (1/kg; the heading holds the energies in keV)."""
    energies = table.energies_kev.tolist()
    rows: list[tuple[str, ...]] = []
    for (source, target), values in table.saf_per_kg.items():
        rows.append((source, target, "saf_per_kg", *(f"{v:.5g}" for v in values)))
        sd = table.relative_sd.get((source, target))
        if sd is not None:
            rows.append((source, target, "relative_sd", *(f"{v:.2g}" for v in sd)))
    about = {
        "radiation": table.radiation.value,
        "target_mass_kg": dict(table.target_mass_kg),
        "source_note": table.source_note,
        "notes": list(table.notes),
    }
    return _packed(SAF_FORMAT, about, (*_SAF_COLUMNS, *(repr(e) for e in energies)), rows)


def write_saf(table: SpecificAbsorbedFractions, path: Path) -> None:
    """Write a table of absorbed fractions (``.csv.gz``), atomically."""
    write_bytes_atomic(path, saf_bytes(table))


def read_saf(path: Path) -> SpecificAbsorbedFractions:
    """Read a table of absorbed fractions that `write_saf` wrote.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind.
    """
    return saf_from_bytes(_content(path), source=str(path))


def saf_from_bytes(data: bytes, *, source: str) -> SpecificAbsorbedFractions:
    """Read a table of absorbed fractions from the bytes of its file.

    Parameters
    ----------
    data : bytes
        Content of the file.
    source : str
        Name for errors.

    Raises
    ------
    InputError
        If the bytes are damaged or of another kind.
    """
    about, head, rows = _unpacked(data, SAF_FORMAT, source=source)
    try:
        energies = np.asarray([float(text) for text in head[len(_SAF_COLUMNS) :]])
        tables: dict[str, dict[Pair, Floats]] = {"saf_per_kg": {}, "relative_sd": {}}
        for row in rows:
            values = np.asarray([float(text) for text in row[len(_SAF_COLUMNS) :]])
            tables[row[2]][row[0], row[1]] = values
        return SpecificAbsorbedFractions(
            radiation=Radiation(about["radiation"]),
            energies_kev=energies,
            target_mass_kg=about["target_mass_kg"],
            source_note=about["source_note"],
            notes=tuple(about["notes"]),
            saf_per_kg=tables["saf_per_kg"],
            relative_sd=tables["relative_sd"],
        )
    except (KeyError, ValueError, IndexError) as problem:
        raise _damaged(source, problem) from problem


def s_value_bytes(table: SValueTable) -> bytes:
    """Give the file of a table of S values (Gy/(Bq s))."""
    rows: list[tuple[str, ...]] = [
        (
            v.source,
            v.target,
            f"{v.electron_gy_per_bq_s:.6g}",
            f"{v.photon_gy_per_bq_s:.6g}",
            f"{v.relative_sd:.2g}",
        )
        for v in table.values
    ]
    about = {
        "name": table.name,
        "nuclide": table.nuclide,
        "target_mass_kg": dict(table.target_mass_kg),
        "source_note": table.source_note,
        "notes": list(table.notes),
    }
    return _packed(S_VALUE_FORMAT, about, _S_COLUMNS, rows)


def write_s_values(table: SValueTable, path: Path) -> None:
    """Write a table of S values (``.csv.gz``), atomically."""
    write_bytes_atomic(path, s_value_bytes(table))


def read_s_values(path: Path) -> SValueTable:
    """Read a table of S values that `write_s_values` wrote.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind.
    """
    about, head, rows = _unpacked(_content(path), S_VALUE_FORMAT, source=str(path))
    try:
        if tuple(head) != _S_COLUMNS:
            raise ValueError(f"columns {', '.join(head)}")
        return SValueTable(
            name=about["name"],
            nuclide=about["nuclide"],
            target_mass_kg=about["target_mass_kg"],
            source_note=about["source_note"],
            notes=tuple(about["notes"]),
            values=tuple(
                SValue(
                    source=row[0],
                    target=row[1],
                    electron_gy_per_bq_s=float(row[2]),
                    photon_gy_per_bq_s=float(row[3]),
                    relative_sd=float(row[4]),
                )
                for row in rows
            ),
        )
    except (KeyError, ValueError, IndexError) as problem:
        raise _damaged(str(path), problem) from problem


def _packed(name: str, about: dict[str, Any], head: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    text.write(f"{name}\n# {json.dumps(about, sort_keys=True, ensure_ascii=False)}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as stream:
        stream.write(text.getvalue().encode("utf-8"))
    return packed.getvalue()


def _unpacked(data: bytes, name: str, *, source: str) -> tuple[dict[str, Any], list[str], list[list[str]]]:
    try:
        lines = gzip.decompress(data).decode("utf-8").splitlines()
        if lines[0] != name:
            raise InputError(
                "a file of another kind",
                source=source,
                field="first line",
                value=lines[0][:60],
                expected=name,
                remedy="read it with the function for its kind",
            )
        rows = list(csv.reader(lines[2:]))
        return json.loads(lines[1].removeprefix("# ")), rows[0], rows[1:]
    except (OSError, EOFError, zlib.error, ValueError, IndexError) as problem:
        raise _damaged(source, problem) from problem


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(path)) from problem


def _damaged(source: str, problem: Exception) -> InputError:
    return InputError(
        "the table is damaged",
        source=source,
        value=f"{type(problem).__name__}: {problem}",
        remedy="get the file again, or make it again with the function that wrote it",
    )
