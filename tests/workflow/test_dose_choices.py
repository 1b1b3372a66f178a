"""Doses as a case asks: marrow by site and blood, conventions, tables of the user, provenance, events.

Curves are given, so that every dose has a closed form.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import CaseError, HemadoseError, PlanningError, QuantityError
from hemadose.io.case import parse_case
from hemadose.model import (
    Course,
    CourseEvent,
    CurveEnsemble,
    Donor,
    ExponentialCurve,
    FittedCurve,
    Lane,
    Prescription,
)
from hemadose.model.activity import ActivitySample, ActivitySeries
from hemadose.units import DAY_S, GBQ, HOUR_S, MBQ
from hemadose.workflow.doses import dose_study
from hemadose.workflow.marrow import marrow_events
from hemadose.workflow.quantify import Quantified
from hemadose.workflow.study import case_administration

DRAWS = 200
TIA_MBQ_H = {"kidneys": 500.0, "liver": 2000.0, "lumbar_l2_l4": 130.0, "whole_body": 15000.0}
BLOOD = "time_h,activity_kBq_per_ml\n0.1,30\n1,20\n4,9\n24,1.5\n48,0.8\n120,0.4\n"


def case_of(agent="lu177-pentixather", **sections):
    data = {
        "case": {"title": "t", "zone": "Europe/Berlin"},
        "patient": {"pseudonym": "p", "sex": "male", "height_cm": 180, "weight_kg": 80},
        "administration": {
            "agent": agent,
            "measured_activity_MBq": 200,
            "measured_at": "2025-03-03T10:00:00",
            "residual_activity_MBq": 0,
            "residual_measured_at": "2025-03-03T10:00:00",
            "administered_at": "2025-03-03T10:00:00",
        },
        "images": {"spect": ["a.dcm"]},
        "regions": {"volumes": "seg.dcm"},
        "calibration": {"spect_cps_per_MBq": 9.0},
        "quantification": {"method": "spect"},
        "marrow": {"absorbed_fraction": 0.57},
        "kinetics": {"draws": DRAWS},
        "dose": {"organ_masses_g": {"kidneys": 350.0, "liver": 1700.0}},
        "limits": {"kidneys_Gy": 23},
    }
    for name, values in sections.items():
        data[name] = {**data.get(name, {}), **values}
    return parse_case(data, source="test")


def fit(region, tia_mbq_h, half_life_h=60.0):
    rate = np.log(2) / (half_life_h * HOUR_S)
    amplitude = tia_mbq_h * MBQ * HOUR_S * rate
    return FittedCurve(
        region=region,
        model="mono",
        curve=ExponentialCurve(amplitudes_bq=np.array([amplitude]), rates_per_s=np.array([rate])),
        ensemble=CurveEnsemble(amplitudes_bq=np.full((DRAWS, 1), amplitude), rates_per_s=np.full((DRAWS, 1), rate)),
        tia_bq_s=tia_mbq_h * MBQ * HOUR_S,
        tia_sd_bq_s=0.0,
        effective_half_life_s=half_life_h * HOUR_S,
        extrapolated_fraction=0.1,
        reduced_chi_square=None,
        candidates=(),
    )


def outcome(case, tias=None, folder=Path("/nowhere")):
    tias = TIA_MBQ_H if tias is None else tias
    series = tuple(
        ActivitySeries(region=name, samples=(ActivitySample(region=name, time_s=HOUR_S, activity_bq=1.0, method="t"),))
        for name in tias
    )
    return dose_study(
        case,
        Quantified(series=series, methods=(), notes=()),
        tuple(fit(name, tia) for name, tia in tias.items()),
        case_administration(case),
        folder,
    )


def without(*names, **more):
    return {**{k: v for k, v in TIA_MBQ_H.items() if k not in names}, **more}


def coefficient(found, target):
    return found.doses.organ(target).gy_per_bq * GBQ


def marrow_source_dose(found):
    return {c.source: c.gy_per_bq * GBQ for c in found.doses.organ("red_marrow").contributions}


def test_every_contribution_is_there_and_adds_up():
    found = outcome(case_of())
    for organ in found.doses.organs:
        assert {c.source for c in organ.contributions} == {"kidneys", "liver", "red_marrow", "remainder"}
        assert sum(c.gy_per_bq for c in organ.contributions) == pytest.approx(organ.gy_per_bq, rel=1e-12)


def test_marrow_by_another_site_is_the_same_marrow():
    """130 / 0.067 of L2-L4 is 192.09 / 0.099 of the sacrum."""
    lumbar = outcome(case_of())
    tia = 130.0 / 0.067 * 0.099
    sacrum = outcome(case_of(), without("lumbar_l2_l4", sacrum=tia))
    assert coefficient(sacrum, "red_marrow") == pytest.approx(coefficient(lumbar, "red_marrow"), rel=1e-9)
    assert sacrum.doses.organ("red_marrow").method == "marrow-image (sacrum)"
    assert [e.site.name for e in sacrum.marrow.sites] == ["sacrum"]


def test_sites_are_no_organs_and_unused_ones_are_said():
    found = outcome(case_of(), {**TIA_MBQ_H, "sacrum": 150.0})
    assert {o.target for o in found.doses.organs} == {"kidneys", "liver", "red_marrow"}
    assert any("sacrum: drawn, but not used" in note for note in found.doses.notes)


def test_two_sites_are_averaged():
    case = case_of(marrow={"absorbed_fraction": 0.57, "sites": ["lumbar_l2_l4", "sacrum"]})
    found = outcome(case, {**TIA_MBQ_H, "sacrum": 130.0 / 0.067 * 0.099})
    assert coefficient(found, "red_marrow") == pytest.approx(coefficient(outcome(case_of()), "red_marrow"), rel=1e-6)
    assert sum(e.weight for e in found.marrow.sites) == pytest.approx(1.0)
    assert "L2-L4, sacrum" in found.doses.organ("red_marrow").method


def test_a_site_without_a_published_share_needs_one():
    case = case_of(marrow={"absorbed_fraction": 0.57, "sites": ["iliac"]})
    with pytest.raises(HemadoseError, match="no share of red marrow is known for iliac"):
        outcome(case, without("lumbar_l2_l4", iliac=50.0))
    given = case_of(
        marrow={
            "absorbed_fraction": 0.57,
            "sites": ["iliac"],
            "site_fractions": {"iliac": {"fraction": 0.04, "relative_sd": 0.2, "source": "own CT"}},
        }
    )
    found = outcome(given, without("lumbar_l2_l4", iliac=130.0 / 0.067 * 0.04))
    assert coefficient(found, "red_marrow") == pytest.approx(coefficient(outcome(case_of()), "red_marrow"), rel=1e-9)
    assert found.marrow.sites[0].site.evidence == "given"


def test_a_named_site_must_be_measured():
    with pytest.raises(CaseError, match="was not measured"):
        outcome(case_of(marrow={"absorbed_fraction": 0.57, "sites": ["sacrum"]}))


@pytest.mark.parametrize("agent", ["lu177-pentixather", "y90-anti-cd66", "re188-anti-cd66", "y90-anti-cd45"])
def test_agents_of_the_marrow_refuse_blood_alone(agent, tmp_path):
    (tmp_path / "blood.csv").write_text(BLOOD)
    blood = {"samples": "blood.csv", "haematocrit": 0.42}
    asked = case_of(agent, marrow={"absorbed_fraction": 0.57, "method": "blood", "blood": blood})
    with pytest.raises(PlanningError, match="blood alone"):
        outcome(asked, folder=tmp_path)
    silent = case_of(agent, marrow={"absorbed_fraction": 0.57, "blood": blood})
    with pytest.raises(PlanningError, match="binds in the marrow"):
        outcome(silent, without("lumbar_l2_l4"), folder=tmp_path)


def blood_case(tmp_path, agent="i131-lym-1", **marrow):
    (tmp_path / "blood.csv").write_text(BLOOD)
    blood = {"samples": "blood.csv", "haematocrit": 0.42, **marrow.pop("blood", {})}
    return case_of(agent, marrow={"absorbed_fraction": 0.57, "blood": blood, **marrow})


def test_blood_where_the_agent_allows_it_and_no_image_is_there(tmp_path):
    found = outcome(blood_case(tmp_path), without("lumbar_l2_l4"), folder=tmp_path)
    assert found.marrow.method == "blood"
    assert found.doses.organ("red_marrow").method == "marrow-blood"
    assert any("rests on blood alone" in note for note in found.doses.notes)
    assert found.blood.ratio == pytest.approx(0.19 / 0.58)


def test_the_mass_cancels_in_blood_based_self_dose(tmp_path):
    """Hindorf 2010: activity by the gram times S by the gram."""
    light = outcome(blood_case(tmp_path, mass_g=700.0), without("lumbar_l2_l4"), folder=tmp_path)
    heavy = outcome(blood_case(tmp_path, mass_g=1400.0), without("lumbar_l2_l4"), folder=tmp_path)
    one, two = marrow_source_dose(light)["red_marrow"], marrow_source_dose(heavy)["red_marrow"]
    assert one == pytest.approx(two, rel=0.05), "exactly so for electrons; photons go with m^(1/3)"
    assert light.blood.gy_per_bq == pytest.approx(heavy.blood.gy_per_bq, rel=1e-9)
    by_image = outcome(case_of(marrow={"absorbed_fraction": 0.57, "mass_g": 700.0}))
    twice = outcome(case_of(marrow={"absorbed_fraction": 0.57, "mass_g": 1400.0}))
    ratio = marrow_source_dose(by_image)["red_marrow"] / marrow_source_dose(twice)["red_marrow"]
    assert ratio == pytest.approx(2.0, rel=0.02), "from images it does not cancel"


def test_plasma_counts_with_the_extracellular_fraction(tmp_path):
    """Sgouros 1993: 0.19 of plasma; of whole blood 0.19 / (1 - haematocrit)."""
    whole = outcome(blood_case(tmp_path), without("lumbar_l2_l4"), folder=tmp_path)
    plasma = outcome(blood_case(tmp_path, blood={"counted": "plasma"}), without("lumbar_l2_l4"), folder=tmp_path)
    assert plasma.blood.gy_per_bq / whole.blood.gy_per_bq == pytest.approx(1.0 - 0.42, rel=1e-9)
    assert plasma.blood.ratio == pytest.approx(0.19)


def test_a_constant_ratio_over_time_is_the_constant_ratio(tmp_path):
    points = [{"time_h": 0.0, "ratio": 0.5}, {"time_h": 200.0, "ratio": 0.5}]
    constant = outcome(blood_case(tmp_path, blood={"ratio": 0.5}), without("lumbar_l2_l4"), folder=tmp_path)
    table = outcome(blood_case(tmp_path, blood={"ratio": points}), without("lumbar_l2_l4"), folder=tmp_path)
    assert table.blood.gy_per_bq == pytest.approx(constant.blood.gy_per_bq, rel=1e-6)
    assert table.blood.ratio == pytest.approx(0.5, rel=1e-6)


def test_a_rising_ratio_gives_more_and_its_ends_are_said(tmp_path):
    rising = [{"time_h": 1.0, "ratio": 0.3}, {"time_h": 48.0, "ratio": 0.9}]
    low = outcome(blood_case(tmp_path, blood={"ratio": 0.3}), without("lumbar_l2_l4"), folder=tmp_path)
    high = outcome(blood_case(tmp_path, blood={"ratio": 0.9}), without("lumbar_l2_l4"), folder=tmp_path)
    found = outcome(blood_case(tmp_path, blood={"ratio": rising}), without("lumbar_l2_l4"), folder=tmp_path)
    assert low.blood.gy_per_bq < found.blood.gy_per_bq < high.blood.gy_per_bq
    assert any("2 blood sample(s) lie outside" in note for note in found.blood.notes)


def test_combined_tells_blood_from_specific_uptake(tmp_path):
    """The images give the sum; blood is a part of it."""
    case = blood_case(tmp_path, agent="lu177-pentixather", method="combined")
    found, image = outcome(case, folder=tmp_path), outcome(case_of())
    parts = marrow_source_dose(found)
    together = parts["red_marrow"] + parts["marrow_blood"]
    assert together == pytest.approx(marrow_source_dose(image)["red_marrow"], rel=1e-9)
    assert 0.0 < parts["marrow_blood"] < together
    assert coefficient(found, "red_marrow") == pytest.approx(coefficient(image, "red_marrow"), rel=1e-9)
    assert any("blood makes" in note for note in found.doses.notes)


def test_more_blood_than_image_leaves_no_specific_uptake(tmp_path):
    case = blood_case(tmp_path, agent="lu177-pentixather", method="combined")
    found = outcome(case, {**TIA_MBQ_H, "lumbar_l2_l4": 1.0}, folder=tmp_path)
    assert marrow_source_dose(found)["red_marrow"] == 0.0
    assert any("blood holds more than the images show" in note for note in found.doses.notes)


def test_no_marrow_at_all_is_said_not_zero():
    found = outcome(case_of("i131-lym-1"), without("lumbar_l2_l4"))
    assert found.marrow.method == "none"
    assert "red_marrow" not in {o.target for o in found.doses.organs}
    assert any("not known, which is not zero" in note for note in found.doses.notes)


def test_a_convention_refers_the_kidneys_to_its_mass():
    """310 against 421.5 g: electrons 27 % apart, of the whole dose nearly as much."""
    dry = outcome(case_of(dose={"convention": "olinda-2"}))
    wet = outcome(case_of(dose={"convention": "idac-2.1"}))
    assert dry.doses.organ("kidneys").mass_kg == pytest.approx(0.310)
    assert wet.doses.organ("kidneys").mass_kg == pytest.approx(0.4215)
    own_dry = {c.source: c.gy_per_bq for c in dry.doses.organ("kidneys").contributions}["kidneys"]
    own_wet = {c.source: c.gy_per_bq for c in wet.doses.organ("kidneys").contributions}["kidneys"]
    assert own_wet / own_dry == pytest.approx(310 / 421.5, rel=0.005)
    assert wet.doses.organ("red_marrow").mass_kg == pytest.approx(1.394)
    assert wet.doses.provenance.parameters["convention"] == "idac-2.1"
    assert any("0.74 times that of olinda-2" in note for note in wet.doses.notes)


def test_a_convention_with_the_masses_of_the_patient():
    """Braitsch 2025 used IDAC-Dose with the patient's masses: then only their own masses act."""
    found = outcome(case_of(dose={"convention": "idac-2.1", "masses": "patient"}))
    assert found.doses.organ("kidneys").mass_kg == pytest.approx(0.350)
    assert coefficient(found, "kidneys") == pytest.approx(coefficient(outcome(case_of()), "kidneys"), rel=1e-9)


