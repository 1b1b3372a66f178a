"""Forest plot, uptake by site, response bars: what is drawn is what was given."""

import numpy as np
import pytest

from hemadose.errors import ReportError
from hemadose.outcome.evidence import evidence_rows, pool_rows, poolable
from hemadose.refdata.evidence import studies
from hemadose.report.figures.forest import forest_figure
from hemadose.report.figures.response_bars import ResponseBar, response_bars_figure
from hemadose.report.figures.suv_sites import SiteRange, suv_sites_figure


def texts(figure: object) -> str:
    return " | ".join(t.get_text() for axes in figure.axes for t in (*axes.texts, axes.title))  # type: ignore[attr-defined]


def test_one_panel_per_endpoint() -> None:
    rows = evidence_rows(studies(), disease="AML")
    figure = forest_figure(rows)
    assert len(figure.axes) == len({r.result.endpoint for r in rows})
    assert "13/76" in texts(figure)
    assert "17.1 (9.4-27.5)" in texts(figure)


def test_a_pooled_share_is_drawn_only_if_given() -> None:
    rows = evidence_rows(studies(), endpoint="overall response")
    assert "Pooled" not in texts(forest_figure(rows))
    pooled = pool_rows(poolable(rows)[0])
    drawn = texts(forest_figure(rows, pooled={"overall response": pooled}))
    assert "Pooled" in drawn
    assert "I²" in drawn


def test_a_curve_has_no_line() -> None:
    rows = [r for r in evidence_rows(studies(), endpoint="relapse") if r.study.id == "pagel-2009"]
    figure = forest_figure(rows)
    assert "no interval" in texts(figure)
    assert not figure.axes[0].collections


def test_nothing_to_draw() -> None:
    for draw in (lambda: forest_figure([]), lambda: suv_sites_figure([]), lambda: response_bars_figure([])):
        with pytest.raises(ReportError):
            draw()


def test_sites_show_range_average_and_known_values() -> None:
    sites = [SiteRange(name="C4", n=7, low=1.13, high=10.72, centre=5.19, values={"patient 5": 1.13})]
    figure = suv_sites_figure(sites)
    (bar,) = figure.axes[0].patches
    assert (bar.get_y(), bar.get_y() + bar.get_height()) == pytest.approx((1.13, 10.72))
    assert any(np.array_equal(line.get_ydata(), [1.13]) for line in figure.axes[0].lines)


def test_bars_add_up_to_100() -> None:
    figure = response_bars_figure([ResponseBar(name="a", share=0.8), ResponseBar(name="b", share=0.74, count="40/54")])
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([80.0, 74.0, 20.0, 26.0])
    assert "40/54" in texts(figure)


def test_an_impossible_share_is_refused() -> None:
    with pytest.raises(ReportError):
        ResponseBar(name="a", share=1.2)
