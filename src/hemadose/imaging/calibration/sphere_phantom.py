"""Recovery of the spheres of a phantom, measured on its image.

Without background the recovery is measured over true activity. With a warm background only the excess tells of the
sphere: (measured - background) / (true - background), concentrations (the contrast recovery of NEMA NU 2), which is the
same curve because blurring is linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot

import numpy as np
import numpy.typing as npt

from hemadose.errors import CaseError, QuantityError
from hemadose.imaging.calibration.phantom_images import ball, round_noise_sd
from hemadose.imaging.calibration.recovery_forms import SphereMeasurement, sphere_ml
from hemadose.model import Image, Quantity, Region, TomographicScan
from hemadose.model._checks import require_non_negative, require_positive

_MARGIN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomSphere:
    """A sphere of a phantom: inner diameter and where its centre lies (x, y, z)."""

    name: str
    diameter_mm: float
    centre_mm: tuple[float, float, float]


def concentration_image(image: Image, *, duration_s: float, counts_per_s_per_bq: float | None) -> Image:
    """Turn counts into Bq/ml; an image in Bq/ml is given back.

    Raises
    ------
    CaseError
        If a factor is missing, or given for an image in Bq/ml.
    """
    if image.quantity is Quantity.ACTIVITY_CONCENTRATION:
        if counts_per_s_per_bq is not None:
            raise CaseError("the image is in Bq/ml: no calibration factor must be given", field="spect_cps_per_MBq")
        return image
    if image.quantity is not Quantity.COUNTS or counts_per_s_per_bq is None:
        raise CaseError(
            "an image in counts needs a calibration factor", field="spect_cps_per_MBq", value=str(image.quantity)
        )
    scale = 1.0 / (duration_s * counts_per_s_per_bq * image.grid.voxel_volume_ml)
    values = (np.asarray(image.values, dtype=np.float64) * scale).astype(np.float32)
    return Image(values=values, grid=image.grid, quantity=Quantity.ACTIVITY_CONCENTRATION)


def measure_spheres(
    scan: TomographicScan,
    spheres: Sequence[PhantomSphere],
    *,
    true_bq_per_ml: float,
    background_bq_per_ml: float = 0.0,
    counts_per_s_per_bq: float | None = None,
    filling_relative_sd: float = 0.0,
) -> tuple[SphereMeasurement, ...]:
    """Measure the recovery of every sphere.

    Parameters
    ----------
    scan : TomographicScan
        In counts or Bq/ml.
    spheres : sequence of PhantomSphere
        Placed by the CT or the phantom's drawing, not by the counts.
    true_bq_per_ml, background_bq_per_ml : float
        Concentrations at the time the image stands for.
    counts_per_s_per_bq : float, optional
        For an image in counts.
    filling_relative_sd : float
        Of each sphere's own filling.

    Returns
    -------
    tuple of SphereMeasurement
        With the standard uncertainty from noise and filling.

    Raises
    ------
    QuantityError
        If the spheres are not hotter than the background, or one shows nothing.
    RegionError
        If a sphere leaves the image.
    """
    require_positive("sphere phantom", true_bq_per_ml=true_bq_per_ml)
    require_non_negative(
        "sphere phantom", background_bq_per_ml=background_bq_per_ml, filling_relative_sd=filling_relative_sd
    )
    excess = true_bq_per_ml - background_bq_per_ml
    if excess <= 0.0:
        raise QuantityError("the spheres must be hotter than the background", value=f"{true_bq_per_ml:g} Bq/ml")
    image = concentration_image(scan.image, duration_s=scan.duration_s, counts_per_s_per_bq=counts_per_s_per_bq)
    values = np.asarray(image.values, dtype=np.float64)
    found = []
    for sphere in spheres:
        mean, inside = _mean_inside(values, scan, sphere)
        recovery = (mean - background_bq_per_ml) / excess
        if recovery <= 0.0:
            raise QuantityError(
                f"sphere {sphere.name} shows nothing above background",
                value=f"{mean:g} Bq/ml",
                remedy="check its centre",
            )
        region = Region(name=sphere.name, mask=inside, grid=image.grid)
        shown = replace(scan, image=image)
        noise = round_noise_sd(shown, region, centre_mm=sphere.centre_mm) / np.count_nonzero(inside) / excess
        found.append(
            SphereMeasurement(
                volume_ml=sphere_ml(sphere.diameter_mm),
                recovery=recovery,
                sd=max(hypot(float(noise), filling_relative_sd * recovery), 1e-4),
                name=sphere.name,
            )
        )
    return tuple(found)


def _mean_inside(
    values: npt.NDArray[np.float64], scan: TomographicScan, sphere: PhantomSphere
) -> tuple[float, npt.NDArray[np.bool_]]:
    """Mean of the image over the sphere itself, and the voxels whose centres it holds.

    The image is read by cubic splines at 5 x 5 x 5 points per voxel: whole voxels would move the wall, and voxels
    weighted by their share inside would blur the image once more (3 % of a 10 mm sphere).
    """
    from scipy.ndimage import map_coordinates

    grid = scan.image.grid
    reach = sphere.diameter_mm + 2.0 * float(np.linalg.norm(grid.spacing_mm))
    near = np.argwhere(ball(scan, diameter_mm=reach, centre_mm=sphere.centre_mm, name=sphere.name).mask)
    offsets = (np.arange(5) - 2.0) / 5.0
    fine = np.stack(np.meshgrid(offsets, offsets, offsets, indexing="ij"), axis=-1).reshape(-1, 3)
    index = (near[:, None, :] + fine[None, :, :]).reshape(-1, 3)
    squared = ((grid.index_to_mm(index) - np.asarray(sphere.centre_mm)) ** 2).sum(axis=-1)
    index = index[squared <= (sphere.diameter_mm / 2.0) ** 2]
    low = np.maximum(near.min(axis=0) - _MARGIN, 0)
    high = near.max(axis=0) + _MARGIN + 1
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    read = map_coordinates(values[box], (index - low).T, order=3, mode="nearest")
    inside = np.zeros(grid.shape, dtype=bool)
    inside[tuple(np.unique(np.rint(index).astype(int), axis=0).T)] = True
    return float(read.mean()), inside


def ring_of_spheres(
    diameters_mm: Sequence[float], *, radius_mm: float, centre_mm: tuple[float, float, float], first_deg: float = 0.0
) -> tuple[PhantomSphere, ...]:
    """Place spheres evenly on a circle in an axial plane, as the NEMA phantom does (57.2 mm radius).

    Parameters
    ----------
    diameters_mm : sequence of float
        In the order of the ring, counted from +x towards +y.
    radius_mm, centre_mm, first_deg
        Of the ring.
    """
    angles = np.deg2rad(first_deg) + 2.0 * np.pi * np.arange(len(diameters_mm)) / len(diameters_mm)
    x, y, z = centre_mm
    return tuple(
        PhantomSphere(
            name=f"{d:g} mm",
            diameter_mm=float(d),
            centre_mm=(x + radius_mm * float(np.cos(a)), y + radius_mm * float(np.sin(a)), z),
        )
        for d, a in zip(diameters_mm, angles, strict=True)
    )
