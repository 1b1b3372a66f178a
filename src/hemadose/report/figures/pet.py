"""PET: maximum-intensity projections with the lesions, uptake by skeletal site, two tracers side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReportError
from hemadose.imaging.pet.lesion_comparison import ComparedSite, Concordance, LesionComparison
from hemadose.imaging.pet.lesions import Lesion
from hemadose.imaging.pet.skeletal_sites import SITES, SiteUptake
from hemadose.model import Image, Quantity
from hemadose.model.pet import SuvImage
from hemadose.report import style
from hemadose.report.figures import marks
from hemadose.report.figures.planes import Cut, Window, bounds_mm, project_mask, project_maximum, window_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]

_PITCH_MM = 2.5
_LESION = "#e6007e"
_NUMBER_GAP_MM = 22.0
_SITE_WORDS = {
    "skull_base": "skull base",
    "c4": "C4",
    "t5": "T5",
    "l5": "L5",
    "ilium_left": "left ilium",
    "ilium_right": "right ilium",
}
_CONCORDANCE = (
    (Concordance.BOTH, "both", style.BLUE),
    (Concordance.FIRST_ONLY, "only {first}", style.ORANGE),
    (Concordance.SECOND_ONLY, "only {second}", style.GREEN),
)


@style.house_style()
def mip_figure(*, suv: SuvImage, lesions: Sequence[Lesion] = (), top_suv: float = 10.0) -> Figure:
    """Draw anterior and left lateral maximum-intensity projections in inverse grey.

    Parameters
    ----------
    suv : SuvImage
        Uptake values.
    lesions : sequence of Lesion
        Outlined, and numbered as in the table.
    top_suv : float
        Uptake that is black.

    Returns
    -------
    matplotlib.figure.Figure
        Patient's right on the left of the anterior view; front on the left of the lateral one.
    """
    box = bounds_mm(suv.grid)
    image = Image(values=suv.values, grid=suv.grid, quantity=Quantity.ACTIVITY_CONCENTRATION)
    cuts = (Cut.CORONAL, Cut.SAGITTAL)
    windows = [window_of(box, cut, pitch_mm=_PITCH_MM) for cut in cuts]
    shapes = [_width(w) / _height(w) for w in windows]
    height = min(150.0, 135.0 / sum(shapes))
    figure = style.new_figure(width_mm=36.0 + height * sum(shapes), height_mm=height + 12.0)
    panels = figure.subplots(1, 2, width_ratios=shapes)
    drawn: Any = None
    for axes, cut, window, title in zip(panels, cuts, windows, ("anterior", "lateral"), strict=True):
        plane = project_maximum(image, window)
        drawn = axes.imshow(plane, cmap="gray_r", vmin=0.0, vmax=top_suv, extent=window.extent, origin="lower")
        _outline_lesions(axes, lesions, window)
        axes.set_title(f"{title} MIP")
        marks.bare(axes)
        marks.letters(axes, cut.letters, extent=window.extent, dark=False)
        marks.scale_bar(axes, extent=window.extent, dark=False)
    label = f"{suv.measure.label} / ({suv.measure.unit})"
    figure.colorbar(drawn, ax=panels, shrink=0.8, pad=0.02, aspect=26, label=label, extend="max")
    return figure


def _width(window: Window) -> float:
    return window.extent[1] - window.extent[0]


def _height(window: Window) -> float:
    return window.extent[3] - window.extent[2]


def _outline_lesions(axes: Any, lesions: Sequence[Lesion], window: Window) -> None:
    across, up = marks.pixel_centres((window.up_mm.size, window.across_mm.size), window.extent)
    places = []
    for number, lesion in enumerate(lesions, start=1):
        shadow = project_mask(lesion.region, window)
        if shadow.max(initial=0.0) >= 0.5:
            axes.contour(across, up, shadow, levels=[0.5], colors=[_LESION], linewidths=0.8)
        centre = lesion.region.centroid_mm
        columns = np.flatnonzero((shadow >= 0.5).any(axis=0))
        edge = across[columns[-1]] if columns.size else centre[window.cut.across]
        places.append((float(edge), centre[window.cut.up], number))
    _write_numbers(axes, places, window)


def _write_numbers(axes: Any, places: Sequence[tuple[float, float, int]], window: Window) -> None:
    """Number each lesion beside its outline, moved down where two numbers would lie on each other."""
    from matplotlib.patheffects import withStroke

    written: list[tuple[float, float]] = []
    for x, y, number in sorted(places, key=lambda place: -place[1]):
        at = min(x + 4.0, window.extent[1] - 14.0)
        height = y
        while any(abs(at - a) < 1.3 * _NUMBER_GAP_MM and abs(height - h) < _NUMBER_GAP_MM for a, h in written):
            height -= 0.5 * _NUMBER_GAP_MM
        written.append((at, height))
        axes.text(
            at, height, str(number), color=_LESION, fontsize=6.5, fontweight="bold", ha="left", va="center",
            path_effects=[withStroke(linewidth=1.6, foreground="white")],
        )  # fmt: skip


@style.house_style()
def site_figure(
    *,
    sites: Sequence[SiteUptake],
    published: Mapping[str, tuple[float, float, float]] | None = None,
    published_words: str = "",
    lines: Sequence[float] = (6.0, 12.0),
    unit: str = "g/ml",
) -> Figure:
    """Draw SUVmax at the skeletal sites, over the published range, with descriptive lines.

    Parameters
    ----------
    sites : sequence of SiteUptake
        As measured.
    published : Mapping of str to (average, lowest, highest), optional
        Of a cohort.
    published_words : str
        Its citation, for the legend.
    lines : sequence of float
        SUVmax lines (6 and 12 in Buck 2023, Figure 3: descriptive, no criterion).
    unit : str
        Of the uptake values.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no site.
    """
    if not sites:
        raise ReportError("no skeletal site was measured", remedy="give bone labels or landmarks")
    figure = style.new_figure(width_mm=150.0, height_mm=75.0)
    axes = figure.subplots()
    known = published or {}
    measured = {site.site: site.uptake.suv_max for site in sites}
    for place, site in enumerate(SITES):
        if site in known:
            average, low, high = known[site]
            axes.bar(place, high - low, bottom=low, width=0.55, color="#d7dde4", zorder=1)
            axes.hlines(average, place - 0.27, place + 0.27, color=style.MUTED, lw=1.2, zorder=2)
        if site in measured:
            axes.plot(place, measured[site], "o", ms=6.0, color=style.RED, mec="white", mew=0.6, zorder=4)
            axes.annotate(
                f"{measured[site]:.1f}", (place, measured[site]), xytext=(6, 0), textcoords="offset points",
                fontsize=6.8, va="center", zorder=5,
            )  # fmt: skip
    for level in lines:
        axes.axhline(level, color=style.INK, lw=0.7, ls="--", zorder=3)
        axes.annotate(
            f"{level:g}", (len(SITES) - 0.42, level), fontsize=6.3, ha="right", va="bottom", color=style.INK,
        )  # fmt: skip
    axes.set_xticks(range(len(SITES)), [_SITE_WORDS[site] for site in SITES])
    axes.set_xlim(-0.6, len(SITES) - 0.4)
    top = max([*measured.values(), *(high for _, _, high in known.values()), *lines])
    axes.set_ylim(0.0, 1.1 * top)
    axes.set_ylabel(f"SUVmax / ({unit})")
    axes.grid(True, axis="y")
    _site_key(axes, bool(known), published_words, bool(lines))
    return figure


def _site_key(axes: Any, with_published: bool, words: str, with_lines: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Line2D([], [], marker="o", ls="none", color=style.RED, mec="white", label="this scan")]
    if with_published:
        handles.append(Patch(color="#d7dde4", label=f"range and average, {words}" if words else "range and average"))
    if with_lines:
        handles.append(Line2D([], [], color=style.INK, lw=0.7, ls="--", label="lines of Buck 2023, Fig. 3"))
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)


@style.house_style()
def concordance_figure(*, comparison: LesionComparison, first: str, second: str) -> Figure:
    """Draw SUVmax of two tracers site by site, and who sees how many.

    Parameters
    ----------
    comparison : LesionComparison
        All sites.
    first, second : str
        Names of the tracers.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no site.
    """
    if not comparison.sites:
        raise ReportError("neither tracer shows a site: there is nothing to compare")
    figure = style.new_figure(width_mm=150.0, height_mm=78.0)
    scatter, bars = figure.subplots(1, 2, width_ratios=(1.9, 1.0))
    _draw_pairs(scatter, comparison.sites, first, second)
    counts = [comparison.count(kind) for kind, _, _ in _CONCORDANCE]
    words = [text.format(first=first, second=second) for _, text, _ in _CONCORDANCE]
    bars.barh(range(3), counts, color=[colour for _, _, colour in _CONCORDANCE], height=0.6)
    bars.set_yticks(range(3), words)
    bars.invert_yaxis()
    for place, count in enumerate(counts):
        bars.annotate(str(count), (count, place), xytext=(3, 0), textcoords="offset points", va="center")
    bars.set_xlim(0.0, 1.18 * max(counts))
    bars.xaxis.get_major_locator().set_params(integer=True)
    bars.set_xlabel("sites")
    bars.set_title("seen by")
    return figure


def _draw_pairs(axes: Any, sites: Sequence[ComparedSite], first: str, second: str) -> None:
    pairs = [
        (number, site, site.first_suv_max, site.second_suv_max)
        for number, site in enumerate(sites, start=1)
        if site.first_suv_max and site.second_suv_max
    ]
    for kind, text, colour in _CONCORDANCE:
        chosen = [(n, a, b) for n, site, a, b in pairs if site.concordance is kind]
        if not chosen:
            continue
        axes.plot(
            [b for _, _, b in chosen], [a for _, a, _ in chosen], "o", ms=5.0, color=colour,
            mfc=colour if kind is Concordance.BOTH else "white", mew=1.2, ls="none",
            label=text.format(first=first, second=second), zorder=3,
        )  # fmt: skip
        for number, a, b in chosen:
            axes.annotate(str(number), (b, a), xytext=(4, 4), textcoords="offset points", fontsize=6.3)
    everything = [value for _, _, a, b in pairs for value in (a, b) if value]
    low, high = (0.8 * min(everything), 1.4 * max(everything)) if everything else (0.5, 20.0)
    axes.plot([low, high], [low, high], color=style.MUTED, lw=0.8, ls="--", zorder=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = [t for t in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if low <= t <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_ticks(ticks)
        axis.set_ticks([], minor=True)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_xlabel(f"SUVmax {second}")
    axes.set_ylabel(f"SUVmax {first}")
    axes.set_title("site by site")
    axes.grid(True)
    axes.legend(loc="best")
