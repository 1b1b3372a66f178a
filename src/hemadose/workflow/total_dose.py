"""The answer of `hemadose total`: a course of several therapies, organ by organ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hemadose.dose.radiobiology import DoseRate, Fractions, TotalEffect, total_effect
from hemadose.errors import InputError
from hemadose.io.total_dose import OrganTherapies, TherapyCourse, read_total_dose
from hemadose.refdata.radiobiology import tissue_experience, tissue_organs, tissue_response
from hemadose.units import DAY_S
from hemadose.workflow.biology import INSTANT_NOTE, tissue_facts


def total_answer(path: Path, *, draws: int, seed: int, figure: Path | None = None) -> dict[str, Any]:
    """Dose, BED and EQD2 per organ of a course of several therapies.

    Parameters
    ----------
    path : Path
        TOML file.
    draws, seed : int
        Of the uncertainty.
    figure : Path, optional
        PNG, SVG or PDF to draw.

    Returns
    -------
    dict
        Rows per organ, limits with their verdicts, notes.
    """
    if draws < 100:
        raise InputError("too few draws for a probability", field="--draws", value=str(draws), expected=">= 100")
    if figure is not None:
        from hemadose.workflow.figure_files import require_figure_ending

        require_figure_ending(figure, option="--figure")
    packaged = {organ: tissue_response(organ) for organ in tissue_organs()}
    course = read_total_dose(path, packaged=packaged, draws=draws, seed=seed)
    effects = [total_effect(o.components, tissue=o.tissue, draws=draws, seed=seed) for o in course.organs]
    rows = [_organ_row(o, e) for o, e in zip(course.organs, effects, strict=True)]
    written = None
    if figure is not None:
        written = _draw(course, effects, figure)
    notes = [note for o in course.organs for note in o.tissue.notes]
    if any(isinstance(c, Fractions) for o in course.organs for c in o.components):
        notes.append(INSTANT_NOTE)
    notes += [
        f"{o.organ}: alpha/beta is used as if exact; no range is known"
        for o in course.organs
        if o.tissue.alpha_beta_range_gy is None
    ]
    return {
        "title": course.title,
        "day_zero": course.day_zero,
        "organs": rows,
        "limits_kept": all(limit["kept"] for row in rows for limit in row["limits"]),
        "draws": draws,
        "seed": seed,
        "figure": written,
        "notes": notes,
    }


def _organ_row(organ: OrganTherapies, effect: TotalEffect) -> dict[str, Any]:
    drawn = {"dose": effect.dose_draws_gy, "bed": effect.bed_draws_gy, "eqd2": effect.eqd2_draws_gy}
    best = {"dose": effect.dose_gy, "bed": effect.bed_gy, "eqd2": effect.eqd2_gy}
    totals = {
        quantity: {
            "Gy": best[quantity],
            "sd_Gy": float(drawn[quantity].std(ddof=1)),
            "low_Gy": float(np.quantile(drawn[quantity], 0.025)),
            "high_Gy": float(np.quantile(drawn[quantity], 0.975)),
        }
        for quantity in drawn
    }
    limits = [
        {
            "quantity": quantity,
            "limit_Gy": limit,
            "Gy": best[quantity],
            "kept": best[quantity] <= limit,
            "probability_above": float(np.mean(drawn[quantity] > limit)),
        }
        for quantity, limit in organ.limits_gy.items()
    ]
    return {
        "organ": organ.organ,
        "tissue": tissue_facts(effect.tissue),
        "components": [
            {
                "name": component.name,
                "dose_Gy": float(effect.doses_gy[i]),
                "protraction": None if np.isnan(effect.protraction[i]) else float(effect.protraction[i]),
                "bed_Gy": float(effect.own_bed_gy[i]),
                "from_day": _first_s(component) / DAY_S,
            }
            for i, component in enumerate(organ.components)
        ],
        "bed_between_components_Gy": effect.between_bed_gy,
        **totals,
        "limits": limits,
        "experience": [
            {"quantity": e.quantity, "Gy": [e.low_gy, e.high_gy], "setting": e.setting, "source": e.source}
            for e in tissue_experience(organ.organ)
        ],
    }


def _first_s(component: DoseRate | Fractions) -> float:
    return component.start_s if isinstance(component, DoseRate) else float(component.times_s[0])


def _draw(course: TherapyCourse, effects: list[TotalEffect], path: Path) -> str:
    from hemadose.io.files import write_bytes_atomic
    from hemadose.report.figures.total_dose import OrganTimeline, total_dose_figure
    from hemadose.workflow.figure_files import figure_bytes

    organs = [
        OrganTimeline(organ=o.organ, components=o.components, effect=e, limits_gy=o.limits_gy)
        for o, e in zip(course.organs, effects, strict=True)
    ]
    drawing = total_dose_figure(organs, title=course.title, day_zero=course.day_zero)
    write_bytes_atomic(path, figure_bytes(drawing, path))
    return str(path)
