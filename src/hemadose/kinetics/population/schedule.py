"""When to measure: expected uncertainty of the time-integrated activity by schedule.

For every likely patient the information of each sample about the logarithms of the parameters is added to what the
population knows; its inverse gives the variance of ln(integral) (Bayesian Fisher information). A schedule's figure is
the root of the mean variance over patients. The module `preposterior` does it without linearising: patients and
samples are simulated and analysed.

References
----------
Chaloner K., Verdinelli I., Stat Sci 1995;10:273. Retout S., Mentre F., J Biopharm Stat 2003;13:209.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError
from hemadose.kinetics.population.forms import Floats
from hemadose.kinetics.population.prior import PopulationPrior

Indices: TypeAlias = npt.NDArray[np.int_]

_EXHAUSTIVE = 6000
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleQuality:
    """What a schedule is expected to give.

    Attributes
    ----------
    times_s : tuple of float
        Sampling times.
    relative_sd : float
        Expected standard uncertainty of the integral, relative.
    """

    times_s: tuple[float, ...]
    relative_sd: float


@dataclass(frozen=True, slots=True)
class _Information:
    """Per patient drawn and candidate time: information matrices, prior's, and slope of ln(integral)."""

    of_times: Floats
    of_prior: Floats
    slope: Floats

    def relative_sd(self, chosen: Indices) -> Floats:
        """Of schedules given as indices, shape (schedules, samples); result (schedules,)."""
        parts = []
        for start in range(0, len(chosen), _CHUNK):
            block = self.of_times[:, chosen[start : start + _CHUNK]].sum(axis=2) + self.of_prior
            solved = np.linalg.solve(block, np.broadcast_to(self.slope[:, None, :, None], (*block.shape[:3], 1)))
            variance = np.einsum("dp,dsp->ds", self.slope, solved[..., 0])
            parts.append(np.sqrt(variance.mean(axis=0)))
        return np.concatenate(parts)


def _information(prior: PopulationPrior, times: Floats, *, floor: float, patients: int, seed: int) -> _Information:
    rng = np.random.default_rng([seed, 13])
    theta = prior.drawn(patients, rng=rng)
    physical = prior.physical_rate_per_s
    value = prior.form.activity(theta, times, physical_rate=physical)
    log_integral = np.log(prior.form.integral(theta, physical_rate=physical))
    jacobian, slope = np.empty((*value.shape, theta.shape[1])), np.empty_like(theta)
    for p in range(theta.shape[1]):
        moved = theta.copy()
        moved[:, p] += 1e-5
        jacobian[..., p] = (prior.form.activity(moved, times, physical_rate=physical) - value) / 1e-5
        slope[:, p] = (np.log(prior.form.integral(moved, physical_rate=physical)) - log_integral) / 1e-5
    jacobian /= np.sqrt((prior.relative_sd * value) ** 2 + floor**2 + 1e-300)[..., None]
    return _Information(
        np.einsum("dtp,dtq->dtpq", jacobian, jacobian),
        np.asarray(np.linalg.inv(prior.predictive_covariance), dtype=np.float64),
        slope,
    )


def expected_relative_sd(
    prior: PopulationPrior, times_s: Sequence[float], *, floor: float = 0.0, patients: int = 200, seed: int = 20251121
) -> float:
    """Expected relative standard uncertainty of the integral with a schedule.

    Parameters
    ----------
    prior : PopulationPrior
        Population and error of one sample.
    times_s : sequence of float
        Sampling times; none for what the population alone knows.
    floor : float
        Least absolute error of a sample, in the unit of the prior's amplitude (background, counting).
    patients, seed
        Patients to average over.

    Returns
    -------
    float

    Examples
    --------
    >>> prior = PopulationPrior.from_half_lives(physical_half_life_s=160 * 3600., effective_half_life_s=50 * 3600.,
    ...                                         half_life_relative_sd=0.2, relative_sd=0.05)
    >>> at = {h: expected_relative_sd(prior, [h * 3600.0]) for h in (4, 72, 168)}
    >>> at[72] < 0.5 * at[4], at[72] < 0.5 * at[168]
    (True, True)
    """
    times = checked_times(times_s)
    if not len(times):
        empty = _information(prior, np.array([1.0]), floor=floor, patients=patients, seed=seed)
        solved = np.linalg.solve(empty.of_prior, empty.slope.T).T
        return float(np.sqrt(np.einsum("dp,dp->d", empty.slope, solved).mean()))
    found = _information(prior, times, floor=floor, patients=patients, seed=seed)
    return float(found.relative_sd(np.arange(len(times))[None, :])[0])


