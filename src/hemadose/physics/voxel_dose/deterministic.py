"""Dose by voxel without random numbers: electrons where they are emitted, and convolution with kernels.

Energy, not dose, is what a kernel spreads. Electrons end within millimetres, so that their energy stays the same
whatever the density and is divided by the mass of the voxel that it lands in. Photons come from far away: what they
leave in a voxel is proportional to its mass, so that their dose, not their energy, is that of the kernel's medium.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.model.emissions import Emissions
from hemadose.physics.voxel_dose.convolution import EvenConvolver, bounding_box
from hemadose.physics.voxel_dose.kernels import EnergyKernel, require_same_voxels
from hemadose.physics.voxel_dose.matter import PatientMatter
from hemadose.physics.voxel_dose.result import VoxelDose, air_note, energy_to_dose, require_activity
from hemadose.units import KEV_J

Volume = npt.NDArray[np.float32]
Activity = npt.NDArray[np.floating[Any]]


def local_dose(tia_bq_s: Activity, matter: PatientMatter, emissions: Emissions) -> VoxelDose:
    """Leave the energy of electrons (and alpha particles) in the voxel of the decay; photons are left out.

    Parameters
    ----------
    tia_bq_s : array (slice, row, column)
        Decays of every voxel.
    matter : PatientMatter
        Same grid.
    emissions : Emissions
        Of a decay.

    Raises
    ------
    QuantityError
        If the activity is negative, missing or nowhere.
    """
    require_activity(tia_bq_s, matter)
    kev = emissions.electron_energy_kev + emissions.alpha_energy_kev
    dose, deposited, in_air = energy_to_dose(np.asarray(tia_bq_s, dtype=np.float64) * kev, matter)
    decays = float(tia_bq_s.sum(dtype=np.float64))
    share = emissions.photon_energy_kev / max(kev + emissions.photon_energy_kev, 1e-30)
    notes = [*air_note(tia_bq_s, matter)]
    if share > 0.005:
        notes.append(f"local: photons, {100.0 * share:.0f} % of the emitted energy, are left out: doses are too low")
    return VoxelDose(
        method="local",
        dose_gy=dose,
        sd_gy=np.zeros_like(dose),
        emitted_j=decays * (kev + emissions.photon_energy_kev) * KEV_J,
        deposited_j=deposited,
        in_air_j=in_air,
        region_sd_gy={},
        notes=tuple(notes),
    )


def electron_energy(tia_bq_s: Activity, convolver: EvenConvolver) -> Volume:
    """Energy that electrons leave in every voxel, keV, by convolution in the box that they can reach."""
    reach = [n - 1 for n in convolver.octant.shape]
    box = bounding_box(tia_bq_s > 0.0)
    wide = tuple(
        slice(max(b.start - r, 0), min(b.stop + r, n)) for b, r, n in zip(box, reach, tia_bq_s.shape, strict=True)
    )
    found = np.zeros(tia_bq_s.shape, dtype=np.float32)
    found[wide] = np.maximum(convolver(tia_bq_s[wide]), 0.0)
    return found


def photon_dose(tia_bq_s: Activity, matter: PatientMatter, kernel: EnergyKernel, convolver: EvenConvolver) -> Volume:
    """Dose from photons in tissue, Gy, as if all were the kernel's medium."""
    box = bounding_box(tia_bq_s > 0.0, matter.tissue)
    voxel_kg = float(np.prod(kernel.voxel_mm)) * 1e-6 * kernel.density_g_per_ml
    found = np.zeros(matter.tissue.shape, dtype=np.float32)
    found[box] = np.maximum(convolver(tia_bq_s[box]), 0.0) * np.float32(KEV_J / voxel_kg)
    found[~matter.tissue] = 0.0
    return found


def convolved_dose(
    tia_bq_s: Activity,
    matter: PatientMatter,
    *,
    electrons: EnergyKernel,
    photons: EnergyKernel,
    emissions: Emissions,
    convolvers: tuple[EvenConvolver, EvenConvolver] | None = None,
) -> VoxelDose:
    """Convolve with the kernels of electrons and of photons.

    Parameters
    ----------
    tia_bq_s : array (slice, row, column)
        Decays of every voxel.
    matter : PatientMatter
        Same grid.
    electrons, photons : EnergyKernel
        Of the same voxels; the photons' must reach across the box of source and tissue, or the whole grid.
    emissions : Emissions
        Of a decay, for the energy balance.
    convolvers : tuple of EvenConvolver, optional
        Of both kernels, with their transforms kept.

    Raises
    ------
    QuantityError
        If the activity is negative, missing or nowhere, or a kernel is of other voxels.
    """
    require_activity(tia_bq_s, matter)
    for kernel in (electrons, photons):
        require_same_voxels(kernel, matter.voxel_mm)
    first, second = convolvers or (EvenConvolver(electrons.octant_kev), EvenConvolver(photons.octant_kev))
    dose, deposited, in_air = energy_to_dose(electron_energy(tia_bq_s, first), matter)
    light = photon_dose(tia_bq_s, matter, photons, second)
    decays = float(tia_bq_s.sum(dtype=np.float64))
    emitted = emissions.electron_energy_kev + emissions.alpha_energy_kev + emissions.photon_energy_kev
    return VoxelDose(
        method="convolution",
        dose_gy=dose + light,
        sd_gy=np.zeros_like(dose),
        emitted_j=decays * emitted * KEV_J,
        deposited_j=deposited + float((light * matter.voxel_kg).sum(dtype=np.float64)),
        in_air_j=in_air,
        region_sd_gy={},
        notes=(*air_note(tia_bq_s, matter), *_unlike_note(tia_bq_s, matter)),
    )


def _unlike_note(tia_bq_s: Activity, matter: PatientMatter) -> tuple[str, ...]:
    """Say where the kernel's uniform medium is far from the patient."""
    density = matter.density_g_per_ml
    lung = matter.tissue & (density < 0.75)
    bone = matter.tissue & (density > 1.35)
    if not (lung.any() or bone.any()):
        return ()
    return (
        "convolution: photons see soft tissue everywhere, and electrons keep their range in it; beside lung and bone "
        "use hybrid or montecarlo",
    )
