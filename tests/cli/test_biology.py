"""`hemadose bed` and `hemadose total`: published numbers through the command line, files, what is refused."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.biology import register
from hemadose.errors import InputError, ReferenceDataError

COURSE = """
title = "Two agents and TBI"
day_zero = "transplant"

[[component]]
name = "first"
kind = "radionuclide"
day = -15.0
organ.kidneys = { dose_Gy = 20.7, relative_sd = 0.12, half_life_h = 41.0, half_life_relative_sd = 0.15 }
organ.red_marrow = { dose_Gy = 5.0, relative_sd = 0.25, half_life_h = [92.0, 2.0], shares = [1.0, -1.0] }

[[component]]
name = "second"
kind = "radionuclide"
day = -12.0
organ.kidneys = { dose_Gy = 1.2, half_life_h = 50.0 }

[[component]]
name = "TBI"
kind = "fractions"
first_day = -9.0
fraction_Gy = 2.0
fractions = 5
per_day = 2
gap_h = 8.0
relative_sd = 0.03
organ.lungs.factor = 0.8

[organ.kidneys.limits]
dose_Gy = 33.0
eqd2_Gy = 25.0

[organ.lungs]
alpha_beta_Gy = 4.0
"""


@pytest.fixture
def run():
    app = typer.Typer(pretty_exceptions_enable=False)
    register(app)

    def give(*arguments, code=0):
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        if isinstance(result.exception, Exception):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    return give


@pytest.fixture
def answer(run):
    return lambda *arguments: json.loads(run(*arguments, "--json"))


@pytest.fixture
def course(tmp_path):
    def write(text=COURSE):
        path = tmp_path / "course.toml"
        path.write_text(text)
        return path

    return write


def test_bed1_and_bed3_of_the_check_cases(answer):
    told = answer("bed", "--dose-Gy", 23, "--half-life-h", 41, "--alpha-beta-Gy", 2.6, "--repair-h", 2.8)
    assert told["parts"][0]["protraction"] == pytest.approx(0.063927, rel=1e-4)
    assert told["bed_Gy"] == pytest.approx(36.007, rel=1e-4)
    day = answer(
        *("bed", "--alpha-beta-Gy", 2.6, "--repair-h", 2.8),
        *("--fractions", 2, "--fraction-Gy", 2, "--per-day", 2, "--gap-h", 8),
    )
    assert day["bed_Gy"] == pytest.approx(7.5016, rel=1e-4)


def test_both_parts_are_added_and_it_says_how(answer):
    told = answer(
        "bed", "--organ", "kidneys", "--dose-Gy", 23, "--half-life-h", 41, "--fractions", 5, "--fraction-Gy", 2
    )
    assert told["dose_Gy"] == 33.0
    assert told["bed_Gy"] == pytest.approx(sum(part["bed_Gy"] for part in told["parts"]))
    assert told["bed_Gy"] == pytest.approx(53.699, abs=0.05)  # BED3, with the little that is left overnight
    assert any("hemadose total" in note for note in told["notes"])


def test_uptake_and_a_sampled_curve_agree(answer, tmp_path):
    import numpy as np

    t = np.linspace(0.0, 900.0, 9000)
    rate = np.exp2(-t / 50.0) - np.exp2(-t / 3.0)
    path = tmp_path / "curve.csv"
    path.write_text("time_h,Gy_per_h\n" + "\n".join(f"{x:.9g},{y:.9g}" for x, y in zip(t, rate, strict=True)))
    sampled = answer("bed", "--organ", "liver", "--curve", path)
    dose = (50.0 - 3.0) / np.log(2)
    exact = answer(
        *("bed", "--organ", "liver", "--dose-Gy", dose),
        *("--half-life-h", 50, "--half-life-h", 3, "--share", 1, "--share", -1),
    )
    assert sampled["dose_Gy"] == pytest.approx(dose, rel=1e-4)
    assert sampled["bed_Gy"] == pytest.approx(exact["bed_Gy"], rel=1e-4)


def test_two_repair_phases(answer):
    one = [
        answer("bed", "--dose-Gy", 20, "--half-life-h", 41, "--alpha-beta-Gy", 3, "--repair-h", h) for h in (0.5, 4.0)
    ]
    both = answer(
        *("bed", "--dose-Gy", 20, "--half-life-h", 41, "--alpha-beta-Gy", 3),
        *("--repair-h", 0.5, "--repair-h", 4.0, "--repair-weight", 0.25, "--repair-weight", 0.75),
    )
    assert both["bed_Gy"] == pytest.approx(0.25 * one[0]["bed_Gy"] + 0.75 * one[1]["bed_Gy"])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--organ", "kidneys"), "--dose-Gy"),
        (("--dose-Gy", 20, "--half-life-h", 41), "--alpha-beta-Gy"),
        (("--dose-Gy", 20, "--half-life-h", 41, "--alpha-beta-Gy", 3), "--repair-h"),
        (("--organ", "kidneys", "--dose-Gy", 20), "--half-life-h"),
        (("--organ", "kidneys", "--dose-Gy", -1, "--half-life-h", 41), "--dose-Gy"),
        (("--organ", "kidneys", "--dose-Gy", "nan", "--half-life-h", 41, "--json"), "--dose-Gy"),
        (("--organ", "kidneys", "--dose-Gy", "inf", "--half-life-h", 41), "--dose-Gy"),
        (("--organ", "kidneys", "--dose-Gy", 20, "--half-life-h", 41, "--half-life-h", 3), "--share"),
        (("--organ", "kidneys", "--fractions", 5), "--fraction-Gy"),
        (("--organ", "kidneys", "--fractions", 5, "--fraction-Gy", 2, "--per-day", 2), "--gap-h"),
        (("--organ", "kidneys", "--dose-Gy", 9, "--half-life-h", 4, "--curve", "x.csv"), "--half-life-h"),
    ],
)
def test_bed_names_what_is_missing(run, arguments, field):
    with pytest.raises(InputError) as problem:
        run("bed", *arguments)
    assert problem.value.field == field


def test_bed_refuses_an_unknown_organ(run):
    with pytest.raises(ReferenceDataError, match="no packaged alpha/beta"):
        run("bed", "--organ", "spleen", "--dose-Gy", 20, "--half-life-h", 41)


def test_total_adds_every_organ(answer, course):
    told = answer("total", course(), "--draws", 500)
    organs = {row["organ"]: row for row in told["organs"]}
    assert set(organs) == {"kidneys", "lungs", "red_marrow"}
    assert organs["kidneys"]["dose"]["Gy"] == pytest.approx(31.9)
    assert organs["lungs"]["dose"]["Gy"] == pytest.approx(8.0)
    assert organs["lungs"]["tissue"]["alpha_beta_Gy"] == 4.0
    assert organs["lungs"]["tissue"]["repair_half_life_h"] == [0.76]
    kidneys = organs["kidneys"]
    alone = sum(part["bed_Gy"] for part in kidneys["components"])
    assert kidneys["bed"]["Gy"] == pytest.approx(alone + kidneys["bed_between_components_Gy"])
    assert kidneys["bed"]["low_Gy"] < kidneys["bed"]["Gy"] < kidneys["bed"]["high_Gy"]
    limits = {limit["quantity"]: limit for limit in kidneys["limits"]}
    assert limits["dose"]["kept"]
    assert not limits["eqd2"]["kept"]
    assert limits["eqd2"]["probability_above"] > 0.5 > limits["dose"]["probability_above"]
    assert {tuple(e["Gy"]) for e in kidneys["experience"]} >= {(15.0, 17.0), (12.0, 12.0)}


def test_total_is_the_same_on_every_run(answer, course):
    assert answer("total", course(), "--draws", 200) == answer("total", course(), "--draws", 200)


def test_check_exits_with_3_only_where_a_limit_is_broken(run, course):
    run("total", course(), "--draws", 200, "--check", code=3)
    run("total", course(), "--draws", 200)
    run("total", course(COURSE.replace("eqd2_Gy = 25.0", "eqd2_Gy = 40.0")), "--draws", 200, "--check")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_figure_is_written(answer, course, tmp_path, ending):
    path = tmp_path / f"total.{ending}"
    told = answer("total", course(), "--draws", 200, "--figure", path)
    assert told["figure"] == str(path)
    assert path.stat().st_size > 5000


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("dose_Gy = 1.2, half_life_h = 50.0", "dose_Gy = 1.2", "half_life_h"),
        ("dose_Gy = 1.2", "dose_Gy = -1.2", "dose_Gy"),
        ("half_life_h = 50.0", "half_life_h = 0.0", "half_life_h"),
        ("half_life_h = 50.0", "half_life_h = [50.0, 2.0]", "shares"),
        ("half_life_h = 50.0", "half_life_d = 2.0", "half_life_d"),
        ('kind = "fractions"', 'kind = "beam"', "kind"),
        ("fractions = 5", "fractions = 2.5", "fractions"),
        ("gap_h = 8.0", "", "gap_h"),
        ("day = -12.0", "", "day"),
        ("relative_sd = 0.03", "relative_sd = 3.0", "relative_sd"),
        ("factor = 0.8", "factor = -0.8", "factor"),
        ("[organ.lungs]\nalpha_beta_Gy = 4.0", "[organ.heart]\nalpha_beta_Gy = 3.0", "[organ.heart]"),
        ("alpha_beta_Gy = 4.0", "alpha_beta_range_Gy = [3.0, 5.0]", "[organ.lungs]"),
        ("eqd2_Gy = 25.0", "gy = 25.0", "gy"),
    ],
)
def test_total_names_file_and_key(run, course, old, new, field):
    assert old in COURSE
    with pytest.raises(InputError) as problem:
        run("total", course(COURSE.replace(old, new)), "--draws", 200)
    assert problem.value.source == "course.toml"
    assert problem.value.field == field


def test_total_refuses_other_files(run, course, tmp_path):
    with pytest.raises(InputError, match="not valid TOML"):
        run("total", course("title = "))
    with pytest.raises(InputError, match="no therapy"):
        run("total", course('title = "x"'))
    with pytest.raises(InputError, match="no such file"):
        run("total", tmp_path / "none.toml")
    with pytest.raises(InputError, match="too few draws"):
        run("total", course(), "--draws", 10)
    with pytest.raises(InputError, match="PNG, SVG or PDF"):
        run("total", course(), "--figure", "x.txt")


def test_the_file_shown_in_the_documentation_works(answer, course):
    from pathlib import Path

    page = Path(__file__).parents[2] / "docs/methods/radiobiology.md"
    text = page.read_text().split("```toml\n")[1].split("```")[0]
    told = answer("total", course(text), "--draws", 200)
    assert {row["organ"] for row in told["organs"]} == {"kidneys", "red_marrow", "lungs"}
    kidneys = next(row for row in told["organs"] if row["organ"] == "kidneys")
    assert kidneys["tissue"]["repair_weights"] == [0.5, 0.5]
    assert kidneys["tissue"]["alpha_beta_source"] == "given"


def test_the_number_in_the_documentation(answer, course):
    # 2.0 of 53.2 Gy: two agents and TBI in the kidneys
    text = COURSE.replace("dose_Gy = 1.2, half_life_h", "dose_Gy = 1.2, relative_sd = 0.2, half_life_h")
    told = answer("total", course(text), "--draws", 200)
    kidneys = next(row for row in told["organs"] if row["organ"] == "kidneys")
    assert kidneys["bed_between_components_Gy"] == pytest.approx(2.0, abs=0.05)
    assert kidneys["bed"]["Gy"] == pytest.approx(53.15, abs=0.1)


def test_tables_for_people(run, course):
    shown = run("total", course(), "--draws", 200)
    assert "on each other" in shown
    assert "borne: EQD2 12 Gy" in shown
    assert "protraction" not in run("bed", "--organ", "kidneys", "--dose-Gy", 23, "--half-life-h", 41)


def test_bed_shows_the_ranges_of_packaged_parameters_only(answer):
    """docs/methods/radiobiology.md: kidneys 1.5-3 Gy and 1.5-2.8 h; a number of one's own has no range."""
    packaged = answer("bed", "--organ", "kidneys", "--dose-Gy", "23", "--half-life-h", "41")["tissue"]
    assert packaged["alpha_beta_range_Gy"] == [1.5, 3.0]
    assert packaged["repair_range_h"] == pytest.approx([1.5, 2.8])
    own = ("--alpha-beta-Gy", "4", "--repair-h", "5")
    given = answer("bed", "--organ", "kidneys", "--dose-Gy", "23", "--half-life-h", "41", *own)["tissue"]
    assert given["alpha_beta_range_Gy"] is None
    assert given["repair_range_h"] is None
