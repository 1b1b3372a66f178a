"""Spider plot: change from baseline of every patient over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.outcome.change import Change
from hemadose.report import style
from hemadose.report.figures.outcome.palette import group_style, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMED = 12


@style.house_style()
def spider_figure(
    changes: Mapping[str, Change],
    *,
    groups: Mapping[str, str] | None = None,
    lines: Mapping[str, float] | None = None,
    quantity: str = "marrow blasts",
    title: str = "Change from baseline",
) -> Figure:
    """Draw one line a patient.

    Parameters
    ----------
    changes : Mapping of str to Change
        By pseudonym, with at least one value after baseline each.
    groups : Mapping of str to str, optional
        Group of each patient: colour, dash and marker.
    lines : Mapping of str to float, optional
        Thresholds in per cent with their names.
    quantity, title : str
        Words.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If nobody has a value after baseline.
    """
    if not changes:
        raise ReportError("no change from baseline to draw")
    figure = style.new_figure(width_mm=150.0, height_mm=88.0)
    axes = figure.subplots()
    names = list(dict.fromkeys((groups or {}).get(p, "") for p in changes))
    heights = []
    for row, (pseudonym, change) in enumerate(changes.items()):
        group = (groups or {}).get(pseudonym, "")
        index = names.index(group) if groups else (row if len(changes) <= _NAMED else 0)
        colour, dash, marker = group_style(index)
        x, y = np.concatenate([[0.0], change.day]), np.concatenate([[0.0], change.percent])
        axes.plot(x, y, color=colour, ls=dash, marker=marker, ms=3.4, lw=1.1, alpha=0.85)
        heights.append((float(x[-1]), float(y[-1]), pseudonym, colour))
    for index, (name, level) in enumerate((lines or {}).items()):
        axes.axhline(level, color=style.RED, lw=0.9, ls=((0, (5, 2)), (0, (1, 1.5)))[index % 2], label=name)
    _frame(axes, changes, quantity)
    if len(changes) <= _NAMED:
        _end_labels(axes, heights)
    axes.set_title(f"{title} (n = {len(changes)})")
    _key(figure, axes, names if groups else [])
    return figure


def _frame(axes: Any, changes: Mapping[str, Change], quantity: str) -> None:
    axes.axhline(0.0, color=style.INK, lw=0.8)
    last = max(float(c.day[-1]) for c in changes.values())
    top = max(float(c.percent.max()) for c in changes.values())
    axes.set_xlim(0.0, last * (1.22 if len(changes) <= _NAMED else 1.03))
    axes.set_ylim(-106.0, max(30.0, 1.08 * top))
    axes.set_xlabel("days from baseline")
    axes.set_ylabel(f"change of {quantity} / %")
    axes.grid(True, axis="y")


def _end_labels(axes: Any, heights: list[tuple[float, float, str, str]]) -> None:
    """Names at the ends of the lines, pushed apart where they would meet."""
    low, high = axes.get_ylim()
    apart = (high - low) / 19.0
    heights.sort(key=lambda h: h[1])
    place = low
    for x, y, pseudonym, colour in heights:
        place = max(y, place + apart)
        axes.annotate(
            shortened(pseudonym, 16), (x, y), xytext=(axes.get_xlim()[1] * 0.985, place), textcoords="data", ha="right",
            va="center", fontsize=6.5, color=colour,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.4, "alpha": 0.5, "shrinkA": 0, "shrinkB": 3},
            bbox={"facecolor": "white", "lw": 0, "pad": 0.4},
        )  # fmt: skip


def _key(figure: Figure, axes: Any, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles, _ = axes.get_legend_handles_labels()
    for index, name in enumerate(names):
        colour, dash, marker = group_style(index)
        handles.append(Line2D([], [], color=colour, ls=dash, marker=marker, ms=3.4, label=name or "not said"))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
