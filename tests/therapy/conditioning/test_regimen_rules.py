"""Order, units, daily and cumulative amounts of regimens. Facts: clinical reference, sections 0, 2 and 4."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Course, Donor, Patient, Severity, Sex
from hemadose.refdata import regimen
from hemadose.therapy.conditioning.calendar import schedule
from hemadose.therapy.conditioning.regimen import (
    AminoAcids,
    AtgOrder,
    CourseChoices,
    CourseOrder,
    DoseUnit,
    Regimen,
    RegimenItem,
    TotalBodyIrradiation,
)

MAN = Patient(pseudonym="A", sex=Sex.MALE, height_cm=178, weight_kg=75, age_years=46, creatinine_mg_per_dl=0.8)
HAPLO = regimen("cxcr4-tbi-haplo")


def made(used: Regimen = HAPLO, donor: Donor = Donor.HAPLOIDENTICAL, *, patient: Patient = MAN, zone: Any = None, day_zero: date = date(2025, 6, 2), **changes: Any) -> Course:  # fmt: skip
    values: dict[str, Any] = {
        "tbi_dose_gy": used.tbi.permitted_gy[0],
        "graft_confirmed": True,
        "cyclophosphamide_weight": "actual",
        "atg": AtgOrder(product="grafalon", amount_mg_per_kg=10, basis="per_day"),  # type: ignore[arg-type]
    }
    return schedule(
        regimen=used,
        donor=donor,
        patient=patient,
        day_zero_on=day_zero,
        choices=CourseChoices(**{**values, **changes}),
        zone=zone,
    )


def warning(course: Course, code: str) -> Any:
    return next((w for w in course.warnings if w.code == code), None)


def with_item(base: Regimen, **values: Any) -> Regimen:
    line: dict[str, Any] = {"kind": "supportive", "source": "site", "title": values.get("drug", "x").capitalize()}
    return replace(base, items=(*base.items, RegimenItem(**{**line, **values})))


# --- reduced intensity: chemotherapy, then irradiation, then the graft --------------------------------


def test_irradiation_on_day_0_comes_before_the_graft() -> None:
    course = made(regimen("nma-flu-tbi2"), Donor.MATCHED_UNRELATED)
    today = [e.kind for e in course.events if e.day == 0]
    assert today[-1] == "graft"
    assert "tbi" in today
    assert {"ERT-UNPUBLISHED", "UNVERIFIED"} <= {w.code for w in course.warnings}


def test_reduced_intensity_haploidentical() -> None:
    course = made(regimen("ric-haplo-ptcy"))
    assert [e.day for e in course.events if e.kind == "tbi"] == [-1]
    assert warning(course, "UNVERIFIED") is None
    assert warning(course, "TBI-FRACTIONS") is None  # one dose only: no day stays free


def test_chemotherapy_before_irradiation_needs_its_regimen() -> None:
    light = regimen("ric-haplo-ptcy")
    assert light.order is CourseOrder.CHEMOTHERAPY_FIRST
    with pytest.raises(PlanningError, match="between irradiation and graft"):
        made(replace(light, order=CourseOrder.IRRADIATION_FIRST))


def test_endoradiotherapy_precedes_the_first_chemotherapy_too() -> None:
    light = regimen("ric-haplo-ptcy")
    with pytest.raises(PlanningError, match="precede Fludarabine"):
        made(light, ert_day=-6)
    assert warning(made(light, ert_day=-10), "ERT-CHEMO-INTERVAL") is not None
    assert warning(made(light, ert_day=-11), "ERT-CHEMO-INTERVAL") is None


def test_irradiation_after_the_graft_is_refused() -> None:
    light = regimen("nma-flu-tbi2")
    with pytest.raises(PlanningError, match="after the graft"):
        made(replace(light, tbi=replace(light.tbi, days=(1,))), Donor.MATCHED_UNRELATED)


def test_fludarabine_on_a_day_of_irradiation_is_named() -> None:
    light = regimen("ric-haplo-ptcy")
    longer = tuple(
        replace(i, days=(-6, -5, -4, -3, -2, -1), total=180.0) if i.drug == "fludarabine" else i for i in light.items
    )
    course = made(replace(light, items=longer))
    assert warning(course, "FLU-ON-TBI-DAY") is not None
    assert warning(course, "FLU-TOTAL") is not None  # 180 mg/m2
    assert warning(made(light), "FLU-ON-TBI-DAY") is None
    assert warning(made(light), "FLU-TOTAL") is None


@pytest.mark.parametrize(("per_day", "days", "ok"), [(2, (-9, -8, -7), True), (3, (-9, -8, -7), False), (3, (-9, -7, -5), True)])  # fmt: skip
def test_at_most_six_fractions_in_three_days(per_day: int, days: tuple[int, ...], ok: bool) -> None:
    values: dict[str, Any] = {"days": days, "fraction_gy": 2.0, "fractions_per_day": per_day}
    values["permitted_gy"] = (2.0 * per_day * len(days),)
    if ok:
        assert TotalBodyIrradiation(**values)
    else:
        with pytest.raises(PlanningError, match="too many fractions"):
            TotalBodyIrradiation(**values)


def test_antithymocyte_globulin_ends_before_the_graft() -> None:
    matched = regimen("cxcr4-tbi-matched-flu")
    assert matched.atg is not None
    late = replace(matched, atg=replace(matched.atg, days=(-2, -1, 0)))
    with pytest.raises(PlanningError, match="Antithymocyte globulin lies outside"):
        made(late, Donor.MATCHED_UNRELATED)
    assert made(matched, Donor.MATCHED_UNRELATED)


# --- units and sums ----------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [60.0, 14.5])
def test_the_printed_units_of_cyclophosphamide_are_refused(amount: float) -> None:
    # Braitsch 2025 prints "60mg/m2" and "14.5 mg/m2"; 60 x 1.926 m2 = 116 mg instead of 4500 mg
    line: dict[str, Any] = {"drug": "cyclophosphamide", "title": "Cy", "kind": "chemotherapy", "days": (-5, -4)}
    with pytest.raises(PlanningError, match="dosed per kilogram"):
        RegimenItem(**line, amount=amount, unit=DoseUnit.MG_PER_M2)
    with pytest.raises(PlanningError, match="dosed per kilogram"):
        RegimenItem(**line, amount=amount, unit=DoseUnit.MG_PER_M2, unit_reason="   ")
    assert RegimenItem(**line, amount=amount, unit=DoseUnit.MG_PER_KG)


def test_a_reasoned_unit_is_printed() -> None:
    own = replace(regimen("cxcr4-tbi-matched-flu"), items=(
        RegimenItem(drug="cyclophosphamide", title="Cy", kind="chemotherapy", days=(-5,), amount=750.0,
                    unit=DoseUnit.MG_PER_M2, unit_reason="protocol 7", source="site"),
    ))  # fmt: skip
    found = warning(made(own, Donor.MATCHED_UNRELATED), "UNIT-REASON")
    assert "Overridden: protocol 7" in found.text


def test_fludarabine_per_kilogram_is_refused() -> None:
    with pytest.raises(PlanningError, match="body surface"):
        RegimenItem(
            drug="fludarabine", title="F", kind="chemotherapy", days=(-5,), amount=30.0, unit=DoseUnit.MG_PER_KG
        )


@pytest.mark.parametrize(
    ("drug", "kind", "message"),
    [
        ("Cyclophosphamide", "chemotherapy", "generic name"),
        ("endoxan", "chemotherapy", "generic name"),
        ("flu", "chemotherapy", "generic name"),
        ("MMF", "immunosuppression", "generic name"),
        ("atg", "immunosuppression", "no line of its own"),
        ("thymoglobulin", "immunosuppression", "no line of its own"),
        ("cyclophosphamide", "supportive", "another kind"),
        ("mesna", "chemo", "another kind"),
    ],
)
def test_no_name_escapes_the_checks(drug: str, kind: str, message: str) -> None:
    with pytest.raises(PlanningError, match=message):
        RegimenItem(drug=drug, title="X", kind=kind, days=(-5,), amount=60.0, unit=DoseUnit.MG_PER_M2)


def test_limits_hold_in_another_unit() -> None:
    # 75 kg / 1.926 m2 = 38.9 kg/m2: 2.6 mg/kg of fludarabine is 101 mg/m2 a day
    light = regimen("nma-flu-tbi2")
    items = tuple(
        replace(i, amount=2.6, unit=DoseUnit.MG_PER_KG, unit_reason="protocol 7", total=None)
        if i.drug == "fludarabine"
        else i
        for i in light.items
    )
    course = made(replace(light, items=items), Donor.MATCHED_UNRELATED)
    assert "101" in warning(course, "FLU-NEUROTOXIC").text
    assert warning(course, "FLU-TOTAL") is not None  # 304 mg/m2
    assert warning(made(light, Donor.MATCHED_UNRELATED), "FLU-NEUROTOXIC") is None


def test_one_drug_twice_on_one_day_is_refused() -> None:
    with pytest.raises(PlanningError, match="ordered twice on day -5"):
        with_item(HAPLO, drug="cyclophosphamide", title="More", kind="chemotherapy", days=(-5,), amount=10.0, unit=DoseUnit.MG_PER_KG)  # fmt: skip
    with pytest.raises(PlanningError, match="ordered twice on day \\+20"):
        with_item(HAPLO, drug="mycophenolate_mofetil", days=(20,), kind="immunosuppression")


def test_cumulative_cyclophosphamide() -> None:
    more = with_item(HAPLO, drug="cyclophosphamide", title="More", kind="chemotherapy", days=(-4, -3), amount=40.0, unit=DoseUnit.MG_PER_KG)  # fmt: skip
    assert "209 mg/kg" in warning(made(more), "CY-TOTAL").text
    assert warning(made(), "CY-TOTAL") is None


def test_neurotoxic_fludarabine_cannot_be_overridden() -> None:
    items = tuple(replace(i, amount=96.0, total=None) if i.drug == "fludarabine" else i for i in HAPLO.items)
    with pytest.raises(PlanningError, match="cannot be overridden"):
        made(replace(HAPLO, items=items), overrides={"FLU-NEUROTOXIC": "study"})


# --- post-transplant cyclophosphamide ------------------------------------------------------------------


def test_a_regimen_that_itself_starts_too_early_is_stopped() -> None:
    # as the legend of Figure 1 prints: immunosuppression from day +3
    early = tuple(replace(i, days=(3, *i.days[1:])) if i.kind == "immunosuppression" else i for i in HAPLO.items)
    assert warning(made(replace(HAPLO, items=early)), "CNI-BEFORE-PTCY").severity is Severity.STOP
    assert warning(made(), "CNI-BEFORE-PTCY") is None


@pytest.mark.parametrize(("day", "stops"), [(-1, False), (0, True), (4, True), (5, False)])
def test_no_corticosteroid_around_post_transplant_cyclophosphamide(day: int, stops: bool) -> None:
    course = made(with_item(HAPLO, drug="dexamethasone", days=(day,)))
    assert (warning(course, "PTCY-STEROID-DAY") is not None) is stops


def test_an_override_of_what_did_not_occur_is_printed() -> None:
    assert "ATG-TOTAL" in warning(made(overrides={"ATG-TOTAL": "agreed"}), "OVERRIDE-UNUSED").text


# --- the patient -----------------------------------------------------------------------------------


def test_labels_of_fludarabine() -> None:
    # clearance 75 ml/min: injection 80 %, tablets (normalised to 1.73 m2: 67) 80 %; at 79 and 1.6 m2 they differ
    ill = replace(MAN, creatinine_mg_per_dl=4.0)  # 24 ml/min
    stopped = made(patient=ill)
    assert warning(stopped, "FLU-CONTRAINDICATED").severity is Severity.STOP
    assert warning(stopped, "FLU-LABEL") is not None
    halved = made(patient=ill, renal_label="us_oral")
    assert warning(halved, "FLU-BELOW-30").severity is Severity.STOP
    assert next(e for e in halved.events if e.title == "Fludarabine").amount == pytest.approx(57.79 / 2, rel=1e-3)
    assert warning(made(), "FLU-LABEL") is None


def test_weight_change_and_body_size() -> None:
    assert warning(made(earlier_weight_kg=68.0), "WEIGHT-CHANGE") is not None  # + 10.3 %
    assert warning(made(earlier_weight_kg=69.0), "WEIGHT-CHANGE") is None  # + 8.7 %
    assert warning(made(patient=replace(MAN, weight_kg=48.0)), "BODY-SIZE") is not None  # 15.1 kg/m2
    assert warning(made(), "BODY-SIZE") is None


@settings(max_examples=60, deadline=None)
@given(height=st.floats(50, 250), weight=st.floats(3, 350))
def test_no_body_gets_a_dose_unless_it_can_exist(height: float, weight: float) -> None:
    patient = replace(MAN, height_cm=height, weight_kg=weight)
    index = weight / (height / 100) ** 2
    if 10 <= index <= 80:
        amounts = [e.amount for e in made(patient=patient).events if e.unit == "mg"]
        assert all(amount is None or amount > 0 for amount in amounts)
    else:
        with pytest.raises(QuantityError, match="do not belong together"):
            made(patient=patient)


@settings(max_examples=40, deadline=None)
@given(day=st.integers(-60, 30))
def test_order_holds_for_every_day_of_endoradiotherapy(day: int) -> None:
    if day >= -9:
        with pytest.raises(PlanningError, match="precede"):
            made(ert_day=day)
        return
    course = made(ert_day=day)
    first = {
        kind: min(e.day for e in course.events if e.kind == kind) for kind in ("ert", "tbi", "chemotherapy", "graft")
    }
    assert first["ert"] < first["tbi"] < first["chemotherapy"] < first["graft"]
    assert (warning(course, "ERT-TBI-INTERVAL") is not None) is (-9 - day < 5)


@pytest.mark.parametrize(("day_zero", "day", "at"), [(date(2025, 4, 7), -7, time(11, 0)), (date(2025, 11, 3), -7, time(9, 0))])  # fmt: skip
def test_imaging_counts_elapsed_hours_over_the_change_of_clocks(day_zero: date, day: int, at: time) -> None:
    # Europe/Berlin: 30 March 2025 has 23 h, 26 October 2025 has 25 h; 7 d after 10:00 are 168 h
    zoned = made(zone=ZoneInfo("Europe/Berlin"), day_zero=day_zero)
    late = next(e for e in zoned.events if e.title == "Imaging 7 d")
    assert (late.day, late.at) == (day, at)
    plain = made(day_zero=day_zero)
    assert next(e for e in plain.events if e.title == "Imaging 7 d").at == time(10, 0)


def test_amino_acids_must_be_positive() -> None:
    with pytest.raises(QuantityError):
        AminoAcids(arginine_g=25.0, lysine_g=0.0)
