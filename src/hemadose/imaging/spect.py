"""Activity in volumes of interest from reconstructed SPECT: A = C / (t CF RC)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hemadose.errors import CaseError, QuantityError
from hemadose.imaging.count_losses import CountLosses, loss_note
from hemadose.imaging.image_noise import region_variance
from hemadose.imaging.marrow_concentration import sphere_concentration
from hemadose.imaging.recovery import TransferMatrix, transfer_matrix
from hemadose.imaging.shared_parts import shared_with_parts
from hemadose.imaging.spect_recovery import (
    Outline,
    Recovery,
    Resolution,
    check_recovery,
    recovery_coefficient,
    recovery_word,
)
from hemadose.model import (
    ActivitySample,
    ActivitySeries,
    Administration,
    Quantity,
    Region,
    TomographicScan,
    require_disjoint,
)
from hemadose.provenance import Provenance

Floats = npt.NDArray[np.float64]

BODY = "whole_body"

__all__ = ["SpectCalibration", "quantify_spect", "region_variance", "sphere_concentration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectCalibration:
    """From counts to activity.

    Attributes
    ----------
    counts_per_s_per_bq : float or None
        Reconstructed counts per second of acquisition time and becquerel; None for images in Bq/ml.
    relative_sd : float
        Relative standard uncertainty of it (or of the vendor's Bq/ml).
    fwhm_mm : float or None
        Resolution, for the geometric transfer matrix and the ellipsoid.
    fwhm_sd_mm : float
        Its standard uncertainty.
    losses : CountLosses
        Dead time, on the mean count rate of the whole image; none by default.
    """

    counts_per_s_per_bq: float | None
    relative_sd: float
    fwhm_mm: float | None = None
    fwhm_sd_mm: float = 0.0
    losses: CountLosses = field(default_factory=CountLosses)

    @property
    def resolution(self) -> Resolution:
        """Resolution with its uncertainty."""
        return Resolution(fwhm_mm=self.fwhm_mm, sd_mm=self.fwhm_sd_mm)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Activities of all regions in one scan."""

    time_s: float
    activity_bq: Floats
    sd_bq: Floats
    loss_factor: float


def quantify_spect(
    scans: Sequence[TomographicScan],
    regions: Sequence[Region],
    *,
    administration: Administration,
    calibration: SpectCalibration,
    recovery: Recovery,
    volume_relative_sd: float | Outline = 0.0,
    surroundings: Sequence[Region] = (),
) -> tuple[ActivitySeries, ...]:
    """Measure the activity of every region in every scan.

    Parameters
    ----------
    scans : sequence of TomographicScan
        In any order; one frame of reference with the regions.
    regions : sequence of Region
        Disjoint organs; ``whole_body`` is the outline, marrow spheres may lie inside L2-L4 and are
        measured by mean concentration only.
    administration : Administration
        Time zero and nuclide.
    calibration : SpectCalibration
        Camera facts.
    recovery : RecoveryCurve, RecoveryFit or {"geometric_transfer", "ellipsoid", "none"}
        Correction for resolution: a curve by volume, the matrix of all regions, or the closed form of the ellipsoid
        with each region's own axes (`hemadose.imaging.spect_recovery`).
    volume_relative_sd : float or Outline
        Shared uncertainty from drawing the volumes: one number for all, or Gear 2018 from the image they were
        drawn on.
    surroundings : sequence of Region
        Further regions of the transfer matrix that are not reported (see `bone_regions`).

    Returns
    -------
    tuple of ActivitySeries
        One per organ region, activity at the middle of each scan.

    Raises
    ------
    GeometryError
        If a scan and the regions do not share a grid.
    RegionError
        If two organs overlap.
    CaseError
        If calibration or resolution are missing, a calibration is given for an image in Bq/ml, or the
        recovery is not one of the named ones.
    """
    check_recovery(recovery)
    organs = [r for r in regions if r.name != BODY and not r.name.startswith("marrow_sphere")]
    body = next((r for r in regions if r.name == BODY), None)
    require_disjoint([*organs, *surroundings])
    matrix = _matrix([*organs, *surroundings], body, calibration, recovery)
    kept = np.array([recovery_coefficient(r, recovery, calibration.resolution) for r in organs])
    kept = np.concatenate([kept, np.ones(len(surroundings) + 1)])
    measured = [
        _measure(scan, [*organs, *surroundings], body, administration, calibration, matrix, kept)
        for scan in sorted(scans, key=lambda s: s.started_at)
    ]
    return tuple(
        _series(region, i, measured, calibration, recovery, volume_relative_sd, body) for i, region in enumerate(organs)
    )


def _series(
    region: Region,
    index: int,
    measured: Sequence[_Measured],
    calibration: SpectCalibration,
    recovery: Recovery,
    outline: float | Outline,
    body: Region | None,
) -> ActivitySeries:
    shared, parts = shared_with_parts(
        region, recovery, calibration.resolution, calibration_relative_sd=calibration.relative_sd, outline=outline
    )
    samples = tuple(
        ActivitySample(
            region=region.name,
            time_s=m.time_s,
            activity_bq=float(max(m.activity_bq[index], 0.0)),
            sd_bq=float(m.sd_bq[index]),
            method="spect",
        )
        for m in measured
    )
    losses = _loss_notes(region.name, calibration, measured)
    factor = calibration.counts_per_s_per_bq
    return ActivitySeries(
        region=region.name,
        samples=samples,
        shared_relative_sd=shared.relative_sd,
        shared_parts=parts,
        volume_ml=region.volume_ml,
        notes=(*_notes(region, body), *shared.notes, *losses),
        provenance=Provenance(
            step="imaging.quantify_spect",
            parameters={
                "counts_per_s_per_MBq": None if factor is None else factor * 1e6,
                "calibration_relative_sd": calibration.relative_sd,
                "fwhm_mm": calibration.fwhm_mm,
                "recovery": recovery_word(recovery),
            }
            | _chosen(calibration, outline),
        ),
    )


def _loss_notes(name: str, calibration: SpectCalibration, measured: Sequence[_Measured]) -> tuple[str, ...]:
    if not calibration.losses.any:
        return ()
    if calibration.counts_per_s_per_bq is None:
        return (f"{name}: the dead time is not applied, since the image is in Bq/ml and its count rate is not known",)
    return (loss_note(name, "SPECT", [m.loss_factor for m in measured]),)


def _chosen(calibration: SpectCalibration, outline: float | Outline) -> dict[str, float | str]:
    """Choices beyond the defaults, for the provenance."""
    found: dict[str, float | str] = {}
    if calibration.losses.any:
        found["dead_time_paralysable_s"] = calibration.losses.model.paralysable_s
        found["dead_time_nonparalysable_s"] = calibration.losses.model.nonparalysable_s
    if isinstance(outline, Outline):
        found |= {"volume_uncertainty": "gear2018", "outline_voxel_mm": outline.voxel_mm}
        found["outline_fwhm_mm"] = outline.fwhm_mm
    return found


def _notes(region: Region, body: Region | None) -> tuple[str, ...]:
    if body is None:
        return (f"{region.name}: no body outline was given; background spill-in is less sure",)
    return ()


def _matrix(
    organs: Sequence[Region], body: Region | None, calibration: SpectCalibration, recovery: Recovery
) -> TransferMatrix | None:
    if recovery != "geometric_transfer":
        return None
    remedy = "quantification.recovery = sphere_curve or none"
    fwhm = calibration.resolution.required("the geometric transfer matrix", remedy=remedy)
    return transfer_matrix(organs, body=body, fwhm_mm=fwhm)


def _measure(
    scan: TomographicScan,
    organs: Sequence[Region],
    body: Region | None,
    administration: Administration,
    calibration: SpectCalibration,
    matrix: TransferMatrix | None,
    kept: Floats,
) -> _Measured:
    """Activities of one scan and their independent standard uncertainties; `kept` counts without a matrix."""
    grid = scan.image.grid
    for region in organs if body is None else (*organs, body):
        grid.require_match(region.grid, what=f"SPECT and region {region.name}")
    values = np.asarray(scan.image.values, dtype=np.float64)
    time_s, undo = _time(scan, administration)
    to_bq, losses, losses_sd = _bq_per_value(scan, calibration, undo)
    taken = np.any([r.mask for r in organs], axis=0)
    rest = (body.mask if body is not None else np.ones(grid.shape, dtype=bool)) & ~taken
    masks = [*(r.mask for r in organs), rest]
    totals = np.array([values[m].sum() for m in masks])
    variance = np.array([region_variance(values, m) for m in masks])
    if matrix is not None:
        true = matrix.solve(totals)
        sds = np.sqrt(np.diag(matrix.covariance(np.diag(variance))))
    else:
        true, sds = totals / kept, np.sqrt(variance) / kept
    return _Measured(
        time_s=time_s,
        activity_bq=true * to_bq * undo,
        sd_bq=np.maximum(np.hypot(sds, losses_sd * true) * to_bq * undo, 1e-3),
        loss_factor=losses,
    )


def _bq_per_value(scan: TomographicScan, calibration: SpectCalibration, undo: float) -> tuple[float, float, float]:
    """Becquerel per image value, the part of it that undoes dead time, and the relative uncertainty of that part.

    The camera saw the image's counts as they were during the scan: a decay correction (`undo`) is taken off first.
    """
    if scan.image.quantity is Quantity.ACTIVITY_CONCENTRATION:
        if calibration.counts_per_s_per_bq is not None:
            raise CaseError(
                "the SPECT is already in Bq/ml: a calibration factor must not be applied to it",
                field="calibration.spect_cps_per_MBq",
                remedy="remove it, or export the reconstruction in counts",
            )
        return scan.image.grid.voxel_volume_ml, 1.0, 0.0
    if calibration.counts_per_s_per_bq is None or calibration.counts_per_s_per_bq <= 0.0:
        raise CaseError(
            "the SPECT is in counts and no calibration factor is given", field="calibration.spect_cps_per_MBq"
        )
    if scan.image.quantity is not Quantity.COUNTS:
        raise QuantityError("a SPECT holds counts or Bq/ml", value=str(scan.image.quantity))
    rate = max(float(np.asarray(scan.image.values, dtype=np.float64).sum()), 0.0) * undo / scan.duration_s
    factor, sd = calibration.losses.factor(rate), calibration.losses.relative_sd(rate)
    return factor / (scan.duration_s * calibration.counts_per_s_per_bq), factor, sd


def _time(scan: TomographicScan, administration: Administration) -> tuple[float, float]:
    """Time of the sample and the factor from the image's decay reference to it.

    An uncorrected image shows the mean activity of the acquisition: its middle, to second order in
    duration / half-life. A decay-corrected image refers to `decay_reference_at`.
    """
    start = administration.time_since_s(scan.started_at, what="SPECT acquisition")
    middle = start + scan.duration_s / 2.0
    if "DECY" not in scan.corrections:
        return middle, 1.0
    reference = administration.time_since_s(scan.decay_reference_at, what="decay reference of the SPECT")
    return middle, administration.nuclide.decay_factor(middle - reference)
