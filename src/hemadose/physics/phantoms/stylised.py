"""A stylised adult as voxels: every part gets its volume, where its share of the voxel is largest."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import Anatomy, Grid, Image, Quantity, Sex, Tissue
from hemadose.physics.phantoms.equations import organ_solids, outline_solids
from hemadose.physics.phantoms.marrow import red_marrow_fraction
from hemadose.physics.phantoms.parameters import parameters
from hemadose.physics.phantoms.solids import Box, Solid
from hemadose.physics.phantoms.tables import (
    BONE_G_PER_ML,
    LUNG_G_PER_ML,
    SOFT_G_PER_ML,
    reference_volumes_ml,
)

NOT_IN_MALE = frozenset({"breasts", "ovaries", "uterus"})
"""Parts that the published adult carries and a man does not."""

# CT numbers of the phantom's media from their composition and the NIST mass attenuation
# coefficients at 70 keV (water 0.193 cm2/g): soft 1.04, skeleton 1.40, lung 0.296 g/ml.
_HOUNSFIELD = {"soft_tissue": 25.0, "skeleton": 605.0, "lung": -708.0, "air": -1000.0}
_DENSITY = {
    "soft_tissue": SOFT_G_PER_ML, "skeleton": BONE_G_PER_ML, "lung": LUNG_G_PER_ML, "air": 0.0012,
}  # fmt: skip
_BONES = frozenset(
    ("femora_upper", "leg_bones_lower", "humeri_upper", "arm_bones_lower", "pelvis", "ribs",
     "spine_middle", "spine_upper", "cranium", "facial_skeleton", "clavicles", "scapulae",
     "lumbar_l1", "lumbar_l2", "lumbar_l3", "lumbar_l4", "lumbar_l5")
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lattice:
    """Voxels of side `step` (cm) with planes at multiples of it; `first` voxel along x, y, z."""

    step: float
    first: tuple[int, int, int]
    shape: tuple[int, int, int]
    samples: int

    def window(self, box: Box) -> tuple[slice, slice, slice]:
        """Slices (z, y, x) of the voxels that a box touches."""
        found = []
        for axis in range(3):
            low = math.floor(box[2 * axis] / self.step + 1e-9) - self.first[axis]
            high = math.ceil(box[2 * axis + 1] / self.step - 1e-9) - self.first[axis]
            size = self.shape[2 - axis]
            found.append(slice(max(low, 0), min(max(high, low + 1), size)))
        return found[2], found[1], found[0]

    def fine(self, axis: int, part: slice) -> npt.NDArray[np.float32]:
        """Sub-sample positions in cm along an axis (0 is x) for a range of voxels."""
        count = (part.stop - part.start) * self.samples
        start = (self.first[axis] + part.start) * self.step
        return np.asarray(start + (np.arange(count) + 0.5) * (self.step / self.samples), dtype=np.float32)


def stylised_adult(
    *, sex: Sex, voxel_mm: float = 4.0, frame_of_reference_uid: str, as_published: bool = False
) -> Anatomy:
    """Voxelise the stylised adult male or female.

    Each part receives the number of voxels that its volume holds, those first whose sub-samples
    (3 to 64 per voxel along all axes together) lie most often inside; parts that come first in
    the precedence take first. Volumes therefore hold to half a voxel also for layers
    thinner than a voxel (ribs, scapulae, walls, skin), whose outline is then ragged.

    Parameters
    ----------
    sex : Sex
        Male: the 1987 adult without breasts, ovaries and uterus. Female: the 1987
        15-year-old/adult female.
    voxel_mm : float
        Side of the cubic voxels; grid planes lie at multiples of it from the trunk's base.
    frame_of_reference_uid : str
        DICOM frame of reference of the label image.
    as_published : bool
        Keep breasts, ovaries and uterus in the male (total 73.67 kg instead of 73.26 kg).

    Returns
    -------
    Anatomy
        Labels on an axial LPS grid with one voxel of air around; 0 is air.

    Raises
    ------
    QuantityError
        If the voxel size is not between 1 and 10 mm.
    """
    if not 1.0 <= voxel_mm <= 10.0:
        raise QuantityError(
            "the phantom cannot be voxelised at this size",
            field="voxel_mm",
            value=f"{voxel_mm:g}",
            expected="1-10 mm",
        )
    skip = NOT_IN_MALE if sex is Sex.MALE and not as_published else frozenset()
    outline = [s for s in outline_solids(sex) if s.name not in skip]
    organs = [s for s in organ_solids(sex) if s.name not in skip]
    if "breasts" not in skip:
        organs.insert(-1, outline[[s.name for s in outline].index("breasts")])
    lattice = _lattice(sex, outline, voxel_mm / 10.0)
    volumes = reference_volumes_ml(sex)
    voxel_ml = lattice.step**3
    labels = np.zeros(lattice.shape, dtype=np.uint8)
    free = _outline_mask(lattice, outline, sum(volumes[s.name] for s in outline) / voxel_ml)
    remaining = len(organs) + 1
    labels[free] = remaining
    for label, solid in enumerate(organs, start=1):
        window = lattice.window(solid.box)
        share = _share(lattice, solid, window)
        chosen = _largest(share * free[window], volumes[solid.name] / voxel_ml)
        labels[window][chosen] = label
        free[window][chosen] = False
    names = ["air", *(s.name for s in organs), "remaining_tissue"]
    origin = [(lattice.first[axis] + 0.5) * voxel_mm for axis in range(3)]
    grid = Grid.axial(
        shape=lattice.shape,
        spacing_mm=(voxel_mm, voxel_mm, voxel_mm),
        origin_mm=(origin[0], origin[1], origin[2]),
        frame_of_reference_uid=frame_of_reference_uid,
    )
    return Anatomy(
        name=f"stylised adult {sex.value}",
        labels=Image(values=labels, grid=grid, quantity=Quantity.LABEL),
        tissues=tuple(_tissue(label, name) for label, name in enumerate(names)),
        source="equations after Cristy and Eckerman, ORNL/TM-8381/V1 (1987)",
    )


def _tissue(label: int, name: str) -> Tissue:
    medium = "soft_tissue"
    if name in _BONES:
        medium = "skeleton"
    elif name.startswith("lung_"):
        medium = "lung"
    elif name == "air":
        medium = "air"
    return Tissue(
        label=label,
        name=name,
        medium=medium,
        density_g_per_ml=_DENSITY[medium],
        hounsfield=_HOUNSFIELD[medium],
        red_marrow_fraction=red_marrow_fraction(name),
    )


def _lattice(sex: Sex, outline: Iterable[Solid], step: float) -> _Lattice:
    boxes = np.array([s.box for s in outline])
    a, b, _ = parameters(sex).trunk
    low = [-a, min(-b, boxes[:, 2].min()), boxes[:, 4].min()]
    high = [a, max(b, boxes[:, 3].max()), boxes[:, 5].max()]
    first = [math.floor(v / step + 1e-9) - 1 for v in low]
    last = [math.ceil(v / step - 1e-9) + 1 for v in high]
    nx, ny, nz = (end - start for start, end in zip(first, last, strict=True))
    return _Lattice(
        step=step,
        first=(first[0], first[1], first[2]),
        shape=(nz, ny, nx),
        samples=min(4, max(2, math.ceil(step / 0.1))),
    )


def _share(lattice: _Lattice, solid: Solid, window: tuple[slice, slice, slice]) -> npt.NDArray[np.uint8]:
    """Number of sub-samples inside the solid, for each voxel of the window."""
    n = lattice.samples
    z_part, y_part, x_part = window
    x = lattice.fine(0, x_part)[None, None, :]
    y = lattice.fine(1, y_part)[None, :, None]
    nz, ny, nx = (part.stop - part.start for part in window)
    counts = np.zeros((nz, ny, nx), dtype=np.uint8)
    per_chunk = max(1, 1_500_000 // (ny * nx * n**3))
    for first in range(0, nz, per_chunk):
        last = min(first + per_chunk, nz)
        part = slice(z_part.start + first, z_part.start + last)
        z = lattice.fine(2, part)[:, None, None]
        inside = np.broadcast_to(solid.inside(x, y, z), (z.size, y.size, x.size))
        cells = inside.reshape(last - first, n, ny, n, nx, n)
        counts[first:last] = np.einsum("aibjck->abc", cells.view(np.uint8))
    return counts


def _largest(share: npt.NDArray[np.uint8], voxels: float) -> npt.NDArray[np.bool_]:
    """The voxels with the largest share, as many as asked for; ties in a fixed random order."""
    chosen = np.zeros(share.shape, dtype=np.bool_)
    candidates = np.flatnonzero(share)
    wanted = min(round(voxels), candidates.size)
    if wanted:
        ties = np.random.default_rng(1987).random(candidates.size)
        order = np.argpartition(-(share.flat[candidates] + ties), wanted - 1)[:wanted]
        chosen.flat[candidates[order]] = True
    return chosen


def _outline_mask(lattice: _Lattice, outline: Iterable[Solid], voxels: float) -> npt.NDArray[np.bool_]:
    share = np.zeros(lattice.shape, dtype=np.uint8)
    for solid in outline:
        window = lattice.window(solid.box)
        share[window] += _share(lattice, solid, window)
    return _largest(share, voxels)
