"""Planned and delivered absorbed doses of one patient, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemadose.errors import ReportError
from hemadose.report import names, numbers, style
from hemadose.report.content import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.house_style()
def comparison_figure(comparison: Comparison) -> Figure:
    """Draw planned and delivered doses per organ with standard uncertainties and ratio.

    Parameters
    ----------
    comparison : Comparison
        Both studies with their activities.

    Returns
    -------
    matplotlib.figure.Figure
        Absorbed dose in Gy.

    Raises
    ------
    ReportError
        If the studies have no target in common.
    """
    targets = sorted(comparison.targets, key=names.rank)
    if not targets:
        raise ReportError("the planned and the delivered study have no organ in common")
    places = np.arange(len(targets))[::-1]
    figure = style.new_figure(width_mm=150.0, height_mm=26.0 + 11.0 * len(targets))
    axes = figure.subplots(1, 1)
    reach, planned_gy = 0.0, np.zeros(len(targets))
    for study, activity_bq, tint, shift, word in (
        (comparison.planned, comparison.planned_activity_bq, "#9fb3c8", 0.2, "planned"),
        (comparison.delivered, comparison.delivered_activity_bq, style.BLUE, -0.2, "delivered"),
    ):
        organs = [study.organ(target) for target in targets]
        doses = np.array([organ.gy_per_bq for organ in organs]) * activity_bq
        sds = np.array([organ.sd_gy_per_bq for organ in organs]) * activity_bq
        text = f"{word}, {numbers.activity(activity_bq)}"
        axes.barh(places + shift, doses, height=0.34, color=tint, label=text)
        axes.errorbar(doses, places + shift, xerr=sds, fmt="none", ecolor=style.INK, elinewidth=1, capsize=2)
        reach = max(reach, float((doses + sds).max()))
        for place, dose, sd, plan in zip(places, doses, sds, planned_gy, strict=True):
            note = f"{numbers.measured(dose, sd)} Gy"
            if word == "delivered" and plan > 0.0:
                note += f"   ({100.0 * dose / plan:.0f} % of planned)"
            axes.text(dose + sd + 0.015 * reach, place + shift, note, va="center", fontsize=7.0)
        planned_gy = doses
    axes.set_yticks(places, [names.sentence(names.label(target)) for target in targets])
    axes.set_xlim(0.0, 1.45 * reach)
    axes.set_xlabel("absorbed dose / Gy   (bars: ± 1 SD)")
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.legend(loc="lower right")
    return figure
