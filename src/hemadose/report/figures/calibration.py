"""Calibration: recovery curve with its band and spheres, dead-time curve with the runs, budgets of uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.imaging.calibration.deadtime_fit import CountedRate, DeadTimeFit
from hemadose.imaging.calibration.known_source import UncertaintyTerm, combined_relative_sd
from hemadose.imaging.calibration.recovery_fit import RecoveryFit
from hemadose.imaging.calibration.recovery_forms import PARAMETERS, SphereMeasurement
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.model import Nuclide
from hemadose.report import numbers, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats: TypeAlias = npt.NDArray[np.float64]

_WORDS = {
    "gear2": "1 / (1 + (α/v)$^β$)",
    "gear3": "plateau / (1 + (α/v)$^β$)",
    "gaussian": "sphere in a Gaussian",
}
_UNITS = {"alpha_ml": ("α", "ml"), "beta": ("β", ""), "plateau": ("plateau", ""), "fwhm_mm": ("FWHM", "mm")}


@style.house_style()
def recovery_figure(
    spheres: Sequence[SphereMeasurement],
    fit: RecoveryFit,
    *,
    theory: RecoveryFit | None = None,
    level: float = 0.95,
    title: str = "",
) -> Figure:
    """Draw measured spheres, the fitted curve, its confidence and prediction bands, and the theory beside it.

    Parameters
    ----------
    spheres : sequence of SphereMeasurement
        What was fitted.
    fit : RecoveryFit
        Curve and covariance.
    theory : RecoveryFit, optional
        The Gaussian form fitted to the same spheres, drawn dashed.
    level : float
        Of both bands.
    title : str
        Heading.

    Returns
    -------
    matplotlib.figure.Figure
        Volume in ml (logarithmic), recovery coefficient.
    """
    figure = style.new_figure(width_mm=120.0, height_mm=78.0)
    axes = figure.subplots()
    volumes = np.geomspace(0.6 * fit.smallest_ml, 2.5 * fit.largest_ml, 160)
    low, high = fit.band(volumes, level=level, prediction=True)
    share = f"{100 * level:.0f} %"
    axes.fill_between(volumes, low, high, color=style.BLUE, alpha=0.10, lw=0, label=f"{share} for one more sphere")
    low, high = fit.band(volumes, level=level)
    axes.fill_between(volumes, low, high, color=style.BLUE, alpha=0.25, lw=0, label=f"{share} of the curve")
    axes.plot(volumes, fit.coefficient(volumes), color=style.BLUE, label=_WORDS[fit.form])
    if theory is not None and fit.form != "gaussian":
        label = f"sphere in a Gaussian, FWHM {theory.parameters[0]:.1f} mm"
        axes.plot(volumes, theory.coefficient(volumes), color=style.ORANGE, ls=(0, (4, 2)), lw=1.0, label=label)
    known = [s.sd for s in spheres if s.sd is not None]
    axes.errorbar(
        [s.volume_ml for s in spheres],
        [s.recovery for s in spheres],
        yerr=known if len(known) == len(spheres) else None,
        fmt="o",
        ms=3.8,
        color=style.INK,
        elinewidth=1.0,
        capsize=2.0,
        label="measured ± 1 SD" if known else "measured",
        zorder=5,
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_ylim(0.0, max(1.05, 1.08 * max(s.recovery for s in spheres)))
    axes.set_xlim(volumes[0], volumes[-1])
    axes.set_xlabel("volume / ml")
    axes.set_ylabel("recovery coefficient")
    axes.grid(True, which="major")
    axes.set_title(title or _parameters(fit))
    axes.legend(loc="lower right")
    return figure


def _parameters(fit: RecoveryFit) -> str:
    sds = np.sqrt(np.diag(fit.covariance))
    words = []
    for name, value, sd in zip(PARAMETERS[fit.form], fit.parameters, sds, strict=True):
        symbol, unit = _UNITS[name]
        words.append(f"{symbol} {numbers.measured(float(value), float(sd))} {unit}".strip())
    return "Recovery: " + ", ".join(words)


@style.house_style()
def dead_time_figure(
    runs: Sequence[CountedRate], fits: Sequence[DeadTimeFit], nuclide: Nuclide, *, chosen: int = 0
) -> Figure:
    """Draw the observed rates of a decaying source against the true ones, and the residuals of the chosen model.

    Parameters
    ----------
    runs : sequence of CountedRate
        As measured.
    fits : sequence of DeadTimeFit
        One or more models, all from the same runs.
    nuclide : Nuclide
        Of the source.
    chosen : int
        Index of the model whose true rates place the runs.

    Returns
    -------
    matplotlib.figure.Figure
        Count rates in 1000/s above, residuals in standard deviations below.
    """
    best = fits[chosen]
    assert best.true_at_start_per_s is not None
    true = np.array([best.true_at_start_per_s * nuclide.decay_factor(r.elapsed_s + r.duration_s / 2) for r in runs])
    shown = np.array([r.per_s for r in runs])
    sd = np.sqrt(np.array([max(r.counts, 1.0) for r in runs])) / np.array([r.duration_s for r in runs])
    figure = style.new_figure(width_mm=120.0, height_mm=98.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.0, 1.0))
    line = np.linspace(0.0, 1.1 * true.max(), 200)
    above.plot(line / 1e3, line / 1e3, color=style.MUTED, lw=0.9, ls=(0, (4, 2)), label="no loss")
    colours = (style.BLUE, style.ORANGE, style.GREEN)
    for k, fit in enumerate(fits):
        above.plot(
            line / 1e3,
            fit.model.observed_per_s(line) / 1e3,
            color=colours[k % 3],
            lw=1.4 if k == chosen else 0.8,
            label=_words(fit),
        )
    above.errorbar(true / 1e3, shown / 1e3, yerr=sd / 1e3, fmt="o", ms=3.4, color=style.INK, label="measured")
    above.set_ylim(0.0, 1.25 * float(shown.max()) / 1e3)
    above.set_ylabel("observed / 1000 s$^{-1}$")
    above.set_title("Dead time")
    above.grid(True)
    below.axhspan(-1.0, 1.0, color=style.GRID, alpha=0.6, lw=0)
    below.axhline(0.0, color=style.MUTED, lw=0.8)
    residual = (shown - best.model.observed_per_s(true)) / sd
    below.plot(true / 1e3, residual, "o", ms=3.2, color=style.INK)
    reach = 1.25 * max(2.0, float(np.abs(residual).max()))
    below.set_ylim(-reach, reach)
    below.set_ylabel("residual / SD")
    below.set_xlabel("true rate / 1000 s$^{-1}$")
    handles, labels = above.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=6.5)
    return figure


def _words(fit: DeadTimeFit) -> str:
    parts = []
    for value, sd in (
        (fit.model.paralysable_s, fit.paralysable_sd_s),
        (fit.model.nonparalysable_s, fit.nonparalysable_sd_s),
    ):
        if sd > value > 0.0:
            return f"{fit.kind}, its two times cannot be told apart"
        if value > 0.0:
            parts.append(numbers.measured(1e6 * value, max(1e6 * sd, 1e-4)))
    return f"{fit.kind}, {' and '.join(parts)} µs"


@style.house_style()
def loss_figure(model: DeadTime, *, up_to_per_s: float, title: str = "") -> Figure:
    """Draw observed against true rate of one dead time, with its maximum."""
    figure = style.new_figure(width_mm=100.0, height_mm=70.0)
    axes = figure.subplots()
    line = np.linspace(0.0, up_to_per_s, 200)
    axes.plot(line / 1e3, line / 1e3, color=style.MUTED, lw=0.9, ls=(0, (4, 2)), label="no loss")
    axes.plot(line / 1e3, model.observed_per_s(line) / 1e3, color=style.BLUE, label=model.kind)
    if model.maximum_per_s < float("inf"):
        axes.axhline(model.maximum_per_s / 1e3, color=style.RED, lw=0.8, label="highest that can be shown")
    axes.set_ylim(0.0, 1.15 * float(np.max(model.observed_per_s(line))) / 1e3)
    axes.set_xlabel("true rate / 1000 s$^{-1}$")
    axes.set_ylabel("observed / 1000 s$^{-1}$")
    axes.set_title(title or "Dead time")
    axes.grid(True)
    axes.legend(loc="lower right")
    return figure


@style.house_style()
def budget_figure(results: Sequence[tuple[str, Sequence[UncertaintyTerm]]]) -> Figure:
    """Draw the budgets of several results: one bar per term, relative standard uncertainty in percent.

    Parameters
    ----------
    results : sequence of (str, sequence of UncertaintyTerm)
        Heading and budget of each.

    Returns
    -------
    matplotlib.figure.Figure
        Type A orange, type B blue, the root of the sum of squares dark.
    """
    rows = sum(len(terms) + 1 for _, terms in results)
    figure = style.new_figure(width_mm=125.0, height_mm=16.0 + 6.0 * rows + 9.0 * len(results))
    panels = np.atleast_1d(
        figure.subplots(len(results), 1, sharex=True, height_ratios=[len(terms) + 1 for _, terms in results])
    )
    for axes, (heading, terms) in zip(panels, results, strict=True):
        names = [f"{t.name} ({t.kind})" for t in terms] + ["together"]
        values = [100.0 * t.relative_sd for t in terms] + [100.0 * combined_relative_sd(terms)]
        colours = [style.ORANGE if t.kind == "A" else style.BLUE for t in terms] + [style.INK]
        axes.barh(range(len(names)), values, color=colours, height=0.6)
        for place, value in enumerate(values):
            axes.text(value, place, f" {value:.2g}", va="center", fontsize=6.5)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_title(heading)
    panels[-1].set_xlabel("relative standard uncertainty / %")
    return figure
