"""A budget survives being stored, and refuses numbers that make no sense."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose.uncertainty import BudgetInputs, RegionInput, TargetInput, known_curves, make_budget
from hemadose.errors import QuantityError
from hemadose.io.records import from_json, to_json
from hemadose.model import Limit, LimitKind
from hemadose.model.budget import Budget, BudgetQuantity, Component, QuantityKind, VarianceShare


@pytest.fixture
def budget():
    region = RegionInput(name="kidneys", integrals_bq_s=(1e11,), calibration=0.03, volume=0.05)
    target = TargetInput(name="kidneys", own=np.array([1e-20]), cross=np.zeros(1))
    limit = Limit(name="kidneys", kind=LimitKind.TOTAL_DOSE, target="kidneys", value=23.0)
    return make_budget(
        BudgetInputs(regions=(region,), targets=(target,)), [known_curves((1e11,), 2000)], limits=[limit]
    )


def test_it_is_stored_and_read_back(budget):
    again = from_json(to_json(budget))
    assert again.quantities == budget.quantities
    assert again.probabilities == budget.probabilities
    assert (again.correlation == budget.correlation).all()
    assert not again.correlation.flags.writeable


def test_a_line_knows_what_dominates(budget):
    line = budget.quantity("kidneys", QuantityKind.DOSE)
    assert line.dominant.component is Component.VOLUME
    assert line.share(Component.MODEL) is None
    with pytest.raises(QuantityError, match="kidneys"):
        budget.quantity("kidneys", QuantityKind.RESIDUAL)


def line(**changes):
    given = {"best": 1.0, "analytic_sd": 0.1, "sd": 0.1, "median": 1.0, "low": 0.8, "high": 1.2, "shares": ()} | changes
    return BudgetQuantity(name="kidneys", kind=QuantityKind.DOSE, **given)


def test_numbers_that_make_no_sense_are_refused():
    for bad in ({"sd": -0.1}, {"analytic_sd": float("nan")}, {"best": float("inf")}):
        with pytest.raises(QuantityError):
            line(**bad)
    with pytest.raises(QuantityError):
        VarianceShare(component=Component.MASS, analytic=float("nan"), alone=0.0, first_order=0.0, total=0.0)
    with pytest.raises(QuantityError, match="row and column"):
        Budget(quantities=(), probabilities=(), targets=("a", "b"), correlation=np.eye(1), activity_bq=None, draws=1000)