def recommend_times(
    prior: PopulationPrior,
    *,
    samples: int,
    candidates_s: Sequence[float],
    fixed_s: Sequence[float] = (),
    floor: float = 0.0,
    patients: int = 120,
    best: int = 5,
    seed: int = 20251121,
) -> tuple[ScheduleQuality, ...]:
    """Choose sampling times for the least expected uncertainty of the integral.

    Parameters
    ----------
    prior : PopulationPrior
        Population and error of one sample.
    samples : int
        Times to choose, besides the fixed ones.
    candidates_s : sequence of float
        Times that are possible (working hours).
    fixed_s : sequence of float
        Times that are measured anyway.
    floor, patients, seed
        As in `expected_relative_sd`.
    best : int
        Schedules to give.

    Returns
    -------
    tuple of ScheduleQuality
        Best first. All combinations are tried up to `6000`, beyond that times are exchanged one by one from several
        starts; then only the best is given.

    Raises
    ------
    FitError
        If there are fewer candidates than samples.
    """
    times = checked_times(candidates_s)
    if not 1 <= samples <= len(times):
        raise FitError(
            "fewer possible times than samples", field="samples", value=str(samples), expected=f"1 ... {len(times)}"
        )
    fixed = checked_times(fixed_s)
    found = _information(prior, np.concatenate([times, fixed]), floor=floor, patients=patients, seed=seed)
    always = len(times) + np.arange(len(fixed))
    if comb(len(times), samples) <= _EXHAUSTIVE:
        chosen = np.array(list(combinations(range(len(times)), samples)))
        tried = np.hstack([chosen, np.broadcast_to(always, (len(chosen), len(always)))])
        quality = found.relative_sd(tried)
        order = np.argsort(quality)[:best]
    else:
        tried, quality = _exchanged(found, len(times), samples, always, seed=seed)
        order = np.array([0])
    everything = np.concatenate([times, fixed])
    return tuple(
        ScheduleQuality(times_s=tuple(np.sort(everything[tried[i]]).tolist()), relative_sd=float(quality[i]))
        for i in order
    )


def _exchanged(found: _Information, count: int, samples: int, always: Indices, *, seed: int) -> tuple[Indices, Floats]:
    """Exchange one time after the other while it helps, from several starts."""
    rng = np.random.default_rng([seed, 14])
    best, least = np.empty((1, 0), dtype=int), np.inf
    for _ in range(6):
        current = np.sort(rng.choice(count, size=samples, replace=False))
        value = np.inf
        while True:
            others = np.setdiff1d(np.arange(count), current)
            rows = [np.where(np.arange(samples) == place, new, current) for place in range(samples) for new in others]
            tried = np.hstack([np.array(rows), np.broadcast_to(always, (len(rows), len(always)))])
            quality = found.relative_sd(tried)
            place = int(np.argmin(quality))
            if quality[place] >= value * (1.0 - 1e-9):
                break
            value, current = float(quality[place]), tried[place, :samples]
        if value < least:
            best, least = np.concatenate([current, always])[None, :], value
    return best, np.array([least])


def reduce_schedule(
    prior: PopulationPrior,
    times_s: Sequence[float],
    *,
    floor: float = 0.0,
    patients: int = 200,
    seed: int = 20251121,
) -> tuple[ScheduleQuality, ...]:
    """Leave samples out of a schedule: the best choice of every number of samples, most first."""
    times = checked_times(times_s)
    if not len(times):
        raise FitError("a schedule without times cannot be reduced", field="times_s")
    found = _information(prior, times, floor=floor, patients=patients, seed=seed)
    kept = []
    for size in range(len(times), 0, -1):
        chosen = np.array(list(combinations(range(len(times)), size)))
        quality = found.relative_sd(chosen)
        place = int(np.argmin(quality))
        kept.append(ScheduleQuality(times_s=tuple(times[chosen[place]].tolist()), relative_sd=float(quality[place])))
    return tuple(kept)


def checked_times(times_s: Sequence[float]) -> Floats:
    """Give times as an array; refuse negative ones."""
    times = np.asarray(times_s, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all() or (times < 0.0).any():
        raise FitError("sampling times are not before the administration", field="times_s", expected=">= 0")
    return times
