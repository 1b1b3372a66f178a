"""Transforms to files and back: JSON with quality and provenance, ITK text (.tfm) for other programs.

The displacement field of a deformable transform lies beside the JSON as a NIfTI of four dimensions, the last one
(x, y, z) in LPS mm.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, InputError
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.model import Grid
from hemadose.model.transform import RegistrationQuality, Transform
from hemadose.provenance import Provenance

FORMAT = "hemadose transform 1"

_ITK_HEADER = "#Insight Transform File V1.0"


def write_transform(transform: Transform, path: Path) -> tuple[Path, ...]:
    """Write a transform: ``.json`` (any), or ``.tfm`` / ``.txt`` as ITK reads it (rigid and affine only).

    Returns
    -------
    tuple of Path
        Files written.

    Raises
    ------
    InputError
        If the ending is none of these, or a field cannot be written so.
    """
    if path.suffix in (".tfm", ".txt"):
        if transform.is_deformable:
            raise InputError(
                "ITK text holds no displacement field", source=path.name, remedy="write the transform as .json"
            )
        write_text_atomic(path, _itk_text(transform))
        return (path,)
    if path.suffix != ".json":
        raise InputError("unknown ending of a transform", source=path.name, expected=".json or .tfm")
    written = [path]
    field = _field_path(path)
    payload: dict[str, Any] = {
        "format": FORMAT,
        "meaning": "x_moving = matrix (x_fixed + displacement), LPS mm",
        "matrix": transform.matrix.tolist(),
        "fixed_frame_uid": transform.fixed_frame_uid,
        "moving_frame_uid": transform.moving_frame_uid,
        "displacement": field.name if transform.is_deformable else None,
        "quality": None if transform.quality is None else asdict(transform.quality),
        "made_by": None if transform.provenance is None else {
            "step": transform.provenance.step,
            "version": transform.provenance.version,
            "parameters": dict(transform.provenance.parameters),
        },
    }  # fmt: skip
    if transform.is_deformable:
        _write_field(transform, field)
        written.append(field)
    write_text_atomic(path, json.dumps(payload, indent=1) + "\n")
    return tuple(written)


def read_transform(path: Path, *, fixed_frame_uid: str | None = None, moving_frame_uid: str | None = None) -> Transform:
    """Read a transform.

    Parameters
    ----------
    path : Path
        ``.json`` of this program, or ITK text with one affine, Euler or versor transform.
    fixed_frame_uid, moving_frame_uid : str, optional
        Frames of reference; ITK text does not hold them, so both are needed there.

    Returns
    -------
    Transform

    Raises
    ------
    InputError
        If the file is broken, of another kind, or the frames are not known.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError("not a readable transform", source=str(path), value=type(problem).__name__) from problem
    if text.startswith(_ITK_HEADER):
        if not fixed_frame_uid or not moving_frame_uid:
            raise InputError(
                "ITK text does not say which frames of reference it joins", source=str(path), field="frames"
            )
        return Transform(
            matrix=_itk_matrix(text, path), fixed_frame_uid=fixed_frame_uid, moving_frame_uid=moving_frame_uid
        )
    return _from_json(text, path)


def _from_json(text: str, path: Path) -> Transform:
    try:
        payload = json.loads(text)
        if payload["format"] != FORMAT:
            raise InputError("another kind of file", source=str(path), field="format", expected=FORMAT)
        frame = str(payload["fixed_frame_uid"])
        named = payload["displacement"]
        values, grid = (None, None) if named is None else _read_field(path.with_name(str(named)), frame)
        quality, made = payload["quality"], payload["made_by"]
        return Transform(
            matrix=np.asarray(payload["matrix"], dtype=np.float64),
            fixed_frame_uid=frame,
            moving_frame_uid=str(payload["moving_frame_uid"]),
            displacement_mm=values,
            displacement_grid=grid,
            quality=None
            if quality is None
            else RegistrationQuality(**{**quality, "notes": tuple(quality.get("notes", ()))}),
            provenance=None if made is None else Provenance(**made),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise InputError("not a transform of this program", source=str(path), value=str(problem)) from problem


def _field_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".json") + ".field.nii.gz")


