"""RT Dose objects: written, read back, and refused where they are no dose."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pydicom
import pytest

from hemadose.errors import DicomError, GeometryError, QuantityError
from hemadose.io.dicom.rtdose import read_rtdose, write_rtdose
from hemadose.model import Grid, Image, Quantity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def dose_image(*, flipped=False, uid="1.2.3"):
    """Random dose with unlike sides; slices towards the head, or towards the feet."""
    values = np.random.default_rng(2).gamma(2.0, 3.0, (4, 5, 6)).astype(np.float32)
    grid = Grid.axial(
        shape=(4, 5, 6), spacing_mm=(3.0, 2.0, 2.5), origin_mm=(-7.0, 11.0, -90.0), frame_of_reference_uid=uid
    )
    if flipped:
        affine = np.array(grid.affine)
        affine[2, 0] *= -1.0
        grid = Grid(shape=grid.shape, affine=affine, frame_of_reference_uid=uid)
    return Image(values=values, grid=grid, quantity=Quantity.ABSORBED_DOSE)


def written(tmp_path, image=None, **changes):
    """A file, with elements changed afterwards."""
    path = tmp_path / "dose.dcm"
    write_rtdose(image or dose_image(), path, written_at=NOW, description="hemadose hybrid Lu-177")
    if changes:
        d = pydicom.dcmread(path)
        for keyword, value in changes.items():
            setattr(d, keyword, value)
        d.save_as(path)
    return path


@pytest.mark.parametrize("flipped", [False, True])
def test_doses_come_back_at_their_places(tmp_path, flipped):
    """Each voxel at its point in the patient, to 32 bits, whichever way the slices run."""
    image = dose_image(flipped=flipped)
    found = read_rtdose(written(tmp_path, image))
    assert found.quantity is Quantity.ABSORBED_DOSE
    index = np.argwhere(np.ones(image.grid.shape, dtype=bool))
    there = np.rint(found.grid.mm_to_index(image.grid.index_to_mm(index))).astype(int)
    assert np.allclose(found.values[tuple(there.T)], image.values[tuple(index.T)], rtol=1e-6)
    assert found.grid.frame_of_reference_uid == "1.2.3"


def test_the_object_says_what_it_is(tmp_path):
    """RT Dose module, PS3.3 C.8.8.3: type 1 elements, and offsets that start at zero and rise."""
    d = pydicom.dcmread(written(tmp_path))
    assert (d.Modality, d.DoseUnits, d.DoseType, d.DoseSummationType) == ("RTDOSE", "GY", "PHYSICAL", "PLAN")
    assert d.SOPClassUID == "1.2.840.10008.5.1.4.1.1.481.2"
    assert (d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation) == (32, 32, 31, 0)
    assert d.FrameIncrementPointer == 0x3004000C
    assert [float(v) for v in d.GridFrameOffsetVector] == [0.0, 3.0, 6.0, 9.0]
    assert float(d.DoseGridScaling) > 0.0
    assert d.pixel_array.max() > 4.29e9
    assert d.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID
    assert (d.PatientName, d.PatientID) == ("", "")


def test_the_same_dose_gives_the_same_file(tmp_path):
    """UIDs follow from the content; another content has others."""
    first = written(tmp_path).read_bytes()
    assert written(tmp_path).read_bytes() == first
    other = dose_image(flipped=True)
    assert (
        pydicom.dcmread(written(tmp_path, other)).SOPInstanceUID
        != pydicom.dcmread(pydicom.filebase.DicomBytesIO(first)).SOPInstanceUID
    )


def test_absolute_offsets_of_other_programs_are_understood(tmp_path):
    """GridFrameOffsetVector may hold positions along the normal (C.8.8.3.2, second case)."""
    relative = read_rtdose(written(tmp_path))
    absolute = read_rtdose(written(tmp_path, GridFrameOffsetVector=[-90.0, -87.0, -84.0, -81.0]))
    assert np.allclose(absolute.grid.affine, relative.grid.affine)


def test_patient_and_study_come_from_the_reference(tmp_path):
    """And the frame of reference, if the dose is of a NIfTI."""
    reference = written(tmp_path, PatientID="pseudonym")
    reference = reference.rename(tmp_path / "reference.dcm")
    path = tmp_path / "again.dcm"
    write_rtdose(dose_image(uid="nifti:image"), path, written_at=NOW, description="x", reference=reference)
    d = pydicom.dcmread(path)
    assert (d.PatientID, d.FrameOfReferenceUID) == ("pseudonym", "1.2.3")
    assert d.StudyInstanceUID == pydicom.dcmread(reference).StudyInstanceUID
    with pytest.raises(GeometryError, match="no DICOM frame"):
        write_rtdose(dose_image(uid="nifti:image"), path, written_at=NOW, description="x")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"DoseUnits": "RELATIVE"}, DicomError, "not in gray"),
        ({"Modality": "CT"}, DicomError, "no RT Dose"),
        ({"DoseGridScaling": "0"}, DicomError, "no scaling"),
        ({"GridFrameOffsetVector": [0.0, 3.0, 9.0, 12.0]}, GeometryError, "evenly spaced"),
        ({"GridFrameOffsetVector": [0.0, 3.0]}, GeometryError, "evenly spaced"),
    ],
)
def test_what_is_no_dose_is_refused(tmp_path, changes, error, message):
    """Each by its element."""
    with pytest.raises(error, match=message):
        read_rtdose(written(tmp_path, **changes))


def test_only_doses_are_written(tmp_path):
    """Counts, negative values, skew slices."""
    image = dose_image()
    counts = Image(values=image.values, grid=image.grid, quantity=Quantity.COUNTS)
    negative = Image(values=-image.values, grid=image.grid, quantity=Quantity.ABSORBED_DOSE)
    for bad in (counts, negative):
        with pytest.raises(QuantityError, match="not negative"):
            written(tmp_path, bad)
    affine = np.array(image.grid.affine)
    affine[0, 0] = 1.0
    skew = Grid(shape=image.grid.shape, affine=affine, frame_of_reference_uid="1.2.3")
    with pytest.raises(GeometryError, match="skew"):
        written(tmp_path, Image(values=image.values, grid=skew, quantity=Quantity.ABSORBED_DOSE))
