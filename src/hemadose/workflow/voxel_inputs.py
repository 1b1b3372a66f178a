"""What a dose map is made from, read from files that the command line names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError
from hemadose.imaging.registration.resampling import require_one_frame, resample_region
from hemadose.model import Grid, Image, Quantity, Region
from hemadose.model.emissions import Emissions
from hemadose.refdata.emissions import emissions
from hemadose.workflow.image_files import in_frame, is_nifti, load_image, load_regions
from hemadose.workflow.voxel_activity import ActivityOptions, VoxelActivity, integrated_activity

_VOLUME_CHANGE = 0.10
_FEW_VOXELS = 8
_NESTED = "marrow_sphere"
"""Spheres lie inside the vertebrae on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelRequest:
    """What `hemadose voxel` was asked; every field is the option of its name.

    Either `case`, or `images`, `ct` and `nuclide`. Choices that are None come from the case, or are the default.
    """

    images: tuple[Path, ...] = ()
    ct: Path | None = None
    nuclide: str = ""
    case: Path | None = None
    regions: Path | None = None
    method: str | None = None
    activity: ActivityOptions = field(default_factory=ActivityOptions)
    same_frame: bool = False
    density_curve: Path | None = None
    chain: bool = False
    activity_sd: float = 0.0
    target_sd: float | None = None
    decays: int | None = None
    particles: int = 1_000_000
    seed: int | None = None
    eud_exponent: Mapping[str, float] = field(default_factory=dict)
    dose_levels_gy: tuple[float, ...] = ()
    out: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelInputs:
    """Decays, matter and regions on one grid.

    Attributes
    ----------
    request : VoxelRequest
        With all choices filled in.
    ct : Image
        In HU, on its own grid.
    grid : Grid
        Of the activity.
    emitted : Emissions
        Of a decay.
    activity : VoxelActivity
        Decays of voxels with their uncertainty.
    regions : tuple of Region
        On the grid.
    common_sd : Mapping[str, float]
        Relative uncertainty that the voxels of a region share.
    reference : Path or None
        A DICOM object of the patient.
    administered_bq : float or None
        What the decays belong to.
    notes : tuple of str
        Doubts.
    """

    request: VoxelRequest
    ct: Image
    grid: Grid
    emitted: Emissions
    activity: VoxelActivity
    regions: tuple[Region, ...]
    common_sd: Mapping[str, float]
    reference: Path | None
    administered_bq: float | None = None
    notes: tuple[str, ...] = ()


def file_inputs(request: VoxelRequest) -> VoxelInputs:
    """Read images in Bq/ml, CT and regions, and integrate.

    Raises
    ------
    HemadoseError
        For anything that cannot be read, does not fit together, or is no activity.
    """
    if not 0.0 <= request.activity_sd < 1.0:
        raise InputError("a relative uncertainty", field="--activity-sd", value=f"{request.activity_sd:g}",
                         expected="0-1")  # fmt: skip
    ct, images, reference = _images(request)
    grid = images[0].grid
    for image in images[1:]:
        image.grid.require_match(grid, what="activity images of the series")
    require_one_frame(ct.grid, grid, what="CT and activity")
    notes: list[str] = []
    regions = _regions(request, ct, grid, notes)
    emitted = emissions(request.nuclide, chain=request.chain)
    activity = integrated_activity(images, regions, options=request.activity, half_life_s=emitted.half_life_s)
    common = {r.name: float(np.hypot(request.activity_sd, activity.region_sd.get(r.name, 0.0))) for r in regions}
    return VoxelInputs(
        request=replace(request, method=request.method or "hybrid"), ct=ct, grid=grid, emitted=emitted,
        activity=activity, regions=regions, common_sd=common, reference=reference, notes=tuple(notes),
    )  # fmt: skip


def _images(request: VoxelRequest) -> tuple[Image, tuple[Image, ...], Path | None]:
    if not request.images:
        raise InputError("an activity image is needed", field="IMAGE", remedy="name images, or --case")
    if request.ct is None or not request.nuclide:
        raise InputError("activity images need CT and nuclide", field="--ct, --nuclide", remedy="or name --case")
    loaded = load_image(request.ct, quantity="HU")
    ct, reference = loaded.image, next(iter(loaded.files), None)
    if ct.quantity is not Quantity.HOUNSFIELD:
        raise InputError("the CT must be in HU", source=str(request.ct), field="--ct", value=str(ct.quantity))
    found = []
    for path in request.images:
        loaded = load_image(path, quantity="Bq/ml")
        image, reference = loaded.image, reference or next(iter(loaded.files), None)
        if image.quantity is not Quantity.ACTIVITY_CONCENTRATION:
            raise InputError(
                "dose needs activity concentration", source=str(path), field="quantity", value=str(image.quantity),
                expected="Bq/ml", remedy="calibrate it first (hemadose calibrate, hemadose reconstruct)",
            )  # fmt: skip
        moved = request.same_frame and is_nifti(path)
        found.append(in_frame(image, ct.grid.frame_of_reference_uid) if moved else image)
    if request.same_frame and is_nifti(request.ct):
        ct = in_frame(ct, found[0].grid.frame_of_reference_uid)
    return ct, tuple(found), reference


def _regions(request: VoxelRequest, ct: Image, grid: Grid, notes: list[str]) -> tuple[Region, ...]:
    """Regions on the grid of the activity; drawn on it or on the CT."""
    if request.regions is None:
        return ()
    try:
        found = load_regions(request.regions, reference=grid)
    except InputError:
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


def region_notes(regions: tuple[Region, ...]) -> list[str]:
    """Say which regions share voxels, and which are very small.

    Histograms of regions that overlap are each right for themselves, but their energies do not add up.
    """
    notes = []
    for i, first in enumerate(regions):
        if np.count_nonzero(first.mask) < _FEW_VOXELS:
            notes.append(f"{first.name}: {np.count_nonzero(first.mask)} voxels only; D95 and D2 of it mean little")
        for second in regions[i + 1 :]:
            nested = first.name.startswith(_NESTED) != second.name.startswith(_NESTED)
            if nested or "whole_body" in (first.name, second.name):
                continue
            shared = int(np.count_nonzero(first.mask & second.mask))
            least = min(np.count_nonzero(first.mask), np.count_nonzero(second.mask))
            if shared:
                notes.append(
                    f"{first.name} and {second.name} share {shared} voxels ({100.0 * shared / least:.0f} % of the "
                    "smaller one): these count in both"
                )
    return notes


def share_in(values: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]) -> float:
    """Sum over a region, in double precision."""
    return float(values[mask].sum(dtype=np.float64))
