"""Regions: named sets of voxels or pixels, with the organ they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, RegionError
from hemadose.model._checks import frozen_array
from hemadose.model.image import Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A volume of interest.

    Attributes
    ----------
    name : str
        Region name in lower snake case: ``kidney_left``, ``kidney_right``, ``liver``,
        ``spleen``, ``lumbar_l2_l4`` (whole vertebral volume), ``marrow_sphere_l2`` ... ,
        ``whole_body``, ``lesion_1`` ...
    mask : ndarray of bool, shape of `grid`
        Voxels inside.
    grid : Grid
        Where the mask lies.
    """

    name: str
    mask: npt.NDArray[np.bool_]
    grid: Grid

    def __post_init__(self) -> None:
        """Refuse an empty or misplaced mask."""
        mask = frozen_array(self.mask, np.bool_)
        if mask.shape != self.grid.shape:
            raise GeometryError(
                f"region {self.name} does not fit its grid",
                value=str(mask.shape),
                expected=str(self.grid.shape),
            )
        if not mask.any():
            raise RegionError(
                f"region {self.name} is empty",
                remedy="check that it was drawn on this series and lies inside the image",
            )
        object.__setattr__(self, "mask", mask)

    @property
    def volume_ml(self) -> float:
        """Volume in ml."""
        return float(np.count_nonzero(self.mask) * self.grid.voxel_volume_ml)

    @property
    def centroid_mm(self) -> tuple[float, float, float]:
        """Centre of mass in LPS mm."""
        x, y, z = self.grid.index_to_mm(np.argwhere(self.mask).mean(axis=0))
        return float(x), float(y), float(z)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarRegion:
    """A region of interest on planar images (same orientation as PlanarFrame).

    Attributes
    ----------
    name : str
        As for Region; background regions are named ``background_<organ>``
        (``background_liver``, ``background_kidneys``, ``background_marrow``).
    mask : ndarray of bool, shape (rows, columns)
        Pixels inside.
    """

    name: str
    mask: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Refuse an empty mask."""
        mask = frozen_array(self.mask, np.bool_)
        if mask.ndim != 2:
            raise GeometryError(f"planar region {self.name} has rows and columns")
        if not mask.any():
            raise RegionError(f"planar region {self.name} is empty")
        object.__setattr__(self, "mask", mask)

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.mask))


def require_disjoint(
    regions: Sequence[Region] | Sequence[PlanarRegion],
    *,
    allowed: Sequence[tuple[str, str]] = (),
    tolerance: float = 0.01,
) -> None:
    """Refuse regions that share more than `tolerance` of the smaller one.

    Parameters
    ----------
    regions : sequence of Region or PlanarRegion
        All on one grid.
    allowed : sequence of pairs of names
        Pairs that may overlap (a sphere inside its vertebra, organs inside the body).
    tolerance : float
        Largest shared fraction of the smaller region.

    Raises
    ------
    RegionError
        Naming the pair and how much is shared.
    """
    permitted = {frozenset(pair) for pair in allowed}
    everything: list[Region | PlanarRegion] = list(regions)
    for i, first in enumerate(everything):
        for second in everything[i + 1 :]:
            if frozenset((first.name, second.name)) in permitted:
                continue
            if first.mask.shape != second.mask.shape:
                raise GeometryError(f"{first.name} and {second.name} lie on different grids")
            shared = int(np.count_nonzero(first.mask & second.mask))
            smaller = min(int(first.mask.sum()), int(second.mask.sum()))
            if shared > tolerance * smaller:
                raise RegionError(
                    f"regions {first.name} and {second.name} overlap",
                    value=f"{shared} of {smaller} voxels ({100 * shared / smaller:.1f} %)",
                    remedy="redraw one, or give its overlapping part to one organ only",
                )
