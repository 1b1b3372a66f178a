"""From the activity the patient shall receive to the one that is ordered, measured and drawn up.

Decay between calibration and administration, what stays in syringe and line, and the volume at a stated concentration.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Nuclide
from hemadose.model._checks import require_aware, require_non_negative, require_positive
from hemadose.model.moment import elapsed_s
from hemadose.units import DAY_S

LONGEST_HALF_LIVES = 20.0
"""Between calibration and administration: a millionth is left, so a date is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyringePlan:
    """What to order and draw up.

    Attributes
    ----------
    activity_bq : float
        The patient receives, at the time of administration.
    dispensed_bq : float
        In the syringe at the time of administration: with what stays behind.
    at_calibration_bq : float
        The same, at the time of calibration.
    decay_factor : float
        From calibration to administration; above 1 if the calibration is later.
    volume_ml : float or None
        To draw up, where the concentration is known.
    notes : tuple of str
        Doubts.
    """

    activity_bq: float
    dispensed_bq: float
    at_calibration_bq: float
    decay_factor: float
    volume_ml: float | None = None
    notes: tuple[str, ...] = ()


def syringe_plan(
    activity_bq: float,
    *,
    nuclide: Nuclide,
    calibrated_at: datetime,
    administered_at: datetime,
    residual_fraction: float = 0.0,
    concentration_bq_per_ml: float | None = None,
    vial_volume_ml: float | None = None,
) -> SyringePlan:
    """Plan the syringe.

    Parameters
    ----------
    activity_bq : float
        To be in the patient.
    nuclide : Nuclide
        That decays.
    calibrated_at, administered_at : datetime
        With time zone; the calibration may be before or after the administration.
    residual_fraction : float
        Share of the dispensed activity that stays in syringe and line.
    concentration_bq_per_ml : float, optional
        At the time of calibration.
    vial_volume_ml : float, optional
        To refuse more than there is.

    Raises
    ------
    TimingError
        If a time has no zone.
    PlanningError
        If the vial does not hold enough, or the times are more than twenty half-lives apart.
    QuantityError
        If a number makes no sense.

    Examples
    --------
    >>> from datetime import UTC
    >>> y = Nuclide(name="Y-90", half_life_s=64.1 * 3600, electron_energy_kev=933.1, photon_energy_kev=0.0)
    >>> plan = syringe_plan(1036e6, nuclide=y, calibrated_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    ...     administered_at=datetime(2026, 3, 3, 9, tzinfo=UTC), concentration_bq_per_ml=200e6)
    >>> round(plan.at_calibration_bq / 1e6), round(plan.volume_ml, 2)
    (1300, 6.5)
    """
    require_positive("syringe", activity_bq=activity_bq)
    require_aware("syringe", calibrated_at=calibrated_at, administered_at=administered_at)
    require_non_negative("syringe", residual_fraction=residual_fraction)
    if residual_fraction >= 0.5:
        raise QuantityError(
            "implausible residual", field="residual_fraction", value=f"{residual_fraction:g}", expected="< 0.5"
        )
    elapsed = elapsed_s(calibrated_at.astimezone(UTC), administered_at.astimezone(UTC))
    if abs(elapsed) > LONGEST_HALF_LIVES * nuclide.half_life_s:
        raise PlanningError(
            "calibration and administration are too far apart",
            field="calibrated_at, administered_at",
            value=f"{abs(elapsed) / DAY_S:.1f} d, {abs(elapsed) / nuclide.half_life_s:.0f} half-lives",
            expected=f"<= {LONGEST_HALF_LIVES:g} half-lives",
            remedy="check the dates",
        )
    factor = nuclide.decay_factor(elapsed)
    dispensed = activity_bq / (1.0 - residual_fraction)
    ordered = dispensed / factor
    return SyringePlan(
        activity_bq=activity_bq,
        dispensed_bq=dispensed,
        at_calibration_bq=ordered,
        decay_factor=factor,
        volume_ml=_volume(ordered, concentration_bq_per_ml, vial_volume_ml),
        notes=_notes(elapsed, nuclide),
    )


def _volume(ordered: float, concentration: float | None, vial_ml: float | None) -> float | None:
    if concentration is None:
        return None
    require_positive("vial", concentration_bq_per_ml=concentration)
    volume = ordered / concentration
    if vial_ml is not None and volume > vial_ml:
        raise PlanningError(
            "the vial does not hold enough",
            field="volume",
            value=f"{volume:.3g} ml",
            expected=f"<= {vial_ml:g} ml",
            remedy="order more activity, or administer earlier",
        )
    return volume


def _notes(elapsed: float, nuclide: Nuclide) -> tuple[str, ...]:
    notes = []
    if elapsed < 0.0:
        notes.append(
            "the calibration time is after the administration: the syringe holds more than its label then says"
        )
    if abs(elapsed) > max(3.0 * nuclide.half_life_s, DAY_S):
        notes.append(
            f"{abs(elapsed) / DAY_S:.1f} days between calibration and administration, "
            f"{abs(elapsed) / nuclide.half_life_s:.1f} half-lives: check the dates"
        )
    return tuple(notes)
