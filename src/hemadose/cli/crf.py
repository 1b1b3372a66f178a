"""`hemadose crf`: a case-report form whose data can be read again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("crf")(crf)


def crf(
    out: Annotated[Path, typer.Option("--out", help="New folder.")],
    as_json: AsJson = False,
) -> None:
    """Write a case-report form: cohort folder template, REDCap project with its map, data dictionary."""
    from hemadose.cli.output import print_json
    from hemadose.workflow.crf import write_case_report_form

    made = write_case_report_form(out)
    if as_json:
        print_json({"folder": str(out), **made})
        return
    for name in made["files"]:
        typer.echo(f"  {out / name}")
    asked = ", ".join(f"{n} in {form}" for form, n in made["questions"].items())
    typer.echo(f"Questions: {asked}. In REDCap, make the instruments laboratory and event repeating.")
