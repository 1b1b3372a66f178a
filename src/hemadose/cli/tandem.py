"""`hemadose tandem`: two agents in sequence and total body irradiation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tandem")(tandem)


def tandem(
    agent: Annotated[
        list[str] | None, typer.Option(help="agent=GBq@day from the transplant, e.g. lu177-pentixather=12.4@-15.")
    ] = None,
    plan: Annotated[
        list[str] | None, typer.Option(help="folder=GBq@day: doses and curves of the patient's own plan (repeatable).")
    ] = None,
    coefficient: Annotated[
        list[str] | None, typer.Option(help="Patient's Gy/GBq, e.g. lu177-pentixather:kidneys=1.44 (repeatable).")
    ] = None,
    half_life: Annotated[
        list[str] | None, typer.Option("--half-life-h", help="Effective, e.g. re188-anti-cd66:kidneys=15 (repeatable).")
    ] = None,
    tbi_fraction: Annotated[
        float | None, typer.Option("--tbi-fraction-Gy", help="Dose of one fraction of TBI.")
    ] = None,
    tbi_fractions: Annotated[int, typer.Option("--tbi-fractions", help="Fractions in all.")] = 4,
    tbi_first: Annotated[float, typer.Option("--tbi-first-day", help="Of the first, from the transplant.")] = -9.0,
    tbi_per_day: Annotated[int, typer.Option("--tbi-per-day", help="Fractions a day.")] = 2,
    tbi_gap: Annotated[float, typer.Option("--tbi-gap-h", help="Between fractions of a day.")] = 8.0,
    tbi_factor: Annotated[
        list[str] | None, typer.Option(help="Organ dose over prescribed dose, e.g. lungs=0.8 (repeatable).")
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="Gy of all agents, e.g. kidneys=23 (repeatable). Default: packaged.")
    ] = None,
    dose_limit: Annotated[list[str] | None, typer.Option(help="Gy with TBI (repeatable).")] = None,
    bed_limit: Annotated[list[str] | None, typer.Option(help="BED with TBI, e.g. kidneys=40 (repeatable).")] = None,
    eqd2_limit: Annotated[list[str] | None, typer.Option(help="EQD2 with TBI (repeatable).")] = None,
    residual_limit: Annotated[
        list[str] | None, typer.Option(help="Gy after the transplant, e.g. red_marrow=1. Default: packaged.")
    ] = None,
    before_tbi: Annotated[float, typer.Option("--days-before-tbi", help="From the last agent to TBI.")] = 5.0,
    alpha_beta: Annotated[
        list[str] | None, typer.Option("--alpha-beta-Gy", help="Instead of the packaged one, e.g. kidneys=2.5.")
    ] = None,
    repair: Annotated[
        list[str] | None, typer.Option("--repair-h", help="Repair half-life, e.g. kidneys=2.8 (repeatable).")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the timeline into this PNG, SVG or PDF.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 3 if a limit is violated or cannot be judged.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add agents in sequence and total body irradiation: dose, BED and EQD2 per organ, limits on the sums."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, parse_pairs, print_json
    from hemadose.therapy.tandem.tbi import TbiScheme
    from hemadose.workflow.tandem import TandemRequest, tandem_answer
    from hemadose.workflow.tandem_agents import Overrides, parse_giving

    tbi = None
    if tbi_fraction is not None:
        tbi = TbiScheme(
            fraction_gy=tbi_fraction,
            fractions=tbi_fractions,
            first_day=tbi_first,
            per_day=tbi_per_day,
            gap_h=tbi_gap,
            factors=parse_pairs(tbi_factor or (), option="--tbi-factor"),
        )
    limits = {
        (quantity, organ): value
        for quantity, pairs in (
            ("agents", limit),
            ("dose", dose_limit),
            ("bed", bed_limit),
            ("eqd2", eqd2_limit),
            ("residual", residual_limit),
        )
        for organ, value in parse_pairs(pairs or (), option=f"limit on {quantity}").items()
    }
    request = TandemRequest(
        agents=tuple(parse_giving(text, option="--agent") for text in agent or ()),
        plans=tuple(parse_giving(text, option="--plan") for text in plan or ()),
        overrides=Overrides(
            half_life_h=_of_agent(half_life or (), option="--half-life-h"),
            gy_per_gbq=_of_agent(coefficient or (), option="--coefficient"),
        ),
        tbi=tbi,
        limits=limits,
        days_before_tbi=before_tbi,
        alpha_beta_gy=parse_pairs(alpha_beta or (), option="--alpha-beta-Gy"),
        repair_h=parse_pairs(repair or (), option="--repair-h"),
    )
    answer = tandem_answer(request, figure=figure)
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    if check and not answer["limits_kept"]:
        raise typer.Exit(EXIT_LIMIT_VIOLATED)


def _of_agent(pairs: Sequence[str], *, option: str) -> dict[tuple[str, str], float]:
    from hemadose.cli.output import parse_pairs
    from hemadose.errors import InputError

    found = {}
    for key, value in parse_pairs(pairs, option=option).items():
        name, colon, organ = key.partition(":")
        if not (colon and name and organ):
            raise InputError(
                "agent:organ=number is expected", field=option, value=key, expected="lu177-pentixather:kidneys=1.44"
            )
        found[name.strip(), organ.strip()] = value
    return found


def _print(answer: dict[str, Any]) -> None:
    from hemadose.cli.output import print_notes, print_table

    print_table(
        "All therapies",
        [
            {
                "organ": row["organ"],
                "agents Gy": row["agents"]["Gy"],
                "range": f"{row['agents']['low_Gy']:.3g}-{row['agents']['high_Gy']:.3g}",
                "with TBI Gy": row["dose"]["Gy"],
                "BED Gy": None if row["bed"] is None else row["bed"]["Gy"],
                "range ": "" if row["bed"] is None else f"{row['bed']['low_Gy']:.3g}-{row['bed']['high_Gy']:.3g}",
                "EQD2 Gy": None if row["eqd2"] is None else row["eqd2"]["Gy"],
                "after transplant Gy": row["residual"]["Gy"],
                "missing": ", ".join(row["without"]),
            }
            for row in answer["organs"]
        ],
    )
    print_table(
        "Each therapy alone",
        [
            {
                "organ": row["organ"],
                "therapy": part["name"],
                "from day": part["from_day"],
                "dose Gy": part["dose_Gy"],
                "BED Gy": part["bed_Gy"],
            }
            for row in answer["organs"]
            for part in row["components"]
        ],
    )
    print_table(
        "Limits on the sums",
        [
            {
                "organ": v["organ"],
                "of": v["quantity"],
                "limit Gy": v["limit_Gy"],
                "is Gy": v["Gy"],
                "range": f"{v['low_Gy']:.3g}-{v['high_Gy']:.3g}",
                "kept": "unknown" if v["kept"] is None else v["kept"],
                "kept at the high end": v["kept_at_high"],
            }
            for v in answer["limits"]
        ],
    )
    wait = answer["days_before_tbi"]
    if wait is not None:
        verdict = "kept" if wait["kept"] else "NOT kept"
        typer.echo(f"Last agent to TBI: {wait['is']:g} d, at least {wait['least']:g} d: {verdict}")
    for row in answer["organs"]:
        for known in row["experience"]:
            low, high = known["Gy"]
            span = f"{low:g}" if low == high else f"{low:g}-{high:g}"
            typer.echo(f"  {row['organ']} bore: {known['quantity'].upper()} {span} Gy, {known['setting']}")
    if answer["figure"]:
        typer.echo(f"Written: {answer['figure']}")
    print_notes(answer["notes"])
