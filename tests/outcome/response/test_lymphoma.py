"""Lugano: Cheson BD et al. J Clin Oncol 2014;32:3059-3068, Table 3."""

from __future__ import annotations

import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.response.lymphoma import (
    Node,
    Spleen,
    ct_response,
    cxcr4_scale,
    five_point_scale,
    metabolic_response,
)


@pytest.mark.parametrize(("lesion", "score"), [(0.0, "1"), (1.5, "2"), (2.5, "3"), (3.5, "4"), (6.1, "5")])
def test_five_point_scale(lesion, score):
    found = five_point_scale(tracer="FDG", lesion_suv=lesion, mediastinum_suv=2.0, liver_suv=3.0)
    assert found.outcome == score


def test_the_scale_is_for_fdg_only():
    with pytest.raises(InputError, match="FDG only"):
        five_point_scale(tracer="[68Ga]Pentixafor", lesion_suv=4.0, mediastinum_suv=2.0, liver_suv=3.0)
    described = cxcr4_scale(lesion_suv=12.0, blood_pool_suv=2.0, marrow_suv=3.0)
    assert described.outcome == "markedly above marrow"
    assert "not a response criterion" in described.notes[0]


@pytest.mark.parametrize(
    ("score", "change", "new", "outcome"),
    [
        (3, "reduced", False, "CMR"),
        (4, "reduced", False, "PMR"),
        (5, "unchanged", False, "NMR"),
        (5, "increased", False, "PMD"),
        (2, "reduced", True, "PMD"),
    ],
)
def test_metabolic_response(score, change, new, outcome):
    assert metabolic_response(score=score, change=change, new_lesions=new).outcome == outcome


def test_a_score_off_the_scale_is_refused():
    with pytest.raises(QuantityError, match="five-point"):
        metabolic_response(score=6, change="reduced")


BASE = (Node(longest_mm=40.0, shortest_mm=30.0), Node(longest_mm=20.0, shortest_mm=20.0))


def sized(*pairs):
    return tuple(Node(longest_mm=a, shortest_mm=b) for a, b in pairs)


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (sized((15.0, 12.0), (14.0, 10.0)), "CR"),
        (sized((16.0, 12.0), (14.0, 10.0)), "PR"),
        (sized((28.0, 22.0), (14.0, 10.0)), "PR"),  # 756 of 1600 mm2
        (sized((30.0, 25.0), (14.0, 10.0)), "SD"),  # 890 of 1600 mm2
        (sized((50.0, 36.0), (20.0, 20.0)), "PD"),  # 1.5 times, 10 mm longer
        (sized((45.0, 39.0), (20.0, 20.0)), "SD"),  # 1.46 times
    ],
)
def test_response_by_size(now, outcome):
    assert ct_response(BASE, BASE, now).outcome == outcome


def test_small_nodes_progress_by_five_millimetres():
    low = sized((12.0, 10.0))
    assert ct_response(low, low, sized((17.0, 11.0))).outcome == "PD"
    assert ct_response(low, low, sized((16.5, 11.0))).outcome == "SD"


def test_spleen_and_new_lesions():
    grown = (Spleen(length_mm=160.0), Spleen(length_mm=150.0), Spleen(length_mm=161.0))
    small = sized((14.0, 10.0), (14.0, 10.0))
    assert ct_response(BASE, small, small, spleen=grown).outcome == "PD"  # 11 mm of an excess of 20
    assert ct_response(BASE, small, small, new_node_longest_mm=16.0).outcome == "PD"
    assert ct_response(BASE, small, small, new_node_longest_mm=15.0).outcome == "CR"
    assert ct_response(BASE, small, small, new_extranodal_longest_mm=11.0).outcome == "PD"
    enlarged = (Spleen(length_mm=160.0), Spleen(length_mm=150.0), Spleen(length_mm=150.0))
    assert ct_response(BASE, small, small, spleen=enlarged).outcome == "SD"  # 20 of 30 mm left


def test_lists_must_match_and_diameters_be_in_order():
    with pytest.raises(InputError, match="do not match"):
        ct_response(BASE, BASE, BASE[:1])
    with pytest.raises(QuantityError, match="longest"):
        Node(longest_mm=10.0, shortest_mm=12.0)
