"""A region measured once and a population: which prior, where it comes from, and the curve they make together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hemadose.errors import FitError
from hemadose.io.case import Case
from hemadose.io.population_prior import read_population_priors
from hemadose.kinetics import FitOptions
from hemadose.kinetics.population import PopulationPrior, population_curve
from hemadose.model import ActivitySeries, Administration, FittedCurve
from hemadose.units import HOUR_S
from hemadose.workflow.marrow import site_regions
from hemadose.workflow.study import case_agent

AMPLITUDE_RELATIVE_SD = 3.0
"""Spread of an amplitude about which half-lives say nothing."""


def prior_organ(case: Case, region: str) -> str:
    """Organ whose half-life a region takes: kidneys for each of them, red marrow for its sites."""
    if region.startswith("kidney"):
        return "kidneys"
    return "red_marrow" if region in site_regions(case) else region


def curve_from_population(
    case: Case,
    series: ActivitySeries,
    administration: Administration,
    options: FitOptions,
    shared: Any,
    *,
    folder: Path | None,
) -> FittedCurve:
    """Fit one region by its samples and the prior that the case names.

    Parameters
    ----------
    case, series, administration
        The study and the samples.
    options : FitOptions
        Draws and seed.
    shared : ndarray
        Draws that the regions share.
    folder : Path or None
        Where the case file lies, for a file of priors.

    Raises
    ------
    FitError
        If no prior is known for the region.
    """
    prior, unit = _prior(case, series, administration, folder)
    return population_curve(
        series, prior=prior, unit_bq=unit, draws=options.draws, seed=options.seed, shared_normal=shared
    )


def _prior(
    case: Case, series: ActivitySeries, administration: Administration, folder: Path | None
) -> tuple[PopulationPrior, float]:
    """Prior of the region, and what one unit of its amplitude is in Bq."""
    k = case.kinetics
    if k.population_prior_file is not None:
        if folder is None:
            raise FitError("a file of priors lies beside the case file, whose folder is not known here")
        stored = read_population_priors(folder / k.population_prior_file, nuclide=administration.nuclide)
        names = [series.region, *(["kidney"] if series.region in ("kidney_left", "kidney_right") else [])]
        found = next((stored[name] for name in names if name in stored), None)
        if found is None:
            raise FitError(
                f"the file holds no prior of {series.region}",
                source=k.population_prior_file,
                expected=", ".join(stored),
                remedy='"kidney" stands for either kidney; a prior of both is no prior of one',
            )
        return found.prior, administration.administered_activity_bq if found.per_administered else 1.0
    hours, source = _half_life(case, prior_organ(case, series.region))
    first = series.samples[0]
    prior = PopulationPrior.from_half_lives(
        physical_half_life_s=administration.nuclide.half_life_s,
        effective_half_life_s=hours * HOUR_S,
        half_life_relative_sd=k.population_half_life_relative_sd,
        amplitude_relative_sd=AMPLITUDE_RELATIVE_SD,
        relative_sd=k.population_sample_relative_sd,
        source=source,
    )
    return prior, first.activity_bq * 2.0 ** (first.time_s / (hours * HOUR_S))


def _half_life(case: Case, organ: str) -> tuple[float, str]:
    """Effective half-life of the population, from the case or the agent, and where it comes from."""
    given = case.kinetics.population_half_life_h.get(organ)
    spread = f"spread {case.kinetics.population_half_life_relative_sd:.0%} between patients, as the case states"
    if given is not None:
        return given, f"half-life {given:g} h given in the case, {spread}"
    agent = case_agent(case)
    published = dict(agent.half_lives_h).get(organ)
    if published is None:
        raise FitError(
            f"no population half-life is known of {organ}",
            field=f"kinetics.population_half_life_h.{organ}",
            expected=", ".join(name for name, _ in agent.half_lives_h) or f"none published for {agent.id}",
            remedy="give one with its source, or a file of priors",
        )
    return published, f"half-life {published:g} h of {agent.title} ({agent.sources[0]}), {spread}"
