"""Published cohorts as packaged, cited data, exactly as printed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hemadose.errors import ReferenceDataError
from hemadose.outcome import CohortPatient, DosimetryCohort, PairedCoefficient, PrintedStatement
from hemadose.refdata._toml import check_keys, packaged_ids, read_packaged, take
from hemadose.units import GBQ

TARGETS = ("kidneys", "liver", "red_marrow")
_UNITS = {"Gy/GBq": 1.0 / GBQ, "GBq": GBQ}


@cache
def cohorts() -> tuple[DosimetryCohort, ...]:
    """Give all packaged cohorts."""
    return tuple(cohort(name) for name in packaged_ids("cohorts"))


@cache
def cohort(id: str) -> DosimetryCohort:
    """Give one packaged cohort.

    Raises
    ------
    ReferenceDataError
        If there is none of that id, or its table does not follow the schema.

    Examples
    --------
    >>> [round(p.activity_bq / 1e9, 1) for p in cohort("braitsch-2025").patients]
    [12.0, 14.4, 13.0, 11.4, 12.2, 16.1, 7.6]
    """
    return cohort_from_table(read_packaged("cohorts", id), source=f"cohorts/{id}.toml")


def cohort_from_table(table: Mapping[str, Any], *, source: str) -> DosimetryCohort:
    """Check a table and make the cohort.

    Raises
    ------
    ReferenceDataError
        If the table does not follow the schema.
    """
    required = ("id", "title", "source", "licence", "agent", "kidney_limit_Gy", "residual_marrow_limit_Gy")
    check_keys(table, source=source, required=(*required, "patient", "statement"), optional=("notes",))
    return DosimetryCohort(
        id=take(table, "id", str, source=source),
        title=take(table, "title", str, source=source),
        source=take(table, "source", str, source=source),
        agent=take(table, "agent", str, source=source),
        kidney_limit_gy=take(table, "kidney_limit_Gy", float, source=source),
        residual_marrow_limit_gy=take(table, "residual_marrow_limit_Gy", float, source=source),
        patients=tuple(_patient(entry, source) for entry in table["patient"]),
        statements=tuple(_statement(entry, source) for entry in table["statement"]),
        notes=tuple(table.get("notes", ())),
    )


def _patient(table: Mapping[str, Any], source: str) -> CohortPatient:
    columns = tuple(f"{target}_Gy_per_GBq" for target in TARGETS)
    check_keys(
        table,
        source=f"{source} [[patient]]",
        required=("id", "activity_GBq", "method", *columns),
        optional=("notes",),
    )
    coefficients = []
    for target, column in zip(TARGETS, columns, strict=True):
        check_keys(table[column], source=f"{source} {column}", required=("pre",), optional=("post",))
        post = table[column].get("post")
        coefficients.append(
            PairedCoefficient(
                target=target,
                pre_gy_per_bq=take(table[column], "pre", float, source=source) / GBQ,
                post_gy_per_bq=None if post is None else float(post) / GBQ,
            )
        )
    return CohortPatient(
        id=take(table, "id", str, source=source),
        coefficients=tuple(coefficients),
        activity_bq=take(table, "activity_GBq", float, source=source) * GBQ,
        method=take(table, "method", str, source=source),
        notes=tuple(table.get("notes", ())),
    )


def _statement(table: Mapping[str, Any], source: str) -> PrintedStatement:
    required = ("quantity", "phase", "unit", "centre", "value", "sd", "low", "high", "decimals")
    check_keys(table, source=f"{source} [[statement]]", required=required)
    unit = take(table, "unit", str, source=source)
    if unit not in _UNITS:
        raise ReferenceDataError("unknown unit", source=source, field="unit", value=unit, expected=", ".join(_UNITS))
    return PrintedStatement(
        quantity=take(table, "quantity", str, source=source),
        phase=take(table, "phase", str, source=source),
        unit=unit,
        si_per_unit=_UNITS[unit],
        centre=take(table, "centre", str, source=source),
        value=take(table, "value", float, source=source),
        sd=take(table, "sd", float, source=source),
        low=take(table, "low", float, source=source),
        high=take(table, "high", float, source=source),
        decimals=take(table, "decimals", int, source=source),
    )
