"""SPECT projections, the views: frames sorted by their vectors, with angle, radius and time of each view."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError
from hemadose.io.dicom.tomo_header import TomoStatements
from hemadose.io.dicom.tomo_orbit import Key, Rotations
from hemadose.model.projections import largest_gap_deg

Floats = npt.NDArray[np.float64]

LARGEST_GAP_DEG = 30.0
"""A wider unseen sector is refused; a narrower one that is more than 1.5 steps wide is noted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Every view once, in the order of detector, rotation and number.

    Attributes
    ----------
    frame : ndarray of int, shape (windows, views)
        Frame in the file of each window and view.
    angle_deg, radius_mm, duration_s, start_s : ndarray, shape (views,)
        Detector angle as the header counts it, radius, counting time and start after the first view.
    first_angle_deg : tuple of float
        Start angle of each detector.
    notes : tuple of str
        Doubts.
    """

    frame: npt.NDArray[np.intp]
    angle_deg: Floats
    radius_mm: Floats
    duration_s: Floats
    start_s: Floats
    first_angle_deg: tuple[float, ...]
    notes: tuple[str, ...]


def sorted_views(dataset: Any, frames: int, windows: int, path: Path, stated: TomoStatements) -> Views:
    """Sort the frames of a TOMO object by its vectors and say where and when each view was taken.

    Parameters
    ----------
    dataset : Dataset
        NM object.
    frames, windows : int
        Number of frames and of energy windows.
    path : Path
        For messages.
    stated : TomoStatements
        Start angles or radius where the file is silent.

    Returns
    -------
    Views

    Raises
    ------
    DicomError
        If vectors are missing or contradict the frames, a window lacks views, the detector angle or radius
        of a view is unknown, beds are mixed, or a sector of more than 30 degrees was not seen.
    """
    rotations = list(dataset.get("RotationInformationSequence") or [])
    detectors = list(dataset.get("DetectorInformationSequence") or [])
    if not rotations or not detectors:
        missing = "RotationInformationSequence" if not rotations else "DetectorInformationSequence"
        raise DicomError("projections without their angles", source=str(path), field=missing)
    _require_one_bed(rotations, path)
    keys, frame = _keys(dataset, frames, (windows, len(detectors), len(rotations)), path)
    header = Rotations(dataset=dataset, detectors=detectors, rotations=rotations, path=path, stated=stated)
    starts = header.starts(keys)
    angle = np.array([starts[(d, r)] + header.sense(r) * header.step(r) * v for d, r, v in keys])
    duration = np.array([header.duration_s(r) for _, r, _ in keys])
    radius, radius_notes = header.radii(keys)
    notes = [
        *header.arc_notes(),
        *radius_notes,
        *_gap_notes(angle, [header.step(r) for r in range(len(rotations))], path),
    ]
    return Views(
        frame=frame,
        angle_deg=angle,
        radius_mm=radius,
        duration_s=duration,
        start_s=header.start_times_s(keys),
        first_angle_deg=tuple(
            next((starts[(d, r)] for dd, r, _ in keys if dd == d), 0.0) for d in range(len(detectors))
        ),
        notes=tuple(dict.fromkeys(notes)),
    )


def _keys(
    dataset: Any, frames: int, counts: tuple[int, int, int], path: Path
) -> tuple[list[Key], npt.NDArray[np.intp]]:
    """Give the views in order, and the frame of each window and view; every one exactly once."""
    window = _index(dataset, "EnergyWindowVector", frames, counts[0], path)
    detector = _index(dataset, "DetectorVector", frames, counts[1], path)
    rotation = _index(dataset, "RotationVector", frames, counts[2], path)
    view = _index(dataset, "AngularViewVector", frames, None, path)
    place: dict[tuple[int, Key], int] = {}
    for number, (w, d, r, v) in enumerate(zip(window, detector, rotation, view, strict=True)):
        if (w, (d, r, v)) in place:
            raise DicomError(
                "two frames are the same view of one window",
                source=str(path),
                field="AngularViewVector",
                value=f"frames {place[(w, (d, r, v))] + 1} and {number + 1}",
                remedy="export it again from the workstation",
            )
        place[(w, (d, r, v))] = number
    keys = sorted({key for _, key in place})
    absent = [w for w in range(counts[0]) if any((w, key) not in place for key in keys)]
    if absent:
        lacking = sum((w, key) not in place for w in absent for key in keys)
        raise DicomError(
            "some energy windows lack views that others have",
            source=str(path),
            field="EnergyWindowVector",
            value=f"{lacking} of {counts[0] * len(keys)} frames missing, windows {[w + 1 for w in absent]}",
            remedy="export the study whole, or leave the incomplete window out",
        )
    frame = np.array([[place[(w, key)] for key in keys] for w in range(counts[0])], dtype=np.intp)
    return keys, frame


def _index(dataset: Any, keyword: str, frames: int, count: int | None, path: Path) -> list[int]:
    """Frame vector from zero; may be absent only where its dimension has one member."""
    values = dataset.get(keyword)
    if values is None or values == "":
        if count == 1:
            return [0] * frames
        raise DicomError(
            f"{keyword} is missing" + (f" although there are {count}" if count else ""),
            source=str(path),
            field=keyword,
            remedy="export it again from the workstation; the order of frames is not guessed",
        )
    listed = [int(v) - 1 for v in ([values] if isinstance(values, int) else values)]
    if len(listed) != frames:
        raise DicomError(
            f"{keyword} does not fit the frames",
            source=str(path),
            field=keyword,
            value=f"{len(listed)} values",
            expected=str(frames),
        )
    top = max(listed) + 1
    if min(listed) < 0 or (count is not None and top > count):
        raise DicomError(
            f"{keyword} points to something that is not described",
            source=str(path),
            field=keyword,
            value=f"{min(listed) + 1} to {top}",
            expected=f"1 to {count}" if count else "1 or more",
        )
    return listed


def _require_one_bed(rotations: list[Any], path: Path) -> None:
    at = [float(item.TableTraverse) for item in rotations if item.get("TableTraverse") not in (None, "")]
    if at and max(at) - min(at) > 1.0:
        raise DicomError(
            "one file holds several beds",
            source=str(path),
            field="TableTraverse",
            value=", ".join(f"{v:g} mm" for v in at),
            remedy="export each bed as a file of its own and give all of them",
        )


def _gap_notes(angle: Floats, steps: list[float], path: Path) -> list[str]:
    """Refuse a wide unseen sector, note a narrow one."""
    gap, step = largest_gap_deg(angle), max(steps)
    if gap <= 1.5 * step:
        return []
    if gap > LARGEST_GAP_DEG:
        raise DicomError(
            f"the rotation has a gap of {gap:.0f} degrees",
            source=str(path),
            field="AngularViewVector",
            value=f"{angle.size} views",
            expected=f"no gap above {LARGEST_GAP_DEG:g} degrees in the full circle",
            remedy="acquire or export the missing views: half circles and broken rotations are not quantitative",
        )
    return [f"the rotation has a gap of {gap:.1f} degrees (step {step:g}): expect streaks and a small bias"]
