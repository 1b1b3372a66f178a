"""Body surface, weights and clearance. Numbers: clinical reference, section 4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import QuantityError
from hemadose.model import Patient, Sex
from hemadose.therapy.conditioning.anthropometry import (
    SurfaceRule,
    WeightRule,
    adjusted_weight_kg,
    body_surface_m2,
    creatinine_clearance_ml_per_min,
    dosing_weight_kg,
    ideal_weight_kg,
)


def patient(height: float = 178.0, weight: float = 75.0, sex: Sex = Sex.MALE) -> Patient:
    return Patient(pseudonym="A", sex=sex, height_cm=height, weight_kg=weight)


def test_178_cm_75_kg() -> None:
    # "Test: 178 cm 75 kg: 1.926 / 1.927 m2, IBW 73.3 (computed)"
    assert body_surface_m2(height_cm=178, weight_kg=75, rule=SurfaceRule.MOSTELLER) == pytest.approx(1.926, abs=5e-4)
    assert body_surface_m2(height_cm=178, weight_kg=75, rule=SurfaceRule.DUBOIS) == pytest.approx(1.927, abs=5e-4)
    assert ideal_weight_kg(height_cm=178, sex=Sex.MALE) == pytest.approx(73.3, abs=0.05)


def test_devine_women_are_4_5_kg_lighter() -> None:
    assert ideal_weight_kg(height_cm=165, sex=Sex.MALE) - ideal_weight_kg(height_cm=165, sex=Sex.FEMALE) == (
        pytest.approx(4.5)
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (WeightRule.ACTUAL, 120.0),
        (WeightRule.IDEAL, 73.296),
        (WeightRule.ADJUSTED_25, 84.972),
        (WeightRule.ADJUSTED_40, 91.978),
        (WeightRule.ADJUSTED_50, 96.648),
        (WeightRule.LESSER_OF_IDEAL_AND_ACTUAL, 73.296),
    ],
)
def test_weight_rules(rule: WeightRule, expected: float) -> None:
    assert dosing_weight_kg(patient(weight=120.0), rule=rule) == pytest.approx(expected, abs=1e-3)


def test_lesser_weight_of_a_light_patient_is_the_actual_one() -> None:
    assert dosing_weight_kg(patient(weight=60.0), rule=WeightRule.LESSER_OF_IDEAL_AND_ACTUAL) == 60.0


def test_devine_is_refused_below_five_feet() -> None:
    with pytest.raises(QuantityError, match="not defined"):
        ideal_weight_kg(height_cm=150.0, sex=Sex.FEMALE)
    assert dosing_weight_kg(patient(height=150.0), rule=WeightRule.ACTUAL) == 75.0


def test_creatinine_in_umol_per_l_is_refused() -> None:
    with pytest.raises(QuantityError, match=r"88\.4"):
        creatinine_clearance_ml_per_min(age_years=46, weight_kg=75, creatinine_mg_per_dl=71.0, sex=Sex.MALE)


def test_clearance_by_hand() -> None:
    # (140 - 60) 72 / (72 * 1.0) = 80; women 85 %
    man = creatinine_clearance_ml_per_min(age_years=60, weight_kg=72, creatinine_mg_per_dl=1.0, sex=Sex.MALE)
    woman = creatinine_clearance_ml_per_min(age_years=60, weight_kg=72, creatinine_mg_per_dl=1.0, sex=Sex.FEMALE)
    assert man == pytest.approx(80.0)
    assert woman == pytest.approx(68.0)


@pytest.mark.parametrize(("height", "weight"), [(1.78, 75.0), (178.0, 750.0), (178.0, 0.0)])
def test_absurd_sizes_are_refused(height: float, weight: float) -> None:
    with pytest.raises(QuantityError, match="implausible"):
        body_surface_m2(height_cm=height, weight_kg=weight, rule=SurfaceRule.MOSTELLER)


@given(height=st.floats(120, 210), weight=st.floats(35, 180))
def test_the_two_surface_formulas_agree_within_25_percent(height: float, weight: float) -> None:
    one = body_surface_m2(height_cm=height, weight_kg=weight, rule=SurfaceRule.MOSTELLER)
    two = body_surface_m2(height_cm=height, weight_kg=weight, rule=SurfaceRule.DUBOIS)
    assert one == pytest.approx(two, rel=0.25)
    assert one > 0.0


@given(actual=st.floats(40, 250), fraction=st.floats(0, 1))
def test_adjusted_weight_lies_between(actual: float, fraction: float) -> None:
    adjusted = adjusted_weight_kg(ideal_kg=70.0, actual_kg=actual, fraction=fraction)
    assert min(70.0, actual) - 1e-9 <= adjusted <= max(70.0, actual) + 1e-9


def test_fraction_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(QuantityError, match="between 0 and 1"):
        adjusted_weight_kg(ideal_kg=70, actual_kg=90, fraction=25)
