"""`hemadose effective`: effective dose of a diagnostic radiopharmaceutical from residence times."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("effective")(effective)


def effective(
    nuclide: Annotated[str, typer.Option(help="E.g. Ga-68: any nuclide of ICRP Publication 107 without alphas.")],
    tiac: Annotated[
        list[str] | None,
        typer.Option(help="SOURCE=HOURS (repeatable), e.g. liver=0.13; remainder for the rest of the body."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Table source,tiac_h instead.")] = None,
    sex: Annotated[str, typer.Option(help="male, female or both (mean of the two).")] = "both",
    activity: Annotated[float | None, typer.Option("--activity-MBq", help="Administered: gives mSv.")] = None,
    agent: Annotated[str | None, typer.Option(help="Agent of `hemadose agents`: one for therapy is refused.")] = None,
    even_for_therapy: Annotated[
        bool, typer.Option("--even-for-therapy", help="Compute where effective dose does not apply.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give organ doses and effective dose (ICRP 60 and 103) per activity."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.effective import EffectiveRequest, effective_answer

    answer = effective_answer(
        EffectiveRequest(
            nuclide=nuclide,
            tiac_h=dict(_hours(entry) for entry in tiac or ()),
            csv=csv,
            sex=sex,
            activity_mbq=activity,
            agent=agent,
            even_for_therapy=even_for_therapy,
        )
    )
    if as_json:
        print_json(answer)
        return
    print_table("Effective dose", answer["effective"])
    print_table("Organ doses", answer["organs"])
    print_table("Tissues replaced or left out", answer["replaced"])
    print_notes(answer["notes"])


def _hours(entry: str) -> tuple[str, float]:
    """Split SOURCE=HOURS."""
    from hemadose.errors import InputError

    name, sign, text = entry.partition("=")
    try:
        if not (sign and name.strip()):
            raise ValueError(entry)
        return name.strip(), float(text)
    except ValueError as problem:
        raise InputError("not a residence time", field="--tiac", value=entry, expected="SOURCE=HOURS") from problem
