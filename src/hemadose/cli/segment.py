"""`hemadose segment`: regions by threshold, growing, labels made elsewhere, or spheres in the marrow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("segment")(segment)


def segment(
    image: Annotated[
        Path, typer.Argument(help="Folder of a CT or PET series, reconstructed NM object, or NIfTI (with --quantity).")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Regions: .nii.gz (with names in .json) or .dcm.")] = None,
    out_format: Annotated[
        str | None, typer.Option("--format", help="nifti, seg or rtstruct; by the ending if not given (.dcm: seg).")
    ] = None,
    quantity: Annotated[str | None, typer.Option(help="HU, counts or Bq/ml, for NIfTI.")] = None,
    name: Annotated[str, typer.Option(help="Name of a drawn region.")] = "lesion",
    threshold: Annotated[float | None, typer.Option(help="All voxels at or above it, in the image's unit.")] = None,
    percent: Annotated[float | None, typer.Option(help="Percent of the maximum, about its place.")] = None,
    adaptive_fwhm_mm: Annotated[
        float | None, typer.Option(help="Threshold adapted to size, for this resolution.")
    ] = None,
    background: Annotated[float | None, typer.Option(help="Value around the object, for the last two.")] = None,
    grow: Annotated[
        list[str] | None, typer.Option(help="Seed x,y,z in LPS mm (repeatable); with --lower and --upper.")
    ] = None,
    lower: Annotated[float | None, typer.Option(help="Lower limit of growing.")] = None,
    upper: Annotated[float | None, typer.Option(help="Upper limit of growing.")] = None,
    largest_ml: Annotated[float | None, typer.Option(help="Refuse a region that grew beyond it.")] = None,
    within: Annotated[Path | None, typer.Option(help="Regions to search in.")] = None,
    within_name: Annotated[str | None, typer.Option(help="Which of them.")] = None,
    largest: Annotated[bool, typer.Option("--largest", help="Keep the largest part only.")] = False,
    close_mm: Annotated[float | None, typer.Option(help="Close gaps up to twice this radius.")] = None,
    fill: Annotated[bool, typer.Option("--fill", help="Fill holes.")] = False,
    split_mm: Annotated[
        float | None, typer.Option(help="Part touching objects whose cores are this far apart.")
    ] = None,
    least_ml: Annotated[float | None, typer.Option(help="Number the parts, smaller ones left out.")] = None,
    totalsegmentator_labels: Annotated[
        Path | None, typer.Option(help="Output of TotalSegmentator: multilabel NIfTI or folder.")
    ] = None,
    totalsegmentator_weights: Annotated[
        Path | None, typer.Option(help="Run it here with the weights in this folder.")
    ] = None,
    totalsegmentator_program: Annotated[
        str | None, typer.Option(help="Its executable, if it is installed in another environment.")
    ] = None,
    speed: Annotated[str, typer.Option(help="normal, fast or fastest (1.5, 3, 6 mm).")] = "fast",
    device: Annotated[str, typer.Option(help="cpu, gpu, gpu:0 or mps.")] = "cpu",
    region: Annotated[list[str] | None, typer.Option(help="Only these of the labels (repeatable).")] = None,
    join_lumbar: Annotated[bool, typer.Option("--join-lumbar", help="L2-L4 as one region lumbar_l2_l4.")] = False,
    marrow_spheres: Annotated[Path | None, typer.Option(help="Place spheres in the bones of these labels.")] = None,
    landmark: Annotated[
        list[str] | None, typer.Option(help="Place a sphere near site=x,y,z in LPS mm (repeatable).")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option(help="Bones for spheres (repeatable) [default: lumbar_l2, l3, l4].")
    ] = None,
    bodies: Annotated[Path | None, typer.Option(help="Labels of the vertebral bodies.")] = None,
    radius_mm: Annotated[float, typer.Option(help="Largest radius of a sphere.")] = 10.0,
    margin_mm: Annotated[float, typer.Option(help="From sphere to the outline of the bone.")] = 3.0,
    ct: Annotated[Path | None, typer.Option(help="CT for mass and cortex, if IMAGE is none.")] = None,
    density_curve: Annotated[
        Path | None, typer.Option(help="CSV hounsfield,g_per_ml of the scanner, in place of the published curve.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the regions: .png, .svg or .pdf.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make regions from an image, measure volume and mass, and write them."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.imaging.regions.marrow_spheres import LUMBAR
    from hemadose.workflow.figure_files import require_figure_ending
    from hemadose.workflow.segment import SegmentRequest
    from hemadose.workflow.segment import segment as make

    if figure is not None:
        require_figure_ending(figure, option="--figure")
    answer = make(
        SegmentRequest(
            image=image,
            quantity=quantity,
            name=name,
            threshold=threshold,
            percent=percent,
            adaptive_fwhm_mm=adaptive_fwhm_mm,
            background=background,
            grow=tuple(_point(text, "--grow") for text in grow or ()),
            lower=lower,
            upper=upper,
            largest_ml=largest_ml,
            within=within,
            within_name=within_name,
            totalsegmentator_labels=totalsegmentator_labels,
            totalsegmentator_weights=totalsegmentator_weights,
            totalsegmentator_program=totalsegmentator_program,
            speed=speed,
            device=device,
            classes=tuple(region or ()),
            join_lumbar=join_lumbar,
            marrow_spheres=marrow_spheres,
            landmarks=dict(_named(text) for text in landmark or ()),
            sites=tuple(site or LUMBAR),
            bodies=bodies,
            radius_mm=radius_mm,
            margin_mm=margin_mm,
            ct=ct,
            density_curve=density_curve,
            largest=largest,
            fill=fill,
            close_mm=close_mm,
            split_mm=split_mm,
            least_ml=least_ml,
            out=out,
            out_format=out_format,
            figure=figure,
        )
    )
    if as_json:
        print_json(answer)
        return
    print_table("Regions", [_row(r) for r in answer["regions"]])
    if answer["spheres"]:
        print_table("Spheres", [_sphere(s) for s in answer["spheres"]])
    for path in answer["written"]:
        typer.echo(f"Written: {path}")
    print_notes(answer["notes"])


def _row(region: dict[str, Any]) -> dict[str, Any]:
    return {
        "region": region["name"],
        "volume ml": region["volume_ml"],
        "mass g": region["mass_g"],
        "g/ml": region["density_g_per_ml"],
        f"mean {region['unit']}": region["mean"],
        "sd": region["sd"],
        "maximum": region["maximum"],
    }


def _sphere(sphere: dict[str, Any]) -> dict[str, Any]:
    return {
        "site": sphere["site"],
        "centre mm": " ".join(f"{v:.1f}" for v in sphere["centre_mm"]),
        "radius mm": sphere["radius_mm"],
        "clearance mm": sphere["clearance_mm"],
        "HU": sphere["HU_mean"],
    }


def _point(text: str, option: str) -> tuple[float, float, float]:
    from hemadose.errors import InputError

    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError as problem:
        raise InputError(
            "three numbers are expected", field=option, value=text, expected="x,y,z in LPS mm"
        ) from problem
    return x, y, z


def _named(text: str) -> tuple[str, tuple[float, float, float]]:
    from hemadose.errors import InputError

    name, sign, numbers = text.partition("=")
    if not sign:
        raise InputError("name=x,y,z is expected", field="--landmark", value=text, expected="lumbar_l3=4.0,-146,316")
    return name.strip(), _point(numbers, "--landmark")
