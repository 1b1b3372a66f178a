"""What refits of a curve start from: samples, what moves them, the candidates' optima and how likely each model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError
from hemadose.kinetics.ensemble import evidence_weights
from hemadose.kinetics.leastsquares import Solution, solve
from hemadose.kinetics.models import MODELS, ModelFunction, model_function
from hemadose.kinetics.options import FitOptions
from hemadose.kinetics.posterior import sample_posterior
from hemadose.model import ActivitySeries, FittedCurve, Nuclide

Floats = npt.NDArray[np.float64]

LEAST_WEIGHT = 0.005
"""Candidates with less evidence are left out of the choice of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitPlan:
    """What is needed to fit one region again and again.

    Attributes
    ----------
    region : str
        Region name.
    times_s, values, sds : ndarray, shape (n,)
        Samples over `scale_bq` and the standard uncertainties that move them.
    stated_share : float
        Share of the variance of the samples that was stated (counting); the rest is scatter about the curve.
    scale_bq : float
        Largest activity.
    physical_rate : float
        Physical decay constant.
    models : tuple of ModelFunction
        Candidates.
    solutions : tuple of Solution
        Their optima.
    model_weights : ndarray, shape (models,)
        Probability of each.
    curve_weights : ndarray, shape (models,)
        How the reported curve is made of them: 1 for the chosen one, Akaike weights for an average.
    """

    region: str
    times_s: Floats
    values: Floats
    sds: Floats
    stated_share: float
    scale_bq: float
    physical_rate: float
    models: tuple[ModelFunction, ...]
    solutions: tuple[Solution, ...]
    model_weights: Floats
    curve_weights: Floats

    def best_integrals_bq_s(self, *, from_s: float = 0.0) -> Floats:
        """Integral of each candidate's optimum, shape (models,)."""
        return np.array(
            [
                self.scale_bq
                * float(
                    curve_integrals(
                        m, s.amplitudes[None], s.rates[None], physical_rate=self.physical_rate, from_s=from_s
                    )[0]
                )
                for m, s in zip(self.models, self.solutions, strict=True)
            ]
        )


def refit_plan(
    series: ActivitySeries, fitted: FittedCurve, *, nuclide: Nuclide, options: FitOptions | None = None
) -> RefitPlan:
    """Prepare a series for refits.

    Parameters
    ----------
    series : ActivitySeries
        At least two samples.
    fitted : FittedCurve
        Its curve, by `fit_series` with the same options.
    nuclide : Nuclide
        Physical floor.
    options : FitOptions, optional
        As used in the fit.

    Raises
    ------
    FitError
        If the curve was not made by `fit_series`, or belongs to another region.
    """
    chosen = options or FitOptions()
    names = tuple(c.model for c in fitted.candidates)
    if series.region != fitted.region:
        raise FitError("curve and samples belong to different regions", value=f"{fitted.region}, {series.region}")
    if len(series.samples) < 2 or not names or any(name not in MODELS for name in names):
        raise FitError(
            f"{series.region} was not fitted to its samples by least squares, so it cannot be fitted again",
            value=fitted.model,
            remedy="take the draws of the curve itself",
        )
    times, values, top = series.times_s, series.activities_bq, float(series.activities_bq.max())
    given = series.sds_bq
    assumed = chosen.assumed_relative_sd * np.maximum(values, 0.02 * top)
    sds = assumed if given is None else np.where(given > 0.0, given, assumed)
    factor = _error_scale(fitted, len(values), stated=given is not None, options=chosen)
    models = tuple(model_function(name) for name in names)
    physical = nuclide.decay_constant_per_s
    fit = {"times": times, "values": values / top}
    solutions = tuple(solve(m, sds=sds / top, physical_rate=physical, **fit) for m in models)
    weights = _model_weights(models, solutions, {**fit, "sds": sds * factor / top}, physical, chosen)
    return RefitPlan(
        region=series.region,
        times_s=times,
        values=values / top,
        sds=sds * factor / top,
        stated_share=0.0 if given is None else 1.0 / factor**2,
        scale_bq=top,
        physical_rate=physical,
        models=models,
        solutions=solutions,
        model_weights=weights,
        curve_weights=_curve_weights(fitted, names),
    )


def curve_integrals(
    model: ModelFunction, amplitudes: Floats, rates: Floats, *, physical_rate: float, from_s: float
) -> Floats:
    """Integral from a time on of many curves, shape (n,), for amplitudes (n, amplitudes) and rates (n, rates)."""
    k = model.term_rates(rates, physical_rate=physical_rate)
    parts = amplitudes @ np.asarray(model.mixing) / k
    return np.asarray((parts * np.exp(-k * from_s)).sum(axis=-1) if from_s > 0.0 else parts.sum(axis=-1))


def _error_scale(fitted: FittedCurve, count: int, *, stated: bool, options: FitOptions) -> float:
    """Factor on the uncertainties, as `fit_series` takes it: pooled scatter, or Birge ratio for a misfit."""
    from scipy.special import chdtrc

    best = _best(fitted)
    dof = max(count - model_function(best).parameter_count, 0)
    chi_square = 0.0 if fitted.reduced_chi_square is None else fitted.reduced_chi_square * dof
    if not stated:
        weight = options.assumed_weight
        return float(np.sqrt((weight + chi_square) / (weight + dof)))
    fits = dof == 0 or float(chdtrc(dof, chi_square)) >= options.misfit_probability
    return 1.0 if fits or not options.widen_misfit else float(np.sqrt(max(chi_square / dof, 1.0)))


def _best(fitted: FittedCurve) -> str:
    if fitted.model in MODELS:
        return fitted.model
    return max(fitted.candidates, key=lambda c: c.weight).model


def _curve_weights(fitted: FittedCurve, names: tuple[str, ...]) -> Floats:
    if fitted.model in MODELS:
        return np.array([float(name == fitted.model) for name in names])
    given = np.array([c.weight for c in fitted.candidates])
    return np.asarray(given / given.sum())


def _model_weights(
    models: tuple[ModelFunction, ...],
    solutions: tuple[Solution, ...],
    fit: Mapping[str, Floats],
    physical: float,
    options: FitOptions,
) -> Floats:
    rng = np.random.default_rng([options.seed, 31])
    found = [
        sample_posterior(m, s, physical_rate=physical, draws=100, rng=rng, **fit).log_evidence
        for m, s in zip(models, solutions, strict=True)
    ]
    weights = evidence_weights(found)
    weights = np.where(weights >= LEAST_WEIGHT, weights, 0.0)
    return np.asarray(weights / weights.sum())
