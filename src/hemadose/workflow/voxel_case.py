"""What a dose map is made from, read from a case: calibrated, registered SPECT, regions, and the curves of the plan.

Counts become Bq/ml with the calibration of the case; regions, recovery and curves of regions are those of `hemadose
plan`, so that a dose map and the organ doses of one case start from the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemadose.errors import CaseError
from hemadose.imaging import SpectCalibration, quantify_spect
from hemadose.io.case import Case, read_case
from hemadose.io.case_voxel import VoxelSection
from hemadose.model import Administration, FittedCurve, Grid, Image, Region
from hemadose.refdata.emissions import emissions
from hemadose.units import HOUR_S, MBQ
from hemadose.workflow.quantify import quantify
from hemadose.workflow.quantify_spect import spect_losses
from hemadose.workflow.study import Study, case_administration, case_agent, read_study
from hemadose.workflow.voxel_activity import VoxelActivity, brightest, by_voxel, labelled
from hemadose.workflow.voxel_inputs import VoxelInputs, VoxelRequest, share_in

Volume = npt.NDArray[np.float32]

_SAMPLED_VOXELS = 4000
_NO_ORGAN = ("whole_body", "remainder")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """Calibrated images of a study."""

    times_s: npt.NDArray[np.float64]
    values: Volume
    grid: Grid
    organs: tuple[Region, ...]
    curves: dict[str, FittedCurve]
    half_life_s: float


def case_inputs(request: VoxelRequest) -> VoxelInputs:
    """Read a case, and integrate as its section ``[voxel]`` or the command line asks.

    Raises
    ------
    CaseError
        If the case has no SPECT, CT or regions, or lacks what a choice needs.
    HemadoseError
        For anything that cannot be read.
    """
    assert request.case is not None
    _require_case_alone(request)
    case = read_case(request.case)
    section = case.voxel
    folder = request.case.parent
    chosen, phases, curves = _choices(request, section, folder)
    study = _read(case, folder)
    administration = case_administration(case)
    emitted = emissions(case_agent(case).nuclide, chain=chosen.chain)
    series, notes = _series(case, study, administration, folder, needs_fits=_needs_fits(curves, section))
    if curves == "voxel":
        if series.times_s.size < 2:
            raise CaseError(
                "curves of voxels need two SPECT at least", field="voxel.curves", value=curves,
                remedy="curves = regions scales one SPECT by the curves of the plan",
            )  # fmt: skip
        activity = by_voxel(
            series.times_s, series.values, study.regions, series.grid, phases=phases, half_life_s=emitted.half_life_s
        )
    else:
        activity = _by_plan(series)
    common = {r.name: case.calibration.spect_relative_sd for r in study.regions}
    if section.partial_volume == "regions":
        activity = _with_recovery(activity, series, study.regions)
    if curves == "regions" or section.partial_volume == "regions":
        common |= _curve_sds(series, study.regions)
    return VoxelInputs(
        request=replace(chosen, nuclide=emitted.nuclide), ct=_ct(study), grid=series.grid, emitted=emitted,
        activity=activity, regions=study.regions, common_sd=common, reference=_reference(case, folder),
        administered_bq=administration.administered_activity_bq, notes=tuple(notes),
    )  # fmt: skip


def _curve_sds(series: _Series, regions: Sequence[Region]) -> dict[str, float]:
    """Relative uncertainty of the plan's curve of each region; a region inside an organ has that of the organ."""
    found = {}
    for organ in series.organs:
        curve = series.curves[organ.name]
        sd = curve.tia_sd_bq_s / curve.tia_bq_s if curve.tia_bq_s > 0.0 else 0.0
        for region in regions:
            shared = np.count_nonzero(region.mask & organ.mask)
            if region.name == organ.name or 2 * shared > np.count_nonzero(region.mask):
                found[region.name] = float(sd)
    return found


def _require_case_alone(request: VoxelRequest) -> None:
    """Refuse options that the case answers itself: who writes them expects them to count."""
    a = request.activity
    given = {
        "IMAGE": request.images, "--ct": request.ct, "--nuclide": request.nuclide, "--regions": request.regions,
        "--hours": a.hours, "--half-life-h": a.half_life_h, "--region-half-life-h": a.region_half_life_h,
        "--same-frame": request.same_frame, "--activity-sd": request.activity_sd,
    }  # fmt: skip
    extra = [name for name, value in given.items() if value]
    if extra:
        raise CaseError(
            "a case names images, CT, regions, times and calibration itself", field=", ".join(extra),
            remedy="leave these out, or leave --case out",
        )  # fmt: skip


