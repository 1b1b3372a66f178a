"""Who was injected with what, as a PET header says it: units and dates are checked, not believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hemadose.errors import DicomError, QuantityError
from hemadose.io.dicom.headers import moment
from hemadose.model import Sex
from hemadose.model.pet import BodySize
from hemadose.units import MBQ

_LOWEST_BQ, _HIGHEST_BQ = 1e6, 2e10
_RADIONUCLIDES = {
    "77004003": "F-18",
    "C-111A1": "F-18",
    "35337001": "Ga-68",
    "80751004": "Ga-68",
    "C-131A3": "Ga-68",
}
"""SNOMED CT and retired SRT codes of PET radionuclides (DICOM CID 4020)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFacts:
    """What the user states instead of the header; None leaves the header's value.

    Attributes
    ----------
    weight_kg, height_cm : float or None
        On the day of the scan.
    sex : Sex or None
        For lean body mass.
    activity_bq : float or None
        Net activity at the time of injection: syringe minus residual.
    injected_at : datetime or None
        Time of injection, with zone.
    """

    weight_kg: float | None = None
    height_cm: float | None = None
    sex: Sex | None = None
    activity_bq: float | None = None
    injected_at: datetime | None = None


def radiopharmaceutical(dataset: Any, path: Path) -> Any:
    """Give the one radiopharmaceutical of a series, or None.

    Raises
    ------
    DicomError
        If there are several.
    """
    items = dataset.get("RadiopharmaceuticalInformationSequence") or []
    if len(items) > 1:
        raise DicomError(
            "the PET names several radiopharmaceuticals",
            source=str(path),
            field="RadiopharmaceuticalInformationSequence",
            value=str(len(items)),
            expected="1",
        )
    return items[0] if items else None


def names_of(item: Any) -> tuple[str, str]:
    """Tracer and radionuclide as the header spells them ("" where absent)."""
    if item is None:
        return "", ""
    agent = item.get("RadiopharmaceuticalCodeSequence") or []
    tracer = str(item.get("Radiopharmaceutical") or (agent[0].get("CodeMeaning", "") if agent else ""))
    codes = item.get("RadionuclideCodeSequence") or []
    if not codes:
        return tracer, ""
    value, meaning = str(codes[0].get("CodeValue", "")), str(codes[0].get("CodeMeaning", ""))
    return tracer, _RADIONUCLIDES.get(value, meaning)


def half_life_s(item: Any, path: Path) -> float | None:
    """Half-life in seconds.

    Raises
    ------
    DicomError
        If it is shorter than a minute, as one in hours or minutes would be.
    """
    value = None if item is None else item.get("RadionuclideHalfLife")
    if value in (None, ""):
        return None
    seconds = float(str(value))
    if seconds < 60.0:
        raise DicomError(
            "implausible half-life: DICOM states seconds",
            source=str(path),
            field="RadionuclideHalfLife",
            value=f"{seconds:g}",
            expected=">= 60 s",
        )
    return seconds


def injected_activity_bq(item: Any, path: Path, *, stated: StatedFacts) -> tuple[float | None, tuple[str, ...]]:
    """Injected activity.

    Raises
    ------
    DicomError
        If the header's value cannot be Bq and none is stated.
    """
    if stated.activity_bq is not None:
        return stated.activity_bq, ("the injected activity was stated by the user",)
    value = None if item is None else item.get("RadionuclideTotalDose")
    if value in (None, ""):
        return None, ()
    activity = float(str(value))
    if not _LOWEST_BQ <= activity <= _HIGHEST_BQ:
        looks = ""
        if 1.0 <= activity <= _HIGHEST_BQ / MBQ:
            looks = ": this looks like MBq"
        raise DicomError(
            f"implausible injected activity; PET states Bq{looks}",
            source=str(path),
            field="RadionuclideTotalDose",
            value=f"{activity:g}",
            expected=f"{_LOWEST_BQ:g}-{_HIGHEST_BQ:g} Bq",
            remedy="correct the header, or state the net activity (--activity-MBq)",
        )
    return activity, ()


def injected_at(
    dataset: Any, item: Any, path: Path, *, started_at: datetime, zone: ZoneInfo, stated: StatedFacts
) -> tuple[datetime | None, tuple[str, ...]]:
    """Time of injection; a time without its date belongs to the last such time before the scan.

    Raises
    ------
    TimingError
        If a date or time is unreadable.
    """
    if stated.injected_at is not None:
        return stated.injected_at, ("the time of injection was stated by the user",)
    if item is None:
        return None, ()
    full = str(item.get("RadiopharmaceuticalStartDateTime") or "")
    if full:
        return date_time(full, dataset=dataset, zone=zone, path=path), ()
    time = item.get("RadiopharmaceuticalStartTime")
    if not time:
        return None, ()
    found = moment(f"{started_at:%Y%m%d}", str(time), dataset=dataset, zone=zone, path=path)
    if found > started_at:
        return found - timedelta(days=1), (
            "the file gives the injection without its date, later than the scan: taken as the day before (midnight)",
        )
    return found, ("the file gives the injection without its date: the day of the scan was taken",)


def date_time(text: str, *, dataset: Any, zone: ZoneInfo, path: Path) -> datetime:
    """Read a DICOM DT value with its own offset, else the file's, else the zone.

    Raises
    ------
    TimingError
        If it is unreadable.
    """
    sign = next((s for s in ("+", "-") if s in text), "")
    local, _, offset = text.partition(sign) if sign else (text, "", "")
    if offset:
        from pydicom.dataset import Dataset

        own = Dataset()
        own.TimezoneOffsetFromUTC = sign + offset
        return moment(local[:8], local[8:], dataset=own, zone=zone, path=path)
    return moment(local[:8], local[8:], dataset=dataset, zone=zone, path=path)


def body_size(dataset: Any, *, stated: StatedFacts) -> tuple[BodySize, tuple[str, ...]]:
    """Weight, height and sex; a value in another unit is left out and named, not converted."""
    notes: list[str] = []
    weight = _measure(dataset, "PatientWeight", "kg", notes)
    height = _measure(dataset, "PatientSize", "m", notes)
    sex = {"M": Sex.MALE, "F": Sex.FEMALE}.get(str(dataset.get("PatientSex") or ""))
    if stated.weight_kg is not None:
        if weight is not None and abs(stated.weight_kg - weight) > 0.1 * weight:
            notes.append(f"the stated weight of {stated.weight_kg:g} kg differs from the header's {weight:g} kg")
        weight = stated.weight_kg
        notes.append("the weight was stated by the user")
    if stated.height_cm is not None:
        height = stated.height_cm
        notes.append("the height was stated by the user")
    return BodySize(weight_kg=weight, height_cm=height, sex=stated.sex or sex), tuple(notes)


def _measure(dataset: Any, keyword: str, unit: str, notes: list[str]) -> float | None:
    value = dataset.get(keyword)
    if value in (None, "") or float(str(value)) == 0.0:
        return None
    number = float(str(value))
    try:
        body = BodySize(weight_kg=number) if unit == "kg" else BodySize(height_cm=100.0 * number)
    except QuantityError:
        notes.append(f"{keyword} {number:g} cannot be {unit} and was left out")
        return None
    return body.weight_kg if unit == "kg" else body.height_cm
