"""Electrons beside unlike matter without random numbers: a point kernel laid along rays, by the mass that they cross.

Rays leave a voxel through all its faces in all directions. Along each, the energy of a decay is left as the point
kernel says for the mass per area passed so far; in other media than the kernel's lengths scale with the mean distance
that energy gets. Energy per solid angle is kept, so a plane border between matter of one composition and two densities,
which only stretches lengths across it, is exact; edges and corners within reach of an electron, the scattering of bone,
and what does not come back from air are not.

The lattice is regular: the voxels that a ray crosses, and the lengths in them, are the same from every voxel. They are
worked out once. All starts on a line through the voxel are summed in closed form.

References
----------
O'Connor J E. Phys Med Biol 1:352 (1957) (lengths scale with density). Cross W G. Phys Med Biol 13:611 (1968) (and
between media). Ahnesjo A. Med Phys 16:577 (1989) (kernels along rays, scaled by what they cross).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.model.emissions import Emissions
from hemadose.physics.kernels import PointKernel, point_kernel
from hemadose.physics.matter.media import Medium
from hemadose.physics.voxel_dose.convolution import bounding_box
from hemadose.physics.voxel_dose.matter import AIR_G_PER_ML, PatientMatter

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]

RAYS = 768
LEAST_G_PER_ML = 0.06
"""Rays are long enough for electrons in matter of this density, but no longer than `_MOST_VOXELS`."""
_MOST_VOXELS = 12
_NODES = 2048
_END = 0.9999
_RATIO_ELECTRONS = 40_000
_PARTS = 16
_BEST = 21
"""Of some scrambles, one whose voxels in uniform and mixed matter come near those of many more rays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RayPattern:
    """Lines through one voxel and on through its neighbours.

    Attributes
    ----------
    first : array (rays + 1,) of int64
        Where the parts of a ray begin in the next two arrays.
    offset : array (parts, 3) of int32
        Voxel of each part, relative to that of the start.
    length_cm : array (parts,)
        Length in it; first the whole chord in the voxel of the start.
    per_cm : array (rays,)
        Share of the decays of the voxel that lie, per length, on the line and send their electrons along it.
    """

    first: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int32]
    length_cm: Array
    per_cm: Array

    @property
    def half_width(self) -> int:
        """Voxels from the first one that any ray gets."""
        return int(np.abs(self.offset).max())


