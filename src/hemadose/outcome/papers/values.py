"""A publication as a list of claims, each with a verdict that is computed and never stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hemadose.errors import InputError, QuantityError
from hemadose.model.followup import Missing


class Finding(StrEnum):
    """What became of a claim."""

    REPRODUCED = "reproduced"
    DIFFERS = "differs"
    ERROR = "error in the paper"
    RULE = "rule"
    FIGURE = "figure"
    NOT_RECOVERABLE = "not recoverable"
    UNVERIFIED = "to be verified"


STATED = (Finding.RULE, Finding.FIGURE, Finding.NOT_RECOVERABLE, Finding.UNVERIFIED)
"""Findings that a table may state; the others follow from a comparison."""


class Basis(StrEnum):
    """Whose number stands beside the recomputed one."""

    PAPER = "paper"
    PRIMARY = "primary publication"
    DERIVED = "independent calculation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One thing that a paper says.

    Attributes
    ----------
    what : str
        In words.
    printed : str
        As printed; every number in it is compared, with its digits. Ranges are written with "to".
    quantity : str
        Name of the recomputed quantity; ``""`` for a stated finding.
    unit : str
        Of the numbers.
    basis : Basis
        Whose number it is.
    because : str
        Why a number that does not agree is an error of the paper; without it the finding is only "differs".
    stated : Finding or None
        For claims without a recomputed number.
    where : str
        Module, function or command of a rule or figure, ``"package.module:name"``.
    missing : Missing or None
        Why a number cannot be had.
    note : str
        Remark.
    """

    what: str
    printed: str = ""
    quantity: str = ""
    unit: str = ""
    basis: Basis = Basis.PAPER
    because: str = ""
    stated: Finding | None = None
    where: str = ""
    missing: Missing | None = None
    note: str = ""

    def __post_init__(self) -> None:
        """A claim is compared or stated, and says what is needed for it."""
        if bool(self.quantity) == (self.stated is not None):
            raise InputError(f"{self.what}: a claim is either compared or stated", field="quantity, stated")
        if self.quantity and not self.printed:
            raise InputError(f"{self.what}: nothing printed to compare with", field="printed")
        if self.stated is not None and self.stated not in STATED:
            raise InputError(f"{self.what}: this verdict must be computed", field="stated", value=self.stated.value)
        if self.stated in (Finding.RULE, Finding.FIGURE) and not self.where:
            raise InputError(f"{self.what}: where is it implemented", field="where")
        if self.stated is Finding.NOT_RECOVERABLE and self.missing is None:
            raise InputError(f"{self.what}: why is it not recoverable", field="missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow:
    """One row of the checklist: id, subject and its claims."""

    id: str
    what: str
    claims: tuple[Claim, ...]

    def __post_init__(self) -> None:
        """A row without a claim would pass unseen."""
        if not self.claims:
            raise InputError(f"row {self.id} has no claim", field="claim")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A printed summary of one quantity: centre, range and, where printed, SD.

    Attributes
    ----------
    name, unit : str
        What and in what.
    n : int
        Values behind it.
    centre_kind : str
        ``"median"``, ``"mean"`` or ``"not stated"``.
    centre, low, high : str
        As printed.
    sd : str
        As printed, or ``""``.
    whole : bool
        Whether values are whole numbers (days).
    source : str
        Where it is printed.
    """

    name: str
    unit: str
    n: int
    centre_kind: str
    centre: str
    low: str
    high: str
    sd: str = ""
    whole: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        """Check n and order."""
        if self.n < 1 or not float(self.low) <= float(self.centre) <= float(self.high):
            raise QuantityError(
                f"summary {self.name} is not in order", value=f"n {self.n}: {self.low}, {self.centre}, {self.high}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperInputs:
    """Printed numbers that recomputation starts from.

    Attributes
    ----------
    numbers : mapping of str to tuple of float
        By name; a single number is a tuple of one.
    summaries : mapping of str to Summary
        By name.
    sources : mapping of str to str
        Where each number is printed.
    """

    numbers: Mapping[str, tuple[float, ...]]
    summaries: Mapping[str, Summary]
    sources: Mapping[str, str]

    def values(self, name: str) -> tuple[float, ...]:
        """Give the numbers of one name.

        Raises
        ------
        InputError
            If there is none.
        """
        if name not in self.numbers:
            raise InputError("the paper has no such number", field="name", value=name)
        return self.numbers[name]

    def number(self, name: str) -> float:
        """Give one number.

        Raises
        ------
        InputError
            If there is none or there are several.
        """
        found = self.values(name)
        if len(found) != 1:
            raise InputError("one number is expected", field="name", value=name)
        return found[0]

    def count(self, name: str) -> int:
        """Give one whole number.

        Raises
        ------
        InputError
            If it is not whole.
        """
        found = self.number(name)
        if found != int(found):
            raise InputError("a whole number is expected", field=name, value=f"{found:g}")
        return int(found)

    def summary(self, name: str) -> Summary:
        """Give one printed summary.

        Raises
        ------
        InputError
            If there is none.
        """
        if name not in self.summaries:
            raise InputError("the paper has no such summary", field="name", value=name)
        return self.summaries[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A publication with its checklist and inputs.

    Attributes
    ----------
    id, title, citation, licence : str
        Of the publication.
    rows : tuple of PaperRow
        The whole checklist.
    inputs : PaperInputs
        Printed numbers.
    notes : tuple of str
        Doubts about the text at hand.
    """

    id: str
    title: str
    citation: str
    licence: str
    rows: tuple[PaperRow, ...]
    inputs: PaperInputs
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """Recomputed numbers of one quantity, in the order in which they are printed.

    Attributes
    ----------
    values : tuple of float
        Numbers.
    note : str
        What was found on the way.
    """

    values: tuple[float, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One claim with its verdict.

    Attributes
    ----------
    row, subject : str
        Row of the checklist.
    claim : Claim
        What is judged.
    finding : Finding
        Verdict.
    recomputed : str
        In the form of the print; ``""`` where nothing was recomputed.
    values : tuple of float
        Unrounded.
    note : str
        In words.
    """

    row: str
    subject: str
    claim: Claim
    finding: Finding
    recomputed: str
    values: tuple[float, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """All lines of one paper."""

    paper: Paper
    lines: tuple[Line, ...]

    def count(self, finding: Finding) -> int:
        """Count one verdict."""
        return sum(line.finding is finding for line in self.lines)

    def of_row(self, row: str) -> tuple[Line, ...]:
        """Give the lines of one row."""
        return tuple(line for line in self.lines if line.row == row)
