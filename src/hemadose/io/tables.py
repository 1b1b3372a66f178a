"""CSV tables in and out: activity samples, probe counts, blood samples, result rows."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hemadose.errors import InputError, QuantityError, TimingError
from hemadose.model import ActivitySample, ActivitySeries
from hemadose.units import HOUR_S, MBQ


def read_rows(path: Path, *, required: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV file (comma or semicolon) with a header line.

    Raises
    ------
    InputError
        If the file is missing, empty, or lacks a required column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(path)) from problem
    except UnicodeDecodeError as problem:
        raise InputError("the table is not UTF-8 text", source=str(path), remedy="save it as CSV UTF-8") from problem
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise InputError("the table is empty", source=str(path))
    delimiter = ";" if lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.DictReader(lines, delimiter=delimiter, skipinitialspace=True)
    columns = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in required if name not in columns]
    if missing:
        raise InputError(
            f"column {', '.join(missing)} is missing",
            source=str(path),
            value=", ".join(columns),
            expected=", ".join(required),
        )
    reader.fieldnames = columns
    return [{k: (v or "").strip() for k, v in row.items() if k is not None} for row in reader]


def number(row: Mapping[str, str], column: str, *, source: str, line: int) -> float:
    """Read one finite number from a row.

    Raises
    ------
    QuantityError
        Naming file, line, column and text.
    """
    text = row.get(column, "")
    try:
        value = float(text)
    except ValueError as problem:
        raise QuantityError(f"line {line} needs a number", source=source, field=column, value=repr(text)) from problem
    if not math.isfinite(value):
        raise QuantityError(f"line {line} needs a finite number", source=source, field=column, value=text)
    return value


def read_activity_series(path: Path) -> tuple[ActivitySeries, ...]:
    """Read ``region,time_h,activity_MBq[,sd_MBq]`` into one series per region.

    Raises
    ------
    InputError
        For a missing column, a text where a number belongs, repeated times, absurd activities.
    """
    rows = read_rows(path, required=("region", "time_h", "activity_MBq"))
    samples: dict[str, list[ActivitySample]] = {}
    for line, row in enumerate(rows, start=2):
        name = row["region"]
        if not name:
            raise InputError(f"line {line} names no region", source=str(path), field="region")
        activity = number(row, "activity_MBq", source=str(path), line=line)
        if activity > 1e6:
            raise QuantityError(
                f"line {line}: implausible activity, perhaps given in Bq",
                source=str(path),
                field="activity_MBq",
                value=f"{activity:g}",
                expected="MBq, below 1e6",
            )
        sd = number(row, "sd_MBq", source=str(path), line=line) if row.get("sd_MBq") else None
        try:
            sample = ActivitySample(
                region=name,
                time_s=number(row, "time_h", source=str(path), line=line) * HOUR_S,
                activity_bq=activity * MBQ,
                sd_bq=None if sd is None else sd * MBQ,
            )
        except (QuantityError, TimingError) as problem:
            problem.source = problem.source or f"{path}, line {line}"
            raise
        samples.setdefault(name, []).append(sample)
    return tuple(
        ActivitySeries(region=name, samples=tuple(sorted(found, key=lambda s: s.time_s)))
        for name, found in samples.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRow:
    """One reading of the whole-body probe counter."""

    measured_at: datetime
    counts_per_s: float
    background_counts_per_s: float


def read_probe(path: Path, *, zone: ZoneInfo) -> tuple[ProbeRow, ...]:
    """Read ``measured_at,counts,duration_s[,background_counts_per_s]``.

    Raises
    ------
    InputError
        For missing columns, unreadable times, no counts above background.
    """
    rows = read_rows(path, required=("measured_at", "counts", "duration_s"))
    readings = []
    for line, row in enumerate(rows, start=2):
        duration = number(row, "duration_s", source=str(path), line=line)
        if duration <= 0.0:
            raise QuantityError(
                f"line {line}: the counting time must be positive",
                source=str(path),
                field="duration_s",
                value=f"{duration:g}",
            )
        background = (
            number(row, "background_counts_per_s", source=str(path), line=line)
            if row.get("background_counts_per_s")
            else 0.0
        )
        rate = number(row, "counts", source=str(path), line=line) / duration
        if rate <= background:
            raise QuantityError(
                f"line {line}: the probe shows no counts above background",
                source=str(path),
                field="counts",
                value=f"{rate:g}/s",
                expected=f"> {background:g}/s",
            )
        readings.append(
            ProbeRow(
                measured_at=moment(row["measured_at"], zone=zone, source=f"{path}, line {line}"),
                counts_per_s=rate,
                background_counts_per_s=background,
            )
        )
    return tuple(sorted(readings, key=lambda r: r.measured_at))


def moment(text: str, *, zone: ZoneInfo, source: str) -> datetime:
    """Read an ISO 8601 date-time; without an offset it is clinic time.

    Raises
    ------
    TimingError
        If the text is no date-time.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as problem:
        raise TimingError("not a date and time", source=source, value=text, expected="2025-03-03T09:00:00") from problem
    return found if found.tzinfo else found.replace(tzinfo=zone)


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows of like keys as CSV text with a header.

    >>> print(csv_text([{"a": 1, "b": "x"}]), end="")
    a,b
    1,x
    """
    listed = list(rows)
    if not listed:
        return ""
    columns: list[str] = []
    for row in listed:
        columns.extend(key for key in row if key not in columns)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return buffer.getvalue()
