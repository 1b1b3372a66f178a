"""Two tracers lesion by lesion: what both see, what only one sees, and how strongly.

Lesions are matched by overlap (widened by a tolerance for the shift between two scans). Where one lesion of
one tracer meets several of the other they form one site, so that counting does not depend on how a mass was
cut into parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.imaging.pet.lesions import Lesion, TumourBurden
from hemadose.model.image import Grid
from hemadose.model.pet import SuvImage
from hemadose.model.region import Region

Mask = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]


class Concordance(StrEnum):
    """Who sees a site."""

    BOTH = "both"
    FIRST_ONLY = "first_only"
    SECOND_ONLY = "second_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSite:
    """One site of disease in two scans.

    Attributes
    ----------
    concordance : Concordance
        Who sees it.
    first, second : tuple of str
        Names of the lesions of each scan that form it.
    first_suv_max, second_suv_max : float or None
        Where a tracer sees nothing: its maximum at the place of the other's lesion. None outside its field of view.
    first_volume_ml, second_volume_ml : float
        Sum over the lesions.
    located_in : str
        Labelled structure.
    """

    concordance: Concordance
    first: tuple[str, ...]
    second: tuple[str, ...]
    first_suv_max: float | None
    second_suv_max: float | None
    first_volume_ml: float
    second_volume_ml: float
    located_in: str = ""

    @property
    def ratio(self) -> float | None:
        """SUVmax of the first tracer over the second; None if one is outside the field of view or zero."""
        if self.first_suv_max is None or not self.second_suv_max:
            return None
        return self.first_suv_max / self.second_suv_max


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionComparison:
    """All sites of two scans; sites of the first in its order, then those of the second alone."""

    sites: tuple[ComparedSite, ...]
    notes: tuple[str, ...] = ()

    def count(self, concordance: Concordance) -> int:
        """Number of sites of one kind."""
        return sum(site.concordance is concordance for site in self.sites)

    @property
    def seen_by_more(self) -> str:
        """Which tracer shows more sites: ``first``, ``second`` or ``equal`` (lesion-based, as Lapa 2017)."""
        difference = self.count(Concordance.FIRST_ONLY) - self.count(Concordance.SECOND_ONLY)
        if difference == 0:
            return "equal"
        return "first" if difference > 0 else "second"


def compare_lesions(
    first: TumourBurden,
    second: TumourBurden,
    *,
    first_suv: SuvImage,
    second_suv: SuvImage,
    second_to_first: Matrix | None = None,
    tolerance_mm: float = 5.0,
) -> LesionComparison:
    """Compare two segmented scans of one patient.

    Parameters
    ----------
    first, second : TumourBurden
        Lesions of each.
    first_suv, second_suv : SuvImage
        Their images, for the uptake where one tracer sees nothing.
    second_to_first : ndarray of shape (4, 4), optional
        Rigid transform of LPS mm from the second scan to the first; needed unless both share a frame of reference.
    tolerance_mm : float
        Lesions that come this near count as overlapping.

    Returns
    -------
    LesionComparison

    Raises
    ------
    GeometryError
        If the frames of reference differ and no transform is given, or the transform is not rigid.
    """
    move = _transform(first_suv.grid, second_suv.grid, second_to_first)
    carried = [carry_mask(lesion.region, first_suv.grid, to_target=move) for lesion in second.lesions]
    near = [_widened(mask, first_suv.grid, tolerance_mm) for mask in carried]
    touches = np.array(
        [[bool((lesion.region.mask & mask).any()) for mask in near] for lesion in first.lesions], dtype=np.bool_
    ).reshape(len(first.lesions), len(second.lesions))
    groups = _groups(touches)
    sites = tuple(_site(group, first, second, first_suv, second_suv, carried, move) for group in groups)
    outside = sum(site.first_suv_max is None or site.second_suv_max is None for site in sites)
    notes = (f"outside the other scan's field of view: {outside} sites",) if outside else ()
    return LesionComparison(sites=sites, notes=notes)


def _transform(first: Grid, second: Grid, given: Matrix | None) -> Matrix:
    if given is None:
        if first.frame_of_reference_uid != second.frame_of_reference_uid:
            raise GeometryError(
                "the two PET scans belong to different frames of reference",
                field="FrameOfReferenceUID",
                remedy="register them and give the rigid transform (--transform)",
            )
        return np.eye(4)
    matrix = np.asarray(given, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.allclose(matrix[3], [0, 0, 0, 1]):
        raise GeometryError("a transform is a 4 x 4 matrix with last row 0 0 0 1", value=str(matrix.shape))
    turn = matrix[:3, :3]
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-3) or np.linalg.det(turn) < 0.0:
        raise GeometryError("the transform is not rigid", expected="a rotation and a shift")
    return matrix


def carry_mask(region: Region, target: Grid, *, to_target: Matrix) -> Mask:
    """Nearest-voxel copy of a region onto another grid, moved by a transform of LPS mm.

    Parameters
    ----------
    region : Region
        On its own grid.
    target : Grid
        Where it is wanted.
    to_target : ndarray, shape (4, 4)
        Rigid transform of LPS mm from the region's space to the target's.

    Returns
    -------
    ndarray of bool, shape of `target`
    """
    back = np.linalg.inv(to_target)
    chain = np.linalg.inv(region.grid.affine) @ back @ target.affine
    corners = region.grid.index_to_mm(_corners(region.mask)) @ to_target[:3, :3].T + to_target[:3, 3]
    at = target.mm_to_index(corners)
    low = np.maximum(np.floor(at.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(at.max(axis=0)).astype(int) + 2, target.shape)
    mask = np.zeros(target.shape, dtype=np.bool_)
    if (high <= low).any():
        return mask
    axes = np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij")
    index = np.rint(np.stack(axes, axis=-1) @ chain[:3, :3].T + chain[:3, 3]).astype(int)
    inside = ((index >= 0) & (index < np.array(region.mask.shape))).all(axis=-1)
    copied = np.zeros(inside.shape, dtype=np.bool_)
    copied[inside] = region.mask[tuple(index[inside].T)]
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = copied
    middle = np.rint(target.mm_to_index(to_target[:3, :3] @ region.centroid_mm + to_target[:3, 3])).astype(int)
    if not mask.any() and (middle >= 0).all() and (middle < np.array(target.shape)).all():
        mask[tuple(middle)] = True  # smaller than a voxel of the target
    return mask


def _corners(mask: Mask) -> Matrix:
    index = np.argwhere(mask)
    low, high = index.min(axis=0) - 0.5, index.max(axis=0) + 0.5
    return np.array(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, -1).T


def _widened(mask: Mask, grid: Grid, tolerance_mm: float) -> Mask:
    from scipy.ndimage import distance_transform_edt

    if not mask.any() or tolerance_mm <= 0.0:
        return mask
    reach = [int(np.ceil(tolerance_mm / s)) + 1 for s in grid.spacing_mm]
    index = np.argwhere(mask)
    box = tuple(
        slice(max(int(a) - r, 0), int(b) + r + 1)
        for a, b, r in zip(index.min(axis=0), index.max(axis=0), reach, strict=True)
    )
    wide = np.zeros_like(mask)
    wide[box] = distance_transform_edt(~mask[box], sampling=grid.spacing_mm) <= tolerance_mm
    return wide


def _groups(touches: Mask) -> list[tuple[list[int], list[int]]]:
    """Connected groups of lesions of both scans, those with a first lesion in its order."""
    rows, columns = touches.shape
    left_rows, left_columns = set(range(rows)), set(range(columns))
    groups = []
    for start in range(rows):
        if start not in left_rows:
            continue
        members: list[int] = []
        partners: list[int] = []
        waiting = [(True, start)]
        left_rows.discard(start)
        while waiting:
            is_row, item = waiting.pop()
            (members if is_row else partners).append(item)
            linked = np.flatnonzero(touches[item] if is_row else touches[:, item])
            open_items = left_columns if is_row else left_rows
            for other in (int(o) for o in linked if int(o) in open_items):
                open_items.discard(other)
                waiting.append((not is_row, other))
        groups.append((sorted(members), sorted(partners)))
    return groups + [([], [column]) for column in sorted(left_columns)]


def _site(
    group: tuple[list[int], list[int]],
    first: TumourBurden,
    second: TumourBurden,
    first_suv: SuvImage,
    second_suv: SuvImage,
    carried: Sequence[Mask],
    move: Matrix,
) -> ComparedSite:
    ours = [first.lesions[i] for i in group[0]]
    theirs = [second.lesions[j] for j in group[1]]
    kind = Concordance.BOTH if ours and theirs else Concordance.FIRST_ONLY if ours else Concordance.SECOND_ONLY
    first_max = _hottest(ours)
    if first_max is None:
        first_max = _maximum(first_suv, np.logical_or.reduce([carried[j] for j in group[1]]))
    second_max = _hottest(theirs)
    if second_max is None:
        back = np.asarray(np.linalg.inv(move), dtype=np.float64)
        there = [carry_mask(lesion.region, second_suv.grid, to_target=back) for lesion in ours]
        second_max = _maximum(second_suv, np.logical_or.reduce(there))
    return ComparedSite(
        concordance=kind,
        first=tuple(lesion.region.name for lesion in ours),
        second=tuple(lesion.region.name for lesion in theirs),
        first_suv_max=first_max,
        second_suv_max=second_max,
        first_volume_ml=sum(lesion.uptake.volume_ml for lesion in ours),
        second_volume_ml=sum(lesion.uptake.volume_ml for lesion in theirs),
        located_in=next((lesion.located_in for lesion in (*ours, *theirs) if lesion.located_in), ""),
    )


def _hottest(lesions: Sequence[Lesion]) -> float | None:
    return max((lesion.uptake.suv_max for lesion in lesions), default=None)


def _maximum(suv: SuvImage, mask: Mask) -> float | None:
    return float(suv.values[mask].max()) if mask.any() else None
