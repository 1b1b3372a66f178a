"""Swimmer plot: a lane per patient from therapy to last contact, with what happened on the way.

Conditioning takes days and follow-up years, so the figure has two time axes side by side: days around the infusion,
then months. Where everybody's follow-up is short one axis in days is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hemadose.errors import ReportError
from hemadose.model.followup import EventKind, FollowUp, FollowUpCohort
from hemadose.report import style
from hemadose.report.figures.outcome.palette import EVENT_MARKS, shortened
from hemadose.report.figures.outcome.steps import months

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NEAR_D = 35.0
_LONG_D = 120.0
_FIRST_D = -42.0
_STARTS = (EventKind.RADIOLIGAND, EventKind.IRRADIATION, EventKind.CHEMOTHERAPY)
# chemotherapy lasts days: a band on the lane; everything else is a mark
# what must not be hidden by a neighbour
_OVER = {EventKind.DEATH: 5.0, EventKind.RELAPSE: 4.0, EventKind.PROGRESSION: 4.0, EventKind.GRAFT: 3.5}
_MARKED = tuple(k for k in EVENT_MARKS if k is not EventKind.CHEMOTHERAPY)


@style.house_style()
def swimmer_figure(
    cohort: FollowUpCohort | Sequence[FollowUp], *, first_day: float = _FIRST_D, title: str = "Course of each patient"
) -> Figure:
    """Draw a lane for every patient, longest follow-up on top.

    Parameters
    ----------
    cohort : FollowUpCohort or sequence of FollowUp
        Patients with at least one entry.
    first_day : float
        Entries before this day are not drawn (earlier lines of therapy).
    title : str
        Heading.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If nobody has an entry.
    """
    everybody = cohort.patients if isinstance(cohort, FollowUpCohort) else tuple(cohort)
    known = [p for p in everybody if _end(p) is not None]
    if not known:
        raise ReportError("no patient with follow-up to draw")
    known.sort(key=lambda p: _end(p) or 0.0)
    longest = _end(known[-1]) or 0.0
    row = 5.6 if len(known) <= 25 else 4.0
    figure = style.new_figure(width_mm=175.0, height_mm=34.0 + row * len(known))
    if longest > _LONG_D:
        near, far = figure.subplots(1, 2, sharey=True, width_ratios=(1.0, 1.35))
        _panel(near, known, first=first_day, last=_NEAR_D, in_months=False)
        _panel(far, known, first=_NEAR_D, last=longest, in_months=True)
    else:
        near = figure.subplots()
        _panel(near, known, first=first_day, last=longest, in_months=False)
    near.set_yticks(range(len(known)), [_name(p) for p in known], fontsize=7.0 if len(known) <= 25 else 5.8)
    near.set_ylim(-0.7, len(known) - 0.3)
    left_out = len(everybody) - len(known)
    near.set_title(f"{title} (n = {len(known)}{f', {left_out} without follow-up' if left_out else ''})")
    _key(figure, known, first_day)
    return figure


def _end(patient: FollowUp) -> float | None:
    stated = patient.events_of(EventKind.DEATH) or patient.events_of(EventKind.LAST_CONTACT)
    return stated[-1].day if stated else patient.last_day


def _begin(patient: FollowUp, first: float) -> float:
    days = [e.day for e in patient.events_of(*_STARTS, EventKind.GRAFT) if e.day >= first]
    return min([0.0, *days])


def _name(patient: FollowUp) -> str:
    return shortened(", ".join(x for x in (patient.pseudonym, patient.diagnosis) if x), 28)


def _panel(axes: Any, patients: Sequence[FollowUp], *, first: float, last: float, in_months: bool) -> None:
    scale = float(months(1.0)) if in_months else 1.0
    for row, patient in enumerate(patients):
        _lane(axes, row, patient, first=first, last=last, scale=scale, far=in_months)
    begin = first if in_months else min(_begin(p, first) for p in patients) - 2.0
    axes.set_xlim(begin * scale, (last + (0.06 * (last - begin) if in_months or last > _NEAR_D else 0.0)) * scale)
    axes.set_xlabel("months from day 0" if in_months else "days from day 0")
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    if in_months:
        axes.spines["left"].set_visible(False)
        axes.axvline(first * scale, color=style.MUTED, lw=0.7, ls=(0, (2, 2)))
    else:
        axes.axvline(0.0, color=style.INK, lw=0.7)


def _lane(axes: Any, row: int, patient: FollowUp, *, first: float, last: float, scale: float, far: bool) -> None:
    end, dead = _end(patient) or 0.0, patient.died_on is not None
    begin = first if far else _begin(patient, first)
    stop = min(end, last) if not far else end
    if stop >= begin:
        axes.barh(row, (stop - begin) * scale, left=begin * scale, height=0.36, color="#c3ccd5", lw=0, zorder=1)
    for event in patient.events:
        if not (first <= event.day <= last) or (far and event.day <= first):
            continue
        if event.kind is EventKind.CHEMOTHERAPY and not far:
            width = max((event.until_day or event.day) - event.day, 0.0) + 1.0
            tint = EVENT_MARKS[event.kind].colour
            axes.barh(row, width, left=event.day - 0.5, height=0.36, color=tint, lw=0, zorder=2)
        elif event.kind in EVENT_MARKS:
            mark = EVENT_MARKS[event.kind]
            size = 8.5 if mark.marker == "*" else 5.4
            axes.plot(
                event.day * scale, row, marker=mark.marker, ms=size, color=mark.colour, mec="white", mew=0.5, ls="",
                zorder=_OVER.get(event.kind, 3.0),
            )  # fmt: skip
    if not dead and end <= last and (end > first or not far):
        axes.annotate(
            "", (end * scale + 0.001, row), xytext=(9, 0), textcoords="offset points",
            arrowprops={"arrowstyle": "<|-", "color": style.INK, "lw": 0.9, "shrinkA": 0, "shrinkB": 0},
            annotation_clip=False,
        )  # fmt: skip


def _key(figure: Figure, patients: Sequence[FollowUp], first: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    seen = {e.kind for p in patients for e in p.events if e.day >= first}
    handles: list[Any] = [
        Line2D(
            [], [], ls="", marker=EVENT_MARKS[k].marker, color=EVENT_MARKS[k].colour, mec="white", mew=0.5,
            ms=8.5 if EVENT_MARKS[k].marker == "*" else 5.4, label=EVENT_MARKS[k].word,
        )
        for k in _MARKED
        if k in seen
    ]  # fmt: skip
    if EventKind.CHEMOTHERAPY in seen:
        mark = EVENT_MARKS[EventKind.CHEMOTHERAPY]
        handles.insert(min(2, len(handles)), Patch(color=mark.colour, label=mark.word))
    if any(p.died_on is None for p in patients):
        handles.append(Line2D([], [], ls="-", marker=">", ms=4, color=style.INK, lw=0.9, label="alive at last contact"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.2, handletextpad=0.5)
