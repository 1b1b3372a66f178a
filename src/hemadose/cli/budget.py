"""`hemadose budget`: where the uncertainty of a plan comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hemadose.cli.screen import Screen

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("budget")(budget)


def budget(
    case: Annotated[Path, typer.Argument(help="Case file (TOML) of a plan.")],
    out: Annotated[Path | None, typer.Option("--out", help="Result folder [default: beside the case].")] = None,
    draws: Annotated[int, typer.Option(help="Monte Carlo draws, an even number.")] = 100_000,
    max_probability: Annotated[
        float | None,
        typer.Option(help="With --check: largest probability of exceeding a dose limit [default: the case's, or 0.5]."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if a limit is exceeded more likely.")] = False,
    as_json: AsJson = False,
) -> None:
    """Propagate every uncertainty from counts to the activity, and say what dominates."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, print_json
    from hemadose.workflow.budget_command import allowed_probability, budget_case

    folder = out or case.parent / "result"
    bound = allowed_probability(case, max_probability)
    _, answer = budget_case(case, folder, draws=draws, progress=Screen(quiet=as_json))
    if as_json:
        print_json({**answer, "out": str(folder)})
    else:
        _print(answer, folder)
    if check and any(p["probability_exceeding"] > bound for p in answer["probabilities"]):
        raise typer.Exit(EXIT_LIMIT_VIOLATED)


def _print(answer: dict[str, Any], folder: Path) -> None:
    from hemadose.cli.output import print_notes, print_table

    rows = [
        {
            "quantity": q["quantity"].replace("_", " "),
            "what": q["kind"],
            "value": q["value"],
            "± SD": q["sd"],
            "unit": q["unit"],
            "SD %": 100.0 * q["relative_sd"],
            "first order %": 100.0 * q["relative_sd_first_order"],
            "dominant": q["dominant"],
        }
        for q in answer["quantities"]
    ]
    print_table(f"Uncertainty budget, {answer['draws']} draws", rows)
    chances = [
        {
            "limit": p["limit"].replace("_", " "),
            "Gy": p["limit_Gy"],
            "at GBq": p["activity_GBq"],
            "P(exceeds)": p["probability_exceeding"],
            "in the prescription": p["probability_in_prescription"],
        }
        for p in answer["probabilities"]
    ]
    print_table("Probability of exceeding each dose limit", chances)
    for q in answer["quantities"]:
        typer.echo(f"{q['quantity'].replace('_', ' ')}, {q['kind']}: {q['says']}.")
        if q["difference"]:
            typer.echo(f"  {q['difference']}")
    print_notes(answer["notes"])
    typer.echo(f"\nResults in {folder}: {', '.join(answer['files'])}")
