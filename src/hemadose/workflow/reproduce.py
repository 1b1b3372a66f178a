"""A publication recomputed from packaged data, with a verdict on every row of its checklist."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.outcome.papers import Finding, Judgement, Paper, Recomputed, judge
from hemadose.refdata.papers import paper, paper_ids
from hemadose.workflow.reproduce_braitsch import braitsch_quantities
from hemadose.workflow.reproduce_buck import buck_quantities

QUANTITIES: Mapping[str, Callable[[Paper], dict[str, Recomputed]]] = {
    "braitsch-2025": braitsch_quantities,
    "buck-2023": buck_quantities,
}


def judged(name: str) -> Judgement:
    """Recompute one packaged publication.

    Parameters
    ----------
    name : str
        E.g. ``"braitsch-2025"``.

    Returns
    -------
    Judgement
        Every claim with its verdict.

    Raises
    ------
    InputError
        If it is not packaged.
    """
    if name not in QUANTITIES:
        raise InputError("unknown publication", field="paper", value=name, expected=", ".join(paper_ids()))
    known = paper(name)
    return judge(known, QUANTITIES[name](known))


def reproduce_answer(
    name: str, *, row: str | None = None, verdict: str | None = None, out: Path | None = None
) -> dict[str, Any]:
    """Recompute a publication, and write its report if a folder is given.

    Parameters
    ----------
    name : str
        Packaged publication.
    row : str, optional
        Show this row only, e.g. ``"A17"``.
    verdict : str, optional
        Show this verdict only, e.g. ``"error in the paper"``.
    out : Path, optional
        Folder for report.html, report.md, claims.csv, report.json and figures. Always the whole paper.

    Returns
    -------
    dict
        JSON-ready: paper, counts by verdict, claims, notes, written files.

    Raises
    ------
    InputError
        For an unknown paper, row or verdict.
    """
    from hemadose.report.paper_report import paper_rows

    found = judged(name)
    rows = paper_rows(found)
    ids = [r.id for r in found.paper.rows]
    if row is not None and row.upper() not in ids:
        raise InputError("unknown row", field="--row", value=row, expected=f"{ids[0]} to {ids[-1]}")
    if verdict is not None and verdict not in {f.value for f in Finding}:
        raise InputError(
            "unknown verdict", field="--verdict", value=verdict, expected=", ".join(f.value for f in Finding)
        )
    shown = [
        r for r in rows if (row is None or r["row"] == row.upper()) and (verdict is None or r["verdict"] == verdict)
    ]
    answer: dict[str, Any] = {
        "paper": found.paper.id,
        "citation": found.paper.citation,
        "counts": {f.value: found.count(f) for f in Finding},
        "claims": shown,
        "notes": list(found.paper.notes),
        "written": [],
    }
    if out is not None:
        answer["written"] = [str(path) for path in _write(found, {**answer, "claims": rows}, out)]
    return answer


def _write(found: Judgement, answer: Mapping[str, Any], out: Path) -> list[Path]:
    from hemadose.report.paper_report import paper_html, paper_markdown
    from hemadose.workflow.reproduce_figures import paper_figures

    figures = paper_figures(found.paper)
    kept = {key: value for key, value in answer.items() if key != "written"}
    texts = {
        "report.html": paper_html(found, figures),
        "report.md": paper_markdown(found),
        "claims.csv": csv_text(answer["claims"]),
        "report.json": json.dumps(kept, indent=2, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        write_text_atomic(out / name, text)
    for figure in figures:
        write_bytes_atomic(out / "figures" / f"{figure.name}.svg", figure.svg)
    return [*(out / name for name in texts), *(out / "figures" / f"{figure.name}.svg" for figure in figures)]


def csv_text(rows: list[dict[str, Any]]) -> str:
    """Write rows of like keys as CSV text."""
    buffer = io.StringIO()
    if rows:
        writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return buffer.getvalue()
