"""What continual reassessment does if the truth is known: many trials at once.

The posterior of every simulated trial is taken by the same quadrature as `hemadose.outcome.trial.crm.posterior`, on a
coarser grid, as one matrix product for all trials; a test holds both to the same levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.errors import QuantityError
from hemadose.outcome.trial.boin import OperatingCharacteristics
from hemadose.outcome.trial.crm import Crm
from hemadose.outcome.trial.titration import Counts, Floats

_GRID = 801


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Quadrature over the parameter."""

    log_p: Floats
    log_q: Floats
    prior: Floats
    p: Floats


def simulate_crm(
    design: Crm,
    toxicity: Sequence[float],
    *,
    cohort: int = 3,
    cohorts: int = 10,
    start: int = 0,
    allowed: Sequence[float] | None = None,
    trials: int = 2000,
    seed: int = 20261121,
) -> OperatingCharacteristics:
    """Run the design on a known truth.

    Parameters
    ----------
    design : Crm
        The design.
    toxicity : sequence of float
        True rate at each level.
    cohort, cohorts : int
        Patients of a cohort, cohorts of a trial.
    start : int
        First level.
    allowed : sequence of float, optional
        Probability that a patient's organ doses allow each level, not rising; a cohort is treated at the highest
        level that all its patients may have.
    trials, seed : int
        Number of simulated trials; of the random numbers.

    Returns
    -------
    OperatingCharacteristics
        A trial recommends the level with the expected rate closest to the target among those that were tried.

    Raises
    ------
    QuantityError
        If the rates do not fit the levels.
    """
    truth = np.asarray(toxicity, dtype=np.float64)
    levels = len(design.skeleton)
    if truth.size != levels or np.any((truth < 0.0) | (truth > 1.0)):
        raise QuantityError(
            "true rates do not fit the levels", field="toxicity", value=str(list(toxicity)),
            expected=f"{levels} rates between 0 and 1",
        )  # fmt: skip
    rng, grid = np.random.default_rng(seed), _grid(design)
    treated, suffered = np.zeros((trials, levels), dtype=np.int64), np.zeros((trials, levels), dtype=np.int64)
    level = np.full(trials, start)
    running = np.ones(trials, dtype=bool)
    every = np.arange(trials)
    for _ in range(cohorts):
        if allowed is not None:
            may = np.asarray(allowed)[None, None, :] > rng.random((trials, cohort))[:, :, None]
            level = np.minimum(level, may.sum(axis=2).min(axis=1) - 1)
            running &= level >= 0
        at = every[running]
        treated[at, level[at]] += cohort
        suffered[at, level[at]] += rng.binomial(cohort, truth[level[at]])
        closest, too_toxic = recommend(design, suffered, treated, grid)
        running &= ~too_toxic
        level = np.minimum(closest, _highest(treated) + 1)
        if not running.any():
            break
    closest, _ = recommend(design, suffered, treated, grid)
    chosen = np.minimum(closest, _highest(treated))
    ended = running & (treated.sum(axis=1) > 0)
    total: Counts = treated.sum(axis=0)
    best = int(np.argmin(np.abs(truth - design.target)))
    return OperatingCharacteristics(
        toxicity=tuple(toxicity),
        selected=np.bincount(chosen[ended], minlength=levels) / trials,
        none_selected=float((~ended).mean()),
        patients=total / trials,
        toxicities=float(suffered.sum() / trials),
        overdosed=float(total[best + 1 :].sum() / max(1, total.sum())),
        trials=trials,
    )


def recommend(design: Crm, suffered: Counts, treated: Counts, grid: _Grid | None = None) -> tuple[Counts, np.ndarray]:
    """Give for each trial the level closest to the target, and whether the lowest one is too toxic.

    Parameters
    ----------
    design : Crm
        The design.
    suffered, treated : array (trials, levels)
        Counts so far.
    """
    g = _grid(design) if grid is None else grid
    log = suffered @ g.log_p.T + (treated - suffered) @ g.log_q.T + g.prior
    weight = np.exp(log - log.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    closest = np.argmin(np.abs(weight @ g.p - design.target), axis=1)
    above = weight @ (g.p[:, 0] > design.target).astype(np.float64)
    return closest.astype(np.int64), (treated.sum(axis=1) >= 3) & (above > design.closing_probability)


def _grid(design: Crm) -> _Grid:
    a = np.linspace(-8.0, 8.0, _GRID) * design.prior_sd
    log_p = np.exp(a)[:, None] * np.log(np.asarray(design.skeleton))[None, :]
    return _Grid(
        log_p=log_p,
        log_q=np.log1p(-np.exp(np.minimum(log_p, -1e-15))),
        prior=-0.5 * (a / design.prior_sd) ** 2,
        p=np.exp(log_p),
    )


def _highest(treated: Counts) -> Counts:
    """Highest level that was tried; -1 before the first patient."""
    tried = treated > 0
    return np.where(tried.any(axis=1), treated.shape[1] - 1 - np.argmax(tried[:, ::-1], axis=1), -1)
