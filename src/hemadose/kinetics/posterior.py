"""Curves drawn from what the samples allow, model by model, and how well each model explains them.

With three to six samples the covariance of a fit is a poor picture of its uncertainty: rates hit
the physical floor, amplitudes hit zero, the tail is not symmetric. Here the rates are drawn by
importance sampling from the likelihood itself, the amplitudes given the rates from their exact
(truncated normal) distribution. Weak priors, stated below, keep what is not observed finite:

* logarithm of each effective rate uniform between the physical decay constant and the fastest
  rate that the sampling times can show (`log_rate_limits`);
* each amplitude half-normal with a standard deviation of `AMPLITUDE_PRIOR` times the largest sample.

The mean weight is the evidence of the model, by which models are mixed.

References
----------
Geweke J., Hajivassiliou V., Keane M.: sequential sampling of truncated normals (GHK simulator).
Owen A., Zhou Y., J Am Stat Assoc 2000;95:135 (importance sampling from a known mixture).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.kinetics.leastsquares import Solution, log_rate_limits
from hemadose.kinetics.models import ModelFunction

Floats = npt.NDArray[np.float64]

AMPLITUDE_PRIOR = 3.0
_UNIFORM, _LOCAL, _ADAPTED = 1000, 1200, 1800
_DEGREES = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Draws of one model.

    Attributes
    ----------
    amplitudes : ndarray, shape (draws, amplitudes)
        Linear parameters in the unit of the samples, >= 0.
    rates : ndarray, shape (draws, rates)
        Free effective rates, slowest first.
    log_evidence : float
        Logarithm of the probability of the samples under the model, up to a constant that all
        models of one series share.
    effective_draws : float
        Effective number of independent proposals behind the draws.
    """

    amplitudes: Floats
    rates: Floats
    log_evidence: float
    effective_draws: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """Ordered log rates, low < x1 < x2 ..., each below its own highest value."""

    low: float
    high: Floats

    @property
    def log_volume(self) -> float:
        first, last = self.high[0] - self.low, self.high[-1] - self.low
        volume = {
            1: first,
            2: last * first - first**2 / 2.0,
            3: last * first**2 / 2.0 - first**3 / 3.0,
        }[len(self.high)]
        return float(np.log(volume))

    def contains(self, logs: Floats) -> npt.NDArray[np.bool_]:
        inside = (logs >= self.low).all(axis=1) & (logs <= self.high).all(axis=1)
        return np.asarray(inside & (np.diff(logs, axis=1) >= 0.0).all(axis=1))

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        kept: list[Floats] = []
        while sum(map(len, kept)) < count:
            logs = rng.uniform(self.low, self.high, size=(4 * count, len(self.high)))
            kept.append(logs[self.contains(logs)])
        return np.concatenate(kept)[:count]


