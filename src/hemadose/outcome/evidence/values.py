"""Published results as values: who was treated with what, what was counted, and how sure each number is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from hemadose.errors import InputError, QuantityError


class EvidenceLabel(StrEnum):
    """Where a number was read."""

    SOURCE = "source"
    REVIEW = "review only"
    MEMORY = "memory (unverified)"


class Measure(StrEnum):
    """What kind of number a result is."""

    SHARE = "share of patients"
    CURVE = "estimate from a survival or incidence curve"
    ACCURACY = "share of examinations"


class Role(StrEnum):
    """What an arm is in its study."""

    RADIOLIGAND = "radioligand"
    CONTROL = "control"
    IMAGING = "imaging"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceResult:
    """One result of one arm.

    Attributes
    ----------
    endpoint : str
        Name from the list of the table; results of different endpoints are never put together.
    arm : str
        ``""`` where the study has one.
    role : Role
        Of the arm.
    measure : Measure
        A share has a count behind it; an estimate from a curve has none.
    k, n : int or None
        Count and denominator as printed.
    percent : str
        As printed, digits kept; ``""`` where only a count is printed.
    interval_percent : tuple of str, or None
        Printed 95 % interval.
    label, n_label : EvidenceLabel
        Where the result and where its denominator was read.
    clusters : int or None
        Persons behind the examinations, where that is fewer.
    follow_up : str
        Time the result holds for.
    notes : tuple of str
        Doubts.
    """

    endpoint: str
    arm: str = ""
    role: Role = Role.RADIOLIGAND
    measure: Measure = Measure.SHARE
    k: int | None = None
    n: int | None = None
    percent: str = ""
    interval_percent: tuple[str, str] | None = None
    label: EvidenceLabel
    n_label: EvidenceLabel
    clusters: int | None = None
    follow_up: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """A result is a count or a percentage; a curve has no count."""
        if self.k is None and not self.percent:
            raise InputError(f"{self.endpoint} has neither a count nor a percentage", field="k, percent")
        if self.k is not None and (self.n is None or not 0 <= self.k <= self.n):
            raise QuantityError(
                f"{self.endpoint} has an impossible count", field="k", value=f"{self.k} of {self.n}", expected="0..n"
            )
        if self.percent and not re.fullmatch(r"\d+(\.\d+)?", self.percent):
            raise QuantityError(f"{self.endpoint} has no percentage", field="percent", value=self.percent)
        if self.measure is Measure.CURVE and self.k is not None:
            raise InputError(f"{self.endpoint} is an estimate from a curve and has no count", field="k")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One publication.

    Attributes
    ----------
    id, citation : str
        Identifier and publication.
    year : int
        Of publication.
    agents : tuple of str
        By meant name, e.g. ``"177Lu-pentixather"``.
    disease : str
        Group, e.g. ``"AML"``; `population` says more.
    population, design, follow_up : str
        In words; ``""`` where not known.
    n : int or None
        Patients.
    n_label : EvidenceLabel
        Where n was read.
    results : tuple of EvidenceResult
        In printed order.
    facts : tuple of str
        Other printed results in words (durations, doses, hazard ratios).
    overlaps : tuple of str
        Ids of studies that share patients, or may.
    quality : tuple of str
        What limits it.
    """

    id: str
    citation: str
    year: int
    agents: tuple[str, ...]
    disease: str
    population: str
    design: str
    n: int | None
    n_label: EvidenceLabel
    results: tuple[EvidenceResult, ...]
    follow_up: str = ""
    facts: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()
