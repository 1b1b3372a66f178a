"""The evidence table asked: filters, exact intervals, forest plot, and a pooled share only on request."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hemadose.errors import InputError, PlanningError
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.outcome.evidence import EvidenceRow, Study, evidence_rows, pool_rows, poolable
from hemadose.outcome.statistics.pooling import Pooled
from hemadose.refdata.evidence import studies
from hemadose.therapy.activity.naming import normalised_agent
from hemadose.workflow.figure_files import figure_bytes, require_figure_ending
from hemadose.workflow.reproduce import csv_text


def evidence_answer(
    *,
    agent: str | None = None,
    disease: str | None = None,
    endpoint: str | None = None,
    year_from: int | None = None,
    pool: bool = False,
    figure: Path | None = None,
    csv: Path | None = None,
) -> dict[str, Any]:
    """Give the published results that match, with intervals made anew.

    Parameters
    ----------
    agent : str, optional
        Part of a name, or a labelled name, which is read by its radionuclide (177Lu-pentixafor is pentixather).
    disease, endpoint : str, optional
        Part of the name.
    year_from : int, optional
        Of publication.
    pool : bool
        Pool the results of one endpoint, heterogeneity shown.
    figure : Path, optional
        Forest plot: PNG, SVG or PDF.
    csv : Path, optional
        Table.

    Returns
    -------
    dict
        JSON-ready.

    Raises
    ------
    InputError
        If nothing matches, or several endpoints would be pooled.
    PlanningError
        For an isotope with which the agent is not labelled (133I).
    """
    if figure is not None:
        require_figure_ending(figure, option="--figure")
    chosen, notes = _of_agent(studies(), agent)
    rows = evidence_rows(chosen, disease=disease, endpoint=endpoint, year_from=year_from)
    if not rows:
        endpoints = sorted({result.endpoint for study in studies() for result in study.results})
        raise InputError("no published result matches", field="filters", expected=f"endpoints: {', '.join(endpoints)}")
    together, left_out = _pooled(rows) if pool else (None, ())
    table = [_row(row) for row in rows]
    answer: dict[str, Any] = {
        "results": table,
        "pooled": None if together is None else _pooled_words(rows[0].result.endpoint, together, left_out),
        "studies": [_study(study) for study in _in_order(rows)],
        "notes": [*notes, "Different endpoints are never put together; read the notes of each result."],
        "written": [],
    }
    if figure is not None:
        from hemadose.report.figures.forest import forest_figure

        pooled = None if together is None else {rows[0].result.endpoint: together}
        write_bytes_atomic(figure, figure_bytes(forest_figure(rows, pooled=pooled), figure))
        answer["written"].append(str(figure))
    if csv is not None:
        write_text_atomic(csv, csv_text(table))
        answer["written"].append(str(csv))
    return answer


def _of_agent(known: Sequence[Study], asked: str | None) -> tuple[tuple[Study, ...], tuple[str, ...]]:
    """Give the studies of an agent: by part of its name, else by the name that its radionuclide demands."""
    if asked is None:
        return tuple(known), ()
    folded = asked.casefold()
    plain = tuple(study for study in known if any(folded in name.casefold() for name in study.agents))
    if plain:
        return plain, ()
    try:
        meant = normalised_agent(asked)
    except PlanningError as problem:
        if problem.remedy:
            raise
        names = ", ".join(sorted({name for study in known for name in study.agents}))
        raise InputError("no study of this agent", field="--agent", value=asked, expected=names) from problem
    found = []
    for study in known:
        labelled = [normalised_agent(name) for name in study.agents]
        if any((name.nuclide, name.compound) == (meant.nuclide, meant.compound) for name in labelled):
            found.append(study)
    return tuple(found), (f"“{asked}” was read as {meant.title}.", *meant.notes)


def _pooled(rows: Sequence[EvidenceRow]) -> tuple[Pooled, tuple[str, ...]]:
    endpoints = sorted({row.result.endpoint for row in rows})
    if len(endpoints) != 1:
        raise InputError(
            "only results of one endpoint can be pooled", field="--pool",
            value=f"{len(endpoints)}: {', '.join(endpoints[:4])}" + (", ..." if len(endpoints) > 4 else ""),
            remedy="choose one with --endpoint (its whole name)",
        )  # fmt: skip
    kept, left_out = poolable(rows)
    return pool_rows(kept), left_out


def _pooled_words(endpoint: str, found: Pooled, left_out: Sequence[str]) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        "endpoint": endpoint,
        "studies": found.k,
        "percent": 100.0 * found.estimate,
        "low": 100.0 * found.low,
        "high": 100.0 * found.high,
        "tau2": found.tau2,
        "I2_percent": 100.0 * found.i2,
        "Q": found.q,
        "Q_p": found.q_p,
        "prediction_low": number(100.0 * found.prediction_low),
        "prediction_high": number(100.0 * found.prediction_high),
        "method": f"{found.method}, {found.interval}",
        "left_out": list(left_out),
        "notes": list(found.notes),
    }


def _row(row: EvidenceRow) -> dict[str, Any]:
    study, result = row.study, row.result

    def percent(value: float | None) -> float | None:
        return None if value is None else round(100.0 * value, 1)

    return {
        "endpoint": result.endpoint,
        "study": study.id,
        "year": study.year,
        "agent": ", ".join(study.agents),
        "disease": study.disease,
        "arm": result.arm,
        "role": result.role.value,
        "k/n": row.count_words,
        "percent": percent(row.estimate),
        "low": percent(row.low),
        "high": percent(row.high),
        "printed_percent": result.percent,
        "follow_up": result.follow_up,
        "evidence": row.label.value,
        "note": "; ".join(row.notes),
        "citation": study.citation,
    }


def _study(study: Study) -> dict[str, Any]:
    return {
        "study": study.id,
        "citation": study.citation,
        "design": study.design,
        "population": study.population,
        "n": study.n,
        "n_evidence": study.n_label.value,
        "follow_up": study.follow_up,
        "facts": list(study.facts),
        "quality": list(study.quality),
        "overlaps": list(study.overlaps),
    }


def _in_order(rows: Sequence[EvidenceRow]) -> tuple[Study, ...]:
    seen = {row.study.id: row.study for row in rows}
    return tuple(sorted(seen.values(), key=lambda s: (s.year, s.id)))
