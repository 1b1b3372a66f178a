"""Thresholds: fixed, percent of the maximum, and adapted to size and resolution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.model import Image, Quantity, Region

Mask = npt.NDArray[np.bool_]

FWHM_PER_SIGMA = 2.0 * float(np.sqrt(2.0 * np.log(2.0)))

PEAK_ML = 1.0
"""Volume of the sphere whose mean is the peak value (as SUVpeak: less noisy than the hottest voxel)."""

_PEAK_MM = (3.0 * PEAK_ML * 1000.0 / (4.0 * np.pi)) ** (1 / 3)


def fixed_threshold(image: Image, *, at_least: float, name: str, within: Region | None = None) -> Region:
    """Take all voxels at or above a value of the image's own unit.

    Parameters
    ----------
    image : Image
        Any measured quantity.
    at_least : float
        Threshold, in HU, counts or Bq/ml as the image is.
    name : str
        Of the region.
    within : Region, optional
        Search volume on the same grid.

    Returns
    -------
    Region

    Raises
    ------
    RegionError
        If no voxel reaches the threshold.
    """
    values = measured(image)
    found = (values >= at_least) & searched_voxels(image, within)
    if not found.any():
        top = float(values[searched_voxels(image, within)].max())
        raise RegionError(
            f"no voxel reaches the threshold of region {name}",
            field="threshold",
            value=f"{at_least:g} {image.quantity}",
            expected=f"at most {top:g}",
            remedy="lower the threshold, or check the unit of the image",
        )
    return Region(name=name, mask=found, grid=image.grid)


def percent_threshold(
    image: Image,
    *,
    percent: float,
    name: str,
    within: Region | None = None,
    background: float = 0.0,
    of_peak: bool = False,
) -> Region:
    """Take all voxels above background + percent of (maximum - background), e.g. 41 %.

    Parameters
    ----------
    image : Image
        Any measured quantity.
    percent : float
        Above 0 and below 100.
    name : str
        Of the region.
    within : Region, optional
        Search volume on the same grid; without it the hottest spot of the whole image decides.
    background : float
        Value around the object, in the image's unit.
    of_peak : bool
        Percent of the mean in a 1 ml sphere about the hottest voxel instead of that voxel alone.

    Returns
    -------
    Region
        Only the part that hangs together with the hottest voxel.
    """
    if not 0.0 < percent < 100.0:
        raise QuantityError("a threshold lies between 0 and 100 %", field="percent", value=f"{percent:g}")
    values, searched = measured(image), searched_voxels(image, within)
    hottest = _hottest(values, searched)
    top = peak_value(image, hottest) if of_peak else float(values[hottest])
    _require_contrast(name, top, background)
    level = background + percent / 100.0 * (top - background)
    return Region(name=name, mask=_part_with((values >= level) & searched, hottest), grid=image.grid)


def adaptive_threshold(
    image: Image,
    *,
    fwhm_mm: float,
    name: str,
    within: Region | None = None,
    background: float | None = None,
) -> tuple[Region, float]:
    """Take the voxels above the level that a blurred sphere of the found volume has at its true edge.

    A sphere of radius R blurred with a Gaussian has at r the value f(r) (see `blurred_sphere`). Its
    background-corrected edge value f(R), relative to the mean of f in the 1 ml about its centre, is 50 % for
    objects much larger than the resolution, near 40 % where they are as large as it, and higher again below;
    level and volume are iterated until they agree (the relative-threshold principle of van Dalen et al.,
    Nucl Med Commun 2007;28:485).

    Parameters
    ----------
    image : Image
        Emission image.
    fwhm_mm : float
        Resolution of the reconstruction, filter included.
    name : str
        Of the region.
    within : Region, optional
        Search volume on the same grid, with one object in it.
    background : float, optional
        Value around the object; the median of the search volume's shell if not given.

    Returns
    -------
    region, level : Region and float
        The level as a share of (peak - background).

    Raises
    ------
    RegionError
        If nothing stands out from the background, or the iteration does not settle.
    """
    if fwhm_mm <= 0.0:
        raise QuantityError("the resolution must be positive", field="fwhm_mm", value=f"{fwhm_mm:g}")
    values, searched = measured(image), searched_voxels(image, within)
    hottest = _hottest(values, searched)
    ground = _shell_median(values, searched) if background is None else background
    top = peak_value(image, hottest)
    _require_contrast(name, top, ground)
    sigma = fwhm_mm / FWHM_PER_SIGMA
    level = 0.5
    for _ in range(60):
        mask = _part_with((values >= ground + level * (top - ground)) & searched, hottest)
        radius = (3.0 * np.count_nonzero(mask) * image.grid.voxel_volume_ml * 1000.0 / (4.0 * np.pi)) ** (1 / 3)
        wanted = blurred_sphere(radius, radius, sigma) / _modelled_peak(radius, sigma)
        if abs(wanted - level) < 0.005:
            return Region(name=name, mask=mask, grid=image.grid), level
        level += 0.5 * (wanted - level)
    raise RegionError(
        f"the adaptive threshold of region {name} does not settle",
        value=f"near {100 * level:.0f} %",
        remedy="give a tighter search volume and the background, or use a percent threshold",
    )


def blurred_sphere(r_mm: float, radius_mm: float, sigma_mm: float) -> float:
    """Value at distance r of a unit sphere blurred with a Gaussian.

    f(r) = 1/2 [erf((R-r)/(s sqrt 2)) + erf((R+r)/(s sqrt 2))]
    - s/(r sqrt(2 pi)) [exp(-(R-r)^2/(2 s^2)) - exp(-(R+r)^2/(2 s^2))].

    Examples
    --------
    >>> round(blurred_sphere(0.0, 100.0, 1.0), 6), round(blurred_sphere(100.0, 100.0, 1.0), 3)
    (1.0, 0.496)
    """
    from math import erf, exp, pi, sqrt

    s = sigma_mm
    if r_mm < 1e-6 * s:
        return erf(radius_mm / (s * sqrt(2.0))) - sqrt(2.0 / pi) * radius_mm / s * exp(-0.5 * (radius_mm / s) ** 2)
    near, far = radius_mm - r_mm, radius_mm + r_mm
    edges = 0.5 * (erf(near / (s * sqrt(2.0))) + erf(far / (s * sqrt(2.0))))
    return edges - s / (r_mm * sqrt(2.0 * pi)) * (exp(-0.5 * (near / s) ** 2) - exp(-0.5 * (far / s) ** 2))


def _modelled_peak(radius_mm: float, sigma_mm: float) -> float:
    """Mean of a blurred unit sphere in 1 ml about its centre (midpoints of equal shells)."""
    r = _PEAK_MM * ((np.arange(48) + 0.5) / 48.0) ** (1.0 / 3.0)
    return float(np.mean([blurred_sphere(float(v), radius_mm, sigma_mm) for v in r]))


def peak_value(image: Image, index: tuple[int, int, int]) -> float:
    """Mean in a sphere of 1 ml about a voxel."""
    radius = _PEAK_MM
    reach = [int(np.ceil(radius / s)) for s in image.grid.spacing_mm]
    box = tuple(slice(max(i - n, 0), i + n + 1) for i, n in zip(index, reach, strict=True))
    offsets = np.stack(np.meshgrid(*(np.arange(b.start, min(b.stop, n)) - i for b, n, i in
                                     zip(box, image.grid.shape, index, strict=True)), indexing="ij"))  # fmt: skip
    distance2 = sum((o * s) ** 2 for o, s in zip(offsets, image.grid.spacing_mm, strict=True))
    return float(np.asarray(image.values[box], dtype=np.float64)[np.asarray(distance2) <= radius**2].mean())


def measured(image: Image) -> npt.NDArray[np.float64]:
    """Give the values of an image that has some; refuse a label map."""
    if image.quantity is Quantity.LABEL:
        raise QuantityError("a label map has no values to threshold", field="quantity", value=str(image.quantity))
    return np.asarray(image.values, dtype=np.float64)


def searched_voxels(image: Image, within: Region | None) -> Mask:
    """Give the voxels of a search volume (all without one)."""
    if within is None:
        return np.ones(image.grid.shape, dtype=bool)
    image.grid.require_match(within.grid, what=f"image and search volume {within.name}")
    return np.asarray(within.mask)


def _hottest(values: npt.NDArray[np.float64], searched: Mask) -> tuple[int, int, int]:
    flat = int(np.argmax(np.where(searched, values, -np.inf)))
    k, j, i = np.unravel_index(flat, values.shape)
    return int(k), int(j), int(i)


def _part_with(mask: Mask, place: tuple[int, int, int]) -> Mask:
    from scipy.ndimage import label

    parts, _ = label(mask)
    return np.asarray(parts == parts[place]) if parts[place] else np.asarray(mask & False)


def _shell_median(values: npt.NDArray[np.float64], searched: Mask) -> float:
    """Median of the outermost voxels of the search volume (of the coldest half without one)."""
    from scipy.ndimage import binary_erosion

    shell = searched & ~binary_erosion(searched, iterations=1)
    return float(np.median(values[shell]))


def _require_contrast(name: str, top: float, background: float) -> None:
    if not top > background:
        raise RegionError(
            f"region {name} does not stand out from its background",
            value=f"{top:g}",
            expected=f"> {background:g}",
            remedy="check the search volume and the background",
        )
