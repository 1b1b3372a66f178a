"""Marrow dose rates as sums of exponentials: made from numbers, and carried over to another nuclide."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import Nuclide, ResidualDose
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.units import DAY_S, LN2

Floats: TypeAlias = npt.NDArray[np.float64]

_LEADING_AT_S = 10.0 * DAY_S
_AS_PHYSICAL = 1e-6
"""A rate this close to physical decay (relative) means that nothing leaves the body."""


def leading_half_life_s(residual: ResidualDose) -> float:
    """Half-life of the term that gives most of the dose still to come ten days after the administration.

    A patient's marrow curve has terms of every organ that irradiates it; the slowest of them may be a liver that gives
    the marrow next to nothing. For a marrow of one source it is the half-life of its slow phase.

    Examples
    --------
    >>> import numpy as np
    >>> rates = np.log(2.0) / (3600.0 * np.array([95.0, 110.0]))
    >>> residual = ResidualDose(
    ...     target="red_marrow", amplitudes_gy_per_bq_s=np.array([1e-15, 1e-17]), rates_per_s=rates,
    ...     draw_amplitudes_gy_per_bq_s=np.zeros((0, 2)), draw_rates_per_s=np.ones((0, 2)),
    ... )
    >>> round(leading_half_life_s(residual) / 3600.0)
    95
    """
    a, k = residual.amplitudes_gy_per_bq_s, residual.rates_per_s
    return LN2 / float(k[int(np.argmax(a / k * np.exp(-k * _LEADING_AT_S)))])


def exponential_residual(
    *,
    gy_per_bq: float,
    half_lives_s: tuple[float, ...],
    shares: tuple[float, ...] = (1.0,),
    nuclide: Nuclide | None = None,
    relative_sd: float = 0.0,
    half_life_relative_sd: float = 0.0,
    draws: int = 2000,
    seed: int = 20250101,
) -> ResidualDose:
    """Tail of a marrow dose known by its coefficient and the shape of its curve.

    Parameters
    ----------
    gy_per_bq : float
        Dose to infinity per administered activity.
    half_lives_s : tuple of float
        Effective half-life of each term.
    shares : tuple of float
        Dose rate of each term at time 0, relative to each other; negative for uptake.
    nuclide : Nuclide, optional
        Refuse a curve that is slower than its decay; draws do not pass it either.
    relative_sd, half_life_relative_sd : float
        Of the dose, and of all half-lives together at equal dose; log-normal, independent.
    draws, seed : int
        Of the uncertainty.

    Returns
    -------
    ResidualDose

    Raises
    ------
    QuantityError
        If a number is not positive, shares and half-lives do not pair up or make a dose rate below zero, or a
        half-life is longer than the physical one.

    Examples
    --------
    >>> tail = exponential_residual(gy_per_bq=0.57e-9, half_lives_s=(92 * 3600.0,))
    >>> round(14.4e9 * tail.gy_per_bq(from_s=14 * 86400.0), 3)
    0.653
    """
    numbers = np.array([gy_per_bq, *half_lives_s], dtype=np.float64)
    if len(numbers) < 2 or not (np.isfinite(numbers).all() and (numbers > 0.0).all()):
        raise QuantityError("marrow coefficient and half-life must be positive", value=str(numbers.tolist()))
    require_non_negative("uncertainty", relative_sd=relative_sd, half_life_relative_sd=half_life_relative_sd)
    if nuclide is not None:
        require_physical(max(half_lives_s), nuclide=nuclide)
    rates, parts = LN2 / numbers[1:], np.array(shares, dtype=np.float64)
    _require_shape(rates, parts)
    amplitudes = gy_per_bq * parts / float(np.sum(parts / rates))
    rng = np.random.default_rng(seed)
    factor = _median_one(relative_sd, draws, rng)[:, None]
    slower = _median_one(half_life_relative_sd, draws, rng)[:, None]
    notes: tuple[str, ...] = ()
    if nuclide is not None:
        slower, notes = _no_slower_than_decay(slower, rates, nuclide)
    return ResidualDose(
        target="red_marrow",
        amplitudes_gy_per_bq_s=amplitudes,
        rates_per_s=rates,
        draw_amplitudes_gy_per_bq_s=factor * amplitudes / slower,
        draw_rates_per_s=rates / slower,
        notes=notes,
    )


def _no_slower_than_decay(slower: Floats, rates: Floats, nuclide: Nuclide) -> tuple[Floats, tuple[str, ...]]:
    most = float(rates.min()) / nuclide.decay_constant_per_s
    share = float(np.mean(slower > most * (1.0 + 1e-9)))
    note = f"{share:.0%} of the drawn half-lives were longer than that of {nuclide.name} and were cut to it"
    return np.minimum(slower, most), (note,) if share > 0.0 else ()


def require_physical(effective_half_life_s: float, *, nuclide: Nuclide) -> None:
    """Refuse an effective half-life longer than the physical one.

    Raises
    ------
    QuantityError
        Naming both.
    """
    require_positive("half-life", effective_half_life_s=effective_half_life_s)
    if effective_half_life_s > nuclide.half_life_s * (1.0 + _AS_PHYSICAL):
        raise QuantityError(
            f"nothing leaves the body more slowly than {nuclide.name} decays",
            field="effective half-life",
            value=f"{effective_half_life_s / 3600:.4g} h",
            expected=f"<= {nuclide.half_life_s / 3600:.4g} h",
        )


def translate_residual(
    residual: ResidualDose, *, measured: Nuclide, wanted: Nuclide, dose_per_decay_ratio: float
) -> ResidualDose:
    """Marrow dose rate of another nuclide on the same molecule: each term keeps its biological rate.

    k_wanted = k_measured - lambda_measured + lambda_wanted for every term, at equal activity in the marrow at time 0.

    Parameters
    ----------
    residual : ResidualDose
        Of the measured nuclide.
    measured, wanted : Nuclide
        For their decay.
    dose_per_decay_ratio : float
        Dose to the marrow per decay, wanted over measured (ratio of S values). It cancels where nuclides are
        compared at equal marrow dose.

    Returns
    -------
    ResidualDose
        Draws that were slower than physical decay count as physical decay, and a note says how many.

    Raises
    ------
    QuantityError
        If the best curve is slower than the decay of the measured nuclide.

    Examples
    --------
    >>> lu = Nuclide(name="Lu-177", half_life_s=159.528 * 3600, electron_energy_kev=147.9, photon_energy_kev=35)
    >>> y = Nuclide(name="Y-90", half_life_s=64.1 * 3600, electron_energy_kev=933.1, photon_energy_kev=0)
    >>> tail = exponential_residual(gy_per_bq=0.47e-9, half_lives_s=(92 * 3600.0,))
    >>> other = translate_residual(tail, measured=lu, wanted=y, dose_per_decay_ratio=6.3)
    >>> round(LN2 / float(other.rates_per_s[0]) / 3600, 1)
    49.5
    """
    require_positive("nuclides", dose_per_decay_ratio=dose_per_decay_ratio)
    require_physical(LN2 / float(residual.rates_per_s.min()), nuclide=measured)
    before, after = measured.decay_constant_per_s, wanted.decay_constant_per_s
    drawn = residual.draw_rates_per_s
    slow = float(np.mean(np.any(drawn < before * (1.0 - _AS_PHYSICAL), axis=1))) if len(drawn) else 0.0
    note = f"{slow:.0%} of the draws fell more slowly than {measured.name} decays and count as its decay"
    return replace(
        residual,
        amplitudes_gy_per_bq_s=residual.amplitudes_gy_per_bq_s * dose_per_decay_ratio,
        rates_per_s=np.maximum(residual.rates_per_s - before, 0.0) + after,
        draw_amplitudes_gy_per_bq_s=residual.draw_amplitudes_gy_per_bq_s * dose_per_decay_ratio,
        draw_rates_per_s=np.maximum(drawn - before, 0.0) + after,
        notes=(*residual.notes, note) if slow > 0.0 else residual.notes,
    )


def draw_tails_gy_per_bq(residual: ResidualDose, *, from_s: Floats) -> Floats:
    """Dose coefficient still to come in every draw, each from a time of its own.

    Parameters
    ----------
    residual : ResidualDose
        With draws.
    from_s : ndarray, shape (draws,)
        Since administration.

    Returns
    -------
    ndarray, shape (draws,)
    """
    rates = residual.draw_rates_per_s
    terms = residual.draw_amplitudes_gy_per_bq_s / rates * np.exp(-rates * from_s[:, None])
    total = terms.sum(axis=-1)
    for start, stop in residual.differences:
        total = total - np.minimum(terms[:, start:stop].sum(axis=-1), 0.0)
    return np.asarray(total)


def _require_shape(rates: Floats, parts: Floats) -> None:
    if parts.shape != rates.shape:
        raise QuantityError("a curve needs one share per half-life", field="shares", value=str(parts.tolist()))
    times = np.concatenate([[0.0], np.geomspace(1e-3, 40.0, 400) / rates.min()])
    course = (parts * np.exp(-np.multiply.outer(times, rates))).sum(axis=-1)
    if not np.isfinite(course).all() or course.max() <= 0.0 or course.min() < -1e-9 * course.max():
        raise QuantityError(
            "the shares make a dose rate below zero", field="shares", value=str(parts.tolist()), expected="e.g. 1, -1"
        )


def _median_one(relative_sd: float, draws: int, rng: np.random.Generator) -> Floats:
    return np.asarray(np.exp(np.sqrt(np.log1p(relative_sd**2)) * rng.standard_normal(draws)))
