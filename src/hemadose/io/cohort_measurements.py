"""Laboratory tables of any length: cells are read by columns, and by rows where a row has something to say.

A block of lines is taken by columns if all its cells are plain. Otherwise the same lines are read one by one, which
finds the line and column to name; both ways give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError, QuantityError, TimingError
from hemadose.io.cohort_cells import Clock, Row, cell_number, clock_of, cohort_blocks, cohort_rows, moment
from hemadose.model.followup import Series
from hemadose.outcome.quantities import Quantities, require_believable, to_standard

Floats = npt.NDArray[np.float64]
Key = tuple[str, str, str, str]
REQUIRED = ("patient", "quantity", "value", "unit")
_DAY_S = 86400.0
_BOUNDS = {"<": -1.0, ">": 1.0}


class _NotPlain(Exception):  # noqa: N818 - says nothing to a user
    """A block that has to be read row by row."""


class _Codes(dict[Key, int]):
    """Codes of keys as they stand in the file; a new one is looked up once."""

    def __init__(self, of: Callable[[Key], int]) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, raw: Key) -> int:
        self[raw] = self._of(raw)
        return self[raw]


class MeasurementTable:
    """Measurements of a cohort as they are read.

    Attributes
    ----------
    notes : list of str
        Doubts of reading.
    """

    def __init__(self, clocks: Mapping[str, Clock], quantities: Quantities, source: str) -> None:
        self.notes: list[str] = []
        self._clocks, self._quantities, self._source = clocks, quantities, source
        self._codes: dict[Key, int] = {}
        self._raw = _Codes(self._plain_code)
        self._labels: dict[str, str] = {}
        self._blocks: list[tuple[npt.NDArray[np.int64], Floats]] = []
        self._seconds: dict[str, float] = {}

    def add_rows(self, rows: Iterable[tuple[int, Row]]) -> None:
        """Read rows one by one.

        Raises
        ------
        InputError, QuantityError, TimingError
            Naming line and column.
        """
        codes: list[int] = []
        numbers: list[tuple[float, float, float, float, float]] = []
        for line, row in rows:
            name = self._name(row["quantity"], line)
            if row["value"] == "":
                self.notes.append(f"{self._source}, line {line}: no value; taken as not done")
                continue
            if row["unit"] == "":
                raise QuantityError(
                    f"line {line} has no unit", source=self._source, field="unit",
                    remedy="state the UCUM unit; 1 for a ratio",
                )  # fmt: skip
            day = clock_of(self._clocks, row, self._source, line).day(row, self._source, line)
            if day is None:
                raise TimingError(f"line {line} has no day", source=self._source, field="day")
            value, bound = _bounded(row, self._source, line)
            lower, upper = (
                cell_number(row, c, self._source, line) if row.get(c) else np.nan for c in ("lower", "upper")
            )
            codes.append(self._code((row["patient"], name, row.get("site", ""), row["unit"])))
            numbers.append((day, value, lower, upper, bound))
        if codes:
            self._blocks.append((np.asarray(codes, dtype=np.int64), np.asarray(numbers, dtype=np.float64)))

    def add_file(self, path: Path) -> None:
        """Read a whole table; a missing file holds nothing.

        Raises
        ------
        InputError, QuantityError, TimingError
            As `add_rows`; and if a column is missing or a line is cut off.
        """
        if not path.is_file():
            return
        for before, cells in cohort_blocks(path, REQUIRED):
            if cells is None:
                self.add_rows((line, row) for line, row in cohort_rows(path, REQUIRED) if line > before)
                return
            if not self._taken(cells):
                rows = zip(*cells.values(), strict=True)
                self.add_rows(
                    (before + i, dict(zip(cells, (c.strip() for c in row), strict=True)))
                    for i, row in enumerate(rows, start=1)
                    if any(row)
                )

    def _taken(self, cells: Mapping[str, Sequence[str]]) -> bool:
        """Take a block by columns if all its cells are plain."""
        try:
            self._add_block(cells)
        except (_NotPlain, ValueError, KeyError, TimingError):
            return False
        return True

    def _add_block(self, cells: Mapping[str, Sequence[str]]) -> None:
        """Take a block of plain cells by columns.

        Raises
        ------
        ValueError, KeyError, TimingError, _NotPlain
            If a cell is not plain; nothing has been taken then.
        """
        codes = np.array(list(map(self._raw.__getitem__, _keys(cells))), dtype=np.int64)
        value, bound = self._values(cells["value"])
        table = np.column_stack([self._days(cells), value, _limit(cells, "lower"), _limit(cells, "upper"), bound])
        if not np.isfinite(table[:, :2]).all():
            raise _NotPlain
        self._blocks.append((codes, table))

    def _plain_code(self, raw: Key) -> int:
        patient, label, site, unit = (part.strip() for part in raw)
        found = self._quantities.find(label)
        if patient not in self._clocks or found is None or not unit:
            raise _NotPlain
        return self._code((patient, found.name, site, unit))

    @staticmethod
    def _values(texts: Sequence[str]) -> tuple[Floats, Floats]:
        try:
            return np.array(list(map(float, texts))), np.zeros(len(texts))
        except ValueError:
            bound = np.array([_BOUNDS.get(t.strip()[:1], 0.0) for t in texts])
            plain = (t.strip()[1:].lstrip("=") if b else t for t, b in zip(texts, bound, strict=True))
            return np.array(list(map(float, plain))), bound

    def _days(self, cells: Mapping[str, Sequence[str]]) -> Floats:
        days = cells.get("day", ())
        if days and all(days):
            return np.array(list(map(float, days)))
        if any(days) or not all(cells["date"]):
            raise _NotPlain
        found = np.array(list(map(self._second, cells["date"])))
        clocks = [self._clocks[p.strip()] for p in cells["patient"]]
        limits = {id(c): (_second_of(c.zero), _second_of(c.born)) for c in clocks}
        zero, born = np.array([limits[id(c)] for c in clocks]).T
        if np.isnan(zero).any() or (found < born).any():
            raise _NotPlain
        return np.asarray((found - zero) / _DAY_S)

    def _second(self, text: str) -> float:
        if text not in self._seconds:
            self._seconds[text] = _second_of(moment(text.strip(), self._source, "date"))
        return self._seconds[text]

    def _name(self, label: str, line: int) -> str:
        if label not in self._labels:
            found = self._quantities.find(label)
            if found is None:
                raise InputError(
                    f"line {line} names an unknown quantity", source=self._source, field="quantity", value=label,
                    expected=", ".join(self._quantities.by_name),
                )  # fmt: skip
            self._labels[label] = found.name
        return self._labels[label]

    def _code(self, key: Key) -> int:
        return self._codes.setdefault(key, len(self._codes))

    def series(self) -> dict[str, tuple[Series, ...]]:
        """Give what was read, by patient, in standard units and in order of time.

        Raises
        ------
        QuantityError
            If a unit does not fit its quantity, or a value is not believable.
        """
        if not self._blocks:
            return {}
        code = np.concatenate([c for c, _ in self._blocks])
        table = np.concatenate([t for _, t in self._blocks])
        self._blocks.clear()
        self._convert(code, table)
        places = {k[:3]: i for i, k in reversed(list(enumerate(self._codes)))}
        group = np.array([places[k[:3]] for k in self._codes])[code]
        step = np.diff(group)
        if not np.all((step > 0) | ((step == 0) & (np.diff(table[:, 0]) > 0.0))):
            order = np.lexsort((table[:, 1], table[:, 0], group))
            group, table = group[order], table[order]
            same = np.zeros(len(table), dtype=bool)
            same[1:] = (np.diff(group) == 0) & np.all(np.nan_to_num(table[1:]) == np.nan_to_num(table[:-1]), axis=1)
            if same.any():
                self.notes.append(f"{self._source}: {int(same.sum())} lines say the same twice and count once")
                group, table = group[~same], table[~same]
        return self._split(group, table)

    def _convert(self, code: npt.NDArray[np.int64], table: Floats) -> None:
        """Turn values and limits into standard units, in place."""
        keys = list(self._codes)
        kinds = list(dict.fromkeys((name, unit) for _, name, _, unit in keys))
        kind = np.array([kinds.index((name, unit)) for _, name, _, unit in keys])[code]
        worst: tuple[int, QuantityError] | None = None
        for i, (name, unit) in enumerate(kinds):
            rows = np.flatnonzero(kind == i)
            if rows.size == 0:
                continue
            quantity = self._quantities[name]
            try:
                table[rows, 1:4] = to_standard(quantity, table[rows, 1:4], unit)
                value = table[rows, 1]
                wrong = code[rows[~((value >= quantity.lowest) & (value <= quantity.highest))]]
                if wrong.size:
                    rows = np.flatnonzero(code == wrong.min())
                    require_believable(quantity, table[rows, 1])
            except QuantityError as problem:
                if worst is None or code[rows].min() < worst[0]:
                    worst = int(code[rows].min()), QuantityError(
                        problem.message, source=self._source, field=f"{name} ({unit})", value=problem.value,
                        expected=problem.expected, remedy=problem.remedy,
                    )  # fmt: skip
        if worst is not None:
            raise worst[1]

    def _split(self, group: npt.NDArray[np.int64], table: Floats) -> dict[str, tuple[Series, ...]]:
        """Cut the sorted table into series; read-only parts of one table need no copies."""
        keys = list(self._codes)
        columns = [np.ascontiguousarray(table[:, i]) for i in range(4)]
        bound = table[:, 4].astype(np.int8)
        for array in columns:
            array.setflags(write=False)
        bound.setflags(write=False)
        day, value, lower, upper = columns
        cuts = np.concatenate([[0], np.flatnonzero(np.diff(group)) + 1, [group.size]]).tolist()
        found: dict[str, list[Series]] = {}
        for first, end in pairwise(cuts):
            patient, name, site, _ = keys[int(group[first])]
            part = slice(first, end)
            found.setdefault(patient, []).append(
                Series(
                    quantity=name, unit=self._quantities[name].unit, site=site, source=self._source, day=day[part],
                    value=value[part], lower_limit=lower[part], upper_limit=upper[part], bound=bound[part],
                )
            )  # fmt: skip
        return {patient: tuple(series) for patient, series in found.items()}


def _keys(cells: Mapping[str, Sequence[str]]) -> Iterator[Key]:
    site = cells["site"] if "site" in cells else [""] * len(cells["value"])
    return zip(cells["patient"], cells["quantity"], site, cells["unit"], strict=True)


def _bounded(row: Row, source: str, line: int) -> tuple[float, float]:
    """Value and bound of cells such as ``<0.1``."""
    text = row["value"]
    bound = _BOUNDS.get(text[0], 0.0)
    return cell_number({"value": text[1:].lstrip("=").strip() if bound else text}, "value", source, line), bound


def _limit(cells: Mapping[str, Sequence[str]], name: str) -> Floats:
    """A reference limit, NaN where the cell is empty."""
    count = len(cells["value"])
    if name not in cells:
        return np.full(count, np.nan)
    found = np.array([float(t) if t else np.nan for t in cells[name]])
    if np.isinf(found).any() or int(np.isnan(found).sum()) != cells[name].count(""):
        raise _NotPlain
    return found


def _second_of(found: datetime | None) -> float:
    return np.nan if found is None else (found - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - wall clock
