"""Refusal rules of the labels and trials, and platelets in other units."""

from __future__ import annotations

import pytest

from hemadose.errors import QuantityError
from hemadose.refdata.agents import agent
from hemadose.therapy.activity.refusals import Findings, Verdict, judge_refusals
from hemadose.units import HOUR_S


def verdicts(name, setting="", **known):
    return {r.rule.code: r.verdict for r in judge_refusals(agent(name).refusals, Findings(**known), setting=setting)}


@pytest.mark.parametrize(
    ("count", "verdict"), [(99, Verdict.REFUSED), (100, Verdict.PASSED), (None, Verdict.NOT_JUDGED)]
)
def test_ibritumomab_needs_100_platelets(count, verdict):
    """Label: not with platelets below 100 000 per mm3."""
    assert verdicts("y90-ibritumomab", "label", platelets_e9_per_l=count)["PLATELETS"] is verdict


def test_the_platelet_rule_of_the_label_does_not_hold_with_stem_cell_support():
    found = verdicts("y90-ibritumomab", "myeloablative", platelets_e9_per_l=30, graft_confirmed=False)
    assert "PLATELETS" not in found
    assert found["NO_GRAFT"] is Verdict.REFUSED


@pytest.mark.parametrize(("share", "verdict"), [(0.249, Verdict.PASSED), (0.25, Verdict.REFUSED)])
def test_marrow_involvement_from_25_percent(share, verdict):
    """Label: not with 25 % involvement or more."""
    assert verdicts("y90-ibritumomab", "label", marrow_involvement=share)["MARROW_INVOLVEMENT"] is verdict


@pytest.mark.parametrize(
    ("doses", "verdict"),
    [
        ({"red_marrow": 6.5, "spleen": 13.5, "liver": 2.8, "whole_body": 0.4}, Verdict.PASSED),
        ({"red_marrow": 2.5, "spleen": 13.5, "liver": 2.8}, Verdict.REFUSED),
        ({"red_marrow": 2.8, "spleen": 13.5, "liver": 2.8}, Verdict.REFUSED),
        ({"red_marrow": 6.5, "liver": 2.8}, Verdict.NOT_JUDGED),
        ({"red_marrow": 6.5, "spleen": 13.5}, Verdict.NOT_JUDGED),
        ({"red_marrow": 6.5, "spleen": 13.5, "liver": 2.8, "lesion_1": 99.0}, Verdict.PASSED),
    ],
)
def test_favourable_biodistribution_of_bc8(doses, verdict):
    """Matthews 1999: marrow and spleen more than any normal organ, else no therapy."""
    assert verdicts("i131-apamistamab", patient_gy_per_bq=doses)["UNFAVOURABLE_BIODISTRIBUTION"] is verdict


@pytest.mark.parametrize(
    ("hours", "verdict"), [(49.9, Verdict.REFUSED), (50, Verdict.PASSED), (150, Verdict.PASSED), (151, Verdict.REFUSED)]
)
def test_residence_time_of_tositumomab(hours, verdict):
    """Label: total-body residence times below 50 h or above 150 h count as altered biodistribution."""
    assert verdicts("i131-tositumomab", residence_time_s=hours * HOUR_S)["RESIDENCE_TIME"] is verdict


def test_what_is_not_known_is_not_passed():
    found = judge_refusals(agent("i131-tositumomab").refusals, Findings())
    assert {r.verdict for r in found} == {Verdict.NOT_JUDGED}
    assert verdicts("i131-tositumomab", altered_biodistribution=True)["ALTERED_BIODISTRIBUTION"] is Verdict.REFUSED
    assert verdicts("i131-tositumomab", altered_biodistribution=False)["ALTERED_BIODISTRIBUTION"] is Verdict.PASSED


@pytest.mark.parametrize(("count", "remedy"), [(160000, "is 160"), (0.16, "is 160"), (0, "check"), (-3, "check")])
def test_platelets_in_another_unit_are_refused_with_a_remedy(count, remedy):
    with pytest.raises(QuantityError, match=remedy):
        Findings(platelets_e9_per_l=count)


def test_marrow_involvement_in_percent_is_refused():
    with pytest.raises(QuantityError, match=r"0\.25"):
        Findings(marrow_involvement=25)
