"""`hemadose trial`: designs of trials, what they do, and what they say next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hemadose.workflow.titration import Titration
    from hemadose.workflow.trial import TrialAnswer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
FigureFile = Annotated[Path | None, typer.Option(help="Draw the operating characteristics (PNG, SVG or PDF).")]
LevelsGbq = Annotated[str, typer.Option("--levels-GBq", help="Activities, rising, e.g. 8,10,12,14.")]
Target = Annotated[float, typer.Option(help="Wanted rate of dose-limiting toxicity.")]
Cohort = Annotated[int, typer.Option(help="Patients of a cohort.")]
Cohorts = Annotated[int, typer.Option(help="Cohorts of the trial.")]
Toxic = Annotated[str, typer.Option(help="Patients with toxicity so far by level, e.g. 0,1.")]
Treated = Annotated[str, typer.Option(help="Patients so far by level, e.g. 3,3.")]
KidneyCoefficient = Annotated[
    float | None, typer.Option("--kidneys-Gy-per-GBq", help="Of the next patient, from the tracer study.")
]
Coefficient = Annotated[
    list[str] | None, typer.Option(help="Gy/GBq of another organ of the next patient, organ=number (repeatable).")
]
Limit = Annotated[list[str] | None, typer.Option(help="Limit in Gy, organ=number (repeatable; kidneys=23 if unset).")]
Truth = Annotated[str, typer.Option(help="True rates of toxicity for operating characteristics, e.g. 0.05,0.1,0.25.")]
Spread = Annotated[
    list[str] | None,
    typer.Option(help="Gy/GBq among patients, organ=median,geometric SD, for operating characteristics (repeatable)."),
]
Trials = Annotated[int, typer.Option(help="Simulated trials.")]
Seed = Annotated[int, typer.Option(help="Of the random numbers.")]
KIDNEY_LIMIT_GY = 23.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Design a trial: two stages, or finding an activity.", no_args_is_help=True)
    group.command("simon")(simon)
    group.command("boin")(boin)
    group.command("crm")(crm)
    app.add_typer(group, name="trial")


def simon(
    poor: Annotated[float, typer.Option(help="Response rate not worth pursuing.")],
    good: Annotated[float, typer.Option(help="Response rate worth pursuing.")],
    alpha: Annotated[float, typer.Option(help="Largest probability of going on if poor.")] = 0.05,
    beta: Annotated[float, typer.Option(help="Largest probability of stopping if good.")] = 0.2,
    largest_n: Annotated[int, typer.Option(help="Size up to which designs are searched.")] = 120,
    given: Annotated[str, typer.Option(help="Judge this design instead: r1,n1,r,n.")] = "",
    responders: Annotated[int | None, typer.Option(help="Responders so far.")] = None,
    treated: Annotated[int | None, typer.Option(help="Patients so far.")] = None,
    figure: FigureFile = None,
    as_json: AsJson = False,
) -> None:
    """Simon's two-stage designs: optimal and minimax, or one that is given."""
    from hemadose.errors import InputError
    from hemadose.workflow.trial import simon_answer

    numbers = tuple(int(x) for x in _numbers(given, "--given"))
    if numbers and len(numbers) != 4:
        raise InputError("four numbers make a design", field="--given", value=given, expected="r1,n1,r,n")
    answer = simon_answer(
        poor=poor, good=good, alpha=alpha, beta=beta, largest_n=largest_n, responders=responders, treated=treated,
        given=numbers or None,  # type: ignore[arg-type]
    )  # fmt: skip
    _finish(answer, figure, as_json, tables=("designs", "decisions", "operating_characteristics"))


def boin(
    levels_gbq: LevelsGbq,
    target: Target = 0.25,
    cohort: Cohort = 3,
    cohorts: Cohorts = 10,
    toxic: Toxic = "",
    treated: Treated = "",
    current_gbq: Annotated[
        float | None, typer.Option("--current-GBq", help="Level of the last cohort (default: the highest given).")
    ] = None,
    kidneys_gy_per_gbq: KidneyCoefficient = None,
    coefficient: Coefficient = None,
    limit: Limit = None,
    truth: Truth = "",
    spread: Spread = None,
    trials: Trials = 2000,
    seed: Seed = 20261121,
    figure: FigureFile = None,
    as_json: AsJson = False,
) -> None:
    """Bayesian optimal interval design: boundaries, next level within organ limits, operating characteristics."""
    from hemadose.workflow.titration import boin_answer

    asked = _titration(
        levels_gbq, target, cohort, cohorts, toxic, treated, current_gbq, kidneys_gy_per_gbq, coefficient, limit,
        truth, spread, trials, seed,
    )  # fmt: skip
    _finish(boin_answer(asked), figure, as_json, tables=("decision_table",))


