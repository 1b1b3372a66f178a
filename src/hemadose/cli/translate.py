"""`hemadose translate`: doses of another nuclide from a tracer study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("translate")(translate)


def translate(
    to: Annotated[str, typer.Option("--to", help="Wanted nuclide or agent, e.g. Y-90 or y90-pentixather.")],
    measured: Annotated[str | None, typer.Option("--from", help="Measured nuclide or agent.")] = None,
    half_life: Annotated[
        list[str] | None, typer.Option(help="Effective half-life measured, hours, e.g. kidneys=41 (repeatable).")
    ] = None,
    half_life_sd: Annotated[
        list[str] | None, typer.Option(help="Its standard uncertainty, hours, e.g. kidneys=10.")
    ] = None,
    dose: Annotated[list[str] | None, typer.Option(help="Measured Gy/GBq, e.g. kidneys=0.91 (repeatable).")] = None,
    uptake: Annotated[
        list[str] | None, typer.Option(help="Or uptake in percent of the injected activity, e.g. kidneys=4.4.")
    ] = None,
    mass_g: Annotated[list[str] | None, typer.Option("--mass-g", help="Organ mass, e.g. kidneys=310.")] = None,
    sex: Annotated[str, typer.Option(help="Stylised adult: male or female.")] = "male",
    result: Annotated[Path | None, typer.Option(help="Result folder of a plan instead; needs --case.")] = None,
    case: Annotated[Path | None, typer.Option(help="Case file of that plan.")] = None,
    agent_file: Annotated[Path | None, typer.Option(help="The site's own: a TOML file or a folder.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 3 if the published medians of an organ are not reproduced.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Translate doses from one nuclide to another on the same molecule."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, parse_pairs, print_json
    from hemadose.errors import InputError
    from hemadose.workflow.agents import site_agents
    from hemadose.workflow.translate_numbers import label_of, sex_of, translate_numbers

    own = site_agents(agent_file)
    wanted = label_of(to, own=own)
    if (result is None) != (case is None):
        raise InputError("a plan is translated with its case file", field="--result, --case")
    if result is not None and case is not None:
        from hemadose.workflow.translate import translate_plan

        given = [word for word, value in (("--from", measured), ("--half-life", half_life), ("--dose", dose)) if value]
        if given:
            raise InputError("these come from the plan", field=", ".join(given), remedy="leave them out")
        answer = translate_plan(result, case, wanted=wanted, own=own).answer
    elif measured is None:
        raise InputError("what was measured is not given", field="--from", expected="Lu-177, or --result and --case")
    else:
        answer = translate_numbers(
            measured=label_of(measured, own=own),
            wanted=wanted,
            half_lives_h=parse_pairs(half_life or [], option="--half-life"),
            half_life_sds_h=parse_pairs(half_life_sd or [], option="--half-life-sd"),
            doses_gy_per_gbq=parse_pairs(dose or [], option="--dose"),
            uptakes_percent=parse_pairs(uptake or [], option="--uptake"),
            masses_g=parse_pairs(mass_g or [], option="--mass-g"),
            sex=sex_of(sex),
        )
    if as_json:
        print_json(answer)
    else:
        print_translation(answer)
    if check and any(row["agrees_with_published"] is False for row in answer["organs"]):
        raise typer.Exit(EXIT_LIMIT_VIOLATED)


def print_translation(answer: dict[str, Any]) -> None:
    """Print translated doses as a person wants to read them."""
    from hemadose.cli.numbers import print_prescription
    from hemadose.cli.output import print_notes, print_table

    rows = [
        {
            "organ": r["organ"],
            **({"T_eff h": r["effective_half_life_h"]} if "effective_half_life_h" in r else {}),
            "measured Gy/GBq": r["measured_Gy_per_GBq"],
            "dose ratio": r["dose_ratio"],
            "± SD": r["dose_ratio_sd"],
            "translated Gy/GBq": r["translated_Gy_per_GBq"],
            "ratio published": r["published_ratio"],
            "medians reproduced": {None: "", True: "yes", False: "NO"}[r["agrees_with_published"]],
        }
        for r in answer["organs"]
    ]
    print_table(f"{answer['from']} to {answer['to']}", rows)
    print_notes(answer["notes"])
    if answer.get("prescription") is not None:
        print_prescription(answer["prescription"])
