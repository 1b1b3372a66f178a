"""Timeline of one patient: tracks on one axis of days, from treatment to laboratory curves.

What was done stands on top, what happened below it, then the curves: counts on a log axis, every value coloured by its
CTCAE grade, the reference band behind. A value that cannot be graded is drawn in grey: grey is not grade 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hemadose.errors import ReportError
from hemadose.model.followup import FollowUp
from hemadose.outcome.quantities import Quantities
from hemadose.outcome.toxicity.ctcae import Ctcae
from hemadose.report import style
from hemadose.report.figures.outcome import tracks
from hemadose.report.figures.outcome.palette import GRADE_COLOURS, GRADE_MARKERS, OPEN_COLOUR, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVES = ("neutrophils", "leukocytes", "platelets", "haemoglobin", "creatinine", "bilirubin", "alt", "ldh", "crp")
_CURVE_MM, _PERCENT_MM, _HEAD_MM = 19.0, 15.0, 30.0


@style.house_style()
def timeline_figure(
    patient: FollowUp,
    *,
    criteria: Ctcae,
    quantities: Quantities,
    first_day: float,
    last_day: float,
    curves: Sequence[str] = CURVES,
    title: str = "",
) -> Figure:
    """Draw the tracks of one patient.

    Parameters
    ----------
    patient : FollowUp
        The patient.
    criteria : Ctcae
        Version whose grades colour the values.
    quantities : Quantities
        Titles and units.
    first_day, last_day : float
        Start of therapy (the baseline of grades is the last value on or before it) and end of the axis. A margin of a
        week is drawn before the start.
    curves : sequence of str
        Quantities drawn as curves, where the patient has them.
    title : str
        Heading.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If the window is empty, or nothing lies in it.
    """
    if not last_day > first_day:
        raise ReportError(f"the window of the timeline is empty: day {first_day:g} to {last_day:g}")
    left = first_day - 7.0
    lanes = tracks.lanes_of(patient, left, last_day)
    drawn = [s for q in curves if (s := patient.of(q)) is not None and len(s.between(left, last_day))]
    percent = tracks.percentages(patient, left, last_day)
    temperature = patient.of("temperature")
    warm = temperature is not None and len(temperature.between(left, last_day)) > 0
    if not lanes and not drawn and not percent and not warm:
        raise ReportError(f"nothing of {patient.pseudonym} lies between day {left:g} and {last_day:g}")
    heights = [tracks.LANE_MM * len(lanes) + 2.0] if lanes else []
    heights += [_CURVE_MM] * (len(drawn) + int(warm)) + [_PERCENT_MM] * bool(percent)
    figure = style.new_figure(width_mm=180.0, height_mm=sum(heights) + _HEAD_MM)
    axes = list(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0])
    panel = iter(axes)
    if lanes:
        tracks.draw_lanes(next(panel), lanes, left, last_day, died_on=patient.died_on)
    for series in drawn:
        tracks.draw_curve(next(panel), series, criteria, quantities, first_day=first_day, window=(left, last_day))
    if warm and temperature is not None:
        tracks.draw_temperature(next(panel), temperature.between(left, last_day))
    if percent:
        tracks.draw_percentages(next(panel), percent)
    _frame(figure, axes, patient, left, last_day, title)
    _key(figure, criteria.version)
    return figure


def _frame(figure: Figure, axes: Sequence[Any], patient: FollowUp, left: float, right: float, title: str) -> None:
    for each in axes:
        each.axvline(0.0, color=style.INK, lw=0.7, zorder=0.6)
        each.grid(True, axis="x")
        each.set_xlim(left, right + 0.01 * (right - left))
        if patient.died_on is not None and patient.died_on <= right:
            each.axvline(patient.died_on, color="#111111", lw=1.2, ls=(0, (4, 2)), zorder=0.7)
    axes[-1].set_xlabel(f"days from day 0 ({patient.day_zero})")
    words = title or ", ".join(x for x in (patient.pseudonym, patient.diagnosis, patient.donor) if x)
    axes[0].set_title(shortened(words, 95))
    figure.align_ylabels(list(axes))


def _key(figure: Figure, version: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D(
            [], [], ls="", marker=GRADE_MARKERS[g], ms=5, mfc=GRADE_COLOURS[g], mec=style.INK, mew=0.6,
            label=f"grade {g}" if g else "grade 0: looked at, normal",
        )
        for g in range(5)
    ]  # fmt: skip
    handles.append(Line2D([], [], ls="", marker="o", ms=3.4, color=OPEN_COLOUR, label="no term, or cannot be graded"))
    handles.append(Patch(color=tracks.BAND, label="reference range"))
    handles.append(Line2D([], [], color=style.INK, lw=0.7, label=f"day 0; grades: CTCAE {version}, laboratory terms"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.2, handletextpad=0.5)


def lanes_shown(patient: FollowUp, first_day: float, last_day: float) -> tuple[str, ...]:
    """Names of the rows of events that the timeline draws, from the top.

    >>> from hemadose.model.followup import Event, EventKind
    >>> p = FollowUp(pseudonym="A", events=(Event(day=0.0, kind=EventKind.GRAFT),))
    >>> lanes_shown(p, -14.0, 100.0)
    ('stem cells',)
    """
    return tuple(lane.name for lane in tracks.lanes_of(patient, first_day - 7.0, last_day))