def test_all_conventions_stand_side_by_side():
    found = outcome(case_of())
    by = {(d.convention, d.target): d for d in found.conventions}
    assert {c for c, _ in by} == {"hemadose", "olinda-1", "olinda-2", "idac-2.1"}
    assert by["hemadose", "kidneys"].chosen
    assert by["hemadose", "kidneys"].gy_per_bq == pytest.approx(found.doses.organ("kidneys").gy_per_bq, rel=1e-12)
    same = outcome(case_of(dose={"convention": "idac-2.1"}))
    assert by["idac-2.1", "liver"].gy_per_bq == pytest.approx(same.doses.organ("liver").gy_per_bq, rel=1e-12)


def test_provenance_holds_every_choice():
    parameters = outcome(case_of()).doses.provenance.parameters
    assert parameters["convention"] == "hemadose"
    assert parameters["masses"] == "patient"
    assert parameters["s_values"] == "stylised-adult"
    assert parameters["marrow_method"] == "image"
    assert parameters["marrow_sites"] == "lumbar_l2_l4"
    assert "scaled with body mass" in parameters["marrow_mass_rule"]


def test_mass_rules_stand_side_by_side():
    found = outcome(case_of())
    by_rule = {m.rule: m for m in found.marrow.masses}
    assert set(by_rule) == {"body-mass", "lean-body-mass", "reference"}
    assert by_rule["body-mass"].chosen
    assert by_rule["body-mass"].gy_per_bq == pytest.approx(found.doses.organ("red_marrow").gy_per_bq, rel=1e-12)
    other = outcome(case_of(marrow={"absorbed_fraction": 0.57, "mass_rule": "reference"}))
    assert other.doses.organ("red_marrow").mass_kg == pytest.approx(1.17)
    assert by_rule["reference"].gy_per_bq == pytest.approx(other.doses.organ("red_marrow").gy_per_bq, rel=2e-3)


