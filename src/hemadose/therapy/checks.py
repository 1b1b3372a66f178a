"""Safety rules of a conditioning calendar: each has a code, a severity, a text and a source.

A broken rule is a warning that travels with the course. A warning of severity ``stop`` may be
overridden with a reason, which is printed; an unconfirmed graft may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from hemadose.errors import PlanningError
from hemadose.model import CourseWarning, Donor, Patient, Prescription, Severity
from hemadose.therapy.anthropometry import (
    DEVINE_START_CM,
    WEIGHT_WORDS,
    WeightRule,
    creatinine_clearance_ml_per_min,
    dosing_weight_kg,
    ideal_weight_kg,
)
from hemadose.therapy.regimen import AtgProduct, CourseChoices, DoseUnit, Regimen
from hemadose.units import DAY_S

BRAITSCH = "Braitsch 2025, Theranostics 15:19-29"
FLUDARABINE_LABEL = "Fludarabine label (US, intravenous)"
PARENT_HAPLO = "srl.org.nz, regimen 496571000210107"
FLUDARABINE_DAILY_CAP_MG_PER_M2 = 40.0
FLUDARABINE_NEUROTOXIC_MG_PER_M2 = 96.0
INTERVAL_TOLERANCE_D = 0.5
OBESE_OVER_IDEAL = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a warning code stands for."""

    severity: Severity
    source: str
    overridable: bool = True


_STOP, _CAUTION, _INFO = Severity.STOP, Severity.CAUTION, Severity.INFO

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "GRAFT-UNCONFIRMED": Rule(
            severity=_STOP, source="Endoradiotherapy is myeloablative; " + BRAITSCH, overridable=False
        ),
        "RESIDUAL-MARROW": Rule(severity=_STOP, source=BRAITSCH + ", Methods (1 Gy to the marrow)"),
        "INTERVAL-MISMATCH": Rule(severity=_STOP, source="Prescription and calendar must agree"),
        "ERT-TBI-INTERVAL": Rule(severity=_STOP, source=BRAITSCH + ", Figure 1 (d-14 to d-9)"),
        "WEEKEND": Rule(severity=_INFO, source="Calendar"),
        "ERT-DAY": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods (d-15 or d-14)"),
        "CNI-BEFORE-PTCY": Rule(severity=_STOP, source=PARENT_HAPLO),
        "FIG1-IMMUNOSUPPRESSION": Rule(severity=_CAUTION, source=BRAITSCH + ", legend of Figure 1"),
        "IMMUNOSUPPRESSION-START": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods"),
        "CNI-PRODUCT": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods (no product named)"),
        "MMF-DOSE": Rule(severity=_CAUTION, source="General practice: 1 g per dose; not in " + PARENT_HAPLO),
        "FLU-CONTRAINDICATED": Rule(severity=_STOP, source=FLUDARABINE_LABEL),
        "FLU-REDUCED": Rule(severity=_CAUTION, source=FLUDARABINE_LABEL),
        "FLU-RENAL-UNKNOWN": Rule(severity=_STOP, source=FLUDARABINE_LABEL),
        "RENAL-WEIGHT": Rule(severity=_CAUTION, source="General practice with Cockcroft-Gault in obesity"),
        "FLU-RECHECK": Rule(severity=_CAUTION, source="Kidney dose of endoradiotherapy; " + FLUDARABINE_LABEL),
        "FLU-DAILY-CAP": Rule(severity=_CAUTION, source=FLUDARABINE_LABEL + ", neurotoxicity at 96 mg/m2/d"),
        "FLU-NEUROTOXIC": Rule(severity=_STOP, source=FLUDARABINE_LABEL + ", 36 % severe neurotoxicity"),
        "UNIT-CORRECTED": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods"),
        "ALTERNATIVE": Rule(severity=_INFO, source=BRAITSCH + ", Methods"),
        "ATG-BASIS": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods (product and basis not printed)"),
        "ATG-TOTAL": Rule(severity=_STOP, source="Blood 2001;98:2942 (lethal infections 30 vs 7 %)"),
        "ATG-RANGE": Rule(severity=_CAUTION, source="Usual totals: Thymoglobulin 6-10, Grafalon 20-40 mg/kg"),
        "OBESITY-WEIGHT": Rule(
            severity=_CAUTION, source="Biol Blood Marrow Transplant 2016;22:571; ASBMT 2014: no standard"
        ),
        "WEIGHT-ABOVE-ACTUAL": Rule(severity=_CAUTION, source="Arithmetic of the chosen weight rule"),
        "POTASSIUM": Rule(severity=_CAUTION, source="EJNMMI Res 2014;4:46 (K+ > 5.0 mmol/l in 20 of 22)"),
        "AMINO-ACID-AMOUNT": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods (2 % not resolved)"),
        "TLS": Rule(severity=_CAUTION, source="Cairo and Bishop, Br J Haematol 2004;127:3 (3 d before to 7 d after)"),
        "TBI-FRACTIONS": Rule(severity=_INFO, source=BRAITSCH + ", Methods (days of single fractions not printed)"),
        "PTCY-STEROIDS": Rule(severity=_CAUTION, source="General practice with post-transplant cyclophosphamide"),
    }
)


