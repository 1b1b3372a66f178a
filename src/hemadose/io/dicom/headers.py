"""What every DICOM reader needs: opening files, times, identity, the radiopharmaceutical."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError, TimingError
from hemadose.units import MBQ

_LARGEST_MBQ = 2e5
"""An administered activity above 200 GBq is a wrong unit, not a patient."""


def open_dataset(path: Path, *, pixels: bool = True) -> Any:
    """Open a DICOM file.

    Raises
    ------
    DicomError
        If it is missing, no DICOM, or cut short.
    """
    import pydicom

    try:
        return pydicom.dcmread(path, stop_before_pixels=not pixels)
    except FileNotFoundError as problem:
        raise DicomError("file not found", source=str(path)) from problem
    except IsADirectoryError as problem:
        raise DicomError("a file is expected, this is a folder", source=str(path)) from problem
    except Exception as problem:  # pydicom raises many kinds for a broken file
        raise DicomError("not a readable DICOM file", source=str(path), value=type(problem).__name__) from problem


def pixel_array(dataset: Any, path: Path) -> npt.NDArray[Any]:
    """Decode the pixels with the rescale of the file applied (float64 if there is one).

    Raises
    ------
    DicomError
        If pixels are missing, truncated, or compressed without a decoder.
    """
    if "PixelData" not in dataset:
        raise DicomError("the file holds no image", source=str(path), field="PixelData")
    try:
        array = np.asarray(dataset.pixel_array)
    except Exception as problem:
        raise DicomError(
            "the pixels cannot be read: the file is cut short or compressed without a decoder here",
            source=str(path),
            field="PixelData",
            value=str(getattr(dataset.file_meta, "TransferSyntaxUID", "?")),
            remedy="export it uncompressed (Explicit VR Little Endian)",
        ) from problem
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is None and intercept is None:
        return array
    return np.asarray(array * float(slope or 1.0) + float(intercept or 0.0))


def need(dataset: Any, keyword: str, path: Path, *, why: str) -> Any:
    """Give an attribute that must be there.

    Raises
    ------
    DicomError
        If it is absent or empty, saying why it is needed.
    """
    value = dataset.get(keyword)
    if value is None or value == "":
        raise DicomError(f"{keyword} is missing: {why}", source=str(path), field=keyword)
    return value


def moment(date_text: str, time_text: str, *, dataset: Any, zone: ZoneInfo | None, path: Path) -> datetime:
    """Join a DICOM date and time into an aware date-time.

    The zone is TimezoneOffsetFromUTC of the file, else the clinic's.

    Raises
    ------
    TimingError
        If the text is unreadable or no zone is known.
    """
    digits, _, fraction = str(time_text).partition(".")
    try:
        found = datetime.strptime(f"{date_text}{digits.ljust(6, '0')}", "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError as problem:
        raise TimingError("unreadable date or time", source=str(path), value=f"{date_text} {time_text}") from problem
    if fraction:
        found += timedelta(seconds=float(f"0.{fraction}"))
    offset = dataset.get("TimezoneOffsetFromUTC")
    if offset:
        return datetime.strptime(f"{found:%Y%m%d%H%M%S}{offset}", "%Y%m%d%H%M%S%z").replace(
            microsecond=found.microsecond
        )
    if zone is None:
        raise TimingError(
            "the file names no time zone", source=str(path), remedy="give the clinic's zone in the case file"
        )
    return found.replace(tzinfo=zone)


def corrections(dataset: Any) -> frozenset[str]:
    """Codes of CorrectedImage, whether one or several are given."""
    found = dataset.get("CorrectedImage") or ()
    return frozenset([found] if isinstance(found, str) else [str(code) for code in found])


def acquisition_start(dataset: Any, path: Path, *, zone: ZoneInfo | None) -> datetime:
    """Start of the acquisition (never the series or content time).

    Raises
    ------
    DicomError
        If AcquisitionDate or AcquisitionTime is missing.
    """
    why = "without it the time after injection is unknown"
    return moment(
        need(dataset, "AcquisitionDate", path, why=why),
        need(dataset, "AcquisitionTime", path, why=why),
        dataset=dataset,
        zone=zone,
        path=path,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """Facts of one file that the workflow compares with the case, without identifiers.

    Attributes
    ----------
    modality, sop_class_uid, series_uid, frame_of_reference_uid : str
        From the header ("" where absent).
    image_type : tuple of str
        ImageType.
    patient_digest : str
        Hash of patient ID and birth date: equal for files of one patient.
    radionuclide : str or None
        As the file spells it.
    injected_activity_bq : float or None
        In Bq whatever the modality's unit.
    injected_at : datetime or None
        Time of injection.
    weight_kg : float or None
        Patient weight.
    notes : tuple of str
        Doubts met while reading.
    """

    modality: str
    sop_class_uid: str
    series_uid: str
    frame_of_reference_uid: str
    image_type: tuple[str, ...]
    patient_digest: str
    radionuclide: str | None
    injected_activity_bq: float | None
    injected_at: datetime | None
    weight_kg: float | None
    notes: tuple[str, ...]


def study_facts(path: Path, *, zone: ZoneInfo | None = None) -> StudyFacts:
    """Read the facts of one file.

    Raises
    ------
    DicomError
        If the injected activity is implausible for the unit of its modality.
    """
    dataset = open_dataset(path, pixels=False)
    items = dataset.get("RadiopharmaceuticalInformationSequence") or []
    item = items[0] if items else None
    injected_at, notes = _injected_at(dataset, item, path, zone)
    return StudyFacts(
        modality=str(dataset.get("Modality", "")),
        sop_class_uid=str(dataset.get("SOPClassUID", "")),
        series_uid=str(dataset.get("SeriesInstanceUID", "")),
        frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID", "")),
        image_type=tuple(str(v) for v in dataset.get("ImageType", [])),
        patient_digest=patient_digest(dataset),
        radionuclide=_radionuclide(item),
        injected_activity_bq=_activity_bq(dataset, item, path),
        injected_at=injected_at,
        weight_kg=float(dataset.PatientWeight) if dataset.get("PatientWeight") else None,
        notes=notes,
    )


def patient_digest(dataset: Any) -> str:
    """Hash of patient ID and birth date; the identifiers themselves are not kept."""
    text = f"hemadose|{dataset.get('PatientID', '')}|{dataset.get('PatientBirthDate', '')}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _radionuclide(item: Any) -> str | None:
    if item is None:
        return None
    codes = item.get("RadionuclideCodeSequence") or []
    if codes and codes[0].get("CodeMeaning"):
        return str(codes[0].CodeMeaning)
    return None


def _activity_bq(dataset: Any, item: Any, path: Path) -> float | None:
    if item is None or item.get("RadionuclideTotalDose") in (None, ""):
        return None
    value = float(item.RadionuclideTotalDose)
    in_bq = dataset.get("Modality") == "PT"
    activity = value if in_bq else value * MBQ
    if not 0.0 < activity <= _LARGEST_MBQ * MBQ:
        raise DicomError(
            "implausible injected activity: " + ("PET states Bq" if in_bq else "NM states MBq"),
            source=str(path),
            field="RadionuclideTotalDose",
            value=f"{value:g}",
            expected="Bq" if in_bq else "MBq, at most 2e5",
            remedy="correct the header on the workstation",
        )
    if in_bq and activity < 1e4:
        raise DicomError(
            "implausible injected activity: PET states Bq, this looks like MBq",
            source=str(path),
            field="RadionuclideTotalDose",
            value=f"{value:g}",
        )
    return activity


def _injected_at(dataset: Any, item: Any, path: Path, zone: ZoneInfo | None) -> tuple[datetime | None, tuple[str, ...]]:
    if item is None:
        return None, ()
    full = item.get("RadiopharmaceuticalStartDateTime")
    if full:
        text = str(full)
        return moment(
            text[:8],
            text[8:].split("+", maxsplit=1)[0].split("-", maxsplit=1)[0],
            dataset=dataset,
            zone=zone,
            path=path,
        ), ()
    start = item.get("RadiopharmaceuticalStartTime")
    if not start or not dataset.get("AcquisitionDate"):
        return None, ()
    injected = moment(dataset.AcquisitionDate, start, dataset=dataset, zone=zone, path=path)
    if injected > acquisition_start(dataset, path, zone=zone):
        return injected - timedelta(days=1), (
            "the injection time is later than the acquisition time: taken as the day before",
        )
    return injected, ("the file gives the injection as a time of day only; the day of acquisition was taken",)
