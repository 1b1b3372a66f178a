"""What a nuclide gives off: beta continua with their areas, and photon, electron and alpha lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import ReportError
from hemadose.model.emissions import BetaSpectrum, EmissionLine, Emissions, LineKind
from hemadose.report import numbers, style
from hemadose.units import DAY_S, HOUR_S, MINUTE_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINES = (
    (LineKind.GAMMA, "gamma", style.BLUE, "o"),
    (LineKind.X_RAY, "X-ray", "#7fb0de", "o"),
    (LineKind.ANNIHILATION, "annihilation", "#6b4fa0", "D"),
    (LineKind.CONVERSION, "conversion electron", style.ORANGE, "s"),
    (LineKind.AUGER, "Auger electron", "#e8b04a", "s"),
    (LineKind.ALPHA, "alpha", style.RED, "^"),
)
_BETA_COLOURS = (style.GREEN, "#7aa53c", "#2a8c82", "#8a8d2f")
_POSITRON_COLOURS = ("#6b4fa0", "#a06bb0")
_SIGNS = {-1: "$\\beta^-$", 1: "$\\beta^+$"}
_FAINT = 0.02
_WIDE = 30.0
_CAPTION_LETTERS = 124
_YEAR_S = 365.2422 * DAY_S


@style.house_style()
def spectrum_figure(emissions: Emissions, *, min_yield: float = 1e-4) -> Figure:
    """Draw the emissions of one decay.

    Above, if there are any, the beta continua: the area below a curve is the number of particles per decay (on a
    logarithmic axis, where the peaks differ more than thirtyfold, it is not), the dashed line their mean energy.
    Below, every line on logarithmic axes, marked by kind, with the energy each kind carries. A caption gives the sums.

    Parameters
    ----------
    emissions : Emissions
        Of one nuclide or of a chain.
    min_yield : float
        Weaker lines (per decay) are not drawn; the caption says how many.

    Returns
    -------
    matplotlib.figure.Figure
        Energies in keV; particles per decay and keV above, particles per decay below.

    Raises
    ------
    ReportError
        If nothing is left to draw.
    """
    shown = [line for line in emissions.lines if line.yield_per_decay >= min_yield]
    if not shown and not emissions.betas:
        raise ReportError(
            f"no emission of {emissions.nuclide} reaches the yield asked for",
            field="min_yield",
            value=f"{min_yield:g} per decay",
            remedy="ask for a smaller one",
        )
    betas = _visible(emissions.betas)
    panels = [bool(betas), bool(shown)]
    height = 30.0 + 57.0 * sum(panels) + 3.3 * len(betas)
    figure = style.new_figure(width_mm=150.0, height_mm=height)
    figure.suptitle(_title(emissions), x=0.01, ha="left", fontsize=8.5, fontweight="bold")
    axes = iter(np.atleast_1d(figure.subplots(sum(panels), 1)))
    if betas:
        _draw_betas(next(axes), betas)
    if shown:
        _draw_lines(next(axes), shown, emissions)
    hidden = sum(0.0 < line.yield_per_decay < min_yield for line in emissions.lines)
    left_out = f" Not drawn: {hidden} lines below {min_yield:g} per decay." if hidden else ""
    caption = ("Dashed: mean energy. " if betas else "") + spectrum_caption(emissions) + left_out
    figure.supxlabel(fill(caption, _CAPTION_LETTERS), x=0.01, ha="left", fontsize=6.5)
    return figure


def spectrum_caption(emissions: Emissions) -> str:
    """Give the mean energies per decay in words.

    >>> line = EmissionLine(kind=LineKind.GAMMA, energy_kev=100.0, yield_per_decay=0.5)
    >>> one = Emissions(nuclide="X-1", half_life_s=10.0, lines=(line,), betas=(), source="Example.")
    >>> spectrum_caption(one)
    'Mean energy per decay: photons 50.0 keV. Example.'
    """
    positrons = any(beta.charge > 0 for beta in emissions.betas)
    sums = (
        ("electrons and positrons" if positrons else "electrons", emissions.electron_energy_kev),
        ("photons", emissions.photon_energy_kev),
        ("alpha particles", emissions.alpha_energy_kev),
    )
    energies = ", ".join(f"{name} {_energy(energy)}" for name, energy in sums if energy > 0.0)
    return f"Mean energy per decay: {energies}. {emissions.source.rstrip('.')}."


def _visible(betas: Sequence[BetaSpectrum]) -> list[BetaSpectrum]:
    """Spectra with at least a fiftieth of the particles of the largest, by end point."""
    largest = max((beta.yield_per_decay for beta in betas), default=0.0)
    visible = [beta for beta in betas if beta.yield_per_decay >= _FAINT * largest]
    return sorted(visible, key=lambda beta: float(beta.energy_kev[-1]))


def _draw_betas(axes: Any, betas: Sequence[BetaSpectrum]) -> None:
    colours = {-1: cycle(_BETA_COLOURS), 1: cycle(_POSITRON_COLOURS)}
    for beta in betas:
        colour = next(colours[beta.charge])
        label = (
            f"{_SIGNS[beta.charge]} {beta.yield_per_decay:.3g} per decay, "
            f"mean {beta.mean_energy_kev:.4g} keV, end point {beta.energy_kev[-1]:.4g} keV"
        )
        axes.fill_between(beta.energy_kev, beta.density_per_kev, color=colour, alpha=0.22, lw=0)
        axes.plot(beta.energy_kev, beta.density_per_kev, color=colour, label=label)
        at_mean = float(np.interp(beta.mean_energy_kev, beta.energy_kev, beta.density_per_kev))
        axes.vlines(beta.mean_energy_kev, 0.0, at_mean, color=colour, lw=0.9, linestyles="dashed")
    axes.set_xlim(0.0, 1.02 * max(float(beta.energy_kev[-1]) for beta in betas))
    peaks = [float(beta.density_per_kev.max()) for beta in betas]
    if max(peaks) > _WIDE * min(peaks):
        axes.set_yscale("log")
        axes.set_ylim(bottom=1e-2 * min(peaks))
    else:
        axes.set_ylim(bottom=0.0)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=True)
    axes.set_xlabel("kinetic energy / keV")
    axes.set_ylabel("particles per decay and keV")
    axes.grid(True)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)


def _draw_lines(axes: Any, shown: list[EmissionLine], emissions: Emissions) -> None:
    bottom = 0.5 * min(line.yield_per_decay for line in shown)
    for kind, name, colour, marker in _LINES:
        lines = [line for line in shown if line.kind is kind]
        if not lines:
            continue
        energy = np.array([line.energy_kev for line in lines])
        number = np.array([line.yield_per_decay for line in lines])
        axes.vlines(energy, bottom, number, color=colour, lw=0.8, alpha=0.75)
        label = f"{name}, {_energy(emissions.line_energy_kev(kind))}"
        axes.plot(energy, number, marker, ms=2.8, color=colour, mec="white", mew=0.3, ls="none", label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_ylim(bottom=bottom)
    axes.set_xlabel("energy of the line / keV")
    axes.set_ylabel("yield per decay")
    axes.grid(True)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.4, handletextpad=0.3)


def _title(emissions: Emissions) -> str:
    symbol, _, mass = emissions.nuclide.partition("-")
    name = f"$^{{\\mathbf{{{mass}}}}}${symbol}" if mass else symbol
    chain = any(note.startswith("daughters summed") for note in emissions.notes)
    return f"{name}, half-life {_time(emissions.half_life_s)}" + (", with its daughters" if chain else "")


def _energy(value_kev: float) -> str:
    if value_kev >= 1e4:
        return f"{numbers.significant(value_kev / 1e3, digits=4)} MeV"
    if value_kev < 0.01:
        return f"{numbers.significant(value_kev * 1e3)} eV"
    return f"{numbers.significant(value_kev, digits=4 if value_kev >= 100.0 else 3)} keV"


def _time(seconds: float) -> str:
    units = ((_YEAR_S, "y"), (DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min"))
    unit_s, unit = next(((s, u) for s, u in units if seconds >= 2.0 * s), (1.0, "s"))
    return f"{seconds / unit_s:.4g} {unit}"
