"""`hemadose nuclide` in a small app: answers, figure files, errors."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.nuclide import register
from hemadose.errors import InputError, ReferenceDataError
from hemadose.workflow.emissions import draw_spectrum, nuclide_facts


def run(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    register(app)
    app.command("other")(lambda: None)  # with one command alone, typer drops its name
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["nuclide", *map(str, arguments)])


def answer(*arguments):
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


# local deposition of electrons, g Gy/(MBq h), from ICRP 107 energies (project's physics reference)
@pytest.mark.parametrize(
    ("name", "constant"), [("Lu-177", 0.085320), ("Y-90", 0.5382), ("I-131", 0.11065), ("Re-188", 0.44951)]
)
def test_local_deposition(name, constant):
    local = nuclide_facts(name)["local_deposition_g_Gy_per_MBq_h"]
    assert local["electrons"] == pytest.approx(constant, rel=1e-4)
    assert local["electrons_and_alpha"] == local["electrons"]


def test_alpha_particles_have_their_own_constant():
    """225Ac 5787 keV of alpha particles, 24.8 keV of electrons; 1 keV per decay is 5.76784e-4 g Gy/(MBq h)."""
    facts = nuclide_facts("Ac-225")
    assert facts["local_deposition_g_Gy_per_MBq_h"]["electrons_and_alpha"] == pytest.approx(
        (5787.2 + 24.76) * 5.76784e-4, rel=1e-4
    )


def test_json_holds_what_the_person_reads():
    facts = answer("177Lu", "--min-yield", 0.001)
    assert facts["nuclide"] == "Lu-177"
    assert facts["half_life_h"] == pytest.approx(159.528)
    assert facts["energy_keV"]["electrons"] == pytest.approx(147.92, rel=1e-4)
    assert facts["energy_keV"]["photons"] == pytest.approx(35.10, rel=1e-3)
    assert facts["decays"] == [{"mode": "β-", "fraction": 1.0, "daughter": "Hf-177", "half_life": "stable"}]
    (beta,) = facts["betas"]
    assert beta["end_point_keV"] == pytest.approx(497.8)
    assert beta["mean_keV"] == pytest.approx(133.27, rel=1e-3)
    assert facts["spectrum"] is None
    assert "ICRP Publication 107" in facts["source"]


def test_lines_are_ordered_and_cut_but_sums_are_not():
    many, few = nuclide_facts("I-131", min_yield=0.0), nuclide_facts("I-131", min_yield=0.05)
    assert many["lines_left_out"] == 0
    assert len(few["lines"]) + few["lines_left_out"] == len(many["lines"])
    assert all(row["yield"] >= 0.05 for row in few["lines"])
    carried = [row["keV_per_decay"] for row in many["lines"]]
    assert carried == sorted(carried, reverse=True)
    lines_and_betas = sum(carried) + sum(b["yield"] * b["mean_keV"] for b in many["betas"])
    assert lines_and_betas == pytest.approx(many["energy_keV"]["total"])
    assert few["energy_keV"] == many["energy_keV"]
    assert many["lines"][0]["energy_keV"] == pytest.approx(364.49, abs=0.01)


def test_classes_add_up():
    energy = nuclide_facts("Cu-64")["energy_keV"]
    parts = energy["beta_minus"] + energy["beta_plus"] + energy["conversion_electrons"] + energy["auger_electrons"]
    assert parts == pytest.approx(energy["electrons"])
    assert energy["gamma"] + energy["x_rays"] + energy["annihilation"] == pytest.approx(energy["photons"])
    assert energy["beta_plus"] == pytest.approx(0.174083 * 278.22, rel=1e-6)  # ICRP 107: 17.41 %, mean 278.2 keV


def test_chain_names_members_and_the_nuclide_of_each_line():
    alone, chain = answer("Ac-225"), answer("Ac-225", "--chain")
    assert alone["chain_members"] == []
    assert {m["daughter"] for m in chain["chain_members"]} == {
        "Fr-221", "At-217", "Bi-213", "Po-213", "Tl-209", "Pb-209",
    }  # fmt: skip
    assert {row["nuclide"] for row in alone["lines"]} == {"Ac-225"}
    assert {row["nuclide"] for row in chain["lines"]} > {"Ac-225", "Fr-221", "At-217"}
    lines = sum(row["keV_per_decay"] for row in nuclide_facts("Ac-225", chain=True, min_yield=0.0)["lines"])
    betas = sum(b["yield"] * b["mean_keV"] for b in chain["betas"])
    assert lines + betas == pytest.approx(chain["energy_keV"]["total"])


def test_text_for_people():
    text = run("I-131").stdout
    for part in ("half-life 8.021 d", "Xe-131m", "364.5", "beta minus", "0.11065 g Gy/(MBq h)", "! daughters not"):
        assert part in text, part
    assert "alpha" not in text
    chain = run("Pb-212", "--chain").stdout
    for part in ("with its daughters", "Bi-212", "0.6406", "electrons and alpha particles", "7802"):
        assert part in chain, part


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_spectrum_is_written(tmp_path, suffix, start):
    path = tmp_path / f"lu.{suffix}"
    done = run("Lu-177", "--spectrum", path)
    assert done.exit_code == 0, done.output
    assert str(path) in done.stdout
    first = path.read_bytes()
    assert first.startswith(start)
    draw_spectrum("Lu-177", path, min_yield=0.001)
    assert path.read_bytes() == first


def test_other_formats_are_refused(tmp_path):
    done = run("Lu-177", "--spectrum", tmp_path / "lu.gif")
    assert isinstance(done.exception, InputError)
    assert ".svg" in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_unknown_nuclide_and_negative_yield():
    assert isinstance(run("Lu-999").exception, ReferenceDataError)
    assert "Lu-177" in str(run("Lu-17").exception)
    assert isinstance(run("Lu-177", "--min-yield", "-1").exception, InputError)


def test_fission_is_a_branch():
    assert {row["daughter"]: row["half_life"] for row in nuclide_facts("Cf-252")["decays"]} == {
        "Cm-248": "3.48e+05 y",
        "fission fragments": None,
    }