def sample_posterior(
    model: ModelFunction,
    solution: Solution,
    *,
    times: Floats,
    values: Floats,
    sds: Floats,
    physical_rate: float,
    draws: int,
    rng: np.random.Generator,
) -> Posterior:
    """Draw the parameters of a model given the samples.

    Parameters
    ----------
    model, solution : ModelFunction, Solution
        The model and its least-squares optimum, about which most proposals are made.
    times, values, sds : ndarray, shape (n,)
        Samples and standard uncertainties; values relative to the largest.
    physical_rate : float
        Physical decay constant.
    draws : int
        Number of draws.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    Posterior

    Examples
    --------
    >>> from hemadose.kinetics.leastsquares import solve
    >>> from hemadose.kinetics.models import model_function
    >>> t = np.array([1.0, 24.0, 48.0, 168.0])
    >>> data = {"times": t, "values": np.exp(-t / 60), "sds": 0.02 * np.exp(-t / 60), "physical_rate": 0.0043}
    >>> mono = model_function("mono")
    >>> drawn = sample_posterior(mono, solve(mono, **data), draws=4000, rng=np.random.default_rng(1), **data)
    >>> bool(abs(np.mean(1 / drawn.rates) - 60) < 1.0), drawn.rates.shape
    (True, (4000, 1))
    """
    low, high = log_rate_limits(model, times, physical_rate)
    box = _Box(low=low, high=high)
    logs = box.draw(_UNIFORM, rng)
    proposals: list[tuple[int, Floats, Floats] | None] = [None]
    centre, spread = _local(solution, box)
    if spread is not None:
        proposals.append((_LOCAL, centre, spread))
        logs = np.concatenate([logs, _draw_t(centre, spread, _LOCAL, rng)])
    target = _Target(model, times, values / sds, sds, physical_rate)
    amplitudes, score = target.evaluate(logs, box, rng)
    weights = _weights(score, logs, box, proposals)[0]
    mean = weights @ logs
    adapted = (logs - mean).T @ ((logs - mean) * weights[:, None]) + np.eye(len(mean)) * 1e-12
    proposals.append((_ADAPTED, mean, adapted))
    more = _draw_t(mean, adapted, _ADAPTED, rng)
    more_amplitudes, more_score = target.evaluate(more, box, rng)
    logs, amplitudes = np.concatenate([logs, more]), np.concatenate([amplitudes, more_amplitudes])
    weights, evidence = _weights(np.concatenate([score, more_score]), logs, box, proposals)
    rows = rng.permutation(_resample(weights, draws, rng))
    return Posterior(
        amplitudes=amplitudes[rows],
        rates=np.exp(logs[rows]),
        log_evidence=evidence,
        effective_draws=float(1.0 / np.sum(weights**2)),
    )


def _local(solution: Solution, box: _Box) -> tuple[Floats, Floats | None]:
    """Centre and spread of proposals about the optimum, in log rates."""
    centre = np.clip(np.log(solution.rates), box.low, box.high)
    split = len(solution.amplitudes)
    block = solution.covariance[split:, split:] / np.outer(solution.rates, solution.rates)
    if not np.isfinite(block).all():
        return centre, None
    sds = np.sqrt(np.maximum(np.diag(block), 1e-16))
    correlation = np.clip(block / np.outer(sds, sds), -0.98, 0.98)
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    correlation = (vectors * np.maximum(values, 1e-3)) @ vectors.T
    sds = np.minimum(sds, 1.0)
    return centre, correlation * np.outer(sds, sds)


def _draw_t(centre: Floats, spread: Floats, count: int, rng: np.random.Generator) -> Floats:
    root = np.linalg.cholesky(spread)
    tails = np.sqrt(_DEGREES / rng.chisquare(_DEGREES, size=(count, 1)))
    return np.asarray(centre + tails * (rng.standard_normal((count, len(centre))) @ root.T))


def _log_t(logs: Floats, centre: Floats, spread: Floats) -> Floats:
    from scipy.special import gammaln

    size = len(centre)
    root = np.linalg.cholesky(spread)
    distance = np.sum(np.linalg.solve(root, (logs - centre).T) ** 2, axis=0)
    constant = gammaln((_DEGREES + size) / 2.0) - gammaln(_DEGREES / 2.0)
    constant -= size / 2.0 * np.log(_DEGREES * np.pi) + np.log(np.diag(root)).sum()
    return np.asarray(constant - (_DEGREES + size) / 2.0 * np.log1p(distance / _DEGREES))


def _weights(
    score: Floats, logs: Floats, box: _Box, proposals: list[tuple[int, Floats, Floats] | None]
) -> tuple[Floats, float]:
    """Normalised weights against the mixture of all proposals, and the log evidence."""
    inside = np.isfinite(score)
    density = np.where(inside, _UNIFORM * np.exp(-box.log_volume), 0.0)
    for proposal in proposals:
        if proposal is not None:
            count, centre, spread = proposal
            density = density + count * np.exp(_log_t(logs, centre, spread))
    raw = np.full(len(logs), -np.inf)
    raw[inside] = score[inside] - np.log(density[inside]) - box.log_volume
    top = float(raw.max())
    weights = np.exp(raw - top)
    total = float(weights.sum())
    return weights / total, top + float(np.log(total))


