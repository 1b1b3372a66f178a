"""Dose by voxel for the command line: decays, matter and regions in; a map, histograms and their numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.dose.dvh import DoseVolume, dose_volume
from hemadose.errors import InputError, RegionError
from hemadose.imaging.regions.density import SCHNEIDER_2000, mass_density_g_per_ml
from hemadose.imaging.registration.resampling import sample_onto
from hemadose.model import Grid, Image, Region
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
from hemadose.units import KEV_J
from hemadose.workflow.kernels import KernelRequest, recall_transport_tables, stored_point_kernel
from hemadose.workflow.region_rows import read_density_curve
from hemadose.workflow.voxel_inputs import VoxelInputs, VoxelRequest, file_inputs, region_notes

_SEED = 20261121
_THIN_G_PER_ML = 0.6
_DECAYS = 10_000_000
_TARGET_SD = 0.03
METHODS = ("local", "convolution", "hybrid", "montecarlo")

Volume = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelStudy:
    """A dose map with everything it was made from.

    Attributes
    ----------
    inputs : VoxelInputs
        Decays, CT, regions and choices.
    dose : VoxelDose
        The map.
    fit_sd_gy : array or None
        Uncertainty of voxels from their curves; None where voxels have none of their own.
    matter : PatientMatter
        Densities and media.
    histograms : tuple of DoseVolume
        Of the regions.
    notes : tuple of str
        Doubts.
    """

    inputs: VoxelInputs
    dose: VoxelDose
    fit_sd_gy: Volume | None
    matter: PatientMatter
    histograms: tuple[DoseVolume, ...]
    notes: tuple[str, ...]

    @property
    def grid(self) -> Grid:
        """Of all arrays."""
        return self.inputs.grid

    @property
    def regions(self) -> tuple[Region, ...]:
        """On the grid."""
        return self.inputs.regions

    @property
    def tia_bq_s(self) -> Volume:
        """Decays of voxels."""
        return self.inputs.activity.tia_bq_s


def voxel_study(request: VoxelRequest) -> VoxelStudy:
    """Read, integrate, calculate, and collect by region.

    Raises
    ------
    HemadoseError
        For anything that cannot be read, does not fit together, or is no activity.
    """
    if request.method is not None and request.method not in METHODS:
        raise InputError("no such method", field="--method", value=request.method, expected=", ".join(METHODS))
    if request.case is not None:
        from hemadose.workflow.voxel_case import case_inputs

        inputs = case_inputs(request)
    else:
        inputs = file_inputs(request)
    matter = ct_matter(inputs.ct, inputs.grid, density_curve=inputs.request.density_curve)
    _require_tissue(inputs.regions, matter)
    _require_what_is_asked(inputs.regions, inputs.request)
    dose = calculated(
        inputs.activity.tia_bq_s, matter, inputs.emitted, inputs.request, {r.name: r.mask for r in inputs.regions}
    )
    fit_sd = _fit_sd_gy(inputs, matter)
    histograms = tuple(_histogram(r, dose, matter, inputs, fit_sd) for r in inputs.regions)
    notes = [*inputs.notes, *region_notes(inputs.regions), *inputs.activity.notes, *dose.notes]
    notes += [*skin_note(dose, matter), *(n for h in histograms for n in h.notes)]
    return VoxelStudy(
        inputs=inputs, dose=dose, fit_sd_gy=fit_sd, matter=matter, histograms=histograms,
        notes=tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _require_tissue(regions: tuple[Region, ...], matter: PatientMatter) -> None:
    """Refuse regions of nothing but air before the long part of the work."""
    for region in regions:
        if not (region.mask & matter.tissue).any():
            raise RegionError(
                f"region {region.name} holds no tissue", value=f"{np.count_nonzero(region.mask)} voxels, all air",
                remedy="check that it was drawn on this CT",
            )  # fmt: skip


def _require_what_is_asked(regions: tuple[Region, ...], request: VoxelRequest) -> None:
    """Refuse exponents of regions that are not there, and levels that are no dose."""
    names = [r.name for r in regions]
    for name in request.eud_exponent:
        if name not in names:
            raise InputError("no such region", field="--eud", value=name, expected=", ".join(names) or "regions")
    for level in request.dose_levels_gy:
        if not 0.0 <= level < np.inf:
            raise InputError("a dose level", field="--dose-level", value=f"{level:g}", expected=">= 0 Gy")


def skin_note(dose: VoxelDose, matter: PatientMatter) -> list[str]:
    """Say what the thin voxels of the surface seem to receive, where that is more than the median dose of the body.

    A voxel that is mostly air outside the body holds blurred activity and little mass: its dose is not that of skin.
    """
    from scipy.ndimage import binary_dilation, label

    parts, _ = label(~matter.tissue)
    border = np.concatenate([np.take(parts, (0, -1), axis=a).ravel() for a in range(3)])
    outside = np.isin(parts, np.unique(border[border > 0]))
    thin = binary_dilation(outside) & matter.tissue & (matter.density_g_per_ml < _THIN_G_PER_ML)
    inside = matter.tissue & ~thin & (dose.dose_gy > 0.0)
    if not thin.any() or not inside.any():
        return []
    high = float(np.percentile(dose.dose_gy[thin], 99.0))
    if high <= float(np.median(dose.dose_gy[inside])):
        return []
    return [
        f"thin voxels at the surface of the body (below {_THIN_G_PER_ML:g} g/ml, {np.count_nonzero(thin)} of them) "
        f"reach {high:.2g} Gy: blurred activity over little mass, not dose to the skin"
    ]


def _fit_sd_gy(inputs: VoxelInputs, matter: PatientMatter) -> Volume | None:
    """Uncertainty of a voxel's curve as dose of its own electrons; photons come from many voxels and average."""
    sd = inputs.activity.sd_bq_s
    if sd is None:
        return None
    kev = inputs.emitted.electron_energy_kev + inputs.emitted.alpha_energy_kev
    found = np.zeros(sd.shape, dtype=np.float32)
    np.divide(sd * np.float32(kev * KEV_J), matter.voxel_kg, out=found, where=matter.tissue)
    return found


