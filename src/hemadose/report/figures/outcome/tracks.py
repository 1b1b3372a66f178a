"""Tracks of the patient timeline: rows of events, graded curves, temperature, percentages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemadose.model.followup import Event, EventKind, FollowUp, Series
from hemadose.outcome.products import PLATELETS, RED_CELLS, blood_product
from hemadose.outcome.quantities import Quantities
from hemadose.outcome.toxicity.ctcae import OPEN, Ctcae, baseline_of, grade_series
from hemadose.report import style
from hemadose.report.figures.outcome.palette import (
    EVENT_MARKS,
    GRADE_COLOURS,
    GRADE_MARKERS,
    GRADE_TEXT,
    OPEN_COLOUR,
    shortened,
)  # fmt: skip

LANE_MM = 4.1
BAND = "#dcebdc"
_LOG = ("neutrophils", "leukocytes", "lymphocytes", "platelets", "crp", "bilirubin", "alt", "ast", "ldh", "ferritin")
_MOST_DRUGS, _MOST_EVENTS = 6, 14
# UCUM as people write it
_UNITS = {"10*9/L": "10$^9$/L", "Cel": "°C"}

_TREATMENT = (
    EventKind.RADIOLIGAND, EventKind.IRRADIATION, EventKind.CHEMOTHERAPY, EventKind.IMMUNOSUPPRESSION, EventKind.GRAFT,
    EventKind.BOOST, EventKind.LYMPHOCYTES, EventKind.GROWTH_FACTOR,
)  # fmt: skip
_CARE = (EventKind.INTENSIVE_CARE, EventKind.VENTILATION, EventKind.DIALYSIS)
_ENDS = (EventKind.PROGRESSION, EventKind.RELAPSE, EventKind.DEATH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One row of events of one kind."""

    name: str
    events: tuple[Event, ...]
    kind: str


def lanes_of(patient: FollowUp, first: float, last: float) -> tuple[Lane, ...]:
    """Rows of events inside a window, in the order in which they are drawn."""
    inside = [
        e for e in patient.events if e.day <= last and (e.until_day if e.until_day is not None else e.day) >= first
    ]
    lanes: list[Lane] = []

    def add(name: str, events: Sequence[Event], kind: str) -> None:
        if events:
            lanes.append(Lane(name=name, events=tuple(events), kind=kind))

    for kind in _TREATMENT:
        add(EVENT_MARKS[kind].word if kind in EVENT_MARKS else kind.value, _of(inside, kind), "treatment")
    _by_term(add, _of(inside, EventKind.DRUG), "treatment", _MOST_DRUGS, "other drugs")
    given = _of(inside, EventKind.TRANSFUSION)
    for product in (PLATELETS, RED_CELLS, ""):
        same = [e for e in given if blood_product(e.term) == product]
        add(f"{product} transfused" if product else "other transfusions", same, "transfusion")
    add("in hospital", _stays(patient, first, last), "stay")
    for kind in _CARE:
        add(kind.value, _of(inside, kind), "care")
    _by_term(
        add,
        [e for e in inside if e.kind in (EventKind.ADVERSE_EVENT, EventKind.INFECTION)],
        "graded",
        _MOST_EVENTS,
        "other events",
    )
    add("response", _of(inside, EventKind.RESPONSE), "mark")
    add("relapse, progression, death", [e for e in inside if e.kind in _ENDS], "mark")
    return tuple(lanes)


def _of(events: Sequence[Event], kind: EventKind) -> list[Event]:
    return [e for e in events if e.kind is kind]


def _by_term(add: Any, events: Sequence[Event], kind: str, most: int, rest: str) -> None:
    """One row a term; what is too much goes to one row together, never away."""
    terms = list(dict.fromkeys((e.term or e.kind.value).lower() for e in events))
    own = terms if len(terms) <= most else terms[: most - 1]
    for term in own:
        same = [e for e in events if (e.term or e.kind.value).lower() == term]
        add(same[0].term or same[0].kind.value, same, kind)
    add(f"{rest} ({len(terms) - len(own)})", [e for e in events if (e.term or e.kind.value).lower() not in own], kind)


def _stays(patient: FollowUp, first: float, last: float) -> list[Event]:
    """Admissions with their discharges; an open one lasts to death or the end of the window."""
    stays, out = [], [e.day for e in patient.events_of(EventKind.DISCHARGE)]
    for event in patient.events_of(EventKind.ADMISSION):
        end = next((d for d in out if d >= event.day), patient.died_on if patient.died_on is not None else last)
        if event.day <= last and end >= first:
            stays.append(Event(day=event.day, kind=EventKind.ADMISSION, until_day=max(end, event.day)))
    return stays


