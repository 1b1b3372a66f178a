"""Marks on images: contours, orientation letters, scale bars, colour bars, region keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.model import Administration, PlanarScan, TomographicScan
from hemadose.report import names, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]

_KEY_ENTRY_MM = 29.0


def middle_s(scan: PlanarScan | TomographicScan, administration: Administration) -> float:
    """Seconds from administration to the middle of an acquisition."""
    return administration.time_since_s(scan.started_at) + 0.5 * scan.duration_s


def bare(axes: Any) -> None:
    """Remove ticks and frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def outline(axes: Any, mask: Floats, extent: tuple[float, float, float, float], name: str) -> None:
    """Draw the border of a mask (row 0 at the bottom of the image) in the region's colour."""
    if mask.max(initial=0.0) < 0.5:
        return
    across, up = pixel_centres(mask.shape, extent)
    dash = "dashed" if name.startswith("background") else "solid"
    axes.contour(
        across, up, mask, levels=[0.5], colors=[names.colour(name)], linewidths=0.9,
        linestyles=dash,
    )  # fmt: skip


def pixel_centres(shape: tuple[int, ...], extent: tuple[float, float, float, float]) -> tuple[Floats, Floats]:
    """Give the centres of the columns and rows of an image drawn with `extent`."""
    left, right, bottom, top = extent
    rows, columns = shape
    across = left + (np.arange(columns) + 0.5) * (right - left) / columns
    up = bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows
    return across, up


def letters(
    axes: Any,
    marks: tuple[str, str, str, str],
    *,
    extent: tuple[float, float, float, float],
    dark: bool,
) -> None:
    """Write orientation letters at the left, right, top and bottom border of an image."""
    left, right, bottom, top = extent
    across, up = 0.5 * (left + right), 0.5 * (bottom + top)
    side, end = 0.02 * (right - left), 0.015 * (top - bottom)
    places = ((left + side, up), (right - side, up), (across, top - end), (across, bottom + end))
    sides = (("left", "center"), ("right", "center"), ("center", "top"), ("center", "bottom"))
    for mark, (x, y), (horizontal, vertical) in zip(marks, places, sides, strict=True):
        axes.text(
            x, y, mark, ha=horizontal, va=vertical,
            fontsize=7.0, fontweight="bold", color="white" if dark else style.INK,
        )  # fmt: skip


def scale_bar(
    axes: Any,
    *,
    extent: tuple[float, float, float, float],
    dark: bool,
    length_mm: float = 100.0,
) -> None:
    """Draw a bar of known length in the lower left corner of an image in mm."""
    left, right, bottom, top = extent
    width, height = right - left, top - bottom
    if length_mm > 0.4 * width:
        length_mm *= 0.5
    x, y = left + 0.05 * width, bottom + 0.05 * height
    tint = "white" if dark else style.INK
    axes.plot([x, x + length_mm], [y, y], color=tint, lw=1.8, solid_capstyle="butt")
    axes.text(
        x + 0.5 * length_mm, y + 0.012 * height, f"{length_mm / 10:.0f} cm",
        color=tint, ha="center", va="bottom", fontsize=6.5,
    )  # fmt: skip


def key(figure: Figure, region_names: Sequence[str]) -> None:
    """Write the colours of the regions below the figure."""
    from matplotlib.lines import Line2D

    known = sorted(dict.fromkeys(region_names), key=names.rank)
    entries: dict[tuple[str, bool], Line2D] = {}
    for name in known:
        background = name.startswith("background")
        text = names.group(name)
        line = Line2D([], [], color=names.colour(name), lw=1.4, ls="--" if background else "-", label=text)
        entries[(text, background)] = line
    if entries:
        columns = max(1, int(style.size_mm(figure)[0] // _KEY_ENTRY_MM))
        figure.legend(
            handles=list(entries.values()), loc="outside lower center",
            ncols=min(columns, len(entries)),
            handlelength=1.5, columnspacing=1.4,
        )  # fmt: skip
