"""The population behind a cohort: means, spread between patients and error of one sample, all at once.

Expectation-maximisation with the expectations by importance sampling: the marginal likelihood is maximised without
linearising the curves. The random numbers are the same in every round, so that it converges like a fixed function.

References
----------
Wei G., Tanner M., J Am Stat Assoc 1990;85:699 (Monte Carlo EM). Lavielle M., Mixed Effects Models for the Population
Approach, 2014. Devasia T. et al., J Nucl Med 2021;62:1118 (use for single time points).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hemadose.errors import FitError
from hemadose.kinetics.population.forms import Floats, population_form
from hemadose.kinetics.population.posterior import Batch, SampleSet, WeightedDraws, random_numbers, weighted_draws
from hemadose.kinetics.population.prior import PopulationPrior

_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortFit:
    """A population and how well it was found.

    Attributes
    ----------
    prior : PopulationPrior
        The population, ready for new patients.
    log_likelihood : float
        Marginal, of all samples.
    aic : float
        -2 log-likelihood + 2 times the number of means, (co)variances and error.
    rounds : int
        Rounds done.
    least_effective_draws : float
        Of all patients; low values make the likelihood uncertain.
    standard_errors : ndarray, shape (parameters,)
        Of the means, root of the variance between patients over their number: a lower bound.
    shrinkage : ndarray, shape (parameters,)
        1 - variance of the patients' means over the variance between patients: near 1 the samples do not
        determine the parameter in single patients.
    notes : tuple of str
        Doubts.
    """

    prior: PopulationPrior
    log_likelihood: float
    aic: float
    rounds: int
    least_effective_draws: float
    standard_errors: Floats
    shrinkage: Floats
    notes: tuple[str, ...]


def fit_cohort(
    sets: Sequence[SampleSet],
    *,
    form: str,
    physical_rate_per_s: float,
    start: Floats | None = None,
    correlated: bool = True,
    draws: int = 400,
    rounds: int = 300,
    tolerance: float = 5e-4,
    seed: int = 20251121,
    source: str = "cohort",
) -> CohortFit:
    """Fit a population to the samples of a cohort.

    Parameters
    ----------
    sets : sequence of SampleSet
        One per patient, sparse or full; samples with uncertainties of their own keep them, the error of the others
        is a common share of the activity and is fitted.
    form : str
        ``"mono"``, ``"uptake_clearance"`` or ``"bi"``.
    physical_rate_per_s : float
        Decay constant.
    start : ndarray, optional
        First means on the transformed scale; from the samples if not given.
    correlated : bool
        Whether parameters may be correlated between patients.
    draws, rounds, tolerance, seed
        Importance draws per patient, most rounds, largest change of a mean or standard deviation
        (on the transformed scale) that ends them, seed.
    source : str
        Name of the cohort, kept in the prior.

    Returns
    -------
    CohortFit

    Raises
    ------
    FitError
        If there are fewer patients than parameters + 2 or no patient has two samples.
    """
    shape = population_form(form)
    count = len(shape.parameters)
    if len(sets) < count + 2:
        raise FitError(
            "too few patients for a population", field="sets", value=str(len(sets)), expected=f">= {count + 2}"
        )
    if max(len(s.times_s) for s in sets) < 2:
        raise FitError("no patient has two samples: half-lives cannot be found", field="sets")
    batch = Batch.of(sets)
    mean = _start(sets, form, physical_rate_per_s) if start is None else np.asarray(start, dtype=np.float64)
    prior = PopulationPrior(
        form=shape,
        mean=mean,
        covariance=0.25 * np.eye(count),
        relative_sd=0.1,
        physical_rate_per_s=physical_rate_per_s,
        subjects=len(sets),
        source=source,
    )
    rng = np.random.default_rng([seed, 12])
    normals, chi = random_numbers(len(sets), draws, count, rng=rng)
    done, settled = 0, False
    while done < rounds and not settled:
        done += 1
        found = weighted_draws(prior, batch, covariance=prior.covariance, normals=normals, chi=chi)
        new = _maximised(prior, batch, found, correlated=correlated)
        change = max(
            float(np.abs(new.mean - prior.mean).max()),
            float(np.abs(np.sqrt(np.diag(new.covariance)) - np.sqrt(np.diag(prior.covariance))).max()),
            abs(new.relative_sd - prior.relative_sd),
        )
        prior = new
        settled = change < tolerance
    found = weighted_draws(prior, batch, covariance=prior.covariance, normals=normals, chi=chi)
    return _report(prior, batch, found, rounds=done, ended=settled, correlated=correlated)


def _start(sets: Sequence[SampleSet], form: str, physical_rate: float) -> Floats:
    """Means from pooled samples: a straight line through the logarithms of the late half."""
    times = np.concatenate([s.times_s for s in sets])
    logs = np.concatenate([np.log(s.values) for s in sets])
    late = times >= np.median(times)
    if np.ptp(times[late]) == 0.0:
        late = np.ones(len(times), dtype=bool)
    slope, level = (
        np.polyfit(times[late], logs[late], 1) if np.ptp(times) > 0.0 else (-2.0 * physical_rate, logs.mean())
    )
    clearance = max(-slope - physical_rate, 0.05 * physical_rate)
    fast = 10.0 / max(float(np.median(times)), 1e-9)
    known = {
        "mono": [level, np.log(clearance)],
        "uptake_clearance": [level, np.log(clearance), np.log(fast)],
        "bi": [level + 0.3, -0.5, np.log(clearance), np.log(fast)],
    }
    return np.array(known[form])


def _maximised(prior: PopulationPrior, batch: Batch, found: WeightedDraws, *, correlated: bool) -> PopulationPrior:
    """Best population given the draws of all patients, in closed form."""
    means = np.einsum("ij,ijp->ip", found.weights, found.theta)
    mean = means.mean(axis=0)
    away = found.theta - mean
    covariance = np.einsum("ij,ijp,ijq->pq", found.weights, away, away) / len(means)
    if not correlated:
        covariance = np.diag(np.diag(covariance))
    covariance = covariance + np.diag(np.maximum(_LEAST_VARIANCE - np.diag(covariance), 0.0))
    free = batch.held & np.isnan(batch.sds)
    relative_sd = prior.relative_sd
    if free.any():
        fitted = prior.form.activity(found.theta, batch.times[:, None, :], physical_rate=prior.physical_rate_per_s)
        ratio = batch.values[:, None, :] / np.maximum(fitted, 1e-300) - 1.0
        squares = np.einsum("ij,ijn->in", found.weights, np.minimum(np.abs(ratio), 1e3) ** 2)
        relative_sd = max(float(np.sqrt(squares[free].mean())), 1e-3)
    return replace(prior, mean=mean, covariance=covariance, relative_sd=relative_sd)


def _report(
    prior: PopulationPrior, batch: Batch, found: WeightedDraws, *, rounds: int, ended: bool, correlated: bool
) -> CohortFit:
    count, patients = len(prior.mean), len(found.weights)
    likelihood = float(found.log_likelihood.sum())
    free = count + (count * (count + 1) // 2 if correlated else count)
    free_error = bool((batch.held & np.isnan(batch.sds)).any())
    free += int(free_error)
    means = np.einsum("ij,ijp->ip", found.weights, found.theta)
    variances = np.diag(prior.covariance)
    shrinkage = 1.0 - means.var(axis=0) / variances
    notes = [
        f"{name}: single patients hardly determine it (shrinkage {s:.0%})"
        for name, s in zip(prior.form.parameters, shrinkage, strict=True)
        if s > 0.5
    ]
    if free_error and int(batch.held.sum(axis=1).max()) <= count:
        notes.append("no patient has more samples than parameters: error of a sample and spread hardly come apart")
    if not ended:
        notes.append(f"the fit had not settled after {rounds} rounds")
    if patients < 20:
        notes.append(f"{patients} patients: their spread is uncertain by about {100 / np.sqrt(2 * patients):.0f} %")
    return CohortFit(
        prior=prior,
        log_likelihood=likelihood,
        aic=-2.0 * likelihood + 2.0 * free,
        rounds=rounds,
        least_effective_draws=float(found.effective.min()),
        standard_errors=np.sqrt(variances / patients),
        shrinkage=shrinkage,
        notes=tuple(notes),
    )
