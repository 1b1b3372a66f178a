"""Dose maps as RT Dose objects: 32 bits, gray, on the patient's frame of reference.

References
----------
DICOM PS3.3 A.18.3 (RT Dose IOD), C.8.8.3 (RT Dose module: DoseGridScaling, GridFrameOffsetVector by frames' offset from
the first along the normal).
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import DicomError, GeometryError, QuantityError
from hemadose.io.dicom.ct import orientation_text
from hemadose.io.dicom.headers import need, open_dataset
from hemadose.io.dicom.identity import dicom_date, dicom_time, save
from hemadose.model import Grid, Image, Quantity
from hemadose.provenance import __version__

RT_DOSE_STORAGE = "1.2.840.10008.5.1.4.1.1.481.2"
_LARGEST = 2**32 - 1
_STUDY = (
    "SpecificCharacterSet", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "PatientSize", "PatientWeight", "PatientIdentityRemoved", "DeidentificationMethod", "StudyInstanceUID", "StudyDate",
    "StudyTime", "StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_TYPE_2 = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


def write_rtdose(
    dose: Image,
    path: Path,
    *,
    written_at: datetime,
    description: str,
    reference: Path | None = None,
    error: bool = False,
) -> None:
    """Write a dose map.

    Parameters
    ----------
    dose : Image
        In Gy, not negative; slices at right angles to rows and columns.
    path : Path
        File to write.
    written_at : datetime
        Instance creation, with zone.
    description : str
        How the dose was calculated (DoseComment and SeriesDescription).
    reference : Path, optional
        A DICOM object of the patient, whose patient and study are taken over; without it the object has empty names
        and a study of its own.
    error : bool
        The map holds uncertainties: DoseType ERROR instead of PHYSICAL.

    Raises
    ------
    QuantityError
        If the image is no dose, or negative.
    GeometryError
        If the slices are skew, or the frame of reference is no DICOM UID and no reference gives one.
    """
    if dose.quantity is not Quantity.ABSORBED_DOSE or float(dose.values.min()) < 0.0:
        raise QuantityError(
            "an RT Dose holds absorbed dose that is not negative", field="quantity", value=str(dose.quantity),
            expected="Gy",
        )  # fmt: skip
    values, affine = _upright(dose)
    scaling = float(f"{max(float(values.max()), 1e-12) / _LARGEST * 1.0000001:.9e}")
    stored = np.clip(np.rint(values.astype(np.float64) / scaling), 0, _LARGEST).astype("<u4")
    d = _begin(reference, f"{hashlib.sha256(stored.tobytes()).hexdigest()}|{description}|{written_at.isoformat()}")
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = _frame(dose, reference), ""
    d.InstanceCreationDate, d.InstanceCreationTime = dicom_date(written_at), dicom_time(written_at)
    d.ContentDate, d.ContentTime = dicom_date(written_at), dicom_time(written_at)
    d.TimezoneOffsetFromUTC = f"{written_at:%z}"
    d.SeriesDescription, d.DoseComment = description[:64], description[:1024]
    _write_planes(d, values.shape, affine)
    d.DoseUnits, d.DoseType, d.DoseSummationType = "GY", "ERROR" if error else "PHYSICAL", "PLAN"
    d.TissueHeterogeneityCorrection = ["IMAGE"]
    d.DoseGridScaling = f"{scaling:.9e}"
    d.ReferencedRTPlanSequence = [_plan(d.SeriesInstanceUID)]
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 32, 32, 31, 0
    d.PixelData = stored.tobytes()
    save(d, path)


def _upright(dose: Image) -> tuple[Any, Any]:
    """Values and affine with frames in the direction of rows cross columns."""
    affine, values = np.array(dose.grid.affine), np.asarray(dose.values)
    normal = np.cross(affine[:3, 2], affine[:3, 1])
    normal /= np.linalg.norm(normal)
    step = float(normal @ affine[:3, 0])
    if abs(abs(step) - dose.grid.spacing_mm[0]) > 1e-3 * dose.grid.spacing_mm[0]:
        raise GeometryError("RT Dose knows no skew slices", field="affine", remedy="resample onto an axial grid")
    if step < 0.0:
        affine[:3, 3] += affine[:3, 0] * (values.shape[0] - 1)
        affine[:3, 0] *= -1.0
        values = values[::-1]
    return values, affine


def _begin(reference: Path | None, text: str) -> Any:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RT_DOSE_STORAGE
    meta.MediaStorageSOPInstanceUID = _uid("instance", text)
    meta.TransferSyntaxUID, meta.ImplementationClassUID = ExplicitVRLittleEndian, _uid("implementation", "hemadose")
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    head = open_dataset(reference, pixels=False) if reference is not None else None
    for keyword in _STUDY if head is not None else ():
        if head is not None and keyword in head:
            d[keyword] = head[keyword]
    for keyword in _TYPE_2:
        if keyword not in d:
            setattr(d, keyword, "")
    if "StudyInstanceUID" not in d:
        d.StudyInstanceUID = _uid("study", text)
    d.SOPClassUID, d.SOPInstanceUID = RT_DOSE_STORAGE, meta.MediaStorageSOPInstanceUID
    d.SeriesInstanceUID, d.SeriesNumber, d.InstanceNumber = _uid("series", text), 950, 1
    d.Modality, d.Manufacturer, d.ManufacturerModelName = "RTDOSE", "hemadose", "hemadose"
    d.SoftwareVersions, d.OperatorsName = __version__, ""
    return d


def _uid(kind: str, text: str) -> str:
    return f"2.25.{int.from_bytes(hashlib.sha256(f'rtdose|{kind}|{text}'.encode()).digest()[:15], 'big')}"


def _frame(dose: Image, reference: Path | None) -> str:
    uid = dose.grid.frame_of_reference_uid
    if all(part.isdigit() for part in uid.split(".")) and len(uid) <= 64:
        return uid
    if reference is not None:
        found = open_dataset(reference, pixels=False).get("FrameOfReferenceUID")
        if found:
            return str(found)
    raise GeometryError(
        "the dose has no DICOM frame of reference", field="FrameOfReferenceUID", value=uid,
        remedy="name a DICOM object of the patient (the CT), or write NIfTI",
    )  # fmt: skip


def _write_planes(d: Any, shape: tuple[int, ...], affine: Any) -> None:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    d.NumberOfFrames, d.Rows, d.Columns = shape
    d.FrameIncrementPointer = 0x3004000C
    d.GridFrameOffsetVector = [f"{i * spacing[0]:.8g}" for i in range(shape[0])]
    d.ImagePositionPatient = [f"{v:.8g}" for v in affine[:3, 3]]
    d.ImageOrientationPatient = orientation_text(affine)
    d.PixelSpacing = [f"{spacing[1]:.8g}", f"{spacing[2]:.8g}"]
    d.SliceThickness = f"{spacing[0]:.8g}"


def _plan(seed: str) -> Any:
    """DoseSummationType PLAN asks for a plan: a name for the administration, no object behind it."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.5"
    item.ReferencedSOPInstanceUID = _uid("plan", str(seed))
    return item


