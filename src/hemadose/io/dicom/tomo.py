"""SPECT projections (NM TOMO) into one `ProjectionSet` a bed, in patient coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError
from hemadose.io.dicom.headers import acquisition_start, corrections, need, open_dataset, patient_digest, pixel_array
from hemadose.io.dicom.nm import require_nm
from hemadose.io.dicom.tomo_header import (
    HeaderStyle,
    TomoStatements,
    camera_name,
    collimator,
    energy_windows,
    header_style,
    radionuclide,
    require_raw_counts,
)
from hemadose.io.dicom.tomo_orientation import Stored, patient_position, stored_as
from hemadose.io.dicom.tomo_place import placed
from hemadose.io.dicom.tomo_views import sorted_views
from hemadose.model.moment import elapsed_s
from hemadose.model.projections import ProjectionSet, require_same_camera

Counts = npt.NDArray[np.float32]

_SAME_START_S = 5.0
"""Files of one acquisition (windows stored apart) start within this time."""
_FRINGE = 2
_FRINGE_SHARE = 0.10


def read_tomo(path: Path, *, zone: ZoneInfo | None = None, stated: TomoStatements | None = None) -> ProjectionSet:
    """Read the projections of one bed.

    Frames are sorted by EnergyWindowVector, DetectorVector, RotationVector and AngularViewVector, whatever
    their order in the file; views come out in the order of their angle.

    Parameters
    ----------
    path : Path
        One NM object, TOMO.
    zone : ZoneInfo, optional
        Of the clinic, for files without a time-zone offset.
    stated : TomoStatements, optional
        What the user says where the file is silent.

    Returns
    -------
    ProjectionSet
        The nuclide is named as the file spells it.

    Raises
    ------
    DicomError
        For anything that counts, angles, times or the place depend on and the file does not say, or says
        in two ways.
    """
    stated = stated or TomoStatements()
    dataset = open_dataset(path)
    require_nm(dataset, path, kinds=("TOMO",))
    notes = [*_style_notes(dataset), *require_raw_counts(dataset, path), *_centre_notes(dataset, path)]
    pixels = _frames(dataset, path)
    windows = energy_windows(dataset, path)
    views = sorted_views(dataset, len(pixels), len(windows), path, stated)
    position = patient_position(dataset, path, stated)
    stored = stored_as(dataset, position, views, path, stated)
    place = placed(dataset, position, views, stored, path, stated)
    nuclide, nuclide_notes = radionuclide(dataset, path, stated)
    name, collimator_notes = collimator(dataset, path)
    slice_mm, bin_mm = (float(v) for v in need(dataset, "PixelSpacing", path, why="sizes depend on it"))
    counts = _turned(pixels[views.frame], stored)
    angle = np.mod(stored.angle_sign * views.angle_deg + stored.angle_offset_deg, 360.0)
    order = np.argsort(np.round(angle, 6), kind="stable")
    rows = counts.shape[2]
    return ProjectionSet(
        counts=counts[:, order],
        windows=windows,
        angle_deg=angle[order],
        radius_mm=views.radius_mm[order],
        bin_mm=bin_mm,
        slice_mm=slice_mm,
        frame_duration_s=views.duration_s[order],
        frame_start_s=views.start_s[order],
        started_at=acquisition_start(dataset, path, zone=zone),
        duration_s=float((views.start_s + views.duration_s).max()),
        nuclide=nuclide,
        collimator=name,
        frame_of_reference_uid=place.frame_of_reference_uid,
        axis_mm=place.axis_mm,
        first_slice_mm=place.first_row_mm - ((rows - 1) * slice_mm if stored.head_up else 0.0),
        patient_position=position,
        camera=camera_name(dataset),
        corrections=corrections(dataset),
        notes=tuple(
            dict.fromkeys(
                [*notes, *views.notes, *place.notes, *nuclide_notes, *collimator_notes, *_fringe_notes(counts)]
            )
        ),
    )


def read_tomo_study(
    paths: Sequence[Path], *, zone: ZoneInfo | None = None, stated: TomoStatements | None = None
) -> tuple[ProjectionSet, ...]:
    """Read all files of one SPECT study: windows stored apart are joined, beds sorted from feet to head.

    Parameters
    ----------
    paths : sequence of Path
        NM TOMO objects, in any order.
    zone, stated
        As for `read_tomo`.

    Returns
    -------
    tuple of ProjectionSet
        One for each bed, lowest z first.

    Raises
    ------
    DicomError
        If files belong to different patients, or a window comes twice for one bed.
    GeometryError
        If beds differ in camera, pixels or frame of reference, or leave a gap between them.
    """
    if not paths:
        raise DicomError("no projections are named", field="files")
    _require_one_patient(paths)
    sets = [read_tomo(path, zone=zone, stated=stated) for path in paths]
    beds: list[ProjectionSet] = []
    for path, views in zip(paths, sets, strict=True):
        for number, bed in enumerate(beds):
            if _same_acquisition(bed, views):
                beds[number] = _joined(bed, views, path)
                break
        else:
            beds.append(views)
    beds.sort(key=lambda bed: bed.first_slice_mm)
    require_same_camera(beds)
    _require_contiguous(beds)
    return tuple(beds)


def _frames(dataset: Any, path: Path) -> Counts:
    stored = pixel_array(dataset, path)
    frames = np.asarray(stored if stored.ndim == 3 else stored[None])
    if frames.ndim != 3:
        raise DicomError("projections are grey images", source=str(path), field="SamplesPerPixel")
    if not np.isfinite(frames).all() or frames.min() < 0:
        raise DicomError(
            "negative counts in the projections",
            source=str(path),
            field="PixelData",
            value=f"{frames.min():g}",
            remedy="export raw projections, not subtracted or filtered ones",
        )
    if not frames.any():
        raise DicomError("the projections hold no counts at all", source=str(path), field="PixelData")
    return np.asarray(frames, dtype=np.float32)


def _turned(counts: Counts, stored: Stored) -> Counts:
    """Pixels in patient sense: slices towards the head, bins along (-cos t, sin t)."""
    rows = counts[:, :, ::-1] if stored.head_up else counts
    return np.ascontiguousarray(rows[..., ::-1] if stored.mirrored else rows)


def _style_notes(dataset: Any) -> list[str]:
    if header_style(dataset) is HeaderStyle.OTHER:
        return ["headers of this maker have not been tried: they are read by the letter of the standard"]
    return []


def _centre_notes(dataset: Any, path: Path) -> list[str]:
    """The axis must lie in the middle of the matrix."""
    bin_mm = float(dataset.PixelSpacing[1]) if dataset.get("PixelSpacing") else 1.0
    corrected = corrections(dataset)
    for item in dataset.get("DetectorInformationSequence") or []:
        centre = [float(v) for v in item.get("ZoomCenter") or (0.0, 0.0)]
        if max(abs(v) for v in centre) > 0.5 * bin_mm:
            raise DicomError(
                "the zoomed field is off the axis of rotation",
                source=str(path),
                field="ZoomCenter",
                value="\\".join(f"{v:g}" for v in centre),
                expected="0\\0",
                remedy="export the projections unzoomed",
            )
        offset = item.get("CenterOfRotationOffset")
        if offset not in (None, "") and abs(float(offset)) > 0.5 * bin_mm and "COR" not in corrected:
            raise DicomError(
                "the centre of rotation is off and the file does not say that it was corrected",
                source=str(path),
                field="CenterOfRotationOffset",
                value=f"{float(offset):g} mm",
                expected=f"at most {0.5 * bin_mm:g} mm, or COR in CorrectedImage",
            )
    return []


def _fringe_notes(counts: Counts) -> list[str]:
    """Say in how many views counts reach the edge of what the detector saw."""
    total = counts.sum(axis=(0, 2), dtype=np.float64)
    seen = np.flatnonzero(total.sum(axis=0))
    if seen.size < 4 * _FRINGE:
        return []
    edge = np.maximum(total[:, seen[:_FRINGE]].mean(axis=1), total[:, seen[-_FRINGE:]].mean(axis=1))
    cut = int(np.count_nonzero(edge > _FRINGE_SHARE * np.maximum(total.max(axis=1), 1.0)))
    if not cut:
        return []
    return [
        f"counts reach the edge of the field of view in {cut} of {len(total)} views: activity outside it is "
        "reconstructed in the wrong place"
    ]


def _require_one_patient(paths: Sequence[Path]) -> None:
    first = None
    for path in paths:
        digest = patient_digest(open_dataset(path, pixels=False))
        first = first or digest
        if digest != first:
            raise DicomError(
                "this file belongs to another patient than the first one",
                source=str(path),
                field="PatientID",
                remedy="check which study was exported",
            )


def _same_acquisition(one: ProjectionSet, other: ProjectionSet) -> bool:
    """Windows of one acquisition that were stored in files of their own."""
    return (
        abs(elapsed_s(other.started_at, one.started_at)) <= _SAME_START_S
        and abs(one.first_slice_mm - other.first_slice_mm) < 0.5 * one.slice_mm
        and one.counts.shape[1:] == other.counts.shape[1:]
        and bool(np.allclose(one.angle_deg, other.angle_deg, atol=0.01))
        and bool(np.allclose(one.radius_mm, other.radius_mm, atol=0.5))
    )


def _joined(one: ProjectionSet, other: ProjectionSet, path: Path) -> ProjectionSet:
    limits = {(w.lower_kev, w.upper_kev) for w in one.windows} & {(w.lower_kev, w.upper_kev) for w in other.windows}
    if limits:
        raise DicomError(
            "the same window of the same bed is given twice",
            source=str(path),
            field="EnergyWindowRangeSequence",
            value=", ".join(f"{low:g}-{high:g} keV" for low, high in sorted(limits)),
            remedy="name each file once",
        )
    taken = {w.name for w in one.windows}
    windows = [
        replace(w, name=f"{w.name} {w.lower_kev:g}-{w.upper_kev:g} keV") if w.name in taken else w
        for w in other.windows
    ]
    return replace(
        one,
        counts=np.concatenate([one.counts, other.counts]),
        windows=(*one.windows, *windows),
        notes=tuple(dict.fromkeys([*one.notes, *other.notes])),
    )


def _require_contiguous(beds: Sequence[ProjectionSet]) -> None:
    for low, high in pairwise(beds):
        apart = high.first_slice_mm - low.last_slice_mm
        if apart > 1.5 * low.slice_mm:
            raise DicomError(
                "there is a gap between two beds",
                field="ImagePositionPatient",
                value=f"{apart:.1f} mm between the nearest slices",
                expected=f"at most {1.5 * low.slice_mm:.1f} mm",
                remedy="add the bed between them, or reconstruct them on their own",
            )
        if high.first_slice_mm - low.first_slice_mm < 0.5 * low.slice_mm:
            raise DicomError(
                "two files show the same bed at different times",
                field="ImagePositionPatient, AcquisitionTime",
                value=f"both at {low.first_slice_mm:.1f} mm",
                remedy="reconstruct the time points on their own",
            )