def warning(code: str, text: str) -> CourseWarning:
    """Give the warning of one rule."""
    rule = RULES[code]
    return CourseWarning(code=code, severity=rule.severity, text=text, source=rule.source)


def fludarabine_renal_fraction(clearance_ml_per_min: float) -> float:
    """Fraction of the full fludarabine dose by creatinine clearance.

    US label, intravenous: from 80 ml/min full; 50-79 20 of 25 mg/m2; 30-49 15 of 25 mg/m2;
    below 30 not to be given (0.0).

    Examples
    --------
    >>> [fludarabine_renal_fraction(c) for c in (100, 60, 40, 20)]
    [1.0, 0.8, 0.6, 0.0]
    """
    if clearance_ml_per_min >= 80.0:
        return 1.0
    if clearance_ml_per_min >= 50.0:
        return 0.8
    return 0.6 if clearance_ml_per_min >= 30.0 else 0.0


def clearance_ml_per_min(patient: Patient, choices: CourseChoices) -> float | None:
    """Cockcroft-Gault clearance from the latest creatinine, or None where age or creatinine is missing."""
    creatinine = choices.creatinine_after_ert_mg_per_dl
    if creatinine is None:
        creatinine = patient.creatinine_mg_per_dl
    if creatinine is None or patient.age_years is None:
        return None
    return creatinine_clearance_ml_per_min(
        age_years=patient.age_years,
        weight_kg=dosing_weight_kg(patient, rule=choices.renal_weight),
        creatinine_mg_per_dl=creatinine,
        sex=patient.sex,
    )


def find_warnings(
    *,
    regimen: Regimen,
    donor: Donor,
    patient: Patient,
    choices: CourseChoices,
    day_zero_on: date,
    prescription: Prescription | None,
) -> tuple[CourseWarning, ...]:
    """Give every warning of a course, the gravest first, with overrides applied.

    Raises
    ------
    PlanningError
        For an override of an unknown or not overridable rule, or without a reason.
    """
    found = [
        *_graft_and_timing(regimen, choices, prescription),
        *_weekends(regimen, choices, day_zero_on),
        *_fludarabine(regimen, patient, choices),
        *_units_and_alternatives(regimen),
        *_immunosuppression(regimen, patient, choices),
        *_antithymocyte_globulin(regimen, donor, choices),
        *_weights(regimen, patient, choices),
        *_supportive(regimen, choices),
    ]
    order = list(reversed(Severity))
    settled = _with_overrides(found, choices.overrides)
    return tuple(sorted(settled, key=lambda w: order.index(w.severity)))


def _graft_and_timing(
    regimen: Regimen, choices: CourseChoices, prescription: Prescription | None
) -> Iterator[CourseWarning]:
    if not choices.graft_confirmed:
        yield warning(
            "GRAFT-UNCONFIRMED",
            "Donor and graft are not confirmed for day 0: do not give the endoradiotherapy before they are.",
        )
    gap = regimen.tbi.days[0] - choices.ert_day
    if gap < regimen.ert_to_tbi_min_days:
        yield warning(
            "ERT-TBI-INTERVAL",
            f"Only {gap} d from endoradiotherapy to irradiation; at least {regimen.ert_to_tbi_min_days} d.",
        )
    if choices.ert_day not in regimen.ert_days:
        published = " or ".join(f"{day:+d}" for day in regimen.ert_days)
        yield warning("ERT-DAY", f"Endoradiotherapy on day {choices.ert_day:+d}; published are days {published}.")
    if choices.tbi_dose_gy == min(regimen.tbi.permitted_gy):
        yield warning(
            "TBI-FRACTIONS",
            f"{choices.tbi_dose_gy:g} Gy fill the first days of irradiation; confirm which day stays free.",
        )
    if prescription is not None:
        yield from _prescribed_interval(choices, prescription)


def _weekends(regimen: Regimen, choices: CourseChoices, day_zero_on: date) -> Iterator[CourseWarning]:
    planned = [("endoradiotherapy", choices.ert_day), ("infusion of stem cells", 0)]
    planned += [("irradiation", day) for day, _ in regimen.tbi.fractions(choices.tbi_dose_gy)]
    found = [f"{title} on day {day:+d}" for title, day in planned if _is_weekend(day_zero_on, day)]
    if found:
        yield warning("WEEKEND", f"At a weekend: {', '.join(found)}.")


def _is_weekend(day_zero_on: date, day: int) -> bool:
    return (day_zero_on + timedelta(days=day)).weekday() >= 5


