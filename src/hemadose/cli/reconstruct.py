"""`hemadose reconstruct`: SPECT projections into an image in counts or Bq/ml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
_SHOWN = ("nuclide", "window_keV", "scatter", "attenuation", "collimator", "iterations", "subsets", "beds", "views")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconstruct")(reconstruct)


def reconstruct(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="NM TOMO objects of one study: all its windows and beds.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Result folder.")] = Path("reconstruction"),
    ct: Annotated[Path | None, typer.Option("--ct", help="Folder of the CT, for attenuation.")] = None,
    iterations: Annotated[int, typer.Option(help="Iterations of OSEM.")] = 8,
    subsets: Annotated[int, typer.Option(help="Subsets of OSEM.")] = 4,
    scatter: Annotated[str, typer.Option(help="tew, dew (lower window alone) or none.")] = "tew",
    scatter_filter_mm: Annotated[
        float, typer.Option(help="FWHM of the Gaussian filter of the scatter estimate.")
    ] = 0.0,
    collimator: Annotated[
        str | None, typer.Option(help="Name in the collimator tables; none for no resolution recovery.")
    ] = None,
    post_filter_mm: Annotated[float, typer.Option(help="FWHM of the Gaussian filter after reconstruction.")] = 0.0,
    photopeak_kev: Annotated[
        float | None, typer.Option("--photopeak-keV", help="Gamma line, if not the most abundant one acquired.")
    ] = None,
    cps_per_mbq: Annotated[
        float | None, typer.Option("--cps-per-MBq", help="Sensitivity of one detector, from a phantom: gives Bq/ml.")
    ] = None,
    kvp: Annotated[float | None, typer.Option(help="Tube voltage, if the CT does not state it.")] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of the clinic, e.g. Europe/Berlin.")] = None,
    nuclide: Annotated[str | None, typer.Option(help="Radionuclide, if the file does not name it.")] = None,
    patient_position: Annotated[
        str | None, typer.Option(help="HFS, FFS, HFP or FFP, if the file does not say.")
    ] = None,
    stored_in: Annotated[
        str | None, typer.Option(help="patient or camera coordinates, for feet-first or prone patients.")
    ] = None,
    start_angle: Annotated[
        list[float] | None, typer.Option(help="Start angle of each detector, degrees (repeatable).")
    ] = None,
    radius_mm: Annotated[float | None, typer.Option(help="Axis to collimator face, if the file lacks it.")] = None,
    place_mm: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="x and y of the axis of rotation, z of the uppermost row (LPS)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Reconstruct SPECT projections with attenuation, scatter and resolution recovery."""
    from hemadose.cli.kernel import followed
    from hemadose.io.dicom.tomo_header import TomoStatements
    from hemadose.workflow.reconstruct import reconstruct_study
    from hemadose.workflow.reconstruct_files import summary, write_reconstruction
    from hemadose.workflow.reconstruct_plan import ReconstructionRequest

    request = ReconstructionRequest(
        files=tuple(files),
        ct=ct,
        iterations=iterations,
        subsets=subsets,
        scatter=scatter,
        scatter_filter_mm=scatter_filter_mm,
        collimator=collimator,
        post_filter_mm=post_filter_mm,
        photopeak_kev=photopeak_kev,
        calibration_cps_per_mbq=cps_per_mbq,
        kvp=kvp,
        zone=_zone(zone),
        stated=TomoStatements(
            nuclide=nuclide,
            patient_position=patient_position,
            stored_in=stored_in,
            start_angle_deg=tuple(start_angle or ()),
            radius_mm=radius_mm,
            place_mm=place_mm,
        ),
    )
    with followed("Reconstructing", quiet=as_json) as progress:
        study = reconstruct_study(request, progress=progress)
    written = write_reconstruction(study, out, sources=request.files)
    answer = {**summary(study), "out": str(out), "files": [path.name for path in written]}
    _print(answer, as_json=as_json)


def _zone(name: str | None) -> Any:
    """Time zone by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from hemadose.errors import InputError

    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as problem:
        raise InputError("no such time zone", field="--zone", value=name, expected="e.g. Europe/Berlin") from problem


def _print(answer: dict[str, Any], *, as_json: bool) -> None:
    from hemadose.cli.output import print_json, print_notes, print_table

    if as_json:
        print_json(answer)
        return
    print_table("Reconstruction", [{name: answer["settings"][name] for name in _SHOWN}])
    shape = " x ".join(str(n) for n in answer["shape"])
    pitch = " x ".join(f"{v:g}" for v in answer["spacing_mm"])
    typer.echo(
        f"{shape} voxels of {pitch} mm, {answer['unit']}, maximum {answer['maximum']:.4g}, "
        f"decay-corrected to {answer['decay_reference_at']}"
    )
    print_notes(answer["notes"])
    typer.echo(f"Written: {', '.join(answer['files'])} in {answer['out']}")
