"""Regions on CT or emission images, cut through their centres: to look at before they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReportError
from hemadose.model import Grid, Image, Quantity, Region
from hemadose.report import names, style
from hemadose.report.figures import marks
from hemadose.report.figures.planes import Cut, Window, bounds_mm, region_box_mm, sample_cut, window_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]

BONE_WINDOW_HU = (-200.0, 600.0)
SOFT_WINDOW_HU = (-160.0, 240.0)
_MARGIN_MM = 40.0
_LARGEST = 5


@style.house_style()
def region_figure(
    *, image: Image, regions: tuple[Region, ...], around: tuple[Region, ...] = (), bone: bool = False
) -> Figure:
    """Draw coronal and sagittal cuts through the middle of the regions and an axial cut through each.

    Parameters
    ----------
    image : Image
        CT in HU (grey), or an emission image (inverse grey).
    regions : tuple of Region
        Contours; the first five get an axial cut of their own.
    around : tuple of Region
        Further contours, thin: labels that the regions were made from.
    bone : bool
        Wide CT window.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no region, or one lies in another frame of reference.
    """
    if not regions:
        raise ReportError("there is no region to draw")
    frame = image.grid.frame_of_reference_uid
    if any(r.grid.frame_of_reference_uid != frame for r in (*regions, *around)):
        raise ReportError("regions and image belong to different frames of reference", remedy="register them first")
    box = _box(image, regions)
    middle = np.mean([r.centroid_mm for r in regions], axis=0)
    cuts = [(Cut.CORONAL, float(middle[1]), "coronal"), (Cut.SAGITTAL, float(middle[0]), "sagittal")]
    cuts += [(Cut.AXIAL, r.centroid_mm[2], r.name) for r in regions[:_LARGEST]]
    windows = [window_of(box, cut, pitch_mm=1.0) for cut, _, _ in cuts]
    heights = (_height(windows[:2], 88.0), _height(windows[2:], 176.0 / max(len(cuts) - 2, 2)))
    figure = style.new_figure(width_mm=180.0, height_mm=sum(heights))
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=heights))
    panels = [*upper.subplots(1, 2), *np.atleast_1d(lower.subplots(1, max(len(cuts) - 2, 1)))]
    for axes, (cut, at_mm, title), window in zip(panels, cuts, windows, strict=False):
        _draw(axes, image, window, at_mm, bone=bone)
        for region in around:
            mask = sample_cut(region.mask, region.grid, window, at_mm=at_mm, outside=0.0)
            _thin(axes, mask, window)
        for region in regions:
            mask = sample_cut(region.mask, region.grid, window, at_mm=at_mm, outside=0.0)
            marks.outline(axes, mask, window.extent, region.name)
        axes.set_title(names.label(title))
        marks.bare(axes)
        marks.letters(axes, cut.letters, extent=window.extent, dark=image.quantity is Quantity.HOUNSFIELD)
    marks.scale_bar(panels[0], extent=windows[0].extent, dark=image.quantity is Quantity.HOUNSFIELD, length_mm=50.0)
    return figure


def _height(windows: list[Window], width_mm: float) -> float:
    """Height on paper of a row of images that are each at most so wide."""
    tallest = 0.0
    for window in windows:
        left, right, bottom, top = window.extent
        tallest = max(tallest, width_mm * abs(top - bottom) / (right - left))
    return min(tallest, 85.0) + 8.0


def _box(image: Image, regions: tuple[Region, ...]) -> Floats:
    corners = np.array([region_box_mm(r) for r in regions])
    lower, upper = bounds_mm(image.grid)
    low = np.maximum(corners[:, 0].min(axis=0) - _MARGIN_MM, lower)
    high = np.minimum(corners[:, 1].max(axis=0) + _MARGIN_MM, upper)
    return np.stack([low, high])


def _draw(axes: Any, image: Image, window: Window, at_mm: float, *, bone: bool) -> None:
    if image.quantity is Quantity.HOUNSFIELD:
        low, high = BONE_WINDOW_HU if bone else SOFT_WINDOW_HU
        plane = sample_cut(image.values, image.grid, window, at_mm=at_mm, outside=-1000.0)
        axes.imshow(plane, cmap="gray", vmin=low, vmax=high, extent=window.extent, origin="lower")
        return
    plane = sample_cut(image.values, image.grid, window, at_mm=at_mm, outside=0.0)
    axes.imshow(plane, cmap="gray_r", vmin=0.0, vmax=_top(image.values, image.grid), extent=window.extent,
                origin="lower")  # fmt: skip


def _top(values: npt.NDArray[Any], grid: Grid) -> float:
    count = min(int(np.prod(grid.shape)), 200_000)
    sample = np.asarray(values).ravel()[:: max(values.size // count, 1)]
    return float(np.percentile(sample, 99.8)) or 1.0


def _thin(axes: Any, mask: Floats, window: Window) -> None:
    if mask.max(initial=0.0) >= 0.5:
        across, up = marks.pixel_centres(mask.shape, window.extent)
        axes.contour(across, up, mask, levels=[0.5], colors=["#ffd166"], linewidths=0.5)
