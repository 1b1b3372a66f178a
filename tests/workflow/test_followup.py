"""Follow-up of patients: every rule answers or says what is missing, and what is written is whole."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.io.cohort_writing import write_cohort_folder
from hemadose.model.followup import Event, EventKind, FollowUp, FollowUpCohort, Gap, Missing, Series
from hemadose.outcome.engraftment import engraftment_rule
from hemadose.refdata.ctcae import ctcae
from hemadose.refdata.ctcae_clinical import clinical_terms
from hemadose.refdata.quantities import quantities
from hemadose.workflow.followup import followup, read_followup
from hemadose.workflow.followup_rules import Tables, judge_patient

K = EventKind


def tables(criteria="5.0", engraftment="CIBMTR", until_day=100.0):
    return Tables(
        criteria=ctcae(criteria), clinical=clinical_terms(), engraftment=engraftment_rule(engraftment),
        quantities=quantities(), until_day=until_day,
    )  # fmt: skip


def series(quantity, unit, day, value, high=np.nan, low=np.nan):
    n = len(day)
    return Series(quantity=quantity, unit=unit, day=day, value=value, upper_limit=[high] * n, lower_limit=[low] * n)


def known(pseudonym="A", **more):
    """Course with truth by construction: neutrophils back on day 17, creatinine doubled on day 20, fever on day 6."""
    day = np.arange(-15.0, 41.0)
    recovered = np.where(day < -3, 2.5, np.where(day < 17, 0.1, 2.5))
    data = (
        series("neutrophils", "10*9/L", day, recovered, high=7.5, low=1.8),
        series("platelets", "10*9/L", day, np.where(day < 20, 15.0, 80.0), high=400.0, low=150.0),
        series("creatinine", "mg/dL", [-15.0, 0.0, 20.0], [0.8, 1.0, 1.6], high=1.1),
        series("temperature", "Cel", [5.0, 6.0], [37.0, 38.9]),
        series("ldh", "U/L", [-15.0, -12.0, -2.0], [200.0, 600.0, 150.0], high=250.0),
        series("recipient_chimerism", "%", [27.0, 110.0], [2.0, 40.0]),
    )
    events = (
        Event(day=-300.0, kind=K.CHEMOTHERAPY, term="induction"),
        Event(day=-300.0, kind=K.ADMISSION),
        Event(day=-270.0, kind=K.DISCHARGE),
        Event(day=-16.0, kind=K.ADMISSION),
        Event(day=-14.0, kind=K.RADIOLIGAND, term="lu177-pentixather"),
        Event(day=-8.0, kind=K.IRRADIATION, until_day=-7.0),
        Event(day=-6.0, kind=K.CHEMOTHERAPY, term="fludarabine", until_day=-2.0),
        Event(day=0.0, kind=K.GRAFT),
        Event(day=3.0, kind=K.TRANSFUSION, term="platelets"),
        Event(day=4.0, kind=K.TRANSFUSION, term="red cells"),
        Event(day=6.0, kind=K.ADVERSE_EVENT, term="Mukositis", grade=3),
        Event(day=7.0, kind=K.ADVERSE_EVENT, term="itchy nose"),
        Event(day=9.0, kind=K.INTENSIVE_CARE, until_day=12.0),
        Event(day=40.0, kind=K.DISCHARGE),
    )
    return FollowUp(pseudonym=pseudonym, series=data, events=events, **more)


def by_rule(found, part):
    return [j.decision for j in found.judged if part in j.decision.rule]


def test_the_known_course_is_found_again():
    found = judge_patient(known(), tables())
    assert found.start_day == -14.0
    assert list(found.windows) == [(-14.0, 0.0), (0.0, 30.0), (30.0, 100.0)]
    assert any("earlier line" in n for n in found.notes)
    assert [d.day for d in by_rule(found, "neutrophils >= 0.5")] == [17.0]
    assert [d.day for d in by_rule(found, "platelets >= 20")] == [20.0]
    assert [d.outcome for d in by_rule(found, "graft failure")] == ["engrafted"]
    assert [d.grade for d in by_rule(found, "Neutrophil count decreased")] == [4, 4, 0]
    assert [d.outcome for d in by_rule(found, "hospital stay")] == ["56 d"]  # not the stay of the induction
    assert [d.outcome for d in by_rule(found, "intensive care")] == ["23 d after the start"]
    assert [d.outcome for d in by_rule(found, "transfusions")] == ["1 platelets, 1 red cells"]
    (fever,) = by_rule(found, "febrile neutropenia")
    assert (fever.grade, fever.day) == (3, 6.0)
    assert found.ldh.peak_over_baseline == pytest.approx(3.0)


def test_grades_of_all_windows_refer_to_the_baseline_before_therapy():
    """1.6 is 2 x the 0.8 before therapy: grade 2; against the 1.0 of day 0 it would be 1.6 x and against 1.1 1.45 x."""
    found = judge_patient(known(), tables())
    grades = [d.grade for d in by_rule(found, "Creatinine increased")]
    assert grades == [0, 2, None]


def test_tumour_lysis_is_judged_for_this_therapy_only():
    found = judge_patient(known(), tables())
    lysis = [j.decision for j in found.of("tumour lysis")]
    assert [d.rule.rsplit(" ", 1)[1] for d in lysis] == ["-14", "-8", "-6"]
    assert all(d.outcome is None for d in lysis)  # no urate, phosphate, calcium, potassium
    assert all(any("overlap" in n for n in d.notes) for d in lysis)


def test_chimerism_far_from_the_day_is_not_used():
    first, second = (j.decision for j in judge_patient(known(), tables()).of("chimerism"))
    assert first.outcome == "full donor"
    assert second.outcome == "mixed"
    early = judge_patient(
        FollowUp(pseudonym="B", series=(series("recipient_chimerism", "%", [50.0], [40.0]),),
                 events=(Event(day=0.0, kind=K.GRAFT),)), tables(),
    )  # fmt: skip
    assert [j.decision.outcome for j in early.of("chimerism")] == [None, None]


def test_recorded_events_are_explained_and_unknown_ones_told():
    recorded = [j.decision for j in judge_patient(known(), tables()).of("recorded")]
    assert [d.outcome for d in recorded] == ["grade 3", "unknown term"]
    assert "keeps from eating" in recorded[0].criteria[0]


def test_nothing_is_graded_from_nothing():
    found = judge_patient(FollowUp(pseudonym="empty"), tables())
    assert all(j.decision.outcome is None and j.decision.missing for j in found.judged)
    assert any("no start of therapy" in n for n in found.notes)
    assert len(found.judged) > 80


def test_a_record_of_fever_that_the_values_do_not_show_stays_open():
    who = known()
    event = Event(day=5.0, kind=K.ADVERSE_EVENT, term="neutropenic fever")
    cool = (*tuple(s for s in who.series if s.quantity != "temperature"), series("temperature", "Cel", [5.0], [36.9]))
    events = tuple(sorted((*who.events, event), key=lambda e: e.day))
    found = judge_patient(FollowUp(pseudonym="A", series=cool, events=events), tables())
    (fever,) = (j.decision for j in found.of("fever"))
    assert fever.outcome is None
    assert "recorded on day 5" in fever.missing[0]
    without = judge_patient(FollowUp(pseudonym="A", series=cool, events=who.events), tables())
    assert without.of("fever")[0].decision.outcome == "none"


def test_death_before_the_window_ends_leaves_the_stay_open():
    events = (
        Event(day=-16.0, kind=K.ADMISSION), Event(day=0.0, kind=K.GRAFT), Event(day=12.0, kind=K.DEATH, term="sepsis"),
    )  # fmt: skip
    found = judge_patient(FollowUp(pseudonym="A", events=events), tables())
    stay, care, vital = (j.decision for j in found.of("care")[1:])
    assert (stay.outcome, stay.missing) == (None, ("discharge",))
    assert care.outcome is None
    assert vital.outcome == "dead (sepsis)"


def test_products_that_were_not_recorded_are_not_zero():
    events = (
        Event(day=0.0, kind=K.GRAFT), Event(day=2.0, kind=K.TRANSFUSION, term="leukoreduced platelets"),
        Event(day=3.0, kind=K.TRANSFUSION, term="plasma"),
    )  # fmt: skip
    (found,) = by_rule(judge_patient(FollowUp(pseudonym="A", events=events), tables()), "transfusions")
    assert found.outcome == "1 platelets, 1 of unknown product"
    assert any("red cells: none recorded" in n for n in found.notes)
    assert any("not named" in n for n in found.notes)


def folder(tmp_path, *patients):
    write_cohort_folder(FollowUpCohort(name="c", title="c", patients=patients), tmp_path / "in")
    return tmp_path / "in"


def test_one_patient_writes_tables_figures_and_a_page(tmp_path):
    gap = Gap(field="MRD", reason=Missing.NOT_LINKABLE)
    source = folder(tmp_path, known(gaps=(gap,), diagnosis="AML <i>relapsed</i>"))
    answer = followup(source, patient="A", out=tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "decisions.csv", "decisions.json", "ldh.svg", "report.html", "timeline.svg",
    ]  # fmt: skip
    assert len(answer["files"]) == 5
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/svg+xml;base64,") == 2
    for said in ("day 17", "unknown term", "MRD", "reported, but not for this patient", "Responsible physician",
                 "AML &lt;i&gt;relapsed", "not measured in any window", "http-equiv"):  # fmt: skip
        assert said in page
    assert "<script" not in page
    written = json.loads((tmp_path / "out" / "decisions.json").read_text(encoding="utf-8"))
    assert written["patients"][0]["decisions"] == answer["patients"][0]["decisions"]
    rows = list(csv.DictReader((tmp_path / "out" / "decisions.csv").open(encoding="utf-8")))
    assert len(rows) == len(answer["patients"][0]["decisions"])
    assert all(r["outcome"] or r["missing"] for r in rows)


def test_what_cannot_be_drawn_is_said_on_the_page(tmp_path):
    source = folder(tmp_path, FollowUp(pseudonym="bare", events=(Event(day=0.0, kind=K.GRAFT),)))
    followup(source, out=tmp_path / "out")
    assert not (tmp_path / "out" / "bare" / "ldh.svg").exists()
    assert "ldh.svg was not drawn" in (tmp_path / "out" / "bare" / "report.html").read_text(encoding="utf-8")


def test_all_patients_get_a_folder_each_even_with_awkward_names(tmp_path):
    source = folder(tmp_path, known("a/b"), known("a b"), known("../x"))
    seen = []
    answer = followup(source, out=tmp_path / "out", progress=seen.append)
    assert seen == ["a/b", "a b", "../x"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.is_dir()) == ["a_b", "a_b-2", "x"]
    assert len(answer["patients"]) == 3
    assert not (tmp_path / "x").exists()


def test_versions_and_definitions_change_the_answer(tmp_path):
    source = folder(tmp_path, known())
    old = followup(source)["patients"][0]["decisions"]
    new = followup(source, criteria="6.0", engraftment="ASTCT")["patients"][0]["decisions"]
    grade = [[d["grade"] for d in both if "Neutrophil count" in d["rule"]] for both in (old, new)]
    assert grade[0] == [4, 4, 0]
    assert grade[1][0] < 4  # version 6: grade 4 is below 0.1
    assert any("ASTCT" in d["rule"] and "graft failure" in d["rule"] for d in new)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"criteria": "4.0"}, InputError, "CTCAE"),
        ({"engraftment": "mine"}, QuantityError, "engraftment"),
        ({"until_day": 0.0}, InputError, "after day 0"),
        ({"until_day": float("nan")}, InputError, "after day 0"),
        ({"patient": "nobody"}, InputError, "no such patient"),
    ],
)
def test_options_without_sense_are_refused(tmp_path, options, error, said):
    with pytest.raises(error, match=said):
        followup(folder(tmp_path, known()), **options)


def test_sources_are_known_by_what_they_are(tmp_path):
    (tmp_path / "x.csv").write_text("record_id\n1\n")
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(InputError, match="needs a map"):
        read_followup(tmp_path / "x.csv")
    with pytest.raises(InputError, match="unknown kind"):
        read_followup(tmp_path / "x.txt")
    with pytest.raises(InputError, match="not found"):
        read_followup(tmp_path / "y.json")
    with pytest.raises(InputError, match="belongs to a REDCap"):
        read_followup(folder(tmp_path, known()), columns=tmp_path / "map.toml")


def test_a_fhir_bundle_and_a_redcap_export_give_the_same_creatinine(tmp_path):
    person = {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1975-01-01"}
    graft = {
        "resourceType": "Procedure", "status": "completed", "subject": {"reference": "Patient/p"},
        "code": {"text": "Stem cell transplantation"}, "performedDateTime": "2025-03-31",
    }  # fmt: skip
    lab = {
        "resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"code": "2160-0"}]}, "effectiveDateTime": "2025-04-10",
        "valueQuantity": {"value": 4.0, "code": "mg/dL"}, "referenceRange": [{"high": {"value": 1.1}}],
    }  # fmt: skip
    bundle = {"resourceType": "Bundle", "entry": [{"resource": r} for r in (person, graft, lab)]}
    (tmp_path / "b.json").write_text(json.dumps(bundle))
    (tmp_path / "r.csv").write_text("id,tx,lab,crea\n7,2025-03-31,2025-04-10,4.0\n")
    (tmp_path / "map.toml").write_text(
        'record = "id"\n[patient]\nday_zero_on = "tx"\n[[measurement]]\ncolumn = "crea"\nquantity = "creatinine"\n'
        'unit = "mg/dL"\ndate = "lab"\nupper = 1.1\n[[event]]\nkind = "graft"\ndate = "tx"\n'
    )
    answers = [followup(tmp_path / "b.json"), followup(tmp_path / "r.csv", columns=tmp_path / "map.toml")]
    for answer in answers:
        (found,) = [
            d for d in answer["patients"][0]["decisions"] if "Creatinine increased" in d["rule"] and d["outcome"]
        ]
        assert (found["grade"], found["day"]) == (3, 10.0)  # 4.0 is 3.6 x 1.1: > 3 to 6 x upper limit
