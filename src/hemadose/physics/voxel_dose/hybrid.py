"""The hybrid: electrons without noise, random numbers for photons alone, and little noise in these.

Decays are split by where they happen. A decay is plain if all voxels that its electrons can reach have its own density,
within a factor; its electrons follow a kernel of that density. The electrons of all other decays are laid along rays
through the densities that they meet (`rays`), or followed one by one if asked. Photons of all decays are followed with
the track-length estimator of collision kerma, which gives an expected energy to each voxel on their way, and correct
a convolution (`photons`); bremsstrahlung follows its kernel. The parts add up to all energy emitted, and only the
followed parts carry statistical uncertainty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.emissions import Emissions
from hemadose.physics.voxel_dose.convolution import Box, bounding_box
from hemadose.physics.voxel_dose.deterministic import electron_energy
from hemadose.physics.voxel_dose.hybrid_kernels import HybridKernels
from hemadose.physics.voxel_dose.matter import PatientMatter
from hemadose.physics.voxel_dose.photons import NeighbourRatio, absorption_ratios, alike_media
from hemadose.physics.voxel_dose.plain import density_classes, plain_decays
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

__all__ = ["HybridKernels", "HybridOptions", "hybrid_dose", "plain_decays", "pooled"]

Activity = npt.NDArray[np.floating[Any]]
Array = npt.NDArray[np.float64]
Volume = npt.NDArray[np.float32]

ELECTRONS = ("rays", "followed")
_LEAST_SHARE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridOptions:
    """How the hybrid samples.

    Attributes
    ----------
    photon_decays : int
        Decays whose photons are followed, for a start.
    electron_decays : int
        Decays whose electrons are followed beside unlike matter, for a start; only with ``electrons="followed"``.
    target_sd : float or None
        Relative statistical uncertainty that 95 % of the voxels with activity shall have; the numbers of decays are
        raised to reach it. None keeps them.
    most_decays : int
        Never more of either.
    seed : int
        Of the random numbers.
    electrons : str
        Beside unlike matter: ``rays`` (no noise) or ``followed``.
    photon_width : int
        Voxels on each side over which photons correct their convolution; 0 takes them as they were followed.
    """

    photon_decays: int = 150_000
    electron_decays: int = 1_000_000
    target_sd: float | None = 0.03
    most_decays: int = 200_000_000
    seed: int = 20261121
    electrons: str = "rays"
    photon_width: int = 1


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
    """Add up electrons by kernels and rays, photons, and electrons followed beside unlike matter if asked.

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
    chosen = options or HybridOptions()
    if not np.allclose(kernels.voxel_mm, matter.voxel_mm, rtol=1e-4):
        raise QuantityError(
            "the kernels are of other voxels", field="voxel_mm", value=str(kernels.voxel_mm),
            expected=str(matter.voxel_mm),
        )  # fmt: skip
    if chosen.electrons not in ELECTRONS:
        raise QuantityError(
            "no such way of electrons", field="electrons", value=chosen.electrons, expected=" or ".join(ELECTRONS)
        )
    box = bounding_box(tia_bq_s > 0.0, matter.tissue)
    inner, tia = matter.cut(box), np.ascontiguousarray(tia_bq_s[box], dtype=np.float32)
    plain = plain_decays(matter, reach_cm=kernels.reach_cm)[box]
    even, uneven = np.where(plain, tia, np.float32(0.0)), np.where(plain, np.float32(0.0), tia)
    energy = _plain_energy(even, inner, kernels)  # alpha particles are in the kernel, where they are emitted
    followed = chosen.electrons == "followed"
    energy += _radiated_energy(even if followed else tia, inner, kernels)
    if not followed and kernels.electrons.electron_kev.any():
        ratios = np.array([kernels.ratio(m) if m.name != "air" else 1.0 for m in inner.geometry.media])
        energy += kernels.rays()(uneven, inner, ratios=ratios, threads=threads)
    inside = {name: mask[box] for name, mask in (masks or {}).items()}
    parts = _followed(tia, uneven, energy, inner, emissions, kernels, chosen, inside, threads)
    variance = sum((part.variance_kev2 for part in parts.values()), np.zeros(tia.shape))
    for part in parts.values():
        energy += part.energy_kev
    dose, deposited, in_air = energy_to_dose(energy, inner)
    sd = energy_to_dose(np.sqrt(variance), inner)[0]
    emitted = emissions.electron_energy_kev + emissions.alpha_energy_kev + emissions.photon_energy_kev
    share = float(uneven.sum(dtype=np.float64) / tia.sum(dtype=np.float64))
    return VoxelDose(
        method="hybrid",
        dose_gy=_pasted(dose, box, matter.tissue.shape),
        sd_gy=_pasted(sd, box, matter.tissue.shape),
        emitted_j=float(tia.sum(dtype=np.float64)) * emitted * KEV_J,
        deposited_j=deposited,
        in_air_j=in_air,
        region_sd_gy=_joined(parts),
        photons_followed=parts["photons"].decays if "photons" in parts else 0,
        electrons_followed=parts["electrons"].decays if "electrons" in parts else 0,
        notes=(
            *air_note(tia, inner),
            f"hybrid: electrons of {100.0 * share:.1f} % of the decays lie beside unlike matter and were "
            + ("followed" if followed else "laid along rays"),
            *_missed(sd, dose, tia, chosen),
        ),
    )


