"""Engraftment by CIBMTR, EBMT and ASTCT: the cases in which they differ."""

from __future__ import annotations

import pytest

from hemadose.errors import QuantityError
from hemadose.model.followup import Event, EventKind, FollowUp, Series
from hemadose.outcome.chimerism import chimerism
from hemadose.outcome.engraftment import (
    RULES,
    engraftment_rule,
    graft_failure,
    neutrophil_recovery,
    platelet_recovery,
)


def patient(values, quantity="neutrophils", events=(), extra=()):
    day, value = zip(*sorted(values.items()), strict=True)
    series = (Series(quantity=quantity, unit="10*9/L", day=day, value=value), *extra)
    return FollowUp(pseudonym="A", series=series, events=tuple(events))


def test_the_first_of_three_days_counts():
    found = neutrophil_recovery(patient({2: 0.1, 10: 0.1, 20: 0.6, 21: 0.7, 22: 0.9}), RULES["ASTCT"])
    assert (found.outcome, found.day) == ("recovered", 20.0)


def test_gaps_count_for_one_registry_only():
    counts = {2: 0.1, 20: 0.6, 23: 0.7, 26: 0.9}
    assert neutrophil_recovery(patient(counts), RULES["CIBMTR"]).day == 20.0
    assert neutrophil_recovery(patient(counts), RULES["ASTCT"]).outcome == "not recovered"


def test_at_the_threshold_registries_differ():
    counts = {2: 0.1, 20: 0.5, 21: 0.5, 22: 0.5}
    assert neutrophil_recovery(patient(counts), RULES["ASTCT"]).outcome == "recovered"
    assert neutrophil_recovery(patient(counts), RULES["EBMT"]).outcome == "not recovered"


def test_counts_before_the_nadir_are_no_recovery():
    counts = {0: 2.0, 1: 1.5, 2: 1.0, 6: 0.1, 15: 0.6, 16: 0.8, 17: 1.0}
    assert neutrophil_recovery(patient(counts), RULES["CIBMTR"]).day == 15.0
    never = neutrophil_recovery(patient({0: 2.0, 5: 1.0, 9: 3.0}), RULES["CIBMTR"])
    assert (never.outcome, never.day) == ("never below", None)


def test_a_fall_between_breaks_the_three():
    counts = {2: 0.1, 20: 0.6, 21: 0.4, 22: 0.6, 23: 0.6, 24: 0.7}
    assert neutrophil_recovery(patient(counts), RULES["CIBMTR"]).day == 22.0


def test_the_lowest_of_a_day_counts():
    counts = {2.0: 0.1, 20.2: 0.6, 20.8: 0.3, 21.3: 0.6, 22.3: 0.6, 23.3: 0.6}
    assert neutrophil_recovery(patient(counts), RULES["CIBMTR"]).day == 21.0


@pytest.mark.parametrize("product", ["platelets", "Thrombozytenkonzentrat"])
def test_platelets_within_a_week_of_a_transfusion_do_not_count(product):
    counts = {3: 8.0, 12: 25.0, 13: 26.0, 14: 30.0, 20: 28.0, 21: 31.0, 22: 40.0}
    transfused = [Event(day=11.0, kind=EventKind.TRANSFUSION, term=product)]
    red_cells = [Event(day=11.0, kind=EventKind.TRANSFUSION, term="red cells")]
    assert platelet_recovery(patient(counts, "platelets", red_cells), RULES["CIBMTR"]).day == 12.0
    assert platelet_recovery(patient(counts, "platelets", transfused), RULES["CIBMTR"]).day == 20.0


@pytest.mark.parametrize(("rule", "outcome"), [("EBMT", "primary"), ("ASTCT", "primary"), ("CIBMTR", None)])
def test_failure_depends_on_the_day_of_judgement(rule, outcome):
    counts = patient(dict.fromkeys(range(1, 36), 0.1))
    assert graft_failure(counts, RULES[rule]).outcome == outcome


def test_death_before_the_day_of_judgement_is_no_failure():
    died = patient({1: 0.1, 14: 0.1}, events=[Event(day=15.0, kind=EventKind.DEATH)])
    found = graft_failure(died, RULES["EBMT"])
    assert found.outcome is None
    assert "died" in found.missing[0]


def test_secondary_failure_unless_relapse_came_first():
    counts = {2: 0.1, 15: 0.6, 16: 0.8, 17: 1.0, 40: 0.3, 42: 0.2, 44: 0.1}
    assert graft_failure(patient(counts), RULES["CIBMTR"]).outcome == "secondary"
    relapsed = patient(counts, events=[Event(day=39.0, kind=EventKind.RELAPSE)])
    assert graft_failure(relapsed, RULES["CIBMTR"]).outcome == "engrafted"
    assert graft_failure(patient(dict(list(counts.items())[:5])), RULES["CIBMTR"]).outcome == "engrafted"


def test_nothing_is_decided_without_counts():
    assert neutrophil_recovery(FollowUp(pseudonym="A"), RULES["EBMT"]).outcome is None
    with pytest.raises(QuantityError, match="unknown definition"):
        engraftment_rule("ours")


@pytest.mark.parametrize(
    ("recipient", "outcome"), [(0.18, "full donor"), (5.0, "mixed"), (95.0, "mixed"), (95.1, "loss of donor")]
)
def test_categories_of_chimerism(recipient, outcome):
    """Braitsch 2025: median recipient chimerism 0.18 % is full donor."""
    series = Series(quantity="recipient_chimerism", unit="%", day=[30.0], value=[recipient])
    assert chimerism(FollowUp(pseudonym="A", series=(series,)), day=28.0).outcome == outcome


def test_chimerism_far_from_the_day_is_not_used():
    series = Series(quantity="recipient_chimerism", unit="%", day=[60.0], value=[0.1])
    assert chimerism(FollowUp(pseudonym="A", series=(series,)), day=28.0).outcome is None
