"""Parameters of patients given their samples and a population: importance sampling about the most probable ones.

All patients are done at once. Rates and shares are proposed from a t distribution about each optimum, mixed with the
population; the amplitude, which late samples tie to the rates along a curve, given them. The weights make the draws
exact whatever the proposal, and their mean is the likelihood of the samples.

References
----------
Geweke J., Econometrica 1989;57:1317 (importance sampling of posteriors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError
from hemadose.kinetics.population.forms import Floats
from hemadose.kinetics.population.prior import PopulationPrior

_DEGREES = 5.0
_WIDER = 1.15
_STEPS = 40
_EVERY = 4
_LEAST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSet:
    """Samples of one patient.

    Attributes
    ----------
    times_s, values : ndarray, shape (n,)
        Activities > 0 in the unit of the prior's amplitude (e.g. as a share of the administered activity).
    sds : ndarray, shape (n,), or None
        Their standard uncertainties; None for the residual error of the prior.
    """

    times_s: Floats
    values: Floats
    sds: Floats | None = None

    def __post_init__(self) -> None:
        """Check shapes and signs."""
        times, values = np.asarray(self.times_s, dtype=np.float64), np.asarray(self.values, dtype=np.float64)
        if times.ndim != 1 or times.shape != values.shape:
            raise FitError("a patient needs one time per sample", field="times_s")
        if not (np.isfinite(times).all() and (times >= 0.0).all()):
            raise FitError("a sample lies before the administration", field="times_s")
        if not (np.isfinite(values).all() and (values > 0.0).all()):
            raise FitError("a population fit needs activities above zero", field="values", expected="> 0")
        object.__setattr__(self, "times_s", times)
        object.__setattr__(self, "values", values)
        if self.sds is not None:
            sds = np.asarray(self.sds, dtype=np.float64)
            if sds.shape != values.shape or not (sds > 0.0).all():
                raise FitError("every sample needs a positive uncertainty, or none", field="sds")
            object.__setattr__(self, "sds", sds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Sample sets in arrays of one width, shape (patients, n); `held` is false for padding, `sds` NaN for none."""

    times: Floats
    values: Floats
    sds: Floats
    held: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, sets: Sequence[SampleSet]) -> Batch:
        """Stack sample sets."""
        width = max([len(s.times_s) for s in sets] + [1])
        times, values = np.zeros((len(sets), width)), np.ones((len(sets), width))
        sds, held = np.full((len(sets), width), np.nan), np.zeros((len(sets), width), dtype=bool)
        for row, one in enumerate(sets):
            n = len(one.times_s)
            times[row, :n], values[row, :n], held[row, :n] = one.times_s, one.values, True
            if one.sds is not None:
                sds[row, :n] = one.sds
        return cls(times=times, values=values, sds=sds, held=held)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedDraws:
    """Draws of all patients with normalised weights.

    Attributes
    ----------
    theta : ndarray, shape (patients, draws, parameters)
        Transformed parameters.
    weights : ndarray, shape (patients, draws)
        Add up to one for each patient.
    log_likelihood : ndarray, shape (patients,)
        Marginal, of the samples of each.
    """

    theta: Floats
    weights: Floats
    log_likelihood: Floats

    @property
    def effective(self) -> Floats:
        """Effective number of draws of each patient."""
        return np.asarray(1.0 / (self.weights**2).sum(axis=1))


def weighted_draws(
    prior: PopulationPrior, batch: Batch, *, covariance: Floats, normals: Floats, chi: Floats
) -> WeightedDraws:
    """Draw the posterior of every patient.

    Parameters
    ----------
    prior : PopulationPrior
        Population.
    batch : Batch
        Samples.
    covariance : ndarray, shape (parameters, parameters)
        Of the prior to use (between patients, or predictive).
    normals : ndarray, shape (patients, draws, parameters)
        Standard normal numbers.
    chi : ndarray, shape (patients, draws, 2)
        Chi-square numbers of `_DEGREES` degrees of freedom, over them: for the shape and for the amplitude.

    Returns
    -------
    WeightedDraws
    """
    centre, spread = _optima(prior, batch, covariance)
    shape, log_shape = _shapes(prior, centre[:, 1:], spread[:, 1:, 1:], covariance, normals[..., 1:], chi[..., 0])
    middle, sd = _conditional_scale(prior, batch, shape, covariance)
    scale = middle + sd * normals[..., 0] / np.sqrt(chi[..., 1])
    log_scale = _t_constant(1) - 0.5 * (_DEGREES + 1.0) * np.log1p(((scale - middle) / sd) ** 2 / _DEGREES) - np.log(sd)
    theta = np.concatenate([scale[..., None], shape], axis=-1)
    logs = log_posterior(prior, batch, theta, covariance=covariance) - log_shape - log_scale
    top = logs.max(axis=1, keepdims=True)
    raw = np.exp(logs - top)
    return WeightedDraws(
        theta=theta,
        weights=raw / raw.sum(axis=1, keepdims=True),
        log_likelihood=np.asarray(top[:, 0] + np.log(raw.mean(axis=1))),
    )


