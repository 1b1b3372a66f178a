"""Follow-up from a REDCap export and a map that says what its columns mean.

REDCap projects name their fields freely, so a map in TOML says which column is which quantity in which unit, and which
columns make an event. Columns that the map does not name are not read; a column that the map names and the export
lacks is an error, because a silent gap would look like a patient without findings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.io.cohort_cells import cohort_rows
from hemadose.io.cohort_folder import cohort_from_rows
from hemadose.model.followup import FollowUpCohort
from hemadose.outcome.quantities import Quantities

Row = Mapping[str, str]
_PATIENT = ("born_on", "day_zero_on", "sex", "age_years", "diagnosis", "donor", "centre")


def read_redcap(export: Path, columns: Path, *, quantities: Quantities) -> FollowUpCohort:
    """Read an export.

    Parameters
    ----------
    export : Path
        CSV of records, one line per record, event and repeat.
    columns : Path
        TOML map::

            record = "record_id"
            [patient]            # column of each baseline entry; texts through [codes]
            day_zero_on = "tx_date"
            sex = "sex"
            [facts]              # further baseline facts: name = column
            de_novo = "aml_type"
            [[measurement]]
            column = "crea"
            quantity = "creatinine"
            unit = "mg/dL"
            date = "lab_date"    # or day = "lab_day"
            [[event]]
            kind = "graft"
            date = "tx_date"
            [codes.sex]          # what the export writes = what it means
            "1" = "female"

    quantities : Quantities
        Names, units and believable ranges.

    Raises
    ------
    InputError
        If the map does not follow its schema or names a column that the export lacks.
    QuantityError
        If a unit is wrong, or a value not believable.
    TimingError
        If a date cannot be counted from day 0.
    """
    plan = _map(columns)
    record = plan["record"]
    named = [record, *_named(plan)]
    rows = list(cohort_rows(export, tuple(dict.fromkeys(named))))
    codes, names = plan.get("codes", {}), _pseudonyms(rows, record)
    return cohort_from_rows(
        _patients(rows, plan, names, codes),
        [(line, m) for line, row in rows for m in _measurements(row, plan, names[row[record]])],
        [(line, e) for line, row in rows for e in _events(row, plan, names[row[record]], codes)],
        quantities=quantities,
        name=export.stem,
        title=f"REDCap export, {len(names)} records",
        sources=(export.name,) * 4,
    )


def _map(path: Path) -> dict[str, Any]:
    try:
        plan = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InputError("file not found", source=path.name) from problem
    except tomllib.TOMLDecodeError as problem:
        raise InputError("not valid TOML", source=path.name, value=str(problem)) from problem
    known = ("record", "patient", "facts", "measurement", "event", "codes")
    unknown = [k for k in plan if k not in known]
    if unknown or not isinstance(plan.get("record"), str):
        raise InputError(
            "the map of columns does not follow its schema", source=path.name, field=", ".join(unknown) or "record",
            expected=", ".join(known),
        )  # fmt: skip
    for name in plan.get("patient", {}):
        if name not in _PATIENT:
            raise InputError(
                "unknown entry", source=path.name, field=f"patient.{name}", expected=", ".join(_PATIENT),
                remedy="further baseline entries belong to [facts]",
            )  # fmt: skip
    for part, needed in (("measurement", ("column", "quantity", "unit")), ("event", ("kind",))):
        for entry in plan.get(part, []):
            lacking = [k for k in needed if k not in entry]
            if lacking or not ({"date", "day"} & set(entry)):
                raise InputError(
                    "an entry of the map is incomplete", source=path.name, field=part,
                    value=", ".join(lacking or ["date or day"]), expected=", ".join((*needed, "date or day")),
                )  # fmt: skip
    return plan


def _named(plan: Mapping[str, Any]) -> list[str]:
    """Columns that the map speaks of."""
    named = [*plan.get("patient", {}).values(), *plan.get("facts", {}).values()]
    for entry in plan.get("measurement", []):
        named += [entry[k] for k in ("column", "date", "day", "lower", "upper") if isinstance(entry.get(k), str)]
    for entry in plan.get("event", []):
        columns = ("date", "day", "until_date", "term_column", "grade_column", "amount_column", "when")
        named += [entry[k] for k in columns if k in entry]
    return named


def _decoded(text: str, name: str, codes: Mapping[str, Mapping[str, str]]) -> str:
    return str(codes.get(name, {}).get(text, text))


def _pseudonyms(rows: list[tuple[int, Row]], record: str) -> dict[str, str]:
    """Records numbered as they appear: their own ids may be identifiers."""
    return {r: f"R{i:03d}" for i, r in enumerate(dict.fromkeys(row[record] for _, row in rows), start=1)}


def _patients(
    rows: list[tuple[int, Row]],
    plan: Mapping[str, Any],
    names: Mapping[str, str],
    codes: Mapping[str, Mapping[str, str]],
) -> list[tuple[int, Row]]:
    """One row per record; the first cell that is filled counts."""
    entries = {**plan.get("patient", {}), **plan.get("facts", {})}
    found = {record: {"patient": name, **dict.fromkeys(entries, "")} for record, name in names.items()}
    for _, row in rows:
        person = found[row[plan["record"]]]
        for name, column in entries.items():
            person[name] = person[name] or _decoded(row[column], name, codes)
    return list(enumerate(found.values(), start=1))


def _measurements(row: Row, plan: Mapping[str, Any], patient: str) -> list[Row]:
    found: list[Row] = []
    for entry in plan.get("measurement", []):
        if not row[entry["column"]]:
            continue
        limits = {k: _cell_or_number(row, entry.get(k)) for k in ("lower", "upper")}
        found.append(
            {
                "patient": patient,
                "date": row[entry["date"]] if "date" in entry else "",
                "day": row[entry["day"]] if "day" in entry else "",
                "quantity": entry["quantity"],
                "value": row[entry["column"]],
                "unit": entry["unit"],
                "site": entry.get("site", ""),
                **limits,
            }
        )
    return found


def _cell_or_number(row: Row, given: str | float | None) -> str:
    """A limit is a number of the map or a column of the export."""
    if given is None:
        return ""
    return row[given] if isinstance(given, str) else str(given)


def _events(row: Row, plan: Mapping[str, Any], patient: str, codes: Mapping[str, Mapping[str, str]]) -> list[Row]:
    found: list[Row] = []
    for entry in plan.get("event", []):
        when = row[entry["date"] if "date" in entry else entry["day"]]
        wanted = entry.get("when")
        if not when or (wanted is not None and row[wanted] != str(entry.get("equals", "1"))):
            continue
        found.append(
            {
                "patient": patient,
                "date" if "date" in entry else "day": when,
                "until_date": row[entry["until_date"]] if "until_date" in entry else "",
                "kind": entry["kind"],
                "term": entry.get("term", "")
                or _decoded(row.get(entry.get("term_column", ""), ""), entry.get("term_column", ""), codes),
                "grade": row.get(entry.get("grade_column", ""), ""),
                "amount": row.get(entry.get("amount_column", ""), ""),
                "unit": entry.get("unit", "") if row.get(entry.get("amount_column", ""), "") else "",
            }
        )
    return found
