"""Several therapies of one patient: dose rate and dose against time, BED and EQD2 of every organ with limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.dose.radiobiology import Component, DoseRate, Fractions, TotalEffect
from hemadose.errors import ReportError
from hemadose.report import names, numbers, style
from hemadose.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]

_TINTS = ("#1f5fa8", "#d9730d", "#2b7a3d", "#9b5de5", "#00a6d6", "#b8860b")
_BETWEEN = "#b42318"
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganTimeline:
    """What is drawn of one organ.

    Attributes
    ----------
    organ : str
        Name.
    components : tuple of DoseRate or Fractions
        What irradiates it.
    effect : TotalEffect
        Of these components.
    limits_gy : Mapping[str, float]
        By quantity: ``"dose"``, ``"bed"``, ``"eqd2"``.
    """

    organ: str
    components: tuple[Component, ...]
    effect: TotalEffect
    limits_gy: Mapping[str, float] = field(default_factory=dict)


@style.house_style()
def total_dose_figure(organs: Sequence[OrganTimeline], *, title: str = "", day_zero: str = "day 0") -> Figure:
    """Draw dose rate and dose against time on the left, BED and EQD2 on the right.

    Parameters
    ----------
    organs : sequence of OrganTimeline
        In the order to draw.
    title : str
        Heading.
    day_zero : str
        What day 0 of the clock is, e.g. ``"transplant"``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no organ.
    """
    if not organs:
        raise ReportError("no organ to draw")
    figure = style.new_figure(width_mm=180.0, height_mm=62.0 + max(52.0, 9.0 + 17.0 * len(organs)))
    grid = figure.add_gridspec(2, 2, width_ratios=(1.1, 1.0))
    rate = figure.add_subplot(grid[0, 0])
    given = figure.add_subplot(grid[1, 0], sharex=rate)
    days = _days(organs)
    for organ in organs:
        tint = names.colour(organ.organ)
        word = names.sentence(names.label(organ.organ))
        rate.plot(days, _rate(organ, days), color=tint, label=word)
        given.plot(days, _given(organ, days), color=tint, label=word)
    _mark_fractions(rate, organs)
    rate.set_yscale("log")
    _keep_decades(rate)
    rate.set_ylabel("dose rate / Gy h$^{-1}$")
    given.set_ylabel("dose so far / Gy")
    given.set_ylim(bottom=0.0)
    given.set_xlabel(f"days from {day_zero}")
    for axes in (rate, given):
        axes.grid(True)
        axes.axvline(0.0, color=style.MUTED, lw=0.8)
    rate.set_title(title or "Dose of all therapies")
    bars = figure.add_subplot(grid[0, 1])
    _bars(bars, organs)
    _equivalents(figure.add_subplot(grid[1, 1]), organs)
    handles, labels = bars.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=4)
    return figure


def _days(organs: Sequence[OrganTimeline]) -> Floats:
    """Times from half a day before the first component until 98 % of every dose is given, through every fraction."""
    starts, ends, moments = [], [], []
    for component in (c for organ in organs for c in organ.components):
        if isinstance(component, Fractions):
            moments += [*(component.times_s - 1.0), *(component.times_s + 1.0)]
            starts.append(float(component.times_s[0]))
            ends.append(float(component.times_s[-1]))
        else:
            starts.append(component.start_s)
            moments += [component.start_s - 1.0, component.start_s]
            slowest = float(component.rates_per_s.min())
            ends.append(component.start_s + 4.0 / slowest)
    low, high = min(starts) - 0.5 * DAY_S, max(*ends, 0.0) + 0.5 * DAY_S
    return np.unique(np.concatenate([np.linspace(low, high, 900), moments])) / DAY_S


def _rate(organ: OrganTimeline, days: Floats) -> Floats:
    parts = [c.rate_gy_per_s(days * DAY_S) for c in organ.components if isinstance(c, DoseRate)]
    total = np.sum(parts, axis=0) * HOUR_S if parts else np.zeros(len(days))
    return np.where(total > 0.0, total, np.nan)


def _given(organ: OrganTimeline, days: Floats) -> Floats:
    return np.asarray(np.sum([c.given_gy(days * DAY_S) for c in organ.components], axis=0))


def _mark_fractions(axes: Axes, organs: Sequence[OrganTimeline]) -> None:
    """Draw fractions as lines through the dose rates: an instant has none of its own."""
    seen: set[float] = set()
    for component in (c for organ in organs for c in organ.components if isinstance(c, Fractions)):
        for time_s in component.times_s:
            if float(time_s) not in seen:
                label = f"{component.name}, one line a fraction" if not seen else None
                axes.axvline(time_s / DAY_S, color=style.MUTED, lw=0.8, ls=(0, (2, 2)), label=label)
                seen.add(float(time_s))
    if seen:
        axes.legend(loc="upper right")


def _keep_decades(axes: Axes) -> None:
    """Show no more than four decades below the highest dose rate."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines[:]])
    known = values[np.isfinite(values) & (values > 0.0)]
    if known.size:
        top = float(known.max())
        axes.set_ylim(max(float(known.min()), 1e-4 * top) / 1.5, 2.0 * top)


