"""Cells of a cohort's tables: rows, numbers, and dates that become days from day 0."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from hemadose.errors import InputError, QuantityError, TimingError

Row = Mapping[str, str]
_BLOCK_CHARACTERS = 1 << 19


def cohort_rows(path: Path, required: Sequence[str], *, optional_file: bool = False) -> Iterator[tuple[int, Row]]:
    """Lines of a table as mappings, with their line numbers.

    Raises
    ------
    InputError
        If the table or a column is missing, or a line is cut off.
    """
    if not path.is_file():
        if optional_file:
            return
        raise InputError(
            "a table of the cohort is missing", source=path.name, remedy="see the description of the folder"
        )
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        reader = csv.reader(file, delimiter=_separator(head))
        columns = _header(next(reader, []), required, path.name)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(columns):
                raise InputError(
                    f"line {reader.line_num} has another number of cells than the header", source=path.name,
                    value=str(len(cells)), expected=str(len(columns)), remedy="the file may be truncated",
                )  # fmt: skip
            yield reader.line_num, dict(zip(columns, (c.strip() for c in cells), strict=True))


def cohort_blocks(path: Path, required: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Sequence[str]] | None]]:
    """Columns of a table, some ten thousand lines at a time, with the number of the line before each block.

    None stands for lines that are not one row each, or not of one length: `cohort_rows` is to read the rest, and the
    iteration ends.

    Raises
    ------
    InputError
        If a column is missing.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        separator = _separator(head)
        columns = _header(next(csv.reader([head], delimiter=separator), []), required, path.name)
        before = 1
        while lines := file.readlines(_BLOCK_CHARACTERS):
            cells = None if head.count('"') % 2 else _columns(lines, separator, len(columns))
            yield before, None if cells is None else dict(zip(columns, cells, strict=True))
            if cells is None:
                return
            before += len(lines)


def _columns(lines: Sequence[str], separator: str, count: int) -> list[Sequence[str]] | None:
    """Cells of some lines by column; None if a line is not one row of `count` cells."""
    text = "".join(lines)
    if '"' in text:
        rows = list(csv.reader(lines, delimiter=separator))
        same = len(rows) == len(lines) and {len(cells) for cells in rows} == {count}
        return list(zip(*rows, strict=True)) if same else None
    if {line.count(separator) for line in lines} != {count - 1}:
        return None
    flat = text.replace("\r\n", "\n").removesuffix("\n").replace("\n", separator).split(separator)
    return [flat[i::count] for i in range(count)] if len(flat) == count * len(lines) else None


def _separator(head: str) -> str:
    return ";" if head.count(";") > head.count(",") else ","


def _header(cells: Sequence[str], required: Sequence[str], source: str) -> list[str]:
    columns = [c.strip() for c in cells]
    missing = [c for c in required if c not in columns]
    if missing:
        raise InputError(
            "a column is missing", source=source, field=", ".join(missing), value=", ".join(columns),
            expected=", ".join(required),
        )  # fmt: skip
    return columns


class Clock:
    """Turns the days or dates of one patient into days from day 0."""

    def __init__(self, row: Row, source: str) -> None:
        self.zero = moment(row.get("day_zero_on", ""), source, "day_zero_on")
        self.born = moment(row.get("born_on", ""), source, "born_on")

    def day(self, row: Row, source: str, line: int, *, day: str = "day", on: str = "date") -> float | None:
        """Day of a row, or None if neither is given.

        Raises
        ------
        TimingError
            If a date cannot be counted from a day 0, or lies before birth.
        """
        if row.get(day, ""):
            return cell_number(row, day, source, line)
        found = moment(row.get(on, ""), source, f"{on}, line {line}")
        if found is None:
            return None
        if self.zero is None:
            raise TimingError(
                f"line {line} has a date, but the patient has no day 0", source=source, field=on,
                remedy="give day_zero_on in patients.csv, or days",
            )  # fmt: skip
        if self.born is not None and found < self.born:
            raise TimingError(f"line {line} lies before birth", source=source, field=on)
        return (found - self.zero).total_seconds() / 86400.0


def moment(text: str, source: str, field: str) -> datetime | None:
    """Read a date or date-time as the clock on the wall showed it; None for an empty cell.

    Raises
    ------
    TimingError
        If it is neither.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as problem:
        raise TimingError(
            "not a date", source=source, field=field, expected="2025-04-07 or 2025-04-07T08:30"
        ) from problem
    return found.replace(tzinfo=None)


def cell_number(row: Row, column: str, source: str, line: int) -> float:
    """Read one finite number.

    Raises
    ------
    QuantityError
        Naming file, line and column.
    """
    text = row[column]
    try:
        found = float(text)
    except ValueError as problem:
        raise QuantityError(f"line {line} needs a number", source=source, field=column, value=text) from problem
    if not np.isfinite(found):
        raise QuantityError(f"line {line} needs a finite number", source=source, field=column, value=text)
    return found


def clock_of(clocks: Mapping[str, Clock], row: Row, source: str, line: int) -> Clock:
    """Give the clock of the patient of a row.

    Raises
    ------
    InputError
        If the patient is not in patients.csv.
    """
    name = row["patient"]
    if name not in clocks:
        raise InputError(f"line {line} speaks of a patient who is not in patients.csv", source=source, field="patient")
    return clocks[name]
