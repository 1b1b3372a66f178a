"""`hemadose sampling`: when to measure a patient so that the integral is as sure as the number of scans allows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sampling")(sampling)


def sampling(
    nuclide: Annotated[str, typer.Option(help="For the physical half-life.")] = "Lu-177",
    half_life: Annotated[
        float | None, typer.Option("--half-life-h", help="Effective half-life in the population.")
    ] = None,
    spread: Annotated[float | None, typer.Option(help="Its standard deviation between patients, relative.")] = None,
    uptake: Annotated[float | None, typer.Option("--uptake-half-life-h", help="Of an uptake phase.")] = None,
    cohort: Annotated[
        Path | None, typer.Option(help="CSV of patient, time_h, value[, sd]: fit the population to it instead.")
    ] = None,
    form: Annotated[str, typer.Option(help="For --cohort: mono, uptake_clearance or bi.")] = "mono",
    error: Annotated[float, typer.Option(help="Relative error of one sample.")] = 0.1,
    samples: Annotated[int, typer.Option(help="Times to choose.")] = 2,
    candidate: Annotated[
        list[float] | None, typer.Option("--candidate-h", help="Possible time (repeatable) [default: working hours].")
    ] = None,
    fixed: Annotated[
        list[float] | None, typer.Option("--fixed-h", help="Time that is measured anyway (repeatable).")
    ] = None,
    reduce: Annotated[
        list[float] | None, typer.Option("--reduce-h", help="Schedule to thin out, time by time (repeatable).")
    ] = None,
    simulate: Annotated[int, typer.Option(help="Patients to simulate with the best schedule.")] = 0,
    prior_out: Annotated[
        Path | None, typer.Option(help="Write the population as a prior for kinetics.population_prior_file.")
    ] = None,
    region: Annotated[str, typer.Option(help="For --prior-out: its region, e.g. kidney.")] = "",
    amplitude: Annotated[
        str, typer.Option(help="For --prior-out: values are a fraction of the administered activity, or Bq.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Recommend sampling times for a population and a number of samples."""
    from hemadose.cli.output import print_json, print_notes, print_table
    from hemadose.workflow.sampling import SamplingRequest, sampling_answer

    answer = sampling_answer(
        SamplingRequest(
            nuclide=nuclide,
            half_life_h=half_life,
            spread=spread,
            uptake_half_life_h=uptake,
            cohort=cohort,
            form=form,
            error=error,
            samples=samples,
            candidates_h=tuple(candidate or ()),
            fixed_h=tuple(fixed or ()),
            reduce_h=tuple(reduce or ()),
            simulate=simulate,
            prior_out=prior_out,
            region=region,
            amplitude=amplitude,
        )
    )
    if as_json:
        print_json(answer)
        return
    population = answer["population"]
    low, high = population["effective_half_life_95_h"]
    typer.echo(
        f"\nPopulation: {population['formula']}, effective half-life {population['effective_half_life_h']:.3g} h "
        f"({low:.3g}-{high:.3g} h), error of one sample {100 * population['error_of_one_sample']:.3g} %"
    )
    for title, rows in (("Best schedules", answer["recommended"]), ("Thinned out", answer["reduced"])):
        print_table(
            title,
            [
                {
                    "samples": len(row["times_h"]),
                    "times h": ", ".join(f"{t:g}" for t in row["times_h"]),
                    "expected ± %": 100.0 * row["rel_sd"],
                }
                for row in rows
            ],
        )
    typer.echo(f"Without a sample: ± {100.0 * answer['without_samples_rel_sd']:.3g} %")
    if answer["simulated"]:
        told = answer["simulated"]
        typer.echo(
            f"{told['patients']} simulated patients: bias {100 * told['bias']:+.2g} %, root mean square error "
            f"{100 * told['relative_rmse']:.3g} %, 95 % intervals hold {100 * told['coverage_95']:.3g} %, "
            f"{100 * told['over_10_percent']:.3g} % are more than 10 % off"
        )
    print_notes(answer["notes"])
    for path in answer["written"]:
        typer.echo(f"Written: {path}")
