"""What a plan writes about marrow, conventions and contributions, and the files it records."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from hemadose.errors import CaseError
from hemadose.workflow.compare import read_report
from hemadose.workflow.plan import plan


def rows(result, name):
    with (result.out / "tables" / name).open() as stream:
        return list(csv.DictReader(stream))


def test_tables_of_a_plan(planned):
    events = rows(planned, "marrow_events.csv")
    assert [e["event"] for e in events] == ["start of TBI", "infusion of stem cells"]
    whole = planned.report.doses.organ("red_marrow").gy_per_bq * planned.report.prescription.activity_bq
    for event in events:
        assert float(event["before_Gy"]) + float(event["after_Gy"]) == pytest.approx(whole, rel=1e-9)
    limit = next(o for o in planned.report.prescription.outcomes if o.limit.name == "red_marrow_after_infusion")
    assert float(events[1]["after_Gy"]) == pytest.approx(limit.value_at_activity, rel=1e-9)
    assert [s["site"] for s in rows(planned, "marrow_sites.csv")] == ["lumbar_l2_l4"]
    assert {m["rule"] for m in rows(planned, "marrow_masses.csv")} == {"body-mass", "lean-body-mass", "reference"}
    assert {c["convention"] for c in rows(planned, "conventions.csv")} >= {"hemadose", "olinda-2", "idac-2.1"}


def test_every_contribution_is_in_the_answer(planned):
    answer = json.loads((planned.out / "summary.json").read_text())
    for organ in planned.report.doses.organs:
        parts = [c for c in answer["contributions"] if c["target"] == organ.target]
        assert sum(c["share"] for c in parts) == pytest.approx(1.0)
    assert answer["marrow"]["method"] == "image"
    assert len(answer["marrow_events"]) == 2


def test_results_come_back_from_json(planned):
    report = read_report(planned.out)
    assert report.marrow == planned.report.marrow
    assert report.conventions == planned.report.conventions
    assert report.doses.provenance.parameters["convention"] == "hemadose"


def test_choices_go_through_a_whole_plan(study_folder, tmp_path, planned):
    folder = tmp_path / "study"
    shutil.copytree(study_folder, folder)
    (folder / "blood.csv").write_text("time_h,activity_kBq_per_ml\n0.1,30\n1,20\n4,9\n24,1.5\n48,0.8\n120,0.4\n")
    case = folder / "case.toml"
    text = case.read_text().replace(
        "absorbed_fraction = 0.57",
        'absorbed_fraction = 0.57\nmethod = "combined"\nevents = [{ name = "biopsy", after_h = 100 }]',
        1,
    )
    blood = '\n[marrow.blood]\nsamples = "blood.csv"\nhaematocrit = 0.42\ncounted = "plasma"\n'
    case.write_text(text + blood + '\n[dose]\nconvention = "idac-2.1"\n')
    result = plan(case, tmp_path / "out")
    kidneys = result.report.doses.organ("kidneys")
    assert kidneys.mass_kg == pytest.approx(0.4215)
    other = next(d for d in planned.report.conventions if (d.convention, d.target) == ("idac-2.1", "kidneys"))
    assert kidneys.gy_per_bq == pytest.approx(other.gy_per_bq, rel=1e-9)
    assert {c.source for c in result.report.doses.organ("red_marrow").contributions} >= {"red_marrow", "marrow_blood"}
    assert next(e.name for e in result.report.marrow.events) in ("biopsy", "start of TBI")
    assert "blood.csv" in next(p for p in result.report.provenance if p.step == "workflow.plan").inputs
    page = (result.out / "report.html").read_text()
    assert "Convention IDAC-Dose 2.1" in page
    assert "biopsy" in page


def test_a_table_that_is_not_there_is_said_first(study_folder, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(study_folder, folder)
    case = folder / "case.toml"
    case.write_text(case.read_text() + '\n[dose]\ns_value_file = "nowhere.csv"\n')
    with pytest.raises(CaseError, match="does not exist"):
        plan(case, tmp_path / "out")
    assert not (tmp_path / "out").exists()
