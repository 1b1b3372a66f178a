"""Planar views with the regions of interest drawn and named, and all times on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReportError
from hemadose.model import Administration, PlanarRegion, PlanarScan, View
from hemadose.report import names, numbers, style
from hemadose.report.figures import marks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]
Extent: TypeAlias = tuple[float, float, float, float]

_LETTERS = ("R", "L", "H", "F")
_MAX_TIMES = 6
_MARGIN_MM = 25.0
_LINE_MM = 3.3
_TALL_MM = 112.0


@style.house_style()
def planar_figure(*, scan: PlanarScan, regions: tuple[PlanarRegion, ...], photopeak: str = "photopeak") -> Figure:
    """Draw anterior, posterior and geometric-mean images with the regions of interest.

    Parameters
    ----------
    scan : PlanarScan
        One time point; the model stores both views with columns towards the patient's left.
    regions : tuple of PlanarRegion
        Regions on the pixel grid of the scan; others are left out.
    photopeak : str
        Name of the energy window that is drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Grey levels follow the square root of the counts; patient right on the image left.
    """
    anterior, posterior, mean = views(scan, photopeak)
    extent = _extent(scan)
    shown = [region for region in regions if region.mask.shape == scan.shape]
    shape = extent[1] / extent[3]
    width = min(_TALL_MM * shape, (142.0 - 2.0 * _MARGIN_MM) / 3.0)
    named = 1.0 + 2.0 * _MARGIN_MM / width
    figure = style.new_figure(width_mm=28.0 + width * (2.0 + named), height_mm=width / shape + 15.0)
    panels = figure.subplots(1, 3, width_ratios=(1.0, 1.0, named))
    top = _top(np.concatenate([anterior, posterior]))
    titles = ("anterior", "posterior", "geometric mean")
    drawn: Any = None
    for axes, counts, title in zip(panels, (anterior, posterior, mean), titles, strict=True):
        drawn = _draw(axes, counts, extent, top)
        for region in shown:
            marks.outline(axes, region.mask[::-1].astype(np.float64), extent, region.name)
        axes.set_title(title, loc="center")
        marks.letters(axes, _LETTERS, extent=extent, dark=False)
        marks.scale_bar(axes, extent=extent, dark=False)
    _name_regions(panels[2], shown, scan, extent, panel_mm=width / shape)
    panels[2].set_xlim(-0.5 * (named - 1.0) * extent[1], 0.5 * (named + 1.0) * extent[1])
    _colour_bar(figure, drawn, panels, top, "counts per pixel")
    return figure


@style.house_style()
def planar_series_figure(
    *,
    scans: tuple[PlanarScan, ...],
    administration: Administration,
    photopeak: str = "photopeak",
) -> Figure:
    """Draw geometric-mean images of all times side by side on one scale.

    Parameters
    ----------
    scans : tuple of PlanarScan
        In order of time (at most six are drawn).
    administration : Administration
        For the times.
    photopeak : str
        Name of the energy window that is drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Counts per second of dwell time as acquired, not decay-corrected.
    """
    shown = scans[:_MAX_TIMES]
    if not shown:
        raise ReportError("there is no planar image to draw")
    rates = [views(scan, photopeak)[2] / scan.pixel_dwell_s for scan in shown]
    top = max(_top(rate) for rate in rates)
    shapes = [_extent(scan)[1] / _extent(scan)[3] for scan in shown]
    height = min(_TALL_MM, 142.0 / sum(shapes))
    figure = style.new_figure(width_mm=28.0 + height * sum(shapes), height_mm=height + 9.0)
    panels = figure.subplots(1, len(shown), squeeze=False, width_ratios=shapes)[0]
    drawn: Any = None
    for axes, scan, rate in zip(panels, shown, rates, strict=True):
        drawn = _draw(axes, rate, _extent(scan), top)
        axes.set_title(f"{numbers.hours(marks.middle_s(scan, administration))} h")
        marks.letters(axes, _LETTERS, extent=_extent(scan), dark=False)
        marks.scale_bar(axes, extent=_extent(scan), length_mm=200.0, dark=False)
    _colour_bar(figure, drawn, panels, top, "counts/s per pixel")
    return figure


def views(scan: PlanarScan, photopeak: str) -> tuple[Floats, Floats, Floats]:
    """Give anterior and posterior counts and their geometric mean, shape (rows, columns)."""
    anterior = scan.frame(view=View.ANTERIOR, window_name=photopeak).counts
    posterior = scan.frame(view=View.POSTERIOR, window_name=photopeak).counts
    return anterior, posterior, np.sqrt(anterior * posterior)


def _extent(scan: PlanarScan) -> Extent:
    rows, columns = scan.shape
    height, width = rows * scan.pixel_spacing_mm[0], columns * scan.pixel_spacing_mm[1]
    return 0.0, width, 0.0, height


def _colour_bar(figure: Figure, drawn: Any, panels: Any, top: float, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    ticks = [tick for tick in MaxNLocator(5).tick_values(0.0, top) if 0.0 <= tick <= top]
    bar = figure.colorbar(drawn, ax=panels, shrink=0.8, pad=0.01, aspect=28, label=f"{unit}\n(square-root scale)")
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.minorticks_off()


def _top(counts: Floats) -> float:
    return float(np.percentile(counts, 99.8)) or 1.0


def _draw(axes: Any, counts: Floats, extent: Extent, top: float) -> Any:
    from matplotlib.colors import PowerNorm

    drawn = axes.imshow(
        counts[::-1],
        cmap="gray_r",
        norm=PowerNorm(0.5, vmin=0.0, vmax=top, clip=True),
        extent=extent,
        origin="lower",
        aspect="equal",
    )
    marks.bare(axes)
    return drawn


def _name_regions(axes: Any, regions: list[PlanarRegion], scan: PlanarScan, extent: Extent, *, panel_mm: float) -> None:
    """Write the names beside the body, each joined to its region by a thin line."""
    _, width, _, height = extent
    gap = _LINE_MM / panel_mm * height
    for to_left in (True, False):
        side = [r for r in regions if r.name != "whole_body" and _on_left(r, scan) == to_left]
        anchors = sorted(((*_edge(r, scan, extent, to_left), r.name) for r in side), key=lambda a: -a[1])
        levels = _spread([a[1] for a in anchors], gap=gap, top=0.985 * height)
        text_x = -0.06 * width if to_left else 1.06 * width
        for (x, y, name), level in zip(anchors, levels, strict=True):
            tint = names.colour(name)
            axes.annotate(
                names.label(name), xy=(x, y), xytext=(text_x, level), color=tint, fontsize=6.5,
                ha="right" if to_left else "left", va="center", annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": tint, "lw": 0.6, "shrinkA": 1, "shrinkB": 0},
            )  # fmt: skip


def _on_left(region: PlanarRegion, scan: PlanarScan) -> bool:
    return float(np.argwhere(region.mask)[:, 1].mean()) < 0.5 * scan.shape[1]


def _edge(region: PlanarRegion, scan: PlanarScan, extent: Extent, to_left: bool) -> tuple[float, float]:
    """Outermost point of a region at the height of its centre, in mm from the lower left."""
    pixels = np.argwhere(region.mask)
    row = round(float(pixels[:, 0].mean()))
    columns = pixels[pixels[:, 0] == row, 1] if (pixels[:, 0] == row).any() else pixels[:, 1]
    column = columns.min() if to_left else columns.max() + 1
    x = column * scan.pixel_spacing_mm[1]
    return float(x), float(extent[3] - (row + 0.5) * scan.pixel_spacing_mm[0])


def _spread(heights: list[float], *, gap: float, top: float) -> list[float]:
    """Move labels (highest first) apart so that none overlaps, staying below `top`."""
    placed: list[float] = []
    for height in heights:
        placed.append(height if not placed else min(height, placed[-1] - gap))
    if not placed:
        return placed
    lift = sum(h - p for h, p in zip(heights, placed, strict=True)) / len(placed)
    lift = min(lift, top - placed[0])
    return [level + lift for level in placed]
