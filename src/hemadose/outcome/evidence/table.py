"""The evidence table: counts where they can be had, intervals made anew, endpoints kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hemadose.errors import InputError
from hemadose.outcome.evidence.rounding import counts_of_percent, rounds_to, twice_rounded_counts
from hemadose.outcome.evidence.values import EvidenceLabel, EvidenceResult, Measure, Role, Study
from hemadose.outcome.statistics.pooling import Pooled, pool_proportions
from hemadose.outcome.statistics.proportions import proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One result with its interval.

    Attributes
    ----------
    study : Study
        Where it belongs.
    result : EvidenceResult
        As printed.
    k_low, k_high : int or None
        Counts that the print allows; equal where it is one; None where none can be deduced.
    estimate, low, high : float or None
        Share and Clopper-Pearson interval, 0 to 1. With several possible counts the interval runs from the lower limit
        of the least to the upper limit of the largest.
    label : EvidenceLabel
        The weaker of the labels of result and denominator.
    printed_interval_agrees : bool or None
        Whether the printed interval is that of the count; None where none is printed.
    notes : tuple of str
        Doubts.
    """

    study: Study
    result: EvidenceResult
    k_low: int | None
    k_high: int | None
    estimate: float | None
    low: float | None
    high: float | None
    label: EvidenceLabel
    printed_interval_agrees: bool | None
    notes: tuple[str, ...]

    @property
    def k(self) -> int | None:
        """The count, where it is one."""
        return self.k_low if self.k_low == self.k_high else None

    @property
    def count_words(self) -> str:
        """Count and denominator as text, e.g. ``"6/7"``, ``"180-182/208"``; ``""`` without a count."""
        if self.k_low is None:
            return ""
        counts = f"{self.k_low}" if self.k_low == self.k_high else f"{self.k_low}-{self.k_high}"
        return f"{counts}/{self.result.n}"


def evidence_rows(
    studies: Sequence[Study],
    *,
    agent: str | None = None,
    disease: str | None = None,
    endpoint: str | None = None,
    year_from: int | None = None,
) -> tuple[EvidenceRow, ...]:
    """Give the results that match, by endpoint, then year.

    Parameters
    ----------
    studies : sequence of Study
        The table.
    agent, disease, endpoint : str, optional
        Part of the name, whatever its case; disease also looks into the population. The whole name of an endpoint
        stands for that endpoint only.
    year_from : int, optional
        Of publication.

    Returns
    -------
    tuple of EvidenceRow
        Empty where nothing matches.
    """
    whole = {r.endpoint.casefold() for study in studies for r in study.results}
    exact = endpoint is not None and endpoint.casefold() in whole
    chosen = [
        row_of(study, result)
        for study in studies
        if year_from is None or study.year >= year_from
        if agent is None or any(_within(agent, name) for name in study.agents)
        if disease is None or _within(disease, f"{study.disease} {study.population}")
        for result in study.results
        if endpoint is None
        or (endpoint.casefold() == result.endpoint.casefold() if exact else _within(endpoint, result.endpoint))
    ]
    return tuple(sorted(chosen, key=lambda r: (r.result.endpoint, r.study.year, r.study.id, r.result.role.value)))


def row_of(study: Study, result: EvidenceResult) -> EvidenceRow:
    """Recompute one result.

    Parameters
    ----------
    study : Study
        Where it belongs.
    result : EvidenceResult
        As printed.

    Returns
    -------
    EvidenceRow
        Without an interval where no count can be had, and why.
    """
    notes = list(result.notes)
    counts = _counts(result, notes)
    weaker = list(EvidenceLabel)[
        max(list(EvidenceLabel).index(label) for label in (result.label, result.n_label if counts else result.label))
    ]
    estimate, low, high = (None if not result.percent else float(result.percent) / 100.0), None, None
    agrees = None
    if counts and result.n is not None:
        first, last = (proportion(successes=k, n=result.n) for k in (counts[0], counts[-1]))
        low, high = first.low, last.high
        estimate = first.estimate if len(counts) == 1 else estimate
        if result.interval_percent is not None:
            agrees = all(
                rounds_to(100.0 * limit, text) for limit, text in zip((low, high), result.interval_percent, strict=True)
            )
    if result.clusters is not None and result.n is not None and result.clusters < result.n:
        notes.append(f"{result.n} results of {result.clusters} persons: the exact interval is too narrow")
    return EvidenceRow(
        study=study,
        result=result,
        k_low=counts[0] if counts else None,
        k_high=counts[-1] if counts else None,
        estimate=estimate,
        low=low,
        high=high,
        label=weaker,
        printed_interval_agrees=agrees,
        notes=tuple(notes),
    )


