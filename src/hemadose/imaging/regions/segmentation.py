"""Regions from images: thresholds, region growing, the body; tidying is in `tidying`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hemadose.errors import QuantityError, RegionError
from hemadose.imaging.regions.thresholds import (
    adaptive_threshold,
    fixed_threshold,
    measured,
    peak_value,
    percent_threshold,
    searched_voxels,
)
from hemadose.imaging.regions.tidying import (
    closed,
    components,
    fill_holes,
    largest_component,
    largest_part,
    opened,
    split_neighbours,
    with_margin,
)
from hemadose.model import Grid, Image, Quantity, Region

__all__ = [
    "adaptive_threshold",
    "body_region",
    "closed",
    "components",
    "fill_holes",
    "fixed_threshold",
    "grow_region",
    "largest_component",
    "opened",
    "peak_value",
    "percent_threshold",
    "split_neighbours",
    "with_margin",
]

BODY_HU = -500.0
"""Above it a CT voxel is not air."""


def grow_region(
    image: Image,
    *,
    seeds_mm: Sequence[tuple[float, float, float]],
    lower: float,
    upper: float = np.inf,
    name: str,
    within: Region | None = None,
    largest_ml: float | None = None,
) -> Region:
    """Grow a region from seeds over neighbours (by face) whose value lies between two limits.

    Parameters
    ----------
    image : Image
        Any measured quantity.
    seeds_mm : sequence of (x, y, z)
        LPS; each must lie in the image and within the limits.
    lower, upper : float
        Limits, in the image's unit.
    name : str
        Of the region.
    within : Region, optional
        Search volume on the same grid.
    largest_ml : float, optional
        Refuse a region that grew beyond it: it leaked into a neighbour.

    Returns
    -------
    Region

    Raises
    ------
    RegionError
        If a seed is outside, or the region leaked.
    """
    from scipy.ndimage import label

    values, searched = measured(image), searched_voxels(image, within)
    if not seeds_mm or not lower < upper:
        raise QuantityError("region growing needs a seed and lower < upper", value=f"{lower:g} to {upper:g}")
    allowed = (values >= lower) & (values <= upper) & searched
    parts, _ = label(allowed)
    chosen = []
    for seed in seeds_mm:
        place = _voxel(image.grid, seed)
        if place is None or not parts[place]:
            raise RegionError(
                f"a seed of region {name} lies outside the image, the search volume or the limits",
                field="seed",
                value=" ".join(f"{v:g}" for v in seed) + (f" mm: {values[place]:g}" if place else " mm"),
                expected=f"{lower:g} to {upper:g} {image.quantity}",
            )
        chosen.append(int(parts[place]))
    region = Region(name=name, mask=np.isin(parts, chosen), grid=image.grid)
    if largest_ml is not None and region.volume_ml > largest_ml:
        raise RegionError(
            f"region {name} leaked into its neighbours",
            value=f"{region.volume_ml:.0f} ml",
            expected=f"<= {largest_ml:g} ml",
            remedy="narrow the limits, or give a search volume",
        )
    return region


def body_region(image: Image, *, name: str = "whole_body") -> Region:
    """Outline the body on CT: the largest object that is not air, table cut off, lungs filled slice by slice.

    Raises
    ------
    QuantityError
        If the image is not a CT.
    RegionError
        If there is no body.
    """
    from scipy.ndimage import binary_fill_holes, binary_opening

    if image.quantity is not Quantity.HOUNSFIELD:
        raise QuantityError("the body is outlined on a CT in HU", value=str(image.quantity))
    dense = np.asarray(image.values) > BODY_HU
    across = np.zeros((3, 3, 3), dtype=bool)
    across[1] = True
    body = largest_part(binary_opening(dense, structure=across))
    if not body.any():
        raise RegionError("no body in the CT", expected=f"voxels above {BODY_HU:.0f} HU")
    return Region(name=name, mask=np.stack([binary_fill_holes(plane) for plane in body]), grid=image.grid)


def _voxel(grid: Grid, point_mm: tuple[float, float, float]) -> tuple[int, int, int] | None:
    index = np.rint(grid.mm_to_index(point_mm)).astype(int)
    if (index < 0).any() or (index >= np.array(grid.shape)).any():
        return None
    return int(index[0]), int(index[1]), int(index[2])
