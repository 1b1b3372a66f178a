"""`hemadose voxel`: absorbed dose of every voxel, and dose-volume histograms of regions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("voxel")(voxel)


def voxel(
    images: Annotated[
        list[Path] | None,
        typer.Argument(help="Activity in Bq/ml, registered on one grid: NIfTI, or reconstructed NM or PET."),
    ] = None,
    case: Annotated[Path | None, typer.Option(help="Case file (TOML), instead of images, CT and nuclide.")] = None,
    ct: Annotated[Path | None, typer.Option(help="CT of the patient: folder of slices, or NIfTI in HU.")] = None,
    nuclide: Annotated[str, typer.Option(help="E.g. Lu-177.")] = "",
    hours: Annotated[list[float] | None, typer.Option(help="After injection, for each image (repeatable).")] = None,
    regions: Annotated[Path | None, typer.Option(help="SEG, RTSTRUCT or NIfTI labels, on the activity or CT.")] = None,
    method: Annotated[
        str | None, typer.Option(help="local, convolution, hybrid or montecarlo [default: hybrid, or the case's].")
    ] = None,
    curves: Annotated[
        str | None,
        typer.Option(help="voxel, regions, one, or integrated (image in Bq s/ml) [default: by the number of images]."),
    ] = None,
    phases: Annotated[int, typer.Option(help="Exponentials of a curve, 1 or 2.")] = 1,
    half_life_h: Annotated[float | None, typer.Option(help="Effective half-life, for one image.")] = None,
    region_half_life_h: Annotated[
        list[str] | None, typer.Option(help="Effective half-life of a region, e.g. kidney_left=50 (repeatable).")
    ] = None,
    same_frame: Annotated[
        bool, typer.Option("--same-frame", help="NIfTI files lie in the frame of reference of the DICOM ones.")
    ] = False,
    density_curve: Annotated[Path | None, typer.Option(help="CSV hounsfield,g_per_ml of the scanner.")] = None,
    chain: Annotated[bool, typer.Option("--chain", help="With the daughters that live shorter.")] = False,
    activity_sd: Annotated[float, typer.Option(help="Relative uncertainty that all activities share.")] = 0.0,
    target_sd: Annotated[
        float | None, typer.Option(help="Hybrid: relative statistics of 95 % of source voxels [default: 0.03].")
    ] = None,
    decays: Annotated[int | None, typer.Option(help="Monte Carlo: decays to follow [default: 1e7].")] = None,
    particles: Annotated[int, typer.Option(help="Electrons, and photons, to follow for kernels.")] = 1_000_000,
    eud: Annotated[
        list[str] | None, typer.Option(help="Exponent of a region's gEUD, e.g. liver=1 (repeatable).")
    ] = None,
    dose_level: Annotated[list[float] | None, typer.Option(help="Volume above this dose, Gy (repeatable).")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the random numbers [default: 20261121].")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for maps, histograms and figures.")] = None,
    as_json: AsJson = False,
) -> None:
    """Calculate the absorbed dose of every voxel from a case, or from activity images and CT."""
    from hemadose.cli.output import parse_pairs, print_json, print_notes, print_table
    from hemadose.workflow.voxel_activity import ActivityOptions
    from hemadose.workflow.voxel_inputs import VoxelRequest
    from hemadose.workflow.voxel_results import voxel_answer

    activity = ActivityOptions(
        curves=curves,
        hours=tuple(hours or ()),
        phases=phases,
        half_life_h=half_life_h,
        region_half_life_h=parse_pairs(region_half_life_h or (), option="--region-half-life-h"),
    )
    answer = voxel_answer(
        VoxelRequest(
            images=tuple(images or ()),
            case=case,
            ct=ct,
            nuclide=nuclide,
            regions=regions,
            method=method,
            activity=activity,
            same_frame=same_frame,
            density_curve=density_curve,
            chain=chain,
            activity_sd=activity_sd,
            target_sd=target_sd,
            decays=decays,
            particles=particles,
            seed=seed,
            eud_exponent=parse_pairs(eud or (), option="--eud"),
            dose_levels_gy=tuple(dose_level or ()),
            out=out,
        )
    )
    if as_json:
        print_json(answer)
        return
    print_table(f"Absorbed dose, {answer['nuclide']}, {answer['method']}", [_shown(row) for row in answer["regions"]])
    energy = answer["energy_J"]
    typer.echo(
        f"Of {energy['emitted']:.4g} J emitted {energy['in_tissue']:.4g} J were left in tissue, "
        f"{energy['in_air']:.2g} J in air"
    )
    for path in answer["written"]:
        typer.echo(f"Written: {path}")
    print_notes(answer["notes"])


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("region", "volume_ml", "mean_Gy", "mean_sd_Gy", "D98_Gy", "D95_Gy", "D50_Gy", "D2_Gy", "homogeneity_index")
    return {k.replace("_", " "): v for k, v in row.items() if k in kept or k.startswith(("V", "gEUD"))}
