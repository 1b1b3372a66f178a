"""`hemadose simulate-cohort`: patients who never lived, with a known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate-cohort")(simulate_cohort)


def simulate_cohort(
    patients: Annotated[int, typer.Argument(metavar="N", help="Number of patients.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for the cohort.")],
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 20261121,
    as_json: AsJson = False,
) -> None:
    """Write a simulated cohort folder, and its truth in truth.json."""
    from hemadose.cli.output import print_json, print_table
    from hemadose.workflow.simulate_cohort import write_simulated_cohort

    answer = write_simulated_cohort(patients, out, seed=seed)
    if as_json:
        print_json({"folder": str(out), **answer})
        return
    print_table("True probabilities from day 0", answer["at"])
    typer.echo(f"Cohort in {out}: {', '.join(answer['files'])}")
    typer.echo(f"Next: hemadose cohort-report {out} --out RESULT_FOLDER")
