"""Order lines, the second calculation, and the comparison of two persons."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import PlanningError
from hemadose.model import Donor, Patient, Sex
from hemadose.refdata import regimen
from hemadose.therapy.conditioning.anthropometry import SurfaceRule, WeightRule
from hemadose.therapy.conditioning.calendar import schedule
from hemadose.therapy.conditioning.doses import course_doses
from hemadose.therapy.conditioning.order import OrderLine, order_lines
from hemadose.therapy.conditioning.regimen import AtgOrder, CourseChoices
from hemadose.therapy.conditioning.renal import FludarabineLabel
from hemadose.therapy.conditioning.verification import (
    compare_numbers,
    course_numbers,
    require_second_calculation,
    require_two_persons,
    second_per_day_mg,
)

MAN = Patient(pseudonym="A", sex=Sex.MALE, height_cm=178, weight_kg=75, age_years=46, creatinine_mg_per_dl=0.8)
DONORS = {
    "cxcr4-tbi-matched-flu": Donor.MATCHED_UNRELATED,
    "cxcr4-tbi-matched-cy": Donor.MATCHED_RELATED,
    "cxcr4-tbi-haplo": Donor.HAPLOIDENTICAL,
    "ric-haplo-ptcy": Donor.HAPLOIDENTICAL,
    "nma-flu-tbi2": Donor.MATCHED_RELATED,
}


def choices(**changes: Any) -> CourseChoices:
    values: dict[str, Any] = {
        "tbi_dose_gy": 8.0,
        "graft_confirmed": True,
        "cyclophosphamide_weight": "actual",
        "atg": AtgOrder(product="thymoglobulin", amount_mg_per_kg=7.5, basis="total"),  # type: ignore[arg-type]
    }
    return CourseChoices(**{**values, **changes})


def lines(id: str, *, patient: Patient = MAN, **changes: Any) -> tuple[OrderLine, ...]:
    used = regimen(id)
    chosen = choices(tbi_dose_gy=used.tbi.permitted_gy[0], **changes)
    course = schedule(regimen=used, donor=DONORS[id], patient=patient, day_zero_on=date(2025, 6, 2), choices=chosen)
    return order_lines(course, course_doses(used, patient, chosen))


def of(found: tuple[OrderLine, ...], agent: str) -> list[OrderLine]:
    return [line for line in found if line.agent.startswith(agent)]


def test_fludarabine_by_day_so_far_and_in_all() -> None:
    # sqrt(178 x 75 / 3600) = 1.92570 m2 (clinical reference 4: 1.926); 4 x 30 mg/m2 = 231.084 mg
    flu = of(lines("cxcr4-tbi-matched-flu"), "Fludarabine")
    assert [line.day for line in flu] == [-5, -4, -3, -2]
    assert [line.so_far for line in flu] == pytest.approx([57.771, 115.542, 173.313, 231.084], abs=0.001)
    assert all(line.total == pytest.approx(231.084, abs=0.001) for line in flu)
    assert (flu[0].ordered, flu[0].size) == ("30 mg/m2", "1.926 m2")
    assert flu[0].size_rule == "Mosteller of 178 cm and actual weight 75 kg"
    assert flu[0].on == date(2025, 5, 28)


def test_antithymocyte_globulin_names_product_day_and_total() -> None:
    atg = of(lines("cxcr4-tbi-matched-flu"), "Antithymocyte globulin (Thymoglobulin)")
    assert [line.per_day for line in atg] == pytest.approx([187.5] * 3)  # 7.5 mg/kg in all = 2.5 mg/kg a day
    assert atg[-1].so_far == pytest.approx(562.5)
    assert "ordered 7.5 mg/kg in total, 7.5 mg/kg over 3 d" in atg[0].remark
    assert "ATG-BASIS" in atg[0].checks


def test_refused_fludarabine_has_no_amount() -> None:
    flu = of(lines("cxcr4-tbi-haplo", patient=replace(MAN, creatinine_mg_per_dl=4.0)), "Fludarabine")
    assert all(line.refused and line.per_day is None and line.total is None for line in flu)
    assert "FLU-CONTRAINDICATED" in flu[0].checks
    reduced = of(lines("cxcr4-tbi-haplo", patient=replace(MAN, creatinine_mg_per_dl=2.0)), "Fludarabine")
    assert reduced[0].fraction == 0.6  # 49 ml/min
    assert reduced[0].per_day == pytest.approx(0.6 * 57.771, abs=0.001)


def test_irradiation_and_periods() -> None:
    found = lines("cxcr4-tbi-haplo")
    assert [(n.day, n.times_per_day, n.per_day, n.so_far, n.total) for n in of(found, "Total body")] == [
        (-9, 2, 4.0, 4.0, 8.0),
        (-8, 2, 4.0, 8.0, 8.0),
    ]
    (mmf,) = of(found, "Mycophenolate")
    assert (mmf.day, mmf.last_day, mmf.times_per_day, mmf.single) == (5, 35, 3, 1125.0)
    assert mmf.total == 31 * 3 * 1125.0
    assert of(found, "Calcineurin")[0].last_day is None


def test_mycophenolate_without_amount_is_not_dosed_by_level() -> None:
    """Levels guide calcineurin inhibitors; the warning that none is chosen does not concern mycophenolate."""
    found = lines("cxcr4-tbi-matched-flu")
    (mmf,), (inhibitor,) = of(found, "Mycophenolate"), of(found, "Calcineurin")
    assert (mmf.ordered, inhibitor.ordered) == ("amount not stated", "by level")
    assert mmf.last_day is None
    assert "CNI-PRODUCT" in inhibitor.checks
    assert "CNI-PRODUCT" not in mmf.checks
    assert "IMMUNOSUPPRESSION-START" in mmf.checks


def test_corrected_units_are_named_on_their_line() -> None:
    found = lines("cxcr4-tbi-matched-cy")
    assert "UNIT-CORRECTED" in of(found, "Cyclophosphamide")[0].checks
    assert "UNIT-CORRECTED" not in of(found, "Antithymocyte")[0].checks


# --- the second calculation -------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    id=st.sampled_from(sorted(DONORS)),
    sex=st.sampled_from(list(Sex)),
    height=st.floats(152.4, 205),
    index=st.floats(15, 50),
    age=st.floats(18, 80),
    creatinine=st.floats(0.3, 8.0) | st.none(),
    surface=st.sampled_from(list(SurfaceRule)),
    weight_rule=st.sampled_from(list(WeightRule)),
    renal_weight=st.sampled_from(list(WeightRule)),
    label=st.sampled_from(list(FludarabineLabel)),
)
def test_two_calculations_agree_everywhere(
    id: str, sex: Sex, height: float, index: float, age: float, creatinine: float | None, surface: SurfaceRule,
    weight_rule: WeightRule, renal_weight: WeightRule, label: FludarabineLabel,
) -> None:  # fmt: skip
    patient = Patient(pseudonym="A", sex=sex, height_cm=height, weight_kg=index * (height / 100) ** 2, age_years=age, creatinine_mg_per_dl=creatinine)  # fmt: skip
    chosen = choices(surface_rule=surface, cyclophosphamide_weight=weight_rule, renal_weight=renal_weight, renal_label=label)  # fmt: skip
    require_second_calculation(course_doses(regimen(id), patient, chosen), patient, chosen)


def test_a_wrong_first_calculation_is_found() -> None:
    chosen = choices()
    doses = course_doses(regimen("cxcr4-tbi-haplo"), MAN, chosen)
    wrong = (replace(doses[0], size=doses[0].size * 1.01), *doses[1:])
    with pytest.raises(PlanningError, match="two calculations of Fludarabine differ"):
        require_second_calculation(wrong, MAN, chosen)
    assert second_per_day_mg(doses[0], MAN, chosen) == pytest.approx(57.771, abs=0.001)


# --- two persons ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "two"), [("AB", "ab"), ("Pharmacist A", "pharmacist-a"), ("A. Smith", "Smith, A"), ("AB", "")])  # fmt: skip
def test_the_same_person_or_none_is_refused(one: str, two: str) -> None:
    with pytest.raises(PlanningError):
        require_two_persons(one, two)


def test_two_persons() -> None:
    require_two_persons("pharmacist A", "pharmacist B")
    with pytest.raises(PlanningError, match="role or initials"):
        require_two_persons("  ", "B")


def test_comparison_names_every_number_that_differs() -> None:
    used = regimen("cxcr4-tbi-haplo")

    def numbers(patient: Patient) -> dict[str, float | str]:
        course = schedule(regimen=used, donor=Donor.HAPLOIDENTICAL, patient=patient, day_zero_on=date(2025, 6, 2), choices=choices())  # fmt: skip
        return course_numbers(course, course_doses(used, patient, choices()))

    same = numbers(MAN)
    assert compare_numbers(same, numbers(MAN)) == ()
    found = {d.what: d for d in compare_numbers(same, numbers(replace(MAN, weight_kg=76.0)))}
    assert found["day +3 Post-transplant cyclophosphamide"].relative == pytest.approx(1 / 75)
    assert found["Cyclophosphamide from day -6, mg in all"].verified == pytest.approx(2 * 14.5 * 76)
    assert "day -9 08:00 Total body irradiation" not in found
    assert compare_numbers({"a": 1.0}, {}) != ()
    assert compare_numbers({"a": 1.0}, {"a": "one"}) != ()


@given(factor=st.floats(0.5, 2.0))
def test_agreement_is_to_a_millionth(factor: float) -> None:
    differs = bool(compare_numbers({"a": 1000.0}, {"a": 1000.0 * factor}))
    if abs(factor - 1) > 1e-5:
        assert differs
    elif abs(factor - 1) < 1e-7:
        assert not differs
