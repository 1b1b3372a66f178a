"""SPECT projections, the patient: how he lay, and which way stored pixels and angles run in him."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError
from hemadose.io.dicom.tomo_header import TomoStatements
from hemadose.io.dicom.tomo_views import Views

Floats = npt.NDArray[np.float64]

_FEET_FIRST = ("102541007", "F-10480")
_HEAD_FIRST = ("102540008", "F-10470")
_SUPINE = ("40199007", "F-10340")
_PRONE = ("1240000", "F-10310")
_POSITIONS = ("HFS", "FFS", "HFP", "FFP")
_ALONG = 0.996
"""Cosine (5 degrees) up to which two directions count as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How stored pixels and angles turn into those of the patient.

    Attributes
    ----------
    angle_sign, angle_offset_deg : float
        Patient angle = sign x stored angle + offset.
    mirrored : bool
        Columns run against ``(-cos t, sin t)`` of the patient angle.
    head_up : bool
        Row 0 is the one nearest to the head.
    """

    angle_sign: float = 1.0
    angle_offset_deg: float = 0.0
    mirrored: bool = False
    head_up: bool = True


_AS_CAMERA = {
    "HFS": Stored(),
    "HFP": Stored(angle_offset_deg=180.0),
    "FFS": Stored(angle_sign=-1.0, mirrored=True, head_up=False),
    "FFP": Stored(angle_sign=-1.0, angle_offset_deg=180.0, mirrored=True, head_up=False),
}
"""Camera coordinates (as if head first, supine) into the patient's: half turns about z, y and x."""


def patient_position(dataset: Any, path: Path, stated: TomoStatements) -> str:
    """Position of the patient: coded orientation and gantry relationship, else PatientPosition, else as stated.

    Raises
    ------
    DicomError
        If nothing tells it, sources contradict each other, or the patient lies on the side.
    """
    coded = _coded_position(dataset)
    written = str(dataset.get("PatientPosition") or "")
    if coded and written and coded != written:
        raise DicomError(
            "the patient's position is stated in two ways that contradict each other",
            source=str(path),
            field="PatientPosition, PatientOrientationCodeSequence",
            value=f"{written}, {coded}",
            remedy="correct the header on the workstation",
        )
    found = coded or written or stated.patient_position or ""
    if not found:
        raise DicomError(
            "the file does not say how the patient lay",
            source=str(path),
            field="PatientOrientationCodeSequence",
            remedy="state it, e.g. --patient-position HFS",
        )
    if found not in _POSITIONS:
        raise DicomError(
            "this position of the patient is not supported",
            source=str(path),
            field="PatientPosition",
            value=found,
            expected=", ".join(_POSITIONS),
        )
    return found


def _coded_position(dataset: Any) -> str:
    gantry = [str(code.get("CodeValue")) for code in dataset.get("PatientGantryRelationshipCodeSequence") or []]
    lying = [
        str(modifier.get("CodeValue"))
        for item in dataset.get("PatientOrientationCodeSequence") or []
        for modifier in item.get("PatientOrientationModifierCodeSequence") or []
    ]
    first = "HF" if gantry and gantry[0] in _HEAD_FIRST else "FF" if gantry and gantry[0] in _FEET_FIRST else ""
    side = "S" if lying and lying[0] in _SUPINE else "P" if lying and lying[0] in _PRONE else ""
    return first + side if first and side else ""


def stored_as(dataset: Any, position: str, views: Views, path: Path, stated: TomoStatements) -> Stored:
    """Say which way pixels and angles of the file run.

    Head first and supine, patient and camera agree. Otherwise the direction cosines of the first projection
    tell it (ImageOrientationPatient of a detector, if it describes the projection plane), or the user.

    Raises
    ------
    DicomError
        If neither does, or if the cosines contradict the start angle.
    """
    spelled = _spelled_out(dataset, views, path)
    if spelled is not None:
        if stated.stored_in == "camera" and position != "HFS":
            raise DicomError(
                "the file spells out the direction of its pixels in the patient: it is not stored as the camera saw it",
                source=str(path),
                field="ImageOrientationPatient",
                remedy="leave --stored-in out",
            )
        return spelled
    if position == "HFS" or stated.stored_in == "patient":
        return Stored()
    if stated.stored_in == "camera":
        return _AS_CAMERA[position]
    raise DicomError(
        "the patient did not lie head first and supine, and the file does not say whether angles and pixels are "
        "the patient's or the camera's",
        source=str(path),
        field="PatientPosition",
        value=position,
        expected="HFS, or ImageOrientationPatient of the first projection",
        remedy="state --stored-in patient (as DICOM demands) or --stored-in camera; check left and right in the result",
    )


def _spelled_out(dataset: Any, views: Views, path: Path) -> Stored | None:
    """Way of the pixels by the direction cosines of every detector's first projection; None without them."""
    found: set[tuple[bool, bool]] = set()
    for d, first_deg in enumerate(views.first_angle_deg):
        plane = projection_plane(dataset, d)
        if plane is None:
            continue
        across, down = plane
        theta = np.radians(first_deg)
        u = np.array([-np.cos(theta), np.sin(theta), 0.0])
        if abs(across @ u) < _ALONG:
            raise DicomError(
                "the direction of the pixels contradicts the start angle of the detector",
                source=str(path),
                field="ImageOrientationPatient",
                value="\\".join(f"{v:g}" for v in across),
                expected="\\".join(f"{v:.3g}" for v in u) + f" at {first_deg:g} degrees",
            )
        found.add((bool(across @ u < 0.0), bool(down[2] < 0.0)))
    if len(found) > 1:
        raise DicomError(
            "the pixels of the detectors run in different directions",
            source=str(path),
            field="ImageOrientationPatient",
            remedy="export the detectors in one orientation",
        )
    return Stored(mirrored=next(iter(found))[0], head_up=next(iter(found))[1]) if found else None


def projection_plane(dataset: Any, detector: int) -> tuple[Floats, Floats] | None:
    """Direction cosines of rows and columns of a detector, if they describe a plane along the patient."""
    given = dataset.DetectorInformationSequence[detector].get("ImageOrientationPatient")
    if given in (None, "") or len(given) != 6:
        return None
    cosines = np.array([float(v) for v in given])
    return (cosines[:3], cosines[3:]) if abs(cosines[5]) > _ALONG else None
