"""`hemadose transplant`: published cases through the command line, the optimum, what is refused."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.transplant import register
from hemadose.errors import InputError, PlanningError, QuantityError

P2 = [
    "transplant",
    "--nuclide",
    "Lu-177",
    "--marrow-Gy-per-GBq",
    "0.57",
    "--half-life-h",
    "92",
    "--activity-GBq",
    "14.4",
]
PENTIXATHER = ["transplant", "--agent", "lu177-pentixather", "--agent", "y90-pentixather", "--activity-GBq", "20"]


@pytest.fixture(scope="module")
def app():
    made = typer.Typer()
    made.callback()(lambda: None)
    register(made)
    return made


def run(app, *arguments, code=0):
    found = CliRunner().invoke(app, list(arguments))
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == code, found.output
    return found.stdout


def answer(app, *arguments):
    return json.loads(run(app, *arguments, "--json"))


def nuclides(told):
    return {row["nuclide"]: row for row in told["nuclides"]}


def test_d0a_in_every_number(app):
    """D0a: 8.208 Gy; day 14: 0.6528 Gy, 4.919 mGy/h, half-life at most 110.6 h; 1 Gy from day 11.64 on."""
    told = answer(app, *P2, "--interval-d", "14")
    assert told["marrow_dose_Gy"] == pytest.approx(8.208)
    lu = nuclides(told)["Lu-177"]
    assert lu["earliest"][0]["earliest_d"] == pytest.approx(11.64, rel=1e-3)
    planned = next(row for row in told["planned"] if row["nuclide"] == "Lu-177")
    assert planned["residual_Gy"] == pytest.approx(0.6528, rel=1e-3)
    assert planned["rate_mGy_per_h"] == pytest.approx(4.919, rel=1e-3)
    first = planned["limits"][0]
    assert first["longest_half_life_h"] == pytest.approx(110.6, rel=1e-3)
    assert first["latest_safe_activity_GBq"] == pytest.approx(14.4 / 0.6528, rel=1e-3)
    assert first["probability_met"] is None
    assert first["kept"] is True
    assert planned["limits"][1]["kept"] is False  # 50 mGy


def test_the_usual_four_nuclides_at_equal_dose(app):
    told = answer(app, *P2)
    rows = nuclides(told)
    assert [r["nuclide"] for r in told["nuclides"]] == ["Re-188", "Y-90", "Lu-177", "I-131"]
    for row in rows.values():
        assert row["activity_GBq"] * row["marrow_Gy_per_GBq"] == pytest.approx(8.208)
        assert row["days"][0]["residual_Gy"] == pytest.approx(8.208)
    assert rows["Y-90"]["effective_half_life_h"] == pytest.approx(49.5, abs=0.1)
    # ratio of marrow coefficients of pentixather, 1.06 / 0.47, from our S values and biological half-life
    assert rows["Y-90"]["marrow_Gy_per_GBq"] / 0.57 == pytest.approx(1.06 / 0.47, rel=0.1)


def test_own_half_life_and_coefficient_of_another_nuclide(app):
    told = answer(app, *P2, "--compare", "Y-90", "--own-half-life-h", "90Y=50", "--own-Gy-per-GBq", "Y-90=1.06")
    row = nuclides(told)["Y-90"]
    assert row["effective_half_life_h"] == pytest.approx(50.0)
    assert row["activity_GBq"] == pytest.approx(8.208 / 1.06)


def test_packaged_agents_bring_their_coefficients_and_doubts(app):
    told = answer(app, *PENTIXATHER)
    assert nuclides(told)["Y-90"]["activity_GBq"] == pytest.approx(20 * 0.47 / 1.06)
    assert sum("not this patient's own" in note for note in told["notes"]) == 2


def test_optimum_is_explained(app):
    """PX4: kidneys allow 25.27 GBq of 177Lu and 6.13 GBq of 90Y; 177Lu needs 92 h log2(25.27 x 0.47) = 13.7 d."""
    told = answer(app, *PENTIXATHER, "--maximise", "red_marrow", "--tbi-first-day", "-8")
    lu, y = told["optimum"]
    assert (lu["nuclide"], lu["interval_d"]) == ("Lu-177", 14.0)
    assert lu["activity_GBq"] == pytest.approx(25.27, rel=1e-3)
    assert lu["nothing_gained_after_d"] == pytest.approx(13.69, abs=0.01)
    assert y["interval_d"] == 13.0
    assert y["activity_GBq"] == pytest.approx(6.13, rel=1e-3)
    assert "first permitted day" in y["why"]
    short = answer(app, *PENTIXATHER, "--maximise", "red_marrow", "--calendar-last-d", "9")
    lu = next(o for o in short["optimum"] if o["nuclide"] == "Lu-177")
    assert lu["active_limit"] == "red_marrow_residual"
    assert lu["one_day_more_Gy"] == pytest.approx(lu["objective_Gy"] * (2 ** (24 / 92) - 1), rel=1e-6)
    assert "one day more would buy" in lu["why"]


def test_a_nuclide_without_an_organ_is_left_out_and_named(app):
    told = answer(
        app, *P2, "--maximise", "red_marrow", "--organ-limit", "kidneys=23", "--coefficient", "Lu-177:kidneys=1.44"
    )
    assert [o["nuclide"] for o in told["optimum"]] == ["Lu-177"]
    assert any(note.startswith("Y-90 is left out") for note in told["notes"])


def test_aplasia_is_defined_beside_its_number(app):
    told = answer(app, *P2, "--interval-d", "14", "--ablative-Gy", "4.104")
    row = nuclides(told)["Lu-177"]["aplasia"]
    assert row["reached_d"] == pytest.approx(92 / 24, abs=1e-3)  # half of the dose after one half-life
    assert row["interval_d"] == pytest.approx(14 - 92 / 24, abs=1e-3)
    assert "given by the user" in row["definition"]


def test_a_family_at_equal_first_dose_rate(app):
    """With the rate held half the half-life is half the dose: 46 h log2(4.104) instead of 46 h log2(8.208)."""
    days = [answer(app, *P2, "--family-h", "46", "--held", h)["half_lives"][0]["earliest_d"] for h in ("dose", "rate")]
    assert days[0] - days[1] == pytest.approx(46 / 24, abs=1e-3)


def test_check_text_and_figure(app, tmp_path):
    figure = tmp_path / "timing.svg"
    out = run(app, *P2, "--interval-d", "14", "--check", "--half-life-relative-sd", "0.1", "--figure", str(figure))
    assert "Planned interval" in out
    assert figure.read_bytes().startswith(b"<?xml")
    run(app, *P2, "--interval-d", "10", "--check", code=3)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (["transplant", "--activity-GBq", "5"], InputError, "no agent and no nuclide"),
        (["transplant", "--nuclide", "Lu-177", "--activity-GBq", "5"], InputError, "not known"),
        (P2[:-2], InputError, "an activity or a marrow dose"),
        ([*P2, "--marrow-dose-Gy", "5"], InputError, "an activity or a marrow dose"),
        ([*P2[:-1], "-3"], InputError, "activity must be positive"),
        ([*P2, "--interval-d", "-2"], InputError, "after the administration"),
        ([*P2, "--interval-d", "0"], InputError, "after the administration"),
        ([*P2, "--family-h", "170"], QuantityError, "more slowly"),
        ([*P2, "--check"], InputError, "nothing to check"),
        ([*P2, "--held", "mass"], InputError, "its first dose rate"),
        ([*P2, "--own-half-life-h", "Zr-89=50"], InputError, "not compared"),
        ([*P2, "--own-half-life-h", "Y-90=65"], QuantityError, "more slowly than Y-90"),
        ([*P2, "--maximise", "red_marrow", "--coefficient", "kidneys=2"], InputError, "nuclide:organ=number"),
        ([*P2, "--maximise", "red_marrow", "--organ-limit", "kidneys=23"], InputError, "no nuclide has every"),
        ([*PENTIXATHER, "--maximise", "red_marrow", "--tbi-first-day", "2"], PlanningError, "before the transplant"),
        (
            [*PENTIXATHER, "--maximise", "red_marrow", "--calendar-last-d", "10", "--tbi-first-day", "-9"],
            PlanningError,
            "no day",
        ),
        ([*P2[:6], "200", *P2[7:]], QuantityError, "more slowly than Lu-177"),
    ],
)
def test_refusals(app, arguments, error, match):
    with pytest.raises(error, match=match):
        run(app, *arguments)
