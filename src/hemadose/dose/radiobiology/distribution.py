"""Effect of a dose that differs from voxel to voxel.

References
----------
O'Donoghue J., J Nucl Med 1999;40:1337 (equivalent uniform BED). Niemierko A., Med Phys 1997;24:103 and
1999;26:1100 (equivalent uniform dose).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.dose.radiobiology.equivalent import bed_gy
from hemadose.errors import QuantityError
from hemadose.model._checks import require_finite, require_positive

Floats: TypeAlias = npt.NDArray[np.float64]


def voxel_bed_gy(
    *, dose_gy: npt.ArrayLike, protraction: npt.ArrayLike, alpha_beta_gy: float, fractions: int = 1
) -> Floats:
    """BED of every voxel.

    Parameters
    ----------
    dose_gy : array_like, shape (...)
        Dose map of one administration, or the sum of `fractions` alike and fully repaired between.
    protraction : array_like, scalar or shape (...)
        G, for the whole region or voxel by voxel (`lea_catcheside` with voxels as leading axes).
    alpha_beta_gy : float
        Of the tissue.
    fractions : int
        Alike administrations that make up the dose.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    QuantityError
        For a negative dose, or a factor outside 0 to 1.

    Examples
    --------
    >>> voxel_bed_gy(dose_gy=[0.0, 20.0], protraction=0.1, alpha_beta_gy=2.5, fractions=4).tolist()
    [0.0, 24.0]
    """
    dose, g = np.asarray(dose_gy, dtype=np.float64), np.asarray(protraction, dtype=np.float64)
    require_positive("dose map", fractions=fractions)
    _require_doses(dose, field="dose_gy")
    if not ((g >= 0.0) & (g <= 1.0 + 1e-9)).all():
        raise QuantityError("a protraction factor lies outside 0 to 1", field="protraction", value=f"{np.max(g):g}")
    return bed_gy(dose_gy=dose, protraction=g / fractions, alpha_beta_gy=alpha_beta_gy)


def equivalent_uniform_bed_gy(
    bed: npt.ArrayLike, *, alpha_per_gy: float, volumes: npt.ArrayLike | None = None
) -> float:
    """EUBED = -ln(mean of exp(-alpha BED)) / alpha: the uniform BED with the same survival.

    Parameters
    ----------
    bed : array_like, shape (...)
        BED of the voxels of a region, Gy.
    alpha_per_gy : float
        Radiosensitivity.
    volumes : array_like, optional
        Of the voxels, or a dose-volume histogram's; alike if not given.

    Returns
    -------
    float
        Between the least and the mean BED.

    Raises
    ------
    QuantityError
        If there is no voxel, or a BED is negative or not finite.

    Examples
    --------
    >>> round(equivalent_uniform_bed_gy([10.0, 30.0], alpha_per_gy=0.35), 3)
    11.978
    """
    require_positive("tissue", alpha_per_gy=alpha_per_gy)
    values, share = _shares(bed, volumes)
    least = values.min()
    mean = float(np.sum(share * np.exp(-alpha_per_gy * (values - least))))
    return float(least - np.log(mean) / alpha_per_gy)


def equivalent_uniform_dose_gy(dose: npt.ArrayLike, *, exponent: float, volumes: npt.ArrayLike | None = None) -> float:
    """Generalised EUD = (mean of D^a)^(1/a): a = 1 is the mean, large a the maximum, a < 0 the cold spots.

    Parameters
    ----------
    dose : array_like, shape (...)
        Dose, BED or EQD2 of the voxels of a region, Gy.
    exponent : float
        The parameter a, not 0.
    volumes : array_like, optional
        Of the voxels; alike if not given.

    Returns
    -------
    float
        0 for a negative exponent if a voxel has no dose.

    Raises
    ------
    QuantityError
        If there is no voxel, a dose is negative, or the exponent is 0.

    Examples
    --------
    >>> round(equivalent_uniform_dose_gy([10.0, 30.0], exponent=1.0), 6)
    20.0
    """
    require_finite("tissue", exponent=exponent)
    if exponent == 0.0:
        raise QuantityError("the exponent of the equivalent uniform dose is 0", field="exponent", value="0")
    values, share = _shares(dose, volumes)
    if exponent < 0.0 and values.min() == 0.0:
        return 0.0
    scale = float(values.max())
    if scale == 0.0:
        return 0.0
    return float(scale * np.sum(share * (values / scale) ** exponent) ** (1.0 / exponent))


def _shares(values: npt.ArrayLike, volumes: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    flat = np.asarray(values, dtype=np.float64).ravel()
    if flat.size == 0:
        raise QuantityError("a region without voxels has no equivalent dose")
    _require_doses(flat, field="dose")
    weight = np.ones_like(flat) if volumes is None else np.asarray(volumes, dtype=np.float64).ravel()
    if weight.shape != flat.shape or not (weight >= 0.0).all() or weight.sum() <= 0.0:
        raise QuantityError("volumes do not fit the doses", field="volumes", expected=f"{flat.size} numbers >= 0")
    held = weight > 0.0
    return flat[held], weight[held] / weight.sum()


def _require_doses(dose: Floats, *, field: str) -> None:
    if not np.isfinite(dose).all() or (dose < 0.0).any():
        raise QuantityError("a dose map holds negative or missing values", field=field, expected=">= 0")
