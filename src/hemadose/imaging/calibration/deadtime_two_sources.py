"""The dead time of a camera from two sources: what they show together against what they show apart.

References
----------
Adams R. et al., Med Phys 1974;1:198; Sorenson J., J Nucl Med 1975;16:284 (gamma cameras).
Knoll G., Radiation Detection and Measurement, 4th ed., chapter 4 VII (exact solution of the non-paralysable model).
"""

from __future__ import annotations

from math import exp, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError, QuantityError
from hemadose.imaging.calibration.deadtime_fit import CountedRate, DeadTimeFit, dead_time_of, weak_notes
from hemadose.imaging.camera.deadtime import Kind

Floats: TypeAlias = npt.NDArray[np.float64]


def two_source_dead_time(
    first: CountedRate,
    second: CountedRate,
    both: CountedRate,
    *,
    kind: Kind,
    background: CountedRate | None = None,
) -> DeadTimeFit:
    """Solve n(1) + n(2) = n(1 and 2) + n(background) for the dead time.

    Parameters
    ----------
    first, second, both : CountedRate
        Each source alone and the two together, neither moved.
    kind : {"paralysable", "non-paralysable"}
        One equation gives one dead time.
    background : CountedRate, optional
        Without sources.

    Returns
    -------
    DeadTimeFit

    Raises
    ------
    FitError
        If the rates together are not below their sum, or below what any dead time explains.
    QuantityError
        For the hybrid, which two sources cannot give.
    """
    if kind not in ("paralysable", "non-paralysable"):
        raise QuantityError(
            "two sources give one dead time", field="model", value=kind, expected="paralysable or non-paralysable"
        )
    runs = [first, second, both] + ([] if background is None else [background])
    rates = np.array([run.per_s for run in runs])
    signs = np.array([1.0, 1.0, -1.0, -1.0])[: len(runs)]
    if signs @ rates <= 0.0:
        raise FitError(
            "the two sources together count as much as their sum: no dead time can be found",
            value=f"{rates[2]:g}/s of {rates[0] + rates[1]:g}/s",
            remedy="use stronger sources, longer runs, and do not move them",
        )
    limit = (exp(-1.0) if kind == "paralysable" else 1.0) / float(rates.max()) * (1.0 - 1e-9)
    tau = _solved(kind, rates, signs, limit)
    gradient = np.zeros(len(runs))
    for i in range(len(runs)):
        step = np.zeros(len(runs))
        step[i] = 1e-6 * rates[i]
        if step[i] > 0.0:
            up, down = (_solved(kind, rates + s * step, signs, limit) for s in (1.0, -1.0))
            gradient[i] = (up - down) / (2.0 * step[i])
    variances = np.array([run.counts / run.duration_s**2 for run in runs])
    variance = float(gradient**2 @ variances)
    loss = 1.0 - rates[2] / dead_time_of(kind, tau).true_per_s(float(rates[2]))
    covariance = np.zeros((2, 2))
    place = 0 if kind == "paralysable" else 1
    covariance[place, place] = variance
    return DeadTimeFit(
        model=dead_time_of(kind, tau), covariance_s2=covariance, kind=kind, notes=weak_notes(loss, sqrt(variance) / tau)
    )


def _solved(kind: Kind, rates: Floats, signs: Floats, limit: float) -> float:
    from scipy.optimize import brentq

    def excess(tau: float) -> float:
        return float(sum(s * dead_time_of(kind, tau).true_per_s(float(m)) for s, m in zip(signs, rates, strict=True)))

    limit = min(limit, (exp(-1.0) if kind == "paralysable" else 1.0) / float(rates.max()) * (1.0 - 1e-9))
    if excess(limit) > 0.0:
        raise FitError(
            f"no {kind} dead time explains so large a loss of the two sources together",
            value=f"{rates[2]:g}/s of {rates[0] + rates[1]:g}/s",
            remedy="check that background and durations are right, or that the rate is below the maximum",
        )
    return float(brentq(excess, 0.0, limit, xtol=1e-18, rtol=1e-12))
