"""Regions as a physicist would draw them: on the SPECT/CT and on the planar images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hemadose.model import Anatomy, Grid, PlanarRegion, Region
from hemadose.simulate.projection import PlanarPlane, ProjectedAnatomy, anatomy_axes
from hemadose.simulate.resample import transfer_matrix
from hemadose.simulate.tomography import carry, grid_axes

Mask = npt.NDArray[np.bool_]

ORGANS: dict[str, tuple[str, ...]] = {
    "lumbar_l2_l4": ("lumbar_l2", "lumbar_l3", "lumbar_l4"),
    "kidney_left": ("kidney_left",),
    "kidney_right": ("kidney_right",),
    "spleen": ("spleen",),
    "liver": ("liver",),
}
"""Region -> tissues. Where outlines overlap on a planar image the first keeps the pixels."""

SPHERE_RADIUS_MM = 10.0


def organ_tissues(anatomy: Anatomy) -> dict[str, tuple[str, ...]]:
    """Region names and the tissues that make them up, lesions included."""
    lesions = {t.name: (t.name,) for t in anatomy.tissues if t.name.startswith("lesion")}
    return {**lesions, **ORGANS}


def spect_regions(anatomy: Anatomy, grid: Grid) -> tuple[Region, ...]:
    """Organs, lesions, L2-L4, three marrow spheres and the body, on the SPECT grid.

    Each region takes as many voxels as its volume holds, those first that it fills most, so that
    volumes carry over from the finer anatomy. Spheres of 10 mm radius, or what fits between the
    end plates, lie at the centre of each vertebra.
    """
    regions = []
    free = np.ones(grid.shape, dtype=np.bool_)
    source, target = anatomy_axes(anatomy.labels.grid), grid_axes(grid)
    for name, tissues in organ_tissues(anatomy).items():
        mask = anatomy.region(*tissues).mask
        share = carry(mask, source, target) * anatomy.labels.grid.voxel_volume_ml / grid.voxel_volume_ml
        chosen = _fullest(share * free)
        if chosen.any():
            free &= ~chosen
            regions.append(Region(name=name, mask=chosen, grid=grid))
    regions.extend(_marrow_spheres(anatomy, grid))
    body = carry(anatomy.labels.values > 0, source, target) * anatomy.labels.grid.voxel_volume_ml
    regions.append(Region(name="whole_body", mask=body > 0.5 * grid.voxel_volume_ml, grid=grid))
    return tuple(regions)


def _fullest(share: npt.NDArray[np.float32]) -> Mask:
    """The voxels with the largest share, as many as the shares add up to."""
    chosen = np.zeros(share.shape, dtype=np.bool_)
    candidates = np.flatnonzero(share > 0.05)
    wanted = min(round(float(share.sum(dtype=np.float64))), candidates.size)
    if wanted:
        order = np.argsort(-share.flat[candidates], kind="stable")[:wanted]
        chosen.flat[candidates[order]] = True
    return chosen


def _marrow_spheres(anatomy: Anatomy, grid: Grid) -> list[Region]:
    spheres = []
    for level in (2, 3, 4):
        vertebra = anatomy.region(f"lumbar_l{level}")
        points = vertebra.grid.index_to_mm(np.argwhere(vertebra.mask))
        spacing = vertebra.grid.spacing_mm[0]
        height = float(np.ptp(points[:, 2])) + spacing
        radius = min(SPHERE_RADIUS_MM, height / 2.0)
        share = _ball_share(grid, vertebra.centroid_mm, radius)
        spheres.append(Region(name=f"marrow_sphere_l{level}", mask=_fullest(share), grid=grid))
    return spheres


def _ball_share(
    grid: Grid, centre_mm: tuple[float, float, float], radius_mm: float, *, samples: int = 5
) -> npt.NDArray[np.float32]:
    """Part of each voxel inside a ball, by sub-samples."""
    share = np.zeros(grid.shape, dtype=np.float32)
    middle = grid.mm_to_index(centre_mm)
    reach = np.ceil(radius_mm / np.array(grid.spacing_mm)).astype(int) + 1
    low = np.maximum(np.floor(middle).astype(int) - reach, 0)
    high = np.minimum(np.ceil(middle).astype(int) + reach + 1, grid.shape)
    if (high <= low).any():
        return share
    shape = tuple(int(n) for n in high - low)
    offsets = (np.arange(samples) + 0.5) / samples - 0.5
    fine = [((low[axis] + np.arange(shape[axis]))[:, None] + offsets).ravel() - middle[axis] for axis in range(3)]
    distance2 = sum(
        (f * grid.spacing_mm[axis]).reshape([-1 if axis == a else 1 for a in range(3)]) ** 2
        for axis, f in enumerate(fine)
    )
    inside = np.asarray(distance2 <= radius_mm**2)
    cells = inside.reshape(shape[0], samples, shape[1], samples, shape[2], samples)
    share[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = cells.mean(axis=(1, 3, 5))
    return share


def planar_outlines(projected: ProjectedAnatomy, *, priority: Sequence[str] | None = None) -> tuple[PlanarRegion, ...]:
    """Regions on the planar images: projected outlines that share no pixel.

    Lesions, L2-L4 and the kidneys keep their whole outline; spleen and liver lose what lies over
    them (the right kidney lies almost wholly behind the liver, so its region holds liver counts,
    and the liver's lacks that part). Backgrounds follow Braitsch 2025: beside the body at the
    height of the liver, in the thigh (in a trunk without legs: the lowest soft tissue that no organ
    covers), and beside L2-L4.

    Parameters
    ----------
    projected : ProjectedAnatomy
        The patient in front of the camera.
    priority : sequence of str, optional
        Order in which organs take pixels; by default lesions, then the order of `ORGANS`.
    """
    anatomy, plane = projected.anatomy, projected.plane
    tissues = organ_tissues(anatomy)
    outline = {name: shadow(anatomy, anatomy.region(*names).mask, plane) for name, names in tissues.items()}
    body = shadow(anatomy, anatomy.labels.values > 0, plane)
    free = np.ones(plane.shape, dtype=np.bool_)
    masks: dict[str, Mask] = {}
    for name in priority or tuple(tissues):
        masks[name] = outline[name] & free
        free &= ~outline[name]
    masks["whole_body"] = _grown(body, round(40.0 / projected.pixel_mm))
    masks["background_liver"] = _beside_body(projected, body, outline["liver"])
    masks["background_kidneys"] = _thigh(projected, body, outline)
    masks["background_marrow"] = _beside_spine(projected, body, outline)
    return tuple(PlanarRegion(name=name, mask=mask) for name, mask in masks.items() if mask.any())


def shadow(anatomy: Anatomy, mask: Mask, plane: PlanarPlane) -> Mask:
    """Pixels of the coronal plane that a volume covers by half or more."""
    z, _, x = anatomy_axes(anatomy.labels.grid)
    down = transfer_matrix(z, plane.rows) * z.pitch_mm / abs(plane.rows.pitch_mm)
    across = transfer_matrix(x, plane.columns) * x.pitch_mm / plane.columns.pitch_mm
    return np.asarray(down @ mask.any(axis=1).astype(np.float64) @ across.T >= 0.5)


def _grown(mask: Mask, pixels: int) -> Mask:
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(mask, iterations=max(pixels, 1)))


def _beside_body(projected: ProjectedAnatomy, body: Mask, liver: Mask) -> Mask:
    """A strip 4 cm wide, 3 cm off the patient's right side, along the middle half of the liver."""
    pixel = projected.pixel_mm
    rows = np.flatnonzero(liver.any(axis=1))
    middle = rows[len(rows) // 4 : max(3 * len(rows) // 4, len(rows) // 4 + 1)]
    edge = int(np.flatnonzero(body[middle].any(axis=0))[0])
    last = max(edge - round(30.0 / pixel), 1)
    mask = np.zeros_like(body)
    mask[np.ix_(middle, np.arange(max(last - round(40.0 / pixel), 0), last))] = True
    return mask & ~body


def _thigh(projected: ProjectedAnatomy, body: Mask, outline: Mapping[str, Mask]) -> Mask:
    """A patch of 4 x 8 cm in the left thigh below its marrow, or low in a trunk without legs."""
    pixel, z = projected.pixel_mm, projected.plane.rows.centres_mm
    lumbar = z[outline["lumbar_l2_l4"].any(axis=1)].mean()
    rows = np.flatnonzero(body.any(axis=1))
    lowest = float(z[rows[-1]])
    legs = lowest < lumbar - 700.0
    top = lumbar - 600.0 if legs else lowest + 85.0
    band = np.flatnonzero((z <= top) & (z > top - 80.0))
    covered = np.any([_grown(m, 3) for m in outline.values()], axis=0)
    usable = body[band].all(axis=0) & ~covered[band].any(axis=0)
    columns = np.flatnonzero(usable & (projected.plane.columns.centres_mm > _middle(projected, body)))
    if not columns.size:
        return _grown(body, 1) & False
    centre = float(np.median(columns)) if legs else float(np.quantile(columns, 0.75))
    half = max(round(20.0 / pixel), 1)
    chosen = columns[np.abs(columns - centre) <= half]
    mask = np.zeros_like(body)
    mask[np.ix_(band, chosen)] = True
    return mask


def _middle(projected: ProjectedAnatomy, body: Mask) -> float:
    columns = np.flatnonzero(body.any(axis=0))
    return float(projected.plane.columns.centres_mm[columns].mean())


def _beside_spine(projected: ProjectedAnatomy, body: Mask, outline: Mapping[str, Mask]) -> Mask:
    """Strips of 2.5 cm on both sides of L2-L4, 1 cm off, clear of kidneys, liver and spleen."""
    pixel = projected.pixel_mm
    spine = outline["lumbar_l2_l4"]
    rows = np.flatnonzero(spine.any(axis=1))
    columns = np.flatnonzero(spine.any(axis=0))
    gap, width = max(round(10.0 / pixel), 1), max(round(25.0 / pixel), 2)
    mask = np.zeros_like(body)
    for first in (columns[0] - gap - width, columns[-1] + gap + 1):
        mask[np.ix_(rows, np.arange(first, first + width))] = True
    organs = np.any([m for name, m in outline.items() if name != "lumbar_l2_l4"], axis=0)
    for clearance in (3, 2, 1):
        free = mask & body & ~_grown(organs, clearance)
        if np.count_nonzero(free) >= 12:
            return np.asarray(free)
    return np.asarray(mask & body & ~organs)
