"""What a physician reads and enters: largest activities are never shown too high, earliest days never too early."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli import activity, course, numbers, tandem, translate, transplant
from hemadose.cli.output import at_least, at_most, parse_pairs, rounded_up
from hemadose.errors import HemadoseError, InputError, PlanningError, QuantityError

COUNTS = ("--count", "0.5=100", "--count", "70=55", "--count", "160=24.5")
TOSITUMOMAB = ("activity", "i131-tositumomab", "--weight-kg", "140", "--sex", "male", "--platelets", "160")
IBRITUMOMAB = ("activity", "y90-ibritumomab", "--weight-kg", "70", "--platelets", "160")


@pytest.fixture(scope="module")
def app():
    made = typer.Typer()
    for module in (activity, course, numbers, tandem, translate, transplant):
        module.register(made)
    return made


def run(app, *words, code=0):
    done = CliRunner().invoke(app, [str(w) for w in words], env={"COLUMNS": "200"})
    if isinstance(done.exception, HemadoseError):
        raise done.exception
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout


@pytest.mark.parametrize(
    ("value", "shown"), [(14.46541, 14.46), (22.0558, 22.05), (16901.4, 16901), (23.0, 23.0), (0.3, 0.3), (0.0, 0.0)]
)
def test_a_largest_value_is_never_shown_larger(value, shown):
    assert at_most(value) == shown <= value


@pytest.mark.parametrize(("value", "shown"), [(8275.8621, 8276.0), (24000.0, 24000), (12.0, 12.0), (12.001, 12.01)])
def test_a_smallest_value_is_never_shown_smaller(value, shown):
    assert at_least(value) == shown >= value


@pytest.mark.parametrize(("days", "shown"), [(11.6417, "11.7"), (11.7, "11.7"), (14.0, "14.0"), (0.0, "0.0")])
def test_days_are_rounded_up(days, shown):
    assert rounded_up(days) == shown


def test_d0a_prescribe_and_timing():
    """D0a: 8.208 Gy with 92 h reach 1 Gy after 11.642 d: 11.6 would be too early. SEED1: 23/1.59 = 14.465 GBq."""
    made = typer.Typer()
    numbers.register(made)
    marrow = ("--marrow", "0.57", "--marrow-half-life-h", "92")
    text = run(
        made, "prescribe", "--limit", "kidneys=23", "--coefficient", "kidneys=1.59", *marrow,
        "--days-to-transplant", "10", "--activity-GBq", "14.4",
    )  # fmt: skip
    assert "14.46" in text
    assert "14.47" not in text
    assert "Earliest infusion of stem cells: 11.7 d" in text
    assert "not be infused before 11.7 days" in text
    assert "11.65 d" in run(made, "timing", *marrow, "--activity-GBq", "14.4")


def test_most_activity_by_day_is_rounded_down(app):
    """1 Gy / (0.57 Gy/GBq x 2^(-14 x 24 / 92)) = 22.0558 GBq."""
    text = run(
        app, "transplant", "--nuclide", "Lu-177", "--marrow-Gy-per-GBq", "0.57", "--half-life-h", "92",
        "--activity-GBq", "14.4", "--interval-d", "14",
    )  # fmt: skip
    assert "22.05" in text
    assert "22.06" not in text


def test_edges_of_the_window_are_cut_to_the_safe_side(app):
    """CD66a: 12 Gy / 0.71 = 16901.4 MBq at most, 12 Gy / 1.45 = 8275.9 MBq at least; no exponents."""
    text = run(
        app, "activity", "re188-anti-cd66", "--coefficient", "red_marrow=1.45", "--coefficient", "kidneys=0.71",
        "--limit", "kidneys=12", "--graft-confirmed",
    )  # fmt: skip
    assert "16901" in text
    assert "8276" in text
    assert "e+0" not in text


@pytest.mark.parametrize(
    "words",
    [
        ("prescribe", "--limit", "kidneys=23", "--limit", "kidneys=40", "--coefficient", "kidneys=1.5"),
        ("tandem", "--agent", "lu177-pentixather=12@-16", "--limit", "kidneys=23", "--limit", "kidneys=40"),
    ],
)
def test_a_limit_given_twice_is_refused(app, words):
    """Which of 23 and 40 Gy is meant cannot be known; the last one must not win."""
    with pytest.raises(InputError, match="given twice"):
        run(app, *words)


def test_pairs_of_different_names_are_read():
    assert parse_pairs(["a=1", "b=2"], option="--limit") == {"a": 1.0, "b": 2.0}


def test_refused_by_the_residence_time_is_an_answer(app):
    """49.8 h lie below the 50 h of the label: refused, in words and as JSON, with the clearance shown."""
    counts = ("--count", "0.5=100", "--count", "70=20", "--count", "160=4")
    text = run(app, *TOSITUMOMAB, *counts)
    assert "REFUSED by RESIDENCE_TIME" in text
    assert "residence time 49.8 h" in text
    run(app, *TOSITUMOMAB, *counts, "--check", code=3)


def test_no_cap_for_obesity_is_said(app, tmp_path):
    assert "maximum effective masses" in run(app, *TOSITUMOMAB, *COUNTS)
    table = tmp_path / "mass.csv"
    table.write_text("sex,height_cm,mass_kg\nmale,170,100\nmale,190,120\n")
    capped = run(app, *TOSITUMOMAB, *COUNTS, "--height-cm", "180", "--effective-mass", table)
    assert "at 110 kg" in capped
    assert "maximum effective masses" not in capped


def test_marrow_after_infusion_of_a_published_median_is_no_patient_value(app):
    """Median 0.47 (0.14-2.33) Gy/GBq of 19 patients: its tail has the spread of the series."""
    words = (
        "activity", "lu177-pentixather", "--marrow-half-life-h", "92", "--days-to-transplant", "14",
        "--graft-confirmed", "--json",
    )  # fmt: skip
    answer = json.loads(run(app, *words, "--published"))
    rows = {row["target"]: row for row in answer["doses"]}
    total, left = rows["red_marrow"], rows["red_marrow_after_infusion"]
    assert left["of"] == "published series"
    assert left["high_Gy"] / left["low_Gy"] == pytest.approx(total["high_Gy"] / total["low_Gy"])
    assert left["Gy"] == pytest.approx(total["Gy"] * 2.0 ** (-14 * 24 / 92))
    own = json.loads(run(app, *words, "--coefficient", "kidneys=1.44", "--coefficient", "red_marrow=0.57"))
    assert {row["of"] for row in own["doses"]} == {"patient"}


def test_syringe_needs_times_and_dates_that_belong_together(app):
    with pytest.raises(InputError, match="times of calibration"):
        run(app, *IBRITUMOMAB, "--concentration", "200", "--residual-percent", "5")
    with pytest.raises(PlanningError, match="too far apart"):
        run(
            app, *IBRITUMOMAB, "--calibrated-at", "2025-03-28T12:00+01:00", "--administered-at", "2026-03-29T09:00+02:00"
        )  # fmt: skip


def test_exchanged_height_and_weight(app):
    with pytest.raises(QuantityError, match="do not belong together"):
        run(app, "activity", "i131-lym-1", "--weight-kg", "167", "--height-cm", "120")


def test_translation_keeps_to_one_molecule(app):
    with pytest.raises(InputError, match="two different molecules"):
        run(app, "translate", "--from", "lu177-pentixather", "--to", "re188-anti-cd66")
    with pytest.raises(InputError, match="two different molecules"):
        run(app, "translate", "--from", "ga68-pentixafor", "--to", "lu177-pentixather", "--half-life", "kidneys=1")
    same = ("translate", "--to", "y90-ibritumomab", "--half-life", "liver=60", "--from")
    assert "neither file says" not in run(app, *same, "in111-ibritumomab")
    assert "neither file says" in run(app, *same, "i131-tositumomab")
    assert "Re-188" in run(app, "translate", "--from", "lu177-pentixather", "--to", "Re-188")


def test_translation_refuses_more_than_all_and_names_without_half_life(app):
    kidneys = ("translate", "--from", "Lu-177", "--to", "Y-90", "--half-life", "kidneys=41")
    with pytest.raises(QuantityError, match="share of the injected activity"):
        run(app, *kidneys, "--uptake", "kidneys=440")
    run(app, *kidneys, "--uptake", "kidneys=4.4")
    with pytest.raises(InputError, match="without half-life"):
        run(app, *kidneys, "--dose", "kidney=0.91")


def test_an_activity_on_the_calendar_names_its_agent(app):
    words = (
        "schedule", "--regimen", "cxcr4-tbi-matched-cy", "--donor", "MUD", "--day-zero", "2025-04-07", "--height-cm", "178",
        "--weight-kg", "75", "--sex", "male", "--tbi-Gy", "8", "--graft-confirmed", "--cyclophosphamide-weight", "actual",
        "--atg-product", "grafalon", "--atg-mg-per-kg", "10", "--atg-basis", "per_day", "--activity-GBq", "12.4",
    )  # fmt: skip
    with pytest.raises(PlanningError, match="without its radiopharmaceutical"):
        run(app, *words)
    assert "activity chosen by the planner" in run(app, *words, "--agent", "177Lu-pentixather")
