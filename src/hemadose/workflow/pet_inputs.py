"""Regions, landmarks and transforms for a PET, brought onto its grid and to one set of names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError, RegionError
from hemadose.io.dicom import read_regions
from hemadose.io.nifti import label_names, read_image
from hemadose.model import Grid, Quantity, Region

_ALIASES = {
    "urinary_bladder": "bladder",
    "bladder_contents": "bladder",
    "left_kidney": "kidney_left",
    "right_kidney": "kidney_right",
    "aorta": "blood_pool",
    "bloodpool": "blood_pool",
}


def canonical(name: str) -> str:
    """Give a region the name used here.

    >>> canonical("Urinary bladder"), canonical("vertebrae_L5"), canonical("aorta")
    ('bladder', 'vertebrae_l5', 'blood_pool')
    """
    from hemadose.io.dicom import region_name

    plain = region_name(name)
    return _ALIASES.get(plain, plain)


def read_pet_regions(path: Path, *, reference: Grid) -> tuple[Region, ...]:
    """Read SEG, RTSTRUCT or NIfTI labels onto the grid of a PET.

    A label map on another grid (the CT's) is taken at the centre of every PET voxel. NIfTI knows no frame of
    reference: it is taken to lie in the PET's.

    Parameters
    ----------
    path : Path
        One file; a NIfTI map has its table of names beside it.
    reference : Grid
        Of the PET.

    Returns
    -------
    tuple of Region
        A name given twice (an organ in two parts) becomes one region.

    Raises
    ------
    HemadoseError
        If the file cannot be read or its regions miss the PET.
    """
    if path.name.endswith((".nii", ".nii.gz")):
        found = _labels(path, reference)
    else:
        found = [(region.name, np.asarray(region.mask)) for region in read_regions(path, reference=reference)]
    masks: dict[str, npt.NDArray[np.bool_]] = {}
    for name, mask in found:
        plain = canonical(name)
        masks[plain] = masks[plain] | mask if plain in masks else mask
    regions = tuple(Region(name=name, mask=mask, grid=reference) for name, mask in masks.items() if mask.any())
    if not regions:
        raise RegionError(
            "none of the regions lies in the PET",
            source=str(path),
            remedy="check that they were drawn on this study",
        )
    return regions


def _labels(path: Path, reference: Grid) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    labels = read_image(path, quantity=Quantity.LABEL, frame_of_reference_uid=reference.frame_of_reference_uid)
    chain = np.linalg.inv(labels.grid.affine) @ reference.affine
    values = np.zeros(reference.shape, dtype=np.int32)
    rows, columns = np.meshgrid(np.arange(reference.shape[1]), np.arange(reference.shape[2]), indexing="ij")
    for k in range(reference.shape[0]):
        points = np.stack([np.full_like(rows, k), rows, columns], axis=-1)
        index = np.rint(points @ chain[:3, :3].T + chain[:3, 3]).astype(int)
        inside = ((index >= 0) & (index < np.array(labels.grid.shape))).all(axis=-1)
        values[k][inside] = labels.values[tuple(index[inside].T)]
    return [(name, values == label) for label, name in label_names(path).items()]


def read_landmarks(path: Path) -> dict[str, tuple[float, float, float]]:
    """Read skeletal sites: ``{"c4": [x, y, z], ...}`` in LPS mm.

    Raises
    ------
    InputError
        If the file is missing or of another form.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        points = {str(name): tuple(float(v) for v in point) for name, point in table.items()}
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(path)) from problem
    except (ValueError, AttributeError, TypeError) as problem:
        raise _no_landmarks(path) from problem
    found = {}
    for name, point in points.items():
        if len(point) != 3 or not np.isfinite(point).all():
            raise _no_landmarks(path)
        found[canonical(name)] = (point[0], point[1], point[2])
    return found


def _no_landmarks(path: Path) -> InputError:
    return InputError("these are no landmarks", source=str(path), expected='{"c4": [x, y, z], ...} in LPS mm')


def read_transform(path: Path) -> npt.NDArray[np.float64]:
    """Read a 4 x 4 matrix, as text or JSON: LPS mm of the second scan to LPS mm of the first.

    Raises
    ------
    InputError
        If the file is missing or does not hold 16 numbers.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(path)) from problem
    try:
        numbers = [float(word) for word in text.translate(str.maketrans("[],;", "    ")).split()]
    except ValueError:
        numbers = []
    if len(numbers) != 16 or not np.isfinite(numbers).all():
        raise InputError("this is no 4 x 4 matrix", source=str(path), expected="16 numbers, row by row")
    return np.array(numbers).reshape(4, 4)
