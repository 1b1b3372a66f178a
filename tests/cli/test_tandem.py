"""`hemadose tandem`: packaged agents with TBI, limits on the sums, what is refused."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.tandem import register
from hemadose.errors import InputError, PlanningError, QuantityError

FIRST = ["tandem", "--agent", "lu177-pentixather=12.4@-16"]
BOTH = [*FIRST, "--agent", "re188-anti-cd66=8@-15", "--half-life-h", "re188-anti-cd66:kidneys=15"]
TBI = ["--tbi-fraction-Gy", "2", "--tbi-fractions", "4", "--tbi-factor", "lungs=0.8"]


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


def organs(told):
    return {row["organ"]: row for row in told["organs"]}


def test_pentixather_then_anti_cd66_then_tbi(app):
    """Haenscheid 2022: 0.91 (0.38-3.47) Gy/GBq; anti-CD66: 0.71 Gy/GBq (CD66a)."""
    told = answer(app, *BOTH, *TBI)
    kidneys = organs(told)["kidneys"]
    assert kidneys["agents"]["Gy"] == pytest.approx(12.4 * 0.91 + 8 * 0.71)
    assert kidneys["dose"]["Gy"] == pytest.approx(kidneys["agents"]["Gy"] + 8.0)
    assert kidneys["agents"]["high_Gy"] >= 12.4 * 3.47 + 8 * 0.71
    assert kidneys["bed"]["low_Gy"] < kidneys["bed"]["Gy"] < kidneys["bed"]["high_Gy"]
    assert kidneys["residual"]["Gy"] < 0.1
    assert told["days_before_tbi"] == {"is": 6.0, "least": 5.0, "kept": True}
    lungs = organs(told)["lungs"]
    assert lungs["without"] == ["lu177-pentixather"]
    assert any("every sum is too low" in note for note in told["notes"])
    assert any("is not known" in note for note in told["notes"])


def test_yttrium_pentixather_then_ibritumomab(app):
    """Hänscheid 2022, 90Y: kidneys 3.75 Gy/GBq; the packaged kidney limit of 23 Gy is put to the sum."""
    told = answer(app, "tandem", "--agent", "y90-pentixather=5@-16", "--agent", "y90-ibritumomab=1.2@-15")
    shares = {a["name"]: {o["organ"]: o for o in a["organs"]} for a in told["agents"]}
    expected = 5 * 3.75 + 1.2 * shares["y90-ibritumomab"]["kidneys"]["Gy_per_GBq"]
    assert organs(told)["kidneys"]["agents"]["Gy"] == pytest.approx(expected)
    verdict = next(v for v in told["limits"] if v["organ"] == "kidneys")
    assert verdict["kept"] is (expected <= 23.0)
    assert told["tbi"] is None


def test_bed_of_the_paper_through_the_command_line(app):
    """20.74 Gy with 60 h, alpha/beta 2.5, 2.8 h: BED 28.4; 5 x 2 Gy 18.0 (without what they add to each other)."""
    told = answer(
        app,
        *("tandem", "--agent", "lu177-pentixather=1@-15", "--coefficient", "lu177-pentixather:kidneys=20.74"),
        *(
            "--half-life-h",
            "lu177-pentixather:kidneys=60",
            "--alpha-beta-Gy",
            "kidneys=2.5",
            "--repair-h",
            "kidneys=2.8",
        ),
        *("--tbi-fraction-Gy", "2", "--tbi-fractions", "5", "--tbi-per-day", "1"),
    )
    parts = {p["name"]: p for p in organs(told)["kidneys"]["components"]}
    assert parts["lu177-pentixather"]["bed_Gy"] == pytest.approx(28.4, abs=0.1)
    assert parts["TBI"]["bed_Gy"] == pytest.approx(18.0, abs=0.1)
    assert sum(p["bed_Gy"] for p in parts.values()) / 1.8 == pytest.approx(25.8, abs=0.1)


def test_limits_decide_the_exit(app):
    run(app, *BOTH, *TBI, "--check")
    run(app, *BOTH, *TBI, "--bed-limit", "kidneys=30", "--check", code=3)
    run(app, *BOTH, *TBI, "--limit", "kidneys=10", "--check", code=3)
    # an agent has no coefficient for the lungs: the limit cannot be judged, so it is not kept
    told = answer(app, *BOTH, *TBI, "--limit", "lungs=20")
    assert next(v for v in told["limits"] if v["organ"] == "lungs")["kept"] is None
    assert told["limits_kept"] is False


def test_four_days_before_tbi_are_too_few(app):
    late = ["tandem", "--agent", "lu177-pentixather=12.4@-13"]
    assert answer(app, *late, *TBI)["days_before_tbi"]["kept"] is False
    run(app, *late, *TBI, "--check", code=3)
    run(
        app,
        *late,
        *TBI,
        "--check",
        "--days-before-tbi",
        "4",
        "--limit",
        "kidneys=23",
        "--residual-limit",
        "red_marrow=2",
    )


def test_unknown_kinetics_are_said(app):
    told = answer(app, *FIRST, "--agent", "re188-anti-cd66=8@-15")
    second = told["agents"][1]["organs"]
    assert all(o["kinetics"] in ("physical", "published") for o in second)
    bare = [o["organ"] for o in second if o["kinetics"] == "physical"]
    assert bare == [] or any("no half-life known" in note for note in told["notes"])
    given = answer(app, *BOTH)["agents"][1]["organs"]
    assert next(o for o in given if o["organ"] == "kidneys")["kinetics"] == "given"


def test_text_and_figure(app, tmp_path):
    figure = tmp_path / "tandem.svg"
    out = run(app, *BOTH, *TBI, "--bed-limit", "kidneys=60", "--figure", str(figure))
    assert "Limits on the sums" in out
    assert "Last agent to TBI: 6 d" in out
    assert figure.read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (["tandem"], PlanningError, "names that differ"),
        (["tandem", "--agent", "lu177-pentixather"], InputError, "agent=GBq@day"),
        (["tandem", "--agent", "lu177-pentixather=12.4@5"], PlanningError, "not given before the transplant"),
        (["tandem", "--agent", "lu177-pentixather=-1@-15"], QuantityError, "positive"),
        ([*FIRST, "--agent", "re188-anti-cd66=8@-8", *TBI], PlanningError, "on or after the first day"),
        ([*FIRST, *TBI, "--tbi-first-day", "1"], PlanningError, "precedes the last fraction"),
        ([*FIRST, *FIRST[1:]], PlanningError, "names that differ"),
        ([*FIRST, "--limit", "heart=3"], InputError, "cannot be judged"),
        ([*FIRST, "--bed-limit", "spleen=3"], InputError, "cannot be judged"),
        ([*FIRST, "--limit", "kidneys=0"], InputError, "must be positive"),
        ([*FIRST, "--coefficient", "kidneys=3"], InputError, "agent:organ=number"),
        ([*FIRST, "--half-life-h", "lu177-pentixather:kidneys=300"], QuantityError, "more slowly"),
        ([*FIRST, "--half-life-h", "lu177-pentixather:heart=30"], InputError, "without a coefficient"),
        ([*FIRST, "--alpha-beta-Gy", "spleen=3"], InputError, "needs both"),
    ],
)
def test_refusals(app, arguments, error, match):
    with pytest.raises(error, match=match):
        run(app, *arguments)
