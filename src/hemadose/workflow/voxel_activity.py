"""Time-integrated activity of every voxel: fitted voxel by voxel, scaled by fits of regions, or from one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError, QuantityError
from hemadose.kinetics.voxelwise import VoxelFit, fit_voxels
from hemadose.kinetics.voxelwise_noise import independent_patch_voxels
from hemadose.model import Grid, Image, Region
from hemadose.model.region import require_disjoint
from hemadose.units import HOUR_S

CURVES = ("voxel", "regions", "one", "integrated")
_NEGATIVE_SHARE = 0.005
_RISING = 0.95

Volume = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOptions:
    """How images become time-integrated activity.

    Attributes
    ----------
    curves : str or None
        ``voxel``: a curve for each voxel; ``regions``: one image scaled by a curve for each region and one for the
        rest; ``one``: one image and effective half-lives; ``integrated``: the image is in Bq s/ml already. By the
        number of images if None.
    hours : tuple of float
        After injection, one for each image: the moment that its values belong to.
    phases : int
        Exponentials of a curve, 1 or 2.
    half_life_h : float or None
        Effective, for one image.
    region_half_life_h : Mapping[str, float]
        Effective, of regions, for one image.
    """

    curves: str | None = None
    hours: tuple[float, ...] = ()
    phases: int = 1
    half_life_h: float | None = None
    region_half_life_h: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelActivity:
    """Decays of every voxel.

    Attributes
    ----------
    tia_bq_s : array (slice, row, column) of float32
        Not negative.
    sd_bq_s : array of the same shape, or None
        Uncertainty of each voxel's own fit; None where voxels have no fit of their own.
    patch_voxels : Mapping[str, float]
        By region: neighbours that share an error of their fits.
    region_sd : Mapping[str, float]
        By region: relative uncertainty of a curve that all its voxels share.
    notes : tuple of str
        Doubts.
    """

    tia_bq_s: Volume
    sd_bq_s: Volume | None = None
    patch_voxels: Mapping[str, float] = field(default_factory=dict)
    region_sd: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def integrated_activity(
    images: Sequence[Image], regions: Sequence[Region], *, options: ActivityOptions, half_life_s: float
) -> VoxelActivity:
    """Give the decays of every voxel, with uncertainty and doubts.

    Parameters
    ----------
    images : sequence of Image
        Bq/ml, on one grid, not decay-corrected to another moment than `options.hours` says.
    regions : sequence of Region
        On the same grid.
    options : ActivityOptions
        How.
    half_life_s : float
        Physical.

    Raises
    ------
    InputError
        If times or half-lives are missing, or a half-life is longer than the physical one.
    QuantityError
        If more than 0.5 % of the activity is negative.
    """
    way = options.curves or ("one" if len(images) == 1 else "voxel")
    if way not in CURVES:
        raise InputError("no such choice", field="--curves", value=way, expected=", ".join(CURVES))
    if way == "integrated":
        return _finished(VoxelActivity(tia_bq_s=np.asarray(images[0].values, dtype=np.float32)), images[0].grid)
    if len(options.hours) != len(images):
        raise InputError(
            "every image needs its time", field="--hours", value=f"{len(options.hours)} for {len(images)} images",
            expected="hours after injection, one for each image",
        )  # fmt: skip
    if not all(0.0 <= h < np.inf for h in options.hours):
        raise InputError(
            "an image is taken after the injection", field="--hours",
            value=", ".join(f"{h:g}" for h in options.hours), expected=">= 0 h",
        )  # fmt: skip
    if way == "one":
        return _finished(_from_one(images, regions, options, half_life_s), images[0].grid)
    times, values = _series(images, options)
    if way == "voxel":
        return by_voxel(times, values, regions, images[0].grid, phases=options.phases, half_life_s=half_life_s)
    return _finished(_by_region(times, values, regions, options.phases, half_life_s), images[0].grid)


def _finished(found: VoxelActivity, grid: Grid) -> VoxelActivity:
    """Refuse or clear negative values, and multiply concentrations by the volume of a voxel."""
    clean, words = without_negatives(found.tia_bq_s)
    return replace(
        found,
        tia_bq_s=np.asarray(clean * np.float32(grid.voxel_volume_ml), dtype=np.float32),
        sd_bq_s=None if found.sd_bq_s is None else np.asarray(found.sd_bq_s * np.float32(grid.voxel_volume_ml)),
        notes=(*found.notes, *words),
    )


def without_negatives(values: npt.NDArray[np.floating[Any]]) -> tuple[npt.NDArray[np.floating[Any]], list[str]]:
    """Set small negative values, as interpolation leaves them, to zero.

    Raises
    ------
    QuantityError
        If they are more than 0.5 % of the activity.
    """
    below = float(-values.sum(where=values < 0.0, dtype=np.float64))
    above = float(values.sum(where=values > 0.0, dtype=np.float64))
    if below == 0.0:
        return values, []
    if below > _NEGATIVE_SHARE * above:
        raise QuantityError(
            "the activity is negative in many voxels", field="activity",
            value=f"{100.0 * below / max(above, 1e-300):.1f} % of the positive sum", expected="<= 0.5 %",
            remedy="check corrections and resampling of the images",
        )  # fmt: skip
    return np.maximum(values, 0.0), [
        f"negative voxels ({100.0 * below / above:.2f} % of the activity) were set to zero"
    ]


def _series(images: Sequence[Image], options: ActivityOptions) -> tuple[npt.NDArray[np.float64], Volume]:
    order = np.argsort(options.hours)
    times = np.asarray(options.hours, dtype=np.float64)[order] * HOUR_S
    return times, np.stack([np.asarray(images[i].values, dtype=np.float32) for i in order])


def by_voxel(
    times_s: npt.NDArray[np.float64], values: Volume, regions: Sequence[Region], grid: Grid, *, phases: int,
    half_life_s: float,
) -> VoxelActivity:  # fmt: skip
    """Fit every voxel; errors of fits from what they leave over, and how far neighbours share them by region.

    Parameters
    ----------
    times_s : array (n,)
        Rising.
    values : array (n, slice, row, column)
        Bq/ml.
    regions, grid
        On the grid of the values.
    phases : int
        Exponentials.
    half_life_s : float
        Physical.
    """
    curves = fit_voxels(times_s, values, half_life_s=half_life_s, phases=phases)
    notes = ["every voxel has its own curve: misregistration and noise enter it", *curves.notes()]
    if phases == 1:
        notes += uptake_notes(values, regions)
    known = bool(np.isfinite(curves.tia_sd_s).all())
    if not known:
        notes.append("as many parameters as images: fits of voxels leave nothing over to tell their uncertainty from")
    patch = {
        r.name: independent_patch_voxels(times_s, values, r.mask, half_life_s=half_life_s)
        for r in regions
        if known and r.name != "whole_body"
    }
    found = VoxelActivity(
        tia_bq_s=curves.tia_s.astype(np.float32),
        sd_bq_s=curves.tia_sd_s.astype(np.float32) if known else None,
        patch_voxels=patch,
        notes=tuple(notes),
    )
    return _finished(found, grid)


def _by_region(
    times: npt.NDArray[np.float64], values: Volume, regions: Sequence[Region], phases: int, half_life_s: float
) -> VoxelActivity:
    """Scale the image with the most activity in regions by the integral of each region's curve over its own time."""
    parts = [r for r in regions if r.name != "whole_body"]
    if not parts:
        raise InputError("curves of regions need regions", field="--regions")
    require_disjoint(parts)
    labels = labelled(parts, values.shape[1:])
    chosen = brightest(values, labels > 0)
    size = np.maximum(np.bincount(labels.ravel(), minlength=len(parts) + 1), 1)
    means = np.stack([np.bincount(labels.ravel(), weights=v.ravel(), minlength=len(parts) + 1) / size for v in values])
    curves = fit_voxels(times, means, half_life_s=half_life_s, phases=phases)
    at = np.maximum(means[chosen], 1e-300)
    factor = np.where(means[chosen] > 0.0, curves.tia_s / at, 0.0)
    names = ["rest", *(r.name for r in parts)]
    notes = [f"image of {times[chosen] / HOUR_S:g} h scaled by the curves of regions and of the rest"]
    notes += [
        f"{names[i]}: does not decay faster than the nuclide; integrated with physical decay"
        for i in np.flatnonzero(curves.status == VoxelFit.PHYSICAL_DECAY)
    ]
    if not np.isfinite(curves.tia_sd_s).all():
        notes.append(
            "as many parameters as images: curves of regions leave nothing over to tell their uncertainty from"
        )
    relative = np.nan_to_num(curves.tia_sd_s / np.maximum(curves.tia_s, 1e-300))
    return VoxelActivity(
        tia_bq_s=np.asarray(values[chosen] * factor[labels], dtype=np.float32),
        region_sd={name: float(sd) for name, sd in zip(names, relative, strict=True)},
        notes=tuple(notes),
    )


