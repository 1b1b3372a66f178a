"""Published evidence: counts behind percentages, exact intervals, one endpoint at a time."""

from hemadose.outcome.evidence.rounding import counts_of_percent, rounds_to, shared_counts, twice_rounded_counts
from hemadose.outcome.evidence.table import EvidenceRow, evidence_rows, pool_rows, poolable, row_of
from hemadose.outcome.evidence.values import EvidenceLabel, EvidenceResult, Measure, Role, Study

__all__ = [
    "EvidenceLabel",
    "EvidenceResult",
    "EvidenceRow",
    "Measure",
    "Role",
    "Study",
    "counts_of_percent",
    "evidence_rows",
    "pool_rows",
    "poolable",
    "rounds_to",
    "row_of",
    "shared_counts",
    "twice_rounded_counts",
]
