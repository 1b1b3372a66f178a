"""Regions drawn elsewhere: DICOM SEG and RTSTRUCT, onto the grid of the images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError, GeometryError, RegionError
from hemadose.io.dicom.headers import open_dataset, pixel_array
from hemadose.model import Grid, Region

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
RT_STRUCTURE_SET_STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"

Mask = npt.NDArray[np.bool_]


def region_name(text: str) -> str:
    """Write a region's label in lower snake case.

    >>> region_name("Kidney Left"), region_name("Lumbar L2-L4")
    ('kidney_left', 'lumbar_l2_l4')
    """
    return re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")


def read_regions(path: Path, *, reference: Grid) -> tuple[Region, ...]:
    """Read all regions of a SEG or RTSTRUCT onto a grid of the same frame of reference.

    Raises
    ------
    DicomError
        If the file is neither, damaged or cut short.
    GeometryError
        If its frame of reference is another one.
    RegionError
        If a region misses the image.
    """
    dataset = open_dataset(path)
    kind = str(dataset.get("SOPClassUID", ""))
    reader = {SEGMENTATION_STORAGE: _read_segmentation, RT_STRUCTURE_SET_STORAGE: _read_structures}.get(kind)
    if reader is not None:
        try:
            return reader(dataset, path, reference)
        except (AttributeError, IndexError, KeyError, ValueError) as problem:
            raise _cut_short(path, f"{type(problem).__name__}: {problem}") from problem
    raise DicomError(
        "regions come as DICOM SEG or RTSTRUCT, or NIfTI labels", source=str(path), field="SOPClassUID",
        value=getattr(dataset.get("SOPClassUID"), "name", "?"),
    )  # fmt: skip


def _require_frame(found: str, reference: Grid, path: Path) -> None:
    if found != reference.frame_of_reference_uid:
        raise GeometryError(
            "the regions belong to another frame of reference than the images",
            source=str(path),
            field="FrameOfReferenceUID",
            remedy="use the regions drawn on this study, or register first",
        )


def _read_segmentation(dataset: Any, path: Path, reference: Grid) -> tuple[Region, ...]:
    _require_frame(str(dataset.get("FrameOfReferenceUID", "")), reference, path)
    frames = pixel_array(dataset, path)
    frames = frames if frames.ndim == 3 else frames[None]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    labels = {int(s.SegmentNumber): region_name(str(s.SegmentLabel)) for s in dataset.SegmentSequence}
    masks = {number: np.zeros(reference.shape, dtype=bool) for number in labels}
    for frame, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        identified = group.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        number = int(identified[0].ReferencedSegmentNumber)
        _place_frame(masks[number], frame > 0, shared, group, reference, path)
    return _regions({labels[n]: m for n, m in masks.items()}, reference, path)


def _place_frame(target: Mask, frame: Mask, shared: Any, group: Any, reference: Grid, path: Path) -> None:
    """Sample the reference voxels that lie in the plane of a SEG frame from it."""
    measures = (group.get("PixelMeasuresSequence") or shared.PixelMeasuresSequence)[0]
    oriented = (group.get("PlaneOrientationSequence") or shared.PlaneOrientationSequence)[0]
    placed = (group.get("PlanePositionSequence") or shared.PlanePositionSequence)[0]
    origin = np.array(placed.ImagePositionPatient, dtype=float)
    direction = np.array(oriented.ImageOrientationPatient, dtype=float)
    rows_mm, columns_mm = (float(v) for v in measures.PixelSpacing)
    thickness = float(measures.get("SpacingBetweenSlices") or measures.SliceThickness)
    row, column = direction[:3], direction[3:]
    normal = np.cross(row, column)
    axis = reference.affine[:3, 0] / np.linalg.norm(reference.affine[:3, 0])
    if abs(float(normal @ axis)) < 0.999:
        raise GeometryError("SEG planes are not parallel to the image slices", source=str(path))
    height = (reference.index_to_mm(np.array([[k, 0, 0] for k in range(reference.shape[0])])) - origin) @ normal
    for k in np.flatnonzero(np.abs(height) <= 0.5 * max(thickness, reference.spacing_mm[0]) + 1e-3):
        if abs(height[k]) > 0.5 * thickness + 1e-3:
            continue
        jj, ii = np.meshgrid(np.arange(reference.shape[1]), np.arange(reference.shape[2]), indexing="ij")
        points = reference.index_to_mm(np.stack([np.full_like(jj, k), jj, ii], axis=-1)) - origin
        r = np.rint(points @ column / rows_mm).astype(int)
        c = np.rint(points @ row / columns_mm).astype(int)
        inside = (r >= 0) & (r < frame.shape[0]) & (c >= 0) & (c < frame.shape[1])
        target[k][inside] |= frame[r[inside], c[inside]]


def _read_structures(dataset: Any, path: Path, reference: Grid) -> tuple[Region, ...]:
    names = {int(s.ROINumber): region_name(str(s.ROIName)) for s in dataset.StructureSetROISequence}
    for item in dataset.StructureSetROISequence:
        _require_frame(str(item.get("ReferencedFrameOfReferenceUID", "")), reference, path)
    masks: dict[str, Mask] = {}
    for item in dataset.get("ROIContourSequence") or []:
        contours = [
            _contour_points(c, path)
            for c in item.get("ContourSequence") or []
            if str(c.ContourGeometricType) == "CLOSED_PLANAR"
        ]
        masks[names[int(item.ReferencedROINumber)]] = _rasterise(contours, reference)
    lost = [name for name in names.values() if name not in masks]
    if lost and "RTROIObservationsSequence" not in dataset:  # mandatory, and stored behind the contours
        raise _cut_short(path, ", ".join(lost))
    return _regions(masks, reference, path)


def _contour_points(contour: Any, path: Path) -> npt.NDArray[np.float64]:
    """Corners of one contour, LPS mm; a file cut short ends within the numbers."""
    points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
    if len(points) != int(contour.get("NumberOfContourPoints") or len(points)):
        raise _cut_short(path, f"{len(points)} points of {contour.NumberOfContourPoints}")
    return points


def _cut_short(path: Path, value: str) -> DicomError:
    text = "the regions cannot be read: the file is damaged or cut short"
    return DicomError(text, source=str(path), value=value, remedy="export it again")


def _rasterise(contours: list[npt.NDArray[np.float64]], reference: Grid) -> Mask:
    """Even-odd fill; a slice takes the contour plane nearest to it, within half a plane distance."""
    mask = np.zeros(reference.shape, dtype=bool)
    if not contours:
        return mask
    index = [reference.mm_to_index(points) for points in contours]
    heights = np.array([float(points[:, 0].mean()) for points in index])
    planes = np.unique(np.round(heights, 3))
    reach = 0.5 * float(np.min(np.diff(planes))) if len(planes) > 1 else 0.5
    for k in range(reference.shape[0]):
        nearest = planes[np.argmin(np.abs(planes - k))]
        if abs(nearest - k) > max(reach, 0.5) + 1e-6:
            continue
        for points, height in zip(index, heights, strict=True):
            if abs(height - nearest) < 1e-3:
                mask[k] ^= _fill(points[:, 1:], reference.shape[1:])
    return mask


def _fill(polygon: npt.NDArray[np.float64], shape: tuple[int, int]) -> Mask:
    """Voxels whose centre lies inside a polygon given in (row, column) indices."""
    rows, columns = np.arange(shape[0]), np.arange(shape[1])
    inside = np.zeros(shape, dtype=bool)
    r0, c0 = polygon[:, 0], polygon[:, 1]
    r1, c1 = np.roll(r0, -1), np.roll(c0, -1)
    for row in rows[(rows >= r0.min()) & (rows <= r0.max())]:
        crosses = (r0 <= row) != (r1 <= row)
        if crosses.any():
            at = c0[crosses] + (row - r0[crosses]) / (r1[crosses] - r0[crosses]) * (c1[crosses] - c0[crosses])
            inside[row] = (at[None, :] > columns[:, None]).sum(axis=1) % 2 == 1
    return inside


def _regions(masks: dict[str, Mask], reference: Grid, path: Path) -> tuple[Region, ...]:
    for name, mask in masks.items():
        if not mask.any():
            raise RegionError(
                f"region {name} is empty on this image",
                source=str(path),
                remedy="check that it was drawn and lies inside the field of view",
            )
    return tuple(Region(name=name, mask=mask, grid=reference) for name, mask in masks.items())


def write_rtstruct(
    regions: Sequence[Region], path: Path, *, identity: Any, reference_series_uid: str, drawn_at: Any
) -> None:
    """Write regions as closed planar contours, one set a slice; holes by even-odd."""
    from pydicom.dataset import Dataset

    from hemadose.io.dicom.identity import new_dataset, save, stamp

    d = new_dataset(
        identity,
        sop_class_uid=RT_STRUCTURE_SET_STORAGE,
        modality="RTSTRUCT",
        series="rtstruct",
        instance="1",
        series_number=91,
    )
    stamp(d, drawn_at)
    d.StructureSetLabel, d.StructureSetDate, d.StructureSetTime = "regions", d.ContentDate, d.ContentTime
    d.OperatorsName = ""
    grid = regions[0].grid
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = grid.frame_of_reference_uid, ""
    frame, study, series = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID, series.ContourImageSequence = reference_series_uid, [_image_reference(identity)]
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = (
        "1.2.840.10008.3.1.2.3.1",
        d.StudyInstanceUID,
    )
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = grid.frame_of_reference_uid, [study]
    d.ReferencedFrameOfReferenceSequence = [frame]
    d.StructureSetROISequence, d.ROIContourSequence, d.RTROIObservationsSequence = [], [], []
    for number, region in enumerate(regions, start=1):
        roi, contour, observation = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, region.name
        roi.ReferencedFrameOfReferenceUID, roi.ROIGenerationAlgorithm = grid.frame_of_reference_uid, "MANUAL"
        contour.ReferencedROINumber, contour.ROIDisplayColor = number, [255, 64, 64]
        contour.ContourSequence = _contours(region)
        observation.ObservationNumber = observation.ReferencedROINumber = number
        observation.RTROIInterpretedType, observation.ROIInterpreter = "ORGAN", ""
        d.StructureSetROISequence.append(roi)
        d.ROIContourSequence.append(contour)
        d.RTROIObservationsSequence.append(observation)
    save(d, path)


def _image_reference(identity: Any) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    item.ReferencedSOPInstanceUID = identity.uid("ct", "0")
    return item


def _contours(region: Region) -> list[Any]:
    import contourpy
    from pydicom.dataset import Dataset

    found = []
    for k in np.flatnonzero(region.mask.any(axis=(1, 2))):
        padded = np.pad(region.mask[k].astype(float), 1)
        for line in contourpy.contour_generator(z=padded, line_type="Separate").lines(0.5):
            line = np.asarray(line)[:-1] - 1.0  # noqa: PLW2901 - drop the closing point and the padding
            index = np.column_stack([np.full(len(line), k), line[:, 1], line[:, 0]])
            item = Dataset()
            item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", len(line)
            item.ContourData = [f"{v:.3f}" for v in region.grid.index_to_mm(index).ravel()]
            found.append(item)
    return found


def write_segmentation(
    regions: Sequence[Region], path: Path, *, identity: Any, source_files: Sequence[Path], drawn_at: Any
) -> None:
    """Write regions as a binary DICOM SEG (through highdicom)."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    from hemadose.io.dicom.identity import dicom_date, dicom_time, save

    sources = [open_dataset(p) for p in source_files]
    described = [
        hd.seg.SegmentDescription(
            segment_number=n,
            segment_label=region.name,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Organ,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for n, region in enumerate(regions, start=1)
    ]
    grid = regions[0].grid
    volume = hd.Volume(
        array=np.stack([r.mask for r in regions], axis=-1),
        affine=_highdicom_affine(grid),
        coordinate_system="PATIENT",
        frame_of_reference_uid=grid.frame_of_reference_uid,
        channels={"SegmentNumber": list(range(1, len(regions) + 1))},
    )
    seg = hd.seg.Segmentation(
        source_images=sources,
        pixel_array=volume,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid=identity.uid("seg"),
        series_number=90,
        sop_instance_uid=identity.uid("seg", "1"),
        instance_number=1,
        manufacturer="hemadose",
        manufacturer_model_name="hemadose",
        software_versions="0.1",
        device_serial_number="0",
        omit_empty_frames=True,
    )
    seg.ContentDate, seg.ContentTime = dicom_date(drawn_at), dicom_time(drawn_at)
    save(seg, path)


def _highdicom_affine(grid: Grid) -> npt.NDArray[np.float64]:
    """Affine from (slice, row, column) to LPS, as highdicom's volumes use it."""
    return np.array(grid.affine)
