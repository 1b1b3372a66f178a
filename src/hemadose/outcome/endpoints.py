"""Follow-up into endpoints: times and what happened, for survival and competing risks.

Death counts for overall survival. Progression-free survival ends with relapse, progression or death; of relapse and
death without relapse the first is the event of competing risks. Patients without an event are censored at their last
contact. If relapse and death fall on one day, relapse came first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError
from hemadose.model.followup import EventKind, FollowUp

_RETURNS = (EventKind.RELAPSE, EventKind.PROGRESSION)


class FirstEvent(IntEnum):
    """Status of competing risks."""

    CENSORED = 0
    NON_RELAPSE_DEATH = 1
    RELAPSE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Times from day `origin_day`, one row per patient, in days.

    Attributes
    ----------
    pseudonyms : tuple of str
        Rows.
    survival_d, died : array (n,)
        Overall survival.
    progression_free_d, failed : array (n,)
        Progression-free survival.
    first_event : array (n,) of int
        `FirstEvent` at `progression_free_d`.
    notes : tuple of str
        Patients who could not be used, and why.
    """

    pseudonyms: tuple[str, ...]
    survival_d: npt.NDArray[np.float64]
    died: npt.NDArray[np.bool_]
    progression_free_d: npt.NDArray[np.float64]
    failed: npt.NDArray[np.bool_]
    first_event: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()


def endpoints(patients: Sequence[FollowUp], *, origin_day: float = 0.0) -> Endpoints:
    """Take the endpoints out of follow-up.

    Parameters
    ----------
    patients : sequence of FollowUp
        At least one with follow-up after the origin.
    origin_day : float
        Where time begins; day 0 is the infusion of stem cells.

    Raises
    ------
    InputError
        If no patient can be used.
    """
    rows, notes = [], []
    for patient in patients:
        end = patient.died_on if patient.died_on is not None else _last_contact(patient)
        if end is None or end < origin_day:
            notes.append(f"{patient.pseudonym}: no follow-up after day {origin_day:g}; left out")
            continue
        back = next((e.day for e in patient.events_of(*_RETURNS) if e.day >= origin_day), None)
        died = patient.died_on is not None
        first = (
            FirstEvent.RELAPSE if back is not None else FirstEvent.NON_RELAPSE_DEATH if died else FirstEvent.CENSORED
        )
        free = end if back is None else back
        rows.append((patient.pseudonym, end - origin_day, died, free - origin_day, first))
    if not rows:
        raise InputError("no patient has follow-up after the origin", field="origin_day", value=f"{origin_day:g}")
    names, time, dead, free_time, status = zip(*rows, strict=True)
    return Endpoints(
        pseudonyms=tuple(names),
        survival_d=np.array(time, dtype=np.float64),
        died=np.array(dead, dtype=bool),
        progression_free_d=np.array(free_time, dtype=np.float64),
        failed=np.array(status) != FirstEvent.CENSORED,
        first_event=np.array(status, dtype=np.int64),
        notes=tuple(notes),
    )


def _last_contact(patient: FollowUp) -> float | None:
    """Stated last contact if there is one; otherwise the last day on which anything was recorded."""
    stated = patient.events_of(EventKind.LAST_CONTACT)
    return stated[-1].day if stated else patient.last_day


def hospital_stay_d(patient: FollowUp) -> float | None:
    """Days of the hospital stay that spans day 0; None if there is none, if it has not ended, or if it is not known."""
    before = [e for e in patient.events_of(EventKind.ADMISSION) if e.day <= 0.0]
    if not before:
        return None
    discharge = next((e for e in patient.events_of(EventKind.DISCHARGE) if e.day >= before[-1].day), None)
    if discharge is None or discharge.day <= 0.0:
        return None
    return discharge.day - before[-1].day


def intensive_care_day(patient: FollowUp, *, from_day: float) -> float | None:
    """Days from `from_day` (usually the start of conditioning) to intensive care; None if it was not needed."""
    event = next((e for e in patient.events_of(EventKind.INTENSIVE_CARE) if e.day >= from_day), None)
    return None if event is None else event.day - from_day