def draw_lanes(axes: Any, lanes: Sequence[Lane], first: float, last: float, *, died_on: float | None = None) -> None:
    """Draw rows of events with their names on the left; nothing lasts beyond death."""
    stop = last if died_on is None else min(died_on, last)
    axes.set_xlim(first, last)
    for row, lane in enumerate(lanes):
        for event in lane.events:
            begin = max(event.day, first)
            end = max(min(event.until_day if event.until_day is not None else event.day, stop), begin)
            _DRAW[lane.kind](axes, row, event, begin, end, (last - first) / 170.0)
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.set_yticks(range(len(lanes)), [shortened(lane.name, 27) for lane in lanes], fontsize=6.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    kinds = [lane.kind for lane in lanes]
    for row in range(1, len(lanes)):
        if kinds[row] != kinds[row - 1]:
            axes.axhline(row - 0.5, color=style.GRID, lw=0.8)


def _bar(axes: Any, row: int, begin: float, end: float, colour: str, mm: float, *, height: float = 0.62) -> float:
    """A bar that is never thinner than it can be seen; gives its width."""
    width = max(end - begin, 1.2 * mm)
    axes.barh(row, width, left=begin, height=height, color=colour, edgecolor=style.INK, lw=0.4)
    return width


def _treatment(axes: Any, row: int, event: Event, begin: float, end: float, mm: float) -> None:
    mark = EVENT_MARKS.get(event.kind)
    colour = style.MUTED if mark is None else mark.colour
    if event.until_day is None and mark is not None and event.kind is not EventKind.CHEMOTHERAPY:
        size = 9 if mark.marker == "*" else 5.5
        axes.plot(begin, row, marker=mark.marker, ms=size, color=colour, mec=style.INK, mew=0.4, ls="")
        return
    _bar(axes, row, begin, end, colour, mm)


def _transfusion(axes: Any, row: int, event: Event, begin: float, end: float, mm: float) -> None:
    colour = {PLATELETS: style.ORANGE, RED_CELLS: style.RED}.get(blood_product(event.term), style.MUTED)
    axes.plot(begin, row, marker="|", ms=7.5, mew=1.3, ls="", color=colour)


def _stay(axes: Any, row: int, event: Event, begin: float, end: float, mm: float) -> None:
    _bar(axes, row, begin, end, "#dfe6ee", mm)


def _care(axes: Any, row: int, event: Event, begin: float, end: float, mm: float) -> None:
    _bar(axes, row, begin, end, "#6d3a8c", mm)


def _graded(axes: Any, row: int, event: Event, begin: float, end: float, mm: float) -> None:
    colour = OPEN_COLOUR if event.grade is None else GRADE_COLOURS[event.grade]
    width = max(_bar(axes, row, begin, end, colour, mm, height=0.78), 3.0 * mm)
    text = style.INK if event.grade is None else GRADE_TEXT[event.grade]
    if width <= 3.0 * mm:
        _bar(axes, row, begin, begin + 3.0 * mm, colour, mm, height=0.78)
    said = "?" if event.grade is None else str(event.grade)
    axes.text(begin + 0.5 * width, row, said, ha="center", va="center_baseline", fontsize=6.0, color=text, clip_on=True)


def _mark(axes: Any, row: int, event: Event, begin: float, end: float, mm: float) -> None:
    mark = EVENT_MARKS[event.kind]
    axes.plot(begin, row, marker=mark.marker, ms=6, color=mark.colour, mec="white", mew=0.4, ls="")
    if event.term:
        late = begin > axes.get_xlim()[1] - 25.0 * mm
        axes.annotate(
            shortened(event.term, 14), (begin, row), xytext=(-5 if late else 5, 0), textcoords="offset points",
            va="center", ha="right" if late else "left", fontsize=6.0, color=mark.colour,
            bbox={"facecolor": "white", "lw": 0, "pad": 0.4},
        )  # fmt: skip


_DRAW = {
    "treatment": _treatment,
    "transfusion": _transfusion, "stay": _stay, "care": _care, "graded": _graded, "mark": _mark,
}  # fmt: skip


def draw_curve(
    axes: Any, series: Series, criteria: Ctcae, quantities: Quantities, *, first_day: float, window: tuple[float, float]
) -> None:
    """Draw a curve with its reference band, every value in the colour and sign of its worst CTCAE grade."""
    shown = series.between(*window)
    grades = worst_of_terms(series, criteria, quantities, first_day=first_day, window=window)
    _band(axes, shown)
    axes.plot(shown.day, shown.value, color=style.MUTED, lw=0.8, zorder=2)
    for grade in range(OPEN, 5):
        at = grades == grade
        if not at.any():
            continue
        if grade == OPEN:
            axes.plot(
                shown.day[at],
                shown.value[at],
                ls="",
                marker="o",
                ms=2.8,
                color=OPEN_COLOUR,
                mec=style.MUTED,
                mew=0.3,
                zorder=3,
            )
            continue
        axes.plot(
            shown.day[at], shown.value[at], ls="", marker=GRADE_MARKERS[grade], ms=2.8 + 0.35 * grade,
            mfc=GRADE_COLOURS[grade], mec=style.INK, mew=0.45, zorder=3,
        )  # fmt: skip
    if series.quantity in _LOG and float(shown.value.max()) > 0.0:
        axes.set_yscale("symlog", linthresh=_linear_until(shown.value), linscale=0.4)
        axes.yaxis.set_major_formatter("{x:g}")
    quantity = quantities[series.quantity]
    axes.set_ylabel(f"{_short(quantity.title)}\n{_UNITS.get(series.unit, series.unit)}", fontsize=6.8)
    axes.margins(y=0.12)
    axes.grid(True, axis="y")


def worst_of_terms(
    series: Series, criteria: Ctcae, quantities: Quantities, *, first_day: float, window: tuple[float, float]
) -> Any:
    """Worst grade of each value over the terms of its quantity, OPEN where no term could be graded."""
    shown = series.between(*window)
    worst = np.full(len(shown), OPEN, dtype=np.int8)
    baseline = baseline_of(series, until_day=first_day)
    for term in criteria.terms_of(series.quantity):
        worst = np.maximum(worst, grade_series(term, shown, baseline=baseline, quantities=quantities))
    return worst


def _short(title: str) -> str:
    return {"Lactate dehydrogenase": "LDH", "Alanine aminotransferase": "ALT", "C-reactive protein": "CRP"}.get(
        title, shortened(title.split(",", maxsplit=1)[0], 15)
    )


def _linear_until(values: Any) -> float:
    """Below this a log axis turns linear, so that counts of zero keep their place."""
    positive = values[values > 0.0]
    return float(10.0 ** np.floor(np.log10(positive.min()))) if positive.size else 0.1


def _band(axes: Any, shown: Series) -> None:
    low, high = np.asarray(shown.lower_limit), np.asarray(shown.upper_limit)
    known = np.isfinite(high)
    if known.any():
        bottom = np.where(np.isfinite(low), low, 0.0)
        axes.fill_between(shown.day, bottom, high, where=known, color=BAND, lw=0, zorder=0.4)


def draw_temperature(axes: Any, shown: Series) -> None:
    """Draw temperatures with the two thresholds of fever in neutropenia."""
    axes.plot(shown.day, shown.value, color=style.ORANGE, lw=0.8, marker=".", ms=3.0)
    for level, dash in ((38.0, (0, (1, 1.3))), (38.3, (0, (4, 2)))):
        axes.axhline(level, color=style.RED, lw=0.8, ls=dash)
    axes.annotate(
        "38.0 and 38.3 °C", (1.0, 38.3), xycoords=("axes fraction", "data"), xytext=(-2, 2), textcoords="offset points",
        ha="right", va="bottom", fontsize=5.8, color=style.RED,
    )  # fmt: skip
    axes.set_ylim(min(35.8, float(shown.value.min()) - 0.2), max(39.4, float(shown.value.max()) + 0.3))
    axes.set_ylabel("Temperature\n°C", fontsize=6.8)
    axes.grid(True, axis="y")


def percentages(patient: FollowUp, first: float, last: float) -> tuple[tuple[str, Series], ...]:
    """Chimerism and blasts inside a window."""
    named = (
        ("recipient_chimerism", "donor chimerism"),
        ("marrow_blasts", "marrow blasts"),
        ("blood_blasts", "blood blasts"),
    )
    found = []
    for quantity, words in named:
        series = patient.of(quantity)
        if series is not None and len(inside := series.between(first, last)):
            found.append((words, inside))
    return tuple(found)


def draw_percentages(axes: Any, found: Sequence[tuple[str, Series]]) -> None:
    """Draw chimerism as donor per cent, and blasts."""
    looks = {
        "donor chimerism": (style.BLUE, "D"),
        "marrow blasts": (style.RED, "s"),
        "blood blasts": (style.ORANGE, "^"),
    }
    for words, series in found:
        colour, marker = looks[words]
        value = 100.0 - series.value if words == "donor chimerism" else series.value
        axes.plot(series.day, value, color=colour, marker=marker, ms=3.6, lw=0.9, label=words)
    axes.set_ylim(-4.0, 106.0)
    axes.set_yticks([0, 50, 95], ["0", "50", "95"])
    axes.set_ylabel("Donor, blasts\n%", fontsize=6.8)
    axes.grid(True, axis="y")
    axes.legend(loc="center right", ncols=1, fontsize=6.0)
