"""Interfile volumes as simulation programs write them (header .h33, data .i33 or .i33.gz)."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from hemadose.errors import InputError
from hemadose.model import Grid, Image, Quantity

_KINDS = {("unsigned integer", 2): "u2", ("unsigned integer", 1): "u1", ("short float", 4): "f4"}


def read_interfile(
    header: Path, *, frame_of_reference_uid: str, flip_rows: bool = False, flip_slices: bool = False
) -> Image:
    """Read a volume as labels or raw numbers (the caller says what they mean).

    Parameters
    ----------
    header : Path
        The ``.h33`` text; the data lie beside it, gzipped or not.
    frame_of_reference_uid : str
        Interfile has none.
    flip_rows, flip_slices : bool
        Undo a flip in y and in z: arrays must run to the back and to the head.

    Raises
    ------
    InputError
        If a key is missing or the data do not fit.
    """
    keys = _keys(header)
    shape = tuple(
        int(_need(keys, key, header)) for key in ("total number of images", "matrix size [2]", "matrix size [1]")
    )
    kind = (_need(keys, "number format", header), int(_need(keys, "number of bytes per pixel", header)))
    if kind not in _KINDS:
        raise InputError("number format is not supported", source=str(header), value=str(kind))
    order = ">" if "big" in keys.get("imagedata byte order", "").lower() else "<"
    raw = _data(header, _need(keys, "name of data file", header))
    values = np.frombuffer(raw, dtype=order + _KINDS[kind])
    if values.size != int(np.prod(shape)):
        raise InputError(
            "the data do not fit the header", source=str(header), value=f"{values.size} values", expected=str(shape)
        )
    volume = values.reshape(shape).astype(np.int32)
    pitch = [
        float(_need(keys, key, header))
        for key in ("slice thickness (pixels)", "scaling factor (mm/pixel) [2]", "scaling factor (mm/pixel) [1]")
    ]
    grid = Grid.axial(
        shape=(shape[0], shape[1], shape[2]),
        spacing_mm=(pitch[0], pitch[1], pitch[2]),
        origin_mm=(0.0, 0.0, 0.0),
        frame_of_reference_uid=frame_of_reference_uid,
    )
    volume = volume[:, ::-1] if flip_rows else volume
    volume = volume[::-1] if flip_slices else volume
    return Image(values=volume, grid=grid, quantity=Quantity.LABEL)


def _keys(header: Path) -> dict[str, str]:
    try:
        lines = header.read_text(encoding="latin-1").splitlines()
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(header)) from problem
    pairs = (line.split(":=", 1) for line in lines if ":=" in line)
    return {key.strip().lstrip("!").lower(): value.strip() for key, value in pairs}


def _need(keys: dict[str, str], key: str, header: Path) -> str:
    if not keys.get(key):
        raise InputError(f"{key} is missing", source=str(header), field=key)
    return keys[key]


def _data(header: Path, name: str) -> bytes:
    plain = header.parent / name
    packed = plain.with_name(plain.name + ".gz")
    if plain.exists():
        return plain.read_bytes()
    if packed.exists():
        return gzip.decompress(packed.read_bytes())
    raise InputError("the data file is missing", source=str(plain))
