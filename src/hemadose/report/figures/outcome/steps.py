"""What survival and incidence figures share: steps, bands, the table of patients at risk, p in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.outcome.statistics import RiskTable
from hemadose.report import style
from hemadose.report.figures.outcome.palette import shortened

Floats = npt.NDArray[np.float64]
ROW_MM = 4.4


def p_words(p: float) -> str:
    """Give a p value as journals print it.

    >>> p_words(0.04321), p_words(0.00004), p_words(0.61)
    ('p = 0.043', 'p < 0.001', 'p = 0.61')
    """
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def months(days: npt.ArrayLike) -> Floats:
    """Days into months of 365.25/12 days."""
    return np.asarray(days, dtype=np.float64) / (365.25 / 12.0)


def steps(times: Floats, values: Floats, *, start: float) -> tuple[Floats, Floats]:
    """Corners of a step curve from time zero, value just after each time."""
    return np.concatenate([[0.0], times]), np.concatenate([[start], values])


def band(axes: Any, times: Floats, low: Floats, high: Floats, *, start: float, colour: str) -> None:
    """Fill an interval; where none is defined nothing is filled."""
    x, bottom = steps(times, low, start=start)
    _, top = steps(times, high, start=start)
    known = np.isfinite(bottom) & np.isfinite(top)
    axes.fill_between(x, bottom, top, where=known, step="post", color=colour, alpha=0.14, lw=0)


def time_ticks(last: float) -> list[float]:
    """Round ticks from 0 to `last`, five to nine of them.

    >>> time_ticks(24.0)
    [0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0]
    """
    for step in (0.5, 1, 2, 3, 6, 12, 24, 30, 60, 90, 100, 120, 180, 365, 730, 1825):
        if last / step <= 8.0:
            return [float(x) for x in np.arange(0.0, last + 1e-9, step)]
    return [float(x) for x in np.linspace(0.0, last, 6)]


def risk_rows(axes: Any, table: RiskTable, colours: dict[str, str], *, what: str = "at risk") -> None:
    """Write the numbers at risk into an axes that shares its x with the curves.

    Names of groups stand left of the axis, in the colour of their curve; long ones are cut.
    """
    axes.set_ylim(len(table.groups) - 0.4, -1.0)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0, labelbottom=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    across = axes.get_yaxis_transform()
    axes.text(
        -0.03, -0.55, f"number {what}", transform=across, ha="right", va="center", fontsize=6.8, color=style.MUTED
    )
    for row, (name, counts) in enumerate(zip(table.groups, table.at_risk, strict=True)):
        colour = colours.get(name, style.INK)
        axes.text(
            -0.03, row + 0.1, shortened(name, 26), transform=across, ha="right", va="center", fontsize=6.8,
            color=colour, fontweight="bold",
        )  # fmt: skip
        for time, count in zip(table.times, counts, strict=True):
            axes.text(time, row + 0.1, str(count), ha="center", va="center", fontsize=6.8, color=style.INK)
