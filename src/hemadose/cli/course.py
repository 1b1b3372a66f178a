"""`hemadose schedule`, `regimens`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemadose.cli import course_options as o

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("schedule")(schedule)
    app.command("regimens")(regimens)


def schedule(
    context: typer.Context,
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
    ics: Annotated[Path | None, typer.Option(help="Write a calendar file.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write the lane chart (svg, png or pdf).")] = None,
    out: Annotated[Path | None, typer.Option(help="Write record, calendar, chart and order sheet here.")] = None,
    planner: Annotated[str | None, typer.Option(help="Role or initials of who plans; needed by --out.")] = None,
    pseudonym: Annotated[str | None, typer.Option(help="Printed on calendar and sheets; never a name.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if a stop is not overridden.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the day-by-day conditioning calendar."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, print_json, print_table
    from hemadose.workflow.course import ScheduleOutputs, make_schedule

    answer = make_schedule(
        o.course_inputs(context.params),
        ScheduleOutputs(ics=ics, figure=figure, out=out, planner=planner, pseudonym=pseudonym),
    )
    if as_json:
        print_json(answer)
    else:
        shown = ("day", "date", "time", "lane", "title", "amount", "unit", "basis")
        print_table(f"{regimen}, {donor}", [{k: e.get(k) for k in shown} for e in answer["events"]])
        for warning in answer["warnings"]:
            typer.echo(f"  [{warning['severity']}] {warning['code']}: {warning['text']} ({warning['source']})")
        for path in answer["written"]:
            typer.echo(f"Written: {path}")
        typer.echo(f"Research use: {answer['research_use']}.")
    if check and answer["stops"]:
        raise typer.Exit(EXIT_LIMIT_VIOLATED)


def regimens(
    regimen: Annotated[str | None, typer.Argument(help="Show this one line by line, with sources.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write Figure 1 with a branch for each donor.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the conditioning regimens, or explain one."""
    from hemadose.cli.output import print_json, print_table
    from hemadose.workflow.course import draw_figure_1, regimen_details, regimen_rows

    written = [] if figure is None else draw_figure_1(figure)
    if regimen is None:
        rows = regimen_rows()
        if as_json:
            print_json({"regimens": rows, "written": written})
        else:
            print_table("Regimens", rows)
            for path in written:
                typer.echo(f"Written: {path}")
        return
    details = regimen_details(regimen)
    if as_json:
        print_json({**details, "written": written})
        return
    typer.echo(details["title"])
    print_table(f"{details['id']} ({', '.join(details['donors'])})", details["lines"])
    for correction in details["corrections"]:
        typer.echo(
            f"  {correction['agent']}: printed “{correction['printed']}”, used {correction['used']}. "
            f"{correction['reason']}."
        )
    for kind in ("notes", "sources"):
        for text in details[kind]:
            typer.echo(f"  {kind[:-1]}: {text}")
    for path in written:
        typer.echo(f"Written: {path}")
