"""Uptake of liver and blood pool: what tumours are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hemadose.errors import RegionError
from hemadose.imaging.pet.reference_spheres import reference_sphere
from hemadose.imaging.pet.uptake import Uptake, measure_uptake
from hemadose.model.pet import SuvImage
from hemadose.model.region import Region

_BLOOD_MARGIN_MM = 3.0


def reference_uptake(suv: SuvImage, organs: Sequence[Region]) -> tuple[dict[str, Uptake], tuple[str, ...]]:
    """Measure liver and blood pool where they are least disturbed.

    The liver in a sphere of 3 cm in its right half, where it is deepest (PERCIST, EANM); the blood pool 3 mm away
    from its border.

    Parameters
    ----------
    suv : SuvImage
        Uptake values.
    organs : sequence of Region
        ``liver`` and ``blood_pool`` among them.

    Returns
    -------
    references : dict of str to Uptake
        Those that are there.
    notes : tuple of str
        Doubts.

    Raises
    ------
    GeometryError
        If a region lies on another grid.
    """
    named = {r.name: r for r in organs}
    found: dict[str, Uptake] = {}
    notes: list[str] = []
    if "liver" in named:
        try:
            sphere = reference_sphere(named["liver"], patient_right_only=True)
        except RegionError:
            sphere = named["liver"]
            notes.append("the liver is too thin for the reference sphere of 3 cm: its whole label was taken")
        found["liver"] = replace(measure_uptake(suv, sphere), name="liver")
    if "blood_pool" in named:
        found["blood_pool"] = replace(measure_uptake(suv, _core(named["blood_pool"])), name="blood_pool")
    return found, tuple(notes)


def _core(region: Region) -> Region:
    """The part of a region away from its border, if a millilitre of it is left."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(region.mask, 1), sampling=region.grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    mask = depth > _BLOOD_MARGIN_MM + 0.5 * max(region.grid.spacing_mm)
    if np.count_nonzero(mask) * region.grid.voxel_volume_ml < 1.0:
        return region
    return replace(region, mask=mask)
