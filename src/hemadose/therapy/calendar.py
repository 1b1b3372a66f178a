"""A regimen, a donor, a patient and a day 0 into a dated course of treatment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from hemadose.errors import PlanningError
from hemadose.model import Course, CourseEvent, Donor, Lane, Patient, Prescription
from hemadose.provenance import Provenance
from hemadose.therapy.anthropometry import (
    SURFACE_WORDS,
    WEIGHT_WORDS,
    WeightRule,
    body_surface_m2,
    dosing_weight_kg,
)
from hemadose.therapy.checks import (
    BRAITSCH,
    clearance_ml_per_min,
    find_warnings,
    fludarabine_renal_fraction,
)
from hemadose.therapy.regimen import LANE_OF_KIND, AtgBasis, CourseChoices, DoseUnit, Regimen, RegimenItem
from hemadose.units import GBQ

AMINO_ACIDS_LEAD_MIN = 30
AMINO_ACIDS_DURATION_H = 4.0
IMAGING_TIMES_H = (1.0, 4.0, 24.0, 48.0, 168.0)
POTASSIUM_SOURCE = "EJNMMI Res 2014;4:46"
TLS_BEFORE_D, TLS_AFTER_D = 3, 7


def schedule(
    *,
    regimen: Regimen,
    donor: Donor,
    patient: Patient,
    day_zero_on: date,
    choices: CourseChoices,
    agent_title: str = "Endoradiotherapy",
    prescription: Prescription | None = None,
) -> Course:
    """Make the calendar of one patient.

    Parameters
    ----------
    regimen : Regimen
        From ``refdata.regimen`` or a site's own.
    donor : Donor
        Donor type; must belong to the regimen.
    patient : Patient
        Height, weight, sex; age and creatinine for fludarabine.
    day_zero_on : date
        Date of infusion of stem cells.
    choices : CourseChoices
        Decisions of the treating team.
    agent_title : str
        Name on the calendar.
    prescription : Prescription or None
        Activity to print, and interval to check.

    Returns
    -------
    Course
        Events in order of day and time, warnings in order of gravity. Amounts are not rounded.

    Raises
    ------
    PlanningError
        Unknown donor, donor that does not belong to the regimen, endoradiotherapy that does not
        precede irradiation and graft, unknown irradiation dose, antithymocyte globulin or weight
        rule not chosen.
    """
    donor = _checked_donor(donor, regimen)
    _require_order(regimen, choices)
    _require_choices(regimen, choices)
    events = [
        *_endoradiotherapy(regimen, choices, agent_title, prescription),
        *_irradiation(regimen, choices),
        *_drugs(regimen, patient, choices),
        *_antithymocyte_globulin(regimen, patient, choices),
        *_monitoring(regimen, choices),
        _graft(),
    ]
    lanes = list(Lane)
    events.sort(key=lambda e: (e.day, e.at or time.min, lanes.index(e.lane), e.title))
    return Course(
        regimen=regimen.id,
        donor=donor,
        day_zero_on=day_zero_on,
        events=tuple(events),
        warnings=find_warnings(
            regimen=regimen,
            donor=donor,
            patient=patient,
            choices=choices,
            day_zero_on=day_zero_on,
            prescription=prescription,
        ),
        provenance=Provenance(
            step="therapy.schedule",
            tables=(f"regimens/{regimen.id}",),
            parameters={
                "surface_rule": choices.surface_rule.value,
                "cyclophosphamide_weight": choices.cyclophosphamide_weight,
                "renal_weight": choices.renal_weight.value,
                "tbi_dose_gy": choices.tbi_dose_gy,
                "ert_day": choices.ert_day,
            },
        ),
    )


def _checked_donor(donor: Donor, regimen: Regimen) -> Donor:
    try:
        known = Donor(donor)
    except ValueError as problem:
        raise PlanningError(
            "unknown donor type", field="donor", value=str(donor), expected=", ".join(Donor)
        ) from problem
    if known not in regimen.donors:
        raise PlanningError(
            f"regimen {regimen.id} is not made for this donor type",
            field="donor",
            value=known.value,
            expected=", ".join(regimen.donors),
            remedy="choose the regimen of the donor type",
        )
    return known


def _require_order(regimen: Regimen, choices: CourseChoices) -> None:
    if choices.ert_day >= 0:
        raise PlanningError(
            "transplantation would precede endoradiotherapy",
            field="ert_day",
            value=str(choices.ert_day),
            expected="< 0",
        )
    if choices.ert_day >= regimen.tbi.days[0]:
        raise PlanningError(
            "endoradiotherapy must precede total body irradiation",
            field="ert_day",
            value=str(choices.ert_day),
            expected=f"< {regimen.tbi.days[0]}",
        )
    before = [(item.title, item.days) for item in regimen.items if item.kind == "chemotherapy" and item.days[0] < 0]
    if regimen.atg is not None:
        before.append(("Antithymocyte globulin", regimen.atg.days))
    for title, days in before:
        if days[0] <= regimen.tbi.days[-1] or days[-1] > -1:
            raise PlanningError(
                f"{title} lies outside the days between irradiation and graft",
                source=regimen.id,
                field="days",
                value=", ".join(f"{day:+d}" for day in days),
                expected=f"{regimen.tbi.days[-1] + 1:+d} to -1",
            )


def _require_choices(regimen: Regimen, choices: CourseChoices) -> None:
    if regimen.atg is not None and choices.atg is None:
        raise PlanningError(
            "antithymocyte globulin belongs to this regimen: product, amount and basis must be chosen",
            field="atg",
            expected="product (thymoglobulin or grafalon), mg/kg, per_day or total",
            remedy="the paper names neither product nor basis; the pharmacy of the centre does",
        )
    if regimen.days_of("cyclophosphamide") and choices.cyclophosphamide_weight is None:
        raise PlanningError(
            "cyclophosphamide is dosed per kilogram: name the weight",
            field="cyclophosphamide_weight",
            expected=", ".join(WeightRule),
        )
    if len(choices.tbi_at) < regimen.tbi.fractions_per_day:
        raise PlanningError("each fraction of a day needs a time", field="tbi_at")


def _endoradiotherapy(
    regimen: Regimen, choices: CourseChoices, agent_title: str, prescription: Prescription | None
) -> Iterator[CourseEvent]:
    day, at = choices.ert_day, choices.ert_at
    yield CourseEvent(
        day=day,
        lane=Lane.NUCLEAR_MEDICINE,
        kind="ert",
        title=agent_title,
        amount=None if prescription is None else prescription.activity_bq / GBQ,
        unit=None if prescription is None else "GBq",
        basis="" if prescription is None else f"proposed activity, active limit {prescription.active_limit}",
        at=at,
        source=BRAITSCH,
    )
    start_day, start_at = _shifted(day, at, hours=-AMINO_ACIDS_LEAD_MIN / 60.0)
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
        image_day, image_at = _shifted(day, at, hours=hours)
        yield CourseEvent(
            day=image_day,
            lane=Lane.NUCLEAR_MEDICINE,
            kind="imaging",
            title=f"Imaging {hours:g} h" if hours < 100 else f"Imaging {hours / 24:g} d",
            basis="whole-body scintigraphy or SPECT/CT after therapy",
            at=image_at,
            source=BRAITSCH,
        )
    out_day, out_at = _shifted(day, at, hours=regimen.ward_h)
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
        amount, basis = item_dose_mg(item, patient=patient, choices=choices)
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


def item_dose_mg(item: RegimenItem, *, patient: Patient, choices: CourseChoices) -> tuple[float | None, str]:
    """Milligrams per day of one line, not rounded, and how they were computed.

    Returns
    -------
    tuple of (float or None, str)
        None where the regimen gives no amount, or where the drug must not be given.
    """
    if item.amount is None or item.unit is None:
        return None, ""
    amount, note = item.amount, ""
    if item.drug == "fludarabine":
        clearance = clearance_ml_per_min(patient, choices)
        fraction = 1.0 if clearance is None else fludarabine_renal_fraction(clearance)
        if fraction == 0.0:
            return None, f"contraindicated: creatinine clearance {clearance:.0f} ml/min"
        note = (
            ", renal function unknown"
            if clearance is None
            else f", creatinine clearance {clearance:.0f} ml/min: {fraction:.0%} of {item.amount:g} mg/m2"
        )
        amount *= fraction
    if item.unit is DoseUnit.MG_PER_M2:
        rule = choices.surface_rule
        surface = body_surface_m2(height_cm=patient.height_cm, weight_kg=patient.weight_kg, rule=rule)
        single, per = amount * surface, f"{surface:.3f} m2 ({SURFACE_WORDS[rule]})"
    else:
        weight_rule = _weight_rule(item, choices)
        weight = dosing_weight_kg(patient, rule=weight_rule)
        single, per = amount * weight, f"{weight:.1f} kg ({WEIGHT_WORDS[weight_rule]})"
    times = f"{item.times_per_day} x {single:.0f} mg a day; " if item.times_per_day > 1 else ""
    return single * item.times_per_day, f"{times}{amount:g} {item.unit} x {per}{note}"


def _weight_rule(item: RegimenItem, choices: CourseChoices) -> WeightRule:
    # mesna protects against cyclophosphamide and follows its weight
    if item.drug in ("cyclophosphamide", "mesna") and choices.cyclophosphamide_weight is not None:
        return choices.cyclophosphamide_weight
    return WeightRule.ACTUAL


def _antithymocyte_globulin(regimen: Regimen, patient: Patient, choices: CourseChoices) -> Iterator[CourseEvent]:
    plan, order = regimen.atg, choices.atg
    if plan is None or order is None:
        return
    count = len(plan.days)
    total = order.total_mg_per_kg(days=count)
    weight = patient.weight_kg
    shared = f" / {count} d" if order.basis is AtgBasis.TOTAL else ""
    for day in plan.days:
        yield CourseEvent(
            day=day,
            lane=Lane.TRANSPLANTATION,
            kind="immunosuppression",
            title=f"Antithymocyte globulin ({order.product.capitalize()})",
            amount=total / count * weight,
            unit="mg",
            basis=f"{order.amount_mg_per_kg:g} mg/kg {order.basis.replace('_', ' ')}{shared}"
            f" x {weight:.1f} kg (actual weight); {total:g} mg/kg in total",
            source=plan.source,
        )


def _monitoring(regimen: Regimen, choices: CourseChoices) -> Iterator[CourseEvent]:
    begin_day, begin_at = _shifted(choices.ert_day, choices.ert_at, hours=-AMINO_ACIDS_LEAD_MIN / 60.0)
    for hours, label in ((0.0, "before amino acids"), (4.0, "4 h"), (24.0, "24 h")):
        day, at = _shifted(begin_day, begin_at, hours=hours)
        yield _monitor(day, f"Potassium {label}", at=at, source=POTASSIUM_SOURCE)
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
    chemotherapy = min(i.days[0] for i in regimen.items if i.kind == "chemotherapy")
    for title, start in (
        ("endoradiotherapy", choices.ert_day),
        ("irradiation", regimen.tbi.days[0]),
        ("chemotherapy", chemotherapy),
    ):
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


def _shifted(day: int, at: time, *, hours: float) -> tuple[int, time]:
    """Move a relative day and clock time by hours (elapsed clock hours)."""
    origin = datetime.combine(date(2000, 1, 1), at)
    moved = origin + timedelta(hours=hours)
    return day + (moved.date() - origin.date()).days, moved.time()
