"""Dose coefficients before and after, patient by patient: slopes and the ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.report import style
from hemadose.report.figures.outcome.palette import group_style, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDoses:
    """One organ or lesion, before and after.

    Attributes
    ----------
    organ : str
        Name.
    pseudonyms : tuple of str
        Patients.
    before, after : tuple of float or None
        One number a patient; None where it was not measured.
    """

    organ: str
    pseudonyms: tuple[str, ...]
    before: tuple[float | None, ...]
    after: tuple[float | None, ...]

    def __post_init__(self) -> None:
        """Check lengths and signs."""
        if not len(self.pseudonyms) == len(self.before) == len(self.after):
            raise ReportError(f"{self.organ}: names and doses differ in number")
        if any(x is not None and not x > 0.0 for x in (*self.before, *self.after)):
            raise ReportError(f"{self.organ}: a dose is not positive, so that it has no ratio")


@style.house_style()
def paired_dose_figure(
    organs: Sequence[PairedDoses],
    *,
    unit: str = "Gy/GBq",
    before: str = "pre-therapeutic",
    after: str = "post-therapeutic",
    title: str = "",
) -> Figure:
    """Draw a panel of slopes for every organ, with the ratios after/before under it.

    Parameters
    ----------
    organs : sequence of PairedDoses
        One panel each; a patient keeps colour and marker in all of them.
    unit : str
        Of the doses.
    before, after : str
        Names of the two columns.
    title : str
        Over all panels.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no organ.
    """
    if not organs:
        raise ReportError("no doses to draw")
    names = list(dict.fromkeys(n for o in organs for n in o.pseudonyms))
    figure = style.new_figure(width_mm=min(180.0, 34.0 + 50.0 * len(organs)), height_mm=104.0)
    grid = figure.subplots(2, len(organs), squeeze=False, height_ratios=(2.4, 1.0))
    for column, organ in enumerate(organs):
        _slopes(grid[0][column], organ, names, before=before, after=after)
        _ratios(grid[1][column], organ, names)
    grid[0][0].set_ylabel(f"dose per activity / {unit}")
    for axes in grid[1]:
        axes.set_xlabel("after / before")
    grid[1][0].set_ylabel("pairs")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")
    if len(names) <= 12:
        _key(figure, names)
    return figure


def _slopes(axes: Any, organ: PairedDoses, names: Sequence[str], *, before: str, after: str) -> None:
    top = 0.0
    for name, first, second in zip(organ.pseudonyms, organ.before, organ.after, strict=True):
        colour, dash, marker = group_style(names.index(name))
        points = [(x, y) for x, y in ((0.0, first), (1.0, second)) if y is not None]
        if not points:
            continue
        x, y = zip(*points, strict=True)
        face = colour if len(points) == 2 else "white"
        axes.plot(x, y, color=colour, ls=dash, marker=marker, ms=4.6, lw=1.1, mfc=face)
        top = max(top, *y)
    axes.set_xlim(-0.35, 1.35)
    axes.set_xticks([0.0, 1.0], [before, after])
    axes.set_ylim(0.0, 1.1 * max(top, 1e-12))
    axes.grid(True, axis="y")
    pairs = sum(a is not None and b is not None for a, b in zip(organ.before, organ.after, strict=True))
    lone = len(organ.pseudonyms) - pairs
    axes.set_title(shortened(organ.organ, 26), pad=12)
    axes.annotate(
        f"{pairs} pairs" + (f", {lone} without a pair" if lone else ""), (0.0, 1.0), xycoords="axes fraction",
        xytext=(0, 3), textcoords="offset points", fontsize=6.5, color=style.MUTED,
    )  # fmt: skip


def _ratios(axes: Any, organ: PairedDoses, names: Sequence[str]) -> None:
    found = [
        (n, b / a) for n, a, b in zip(organ.pseudonyms, organ.before, organ.after, strict=True) if a and b is not None
    ]
    axes.axvline(1.0, color=style.INK, lw=0.8)
    axes.set_yticks([])
    axes.set_ylim(-1.0, 1.0)
    if not found:
        axes.text(0.5, 0.5, "no pair", transform=axes.transAxes, ha="center", va="center", color=style.MUTED)
        axes.set_xlim(0.0, 2.0)
        return
    values = np.array([r for _, r in found])
    for row, (name, ratio) in enumerate(sorted(found, key=lambda f: f[1])):
        colour, _, marker = group_style(names.index(name))
        axes.plot(ratio, (-0.45, 0.0, 0.45)[row % 3], marker=marker, ms=4.6, color=colour, ls="")
    middle = float(np.median(values))
    axes.axvline(middle, color=style.RED, lw=1.0, ls=(0, (4, 2)))
    axes.set_title(
        f"median {middle:.2f}, range {values.min():.2f}–{values.max():.2f}", fontsize=7.0, fontweight="normal", pad=2
    )
    axes.set_xlim(0.0, max(1.3, 1.1 * float(values.max())))
    axes.grid(True, axis="x")


def _key(figure: Figure, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for index, name in enumerate(names):
        colour, dash, marker = group_style(index)
        handles.append(Line2D([], [], color=colour, ls=dash, marker=marker, ms=4.6, label=shortened(name, 18)))
    handles.append(Line2D([], [], ls="", marker="o", ms=4.6, mfc="white", color=style.MUTED, label="no pair"))
    handles.append(Line2D([], [], color=style.RED, lw=1.0, ls=(0, (4, 2)), label="median ratio"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)))
