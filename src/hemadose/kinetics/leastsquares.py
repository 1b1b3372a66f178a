"""Weighted least squares for sums of exponentials, without local optima.

Variable projection: for given rates the best amplitudes are linear and solved at once, so the
search runs over one to three rates only. It starts from a grid over all sensible rates and
refines the best few starts, until two of them agree, so that the answer does not depend on a lucky
guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from hemadose.kinetics.models import ModelFunction

Floats = npt.NDArray[np.float64]

_GRID_POINTS = {1: 160, 2: 44, 3: 16}
_STARTS = 5
_ZOOMS, _POLISHED = 14, 2
_FLOOR = 1e-6
"""Smallest biological rate as a share of the physical one: the physical floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Best parameters of one model.

    Attributes
    ----------
    amplitudes, rates : ndarray
        Best estimates; `rates` are the free effective rates, slowest first.
    covariance : ndarray, shape (amplitudes + rates, amplitudes + rates)
        From the weights as given (not rescaled by the residuals).
    chi_square : float
        Weighted sum of squared residuals.
    at_floor : bool
        The slowest rate is at the physical floor.
    degenerate : bool
        An amplitude vanished, two rates coincide, or the data do not determine a parameter.
    """

    amplitudes: Floats
    rates: Floats
    covariance: Floats
    chi_square: float
    at_floor: bool
    degenerate: bool


def solve(
    model: ModelFunction,
    *,
    times: Floats,
    values: Floats,
    sds: Floats,
    physical_rate: float,
) -> Solution:
    """Find the global weighted least-squares optimum of a model.

    Parameters
    ----------
    model : ModelFunction
        The model.
    times, values, sds : ndarray, shape (n,)
        Samples and their standard uncertainties (all > 0), in any one unit of activity.
    physical_rate : float
        Physical decay constant; no rate is slower.

    Returns
    -------
    Solution
    """
    from scipy.optimize import least_squares

    low, high = _biological_limits(model, times, physical_rate)
    count = len(model.rate_names)

    def residuals(logs: Floats) -> Floats:
        rates = np.sort(physical_rate + np.exp(logs))
        design = model.basis(times, model.term_rates(rates, physical_rate=physical_rate))
        design = design / sds[:, None]
        amplitudes = _amplitudes(design[None], values / sds)[0]
        misfit: Floats = design @ amplitudes - values / sds
        return misfit

    best, best_cost = np.zeros(count), np.inf
    for start in _grid_starts(model, times, values, sds, physical_rate, low, high)[:_POLISHED]:
        found = least_squares(
            residuals,
            start,
            bounds=(np.full(count, low), high),
            xtol=1e-9,
            ftol=1e-10,
            gtol=1e-10,
            x_scale=1.0,
            diff_step=1e-6,
        )
        cost = float(found.cost)
        agreed = abs(cost - best_cost) <= 1e-6 * best_cost + 1e-12
        if cost < best_cost:
            best, best_cost = np.asarray(found.x), cost
        if agreed:
            break
    rates = np.sort(physical_rate + np.exp(best))
    at_floor = bool(rates[0] - physical_rate < 1e-3 * physical_rate)
    return _summarise(model, times, values, sds, physical_rate, rates, at_floor)


def log_rate_limits(model: ModelFunction, times: Floats, physical_rate: float) -> tuple[float, Floats]:
    """Logarithms of the slowest effective rate and of the fastest of each phase, shape (rates,).

    >>> from hemadose.kinetics.models import model_function
    >>> low, high = log_rate_limits(model_function("mono"), np.array([1.0, 24.0]), np.log(2) / 160.0)
    >>> np.round(np.log(2) / np.exp([low, *high]), 2).tolist()
    [160.0, 0.5]
    """
    low, high = _biological_limits(model, times, physical_rate)
    return float(np.log(physical_rate + np.exp(low))), np.log(physical_rate + np.exp(high))


def _biological_limits(model: ModelFunction, times: Floats, physical_rate: float) -> tuple[float, Floats]:
    """Logarithmic bounds of the biological rates, in any one unit of time.

    An uptake phase may be fast, since it then hardly matters. A clearance phase is held to
    half-lives above half the first sampling time: a faster one is not observed, and would put
    any amount of activity before the first sample.
    """
    positive = times[times > 0.0]
    first = float(positive.min()) if positive.size else 0.01 / physical_rate
    uptake = np.log(2.0) / (first / 20.0)
    clearance = max(np.log(2.0) / (first / 2.0), 10.0 * physical_rate)
    rises = np.asarray(model.mixing)[:, : len(model.rate_names)].min(axis=0) < 0.0
    highest = np.asarray(np.log(np.where(rises, uptake, clearance)))
    return float(np.log(_FLOOR * physical_rate)), highest


def _grid_starts(
    model: ModelFunction,
    times: Floats,
    values: Floats,
    sds: Floats,
    physical_rate: float,
    low: float,
    high: Floats,
) -> list[Floats]:
    """Best points of the grid, apart from each other, refined; the best one first.

    Points with all amplitudes above zero, and the best with the fastest rate at its limit, are
    preferred: where an amplitude vanishes the misfit is flat, and such points would fill the list.
    """
    count = len(model.rate_names)
    top = float(high.max())
    coarse = np.log(np.geomspace(1e-3 * physical_rate, np.exp(top), _GRID_POINTS[count]))
    axis = np.unique(np.concatenate([[low], coarse]))
    logs = np.array(list(combinations(axis, count)))
    logs = logs[(logs <= high + 1e-9).all(axis=1)]
    amplitudes, misfit = _misfit(model, times, values, sds, physical_rate, logs)
    order = np.argsort(misfit)
    interior = order[(amplitudes[order] > 0.0).all(axis=1)]
    starts: list[Floats] = []
    edge = order[logs[order, -1] >= high[-1] - 1e-9]
    for index in np.concatenate([interior[:1], edge[:1], interior[1:400], order[:400]]):
        if len(starts) == _STARTS:
            break
        if all(np.abs(logs[index] - s).max() > 0.5 for s in starts):
            starts.append(logs[index])
    found = np.array(starts)
    return _zoom(lambda points: _misfit(model, times, values, sds, physical_rate, points)[1], found, low, high)


def _misfit(
    model: ModelFunction, times: Floats, values: Floats, sds: Floats, physical_rate: float, logs: Floats
) -> tuple[Floats, Floats]:
    """Best amplitudes, shape (g, a), and chi-square, shape (g,), for logarithms of rates (g, rates)."""
    terms = model.term_rates(np.sort(physical_rate + np.exp(logs), axis=1), physical_rate=physical_rate)
    design = model.basis(times, terms) / sds[:, None]
    target = values / sds
    amplitudes = _amplitudes(design, target)
    return amplitudes, np.sum((np.einsum("gna,ga->gn", design, amplitudes) - target) ** 2, axis=1)


def _zoom(misfit: Callable[[Floats], Floats], starts: Floats, low: float, high: Floats) -> list[Floats]:
    """Refine all starts at once on small grids that shrink about the best point; best first.

    Needs no derivatives, which matters: the misfit has kinks where an amplitude reaches zero, and
    a gradient method can stop there. A window does not shrink while its best point is at its rim.
    """
    count = starts.shape[1]
    ticks = np.linspace(-1.0, 1.0, 9 if count < 3 else 5)
    offsets = np.array(list(product(ticks, repeat=count)))
    width = np.full(len(starts), 0.4)
    best = np.full(len(starts), np.inf)
    for _ in range(_ZOOMS):
        points = np.clip(starts[:, None, :] + offsets * width[:, None, None], low, high)
        costs = misfit(points.reshape(-1, count)).reshape(len(starts), -1)
        chosen = costs.argmin(axis=1)
        rows = np.arange(len(starts))
        starts, best = points[rows, chosen], costs[rows, chosen]
        at_rim = np.abs(offsets[chosen]).max(axis=1) == 1.0
        width = np.where(at_rim, width, 0.4 * width)
    return list(starts[np.argsort(best)])


def _amplitudes(design: Floats, target: Floats) -> Floats:
    """Non-negative amplitudes for many designs, shape (g, n, a) and (n,) to (g, a); a <= 2."""
    gram = np.einsum("gni,gnj->gij", design, design)
    right: Floats = np.einsum("gni,n->gi", design, target)
    diagonal = np.maximum(np.einsum("gii->gi", gram), 1e-300)
    alone: Floats = np.maximum(right / diagonal, 0.0)
    if design.shape[2] == 1:
        return alone
    determinant = gram[:, 0, 0] * gram[:, 1, 1] - gram[:, 0, 1] ** 2
    regular = determinant > 1e-14 * diagonal[:, 0] * diagonal[:, 1]
    safe = np.where(regular, determinant, 1.0)
    both = np.stack(
        [
            (gram[:, 1, 1] * right[:, 0] - gram[:, 0, 1] * right[:, 1]) / safe,
            (gram[:, 0, 0] * right[:, 1] - gram[:, 0, 1] * right[:, 0]) / safe,
        ],
        axis=1,
    )
    feasible = regular & (both >= 0.0).all(axis=1)
    gain = alone * np.maximum(right, 0.0)
    first = (gain[:, 0] >= gain[:, 1])[:, None]
    single = np.where(first, alone * [1.0, 0.0], alone * [0.0, 1.0])
    return np.asarray(np.where(feasible[:, None], both, single))


def _summarise(
    model: ModelFunction,
    times: Floats,
    values: Floats,
    sds: Floats,
    physical_rate: float,
    rates: Floats,
    at_floor: bool,
) -> Solution:
    terms = model.term_rates(rates, physical_rate=physical_rate)
    design = model.basis(times, terms) / sds[:, None]
    amplitudes = _amplitudes(design[None], values / sds)[0]
    residual = design @ amplitudes - values / sds
    slopes = [_rate_slope(model, times, amplitudes, terms, index) / sds for index in range(len(rates))]
    jacobian = np.column_stack([design, *slopes])
    covariance, rank_ok = _covariance(jacobian)
    coincide = bool(len(terms) > 1 and np.min(np.diff(np.sort(terms)) / np.sort(terms)[1:]) < 1e-3)
    vanished = bool((amplitudes <= 1e-9 * max(float(np.abs(amplitudes).max()), 1e-300)).any())
    return Solution(
        amplitudes=amplitudes,
        rates=rates,
        covariance=covariance,
        chi_square=float(residual @ residual),
        at_floor=at_floor,
        degenerate=coincide or vanished or not rank_ok,
    )


def _rate_slope(model: ModelFunction, times: Floats, amplitudes: Floats, terms: Floats, index: int) -> Floats:
    weight = float(amplitudes @ np.asarray(model.mixing)[:, index])
    slope: Floats = -weight * times * np.exp(-times * terms[index])
    return slope


def _covariance(jacobian: Floats) -> tuple[Floats, bool]:
    scale = np.linalg.norm(jacobian, axis=0)
    if (scale == 0.0).any():
        return np.full((scale.size, scale.size), np.inf), False
    _, singular, rows = np.linalg.svd(jacobian / scale, full_matrices=False)
    if singular.size < scale.size or singular[-1] < 1e-7 * singular[0]:
        return np.full((scale.size, scale.size), np.inf), False
    inverse = (rows.T / singular**2) @ rows
    return np.asarray(inverse / np.outer(scale, scale)), True
