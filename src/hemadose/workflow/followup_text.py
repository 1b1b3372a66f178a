"""A judged patient as a page to sign and as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hemadose.model.followup import Decision
from hemadose.report.followup_page import Card, FollowUpPage
from hemadose.workflow.followup_rules import Judged, PatientFollowUp, Tables

COLUMNS = (
    "patient", "group", "window", "rule", "outcome", "grade", "day", "criteria", "used", "missing", "source", "notes",
)  # fmt: skip
_FINDINGS = ("tumour lysis", "fever", "engraftment", "chimerism", "care", "ldh")


def decision_row(patient: str, judged: Judged) -> dict[str, Any]:
    """Give one decision as a row; lists stay lists."""
    d = judged.decision
    return {
        "patient": patient, "group": judged.group, "window": judged.window, "rule": d.rule, "outcome": d.outcome,
        "grade": d.grade, "day": d.day, "criteria": list(d.criteria), "used": list(d.used), "missing": list(d.missing),
        "source": d.source, "notes": list(d.notes),
    }  # fmt: skip


def decisions_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Give rows as CSV; parts of a list are separated by a semicolon."""
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(["; ".join(v) if isinstance(v := row[c], list) else ("" if v is None else v) for c in COLUMNS])
    return buffer.getvalue()


def summary_row(found: PatientFollowUp) -> dict[str, Any]:
    """Give one patient in one line, for the screen; what is not decided is said so."""
    neutrophils, _, platelets, failure = _engraftment(found)
    worst = [j.decision for j in found.of("laboratory") if (j.decision.grade or 0) >= 3]
    lysis = [j.decision.outcome for j in found.of("tumour lysis")]
    recorded = [j.decision for j in found.of("recorded")]
    return {
        "patient": found.patient.pseudonym,
        "start day": found.start_day,
        "neutrophils": _day(neutrophils),
        "platelets": _day(platelets),
        "graft": _said(failure),
        "chimerism d28/d100": " / ".join(_said(j.decision) for j in found.of("chimerism")),
        "lab terms >= 3": len({d.rule for d in worst}),
        "tumour lysis": ", ".join(o or "not decided" for o in lysis),
        "febrile neutropenia": _said(found.of("fever")[0].decision),
        "recorded events": len(recorded),
        "open": sum(j.decision.outcome is None for j in found.judged),
    }


def followup_page(
    found: PatientFollowUp, tables: Tables, figures: Mapping[str, bytes], *, more_notes: Sequence[str] = ()
) -> FollowUpPage:
    """Give everything the page of one patient prints.

    Parameters
    ----------
    found : PatientFollowUp
        Judged.
    tables : Tables
        What it was judged by.
    figures : Mapping of str to bytes
        Caption to SVG.
    more_notes : sequence of str
        Doubts of reading and drawing.
    """
    grades, normal, nothing = _grade_table(found, tables)
    undecided = [(j.decision.rule, "; ".join(j.decision.missing)) for j in found.judged
                 if j.decision.outcome is None and j.group != "laboratory"]  # fmt: skip
    undecided += nothing
    undecided += [(g.field, g.reason.value + (f" ({g.note})" if g.note else "")) for g in found.patient.gaps]
    return FollowUpPage(
        pseudonym=found.patient.pseudonym,
        facts=_facts(found),
        cards=_cards(found),
        windows=[f"day {a:g} to {b:g}" for a, b in found.windows],
        grades=grades,
        normal=normal,
        recorded=_reasons(found.of("recorded")),
        findings=_reasons([j for g in _FINDINGS for j in found.of(g)]),
        undecided=undecided,
        figures=figures,
        doubts=[*found.notes, *more_notes],
        methods=_methods(found, tables),
    )


def _engraftment(found: PatientFollowUp) -> list[Decision]:
    """Neutrophils, leukocytes, platelets, failure; without a graft the same open decision stands for all."""
    decisions = [j.decision for j in found.of("engraftment")]
    return decisions if len(decisions) == 4 else decisions[:1] * 4


def _said(decision: Decision) -> str:
    return decision.outcome or "not decided"


def _day(decision: Decision) -> str:
    return f"day {decision.day:g}" if decision.day is not None else _said(decision)


def _grade_table(
    found: PatientFollowUp, tables: Tables
) -> tuple[list[tuple[str, list[tuple[int | None, str]]]], list[str], list[tuple[str, str]]]:
    """Terms above grade 0 by window, terms that stayed at 0, and terms that nothing is known of."""
    rows, normal, nothing = [], [], []
    decisions = [j.decision for j in found.of("laboratory")]
    count = len(found.windows)
    for number, term in enumerate(tables.criteria.terms):
        own = decisions[count * number : count * (number + 1)]
        grades = [d.grade for d in own if d.grade is not None]
        if not grades:
            nothing.append((term.name, "; ".join(dict.fromkeys(m for d in own for m in d.missing))))
        elif max(grades) == 0:
            partly = [d for d in own if d.outcome is None or d.missing]
            normal.append(term.name + (" (some windows or values open)" if partly else ""))
        else:
            rows.append((term.name, [_cell(d) for d in own]))
    rows.sort(key=lambda r: -max(g or 0 for g, _ in r[1]))
    return rows, normal, _together(nothing)


