"""Centres side by side and pooled: the stratified estimate, and how much the centres differ.

Each centre keeps its own risk sets. The estimates are pooled on the scale log(-log S), or log(-log(1 - F)) for an
incidence, where they are about normal; the variance follows from the standard error by the delta method. Three centres
or more are pooled with random effects; two cannot show how much centres vary, so they get a common estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemadose.outcome.statistics.pooling import Pooled, pool_estimates
from hemadose.outcome.statistics.survival import SurvivalCurve
from hemadose.outcome.summary.survival import LANDMARKS, NAMES, CohortSurvival


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledPoint:
    """One endpoint at one time, over the centres.

    Attributes
    ----------
    endpoint, landmark : str
        Which, and when.
    centres : tuple of str
        Centres that enter.
    estimate, low, high : float
        Pooled probability and its interval.
    pooled : Pooled
        On the scale log(-log), with heterogeneity.
    left_out : tuple of str
        Centres whose curve is 0 or 1, or not defined, at that time.
    """

    endpoint: str
    landmark: str
    centres: tuple[str, ...]
    estimate: float
    low: float
    high: float
    pooled: Pooled
    left_out: tuple[str, ...]

    @property
    def note(self) -> str:
        """Say how far the centres agree."""
        p = self.pooled
        return f"I2 {100.0 * p.i2:.0f} %, Q {p.q:.2f} on {p.k - 1} df, p = {p.q_p:.2g}"

    @property
    def doubts(self) -> tuple[str, ...]:
        """Say what so few centres cannot show."""
        p = self.pooled
        few = (f"{p.k} centres hardly show a difference between centres",) if p.k < 5 else ()
        common = ("a common estimate is given: its interval holds no variation between centres",)
        return (*few, *(common if p.method == "fixed" else ()))


def pool_centres(found: CohortSurvival) -> tuple[PooledPoint, ...]:
    """Pool the groups of a survival summary, which are centres.

    Random effects (REML, Hartung-Knapp); a common estimate for two centres. Endpoints and times at which fewer than
    two centres have an estimate between 0 and 1 are left out.
    """
    points = [_pooled(found, name, i) for name in NAMES for i in range(len(LANDMARKS))]
    return tuple(p for p in points if p is not None)


def _pooled(found: CohortSurvival, endpoint: str, index: int) -> PooledPoint | None:
    scale, variance, used, left = [], [], [], []
    falls = True
    for centre in found.groups:
        one = found.of(endpoint, centre)
        if one is None:
            continue
        falls = isinstance(one.curve, SurvivalCurve)
        point = one.at[index]
        s = point.estimate if falls else 1.0 - point.estimate
        if not (0.0 < s < 1.0 and point.standard_error > 0.0):
            left.append(centre)
            continue
        used.append(centre)
        scale.append(float(np.log(-np.log(s))))
        variance.append((point.standard_error / (s * np.log(s))) ** 2)
    if len(used) < 2:
        return None
    pooled = pool_estimates(estimates=scale, variances=variance, method="reml" if len(used) > 2 else "fixed")
    estimate, low, high = (float(np.exp(-np.exp(x))) for x in (pooled.estimate, pooled.high, pooled.low))
    if not falls:
        estimate, low, high = 1.0 - estimate, 1.0 - high, 1.0 - low
    return PooledPoint(
        endpoint=endpoint, landmark=LANDMARKS[index][0], centres=tuple(used), estimate=estimate, low=low, high=high,
        pooled=pooled, left_out=tuple(left),
    )  # fmt: skip
