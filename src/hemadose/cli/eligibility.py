"""`hemadose eligibility`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("eligibility")(eligibility)


def eligibility(
    patient: Annotated[Path, typer.Argument(help="Eligibility file (TOML).")],
    site: Annotated[Path | None, typer.Option(help="Limits of the site ([site] alone), for all patients.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if a rule fails.")] = False,
    as_json: AsJson = False,
) -> None:
    """Answer the nine rules before endoradiotherapy; never an approval."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, print_json, print_table
    from hemadose.workflow.eligibility import judge_eligibility

    answer = judge_eligibility(patient, site=site)
    if as_json:
        print_json(answer)
    else:
        rows = [
            {
                "rule": rule["rule"] if number == 0 else "",
                "asks": rule["title"] if number == 0 else "",
                "status": finding["status"],
                "reason": finding["text"],
                "source": finding["source"],
            }
            for rule in answer["rules"]
            for number, finding in enumerate(rule["findings"])
        ]
        print_table("Eligibility", rows)
        typer.echo(answer["summary"])
    if check and answer["failed"]:
        raise typer.Exit(EXIT_LIMIT_VIOLATED)
