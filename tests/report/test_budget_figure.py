"""The budget figure: bars as long as the uncertainty, parts in proportion to the variance, nothing outside the axes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from hemadose.dose.uncertainty import BudgetInputs, RegionInput, TargetInput, known_curves, make_budget
from hemadose.model import Limit, LimitKind
from hemadose.model.budget import SCOPES, Component
from hemadose.report import style
from hemadose.report.budget_rows import budget_rows, correlation_rows, probability_rows, share_rows
from hemadose.report.figures.budget import TINTS, budget_figure


@pytest.fixture(scope="module")
def budget():
    region = RegionInput(name="kidneys", integrals_bq_s=(1e11,), calibration=0.03, volume=0.05)
    target = TargetInput(name="kidneys", own=np.array([1e-20]), cross=np.zeros(1), mass_relative_sd=0.04)
    limit = Limit(name="kidneys", kind=LimitKind.TOTAL_DOSE, target="kidneys", value=23.0)
    inputs = BudgetInputs(regions=(region,), targets=(target,))
    return make_budget(inputs, [known_curves((1e11,), 20_000)], limits=[limit])


def test_bars_are_as_long_as_the_uncertainty(budget):
    """0.03, 0.05 and 0.04 in quadrature: 7.1 %; the outline is half of the variance."""
    axes = budget_figure(budget).axes[0]
    bars = [p for p in axes.patches if p.get_height() == pytest.approx(0.62) and p.get_y() > -0.5]
    assert sum(b.get_width() for b in bars) == pytest.approx(100.0 * budget.quantities[0].relative_sd, rel=3e-3)
    assert budget.quantities[0].relative_sd == pytest.approx(np.sqrt(0.005), rel=0.03)
    assert max(b.get_width() for b in bars) == pytest.approx(100.0 * np.sqrt(0.005) / 2.0, rel=0.05)


def test_every_text_lies_inside_the_figure(budget):
    figure = budget_figure(budget)
    canvas = FigureCanvasAgg(figure)
    with style.house_style():
        canvas.draw()
    renderer = canvas.get_renderer()
    width, height = canvas.get_width_height()
    shown = [t for t in figure.axes[0].texts if t.get_text()]
    assert any("P(exceeds)" in t.get_text() for t in shown)
    for text in shown:
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0.0
        assert box.x1 <= width
        assert box.y1 <= height


def test_every_cause_has_a_colour_and_a_scope():
    assert set(TINTS) == set(SCOPES) == set(Component)
    assert len(set(TINTS.values())) == len(TINTS)


def test_rows_carry_units_of_the_field(budget):
    dose, permitted, proposed = budget_rows(budget)
    assert dose["value"] == pytest.approx(1.0)
    assert dose["unit"] == "Gy/GBq"
    assert permitted["value"] == proposed["value"] == pytest.approx(23.0)
    assert permitted["limit_Gy"] == 23.0
    assert {r["cause"] for r in share_rows(budget)} == {"calibration", "volume", "mass"}
    assert probability_rows(budget)[0]["probability_exceeding"] == pytest.approx(0.5, abs=0.02)
    assert correlation_rows(budget) == [{"organ": "kidneys", "kidneys": 1.0}]


def test_the_picture_is_the_same_on_every_run(budget):
    assert style.to_svg(budget_figure(budget)) == style.to_svg(budget_figure(budget))
