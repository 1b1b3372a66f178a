"""Printed tables of what a dose is made of: by source, by marrow mass, by event; and how sure it is."""

from __future__ import annotations

from hemadose.model.budget import BudgetQuantity, QuantityKind
from hemadose.report import names, numbers
from hemadose.report.budget_rows import budget_rows
from hemadose.report.content import PlanReport
from hemadose.report.printed import PrintedTable
from hemadose.units import GBQ, GRAM_KG, HOUR_S

_FEWEST_SHARE = 5e-4
_RULES = {
    "given": "given",
    "spongiosa-volume": "volume of spongiosa",
    "body-mass": "reference scaled by body mass",
    "lean-body-mass": "reference scaled by lean body mass",
    "reference": "reference adult",
}


def contribution_table(report: PlanReport) -> PrintedTable | None:
    """Every dose by source, in Gy/GBq and per cent; None if no organ has more than one part."""
    organs = [organ for organ in report.doses.organs if organ.contributions]
    sources = list(dict.fromkeys(part.source for organ in organs for part in organ.contributions))
    if not sources or all(len(organ.contributions) < 2 for organ in organs):
        return None

    def cell(parts: dict[str, float], source: str, whole: float) -> str:
        value = parts.get(source, 0.0)
        if whole <= 0.0 or value < _FEWEST_SHARE * whole:
            return numbers.MISSING if source not in parts else f"< {100 * _FEWEST_SHARE:g} %"
        return f"{value * GBQ:.2g} ({100.0 * value / whole:.1f} %)"

    rows = []
    for organ in organs:
        parts: dict[str, float] = {}
        for part in organ.contributions:
            parts[part.source] = parts.get(part.source, 0.0) + part.gy_per_bq
        cells = tuple(cell(parts, source, organ.gy_per_bq) for source in sources)
        rows.append((names.sentence(names.label(organ.target)), *cells))
    return PrintedTable(
        columns=("Dose to / from, Gy/GBq", *(names.sentence(names.label(s)) for s in sources)),
        align="l" + "r" * len(sources),
        weights=(1.5, *(1.2 for _ in sources)),
        rows=tuple(rows),
    )


def marrow_event_table(report: PlanReport) -> PrintedTable | None:
    """Marrow dose before and after each event, and the dose rate at it."""
    found = report.marrow
    if found is None or not found.events:
        return None
    return PrintedTable(
        columns=("Event", "After", "Activity", "Before, Gy", "Still to come, Gy", "Dose rate, mGy/h"),
        align="lrrrrr",
        weights=(2.0, 0.8, 1.0, 1.2, 1.3, 1.2),
        rows=tuple(
            (
                names.sentence(event.name),
                f"{event.at_s / HOUR_S / 24.0:.1f} d",
                numbers.activity(event.activity_bq),
                numbers.measured(event.before_gy, event.before_sd_gy),
                numbers.measured(event.after_gy, event.after_sd_gy),
                numbers.measured(1e3 * event.rate_gy_per_h, 1e3 * event.rate_sd_gy_per_h),
            )
            for event in found.events
        ),
    )


def marrow_mass_table(report: PlanReport) -> PrintedTable | None:
    """Red-marrow mass by every rule the data allow, and the dose each would mean."""
    found = report.marrow
    if found is None or len(found.masses) < 2:
        return None
    chosen = tuple(i for i, mass in enumerate(found.masses) if mass.chosen)
    return PrintedTable(
        columns=("Red-marrow mass by", "Mass", "Dose, Gy/GBq", "Source"),
        align="lrrl",
        weights=(1.6, 0.8, 0.9, 3.0),
        rows=tuple(
            (
                names.sentence(_RULES.get(mass.rule, mass.rule)) + (" (used)" if mass.chosen else ""),
                f"{mass.mass_kg / GRAM_KG:.0f} g",
                numbers.MISSING if mass.gy_per_bq is None else f"{mass.gy_per_bq * GBQ:.3g}",
                mass.source,
            )
            for mass in found.masses
        ),
        strong=chosen,
    )


def budget_table(report: PlanReport) -> PrintedTable | None:
    """Uncertainty of every dose and activity, what dominates it, and what would help most."""
    found = report.budget
    if found is None or not found.quantities:
        return None
    rows = []
    for line, row in zip(found.quantities, budget_rows(found), strict=True):
        value, low, high = (float(row[key] or 0.0) for key in ("value", "low_95", "high_95"))
        rows.append(
            (
                _budget_name(line, str(row["kind"])),
                f"{value:.3g} {row['unit']}",
                f"{100.0 * line.relative_sd:.0f} %",
                f"{low:.3g} to {high:.3g}",
                line.sentence,
            )
        )
    return PrintedTable(
        columns=("Quantity", "Value", "± 1 SD", "95 % interval", "What it is made of"),
        align="lrrrl",
        weights=(1.6, 1.0, 0.6, 1.2, 4.0),
        rows=tuple(rows),
    )


def _budget_name(line: BudgetQuantity, kind: str) -> str:
    if line.kind is QuantityKind.PROPOSED:
        return "Activity that meets all limits"
    return f"{names.sentence(names.label(line.name))}, {kind}"
