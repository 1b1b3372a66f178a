"""`hemadose calibrate`: phantom experiments into the numbers a case file takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Write result (JSON), case lines (TOML) and figure (SVG) here.")
]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help="Turn phantom experiments into calibration numbers.")
    group.command("planar")(planar)
    group.command("spect")(spect)
    group.command("spheres")(spheres)
    group.command("dead-time")(dead_time)
    group.command("cross")(cross)
    app.add_typer(group, name="calibrate")


def planar(
    file: Annotated[Path, typer.Argument(help="Experiment (TOML).")], out: OutOption = None, as_json: AsJson = False
) -> None:
    """Measure the planar sensitivity from a source in air."""
    from hemadose.workflow.calibrate import calibrate_planar

    result = calibrate_planar(file)
    if not _as_json(result, out, as_json):
        heads = [_factor_row(h["head"], h) for h in result.answer["heads"]]
        _print("Planar sensitivity", [*heads, _factor_row("mean", result.answer["sensitivity"])], result, out)


def spect(
    file: Annotated[Path, typer.Argument(help="Experiment (TOML).")], out: OutOption = None, as_json: AsJson = False
) -> None:
    """Measure the SPECT calibration factor from a cylinder, a sphere, or both."""
    from hemadose.workflow.calibrate import calibrate_spect

    result = calibrate_spect(file)
    if not _as_json(result, out, as_json):
        found = [result.answer["factor"], *result.answer["others"]]
        _print("SPECT calibration factor", [_factor_row(f["method"], f) for f in found], result, out)


def spheres(
    file: Annotated[Path, typer.Argument(help="Table of spheres (CSV), or phantom image (TOML).")],
    form: Annotated[str, typer.Option(help="gear2, gear3 or gaussian.")] = "gear2",
    shared_relative_sd: Annotated[
        float | None, typer.Option("--shared-relative-sd", help="Common to all spheres; needed for a CSV.")
    ] = None,
    at_ml: Annotated[
        float | None, typer.Option("--at-ml", help="State the case's uncertainty for this volume.")
    ] = None,
    out: OutOption = None,
    as_json: AsJson = False,
) -> None:
    """Fit the recovery curve of phantom spheres, with covariance and bands."""
    from hemadose.workflow.calibrate import calibrate_spheres

    result = calibrate_spheres(file, form=form, shared_relative_sd=shared_relative_sd, at_ml=at_ml)  # type: ignore[arg-type]
    if not _as_json(result, out, as_json):
        rows = [
            {
                "sphere": s["name"],
                "ml": s["volume_ml"],
                "recovery": s["recovery"],
                "± SD": s["sd"],
                "curve": s["curve"],
                "± curve": s["curve_sd"],
            }
            for s in result.answer["spheres"]
        ]
        _print(f"Recovery, {result.answer['form']}", rows, result, out)


def dead_time(
    file: Annotated[Path, typer.Argument(help="Experiment (TOML).")],
    model: Annotated[str, typer.Option(help="paralysable, non-paralysable or hybrid.")] = "paralysable",
    out: OutOption = None,
    as_json: AsJson = False,
) -> None:
    """Measure the dead time from two sources, or from one that decays."""
    from hemadose.workflow.calibrate import calibrate_dead_time

    result = calibrate_dead_time(file, model=model)  # type: ignore[arg-type]
    if not _as_json(result, out, as_json):
        rows = [
            {
                "model": c["model"],
                "paralysable µs": c["paralysable_us"],
                "± SD": c["paralysable_sd_us"],
                "non-paralysable µs": c["nonparalysable_us"],
                "± SD ": c["nonparalysable_sd_us"],
                "chi2": c["chi_square"],
                "AICc": c["aicc"],
            }
            for c in result.answer["candidates"]
        ]
        _print(f"Dead time, {result.answer['experiment_type']}", rows, result, out)


def cross(
    file: Annotated[Path, typer.Argument(help="Experiment (TOML).")], out: OutOption = None, as_json: AsJson = False
) -> None:
    """Compare the dose calibrator with a reference source, another geometry, or other settings."""
    from hemadose.workflow.calibrate import calibrate_cross

    result = calibrate_cross(file)
    if not _as_json(result, out, as_json):
        rows: list[dict[str, Any]] = [
            {
                "experiment": name,
                "factor": result.answer[name]["factor"],
                "± %": 100.0 * result.answer[name]["relative_sd"],
            }
            for name in ("reference", "geometry")
            if name in result.answer
        ]
        if "dial" in result.answer:
            dial = result.answer["dial"]
            typer.echo(f"Setting {dial['setting']:.1f} ± {dial['sd']:.1f}")
        _print("Dose calibrator", rows, result, out)


def _factor_row(name: str, factor: dict[str, Any]) -> dict[str, Any]:
    return {"measured": name, "counts/(s MBq)": factor["cps_per_MBq"], "± %": 100.0 * factor["relative_sd"]}


def _as_json(result: Any, out: Path | None, as_json: bool) -> bool:
    """Write the files; print JSON if asked, and tell whether that was all."""
    from hemadose.cli.output import print_json
    from hemadose.workflow.calibrate import write_answer

    files = write_answer(result, out) if out is not None else ()
    if as_json:
        print_json({**result.answer, "files": [str(path) for path in files]})
    return as_json


def _print(title: str, rows: list[dict[str, Any]], result: Any, out: Path | None) -> None:
    from hemadose.cli.output import print_notes, print_table

    print_table(title, rows)
    print_notes(result.answer["notes"])
    typer.echo("\nFor the case file:\n\n" + result.snippet)
    if out is not None:
        typer.echo(f"Written: {out}/{result.kind}.json, .toml" + (", .svg" if result.figure else ""))
