"""Dose by voxel to look at: lines of equal dose on CT, and dose-volume histograms with their bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hemadose.dose.dvh import DoseVolume
from hemadose.errors import ReportError
from hemadose.model import Grid, Image, Quantity, Region
from hemadose.report import names, style
from hemadose.report.figures import marks
from hemadose.report.figures.planes import Cut, Window, bounds_mm, sample_cut, window_of
from hemadose.report.figures.regions import SOFT_WINDOW_HU

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DASHES = ("solid", "dashed", "dotted", "dashdot")
_MOST_LEVELS = 7
_MARGIN = 5
_LOWEST_SHARE = 0.05
"""The lowest line, as a share of the 99th percentile of doses."""


@style.house_style()
def dvh_figure(*, histograms: Sequence[DoseVolume]) -> Figure:
    """Draw cumulative histograms; the band is one standard deviation: the voxels' own errors and their common one.

    Raises
    ------
    ReportError
        If there is none.
    """
    if not histograms:
        raise ReportError("there is no histogram to draw")
    figure = style.new_figure(width_mm=180.0, height_mm=90.0)
    axes = figure.subplots()
    used: dict[str, int] = {}
    for histogram in histograms:
        doses, volume = histogram.curve()
        colour = names.colour(histogram.region)
        sd = histogram.sd_of_dose(doses)
        words = f"{names.label(histogram.region)}: {histogram.mean_gy:.3g} ± {histogram.mean_sd_gy:.2g} Gy"
        axes.plot(doses, volume, color=colour, label=words, linestyle=_DASHES[used.get(colour, 0) % len(_DASHES)])
        used[colour] = used.get(colour, 0) + 1
        if sd.any():
            low, high = np.maximum.accumulate(np.maximum(doses - sd, 0.0)), np.maximum.accumulate(doses + sd)
            axes.fill_betweenx(volume, low, high, color=colour, alpha=0.2, lw=0)
    axes.set(xlabel="Absorbed dose (Gy)", ylabel="Volume (%)", ylim=(0.0, 102.0), title="Dose-volume histograms")
    axes.set_xlim(left=0.0)
    axes.grid(visible=True)
    figure.legend(loc="outside right upper")
    return figure


def round_levels_gy(dose_gy: npt.NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """Give round doses (1, 2, 5 times a power of ten) from a twentieth of the 99th percentile to the highest dose.

    >>> round_levels_gy(np.linspace(0.0, 9.9, 1000))
    (0.5, 1.0, 2.0, 5.0)
    """
    held = dose_gy[dose_gy > 0.0]
    high, low = float(held.max()), _LOWEST_SHARE * float(np.percentile(held, 99.0))
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found = [float(f"{m}e{d}") for d in decades for m in (1, 2, 5)]
    found = [v for v in found if low <= v < high]
    return tuple(found[-_MOST_LEVELS:]) or (0.5 * high,)


@style.house_style()
def isodose_figure(
    *, dose: Image, ct: Image | None, regions: Sequence[Region] = (), levels_gy: Sequence[float] = ()
) -> Figure:
    """Draw lines of equal dose on three cuts of the CT, each where the sum of doses is highest; all at one scale.

    Parameters
    ----------
    dose : Image
        In Gy.
    ct : Image or None
        In HU, same frame of reference; left out if it has another.
    regions : sequence of Region
        Outlines, dotted.
    levels_gy : sequence of float
        Doses of the lines; round numbers up to the highest dose if not given.

    Raises
    ------
    ReportError
        If the image is no dose, or zero everywhere.
    """
    import matplotlib as mpl

    if dose.quantity is not Quantity.ABSORBED_DOSE or not dose.values.any():
        raise ReportError("there is no dose to draw", value=str(dose.quantity))
    levels = sorted(levels_gy) or list(round_levels_gy(np.asarray(dose.values)))
    colours = [mpl.colormaps["plasma"](0.15 + 0.85 * i / max(len(levels) - 1, 1)) for i in range(len(levels))]
    shown = ct if ct is not None and ct.grid.frame_of_reference_uid == dose.grid.frame_of_reference_uid else None
    box = bounds_mm(_around(dose, 0.5 * levels[0]))
    cuts = (Cut.CORONAL, Cut.SAGITTAL, Cut.AXIAL)
    windows = [window_of(box, cut, pitch_mm=1.5) for cut in cuts]
    across = [abs(w.extent[1] - w.extent[0]) for w in windows]
    high = max(abs(w.extent[3] - w.extent[2]) for w in windows)
    figure = style.new_figure(width_mm=180.0, height_mm=min(180.0 * high / sum(across) + 16.0, 200.0))
    panels = np.atleast_1d(figure.subplots(1, 3, width_ratios=across))
    for axes, cut, window in zip(panels, cuts, windows, strict=True):
        at = _plane_mm(dose, cut.through)
        _panel(axes, dose, shown, regions, window, at, levels, colours)
        marks.bare(axes)
        marks.letters(axes, cut.letters, extent=window.extent, dark=shown is not None)
    lines = [mpl.lines.Line2D([], [], color=c, label=f"{v:g}") for v, c in zip(levels, colours, strict=True)]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines),
                  title=f"Lines of equal dose (Gy); highest voxel {float(dose.values.max()):.3g} Gy")  # fmt: skip
    return figure


def _around(dose: Image, least_gy: float) -> Grid:
    """Give the part of the grid that holds at least a dose, and some voxels around it."""
    found = [np.flatnonzero((dose.values >= least_gy).any(axis=tuple(b for b in range(3) if b != a))) for a in range(3)]
    low = np.array([max(int(f[0]) - _MARGIN, 0) for f in found])
    high = np.array([min(int(f[-1]) + _MARGIN + 1, n) for f, n in zip(found, dose.grid.shape, strict=True)])
    affine = np.array(dose.grid.affine)
    affine[:3, 3] += affine[:3, :3] @ low
    z, y, x = (int(n) for n in high - low)
    return Grid(shape=(z, y, x), affine=affine, frame_of_reference_uid=dose.grid.frame_of_reference_uid)


def _plane_mm(dose: Image, through: int) -> float:
    """Position of the plane with the highest sum of doses, along a patient axis."""
    axis = int(np.argmax(np.abs(dose.grid.affine[through, :3])))
    others = tuple(a for a in range(3) if a != axis)
    index = (np.array(dose.grid.shape) - 1) / 2.0
    index[axis] = int(np.argmax(dose.values.sum(axis=others, dtype=np.float64)))
    return float(dose.grid.index_to_mm(index)[through])


def _panel(
    axes: Any, dose: Image, ct: Image | None, regions: Sequence[Region], window: Window, at_mm: float,
    levels: Sequence[float], colours: Sequence[Any],
) -> None:  # fmt: skip
    if ct is not None:
        plane = sample_cut(ct.values, ct.grid, window, at_mm=at_mm, outside=-1000.0)
        low, high = SOFT_WINDOW_HU
        axes.imshow(plane, cmap="gray", vmin=low, vmax=high, extent=window.extent, origin="lower")
    for region in regions:
        mask = sample_cut(region.mask, region.grid, window, at_mm=at_mm, outside=0.0)
        if mask.max(initial=0.0) >= 0.5 and region.name != "whole_body":  # white: colours belong to doses here
            places = marks.pixel_centres(mask.shape, window.extent)
            axes.contour(*places, mask, levels=[0.5], colors="white" if ct is not None else "black", linewidths=0.6,
                         linestyles="dotted")  # fmt: skip
    plane = sample_cut(dose.values, dose.grid, window, at_mm=at_mm, outside=0.0)
    across, up = marks.pixel_centres(plane.shape, window.extent)
    axes.set_aspect("equal")
    if float(plane.max()) > levels[0]:
        axes.contour(across, up, plane, levels=list(levels), colors=list(colours), linewidths=1.0)
