"""Dose by voxel to look at: lines of equal dose on CT, and dose-volume histograms with their bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.dose.dvh import DoseVolume
from hemadose.errors import ReportError
from hemadose.model import Image, Quantity, Region
from hemadose.report import names, style
from hemadose.report.figures import marks
from hemadose.report.figures.planes import Cut, Window, bounds_mm, sample_cut, window_of
from hemadose.report.figures.regions import SOFT_WINDOW_HU

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.95)
"""Shares of the highest dose (99.9th percentile) that lines are drawn at."""


@style.house_style()
def dvh_figure(*, histograms: Sequence[DoseVolume]) -> Figure:
    """Draw cumulative histograms; the band is what a common error of all voxels (one standard deviation) would shift.

    Raises
    ------
    ReportError
        If there is none.
    """
    if not histograms:
        raise ReportError("there is no histogram to draw")
    figure = style.new_figure(width_mm=140.0, height_mm=90.0)
    axes = figure.subplots()
    for histogram in histograms:
        doses, volume = histogram.curve()
        colour = names.colour(histogram.region)
        sd = histogram.mean_sd_gy / histogram.mean_gy if histogram.mean_gy > 0.0 else 0.0
        words = f"{names.label(histogram.region)}: {histogram.mean_gy:.3g} ± {histogram.mean_sd_gy:.2g} Gy"
        axes.plot(doses, volume, color=colour, label=words)
        if sd > 0.0:
            axes.fill_betweenx(volume, doses * (1.0 - sd), doses * (1.0 + sd), color=colour, alpha=0.2, lw=0)
    axes.set(xlabel="Absorbed dose (Gy)", ylabel="Volume (%)", ylim=(0.0, 102.0), title="Dose-volume histograms")
    axes.set_xlim(left=0.0)
    axes.grid(visible=True)
    axes.legend(loc="upper right")
    return figure


@style.house_style()
def isodose_figure(*, dose: Image, ct: Image | None, regions: Sequence[Region] = ()) -> Figure:
    """Draw lines of equal dose on three cuts of the CT through the centre of the highest doses.

    Parameters
    ----------
    dose : Image
        In Gy.
    ct : Image or None
        In HU, same frame of reference; left out if it has another.
    regions : sequence of Region
        Thin outlines.

    Raises
    ------
    ReportError
        If the image is no dose, or zero everywhere.
    """
    if dose.quantity is not Quantity.ABSORBED_DOSE or not dose.values.any():
        raise ReportError("there is no dose to draw", value=str(dose.quantity))
    held = dose.values[dose.values > 0.0]
    top = float(np.percentile(held, 99.9))
    high = np.argwhere(dose.values >= np.percentile(held, 99.0))
    at = dose.grid.index_to_mm(high.mean(axis=0))
    shown = ct if ct is not None and ct.grid.frame_of_reference_uid == dose.grid.frame_of_reference_uid else None
    box = bounds_mm(dose.grid)
    cuts = (Cut.CORONAL, Cut.SAGITTAL, Cut.AXIAL)
    windows = [window_of(box, cut, pitch_mm=1.5) for cut in cuts]
    figure = style.new_figure(width_mm=180.0, height_mm=95.0)
    drawn: Any = None
    for axes, cut, window in zip(np.atleast_1d(figure.subplots(1, 3)), cuts, windows, strict=True):
        drawn = _panel(axes, dose, shown, regions, window, float(at[cut.through]), top)
        marks.bare(axes)
        marks.letters(axes, cut.letters, extent=window.extent, dark=shown is not None)
    bar = figure.colorbar(drawn, ax=figure.axes, orientation="horizontal", fraction=0.05, pad=0.02)
    bar.set_label(f"Lines of equal dose (Gy): {', '.join(f'{100 * s:g}' for s in LEVELS)} % of {top:.3g} Gy")
    return figure


def _panel(
    axes: Any, dose: Image, ct: Image | None, regions: Sequence[Region], window: Window, at_mm: float, top: float
) -> Any:
    if ct is not None:
        plane = sample_cut(ct.values, ct.grid, window, at_mm=at_mm, outside=-1000.0)
        low, high = SOFT_WINDOW_HU
        axes.imshow(plane, cmap="gray", vmin=low, vmax=high, extent=window.extent, origin="lower")
    for region in regions:
        marks.outline(axes, sample_cut(region.mask, region.grid, window, at_mm=at_mm, outside=0.0), window.extent,
                      region.name)  # fmt: skip
    plane = sample_cut(dose.values, dose.grid, window, at_mm=at_mm, outside=0.0)
    across, up = marks.pixel_centres(plane.shape, window.extent)
    axes.set_aspect("equal")
    return axes.contour(across, up, plane, levels=[s * top for s in LEVELS], cmap="plasma", linewidths=0.9)
