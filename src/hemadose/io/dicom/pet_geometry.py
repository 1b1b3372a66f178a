"""Where the slices of a PET lie: sorted, gapless, and turned to one orientation however the patient lay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import GeometryError
from hemadose.io.dicom.headers import need
from hemadose.model import Grid
from hemadose.model.pet import PetScan

Slices = list[tuple[Path, Any]]


def ordered(slices: Slices, folder: Path) -> Slices:
    """Sort slices by position, and refuse a series with gaps or doubles.

    Raises
    ------
    DicomError
        If a slice has no place.
    GeometryError
        If slices are missing, doubled, uneven or not parallel.
    """
    path, first = slices[0]
    why = "without it the image has no place in the patient"
    direction = np.array(need(first, "ImageOrientationPatient", path, why=why), dtype=np.float64)
    normal = np.cross(direction[:3], direction[3:])
    heights = []
    for p, d in slices:
        if not np.allclose(np.array(need(d, "ImageOrientationPatient", p, why=why), dtype=float), direction, atol=1e-4):
            raise GeometryError("PET slices are not parallel", source=str(p))
        heights.append(float(np.array(need(d, "ImagePositionPatient", p, why=why), dtype=np.float64) @ normal))
    stated = int(first.get("NumberOfSlices") or len(slices))
    if len(slices) < stated:
        raise GeometryError(
            "PET slices are missing",
            source=str(folder),
            field="NumberOfSlices",
            value=str(len(slices)),
            expected=str(stated),
            remedy="export the whole series again",
        )
    order = np.argsort(heights, kind="stable")
    _require_even([heights[i] for i in order], folder)
    return [slices[i] for i in order]


def _require_even(heights: Sequence[float], folder: Path) -> None:
    if len(heights) < 2:
        raise GeometryError("one PET slice is not a volume", source=str(folder))
    steps = np.diff(heights)
    step = float(np.median(steps))
    if float(steps.min()) < 0.01:
        raise GeometryError(
            "several PET slices lie at one position", source=str(folder), remedy="keep one static series a folder"
        )
    worst = int(np.argmax(np.abs(steps - step)))
    if abs(float(steps[worst]) - step) > 0.02 * step + 0.01:
        raise GeometryError(
            "PET slices are missing or unevenly spaced",
            source=str(folder),
            value=f"{steps[worst]:.2f} mm after slice {worst + 1}",
            expected=f"{step:.2f} mm",
            remedy="export the whole series again",
        )


def read_grid(slices: Slices, folder: Path) -> Grid:
    """Grid of sorted slices, as they lie."""
    path, first = slices[0]
    why = "without it the image has no place in the patient"
    direction = np.array(first.ImageOrientationPatient, dtype=np.float64)
    rows_mm, columns_mm = (float(v) for v in need(first, "PixelSpacing", path, why=why))
    corners = [np.array(d.ImagePositionPatient, dtype=np.float64) for _, d in slices]
    affine = np.eye(4)
    affine[:3, 0] = (corners[-1] - corners[0]) / (len(slices) - 1)
    affine[:3, 1] = direction[3:] * rows_mm
    affine[:3, 2] = direction[:3] * columns_mm
    affine[:3, 3] = corners[0]
    return Grid(
        shape=(len(slices), int(first.Rows), int(first.Columns)),
        affine=affine,
        frame_of_reference_uid=str(need(first, "FrameOfReferenceUID", folder, why="regions must match it")),
    )


def axial(scan: PetScan) -> PetScan:
    """Turn a scan so that slices run to the head, rows to the back and columns to the left.

    Raises
    ------
    GeometryError
        If the slices are not axial.
    """
    leading = [int(np.argmax(np.abs(scan.grid.affine[axis, :3]))) for axis in (2, 1, 0)]
    if leading != [0, 1, 2]:
        raise GeometryError(
            "the PET slices are not axial",
            field="ImageOrientationPatient",
            remedy="export the axial series, not a reformat",
        )
    values, affine, times = scan.values, np.array(scan.grid.affine), scan.slice_at
    for index, axis in enumerate((2, 1, 0)):
        if affine[axis, index] < 0.0:
            affine[:3, 3] += affine[:3, index] * (scan.grid.shape[index] - 1)
            affine[:3, index] *= -1.0
            values = np.flip(values, axis=index)
            times = times[::-1] if index == 0 else times
    grid = Grid(shape=scan.grid.shape, affine=affine, frame_of_reference_uid=scan.grid.frame_of_reference_uid)
    return replace(scan, values=np.ascontiguousarray(values), grid=grid, slice_at=times)
