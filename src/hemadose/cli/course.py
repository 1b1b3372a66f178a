"""`hemadose schedule`, `agents`, `regimens`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("schedule")(schedule)
    app.command("regimens")(regimens)


def schedule(
    regimen: Annotated[str, typer.Option(help="See hemadose regimens.")],
    donor: Annotated[str, typer.Option(help="MRD, MUD, MMUD, HID.")],
    day_zero: Annotated[str, typer.Option(help="Date of stem-cell infusion, 2025-04-07.")],
    height_cm: Annotated[float, typer.Option(help="Patient height.")],
    weight_kg: Annotated[float, typer.Option(help="Patient weight.")],
    sex: Annotated[str, typer.Option(help="male or female.")],
    tbi_gy: Annotated[float, typer.Option("--tbi-Gy", help="Total body irradiation, 8 or 10.")],
    ert_day: Annotated[int, typer.Option(help="Day of endoradiotherapy, e.g. -14.")] = -14,
    graft_confirmed: Annotated[bool, typer.Option("--graft-confirmed", help="Donor and graft are confirmed.")] = False,
    atg_product: Annotated[str | None, typer.Option(help="thymoglobulin or grafalon: never assumed.")] = None,
    atg_mg_per_kg: Annotated[float | None, typer.Option(help="Antithymocyte globulin.")] = None,
    atg_basis: Annotated[str | None, typer.Option(help="per_day or total.")] = None,
    cyclophosphamide_weight: Annotated[str | None, typer.Option(help="actual, ideal, adjusted_25 ...")] = None,
    calcineurin_inhibitor: Annotated[str | None, typer.Option(help="ciclosporin or tacrolimus.")] = None,
    age_years: Annotated[float | None, typer.Option(help="For creatinine clearance.")] = None,
    creatinine_mg_per_dl: Annotated[float | None, typer.Option(help="For fludarabine.")] = None,
    activity_gbq: Annotated[float | None, typer.Option("--activity-GBq", help="To print on the calendar.")] = None,
    bsa: Annotated[str, typer.Option(help="mosteller or dubois.")] = "mosteller",
    zone: Annotated[str, typer.Option(help="Time zone of the calendar file.")] = "Europe/Berlin",
    ics: Annotated[Path | None, typer.Option(help="Write a calendar file.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write the lane chart (svg, png or pdf).")] = None,
    as_json: AsJson = False,
) -> None:
    """Make the day-by-day conditioning calendar."""
    from hemadose.cli.output import print_json, print_table
    from hemadose.workflow.course import ScheduleRequest, make_schedule

    answer = make_schedule(
        ScheduleRequest(
            regimen=regimen,
            donor=donor,
            day_zero=day_zero,
            height_cm=height_cm,
            weight_kg=weight_kg,
            sex=sex,
            tbi_gy=tbi_gy,
            ert_day=ert_day,
            graft_confirmed=graft_confirmed,
            atg_product=atg_product,
            atg_mg_per_kg=atg_mg_per_kg,
            atg_basis=atg_basis,
            cyclophosphamide_weight=cyclophosphamide_weight,
            calcineurin_inhibitor=calcineurin_inhibitor,
            age_years=age_years,
            creatinine_mg_per_dl=creatinine_mg_per_dl,
            activity_gbq=activity_gbq,
            bsa=bsa,
            zone=zone,
            ics=ics,
            figure=figure,
        )
    )
    if as_json:
        print_json(answer)
        return
    shown = ("day", "date", "time", "lane", "title", "amount", "unit", "basis")
    print_table(f"{regimen}, {donor}", [{k: e.get(k) for k in shown} for e in answer["events"]])
    for warning in answer["warnings"]:
        typer.echo(f"  [{warning['severity']}] {warning['code']}: {warning['text']} ({warning['source']})")
    for path in answer["written"]:
        typer.echo(f"Written: {path}")


def regimens(as_json: AsJson = False) -> None:
    """List the conditioning regimens."""
    from hemadose.cli.output import print_json, print_table
    from hemadose.workflow.course import regimen_rows

    rows = regimen_rows()
    if as_json:
        print_json({"regimens": rows})
    else:
        print_table("Regimens", rows)