OLINDA = """source,target,s_mGy_per_MBq_s,target_mass_g
kidneys,kidneys,7.76e-5,310
liver,kidneys,1.20e-7,310
red_marrow,kidneys,4.71e-8,310
whole_body,kidneys,3.58e-7,310
kidneys,liver,1.18e-7,1800
liver,liver,1.37e-5,1800
red_marrow,liver,2.44e-8,1800
whole_body,liver,3.58e-7,1800
kidneys,red_marrow,3.35e-8,1170
liver,red_marrow,3.09e-8,1170
red_marrow,red_marrow,1.15e-5,1170
whole_body,red_marrow,2.74e-7,1170
kidneys,whole_body,3.5e-7,73000
liver,whole_body,3.5e-7,73000
red_marrow,whole_body,3.5e-7,73000
whole_body,whole_body,3.54e-7,73000
"""


def table_case(tmp_path, text=OLINDA, **dose):
    (tmp_path / "s.csv").write_text(text)
    masses = {"kidneys": 400.0, "liver": 1800.0}
    return case_of(dose={"s_value_file": "s.csv", "organ_masses_g": masses, **dose})


def test_s_values_of_the_user_as_they_stand(tmp_path):
    """OLINDA 2 numbers quoted in case S2: 500 MBq h in 200 MBq is 2.5 h: 0.698 mGy/MBq of self-dose."""
    found = outcome(table_case(tmp_path, masses="table"), folder=tmp_path)
    own = {c.source: c.gy_per_bq * GBQ for c in found.doses.organ("kidneys").contributions}
    assert own["kidneys"] == pytest.approx(2.5 * 3600 * 7.76e-5, rel=1e-6)
    assert own["liver"] == pytest.approx(10.0 * 3600 * 1.20e-7, rel=1e-6)
    rest = (3.58e-7 * 73000 - 7.76e-5 * 310 - 1.20e-7 * 1800 - 4.71e-8 * 1170) / (73000 - 310 - 1800 - 1170)
    hours = 15000 / 200 - 2.5 - 10 - 130 / 0.067 / 200
    assert own["remainder"] == pytest.approx(max(rest, 0.0) * hours * 3600, rel=1e-6, abs=1e-12)
    assert found.doses.organ("kidneys").mass_kg == pytest.approx(0.310)
    assert found.doses.provenance.parameters["masses"] == "table"
    assert found.doses.provenance.parameters["s_values"] == "s.csv"
    assert any("no mass of the patient acts" in note for note in found.doses.notes)


