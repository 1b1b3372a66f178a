"""A cohort report as sections of tables and figures, the same for HTML and PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hemadose.outcome.statistics.survival import SurvivalCurve
from hemadose.outcome.summary.cohort import CohortSummary
from hemadose.outcome.summary.recovery import DAYS
from hemadose.outcome.summary.survival import LANDMARKS, NAMES, reasons_for_curves
from hemadose.outcome.summary.toxicity import Outcomes
from hemadose.provenance import __version__
from hemadose.report import cohort_words as words
from hemadose.report.cohort_printed import (
    comparisons_table,
    outcomes_table,
    plain_name,
    side_by_side_table,
    variables_table,
)
from hemadose.report.printed import PrintedTable

STATEMENT = (
    "Research use only. Grades and endpoints were computed by stated rules from the tables given; a person who knows "
    "the patients must confirm them."
)
_RECORDED = "Worst grade as recorded by people, same window; of patients with anything recorded after therapy began."
Section = dict[str, Any]
_MOST_COLUMNS, _MOST_NOTES = 6, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortFigure:
    """A drawn figure.

    Attributes
    ----------
    name : str
        File stem; begins with the first word of its section.
    caption : str
        What is seen.
    data : bytes
        SVG.
    width_mm : float
        On paper.
    """

    name: str
    caption: str
    data: bytes
    width_mm: float


def cohort_document(
    found: CohortSummary, *, title: str, criteria: str, figures: Sequence[CohortFigure] = ()
) -> dict[str, Any]:
    """Give everything the report prints.

    Parameters
    ----------
    found : CohortSummary
        The cohort.
    title : str
        Head line.
    criteria : str
        Version of CTCAE.
    figures : sequence of FigureAsset
        Placed behind the table of their section by name (``survival_...``, ``engraftment_...``).

    Returns
    -------
    dict
        Text and `PrintedTable` as dicts; figures stay objects for the renderers to embed.
    """
    sections = [
        _baseline(found),
        *_dosimetry(found),
        _regimen(found),
        *_toxicity(found, criteria),
        _engraftment(found),
        _outcome_section("Response", [found.response], "First response recorded after day 0, as recorded."),
        _stay(found),
        *_survival(found),
    ]
    for section in sections:
        stem = section["heading"].split()[0].lower()
        section["figures"] = [f for f in figures if f.name.startswith(stem)]
    return {
        "title": title,
        "subtitle": f"{len(found.cohort.patients)} patients, cohort {found.cohort.name}",
        "version": __version__,
        "statement": STATEMENT,
        "policy": _policy(found),
        "sections": [s for s in sections if s["tables"] or s["paragraphs"]],
        "notes": _notes(found),
        "methods": _methods(found, criteria),
    }


def _section(heading: str, tables: Sequence[PrintedTable], paragraphs: Sequence[str] = ()) -> Section:
    return {
        "heading": heading, "paragraphs": list(paragraphs), "tables": [asdict(t) for t in tables if t.rows],
    }  # fmt: skip


def _policy(found: CohortSummary) -> list[str]:
    """What so few patients do not allow."""
    if found.survival is None:
        return []
    return [f"Few patients: {reason}." for reason in reasons_for_curves(found.survival.advice)]


def _baseline(found: CohortSummary) -> Section:
    tables = [variables_table(found.baseline)]
    if 1 < len(found.baseline_by) <= _MOST_COLUMNS:
        tables.append(side_by_side_table(found))
    return _section("Table 1: patients", tables)


def _dosimetry(found: CohortSummary) -> list[Section]:
    if found.dosimetry is None:
        return []
    parts = [found.dosimetry.activity, *(s for o in found.dosimetry.organs for s in (o.coefficient, o.dose))]
    limits = [o for o in found.dosimetry.organs if o.above is not None]
    rows = tuple((plain_name(o.organ), f"{o.limit_gy:g}", words.share(o.above)) for o in limits if o.above is not None)
    against = PrintedTable(
        columns=("Organ", "Limit (Gy)", "Patients above (95 % interval)"), align="lrr", weights=(2.0, 1.0, 2.0),
        rows=rows,
    )  # fmt: skip
    said = "Dose is the activity given times the patient's dose coefficient."
    return [_section("Dosimetry", [variables_table(parts), against], [said, *found.dosimetry.notes])]


def _regimen(found: CohortSummary) -> Section:
    r = found.regimen
    return _section("Regimen", [variables_table([*r.given, r.irradiation_gy, r.interval_d])])


def _toxicity(found: CohortSummary, criteria: str) -> list[Section]:
    t = found.toxicity
    heads = ("0", "1", "2", "3", "4", "5")
    laboratory = PrintedTable(
        columns=("Laboratory term", *heads, "Not gradable", "Not measured"), align="l" + 8 * "r",
        weights=(3.0, *6 * (0.7,), 1.1, 1.1),
        rows=tuple(
            (c.term, *(str(k) if k else "" for k in c.counts), str(c.not_gradable or ""), str(c.not_measured or ""))
            for c in t.laboratory
        ),
    )  # fmt: skip
    recorded = PrintedTable(
        columns=("Recorded event", *heads, "No grade", "Grade ≥ 3 (95 % interval)"), align="l" + 8 * "r",
        weights=(2.6, *6 * (0.6,), 0.9, 2.2),
        rows=tuple(
            (r.term, *(str(k) if k else "" for k in r.counts), str(r.no_grade or ""), words.share(r.severe))
            for r in t.recorded
        ),
    )  # fmt: skip
    absent = f"No values, so nothing graded: {', '.join(t.not_measured)}." if t.not_measured else ""
    said = f"Worst grade of each patient, CTCAE {criteria}. Window: {t.window}."
    return [
        _section("Toxicity: laboratory", [laboratory], [s for s in (said, absent, *t.notes) if s]),
        _section("Toxicity: recorded", [recorded], [_RECORDED]),
        _outcome_section(
            "Toxicity: rules", t.rules,
            "Windows of successive treatments overlap: one rise may count for more than one.",
        ),
    ]  # fmt: skip


def _outcome_section(heading: str, parts: Sequence[Outcomes], said: str) -> Section:
    return _section(heading, [outcomes_table(parts)], [said])


def _engraftment(found: CohortSummary) -> Section:
    r = found.recovery
    counts = PrintedTable(
        columns=("Recovery", "Recovered", "Day, median (range)", *(f"by day {d:g}" for d in DAYS), "Not recovered"),
        align="lrr" + "r" * len(DAYS) + "l",
        weights=(2.0, 0.8, 1.4, *len(DAYS) * (1.3,), 1.8),
        rows=tuple(
            (f"    {c.quantity}: {c.group}" if c.group else c.rule, str(c.day.n), words.middle(c.day),
             *(words.at(p) for p in c.at or ()),
             *("" for _ in DAYS[len(c.at):]), words.absent(c.day.missing))
            for c in sorted((*r.counts, *r.by_group), key=lambda c: c.quantity)
        ),
    )  # fmt: skip
    compared = "; ".join(f"{quantity} p = {words.p_value(p)}" for quantity, p in r.p_values)
    said = [f"Groups by Gray's test: {compared}."] if compared else []
    return _section(
        "Engraftment",
        [counts, outcomes_table((r.graft, *r.chimerism))],
        [
            f"Definition {r.definition} ({r.source}). Cumulative incidence, death without recovery competing.",
            *said,
            *r.notes,
        ],
    )


def _stay(found: CohortSummary) -> Section:
    s = found.stay
    intensive = PrintedTable(
        columns=("", "Patients (95 % interval)"), align="lr", weights=(2.0, 2.0),
        rows=(("Intensive care from the start of conditioning", words.share(s.intensive_care)),),
    )  # fmt: skip
    return _section("Stay and intensive care", [variables_table([s.stay_d, s.intensive_care_day]), intensive])


def _survival(found: CohortSummary) -> list[Section]:
    s = found.survival
    if s is None:
        return []
    rows: list[tuple[str, ...]] = []
    strong = []
    for c in sorted(s.curves, key=lambda c: NAMES.index(c.endpoint)):  # groups behind the pooled curve
        if not c.group:
            strong.append(len(rows))
        curve = c.curve
        median = (
            words.months(curve.median, curve.median_low, curve.median_high) if isinstance(curve, SurvivalCurve) else ""
        )
        head = c.endpoint if not c.group else f"    {c.endpoint}: {c.group}"
        rows.append((head, f"{curve.n_events}/{curve.n}", *(words.at(p) for p in c.at), median))
    table = PrintedTable(
        columns=("From day 0", "Events", *(label for label, _ in LANDMARKS), "Median (months)"),
        align="lr" + "r" * (len(LANDMARKS) + 1), weights=(3.0, 0.9, *len(LANDMARKS) * (1.4,), 1.7), rows=tuple(rows),
        strong=tuple(strong) if found.by else (),
    )  # fmt: skip
    follow = words.months(s.follow_up.median, s.follow_up.median_low, s.follow_up.median_high)
    said = f"Probability in per cent with 95 % interval. Median follow-up {follow} months (reverse Kaplan-Meier)."
    sections = [_section("Survival", [table], [said])]
    if s.comparisons:
        sections.append(_section("Groups compared", [comparisons_table(found)], [f"By {found.by.replace('_', ' ')}."]))
    if found.centres:
        sections.append(_centres(found))
    return sections


def _centres(found: CohortSummary) -> Section:
    rows = tuple(
        (p.endpoint, p.landmark, str(len(p.centres)), f"{100.0 * p.estimate:.0f} %" + words.interval(p.low, p.high),
         p.note + (f"; without {', '.join(p.left_out)}" if p.left_out else ""))
        for p in found.centres
    )  # fmt: skip
    table = PrintedTable(
        columns=("Endpoint", "At", "Centres", "Pooled (95 % interval)", "Heterogeneity"), align="llrrl",
        weights=(2.0, 1.0, 0.7, 1.6, 3.6), rows=rows,
    )  # fmt: skip
    said = (
        "Every centre keeps its own risk sets; estimates are pooled on the scale log(-log). I2 is the share of the "
        "variation beyond chance."
    )
    doubts = dict.fromkeys(d for p in found.centres for d in p.doubts)
    return _section("Centres pooled", [table], [said, *(f"{d[:1].upper()}{d[1:]}." for d in doubts)])


def _notes(found: CohortSummary) -> list[str]:
    """Doubts, each once; of very many the first ones and how many more there are."""
    said = list(dict.fromkeys([*found.notes, *(() if found.survival is None else found.survival.notes)]))
    if len(said) <= _MOST_NOTES:
        return said
    return [*said[:_MOST_NOTES], f"and {len(said) - _MOST_NOTES} more of this kind"]


def _methods(found: CohortSummary, criteria: str) -> list[str]:
    defined: Mapping[str, str] = dict(found.cohort.definitions)
    said = [f"{k}: {v}" for k, v in defined.items()]
    return [
        "Proportions with exact (Clopper-Pearson) 95 % intervals; below 10 patients no percentage.",
        "Survival by Kaplan-Meier (log-log intervals), cumulative incidence by Aalen-Johansen; groups by the log-rank "
        "test and Gray's test, without correction for several comparisons. A curve at 0 or 1 has no interval.",
        f"Laboratory grades by CTCAE {criteria}; engraftment by {found.recovery.definition}; tumour lysis by Cairo and "
        "Bishop. A patient who lacks what a rule needs is counted as not judged, never as free of harm.",
        *([f"Definitions of the study: {'; '.join(said)}."] if said else []),
    ]
