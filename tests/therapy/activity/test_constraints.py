"""The window of activities: closed forms, hypothesis, and the series of Kotzerke 2000 and Matthews 1999."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError
from hemadose.model.agent import Coefficient, Evidence
from hemadose.therapy.activity.bounds import Aim, Bound, Constraint
from hemadose.therapy.activity.coefficients import (
    DosePerActivity,
    expected_normal_range,
    patient_coefficient,
    published_coefficient,
)
from hemadose.therapy.activity.constraints import propose_activity
from hemadose.units import GBQ, MBQ

CD66 = {"red_marrow": 1.45, "kidneys": 0.71}


def doses(values, sd=0.0):
    return {k: patient_coefficient(k, v / GBQ, relative_sd=sd) for k, v in values.items()}


def maximum(organ, gy):
    return Constraint(name=f"max {organ}", bound=Bound.MAX_DOSE, value=gy, target=organ)


def minimum(organ, gy):
    return Constraint(name=f"min {organ}", bound=Bound.MIN_DOSE, value=gy, target=organ)


def cap(gbq):
    return Constraint(name="cap", bound=Bound.MAX_ACTIVITY, value=gbq * GBQ)


def test_cd66a_window_between_marrow_target_and_kidney_limit():
    """CD66a: 12 Gy to kidneys at 16.9 GBq (marrow 24.5 Gy), 12 Gy to marrow from 8.28 GBq (0.5 %)."""
    found = propose_activity([minimum("red_marrow", 12.0), maximum("kidneys", 12.0)], doses(CD66), step_bq=MBQ)
    assert found.lowest_bq / GBQ == pytest.approx(8.28, rel=5e-3)
    assert found.highest_bq / GBQ == pytest.approx(16.9, rel=5e-3)
    assert found.active == "max kidneys"
    assert found.outcomes[0].value_at_activity == pytest.approx(24.5, rel=5e-3)
    low = propose_activity(
        [minimum("red_marrow", 12.0), maximum("kidneys", 12.0)], doses(CD66), step_bq=MBQ, aim=Aim.LOWEST
    )
    assert low.activity_bq / GBQ == pytest.approx(8.28, rel=5e-3)
    assert low.active == "min red_marrow"
    assert not any(o.broken for o in (*found.outcomes, *low.outcomes))


def test_an_empty_window_is_said_and_nothing_is_proposed():
    """12 Gy to marrow needs 8.28 GBq, 5 Gy to kidneys allow 7.04 GBq."""
    found = propose_activity([minimum("red_marrow", 12.0), maximum("kidneys", 5.0)], doses(CD66), step_bq=MBQ)
    assert found.activity_bq is None
    assert not found.feasible
    assert {o.constraint.name for o in found.outcomes if o.active} == {"min red_marrow", "max kidneys"}
    assert any("no activity meets all" in note for note in found.notes)


def test_a_window_narrower_than_the_rounding_gives_nothing():
    found = propose_activity(
        [minimum("red_marrow", 12.0), maximum("kidneys", 5.9)], doses(CD66), step_bq=GBQ
    )  # 8.276-8.310 GBq
    assert found.activity_bq is None
    assert any("lies in the window" in note for note in found.notes)


def test_available_activities():
    rules, known = [minimum("red_marrow", 12.0), maximum("kidneys", 12.0)], doses(CD66)
    vials = [5 * GBQ, 10 * GBQ, 15 * GBQ, 20 * GBQ]
    assert propose_activity(rules, known, step_bq=MBQ, available_bq=vials).activity_bq == 15 * GBQ
    assert propose_activity(rules, known, step_bq=MBQ, available_bq=vials, aim=Aim.LOWEST).activity_bq == 10 * GBQ
    assert propose_activity(rules, known, step_bq=MBQ, available_bq=[20 * GBQ]).activity_bq is None


def test_a_chosen_activity_is_judged_by_both_sides():
    rules = [minimum("red_marrow", 12.0), maximum("kidneys", 12.0)]
    too_much = propose_activity(rules, doses(CD66), step_bq=MBQ, chosen_bq=20 * GBQ)
    too_little = propose_activity(rules, doses(CD66), step_bq=MBQ, chosen_bq=5 * GBQ)
    assert [o.broken for o in too_much.outcomes] == [False, True]
    assert [o.broken for o in too_little.outcomes] == [True, False]


def test_probabilities_against_a_simulated_population():
    """Exact log-normal probabilities against a million drawn patients."""
    known = doses({"red_marrow": 1.45, "kidneys": 0.71}, sd=0.4)
    found = propose_activity(
        [minimum("red_marrow", 12.0), maximum("kidneys", 12.0)], known, step_bq=MBQ, chosen_bq=12 * GBQ
    )
    rng = np.random.default_rng(5)
    spread = np.exp(np.sqrt(np.log(1.16)) * rng.standard_normal(1_000_000))
    assert found.outcomes[0].probability_broken == pytest.approx(np.mean(12 * 1.45 * spread < 12.0), abs=2e-3)
    assert found.outcomes[1].probability_broken == pytest.approx(np.mean(12 * 0.71 * spread > 12.0), abs=2e-3)


def test_the_probability_rule_moves_the_activity_until_it_is_kept():
    known = doses({"liver": 6.75}, sd=0.2)
    free = propose_activity([maximum("liver", 30.0)], known, step_bq=MBQ)
    bound = propose_activity([maximum("liver", 30.0)], known, step_bq=MBQ, max_probability=0.05)
    assert free.outcomes[0].probability_broken == pytest.approx(0.5, abs=0.01)
    assert bound.outcomes[0].probability_broken == pytest.approx(0.05, abs=0.001)
    assert bound.activity_bq < free.activity_bq


@given(
    st.dictionaries(
        st.sampled_from(["kidneys", "liver", "lungs", "spleen"]),
        st.tuples(st.floats(0.01, 20), st.floats(0.5, 40)),
        min_size=1,
    ),
    st.floats(0.5, 50),
)
def test_the_smallest_bound_counts_and_none_is_broken(organs, cap_gbq):
    rules = [maximum(o, gy) for o, (_, gy) in organs.items()] + [cap(cap_gbq)]
    known = doses({o: c for o, (c, _) in organs.items()})
    found = propose_activity(rules, known, step_bq=0.001 * MBQ)
    largest = min([gy / c for c, gy in organs.values()] + [cap_gbq])
    assert found.highest_bq / GBQ == pytest.approx(largest)
    assert found.activity_bq <= found.highest_bq * (1 + 1e-9)
    assert not any(o.broken for o in found.outcomes)
    assert next(o for o in found.outcomes if o.active).edge_bq == found.highest_bq


def test_what_is_refused():
    known = doses(CD66)
    with pytest.raises(PlanningError, match="from above"):
        propose_activity([minimum("red_marrow", 12.0)], known, step_bq=MBQ)
    with pytest.raises(PlanningError, match="from below"):
        propose_activity([maximum("kidneys", 12.0)], known, step_bq=MBQ, aim=Aim.LOWEST)
    with pytest.raises(PlanningError, match="no dose coefficient for liver"):
        propose_activity([maximum("liver", 12.0)], known, step_bq=MBQ)
    with pytest.raises(PlanningError, match="same name"):
        propose_activity([cap(1), cap(2)], known, step_bq=MBQ)
    with pytest.raises(QuantityError, match="between 0 and 1"):
        propose_activity([cap(1)], known, step_bq=MBQ, max_probability=1.0)
    with pytest.raises(QuantityError, match="names no organ"):
        Constraint(name="x", bound=Bound.MAX_DOSE, value=1.0)


def published(**changes):
    values = {
        "target": "kidneys",
        "best_gy_per_bq": 0.91 / GBQ,
        "low_gy_per_bq": None,
        "high_gy_per_bq": None,
        "sd_gy_per_bq": None,
        "statistic": "median",
        "n": None,
        "source": "test",
        "evidence": Evidence.PUBLICATION,
    }
    return published_coefficient(Coefficient(**(values | changes)))


def test_spread_from_a_published_sd():
    """90Y-anti-CD66 marrow 10.1 +- 3.4 Gy/GBq: ln(1 + 0.337^2) and a median below the mean."""
    c = published(best_gy_per_bq=10.1 / GBQ, sd_gy_per_bq=3.4 / GBQ, statistic="mean")
    assert c.log_sd == pytest.approx(np.sqrt(np.log(1 + (3.4 / 10.1) ** 2)))
    rng = np.random.default_rng(1)
    drawn = np.exp(c.log_median + c.log_sd * rng.standard_normal(400_000)) * GBQ
    assert drawn.mean() == pytest.approx(10.1, rel=5e-3)
    assert drawn.std() == pytest.approx(3.4, rel=0.02)


def test_spread_from_a_published_range_of_n_patients():
    """A range over 19 drawn patients is recovered as their spread (Haenscheid 2022: 0.38-3.47, n = 19)."""
    c = published(low_gy_per_bq=0.38 / GBQ, high_gy_per_bq=3.47 / GBQ, n=19)
    rng = np.random.default_rng(2)
    ranges = np.ptp(c.log_sd * rng.standard_normal((20_000, 19)), axis=1)
    assert ranges.mean() == pytest.approx(log(3.47 / 0.38), rel=0.01)
    assert published(low_gy_per_bq=0.38 / GBQ, high_gy_per_bq=3.47 / GBQ).log_sd == pytest.approx(
        log(3.47 / 0.38) / 3.92, rel=1e-3
    )


def test_without_spread_no_probability_is_claimed():
    c = published()
    assert c.probability_above(1.0) is None
    assert "no spread was published" in c.assumption


def test_expected_range_of_normal_numbers():
    """d2 of Shewhart charts: 1.128 (2), 2.326 (5), 3.078 (10), 3.931 (25)."""
    for n, d2 in ((2, 1.128), (5, 2.326), (10, 3.078), (25, 3.931)):
        assert expected_normal_range(n) == pytest.approx(d2, abs=6e-4)


def test_a_coefficient_is_positive():
    with pytest.raises(QuantityError):
        DosePerActivity(target="liver", gy_per_bq=0.0)
    with pytest.raises(QuantityError):
        patient_coefficient("liver", 1.0, relative_sd=-0.1)
