"""What CT says about planar regions: attenuation, thickness, overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.model import Grid, Image, PlanarRegion, Quantity, Region

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarGeometry:
    """Correction factors of one planar region.

    Attributes
    ----------
    attenuation_factor : float
        By which the geometric mean of the region's own counts is too low: attenuation along the whole
        path and self-attenuation, averaged over the organ as it lies in the CT.
    overlap_factor : float
        Organ activity over that part of it that projects into the region.
    background_share : float
        1 - organ thickness / body thickness: the part of the tissue before and behind the organ.
    body_mm, organ_mm : float
        Mean thicknesses along the antero-posterior axis.
    covered_share : float
        Part of the organ inside its planar region that has another drawn organ before or behind it.
    """

    attenuation_factor: float
    overlap_factor: float
    background_share: float
    body_mm: float
    organ_mm: float
    covered_share: float = 0.0


def attenuation_per_mm(hounsfield: npt.ArrayLike, *, water_per_mm: float, bone_slope: float = 0.55) -> Floats:
    """Attenuation at the photopeak from CT numbers, bilinear with its knee at 0 HU.

    Parameters
    ----------
    hounsfield : array
        CT numbers.
    water_per_mm : float
        Attenuation of water at the photopeak (0.01357 /mm at 208 keV, NIST).
    bone_slope : float
        Rise per 1000 HU above water, relative to water; CT numbers of bone overstate its
        attenuation at the photopeak because the scanner's photons are softer.
    """
    hu = np.asarray(hounsfield, dtype=np.float64)
    below = np.maximum(1.0 + hu / 1000.0, 0.0)
    above = 1.0 + bone_slope * hu / 1000.0
    return np.asarray(water_per_mm * np.where(hu <= 0.0, below, above))


def planar_geometry(
    ct: Image,
    regions: Sequence[Region],
    planar_regions: Sequence[PlanarRegion],
    *,
    pixel_mm: tuple[float, float],
    planar_origin_mm: tuple[float, float],
    water_per_mm: float,
) -> dict[str, PlanarGeometry]:
    """Derive the factors of every organ that is drawn both in 3D and on the planar images.

    Parameters
    ----------
    ct : Image
        In HU, axial, covering the organs; rays run along its rows (antero-posterior).
    regions : sequence of Region
        Same frame of reference as the CT, on any axial grid.
    planar_regions : sequence of PlanarRegion
        Planar outlines.
    pixel_mm : tuple of float
        Planar pixel size (row, column).
    planar_origin_mm : tuple of float
        Patient coordinates (z, x) of the centre of planar pixel (0, 0): row 0 is at the head.
    water_per_mm : float
        Attenuation of water at the photopeak.

    Returns
    -------
    dict of str to PlanarGeometry

    Raises
    ------
    GeometryError
        If the CT is not in HU or belongs to another frame of reference.
    """
    if ct.quantity is not Quantity.HOUNSFIELD:
        raise GeometryError("attenuation comes from a CT in HU", value=str(ct.quantity))
    step = ct.grid.spacing_mm[1]
    mu = attenuation_per_mm(ct.values, water_per_mm=water_per_mm)
    total = mu.sum(axis=1) * step
    before = (np.cumsum(mu, axis=1) - 0.5 * mu) * step
    body = (np.asarray(ct.values) > -300).sum(axis=1) * step
    outlines = {r.name: r.mask for r in planar_regions}
    masks = {}
    for region in regions:
        if region.name not in outlines:
            continue
        if region.grid.frame_of_reference_uid != ct.grid.frame_of_reference_uid:
            raise GeometryError(f"CT and region {region.name} belong to different frames of reference")
        mask = resample_mask(region, ct.grid)
        if mask.any():
            masks[region.name] = mask
    shadows = {name: mask.any(axis=1) for name, mask in masks.items() if name != "whole_body"}
    found = {}
    for name, mask in masks.items():
        seen = _inside_outline(ct.grid, outlines[name], pixel_mm, planar_origin_mm)
        factors = _factors(mask, seen, before, total, body, step)
        others = [shadow for other, shadow in shadows.items() if other != name]
        if name in shadows and others:
            own = mask & seen[:, None, :] if (shadows[name] & seen).any() else mask
            covered = np.count_nonzero(own & np.any(others, axis=0)[:, None, :]) / np.count_nonzero(own)
            factors = replace(factors, covered_share=float(covered))
        found[name] = factors
    return found


def _factors(
    mask: npt.NDArray[np.bool_],
    seen: npt.NDArray[np.bool_],
    before: Floats,
    total: Floats,
    body: Floats,
    step: float,
) -> PlanarGeometry:
    columns = mask.any(axis=1)
    clear = mask & seen[:, None, :]
    used = clear if clear.any() else mask
    anterior = float(np.exp(-before)[used].sum())
    posterior = float(np.exp(before - total[:, None, :])[used].sum())
    organ_mm = float(mask.sum(axis=1)[columns].mean() * step)
    body_mm = float(body[columns].mean())
    return PlanarGeometry(
        attenuation_factor=float(np.count_nonzero(used)) / float(np.sqrt(anterior * posterior)),
        overlap_factor=float(np.count_nonzero(mask) / np.count_nonzero(used)),
        background_share=max(1.0 - organ_mm / max(body_mm, organ_mm), 0.0),
        body_mm=body_mm,
        organ_mm=organ_mm,
    )


def _inside_outline(
    grid: Grid,
    outline: npt.NDArray[np.bool_],
    pixel_mm: tuple[float, float],
    planar_origin_mm: tuple[float, float],
) -> npt.NDArray[np.bool_]:
    """Which (slice, column) rays of the CT fall into a planar outline."""
    z = grid.affine[2, 3] + np.arange(grid.shape[0]) * grid.affine[2, 0]
    x = grid.affine[0, 3] + np.arange(grid.shape[2]) * grid.affine[0, 2]
    rows = np.rint((planar_origin_mm[0] - z) / pixel_mm[0]).astype(int)
    columns = np.rint((x - planar_origin_mm[1]) / pixel_mm[1]).astype(int)
    inside_rows = (rows >= 0) & (rows < outline.shape[0])
    inside_columns = (columns >= 0) & (columns < outline.shape[1])
    picked = outline[np.clip(rows, 0, outline.shape[0] - 1)][:, np.clip(columns, 0, outline.shape[1] - 1)]
    return np.asarray(picked & inside_rows[:, None] & inside_columns)


def resample_mask(region: Region, grid: Grid) -> npt.NDArray[np.bool_]:
    """Bring an axial region onto another axial grid, nearest neighbour."""
    if region.grid.matches(grid):
        return np.asarray(region.mask)
    picks, inside = [], []
    for axis, coordinate in ((0, 2), (1, 1), (2, 0)):
        points = np.zeros((grid.shape[axis], 3))
        points[:, axis] = np.arange(grid.shape[axis])
        mm = grid.index_to_mm(points)[:, coordinate]
        origin, pitch = region.grid.affine[coordinate, 3], region.grid.affine[coordinate, axis]
        index = np.rint((mm - origin) / pitch).astype(int)
        inside.append((index >= 0) & (index < region.grid.shape[axis]))
        picks.append(np.clip(index, 0, region.grid.shape[axis] - 1))
    mask = region.mask[np.ix_(*picks)]
    return np.asarray(mask & inside[0][:, None, None] & inside[1][:, None] & inside[2])


BONE_HU = 220.0
"""Above it a CT voxel is taken as bone."""


def bone_regions(ct: Image, grid: Grid, *, drawn: Sequence[Region]) -> tuple[Region, ...]:
    """Bone that nobody drew, as regions of their own: its marrow shines into L2-L4.

    The column above and below L2-L4 (bone within the outline of L2-L4, 8 mm wider, in every slice) is kept
    apart from the other bones, whose marrow is thinner.

    Parameters
    ----------
    ct : Image
        In HU, axial.
    grid : Grid
        Axial grid of the same frame of reference that the regions shall lie on.
    drawn : sequence of Region
        Regions already taken, on any axial grid.

    Returns
    -------
    tuple of Region
        ``other_vertebrae`` (where L2-L4 are drawn) and ``other_bone``; empty ones are left out.
    """
    hard = np.asarray(ct.values) > BONE_HU
    if not hard.any():
        return ()
    everything = Region(name="bone", mask=hard, grid=ct.grid)
    bone = resample_mask(everything, grid)
    masks = {r.name: resample_mask(r, grid) for r in drawn if r.name != "whole_body"}
    taken = np.any(list(masks.values()), axis=0) if masks else np.zeros(grid.shape, dtype=bool)
    free = bone & ~taken
    found = {"other_bone": free}
    lumbar = masks.get("lumbar_l2_l4")
    if lumbar is not None and lumbar.any():
        from scipy.ndimage import binary_dilation

        reach = max(round(8.0 / grid.spacing_mm[2]), 1)
        outline = binary_dilation(lumbar.any(axis=0), iterations=reach)
        found = {"other_vertebrae": free & outline, "other_bone": free & ~outline}
    return tuple(Region(name=n, mask=m, grid=grid) for n, m in found.items() if m.any())
