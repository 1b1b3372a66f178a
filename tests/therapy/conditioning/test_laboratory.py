"""Laboratory units, potassium beside amino acids, fludarabine labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import QuantityError
from hemadose.therapy.conditioning.anthropometry import check_body
from hemadose.therapy.conditioning.laboratory import laboratory_value, read_potassium
from hemadose.therapy.conditioning.renal import FludarabineLabel, fludarabine_renal_fraction, renal_reduction


@pytest.mark.parametrize(
    ("quantity", "value", "unit", "expected"),
    [
        ("creatinine", 0.8, "mg/dL", 0.8),
        ("creatinine", 88.4, "umol/L", 1.0),
        ("creatinine", 88.4, "µmol/l", 1.0),
        ("bilirubin", 17.1, "μmol/l", 1.0),
        ("platelets", 120.0, "10^9/L", 120.0),
        ("platelets", 120.0, "G/l", 120.0),
        ("platelets", 120000.0, "/µl", 120.0),
        ("potassium", 4.4, "mmol/l", 4.4),
    ],
)
def test_units(quantity: str, value: float, unit: str, expected: float) -> None:
    # 1 mg/dl creatinine = 88.4 umol/l; bilirubin 17.1 umol/l
    assert laboratory_value(quantity, value, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("quantity", "value", "unit", "hint"),
    [
        ("creatinine", 71.0, "mg/dl", "umol/l"),
        ("creatinine", 0.8, "umol/l", "mg/dl"),
        ("platelets", 120000.0, "10^9/l", "/ul"),
        ("platelets", 120.0, "/ul", "10\\^9/l"),
    ],
)
def test_the_other_unit_is_refused_and_named(quantity: str, value: float, unit: str, hint: str) -> None:
    with pytest.raises(QuantityError, match=f"implausible {quantity}.*meant in {hint}"):
        laboratory_value(quantity, value, unit)


@given(mg=st.floats(0.15, 8.9))
def test_no_usual_creatinine_passes_in_both_units(mg: float) -> None:
    assert laboratory_value("creatinine", mg * 88.4, "umol/l") == pytest.approx(mg)
    with pytest.raises(QuantityError):
        laboratory_value("creatinine", mg, "umol/l")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_no_number_is_refused(value: float) -> None:
    with pytest.raises(QuantityError):
        laboratory_value("creatinine", value, "mg/dl")


def test_unknown_unit_or_quantity() -> None:
    with pytest.raises(QuantityError, match="unknown unit"):
        laboratory_value("creatinine", 0.8, "mmol/l")
    with pytest.raises(QuantityError, match="unknown laboratory"):
        laboratory_value("lipase", 20, "U/l")


@pytest.mark.parametrize(
    ("potassium", "hours", "before", "raised", "criterion", "words"),
    [
        (4.5, 4, 4.2, False, False, "Not raised"),
        (5.4, 4, 4.4, True, False, "expected after amino acids"),
        (5.6, 4, 4.4, True, True, "not counted alone"),  # + 27 %
        (6.1, 4, None, True, True, "not counted alone"),
        (6.1, 30, None, True, True, "no longer explain"),
        (5.4, 48, 4.4, True, False, "do not explain"),
    ],
)
def test_potassium_in_and_after_the_window_of_amino_acids(
    potassium: float, hours: float, before: float | None, raised: bool, criterion: bool, words: str
) -> None:
    # Cairo and Bishop: 6.0 mmol/l or + 25 %; amino acids: > 5.0 in 20 of 22, back after 24 h (EJNMMI Res 2014;4:46)
    read = read_potassium(potassium, hours_after_start=hours, before_mmol_per_l=before)
    assert (read.raised, read.lysis_criterion) == (raised, criterion)
    assert words in read.text


@pytest.mark.parametrize(
    ("clearance", "injection", "tablets"),
    [(100, 1.0, 1.0), (79, 0.8, 1.0), (70, 0.8, 0.8), (50, 0.8, 0.8), (49, 0.6, 0.8), (30, 0.6, 0.8), (29, 0.0, 0.5)],
)
def test_both_labels(clearance: float, injection: float, tablets: float) -> None:
    # injection: 20 and 15 of 25 mg/m2, contraindicated below 30; tablets: -20 % at 30-70, -50 % below
    assert fludarabine_renal_fraction(clearance) == injection
    assert fludarabine_renal_fraction(clearance, label=FludarabineLabel.US_ORAL) == tablets


def test_30_mg_per_m2_become_24_18_or_nothing() -> None:
    assert [30 * fludarabine_renal_fraction(c) for c in (60, 40, 20)] == [24.0, 18.0, 0.0]


def test_the_tablets_are_judged_per_173_m2() -> None:
    assert renal_reduction(75.0, surface_m2=2.0, label=FludarabineLabel.US_ORAL).clearance == pytest.approx(64.875)
    assert renal_reduction(75.0, surface_m2=2.0, label=FludarabineLabel.US_INTRAVENOUS).clearance == 75.0


def test_impossible_clearance() -> None:
    with pytest.raises(QuantityError):
        fludarabine_renal_fraction(0.0)


@pytest.mark.parametrize(
    ("height", "weight", "remedy"),
    [(1.78, 75.0, "metres: 178 cm"), (75.0, 178.0, "exchanged"), (178.0, 7.5, "measure again")],
)
def test_bodies_that_cannot_be(height: float, weight: float, remedy: str) -> None:
    with pytest.raises(QuantityError, match=remedy):
        check_body(height_cm=height, weight_kg=weight)
    assert check_body(height_cm=178, weight_kg=75) == pytest.approx(23.67, abs=0.01)
