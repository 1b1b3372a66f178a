"""Uptake values by hand: check case PET1, the lean-body formulas, decay references, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hemadose.errors import QuantityError, TimingError
from hemadose.imaging.pet.suv import (
    body_surface_dubois_m2,
    lean_body_mass_james_kg,
    lean_body_mass_janmahasatian_kg,
    normalisation,
    standardised_uptake,
)
from hemadose.model import Grid, Sex
from hemadose.model.pet import BodySize, DecayReference, PetScan, SuvMeasure
from hemadose.therapy.conditioning.anthropometry import SurfaceRule, body_surface_m2

START = datetime(2025, 3, 3, 10, tzinfo=UTC)
GA68_S = 67.71 * 60.0
GRID = Grid.axial(shape=(4, 3, 2), spacing_mm=(3.0, 4.0, 4.0), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2.3")
BODY = BodySize(weight_kg=75.0, height_cm=178.0, sex=Sex.MALE)


def scan(**changes) -> PetScan:
    """PET1: 150 - 5 MBq, 75 kg, 60 min, 12.0 kBq/ml, T 67.71 min."""
    facts = {
        "values": np.full(GRID.shape, 12.0e3, dtype=np.float32),
        "grid": GRID,
        "measure": None,
        "decay": DecayReference.START,
        "started_at": START,
        "slice_at": (START,) * 4,
        "half_life_s": GA68_S,
        "injected_activity_bq": (150.0 - 5.0) * 1e6,
        "injected_at": START - timedelta(minutes=60),
        "body": BODY,
    }
    return PetScan(**(facts | changes))


def suv(measure=SuvMeasure.BODY_WEIGHT, **changes) -> float:
    values = standardised_uptake(scan(**changes), measure=measure).values
    assert np.ptp(values) < 1e-5 * values.max()
    return float(values.mean())


def test_pet1():
    """PET1: SUVbw 11.4717; 6.2069 if the values are corrected to the injection; 1e-4."""
    assert suv() == pytest.approx(11.4717, rel=1e-4)
    assert suv(decay=DecayReference.ADMINISTRATION) == pytest.approx(6.2069, rel=1e-4)


def test_uncorrected_slices_take_their_own_time():
    """A static distribution seen at four times without decay correction is one uptake value."""
    times = tuple(START + timedelta(minutes=3 * k) for k in range(4))
    left = np.array([2.0 ** (-180.0 * k / GA68_S) for k in range(4)])
    values = 12.0e3 * left[:, None, None] * np.ones(GRID.shape)
    assert suv(values=values, decay=DecayReference.NONE, slice_at=times) == pytest.approx(11.4717, rel=1e-4)
    wrong = standardised_uptake(scan(values=values, slice_at=times)).values  # as if corrected to the start
    assert wrong[3, 0, 0] / wrong[0, 0, 0] == pytest.approx(left[3], rel=1e-5)


# worked by hand for 178 cm, 75 kg (man) and 165 cm, 61 kg (woman)
@pytest.mark.parametrize(
    ("formula", "man", "woman"),
    [
        # 1.10 75 - 128 (75/178)^2 ; 1.07 61 - 148 (61/165)^2
        (lean_body_mass_james_kg, 82.5 - 128 * 0.1775344, 65.27 - 148 * 0.1366758),
        # 9270 75 / (6680 + 216 23.67125) ; 9270 61 / (8780 + 244 22.40588)
        (lean_body_mass_janmahasatian_kg, 695250 / 11792.99, 565470 / 14247.03),
    ],
)
def test_lean_body_mass(formula, man, woman):
    assert formula(height_cm=178, weight_kg=75, sex=Sex.MALE) == pytest.approx(man, rel=1e-5)
    assert formula(height_cm=165, weight_kg=61, sex=Sex.FEMALE) == pytest.approx(woman, rel=1e-5)


def test_james_has_an_end():
    """d/dW of 1.10 W - 128 (W/H)^2 is zero at W = 1.10 H^2 / 256: 136.1 kg at 178 cm; Janmahasatian goes on."""
    assert lean_body_mass_james_kg(height_cm=178, weight_kg=136, sex=Sex.MALE) > 0
    with pytest.raises(QuantityError, match="janmahasatian"):
        lean_body_mass_james_kg(height_cm=178, weight_kg=137, sex=Sex.MALE)
    assert lean_body_mass_janmahasatian_kg(height_cm=178, weight_kg=160, sex=Sex.MALE) > 70


def test_surface_agrees_with_the_one_used_for_drugs():
    expected = body_surface_m2(height_cm=178, weight_kg=75, rule=SurfaceRule.DUBOIS)
    assert body_surface_dubois_m2(height_cm=178, weight_kg=75) == pytest.approx(expected, rel=1e-12)


def test_measures_differ_by_body_size_only():
    by_weight = suv()
    for measure in SuvMeasure:
        assert suv(measure) / by_weight == pytest.approx(normalisation(measure, BODY) / 75000.0, rel=1e-5)
    assert suv(SuvMeasure.BODY_SURFACE) == pytest.approx(11.4717 * 19271.0 / 75000.0, rel=1e-3)  # 1.9271 m2


def test_scanner_values_are_kept_or_rescaled():
    """GML of the scanner needs neither injection nor weight, unless another measure is asked for."""
    bare = {"injected_activity_bq": None, "injected_at": None, "half_life_s": None}
    given = np.full(GRID.shape, 5.0)
    kept = standardised_uptake(scan(values=given, measure=SuvMeasure.BODY_WEIGHT, body=BodySize(), **bare))
    assert kept.values.max() == 5.0
    assert any("as the scanner wrote" in note for note in kept.notes)
    lean = standardised_uptake(
        scan(values=given, measure=SuvMeasure.BODY_WEIGHT, **bare), measure=SuvMeasure.LBM_JANMAHASATIAN
    )
    assert lean.values.max() == pytest.approx(5.0 * 58.9545 / 75.0, rel=1e-5)
    with pytest.raises(QuantityError, match="height"):
        standardised_uptake(
            scan(values=given, measure=SuvMeasure.BODY_WEIGHT, body=BodySize(weight_kg=75.0), **bare),
            measure=SuvMeasure.BODY_SURFACE,
        )


@pytest.mark.parametrize(
    ("changes", "measure", "error", "message"),
    [
        ({"body": BodySize()}, SuvMeasure.BODY_WEIGHT, QuantityError, r"weight.*PatientWeight.*--weight-kg"),
        ({"body": BodySize(weight_kg=75)}, SuvMeasure.LBM_JAMES, QuantityError, "height"),
        ({"body": BodySize(weight_kg=75, height_cm=178)}, SuvMeasure.LBM_JAMES, QuantityError, "sex"),
        ({"injected_activity_bq": None}, SuvMeasure.BODY_WEIGHT, QuantityError, "RadionuclideTotalDose"),
        ({"half_life_s": None}, SuvMeasure.BODY_WEIGHT, QuantityError, "half-life"),
        ({"injected_at": None}, SuvMeasure.BODY_WEIGHT, TimingError, "--injected-at"),
        ({"injected_at": START + timedelta(minutes=1)}, SuvMeasure.BODY_WEIGHT, TimingError, "before the injection"),
        ({"injected_at": START - timedelta(hours=23)}, SuvMeasure.BODY_WEIGHT, TimingError, "20 half-lives"),
    ],
)
def test_what_is_refused(changes, measure, error, message):
    with pytest.raises(error, match=message):
        suv(measure, **changes)


def test_injection_time_is_not_needed_when_corrected_to_it():
    assert suv(decay=DecayReference.ADMINISTRATION, injected_at=None) == pytest.approx(6.2069, rel=1e-4)


def test_residual_is_a_doubt_unless_the_user_stated_the_activity():
    assert any("syringe" in note for note in standardised_uptake(scan()).notes)
    stated = scan(notes=("the injected activity was stated by the user",))
    assert not any("syringe" in note for note in standardised_uptake(stated).notes)


def test_impossible_scans_are_refused():
    with pytest.raises(QuantityError, match="implausible weight"):
        BodySize(weight_kg=75000.0)
    with pytest.raises(QuantityError, match="NaN"):
        scan(values=np.full(GRID.shape, np.nan))
    with pytest.raises(TimingError, match="time zone"):
        replace(scan(), started_at=datetime(2025, 3, 3, 10))  # noqa: DTZ001
