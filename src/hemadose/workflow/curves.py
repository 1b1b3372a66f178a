"""Activity over time into curves, as a case asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import FitError
from hemadose.io.case import Case
from hemadose.kinetics import DEFAULT_MODELS, FitOptions, fit_series, single_time_point
from hemadose.model import ActivitySeries, Administration, FittedCurve
from hemadose.units import HOUR_S
from hemadose.workflow.population import curve_from_population, prior_organ
from hemadose.workflow.quantify import Quantified


def fit_all(
    case: Case, quantified: Quantified, administration: Administration, *, folder: Path | None = None
) -> tuple[FittedCurve, ...]:
    """Fit every series with joint draws of the shared uncertainty."""
    k = case.kinetics
    options = FitOptions(models=k.models or DEFAULT_MODELS, averaging=k.averaging, draws=k.draws, seed=k.seed)
    shared = np.random.default_rng([k.seed, 99]).standard_normal(k.draws)
    return tuple(_fit_one(case, s, administration, options, shared, folder) for s in quantified.series)


def _fit_one(
    case: Case,
    series: ActivitySeries,
    administration: Administration,
    options: FitOptions,
    shared: Any,
    folder: Path | None,
) -> FittedCurve:
    if len(series.samples) > 1:
        return fit_series(series, nuclide=administration.nuclide, options=options, shared_normal=shared)
    method = case.kinetics.single_time_point
    if method is None:
        raise FitError(
            f"{series.region} was measured once only",
            field="kinetics.single_time_point",
            expected="haenscheid, madsen or population",
            remedy="choose a single-time-point method, or add time points",
        )
    if method == "population":
        return curve_from_population(case, series, administration, options, shared, folder=folder)
    organ = prior_organ(case, series.region)
    given = case.kinetics.population_half_life_h
    population = given.get(series.region, given.get(organ))
    return single_time_point(
        series,
        nuclide=administration.nuclide,
        method=method,
        population_half_life_s=None if population is None else population * HOUR_S,
        population_relative_sd=case.kinetics.population_half_life_relative_sd,
        draws=options.draws,
        seed=options.seed,
        shared_normal=shared,
    )