def _choices(request: VoxelRequest, section: VoxelSection, folder: Path) -> tuple[VoxelRequest, int, str]:
    """The command line's choices where made, else those of the case."""
    curves = request.activity.curves or section.curves
    if curves not in ("voxel", "regions"):
        raise CaseError("a case has curves of voxels or of regions", field="--curves", value=curves)
    curve = request.density_curve or (folder / section.density_curve if section.density_curve else None)
    chosen = replace(
        request,
        method=request.method or section.method,
        chain=request.chain or section.chain,
        target_sd=section.target_sd if request.target_sd is None else request.target_sd,
        decays=section.decays if request.decays is None else request.decays,
        seed=section.seed if request.seed is None else request.seed,
        eud_exponent={**section.eud_exponent, **request.eud_exponent},
        dose_levels_gy=request.dose_levels_gy or section.dose_levels_Gy,
        density_curve=curve,
    )
    return chosen, max(request.activity.phases, section.phases), curves


def _needs_fits(curves: str, section: VoxelSection) -> bool:
    return curves == "regions" or section.partial_volume == "regions"


def _read(case: Case, folder: Path) -> Study:
    study = read_study(case, folder)
    for missing, name in ((not study.spect, "images.spect"), (study.ct is None, "images.ct"),
                          (not study.regions, "regions.volumes")):  # fmt: skip
        if missing:
            raise CaseError("dose by voxel needs reconstructed SPECT, CT and volumes", field=name)
    return study


def _ct(study: Study) -> Image:
    assert study.ct is not None
    return study.ct


def _reference(case: Case, folder: Path) -> Path | None:
    """First DICOM object of the patient."""
    names = [case.images.ct, *(e for e in case.images.spect if isinstance(e, str))]
    for name in names:
        if name and not name.endswith((".nii", ".nii.gz")):
            path = folder / name
            inside = sorted(p for p in path.iterdir() if p.is_file() and p.name[0] != ".") if path.is_dir() else [path]
            return inside[0]
    return None


def _series(
    case: Case, study: Study, administration: Administration, folder: Path, *, needs_fits: bool
) -> tuple[_Series, list[str]]:
    """Images in Bq/ml at the middle of each scan; with the plan's curves if asked."""
    from hemadose.workflow.curves import fit_all

    grid = study.spect[0].image.grid
    for number, scan in enumerate(study.spect[1:], start=2):
        if not scan.image.grid.matches(grid):
            raise CaseError(
                f"SPECT {number} lies on another grid than the first one", field="images.register_spect",
                value=case.images.register_spect, expected="rigid, or images registered before",
            )  # fmt: skip
    notes = list(study.notes)
    factors, times = _calibrated(case, study, administration, grid)
    values = np.stack([np.asarray(s.image.values, dtype=np.float32) for s in study.spect])
    values *= (factors / grid.voxel_volume_ml).astype(np.float32)[:, None, None, None]
    curves: dict[str, FittedCurve] = {}
    if needs_fits:
        quantified = quantify(case, study, administration, folder=folder)
        curves = {f.region: f for f in fit_all(case, quantified, administration)}
        notes += [n for n in quantified.notes if n not in notes]
    organs = tuple(r for r in study.regions if r.name != "whole_body" and not r.name.startswith("marrow_sphere"))
    return _Series(times_s=times, values=values, grid=grid, organs=organs, curves=curves,
                   half_life_s=administration.nuclide.half_life_s), notes  # fmt: skip


