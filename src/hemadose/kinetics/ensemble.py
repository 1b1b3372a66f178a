"""Ensembles of curves: from one model, mixed over models, scaled by what all samples share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError
from hemadose.kinetics.models import ModelFunction
from hemadose.kinetics.posterior import Posterior
from hemadose.model import CurveEnsemble

Floats = npt.NDArray[np.float64]


def as_curves(function: ModelFunction, drawn: Posterior, *, physical_rate: float, scale_bq: float) -> CurveEnsemble:
    """Write drawn parameters as sums of exponentials."""
    return CurveEnsemble(
        amplitudes_bq=scale_bq * drawn.amplitudes @ np.asarray(function.mixing),
        rates_per_s=function.term_rates(drawn.rates, physical_rate=physical_rate),
    )


def evidence_weights(log_evidences: Sequence[float]) -> Floats:
    """Probabilities of models from the logarithm of their evidence, equal before the samples.

    >>> evidence_weights([-10.0, -10.0]).tolist()
    [0.5, 0.5]
    """
    raw = np.exp(np.asarray(log_evidences) - np.max(log_evidences))
    return np.asarray(raw / raw.sum())


def mix(
    ensembles: Sequence[CurveEnsemble],
    *,
    weights: Floats,
    rng: np.random.Generator,
    filler_rate: float,
) -> CurveEnsemble:
    """Mix ensembles of equal size by weight, padding with empty terms.

    >>> one = CurveEnsemble(amplitudes_bq=np.ones((4, 1)), rates_per_s=np.ones((4, 1)))
    >>> two = CurveEnsemble(amplitudes_bq=np.ones((4, 2)), rates_per_s=np.ones((4, 2)))
    >>> both = mix([one, two], weights=np.array([1.0, 0.0]), rng=np.random.default_rng(1), filler_rate=1.0)
    >>> both.integral_bq_s().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    if len(ensembles) == 1:
        return ensembles[0]
    draws = ensembles[0].draws
    terms = max(e.amplitudes_bq.shape[1] for e in ensembles)
    amplitudes = np.zeros((draws, terms))
    rates = np.full((draws, terms), filler_rate)
    origin = rng.choice(len(ensembles), size=draws, p=weights)
    for index, ensemble in enumerate(ensembles):
        rows = origin == index
        width = ensemble.amplitudes_bq.shape[1]
        amplitudes[rows, :width] = ensemble.amplitudes_bq[rows]
        rates[rows, :width] = ensemble.rates_per_s[rows]
    return CurveEnsemble(amplitudes_bq=amplitudes, rates_per_s=rates)


def scale_shared(ensemble: CurveEnsemble, *, relative_sd: float, normal: Floats) -> CurveEnsemble:
    """Scale every curve by the uncertainty that all samples share.

    The factor is log-normal with median 1 and standard deviation `relative_sd` of its mean.

    Parameters
    ----------
    ensemble : CurveEnsemble
        Curves.
    relative_sd : float
        Shared relative standard uncertainty; 0 leaves the curves as they are.
    normal : ndarray, shape (at least draws,)
        Standard-normal draws: the same vector for every region of a study, so that a common
        calibration moves all regions together.

    Raises
    ------
    FitError
        If there are fewer normal draws than curves.

    Examples
    --------
    >>> flat = CurveEnsemble(amplitudes_bq=np.ones((3, 1)), rates_per_s=np.ones((3, 1)))
    >>> moved = scale_shared(flat, relative_sd=0.1, normal=np.array([-1.0, 0.0, 1.0]))
    >>> np.round(moved.integral_bq_s(), 3).tolist()
    [0.905, 1.0, 1.105]
    """
    if relative_sd <= 0.0:
        return ensemble
    if len(normal) < ensemble.draws:
        raise FitError(
            "fewer draws of the shared uncertainty than curves",
            field="shared_normal",
            value=str(len(normal)),
            expected=f">= {ensemble.draws}",
        )
    sigma = np.sqrt(np.log1p(relative_sd**2))
    factor = np.exp(sigma * np.asarray(normal[: ensemble.draws]))
    return CurveEnsemble(amplitudes_bq=ensemble.amplitudes_bq * factor[:, None], rates_per_s=ensemble.rates_per_s)


def standard_uncertainty(ensemble: CurveEnsemble, *, about: float) -> float:
    """Distance of the drawn integrals from the reported one, in Bq s.

    The root mean square, or the distance that holds 95 % of the draws over 1.96 if that is larger.
    For a normal distribution about the reported value both are its standard deviation.

    >>> drawn = np.random.default_rng(1).normal(10.0, 1.0, size=(40_000, 1))
    >>> round(standard_uncertainty(CurveEnsemble(amplitudes_bq=drawn, rates_per_s=drawn * 0 + 1), about=10.0), 1)
    1.0
    """
    distance = np.abs(ensemble.integral_bq_s() - about)
    return float(max(np.sqrt(np.mean(distance**2)), np.quantile(distance, 0.95) / 1.96))
