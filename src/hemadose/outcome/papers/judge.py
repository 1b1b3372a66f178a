"""Verdicts: every number of a printed text beside the recomputed one, digit by digit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from hemadose.errors import InputError
from hemadose.outcome.evidence.rounding import rounds_to
from hemadose.outcome.papers.values import Claim, Finding, Judgement, Line, Paper, Recomputed

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?!\w)")


def printed_numbers(text: str) -> tuple[str, ...]:
    """Give the numbers of a printed text with their digits.

    Parameters
    ----------
    text : str
        Ranges written with "to"; a number inside a word (P1, 177Lu) does not count.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> printed_numbers("0.610 (0.432 to 0.862)"), printed_numbers("6/7"), printed_numbers("-0.52")
    (('0.610', '0.432', '0.862'), ('6', '7'), ('-0.52',))
    """
    return tuple(found.group().lstrip("+") for found in _NUMBER.finditer(text))


def judge(paper: Paper, recomputed: Mapping[str, Recomputed]) -> Judgement:
    """Judge every claim of a paper.

    Parameters
    ----------
    paper : Paper
        With all its rows.
    recomputed : mapping of str to Recomputed
        By name of quantity.

    Returns
    -------
    Judgement
        One line per claim, in order.

    Raises
    ------
    InputError
        If a quantity is not there, or has another number of values than the print.
    """
    lines = []
    for row in paper.rows:
        for claim in row.claims:
            finding, text, values, note = _verdict(claim, recomputed)
            lines.append(
                Line(
                    row=row.id,
                    subject=row.what,
                    claim=claim,
                    finding=finding,
                    recomputed=text,
                    values=values,
                    note=note,
                )
            )
    return Judgement(paper=paper, lines=tuple(lines))


def _verdict(claim: Claim, recomputed: Mapping[str, Recomputed]) -> tuple[Finding, str, tuple[float, ...], str]:
    if claim.stated is not None:
        reason = "" if claim.missing is None else claim.missing.value
        return claim.stated, "", (), "; ".join(part for part in (reason, claim.note) if part)
    if claim.quantity not in recomputed:
        raise InputError("a claim names a quantity that was not recomputed", field=claim.what, value=claim.quantity)
    found = recomputed[claim.quantity]
    printed = printed_numbers(claim.printed)
    if len(printed) != len(found.values):
        raise InputError(
            "print and recomputation have different numbers of values", field=claim.what,
            value=f"{len(printed)} and {len(found.values)}",
        )  # fmt: skip
    agree = all(
        math.isfinite(value) and rounds_to(value, text) for value, text in zip(found.values, printed, strict=True)
    )
    finding = Finding.REPRODUCED if agree else Finding.ERROR if claim.because else Finding.DIFFERS
    parts = (claim.because if finding is Finding.ERROR else "", found.note, claim.note)
    return finding, _in_print(claim.printed, found.values), found.values, "; ".join(part for part in parts if part)


def _in_print(printed: str, values: tuple[float, ...]) -> str:
    """Write recomputed values in the form of the print: as printed where they agree, else with four digits."""
    left = iter(values)

    def write(match: re.Match[str]) -> str:
        value = next(left)
        text = match.group()
        if not math.isfinite(value):
            return "none"
        if rounds_to(value, text.lstrip("+")):
            return text
        return f"{value:.4g}"

    return _NUMBER.sub(write, printed)
