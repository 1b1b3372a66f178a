"""Regions written for a series that came from outside: its patient, study and frame of reference are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hemadose.errors import DicomError, GeometryError
from hemadose.io.dicom.headers import open_dataset
from hemadose.io.dicom.identity import save, stamp
from hemadose.io.dicom.regions import RT_STRUCTURE_SET_STORAGE, _contours, write_segmentation
from hemadose.model import Region

_COPIED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
"""Patient and study; everything else of the source stays behind."""

_COLOURS = ((255, 99, 71), (64, 160, 255), (60, 200, 90), (200, 120, 255), (255, 190, 40), (0, 200, 200))


def write_regions_for_series(
    regions: Sequence[Region], path: Path, *, source_files: Sequence[Path], kind: str, drawn_at: datetime
) -> None:
    """Write regions as SEG or RTSTRUCT that belong to the series they were made on.

    Parameters
    ----------
    regions : sequence of Region
        On the grid of the series.
    path : Path
        New file.
    source_files : sequence of Path
        All files of the series (CT slices, or one NM object).
    kind : {"seg", "rtstruct"}
        Which object.
    drawn_at : datetime
        With time zone.

    Raises
    ------
    DicomError
        If the kind is another one, or the series cannot be read.
    GeometryError
        If regions and series do not share a frame of reference.
    """
    if kind not in ("seg", "rtstruct"):
        raise DicomError("regions are written as SEG or RTSTRUCT", field="kind", value=kind)
    sources = [open_dataset(p, pixels=False) for p in source_files]
    if not sources:
        raise DicomError("there is no series to write the regions for", source=path.name)
    frame = str(sources[0].get("FrameOfReferenceUID", ""))
    if any(r.grid.frame_of_reference_uid != frame for r in regions):
        raise GeometryError(
            "the regions lie in another frame of reference than the series",
            field="FrameOfReferenceUID",
            remedy="carry them over first (hemadose register), or name the series they were made on",
        )
    uids = _Uids(str(sources[0].SOPInstanceUID), tuple(r.name for r in regions), drawn_at)
    if kind == "seg":
        write_segmentation(regions, path, identity=uids, source_files=list(source_files), drawn_at=drawn_at)
    else:
        save(_structure_set(regions, sources, uids, drawn_at), path)


class _Uids:
    """UIDs that follow from the source, the region names and the time, so that a repeat gives the same file."""

    def __init__(self, *parts: object) -> None:
        self._seed = "|".join(str(p) for p in parts)

    def uid(self, *names: str) -> str:
        digest = hashlib.sha256("|".join((self._seed, *names)).encode()).digest()
        return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def _structure_set(regions: Sequence[Region], sources: list[Any], uids: _Uids, drawn_at: datetime) -> Any:
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RT_STRUCTURE_SET_STORAGE, uids.uid("rtstruct", "1")
    meta.TransferSyntaxUID, meta.ImplementationClassUID = ExplicitVRLittleEndian, uids.uid("hemadose")
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    d.SpecificCharacterSet = sources[0].get("SpecificCharacterSet", "ISO_IR 192")
    for keyword in _COPIED:
        setattr(d, keyword, sources[0].get(keyword, ""))
    d.SeriesInstanceUID, d.SeriesNumber, d.Modality, d.InstanceNumber = uids.uid("rtstruct"), 91, "RTSTRUCT", 1
    d.Manufacturer, d.ManufacturerModelName, d.OperatorsName = "hemadose", "hemadose", ""
    stamp(d, drawn_at)
    d.StructureSetLabel, d.StructureSetDate, d.StructureSetTime = "regions", d.ContentDate, d.ContentTime
    d.FrameOfReferenceUID = sources[0].FrameOfReferenceUID
    d.PositionReferenceIndicator = sources[0].get("PositionReferenceIndicator", "")
    d.ReferencedFrameOfReferenceSequence = [_referenced_frame(sources)]
    d.StructureSetROISequence, d.ROIContourSequence, d.RTROIObservationsSequence = [], [], []
    for number, region in enumerate(regions, start=1):
        roi, contour, observation = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = number, region.name, "SEMIAUTOMATIC"
        roi.ReferencedFrameOfReferenceUID = d.FrameOfReferenceUID
        contour.ReferencedROINumber, contour.ROIDisplayColor = number, list(_COLOURS[(number - 1) % len(_COLOURS)])
        contour.ContourSequence = _contours(region)
        observation.ObservationNumber = observation.ReferencedROINumber = number
        observation.RTROIInterpretedType, observation.ROIInterpreter = "ORGAN", ""
        d.StructureSetROISequence.append(roi)
        d.ROIContourSequence.append(contour)
        d.RTROIObservationsSequence.append(observation)
    return d


def _referenced_frame(sources: list[Any]) -> Any:
    """The series by its real instance UIDs."""
    from pydicom.dataset import Dataset

    images = []
    for source in sources:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
        images.append(item)
    series, study, frame = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID, series.ContourImageSequence = sources[0].SeriesInstanceUID, images
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = sources[0].StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = sources[0].FrameOfReferenceUID, [study]
    return frame
