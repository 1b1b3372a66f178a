"""CT series."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError, GeometryError
from hemadose.io.dicom.headers import need, open_dataset, pixel_array
from hemadose.io.dicom.identity import DicomIdentity, new_dataset, save, stamp
from hemadose.model import Grid, Image, Quantity

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


def read_ct_series(folder: Path) -> Image:
    """Read a CT series, sorted by position whatever the file names say.

    Parameters
    ----------
    folder : Path
        Holds the slices of one series (and nothing else).

    Returns
    -------
    Image
        Quantity HOUNSFIELD.

    Raises
    ------
    DicomError
        If the folder is empty, mixes series or modalities, or a file is broken.
    GeometryError
        If slices are missing or not parallel.
    """
    paths = sorted(p for p in _members(folder) if p.is_file() and not p.name.startswith("."))
    if not paths:
        raise DicomError("no CT slices here", source=str(folder))
    slices = [(path, open_dataset(path)) for path in paths]
    for path, d in slices:
        if d.get("Modality") != "CT":
            raise DicomError("this is not a CT slice", source=str(path), field="Modality", value=str(d.get("Modality")))
    for keyword in ("SeriesInstanceUID", "FrameOfReferenceUID", "Rows", "Columns"):
        if len({str(d.get(keyword)) for _, d in slices}) > 1:
            raise DicomError(
                "the folder mixes several CT series",
                source=str(folder),
                field=keyword,
                remedy="keep one series a folder",
            )
    return _assemble(slices, folder)


def _members(folder: Path) -> Iterable[Path]:
    if not folder.exists():
        raise DicomError("folder not found", source=str(folder))
    return folder.iterdir() if folder.is_dir() else [folder]


def _assemble(slices: list[tuple[Path, Any]], folder: Path) -> Image:
    first_path, first = slices[0]
    why = "without it the image has no place in the patient"
    orientation = np.array(need(first, "ImageOrientationPatient", first_path, why=why), dtype=np.float64)
    row_axis, column_axis = orientation[:3], orientation[3:]
    normal = np.cross(row_axis, column_axis)
    placed = []
    for path, d in slices:
        if not np.allclose(np.array(d.ImageOrientationPatient, dtype=float), orientation, atol=1e-4):
            raise GeometryError("CT slices are not parallel", source=str(path))
        position = np.array(need(d, "ImagePositionPatient", path, why=why), dtype=np.float64)
        placed.append((float(position @ normal), position, path, d))
    placed.sort(key=lambda item: item[0])
    step = _spacing([item[0] for item in placed], first, folder)
    rows_mm, columns_mm = (float(v) for v in need(first, "PixelSpacing", first_path, why=why))
    affine = np.eye(4)
    affine[:3, 0] = normal * step
    affine[:3, 1] = column_axis * rows_mm
    affine[:3, 2] = row_axis * columns_mm
    affine[:3, 3] = placed[0][1]
    left = [(path, d) for _, _, path, d in placed]
    uid = str(need(first, "FrameOfReferenceUID", first_path, why=why))
    del d, first, placed
    slices.clear()
    values = _stacked(left)
    grid = Grid(
        shape=(values.shape[0], values.shape[1], values.shape[2]),
        affine=affine,
        frame_of_reference_uid=uid,
    )
    return Image(values=values, grid=grid, quantity=Quantity.HOUNSFIELD)


def _stacked(slices: list[tuple[Path, Any]]) -> npt.NDArray[np.float32]:
    """Values slice by slice into one array; the list is used up, so that a whole CT stands in memory only once."""
    count, values = len(slices), np.empty(0, dtype=np.float32)
    for index in range(count):
        path, d = slices.pop(0)
        plane = pixel_array(d, path)
        if index == 0:
            values = np.empty((count, *plane.shape), dtype=np.float32)
        if plane.shape != values.shape[1:]:
            raise GeometryError(
                "CT slices differ in size", source=str(path), value=str(plane.shape), expected=str(values.shape[1:])
            )
        values[index] = plane
    values.setflags(write=False)
    return values


def _spacing(heights: list[float], first: Any, folder: Path) -> float:
    if len(heights) == 1:
        return float(first.get("SliceThickness") or 1.0)
    steps = np.diff(heights)
    step = float(np.median(steps))
    if step < 1e-3:
        raise GeometryError("several CT slices lie at one position", source=str(folder))
    if np.abs(steps - step).max() > 0.02 * step + 0.01:
        gap = int(np.argmax(np.abs(steps - step)))
        raise GeometryError(
            "CT slices are missing or unevenly spaced",
            source=str(folder),
            value=f"{steps[gap]:.2f} mm after slice {gap + 1}",
            expected=f"{step:.2f} mm",
        )
    return step


def write_ct_series(image: Image, folder: Path, *, identity: DicomIdentity, acquired_at: datetime) -> None:
    """Write a CT volume (axial or oblique) as one file a slice."""
    if image.quantity is not Quantity.HOUNSFIELD:
        raise DicomError("only HU can be written as CT", value=str(image.quantity))
    grid = image.grid
    stored = np.clip(np.rint(image.values), -1024, 3071).astype(np.int16)
    for index in range(grid.shape[0]):
        d = new_dataset(
            identity,
            sop_class_uid=CT_IMAGE_STORAGE,
            modality="CT",
            series="ct",
            instance=str(index),
            series_number=2,
        )
        stamp(d, acquired_at)
        d.InstanceNumber = index + 1
        d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        d.AcquisitionNumber, d.KVP, d.PatientPosition = 1, "120", "HFS"
        d.FrameOfReferenceUID, d.PositionReferenceIndicator = grid.frame_of_reference_uid, ""
        _write_plane(d, grid, index)
        d.SliceThickness = f"{grid.spacing_mm[0]:.6g}"
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 1
        d.RescaleIntercept, d.RescaleSlope, d.RescaleType = "0", "1", "HU"
        d.WindowCenter, d.WindowWidth = "40", "400"
        d.PixelData = stored[index].tobytes()
        save(d, folder / f"ct{index + 1:04d}.dcm")


def _write_plane(d: Any, grid: Grid, index: int) -> None:
    spacing = grid.spacing_mm
    d.Rows, d.Columns = grid.shape[1], grid.shape[2]
    d.PixelSpacing = [f"{spacing[1]:.6g}", f"{spacing[2]:.6g}"]
    d.ImageOrientationPatient = orientation_text(grid.affine)
    d.ImagePositionPatient = [f"{v:.6g}" for v in grid.index_to_mm([index, 0, 0])]


def orientation_text(affine: npt.NDArray[np.float64]) -> list[str]:
    """Direction of rows and columns as DICOM writes it."""
    row = affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    column = affine[:3, 1] / np.linalg.norm(affine[:3, 1])
    return [f"{v + 0.0:.8g}" for v in (*row, *column)]
