"""Checks of the drugs of a course: unit, day, daily and cumulative amount, renal function, weight, interactions."""

from __future__ import annotations

from collections.abc import Iterator

from hemadose.model import CourseWarning, Donor, Patient
from hemadose.therapy.conditioning.anthropometry import (
    DEVINE_START_CM,
    WEIGHT_WORDS,
    WeightRule,
    body_surface_m2,
    check_body,
    dosing_weight_kg,
    ideal_weight_kg,
)
from hemadose.therapy.conditioning.doses import clearance_ml_per_min, renal_of
from hemadose.therapy.conditioning.regimen import AtgProduct, CourseChoices, DoseUnit, Evidence, Regimen, RegimenItem
from hemadose.therapy.conditioning.renal import LABEL_WORDS, FludarabineLabel, renal_reduction
from hemadose.therapy.conditioning.rules import warning

FLUDARABINE_DAILY_CAP_MG_PER_M2 = 40.0
FLUDARABINE_NEUROTOXIC_MG_PER_M2 = 96.0
FLUDARABINE_TOTAL_MG_PER_M2 = 150.0
CYCLOPHOSPHAMIDE_TOTAL_MG_PER_KG = 200.0
OBESE_OVER_IDEAL = 1.3
WEIGHT_CHANGE = 0.10
USUAL_BODY_MASS_INDEX = (16.0, 45.0)
CORTICOSTEROIDS = ("dexamethasone", "methylprednisolone", "prednisolone", "prednisone", "hydrocortisone")


def drug_warnings(regimen: Regimen, donor: Donor, patient: Patient, choices: CourseChoices) -> Iterator[CourseWarning]:
    """Give the warnings about drugs, in no order.

    Parameters
    ----------
    regimen : Regimen
        The regimen.
    donor : Donor
        Donor type.
    patient : Patient
        Height, weight, sex; age and creatinine.
    choices : CourseChoices
        Rules and products that were chosen.

    Yields
    ------
    CourseWarning
        Before overrides are applied.
    """
    yield from _fludarabine(regimen, patient, choices)
    yield from _cumulative(regimen, patient, choices)
    yield from _units_and_alternatives(regimen)
    yield from _immunosuppression(regimen, patient, choices)
    yield from _antithymocyte_globulin(regimen, donor, choices)
    yield from _weights(regimen, patient, choices)
    yield from _body(patient, choices)


def _fludarabine(regimen: Regimen, patient: Patient, choices: CourseChoices) -> Iterator[CourseWarning]:
    items = [item for item in regimen.items if item.drug == "fludarabine"]
    if not items:
        return
    shared = sorted({day for item in items for day in item.days} & set(regimen.tbi.days))
    if shared:
        yield warning(
            "FLU-ON-TBI-DAY",
            f"Fludarabine on a day of irradiation ({', '.join(f'{day:+d}' for day in shared)}); "
            "the published regimens keep them apart.",
        )
    daily = max((item.amount_per_day or 0.0) * _factor(item, DoseUnit.MG_PER_M2, patient, choices) for item in items)
    if daily >= FLUDARABINE_NEUROTOXIC_MG_PER_M2:
        yield warning("FLU-NEUROTOXIC", f"Fludarabine {daily:g} mg/m2 a day is a neurotoxic dose.")
    elif daily > FLUDARABINE_DAILY_CAP_MG_PER_M2:
        yield warning(
            "FLU-DAILY-CAP",
            f"Fludarabine {daily:g} mg/m2 a day exceeds {FLUDARABINE_DAILY_CAP_MG_PER_M2:g} mg/m2.",
        )
    clearance = clearance_ml_per_min(patient, choices)
    if clearance is None:
        yield warning(
            "FLU-RENAL-UNKNOWN",
            "Age or creatinine is missing: the fludarabine dose is not adjusted to renal function.",
        )
        return
    if choices.creatinine_after_ert_mg_per_dl is None:
        yield warning(
            "FLU-RECHECK",
            "Recheck creatinine after endoradiotherapy and amino acids, before the first fludarabine, "
            "and calculate the dose again.",
        )
    if choices.renal_weight is WeightRule.ACTUAL and _weight_over_ideal(patient) >= OBESE_OVER_IDEAL:
        yield warning(
            "RENAL-WEIGHT",
            f"Creatinine clearance by actual weight at {_weight_over_ideal(patient):.0%} of ideal weight is "
            "overestimated; choose an adjusted weight.",
        )
    yield from _renal_labels(patient, choices, clearance)


