"""Spheres in the spongiosa: as large as the bone allows, clear of cortex, discs, canal and neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.imaging.regions.marrow_room import FINE_MM, ct_on, deepest, fine_grid, finely, is_cut, room_of
from hemadose.imaging.regions.tidying import distance_inside_mm, grow_mm
from hemadose.model import Grid, Image, Region

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

LUMBAR = ("lumbar_l2", "lumbar_l3", "lumbar_l4")
"""Vertebrae of the marrow volume of the EANM guideline (and of Braitsch et al., Theranostics 2025)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SphereRule:
    """How large a sphere may be and how far it stays away.

    Attributes
    ----------
    largest_mm, smallest_mm : float
        Radius: the largest that is wanted, and the smallest that is still worth measuring.
    margin_mm : float
        From the surface of the sphere to the outline of the bone. Cortex and endplate of a lumbar vertebra
        are near 1 mm thick; the rest is for the outline's own error and for breathing.
    cortex_hu : float
        CT at or above it is cortex, endplate or osteophyte, wherever it lies.
    cortex_gap_mm : float
        From the surface of the sphere to the nearest such voxel.
    """

    largest_mm: float = 10.0
    smallest_mm: float = 5.0
    margin_mm: float = 3.0
    cortex_hu: float = 350.0
    cortex_gap_mm: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0.0 < self.smallest_mm <= self.largest_mm or self.margin_mm < 0.0 or self.cortex_gap_mm < 0.0:
            raise QuantityError(
                "a sphere needs 0 < smallest <= largest radius and distances that are not negative",
                value=f"{self.smallest_mm:g}, {self.largest_mm:g}, {self.margin_mm:g}, {self.cortex_gap_mm:g} mm",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowSphere:
    """One placed sphere.

    Attributes
    ----------
    site : str
        Bone it lies in: ``lumbar_l2`` ..., ``sacrum``, ``hip_left`` ...
    centre_mm : tuple of float
        LPS.
    radius_mm : float
        By the rule.
    clearance_mm : float
        From its surface to the nearest thing to avoid.
    hounsfield_mean, hounsfield_sd : float or None
        Of the CT inside; None without a CT.
    notes : tuple of str
        Doubts.
    """

    site: str
    centre_mm: tuple[float, float, float]
    radius_mm: float
    clearance_mm: float
    hounsfield_mean: float | None = None
    hounsfield_sd: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Region name: ``marrow_sphere_l2``, ``marrow_sphere_sacrum`` ..."""
        return f"marrow_sphere_{self.site.removeprefix('lumbar_')}"

    def region(self, grid: Grid) -> Region:
        """Give the voxels of a grid whose centre lies in the sphere.

        Raises
        ------
        RegionError
            If the grid is too coarse or does not hold it.
        """
        return sphere_region(self.centre_mm, self.radius_mm, grid, name=self.name)


def sphere_region(centre_mm: tuple[float, float, float], radius_mm: float, grid: Grid, *, name: str) -> Region:
    """Give a sphere as a region: voxels whose centre is not further away than the radius.

    Examples
    --------
    >>> grid = Grid.axial(shape=(9, 9, 9), spacing_mm=(1, 1, 1), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2")
    >>> int(sphere_region((4, 4, 4), 1.0, grid, name="marrow_sphere_l2").mask.sum())
    7
    """
    at = grid.mm_to_index(centre_mm)
    reach = radius_mm / np.array(grid.spacing_mm) + 1.0
    low = np.clip(np.floor(at - reach).astype(int), 0, grid.shape)
    high = np.clip(np.ceil(at + reach).astype(int) + 1, 0, grid.shape)
    index = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), axis=-1)
    mask = np.zeros(grid.shape, dtype=bool)
    near = np.linalg.norm(grid.index_to_mm(index) - np.asarray(centre_mm), axis=-1) <= radius_mm + 1e-9
    mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = near
    return Region(name=name, mask=mask, grid=grid)


def place_spheres(
    bones: Sequence[Region],
    *,
    ct: Image | None = None,
    bodies: Region | None = None,
    avoid: Sequence[Region] = (),
    rule: SphereRule | None = None,
) -> tuple[MarrowSphere, ...]:
    """Place one sphere in each labelled bone.

    The centre is the point furthest from everything to avoid: the outline of the bone, cortex by CT
    number, other bones, and the border of the image. In a vertebra that point lies in the body, its
    thickest part. For the hips see `marrow_room.iliac_part`.

    Parameters
    ----------
    bones : sequence of Region
        One region a site on one grid: ``lumbar_l2`` ..., ``sacrum``, ``hip_left`` ...
    ct : Image, optional
        In HU, same frame of reference; without it cortex inside the outline is not seen.
    bodies : Region, optional
        Vertebral bodies: where given, spheres of vertebrae stay inside.
    avoid : sequence of Region
        Further regions to stay clear of (on the same grid).
    rule : SphereRule, optional
        Sizes and distances.

    Returns
    -------
    tuple of MarrowSphere
        In the order of `bones`.

    Raises
    ------
    RegionError
        If a bone leaves no room for the smallest sphere, naming it.
    """
    rule = rule or SphereRule()
    placed = []
    for bone in bones:
        others = [r for r in (*bones, *avoid) if r is not bone and r.name != bone.name]
        room = room_of(bone, others, bodies)
        notes = (f"{bone.name} is cut by the end of the image: its middle may lie elsewhere",) if is_cut(room) else ()
        fine = finely(room)
        hu = None if ct is None else ct_on(ct, fine.grid)
        placed.append(_place(bone.name, fine.mask, fine.grid, hu, rule, notes=notes))
    return tuple(placed)


def spheres_at_landmarks(
    landmarks_mm: Mapping[str, tuple[float, float, float]],
    *,
    ct: Image,
    rule: SphereRule | None = None,
    move_mm: float = 6.0,
) -> tuple[MarrowSphere, ...]:
    """Place spheres near points that a person set in the vertebral bodies.

    Without labels only the CT tells where bone ends: the room is what lies within reach of the landmark,
    is not cortex, and is not softer than marrow. The centre may move by `move_mm` to where there is most room.

    Parameters
    ----------
    landmarks_mm : Mapping of site to (x, y, z)
        LPS, e.g. ``lumbar_l2``.
    ct : Image
        In HU.
    rule : SphereRule, optional
        Sizes and distances; cortex by CT number takes the place of the outline, with the same margin.
    move_mm : float
        How far the centre may move.

    Returns
    -------
    tuple of MarrowSphere

    Raises
    ------
    RegionError
        If a landmark lies outside the CT or leaves no room.
    """
    rule = rule or SphereRule()
    placed = []
    for site, point in landmarks_mm.items():
        index = np.rint(ct.grid.mm_to_index(point))
        if (index < 0).any() or (index >= ct.grid.shape).any():
            raise RegionError(f"the landmark of {site} lies outside the CT", field="landmark", value=str(point))
        reach = rule.largest_mm + rule.margin_mm + move_mm + 2.0
        grid = fine_grid(np.array([np.subtract(point, reach), np.add(point, reach)]), ct.grid.frame_of_reference_uid)
        hu = ct_on(ct, grid)
        ball = sphere_region(point, reach, grid, name=site)
        near = sphere_region(point, max(move_mm, FINE_MM), grid, name=site)
        room = ball.mask & (hu > SOFT_HU)
        spread = SphereRule(
            largest_mm=rule.largest_mm, smallest_mm=rule.smallest_mm, margin_mm=0.0, cortex_hu=rule.cortex_hu,
            cortex_gap_mm=max(rule.cortex_gap_mm, rule.margin_mm - 1.0, 0.0),
        )  # fmt: skip
        placed.append(_place(site, room, grid, hu, spread, only=near.mask))
    return tuple(placed)


SOFT_HU = 0.0
"""Spongiosa, marrow included, is above it unless it is all fat; fat and gas around a bone are below."""


def _place(
    site: str,
    room: Mask,
    grid: Grid,
    hu: Floats | None,
    rule: SphereRule,
    *,
    only: Mask | None = None,
    notes: tuple[str, ...] = (),
) -> MarrowSphere:
    if not room.any():
        raise RegionError(f"no room for a marrow sphere in {site}", remedy="check the labels")
    step = 0.5 * max(grid.spacing_mm)
    inside = distance_inside_mm(Region(name=site, mask=room, grid=grid)) - step - rule.margin_mm
    free = inside
    if hu is not None:
        from scipy.ndimage import distance_transform_edt

        hard = room & (hu >= rule.cortex_hu)
        if hard.any():
            gap = distance_transform_edt(~hard, sampling=grid.spacing_mm) - step - rule.cortex_gap_mm
            free = np.minimum(inside, gap)
    if only is not None:
        free = np.where(only, free, -np.inf)
    index, reach = deepest(np.where(room, free, -np.inf), rule.largest_mm)
    if reach < rule.smallest_mm:
        raise RegionError(
            f"{site} leaves no room for a marrow sphere",
            value=f"radius {max(reach, 0.0):.1f} mm",
            expected=f">= {rule.smallest_mm:g} mm at {rule.margin_mm:g} mm from the outline",
            remedy="check the label and the CT (fracture, cement, sclerosis), lower the margin, or leave the site out",
        )
    radius = min(reach, rule.largest_mm)
    x, y, z = grid.index_to_mm(index)
    inner = sphere_region((float(x), float(y), float(z)), radius, grid, name=site)
    picked = hu[inner.mask] if hu is not None else None
    return MarrowSphere(
        site=site,
        centre_mm=(float(x), float(y), float(z)),
        radius_mm=float(radius),
        clearance_mm=float(reach - radius + rule.margin_mm),
        hounsfield_mean=None if picked is None else float(picked.mean()),
        hounsfield_sd=None if picked is None else float(picked.std()),
        notes=(*notes, *_doubts(site, radius, rule, picked)),
    )


def _doubts(site: str, radius: float, rule: SphereRule, hu: Floats | None) -> tuple[str, ...]:
    notes = []
    if radius < rule.largest_mm - 0.25:
        notes.append(f"{site}: radius {radius:.1f} mm, all that the bone allows (wanted {rule.largest_mm:g} mm)")
    if hu is None:
        notes.append(f"{site}: placed without a CT; cortex inside the outline was not looked for")
    elif hu.mean() < 20.0:
        notes.append(f"{site}: mean {hu.mean():.0f} HU is soft for spongiosa: fatty marrow, or not in the bone")
    elif hu.mean() > 300.0:
        notes.append(f"{site}: mean {hu.mean():.0f} HU is hard for spongiosa: sclerosis or cement")
    return tuple(notes)


def clear_of(region: Region, others: Sequence[Region], *, distance_mm: float) -> bool:
    """Tell whether a region keeps a distance from all others.

    Examples
    --------
    >>> grid = Grid.axial(shape=(1, 1, 9), spacing_mm=(1, 1, 1), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2")
    >>> one, two = (sphere_region((x, 0, 0), 0.5, grid, name="a") for x in (1, 6))
    >>> clear_of(one, [two], distance_mm=4.0), clear_of(one, [two], distance_mm=5.0)
    (True, False)
    """
    wide = grow_mm(region.mask, region.grid.spacing_mm, distance_mm)
    return not any((wide & other.mask).any() for other in others)
