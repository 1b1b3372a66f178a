"""Two images laid over each other before and after registration: chequerboard for CT, two colours for emission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReportError
from hemadose.model import Image, Quantity, Region
from hemadose.model.transform import Transform
from hemadose.report import style
from hemadose.report.figures import marks
from hemadose.report.figures.planes import Cut, Window, bounds_mm, sample_cut, window_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]

_CT_WINDOW_HU = (-250.0, 350.0)
_FIELD_MM = 30.0
_CUTS = (Cut.CORONAL, Cut.AXIAL, Cut.SAGITTAL)


@style.house_style()
def registration_figure(
    *,
    fixed: Image,
    before: Image,
    after: Image,
    transform: Transform,
    regions: tuple[Region, ...] = (),
) -> Figure:
    """Draw fixed and moving image together, before (upper row) and after registration.

    Parameters
    ----------
    fixed : Image
        CT or emission image.
    before, after : Image
        The moving image on the fixed grid: as scanned, and carried over.
    transform : Transform
        For the displacements of a deformable registration (third row) and the figures of merit.
    regions : tuple of Region
        Carried-over regions, drawn in the row after.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If the three images do not share one grid.
    """
    if not fixed.grid.matches(before.grid) or not fixed.grid.matches(after.grid):
        raise ReportError("the images of a registration figure lie on one grid")
    box = bounds_mm(fixed.grid)
    centre = _centre(fixed)
    windows = [window_of(box, cut, pitch_mm=max(2.0, min(fixed.grid.spacing_mm))) for cut in _CUTS]
    rows = 3 if transform.is_deformable else 2
    shapes = [_width(w) for w in windows]
    figure = style.new_figure(width_mm=180.0, height_mm=12.0 + rows * min(150.0 / sum(shapes) + 6.0, 75.0))
    panels = np.asarray(figure.subplots(rows, 3, squeeze=False, width_ratios=shapes))
    tops = (_top(fixed), _top(after))
    for row, (moving, title) in enumerate(((before, "before"), (after, "after"))):
        for axes, window in zip(panels[row], windows, strict=True):
            at_mm = float(centre[window.cut.through])
            _together(axes, fixed, moving, window, at_mm, tops)
            for region in regions if row else ():
                mask = sample_cut(region.mask, region.grid, window, at_mm=at_mm, outside=0.0)
                marks.outline(axes, mask, window.extent, region.name)
            marks.bare(axes)
            marks.letters(axes, window.cut.letters, extent=window.extent, dark=True)
        panels[row][0].set_title(f"{title}{_merit(transform, after=row == 1)}")
    if transform.is_deformable:
        drawn = [_field(a, transform, w, float(centre[w.cut.through])) for a, w in zip(panels[2], windows, strict=True)]
        panels[2][0].set_title("displacement")
        figure.colorbar(drawn[-1], ax=list(panels[2]), shrink=0.9, pad=0.01, aspect=20, label="mm")
    marks.scale_bar(panels[0][0], extent=windows[0].extent, dark=True)
    if fixed.quantity is not Quantity.HOUNSFIELD:
        figure.supxlabel("orange: fixed only   blue: moving only   white: both", fontsize=7.0)
    return figure


def chequerboard(first: Floats, second: Floats, *, field_px: int) -> Floats:
    """Give fields of the first image in turn with fields of the second.

    >>> chequerboard(np.zeros((2, 4)), np.ones((2, 4)), field_px=2).tolist()
    [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    """
    rows, columns = np.indices(first.shape)
    return np.where((rows // field_px + columns // field_px) % 2 == 0, first, second)


def _together(axes: Any, fixed: Image, moving: Image, window: Window, at_mm: float, tops: tuple[float, float]) -> None:
    outside = -1000.0 if fixed.quantity is Quantity.HOUNSFIELD else 0.0
    a = sample_cut(fixed.values, fixed.grid, window, at_mm=at_mm, outside=outside)
    b = sample_cut(moving.values, moving.grid, window, at_mm=at_mm, outside=outside)
    if fixed.quantity is Quantity.HOUNSFIELD:
        pitch = float(window.across_mm[1] - window.across_mm[0])
        board = chequerboard(a, b, field_px=max(round(_FIELD_MM / pitch), 2))
        axes.imshow(board, cmap="gray", vmin=_CT_WINDOW_HU[0], vmax=_CT_WINDOW_HU[1], extent=window.extent,
                    origin="lower")  # fmt: skip
        return
    a, b = (np.sqrt(np.clip(v / top, 0.0, 1.0)) for v, top in zip((a, b), tops, strict=True))
    colours = np.stack([a, 0.5 * (a + b), b], axis=-1)
    axes.imshow(colours, extent=window.extent, origin="lower")


def _top(image: Image) -> float:
    values = np.asarray(image.values, dtype=np.float64)
    return float(np.percentile(values, 99.8)) or 1.0


def _centre(image: Image) -> Floats:
    """Middle of what is shown: the centre of the grid for CT, of the activity for emission."""
    if image.quantity is Quantity.HOUNSFIELD:
        return np.asarray(bounds_mm(image.grid).mean(axis=0))
    hot = np.argwhere(np.asarray(image.values) > 0.3 * _top(image))
    return (
        np.asarray(image.grid.index_to_mm(hot).mean(axis=0))
        if hot.size
        else np.asarray(bounds_mm(image.grid).mean(axis=0))
    )


def _field(axes: Any, transform: Transform, window: Window, at_mm: float) -> Any:
    """Length of the displacement, with its in-plane arrows."""
    points = np.empty((window.up_mm.size, window.across_mm.size, 3))
    points[..., window.cut.across] = window.across_mm[None, :]
    points[..., window.cut.up] = window.up_mm[:, None]
    points[..., window.cut.through] = at_mm
    u = transform.displacement_at(points)
    size = np.linalg.norm(u, axis=-1)
    drawn = axes.imshow(size, cmap="viridis", vmin=0.0, extent=window.extent, origin="lower")
    left, right, bottom, top = window.extent
    aspect = "auto" if right == left else "equal"
    across, up = marks.pixel_centres(size.shape, window.extent)
    step = max(round(20.0 / float(abs(across[1] - across[0]))), 1)
    some = (slice(step // 2, None, step), slice(step // 2, None, step))
    axes.quiver(
        across[some[1]], up[some[0]], u[..., window.cut.across][some], u[..., window.cut.up][some],
        angles="xy", scale_units="xy", scale=0.7, color="white", width=0.004,
    )  # fmt: skip
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect(aspect)
    marks.bare(axes)
    return drawn


def _merit(transform: Transform, *, after: bool) -> str:
    quality = transform.quality
    if quality is None:
        return ""
    return f", correlation {quality.correlation_after if after else quality.correlation_before:.3f}"


def _width(window: Window) -> float:
    left, right, bottom, top = window.extent
    return min(max((right - left) / abs(top - bottom), 0.3), 3.0)