def _resample(weights: Floats, draws: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Systematic resampling: each proposal appears as often as its weight says, within one."""
    positions = (rng.uniform() + np.arange(draws)) / draws
    found = np.searchsorted(np.cumsum(weights), positions)
    return np.asarray(np.minimum(found, len(weights) - 1))


@dataclass(frozen=True, slots=True)
class _Target:
    """Likelihood of rates with the amplitudes integrated out; draws the amplitudes on the way."""

    model: ModelFunction
    times: Floats
    target: Floats
    sds: Floats
    physical_rate: float

    def evaluate(self, logs: Floats, box: _Box, rng: np.random.Generator) -> tuple[Floats, Floats]:
        inside = box.contains(logs)
        amplitudes = np.zeros((len(logs), len(self.model.amplitude_names)))
        score = np.full(len(logs), -np.inf)
        rates = np.exp(logs[inside])
        terms = self.model.term_rates(rates, physical_rate=self.physical_rate)
        design = self.model.basis(self.times, terms) / self.sds[:, None]
        gram = np.einsum("gni,gnj->gij", design, design)
        gram += np.eye(gram.shape[1]) / AMPLITUDE_PRIOR**2
        right = np.einsum("gni,n->gi", design, self.target)
        drawn, log_mass = _draw_amplitudes(gram, right, rng)
        amplitudes[inside] = drawn
        score[inside] = log_mass - 0.5 * float(self.target @ self.target)
        return amplitudes, score


def _draw_amplitudes(gram: Floats, right: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Non-negative amplitudes one after the other (GHK), and the log of their integrated mass."""
    size = gram.shape[1]
    if size == 1:
        centre, sd = right[:, 0] / gram[:, 0, 0], gram[:, 0, 0] ** -0.5
        amplitude, log_part = _truncated(centre, sd, rng)
        mass = 0.5 * centre * right[:, 0] + np.log(sd) + log_part
        return amplitude[:, None], mass + np.log(2.0 / AMPLITUDE_PRIOR)
    determinant = gram[:, 0, 0] * gram[:, 1, 1] - gram[:, 0, 1] ** 2
    determinant = np.maximum(determinant, 1e-13 * gram[:, 0, 0] * gram[:, 1, 1])
    first = (gram[:, 1, 1] * right[:, 0] - gram[:, 0, 1] * right[:, 1]) / determinant
    second = (gram[:, 0, 0] * right[:, 1] - gram[:, 0, 1] * right[:, 0]) / determinant
    one, log_one = _truncated(first, np.sqrt(gram[:, 1, 1] / determinant), rng)
    conditional = (right[:, 1] - gram[:, 0, 1] * one) / gram[:, 1, 1]
    two, log_two = _truncated(conditional, gram[:, 1, 1] ** -0.5, rng)
    mass = 0.5 * (first * right[:, 0] + second * right[:, 1]) - 0.5 * np.log(determinant)
    return np.stack([one, two], axis=1), mass + log_one + log_two + 2.0 * np.log(2.0 / AMPLITUDE_PRIOR)


def _truncated(centre: Floats, sd: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Normal draws above zero and the log probability of lying there."""
    from scipy.special import log_ndtr, ndtr, ndtri

    bound = -centre / sd
    level = 1.0 - rng.random(len(centre))
    far = bound > 6.0
    near = np.where(far, 0.0, bound)
    standard = np.where(far, bound - np.log(level) / np.maximum(bound, 1.0), -ndtri(level * ndtr(-near)))
    return np.maximum(centre + sd * standard, 0.0), np.asarray(log_ndtr(-bound))
