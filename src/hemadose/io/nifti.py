"""NIfTI images and label maps; the RAS of NIfTI becomes the LPS of DICOM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, InputError, QuantityError
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.model import Grid, Image, PlanarRegion, Quantity, Region

_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def _load(path: Path) -> Any:
    import nibabel

    try:
        return nibabel.load(path)
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(path)) from problem
    except Exception as problem:  # nibabel raises many kinds for a broken file
        raise InputError("not a readable NIfTI file", source=str(path), value=type(problem).__name__) from problem


def _read(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Values and affine; a file that ends too early shows itself only when its values are read."""
    loaded = _load(path)
    try:
        return np.asarray(loaded.dataobj), np.asarray(loaded.affine, dtype=np.float64)
    except Exception as problem:  # gzip, zlib and nibabel raise many kinds
        raise InputError(
            "the NIfTI file is damaged or ends too early", source=str(path), value=type(problem).__name__,
            remedy="get the file again",
        ) from problem  # fmt: skip


def read_image(path: Path, *, quantity: Quantity, frame_of_reference_uid: str) -> Image:
    """Read a volume. NIfTI knows neither quantity nor frame of reference: the caller states both.

    Raises
    ------
    InputError
        If the file is missing or broken, or not three-dimensional.
    """
    data, ras = _read(path)
    if data.ndim != 3:
        raise InputError("a volume has three dimensions", source=str(path), value=str(data.shape))
    affine = _FLIP @ ras
    values = np.ascontiguousarray(data.transpose(2, 1, 0))
    grid = Grid(
        shape=(values.shape[0], values.shape[1], values.shape[2]),
        affine=affine[:, [2, 1, 0, 3]],
        frame_of_reference_uid=frame_of_reference_uid,
    )
    if quantity is Quantity.LABEL:
        if not np.allclose(values, np.rint(values)):
            raise QuantityError("a label map holds whole numbers", source=str(path))
        return Image(values=np.rint(values).astype(np.int32), grid=grid, quantity=quantity)
    return Image(values=values.astype(np.float32), grid=grid, quantity=quantity)


def write_image(image: Image, path: Path) -> None:
    """Write a volume as NIfTI (.nii or .nii.gz), atomically."""
    affine = _FLIP @ image.grid.affine[:, [2, 1, 0, 3]]
    write_bytes_atomic(path, _encoded(np.asarray(image.values).transpose(2, 1, 0), affine, path))


def _encoded(data: npt.NDArray[Any], affine: npt.NDArray[np.float64], path: Path) -> bytes:
    import gzip

    import nibabel

    image = nibabel.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    raw = image.to_bytes()
    return gzip.compress(raw, mtime=0) if path.name.endswith(".gz") else bytes(raw)


def label_names(path: Path) -> dict[int, str]:
    """Read the table of names beside a label map (``<name>.json``).

    Raises
    ------
    InputError
        If it is missing or broken.
    """
    sidecar = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    try:
        table = json.loads(sidecar.read_text(encoding="utf-8"))
        return {int(label): str(name) for label, name in table.items()}
    except FileNotFoundError as problem:
        raise InputError(
            "the label map needs a table of names beside it",
            source=str(path),
            expected=f'{sidecar.name}: {{"1": "kidney_left", ...}}',
        ) from problem
    except (json.JSONDecodeError, ValueError, AttributeError) as problem:
        raise InputError("the table of label names is not valid", source=str(sidecar)) from problem


def read_label_regions(path: Path, *, reference: Grid) -> tuple[Region, ...]:
    """Read a label map with its name table (``<name>.json``) as regions of the reference's frame.

    Raises
    ------
    InputError
        If the name table is missing or the file broken.
    GeometryError
        If the map lies on another grid than the reference.
    """
    labels = read_image(path, quantity=Quantity.LABEL, frame_of_reference_uid=reference.frame_of_reference_uid)
    labels.grid.require_match(reference, what="label map and image")
    return tuple(
        Region(name=name, mask=np.asarray(labels.values) == label, grid=reference)
        for label, name in label_names(path).items()
    )


def write_planar_regions(regions: Sequence[PlanarRegion], path: Path, *, pixel_mm: tuple[float, float]) -> None:
    """Write planar regions as one bit per region in a 2D NIfTI, names in ``<name>.json``.

    Regions may overlap (an organ lies in the whole body), so label n stands for bit n - 1.
    """
    stack = np.zeros(regions[0].mask.shape, dtype=np.int32)
    for bit, region in enumerate(regions):
        stack |= region.mask.astype(np.int32) << bit
    affine = np.diag([pixel_mm[1], pixel_mm[0], 1.0, 1.0])
    write_bytes_atomic(path, _encoded(stack.T[:, :, None], affine, path))
    names = {str(bit + 1): region.name for bit, region in enumerate(regions)}
    sidecar = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    write_text_atomic(sidecar, json.dumps(names, indent=1) + "\n")


def read_planar_regions(path: Path, *, shape: tuple[int, int]) -> tuple[PlanarRegion, ...]:
    """Read planar regions: columns along the first NIfTI axis, rows (head first) along the second.

    Raises
    ------
    GeometryError
        If the map has another size than the planar images.
    """
    data, _ = _read(path)
    flat = np.rint(data.reshape(data.shape[:2]).T).astype(np.int64)
    if flat.shape != shape:
        raise GeometryError(
            "planar regions and planar images differ in size",
            source=str(path),
            value=str(flat.shape),
            expected=str(shape),
        )
    return tuple(
        PlanarRegion(name=name, mask=(flat >> (label - 1)) & 1 == 1) for label, name in label_names(path).items()
    )
