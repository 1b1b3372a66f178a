"""Body surface, dosing weights and creatinine clearance, each rule by its name.

No rule is a default of another: a dose states which weight and which surface it used.
"""

from __future__ import annotations

from enum import StrEnum
from math import sqrt

from hemadose.errors import QuantityError
from hemadose.model import Patient, Sex

DEVINE_START_CM = 152.4
CREATININE_RANGE_MG_PER_DL = (0.1, 15.0)
AGE_RANGE_YEARS = (18.0, 100.0)
BODY_MASS_INDEX_RANGE = (10.0, 80.0)


class SurfaceRule(StrEnum):
    """Formula for body surface area."""

    MOSTELLER = "mosteller"
    DUBOIS = "dubois"


class WeightRule(StrEnum):
    """Which weight a dose per kilogram refers to."""

    ACTUAL = "actual"
    IDEAL = "ideal"
    ADJUSTED_25 = "adjusted_25"
    ADJUSTED_40 = "adjusted_40"
    ADJUSTED_50 = "adjusted_50"
    LESSER_OF_IDEAL_AND_ACTUAL = "lesser_of_ideal_and_actual"


_ADJUSTED = {
    WeightRule.ADJUSTED_25: 0.25,
    WeightRule.ADJUSTED_40: 0.40,
    WeightRule.ADJUSTED_50: 0.50,
}

WEIGHT_WORDS = {
    WeightRule.ACTUAL: "actual weight",
    WeightRule.IDEAL: "ideal weight, Devine",
    WeightRule.ADJUSTED_25: "adjusted weight, 25 %",
    WeightRule.ADJUSTED_40: "adjusted weight, 40 %",
    WeightRule.ADJUSTED_50: "adjusted weight, 50 %",
    WeightRule.LESSER_OF_IDEAL_AND_ACTUAL: "lesser of ideal and actual weight",
}

SURFACE_WORDS = {SurfaceRule.MOSTELLER: "Mosteller", SurfaceRule.DUBOIS: "DuBois"}


def body_surface_m2(*, height_cm: float, weight_kg: float, rule: SurfaceRule) -> float:
    """Body surface area in m2.

    Mosteller, N Engl J Med 1987;317:1098: sqrt(h w / 3600). DuBois and DuBois, Arch Intern
    Med 1916;17:863: 0.007184 w^0.425 h^0.725. Both with h in cm and w in kg.

    Raises
    ------
    QuantityError
        For an implausible height or weight.

    Examples
    --------
    >>> round(body_surface_m2(height_cm=178, weight_kg=75, rule=SurfaceRule.MOSTELLER), 3)
    1.926
    >>> round(body_surface_m2(height_cm=178, weight_kg=75, rule=SurfaceRule.DUBOIS), 3)
    1.927
    """
    _require_range("height", height_cm, 50.0, 250.0, "cm")
    _require_range("weight", weight_kg, 3.0, 350.0, "kg")
    if SurfaceRule(rule) is SurfaceRule.MOSTELLER:
        return sqrt(height_cm * weight_kg / 3600.0)
    return float(0.007184 * weight_kg**0.425 * height_cm**0.725)


def check_body(*, height_cm: float, weight_kg: float) -> float:
    """Give the body mass index in kg/m2, or refuse a height and weight that cannot belong together.

    Raises
    ------
    QuantityError
        Height in metres, the two exchanged, or a body mass index outside 10-80 kg/m2.

    Examples
    --------
    >>> round(check_body(height_cm=178, weight_kg=75), 1)
    23.7
    """
    if 0.5 <= height_cm <= 2.5:
        raise QuantityError(
            "implausible height",
            field="height_cm",
            value=f"{height_cm:g}",
            expected="cm",
            remedy=f"the height was perhaps given in metres: {100.0 * height_cm:g} cm",
        )
    _require_range("height", height_cm, 50.0, 250.0, "cm")
    _require_range("weight", weight_kg, 3.0, 350.0, "kg")
    index = weight_kg / (height_cm / 100.0) ** 2
    low, high = BODY_MASS_INDEX_RANGE
    if not low <= index <= high:
        exchanged = height_cm / (weight_kg / 100.0) ** 2
        raise QuantityError(
            "height and weight do not belong together",
            field="height_cm, weight_kg",
            value=f"{height_cm:g} cm, {weight_kg:g} kg (body mass index {index:.0f} kg/m2)",
            expected=f"body mass index {low:g}-{high:g} kg/m2",
            remedy="height and weight were perhaps exchanged"
            if low <= exchanged <= high
            else "measure again; weight in kg, height in cm",
        )
    return index


