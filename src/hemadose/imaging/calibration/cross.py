"""The dose calibrator against something known: a reference source, another geometry, another setting.

A dose calibrator is right for the geometry and nuclide setting it was calibrated with. Three experiments say how far it
is off elsewhere: a source of stated activity, the same activity in two containers by difference of weighings of
activity (vial before and after filling a syringe), and a row of settings of which one gives the stated activity.

References
----------
AAPM Task Group 181 (2012): The selection, use, calibration and quality assurance of radionuclide calibrators.
Zimmerman B., Cessna J., Appl Radiat Isot 2000;52:615 (settings by experiment).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import hypot, sqrt

import numpy as np

from hemadose.errors import CaseError, QuantityError
from hemadose.imaging.calibration.known_source import (
    DOSE_CALIBRATOR,
    KnownSource,
    UncertaintyTerm,
    combined_relative_sd,
)
from hemadose.model import Nuclide
from hemadose.model._checks import require_aware, require_non_negative, require_positive
from hemadose.model.moment import elapsed_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading of a dose calibrator."""

    activity_bq: float
    measured_at: datetime

    def __post_init__(self) -> None:
        """Check number and time."""
        require_non_negative("dose calibrator reading", activity_bq=self.activity_bq)
        require_aware("dose calibrator reading", measured_at=self.measured_at)

    def at(self, moment: datetime, nuclide: Nuclide) -> float:
        """Reading decayed to a moment."""
        return self.activity_bq * nuclide.decay_factor(elapsed_s(self.measured_at, moment))


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseCalibratorFactor:
    """What a reading must be multiplied by.

    Attributes
    ----------
    value : float
        True activity over displayed activity.
    budget : tuple of UncertaintyTerm
        Its uncertainty.
    method : str
        How it was found.
    notes : tuple of str
        Doubts.
    """

    value: float
    budget: tuple[UncertaintyTerm, ...]
    method: str
    notes: tuple[str, ...] = ()

    @property
    def relative_sd(self) -> float:
        """Combined relative standard uncertainty."""
        return combined_relative_sd(self.budget)


def reference_factor(
    readings: Sequence[Reading], *, reference: KnownSource, background_bq: float = 0.0
) -> DoseCalibratorFactor:
    """Compare readings of a reference source with what its certificate states.

    Parameters
    ----------
    readings : sequence of Reading
        Repeated, of the same source and setting.
    reference : KnownSource
        Certificate: activity, time, and its relative standard uncertainty in `dose_calibrator_relative_sd`.
    background_bq : float
        Reading without a source.

    Returns
    -------
    DoseCalibratorFactor

    Raises
    ------
    CaseError
        If there are no readings.
    QuantityError
        If a reading is not above background.
    """
    if not readings:
        raise CaseError("a cross-calibration needs readings", field="reading")
    ratios = []
    for reading in readings:
        net = reading.activity_bq - background_bq
        if net <= 0.0:
            raise QuantityError("a reading is not above background", value=f"{reading.activity_bq / 1e6:g} MBq")
        ratios.append(reference.activity_bq(reading.measured_at) / net)
    value = float(np.mean(ratios))
    repeat = float(np.std(ratios, ddof=1)) / sqrt(len(ratios)) / value if len(ratios) > 1 else 0.0
    notes = () if len(ratios) > 1 else ("one reading only: repeatability is not in the uncertainty",)
    certificate = UncertaintyTerm(
        name="certificate of the reference", kind="B", relative_sd=reference.dose_calibrator_relative_sd
    )
    others = tuple(t for t in reference.terms(readings[0].measured_at) if t.key != DOSE_CALIBRATOR)
    return DoseCalibratorFactor(
        value=value,
        budget=(UncertaintyTerm(name="repeated readings", kind="A", relative_sd=repeat), certificate, *others),
        method="reference source",
        notes=notes,
    )


