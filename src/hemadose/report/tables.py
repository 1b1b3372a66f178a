"""Rows for the console, CSV and JSON: plain dicts in the units of the field.

Keys carry the unit as the field writes it (MBq, h, g, Gy/GBq).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from hemadose.model import (
    ActivitySeries,
    Course,
    FittedCurve,
    LimitKind,
    LimitOutcome,
    Prescription,
    StudyDoses,
)
from hemadose.model.convention import ConventionDose
from hemadose.model.marrow import MarrowFindings
from hemadose.report.content import Comparison
from hemadose.units import DAY_S, GBQ, GRAM_KG, GY_PER_BQ_TO_GY_PER_GBQ, HOUR_S, MBQ

Cell: TypeAlias = str | float | bool | None
Row: TypeAlias = dict[str, Cell]

_MBQ_H = MBQ * HOUR_S


def activity_rows(series: Sequence[ActivitySeries]) -> list[Row]:
    """Give one row per sample: activity present at the time, in MBq.

    The columns are those that `hemadose fit` reads.
    """
    return [
        {
            "region": sample.region,
            "time_h": sample.time_s / HOUR_S,
            "activity_MBq": sample.activity_bq / MBQ,
            "sd_MBq": None if sample.sd_bq is None else sample.sd_bq / MBQ,
            "method": sample.method,
        }
        for one in series
        for sample in one.samples
    ]


def fit_rows(fits: Sequence[FittedCurve], *, administered_activity_bq: float | None) -> list[Row]:
    """Give one row per region.

    Parameters
    ----------
    fits : sequence of FittedCurve
        Fitted curves.
    administered_activity_bq : float or None
        For the time-integrated activity coefficient (TIAC); None leaves it out.
    """
    rows: list[Row] = []
    for fit in fits:
        row: Row = {
            "region": fit.region,
            "model": fit.model,
            "tia_MBq_h": fit.tia_bq_s / _MBQ_H,
            "tia_sd_MBq_h": fit.tia_sd_bq_s / _MBQ_H,
            "effective_half_life_h": fit.effective_half_life_s / HOUR_S,
            "extrapolated_fraction": fit.extrapolated_fraction,
            "reduced_chi_square": fit.reduced_chi_square,
        }
        if administered_activity_bq is not None:
            row["tiac_h"] = fit.tia_bq_s / administered_activity_bq / HOUR_S
            row["tiac_sd_h"] = fit.tia_sd_bq_s / administered_activity_bq / HOUR_S
        rows.append(row)
    return rows


def candidate_rows(fits: Sequence[FittedCurve]) -> list[Row]:
    """Give one row per model that was tried, with the reasons for its rejection."""
    return [
        {
            "region": fit.region,
            "model": candidate.model,
            "accepted": candidate.accepted,
            "weight": candidate.weight,
            "aicc": candidate.aicc,
            "max_abs_correlation": candidate.max_abs_correlation,
            "tia_MBq_h": candidate.tia_bq_s / _MBQ_H,
            "reasons": "; ".join(candidate.reasons),
        }
        for fit in fits
        for candidate in fit.candidates
    ]


def dose_rows(doses: StudyDoses, *, activity_bq: float | None = None) -> list[Row]:
    """Give one row per target: Gy/GBq with standard uncertainty, and Gy at an activity."""
    rows: list[Row] = []
    for organ in doses.organs:
        row: Row = {
            "target": organ.target,
            "mass_g": organ.mass_kg / GRAM_KG,
            "dose_Gy_per_GBq": organ.gy_per_bq * GY_PER_BQ_TO_GY_PER_GBQ,
            "sd_Gy_per_GBq": organ.sd_gy_per_bq * GY_PER_BQ_TO_GY_PER_GBQ,
            "method": organ.method,
            "s_values": doses.s_value_source,
        }
        if activity_bq is not None:
            row["dose_Gy"] = organ.gy_per_bq * activity_bq
            row["sd_Gy"] = organ.sd_gy_per_bq * activity_bq
        rows.append(row)
    return rows


def contribution_rows(doses: StudyDoses) -> list[Row]:
    """Give one row per source and target, with its share of the target's dose."""
    return [
        {
            "target": organ.target,
            "source": part.source,
            "radiation": part.radiation,
            "dose_Gy_per_GBq": part.gy_per_bq * GY_PER_BQ_TO_GY_PER_GBQ,
            "share": part.gy_per_bq / organ.gy_per_bq if organ.gy_per_bq > 0.0 else None,
        }
        for organ in doses.organs
        for part in organ.contributions
    ]


