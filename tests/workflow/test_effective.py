"""Effective dose of FDG against publications, and where effective dose is refused."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli import effective as command
from hemadose.errors import InputError, PlanningError, ReferenceDataError
from hemadose.workflow.effective import EffectiveRequest, effective_answer

FDG_H = MappingProxyType(
    {"brain": 0.21, "heart_wall": 0.11, "lungs": 0.079, "liver": 0.13, "bladder_contents": 0.26, "remainder": 1.7}
)
"""Residence times of ICRP 106, recalled."""


@pytest.fixture(scope="module")
def fdg():
    answer = effective_answer(EffectiveRequest(nuclide="F-18", tiac_h=FDG_H))
    return answer, {row["weights"]: row for row in answer["effective"]}


def test_fdg1_mean_of_the_sexes(fdg):
    """FDG1: 0.019 mSv/MBq (ICRP 60), 0.0159 (ICRP 103, voxel phantoms); 5-20 % by the source of S values."""
    _, rows = fdg
    assert rows["ICRP Publication 60"]["mean_mSv_per_MBq"] == pytest.approx(0.019, rel=0.20)
    assert rows["ICRP Publication 103"]["mean_mSv_per_MBq"] == pytest.approx(0.0159, rel=0.20)


def test_fdg1_man(fdg):
    """FDG1: man 0.0166 mSv/MBq with ICRP 103 (the small stylised woman lies 25 % above 0.0153)."""
    _, rows = fdg
    assert rows["ICRP Publication 103"]["male_mSv_per_MBq"] == pytest.approx(0.0166, rel=0.20)
    assert rows["ICRP Publication 103"]["female_mSv_per_MBq"] > rows["ICRP Publication 103"]["male_mSv_per_MBq"]


def test_what_is_replaced_is_listed(fdg):
    answer, rows = fdg
    replaced = {(r["weights"], r["sex"], r["tissue"]) for r in answer["replaced"]}
    assert ("icrp103", "male", "breasts") in replaced
    assert ("icrp103", "female", "breasts") not in replaced, "the woman has them"
    assert ("icrp60", "female", "oesophagus") in replaced
    assert all(0.0 < row["surrogate_share"] < 0.25 for row in rows.values())


def test_an_activity_gives_msv():
    answer = effective_answer(EffectiveRequest(nuclide="F-18", tiac_h=FDG_H, activity_mbq=300.0))
    row = answer["effective"][1]
    assert row["effective_mSv"] == pytest.approx(300.0 * row["mean_mSv_per_MBq"])


def test_residence_times_from_a_table(tmp_path):
    path = tmp_path / "tiac.csv"
    path.write_text("source,tiac_h\n" + "".join(f"{k},{v}\n" for k, v in FDG_H.items()))
    by_table = effective_answer(EffectiveRequest(nuclide="F-18", csv=path, sex="male"))
    by_option = effective_answer(EffectiveRequest(nuclide="F-18", tiac_h=FDG_H, sex="male"))
    assert by_table["effective"] == by_option["effective"]
    assert by_table["effective"][0]["mean_mSv_per_MBq"] is None
    path.write_text("source,tiac_h\nliver,1\nliver,2\n")
    with pytest.raises(InputError, match="given twice"):
        effective_answer(EffectiveRequest(nuclide="F-18", csv=path))


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"agent": "lu177-pentixather", "nuclide": "Lu-177"}, PlanningError, "given for therapy"),
        ({"activity_mbq": 100_000.0}, PlanningError, "does not apply"),
        ({"activity_mbq": -1.0}, InputError, "positive"),
        ({"nuclide": "Ac-225"}, PlanningError, "alpha"),
        ({"sex": "x"}, InputError, "unknown sex"),
        ({"tiac_h": {}}, InputError, "needed once"),
        ({"tiac_h": {"liverr": 1.0}}, ReferenceDataError, "no source liverr"),
        ({"agent": "nothing"}, ReferenceDataError, "unknown agent"),
    ],
)
def test_refusals(more, error, message):
    with pytest.raises(error, match=message):
        effective_answer(EffectiveRequest(**{"nuclide": "F-18", "tiac_h": FDG_H, **more}))


def test_a_therapy_may_be_insisted_on():
    answer = effective_answer(
        EffectiveRequest(
            nuclide="Lu-177",
            tiac_h={"kidneys": 2.0, "remainder": 20.0},
            agent="lu177-pentixather",
            activity_mbq=7400.0,
            even_for_therapy=True,
        )
    )
    assert any("given for therapy" in note for note in answer["notes"])
    assert any("tissues react" in note for note in answer["notes"])


def test_a_diagnostic_agent_is_not_refused():
    answer = effective_answer(
        EffectiveRequest(nuclide="Ga-68", tiac_h={"kidneys": 0.05, "remainder": 1.2}, agent="ga68-pentixafor")
    )
    assert 0.001 < answer["effective"][1]["mean_mSv_per_MBq"] < 0.1


def run(*words):
    app = typer.Typer()
    command.register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["effective", *words])


def test_the_command_prints_numbers_and_json():
    times = [word for name, hours in FDG_H.items() for word in ("--tiac", f"{name}={hours}")]
    shown = run("--nuclide", "F-18", *times)
    assert shown.exit_code == 0
    assert "Tissues replaced or left out" in shown.output
    answer = json.loads(run("--nuclide", "F-18", *times, "--json").output)
    assert answer["tiac_h"] == dict(FDG_H)


@pytest.mark.parametrize("entry", ["liver", "liver=x", "=1"])
def test_the_command_refuses_what_is_no_residence_time(entry):
    failed = run("--nuclide", "F-18", "--tiac", entry)
    assert failed.exit_code != 0
    assert isinstance(failed.exception, InputError)


def test_more_decays_than_there_are_is_refused():
    """All of 68Ga that stays and decays in the body gives 67.71 min / ln 2 = 1.63 h, and no more."""
    assert effective_answer(EffectiveRequest(nuclide="Ga-68", tiac_h={"kidneys": 0.4, "remainder": 1.22}))
    with pytest.raises(InputError, match="more than decay"):
        effective_answer(EffectiveRequest(nuclide="Ga-68", tiac_h={"kidneys": 0.4, "remainder": 1.3}))
