"""PET series out: one file a slice, for the virtual scanner and for tests of the reader."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import DicomError
from hemadose.io.dicom.ct import orientation_text
from hemadose.io.dicom.identity import DicomIdentity, code, dicom_date, dicom_time, new_dataset, save
from hemadose.io.dicom.nm import write_orientation
from hemadose.io.dicom.pet import PET_IMAGE_STORAGE
from hemadose.io.dicom.pet_times import SliceClock, decay_factor, mean_count_delay_s
from hemadose.model.moment import elapsed_s
from hemadose.model.pet import DecayReference, PetScan, SuvMeasure

_CODES = {"Ga-68": ("35337001", "^68^Gallium"), "F-18": ("77004003", "^18^Fluorine")}
_UNITS = {
    None: ("BQML", ""),
    SuvMeasure.BODY_WEIGHT: ("GML", "BW"),
    SuvMeasure.LBM_JAMES: ("GML", "LBMJAMES128"),
    SuvMeasure.LBM_JANMAHASATIAN: ("GML", "LBMJANMA"),
    SuvMeasure.BODY_SURFACE: ("CM2ML", "BSA"),
}
_LARGEST = 32767


def write_pet(
    scan: PetScan, folder: Path, *, identity: DicomIdentity, series: str = "pet", number: int = 3
) -> list[Path]:
    """Write a PET series (PET Image IOD), each slice with its own RescaleSlope.

    Parameters
    ----------
    scan : PetScan
        With half-life, injection and frame duration.
    folder : Path
        Gets ``pet0001.dcm`` ... from the feet to the head.
    identity : DicomIdentity
        Pseudonym and study.
    series : str
        Seed of the series UID: another text, another series.
    number : int
        SeriesNumber.

    Returns
    -------
    list of Path

    Raises
    ------
    DicomError
        If a fact that the IOD or the reader needs is unknown.
    """
    for name in ("half_life_s", "injected_activity_bq", "injected_at", "frame_duration_s"):
        if getattr(scan, name) is None:
            raise DicomError("a PET cannot be written without it", field=name)
    paths = []
    for index in range(scan.grid.shape[0]):
        d = new_dataset(
            identity,
            sop_class_uid=PET_IMAGE_STORAGE,
            modality="PT",
            series=series,
            instance=str(index),
            series_number=number,
        )
        d.InstanceNumber = index + 1
        _write_body(d, scan)
        _write_times(d, scan, index)
        _write_series(d, scan)
        _write_injection(d, scan)
        _write_pixels(d, scan, index)
        paths.append(folder / f"pet{index + 1:04d}.dcm")
        save(d, paths[-1])
    return paths


def _write_body(d: Any, scan: PetScan) -> None:
    """The scan's body size replaces the identity's: an unknown weight stays unknown."""
    weight, height = scan.body.weight_kg, scan.body.height_cm
    d.PatientWeight = "" if weight is None else f"{weight:g}"
    d.PatientSize = "" if height is None else f"{height / 100.0:g}"
    d.PatientSex = "" if scan.body.sex is None else scan.body.sex.value[0].upper()


def _write_times(d: Any, scan: PetScan, index: int) -> None:
    assert scan.half_life_s is not None
    assert scan.frame_duration_s is not None
    delay = mean_count_delay_s(scan.frame_duration_s, half_life_s=scan.half_life_s)
    acquired = scan.slice_at[index] - timedelta(seconds=delay)
    d.TimezoneOffsetFromUTC = f"{scan.started_at:%z}"
    d.SeriesDate, d.SeriesTime = dicom_date(scan.started_at), _time(scan.started_at)
    d.AcquisitionDate, d.AcquisitionTime = dicom_date(acquired), _time(acquired)
    d.ContentDate, d.ContentTime = d.AcquisitionDate, d.AcquisitionTime
    d.ActualFrameDuration = round(1e3 * scan.frame_duration_s)
    d.FrameReferenceTime = f"{1e3 * elapsed_s(scan.started_at, scan.slice_at[index]):.3f}"
    if scan.decay is not DecayReference.NONE:
        reference = scan.started_at if scan.decay is DecayReference.START else scan.injected_at
        assert reference is not None
        clock = SliceClock(acquired_at=acquired, duration_s=scan.frame_duration_s)
        d.DecayFactor = f"{decay_factor(clock, reference_at=reference, half_life_s=scan.half_life_s):.8g}"


def _time(moment: Any) -> str:
    return f"{dicom_time(moment)}.{moment.microsecond:06d}"


def _write_series(d: Any, scan: PetScan) -> None:
    units, suv_type = _UNITS[scan.measure]
    d.ImageType = ["ORIGINAL", "PRIMARY"]
    d.SeriesType, d.CountsSource = ["WHOLE BODY", "IMAGE"], "EMISSION"
    d.Units, d.NumberOfSlices = units, scan.grid.shape[0]
    if suv_type:
        d.SUVType = suv_type
    d.DecayCorrection = scan.decay.value
    decayed = {"DECY"} if scan.decay is not DecayReference.NONE else set()
    d.CorrectedImage = sorted((scan.corrections - {"DECY"}) | decayed)
    d.RandomsCorrectionMethod, d.CollimatorType = "DLYD", "NONE"
    d.AttenuationCorrectionMethod = "CT"
    write_orientation(d)


def _write_injection(d: Any, scan: PetScan) -> None:
    from pydicom.dataset import Dataset

    item = Dataset()
    assert scan.injected_at is not None
    item.Radiopharmaceutical = scan.tracer
    item.RadiopharmaceuticalStartTime = _time(scan.injected_at)
    item.RadiopharmaceuticalStartDateTime = (
        f"{scan.injected_at:%Y%m%d%H%M%S}.{scan.injected_at.microsecond:06d}{scan.injected_at:%z}"
    )
    item.RadionuclideTotalDose = f"{scan.injected_activity_bq:.0f}"
    item.RadionuclideHalfLife = f"{scan.half_life_s:.8g}"
    value, meaning = _CODES.get(scan.nuclide, ("", ""))
    item.RadionuclideCodeSequence = [code(value, "SCT", meaning)] if value else []
    d.RadiopharmaceuticalInformationSequence = [item]


def _write_pixels(d: Any, scan: PetScan, index: int) -> None:
    grid, plane = scan.grid, np.asarray(scan.values[index], dtype=np.float64)
    slope = float(f"{max(float(np.abs(plane).max()), 1e-6) / _LARGEST:.8g}")
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = grid.frame_of_reference_uid, ""
    d.Rows, d.Columns = grid.shape[1], grid.shape[2]
    d.PixelSpacing = [f"{grid.spacing_mm[1]:.6g}", f"{grid.spacing_mm[2]:.6g}"]
    d.ImageOrientationPatient = orientation_text(grid.affine)
    d.ImagePositionPatient = [f"{v:.6g}" for v in grid.index_to_mm([index, 0, 0])]
    d.SliceThickness, d.ImageIndex = f"{grid.spacing_mm[0]:.6g}", index + 1
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 1
    d.RescaleIntercept, d.RescaleSlope = "0", f"{slope:.8g}"
    d.LossyImageCompression = "00"
    d.PixelData = np.clip(np.rint(plane / slope), -_LARGEST, _LARGEST).astype("<i2").tobytes()
