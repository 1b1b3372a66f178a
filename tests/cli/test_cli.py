"""The commands as a person runs them: answers, exit codes, JSON, speed of the help."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SAMPLES = """region,time_h,activity_MBq,sd_MBq
kidney_left,1,4.91618,0.1
kidney_left,4,4.673059,0.1
kidney_left,24,3.332402,0.1
kidney_left,48,2.22098,0.05
kidney_left,168,0.292066,0.01
"""


def run(*arguments, expect=0):
    done = subprocess.run(
        [sys.executable, "-m", "hemadose.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == expect, done.stderr + done.stdout
    return done


def test_fit_answers_as_documented(tmp_path):
    table = tmp_path / "samples.csv"
    table.write_text(SAMPLES)
    answer = json.loads(run("fit", table, "--nuclide", "Lu-177", "--json").stdout)
    (fit,) = answer["fits"]
    assert {
        "region",
        "model",
        "tia_MBq_h",
        "tia_sd_MBq_h",
        "effective_half_life_h",
        "extrapolated_fraction",
        "candidates",
        "notes",
    } <= fit.keys()
    assert fit["tia_MBq_h"] == pytest.approx(295.7525, rel=1e-3)
    assert "T_eff" in run("fit", table, "--nuclide", "177Lu").stdout


def test_prescribe_answers_as_documented():
    answer = json.loads(
        run(
            "prescribe",
            "--limit",
            "kidneys=23",
            "--coefficient",
            "kidneys=1.59",
            "--marrow",
            0.42,
            "--marrow-half-life-h",
            92,
            "--days-to-transplant",
            14,
            "--json",
        ).stdout
    )
    assert answer["activity_GBq"] == pytest.approx(14.4)
    assert answer["active_limit"] == "kidneys"
    assert answer["residual_marrow_Gy"] == pytest.approx(14.4 * 0.42 * 2 ** (-14 * 24 / 92), rel=1e-6)


def test_check_exits_with_three_on_a_broken_limit():
    flags = ("prescribe", "--limit", "kidneys=23", "--coefficient", "kidneys=1.59", "--activity-GBq", 20)
    run(*flags, "--check", expect=3)
    run(*flags)
    run(*flags[:-1], 10, "--check")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prescribe", "--limit", "kidneys=23"), "no dose coefficient"),
        (("prescribe", "--limit", "kidneys"), "name=number"),
        (("fit", "nowhere.csv", "--nuclide", "Lu-177"), "file not found"),
        (("agents", "unobtainium"), "unobtainium"),
        (("plan", "nowhere.toml"), "not found"),
        (("cohort", "nobody-1900"), "nobody-1900"),
    ],
)
def test_bad_input_exits_with_two_and_one_clear_line(arguments, said):
    done = run(*arguments, expect=2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    as_json = run(*arguments, "--json", expect=2)
    assert said in json.loads(as_json.stdout)["error"]["message"] + json.dumps(json.loads(as_json.stdout))


def test_timing_agrees_with_the_closed_form():
    answer = json.loads(
        run("timing", "--marrow", 0.57, "--marrow-half-life-h", 92, "--activity-GBq", 14.4, "--json").stdout
    )
    assert answer["earliest_infusion_d"] == pytest.approx(11.64, rel=1e-3)  # check case D0a
    assert answer["days"][14]["residual_Gy"] == pytest.approx(0.6528, rel=1e-3)


def test_cohort_flags_the_number_that_cannot_be_reproduced():
    answer = json.loads(run("cohort", "--json").stdout)
    (bad,) = answer["not_reproducible"]
    assert (bad["quantity"], bad["phase"], bad["printed"]) == ("red_marrow", "pre", 0.12)
    assert [round(p["max_GBq_23Gy"], 2) for p in answer["patients"]] == [14.47, 15.97, 13.29, 19.49, 31.51, 17.69, 7.74]


def test_schedule_writes_what_it_says(tmp_path):
    flags = (
        "schedule",
        "--regimen",
        "cxcr4-tbi-matched-flu",
        "--donor",
        "MUD",
        "--day-zero",
        "2025-04-07",
        "--height-cm",
        178,
        "--weight-kg",
        75,
        "--sex",
        "male",
        "--tbi-Gy",
        8,
        "--graft-confirmed",
    )
    answer = json.loads(
        run(
            *flags,
            "--atg-product",
            "grafalon",
            "--atg-mg-per-kg",
            10,
            "--atg-basis",
            "per_day",
            "--ics",
            tmp_path / "a.ics",
            "--figure",
            tmp_path / "a.svg",
            "--json",
        ).stdout
    )
    assert (tmp_path / "a.ics").exists()
    assert (tmp_path / "a.svg").read_text().lstrip().startswith("<?xml")
    flu = [e for e in answer["events"] if e["title"] == "Fludarabine"]
    assert len(flu) == 4
    run(*flags, expect=2)  # no ATG product


def test_lists():
    ids = {a["id"] for a in json.loads(run("agents", "--json").stdout)["agents"]}
    assert {"lu177-pentixather", "y90-pentixather", "y90-ibritumomab", "re188-anti-cd66"} <= ids
    assert "23" in run("agents", "lu177-pentixather").stdout
    assert json.loads(run("regimens", "--json").stdout)["regimens"]
    assert "Lu-177" in run("nuclides").stdout


def test_plan_prints_where_everything_is(study_folder, tmp_path):
    done = run("plan", study_folder / "case.toml", "--out", tmp_path / "r", "--json")
    answer = json.loads(done.stdout)
    assert answer["prescription"]["activity_GBq"] > 0
    assert (tmp_path / "r/report.pdf").exists()
    assert set(answer["files"]) >= {"report.html", "result.json"}


def test_heavy_libraries_are_not_imported_for_help():
    code = (
        "import sys, hemadose.cli.app; "
        "bad = {'scipy', 'matplotlib', 'pydicom', 'pydantic', 'nibabel', 'numpy'} & set(sys.modules); "
        "sys.exit(', '.join(sorted(bad)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
