"""The calibration factor of a SPECT from a uniform cylinder and from a sphere, as the papers measure it.

A large cylinder, measured in a volume well inside its wall, needs no recovery; its whole field of view counts what the
volume may miss (scatter, edges). A sphere is measured in a volume enlarged until no spill-out is lost, or inside its
wall with the recovery of the resolution. Where the three differ more than their uncertainties, a correction of the
reconstruction is not right.

References
----------
Dewaraja Y. et al. (MIRD 23), J Nucl Med 2012;53:1310; Ljungberg M. et al. (MIRD 26, 177Lu), J Nucl Med 2016;57:151.
The effect of calibration factors and recovery coefficients on 177Lu SPECT, EJNMMI Phys 2021;8:27 (sphere or cylinder).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hemadose.errors import QuantityError
from hemadose.imaging.calibration.known_source import CalibrationFactor, KnownSource, UncertaintyTerm, mean_decay_factor
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectCounts:
    """Counts of one volume in one reconstructed SPECT.

    Attributes
    ----------
    counts, relative_sd : float
        Sum over the volume and its relative standard uncertainty from noise.
    duration_s : float
        Acquisition time that count rates refer to (views per head times time per view).
    started_at : datetime
        Aware.
    decay_reference_at : datetime or None
        Moment to which the image was decay-corrected; None for an image that was not.
    """

    counts: float
    relative_sd: float
    duration_s: float
    started_at: datetime
    decay_reference_at: datetime | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive("SPECT counts", counts=self.counts, duration_s=self.duration_s)
        require_non_negative("SPECT counts", relative_sd=self.relative_sd)


def _mean_activity_bq(counts: SpectCounts, source: KnownSource) -> float:
    """Activity that the image shows: the mean of the acquisition, or that at its decay reference."""
    if counts.decay_reference_at is not None:
        return source.activity_bq(counts.decay_reference_at)
    return source.activity_bq(counts.started_at) * mean_decay_factor(source.nuclide, duration_s=counts.duration_s)


def _factor(
    counts: SpectCounts,
    source: KnownSource,
    *,
    share: float,
    terms: tuple[UncertaintyTerm, ...],
    method: str,
    notes: tuple[str, ...] = (),
) -> CalibrationFactor:
    """Counts per second and becquerel where the volume should hold `share` of the source's counts."""
    value = counts.counts / counts.duration_s / (_mean_activity_bq(counts, source) * share)
    noise = UncertaintyTerm(name="noise of the image", kind="A", relative_sd=counts.relative_sd)
    budget = (noise, *source.terms(counts.started_at), *(t for t in terms if t.relative_sd > 0.0))
    return CalibrationFactor(
        counts_per_s_per_bq=value,
        budget=budget,
        method=method,
        nuclide=source.nuclide.name,
        notes=notes,
        provenance=Provenance(step="imaging.spect_calibration", parameters={"method": method, "share": share}),
    )


def cylinder_factor(
    counts: SpectCounts,
    source: KnownSource,
    *,
    voi_ml: float,
    phantom_ml: float,
    phantom_relative_sd: float = 0.0,
    notes: tuple[str, ...] = (),
) -> CalibrationFactor:
    """Calibrate with a volume inside a uniform cylinder: CF = C / (t A v / V).

    Parameters
    ----------
    counts : SpectCounts
        Of the volume.
    source : KnownSource
        What was filled in.
    voi_ml, phantom_ml : float
        The volume, and the filling volume of the phantom (weighed).
    phantom_relative_sd : float
        Of the filling volume.
    notes : tuple of str
        Doubts from measuring the image.

    Raises
    ------
    QuantityError
        If the volume is not smaller than the phantom.
    """
    require_positive("cylinder", voi_ml=voi_ml, phantom_ml=phantom_ml)
    if voi_ml >= phantom_ml:
        raise QuantityError(
            "the volume of interest must lie inside the phantom",
            field="voi_ml",
            value=f"{voi_ml:g} ml",
            expected=f"below {phantom_ml:g} ml",
        )
    term = UncertaintyTerm(name="filling volume", kind="B", relative_sd=phantom_relative_sd)
    return _factor(
        counts, source, share=voi_ml / phantom_ml, terms=(term,), method="uniform cylinder, volume inside", notes=notes
    )


def whole_field_factor(counts: SpectCounts, source: KnownSource, *, method: str) -> CalibrationFactor:
    """Calibrate with all counts of the field of view: no volume enters, but scatter outside the source does."""
    return _factor(counts, source, share=1.0, terms=(), method=method)


def sphere_factor(
    counts: SpectCounts, source: KnownSource, *, recovery: float = 1.0, recovery_relative_sd: float = 0.0, method: str
) -> CalibrationFactor:
    """Calibrate with a sphere in a cold background.

    Parameters
    ----------
    counts : SpectCounts
        Of the sphere's volume, or of one enlarged until spill-out is inside (recovery 1).
    source : KnownSource
        What the sphere holds.
    recovery : float
        Share of its counts that stays in the volume (`sphere_recovery`).
    recovery_relative_sd : float
        Its relative standard uncertainty.
    method : str
        Which of the two.

    Raises
    ------
    QuantityError
        If the recovery is not between 0 and 1.2.
    """
    if not 0.0 < recovery <= 1.2:
        raise QuantityError("a recovery coefficient is near 0 to 1", field="recovery", value=f"{recovery:g}")
    term = UncertaintyTerm(name="recovery", kind="B", relative_sd=recovery_relative_sd)
    return _factor(counts, source, share=recovery, terms=(term,), method=method)
