"""`hemadose verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemadose.cli import course_options as o

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(
    context: typer.Context,
    course: Annotated[Path, typer.Argument(help="course.json of hemadose schedule --out.")],
    verifier: Annotated[str, typer.Option(help="Role or initials of the second person; not the planner.")],
    regimen: o.Regimen,
    donor: o.DonorType,
    day_zero: o.DayZero,
    height_cm: o.HeightCm,
    weight_kg: o.WeightKg,
    sex: o.SexWord,
    tbi_gy: o.TbiGy,
    ert_day: o.ErtDay = -14,
    ert_at: o.ErtAt = "10:00",
    graft_confirmed: o.GraftConfirmed = False,
    atg_product: o.AtgProductWord = None,
    atg_mg_per_kg: o.AtgAmount = None,
    atg_basis: o.AtgBasisWord = None,
    cyclophosphamide_weight: o.CyclophosphamideWeight = None,
    calcineurin_inhibitor: o.CalcineurinInhibitor = None,
    immunosuppression_start_day: o.ImmunosuppressionStart = None,
    arginine_g: o.ArginineG = None,
    lysine_g: o.LysineG = None,
    age_years: o.AgeYears = None,
    creatinine_mg_per_dl: o.CreatinineMg = None,
    creatinine_umol_per_l: o.CreatinineUmol = None,
    creatinine_after_ert_mg_per_dl: o.CreatinineAfter = None,
    renal_weight: o.RenalWeight = "actual",
    renal_label: o.RenalLabel = "us_intravenous",
    earlier_weight_kg: o.EarlierWeight = None,
    agent: o.AgentText = None,
    activity_gbq: o.ActivityGBq = None,
    bsa: o.Surface = "mosteller",
    zone: o.Zone = "Europe/Berlin",
    override: o.Override = None,
    as_json: AsJson = False,
) -> None:
    """Calculate a planned course again from inputs entered anew, and compare every number."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, print_json, print_table
    from hemadose.workflow.verification import verify_course

    answer = verify_course(course, o.course_inputs(context.params), verifier=verifier)
    if as_json:
        print_json(answer)
    else:
        print_table("Entered differently", answer["input_differences"])
        print_table("Different numbers", answer["differences"])
        word = "agree" if answer["agree"] else "DO NOT AGREE"
        typer.echo(f"{answer['compared']} entries compared: planner and verifier {word}.")
        for path in answer["written"]:
            typer.echo(f"Written: {path}")
    if not answer["agree"]:
        raise typer.Exit(EXIT_LIMIT_VIOLATED)
