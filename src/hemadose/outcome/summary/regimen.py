"""What was given before and on day 0: agents, irradiation, drugs, graft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hemadose.model.followup import EventKind, FollowUp
from hemadose.outcome.summary.describe import CategorySummary, NumberSummary, describe_numbers

KINDS = (
    EventKind.RADIOLIGAND, EventKind.IRRADIATION, EventKind.CHEMOTHERAPY, EventKind.IMMUNOSUPPRESSION,
    EventKind.GRAFT, EventKind.BOOST, EventKind.LYMPHOCYTES,
)  # fmt: skip
STARTS = (EventKind.RADIOLIGAND, EventKind.IRRADIATION, EventKind.CHEMOTHERAPY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regimen:
    """Treatments of a cohort.

    Attributes
    ----------
    given : tuple of CategorySummary
        By kind: patients who had each term at least once (a patient may have several).
    irradiation_gy : NumberSummary
        Sum of each patient who was irradiated.
    interval_d : NumberSummary
        From the first radioligand therapy to day 0.
    """

    given: tuple[CategorySummary, ...]
    irradiation_gy: NumberSummary
    interval_d: NumberSummary


def start_of_conditioning(patient: FollowUp) -> float | None:
    """First day of radioligand therapy, irradiation or chemotherapy; None if none is recorded."""
    first = patient.first(*STARTS)
    return None if first is None else first.day


def observed(patient: FollowUp) -> bool:
    """Whether anything is recorded after the start of conditioning (or at all, where no start is recorded).

    A patient of whom nothing is known after therapy cannot be counted as free of harm.
    """
    start, last = start_of_conditioning(patient), patient.last_day
    return last is not None and (start is None or last > start)


def regimen(patients: Sequence[FollowUp]) -> Regimen:
    """Describe what was given."""
    doses, undosed, intervals, none = [], [], [], []
    for patient in patients:
        irradiation = patient.events_of(EventKind.IRRADIATION)
        known = [e.amount for e in irradiation if e.unit == "Gy" and e.amount is not None]
        if irradiation and len(known) == len(irradiation):
            doses.append(sum(known))
        else:
            undosed.append("dose in Gy not recorded" if irradiation else "not irradiated")
        first = patient.first(EventKind.RADIOLIGAND)
        if first is not None and first.day <= 0.0:
            intervals.append(-first.day)
        else:
            none.append("after day 0" if first is not None else "no radioligand therapy")
    return Regimen(
        given=tuple(_given(patients, kind) for kind in KINDS if any(p.first(kind) for p in patients)),
        irradiation_gy=describe_numbers("irradiation (Gy)", doses, undosed),
        interval_d=describe_numbers("radioligand therapy to day 0 (d)", intervals, none),
    )


def _given(patients: Sequence[FollowUp], kind: EventKind) -> CategorySummary:
    counts: dict[str, int] = {}
    for patient in patients:
        for term in {e.term or "not specified" for e in patient.events_of(kind)}:
            counts[term] = counts.get(term, 0) + 1
    ordered = tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    without = sum(patient.first(kind) is None for patient in patients)
    return CategorySummary(
        name=kind.value, n=len(patients) - without, counts=ordered,
        missing=(("not recorded", without),) if without else (),
    )  # fmt: skip
