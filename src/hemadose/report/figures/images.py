"""SPECT/CT slices and projections with the regions drawn on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReportError
from hemadose.model import Administration, Image, Quantity, Region, TomographicScan
from hemadose.report import numbers, style
from hemadose.report.figures import marks
from hemadose.report.figures.planes import (
    Cut,
    Window,
    body_box_mm,
    bounds_mm,
    centre_of,
    project_mask,
    project_maximum,
    sample_cut,
    window_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]

_CT_WINDOW_HU = (-160.0, 240.0)  # width 400, level 40
_PITCH_MM = 2.5
_MIP_PITCH_MM = 3.5
_AIR_HU = -1000.0
_MAX_PANELS = 5


@style.house_style()
def fused_figure(*, scan: TomographicScan, ct: Image | None, regions: tuple[Region, ...]) -> Figure:
    """Draw coronal, axial and sagittal SPECT/CT slices through the kidneys with regions.

    Parameters
    ----------
    scan : TomographicScan
        SPECT; regions and CT are drawn only where they share its frame of reference.
    ct : Image or None
        CT in HU; grey, window 400, level 40.
    regions : tuple of Region
        Contours.

    Returns
    -------
    matplotlib.figure.Figure
        Patient right on the left of coronal and axial images.

    Raises
    ------
    ReportError
        If no region shares the frame of reference of the scan, so that there is no place to cut.
    """
    inside = same_frame(scan.image, regions)
    if not inside:
        raise ReportError(
            "no region lies in the frame of reference of the SPECT",
            remedy="draw the regions on this SPECT/CT, or leave the figure out",
        )
    under = ct if ct is not None and _shares_frame(scan.image, ct) else None
    shown, unit = in_field_unit(scan.image)
    top = display_maximum(shown, scan.image, inside)
    cuts = (Cut.CORONAL, Cut.AXIAL, Cut.SAGITTAL)
    box = body_box_mm(scan.image.grid, inside)
    windows = [window_of(box, cut, pitch_mm=_PITCH_MM) for cut in cuts]
    shapes = [_shape(window) for window in windows]
    height = min(110.0, 142.0 / sum(shapes))
    figure = style.new_figure(width_mm=28.0 + height * sum(shapes), height_mm=height + 16.0)
    panels = figure.subplots(1, 3, width_ratios=shapes)
    centres = _cut_positions(inside)
    drawn: Any = None
    for axes, cut, window, at_mm in zip(panels, cuts, windows, centres, strict=True):
        plane = sample_cut(shown, scan.image.grid, window, at_mm=at_mm, outside=0.0)
        _draw_ct(axes, under, window, at_mm)
        drawn = _draw_activity(axes, plane, window, top)
        for region in inside:
            if region.name != "whole_body":
                mask = sample_cut(region.mask, region.grid, window, at_mm=at_mm, outside=0.0)
                marks.outline(axes, mask, window.extent, region.name)
        axes.set_title(cut.name.lower())
        marks.bare(axes)
        marks.letters(axes, cut.letters, extent=window.extent, dark=True)
        marks.scale_bar(axes, extent=window.extent, dark=True)
    figure.colorbar(drawn, ax=panels, shrink=0.9, pad=0.01, aspect=24, label=unit)
    marks.key(figure, [r.name for r in inside if r.name != "whole_body"])
    return figure


@style.house_style()
def projection_figure(
    *,
    scans: tuple[TomographicScan, ...],
    regions: tuple[Region, ...],
    administration: Administration,
) -> Figure:
    """Draw coronal maximum-intensity projections of all times in inverse grey on one scale.

    Parameters
    ----------
    scans : tuple of TomographicScan
        In order of time (at most five are drawn).
    regions : tuple of Region
        Outlines, drawn on scans of the same frame of reference.
    administration : Administration
        For the times.

    Returns
    -------
    matplotlib.figure.Figure
        Activity as present at the time of the scan, not decay-corrected.
    """
    shown = scans[:_MAX_PANELS]
    if not shown:
        raise ReportError("there is no SPECT to project")
    boxes = [body_box_mm(s.image.grid, same_frame(s.image, regions)) for s in shown]
    windows = [window_of(box, Cut.CORONAL, pitch_mm=_MIP_PITCH_MM) for box in boxes]
    planes = [project_maximum(s.image, w) for s, w in zip(shown, windows, strict=True)]
    planes = [p * _field_scale(s.image) for p, s in zip(planes, shown, strict=True)]
    top = max(float(np.percentile(plane, 99.7)) for plane in planes) or 1.0
    shapes = [_shape(window) for window in windows]
    height = min(62.0, 142.0 / sum(shapes))
    figure = style.new_figure(width_mm=28.0 + height * sum(shapes), height_mm=height + 18.0)
    panels = figure.subplots(1, len(shown), squeeze=False, width_ratios=shapes)[0]
    drawn: Any = None
    outlined: list[str] = []
    for axes, scan, window, plane in zip(panels, shown, windows, planes, strict=True):
        drawn = axes.imshow(plane, cmap="gray_r", vmin=0.0, vmax=top, extent=window.extent, origin="lower")
        for region in same_frame(scan.image, regions):
            if region.name != "whole_body":
                marks.outline(axes, project_mask(region, window), window.extent, region.name)
                outlined.append(region.name)
        axes.set_title(f"{numbers.hours(marks.middle_s(scan, administration))} h")
        marks.bare(axes)
        marks.letters(axes, Cut.CORONAL.letters, extent=window.extent, dark=False)
        marks.scale_bar(axes, extent=window.extent, dark=False)
    unit = in_field_unit(shown[0].image)[1]
    figure.colorbar(drawn, ax=panels, shrink=0.9, pad=0.02, aspect=24, label=unit)
    marks.key(figure, outlined)
    return figure


def _shape(window: Window) -> float:
    """Width over height of a window, kept within what a page can show."""
    left, right, bottom, top = window.extent
    return min(max((right - left) / abs(top - bottom), 0.3), 3.0)


def same_frame(image: Image, regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """Give the regions that share an image's frame of reference."""
    uid = image.grid.frame_of_reference_uid
    return tuple(region for region in regions if region.grid.frame_of_reference_uid == uid)


