"""A regimen, a donor, a patient and a day 0 into a dated course of treatment."""

from __future__ import annotations

from datetime import date, tzinfo

from hemadose.errors import PlanningError
from hemadose.model import Course, Donor, Patient, Prescription
from hemadose.provenance import Provenance
from hemadose.therapy.conditioning.anthropometry import WeightRule, check_body
from hemadose.therapy.conditioning.checks import find_warnings
from hemadose.therapy.conditioning.events import Clock, course_events
from hemadose.therapy.conditioning.regimen import CourseChoices, CourseOrder, Regimen


def schedule(
    *,
    regimen: Regimen,
    donor: Donor,
    patient: Patient,
    day_zero_on: date,
    choices: CourseChoices,
    agent_title: str = "Endoradiotherapy",
    prescription: Prescription | None = None,
    zone: tzinfo | None = None,
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
    zone : tzinfo or None
        Time zone of the clinic: times after endoradiotherapy are then elapsed hours, also over a change
        of the clocks. None: clock hours.

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
    QuantityError
        Height and weight that cannot belong together.
    """
    check_body(height_cm=patient.height_cm, weight_kg=patient.weight_kg)
    donor = _checked_donor(donor, regimen)
    _require_order(regimen, choices)
    _require_choices(regimen, choices)
    return Course(
        regimen=regimen.id,
        donor=donor,
        day_zero_on=day_zero_on,
        events=course_events(
            regimen=regimen,
            patient=patient,
            choices=choices,
            agent_title=agent_title,
            prescription=prescription,
            clock=Clock(day_zero_on, zone),
        ),
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
                "renal_label": choices.renal_label.value,
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
    drugs = [(i.title, i.days) for i in regimen.items if i.kind == "chemotherapy" and i.days[0] < 0]
    if regimen.atg is not None:
        drugs.append(("Antithymocyte globulin", regimen.atg.days))
    first = min([("total body irradiation", regimen.tbi.days[0]), *((t, d[0]) for t, d in drugs)], key=lambda p: p[1])
    if choices.ert_day >= 0:
        raise PlanningError(
            "transplantation would precede endoradiotherapy",
            field="ert_day",
            value=str(choices.ert_day),
            expected="< 0",
        )
    if choices.ert_day >= first[1]:
        raise PlanningError(
            f"endoradiotherapy must precede {first[0]}",
            field="ert_day",
            value=str(choices.ert_day),
            expected=f"< {first[1]}",
        )
    if regimen.tbi.days[-1] > 0:
        raise PlanningError("irradiation after the graft", source=regimen.id, field="tbi.days")
    irradiation_first = regimen.order is CourseOrder.IRRADIATION_FIRST
    for title, days in drugs:
        too_early = irradiation_first and days[0] <= regimen.tbi.days[-1]
        too_late = days[-1] > (-1 if irradiation_first else min(-1, regimen.tbi.days[-1]))
        if too_early or too_late:
            between = "irradiation and graft" if irradiation_first else "endoradiotherapy and irradiation"
            raise PlanningError(
                f"{title} lies outside the days between {between}",
                source=regimen.id,
                field="days",
                value=", ".join(f"{day:+d}" for day in days),
                expected=f"{regimen.tbi.days[-1] + 1:+d} to -1" if irradiation_first else "before irradiation",
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
