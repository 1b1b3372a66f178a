"""Reconstructed SPECT as NM objects: slices placed by their vectors, units never guessed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError
from hemadose.io.dicom.ct import orientation_text
from hemadose.io.dicom.headers import acquisition_start, need, open_dataset, pixel_array
from hemadose.io.dicom.headers import corrections as corrections_of
from hemadose.io.dicom.identity import (
    DicomIdentity,
    add_radiopharmaceutical,
    new_dataset,
    save,
    stamp,
)
from hemadose.io.dicom.nm import (
    NM_IMAGE_STORAGE,
    require_nm,
    vector,
    windows,
    write_orientation,
    write_windows,
)
from hemadose.model import Administration, EnergyWindow, Grid, Image, Quantity, TomographicScan

_MILLISECOND_S = 1e-3
_UNITS = {"CNTS": Quantity.COUNTS, "BQML": Quantity.ACTIVITY_CONCENTRATION}


def read_spect(path: Path, *, zone: ZoneInfo | None = None) -> TomographicScan:
    """Read a reconstructed SPECT.

    The quantity is counts, unless the file maps its values to Bq/ml (RealWorldValueMapping in UCUM
    units, or Units BQML). Slices are ordered by SliceVector and stacked in the direction that the sign
    of SpacingBetweenSlices gives (DICOM PS3.3 C.8.4.15).

    Parameters
    ----------
    path : Path
        One NM object, RECON TOMO.
    zone : ZoneInfo, optional
        Of the clinic, for files without a time-zone offset.

    Returns
    -------
    TomographicScan

    Raises
    ------
    DicomError
        For anything the geometry, the unit or a time depends on and the file does not say.
    """
    dataset = open_dataset(path)
    require_nm(dataset, path, kinds=("RECON TOMO", "RECON GATED TOMO"))
    stored = pixel_array(dataset, path)
    frames = np.asarray(stored if stored.ndim == 3 else stored[None], dtype=np.float64)
    if len(windows(dataset, path)) > 1 and len(set(vector(dataset, "EnergyWindowVector", len(frames), path))) > 1:
        raise DicomError(
            "one reconstruction holds several energy windows", source=str(path), field="EnergyWindowVector"
        )
    order = np.argsort(vector(dataset, "SliceVector", len(frames), path), kind="stable")
    values, quantity = _quantity(dataset, frames[order], path)
    if values.min() < 0.0:
        raise DicomError(
            "negative values in a reconstruction",
            source=str(path),
            field="PixelData",
            value=f"{values.min():g}",
            remedy="export it without subtraction or ringing filters",
        )
    started = acquisition_start(dataset, path, zone=zone)
    corrections = corrections_of(dataset)
    return TomographicScan(
        image=Image(values=values.astype(np.float32), grid=_grid(dataset, values.shape, path), quantity=quantity),
        started_at=started,
        duration_s=_duration_s(dataset, path),
        decay_reference_at=_decay_reference(dataset, started, corrections, path),
        corrections=corrections,
        series_uid=str(dataset.get("SeriesInstanceUID", "")),
    )


def _quantity(dataset: Any, frames: npt.NDArray[np.float64], path: Path) -> tuple[npt.NDArray[np.float64], Quantity]:
    units = dataset.get("Units")
    if units is not None and str(units) not in _UNITS:
        raise DicomError(
            "unit of the voxels is neither counts nor Bq/ml",
            source=str(path),
            field="Units",
            value=str(units),
            expected="CNTS or BQML",
        )
    mapping = dataset.get("RealWorldValueMappingSequence") or []
    if not mapping:
        return frames, _UNITS[str(units)] if units else Quantity.COUNTS
    codes = mapping[0].get("MeasurementUnitsCodeSequence") or []
    unit = str(codes[0].get("CodeValue", "")) if codes else ""
    if unit.lower() not in ("bq/ml", "bq/cm3", "{counts}"):
        raise DicomError(
            "the real-world unit is neither counts nor Bq/ml",
            source=str(path),
            field="MeasurementUnitsCodeSequence",
            value=unit or "absent",
            expected="Bq/ml",
        )
    slope, intercept = float(mapping[0].RealWorldValueSlope), float(mapping[0].RealWorldValueIntercept)
    rescale = float(dataset.get("RescaleSlope") or 1.0)
    if rescale != 1.0 and not np.isclose(rescale, slope, rtol=1e-4):
        raise DicomError(
            "rescale slope and real-world mapping contradict each other",
            source=str(path),
            field="RescaleSlope",
            value=f"{rescale:g}",
            expected=f"{slope:g} or 1",
        )
    raw = frames / rescale - float(dataset.get("RescaleIntercept") or 0.0) / rescale
    quantity = Quantity.COUNTS if unit == "{counts}" else Quantity.ACTIVITY_CONCENTRATION
    return raw * slope + intercept, quantity


def _grid(dataset: Any, shape: tuple[int, ...], path: Path) -> Grid:
    items = dataset.get("DetectorInformationSequence") or []
    if not items:
        raise DicomError(
            "the reconstruction has no place in the patient",
            source=str(path),
            field="DetectorInformationSequence",
        )
    why = "without it the image has no place in the patient"
    position = np.array(need(items[0], "ImagePositionPatient", path, why=why), dtype=np.float64)
    direction = np.array(need(items[0], "ImageOrientationPatient", path, why=why), dtype=np.float64)
    rows_mm, columns_mm = (float(v) for v in need(dataset, "PixelSpacing", path, why=why))
    step = dataset.get("SpacingBetweenSlices")
    if step in (None, ""):
        raise DicomError(
            "SpacingBetweenSlices is missing: slice thickness alone does not place the slices",
            source=str(path),
            field="SpacingBetweenSlices",
        )
    affine = np.eye(4)
    affine[:3, 0] = np.cross(direction[:3], direction[3:]) * float(step)
    affine[:3, 1] = direction[3:] * rows_mm
    affine[:3, 2] = direction[:3] * columns_mm
    affine[:3, 3] = position
    return Grid(
        shape=(shape[0], shape[1], shape[2]),
        affine=affine,
        frame_of_reference_uid=str(need(dataset, "FrameOfReferenceUID", path, why="regions must match it")),
    )


def _duration_s(dataset: Any, path: Path) -> float:
    """Projections per head times time per projection."""
    rotations = dataset.get("RotationInformationSequence") or []
    if not rotations:
        raise DicomError(
            "the acquisition time of the SPECT is missing",
            source=str(path),
            field="RotationInformationSequence",
            remedy="counts need their time; export the reconstruction with its acquisition data",
        )
    total = 0.0
    for item in rotations:
        why = "counts need their time"
        total += float(need(item, "ActualFrameDuration", path, why=why)) * float(
            need(item, "NumberOfFramesInRotation", path, why=why)
        )
    heads = int(dataset.get("NumberOfDetectors") or 1)
    scanned = rotations[0].get("NumberOfFramesInRotation")
    per_head = 1.0 if len(rotations) > 1 or not scanned else float(heads if heads > 1 else 1)
    return total * _MILLISECOND_S / per_head


def _decay_reference(dataset: Any, started: datetime, corrections: frozenset[str], path: Path) -> datetime:
    flag = str(dataset.get("DecayCorrection") or "")
    if flag not in ("", "NONE", "START"):
        raise DicomError(
            "decay correction to a time other than the start is not supported",
            source=str(path),
            field="DecayCorrection",
            value=flag,
            expected="START or NONE",
        )
    if flag == "NONE" and "DECY" in corrections:
        raise DicomError(
            "the decay-correction flags contradict each other",
            source=str(path),
            field="DecayCorrection",
            value="NONE with CorrectedImage DECY",
        )
    return started


def write_spect(
    scan: TomographicScan,
    path: Path,
    *,
    identity: DicomIdentity,
    administration: Administration,
    window: EnergyWindow,
    series_number: int,
    projections: int = 32,
) -> None:
    """Write a reconstruction in counts as one multi-frame NM object (16 bit with RescaleSlope)."""
    grid, values = scan.image.grid, np.asarray(scan.image.values, dtype=np.float64)
    slope = float(f"{max(float(values.max()), 1e-12) / 65535.0:.8g}")
    d = new_dataset(
        identity,
        sop_class_uid=NM_IMAGE_STORAGE,
        modality="NM",
        series=f"spect{series_number}",
        instance="1",
        series_number=series_number,
    )
    stamp(d, scan.started_at)
    d.ImageType = ["DERIVED", "PRIMARY", "RECON TOMO", "EMISSION"]
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = grid.frame_of_reference_uid, ""
    d.FrameIncrementPointer = [0x00540080]
    d.NumberOfFrames = d.NumberOfSlices = grid.shape[0]
    d.SliceVector = list(range(1, grid.shape[0] + 1))
    d.Rows, d.Columns = grid.shape[1], grid.shape[2]
    d.PixelSpacing = [f"{grid.spacing_mm[1]:.6g}", f"{grid.spacing_mm[2]:.6g}"]
    normal = np.cross(grid.affine[:3, 2], grid.affine[:3, 1])
    sign = 1.0 if float(normal @ grid.affine[:3, 0]) > 0 else -1.0
    d.SpacingBetweenSlices = f"{sign * grid.spacing_mm[0]:.6g}"
    d.SliceThickness = f"{grid.spacing_mm[0]:.6g}"
    write_windows(d, [window])
    d.NumberOfDetectors = 1
    d.DetectorInformationSequence = [_detector(grid)]
    d.RotationInformationSequence = [_rotation(scan, projections)]
    d.NumberOfRotations = 1
    d.CorrectedImage = sorted(scan.corrections)
    write_orientation(d)
    add_radiopharmaceutical(d, administration)
    d.CountsAccumulated = int(values.sum())
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
    d.RescaleSlope, d.RescaleIntercept = f"{slope:.8g}", "0"
    d.PixelData = np.clip(np.rint(values / slope), 0, 65535).astype("<u2").tobytes()
    save(d, path)


def _detector(grid: Grid) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CollimatorGridName, item.CollimatorType = "MELP", "PARA"
    item.FocalDistance, item.ZoomFactor = 0, [1, 1]
    item.ImagePositionPatient = [f"{v:.6g}" for v in grid.affine[:3, 3]]
    item.ImageOrientationPatient = orientation_text(grid.affine)
    return item


def _rotation(scan: TomographicScan, projections: int) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.StartAngle, item.AngularStep, item.RotationDirection, item.ScanArc = 0, 180 / projections, "CC", 180
    item.ActualFrameDuration = round(scan.duration_s / projections / _MILLISECOND_S)
    item.NumberOfFramesInRotation = projections
    item.RadialPosition = [250.0]
    return item
