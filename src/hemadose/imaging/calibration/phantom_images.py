"""Calibration phantoms on SPECT images: where the cylinder or sphere lies, its counts, all factors it gives."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import CaseError, QuantityError, RegionError
from hemadose.imaging.calibration.known_source import CalibrationFactor, KnownSource
from hemadose.imaging.calibration.spect import SpectCounts, cylinder_factor, sphere_factor, whole_field_factor
from hemadose.imaging.image_noise import region_variance
from hemadose.imaging.recovery import sphere_recovery
from hemadose.model import Quantity, Region, TomographicScan
from hemadose.model._checks import require_positive

Box: TypeAlias = tuple[slice, slice, slice]

_SLABS = 4
_UNEVEN = 0.05


def count_region(scan: TomographicScan, region: Region, *, relative_sd: float | None = None) -> SpectCounts:
    """Sum a volume of an image in counts.

    Parameters
    ----------
    scan, region
        On one grid.
    relative_sd : float, optional
        Noise of the sum; by default that of a uniform region, from the image's own differences.

    Raises
    ------
    QuantityError
        If the image is not in counts.
    GeometryError
        If image and region do not share a grid.
    """
    if scan.image.quantity is not Quantity.COUNTS:
        raise QuantityError(
            "a calibration factor is measured on an image in counts",
            value=str(scan.image.quantity),
            expected="counts",
            remedy="export the reconstruction without the vendor's calibration",
        )
    scan.image.grid.require_match(region.grid, what=f"SPECT and region {region.name}")
    values = np.asarray(scan.image.values, dtype=np.float64)
    total = float(values[region.mask].sum())
    if total <= 0.0:
        raise QuantityError("the volume shows no counts", field=region.name, value=f"{total:g}")
    noise = sqrt(region_variance(values, region.mask)) / total if relative_sd is None else relative_sd
    return SpectCounts(
        counts=total,
        relative_sd=noise,
        duration_s=scan.duration_s,
        started_at=scan.started_at,
        decay_reference_at=scan.decay_reference_at if "DECY" in scan.corrections else None,
    )


def round_noise_sd(scan: TomographicScan, region: Region, *, centre_mm: tuple[float, float, float]) -> float:
    """Standard uncertainty of the sum over a round region, from what the image departs from roundness.

    A smooth profile in the distance from the centre (a polynomial in its square) is taken off the region and two
    voxels around it; what is left is noise, with the correlation of neighbours (as in `quantify_spect`).
    """
    places = np.argwhere(region.mask)
    radius = float(np.linalg.norm(scan.image.grid.index_to_mm(places) - np.asarray(centre_mm), axis=-1).max())
    radius += 2.0 * max(scan.image.grid.spacing_mm)
    box, reach = _box(scan, centre_mm, radius), radius**2
    values = np.asarray(scan.image.values[box], dtype=np.float64)
    squared = (_offset_mm(scan, centre_mm, box) ** 2).sum(axis=-1)
    near = squared <= reach
    x, y = squared[near] / reach, values[near]
    degree = min(12, max(2, y.size // 20))
    smooth = np.polynomial.Chebyshev.fit(x, y, degree, domain=[0.0, 1.0])
    left = np.zeros(values.shape)
    left[near] = y - smooth(x)
    variance = float((left[near] ** 2).sum() / max(y.size - degree - 1, 1))
    if variance <= 0.0:
        return 0.0
    patch = 1.0
    for axis in range(3):
        inside, moved = np.moveaxis(near, axis, 2), np.moveaxis(left, axis, 2)
        pairs = inside[:, :, 1:] & inside[:, :, :-1]
        rho = float((moved[:, :, 1:] * moved[:, :, :-1])[pairs].mean() / variance) if pairs.any() else 0.0
        patch *= max(sqrt(np.pi / -np.log(np.clip(rho, 1e-3, 0.95))), 1.0)
    count = int(np.count_nonzero(region.mask))
    return sqrt(variance * count * min(patch, float(count)))


def upright_cylinder(
    scan: TomographicScan, *, diameter_mm: float, length_mm: float, centre_mm: tuple[float, float, float] | None = None
) -> Region:
    """Give a cylinder along z, about the centre of the counts or a given centre (x, y, z).

    Raises
    ------
    RegionError
        If it leaves the image.
    """
    require_positive("cylinder", diameter_mm=diameter_mm, length_mm=length_mm)
    offset = _offset_mm(scan, centre_mm)
    mask = (np.hypot(offset[..., 0], offset[..., 1]) <= diameter_mm / 2.0) & (abs(offset[..., 2]) <= length_mm / 2.0)
    _require_inside(mask, "cylinder")
    return Region(name="cylinder", mask=mask, grid=scan.image.grid)


def ball(
    scan: TomographicScan,
    *,
    diameter_mm: float,
    centre_mm: tuple[float, float, float] | None = None,
    name: str = "sphere",
) -> Region:
    """Give a sphere about the centre of the counts or a given centre (x, y, z).

    Raises
    ------
    RegionError
        If it leaves the image.
    """
    require_positive("sphere", diameter_mm=diameter_mm)
    centre = centre_mm or centre_of_counts(scan)
    mask = np.zeros(scan.image.grid.shape, dtype=bool)
    box = _box(scan, centre, diameter_mm / 2.0)
    mask[box] = (_offset_mm(scan, centre, box) ** 2).sum(axis=-1) <= (diameter_mm / 2.0) ** 2
    _require_inside(mask, name)
    return Region(name=name, mask=mask, grid=scan.image.grid)


def centre_of_counts(scan: TomographicScan) -> tuple[float, float, float]:
    """Centre (x, y, z) of what is above a quarter of the maximum."""
    values = np.asarray(scan.image.values, dtype=np.float64)
    if values.max() <= 0.0:
        raise QuantityError("the image shows no counts", value=f"{values.max():g}")
    index = np.argwhere(values > 0.25 * values.max())
    x, y, z = np.average(scan.image.grid.index_to_mm(index), axis=0, weights=values[tuple(index.T)])
    return float(x), float(y), float(z)


def _offset_mm(
    scan: TomographicScan, centre_mm: tuple[float, float, float] | None, box: Box | None = None
) -> npt.NDArray[np.float64]:
    """Places of voxels about the centre, shape (slices, rows, columns, 3), of a part of the image or all of it."""
    shape = scan.image.grid.shape
    ranges = [np.arange(n) for n in shape] if box is None else [np.arange(b.start, b.stop) for b in box]
    index = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1)
    return np.asarray(scan.image.grid.index_to_mm(index) - np.asarray(centre_mm or centre_of_counts(scan)))


def _box(scan: TomographicScan, centre_mm: tuple[float, float, float], reach_mm: float) -> Box:
    """The part of the image that a sphere can touch."""
    grid = scan.image.grid
    middle = grid.mm_to_index(centre_mm)
    half = reach_mm * np.linalg.norm(np.linalg.inv(grid.affine[:3, :3]), axis=1)
    low = np.clip(np.floor(middle - half), 0, np.array(grid.shape) - 1).astype(int)
    high = np.clip(np.ceil(middle + half) + 1, 1, grid.shape).astype(int)
    slices = [slice(int(a), int(max(a + 1, b))) for a, b in zip(low, high, strict=True)]
    return slices[0], slices[1], slices[2]


def _count_round(scan: TomographicScan, region: Region, centre_mm: tuple[float, float, float]) -> SpectCounts:
    total = float(np.asarray(scan.image.values, dtype=np.float64)[region.mask].sum())
    noise = round_noise_sd(scan, region, centre_mm=centre_mm)
    return count_region(scan, region, relative_sd=noise / total if total > 0.0 else 0.0)


def _require_inside(mask: npt.NDArray[np.bool_], name: str) -> None:
    sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1])
    if any(side.any() for side in sides) or not mask.any():
        raise RegionError(
            f"the {name} leaves the image or holds no voxel", remedy="check its size, its centre and the field of view"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectFactors:
    """All factors that one phantom gives, the one to use first.

    Attributes
    ----------
    preferred : CalibrationFactor
        Cylinder: volume inside; sphere: enlarged volume.
    others : tuple of CalibrationFactor
        To compare with.
    """

    preferred: CalibrationFactor
    others: tuple[CalibrationFactor, ...]


def calibrate_cylinder(
    scan: TomographicScan,
    source: KnownSource,
    *,
    diameter_mm: float,
    length_mm: float,
    phantom_ml: float,
    phantom_relative_sd: float = 0.0,
    margin_mm: float,
    centre_mm: tuple[float, float, float] | None = None,
) -> SpectFactors:
    """Measure a uniform cylinder: inside a margin from its wall, and in the whole field.

    Parameters
    ----------
    scan : TomographicScan
        In counts, with the corrections patients get.
    source : KnownSource
        What was filled in.
    diameter_mm, length_mm : float
        Inner size.
    phantom_ml, phantom_relative_sd : float
        Filling volume.
    margin_mm : float
        Kept from the wall: at least the resolution (FWHM), better two.
    centre_mm : tuple of float, optional
        (x, y, z); by default the centre of the counts.

    Returns
    -------
    SpectFactors
    """
    require_positive("cylinder", margin_mm=margin_mm)
    if min(diameter_mm, length_mm) <= 2.0 * margin_mm:
        raise QuantityError("the margin leaves nothing of the cylinder", field="margin_mm", value=f"{margin_mm:g}")
    inner = upright_cylinder(
        scan, diameter_mm=diameter_mm - 2.0 * margin_mm, length_mm=length_mm - 2.0 * margin_mm, centre_mm=centre_mm
    )
    counts = count_region(scan, inner)
    inside = cylinder_factor(
        counts,
        source,
        voi_ml=inner.volume_ml,
        phantom_ml=phantom_ml,
        phantom_relative_sd=phantom_relative_sd,
        notes=_uniformity(scan, inner),
    )
    everything = Region(name="field of view", mask=np.ones(scan.image.grid.shape, dtype=bool), grid=scan.image.grid)
    noise = counts.relative_sd * sqrt(inner.volume_ml / phantom_ml)  # as in the volume, over the whole phantom
    whole = whole_field_factor(
        count_region(scan, everything, relative_sd=noise), source, method="uniform cylinder, whole field of view"
    )
    return SpectFactors(preferred=inside, others=(whole,))


def _uniformity(scan: TomographicScan, region: Region) -> tuple[str, ...]:
    """A note where slabs of the cylinder differ more than a few percent (scatter or attenuation not right)."""
    values = np.asarray(scan.image.values, dtype=np.float64)
    slices = np.flatnonzero(region.mask.any(axis=(1, 2)))
    slabs = [values[part][region.mask[part]].mean() for part in np.array_split(slices, min(_SLABS, slices.size))]
    radius = np.hypot(*np.moveaxis(_offset_mm(scan, region.centroid_mm)[..., :2], -1, 0))
    edge = radius > 0.7071 * radius[region.mask].max()
    rings = [values[region.mask & ~edge].mean(), values[region.mask & edge].mean()]
    notes = []
    for name, parts in (("along the cylinder", slabs), ("between its middle and its rim", rings)):
        spread = (max(parts) - min(parts)) / float(np.mean(parts))
        if spread > _UNEVEN:
            notes.append(f"the cylinder is not uniform: {100 * spread:.0f} % {name}")
    return tuple(notes)


def calibrate_sphere(
    scan: TomographicScan,
    source: KnownSource,
    *,
    diameter_mm: float,
    fwhm_mm: float,
    fwhm_relative_sd: float = 0.0,
    centre_mm: tuple[float, float, float] | None = None,
) -> SpectFactors:
    """Measure a hot sphere in a cold background: enlarged by the resolution, and inside its wall with recovery.

    Parameters
    ----------
    scan, source, centre_mm
        As in `calibrate_cylinder`.
    diameter_mm : float
        Inner diameter.
    fwhm_mm, fwhm_relative_sd : float
        Resolution of the reconstruction.

    Returns
    -------
    SpectFactors
    """
    if not fwhm_mm > 0.0:
        raise CaseError("a sphere needs the resolution of the reconstruction", field="fwhm_mm", value=f"{fwhm_mm:g}")
    centre = centre_mm or centre_of_counts(scan)
    large = ball(scan, diameter_mm=diameter_mm + 4.0 * fwhm_mm, centre_mm=centre)
    small = ball(scan, diameter_mm=diameter_mm, centre_mm=centre)
    share = sphere_recovery(radius_mm=diameter_mm / 2.0, fwhm_mm=fwhm_mm)
    wider = sphere_recovery(radius_mm=diameter_mm / 2.0, fwhm_mm=1.01 * fwhm_mm)
    within = sphere_factor(
        _count_round(scan, small, centre),
        source,
        recovery=share,
        recovery_relative_sd=abs(wider / share - 1.0) / 0.01 * fwhm_relative_sd,
        method="sphere, inside its wall with recovery",
    )
    around = sphere_factor(_count_round(scan, large, centre), source, method="sphere, enlarged volume")
    return SpectFactors(preferred=around, others=(within,))
