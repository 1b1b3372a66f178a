"""Residual marrow dose: the day for an activity, and the activity for a day."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReportError
from hemadose.model import LimitKind, LimitOutcome, Prescription, ResidualDose
from hemadose.report import names, numbers, style
from hemadose.units import DAY_S, GBQ

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]

_FAR_GBQ = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tail:
    """Dose coefficient still to come at each day: best, lower and upper 95 % bound, in Gy/Bq."""

    days: Floats
    best: Floats
    low: Floats
    high: Floats
    outcome: LimitOutcome

    @property
    def limit_gy(self) -> float:
        return self.outcome.limit.value


@style.house_style()
def residual_marrow_figure(*, residual: ResidualDose, prescription: Prescription) -> Figure:
    """Draw residual marrow dose and allowed activity against the day of transplantation.

    Left: marrow dose still to come after infusion of stem cells, for the proposed activity,
    with 95 % interval, the limit, the earliest and the chosen day. Right: the activity that
    each limit allows for every day, with the proposed activity.

    Parameters
    ----------
    residual : ResidualDose
        Tail of the marrow dose with its draws.
    prescription : Prescription
        Proposed activity; must hold a limit on the residual dose.

    Returns
    -------
    matplotlib.figure.Figure
        Days from administration to infusion; Gy (left), GBq (right).

    Raises
    ------
    ReportError
        If the prescription holds no limit on the residual marrow dose.
    """
    tail = _tail(residual, prescription)
    figure = style.new_figure(width_mm=170.0, height_mm=88.0)
    left, right = figure.subplots(1, 2)
    _draw_residual(left, tail, prescription)
    _draw_allowed(right, tail, prescription)
    for axes, corner in ((left, "left"), (right, "right")):
        _finish(axes, tail.days)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc=f"outside lower {corner}",
            ncols=2,
            columnspacing=1.2,
            handlelength=1.7,
            alignment="left",
        )
    return figure


def _tail(residual: ResidualDose, prescription: Prescription) -> _Tail:
    outcome = next((o for o in prescription.outcomes if o.limit.kind is LimitKind.RESIDUAL_DOSE), None)
    if outcome is None:
        raise ReportError(
            "the prescription has no limit on the marrow dose after infusion",
            remedy="add a residual marrow limit, or leave the figure out",
        )
    known = (prescription.interval_to_infusion_s, prescription.earliest_infusion_s)
    last = max([21, *(math.ceil(1.3 * time / DAY_S) for time in known if time is not None)])
    days = np.linspace(0.0, last, 121)
    best = np.array([residual.gy_per_bq(from_s=day * DAY_S) for day in days])
    if residual.draw_rates_per_s.shape[0] < 2:
        return _Tail(days=days, best=best, low=best, high=best, outcome=outcome)
    draws = [residual.gy_per_bq_draws(from_s=day * DAY_S) for day in days]
    bounds = np.array([np.percentile(one, [2.5, 97.5]) for one in draws])
    return _Tail(days=days, best=best, low=bounds[:, 0], high=bounds[:, 1], outcome=outcome)


def _draw_residual(axes: Any, tail: _Tail, prescription: Prescription) -> None:
    activity, limit_gy = prescription.activity_bq, tail.limit_gy
    best = activity * tail.best
    top = float(max(min(best[0] * 1.08, 8.0 * limit_gy), 1.6 * limit_gy))
    axes.fill_between(
        tail.days,
        activity * tail.low,
        activity * tail.high,
        color=style.BLUE,
        alpha=0.20,
        lw=0,
        label="95 % interval",
    )
    axes.plot(tail.days, best, color=style.BLUE, label=f"marrow, {numbers.prescribed(activity)}")
    axes.axhline(limit_gy, color=style.RED, lw=1.3)
    axes.text(
        tail.days[-1],
        limit_gy + 0.015 * top,
        f"limit {limit_gy:g} Gy",
        color=style.RED,
        ha="right",
        va="bottom",
        fontsize=7.0,
    )
    earliest = prescription.earliest_infusion_s
    if earliest is not None:
        _mark_earliest(axes, earliest, height=limit_gy, text=f"earliest: {numbers.days_up(earliest)}")
    chosen = prescription.interval_to_infusion_s
    if chosen is not None:
        dose = numbers.measured(tail.outcome.value_at_activity, tail.outcome.sd_at_activity)
        text = f"chosen: {numbers.days(chosen)}, {dose} Gy"
        _mark_chosen(axes, chosen, height=tail.outcome.value_at_activity, text=text)
    axes.set_ylim(0.0, top)
    axes.set_ylabel("marrow dose still to come / Gy")
    axes.set_title("Residual marrow dose for the activity")


def _draw_allowed(axes: Any, tail: _Tail, prescription: Prescription) -> None:
    activity = prescription.activity_bq / GBQ
    flat = [o for o in prescription.outcomes if o.limit.kind is not LimitKind.RESIDUAL_DOSE]
    for_day = prescription.activity_for_interval_bq
    seen = [*(o.max_activity_bq / GBQ for o in flat), (for_day or 0.0) / GBQ]
    top = 1.15 * max([activity, *(value for value in seen if value < 2.5 * activity)])
    marrow, low, high = (_allowed_gbq(tail.limit_gy, dose) for dose in (tail.best, tail.high, tail.low))
    flat_lines = (np.full_like(marrow, o.max_activity_bq / GBQ) for o in flat)
    allowed = np.minimum.reduce([marrow, *flat_lines])
    axes.fill_between(tail.days, 0.0, allowed, color=style.GREEN, alpha=0.10, lw=0, label="allowed")
    axes.fill_between(tail.days, low, high, color=style.BLUE, alpha=0.20, lw=0)
    axes.plot(tail.days, marrow, color=style.BLUE, label=f"marrow, {tail.limit_gy:g} Gy")
    dashes = itertools.cycle([(0, (5, 2)), (0, (1, 1.5)), (0, (3, 1, 1, 1))])
    for outcome, dash in zip(flat, dashes, strict=False):
        height = min(outcome.max_activity_bq / GBQ, _FAR_GBQ)
        axes.axhline(height, color=style.RED, lw=1.2, ls=dash, label=_name(outcome))
    axes.axhline(activity, color=style.INK, lw=0.9)
    if prescription.earliest_infusion_s is not None:
        _mark_earliest(axes, prescription.earliest_infusion_s, height=activity, text=None)
    chosen = prescription.interval_to_infusion_s
    if chosen is not None:
        if for_day is not None:
            text = f"marrow alone: {numbers.activity(for_day)}"
            mark = {"ms": 4.2, "color": style.BLUE, "zorder": 6, "label": text}
            axes.plot([chosen / DAY_S], [min(for_day / GBQ, _FAR_GBQ)], "s", **mark)
        word = "chosen" if prescription.active_limit == "chosen" else "proposed"
        text = f"{word}: {numbers.prescribed(prescription.activity_bq)}"
        _mark_chosen(axes, chosen, height=activity, text=text)
    axes.set_ylim(0.0, top)
    axes.set_ylabel("administered activity / GBq")
    axes.set_title("Activity for the day of transplantation")


def _allowed_gbq(limit_gy: float, gy_per_bq: Floats) -> Floats:
    """Activity that meets the limit at each day, bounded where almost no dose is left."""
    return np.minimum(limit_gy / np.maximum(gy_per_bq, 1e-30) / GBQ, _FAR_GBQ)


def _mark_earliest(axes: Any, time_s: float, *, height: float, text: str | None) -> None:
    axes.axvline(time_s / DAY_S, color=style.GREEN, lw=1.2, ls=(0, (4, 2)), label=text)
    axes.plot([time_s / DAY_S], [height], "o", ms=4.5, color=style.GREEN, zorder=5)


def _mark_chosen(axes: Any, time_s: float, *, height: float, text: str) -> None:
    axes.axvline(time_s / DAY_S, color=style.ORANGE, lw=1.2)
    axes.plot([time_s / DAY_S], [height], "D", ms=4.5, color=style.ORANGE, zorder=6, label=text)


def _name(outcome: LimitOutcome) -> str:
    limit = outcome.limit
    if limit.kind is LimitKind.ACTIVITY:
        return f"cap, {numbers.significant(limit.value / GBQ)} GBq"
    return f"{names.label(limit.target)}, {limit.value:g} Gy"


def _finish(axes: Any, days: Floats) -> None:
    from matplotlib.ticker import MultipleLocator

    axes.set_xlim(0.0, float(days[-1]))
    axes.set_xlabel("administration to infusion of stem cells / d")
    axes.grid(True)
    axes.xaxis.set_major_locator(MultipleLocator(7))
    axes.xaxis.set_minor_locator(MultipleLocator(1))