def pool_rows(rows: Sequence[EvidenceRow], *, method: str = "reml") -> Pooled:
    """Pool results of one endpoint, with the heterogeneity beside it.

    Parameters
    ----------
    rows : sequence of EvidenceRow
        Of one endpoint and time; controls and results without one count are refused.
    method : str
        See `pool_proportions`.

    Returns
    -------
    Pooled
        As proportions; notes say which agents and diseases were put together.

    Raises
    ------
    InputError
        For several endpoints, controls, fewer than two results, shared patients, or a result without a count.

    Notes
    -----
    Different endpoints are never put together: a response rate and a survival rate have no common value.
    """
    endpoints = sorted({f"{row.result.endpoint} {row.result.follow_up}".strip() for row in rows})
    if len(endpoints) != 1:
        raise InputError(
            "only results of one endpoint can be pooled", field="endpoint",
            value=", ".join(endpoints) or "none", remedy="choose one with --endpoint",
        )  # fmt: skip
    if any(row.result.role is Role.CONTROL for row in rows):
        raise InputError("control arms are not pooled with treatment", field="arm", remedy="leave them out")
    open_ = [row.study.id for row in rows if row.k is None]
    if open_:
        raise InputError("a result has no single count", field="k", value=", ".join(open_), remedy="leave it out")
    ids = [row.study.id for row in rows]
    shared = sorted({i for row in rows for i in row.study.overlaps if i in ids} | {i for i in ids if ids.count(i) > 1})
    if shared:
        raise InputError("results share patients", field="study", value=", ".join(shared), remedy="keep one of them")
    if len(rows) < 2:
        raise InputError("pooling needs at least two results", field="study", value=str(len(rows)))
    found = pool_proportions(
        successes=[row.k for row in rows if row.k is not None],
        totals=[row.result.n for row in rows if row.result.n is not None],
        method=method,
    )
    kept = {name: getattr(found, name) for name in found.__slots__ if name != "notes"}
    return Pooled(**kept, notes=(*found.notes, *_mixture(rows)))


def poolable(rows: Sequence[EvidenceRow]) -> tuple[tuple[EvidenceRow, ...], tuple[str, ...]]:
    """Split results into those that can be pooled and the reasons why others cannot.

    Parameters
    ----------
    rows : sequence of EvidenceRow
        Of one endpoint.

    Returns
    -------
    tuple of (rows, reasons)
        Of studies that share patients the one with more patients is kept.
    """
    kept: list[EvidenceRow] = []
    reasons = []
    for row in sorted(rows, key=lambda r: -(r.result.n or 0)):
        name = f"{row.study.id} {row.result.arm}".strip()
        taken = [other.study.id for other in kept]
        if row.result.role is Role.CONTROL:
            reasons.append(f"{name}: control arm")
        elif row.k is None:
            reasons.append(f"{name}: no single count")
        elif shared := [i for i in taken if i == row.study.id or i in row.study.overlaps]:
            reasons.append(f"{name}: shares patients, or may, with {', '.join(shared)}")
        else:
            kept.append(row)
    order = [id(row) for row in rows]
    return tuple(sorted(kept, key=lambda r: order.index(id(r)))), tuple(reasons)


def _counts(result: EvidenceResult, notes: list[str]) -> tuple[int, ...]:
    if result.measure is Measure.CURVE:
        notes.append("an estimate from a curve: no count behind it, no exact interval")
        return ()
    if result.k is not None and result.n is not None:
        if result.percent and not rounds_to(100.0 * result.k / result.n, result.percent):
            notes.append(
                f"printed {result.percent} %, but {result.k}/{result.n} is {100.0 * result.k / result.n:.2f} %"
            )
        return (result.k,)
    if result.n is None:
        notes.append("no denominator: no interval")
        return ()
    counts = counts_of_percent(result.percent, result.n)
    if not counts:
        near = twice_rounded_counts(result.percent, result.n)
        hint = "" if not near else f"; {near[0]} of {result.n} gives it if rounded twice"
        notes.append(f"no count of {result.n} rounds to {result.percent} %{hint}")
    elif len(counts) == 1:
        notes.append(f"count deduced from {result.percent} % of {result.n}: consistent, not independent of it")
    else:
        notes.append(f"{result.percent} % of {result.n} allows {counts[0]} to {counts[-1]}")
    return counts


def _mixture(rows: Sequence[EvidenceRow]) -> tuple[str, ...]:
    notes = []
    for what, names in (
        ("agents", {name for row in rows for name in row.study.agents}),
        ("diseases", {row.study.disease for row in rows}),
    ):
        if len(names) > 1:
            notes.append(f"puts together {len(names)} {what}: {', '.join(sorted(names))}")
    weak = [row.study.id for row in rows if row.label is not EvidenceLabel.SOURCE]
    if weak:
        notes.append(f"not read in the source: {', '.join(weak)}")
    return tuple(notes)


def _within(part: str, text: str) -> bool:
    return part.casefold().replace("-", "").replace(" ", "") in text.casefold().replace("-", "").replace(" ", "")
