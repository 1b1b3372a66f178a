"""Figure 1 of Braitsch 2025 as the regimens hold it: one course for all, a branch for each group of donors.

No patient and no milligrams: days and amounts per kilogram or square metre, in the units that must be meant, with
what the paper prints in the foot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemadose.errors import ReportError
from hemadose.model import Lane
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
from hemadose.therapy.conditioning.regimen import Regimen

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAST_DAY = 6
_SHORT = {"Post-transplant cyclophosphamide": "PT-cyclophosphamide", "Antithymocyte globulin": "Rabbit ATG"}


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: boxes on days, or a bar that goes on."""

    lane: Lane
    title: str
    detail: str
    days: tuple[int, ...]
    cell: str = ""
    goes_on: bool = False
    heading: bool = False


def donor_chart(regimens: Sequence[Regimen]) -> Figure:
    """Draw regimens that share endoradiotherapy and irradiation, with one branch for each group of donors.

    Parameters
    ----------
    regimens : sequence of Regimen
        E.g. the three of Braitsch 2025; regimens of the same donors are alternatives.

    Returns
    -------
    matplotlib.figure.Figure
        180 mm wide, as high as the lines need.

    Raises
    ------
    ReportError
        If the regimens do not share days of endoradiotherapy and irradiation.
    """
    if not regimens or len({(r.ert_days, r.tbi.days, r.ert_to_tbi_min_days) for r in regimens}) != 1:
        raise ReportError("the regimens do not share endoradiotherapy and irradiation", expected="one course for all")
    if not regimens[0].ert_days:
        raise ReportError("no publication gives a day of endoradiotherapy with these regimens")
    rows, notes = tuple(_rows(regimens)), _notes(regimens)
    frame = Frame(min(regimens[0].ert_days) - 1, LAST_DAY)
    body = HEAD + AXIS + LINE * len(rows) + GAP * 2
    height = body + FOOT + 3.2 * len(notes) + 2.0
    with house_style():
        figure = new_figure(width_mm=WIDTH_MM, height_mm=height)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0.0, WIDTH_MM)
        axes.set_ylim(height, 0.0)
        axes.axis("off")
        pen = Pen(axes, frame)
        pen.text(3.0, 4.6, "Treatment schedule by donor", size=9.5, fontweight="bold")
        said = "After Figure 1 of Braitsch 2025, units corrected. Day 0: infusion of stem cells"
        pen.text(3.0, 9.4, said, size=7.0, colour=MUTED, limit=174.0)
        _draw_days(pen, bottom=body)
        _draw_rows(pen, rows)
        for number, text in enumerate(notes):
            pen.text(3.0, body + FOOT + 3.2 * number, text, size=5.6, colour=MUTED, limit=174.0)
    return figure


def _rows(regimens: Sequence[Regimen]) -> Iterator[_Row]:
    first = regimens[0]
    days = " or ".join(_signed(day) for day in first.ert_days)
    yield _Row(Lane.NUCLEAR_MEDICINE, "Endoradiotherapy", f"day {days}, amino acids", first.ert_days, cell="ERT")
    stay = tuple(range(min(first.ert_days), max(first.ert_days) + round(first.ward_h / 24.0) + 1))
    yield _Row(Lane.NUCLEAR_MEDICINE, "Ward*", f"at least {first.ward_h:g} h", stay)
    total = " or ".join(f"{dose:g}" for dose in first.tbi.permitted_gy)
    detail = f"{total} Gy in fractions of {first.tbi.fraction_gy:g} Gy"
    yield _Row(Lane.RADIATION_ONCOLOGY, "TBI", detail, first.tbi.days, cell=f"{first.tbi.fractions_per_day}×")
    yield _Row(Lane.TRANSPLANTATION, "Stem cells", "all donors", (0,), cell="▼")
    groups: dict[tuple[str, ...], list[Regimen]] = {}
    for regimen in regimens:
        groups.setdefault(tuple(donor.value for donor in regimen.donors), []).append(regimen)
    for donors, offered in groups.items():
        yield _Row(Lane.TRANSPLANTATION, " and ".join(donors), "", (), heading=True)
        yield from _branch(offered)


def _branch(offered: Sequence[Regimen]) -> Iterator[_Row]:
    seen: set[str] = set()
    chosen = [(r, i) for r in offered for i in r.items if i.kind == "chemotherapy"]
    for regimen, item in chosen:
        word = "or " if regimen is not offered[0] and item.days[0] < 0 else ""
        total = "" if item.total is None else f", {item.total:g} in all"
        detail = f"{item.amount:g} {item.unit}{total}".replace("m2", "m²")
        title = word + _SHORT.get(item.title, item.title).lower() if word else _SHORT.get(item.title, item.title)
        mark = "†" if item.correction is not None else ""
        yield _Row(Lane.TRANSPLANTATION, title + mark, detail, item.days, cell=f"{item.amount:g}")
    atg = offered[0].atg
    if atg is not None:
        printed = ", ".join(f"{dose:g} ({donor.value})" for donor, dose in atg.printed_mg_per_kg.items())
        yield _Row(Lane.TRANSPLANTATION, "Rabbit ATG‡", f"{printed} mg/kg", atg.days, cell="ATG")
    for regimen in offered:
        for item in regimen.items:
            if item.kind == "immunosuppression" and item.title not in seen:
                seen.add(item.title)
                times = f" {item.times_per_day} times a day" if item.times_per_day > 1 else ""
                detail = "start not published" if not item.confirmed else "by level"
                if item.amount is not None:
                    detail = f"{item.amount:g} {item.unit}{times}"
                late = "**" if regimen.printed_immunosuppression_day is not None else ""
                cell = "" if item.confirmed else "start to be confirmed"
                yield _Row(Lane.TRANSPLANTATION, item.title + late, detail, item.days[:1], cell=cell, goes_on=True)


