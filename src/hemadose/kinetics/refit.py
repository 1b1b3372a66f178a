"""A curve fitted again to many perturbed copies of its samples.

The samples of one region are moved by their standard uncertainty, draw by draw, and every copy is fitted by weighted
least squares from the optimum of the samples themselves: the spread of the integrals is what the samples leave open.
The model of a draw is chosen by the caller; `RefitPlan.model_weights` gives the probability of each candidate (its
evidence, as in `hemadose.kinetics.fit`).

References
----------
Press W. et al., Numerical Recipes, 3rd ed. 2007, 15.6 (confidence limits by Monte Carlo simulation of data sets).
Kaufman L., BIT 1975;15:49 (derivatives of the projected misfit).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.kinetics.leastsquares import log_rate_limits
from hemadose.kinetics.refit_plan import RefitPlan, curve_integrals, refit_plan

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]

__all__ = ["RefitPlan", "fit_copies", "refit_integrals", "refit_plan"]

_PER_THREAD = 4096


def refit_integrals(
    plan: RefitPlan,
    normals: npt.ArrayLike,
    choice: Integers,
    *,
    from_s: Sequence[float] = (0.0,),
    threads: int | None = None,
) -> tuple[Floats, Floats]:
    """Fit perturbed samples, each copy once with the model of its draw, and integrate.

    Parameters
    ----------
    plan : RefitPlan
        From `refit_plan`.
    normals : array, shape (draws, n)
        Standard-normal numbers that move the samples.
    choice : integer array, shape (draws,)
        Model of each draw.
    from_s : sequence of float
        Starts of the integrals.
    threads : int, optional
        All processors if not given.

    Returns
    -------
    reported : ndarray, shape (starts, draws)
        Integrals in Bq s of the reported curve (one model, or the average). Draws of another model repeat, in turn,
        those of copies that were fitted with it: a fifth of the draws at least.
    chosen : ndarray, shape (starts, draws)
        Integrals of the model chosen for each draw.

    Raises
    ------
    QuantityError
        If there is no draw, or draws and choices do not match.
    """
    z, which = np.asarray(normals, dtype=np.float64), np.asarray(choice)
    if z.ndim != 2 or z.shape[0] == 0 or z.shape[1] != plan.values.size or not np.isfinite(z).all():
        raise QuantityError(
            f"{plan.region}: perturbed samples need finite draws of shape (draws, {plan.values.size})",
            value=str(z.shape),
        )
    if which.shape != (z.shape[0],) or which.min() < 0 or which.max() >= len(plan.models):
        raise QuantityError(f"{plan.region}: one model is chosen for every draw", value=str(which.shape))
    values = plan.values + plan.sds * z
    draws = z.shape[0]
    base = _base_rows(plan, which)
    reported, chosen = np.zeros((len(from_s), draws)), np.empty((len(from_s), draws))
    for index, model in enumerate(plan.models):
        share = float(plan.curve_weights[index])
        wanted = which == index
        if share > 0.0:
            wanted[base] = True
        rows = np.flatnonzero(wanted)
        if not rows.size:
            continue
        amplitudes, rates = fit_copies(plan, index, values[rows], threads=threads)
        mine = which[rows] == index
        for f, start in enumerate(from_s):
            found = plan.scale_bq * curve_integrals(
                model, amplitudes, rates, physical_rate=plan.physical_rate, from_s=start
            )
            chosen[f, rows[mine]] = found[mine]
            if share > 0.0:
                reported[f, base] += share * found[np.searchsorted(rows, base)]
    others = np.ones(draws, dtype=bool)
    others[base] = False
    reported[:, others] = reported[:, base[np.arange(np.count_nonzero(others)) % base.size]]
    return reported, chosen


def _base_rows(plan: RefitPlan, which: Integers) -> Integers:
    """Draws that are fitted with the reported curve: those that chose it, a fifth of all at least."""
    fewest = -(-which.size // 5)
    if np.count_nonzero(plan.curve_weights) > 1:
        return np.arange(fewest)
    own = which == int(np.argmax(plan.curve_weights))
    missing = fewest - int(np.count_nonzero(own))
    if missing > 0:
        own[np.flatnonzero(~own)[:missing]] = True
    return np.flatnonzero(own)


def fit_copies(plan: RefitPlan, index: int, values: Floats, *, threads: int | None = None) -> tuple[Floats, Floats]:
    """Fit one model to copies of the samples.

    Parameters
    ----------
    plan : RefitPlan
        From `refit_plan`.
    index : int
        Of the model.
    values : ndarray, shape (copies, n)
        Perturbed samples over `scale_bq`.
    threads : int, optional
        All processors if not given.

    Returns
    -------
    amplitudes : ndarray, shape (copies, amplitudes)
        Not negative, over `scale_bq`.
    rates : ndarray, shape (copies, rates)
        Per s.
    """
    import os
    from concurrent.futures import ThreadPoolExecutor

    from hemadose.kinetics._refit_kernels import refit

    model = plan.models[index]
    copies, count = values.shape[0], len(model.rate_names)
    low, high = log_rate_limits(model, plan.times_s, plan.physical_rate)
    starts = _starts(plan.solutions[index].rates, low, high)
    logs = np.empty((copies, count))
    amplitudes = np.empty((copies, len(model.amplitude_names)))
    chi2 = np.empty(copies)
    mixing = np.array(model.mixing, dtype=np.float64)
    weights, z = 1.0 / plan.sds, np.ascontiguousarray(values)

    def part(first: int) -> None:
        work = np.empty((6 + mixing.shape[1] + count, plan.times_s.size))
        last = min(first + _PER_THREAD, copies)
        refit(
            plan.times_s, weights, z, mixing, plan.physical_rate, low, high, starts,
            first, last, logs, amplitudes, chi2, work,
        )  # fmt: skip

    pieces = range(0, copies, _PER_THREAD)
    workers = min(threads or os.cpu_count() or 1, len(pieces))
    if workers < 2:
        for first in pieces:
            part(first)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(part, pieces))
    return amplitudes, np.exp(logs)


def _starts(rates: Floats, low: float, high: Floats) -> Floats:
    """Logarithms of rates to start from: the optimum, then a fast phase between, for fits that lost a term."""
    best = np.clip(np.log(rates), low, high)
    if best.size == 1:
        return best[None]
    middle = np.array([*best[:-1], 0.5 * (best[-2] + high[-1])])
    return np.asarray(np.clip(np.array([best, middle]), low, high))
