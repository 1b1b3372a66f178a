"""Statistics of outcome: curves, competing risks, proportions, pairs, associations, centres, few patients."""

from hemadose.outcome.statistics.comparison import GroupTest, logrank_test
from hemadose.outcome.statistics.correlation import RankCorrelation, spearman
from hemadose.outcome.statistics.diagnostic import DiagnosticAccuracy, diagnostic_accuracy, diagnostic_accuracy_of
from hemadose.outcome.statistics.finegray import Effect, FineGrayModel, fine_gray
from hemadose.outcome.statistics.firth import LogisticEffect, LogisticModel, firth_logistic
from hemadose.outcome.statistics.followup import FollowUp, follow_up
from hemadose.outcome.statistics.gray import gray_test
from hemadose.outcome.statistics.incidence import IncidenceCurve, cumulative_incidence
from hemadose.outcome.statistics.paired import (
    LimitsOfAgreement,
    McNemarTest,
    SignedRankTest,
    limits_of_agreement,
    mcnemar_test,
    signed_rank_test,
)
from hemadose.outcome.statistics.permutation import PermutationTest, permutation_test
from hemadose.outcome.statistics.pooling import Pooled, pool_estimates, pool_proportions
from hemadose.outcome.statistics.proportions import ClusteredProportion, Proportion, clustered_proportion, proportion
from hemadose.outcome.statistics.risktable import RiskTable, risk_table
from hemadose.outcome.statistics.roc import RocArea, roc_area
from hemadose.outcome.statistics.small_samples import (
    SmallSampleAdvice,
    SmallSamplePolicy,
    least_p_paired,
    least_p_ranks,
    least_p_two_groups,
    small_sample_advice,
)
from hemadose.outcome.statistics.standardised import StandardisedSurvival, standardised_survival
from hemadose.outcome.statistics.survival import CurvePoint, SurvivalCurve, kaplan_meier

__all__ = [
    "ClusteredProportion",
    "CurvePoint",
    "DiagnosticAccuracy",
    "Effect",
    "FineGrayModel",
    "FollowUp",
    "GroupTest",
    "IncidenceCurve",
    "LimitsOfAgreement",
    "LogisticEffect",
    "LogisticModel",
    "McNemarTest",
    "PermutationTest",
    "Pooled",
    "Proportion",
    "RankCorrelation",
    "RiskTable",
    "RocArea",
    "SignedRankTest",
    "SmallSampleAdvice",
    "SmallSamplePolicy",
    "StandardisedSurvival",
    "SurvivalCurve",
    "clustered_proportion",
    "cumulative_incidence",
    "diagnostic_accuracy",
    "diagnostic_accuracy_of",
    "fine_gray",
    "firth_logistic",
    "follow_up",
    "gray_test",
    "kaplan_meier",
    "least_p_paired",
    "least_p_ranks",
    "least_p_two_groups",
    "limits_of_agreement",
    "logrank_test",
    "mcnemar_test",
    "permutation_test",
    "pool_estimates",
    "pool_proportions",
    "proportion",
    "risk_table",
    "roc_area",
    "signed_rank_test",
    "small_sample_advice",
    "spearman",
    "standardised_survival",
]
