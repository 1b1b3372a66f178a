"""Masks made tidy in millimetres: largest part, holes, closing, opening, margins, parting of neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.model import Image, Region

Mask = npt.NDArray[np.bool_]


def largest_part(mask: Mask) -> Mask:
    """Keep the largest part that hangs together by faces; an empty mask stays empty."""
    from scipy.ndimage import label

    parts, count = label(mask)
    if count < 2:
        return np.asarray(mask, dtype=bool)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(parts == int(sizes.argmax()))


def largest_component(region: Region) -> Region:
    """Keep only the largest part of a region."""
    return replace(region, mask=largest_part(region.mask))


def components(region: Region, *, least_ml: float = 0.0) -> tuple[Region, ...]:
    """Give every part of a region, largest first, as ``<name>_1``, ``<name>_2`` ...

    Raises
    ------
    RegionError
        If no part is as large as `least_ml`.
    """
    from scipy.ndimage import label

    parts, count = label(region.mask)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    order = [int(n) for n in np.argsort(-sizes, kind="stable")]
    kept = [n for n in order if sizes[n] * region.grid.voxel_volume_ml >= least_ml]
    if not kept:
        raise RegionError(f"no part of region {region.name} is as large as asked", expected=f">= {least_ml:g} ml")
    return tuple(
        Region(name=f"{region.name}_{rank}", mask=parts == n + 1, grid=region.grid)
        for rank, n in enumerate(kept, start=1)
    )


def fill_holes(region: Region) -> Region:
    """Fill what is enclosed on all sides."""
    from scipy.ndimage import binary_fill_holes

    return replace(region, mask=np.asarray(binary_fill_holes(region.mask)))


def distance_inside_mm(region: Region) -> npt.NDArray[np.float64]:
    """Distance in mm of every voxel centre inside to the nearest centre outside (0 outside).

    The border of the image counts as outside.
    """
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(region.mask, 1)
    return np.asarray(distance_transform_edt(padded, sampling=region.grid.spacing_mm)[1:-1, 1:-1, 1:-1])


def grow_mm(mask: Mask, spacing_mm: tuple[float, float, float], radius_mm: float) -> Mask:
    """Widen a mask by a distance in mm, or narrow it by a negative one."""
    from scipy.ndimage import distance_transform_edt

    if radius_mm >= 0.0:
        return np.asarray(distance_transform_edt(~mask, sampling=spacing_mm) <= radius_mm)
    return np.asarray(distance_transform_edt(np.pad(mask, 1), sampling=spacing_mm)[1:-1, 1:-1, 1:-1] > -radius_mm)


def with_margin(region: Region, margin_mm: float) -> Region:
    """Widen a region by a margin in mm, or narrow it by a negative one.

    Raises
    ------
    RegionError
        If nothing is left.
    """
    return replace(region, mask=grow_mm(region.mask, region.grid.spacing_mm, margin_mm))


def closed(region: Region, *, radius_mm: float) -> Region:
    """Close gaps narrower than twice the radius, holes included."""
    from scipy.ndimage import binary_fill_holes

    _require_radius(radius_mm)
    reach = [int(np.ceil(radius_mm / s)) + 1 for s in region.grid.spacing_mm]
    padded = np.pad(region.mask, [(n, n) for n in reach])
    wide = grow_mm(padded, region.grid.spacing_mm, radius_mm)
    narrow = grow_mm(wide, region.grid.spacing_mm, -radius_mm) | padded
    inner = tuple(slice(n, -n) for n in reach)
    return replace(region, mask=np.asarray(binary_fill_holes(narrow[inner])))


def opened(region: Region, *, radius_mm: float) -> Region:
    """Take away spurs and bridges narrower than twice the radius.

    Raises
    ------
    RegionError
        If nothing is left.
    """
    _require_radius(radius_mm)
    core = grow_mm(region.mask, region.grid.spacing_mm, -radius_mm)
    if not core.any():
        raise RegionError(f"region {region.name} is thinner than the opening", value=f"{2 * radius_mm:g} mm")
    return replace(region, mask=grow_mm(core, region.grid.spacing_mm, radius_mm) & region.mask)


def split_neighbours(region: Region, *, image: Image | None = None, apart_mm: float = 15.0) -> tuple[Region, ...]:
    """Part objects that touch, along the watershed between their cores.

    The cores are the hottest places of the image (smoothed by a quarter of `apart_mm`) or, without one, the
    places furthest inside; of two cores nearer than `apart_mm` only the stronger stays.

    Parameters
    ----------
    region : Region
        Touching objects.
    image : Image, optional
        Whose valleys part them, on the same grid.
    apart_mm : float
        Least distance between the cores of two objects.

    Returns
    -------
    tuple of Region
        ``<name>_1`` ..., largest first; one region of its own name if there is one core.
    """
    from scipy.ndimage import gaussian_filter

    _require_radius(apart_mm)
    if image is None:
        height = distance_inside_mm(region)
    else:
        image.grid.require_match(region.grid, what=f"image and region {region.name}")
        sigma = [0.25 * apart_mm / s for s in region.grid.spacing_mm]
        height = gaussian_filter(np.asarray(image.values, dtype=np.float64), sigma)
    cores = _cores(height, region, apart_mm)
    if len(cores) == 1:
        return (region,)
    basins = _flooded(height, region.mask, cores)
    masks = sorted(
        (np.asarray(region.mask & (basins == n + 1)) for n in range(len(cores))), key=lambda m: -int(m.sum())
    )  # fmt: skip
    return tuple(
        Region(name=f"{region.name}_{rank}", mask=mask, grid=region.grid) for rank, mask in enumerate(masks, start=1)
    )


def _flooded(height: npt.NDArray[np.float64], mask: Mask, cores: list[tuple[int, int, int]]) -> npt.NDArray[np.int32]:
    """Watershed from the cores downwards: the highest voxel next to a basin joins it first."""
    import heapq

    padded, inside = np.pad(height, 1), np.pad(mask, 1)
    flat, level, open_ = np.zeros(padded.size, dtype=np.int32), padded.ravel().tolist(), inside.ravel().tolist()
    steps = [s // padded.itemsize for s in padded.strides]
    queue: list[tuple[float, int, int]] = []
    for number, core in enumerate(cores, start=1):
        start = int(np.ravel_multi_index(tuple(c + 1 for c in core), padded.shape))
        flat[start] = number
        queue.append((-level[start], start, number))
    heapq.heapify(queue)
    while queue:
        _, here, number = heapq.heappop(queue)
        for step in (*steps, *(-s for s in steps)):
            there = here + step
            if open_[there] and not flat[there]:
                flat[there] = number
                heapq.heappush(queue, (-level[there], there, number))
    return np.asarray(flat.reshape(padded.shape)[1:-1, 1:-1, 1:-1])


def _cores(height: npt.NDArray[np.float64], region: Region, apart_mm: float) -> list[tuple[int, int, int]]:
    """Local maxima inside the region, strongest first, none nearer than `apart_mm` to a stronger one."""
    from scipy.ndimage import maximum_filter

    top = (maximum_filter(height, size=3) == height) & region.mask
    found = np.argwhere(top)
    found = found[np.argsort(-height[top], kind="stable")]
    places = region.grid.index_to_mm(found)
    kept: list[int] = []
    for n, place in enumerate(places):
        if all(np.linalg.norm(place - places[m]) >= apart_mm for m in kept):
            kept.append(n)
    return [(int(found[n][0]), int(found[n][1]), int(found[n][2])) for n in kept]


def _require_radius(value: float) -> None:
    if not value > 0.0:
        raise QuantityError("a distance in mm must be positive", value=f"{value:g}")
