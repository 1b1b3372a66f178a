"""What every method of dose by voxel gives back, and the checks they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.physics.voxel_dose.matter import PatientMatter
from hemadose.units import KEV_J

Volume = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelDose:
    """Absorbed dose of every voxel.

    Attributes
    ----------
    method : str
        ``local``, ``convolution``, ``hybrid`` or ``montecarlo``.
    dose_gy : array (slice, row, column) of float32
        0 in air.
    sd_gy : array of the same shape
        Statistical, one standard deviation; 0 where nothing was sampled.
    emitted_j, deposited_j, in_air_j : float
        Energy emitted by all decays, deposited in tissue, and deposited in air, which has no dose here.
    region_sd_gy : Mapping[str, float]
        Statistical uncertainty of the mean dose of regions, neighbours' correlation included.
    photons_followed, electrons_followed : int
        Histories.
    notes : tuple of str
        Doubts.
    """

    method: str
    dose_gy: Volume
    sd_gy: Volume
    emitted_j: float
    deposited_j: float
    in_air_j: float
    region_sd_gy: Mapping[str, float]
    photons_followed: int = 0
    electrons_followed: int = 0
    notes: tuple[str, ...] = ()


def require_activity(tia_bq_s: npt.NDArray[np.floating[Any]], matter: PatientMatter) -> None:
    """Refuse time-integrated activity that no patient has.

    Raises
    ------
    QuantityError
        If a voxel is negative or missing, all are zero, or the shape is another than that of the matter.
    """
    shape = matter.tissue.shape
    if tia_bq_s.shape != shape:
        raise QuantityError(
            "activity and matter do not share one grid", field="shape", value=str(tia_bq_s.shape), expected=str(shape),
            remedy="resample one onto the other",
        )  # fmt: skip
    if not np.isfinite(tia_bq_s).all() or float(tia_bq_s.min()) < 0.0:
        raise QuantityError(
            "time-integrated activity cannot be negative or missing",
            field="tia_bq_s",
            value=f"{int(np.count_nonzero(~(tia_bq_s >= 0.0)))} voxels",
            expected=">= 0",
            remedy="check the curve fits of these voxels, or set them to zero on purpose",
        )
    if not tia_bq_s.any():
        raise QuantityError("there is no activity anywhere", field="tia_bq_s", value="0", expected="> 0")


def air_note(tia_bq_s: npt.NDArray[np.floating[Any]], matter: PatientMatter) -> tuple[str, ...]:
    """Say how much of the activity lies in air, if it is more than 0.5 %."""
    share = float(tia_bq_s[~matter.tissue].sum() / tia_bq_s.sum())
    if share <= 0.005:
        return ()
    return (
        f"{100.0 * share:.1f} % of the decays lie in voxels of air (blurred over the skin, or gas): "
        "their energy is counted apart and gives no dose",
    )


def energy_to_dose(energy_kev: npt.NDArray[np.floating[Any]], matter: PatientMatter) -> tuple[Volume, float, float]:
    """Divide energy by mass in tissue.

    Returns
    -------
    tuple
        Dose in Gy (0 in air), and the energies in tissue and in air, J.
    """
    dose = np.zeros(matter.tissue.shape, dtype=np.float32)
    np.divide(energy_kev * KEV_J, matter.voxel_kg, out=dose, where=matter.tissue, casting="unsafe")
    total = float(energy_kev.sum(dtype=np.float64))
    inside = float(energy_kev.sum(where=matter.tissue, dtype=np.float64))
    return dose, inside * KEV_J, (total - inside) * KEV_J
