"""The answer of a rule of eligibility: a status with reasons, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Answer of one rule, the gravest first."""

    FAIL = "fail"
    MISSING = "missing"
    CAUTION = "caution"
    PASS = "pass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule found.

    Attributes
    ----------
    status : Status
        What it means for the rule.
    text : str
        Reason.
    source : str
        Publication, label or site.
    """

    status: Status
    text: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """The answer of one rule: the gravest of its findings.

    Attributes
    ----------
    rule : str
        ``"E1"`` to ``"E9"``.
    title : str
        What it asks.
    findings : tuple of Finding
        The gravest first.
    """

    rule: str
    title: str
    findings: tuple[Finding, ...]

    @property
    def status(self) -> Status:
        """Status of the gravest finding."""
        return self.findings[0].status


def result(rule: str, title: str, findings: Iterator[Finding]) -> RuleResult:
    """Put the findings of a rule in order; a rule that found nothing has missed everything."""
    order = list(Status)
    found = sorted(findings, key=lambda f: order.index(f.status))
    nothing = Finding(status=Status.MISSING, text="Nothing is known.", source="")
    return RuleResult(rule=rule, title=title, findings=tuple(found) or (nothing,))


def yes(value: bool | None, *, what: str, source: str, otherwise: Status = Status.FAIL, negative: str = "") -> Finding:
    """Judge a fact that has to be true.

    Parameters
    ----------
    value : bool or None
        The fact.
    what : str
        What it is, as the start of a sentence.
    source : str
        Who asks for it.
    otherwise : Status
        What its absence means.
    negative : str
        Words for its absence, where "not" is not enough.
    """
    if value is None:
        return Finding(status=Status.MISSING, text=f"{what}: not stated.", source=source)
    if value:
        return Finding(status=Status.PASS, text=f"{what}: yes.", source=source)
    return Finding(status=otherwise, text=negative or f"{what}: no.", source=source)
