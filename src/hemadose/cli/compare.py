"""`hemadose compare`: two studies, or two dose maps, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for tables and figures.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("compare")(compare)
    app.command("compare-maps")(compare_maps)


def compare(
    first: Annotated[Path, typer.Argument(help="Result folder of a plan, or CSV organ,value,unit[,sd].")],
    second: Annotated[Path, typer.Argument(help="Likewise: another method, program or time.")],
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Compare the organ doses of two studies, programs or methods."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.side_by_side import compare_doses_of_organs

    answer = compare_doses_of_organs(first, second, out=out)
    if as_json:
        print_json(answer)
        return
    typer.echo(f"First: {answer['first']}\nSecond: {answer['second']}")
    print_table("Second against first", answer["organs"])
    found = answer["agreement"]
    if found is not None:
        low, high = found["limits_percent"]
        below, above = found["bias_95_percent"]
        typer.echo(
            f"Bias {found['bias_percent']:+.1f} % (95 % interval {below:+.1f} to {above:+.1f}), limits of agreement "
            f"{low:+.1f} to {high:+.1f} % over {found['organs']} organs"
        )
    for key, word in (("only_in_first", "first"), ("only_in_second", "second")):
        if answer[key]:
            typer.echo(f"Only in the {word}: {', '.join(answer[key])}")
    print_notes(answer["notes"])
    for path in answer["written"]:
        typer.echo(f"Written: {path}")


def compare_maps(
    reference: Annotated[Path, typer.Argument(help="RT Dose, or NIfTI with --unit.")],
    evaluated: Annotated[Path, typer.Argument(help="Likewise.")],
    regions: Annotated[Path | None, typer.Option(help="SEG, RTSTRUCT or labels on the reference's grid.")] = None,
    unit: Annotated[str | None, typer.Option(help="Of NIfTI maps: Gy, mGy or cGy.")] = None,
    same_frame: Annotated[bool, typer.Option("--same-frame", help="Both lie in one frame of reference.")] = False,
    dose_percent: Annotated[float, typer.Option(help="Dose criterion of gamma.")] = 3.0,
    distance_mm: Annotated[float, typer.Option(help="Distance criterion of gamma.")] = 3.0,
    threshold_percent: Annotated[float, typer.Option(help="Voxels below this share are not judged.")] = 10.0,
    local: Annotated[bool, typer.Option("--local", help="Per cent of the local dose.")] = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Compare two dose maps: gamma, and means and D95 of regions."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.side_by_side import MapComparison, compare_dose_maps

    answer = compare_dose_maps(
        MapComparison(
            reference=reference,
            evaluated=evaluated,
            regions=regions,
            unit=unit,
            same_frame=same_frame,
            dose_percent=dose_percent,
            distance_mm=distance_mm,
            threshold_percent=threshold_percent,
            local=local,
            out=out,
        )
    )
    if as_json:
        print_json(answer)
        return
    gamma, whole = answer["gamma"], answer["whole"]
    typer.echo(
        f"Gamma ({gamma['criteria']}): {gamma['pass_percent']:.1f} % of {gamma['judged_voxels']} voxels pass, mean "
        f"{gamma['mean']:.2f}"
    )
    typer.echo(
        f"Voxels: {whole['mean_difference_percent']:+.2f} ± {whole['sd_percent']:.2f} %, central 95 % "
        f"{whole['central_95_percent_low']:+.1f} to {whole['central_95_percent_high']:+.1f} %"
    )
    if answer["regions"]:
        print_table("Regions", answer["regions"])
    print_notes(answer["notes"])
    for path in answer["written"]:
        typer.echo(f"Written: {path}")