def _write_field(transform: Transform, path: Path) -> None:
    import gzip

    import nibabel

    grid, values = transform.displacement_grid, transform.displacement_mm
    if grid is None or values is None:
        raise GeometryError("this transform has no displacement field")
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine[:, [2, 1, 0, 3]]
    raw = nibabel.Nifti1Image(np.asarray(values).transpose(2, 1, 0, 3), affine).to_bytes()
    write_bytes_atomic(path, gzip.compress(raw, mtime=0))


def _read_field(path: Path, frame_uid: str) -> tuple[npt.NDArray[np.float32], Grid]:
    import nibabel

    try:
        loaded = nibabel.load(path)
        data = np.asarray(loaded.dataobj, dtype=np.float32)
    except Exception as problem:  # nibabel raises many kinds for a broken file
        raise InputError(
            "the displacement field beside the transform is missing or broken", source=str(path)
        ) from problem
    if data.ndim != 4 or data.shape[3] != 3:
        raise InputError("a displacement field holds (x, y, z)", source=str(path), value=str(data.shape))
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(loaded.affine, dtype=np.float64)
    values = np.ascontiguousarray(data.transpose(2, 1, 0, 3))
    grid = Grid(
        shape=(values.shape[0], values.shape[1], values.shape[2]),
        affine=affine[:, [2, 1, 0, 3]],
        frame_of_reference_uid=frame_uid,
    )
    return values, grid


def _itk_text(transform: Transform) -> str:
    numbers = [*transform.matrix[:3, :3].ravel().tolist(), *transform.matrix[:3, 3].tolist()]
    parameters = " ".join(repr(float(v)) for v in numbers)
    return (
        f"{_ITK_HEADER}\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {parameters}\nFixedParameters: 0 0 0\n"
    )


def _itk_matrix(text: str, path: Path) -> npt.NDArray[np.float64]:
    """Matrix of x' = M (x - c) + c + t, from affine, Euler (ZXY) or versor parameters."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key in found and key in ("Transform", "Parameters"):
            raise InputError("only one transform a file can be read", source=str(path), field="Transform")
        found[key] = value.strip()
    kind = found.get("Transform", "")
    numbers = [float(v) for v in found.get("Parameters", "").split()]
    centre = np.array([float(v) for v in found.get("FixedParameters", "0 0 0").split()][:3])
    if kind.startswith(("AffineTransform", "MatrixOffsetTransformBase")) and len(numbers) == 12:
        rotation, shift = np.array(numbers[:9]).reshape(3, 3), np.array(numbers[9:])
    elif kind.startswith("Euler3DTransform") and len(numbers) == 6:
        rotation, shift = _euler(numbers[:3]), np.array(numbers[3:])
    elif kind.startswith(("VersorRigid3DTransform", "Rigid3DTransform")) and len(numbers) == 6:
        rotation, shift = _versor(numbers[:3]), np.array(numbers[3:])
    else:
        raise InputError(
            "this ITK transform is not read", source=str(path), field="Transform", value=kind or "none",
            expected="AffineTransform, Euler3DTransform or VersorRigid3DTransform",
        )  # fmt: skip
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = centre + shift - rotation @ centre
    return matrix


def _euler(angles: list[float]) -> npt.NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    x, y, z = angles
    return np.asarray(Rotation.from_euler("ZXY", [z, x, y]).as_matrix())


def _versor(vector: list[float]) -> npt.NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    scalar = float(np.sqrt(max(1.0 - float(np.dot(vector, vector)), 0.0)))
    return np.asarray(Rotation.from_quat([*vector, scalar]).as_matrix())
