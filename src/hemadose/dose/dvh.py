"""Dose-volume histograms and what is read from them.

A volume in per cent is a share of the region's volume that receives at least a dose: D95 is the dose that 95 % of it
gets. Errors of a voxel of its own (counting noise in its fit, statistics of the transport) broaden a histogram and make
its points uncertain; a common error of all voxels (calibration) shifts it. The two have bands of their own: the share
of a volume above a dose d varies by sum p (1 - p) times the number of voxels that share an error, where p is the
chance that a voxel lies above d; as a dose this is divided by the histogram's slope.

References
----------
ICRU Report 83 (2010), sec. 3.6: D_V, V_D, homogeneity index (D2 - D98) / D50. Niemierko A. Med Phys 26:1100 (1999):
generalised equivalent uniform dose. Niemierko A. Med Phys 24:103 (1997): equivalent uniform dose of cell survival.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.model._checks import frozen_array

Array = npt.NDArray[np.float64]

_MOST_VOXELS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseVolume:
    """The doses of a region's voxels.

    Attributes
    ----------
    region : str
        Name.
    sorted_gy : array (voxels,)
        Rising.
    voxel_ml : float
        Volume of one voxel.
    mean_sd_gy : float
        Uncertainty of the mean, statistical and common together.
    common_sd : float
        Relative uncertainty that all voxels share.
    voxel_sd_gy : float
        Root mean square statistical uncertainty of a voxel.
    sorted_sd_gy : array (voxels,), optional
        Uncertainty of each voxel's own, in the order of the doses: fit and statistics.
    patch_voxels : float
        Neighbours that share an error of their own (1: independent).
    notes : tuple of str
        Doubts.

    Examples
    --------
    >>> one = DoseVolume(region="r", sorted_gy=np.linspace(0.0, 10.0, 101), voxel_ml=1.0, mean_sd_gy=0.0)
    >>> round(one.dose_at_percent(95.0), 2), round(one.percent_at_dose(5.0), 1)
    (0.46, 50.5)
    """

    region: str
    sorted_gy: Array
    voxel_ml: float
    mean_sd_gy: float
    common_sd: float = 0.0
    voxel_sd_gy: float = 0.0
    sorted_sd_gy: Array | None = None
    patch_voxels: float = 1.0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Lock the doses."""
        object.__setattr__(self, "sorted_gy", frozen_array(self.sorted_gy, np.float64))
        if self.sorted_sd_gy is not None:
            object.__setattr__(self, "sorted_sd_gy", frozen_array(self.sorted_sd_gy, np.float64))

    @property
    def volume_ml(self) -> float:
        """Volume of the region's voxels that have a dose."""
        return self.sorted_gy.size * self.voxel_ml

    @property
    def mean_gy(self) -> float:
        """Mean over voxels, each with the same weight of volume."""
        return float(self.sorted_gy.mean())

    def dose_at_percent(self, percent: float) -> float:
        """Dose that a share of the volume receives at least, Gy; each voxel stands at the middle of its share.

        Raises
        ------
        QuantityError
            If the share is not between 0 and 100 %.
        """
        if not 0.0 <= percent <= 100.0:
            raise QuantityError("a share of a volume", field="percent", value=f"{percent:g}", expected="0-100")
        n = self.sorted_gy.size
        return float(np.interp((1.0 - percent / 100.0) * n, np.arange(n) + 0.5, self.sorted_gy))

    def percent_at_dose(self, dose_gy: float) -> float:
        """Share of the volume that receives at least a dose, per cent."""
        below = int(np.searchsorted(self.sorted_gy, dose_gy, side="left"))
        return 100.0 * (1.0 - below / self.sorted_gy.size)

    def sd_of_dose(self, dose_gy: npt.ArrayLike) -> Array:
        """Uncertainty of points of the histogram, Gy, at their doses: of the voxels' own errors and the common one.

        Parameters
        ----------
        dose_gy : array (points,)
            Doses of the points; e.g. D95 for the uncertainty of D95.
        """
        doses = np.atleast_1d(np.asarray(dose_gy, dtype=np.float64))
        common = self.common_sd * doses
        if self.sorted_sd_gy is None or not self.sorted_sd_gy.any():
            return common
        from scipy.special import ndtr

        step = max(self.sorted_gy.size // _MOST_VOXELS, 1)
        sd = np.maximum(self.sorted_sd_gy[step // 2 :: step], 1e-6 * max(self.mean_gy, 1e-30))
        z = (self.sorted_gy[step // 2 :: step] - doses[:, None]) / sd
        above = ndtr(z)
        slope = (np.exp(-0.5 * z**2) / (np.sqrt(2.0 * np.pi) * sd)).mean(axis=1)
        spread = np.sqrt((above * (1.0 - above)).mean(axis=1) * self.patch_voxels / self.sorted_gy.size)
        own = spread / np.maximum(slope, 1e-300)
        return np.asarray(np.hypot(common, np.minimum(own, sd.max())))

    def homogeneity_index(self) -> float | None:
        """(D2 - D98) / D50, 0 for a uniform dose (ICRU 83, eq. 3.7); None where D50 is 0."""
        middle = self.dose_at_percent(50.0)
        return (self.dose_at_percent(2.0) - self.dose_at_percent(98.0)) / middle if middle > 0.0 else None

    def generalised_eud_gy(self, a: float) -> float:
        """Mean of the a-th power, to the power 1/a (Niemierko 1999); a = 1 is the mean dose.

        Raises
        ------
        QuantityError
            If a is 0.
        """
        if a == 0.0 or not np.isfinite(a):
            raise QuantityError(
                "the exponent of an equivalent uniform dose", field="a", value=f"{a:g}", expected="not 0"
            )
        top = float(self.sorted_gy[-1])
        if top <= 0.0 or (a < 0.0 and float(self.sorted_gy[0]) <= 0.0):
            return 0.0
        logs = a * np.log(np.maximum(self.sorted_gy / top, 1e-300))
        peak = float(logs.max())
        return float(top * np.exp((peak + np.log(np.mean(np.exp(logs - peak)))) / a))

    def survival_eud_gy(self, alpha_per_gy: float) -> float:
        """Uniform dose that leaves as many cells: -ln(mean exp(-alpha D)) / alpha (Niemierko 1997).

        Raises
        ------
        QuantityError
            If alpha is not positive.
        """
        if not alpha_per_gy > 0.0:
            raise QuantityError("sensitivity of cells", field="alpha_per_gy", value=f"{alpha_per_gy:g}", expected="> 0")
        least = float(self.sorted_gy[0])
        rest = np.mean(np.exp(-alpha_per_gy * (self.sorted_gy - least)))
        return float(least - np.log(rest) / alpha_per_gy)

    def curve(self, points: int = 200) -> tuple[Array, Array]:
        """Cumulative histogram: doses, Gy, and per cent of the volume."""
        doses = np.linspace(0.0, float(self.sorted_gy[-1]) * 1.02 + 1e-12, points)
        below = np.searchsorted(self.sorted_gy, doses, side="left")
        return doses, 100.0 * (1.0 - below / self.sorted_gy.size)


def dose_volume(
    dose_gy: npt.NDArray[np.floating[Any]],
    mask: npt.NDArray[np.bool_],
    *,
    region: str,
    voxel_ml: float,
    tissue: npt.NDArray[np.bool_] | None = None,
    sd_gy: npt.NDArray[np.floating[Any]] | None = None,
    mean_sd_gy: float | None = None,
    common_sd: float = 0.0,
    fit_sd_gy: npt.NDArray[np.floating[Any]] | None = None,
    patch_voxels: float = 1.0,
) -> DoseVolume:
    """Collect the doses of a region.

    Parameters
    ----------
    dose_gy : array (slice, row, column)
        Dose map.
    mask : array of bool, same shape
        The region.
    region : str
        Name.
    voxel_ml : float
        Volume of a voxel.
    tissue : array of bool, optional
        Voxels that are no air; what the region has outside is left out, with a note above 1 %.
    sd_gy : array, optional
        Statistical uncertainty of voxels.
    mean_sd_gy : float, optional
        Statistical uncertainty of the mean; from `sd_gy`, as if voxels were independent, if not given.
    common_sd : float
        Relative uncertainty that all voxels share.
    fit_sd_gy : array, optional
        Uncertainty of voxels from their curves; it adds to the statistical one.
    patch_voxels : float
        Neighbours that share an error of their curves; 1 if they are independent.

    Raises
    ------
    RegionError
        If the shapes differ, or no voxel of the region is tissue.
    QuantityError
        If a dose is negative or missing.
    """
    if dose_gy.shape != mask.shape:
        raise RegionError(
            f"region {region} and dose do not share one grid", value=str(mask.shape), expected=str(dose_gy.shape)
        )
    inside = mask if tissue is None else mask & tissue
    count, whole = int(np.count_nonzero(inside)), int(np.count_nonzero(mask))
    if count == 0:
        raise RegionError(
            f"region {region} holds no tissue", value=f"{whole} voxels, all air",
            remedy="check that it was drawn on this CT",
        )  # fmt: skip
    values = dose_gy[inside].astype(np.float64)
    order = np.argsort(values)
    values = values[order]
    if not np.isfinite(values).all() or values[0] < 0.0:
        raise QuantityError(f"a dose in {region} is negative or missing", field="dose_gy")
    notes: tuple[str, ...] = ()
    if count < 0.99 * whole:
        notes = (
            f"{region}: {100.0 * (1.0 - count / whole):.0f} % of its voxels are air or outside the body; left out",
        )
    statistics = np.zeros(count) if sd_gy is None else sd_gy[inside].astype(np.float64)
    fits = np.zeros(count) if fit_sd_gy is None else np.nan_to_num(fit_sd_gy[inside].astype(np.float64))
    rms, rms_fit = (float(np.sqrt(np.mean(x**2))) for x in (statistics, fits))
    patch = min(max(patch_voxels, 1.0), float(count))
    parts = [rms / count**0.5 if mean_sd_gy is None else mean_sd_gy, rms_fit * (patch / count) ** 0.5]
    own = np.hypot(statistics, fits)
    return DoseVolume(
        region=region,
        sorted_gy=values,
        voxel_ml=voxel_ml,
        mean_sd_gy=float(np.linalg.norm([*parts, common_sd * values.mean()])),
        common_sd=common_sd,
        voxel_sd_gy=float(np.hypot(rms, rms_fit)),
        sorted_sd_gy=own[order] if own.any() else None,
        patch_voxels=patch if fits.any() else 1.0,
        notes=notes,
    )
