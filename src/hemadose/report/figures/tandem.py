"""Agents in sequence and total body irradiation: dose rate and dose so far of every organ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hemadose.dose.radiobiology import DoseRate, Fractions
from hemadose.errors import ReportError
from hemadose.report import names, style
from hemadose.therapy.tandem.totals import OrganTotal
from hemadose.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TINTS = (style.BLUE, style.ORANGE, style.GREEN, "#9b5de5")
_TBI = "#8a8a8a"
_LIMITS = {"agents": "agents", "dose": "with TBI"}


@style.house_style()
def tandem_figure(totals: Sequence[OrganTotal], *, limits_gy: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw one row an organ: dose rate by agent on the left, dose so far stacked by therapy on the right.

    Parameters
    ----------
    totals : sequence of OrganTotal
        Organs in the order to draw.
    limits_gy : Mapping[str, Mapping[str, float]]
        By organ and quantity; those on physical dose are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Days from the transplant; mGy/h, Gy.

    Raises
    ------
    ReportError
        If there is no organ.
    """
    if not totals:
        raise ReportError("no organ to draw")
    figure = style.new_figure(width_mm=180.0, height_mm=18.0 + 42.0 * len(totals))
    axes = figure.subplots(len(totals), 2, sharex=True, squeeze=False)
    order = list(dict.fromkeys(c.name for t in totals for c in t.components if isinstance(c, DoseRate)))
    tints = {name: _TINTS[i % len(_TINTS)] for i, name in enumerate(order)}
    days = _days(totals)
    for row, total in zip(axes, totals, strict=True):
        _rates(row[0], total, days, tints)
        _given(row[1], total, days, tints, limits_gy.get(total.organ, {}))
        for one in row:
            one.axvline(0.0, color=style.INK, lw=1.0)
            one.set_xlim(days[0], days[-1])
            one.grid(True)
    axes[0, 0].set_title("Dose rate of the agents, one line a fraction")
    axes[0, 1].set_title("Dose so far; shaded: after the transplant")
    for one in axes[-1]:
        one.set_xlabel("days from the transplant")
    _legend(figure, axes)
    return figure


def _legend(figure: Figure, axes: Any) -> None:
    found: dict[str, Any] = {}
    for one in axes.ravel():
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(list(found.values()), list(found), loc="outside lower left", ncols=4)


def _days(totals: Sequence[OrganTotal]) -> npt.NDArray[np.float64]:
    starts, moments = [], [0.0]
    for component in (c for t in totals for c in t.components):
        first = float(component.times_s[0]) if isinstance(component, Fractions) else component.start_s
        starts.append(first)
        moments += [first - 1.0, first]
        if isinstance(component, Fractions):
            moments += [float(t) + d for t in component.times_s for d in (-1.0, 1.0)]
    line = np.linspace(min(starts) - 0.5 * DAY_S, 10.0 * DAY_S, 700)
    return np.unique(np.concatenate([line, moments])) / DAY_S


def _rates(axes: Any, total: OrganTotal, days: npt.NDArray[np.float64], tints: Mapping[str, str]) -> None:
    top = 0.0
    for component in total.components:
        if isinstance(component, Fractions):
            for i, time_s in enumerate(component.times_s):
                label = component.name if i == 0 else None
                axes.axvline(float(time_s) / DAY_S, color=_TBI, lw=1.0, ls=(0, (2, 2)), label=label)
            continue
        rate = component.rate_gy_per_s(days * DAY_S) * HOUR_S * 1e3
        top = max(top, float(rate.max()))
        axes.plot(days, np.where(rate > 0.0, rate, np.nan), color=tints[component.name], label=component.name)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylim(1e-4 * top, 2.0 * top)
    axes.set_ylabel(f"{names.label(total.organ)}\nmGy h$^{{-1}}$")


def _given(
    axes: Any,
    total: OrganTotal,
    days: npt.NDArray[np.float64],
    tints: Mapping[str, str],
    limits: Mapping[str, float],
) -> None:
    below = np.zeros(len(days))
    for component in total.components:
        dose = component.given_gy(days * DAY_S)
        tint = tints.get(component.name, _TBI)
        axes.fill_between(days, below, below + dose, color=tint, alpha=0.55, lw=0)
        below = below + dose
    axes.plot(days, below, color=style.INK, lw=1.1)
    axes.axvspan(0.0, float(days[-1]), color=style.MUTED, alpha=0.10, lw=0)
    reach = float(below[-1])
    for quantity, word in _LIMITS.items():
        if quantity in limits:
            height = limits[quantity]
            axes.axhline(height, color=style.RED, lw=1.2, ls="-" if quantity == "dose" else (0, (4, 2)))
            text = f"limit {height:g} Gy ({word})"
            axes.text(days[0] + 0.2, 1.01 * height, text, color=style.RED, ha="left", va="bottom", fontsize=6.5)
            reach = max(reach, 1.12 * height)
    if total.missing:
        words = f"without {', '.join(total.missing)}"
        axes.text(0.02, 0.94, words, transform=axes.transAxes, color=style.RED, fontsize=6.5, va="top")
        reach *= 1.15
    axes.set_ylim(0.0, 1.08 * reach)
    axes.set_ylabel("Gy")
