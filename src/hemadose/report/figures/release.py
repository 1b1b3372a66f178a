"""Release: dose rate against time with thresholds, activity in and outside the body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.report import numbers, style
from hemadose.therapy.protection.exposure import Source
from hemadose.therapy.protection.release import ReleaseVerdict, cautious
from hemadose.therapy.protection.waste import excreted_activity_bq
from hemadose.units import DAY_S, GBQ, HOUR_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_USV_H = 1e-6 / HOUR_S


@style.house_style()
def release_figure(
    *, source: Source, verdicts: Sequence[ReleaseVerdict], release_s: float, rules_of: str = ""
) -> Figure:
    """Draw dose rates at 1 and 2 m with the thresholds on the left, activity on the right.

    Parameters
    ----------
    source : Source
        The patient.
    verdicts : sequence of ReleaseVerdict
        Rules with their times.
    release_s : float
        Release after administration.
    rules_of : str
        Country or site.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ReportError
        If no rule was judged.
    """
    if not verdicts:
        raise ReportError("no rule of release to draw")
    last = max(1.3 * release_s, 1.2 * verdicts[0].time_s, 4.0 * DAY_S)
    hours = np.linspace(0.0, last, 300) / HOUR_S
    figure = style.new_figure(width_mm=170.0, height_mm=88.0)
    left, right = figure.subplots(1, 2)
    _rates(left, source, verdicts, hours)
    _activity(right, source, hours)
    for axes, corner in ((left, "left"), (right, "right")):
        axes.axvline(release_s / HOUR_S, color=style.INK, lw=0.9, label=f"release, {release_s / HOUR_S:.0f} h")
        axes.set_xlim(0.0, float(hours[-1]))
        axes.set_xlabel("time after administration / h")
        axes.grid(True)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc=f"outside lower {corner}", ncols=2, alignment="left")
    left.set_title(f"Dose rate near the patient ({rules_of})" if rules_of else "Dose rate near the patient")
    return figure


def _rates(axes: Any, source: Source, verdicts: Sequence[ReleaseVerdict], hours: Any) -> None:
    from matplotlib.ticker import LogLocator

    seconds = hours * HOUR_S
    for distance, tint in ((1.0, style.ORANGE), (2.0, style.BLUE)):
        rate = source.rate_sv_per_s(seconds, distance_m=distance) / _USV_H
        axes.plot(hours, rate, color=tint, label=f"at {distance:g} m")
        still = cautious(source).rate_sv_per_s(seconds, distance_m=distance) / _USV_H
        axes.plot(hours, still, color=tint, lw=0.9, ls=(0, (2, 2)), label=f"at {distance:g} m, nothing excreted")
    for index, verdict in enumerate(v for v in verdicts if v.threshold_sv_per_s is not None):
        assert verdict.threshold_sv_per_s is not None
        height = verdict.threshold_sv_per_s / _USV_H
        dash = ((0, (5, 2)), (0, (1, 1.5)), (0, (3, 1, 1, 1)))[index % 3]
        words = f"{numbers.significant(height)} µSv/h at {verdict.rule.distance_m:g} m"
        axes.axhline(height, color=style.RED, lw=1.2, ls=dash, label=words)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_ylabel("dose rate / µSv h$^{-1}$")
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines])
    top = float(values.max())
    axes.set_ylim(max(float(values[values > 0.0].min()), 1e-3 * top), 2.0 * top)


def _activity(axes: Any, source: Source, hours: Any) -> None:
    seconds = hours * HOUR_S
    inside = source.activity_bq * source.body.retained(seconds) / GBQ
    outside = excreted_activity_bq(source.body, seconds, activity_bq=source.activity_bq) / GBQ
    axes.fill_between(hours, 0.0, inside, color=style.BLUE, alpha=0.35, lw=0, label="in the body")
    axes.fill_between(hours, inside, inside + outside, color=style.ORANGE, alpha=0.45, lw=0, label="in excreta")
    axes.plot(hours, inside + outside, color=style.MUTED, lw=0.9, label="all that has not decayed")
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("activity / GBq")
    axes.set_title("Where the activity is")