def ray_pattern(*, voxel_mm: tuple[float, float, float], longest_cm: float, rays: int = RAYS) -> RayPattern:
    """Spread lines over the faces of a voxel and the directions in which they are left, alike to all sides.

    Lines cross a face as often as the cosine of their angle says. The decays of a voxel lie on all lines alike: a line
    through a face of area A stands for A / (4 V n) of them per length, if n lines go through the face.

    Parameters
    ----------
    voxel_mm : tuple of 3 float
        Sides along slice, row, column.
    longest_cm : float
        Length of the rays beyond the first voxel.
    rays : int
        24 times a power of 2.

    Examples
    --------
    >>> made = ray_pattern(voxel_mm=(4.0, 4.0, 4.0), longest_cm=1.0, rays=96)
    >>> beyond = np.add.reduceat(made.length_cm, made.first[:-1]) - made.length_cm[made.first[:-1]]
    >>> bool(np.allclose(beyond, 1.0))
    True
    """
    from scipy.stats.qmc import Sobol

    each = max(rays // 24, 1)
    points = Sobol(4, scramble=True, seed=_BEST).random(each)
    size = np.asarray(voxel_mm) * 0.1
    cosine, angle = np.sqrt(points[:, 2]), 0.5 * np.pi * points[:, 3]
    sine = np.sqrt(1.0 - points[:, 2])
    ways = np.stack([cosine, sine * np.cos(angle), sine * np.sin(angle)], axis=1)
    starts = np.concatenate([np.ones((each, 1)), points[:, :2]], axis=1)
    offsets, lengths, weights = [], [], []
    for axis in range(3):
        share = 1.0 / (4.0 * size[axis] * 4.0 * each)
        for start, way in zip(np.roll(starts, axis, axis=1), np.roll(ways, axis, axis=1), strict=True):
            cells, parts = _crossed(start, way / size, longest_cm, axis)
            for signs in product((1, -1), repeat=3):
                offsets.append(cells * np.array(signs))
                lengths.append(parts)
                weights.append(share)
    return RayPattern(
        first=np.cumsum([0, *(x.size for x in lengths)]),
        offset=np.concatenate(offsets).astype(np.int32),
        length_cm=np.concatenate(lengths),
        per_cm=np.asarray(weights),
    )


def _crossed(start: Array, way: Array, longest: float, face: int) -> tuple[npt.NDArray[np.int64], Array]:
    """Voxels that a line crosses from the first one on, which it leaves at `start` on its upper `face`, and lengths.

    `start` is in voxels, `way` in voxels per unit of length and positive; the first length is the whole chord.
    """
    way = np.maximum(way, 1e-12)
    ends = [np.array([0.0, longest])]
    for axis in range(3):
        faces = np.arange(1.0 + (axis == face), np.ceil(start[axis] + longest * way[axis]))
        ends.append((faces - start[axis]) / way[axis])
    at = np.unique(np.concatenate(ends))
    middle = 0.5 * (at[1:] + at[:-1])
    cells = np.floor(start + middle[:, None] * way).astype(np.int64)
    chord = float((start / way).min())
    return np.concatenate([np.zeros((1, 3), dtype=np.int64), cells]), np.concatenate([[chord], np.diff(at)])


def penetration_ratio(electrons: PointKernel, other: Medium, emissions: Emissions) -> float:
    """Mean distance of energy from its decay in the kernel's medium relative to another, both in mass per area.

    Lengths scale with it (Cross 1968): in bone electrons lose less per mass, but scatter more. The other medium's point
    kernel is made for it, of few decays.

    Parameters
    ----------
    electrons : PointKernel
        Within the range of electrons.
    other : Medium
        At any density.
    emissions : Emissions
        Of the same nuclide.
    """
    if other.name == electrons.medium:
        return 1.0
    charged = replace(emissions, lines=tuple(x for x in emissions.lines if not x.kind.is_photon))
    made = point_kernel(other, charged, electrons=_RATIO_ELECTRONS)
    held = np.flatnonzero(electrons.electron_kev.any(axis=0))
    furthest = float(electrons.radius_cm[held[-1]] * electrons.density_g_per_ml) if held.size else 0.0
    means = []
    for kernel in (electrons, made):
        mass = kernel.radius_cm * kernel.density_g_per_ml
        energy = np.where(mass <= furthest, kernel.electron_kev.mean(axis=0), 0.0)
        means.append(float((energy * mass).sum() / max(float(energy.sum()), 1e-300)))
    return means[0] / means[1] if min(means) > 0.0 else 1.0


class ScaledElectrons:
    """Energy that electrons leave in the voxels of a patient, along rays.

    Parameters
    ----------
    electrons : PointKernel
        Within the range of electrons.
    voxel_mm : tuple of 3 float
        Sides along slice, row, column.
    rays : int
        24 times a power of 2.
    """

    def __init__(
        self, electrons: PointKernel, *, voxel_mm: tuple[float, float, float], rays: int = RAYS
    ) -> None:  # fmt: skip
        energy = np.cumsum(electrons.electron_kev.mean(axis=0))
        mass = electrons.radius_cm * electrons.density_g_per_ml
        self.energy_kev = float(energy[-1])
        self.range_g_per_cm2 = float(mass[min(int(np.searchsorted(energy, _END * energy[-1])), mass.size - 1)])
        left = 1.0 - np.concatenate([[0.0], energy]) / max(self.energy_kev, 1e-300)
        nodes = np.linspace(0.0, self.range_g_per_cm2, 16 * _NODES + 1)
        fine = np.interp(nodes, np.concatenate([[0.0], mass]), left)
        fine[-1] = 0.0
        beyond = np.cumsum(0.5 * (fine[1:] + fine[:-1])[::-1])[::-1] * (nodes[1] - nodes[0])
        self.beyond = np.append(beyond, 0.0)[::16]
        longest = min(self.range_g_per_cm2 / LEAST_G_PER_ML, 0.1 * _MOST_VOXELS * min(voxel_mm))
        self.pattern = ray_pattern(voxel_mm=voxel_mm, longest_cm=longest, rays=rays)

    def __call__(
        self, tia_bq_s: Floats, matter: PatientMatter, *, ratios: Array | None = None, threads: int | None = None
    ) -> Array:
        """Give the energy (keV) from the decays of every voxel.

        Parameters
        ----------
        tia_bq_s : array (slice, row, column)
            Decays.
        matter : PatientMatter
            Same grid; what leaves the box around decays and patient is lost.
        ratios : array (media,), optional
            `penetration_ratio` of the media of the matter; 1 if not given.
        threads : int, optional
            All processors if not given.
        """
        found = np.zeros(tia_bq_s.shape)
        if not tia_bq_s.any():
            return found
        box = bounding_box(tia_bq_s > 0.0, matter.tissue)
        wide = self.pattern.half_width
        scale = np.ones(len(matter.geometry.media)) if ratios is None else ratios
        inner = matter.density_g_per_ml[box] * scale[matter.geometry.medium_index[box]]
        density = np.pad(inner.astype(np.float32), wide, constant_values=AIR_G_PER_ML)
        source = np.pad(np.asarray(tia_bq_s[box], dtype=np.float64), wide)
        energy = self._laid(source, density, threads or os.cpu_count() or 1)
        found[box] = energy[wide:-wide, wide:-wide, wide:-wide]
        return found

    def _laid(self, source: Array, density: npt.NDArray[np.float32], workers: int) -> Array:
        from hemadose.physics.voxel_dose._ray_kernels import lay

        plane, wide = density.shape[1] * density.shape[2], self.pattern.half_width
        offset = self.pattern.offset.astype(np.int64) @ np.array([plane, density.shape[2], 1])
        cells = np.flatnonzero(source)
        weight = source.ravel()[cells] * self.energy_kev
        length = self.pattern.length_cm * (_NODES / self.range_g_per_cm2)
        form = (self.pattern.first, offset, length, self.pattern.per_cm, self.beyond)

        def part(i: int) -> tuple[slice, Array]:
            some = slice(i * cells.size // _PARTS, (i + 1) * cells.size // _PARTS)
            if some.start == some.stop:
                return slice(0, 0), np.zeros(0)
            low = (int(cells[some.start]) // plane - wide) * plane
            slab = slice(low, (int(cells[some.stop - 1]) // plane + wide + 1) * plane)
            energy = np.zeros(slab.stop - slab.start)
            lay(cells[some] - low, weight[some], density.ravel()[slab], *form, energy)
            return slab, energy

        total = np.zeros(density.size)
        with ThreadPoolExecutor(workers) as pool:
            for slab, energy in pool.map(part, range(_PARTS)):  # added in their order: threads change nothing
                total[slab] += energy
        return total.reshape(density.shape)
