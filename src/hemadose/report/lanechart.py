"""The calendar of a course as a chart in lanes, after Figure 1 of Braitsch 2025.

One lane per unit (nuclear medicine, radiation oncology, transplantation), one line per measure,
one column per day; what depends on the donor is drawn as chosen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hemadose.errors import ReportError
from hemadose.model import Course, CourseEvent, Donor, Lane, Severity
from hemadose.report.style import BLUE, GREEN, GRID, INK, MUTED, ORANGE, RED, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_MM = 180.0
_CHART_LEFT, _CHART_RIGHT = 45.5, 177.0
_HEAD, _AXIS, _LINE, _GAP, _FOOT = 13.0, 9.0, 7.4, 2.6, 4.0
_LANE_COLOUR = {Lane.NUCLEAR_MEDICINE: BLUE, Lane.RADIATION_ONCOLOGY: ORANGE, Lane.TRANSPLANTATION: GREEN}
_LANE_TINT = {
    Lane.NUCLEAR_MEDICINE: "#eef4fb",
    Lane.RADIATION_ONCOLOGY: "#fdf3e9",
    Lane.TRANSPLANTATION: "#edf6ef",
}
_DONOR_WORDS = {
    Donor.MATCHED_RELATED: "matched related donor (MRD)",
    Donor.MATCHED_UNRELATED: "matched unrelated donor (MUD)",
    Donor.MISMATCHED_UNRELATED: "mismatched unrelated donor (MMUD)",
    Donor.HAPLOIDENTICAL: "haploidentical donor (HID)",
    Donor.AUTOLOGOUS: "autologous",
}
_SHORT_NAMES = (
    ("Post-transplant cyclophosphamide", "PT-cyclophosphamide"),
    ("Antithymocyte globulin", "ATG"),
    ("Total body irradiation", "TBI"),
    (" (start to be confirmed)", ""),
    ("Infusion of stem cells", "Stem cells"),
)
_LEAST_LAST_DAY = 5


@dataclass(frozen=True, slots=True)
class _Line:
    lane: Lane
    title: str
    detail: str
    style: str
    events: tuple[CourseEvent, ...]

    @property
    def by_donor(self) -> bool:
        """Whether the line depends on the donor type."""
        return self.events[0].kind in ("chemotherapy", "immunosuppression") or self.title == "Mesna"


@dataclass(frozen=True, slots=True)
class _Frame:
    first_day: int
    last_day: int

    def x(self, day: float) -> float:
        return _CHART_LEFT + (day - self.first_day) * self.day_mm

    @property
    def day_mm(self) -> float:
        return (_CHART_RIGHT - _CHART_LEFT) / (self.last_day - self.first_day + 1)


def lane_chart(course: Course) -> Figure:
    """Draw a course as lanes against days.

    Parameters
    ----------
    course : Course
        With its endoradiotherapy event; warnings of severity ``stop`` are named in the foot.

    Returns
    -------
    matplotlib.figure.Figure
        180 mm wide, as high as the lines need.

    Raises
    ------
    ReportError
        If the course holds no endoradiotherapy.
    """
    starts = [event.day for event in course.events if event.kind == "ert"]
    if not starts:
        raise ReportError("the lane chart begins with endoradiotherapy, the course has none")
    frame = _Frame(min(starts) - 1, max(_LEAST_LAST_DAY, max(event.day for event in course.events) + 2))
    lines = _lines(course)
    notes = _footnotes(course)
    body = _HEAD + _AXIS + _LINE * len(lines) + _GAP * (len(Lane) - 1)
    height = body + _FOOT + 3.2 * len(notes) + 2.0
    with house_style():
        figure = new_figure(width_mm=WIDTH_MM, height_mm=height)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0.0, WIDTH_MM)
        axes.set_ylim(height, 0.0)
        axes.axis("off")
        pen = _Pen(axes, frame)
        _draw_head(pen, course)
        _draw_days(pen, course, bottom=body)
        _draw_lanes(pen, lines, course)
        for number, (text, colour) in enumerate(notes):
            pen.text(3.0, body + _FOOT + 3.2 * number, text, size=5.6, colour=colour, limit=174.0)
    return figure


class _Pen:
    """Draws in millimetres from the top left corner."""

    def __init__(self, axes: Any, frame: _Frame) -> None:
        self.axes = axes
        self.frame = frame

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        colour: str = INK,
        limit: float | None = None,
        align: str = "left",
        **more: Any,
    ) -> Any:
        """Write text, smaller where it would exceed `limit` mm."""
        more.setdefault("va", "center")
        item = self.axes.text(x, y, text, fontsize=size, color=colour, ha=align, **more)
        if limit is not None:
            width = item.get_window_extent().width / self.axes.figure.dpi * 25.4
            if width > limit:
                item.set_fontsize(size * limit / width)
        return item

    def box(self, x: float, y: float, width: float, height: float, *, radius: float = 0.8, **look: Any) -> None:
        """Draw a box with rounded corners, y downwards."""
        from matplotlib.patches import FancyBboxPatch

        look.setdefault("linewidth", 0.0)
        inner = min(radius, width / 2.0, height / 2.0)
        style = f"round,pad=0,rounding_size={inner}"
        self.axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, **look))

    def plain(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """Draw a rectangle."""
        from matplotlib.patches import Rectangle

        look.setdefault("linewidth", 0.0)
        self.axes.add_patch(Rectangle((x, y), width, height, **look))


def _lines(course: Course) -> tuple[_Line, ...]:
    """Group events into lines, lane by lane, in order of their first day."""
    groups: dict[tuple[Lane, str, str], list[CourseEvent]] = {}
    for event in course.events:
        groups.setdefault((event.lane, *_line_key(event)), []).append(event)
    marked = any(warning.code == "FIG1-IMMUNOSUPPRESSION" for warning in course.warnings)
    lines = [
        _Line(
            lane,
            title + ("**" if marked and style == "ongoing" else ""),
            _detail(title, style, events),
            style,
            tuple(events),
        )
        for (lane, title, style), events in groups.items()
    ]
    lanes = list(Lane)
    ranks = ("ert", "infusion", "stay", "marks", "span", "check", "cells", "graft", "ongoing")
    return tuple(
        sorted(
            lines, key=lambda n: (lanes.index(n.lane), ranks.index(n.style), n.events[0].day, n.events[0].kind, n.title)
        )
    )


def _line_key(event: CourseEvent) -> tuple[str, str]:
    if event.kind == "imaging":
        return "Imaging", "marks"
    if event.kind == "monitoring":
        return "Checks", "check"
    if event.kind == "supportive" and event.duration_h is not None and event.duration_h > 48.0:
        return "Tumour lysis windows", "span"
    if event.kind == "ward":
        return ("Ward", "stay") if event.duration_h is not None else ("Checks", "check")
    styles = {"ert": "ert", "amino_acids": "infusion", "graft": "graft"}
    title = event.title
    for long, short in _SHORT_NAMES:
        title = title.replace(long, short)
    if event.kind in styles:
        return title, styles[event.kind]
    ongoing = event.kind == "immunosuppression" and (event.amount is None or event.duration_h is not None)
    return title, "ongoing" if ongoing else "cells"


def _detail(title: str, style: str, events: Sequence[CourseEvent]) -> str:
    first = events[0]
    if style == "marks":
        return ", ".join(e.title.removeprefix("Imaging ") for e in events)
    if style == "check":
        known = ("graft", "potassium", "creatinine")
        return ", ".join(name for name in known if any(name in e.title.lower() for e in events))
    if style == "span":
        return "3 d before to 7 d after each start"
    if style == "infusion":
        return "arginine and lysine, 4 h"
    if style == "stay":
        return f"{first.duration_h:g} h*"
    if style == "ert":
        return ""
    if title == "TBI":
        return f"fractions of {first.amount:g} Gy"
    if first.basis.startswith("contraindicated"):
        return "contraindicated"
    dose = re.search(r"([\d.]+) mg/(m2|kg)( per day| total)?", first.basis)
    if style == "ongoing" and first.amount is None:
        return "start to be confirmed" if "start to be confirmed" in first.title else "by level"
    if dose is None:
        return ""
    per = f"{dose[1]} mg/{dose[2].replace('m2', 'm²')}{dose[3] or ''}"
    if style == "ongoing":
        return f"{first.amount:.0f} mg per day (3 x {per})"
    return f"mg per day ({per})"


def _draw_head(pen: _Pen, course: Course) -> None:
    pen.text(3.0, 4.6, "Treatment schedule", size=9.5, fontweight="bold")
    day_zero = course.day_zero_on
    words = (
        f"{_DONOR_WORDS[course.donor]}, regimen {course.regimen}, "
        f"day 0 on {day_zero.day} {day_zero:%B %Y} ({day_zero:%A})"
    )
    pen.text(3.0, 9.4, words[0].upper() + words[1:], size=7.0, colour=MUTED, limit=174.0)


def _draw_days(pen: _Pen, course: Course, *, bottom: float) -> None:
    frame, top = pen.frame, _HEAD
    size = min(6.6, 1.12 * frame.day_mm)
    for day in range(frame.first_day, frame.last_day + 1):
        x = frame.x(day)
        on = course.day_zero_on + timedelta(days=day)
        if day == 0:
            pen.plain(x, top, frame.day_mm, bottom - top, facecolor="#fbe9e7", zorder=0.6)
        elif on.weekday() >= 5:
            pen.plain(x, top + _AXIS, frame.day_mm, bottom - top - _AXIS, facecolor="#e7eaee", zorder=0.5)
        pen.axes.plot([x, x], [top + _AXIS, bottom], color=GRID, linewidth=0.4, zorder=0.8)
        centre = x + frame.day_mm / 2.0
        label = f"{day:+d}".replace("-", "−") if day else "0"
        ink = RED if day == 0 else INK
        pen.text(centre, top + 2.9, label, size=size, align="center", fontweight="bold", colour=ink)
        new_month = day == frame.first_day or on.day == 1
        pen.text(centre, top + 6.2, f"{on.day}", size=5.4, align="center", colour=MUTED)
        if new_month:
            pen.text(centre, top - 0.2, f"{on:%b}", size=5.4, align="center", colour=MUTED)
    pen.text(_CHART_LEFT - 2.0, top + 2.9, "Day", size=size, align="right", fontweight="bold")
    pen.text(_CHART_LEFT - 2.0, top + 6.2, "Date", size=5.4, align="right", colour=MUTED)


def _draw_lanes(pen: _Pen, lines: Sequence[_Line], course: Course) -> None:
    y = _HEAD + _AXIS
    for lane in Lane:
        mine = [line for line in lines if line.lane is lane]
        if not mine:
            continue
        height = _LINE * len(mine)
        colour = _LANE_COLOUR[lane]
        pen.plain(9.5, y, _CHART_LEFT - 9.5, height, facecolor=_LANE_TINT[lane], zorder=0.3)
        pen.plain(_CHART_LEFT, y, _CHART_RIGHT - _CHART_LEFT, height, facecolor=_LANE_TINT[lane], zorder=0.2)
        pen.box(3.0, y, 6.0, height, facecolor=colour, radius=1.0)
        pen.text(
            6.0, y + height / 2.0, lane.value, size=7.2, colour="white", align="center",
            fontweight="bold", rotation=90,
        )  # fmt: skip
        for number, line in enumerate(mine):
            top = y + number * _LINE
            if number:
                pen.axes.plot([9.5, _CHART_RIGHT], [top, top], color="white", linewidth=1.0, zorder=0.9)
            _draw_label(pen, line, top)
            _DRAW[line.style](pen, line, top, colour)
        y += height + _GAP


def _draw_label(pen: _Pen, line: _Line, top: float) -> None:
    room = _CHART_LEFT - 12.3
    if line.by_donor:
        pen.plain(9.5, top + 0.9, 0.8, _LINE - 1.8, facecolor=_LANE_COLOUR[line.lane], zorder=1.0)
    middle = top + _LINE / 2.0
    pen.text(11.0, middle - (1.25 if line.detail else 0.0), line.title, size=6.8, limit=room)
    if line.detail:
        pen.text(11.0, middle + 1.75, line.detail, size=5.2, colour=MUTED, limit=room)


def _hours(event: CourseEvent) -> float:
    return 0.0 if event.at is None else event.at.hour + event.at.minute / 60.0


def _draw_ert(pen: _Pen, line: _Line, top: float, colour: str) -> None:
    for event in line.events:
        x = pen.frame.x(event.day)
        pen.box(x + 0.3, top + 1.2, pen.frame.day_mm - 0.6, _LINE - 2.4, facecolor=colour, zorder=3)
        centre = [x + pen.frame.day_mm / 2.0]
        pen.axes.plot(centre, [top + _LINE / 2.0], marker=(3, 0, 0), color="white", markersize=5.0, zorder=4)
        said = "activity by prescription" if event.amount is None else f"{event.amount:.3g} {event.unit}"
        pen.text(x + pen.frame.day_mm + 1.2, top + _LINE / 2.0, said, size=7.0, colour=colour, fontweight="bold")


def _draw_bar(pen: _Pen, line: _Line, top: float, colour: str) -> None:
    for event in line.events:
        x = pen.frame.x(event.day + _hours(event) / 24.0)
        width = max((event.duration_h or 24.0) / 24.0 * pen.frame.day_mm, 1.0)
        pen.box(x, top + 1.9, width, _LINE - 3.8, facecolor=colour, alpha=0.75, zorder=3)


def _draw_marks(pen: _Pen, line: _Line, top: float, colour: str) -> None:
    xs = [pen.frame.x(event.day + _hours(event) / 24.0) for event in line.events]
    pen.axes.plot(
        xs, [top + _LINE / 2.0] * len(xs), linestyle="none", marker="|", markersize=8.0,
        markeredgecolor=colour, markeredgewidth=1.3, zorder=3,
    )  # fmt: skip


def _draw_checks(pen: _Pen, line: _Line, top: float, colour: str) -> None:
    days = sorted({event.day for event in line.events})
    xs = [pen.frame.x(day + 0.5) for day in days]
    pen.axes.plot(
        xs, [top + _LINE / 2.0] * len(xs), linestyle="none", marker="D", markersize=3.0,
        markerfacecolor=colour, markeredgewidth=0.0, zorder=3,
    )  # fmt: skip


def _draw_windows(pen: _Pen, line: _Line, top: float, colour: str) -> None:
    room = (_LINE - 2.6) / len(line.events)
    for number, event in enumerate(sorted(line.events, key=lambda e: e.day)):
        first = max(float(event.day), float(pen.frame.first_day))
        last = min(event.day + (event.duration_h or 24.0) / 24.0, pen.frame.last_day + 1.0)
        x, y = pen.frame.x(first), top + 1.3 + number * room
        pen.box(x, y, pen.frame.x(last) - x, room - 0.5, facecolor=colour, alpha=0.4, zorder=2)


def _draw_cells(pen: _Pen, line: _Line, top: float, colour: str) -> None:
    by_day: dict[int, list[CourseEvent]] = {}
    for event in line.events:
        by_day.setdefault(event.day, []).append(event)
    for day, events in by_day.items():
        x, first = pen.frame.x(day), events[0]
        refused = first.amount is None
        face = RED if refused else colour
        pen.box(x + 0.2, top + 1.1, pen.frame.day_mm - 0.4, _LINE - 2.2, facecolor=face, zorder=3)
        pen.text(
            x + pen.frame.day_mm / 2.0, top + _LINE / 2.0, _cell_text(events), size=6.2, colour="white",
            align="center", fontweight="bold", limit=pen.frame.day_mm - 0.9, zorder=4,
        )  # fmt: skip


def _cell_text(events: Sequence[CourseEvent]) -> str:
    amount = events[0].amount
    if amount is None:
        return "stop"
    if events[0].unit == "Gy":
        return f"{len(events)}×{amount:g}"
    return f"{amount:.3g}" if amount < 100.0 else f"{amount:.0f}"


def _draw_graft(pen: _Pen, line: _Line, top: float, colour: str) -> None:
    for event in line.events:
        x = pen.frame.x(event.day)
        pen.box(x + 0.25, top + 1.1, pen.frame.day_mm - 0.5, _LINE - 2.2, facecolor=RED, zorder=3)
        centre = [x + pen.frame.day_mm / 2.0]
        pen.axes.plot(centre, [top + _LINE / 2.0], marker="v", color="white", markersize=4.2, zorder=4)


def _draw_ongoing(pen: _Pen, line: _Line, top: float, colour: str) -> None:
    for event in line.events:
        x = pen.frame.x(event.day)
        end = pen.frame.last_day + 1.0
        last = None if event.duration_h is None else event.day + round(event.duration_h / 24.0) - 1
        if last is not None and last + 1 <= end:
            end, open_end = last + 1.0, False
        else:
            open_end = True
        right, middle = pen.frame.x(end), top + _LINE / 2.0
        tip = 1.8 if open_end else 0.0
        corners = [
            (x + 0.25, top + 1.6),
            (right - tip, top + 1.6),
            (right, middle),
            (right - tip, top + _LINE - 1.6),
            (x + 0.25, top + _LINE - 1.6),
        ]
        pen.axes.add_patch(_polygon(corners, colour))
        text = f"from day {event.day:+d}".replace("-", "−") if last is None else f"to day {last:+d}"
        room = right - x - tip - 1.6
        pen.text(x + 1.2, middle, text, size=6.0, colour="white", fontweight="bold", limit=room, zorder=4)


def _polygon(corners: Sequence[tuple[float, float]], colour: str) -> Any:
    from matplotlib.patches import Polygon

    return Polygon(list(corners), closed=True, facecolor=colour, linewidth=0.0, alpha=0.85, zorder=3)


def _footnotes(course: Course) -> tuple[tuple[str, str], ...]:
    codes = {warning.code: warning for warning in course.warnings}
    notes = [
        (
            "* Length of stay by radiation protection rules. Grey columns are weekends. "
            "A green bar beside a name marks what depends on the donor, drawn as chosen.",
            MUTED,
        )
    ]
    if "FIG1-IMMUNOSUPPRESSION" in codes:
        notes.append(("** Start after post-transplant cyclophosphamide; the printed figure starts on day +3.", MUTED))
    elif "ALTERNATIVE" in codes:
        notes.append((codes["ALTERNATIVE"].text, MUTED))
    stops = [warning.code for warning in course.warnings if warning.severity is Severity.STOP]
    if stops:
        notes.append((f"STOP before treatment: {', '.join(stops)} (see the warnings).", RED))
    notes.append(("Research use. Doses to be confirmed by the treating team.", MUTED))
    return tuple(notes)


_DRAW = {
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
