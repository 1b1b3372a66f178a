"""What resolution takes from a region and how to give it back.

References
----------
Rousset O. et al., J Nucl Med 1998;39:904 (geometric transfer matrix).
Gear J. et al., EJNMMI 2018;45:2456 (sphere in a Gaussian; volume and recovery uncertainty).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, exp, pi, sqrt

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import Region

Floats = npt.NDArray[np.float64]

FWHM_PER_SIGMA = 2.354820045


def sphere_recovery(*, radius_mm: float, fwhm_mm: float) -> float:
    """Share of a hot sphere's counts that stays inside it when blurred by a Gaussian.

    Raises
    ------
    QuantityError
        If radius or resolution is not positive.

    Notes
    -----
    With s = sigma / r the mean over the sphere is
    erf(sqrt2 / s) - s / sqrt(2 pi) [3 - s^2 - (1 - s^2) exp(-2 / s^2)], derived from the overlap of two
    displaced spheres and checked on voxel phantoms. A shorter form in circulation, without the terms in
    s^2 and with 2 in place of 3, gives 0.729 where a phantom gives 0.609 (r 15 mm, FWHM 12 mm).

    Examples
    --------
    >>> round(sphere_recovery(radius_mm=15.0, fwhm_mm=12.0), 4)
    0.609
    """
    if radius_mm <= 0.0 or fwhm_mm <= 0.0:
        raise QuantityError("radius and resolution must be positive", value=f"{radius_mm:g}, {fwhm_mm:g} mm")
    s = fwhm_mm / FWHM_PER_SIGMA / radius_mm
    fade = exp(-2.0 / s**2)
    return erf(sqrt(2.0) / s) - s / sqrt(2.0 * pi) * (3.0 - s**2 - (1.0 - s**2) * fade)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCurve:
    """Recovery coefficient by volume, RC(v) = 1 / (1 + (alpha / v)^beta), from phantom spheres."""

    alpha_ml: float
    beta: float
    relative_sd: float = 0.0

    def coefficient(self, volume_ml: float) -> float:
        """Give the recovery coefficient of a volume.

        >>> RecoveryCurve(alpha_ml=4.0, beta=1.0).coefficient(4.0)
        0.5
        """
        if volume_ml <= 0.0:
            raise QuantityError("a volume must be positive", value=f"{volume_ml:g} ml")
        return float(1.0 / (1.0 + (self.alpha_ml / volume_ml) ** self.beta))


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferMatrix:
    """Geometric transfer matrix of a set of regions that fill the body.

    Attributes
    ----------
    names : tuple of str
        Regions, the remaining body last.
    matrix : ndarray, shape (n, n)
        Counts measured in region i per count emitted in region j.
    """

    names: tuple[str, ...]
    matrix: Floats

    def solve(self, measured: Floats) -> Floats:
        """True totals of the regions from the measured ones, shape (..., n)."""
        return np.asarray(np.linalg.solve(self.matrix, np.asarray(measured).T).T)

    def covariance(self, measured_covariance: Floats) -> Floats:
        """Covariance of the true totals."""
        inverse = np.linalg.inv(self.matrix)
        return np.asarray(inverse @ measured_covariance @ inverse.T)


def transfer_matrix(regions: Sequence[Region], *, body: Region | None, fwhm_mm: float) -> TransferMatrix:
    """Blur every region with the resolution and see where its counts go.

    Parameters
    ----------
    regions : sequence of Region
        Disjoint, on one grid; each is taken as uniform.
    body : Region or None
        The patient's outline: what is left of it is a region of its own. None takes everything else
        near the regions.
    fwhm_mm : float
        Resolution of the image.

    Returns
    -------
    TransferMatrix

    Raises
    ------
    QuantityError
        If the resolution is not positive.
    """
    from scipy.ndimage import gaussian_filter

    if fwhm_mm <= 0.0:
        raise QuantityError("the resolution must be positive", field="spect_fwhm_mm", value=f"{fwhm_mm:g}")
    grid = regions[0].grid
    for region in regions:
        region.grid.require_match(grid, what=f"region {region.name} and {regions[0].name}")
    sigma = fwhm_mm / FWHM_PER_SIGMA / np.array(grid.spacing_mm)
    taken = np.any([r.mask for r in regions], axis=0)
    rest = (body.mask if body is not None else np.ones(grid.shape, dtype=bool)) & ~taken
    masks = [*(r.mask for r in regions), rest]
    matrix = np.zeros((len(masks), len(masks)))
    for j, mask in enumerate(masks):
        box = _box(mask, np.ceil(4.0 * sigma).astype(int) + 1)
        blurred = gaussian_filter(mask[box].astype(np.float32), sigma, mode="constant", truncate=4.0)
        for i, other in enumerate(masks):
            matrix[i, j] = float(blurred[other[box]].sum(dtype=np.float64)) / np.count_nonzero(mask)
    return TransferMatrix(names=(*(r.name for r in regions), "rest"), matrix=matrix)


def _box(mask: npt.NDArray[np.bool_], margin: npt.NDArray[np.int_]) -> tuple[slice, ...]:
    box = []
    for axis in range(3):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        low, high = int(hit[0]) - int(margin[axis]), int(hit[-1]) + int(margin[axis]) + 1
        box.append(slice(max(low, 0), min(high, mask.shape[axis])))
    return tuple(box)
