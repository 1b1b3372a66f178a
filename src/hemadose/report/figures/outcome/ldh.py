"""Lactate dehydrogenase around therapy, relative to baseline (as Buck 2023, Figure 7B), with its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.model.followup import Event, EventKind, FollowUp, Series
from hemadose.outcome.ldh import LdhKinetics, ldh_kinetics
from hemadose.report import style
from hemadose.report.figures.outcome.palette import EVENT_MARKS, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BEFORE_D = 10.0
_CONDITIONING = (EventKind.IRRADIATION, EventKind.CHEMOTHERAPY)


@style.house_style()
def ldh_figure(
    patient: FollowUp, *, therapy_day: float | None = None, until_day: float = 0.0, shown_until_day: float = 7.0
) -> Figure:
    """Draw the curve with therapy and conditioning, and write the numbers beside it.

    Parameters
    ----------
    patient : FollowUp
        With ``ldh`` and a radioligand therapy.
    therapy_day : float, optional
        First radioligand therapy if not given.
    until_day : float
        End of the window in which the curve is described.
    shown_until_day : float
        End of the axis, days from day 0.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If there is no baseline or no value after therapy.
    """
    kinetics = ldh_kinetics(patient, therapy_day=therapy_day, until_day=until_day)
    series, first = patient.of("ldh"), patient.first(EventKind.RADIOLIGAND)
    start = therapy_day if therapy_day is not None else (None if first is None else first.day)
    if kinetics is None or series is None or start is None:
        raise ReportError("LDH around therapy needs a radioligand therapy, a baseline and a value after it")
    figure = style.new_figure(width_mm=170.0, height_mm=86.0)
    axes, side = figure.subplots(1, 2, width_ratios=(2.6, 1.0))
    shown = series.between(start - _BEFORE_D, shown_until_day)
    _curve(axes, shown, kinetics, start, until_day)
    _therapy(axes, patient, start, shown_until_day)
    axes.set_xlabel("days after radioligand therapy")
    axes.set_ylabel("LDH / baseline")
    axes.grid(True, axis="y")
    axes.set_title(f"LDH around therapy, {shortened(patient.pseudonym, 30)}")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.36), ncols=3)
    _numbers(side, kinetics, start, until_day)
    return figure


def _curve(axes: Any, shown: Series, kinetics: LdhKinetics, start: float, until_day: float) -> None:
    ratio = shown.value / kinetics.baseline_u_per_l
    x = shown.day - start
    limit = np.asarray(shown.upper_limit) / kinetics.baseline_u_per_l
    if np.isfinite(limit).any():
        axes.fill_between(
            x, 0.0, np.where(np.isfinite(limit), limit, np.nan), color=style.GRID, alpha=0.7, lw=0, step="mid",
            label="up to the upper limit",
        )  # fmt: skip
    used = shown.day <= until_day
    axes.plot(x, ratio, color=style.MUTED, lw=0.9, zorder=2)
    axes.plot(x[used], ratio[used], ls="", marker="o", ms=4.0, color=style.BLUE, label="value in the window", zorder=3)
    if (~used).any():
        axes.plot(
            x[~used], ratio[~used], ls="", marker="o", ms=4.0, mfc="white", color=style.BLUE, label="later", zorder=3
        )
    axes.axhline(1.0, color=style.INK, lw=0.8, ls=(0, (4, 2)))
    axes.plot(
        kinetics.peak_day, kinetics.peak_over_baseline, marker="^", ms=7, color=style.RED, ls="", label="peak", zorder=4
    )
    top = max(float(ratio.max()), 1.2, float(np.nanmax(limit)) if np.isfinite(limit).any() else 0.0)
    axes.set_ylim(0.0, 1.32 * top)


def _therapy(axes: Any, patient: FollowUp, start: float, last: float) -> None:
    """Therapy, conditioning and stem cells as rows of bars at the top of the panel."""
    rows: list[tuple[str, list[Event], str]] = [
        (
            "RLT",
            [e for e in patient.events_of(EventKind.RADIOLIGAND) if start - 1.0 <= e.day <= last],
            EVENT_MARKS[EventKind.RADIOLIGAND].colour,
        )
    ]
    for kind, word in ((EventKind.IRRADIATION, "TBI"), (EventKind.CHEMOTHERAPY, "chemo"), (EventKind.GRAFT, "graft")):
        rows.append(
            (word, [e for e in patient.events_of(kind) if start - _BEFORE_D <= e.day <= last], EVENT_MARKS[kind].colour)
        )
    rows = [r for r in rows if r[1]]
    across = axes.get_xaxis_transform()
    for number, (word, events, colour) in enumerate(rows):
        height = 0.965 - 0.052 * number
        for event in events:
            begin, end = event.day - start, (event.until_day or event.day) - start
            axes.plot(
                [begin - 0.3, end + 0.3], [height, height], transform=across, color=colour, lw=4.5,
                solid_capstyle="butt",
            )  # fmt: skip
            if event.kind is not EventKind.CHEMOTHERAPY:
                axes.axvline(begin, color=colour, lw=0.8, ls=(0, (2, 2)), zorder=0.5)
        left = min(e.day for e in events) - start
        axes.text(left - 0.7, height, word, transform=across, ha="right", va="center", fontsize=6.2,
                  color=style.INK, bbox={"facecolor": "white", "lw": 0, "pad": 0.6})  # fmt: skip
    axes.set_xlim(-_BEFORE_D, last - start + 0.5)


def _numbers(side: Any, kinetics: LdhKinetics, start: float, until_day: float) -> None:
    side.axis("off")
    half = "does not fall" if kinetics.half_time_d is None else f"{kinetics.half_time_d:.1f} d"
    lines = [
        ("baseline", f"{kinetics.baseline_u_per_l:.0f} U/L"),
        ("peak", f"{kinetics.peak_u_per_l:.0f} U/L"),
        ("peak / baseline", f"{kinetics.peak_over_baseline:.2f}"),
        ("day of peak", f"{kinetics.peak_day:.1f} d after RLT"),
        ("half-time of fall", half),
        ("last / baseline", f"{kinetics.last_over_baseline:.2f}"),
        ("area above baseline", f"{kinetics.area_above_baseline_u_d_per_l:.0f} U d/L"),
        ("values", f"{kinetics.values}"),
        ("window", f"day {start:g} to {until_day:g}"),
    ]
    for row, (name, value) in enumerate(lines):
        y = 0.97 - 0.062 * row
        side.text(0.0, y, name, transform=side.transAxes, color=style.MUTED, fontsize=6.8, va="top")
        side.text(1.0, y, value, transform=side.transAxes, fontsize=6.8, va="top", ha="right")
    y = 0.97 - 0.062 * len(lines) - 0.03
    for note in kinetics.notes:
        for part in _wrapped(f"! {note}"):
            side.text(0.0, y, part, transform=side.transAxes, fontsize=6.0, va="top", color=style.RED)
            y -= 0.046
    side.text(
        0.0, max(y - 0.02, 0.0), "describes a curve; no criterion of response", transform=side.transAxes, fontsize=6.0,
        va="top", color=style.MUTED,
    )  # fmt: skip


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 40)
