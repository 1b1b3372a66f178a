"""A course of treatment: what happens on which day around day 0, the infusion of stem cells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum

from hemadose.errors import QuantityError
from hemadose.provenance import Provenance


class Lane(StrEnum):
    """Who treats: the lanes of Braitsch 2025, Figure 1."""

    NUCLEAR_MEDICINE = "NUC"
    RADIATION_ONCOLOGY = "RAD"
    TRANSPLANTATION = "BMT"


class Donor(StrEnum):
    """Donor type."""

    MATCHED_RELATED = "MRD"
    MATCHED_UNRELATED = "MUD"
    MISMATCHED_UNRELATED = "MMUD"
    HAPLOIDENTICAL = "HID"
    AUTOLOGOUS = "AUTO"


class Severity(StrEnum):
    """How serious a warning is."""

    INFO = "info"
    CAUTION = "caution"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseEvent:
    """One thing to do on one day.

    Attributes
    ----------
    day : int
        Relative to infusion of stem cells (day 0).
    lane : Lane
        Responsible unit.
    kind : str
        ``"ert"``, ``"amino_acids"``, ``"ward"``, ``"tbi"``, ``"chemotherapy"``,
        ``"immunosuppression"``, ``"graft"``, ``"monitoring"``, ``"imaging"``, ``"supportive"``.
    title : str
        Short name, e.g. ``"Fludarabine"``.
    amount, unit : float and str, or None
        Dose of that day, e.g. 57.8, ``"mg"``.
    basis : str
        How it was computed, e.g. ``"30 mg/m2 x 1.93 m2 (Mosteller)"``.
    at : time or None
        Time of day where it matters.
    duration_h : float or None
        Length where it matters.
    source : str
        Publication.
    """

    day: int
    lane: Lane
    kind: str
    title: str
    amount: float | None = None
    unit: str | None = None
    basis: str = ""
    at: time | None = None
    duration_h: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """An amount needs a unit."""
        if (self.amount is None) != (self.unit is None):
            raise QuantityError(f"{self.title} needs both an amount and a unit, or neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseWarning:
    """Something the treating team must know before following the calendar."""

    code: str
    severity: Severity
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A dated course of treatment.

    Attributes
    ----------
    regimen : str
        Regimen id of ``refdata/regimens``.
    donor : Donor
        Donor type.
    day_zero_on : date
        Date of stem-cell infusion.
    events : tuple of CourseEvent
        Ordered by day.
    warnings : tuple of CourseWarning
        Ordered by severity.
    """

    regimen: str
    donor: Donor
    day_zero_on: date
    events: tuple[CourseEvent, ...]
    warnings: tuple[CourseWarning, ...] = ()
    provenance: Provenance | None = None

    def date_of(self, day: int) -> date:
        """Calendar date of a relative day."""
        return self.day_zero_on + timedelta(days=day)

    @property
    def first_day(self) -> int:
        """Earliest day of the course."""
        return min(event.day for event in self.events)

    @property
    def last_day(self) -> int:
        """Latest day of the course."""
        return max(event.day for event in self.events)
