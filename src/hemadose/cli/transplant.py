"""`hemadose transplant`: when the graft may come, and which nuclide, activity and day are best."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("transplant")(transplant)


def transplant(
    agent: Annotated[
        list[str] | None, typer.Option(help="Packaged agent (repeatable); the first is the measured one.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Result folder of the patient's plan: its marrow curve, draws and organ doses.")
    ] = None,
    nuclide: Annotated[str | None, typer.Option(help="Measured nuclide, without an agent.")] = None,
    marrow: Annotated[
        float | None, typer.Option("--marrow-Gy-per-GBq", help="Of the patient, for the measured nuclide.")
    ] = None,
    half_life: Annotated[
        list[float] | None, typer.Option("--half-life-h", help="Effective, in the marrow (repeatable, with --share).")
    ] = None,
    share: Annotated[
        list[float] | None, typer.Option(help="Dose rate of each half-life at the start; negative for uptake.")
    ] = None,
    relative_sd: Annotated[float, typer.Option("--relative-sd", help="Of the dose per activity.")] = 0.0,
    half_life_sd: Annotated[float, typer.Option("--half-life-relative-sd", help="Of the half-life.")] = 0.0,
    activity: Annotated[float | None, typer.Option("--activity-GBq", help="Of the measured nuclide.")] = None,
    marrow_dose: Annotated[
        float | None, typer.Option("--marrow-dose-Gy", help="Instead of an activity; the same for all nuclides.")
    ] = None,
    compare: Annotated[
        list[str] | None, typer.Option(help="Other nuclide (repeatable). Default: Lu-177, Y-90, Re-188, I-131.")
    ] = None,
    own_dose: Annotated[
        list[str] | None, typer.Option("--own-Gy-per-GBq", help="Marrow coefficient, e.g. Y-90=1.06 (repeatable).")
    ] = None,
    own_half_life: Annotated[
        list[str] | None, typer.Option("--own-half-life-h", help="Effective half-life, e.g. Y-90=50 (repeatable).")
    ] = None,
    limit: Annotated[
        list[float] | None, typer.Option("--limit-Gy", help="On the residual dose (repeatable). Default: 1 and 0.05.")
    ] = None,
    rate_limit: Annotated[
        list[float] | None, typer.Option("--rate-limit-mGy-h", help="On the dose rate at infusion (repeatable).")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the confident day.")] = 0.95,
    interval: Annotated[
        float | None, typer.Option("--interval-d", help="Planned days from administration to transplant.")
    ] = None,
    last_day: Annotated[int, typer.Option("--last-day", help="Of the tables by day.")] = 28,
    family: Annotated[
        list[float] | None, typer.Option("--family-h", help="Half-life of the curve family (repeatable).")
    ] = None,
    held: Annotated[
        str, typer.Option(help="What the family has in common: dose, or rate (dose rate at the start).")
    ] = "dose",
    ablative: Annotated[
        float | None, typer.Option("--ablative-Gy", help="Marrow dose taken as ablative, for the aplasia interval.")
    ] = None,
    maximise: Annotated[
        str | None, typer.Option(help="Find the best activity, nuclide and day for this dose: red_marrow, tumour ...")
    ] = None,
    coefficient: Annotated[list[str] | None, typer.Option(help="Gy/GBq, e.g. Y-90:kidneys=3.75 (repeatable).")] = None,
    organ_limit: Annotated[
        list[str] | None,
        typer.Option(help="Total dose, e.g. kidneys=23 (repeatable). Default: of the plan or the first agent."),
    ] = None,
    cap: Annotated[list[str] | None, typer.Option(help="Highest activity in GBq, e.g. Lu-177=16 (repeatable).")] = None,
    first: Annotated[float, typer.Option("--calendar-first-d", help="Shortest interval of the calendar.")] = 7.0,
    last: Annotated[float, typer.Option("--calendar-last-d", help="Longest interval of the calendar.")] = 21.0,
    step: Annotated[float, typer.Option("--calendar-step-d", help="Between days that can be chosen.")] = 1.0,
    tbi_day: Annotated[
        float | None, typer.Option("--tbi-first-day", help="From the transplant, negative; none for no TBI.")
    ] = None,
    before_tbi: Annotated[float, typer.Option("--days-before-tbi", help="From administration to TBI.")] = 5.0,
    max_probability: Annotated[
        float | None, typer.Option(help="Keep every limit with at most this chance of exceeding it.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw into this PNG, SVG or PDF.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if --interval-d breaks the first limit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare nuclides for the day of the transplant; optimise activity, nuclide and day."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, parse_pairs, print_json
    from hemadose.workflow.transplant import transplant_answer
    from hemadose.workflow.transplant_optimum import OptimumRequest
    from hemadose.workflow.transplant_options import TransplantRequest

    request = TransplantRequest(
        plan=plan,
        agents=tuple(agent or ()),
        nuclide=nuclide,
        marrow_gy_per_gbq=marrow,
        half_lives_h=tuple(half_life or ()),
        shares=tuple(share or ()),
        relative_sd=relative_sd,
        half_life_relative_sd=half_life_sd,
        activity_gbq=activity,
        marrow_dose_gy=marrow_dose,
        compare=tuple(compare or ()),
        own_gy_per_gbq=parse_pairs(own_dose or (), option="--own-Gy-per-GBq"),
        own_half_life_h=parse_pairs(own_half_life or (), option="--own-half-life-h"),
        limits_gy=tuple(limit or (1.0, 0.05)),
        rate_limits_mgy_h=tuple(rate_limit or ()),
        confidence=confidence,
        interval_d=interval,
        last_day=last_day,
        family_h=tuple(family or ()),
        held=_held(held),
        ablative_gy=ablative,
    )
    optimum = None
    if maximise is not None:
        optimum = OptimumRequest(
            maximise=maximise,
            coefficients=_by_nuclide(coefficient or ()),
            organ_limits_gy=parse_pairs(organ_limit or (), option="--organ-limit"),
            caps_gbq=parse_pairs(cap or (), option="--cap"),
            first_day=first,
            last_day=last,
            step_d=step,
            first_tbi_day=tbi_day,
            days_before_tbi=before_tbi,
            max_probability=max_probability,
        )
    answer = transplant_answer(request, optimum=optimum, figure=figure)
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    if check and not _kept(answer):
        raise typer.Exit(EXIT_LIMIT_VIOLATED)


def _held(text: str) -> Any:
    from hemadose.errors import InputError
    from hemadose.therapy.timing.sensitivity import Held

    if text not in tuple(Held):
        raise InputError(
            "a family keeps its dose or its first dose rate", field="--held", value=text, expected="dose, rate"
        )
    return Held(text)


def _by_nuclide(pairs: list[str] | tuple[()]) -> tuple[tuple[str, str, float], ...]:
    from hemadose.cli.output import parse_pairs
    from hemadose.errors import InputError

    found = []
    for key, value in parse_pairs(pairs, option="--coefficient").items():
        name, colon, organ = key.partition(":")
        if not (colon and name and organ):
            raise InputError("nuclide:organ=number is expected", field="--coefficient", expected="Y-90:kidneys=3.75")
        found.append((name, organ, value))
    return tuple(found)


def _kept(answer: dict[str, Any]) -> bool:
    """Whether the measured nuclide keeps the first limit at the planned interval."""
    from hemadose.errors import InputError

    if answer["planned"] is None:
        raise InputError("nothing to check", field="--check", remedy="give --interval-d")
    own = next(row for row in answer["planned"] if row["nuclide"] == answer["measured_nuclide"])
    return bool(own["limits"][0]["kept"])


def _up(days: float | None) -> str:
    """Days with two decimals, rounded up, as an earliest time must be."""
    from hemadose.cli.output import rounded_up

    return "" if days is None else rounded_up(days, 2)


def _print(answer: dict[str, Any]) -> None:
    from hemadose.cli.output import at_most, print_notes, print_table

    print_table(
        f"Marrow dose {answer['marrow_dose_Gy']:.3g} Gy by nuclide: first day for the transplant",
        [
            {
                "nuclide": row["nuclide"],
                "T_eff h": row["effective_half_life_h"],
                "GBq": row["activity_GBq"],
                "limit": f"{e['limit']:g} {e['unit']}",
                "first day": _up(e["earliest_d"]),
                f"with {answer['confidence']:.0%} confidence": _up(e["confident_d"]),
            }
            for row in answer["nuclides"]
            for e in row["earliest"]
        ],
    )
    aplasia = [{"nuclide": r["nuclide"], **r["aplasia"]} for r in answer["nuclides"] if r["aplasia"]]
    if aplasia:
        print_table("Aplasia interval, by dose", [{k: v for k, v in a.items() if k != "definition"} for a in aplasia])
        typer.echo(f"  {aplasia[0]['definition']}")
    print_table(
        "Planned interval",
        [
            {
                "nuclide": row["nuclide"],
                "residual Gy": row["residual_Gy"],
                "of all": row["residual_fraction"],
                "mGy/h": row["rate_mGy_per_h"],
                "limit Gy": x["limit_Gy"],
                "kept": x["kept"],
                "chance to keep": x["probability_met"],
                "most GBq": at_most(x["latest_safe_activity_GBq"]),
                "longest T_eff h": at_most(x["longest_half_life_h"]),
            }
            for row in answer["planned"] or ()
            for x in row["limits"]
        ],
    )
    print_table(
        "If the half-life in the marrow were another one",
        [{"T_eff h": f["half_life_h"], "first day": _up(f["earliest_d"])} for f in answer["half_lives"]],
    )
    print_table(
        "Best activity and day",
        [
            {
                "nuclide": o["nuclide"],
                "day": o["interval_d"],
                "GBq": at_most(o["activity_GBq"]),
                "objective Gy": o["objective_Gy"],
                "residual Gy": o["residual_Gy"],
                "set by": o["active_limit"],
                "one day more": o["one_day_more_Gy"],
                "one day less": o["one_day_less_Gy"],
            }
            for o in answer["optimum"]
        ],
    )
    for plan in answer["optimum"]:
        typer.echo(f"  {plan['nuclide']}: {plan['why']}")
    if answer["figure"]:
        typer.echo(f"Written: {answer['figure']}")
    print_notes(answer["notes"])
