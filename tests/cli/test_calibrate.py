"""`hemadose calibrate` as a person runs it: tables, JSON, files, exit through errors."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.calibrate import register
from hemadose.errors import CaseError, InputError
from hemadose.imaging.recovery import sphere_recovery


def run(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


@pytest.fixture
def spheres(tmp_path):
    rows = [f"{d},{sphere_recovery(radius_mm=d / 2, fwhm_mm=12.0):.5f},0.01" for d in (10, 13, 17, 22, 28, 37)]
    path = tmp_path / "spheres.csv"
    path.write_text("diameter_mm,recovery,sd\n" + "\n".join(rows))
    return path


def test_spheres_print_and_write(spheres, tmp_path):
    done = run("spheres", spheres, "--shared-relative-sd", 0.02, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "recovery_alpha_ml" in done.output
    assert "Written:" in done.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["spheres.json", "spheres.svg", "spheres.toml"]
    assert json.loads((tmp_path / "out/spheres.json").read_text())["form"] == "gear2"


def test_spheres_json(spheres):
    done = run("spheres", spheres, "--shared-relative-sd", 0.02, "--form", "gaussian", "--json")
    answer = json.loads(done.stdout)
    assert answer["curve"]["parameters"]["fwhm_mm"]["value"] == pytest.approx(12.0, abs=0.02)
    assert answer["files"] == []
    assert answer["experiment"] == "spheres"


def test_planar_spect_dead_time_and_cross_run(tmp_path):
    source = (
        '[source]\nnuclide = "Lu-177"\nactivity_MBq = 100\nmeasured_at = 2025-03-03T12:00:00Z\n'
        "dose_calibrator_relative_sd = 0.02\n"
    )
    (tmp_path / "runs.csv").write_text("head,started_at,duration_s,counts\n1,2025-03-03T13:00:00Z,300,250000\n")
    (tmp_path / "planar.toml").write_text(f'table = "runs.csv"\n{source}')
    done = run("planar", tmp_path / "planar.toml")
    assert "planar_cps_per_MBq = 8.3" in done.output
    assert "dead time were not corrected" in done.output
    (tmp_path / "spect.toml").write_text(
        f"{source}[sphere]\ndiameter_mm = 60\nfwhm_mm = 12\n[sphere.enlarged]\ncounts = 1.0e6\nrelative_sd = 0.01\n"
        "duration_s = 1200\nstarted_at = 2025-03-03T13:00:00Z\n"
    )
    done = run("spect", tmp_path / "spect.toml")
    assert "spect_cps_per_MBq = 8.3" in done.output
    assert "sphere, enlarged volume" in done.output
    (tmp_path / "two.toml").write_text(
        "".join(
            f"[two_sources.{n}]\ncounts = {c}\nduration_s = 60\n"
            for n, c in (("first", 3e6), ("second", 3e6), ("both", 5.3e6))
        )
    )
    done = run("dead-time", tmp_path / "two.toml")
    assert "spect_dead_time_us" in done.output
    (tmp_path / "cross.toml").write_text(
        "[dial]\nsettings = [400, 450, 500]\nreadings_MBq = [54, 50, 46]\nreference_MBq = 49\n"
        "reference_relative_sd = 0.01\n"
    )
    done = run("cross", tmp_path / "cross.toml")
    assert "Setting 46" in done.output
    assert done.exit_code == 0


def test_errors_reach_the_caller(spheres, tmp_path):
    assert isinstance(run("spheres", spheres).exception, CaseError)
    assert isinstance(run("planar", tmp_path / "none.toml").exception, InputError)


def test_help_names_every_experiment():
    shown = run("--help").output
    assert all(name in shown for name in ("planar", "spect", "spheres", "dead-time", "cross"))