def geometry_factor(
    *,
    calibrated_before: Reading,
    calibrated_after: Reading,
    other_full: Reading,
    other_empty: Reading | None,
    nuclide: Nuclide,
    reading_relative_sd: float,
) -> DoseCalibratorFactor:
    """Factor of a container from what left a calibrated one.

    What is missing from the calibrated geometry (a vial) is what the other one (a syringe) received:
    f = (V1 - V2) / (S1 - S2), all decayed to the time of S1.

    Parameters
    ----------
    calibrated_before, calibrated_after : Reading
        Of the container whose setting is right.
    other_full, other_empty : Reading
        Of the other container; None for one that kept nothing.
    nuclide : Nuclide
        For decay.
    reading_relative_sd : float
        Repeatability of one reading.

    Raises
    ------
    QuantityError
        If a difference is not positive.
    """
    require_non_negative("geometry factor", reading_relative_sd=reading_relative_sd)
    at = other_full.measured_at
    before, after = calibrated_before.at(at, nuclide), calibrated_after.at(at, nuclide)
    full, empty = other_full.activity_bq, 0.0 if other_empty is None else other_empty.at(at, nuclide)
    moved, shown = before - after, full - empty
    if moved <= 0.0 or shown <= 0.0:
        raise QuantityError(
            "no activity moved from one container to the other",
            value=f"{moved / 1e6:.4g} and {shown / 1e6:.4g} MBq",
            remedy="check the order and the times of the readings",
        )
    sd = reading_relative_sd * hypot(hypot(before, after) / moved, hypot(full, empty) / shown)
    notes = (
        () if moved > 0.2 * before else ("less than a fifth was moved: the difference of two large readings is weak",)
    )
    return DoseCalibratorFactor(
        value=moved / shown,
        budget=(UncertaintyTerm(name="readings", kind="A", relative_sd=sd),),
        method="geometry by difference",
        notes=notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DialSetting:
    """A nuclide setting that shows the right activity.

    Attributes
    ----------
    setting, sd : float
        The number to dial and its standard uncertainty.
    notes : tuple of str
        Doubts.
    """

    setting: float
    sd: float
    notes: tuple[str, ...] = ()


def dial_setting(
    settings: Sequence[float],
    readings_bq: Sequence[float],
    *,
    reference_bq: float,
    reference_relative_sd: float,
) -> DialSetting:
    """Find the setting whose reading equals the reference, by a parabola through log reading against setting.

    Parameters
    ----------
    settings, readings_bq : sequence of float
        At least three settings about the right one, readings decayed to one time.
    reference_bq, reference_relative_sd : float
        Known activity at that time.

    Raises
    ------
    QuantityError
        If readings are not monotonic, or the reference is not between them.
    """
    x, y = np.asarray(settings, dtype=np.float64), np.asarray(readings_bq, dtype=np.float64)
    if x.size != y.size or x.size < 3 or np.unique(x).size != x.size:
        raise CaseError("three different settings with a reading each are needed", field="settings", value=str(x.size))
    require_positive("dose calibrator", reference_bq=reference_bq, lowest_reading_bq=float(y.min()))
    order = np.argsort(x)
    x, logs = x[order], np.log(y[order] / reference_bq)
    if not ((np.diff(logs) > 0.0).all() or (np.diff(logs) < 0.0).all()):
        raise QuantityError("readings must rise or fall steadily with the setting", value=str(list(y)))
    if logs.min() > 0.0 or logs.max() < 0.0:
        raise QuantityError(
            "the reference activity is not between the readings",
            value=f"{reference_bq / 1e6:.4g} MBq",
            expected=f"{y.min() / 1e6:.4g} to {y.max() / 1e6:.4g} MBq",
            remedy="read at settings on both sides",
        )
    scale, middle = float(np.ptp(x)), float(x.mean())
    curve = np.polynomial.Polynomial.fit((x - middle) / scale, logs, 2)
    roots = [complex(r).real * scale + middle for r in list(curve.roots()) if abs(complex(r).imag) < 1e-9]
    inside = [r for r in roots if x[0] <= r <= x[-1]]
    if not inside:
        raise QuantityError("no setting between those read gives the reference", value=str(list(x)))
    found = float(inside[0])
    slope = float(curve.deriv()((found - middle) / scale)) / scale
    residual = logs - curve((x - middle) / scale)
    scatter = sqrt(float(residual @ residual) / (x.size - 3) / x.size) if x.size > 3 else 0.0
    return DialSetting(
        setting=found,
        sd=hypot(reference_relative_sd, scatter) / abs(slope),
        notes=() if x.size > 3 else ("three settings leave no residuals: readings are taken as exact",),
    )
