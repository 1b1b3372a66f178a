"""Dose by voxel with random numbers: all particles followed, or photons and electrons apart for the hybrid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.emissions import Emissions
from hemadose.physics.transport.run import Progress, transport_voxels
from hemadose.physics.voxel_dose.convolution import bounding_box
from hemadose.physics.voxel_dose.matter import PatientMatter
from hemadose.physics.voxel_dose.result import VoxelDose, air_note, energy_to_dose, require_activity
from hemadose.units import KEV_J

Activity = npt.NDArray[np.floating[Any]]
Array = npt.NDArray[np.float64]
Masks = Mapping[str, npt.NDArray[np.bool_]]

BATCHES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledEnergy:
    """Energy of all decays by voxel, with its statistics.

    Attributes
    ----------
    energy_kev, variance_kev2 : array (slice, row, column)
        Mean and its variance.
    region_sd_gy : Mapping[str, float]
        Of the mean dose of regions.
    decays : int
        Followed.
    """

    energy_kev: Array
    variance_kev2: Array
    region_sd_gy: Mapping[str, float]
    decays: int


def photons_of(emissions: Emissions) -> Emissions:
    """Give the photons of a decay alone."""
    return replace(emissions, lines=tuple(x for x in emissions.lines if x.kind.is_photon), betas=())


def electrons_of(emissions: Emissions) -> Emissions:
    """Give all but the photons of a decay."""
    return replace(emissions, lines=tuple(x for x in emissions.lines if not x.kind.is_photon))


def sampled_energy(
    tia_bq_s: Activity,
    matter: PatientMatter,
    emissions: Emissions,
    *,
    decays: int,
    seed: int,
    estimator: str = "deposits",
    masks: Masks | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
    smooth: Callable[[Array], Array] | None = None,
) -> SampledEnergy:
    """Follow decays in the box around patient and activity.

    Parameters
    ----------
    tia_bq_s : array (slice, row, column)
        Decays of every voxel.
    matter : PatientMatter
        Same grid.
    emissions : Emissions
        Of a decay; photons alone for the estimator ``kerma``.
    decays, seed, estimator, threads, progress, device
        As in `transport_voxels`.
    masks : Mapping, optional
        Regions whose mean dose gets an uncertainty.
    smooth : callable, optional
        Given the energies of a batch in that box, flat, what is taken in their place; linear.
    """
    box = bounding_box(tia_bq_s > 0.0, matter.tissue)
    inner = matter.cut(box)
    total = float(tia_bq_s.sum(dtype=np.float64))
    cells = {name: np.flatnonzero((mask & matter.tissue)[box]) for name, mask in (masks or {}).items()}
    per_kg = {name: total * KEV_J / inner.voxel_kg.ravel()[kept] for name, kept in cells.items() if kept.size}
    means: dict[str, list[float]] = {name: [] for name in per_kg}

    def batch(energy: Array) -> Array:
        taken = energy if smooth is None else smooth(energy)
        for name, factor in per_kg.items():
            means[name].append(float((taken[cells[name]] * factor).mean()))
        return taken

    found = transport_voxels(
        geometry=inner.geometry,
        source=np.ascontiguousarray(tia_bq_s[box]),
        emissions=emissions,
        decays=max(decays, BATCHES),
        seed=seed,
        batches=BATCHES,
        threads=threads,
        progress=progress,
        device=device,
        estimator=estimator,
        each_batch=batch,
    )
    energy, variance = np.zeros(matter.tissue.shape), np.zeros(matter.tissue.shape)
    energy[box] = found.energy_kev_per_decay * total
    variance[box] = (found.standard_uncertainty * total) ** 2
    spread = {name: float(np.std(doses, ddof=1)) / BATCHES**0.5 for name, doses in means.items()}
    return SampledEnergy(energy_kev=energy, variance_kev2=variance, region_sd_gy=spread, decays=found.decays)


def monte_carlo_dose(
    tia_bq_s: Activity,
    matter: PatientMatter,
    emissions: Emissions,
    *,
    decays: int,
    seed: int,
    masks: Masks | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
) -> VoxelDose:
    """Follow photons and electrons of decays through the patient.

    Parameters
    ----------
    tia_bq_s, matter, emissions, decays, seed, masks, threads, progress, device
        As in `sampled_energy`.

    Raises
    ------
    QuantityError
        If the activity is negative, missing or nowhere.
    """
    require_activity(tia_bq_s, matter)
    found = sampled_energy(
        tia_bq_s, matter, emissions, decays=decays, seed=seed, masks=masks, threads=threads, progress=progress,
        device=device,
    )  # fmt: skip
    dose, deposited, in_air = energy_to_dose(found.energy_kev, matter)
    emitted = emissions.electron_energy_kev + emissions.alpha_energy_kev + emissions.photon_energy_kev
    return VoxelDose(
        method="montecarlo",
        dose_gy=dose,
        sd_gy=energy_to_dose(np.sqrt(found.variance_kev2), matter)[0],
        emitted_j=float(tia_bq_s.sum(dtype=np.float64)) * emitted * KEV_J,
        deposited_j=deposited,
        in_air_j=in_air,
        region_sd_gy=found.region_sd_gy,
        photons_followed=found.decays,
        electrons_followed=found.decays,
        notes=air_note(tia_bq_s, matter),
    )


def require_no_positrons(emissions: Emissions) -> None:
    """Refuse positron emitters where photons and electrons are followed apart.

    Raises
    ------
    QuantityError
        Naming what else can be used.
    """
    if any(b.charge > 0 for b in emissions.betas):
        raise QuantityError(
            f"{emissions.nuclide} emits positrons, whose photons start where they stop",
            field="method",
            value="hybrid",
            remedy="use montecarlo or convolution",
        )
