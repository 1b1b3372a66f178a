"""`hemadose nuclide`: what one nuclide gives off, in numbers and as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]

_LONGEST = 15


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("nuclide")(nuclide)


def nuclide(
    name: Annotated[str, typer.Argument(help="E.g. Lu-177, 177Lu, Tc-99m: any nuclide of ICRP Publication 107.")],
    chain: Annotated[bool, typer.Option("--chain", help="Sum the daughters that live shorter than it.")] = False,
    spectrum: Annotated[Path | None, typer.Option(help="Draw the spectrum into this PNG, SVG or PDF file.")] = None,
    min_yield: Annotated[float, typer.Option(help="Leave out weaker lines (per decay).")] = 0.001,
    as_json: AsJson = False,
) -> None:
    """Show half-life, daughters, mean energies, lines and beta spectra of a nuclide."""
    from hemadose.cli.output import print_json
    from hemadose.workflow.emissions import draw_spectrum, nuclide_facts

    facts = nuclide_facts(name, chain=chain, min_yield=min_yield)
    if spectrum is not None:
        draw_spectrum(name, spectrum, chain=chain, min_yield=min_yield)
    if as_json:
        print_json({**facts, "spectrum": None if spectrum is None else str(spectrum)})
        return
    print_facts(facts)
    if spectrum is not None:
        typer.echo(f"Spectrum written to {spectrum}")


def print_facts(facts: dict[str, Any]) -> None:
    """Print a nuclide as a person wants to read it."""
    from hemadose.cli.output import print_notes, print_table

    with_daughters = " with its daughters" if facts["chain"] else ""
    typer.echo(f"\n{facts['nuclide']}{with_daughters}: half-life {facts['half_life']} ({facts['half_life_h']:.6g} h)")
    print_table("Decay", [_shown(row) for row in facts["decays"]])
    print_table("Daughters in equilibrium (decays and activity per those of the parent)", facts["chain_members"])
    print_table("Mean energy per decay", _energy_rows(facts["energy_keV"]))
    _print_deposition(facts)
    print_table("Beta spectra", _without_parent(facts["betas"], facts))
    strongest = facts["lines"][:_LONGEST]
    print_table("Lines by the energy they carry", _without_parent(strongest, facts))
    further = len(facts["lines"]) - len(strongest)
    if further:
        typer.echo(f"  {further} more lines with --json")
    if facts["lines_left_out"]:
        typer.echo(f"  {facts['lines_left_out']} lines are weaker than --min-yield")
    print_notes(facts["notes"])
    typer.echo(f"Source: {facts['source']}")


def _energy_rows(energies: dict[str, float]) -> list[dict[str, Any]]:
    return [
        {"emission": name.replace("_", " "), "keV": round(value) if value >= 1e4 else value}
        for name, value in energies.items()
        if value > 0.0
    ]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "fraction": f"{100.0 * row['fraction']:.4g} %"}


def _without_parent(rows: list[dict[str, Any]], facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Name the nuclide of a line only where there are several."""
    hidden = () if facts["chain"] else ("nuclide",)
    return [{k: v for k, v in row.items() if k not in hidden} for row in rows]


def _print_deposition(facts: dict[str, Any]) -> None:
    local = facts["local_deposition_g_Gy_per_MBq_h"]
    typer.echo(f"Local deposition of electrons: {local['electrons']:.5g} g Gy/(MBq h)")
    if facts["energy_keV"]["alpha"] > 0.0:
        typer.echo(
            f"Local deposition of electrons and alpha particles: {local['electrons_and_alpha']:.5g} g Gy/(MBq h)"
        )