def _calibrated(
    case: Case, study: Study, administration: Administration, grid: Grid
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Becquerel per image value and the time of each scan, by quantifying the brightest voxels as a region."""
    first = np.asarray(study.spect[0].image.values)
    size = min(_SAMPLED_VOXELS, first.size)
    c = case.calibration
    calibration = SpectCalibration(
        counts_per_s_per_bq=None if c.spect_cps_per_MBq is None else c.spect_cps_per_MBq / MBQ,
        relative_sd=c.spect_relative_sd,
        losses=spect_losses(case),
    )
    factors, times = [], []
    for scan in study.spect:
        values = np.asarray(scan.image.values)
        mask = values >= np.partition(values.ravel(), values.size - size)[values.size - size]
        sample = quantify_spect(
            [scan], [Region(name="field", mask=mask, grid=grid)], administration=administration,
            calibration=calibration, recovery="none",
        )[0].samples[0]  # fmt: skip
        total = float(values[mask].sum(dtype=np.float64))
        if not total > 0.0:
            raise CaseError("a SPECT holds no counts", field="images.spect", value=f"{scan.started_at:%Y-%m-%d %H:%M}")
        factors.append(sample.activity_bq / total)
        times.append(sample.time_s)
    return np.array(factors), np.array(times)


def _by_plan(series: _Series) -> VoxelActivity:
    """The image with the most activity in regions, each region scaled by its curve of the plan, the rest by its own."""
    _require_curves(series)
    labels = labelled(series.organs, series.grid.shape)
    chosen = brightest(series.values, labels > 0)
    at = float(series.times_s[chosen])
    factor = [_rest_factor(series, labels, chosen)]
    for region in series.organs:
        curve = series.curves[region.name]
        factor.append(curve.tia_bq_s / max(float(curve.curve.activity_bq(at)), 1e-300))
    tia = np.maximum(series.values[chosen], 0.0) * np.array(factor, dtype=np.float32)[labels]
    return VoxelActivity(
        tia_bq_s=np.asarray(tia * np.float32(series.grid.voxel_volume_ml), dtype=np.float32),
        notes=(f"SPECT of {at / HOUR_S:.1f} h scaled by the curves of the plan's regions and of the rest",),
    )


def _require_curves(series: _Series) -> None:
    missing = [r.name for r in series.organs if r.name not in series.curves]
    if missing:
        raise CaseError(
            "these volumes have no curve in the plan", field="regions.volumes", value=", ".join(missing),
            remedy="draw them on the planar images too, or use voxel.curves = voxel",
        )  # fmt: skip


def _rest_factor(series: _Series, labels: npt.NDArray[np.intp], chosen: int) -> float:
    """Integral over activity at the chosen time: of the rest of the images, or of the whole body less the regions."""
    from hemadose.kinetics.voxelwise import fit_voxels

    at = float(series.times_s[chosen])
    if series.times_s.size > 1:
        rest = np.array([[float(v[labels == 0].sum(dtype=np.float64))] for v in series.values])
        found = fit_voxels(series.times_s, rest, half_life_s=series.half_life_s)
        return float(found.tia_s[0] / max(float(rest[chosen, 0]), 1e-300))
    body = series.curves.get("whole_body")
    if body is None:
        raise CaseError(
            "with one SPECT the rest of the body needs a curve of the whole body", field="images.probe",
            remedy="give probe readings, or several SPECT",
        )  # fmt: skip
    organs = [series.curves[r.name] for r in series.organs]
    activity = float(body.curve.activity_bq(at)) - sum(float(c.curve.activity_bq(at)) for c in organs)
    total = body.tia_bq_s - sum(c.tia_bq_s for c in organs)
    if activity <= 0.0 or total <= 0.0:
        raise CaseError("regions hold more activity than the whole body", field="images.probe",
                        remedy="check calibration and probe readings")  # fmt: skip
    return total / activity


def _with_recovery(activity: VoxelActivity, series: _Series, regions: Sequence[Region]) -> VoxelActivity:
    """Scale the voxels of each region to the integral that the plan gives it, and take the difference off the rest.

    What blur carried out of an organ lies around it: the rest of the body (the whole outline where drawn) is scaled
    evenly instead, so that totals are right and the halo is too bright, elsewhere too dark.
    """
    _require_curves(series)
    tia = activity.tia_bq_s.copy()
    labels = labelled(series.organs, series.grid.shape)
    before = float(tia.sum(dtype=np.float64))
    factors = np.ones(len(series.organs) + 1)
    moved = 0.0
    for index, region in enumerate(series.organs, start=1):
        held = share_in(tia, region.mask)
        if held > 0.0:
            factors[index] = series.curves[region.name].tia_bq_s / held
            moved += series.curves[region.name].tia_bq_s - held
    rest = float(tia[labels == 0].sum(dtype=np.float64))
    factors[0] = max(1.0 - moved / rest, 0.0) if rest > 0.0 else 1.0
    scale = factors.astype(np.float32)[labels]
    said = ", ".join(f"{r.name} {factors[i]:.2f}" for i, r in enumerate(series.organs, start=1))
    note = (
        f"voxels of regions were scaled to their activity after recovery correction ({said}); the rest was scaled by "
        f"{factors[0]:.2f} ({100.0 * moved / max(before, 1e-300):+.1f} % of all decays moved): the halo around organs "
        "is too bright"
    )
    return replace(
        activity,
        tia_bq_s=np.asarray(tia * scale, dtype=np.float32),
        sd_bq_s=None if activity.sd_bq_s is None else np.asarray(activity.sd_bq_s * scale, dtype=np.float32),
        notes=(*activity.notes, note),
    )
