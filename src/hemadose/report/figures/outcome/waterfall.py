"""Waterfall plot: best change from baseline, one bar a patient or lesion, worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.report import style
from hemadose.report.figures.outcome.palette import HATCHES, group_style, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TOP = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar.

    Attributes
    ----------
    name : str
        Pseudonym or lesion.
    change_percent : float or None
        From baseline; None where it is not known. Those are counted, never drawn as zero.
    group : str
        Decides the colour, e.g. the category of response.
    """

    name: str
    change_percent: float | None
    group: str = ""


@style.house_style()
def waterfall_figure(
    bars: Sequence[Bar],
    *,
    lines: Mapping[str, float] | None = None,
    quantity: str = "sum of diameters",
    title: str = "Best change from baseline",
) -> Figure:
    """Draw the bars from the largest rise to the deepest fall.

    Parameters
    ----------
    bars : sequence of Bar
        At least one with a change.
    lines : Mapping of str to float, optional
        Thresholds in per cent with their names, e.g. ``{"-50 %, partial response": -50.0}``.
    quantity : str
        What changed.
    title : str
        Heading.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If no change is known.
    """
    known = sorted((b for b in bars if b.change_percent is not None), key=lambda b: -(b.change_percent or 0.0))
    if not known:
        raise ReportError("no change from baseline is known")
    change = np.array([b.change_percent for b in known], dtype=np.float64)
    figure = style.new_figure(width_mm=max(130.0, min(180.0, 40.0 + 8.0 * len(known))), height_mm=84.0)
    axes = figure.subplots()
    groups = list(dict.fromkeys(b.group for b in known))
    for index, group in enumerate(groups):
        at = [i for i, b in enumerate(known) if b.group == group]
        axes.bar(
            at, np.clip(change[at], None, _TOP), width=0.8, color=group_style(index)[0], alpha=0.85, edgecolor="white",
            lw=0.3, hatch=HATCHES[index % len(HATCHES)], label=f"{group} (n = {len(at)})" if group else None,
        )  # fmt: skip
    _lines(axes, lines or {})
    _frame(axes, known, change, quantity)
    missing = len(bars) - len(known)
    axes.set_title(f"{title} (n = {len(known)}{f', {missing} not known' if missing else ''})")
    if any(groups) or lines:
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def _lines(axes: Any, lines: Mapping[str, float]) -> None:
    for index, (name, level) in enumerate(lines.items()):
        dash = ((0, (5, 2)), (0, (1, 1.5)), (0, (3, 1, 1, 1)))[index % 3]
        axes.axhline(level, color=style.RED, lw=1.0, ls=dash, label=name, zorder=0.5)


def _frame(axes: Any, known: Sequence[Bar], change: Any, quantity: str) -> None:
    axes.axhline(0.0, color=style.INK, lw=0.8)
    axes.set_ylim(min(-114.0, 1.14 * float(change.min())) if change.min() < 0 else -25.0, 1.18 * _TOP)
    few = len(known) <= 20
    for i, x in enumerate(change):
        if few or x > _TOP:
            high = min(x, _TOP)
            axes.text(
                i, high + (1.5 if x >= 0 else -1.5), f"{x:+.0f}" if round(x) else "0", ha="center",
                va="bottom" if x >= 0 else "top", fontsize=6.2, rotation=0 if few else 90,
            )  # fmt: skip
    axes.set_xticks(range(len(known)), [shortened(b.name, 14) for b in known], rotation=0 if len(known) <= 8 else 90)
    axes.tick_params(axis="x", length=0, labelsize=6.5 if few else 5.4)
    axes.set_xlim(-0.8, max(len(known) - 0.2, 2.0))
    axes.set_ylabel(f"change of {quantity} / %")
    axes.grid(True, axis="y")
    if change.max() > _TOP:
        axes.text(
            1.0, 1.0, f"bars end at +{_TOP:g} %", transform=axes.transAxes, ha="right", va="bottom", fontsize=6.2,
            color=style.MUTED,
        )  # fmt: skip
