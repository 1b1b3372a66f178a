"""The answer of `hemadose transplant`: nuclides at equal marrow dose, days, sensitivity, best activity and day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hemadose.dose.radiobiology import DoseRate
from hemadose.errors import InputError
from hemadose.model import ResidualDose
from hemadose.therapy.timing.aplasia import DEFINITION, aplasia_interval
from hemadose.therapy.timing.comparison import MarrowOption, NuclideTiming, compare_at_equal_dose, residual_fraction
from hemadose.therapy.timing.optimise import Optimum
from hemadose.therapy.timing.residual import activity_for_interval_bq, peak_rate_gy_per_bq_s, residual_dose_gy
from hemadose.therapy.timing.sensitivity import HalfLifeCurve, Swing, half_life_family, longest_half_life_s, tornado
from hemadose.units import DAY_S, GBQ, HOUR_S, LN2
from hemadose.workflow.transplant_optimum import OptimumRequest, best_plans, optimum_row
from hemadose.workflow.transplant_options import TransplantRequest, all_options, base_option

MGY_H = 1e-3 / HOUR_S


def transplant_answer(
    request: TransplantRequest, *, optimum: OptimumRequest | None = None, figure: Path | None = None
) -> dict[str, Any]:
    """Compare nuclides for the day of the transplant, and find the best activity and day if asked.

    Parameters
    ----------
    request : TransplantRequest
        Curve, marrow dose, limits.
    optimum : OptimumRequest, optional
        What to maximise, and under what.
    figure : Path, optional
        PNG, SVG or PDF to draw.

    Returns
    -------
    dict
        Nuclides, planned interval, sensitivity, optimum, notes.

    Raises
    ------
    HemadoseError
        For numbers that cannot be.
    """
    if figure is not None:
        from hemadose.workflow.figure_files import require_figure_ending

        require_figure_ending(figure, option="--figure")
    if request.interval_d is not None and not request.interval_d > 0.0:
        raise InputError("the transplant comes after the administration", field="--interval-d", expected="> 0")
    notes: list[str] = []
    base = base_option(request, notes)
    options = all_options(request, base, notes)
    dose = _marrow_dose_gy(request, base)
    timings = compare_at_equal_dose(
        options,
        marrow_dose_gy=dose,
        limits_gy=request.limits_gy,
        rate_limits_gy_per_s=tuple(r * MGY_H for r in request.rate_limits_mgy_h),
        confidence=request.confidence,
        last_day=request.last_day,
    )
    own = next(t for t in timings if t.option is base)
    family, swings = _sensitivity(request, own, notes)
    plans = () if optimum is None else best_plans(request, optimum, options, notes)
    return {
        "measured_nuclide": base.nuclide.name,
        "marrow_dose_Gy": dose,
        "confidence": request.confidence,
        "nuclides": [_nuclide_row(t, request) for t in timings],
        "planned": None if request.interval_d is None else [_planned_row(t, request) for t in timings],
        "half_lives": [
            {"half_life_h": c.half_life_s / HOUR_S, "earliest_d": c.earliest_s / DAY_S, "residual_Gy": _at(c, request)}
            for c in family
        ],
        "one_at_a_time": [_swing_row(s) for s in swings],
        "optimum": [optimum_row(plan) for plan in plans],
        "figure": None if figure is None else _draw(request, timings, family, swings, plans, figure),
        "notes": list(dict.fromkeys(notes)),
    }


def _marrow_dose_gy(request: TransplantRequest, base: MarrowOption) -> float:
    if (request.activity_gbq is None) == (request.marrow_dose_gy is None):
        raise InputError("give an activity or a marrow dose", field="--activity-GBq, --marrow-dose-Gy")
    if request.marrow_dose_gy is not None:
        return request.marrow_dose_gy
    assert request.activity_gbq is not None
    if not request.activity_gbq > 0.0:
        raise InputError("the activity must be positive", field="--activity-GBq", value=f"{request.activity_gbq:g}")
    return request.activity_gbq * GBQ * base.residual.gy_per_bq(from_s=0.0)


def _nuclide_row(timing: NuclideTiming, request: TransplantRequest) -> dict[str, Any]:
    option = timing.option
    return {
        "nuclide": option.nuclide.name,
        "effective_half_life_h": option.effective_half_life_s / HOUR_S,
        "marrow_Gy_per_GBq": option.residual.gy_per_bq(from_s=0.0) * GBQ,
        "activity_GBq": timing.activity_bq / GBQ,
        "earliest": [
            {
                "limit": limit.limit / MGY_H if limit.is_rate else limit.limit,
                "unit": "mGy/h" if limit.is_rate else "Gy",
                "earliest_d": limit.earliest_s / DAY_S,
                "confident_d": None if limit.confident_s is None else limit.confident_s / DAY_S,
                "interval_d": None
                if limit.interval_s is None
                else [t / DAY_S if np.isfinite(t) else None for t in limit.interval_s],
            }
            for limit in timing.timings
        ],
        "aplasia": _aplasia(timing, request),
        "days": [
            {
                "day": int(day),
                "residual_Gy": float(timing.residual_gy[i]),
                "low_Gy": float(timing.residual_low_gy[i]),
                "high_Gy": float(timing.residual_high_gy[i]),
                "rate_mGy_per_h": float(timing.rate_gy_per_s[i]) / MGY_H,
                "probability_met": float(timing.probability_met[i]),
            }
            for i, day in enumerate(timing.days)
        ],
    }


def _aplasia(timing: NuclideTiming, request: TransplantRequest) -> dict[str, Any] | None:
    if request.ablative_gy is None:
        return None
    graft = timing.timings[0].earliest_s if request.interval_d is None else request.interval_d * DAY_S
    rate = DoseRate.from_residual(
        timing.option.nuclide.name, timing.option.residual, activity_bq=timing.activity_bq, start_s=0.0
    )
    found = aplasia_interval([rate], level_gy=request.ablative_gy, graft_s=graft)
    return {
        "level_Gy": found.level_gy,
        "reached_d": None if found.reached_s is None else found.reached_s / DAY_S,
        "graft_d": graft / DAY_S,
        "interval_d": None if found.interval_s is None else found.interval_s / DAY_S,
        "definition": DEFINITION,
    }


def _planned_row(timing: NuclideTiming, request: TransplantRequest) -> dict[str, Any]:
    assert request.interval_d is not None
    at, residual = request.interval_d * DAY_S, timing.option.residual
    still = residual_dose_gy(residual, activity_bq=timing.activity_bq, from_s=at)
    single = len(residual.rates_per_s) == 1
    total = float(timing.residual_gy[0])
    return {
        "nuclide": timing.option.nuclide.name,
        "interval_d": request.interval_d,
        "residual_Gy": still,
        "residual_fraction": residual_fraction(residual, from_s=at),
        "rate_mGy_per_h": timing.activity_bq * peak_rate_gy_per_bq_s(residual, from_s=at) / MGY_H,
        "limits": [
            {
                "limit_Gy": limit,
                "kept": still <= limit,
                "probability_met": _probability(residual, timing.activity_bq, at, limit),
                "latest_safe_activity_GBq": activity_for_interval_bq(residual, interval_s=at, limit_gy=limit) / GBQ,
                "longest_half_life_h": _finite(longest_half_life_s(total_gy=total, from_s=at, limit_gy=limit))
                if single
                else None,
            }
            for limit in request.limits_gy
        ],
    }


def _probability(residual: ResidualDose, activity_bq: float, at: float, limit_gy: float) -> float | None:
    """Share of draws within a limit; None if no uncertainty was given."""
    drawn = residual.gy_per_bq_draws(from_s=at) * activity_bq
    return float(np.mean(drawn <= limit_gy)) if drawn.size and np.ptp(drawn) > 0.0 else None


def _finite(seconds: float) -> float | None:
    return seconds / HOUR_S if np.isfinite(seconds) else None


def _sensitivity(
    request: TransplantRequest, own: NuclideTiming, notes: list[str]
) -> tuple[tuple[HalfLifeCurve, ...], tuple[Swing, ...]]:
    """Family of half-lives and tornado of the measured nuclide; several terms are stretched together."""
    if not request.limits_gy:
        return (), ()
    limit, curve = request.limits_gy[0], own.option.residual
    # the slowest term may become as slow as decay, not slower
    most = own.option.nuclide.half_life_s * float(curve.rates_per_s.min()) / LN2
    wanted = [h * HOUR_S / own.option.effective_half_life_s for h in request.family_h] or [
        min(f, most) for f in (0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5)
    ]
    family = half_life_family(
        curve,
        activity_bq=own.activity_bq,
        factors=sorted({round(f, 9) for f in wanted}),
        times_s=own.days * DAY_S,
        limit_gy=limit,
        held=request.held,
        nuclide=own.option.nuclide,
    )
    if len(curve.rates_per_s) > 1:
        notes.append("sensitivity: all half-lives are stretched together; named is that of most of the late dose")
    spread, dose_sd = request.half_life_relative_sd or 0.2, request.relative_sd or 0.2
    if not request.half_life_relative_sd or not request.relative_sd:
        notes.append("sensitivity: 20 % is used where no uncertainty is given, for comparison only")
    at = own.timings[0].earliest_s if request.interval_d is None else request.interval_d * DAY_S
    swings = tornado(
        curve,
        dose_factors=(1.0 / (1.0 + dose_sd), 1.0 + dose_sd),
        half_life_factors=(1.0 / (1.0 + spread), min(1.0 + spread, most)),
        activity_bq=(0.95 * own.activity_bq, own.activity_bq, 1.05 * own.activity_bq),
        from_s=at,
        limit_gy=limit,
        day_slip_s=min(DAY_S, at),
    )
    return family, swings


def _at(curve: HalfLifeCurve, request: TransplantRequest) -> dict[str, float]:
    days = (7, 14, 21) if request.interval_d is None else (7, 14, 21, request.interval_d)
    grid = np.arange(len(curve.residual_gy), dtype=np.float64)
    logs = np.log(curve.residual_gy)
    return {f"{day:g}": float(np.exp(np.interp(day, grid, logs))) for day in sorted(set(days)) if day <= grid[-1]}


def _swing_row(swing: Swing) -> dict[str, Any]:
    unit = {"dose per activity": 1.0 / GBQ, "half-life": HOUR_S, "activity": GBQ, "day": DAY_S}[swing.name]
    words = {"dose per activity": "Gy/GBq", "half-life": "h", "activity": "GBq", "day": "d"}[swing.name]
    return {
        "input": swing.name,
        "unit": words,
        "low": swing.low / unit,
        "high": swing.high / unit,
        "residual_Gy": list(swing.residual_gy),
        "earliest_d": [t / DAY_S for t in swing.earliest_s],
    }


def _draw(
    request: TransplantRequest,
    timings: tuple[NuclideTiming, ...],
    family: tuple[HalfLifeCurve, ...],
    swings: tuple[Swing, ...],
    plans: tuple[Optimum, ...],
    path: Path,
) -> str:
    from hemadose.io.files import write_bytes_atomic
    from hemadose.report.figures.timing import timing_figure
    from hemadose.workflow.figure_files import figure_bytes

    interval = plans[0].interval_d if plans and request.interval_d is None else request.interval_d
    drawing = timing_figure(
        timings=timings, limits_gy=request.limits_gy, family=family, swings=swings, interval_d=interval
    )
    write_bytes_atomic(path, figure_bytes(drawing, path))
    return str(path)