def _shapes(
    prior: PopulationPrior, centre: Floats, spread: Floats, covariance: Floats, normals: Floats, chi: Floats
) -> tuple[Floats, Floats]:
    """Draw all parameters but the amplitude from a mixture, and give its log density.

    Every fourth draw comes from the population, the others from a t distribution about the optimum.
    """
    count, draws = centre.shape[-1], normals.shape[1]
    from_prior = np.arange(draws) % _EVERY == 0
    local_root = _WIDER * np.linalg.cholesky(spread)
    prior_root = np.linalg.cholesky(covariance[1:, 1:])
    local = centre[:, None, :] + np.einsum("ipq,ijq->ijp", local_root, normals / np.sqrt(chi)[..., None])
    broad = prior.mean[1:] + normals @ prior_root.T
    drawn = np.where(from_prior[:, None], broad, local)
    away = np.linalg.solve(local_root, (drawn - centre[:, None, :]).swapaxes(1, 2))
    squared = (away**2).sum(axis=1)
    log_det = np.log(np.einsum("ipp->ip", local_root)).sum(axis=-1)
    near = _t_constant(count) - 0.5 * (_DEGREES + count) * np.log1p(squared / _DEGREES) - log_det[:, None]
    off = np.linalg.solve(prior_root, (drawn - prior.mean[1:]).reshape(-1, count).T)
    squared = (off**2).sum(axis=0).reshape(drawn.shape[:2])
    far = -0.5 * squared - np.log(np.diag(prior_root)).sum() - 0.5 * count * np.log(2.0 * np.pi)
    share = from_prior.mean()
    return drawn, np.logaddexp(np.log1p(-share) + near, np.log(share) + far)


def _conditional_scale(
    prior: PopulationPrior, batch: Batch, shape: Floats, covariance: Floats
) -> tuple[Floats, Floats]:
    """Middle and spread of ln(amplitude) given the other parameters: samples over the shape, and the population."""
    gain = np.linalg.solve(covariance[1:, 1:], covariance[1:, 0])
    expected = prior.mean[0] + (shape - prior.mean[1:]) @ gain
    variance = covariance[0, 0] - covariance[0, 1:] @ gain
    unit = np.concatenate([np.zeros((*shape.shape[:2], 1)), shape], axis=-1)
    fitted = prior.form.activity(unit, batch.times[:, None, :], physical_rate=prior.physical_rate_per_s)
    logs = np.log(batch.values)[:, None, :] - np.log(np.maximum(fitted, 1e-200))
    relative = np.where(np.isnan(batch.sds), prior.relative_sd, batch.sds / batch.values)
    precision = (batch.held / relative**2)[:, None, :]
    total = precision.sum(axis=-1) + 1.0 / variance
    middle = ((precision * logs).sum(axis=-1) + expected / variance) / total
    return middle, _WIDER / np.sqrt(total)


def _t_constant(count: int) -> float:
    from math import lgamma, log, pi

    return lgamma((_DEGREES + count) / 2.0) - lgamma(_DEGREES / 2.0) - 0.5 * count * log(_DEGREES * pi)


def log_posterior(prior: PopulationPrior, batch: Batch, theta: Floats, *, covariance: Floats) -> Floats:
    """Logarithm of prior times likelihood, shape (patients, draws), for theta (patients, draws, parameters)."""
    away = theta - prior.mean
    inverse = np.linalg.inv(covariance)
    quadratic = np.einsum("ijp,pq,ijq->ij", away, inverse, away)
    _, log_det = np.linalg.slogdet(2.0 * np.pi * covariance)
    fitted = prior.form.activity(theta, batch.times[:, None, :], physical_rate=prior.physical_rate_per_s)
    fitted = np.maximum(fitted, _LEAST * batch.values[:, None, :])
    sds = np.where(np.isnan(batch.sds)[:, None, :], prior.relative_sd * fitted, batch.sds[:, None, :])
    misfit = ((batch.values[:, None, :] - fitted) / sds) ** 2 + np.log(2.0 * np.pi * sds**2)
    return np.asarray(-0.5 * (quadratic + log_det) - 0.5 * (misfit * batch.held[:, None, :]).sum(axis=-1))


