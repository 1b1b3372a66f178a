"""Milligrams of a course, line by line, with everything they were computed from.

A dose keeps its basis (per kg or per m2), the weight or surface and the rule behind it, the renal fraction,
the amount of a day and of all days: nothing has to be taken out of a sentence again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hemadose.model import Patient
from hemadose.therapy.conditioning.anthropometry import (
    SURFACE_WORDS,
    WEIGHT_WORDS,
    WeightRule,
    body_surface_m2,
    creatinine_clearance_ml_per_min,
    dosing_weight_kg,
)
from hemadose.therapy.conditioning.choices import AtgBasis, CourseChoices
from hemadose.therapy.conditioning.regimen import DoseUnit, Evidence, Regimen, RegimenItem
from hemadose.therapy.conditioning.renal import LABEL_WORDS, RenalReduction, renal_reduction


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugDose:
    """One line of a course in milligrams, not rounded.

    Attributes
    ----------
    drug, title, kind : str
        As in the regimen.
    days : tuple of int
        First and last day of a period.
    continuous : bool
        Whether `days` is a period.
    ordered : float
        Amount per administration as ordered, in `unit`.
    unit : DoseUnit
        Basis.
    fraction : float
        Part of it that renal function allows; 0: not to be given.
    size : float
        Body surface in m2 or weight in kg.
    size_rule : str
        How `size` was found, e.g. ``"Mosteller, actual weight 75.0 kg"``.
    times_per_day : int
        Administrations per day.
    renal : RenalReduction or None
        For fludarabine with known renal function.
    remark : str
        What else belongs to the basis.
    instruction, source : str
        As in the regimen.
    evidence : Evidence
        How sure amount and days are.
    """

    drug: str
    title: str
    kind: str
    days: tuple[int, ...]
    continuous: bool
    ordered: float
    unit: DoseUnit
    fraction: float
    size: float
    size_rule: str
    times_per_day: int
    renal: RenalReduction | None = None
    remark: str = ""
    instruction: str = ""
    source: str = ""
    evidence: Evidence = Evidence.PUBLICATION

    @property
    def single_mg(self) -> float | None:
        """Milligrams per administration; None where the drug must not be given."""
        return self.ordered * self.fraction * self.size if self.fraction else None

    @property
    def per_day_mg(self) -> float | None:
        """Milligrams per day."""
        return None if self.single_mg is None else self.single_mg * self.times_per_day

    @property
    def day_count(self) -> int | None:
        """Number of days; None for a period with an open end."""
        if not self.continuous:
            return len(self.days)
        return self.days[-1] - self.days[0] + 1 if len(self.days) > 1 else None

    @property
    def total_mg(self) -> float | None:
        """Milligrams of all days."""
        if self.per_day_mg is None or self.day_count is None:
            return None
        return self.per_day_mg * self.day_count

    @property
    def total_ordered(self) -> float | None:
        """Amount of all days in `unit`, after renal reduction."""
        return None if self.day_count is None else self.ordered * self.fraction * self.times_per_day * self.day_count

    @property
    def basis(self) -> str:
        """How the amount was computed, in one line."""
        if not self.fraction and self.renal is not None:
            return f"contraindicated: creatinine clearance {self.renal.clearance:.4g} {self.renal.unit}"
        single = self.single_mg or 0.0
        times = f"{self.times_per_day} x {single:.0f} mg a day; " if self.times_per_day > 1 else ""
        size = f"{self.size:.3f} m2" if self.unit is DoseUnit.MG_PER_M2 else f"{self.size:.1f} kg"
        rule = self.size_rule.split(" of ")[0]
        return f"{times}{self.ordered * self.fraction:g} {self.unit} x {size} ({rule}){self.remark}"


def course_doses(regimen: Regimen, patient: Patient, choices: CourseChoices) -> tuple[DrugDose, ...]:
    """Give every line of a course that has an amount, antithymocyte globulin included.

    Parameters
    ----------
    regimen : Regimen
        The regimen.
    patient : Patient
        Height, weight, sex; age and creatinine for fludarabine.
    choices : CourseChoices
        Rules for weight, surface and renal function; product of antithymocyte globulin.
    """
    return (
        *_antithymocyte_globulin(regimen, patient, choices),
        *(d for item in regimen.items if (d := item_dose(item, patient=patient, choices=choices)) is not None),
    )


def item_dose(item: RegimenItem, *, patient: Patient, choices: CourseChoices) -> DrugDose | None:
    """Give one line of a regimen in milligrams; None where the regimen gives no amount."""
    if item.amount is None or item.unit is None:
        return None
    fraction, renal, remark = 1.0, None, ""
    if item.drug == "fludarabine":
        renal = renal_of(patient, choices)
        fraction = 1.0 if renal is None else renal.fraction
        remark = (
            ", renal function unknown"
            if renal is None
            else f", creatinine clearance {renal.clearance:.4g} {renal.unit}: "
            f"{renal.fraction:.0%} of {item.amount:g} mg/m2 ({LABEL_WORDS[renal.label]})"
        )
    size, rule = _size(item, patient, choices)
    days = item.days
    if item.continuous and choices.immunosuppression_start_day is not None and item.kind == "immunosuppression":
        start = choices.immunosuppression_start_day
        days = (start, item.days[-1]) if len(item.days) > 1 and item.days[-1] > start else (start,)
    return DrugDose(
        drug=item.drug,
        title=item.title,
        kind=item.kind,
        days=days,
        continuous=item.continuous,
        ordered=item.amount,
        unit=item.unit,
        fraction=fraction,
        size=size,
        size_rule=rule,
        times_per_day=item.times_per_day,
        renal=renal,
        remark=remark,
        instruction=item.instruction,
        source=item.source,
        evidence=item.evidence,
    )


def renal_of(patient: Patient, choices: CourseChoices) -> RenalReduction | None:
    """Give the reduction by the chosen label, or None where age or creatinine is missing."""
    clearance = clearance_ml_per_min(patient, choices)
    if clearance is None:
        return None
    return renal_reduction(clearance, surface_m2=_surface(patient, choices), label=choices.renal_label)


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


def _surface(patient: Patient, choices: CourseChoices) -> float:
    return body_surface_m2(height_cm=patient.height_cm, weight_kg=patient.weight_kg, rule=choices.surface_rule)


def _size(item: RegimenItem, patient: Patient, choices: CourseChoices) -> tuple[float, str]:
    if item.unit is DoseUnit.MG_PER_M2:
        rule = SURFACE_WORDS[choices.surface_rule]
        return _surface(
            patient, choices
        ), f"{rule} of {patient.height_cm:g} cm and actual weight {patient.weight_kg:g} kg"
    weight_rule = _weight_rule(item, choices)
    return dosing_weight_kg(patient, rule=weight_rule), WEIGHT_WORDS[weight_rule]


def _weight_rule(item: RegimenItem, choices: CourseChoices) -> WeightRule:
    # mesna protects against cyclophosphamide and follows its weight
    if item.drug in ("cyclophosphamide", "mesna") and choices.cyclophosphamide_weight is not None:
        return choices.cyclophosphamide_weight
    return WeightRule.ACTUAL


def _antithymocyte_globulin(regimen: Regimen, patient: Patient, choices: CourseChoices) -> Iterator[DrugDose]:
    plan, order = regimen.atg, choices.atg
    if plan is None or order is None:
        return
    count = len(plan.days)
    total = order.total_mg_per_kg(days=count)
    as_ordered = f"{order.amount_mg_per_kg:g} mg/kg {'in total' if order.basis is AtgBasis.TOTAL else 'per day'}"
    yield DrugDose(
        drug="antithymocyte_globulin",
        title=f"Antithymocyte globulin ({order.product.capitalize()})",
        kind="immunosuppression",
        days=plan.days,
        continuous=False,
        ordered=total / count,
        unit=DoseUnit.MG_PER_KG,
        fraction=1.0,
        size=patient.weight_kg,
        size_rule=WEIGHT_WORDS[WeightRule.ACTUAL],
        times_per_day=1,
        remark=f"; ordered {as_ordered}, {total:g} mg/kg over {count} d",
        source=plan.source,
    )
