"""Single numbers on request: fits from a table, prescriptions and timing from flags."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hemadose.errors import FitError, PlanningError
from hemadose.io.tables import read_activity_series
from hemadose.kinetics import DEFAULT_MODELS, FitOptions, fit_series, single_time_point
from hemadose.model import ActivitySeries, FittedCurve, Limit, LimitKind, Nuclide
from hemadose.refdata.nuclides import nuclide, nuclide_names
from hemadose.therapy.activity.prescribe import doses_from_coefficients, prescribe
from hemadose.therapy.timing.residual import earliest_infusion_s, mono_exponential_residual, timing_curve
from hemadose.units import DAY_S, GBQ, HOUR_S, MBQ
from hemadose.workflow.results import prescription_summary

_MBQ_H = MBQ * HOUR_S


def fit_table(
    path: Path,
    *,
    nuclide_name: str,
    models: tuple[str, ...] = (),
    averaging: bool = False,
    single_time_point: str | None = None,
    population_half_life_h: float | None = None,
    seed: int = 20250101,
) -> dict[str, Any]:
    """Fit every region of a CSV table.

    Returns
    -------
    dict
        ``{"fits": [{"region", "model", "tia_MBq_h", "tia_sd_MBq_h", "effective_half_life_h",
        "extrapolated_fraction", "candidates", "notes"}]}``

    Raises
    ------
    HemadoseError
        For an unreadable table, an unknown nuclide or model, or a region that cannot be fitted.
    """
    found = nuclide(nuclide_name)
    options = FitOptions(models=models or DEFAULT_MODELS, averaging=averaging, seed=seed)
    fits = [
        _fit(series, found, options, single_time_point, population_half_life_h) for series in read_activity_series(path)
    ]
    return {"nuclide": found.name, "fits": [_fit_row(f) for f in fits]}


def _fit(
    series: ActivitySeries,
    found: Nuclide,
    options: FitOptions,
    method: str | None,
    population_half_life_h: float | None,
) -> FittedCurve:
    if len(series.samples) > 1:
        return fit_series(series, nuclide=found, options=options)
    if method not in ("haenscheid", "madsen"):
        raise FitError(
            f"{series.region} was measured once only",
            field="--single-time-point",
            expected="haenscheid or madsen",
            remedy="choose a single-time-point method, or add time points",
        )
    return single_time_point(
        series,
        nuclide=found,
        method="haenscheid" if method == "haenscheid" else "madsen",
        population_half_life_s=None if population_half_life_h is None else population_half_life_h * HOUR_S,
        seed=options.seed,
    )


def _fit_row(fit: FittedCurve) -> dict[str, Any]:
    return {
        "region": fit.region,
        "model": fit.model,
        "tia_MBq_h": fit.tia_bq_s / _MBQ_H,
        "tia_sd_MBq_h": fit.tia_sd_bq_s / _MBQ_H,
        "effective_half_life_h": fit.effective_half_life_s / HOUR_S,
        "extrapolated_fraction": fit.extrapolated_fraction,
        "reduced_chi_square": fit.reduced_chi_square,
        "terms": [
            {"amplitude_MBq": float(a) / MBQ, "half_life_h": 0.6931471805599453 / float(k) / HOUR_S}
            for a, k in zip(fit.curve.amplitudes_bq, fit.curve.rates_per_s, strict=True)
        ],
        "candidates": [
            {
                "model": c.model,
                "aicc": c.aicc,
                "weight": c.weight,
                "accepted": c.accepted,
                "reasons": list(c.reasons),
                "tia_MBq_h": c.tia_bq_s / _MBQ_H,
                "parameters": c.parameters,
            }
            for c in fit.candidates
        ],
        "notes": list(fit.notes),
    }


def prescribe_numbers(
    *,
    limits_gy: Mapping[str, float],
    coefficients_gy_per_gbq: Mapping[str, float],
    marrow_gy_per_gbq: float | None = None,
    marrow_half_life_h: float | None = None,
    marrow_limit_gy: float = 1.0,
    days_to_transplant: float | None = None,
    cap_gbq: float | None = None,
    activity_gbq: float | None = None,
    relative_sd: float = 0.0,
    max_probability: float | None = None,
    rounding_gbq: float = 0.1,
) -> dict[str, Any]:
    """Prescribe from dose coefficients.

    Raises
    ------
    PlanningError
        If a limit has no coefficient, or marrow is given without half-life or day.
    """
    missing = set(limits_gy) - set(coefficients_gy_per_gbq)
    if missing:
        raise PlanningError(
            f"no dose coefficient for {', '.join(sorted(missing))}",
            field="--coefficient",
            remedy="give e.g. --coefficient kidneys=1.59 (Gy/GBq)",
        )
    limits = [
        Limit(name=organ, kind=LimitKind.TOTAL_DOSE, target=organ, value=value) for organ, value in limits_gy.items()
    ]
    residual = None
    if marrow_gy_per_gbq is not None:
        if marrow_half_life_h is None or days_to_transplant is None:
            raise PlanningError(
                "the residual marrow dose needs the effective half-life in marrow and the day of transplantation",
                field="--marrow-half-life-h, --days-to-transplant",
            )
        residual = mono_exponential_residual(
            gy_per_bq=marrow_gy_per_gbq / GBQ,
            effective_half_life_s=marrow_half_life_h * HOUR_S,
            relative_sd=relative_sd,
        )
        limits.append(
            Limit(
                name="red_marrow_after_infusion",
                kind=LimitKind.RESIDUAL_DOSE,
                target="red_marrow",
                value=marrow_limit_gy,
            )
        )
    if cap_gbq is not None:
        limits.append(Limit(name="cap", kind=LimitKind.ACTIVITY, target="", value=cap_gbq * GBQ))
    doses = doses_from_coefficients(
        {organ: value / GBQ for organ, value in coefficients_gy_per_gbq.items()},
        residual=residual,
        relative_sd=relative_sd,
    )
    result = prescribe(
        doses,
        limits=limits,
        interval_to_infusion_s=None if days_to_transplant is None else days_to_transplant * DAY_S,
        chosen_activity_bq=None if activity_gbq is None else activity_gbq * GBQ,
        rounding_bq=rounding_gbq * GBQ,
        max_probability_exceeding=max_probability,
    )
    answer = prescription_summary(result)
    if residual is not None and days_to_transplant is not None:
        answer["residual_marrow_Gy"] = result.activity_bq * residual.gy_per_bq(from_s=days_to_transplant * DAY_S)
        answer["total_marrow_Gy"] = result.activity_bq * residual.gy_per_bq(from_s=0.0)
    return answer


def timing_table(
    *,
    marrow_gy_per_gbq: float,
    marrow_half_life_h: float,
    activity_gbq: float,
    limit_gy: float = 1.0,
    last_day: int = 21,
) -> dict[str, Any]:
    """Tabulate residual marrow dose, its rate and the permitted activity by day."""
    residual = mono_exponential_residual(
        gy_per_bq=marrow_gy_per_gbq / GBQ, effective_half_life_s=marrow_half_life_h * HOUR_S
    )
    activity = activity_gbq * GBQ
    curve = timing_curve(residual, activity_bq=activity, limit_gy=limit_gy, last_day=last_day, points=last_day + 1)
    return {
        "activity_GBq": activity_gbq,
        "limit_Gy": limit_gy,
        "total_Gy": activity * residual.gy_per_bq(from_s=0.0),
        "earliest_infusion_d": earliest_infusion_s(residual, activity_bq=activity, limit_gy=limit_gy) / DAY_S,
        "days": [
            {
                "day": round(float(t) / DAY_S),
                "residual_Gy": float(dose),
                "rate_mGy_per_h": activity * residual.rate_gy_per_bq_s(at_s=float(t)) * HOUR_S * 1e3,
                "permitted_GBq": float(allowed) / GBQ,
            }
            for t, dose, allowed in zip(curve.interval_s, curve.residual_gy, curve.permitted_activity_bq, strict=True)
        ],
    }


def nuclide_rows() -> list[dict[str, Any]]:
    """Give the packaged nuclides with half-life and mean energies."""
    found = [nuclide(name) for name in nuclide_names()]
    return [
        {
            "nuclide": n.name,
            "half_life_h": n.half_life_s / HOUR_S,
            "electrons_keV": n.electron_energy_kev,
            "photons_keV": n.photon_energy_kev,
            "imaged_lines_keV": ", ".join(f"{g.energy_kev:g}" for g in n.gamma_lines),
        }
        for n in found
    ]
