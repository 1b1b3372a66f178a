"""The hybrid: electrons without noise where matter is uniform, random numbers only where they are needed.

Decays are split by where they happen. A decay is plain if all voxels that its electrons can reach have its own density,
within a factor; its electrons follow a kernel of that density. The electrons of all other decays are followed one by
one through the voxels. Photons of all decays are followed with the track-length estimator of collision kerma, which
gives an expected energy to each voxel on their way; bremsstrahlung of plain decays follows its kernel. The parts add up
to all energy emitted, and only the two followed parts carry statistical uncertainty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.emissions import Emissions
from hemadose.physics.kernels import PointKernel
from hemadose.physics.voxel_dose.convolution import EvenConvolver, bounding_box
from hemadose.physics.voxel_dose.deterministic import electron_energy
from hemadose.physics.voxel_dose.kernels import (
    EnergyKernel,
    electron_kernel,
    electron_range_cm,
    photon_kernel,
    split_point_kernel,
)
from hemadose.physics.voxel_dose.matter import PatientMatter
from hemadose.physics.voxel_dose.result import VoxelDose, air_note, energy_to_dose, require_activity
from hemadose.physics.voxel_dose.sampled import (
    Masks,
    SampledEnergy,
    electrons_of,
    photons_of,
    require_no_positrons,
    sampled_energy,
)
from hemadose.units import KEV_J

Activity = npt.NDArray[np.floating[Any]]
Array = npt.NDArray[np.float64]
Volume = npt.NDArray[np.float32]

UNIFORM_RATIO = 1.25
"""Densities within reach of a plain decay differ by no more than this factor."""
REACH_SHARE = 0.98
"""Electrons reach as far as this share of their energy goes."""
_CLASS_RATIO = 1.2
_FIRST = 0.05
_PILOT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridOptions:
    """How the hybrid samples.

    Attributes
    ----------
    photon_decays : int
        Decays whose photons are followed, for a start.
    electron_decays : int
        Decays whose electrons are followed beside unlike matter, for a start.
    target_sd : float or None
        Relative statistical uncertainty that 95 % of the voxels with activity shall have; the numbers of decays are
        raised to reach it. None keeps them.
    most_decays : int
        Never more of either.
    seed : int
        Of the random numbers.
    """

    photon_decays: int = 1_000_000
    electron_decays: int = 1_000_000
    target_sd: float | None = 0.03
    most_decays: int = 200_000_000
    seed: int = 20261121


class HybridKernels:
    """Kernels of electrons at each density that is met, made when first asked for, and of bremsstrahlung.

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
        self.electrons = electrons
        self.voxel_mm, self.workers = voxel_mm, workers
        self._bremsstrahlung = _without_photons(rest, point)
        self._by_class: dict[int, EvenConvolver] = {}
        self._wide: dict[tuple[int, int, int], tuple[EnergyKernel, EvenConvolver]] = {}

    @property
    def reach_cm(self) -> float:
        """Radius that holds `REACH_SHARE` of the electrons' energy at 1 g/ml."""
        energy = np.cumsum(self.electrons.electron_kev.mean(axis=0))
        if not energy[-1] > 0.0:
            return 0.0
        index = int(np.searchsorted(energy, REACH_SHARE * energy[-1]))
        return float(self.electrons.radius_cm[index] * self.electrons.density_g_per_ml)

    def near(self, density_class: int) -> EvenConvolver:
        """Convolver of electrons at the density of a class."""
        if density_class not in self._by_class:
            at = self.electrons.at_density(class_density(density_class))
            kernel = electron_kernel(at, voxel_mm=self.voxel_mm)
            self._by_class[density_class] = EvenConvolver(kernel.octant_kev, workers=self.workers)
        return self._by_class[density_class]

    def bremsstrahlung(self, shape: tuple[int, int, int]) -> tuple[EnergyKernel, EvenConvolver] | None:
        """Kernel and convolver of what electrons radiate beyond their range; None if that is below 0.05 %."""
        radiated = float(self._bremsstrahlung.photon_kev.sum(axis=1).mean())
        if radiated < 5e-4 * max(self.electrons.emitted_electron_kev, 1e-30):
            return None
        if shape not in self._wide:
            kernel = photon_kernel(self._bremsstrahlung, voxel_mm=self.voxel_mm, shape=shape)
            self._wide = {shape: (kernel, EvenConvolver(kernel.octant_kev, workers=self.workers))}
        return self._wide[shape]


def _without_photons(rest: PointKernel, whole: PointKernel) -> PointKernel:
    return replace(rest, photon_kev=rest.photon_kev - whole.photon_kev)


def class_density(density_class: int) -> float:
    """Density in the middle of a class, g/ml."""
    return float(_FIRST * _CLASS_RATIO ** (density_class + 0.5))


