"""Lactate dehydrogenase around therapy: rise, peak and fall, as a sign of cells that die.

Buck 2023 (J Nucl Med 2023;64:1009-1016, Figure 7B) shows the curve: it peaks shortly after radioligand therapy, before
conditioning, and declines. The numbers here describe a curve; none of them is a criterion of response.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemadose.model.followup import EventKind, FollowUp


@dataclass(frozen=True, slots=True, kw_only=True)
class LdhKinetics:
    """One rise and fall.

    Attributes
    ----------
    baseline_u_per_l : float
        Last value before therapy.
    peak_u_per_l, peak_day : float
        Highest value after therapy and before `until_day`, days after therapy.
    peak_over_baseline : float
        Ratio.
    half_time_d : float or None
        Of the fall from the peak (log-linear least squares); None if it does not fall or has fewer than two values.
    last_over_baseline : float
        Last value in the window against baseline.
    area_above_baseline_u_d_per_l : float
        Trapezoid of what exceeds the baseline.
    values : int
        Number of values after therapy.
    notes : tuple of str
        What to doubt.
    """

    baseline_u_per_l: float
    peak_u_per_l: float
    peak_day: float
    peak_over_baseline: float
    half_time_d: float | None
    last_over_baseline: float
    area_above_baseline_u_d_per_l: float
    values: int
    notes: tuple[str, ...] = ()


def ldh_kinetics(patient: FollowUp, *, therapy_day: float | None = None, until_day: float = 0.0) -> LdhKinetics | None:
    """Describe the curve after radioligand therapy.

    Parameters
    ----------
    patient : FollowUp
        With ``ldh`` in U/L.
    therapy_day : float, optional
        First radioligand therapy if not given.
    until_day : float
        End of the window, usually day 0.

    Returns
    -------
    LdhKinetics or None
        None without a baseline or without a value after therapy.
    """
    series = patient.of("ldh")
    first = patient.first(EventKind.RADIOLIGAND)
    start = therapy_day if therapy_day is not None else (None if first is None else first.day)
    if series is None or start is None:
        return None
    before, after = series.between(-np.inf, start), series.between(np.nextafter(start, np.inf), until_day)
    if len(before) == 0 or len(after) == 0:
        return None
    baseline = float(before.value[-1])
    day, value = after.day - start, np.asarray(after.value)
    peak = int(np.argmax(value))
    above = np.maximum(np.concatenate([[0.0], value - baseline]), 0.0)
    return LdhKinetics(
        baseline_u_per_l=baseline,
        peak_u_per_l=float(value[peak]),
        peak_day=float(day[peak]),
        peak_over_baseline=float(value[peak] / baseline),
        half_time_d=_half_time(day[peak:], value[peak:]),
        last_over_baseline=float(value[-1] / baseline),
        area_above_baseline_u_d_per_l=float(np.trapezoid(above, np.concatenate([[0.0], day]))),
        values=len(after),
        notes=_doubts(patient, start, until_day, baseline, before),
    )


def _half_time(day: np.ndarray, value: np.ndarray) -> float | None:
    if day.size < 2 or day[-1] <= day[0]:
        return None
    slope = float(np.polyfit(day, np.log(np.maximum(value, 1e-9)), 1)[0])
    return float(-np.log(2.0) / slope) if slope < 0.0 else None


def _doubts(patient: FollowUp, start: float, until: float, baseline: float, before: object) -> tuple[str, ...]:
    notes = []
    if any(start - 5.0 <= e.day <= until for e in patient.events_of(EventKind.GROWTH_FACTOR)):
        notes.append("growth factor in the window: it raises LDH by itself")
    if any(start <= e.day <= until for e in patient.events_of(EventKind.TRANSFUSION)):
        notes.append("transfusion in the window: haemolysis raises LDH")
    if any(start < e.day < until for e in patient.events_of(EventKind.CHEMOTHERAPY, EventKind.IRRADIATION)):
        notes.append("other cytotoxic treatment in the window: the fall is not that of radioligand therapy alone")
    alt = patient.of("alt")
    if alt is not None and len(inside := alt.between(start, until)):
        limits = np.asarray(inside.upper_limit)
        if np.any(inside.value > 3.0 * limits):
            notes.append("transaminases above three times the limit: LDH may come from the liver")
    return tuple(notes)