def _optima(prior: PopulationPrior, batch: Batch, covariance: Floats) -> tuple[Floats, Floats]:
    """Most probable parameters (patients, parameters), by damped Gauss-Newton, and their covariances."""
    patients, count = len(batch.times), len(prior.mean)
    inverse = np.linalg.inv(covariance)
    theta = np.broadcast_to(prior.mean, (patients, count)).copy()
    damping = np.full(patients, 1e-2)
    value = log_posterior(prior, batch, theta[:, None, :], covariance=covariance)[:, 0]
    for _ in range(_STEPS):
        jacobian, residual = _linear(prior, batch, theta)
        hessian = inverse + np.einsum("inp,inq->ipq", jacobian, jacobian)
        gradient = np.einsum("inp,in->ip", jacobian, residual) - (theta - prior.mean) @ inverse
        scale = np.einsum("ipp->ip", hessian)
        damped = hessian + damping[:, None, None] * scale[:, :, None] * np.eye(count)
        step = np.clip(np.linalg.solve(damped, gradient[..., None])[..., 0], -2.0, 2.0)
        tried = log_posterior(prior, batch, (theta + step)[:, None, :], covariance=covariance)[:, 0]
        better = tried > value
        theta[better] += step[better]
        value = np.where(better, tried, value)
        damping = np.clip(np.where(better, damping * 0.3, damping * 5.0), 1e-9, 1e6)
        if np.abs(step).max() < 1e-5:
            break
    jacobian, _ = _linear(prior, batch, theta)
    hessian = inverse + np.einsum("inp,inq->ipq", jacobian, jacobian)
    return theta, np.linalg.inv(hessian)


def _linear(prior: PopulationPrior, batch: Batch, theta: Floats) -> tuple[Floats, Floats]:
    """Jacobian (patients, n, parameters) and residuals (patients, n), both over the uncertainty of the samples."""
    fitted = prior.form.activity(theta, batch.times, physical_rate=prior.physical_rate_per_s)
    fitted = np.maximum(fitted, _LEAST * batch.values)
    sds = np.where(np.isnan(batch.sds), prior.relative_sd * fitted, batch.sds)
    weight = batch.held / sds
    columns = []
    for p in range(theta.shape[-1]):
        moved = theta.copy()
        moved[:, p] += 1e-5
        shifted = prior.form.activity(moved, batch.times, physical_rate=prior.physical_rate_per_s)
        columns.append((shifted - fitted) / 1e-5 * weight)
    return np.stack(columns, axis=-1), (batch.values - fitted) * weight


def random_numbers(patients: int, draws: int, count: int, *, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Numbers that `weighted_draws` needs: normal ones, antithetic in pairs, and chi-square ones."""
    half = rng.standard_normal((patients, (draws + 1) // 2, count))
    chi = rng.chisquare(_DEGREES, size=(patients, (draws + 1) // 2, 2)) / _DEGREES
    both = np.concatenate([half, -half], axis=1)[:, :draws]
    return both, np.concatenate([chi, chi], axis=1)[:, :draws]


def posterior_draws(
    prior: PopulationPrior, sets: Sequence[SampleSet], *, draws: int = 1000, seed: int = 20251121
) -> tuple[Floats, Floats]:
    """Draw parameters of patients from what the population and their samples say.

    Parameters
    ----------
    prior : PopulationPrior
        Its predictive covariance is used.
    sets : sequence of SampleSet
        One per patient; a set without samples gives the prior back.
    draws, seed : int
        Of the answer; four times as many are proposed.

    Returns
    -------
    theta : ndarray, shape (patients, draws, parameters)
        Equally weighted.
    effective : ndarray, shape (patients,)
        Effective number of proposals behind them.
    """
    rng = np.random.default_rng([seed, 11])
    batch = Batch.of(sets)
    normals, chi = random_numbers(len(sets), 4 * draws, len(prior.mean), rng=rng)
    found = weighted_draws(prior, batch, covariance=prior.predictive_covariance, normals=normals, chi=chi)
    places = (np.arange(draws) + rng.random((len(sets), 1))) / draws
    sums = np.cumsum(found.weights, axis=1)
    chosen = np.stack([np.searchsorted(s / s[-1], p) for s, p in zip(sums, places, strict=True)])
    theta = np.take_along_axis(found.theta, chosen[..., None], axis=1)
    return _shuffled(theta, rng), found.effective


def _shuffled(theta: Floats, rng: np.random.Generator) -> Floats:
    """Break the order that systematic resampling leaves."""
    order = np.argsort(rng.random(theta.shape[:2]), axis=1)
    return np.take_along_axis(theta, order[..., None], axis=1)
