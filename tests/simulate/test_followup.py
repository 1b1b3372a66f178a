"""The simulated cohort has the truth that it claims."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.io.cohort_folder import read_cohort_folder
from hemadose.io.cohort_writing import write_cohort_folder
from hemadose.outcome.endpoints import FirstEvent, endpoints
from hemadose.outcome.engraftment import RULES, neutrophil_recovery
from hemadose.refdata.quantities import quantities
from hemadose.simulate.followup import CohortTruth, simulate_cohort


def test_hazards_give_the_incidences_that_they_should():
    """Counted up to day 300, before anybody is censored (follow-up is at least 547 days)."""
    truth, count = CohortTruth(), 1500
    found = endpoints(simulate_cohort(count, truth=truth).patients)
    day = 300.0
    relapse, death = truth.incidence(day)
    for status, expected in ((FirstEvent.RELAPSE, relapse), (FirstEvent.NON_RELAPSE_DEATH, death)):
        seen = np.mean((found.first_event == status) & (found.progression_free_d <= day))
        assert seen == pytest.approx(expected, abs=3.5 * np.sqrt(expected * (1.0 - expected) / count))
    alive = np.mean(found.survival_d > day)
    assert alive == pytest.approx(truth.survival(day), abs=3.5 * np.sqrt(0.2 / count))


def test_survival_in_closed_form_against_quadrature():
    truth = CohortTruth()
    s = np.linspace(0.0, 500.0, 20001)
    both = truth.relapse_per_d + truth.death_per_d
    relapsed = truth.relapse_per_d * np.exp(-both * s) * np.exp(-truth.death_after_relapse_per_d * (500.0 - s))
    assert truth.survival(500.0) == pytest.approx(np.exp(-both * 500.0) + np.trapezoid(relapsed, s), rel=1e-6)
    even = CohortTruth(relapse_per_d=0.001, death_per_d=0.002, death_after_relapse_per_d=0.003)
    near = CohortTruth(relapse_per_d=0.001, death_per_d=0.002, death_after_relapse_per_d=0.0030001)
    assert even.survival(300.0) == pytest.approx(near.survival(300.0), rel=1e-4)


def test_engraftment_is_found_where_it_was_put():
    truth = CohortTruth(death_per_d=0.0, relapse_per_d=0.0)
    days = [neutrophil_recovery(p, RULES["CIBMTR"]).day for p in simulate_cohort(100, truth=truth).patients]
    # values every second day: the first at or above the threshold comes up to two days later, one on average
    assert np.mean(days) == pytest.approx(truth.neutrophil_day + 1.0, abs=1.0)


def test_a_larger_cohort_begins_with_the_smaller():
    small, large = simulate_cohort(3), simulate_cohort(5)
    assert [p.events for p in small.patients] == [p.events for p in large.patients[:3]]


def test_it_can_be_written_and_read(tmp_path):
    cohort = simulate_cohort(4)
    write_cohort_folder(cohort, tmp_path)
    again = read_cohort_folder(tmp_path, quantities=quantities())
    assert [p.died_on for p in again.patients] == [p.died_on for p in cohort.patients]
    assert again.patients[0].of("ldh").value == pytest.approx(cohort.patients[0].of("ldh").value)


def test_impossible_cohorts():
    with pytest.raises(QuantityError, match="at least one"):
        simulate_cohort(0)
    with pytest.raises(QuantityError, match="share"):
        CohortTruth(tumour_lysis=1.5)
