"""Courses and endpoints of Braitsch 2025 from its printed counts, medians and ranges."""

from __future__ import annotations

from collections.abc import Mapping

from hemadose.errors import InputError
from hemadose.outcome.papers import (
    DAYS_PER_MONTH,
    CourseClass,
    CourseCounts,
    CourseTimes,
    PaperInputs,
    Recomputed,
    assignments,
    endpoint_range,
    ordered_values,
)
from hemadose.outcome.statistics.proportions import proportion

Quantities = dict[str, Recomputed]


def course_times(inputs: PaperInputs) -> CourseTimes:
    """Give the printed times of Braitsch 2025 in days after the graft."""
    return CourseTimes(
        deaths_in_hospital_d=ordered_values(inputs.summary("death_in_hospital")).low,
        conditioning_starts_d=-max(inputs.values("ert_to_graft_d")),
        progression_d=inputs.number("progression_d"),
        early_relapse_d=inputs.number("early_relapse_months") * DAYS_PER_MONTH,
        late_relapse_d=inputs.number("late_relapse_months") * DAYS_PER_MONTH,
        long_follow_up_d=inputs.number("long_follow_up_months") * DAYS_PER_MONTH,
    )


def course_counts(inputs: PaperInputs) -> CourseCounts:
    """Give the printed counts of Braitsch 2025."""
    names = [name for name in CourseCounts.__slots__ if name != "n"]
    n = inputs.count("remission") + inputs.count("leukaemia_free") + inputs.count("refractory")
    return CourseCounts(n=n, **{name: inputs.count(name) for name in names})


def course_quantities(inputs: PaperInputs) -> Quantities:
    """Recompute responses, courses, endpoints, stays and deaths.

    Parameters
    ----------
    inputs : PaperInputs
        Printed numbers.

    Returns
    -------
    dict of str to Recomputed

    Raises
    ------
    InputError
        If the printed counts allow no course, or several.
    """
    counts, times = course_counts(inputs), course_times(inputs)
    solutions = assignments(counts)
    if len(solutions) != 1:
        raise InputError("the printed counts do not determine the courses", value=f"{len(solutions)} assignments")
    classes = solutions[0]
    found = endpoint_range(classes, times)
    deaths = sum(k for c, k in classes.items() if c.fate in ("intensive care death", "palliative death"))
    note = f"the same in all {found.scenarios} orders and origins of the printed days"
    answer = {
        "courses.solutions": _of(len(solutions), note=_class_words(classes)),
        "courses.deaths": _of(deaths),
        "courses.discharged": _of(counts.n - deaths),
        "response.count": _of(counts.remission + counts.leukaemia_free, counts.n),
        "response.rate": _percent(counts.remission + counts.leukaemia_free, counts.n),
        "survival.count": _of(*found.counts["survival_24"]),
        "survival.rate": _percent(*found.counts["survival_24"], note=note),
        "progression_free.rate": _percent(*found.counts["progression_free_24"], note=note),
        "toxicity.tumour_lysis": _of(
            inputs.count("tumour_lysis"), counts.n, note=_interval_words(inputs.count("tumour_lysis"), counts.n)
        ),
        "engraftment.count": _engraftment(inputs, counts),
        "deaths.values": _of(*times.deaths_in_hospital_d),
    }
    for cause in ("non_relapse", "relapse"):
        for months in (6, 24):
            low, high = found.estimates[f"{cause}_{months}"]
            spread = (
                note if high - low < 1e-12 else f"{100 * low:.1f} to {100 * high:.1f} over {found.scenarios} orders"
            )
            answer[f"{cause}.{months}"] = _of(100.0 * low, note=spread)
    for name, summary in (("stay", "hospital_stay"), ("icu", "intensive_care")):
        values = ordered_values(inputs.summary(summary))
        answer[f"{name}.values"] = _of(
            values.low[0], values.pair_sum or float("nan"), values.high[-1],
            note=f"second {values.low[1]:g} to {values.high[1]:g}; {values.solutions} solutions, median taken as exact",
        )  # fmt: skip
    return answer


def _engraftment(inputs: PaperInputs, counts: CourseCounts) -> Recomputed:
    died = inputs.count("died_before_engraftment")
    proven = counts.remission + counts.leukaemia_free - died
    return _of(
        counts.n - died, counts.n,
        note="the refractory patient then counts as recovered; donor cells are proven in responders only: "
        f"{proven}/{counts.n}",
    )  # fmt: skip


def _percent(k: int, n: int, *, note: str = "") -> Recomputed:
    found = proportion(successes=k, n=n)
    return _of(
        100.0 * found.estimate, 100.0 * found.low, 100.0 * found.high, note=f"{k}/{n}" + (f"; {note}" if note else "")
    )


def _interval_words(k: int, n: int) -> str:
    found = proportion(successes=k, n=n)
    return f"exact 95 % CI {100 * found.low:.1f} to {100 * found.high:.1f} %"


def _class_words(classes: Mapping[CourseClass, int]) -> str:
    return "; ".join(
        f"{k} x {'extramedullary, ' if kind.extramedullary else ''}{kind.response}, {kind.fate}"
        for kind, k in classes.items()
    )


def _of(*values: float, note: str = "") -> Recomputed:
    return Recomputed(values=tuple(float(v) for v in values), note=note)
