"""Activity of regions from projections, each reconstruction corrected by its own recovery."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemadose.errors import CaseError
from hemadose.imaging import bone_regions
from hemadose.io.case import Case, ProjectionScan
from hemadose.model import ActivitySample, ActivitySeries, Administration, Grid, Image, Region
from hemadose.provenance import Provenance
from hemadose.units import MBQ
from hemadose.workflow.reconstruct import bed_model, matching_ct, read_projections
from hemadose.workflow.reconstruct_plan import plan_reconstruction
from hemadose.workflow.study import Study, reconstruction_request

Mask = npt.NDArray[np.bool_]

SCATTER_GEOMETRY_RELATIVE_SD = 0.02
"""Windows take away another share of scatter in a phantom than in a patient (docs/methods/virtual-projections.md)."""
LUNG_BELOW_PER_CM = 0.08
FEWEST_VOXELS = 50


def activity_from_projections(
    case: Case, folder: Path, study: Study, administration: Administration
) -> dict[str, ActivitySeries]:
    """Measure every drawn region in every SPECT, all of which must be projections.

    The regions, bone, lung and the rest of the body hold all activity; how much of each comes back in each is taken
    from the derivatives of the reconstruction (`imaging.reconstruction.region_recovery`).

    Parameters
    ----------
    case : Case
        With ``quantification.recovery = "reconstruction"``.
    folder : Path
        Where the case file lies.
    study : Study
        Regions and CT.
    administration : Administration
        Time zero.

    Raises
    ------
    CaseError
        If a SPECT is not given as projections, several beds are, or CT, volumes or the sensitivity are missing.
    """
    entries = _entries(case)
    sensitivity = case.calibration.spect_cps_per_MBq
    if sensitivity is None:
        raise CaseError("the sensitivity of the camera is missing", field="calibration.spect_cps_per_MBq")
    if study.ct is None or not study.regions:
        raise CaseError("recovery by reconstruction needs CT and volumes", field="images.ct, regions.volumes")
    drawn = [r for r in study.regions if not r.name.startswith("marrow_sphere") and r.name != "whole_body"]
    body = next((r for r in study.regions if r.name == "whole_body"), None)
    samples: dict[str, list[ActivitySample]] = {r.name: [] for r in drawn}
    notes: dict[str, None] = {}
    for entry in entries:
        found, more = _measure(entry, case, folder, drawn, body, administration, sensitivity / MBQ)
        notes |= dict.fromkeys(more)
        for sample in found:
            samples[sample.region].append(sample)
    shared = float(
        np.sqrt(
            case.calibration.spect_relative_sd**2
            + case.quantification.volume_relative_sd**2
            + SCATTER_GEOMETRY_RELATIVE_SD**2
        )
    )
    return {
        name: ActivitySeries(
            region=name,
            samples=tuple(sorted(each, key=lambda s: s.time_s)),
            shared_relative_sd=shared,
            notes=tuple(notes),
            provenance=Provenance(
                step="workflow.activity_from_projections", parameters={"cps_per_MBq": sensitivity, "shared_sd": shared}
            ),
        )
        for name, each in samples.items()
    }


def _entries(case: Case) -> list[ProjectionScan]:
    entries = [e for e in case.images.spect if isinstance(e, ProjectionScan)]
    if len(entries) != len(case.images.spect):
        raise CaseError(
            "recovery by reconstruction needs projections",
            field="images.spect",
            remedy='give { projections = "..." } for every SPECT, or another quantification.recovery',
        )
    if case.images.register_spect != "none":
        raise CaseError(
            "recovery by reconstruction measures where the camera saw the patient",
            field="images.register_spect",
            value=case.images.register_spect,
            expected="none",
        )
    if case.calibration.spect_dead_time_us:
        raise CaseError(
            "dead time is not corrected in projections",
            field="calibration.spect_dead_time_us",
            expected="0, or another quantification.recovery",
        )
    return entries


def _measure(
    entry: ProjectionScan,
    case: Case,
    folder: Path,
    drawn: Sequence[Region],
    body: Region | None,
    administration: Administration,
    counts_per_s_per_bq: float,
) -> tuple[list[ActivitySample], tuple[str, ...]]:
    from hemadose.imaging.reconstruction.osem import OsemOptions
    from hemadose.imaging.reconstruction.reconstruct import set_projector, view_weights
    from hemadose.imaging.reconstruction.region_recovery import recovered_regions

    request = reconstruction_request(entry, case, folder)
    beds = read_projections(request.files, zone=request.zone, stated=request.stated)
    if len(beds) != 1:
        raise CaseError("recovery by reconstruction takes one bed", field="images.spect", value=f"{len(beds)} beds")
    bed = beds[0]
    drawn[0].grid.require_match(bed.grid())
    ct = matching_ct(request, beds)
    plan, notes = plan_reconstruction(request, beds)
    model = bed_model(request, plan, bed, ct)
    if ct is None or model.mu_per_cm is None:
        raise CaseError("recovery by reconstruction needs the CT of the SPECT", field="images.ct")
    found = recovered_regions(
        bed.counts[bed.window_index(plan.window.name)],
        set_projector(bed, mu_per_cm=model.mu_per_cm, response=plan.response, support=model.support),
        cover(ct, bed.grid(), drawn, body, model.mu_per_cm),
        options=OsemOptions(
            iterations=request.iterations, subsets=request.subsets, filter_fwhm_mm=request.post_filter_mm
        ),
        scatter=model.scatter,
        view_weight=view_weights(bed, half_life_s=plan.nuclide.half_life_s),
    )
    time_s = administration.time_since_s(bed.started_at, what="an acquisition")
    numbers = {n: (float(v), float(sd)) for n, v, sd in zip(found.names, found.values, found.sd, strict=True)}
    samples = [
        ActivitySample(
            region=r.name,
            time_s=time_s,
            activity_bq=max(numbers[r.name][0] / counts_per_s_per_bq, 0.0),
            sd_bq=numbers[r.name][1] / counts_per_s_per_bq,
            method="spect",
        )
        for r in drawn
    ]
    return samples, (*notes, *model.notes, *found.notes)


def cover(
    ct: Image, grid: Grid, drawn: Sequence[Region], body: Region | None, mu_per_cm: npt.NDArray[np.float32]
) -> dict[str, Mask]:
    """Cover the body with disjoint regions: those drawn, bone, lung, and the rest.

    Parameters
    ----------
    ct : Image
        In HU.
    grid : Grid
        Of the reconstruction.
    drawn : sequence of Region
        Disjoint organs.
    body : Region or None
        Outline; by attenuation if not drawn.
    mu_per_cm : ndarray
        On the grid, at the energy of the peak.
    """
    regions = {r.name: np.asarray(r.mask) for r in (*drawn, *bone_regions(ct, grid, drawn=list(drawn)))}
    inside = np.asarray(body.mask) if body is not None else mu_per_cm > 0.02
    left = inside & ~np.any(list(regions.values()), axis=0)
    lung = left & (mu_per_cm < LUNG_BELOW_PER_CM)
    if np.count_nonzero(lung) >= FEWEST_VOXELS:
        regions["lungs"] = lung
        left &= ~lung
    if np.count_nonzero(left) >= FEWEST_VOXELS:
        regions["rest"] = left
    return regions