def crm(
    levels_gbq: LevelsGbq,
    best_gbq: Annotated[float, typer.Option("--best-GBq", help="Level expected to be right before the trial.")],
    target: Target = 0.25,
    half_width: Annotated[float, typer.Option(help="Of the interval of rates that cannot be told apart.")] = 0.05,
    cohort: Cohort = 3,
    cohorts: Cohorts = 10,
    toxic: Toxic = "",
    treated: Treated = "",
    kidneys_gy_per_gbq: KidneyCoefficient = None,
    coefficient: Coefficient = None,
    limit: Limit = None,
    truth: Truth = "",
    spread: Spread = None,
    trials: Trials = 2000,
    seed: Seed = 20261121,
    figure: FigureFile = None,
    as_json: AsJson = False,
) -> None:
    """Continual reassessment: expected toxicity, next level within organ limits, operating characteristics."""
    from hemadose.workflow.titration import crm_answer

    asked = _titration(
        levels_gbq, target, cohort, cohorts, toxic, treated, None, kidneys_gy_per_gbq, coefficient, limit, truth,
        spread, trials, seed,
    )  # fmt: skip
    _finish(crm_answer(asked, best_gbq=best_gbq, half_width=half_width), figure, as_json, tables=("levels",))


def _titration(
    levels_gbq: str,
    target: float,
    cohort: int,
    cohorts: int,
    toxic: str,
    treated: str,
    current_gbq: float | None,
    kidneys_gy_per_gbq: float | None,
    coefficient: list[str] | None,
    limit: list[str] | None,
    truth: str,
    spread: list[str] | None,
    trials: int,
    seed: int,
) -> Titration:
    """Read the options that both titrations share."""
    from hemadose.cli.output import parse_pairs
    from hemadose.workflow.titration import Titration

    coefficients = parse_pairs(coefficient or [], option="--coefficient")
    if kidneys_gy_per_gbq is not None:
        coefficients["kidneys"] = kidneys_gy_per_gbq
    among = {organ: _pair(text) for organ, _, text in (each.partition("=") for each in spread or [])}
    limits = parse_pairs(limit or [], option="--limit")
    if "kidneys" in {*coefficients, *among}:
        limits.setdefault("kidneys", KIDNEY_LIMIT_GY)
    return Titration(
        levels_gbq=_numbers(levels_gbq, "--levels-GBq"),
        target=target,
        cohort=cohort,
        cohorts=cohorts,
        toxic=tuple(int(x) for x in _numbers(toxic, "--toxic")),
        treated=tuple(int(x) for x in _numbers(treated, "--treated")),
        current_gbq=current_gbq,
        coefficients=coefficients,
        limits_gy=limits,
        truth=_numbers(truth, "--truth"),
        spread=among,
        trials=trials,
        seed=seed,
    )


def _pair(text: str) -> tuple[float, float]:
    from hemadose.errors import InputError

    found = _numbers(text, "--spread")
    if len(found) != 2:
        raise InputError(
            "median and geometric SD are expected", field="--spread", value=text, expected="kidneys=1.3,1.4"
        )
    return found[0], found[1]


def _numbers(text: str, option: str) -> tuple[float, ...]:
    """Read numbers with commas between."""
    from hemadose.errors import InputError

    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as problem:
        raise InputError("numbers with commas between are expected", field=option, value=text) from problem


def _finish(answer: TrialAnswer, figure: Path | None, as_json: bool, *, tables: tuple[str, ...]) -> None:
    """Print, and draw if asked."""
    from hemadose.cli.output import print_json

    if figure is not None:
        _draw(answer, figure)
    if as_json:
        print_json({**answer.payload, **({"figure": str(figure)} if figure else {})})
        return
    _print(answer.payload, tables)
    if figure is not None:
        typer.echo(f"Figure in {figure}")


def _draw(answer: TrialAnswer, figure: Path) -> None:
    from hemadose.workflow.trial import write_trial_figure

    write_trial_figure(answer, figure)


def _print(payload: dict[str, Any], tables: tuple[str, ...]) -> None:
    from hemadose.cli.output import print_table

    typer.echo(f"{payload['design']} ({payload['source']})")
    bounds = payload.get("boundaries")
    if bounds:
        up, down = bounds.values()
        typer.echo(f"Up at or below {up:.3f}, down at or above {down:.3f} of the patients at the level.")
    for name in tables:
        print_table(name.replace("_", " ").capitalize(), payload.get(name, []))
    found = payload.get("operating_characteristics")
    if isinstance(found, dict):
        print_table("Operating characteristics", found["levels"])
        typer.echo(
            f"No level recommended in {found['none_selected']:.1%} of {found['trials']} trials; "
            f"{found['toxicities_per_trial']:.2f} toxicities a trial; {found['share_above_best_level']:.1%} of "
            "patients above the best level."
        )
        if found["may_enter"] is not None:
            typer.echo(f"{found['may_enter']:.1%} of patients may have the lowest level; only they enter.")
    if "next" in payload:
        following = payload["next"]
        level = "none" if following["next_GBq"] is None else f"{following['next_GBq']:g} GBq"
        typer.echo(f"Next level: {level} ({following['reason']}).")
