"""Curves drawn from the covariance of a fit, so that every later number can be propagated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemadose.kinetics.leastsquares import Solution
from hemadose.kinetics.models import ModelFunction
from hemadose.model import CurveEnsemble, Nuclide

Floats = npt.NDArray[np.float64]


def draw_curves(
    function: ModelFunction,
    solution: Solution,
    *,
    nuclide: Nuclide,
    scale_bq: float,
    inflate: float,
    draws: int,
    rng: np.random.Generator,
) -> CurveEnsemble:
    """Draw parameters log-normally about the best fit and give them as curves.

    Amplitudes and rates stay positive, and no rate falls below physical decay.

    Parameters
    ----------
    function, solution : ModelFunction, Solution
        The model and its optimum (amplitudes relative to `scale_bq`).
    nuclide : Nuclide
        Physical floor.
    scale_bq : float
        Activity unit of the solution.
    inflate : float
        Factor on all standard uncertainties (Birge ratio), 1 for a fit that describes the data.
    draws : int
        Number of curves.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    CurveEnsemble
    """
    centre = np.concatenate([solution.amplitudes, solution.rates])
    relative = inflate**2 * solution.covariance / np.outer(centre, centre)
    relative = np.clip(relative, -4.0, 4.0)
    values, vectors = np.linalg.eigh((relative + relative.T) / 2.0)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    sample = centre * np.exp(rng.standard_normal((draws, centre.size)) @ root.T)
    split = len(function.amplitude_names)
    physical = nuclide.decay_constant_per_s
    rates = np.sort(np.maximum(sample[:, split:], physical * (1.0 + 1e-9)), axis=1)
    amplitudes = scale_bq * sample[:, :split] @ np.asarray(function.mixing)
    return CurveEnsemble(
        amplitudes_bq=amplitudes,
        rates_per_s=function.term_rates(rates, physical_rate=physical),
    )


def mix(
    ensembles: Sequence[CurveEnsemble],
    *,
    weights: Floats,
    rng: np.random.Generator,
    filler_rate: float,
) -> CurveEnsemble:
    """Mix ensembles of equal size by weight (model averaging), padding with empty terms."""
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
    """Scale every curve by the uncertainty that all samples share (log-normal)."""
    if relative_sd <= 0.0:
        return ensemble
    sigma = np.sqrt(np.log1p(relative_sd**2))
    factor = np.exp(sigma * normal[: ensemble.draws])
    return CurveEnsemble(
        amplitudes_bq=ensemble.amplitudes_bq * factor[:, None], rates_per_s=ensemble.rates_per_s
    )
