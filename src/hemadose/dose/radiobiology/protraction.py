"""Lea-Catcheside factor G of any dose-rate curve: 1 for an instant, towards 0 for a trickle.

G = 2/D^2 int_0^inf R(t) int_0^t R(w) phi(t - w) dw dt with phi the unrepaired share.

References
----------
Lea D., Catcheside D., J Genet 1942;44:216. Dale R., Br J Radiol 1985;58:515 (exponential dose rates).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hemadose.dose.radiobiology.overlap import Floats, rate_with_itself
from hemadose.dose.radiobiology.repair import Repair
from hemadose.errors import QuantityError

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def lea_catcheside(*, amplitudes: npt.ArrayLike, rates_per_s: npt.ArrayLike, repair: Repair) -> Floats:
    """Give G of a dose rate that is a sum of exponentials.

    Parameters
    ----------
    amplitudes : array_like, shape (..., terms)
        Of the dose rate, in any unit; negative for uptake. Leading axes are draws or voxels.
    rates_per_s : array_like, shape (..., terms)
        Effective rates, positive.
    repair : Repair
        One phase or more.

    Returns
    -------
    ndarray, shape (...)
        Between 0 and 1 for a dose rate that is nowhere negative.

    Raises
    ------
    QuantityError
        If a rate or a dose is not positive.

    Examples
    --------
    >>> g = lea_catcheside(amplitudes=[1.0], rates_per_s=[np.log(2) / (41 * 3600)],
    ...                    repair=Repair(half_lives_s=(2.8 * 3600,)))
    >>> round(float(g), 6)
    0.063927
    """
    a, k = np.asarray(amplitudes, dtype=np.float64), np.asarray(rates_per_s, dtype=np.float64)
    if a.shape[-1:] != k.shape[-1:]:
        raise QuantityError("a dose rate has one rate per amplitude", field="rates_per_s", value=str(k.shape))
    if not (np.isfinite(k).all() and (k > 0.0).all()):
        raise QuantityError("a dose rate must decay", field="rates_per_s", expected="> 0")
    dose = (a / k).sum(axis=-1)
    if not (dose > 0.0).all():
        raise QuantityError(
            "a dose must be positive to have a protraction factor", field="amplitudes", value=f"{np.min(dose):g}"
        )
    overlap = np.zeros(np.shape(dose))
    for weight, mu in zip(repair.weights, repair.rates_per_s, strict=True):
        overlap = overlap + weight * rate_with_itself(a, k, np.full(np.shape(dose), mu))
    return np.asarray(overlap / dose**2)


def sampled_lea_catcheside(*, times_s: npt.ArrayLike, dose_rates: npt.ArrayLike, repair: Repair) -> float:
    """Give G of a dose rate known at points and straight between them; nothing before or after counts.

    The damage left follows exactly between two points; its product with the dose rate is integrated by
    Gauss-Legendre quadrature over steps no longer than half a repair time.

    Parameters
    ----------
    times_s : array_like, shape (n,)
        Increasing, n >= 2.
    dose_rates : array_like, shape (n,)
        In any unit, not negative.
    repair : Repair
        One phase or more.

    Returns
    -------
    float

    Raises
    ------
    QuantityError
        If times do not increase, rates are negative, or there is no dose.

    Examples
    --------
    A constant rate over a time T: G = 2 (x - 1 + exp(-x)) / x^2 with x = mu T.

    >>> g = sampled_lea_catcheside(times_s=[0.0, 3600.0], dose_rates=[1.0, 1.0], repair=Repair(half_lives_s=(3600.0,)))
    >>> x = np.log(2)
    >>> bool(np.isclose(g, 2 * (x - 1 + np.exp(-x)) / x**2))
    True
    """
    t, r = np.asarray(times_s, dtype=np.float64), np.asarray(dose_rates, dtype=np.float64)
    if t.ndim != 1 or t.shape != r.shape or len(t) < 2 or not (np.diff(t) > 0.0).all():
        raise QuantityError("a sampled dose rate needs two or more increasing times, one rate each", field="times_s")
    if not np.isfinite(r).all() or (r < 0.0).any():
        raise QuantityError("a dose rate is negative or not finite", field="dose_rates", value=f"{np.min(r):g}")
    dose = float(np.trapezoid(r, t))
    if dose <= 0.0:
        raise QuantityError("a sampled dose rate holds no dose", field="dose_rates")
    t, r = _refined(t, r, longest=0.5 * min(repair.half_lives_s))
    total = 0.0
    for weight, mu in zip(repair.weights, repair.rates_per_s, strict=True):
        total += weight * 2.0 * _straight_overlap(t, r, mu)
    return total / dose**2


def _refined(t: Floats, r: Floats, *, longest: float) -> tuple[Floats, Floats]:
    """Add points on the straight lines so that no step is longer than `longest`."""
    pieces = [np.linspace(a, b, int(np.ceil((b - a) / longest)) + 1)[:-1] for a, b in pairwise(t)]
    fine = np.concatenate([*pieces, t[-1:]])
    return fine, np.interp(fine, t, r)


def _straight_overlap(t: Floats, r: Floats, mu: float) -> float:
    """Integral of R(t) U(t) with U' = R - mu U."""
    left, total = 0.0, 0.0
    for start, end, rate, last in zip(t[:-1], t[1:], r[:-1], r[1:], strict=True):
        step = end - start
        slope = (last - rate) / step
        inside = np.append((_NODES + 1.0) * step / 2.0, step)
        x = mu * inside
        first = -np.expm1(-x) / x
        second = np.where(x > 1e-3, (1.0 - first) / x, 0.5 - x / 6.0 + x**2 / 24.0)
        damage = left * np.exp(-x) + rate * inside * first + slope * inside**2 * second
        total += float(np.sum(_WEIGHTS * (rate + slope * inside[:-1]) * damage[:-1])) * step / 2.0
        left = float(damage[-1])
    return total
