"""Where a PET tracer goes: SUV per organ from published medians, the rest by conservation of activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import pi

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import Anatomy

Volume = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class UptakePattern:
    """Physiological uptake of a tracer an hour after injection.

    Attributes
    ----------
    tracer : str
        As a file would spell it.
    organs : Mapping of str to float
        SUVbw per tissue of the anatomy.
    marrow : float
        SUVbw of lumbar vertebrae; other bones by the red marrow they hold per ml.
    bone : float
        SUVbw of bone without red marrow.
    source : str
        Where the numbers come from.
    """

    tracer: str
    organs: Mapping[str, float] = field(default_factory=dict)
    marrow: float = 1.0
    bone: float = 0.3
    source: str = ""

    def tissue_suv(self, anatomy: Anatomy, remainder: float) -> dict[str, float]:
        """SUVbw of every tissue, given that of the remaining tissue."""
        counts = np.bincount(anatomy.labels.values.ravel(), minlength=max(t.label for t in anatomy.tissues) + 1)
        dense = {
            t.name: t.red_marrow_fraction / counts[t.label]
            for t in anatomy.tissues
            if t.medium == "skeleton" and counts[t.label]
        }
        lumbar = [value for name, value in dense.items() if name.startswith("lumbar")]
        reference = float(np.mean(lumbar)) if lumbar else max(dense.values(), default=0.0)
        found = {}
        for tissue in anatomy.tissues:
            if tissue.name in self.organs:
                found[tissue.name] = self.organs[tissue.name]
            elif tissue.name in dense:
                share = min(float(dense[tissue.name]) / reference, 1.0) if reference > 0.0 else 0.0
                found[tissue.name] = self.bone + share * (self.marrow - self.bone)
            else:
                found[tissue.name] = 0.0 if tissue.medium == "air" else remainder
        return found


PENTIXAFOR = UptakePattern(
    tracer="68Ga-Pentixafor",
    organs={
        "spleen": 5.2,
        "kidney_left": 3.27,
        "kidney_right": 3.27,
        "heart_contents": 1.66,
        "heart_wall": 1.66,
        "liver": 1.28,
        "bladder_contents": 25.0,
        "lung_left": 0.5,
        "lung_right": 0.5,
        "brain": 0.15,
    },
    marrow=1.76,
    source="median SUVmean of spleen, kidneys, marrow, heart and liver in 90 patients: Mol Imaging Biol 2022;24:659 "
    "(doi:10.1007/s11307-022-01717-1). Bladder, lungs, brain and bone without marrow: choices of this project",
)

FDG = UptakePattern(
    tracer="18F-FDG",
    organs={
        "brain": 8.0,
        "heart_wall": 4.0,
        "heart_contents": 1.6,
        "liver": 2.1,
        "spleen": 1.7,
        "kidney_left": 2.5,
        "kidney_right": 2.5,
        "bladder_contents": 20.0,
        "lung_left": 0.5,
        "lung_right": 0.5,
    },
    marrow=1.3,
    source="liver within the range of 1.3-3.0 of the EANM guideline (Boellaard 2015); everything else: choices of "
    "this project, for a second tracer to compare with",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualLesion:
    """A sphere of uniform uptake that replaces the tissue it lies in.

    Attributes
    ----------
    name : str
        For the truth.
    centre_mm : tuple of float
        LPS.
    radius_mm : float
        Of the sphere.
    suv : float
        SUVbw inside.
    """

    name: str
    centre_mm: Point
    radius_mm: float
    suv: float

    def __post_init__(self) -> None:
        """Refuse impossible lesions."""
        if not (self.radius_mm > 0.0 and self.suv >= 0.0):
            raise QuantityError(
                f"impossible lesion {self.name}",
                value=f"radius {self.radius_mm:g} mm, SUV {self.suv:g}",
                expected="positive numbers",
            )

    @property
    def volume_ml(self) -> float:
        """Volume of the sphere."""
        return 4.0 / 3.0 * pi * self.radius_mm**3 / 1000.0

    def share(self, *, x: Floats, y: Floats, z: Floats, pitch_mm: float) -> Floats:
        """Part of small cells around points that lies inside, scaled so that the volume is exact."""
        x0, y0, z0 = self.centre_mm
        depth = self.radius_mm - np.sqrt((x - x0) ** 2 + (y - y0) ** 2 + (z - z0) ** 2)
        soft = np.clip(depth / pitch_mm + 0.5, 0.0, 1.0)
        return np.asarray(soft * (1000.0 * self.volume_ml / (float(soft.sum()) * pitch_mm**3)))


def uptake_map(
    anatomy: Anatomy, *, pattern: UptakePattern, lesions: Sequence[VirtualLesion] = ()
) -> tuple[Volume, dict[str, float]]:
    """SUVbw of every voxel without lesions, and the numbers that conservation gives.

    Parameters
    ----------
    anatomy : Anatomy
        Any.
    pattern : UptakePattern
        Of the tracer.
    lesions : sequence of VirtualLesion
        Their activity is taken from the remaining tissue.

    Returns
    -------
    suv : ndarray, shape of the anatomy
    numbers : dict
        ``weight_kg`` and ``remainder_suv``.

    Raises
    ------
    QuantityError
        If the pattern and the lesions hold more activity than was injected, or nothing is left to hold the rest.
    """
    voxel = anatomy.labels.grid.voxel_volume_ml
    counts = np.bincount(anatomy.labels.values.ravel(), minlength=max(t.label for t in anatomy.tissues) + 1)
    volume = {t.name: float(counts[t.label]) * voxel for t in anatomy.tissues}
    inside = [t for t in anatomy.tissues if t.medium != "air"]
    weight_g = sum(t.density_g_per_ml * volume[t.name] for t in inside)
    empty, full = pattern.tissue_suv(anatomy, 0.0), pattern.tissue_suv(anatomy, 1.0)
    held = sum(empty[t.name] * volume[t.name] for t in inside) + sum(s.suv * s.volume_ml for s in lesions)
    room = sum((full[t.name] - empty[t.name]) * volume[t.name] for t in inside)
    if held > weight_g or room <= 0.0:
        raise QuantityError(
            "organs and lesions hold more activity than was injected",
            field="pattern",
            value=f"{100.0 * held / weight_g:.0f} %",
            expected="at most 100 %",
            remedy="lower the uptake, or the size of the lesions",
        )
    remainder = (weight_g - held) / room
    suv = pattern.tissue_suv(anatomy, remainder)
    table = np.zeros(counts.size, dtype=np.float32)
    for tissue in anatomy.tissues:
        table[tissue.label] = suv[tissue.name]
    return np.asarray(table[anatomy.labels.values]), {"weight_kg": weight_g / 1e3, "remainder_suv": remainder}


def site_landmarks(anatomy: Anatomy) -> dict[str, Point]:
    """Centres of the six skeletal sites of Braitsch 2025 in a stylised adult, LPS mm.

    Cervical and thoracic vertebrae divide their parts of the spine evenly (C4 of 7, T5 of 12); ilia are the
    middle of the upper half of the pelvis on each side; the skull base is the lowest cranium at the midline.
    Each point is moved to the nearest voxel of its bone.
    """
    grid = anatomy.labels.grid

    def bone(name: str) -> Floats:
        return grid.index_to_mm(np.argwhere(anatomy.region(name).mask))

    def nearest(points: Floats, wanted: Floats) -> Point:
        x, y, z = points[int(((points - wanted) ** 2).sum(axis=1).argmin())]
        return float(x), float(y), float(z)

    def along(points: Floats, share: float) -> Floats:
        low, high = points[:, 2].min(), points[:, 2].max()
        middle = points.mean(axis=0)
        return np.array([middle[0], middle[1], high - share * (high - low)])

    cranium, neck, thorax, pelvis = bone("cranium"), bone("spine_upper"), bone("spine_middle"), bone("pelvis")
    upper = pelvis[pelvis[:, 2] >= 0.5 * (pelvis[:, 2].min() + pelvis[:, 2].max())]
    left, right = upper[upper[:, 0] > 0.0], upper[upper[:, 0] < 0.0]
    lumbar = bone("lumbar_l5")
    return {
        "skull_base": nearest(cranium, np.array([0.0, cranium[:, 1].mean(), cranium[:, 2].min()])),
        "c4": nearest(neck, along(neck, 3.5 / 7.0)),
        "t5": nearest(thorax, along(thorax, 4.5 / 12.0)),
        "l5": nearest(lumbar, lumbar.mean(axis=0)),
        "ilium_left": nearest(left, left.mean(axis=0)),
        "ilium_right": nearest(right, right.mean(axis=0)),
    }
