"""`hemadose followup`: what it prints, writes and refuses."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.followup import register
from hemadose.errors import InputError
from hemadose.io.cohort_writing import write_cohort_folder
from hemadose.model.followup import Event, EventKind, FollowUp, FollowUpCohort, Series


@pytest.fixture
def source(tmp_path):
    day = [float(d) for d in range(-14, 30)]
    counts = Series(
        quantity="neutrophils", unit="10*9/L", day=day, value=[2.0 if d < 0 or d > 15 else 0.1 for d in day]
    )
    events = (Event(day=-14.0, kind=EventKind.RADIOLIGAND), Event(day=0.0, kind=EventKind.GRAFT))
    patients = tuple(FollowUp(pseudonym=p, series=(counts,), events=events) for p in ("A", "B"))
    write_cohort_folder(FollowUpCohort(name="c", title="c", patients=patients), tmp_path / "in")
    return tmp_path / "in"


def run(*arguments):
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    found = CliRunner().invoke(app, ["followup", *map(str, arguments)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


def test_all_patients_in_a_line_each(source):
    told = run(source)
    assert told.count("day 16") == 2
    assert "CIBMTR" in told
    assert "not decided" in told


def test_one_patient_is_explained_and_written(source, tmp_path):
    told = run(source, "--patient", "B", "--out", tmp_path / "out", "--engraftment", "EBMT", "--until-day", 60)
    assert "first of three at 2 on day 16" in told
    assert "4 files written" in told  # no LDH, no figure of it
    assert (tmp_path / "out" / "report.html").is_file()


def test_json_is_one_document(source):
    told = json.loads(run(source, "--json", "--ctcae", "6.0"))
    assert told["ctcae"] == "6.0"
    assert [p["patient"] for p in told["patients"]] == ["A", "B"]
    assert told["files"] == []


def test_a_wrong_version_is_refused(source):
    with pytest.raises(InputError, match="CTCAE"):
        run(source, "--ctcae", "3.0")
