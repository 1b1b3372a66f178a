"""The uncertainty budget as stacked bars: how long a bar is says how sure, its colours say why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hemadose.model.budget import Budget, BudgetQuantity, Component, QuantityKind
from hemadose.model.prescription import LimitKind
from hemadose.report import names, numbers, style
from hemadose.units import GBQ

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TINTS: dict[Component, tuple[str, str]] = {
    Component.CALIBRATION: ("#332288", ""),
    Component.RECOVERY: ("#88ccee", ""),
    Component.VOLUME: ("#44aa99", ""),
    Component.SCALE: ("#117733", ""),
    Component.SHARED: ("#8c97a3", "////"),
    Component.COUNTING: ("#ddcc77", ""),
    Component.SCATTER: ("#cc6677", ""),
    Component.MODEL: ("#882255", ""),
    Component.MASS: ("#aa4499", "...."),
    Component.S_VALUE: ("#c9d6e3", ""),
    Component.MARROW_FRACTION: ("#999933", "\\\\\\\\"),
}
"""Colours of the qualitative scheme of Tol (2021), which colour-blind readers tell apart, with hatches beside."""

_TOGETHER = "causes that multiply"
_HEADINGS = {
    QuantityKind.DOSE: "dose per activity",
    QuantityKind.RESIDUAL: "dose per activity",
    QuantityKind.PERMITTED: "activity that the limit permits",
    QuantityKind.PROPOSED: "activity that meets all limits",
}


@style.house_style()
def budget_figure(budget: Budget) -> Figure:
    """Draw every quantity of a budget.

    Parameters
    ----------
    budget : Budget
        Doses, permitted activities, the proposed activity.

    Returns
    -------
    matplotlib.figure.Figure
        The length of a bar is the relative standard uncertainty, its parts are the shares of the variance (Sobol, first
        order); a diamond marks the uncertainty to first order.
    """
    lines = budget.quantities
    figure = style.new_figure(width_mm=170.0, height_mm=30.0 + 9.0 * len(lines))
    axes = figure.subplots()
    places = _places(lines)
    for place, line in zip(places, lines, strict=True):
        _bar(axes, place, line)
    reach = 100.0 * max((max(q.relative_sd, q.analytic_relative_sd) for q in lines), default=0.0) or 1.0
    chances = {p.limit.name: p.probability for p in budget.probabilities}
    for place, line in zip(places, lines, strict=True):
        end = 100.0 * max(line.relative_sd, line.analytic_relative_sd)
        axes.text(end + 0.02 * reach, place, _said(line, chances), va="center", fontsize=6.8)
    axes.plot([], [], marker="D", ms=3.6, mfc="white", mec=style.INK, ls="none", label="to first order")
    axes.set_yticks(places, [_label(line) for line in lines])
    axes.set_ylim(min(places) - 0.7, max(places) + 0.9)
    axes.set_xlim(0.0, 2.0 * reach)
    axes.set_xlabel(f"relative standard uncertainty / %   ({budget.draws} draws; colours: share of the variance)")
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    _head(axes, places, lines)
    _legend(figure, axes)
    axes.set_title(_title(budget))
    return figure


def _places(lines: Sequence[BudgetQuantity]) -> list[float]:
    """Heights of the bars, a gap where the kind changes."""
    found, height = [], 0.0
    for k, line in enumerate(lines):
        if k and _HEADINGS[line.kind] != _HEADINGS[lines[k - 1].kind]:
            height -= 0.75
        found.append(height)
        height -= 1.0
    return found


def _bar(axes: Any, place: float, line: BudgetQuantity) -> None:
    """Parts in one order for all bars, scaled so that together they are the standard uncertainty."""
    total = 100.0 * line.relative_sd
    shares = {s.component: s.first_order for s in line.shares}
    known = sum(shares.values())
    start = 0.0
    for component, (tint, hatch) in TINTS.items():
        width = total * shares.get(component, 0.0) / max(known, 1.0)
        if width > 0.0:
            axes.barh(
                place, width, left=start, height=0.62, color=tint, hatch=hatch, edgecolor="white", lw=0.4,
                label=component.value,
            )  # fmt: skip
            start += width
    if known < 1.0 and total - start > 0.002 * total:
        axes.barh(place, total - start, left=start, height=0.62, color="white", edgecolor=style.MUTED, lw=0.6,
                  label=_TOGETHER)  # fmt: skip
    axes.plot(100.0 * line.analytic_relative_sd, place, marker="D", ms=3.6, mfc="white", mec=style.INK, ls="none")


def _said(line: BudgetQuantity, chances: dict[str, float]) -> str:
    """Value with its uncertainty, and what the limit is."""
    share = f"± {numbers.percent(line.relative_sd)}"
    if line.kind in (QuantityKind.DOSE, QuantityKind.RESIDUAL):
        return f"{share}   {numbers.measured(line.best * GBQ, line.sd * GBQ)} Gy/GBq"
    text = f"{share}   {numbers.activity(line.best)}, 95 %: {_range(line)}"
    if line.limit is not None and line.kind is QuantityKind.PERMITTED and line.limit.name in chances:
        text += f";  P(exceeds) {numbers.probability(chances[line.limit.name])}"
    return text


def _range(line: BudgetQuantity) -> str:
    return f"{numbers.significant(line.low / GBQ)}–{numbers.significant(line.high / GBQ)} GBq"


def _label(line: BudgetQuantity) -> str:
    if line.kind is QuantityKind.PROPOSED:
        return "Largest activity"
    if line.kind is QuantityKind.RESIDUAL:
        return names.sentence(names.label(line.name)) + "\nafter infusion"
    if line.limit is None:
        return names.sentence(names.label(line.name))
    after = " after\ninfusion" if line.limit.kind is LimitKind.RESIDUAL_DOSE else "\n"
    return f"{names.sentence(names.label(line.limit.target))}{after} {line.limit.value:g} Gy".replace("\n ", "\n")


def _head(axes: Any, places: Sequence[float], lines: Sequence[BudgetQuantity]) -> None:
    """Name each group above its first bar."""
    seen = set()
    for place, line in zip(places, lines, strict=True):
        heading = _HEADINGS[line.kind]
        if heading not in seen:
            seen.add(heading)
            axes.annotate(heading, (0.0, place + 0.52), xytext=(2, 0), textcoords="offset points", fontsize=6.6,
                          style="italic", color=style.MUTED, va="bottom")  # fmt: skip


def _legend(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    order = [c.value for c in TINTS] + [_TOGETHER, "to first order"]
    kept = [label for label in order if label in unique]
    figure.legend(
        [unique[label] for label in kept], kept, loc="outside lower left", ncols=4, columnspacing=1.4, handlelength=1.4
    )


def _title(budget: Budget) -> str:
    if budget.activity_bq is None:
        return "Uncertainty budget"
    return f"Uncertainty budget; P(exceeds) at {numbers.prescribed(budget.activity_bq)}"
