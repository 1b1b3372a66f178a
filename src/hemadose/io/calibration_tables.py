"""Tables of calibration experiments: planar runs, measured spheres, rates of a decaying source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hemadose.errors import InputError, QuantityError, TimingError
from hemadose.imaging.calibration.deadtime_fit import CountedRate
from hemadose.imaging.calibration.recovery_forms import SphereMeasurement, sphere_ml
from hemadose.io.tables import moment, number, read_rows
from hemadose.model.moment import elapsed_s
from hemadose.units import HOUR_S


def read_counting_rows(path: Path, *, zone: ZoneInfo | None) -> list[dict[str, Any]]:
    """Read ``head,started_at,duration_s,counts`` of planar runs.

    Where measured, also ``lower_counts``, ``upper_counts``, ``background_counts``, ``background_duration_s``.

    Returns
    -------
    list of dict
        Numbers, aware times and the head's name; absent columns are left out.

    Raises
    ------
    InputError
        For missing columns, texts where numbers belong, negative counts.
    """
    rows = read_rows(path, required=("head", "started_at", "duration_s", "counts"))
    if not rows:
        raise InputError("the table holds no run", source=str(path))
    optional = ("lower_counts", "upper_counts", "background_counts", "background_duration_s")
    found = []
    for line, row in enumerate(rows, start=2):
        made: dict[str, Any] = {
            "head": row["head"] or "1",
            "started_at": _moment(row["started_at"], zone=zone, source=f"{path}, line {line}"),
            "duration_s": _not_negative(row, "duration_s", path, line),
            "counts": _not_negative(row, "counts", path, line),
        }
        made |= {name: _not_negative(row, name, path, line) for name in optional if row.get(name)}
        found.append(made)
    return found


def _moment(text: str, *, zone: ZoneInfo | None, source: str) -> datetime:
    found = moment(text, zone=zone or ZoneInfo("UTC"), source=source)
    if zone is None and not datetime.fromisoformat(text).tzinfo:
        raise TimingError("a time has no zone", source=source, value=text, expected='zone = "Europe/Berlin" or offsets')
    return found


def _not_negative(row: Mapping[str, str], column: str, path: Path, line: int) -> float:
    value = number(row, column, source=str(path), line=line)
    if value < 0.0:
        raise QuantityError(f"line {line}: cannot be negative", source=str(path), field=column, value=f"{value:g}")
    return value


def read_sphere_rows(path: Path) -> tuple[SphereMeasurement, ...]:
    """Read measured spheres: a volume, a recovery, and where known its uncertainty.

    Columns: ``volume_ml`` or ``diameter_mm``; ``recovery``, or measured and true activity (``measured_MBq``,
    ``true_MBq``) or concentration (``measured_kBq_per_ml``, ``true_kBq_per_ml``, and ``background_kBq_per_ml`` of a
    warm background); optional ``sd`` (of the recovery) and ``name``.

    Raises
    ------
    InputError
        Naming file, line and column.
    """
    rows = read_rows(path, required=())
    if not rows:
        raise InputError("the table holds no sphere", source=str(path))
    columns = rows[0].keys()
    pairs = (("measured_MBq", "true_MBq"), ("measured_kBq_per_ml", "true_kBq_per_ml"))
    pair = next((p for p in pairs if set(p) <= columns), None)
    if not columns & {"volume_ml", "diameter_mm"} or ("recovery" not in columns and pair is None):
        raise InputError(
            "the table of spheres lacks columns",
            source=str(path),
            value=", ".join(columns),
            expected="volume_ml or diameter_mm; recovery, or measured_MBq and true_MBq, or measured_kBq_per_ml and "
            "true_kBq_per_ml",
        )
    found = []
    for line, row in enumerate(rows, start=2):
        try:
            found.append(_sphere(row, pair, path, line))
        except QuantityError as problem:
            problem.source = problem.source or f"{path}, line {line}"
            raise
    return tuple(found)


def _sphere(row: Mapping[str, str], pair: tuple[str, str] | None, path: Path, line: int) -> SphereMeasurement:
    def value(column: str) -> float:
        return number(row, column, source=str(path), line=line)

    volume = value("volume_ml") if row.get("volume_ml") else sphere_ml(value("diameter_mm"))
    if row.get("recovery"):
        recovery = value("recovery")
    else:
        assert pair is not None
        cold = value("background_kBq_per_ml") if row.get("background_kBq_per_ml") else 0.0
        true = value(pair[1]) - cold
        if true <= 0.0:
            raise QuantityError(
                f"line {line}: the sphere is not above background", source=str(path), field=pair[1], value=f"{true:g}"
            )
        recovery = (value(pair[0]) - cold) / true
    return SphereMeasurement(
        volume_ml=volume,
        recovery=recovery,
        sd=value("sd") if row.get("sd") else None,
        name=row.get("name", "") or f"{volume:.3g} ml",
    )


def read_rate_rows(path: Path, *, zone: ZoneInfo | None) -> tuple[CountedRate, ...]:
    """Read the runs of a decaying source: ``elapsed_h`` or ``started_at``, ``duration_s``, ``counts``.

    Raises
    ------
    InputError
        For missing columns, texts where numbers belong, negative times.
    """
    rows = read_rows(path, required=("duration_s", "counts"))
    if not rows or not rows[0].keys() & {"elapsed_h", "started_at"}:
        raise InputError("the table needs elapsed_h or started_at", source=str(path), field="elapsed_h")
    starts: list[float] = []
    first: datetime | None = None
    for line, row in enumerate(rows, start=2):
        if row.get("elapsed_h"):
            starts.append(number(row, "elapsed_h", source=str(path), line=line) * HOUR_S)
            continue
        at = _moment(row["started_at"], zone=zone, source=f"{path}, line {line}")
        first = first or at
        starts.append(elapsed_s(first, at))
    if min(starts) < 0.0:
        raise TimingError("the runs are not in order of time", source=str(path), value=f"{min(starts) / HOUR_S:g} h")
    return tuple(
        CountedRate(
            counts=_not_negative(row, "counts", path, line),
            duration_s=_not_negative(row, "duration_s", path, line),
            elapsed_s=start,
        )
        for line, (row, start) in enumerate(zip(rows, starts, strict=True), start=2)
    )
