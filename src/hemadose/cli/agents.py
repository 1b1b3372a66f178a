"""`hemadose agents`."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agents")(agents)


def agents(
    agent: Annotated[str | None, typer.Argument(help="Explain this one.")] = None, as_json: AsJson = False
) -> None:
    """List the radiopharmaceuticals, or explain one with its sources."""
    from hemadose.cli.output import print_json, print_table
    from hemadose.workflow.agents import agent_details, agent_rows

    if agent is None:
        rows = agent_rows()
        if as_json:
            print_json({"agents": rows})
        else:
            print_table("Agents", rows)
        return
    details = agent_details(agent)
    if as_json:
        print_json(details)
        return
    for key, value in details.items():
        if isinstance(value, list):
            typer.echo(f"{key}:")
            for item in value:
                typer.echo(f"  - {item}")
        elif value not in (None, ""):
            typer.echo(f"{key}: {value}")
