"""Time-integrated activity of every voxel: fitted voxel by voxel, scaled by fits of regions, or from one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError, QuantityError
from hemadose.kinetics.voxelwise import VoxelFit, fit_voxels
from hemadose.model import Image, Region
from hemadose.model.region import require_disjoint
from hemadose.units import HOUR_S

CURVES = ("voxel", "regions", "one", "integrated")
_NEGATIVE_SHARE = 0.005

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


def integrated_activity(
    images: Sequence[Image], regions: Sequence[Region], *, options: ActivityOptions, half_life_s: float
) -> tuple[Volume, list[str]]:
    """Give the decays of every voxel, and doubts.

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
    notes: list[str] = []
    if way == "integrated":
        found = np.asarray(images[0].values, dtype=np.float64)
    else:
        if len(options.hours) != len(images):
            raise InputError(
                "every image needs its time", field="--hours", value=f"{len(options.hours)} for {len(images)} images",
                expected="hours after injection, one for each image",
            )  # fmt: skip
        make = {"voxel": _by_voxel, "regions": _by_region, "one": _from_one}[way]
        found, notes = make(images, regions, options, half_life_s)
    clean, words = without_negatives(found)
    return (clean * images[0].grid.voxel_volume_ml).astype(np.float32), [*notes, *words]


def without_negatives(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Set small negative values, as interpolation leaves them, to zero.

    Raises
    ------
    QuantityError
        If they are more than 0.5 % of the activity.
    """
    below = float(-values[values < 0.0].sum())
    above = float(values[values > 0.0].sum())
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


def _series(
    images: Sequence[Image], options: ActivityOptions
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    order = np.argsort(options.hours)
    times = np.asarray(options.hours, dtype=np.float64)[order] * HOUR_S
    return times, np.stack([np.asarray(images[i].values, dtype=np.float64) for i in order])


def _by_voxel(
    images: Sequence[Image], regions: Sequence[Region], options: ActivityOptions, half_life_s: float
) -> tuple[npt.NDArray[np.float64], list[str]]:
    del regions
    times, values = _series(images, options)
    curves = fit_voxels(times, values, half_life_s=half_life_s, phases=options.phases)
    return curves.tia_s, ["every voxel has its own curve: misregistration and noise enter it", *curves.notes()]


def _by_region(
    images: Sequence[Image], regions: Sequence[Region], options: ActivityOptions, half_life_s: float
) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Scale the image with the most counts-like sum over its own time by the integral of each region's curve."""
    parts = [r for r in regions if r.name != "whole_body"]
    if not parts:
        raise InputError("curves of regions need regions", field="--regions")
    require_disjoint(parts)
    times, values = _series(images, options)
    chosen = int(np.argmax(values.sum(axis=(1, 2, 3))))
    labels = np.zeros(values.shape[1:], dtype=np.int64)
    for index, region in enumerate(parts, start=1):
        labels[region.mask] = index
    size = np.maximum(np.bincount(labels.ravel(), minlength=len(parts) + 1), 1)
    means = np.stack([np.bincount(labels.ravel(), weights=v.ravel(), minlength=len(parts) + 1) / size for v in values])
    curves = fit_voxels(times, means, half_life_s=half_life_s, phases=options.phases)
    at = np.maximum(means[chosen], 1e-300)
    factor = np.where(means[chosen] > 0.0, curves.tia_s / at, 0.0)
    names = ["rest", *(r.name for r in parts)]
    notes = [f"image of {times[chosen] / HOUR_S:g} h scaled by the curves of regions and of the rest"]
    notes += [
        f"{names[i]}: does not decay faster than the nuclide; integrated with physical decay"
        for i in np.flatnonzero(curves.status == VoxelFit.PHYSICAL_DECAY)
    ]
    return values[chosen] * factor[labels], notes


def _from_one(
    images: Sequence[Image], regions: Sequence[Region], options: ActivityOptions, half_life_s: float
) -> tuple[npt.NDArray[np.float64], list[str]]:
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
    return values * np.exp(rate * options.hours[0] * HOUR_S) / rate, [note]
