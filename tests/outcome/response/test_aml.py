"""ELN 2022: Doehner H et al. Blood 2022;140:1345-1377, Table 8; cases of Braitsch 2025."""

from __future__ import annotations

import pytest

from hemadose.errors import QuantityError
from hemadose.outcome.response.aml import AmlAssessment, eln_2022, relapse_after_remission

CLEAR = {
    "day": 28.0, "marrow_adequate": True, "marrow_blasts_percent": 2.0, "blood_blasts_percent": 0.0,
    "extramedullary": False, "auer_rods": False,
}  # fmt: skip


def judged(with_crh=True, **changes):
    return eln_2022(AmlAssessment(**{**CLEAR, **changes}), with_crh=with_crh)


@pytest.mark.parametrize(
    ("neutrophils", "platelets", "with_crh", "outcome"),
    [
        (1.0, 100.0, True, "CR"),
        (0.9, 100.0, True, "CRh"),
        (0.5, 50.0, True, "CRh"),
        (0.5, 50.0, False, "MLFS"),
        (1.2, 49.0, True, "CRi"),
        (0.4, 120.0, True, "CRi"),
        (1.2, 60.0, False, "CRi"),
        (0.4, 60.0, True, "MLFS"),
    ],
)
def test_remissions_by_counts(neutrophils, platelets, with_crh, outcome):
    assert judged(with_crh, neutrophils=neutrophils, platelets=platelets).outcome == outcome


def test_five_percent_is_not_a_remission():
    counts = {"neutrophils": 1.5, "platelets": 150.0, "baseline_marrow_blasts_percent": 60.0}
    assert judged(marrow_blasts_percent=4.9, **counts).outcome == "CR"
    assert judged(marrow_blasts_percent=5.0, **counts).outcome == "PR"
    assert judged(marrow_blasts_percent=26.0, **counts).outcome == "NR"
    assert judged(marrow_blasts_percent=20.0, **{**counts, "baseline_marrow_blasts_percent": 30.0}).outcome == "NR"
    assert judged(marrow_blasts_percent=20.0, **{**counts, "neutrophils": 0.9}).outcome == "NR"


def test_extramedullary_disease_or_blasts_in_blood_rule_out_remission():
    counts = {"neutrophils": 1.5, "platelets": 150.0}
    assert judged(extramedullary=True, **counts).outcome == "NR"
    # refractory patient of Braitsch 2025: 11 % blasts in blood on day 11
    assert judged(blood_blasts_percent=11.0, **counts).outcome == "NR"


def test_measurable_residual_disease_is_a_mark():
    counts = {"neutrophils": 1.5, "platelets": 150.0, "mrd_threshold_percent": 0.1}
    assert judged(mrd_percent=0.01, **counts).outcome == "CR MRD-"
    assert judged(mrd_percent=0.2, **counts).outcome == "CR"


def test_missing_data_stay_open_and_are_named():
    assert judged(platelets=100.0).missing == ("neutrophils",)
    found = judged(neutrophils=1.5, platelets=150.0, extramedullary=None)
    assert (found.outcome, found.missing) == (None, ("extramedullary disease",))
    assert judged(marrow_adequate=False, neutrophils=1.5, platelets=150.0).outcome == "NE"


def test_relapse():
    def came_back(blood_confirmed=None, **changes):
        return relapse_after_remission(AmlAssessment(**{**CLEAR, **changes}), blood_confirmed=blood_confirmed).outcome

    assert came_back() == "no relapse"
    assert came_back(marrow_blasts_percent=5.0) == "relapse"
    assert came_back(extramedullary=True) == "relapse"
    assert came_back(blood_blasts_percent=2.0) is None
    assert came_back(blood_blasts_percent=2.0, blood_confirmed=True) == "relapse"
    assert came_back(marrow_blasts_percent=None) is None


def test_impossible_numbers_are_refused():
    with pytest.raises(QuantityError, match="above 100"):
        AmlAssessment(day=0.0, marrow_blasts_percent=101.0)
    with pytest.raises(QuantityError, match="negative"):
        AmlAssessment(day=0.0, neutrophils=-1.0)
