"""Uptake by tumour entity: SUVmax and target-to-background ratio of every lesion or patient.

The lines at SUVmax 6 and 12 and at ratios 4 and 8 are those of Buck 2023 (J Nucl Med 2023;64:1009, Figure 3). They sort
entities by eye; they are not thresholds of eligibility, and the figure says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.report import style
from hemadose.report.figures.outcome.palette import GROUP_COLOURS, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUV_LINES = (6.0, 12.0)
TBR_LINES = (4.0, 8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityUptake:
    """Uptake of one entity.

    Attributes
    ----------
    entity : str
        Name.
    suv_max, tbr : tuple of float
        One number each patient; either may be empty.
    haematological : bool
        Colour and marker.
    """

    entity: str
    suv_max: tuple[float, ...]
    tbr: tuple[float, ...] = ()
    haematological: bool = True


@style.house_style()
def uptake_by_entity_figure(entities: Sequence[EntityUptake], *, background: str = "blood pool") -> Figure:
    """Draw both quantities side by side, entities in falling order of median SUVmax.

    Parameters
    ----------
    entities : sequence of EntityUptake
        At least one with a number.
    background : str
        Denominator of the ratio.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no number, or a number that is not positive.
    """
    shown = [e for e in entities if e.suv_max or e.tbr]
    if not shown:
        raise ReportError("no uptake to draw")
    if any(not np.isfinite(x) or x <= 0.0 for e in shown for x in (*e.suv_max, *e.tbr)):
        raise ReportError("uptake must be a positive number")
    shown.sort(key=lambda e: float(np.median(e.suv_max)) if e.suv_max else 0.0)
    figure = style.new_figure(width_mm=178.0, height_mm=38.0 + 5.2 * len(shown))
    left, right = figure.subplots(1, 2, sharey=True)
    _panel(left, shown, [e.suv_max for e in shown], SUV_LINES, "SUVmax / g mL$^{-1}$", 0)
    _panel(right, shown, [e.tbr for e in shown], TBR_LINES, f"target-to-background ratio ({background})", 1)
    left.set_yticks(range(len(shown)), [f"{shortened(e.entity, 38)} ({len(e.suv_max)})" for e in shown])
    left.set_ylim(-0.7, len(shown) - 0.3)
    total = sum(len(e.suv_max) for e in shown)
    left.set_title(f"SUVmax by entity (n = {total})", pad=13)
    right.set_title(f"Ratio by entity (n = {sum(len(e.tbr) for e in shown)})", pad=13)
    _key(figure, shown)
    return figure


def _panel(
    axes: Any, shown: Sequence[EntityUptake], values: Sequence[tuple[float, ...]], lines: tuple[float, ...], label: str,
    seed: int,
) -> None:  # fmt: skip
    jitter = np.random.default_rng(seed)
    for row, (entity, numbers) in enumerate(zip(shown, values, strict=True)):
        if not numbers:
            axes.text(lines[0], row, " not reported", va="center", fontsize=6.2, color=style.MUTED)
            continue
        x = np.asarray(numbers)
        colour, marker = _look(entity.haematological)
        spread = jitter.uniform(-0.22, 0.22, x.size) if x.size > 1 else np.zeros(1)
        axes.plot(x, row + spread, ls="", marker=marker, ms=2.6, color=colour, alpha=0.45, mew=0)
        if x.size >= 4:
            low, middle, high = np.percentile(x, [25, 50, 75])
            axes.plot([low, high], [row, row], color=style.INK, lw=1.0, solid_capstyle="butt")
            axes.plot([middle], [row], ls="", marker="|", ms=8, mew=1.6, color=style.INK)
    for level, dash in zip(lines, ((0, (4, 2)), (0, (1, 1.3))), strict=True):
        axes.axvline(level, color=style.INK, lw=0.9, ls=dash, zorder=0.5)
        axes.annotate(
            f"{level:g}", (level, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=6.5
        )
    top = max((max(v) for v in values if v), default=lines[-1])
    axes.set_xlim(0.0, 1.05 * max(top, lines[-1]))
    axes.set_xlabel(label)
    axes.grid(True, axis="x")


def _look(haematological: bool) -> tuple[str, str]:
    return (GROUP_COLOURS[0], "o") if haematological else (GROUP_COLOURS[1], "D")


def _key(figure: Figure, shown: Sequence[EntityUptake]) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for kind, words in ((True, "haematological"), (False, "solid")):
        if any(e.haematological is kind for e in shown):
            colour, marker = _look(kind)
            handles.append(Line2D([], [], ls="", marker=marker, ms=3.5, color=colour, label=words))
    handles.append(
        Line2D([], [], color=style.INK, lw=1.0, marker="|", ms=8, mew=1.6, label="median, quartiles (n ≥ 4)")
    )
    words = "lines of Buck 2023, Figure 3: descriptive, no thresholds"
    handles.append(Line2D([], [], color=style.INK, lw=0.9, ls=(0, (4, 2)), label=words))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