def _bars(axes: Axes, organs: Sequence[OrganTimeline]) -> None:
    """BED stacked by component, with what they add to each other."""
    order = list(dict.fromkeys(name for organ in organs for name in organ.effect.names))
    places = np.arange(len(organs))[::-1]
    starts = np.zeros(len(organs))
    for index, name in enumerate(order):
        own = [dict(zip(o.effect.names, o.effect.own_bed_gy, strict=True)).get(name, 0.0) for o in organs]
        axes.barh(places, own, left=starts, height=0.5, color=_TINTS[index % len(_TINTS)], label=name)
        starts += own
    between = np.array([o.effect.between_bed_gy for o in organs])
    if (between > 0.005 * starts).any():
        axes.barh(places, between, left=starts, height=0.5, color=_BETWEEN, label="on each other")
    _finish(axes, organs, places, quantity="bed")
    axes.set_title("BED by therapy")
    axes.set_xlabel("BED / Gy   (bars: 95 % of the draws)")


def _equivalents(axes: Axes, organs: Sequence[OrganTimeline]) -> None:
    places = np.arange(len(organs))[::-1]
    tints = [names.colour(o.organ) for o in organs]
    axes.barh(places, [o.effect.eqd2_gy for o in organs], height=0.5, color=tints)
    _finish(axes, organs, places, quantity="eqd2")
    axes.set_title("EQD2 of all therapies")
    axes.set_xlabel("EQD2 / Gy   (bars: 95 % of the draws)")


def _finish(axes: Axes, organs: Sequence[OrganTimeline], places: npt.NDArray[np.int_], *, quantity: str) -> None:
    """Intervals, numbers, limits and names."""
    reach, shown = 0.0, []
    for organ, place in zip(organs, places, strict=True):
        effect = organ.effect
        best, drawn = (
            (effect.bed_gy, effect.bed_draws_gy) if quantity == "bed" else (effect.eqd2_gy, effect.eqd2_draws_gy)
        )
        end, sd = best, None
        if drawn.size:
            low, end = (float(q) for q in np.quantile(drawn, (0.025, 0.975)))
            sd = float(drawn.std(ddof=1))
            axes.plot([low, end], [place, place], color=style.INK, lw=1.0, marker="|", ms=5)
        limit = organ.limits_gy.get(quantity)
        if limit is not None:
            axes.plot([limit, limit], [place - 0.36, place + 0.36], color=style.RED, lw=1.8)
            axes.text(limit, place + 0.38, f"limit {limit:g}", color=style.RED, fontsize=6.2, ha="center", va="bottom")
        right = max(best, end)
        reach = max(reach, right, limit or 0.0)
        near = limit is not None and right < limit < 1.5 * right
        shown.append((limit if near and limit is not None else right, place, numbers.measured(best, sd)))
    for right, place, text in shown:
        axes.text(right + 0.02 * reach, place - 0.02, text, fontsize=6.5, va="center", bbox=_PAPER, zorder=1.5)
    axes.set_yticks(places, [names.sentence(names.label(o.organ)) for o in organs])
    axes.set_xlim(0.0, 1.32 * reach)
    axes.set_ylim(-0.7, len(organs) - 0.2)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
