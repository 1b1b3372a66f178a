"""`hemadose cohort`: a published dosimetry table, recomputed."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("cohort")
    def cohort(
        name: Annotated[str, typer.Argument(help="Packaged cohort.")] = "braitsch-2025",
        marrow_half_life_h: Annotated[
            float, typer.Option(help="Assumed effective half-life in marrow (none is published per patient).")
        ] = 92.0,
        days: Annotated[float, typer.Option(help="From administration to infusion.")] = 14.0,
        as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
    ) -> None:
        """Recompute a published cohort: limits, residual marrow dose, medians, printed numbers judged."""
        from hemadose.cli.output import print_json, print_notes, print_table
        from hemadose.workflow.cohort import cohort_tables

        answer = cohort_tables(name, marrow_half_life_h=marrow_half_life_h, days=days)
        if as_json:
            print_json(answer)
            return
        print_table(f"{name}: activity and dose", answer["patients"])
        print_table("Columns (SD with n-1 and with n)", answer["columns"])
        print_table("After / before therapy", answer["agreement"])
        print_table("Printed numbers that the table does not give", answer["not_reproducible"])
        typer.echo(f"{answer['reproduced']} of {answer['judged']} printed numbers are reproduced.")
        print_notes(answer["notes"])
