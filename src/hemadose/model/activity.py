"""Activity in a region at points in time, as imaging hands it to kinetics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, TimingError
from hemadose.model._checks import frozen_array, require_finite, require_non_negative
from hemadose.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivitySample:
    """Activity in one region at one time.

    Attributes
    ----------
    region : str
        Region name.
    time_s : float
        Seconds after administration, at the middle of the acquisition.
    activity_bq : float
        Activity present at that time (not decay-corrected to injection).
    sd_bq : float or None
        Standard uncertainty that is independent between times (counting, region drawing).
    method : str
        ``"spect"``, ``"planar"``, ``"hybrid"``, ``"blood"``, ``"table"`` ...
    """

    region: str
    time_s: float
    activity_bq: float
    sd_bq: float | None = None
    method: str = "table"

    def __post_init__(self) -> None:
        """Check time and uncertainty; a negative activity is refused."""
        require_finite(f"activity of {self.region}", activity_bq=self.activity_bq)
        require_finite(f"activity of {self.region}", time_s=self.time_s)
        if self.time_s < 0.0:
            raise TimingError(
                f"a sample of {self.region} lies before the administration",
                field="time",
                value=f"{self.time_s / 3600:g} h",
                expected=">= 0",
            )
        if self.activity_bq < 0.0:
            raise QuantityError(
                f"activity of {self.region} is negative",
                value=f"{self.activity_bq / 1e6:g} MBq",
                remedy="check background subtraction, or leave the point out with a reason",
            )
        if self.sd_bq is not None:
            require_non_negative(f"activity of {self.region}", sd_bq=self.sd_bq)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedParts:
    """Where the uncertainty that all samples of a series share comes from; relative standard uncertainties.

    Attributes
    ----------
    calibration : float
        Of the camera, one error for all its regions.
    recovery : float
        Of the correction for resolution, one error for all regions corrected with it.
    outline : float
        Of the activity by the outline of this region, covariance of counts and recovery taken off.
    scale : float
        Of a scale taken from another modality (planar images brought to SPECT), of this region alone.
    volume : float or None
        Of the drawn volume, where known.
    volume_exponent : float or None
        d ln activity / d ln volume: with it an error of the outline moves activity and mass together.
    """

    calibration: float = 0.0
    recovery: float = 0.0
    outline: float = 0.0
    scale: float = 0.0
    volume: float | None = None
    volume_exponent: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_non_negative(
            "shared uncertainty",
            calibration=self.calibration,
            recovery=self.recovery,
            outline=self.outline,
            scale=self.scale,
        )
        if self.volume is not None:
            require_non_negative("shared uncertainty", volume=self.volume)
        if self.volume_exponent is not None:
            require_finite("shared uncertainty", volume_exponent=self.volume_exponent)

    @property
    def relative_sd(self) -> float:
        """All of it together."""
        return math.hypot(self.calibration, self.recovery, self.outline, self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivitySeries:
    """All samples of one region, with the uncertainty they share.

    Attributes
    ----------
    region : str
        Region name.
    samples : tuple of ActivitySample
        In order of time, times strictly increasing.
    shared_relative_sd : float
        Relative standard uncertainty common to all samples (calibration, recovery,
        volume): it scales the curve and does not weigh the fit.
    shared_parts : SharedParts or None
        The same by cause, where they were told apart.
    volume_ml, mass_kg : float or None
        Of the region, where known from the image.
    notes : tuple of str
        Doubts, in plain words.
    provenance : Provenance or None
        How the samples were made.
    """

    region: str
    samples: tuple[ActivitySample, ...]
    shared_relative_sd: float = 0.0
    volume_ml: float | None = None
    mass_kg: float | None = None
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None
    shared_parts: SharedParts | None = None

    def __post_init__(self) -> None:
        """Check the order of times, that one region is meant, and that the shared parts add up."""
        require_non_negative(f"series of {self.region}", shared_relative_sd=self.shared_relative_sd)
        parts = self.shared_parts
        if parts is not None and not math.isclose(
            parts.relative_sd, self.shared_relative_sd, rel_tol=1e-6, abs_tol=1e-9
        ):
            raise QuantityError(
                f"the parts of the shared uncertainty of {self.region} do not add up",
                value=f"{parts.relative_sd:g}",
                expected=f"{self.shared_relative_sd:g}",
            )
        if not self.samples:
            raise QuantityError(f"no activity sample for {self.region}")
        if {sample.region for sample in self.samples} != {self.region}:
            raise QuantityError(f"the series of {self.region} holds samples of other regions")
        if (np.diff(self.times_s) <= 0.0).any():
            raise TimingError(
                f"times of {self.region} must increase and not repeat",
                value=", ".join(f"{t / 3600:g} h" for t in self.times_s),
            )

    @property
    def times_s(self) -> npt.NDArray[np.float64]:
        """Times after administration, shape (n,)."""
        return frozen_array([s.time_s for s in self.samples], np.float64)

    @property
    def activities_bq(self) -> npt.NDArray[np.float64]:
        """Activities, shape (n,)."""
        return frozen_array([s.activity_bq for s in self.samples], np.float64)

    @property
    def sds_bq(self) -> npt.NDArray[np.float64] | None:
        """Independent standard uncertainties, shape (n,), or None unless all are known."""
        known = [s.sd_bq for s in self.samples if s.sd_bq is not None]
        return frozen_array(known, np.float64) if len(known) == len(self.samples) else None
