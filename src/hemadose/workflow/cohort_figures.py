"""The figures of a cohort report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.outcome.statistics.incidence import IncidenceCurve
from hemadose.outcome.statistics.risktable import RiskTable, risk_table
from hemadose.outcome.statistics.survival import SurvivalCurve
from hemadose.outcome.summary.cohort import CohortSummary
from hemadose.outcome.summary.groups import UNKNOWN
from hemadose.outcome.summary.survival import CAUSES, FREE, MONTH_D, OVERALL, CohortSurvival, endpoint_data
from hemadose.report.cohort_document import CohortFigure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LANES = 30
_MOST_STEPS = 1200
_MOST_MARKS = 300


def cohort_figures(found: CohortSummary) -> tuple[CohortFigure, ...]:
    """Draw what the cohort allows: recovery, survival and incidences by group, lanes of few patients."""
    from hemadose.report.figures.outcome import incidence_figure, swimmer_figure

    drawn: list[CohortFigure] = []
    counts = {c.rule: _thin(c.curve, 1.0) for c in found.recovery.counts if c.curve is not None and c.curve.n_events}
    if counts:
        figure = incidence_figure(counts, time_unit="days", title="Recovery of counts")  # type: ignore[arg-type]
        drawn.append(
            _drawn("engraftment_counts", figure, "Cumulative incidence of recovery; death without it competes.")
        )
    if found.survival is not None and found.endpoints is not None:
        drawn += _survival(found, found.survival)
    if len(found.cohort.patients) <= MOST_LANES and any(p.last_day is not None for p in found.cohort.patients):
        drawn.append(_drawn("survival_patients", swimmer_figure(found.cohort), "Every patient, longest on top."))
    return tuple(drawn)


def _survival(found: CohortSummary, survival: CohortSurvival) -> list[CohortFigure]:
    from hemadose.report.figures.outcome import incidence_figure, survival_figure

    groups = survival.groups or ("",)
    table = _risk(found)
    drawn = []
    for name, stem in ((OVERALL, "survival_overall"), (FREE, "survival_progression_free")):
        curves = {g or "all patients": _thin(c.curve, MONTH_D) for g in groups if (c := survival.of(name, g))}
        figure = survival_figure(
            curves,  # type: ignore[arg-type]
            table=table if name == OVERALL else None, p_value=_p(survival, name), title=name.capitalize(),
        )  # fmt: skip
        drawn.append(_drawn(stem, figure, f"{name.capitalize()} from day 0 with 95 % intervals."))
    causes = tuple(CAUSES.values())
    for shown in [(name,) for name in causes] if found.by else [causes]:
        curves = {
            (g if found.by else name): _thin(c.curve, MONTH_D)
            for name in shown
            for g in groups
            if (c := survival.of(name, g))
        }
        if not any(c.n_events for c in curves.values()):
            continue
        p_values = {n: p for n in shown if (p := _p(survival, n)) is not None}
        title = shown[0].capitalize() if found.by else "Relapse and death without relapse"
        figure = incidence_figure(curves, p_values=p_values or None, title=title)  # type: ignore[arg-type]
        stem = "_".join(n.replace(" ", "_").replace("-", "_") for n in shown)
        drawn.append(_drawn(f"survival_{stem}", figure, f"{title}: cumulative incidence, the other cause competing."))
    return drawn


def _p(survival: CohortSurvival, endpoint: str) -> float | None:
    return next((c.test.p for c in survival.comparisons if c.endpoint == endpoint and c.test is not None), None)


def _risk(found: CohortSummary) -> RiskTable | None:
    """Patients at risk under overall survival, in months."""
    if found.endpoints is None:
        return None
    times, status, _ = endpoint_data(found.endpoints)[OVERALL]
    months = times / MONTH_D
    step = next((s for s in (1, 2, 3, 6, 12, 24, 60) if months.max() / s <= 10.0), 120)
    at = [float(t) for t in np.arange(0.0, months.max() + 1e-9, step)]
    if not found.by:
        return replace(risk_table(times=months, status=status, at=at), groups=("all patients",))
    label = dict(zip((p.pseudonym for p in found.cohort.patients), found.groups, strict=True))
    groups = np.array([label[name] for name in found.endpoints.pseudonyms])
    known = groups != UNKNOWN
    return risk_table(times=months[known], status=status[known], at=at, groups=groups[known])


def _thin(curve: SurvivalCurve | IncidenceCurve, day_per_unit: float) -> SurvivalCurve | IncidenceCurve:
    """Give a curve in another unit of time; of very many steps only so many as the eye can tell apart."""
    size = curve.times.size
    kept = np.unique(np.linspace(0, size - 1, min(size, _MOST_STEPS)).round().astype(np.int64))
    if isinstance(curve, IncidenceCurve):
        names: Sequence[str] = ("at_risk", "incidence", "standard_error", "low", "high")
        return replace(curve, times=curve.times[kept] / day_per_unit, **{n: getattr(curve, n)[kept] for n in names})
    names = ("at_risk", "events", "survival", "standard_error", "low", "high")
    changed: dict[str, Any] = {n: getattr(curve, n)[kept] for n in names}
    for name in ("median", "median_low", "median_high"):
        value = getattr(curve, name)
        changed[name] = None if value is None else value / day_per_unit
    changed["censored"] = curve.censored[kept] if curve.n <= _MOST_MARKS else np.zeros(kept.size)
    return replace(curve, times=curve.times[kept] / day_per_unit, **changed)


def _drawn(name: str, figure: Figure, caption: str) -> CohortFigure:
    from hemadose.report import style

    return CohortFigure(name=name, caption=caption, data=style.to_svg(figure), width_mm=style.size_mm(figure)[0])
