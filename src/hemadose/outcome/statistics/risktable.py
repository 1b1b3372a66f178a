"""The table under a survival figure: at risk, events and censored by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from hemadose.outcome.statistics.followup import Floats, Ints, follow_up, group_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTable:
    """What is printed under a survival or incidence figure.

    Attributes
    ----------
    times : tuple of float
        Columns.
    groups : tuple of str
        Rows.
    at_risk : tuple of tuple of int
        Follow-up at least that long, by group.
    events, censored : tuple of tuple of int
        Total up to and including that time, by group.
    """

    times: tuple[float, ...]
    groups: tuple[str, ...]
    at_risk: tuple[tuple[int, ...], ...]
    events: tuple[tuple[int, ...], ...]
    censored: tuple[tuple[int, ...], ...]


def risk_table(
    *, times: ArrayLike, status: ArrayLike, at: Sequence[float], groups: ArrayLike | None = None
) -> RiskTable:
    """Count patients at risk, events and censorings for a figure.

    Parameters
    ----------
    times, status : array_like, shape (n,)
        Follow-up; status 0 is censored, any other code an event.
    at : sequence of float
        Columns of the table, in the unit of `times`.
    groups : array_like, shape (n,), optional
        Labels of the rows.

    Returns
    -------
    RiskTable
        Rows in sorted order of the labels ("all" without groups).

    Examples
    --------
    >>> risk_table(times=[1, 2, 2, 5], status=[1, 0, 1, 0], at=[0, 2, 4]).at_risk
    ((4, 3, 1),)
    """
    data = follow_up(times=times, status=status)
    names, codes = group_codes(
        groups=["all"] * data.times.size if groups is None else groups, n=data.times.size, least=1
    )
    columns = tuple(float(x) for x in at)

    def rows(kind: str) -> tuple[tuple[int, ...], ...]:
        return tuple(
            tuple(_count(data.times[codes == k], data.status[codes == k], x, kind) for x in columns)
            for k in range(len(names))
        )

    return RiskTable(
        times=columns, groups=names, at_risk=rows("risk"), events=rows("events"), censored=rows("censored")
    )


def _count(times: Floats, status: Ints, at: float, kind: str) -> int:
    if kind == "risk":
        return int((times >= at).sum())
    past = times <= at
    return int((past & ((status != 0) if kind == "events" else (status == 0))).sum())
