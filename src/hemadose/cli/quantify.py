"""`hemadose quantify`: images to activity, and no further."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemadose.cli.screen import Screen


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("quantify")(quantify)


def quantify(
    case: Annotated[Path, typer.Argument(help="Case file (TOML).")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write activity.csv, quantified.json, series.json here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
) -> None:
    """Measure activity per region and time, with uncertainty: the first stage of a plan alone."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.quantify_command import quantify_case, write_quantified

    result = quantify_case(case, progress=Screen(quiet=as_json))
    files = write_quantified(result, out) if out is not None else ()
    if as_json:
        print_json({**result.summary(), "files": [str(path) for path in files]})
        return
    rows = [
        {
            "region": row["region"],
            "time h": row["time_h"],
            "MBq": row["activity_MBq"],
            "± own": row["sd_MBq"],
            "± shared": row["shared_sd_MBq"],
            "± total": row["total_sd_MBq"],
            "method": row["method"],
        }
        for row in result.rows()
    ]
    print_table(f"Activity, {result.case.patient.pseudonym}", rows)
    print_notes(result.notes())
    for path in files:
        typer.echo(f"Written: {path}")
