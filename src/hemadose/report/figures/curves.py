"""Time–activity fits: samples, curve, 95 % band, extrapolated tail, residuals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.model import ActivitySeries, FittedCurve, Nuclide
from hemadose.report import names, numbers, style
from hemadose.units import HOUR_S, MBQ

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]
Scale: TypeAlias = Literal["linear", "log"]

_POINTS = 140


@style.house_style()
def fit_figure(
    *,
    series: ActivitySeries,
    fit: FittedCurve,
    nuclide: Nuclide,
    administered_activity_bq: float,
    scales: Sequence[Scale] = ("linear", "log"),
) -> Figure:
    """Draw one region: curve on the chosen scales and residuals in standard deviations below.

    Parameters
    ----------
    series, fit : ActivitySeries, FittedCurve
        Samples and curve of one region.
    nuclide : Nuclide
        For the line of physical decay.
    administered_activity_bq : float
        For the time-integrated activity coefficient in the heading.
    scales : sequence of {"linear", "log"}
        One column each; residuals are drawn below the first.

    Returns
    -------
    matplotlib.figure.Figure
        Time in h, activity in MBq.
    """
    figure = style.new_figure(width_mm=85.0 * len(scales), height_mm=60.0)
    grid = figure.add_gridspec(2, len(scales), height_ratios=(2.5, 1.0))
    times = _times(series, fit)
    first: Any = None
    for column, scale in enumerate(scales):
        rows = slice(0, 1) if column == 0 else slice(0, 2)
        axes = figure.add_subplot(grid[rows, column])
        _draw_curve(axes, series, fit, nuclide, times, scale)
        if column == 0:
            first = axes
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel("time after administration / h")
            axes.set_title("logarithmic", loc="right", fontweight="normal", color=style.MUTED)
    residuals = figure.add_subplot(grid[1, 0], sharex=first)
    _draw_residuals(residuals, series, fit)
    for axes in (first, residuals):
        axes.yaxis.set_label_coords(-0.105, 0.5)
    first.set_title(_heading(fit, administered_activity_bq))
    handles, labels = first.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=5 if len(scales) > 1 else 2,
        handlelength=1.5, columnspacing=1.3, fontsize=6.5,
    )  # fmt: skip
    return figure


def _heading(fit: FittedCurve, administered_bq: float) -> str:
    tia = numbers.measured(fit.tia_bq_s / MBQ / HOUR_S, fit.tia_sd_bq_s / MBQ / HOUR_S)
    tiac = numbers.hours(fit.tia_bq_s / administered_bq)
    return f"{names.sentence(names.label(fit.region))}: {tia} MBq h  (TIAC {tiac} h)"


def _times(series: ActivitySeries, fit: FittedCurve) -> Floats:
    """Times from 0 to where the tail has mostly gone, denser early, samples' end included."""
    last = float(series.times_s[-1])
    end = min(max(1.3 * last, last + 2.0 * fit.effective_half_life_s), 2.2 * last)
    early = end * np.linspace(0.0, 1.0, _POINTS) ** 2.2
    return np.unique(np.append(early, last))


def _draw_curve(
    axes: Any,
    series: ActivitySeries,
    fit: FittedCurve,
    nuclide: Nuclide,
    times: Floats,
    scale: Scale,
) -> None:
    hours = times / HOUR_S
    best = fit.curve.activity_bq(times) / MBQ
    low, high = np.percentile(fit.ensemble.activity_bq(times) / MBQ, [2.5, 97.5], axis=0)
    observed = series.activities_bq / MBQ
    bottom, top = _limits(observed, best, high, scale)
    last = float(series.times_s[-1])
    tail = times >= last
    share = numbers.percent(fit.extrapolated_fraction)
    axes.fill_between(
        hours[tail],
        bottom,
        np.maximum(best[tail], bottom),
        color=style.ORANGE,
        alpha=0.22,
        lw=0,
        label=f"extrapolated, {share} of TIA",
    )
    axes.fill_between(
        hours,
        np.maximum(low, bottom),
        np.maximum(high, bottom),
        color=style.BLUE,
        alpha=0.20,
        lw=0,
        label="95 % interval",
    )
    peak = int(np.argmax(observed))
    decay = observed[peak] * np.exp(-nuclide.decay_constant_per_s * (times - float(series.times_s[peak])))
    later = times >= series.times_s[peak]
    axes.plot(
        hours[later],
        decay[later],
        color=style.MUTED,
        lw=0.9,
        ls=(0, (4, 2)),
        label=f"physical decay ({numbers.hours(nuclide.half_life_s, digits=4)} h)",
    )
    half_life = numbers.hours(fit.effective_half_life_s)
    axes.plot(
        hours,
        best,
        color=style.BLUE,
        label=f"{names.model_label(fit.model)}, $T_{{\\mathrm{{eff}}}}$ {half_life} h",
    )
    sds = series.sds_bq
    axes.errorbar(
        series.times_s / HOUR_S,
        observed,
        yerr=None if sds is None else sds / MBQ,
        fmt="o",
        ms=3.6,
        color=style.INK,
        elinewidth=1.0,
        capsize=2.0,
        label="measured" if sds is None else "measured ± 1 SD",
        zorder=5,
    )
    axes.set_yscale(scale)
    if scale == "log":
        axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylim(bottom, top)
    axes.set_xlim(-0.015 * float(hours[-1]), float(hours[-1]))
    axes.set_ylabel("activity / MBq")
    axes.grid(True, which="major")


def _limits(observed: Floats, best: Floats, high: Floats, scale: Scale) -> tuple[float, float]:
    """Axis limits that show every sample and the curve, and little else."""
    top = float(max(observed.max(), best.max(), min(high.max(), 1.6 * best.max())))
    if scale == "linear":
        return 0.0, 1.12 * top
    seen = np.concatenate([observed[observed > 0.0], best[best > 0.0]])
    floor = float(seen.min()) if seen.size else 1e-3 * top
    return max(min(0.6 * floor, 0.01 * top), 1e-4 * top), 2.0 * top


def _draw_residuals(axes: Any, series: ActivitySeries, fit: FittedCurve) -> None:
    from matplotlib.ticker import MaxNLocator

    observed = series.activities_bq
    expected = fit.curve.activity_bq(series.times_s)
    sds = series.sds_bq
    if sds is not None and (sds > 0.0).all():
        values, unit = (observed - expected) / sds, "residual / SD"
        axes.axhspan(-1.0, 1.0, color=style.GRID, alpha=0.6, lw=0)
        reach = 1.25 * max(2.0, float(np.abs(values).max()))
    else:
        values, unit = 100.0 * (observed / expected - 1.0), "residual / %"
        reach = 1.25 * max(5.0, float(np.abs(values).max()))
    axes.axhline(0.0, color=style.MUTED, lw=0.8)
    axes.vlines(series.times_s / HOUR_S, 0.0, values, color=style.INK, lw=1.0)
    axes.plot(series.times_s / HOUR_S, values, "o", ms=3.2, color=style.INK)
    axes.set_ylim(-reach, reach)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True, symmetric=True))
    axes.set_ylabel(unit)
    axes.set_xlabel("time after administration / h")
