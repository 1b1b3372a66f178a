"""A published cohort in field units."""

from __future__ import annotations

from typing import Any

from hemadose.outcome import Verdict, analyse_cohort
from hemadose.refdata import cohort
from hemadose.refdata.nuclides import nuclide
from hemadose.units import DAY_S, GBQ, HOUR_S

_PER_ACTIVITY = ("kidneys", "liver", "red_marrow")


def cohort_tables(name: str, *, marrow_half_life_h: float = 92.0, days: float = 14.0) -> dict[str, Any]:
    """Recompute a cohort and judge its printed numbers.

    Parameters
    ----------
    name : str
        Packaged cohort, e.g. ``braitsch-2025``.
    marrow_half_life_h : float
        Assumed effective half-life in marrow.
    days : float
        From administration to infusion.

    Raises
    ------
    ReferenceDataError
        If there is no such cohort.
    """
    found = analyse_cohort(
        cohort(name),
        physical_half_life_s=nuclide("Lu-177").half_life_s,
        marrow_half_life_s=marrow_half_life_h * HOUR_S,
        interval_s=days * DAY_S,
    )
    missed = found.not_reproducible
    return {
        "cohort": found.cohort,
        "assumptions": {"marrow_half_life_h": marrow_half_life_h, "days_to_infusion": days},
        "patients": [
            {
                "id": p.id,
                "given_GBq": p.activity_bq / GBQ,
                "max_GBq_23Gy": p.max_activity_bq / GBQ,
                "given/limit": p.given_over_limit,
                "kidneys_Gy": p.kidneys_gy,
                "liver_Gy": p.liver_gy,
                "marrow_Gy": p.red_marrow_gy,
                "residual_marrow_Gy": p.residual_red_marrow_gy,
                "residual_physical_Gy": p.residual_red_marrow_physical_gy,
                "max_T_eff_d": None if p.max_marrow_half_life_s is None else p.max_marrow_half_life_s / DAY_S,
            }
            for p in found.patients
        ],
        "columns": [_column(c) for c in found.columns],
        "agreement": [
            {
                "organ": organ,
                "n": a.n,
                "ratio": a.geometric_mean_ratio,
                "ratio_low": a.ratio_low,
                "ratio_high": a.ratio_high,
                "wilcoxon_p": a.wilcoxon_p,
                "paired_t_p": a.paired_t_p,
                "bias_Gy_per_GBq": a.bias * GBQ,
                "limits_low": a.limit_low * GBQ,
                "limits_high": a.limit_high * GBQ,
            }
            for organ, a in found.agreement
        ],
        "verdicts": [_verdict(v) for v in found.verdicts],
        "not_reproducible": [_verdict(v) for v in missed],
        "judged": len(found.verdicts),
        "reproduced": sum(v.verdict is not Verdict.NOT_REPRODUCIBLE for v in found.verdicts),
        "notes": list(found.notes),
    }


def _column(column: Any) -> dict[str, Any]:
    scale = GBQ if column.quantity in _PER_ACTIVITY else 1.0 / GBQ
    return {
        "quantity": column.quantity,
        "phase": column.phase,
        "unit": "Gy/GBq" if column.quantity in _PER_ACTIVITY else "GBq",
        "n": column.n,
        "median": column.median * scale,
        "mean": column.mean * scale,
        "low": column.low * scale,
        "high": column.high * scale,
        "sd_n-1": column.sd_sample * scale,
        "sd_n": column.sd_population * scale,
    }


def _verdict(v: Any) -> dict[str, Any]:
    return {
        "quantity": v.quantity,
        "phase": v.phase,
        "statistic": v.statistic,
        "unit": v.unit,
        "printed": v.printed,
        "recomputed": v.recomputed,
        "ddof": v.ddof,
        "verdict": v.verdict.value,
        "note": v.note,
    }