def test_s4_s_values_of_the_user_scaled_to_the_patient(tmp_path):
    """S4: kidneys 310 -> 400 g with electrons 1/m and photons m^(-2/3): 6.0219e-5 mGy/(MBq s) (0.3 %)."""
    found = outcome(table_case(tmp_path), folder=tmp_path)
    own = {c.source: c.gy_per_bq * GBQ for c in found.doses.organ("kidneys").contributions}
    assert own["kidneys"] / (2.5 * 3600) == pytest.approx(6.0219e-5, rel=3e-3)
    assert own["liver"] == pytest.approx(10.0 * 3600 * 1.20e-7, rel=1e-6), "cross-dose is not scaled"
    rest = (3.58e-7 * 73000 - 7.76e-5 * 310 - 1.20e-7 * 1800 - 4.71e-8 * 1170) / (73000 - 310 - 1800 - 1170)
    hours = 15000 / 200 - 2.5 - 10 - 130 / 0.067 / 200
    assert own["remainder"] == pytest.approx(rest * hours * 3600 * 73 / 80, rel=1e-6), "sums: no electron counts twice"


def test_a_table_without_masses_cannot_be_scaled(tmp_path):
    bare = "\n".join(line.rsplit(",", 1)[0] for line in OLINDA.splitlines()) + "\n"
    with pytest.raises(HemadoseError, match="mass"):
        outcome(table_case(tmp_path, bare), folder=tmp_path)
    with pytest.raises(HemadoseError, match="mass"):
        outcome(table_case(tmp_path, bare, masses="table"), folder=tmp_path)


