"""Limits, what each allows, and the proposed activity."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hemadose.errors import QuantityError
from hemadose.model._checks import require_positive
from hemadose.provenance import Provenance


class LimitKind(StrEnum):
    """What a limit bounds."""

    TOTAL_DOSE = "total absorbed dose"
    RESIDUAL_DOSE = "absorbed dose after stem-cell infusion"
    ACTIVITY = "administered activity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One bound on a therapy.

    Attributes
    ----------
    name : str
        E.g. ``"kidneys"``, ``"red_marrow_residual"``, ``"cap"``.
    kind : LimitKind
        What is bounded.
    target : str
        Organ, or ``""`` for an activity cap.
    value : float
        Gy for doses, Bq for an activity cap.
    source : str
        Publication or protocol.
    """

    name: str
    kind: LimitKind
    target: str
    value: float
    source: str = ""

    def __post_init__(self) -> None:
        """Check the number and target."""
        require_positive(f"limit {self.name}", value=self.value)
        if self.kind is not LimitKind.ACTIVITY and not self.target:
            raise QuantityError(f"limit {self.name} names no organ")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOutcome:
    """What one limit allows and what the chosen activity does to it.

    Attributes
    ----------
    limit : Limit
        The limit.
    max_activity_bq : float
        Activity at which it is met exactly (best estimate).
    value_at_activity : float
        Gy (or Bq) at the prescribed activity.
    sd_at_activity : float
        Standard uncertainty of it.
    probability_exceeding : float or None
        Probability that the true value exceeds the limit at the prescribed activity;
        None where no uncertainty is known.
    active : bool
        This limit sets the activity.
    violated : bool
        The best estimate exceeds the limit at the chosen activity.
    """

    limit: Limit
    max_activity_bq: float
    value_at_activity: float
    sd_at_activity: float
    probability_exceeding: float | None
    active: bool
    violated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescription:
    """A proposed activity, to be confirmed by physician and medical physics expert.

    Attributes
    ----------
    activity_bq : float
        Proposed administered activity (after rounding down).
    active_limit : str
        Name of the limit that sets it, or ``"chosen"`` when the user fixed the activity.
    outcomes : tuple of LimitOutcome
        One per limit.
    interval_to_infusion_s : float or None
        From administration to infusion of stem cells.
    earliest_infusion_s : float or None
        Earliest time after administration at which the residual marrow dose of the proposed
        activity meets its limit.
    activity_for_interval_bq : float or None
        Largest activity the residual marrow limit allows for the chosen interval.
    notes : tuple of str
        Doubts in plain words.
    """

    activity_bq: float
    active_limit: str
    outcomes: tuple[LimitOutcome, ...]
    interval_to_infusion_s: float | None = None
    earliest_infusion_s: float | None = None
    activity_for_interval_bq: float | None = None
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None

    @property
    def violations(self) -> tuple[LimitOutcome, ...]:
        """The limits that the proposed activity breaks."""
        return tuple(outcome for outcome in self.outcomes if outcome.violated)
