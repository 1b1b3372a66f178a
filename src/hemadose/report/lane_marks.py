"""The marks of a lane chart: one way of drawing for each kind of line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hemadose.model import CourseEvent, Lane
from hemadose.report.lane_pen import LINE, Pen
from hemadose.report.style import RED


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a lane: what is done, in which way it is drawn, and its events."""

    lane: Lane
    title: str
    detail: str
    style: str
    events: tuple[CourseEvent, ...]

    @property
    def by_donor(self) -> bool:
        """Whether the line depends on the donor type."""
        return self.events[0].kind in ("chemotherapy", "immunosuppression") or self.title == "Mesna"


def _hours(event: CourseEvent) -> float:
    return 0.0 if event.at is None else event.at.hour + event.at.minute / 60.0


def _draw_ert(pen: Pen, line: Line, top: float, colour: str) -> None:
    for event in line.events:
        x = pen.frame.x(event.day)
        pen.box(x + 0.3, top + 1.2, pen.frame.day_mm - 0.6, LINE - 2.4, facecolor=colour, zorder=3)
        centre = [x + pen.frame.day_mm / 2.0]
        pen.axes.plot(centre, [top + LINE / 2.0], marker=(3, 0, 0), color="white", markersize=5.0, zorder=4)
        said = "activity by prescription" if event.amount is None else f"{event.amount:.3g} {event.unit}"
        pen.text(x + pen.frame.day_mm + 1.2, top + LINE / 2.0, said, size=7.0, colour=colour, fontweight="bold")


def _draw_bar(pen: Pen, line: Line, top: float, colour: str) -> None:
    for event in line.events:
        x = pen.frame.x(event.day + _hours(event) / 24.0)
        width = max((event.duration_h or 24.0) / 24.0 * pen.frame.day_mm, 1.0)
        pen.box(x, top + 1.9, width, LINE - 3.8, facecolor=colour, alpha=0.75, zorder=3)


def _draw_marks(pen: Pen, line: Line, top: float, colour: str) -> None:
    xs = [pen.frame.x(event.day + _hours(event) / 24.0) for event in line.events]
    pen.axes.plot(
        xs, [top + LINE / 2.0] * len(xs), linestyle="none", marker="|", markersize=8.0,
        markeredgecolor=colour, markeredgewidth=1.3, zorder=3,
    )  # fmt: skip


def _draw_checks(pen: Pen, line: Line, top: float, colour: str) -> None:
    days = sorted({event.day for event in line.events})
    xs = [pen.frame.x(day + 0.5) for day in days]
    pen.axes.plot(
        xs, [top + LINE / 2.0] * len(xs), linestyle="none", marker="D", markersize=3.0,
        markerfacecolor=colour, markeredgewidth=0.0, zorder=3,
    )  # fmt: skip


def _draw_windows(pen: Pen, line: Line, top: float, colour: str) -> None:
    room = (LINE - 2.6) / len(line.events)
    for number, event in enumerate(sorted(line.events, key=lambda e: e.day)):
        first = max(float(event.day), float(pen.frame.first_day))
        last = min(event.day + (event.duration_h or 24.0) / 24.0, pen.frame.last_day + 1.0)
        x, y = pen.frame.x(first), top + 1.3 + number * room
        pen.box(x, y, pen.frame.x(last) - x, room - 0.5, facecolor=colour, alpha=0.4, zorder=2)


def _draw_cells(pen: Pen, line: Line, top: float, colour: str) -> None:
    by_day: dict[int, list[CourseEvent]] = {}
    for event in line.events:
        by_day.setdefault(event.day, []).append(event)
    for day, events in by_day.items():
        x, first = pen.frame.x(day), events[0]
        refused = first.amount is None
        face = RED if refused else colour
        pen.box(x + 0.2, top + 1.1, pen.frame.day_mm - 0.4, LINE - 2.2, facecolor=face, zorder=3)
        pen.text(
            x + pen.frame.day_mm / 2.0, top + LINE / 2.0, _cell_text(events), size=6.2, colour="white",
            align="center", fontweight="bold", limit=pen.frame.day_mm - 0.9, zorder=4,
        )  # fmt: skip


def _cell_text(events: Sequence[CourseEvent]) -> str:
    amount = events[0].amount
    if amount is None:
        return "stop"
    if events[0].unit == "Gy":
        return f"{len(events)}×{amount:g}"
    return f"{amount:.3g}" if amount < 100.0 else f"{amount:.0f}"


def _draw_graft(pen: Pen, line: Line, top: float, colour: str) -> None:
    for event in line.events:
        x = pen.frame.x(event.day)
        pen.box(x + 0.25, top + 1.1, pen.frame.day_mm - 0.5, LINE - 2.2, facecolor=RED, zorder=3)
        centre = [x + pen.frame.day_mm / 2.0]
        pen.axes.plot(centre, [top + LINE / 2.0], marker="v", color="white", markersize=4.2, zorder=4)


def _draw_ongoing(pen: Pen, line: Line, top: float, colour: str) -> None:
    for event in line.events:
        x = pen.frame.x(event.day)
        end = pen.frame.last_day + 1.0
        last = None if event.duration_h is None else event.day + round(event.duration_h / 24.0) - 1
        if last is not None and last + 1 <= end:
            end, open_end = last + 1.0, False
        else:
            open_end = True
        right, middle = pen.frame.x(end), top + LINE / 2.0
        tip = 1.8 if open_end else 0.0
        corners = [
            (x + 0.25, top + 1.6),
            (right - tip, top + 1.6),
            (right, middle),
            (right - tip, top + LINE - 1.6),
            (x + 0.25, top + LINE - 1.6),
        ]
        pen.axes.add_patch(_polygon(corners, colour))
        start = f"{event.day:+d}".replace("-", "−") if event.day else "0"
        text = f"from day {start}" if last is None else f"to day {last:+d}"
        room = right - x - tip - 1.6
        pen.text(x + 1.2, middle, text, size=6.0, colour="white", fontweight="bold", limit=room, zorder=4)


def _polygon(corners: Sequence[tuple[float, float]], colour: str) -> Any:
    from matplotlib.patches import Polygon

    return Polygon(list(corners), closed=True, facecolor=colour, linewidth=0.0, alpha=0.85, zorder=3)


DRAW: Mapping[str, Callable[[Pen, Line, float, str], None]] = {
    "ert": _draw_ert,
    "infusion": _draw_bar,
    "stay": _draw_bar,
    "marks": _draw_marks,
    "span": _draw_windows,
    "check": _draw_checks,
    "cells": _draw_cells,
    "graft": _draw_graft,
    "ongoing": _draw_ongoing,
}
