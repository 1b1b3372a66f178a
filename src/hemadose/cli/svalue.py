"""`hemadose svalue`: S values of the stylised adults, or of any labelled phantom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("svalue")(svalue)


def svalue(
    nuclide: Annotated[str, typer.Option(help="E.g. Lu-177: any nuclide of ICRP Publication 107.")],
    phantom: Annotated[str, typer.Option(help="adult-male or adult-female; not used with --labels.")] = "adult-male",
    labels: Annotated[
        Path | None, typer.Option(help="Label image instead (NIfTI, MetaImage or Interfile); needs --table.")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="CSV: label,name,medium,density_g_per_ml.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Source region (repeatable); all if not given.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Target region (repeatable); all if not given.")] = None,
    chain: Annotated[bool, typer.Option("--chain", help="With daughters that live shorter than the nuclide.")] = False,
    decays: Annotated[int, typer.Option(help="To follow in each source of a label image.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 20261121,
    threads: Annotated[int | None, typer.Option(help="Processor threads; all if not given.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    csv: Annotated[Path | None, typer.Option(help="Write the values to this CSV file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give dose per decay from source to target regions."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.errors import InputError
    from hemadose.workflow.svalues import PHANTOMS, phantom_s_values, stylised_s_values, svalue_answer

    if labels is None:
        if table is not None:
            raise InputError("a table describes the labels of an image", field="--table", expected="--labels with it")
        if phantom not in PHANTOMS:
            raise InputError("no such phantom", field="--phantom", value=phantom, expected=", ".join(PHANTOMS))
        found = stylised_s_values(nuclide, PHANTOMS[phantom], chain=chain)
    else:
        if table is None:
            raise InputError(
                "a label image needs to be told what its labels are", field="--table", expected="a CSV file"
            )
        from hemadose.cli.kernel import followed
        from hemadose.io.phantoms import read_labelled_phantom
        from hemadose.refdata.emissions import emissions

        read = read_labelled_phantom(labels, table, frame_of_reference_uid="2.25.1")
        with followed("Following decays", quiet=as_json) as progress:
            found = phantom_s_values(
                read.anatomy,
                emissions(nuclide, chain=chain),
                media=dict(read.media),
                sources=tuple(source or ()),
                targets=tuple(target or ()),
                decays=decays,
                seed=seed,
                threads=threads,
                device=device,
                report=None if progress is None else lambda _, done, total: progress(done, total),
            )
    answer = svalue_answer(
        nuclide=nuclide, table=found, sources=tuple(source or ()), targets=tuple(target or ()), csv=csv
    )
    if as_json:
        print_json(answer)
        return
    rows = [
        {
            "target": r["target"],
            "source": r["source"],
            "S mGy/(MBq s)": r["s_mGy_per_MBq_s"],
            "of it photons": f"{r['photon'] / r['s_mGy_per_MBq_s']:.0%}" if r["s_mGy_per_MBq_s"] > 0.0 else "",
            "± %": round(100.0 * r["rel_sd"], 2),
        }
        for r in answer["values"]
        if source or target or r["source"] == r["target"]
    ]
    print_table(f"S values of {answer['nuclide']}, {answer['phantom']}", rows)
    if not (source or target):
        typer.echo("Self-dose only; name --source or --target, or use --csv or --json for all pairs")
    typer.echo(f"Method: {answer['method']}")
    if answer["written"]:
        typer.echo(f"Written: {answer['written']}")
    print_notes(answer["notes"])
