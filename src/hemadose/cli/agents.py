"""`hemadose agents`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agents")(agents)


def agents(
    words: Annotated[list[str] | None, typer.Argument(metavar="[show] [ID]", help="Explain this one.")] = None,
    agent_file: Annotated[Path | None, typer.Option(help="The site's own: a TOML file or a folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the radiopharmaceuticals, or explain one with its sources."""
    from hemadose.cli.output import print_json, print_table
    from hemadose.errors import InputError
    from hemadose.workflow.agents import agent_details, agent_rows

    asked = [word for word in words or [] if word != "show"]
    if len(asked) > 1 or (words == ["show"]):
        raise InputError("one agent is explained at a time", field="agents", expected="hemadose agents show ID")
    if not asked:
        rows = agent_rows(agent_file)
        if as_json:
            print_json({"agents": rows})
        else:
            print_table("Agents", rows)
        return
    details = agent_details(asked[0], agent_file)
    if as_json:
        print_json(details)
        return
    for key, value in details.items():
        name = key.replace("_", " ")
        if isinstance(value, list) and value:
            typer.echo(f"{name}:")
            for item in value:
                typer.echo(f"  - {item}")
        elif value and not isinstance(value, list):
            typer.echo(f"{name}: {value}")
