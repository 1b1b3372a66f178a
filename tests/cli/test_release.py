"""`hemadose release`: published case through the command line, measured patient, waste, what is refused."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.release import register
from hemadose.errors import HemadoseError, InputError, QuantityError, ReferenceDataError

RP3 = ["release", "177Lu", "--activity-GBq", "12.4", "--half-life-h", "30"]


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


def test_rp3_with_german_rules(app):
    """RP3: 11.47 uSv/h at 2 m; 1 mSv in a year at 2 m with physical decay is 4.345 uSv/h (RP1); 48 h govern."""
    told = answer(app, *RP3)
    assert told["dose_rates"][0]["uSv_per_h_2m"] == pytest.approx(11.47, rel=2e-3)
    rules = {r["id"]: r for r in told["rules"]}
    assert set(rules) == {"ward", "year-2m"}
    assert rules["year-2m"]["threshold_uSv_per_h"] == pytest.approx(4.345, rel=1e-3)
    assert rules["year-2m"]["met_after_h"] == pytest.approx(42.0, abs=0.1)
    assert told["governed_by"] == "ward"
    assert told["earliest_release_h"] == 48.0
    assert told["earliest_release_h_if_nothing_is_excreted"] > 200.0
    assert told["constant"]["air_kerma_of_a_point_uGy_per_h_GBq_at_1m"] == pytest.approx(4.29, rel=5e-3)
    assert any("2.4-5.8" in note for note in told["notes"])


def test_rp3_time_with_a_site_rule_of_3_5(app, tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(
        'id = "s"\ntitle = "Site"\n[[rule]]\nid = "r"\ntitle = "3.5"\nkind = "rate"\nvalue = 3.5\nunit = "uSv/h"\n'
        'distance_m = 2.0\nsource = "site"\nevidence = "publication"\n',
        encoding="utf-8",
    )
    told = answer(app, *RP3, "--rules", str(path))
    assert told["earliest_release_h"] == pytest.approx(51.4, rel=2e-3)
    assert told["rules"][0]["activity_GBq"] == pytest.approx(3.784, rel=2e-3)


def test_four_therapies_a_year_keep_the_patient_longer(app):
    told = answer(app, *RP3, "--therapies-per-year", "4")
    rule = next(r for r in told["rules"] if r["id"] == "year-2m")
    assert rule["threshold_uSv_per_h"] == pytest.approx(1.086, rel=1e-3)
    assert told["governed_by"] == "year-2m"


def test_a_planned_release_is_judged(app):
    run(app, *RP3, "--planned-h", "24", "--check", code=3)
    run(app, *RP3, "--planned-h", "48", "--check")


def test_a_measured_dose_rate_sets_the_constant(app):
    told = answer(app, *RP3, "--measured-uSv-h", "5.0", "--measured-m", "2", "--measured-at-h", "30")
    # half is left after 30 h: 5.0 x 4 / 6.2 GBq
    assert told["constant"]["uSv_per_h_GBq_at_1m"] == pytest.approx(20.0 / 6.2, rel=1e-9)
    assert told["constant"]["from"] == "measured on the patient"


def test_people_nearby_and_when_contact_may_start(app):
    told = answer(app, *RP3)
    for row in told["contacts"]:
        assert row["dose_mSv"] < row["if_nothing_is_excreted_mSv"]
        if row["limit_mSv"] is not None:
            assert row["kept"] == (row["dose_mSv"] <= row["limit_mSv"])
            later = answer(app, *RP3, "--planned-h", f"{max(row['limit_kept_from_h'], 48.0)}")
            same = next(r for r in later["contacts"] if r["id"] == row["id"])
            assert same["dose_mSv"] <= row["limit_mSv"] * (1 + 1e-6)


def test_waste_adds_up_and_the_impurity_governs(app):
    told = answer(app, *RP3, "--waste-kg", "5")
    left = 2.0 ** (-48 / 159.528)
    assert told["waste"]["collected_GBq"] == pytest.approx(12.4 * (left - 2.0 ** (-48 / 30)), rel=1e-6)
    assert any("177mLu" in note for note in told["notes"])
    with_trace = answer(app, *RP3, "--waste-kg", "5", "--impurity", "Lu-177m=1e-4")
    assert with_trace["waste"]["storage_d"] > 3 * told["waste"]["storage_d"]
    own = answer(app, *RP3, "--waste-kg", "5", "--clearance-Bq-g", "50")
    assert own["waste"]["storage_d"] - told["waste"]["storage_d"] == pytest.approx(159.528 / 24, rel=1e-6)


def test_iodine_is_computed_and_says_so(app):
    told = answer(app, "release", "I-131", "--activity-GBq", "3.7", "--half-life-h", "40", "--country", "germany")
    assert told["constant"]["uSv_per_h_GBq_at_1m"] == pytest.approx(66.0, rel=0.02)  # 0.066 mSv m2/(GBq h), usual value
    assert any("without the patient's own attenuation" in note for note in told["notes"])
    assert {r["id"] for r in told["rules"]} == {"ward", "year-2m", "iodine-2m"}


def test_text_and_figure(app, tmp_path):
    figure = tmp_path / "release.svg"
    out = run(app, *RP3, "--waste-kg", "5", "--figure", str(figure))
    assert "Earliest release 48.0 h (ward)" in out
    assert "Keep 2 m" in out
    assert figure.read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("more", "error", "match"),
    [
        (["release", "Y-90", "--activity-GBq", "5"], InputError, "hardly any photons"),
        (["release", "Lu-177", "--activity-GBq", "0"], QuantityError, "positive"),
        (["release", "Lu-177", "--activity-GBq", "5", "--half-life-h", "200"], QuantityError, "more slowly"),
        (["release", "Lu-177", "--activity-GBq", "5", "--half-life-h", "-1"], QuantityError, "positive"),
        (["release", "Lu-177", "--activity-GBq", "5", "--share", "1"], InputError, "shares need half-lives"),
        ([*RP3, "--half-life-h", "60"], InputError, "one share each"),
        ([*RP3, "--country", "atlantis"], ReferenceDataError, "no rules of release"),
        ([*RP3, "--measured-uSv-h", "5"], InputError, "needs its time"),
        ([*RP3, "--waste-kg", "0"], InputError, "mass of waste"),
        ([*RP3, "--planned-h", "-1"], InputError, "precedes the administration"),
        ([*RP3, "--figure", "x.bmp"], InputError, "PNG, SVG or PDF"),
        ([*RP3, "--already-mSv", "1"], QuantityError, "nothing of the yearly dose"),
    ],
)
def test_refusals(app, more, error, match):
    assert issubclass(error, HemadoseError)
    with pytest.raises(error, match=match):
        run(app, *more)
