"""A patient after therapy: measurements, events and what is missing, on one axis of days.

Time is counted in days from the patient's day 0 (infusion of stem cells unless the reader was told otherwise), so that
nothing in these values says when a person was treated. Files with dates are turned into days where they are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError, QuantityError
from hemadose.model._checks import frozen_array, require_finite
from hemadose.model.patient import Sex

Floats = npt.NDArray[np.float64]


class Missing(StrEnum):
    """Why something is not known."""

    NOT_REPORTED = "not reported"
    NOT_LINKABLE = "reported, but not for this patient"
    NOT_DONE = "not done"
    NOT_YET = "not yet due"
    LOST = "lost to follow-up"
    ILLEGIBLE = "illegible in the source"
    SUPPLEMENT_ONLY = "in a supplement that was not at hand"


class EventKind(StrEnum):
    """What can happen to a patient."""

    RADIOLIGAND = "radioligand therapy"
    IRRADIATION = "total body irradiation"
    CHEMOTHERAPY = "chemotherapy"
    IMMUNOSUPPRESSION = "immunosuppression"
    GRAFT = "infusion of stem cells"
    BOOST = "boost of stem cells"
    LYMPHOCYTES = "donor lymphocytes"
    TRANSFUSION = "transfusion"
    GROWTH_FACTOR = "growth factor"
    DRUG = "drug"
    ADVERSE_EVENT = "adverse event"
    INFECTION = "infection"
    ADMISSION = "admission"
    DISCHARGE = "discharge"
    INTENSIVE_CARE = "intensive care"
    VENTILATION = "ventilation"
    DIALYSIS = "dialysis"
    IMAGING = "imaging"
    BIOPSY = "biopsy"
    RESPONSE = "response"
    PROGRESSION = "progression"
    RELAPSE = "relapse"
    DEATH = "death"
    LAST_CONTACT = "last contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One quantity of one patient over time, in one unit.

    Attributes
    ----------
    quantity : str
        Name from the table of quantities, e.g. ``"creatinine"``, ``"neutrophils"``, ``"suv_max"``.
    unit : str
        UCUM unit of values and limits.
    day : array (n,)
        Days from day 0, increasing; equal days are allowed (two samples of one day).
    value : array (n,)
        Finite.
    lower_limit, upper_limit : array (n,)
        Reference limits of the laboratory; NaN where not given.
    bound : array (n,) of int8
        0 for a value that was measured, -1 for "below", +1 for "above" it.
    site : str
        Place in the body, lesion or tissue; ``""`` where none applies.
    source : str
        Where the values come from, without identifiers.
    """

    quantity: str
    unit: str
    day: Floats
    value: Floats
    lower_limit: Floats | None = None
    upper_limit: Floats | None = None
    bound: npt.NDArray[np.int8] | None = None
    site: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Freeze the arrays and check shapes, order and finiteness."""
        if not self.unit:
            raise QuantityError(f"{self.quantity} has no unit", field="unit", remedy="state the UCUM unit, e.g. mg/dL")
        count = np.size(self.day)
        for name, kind, absent in (
            ("day", np.float64, None),
            ("value", np.float64, None),
            ("lower_limit", np.float64, np.nan),
            ("upper_limit", np.float64, np.nan),
            ("bound", np.int8, 0),
        ):
            given = getattr(self, name)
            array = frozen_array(np.full(count, absent) if given is None else given, kind)
            if array.shape != (count,):
                raise QuantityError(
                    f"{self.quantity} needs one number each", field=name, value=str(array.shape), expected=f"({count},)"
                )
            object.__setattr__(self, name, array)
        if not (np.isfinite(self.day).all() and np.isfinite(self.value).all()):
            raise QuantityError(f"{self.quantity} has a day or value that is not finite", field="day, value")
        if np.any(np.diff(self.day) < 0.0):
            raise QuantityError(f"{self.quantity} is not in order of time", field="day")

    def __len__(self) -> int:
        """Count the values."""
        return int(self.day.size)

    def between(self, first_day: float, last_day: float) -> Series:
        """Give the part with first_day <= day <= last_day.

        Examples
        --------
        >>> s = Series(quantity="creatinine", unit="mg/dL", day=[-1.0, 3.0, 9.0], value=[0.8, 1.1, 2.0])
        >>> s.between(0.0, 5.0).value.tolist()
        [1.1]
        """
        kept = (self.day >= first_day) & (self.day <= last_day)
        parts: dict[str, Any] = {
            n: getattr(self, n)[kept] for n in ("day", "value", "lower_limit", "upper_limit", "bound")
        }
        return Series(quantity=self.quantity, unit=self.unit, site=self.site, source=self.source, **parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes
    ----------
    day : float
        From day 0.
    kind : EventKind
        What.
    term : str
        Which: drug, product (``"platelets"``, ``"red cells"``), CTCAE term, agent, response category, cause of death.
    grade : int or None
        CTCAE grade as recorded by a person.
    until_day : float or None
        End, where it lasts.
    amount, unit : float and str, or None
        Dose or activity.
    detail : str
        Free of identifiers.
    """

    day: float
    kind: EventKind
    term: str = ""
    grade: int | None = None
    until_day: float | None = None
    amount: float | None = None
    unit: str | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        """Check days, grade and unit."""
        require_finite(f"event {self.kind.value}", day=self.day)
        if self.until_day is not None:
            require_finite(f"event {self.kind.value}", until_day=self.until_day)
            if self.until_day < self.day:
                raise InputError(
                    f"{self.kind.value} ends before it begins", field="until_day", value=f"{self.until_day:g}",
                    expected=f">= {self.day:g}",
                )  # fmt: skip
        if self.grade is not None and self.grade not in (0, 1, 2, 3, 4, 5):
            raise InputError(
                f"{self.kind.value} has an unknown grade", field="grade", value=str(self.grade), expected="0 to 5"
            )
        if (self.amount is None) != (self.unit is None):
            raise QuantityError(f"{self.kind.value} needs both an amount and a unit, or neither", field="amount, unit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that is not known, and why."""

    field: str
    reason: Missing
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Everything known of one patient, on the axis of days.

    Attributes
    ----------
    pseudonym : str
        Name within the cohort; never an identifier of a person.
    series : tuple of Series
        One per quantity and site.
    events : tuple of Event
        In order of day.
    sex, age_years : Sex and float, or None
        At day 0.
    diagnosis, donor, centre : str
        ``""`` where unknown.
    facts : tuple of (str, str)
        Baseline facts by name, e.g. ``("de_novo", "yes")``.
    day_zero : str
        What day 0 is.
    gaps : tuple of Gap
        What is missing.
    notes : tuple of str
        Doubts.
    """

    pseudonym: str
    series: tuple[Series, ...] = ()
    events: tuple[Event, ...] = ()
    sex: Sex | None = None
    age_years: float | None = None
    diagnosis: str = ""
    donor: str = ""
    centre: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    day_zero: str = "infusion of stem cells"
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that names are unique, events ordered, and nothing follows death."""
        names = [(s.quantity, s.site) for s in self.series]
        if len(set(names)) != len(names):
            twice = sorted({" ".join(n).strip() for n in names if names.count(n) > 1})
            raise InputError(f"patient {self.pseudonym} has a quantity twice", field="series", value=", ".join(twice))
        days = [e.day for e in self.events]
        if days != sorted(days):
            raise InputError(f"events of patient {self.pseudonym} are not in order of day", field="events")
        died = self.died_on
        if died is None:
            return
        if sum(e.kind is EventKind.DEATH for e in self.events) > 1:
            raise InputError(f"patient {self.pseudonym} dies twice", field="events")
        late = [s.quantity for s in self.series if len(s) and s.day[-1] >= died + 1.0]
        late += [e.kind.value for e in self.events if e.day >= died + 1.0]
        if late:
            raise InputError(
                f"patient {self.pseudonym} has entries after death on day {died:g}", field=", ".join(sorted(set(late))),
                remedy="correct the day of death or of the entry",
            )  # fmt: skip

    @property
    def died_on(self) -> float | None:
        """Day of death; None if alive at last contact."""
        return next((e.day for e in self.events if e.kind is EventKind.DEATH), None)

    @property
    def last_day(self) -> float | None:
        """Last day on which anything is known of the patient; None if nothing is."""
        days = [float(s.day[-1]) for s in self.series if len(s)] + [e.day for e in self.events]
        return max(days) if days else None

    def of(self, quantity: str, site: str = "") -> Series | None:
        """Give one quantity, or None if it was never measured."""
        return next((s for s in self.series if s.quantity == quantity and s.site == site), None)

    def sites(self, quantity: str) -> tuple[Series, ...]:
        """Give one quantity at every site."""
        return tuple(s for s in self.series if s.quantity == quantity)

    def events_of(self, *kinds: EventKind) -> tuple[Event, ...]:
        """Give the events of some kinds."""
        return tuple(e for e in self.events if e.kind in kinds)

    def first(self, *kinds: EventKind) -> Event | None:
        """Give the first event of some kinds, or None."""
        return next((e for e in self.events if e.kind in kinds), None)

    def fact(self, name: str) -> str | None:
        """Give a baseline fact, or None."""
        return dict(self.facts).get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a rule says of a patient, and why.

    Attributes
    ----------
    rule : str
        Name with version, e.g. ``"CTCAE 5.0 creatinine increased"``, ``"ELN 2022"``.
    outcome : str or None
        Grade, category or finding as text; None where the data do not allow a decision.
    day : float or None
        When it applies.
    grade : int or None
        Number, where the rule grades.
    criteria : tuple of str
        Criteria that were met, in words with numbers.
    used : tuple of str
        Data used.
    missing : tuple of str
        Data that would be needed; never empty if outcome is None.
    source : str
        Publication of the rule.
    notes : tuple of str
        Doubts.
    """

    rule: str
    outcome: str | None
    day: float | None = None
    grade: int | None = None
    criteria: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """A decision that was not made says what is missing."""
        if self.outcome is None and not self.missing:
            raise InputError(f"{self.rule} was not decided and does not say what is missing", field="missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpCohort:
    """Patients who are followed together.

    Attributes
    ----------
    name, title : str
        Of the cohort.
    patients : tuple of FollowUp
        Pseudonyms are unique.
    definitions : tuple of (str, str)
        Choices of the study by name, e.g. ``("engraftment", "CIBMTR")``.
    notes : tuple of str
        Doubts, reading included.
    """

    name: str
    title: str
    patients: tuple[FollowUp, ...]
    definitions: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that every pseudonym stands once."""
        names = [p.pseudonym for p in self.patients]
        if len(set(names)) != len(names):
            raise InputError(f"cohort {self.name} holds a patient twice", field="pseudonym")

    def patient(self, pseudonym: str) -> FollowUp:
        """Give one patient.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        for known in self.patients:
            if known.pseudonym == pseudonym:
                return known
        raise InputError(f"cohort {self.name} has no such patient", field="pseudonym")
