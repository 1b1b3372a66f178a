"""Our own reconstructions back into the patient's study: NM RECON TOMO in counts or Bq/ml, told by a mapping."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.io.dicom.ct import orientation_text
from hemadose.io.dicom.headers import open_dataset
from hemadose.io.dicom.identity import code, save, stamp
from hemadose.io.dicom.nm import NM_IMAGE_STORAGE, write_orientation, write_windows
from hemadose.model import EnergyWindow, Quantity, TomographicScan
from hemadose.provenance import __version__

_MILLISECOND_S = 1e-3
_LARGEST = 65535
_LONGEST_NAME = 16
_UNITS = {
    Quantity.COUNTS: ("{counts}", "Counts"),
    Quantity.ACTIVITY_CONCENTRATION: ("Bq/ml", "Becquerels/milliliter"),
}
_STUDY = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientSize",
    "PatientWeight",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "BodyPartExamined",
    "RadiopharmaceuticalInformationSequence",
)
"""Taken over from the projections, so that the result lands in the same study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructionLabel:
    """How a reconstruction calls itself.

    Attributes
    ----------
    description : str
        Series description, at most 64 characters are written.
    method : str
        Derivation in one sentence (algorithm, iterations, corrections, filter).
    collimator : str
        As the projections name it.
    radius_mm : float
        Mean radius of rotation.
    views : int
        Views of all detectors.
    frame_duration_s : float
        Counting time of one view.
    series_number : int
        Series.
    """

    description: str
    method: str
    collimator: str
    radius_mm: float
    views: int
    frame_duration_s: float
    series_number: int = 900


def write_recon(
    scan: TomographicScan,
    path: Path,
    *,
    sources: Sequence[Path],
    window: EnergyWindow,
    label: ReconstructionLabel,
) -> None:
    """Write a reconstruction beside the projections it was made of.

    Patient and study are those of the first source; series and object have UIDs of their own, the same for the
    same sources, method and values. Values are stored in 16 bits with one slope, given as RescaleSlope
    and as a RealWorldValueMapping that names the unit.

    Parameters
    ----------
    scan : TomographicScan
        Axial image in counts or Bq/ml.
    path : Path
        File to write.
    sources : sequence of Path
        The projections.
    window : EnergyWindow
        Photopeak window that was reconstructed.
    label : ReconstructionLabel
        What it is called.
    """
    values = np.asarray(scan.image.values, dtype=np.float64)
    slope = float(f"{max(float(values.max()), 1e-12) / _LARGEST:.8g}")
    stored = np.clip(np.rint(values / slope), 0, _LARGEST).astype("<u2")
    d = _begin(sources, label, stored.tobytes())
    stamp(d, scan.started_at)
    d.ImageType = ["DERIVED", "PRIMARY", "RECON TOMO", "EMISSION"]
    d.DerivationDescription, d.SeriesDescription = label.method, label.description[:64]
    _write_grid(d, scan)
    write_windows(d, [replace(window, name=window.name[:_LONGEST_NAME])])
    d.NumberOfDetectors = d.NumberOfRotations = 1
    d.DetectorInformationSequence = [_detector(scan, label)]
    d.RotationInformationSequence = [_rotation(scan, label)]
    d.CorrectedImage = sorted(scan.corrections) or None
    write_orientation(d)
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
    d.RescaleSlope, d.RescaleIntercept = f"{slope:.8g}", "0"
    d.RealWorldValueMappingSequence = [_mapping(scan.image.quantity, slope)]
    d.CountsAccumulated = round(float(values.sum())) if scan.image.quantity is Quantity.COUNTS else None
    d.PixelData = stored.tobytes()
    save(d, path)


