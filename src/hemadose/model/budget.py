"""An uncertainty budget: how sure a dose or an activity is, and what it owes to each cause."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model._checks import frozen_array, require_finite, require_non_negative
from hemadose.model.prescription import Limit
from hemadose.provenance import Provenance


class Component(StrEnum):
    """A cause of uncertainty."""

    CALIBRATION = "calibration"
    RECOVERY = "recovery"
    VOLUME = "volume"
    SCALE = "scale from SPECT"
    SHARED = "shared, not told apart"
    COUNTING = "counting"
    SCATTER = "scatter about the curve"
    MODEL = "choice of the model"
    MASS = "mass"
    S_VALUE = "S value"
    MARROW_FRACTION = "marrow fraction"


SCOPES: dict[Component, str] = {
    Component.CALIBRATION: "one error for all organs and scans of the camera",
    Component.RECOVERY: "one error for all organs corrected with the same curve",
    Component.VOLUME: "one outline: activity and mass of one organ together",
    Component.SCALE: "one organ",
    Component.SHARED: "taken as one error for all organs",
    Component.COUNTING: "one organ and one scan at a time",
    Component.SCATTER: "one organ and one scan at a time",
    Component.MODEL: "one organ",
    Component.MASS: "one organ",
    Component.S_VALUE: "one error for all organs",
    Component.MARROW_FRACTION: "red marrow, and through it the remainder of the body",
}
"""What moves together."""


class QuantityKind(StrEnum):
    """What a line of the budget is."""

    DOSE = "absorbed dose per activity"
    RESIDUAL = "absorbed dose after infusion per activity"
    PERMITTED = "activity that a limit permits"
    PROPOSED = "largest activity that meets every limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceShare:
    """What one cause does to one quantity.

    Attributes
    ----------
    component : Component
        The cause.
    analytic : float
        Share of the first-order variance.
    alone : float
        Variance with this cause alone, over the variance with all (Monte Carlo).
    first_order : float
        Sobol index of first order: share of the variance that would go on average if the cause were known.
    total : float
        Sobol total index: share that would be left if everything else were known; above `first_order` where causes
        multiply.
    """

    component: Component
    analytic: float
    alone: float
    first_order: float
    total: float

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_finite(
            self.component, analytic=self.analytic, alone=self.alone, first_order=self.first_order, total=self.total
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetQuantity:
    """One quantity with its uncertainty by two ways.

    Attributes
    ----------
    name : str
        Organ, or name of the limit.
    kind : QuantityKind
        What it is: Gy/Bq for doses, Bq for activities.
    best : float
        Best estimate.
    analytic_sd : float
        Standard uncertainty to first order, covariances respected.
    sd : float
        Standard deviation of the draws.
    median, low, high : float
        Of the draws: median, 2.5 % and 97.5 % quantile.
    shares : tuple of VarianceShare
        By cause, the largest first.
    limit : Limit or None
        The limit, for a permitted activity.
    why_different : str
        Why the two uncertainties differ, where they do; else empty.
    sentence : str
        What dominates, and which measurement would help most.
    """

    name: str
    kind: QuantityKind
    best: float
    analytic_sd: float
    sd: float
    median: float
    low: float
    high: float
    shares: tuple[VarianceShare, ...]
    limit: Limit | None = None
    why_different: str = ""
    sentence: str = ""

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_non_negative(f"budget of {self.name}", best=self.best, analytic_sd=self.analytic_sd, sd=self.sd)

    @property
    def relative_sd(self) -> float:
        """Standard deviation of the draws over the best estimate."""
        return self.sd / self.best if self.best > 0.0 else 0.0

    @property
    def analytic_relative_sd(self) -> float:
        """First-order standard uncertainty over the best estimate."""
        return self.analytic_sd / self.best if self.best > 0.0 else 0.0

    @property
    def dominant(self) -> VarianceShare | None:
        """The cause with the largest share of the draws; None where nothing is uncertain."""
        return max(self.shares, key=lambda s: s.first_order) if self.shares and self.sd > 0.0 else None

    def share(self, component: Component) -> VarianceShare | None:
        """Give the share of a cause, None where it plays no part."""
        return next((s for s in self.shares if s.component is component), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitProbability:
    """How likely a limit is exceeded at an activity.

    Attributes
    ----------
    limit : Limit
        The limit.
    activity_bq : float
        Proposed activity.
    probability : float
        Share of the budget's draws in which the dose exceeds the limit.
    standard_error : float
        Of that share, by the number of draws.
    prescribed : float or None
        The same from the draws of the prescription, for comparison.
    """

    limit: Limit
    activity_bq: float
    probability: float
    standard_error: float
    prescribed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The uncertainty budget of a study.

    Attributes
    ----------
    quantities : tuple of BudgetQuantity
        Doses, permitted activities, the proposed activity.
    probabilities : tuple of LimitProbability
        Of exceeding each dose limit at the proposed activity.
    targets : tuple of str
        Organs of `correlation`.
    correlation : ndarray, shape (organs, organs)
        Between the drawn dose coefficients.
    activity_bq : float or None
        Proposed activity (rounded, or chosen); None without limits.
    draws : int
        Number of draws.
    notes : tuple of str
        Doubts.
    provenance : Provenance or None
        How it was made.
    """

    quantities: tuple[BudgetQuantity, ...]
    probabilities: tuple[LimitProbability, ...]
    targets: tuple[str, ...]
    correlation: npt.NDArray[np.float64]
    activity_bq: float | None
    draws: int
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        """Check the matrix."""
        matrix = frozen_array(self.correlation, np.float64)
        if matrix.shape != (len(self.targets), len(self.targets)):
            raise QuantityError("the correlation has one row and column per organ", value=str(matrix.shape))
        object.__setattr__(self, "correlation", matrix)

    def quantity(self, name: str, kind: QuantityKind) -> BudgetQuantity:
        """Give one line of the budget.

        Raises
        ------
        QuantityError
            If it is not there.
        """
        for line in self.quantities:
            if line.name == name and line.kind is kind:
                return line
        raise QuantityError(
            f"the budget holds no {kind} of {name}",
            expected=", ".join(f"{q.name} ({q.kind})" for q in self.quantities),
        )
