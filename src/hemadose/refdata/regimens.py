"""Conditioning regimens as packaged, cited data; a site can read its own from a file."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hemadose.errors import ReferenceDataError
from hemadose.model import Donor
from hemadose.refdata._toml import check_keys, packaged_ids, parse, read_packaged, take
from hemadose.therapy.conditioning.regimen import (
    AtgPlan,
    Correction,
    CourseOrder,
    DoseUnit,
    Evidence,
    Regimen,
    RegimenItem,
    TotalBodyIrradiation,
)

_Choice = TypeVar("_Choice", bound=StrEnum)
_REQUIRED = ("id", "title", "donors", "ert_days", "ert_to_tbi_min_days", "ward_h", "sources", "tbi", "item")
_OPTIONAL = ("alternatives", "notes", "atg", "printed_immunosuppression_day", "order", "intensity")
_ITEM_OPTIONAL = (
    "amount",
    "unit",
    "times_per_day",
    "continuous",
    "instruction",
    "confirmed",
    "correction",
    "unit_reason",
    "total",
    "evidence",
)


@cache
def regimens() -> tuple[Regimen, ...]:
    """Give all packaged regimens, in order of id."""
    return tuple(
        regimen_from_table(read_packaged("regimens", name), source=f"regimens/{name}.toml")
        for name in packaged_ids("regimens")
    )


def regimen(id: str) -> Regimen:
    """Give one packaged regimen.

    Raises
    ------
    ReferenceDataError
        If there is none of that id.

    Examples
    --------
    >>> regimen("cxcr4-tbi-haplo").days_of("fludarabine")
    (-6, -5, -4, -3, -2)
    """
    for known in regimens():
        if known.id == id:
            return known
    raise ReferenceDataError("unknown regimen", field="regimen", value=id, expected=", ".join(r.id for r in regimens()))


def read_regimen(path: Path) -> Regimen:
    """Read a site's own regimen (same schema as the packaged ones).

    Raises
    ------
    ReferenceDataError
        If the file does not follow the schema.
    PlanningError
        For a regimen that must not exist, e.g. cyclophosphamide per m2 without a reason.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise ReferenceDataError("the regimen cannot be read", source=str(path)) from problem
    return regimen_from_table(parse(text, source=str(path)), source=str(path))


def regimen_from_table(table: Mapping[str, Any], *, source: str) -> Regimen:
    """Check a table and make the regimen.

    Raises
    ------
    ReferenceDataError
        If the table does not follow the schema.
    """
    check_keys(table, source=source, required=_REQUIRED, optional=_OPTIONAL)
    return Regimen(
        id=take(table, "id", str, source=source),
        title=take(table, "title", str, source=source),
        donors=tuple(_donor(name, source) for name in take(table, "donors", list, source=source)),
        ert_days=_days(table, "ert_days", source),
        ert_to_tbi_min_days=take(table, "ert_to_tbi_min_days", int, source=source),
        ward_h=take(table, "ward_h", float, source=source),
        tbi=_irradiation(table["tbi"], source),
        items=tuple(_item(entry, source) for entry in table["item"]),
        atg=_atg(table["atg"], source) if "atg" in table else None,
        alternatives=tuple(table.get("alternatives", ())),
        printed_immunosuppression_day=table.get("printed_immunosuppression_day"),
        notes=tuple(table.get("notes", ())),
        sources=tuple(table["sources"]),
        order=_choice(CourseOrder, table.get("order", CourseOrder.IRRADIATION_FIRST), "order", source),
        intensity=take(table, "intensity", str, source=source, default=""),
    )


def _donor(name: str, source: str) -> Donor:
    return _choice(Donor, name, "donors", source)


def _days(table: Mapping[str, Any], key: str, source: str) -> tuple[int, ...]:
    found = table[key]
    if not isinstance(found, list) or any(not isinstance(day, int) or isinstance(day, bool) for day in found):
        raise ReferenceDataError(
            "days are whole numbers in a list", source=source, field=key, value=repr(found), expected="[-5, -4]"
        )
    return tuple(found)


_WORDS = {"donors": "unknown donor type", "unit": "unknown unit of a dose"}


def _choice(kind: type[_Choice], value: Any, field: str, source: str) -> _Choice:
    try:
        return kind(value)
    except ValueError as problem:
        raise ReferenceDataError(
            _WORDS.get(field, "unknown word in a regimen"),
            source=source,
            field=field,
            value=str(value),
            expected=", ".join(kind),
        ) from problem


def _irradiation(table: Mapping[str, Any], source: str) -> TotalBodyIrradiation:
    required = ("days", "fraction_Gy", "fractions_per_day", "permitted_Gy", "source")
    check_keys(table, source=f"{source} [tbi]", required=required, optional=("instruction", "evidence"))
    return TotalBodyIrradiation(
        days=_days(table, "days", source),
        fraction_gy=take(table, "fraction_Gy", float, source=source),
        fractions_per_day=take(table, "fractions_per_day", int, source=source),
        permitted_gy=tuple(float(dose) for dose in table["permitted_Gy"]),
        instruction=table.get("instruction", ""),
        source=take(table, "source", str, source=source),
        evidence=_choice(Evidence, table.get("evidence", Evidence.PUBLICATION), "evidence", source),
    )


def _atg(table: Mapping[str, Any], source: str) -> AtgPlan:
    check_keys(table, source=f"{source} [atg]", required=("days", "printed_mg_per_kg", "source"))
    return AtgPlan(
        days=_days(table, "days", source),
        printed_mg_per_kg={_donor(k, source): float(v) for k, v in table["printed_mg_per_kg"].items()},
        source=take(table, "source", str, source=source),
    )


def _item(table: Mapping[str, Any], source: str) -> RegimenItem:
    required = ("drug", "title", "kind", "days", "source")
    check_keys(table, source=f"{source} [[item]]", required=required, optional=_ITEM_OPTIONAL)
    correction = table.get("correction")
    if correction is not None:
        check_keys(correction, source=f"{source} [item.correction]", required=("printed", "corrected", "reason"))
    unit = _choice(DoseUnit, table["unit"], "unit", source) if "unit" in table else None
    return RegimenItem(
        drug=take(table, "drug", str, source=source),
        title=take(table, "title", str, source=source),
        kind=take(table, "kind", str, source=source),
        days=_days(table, "days", source),
        amount=take(table, "amount", float, source=source) if "amount" in table else None,
        unit=unit,
        times_per_day=take(table, "times_per_day", int, source=source, default=1),
        continuous=take(table, "continuous", bool, source=source, default=False),
        instruction=take(table, "instruction", str, source=source, default=""),
        source=take(table, "source", str, source=source),
        confirmed=take(table, "confirmed", bool, source=source, default=True),
        correction=None if correction is None else Correction(**correction),
        unit_reason=take(table, "unit_reason", str, source=source, default=""),
        total=take(table, "total", float, source=source) if "total" in table else None,
        evidence=_choice(Evidence, table.get("evidence", Evidence.PUBLICATION), "evidence", source),
    )
