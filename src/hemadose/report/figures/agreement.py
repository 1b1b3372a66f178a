"""Agreement of two methods: Bland-Altman, and gamma on cuts through a dose map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hemadose.dose.comparison import BlandAltman
from hemadose.errors import ReportError
from hemadose.model import Image
from hemadose.report import names, style
from hemadose.report.figures import marks
from hemadose.report.figures.planes import Cut, bounds_mm, sample_cut, window_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_GAMMA = 2.0


@style.house_style()
def bland_altman_figure(agreement: BlandAltman, *, labels: Sequence[str], unit: str, first: str, second: str) -> Figure:
    """Draw differences on means, with bias, limits of agreement and their 95 % confidence intervals.

    Parameters
    ----------
    agreement : BlandAltman
        Of the pairs.
    labels : sequence of str
        Name of each pair.
    unit : str
        Of means, and of differences unless they are relative.
    first, second : str
        What is compared.

    Raises
    ------
    ReportError
        If labels and pairs differ in number.
    """
    if len(labels) != agreement.means.size:
        raise ReportError("every pair needs a label", value=f"{len(labels)} for {agreement.means.size}")
    figure = style.new_figure(width_mm=150.0, height_mm=95.0)
    axes = figure.subplots()
    of = "% of mean" if agreement.relative else unit
    for value, interval, colour, word in (
        (agreement.bias, agreement.bias_interval, style.BLUE, "bias"),
        (agreement.limits[0], agreement.low_interval, style.ORANGE, "95 % limit"),
        (agreement.limits[1], agreement.high_interval, style.ORANGE, "95 % limit"),
    ):
        axes.axhspan(*interval, color=colour, alpha=0.12, lw=0)
        axes.axhline(value, color=colour, lw=1.2, ls="-" if word == "bias" else "--")
        text = f"{word} {value:+.3g}\n({interval[0]:+.3g} to {interval[1]:+.3g})"
        axes.annotate(
            text, (1.0, value), xycoords=("axes fraction", "data"), xytext=(5, 0), textcoords="offset points",
            ha="left", va="center", fontsize=6.5, color=colour,
        )  # fmt: skip
    axes.axhline(0.0, color=style.MUTED, lw=0.8)
    axes.scatter(agreement.means, agreement.differences, s=22, color=style.INK, zorder=3)
    for mean, difference, label in zip(agreement.means, agreement.differences, labels, strict=True):
        axes.annotate(
            names.sentence(names.label(label)), (mean, difference), xytext=(4, -3), textcoords="offset points",
            fontsize=6.5, va="top",
        )  # fmt: skip
    if agreement.means.min() > 0.0 and agreement.means.max() > 20.0 * agreement.means.min():
        axes.set_xscale("log")
    axes.margins(x=0.15, y=0.15)
    axes.set(xlabel=f"mean of both ({unit})", ylabel=f"{second} less {first} ({of})")
    axes.grid(visible=True)
    return figure


@style.house_style()
def gamma_figure(*, gamma: npt.NDArray[np.float32], reference: Image, pass_percent: float, criteria: str) -> Figure:
    """Draw gamma on three cuts through the highest reference dose.

    Parameters
    ----------
    gamma : array (slices, rows, columns)
        NaN where nothing was judged.
    reference : Image
        Reference dose of the same shape.
    pass_percent : float
        Share of judged voxels with gamma <= 1, per cent.
    criteria : str
        In words.

    Raises
    ------
    ReportError
        If nothing was judged.
    """
    if not np.isfinite(gamma).any():
        raise ReportError("no voxel was judged")
    top = np.percentile(reference.values[reference.values > 0.0], 99.0)
    at = reference.grid.index_to_mm(np.argwhere(reference.values >= top).mean(axis=0))
    figure = style.new_figure(width_mm=180.0, height_mm=95.0)
    box = bounds_mm(reference.grid)
    drawn: Any = None
    for axes, cut in zip(np.atleast_1d(figure.subplots(1, 3)), (Cut.CORONAL, Cut.SAGITTAL, Cut.AXIAL), strict=True):
        window = window_of(box, cut, pitch_mm=1.5)
        at_mm = float(at[cut.through])
        dose = sample_cut(reference.values, reference.grid, window, at_mm=at_mm, outside=0.0)
        plane = sample_cut(np.nan_to_num(gamma, nan=-1.0), reference.grid, window, at_mm=at_mm, outside=-1.0)
        axes.imshow(dose, cmap="Greys", extent=window.extent, origin="lower", vmin=0.0, vmax=float(top))
        drawn = axes.imshow(
            np.ma.masked_less(plane, 0.0), cmap="RdYlBu_r", vmin=0.0, vmax=MOST_GAMMA, extent=window.extent,
            origin="lower",
        )  # fmt: skip
        marks.bare(axes)
        marks.letters(axes, cut.letters, extent=window.extent, dark=False)
    bar = figure.colorbar(drawn, ax=figure.axes, orientation="horizontal", fraction=0.05, pad=0.02)
    bar.set_label(f"gamma ({criteria}); {pass_percent:.1f} % of judged voxels at or below 1")
    return figure
