"""Figures of outcome: the numbers that are drawn, awkward cohorts, no text outside or on top of other text."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hemadose.errors import ReportError
from hemadose.model.followup import Event, EventKind, FollowUp, FollowUpCohort, Series
from hemadose.outcome.change import change_from_baseline
from hemadose.outcome.statistics import cumulative_incidence, kaplan_meier, risk_table
from hemadose.report import style
from hemadose.report.figures.outcome import (
    Bar,
    EntityUptake,
    PairedDoses,
    incidence_figure,
    ldh_figure,
    paired_dose_figure,
    spider_figure,
    survival_figure,
    swimmer_figure,
    uptake_by_entity_figure,
    waterfall_figure,
)
from hemadose.report.figures.outcome.palette import GRADE_COLOURS, GROUP_COLOURS, group_style, luminance
from hemadose.workflow.figure_files import figure_bytes

TIMES, STATUS = [1.0, 2.0, 2.0, 3.0, 5.0, 8.0], [1, 0, 1, 1, 0, 1]


def texts(axes):
    return [t.get_text() for t in axes.texts] + [axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()]


def legend(figure):
    return [t.get_text() for each in (*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend()))
            for t in each.get_texts()]  # fmt: skip


def boxes(figure, axes):
    """Boxes of the texts of an axes and of the figure's edge, after layout."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = canvas.get_renderer()
    return figure.bbox, [(t.get_text(), t.get_window_extent(drawn)) for t in axes.texts if t.get_text().strip()]


def test_survival_draws_the_estimate_and_the_numbers_at_risk():
    """Product limit by hand: 5/6, then 4/5 of it at the tie of event and censoring, 2/3 of that at 3."""
    curve = kaplan_meier(times=TIMES, events=STATUS)
    table = risk_table(times=TIMES, status=STATUS, at=[0, 2, 4, 6])
    figure = survival_figure({"all": curve}, table=table, p_value=0.0004)
    axes, under = figure.axes
    y = axes.lines[0].get_ydata()
    assert y[0] == 1.0
    assert y[1] == pytest.approx(5 / 6)
    assert y[2] == pytest.approx(5 / 6 * 4 / 5)
    assert y[3] == pytest.approx(5 / 6 * 4 / 5 * 2 / 3)
    assert axes.lines[1].get_xdata().tolist() == [2.0, 5.0]
    assert [t for t in texts(under) if t.isdigit()] == ["6", "5", "2", "1"]
    assert "p < 0.001" in axes.get_title(loc="left")
    assert legend(figure) == ["all: n = 6, 4 events, median 3"]


def test_all_censored_stays_at_one_and_one_patient_is_drawn():
    curve = kaplan_meier(times=[5.0], events=[0])
    figure = survival_figure({"all": curve})
    assert set(figure.axes[0].lines[0].get_ydata()) == {1.0}
    assert "median not reached" in legend(figure)[0]


def test_a_risk_table_of_another_group_is_refused():
    with pytest.raises(ReportError, match="without a curve"):
        survival_figure(
            {"a": kaplan_meier(times=[1.0], events=[1])},
            table=risk_table(times=[1.0], status=[1], at=[0], groups=["b"]),
        )
    with pytest.raises(ReportError):
        survival_figure({})


def test_numbers_at_risk_do_not_touch_the_names():
    names = ["a group with quite a long name that is cut", "b"]
    groups = [names[0]] * 3 + [names[1]] * 3
    curves = {g: kaplan_meier(times=TIMES[:3], events=STATUS[:3]) for g in names}
    figure = survival_figure(curves, table=risk_table(times=TIMES, status=STATUS, at=[0, 2, 4], groups=groups))
    edge, found = boxes(figure, figure.axes[1])
    for i, (_, one) in enumerate(found):
        assert one.x0 >= edge.x0
        assert not any(one.overlaps(other) for _, other in found[i + 1 :])


def test_stacked_areas_add_up_to_all_causes():
    """Causes and survival add up to one (conservation): the top of the areas is 1 - KM of any event."""
    status = [1, 0, 2, 1, 0, 2]
    curves = {n: cumulative_incidence(times=TIMES, status=status, cause=c) for n, c in (("death", 1), ("relapse", 2))}
    figure = incidence_figure(curves, stacked=True)
    top = figure.axes[0].lines[1].get_ydata()
    assert top[1:] == pytest.approx(1.0 - kaplan_meier(times=TIMES, events=[s > 0 for s in status]).survival)
    assert legend(figure) == ["death: 2 of 6", "relapse: 2 of 6"]


