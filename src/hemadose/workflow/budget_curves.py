"""Curves of a study drawn for a budget: samples perturbed and fitted again, model by model."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np

from hemadose.dose.uncertainty import CurveDraws
from hemadose.errors import FitError, QuantityError
from hemadose.kinetics import FitOptions
from hemadose.kinetics.integral_uncertainty import integral_relative_variance
from hemadose.kinetics.models import MODELS
from hemadose.kinetics.refit import RefitPlan, refit_integrals, refit_plan
from hemadose.model import ActivitySeries, CurveEnsemble, FittedCurve, Nuclide


class DrawnCurve:
    """One region: draws of its integrals, and their first-order variances.

    Attributes
    ----------
    draws : CurveDraws
        Integrals from every start.
    best : tuple of float
        Best integrals in Bq s.
    samples_variance, model_variance : tuple of float
        First-order relative variances of each integral.
    stated_share : float
        Share of the samples' variance that was stated.
    refitted : bool
        False where the draws of the curve itself were taken (a single time point).
    """

    def __init__(
        self,
        draws: CurveDraws,
        best: tuple[float, ...],
        samples_variance: tuple[float, ...],
        model_variance: tuple[float, ...],
        *,
        stated_share: float,
        refitted: bool,
    ) -> None:
        self.draws, self.best = draws, best
        self.samples_variance, self.model_variance = samples_variance, model_variance
        self.stated_share, self.refitted = stated_share, refitted


def draw_curve(
    series: ActivitySeries,
    fitted: FittedCurve,
    *,
    nuclide: Nuclide,
    options: FitOptions,
    from_s: tuple[float, ...],
    draws: int,
    unshared: Callable[[], CurveEnsemble],
) -> DrawnCurve:
    """Draw the integrals of one region.

    Parameters
    ----------
    series, fitted, nuclide, options
        As fitted.
    from_s : tuple of float
        Starts of the integrals; the first one 0.
    draws : int
        How many, an even number.
    unshared : callable
        Gives the draws of the curve without what its samples share; used where it cannot be fitted again.

    Raises
    ------
    QuantityError
        If the number of draws is odd or too small.
    FitError
        If the curve does not belong to the samples.
    """
    if draws < 1000 or draws % 2:
        raise QuantityError("a budget needs an even number of draws, at least 1000", value=str(draws))
    best = tuple(fitted.curve.integral_bq_s(from_s=s) for s in from_s)
    if any(c.model not in MODELS for c in fitted.candidates) or len(series.samples) < 2 or not fitted.candidates:
        return _from_ensemble(unshared(), best, from_s, draws, series.region, options.seed)
    plan = refit_plan(series, fitted, nuclide=nuclide, options=options)
    agreed = _best(plan, 0.0)
    if not np.isclose(agreed, best[0], rtol=1e-3):
        raise FitError(
            f"{series.region}: the curve does not belong to its samples, or was fitted with other choices",
            value=f"{best[0]:.4g} Bq s",
            expected=f"{agreed:.4g} Bq s",
        )
    return _refitted(plan, best, from_s, draws, options.seed)


def _best(plan: RefitPlan, start: float) -> float:
    return float(plan.curve_weights @ plan.best_integrals_bq_s(from_s=start))


def _refitted(plan: RefitPlan, best: tuple[float, ...], from_s: tuple[float, ...], draws: int, seed: int) -> DrawnCurve:
    rng = np.random.default_rng([seed, 43, crc32(plan.region.encode())])
    normals = rng.standard_normal((draws, plan.values.size))
    chosen = rng.choice(len(plan.models), size=draws, p=plan.model_weights)
    samples, both = refit_integrals(plan, normals, chosen, from_s=from_s)
    models = np.stack([plan.best_integrals_bq_s(from_s=s)[chosen] for s in from_s])
    if np.count_nonzero(plan.model_weights) == 1 and (plan.curve_weights == plan.model_weights).all():
        models = np.repeat(np.array(best)[:, None], draws, axis=1)
    variances = [integral_relative_variance(plan, from_s=s) for s in from_s]
    return DrawnCurve(
        CurveDraws(samples=samples, both=both, models=models, choice=chosen),
        best,
        tuple(v[0] for v in variances),
        tuple(v[1] for v in variances),
        stated_share=plan.stated_share,
        refitted=True,
    )


def _from_ensemble(
    ensemble: CurveEnsemble, best: tuple[float, ...], from_s: tuple[float, ...], draws: int, region: str, seed: int
) -> DrawnCurve:
    """Draws of the curve itself, resampled: all of its uncertainty counts as that of the samples."""
    rng = np.random.default_rng([seed, 43, crc32(region.encode())])
    picked = rng.integers(ensemble.draws, size=draws)
    drawn = np.stack([ensemble.integral_bq_s(from_s=s)[picked] for s in from_s])
    same = np.repeat(np.array(best)[:, None], draws, axis=1)
    variances = tuple(float(np.var(drawn[k])) / best[k] ** 2 if best[k] > 0.0 else 0.0 for k in range(len(from_s)))
    return DrawnCurve(
        CurveDraws(samples=drawn, both=drawn, models=same, choice=np.zeros(draws, dtype=np.int64)),
        best,
        variances,
        tuple(0.0 for _ in from_s),
        stated_share=0.0,
        refitted=False,
    )
