"""Rigid transforms as DICOM Spatial Registration objects (PS3.3 A.39), for other workstations."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import DicomError
from hemadose.io.dicom.headers import open_dataset
from hemadose.io.dicom.identity import code, save, stamp
from hemadose.io.dicom.write_regions import _COPIED, _Uids
from hemadose.model.transform import Transform

SPATIAL_REGISTRATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.1"


def write_spatial_registration(transform: Transform, path: Path, *, fixed_file: Path, made_at: datetime) -> None:
    """Write a rigid transform; the registered frame is the fixed one, the matrix runs from moving to fixed.

    Parameters
    ----------
    transform : Transform
        Without a displacement field.
    path : Path
        New file.
    fixed_file : Path
        One file of the fixed series, for patient and study.
    made_at : datetime
        With time zone.

    Raises
    ------
    DicomError
        If the transform is deformable, not rigid, or the file lies in another frame of reference.
    """
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    rotation = transform.matrix[:3, :3]
    if transform.is_deformable or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-5):
        raise DicomError("only rigid transforms are written as Spatial Registration", remedy="write .json instead")
    source = open_dataset(fixed_file, pixels=False)
    if str(source.get("FrameOfReferenceUID", "")) != transform.fixed_frame_uid:
        raise DicomError("this file is not of the fixed series", source=str(fixed_file), field="FrameOfReferenceUID")
    uids = _Uids(transform.fixed_frame_uid, transform.moving_frame_uid, transform.matrix.tolist(), made_at)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SPATIAL_REGISTRATION_STORAGE, uids.uid("reg", "1")
    meta.TransferSyntaxUID, meta.ImplementationClassUID = ExplicitVRLittleEndian, uids.uid("hemadose")
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    d.SpecificCharacterSet = source.get("SpecificCharacterSet", "ISO_IR 192")
    for keyword in _COPIED:
        setattr(d, keyword, source.get(keyword, ""))
    d.SeriesInstanceUID, d.SeriesNumber, d.Modality, d.InstanceNumber = uids.uid("reg"), 92, "REG", 1
    d.Manufacturer, d.ManufacturerModelName, d.SoftwareVersions, d.DeviceSerialNumber = "hemadose", "hemadose", "0", "0"
    stamp(d, made_at)
    d.Laterality = ""
    d.ContentLabel, d.ContentDescription, d.ContentCreatorName = "REGISTRATION", "", ""
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = transform.fixed_frame_uid, ""
    items = []
    for frame, matrix in (
        (transform.fixed_frame_uid, np.eye(4)),
        (transform.moving_frame_uid, np.linalg.inv(transform.matrix)),
    ):
        item, registration, step = Dataset(), Dataset(), Dataset()
        step.FrameOfReferenceTransformationMatrix = [f"{v:.10g}"[:16] for v in matrix.ravel()]
        step.FrameOfReferenceTransformationMatrixType = "RIGID"
        registration.MatrixSequence = [step]
        registration.FrameOfReferenceTransformationComment = ""
        registration.RegistrationTypeCodeSequence = [code("125024", "DCM", "Image Content-based Alignment")]
        item.FrameOfReferenceUID, item.MatrixRegistrationSequence = frame, [registration]
        items.append(item)
    d.RegistrationSequence = items
    save(d, path)


def read_spatial_registration(path: Path, *, fixed_frame_uid: str, moving_frame_uid: str) -> Transform:
    """Read the rigid or affine map between two frames of reference.

    Raises
    ------
    DicomError
        If the object does not join the two frames.
    """
    d = open_dataset(path, pixels=False)
    if str(d.get("SOPClassUID", "")) != SPATIAL_REGISTRATION_STORAGE:
        raise DicomError("this is not a Spatial Registration", source=str(path), field="SOPClassUID")
    to_common = {str(d.get("FrameOfReferenceUID", "")): np.eye(4)}
    for item in d.get("RegistrationSequence") or []:
        to_common[str(item.get("FrameOfReferenceUID", ""))] = _chained(item)
    for frame, what in ((fixed_frame_uid, "fixed"), (moving_frame_uid, "moving")):
        if frame not in to_common:
            raise DicomError(
                f"the registration does not know the frame of the {what} image",
                source=str(path),
                field="FrameOfReferenceUID",
            )
    matrix = np.linalg.inv(to_common[moving_frame_uid]) @ to_common[fixed_frame_uid]
    return Transform(
        matrix=np.asarray(matrix, dtype=np.float64), fixed_frame_uid=fixed_frame_uid, moving_frame_uid=moving_frame_uid
    )


def _chained(item: Any) -> Any:
    """All matrices of an item, applied in their order."""
    matrix = np.eye(4)
    for registration in item.get("MatrixRegistrationSequence") or []:
        for step in registration.get("MatrixSequence") or []:
            values = np.array(step.FrameOfReferenceTransformationMatrix, dtype=np.float64).reshape(4, 4)
            matrix = values @ matrix
    return matrix
