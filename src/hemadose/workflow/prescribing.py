"""Doses into a proposed activity and a calendar, as a case asks."""

from __future__ import annotations

from hemadose.io.case import Case
from hemadose.model import Course, Donor, Limit, LimitKind, Prescription, StudyDoses
from hemadose.refdata import regimen
from hemadose.therapy.activity.prescribe import prescribe
from hemadose.therapy.conditioning.anthropometry import SurfaceRule, WeightRule
from hemadose.therapy.conditioning.calendar import schedule
from hemadose.therapy.conditioning.regimen import AminoAcids, AtgBasis, AtgOrder, AtgProduct, CourseChoices
from hemadose.units import DAY_S, GBQ
from hemadose.workflow.study import case_administration, case_agent, case_patient


def prescribe_case(case: Case, doses: StudyDoses) -> Prescription:
    """Apply the limits of the case; a post-therapy study judges the activity that was given."""
    interval = None if case.transplant is None else -case.transplant.ert_day * DAY_S
    chosen = case.limits.chosen_activity_GBq
    if chosen is None and case.case.study == "post-therapy":
        chosen = case_administration(case).administered_activity_bq / GBQ
    return prescribe(
        doses,
        limits=case_limits(case),
        interval_to_infusion_s=interval,
        chosen_activity_bq=None if chosen is None else chosen * GBQ,
        rounding_bq=case.limits.rounding_GBq * GBQ,
        max_probability_exceeding=case.limits.max_probability_exceeding,
    )


def case_limits(case: Case) -> list[Limit]:
    """Give the limits of a case as values."""
    x = case.limits
    found = []
    for organ, value in (("kidneys", x.kidneys_Gy), ("liver", x.liver_Gy)):
        if value is not None:
            found.append(Limit(name=organ, kind=LimitKind.TOTAL_DOSE, target=organ, value=value, source=x.source))
    if x.red_marrow_after_infusion_Gy is not None:
        found.append(
            Limit(
                name="red_marrow_after_infusion",
                kind=LimitKind.RESIDUAL_DOSE,
                target="red_marrow",
                value=x.red_marrow_after_infusion_Gy,
                source=x.source,
            )
        )
    if x.activity_cap_GBq is not None:
        reason = x.activity_cap_reason or x.source
        found.append(
            Limit(name="cap", kind=LimitKind.ACTIVITY, target="", value=x.activity_cap_GBq * GBQ, source=reason)
        )
    return found


def plan_course(case: Case, prescription: Prescription) -> Course | None:
    """Make the calendar, if the case plans a transplantation."""
    t = case.transplant
    if t is None:
        return None
    atg = None
    if t.atg is not None:
        atg = AtgOrder(
            product=AtgProduct(t.atg.product.lower()),
            amount_mg_per_kg=t.atg.amount_mg_per_kg,
            basis=AtgBasis(t.atg.basis),
        )
    return schedule(
        regimen=regimen(t.regimen),
        donor=Donor(t.donor),
        patient=case_patient(case),
        day_zero_on=t.day_zero_on,
        choices=CourseChoices(
            tbi_dose_gy=t.tbi_Gy,
            graft_confirmed=t.graft_confirmed,
            ert_day=t.ert_day,
            surface_rule=SurfaceRule(t.bsa),
            cyclophosphamide_weight=None
            if t.cyclophosphamide_weight is None
            else WeightRule(t.cyclophosphamide_weight),
            atg=atg,
            calcineurin_inhibitor=t.calcineurin_inhibitor,
            immunosuppression_start_day=t.immunosuppression_start_day,
            amino_acids=None
            if t.amino_acids is None
            else AminoAcids(arginine_g=t.amino_acids.arginine_g, lysine_g=t.amino_acids.lysine_g),
            creatinine_after_ert_mg_per_dl=t.creatinine_after_ert_mg_per_dl,
            renal_weight=WeightRule(t.renal_weight),
            ert_at=t.ert_at,
            overrides=t.overrides,
        ),
        agent_title=case_agent(case).title,
        prescription=prescription,
        zone=case.zone,
    )