def _pasted(part: Volume, box: Box, shape: tuple[int, ...]) -> Volume:
    whole = np.zeros(shape, dtype=np.float32)
    whole[box] = part
    return whole


def _plain_energy(even: Volume, matter: PatientMatter, kernels: HybridKernels) -> Array:
    """Electron energy of plain decays, each with the kernel of the mean density of its class."""
    found = np.zeros(even.shape)
    if not even.any() or not kernels.electrons.electron_kev.any():
        return found
    classes = density_classes(matter.density_g_per_ml)
    for density_class in np.unique(classes[even > 0.0]):
        one = np.where(classes == density_class, even, np.float32(0.0))
        found += electron_energy(one, kernels.near(float(np.average(matter.density_g_per_ml, weights=one))))
    return found


def _by_mass(found: Volume, density_g_per_ml: float, matter: PatientMatter) -> Array:
    """Energy from that in a uniform medium: what comes from far away is proportional to the mass of a voxel."""
    return np.asarray(np.maximum(found, 0.0) * (matter.density_g_per_ml / np.float32(density_g_per_ml)), np.float64)


def _radiated_energy(tia: Volume, matter: PatientMatter, kernels: HybridKernels) -> Array | float:
    """Bremsstrahlung beyond the range of electrons, by mass."""
    wide = kernels.bremsstrahlung((tia.shape[0], tia.shape[1], tia.shape[2])) if tia.any() else None
    if wide is None:
        return 0.0
    return _by_mass(wide[1](tia), wide[0].density_g_per_ml, matter)


def _followed(
    tia: Volume,
    uneven: Volume,
    energy: Array,
    matter: PatientMatter,
    emissions: Emissions,
    kernels: HybridKernels,
    chosen: HybridOptions,
    masks: Masks,
    threads: int | None,
) -> dict[str, SampledEnergy]:
    """Follow what has to be followed, with as many decays as the wanted uncertainty needs."""
    tasks: dict[str, Callable[[int, int], SampledEnergy]] = {}
    wanted: dict[str, int] = {}
    light, charged = photons_of(emissions), electrons_of(emissions)
    if light.lines:
        smooth = _corrected(tia, matter, kernels, chosen.photon_width)
        tasks["photons"] = lambda n, seed: sampled_energy(
            tia, matter, light, decays=n, seed=seed, estimator="kerma", masks=masks, threads=threads, smooth=smooth
        )
        wanted["photons"] = chosen.photon_decays
    if chosen.electrons == "followed" and uneven.any() and (charged.lines or charged.betas):
        tasks["electrons"] = lambda n, seed: sampled_energy(
            uneven, matter, charged, decays=n, seed=seed, masks=masks, threads=threads
        )
        wanted["electrons"] = chosen.electron_decays
    parts = {name: task(wanted[name], chosen.seed + i) for i, (name, task) in enumerate(tasks.items())}
    if chosen.target_sd is None or not parts:
        return parts
    total = energy + sum(p.energy_kev for p in parts.values())
    for i, (name, task) in enumerate(tasks.items()):
        # each part may use its share of the variance
        target = chosen.target_sd / len(tasks) ** 0.5
        factor = _needed(parts[name], total, tia if name == "photons" else uneven, target)
        more = min(int(wanted[name] * factor), chosen.most_decays)
        if more > 1.1 * wanted[name]:
            parts[name] = pooled(parts[name], task(more - wanted[name], chosen.seed + 100 + i))
    return parts


def _corrected(
    tia: Volume, matter: PatientMatter, kernels: HybridKernels, width: int
) -> Callable[[Array], Array] | None:
    """What brings followed photons together with their convolution."""
    if width == 0:
        return None
    kernel, convolver = kernels.photons((tia.shape[0], tia.shape[1], tia.shape[2]))
    found = convolver(tia)
    # far from all activity the transforms leave nothing but rounding
    expected = _by_mass(np.maximum(found, _LEAST_SHARE * found.max()), kernel.density_g_per_ml, matter)
    media, of = matter.geometry.media, kernels.electrons.medium
    absorption = absorption_ratios(media, kernels.emissions, of=of)
    alike = alike_media(media, absorption, of=of)
    return NeighbourRatio(expected, matter, absorption=absorption, alike=alike, width=width)


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
