"""The second person's calculation: other formulas in decimal arithmetic, and number by number against the first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hemadose.errors import PlanningError
from hemadose.model import Course, Patient, Sex
from hemadose.therapy.conditioning.anthropometry import SurfaceRule, WeightRule
from hemadose.therapy.conditioning.choices import CourseChoices
from hemadose.therapy.conditioning.doses import DrugDose
from hemadose.therapy.conditioning.regimen import DoseUnit
from hemadose.therapy.conditioning.renal import FludarabineLabel

TOLERANCE = 1e-6
Number = float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One number or word that planner and verifier do not share.

    Attributes
    ----------
    what : str
        E.g. ``"day -5 Fludarabine, mg per day"``.
    planned, verified : float, str or None
        None where one side does not know it.
    relative : float or None
        Verified over planned, minus 1.
    """

    what: str
    planned: Number | None
    verified: Number | None
    relative: float | None = None


def require_two_persons(planner: str, verifier: str) -> None:
    """Refuse a check by the planner, also under another spelling of the same name.

    Parameters
    ----------
    planner, verifier : str
        Roles or initials.

    Raises
    ------
    PlanningError
        If one is empty, or both are the same.

    Examples
    --------
    >>> require_two_persons("pharmacist A", "physicist B")
    """
    one, two = (re.sub(r"[\W_]+", "", name.casefold()) for name in (planner, verifier))
    if not one or not two:
        raise PlanningError(
            "planner and verifier need a role or initials", field="--verifier", value=verifier or planner
        )
    if one == two or sorted(_words(planner)) == sorted(_words(verifier)):
        raise PlanningError(
            "planner and verifier are the same person",
            field="--verifier",
            value=verifier,
            remedy="a second person enters the inputs anew and checks",
        )


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", name.casefold())


def course_numbers(course: Course, doses: Sequence[DrugDose]) -> dict[str, Number]:
    """Give everything that planner and verifier must agree on, by name.

    Returns
    -------
    dict of str to float or str
        Dates and times of all events, amounts of each, totals of each drug, warnings.
    """
    found: dict[str, Number] = {"day 0": course.day_zero_on.isoformat(), "donor": course.donor.value}
    for event in course.events:
        at = "" if event.at is None else f" {event.at:%H:%M}"
        key = f"day {event.day:+d}{at} {event.title}"
        found[key] = "planned" if event.amount is None else event.amount
        if event.duration_h is not None:
            found[f"{key}, h"] = event.duration_h
    for dose in doses:
        name = f"{dose.title} from day {dose.days[0]:+d}"
        for what, value in (
            (f"size in {'m2' if dose.unit is DoseUnit.MG_PER_M2 else 'kg'}", dose.size),
            ("renal fraction", dose.fraction),
            ("mg per day", dose.per_day_mg),
            ("mg in all", dose.total_mg),
        ):
            found[f"{name}, {what}"] = "none" if value is None else value
    for warning in course.warnings:
        found[f"warning {warning.code}"] = warning.severity.value
    return found


def compare_numbers(planned: Mapping[str, Number], verified: Mapping[str, Number]) -> tuple[Difference, ...]:
    """Give every entry that differs, is missing or is additional.

    Parameters
    ----------
    planned, verified : Mapping of str to float or str
        From `course_numbers`; numbers agree within a relative 1e-6, words exactly.

    Examples
    --------
    >>> [d.what for d in compare_numbers({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.2, "c": 1.0})]
    ['b', 'c']
    """
    found = []
    for what in dict.fromkeys([*planned, *verified]):
        one, two = planned.get(what), verified.get(what)
        if isinstance(one, float | int) and isinstance(two, float | int):
            if abs(two - one) > TOLERANCE * max(abs(one), abs(two)):
                relative = two / one - 1.0 if one else None
                found.append(Difference(what=what, planned=one, verified=two, relative=relative))
        elif one != two:
            found.append(Difference(what=what, planned=one, verified=two))
    return tuple(found)


