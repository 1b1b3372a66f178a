"""Resolution and outline of a SPECT region: its recovery, and what both add to the shared uncertainty.

A recovery is a curve of phantom spheres (`RecoveryCurve`, or `RecoveryFit` with its covariance) or a closed form at
one resolution: the ellipsoid of the region's own axes, the geometric transfer matrix, or none. The outline enters as
one stated uncertainty of the volume, or by Gear 2018, where counts and recovery share the error of the volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, inf, sqrt
from typing import TypeAlias

import numpy as np

from hemadose.errors import CaseError
from hemadose.imaging.calibration.recovery_fit import RecoveryFit
from hemadose.imaging.partial_volume import axes_of, ellipsoid_recovery
from hemadose.imaging.recovery import RecoveryCurve
from hemadose.imaging.volume_uncertainty import ActivityUncertainty, activity_uncertainty, volume_relative_sd
from hemadose.model import Region
from hemadose.model._checks import require_non_negative

Recovery: TypeAlias = RecoveryCurve | RecoveryFit | str

CLOSED = ("geometric_transfer", "ellipsoid")
NAMED = (*CLOSED, "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The image that volumes were drawn on (Gear 2018).

    Attributes
    ----------
    voxel_mm, fwhm_mm : float
        Its voxel and resolution.
    between_observers_relative_sd : float
        Of a volume between people who draw it.
    """

    voxel_mm: float
    fwhm_mm: float
    between_observers_relative_sd: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_non_negative(
            "outline",
            voxel_mm=self.voxel_mm,
            fwhm_mm=self.fwhm_mm,
            between_observers_relative_sd=self.between_observers_relative_sd,
        )

    def volume_relative_sd(self, volume_ml: float) -> float:
        """Relative standard uncertainty of a drawn volume, 3 u(d) / d."""
        return volume_relative_sd(
            volume_ml,
            voxel_mm=self.voxel_mm,
            fwhm_mm=self.fwhm_mm,
            between_observers_relative_sd=self.between_observers_relative_sd,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Resolution of the reconstruction.

    Attributes
    ----------
    fwhm_mm : float or None
        None where it was not measured.
    sd_mm : float
        Standard uncertainty.
    """

    fwhm_mm: float | None = None
    sd_mm: float = 0.0

    def required(self, purpose: str, *, remedy: str) -> float:
        """Give the resolution.

        Raises
        ------
        CaseError
            If it is not known.
        """
        if self.fwhm_mm is None:
            raise CaseError(
                f"{purpose} needs the resolution of the reconstruction",
                field="calibration.spect_fwhm_mm",
                remedy=f"measure it, or choose {remedy}",
            )
        return self.fwhm_mm


def check_recovery(recovery: Recovery) -> None:
    """Refuse a correction for resolution that does not exist.

    Raises
    ------
    CaseError
        If the name is none of `NAMED`.
    """
    if isinstance(recovery, str) and recovery not in NAMED:
        raise CaseError(
            "unknown correction for resolution",
            field="quantification.recovery",
            value=recovery,
            expected=f"{', '.join(NAMED)}, or a recovery curve",
        )


def recovery_word(recovery: Recovery) -> str:
    """Name a recovery in a provenance record."""
    if isinstance(recovery, str):
        return recovery
    return "sphere curve" if isinstance(recovery, RecoveryCurve) else f"sphere curve, {recovery.form} with covariance"


def recovery_coefficient(region: Region, recovery: Recovery, resolution: Resolution) -> float:
    """Share of a region's counts that stays inside it; 1 where another step (or none) corrects.

    Raises
    ------
    CaseError
        If the ellipsoid lacks the resolution.
    QuantityError
        If a curve gives nothing usable at this volume.
    """
    if isinstance(recovery, RecoveryCurve | RecoveryFit):
        return float(recovery.coefficient(region.volume_ml))
    if recovery != "ellipsoid":
        return 1.0
    fwhm = resolution.required("the ellipsoid", remedy="quantification.recovery = sphere_curve or none")
    return ellipsoid_recovery(semi_axes_mm=axes_of(region), fwhm_mm=fwhm)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedUncertainty:
    """What all samples of a region share.

    Attributes
    ----------
    relative_sd : float
        Relative standard uncertainty: calibration, recovery, outline.
    notes : tuple of str
        Doubts.
    """

    relative_sd: float
    notes: tuple[str, ...] = ()


def shared_uncertainty(
    region: Region,
    recovery: Recovery,
    resolution: Resolution,
    *,
    calibration_relative_sd: float,
    outline: Outline | float,
) -> SharedUncertainty:
    """Put calibration, recovery and outline of a region together.

    Parameters
    ----------
    region, recovery, resolution
        As quantified.
    calibration_relative_sd : float
        Of the calibration factor.
    outline : Outline or float
        Gear 2018 from the image the region was drawn on, or one relative standard uncertainty of the activity.

    Returns
    -------
    SharedUncertainty
        With an `Outline`, the covariance of counts and recovery is taken off (`activity_uncertainty`). Closed forms
        take the sphere of the region's volume; without recovery only the counts follow the volume.

    Raises
    ------
    CaseError
        If the resolution is needed and not known.
    """
    if not isinstance(outline, Outline):
        own = _recovery_relative_sd(region.volume_ml, recovery, resolution)
        return SharedUncertainty(
            relative_sd=sqrt(calibration_relative_sd**2 + outline**2 + own**2), notes=_range_note(region, recovery)
        )
    budget = outline_budget(
        region.volume_ml, recovery, resolution, calibration_relative_sd=calibration_relative_sd, outline=outline
    )
    shared = hypot(calibration_relative_sd, budget.counts_volume) if recovery == "none" else budget.shared
    if isinstance(recovery, RecoveryCurve):
        shared = hypot(shared, recovery.relative_sd)
    said = (
        f"{region.name}: volume known to {100 * budget.volume:.1f} %, activity to {100 * shared:.1f} % with "
        "calibration and recovery (Gear 2018)"
    )
    return SharedUncertainty(relative_sd=shared, notes=(said, *(f"{region.name}: {n}" for n in budget.notes)))


def outline_budget(
    volume_ml: float, recovery: Recovery, resolution: Resolution, *, calibration_relative_sd: float, outline: Outline
) -> ActivityUncertainty:
    """Give the budget of Gear 2018 for a volume, for one becquerel's worth of counts.

    Raises
    ------
    CaseError
        If the resolution is not known.
    """
    fwhm = resolution.required("the uncertainty of a volume (gear2018)", remedy="volume_uncertainty = relative_sd")
    return activity_uncertainty(
        counts_per_s=1.0,
        counts_relative_sd=0.0,
        volume_ml=volume_ml,
        volume_relative_sd=outline.volume_relative_sd(volume_ml),
        recovery=_as_fit(recovery, fwhm, resolution.sd_mm),
        fwhm_mm=fwhm,
        counts_per_s_per_bq=1.0,
        calibration_relative_sd=calibration_relative_sd,
    )


def _recovery_relative_sd(volume_ml: float, recovery: Recovery, resolution: Resolution) -> float:
    if isinstance(recovery, RecoveryCurve):
        return recovery.relative_sd
    if recovery == "none" or (isinstance(recovery, str) and (resolution.fwhm_mm is None or resolution.sd_mm == 0.0)):
        return 0.0
    fit = _as_fit(recovery, resolution.fwhm_mm or 0.0, resolution.sd_mm)
    return float(fit.sd(volume_ml) / fit.coefficient(volume_ml))


def _as_fit(recovery: Recovery, fwhm_mm: float, fwhm_sd_mm: float) -> RecoveryFit:
    """Give any recovery as a curve with covariance; closed forms as the sphere at one resolution, at all volumes."""
    if isinstance(recovery, RecoveryFit):
        return recovery
    curve = isinstance(recovery, RecoveryCurve)
    return RecoveryFit(
        form="gear2" if curve else "gaussian",
        parameters=np.array([recovery.alpha_ml, recovery.beta] if isinstance(recovery, RecoveryCurve) else [fwhm_mm]),
        covariance=np.zeros((2, 2)) if curve else np.array([[fwhm_sd_mm**2]]),
        scatter=0.0,
        shared_relative_sd=0.0,
        stated=True,
        chi_square=0.0,
        degrees_of_freedom=0,
        aicc=0.0,
        smallest_ml=0.0,
        largest_ml=inf,
    )


def _range_note(region: Region, recovery: Recovery) -> tuple[str, ...]:
    if not isinstance(recovery, RecoveryFit) or recovery.smallest_ml <= region.volume_ml <= recovery.largest_ml:
        return ()
    return (
        f"{region.name}: {region.volume_ml:.3g} ml lies outside the phantom spheres ({recovery.smallest_ml:.3g} to "
        f"{recovery.largest_ml:.3g} ml): the recovery is extrapolated",
    )
