"""The curve of one patient from few samples and a population."""

from __future__ import annotations

import numpy as np

from hemadose.errors import FitError
from hemadose.kinetics.ensemble import scale_shared, standard_uncertainty
from hemadose.kinetics.population.forms import Floats
from hemadose.kinetics.population.posterior import SampleSet, posterior_draws
from hemadose.kinetics.population.prior import PopulationPrior
from hemadose.model import ActivitySeries, CurveEnsemble, ExponentialCurve, FittedCurve
from hemadose.provenance import Provenance

_ENOUGH = 200.0


def population_curve(
    series: ActivitySeries,
    *,
    prior: PopulationPrior,
    unit_bq: float = 1.0,
    draws: int = 2000,
    seed: int = 20251121,
    shared_normal: Floats | None = None,
) -> FittedCurve:
    """Fit a curve by what the population knows and the samples add.

    Parameters
    ----------
    series : ActivitySeries
        One sample or more; samples without uncertainty have the residual error of the population.
    prior : PopulationPrior
        Population of this agent and organ.
    unit_bq : float
        What one unit of the prior's amplitude is: the administered activity for a prior in shares of it, 1 for Bq.
    draws, seed, shared_normal
        As in `fit_series`.

    Returns
    -------
    FittedCurve
        The curve of the parameters' means; integral and uncertainty from the draws.

    Raises
    ------
    FitError
        If an activity is zero, or only some samples have an uncertainty.
    """
    sds = series.sds_bq
    if sds is None and any(s.sd_bq is not None for s in series.samples):
        raise FitError(f"{series.region}: give the uncertainty of every sample, or of none", field="sd_bq")
    patient = SampleSet(
        times_s=series.times_s, values=series.activities_bq / unit_bq, sds=None if sds is None else sds / unit_bq
    )
    theta, effective = posterior_draws(prior, [patient], draws=draws, seed=seed)
    amplitudes, rates = prior.form.terms(theta[0], physical_rate=prior.physical_rate_per_s)
    ensemble = CurveEnsemble(amplitudes_bq=unit_bq * amplitudes, rates_per_s=rates)
    tia = float(np.mean(ensemble.integral_bq_s()))
    best_amplitudes, best_rates = prior.form.terms(theta[0].mean(axis=0), physical_rate=prior.physical_rate_per_s)
    curve = ExponentialCurve(amplitudes_bq=unit_bq * best_amplitudes, rates_per_s=best_rates)
    curve = ExponentialCurve(
        amplitudes_bq=curve.amplitudes_bq * tia / curve.integral_bq_s(), rates_per_s=curve.rates_per_s
    )
    if shared_normal is None:
        shared_normal = np.random.default_rng([seed, 1]).standard_normal(draws)
    ensemble = scale_shared(ensemble, relative_sd=series.shared_relative_sd, normal=shared_normal)
    last = float(series.times_s[-1])
    return FittedCurve(
        region=series.region,
        model=f"population_{prior.form.name}",
        curve=curve,
        ensemble=ensemble,
        tia_bq_s=tia,
        tia_sd_bq_s=standard_uncertainty(ensemble, about=tia),
        effective_half_life_s=curve.effective_half_life_s,
        extrapolated_fraction=curve.integral_bq_s(from_s=last) / tia,
        reduced_chi_square=None,
        candidates=(),
        notes=series.notes + _notes(series, prior, theta[0], float(effective[0])),
        provenance=Provenance(
            step="kinetics.population_curve",
            parameters={"form": prior.form.name, "source": prior.source, "subjects": prior.subjects},
        ),
    )


def _notes(series: ActivitySeries, prior: PopulationPrior, theta: Floats, effective: float) -> tuple[str, ...]:
    """What rests on the population, and whether this patient belongs to it."""
    notes = [f"{series.region}: {len(series.samples)} sample(s) and a population ({prior.source})"]
    learned = 1.0 - theta.var(axis=0) / np.diag(prior.predictive_covariance)
    for name, share in zip(prior.form.parameters, learned, strict=True):
        if share < 0.2:
            notes.append(f"{series.region}: {name} comes from the population, hardly from the samples")
    away = theta.mean(axis=0) - prior.mean
    distance = float(away @ np.linalg.solve(prior.predictive_covariance, away))
    if distance > _far(len(prior.mean)):
        notes.append(f"{series.region}: this patient lies outside the population (distance {np.sqrt(distance):.1f} SD)")
    if effective < _ENOUGH:
        notes.append(f"{series.region}: the draws rest on {effective:.0f} effective proposals only")
    return tuple(notes)


def _far(count: int) -> float:
    """99 % quantile of a chi-square distribution."""
    from scipy.stats import chi2

    return float(chi2.ppf(0.99, count))