def ct_matter(ct: Image, grid: Grid, *, density_curve: Path | None = None) -> PatientMatter:
    """Density on the grid of the activity: CT numbers become density first, and density is averaged."""
    curve = read_density_curve(density_curve) if density_curve else SCHNEIDER_2000
    density = np.empty(ct.values.shape, dtype=np.float32)
    for index, plane in enumerate(ct.values):  # a clinical CT in double precision would take half a gigabyte
        density[index] = mass_density_g_per_ml(plane, curve=curve)
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
    seed = _SEED if request.seed is None else request.seed
    if request.method == "local":
        return local_dose(tia_bq_s, matter, emitted)
    if request.method in ("montecarlo", "hybrid"):
        recall_transport_tables(matter.geometry.media)
    if request.method == "montecarlo":
        return monte_carlo_dose(tia_bq_s, matter, emitted, decays=request.decays or _DECAYS, seed=seed, masks=masks)
    asked = KernelRequest(nuclide=request.nuclide, chain=request.chain, particles=request.particles, seed=seed)
    point, _ = stored_point_kernel(asked)
    if request.method == "hybrid":
        options = HybridOptions(target_sd=request.target_sd or _TARGET_SD, seed=seed)
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


def _histogram(
    region: Region, dose: VoxelDose, matter: PatientMatter, inputs: VoxelInputs, fit_sd: Volume | None
) -> DoseVolume:
    return dose_volume(
        dose.dose_gy, region.mask, region=region.name, voxel_ml=inputs.grid.voxel_volume_ml, tissue=matter.tissue,
        sd_gy=dose.sd_gy, mean_sd_gy=dose.region_sd_gy.get(region.name), common_sd=inputs.common_sd[region.name],
        fit_sd_gy=fit_sd, patch_voxels=inputs.activity.patch_voxels.get(region.name, 1.0),
    )  # fmt: skip


def histogram_row(histogram: DoseVolume, request: VoxelRequest) -> dict[str, Any]:
    """Give what is read from a histogram, Gy and per cent."""
    row: dict[str, Any] = {
        "region": histogram.region,
        "volume_ml": histogram.volume_ml,
        "mean_Gy": histogram.mean_gy,
        "mean_sd_Gy": histogram.mean_sd_gy,
        **{f"D{p}_Gy": histogram.dose_at_percent(p) for p in (98, 95, 50, 2)},
        **{f"D{p}_sd_Gy": float(histogram.sd_of_dose(histogram.dose_at_percent(p))[0]) for p in (95, 50, 2)},
        "homogeneity_index": histogram.homogeneity_index(),
        "voxel_sd_Gy": histogram.voxel_sd_gy,
        "common_relative_sd": histogram.common_sd,
        "patch_voxels": histogram.patch_voxels,
    }
    for level in request.dose_levels_gy:
        row[f"V{level:g}Gy_percent"] = histogram.percent_at_dose(level)
    exponent = request.eud_exponent.get(histogram.region)
    if exponent is not None:
        row["gEUD_Gy"] = histogram.generalised_eud_gy(exponent)
        row["gEUD_a"] = exponent
    return row
