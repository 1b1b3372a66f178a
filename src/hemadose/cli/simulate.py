"""`hemadose simulate`: a virtual patient as DICOM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemadose.cli.screen import Screen


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("simulate")
    def simulate(
        folder: Annotated[Path, typer.Argument(help="New folder for the study.")],
        anatomy: Annotated[
            str, typer.Option(help="male, female, or a folder with a labelled CT (NIfTI or Interfile).")
        ] = "male",
        seed: Annotated[int, typer.Option(help="Of all noise.")] = 1,
        activity_mbq: Annotated[float, typer.Option("--activity-MBq", help="In the syringe.")] = 202.0,
        spect_at_all: Annotated[
            bool, typer.Option("--spect-at-all", help="SPECT/CT at all five times, not one.")
        ] = False,
        projections: Annotated[
            bool, typer.Option("--projections", help="Also SPECT projections, with a case of their own.")
        ] = False,
        pet: Annotated[
            bool, typer.Option("--pet", help="Instead, [68Ga]Pentixafor and FDG PET of a patient with lesions.")
        ] = False,
        post_therapy: Annotated[bool, typer.Option("--post-therapy", help="A study after therapy.")] = False,
        uptake: Annotated[
            list[str] | None, typer.Option(help="Factor on an uptake, e.g. kidneys=1.4 (repeatable).")
        ] = None,
        voxel_mm: Annotated[float, typer.Option(help="Voxels of the stylised anatomy.")] = 4.0,
        as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
    ) -> None:
        """Write a virtual patient's study as DICOM, with a case file and a known truth."""
        from hemadose.cli.output import parse_pairs, print_json
        from hemadose.workflow.simulate import SimulationOptions, simulate_study

        if pet:
            _pet(folder, anatomy, seed, as_json)
            return
        options = SimulationOptions(
            anatomy=anatomy if anatomy in ("male", "female") else Path(anatomy),
            seed=seed,
            activity_bq=activity_mbq * 1e6,
            schedule="spect" if spect_at_all else "hybrid",
            uptake=parse_pairs(uptake or [], option="--uptake"),
            voxel_mm=voxel_mm,
            study="post-therapy" if post_therapy else "pre-therapy",
        )
        screen = Screen(quiet=as_json)
        if projections:
            from hemadose.workflow.projection_study import simulate_projection_study

            written = simulate_projection_study(folder, options, progress=screen)
        else:
            written = simulate_study(folder, options, progress=screen)
        if as_json:
            print_json({"folder": str(folder), "written": [str(p.relative_to(folder)) for p in written]})
        else:
            typer.echo(f"Virtual study in {folder}: {', '.join(p.name for p in written)}")
            case = folder / "projections/case.toml" if projections else folder / "case.toml"
            typer.echo(f"Next: hemadose plan {case} --out RESULT_FOLDER")


def _pet(folder: Path, anatomy: str, seed: int, as_json: bool) -> None:
    """Write the virtual PET study."""
    from hemadose.cli.output import print_json
    from hemadose.errors import InputError
    from hemadose.model import Sex
    from hemadose.workflow.pet_simulation import PetSimulationOptions, simulate_pet

    if anatomy not in ("male", "female"):
        raise InputError(
            "PET is simulated in the stylised adults", field="--anatomy", value=anatomy, expected="male or female"
        )
    written = simulate_pet(folder, PetSimulationOptions(sex=Sex(anatomy), seed=seed, with_fdg=True))
    if as_json:
        print_json({"folder": str(folder), "written": [str(p.relative_to(folder)) for p in written]})
        return
    typer.echo(f"Virtual PET in {folder}: {', '.join(p.name for p in written)}")
    regions = f"--regions {folder}/regions/pentixafor.dcm --compare-regions {folder}/regions/fdg.dcm"
    typer.echo(
        f"Next: hemadose suv {folder}/pentixafor {regions} --compare {folder}/fdg --threshold 4 --out RESULT_FOLDER"
    )
