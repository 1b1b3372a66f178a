"""A virtual PET: uptake per organ, blurred, noisy as a reconstruction is, and decaying, with its truth.

The activity is conserved: what organs, marrow, urine and lesions do not hold is in the remaining tissue.
Attenuation, scatter, randoms and the reconstruction itself are taken as perfectly corrected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from hemadose.model import Anatomy, Grid, Nuclide, Region, Sex
from hemadose.model.moment import elapsed_s
from hemadose.model.pet import BodySize, DecayReference, PetScan
from hemadose.simulate.pet_scanner import PetScanner, noisy, slice_times
from hemadose.simulate.pet_uptake import UptakePattern, VirtualLesion, uptake_map
from hemadose.simulate.projection import anatomy_axes
from hemadose.simulate.resample import Axis, transfer_matrix
from hemadose.simulate.tomography import carry, grid_axes

Volume = npt.NDArray[np.float32]
Point = tuple[float, float, float]

_FINE_MM = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PetTruth:
    """What no analysis sees.

    Attributes
    ----------
    suv : Mapping of str to float
        SUVbw of every tissue (before blurring).
    lesions : tuple of VirtualLesion
        As put in.
    remainder_suv : float
        What conservation leaves for the remaining tissue.
    weight_kg : float
        Mass of the anatomy.
    """

    suv: Mapping[str, float]
    lesions: tuple[VirtualLesion, ...]
    remainder_suv: float
    weight_kg: float

    @property
    def tumour_volume_ml(self) -> float:
        """Sum of the lesions' volumes."""
        return sum(lesion.volume_ml for lesion in self.lesions)

    @property
    def total_lesion_uptake(self) -> float:
        """Sum of volume times SUV."""
        return sum(lesion.volume_ml * lesion.suv for lesion in self.lesions)


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualPet:
    """A scan, the organs as a CT would show them on its grid, and the truth."""

    scan: PetScan
    regions: tuple[Region, ...]
    truth: PetTruth


def virtual_pet(
    anatomy: Anatomy,
    *,
    scanner: PetScanner,
    pattern: UptakePattern,
    nuclide: Nuclide,
    injected_activity_bq: float,
    injected_at: datetime,
    started_at: datetime,
    lesions: Sequence[VirtualLesion] = (),
    height_cm: float | None = None,
    sex: Sex | None = None,
    decay: DecayReference = DecayReference.START,
    between_mm: tuple[float, float] | None = None,
    seed: int | None = None,
) -> VirtualPet:
    """Scan an anatomy.

    Parameters
    ----------
    anatomy : Anatomy
        Axial.
    scanner : PetScanner
        Grid, resolution, noise.
    pattern : UptakePattern
        SUV of organs, marrow and urine.
    nuclide : Nuclide
        Of the tracer.
    injected_activity_bq : float
        Net.
    injected_at, started_at : datetime
        With zone.
    lesions : sequence of VirtualLesion
        Replace the tissue they lie in.
    height_cm, sex : float and Sex, optional
        Written into the scan.
    decay : DecayReference
        What the values are corrected to.
    between_mm : tuple of float, optional
        Lowest and highest z to scan; the whole anatomy by default.
    seed : int, optional
        Of the noise; None leaves it out.

    Returns
    -------
    VirtualPet

    Raises
    ------
    QuantityError
        If the pattern holds more activity than was injected.
    GeometryError
        If the anatomy is not axial.
    """
    suv, truth = uptake_map(anatomy, pattern=pattern, lesions=lesions)
    grid = pet_grid(anatomy, scanner, between_mm)
    source, target = anatomy_axes(anatomy.labels.grid), grid_axes(grid)
    scale = anatomy.labels.grid.voxel_volume_ml / grid.voxel_volume_ml
    mean = carry(suv, source, target, fwhm_mm=scanner.blur_before_filter_mm) * np.float32(scale)
    for lesion in lesions:
        _add_lesion(mean, lesion, anatomy, suv, target, scanner)
    clocks = slice_times(grid, scanner, started_at, nuclide)
    left = np.array([nuclide.decay_factor(elapsed_s(started_at, at)) for at in clocks])
    shown = noisy(mean, scanner, grid, left, seed)
    times = (injected_at, started_at, clocks)
    values = shown * _bq_per_suv(truth["weight_kg"], injected_activity_bq, nuclide, times, decay)
    scan = PetScan(
        values=values.astype(np.float32),
        grid=grid,
        measure=None,
        decay=decay,
        started_at=started_at,
        slice_at=clocks,
        frame_duration_s=scanner.frame_s,
        half_life_s=nuclide.half_life_s,
        injected_activity_bq=injected_activity_bq,
        injected_at=injected_at,
        body=BodySize(weight_kg=truth["weight_kg"], height_cm=height_cm, sex=sex),
        tracer=pattern.tracer,
        nuclide=nuclide.name,
        corrections=frozenset({"ATTN", "SCAT", "RAN", "DTIM", "NORM"})
        | (frozenset() if decay is DecayReference.NONE else frozenset({"DECY"})),
    )
    return VirtualPet(
        scan=scan,
        regions=organ_regions(anatomy, grid),
        truth=PetTruth(
            suv=pattern.tissue_suv(anatomy, truth["remainder_suv"]),
            lesions=tuple(lesions),
            remainder_suv=truth["remainder_suv"],
            weight_kg=truth["weight_kg"],
        ),
    )


