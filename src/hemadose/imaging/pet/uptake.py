"""Uptake in a region: SUVmax, SUVpeak, SUVmean, and their ratio to the blood pool."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import pi
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.imaging.pet.ball import ball_weights
from hemadose.model.pet import SuvImage
from hemadose.model.region import Region

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Point = tuple[float, float, float]

PEAK_VOLUME_ML = 1.0
_STARTS = 2
_STEPS = (1 / 6, 1 / 12, 1 / 24)
_WORTH_A_LOOK = 0.94
_MOST_CANDIDATES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    value: float
    index: npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """Largest mean over a small sphere, and where its centre lies (LPS mm)."""

    value: float
    centre_mm: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptake:
    """Uptake in one region.

    Attributes
    ----------
    name : str
        Region.
    volume_ml : float
        Voxels inside times voxel volume.
    suv_max, suv_mean, suv_sd : float
        Over the voxels inside.
    suv_max_mm : tuple of float
        Centre of the hottest voxel, LPS.
    peak : Peak or None
        None if it was not asked for or the sphere does not fit into the image.
    """

    name: str
    volume_ml: float
    suv_max: float
    suv_max_mm: Point
    suv_mean: float
    suv_sd: float
    peak: Peak | None

    @property
    def total_uptake(self) -> float:
        """Total lesion uptake, SUVmean times volume in SUV ml (check case PET3: 45 ml at 6.2 are 279)."""
        return self.suv_mean * self.volume_ml

    def to_background(self, blood_mean: float) -> float:
        """Target-to-background ratio: SUVmax over SUVmean of the blood pool (Buck, J Nucl Med 2022;63:1687).

        Raises
        ------
        QuantityError
            If the blood pool has no uptake.
        """
        if not blood_mean > 0.0:
            raise QuantityError(
                "the blood pool shows no uptake: no ratio can be formed",
                field="blood_pool",
                value=f"{blood_mean:g}",
                remedy="check where the blood pool was drawn",
            )
        return self.suv_max / blood_mean


def measure_uptake(suv: SuvImage, region: Region, *, peak: bool = True, peak_anywhere: bool = True) -> Uptake:
    """Measure one region.

    Parameters
    ----------
    suv : SuvImage
        Uptake values.
    region : Region
        On the grid of the image.
    peak : bool
        Look for SUVpeak as well.
    peak_anywhere : bool
        Passed to `find_peak`.

    Returns
    -------
    Uptake

    Raises
    ------
    GeometryError
        If region and image do not share a grid.
    """
    suv.grid.require_match(region.grid, what=f"PET and region {region.name}")
    index = np.argwhere(region.mask)
    inside = suv.values[region.mask].astype(np.float64)
    hottest = index[int(inside.argmax())]
    return Uptake(
        name=region.name,
        volume_ml=region.volume_ml,
        suv_max=float(inside.max()),
        suv_max_mm=_point(suv.grid.index_to_mm(hottest)),
        suv_mean=float(inside.mean()),
        suv_sd=float(inside.std(ddof=1)) if inside.size > 1 else 0.0,
        peak=find_peak(suv, region, anywhere=peak_anywhere) if peak else None,
    )


def _point(values: Floats) -> Point:
    return float(values[0]), float(values[1]), float(values[2])


def find_peak(
    suv: SuvImage, region: Region, *, volume_ml: float = PEAK_VOLUME_ML, anywhere: bool = True
) -> Peak | None:
    """Find the sphere of 1 ml with the largest mean uptake whose centre lies inside a region.

    Every voxel counts with the exact share of the sphere that lies in it. SUVpeak after PERCIST (Wahl, J Nucl
    Med 2009;50 Suppl 1:122S), the EANM guideline (Boellaard, Eur J Nucl Med Mol Imaging 2015;42:328) and Lodge
    (J Nucl Med 2012;53:1041): the sphere is placed so as to maximise the mean and need not be centred on the
    hottest voxel.

    Parameters
    ----------
    suv : SuvImage
        Uptake values.
    region : Region
        Where the centre may lie; the sphere itself may reach beyond it.
    volume_ml : float
        Of the sphere; 1 ml has a radius of 6.2 mm.
    anywhere : bool
        Let the centre move between voxel centres (does not depend on the grid); False keeps it on
        voxel centres, as some programs do.

    Returns
    -------
    Peak or None
        None if the sphere fits nowhere into the image.
    """
    suv.grid.require_match(region.grid, what=f"PET and region {region.name}")
    radius = 10.0 * (3.0 * volume_ml / (4.0 * pi)) ** (1.0 / 3.0)
    centred = _centred_means(suv, region.mask, radius)
    if centred is None:
        return None
    means, origin = centred
    found = _Found(
        value=float(means.max()), index=np.array(np.unravel_index(int(means.argmax()), means.shape)) + origin
    )
    if anywhere:
        near = np.argwhere(means >= _WORTH_A_LOOK * found.value)
        best = near[np.argsort(means[tuple(near.T)])[::-1][:_MOST_CANDIDATES]] + origin
        starts = _best_starts(suv, best, radius)
        found = max((found, *(_refined(suv, start, radius) for start in starts)), key=lambda f: f.value)
    return Peak(value=found.value, centre_mm=_point(suv.grid.index_to_mm(found.index)))


def _centred_means(suv: SuvImage, mask: Mask, radius: float) -> tuple[Floats, npt.NDArray[np.int_]] | None:
    """Sphere means around every voxel of the mask's box (-inf outside mask or image), and the box's origin."""
    from scipy.ndimage import correlate

    weights, first = ball_weights(radius_mm=radius, spacing_mm=suv.grid.spacing_mm)
    reach = -np.array(first)
    index = np.argwhere(mask)
    low, high = index.min(axis=0), index.max(axis=0) + 1
    start, stop = np.maximum(low - reach, 0), np.minimum(high + reach, suv.grid.shape)
    part = suv.values[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))].astype(np.float64)
    means = correlate(part, weights, mode="constant", cval=np.nan)
    inside = mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] & np.isfinite(means)
    if not inside.any():
        return None
    return np.where(inside, means, -np.inf), start


def _best_starts(suv: SuvImage, voxels: npt.NDArray[np.int_], radius: float) -> list[_Found]:
    """The best of 27 places in each voxel, for the best few voxels."""
    best = [_Found(value=-np.inf, index=voxel.astype(np.float64)) for voxel in voxels]
    for shift, weights, first in _kernels_in_a_voxel(radius, suv.grid.spacing_mm):
        for place, voxel in enumerate(voxels):
            mean = _weighted(suv, voxel + first, weights)
            if mean > best[place].value:
                best[place] = _Found(value=mean, index=voxel + shift)
    return sorted(best, key=lambda f: -f.value)[:_STARTS]


@lru_cache(maxsize=4)
def _kernels_in_a_voxel(radius: float, spacing: Point) -> tuple[tuple[Floats, Floats, npt.NDArray[np.int_]], ...]:
    """Shift in voxels, weights and first index of the ball at 27 places in a voxel."""
    found = []
    for thirds in product((-1, 0, 1), repeat=3):
        shift = np.array(thirds) / 3.0
        weights, first = ball_weights(
            radius_mm=radius, spacing_mm=spacing, offset_mm=_point(shift * np.array(spacing)), nodes=6
        )
        found.append((shift, weights, np.array(first)))
    return tuple(found)


def _refined(suv: SuvImage, start: _Found, radius: float) -> _Found:
    """Climb from a start without leaving its voxel: the top of a parabola along each axis, in ever smaller steps."""
    voxel, spacing = np.rint(start.index).astype(int), np.array(suv.grid.spacing_mm)

    def at(shift: Floats) -> _Found:
        weights, first = ball_weights(
            radius_mm=radius, spacing_mm=suv.grid.spacing_mm, offset_mm=_point(shift * spacing), nodes=3
        )
        return _Found(value=_weighted(suv, voxel + np.array(first), weights), index=voxel + shift)

    best = start
    for step, axis in product(_STEPS, range(3)):
        along = np.eye(3)[axis] * step
        here = best.index - voxel
        low, high = at(np.clip(here - along, -0.5, 0.5)), at(np.clip(here + along, -0.5, 0.5))
        bend = low.value - 2.0 * best.value + high.value
        tried = [low, high]
        if np.isfinite(bend) and bend < 0.0:
            top = here + along * np.clip(0.5 * (low.value - high.value) / bend, -1.0, 1.0)
            tried.append(at(np.clip(top, -0.5, 0.5)))
        best = max((best, *tried), key=lambda f: f.value)
    return best


def _weighted(suv: SuvImage, low: npt.NDArray[np.int_], weights: Floats) -> float:
    """Weighted mean of the box that begins at `low`; -inf if it leaves the image."""
    high = low + np.array(weights.shape)
    if (low < 0).any() or (high > np.array(suv.grid.shape)).any():
        return -np.inf
    part = suv.values[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    return float((weights * part).sum())
