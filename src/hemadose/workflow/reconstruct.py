"""From projections to an image: files, windows, attenuation, OSEM, beds, unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hemadose.errors import DicomError
from hemadose.imaging.reconstruction.beds import join_beds
from hemadose.imaging.reconstruction.truncation import truncated_slices
from hemadose.io.dicom import read_ct_series
from hemadose.io.dicom.tomo import read_tomo_study
from hemadose.io.dicom.tomo_header import TomoStatements
from hemadose.model import EnergyWindow, Image, Nuclide, Quantity, TomographicScan
from hemadose.model.moment import elapsed_s
from hemadose.model.projections import ProjectionSet
from hemadose.provenance import Provenance
from hemadose.refdata.nuclides import canonical_name
from hemadose.workflow.reconstruct_plan import (
    Progress,
    ReconstructionPlan,
    ReconstructionRequest,
    plan_reconstruction,
    reconstruction_settings,
)

_LEAST_CT_COVER = 0.5
_MBQ_TO_BQ = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructedStudy:
    """A reconstruction with all that led to it.

    Attributes
    ----------
    scan : TomographicScan
        Counts, or Bq/ml where calibrated, decay-corrected to the start of the acquisition.
    ct : Image or None
        CT used for attenuation.
    window : EnergyWindow
        Photopeak window.
    energy_kev : float
        Gamma line.
    beds : tuple of ProjectionSet
        The projections.
    settings : dict
        Every choice, by name with its unit.
    notes : tuple of str
        Doubts.
    provenance : Provenance
        Inputs by digest, parameters.
    """

    scan: TomographicScan
    ct: Image | None
    window: EnergyWindow
    energy_kev: float
    beds: tuple[ProjectionSet, ...]
    settings: dict[str, Any]
    notes: tuple[str, ...]
    provenance: Provenance


def read_projections(
    files: Sequence[Path], *, zone: ZoneInfo | None = None, stated: TomoStatements | None = None
) -> tuple[ProjectionSet, ...]:
    """Read the beds of one study, their nuclide under the name of the nuclide tables.

    Parameters
    ----------
    files : sequence of Path
        NM TOMO objects.
    zone : ZoneInfo, optional
        Of the clinic.
    stated : TomoStatements, optional
        What the user says where the files are silent.

    Returns
    -------
    tuple of ProjectionSet
        From feet to head.

    Raises
    ------
    DicomError
        If a file cannot be used, or names another nuclide than the user.
    """
    beds = read_tomo_study(files, zone=zone, stated=stated)
    name = canonical_name(beds[0].nuclide)
    if stated is not None and stated.nuclide and canonical_name(stated.nuclide) != name:
        raise DicomError(
            "the file states another radionuclide",
            source=str(files[0]),
            field="RadionuclideCodeSequence",
            value=name,
            expected=canonical_name(stated.nuclide),
        )
    return tuple(replace(bed, nuclide=name) for bed in beds)


def reconstruct_study(request: ReconstructionRequest, *, progress: Progress | None = None) -> ReconstructedStudy:
    """Reconstruct one SPECT study.

    Each bed is reconstructed on its own, brought to the start of the first one by the physical half-life, and
    joined (`hemadose.imaging.reconstruction.beds`).

    Parameters
    ----------
    request : ReconstructionRequest
        Files and choices.
    progress : callable, optional
        Told how far it is.

    Returns
    -------
    ReconstructedStudy

    Raises
    ------
    HemadoseError
        For every file that cannot be used; if windows for the scatter correction are missing, no window lies on
        a line of the nuclide, the CT belongs to another frame of reference or the collimator is unknown.
    """
    stated = replace(request.stated, allow_unplaced=request.ct is None)
    beds = read_projections(request.files, zone=request.zone, stated=stated)
    ct = matching_ct(request, beds)
    plan, notes = plan_reconstruction(request, beds)
    rates: list[Image] = []
    for number, bed in enumerate(beds):
        image, more = _bed(request, plan, bed, ct, _part(progress, number, len(beds)))
        rates.append(image)
        notes += more
    first = min(beds, key=lambda bed: bed.started_at)
    rate, joined = join_beds([_at_start(i, b, first, plan.nuclide) for i, b in zip(rates, beds, strict=True)])
    image, unit_notes = _in_unit(rate, request, first.duration_s)
    notes += [*joined, *unit_notes, *(note for bed in beds for note in bed.notes)]
    settings = reconstruction_settings(request, plan, beds)
    return ReconstructedStudy(
        scan=TomographicScan(
            image=image,
            started_at=first.started_at,
            duration_s=first.duration_s,
            decay_reference_at=first.started_at,
            corrections=_corrections(request, first),
        ),
        ct=ct,
        window=plan.window,
        energy_kev=plan.energy_kev,
        beds=beds,
        settings=settings,
        notes=tuple(dict.fromkeys(notes)),
        provenance=_provenance(request, settings),
    )


def _part(progress: Progress | None, number: int, beds: int) -> Callable[..., None] | None:
    if progress is None:
        return None

    def told(done: int, total: int, *_: object) -> None:
        progress(number * total + done, beds * total)

    return told


def matching_ct(request: ReconstructionRequest, beds: Sequence[ProjectionSet]) -> Image | None:
    """Read the CT of a request, or refuse one of another frame of reference."""
    if request.ct is None:
        return None
    ct = read_ct_series(request.ct)
    if ct.grid.frame_of_reference_uid != beds[0].frame_of_reference_uid:
        raise DicomError(
            "CT and SPECT belong to different frames of reference",
            source=str(request.ct),
            field="FrameOfReferenceUID",
            remedy="use the CT acquired with the SPECT, or register first",
        )
    return ct


@dataclass(frozen=True, slots=True, kw_only=True)
class BedModel:
    """What corrects one bed.

    Attributes
    ----------
    mu_per_cm : ndarray or None
        Attenuation on the grid of the bed.
    support : ndarray of bool or None
        Voxels that may hold activity.
    scatter : ScatterEstimate or None
        Expected scatter.
    notes : tuple of str
        Doubts.
    """

    mu_per_cm: npt.NDArray[np.float32] | None
    support: npt.NDArray[np.bool_] | None
    scatter: Any
    notes: tuple[str, ...]


def bed_model(
    request: ReconstructionRequest, plan: ReconstructionPlan, bed: ProjectionSet, ct: Image | None
) -> BedModel:
    """Prepare attenuation, support and scatter of a bed."""
    from hemadose.imaging.camera.support import body_support
    from hemadose.imaging.reconstruction.scatter_windows import scatter_estimate

    grid = bed.grid()
    mu, support, scatter = None, None, None
    notes: tuple[str, ...] = ()
    if ct is not None and plan.kvp is not None:
        from hemadose.imaging.camera.attenuation import attenuation_map

        attenuation = attenuation_map(ct, grid, energy_kev=plan.energy_kev, kvp=plan.kvp)
        mu, notes = attenuation.image_per_cm, (*_cover_notes(ct, bed), *attenuation.notes)
        support = body_support(mu, grid)
    if request.scatter != "none":
        assert plan.lower is not None
        scatter = scatter_estimate(
            bed,
            peak=plan.window.name,
            lower=plan.lower.name,
            upper=plan.upper.name if plan.upper is not None and request.scatter == "tew" else None,
            method=request.scatter,
            smooth_fwhm_mm=request.scatter_filter_mm,
        )
    return BedModel(mu_per_cm=mu, support=support, scatter=scatter, notes=notes)


def _bed(
    request: ReconstructionRequest,
    plan: ReconstructionPlan,
    bed: ProjectionSet,
    ct: Image | None,
    progress: Callable[..., None] | None,
) -> tuple[Image, list[str]]:
    """Counts/s of one detector a voxel, at the start of the bed."""
    from hemadose.imaging.reconstruction.reconstruct import OsemOptions, reconstruct_set

    model = bed_model(request, plan, bed, ct)
    done = reconstruct_set(
        bed,
        window=plan.window.name,
        half_life_s=plan.nuclide.half_life_s,
        mu_per_cm=model.mu_per_cm,
        response=plan.response,
        scatter=model.scatter,
        options=OsemOptions(
            iterations=request.iterations, subsets=request.subsets, filter_fwhm_mm=request.post_filter_mm
        ),
        support=model.support,
        progress=progress,
    )
    return Image(values=done.values, grid=bed.grid(), quantity=Quantity.COUNTS), [*model.notes, *done.notes]


def _cover_notes(ct: Image, bed: ProjectionSet) -> list[str]:
    """Say which slices the CT lacks or cuts; refuse where it lacks most."""
    corners = np.array([[i, j, k] for i in (0, ct.grid.shape[0] - 1) for j in (0, ct.grid.shape[1] - 1)
                        for k in (0, ct.grid.shape[2] - 1)])  # fmt: skip
    z = ct.grid.index_to_mm(corners)[:, 2]
    half = max(ct.grid.spacing_mm) / 2.0
    at = bed.first_slice_mm + bed.slice_mm * np.arange(bed.counts.shape[2])
    seen = (at >= z.min() - half) & (at <= z.max() + half)
    cut = truncated_slices(ct)
    notes = (
        [f"the body reaches beyond the field of the CT in {cut} slices: attenuation is too low there"] if cut else []
    )
    if seen.all():
        return notes
    if seen.mean() < _LEAST_CT_COVER:
        raise DicomError(
            "the CT does not cover the SPECT",
            field="ImagePositionPatient",
            value=f"CT {z.min():.0f} to {z.max():.0f} mm, SPECT {at[0]:.0f} to {at[-1]:.0f} mm",
            expected="CT over at least half of the SPECT slices",
            remedy="use the CT acquired with this SPECT",
        )
    missing = f"{int((~seen).sum())} of {seen.size} SPECT slices lie outside the CT: no attenuation is known there"
    return [*notes, missing]


def _at_start(image: Image, bed: ProjectionSet, first: ProjectionSet, emitter: Nuclide) -> Image:
    """Bring a bed back to the start of the first one acquired."""
    later_s = elapsed_s(first.started_at, bed.started_at)
    if later_s == 0.0:
        return image
    factor = np.float32(1.0 / emitter.decay_factor(later_s))
    return replace(image, values=np.asarray(image.values * factor))


def _in_unit(rate: Image, request: ReconstructionRequest, duration_s: float) -> tuple[Image, list[str]]:
    if request.calibration_cps_per_mbq is None:
        values = np.asarray(rate.values * np.float32(duration_s))
        return replace(rate, values=values), []
    per_bq = request.calibration_cps_per_mbq * _MBQ_TO_BQ
    scale = 1.0 / (per_bq * rate.grid.voxel_volume_ml)
    values = np.asarray(rate.values * np.float32(scale))
    note = "Bq/ml rest on the stated sensitivity; it must come from a phantom reconstructed the same way"
    return Image(values=values, grid=rate.grid, quantity=Quantity.ACTIVITY_CONCENTRATION), [note]


def _corrections(request: ReconstructionRequest, bed: ProjectionSet) -> frozenset[str]:
    done = {"DECY"} | set(bed.corrections)
    if request.ct is not None:
        done.add("ATTN")
    if request.scatter != "none":
        done.add("SCAT")
    return frozenset(done)


def _provenance(request: ReconstructionRequest, settings: dict[str, Any]) -> Provenance:
    from hemadose.io.files import digest_file

    inputs = {f"projections {n}": digest_file(path) for n, path in enumerate(request.files, start=1)}
    if request.ct is not None:
        inputs["ct"] = digest_file(request.ct)
    return Provenance(step="workflow.reconstruct", inputs=inputs, parameters=settings)
