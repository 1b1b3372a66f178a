"""When the graft may come: nuclides at equal marrow dose, the half-life, and one input at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.report import numbers, style
from hemadose.therapy.timing.comparison import NuclideTiming
from hemadose.therapy.timing.sensitivity import HalfLifeCurve, Swing
from hemadose.units import DAY_S, GBQ, HOUR_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TINTS = {"Lu-177": style.BLUE, "Y-90": style.ORANGE, "Re-188": style.GREEN, "I-131": "#9b5de5"}
_OTHERS = ("#00a6d6", "#b8860b", "#e6007e", style.INK)
_DASHES: Sequence[Any] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.2)),
    (0, (3, 1, 1, 1)),
    (0, (7, 2, 1, 2)),
    (0, (2, 2)),
    (0, (9, 3)),
)
_UNITS = {
    "dose per activity": (1.0 / GBQ, "Gy/GBq"),
    "half-life": (HOUR_S, "h"),
    "activity": (GBQ, "GBq"),
    "day": (DAY_S, "d"),
}


@style.house_style()
def timing_figure(
    *,
    timings: Sequence[NuclideTiming],
    limits_gy: Sequence[float],
    family: Sequence[HalfLifeCurve] = (),
    swings: Sequence[Swing] = (),
    interval_d: float | None = None,
) -> Figure:
    """Draw residual dose and dose rate by nuclide, the family of half-lives, and the tornado.

    Parameters
    ----------
    timings : sequence of NuclideTiming
        All at one marrow dose.
    limits_gy : sequence of float
        On the residual dose; the first is that of the sensitivities.
    family : sequence of HalfLifeCurve
        At the days of the first timing.
    swings : sequence of Swing
        The widest first.
    interval_d : float, optional
        Planned interval.

    Returns
    -------
    matplotlib.figure.Figure
        Days from administration to infusion; Gy, mGy/h.

    Raises
    ------
    ReportError
        If there is no nuclide.
    """
    if not timings:
        raise ReportError("no nuclide to draw")
    more = bool(family) and bool(swings)
    figure = style.new_figure(width_mm=180.0, height_mm=165.0 if more else 92.0)
    axes = figure.subplots(2 if more else 1, 2, squeeze=False)
    _residual(axes[0, 0], timings, limits_gy, interval_d)
    _rate(axes[0, 1], timings, interval_d)
    if more:
        _family(axes[1, 0], family, timings[0].days, limits_gy, interval_d)
        _tornado(axes[1, 1], swings, limits_gy)
    return figure


def _tint(index: int, timing: NuclideTiming) -> str:
    return _TINTS.get(timing.option.nuclide.name, _OTHERS[index % len(_OTHERS)])


def _residual(axes: Any, timings: Sequence[NuclideTiming], limits: Sequence[float], interval: float | None) -> None:
    for index, timing in enumerate(timings):
        tint = _tint(index, timing)
        if (timing.residual_high_gy > timing.residual_low_gy).any():
            axes.fill_between(
                timing.days, timing.residual_low_gy, timing.residual_high_gy, color=tint, alpha=0.18, lw=0
            )
        words = f"{timing.option.nuclide.name}, {timing.activity_bq / GBQ:.3g} GBq"
        axes.plot(timing.days, timing.residual_gy, color=tint, ls=_DASHES[index % len(_DASHES)], label=words)
    _limits(axes, limits, float(timings[0].days[-1]))
    top = float(timings[0].residual_gy[0])
    axes.set_ylim(0.5 * min([0.02 * top, *limits]), 1.6 * max(top, *limits))
    _finish(axes, timings[0].days, interval)
    axes.set_ylabel("marrow dose still to come / Gy")
    axes.set_title(f"At equal marrow dose ({top:.3g} Gy)")
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.16), ncols=2)


def _rate(axes: Any, timings: Sequence[NuclideTiming], interval: float | None) -> None:
    for index, timing in enumerate(timings):
        rate = timing.rate_gy_per_s * HOUR_S * 1e3
        tint, dash = _tint(index, timing), _DASHES[index % len(_DASHES)]
        axes.plot(timing.days, np.where(rate > 0.0, rate, np.nan), color=tint, ls=dash)
        for limit in (x for x in timing.timings if x.is_rate):
            height = limit.limit * HOUR_S * 1e3
            axes.axhline(height, color=style.RED, lw=1.2)
            if index == 0:
                words = f"limit {height:g} mGy/h"
                axes.text(timing.days[-1], 1.06 * height, words, color=style.RED, ha="right", va="bottom", fontsize=7.0)
    top = max(float(t.rate_gy_per_s[0]) for t in timings) * HOUR_S * 1e3
    axes.set_ylim(1e-4 * top, 2.0 * top)
    _finish(axes, timings[0].days, interval)
    axes.set_ylabel("marrow dose rate / mGy h$^{-1}$")
    axes.set_title("Dose rate at infusion")


def _family(
    axes: Any, family: Sequence[HalfLifeCurve], days: Any, limits: Sequence[float], interval: float | None
) -> None:
    from matplotlib import colormaps

    shades = colormaps["viridis"](np.linspace(0.0, 0.85, len(family)))
    for shade, curve in zip(shades, family, strict=True):
        words = f"{curve.half_life_s / HOUR_S:.3g} h: day {numbers.days_up(curve.earliest_s)[:-2]}"
        axes.plot(days, curve.residual_gy, color=shade, label=words)
    _limits(axes, limits[:1], float(days[-1]))
    top = max(float(c.residual_gy[0]) for c in family)
    axes.set_ylim(0.5 * min(0.02 * top, limits[0]), 1.6 * max(top, limits[0]))
    _finish(axes, days, interval)
    axes.set_ylabel("marrow dose still to come / Gy")
    axes.set_title("Other effective half-lives, and their first day")
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.16), ncols=2, columnspacing=1.0)


def _tornado(axes: Any, swings: Sequence[Swing], limits: Sequence[float]) -> None:
    places = np.arange(len(swings))[::-1]
    labels, texts = [], []
    for place, swing in zip(places, swings, strict=True):
        unit, word = _UNITS[swing.name]
        low, high = swing.residual_gy
        axes.barh(place, high - low, left=low, height=0.5, color=style.BLUE, alpha=0.75)
        labels.append(swing.name)
        first, last = (numbers.days_up(t)[:-2] for t in sorted(swing.earliest_s))
        span = f"first day {first}–{last}" if first != last else "first day unchanged"
        texts.append((place, f"{swing.low / unit:.3g}–{swing.high / unit:.3g} {word}, {span}"))
    reach = max(limits[0], *(max(s.residual_gy) for s in swings))
    for place, text in texts:
        axes.text(0.012 * reach, place + 0.29, text, fontsize=6.5, ha="left", va="bottom")
    axes.axvline(limits[0], color=style.RED, lw=1.2)
    axes.text(limits[0], -0.72, f"limit {limits[0]:g} Gy ", color=style.RED, fontsize=6.5, ha="right", va="bottom")
    axes.set_yticks(places, labels)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0.0, 1.1 * reach)
    axes.set_ylim(-0.75, len(swings) - 0.25)
    axes.set_xlabel("marrow dose still to come at infusion / Gy")
    axes.set_title("One input at a time, low to high")
    axes.grid(True, axis="x")


def _limits(axes: Any, limits: Sequence[float], last: float) -> None:
    for limit in limits:
        axes.axhline(limit, color=style.RED, lw=1.2)
        words = f"{limit:g} Gy" if limit >= 0.1 else f"{1e3 * limit:g} mGy"
        axes.text(last, limit * 1.06, f"limit {words}", color=style.RED, ha="right", va="bottom", fontsize=7.0)


def _finish(axes: Any, days: Any, interval: float | None) -> None:
    from matplotlib.ticker import LogLocator, MultipleLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0.0, float(days[-1]))
    axes.xaxis.set_major_locator(MultipleLocator(7))
    axes.xaxis.set_minor_locator(MultipleLocator(1))
    axes.set_xlabel("administration to infusion of stem cells / d")
    axes.grid(True)
    if interval is not None:
        axes.axvline(interval, color=style.INK, lw=0.9)
