"""What a trial design does: levels selected and patients treated; probability of going on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hemadose.errors import ReportError
from hemadose.outcome.trial.boin import OperatingCharacteristics
from hemadose.outcome.trial.two_stage import TwoStageDesign, two_stage
from hemadose.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.house_style()
def titration_figure(
    found: OperatingCharacteristics, *, levels_gbq: Sequence[float], target: float, title: str
) -> Figure:
    """Draw how often each level is recommended, and how many patients it has, above the true toxicity.

    Parameters
    ----------
    found : OperatingCharacteristics
        Of a simulated design.
    levels_gbq : sequence of float
        Activities.
    target : float
        Wanted rate of toxicity.
    title : str
        Name of the design.

    Raises
    ------
    ReportError
        If levels and rates differ in number.
    """
    if len(levels_gbq) != len(found.toxicity):
        raise ReportError("one rate of toxicity for each level is expected")
    best = int(np.argmin(np.abs(np.asarray(found.toxicity) - target)))
    names = [f"{a:g} GBq\n({100.0 * p:.0f} %)" for a, p in zip(levels_gbq, found.toxicity, strict=True)]
    figure = style.new_figure(width_mm=165.0, height_mm=72.0)
    left, right = figure.subplots(1, 2)
    colours = [style.ORANGE if i == best else style.BLUE for i in range(len(names))]
    shares = [*(100.0 * np.asarray(found.selected)), 100.0 * found.none_selected]
    for axes, labels, values, tints, words, form in (
        (left, [*names, "none"], shares, [*colours, style.MUTED], "trials that recommend the level / %", "{:.0f}"),
        (right, names, list(found.patients), colours, "patients of a trial, mean", "{:.1f}"),
    ):
        bars = axes.bar(range(len(labels)), values, color=tints, width=0.7)
        axes.bar_label(bars, labels=[form.format(v) for v in values], fontsize=6.8, padding=1.5)
        axes.set_xticks(range(len(labels)), labels)
        axes.set_ylim(0.0, 1.12 * max([*values, 1e-9]))
        axes.set_ylabel(words)
        axes.tick_params(axis="x", length=0)
        axes.grid(True, axis="y")
    left.set_title(f"{title}: target {100.0 * target:.0f} %")
    figure.supxlabel(
        f"level (true rate of toxicity); orange: level closest to the target; {found.trials} simulated trials",
        fontsize=7.0, color=style.MUTED,
    )  # fmt: skip
    return figure


@style.house_style()
def two_stage_figure(designs: Sequence[TwoStageDesign]) -> Figure:
    """Draw the probability of going on against the true rate of response.

    Raises
    ------
    ReportError
        If there is no design.
    """
    if not designs:
        raise ReportError("no design to draw")
    rates = np.linspace(0.0, 0.99, 100)
    figure = style.new_figure(width_mm=120.0, height_mm=78.0)
    axes = figure.subplots()
    for design, colour, dash in zip(designs, (style.BLUE, style.ORANGE), ("-", (0, (5, 2))), strict=False):
        power = [
            two_stage(r1=design.r1, n1=design.n1, r=design.r, n=design.n, poor=float(p), good=1.0).alpha for p in rates
        ]
        label = f"{design.kind}: > {design.r1}/{design.n1}, then > {design.r}/{design.n}"
        axes.plot(100.0 * rates, 100.0 * np.asarray(power), color=colour, ls=dash, label=label)
    poor, good = designs[0].poor, designs[0].good
    for rate, word in ((poor, "poor"), (good, "good")):
        axes.axvline(100.0 * rate, color=style.MUTED, lw=0.8, ls=":")
        axes.text(100.0 * rate, 103.0, word, ha="center", fontsize=6.8, color=style.MUTED)
    axes.set_xlim(0.0, 100.0)
    axes.set_ylim(0.0, 102.0)
    axes.set_xlabel("true rate of response / %")
    axes.set_ylabel("probability of going on / %")
    axes.set_title("Two-stage design", pad=12.0)
    axes.grid(True)
    axes.legend(loc="lower right")
    return figure
