"""Labelled anatomy: which voxel is which tissue, for virtual patients and phantoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.model._checks import require_non_negative
from hemadose.model.image import Image, Quantity
from hemadose.model.region import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Tissue:
    """One label of an anatomy.

    Attributes
    ----------
    label : int
        Value in the label image; 0 is air outside the body.
    name : str
        ``kidney_left``, ``spine_lower`` ...
    medium : str
        ``soft_tissue``, ``skeleton``, ``lung``, ``air``.
    density_g_per_ml : float
        Mass density.
    hounsfield : float
        CT number that represents it.
    red_marrow_fraction : float
        Share of the body's red marrow that lies in this tissue.
    """

    label: int
    name: str
    medium: str
    density_g_per_ml: float
    hounsfield: float
    red_marrow_fraction: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_non_negative(
            f"tissue {self.name}",
            density_g_per_ml=self.density_g_per_ml,
            red_marrow_fraction=self.red_marrow_fraction,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """A voxel phantom: a label image and what each label means."""

    name: str
    labels: Image
    tissues: tuple[Tissue, ...]
    source: str = ""

    def __post_init__(self) -> None:
        """Every label in the image must be described, once."""
        if self.labels.quantity is not Quantity.LABEL:
            raise QuantityError("an anatomy is made of labels", value=str(self.labels.quantity))
        known = [t.label for t in self.tissues]
        if len(set(known)) != len(known):
            raise QuantityError(f"anatomy {self.name} describes a label twice")
        unknown = set(np.unique(self.labels.values).tolist()) - set(known)
        if unknown:
            raise QuantityError(f"anatomy {self.name} holds labels without a tissue", value=str(sorted(unknown)))

    def tissue(self, name: str) -> Tissue:
        """Give one tissue by name.

        Raises
        ------
        RegionError
            If there is none of that name.
        """
        for tissue in self.tissues:
            if tissue.name == name:
                return tissue
        raise RegionError(
            f"anatomy {self.name} has no tissue {name}",
            expected=", ".join(t.name for t in self.tissues),
        )

    def region(self, *names: str, region_name: str | None = None) -> Region:
        """Give the voxels of one or more tissues as a region."""
        labels = [self.tissue(name).label for name in names]
        mask: npt.NDArray[np.bool_] = np.isin(self.labels.values, labels)
        return Region(name=region_name or names[0], mask=mask, grid=self.labels.grid)

    def density_g_per_ml(self) -> npt.NDArray[np.float32]:
        """Density of every voxel."""
        table = np.zeros(max(t.label for t in self.tissues) + 1, dtype=np.float32)
        for tissue in self.tissues:
            table[tissue.label] = tissue.density_g_per_ml
        return np.asarray(table[self.labels.values])
