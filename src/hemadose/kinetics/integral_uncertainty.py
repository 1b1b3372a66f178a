"""First-order uncertainty of a time-integrated activity from the covariance of a fit (law of propagation).

For one exponential, A(t) = A0 exp(-lambda t), the integral is A0 / lambda and (Gear 2018)

    (u(TIA) / TIA)^2 = (u(A0) / A0)^2 + (u(lambda) / lambda)^2 - 2 u(A0, lambda) / (A0 lambda);

for sums of exponentials and for the tail of the curve the same with the gradient g of the integral, u^2 = g^T V g.

References
----------
Gear J. et al., EANM practical guidance on uncertainty analysis for molecular radiotherapy absorbed dose calculations,
Eur J Nucl Med Mol Imaging 2018;45:2456 (time-integrated activity).
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.kinetics.leastsquares import Solution, log_rate_limits
from hemadose.kinetics.models import ModelFunction
from hemadose.kinetics.refit import RefitPlan
from hemadose.model._checks import require_non_negative

Floats = npt.NDArray[np.float64]

_AT_BOUND = 1e-3
"""Distance of the logarithm of a rate to its bound below which it stands there."""


def mono_integral_relative_sd(
    *, amplitude_relative_sd: float, rate_relative_sd: float, correlation: float = 0.0
) -> float:
    """Relative standard uncertainty of A0 / lambda (Gear 2018).

    Parameters
    ----------
    amplitude_relative_sd, rate_relative_sd : float
        Of A0 and of lambda.
    correlation : float
        Between them; positive for a fit, which takes away from both.

    Raises
    ------
    QuantityError
        For a negative or missing uncertainty, or a correlation outside -1 to 1.

    Examples
    --------
    >>> round(mono_integral_relative_sd(amplitude_relative_sd=0.06, rate_relative_sd=0.05, correlation=0.5), 7)
    0.0556776
    """
    require_non_negative("integral", amplitude_relative_sd=amplitude_relative_sd, rate_relative_sd=rate_relative_sd)
    if not -1.0 <= correlation <= 1.0:
        raise QuantityError("a correlation lies between -1 and 1", value=f"{correlation:g}")
    both = correlation * amplitude_relative_sd * rate_relative_sd
    return sqrt(max(amplitude_relative_sd**2 + rate_relative_sd**2 - 2.0 * both, 0.0))


def integral_gradient(
    model: ModelFunction, solution: Solution, *, physical_rate: float, from_s: float = 0.0
) -> tuple[float, Floats]:
    """Integral of a curve from a time on, and its derivatives by amplitudes and rates, shape (amplitudes + rates,)."""
    mixing = np.asarray(model.mixing)
    rates = model.term_rates(solution.rates, physical_rate=physical_rate)
    left = np.exp(-rates * from_s) / rates
    by_amplitude = mixing @ left
    free = len(model.rate_names)
    held = (solution.amplitudes @ mixing)[:free]
    by_rate = -held * left[:free] * (1.0 / rates[:free] + from_s)
    return float(solution.amplitudes @ by_amplitude), np.concatenate([by_amplitude, by_rate])


def integral_relative_variance(plan: RefitPlan, *, from_s: float = 0.0) -> tuple[float, float]:
    """First-order relative variance of the integral of the reported curve, by samples and by choice of the model.

    Parameters
    ----------
    plan : RefitPlan
        Fits of a region.
    from_s : float
        Start of the integral.

    Returns
    -------
    by_samples : float
        g^T V g over the square of the integral; a rate at its bound counts as known, and so does an amplitude of zero.
    by_model : float
        Variance of the candidates' integrals about their mean, weighted by their probability.
    """
    variance, total = 0.0, 0.0
    for share, model, solution in zip(plan.curve_weights, plan.models, plan.solutions, strict=True):
        if share > 0.0:
            value, sd = _integral_sd(plan, model, solution, from_s)
            total += share * value
            variance += share * sd  # the samples are the same: deviations add
    every = plan.best_integrals_bq_s(from_s=from_s) / plan.scale_bq
    mean = float(plan.model_weights @ every)
    if total <= 0.0:
        return 0.0, 0.0
    return (variance / total) ** 2, float(plan.model_weights @ (every - mean) ** 2) / total**2


def _integral_sd(plan: RefitPlan, model: ModelFunction, solution: Solution, from_s: float) -> tuple[float, float]:
    value, gradient = integral_gradient(model, solution, physical_rate=plan.physical_rate, from_s=from_s)
    jacobian = _jacobian(plan, model, solution)
    amplitudes = len(model.amplitude_names)
    free = np.concatenate([solution.amplitudes > 0.0, np.full(len(solution.rates), True)])
    low, high = log_rate_limits(model, plan.times_s, plan.physical_rate)
    logs = np.log(solution.rates)
    free[amplitudes:] = (logs > low + _AT_BOUND) & (logs < high - _AT_BOUND)
    if solution.at_floor:
        free[amplitudes] = False
    free &= np.abs(jacobian).sum(axis=0) > 0.0
    scale = np.linalg.norm(jacobian[:, free], axis=0)
    covariance = np.linalg.pinv(jacobian[:, free] / scale, rcond=1e-8)
    weighed = (gradient[free] / scale) @ covariance
    return value, float(np.linalg.norm(weighed))


def _jacobian(plan: RefitPlan, model: ModelFunction, solution: Solution) -> Floats:
    """Derivatives of the curve at the samples over their standard uncertainty, shape (n, amplitudes + rates)."""
    rates = model.term_rates(solution.rates, physical_rate=plan.physical_rate)
    basis = model.basis(plan.times_s, rates)
    held = solution.amplitudes @ np.asarray(model.mixing)
    count = len(model.rate_names)
    slopes = -held[:count] * plan.times_s[:, None] * np.exp(-np.outer(plan.times_s, rates[:count]))
    return np.asarray(np.concatenate([basis, slopes], axis=1) / plan.sds[:, None])
