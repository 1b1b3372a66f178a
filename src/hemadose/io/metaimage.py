"""MetaImage label volumes (.mha, .mhd), read with SimpleITK, which counts in the LPS of DICOM as hemadose does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.model.image import Grid, Image, Quantity


def read_metaimage(path: Path, *, frame_of_reference_uid: str) -> Image:
    """Read a label volume.

    Parameters
    ----------
    path : Path
        The ``.mha`` file, or the ``.mhd`` header with its data beside it.
    frame_of_reference_uid : str
        MetaImage has none.

    Raises
    ------
    InputError
        If SimpleITK is not installed, or the file is missing, broken or not three-dimensional.
    QuantityError
        If it holds fractions.
    """
    try:
        import SimpleITK
    except ImportError as problem:
        raise InputError(
            "MetaImage files need SimpleITK, which is not installed",
            source=str(path),
            expected="SimpleITK, part of the extra hemadose[dev]",
            remedy="pip install SimpleITK, or convert the file to NIfTI",
        ) from problem
    if not path.exists():
        raise InputError("file not found", source=str(path))
    try:
        loaded = SimpleITK.ReadImage(str(path))
    except RuntimeError as problem:
        raise InputError("not a readable MetaImage file", source=str(path), value=str(problem)[-200:]) from problem
    if loaded.GetDimension() != 3 or loaded.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("a label volume has three dimensions", source=str(path), value=str(loaded.GetSize()))
    values = np.asarray(SimpleITK.GetArrayFromImage(loaded))
    if not np.allclose(values, np.rint(values)):
        raise QuantityError("a label map holds whole numbers", source=str(path))
    columns = np.asarray(loaded.GetDirection(), dtype=np.float64).reshape(3, 3) * np.asarray(loaded.GetSpacing())
    affine = np.eye(4)
    affine[:3, :3] = columns[:, ::-1]
    affine[:3, 3] = loaded.GetOrigin()
    grid = Grid(
        shape=(values.shape[0], values.shape[1], values.shape[2]),
        affine=affine,
        frame_of_reference_uid=frame_of_reference_uid,
    )
    return Image(values=np.rint(values).astype(np.int32), grid=grid, quantity=Quantity.LABEL)