def ideal_weight_kg(*, height_cm: float, sex: Sex) -> float:
    """Ideal body weight after Devine: 50 (men) or 45.5 (women) + 0.91 (h - 152.4 cm).

    Devine, Drug Intell Clin Pharm 1974;8:650 (2.3 kg per inch above 5 feet).

    Raises
    ------
    QuantityError
        Below 152.4 cm, where the formula is not defined.

    Examples
    --------
    >>> round(ideal_weight_kg(height_cm=178, sex=Sex.MALE), 1)
    73.3
    """
    _require_range("height", height_cm, 50.0, 250.0, "cm")
    if height_cm < DEVINE_START_CM:
        raise QuantityError(
            "ideal weight after Devine is not defined for this height",
            field="height_cm",
            value=f"{height_cm:g}",
            expected=f">= {DEVINE_START_CM:g} cm",
            remedy="choose the actual weight",
        )
    base = 50.0 if sex is Sex.MALE else 45.5
    return base + 0.91 * (height_cm - DEVINE_START_CM)


def adjusted_weight_kg(*, ideal_kg: float, actual_kg: float, fraction: float) -> float:
    """Ideal weight plus a fraction of the excess: IBW + f (ABW - IBW).

    >>> adjusted_weight_kg(ideal_kg=70.0, actual_kg=110.0, fraction=0.25)
    80.0
    """
    if not 0.0 <= fraction <= 1.0:
        raise QuantityError("the fraction lies between 0 and 1", field="fraction", value=f"{fraction:g}")
    return ideal_kg + fraction * (actual_kg - ideal_kg)


def dosing_weight_kg(patient: Patient, *, rule: WeightRule) -> float:
    """Weight that a dose per kilogram refers to.

    Parameters
    ----------
    patient : Patient
        Height, weight and sex are used.
    rule : WeightRule
        Chosen by the centre; there is no default (ASBMT 2014: no level I or II evidence).

    Raises
    ------
    QuantityError
        Where the rule is not defined for the height.
    """
    rule = WeightRule(rule)
    if rule is WeightRule.ACTUAL:
        return patient.weight_kg
    ideal = ideal_weight_kg(height_cm=patient.height_cm, sex=patient.sex)
    if rule is WeightRule.IDEAL:
        return ideal
    if rule is WeightRule.LESSER_OF_IDEAL_AND_ACTUAL:
        return min(ideal, patient.weight_kg)
    return adjusted_weight_kg(ideal_kg=ideal, actual_kg=patient.weight_kg, fraction=_ADJUSTED[rule])


def creatinine_clearance_ml_per_min(
    *, age_years: float, weight_kg: float, creatinine_mg_per_dl: float, sex: Sex
) -> float:
    """Creatinine clearance after Cockcroft and Gault, Nephron 1976;16:31, in ml/min.

    (140 - age) w / (72 creatinine), times 0.85 for women.

    Raises
    ------
    QuantityError
        For values that are implausible or in another unit (creatinine in umol/l).

    Examples
    --------
    >>> round(creatinine_clearance_ml_per_min(age_years=46, weight_kg=75,
    ...     creatinine_mg_per_dl=0.8, sex=Sex.MALE), 1)
    122.4
    """
    _require_range("age", age_years, *AGE_RANGE_YEARS, "years")
    _require_range("weight", weight_kg, 3.0, 350.0, "kg")
    low, high = CREATININE_RANGE_MG_PER_DL
    if not low <= creatinine_mg_per_dl <= high:
        raise QuantityError(
            "implausible creatinine",
            field="creatinine_mg_per_dl",
            value=f"{creatinine_mg_per_dl:g}",
            expected=f"{low:g}-{high:g} mg/dl",
            remedy="divide umol/l by 88.4",
        )
    factor = 1.0 if sex is Sex.MALE else 0.85
    return factor * (140.0 - age_years) * weight_kg / (72.0 * creatinine_mg_per_dl)


def _require_range(name: str, number: float, low: float, high: float, unit: str) -> None:
    if not low <= number <= high:
        raise QuantityError(f"implausible {name}", field=name, value=f"{number:g}", expected=f"{low:g}-{high:g} {unit}")
