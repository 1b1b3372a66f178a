"""Bounds on an activity, what each allows, and the activity that meets them, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hemadose.errors import QuantityError
from hemadose.model._checks import require_positive


class Bound(StrEnum):
    """Which way a constraint bounds, and what."""

    MAX_DOSE = "dose at most"
    MIN_DOSE = "dose at least"
    MAX_ACTIVITY = "activity at most"


class Aim(StrEnum):
    """Which end of the window is proposed."""

    HIGHEST = "highest"
    LOWEST = "lowest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One bound.

    Attributes
    ----------
    name : str
        As printed.
    bound : Bound
        Way and quantity.
    value : float
        Gy, or Bq for an activity.
    target : str
        Organ; ``""`` for an activity.
    source : str
        Publication, or who gave it.
    unverified : bool
        The number was remembered, not seen in a source.
    """

    name: str
    bound: Bound
    value: float
    target: str = ""
    source: str = ""
    unverified: bool = False

    def __post_init__(self) -> None:
        """Check number and target."""
        require_positive(f"constraint {self.name}", value=self.value)
        if self.bound is not Bound.MAX_ACTIVITY and not self.target:
            raise QuantityError(f"constraint {self.name} names no organ")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintOutcome:
    """What one constraint allows and what the proposed activity does to it.

    Attributes
    ----------
    constraint : Constraint
        The bound.
    edge_bq : float
        Activity at which it is met exactly.
    value_at_activity : float or None
        Gy (or Bq) at the proposed activity; None without one.
    probability_broken : float or None
        None where no uncertainty is known.
    active : bool
        It sets the activity, or one end of an empty window.
    broken : bool
        The best estimate does not meet it.
    """

    constraint: Constraint
    edge_bq: float
    value_at_activity: float | None
    probability_broken: float | None
    active: bool
    broken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityProposal:
    """The window and the activity in it.

    Attributes
    ----------
    activity_bq : float or None
        None where no activity meets every constraint.
    lowest_bq, highest_bq : float
        Window; 0 and infinity where nothing bounds it.
    feasible : bool
        The window, and the available activities in it, are not empty.
    active : str
        Name of the constraint that sets the activity, ``"available activity"`` or ``"chosen"``.
    outcomes : tuple of ConstraintOutcome
        One per constraint.
    notes : tuple of str
        Doubts.
    """

    activity_bq: float | None
    lowest_bq: float
    highest_bq: float
    feasible: bool
    active: str
    outcomes: tuple[ConstraintOutcome, ...]
    notes: tuple[str, ...] = ()
