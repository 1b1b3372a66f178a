"""Follow-up and cohorts into facts: recomputed dosimetry tables, agreement of measurements."""

from hemadose.outcome.agreement import PairedAgreement, paired_agreement, signed_rank_p
from hemadose.outcome.cohort import CohortPatient, DosimetryCohort, PairedCoefficient, PrintedStatement
from hemadose.outcome.dosimetry_cohort import (
    CohortDosimetry,
    ColumnSummary,
    NumberVerdict,
    PatientDoses,
    Verdict,
    analyse_cohort,
    max_half_life_s,
    residual_dose_gy,
)

__all__ = [
    "CohortDosimetry",
    "CohortPatient",
    "ColumnSummary",
    "DosimetryCohort",
    "NumberVerdict",
    "PairedAgreement",
    "PairedCoefficient",
    "PatientDoses",
    "PrintedStatement",
    "Verdict",
    "analyse_cohort",
    "max_half_life_s",
    "paired_agreement",
    "residual_dose_gy",
    "signed_rank_p",
]
