"""BED and EQD2 of everything that irradiates one organ, with what the parts do to each other.

BED = D + (2 / (alpha/beta)) times the double integral of R(t) R(w) phi(t - w) over t > w, R being the sum of all
dose rates and fractions. It splits into the parts of each therapy alone and one overlap per pair: damage of one
that is not yet repaired when the other comes. Incomplete repair between fractions of a day, and overnight, is in it
without further rules (for equal gaps: Thames 1985).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.dose.radiobiology import overlap
from hemadose.dose.radiobiology.equivalent import eqd2_gy
from hemadose.dose.radiobiology.overlap import Floats
from hemadose.dose.radiobiology.timeline import Component, DoseRate, Fractions, log_normal
from hemadose.dose.radiobiology.tissue import TissueResponse
from hemadose.errors import QuantityError


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalEffect:
    """Dose, BED and EQD2 of one organ.

    Attributes
    ----------
    tissue : TissueResponse
        Parameters used.
    names : tuple of str
        Of the components.
    doses_gy : ndarray, shape (components,)
        Absorbed dose of each.
    overlaps_gy2 : ndarray, shape (components, components)
        Symmetric; its sum over alpha/beta is what BED adds to dose. On the diagonal G D^2 of each, beside it
        half the overlap of a pair.
    dose_draws_gy, bed_draws_gy, eqd2_draws_gy : ndarray, shape (draws,)
        Totals; empty for no draws.
    """

    tissue: TissueResponse
    names: tuple[str, ...]
    doses_gy: Floats
    overlaps_gy2: Floats
    dose_draws_gy: Floats
    bed_draws_gy: Floats
    eqd2_draws_gy: Floats

    @property
    def dose_gy(self) -> float:
        """Absorbed dose, all components."""
        return float(self.doses_gy.sum())

    @property
    def bed_gy(self) -> float:
        """BED, all components and their overlaps."""
        return self.dose_gy + float(self.overlaps_gy2.sum()) / self.tissue.alpha_beta_gy

    @property
    def eqd2_gy(self) -> float:
        """Dose in well separated fractions of 2 Gy that has this BED."""
        return float(eqd2_gy(bed=self.bed_gy, alpha_beta_gy=self.tissue.alpha_beta_gy))

    @property
    def own_bed_gy(self) -> Floats:
        """BED of each component alone, shape (components,)."""
        return np.asarray(self.doses_gy + np.diag(self.overlaps_gy2) / self.tissue.alpha_beta_gy)

    @property
    def between_bed_gy(self) -> float:
        """What the components add to each other; 0 if all damage of one is repaired before the next."""
        return self.bed_gy - float(self.own_bed_gy.sum())

    @property
    def protraction(self) -> Floats:
        """G of each component alone, shape (components,); NaN without dose."""
        squared = np.where(self.doses_gy > 0.0, self.doses_gy**2, np.nan)
        return np.asarray(np.diag(self.overlaps_gy2) / squared)


def total_effect(
    components: Sequence[Component], *, tissue: TissueResponse, draws: int = 0, seed: int = 20251121
) -> TotalEffect:
    """Sum everything that irradiates an organ.

    Parameters
    ----------
    components : sequence of DoseRate or Fractions
        On one clock, in any order, names all different.
    tissue : TissueResponse
        Linear-quadratic parameters, drawn from their ranges where they have one.
    draws : int
        Draws of the uncertainty. A dose rate without draws of its own stays as it is.
    seed : int
        Of the draws.

    Returns
    -------
    TotalEffect

    Raises
    ------
    QuantityError
        If there is no component, two share a name, or one brings fewer draws than asked for.

    Notes
    -----
    Fractions are instants: for a fraction that takes as long as repair does, BED is an upper estimate.

    Examples
    --------
    >>> from hemadose.dose.radiobiology import Repair, daily_times_s
    >>> kidneys = TissueResponse(organ="kidneys", alpha_beta_gy=2.6, repair=Repair(half_lives_s=(2.8 * 3600,)))
    >>> agent = DoseRate.from_dose("agent", start_s=-15 * 86400.0, dose_gy=23.0, half_lives_s=(41 * 3600.0,))
    >>> tbi = Fractions(name="TBI", times_s=daily_times_s(fractions=5, per_day=1, gap_s=0.0, first_s=-9 * 86400.0),
    ...                 doses_gy=np.full(5, 2.0))
    >>> both = total_effect([agent, tbi], tissue=kidneys)
    >>> [round(float(b), 2) for b in both.own_bed_gy], round(both.between_bed_gy, 2)
    ([36.01, 17.72], 1.11)
    """
    _check(components, draws)
    rng = np.random.default_rng([seed, len(components)])
    shape = (draws,)
    scales = [log_normal(c.relative_sd, draws, rng) if isinstance(c, Fractions) else np.ones(shape) for c in components]
    alpha_beta = tissue.alpha_beta_draws_gy(draws, rng=rng)
    rate_draws = tissue.repair_rate_draws_per_s(draws, rng=rng)
    count = len(components)
    matrix, drawn = np.zeros((count, count)), np.zeros(shape)
    for weight, mu, mu_draws in zip(tissue.repair.weights, tissue.repair.rates_per_s, rate_draws, strict=True):
        for i, first in enumerate(components):
            for j, second in enumerate(components[: i + 1]):
                once = 1.0 if i == j else 0.5
                best = once * weight * _overlap(first, second, np.asarray(mu), drawn=False)
                matrix[i, j] += float(best)
                if i != j:
                    matrix[j, i] += float(best)
                if draws:
                    drawn += weight * scales[i] * scales[j] * _overlap(first, second, mu_draws, drawn=True)
    doses = [_dose_draws(c, draws) * s for c, s in zip(components, scales, strict=True)]
    dose_draws = np.asarray(np.sum(doses, axis=0))
    bed_draws = dose_draws + drawn / alpha_beta
    return TotalEffect(
        tissue=tissue,
        names=tuple(c.name for c in components),
        doses_gy=np.array([c.dose_gy for c in components]),
        overlaps_gy2=matrix,
        dose_draws_gy=dose_draws,
        bed_draws_gy=bed_draws,
        eqd2_draws_gy=bed_draws / (1.0 + 2.0 / alpha_beta),
    )


def _check(components: Sequence[Component], draws: int) -> None:
    if not components:
        raise QuantityError("nothing irradiates the organ", field="components")
    names = [c.name for c in components]
    if len(set(names)) != len(names):
        raise QuantityError("two components share a name", field="name", value=", ".join(names))
    for component in components:
        if isinstance(component, DoseRate) and 0 < component.draws < draws:
            raise QuantityError(
                f"{component.name} brings fewer draws than asked for",
                field="draws",
                value=str(component.draws),
                expected=f">= {draws}, or none",
            )


def _dose_draws(component: Component, draws: int) -> Floats:
    if isinstance(component, DoseRate) and component.draws:
        terms = component.draw_amplitudes_gy_per_s[:draws] / component.draw_rates_per_s[:draws]
        return np.asarray(terms.sum(axis=-1))
    return np.full(draws, component.dose_gy)


def _terms(component: DoseRate, mu: Floats, *, drawn: bool) -> tuple[Floats, Floats]:
    if drawn and component.draws:
        count = len(mu)
        return component.draw_amplitudes_gy_per_s[:count], component.draw_rates_per_s[:count]
    wide = (*np.shape(mu), len(component.rates_per_s))
    return np.broadcast_to(component.amplitudes_gy_per_s, wide), np.broadcast_to(component.rates_per_s, wide)


def _overlap(first: Component, second: Component, mu: Floats, *, drawn: bool) -> Floats:
    """Overlap of two components (or of one with itself) for one phase of repair, Gy^2, shape of `mu`."""
    if isinstance(first, Fractions) and isinstance(second, Fractions):
        twice = 1.0 if first is second else 2.0
        return twice * overlap.fractions_with_fractions(
            first.times_s, first.doses_gy, second.times_s, second.doses_gy, mu
        )
    if isinstance(first, Fractions) or isinstance(second, Fractions):
        source, fractions = (second, first) if isinstance(first, Fractions) else (first, second)
        assert isinstance(source, DoseRate)
        assert isinstance(fractions, Fractions)
        amplitudes, rates = _terms(source, mu, drawn=drawn)
        total = np.zeros(np.shape(mu))
        for time_s, dose_gy in zip(fractions.times_s, fractions.doses_gy, strict=True):
            total += dose_gy * overlap.rate_with_fraction(amplitudes, rates, mu, float(time_s) - source.start_s)
        return total
    early, late = (first, second) if first.start_s <= second.start_s else (second, first)
    amplitudes, rates = _terms(early, mu, drawn=drawn)
    if first is second:
        return overlap.rate_with_itself(amplitudes, rates, mu)
    later = _terms(late, mu, drawn=drawn)
    return overlap.rate_with_later_rate(amplitudes, rates, *later, mu, late.start_s - early.start_s)
