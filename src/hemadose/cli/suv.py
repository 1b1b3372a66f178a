"""`hemadose suv`: standardised uptake values, tumour volume and skeletal sites of a PET."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("suv")(suv)


def suv(
    pet: Annotated[Path, typer.Argument(help="Folder with one PET series (DICOM).")],
    regions: Annotated[
        Path | None, typer.Option(help="SEG, RTSTRUCT or NIfTI labels: organs, bones, lesion_1 ...")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="JSON of skull_base, c4, t5, l5, ilium_left, ilium_right: LPS mm.")
    ] = None,
    measure: Annotated[str, typer.Option(help="bw, lbm-james, lbm-janmahasatian or bsa.")] = "bw",
    threshold: Annotated[
        str | None, typer.Option(help="Tumour: 4 (SUV), 41%, 50%, liver, blood, or e.g. liver*1.5+2sd.")
    ] = None,
    detect: Annotated[
        str | None, typer.Option(help="What a lesion is where the threshold is a share of its maximum.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Physiological uptake (repeatable; none) [default: the tracer's].")
    ] = None,
    minimum_ml: Annotated[float, typer.Option(help="Leave out smaller parts.")] = 0.5,
    margin_mm: Annotated[float, typer.Option(help="Left out around physiological uptake.")] = 5.0,
    site_radius_mm: Annotated[float, typer.Option(help="Of the spheres at landmarks.")] = 10.0,
    compare: Annotated[Path | None, typer.Option(help="Folder with the PET of a second tracer.")] = None,
    compare_regions: Annotated[Path | None, typer.Option(help="Regions of the second PET.")] = None,
    transform: Annotated[
        Path | None, typer.Option(help="4 x 4 matrix: LPS mm of the second PET to those of the first.")
    ] = None,
    tolerance_mm: Annotated[float, typer.Option(help="Lesions of two tracers this near are one site.")] = 5.0,
    weight_kg: Annotated[float | None, typer.Option(help="Instead of the header's.")] = None,
    height_cm: Annotated[float | None, typer.Option(help="Instead of the header's.")] = None,
    sex: Annotated[str | None, typer.Option(help="male or female, instead of the header's.")] = None,
    activity_mbq: Annotated[
        float | None, typer.Option("--activity-MBq", help="Net activity at injection (syringe minus residual).")
    ] = None,
    injected_at: Annotated[str | None, typer.Option(help="E.g. 2025-02-24T09:00, instead of the header's.")] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of files without one, e.g. Europe/Berlin.")] = None,
    top_suv: Annotated[float, typer.Option(help="Black in the projections.")] = 10.0,
    out: Annotated[Path | None, typer.Option(help="Result folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure uptake, tumour volume and skeletal sites of a PET, and compare two tracers."""
    from hemadose.cli.output import print_json
    from hemadose.workflow.pet import SuvRequest, suv_answer

    given = _zone(zone)
    request = SuvRequest(
        pet=pet,
        regions=regions,
        landmarks=landmarks,
        measure=_measure(measure),
        threshold=threshold,
        detection=detect,
        exclude=tuple(exclude) if exclude else None,
        minimum_ml=minimum_ml,
        margin_mm=margin_mm,
        site_radius_mm=site_radius_mm,
        compare=compare,
        compare_regions=compare_regions,
        transform=transform,
        tolerance_mm=tolerance_mm,
        stated=_stated(weight_kg, height_cm, sex, activity_mbq, injected_at, given),
        zone=given,
    )
    answer = suv_answer(request, out=out, top_suv=top_suv)
    if as_json:
        print_json(answer)
        return
    print_answer(answer)


def _measure(text: str) -> Any:
    from hemadose.errors import InputError
    from hemadose.model.pet import SuvMeasure

    if text not in {m.value for m in SuvMeasure}:
        raise InputError(
            "unknown uptake measure", field="--measure", value=text, expected=", ".join(m.value for m in SuvMeasure)
        )
    return SuvMeasure(text)


def _zone(text: str | None) -> Any:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from hemadose.errors import InputError

    if text is None:
        return None
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as problem:
        raise InputError("unknown time zone", field="--zone", value=text, expected="Europe/Berlin") from problem


def _stated(
    weight_kg: float | None,
    height_cm: float | None,
    sex: str | None,
    activity_mbq: float | None,
    injected_at: str | None,
    zone: Any,
) -> Any:
    from datetime import UTC, datetime

    from hemadose.errors import InputError
    from hemadose.io.dicom.pet_injection import StatedFacts
    from hemadose.model import Sex
    from hemadose.units import MBQ

    if sex is not None and sex not in ("male", "female"):
        raise InputError("unknown sex", field="--sex", value=sex, expected="male or female")
    moment = None
    if injected_at is not None:
        try:
            moment = datetime.fromisoformat(injected_at)
        except ValueError as problem:
            raise InputError(
                "unreadable time", field="--injected-at", value=injected_at, expected="2025-02-24T09:00"
            ) from problem
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone or UTC)
    return StatedFacts(
        weight_kg=weight_kg,
        height_cm=height_cm,
        sex=None if sex is None else Sex(sex),
        activity_bq=None if activity_mbq is None else activity_mbq * MBQ,
        injected_at=moment,
    )


def print_answer(answer: dict[str, Any]) -> None:
    """Print what was measured as a person wants to read it."""
    from hemadose.cli.output import print_notes, print_table

    scan, name = answer["scan"], answer["measure"]
    when = "" if scan["uptake_time_min"] is None else f", {scan['uptake_time_min']:.0f} min after injection"
    typer.echo(f"\n{scan['tracer'] or 'PET'}{when}; {name} in {answer['unit']}")
    print_table("Reference regions", [_short(row) for row in answer["references"]])
    print_table("Regions", [_short(row) for row in answer["regions"]])
    print_table("Skeletal sites", [{**_short(row), "source": row["source"]} for row in answer["sites"]])
    _print_tumour(answer["tumour"])
    _print_comparison(answer["comparison"])
    print_notes(answer["notes"])
    for path in answer["written"]:
        typer.echo(f"Written: {path}")


def _short(row: dict[str, Any]) -> dict[str, Any]:
    keys = ("region", "volume_ml", "suv_max", "suv_peak", "suv_mean", "tbr")
    return {key.replace("_", " "): row[key] for key in keys}


def _print_tumour(tumour: dict[str, Any] | None) -> None:
    from hemadose.cli.output import print_table

    if tumour is None:
        return
    rows = [{**_short(row), "above": row["threshold_suv"], "in": row["located_in"]} for row in tumour["lesions"]]
    print_table(f"Lesions, threshold {tumour['threshold']}", rows)
    typer.echo(
        f"Tumour: {tumour['count']} lesions, {tumour['volume_ml']:.4g} ml, "
        f"total lesion uptake {tumour['total_uptake_SUV_ml']:.4g} SUV ml"
    )


def _print_comparison(comparison: dict[str, Any] | None) -> None:
    from hemadose.cli.output import print_table

    if comparison is None:
        return
    first, second = comparison["first"], comparison["second"]
    rows = [
        {
            "site": row["site"],
            "seen by": {"both": "both", "first_only": first, "second_only": second}[row["concordance"]],
            f"SUVmax {first}": row["first_suv_max"],
            f"SUVmax {second}": row["second_suv_max"],
            "ratio": row["ratio"],
            "in": row["located_in"],
        }
        for row in comparison["sites"]
    ]
    print_table(f"{first} against {second}", rows)
    typer.echo(
        f"Both {comparison['both']}, only {first} {comparison['first_only']}, only {second} {comparison['second_only']}"
    )