def test_masses_may_be_stated_beside_the_table(tmp_path):
    bare = "\n".join(line.rsplit(",", 1)[0] for line in OLINDA.splitlines()) + "\n"
    masses = {"kidneys": 310.0, "liver": 1800.0, "red_marrow": 1170.0, "whole_body": 73000.0}
    stated = outcome(table_case(tmp_path, bare, s_value_masses_g=masses), folder=tmp_path)
    in_file = outcome(table_case(tmp_path), folder=tmp_path)
    assert coefficient(stated, "kidneys") == pytest.approx(coefficient(in_file, "kidneys"), rel=1e-12)
    with pytest.raises(CaseError, match="refers kidneys to another mass"):
        outcome(table_case(tmp_path, s_value_masses_g={"kidneys": 400.0}), folder=tmp_path)


def test_a_table_without_a_pair_is_refused(tmp_path):
    short = "\n".join(line for line in OLINDA.splitlines() if not line.startswith("liver,kidneys")) + "\n"
    with pytest.raises(HemadoseError, match="no S value for kidneys <- liver"):
        outcome(table_case(tmp_path, short, masses="table"), folder=tmp_path)


def test_negative_activity_and_zero_mass_are_refused():
    with pytest.raises(QuantityError, match="negative"):
        outcome(case_of(), {**TIA_MBQ_H, "liver": -5.0})
    with pytest.raises(HemadoseError, match="greater than 0"):
        case_of(dose={"organ_masses_g": {"kidneys": 0.0}})
    with pytest.raises(QuantityError, match="no mass is known for spleen"):
        outcome(case_of(), {**TIA_MBQ_H, "spleen": 5.0})


