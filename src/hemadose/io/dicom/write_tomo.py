"""Synthetic SPECT projections as NM TOMO objects, in the header habits of makers: for virtual scanners and tests.

They are made from what readers of clinical files have to cope with, not from a maker's file: none is free to use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError
from hemadose.io.dicom.identity import DicomIdentity, add_radiopharmaceutical, code, new_dataset, save, stamp
from hemadose.io.dicom.nm import NM_IMAGE_STORAGE, write_windows
from hemadose.io.dicom.tomo_header import HeaderStyle
from hemadose.model import Administration
from hemadose.model.projections import ProjectionSet

_MAKERS = {HeaderStyle.SIEMENS: "SIEMENS NM", HeaderStyle.GE: "GE MEDICAL SYSTEMS", HeaderStyle.OTHER: "hemadose"}
_VECTORS = [0x00540010, 0x00540020, 0x00540050, 0x00540090]
_MILLISECOND_S = 1e-3
_LARGEST = 65535
LONGEST_NAME = 16
"""Characters of a DICOM short string."""


def write_tomo(
    projections: ProjectionSet,
    path: Path,
    *,
    identity: DicomIdentity,
    administration: Administration,
    series_number: int,
    style: HeaderStyle = HeaderStyle.OTHER,
    detectors: int = 2,
    clockwise: bool = False,
) -> None:
    """Write one bed as one multi-frame NM object.

    Siemens style: one rotation that all detectors share; start angle and radial positions with each detector;
    ImagePositionPatient is a corner of the transverse matrix. GE style: a rotation for each detector, with its
    start angle and radial positions; ImagePositionPatient holds x and z of the centre, and the table height its y.
    Other: as the standard reads, position and direction of the first projection plane of each detector.

    Parameters
    ----------
    projections : ProjectionSet
        Angles rising in equal steps; counts that are not whole numbers are written with a rescale slope.
    path : Path
        File to write.
    identity : DicomIdentity
        Patient and study.
    administration : Administration
        What was injected.
    series_number : int
        Series.
    style : HeaderStyle
        Whose habits to follow.
    detectors : int
        The views are shared out between them in equal blocks.
    clockwise : bool
        Each detector runs through its block downwards.

    Raises
    ------
    DicomError
        If the angles are no regular rotation, or do not share out evenly; if a name is longer than DICOM allows.
    """
    _require_short_names(projections)
    share = _shares(projections, detectors, clockwise=clockwise)
    d = new_dataset(
        identity,
        sop_class_uid=NM_IMAGE_STORAGE,
        modality="NM",
        series=f"tomo{series_number}",
        instance="1",
        series_number=series_number,
    )
    stamp(d, projections.started_at)
    d.Manufacturer, d.SeriesDescription = _MAKERS[style], "synthetic projections"
    d.ImageType = ["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = projections.frame_of_reference_uid, ""
    d.FrameIncrementPointer = _VECTORS
    write_windows(d, projections.windows)
    d.NumberOfDetectors = detectors
    d.NumberOfRotations = detectors if style is HeaderStyle.GE else 1
    order = [(w, h, v) for w in range(len(projections.windows)) for h in range(detectors) for v in range(len(share[0]))]
    d.EnergyWindowVector = [w + 1 for w, _, _ in order]
    d.DetectorVector = [h + 1 for _, h, _ in order]
    d.RotationVector = [h + 1 if style is HeaderStyle.GE else 1 for _, h, _ in order]
    d.AngularViewVector = [v + 1 for _, _, v in order]
    d.DetectorInformationSequence = [_detector(projections, views, style) for views in share]
    turns = share if style is HeaderStyle.GE else share[:1]
    d.RotationInformationSequence = [_rotation(projections, views, style, clockwise=clockwise) for views in turns]
    d.PixelSpacing = [f"{projections.slice_mm:.8g}", f"{projections.bin_mm:.8g}"]
    d.CorrectedImage = sorted(projections.corrections) or None
    d.AcquisitionTerminationCondition = "TIME"
    _orient(d, projections.patient_position)
    add_radiopharmaceutical(d, administration)
    if style is HeaderStyle.GE:
        d.private_block(0x0011, "GEMS_GENIE_1", create=True).add_new(0x0D, "LO", administration.nuclide.name)
    rows = projections.counts[:, :, ::-1]
    _pixels(d, np.stack([rows[w, share[h][v]] for w, h, v in order]))
    save(d, path)


def _require_short_names(projections: ProjectionSet) -> None:
    for name in (projections.collimator or "", *(window.name for window in projections.windows)):
        if len(name) > LONGEST_NAME:
            raise DicomError(
                "the name of a collimator or window is too long for DICOM",
                field="CollimatorGridName, EnergyWindowName",
                value=name,
                expected=f"at most {LONGEST_NAME} characters",
            )


def _shares(projections: ProjectionSet, detectors: int, *, clockwise: bool) -> list[npt.NDArray[np.intp]]:
    """Views of each detector in the order it takes them."""
    angle, views = projections.angle_deg, projections.views
    steps = np.diff(angle)
    if views % detectors or views < 2 or not np.allclose(steps, steps[0], atol=1e-3) or steps[0] <= 0.0:
        raise DicomError(
            "only rotations with equal rising steps, the same number for each detector, can be written",
            field="angle_deg",
            value=f"{views} views, steps {steps.min():g} to {steps.max():g}" if views > 1 else "1 view",
        )
    blocks = np.split(np.arange(views), detectors)
    return [block[::-1] if clockwise else block for block in blocks]


def _detector(projections: ProjectionSet, views: npt.NDArray[np.intp], style: HeaderStyle) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CollimatorGridName, item.CollimatorType = projections.collimator or "", "PARA"
    item.FocalDistance, item.ZoomFactor = 0, [1, 1]
    x, y = projections.axis_mm
    top = projections.last_slice_mm
    half = (projections.counts.shape[3] - 1) / 2.0 * projections.bin_mm
    if style is HeaderStyle.GE:
        item.ImagePositionPatient, item.ImageOrientationPatient = _text([x, 0.0, top]), None
        return item
    item.StartAngle = _short(projections.angle_deg[views[0]])
    item.RadialPosition = _text(projections.radius_mm[views])
    if style is HeaderStyle.SIEMENS:
        item.ImagePositionPatient = _text([x - half, y - half, top])
        item.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        return item
    theta, radius = np.radians(projections.angle_deg[views[0]]), projections.radius_mm[views[0]]
    u, normal = np.array([-np.cos(theta), np.sin(theta)]), np.array([np.sin(theta), np.cos(theta)])
    corner = np.array([x, y]) + radius * normal - half * u
    item.ImagePositionPatient = _text([*corner, top])
    item.ImageOrientationPatient = _text([*u, 0.0, 0.0, 0.0, -1.0])
    return item


def _rotation(projections: ProjectionSet, views: npt.NDArray[np.intp], style: HeaderStyle, *, clockwise: bool) -> Any:
    from pydicom.dataset import Dataset

    step = float(projections.angle_deg[1] - projections.angle_deg[0])
    item = Dataset()
    item.StartAngle, item.AngularStep = _short(projections.angle_deg[views[0]]), _short(step)
    item.RotationDirection, item.ScanArc = "CW" if clockwise else "CC", _short(step * len(views))
    item.ActualFrameDuration = round(float(projections.frame_duration_s[views[0]]) / _MILLISECOND_S)
    item.NumberOfFramesInRotation = len(views)
    item.TableTraverse = _short(projections.first_slice_mm)
    if style is HeaderStyle.GE:
        item.TableHeight = _short(-projections.axis_mm[1])
        item.RadialPosition = _text(projections.radius_mm[views])
    return item


def _orient(d: Any, position: str) -> None:
    recumbent = code("102538003", "SCT", "recumbent")
    supine = position.endswith("S")
    lying = code("40199007", "SCT", "supine") if supine else code("1240000", "SCT", "prone")
    recumbent.PatientOrientationModifierCodeSequence = [lying]
    head = position.startswith("HF")
    gantry = code("102540008", "SCT", "headfirst") if head else code("102541007", "SCT", "feet-first")
    d.PatientOrientationCodeSequence, d.PatientGantryRelationshipCodeSequence = [recumbent], [gantry]


def _pixels(d: Any, stack: npt.NDArray[np.float32]) -> None:
    top = float(stack.max())
    whole = bool(np.array_equal(stack, np.rint(stack))) and top <= _LARGEST
    slope = 1.0 if whole else float(f"{max(top, 1e-12) / _LARGEST:.8g}")
    if not whole:
        d.RescaleSlope, d.RescaleIntercept = f"{slope:.8g}", "0"
    d.NumberOfFrames, d.Rows, d.Columns = stack.shape
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
    d.CountsAccumulated = round(float(stack.sum(dtype=np.float64)))
    d.PixelData = np.clip(np.rint(stack / np.float32(slope)), 0, _LARGEST).astype("<u2").tobytes()


def _short(value: float) -> str:
    return f"{float(value):.8g}"


def _text(values: Any) -> list[str]:
    return [_short(v) for v in values]
