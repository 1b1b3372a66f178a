"""A simulated cohort folder through the whole report: the truth comes back, files are complete, bad input is refused."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from hemadose.errors import HemadoseError, InputError, QuantityError, ReferenceDataError
from hemadose.workflow.cohort_report import CohortReportOptions, cohort_report
from hemadose.workflow.simulate_cohort import TRUTH_FILE, write_simulated_cohort


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort") / "c"
    write_simulated_cohort(150, folder, seed=8)
    return folder


@pytest.fixture(scope="module")
def made(simulated, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return cohort_report(simulated, out, CohortReportOptions(by="centre", title="A title")), out


def rows(out, name):
    with (out / "tables" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_truth_comes_back(made, simulated):
    """Every probability within 4 standard errors (half-widths of the interval / 1.96) of truth.json."""
    truth = {t["at"]: t for t in json.loads((simulated / TRUTH_FILE).read_text())["at"]}
    names = {
        "overall survival": "overall_survival", "progression-free survival": "progression_free_survival",
        "relapse": "relapse", "non-relapse mortality": "non_relapse_mortality",
    }  # fmt: skip
    seen = 0
    for row in rows(made[1], "survival"):
        if row["group"] != "all":
            continue
        error = (float(row["high"]) - float(row["low"])) / (2.0 * 1.96)
        true = truth[row["at"]][names[row["endpoint"]]]
        assert float(row["estimate"]) == pytest.approx(true, abs=4.0 * error)
        assert error < 0.05
        seen += 1
    assert seen == 16


def test_json_and_csv_hold_the_same_numbers(made):
    report, out = made
    stored = json.loads((out / "cohort.json").read_text())
    assert stored["tables"]["survival"][0]["estimate"] == float(rows(out, "survival")[0]["estimate"])
    assert (stored["patients"], stored["by"], stored["engraftment"]) == (150, "centre", "CIBMTR")
    assert set(stored["tables"]) == {p.stem for p in (out / "tables").iterdir()}
    assert stored["limits_Gy"] == {"kidneys": 23.0}
    assert all(p.is_file() and p.stat().st_size for p in report.written)


def test_the_page_holds_every_section_and_asks_nothing_of_the_network(made):
    page = (made[1] / "report.html").read_text()
    for heading in ("Table 1", "Dosimetry", "Regimen", "Toxicity: laboratory", "Toxicity: rules", "Engraftment",
                    "Response", "Stay and intensive care", "Survival", "Groups compared", "Centres pooled", "Methods"):  # fmt: skip
        assert f"<h2>{heading}" in page, heading
    assert "A title" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("data:image/svg+xml") == 5
    assert (made[1] / "report.pdf").read_bytes().startswith(b"%PDF")


def test_denominators_are_the_patients(made):
    for row in rows(made[1], "laboratory_toxicity"):
        assert sum(int(v) for k, v in row.items() if k != "term") == 150
    graded = {r["term"]: r for r in rows(made[1], "laboratory_toxicity")}
    assert int(graded["Neutrophil count decreased"]["grade_4"]) >= 147
    assert "Anemia" not in graded  # no haemoglobin: nothing graded from nothing
    pooled = rows(made[1], "centres_pooled")
    assert {r["centres"] for r in pooled} == {"2"}


def test_the_report_is_the_same_on_every_run(simulated, made, tmp_path):
    cohort_report(simulated, tmp_path, CohortReportOptions(by="centre", title="A title"))
    for name in ("report.html", "cohort.json", "report.pdf"):
        assert (tmp_path / name).read_bytes() == (made[1] / name).read_bytes()


def test_choices_change_the_answer(simulated, tmp_path):
    options = CohortReportOptions(
        ctcae="6.0", engraftment="EBMT", limits_gy={"kidneys": 15.0}, pdf=False, figures=False
    )
    found = cohort_report(simulated, tmp_path, options)
    assert (found.payload["ctcae"], found.payload["engraftment"]) == ("6.0", "EBMT")
    assert not (tmp_path / "report.pdf").exists()
    assert not (tmp_path / "figures").exists()
    (above,) = (r for r in found.payload["tables"]["dosimetry"] if r["level"] == "above 15 Gy")
    assert above["n"] > 50
    assert "comparisons" not in found.payload["tables"]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"by": "FACT"}, InputError, "no such property"),
        ({"ctcae": "4.0"}, ReferenceDataError, "CTCAE"),
        ({"engraftment": "mine"}, QuantityError, "engraftment"),
    ],
)
def test_choices_that_do_not_exist_write_nothing(simulated, tmp_path, options, error, said):
    with pytest.raises(error, match=said):
        cohort_report(simulated, tmp_path / "out", CohortReportOptions(**options))
    assert not (tmp_path / "out").exists()


def small(simulated, tmp_path, table, text):
    folder = tmp_path / "cohort"
    shutil.copytree(simulated, folder)
    (folder / table).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("table", "text", "said"),
    [
        ("patients.csv", "patient,sex\n", "not in patients"),
        ("patients.csv", "name,sex\n", "column is missing"),
        ("events.csv", "patient,day,kind\nS00001,1,died\n", "unknown kind"),
    ],
)
def test_folders_that_cannot_be_read(simulated, tmp_path, table, text, said):
    with pytest.raises(HemadoseError, match=said):
        cohort_report(small(simulated, tmp_path, table, text), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_cohort_and_a_missing_folder(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "patients.csv").write_text("patient,sex\n")
    with pytest.raises(InputError, match="no patients"):
        cohort_report(tmp_path / "c", tmp_path / "out")
    with pytest.raises(InputError, match="no such folder"):
        cohort_report(tmp_path / "nowhere", tmp_path / "out")


def test_one_patient_without_anything_still_makes_a_report(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "patients.csv").write_text("patient,sex\nA,female\n")
    found = cohort_report(tmp_path / "c", tmp_path / "out")
    assert "survival" not in found.payload["tables"]
    assert "laboratory_toxicity" not in found.payload["tables"]
    assert any("no survival" in n for n in found.payload["notes"])
    assert (tmp_path / "out" / "report.pdf").is_file()


def test_text_of_a_cohort_is_never_markup(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "patients.csv").write_text("patient,diagnosis\nA,<b>AML</b> #strong[x]\n")
    cohort_report(tmp_path / "c", tmp_path / "out", CohortReportOptions(title="<script>x</script>"))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script>" not in page
    assert "&lt;b&gt;AML" in page


def test_a_folder_that_is_not_empty_is_not_simulated_into(simulated):
    with pytest.raises(InputError, match="not empty"):
        write_simulated_cohort(3, simulated)
    with pytest.raises(QuantityError, match="at least one"):
        write_simulated_cohort(0, simulated / "new")


def test_a_redcap_export_is_reported_like_a_folder(tmp_path):
    """The form's own example export: one patient, read through the form's own map."""
    export, columns = tmp_path / "export.csv", tmp_path / "map.toml"
    export.write_text(
        "record_id,tx_date,plt,lab_date,died_on\n7,2025-03-31,15,2025-04-10,\n8,2025-03-31,,,2025-05-10\n"
    )
    columns.write_text(
        'record = "record_id"\n[patient]\nday_zero_on = "tx_date"\n'
        '[[measurement]]\ncolumn = "plt"\nquantity = "platelets"\nunit = "G/l"\ndate = "lab_date"\n'
        '[[event]]\nkind = "graft"\ndate = "tx_date"\n[[event]]\nkind = "death"\ndate = "died_on"\n'
    )
    options = CohortReportOptions(pdf=False, figures=False, columns=columns)
    made = cohort_report(export, tmp_path / "out", options)
    assert made.payload["patients"] == 2
    assert (tmp_path / "out" / "report.html").exists()
