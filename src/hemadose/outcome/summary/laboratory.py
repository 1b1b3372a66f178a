"""Laboratory grades of a whole cohort at once, the same as those of each patient alone.

`hemadose.outcome.toxicity.ctcae.worst_grade` explains the grade of one patient. Here the values of all patients stand
in one column, so that ten thousand patients take seconds; a test holds both to the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.model.followup import FollowUp
from hemadose.outcome.quantities import Quantities
from hemadose.outcome.toxicity.ctcae import OPEN, Ctcae, LaboratoryTerm, grade_values

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NOT_MEASURED = -2
_POSITIONS = ("", "low", "normal", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeCounts:
    """One term in a cohort.

    Attributes
    ----------
    term : str
        As CTCAE prints it.
    counts : tuple of 6 int
        Patients whose worst grade is 0, 1, ... 5.
    not_gradable : int
        Patients with values, but without the limits or the baseline that the grade needs.
    not_measured : int
        Patients without a value in the window, or without a day of therapy.
    """

    term: str
    counts: tuple[int, int, int, int, int, int]
    not_gradable: int
    not_measured: int

    @property
    def graded(self) -> int:
        """Patients with a grade."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Values of one quantity of all patients who have it, with the row of each patient."""

    owner: Ints
    day: Floats
    value: Floats
    lower: Floats
    upper: Floats
    bound: npt.NDArray[np.int8]
    unit: str


def laboratory_grades(
    criteria: Ctcae,
    patients: Sequence[FollowUp],
    *,
    start_day: npt.ArrayLike,
    last_day: float,
    quantities: Quantities,
) -> tuple[tuple[GradeCounts, ...], tuple[str, ...]]:
    """Count the worst grade of every term from the start of therapy to a day.

    Parameters
    ----------
    criteria : Ctcae
        A version.
    patients : sequence of FollowUp
        The cohort.
    start_day : array (n,)
        First day of each patient's window; NaN where there was no therapy: nothing is graded then.
    last_day : float
        End of the window.
    quantities : Quantities
        Of the values.

    Returns
    -------
    tuple
        Counts of the terms that at least one patient has values for, and the names of the others.
    """
    start = np.asarray(start_day, dtype=np.float64)
    found, absent = [], []
    columns: dict[str, _Columns | None] = {}
    for term in criteria.terms:
        if term.quantity not in columns:
            columns[term.quantity] = _columns(patients, term.quantity)
        table = columns[term.quantity]
        if table is None:
            absent.append(term.name)
            continue
        worst = _worst(term, table, start, last_day, quantities)
        counts = [int((worst == grade).sum()) for grade in range(6)]
        found.append(
            GradeCounts(
                term=term.name,
                counts=(counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]),
                not_gradable=int((worst == OPEN).sum()),
                not_measured=int((worst == NOT_MEASURED).sum()),
            )
        )
    return tuple(found), tuple(absent)


def worst_grades(
    term: LaboratoryTerm,
    patients: Sequence[FollowUp],
    *,
    start_day: npt.ArrayLike,
    last_day: float,
    quantities: Quantities,
) -> npt.NDArray[np.int8]:
    """Give the worst grade of a term for each patient; `OPEN` or `NOT_MEASURED` without one."""
    table = _columns(patients, term.quantity)
    if table is None:
        return np.full(len(patients), NOT_MEASURED, dtype=np.int8)
    return _worst(term, table, np.asarray(start_day, dtype=np.float64), last_day, quantities)


def _columns(patients: Sequence[FollowUp], quantity: str) -> _Columns | None:
    rows, series = [], []
    for row, patient in enumerate(patients):
        found = patient.of(quantity)
        if found is not None and len(found):
            rows.append(row)
            series.append(found)
    if not series:
        return None
    return _Columns(
        owner=np.repeat(np.asarray(rows, dtype=np.int64), [len(s) for s in series]),
        day=np.concatenate([s.day for s in series]),
        value=np.concatenate([s.value for s in series]),
        lower=np.concatenate([np.asarray(s.lower_limit) for s in series]),
        upper=np.concatenate([np.asarray(s.upper_limit) for s in series]),
        bound=np.concatenate([np.asarray(s.bound) for s in series]),
        unit=series[0].unit,
    )


def _worst(
    term: LaboratoryTerm, table: _Columns, start: Floats, last_day: float, quantities: Quantities
) -> npt.NDArray[np.int8]:
    base, position = _baselines(table, start)
    inside = (table.day >= start[table.owner]) & (table.day <= last_day)
    worst = np.full(start.size, NOT_MEASURED, dtype=np.int8)
    for code, name in enumerate(_POSITIONS):
        rows = np.flatnonzero(inside & (position[table.owner] == code))
        if rows.size == 0:
            continue
        owner = table.owner[rows]
        grades = grade_values(
            term,
            table.value[rows] * (1.0 + 1e-9 * table.bound[rows]),
            unit=table.unit,
            lower_limit=table.lower[rows],
            upper_limit=table.upper[rows],
            baseline=base[owner],
            baseline_position=name,
            quantity=quantities[term.quantity],
        )
        np.maximum.at(worst, owner, grades)
    return worst


def _baselines(table: _Columns, start: Floats) -> tuple[Floats, Ints]:
    """Last measured value at or before the start, and where it lies; as `ctcae.baseline_of`."""
    last = np.full(start.size, -1, dtype=np.int64)
    usable = np.flatnonzero((table.day <= start[table.owner]) & (table.bound == 0))
    last[table.owner[usable]] = usable  # rows of a patient stand in order of time: the last one stays
    known = last >= 0
    at = np.where(known, last, 0)
    value, low, high = table.value[at], table.lower[at], table.upper[at]
    position = np.where(value > high, 3, np.where(value < low, 1, np.where(np.isfinite(high), 2, 0)))
    return np.where(known, value, np.nan), np.where(known, position, 0).astype(np.int64)
