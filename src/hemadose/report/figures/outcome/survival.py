"""Kaplan-Meier curves with intervals, censored patients and the number at risk under the axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.outcome.statistics import RiskTable, SurvivalCurve
from hemadose.report import style
from hemadose.report.figures.outcome.palette import group_style, shortened
from hemadose.report.figures.outcome.steps import ROW_MM, band, p_words, risk_rows, steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.house_style()
def survival_figure(
    curves: Mapping[str, SurvivalCurve],
    *,
    table: RiskTable | None = None,
    p_value: float | None = None,
    test: str = "log-rank",
    time_unit: str = "months",
    since: str = "infusion of stem cells",
    title: str = "Overall survival",
) -> Figure:
    """Draw survival curves.

    Parameters
    ----------
    curves : Mapping of str to SurvivalCurve
        Name of the group to its curve, all in `time_unit`.
    table : RiskTable, optional
        Its groups are names of `curves`, its times become the ticks.
    p_value : float, optional
        Of `test`.
    test : str
        Name of the test.
    time_unit, since : str
        Of the axis.
    title : str
        What survives.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no curve, or the table speaks of a group that has none.
    """
    _require(curves, table)
    rows = 0 if table is None else len(table.groups) + 1
    figure = style.new_figure(width_mm=150.0, height_mm=80.0 + ROW_MM * (rows + len(curves)))
    if table is None:
        axes, under = figure.subplots(), None
    else:
        axes, under = figure.subplots(2, 1, sharex=True, height_ratios=(70.0, ROW_MM * rows))
    colours = {name: _curve(axes, index, name, curve) for index, (name, curve) in enumerate(curves.items())}
    _frame(axes, curves, table, time_unit=time_unit, since=since)
    words = title if p_value is None else f"{title} ({test} {p_words(p_value)})"
    axes.set_title(words)
    figure.legend(loc="outside lower left", handlelength=2.6)
    if under is not None and table is not None:
        risk_rows(under, table, colours)
    return figure


def _require(curves: Mapping[str, SurvivalCurve], table: RiskTable | None) -> None:
    if not curves:
        raise ReportError("no survival curve to draw")
    strange = [] if table is None else [g for g in table.groups if g not in curves]
    if strange:
        raise ReportError(f"the table of patients at risk names groups without a curve: {', '.join(strange)}")


def _curve(axes: Any, index: int, name: str, curve: SurvivalCurve) -> str:
    colour, dash, _ = group_style(index)
    x, y = steps(curve.times, curve.survival, start=1.0)
    median = "not reached" if curve.median is None else f"{curve.median:.3g}"
    axes.step(
        x, y, where="post", color=colour, ls=dash,
        label=f"{shortened(name, 34)}: n = {curve.n}, {curve.n_events} events, median {median}",
    )  # fmt: skip
    band(axes, curve.times, curve.low, curve.high, start=1.0, colour=colour)
    gone = np.flatnonzero(curve.censored > 0)
    axes.plot(curve.times[gone], curve.survival[gone], ls="", marker="|", ms=6.5, mew=1.1, color=colour)
    return colour


def _frame(
    axes: Any, curves: Mapping[str, SurvivalCurve], table: RiskTable | None, *, time_unit: str, since: str
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
    level = 100.0 * next(iter(curves.values())).confidence
    axes.set_ylabel("probability / %")
    axes.grid(True, axis="y")
    axes.text(
        0.995, 1.0, f"bands: {level:g} % interval; | censored", transform=axes.transAxes, ha="right", va="bottom",
        fontsize=6.2, color=style.MUTED,
    )  # fmt: skip