def _begin(sources: Sequence[Path], label: ReconstructionLabel, pixels: bytes) -> Any:
    """Dataset with patient and study of the sources and UIDs of its own."""
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    heads = [open_dataset(path, pixels=False) for path in sources]
    first = heads[0]
    text = "|".join([*(str(h.SOPInstanceUID) for h in heads), label.method, hashlib.sha256(pixels).hexdigest()])
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = NM_IMAGE_STORAGE
    meta.MediaStorageSOPInstanceUID = _uid("instance", text)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _uid("implementation", "hemadose")
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for keyword in _STUDY:
        if keyword in first:
            d[keyword] = first[keyword]
    for keyword in ("StudyID", "AccessionNumber", "ReferringPhysicianName", "PatientBirthDate", "PatientSex"):
        if keyword not in d:
            setattr(d, keyword, "")
    d.SOPClassUID, d.SOPInstanceUID = NM_IMAGE_STORAGE, meta.MediaStorageSOPInstanceUID
    d.SeriesInstanceUID, d.SeriesNumber, d.Modality = _uid("series", text), label.series_number, "NM"
    d.InstanceNumber = 1
    d.Manufacturer, d.ManufacturerModelName = "hemadose", "hemadose"
    d.DeviceSerialNumber, d.SoftwareVersions = "0", __version__
    d.SourceImageSequence = []
    for head in heads:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = head.SOPClassUID, head.SOPInstanceUID
        d.SourceImageSequence.append(item)
    return d


def _uid(kind: str, text: str) -> str:
    return f"2.25.{int.from_bytes(hashlib.sha256(f'{kind}|{text}'.encode()).digest()[:15], 'big')}"


def _write_grid(d: Any, scan: TomographicScan) -> None:
    grid = scan.image.grid
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = grid.frame_of_reference_uid, ""
    d.FrameIncrementPointer = [0x00540080]
    d.NumberOfFrames = d.NumberOfSlices = grid.shape[0]
    d.SliceVector = list(range(1, grid.shape[0] + 1))
    d.Rows, d.Columns = grid.shape[1], grid.shape[2]
    d.PixelSpacing = [f"{grid.spacing_mm[1]:.8g}", f"{grid.spacing_mm[2]:.8g}"]
    normal = np.cross(grid.affine[:3, 2], grid.affine[:3, 1])
    sign = 1.0 if float(normal @ grid.affine[:3, 0]) > 0 else -1.0
    d.SpacingBetweenSlices, d.SliceThickness = f"{sign * grid.spacing_mm[0]:.8g}", f"{grid.spacing_mm[0]:.8g}"


def _detector(scan: TomographicScan, label: ReconstructionLabel) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CollimatorGridName, item.CollimatorType = label.collimator[:_LONGEST_NAME], "PARA"
    item.FocalDistance, item.ZoomFactor = 0, [1, 1]
    item.ImagePositionPatient = [f"{v:.8g}" for v in scan.image.grid.affine[:3, 3]]
    item.ImageOrientationPatient = orientation_text(scan.image.grid.affine)
    return item


def _rotation(scan: TomographicScan, label: ReconstructionLabel) -> Any:
    """Views of one head: their number times their time is the time that the counts stand for."""
    from pydicom.dataset import Dataset

    views = max(round(scan.duration_s / label.frame_duration_s), 1)
    item = Dataset()
    item.StartAngle, item.AngularStep = 0, f"{360.0 / label.views:.8g}"
    item.RotationDirection, item.ScanArc = "CC", 360
    item.ActualFrameDuration = round(scan.duration_s / views / _MILLISECOND_S)
    item.NumberOfFramesInRotation = views
    item.RadialPosition = [f"{label.radius_mm:.6g}"]
    return item


def _mapping(quantity: Quantity, slope: float) -> Any:
    from pydicom.dataset import Dataset

    unit, meaning = _UNITS[quantity]
    item = Dataset()
    item.RealWorldValueFirstValueMapped, item.RealWorldValueLastValueMapped = 0, _LARGEST
    for keyword in ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"):
        item[keyword].VR = "US"
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, 0.0
    item.LUTExplanation, item.LUTLabel = meaning, unit.strip("{}")
    item.MeasurementUnitsCodeSequence = [code(unit, "UCUM", meaning)]
    return item
