"""Point kernels on disk: one file for each, named by the digest of what it was made from."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np

from hemadose.io.files import write_bytes_atomic
from hemadose.physics.kernels import PointKernel

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


def write_point_kernel(kernel: PointKernel, path: Path) -> None:
    """Write a point kernel (NumPy archive), atomically."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        nuclide=np.array(kernel.nuclide),
        medium=np.array(kernel.medium),
        **{name: getattr(kernel, name) for name in _ARRAYS},
        **{name: np.array(getattr(kernel, name)) for name in _NUMBERS},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(path, buffer.getvalue())


def read_point_kernel(path: Path) -> PointKernel | None:
    """Read a point kernel; None if there is none, or a damaged one that must be made again."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return PointKernel(
                nuclide=str(stored["nuclide"]),
                medium=str(stored["medium"]),
                density_g_per_ml=float(stored["density_g_per_ml"]),
                emitted_electron_kev=float(stored["emitted_electron_kev"]),
                emitted_photon_kev=float(stored["emitted_photon_kev"]),
                electron_decays=int(stored["electron_decays"]),
                photon_decays=int(stored["photon_decays"]),
                **{name: np.asarray(stored[name]) for name in _ARRAYS},
            )
    except (FileNotFoundError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return None
