"""`hemadose schedule`, `regimens`, `verify`, `eligibility` through the command line."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli import course, eligibility, verify
from hemadose.errors import HemadoseError, InputError, PlanningError, QuantityError, TimingError

ASKED = {
    "--regimen": "cxcr4-tbi-haplo",
    "--donor": "HID",
    "--day-zero": "2025-04-07",
    "--height-cm": "178",
    "--weight-kg": "75",
    "--sex": "male",
    "--tbi-Gy": "8",
    "--cyclophosphamide-weight": "actual",
    "--age-years": "46",
    "--creatinine-mg-per-dl": "0.8",
    "--agent": "177Lu-pentixather",
    "--activity-GBq": "12.4",
}
FILES = [
    "calendar.csv",
    "calendar.ics",
    "course.json",
    "lanes.svg",
    "one-page.pdf",
    "order-sheet.csv",
    "order-sheet.pdf",
]


@pytest.fixture
def app():
    made = typer.Typer()
    for module in (course, verify, eligibility):
        module.register(made)
    return made


def words(changes=None, *flags):
    asked = {**ASKED, **(changes or {})}
    return [part for key, value in asked.items() if value is not None for part in (key, value)] + list(flags)


def run(app, *arguments, expect=0):
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    if isinstance(done.exception, HemadoseError):
        raise done.exception
    assert done.exit_code == expect, done.output
    return done.output


def test_folder_of_a_course(app, tmp_path):
    out = tmp_path / "plan"
    answer = json.loads(run(app, "schedule", *words(), "--graft-confirmed", "--out", out, "--planner", "AB", "--json"))
    assert sorted(p.name for p in out.iterdir()) == FILES
    assert sorted(answer["written"]) == sorted(str(out / name) for name in FILES)
    record = json.loads((out / "course.json").read_text())
    assert record["planner"] == "AB"
    assert record["numbers"]["day +3 Post-transplant cyclophosphamide"] == pytest.approx(3750.0)
    assert record["inputs"]["weight_kg"] == 75.0
    assert (out / "order-sheet.csv").read_text().startswith("# Research use - not an order")
    assert "BEGIN:VALARM" in (out / "calendar.ics").read_text()
    assert answer["stops"] == 0


def test_no_pseudonym_unless_asked(app, tmp_path):
    for asked in ((), ("--pseudonym", "PAT-7")):
        out = tmp_path / f"plan{len(asked)}"
        run(app, "schedule", *words(), "--out", out, "--planner", "AB", *asked)
        assert (b"PAT-7" in (out / "calendar.ics").read_bytes()) is bool(asked)
        assert b"PAT-7" not in (out / "course.json").read_bytes()


def test_check_ends_with_3_while_a_stop_stands(app):
    run(app, "schedule", *words(), "--check", expect=3)  # graft not confirmed
    run(app, "schedule", *words(), "--graft-confirmed", "--check")
    early = words({"--immunosuppression-start-day": "3"}, "--graft-confirmed", "--check")
    assert "CNI-BEFORE-PTCY" in run(app, "schedule", *early, expect=3)
    told = run(app, "schedule", *early, "--override", "CNI-BEFORE-PTCY=study 12")
    assert "Overridden: study 12" in told


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"--height-cm": "1.78"}, QuantityError, "metres"),
        ({"--height-cm": "75", "--weight-kg": "178"}, QuantityError, "exchanged"),
        ({"--weight-kg": "750"}, QuantityError, "implausible weight"),
        ({"--creatinine-mg-per-dl": "71"}, QuantityError, "umol/l"),
        ({"--creatinine-mg-per-dl": None, "--creatinine-umol-per-l": "0.8"}, QuantityError, "mg/dl"),
        ({"--creatinine-umol-per-l": "71"}, PlanningError, "given twice"),
        ({"--donor": "SIBLING"}, PlanningError, "unknown choice"),
        ({"--donor": "MUD"}, PlanningError, "not made for this donor"),
        ({"--regimen": "cxcr4-tbi-matched-flu", "--donor": "MUD"}, PlanningError, "product, amount and basis"),
        ({"--ert-day": "2"}, PlanningError, "transplantation would precede"),
        ({"--ert-day": "-9"}, PlanningError, "precede total body irradiation"),
        ({"--day-zero": "07.04.2025"}, PlanningError, "not a date"),
        ({"--agent": "133I-anti-CD45"}, PlanningError, "133I"),
        ({"--activity-GBq": "12400"}, PlanningError, "implausible activity"),
        ({"--zone": "Europe/Munich"}, TimingError, "unknown time zone"),
        ({"--ert-at": "10 o'clock"}, TimingError, "not a time"),
        ({"--override": "GRAFT-UNCONFIRMED=trust me"}, PlanningError, "cannot be overridden"),
        ({"--override": "CNI-BEFORE-PTCY="}, PlanningError, "needs a reason"),
        ({"--arginine-g": "25"}, PlanningError, "given together"),
        ({"--renal-label": "german"}, PlanningError, "unknown choice"),
        ({"--calcineurin-inhibitor": "sirolimus"}, PlanningError, "unknown calcineurin inhibitor"),
        ({"--earlier-weight-kg": "nan"}, PlanningError, "implausible earlier weight"),
        ({"--height-cm": "nan"}, QuantityError, "implausible height"),
        ({"--out": "nowhere"}, PlanningError, "who planned"),
    ],
)
def test_bad_input_is_refused(app, change, kind, message):
    with pytest.raises(kind, match=message):
        run(app, "schedule", *words(change))


def test_both_units_of_creatinine_give_the_same_calendar(app):
    one = json.loads(run(app, "schedule", *words({"--creatinine-mg-per-dl": "1.6"}), "--json"))
    umol = {"--creatinine-mg-per-dl": None, "--creatinine-umol-per-l": str(1.6 * 88.4)}
    two = json.loads(run(app, "schedule", *words(umol), "--json"))
    assert one["orders"] == two["orders"]


def test_misprinted_agent_and_clock_change_are_told(app):
    told = run(app, "schedule", *words({"--agent": "177Lu-pentixafor"}))
    assert "AGENT-NAME" in told
    assert "CLOCK-CHANGE" in told  # 30 March 2025 lies between day -14 and day 0
    assert "335 h" in told
    quiet = run(app, "schedule", *words({"--day-zero": "2025-06-02"}))
    assert "AGENT-NAME" not in quiet
    assert "CLOCK-CHANGE" not in quiet


# --- two persons -------------------------------------------------------------------------------------


@pytest.fixture
def planned(app, tmp_path):
    out = tmp_path / "plan"
    run(app, "schedule", *words(), "--graft-confirmed", "--out", out, "--planner", "pharmacist A")
    return out / "course.json"


def test_the_second_person_agrees(app, planned):
    answer = json.loads(
        run(app, "verify", planned, "--verifier", "physicist B", *words(), "--graft-confirmed", "--json")
    )
    assert answer["agree"]
    assert answer["compared"] > 50
    stored = json.loads((planned.parent / "verification.json").read_text())
    assert (stored["planner"], stored["verifier"]) == ("pharmacist A", "physicist B")
    assert stored["inputs"]["weight_kg"] == 75.0


def test_the_second_person_disagrees_and_nothing_is_overwritten(app, planned):
    other = words({"--weight-kg": "57"}, "--graft-confirmed")
    told = run(app, "verify", planned, "--verifier", "physicist B", *other, expect=3)
    assert "DO NOT AGREE" in told
    assert "weight_kg" in told
    run(app, "verify", planned, "--verifier", "physicist B", *words(), "--graft-confirmed")
    names = sorted(p.name for p in planned.parent.glob("verification*"))
    assert names == ["verification-2.json", "verification.json"]
    assert not json.loads((planned.parent / "verification.json").read_text())["agree"]


def test_another_weight_rule_is_found_though_the_milligrams_are_the_same(app, tmp_path):
    # lesser of ideal (73.3) and actual (70) is the actual weight: same numbers, another rule
    out = tmp_path / "plan"
    light = {"--weight-kg": "70"}
    run(app, "schedule", *words(light), "--graft-confirmed", "--out", out, "--planner", "A")
    changed = {**light, "--cyclophosphamide-weight": "lesser_of_ideal_and_actual"}
    answer = json.loads(
        run(
            app,
            "verify",
            out / "course.json",
            "--verifier",
            "B",
            *words(changed),
            "--graft-confirmed",
            "--json",
            expect=3,
        )
    )
    assert [d["what"] for d in answer["input_differences"]] == ["cyclophosphamide_weight"]
    assert answer["differences"] == []


def test_the_planner_cannot_verify(app, planned):
    with pytest.raises(PlanningError, match="same person"):
        run(app, "verify", planned, "--verifier", "Pharmacist A.", *words(), "--graft-confirmed")


def test_a_changed_record_is_refused(app, planned):
    text = planned.read_text()
    planned.write_text(text.replace("3750.0", "375.0"))
    with pytest.raises(InputError, match="numbers of this record were changed"):
        run(app, "verify", planned, "--verifier", "B", *words(), "--graft-confirmed")
    planned.write_text(text.replace("pharmacist A", "pharmacist Z"))
    with pytest.raises(InputError, match="this record was changed"):
        run(app, "verify", planned, "--verifier", "pharmacist A", *words(), "--graft-confirmed")
    planned.write_text('{"format": "other"}')
    with pytest.raises(InputError, match="not a record"):
        run(app, "verify", planned, "--verifier", "B", *words(), "--graft-confirmed")


# --- regimens and eligibility -----------------------------------------------------------------------


def test_regimens_list_and_one(app):
    assert {r["id"] for r in json.loads(run(app, "regimens", "--json"))["regimens"]} == {
        "cxcr4-tbi-haplo", "cxcr4-tbi-matched-cy", "cxcr4-tbi-matched-flu", "nma-flu-tbi2", "ric-haplo-ptcy",
    }  # fmt: skip
    one = json.loads(run(app, "regimens", "cxcr4-tbi-matched-cy", "--json"))
    assert one["corrections"][0]["printed"] == "60mg/m2 d-5 and d-4"
    assert all(line["source"] for line in one["lines"])
    assert "unverified" in run(app, "regimens", "nma-flu-tbi2")


def test_a_regimen_of_the_site(app, tmp_path):
    from importlib.resources import files

    text = files("hemadose.refdata").joinpath("data/regimens/cxcr4-tbi-haplo.toml").read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace('id = "cxcr4-tbi-haplo"', 'id = "own"'), encoding="utf-8")
    answer = json.loads(run(app, "schedule", *words({"--regimen": str(own)}), "--json"))
    assert answer["regimen"] == "own"
    assert "own" in run(app, "regimens", own)
    own.write_text(text.replace('unit = "mg/kg"', 'unit = "mg/m2"'), encoding="utf-8")
    with pytest.raises(PlanningError, match="dosed per kilogram"):
        run(app, "schedule", *words({"--regimen": str(own)}))


def test_figure_1_on_request(app, tmp_path):
    assert str(tmp_path / "one.svg") in run(app, "regimens", "--figure", tmp_path / "one.svg")
    assert b"<svg" in (tmp_path / "one.svg").read_bytes()[:600]
    with pytest.raises(PlanningError, match="kind of figure"):
        run(app, "regimens", "--figure", tmp_path / "one.docx")


def test_eligibility_ends_with_3_when_a_rule_fails(app, tmp_path):
    path = tmp_path / "patient.toml"
    path.write_text("[graft]\nkind = 'allogeneic'\ndonor = 'MUD'\ndonor_confirmed = true\ngraft_confirmed = false\n")
    answer = json.loads(run(app, "eligibility", path, "--json"))
    assert answer["failed"] == ["E4"]
    assert [r["rule"] for r in answer["rules"]] == [f"E{n}" for n in range(1, 10)]
    told = run(app, "eligibility", path, "--check", expect=3)
    assert "hard stop" in told
    assert "Not an approval" in told
    path.write_text("[infection]\nuncontrolled = false\n")
    run(app, "eligibility", path, "--check")  # missing is not failed
