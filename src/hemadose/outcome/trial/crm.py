"""Continual reassessment: a curve of toxicity against level, learnt patient by patient.

One-parameter power model: toxicity at level i is skeleton_i ** exp(a), a normal before the trial. After each cohort the
next level is the one whose expected toxicity is closest to the target, at most one step up, never where the patient's
organ doses forbid it; the trial stops if the lowest level is too toxic with high probability.

Sources: O'Quigley J, Pepe M, Fisher L. Biometrics 1990;46:33-48; Lee SM, Cheung YK. Clin Trials 2009;6:227-238.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.errors import QuantityError
from hemadose.outcome.trial.titration import Floats, check_counts

PRIOR_VARIANCE = 1.34
"""Customary variance of the prior of a."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """A design.

    Attributes
    ----------
    target : float
        Wanted rate of dose-limiting toxicity.
    skeleton : tuple of float
        Rates that are expected before the trial, rising.
    prior_sd : float
        Of a.
    closing_probability : float
        Of the lowest level being above the target, at which the trial stops.
    """

    target: float
    skeleton: tuple[float, ...]
    prior_sd: float = PRIOR_VARIANCE**0.5
    closing_probability: float = 0.95

    def __post_init__(self) -> None:
        """Check the rates."""
        rates = (0.0, *self.skeleton, 1.0)
        if len(self.skeleton) < 2 or np.any(np.diff(rates) <= 0.0) or not 0.0 < self.target < 1.0:
            raise QuantityError(
                "a skeleton must rise between 0 and 1", field="skeleton", value=str(self.skeleton),
                expected="two or more rates",
            )  # fmt: skip


def skeleton(target: float, *, levels: int, best: int, half_width: float = 0.05) -> tuple[float, ...]:
    """Make a skeleton whose indifference intervals have one half-width.

    Parameters
    ----------
    target : float
        Wanted rate.
    levels, best : int
        Number of levels, and the one expected to be right (from 0).
    half_width : float
        Of the interval of rates that cannot be told from the target.

    Returns
    -------
    tuple of float
        Lee and Cheung 2009, power model.

    Examples
    --------
    >>> [round(x, 2) for x in skeleton(0.25, levels=5, best=2)]
    [0.08, 0.16, 0.25, 0.35, 0.46]
    """
    if not 0 <= best < levels or not 0.0 < half_width < min(target, 1.0 - target):
        raise QuantityError(
            "a skeleton cannot be made of this", field="best, half_width", value=f"{best}, {half_width:g}"
        )
    found = [0.0] * levels
    found[best] = target
    low, high = np.log(target - half_width), np.log(target + half_width)
    for i in range(best, 0, -1):  # b at which level i is at target + half_width decides the level below
        found[i - 1] = float(np.exp(low * np.log(found[i]) / high))
    for i in range(best, levels - 1):
        found[i + 1] = float(np.exp(high * np.log(found[i]) / low))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmPosterior:
    """What is known after some patients.

    Attributes
    ----------
    toxicity, low, high : array (levels,)
        Expected rate, and its 95 % interval.
    mean_a : float
        Posterior mean of the parameter.
    probability_lowest_toxic : float
        That the lowest level is above the target.
    """

    toxicity: Floats
    low: Floats
    high: Floats
    mean_a: float
    probability_lowest_toxic: float


def posterior(design: Crm, toxic: Sequence[int], treated: Sequence[int]) -> CrmPosterior:
    """Give the curve of toxicity after some patients, by quadrature over the parameter.

    Raises
    ------
    QuantityError
        If the counts do not fit the levels.
    """
    x, n = check_counts(toxic, treated)
    rates = np.asarray(design.skeleton)
    if x.size != rates.size:
        raise QuantityError("counts and levels differ", field="treated", value=str(x.size), expected=str(rates.size))
    a = np.linspace(-8.0, 8.0, 4001) * design.prior_sd
    log_p = np.exp(a)[:, None] * np.log(rates)[None, :]
    log_q = np.log1p(-np.exp(np.minimum(log_p, -1e-15)))
    weight = np.sum(x * log_p + (n - x) * log_q, axis=1) - 0.5 * (a / design.prior_sd) ** 2
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    p = np.exp(log_p)
    below = np.cumsum(weight)
    quantile = [a[min(int(np.searchsorted(below, q)), a.size - 1)] for q in (0.975, 0.025)]
    return CrmPosterior(
        toxicity=weight @ p,
        low=rates ** np.exp(quantile[0]),
        high=rates ** np.exp(quantile[1]),
        mean_a=float(weight @ a),
        probability_lowest_toxic=float(weight[p[:, 0] > design.target].sum()),
    )


def recommended_level(
    design: Crm, toxic: Sequence[int], treated: Sequence[int], *, allowed: int | None = None, skip: bool = False
) -> int | None:
    """Give the level of the next patient.

    Parameters
    ----------
    design : Crm
        The design.
    toxic, treated : sequence of int
        Per level.
    allowed : int, optional
        Number of levels the next patient's organ doses allow.
    skip : bool
        Levels nobody had may be jumped over.

    Returns
    -------
    int or None
        None to stop, or if the patient may receive no level.
    """
    found = posterior(design, toxic, treated)
    _, n = check_counts(toxic, treated)
    if n.sum() >= 3 and found.probability_lowest_toxic > design.closing_probability:
        return None
    level = int(np.argmin(np.abs(found.toxicity - design.target)))
    if not skip:
        tried = np.flatnonzero(n)
        level = min(level, int(tried.max()) + 1 if tried.size else 0)
    if allowed is not None:
        level = min(level, allowed - 1)
    return None if level < 0 else level
