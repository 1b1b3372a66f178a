"""From an uncertain outline to an uncertain activity: volume, recovery, counts, and what they share.

An outline drawn too large holds more counts and is corrected with a larger recovery coefficient: two errors of one
cause, whose covariance takes away part of both (Gear 2018). In A = C / (Q R):

    (u(A)/A)^2 = (u(Q)/Q)^2 + (u(R)/R)^2 + (u(C)/C)^2 - 2 u(R, C) / (R C)
    u(v)/v = 3 u(d)/d,  u(d)^2 = a^2 / 6 + FWHM^2 / (4 ln 2)       (two edges: voxel a, resolution)
    u(R)^2 = g V g + (dR/dv)^2 u(v)^2                              (fit of the curve, volume)
    u(C)/C = phi / (2 R) u(v)/v,  phi = erf(2r / (sigma sqrt2)) - 2 sigma / (r sqrt(2 pi)) (1 - exp(-2 r^2 / sigma^2))
    u(R, C) = phi C / (2 R v) dR/dv u(v)^2

phi / 2 is the height of the blurred sphere at its edge, over that of the sphere: what one more shell of volume adds to
the counts. It is not the recovery of the sphere, for which it has been taken.

References
----------
Gear J. et al., EANM practical guidance on uncertainty analysis for molecular radiotherapy absorbed dose calculations,
Eur J Nucl Med Mol Imaging 2018;45:2456 (volume, recovery coefficient, count rate, activity).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, log, pi, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.imaging.calibration.recovery_fit import RecoveryFit
from hemadose.imaging.calibration.recovery_forms import sphere_diameter_mm
from hemadose.imaging.recovery import FWHM_PER_SIGMA
from hemadose.model._checks import require_non_negative, require_positive

Floats: TypeAlias = npt.NDArray[np.float64]


def diameter_sd_mm(*, voxel_mm: float, fwhm_mm: float) -> float:
    """Standard uncertainty of a drawn diameter, u(d)^2 = a^2 / 6 + FWHM^2 / (4 ln 2).

    Parameters
    ----------
    voxel_mm : float
        Voxel of the image the outline was drawn on.
    fwhm_mm : float
        Resolution of that image (CT or SPECT).

    Examples
    --------
    >>> round(diameter_sd_mm(voxel_mm=4.8, fwhm_mm=0.0), 4), round(diameter_sd_mm(voxel_mm=0.0, fwhm_mm=10.0), 4)
    (1.9596, 6.0056)
    """
    require_non_negative("outline", voxel_mm=voxel_mm, fwhm_mm=fwhm_mm)
    return sqrt(voxel_mm**2 / 6.0 + fwhm_mm**2 / (4.0 * log(2.0)))


def volume_relative_sd(
    volume_ml: float, *, voxel_mm: float, fwhm_mm: float, between_observers_relative_sd: float = 0.0
) -> float:
    """Relative standard uncertainty of a drawn volume, 3 u(d) / d with the diameter of the equal sphere.

    Parameters
    ----------
    volume_ml : float
        Drawn volume.
    voxel_mm, fwhm_mm : float
        Of the image it was drawn on.
    between_observers_relative_sd : float
        Of the volume between people who draw it, where it was studied.

    Examples
    --------
    >>> round(volume_relative_sd(26.5, voxel_mm=4.8, fwhm_mm=0.0), 4)
    0.1589
    """
    require_positive("outline", volume_ml=volume_ml)
    own = 3.0 * diameter_sd_mm(voxel_mm=voxel_mm, fwhm_mm=fwhm_mm) / sphere_diameter_mm(volume_ml)
    return float(np.hypot(own, between_observers_relative_sd))


def edge_share(*, radius_mm: float, fwhm_mm: float) -> float:
    """Twice the height of a blurred sphere at its edge, phi of Gear 2018; 1 for a large sphere.

    >>> round(edge_share(radius_mm=15.0, fwhm_mm=12.0), 4)
    0.7289
    """
    require_positive("sphere", radius_mm=radius_mm, fwhm_mm=fwhm_mm)
    sigma = fwhm_mm / FWHM_PER_SIGMA
    shown = 2.0 * sigma / (radius_mm * sqrt(2.0 * pi)) * (1.0 - exp(-2.0 * radius_mm**2 / sigma**2))
    return erf(sqrt(2.0) * radius_mm / sigma) - shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityUncertainty:
    """The activity of one volume and where its uncertainty comes from, all relative standard uncertainties.

    Attributes
    ----------
    activity_bq : float
        A = C / (Q R).
    recovery : float
        R at the drawn volume.
    volume : float
        Of the volume.
    recovery_fit, recovery_volume : float
        Of R from the curve, and from the volume.
    counts_volume : float
        Of C from the volume.
    covariance : float
        u(R, C) / (R C).
    calibration, noise : float
        Of Q, and of C by noise (independent between times).
    volume_exponent : float
        d ln A / d ln v: how A follows an error of the volume (mass and dose follow it too).
    notes : tuple of str
        Doubts.
    """

    activity_bq: float
    recovery: float
    volume: float
    recovery_fit: float
    recovery_volume: float
    counts_volume: float
    covariance: float
    calibration: float
    noise: float
    volume_exponent: float
    notes: tuple[str, ...] = ()

    @property
    def shared(self) -> float:
        """What all times of one volume and camera share."""
        outline = self.recovery_volume**2 + self.counts_volume**2 - 2.0 * self.covariance
        return sqrt(self.calibration**2 + self.recovery_fit**2 + max(outline, 0.0))

    @property
    def total(self) -> float:
        """Combined relative standard uncertainty."""
        return sqrt(self.shared**2 + self.noise**2)

    @property
    def total_without_covariance(self) -> float:
        """What it would be if recovery and counts were taken as independent."""
        return sqrt(self.total**2 + 2.0 * self.covariance)


def activity_uncertainty(
    *,
    counts_per_s: float,
    counts_relative_sd: float,
    volume_ml: float,
    volume_relative_sd: float,
    recovery: RecoveryFit,
    fwhm_mm: float,
    counts_per_s_per_bq: float,
    calibration_relative_sd: float,
) -> ActivityUncertainty:
    """Activity of a volume with recovery correction, and its budget (module text).

    Parameters
    ----------
    counts_per_s, counts_relative_sd : float
        Count rate inside the outline and its noise.
    volume_ml, volume_relative_sd : float
        Drawn volume (`volume_relative_sd` of this module, or the spread between observers).
    recovery : RecoveryFit
        Curve of the camera and reconstruction.
    fwhm_mm : float
        Resolution of the SPECT, for what the edge adds.
    counts_per_s_per_bq, calibration_relative_sd : float
        Calibration factor.

    Returns
    -------
    ActivityUncertainty

    Raises
    ------
    QuantityError
        If a number is not positive where it must be.
    """
    require_positive(
        "activity",
        counts_per_s=counts_per_s,
        volume_ml=volume_ml,
        counts_per_s_per_bq=counts_per_s_per_bq,
        fwhm_mm=fwhm_mm,
    )
    require_non_negative(
        "activity",
        counts_relative_sd=counts_relative_sd,
        volume_relative_sd=volume_relative_sd,
        calibration_relative_sd=calibration_relative_sd,
    )
    r = float(recovery.coefficient(volume_ml))
    steep = recovery.slope_per_ml(volume_ml) * volume_ml / r
    gain = edge_share(radius_mm=sphere_diameter_mm(volume_ml) / 2.0, fwhm_mm=fwhm_mm) / (2.0 * r)
    return ActivityUncertainty(
        activity_bq=counts_per_s / (counts_per_s_per_bq * r),
        recovery=r,
        volume=volume_relative_sd,
        recovery_fit=float(recovery.sd(volume_ml)) / r,
        recovery_volume=abs(steep) * volume_relative_sd,
        counts_volume=gain * volume_relative_sd,
        covariance=steep * gain * volume_relative_sd**2,
        calibration=calibration_relative_sd,
        noise=counts_relative_sd,
        volume_exponent=gain - steep,
        notes=_doubts(volume_ml, volume_relative_sd, recovery),
    )


def _doubts(volume_ml: float, relative_sd: float, recovery: RecoveryFit) -> tuple[str, ...]:
    notes = []
    if not recovery.smallest_ml <= volume_ml <= recovery.largest_ml:
        notes.append(
            f"{volume_ml:.3g} ml lies outside the phantom spheres ({recovery.smallest_ml:.3g} to "
            f"{recovery.largest_ml:.3g} ml): the recovery is extrapolated"
        )
    if relative_sd > 0.5:
        notes.append(f"the volume is known to {100 * relative_sd:.0f} % only: first-order propagation is rough")
    return tuple(notes)


def activity_covariance(
    activities_bq: npt.ArrayLike, *, shared_relative_sd: float, independent_relative_sd: npt.ArrayLike
) -> Floats:
    """Covariance of the activities of one volume at several times, shape (n, n).

    V = shared^2 A A^T + diag((independent A)^2): calibration, outline and recovery are one error at all times.

    Raises
    ------
    QuantityError
        If an activity is negative.
    """
    a = np.asarray(activities_bq, dtype=np.float64)
    if (a < 0.0).any():
        raise QuantityError("an activity is negative", value=f"{a.min():g} Bq")
    own = np.broadcast_to(np.asarray(independent_relative_sd, dtype=np.float64), a.shape)
    return np.asarray(shared_relative_sd**2 * np.outer(a, a) + np.diag((own * a) ** 2))
