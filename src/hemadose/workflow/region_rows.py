"""What is said about regions: volume, values, mass; and the density curve of a site's scanner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import InputError, RegionError
from hemadose.imaging.regions.density import DensityCurve, region_mass
from hemadose.imaging.regions.marrow_spheres import MarrowSphere
from hemadose.io.tables import read_rows
from hemadose.model import Image, Quantity, Region


def read_density_curve(path: Path) -> DensityCurve:
    """Read a scanner's calibration: CSV with ``hounsfield,g_per_ml``.

    Raises
    ------
    InputError
        If a column is missing or a value is no number.
    """
    rows = read_rows(path, required=("hounsfield", "g_per_ml"))
    try:
        pairs = sorted((float(r["hounsfield"]), float(r["g_per_ml"])) for r in rows)
    except ValueError as problem:
        raise InputError("the density curve holds a value that is no number", source=str(path)) from problem
    return DensityCurve(hounsfield=tuple(p[0] for p in pairs), g_per_ml=tuple(p[1] for p in pairs), source=path.name)


def measured_region(
    region: Region, image: Image, ct: Image | None, curve: DensityCurve, notes: list[str]
) -> dict[str, Any]:
    """Give volume, values and, with a CT, the mass of a region; doubts are added to `notes`."""
    inside = np.asarray(image.values[region.mask], dtype=np.float64)
    if region.mask[0].any() or region.mask[-1].any():
        notes.append(f"{region.name} reaches the end of the image: volume and mass are of the part that is seen")
    row: dict[str, Any] = {
        "name": region.name,
        "volume_ml": region.volume_ml,
        "centre_mm": list(region.centroid_mm),
        "unit": str(image.quantity),
        "mean": float(inside.mean()),
        "sd": float(inside.std()),
        "maximum": float(inside.max()),
        "mass_g": None,
        "density_g_per_ml": None,
    }
    if image.quantity is Quantity.COUNTS:
        row["total"] = float(inside.sum())
    if image.quantity is Quantity.ACTIVITY_CONCENTRATION:
        row["total_MBq"] = float(inside.sum() * image.grid.voxel_volume_ml * 1e-6)
    if ct is not None:
        try:
            mass = region_mass(ct, region, curve=curve)
        except RegionError as problem:
            notes.append(f"{problem.message}: no mass")
        else:
            row["mass_g"], row["density_g_per_ml"] = mass.mass_g, mass.density_g_per_ml
            notes.extend(mass.notes)
    return row


def sphere_row(sphere: MarrowSphere) -> dict[str, Any]:
    """Give where a sphere lies and how it was judged."""
    return {
        "site": sphere.site,
        "centre_mm": list(sphere.centre_mm),
        "radius_mm": sphere.radius_mm,
        "clearance_mm": sphere.clearance_mm,
        "HU_mean": sphere.hounsfield_mean,
        "HU_sd": sphere.hounsfield_sd,
    }
