"""`hemadose simulate-cohort`, `cohort-report`, `crf` and `trial` from the command line."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli import cohort_report, crf, simulate_cohort, trial
from hemadose.errors import InputError, QuantityError


@pytest.fixture(scope="module")
def app():
    made = typer.Typer()
    for module in (cohort_report, simulate_cohort, crf, trial):
        module.register(made)
    return made


def run(app, *arguments, code=0):
    found = CliRunner().invoke(app, [str(a) for a in arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == code, found.output
    return found.stdout


def answer(app, *arguments):
    return json.loads(run(app, *arguments, "--json"))


def test_from_simulation_to_report(app, tmp_path):
    made = answer(app, "simulate-cohort", 20, "--out", tmp_path / "c", "--seed", 5)
    assert made["patients"] == 20
    assert "truth.json" in made["files"]
    report = ("cohort-report", tmp_path / "c", "--out", tmp_path / "r", "--by", "donor", "--no-pdf")
    said = run(app, *report, "--limit", "kidneys=20", "--ctcae", "6.0", "--engraftment", "EBMT")
    assert "Survival and incidence" in said
    assert "20 patients. Report in" in said
    told = answer(app, *report)
    assert (told["ctcae"], told["engraftment"], told["limits_Gy"]) == ("5.0", "CIBMTR", {"kidneys": 23.0})
    assert any(path.endswith("report.html") for path in told["written"])
    assert json.loads((tmp_path / "r" / "cohort.json").read_text())["tables"] == told["tables"]


def test_simulated_cohorts_are_those_of_their_seed(app, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(app, "simulate-cohort", 3, "--out", tmp_path / name, "--seed", seed)
    texts = [(tmp_path / n / "measurements.csv").read_text() for n in "abc"]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_the_form_is_written(app, tmp_path):
    said = run(app, "crf", "--out", tmp_path / "form")
    assert "data_dictionary.csv" in said
    assert (tmp_path / "form" / "redcap" / "map.toml").is_file()
    assert answer(app, "crf", "--out", tmp_path / "again")["questions"]["event"] == 6


def test_trials(app, tmp_path):
    """Simon 1989: 1/10, 5/29; Liu and Yuan 2015: 0.197; 23/2.0 = 11.5 GBq keeps the patient at 10 GBq."""
    told = answer(app, "trial", "simon", "--poor", 0.1, "--good", 0.3, "--responders", 1, "--treated", 10)
    assert told["decisions"][0]["decision"].startswith("stop after the first stage")
    given = answer(app, "trial", "simon", "--poor", 0.1, "--good", 0.3, "--given", "1,10,5,29")["designs"]
    assert [d["kind"] for d in given] == ["given"]
    levels = ("--levels-GBq", "8,10,12,14", "--toxic", "0,0", "--treated", "3,3", "--kidneys-Gy-per-GBq", 2.0)
    said = run(app, "trial", "boin", *levels, "--truth", "0.05,0.12,0.25,0.4", "--trials", 50,
               "--spread", "kidneys=1.3,1.4", "--figure", tmp_path / "f.svg")  # fmt: skip
    assert "Next level: 10 GBq (the design says 12 GBq" in said
    assert "Up at or below 0.197" in said
    assert (tmp_path / "f.svg").is_file()
    told = answer(app, "trial", "crm", *levels, "--best-GBq", 12, "--limit", "kidneys=30")
    assert told["next"]["next_GBq"] == 12.0
    assert told["limits_Gy"] == {"kidneys": 30.0}


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("boin", "--levels-GBq", "8;10"), InputError, "commas"),
        (("boin", "--levels-GBq", "10,8"), QuantityError, "rise"),
        (("boin", "--levels-GBq", "8,10", "--spread", "kidneys=1.3"), InputError, "geometric SD"),
        (("simon", "--poor", "0.1", "--good", "0.3", "--given", "1,10"), InputError, "four numbers"),
        (("simon", "--poor", "0.3", "--good", "0.1"), QuantityError, "out of order"),
    ],
)
def test_bad_options(app, arguments, error, said):
    with pytest.raises(error, match=said):
        run(app, "trial", *arguments)


def test_bad_folders(app, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        run(app, "cohort-report", tmp_path / "x", "--out", tmp_path / "y")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("")
    for command in (("crf",), ("simulate-cohort", 3)):
        with pytest.raises(InputError, match="not empty"):
            run(app, *command, "--out", tmp_path / "full")
