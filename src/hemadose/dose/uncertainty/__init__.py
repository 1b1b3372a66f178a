"""One uncertainty budget from counts to the prescribed activity: to first order and by Monte Carlo."""

from hemadose.dose.uncertainty.analytic import (
    dose_relative_sd,
    dose_variances,
    s_value_relative_sd,
    tail_variances,
)
from hemadose.dose.uncertainty.assemble import make_budget
from hemadose.dose.uncertainty.inputs import (
    BudgetInputs,
    CurveDraws,
    RegionInput,
    TailInput,
    TargetInput,
    known_curves,
)

__all__ = [
    "BudgetInputs",
    "CurveDraws",
    "RegionInput",
    "TailInput",
    "TargetInput",
    "dose_relative_sd",
    "dose_variances",
    "known_curves",
    "make_budget",
    "s_value_relative_sd",
    "tail_variances",
]
