"""Point kernels on disk: one file for each, named by the digest of what it was made from."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError
from hemadose.io.files import write_bytes_atomic
from hemadose.physics.kernels import PointKernel

_WORDS = ("nuclide", "medium")
_ARRAYS = ("radius_cm", "electron_kev", "photon_kev")
_NUMBERS = (
    "density_g_per_ml", "emitted_electron_kev", "emitted_photon_kev", "electron_decays", "photon_decays",
)  # fmt: skip


def cache_folder() -> Path:
    """Folder for results that can be made again: ``HEMADOSE_CACHE``, else hemadose in the user's cache folder."""
    given = os.environ.get("HEMADOSE_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hemadose"


def write_archive(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write named arrays into the cache, atomically.

    Raises
    ------
    InputError
        If the cache folder cannot be written to.
    """
    buffer, named = io.BytesIO(), dict[str, Any](arrays)
    np.savez_compressed(buffer, **named)
    try:
        write_bytes_atomic(path, buffer.getvalue())
    except OSError as problem:
        raise InputError(
            "the cache cannot be written to",
            source=str(path.parent),
            field="HEMADOSE_CACHE",
            value=type(problem).__name__,
            remedy="name a folder of yours in HEMADOSE_CACHE",
        ) from problem


def read_archive(path: Path, *, names: Iterable[str]) -> dict[str, npt.NDArray[Any]] | None:
    """Read named arrays from the cache; None if there are none, or damaged ones that must be made again."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: np.asarray(stored[name]) for name in names}
    except Exception:  # damage shows as many kinds: of zipfile, zlib, tokenize, numpy, the file system
        return None


def write_point_kernel(kernel: PointKernel, path: Path) -> None:
    """Write a point kernel (NumPy archive), atomically."""
    words = {name: np.array(getattr(kernel, name)) for name in _WORDS}
    numbers = {name: np.array(getattr(kernel, name)) for name in _NUMBERS}
    write_archive(path, {**words, **{name: getattr(kernel, name) for name in _ARRAYS}, **numbers})


def read_point_kernel(path: Path) -> PointKernel | None:
    """Read a point kernel; None if there is none, or a damaged one that must be made again."""
    stored = read_archive(path, names=(*_WORDS, *_ARRAYS, *_NUMBERS))
    if stored is None:
        return None
    return PointKernel(
        nuclide=str(stored["nuclide"]),
        medium=str(stored["medium"]),
        density_g_per_ml=float(stored["density_g_per_ml"]),
        emitted_electron_kev=float(stored["emitted_electron_kev"]),
        emitted_photon_kev=float(stored["emitted_photon_kev"]),
        electron_decays=int(stored["electron_decays"]),
        photon_decays=int(stored["photon_decays"]),
        **{name: stored[name] for name in _ARRAYS},
    )
