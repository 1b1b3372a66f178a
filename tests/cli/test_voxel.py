"""`hemadose voxel` as people call it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.voxel import register
from hemadose.errors import InputError
from hemadose.io.nifti import write_image
from hemadose.model import Grid, Image, Quantity


@pytest.fixture
def app():
    """The command alone, as one of several."""
    made = typer.Typer()
    register(made)
    made.callback()(lambda: None)
    return made


@pytest.fixture
def files(tmp_path):
    """Eight voxels of water, one MBq/ml."""
    grid = Grid.axial(shape=(6, 6, 6), spacing_mm=(5.0,) * 3, origin_mm=(0, 0, 0), frame_of_reference_uid="nifti:image")
    for name, quantity, value in (("ct", Quantity.HOUNSFIELD, 0.0), ("a", Quantity.ACTIVITY_CONCENTRATION, 1e6)):
        values = np.full((6, 6, 6), value, np.float32)
        write_image(Image(values=values, grid=grid, quantity=quantity), tmp_path / f"{name}.nii.gz")
    labels = np.ones((6, 6, 6), np.int32)
    write_image(Image(values=labels, grid=grid, quantity=Quantity.LABEL), tmp_path / "r.nii.gz")
    (tmp_path / "r.json").write_text('{"1": "liver"}')
    return tmp_path


def arguments(files, *more):
    """One image with its half-life, local electrons."""
    return ["voxel", str(files / "a.nii.gz"), "--ct", str(files / "ct.nii.gz"), "--nuclide", "Lu-177", "--hours", "24",
            "--half-life-h", "50", "--method", "local", "--regions", str(files / "r.nii.gz"), *more]  # fmt: skip


def test_json_holds_regions_energy_and_files(app, files):
    """The whole answer on standard output, and the same in the folder."""
    more = ("--json", "--out", str(files / "out"), "--eud", "liver=1", "--dose-level", "1")
    found = CliRunner().invoke(app, arguments(files, *more))
    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    row = answer["regions"][0]
    assert row["gEUD_Gy"] == pytest.approx(row["mean_Gy"])
    assert row["V1Gy_percent"] == 100.0
    assert answer["energy_J"]["left_or_not_counted"] > 0.0
    assert json.loads((files / "out" / "voxel.json").read_text())["regions"] == answer["regions"]


def test_screen_says_mean_energy_and_doubts(app, files):
    """A table, the energy, the doubts."""
    found = CliRunner().invoke(app, arguments(files))
    assert found.exit_code == 0, found.output
    assert "liver" in found.stdout
    assert "J were left in tissue" in found.stdout
    assert "! local: photons" in found.stdout


def test_a_time_too_few_is_bad_input(app, files):
    """The error names the option."""
    found = CliRunner().invoke(app, [*arguments(files), "--hours", "48"])
    assert isinstance(found.exception, InputError)
    assert found.exception.field == "--hours"


def test_a_case_stands_alone(app, files):
    """A case that does not exist, and a case beside images: both say what is wrong."""
    from hemadose.errors import CaseError

    found = CliRunner().invoke(app, ["voxel", "--case", str(files / "none.toml")])
    assert isinstance(found.exception, CaseError)
    assert "case file not found" in str(found.exception)
    found = CliRunner().invoke(app, [*arguments(files), "--case", str(files / "none.toml")])
    assert isinstance(found.exception, CaseError)
    assert "--ct" in found.exception.field
    found = CliRunner().invoke(app, ["voxel"])
    assert isinstance(found.exception, InputError)
    assert found.exception.field == "IMAGE"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (("--eud", "livr=1"), "--eud"),
        (("--dose-level", "nan"), "--dose-level"),
        (("--dose-level", "-1"), "--dose-level"),
    ],
)
def test_what_is_asked_of_regions_must_be_there(app, files, more, field):
    """Nothing that was asked for is left out in silence."""
    found = CliRunner().invoke(app, arguments(files, *more))
    assert isinstance(found.exception, InputError)
    assert found.exception.field == field


@pytest.mark.parametrize("hours", ["-24", "nan", "inf"])
def test_an_image_before_the_injection_is_bad_input(app, files, hours):
    """Taken as it stands, -24 h would halve the dose of a half-life of 50 h."""
    words = [hours if word == "24" else word for word in arguments(files)]
    found = CliRunner().invoke(app, words)
    assert isinstance(found.exception, InputError)
    assert found.exception.field == "--hours"


def test_a_file_that_ends_too_early_is_named(app, files):
    """The header can still be read; the values cannot."""
    path = files / "a.nii.gz"
    path.write_bytes(path.read_bytes()[:-40])
    found = CliRunner().invoke(app, arguments(files))
    assert isinstance(found.exception, InputError)
    assert found.exception.source == str(path)
