"""`hemadose register`: one time point brought onto another, with its regions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
ImageHelp = "folder of a CT or PET series, reconstructed NM object, or NIfTI (with --quantity)."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("register")(register_images)


def register_images(
    fixed: Annotated[Path, typer.Argument(help=f"Image to register to: {ImageHelp}")],
    moving: Annotated[Path, typer.Argument(help="Image to be brought onto it, of the same kind.")],
    out: Annotated[Path, typer.Option("--out", help="Result folder.")] = Path("registration"),
    kind: Annotated[str, typer.Option(help="rigid or deformable.")] = "rigid",
    metric: Annotated[
        str | None, typer.Option(help="mutual_information or correlation [default: by the kind of image].")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="demons or bspline [default: demons for CT, bspline for emission].")
    ] = None,
    smoothing_mm: Annotated[float, typer.Option(help="Smoothing of the field of demons.")] = 8.0,
    mesh_mm: Annotated[float, typer.Option(help="Distance of the control points of a B-spline.")] = 100.0,
    no_inverse: Annotated[
        bool, typer.Option("--no-inverse", help="Do not register the other way round as a check (half the time).")
    ] = False,
    regions: Annotated[
        Path | None, typer.Option(help="Regions drawn on MOVING, to be carried over: SEG, RTSTRUCT, NIfTI labels.")
    ] = None,
    also: Annotated[
        list[Path] | None, typer.Option(help="Further images of the session of MOVING (repeatable).")
    ] = None,
    also_quantity: Annotated[str | None, typer.Option(help="HU, counts or Bq/ml of those in NIfTI.")] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="concentration or total, when tissue is stretched [default: total for counts]."),
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="CSV fixed_x,fixed_y,fixed_z,moving_x,moving_y,moving_z in LPS mm.")
    ] = None,
    quantity: Annotated[str | None, typer.Option(help="HU, counts or Bq/ml, for NIfTI.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register two images of one patient and carry images and regions over."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.register import RegisterRequest
    from hemadose.workflow.register import register as run

    answer = run(
        RegisterRequest(
            fixed=fixed,
            moving=moving,
            quantity=quantity,
            kind=kind,
            metric=metric,
            method=method,
            smoothing_mm=smoothing_mm,
            mesh_mm=mesh_mm,
            check_inverse=not no_inverse,
            regions=regions,
            also=tuple(also or ()),
            also_quantity=also_quantity,
            keep=keep,
            landmarks=landmarks,
            out=out,
        )
    )
    if as_json:
        print_json(answer)
        return
    shift = " ".join(f"{v:+.1f}" for v in answer["shift_mm"])
    typer.echo(f"Rotation {answer['rotation_deg']:.2f} degrees, shift at the centre {shift} mm (x y z, LPS)")
    print_table("Quality", _quality_rows(answer))
    if answer["regions"]:
        print_table(
            "Regions carried over",
            [
                {"region": r["name"], "volume ml": r["volume_ml"], "on the moving image": r["volume_on_moving_ml"]}
                for r in answer["regions"]
            ],
        )
    for path in answer["written"]:
        typer.echo(f"Written: {path}")
    print_notes(answer["notes"])


def _quality_rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    quality, landmarks = answer["quality"], answer["landmarks"]
    rows = [
        {"figure": "correlation inside the body, before", "value": quality["correlation_before"]},
        {"figure": "correlation inside the body, after", "value": quality["correlation_after"]},
        {"figure": "mutual information, before", "value": quality["information_before"]},
        {"figure": "mutual information, after", "value": quality["information_after"]},
        {"figure": "body inside the moving image", "value": quality["overlap"]},
        {"figure": "smallest local volume ratio (Jacobian)", "value": quality["jacobian_min"]},
        {"figure": "over and back, mean mm", "value": quality["inverse_error_mean_mm"]},
        {"figure": "over and back, largest mm", "value": quality["inverse_error_max_mm"]},
    ]
    if landmarks is not None:
        rows.append({"figure": "landmarks, mean mm", "value": landmarks["mean_mm"]})
        rows.append({"figure": "landmarks, largest mm", "value": landmarks["max_mm"]})
    return rows
