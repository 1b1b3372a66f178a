"""`hemadose segment` in a small app: tables, JSON, files, wrong options."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.segment import register
from hemadose.errors import InputError
from hemadose.io.label_maps import write_label_regions
from hemadose.io.nifti import write_image
from hemadose.model import Grid, Image, Quantity, Region

GRID = Grid.axial(shape=(30, 30, 30), spacing_mm=(2, 2, 2), origin_mm=(0, 0, 0), frame_of_reference_uid="nifti:image")


def run(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    register(app)
    app.command("other")(lambda: None)  # with one command alone, typer drops its name
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["segment", *map(str, arguments)])


@pytest.fixture
def ct(tmp_path):
    """A vertebra of spongiosa in cortex, in soft tissue."""
    hu = np.full(GRID.shape, 30.0, dtype=np.float32)
    bone = np.zeros(GRID.shape, dtype=bool)
    bone[4:26, 4:26, 4:26] = True
    hu[bone] = 500.0
    hu[5:25, 5:25, 5:25] = 140.0
    write_image(Image(values=hu, grid=GRID, quantity=Quantity.HOUNSFIELD), tmp_path / "ct.nii.gz")
    write_label_regions([Region(name="lumbar_l3", mask=bone, grid=GRID)], tmp_path / "bones.nii.gz")
    return tmp_path


def test_text_for_people(ct):
    done = run(ct / "ct.nii.gz", "--quantity", "HU", "--threshold", 100, "--name", "bone", "--out", ct / "seg.nii.gz")
    assert done.exit_code == 0, done.output
    for part in ("Regions", "bone", "volume ml", "mass g", f"Written: {ct / 'seg.nii.gz'}", "seg.json"):
        assert part in done.stdout, part
    assert (ct / "seg.json").exists()


def test_json_spheres_and_figure(ct):
    done = run(ct / "ct.nii.gz", "--quantity", "HU", "--marrow-spheres", ct / "bones.nii.gz", "--site", "lumbar_l3",
               "--radius-mm", 8, "--figure", ct / "look.svg", "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    (sphere,) = answer["spheres"]
    assert sphere["radius_mm"] == 8.0
    assert np.allclose(sphere["centre_mm"], 29.0, atol=1.5)
    assert answer["regions"][0]["name"] == "marrow_sphere_l3"
    assert (ct / "look.svg").read_text().startswith("<?xml")


def test_landmarks(ct):
    done = run(ct / "ct.nii.gz", "--quantity", "HU", "--landmark", "lumbar_l3=28,30,29", "--radius-mm", 8)
    assert done.exit_code == 0, done.output
    assert "marrow_sphere_l3" in done.stdout


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--grow", "1,2"), "three numbers"),
        (("--landmark", "1,2,3"), "name=x,y,z"),
        (("--figure", "x.gif", "--threshold", "1"), ".png"),
        ((), "choose one way"),
        (("--marrow-spheres", "none.nii.gz"), "no such file"),
    ],
)
def test_wrong_options(ct, options, part):
    done = run(ct / "ct.nii.gz", "--quantity", "HU", *options)
    assert isinstance(done.exception, InputError)
    assert part in str(done.exception)
