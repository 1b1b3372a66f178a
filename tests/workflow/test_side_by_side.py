"""Two studies and two dose maps side by side, with differences put in on purpose."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.compare import register
from hemadose.dose.dvh import DoseVolume
from hemadose.errors import GeometryError, InputError, QuantityError
from hemadose.io.dose_tables import read_dose_table
from hemadose.io.nifti import write_image
from hemadose.model import Grid, Image, Quantity
from hemadose.workflow.side_by_side import MapComparison, compare_dose_maps, compare_doses_of_organs

# OLINDA/EXM 2 gives mGy/MBq, IDAC the same; 1 mGy/MBq is 1 Gy/GBq, 1 rad/mCi is 0.27027 mGy/MBq (MIRD Primer)
FIRST = (
    "organ,value,unit,sd\nKidneys,0.91,Gy/GBq,0.09\nLiver,0.71,Gy/GBq,0.05\nSpleen,0.58,Gy/GBq,\nLungs,0.02,Gy/GBq,\n"
)
SECOND = "organ,value,unit\nkidneys,1.001,mGy/MBq\nliver,0.781,mGy/MBq\nspleen,0.638,mGy/MBq\nbrain,0.01,mGy/MBq\n"


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "a.csv").write_text(FIRST)
    (tmp_path / "b.csv").write_text(SECOND)
    return tmp_path


def test_ten_percent_more_everywhere(tables):
    answer = compare_doses_of_organs(tables / "a.csv", tables / "b.csv", out=tables / "out")
    assert [r["organ"] for r in answer["organs"]] == ["kidneys", "liver", "spleen"]
    assert [r["ratio"] for r in answer["organs"]] == pytest.approx([1.1] * 3)
    assert answer["organs"][0]["difference_in_SD"] == pytest.approx(0.091 / 0.09)
    assert answer["agreement"]["bias_percent"] == pytest.approx(100.0 * 0.1 / 1.05)
    assert (answer["only_in_first"], answer["only_in_second"]) == (["lungs"], ["brain"])
    assert (tables / "out" / "agreement.svg").read_bytes().startswith(b"<?xml")
    assert (tables / "out" / "comparison.csv").read_text().count("\n") == 4


def test_two_organs_are_too_few_for_limits(tables):
    (tables / "c.csv").write_text("organ,value,unit\nkidneys,1,rad/mCi\nliver,1,rad/mCi\n")
    answer = compare_doses_of_organs(tables / "a.csv", tables / "c.csv")
    assert answer["agreement"] is None
    assert answer["organs"][0]["second_Gy_per_GBq"] == pytest.approx(0.27027, rel=1e-4)
    assert "too few" in answer["notes"][0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("organ,value,unit\nkidneys,1,Gy\n", "unknown unit"),
        ("organ,value,unit\nkidneys,-1,Gy/GBq\n", "negative"),
        ("organ,value,unit\nkidneys,1,Gy/GBq\nKidneys,1,Gy/GBq\n", "again"),
        ("organ,value,unit\nkidneys,x,Gy/GBq\n", "needs a number"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(QuantityError, match=said):
        read_dose_table(tmp_path / "t.csv")


def dose(tmp_path, name, *, factor=1.0, shift_mm=0.0, pitch_mm=4.0):
    """A Gaussian dose of 20 Gy and 20 mm in 96 mm, written as NIfTI."""
    count = int(96.0 / pitch_mm)
    grid = Grid.axial(
        shape=(count,) * 3, spacing_mm=(pitch_mm,) * 3, origin_mm=(0.5 * pitch_mm,) * 3, frame_of_reference_uid="x"
    )
    x = (np.arange(count) + 0.5) * pitch_mm - 48.0
    values = (
        20.0
        * factor
        * np.exp(
            -((x - shift_mm)[None, None, :] ** 2 + x[None, :, None] ** 2 + x[:, None, None] ** 2) / (2.0 * 20.0**2)
        )
    )
    image = Image(values=values.astype(np.float32), grid=grid, quantity=Quantity.ABSORBED_DOSE)
    write_image(image, tmp_path / f"{name}.nii.gz")
    return image


def compared(tmp_path, **more):
    return compare_dose_maps(
        MapComparison(
            reference=tmp_path / "a.nii.gz", evaluated=tmp_path / "b.nii.gz", unit="Gy", same_frame=True, **more
        )
    )


def test_two_percent_passes_and_eight_does_not(tmp_path):
    dose(tmp_path, "a")
    dose(tmp_path, "b", factor=1.02)
    answer = compared(tmp_path)
    assert answer["gamma"]["pass_percent"] == 100.0
    assert answer["whole"]["mean_difference_percent"] == pytest.approx(2.0, abs=0.01)
    dose(tmp_path, "b", factor=1.08)
    assert compared(tmp_path, distance_mm=0.5)["gamma"]["pass_percent"] < 80.0


def test_a_shift_within_the_distance_passes(tmp_path):
    dose(tmp_path, "a")
    dose(tmp_path, "b", shift_mm=2.5)
    assert compared(tmp_path)["gamma"]["pass_percent"] > 99.0
    assert compared(tmp_path, distance_mm=1.0, dose_percent=1.0)["gamma"]["pass_percent"] < 60.0


def test_another_grid_is_resampled_and_said(tmp_path):
    reference = dose(tmp_path, "a")
    dose(tmp_path, "b", pitch_mm=3.0)
    labels = (np.asarray(reference.values) > 10.0).astype(np.int32)
    write_image(Image(values=labels, grid=reference.grid, quantity=Quantity.LABEL), tmp_path / "r.nii.gz")
    (tmp_path / "r.json").write_text('{"1": "lesion_1"}')
    answer = compared(tmp_path, regions=tmp_path / "r.nii.gz", out=tmp_path / "out")
    assert answer["regions"][0]["ratio"] == pytest.approx(1.0, abs=0.02)
    assert answer["regions"][0]["gamma_pass_percent"] == 100.0
    assert any("linearly" in n for n in answer["notes"])
    for name in ("gamma.nii.gz", "gamma.svg", "regions.csv", "comparison.json"):
        assert (tmp_path / "out" / name).exists()


def test_frames_units_and_places_are_not_guessed(tmp_path):
    dose(tmp_path, "a")
    dose(tmp_path, "b")
    paths = {"reference": tmp_path / "a.nii.gz", "evaluated": tmp_path / "b.nii.gz"}
    with pytest.raises(InputError, match="unit"):
        compare_dose_maps(MapComparison(**paths, same_frame=True))
    with pytest.raises(GeometryError, match="frames of reference"):
        compare_dose_maps(MapComparison(**paths, unit="Gy"))
    far = Grid.axial(shape=(4, 4, 4), spacing_mm=(4.0,) * 3, origin_mm=(900.0,) * 3, frame_of_reference_uid="x")
    values = np.ones((4, 4, 4), np.float32)
    write_image(Image(values=values, grid=far, quantity=Quantity.ABSORBED_DOSE), tmp_path / "b.nii.gz")
    with pytest.raises(GeometryError, match="overlap"):
        compared(tmp_path)


def test_the_commands_as_people_call_them(tables):
    app = typer.Typer()
    register(app)
    shown = CliRunner().invoke(app, ["compare", str(tables / "a.csv"), str(tables / "b.csv")])
    assert shown.exit_code == 0, shown.output
    assert "limits of agreement" in shown.output
    dose(tables, "a")
    dose(tables, "b")
    maps = [
        "compare-maps",
        str(tables / "a.nii.gz"),
        str(tables / "b.nii.gz"),
        "--unit",
        "Gy",
        "--same-frame",
        "--json",
    ]
    found = CliRunner().invoke(app, maps)
    assert json.loads(found.stdout)["gamma"]["pass_percent"] == 100.0


def test_d95_is_that_of_the_histogram(tmp_path):
    """Regions of few voxels: D95 of `compare-maps` and of `hemadose voxel` (`dose.dvh`) are one number."""
    image = dose(tmp_path, "a")
    dose(tmp_path, "b", factor=1.02)
    labels = np.zeros(image.grid.shape, np.int32)
    labels[12, 12, 8:17] = 1
    write_image(Image(values=labels, grid=image.grid, quantity=Quantity.LABEL), tmp_path / "r.nii.gz")
    (tmp_path / "r.json").write_text('{"1": "lesion_1"}')
    (row,) = compared(tmp_path, regions=tmp_path / "r.nii.gz")["regions"]
    inside = np.sort(np.asarray(image.values, dtype=np.float64)[labels > 0])
    histogram = DoseVolume(region="lesion_1", sorted_gy=inside, voxel_ml=0.064, mean_sd_gy=0.0)
    assert row["reference_D95_Gy"] == pytest.approx(histogram.dose_at_percent(95.0), rel=1e-6)
    assert row["reference_D95_Gy"] != pytest.approx(np.percentile(inside, 5.0), rel=1e-6)
