"""The events of a course: what each unit does on which day, in mg, Gy and hours, before they are put in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from hemadose.model import CourseEvent, Lane, Patient, Prescription
from hemadose.therapy.conditioning.doses import course_doses, item_dose
from hemadose.therapy.conditioning.regimen import LANE_OF_KIND, CourseChoices, Regimen
from hemadose.therapy.conditioning.rules import BRAITSCH
from hemadose.units import GBQ

AMINO_ACIDS_LEAD_MIN = 30
AMINO_ACIDS_DURATION_H = 4.0
POTASSIUM_WINDOW_H = 24.0
IMAGING_TIMES_H = (1.0, 4.0, 24.0, 48.0, 168.0)
POTASSIUM_SOURCE = "EJNMMI Res 2014;4:46"
TLS_BEFORE_D, TLS_AFTER_D = 3, 7


@dataclass(frozen=True, slots=True)
class Clock:
    """Days around day 0 as the clock of the clinic shows them."""

    day_zero_on: date
    zone: tzinfo | None

    def shifted(self, day: int, at: time, *, hours: float) -> tuple[int, time]:
        """Move a relative day and clock time by hours: elapsed ones in a zone, else clock hours."""
        origin = datetime.combine(self.day_zero_on + timedelta(days=day), at, tzinfo=self.zone)
        if self.zone is None:
            moved = origin + timedelta(hours=hours)
        else:
            moved = (origin.astimezone(UTC) + timedelta(hours=hours)).astimezone(self.zone)
        return day + (moved.date() - origin.date()).days, moved.time()


def course_events(
    *,
    regimen: Regimen,
    patient: Patient,
    choices: CourseChoices,
    agent_title: str,
    prescription: Prescription | None,
    clock: Clock,
) -> tuple[CourseEvent, ...]:
    """Give all events of a course in order of day and time; the graft is the last event of its day."""
    events = [
        *_endoradiotherapy(regimen, choices, agent_title, prescription, clock),
        *_irradiation(regimen, choices),
        *_drugs(regimen, patient, choices),
        *_monitoring(regimen, choices, clock),
        _graft(),
    ]
    lanes = list(Lane)
    return tuple(
        sorted(events, key=lambda e: (e.day, e.kind == "graft", e.at or time.min, lanes.index(e.lane), e.title))
    )


def _activity_words(prescription: Prescription | None) -> str:
    if prescription is None:
        return ""
    if prescription.active_limit == "chosen":
        return "activity chosen by the planner"
    return f"proposed activity, active limit {prescription.active_limit}"


def _endoradiotherapy(
    regimen: Regimen, choices: CourseChoices, agent_title: str, prescription: Prescription | None, clock: Clock
) -> Iterator[CourseEvent]:
    day, at = choices.ert_day, choices.ert_at
    yield CourseEvent(
        day=day,
        lane=Lane.NUCLEAR_MEDICINE,
        kind="ert",
        title=agent_title,
        amount=None if prescription is None else prescription.activity_bq / GBQ,
        unit=None if prescription is None else "GBq",
        basis=_activity_words(prescription),
        at=at,
        source=BRAITSCH,
    )
    start_day, start_at = clock.shifted(day, at, hours=-AMINO_ACIDS_LEAD_MIN / 60.0)
    grams = choices.amino_acids
    yield CourseEvent(
        day=start_day,
        lane=Lane.NUCLEAR_MEDICINE,
        kind="amino_acids",
        title="Amino acids",
        basis="1000 ml saline with L-arginine and L-lysine"
        + ("" if grams is None else f" ({grams.arginine_g:g} g + {grams.lysine_g:g} g)")
        + ", from 30 min before, 4 h in total",
        at=start_at,
        duration_h=AMINO_ACIDS_DURATION_H,
        source=BRAITSCH,
    )
    yield CourseEvent(
        day=day,
        lane=Lane.NUCLEAR_MEDICINE,
        kind="ward",
        title="Nuclear medicine ward",
        basis=f"at least {regimen.ward_h:g} h by radiation protection rules (Germany)",
        at=at,
        duration_h=regimen.ward_h,
        source=BRAITSCH,
    )
    for hours in IMAGING_TIMES_H:
        image_day, image_at = clock.shifted(day, at, hours=hours)
        yield CourseEvent(
            day=image_day,
            lane=Lane.NUCLEAR_MEDICINE,
            kind="imaging",
            title=f"Imaging {hours:g} h" if hours < 100 else f"Imaging {hours / 24:g} d",
            basis="whole-body scintigraphy or SPECT/CT after therapy",
            at=image_at,
            source=BRAITSCH,
        )
    out_day, out_at = clock.shifted(day, at, hours=regimen.ward_h)
    yield CourseEvent(
        day=out_day,
        lane=Lane.TRANSPLANTATION,
        kind="ward",
        title="Transfer to the transplantation unit",
        basis="after release by radiation protection",
        at=out_at,
        source=BRAITSCH,
    )


def _irradiation(regimen: Regimen, choices: CourseChoices) -> Iterator[CourseEvent]:
    plan = regimen.tbi.fractions(choices.tbi_dose_gy)
    total = sum(count for _, count in plan)
    number = 0
    for day, count in plan:
        for at in sorted(choices.tbi_at)[:count]:
            number += 1
            yield CourseEvent(
                day=day,
                lane=Lane.RADIATION_ONCOLOGY,
                kind="tbi",
                title="Total body irradiation",
                amount=regimen.tbi.fraction_gy,
                unit="Gy",
                basis=f"fraction {number} of {total}, {choices.tbi_dose_gy:g} Gy in total",
                at=at,
                source=regimen.tbi.source,
            )


def _drugs(regimen: Regimen, patient: Patient, choices: CourseChoices) -> Iterator[CourseEvent]:
    for item in regimen.items:
        dose = item_dose(item, patient=patient, choices=choices)
        days: tuple[int, ...] = item.days
        duration_h = None
        if item.continuous:
            start = choices.immunosuppression_start_day
            days = (item.days[0] if start is None else start,)
            if len(item.days) > 1 and item.days[-1] >= days[0]:
                duration_h = 24.0 * (item.days[-1] - days[0] + 1)
        title = item.title
        if item.drug == "calcineurin_inhibitor" and choices.calcineurin_inhibitor:
            title = choices.calcineurin_inhibitor.capitalize()
        if not item.confirmed and choices.immunosuppression_start_day is None:
            title += " (start to be confirmed)"
        amount = None if dose is None else dose.per_day_mg
        basis = "" if dose is None else dose.basis
        for day in days:
            yield CourseEvent(
                day=day,
                lane=LANE_OF_KIND.get(item.kind, Lane.TRANSPLANTATION),
                kind=item.kind,
                title=title,
                amount=amount,
                unit=None if amount is None else "mg",
                basis="; ".join(part for part in (basis, item.instruction) if part),
                duration_h=duration_h,
                source=item.source,
            )
    for dose in course_doses(regimen, patient, choices):
        if dose.drug != "antithymocyte_globulin":
            continue
        for day in dose.days:
            yield CourseEvent(
                day=day,
                lane=Lane.TRANSPLANTATION,
                kind=dose.kind,
                title=dose.title,
                amount=dose.per_day_mg,
                unit="mg",
                basis=dose.basis,
                source=dose.source,
            )


def _monitoring(regimen: Regimen, choices: CourseChoices, clock: Clock) -> Iterator[CourseEvent]:
    begin_day, begin_at = clock.shifted(choices.ert_day, choices.ert_at, hours=-AMINO_ACIDS_LEAD_MIN / 60.0)
    for hours, label in ((0.0, "before amino acids"), (4.0, "4 h"), (24.0, "24 h")):
        day, at = clock.shifted(begin_day, begin_at, hours=hours)
        yield _monitor(day, f"Potassium {label}", at=at, source=POTASSIUM_SOURCE)
    yield CourseEvent(
        day=begin_day,
        lane=Lane.TRANSPLANTATION,
        kind="monitoring",
        title="Potassium window after amino acids",
        basis="0-24 h: a rise is expected from amino acids and is not counted alone as tumour lysis; treat by value",
        at=begin_at,
        duration_h=POTASSIUM_WINDOW_H,
        source=POTASSIUM_SOURCE,
    )
    yield _monitor(
        choices.ert_day - 1,
        "Confirm donor and graft for day 0",
        basis="hard stop: no endoradiotherapy without a confirmed graft",
        source=BRAITSCH,
    )
    fludarabine = regimen.days_of("fludarabine")
    if fludarabine:
        yield _monitor(
            fludarabine[0] - 1,
            "Creatinine after endoradiotherapy",
            basis="recalculate fludarabine",
            source="Fludarabine label; kidney dose of endoradiotherapy",
        )
    starts = {"endoradiotherapy": choices.ert_day, "irradiation": regimen.tbi.days[0]}
    chemotherapy = [i.days[0] for i in regimen.items if i.kind == "chemotherapy"]
    if chemotherapy:
        starts["chemotherapy"] = min(chemotherapy)
    for title, start in starts.items():
        yield CourseEvent(
            day=start - TLS_BEFORE_D,
            lane=Lane.TRANSPLANTATION,
            kind="supportive",
            title=f"Tumour lysis prophylaxis and laboratory ({title})",
            basis="3 d before to 7 d after the start",
            duration_h=24.0 * (TLS_BEFORE_D + TLS_AFTER_D + 1),
            source="Cairo and Bishop, Br J Haematol 2004;127:3",
        )


def _monitor(day: int, title: str, *, source: str, basis: str = "", at: time | None = None) -> CourseEvent:
    return CourseEvent(
        day=day,
        lane=Lane.TRANSPLANTATION,
        kind="monitoring",
        title=title,
        basis=basis,
        at=at,
        source=source,
    )


def _graft() -> CourseEvent:
    return CourseEvent(
        day=0,
        lane=Lane.TRANSPLANTATION,
        kind="graft",
        title="Infusion of stem cells",
        basis="peripheral blood stem cells",
        source=BRAITSCH,
    )
