"""How wide a gamma camera sees a point at some distance from its collimator.

``FWHM(d)^2 = intrinsic^2 + (at_face + per_mm d)^2`` with d from the collimator's face: the geometric resolution of
parallel holes grows linearly with distance and is added to that of crystal and electronics in quadrature.

References
----------
Anger H O. J Nucl Med 5:515 (1964). Cherry S R, Sorenson J A, Phelps M E. Physics in Nuclear Medicine, 4th ed. (2012),
eq. 14-7 and 14-9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.model._checks import require_non_negative

FWHM_PER_SIGMA = math.sqrt(8.0 * math.log(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorResponse:
    """Gaussian detector response.

    Attributes
    ----------
    intrinsic_fwhm_mm : float
        Of crystal and electronics, at the energy of the window.
    at_face_mm : float
        Geometric FWHM of a point on the collimator's face.
    per_mm : float
        Growth of the geometric FWHM with each mm of distance.

    Examples
    --------
    >>> response = DetectorResponse(intrinsic_fwhm_mm=3.8, at_face_mm=3.0, per_mm=0.07)
    >>> round(float(response.fwhm_mm(100.0)), 2)
    10.7
    """

    intrinsic_fwhm_mm: float
    at_face_mm: float
    per_mm: float

    def __post_init__(self) -> None:
        """Refuse negative widths."""
        require_non_negative(
            "a detector response",
            intrinsic_fwhm_mm=self.intrinsic_fwhm_mm,
            at_face_mm=self.at_face_mm,
            per_mm=self.per_mm,
        )

    def fwhm_mm(self, distance_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Full width at half maximum at distances from the collimator's face, mm."""
        geometric = self.at_face_mm + self.per_mm * np.asarray(distance_mm, dtype=np.float64)
        return np.asarray(np.hypot(self.intrinsic_fwhm_mm, geometric))

    def sigma_mm(self, distance_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Standard deviation of the Gaussian at distances from the collimator's face, mm."""
        return np.asarray(self.fwhm_mm(distance_mm) / FWHM_PER_SIGMA)
