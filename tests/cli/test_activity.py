"""The commands agents, activity and translate on an app of their own."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli import activity, agents, translate
from hemadose.errors import HemadoseError

app = typer.Typer()
for module in (activity, agents, translate):
    module.register(app)


def run(*words, code=0):
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def fails(*words):
    result = CliRunner().invoke(app, list(words))
    assert isinstance(result.exception, HemadoseError), result.output
    return str(result.exception)


def test_activity_as_json_and_words():
    words = ("activity", "y90-ibritumomab", "--weight-kg", "70", "--platelets", "160")
    answer = json.loads(run(*words, "--json"))
    assert answer["activity_MBq"] == pytest.approx(1036)
    text = run(*words)
    assert "1036 MBq (28 mCi), set by: 14.8 MBq/kg" in text
    assert "not judged" in text
    assert "Research use" in text


def test_a_refusal_ends_with_three_where_asked():
    words = ("activity", "y90-ibritumomab", "--weight-kg", "70", "--platelets", "99")
    assert "REFUSED by PLATELETS" in run(*words)
    run(*words, "--check", code=3)
    run("activity", "y90-ibritumomab", "--weight-kg", "70", "--platelets", "100", "--check")


def test_infeasible_and_broken_end_with_three_where_asked():
    base = ("activity", "re188-anti-cd66", "--published", "--graft-confirmed", "--check")
    run(*base, "--limit", "kidneys=5", code=3)
    run(*base, "--limit", "kidneys=12", "--activity-MBq", "20000", code=3)
    run(*base, "--limit", "kidneys=12", "--activity-MBq", "10000")


def test_platelets_per_microlitre():
    assert "is 160" in fails("activity", "y90-ibritumomab", "--weight-kg", "70", "--platelets", "160000")


def test_tositumomab_from_counts_and_a_table_of_the_site(tmp_path):
    """TOS1 with activity hours of 7640 mCi h: 67.4 mCi for 75 cGy, 58.4 for 65 (0.1 %)."""
    table = tmp_path / "hours.csv"
    table.write_text("mass_kg,activity_hours_mCi_h\n60,6640\n80,8640\n")
    base = ("activity", "i131-tositumomab", "--weight-kg", "70", "--activity-hours", str(table), "--json")
    counted = ("--count", "0.5=100", "--count", "70=55", "--count", "160=24.5")
    for platelets, mci in (("160", 67.4), ("120", 58.4)):
        answer = json.loads(run(*base, *counted, "--platelets", platelets))
        assert answer["activity_mCi"] == pytest.approx(mci, rel=1e-3)
        assert answer["whole_body"]["activity_hours_origin"] == "table: hours.csv"
    views = tmp_path / "counts.csv"
    views.write_text(
        "time_h,anterior,posterior,anterior_background,posterior_background\n"
        "0.5,110,110,10,10\n70,65,65,10,10\n160,34.5,34.5,10,10\n"
    )
    answer = json.loads(run(*base, "--counts", str(views), "--platelets", "160"))
    assert answer["activity_mCi"] == pytest.approx(67.4, rel=1e-3)


def test_tositumomab_with_the_derived_model_says_so():
    """Derived activity hours agree with 7640 mCi h within 10 %, and never pass as the label's."""
    words = ("activity", "i131-tositumomab", "--weight-kg", "70", "--sex", "male", "--platelets", "160")
    answer = json.loads(run(*words, "--count", "0.5=100", "--count", "70=55", "--count", "160=24.5", "--json"))
    assert answer["activity_mCi"] == pytest.approx(67.4, rel=0.10)
    assert "not the table of the label" in answer["whole_body"]["activity_hours_origin"]


def test_an_effective_mass_needs_a_table_and_lowers_the_activity(tmp_path):
    table = tmp_path / "masses.csv"
    table.write_text("sex,height_cm,mass_kg\nmale,160,90\nmale,180,110\nfemale,160,80\n")
    words = (
        *("activity", "i131-tositumomab", "--weight-kg", "140", "--sex", "male", "--height-cm", "170"),
        *("--platelets", "160", "--count", "0.5=100", "--count", "70=55", "--count", "160=24.5", "--json"),
    )
    free = json.loads(run(*words))
    capped = json.loads(run(*words, "--effective-mass", str(table)))
    assert free["whole_body"]["mass_kg"] == 140
    assert capped["whole_body"]["mass_kg"] == 100
    assert capped["activity_MBq"] < free["activity_MBq"]