def _cell(decision: Decision) -> tuple[int | None, str]:
    """The value that makes the grade; values that could not be graded are named beside it."""
    said = "; ".join(decision.used) if decision.outcome is not None else "; ".join(decision.missing)
    if decision.outcome is not None and decision.missing:
        said += f" (missing: {'; '.join(decision.missing)})"
    return decision.grade, said


def _together(nothing: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Terms without any value in one line; terms with values but without limits one by one."""
    unmeasured = [name for name, missing in nothing if " from day " in missing and "limits" not in missing]
    rest = [(name, missing) for name, missing in nothing if name not in unmeasured]
    return rest + ([(", ".join(unmeasured), "not measured in any window")] if unmeasured else [])


def _reasons(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Rows of a table on the page; a doubt that stands above is not printed again."""
    rows, said = [], set[str]()
    for decision in (j.decision for j in judged):
        rows.append(
            {
                "rule": decision.rule, "outcome": _said(decision), "why": "; ".join(decision.criteria),
                "used": "; ".join(decision.used), "missing": "; ".join(decision.missing),
                "notes": list(dict.fromkeys("doubts as above" if n in said else n for n in decision.notes)),
                "open": decision.outcome is None,
            }
        )  # fmt: skip
        said |= set(decision.notes)
    return rows


def _facts(found: PatientFollowUp) -> list[tuple[str, str]]:
    patient = found.patient
    facts = [
        ("Diagnosis", patient.diagnosis), ("Donor", patient.donor), ("Centre", patient.centre),
        ("Sex", "" if patient.sex is None else patient.sex.value),
        ("Age at day 0", "" if patient.age_years is None else f"{patient.age_years:.0f} years"),
        ("Day 0", patient.day_zero), ("Start of therapy", f"day {found.start_day:g}"),
        *((name.replace("_", " "), value) for name, value in patient.facts),
    ]  # fmt: skip
    return [(name, value or "not known") for name, value in facts]


def _cards(found: PatientFollowUp) -> list[Card]:
    neutrophils, _, platelets, failure = _engraftment(found)
    lab = [j.decision for j in found.of("laboratory") if (j.decision.grade or 0) >= 3]
    bad = [j.decision for j in found.of("recorded") if (j.decision.grade or 0) >= 3]
    fever = found.of("fever")[0].decision
    vital = found.of("care")[-1].decision
    cards = [
        Card(label="Neutrophils", value=_day(neutrophils), remark=neutrophils.rule),
        Card(label="Platelets", value=_day(platelets), remark=platelets.rule),
        Card(label="Graft", value=_said(failure), alert=failure.outcome in ("primary", "secondary")),
    ]
    cards += [
        Card(
            label=f"Chimerism, {j.window}", value=_said(j.decision), remark="; ".join(j.decision.criteria),
            alert=j.decision.outcome == "loss of donor",
        )
        for j in found.of("chimerism")
    ]  # fmt: skip
    lysis = [j.decision for j in found.of("tumour lysis")]
    seen = [d for d in lysis if d.outcome not in (None, "none")]
    unsure = sum(d.outcome is None for d in lysis)
    cards += [
        Card(
            label="Tumour lysis",
            value=seen[0].outcome or "" if seen else ("not decided" if unsure else "none"),
            remark=f"{len(lysis)} windows" + (f", {unsure} not decided" if unsure else ""),
            alert=bool(seen),
        ),
        Card(
            label="Febrile neutropenia", value=_said(fever), remark="" if fever.day is None else f"day {fever.day:.1f}",
        ),
        Card(
            label="Laboratory terms, grade 3 or 4", value=str(len({d.rule for d in lab})),
            remark="of those that could be graded",
        ),
        Card(
            label="Recorded events, grade 3 to 5", value=str(len(bad)),
            remark=f"of {len(found.of('recorded'))} recorded",
        ),
        Card(
            label="Vital status", value=_said(vital), remark="" if vital.day is None else f"day {vital.day:.0f}",
            alert=found.patient.died_on is not None,
        ),
    ]  # fmt: skip
    return cards


def _methods(found: PatientFollowUp, tables: Tables) -> list[str]:
    sources = dict.fromkeys(j.decision.source for j in found.judged if j.decision.source)
    return [
        f"Laboratory grades: CTCAE {tables.criteria.version}; baseline is the last value up to day "
        f"{found.start_day:g}; the value shown is the first of the worst grade.",
        f"Engraftment: {tables.engraftment.name}. Chimerism: ASTCT, within 7 days of day 28 and 14 days of day 100.",
        "Recorded grades are a person's and are explained, not changed; febrile neutropenia follows CTCAE 5.0.",
        *(f"Source: {s}." for s in sources),
    ]
