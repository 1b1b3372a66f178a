"""A tandem from the plan of a patient: doses, draws and curves are the plan's own."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import CaseError
from hemadose.workflow.tandem import TandemRequest, tandem_answer
from hemadose.workflow.tandem_agents import Giving


def test_doses_of_the_plan_are_scaled_to_the_activity(planned):
    giving = Giving(name=str(planned.out), activity_gbq=10.0, day=-15.0)
    told = tandem_answer(TandemRequest(plans=(giving,)))
    rows = {row["organ"]: row for row in told["organs"]}
    dose = planned.report.doses.organ("kidneys")
    assert rows["kidneys"]["agents"]["Gy"] == pytest.approx(10e9 * dose.gy_per_bq, rel=1e-9)
    low, high = rows["kidneys"]["agents"]["low_Gy"], rows["kidneys"]["agents"]["high_Gy"]
    assert low < rows["kidneys"]["agents"]["Gy"] < high
    share = next(o for o in told["agents"][0]["organs"] if o["organ"] == "kidneys")
    assert share["kinetics"] == "measured"
    assert share["range"] == "95 % of the draws"


def test_what_comes_after_the_transplant_is_the_residual_of_the_plan(planned):
    giving = Giving(name=str(planned.out), activity_gbq=10.0, day=-15.0)
    rows = {row["organ"]: row for row in tandem_answer(TandemRequest(plans=(giving,)))["organs"]}
    tail = planned.report.doses.marrow_residual
    after = rows["red_marrow"]["residual"]
    assert after["Gy"] == pytest.approx(10e9 * tail.gy_per_bq(from_s=15 * 86400.0), rel=1e-9)
    low, high = np.quantile(10e9 * tail.gy_per_bq_draws(from_s=15 * 86400.0), (0.025, 0.975))
    assert (after["low_Gy"], after["high_Gy"]) == pytest.approx((low, high))


def test_a_folder_without_a_plan_is_refused(tmp_path):
    with pytest.raises(CaseError, match="no result of a plan"):
        tandem_answer(TandemRequest(plans=(Giving(name=str(tmp_path), activity_gbq=10.0, day=-15.0),)))