def _renal_labels(patient: Patient, choices: CourseChoices, clearance: float) -> Iterator[CourseWarning]:
    used = renal_of(patient, choices)
    if used is None:
        return
    surface = body_surface_m2(height_cm=patient.height_cm, weight_kg=patient.weight_kg, rule=choices.surface_rule)
    other = renal_reduction(
        clearance, surface_m2=surface, label=next(label for label in FludarabineLabel if label is not used.label)
    )
    at = f"Creatinine clearance {used.clearance:.4g} {used.unit}"
    if used.fraction == 0.0:
        yield warning("FLU-CONTRAINDICATED", f"{at}: fludarabine must not be given.")
    elif used.fraction < 1.0:
        yield warning("FLU-REDUCED", f"{at}: fludarabine at {used.fraction:.0%} ({LABEL_WORDS[used.label]}).")
    if used.fraction > 0.0 and other.fraction == 0.0:
        yield warning(
            "FLU-BELOW-30",
            f"{at}: {used.fraction:.0%} by the {LABEL_WORDS[used.label]}, but the {LABEL_WORDS[other.label]} forbids "
            f"the drug ({other.clearance:.4g} {other.unit}).",
        )
    elif other.fraction != used.fraction:
        yield warning(
            "FLU-LABEL",
            f"The labels differ: {used.fraction:.0%} by the {LABEL_WORDS[used.label]} (used), "
            f"{other.fraction:.0%} by the {LABEL_WORDS[other.label]} ({other.clearance:.4g} {other.unit}).",
        )


def _factor(item: RegimenItem, unit: DoseUnit, patient: Patient, choices: CourseChoices) -> float:
    """Factor from the unit of a line to another one, for limits that are published in it."""
    if item.unit is None or item.unit is unit:
        return 1.0
    surface = body_surface_m2(height_cm=patient.height_cm, weight_kg=patient.weight_kg, rule=choices.surface_rule)
    per_m2 = patient.weight_kg / surface
    return per_m2 if unit is DoseUnit.MG_PER_M2 else 1.0 / per_m2


def _cumulative(regimen: Regimen, patient: Patient, choices: CourseChoices) -> Iterator[CourseWarning]:
    for drug, unit, most, code in (
        ("fludarabine", DoseUnit.MG_PER_M2, FLUDARABINE_TOTAL_MG_PER_M2, "FLU-TOTAL"),
        ("cyclophosphamide", DoseUnit.MG_PER_KG, CYCLOPHOSPHAMIDE_TOTAL_MG_PER_KG, "CY-TOTAL"),
    ):
        lines = [i for i in regimen.items if i.drug == drug]
        total = sum((i.amount_of_all_days or 0.0) * _factor(i, unit, patient, choices) for i in lines)
        if total > most * (1.0 + 1e-9):
            yield warning(code, f"{drug.capitalize()} {total:g} {unit} in all exceeds {most:g} {unit}.")


def _units_and_alternatives(regimen: Regimen) -> Iterator[CourseWarning]:
    for item in regimen.items:
        if item.correction is not None:
            c = item.correction
            yield warning("UNIT-CORRECTED", f"{item.title}: printed “{c.printed}”, used {c.corrected}. {c.reason}.")
        if item.unit_reason:
            yield warning("UNIT-REASON", f"{item.title} in {item.unit}. Overridden: {item.unit_reason}")
    doubtful = [item.title for item in regimen.items if item.evidence is Evidence.UNVERIFIED]
    if regimen.tbi.evidence is Evidence.UNVERIFIED:
        doubtful.append("Total body irradiation")
    if doubtful:
        yield warning("UNVERIFIED", f"Days or amounts not read in a publication: {', '.join(doubtful)}. Confirm first.")
    if regimen.alternatives:
        yield warning(
            "ALTERNATIVE",
            f"This regimen is given instead of {', '.join(regimen.alternatives)}, never in addition.",
        )


