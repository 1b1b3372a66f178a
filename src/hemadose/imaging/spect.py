"""Activity in volumes of interest from reconstructed SPECT: A = C / (t CF RC)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import CaseError, GeometryError, QuantityError
from hemadose.imaging.recovery import RecoveryCurve, TransferMatrix, transfer_matrix
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
        Resolution, for the geometric transfer matrix.
    dead_time_s : float
        Paralysable, on the mean count rate of the whole image; 0 for none.
    """

    counts_per_s_per_bq: float | None
    relative_sd: float
    fwhm_mm: float | None = None
    dead_time_s: float = 0.0


def quantify_spect(
    scans: Sequence[TomographicScan],
    regions: Sequence[Region],
    *,
    administration: Administration,
    calibration: SpectCalibration,
    recovery: RecoveryCurve | str,
    volume_relative_sd: float = 0.0,
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
    recovery : RecoveryCurve or {"geometric_transfer", "none"}
        Correction for resolution.
    volume_relative_sd : float
        Shared uncertainty from drawing the volumes.
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
    _check_recovery(recovery)
    organs = [r for r in regions if r.name != BODY and not r.name.startswith("marrow_sphere")]
    body = next((r for r in regions if r.name == BODY), None)
    require_disjoint([*organs, *surroundings])
    matrix = _matrix([*organs, *surroundings], body, calibration, recovery)
    ordered = sorted(scans, key=lambda s: s.started_at)
    measured = [
        _measure(scan, [*organs, *surroundings], body, administration, calibration, matrix, recovery)
        for scan in ordered
    ]
    recovery_sd = recovery.relative_sd if isinstance(recovery, RecoveryCurve) else 0.0
    shared = float(np.sqrt(calibration.relative_sd**2 + volume_relative_sd**2 + recovery_sd**2))
    return tuple(
        ActivitySeries(
            region=region.name,
            samples=tuple(
                ActivitySample(
                    region=region.name,
                    time_s=time,
                    activity_bq=float(max(a[i], 0.0)),
                    sd_bq=float(sd[i]),
                    method="spect",
                )
                for time, a, sd in measured
            ),
            shared_relative_sd=shared,
            volume_ml=region.volume_ml,
            notes=_notes(region, body),
            provenance=Provenance(
                step="imaging.quantify_spect",
                parameters={
                    "counts_per_s_per_MBq": None
                    if calibration.counts_per_s_per_bq is None
                    else calibration.counts_per_s_per_bq * 1e6,
                    "calibration_relative_sd": calibration.relative_sd,
                    "fwhm_mm": calibration.fwhm_mm,
                    "recovery": recovery if isinstance(recovery, str) else "sphere curve",
                },
            ),
        )
        for i, region in enumerate(organs)
    )


def _check_recovery(recovery: RecoveryCurve | str) -> None:
    if isinstance(recovery, str) and recovery not in ("geometric_transfer", "none"):
        raise CaseError(
            "unknown correction for resolution",
            field="quantification.recovery",
            value=recovery,
            expected="geometric_transfer, none, or a recovery curve",
        )


def _notes(region: Region, body: Region | None) -> tuple[str, ...]:
    if body is None:
        return (f"{region.name}: no body outline was given; background spill-in is less sure",)
    return ()


def _matrix(
    organs: Sequence[Region], body: Region | None, calibration: SpectCalibration, recovery: RecoveryCurve | str
) -> TransferMatrix | None:
    if recovery != "geometric_transfer":
        return None
    if calibration.fwhm_mm is None:
        raise CaseError(
            "the geometric transfer matrix needs the resolution of the reconstruction",
            field="calibration.spect_fwhm_mm",
            remedy="measure it, or choose quantification.recovery = sphere_curve or none",
        )
    return transfer_matrix(organs, body=body, fwhm_mm=calibration.fwhm_mm)


def _measure(
    scan: TomographicScan,
    organs: Sequence[Region],
    body: Region | None,
    administration: Administration,
    calibration: SpectCalibration,
    matrix: TransferMatrix | None,
    recovery: RecoveryCurve | str,
) -> tuple[float, Floats, Floats]:
    """Time, activities and their independent standard uncertainties of one scan."""
    grid = scan.image.grid
    for region in organs if body is None else (*organs, body):
        grid.require_match(region.grid, what=f"SPECT and region {region.name}")
    to_bq = _bq_per_value(scan, calibration)
    values = np.asarray(scan.image.values, dtype=np.float64)
    taken = np.any([r.mask for r in organs], axis=0)
    rest = (body.mask if body is not None else np.ones(grid.shape, dtype=bool)) & ~taken
    masks = [*(r.mask for r in organs), rest]
    totals = np.array([values[m].sum() for m in masks])
    variance = np.array([_variance(values, m) for m in masks])
    if matrix is not None:
        true = matrix.solve(totals)
        sds = np.sqrt(np.diag(matrix.covariance(np.diag(variance))))
    else:
        factors = np.array(
            [recovery.coefficient(r.volume_ml) if isinstance(recovery, RecoveryCurve) else 1.0 for r in organs] + [1.0]
        )
        true, sds = totals / factors, np.sqrt(variance) / factors
    time_s, undo = _time(scan, administration)
    return time_s, true * to_bq * undo, np.maximum(sds * to_bq * undo, 1e-3)


def _variance(values: Floats, mask: npt.NDArray[np.bool_]) -> float:
    """Variance of a VOI sum from the image itself.

    Second differences over four voxels show the noise without smooth structure; first differences of
    neighbours show how far it is correlated. With a Gaussian correlation exp(-d^2/4s^2), of which
    neighbours keep rho, one independent patch is sqrt(pi / -ln rho) voxels long in each direction, and
    the sum of n voxels varies n times the patch times the voxel variance.
    """
    count = int(np.count_nonzero(mask))
    noise = _second_difference_variance(values, mask)
    if noise is None or noise <= 0.0:
        return float(max(values[mask].sum(), 1.0))
    patch = 1.0
    for axis in range(3):
        inside = np.moveaxis(mask, axis, 2)
        moved = np.moveaxis(values, axis, 2)
        pairs = inside[:, :, 1:] & inside[:, :, :-1]
        if not pairs.any():
            continue
        step = np.median(np.abs(moved[:, :, 1:] - moved[:, :, :-1])[pairs]) / 0.6745
        rho = float(np.clip(1.0 - step**2 / (2.0 * noise), 1e-3, 0.95))
        patch *= max(float(np.sqrt(np.pi / -np.log(rho))), 1.0)
    return noise * count * min(patch, float(count))


def _second_difference_variance(values: Floats, mask: npt.NDArray[np.bool_]) -> float | None:
    """Voxel variance from second differences over four voxels, or first ones in small regions."""
    both = mask[:, :, 4:] & mask[:, :, :-4]
    if np.count_nonzero(both) < 8:
        return None
    curvature = mask[:, :, 8:] & mask[:, :, 4:-4] & mask[:, :, :-8]
    if np.count_nonzero(curvature) >= 8:
        second = values[:, :, 8:] - 2.0 * values[:, :, 4:-4] + values[:, :, :-8]
        return float(np.median(np.abs(second[curvature])) / 0.6745) ** 2 / 6.0
    first = values[:, :, 4:] - values[:, :, :-4]
    return float(np.median(np.abs(first[both])) / 0.6745) ** 2 / 2.0


def _bq_per_value(scan: TomographicScan, calibration: SpectCalibration) -> float:
    if scan.image.quantity is Quantity.ACTIVITY_CONCENTRATION:
        if calibration.counts_per_s_per_bq is not None:
            raise CaseError(
                "the SPECT is already in Bq/ml: a calibration factor must not be applied to it",
                field="calibration.spect_cps_per_MBq",
                remedy="remove it, or export the reconstruction in counts",
            )
        return scan.image.grid.voxel_volume_ml
    if calibration.counts_per_s_per_bq is None or calibration.counts_per_s_per_bq <= 0.0:
        raise CaseError(
            "the SPECT is in counts and no calibration factor is given", field="calibration.spect_cps_per_MBq"
        )
    if scan.image.quantity is not Quantity.COUNTS:
        raise QuantityError("a SPECT holds counts or Bq/ml", value=str(scan.image.quantity))
    dead = 1.0
    if calibration.dead_time_s > 0.0:
        from hemadose.imaging.counts import true_rate_paralysable

        rate = float(np.asarray(scan.image.values, dtype=np.float64).sum()) / scan.duration_s
        if rate > 0.0:
            dead = true_rate_paralysable(rate, dead_time_s=calibration.dead_time_s) / rate
    return dead / (scan.duration_s * calibration.counts_per_s_per_bq)


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


def sphere_concentration(
    spheres: Sequence[ActivitySeries], volume_regions: Sequence[Region], *, lumbar_volume_ml: float
) -> ActivitySeries:
    """Activity in L2-L4 from the mean concentration in spheres placed in the vertebrae.

    Raises
    ------
    GeometryError
        If there is no sphere.
    """
    if not spheres:
        raise GeometryError("no marrow sphere was drawn")
    volume = sum(r.volume_ml for r in volume_regions)
    scale = lumbar_volume_ml / volume
    samples = []
    for k, sample in enumerate(spheres[0].samples):
        activity = sum(s.samples[k].activity_bq for s in spheres) * scale
        sd = scale * float(np.sqrt(sum((s.samples[k].sd_bq or 0.0) ** 2 for s in spheres)))
        samples.append(
            ActivitySample(
                region="lumbar_l2_l4", time_s=sample.time_s, activity_bq=activity, sd_bq=sd, method="spect spheres"
            )
        )
    return ActivitySeries(
        region="lumbar_l2_l4",
        samples=tuple(samples),
        shared_relative_sd=spheres[0].shared_relative_sd,
        volume_ml=lumbar_volume_ml,
        notes=("L2-L4 activity from the concentration in spheres times the vertebral volume",),
    )
