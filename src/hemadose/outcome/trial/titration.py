"""Finding an activity: dose levels of a titration, what is allowed, and what is known after each cohort.

A level is an activity (or a target dose). A patient may be kept from a level because the tracer study predicts an organ
dose beyond its limit there; such levels are never assigned to this patient, whatever the design says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import PlanningError, QuantityError
from hemadose.model._checks import require_positive

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Levels of a titration, rising.

    Attributes
    ----------
    activity_bq : tuple of float
        Administered activity of each level.
    """

    activity_bq: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that there are at least two, rising."""
        for activity in self.activity_bq:
            require_positive("level", activity_bq=activity)
        if len(self.activity_bq) < 2 or np.any(np.diff(self.activity_bq) <= 0.0):
            raise QuantityError(
                "levels must rise", field="activity_bq", value=str(self.activity_bq), expected="two or more"
            )

    def allowed(self, gy_per_bq: Mapping[str, float], limits_gy: Mapping[str, float]) -> int:
        """Give the number of levels, from the lowest up, at which a patient's organs stay within their limits.

        Parameters
        ----------
        gy_per_bq : Mapping of str to float
            Predicted dose coefficients of the patient.
        limits_gy : Mapping of str to float
            Organ limits.

        Raises
        ------
        PlanningError
            If a limited organ has no coefficient.

        Examples
        --------
        >>> levels = Levels(activity_bq=(5e9, 10e9, 15e9, 20e9))
        >>> levels.allowed({"kidneys": 1.59e-9}, {"kidneys": 23.0})
        2
        """
        missing = [organ for organ in limits_gy if organ not in gy_per_bq]
        if missing:
            raise PlanningError("no dose coefficient for a limited organ", field=", ".join(missing))
        largest = min((limits_gy[o] / gy_per_bq[o] for o in limits_gy), default=np.inf)
        return int(np.searchsorted(self.activity_bq, largest * (1.0 + 1e-12), side="right"))


def isotonic(rates: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Pool adjacent violators: the closest rates that do not fall.

    Parameters
    ----------
    rates, weights : array (n,)
        Observed rates and how much each counts.

    Examples
    --------
    >>> isotonic([0.1, 0.4, 0.2, 0.5], [1.0, 1.0, 1.0, 1.0]).tolist()
    [0.1, 0.30000000000000004, 0.30000000000000004, 0.5]
    """
    blocks: list[list[float]] = []
    for rate, weight in zip(np.asarray(rates, float), np.asarray(weights, float), strict=True):
        blocks.append([float(rate), float(weight), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            rate2, weight2, count2 = blocks.pop()
            rate1, weight1, count1 = blocks.pop()
            total = weight1 + weight2
            blocks.append([(rate1 * weight1 + rate2 * weight2) / total, total, count1 + count2])
    return np.concatenate([np.full(int(count), rate) for rate, _, count in blocks])


def check_counts(toxic: Sequence[int], treated: Sequence[int]) -> tuple[Counts, Counts]:
    """Refuse counts that cannot be.

    Raises
    ------
    QuantityError
        If more patients suffered than were treated, or numbers are negative.
    """
    x, n = np.asarray(toxic, dtype=np.int64), np.asarray(treated, dtype=np.int64)
    if x.shape != n.shape or np.any(x < 0) or np.any(x > n):
        raise QuantityError(
            "toxicities and patients do not fit", field="toxic, treated", value=f"{x.tolist()}, {n.tolist()}",
            expected="0 <= toxic <= treated at every level",
        )  # fmt: skip
    return x, n
