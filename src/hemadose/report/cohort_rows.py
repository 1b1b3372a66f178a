"""The numbers of a cohort report as rows for CSV and JSON; NaN becomes None."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hemadose.outcome.statistics.proportions import Proportion
from hemadose.outcome.statistics.survival import CurvePoint, SurvivalCurve
from hemadose.outcome.summary.cohort import CohortSummary
from hemadose.outcome.summary.describe import CategorySummary, NumberSummary
from hemadose.outcome.summary.recovery import DAYS
from hemadose.outcome.summary.survival import LANDMARKS
from hemadose.outcome.summary.toxicity import Outcomes
from hemadose.report.tables import Row


def cohort_rows(found: CohortSummary) -> dict[str, list[Row]]:
    """Give every table of the report by name; tables without rows are left out."""
    tables = {
        "table1": [row for each in found.baseline for row in summary_rows(each)],
        "table1_by_group": [
            {"group": group, **row}
            for group, parts in found.baseline_by
            for each in parts
            for row in summary_rows(each)
        ],
        "dosimetry": _dosimetry(found),
        "regimen": _regimen(found),
        "laboratory_toxicity": _laboratory(found),
        "recorded_toxicity": _recorded(found),
        "rules": [row for each in found.toxicity.rules for row in _outcomes(each)],
        "engraftment": _engraftment(found),
        "graft_and_chimerism": [
            row for each in (found.recovery.graft, *found.recovery.chimerism) for row in _outcomes(each)
        ],
        "response": _outcomes(found.response),
        "stay": [*summary_rows(found.stay.stay_d), *summary_rows(found.stay.intensive_care_day)],
        "survival": _survival(found),
        "survival_medians": _medians(found),
        "comparisons": _comparisons(found),
        "centres_pooled": _centres(found),
    }
    if found.stay.intensive_care.n:
        tables["stay"].append({"variable": "intensive care", "level": "yes", **_share(found.stay.intensive_care)})
    return {name: _complete(rows) for name, rows in tables.items() if rows}


def summary_rows(found: NumberSummary | CategorySummary) -> list[Row]:
    """Give rows of one variable: values or categories, then what is missing by reason."""
    rows: list[Row]
    if isinstance(found, NumberSummary):
        rows = [
            {
                "variable": found.name, "level": "", "n": found.n, "of": None, "median": found.median, "min": found.low,
                "max": found.high, "q1": found.lower_quartile, "q3": found.upper_quartile, "mean": found.mean,
                "sd_ddof1": found.sd,
            }
        ]  # fmt: skip
    else:
        rows = [{"variable": found.name, "level": level, "n": k, "of": found.n} for level, k in found.counts]
    rows += [{"variable": found.name, "level": f"missing: {why}", "n": k, "of": None} for why, k in found.missing]
    return rows


def _share(p: Proportion) -> Row:
    return {"n": p.successes, "of": p.n, "share": p.estimate, "low": p.low, "high": p.high}


def _outcomes(found: Outcomes) -> list[Row]:
    rows: list[Row] = [{"variable": found.name, "level": said, **_share(p)} for said, p in found.counts]
    if found.open:
        rows.append({"variable": found.name, "level": "cannot be judged", "n": found.open, "of": None})
    return rows


def _dosimetry(found: CohortSummary) -> list[Row]:
    if found.dosimetry is None:
        return []
    rows = summary_rows(found.dosimetry.activity)
    for organ in found.dosimetry.organs:
        rows += [*summary_rows(organ.coefficient), *summary_rows(organ.dose)]
        if organ.above is not None:
            level = f"above {organ.limit_gy:g} Gy"
            rows.append({"variable": f"{organ.organ} (Gy)", "level": level, **_share(organ.above)})
    return rows


def _regimen(found: CohortSummary) -> list[Row]:
    parts: tuple[NumberSummary | CategorySummary, ...] = (
        *found.regimen.given, found.regimen.irradiation_gy, found.regimen.interval_d,
    )  # fmt: skip
    return [row for each in parts for row in summary_rows(each)]


def _laboratory(found: CohortSummary) -> list[Row]:
    return [
        {
            "term": t.term, **{f"grade_{i}": k for i, k in enumerate(t.counts)}, "not_gradable": t.not_gradable,
            "not_measured": t.not_measured,
        }
        for t in found.toxicity.laboratory
    ]  # fmt: skip


def _recorded(found: CohortSummary) -> list[Row]:
    return [
        {
            "term": t.term, **{f"grade_{i}": k for i, k in enumerate(t.counts)}, "no_grade": t.no_grade,
            **{f"severe_{k}": v for k, v in _share(t.severe).items()},
        }
        for t in found.toxicity.recorded
    ]  # fmt: skip


def _point(point: CurvePoint) -> Row:
    return {"estimate": point.estimate, "low": point.low, "high": point.high, "at_risk": point.at_risk}


def _engraftment(found: CohortSummary) -> list[Row]:
    rows: list[Row] = []
    p_values = dict(found.recovery.p_values)
    for count in (*found.recovery.counts, *found.recovery.by_group):
        for row in summary_rows(count.day):
            rows.append({"definition": count.rule, "group": count.group or "all", **row})
        for day, point in zip(DAYS, count.at, strict=False):
            rows.append(
                {"definition": count.rule, "group": count.group or "all", "variable": f"recovered by day {day:g}",
                 "level": "cumulative incidence", **_point(point)}
            )  # fmt: skip
        if not count.group and count.quantity in p_values:
            rows.append({"definition": count.rule, "group": "groups compared", "variable": "Gray's test",
                         "p": p_values[count.quantity]})  # fmt: skip
    return rows


def _survival(found: CohortSummary) -> list[Row]:
    if found.survival is None:
        return []
    return [
        {"endpoint": c.endpoint, "group": c.group or "all", "at": label, "day": day, **_point(point)}
        for c in found.survival.curves
        for (label, day), point in zip(LANDMARKS, c.at, strict=True)
    ]


def _medians(found: CohortSummary) -> list[Row]:
    if found.survival is None:
        return []
    follow = found.survival.follow_up
    rows: list[Row] = [
        {"endpoint": c.endpoint, "group": c.group or "all", "n": c.curve.n, "events": c.curve.n_events,
         "median_d": c.curve.median, "low": c.curve.median_low, "high": c.curve.median_high}
        for c in found.survival.curves
        if isinstance(c.curve, SurvivalCurve)
    ]  # fmt: skip
    rows.append(
        {"endpoint": "follow-up (reverse Kaplan-Meier)", "group": "all", "n": follow.n, "events": follow.n_events,
         "median_d": follow.median, "low": follow.median_low, "high": follow.median_high}
    )  # fmt: skip
    return rows


def _comparisons(found: CohortSummary) -> list[Row]:
    rows: list[Row] = []
    for each in () if found.survival is None else found.survival.comparisons:
        for kind, test in (("", each.test), (" within centres", each.stratified)):
            if test is None:
                continue
            rows.append(
                {
                    "endpoint": each.endpoint, "by": found.by, "test": test.name + kind, "statistic": test.statistic,
                    "degrees_of_freedom": test.degrees_of_freedom, "p": test.p, "note": "; ".join(test.notes),
                }
            )  # fmt: skip
        if each.test is None:
            rows.append({"endpoint": each.endpoint, "by": found.by, "test": "withheld", "note": each.withheld})
    return rows


def _centres(found: CohortSummary) -> list[Row]:
    return [
        {
            "endpoint": p.endpoint, "at": p.landmark, "centres": len(p.centres), "estimate": p.estimate, "low": p.low,
            "high": p.high, "method": p.pooled.method, "i2": p.pooled.i2, "q": p.pooled.q, "q_p": p.pooled.q_p,
            "left_out": ", ".join(p.left_out),
            "note": "; ".join((p.note, *p.doubts)),
        }
        for p in found.centres
    ]  # fmt: skip


def _complete(rows: Sequence[Row]) -> list[Row]:
    """Every row with the columns of all, in order of first appearance; NaN as None."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: _known(row.get(name)) for name in columns} for row in rows]


def _known(value: str | float | bool | None) -> str | float | bool | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