def _notes(regimens: Sequence[Regimen]) -> list[str]:
    notes = ["* Length of stay by radiation protection rules."]
    printed = [r.printed_immunosuppression_day for r in regimens if r.printed_immunosuppression_day is not None]
    if printed:
        notes.append(f"** After post-transplant cyclophosphamide; the printed figure starts on day {printed[0]:+d}.")
    for regimen in regimens:
        for item in regimen.items:
            if item.correction is not None:
                notes.append(f"† Printed “{item.correction.printed}”, used {item.correction.corrected}.")
    if any(r.atg is not None for r in regimens):
        notes.append("‡ The paper names neither product nor whether the amount is meant per day: both must be chosen.")
    return [*notes, "Research use. Not an order."]


def _draw_days(pen: Pen, *, bottom: float) -> None:
    frame, top = pen.frame, HEAD
    size = min(6.6, 1.12 * frame.day_mm)
    for day in range(frame.first_day, frame.last_day + 1):
        x = frame.x(day)
        if day == 0:
            pen.plain(x, top, frame.day_mm, bottom - top, facecolor="#fbe9e7", zorder=0.6)
        pen.axes.plot([x, x], [top + AXIS, bottom], color=GRID, linewidth=0.4, zorder=0.8)
        ink = RED if day == 0 else INK
        centre = x + frame.day_mm / 2.0
        pen.text(centre, top + 5.0, _signed(day), size=size, align="center", fontweight="bold", colour=ink)
    pen.text(CHART_LEFT - 2.0, top + 5.0, "Day", size=size, align="right", fontweight="bold")


def _draw_rows(pen: Pen, rows: Sequence[_Row]) -> None:
    y = HEAD + AXIS
    for lane in Lane:
        mine = [row for row in rows if row.lane is lane]
        height, colour = LINE * len(mine), LANE_COLOUR[lane]
        pen.plain(9.5, y, CHART_RIGHT - 9.5, height, facecolor=LANE_TINT[lane], zorder=0.2)
        pen.box(3.0, y, 6.0, height, facecolor=colour, radius=1.0)
        size = 7.2 if len(mine) > 1 else 6.0
        pen.text(
            6.0, y + height / 2.0, lane.value, size=size, colour="white", align="center", fontweight="bold", rotation=90
        )
        for number, row in enumerate(mine):
            _draw_row(pen, row, y + number * LINE, colour)
        y += height + GAP


def _draw_row(pen: Pen, row: _Row, top: float, colour: str) -> None:
    middle, room = top + LINE / 2.0, CHART_LEFT - 12.3
    if row.heading:
        pen.plain(9.5, top + 0.6, CHART_RIGHT - 9.5, LINE - 1.2, facecolor=colour, alpha=0.22, zorder=0.9)
        pen.text(11.0, middle, row.title, size=7.4, fontweight="bold")
        return
    pen.axes.plot([9.5, CHART_RIGHT], [top, top], color="white", linewidth=1.0, zorder=0.9)
    pen.text(11.0, middle - 1.25, row.title, size=6.8, limit=room)
    pen.text(11.0, middle + 1.75, row.detail, size=5.2, colour=MUTED, limit=room)
    day_mm = pen.frame.day_mm
    if row.goes_on:
        x = pen.frame.x(row.days[0])
        pen.box(x + 0.25, top + 1.6, CHART_RIGHT - x - 0.5, LINE - 3.2, facecolor=colour, alpha=0.85, zorder=3)
        said = row.cell or f"from {_signed(row.days[0])}"
        pen.text(x + 1.2, middle, said, size=6.0, colour="white", fontweight="bold", zorder=4)
        return
    if not row.cell:
        x = pen.frame.x(row.days[0])
        pen.box(x + 0.25, top + 1.9, day_mm * len(row.days) - 0.5, LINE - 3.8, facecolor=colour, alpha=0.6, zorder=3)
        return
    face = RED if row.days == (0,) else colour
    for day in row.days:
        x = pen.frame.x(day)
        pen.box(x + 0.2, top + 1.1, day_mm - 0.4, LINE - 2.2, facecolor=face, zorder=3)
        pen.text(
            x + day_mm / 2.0, middle, row.cell, size=6.2, colour="white", align="center", fontweight="bold",
            limit=day_mm - 0.9, zorder=4,
        )  # fmt: skip


def _signed(day: int) -> str:
    return f"{day:+d}".replace("-", "\N{MINUS SIGN}") if day else "0"