def read_rtdose(path: Path) -> Image:
    """Read a dose map, of hemadose or of another program.

    Parameters
    ----------
    path : Path
        RT Dose object.

    Returns
    -------
    Image
        In Gy (cGy is not a DICOM unit; RELATIVE is refused).

    Raises
    ------
    DicomError
        If it is no RT Dose, is relative, or lacks what places it.
    GeometryError
        If its frames are not evenly spaced.
    """
    d = open_dataset(path)
    if str(d.get("Modality", "")) != "RTDOSE":
        raise DicomError("this is no RT Dose", source=str(path), field="Modality", value=str(d.get("Modality")))
    if str(d.get("DoseUnits", "")).upper() != "GY":
        raise DicomError(
            "the dose is not in gray", source=str(path), field="DoseUnits", value=str(d.get("DoseUnits")),
            expected="GY", remedy="export absolute dose",
        )  # fmt: skip
    scaling = float(need(d, "DoseGridScaling", path, why="without it the numbers are no dose"))
    if not np.isfinite(scaling) or scaling <= 0.0:
        raise DicomError("no scaling of dose", source=str(path), field="DoseGridScaling", value=f"{scaling:g}")
    try:
        stored = np.asarray(d.pixel_array)
    except Exception as problem:  # pydicom raises many kinds for damaged pixels
        raise DicomError(
            "the pixels cannot be read", source=str(path), field="PixelData", value=type(problem).__name__
        ) from problem
    stored = stored[None] if stored.ndim == 2 else stored
    values = (stored.astype(np.float64) * scaling).astype(np.float32)
    return Image(values=values, grid=_grid(d, values.shape, path), quantity=Quantity.ABSORBED_DOSE)


def _grid(d: Any, shape: tuple[int, ...], path: Path) -> Grid:
    why = "without it the dose has no place in the patient"
    orientation = np.array(need(d, "ImageOrientationPatient", path, why=why), dtype=np.float64)
    origin = np.array(need(d, "ImagePositionPatient", path, why=why), dtype=np.float64)
    rows_mm, columns_mm = (float(v) for v in need(d, "PixelSpacing", path, why=why))
    normal = np.cross(orientation[:3], orientation[3:])
    step = float(d.get("SliceThickness") or 1.0)
    if shape[0] > 1:
        offsets = np.atleast_1d(np.array(need(d, "GridFrameOffsetVector", path, why=why), dtype=np.float64))
        steps = np.diff(offsets)
        if offsets.size != shape[0] or np.ptp(steps) > 0.01 * abs(float(steps[0])) or steps[0] == 0.0:
            raise GeometryError(
                "the frames of the dose are not evenly spaced", source=str(path), field="GridFrameOffsetVector",
                value=f"{offsets.size} offsets for {shape[0]} frames, steps {steps.min():g} to {steps.max():g} mm",
            )  # fmt: skip
        step = float(steps.mean())
        if abs(offsets[0]) > 1e-6:  # the other convention: offsets are positions along the normal
            origin = origin + normal * (offsets[0] - float(origin @ normal))
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = normal * step, orientation[3:] * rows_mm, orientation[:3] * columns_mm
    affine[:3, 3] = origin
    return Grid(
        shape=(shape[0], shape[1], shape[2]),
        affine=affine,
        frame_of_reference_uid=str(need(d, "FrameOfReferenceUID", path, why=why)),
    )