def _shares_frame(first: Image, second: Image) -> bool:
    return first.grid.frame_of_reference_uid == second.grid.frame_of_reference_uid


def _field_scale(image: Image) -> float:
    return 1e-3 if image.quantity is Quantity.ACTIVITY_CONCENTRATION else 1.0


def in_field_unit(image: Image) -> tuple[npt.NDArray[np.float32], str]:
    """Give values and unit as drawn: kBq/ml, or counts per voxel."""
    if image.quantity is Quantity.ACTIVITY_CONCENTRATION:
        return np.asarray(image.values * np.float32(1e-3), dtype=np.float32), "kBq/ml"
    return np.asarray(image.values, dtype=np.float32), "counts per voxel"


def display_maximum(shown: npt.NDArray[np.float32], image: Image, regions: tuple[Region, ...]) -> float:
    """Upper end of the colour scale: the hot part of the kidneys, else of the image."""
    kidneys = [r for r in regions if r.name.startswith("kidney") and r.grid.matches(image.grid)]
    if kidneys:
        inside = np.logical_or.reduce([region.mask for region in kidneys])
        return float(np.percentile(shown[inside], 98.0)) or 1.0
    return float(np.percentile(shown, 99.9)) or 1.0


def _cut_positions(regions: tuple[Region, ...]) -> tuple[float, float, float]:
    """Coronal and axial through the middle of the kidneys, sagittal through one of them."""
    _, y, z = centre_of(regions, "kidney")
    x = centre_of(regions, "kidney_right", "kidneys")[0]
    return y, z, x


def _draw_ct(axes: Any, ct: Image | None, window: Window, at_mm: float) -> None:
    axes.set_facecolor("black")
    if ct is None:
        return
    plane = sample_cut(ct.values, ct.grid, window, at_mm=at_mm, outside=_AIR_HU)
    lower, upper = bounds_mm(ct.grid)[:, window.cut.through]
    if lower - 10.0 <= at_mm <= upper + 10.0:
        axes.imshow(
            plane,
            cmap="gray",
            vmin=_CT_WINDOW_HU[0],
            vmax=_CT_WINDOW_HU[1],
            extent=window.extent,
            origin="lower",
        )


def _draw_activity(axes: Any, plane: Floats, window: Window, top: float) -> Any:
    """Overlay that is transparent where there is little activity."""
    alpha = np.clip(plane / (0.35 * top), 0.0, 1.0) * 0.72
    return axes.imshow(
        plane,
        cmap="inferno",
        vmin=0.0,
        vmax=top,
        alpha=alpha,
        extent=window.extent,
        origin="lower",
    )
