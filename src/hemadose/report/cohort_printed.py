"""Printed tables that several sections of a cohort report share."""

from __future__ import annotations

from collections.abc import Sequence

from hemadose.outcome.summary.cohort import CohortSummary
from hemadose.outcome.summary.describe import CategorySummary, NumberSummary
from hemadose.outcome.summary.toxicity import Outcomes
from hemadose.report import cohort_words as words
from hemadose.report.printed import PrintedTable

_MOST_LEVELS = 20


def variables_table(parts: Sequence[NumberSummary | CategorySummary]) -> PrintedTable:
    """Print variables: median and range or categories, mean and SD, what is missing."""
    rows: list[tuple[str, ...]] = []
    for each in parts:
        missing = words.absent(each.missing)
        if isinstance(each, NumberSummary):
            rows.append((plain_name(each.name), str(each.n), words.middle(each), words.average(each), missing))
            continue
        rows.append((plain_name(each.name), str(each.n), "", "", missing))
        rows += [(f"    {level}", "", words.counted(k, each.n), "", "") for level, k in each.counts[:_MOST_LEVELS]]
        if len(each.counts) > _MOST_LEVELS:
            rows.append((f"    {len(each.counts) - _MOST_LEVELS} further categories: see the CSV", "", "", "", ""))
    return PrintedTable(
        columns=("", "n", "Median (range) or n (%)", "Mean ± SD (n − 1)", "Missing"), align="lrrrl",
        weights=(2.4, 0.6, 2.0, 1.6, 2.0), rows=tuple(rows),
    )  # fmt: skip


def plain_name(name: str) -> str:
    """Turn the name of a fact into words: ``kidneys_Gy_per_GBq`` is kidneys (Gy/GBq).

    >>> plain_name("kidneys_Gy_per_GBq"), plain_name("activity_GBq"), plain_name("de_novo")
    ('kidneys (Gy/GBq)', 'activity (GBq)', 'de novo')
    """
    for ending, unit in (("_Gy_per_GBq", "Gy/GBq"), ("_GBq", "GBq"), (" GBq", "GBq")):
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')} ({unit})"
    return name.replace("_", " ")


def side_by_side_table(found: CohortSummary) -> PrintedTable:
    """Table 1 with a column for each group."""
    cells: dict[str, dict[str, str]] = {}
    for each in (b for b in found.baseline if b.name != found.by):
        cells[plain_name(each.name)] = {}
        if isinstance(each, CategorySummary):
            cells |= {f"    {plain_name(each.name)}: {level}": {} for level, _ in each.counts[:_MOST_LEVELS]}
    for group, parts in found.baseline_by:
        for each in parts:
            name = plain_name(each.name)
            if name not in cells:
                continue
            if isinstance(each, NumberSummary):
                cells[name][group] = words.middle(each)
                continue
            for level, k in each.counts:
                if f"    {name}: {level}" in cells:
                    cells[f"    {name}: {level}"][group] = words.counted(k, each.n)
    names = [group for group, _ in found.baseline_by]
    size = {group: found.groups.count(group) for group in names}
    return PrintedTable(
        columns=(f"By {found.by.replace('_', ' ')}", *(f"{g} (n = {size[g]})" for g in names)),
        align="l" + "r" * len(names), weights=(1.6, *len(names) * (1.0,)),
        rows=tuple((name, *(given.get(g, "") for g in names)) for name, given in cells.items()),
    )  # fmt: skip


def outcomes_table(parts: Sequence[Outcomes]) -> PrintedTable:
    """Print what rules said, with intervals, and how many could not be judged."""
    rows: list[tuple[str, ...]] = []
    for each in parts:
        rows += [(each.name if i == 0 else "", said, words.share(p)) for i, (said, p) in enumerate(each.counts)]
        if each.open:
            rows.append(("" if each.counts else each.name, "cannot be judged: data missing", str(each.open)))
    return PrintedTable(
        columns=("", "Outcome", "Patients (95 % interval)"), align="llr", weights=(2.4, 2.0, 2.0), rows=tuple(rows)
    )


def comparisons_table(found: CohortSummary) -> PrintedTable:
    """Print tests of groups, or why they were withheld."""
    rows: list[tuple[str, ...]] = []
    for c in () if found.survival is None else found.survival.comparisons:
        if c.test is None:
            rows.append((c.endpoint, "withheld", "", "", c.withheld))
            continue
        within = "" if c.stratified is None else words.p_value(c.stratified.p)
        doubts = list(c.test.notes)
        if min(c.test.n) < words.LEAST_FOR_PERCENT:
            doubts.append(f"a group of {min(c.test.n)} patients: the p value is a rough guide")
        rows.append((c.endpoint, c.test.name, words.p_value(c.test.p), within, "; ".join(doubts)))
    return PrintedTable(
        columns=("Endpoint", "Test", "p", "p within centres", "Doubts"), align="llrrl",
        weights=(2.0, 1.0, 0.8, 1.0, 3.4), rows=tuple(rows),
    )  # fmt: skip
