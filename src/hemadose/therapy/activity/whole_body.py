"""Activity for a whole-body dose from whole-body counts after a tracer (131I-tositumomab).

A = (activity hours / residence time) x (wanted dose / 0.75 Gy). Activity hours are the time-integrated activity that
gives 0.75 Gy to a body of the patient's mass. The label's table of them by mass is not packaged: they come from the
whole-body S value of a reference adult, scaled to the mass (electrons m^-1, photons m^-2/3), or from a table of the
site.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Nuclide, SValue
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.units import DAY_S, HOUR_S, LN2

REFERENCE_DOSE_GY = 0.75
"""Whole-body dose that activity hours refer to."""

_WINDOWS_S = ((0.0, HOUR_S), (2 * DAY_S, 4 * DAY_S), (6 * DAY_S, 7 * DAY_S))
_WINDOW_SLACK_S = 0.5 * DAY_S


def geometric_mean_counts(
    *, anterior: float, posterior: float, anterior_background: float = 0.0, posterior_background: float = 0.0
) -> float:
    """Whole-body counts of two views, each less its background.

    Raises
    ------
    QuantityError
        If a view has no more counts than its background.

    Examples
    --------
    >>> geometric_mean_counts(anterior=110, posterior=100, anterior_background=10)
    100.0
    """
    require_non_negative("background", anterior=anterior_background, posterior=posterior_background)
    a, p = anterior - anterior_background, posterior - posterior_background
    if not (a > 0.0 and p > 0.0):
        raise QuantityError("no counts above background", value=f"anterior {a:g}, posterior {p:g}", expected="> 0")
    return sqrt(a * p)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeBodyClearance:
    """Mono-exponential clearance of the whole body.

    Attributes
    ----------
    rate_per_s : float
        Effective, decay included: slope of the least-squares line through the logarithms.
    residence_time_s : float
        1 / rate.
    residence_time_through_100_s : float
        The same with the line forced through 100 % at injection.
    largest_deviation : float
        Of a count from the line, relative.
    notes : tuple of str
        Doubts.
    """

    rate_per_s: float
    residence_time_s: float
    residence_time_through_100_s: float
    largest_deviation: float
    notes: tuple[str, ...] = ()

    @property
    def effective_half_life_s(self) -> float:
        """Half-life of the fitted line."""
        return LN2 / self.rate_per_s


def whole_body_clearance(times_s: Sequence[float], counts: Sequence[float], *, nuclide: Nuclide) -> WholeBodyClearance:
    """Fit the clearance to counts as measured (not corrected for decay).

    Parameters
    ----------
    times_s : sequence of float
        After injection; the first before any voiding, so that its counts are 100 %.
    counts : sequence of float
        Background-corrected, in any unit.
    nuclide : Nuclide
        Of the tracer.

    Raises
    ------
    QuantityError
        With fewer than two counts, times out of order, or a clearance slower than decay.

    Examples
    --------
    >>> iodine = Nuclide(name="I-131", half_life_s=8.0207 * 86400, electron_energy_kev=191.8, photon_energy_kev=382.8)
    >>> found = whole_body_clearance([1800, 252000, 576000], [100, 55, 24.5], nuclide=iodine)
    >>> round(found.residence_time_s / 3600, 2), round(found.effective_half_life_s / 3600, 2)
    (113.3, 78.53)
    """
    t, n = np.asarray(times_s, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if t.size != n.size or t.size < 2:
        raise QuantityError("whole-body clearance needs at least two counts, each with its time", value=f"{n.size}")
    if (t < 0.0).any() or (np.diff(t) <= 0.0).any() or not (n > 0.0).all():
        raise QuantityError("times after injection must rise and counts be positive", field="whole-body counts")
    y = np.log(n / n[0])
    slope, start = np.polyfit(t, y, 1)
    rate = -float(slope)
    if rate < nuclide.decay_constant_per_s * 0.98:
        raise QuantityError(
            "the whole body clears more slowly than the nuclide decays",
            field="whole-body counts",
            value=f"effective half-life {LN2 / rate / HOUR_S:.4g} h" if rate > 0.0 else "counts rise",
            expected=f"<= {nuclide.half_life_s / HOUR_S:.4g} h",
            remedy="give counts as measured, not corrected for decay, in the order of time",
        )
    forced = -float(np.sum(t * y) / np.sum(t * t))
    deviation = float(np.abs(np.expm1(y - (slope * t + start))).max())
    return WholeBodyClearance(
        rate_per_s=rate,
        residence_time_s=1.0 / rate,
        residence_time_through_100_s=1.0 / forced,
        largest_deviation=deviation,
        notes=_clearance_notes(t.tolist(), rate, forced, deviation),
    )


def _clearance_notes(times: list[float], rate: float, forced: float, deviation: float) -> tuple[str, ...]:
    notes = []
    if len(times) != len(_WINDOWS_S):
        notes.append(f"{len(times)} whole-body counts; the protocol has three")
    for (low, high), t in zip(_WINDOWS_S, times, strict=False):
        if not low - _WINDOW_SLACK_S <= t <= high + (_WINDOW_SLACK_S if low else 0.0):
            notes.append(
                f"whole-body count at {t / HOUR_S:.1f} h; the protocol has {low / HOUR_S:g}-{high / HOUR_S:g} h"
            )
    if deviation > 0.10:
        notes.append(f"a count lies {deviation:.0%} off the straight line: clearance is not mono-exponential")
    if abs(rate / forced - 1.0) > 0.05:
        notes.append(f"forced through 100 % at injection the residence time would be {1 / forced / HOUR_S:.1f} h")
    return tuple(notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityHours:
    """Time-integrated activity that gives 0.75 Gy to the whole body.

    Attributes
    ----------
    bq_s : float
        Time-integrated activity.
    mass_kg : float
        Body mass it was taken at.
    origin : str
        Model or table, in words.
    effective_mass_known : bool
        The mass was held against the maximum effective mass (obesity).
    """

    bq_s: float
    mass_kg: float
    origin: str
    effective_mass_known: bool = False

    def activity_bq(self, *, residence_time_s: float, dose_gy: float) -> float:
        """Activity that gives a whole-body dose.

        >>> hours = ActivityHours(bq_s=7640 * 3.7e7 * 3600, mass_kg=70, origin="given")
        >>> round(hours.activity_bq(residence_time_s=113.299 * 3600, dose_gy=0.65) / 3.7e7, 1)
        58.4
        """
        require_positive("whole-body dose", residence_time_s=residence_time_s, dose_gy=dose_gy)
        return self.bq_s / residence_time_s * dose_gy / REFERENCE_DOSE_GY


def activity_hours_from_s_value(whole_body: SValue, *, reference_kg: float, mass_kg: float) -> ActivityHours:
    """Derive activity hours from the whole-body S value of a reference adult.

    Parameters
    ----------
    whole_body : SValue
        Whole body to itself, of the nuclide given.
    reference_kg, mass_kg : float
        Mass it holds for, and that of the patient.

    Raises
    ------
    QuantityError
        If a mass is not positive.
    """
    require_positive("activity hours", reference_kg=reference_kg, mass_kg=mass_kg)
    ratio = reference_kg / mass_kg
    s = whole_body.electron_gy_per_bq_s * ratio + whole_body.photon_gy_per_bq_s * ratio ** (2.0 / 3.0)
    return ActivityHours(
        bq_s=REFERENCE_DOSE_GY / s,
        mass_kg=mass_kg,
        origin="derived: whole-body S value of the stylised adult scaled to the mass; not the table of the label",
    )


def interpolated(x: float, table: Sequence[tuple[float, float]], *, what: str, unit: str) -> float:
    """Read a table between its rows, never beyond them.

    Parameters
    ----------
    x : float
        Where to read.
    table : sequence of (float, float)
        Rows in rising order, at least two.
    what, unit : str
        For the error.

    Raises
    ------
    PlanningError
        If the table does not reach there.
    QuantityError
        If its rows do not rise.
    """
    xs = [row[0] for row in table]
    if len(xs) < 2 or any(not a < b for a, b in pairwise(xs)):
        raise QuantityError(f"the table by {what} needs at least two rows in rising order")
    if not xs[0] <= x <= xs[-1]:
        raise PlanningError(
            f"the table does not reach this {what}", value=f"{x:g} {unit}", expected=f"{xs[0]:g}-{xs[-1]:g} {unit}"
        )
    return float(np.interp(x, xs, [row[1] for row in table]))


def activity_hours_from_table(table: Sequence[tuple[float, float]], *, mass_kg: float, origin: str) -> ActivityHours:
    """Read activity hours (Bq s) by body mass (kg) from a table of the site.

    Raises
    ------
    PlanningError
        If the table does not reach the mass.
    """
    return ActivityHours(
        bq_s=interpolated(mass_kg, table, what="body mass", unit="kg"), mass_kg=mass_kg, origin=f"table: {origin}"
    )


def effective_mass_kg(mass_kg: float, *, height_cm: float, table: Sequence[tuple[float, float]]) -> float:
    """Body mass, no more than the maximum effective mass of the height (table: cm, kg).

    >>> effective_mass_kg(130.0, height_cm=170.0, table=[(160.0, 90.0), (180.0, 110.0)])
    100.0
    """
    return min(mass_kg, interpolated(height_cm, table, what="height", unit="cm"))
