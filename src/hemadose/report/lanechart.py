"""The calendar of a course as a chart in lanes, after Figure 1 of Braitsch 2025.

One lane per unit (nuclear medicine, radiation oncology, transplantation), one line per measure,
one column per day; what depends on the donor is drawn as chosen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from hemadose.errors import ReportError
from hemadose.model import Course, CourseEvent, Donor, Lane, Severity
from hemadose.report.lane_marks import DRAW, Line
from hemadose.report.lane_pen import (
    AXIS,
    CHART_LEFT,
    CHART_RIGHT,
    FOOT,
    GAP,
    HEAD,
    LANE_COLOUR,
    LANE_TINT,
    LINE,
    WIDTH_MM,
    Frame,
    Pen,
)
from hemadose.report.style import GRID, INK, MUTED, RED, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    frame = Frame(min(starts) - 1, max(_LEAST_LAST_DAY, max(event.day for event in course.events) + 2))
    lines = _lines(course)
    notes = _footnotes(course)
    body = HEAD + AXIS + LINE * len(lines) + GAP * (len(Lane) - 1)
    height = body + FOOT + 3.2 * len(notes) + 2.0
    with house_style():
        figure = new_figure(width_mm=WIDTH_MM, height_mm=height)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0.0, WIDTH_MM)
        axes.set_ylim(height, 0.0)
        axes.axis("off")
        pen = Pen(axes, frame)
        _draw_head(pen, course)
        _draw_days(pen, course, bottom=body)
        _draw_lanes(pen, lines, course)
        for number, (text, colour) in enumerate(notes):
            pen.text(3.0, body + FOOT + 3.2 * number, text, size=5.6, colour=colour, limit=174.0)
    return figure


def _lines(course: Course) -> tuple[Line, ...]:
    """Group events into lines, lane by lane, in order of their first day."""
    groups: dict[tuple[Lane, str, str], list[CourseEvent]] = {}
    for event in course.events:
        groups.setdefault((event.lane, *_line_key(event)), []).append(event)
    marked = any(warning.code == "FIG1-IMMUNOSUPPRESSION" for warning in course.warnings)
    lines = [
        Line(
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
    ongoing = event.kind == "immunosuppression" and not event.title.startswith("Antithymocyte globulin")
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
        times = re.match(r"(\d+) x ", first.basis)
        return f"{first.amount:.0f} mg per day ({'' if times is None else times[1] + ' x '}{per})"
    return f"mg per day ({per})"


def _draw_head(pen: Pen, course: Course) -> None:
    pen.text(3.0, 4.6, "Treatment schedule", size=9.5, fontweight="bold")
    day_zero = course.day_zero_on
    words = (
        f"{_DONOR_WORDS[course.donor]}, regimen {course.regimen}, "
        f"day 0 on {day_zero.day} {day_zero:%B %Y} ({day_zero:%A})"
    )
    pen.text(3.0, 9.4, words[0].upper() + words[1:], size=7.0, colour=MUTED, limit=174.0)


def _draw_days(pen: Pen, course: Course, *, bottom: float) -> None:
    frame, top = pen.frame, HEAD
    size = min(6.6, 1.12 * frame.day_mm)
    for day in range(frame.first_day, frame.last_day + 1):
        x = frame.x(day)
        on = course.day_zero_on + timedelta(days=day)
        if day == 0:
            pen.plain(x, top, frame.day_mm, bottom - top, facecolor="#fbe9e7", zorder=0.6)
        elif on.weekday() >= 5:
            pen.plain(x, top + AXIS, frame.day_mm, bottom - top - AXIS, facecolor="#e7eaee", zorder=0.5)
        pen.axes.plot([x, x], [top + AXIS, bottom], color=GRID, linewidth=0.4, zorder=0.8)
        centre = x + frame.day_mm / 2.0
        label = f"{day:+d}".replace("-", "−") if day else "0"
        ink = RED if day == 0 else INK
        pen.text(centre, top + 2.9, label, size=size, align="center", fontweight="bold", colour=ink)
        new_month = day == frame.first_day or on.day == 1
        pen.text(centre, top + 6.2, f"{on.day}", size=5.4, align="center", colour=MUTED)
        if new_month:
            pen.text(centre, top - 0.2, f"{on:%b}", size=5.4, align="center", colour=MUTED)
    pen.text(CHART_LEFT - 2.0, top + 2.9, "Day", size=size, align="right", fontweight="bold")
    pen.text(CHART_LEFT - 2.0, top + 6.2, "Date", size=5.4, align="right", colour=MUTED)


def _draw_lanes(pen: Pen, lines: Sequence[Line], course: Course) -> None:
    y = HEAD + AXIS
    for lane in Lane:
        mine = [line for line in lines if line.lane is lane]
        if not mine:
            continue
        height = LINE * len(mine)
        colour = LANE_COLOUR[lane]
        pen.plain(9.5, y, CHART_LEFT - 9.5, height, facecolor=LANE_TINT[lane], zorder=0.3)
        pen.plain(CHART_LEFT, y, CHART_RIGHT - CHART_LEFT, height, facecolor=LANE_TINT[lane], zorder=0.2)
        pen.box(3.0, y, 6.0, height, facecolor=colour, radius=1.0)
        pen.text(
            6.0, y + height / 2.0, lane.value, size=7.2 if len(mine) > 1 else 6.0, colour="white", align="center",
            fontweight="bold", rotation=90,
        )  # fmt: skip
        for number, line in enumerate(mine):
            top = y + number * LINE
            if number:
                pen.axes.plot([9.5, CHART_RIGHT], [top, top], color="white", linewidth=1.0, zorder=0.9)
            _draw_label(pen, line, top)
            DRAW[line.style](pen, line, top, colour)
        y += height + GAP


def _draw_label(pen: Pen, line: Line, top: float) -> None:
    room = CHART_LEFT - 12.3
    if line.by_donor:
        pen.plain(9.5, top + 0.9, 0.8, LINE - 1.8, facecolor=LANE_COLOUR[line.lane], zorder=1.0)
    middle = top + LINE / 2.0
    pen.text(11.0, middle - (1.25 if line.detail else 0.0), line.title, size=6.8, limit=room)
    if line.detail:
        pen.text(11.0, middle + 1.75, line.detail, size=5.2, colour=MUTED, limit=room)


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
    if "UNVERIFIED" in codes:
        notes.append((codes["UNVERIFIED"].text, MUTED))
    stops = [warning.code for warning in course.warnings if warning.severity is Severity.STOP]
    if stops:
        notes.append((f"STOP before treatment: {', '.join(stops)} (see the warnings).", RED))
    notes.append(("Research use. Doses to be confirmed by the treating team.", MUTED))
    return tuple(notes)
