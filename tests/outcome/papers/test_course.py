"""Courses of a small cohort: unique where the print determines them, and endpoints counted by hand."""

from dataclasses import replace

import pytest

from hemadose.errors import InputError
from hemadose.outcome.papers import (
    DAYS_PER_MONTH,
    CourseClass,
    CourseCounts,
    CourseTimes,
    assignments,
    endpoint_range,
    possible_classes,
)

COUNTS = CourseCounts(
    n=7, remission=5, leukaemia_free=1, refractory=1, extramedullary=2, deaths_in_hospital=3,
    deaths_in_intensive_care=2, alive_at_24_months=2,
)  # fmt: skip
TIMES = CourseTimes(
    deaths_in_hospital_d=(30.0, 41.0, 83.0), conditioning_starts_d=-15.0, progression_d=11.0,
    early_relapse_d=3 * DAYS_PER_MONTH, late_relapse_d=12 * DAYS_PER_MONTH, long_follow_up_d=48 * DAYS_PER_MONTH,
)  # fmt: skip


def test_the_courses_of_braitsch_2025_are_determined() -> None:
    (found,) = assignments(COUNTS)
    assert found == {
        CourseClass(extramedullary=True, response="CRi", fate="early relapse"): 2,
        CourseClass(extramedullary=False, response="CRi", fate="alive at 24 months"): 2,
        CourseClass(extramedullary=False, response="CRi", fate="intensive care death"): 1,
        CourseClass(extramedullary=False, response="MLFS", fate="intensive care death"): 1,
        CourseClass(extramedullary=False, response="refractory", fate="palliative death"): 1,
    }


def test_fewer_survivors_leave_another_course() -> None:
    """One alive instead of two: one patient must have died otherwise, and the print would not say when."""
    (found,) = assignments(replace(COUNTS, alive_at_24_months=1))
    assert any(kind.fate == "other death" for kind in found)
    with pytest.raises(InputError):
        endpoint_range(found, TIMES)


def test_contradictory_counts_have_no_assignment() -> None:
    assert assignments(replace(COUNTS, deaths_in_intensive_care=3)) == ()
    assert assignments(replace(COUNTS, remission=6)) == ()


def test_refractory_patients_die_with_palliative_support_only() -> None:
    assert all((c.response == "refractory") == (c.fate == "palliative death") for c in possible_classes())


def test_endpoints_do_not_depend_on_what_is_unknown() -> None:
    """By hand, of 7: alive 2; free 1; within 6 months 2 deaths without relapse, 2 relapses and 1 progression."""
    found = endpoint_range(assignments(COUNTS)[0], TIMES)
    assert found.scenarios == 48
    by_hand = {
        "survival_24": 2, "progression_free_24": 1, "non_relapse_6": 2, "relapse_6": 3, "non_relapse_24": 2,
        "relapse_24": 4,
    }  # fmt: skip
    for name, k in by_hand.items():
        assert found.counts[name] == (k, 7)
        assert found.estimates[name] == pytest.approx((k / 7, k / 7), abs=1e-12)


def test_a_relapse_between_six_months_and_its_scenarios_would_be_seen() -> None:
    """Were extramedullary relapse at 7 months, relapse at 6 months would be the progression alone."""
    found = endpoint_range(assignments(COUNTS)[0], replace(TIMES, early_relapse_d=7 * DAYS_PER_MONTH))
    assert found.counts["relapse_6"] == (1, 7)


def test_days_of_death_must_fit_the_patients() -> None:
    with pytest.raises(InputError):
        endpoint_range(assignments(COUNTS)[0], replace(TIMES, deaths_in_hospital_d=(30.0, 41.0)))
