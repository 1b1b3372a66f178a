"""Activities of every agent: the label, the trials, the seven patients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError
from hemadose.refdata import cohort
from hemadose.refdata.agents import agents
from hemadose.units import GBQ
from hemadose.workflow.activity import plan_activity
from hemadose.workflow.activity_request import ActivityRequest


def ask(agent, **given_values):
    return plan_activity(ActivityRequest(agent=agent, **given_values))


@pytest.mark.parametrize(
    ("kg", "platelets", "mci", "mbq"),
    [(70, 160, 28.0, 1036), (70, 120, 21.0, 777), (85, 200, 32.0, 1184), (110, 100, 32.0, 1184), (70, 99, None, None)],
)
def test_zev1(kg, platelets, mci, mbq):
    """ZEV1: label of ibritumomab tiuxetan, exact."""
    answer = ask("y90-ibritumomab", weight_kg=kg, platelets_e9_per_l=platelets)
    if mbq is None:
        assert answer["refused"]
        assert answer["activity_MBq"] is None
        assert answer["refused_by"] == ["PLATELETS"]
    else:
        assert not answer["refused"]
        assert answer["activity_MBq"] == pytest.approx(mbq, abs=1e-6)
        assert answer["activity_mCi"] == pytest.approx(mci, abs=1e-6)


def test_the_active_rule_is_named():
    assert ask("y90-ibritumomab", weight_kg=70, platelets_e9_per_l=160)["active"] == "14.8 MBq/kg body weight"
    assert ask("y90-ibritumomab", weight_kg=85, platelets_e9_per_l=200)["active"] == "maximum 1184 MBq"


@given(st.floats(30, 200), st.floats(100, 900))
def test_the_label_activity_never_exceeds_its_cap_or_rate(kg, platelets):
    answer = ask("y90-ibritumomab", weight_kg=kg, platelets_e9_per_l=platelets)
    rate = 14.8 if platelets >= 150 else 11.1
    assert answer["activity_MBq"] <= min(rate * kg, 1184.0) * (1 + 1e-9)
    assert answer["activity_MBq"] > min(rate * kg, 1184.0) - 1.0 - 1e-6


@pytest.mark.parametrize("platelets", [160000, 100000, 0.16])
def test_platelets_in_another_unit_never_give_an_activity(platelets):
    with pytest.raises(QuantityError, match=r"10\^9/l"):
        ask("y90-ibritumomab", weight_kg=70, platelets_e9_per_l=platelets)


def test_myeloablative_and_dose_driven_ibritumomab():
    """45 MBq/kg gives 3150 MBq at 70 kg; 28 Gy at the median of 6.1 Gy/GBq to the liver 4590 MBq."""
    fixed = ask("y90-ibritumomab", setting="myeloablative", weight_kg=70, graft_confirmed=True)
    assert fixed["activity_MBq"] == pytest.approx(3150)
    own = ask("y90-ibritumomab", setting="dose_driven", coefficients_gy_per_gbq={"liver": 6.1}, graft_confirmed=True)
    assert own["activity_MBq"] == pytest.approx(28 / 6.1 * 1000, abs=1.0)
    assert ask("y90-ibritumomab", setting="myeloablative", weight_kg=70, graft_confirmed=False)["refused"]


def test_conditioning_names_the_most_exposed_organ():
    """Erwin 2016: the limit holds for the most exposed of liver, lungs and kidneys."""
    doses = {"liver": 5.0, "lungs": 8.0, "kidneys": 3.0}
    answer = ask("y90-ibritumomab", setting="conditioning", coefficients_gy_per_gbq=doses, graft_confirmed=True)
    assert answer["active"] == "lungs at most 12 Gy"
    assert answer["activity_MBq"] == pytest.approx(1500)


def test_cd45a():
    """CD45a: 10.5 Gy to the liver at the mean coefficients of Matthews 1999 (1 %)."""
    answer = ask("i131-apamistamab", use_published=True, graft_confirmed=True, rounding_mbq=0.1)
    assert answer["activity_mCi"] == pytest.approx(375, rel=0.01)
    assert answer["activity_MBq"] == pytest.approx(13875, rel=0.01)
    gray = {d["target"]: d["Gy"] for d in answer["doses"]}
    expected = {"red_marrow": 24.4, "spleen": 50.6, "kidneys": 2.25, "lungs": 6.75, "whole_body": 1.5}
    for organ, value in expected.items():
        assert gray[organ] == pytest.approx(value, rel=0.01)


def test_dose_levels():
    base = {"coefficients_gy_per_gbq": {"liver": 0.757, "red_marrow": 1.8, "spleen": 3.6}, "graft_confirmed": True}
    low = ask("i131-apamistamab", level_gy=3.5, **base)
    assert low["activity_MBq"] == pytest.approx(3.5 / 0.757 * 1000, abs=1.0)
    above = ask("i131-apamistamab", level_gy=12.25, **base)
    assert any("above the 10.5 Gy" in note for note in above["notes"])
    with pytest.raises(PlanningError, match="not a level"):
        ask("i131-apamistamab", level_gy=11.0, **base)
    assert ask("i131-apamistamab", setting="flu_tbi2", **base)["constraints"][0]["value"] == 24.0


def test_unfavourable_biodistribution_is_refused():
    doses = {"liver": 2.0, "red_marrow": 1.8, "spleen": 3.6}
    answer = ask("i131-apamistamab", coefficients_gy_per_gbq=doses, graft_confirmed=True)
    assert answer["refused_by"] == ["UNFAVOURABLE_BIODISTRIBUTION"]


def test_cd66a():
    """CD66a: window 8.28-16.9 GBq between 12 Gy to marrow and 12 Gy to kidneys; 10 GBq give 14.5 and 7.1 Gy."""
    base = {"use_published": True, "graft_confirmed": True, "limits_gy": {"kidneys": 12.0}}
    answer = ask("re188-anti-cd66", **base)
    low, high = answer["window_MBq"]
    assert low == pytest.approx(8280, rel=5e-3)
    assert high == pytest.approx(16900, rel=5e-3)
    at_ten = ask("re188-anti-cd66", chosen_mbq=10000, **base)
    gray = {d["target"]: d["Gy"] for d in at_ten["doses"]}
    assert gray["red_marrow"] == pytest.approx(14.5, rel=5e-3)
    assert gray["kidneys"] == pytest.approx(7.1, rel=5e-3)
    assert at_ten["violated"] == []


def test_an_unverified_number_sets_no_activity_by_itself():
    with pytest.raises(PlanningError, match="unverified"):
        ask("re188-anti-cd66", use_published=True, graft_confirmed=True)
    accepted = ask("re188-anti-cd66", use_published=True, graft_confirmed=True, accept_unverified=True)
    assert any("unverified" in note for note in accepted["notes"])


def test_lym1():
    """LYM1: 1.8 m2 and 100 mCi/m2 give 180 mCi and 0.612 Gy to marrow (0.1 %)."""
    height = 1.8**2 * 3600 / 70
    answer = ask("i131-lym-1", weight_kg=70, height_cm=height, use_published=True)
    assert answer["activity_mCi"] == pytest.approx(180, rel=1e-3)
    assert answer["doses"][0]["Gy"] == pytest.approx(0.612, rel=1e-3)
    assert any("one of 2 fractions, 28 days" in note for note in answer["notes"])


@pytest.mark.parametrize(("name", "gbq"), [("lu177-pentixather", 25.27), ("y90-pentixather", 6.13)])
def test_px4(name, gbq):
    """PX4: 23 Gy at the kidney medians of Haenscheid 2022 (0.1 %)."""
    answer = ask(name, use_published=True, graft_confirmed=True)
    assert answer["activity_MBq"] / 1000 == pytest.approx(gbq, rel=1e-3)
    kidneys = answer["constraints"][0]
    assert kidneys["probability_broken"] == pytest.approx(0.5, abs=0.01)  # a median: half of the patients exceed


@pytest.mark.parametrize("index", range(7))
def test_seed1_the_seven_patients(index):
    """SEED1: Braitsch 2025 Table 2 from the packaged cohort: 23 Gy to the kidneys, and what was given (0.1 %)."""
    largest = (14.47, 15.97, 13.29, 19.49, 31.51, 17.69, 7.74)[index]
    gray = (19.08, 20.74, 22.49, 13.45, 8.91, 20.93, 22.57)[index]
    patient = cohort("braitsch-2025").patients[index]
    pre = {c.target: c.pre_gy_per_bq * GBQ for c in patient.coefficients}
    base = {"coefficients_gy_per_gbq": {"kidneys": pre["kidneys"]}, "graft_confirmed": True}
    assert ask("lu177-pentixather", **base)["activity_MBq"] / 1000 == pytest.approx(largest, rel=1e-3)
    judged = ask("lu177-pentixather", chosen_mbq=patient.activity_bq / 1e6, **base)
    assert judged["constraints"][0]["value_at_activity"] == pytest.approx(gray, rel=1e-3)
    assert judged["violated"] == []


@pytest.mark.parametrize(("index", "residual"), [(0, 0.40), (1, 0.65), (2, 0.49), (3, 0.40)])
def test_marrow_after_infusion_of_the_first_four_patients(index, residual):
    """With 92 h in marrow and 14 days: 0.40, 0.65, 0.49, 0.40 Gy still to come (derived from Braitsch 2025)."""
    patient = cohort("braitsch-2025").patients[index]
    pre = {c.target: c.pre_gy_per_bq * GBQ for c in patient.coefficients}
    judged = ask(
        "lu177-pentixather",
        coefficients_gy_per_gbq={"kidneys": pre["kidneys"], "red_marrow": pre["red_marrow"]},
        chosen_mbq=patient.activity_bq / 1e6,
        marrow_half_life_h=92,
        days_to_transplant=14,
        graft_confirmed=True,
    )
    row = next(r for r in judged["constraints"] if r["constraint"].startswith("red marrow after infusion"))
    assert row["value_at_activity"] == pytest.approx(residual, abs=0.006)


def test_the_marrow_limit_becomes_active_when_infusion_is_early():
    base = {
        "coefficients_gy_per_gbq": {"kidneys": 1.44, "red_marrow": 0.57},
        "marrow_half_life_h": 92,
        "graft_confirmed": True,
    }
    assert ask("lu177-pentixather", days_to_transplant=14, **base)["active"] == "kidneys at most 23 Gy"
    early = ask("lu177-pentixather", days_to_transplant=10, **base)
    assert early["active"].startswith("red marrow after infusion")
    assert early["activity_MBq"] == pytest.approx(1000 / (0.57 * 0.5 ** (240 / 92)), abs=1.0)
    unknown = ask("lu177-pentixather", coefficients_gy_per_gbq={"kidneys": 1.44}, graft_confirmed=True)
    assert any("not judged: red marrow from infusion" in note for note in unknown["notes"])


def test_what_is_missing_or_absurd_is_refused():
    with pytest.raises(PlanningError, match="tracer study"):
        ask("lu177-pentixather", graft_confirmed=True)
    with pytest.raises(PlanningError, match="platelet count"):
        ask("y90-ibritumomab", weight_kg=70)
    with pytest.raises(PlanningError, match="weight"):
        ask("y90-ibritumomab", platelets_e9_per_l=160)
    with pytest.raises(PlanningError, match="implausible weight"):
        ask("y90-ibritumomab", weight_kg=7000, platelets_e9_per_l=160)
    with pytest.raises(PlanningError, match="diagnostic"):
        ask("f18-fdg")
    with pytest.raises(PlanningError, match="no such setting"):
        ask("y90-ibritumomab", setting="heroic")
    with pytest.raises(PlanningError, match="physical"):
        ask(
            "y90-pentixather",
            coefficients_gy_per_gbq={"kidneys": 3.75, "red_marrow": 1.0},
            marrow_half_life_h=92,
            days_to_transplant=9,
        )


def test_every_therapy_agent_answers_or_says_what_it_needs():
    for known in agents():
        if known.role.value != "therapy":
            continue
        for setting in [s.id for s in known.settings] or [None]:
            with pytest.raises(PlanningError) as problem:
                ask(known.id, setting=setting)
            assert problem.value.remedy or problem.value.field


def test_units_that_are_easily_mistaken():
    """2.8 is cGy/mCi in Matthews 1999: as Gy/GBq it would be 3.7 times the published liver dose."""
    answer = ask(
        "i131-apamistamab",
        coefficients_gy_per_gbq={"liver": 2.8, "red_marrow": 6.5, "spleen": 13.5},
        graft_confirmed=True,
    )
    assert any("1 cGy/mCi is 0.27" in note for note in answer["notes"])
    fine = ask("lu177-pentixather", coefficients_gy_per_gbq={"kidneys": 3.4}, graft_confirmed=True)
    assert not any("check the unit" in note for note in fine["notes"])
    with pytest.raises(QuantityError, match="in percent"):
        ask("y90-ibritumomab", weight_kg=70, platelets_e9_per_l=160, marrow_involvement_percent=0.25)
    with pytest.raises(QuantityError, match="20 % is"):
        ask("lu177-pentixather", coefficients_gy_per_gbq={"kidneys": 0.9}, relative_sd=20.0)
