"""Cumulative incidence of competing causes: lines with intervals, or areas that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.outcome.statistics import IncidenceCurve, RiskTable
from hemadose.report import style
from hemadose.report.figures.outcome.palette import HATCHES, group_style, shortened
from hemadose.report.figures.outcome.steps import ROW_MM, band, p_words, risk_rows, steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.house_style()
def incidence_figure(
    curves: Mapping[str, IncidenceCurve],
    *,
    table: RiskTable | None = None,
    stacked: bool = False,
    p_values: Mapping[str, float] | None = None,
    test: str = "Gray",
    time_unit: str = "months",
    since: str = "infusion of stem cells",
    title: str = "Cumulative incidence",
) -> Figure:
    """Draw cumulative incidence curves.

    Parameters
    ----------
    curves : Mapping of str to IncidenceCurve
        Cause (and group, if there are several) to its curve, all in `time_unit`.
    table : RiskTable, optional
        Patients at risk; its times become the ticks.
    stacked : bool
        Areas on top of each other; what is left above them is free of all events. The curves must then be all causes
        of the same patients.
    p_values : Mapping of str to float, optional
        P of `test` by cause.
    test, time_unit, since, title : str
        Words.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no curve, or stacked curves are not of the same patients.
    """
    if not curves:
        raise ReportError("no incidence curve to draw")
    rows = 0 if table is None else len(table.groups) + 1
    figure = style.new_figure(width_mm=150.0, height_mm=82.0 + ROW_MM * rows)
    if table is None:
        axes, under = figure.subplots(), None
    else:
        axes, under = figure.subplots(2, 1, sharex=True, height_ratios=(70.0, ROW_MM * rows))
    if stacked:
        _areas(axes, curves)
    else:
        for index, (name, curve) in enumerate(curves.items()):
            _line(axes, index, name, curve)
    _frame(axes, curves, table, stacked=stacked, time_unit=time_unit, since=since)
    axes.set_title(title)
    if p_values:
        said = "; ".join(f"{shortened(cause, 24)} {p_words(p)}" for cause, p in p_values.items())
        axes.annotate(
            f"{test}: {said}", (1.0, 1.0), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points",
            ha="right", va="bottom", fontsize=6.5, color=style.MUTED,
        )  # fmt: skip
    axes.legend(loc="upper left", handlelength=2.6)
    if under is not None and table is not None:
        risk_rows(under, table, {})
    return figure


def _line(axes: Any, index: int, name: str, curve: IncidenceCurve) -> None:
    colour, dash, _ = group_style(index)
    x, y = steps(curve.times, curve.incidence, start=0.0)
    words = f"{shortened(name, 36)}: {curve.n_events} of {curve.n}"
    axes.step(x, y, where="post", color=colour, ls=dash, label=words)
    band(axes, curve.times, curve.low, curve.high, start=0.0, colour=colour)


def _areas(axes: Any, curves: Mapping[str, IncidenceCurve]) -> None:
    first = next(iter(curves.values()))
    if any(c.n != first.n or not np.array_equal(c.times, first.times) for c in curves.values()):
        raise ReportError("stacked curves must be the causes of the same patients")
    total = np.zeros(first.times.size + 1)
    for index, (name, curve) in enumerate(curves.items()):
        colour, _, _ = group_style(index)
        x, y = steps(curve.times, curve.incidence, start=0.0)
        axes.fill_between(
            x, total, total + y, step="post", facecolor=colour, alpha=0.55, hatch=HATCHES[index % len(HATCHES)],
            edgecolor="white", lw=0.0, label=f"{shortened(name, 36)}: {curve.n_events} of {curve.n}",
        )  # fmt: skip
        total = total + y
        axes.step(x, total, where="post", color=colour, lw=1.2)


def _frame(
    axes: Any,
    curves: Mapping[str, IncidenceCurve],
    table: RiskTable | None,
    *,
    stacked: bool,
    time_unit: str,
    since: str,
) -> None:
    last = max(float(c.times[-1]) for c in curves.values())
    if table is not None:
        last = max(last, table.times[-1])
        axes.set_xticks(table.times)
    axes.set_xlim(0.0, 1.03 * max(last, 1e-9))
    axes.set_ylim(0.0, 1.04)
    axes.set_yticks(np.linspace(0.0, 1.0, 6), [f"{p:.0f}" for p in np.linspace(0.0, 100.0, 6)])
    axes.tick_params(labelbottom=True)
    axes.set_xlabel(f"{time_unit} since {since}")
    axes.set_ylabel("incidence / %, areas add up" if stacked else "cumulative incidence / %")
    axes.grid(True, axis="y")
    if not stacked:
        level = 100.0 * next(iter(curves.values())).confidence
        axes.text(
            0.995, 0.985, f"bands: {level:g} % interval", transform=axes.transAxes, ha="right", va="top",
            fontsize=6.2, color=style.MUTED,
        )  # fmt: skip
