"""`hemadose fit`, `prescribe`, `timing`: single numbers from a CSV or from flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("fit")(fit)
    app.command("prescribe")(prescribe)
    app.command("timing")(timing)
    app.command("nuclides")(nuclides)


def fit(
    samples: Annotated[Path, typer.Argument(help="CSV: region,time_h,activity_MBq[,sd_MBq].")],
    nuclide: Annotated[str, typer.Option(help="E.g. Lu-177: no curve is slower than its decay.")],
    model: Annotated[list[str] | None, typer.Option(help="Candidate model (repeatable).")] = None,
    averaging: Annotated[bool, typer.Option("--average", help="Average the models by Akaike weight.")] = False,
    single_time_point: Annotated[
        str | None, typer.Option(help="haenscheid or madsen, for regions with one sample.")
    ] = None,
    population_half_life_h: Annotated[float | None, typer.Option(help="Effective, for one sample.")] = None,
    seed: Annotated[int, typer.Option(help="Of the uncertainty draws.")] = 20250101,
    as_json: AsJson = False,
) -> None:
    """Fit time-activity curves and integrate them."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.numbers import fit_table

    answer = fit_table(
        samples,
        nuclide_name=nuclide,
        models=tuple(model or ()),
        averaging=averaging,
        single_time_point=single_time_point,
        population_half_life_h=population_half_life_h,
        seed=seed,
    )
    if as_json:
        print_json(answer)
        return
    rows = [
        {
            "region": f["region"],
            "model": f["model"],
            "TIA MBq h": f["tia_MBq_h"],
            "± SD": f["tia_sd_MBq_h"],
            "T_eff h": f["effective_half_life_h"],
            "extrapolated": f"{f['extrapolated_fraction']:.1%}",
        }
        for f in answer["fits"]
    ]
    print_table(f"Time-integrated activity, {nuclide}", rows)
    print_notes([note for f in answer["fits"] for note in f["notes"]])


def prescribe(
    limit: Annotated[list[str] | None, typer.Option(help="Dose limit in Gy, e.g. kidneys=23 (repeatable).")] = None,
    coefficient: Annotated[
        list[str] | None, typer.Option(help="Dose per activity in Gy/GBq, e.g. kidneys=1.59 (repeatable).")
    ] = None,
    marrow: Annotated[float | None, typer.Option(help="Red marrow, Gy/GBq in all.")] = None,
    marrow_half_life_h: Annotated[float | None, typer.Option(help="Effective half-life in marrow.")] = None,
    marrow_limit_gy: Annotated[
        float, typer.Option("--marrow-limit-Gy", help="Marrow dose still to come at infusion.")
    ] = 1.0,
    days_to_transplant: Annotated[float | None, typer.Option(help="From administration to infusion.")] = None,
    cap_gbq: Annotated[float | None, typer.Option("--cap-GBq", help="Clinical cap or available activity.")] = None,
    activity_gbq: Annotated[float | None, typer.Option("--activity-GBq", help="Judge this activity.")] = None,
    relative_sd: Annotated[float, typer.Option(help="Relative uncertainty of the coefficients.")] = 0.0,
    max_probability: Annotated[
        float | None, typer.Option(help="Keep the probability of exceeding a dose limit below this.")
    ] = None,
    rounding_gbq: Annotated[float, typer.Option("--rounding-GBq", help="Round down to a multiple.")] = 0.1,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if a limit is violated.")] = False,
    as_json: AsJson = False,
) -> None:
    """Propose an activity from dose coefficients and limits."""
    from hemadose.cli.output import EXIT_LIMIT_VIOLATED, parse_pairs, print_json
    from hemadose.workflow.numbers import prescribe_numbers

    answer = prescribe_numbers(
        limits_gy=parse_pairs(limit or [], option="--limit"),
        coefficients_gy_per_gbq=parse_pairs(coefficient or [], option="--coefficient"),
        marrow_gy_per_gbq=marrow,
        marrow_half_life_h=marrow_half_life_h,
        marrow_limit_gy=marrow_limit_gy,
        days_to_transplant=days_to_transplant,
        cap_gbq=cap_gbq,
        activity_gbq=activity_gbq,
        relative_sd=relative_sd,
        max_probability=max_probability,
        rounding_gbq=rounding_gbq,
    )
    if as_json:
        print_json(answer)
    else:
        print_prescription(answer)
    if check and answer["violated"]:
        raise typer.Exit(EXIT_LIMIT_VIOLATED)


def print_prescription(answer: dict[str, Any]) -> None:
    """Print a prescription as a person wants to read it."""
    from hemadose.cli.output import at_most, print_notes, print_table, rounded_up

    typer.echo(f"\nProposed activity: {answer['activity_GBq']:.4g} GBq, set by: {answer['active_limit']}")
    rows = [
        {
            "limit": r["limit"],
            "bound": f"{r['limit_value']:.4g} {r['unit']}",
            "at activity": r["value_at_activity"],
            "allows GBq": at_most(r["max_activity_GBq"]),
            "P(exceeds)": "" if r["probability_exceeding"] is None else f"{r['probability_exceeding']:.0%}",
            "broken": "YES" if r["violated"] else "no",
        }
        for r in answer["limits"]
    ]
    print_table("Limits", rows)
    if answer.get("earliest_infusion_d") is not None:
        typer.echo(
            f"Earliest infusion of stem cells: {rounded_up(answer['earliest_infusion_d'])} d after administration"
        )
        days, allowed = answer["interval_to_infusion_d"], answer["activity_for_interval_GBq"]
        typer.echo(f"For infusion after {days:g} d the marrow allows {at_most(allowed)} GBq")
    print_notes(answer["notes"])
    typer.echo("Research use: to be confirmed by the responsible physician and medical physics expert.")


def timing(
    marrow: Annotated[float, typer.Option(help="Red marrow, Gy/GBq in all.")],
    marrow_half_life_h: Annotated[float, typer.Option(help="Effective half-life in marrow.")],
    activity_gbq: Annotated[float, typer.Option("--activity-GBq", help="Administered activity.")],
    limit_gy: Annotated[float, typer.Option("--limit-Gy", help="Marrow dose still to come at infusion.")] = 1.0,
    last_day: Annotated[int, typer.Option(help="Table up to this day.")] = 21,
    as_json: AsJson = False,
) -> None:
    """Show the residual marrow dose against the day of transplantation."""
    from hemadose.cli.output import at_most, print_json, print_table, rounded_up
    from hemadose.workflow.numbers import timing_table

    answer = timing_table(
        marrow_gy_per_gbq=marrow,
        marrow_half_life_h=marrow_half_life_h,
        activity_gbq=activity_gbq,
        limit_gy=limit_gy,
        last_day=last_day,
    )
    if as_json:
        print_json(answer)
        return
    rows = [{**row, "permitted_GBq": at_most(row["permitted_GBq"])} for row in answer["days"]]
    print_table(f"Residual marrow dose after {activity_gbq:g} GBq", rows)
    typer.echo(
        f"Earliest infusion with at most {limit_gy:g} Gy to come: {rounded_up(answer['earliest_infusion_d'], 2)} d"
    )


def nuclides(as_json: AsJson = False) -> None:
    """List the packaged radionuclides."""
    from hemadose.cli.output import print_json, print_table
    from hemadose.workflow.numbers import nuclide_rows

    rows = nuclide_rows()
    if as_json:
        print_json({"nuclides": rows})
    else:
        print_table("Radionuclides (ICRP Publication 107)", rows)