def test_post_asct_dose_is_unverified():
    words = (
        *("activity", "i131-tositumomab", "--setting", "post_asct", "--weight-kg", "70", "--sex", "male"),
        *("--platelets", "160", "--count", "0.5=100", "--count", "70=55", "--count", "160=24.5"),
    )
    assert "unverified" in fails(*words)
    answer = json.loads(run(*words, "--accept-unverified", "--json"))
    assert answer["constraints"][0]["value"] == 0.45
    assert answer["constraints"][0]["unverified"] is True


def test_a_residence_time_out_of_range_is_refused():
    words = ("activity", "i131-tositumomab", "--weight-kg", "70", "--sex", "male", "--platelets", "160")
    answer = json.loads(run(*words, "--count", "0.5=100", "--count", "70=20", "--count", "160=3", "--json"))
    assert answer["refused_by"] == ["RESIDENCE_TIME"]


def test_the_syringe():
    answer = json.loads(
        run(
            *("activity", "y90-ibritumomab", "--weight-kg", "70", "--platelets", "160"),
            *("--calibrated-at", "2026-03-28T12:00", "--administered-at", "2026-03-29T12:00"),
            *("--zone", "Europe/Berlin", "--residual-percent", "5", "--concentration", "500", "--json"),
        )
    )
    ordered = 1036 / 0.95 * 2 ** (23 / 64.1)
    assert answer["syringe"]["at_calibration_MBq"] == pytest.approx(ordered)
    assert answer["syringe"]["volume_ml"] == pytest.approx(ordered / 500)
    assert "both times" in fails(
        "activity", "y90-ibritumomab", "--weight-kg", "70", "--platelets", "160", "--calibrated-at", "2026-03-28T12:00"
    )


def test_agents_list_show_and_site_files(tmp_path):
    ids = {a["id"] for a in json.loads(run("agents", "--json"))["agents"]}
    assert {"f18-fdg", "y90-anti-cd45"} <= ids
    assert run("agents", "show", "re188-anti-cd66") == run("agents", "re188-anti-cd66")
    text = run("agents", "show", "re188-anti-cd66")
    assert "[UNVERIFIED]" in text
    assert "Kotzerke" in text
    assert "tc99m-anti-cd66" in text
    assert "explained at a time" in fails("agents", "show")
    own = tmp_path / "own.toml"
    own.write_text(
        'id = "own"\ntitle = "Own"\nrole = "therapy"\nnuclide = "Y-90"\ntarget = "CD20"\nvector = "antibody"\n'
        'marrow_targeting = false\nmarrow_method = "image_or_blood"\nsources = ["site protocol"]\n'
        '[[rule]]\nkind = "per_kg"\namount = 10.0\nunit = "MBq/kg"\ncondition = "all"\nsource = "site protocol"\n'
        'evidence = "publication"\n'
    )
    listed = json.loads(run("agents", "--agent-file", str(own), "--json"))["agents"]
    assert {a["id"]: a["from"] for a in listed}["own"] == "site"
    answer = json.loads(run("activity", "own", "--agent-file", str(own), "--weight-kg", "70", "--json"))
    assert answer["activity_MBq"] == pytest.approx(700)


def test_translate_in_words_and_json():
    text = run("translate", "--from", "lu177-pentixather", "--to", "y90-pentixather")
    assert "do not rely on it" in text
    words = ("translate", "--from", "Lu-177", "--to", "Y-90", "--half-life", "kidneys=41", "--dose", "kidneys=0.91")
    row = json.loads(run(*words, "--json"))["organs"][0]
    assert row["translated_Gy_per_GBq"] == pytest.approx(3.75, rel=0.10)
    run("translate", "--from", "lu177-pentixather", "--to", "y90-pentixather", "--check", code=3)
    assert "--from" in fails("translate", "--to", "Y-90")
    assert "case file" in fails("translate", "--to", "Y-90", "--result", "somewhere")
