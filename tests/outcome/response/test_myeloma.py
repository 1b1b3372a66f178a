"""IMWG 2016: Kumar S et al. Lancet Oncol 2016;17:e328-e346, Table 4."""

from __future__ import annotations

import pytest

from hemadose.outcome.response.myeloma import MyelomaAssessment, confirmed_response, imwg_2016

BASE = MyelomaAssessment(day=-20.0, serum_m_g_per_dl=4.0, urine_m_mg_per_d=1000.0, plasmacytoma_mm2=0.0)


def judged(nadir=None, base=BASE, **values):
    now = MyelomaAssessment(day=60.0, **values)
    return imwg_2016(base, nadir or base, now)


@pytest.mark.parametrize(
    ("serum", "urine", "outcome"),
    [
        (0.4, 99.0, "VGPR"),
        (0.4, 100.0, "PR"),  # urine 90 % lower, but not below 100 mg
        (2.0, 199.0, "PR"),
        (2.0, 250.0, "MR"),
        (3.0, 500.0, "MR"),
        (3.1, 500.0, "SD"),
        (3.0, 600.0, "SD"),
    ],
)
def test_depth(serum, urine, outcome):
    assert judged(serum_m_g_per_dl=serum, urine_m_mg_per_d=urine).outcome == outcome


def test_complete_responses_need_every_proof():
    clean = {
        "serum_m_g_per_dl": 0.0, "urine_m_mg_per_d": 0.0, "serum_immunofixation": False, "urine_immunofixation": False,
        "plasmacytoma_mm2": 0.0, "marrow_plasma_cells_percent": 3.0,
    }  # fmt: skip
    assert judged(**clean).outcome == "CR"
    assert judged(**clean, flc_ratio_normal=True, clonal_plasma_cells=False).outcome == "sCR"
    assert judged(**{**clean, "marrow_plasma_cells_percent": None}).outcome == "VGPR"
    assert judged(**{**clean, "serum_immunofixation": True}).outcome == "VGPR"


def test_progression_from_the_lowest_values():
    low = MyelomaAssessment(day=30.0, serum_m_g_per_dl=1.0, urine_m_mg_per_d=100.0)
    assert judged(nadir=low, serum_m_g_per_dl=1.5, urine_m_mg_per_d=100.0).outcome == "PD"
    assert judged(nadir=low, serum_m_g_per_dl=1.4, urine_m_mg_per_d=100.0).outcome != "PD"  # 0.4 g/dL
    high = MyelomaAssessment(day=30.0, serum_m_g_per_dl=5.0, urine_m_mg_per_d=100.0)
    assert judged(nadir=high, serum_m_g_per_dl=6.2, urine_m_mg_per_d=100.0).outcome != "PD"  # 24 %
    assert judged(nadir=low, serum_m_g_per_dl=1.0, urine_m_mg_per_d=300.0).outcome == "PD"
    assert judged(new_lesions=True, serum_m_g_per_dl=0.1, urine_m_mg_per_d=0.0).outcome == "PD"


def test_light_chains_where_nothing_else_is_measurable():
    """Progression by more than 10 mg/dL = 100 mg/l of the difference; some reprints say 10 mg/l."""
    base = MyelomaAssessment(
        day=-20.0, serum_m_g_per_dl=0.0, urine_m_mg_per_d=0.0, involved_flc_mg_per_l=510.0, uninvolved_flc_mg_per_l=10.0,
        flc_ratio_normal=False,
    )  # fmt: skip

    def chains(involved, nadir=None):
        values = {"involved_flc_mg_per_l": involved, "uninvolved_flc_mg_per_l": 10.0}
        return judged(nadir=nadir, base=base, serum_m_g_per_dl=0.0, urine_m_mg_per_d=0.0, **values).outcome

    assert [chains(x) for x in (60.0, 61.0, 260.0, 261.0)] == ["VGPR", "PR", "PR", "SD"]
    low = MyelomaAssessment(
        day=30.0, involved_flc_mg_per_l=60.0, uninvolved_flc_mg_per_l=10.0, serum_m_g_per_dl=0.0, urine_m_mg_per_d=0.0
    )
    assert chains(160.0, low) == "PD"
    assert chains(150.0, low) != "PD"


def test_nothing_measurable_stays_open():
    unmeasurable = MyelomaAssessment(day=-20.0, serum_m_g_per_dl=0.5, urine_m_mg_per_d=100.0)
    assert judged(base=unmeasurable, serum_m_g_per_dl=0.1, urine_m_mg_per_d=0.0).outcome is None
    assert judged(serum_m_g_per_dl=0.1).missing == ("urine M protein",)


def test_two_assessments_confirm_the_worse():
    first, second = (
        judged(serum_m_g_per_dl=0.3, urine_m_mg_per_d=50.0),
        judged(serum_m_g_per_dl=2.0, urine_m_mg_per_d=150.0),
    )
    assert confirmed_response(first, second).outcome == "PR"
    progressive = judged(new_lesions=True)
    assert confirmed_response(first, progressive).outcome is None
    assert confirmed_response(progressive, progressive).outcome == "PD"
