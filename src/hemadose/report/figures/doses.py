"""Absorbed doses at the proposed activity: by source, and as a share of each limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.model import (
    DoseContribution,
    Limit,
    LimitKind,
    LimitOutcome,
    OrganDose,
    Prescription,
    StudyDoses,
)
from hemadose.report import names, numbers, style
from hemadose.units import GBQ

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTS = (
    ("its own activity", style.BLUE),
    ("other organs", "#7fb0de"),
    ("remainder of the body", "#c9d6e3"),
)
_SELF_SOURCES = {
    "kidneys": ("kidneys", "kidney_left", "kidney_right"),
    "red_marrow": ("red_marrow", "lumbar_l2_l4", "marrow", "blood"),
}
_REST = ("remainder", "rest", "whole_body", "remainder_of_body", "rest_of_body")


@style.house_style()
def dose_figure(*, doses: StudyDoses, activity_bq: float, prescription: Prescription | None) -> Figure:
    """Draw absorbed doses by source and, beside them, every limit and how full it is.

    Parameters
    ----------
    doses : StudyDoses
        Dose coefficients with their draws.
    activity_bq : float
        Proposed or delivered activity.
    prescription : Prescription or None
        Limits with probabilities; without one only the doses are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Absorbed dose in Gy (left), share of the limit in % (right).
    """
    organs = sorted(doses.organs, key=lambda organ: names.rank(organ.target))
    outcomes = () if prescription is None else prescription.outcomes
    rows = max(len(organs), len(outcomes), 2)
    figure = style.new_figure(width_mm=170.0, height_mm=26.0 + 8.5 * rows)
    if outcomes:
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
        _draw_limits(right, outcomes)
    else:
        left = figure.subplots(1, 1)
    total_limits = {
        outcome.limit.target: outcome.limit for outcome in outcomes if outcome.limit.kind is LimitKind.TOTAL_DOSE
    }
    _draw_doses(left, organs, activity_bq, total_limits)
    left.set_title(f"Absorbed dose at {numbers.activity(activity_bq)}")
    return figure


def split_by_source(organ: OrganDose) -> tuple[float, float, float]:
    """Give Gy/Bq from the organ's own activity, other organs and the remainder.

    Without recorded contributions everything counts as own activity.
    """
    if not organ.contributions:
        return organ.gy_per_bq, 0.0, 0.0
    own = _total(organ.contributions, _SELF_SOURCES.get(organ.target, (organ.target,)))
    rest = 0.0 if organ.target in _REST else _total(organ.contributions, _REST)
    return own, max(0.0, organ.gy_per_bq - own - rest), rest


def _total(parts: Sequence[DoseContribution], sources: Sequence[str]) -> float:
    return sum(part.gy_per_bq for part in parts if part.source in sources)


def _draw_doses(axes: Any, organs: Sequence[OrganDose], activity_bq: float, limits: dict[str, Limit]) -> None:
    places = np.arange(len(organs))[::-1]
    split = np.array([split_by_source(organ) for organ in organs]) * activity_bq
    start = np.zeros(len(organs))
    for column, (title, tint) in enumerate(_PARTS):
        if split[:, column].any():
            axes.barh(places, split[:, column], left=start, height=0.52, color=tint, label=title)
        start += split[:, column]
    sds = np.array([organ.sd_gy_per_bq for organ in organs]) * activity_bq
    axes.errorbar(start, places, xerr=sds, fmt="none", ecolor=style.INK, elinewidth=1.1, capsize=2.5)
    reach = float(max((start + sds).max(), *(limit.value for limit in limits.values()), 0.0))
    for place, organ, total, sd in zip(places, organs, start, sds, strict=True):
        limit = limits.get(organ.target)
        if limit is not None:
            axes.plot([limit.value] * 2, [place - 0.40, place + 0.40], color=style.RED, lw=1.8)
        edge = max(total + sd, limit.value if limit is not None else 0.0)
        text = f"{numbers.measured(total, sd)} Gy"
        axes.text(edge + 0.03 * reach, place, text, va="center", fontsize=7.0)
    if limits:
        axes.plot([], [], color=style.RED, lw=1.8, label="limit")
    axes.set_yticks(places, [names.sentence(names.label(o.target)) for o in organs])
    axes.set_ylim(-0.6, len(organs) - 0.4)
    axes.set_xlim(0.0, 1.42 * reach)
    axes.set_xlabel("absorbed dose / Gy   (bars: ± 1 SD)")
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.figure.legend(loc="outside lower left", ncols=4, columnspacing=1.2, handlelength=1.2)


def _draw_limits(axes: Any, outcomes: Sequence[LimitOutcome]) -> None:
    from matplotlib.ticker import MaxNLocator

    places = np.arange(len(outcomes))[::-1]
    shares = np.array([100.0 * o.value_at_activity / o.limit.value for o in outcomes])
    sds = np.array([100.0 * o.sd_at_activity / o.limit.value for o in outcomes])
    tints = [style.RED if o.violated else style.BLUE if o.active else "#9fb3c8" for o in outcomes]
    reach = float(max(105.0, (shares + sds).max()))
    axes.barh(places, shares, height=0.52, color=tints)
    axes.errorbar(shares, places, xerr=sds, fmt="none", ecolor=style.INK, elinewidth=1.1, capsize=2.5)
    axes.axvline(100.0, color=style.RED, lw=1.8)
    for place, outcome, share, sd in zip(places, outcomes, shares, sds, strict=True):
        word = (
            "exact"
            if outcome.probability_exceeding is None and sd == 0.0
            else f"P(exceeds) {numbers.probability(outcome.probability_exceeding)}"
        )
        if outcome.limit.kind is LimitKind.ACTIVITY:
            word = "cap on activity"
        axes.text(max(share + sd, 100.0) + 0.03 * reach, place, word, va="center", fontsize=7.0)
    axes.set_yticks(places, [limit_label(o.limit) + ("  ◀" if o.active else "") for o in outcomes])
    axes.set_ylim(-0.6, len(outcomes) - 0.4)
    axes.set_xlim(0.0, 1.52 * reach)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("share of the limit / %   (◀ the tightest)")
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_title("How full each limit is")


def limit_label(limit: Limit) -> str:
    """Give a limit in words with its value on a second line."""
    if limit.kind is LimitKind.ACTIVITY:
        return f"activity cap\n{numbers.significant(limit.value / GBQ)} GBq"
    where = names.label(limit.target)
    when = " after\ninfusion" if limit.kind is LimitKind.RESIDUAL_DOSE else "\n"
    return f"{where}{when} {limit.value:g} Gy".replace("\n ", "\n")
