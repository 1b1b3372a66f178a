"""Rows of an uncertainty budget: one per quantity and cause, in the units of the field."""

from __future__ import annotations

from hemadose.model.budget import SCOPES, Budget, BudgetQuantity, QuantityKind
from hemadose.report.tables import Row
from hemadose.units import GBQ, GY_PER_BQ_TO_GY_PER_GBQ

_SHORT = {
    QuantityKind.DOSE: "dose coefficient",
    QuantityKind.RESIDUAL: "dose coefficient after infusion",
    QuantityKind.PERMITTED: "permitted activity",
    QuantityKind.PROPOSED: "largest activity",
}


def budget_rows(budget: Budget) -> list[Row]:
    """Give one row per quantity: value, both uncertainties, what dominates."""
    return [_row(line) for line in budget.quantities]


def share_rows(budget: Budget) -> list[Row]:
    """Give one row per quantity and cause: shares of the variance, and what the cause is shared by."""
    return [
        {
            "quantity": line.name,
            "kind": _SHORT[line.kind],
            "cause": share.component.value,
            "share_to_first_order": share.analytic,
            "share_alone": share.alone,
            "sobol_first_order": share.first_order,
            "sobol_total": share.total,
            "shared_by": SCOPES[share.component],
        }
        for line in budget.quantities
        for share in line.shares
    ]


def probability_rows(budget: Budget) -> list[Row]:
    """Give one row per dose limit: probability of exceeding it at the proposed activity."""
    return [
        {
            "limit": p.limit.name,
            "limit_Gy": p.limit.value,
            "activity_GBq": p.activity_bq / GBQ,
            "probability_exceeding": p.probability,
            "standard_error": p.standard_error,
            "probability_in_prescription": p.prescribed,
        }
        for p in budget.probabilities
    ]


def correlation_rows(budget: Budget) -> list[Row]:
    """Give the correlation between the dose coefficients of organs, one row per organ."""
    return [
        {"organ": name, **{other: float(value) for other, value in zip(budget.targets, row, strict=True)}}
        for name, row in zip(budget.targets, budget.correlation, strict=True)
    ]


def _row(line: BudgetQuantity) -> Row:
    dose = line.kind in (QuantityKind.DOSE, QuantityKind.RESIDUAL)
    scale = GY_PER_BQ_TO_GY_PER_GBQ if dose else 1.0 / GBQ
    return {
        "quantity": line.name,
        "kind": _SHORT[line.kind],
        "unit": "Gy/GBq" if dose else "GBq",
        "value": line.best * scale,
        "sd": line.sd * scale,
        "relative_sd": line.relative_sd,
        "relative_sd_first_order": line.analytic_relative_sd,
        "median": line.median * scale,
        "low_95": line.low * scale,
        "high_95": line.high * scale,
        "limit_Gy": None if line.limit is None or dose else _limit_gy(line),
        "dominant": None if line.dominant is None else line.dominant.component.value,
        "says": line.sentence,
        "difference": line.why_different,
    }


def _limit_gy(line: BudgetQuantity) -> float | None:
    return line.limit.value if line.limit is not None and line.limit.target else None
