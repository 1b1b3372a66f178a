"""`hemadose evidence`: published results with exact intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evidence")(evidence)


def evidence(
    agent: Annotated[str | None, typer.Option(help="Part of a name, e.g. pentixather or 131I.")] = None,
    disease: Annotated[str | None, typer.Option(help="Part of a disease or population, e.g. AML.")] = None,
    endpoint: Annotated[str | None, typer.Option(help='Part of an endpoint, e.g. "overall response".')] = None,
    year_from: Annotated[int | None, typer.Option(help="Published in or after this year.")] = None,
    pool: Annotated[
        bool, typer.Option("--pool", help="Pool the results of one endpoint, heterogeneity shown.")
    ] = False,
    figure: Annotated[Path | None, typer.Option(help="Forest plot: PNG, SVG or PDF.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table as CSV.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
) -> None:
    """Show published results of radioligands: k/n, exact intervals, how sure each number is."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.evidence import evidence_answer

    answer = evidence_answer(
        agent=agent, disease=disease, endpoint=endpoint, year_from=year_from, pool=pool, figure=figure, csv=csv
    )
    if as_json:
        print_json(answer)
        return
    about = ("endpoint", "study", "agent", "disease", "arm", "follow_up")
    keys = (*about, "k/n", "percent", "low", "high", "evidence", "note")
    print_table("Published results (95 % intervals after Clopper and Pearson)", [
        {key: result[key] for key in keys} for result in answer["results"]
    ])  # fmt: skip
    pooled = answer["pooled"]
    if pooled is not None:
        lists = ("left_out", "notes")
        print_table("Pooled", [{key: value for key, value in pooled.items() if key not in lists}])
        print_notes([*(f"left out: {text}" for text in pooled["left_out"]), *pooled["notes"]])
    print_notes([f"{study['study']}: {text}" for study in answer["studies"] for text in study["quality"]])
    print_notes(answer["notes"])
    for path in answer["written"]:
        typer.echo(f"Written: {path}")
