"""Lesions of a PET as values: what was asked for, each lesion, and their sum."""

from __future__ import annotations

from dataclasses import dataclass, field

from hemadose.imaging.pet.uptake import Uptake
from hemadose.imaging.pet.uptake_thresholds import UptakeThreshold
from hemadose.model.region import Region
from hemadose.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class BurdenOptions:
    """How tumour is told from the rest.

    Attributes
    ----------
    threshold : UptakeThreshold
        Uptake from which on a voxel counts.
    detection : UptakeThreshold or None
        Where the threshold is a share of each lesion's maximum: what counts as a lesion at all.
    minimum_ml : float
        Smaller pieces are left out (0.5 ml: a sphere of 10 mm; a choice of this project).
    margin_mm : float
        Excluded around physiological uptake, for its blurred edge.
    growth_mm : float
        How far a contour below the detection level may reach beyond it before it is taken for a leak.
    """

    threshold: UptakeThreshold
    detection: UptakeThreshold | None = None
    minimum_ml: float = 0.5
    margin_mm: float = 5.0
    growth_mm: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """One lesion: its voxels, its uptake, the level it was cut at and the labelled structure it lies in."""

    region: Region
    uptake: Uptake
    level_suv: float
    located_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TumourBurden:
    """All lesions of a PET, head to feet.

    Attributes
    ----------
    lesions : tuple of Lesion
        Named ``lesion_1`` ... or as drawn.
    threshold : str
        The choice in words.
    notes : tuple of str
        Doubts.
    provenance : Provenance
        Every choice.
    """

    lesions: tuple[Lesion, ...]
    threshold: str
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=lambda: Provenance(step="imaging.find_lesions"))

    @property
    def volume_ml(self) -> float:
        """Whole-body tumour volume."""
        return sum(lesion.uptake.volume_ml for lesion in self.lesions)

    @property
    def total_uptake(self) -> float:
        """Total lesion uptake: sum of SUVmean times volume, in SUV ml."""
        return sum(lesion.uptake.total_uptake for lesion in self.lesions)

    @property
    def suv_mean(self) -> float | None:
        """Volume-weighted mean uptake; None without lesions."""
        return self.total_uptake / self.volume_ml if self.lesions else None
