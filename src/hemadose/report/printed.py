"""Printed tables: columns with units, cells as text, the same for HTML and PDF."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hemadose.model import (
    CourseEvent,
    FittedCurve,
    Lane,
    LimitKind,
    OrganDose,
)
from hemadose.provenance import Provenance
from hemadose.report import names, numbers
from hemadose.report.answer import limit_words, value_words
from hemadose.report.content import Comparison, PlanReport
from hemadose.units import GBQ, HOUR_S, MBQ

_MBQ_H = MBQ * HOUR_S
_NO_BREAK = "\N{NO-BREAK SPACE}"
LANES = {
    Lane.NUCLEAR_MEDICINE: "Nuclear medicine",
    Lane.RADIATION_ONCOLOGY: "Radiation oncology",
    Lane.TRANSPLANTATION: "Transplantation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedTable:
    """A table as a reader sees it.

    Attributes
    ----------
    columns : tuple of str
        Heads, with units.
    align : str
        One letter per column: ``l`` or ``r``.
    weights : tuple of float
        Relative widths on paper.
    rows : tuple of tuple of str
        Cells.
    strong : tuple of int
        Rows to set in bold (the limit that sets the activity).
    alert : tuple of int
        Rows to mark (a broken limit).
    """

    columns: tuple[str, ...]
    align: str
    weights: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: tuple[int, ...] = ()
    alert: tuple[int, ...] = ()


def imaging_table(report: PlanReport) -> PrintedTable:
    """Acquisitions in order of time."""
    return PrintedTable(
        columns=("Time p.i. / h", "Acquisition", "System", "Duration / min", "Corrections in file"),
        align="rllrl",
        weights=(1.0, 1.6, 2.2, 1.1, 2.4),
        rows=tuple(
            (
                numbers.hours(row.time_s),
                row.modality,
                row.system or numbers.MISSING,
                numbers.minutes(row.duration_s),
                row.corrections or numbers.MISSING,
            )
            for row in sorted(report.imaging, key=lambda row: row.time_s)
        ),
    )


def fit_table(report: PlanReport) -> PrintedTable:
    """Curves by region, with every model that was tried."""
    fits = sorted(report.fits, key=lambda fit: names.rank(fit.region))
    return PrintedTable(
        columns=(
            "Region",
            "Data",
            "Model",
            "χ²/ν",
            "TIA / MBq h",
            "TIAC / h",
            "T½ eff / h",
            "Extrapolated",
            "Volume / ml",
            "Also tried",
        ),
        align="lllrrrrrrl",
        weights=(1.5, 1.6, 1.5, 0.5, 1.25, 1.4, 1.05, 1.2, 1.1, 1.8),
        rows=tuple(_fit_cells(report, fit) for fit in fits),
    )


def _fit_cells(report: PlanReport, fit: FittedCurve) -> tuple[str, ...]:
    series = report.series_of(fit.region)
    administered = report.administration.administered_activity_bq
    methods = () if series is None else dict.fromkeys(s.method for s in series.samples)
    count = "" if series is None else f" ({len(series.samples)})"
    tried = [
        f"{names.model_label(c.model)} " + (f"(weight {c.weight:.2f})" if c.accepted else "(rejected)")
        for c in fit.candidates
        if c.model != fit.model
    ]
    volume = None if series is None else series.volume_ml
    chi = fit.reduced_chi_square
    return (
        names.sentence(names.label(fit.region)),
        ", ".join(names.method_label(m) for m in methods) + count or numbers.MISSING,
        names.model_label(fit.model),
        numbers.MISSING if chi is None else f"{chi:.2f}",
        numbers.measured(fit.tia_bq_s / _MBQ_H, fit.tia_sd_bq_s / _MBQ_H),
        numbers.measured(fit.tia_bq_s / administered / HOUR_S, fit.tia_sd_bq_s / administered / HOUR_S),
        numbers.hours(fit.effective_half_life_s),
        numbers.percent(fit.extrapolated_fraction),
        numbers.MISSING if volume is None else numbers.significant(volume),
        "; ".join(tried) or numbers.MISSING,
    )


def dose_table(report: PlanReport) -> PrintedTable:
    """Doses by organ, with the curve behind each."""
    activity = report.reference_activity_bq
    organs = sorted(report.doses.organs, key=lambda organ: names.rank(organ.target))
    return PrintedTable(
        columns=(
            "Organ",
            "Mass / g",
            "TIAC / h",
            "T½ eff / h",
            "Extrapolated",
            "Dose / (Gy/GBq)",
            f"Dose at {numbers.activity(activity)} / Gy",
            "Method",
        ),
        align="lrrrrrrl",
        weights=(1.4, 0.8, 0.8, 1.0, 1.0, 1.5, 1.7, 1.7),
        rows=tuple(
            (
                names.sentence(names.label(organ.target)),
                numbers.grams(organ.mass_kg),
                *_curve_cells(report, organ),
                numbers.measured(organ.gy_per_bq * GBQ, organ.sd_gy_per_bq * GBQ),
                numbers.measured(organ.gy_per_bq * activity, organ.sd_gy_per_bq * activity),
                names.method_label(organ.method),
            )
            for organ in organs
        ),
    )


def _curve_cells(report: PlanReport, organ: OrganDose) -> tuple[str, str, str]:
    """TIAC, effective half-life and extrapolated share of the curves behind a dose."""
    known = {fit.region: fit for fit in report.fits}
    for regions in names.regions_of(organ.target):
        fits = [known[region] for region in regions if region in known]
        if len(fits) != len(regions):
            continue
        total = sum(fit.tia_bq_s for fit in fits)
        tail = sum(fit.tia_bq_s * fit.extrapolated_fraction for fit in fits)
        coefficient = total / report.administration.administered_activity_bq
        whole = organ.target == "red_marrow" and regions != ("red_marrow",)
        halves = dict.fromkeys(numbers.hours(fit.effective_half_life_s) for fit in fits)
        return (
            numbers.MISSING if whole else numbers.hours(coefficient),
            " / ".join(halves),
            numbers.percent(tail / total) if total > 0.0 else numbers.MISSING,
        )
    return numbers.MISSING, numbers.MISSING, numbers.MISSING


def limit_table(report: PlanReport) -> PrintedTable | None:
    """Limits, what each allows and how probable it is to exceed it."""
    prescription = report.prescription
    if prescription is None or not prescription.outcomes:
        return None
    rows, strong, alert = [], [], []
    for index, outcome in enumerate(prescription.outcomes):
        state = "broken" if outcome.violated else "kept"
        if outcome.active:
            state += ", sets the activity" if prescription.active_limit == outcome.limit.name else ", the tightest"
            strong.append(index)
        if outcome.violated:
            alert.append(index)
        is_cap = outcome.limit.kind is LimitKind.ACTIVITY
        rows.append(
            (
                names.sentence(limit_words(outcome)),
                value_words(outcome),
                numbers.MISSING if is_cap else numbers.probability(outcome.probability_exceeding),
                numbers.activity(outcome.max_activity_bq, digits=4),
                state,
                outcome.limit.source or numbers.MISSING,
            )
        )
    return PrintedTable(
        columns=("Limit", "At the activity", "P(exceeds)", "Allows up to", "State", "Source"),
        align="lrrrll",
        weights=(2.6, 1.4, 1.0, 1.1, 1.8, 1.6),
        rows=tuple(rows),
        strong=tuple(strong),
        alert=tuple(alert),
    )


def event_table(report: PlanReport) -> PrintedTable | None:
    """The calendar by day."""
    course = report.course
    if course is None:
        return None
    return PrintedTable(
        columns=("Day", "Date", "Time", "Unit", "What", "Amount", "Basis", "Source"),
        align="lllllrll",
        weights=(0.55, 1.55, 1.0, 1.6, 2.0, 1.0, 2.4, 1.8),
        rows=tuple(
            (
                numbers.relative_day(event.day),
                f"{course.date_of(event.day):%a %d %b %Y}".replace(" ", _NO_BREAK),
                _moment(event),
                LANES[event.lane],
                event.title,
                _amount(event),
                event.basis or numbers.MISSING,
                event.source or numbers.MISSING,
            )
            for event in course.events
        ),
    )


def _moment(event: CourseEvent) -> str:
    start = "" if event.at is None else f"{event.at:%H:%M}"
    length = "" if event.duration_h is None else f"{event.duration_h:g}{_NO_BREAK}h"
    return ", ".join(part for part in (start, length) if part) or numbers.MISSING


def _amount(event: CourseEvent) -> str:
    if event.amount is None:
        return numbers.MISSING
    text = numbers.significant(event.amount, digits=4)
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text} {event.unit}"


def comparison_table(comparison: Comparison) -> PrintedTable:
    """Planned and delivered doses by organ."""
    rows = []
    for target in sorted(comparison.targets, key=names.rank):
        planned = comparison.planned.organ(target)
        delivered = comparison.delivered.organ(target)
        before, after = comparison.planned_activity_bq, comparison.delivered_activity_bq
        ratio = delivered.gy_per_bq / planned.gy_per_bq if planned.gy_per_bq > 0.0 else None
        rows.append(
            (
                names.sentence(names.label(target)),
                numbers.measured(planned.gy_per_bq * GBQ, planned.sd_gy_per_bq * GBQ),
                numbers.measured(delivered.gy_per_bq * GBQ, delivered.sd_gy_per_bq * GBQ),
                numbers.MISSING if ratio is None else f"{ratio:.2f}",
                numbers.measured(planned.gy_per_bq * before, planned.sd_gy_per_bq * before),
                numbers.measured(delivered.gy_per_bq * after, delivered.sd_gy_per_bq * after),
            )
        )
    return PrintedTable(
        columns=(
            "Organ",
            "Planned / (Gy/GBq)",
            "Delivered / (Gy/GBq)",
            "Ratio",
            f"Planned, {numbers.activity(comparison.planned_activity_bq)} / Gy",
            f"Delivered, {numbers.activity(comparison.delivered_activity_bq)} / Gy",
        ),
        align="lrrrrr",
        weights=(1.4, 1.4, 1.4, 0.7, 1.6, 1.6),
        rows=tuple(rows),
    )


def provenance_table(report: PlanReport) -> PrintedTable:
    """How each result was made; equal steps are listed once."""
    rows = dict.fromkeys(_provenance_cells(entry) for entry in all_provenance(report))
    return PrintedTable(
        columns=("Step", "Version", "Choices", "Reference tables", "Inputs (SHA-256)"),
        align="lllll",
        weights=(1.6, 0.7, 3.0, 1.6, 2.0),
        rows=tuple(rows),
    )


def all_provenance(report: PlanReport) -> tuple[Provenance, ...]:
    """Give the provenance of the report and of every value in it, in order of the stages."""
    owners: Iterable[Provenance | None] = (
        *report.provenance,
        *(series.provenance for series in report.series),
        *(fit.provenance for fit in report.fits),
        report.doses.provenance,
        *(organ.provenance for organ in report.doses.organs),
        None if report.prescription is None else report.prescription.provenance,
        None if report.course is None else report.course.provenance,
    )
    return tuple(entry for entry in owners if entry is not None)


def _provenance_cells(entry: Provenance) -> tuple[str, ...]:
    choices = "; ".join(f"{key} {_plain(value)}" for key, value in entry.parameters.items())
    inputs = "; ".join(f"{key} {_short(value)}" for key, value in entry.inputs.items())
    return (
        entry.step,
        entry.version,
        choices or numbers.MISSING,
        ", ".join(entry.tables) or numbers.MISSING,
        inputs or numbers.MISSING,
    )


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(digest: str) -> str:
    """First twelve digits of a digest; other identifiers as they are."""
    is_digest = len(digest) == 64 and all(c in "0123456789abcdef" for c in digest)
    return digest[:12] if is_digest else digest
