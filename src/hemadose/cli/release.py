"""`hemadose release`: when a patient may leave, and what others receive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("release")(release)


def release(
    nuclide: Annotated[str, typer.Argument(help="E.g. Lu-177.")],
    activity: Annotated[float, typer.Option("--activity-GBq", help="Administered.")],
    half_life: Annotated[
        list[float] | None,
        typer.Option("--half-life-h", help="Effective, whole body (repeatable, with --share); none: decay alone."),
    ] = None,
    share: Annotated[list[float] | None, typer.Option(help="Share of each half-life (repeatable).")] = None,
    country: Annotated[str, typer.Option(help="Packaged rules: germany, usa, european-union.")] = "germany",
    rules: Annotated[Path | None, typer.Option(help="TOML file with a site's own rules instead.")] = None,
    constant: Annotated[
        float | None, typer.Option("--constant-uSv-h-GBq", help="Dose rate at 1 m per GBq in the body.")
    ] = None,
    measured: Annotated[
        float | None, typer.Option("--measured-uSv-h", help="Dose rate measured on the patient; sets the constant.")
    ] = None,
    measured_m: Annotated[float, typer.Option("--measured-m", help="Distance of that measurement.")] = 2.0,
    measured_at: Annotated[float | None, typer.Option("--measured-at-h", help="Its time after administration.")] = None,
    length: Annotated[float, typer.Option("--length-m", help="Patient as a line of this length; 0 is a point.")] = 0.0,
    therapies: Annotated[
        float, typer.Option("--therapies-per-year", help="That share a yearly dose, this one included.")
    ] = 1.0,
    already: Annotated[float, typer.Option("--already-mSv", help="Yearly dose used up by earlier therapies.")] = 0.0,
    planned: Annotated[float | None, typer.Option("--planned-h", help="Planned release, to be judged.")] = None,
    contacts: Annotated[Path | None, typer.Option(help="TOML file with contact patterns of your own.")] = None,
    waste: Annotated[float | None, typer.Option("--waste-kg", help="Mass of what is collected.")] = None,
    collect: Annotated[float, typer.Option("--collect-h", help="Until when it is collected.")] = 48.0,
    clearance: Annotated[
        float | None, typer.Option("--clearance-Bq-g", help="Clearance level instead of the packaged one.")
    ] = None,
    impurity: Annotated[
        list[str] | None, typer.Option(help="Long-lived impurity per activity, e.g. Lu-177m=1e-4 (repeatable).")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw dose rates and activity into this PNG, SVG or PDF.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if --planned-h breaks a rule.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find when a patient may leave the ward, what people nearby receive and how long waste is kept."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, parse_pairs, print_json
    from hemadose.workflow.release import ReleaseRequest, release_answer

    answer = release_answer(
        ReleaseRequest(
            nuclide=nuclide,
            activity_gbq=activity,
            half_lives_h=tuple(half_life or ()),
            shares=tuple(share or ()),
            country=country,
            rules=rules,
            contacts=contacts,
            constant_usv_h_gbq=constant,
            measured_usv_h=measured,
            measured_m=measured_m,
            measured_at_h=measured_at,
            length_m=length,
            therapies_per_year=therapies,
            already_msv=already,
            planned_h=planned,
            waste_kg=waste,
            clearance_bq_g=clearance,
            collect_h=collect,
            impurities=parse_pairs(impurity or (), option="--impurity"),
        ),
        figure=figure,
    )
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    if check and not answer["release_keeps_rules"]:
        raise typer.Exit(EXIT_LIMIT_VIOLATED)


def _print(answer: dict[str, Any]) -> None:
    from hemadose.cli.output import print_notes, print_table, rounded_up

    constant = answer["constant"]
    typer.echo(f"{constant['uSv_per_h_GBq_at_1m']:.4g} µSv/h per GBq at 1 m: {constant['from']}")
    print_table(
        "Near the patient",
        [
            {
                "h": r["hours"],
                "in the body": r["retained"],
                "µSv/h at 1 m": r["uSv_per_h_1m"],
                "at 2 m": r["uSv_per_h_2m"],
            }
            for r in answer["dose_rates"]
        ],
    )
    print_table(
        f"Rules, {answer['rules_of']}",
        [
            {
                "rule": r["title"],
                "met after h": r["met_after_h"],
                "µSv/h": r["threshold_uSv_per_h"],
                "at m": r["at_m"],
                "GBq": r["activity_GBq"],
                "source": r["source"],
            }
            for r in answer["rules"]
        ],
    )
    typer.echo(
        f"Earliest release {rounded_up(answer['earliest_release_h'])} h ({answer['governed_by']}); "
        f"{rounded_up(answer['earliest_release_h_if_nothing_is_excreted'])} h if nothing were excreted"
    )
    typer.echo(
        f"Release at {rounded_up(answer['release_h'])} h with {answer['activity_at_release_GBq']:.3g} GBq in the body"
    )
    print_table(
        "People nearby, from the release on",
        [
            {
                "who": c["who"],
                "mSv": c["dose_mSv"],
                "if nothing is excreted": c["if_nothing_is_excreted_mSv"],
                "limit": c["limit_mSv"],
                "kept": c["kept"],
                "may start after h": c["limit_kept_from_h"],
            }
            for c in answer["contacts"]
        ],
    )
    waste = answer["waste"]
    print_table(
        "Outside the body, all excreta",
        [{"h": r["hours"], "excreted": r["excreted_share"], "GBq": r["outside_GBq"]} for r in waste["by_time"]],
    )
    if waste["storage_d"] is not None:
        days = rounded_up(waste["storage_d"], 0)
        typer.echo(f"{waste['mass_kg']:g} kg collected until {waste['collected_until_h']:g} h: {days} d")
    for item in answer["instructions"]:
        typer.echo(f"  [{item['until']}] {item['text']}")
    if answer["figure"]:
        typer.echo(f"Written: {answer['figure']}")
    print_notes(answer["notes"])
