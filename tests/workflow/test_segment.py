"""Regions made, measured and written by one call, on made-up images and on the real labelled CT."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import InputError, RegionError
from hemadose.io.dicom import DicomIdentity, read_ct_series, read_regions, write_ct_series
from hemadose.io.label_maps import write_label_regions
from hemadose.io.nifti import read_label_regions, write_image
from hemadose.model import Grid, Image, Quantity, Region, Sex
from hemadose.workflow.image_files import load_image, load_regions
from hemadose.workflow.region_rows import read_density_curve
from hemadose.workflow.segment import SegmentRequest, segment

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "ct-labelled"
NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)
FRAME = "nifti:image"
GRID = Grid.axial(
    shape=(40, 40, 40), spacing_mm=(3.0, 3.0, 3.0), origin_mm=(-58.5, -58.5, 0), frame_of_reference_uid=FRAME
)


def ball(centre, radius_mm):
    index = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij"), axis=-1)
    return np.linalg.norm(GRID.index_to_mm(index) - np.asarray(centre), axis=-1) <= radius_mm


@pytest.fixture
def emission(tmp_path):
    """Two touching hot balls of unlike size and a third one apart, Bq/ml."""
    values = np.full(GRID.shape, 100.0, dtype=np.float32)
    values[ball((-12, 0, 60), 15.0)] = 5000.0
    values[ball((12, 0, 60), 12.0)] = 4000.0
    values[ball((0, 0, 20), 8.0)] = 3000.0
    path = tmp_path / "spect.nii.gz"
    write_image(Image(values=values, grid=GRID, quantity=Quantity.ACTIVITY_CONCENTRATION), path)
    return path


@pytest.fixture
def ct(tmp_path):
    hu = np.full(GRID.shape, 40.0, dtype=np.float32)
    path = tmp_path / "ct.nii.gz"
    write_image(Image(values=hu, grid=GRID, quantity=Quantity.HOUNSFIELD), path)
    return path


def test_threshold_split_measure_and_write(tmp_path, emission, ct):
    answer = segment(
        SegmentRequest(image=emission, quantity="Bq/ml", threshold=2000.0, split_mm=15.0, name="lesion", ct=ct,
                       out=tmp_path / "seg.nii.gz")
    )  # fmt: skip
    rows = answer["regions"]
    assert [r["name"] for r in rows] == ["lesion_1", "lesion_2", "lesion_3"]
    assert rows[0]["volume_ml"] == pytest.approx(4.19 * 1.5**3, rel=0.08)
    assert rows[0]["maximum"] == 5000.0
    assert rows[2]["volume_ml"] == pytest.approx(4.19 * 0.8**3, rel=0.15)
    assert rows[2]["total_MBq"] == pytest.approx(3000.0 * rows[2]["volume_ml"] * 1e-6)
    # Schneider 2000, 40 HU: 1.003 + 1.169e-3 x 40
    assert rows[0]["mass_g"] == pytest.approx(rows[0]["volume_ml"] * 1.0498, rel=1e-3)
    back = read_label_regions(tmp_path / "seg.nii.gz", reference=GRID)
    assert [r.volume_ml for r in back] == pytest.approx([r["volume_ml"] for r in rows])
    assert json.loads((tmp_path / "seg.json").read_text()) == {"1": "lesion_1", "2": "lesion_2", "3": "lesion_3"}


def test_least_volume_percent_adaptive_and_growing(emission):
    base = {"image": emission, "quantity": "Bq/ml"}
    small = segment(SegmentRequest(**base, threshold=2000.0, split_mm=15.0, least_ml=5.0))
    assert len(small["regions"]) == 2
    with pytest.raises(RegionError, match="as large"):
        segment(SegmentRequest(**base, threshold=2000.0, split_mm=15.0, least_ml=500.0))
    percent = segment(SegmentRequest(**base, percent=90.0))
    assert percent["regions"][0]["volume_ml"] == pytest.approx(4.19 * 1.5**3, rel=0.1)
    adaptive = segment(SegmentRequest(**base, adaptive_fwhm_mm=3.0, background=100.0))
    assert "adaptive threshold at" in adaptive["notes"][0]
    grown = segment(SegmentRequest(**base, grow=((0.0, 0.0, 20.0),), lower=2500.0))
    assert grown["regions"][0]["maximum"] == 3000.0
    with pytest.raises(InputError, match="lower limit"):
        segment(SegmentRequest(**base, grow=((0.0, 0.0, 20.0),)))


def test_search_volume(tmp_path, emission):
    write_label_regions([Region(name="near", mask=ball((0, 0, 20), 15.0), grid=GRID),
                         Region(name="far", mask=ball((0, 0, 90), 10.0), grid=GRID)], tmp_path / "in.nii.gz")  # fmt: skip
    base = {"image": emission, "quantity": "Bq/ml", "percent": 50.0, "within": tmp_path / "in.nii.gz"}
    assert segment(SegmentRequest(**base, within_name="near"))["regions"][0]["maximum"] == 3000.0
    with pytest.raises(InputError, match="name the one region"):
        segment(SegmentRequest(**base))
    with pytest.raises(InputError, match="no such region"):
        segment(SegmentRequest(**base, within_name="other"))


def test_one_way_must_be_chosen(emission):
    with pytest.raises(InputError, match="choose one way"):
        segment(SegmentRequest(image=emission, quantity="Bq/ml"))
    with pytest.raises(InputError, match="choose one way") as caught:
        segment(SegmentRequest(image=emission, quantity="Bq/ml", threshold=1.0, percent=40.0))
    assert "--threshold, --percent" in str(caught.value)


def test_nifti_needs_its_unit_and_has_no_dicom_series(tmp_path, emission):
    with pytest.raises(InputError, match="what its values are"):
        segment(SegmentRequest(image=emission, threshold=1.0))
    with pytest.raises(InputError, match="belong to a DICOM series"):
        segment(SegmentRequest(image=emission, quantity="counts", threshold=1.0, out=tmp_path / "seg.dcm"))
    with pytest.raises(InputError, match="unknown format"):
        segment(SegmentRequest(image=emission, quantity="counts", threshold=1.0, out=tmp_path / "x.nii.gz",
                               out_format="stl"))  # fmt: skip
    with pytest.raises(InputError, match="no such file"):
        segment(SegmentRequest(image=tmp_path / "none.nii.gz", threshold=1.0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        load_image(tmp_path / "empty")
    with pytest.raises(InputError, match="no such file"):
        load_regions(tmp_path / "none", reference=GRID)


@pytest.mark.parametrize("kind", ["seg", "rtstruct"])
def test_dicom_in_and_out(tmp_path, kind):
    grid = Grid.axial(
        shape=GRID.shape, spacing_mm=(3, 3, 3), origin_mm=(-58.5, -58.5, 0), frame_of_reference_uid="2.25.9"
    )
    hu = np.where(ball((0, 0, 60), 20.0) | ball((0, 0, 100), 10.0), 60.0, -100.0).astype(np.int16)
    identity = DicomIdentity(pseudonym="VP-2", sex=Sex.MALE, height_cm=180, weight_kg=80, study_at=NOW, seed="seg")
    write_ct_series(Image(values=hu, grid=grid, quantity=Quantity.HOUNSFIELD), tmp_path / "ct", identity=identity,
                    acquired_at=NOW)  # fmt: skip
    out = tmp_path / "regions.dcm"
    answer = segment(
        SegmentRequest(image=tmp_path / "ct", threshold=0.0, least_ml=1.0, name="part", out=out, out_format=kind),
        now=NOW,
    )  # fmt: skip
    back, other = read_regions(out, reference=read_ct_series(tmp_path / "ct").grid)
    assert (back.name, other.name) == ("part_1", "part_2")
    assert back.volume_ml == pytest.approx(answer["regions"][0]["volume_ml"])
    assert answer["regions"][0]["mass_g"] == pytest.approx(back.volume_ml * (1.003 + 1.169e-3 * 60), rel=1e-3)


def test_density_curve_file(tmp_path, ct):
    (tmp_path / "curve.csv").write_text("hounsfield,g_per_ml\n0,0.998\n-1000,0.001\n800,1.5\n")
    curve = read_density_curve(tmp_path / "curve.csv")
    assert curve.hounsfield == (-1000.0, 0.0, 800.0)
    answer = segment(SegmentRequest(image=ct, quantity="HU", threshold=0.0, density_curve=tmp_path / "curve.csv"))
    assert answer["regions"][0]["density_g_per_ml"] == pytest.approx(0.998 + 40 / 800 * 0.502)
    assert any("end of the image" in n for n in answer["notes"])
    (tmp_path / "bad.csv").write_text("hounsfield,g_per_ml\n0,dense\n1,1\n")
    with pytest.raises(InputError, match="no number"):
        read_density_curve(tmp_path / "bad.csv")


@pytest.mark.skipif(not DATA.exists(), reason="the labelled CT is not at hand")
def test_spheres_and_organs_of_a_real_ct(tmp_path):
    base = {"image": DATA / "example_ct.nii.gz", "quantity": "HU"}
    labels = DATA / "example_ct_vertebrae.nii.gz"
    answer = segment(
        SegmentRequest(**base, marrow_spheres=labels, out=tmp_path / "s.nii.gz", figure=tmp_path / "s.png")
    )
    assert [r["name"] for r in answer["regions"]] == ["marrow_sphere_l2", "marrow_sphere_l3", "marrow_sphere_l4"]
    assert all(9.0 <= s["radius_mm"] <= 10.0 for s in answer["spheres"])
    assert all(1.05 < r["density_g_per_ml"] < 1.15 for r in answer["regions"])
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(RegionError, match="hip_left"):
        segment(SegmentRequest(**base, marrow_spheres=labels, sites=("hip_left",)))
    sm = {"image": DATA / "example_ct_sm.nii.gz", "quantity": "HU"}
    organs = segment(
        SegmentRequest(**sm, totalsegmentator_labels=DATA / "example_seg.nii.gz", classes=("liver", "spleen"))
    )  # fmt: skip
    assert {r["name"]: round(r["density_g_per_ml"], 2) for r in organs["regions"]} == {"liver": 1.06, "spleen": 1.04}
    assert any("liver reaches the end" in n for n in organs["notes"])
