"""Activity from SPECT, by the choices of a case."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hemadose.errors import CaseError
from hemadose.imaging import RecoveryCurve, SpectCalibration, bone_regions, quantify_spect, sphere_concentration
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.imaging.count_losses import CountLosses
from hemadose.imaging.spect_recovery import Outline, Recovery
from hemadose.io.case import Case
from hemadose.model import ActivitySeries, Administration, Region
from hemadose.units import MBQ
from hemadose.workflow.study import Study

_US = 1e-6


def spect_activity(
    case: Case, study: Study, administration: Administration, *, folder: Path | None
) -> dict[str, ActivitySeries]:
    """Measure all volumes on all SPECT.

    Parameters
    ----------
    case, study, administration
        What was read.
    folder : Path or None
        Where the case file lies, for the recovery file.

    Raises
    ------
    CaseError
        If volumes, the recovery curve or the resolution are missing.
    """
    if not study.regions:
        raise CaseError("SPECT quantification needs volumes", field="regions.volumes")
    if case.quantification.recovery == "reconstruction":
        if folder is None:
            raise CaseError(
                "projections lie beside the case file, whose folder is not known here", field="images.spect"
            )
        if spect_losses(case).any:
            raise CaseError(
                "dead time is not corrected in projections",
                field="calibration.spect_dead_time_us, spect_nonparalysable_dead_time_us",
                remedy="remove it, or reconstruct first and choose another recovery",
            )
        from hemadose.workflow.projection_activity import activity_from_projections

        return activity_from_projections(case, folder, study, administration)
    calibration = _calibration(case)
    whole = [r for r in study.regions if not r.name.startswith("marrow_sphere")]
    found = {
        s.region: s
        for s in quantify_spect(
            study.spect,
            whole,
            administration=administration,
            calibration=calibration,
            recovery=_recovery(case, folder),
            volume_relative_sd=_outline(case),
            surroundings=() if study.ct is None else bone_regions(study.ct, whole[0].grid, drawn=whole),
        )
    }
    if case.marrow.l2_l4_source == "spheres":
        relative_sd = case.quantification.volume_relative_sd
        found["lumbar_l2_l4"] = _from_spheres(study, administration, calibration, relative_sd)
    return found


def spect_losses(case: Case) -> CountLosses:
    """Give the dead time of the SPECT camera."""
    c = case.calibration
    return CountLosses(
        model=DeadTime(
            paralysable_s=c.spect_dead_time_us * _US, nonparalysable_s=c.spect_nonparalysable_dead_time_us * _US
        ),
        paralysable_sd_s=c.spect_dead_time_sd_us * _US,
        nonparalysable_sd_s=c.spect_nonparalysable_dead_time_sd_us * _US,
    )


def _calibration(case: Case) -> SpectCalibration:
    c = case.calibration
    return SpectCalibration(
        counts_per_s_per_bq=None if c.spect_cps_per_MBq is None else c.spect_cps_per_MBq / MBQ,
        relative_sd=c.spect_relative_sd,
        fwhm_mm=c.spect_fwhm_mm,
        fwhm_sd_mm=c.spect_fwhm_sd_mm,
        losses=spect_losses(case),
    )


def _recovery(case: Case, folder: Path | None) -> Recovery:
    """Give the correction for resolution as a value: a name, or a curve of phantom spheres."""
    c, q = case.calibration, case.quantification
    if q.recovery != "sphere_curve":
        return q.recovery
    if c.recovery_file is not None:
        from hemadose.io.recovery_file import read_recovery_fit

        if folder is None:
            raise CaseError(
                "a recovery file lies beside the case file, whose folder is not known here",
                field="calibration.recovery_file",
                value=c.recovery_file,
                remedy="pass the folder of the case to quantify",
            )
        return read_recovery_fit(folder / c.recovery_file)
    if c.recovery_alpha_ml is None or c.recovery_beta is None:
        raise CaseError(
            "the sphere curve needs its parameters, or the file of hemadose calibrate spheres",
            field="calibration.recovery_alpha_ml, recovery_beta or recovery_file",
        )
    return RecoveryCurve(alpha_ml=c.recovery_alpha_ml, beta=c.recovery_beta, relative_sd=c.recovery_relative_sd)


def _outline(case: Case) -> Outline | float:
    q = case.quantification
    if q.volume_uncertainty != "gear2018":
        return q.volume_relative_sd
    assert q.outline_voxel_mm is not None
    assert q.outline_fwhm_mm is not None
    return Outline(
        voxel_mm=q.outline_voxel_mm,
        fwhm_mm=q.outline_fwhm_mm,
        between_observers_relative_sd=q.volume_relative_sd,
    )


def _from_spheres(
    study: Study, administration: Administration, calibration: SpectCalibration, volume_relative_sd: float
) -> ActivitySeries:
    spheres: list[Region] = [r for r in study.regions if r.name.startswith("marrow_sphere")]
    lumbar = next((r for r in study.regions if r.name == "lumbar_l2_l4"), None)
    if not spheres or lumbar is None:
        raise CaseError(
            "marrow from spheres needs marrow_sphere regions and the volume lumbar_l2_l4", field="regions.volumes"
        )
    measured = quantify_spect(
        study.spect,
        [replace(s, name=s.name.removeprefix("marrow_")) for s in spheres],
        administration=administration,
        calibration=calibration,
        recovery="none",
        volume_relative_sd=volume_relative_sd,
    )
    found = sphere_concentration(measured, spheres, lumbar_volume_ml=lumbar.volume_ml)
    return replace(found, shared_parts=measured[0].shared_parts)
