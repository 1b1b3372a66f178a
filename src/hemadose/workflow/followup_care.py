"""Care of one patient as far as it was recorded: transfusions, stay, intensive care, vital status.

No record is not the same as nothing: without any record the answer stays open.
"""

from __future__ import annotations

from dataclasses import replace

from hemadose.model.followup import Decision, EventKind, FollowUp
from hemadose.outcome.endpoints import hospital_stay_d, intensive_care_day
from hemadose.outcome.products import PLATELETS, RED_CELLS, blood_product


def care_decisions(patient: FollowUp, start: float, until_day: float) -> list[Decision]:
    """Count transfusions, stay and intensive care, and say whether the patient lives.

    Parameters
    ----------
    patient : FollowUp
        Events on days from day 0.
    start, until_day : float
        Start of therapy and end of the window.
    """
    return [_transfusions(patient, start, until_day), _stay(patient), _intensive_care(patient, start), _vital(patient)]


def _transfusions(patient: FollowUp, start: float, until_day: float) -> Decision:
    rule = f"transfusions from day {start:g} to {until_day:g}"
    given = [e for e in patient.events_of(EventKind.TRANSFUSION) if start <= e.day <= until_day]
    if not given:
        return Decision(
            rule=rule, outcome=None, missing=("records of transfusions (none: not given, or not recorded)",)
        )
    days = {p: [e.day for e in given if blood_product(e.term) == p] for p in (PLATELETS, RED_CELLS, "")}
    said = [f"{len(d)} {p or 'of unknown product'}" for p, d in days.items() if d]
    silent = tuple(
        f"{p}: none recorded, which is not none given" for p in (PLATELETS, RED_CELLS) if not days[p]
    )  # fmt: skip
    unknown = ("a product that is not named does not stop platelets from counting as recovered",) if days[""] else ()
    return Decision(
        rule=rule, outcome=", ".join(said), used=(f"{len(given)} records",),
        criteria=tuple(f"last {p} on day {max(d):g}" for p, d in days.items() if p and d),
        notes=(*silent, *unknown),
    )  # fmt: skip


def _stay(patient: FollowUp) -> Decision:
    """The stay that spans day 0: earlier admissions that ended before it do not count."""
    rule = "hospital stay around day 0"
    ended = [e.day for e in patient.events_of(EventKind.DISCHARGE) if e.day <= 0.0]
    kept = tuple(
        e for e in patient.events if e.kind is not EventKind.ADMISSION or not any(e.day <= d for d in ended)
    )  # fmt: skip
    days = hospital_stay_d(replace(patient, events=kept))
    if days is not None:
        return Decision(rule=rule, outcome=f"{days:g} d", used=("admission and discharge",))
    admitted = any(e.kind is EventKind.ADMISSION for e in kept)
    if admitted and patient.died_on is not None:
        return Decision(
            rule=rule, outcome=None, missing=("discharge",), notes=(f"died on day {patient.died_on:g}, not discharged",)
        )
    missing = tuple(n for n, there in (("admission", admitted), ("discharge", _discharged(patient))) if not there)
    return Decision(rule=rule, outcome=None, missing=missing or ("a discharge after the admission",))


def _discharged(patient: FollowUp) -> bool:
    return any(e.day > 0.0 for e in patient.events_of(EventKind.DISCHARGE))


def _intensive_care(patient: FollowUp, start: float) -> Decision:
    rule = "intensive care after the start of therapy"
    day = intensive_care_day(patient, from_day=start)
    if day is not None:
        event = next(e for e in patient.events_of(EventKind.INTENSIVE_CARE) if e.day >= start)
        until = "" if event.until_day is None else f" to {event.until_day:g}"
        return Decision(
            rule=rule, outcome=f"{day:g} d after the start", day=event.day, used=(f"day {event.day:g}{until}",)
        )
    if _discharged(patient):
        return Decision(
            rule=rule, outcome="none recorded", notes=("discharged; the absence of a record is not proof of absence",)
        )
    return Decision(rule=rule, outcome=None, missing=("record of intensive care, or a discharge",))


def _vital(patient: FollowUp) -> Decision:
    if patient.died_on is not None:
        cause = next((e.term for e in patient.events if e.kind is EventKind.DEATH), "")
        return Decision(
            rule="vital status", outcome=f"dead{f' ({cause})' if cause else ''}", day=patient.died_on, used=("death",)
        )
    contact = patient.events_of(EventKind.LAST_CONTACT)
    if contact:
        return Decision(
            rule="vital status", outcome="alive at last contact", day=contact[-1].day, used=("last contact",)
        )
    return Decision(rule="vital status", outcome=None, missing=("death or last contact",))