def brightest(values: Volume, inside: npt.NDArray[np.bool_]) -> int:
    """Number of the image with the most activity inside the regions."""
    return int(np.argmax([float(v[inside].sum(dtype=np.float64)) for v in values]))


def uptake_notes(values: Volume, regions: Sequence[Region]) -> list[str]:
    """Say which regions still take up activity after the first image, which one exponential cannot follow."""
    rising = []
    for region in regions:
        means = [float(v[region.mask].mean(dtype=np.float64)) for v in values]
        if means[0] < _RISING * max(means):
            rising.append(f"{region.name} ({100.0 * means[0] / max(means):.0f} % of its maximum)")
    if not rising:
        return []
    return [
        f"activity still rises after the first image in {', '.join(rising)}: one exponential from the injection on is "
        "too high there early and decays too slowly late; use phases = 2 or curves of regions"
    ]


def labelled(parts: Sequence[Region], shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """Number the voxels of disjoint regions from 1; 0 is the rest."""
    labels = np.zeros(shape, dtype=np.intp)
    for index, region in enumerate(parts, start=1):
        labels[region.mask] = index
    return labels


def _from_one(
    images: Sequence[Image], regions: Sequence[Region], options: ActivityOptions, half_life_s: float
) -> VoxelActivity:
    if options.half_life_h is None:
        raise InputError(
            "one image does not say how the activity decays", field="--half-life-h",
            expected="effective half-life, or several images",
        )  # fmt: skip
    if len(images) != 1:
        raise InputError("one image is expected", field="--curves", value=f"{len(images)} images", expected="1")
    half = np.full(images[0].grid.shape, options.half_life_h)
    known = {r.name: r for r in regions}
    for name, hours in options.region_half_life_h.items():
        if name not in known:
            raise InputError(
                "no such region",
                field="--region-half-life-h",
                value=name,
                expected=", ".join(sorted(known)) or "regions",
            )
        half[known[name].mask] = hours
    if float(half.min()) <= 0.0 or float(half.max()) > half_life_s / HOUR_S * (1.0 + 1e-6):
        raise InputError(
            "an effective half-life is positive and not longer than the physical one", field="--half-life-h",
            value=f"{half.min():g} to {half.max():g} h", expected=f"<= {half_life_s / HOUR_S:.4g} h",
        )  # fmt: skip
    rate = np.log(2.0) / (half * HOUR_S)
    values = np.asarray(images[0].values, dtype=np.float64)
    note = "one image: its activity is taken to have decayed with the effective half-life from injection on"
    found = values * np.exp(rate * options.hours[0] * HOUR_S) / rate
    return VoxelActivity(tia_bq_s=found.astype(np.float32), notes=(note,))
