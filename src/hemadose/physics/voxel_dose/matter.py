"""What a patient's voxels are made of, from their mass density.

Media follow density classes (CT numbers of the published curve at 120 kV in brackets): air below 0.05 g/ml (-952 HU),
lung to 0.75 (-271), adipose tissue to 0.985 (-45), soft tissue to 1.10 (about 84), spongiosa to 1.35 (+562), cortical
bone above. The density of each voxel stays its own; the classes choose cross sections and stopping powers alone.

References
----------
Schneider W, Bortfeld T, Schlegel W. Phys Med Biol 45:459 (2000): tissue classes from CT numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.physics.matter.media import medium
from hemadose.physics.transport.run import VoxelGeometry

CLASSES = (
    ("air", 0.0),
    ("lung", 0.05),
    ("adipose", 0.75),
    ("soft-tissue", 0.985),
    ("spongiosa", 1.10),
    ("cortical-bone", 1.35),
)
"""Medium and the density, g/ml, from which on it is taken."""

LEAST_DENSITY = 0.05
"""Below it a voxel is air: it has no dose of its own."""

AIR_G_PER_ML = 0.00121


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientMatter:
    """A patient made ready for dose by voxel.

    Attributes
    ----------
    geometry : VoxelGeometry
        Media and densities; air has 0.00121 g/ml at least.
    tissue : array of bool
        Voxels that are no air.
    """

    geometry: VoxelGeometry
    tissue: npt.NDArray[np.bool_]

    @property
    def voxel_mm(self) -> tuple[float, float, float]:
        """Sides along slice, row, column."""
        return self.geometry.voxel_mm

    @property
    def density_g_per_ml(self) -> npt.NDArray[np.float32]:
        """Of every voxel."""
        return self.geometry.density_g_per_ml

    @property
    def voxel_kg(self) -> npt.NDArray[np.float32]:
        """Mass of every voxel."""
        return np.asarray(self.density_g_per_ml * np.float32(self.geometry.voxel_ml * 1e-3))

    def cut(self, box: tuple[slice, slice, slice]) -> PatientMatter:
        """Give the part inside a box."""
        geometry = VoxelGeometry(
            medium_index=np.ascontiguousarray(self.geometry.medium_index[box]),
            density_g_per_ml=np.ascontiguousarray(self.density_g_per_ml[box]),
            voxel_mm=self.voxel_mm,
            media=self.geometry.media,
        )
        return PatientMatter(geometry=geometry, tissue=self.tissue[box])


def patient_matter(
    density_g_per_ml: npt.NDArray[np.floating[Any]], *, voxel_mm: tuple[float, float, float]
) -> PatientMatter:
    """Give every voxel its medium.

    Parameters
    ----------
    density_g_per_ml : array (slice, row, column)
        From CT, on the grid of the activity.
    voxel_mm : tuple of 3 float
        Sides along slice, row, column.

    Raises
    ------
    QuantityError
        If a density is negative, missing or above 25 g/ml, or nothing but air is there.

    Examples
    --------
    >>> made = patient_matter(np.array([[[0.0, 0.3, 1.0]]]), voxel_mm=(1.0, 1.0, 1.0))
    >>> [made.geometry.media[i].name for i in made.geometry.medium_index.ravel()]
    ['air', 'lung', 'soft-tissue']
    """
    density = np.asarray(density_g_per_ml, dtype=np.float32)
    if not np.isfinite(density).all() or float(density.min(initial=0.0)) < 0.0:
        raise QuantityError(
            "a density is negative or missing",
            field="density_g_per_ml",
            value=f"{int(np.count_nonzero(~(density >= 0.0)))} voxels",
            expected=">= 0",
        )
    tissue = density >= LEAST_DENSITY
    if not tissue.any():
        raise QuantityError("there is nothing but air", field="density_g_per_ml", remedy="check that the CT is in HU")
    index = np.digitize(density, [least for _, least in CLASSES[1:]]).astype(np.uint8)
    held = np.flatnonzero(np.bincount(index.ravel(), minlength=len(CLASSES)))  # tables are made for these alone
    rank = np.zeros(len(CLASSES), dtype=np.uint8)
    rank[held] = np.arange(held.size)
    geometry = VoxelGeometry(
        medium_index=rank[index],
        density_g_per_ml=np.maximum(density, np.float32(AIR_G_PER_ML)),
        voxel_mm=voxel_mm,
        media=tuple(medium(CLASSES[i][0]) for i in held),
    )
    return PatientMatter(geometry=geometry, tissue=tissue)
