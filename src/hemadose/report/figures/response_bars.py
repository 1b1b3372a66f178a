"""Response by trial: stacked bars to 100 %, with the exact interval of each share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemadose.errors import ReportError
from hemadose.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REST = "#e3c7c3"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseBar:
    """One trial.

    Attributes
    ----------
    name : str
        Lines under the bar.
    share : float
        With the outcome, 0 to 1.
    low, high : float or None
        Interval.
    count : str
        E.g. ``"40/54"``; ``""`` where not known.
    """

    name: str
    share: float
    low: float | None = None
    high: float | None = None
    count: str = ""

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0.0 <= self.share <= 1.0:
            raise ReportError(f"{self.name} has an impossible share", value=f"{self.share:g}", expected="0 to 1")


@style.house_style()
def response_bars_figure(
    bars: Sequence[ResponseBar], *, with_words: str = "disease control", without_words: str = "no disease control"
) -> Figure:
    """Draw shares as stacked bars.

    Parameters
    ----------
    bars : sequence of ResponseBar
        From left to right.
    with_words, without_words : str
        The two parts of a bar.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no bar.
    """
    if not bars:
        raise ReportError("there is no response to draw", field="bars")
    figure = style.new_figure(width_mm=max(90.0, 26.0 + 32.0 * len(bars)), height_mm=90.0)
    axes = figure.subplots()
    places = range(len(bars))
    shares = [100.0 * bar.share for bar in bars]
    axes.bar(places, shares, width=0.55, color=style.GREEN, label=with_words)
    axes.bar(
        places, [100.0 - s for s in shares], width=0.55, bottom=shares, color=_REST, hatch="////",
        edgecolor=style.RED, lw=0.0, label=without_words,
    )  # fmt: skip
    for place, bar, share in zip(places, bars, shares, strict=True):
        text = f"{share:.0f} %" + (f"\n{bar.count}" if bar.count else "")
        axes.text(place, 0.45 * share, text, ha="center", va="center", color="white", fontsize=7.2, fontweight="bold")
        if bar.low is not None and bar.high is not None:
            axes.plot([place, place], [100.0 * bar.low, 100.0 * bar.high], color=style.INK, lw=1.2, zorder=4)
            for end in (bar.low, bar.high):
                axes.plot([place - 0.05, place + 0.05], [100.0 * end] * 2, color=style.INK, lw=1.2, zorder=4)
    axes.set_xticks(list(places), [bar.name for bar in bars])
    axes.set_ylim(0.0, 100.0)
    axes.set_ylabel("patients (%), exact 95 % interval")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return figure
