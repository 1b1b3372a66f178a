"""Forest plot of published shares: one panel per endpoint, exact intervals, how sure each number is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hemadose.errors import ReportError
from hemadose.outcome.evidence import EvidenceLabel, EvidenceRow, Measure, Role
from hemadose.outcome.statistics.pooling import Pooled
from hemadose.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW_MM, _HEAD_MM, _FOOT_MM, _WIDTH_MM = 5.2, 7.0, 20.0, 190.0
_COLOURS = {Role.RADIOLIGAND: style.BLUE, Role.CONTROL: style.MUTED, Role.IMAGING: style.GREEN}
_ROLE_WORDS = {Role.RADIOLIGAND: "radioligand", Role.CONTROL: "control", Role.IMAGING: "imaging"}
_MARKERS = {EvidenceLabel.SOURCE: "s", EvidenceLabel.REVIEW: "o", EvidenceLabel.MEMORY: "D"}
_LABEL_X, _COUNT_X, _TEXT_X = -0.035, 1.035, 1.30


@style.house_style()
def forest_figure(rows: Sequence[EvidenceRow], *, pooled: Mapping[str, Pooled] | None = None) -> Figure:
    """Draw shares with their intervals, endpoints apart.

    Parameters
    ----------
    rows : sequence of EvidenceRow
        In the order of drawing within an endpoint; those without any number are left out by the caller.
    pooled : mapping of str to Pooled, optional
        Pooled share by endpoint: drawn as a diamond with its heterogeneity.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per endpoint on a common axis in per cent.

    Raises
    ------
    ReportError
        If there is nothing to draw.
    """
    groups: dict[str, list[EvidenceRow]] = {}
    for row in rows:
        if row.estimate is not None:
            groups.setdefault(row.result.endpoint, []).append(row)
    if not groups:
        raise ReportError("there is no result to draw", remedy="widen the filters of the evidence table")
    together = pooled or {}
    heights = [len(group) + (1 if name in together else 0) for name, group in groups.items()]
    total_mm = sum(heights) * _ROW_MM + len(groups) * _HEAD_MM + _FOOT_MM
    figure = style.new_figure(width_mm=_WIDTH_MM, height_mm=max(45.0, total_mm))
    figure.set_layout_engine("none")
    at = 1.0 - _HEAD_MM / figure_mm(figure)
    last: Any = None
    for name, count in zip(groups, heights, strict=True):
        tall = count * _ROW_MM / figure_mm(figure)
        axes = figure.add_axes((0.33, at - tall, 0.36, tall))
        _panel(axes, name, groups[name], together.get(name))
        at -= tall + _HEAD_MM / figure_mm(figure)
        last = axes
    last.tick_params(labelbottom=True, bottom=True)
    last.set_xlabel("share (%) with exact 95 % interval")
    _key(figure, rows)
    return figure


def figure_mm(figure: Figure) -> float:
    """Give the height of a figure in mm."""
    return style.size_mm(figure)[1]


def _panel(axes: Any, name: str, rows: Sequence[EvidenceRow], pooled: Pooled | None) -> None:
    axes.set_title(name[:1].upper() + name[1:], fontsize=8.0, x=-0.9, ha="left", pad=3.0)
    for place, row in enumerate(rows):
        _row(axes, place, row)
    if pooled is not None:
        _diamond(axes, len(rows), pooled)
    axes.set_xlim(0.0, 100.0)
    axes.set_ylim(len(rows) + (0.5 if pooled is not None else -0.5), -0.5)
    axes.set_xticks(range(0, 101, 20))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelbottom=False, bottom=False)
    axes.grid(visible=True, axis="x")


def _row(axes: Any, place: int, row: EvidenceRow) -> None:
    colour = _COLOURS[row.result.role]
    estimate = 100.0 * (row.estimate or 0.0)
    name = f"{row.study.citation.split(' ')[0]} {row.study.year}"
    arm = row.result.arm or row.study.agents[0]
    time = f", {row.result.follow_up}" if row.result.follow_up else ""
    _text(axes, place, _LABEL_X, f"{name}  {arm}{time}", ha="right")
    size = 3.0 + 5.0 * min(1.0, (row.result.n or 5) / 200.0) ** 0.5
    if row.low is not None and row.high is not None:
        axes.hlines(place, 100.0 * row.low, 100.0 * row.high, color=colour, lw=1.3)
        interval = f"{estimate:.1f} ({100.0 * row.low:.1f}-{100.0 * row.high:.1f})"
    else:
        interval = f"{estimate:.4g} (no interval)"
    hollow = row.label is not EvidenceLabel.SOURCE
    axes.plot(
        estimate, place, _MARKERS[row.label], ms=size, mfc="white" if hollow else colour, mec=colour, mew=1.0,
        clip_on=False, zorder=3,
    )  # fmt: skip
    missing = "curve" if row.result.measure is Measure.CURVE else "no count"
    _text(axes, place, _COUNT_X, row.count_words or missing, color=style.INK if row.count_words else style.MUTED)
    _text(axes, place, _TEXT_X, interval)


def _diamond(axes: Any, place: int, pooled: Pooled) -> None:
    low, mid, high = 100.0 * pooled.low, 100.0 * pooled.estimate, 100.0 * pooled.high
    axes.fill([low, mid, high, mid], [place, place - 0.32, place, place + 0.32], color=style.ORANGE, zorder=3)
    if pooled.prediction_low == pooled.prediction_low:
        axes.hlines(place, 100.0 * pooled.prediction_low, 100.0 * pooled.prediction_high, color=style.ORANGE, lw=0.9)
    _text(axes, place, _LABEL_X, f"Pooled, random effects, {pooled.k} studies", ha="right", color=style.ORANGE)
    _text(axes, place, _COUNT_X, f"I² {100.0 * pooled.i2:.0f} %", color=style.ORANGE)
    _text(axes, place, _TEXT_X, f"{mid:.1f} ({low:.1f}-{high:.1f}), Q p {pooled.q_p:.2g}", color=style.ORANGE)


def _text(axes: Any, place: int, x: float, text: str, *, ha: str = "left", color: str = style.INK) -> None:
    axes.text(x, place, text, transform=axes.get_yaxis_transform(), ha=ha, va="center", fontsize=6.8, color=color)


def _key(figure: Figure, rows: Sequence[EvidenceRow]) -> None:
    from matplotlib.lines import Line2D

    roles = [role for role in Role if any(row.result.role is role for row in rows)]
    handles: list[Any] = [Line2D([], [], color=_COLOURS[r], lw=1.6, label=_ROLE_WORDS[r]) for r in roles]
    for label in EvidenceLabel:
        if any(row.label is label for row in rows):
            hollow = label is not EvidenceLabel.SOURCE
            words = label.value if hollow else f"read in: {label.value}"
            handles.append(
                Line2D(
                    [], [], marker=_MARKERS[label], ls="none", ms=5.0, mec=style.INK,
                    mfc="white" if hollow else style.INK, label=words,
                )
            )  # fmt: skip
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), bbox_to_anchor=(0.5, 0.0))
