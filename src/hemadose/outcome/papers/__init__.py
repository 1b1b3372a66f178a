"""Publications as checklists: claims, what can be deduced from printed summaries, and verdicts."""

from hemadose.outcome.papers.course import (
    DAYS_PER_MONTH,
    CourseClass,
    CourseCounts,
    CourseTimes,
    EndpointRange,
    assignments,
    endpoint_range,
    possible_classes,
)
from hemadose.outcome.papers.judge import judge, printed_numbers
from hemadose.outcome.papers.site_uptake import SolvedSites, solve_sites
from hemadose.outcome.papers.summaries import OrderedValues, ordered_values, sd_bounds, slack_of
from hemadose.outcome.papers.values import (
    Basis,
    Claim,
    Finding,
    Judgement,
    Line,
    Paper,
    PaperInputs,
    PaperRow,
    Recomputed,
    Summary,
)

__all__ = [
    "DAYS_PER_MONTH",
    "Basis",
    "Claim",
    "CourseClass",
    "CourseCounts",
    "CourseTimes",
    "EndpointRange",
    "Finding",
    "Judgement",
    "Line",
    "OrderedValues",
    "Paper",
    "PaperInputs",
    "PaperRow",
    "Recomputed",
    "SolvedSites",
    "Summary",
    "assignments",
    "endpoint_range",
    "judge",
    "ordered_values",
    "possible_classes",
    "printed_numbers",
    "sd_bounds",
    "slack_of",
    "solve_sites",
]
