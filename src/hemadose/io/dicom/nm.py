"""What all nuclear-medicine objects share: windows, detectors, views, frame vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hemadose.errors import DicomError
from hemadose.io.dicom.headers import need
from hemadose.io.dicom.identity import code
from hemadose.model import EnergyWindow, View

NM_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.20"

VIEW_CODES = {
    "399321004": View.ANTERIOR,
    "R-10206": View.ANTERIOR,
    "399001007": View.POSTERIOR,
    "R-10214": View.POSTERIOR,
}
"""SNOMED CT and the retired SRT codes of the two views."""


def require_nm(dataset: Any, path: Path, *, kinds: Sequence[str]) -> str:
    """Check that a dataset is an NM image of one of the given kinds (ImageType value 3).

    Raises
    ------
    DicomError
        Otherwise, saying what the file is.
    """
    if str(dataset.get("SOPClassUID")) != NM_IMAGE_STORAGE:
        raise DicomError(
            "this is not a nuclear-medicine image object",
            source=str(path),
            field="SOPClassUID",
            value=getattr(dataset.get("SOPClassUID"), "name", "?"),
            expected="NM Image Storage",
            remedy="export the original study, not screen or secondary captures",
        )
    image_type = [str(v) for v in need(dataset, "ImageType", path, why="it tells planar from SPECT")]
    kind = image_type[2] if len(image_type) > 2 else ""
    if kind not in kinds:
        raise DicomError(
            f"an NM image of kind {kind!r} cannot be used here",
            source=str(path),
            field="ImageType",
            value="\\".join(image_type),
            expected=" or ".join(kinds),
        )
    return kind


def windows(dataset: Any, path: Path) -> tuple[EnergyWindow, ...]:
    """Read all energy windows in file order; several ranges of one window are refused.

    Raises
    ------
    DicomError
        If there are none, or a window lacks or multiplies its range.
    """
    items = dataset.get("EnergyWindowInformationSequence") or []
    if not items:
        raise DicomError("no energy window is described", source=str(path), field="EnergyWindowInformationSequence")
    found = []
    for number, item in enumerate(items, start=1):
        ranges = item.get("EnergyWindowRangeSequence") or []
        if len(ranges) != 1:
            raise DicomError(
                f"energy window {number} has {len(ranges)} ranges",
                source=str(path),
                field="EnergyWindowRangeSequence",
                expected="one",
                remedy="export each window on its own: summed peaks cannot be scatter-corrected",
            )
        found.append(
            EnergyWindow(
                name=str(item.get("EnergyWindowName") or f"window {number}"),
                lower_kev=float(ranges[0].EnergyWindowLowerLimit),
                upper_kev=float(ranges[0].EnergyWindowUpperLimit),
            )
        )
    return tuple(found)


def vector(dataset: Any, keyword: str, frames: int, path: Path) -> list[int]:
    """Read a frame vector (EnergyWindowVector, DetectorVector, SliceVector ...), zero-based.

    A vector may be absent only if its dimension has length one.

    Raises
    ------
    DicomError
        If it is absent though needed, or does not fit the number of frames.
    """
    values = dataset.get(keyword)
    if values is None or values == "":
        dimension = keyword.replace("Vector", "")
        count = int(dataset.get(f"NumberOf{dimension}s") or 1)
        if count == 1:
            return [0] * frames
        raise DicomError(
            f"{keyword} is missing although there are {count}",
            source=str(path),
            field=keyword,
            remedy="export it again from the workstation; the order of frames is not guessed",
        )
    listed = [int(v) - 1 for v in (values if not isinstance(values, int) else [values])]
    if len(listed) != frames:
        raise DicomError(
            f"{keyword} does not fit the frames",
            source=str(path),
            field=keyword,
            value=f"{len(listed)} values",
            expected=f"{frames}",
        )
    return listed


def view_of(item: Any) -> View | None:
    """View of one detector item, or None if it is not coded."""
    codes = item.get("ViewCodeSequence") or []
    return VIEW_CODES.get(str(codes[0].get("CodeValue"))) if codes else None


def write_windows(dataset: Any, found: Sequence[EnergyWindow]) -> None:
    """Write the energy windows."""
    from pydicom.dataset import Dataset

    items = []
    for window in found:
        limits = Dataset()
        limits.EnergyWindowLowerLimit = f"{window.lower_kev:.2f}"
        limits.EnergyWindowUpperLimit = f"{window.upper_kev:.2f}"
        item = Dataset()
        item.EnergyWindowName = window.name
        item.EnergyWindowRangeSequence = [limits]
        items.append(item)
    dataset.EnergyWindowInformationSequence = items
    dataset.NumberOfEnergyWindows = len(items)


def write_orientation(dataset: Any) -> None:
    """Patient head first and supine, in the coded form NM demands."""
    recumbent = code("102538003", "SCT", "recumbent")
    recumbent.PatientOrientationModifierCodeSequence = [code("40199007", "SCT", "supine")]
    dataset.PatientOrientationCodeSequence = [recumbent]
    dataset.PatientGantryRelationshipCodeSequence = [code("102540008", "SCT", "headfirst")]


def view_item(view: View) -> Any:
    """Code item of a view."""
    anterior = view is View.ANTERIOR
    value = "399321004" if anterior else "399001007"
    item = code(value, "SCT", "Anterior projection" if anterior else "Posterior projection")
    item.ViewModifierCodeSequence = []
    return item