def _immunosuppression(regimen: Regimen, patient: Patient, choices: CourseChoices) -> Iterator[CourseWarning]:
    post = regimen.post_transplant_cyclophosphamide
    start = choices.immunosuppression_start_day
    starts = [
        item.days[0] if start is None else start
        for item in regimen.items
        if item.kind == "immunosuppression" and item.drug not in ("cyclophosphamide", "antithymocyte_globulin")
    ]
    if post and starts and min(starts) <= post[-1]:
        yield warning(
            "CNI-BEFORE-PTCY",
            f"Immunosuppression on day {min(starts):+d} starts before post-transplant cyclophosphamide has ended "
            f"(day {post[-1]:+d}); it abolishes its effect. Start on day {post[-1] + 1:+d}.",
        )
    steroids = [i for i in regimen.items if i.drug in CORTICOSTEROIDS and any(0 <= d <= 4 for d in i.all_days)]
    if post and steroids:
        yield warning(
            "PTCY-STEROID-DAY",
            f"{', '.join(i.title for i in steroids)} between day 0 and day +4 of post-transplant cyclophosphamide.",
        )
    if regimen.printed_immunosuppression_day is not None:
        yield warning(
            "FIG1-IMMUNOSUPPRESSION",
            "The legend of Figure 1 starts immunosuppression on day "
            f"{regimen.printed_immunosuppression_day:+d}; with post-transplant cyclophosphamide on days +3 "
            "and +4, mycophenolate and calcineurin inhibitor start on day +5.",
        )
    open_starts = [item for item in regimen.items if not item.confirmed]
    if start is None and open_starts:
        yield warning(
            "IMMUNOSUPPRESSION-START",
            "Not published with this regimen and to be confirmed by the centre: "
            + ", ".join(f"{item.title.lower()} from day {item.days[0]:+d}" for item in open_starts)
            + ".",
        )
    if choices.calcineurin_inhibitor is None and regimen.days_of("calcineurin_inhibitor"):
        yield warning("CNI-PRODUCT", "The calcineurin inhibitor is not chosen.")
    for item in regimen.items:
        if item.drug == "mycophenolate_mofetil" and item.amount is not None:
            single = item.amount * patient.weight_kg
            if single > 1000.0:
                yield warning(
                    "MMF-DOSE",
                    f"Mycophenolate mofetil {single:.0f} mg per dose exceeds the common maximum of 1000 mg.",
                )


def _antithymocyte_globulin(regimen: Regimen, donor: Donor, choices: CourseChoices) -> Iterator[CourseWarning]:
    plan, order = regimen.atg, choices.atg
    if plan is None or order is None:
        return
    printed = plan.printed_mg_per_kg.get(donor)
    total = order.total_mg_per_kg(days=len(plan.days))
    name = order.product.capitalize()
    yield warning(
        "ATG-BASIS",
        ("" if printed is None else f"The paper prints {printed:g} mg/kg for {donor} without product or basis. ")
        + f"Ordered are {total:g} mg/kg {name} in total over {len(plan.days)} d.",
    )
    usual_low, usual_high = (6.0, 10.0) if order.product is AtgProduct.THYMOGLOBULIN else (20.0, 40.0)
    if order.product is AtgProduct.THYMOGLOBULIN and total >= 15.0:
        yield warning("ATG-TOTAL", f"{total:g} mg/kg {name} in total: lethal infections are to be expected.")
    elif not usual_low <= total <= usual_high:
        yield warning(
            "ATG-RANGE",
            f"{total:g} mg/kg {name} in total lies outside the usual {usual_low:g}-{usual_high:g} mg/kg.",
        )


def _weight_over_ideal(patient: Patient) -> float:
    """Actual over ideal weight; 1 below the height where Devine's formula begins."""
    if patient.height_cm < DEVINE_START_CM:
        return 1.0
    return patient.weight_kg / ideal_weight_kg(height_cm=patient.height_cm, sex=patient.sex)


def _weights(regimen: Regimen, patient: Patient, choices: CourseChoices) -> Iterator[CourseWarning]:
    rule = choices.cyclophosphamide_weight
    per_kg = any(i.drug == "cyclophosphamide" and i.unit is DoseUnit.MG_PER_KG for i in regimen.items)
    if rule is None or not per_kg:
        return
    ratio = _weight_over_ideal(patient)
    if ratio >= 1.5 and rule is WeightRule.ACTUAL:
        yield warning(
            "OBESITY-WEIGHT",
            f"Cyclophosphamide by actual weight at {ratio:.0%} of ideal weight; "
            "adjusted weight (50 %) was safe from 150 % on.",
        )
    chosen = dosing_weight_kg(patient, rule=rule)
    if chosen > patient.weight_kg:
        yield warning(
            "WEIGHT-ABOVE-ACTUAL",
            f"The dosing weight of cyclophosphamide ({chosen:.1f} kg, {WEIGHT_WORDS[rule]}) exceeds the "
            f"measured {patient.weight_kg:.1f} kg.",
        )


def _body(patient: Patient, choices: CourseChoices) -> Iterator[CourseWarning]:
    index = check_body(height_cm=patient.height_cm, weight_kg=patient.weight_kg)
    low, high = USUAL_BODY_MASS_INDEX
    if not low <= index <= high:
        yield warning("BODY-SIZE", f"Body mass index {index:.1f} kg/m2: measure height and weight again.")
    earlier = choices.earlier_weight_kg
    if earlier is not None and abs(patient.weight_kg - earlier) >= WEIGHT_CHANGE * earlier:
        yield warning(
            "WEIGHT-CHANGE",
            f"Weight {patient.weight_kg:g} kg, earlier {earlier:g} kg: doses are calculated with the present one.",
        )
