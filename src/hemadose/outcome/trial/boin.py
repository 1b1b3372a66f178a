"""Bayesian optimal interval design: move by where the observed rate of toxicity lies.

The boundaries minimise the chance of a wrong move among the target and two rates that are clearly below and above it.
A level is closed, with all above it, when it is toxic with more than 95 % probability (uniform prior, three patients
or more).

Source: Liu S, Yuan Y. J R Stat Soc C 2015;64:507-523, Eqs. 1 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.errors import QuantityError
from hemadose.outcome.trial.titration import Counts, Floats, check_counts, isotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Boin:
    """A design.

    Attributes
    ----------
    target : float
        Wanted rate of dose-limiting toxicity.
    below, above : float
        Rates that are clearly too low, and too high.
    closing_probability : float
        Of being above the target, at which a level is closed.
    cohort : int
        Patients of a cohort.
    """

    target: float
    below: float
    above: float
    closing_probability: float = 0.95
    cohort: int = 3

    def __post_init__(self) -> None:
        """Check the order of the rates."""
        if not 0.0 < self.below < self.target < self.above < 1.0:
            raise QuantityError(
                "rates of toxicity are out of order", field="below, target, above",
                value=f"{self.below:g}, {self.target:g}, {self.above:g}", expected="0 < below < target < above < 1",
            )  # fmt: skip

    @property
    def boundaries(self) -> tuple[float, float]:
        """Go up at or below the first, down at or above the second.

        Examples
        --------
        >>> [round(x, 3) for x in boin(0.3).boundaries]
        [0.236, 0.359]
        """
        p, low, high = self.target, self.below, self.above
        up = np.log((1.0 - low) / (1.0 - p)) / np.log(p * (1.0 - low) / (low * (1.0 - p)))
        down = np.log((1.0 - p) / (1.0 - high)) / np.log(high * (1.0 - p) / (p * (1.0 - high)))
        return float(up), float(down)


def boin(target: float, *, cohort: int = 3) -> Boin:
    """Give the design with the recommended rates, 0.6 and 1.4 times the target.

    Raises
    ------
    QuantityError
        If the target is not between 0 and 0.7.
    """
    return Boin(target=target, below=0.6 * target, above=1.4 * target, cohort=cohort)


def closed_from(design: Boin, toxic: Sequence[int], treated: Sequence[int]) -> int:
    """Give the lowest closed level; the number of levels if none is."""
    from scipy.stats import beta

    x, n = check_counts(toxic, treated)
    closed = (n >= 3) & (beta.sf(design.target, 1.0 + x, 1.0 + n - x) > design.closing_probability)
    return int(np.argmax(closed)) if closed.any() else int(x.size)


def next_level(
    design: Boin, toxic: Sequence[int], treated: Sequence[int], *, current: int, allowed: int | None = None
) -> int | None:
    """Give the level of the next cohort.

    Parameters
    ----------
    design : Boin
        The design.
    toxic, treated : sequence of int
        Per level, from the lowest.
    current : int
        Level of the last cohort.
    allowed : int, optional
        Number of levels the next patient's organ doses allow.

    Returns
    -------
    int or None
        None to stop: the lowest level is too toxic, or the patient may receive no level.

    Raises
    ------
    QuantityError
        If nobody was treated at the current level, or the counts do not fit.
    """
    x, n = check_counts(toxic, treated)
    if not 0 <= current < x.size or n[current] == 0:
        raise QuantityError("nobody was treated at the current level", field="current", value=str(current))
    up, down = design.boundaries
    rate = x[current] / n[current]
    step = 1 if rate <= up else (-1 if rate >= down else 0)
    level = int(np.clip(current + step, 0, x.size - 1))
    level = min(level, closed_from(design, toxic, treated) - 1)
    if allowed is not None:
        level = min(level, allowed - 1)
    return None if level < 0 else level


def selected_level(design: Boin, toxic: Sequence[int], treated: Sequence[int]) -> int | None:
    """Give the level that the trial recommends: isotonic rate closest to the target, among open levels.

    Of equally distant ones the higher is taken if both are below the target, the lower if both are above.
    """
    x, n = check_counts(toxic, treated)
    tried = np.flatnonzero((n > 0) & (np.arange(x.size) < closed_from(design, toxic, treated)))
    if tried.size == 0:
        return None
    a, b = x[tried] + 0.05, n[tried] + 0.1
    variance = a * (b - a) / (b**2 * (b + 1.0))
    rates = isotonic(a / b, 1.0 / variance) + 1e-10 * np.arange(tried.size)
    return int(tried[int(np.argmin(np.abs(rates - design.target)))])


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingCharacteristics:
    """What a titration does if the truth is known.

    Attributes
    ----------
    toxicity : tuple of float
        True rates.
    selected : array (levels,)
        Share of trials that recommend each level.
    none_selected : float
        Share that recommends none.
    patients : array (levels,)
        Mean number treated at each level.
    toxicities : float
        Mean number of dose-limiting toxicities.
    overdosed : float
        Share of patients treated above the true best level.
    trials : int
        Simulated.
    """

    toxicity: tuple[float, ...]
    selected: Floats
    none_selected: float
    patients: Floats
    toxicities: float
    overdosed: float
    trials: int


def simulate_boin(
    design: Boin,
    toxicity: Sequence[float],
    *,
    cohorts: int = 10,
    start: int = 0,
    allowed: Sequence[float] | None = None,
    trials: int = 2000,
    seed: int = 20261121,
) -> OperatingCharacteristics:
    """Run the design on a known truth.

    Parameters
    ----------
    design : Boin
        The design.
    toxicity : sequence of float
        True rate at each level.
    cohorts : int
        Of the whole trial.
    start : int
        First level.
    allowed : sequence of float, optional
        Probability that a patient's organ doses allow each level, not rising; patients who may not have the lowest
        level do not enter, and a cohort is treated at the highest level that all its patients may have.
    trials, seed : int
        Number of simulated trials; of the random numbers.

    Raises
    ------
    QuantityError
        If a rate is not between 0 and 1.
    """
    truth = np.asarray(toxicity, dtype=np.float64)
    if np.any((truth < 0.0) | (truth > 1.0)):
        raise QuantityError("a rate is not between 0 and 1", field="toxicity", value=str(list(toxicity)))
    rng = np.random.default_rng(seed)
    levels, selected, none = truth.size, np.zeros(truth.size), 0
    treated, suffered = np.zeros((trials, truth.size), dtype=np.int64), np.zeros((trials, truth.size), dtype=np.int64)
    for t in range(trials):
        level: int | None = start
        for _ in range(cohorts):
            may = levels if allowed is None else _may(np.asarray(allowed), design.cohort, rng)
            level = None if level is None or may == 0 else min(level, may - 1)
            if level is None:
                break
            suffered[t, level] += rng.binomial(design.cohort, truth[level])
            treated[t, level] += design.cohort
            level = next_level(design, suffered[t].tolist(), treated[t].tolist(), current=level)
        chosen = selected_level(design, suffered[t].tolist(), treated[t].tolist())
        if chosen is None or level is None:
            none += 1
        else:
            selected[chosen] += 1
    best = int(np.argmin(np.abs(truth - design.target)))
    total: Counts = treated.sum(axis=0)
    return OperatingCharacteristics(
        toxicity=tuple(toxicity),
        selected=selected / trials,
        none_selected=none / trials,
        patients=total / trials,
        toxicities=float(suffered.sum() / trials),
        overdosed=float(total[best + 1 :].sum() / total.sum()),
        trials=trials,
    )


def _may(allowed: Floats, cohort: int, rng: np.random.Generator) -> int:
    """Levels that all patients of a cohort may have; patients who may have none do not enter the trial."""
    if allowed[0] <= 0.0:
        return 0
    return int(np.sum(allowed[None, :] > allowed[0] * rng.random(cohort)[:, None], axis=1).min())