def test_stacking_other_patients_is_refused():
    a = cumulative_incidence(times=TIMES, status=STATUS, cause=1)
    b = cumulative_incidence(times=TIMES[:4], status=STATUS[:4], cause=1)
    with pytest.raises(ReportError, match="same patients"):
        incidence_figure({"a": a, "b": b}, stacked=True)


def patient(name, *, last, died=False, **more):
    events = [
        Event(day=-14.0, kind=EventKind.RADIOLIGAND),
        Event(day=-6.0, kind=EventKind.CHEMOTHERAPY, until_day=-2.0),
        Event(day=0.0, kind=EventKind.GRAFT),
        Event(day=last, kind=EventKind.DEATH if died else EventKind.LAST_CONTACT),
    ]
    return FollowUp(pseudonym=name, events=tuple(events), **more)


def arrows(axes):
    return [t for t in axes.texts if getattr(t, "arrow_patch", None) is not None]


def test_swimmer_sorts_by_follow_up_and_points_on_for_the_living():
    cohort = FollowUpCohort(
        name="c",
        title="c",
        patients=(patient("A", last=20.0, died=True), patient("B", last=700.0), patient("C", last=400.0)),
    )
    figure = swimmer_figure(cohort)
    near, far = figure.axes
    assert [t.get_text() for t in near.get_yticklabels()] == ["A", "C", "B"]
    assert len(arrows(far)) == 2
    assert arrows(near) == []
    assert "alive at last contact" in legend(figure)
    assert "death" in legend(figure)
    assert (near.get_xlabel(), far.get_xlabel()) == ("days from day 0", "months from day 0")


@pytest.mark.parametrize("count", [1, 40])
def test_swimmer_of_one_and_of_forty(count):
    lanes = [patient(f"P{i}", last=30.0 + i, diagnosis="diffuse large B-cell lymphoma, relapsed") for i in range(count)]
    figure = swimmer_figure(lanes)
    assert len(figure.axes) == 1
    assert len(figure.axes[0].get_yticklabels()) == count
    assert len(arrows(figure.axes[0])) == count
    assert "relapse" not in legend(figure)


def test_a_swimmer_without_anybody_is_refused_and_empty_patients_are_counted():
    with pytest.raises(ReportError):
        swimmer_figure([FollowUp(pseudonym="A")])
    figure = swimmer_figure([patient("A", last=30.0), FollowUp(pseudonym="B")])
    assert "1 without follow-up" in figure.axes[0].get_title(loc="left")


def test_waterfall_sorts_clips_and_never_draws_the_unknown_as_zero():
    bars = [
        Bar(name="A", change_percent=-60.0),
        Bar(name="B", change_percent=250.0),
        Bar(name="C", change_percent=None),
    ]
    figure = waterfall_figure(bars, lines={"-50 %": -50.0})
    axes = figure.axes[0]
    assert [b.get_height() for b in axes.patches] == [100.0, -60.0]
    assert "+250" in texts(axes)
    assert "1 not known" in axes.get_title(loc="left")
    with pytest.raises(ReportError):
        waterfall_figure([Bar(name="C", change_percent=None)])


def test_spider_starts_at_zero_and_keeps_labels_apart():
    changes = {}
    for i in range(12):
        series = Series(quantity="marrow_blasts", unit="%", day=[-20.0, 28.0], value=[40.0, 4.0 + 0.01 * i])
        changes[f"P{i}"] = change_from_baseline(series, therapy_day=-14.0)
    figure = spider_figure(changes)
    assert figure.axes[0].lines[0].get_ydata().tolist() == pytest.approx([0.0, -90.0])
    labels = [t.xyann[1] for t in figure.axes[0].texts]
    low, high = figure.axes[0].get_ylim()
    assert np.diff(sorted(labels)).min() >= (high - low) / 20.0
    with pytest.raises(ReportError):
        spider_figure({})


def ldh_patient():
    days = [-15.0, -14.0, -12.0, -8.0, -4.0, 0.0, 5.0]
    series = Series(
        quantity="ldh", unit="U/L", day=days, value=[250, 250, 750, 375, 250, 200, 180], upper_limit=[250] * 7
    )
    events = (
        Event(day=-14.0, kind=EventKind.RADIOLIGAND), Event(day=-8.0, kind=EventKind.IRRADIATION, until_day=-7.0),
        Event(day=0.0, kind=EventKind.GRAFT),
    )  # fmt: skip
    return FollowUp(pseudonym="A", series=(series,), events=events)