def pet_grid(anatomy: Anatomy, scanner: PetScanner, between_mm: tuple[float, float] | None) -> Grid:
    """Give the voxels of the reconstruction: the anatomy's extent, or the part between two heights."""
    z, y, x = anatomy_axes(anatomy.labels.grid)
    low, high = (float(z.edges_mm[0]), float(z.edges_mm[-1])) if between_mm is None else between_mm
    counts, starts = [], []
    for ends, pitch in (
        ((low, high), scanner.slice_mm),
        ((float(y.edges_mm[0]), float(y.edges_mm[-1])), scanner.voxel_mm),
        ((float(x.edges_mm[0]), float(x.edges_mm[-1])), scanner.voxel_mm),
    ):
        count = max(2, math.ceil((ends[1] - ends[0]) / pitch - 1e-9))
        counts.append(count)
        starts.append(0.5 * (ends[0] + ends[1]) - 0.5 * (count - 1) * pitch)
    return Grid.axial(
        shape=(counts[0], counts[1], counts[2]),
        spacing_mm=(scanner.slice_mm, scanner.voxel_mm, scanner.voxel_mm),
        origin_mm=(starts[2], starts[1], starts[0]),
        frame_of_reference_uid=anatomy.labels.grid.frame_of_reference_uid,
    )


def _add_lesion(
    mean: Volume,
    lesion: VirtualLesion,
    anatomy: Anatomy,
    suv: Volume,
    target: tuple[Axis, Axis, Axis],
    scanner: PetScanner,
) -> None:
    """Replace the tissue inside a lesion, worked out on voxels of 1 mm."""
    x0, y0, z0 = lesion.centre_mm
    reach = math.ceil(lesion.radius_mm / _FINE_MM) + 1
    fine = tuple(Axis(first_mm=c - reach * _FINE_MM, pitch_mm=_FINE_MM, count=2 * reach + 1) for c in (z0, y0, x0))
    z, y, x = np.meshgrid(*(axis.centres_mm for axis in fine), indexing="ij")
    share = lesion.share(x=x, y=y, z=z, pitch_mm=_FINE_MM)
    index = np.rint(anatomy.labels.grid.mm_to_index(np.stack([x, y, z], axis=-1))).astype(int)
    inside = ((index >= 0) & (index < np.array(suv.shape))).all(axis=-1)
    tissue = np.zeros(share.shape)
    tissue[inside] = suv[tuple(index[inside].T)]
    patch = share * (lesion.suv - tissue)
    for axis in range(3):
        matrix = transfer_matrix(fine[axis], target[axis], fwhm_mm=scanner.blur_before_filter_mm)
        patch = np.moveaxis(np.tensordot(matrix, patch, axes=(1, axis)), 0, axis)
    mean += (patch * _FINE_MM**3 / (scanner.slice_mm * scanner.voxel_mm**2)).astype(np.float32)


def _bq_per_suv(
    weight_kg: float,
    injected_bq: float,
    nuclide: Nuclide,
    times: tuple[datetime, datetime, tuple[datetime, ...]],
    decay: DecayReference,
) -> npt.NDArray[np.float64]:
    """Bq/ml per SUV in every slice, shape (slices, 1, 1); times are injection, start and slices."""
    injected_at, started_at, clocks = times
    if decay is DecayReference.ADMINISTRATION:
        elapsed = np.zeros(len(clocks))
    elif decay is DecayReference.START:
        elapsed = np.full(len(clocks), elapsed_s(injected_at, started_at))
    else:
        elapsed = np.array([elapsed_s(injected_at, at) for at in clocks])
    return np.asarray(injected_bq * 2.0 ** (-elapsed / nuclide.half_life_s) / (1e3 * weight_kg))[:, None, None]


def organ_regions(anatomy: Anatomy, grid: Grid) -> tuple[Region, ...]:
    """Organs as a labelled CT would give them on the PET grid: voxels more than half inside."""
    names = {
        "liver": ("liver",),
        "spleen": ("spleen",),
        "kidney_left": ("kidney_left",),
        "kidney_right": ("kidney_right",),
        "bladder": ("bladder_contents", "bladder_wall"),
        "brain": ("brain",),
        "heart": ("heart_wall", "heart_contents"),
        "blood_pool": ("heart_contents",),
        "l5": ("lumbar_l5",),
    }
    present = {t.name for t in anatomy.tissues}
    source, target = anatomy_axes(anatomy.labels.grid), grid_axes(grid)
    scale = anatomy.labels.grid.voxel_volume_ml / grid.voxel_volume_ml
    found = []
    for name, parts in names.items():
        if not set(parts) <= present:
            continue
        mask = carry(anatomy.region(*parts).mask, source, target) * scale > 0.5
        if mask.any():
            found.append(Region(name=name, mask=mask, grid=grid))
    return tuple(found)
