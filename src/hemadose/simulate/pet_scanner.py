"""A virtual PET scanner: grid, resolution, noise of the correlation that a post-filter leaves, bed times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import Grid, Nuclide
from hemadose.simulate.camera import FWHM_PER_SIGMA
from hemadose.units import LN2

Volume = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PetScanner:
    """A PET scanner and its reconstruction.

    Attributes
    ----------
    voxel_mm, slice_mm : float
        In-plane pitch and slice distance.
    fwhm_mm : float
        Resolution of the reconstruction, post-filter included, voxel not.
    filter_fwhm_mm : float
        The part of it that is smoothing after the noise arose: sets the noise's correlation.
    cov : float
        Coefficient of variation of the voxels in uniform tissue of `cov_suv` at the start (EANM: at most 15 %
        in the liver). It grows as 1 / sqrt(activity): with lower uptake and from bed to bed.
    cov_suv : float
        See above.
    frame_s, bed_mm : float
        Time and length of one bed position, scanned from the feet to the head.
    """

    voxel_mm: float = 4.0
    slice_mm: float = 4.0
    fwhm_mm: float = 6.0
    filter_fwhm_mm: float = 4.0
    cov: float = 0.10
    cov_suv: float = 1.28
    frame_s: float = 180.0
    bed_mm: float = 160.0

    def __post_init__(self) -> None:
        """Refuse impossible scanners."""
        for name in ("voxel_mm", "slice_mm", "fwhm_mm", "cov_suv", "frame_s", "bed_mm"):
            if not getattr(self, name) > 0.0:
                raise QuantityError("impossible PET scanner", field=name, value=f"{getattr(self, name):g}")
        if not 0.0 <= self.filter_fwhm_mm <= self.fwhm_mm or not 0.0 <= self.cov < 1.0:
            raise QuantityError(
                "the filter is part of the resolution, and noise lies between 0 and 100 %",
                field="filter_fwhm_mm, cov",
                value=f"{self.filter_fwhm_mm:g} mm, {self.cov:g}",
            )

    @property
    def blur_before_filter_mm(self) -> float:
        """Gaussian that makes `fwhm_mm` together with the filter."""
        return math.sqrt(self.fwhm_mm**2 - self.filter_fwhm_mm**2)


def slice_times(grid: Grid, scanner: PetScanner, started_at: datetime, nuclide: Nuclide) -> tuple[datetime, ...]:
    """Moment of the mean count rate of every slice: beds follow each other from the feet.

    Parameters
    ----------
    grid : Grid
        Axial.
    scanner : PetScanner
        Time and length of a bed.
    started_at : datetime
        Start of the first bed.
    nuclide : Nuclide
        Sets the mean count rate within a frame.

    Returns
    -------
    tuple of datetime
    """
    decay = LN2 / nuclide.half_life_s * scanner.frame_s
    delay = math.log(decay / -math.expm1(-decay)) / decay * scanner.frame_s
    bed = (np.arange(grid.shape[0]) * scanner.slice_mm // scanner.bed_mm).astype(int)
    return tuple(started_at + timedelta(seconds=float(b) * scanner.frame_s + delay) for b in bed)


def noisy(mean: Volume, scanner: PetScanner, grid: Grid, left: npt.NDArray[np.float64], seed: int | None) -> Volume:
    """Apply the filter to the mean and to white noise whose variance goes with uptake over activity left.

    Parameters
    ----------
    mean : ndarray, shape of `grid`
        SUV, blurred but for the filter.
    scanner : PetScanner
        Noise and filter.
    grid : Grid
        Voxels.
    left : ndarray, shape (slices,)
        Activity left at each slice's time, as a share of that at the start.
    seed : int or None
        None leaves the noise out.

    Returns
    -------
    ndarray, shape of `grid`
        Not negative.
    """
    from scipy.ndimage import gaussian_filter

    sigma = [scanner.filter_fwhm_mm / FWHM_PER_SIGMA / s for s in grid.spacing_mm]
    white = np.asarray(mean, dtype=np.float32)
    if seed is not None and scanner.cov > 0.0:
        kept = math.prod(_squared_weights(s) for s in sigma)
        spread = scanner.cov * np.sqrt(np.maximum(mean, 0.0) * scanner.cov_suv / left[:, None, None] / kept)
        draw = np.random.default_rng(seed).standard_normal(mean.shape, dtype=np.float32)
        white = white + (spread * draw).astype(np.float32)
    filtered = gaussian_filter(white, sigma, mode="nearest", truncate=5.0)
    return np.maximum(np.asarray(filtered, dtype=np.float32), 0.0)


def _squared_weights(sigma: float) -> float:
    """Sum of the squared weights of the filter along one axis: what it leaves of white noise's variance."""
    from scipy.ndimage import gaussian_filter1d

    delta = np.zeros(2 * math.ceil(5.0 * max(sigma, 0.1)) + 3)
    delta[delta.size // 2] = 1.0
    return float((gaussian_filter1d(delta, sigma, mode="constant", truncate=5.0) ** 2).sum())
