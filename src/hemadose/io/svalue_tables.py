"""S values that a user brings: matrices as organ dosimetry programs print them, and plain lists.

A matrix has a row for each target and a column for each source (OLINDA style); a list has a row for each pair. Both
are CSV text with comma, semicolon or tab. Spreadsheet workbooks, among them that of MIRDcalc, whose inner layout is
not published, are refused with the way out: save the sheet of S values as CSV.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path

from hemadose.errors import InputError, QuantityError
from hemadose.io.svalue_cells import Cell, cell_notes, check_cells, split_cell
from hemadose.model.dose import SValueTable
from hemadose.model.emissions import Emissions
from hemadose.units import HOUR_S, MCI_BQ

DEFAULT_UNIT = "mGy/(MBq s)"

UNITS: Mapping[str, float] = {
    "Gy/(Bq s)": 1.0,
    "mGy/(MBq s)": 1e-9,
    "mGy/(MBq h)": 1e-9 / HOUR_S,
    "rad/(uCi h)": 0.01 / (MCI_BQ * 1e-3 * HOUR_S),
}
"""Unit to Gy/(Bq s)."""

NAMES: Mapping[str, str] = {
    "red_mar": "red_marrow",
    "redmarrow": "red_marrow",
    "total_body": "whole_body",
    "tot_body": "whole_body",
    "totbody": "whole_body",
    "remainder_body": "remainder",
}
"""Names of other programs, as written here; all are first put in small letters with ``_``."""

_SPREADSHEETS = (".xls", ".xlsx", ".xlsm", ".xlsb", ".ods")
_LIST_COLUMN = "s_mGy_per_MBq_s"
_MASS_COLUMN = "target_mass_g"


def read_s_value_table(
    path: Path,
    *,
    nuclide: str,
    unit: str = DEFAULT_UNIT,
    name: str | None = None,
    source_note: str | None = None,
    target_mass_kg: Mapping[str, float] | None = None,
    emissions: Emissions | None = None,
    rename: Mapping[str, str] | None = None,
) -> SValueTable:
    """Read a matrix or a list of S values.

    A list has the columns ``source,target,s_mGy_per_MBq_s`` and may have ``electron,photon`` (both, in the same
    unit), ``rel_sd`` and ``target_mass_g``. Everything else is taken for a matrix: names of sources in the first
    line, of targets in the first column, empty cells where there is no value; it may have a column ``target_mass_g``.
    Lines that begin with ``#`` are comments.

    Mass scaling needs the parts of electrons and photons. Where a file gives sums only, the self-dose of a target
    is put down to electrons as far as they can make it (`emissions` and a mass tell how far, else wholly) and
    cross-dose to photons; a note says so.

    Parameters
    ----------
    path : Path
        The CSV file.
    nuclide : str
        A table does not name it.
    unit : str
        One of `UNITS`; for a matrix. A unit written in its first cell must agree.
    name, source_note : str, optional
        Id and words for reports.
    target_mass_kg : Mapping, optional
        Masses the S values refer to, beside those in the file.
    emissions : Emissions, optional
        Of the nuclide; the absorbed energy is then checked against it.
    rename : Mapping, optional
        Name in the file to name in hemadose.

    Raises
    ------
    InputError
        For a workbook, a missing column, a repeated pair, text where a number belongs, a negative number, another
        unit than stated, or more energy absorbed than given off.
    """
    if path.suffix.lower() in _SPREADSHEETS:
        raise InputError(
            "a workbook cannot be read: the layout of S values inside MIRDcalc and alike is not published",
            source=str(path),
            value=path.suffix,
            expected="CSV text",
            remedy="save the sheet with the S values as CSV, targets in rows, sources in columns, and state its unit",
        )
    if unit not in UNITS:
        raise InputError("unknown unit of S values", field="unit", value=unit, expected=", ".join(UNITS))
    rows = _rows(path)
    names = {**NAMES, **(rename or {})}
    head = [cell.strip() for cell in rows[0][1]]
    is_list = {"source", "target"} <= set(head)
    cells, masses = _listed(path, rows, names) if is_list else _matrix(path, rows, names, unit)
    masses.update(target_mass_kg or {})
    check_cells(path, cells, masses, emissions)
    return SValueTable(
        name=name or path.stem,
        nuclide=nuclide,
        values=tuple(split_cell(cell, masses, emissions) for cell in cells),
        target_mass_kg=masses,
        source_note=source_note or f"S values read from {path.name}",
        notes=cell_notes(cells, masses, emissions),
    )


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Lines with their numbers, without comments and empty lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(path)) from problem
    except UnicodeDecodeError as problem:
        raise InputError("the table is not UTF-8 text", source=str(path), remedy="save it as CSV UTF-8") from problem
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip() and line[0] != "#"]
    if len(lines) < 2:
        raise InputError("the table is empty", source=str(path), expected="a heading and at least one row")
    delimiter = max(";\t,", key=lines[0][1].count)
    return [(n, next(csv.reader([line], delimiter=delimiter))) for n, line in lines]


def _listed(
    path: Path, rows: list[tuple[int, list[str]]], names: Mapping[str, str]
) -> tuple[list[Cell], dict[str, float]]:
    head = [cell.strip() for cell in rows[0][1]]
    missing = [column for column in ("source", "target", _LIST_COLUMN) if column not in head]
    if ("electron" in head) != ("photon" in head):
        missing.append("photon" if "electron" in head else "electron")
    if missing:
        raise InputError(
            f"column {', '.join(missing)} is missing",
            source=str(path),
            field=missing[0],
            value=", ".join(head),
            expected=f"source,target,{_LIST_COLUMN}[,electron,photon][,rel_sd][,{_MASS_COLUMN}]",
            remedy=f"add the column; S values of a list are in {DEFAULT_UNIT}",
        )
    factor, cells, masses = UNITS[DEFAULT_UNIT], list[Cell](), dict[str, float]()
    for line, texts in rows[1:]:
        row = dict(zip(head, texts, strict=False))
        pair = _named(row["source"], names), _named(row.get("target", ""), names)
        number = {c: _number(path, line, c, row[c]) for c in head if c not in ("source", "target") and row.get(c)}
        if _LIST_COLUMN not in number:
            raise InputError(f"line {line} has no S value", source=str(path), field=_LIST_COLUMN, value="''")
        parts = [number[c] * factor if c in number else None for c in ("electron", "photon")]
        total = number[_LIST_COLUMN] * factor
        if None not in parts and not math.isclose(sum(p or 0.0 for p in parts), total, rel_tol=0.01, abs_tol=1e-24):
            raise QuantityError(
                f"line {line}: electrons and photons do not add up to the S value",
                source=str(path),
                field="electron, photon",
                value=f"{number['electron']:g} + {number['photon']:g}",
                expected=f"{number[_LIST_COLUMN]:g} within 1 %",
            )
        cells.append(
            Cell(
                source=pair[0],
                target=pair[1],
                total=total,
                electron=parts[0],
                photon=parts[1],
                relative_sd=number.get("rel_sd", 0.0),
            )
        )
        if _MASS_COLUMN in number:
            _set_mass(path, line, masses, pair[1], number[_MASS_COLUMN] * 1e-3)
    return cells, masses


def _matrix(
    path: Path, rows: list[tuple[int, list[str]]], names: Mapping[str, str], unit: str
) -> tuple[list[Cell], dict[str, float]]:
    head = [cell.strip() for cell in rows[0][1]]
    stated = _unit_in(head[0])
    if stated is not None and stated != unit:
        raise InputError(
            "the table states another unit",
            source=str(path),
            field="unit",
            value=stated,
            expected=unit,
            remedy=f'pass unit="{stated}"',
        )
    sources = [cell for cell in head[1:] if cell and cell != _MASS_COLUMN]
    if not sources:
        raise InputError(
            "no column names a source",
            source=str(path),
            value=", ".join(head),
            expected="target,liver,spleen,... or source,target,...",
        )
    cells, masses = list[Cell](), dict[str, float]()
    for line, texts in rows[1:]:
        target = _named(texts[0], names)
        if len(texts) > len(head):
            raise InputError(
                f"line {line} has more cells than the heading",
                source=str(path),
                value=str(len(texts)),
                expected=str(len(head)),
                remedy="use a decimal point, or semicolons between the cells",
            )
        for column, text in zip(head[1:], texts[1:], strict=False):
            if not column or not text.strip():
                continue
            number = _number(path, line, column, text)
            if column == _MASS_COLUMN:
                _set_mass(path, line, masses, target, number * 1e-3)
            else:
                cells.append(Cell(source=_named(column, names), target=target, total=number * UNITS[unit]))
    return cells, masses


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as problem:
        raise QuantityError(
            f"line {line} needs a number",
            source=str(path),
            field=column,
            value=repr(text),
            remedy="use a decimal point; leave the cell empty where there is no value",
        ) from problem
    if not (math.isfinite(value) and value >= 0.0):
        raise QuantityError(
            f"line {line} holds a negative or infinite number", source=str(path), field=column, value=text
        )
    return value


def _set_mass(path: Path, line: int, masses: dict[str, float], target: str, mass_kg: float) -> None:
    if not mass_kg > 0.0 or not math.isclose(masses.setdefault(target, mass_kg), mass_kg, rel_tol=1e-6):
        raise QuantityError(
            f"line {line}: the mass of {target} must be positive and the same in every row",
            source=str(path),
            field=_MASS_COLUMN,
            value=f"{mass_kg * 1e3:g}",
        )


def _unit_in(text: str) -> str | None:
    """A known unit that a heading names, in whatever spelling."""
    return next((unit for unit in UNITS if _bare(unit) in _bare(text)), None)


def _bare(text: str) -> str:
    return re.sub(r"[^a-z/]", "", text.lower().replace("µ", "u").replace("sec", "s"))


def _named(text: str, names: Mapping[str, str]) -> str:
    """Name in small letters with ``_``, or as renamed (by the text in the file or by that form)."""
    slug = re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")
    return names.get(text.strip(), names.get(slug, slug))
