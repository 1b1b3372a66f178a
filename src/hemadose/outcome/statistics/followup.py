"""Follow-up in checked form: times, what ended each of them, and who was at risk when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemadose.errors import InputError, QuantityError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CENSORED = 0
"""Status of a patient whose follow-up ended without any event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Checked follow-up of n patients.

    Attributes
    ----------
    times : ndarray of float, shape (n,)
        Time from the start to the event or the last contact; one unit for all, not negative.
    status : ndarray of int, shape (n,)
        0 for censored, otherwise the code of the cause.
    causes : tuple of int
        Codes of the causes, ascending.
    notes : tuple of str
        What the reader must know about ties and time zero.
    """

    times: Floats
    status: Ints
    causes: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCounts:
    """Counts at the distinct times of one sample.

    Attributes
    ----------
    times : ndarray, shape (m,)
        Distinct times, ascending.
    at_risk : ndarray, shape (m,)
        Patients whose follow-up is at least that long.
    events : ndarray, shape (m,)
        Events of any cause.
    of_cause : ndarray, shape (m,)
        Events of the cause asked for.
    censored : ndarray, shape (m,)
        Patients censored at that time.
    """

    times: Floats
    at_risk: Floats
    events: Floats
    of_cause: Floats
    censored: Floats


def follow_up(
    *, times: ArrayLike, status: ArrayLike, causes: Mapping[int, str] | Sequence[int] | None = None
) -> FollowUp:
    """Check times and status codes.

    Parameters
    ----------
    times : array_like, shape (n,)
        Not negative, finite, one unit.
    status : array_like of int or bool, shape (n,)
        0 (or False) for censored, positive codes for causes.
    causes : mapping or sequence of int, optional
        The codes that may occur; anything else is then an error. By default every positive code.

    Returns
    -------
    FollowUp
        The same numbers, with notes on ties and on time zero.

    Raises
    ------
    InputError
        For empty input, unequal lengths or a status code that is not known.
    QuantityError
        For a time that is negative, infinite or missing.

    Examples
    --------
    >>> follow_up(times=[3, 0, 7], status=[1, 0, 2]).notes
    ('1 patient censored at time zero: counted at the start, no weight in any later estimate',)
    """
    t = _numbers(times, "times")
    raw = _numbers(status, "status")
    if t.shape != raw.shape:
        raise InputError("times and status differ in length", value=f"{t.size} and {raw.size}", expected="equal")
    if t.size == 0:
        raise InputError("no patient in the follow-up", field="times", expected="at least one patient")
    bad = ~np.isfinite(t) | (t < 0)
    if bad.any():
        raise QuantityError(
            "a follow-up time is negative or missing",
            field="times",
            value=f"{t[bad][0]:g} (row {int(np.flatnonzero(bad)[0])}, {int(bad.sum())} in all)",
            expected="finite, >= 0",
            remedy="correct the dates, or leave the patient out and say so",
        )
    codes = _codes(raw, causes)
    present = tuple(sorted(int(c) for c in (causes if causes is not None else np.unique(codes)) if c != CENSORED))
    t.setflags(write=False)
    codes.setflags(write=False)
    return FollowUp(times=t, status=codes, causes=present, notes=_notes(t, codes))


def risk_counts(*, times: Floats, status: Ints, cause: int | None = None) -> RiskCounts:
    """Count who is at risk and what happens at each distinct time.

    Parameters
    ----------
    times, status : ndarray, shape (n,)
        From a `FollowUp`.
    cause : int, optional
        Cause counted in `of_cause`; any event by default.

    Returns
    -------
    RiskCounts
        One entry for each distinct time. A patient censored at the time of an event was still
        at risk for it; events of several causes at one time share one risk set.
    """
    distinct, where = np.unique(times, return_inverse=True)
    m = distinct.size

    def count(chosen: NDArray[np.bool_]) -> Floats:
        return np.bincount(where[chosen], minlength=m).astype(np.float64)

    everyone = count(np.ones(times.size, dtype=bool))
    events = count(status != CENSORED)
    return RiskCounts(
        times=distinct,
        at_risk=np.cumsum(everyone[::-1])[::-1],
        events=events,
        of_cause=events if cause is None else count(status == cause),
        censored=everyone - events,
    )


def group_codes(*, groups: ArrayLike, n: int, field: str = "groups", least: int = 2) -> tuple[tuple[str, ...], Ints]:
    """Turn group labels into names and codes 0, 1, ...

    Parameters
    ----------
    groups : array_like, shape (n,)
        One label a patient, no missing label.
    n : int
        Number of patients.
    field : str
        Name in the error.
    least : int
        Fewest groups that make sense.

    Returns
    -------
    tuple of (tuple of str, ndarray of int)
        Names in sorted order and the code of each patient.

    Raises
    ------
    InputError
        For a wrong length, a missing label or too few groups.
    """
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise InputError(f"{field} needs one label a patient", field=field, value=str(labels.shape), expected=f"({n},)")
    missing = [x is None or x != x or x == "" for x in labels.tolist()]  # noqa: PLR0124 - NaN differs from itself
    if any(missing):
        raise InputError("a group label is missing", field=field, value=f"{sum(missing)} missing")
    names, codes = np.unique(labels, return_inverse=True)
    if names.size < least:
        raise InputError("only one group: nothing to compare", field=field, value=str(names[0]), expected="2 or more")
    return tuple(str(x) for x in names.tolist()), codes.astype(np.int64)


def require_confidence(confidence: float) -> float:
    """Give the two-sided normal quantile of a confidence level.

    Raises
    ------
    QuantityError
        For a level that is not between 0 and 1.
    """
    if not 0.0 < confidence < 1.0:
        raise QuantityError("impossible confidence", field="confidence", value=str(confidence), expected="0 < x < 1")
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2.0))


def _numbers(values: ArrayLike, field: str) -> Floats:
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{field} is not numeric", field=field, expected="numbers") from error
    if found.ndim != 1:
        raise InputError(f"{field} must be one row of numbers", field=field, value=str(found.shape), expected="(n,)")
    return found


def _codes(raw: Floats, causes: Mapping[int, str] | Sequence[int] | None) -> Ints:
    whole = np.isfinite(raw) & (raw >= 0) & (np.floor(raw) == raw)
    allowed = whole if causes is None else whole & np.isin(raw, [CENSORED, *causes])
    if not allowed.all():
        raise InputError(
            "unknown status code",
            field="status",
            value=f"{raw[~allowed][0]:g}",
            expected="0 (censored) or " + ("a positive code" if causes is None else str(sorted(causes))),
            remedy="code missing outcomes as such before the analysis; they are not censored follow-up",
        )
    return raw.astype(np.int64)


def _notes(times: Floats, status: Ints) -> tuple[str, ...]:
    notes = []
    start = times == 0.0
    gone, struck = int((start & (status == CENSORED)).sum()), int((start & (status != CENSORED)).sum())
    if gone:
        notes.append(
            f"{gone} patient{'s' * (gone > 1)} censored at time zero: "
            "counted at the start, no weight in any later estimate"
        )
    if struck:
        notes.append(f"{struck} event{'s' * (struck > 1)} at time zero: the curve jumps at the start")
    pairs = np.unique(np.stack([times[status > 0], status[status > 0].astype(np.float64)], axis=1), axis=0)
    shared = int((np.unique(pairs[:, 0], return_counts=True)[1] > 1).sum()) if len(pairs) else 0
    if shared:
        notes.append(f"events of different causes at the same time ({shared} times): they share one risk set")
    return tuple(notes)
