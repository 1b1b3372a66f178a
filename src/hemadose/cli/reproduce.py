"""`hemadose reproduce`: a published paper, recomputed row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reproduce")(reproduce)


def reproduce(
    paper: Annotated[str, typer.Argument(help="braitsch-2025 or buck-2023.")],
    row: Annotated[str | None, typer.Option(help="One row of the checklist, e.g. A17.")] = None,
    verdict: Annotated[
        str | None,
        typer.Option(
            help="reproduced, differs, 'error in the paper', rule, figure, 'not recoverable' or 'to be verified'."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for report.html, report.md, claims.csv, report.json and figures.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
) -> None:
    """Recompute a paper from packaged data: printed number, recomputed number, verdict."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.reproduce import reproduce_answer

    answer = reproduce_answer(paper, row=row, verdict=verdict, out=out)
    if as_json:
        print_json(answer)
        return
    shown = [
        {key: claim[key] for key in ("row", "claim", "printed", "recomputed", "unit", "verdict")}
        | {"note": claim["note"] or claim["where"]}
        for claim in answer["claims"]
    ]
    print_table(answer["citation"], shown)
    typer.echo("; ".join(f"{count} {name}" for name, count in answer["counts"].items() if count))
    print_notes(answer["notes"])
    for path in answer["written"]:
        typer.echo(f"Written: {path}")
