"""PET series: slices with a slope each, in units that are read and not guessed.

Bq/ml (BQML), uptake values (GML, CM2ML with SUVType) and Philips counts (CNTS with a private factor) are
understood; everything else is refused.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hemadose.errors import DicomError
from hemadose.io.dicom.headers import acquisition_start, moment, need, open_dataset, patient_digest
from hemadose.io.dicom.headers import corrections as corrections_of
from hemadose.io.dicom.pet_geometry import Slices, axial, ordered, read_grid
from hemadose.io.dicom.pet_injection import (
    StatedFacts,
    body_size,
    date_time,
    half_life_s,
    injected_activity_bq,
    injected_at,
    names_of,
    radiopharmaceutical,
)
from hemadose.io.dicom.pet_times import SliceClock, check_decay_flag, series_start
from hemadose.io.dicom.pet_units import private, read_values
from hemadose.model.pet import DecayReference, PetScan

PET_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.128"
ENHANCED_PET = ("1.2.840.10008.5.1.4.1.1.130", "1.2.840.10008.5.1.4.1.1.128.1")
GE = (0x0009, "GEMS_PETD_01")

_MILLISECOND_S = 1e-3
_SAME_IN_ALL = ("SeriesInstanceUID", "FrameOfReferenceUID", "Rows", "Columns", "Units", "DecayCorrection", "SUVType")


def read_pet(folder: Path, *, zone: ZoneInfo | None = None, stated: StatedFacts | None = None) -> PetScan:
    """Read one static PET series.

    Parameters
    ----------
    folder : Path
        Holds the slices of one series (and nothing else).
    zone : ZoneInfo, optional
        For files without a time-zone offset; without it times are taken as UTC, with a note.
    stated : StatedFacts, optional
        Weight, height, sex, activity or time of injection that replace the header's.

    Returns
    -------
    PetScan
        Axial: slices to the head, rows to the back, columns to the left, however the patient lay.

    Raises
    ------
    DicomError
        For anything that unit, decay or identity depends on and the files do not say or contradict.
    GeometryError
        If slices are missing, doubled or not axial.
    TimingError
        If a date or time is unreadable.
    """
    slices = ordered(_open(folder), folder)
    path, first = slices[0]
    values, measure, unit_notes = read_values(slices, folder)
    known = stated or StatedFacts()
    local = zone or ZoneInfo("UTC")
    item = radiopharmaceutical(first, path)
    life = half_life_s(item, path)
    clocks = [_clock(d, p, zone=local) for p, d in slices]
    started, start_notes = series_start(
        series_at=_series_at(first, path, local),
        clocks=clocks,
        manufacturer_at=_manufacturer_at(first, path, local),
        half_life_s=life,
    )
    injected, injection_notes = injected_at(first, item, path, started_at=started, zone=local, stated=known)
    activity, activity_notes = injected_activity_bq(item, path, stated=known)
    flag = _decay_flag(first, folder)
    decay_notes = check_decay_flag(
        flag, clocks=clocks, started_at=started, injected_at=injected, half_life_s=life, source=str(folder)
    )
    body, body_notes = body_size(first, stated=known)
    tracer, nuclide = names_of(item)
    notes = (*unit_notes, *start_notes, *injection_notes, *activity_notes, *decay_notes, *body_notes)
    scan = PetScan(
        values=values,
        grid=read_grid(slices, folder),
        measure=measure,
        decay=flag,
        started_at=started,
        slice_at=tuple(clock.mean_count_at(life) for clock in clocks),
        frame_duration_s=clocks[0].duration_s,
        half_life_s=life,
        injected_activity_bq=activity,
        injected_at=injected,
        body=body,
        tracer=tracer,
        nuclide=nuclide,
        corrections=corrections_of(first),
        series_uid=str(first.get("SeriesInstanceUID", "")),
        patient_digest=patient_digest(first),
        notes=(*notes, *_zone_note(first, zone), *_correction_notes(first)),
    )
    return axial(scan)


def _zone_note(dataset: Any, zone: ZoneInfo | None) -> tuple[str, ...]:
    if zone is not None or dataset.get("TimezoneOffsetFromUTC"):
        return ()
    return ("the files name no time zone: their times were compared with each other only",)


def _correction_notes(dataset: Any) -> tuple[str, ...]:
    missing = {"SCAT"} - corrections_of(dataset)
    return ("the file does not say that scatter was corrected",) if missing else ()


def _open(folder: Path) -> Slices:
    if not folder.is_dir():
        raise DicomError("a folder with one PET series is expected", source=str(folder))
    paths = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    if not paths:
        raise DicomError("no PET slices here", source=str(folder))
    slices = [(path, open_dataset(path)) for path in paths]
    for path, d in slices:
        if str(d.get("SOPClassUID")) in ENHANCED_PET:
            raise DicomError(
                "enhanced multi-frame PET is not read",
                source=str(path),
                field="SOPClassUID",
                remedy="export classic PET images, one file a slice",
            )
        if str(d.get("SOPClassUID")) != PET_IMAGE_STORAGE:
            raise DicomError(
                "this is not a PET slice",
                source=str(path),
                field="SOPClassUID",
                value=getattr(d.get("SOPClassUID"), "name", "?"),
                remedy="keep one PET series a folder; export images, not screen captures",
            )
    _require_one_static_series(slices, folder)
    return slices


def _require_one_static_series(slices: Slices, folder: Path) -> None:
    for keyword in _SAME_IN_ALL:
        if len({str(d.get(keyword)) for _, d in slices}) > 1:
            raise DicomError(
                "the folder mixes several PET series",
                source=str(folder),
                field=keyword,
                remedy="keep one series a folder",
            )
    kind = [str(v) for v in slices[0][1].get("SeriesType") or ()]
    times = int(slices[0][1].get("NumberOfTimeSlices") or 1)
    if (kind and kind[0] in ("DYNAMIC", "GATED") and times > 1) or "REPROJECTION" in kind:
        raise DicomError(
            "a dynamic, gated or reprojected PET is not one volume",
            source=str(folder),
            field="SeriesType",
            value="\\".join(kind),
            expected="STATIC or WHOLE BODY, IMAGE",
        )


def _decay_flag(dataset: Any, folder: Path) -> DecayReference:
    text = str(need(dataset, "DecayCorrection", folder, why="uptake depends on it"))
    if text not in {flag.value for flag in DecayReference}:
        raise DicomError(
            "unknown decay correction",
            source=str(folder),
            field="DecayCorrection",
            value=text,
            expected="NONE, START or ADMIN",
        )
    flag = DecayReference(text)
    if (flag is DecayReference.NONE) == ("DECY" in corrections_of(dataset)):
        raise DicomError(
            "the decay-correction flags contradict each other",
            source=str(folder),
            field="DecayCorrection",
            value=f"{text} with CorrectedImage {'with' if flag is DecayReference.NONE else 'without'} DECY",
            remedy="export the series again; the reference time of the values is not guessed",
        )
    return flag


def _clock(dataset: Any, path: Path, *, zone: ZoneInfo) -> SliceClock:
    def number(keyword: str, scale: float) -> float | None:
        value = dataset.get(keyword)
        return None if value in (None, "") or float(str(value)) == 0.0 else float(str(value)) * scale

    return SliceClock(
        acquired_at=acquisition_start(dataset, path, zone=zone),
        duration_s=number("ActualFrameDuration", _MILLISECOND_S),
        reference_s=number("FrameReferenceTime", _MILLISECOND_S),
        decay_factor=number("DecayFactor", 1.0),
    )


def _series_at(dataset: Any, path: Path, zone: ZoneInfo) -> datetime | None:
    day, time = dataset.get("SeriesDate"), dataset.get("SeriesTime")
    return moment(str(day), str(time), dataset=dataset, zone=zone, path=path) if day and time else None


def _manufacturer_at(dataset: Any, path: Path, zone: ZoneInfo) -> datetime | None:
    text = private(dataset, *GE, 0x0D)
    return date_time(str(text), dataset=dataset, zone=zone, path=path) if text else None
