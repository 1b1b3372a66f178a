"""Closed forms of the double integral behind protraction, pair by pair.

Damage that two sources make interacts while it is unrepaired. For dose rates A and B and repair rate mu
the overlap is the integral over all t > w of [A(t) B(w) + B(t) A(w)] exp(-mu (t - w)); for a source with itself it is
2 times the integral of A(t) A(w) exp(-mu (t - w)), which is G D^2 (Lea and Catcheside 1942). Dose rates
are sums of exponentials from their start on, fractions are instants. Leading axes (draws, voxels) broadcast.

References
----------
Lea D., Catcheside D., J Genet 1942;44:216. Dale R., Br J Radiol 1985;58:515. Thames H., Int J Radiat Biol 1985;47:319.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


def left_from_rate(rates: Floats, mu: Floats, elapsed_s: Floats | float) -> Floats:
    """Damage left at `elapsed_s` of a unit dose rate exp(-k t) from 0 on, in the unit of time.

    (exp(-k t) - exp(-mu t)) / (mu - k), without cancellation where mu and k agree.

    >>> bool(np.isclose(left_from_rate(np.array([2.0]), np.array(2.0), 3.0)[0], 3.0 * np.exp(-6.0)))
    True
    """
    mu = np.asarray(mu)[..., None]
    z = np.abs(rates - mu) * elapsed_s
    shrink = np.where(z > 1e-12, -np.expm1(-z) / np.maximum(z, 1e-300), 1.0)
    return np.asarray(elapsed_s * np.exp(-np.minimum(rates, mu) * elapsed_s) * shrink)


def rate_with_itself(amplitudes: Floats, rates: Floats, mu: Floats) -> Floats:
    """Overlap of a dose rate with itself: 2 sum_ij a_i a_j / ((k_i + k_j)(k_i + mu)), Gy^2.

    Parameters
    ----------
    amplitudes, rates : ndarray, shape (..., terms)
        Dose rate in Gy/s at the start, and rates in 1/s.
    mu : ndarray, shape (...)
        Repair rate in 1/s.

    Returns
    -------
    ndarray, shape (...)
    """
    pairs = amplitudes[..., :, None] * amplitudes[..., None, :]
    sums = rates[..., :, None] + rates[..., None, :]
    first = rates[..., :, None] + np.asarray(mu)[..., None, None]
    return np.asarray(2.0 * (pairs / (sums * first)).sum(axis=(-2, -1)))


def rate_with_later_rate(
    amplitudes: Floats, rates: Floats, later_amplitudes: Floats, later_rates: Floats, mu: Floats, delay_s: float
) -> Floats:
    """Overlap of a dose rate with one that starts `delay_s` >= 0 later, Gy^2, shape (...)."""
    repair = np.asarray(mu)[..., None]
    left = (amplitudes * left_from_rate(rates, mu, delay_s)).sum(axis=-1)
    before = left * (later_amplitudes / (later_rates + repair)).sum(axis=-1)
    still = (amplitudes * np.exp(-rates * delay_s))[..., :, None]
    sums = rates[..., :, None] + later_rates[..., None, :]
    both = 1.0 / (rates + repair)[..., :, None] + 1.0 / (later_rates + repair)[..., None, :]
    after = (still * later_amplitudes[..., None, :] / sums * both).sum(axis=(-2, -1))
    return np.asarray(2.0 * before + 2.0 * after)


def rate_with_fraction(amplitudes: Floats, rates: Floats, mu: Floats, at_s: float) -> Floats:
    """Overlap of a dose rate with a fraction of 1 Gy `at_s` after its start (negative: before it), Gy, shape (...)."""
    repair = np.asarray(mu)[..., None]
    if at_s <= 0.0:
        return np.asarray(2.0 * (amplitudes / (rates + repair) * np.exp(repair * at_s)).sum(axis=-1))
    made_before = (amplitudes * left_from_rate(rates, mu, at_s)).sum(axis=-1)
    made_after = (amplitudes * np.exp(-rates * at_s) / (rates + repair)).sum(axis=-1)
    return np.asarray(2.0 * (made_before + made_after))


def fractions_with_fractions(
    times_s: Floats, doses: Floats, other_times_s: Floats, other_doses: Floats, mu: Floats
) -> Floats:
    """Sum of d_i e_j exp(-mu |t_i - t_j|) over all pairs, Gy^2, shape (...).

    With itself it is the overlap of a series of fractions; between two series the overlap is twice this.

    >>> day = np.array([0.0, 8.0])
    >>> mu = np.log(2.0) / 2.8
    >>> round(4.0 + float(fractions_with_fractions(day, np.full(2, 2.0), day, np.full(2, 2.0), mu)) / 2.6, 4)
    7.5016
    """
    gaps = np.abs(times_s[:, None] - other_times_s[None, :])
    left = np.exp(-np.asarray(mu)[..., None, None] * gaps)
    return np.asarray((doses[..., :, None] * other_doses[..., None, :] * left).sum(axis=(-2, -1)))
