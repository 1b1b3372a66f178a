"""What leaves the patient, and how long it must be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.therapy.protection.exposure import WholeBodyCurve, first_time_s

Floats: TypeAlias = npt.NDArray[np.float64]


def excreted_share(body: WholeBodyCurve, time_s: npt.ArrayLike) -> Floats:
    """Share of the administered atoms that has left the body by a time, decay undone: 1 - R(t) / e^(-lambda t).

    Never falls: no phase of the body is slower than decay.

    Parameters
    ----------
    body : WholeBodyCurve
        Retention with decay.
    time_s : array_like
        Since administration.

    Returns
    -------
    ndarray
        Same shape.

    Examples
    --------
    Half of the atoms leave within one biological half-life.

    >>> from hemadose.model import Nuclide
    >>> lu = Nuclide(name="Lu-177", half_life_s=100.0, electron_energy_kev=147.9, photon_energy_kev=35)
    >>> float(excreted_share(WholeBodyCurve(nuclide=lu, fractions=(1.0,), half_lives_s=(50.0,)), 100.0))
    0.5
    """
    times = np.asarray(time_s, dtype=np.float64)
    undecayed = body.retained(times) * np.exp(body.nuclide.decay_constant_per_s * times)
    return np.asarray(np.clip(np.round(1.0 - undecayed, 12), 0.0, 1.0))


def excreted_activity_bq(body: WholeBodyCurve, time_s: npt.ArrayLike, *, activity_bq: float) -> Floats:
    """Activity outside the body at a time, all excreta since the administration together: A (e^(-lambda t) - R(t)).

    Parameters
    ----------
    body : WholeBodyCurve
        Retention with decay.
    time_s : array_like
        Since administration.
    activity_bq : float
        Administered.

    Returns
    -------
    ndarray
        Same shape.
    """
    require_positive("excretion", activity_bq=activity_bq)
    times = np.asarray(time_s, dtype=np.float64)
    left = np.exp(-body.nuclide.decay_constant_per_s * times)
    return np.asarray(activity_bq * left * excreted_share(body, times))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One nuclide in a container.

    Attributes
    ----------
    nuclide : str
        Name.
    half_life_s : float
        Physical.
    amount : float
        Bq/g or Bq at the start of storage.
    limit : float
        Clearance in the same unit.
    """

    nuclide: str
    half_life_s: float
    amount: float
    limit: float

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive(f"stored {self.nuclide}", half_life_s=self.half_life_s, limit=self.limit)
        require_non_negative(f"stored {self.nuclide}", amount=self.amount)


def storage_time_s(contents: Sequence[Stored]) -> float:
    """Time until the sum of amount over limit is no more than one; T log2(amount / limit) for one nuclide.

    Parameters
    ----------
    contents : sequence of Stored
        Every nuclide in the container, impurities included.

    Returns
    -------
    float

    Raises
    ------
    QuantityError
        If nothing is stored.
    PlanningError
        If ten years are not enough.

    Examples
    --------
    >>> lu = Stored(nuclide="Lu-177", half_life_s=159.528 * 3600, amount=1024.0, limit=1.0)
    >>> round(storage_time_s([lu]) / (159.528 * 3600), 6)
    10.0
    """
    if not contents:
        raise QuantityError("nothing is stored", field="contents")

    def excess(time: float) -> float:
        return float(sum(c.amount / c.limit * 2.0 ** (-time / c.half_life_s) for c in contents)) - 1.0

    return first_time_s(excess, what="stored activity")
