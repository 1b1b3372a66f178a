"""`hemadose reconstruct` in a small app: answer, files, errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.reconstruct import register
from hemadose.errors import DicomError, InputError
from hemadose.io.dicom import DicomIdentity
from hemadose.io.dicom.write_tomo import write_tomo
from hemadose.model import Administration, EnergyWindow, Sex
from hemadose.model.projections import ProjectionSet
from hemadose.refdata.nuclides import nuclide

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def tomo(tmp_path_factory):
    counts = np.random.default_rng(3).poisson(40 * np.hanning(16) ** 2, (3, 24, 6, 16))
    made = ProjectionSet(
        counts=counts,
        windows=(
            EnergyWindow(name="low", lower_kev=166.4, upper_kev=187.2),
            EnergyWindow(name="peak", lower_kev=187.2, upper_kev=228.8),
            EnergyWindow(name="high", lower_kev=228.8, upper_kev=249.6),
        ),
        angle_deg=np.arange(24) * 15.0,
        radius_mm=np.full(24, 240.0),
        bin_mm=9.6,
        slice_mm=9.6,
        frame_duration_s=np.full(24, 20.0),
        started_at=NOON,
        duration_s=240.0,
        nuclide="Lu-177",
        collimator="no such",
        frame_of_reference_uid="2.25.7",
    )
    given = Administration(
        agent="lu177-pentixather", nuclide=nuclide("Lu-177"), measured_activity_bq=7e9, measured_at=NOON,
        residual_activity_bq=0.0, residual_measured_at=NOON, administered_at=NOON,
    )  # fmt: skip
    identity = DicomIdentity(pseudonym="VP-9", sex=Sex.MALE, height_cm=180.0, weight_kg=80.0, study_at=NOON, seed="cli")
    path = tmp_path_factory.mktemp("tomo") / "tomo.dcm"
    write_tomo(made, path, identity=identity, administration=given, series_number=1)
    return path


def run(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    register(app)
    app.command("other")(lambda: None)  # with one command alone, typer drops its name
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["reconstruct", *map(str, arguments)])


def test_json_and_files(tomo, tmp_path):
    done = run(tomo, "--collimator", "none", "--iterations", 2, "--post-filter-mm", 10, "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["unit"] == "counts"
    assert answer["shape"] == [6, 16, 16]
    assert answer["settings"]["post_filter_fwhm_mm"] == 10.0
    assert {p.name for p in tmp_path.iterdir()} == set(answer["files"])
    assert set(answer["files"]) == {"spect.dcm", "spect.nii.gz", "spect.json", "spect.svg"}
    assert json.loads((tmp_path / "spect.json").read_text())["settings"] == answer["settings"]


def test_the_screen_names_doubts_and_files(tomo, tmp_path):
    done = run(tomo, "--collimator", "none", "--iterations", 1, "--scatter", "none", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "! scatter was not corrected" in done.stdout
    assert "spect.dcm" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        (["--collimator", "acme"], InputError, "not in the tables"),
        ([], InputError, "not in the tables"),
        (["--scatter", "magic"], InputError, "no such scatter"),
        (["--zone", "Mars/Base"], InputError, "no such time zone"),
        (["--nuclide", "In-111"], DicomError, "another radionuclide"),
        (["--stored-in", "bottle"], DicomError, "patient or camera"),
        (["--start-angle", "0"], DicomError, "one start angle"),
        (["--ct", "nowhere", "--collimator", "none"], DicomError, "folder not found"),
    ],
)
def test_errors(tomo, tmp_path, arguments, kind, text):
    done = run(tomo, "--out", tmp_path / "out", *arguments)
    assert isinstance(done.exception, kind)
    assert text in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_stated_place_and_radius(tomo, tmp_path):
    done = run(
        tomo, "--collimator", "none", "--iterations", 1, "--radius-mm", 260, "--place-mm", 1, 2, 30,
        "--out", tmp_path, "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    notes = json.loads(done.stdout)["notes"]
    assert "placed as stated" in notes
    assert "the stated radius is used for every view" in notes
