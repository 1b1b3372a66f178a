"""`hemadose register` in a small app: text, JSON, errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.register import register
from hemadose.errors import InputError
from hemadose.io.nifti import write_image
from hemadose.model import Grid, Image, Quantity

pytest.importorskip("SimpleITK", reason="the extra 'registration' is not installed")


def run(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    register(app)
    app.command("other")(lambda: None)  # with one command alone, typer drops its name
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["register", *map(str, arguments)])


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A SPECT of three warm ellipsoids, and the same 10 mm to the left."""
    folder = tmp_path_factory.mktemp("spect")
    index = np.stack(np.meshgrid(*(np.arange(n) for n in (32, 36, 40)), indexing="ij"), axis=-1) * 5.0
    values = np.zeros((32, 36, 40))
    for (z, y, x), (c, b, a), top in (((80, 90, 60), (40, 30, 35), 60), ((60, 110, 130), (30, 15, 15), 200),
                                      ((100, 90, 150), (25, 20, 20), 120)):  # fmt: skip
        d = ((index[..., 0] - z) / c) ** 2 + ((index[..., 1] - y) / b) ** 2 + ((index[..., 2] - x) / a) ** 2
        values += top * np.exp(-0.7 * d)
    for name, shift, seed in (("first", 0.0, 1), ("second", 10.0, 2)):
        counts = np.random.default_rng(seed).poisson(values).astype(np.float32)
        grid = Grid.axial(shape=values.shape, spacing_mm=(5, 5, 5), origin_mm=(shift, 0, 0), frame_of_reference_uid="x")
        write_image(Image(values=counts, grid=grid, quantity=Quantity.COUNTS), folder / f"{name}.nii.gz")
    return folder


def test_json(pair, tmp_path):
    done = run(pair / "first.nii.gz", pair / "second.nii.gz", "--quantity", "counts", "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert np.allclose(answer["shift_mm"], (10.0, 0.0, 0.0), atol=1.0)
    assert answer["quality"]["metric"] == "correlation"
    assert (tmp_path / "registration.png").exists()


def test_text_for_people(pair, tmp_path):
    done = run(pair / "first.nii.gz", pair / "second.nii.gz", "--quantity", "counts", "--no-inverse", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    for part in ("Rotation", "shift at the centre", "correlation inside the body, after", "Written:"):
        assert part in done.stdout, part


def test_wrong_options(pair, tmp_path):
    two = (pair / "first.nii.gz", pair / "second.nii.gz", "--out", tmp_path)
    assert isinstance(run(*two).exception, InputError)  # the unit of a NIfTI is not guessed
    assert "unknown kind" in str(run(*two, "--quantity", "counts", "--kind", "affine").exception)
    assert "unknown metric" in str(run(*two, "--quantity", "counts", "--metric", "beauty").exception)
    assert "no such file" in str(run(pair / "none.nii.gz", pair / "first.nii.gz", "--quantity", "counts").exception)
