"""A cohort as a folder of plain tables: patients, measurements, events, and what the study defined.

``patients.csv``      patient[, day_zero_on, born_on, sex, age_years, diagnosis, donor, centre, fact columns ...]
``measurements.csv``  patient, day | date, quantity, value, unit[, lower, upper, site]
``events.csv``        patient, day | date, kind[, term, grade, until_day | until_date, amount, unit, detail]
``gaps.csv``          patient, field, reason[, note]
``cohort.toml``       name, title, [definitions]

Dates become days from the patient's day 0 here and go no further. An empty cell is a gap, never a zero.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hemadose.errors import InputError, QuantityError, TimingError
from hemadose.io.cohort_cells import Clock, Row, cell_number, clock_of, cohort_rows, moment
from hemadose.io.cohort_measurements import MeasurementTable
from hemadose.model.followup import Event, EventKind, FollowUp, FollowUpCohort, Gap, Missing, Series
from hemadose.model.patient import Sex
from hemadose.outcome.quantities import Quantities

_PATIENT = ("patient", "day_zero_on", "born_on", "sex", "age_years", "diagnosis", "donor", "centre", "day_zero")
Rows = Iterable[tuple[int, Row]]


def read_cohort_folder(folder: Path, *, quantities: Quantities) -> FollowUpCohort:
    """Read a cohort.

    Parameters
    ----------
    folder : Path
        With at least ``patients.csv``.
    quantities : Quantities
        Names, units and believable ranges.

    Returns
    -------
    FollowUpCohort
        Values in the units of `quantities`, days from day 0.

    Raises
    ------
    InputError
        If a table is missing, lacks a column, or holds an unknown word; naming file, line and column.
    QuantityError
        If a unit is missing or wrong, or a value not believable.
    TimingError
        If a date lies before birth or after death, or cannot be counted from a day 0.
    """
    described = _description(folder / "cohort.toml")
    return cohort_from_rows(
        cohort_rows(folder / "patients.csv", ("patient",)),
        folder / "measurements.csv",
        cohort_rows(folder / "events.csv", ("patient", "kind"), optional_file=True),
        cohort_rows(folder / "gaps.csv", ("patient", "field", "reason"), optional_file=True),
        quantities=quantities,
        name=str(described.get("name", folder.name)),
        title=str(described.get("title", folder.name)),
        definitions=tuple((str(k), str(v)) for k, v in described.get("definitions", {}).items()),
        notes=tuple(str(n) for n in described.get("notes", ())),
        sources=("patients.csv", "measurements.csv", "events.csv", "gaps.csv"),
    )


def cohort_from_rows(
    patients: Rows,
    measurements: Rows | Path,
    events: Rows,
    gaps: Rows = (),
    *,
    quantities: Quantities,
    name: str,
    title: str,
    definitions: tuple[tuple[str, str], ...] = (),
    notes: tuple[str, ...] = (),
    sources: tuple[str, str, str, str],
) -> FollowUpCohort:
    """Make a cohort of rows with the columns of the folder's tables.

    Parameters
    ----------
    patients, measurements, events, gaps : iterable of (int, Mapping of str to str)
        Line numbers and cells, as text; measurements may be the file itself, which is then read by columns.
    quantities : Quantities
        Names, units and believable ranges.
    name, title : str
        Of the cohort.
    definitions, notes : tuple
        Of the study.
    sources : tuple of 4 str
        What the tables are called in messages.

    Raises
    ------
    InputError, QuantityError, TimingError
        As `read_cohort_folder`.
    """
    people = {row["patient"]: row for _, row in patients}
    clocks = {pseudonym: Clock(row, sources[0]) for pseudonym, row in people.items()}
    table = MeasurementTable(clocks, quantities, sources[1])
    if isinstance(measurements, Path):
        table.add_file(measurements)
    else:
        table.add_rows(measurements)
    series = table.series()
    happened = _events(events, sources[2], clocks)
    unknown = _gaps(gaps, sources[3], clocks)
    return FollowUpCohort(
        name=name,
        title=title,
        patients=tuple(
            _patient(row, series.get(p, ()), happened.get(p, ()), unknown.get(p, ()), sources[0])
            for p, row in people.items()
        ),
        definitions=definitions,
        notes=(*notes, *table.notes),
    )


def _description(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise InputError("not valid TOML", source=path.name, value=str(problem)) from problem


def _events(rows: Rows, source: str, clocks: Mapping[str, Clock]) -> dict[str, tuple[Event, ...]]:
    words = {word: kind for kind in EventKind for word in (kind.name.lower(), kind.value)}
    found: dict[str, list[Event]] = defaultdict(list)
    for line, row in rows:
        kind = words.get(row["kind"].lower())
        if kind is None:
            raise InputError(
                f"line {line} has an unknown kind of event", source=source, field="kind", value=row["kind"],
                expected=", ".join(k.name.lower() for k in EventKind),
            )  # fmt: skip
        clock = clock_of(clocks, row, source, line)
        day = clock.day(row, source, line)
        if day is None:
            raise TimingError(f"line {line} has no day", source=source, field="day")
        grade = cell_number(row, "grade", source, line) if row.get("grade") else None
        if grade is not None and grade != int(grade):
            raise InputError(f"line {line} has an unknown grade", source=source, field="grade", expected="0 to 5")
        found[row["patient"]].append(
            Event(
                day=day,
                kind=kind,
                term=row.get("term", ""),
                grade=None if grade is None else int(grade),
                until_day=clock.day(row, source, line, day="until_day", on="until_date"),
                amount=cell_number(row, "amount", source, line) if row.get("amount") else None,
                unit=row.get("unit") or None,
                detail=row.get("detail", ""),
            )
        )
    return {name: tuple(sorted(events, key=lambda e: e.day)) for name, events in found.items()}


def _gaps(rows: Rows, source: str, clocks: Mapping[str, Clock]) -> dict[str, tuple[Gap, ...]]:
    words = {word: reason for reason in Missing for word in (reason.name.lower(), reason.value)}
    found: dict[str, list[Gap]] = defaultdict(list)
    for line, row in rows:
        clock_of(clocks, row, source, line)
        if row["reason"].lower() not in words:
            raise InputError(
                f"line {line} has an unknown reason", source=source, field="reason", value=row["reason"],
                expected=", ".join(r.name.lower() for r in Missing),
            )  # fmt: skip
        found[row["patient"]].append(
            Gap(field=row["field"], reason=words[row["reason"].lower()], note=row.get("note", ""))
        )
    return {name: tuple(gaps) for name, gaps in found.items()}


def _patient(
    row: Row, series: tuple[Series, ...], events: tuple[Event, ...], gaps: tuple[Gap, ...], source: str
) -> FollowUp:
    age = cell_number(row, "age_years", source, 0) if row.get("age_years") else _age(row, source)
    if age is not None and not 0.0 <= age <= 120.0:
        raise QuantityError("an age is not believable", source=source, field="age_years", value=f"{age:g}")
    sex = row.get("sex", "").lower()
    if sex not in ("", *(s.value for s in Sex)):
        raise InputError("unknown sex", source=source, field="sex", value=sex, expected="male, female or empty")
    facts = tuple((k, v) for k, v in row.items() if k not in _PATIENT and v)
    unknown = tuple(
        Gap(field=k, reason=Missing.NOT_REPORTED, note="empty cell")
        for k, v in row.items()
        if k not in _PATIENT and not v
    )
    stated = {g.field for g in gaps}
    return FollowUp(
        pseudonym=row["patient"],
        series=series,
        events=events,
        sex=Sex(sex) if sex else None,
        age_years=age,
        diagnosis=row.get("diagnosis", ""),
        donor=row.get("donor", ""),
        centre=row.get("centre", ""),
        facts=facts,
        day_zero=row.get("day_zero") or "infusion of stem cells",
        gaps=(*gaps, *(g for g in unknown if g.field not in stated)),
    )


def _age(row: Row, source: str) -> float | None:
    zero = moment(row.get("day_zero_on", ""), source, "day_zero_on")
    born = moment(row.get("born_on", ""), source, "born_on")
    return None if zero is None or born is None else (zero - born).days / 365.25
