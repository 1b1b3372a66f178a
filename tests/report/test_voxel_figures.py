"""Pictures of dose by voxel: levels, bands and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose.dvh import dose_volume
from hemadose.errors import ReportError
from hemadose.model import Grid, Image, Quantity
from hemadose.report.figures.voxel_dose import dvh_figure, isodose_figure, round_levels_gy

GRID = Grid.axial(shape=(12, 14, 16), spacing_mm=(5.0,) * 3, origin_mm=(0, 0, 0), frame_of_reference_uid="f")


def ball(top):
    """Dose falling from the middle."""
    z, y, x = np.meshgrid(*(np.arange(n) - n / 2.0 for n in GRID.shape), indexing="ij")
    values = (top * np.exp(-(x**2 + y**2 + z**2) / 12.0)).astype(np.float32)
    return Image(values=values, grid=GRID, quantity=Quantity.ABSORBED_DOSE)


def test_levels_are_round_and_reach_the_highest_dose():
    """1, 2, 5 times a power of ten, below the highest voxel, so that a hot lesion is not left out."""
    values = np.concatenate([np.linspace(0.1, 2.0, 1000), [33.0]])
    levels = round_levels_gy(values)
    assert levels[-1] == 20.0
    assert levels[0] >= 0.05 * 1.9
    assert all(f"{v:e}"[0] in "125" for v in levels)
    assert round_levels_gy(np.array([3e-4])) == (2e-5, 5e-5, 1e-4, 2e-4)


def test_the_isodose_figure_has_three_cuts_and_a_key_of_doses():
    """Lines of the levels asked for; without a CT too."""
    figure = isodose_figure(dose=ball(10.0), ct=None, levels_gy=(5.0, 1.0))
    assert len(figure.axes) == 3
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["1", "5"]
    assert "highest voxel" in figure.legends[0].get_title().get_text()
    assert all(axes.collections for axes in figure.axes)


def test_nothing_to_draw_is_refused():
    """No dose, another quantity, no histogram."""
    with pytest.raises(ReportError, match="no dose"):
        isodose_figure(dose=ball(0.0), ct=None)
    with pytest.raises(ReportError, match="no dose"):
        isodose_figure(dose=Image(values=np.ones(GRID.shape), grid=GRID, quantity=Quantity.COUNTS), ct=None)
    with pytest.raises(ReportError, match="no histogram"):
        dvh_figure(histograms=())


def test_a_histogram_has_a_band_where_it_is_uncertain():
    """One band for the region with uncertainty, none for the other; regions of one colour have their own dashes."""
    dose, mask = ball(10.0).values, np.ones(GRID.shape, dtype=bool)
    kidneys = [
        dose_volume(dose, mask, region=name, voxel_ml=0.1, common_sd=sd)
        for name, sd in (("kidney_left", 0.05), ("kidney_right", 0.0))
    ]
    axes = dvh_figure(histograms=kidneys).axes[0]
    assert len(axes.collections) == 1
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
