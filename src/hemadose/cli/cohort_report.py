"""`hemadose cohort-report`: Table 1 to survival of any cohort folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cohort-report")(cohort_report)


def cohort_report(
    folder: Annotated[Path, typer.Argument(help="Cohort folder, FHIR bundle (.json) or REDCap export (.csv).")],
    out: Annotated[Path, typer.Option("--out", help="Result folder.")],
    ctcae: Annotated[str, typer.Option(help="5.0 or 6.0 (default: the cohort's definition, or 5.0).")] = "",
    engraftment: Annotated[
        str, typer.Option(help="CIBMTR, EBMT or ASTCT (default: the cohort's definition, or CIBMTR).")
    ] = "",
    by: Annotated[str, typer.Option(help="Groups: sex, diagnosis, donor, centre or a baseline fact.")] = "",
    limit: Annotated[
        list[str] | None, typer.Option(help="Dose limit in Gy, e.g. kidneys=23 (repeatable; default kidneys=23).")
    ] = None,
    until_day: Annotated[float, typer.Option(help="End of the window of toxicity.")] = 100.0,
    columns: Annotated[Path | None, typer.Option(help="Map of the columns of a REDCap export (TOML).")] = None,
    title: Annotated[str, typer.Option(help="Head line of the report.")] = "",
    no_pdf: Annotated[bool, typer.Option("--no-pdf", help="Leave out report.pdf.")] = False,
    as_json: AsJson = False,
) -> None:
    """Report on a cohort: patients, dosimetry, regimen, toxicity, engraftment, response, survival."""
    from hemadose.cli.output import parse_pairs, print_json, print_notes, print_table
    from hemadose.workflow.cohort_report import CohortReportOptions, cohort_report

    chosen = CohortReportOptions(
        ctcae=ctcae, engraftment=engraftment, by=by, title=title, toxicity_until_day=until_day, pdf=not no_pdf,
        columns=columns,
        **({"limits_gy": parse_pairs(limit, option="--limit")} if limit else {}),  # type: ignore[arg-type]
    )  # fmt: skip
    made = cohort_report(folder, out, chosen)
    if as_json:
        print_json({**made.payload, "written": [str(p) for p in made.written]})
        return
    tables = made.payload["tables"]
    for name, head in (("engraftment", "Engraftment"), ("survival", "Survival and incidence from day 0")):
        print_table(head, tables.get(name, []))
    print_table("Groups compared", tables.get("comparisons", []))
    for line in made.payload["policy"]:
        typer.echo(line)
    print_notes(made.payload["notes"])
    typer.echo(f"{made.payload['patients']} patients. Report in {out}: {', '.join(p.name for p in made.written[:3])}")
