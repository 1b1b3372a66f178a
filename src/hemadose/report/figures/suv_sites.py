"""SUVmax of a cohort by skeletal site: every known value, and the printed range where values are not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hemadose.errors import ReportError
from hemadose.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RANGE = "#d7dde4"
_MARKS = (("o", style.RED), ("^", style.BLUE), ("s", style.GREEN), ("D", style.ORANGE), ("v", style.INK))


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRange:
    """One site of a cohort.

    Attributes
    ----------
    name : str
        As drawn, e.g. ``"left ilium"``.
    n : int
        Patients with a value.
    low, high : float
        Range.
    centre : float or None
        Average.
    values : dict of str to float
        Known values by patient.
    """

    name: str
    n: int
    low: float
    high: float
    centre: float | None = None
    values: dict[str, float] = field(default_factory=dict)


@style.house_style()
def suv_sites_figure(
    sites: Sequence[SiteRange], *, centre_words: str = "average", title: str = "", unit: str = "g/ml"
) -> Figure:
    """Draw range, average and known values at each site.

    Parameters
    ----------
    sites : sequence of SiteRange
        From left to right.
    centre_words : str
        What the average is, for the legend.
    title : str
        Head line.
    unit : str
        Of SUV.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no site.
    """
    if not sites:
        raise ReportError("there is no site to draw", field="sites")
    figure = style.new_figure(width_mm=150.0, height_mm=85.0)
    axes = figure.subplots()
    people = sorted({who for site in sites for who in site.values})
    marks = {who: _MARKS[i % len(_MARKS)] for i, who in enumerate(people)}
    for place, site in enumerate(sites):
        axes.bar(place, site.high - site.low, bottom=site.low, width=0.5, color=_RANGE, zorder=1)
        axes.annotate(f"{site.high:.2f}", (place, site.high), xytext=(0, 2), **_small("bottom"))
        axes.annotate(f"{site.low:.2f}", (place, site.low), xytext=(0, -5), **_small("top"))
        if site.centre is not None:
            axes.hlines(site.centre, place - 0.25, place + 0.25, color=style.INK, lw=1.4, zorder=3)
            axes.annotate(
                f"{site.centre:.2f}", (place + 0.25, site.centre), xytext=(3, 0), textcoords="offset points",
                fontsize=6.5, va="center",
            )  # fmt: skip
        for who, value in site.values.items():
            marker, colour = marks[who]
            axes.plot(place, value, marker, color=colour, ms=5.5, mec="white", mew=0.6, zorder=4)
    axes.set_xticks(range(len(sites)), [f"{site.name}\nn = {site.n}" for site in sites])
    axes.set_xlim(-0.6, len(sites) - 0.3)
    axes.set_ylim(min(0.0, min(site.low for site in sites) - 1.0), 1.1 * max(site.high for site in sites))
    axes.set_ylabel(f"SUVmax ({unit})")
    axes.grid(visible=True, axis="y")
    if title:
        axes.set_title(title, pad=20.0)
    _key(axes, people, marks, centre_words, any(site.centre is not None for site in sites))
    return figure


def _small(va: str) -> dict[str, Any]:
    return {"textcoords": "offset points", "fontsize": 6.2, "ha": "center", "va": va, "color": style.MUTED}


def _key(axes: Any, people: Sequence[str], marks: dict[str, tuple[str, str]], words: str, centre: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(color=_RANGE, label="range of the cohort")]
    if centre:
        handles.append(Line2D([], [], color=style.INK, lw=1.4, label=words))
    for who in people:
        marker, colour = marks[who]
        handles.append(Line2D([], [], marker=marker, ls="none", color=colour, mec="white", label=who))
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(handles), borderaxespad=0.2)