def require_second_calculation(doses: Sequence[DrugDose], patient: Patient, choices: CourseChoices) -> None:
    """Calculate every dose again in decimal arithmetic with formulas of their own.

    Raises
    ------
    PlanningError
        If the two calculations of one dose differ: an error of the program, never of the user.
    """
    for dose in doses:
        first, second = dose.per_day_mg, second_per_day_mg(dose, patient, choices)
        if first is None or second is None:
            agree = first is None and second is None
        else:
            agree = abs(first - second) <= TOLERANCE * first
        if not agree:
            raise PlanningError(
                f"two calculations of {dose.title} differ",
                value=f"{first} and {second} mg per day",
                remedy="do not use this calendar; report the case",
            )


def second_per_day_mg(dose: DrugDose, patient: Patient, choices: CourseChoices) -> float | None:
    """Milligrams per day from the ordered amount and the measured body alone, in decimal arithmetic."""
    fraction = _fraction(patient, choices) if dose.drug == "fludarabine" else Decimal(1)
    if fraction == 0:
        return None
    if dose.unit is DoseUnit.MG_PER_M2:
        size = _surface(patient, choices.surface_rule)
    else:
        follows = dose.drug in ("cyclophosphamide", "mesna") and choices.cyclophosphamide_weight is not None
        size = _weight(patient, choices.cyclophosphamide_weight if follows else WeightRule.ACTUAL)
    parts = (Decimal(repr(dose.ordered)), fraction, size, Decimal(dose.times_per_day))
    product = Decimal(1)
    for part in parts:
        product *= part
    return float(product)


def _fraction(patient: Patient, choices: CourseChoices) -> Decimal:
    """Renal fraction of fludarabine, by tables of bounds of its own."""
    creatinine = choices.creatinine_after_ert_mg_per_dl
    creatinine = patient.creatinine_mg_per_dl if creatinine is None else creatinine
    if creatinine is None or patient.age_years is None:
        return Decimal(1)
    clearance = (140 - Decimal(repr(float(patient.age_years)))) * _weight(patient, choices.renal_weight)
    clearance /= 72 * Decimal(repr(float(creatinine)))
    if patient.sex is Sex.FEMALE:
        clearance *= Decimal("0.85")
    if choices.renal_label is FludarabineLabel.US_ORAL:
        clearance *= Decimal("1.73") / _surface(patient, choices.surface_rule)
        return Decimal("0.5") if clearance < 30 else Decimal("0.8") if clearance <= 70 else Decimal(1)
    steps = ((30, "0"), (50, "0.6"), (80, "0.8"))
    return next((Decimal(f) for bound, f in steps if clearance < bound), Decimal(1))


def _surface(patient: Patient, rule: SurfaceRule) -> Decimal:
    height, weight = Decimal(repr(float(patient.height_cm))), Decimal(repr(float(patient.weight_kg)))
    if rule is SurfaceRule.MOSTELLER:
        return (height / 100 * weight / 36).sqrt()
    # DuBois with height in m: 0.007184 x 100^0.725 = 0.20247
    return (
        Decimal("0.007184")
        * Decimal(100) ** Decimal("0.725")
        * weight ** Decimal("0.425")
        * (height / 100) ** Decimal("0.725")
    )


def _weight(patient: Patient, rule: WeightRule | None) -> Decimal:
    actual = Decimal(repr(float(patient.weight_kg)))
    if rule in (None, WeightRule.ACTUAL):
        return actual
    base = Decimal("50") if patient.sex is Sex.MALE else Decimal("45.5")
    ideal = base + Decimal("0.91") * Decimal(repr(float(patient.height_cm))) - Decimal("138.684")
    if rule is WeightRule.IDEAL:
        return ideal
    if rule is WeightRule.LESSER_OF_IDEAL_AND_ACTUAL:
        return min(ideal, actual)
    share = {WeightRule.ADJUSTED_25: "0.25", WeightRule.ADJUSTED_40: "0.40", WeightRule.ADJUSTED_50: "0.50"}[rule]
    return ideal * (1 - Decimal(share)) + actual * Decimal(share)
