"""`hemadose plan`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemadose.cli.screen import Screen


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("plan")
    def plan(
        case: Annotated[Path, typer.Argument(help="Case file (TOML).")],
        out: Annotated[Path | None, typer.Option("--out", help="Result folder [default: beside the case].")] = None,
        check: Annotated[bool, typer.Option("--check", help="Exit with 3 if a limit is violated.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
    ) -> None:
        """Turn a study into a prescription, a calendar and a report."""
        from hemadose.cli.output import EXIT_LIMIT_VIOLATED, print_json
        from hemadose.workflow.plan import plan as run

        result = run(case, out or case.parent / "result", progress=Screen(quiet=as_json))
        if as_json:
            print_json(result.summary())
        else:
            _print(result.summary())
        prescription = result.report.prescription
        if check and prescription is not None and prescription.violations:
            raise typer.Exit(EXIT_LIMIT_VIOLATED)


def _print(summary: dict[str, object]) -> None:
    from hemadose.cli.numbers import print_prescription
    from hemadose.cli.output import print_table

    rows = [
        {
            "organ": d["target"],
            "mass g": d["mass_g"],
            "Gy/GBq": d["dose_Gy_per_GBq"],
            "± SD": d["sd_Gy_per_GBq"],
            "Gy": d.get("dose_Gy"),
            "method": d["method"],
        }
        for d in summary["doses"]  # type: ignore[attr-defined]
    ]
    print_table(f"Absorbed doses, {summary['patient']}", rows)
    prescription = summary["prescription"]
    if isinstance(prescription, dict):
        print_prescription(prescription)
    warnings = summary["warnings"]
    assert isinstance(warnings, list)
    for warning in warnings:
        if warning["severity"] != "info":
            typer.echo(f"  [{warning['severity']}] {warning['code']}: {warning['text']}")
    typer.echo(f"\nResults in {summary['out']}: report.html, report.pdf, calendar.ics, result.json, tables/, figures/")
