"""Tables that a site gives for the activity of an agent: whole-body counts, activity hours, effective masses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hemadose.errors import InputError, PlanningError
from hemadose.io.tables import number, read_rows
from hemadose.model import Sex
from hemadose.therapy.activity.whole_body import (
    ActivityHours,
    activity_hours_from_s_value,
    activity_hours_from_table,
    effective_mass_kg,
    geometric_mean_counts,
)
from hemadose.units import HOUR_S, MCI_BQ
from hemadose.workflow.svalues import stylised_s_values

_VIEWS = ("anterior", "posterior")
_BACKGROUNDS = ("anterior_background", "posterior_background")


def read_counts(path: Path) -> list[tuple[float, float]]:
    """Read whole-body counts: ``time_h,counts``, or ``time_h,anterior,posterior`` with backgrounds.

    Returns
    -------
    list of (float, float)
        Seconds after injection and background-corrected counts (geometric mean of two views).

    Raises
    ------
    InputError
        For a missing column or a number that is none.
    """
    rows = read_rows(path, required=("time_h",))
    if not rows:
        raise InputError("the table holds no counts", source=str(path))
    found = []
    for line, row in enumerate(rows, start=2):
        values = {k: number(row, k, source=str(path), line=line) for k in row if row[k] and k != "note"}
        if "counts" in values:
            counts = values["counts"]
        elif all(view in values for view in _VIEWS):
            a, p = (values.get(name, 0.0) for name in _BACKGROUNDS)
            counts = geometric_mean_counts(
                anterior=values["anterior"],
                posterior=values["posterior"],
                anterior_background=a,
                posterior_background=p,
            )
        else:
            raise InputError(
                "no counts in this row",
                source=str(path),
                field=f"line {line}",
                expected="counts, or anterior, posterior",
            )
        found.append((values["time_h"] * HOUR_S, counts))
    return found


def read_activity_hours(path: Path) -> list[tuple[float, float]]:
    """Read activity hours by body mass: ``mass_kg,activity_hours_mCi_h``; gives kg and Bq s.

    Raises
    ------
    InputError
        For a missing column or a number that is none.
    """
    return [(m, ah * MCI_BQ * HOUR_S) for m, ah in _pairs(path, ("mass_kg", "activity_hours_mCi_h"))]


def read_effective_masses(path: Path, *, sex: str) -> list[tuple[float, float]]:
    """Read maximum effective masses by height: ``sex,height_cm,mass_kg``; gives cm and kg of one sex.

    Raises
    ------
    InputError
        For a missing column, or no row of the sex.
    """
    columns = ("height_cm", "mass_kg")
    rows = [r for r in read_rows(path, required=("sex", *columns)) if r["sex"].lower() == sex]
    if not rows:
        raise InputError("no row for this sex", source=str(path), field="sex", value=sex)
    return [_pair(row, columns, path, line) for line, row in enumerate(rows, start=2)]


def site_activity_hours(
    *,
    nuclide_name: str,
    weight_kg: float | None,
    height_cm: float | None,
    sex: Sex | None,
    table: Path | None = None,
    effective_masses: Path | None = None,
) -> ActivityHours:
    """Give activity hours: from the table of the site, or derived from the whole-body S value.

    Raises
    ------
    PlanningError
        If weight, or what a table or model needs beside it, is not given.
    """
    if weight_kg is None:
        raise PlanningError("activity hours need the body weight", field="weight", expected="kg")
    mass = weight_kg
    if effective_masses is not None:
        if sex is None or height_cm is None:
            raise PlanningError("the maximum effective mass needs sex and height", field="sex, height")
        rows = read_effective_masses(effective_masses, sex=sex.value)
        mass = effective_mass_kg(weight_kg, height_cm=height_cm, table=rows)
    known = effective_masses is not None
    if table is not None:
        hours = activity_hours_from_table(read_activity_hours(table), mass_kg=mass, origin=table.name)
        return replace(hours, effective_mass_known=known)
    if sex is None:
        raise PlanningError("the whole-body S value needs the sex", field="sex", expected="male or female")
    s_values = stylised_s_values(nuclide_name, sex)
    whole = s_values.get(source="total_body", target="total_body")
    hours = activity_hours_from_s_value(whole, reference_kg=s_values.target_mass_kg["total_body"], mass_kg=mass)
    return replace(hours, effective_mass_known=known)


def _pairs(path: Path, columns: Sequence[str]) -> list[tuple[float, float]]:
    rows = read_rows(path, required=columns)
    return [_pair(row, columns, path, line) for line, row in enumerate(rows, start=2)]


def _pair(row: dict[str, str], columns: Sequence[str], path: Path, line: int) -> tuple[float, float]:
    first, second = (number(row, name, source=str(path), line=line) for name in columns)
    return first, second