def prescription(activity_gbq=14.4, interval_d=14.0):
    return Prescription(
        activity_bq=activity_gbq * GBQ,
        active_limit="chosen",
        outcomes=(),
        interval_to_infusion_s=interval_d * DAY_S,
    )


def course():
    events = (
        CourseEvent(day=-14, lane=Lane.NUCLEAR_MEDICINE, kind="ert", title="ERT"),
        CourseEvent(day=-5, lane=Lane.RADIATION_ONCOLOGY, kind="tbi", title="TBI"),
        CourseEvent(day=-4, lane=Lane.RADIATION_ONCOLOGY, kind="tbi", title="TBI"),
        CourseEvent(day=0, lane=Lane.TRANSPLANTATION, kind="graft", title="graft"),
    )
    return Course(regimen="r", donor=Donor.HAPLOIDENTICAL, day_zero_on=date(2025, 4, 1), events=events)


def test_marrow_events_of_a_course():
    case = case_of(marrow={"absorbed_fraction": 0.57, "events": [{"name": "biopsy", "after_h": 48.0}]})
    found = outcome(case)
    events = marrow_events(case, found.doses, prescription=prescription(), course=course(), administered_bq=2e8)
    assert [(e.name, e.at_s / DAY_S) for e in events] == [
        ("biopsy", 2.0),
        ("start of TBI", 9.0),
        ("infusion of stem cells", 14.0),
    ]
    whole = found.doses.organ("red_marrow").gy_per_bq * 14.4 * GBQ
    for event in events:
        assert event.before_gy + event.after_gy == pytest.approx(whole, rel=1e-9)
        assert event.after_gy == pytest.approx(whole * 2.0 ** (-event.at_s / HOUR_S / 60.0), rel=1e-6)
    assert events[0].rate_gy_per_h > events[1].rate_gy_per_h > events[2].rate_gy_per_h


def test_no_marrow_dose_no_events():
    case = case_of("i131-lym-1")
    found = outcome(case, without("lumbar_l2_l4"))
    assert marrow_events(case, found.doses, prescription=prescription(), course=course(), administered_bq=2e8) == ()
