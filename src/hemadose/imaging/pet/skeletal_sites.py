"""Uptake at the six skeletal sites of Braitsch 2025, Figure 2: one look at the marrow from skull to pelvis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hemadose.errors import GeometryError
from hemadose.imaging.pet.reference_spheres import Point, sphere_region
from hemadose.imaging.pet.uptake import Uptake, measure_uptake
from hemadose.model.image import Grid
from hemadose.model.pet import SuvImage
from hemadose.model.region import Region

SITES = ("skull_base", "c4", "t5", "l5", "ilium_left", "ilium_right")
"""Skull base (clivus), fourth cervical, fifth thoracic and fifth lumbar vertebra, both ilia."""

SITE_RADIUS_MM = 10.0
"""Of the sphere around a landmark. The paper does not state its volumes: a choice of this project."""

_LABELS: dict[str, tuple[str, ...]] = {
    "skull_base": ("skull_base", "clivus"),
    "c4": ("c4", "vertebrae_c4", "vertebra_c4"),
    "t5": ("t5", "vertebrae_t5", "vertebra_t5", "th5"),
    "l5": ("l5", "vertebrae_l5", "vertebra_l5", "lumbar_l5"),
    "ilium_left": ("ilium_left", "left_ilium"),
    "ilium_right": ("ilium_right", "right_ilium"),
}
_WHOLE_HIP = {"ilium_left": ("hip_left", "left_hip"), "ilium_right": ("hip_right", "right_hip")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteUptake:
    """Uptake at one site and how the site was found.

    Attributes
    ----------
    site : str
        One of `SITES`.
    uptake : Uptake
        As measured.
    source : str
        In words, e.g. "label vertebrae_c4".
    """

    site: str
    uptake: Uptake
    source: str


def skeletal_uptake(
    suv: SuvImage,
    *,
    labels: Sequence[Region] = (),
    landmarks: Mapping[str, Point] | None = None,
    radius_mm: float = SITE_RADIUS_MM,
) -> tuple[tuple[SiteUptake, ...], tuple[str, ...]]:
    """Measure every site that labels or landmarks give.

    A landmark makes a sphere. Otherwise the whole label counts; of a label of the whole hip bone the upper half,
    which is ilium. A label of the whole skull does not give the skull base.

    Parameters
    ----------
    suv : SuvImage
        Uptake values.
    labels : sequence of Region
        Bones, on the image's grid.
    landmarks : Mapping of str to (x, y, z), optional
        Site to centre in LPS mm.
    radius_mm : float
        Of the spheres.

    Returns
    -------
    sites : tuple of SiteUptake
        In the order of `SITES`.
    notes : tuple of str
        Sites that are missing.

    Raises
    ------
    GeometryError
        If a landmark names no site or lies outside the image.
    """
    points = dict(landmarks or {})
    unknown = set(points) - set(SITES)
    if unknown:
        raise GeometryError(
            "this landmark is none of the skeletal sites", value=", ".join(sorted(unknown)), expected=", ".join(SITES)
        )
    found, missing = [], []
    for site in SITES:
        region, source = _region(site, suv.grid, labels, points, radius_mm)
        if region is None:
            missing.append(site.replace("_", " "))
            continue
        found.append(SiteUptake(site=site, uptake=measure_uptake(suv, region), source=source))
    notes = (f"no label or landmark for: {', '.join(missing)}",) if missing else ()
    return tuple(found), notes


def _region(
    site: str, grid: Grid, labels: Sequence[Region], landmarks: Mapping[str, Point], radius_mm: float
) -> tuple[Region | None, str]:
    if site in landmarks:
        sphere = sphere_region(site, grid=grid, centre_mm=landmarks[site], radius_mm=radius_mm)
        return sphere, f"sphere of {radius_mm:g} mm radius at a landmark"
    named = {region.name: region for region in labels}
    for name in _LABELS[site]:
        if name in named:
            return replace(named[name], name=site), f"label {name}"
    for name in _WHOLE_HIP.get(site, ()):
        if name in named:
            return _upper_half(named[name], site), f"upper half of label {name}"
    return None, ""


def _upper_half(region: Region, name: str) -> Region:
    """The part of a region above the middle of its height."""
    height = region.grid.index_to_mm(np.argwhere(region.mask))[:, 2]
    middle = 0.5 * (float(height.min()) + float(height.max()))
    mask = np.zeros_like(region.mask)
    mask[region.mask] = height >= middle
    return Region(name=name, mask=mask, grid=region.grid)