def convention_rows(doses: Sequence[ConventionDose]) -> list[Row]:
    """Give one row per convention and target."""
    return [
        {
            "convention": d.convention,
            "target": d.target,
            "mass_g": d.mass_kg / GRAM_KG,
            "dose_Gy_per_GBq": d.gy_per_bq * GY_PER_BQ_TO_GY_PER_GBQ,
            "chosen": d.chosen,
        }
        for d in doses
    ]


def marrow_site_rows(marrow: MarrowFindings) -> list[Row]:
    """Give one row per site: the whole red marrow as it shows it."""
    return [
        {
            "site": e.site.name,
            "fraction": e.site.fraction,
            "fraction_relative_sd": e.site.relative_sd,
            "whole_marrow_tia_MBq_h": e.tia_bq_s / _MBQ_H,
            "sd_MBq_h": e.sd_bq_s / _MBQ_H,
            "weight": e.weight,
            "evidence": e.site.evidence,
            "source": e.site.source,
        }
        for e in marrow.sites
    ]


def marrow_mass_rows(marrow: MarrowFindings) -> list[Row]:
    """Give one row per mass rule: mass, and the marrow dose it would mean."""
    return [
        {
            "rule": m.rule,
            "mass_g": m.mass_kg / GRAM_KG,
            "dose_Gy_per_GBq": None if m.gy_per_bq is None else m.gy_per_bq * GY_PER_BQ_TO_GY_PER_GBQ,
            "chosen": m.chosen,
            "source": m.source,
        }
        for m in marrow.masses
    ]


def marrow_event_rows(marrow: MarrowFindings) -> list[Row]:
    """Give one row per event: marrow dose before and after it, and the dose rate at it."""
    return [
        {
            "event": e.name,
            "day": e.at_s / DAY_S,
            "activity_GBq": e.activity_bq / GBQ,
            "before_Gy": e.before_gy,
            "before_sd_Gy": e.before_sd_gy,
            "after_Gy": e.after_gy,
            "after_sd_Gy": e.after_sd_gy,
            "rate_mGy_per_h": e.rate_gy_per_h * 1e3,
            "rate_sd_mGy_per_h": e.rate_sd_gy_per_h * 1e3,
        }
        for e in marrow.events
    ]


def limit_rows(prescription: Prescription) -> list[Row]:
    """Give one row per limit: what it allows and what the proposed activity does to it."""
    return [_limit_row(outcome) for outcome in prescription.outcomes]


def _limit_row(outcome: LimitOutcome) -> Row:
    limit = outcome.limit
    is_activity = limit.kind is LimitKind.ACTIVITY
    scale = 1.0 / GBQ if is_activity else 1.0
    return {
        "limit": limit.name,
        "kind": str(limit.kind),
        "target": limit.target,
        "unit": "GBq" if is_activity else "Gy",
        "limit_value": limit.value * scale,
        "value_at_activity": outcome.value_at_activity * scale,
        "sd_at_activity": outcome.sd_at_activity * scale,
        "max_activity_GBq": outcome.max_activity_bq / GBQ,
        "probability_exceeding": outcome.probability_exceeding,
        "active": outcome.active,
        "violated": outcome.violated,
        "source": limit.source,
    }


def comparison_rows(comparison: Comparison) -> list[Row]:
    """Give planned and delivered doses, one row per organ that both studies hold."""
    rows = []
    for target in comparison.targets:
        planned, delivered = comparison.planned.organ(target), comparison.delivered.organ(target)
        row: Row = {"target": target}
        for word, dose, activity in (
            ("planned", planned, comparison.planned_activity_bq),
            ("delivered", delivered, comparison.delivered_activity_bq),
        ):
            row[f"{word}_Gy_per_GBq"] = dose.gy_per_bq * GBQ
            row[f"{word}_sd_Gy_per_GBq"] = dose.sd_gy_per_bq * GBQ
            row[f"{word}_activity_GBq"] = activity / GBQ
            row[f"{word}_Gy"] = dose.gy_per_bq * activity
        row["ratio_per_GBq"] = delivered.gy_per_bq / planned.gy_per_bq if planned.gy_per_bq > 0.0 else None
        rows.append(row)
    return rows


def event_rows(course: Course) -> list[Row]:
    """Give one row per event of the calendar."""
    return [
        {
            "day": event.day,
            "date": course.date_of(event.day).isoformat(),
            "time": None if event.at is None else event.at.strftime("%H:%M"),
            "lane": str(event.lane),
            "kind": event.kind,
            "title": event.title,
            "amount": event.amount,
            "unit": event.unit,
            "duration_h": event.duration_h,
            "basis": event.basis,
            "source": event.source,
        }
        for event in course.events
    ]
