"""SPECT projections, the place: where the axis of rotation and the rows lie in the patient."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError
from hemadose.io.dicom.headers import need
from hemadose.io.dicom.tomo_header import HeaderStyle, TomoStatements, header_style
from hemadose.io.dicom.tomo_orientation import Stored, projection_plane
from hemadose.io.dicom.tomo_views import Views

Floats = npt.NDArray[np.float64]

_WORST_FIT_MM = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the projections lie: LPS mm.

    Attributes
    ----------
    axis_mm : tuple of float
        x and y of the axis of rotation.
    first_row_mm : float
        z of row 0.
    frame_of_reference_uid : str
        Frame of the coordinates; one of its own where the file does not place the patient.
    notes : tuple of str
        Doubts.
    """

    axis_mm: tuple[float, float]
    first_row_mm: float
    frame_of_reference_uid: str
    notes: tuple[str, ...] = ()


def placed(dataset: Any, position: str, views: Views, stored: Stored, path: Path, stated: TomoStatements) -> Place:
    """Find the axis of rotation and z of row 0 in the patient.

    In this order: the user's word; the first projection plane of each detector (standard reading); a corner of
    the transverse matrix (Siemens style: ImageOrientationPatient of a transverse slice); centre and table height (GE
    style: y of ImagePositionPatient is 0).

    Raises
    ------
    DicomError
        If the file does not place the patient and that is not allowed, or detectors contradict each other.
    """
    uid = str(dataset.get("FrameOfReferenceUID") or "")
    if stated.place_mm is not None:
        x, y, z = stated.place_mm
        own = uid or _own_frame(dataset)
        return Place(axis_mm=(x, y), first_row_mm=z, frame_of_reference_uid=own, notes=("placed as stated",))
    found = _found_place(dataset, position, views, path) if uid else None
    if found is not None:
        axis, z, notes = found
        return Place(axis_mm=axis, first_row_mm=z, frame_of_reference_uid=uid, notes=notes)
    if not stated.allow_unplaced:
        raise DicomError(
            "the projections have no place in the patient, and no CT can be fitted to them",
            source=str(path),
            field="FrameOfReferenceUID" if not uid else "ImagePositionPatient",
            remedy="reconstruct without CT, or state axis and uppermost row with --place-mm X Y Z",
        )
    rows, row_mm = int(dataset.Rows), float(dataset.PixelSpacing[0])
    sign = 1.0 if stored.head_up else -1.0
    return Place(
        axis_mm=(0.0, 0.0),
        first_row_mm=sign * (rows - 1) / 2.0 * row_mm,
        frame_of_reference_uid=_own_frame(dataset),
        notes=("the file does not say where the patient lies: the image has a frame of its own and fits no CT",),
    )


def _own_frame(dataset: Any) -> str:
    text = f"unplaced|{dataset.get('StudyInstanceUID', '')}|{dataset.get('SOPInstanceUID', '')}".encode()
    return f"2.25.{int.from_bytes(hashlib.sha256(text).digest()[:15], 'big')}"


def _found_place(
    dataset: Any, position: str, views: Views, path: Path
) -> tuple[tuple[float, float], float, tuple[str, ...]] | None:
    items = list(dataset.DetectorInformationSequence)
    given = [item.get("ImagePositionPatient") for item in items]
    if given[0] in (None, "") or len(given[0]) != 3:
        return None
    positions = [np.array([float(v) for v in p]) for p in given if p not in (None, "")]
    rows_mm = float(dataset.PixelSpacing[0])
    if max(p[2] for p in positions) - min(p[2] for p in positions) > 0.5 * rows_mm:
        raise DicomError(
            "the detectors do not see the same slices",
            source=str(path),
            field="ImagePositionPatient",
            value=", ".join(f"{p[2]:g} mm" for p in positions),
            remedy="reconstruct the detectors apart",
        )
    z = float(positions[0][2])
    if all(projection_plane(dataset, d) is not None for d in range(len(items))) and len(positions) == len(items):
        return _axis_from_planes(dataset, positions, views, path), z, ()
    columns_mm, half = float(dataset.PixelSpacing[1]), (int(dataset.Columns) - 1) / 2.0
    x, y = float(positions[0][0]), float(positions[0][1])
    if header_style(dataset) is HeaderStyle.GE and y == 0.0:
        if position not in ("HFS", "FFS"):
            return None  # the table is not at the patient's back
        why = "GE counts y from the table"
        height = float(need(dataset.RotationInformationSequence[0], "TableHeight", path, why=why))
        note = "placed the way GE writes it (centre, table height): check the overlay on the CT"
        return (x, -height), z, (note,)
    cosines = items[0].get("ImageOrientationPatient")
    transverse = cosines not in (None, "") and np.allclose([float(v) for v in cosines], [1, 0, 0, 0, 1, 0], atol=0.01)
    if transverse:
        return (x + half * columns_mm, y + half * columns_mm), z, ()
    return None


def _axis_from_planes(dataset: Any, positions: list[Floats], views: Views, path: Path) -> tuple[float, float]:
    """Least-squares axis from the first pixel of the first projection of each detector.

    Each plane gives two equations: along the rows the axis lies in the middle of the matrix, across them one
    radius behind the face. The faces' own offsets cancel between opposite detectors.
    """
    half = (int(dataset.Columns) - 1) / 2.0 * float(dataset.PixelSpacing[1])
    rows, right = [], []
    for d, position in enumerate(positions):
        across = projection_plane(dataset, d)
        assert across is not None
        theta = np.radians(views.first_angle_deg[d])
        normal = np.array([np.sin(theta), np.cos(theta)])
        nearest = int(np.argmin(np.abs((views.angle_deg - views.first_angle_deg[d] + 180.0) % 360.0 - 180.0)))
        rows += [across[0][:2], normal]
        right += [float(position @ across[0]) + half, float(position[:2] @ normal) - float(views.radius_mm[nearest])]
    axis, *_ = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)
    off = np.array(rows) @ axis - np.array(right)
    if np.abs(off[::2]).max() > _WORST_FIT_MM:
        raise DicomError(
            "the positions of the detectors do not agree on one axis of rotation",
            source=str(path),
            field="ImagePositionPatient",
            value=f"off by {np.abs(off).max():.1f} mm",
            expected=f"at most {_WORST_FIT_MM:g} mm",
        )
    return float(axis[0]), float(axis[1])
