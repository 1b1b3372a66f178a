"""Dose by voxel for the command line: activity images, CT and regions in; maps, histograms and their numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.dose.dvh import DoseVolume, dose_volume
from hemadose.errors import InputError
from hemadose.imaging.regions.density import SCHNEIDER_2000, mass_density_g_per_ml
from hemadose.imaging.registration.resampling import require_one_frame, resample_region, sample_onto
from hemadose.model import Grid, Image, Quantity, Region
from hemadose.model.emissions import Emissions
from hemadose.physics.voxel_dose.deterministic import convolved_dose, local_dose
from hemadose.physics.voxel_dose.hybrid import HybridKernels, HybridOptions, hybrid_dose
from hemadose.physics.voxel_dose.kernels import (
    electron_kernel,
    electron_range_cm,
    photon_kernel,
    split_point_kernel,
)
from hemadose.physics.voxel_dose.matter import PatientMatter, patient_matter
from hemadose.physics.voxel_dose.result import VoxelDose
from hemadose.physics.voxel_dose.sampled import monte_carlo_dose
from hemadose.refdata.emissions import emissions
from hemadose.workflow.image_files import in_frame, is_nifti, load_image, load_regions
from hemadose.workflow.kernels import KernelRequest, stored_point_kernel
from hemadose.workflow.region_rows import read_density_curve
from hemadose.workflow.voxel_activity import ActivityOptions, integrated_activity

METHODS = ("local", "convolution", "hybrid", "montecarlo")
_VOLUME_CHANGE = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelRequest:
    """What `hemadose voxel` was asked; every field is the option of its name."""

    images: tuple[Path, ...]
    ct: Path
    nuclide: str
    regions: Path | None = None
    method: str = "hybrid"
    activity: ActivityOptions = field(default_factory=ActivityOptions)
    same_frame: bool = False
    density_curve: Path | None = None
    chain: bool = False
    activity_sd: float = 0.0
    target_sd: float = 0.03
    decays: int = 10_000_000
    particles: int = 1_000_000
    seed: int = 20261121
    eud_exponent: Mapping[str, float] = field(default_factory=dict)
    dose_levels_gy: tuple[float, ...] = ()
    out: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelStudy:
    """A dose map with everything it was made from.

    Attributes
    ----------
    dose : VoxelDose
        The map.
    grid : Grid
        Of all arrays.
    matter : PatientMatter
        Densities and media.
    tia_bq_s : array
        Decays of voxels.
    regions : tuple of Region
        On the grid.
    histograms : tuple of DoseVolume
        Of the regions.
    notes : tuple of str
        Doubts.
    """

    dose: VoxelDose
    grid: Grid
    matter: PatientMatter
    tia_bq_s: npt.NDArray[np.float32]
    regions: tuple[Region, ...]
    histograms: tuple[DoseVolume, ...]
    notes: tuple[str, ...]


def voxel_study(request: VoxelRequest) -> VoxelStudy:
    """Read, integrate, calculate, and collect by region.

    Raises
    ------
    HemadoseError
        For anything that cannot be read, does not fit together, or is no activity.
    """
    if request.method not in METHODS:
        raise InputError("no such method", field="--method", value=request.method, expected=", ".join(METHODS))
    if not 0.0 <= request.activity_sd < 1.0:
        raise InputError("a relative uncertainty", field="--activity-sd", value=f"{request.activity_sd:g}",
                         expected="0-1")  # fmt: skip
    ct, images = _images(request)
    grid = images[0].grid
    for image in images[1:]:
        image.grid.require_match(grid, what="activity images of the series")
    require_one_frame(ct.grid, grid, what="CT and activity")
    notes: list[str] = []
    regions = _regions(request, grid, notes)
    matter = ct_matter(ct, grid, density_curve=request.density_curve)
    emitted = emissions(request.nuclide, chain=request.chain)
    tia, words = integrated_activity(images, regions, options=request.activity, half_life_s=emitted.half_life_s)
    notes += words
    dose = calculated(tia, matter, emitted, request, {r.name: r.mask for r in regions})
    histograms = tuple(_histogram(r, dose, matter, grid, request.activity_sd) for r in regions)
    notes += [*dose.notes, *(n for h in histograms for n in h.notes)]
    return VoxelStudy(dose=dose, grid=grid, matter=matter, tia_bq_s=tia, regions=regions, histograms=histograms,
                      notes=tuple(notes))  # fmt: skip


def _images(request: VoxelRequest) -> tuple[Image, tuple[Image, ...]]:
    if not request.images:
        raise InputError("an activity image is needed", field="IMAGE")
    ct = load_image(request.ct, quantity="HU").image
    if ct.quantity is not Quantity.HOUNSFIELD:
        raise InputError("the CT must be in HU", source=str(request.ct), field="--ct", value=str(ct.quantity))
    found = []
    for path in request.images:
        image = load_image(path, quantity="Bq/ml").image
        if image.quantity is not Quantity.ACTIVITY_CONCENTRATION:
            raise InputError(
                "dose needs activity concentration", source=str(path), field="quantity", value=str(image.quantity),
                expected="Bq/ml", remedy="calibrate it first (hemadose calibrate, hemadose reconstruct)",
            )  # fmt: skip
        moved = request.same_frame and is_nifti(path)
        found.append(in_frame(image, ct.grid.frame_of_reference_uid) if moved else image)
    if request.same_frame and is_nifti(request.ct):
        ct = in_frame(ct, found[0].grid.frame_of_reference_uid)
    return ct, tuple(found)


def _regions(request: VoxelRequest, grid: Grid, notes: list[str]) -> tuple[Region, ...]:
    """Regions on the grid of the activity; drawn on it or on the CT."""
    if request.regions is None:
        return ()
    try:
        found = load_regions(request.regions, reference=grid)
    except InputError:
        ct = load_image(request.ct, quantity="HU").image
        found = load_regions(request.regions, reference=in_frame(ct, grid.frame_of_reference_uid).grid)
    kept = []
    for region in found:
        there = resample_region(region, grid)
        if abs(there.volume_ml / region.volume_ml - 1.0) > _VOLUME_CHANGE:
            notes.append(
                f"{region.name}: {region.volume_ml:.1f} ml as drawn, {there.volume_ml:.1f} ml on the dose grid "
                "(cut by its border, or small beside a voxel)"
            )
        kept.append(there)
    return tuple(kept)


def ct_matter(ct: Image, grid: Grid, *, density_curve: Path | None = None) -> PatientMatter:
    """Density on the grid of the activity: CT numbers become density first, and density is averaged."""
    curve = read_density_curve(density_curve) if density_curve else SCHNEIDER_2000
    density = mass_density_g_per_ml(ct.values, curve=curve).astype(np.float32)
    here = density if ct.grid.matches(grid) else sample_onto(density, ct.grid, grid, order=1, outside=0.0)
    return patient_matter(np.maximum(here, 0.0), voxel_mm=grid.spacing_mm)


def calculated(
    tia_bq_s: npt.NDArray[np.float32],
    matter: PatientMatter,
    emitted: Emissions,
    request: VoxelRequest,
    masks: Mapping[str, npt.NDArray[np.bool_]],
) -> VoxelDose:
    """Run the method that was asked for."""
    if request.method == "local":
        return local_dose(tia_bq_s, matter, emitted)
    if request.method == "montecarlo":
        return monte_carlo_dose(tia_bq_s, matter, emitted, decays=request.decays, seed=request.seed, masks=masks)
    asked = KernelRequest(nuclide=request.nuclide, chain=request.chain, particles=request.particles, seed=request.seed)
    point, _ = stored_point_kernel(asked)
    if request.method == "hybrid":
        options = HybridOptions(target_sd=request.target_sd, seed=request.seed)
        kernels = HybridKernels(point, emitted, voxel_mm=matter.voxel_mm)
        return hybrid_dose(tia_bq_s, matter, emitted, kernels, options=options, masks=masks)
    density = matter.density_g_per_ml
    soft = (density > 0.75) & (density < 1.35)
    point = point.at_density(float(density[soft].mean()) if soft.any() else 1.0)
    reach = electron_range_cm(emitted, density_g_per_ml=point.density_g_per_ml)
    electrons, photons = split_point_kernel(point, range_cm=reach)
    return convolved_dose(
        tia_bq_s, matter, emissions=emitted,
        electrons=electron_kernel(electrons, voxel_mm=matter.voxel_mm),
        photons=photon_kernel(photons, voxel_mm=matter.voxel_mm, shape=_extent(tia_bq_s, matter)),
    )  # fmt: skip


def _extent(tia_bq_s: npt.NDArray[np.float32], matter: PatientMatter) -> tuple[int, int, int]:
    from hemadose.physics.voxel_dose.convolution import bounding_box

    box = bounding_box(tia_bq_s > 0.0, matter.tissue)
    return box[0].stop - box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start


def _histogram(region: Region, dose: VoxelDose, matter: PatientMatter, grid: Grid, common: float) -> DoseVolume:
    return dose_volume(
        dose.dose_gy, region.mask, region=region.name, voxel_ml=grid.voxel_volume_ml, tissue=matter.tissue,
        sd_gy=dose.sd_gy, mean_sd_gy=dose.region_sd_gy.get(region.name), common_sd=common,
    )  # fmt: skip


def histogram_row(histogram: DoseVolume, request: VoxelRequest) -> dict[str, Any]:
    """Give what is read from a histogram, Gy and per cent."""
    row: dict[str, Any] = {
        "region": histogram.region,
        "volume_ml": histogram.volume_ml,
        "mean_Gy": histogram.mean_gy,
        "mean_sd_Gy": histogram.mean_sd_gy,
        **{f"D{p}_Gy": histogram.dose_at_percent(p) for p in (98, 95, 50, 2)},
        "homogeneity_index": histogram.homogeneity_index(),
        "voxel_sd_Gy": histogram.voxel_sd_gy,
    }
    for level in request.dose_levels_gy:
        row[f"V{level:g}Gy_percent"] = histogram.percent_at_dose(level)
    exponent = request.eud_exponent.get(histogram.region)
    if exponent is not None:
        row["gEUD_Gy"] = histogram.generalised_eud_gy(exponent)
        row["gEUD_a"] = exponent
    return row
