"""The figure of a reconstruction: panels, orientation, unit, scale; the same bytes on every run."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import ReportError
from hemadose.model import Grid, Image, Quantity
from hemadose.report import style
from hemadose.report.figures.reconstruction import hot_centre_mm, reconstruction_figure

GRID = Grid.axial(
    shape=(20, 30, 40), spacing_mm=(5.0, 4.0, 4.0), origin_mm=(-80.0, -60.0, 100.0), frame_of_reference_uid="2.25.1"
)


def image(quantity=Quantity.COUNTS, frame="2.25.1"):
    values = np.full(GRID.shape, 0.1, dtype=np.float32)
    values[12:15, 5:8, 30:33] = 900.0
    grid = Grid(shape=GRID.shape, affine=GRID.affine, frame_of_reference_uid=frame)
    return Image(values=values, grid=grid, quantity=quantity)


def test_panels_unit_and_letters():
    figure = reconstruction_figure(image=image(Quantity.ACTIVITY_CONCENTRATION), title="Lu-177")
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    titles = [axes.get_title(loc="left") for axes in panels]
    assert [t.split(",")[0] for t in titles[:3]] == ["axial", "coronal", "sagittal"]
    assert "x 44 mm" in titles[2]
    assert all("projection" in t for t in titles[3:])
    labels = {axes.get_ylabel() for axes in figure.axes}
    assert "kBq/ml" in labels
    letters = {text.get_text() for text in panels[1].texts}
    assert {"R", "L", "H", "F"} <= letters


def test_the_hot_spot_is_cut_and_lies_on_the_right_of_the_image():
    """It lies to the patient's left, in front: right half of the axial image, upper half."""
    assert hot_centre_mm(image()) == pytest.approx((44.0, -36.0, 165.0))
    figure = reconstruction_figure(image=image())
    axial = figure.axes[0].images[0]
    plane = np.asarray(axial.get_array())
    row, column = np.unravel_index(np.argmax(plane), plane.shape)
    left, right, bottom, top = axial.get_extent()
    assert left + (column + 0.5) * (right - left) / plane.shape[1] == pytest.approx(44.0, abs=8.0)
    assert bottom + (row + 0.5) * (top - bottom) / plane.shape[0] == pytest.approx(-36.0, abs=8.0)
    assert bottom > top  # the back of the patient is at the bottom


def test_a_ct_of_another_frame_is_left_out():
    ct = Image(values=np.zeros(GRID.shape, dtype=np.int16), grid=GRID, quantity=Quantity.HOUNSFIELD)
    assert len(reconstruction_figure(image=image(), ct=ct).axes[0].images) == 2
    assert len(reconstruction_figure(image=image(frame="2.25.2"), ct=ct).axes[0].images) == 1


def test_the_same_bytes_on_every_run():
    assert style.to_svg(reconstruction_figure(image=image())) == style.to_svg(reconstruction_figure(image=image()))


def test_an_empty_image():
    empty = Image(values=np.zeros(GRID.shape, dtype=np.float32), grid=GRID, quantity=Quantity.COUNTS)
    with pytest.raises(ReportError, match="empty"):
        reconstruction_figure(image=empty)