def _prescribed_interval(choices: CourseChoices, prescription: Prescription) -> Iterator[CourseWarning]:
    interval_d = -float(choices.ert_day)
    planned = prescription.interval_to_infusion_s
    if planned is not None and abs(planned / DAY_S - interval_d) > INTERVAL_TOLERANCE_D:
        yield warning(
            "INTERVAL-MISMATCH",
            f"The activity was calculated for {planned / DAY_S:.1f} d from endoradiotherapy to infusion, "
            f"the calendar holds {interval_d:g} d.",
        )
    earliest = prescription.earliest_infusion_s
    if earliest is not None and earliest > interval_d * DAY_S:
        yield warning(
            "RESIDUAL-MARROW",
            f"The marrow dose after infusion meets its limit only {earliest / DAY_S:.1f} d after "
            f"endoradiotherapy; the calendar holds {interval_d:g} d.",
        )


def _fludarabine(regimen: Regimen, patient: Patient, choices: CourseChoices) -> Iterator[CourseWarning]:
    items = [item for item in regimen.items if item.drug == "fludarabine"]
    if not items:
        return
    daily = max(item.amount_per_day or 0.0 for item in items)
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
    fraction = fludarabine_renal_fraction(clearance)
    if fraction == 0.0:
        yield warning(
            "FLU-CONTRAINDICATED",
            f"Creatinine clearance {clearance:.0f} ml/min: fludarabine must not be given.",
        )
    elif fraction < 1.0:
        yield warning("FLU-REDUCED", f"Creatinine clearance {clearance:.0f} ml/min: fludarabine at {fraction:.0%}.")


def _units_and_alternatives(regimen: Regimen) -> Iterator[CourseWarning]:
    for item in regimen.items:
        if item.correction is not None:
            c = item.correction
            yield warning("UNIT-CORRECTED", f"{item.title}: printed “{c.printed}”, used {c.corrected}. {c.reason}.")
    if regimen.alternatives:
        yield warning(
            "ALTERNATIVE",
            f"This regimen is given instead of {', '.join(regimen.alternatives)}, never in addition.",
        )


def _immunosuppression(regimen: Regimen, patient: Patient, choices: CourseChoices) -> Iterator[CourseWarning]:
    post = regimen.days_of("cyclophosphamide", before_graft=False)
    start = choices.immunosuppression_start_day
    if post and start is not None and start <= post[-1]:
        yield warning(
            "CNI-BEFORE-PTCY",
            f"Immunosuppression on day {start:+d} starts before post-transplant cyclophosphamide has ended "
            f"(day {post[-1]:+d}); it abolishes its effect. Start on day {post[-1] + 1:+d}.",
        )
    if regimen.printed_immunosuppression_day is not None:
        yield warning(
            "FIG1-IMMUNOSUPPRESSION",
            "The legend of Figure 1 starts immunosuppression on day "
            f"{regimen.printed_immunosuppression_day:+d}; with post-transplant cyclophosphamide on days +3 "
            "and +4, mycophenolate and calcineurin inhibitor start on day +5.",
        )
    if start is None and any(not item.confirmed for item in regimen.items):
        yield warning(
            "IMMUNOSUPPRESSION-START",
            "The start of mycophenolate and calcineurin inhibitor is not published for matched donors; "
            "it is entered on day -1 to be confirmed by the centre.",
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


def _supportive(regimen: Regimen, choices: CourseChoices) -> Iterator[CourseWarning]:
    yield warning(
        "POTASSIUM",
        "Amino acids raise potassium: measure before, 4 h and 24 h after the start of the infusion. "
        "A rise within 24 h is not by itself a sign of tumour lysis.",
    )
    if choices.amino_acids is None:
        yield warning(
            "AMINO-ACID-AMOUNT",
            "Grams of arginine and lysine are not stated (“2 % L-arginine and L-lysine” in 1000 ml can "
            "mean 20 g + 20 g or 10 g + 10 g; 25 g + 25 g is standard in other therapies): ask the pharmacy.",
        )
    yield warning(
        "TLS",
        "Tumour lysis prophylaxis and laboratory in three overlapping windows: endoradiotherapy, irradiation "
        "and chemotherapy, each from 3 d before to 7 d after its start.",
    )
    if regimen.days_of("cyclophosphamide", before_graft=False):
        yield warning("PTCY-STEROIDS", "No corticosteroid as antiemetic from day 0 to day +4.")


def _with_overrides(found: list[CourseWarning], overrides: Mapping[str, str]) -> list[CourseWarning]:
    for code, reason in overrides.items():
        if code not in RULES:
            raise PlanningError(
                "an override names an unknown rule", field="overrides", value=code, expected=", ".join(RULES)
            )
        if not RULES[code].overridable:
            raise PlanningError("this rule cannot be overridden", field="overrides", value=code)
        if not reason.strip():
            raise PlanningError("an override needs a reason", field="overrides", value=code)
    return [
        CourseWarning(
            code=w.code,
            severity=Severity.CAUTION if w.severity is Severity.STOP else w.severity,
            text=f"{w.text} Overridden: {overrides[w.code].strip()}",
            source=w.source,
        )
        if w.code in overrides
        else w
        for w in found
    ]
