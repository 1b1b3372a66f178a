"""What the voxels of a PET mean: units, slopes of each slice, Philips's private factors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError
from hemadose.io.dicom.headers import corrections as corrections_of
from hemadose.io.dicom.headers import need, pixel_array
from hemadose.io.dicom.pet_geometry import Slices
from hemadose.model.pet import SuvMeasure

PHILIPS = (0x7053, "Philips PET Private Group")

_SUV_TYPES = {
    ("GML", ""): SuvMeasure.BODY_WEIGHT,
    ("GML", "BW"): SuvMeasure.BODY_WEIGHT,
    ("GML", "LBMJAMES128"): SuvMeasure.LBM_JAMES,
    ("GML", "LBMJANMA"): SuvMeasure.LBM_JANMAHASATIAN,
    ("CM2ML", ""): SuvMeasure.BODY_SURFACE,
    ("CM2ML", "BSA"): SuvMeasure.BODY_SURFACE,
}


def read_values(slices: Slices, folder: Path) -> tuple[npt.NDArray[np.float32], SuvMeasure | None, tuple[str, ...]]:
    """Decode all slices with their own slopes.

    Returns
    -------
    values : ndarray, shape (slices, rows, columns)
    measure : SuvMeasure or None
        None: Bq/ml.
    notes : tuple of str

    Raises
    ------
    DicomError
        If unit, slope, pixels or attenuation correction are missing or cannot be used.
    """
    path, first = slices[0]
    stored = []
    for p, d in slices:
        need(d, "RescaleSlope", p, why="PET slices are scaled one by one")
        stored.append(np.asarray(pixel_array(d, p), dtype=np.float64))
    volume = np.stack(stored)
    if "ATTN" not in corrections_of(first):
        raise DicomError(
            "a PET without attenuation correction has no uptake values",
            source=str(folder),
            field="CorrectedImage",
            value="\\".join(sorted(corrections_of(first))) or "absent",
            expected="ATTN among the corrections",
            remedy="choose the attenuation-corrected series",
        )
    units = str(need(first, "Units", path, why="the meaning of the voxels is not guessed"))
    if units == "BQML":
        return volume.astype(np.float32), None, ()
    if units == "CNTS":
        return _philips(volume, slices)
    suv_type = str(first.get("SUVType") or "")
    measure = _SUV_TYPES.get((units, suv_type))
    if measure is None:
        raise DicomError(
            "unit of the PET is none that uptake can be made of",
            source=str(folder),
            field="Units",
            value=f"{units} {suv_type}".strip(),
            expected="BQML; GML (BW, LBMJAMES128, LBMJANMA); CM2ML (BSA); CNTS with Philips's factors",
            remedy="export the series in Bq/ml",
        )
    assumed = ("GML without SUVType: body weight, as DICOM says",) if units == "GML" and not suv_type else ()
    return volume.astype(np.float32), measure, assumed


def _philips(
    volume: npt.NDArray[np.float64], slices: Slices
) -> tuple[npt.NDArray[np.float32], SuvMeasure | None, tuple[str, ...]]:
    """Counts with Philips's private factors: to Bq/ml (7053,xx09), else to SUVbw (7053,xx00)."""
    for element, measure, words in (
        (0x09, None, "counts turned into Bq/ml by Philips's private factor"),
        (0x00, SuvMeasure.BODY_WEIGHT, "counts turned into SUVbw by Philips's private factor"),
    ):
        factors = np.array([float(str(private(d, *PHILIPS, element) or 0.0)) for _, d in slices])
        if (factors > 0.0).all():
            return (volume * factors[:, None, None]).astype(np.float32), measure, (words,)
    raise DicomError(
        "the PET is in counts and lacks the private factor that turns them into activity",
        source=str(slices[0][0]),
        field="(7053,xx09), (7053,xx00)",
        value="CNTS",
        expected="a positive factor in every slice",
        remedy="export without removing private attributes, or in Bq/ml",
    )


def private(dataset: Any, group: int, creator: str, element: int) -> Any:
    """Value of a private attribute, or None."""
    try:
        return dataset.private_block(group, creator)[element].value
    except KeyError:
        return None