def test_ldh_is_drawn_relative_to_baseline_with_its_numbers():
    """Peak 750 over baseline 250 is 3.00, two days after therapy."""
    figure = ldh_figure(ldh_patient())
    axes, side = figure.axes
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([1, 1, 3, 1.5, 1, 0.8, 0.72])
    assert axes.lines[0].get_xdata()[0] == -1.0
    assert {"3.00", "2.0 d after RLT", "250 U/L"} <= set(texts(side))
    assert {"RLT", "TBI", "graft"} <= set(texts(axes))
    assert any("other cytotoxic" in t for t in texts(side))
    edge, found = boxes(figure, side)
    assert all(box.x1 <= edge.x1 + 1 and box.y0 >= edge.y0 for _, box in found)


def test_ldh_without_therapy_is_refused():
    with pytest.raises(ReportError, match="radioligand"):
        ldh_figure(FollowUp(pseudonym="A", series=ldh_patient().series))


def test_uptake_shows_lines_of_the_paper_as_descriptive():
    """Buck 2023, Figure 3: SUVmax 6 and 12, ratio 4 and 8."""
    figure = uptake_by_entity_figure(
        [
            EntityUptake(entity="multiple myeloma", suv_max=(10.0, 14.0, 12.0), tbr=(6.0, 7.0)),
            EntityUptake(entity="cholangiocarcinoma", suv_max=(3.0,), haematological=False),
        ]
    )
    left, right = figure.axes
    assert [t for t in texts(left) if t in ("6", "12")] == ["6", "12"]
    assert [t for t in texts(right) if t in ("4", "8")] == ["4", "8"]
    assert [t.get_text() for t in left.get_yticklabels()] == ["cholangiocarcinoma (1)", "multiple myeloma (3)"]
    assert any("not reported" in t for t in texts(right))
    assert any("no thresholds" in t for t in legend(figure))
    with pytest.raises(ReportError, match="positive"):
        uptake_by_entity_figure([EntityUptake(entity="x", suv_max=(0.0,))])


def test_paired_doses_give_the_ratios_of_the_table():
    """Braitsch 2025, Table of doses, kidneys: 0.87/1.59, 1.21/1.44, 0.68/1.18, 0.68/1.30; median 0.56."""
    kidneys = PairedDoses(
        organ="kidneys", pseudonyms=("1", "2", "3", "4", "6"), before=(1.59, 1.44, 1.73, 1.18, 1.30),
        after=(0.87, 1.21, None, 0.68, 0.68),
    )  # fmt: skip
    figure = paired_dose_figure([kidneys])
    slopes, ratios = figure.axes
    assert ratios.get_title(loc="left") == "median 0.56, range 0.52–0.84"
    assert "4 pairs, 1 without a pair" in texts(slopes)
    with pytest.raises(ReportError, match="number"):
        PairedDoses(organ="x", pseudonyms=("1",), before=(1.0, 2.0), after=(1.0,))
    with pytest.raises(ReportError, match="positive"):
        PairedDoses(organ="x", pseudonyms=("1",), before=(0.0,), after=(1.0,))


def test_grades_fall_in_lightness_and_groups_stay_apart_in_grey():
    """Order of grades must show without colour; neighbouring groups differ in grey, all groups in dash and marker."""
    light = [luminance(c) for c in GRADE_COLOURS]
    assert all(a > b + 0.03 for a, b in pairwise(light) if b > 0.02)
    assert light == sorted(light, reverse=True)
    grey = [luminance(c) for c in GROUP_COLOURS]
    assert all(max(a, b) > 2.0 * min(a, b) for a, b in pairwise(grey))
    looks = {group_style(i)[1:] for i in range(len(GROUP_COLOURS))}
    assert len(looks) == len(GROUP_COLOURS)


def test_figures_are_the_same_twice_in_all_formats(tmp_path):
    for ending in (".svg", ".png", ".pdf"):
        one, two = (figure_bytes(ldh_figure(ldh_patient()), tmp_path / f"a{ending}") for _ in range(2))
        assert one == two
        assert len(one) > 4000
    assert style.to_svg(ldh_figure(ldh_patient())).startswith(b"<?xml")
