"""Patient and study modules of the files that hemadose writes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hemadose.model import Administration, Sex
from hemadose.units import MBQ


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomIdentity:
    """Who and which study, by pseudonym; UIDs follow from the seed.

    Attributes
    ----------
    pseudonym : str
        Written as patient name and ID.
    sex : Sex
        Patient sex.
    height_cm, weight_kg : float
        Patient size and weight.
    study_at : datetime
        Date and time of the study, with zone.
    seed : str
        Text that all UIDs are derived from (UUID-like root 2.25).
    """

    pseudonym: str
    sex: Sex
    height_cm: float
    weight_kg: float
    study_at: datetime
    seed: str

    def uid(self, *names: str) -> str:
        """Derive a UID that is the same for the same seed and names.

        >>> from datetime import UTC
        >>> one = DicomIdentity(pseudonym="p", sex=Sex.MALE, height_cm=170, weight_kg=70,
        ...                     study_at=datetime(2025, 1, 1, tzinfo=UTC), seed="s")
        >>> one.uid("ct") == one.uid("ct"), one.uid("ct") == one.uid("nm")
        (True, False)
        """
        text = "|".join((self.seed, *names)).encode()
        return f"2.25.{int.from_bytes(hashlib.sha256(text).digest()[:15], 'big')}"


def new_dataset(
    identity: DicomIdentity,
    *,
    sop_class_uid: str,
    modality: str,
    series: str,
    instance: str,
    series_number: int,
) -> Any:
    """Start a dataset with patient, study, series and SOP common modules."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class_uid
    meta.MediaStorageSOPInstanceUID = identity.uid(series, instance)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = identity.uid("hemadose")
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    d.SOPClassUID, d.SOPInstanceUID = sop_class_uid, meta.MediaStorageSOPInstanceUID
    d.SpecificCharacterSet = "ISO_IR 192"
    d.PatientName, d.PatientID = f"{identity.pseudonym}^", identity.pseudonym
    d.PatientBirthDate, d.PatientSex = "", "M" if identity.sex is Sex.MALE else "F"
    d.PatientSize, d.PatientWeight = identity.height_cm / 100.0, identity.weight_kg
    d.StudyInstanceUID = identity.uid("study")
    d.StudyDate, d.StudyTime = dicom_date(identity.study_at), dicom_time(identity.study_at)
    d.StudyID, d.AccessionNumber, d.ReferringPhysicianName = "1", "", ""
    d.SeriesInstanceUID, d.SeriesNumber, d.Modality = identity.uid(series), series_number, modality
    d.Manufacturer, d.ManufacturerModelName = "hemadose", "virtual scanner"
    d.DeviceSerialNumber, d.SoftwareVersions = "0", "0.1"
    d.BodyPartExamined = "WHOLEBODY"
    d.InstanceNumber = 1
    return d


def stamp(dataset: Any, moment: datetime) -> None:
    """Write acquisition, series and content time with the zone's offset."""
    dataset.TimezoneOffsetFromUTC = f"{moment:%z}"
    for prefix in ("Acquisition", "Series", "Content"):
        setattr(dataset, f"{prefix}Date", dicom_date(moment))
        setattr(dataset, f"{prefix}Time", dicom_time(moment))


def add_radiopharmaceutical(dataset: Any, administration: Administration) -> None:
    """Write what was injected; NM states the activity in MBq."""
    from pydicom.dataset import Dataset

    codes = {"Lu-177": ("447553000", "^177^Lutetium"), "Y-90": ("14691008", "^90^Yttrium")}
    item = Dataset()
    item.Radiopharmaceutical = administration.agent
    item.RadiopharmaceuticalStartTime = dicom_time(administration.administered_at)
    item.RadiopharmaceuticalStartDateTime = f"{administration.administered_at:%Y%m%d%H%M%S%z}"
    item.RadionuclideTotalDose = f"{administration.administered_activity_bq / MBQ:.3f}"
    item.RadionuclideHalfLife = f"{administration.nuclide.half_life_s:.1f}"
    value, meaning = codes.get(administration.nuclide.name, ("", administration.nuclide.name))
    item.RadionuclideCodeSequence = [code(value, "SCT", meaning)] if value else []
    dataset.RadiopharmaceuticalInformationSequence = [item]


def code(value: str, scheme: str, meaning: str) -> Any:
    """Make a code sequence item."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def dicom_date(moment: datetime) -> str:
    """Date as DICOM writes it."""
    return f"{moment:%Y%m%d}"


def dicom_time(moment: datetime) -> str:
    """Time as DICOM writes it."""
    return f"{moment:%H%M%S}"


def save(dataset: Any, path: Path) -> None:
    """Write a dataset atomically."""
    from io import BytesIO

    from hemadose.io.files import write_bytes_atomic

    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    write_bytes_atomic(path, buffer.getvalue())
