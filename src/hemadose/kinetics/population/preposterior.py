"""What a schedule gives, by simulation: patients are drawn, sampled, analysed and compared with their truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.kinetics.population.forms import Floats
from hemadose.kinetics.population.posterior import SampleSet, posterior_draws
from hemadose.kinetics.population.prior import PopulationPrior
from hemadose.kinetics.population.schedule import checked_times


@dataclass(frozen=True, slots=True, kw_only=True)
class Preposterior:
    """Simulated patients analysed with a schedule.

    Attributes
    ----------
    patients : int
        Simulated.
    bias : float
        Mean estimate over mean truth, less 1.
    relative_rmse : float
        Root mean square of estimate over truth, less 1.
    stated_relative_sd : float
        Root mean square of the stated relative uncertainties.
    coverage : float
        Share of 95 % intervals that hold the truth.
    over_10_percent : float
        Share of patients more than 10 % off.
    ranks : ndarray, shape (patients,)
        Rank of the truth among the draws over their number; uniform if the analysis is calibrated.
    """

    patients: int
    bias: float
    relative_rmse: float
    stated_relative_sd: float
    coverage: float
    over_10_percent: float
    ranks: Floats


def preposterior(
    prior: PopulationPrior,
    times_s: Sequence[float],
    *,
    patients: int = 400,
    draws: int = 500,
    seed: int = 20251121,
) -> Preposterior:
    """Simulate patients of a population, sample them, analyse them with `posterior_draws`, compare with the truth.

    Parameters
    ----------
    prior : PopulationPrior
        Population, for truth and analysis alike.
    times_s : sequence of float
        Schedule.
    patients, draws, seed
        Simulated patients, draws of each, seed.

    Returns
    -------
    Preposterior
    """
    rng = np.random.default_rng([seed, 15])
    times = checked_times(times_s)
    truth = prior.drawn(patients, rng=rng)
    value = prior.form.activity(truth, times, physical_rate=prior.physical_rate_per_s)
    noisy = value * np.maximum(1.0 + prior.relative_sd * rng.standard_normal(value.shape), 1e-3)
    sets = [SampleSet(times_s=times, values=row) for row in noisy]
    theta, _ = posterior_draws(prior, sets, draws=draws, seed=seed)
    drawn = prior.form.integral(theta, physical_rate=prior.physical_rate_per_s)
    true = prior.form.integral(truth, physical_rate=prior.physical_rate_per_s)
    low, high = np.quantile(drawn, (0.025, 0.975), axis=1)
    estimate = drawn.mean(axis=1)
    ratio = estimate / true - 1.0
    return Preposterior(
        patients=patients,
        bias=float(estimate.mean() / true.mean() - 1.0),
        relative_rmse=float(np.sqrt(np.mean(ratio**2))),
        stated_relative_sd=float(np.sqrt(np.mean((drawn.std(axis=1) / estimate) ** 2))),
        coverage=float(np.mean((low <= true) & (true <= high))),
        over_10_percent=float(np.mean(np.abs(ratio) > 0.1)),
        ranks=np.asarray((drawn < true[:, None]).mean(axis=1)),
    )
