"""Whole-body and static planar images: windows, detectors and views taken apart by their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError, GeometryError
from hemadose.io.dicom.headers import acquisition_start, corrections, need, open_dataset, pixel_array
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
    view_item,
    view_of,
    windows,
    write_orientation,
    write_windows,
)
from hemadose.model import Administration, PlanarFrame, PlanarScan, View
from hemadose.model.moment import elapsed_s

_MILLISECOND_S = 1e-3


def read_planar(path: Path, *, zone: ZoneInfo | None = None, views: tuple[View, ...] | None = None) -> PlanarScan:
    """Read one planar acquisition with all its windows and views.

    Parameters
    ----------
    path : Path
        One NM object, WHOLE BODY or STATIC.
    zone : ZoneInfo, optional
        Of the clinic, for files without a time-zone offset.
    views : tuple of View, optional
        View of each detector, for files that do not code it; never guessed.

    Returns
    -------
    PlanarScan
        Both views with columns towards the patient's left: the posterior one is un-mirrored.

    Raises
    ------
    DicomError
        For anything a count or time depends on and the file does not say.
    """
    dataset = open_dataset(path)
    kind = require_nm(dataset, path, kinds=("WHOLE BODY", "STATIC"))
    pixels = np.asarray(pixel_array(dataset, path), dtype=np.float64)
    frames = pixels if pixels.ndim == 3 else pixels[None]
    found = windows(dataset, path)
    window_of = vector(dataset, "EnergyWindowVector", len(frames), path)
    detector_of = vector(dataset, "DetectorVector", len(frames), path)
    sides = _views(dataset, path, views)
    made = []
    for image, window_index, detector in zip(frames, window_of, detector_of, strict=True):
        if detector >= len(sides) or window_index >= len(found):
            raise DicomError("a frame points to a detector or window that is not described", source=str(path))
        view = sides[detector]
        counts = image if view is View.ANTERIOR else image[:, ::-1]
        made.append(_frame(counts, view, found[window_index], path))
    spacing = [float(v) for v in need(dataset, "PixelSpacing", path, why="areas and lengths depend on it")]
    dwell, duration = _times(dataset, kind, frames.shape[1] * spacing[0], path)
    return PlanarScan(
        frames=tuple(made),
        pixel_spacing_mm=(spacing[0], spacing[1]),
        pixel_dwell_s=dwell,
        started_at=acquisition_start(dataset, path, zone=zone),
        duration_s=duration,
        corrections=corrections(dataset),
        series_uid=str(dataset.get("SeriesInstanceUID", "")),
    )


def merge_planar(scans: Sequence[PlanarScan]) -> PlanarScan:
    """Join files of one time point, whose views or windows were stored apart.

    Parameters
    ----------
    scans : sequence of PlanarScan
        Of one acquisition.

    Returns
    -------
    PlanarScan
        All frames, from the earliest start on.

    Raises
    ------
    DicomError
        If pixels or dwell times differ, starts lie more than 15 min apart, or a frame comes twice.
    """
    first = min(scans, key=lambda s: s.started_at)
    for scan in scans:
        apart_s = elapsed_s(first.started_at, scan.started_at)
        alike = scan.shape == first.shape and scan.pixel_spacing_mm == first.pixel_spacing_mm
        if not alike or abs(scan.pixel_dwell_s - first.pixel_dwell_s) > 1e-3 or apart_s > 900.0:
            raise DicomError(
                "these planar files are not one acquisition",
                field="Rows, PixelSpacing, ScanVelocity, AcquisitionTime",
                value=f"{apart_s / 60:.0f} min apart, {scan.shape} and {first.shape} pixels",
                remedy="list files of one time point together, other times apart",
            )
    frames = tuple(frame for scan in scans for frame in scan.frames)
    if len({(f.view, f.window) for f in frames}) != len(frames):
        raise DicomError("a view and window comes twice among the files of one time point")
    return replace(first, frames=frames)


def _frame(counts: npt.NDArray[np.float64], view: View, window: Any, path: Path) -> PlanarFrame:
    if counts.min() < 0.0:
        raise DicomError(
            f"negative counts in the {view} view, window {window.name}",
            source=str(path),
            field="PixelData",
            value=f"{counts.min():g}",
            remedy="export raw counts, not a subtracted or filtered image",
        )
    return PlanarFrame(counts=counts, view=view, window=window)


def _views(dataset: Any, path: Path, views: tuple[View, ...] | None) -> tuple[View, ...]:
    items = dataset.get("DetectorInformationSequence") or []
    if views is not None:
        return views
    coded = [view_of(item) for item in items]
    known = tuple(view for view in coded if view is not None)
    if not coded or len(known) != len(coded):
        raise DicomError(
            "the file does not say which detector is anterior and which posterior",
            source=str(path),
            field="ViewCodeSequence",
            remedy="state the views of the detectors; they are not guessed",
        )
    return known


def _times(dataset: Any, kind: str, length_mm: float, path: Path) -> tuple[float, float]:
    """Dwell time of a point and length of the whole acquisition, in s."""
    frame_ms = dataset.get("ActualFrameDuration")
    if kind == "STATIC":
        duration = float(need(dataset, "ActualFrameDuration", path, why="counts need their time"))
        return duration * _MILLISECOND_S, duration * _MILLISECOND_S
    speed = dataset.get("ScanVelocity")
    scanned = float(dataset.get("ScanLength") or length_mm)
    if frame_ms and not speed:
        raise DicomError(
            "a whole-body sweep without its speed: the time each point is seen is unknown",
            source=str(path),
            field="ScanVelocity",
        )
    velocity = float(need(dataset, "ScanVelocity", path, why="counts need their time"))
    field = dataset.get("FieldOfViewDimensions") or [None]
    items = dataset.get("DetectorInformationSequence") or []
    if items and items[0].get("FieldOfViewDimensions"):
        field = items[0].FieldOfViewDimensions
    if velocity <= 0.0 or not field[0]:
        raise DicomError(
            "the dwell time of a sweep needs its speed and the length of the detector field",
            source=str(path),
            field="ScanVelocity, FieldOfViewDimensions",
        )
    dwell = float(field[0]) / velocity
    duration = float(frame_ms) * _MILLISECOND_S if frame_ms else scanned / velocity + dwell
    return dwell, duration


def write_planar(
    scan: PlanarScan,
    path: Path,
    *,
    identity: DicomIdentity,
    administration: Administration,
    series_number: int,
) -> None:
    """Write a whole-body acquisition as a clinic's camera does: one multi-frame NM object."""
    views = sorted({frame.view for frame in scan.frames})
    found = list(dict.fromkeys(frame.window for frame in scan.frames))
    series = f"planar{series_number}"
    d = new_dataset(
        identity,
        sop_class_uid=NM_IMAGE_STORAGE,
        modality="NM",
        series=series,
        instance="1",
        series_number=series_number,
    )
    stamp(d, scan.started_at)
    d.ImageType = ["ORIGINAL", "PRIMARY", "WHOLE BODY", "EMISSION"]
    d.FrameIncrementPointer = [0x00540010, 0x00540020]
    ordered = [
        (w, v, scan.frame(view=view, window_name=window.name))
        for w, window in enumerate(found, start=1)
        for v, view in enumerate(views, start=1)
    ]
    d.EnergyWindowVector = [w for w, _, _ in ordered]
    d.DetectorVector = [v for _, v, _ in ordered]
    d.NumberOfDetectors = len(views)
    write_windows(d, found)
    d.DetectorInformationSequence = [_detector(view, scan) for view in views]
    write_orientation(d)
    add_radiopharmaceutical(d, administration)
    _write_pixels(d, [frame for _, _, frame in ordered])
    rows = scan.shape[0]
    length = rows * scan.pixel_spacing_mm[0]
    d.PixelSpacing = [f"{v:.6g}" for v in scan.pixel_spacing_mm]
    d.WholeBodyTechnique, d.ScanLength = "1PS", round(length)
    d.ScanVelocity = f"{length / (scan.duration_s - scan.pixel_dwell_s):.6g}"
    d.ActualFrameDuration = round(scan.duration_s / _MILLISECOND_S)
    d.CountsAccumulated = int(sum(frame.counts.sum() for frame in scan.frames))
    d.AcquisitionTerminationCondition = "TIME"
    save(d, path)


def _detector(view: View, scan: PlanarScan) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CollimatorGridName, item.CollimatorType = "MELP", "PARA"
    item.FieldOfViewShape = "RECTANGLE"
    speed = scan.shape[0] * scan.pixel_spacing_mm[0] / (scan.duration_s - scan.pixel_dwell_s)
    item.FieldOfViewDimensions = [round(speed * scan.pixel_dwell_s), 533]
    item.FocalDistance, item.ZoomFactor = 0, [1, 1]
    item.ImagePositionPatient, item.ImageOrientationPatient = None, None
    item.ViewCodeSequence = [view_item(view)]
    return item


def _write_pixels(d: Any, frames: list[PlanarFrame]) -> None:
    stack = np.stack([f.counts if f.view is View.ANTERIOR else f.counts[:, ::-1] for f in frames])
    if stack.max() > 65535:
        raise GeometryError("counts exceed 16 bits", value=f"{stack.max():g}")
    d.NumberOfFrames, d.Rows, d.Columns = stack.shape
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
    d.PixelData = np.rint(stack).astype("<u2").tobytes()
