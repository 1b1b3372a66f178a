"""`hemadose quantify`: the same activity as the plan's first stage, and files that `hemadose fit` reads."""

from __future__ import annotations

import csv
import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.quantify import register
from hemadose.errors import CaseError
from hemadose.io.records import from_json
from hemadose.io.tables import read_activity_series


def run(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["quantify", *map(str, arguments)])


def test_quantify_is_the_plans_first_stage(study_folder, planned, tmp_path):
    """Every region and time as in the finished plan of the same case."""
    done = run(study_folder / "case.toml", "--json", "--out", tmp_path / "q")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    expected = {(s.region, round(x.time_s)): x.activity_bq for s in planned.report.series for x in s.samples}
    found = {(r["region"], round(r["time_h"] * 3600)): r["activity_MBq"] * 1e6 for r in answer["samples"]}
    assert found == pytest.approx(expected, rel=1e-9)
    shared = {r["region"]: r["shared_relative_sd"] for r in answer["regions"]}
    for row in answer["samples"]:
        total = (row["sd_MBq"] ** 2 + (shared[row["region"]] * row["activity_MBq"]) ** 2) ** 0.5
        assert row["total_sd_MBq"] == pytest.approx(total)
    assert answer["method"] == "hybrid"
    assert answer["inputs"]
    assert sorted(p.name for p in (tmp_path / "q").iterdir()) == ["activity.csv", "quantified.json", "series.json"]
    with (tmp_path / "q/activity.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == len(answer["samples"])
    again = {s.region: s for s in read_activity_series(tmp_path / "q/activity.csv")}
    liver = next(s for s in planned.report.series if s.region == "liver")
    assert again["liver"].activities_bq == pytest.approx(liver.activities_bq)
    stored = from_json((tmp_path / "q/series.json").read_text())
    assert {s.region for s in stored["quantified"].series} == set(again)


def test_quantify_prints_a_table(study_folder):
    done = run(study_folder / "case.toml")
    assert done.exit_code == 0, done.output
    assert "kidney_left" in done.output
    assert "± total" in done.output
    assert "Written" not in done.output


def test_quantify_refuses_a_broken_case(tmp_path):
    (tmp_path / "case.toml").write_text("[case]\ntitle = 'x'\n")
    assert isinstance(run(tmp_path / "case.toml").exception, CaseError)
