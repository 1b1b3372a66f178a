"""Kernels of the hybrid, made when first asked for and kept for one nuclide and one size of voxels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemadose.model.emissions import Emissions
from hemadose.physics.kernels import PointKernel
from hemadose.physics.matter.media import Medium
from hemadose.physics.voxel_dose.convolution import EvenConvolver
from hemadose.physics.voxel_dose.kernels import (
    EnergyKernel,
    electron_kernel,
    electron_range_cm,
    photon_kernel,
    split_point_kernel,
)
from hemadose.physics.voxel_dose.rays import ScaledElectrons, penetration_ratio

REACH_SHARE = 0.98
"""Electrons reach as far as this share of their energy goes."""
_DENSITY_STEP = 0.01
Triple = tuple[int, int, int]


class HybridKernels:
    """Kernels of electrons at each density that is met, rays, and kernels of photons and of bremsstrahlung.

    Parameters
    ----------
    point : PointKernel
        In soft tissue.
    emissions : Emissions
        Of the same nuclide.
    voxel_mm : tuple of 3 float
        Sides along slice, row, column.
    workers : int, optional
        Threads of transforms.
    """

    def __init__(
        self, point: PointKernel, emissions: Emissions, *, voxel_mm: tuple[float, float, float],
        workers: int | None = None,
    ) -> None:  # fmt: skip
        reach = electron_range_cm(emissions, density_g_per_ml=point.density_g_per_ml)
        electrons, rest = split_point_kernel(point, range_cm=reach)
        self.electrons, self.emissions = electrons, emissions
        self.voxel_mm, self.workers = voxel_mm, workers
        nothing = np.zeros_like(point.photon_kev)
        self._far = {
            "photons": replace(rest, electron_kev=nothing, photon_kev=point.photon_kev),
            "bremsstrahlung": replace(rest, photon_kev=rest.photon_kev - point.photon_kev),
        }
        self._by_density: dict[int, EvenConvolver] = {}
        self._wide: dict[str, tuple[Triple, EnergyKernel, EvenConvolver]] = {}
        self._ratios: dict[str, float] = {}
        self._rays: ScaledElectrons | None = None

    @property
    def reach_cm(self) -> float:
        """Radius that holds `REACH_SHARE` of the electrons' energy at 1 g/ml."""
        energy = np.cumsum(self.electrons.electron_kev.mean(axis=0))
        if not energy[-1] > 0.0:
            return 0.0
        index = int(np.searchsorted(energy, REACH_SHARE * energy[-1]))
        return float(self.electrons.radius_cm[index] * self.electrons.density_g_per_ml)

    def near(self, density_g_per_ml: float) -> EvenConvolver:
        """Convolver of electrons at a density, to 1 %."""
        step = round(np.log(density_g_per_ml) / _DENSITY_STEP)
        if step not in self._by_density:
            at = self.electrons.at_density(float(np.exp(step * _DENSITY_STEP)))
            kernel = electron_kernel(at, voxel_mm=self.voxel_mm)
            self._by_density[step] = EvenConvolver(kernel.octant_kev, workers=self.workers)
        return self._by_density[step]

    def rays(self) -> ScaledElectrons:
        """Electrons along rays."""
        if self._rays is None:
            self._rays = ScaledElectrons(self.electrons, voxel_mm=self.voxel_mm)
        return self._rays

    def ratio(self, medium: Medium) -> float:
        """How far electrons get in soft tissue relative to a medium, both in mass per area."""
        if medium.name not in self._ratios:
            self._ratios[medium.name] = penetration_ratio(self.electrons, medium, self.emissions)
        return self._ratios[medium.name]

    def photons(self, shape: Triple) -> tuple[EnergyKernel, EvenConvolver]:
        """Kernel and convolver of emitted photons for a box."""
        return self._for_box("photons", shape)

    def bremsstrahlung(self, shape: Triple) -> tuple[EnergyKernel, EvenConvolver] | None:
        """Kernel and convolver of what electrons radiate beyond their range; None if that is below 0.05 %."""
        radiated = float(self._far["bremsstrahlung"].photon_kev.sum(axis=1).mean())
        if radiated < 5e-4 * max(self.electrons.emitted_electron_kev, 1e-30):
            return None
        return self._for_box("bremsstrahlung", shape)

    def _for_box(self, name: str, shape: Triple) -> tuple[EnergyKernel, EvenConvolver]:
        if name not in self._wide or self._wide[name][0] != shape:
            kernel = photon_kernel(self._far[name], voxel_mm=self.voxel_mm, shape=shape)
            self._wide[name] = (shape, kernel, EvenConvolver(kernel.octant_kev, workers=self.workers))
        return self._wide[name][1], self._wide[name][2]
