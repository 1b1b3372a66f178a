"""`hemadose bed` and `hemadose total`: what dose and its time do to an organ, alone and with other therapies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("bed")(bed)
    app.command("total")(total)


def bed(
    dose: Annotated[float | None, typer.Option("--dose-Gy", help="Absorbed dose of a radionuclide.")] = None,
    half_life: Annotated[
        list[float] | None, typer.Option("--half-life-h", help="Effective half-life (repeatable, with --share).")
    ] = None,
    share: Annotated[
        list[float] | None, typer.Option(help="Amplitude of each half-life; negative for uptake (repeatable).")
    ] = None,
    curve: Annotated[
        Path | None, typer.Option(help="CSV with columns time_h, Gy_per_h, instead of half-lives.")
    ] = None,
    organ: Annotated[
        str | None, typer.Option(help="kidneys, liver, lungs, red_marrow or tumour: packaged parameters.")
    ] = None,
    alpha_beta: Annotated[float | None, typer.Option("--alpha-beta-Gy", help="Instead of the packaged one.")] = None,
    repair: Annotated[
        list[float] | None, typer.Option("--repair-h", help="Repair half-life (repeatable, with --repair-weight).")
    ] = None,
    repair_weight: Annotated[
        list[float] | None, typer.Option(help="Share of damage that each repair half-life holds for (repeatable).")
    ] = None,
    fractions: Annotated[int, typer.Option(help="Fractions of external radiation.")] = 0,
    fraction: Annotated[float | None, typer.Option("--fraction-Gy", help="Dose of one fraction.")] = None,
    per_day: Annotated[int, typer.Option(help="Fractions a day.")] = 1,
    gap: Annotated[float | None, typer.Option("--gap-h", help="Hours between fractions of a day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compute BED and EQD2 of a radionuclide dose, of fractions, or both."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.biology import BedRequest, bed_answer

    answer = bed_answer(
        BedRequest(
            dose_gy=dose,
            half_lives_h=tuple(half_life or ()),
            shares=tuple(share or ()),
            curve=curve,
            organ=organ,
            alpha_beta_gy=alpha_beta,
            repair_h=tuple(repair or ()),
            repair_weights=tuple(repair_weight or ()),
            fractions=fractions,
            fraction_gy=fraction,
            per_day=per_day,
            gap_h=gap,
        )
    )
    if as_json:
        print_json(answer)
        return
    rows = [
        {
            "": part["part"],
            "dose Gy": part["dose_Gy"],
            "G": part["protraction"],
            "BED Gy": part["bed_Gy"],
            "EQD2 Gy": part["eqd2_Gy"],
        }
        for part in answer["parts"]
    ]
    if len(rows) > 1:
        rows.append(
            {
                "": "together",
                "dose Gy": answer["dose_Gy"],
                "G": None,
                "BED Gy": answer["bed_Gy"],
                "EQD2 Gy": answer["eqd2_Gy"],
            }
        )
    print_table(f"Biologically effective dose, {answer['tissue']['organ']}", rows)
    _print_tissue(answer["tissue"])
    print_notes(answer["notes"])


def total(
    course: Annotated[Path, typer.Argument(help="TOML file with the therapies, organs and limits.")],
    draws: Annotated[int, typer.Option(help="Draws of the uncertainty.")] = 4000,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 20251121,
    figure: Annotated[Path | None, typer.Option(help="Draw timeline and bars into this PNG, SVG or PDF.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if a limit is violated.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add radionuclide therapies and fractions on one timeline: dose, BED and EQD2 per organ."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, print_json
    from hemadose.workflow.total_dose import total_answer

    answer = total_answer(course, draws=draws, seed=seed, figure=figure)
    if as_json:
        print_json(answer)
    else:
        _print_total(answer)
    if check and not answer["limits_kept"]:
        raise typer.Exit(EXIT_LIMIT_VIOLATED)


def _print_total(answer: dict[str, Any]) -> None:
    from hemadose.cli.output import print_notes, print_table

    rows = [
        {
            "organ": row["organ"],
            "dose Gy": row["dose"]["Gy"],
            "BED Gy": row["bed"]["Gy"],
            "± ": row["bed"]["sd_Gy"],
            "on each other Gy": row["bed_between_components_Gy"],
            "EQD2 Gy": row["eqd2"]["Gy"],
            "±": row["eqd2"]["sd_Gy"],
        }
        for row in answer["organs"]
    ]
    print_table(f"{answer['title']}: all therapies", rows)
    parts = [
        {
            "organ": row["organ"],
            "therapy": part["name"],
            "from day": part["from_day"],
            "dose Gy": part["dose_Gy"],
            "G": part["protraction"],
            "BED Gy": part["bed_Gy"],
        }
        for row in answer["organs"]
        for part in row["components"]
    ]
    print_table("Each therapy alone", parts)
    limits = [
        {
            "organ": row["organ"],
            "limit of": limit["quantity"],
            "limit Gy": limit["limit_Gy"],
            "is Gy": limit["Gy"],
            "kept": limit["kept"],
            "chance of more": limit["probability_above"],
        }
        for row in answer["organs"]
        for limit in row["limits"]
    ]
    print_table("Limits", limits)
    for row in answer["organs"]:
        _print_tissue(row["tissue"])
        for known in row["experience"]:
            low, high = known["Gy"]
            span = f"{low:g}" if low == high else f"{low:g}-{high:g}"
            typer.echo(f"  borne: {known['quantity'].upper()} {span} Gy, {known['setting']} ({known['source']})")
    if answer["figure"]:
        typer.echo(f"Written: {answer['figure']}")
    print_notes(answer["notes"])


def _print_tissue(tissue: dict[str, Any]) -> None:
    hours = " and ".join(f"{h:g}" for h in tissue["repair_half_life_h"])
    typer.echo(f"{tissue['organ']}: alpha/beta {tissue['alpha_beta_Gy']:g} Gy ({tissue['alpha_beta_source']})")
    typer.echo(f"  repair half-life {hours} h ({tissue['repair_source']})")
