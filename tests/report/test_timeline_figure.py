"""Timeline of a patient: tracks, graded values, what is cut or missing."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import ReportError
from hemadose.model.followup import Event, EventKind, FollowUp, Series
from hemadose.refdata.ctcae import ctcae
from hemadose.refdata.quantities import quantities
from hemadose.report.figures.outcome.timeline import lanes_shown, timeline_figure
from hemadose.report.figures.outcome.tracks import lanes_of, worst_of_terms


def series(quantity, unit, day, value, low=np.nan, high=np.nan):
    n = len(day)
    return Series(quantity=quantity, unit=unit, day=day, value=value, lower_limit=[low] * n, upper_limit=[high] * n)


def patient(*events, series=(), name="A"):
    return FollowUp(pseudonym=name, series=tuple(series), events=tuple(sorted(events, key=lambda e: e.day)))


def draw(who, **more):
    return timeline_figure(who, criteria=ctcae("5.0"), quantities=quantities(), first_day=-14.0, last_day=100.0, **more)


EVENTS = (
    Event(day=-14.0, kind=EventKind.RADIOLIGAND),
    Event(day=-14.0, kind=EventKind.DRUG, term="amino acids"),
    Event(day=0.0, kind=EventKind.GRAFT),
    Event(day=2.0, kind=EventKind.TRANSFUSION, term="platelets"),
    Event(day=6.0, kind=EventKind.ADVERSE_EVENT, term="mucositis oral", grade=3, until_day=12.0),
    Event(day=9.0, kind=EventKind.ADVERSE_EVENT, term="rash"),
    Event(day=28.0, kind=EventKind.RESPONSE, term="CRi"),
)


def test_rows_of_events_in_order_and_none_lost():
    assert lanes_shown(patient(*EVENTS), -14.0, 100.0) == (
        "radioligand therapy", "stem cells", "amino acids", "platelets transfused", "mucositis oral", "rash", "response",
    )  # fmt: skip
    many = [Event(day=float(i), kind=EventKind.ADVERSE_EVENT, term=f"event {i}", grade=1) for i in range(40)]
    lanes = lanes_of(patient(*many), -21.0, 100.0)
    assert sum(len(lane.events) for lane in lanes) == 40
    assert lanes[-1].name.startswith("other events (27)")


def test_an_open_stay_lasts_to_death():
    who = patient(Event(day=-16.0, kind=EventKind.ADMISSION), Event(day=30.0, kind=EventKind.DEATH))
    (stay, _) = lanes_of(who, -21.0, 100.0)
    assert (stay.name, stay.events[0].until_day) == ("in hospital", 30.0)


def test_nothing_lasts_beyond_death():
    drug = Event(day=5.0, kind=EventKind.IMMUNOSUPPRESSION, term="tacrolimus", until_day=100.0)
    figure = draw(patient(drug, Event(day=30.0, kind=EventKind.DEATH)))
    assert max(b.get_x() + b.get_width() for b in figure.axes[0].patches) == pytest.approx(30.0)


def test_values_wear_their_grade_and_grey_is_not_zero():
    """CTCAE 5.0 platelets: below 25 is 4, below 50 is 3, below 75 is 2, below the limit 1; no limit leaves it open."""
    graded = series("platelets", "10*9/L", [0.0, 1.0, 2.0, 3.0, 4.0], [10.0, 40.0, 60.0, 100.0, 200.0], 150.0, 400.0)
    args = {"first_day": -14.0, "window": (-21.0, 100.0)}
    assert worst_of_terms(graded, ctcae("5.0"), quantities(), **args).tolist() == [4, 3, 2, 1, 0]
    bare = series("platelets", "10*9/L", [0.0, 1.0], [10.0, 100.0])
    assert worst_of_terms(bare, ctcae("5.0"), quantities(), **args).tolist() == [4, -1]
    crp = series("crp", "mg/L", [0.0], [90.0])
    assert worst_of_terms(crp, ctcae("5.0"), quantities(), **args).tolist() == [-1]


def test_the_marks_of_ungraded_events_say_so():
    figure = draw(patient(*EVENTS))
    said = [t.get_text() for t in figure.axes[0].texts]
    assert {"3", "?", "CRi"} <= set(said)


def test_tracks_follow_the_data():
    who = patient(
        *EVENTS,
        series=(
            series("neutrophils", "10*9/L", [0.0, 10.0], [0.0, 1.2], 1.8, 7.5),
            series("temperature", "Cel", [5.0], [38.9]),
            series("recipient_chimerism", "%", [28.0, 98.0], [2.0, 0.1]),
        ),
    )
    figure = draw(who)
    labels = [a.get_ylabel().split("\n")[0] for a in figure.axes]
    assert labels == ["", "Neutrophils", "Temperature", "Donor, blasts"]
    assert figure.axes[1].get_yscale() == "symlog"  # a count of zero keeps its place
    assert figure.axes[3].lines[0].get_ydata().tolist() == pytest.approx([98.0, 99.9])
    assert "days from day 0" in figure.axes[-1].get_xlabel()


def test_nothing_in_the_window_is_refused():
    with pytest.raises(ReportError, match="nothing of A"):
        draw(patient(Event(day=400.0, kind=EventKind.RELAPSE)))
    with pytest.raises(ReportError, match="empty"):
        timeline_figure(patient(*EVENTS), criteria=ctcae("5.0"), quantities=quantities(), first_day=5.0, last_day=5.0)


def test_every_label_lies_on_the_figure():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    long = Event(day=99.0, kind=EventKind.RESPONSE, term="complete remission without MRD")
    term = Event(
        day=9.0, kind=EventKind.ADVERSE_EVENT, term="an event with a very long name that nobody foresaw", grade=2
    )
    figure = draw(patient(*EVENTS, long, term, name="a pseudonym of a length that a hospital system made up itself"))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = canvas.get_renderer()
    for axes in figure.axes:
        for text in (*axes.texts, *axes.get_yticklabels(), axes.title):
            box = text.get_window_extent(drawn)
            assert box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1, text.get_text()  # noqa: PT018
