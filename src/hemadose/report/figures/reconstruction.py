"""A reconstruction to be looked at: three slices through its hot part on the CT, and projections of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReportError
from hemadose.model import Image
from hemadose.report import style
from hemadose.report.figures import marks
from hemadose.report.figures.images import in_field_unit
from hemadose.report.figures.planes import Cut, bounds_mm, project_maximum, sample_cut, window_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]

_CT_WINDOW_HU = (-160.0, 240.0)
_AIR_HU = -1000.0
_PITCH_MM = 2.5
_HOT_PERCENTILE = 99.5
_HOT_SHARE = 0.3
_CUTS = (Cut.AXIAL, Cut.CORONAL, Cut.SAGITTAL)


@style.house_style()
def reconstruction_figure(*, image: Image, ct: Image | None = None, title: str = "") -> Figure:
    """Draw axial, coronal and sagittal slices and coronal and sagittal maximum-intensity projections.

    Parameters
    ----------
    image : Image
        Counts or Bq/ml.
    ct : Image or None
        Drawn in grey under the slices if it shares the frame of reference.
    title : str
        How the image was made.

    Returns
    -------
    matplotlib.figure.Figure
        Patient right on the left of axial and coronal images; slices through the centre of the
        hottest voxels.

    Raises
    ------
    ReportError
        If the image is empty.
    """
    shown, unit = in_field_unit(image)
    if not shown.any():
        raise ReportError("the reconstruction is empty", remedy="look at the projections and the attenuation map")
    under = ct if ct is not None and ct.grid.frame_of_reference_uid == image.grid.frame_of_reference_uid else None
    top = float(np.percentile(shown, 99.9)) or float(shown.max())
    centre = hot_centre_mm(image)
    box = bounds_mm(image.grid)
    windows = [window_of(box, cut, pitch_mm=_PITCH_MM) for cut in _CUTS]
    height = (box[1, 2] - box[0, 2]) / (box[1, 0] - box[0, 0])
    figure = style.new_figure(width_mm=172.0, height_mm=20.0 + 52.0 * (1.0 + min(max(height, 0.35), 1.6)))
    grid = figure.add_gridspec(2, 6, height_ratios=[1.0, min(max(height, 0.35), 1.6)])
    axes = [figure.add_subplot(grid[0, 2 * k : 2 * k + 2]) for k in range(3)]
    drawn: Any = None
    for panel, cut, window in zip(axes, _CUTS, windows, strict=True):
        at_mm = centre[cut.through]
        _under(panel, under, window, at_mm)
        plane = sample_cut(shown, image.grid, window, at_mm=at_mm, outside=0.0)
        drawn = _activity(panel, plane, window, top, over_ct=under is not None)
        _dress(panel, cut, window, f"{cut.name.lower()}, {'xyz'[cut.through]} {at_mm:.0f} mm", dark=True)
    figure.colorbar(drawn, ax=axes, shrink=0.9, pad=0.01, aspect=24, label=unit)
    lower = [figure.add_subplot(grid[1, :3]), figure.add_subplot(grid[1, 3:])]
    projected: Any = None
    planes = [project_maximum(Image(values=shown, grid=image.grid, quantity=image.quantity), w) for w in windows[1:]]
    highest = max(float(np.percentile(plane, 99.7)) for plane in planes) or top
    for panel, cut, window, plane in zip(lower, _CUTS[1:], windows[1:], planes, strict=True):
        projected = panel.imshow(plane, cmap="gray_r", vmin=0.0, vmax=highest, extent=window.extent, origin="lower")
        _dress(panel, cut, window, f"{cut.name.lower()} maximum-intensity projection", dark=False)
    figure.colorbar(projected, ax=lower, shrink=0.9, pad=0.01, aspect=24, label=unit)
    if title:
        figure.suptitle(title, fontsize=8.5, x=0.01, ha="left")
    return figure


def hot_centre_mm(image: Image) -> tuple[float, float, float]:
    """Give the centre of mass of the hottest voxels (at most 0.5 %, above 30 % of the maximum), LPS mm.

    Examples
    --------
    >>> from hemadose.model import Grid, Quantity
    >>> values = np.zeros((9, 9, 9), dtype=np.float32)
    >>> values[4, 2, 6] = 1.0
    >>> grid = Grid.axial(shape=(9, 9, 9), spacing_mm=(2, 2, 2), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2")
    >>> hot_centre_mm(Image(values=values, grid=grid, quantity=Quantity.COUNTS))
    (12.0, 4.0, 8.0)
    """
    values = np.asarray(image.values, dtype=np.float64)
    threshold = max(float(np.percentile(values, _HOT_PERCENTILE)), _HOT_SHARE * float(values.max()))
    weight = np.where(values >= threshold, values, 0.0)
    index = [float(np.average(np.arange(n), weights=weight.sum(axis=tuple(a for a in range(3) if a != axis))))
             for axis, n in enumerate(values.shape)]  # fmt: skip
    x, y, z = image.grid.index_to_mm(index)
    return float(x), float(y), float(z)


def _under(panel: Any, ct: Image | None, window: Any, at_mm: float) -> None:
    panel.set_facecolor("black")
    if ct is None:
        return
    lower, upper = bounds_mm(ct.grid)[:, window.cut.through]
    if lower - 10.0 <= at_mm <= upper + 10.0:
        plane = sample_cut(ct.values, ct.grid, window, at_mm=at_mm, outside=_AIR_HU)
        low, high = _CT_WINDOW_HU
        panel.imshow(plane, cmap="gray", vmin=low, vmax=high, extent=window.extent, origin="lower")


def _activity(panel: Any, plane: Floats, window: Any, top: float, *, over_ct: bool) -> Any:
    """Activity, transparent where there is little if a CT lies under it."""
    alpha = np.clip(plane / (0.35 * top), 0.0, 1.0) * 0.72 if over_ct else None
    return panel.imshow(plane, cmap="inferno", vmin=0.0, vmax=top, alpha=alpha, extent=window.extent, origin="lower")


def _dress(panel: Any, cut: Cut, window: Any, title: str, *, dark: bool) -> None:
    panel.set_title(title)
    marks.bare(panel)
    marks.letters(panel, cut.letters, extent=window.extent, dark=dark)
    marks.scale_bar(panel, extent=window.extent, dark=dark)
