"""Transplant timing from the plan of a patient: its curve, its draws, its kidney limit."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import CaseError, InputError
from hemadose.workflow.transplant import transplant_answer
from hemadose.workflow.transplant_optimum import OptimumRequest
from hemadose.workflow.transplant_options import TransplantRequest


def test_the_curve_and_the_draws_are_the_plans_own(planned):
    told = transplant_answer(TransplantRequest(plan=planned.out, activity_gbq=12.0, interval_d=14.0))
    tail = planned.report.doses.marrow_residual
    lu = next(row for row in told["planned"] if row["nuclide"] == "Lu-177")
    assert lu["residual_Gy"] == pytest.approx(12e9 * tail.gy_per_bq(from_s=14 * 86400.0), rel=1e-9)
    drawn = 12e9 * tail.gy_per_bq_draws(from_s=14 * 86400.0)
    assert lu["limits"][0]["probability_met"] == pytest.approx(np.mean(drawn <= 1.0))
    rows = {row["nuclide"]: row for row in told["nuclides"]}
    assert rows["Y-90"]["earliest"][0]["earliest_d"] < rows["Lu-177"]["earliest"][0]["earliest_d"]
    assert rows["Lu-177"]["earliest"][0]["confident_d"] > rows["Lu-177"]["earliest"][0]["earliest_d"]


def test_optimum_keeps_the_kidney_limit_in_95_percent_of_the_plans_draws(planned):
    optimum = OptimumRequest(max_probability=0.05, organ_limits_gy={"kidneys": 23.0}, last_day=28.0)
    told = transplant_answer(TransplantRequest(plan=planned.out, activity_gbq=12.0), optimum=optimum)
    (best,) = told["optimum"]  # only the measured nuclide has a kidney coefficient
    drawn = planned.report.doses.organ("kidneys").gy_per_bq_draws * best["activity_GBq"] * 1e9
    assert (drawn > 23.0).mean() <= 0.05 + 1e-3
    assert best["limits"][0]["used"] == pytest.approx(1.0)


def test_a_plan_and_numbers_together_are_refused(planned):
    with pytest.raises(InputError, match="brings nuclide"):
        transplant_answer(TransplantRequest(plan=planned.out, nuclide="Lu-177", activity_gbq=12.0))


def test_a_folder_without_a_plan_is_refused(tmp_path):
    with pytest.raises(CaseError, match="no result of a plan"):
        transplant_answer(TransplantRequest(plan=tmp_path, activity_gbq=12.0))
