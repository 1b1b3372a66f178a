"""`hemadose followup`: what happened to a patient, judged by rules that explain themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("followup")(followup)


def followup(
    source: Annotated[Path, typer.Argument(help="Cohort folder, FHIR bundle (.json) or REDCap export (.csv).")],
    patient: Annotated[str | None, typer.Option(help="Pseudonym of one patient; all if not given.")] = None,
    columns: Annotated[Path | None, typer.Option(help="Map of the columns of a REDCap export (TOML).")] = None,
    ctcae: Annotated[str, typer.Option(help="Version for laboratory grades: 5.0 or 6.0.")] = "5.0",
    engraftment: Annotated[str, typer.Option(help="Definition: CIBMTR, EBMT or ASTCT.")] = "CIBMTR",
    until_day: Annotated[float, typer.Option(help="End of the windows, days from day 0.")] = 100.0,
    out: Annotated[Path | None, typer.Option(help="Folder for tables, figures and the page to sign.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
) -> None:
    """Grade toxicity, engraftment, chimerism and care of one patient or of a cohort, with reasons."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.followup import followup as judge

    with _Bar() as bar:
        answer = judge(
            source, patient=patient, columns=columns, criteria=ctcae, engraftment=engraftment, until_day=until_day,
            out=out, progress=bar.step,
        )  # fmt: skip
    if as_json:
        print_json(answer)
        return
    patients = answer["patients"]
    print_table(f"Follow-up to day {until_day:g}, CTCAE {ctcae}, {engraftment}", [p["summary"] for p in patients])
    if len(patients) == 1:
        _explain(patients[0])
    print_notes([*answer["notes"], *(f"{p['patient']}: {n}" for p in patients for n in p["notes"])])
    if out is not None:
        typer.echo(f"{len(answer['files'])} files written to {out}")


def _explain(patient: dict[str, object]) -> None:
    """Decisions above grade 0 and all that are not laboratory grades."""
    from hemadose.cli.output import print_table

    decisions = patient["decisions"]
    assert isinstance(decisions, list)
    rows = [
        {
            "rule": d["rule"], "window": d["window"], "outcome": d["outcome"] or "not decided",
            "because": "; ".join(d["criteria"]), "used or missing": "; ".join(d["used"] or d["missing"]),
        }
        for d in decisions
        if d["group"] != "laboratory" or (d["grade"] or 0) > 0
    ]  # fmt: skip
    print_table("Decisions", rows)


class _Bar:
    """Progress on standard error, where that is a terminal."""

    def __init__(self) -> None:
        self._bar: object = None

    def __enter__(self) -> _Bar:
        import sys

        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), TextColumn("{task.completed:.0f} patients"), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=None)
        return self

    def step(self, pseudonym: str) -> None:
        """Count one patient."""
        from rich.progress import Progress

        if isinstance(self._bar, Progress):
            self._bar.advance(self._task)

    def __exit__(self, *_: object) -> None:
        from rich.progress import Progress

        if isinstance(self._bar, Progress):
            self._bar.stop()