def density_classes(density_g_per_ml: Volume) -> npt.NDArray[np.int64]:
    """Class of each density, even in its logarithm; one of them is 0.92 to 1.11 g/ml."""
    place = np.log(np.maximum(density_g_per_ml, 1e-3) / _FIRST) / np.log(_CLASS_RATIO)
    return np.asarray(np.maximum(np.floor(place), 0).astype(np.int64))


def plain_decays(matter: PatientMatter, *, reach_cm: float) -> npt.NDArray[np.bool_]:
    """Voxels whose electrons meet nothing but matter like their own.

    Parameters
    ----------
    matter : PatientMatter
        Densities.
    reach_cm : float
        Reach of electrons at 1 g/ml, from the middle of a voxel; it grows with 1/density. Neighbours always
        count.

    Returns
    -------
    array of bool
        False for air, and at the border of the grid where air begins.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    density = matter.density_g_per_ml
    plain = np.zeros(density.shape, dtype=bool)
    steps = np.stack(
        [np.ceil(10.0 * reach_cm / (np.maximum(density, 0.05) * side) - 0.5) for side in matter.voxel_mm]
    ).max(axis=0)
    widths = np.clip(steps, 1, 12).astype(np.int64)
    for width in np.unique(widths[matter.tissue]):
        size = tuple(2 * int(np.ceil(width * min(matter.voxel_mm) / side)) + 1 for side in matter.voxel_mm)
        low = minimum_filter(density, size=size, mode="nearest")
        high = maximum_filter(density, size=size, mode="nearest")
        here = widths == width
        plain[here] = (high <= low * UNIFORM_RATIO)[here]
    return plain & matter.tissue


def hybrid_dose(
    tia_bq_s: Activity,
    matter: PatientMatter,
    emissions: Emissions,
    kernels: HybridKernels,
    *,
    options: HybridOptions | None = None,
    masks: Masks | None = None,
    threads: int | None = None,
) -> VoxelDose:
    """Add up electrons without noise, photons by kerma, and followed electrons beside unlike matter.

    Parameters
    ----------
    tia_bq_s : array (slice, row, column)
        Decays of every voxel.
    matter : PatientMatter
        Same grid.
    emissions : Emissions
        Of a decay; no positrons.
    kernels : HybridKernels
        Of the same nuclide and voxels.
    options : HybridOptions, optional
        How to sample.
    masks : Mapping, optional
        Regions whose mean dose gets an uncertainty.
    threads : int, optional
        All processors if not given.

    Raises
    ------
    QuantityError
        If the activity is negative, missing or nowhere, or positrons are emitted.
    """
    require_activity(tia_bq_s, matter)
    require_no_positrons(emissions)
    if not np.allclose(kernels.voxel_mm, matter.voxel_mm, rtol=1e-4):
        raise QuantityError(
            "the kernels are of other voxels", field="voxel_mm", value=str(kernels.voxel_mm),
            expected=str(matter.voxel_mm),
        )  # fmt: skip
    chosen = options or HybridOptions()
    tia = np.asarray(tia_bq_s, dtype=np.float32)
    plain = plain_decays(matter, reach_cm=kernels.reach_cm)
    even, uneven = np.where(plain, tia, np.float32(0.0)), np.where(plain, np.float32(0.0), tia)
    energy = _plain_energy(even, matter, kernels).astype(np.float64)
    energy += _radiated_energy(even, matter, kernels)
    energy += emissions.alpha_energy_kev * tia
    parts = _followed(tia, uneven, energy, matter, emissions, chosen, masks, threads)
    variance = np.zeros(tia.shape)
    for part in parts.values():
        energy += part.energy_kev
        variance += part.variance_kev2
    dose, deposited, in_air = energy_to_dose(energy, matter)
    sd = energy_to_dose(np.sqrt(variance), matter)[0]
    emitted = emissions.electron_energy_kev + emissions.alpha_energy_kev + emissions.photon_energy_kev
    share = float(uneven.sum(dtype=np.float64) / tia.sum(dtype=np.float64))
    return VoxelDose(
        method="hybrid",
        dose_gy=dose,
        sd_gy=sd,
        emitted_j=float(tia.sum(dtype=np.float64)) * emitted * KEV_J,
        deposited_j=deposited,
        in_air_j=in_air,
        region_sd_gy=_joined(parts),
        photons_followed=parts["photons"].decays if "photons" in parts else 0,
        electrons_followed=parts["electrons"].decays if "electrons" in parts else 0,
        notes=(
            *air_note(tia, matter),
            f"hybrid: electrons of {100.0 * share:.1f} % of the decays lie beside unlike matter and were followed",
            *_missed(sd, dose, tia, chosen),
        ),
    )


def _plain_energy(even: Volume, matter: PatientMatter, kernels: HybridKernels) -> Volume:
    """Electron energy of plain decays, each with the kernel of its density."""
    found = np.zeros(even.shape, dtype=np.float32)
    if not even.any() or kernels.reach_cm == 0.0:
        return found
    classes = density_classes(matter.density_g_per_ml)
    held = even > 0.0
    for density_class in np.unique(classes[held]):
        found += electron_energy(np.where(classes == density_class, even, np.float32(0.0)), kernels.near(density_class))
    return found


def _radiated_energy(even: Volume, matter: PatientMatter, kernels: HybridKernels) -> Array | float:
    """Bremsstrahlung of plain decays beyond the range of electrons, by mass."""
    if not even.any():
        return 0.0
    box = bounding_box(even > 0.0, matter.tissue)
    shape = (box[0].stop - box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start)
    wide = kernels.bremsstrahlung(shape)
    if wide is None:
        return 0.0
    kernel, convolver = wide
    found = np.zeros(even.shape)
    relative = matter.density_g_per_ml[box] / np.float32(kernel.density_g_per_ml)
    found[box] = np.maximum(convolver(even[box]), 0.0) * relative
    return found


def _followed(
    tia: Volume,
    uneven: Volume,
    energy: Array,
    matter: PatientMatter,
    emissions: Emissions,
    chosen: HybridOptions,
    masks: Masks | None,
    threads: int | None,
) -> dict[str, SampledEnergy]:
    """Follow what has to be followed, with as many decays as the wanted uncertainty needs."""
    tasks: dict[str, Callable[[int, int], SampledEnergy]] = {}
    wanted: dict[str, int] = {}
    light, charged = photons_of(emissions), electrons_of(emissions)
    if light.lines:
        tasks["photons"] = lambda n, seed: sampled_energy(
            tia, matter, light, decays=n, seed=seed, estimator="kerma", masks=masks, threads=threads
        )
        wanted["photons"] = chosen.photon_decays
    if uneven.any() and (charged.lines or charged.betas):
        tasks["electrons"] = lambda n, seed: sampled_energy(
            uneven, matter, charged, decays=n, seed=seed, masks=masks, threads=threads
        )
        wanted["electrons"] = chosen.electron_decays
    parts = {name: task(wanted[name], chosen.seed + i) for i, (name, task) in enumerate(tasks.items())}
    if chosen.target_sd is None or not parts:
        return parts
    total = energy + sum(p.energy_kev for p in parts.values())
    for i, (name, task) in enumerate(tasks.items()):
        # one part may use half of the variance
        factor = _needed(parts[name], total, tia if name == "photons" else uneven, chosen.target_sd / 2.0**0.5)
        more = min(int(wanted[name] * factor), chosen.most_decays)
        if more > 1.1 * wanted[name]:
            parts[name] = pooled(parts[name], task(more - wanted[name], chosen.seed + 100 + i))
    return parts


def _needed(part: SampledEnergy, total: Array, source: Volume, target: float) -> float:
    """How many times more decays bring 95 % of the voxels with activity to a relative uncertainty."""
    held = source > 0.0
    relative = part.variance_kev2[held] / np.maximum(total[held], 1e-300) ** 2
    return float(np.quantile(relative, 0.95) / target**2)


def pooled(first: SampledEnergy, second: SampledEnergy) -> SampledEnergy:
    """Join two independent runs by their numbers of decays."""
    a = first.decays / (first.decays + second.decays)
    return SampledEnergy(
        energy_kev=a * first.energy_kev + (1.0 - a) * second.energy_kev,
        variance_kev2=a**2 * first.variance_kev2 + (1.0 - a) ** 2 * second.variance_kev2,
        region_sd_gy={
            k: float(np.hypot(a * v, (1.0 - a) * second.region_sd_gy[k])) for k, v in first.region_sd_gy.items()
        },
        decays=first.decays + second.decays,
    )


def _joined(parts: Mapping[str, SampledEnergy]) -> dict[str, float]:
    names = {name for part in parts.values() for name in part.region_sd_gy}
    return {n: float(np.sqrt(sum(p.region_sd_gy.get(n, 0.0) ** 2 for p in parts.values()))) for n in sorted(names)}


def _missed(sd: Volume, dose: Volume, tia: Volume, chosen: HybridOptions) -> tuple[str, ...]:
    """Say if the wanted uncertainty was not reached."""
    held = (tia > 0.0) & (dose > 0.0)
    if chosen.target_sd is None or not held.any():
        return ()
    reached = float(np.quantile(sd[held] / dose[held], 0.95))
    if reached <= 1.15 * chosen.target_sd:
        return ()
    return (
        f"hybrid: 95 % of the voxels with activity are within {100.0 * reached:.1f} %, not "
        f"{100.0 * chosen.target_sd:g} %: allow more decays",
    )
