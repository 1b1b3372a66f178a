"""Regions out and in again: label maps with names, SEG and RTSTRUCT of a series from outside."""

from __future__ import annotations

from datetime import UTC, datetime

import nibabel
import numpy as np
import pydicom
import pytest

from hemadose.errors import DicomError, GeometryError, InputError, RegionError
from hemadose.io.dicom import DicomIdentity, read_ct_series, read_regions, write_ct_series
from hemadose.io.dicom.write_regions import write_regions_for_series
from hemadose.io.label_maps import embedded_names, write_label_regions
from hemadose.io.nifti import read_label_regions
from hemadose.model import Grid, Image, Quantity, Region, Sex

NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)
GRID = Grid.axial(
    shape=(12, 20, 24), spacing_mm=(3.0, 2.0, 2.0), origin_mm=(-20, -10, 40), frame_of_reference_uid="1.2.7"
)


def region(name, low, high, grid=GRID):
    mask = np.zeros(grid.shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return Region(name=name, mask=mask, grid=grid)


LIVER = region("liver", (2, 3, 3), (10, 15, 10))
KIDNEY = region("kidney_left", (3, 6, 14), (9, 14, 20))
SPHERE = region("marrow_sphere_l2", (4, 5, 5), (7, 9, 9))  # inside the liver: overlaps it


@pytest.fixture
def ct_files(tmp_path):
    values = np.random.default_rng(0).integers(-100, 300, GRID.shape).astype(np.int16)
    identity = DicomIdentity(pseudonym="VP-9", sex=Sex.FEMALE, height_cm=165, weight_kg=60, study_at=NOW, seed="out")
    write_ct_series(Image(values=values, grid=GRID, quantity=Quantity.HOUNSFIELD), tmp_path / "ct", identity=identity,
                    acquired_at=NOW)  # fmt: skip
    return sorted((tmp_path / "ct").iterdir())


def test_label_map_round_trip(tmp_path):
    written = write_label_regions([LIVER, KIDNEY], tmp_path / "seg.nii.gz")
    assert [p.name for p in written] == ["seg.nii.gz", "seg.json"]
    back = {r.name: r for r in read_label_regions(written[0], reference=GRID)}
    assert np.array_equal(back["liver"].mask, LIVER.mask)
    assert np.array_equal(back["kidney_left"].mask, KIDNEY.mask)


def test_label_map_refuses_what_it_cannot_hold(tmp_path):
    with pytest.raises(RegionError, match="overlap") as caught:
        write_label_regions([LIVER, SPHERE], tmp_path / "seg.nii.gz")
    assert "SEG" in str(caught.value)
    with pytest.raises(RegionError, match="one name"):
        write_label_regions([LIVER, LIVER], tmp_path / "seg.nii.gz")
    with pytest.raises(RegionError, match="no region"):
        write_label_regions([], tmp_path / "seg.nii.gz")
    with pytest.raises(InputError, match="NIfTI"):
        write_label_regions([LIVER], tmp_path / "seg.mha")
    assert not list(tmp_path.glob("seg*"))


def test_names_in_the_header(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3), dtype=np.uint8), np.eye(4))
    xml = ('<?xml version="1.0"?><CaretExtension><VolumeInformation Index="0"><LabelTable>'
           '<Label Key="5" Red="1" Green="0" Blue="0" Alpha="1"><![CDATA[liver]]></Label>\n'
           '<Label Key="29" Red="1" Green="0" Blue="0" Alpha="1"><![CDATA[vertebrae_L3]]></Label>'
           "</LabelTable></VolumeInformation></CaretExtension>")  # fmt: skip
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, xml.encode()))
    nibabel.save(image, tmp_path / "named.nii.gz")
    assert embedded_names(tmp_path / "named.nii.gz") == {5: "liver", 29: "vertebrae_L3"}
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), dtype=np.uint8), np.eye(4)), tmp_path / "bare.nii.gz")
    assert embedded_names(tmp_path / "bare.nii.gz") == {}
    (tmp_path / "broken.nii.gz").write_bytes(b"no")
    with pytest.raises(InputError):
        embedded_names(tmp_path / "broken.nii.gz")
    with pytest.raises(InputError, match="not found"):
        embedded_names(tmp_path / "none.nii.gz")


@pytest.mark.parametrize("kind", ["seg", "rtstruct"])
def test_dicom_regions_belong_to_the_series(tmp_path, ct_files, kind):
    """Overlapping regions survive; patient, study and frame are those of the CT; a repeat gives the same file."""
    path = tmp_path / "regions.dcm"
    write_regions_for_series([LIVER, KIDNEY, SPHERE], path, source_files=ct_files, kind=kind, drawn_at=NOW)
    d, source = pydicom.dcmread(path), pydicom.dcmread(ct_files[0])
    assert (d.PatientID, d.StudyInstanceUID) == (source.PatientID, source.StudyInstanceUID)
    assert d.Modality == kind.upper()
    grid = read_ct_series(tmp_path / "ct").grid
    back = {r.name: r for r in read_regions(path, reference=grid)}
    for one in (LIVER, KIDNEY, SPHERE):
        assert np.array_equal(back[one.name].mask, one.mask), one.name
    if kind == "rtstruct":
        series = d.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
        assert series.SeriesInstanceUID == source.SeriesInstanceUID
        found = {i.ReferencedSOPInstanceUID for i in series.ContourImageSequence}
        assert found == {pydicom.dcmread(p).SOPInstanceUID for p in ct_files}
        first = path.read_bytes()
        write_regions_for_series([LIVER, KIDNEY, SPHERE], path, source_files=ct_files, kind=kind, drawn_at=NOW)
        assert path.read_bytes() == first


def test_foreign_series_and_unknown_kinds_are_refused(tmp_path, ct_files):
    other = Grid.axial(shape=GRID.shape, spacing_mm=(3, 2, 2), origin_mm=(0, 0, 0), frame_of_reference_uid="1.9")
    away = region("liver", (2, 3, 3), (10, 15, 10), other)
    with pytest.raises(GeometryError, match="another frame"):
        write_regions_for_series([away], tmp_path / "x.dcm", source_files=ct_files, kind="seg", drawn_at=NOW)
    with pytest.raises(DicomError, match="SEG or RTSTRUCT"):
        write_regions_for_series([LIVER], tmp_path / "x.dcm", source_files=ct_files, kind="stl", drawn_at=NOW)
    with pytest.raises(DicomError, match="no series"):
        write_regions_for_series([LIVER], tmp_path / "x.dcm", source_files=[], kind="seg", drawn_at=NOW)


def test_one_segment_alone_is_read_back(tmp_path, ct_files):
    """A writer puts what all frames share, here the only segment, into the shared groups."""
    path = tmp_path / "one.dcm"
    write_regions_for_series([LIVER], path, source_files=ct_files, kind="seg", drawn_at=NOW)
    (back,) = read_regions(path, reference=LIVER.grid)
    np.testing.assert_array_equal(back.mask, LIVER.mask)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.5, 0.6, 0.7, 0.8])
@pytest.mark.parametrize("kind", ["seg", "rtstruct"])
def test_a_file_cut_short_is_refused_and_named(tmp_path, ct_files, kind, share):
    """Never a smaller region, and never one region less."""
    path = tmp_path / "regions.dcm"
    write_regions_for_series([LIVER, KIDNEY, SPHERE], path, source_files=ct_files, kind=kind, drawn_at=NOW)
    grid = read_ct_series(tmp_path / "ct").grid
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises((DicomError, GeometryError)) as caught:  # without its frame of reference: GeometryError
        read_regions(path, reference=grid)
    assert str(path) in str(caught.value)
