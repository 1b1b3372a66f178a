"""Survival of a cohort: the truth of simulated patients, coverage of intervals, comparisons that are withheld."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hemadose.outcome.endpoints import Endpoints, FirstEvent, endpoints
from hemadose.outcome.statistics.comparison import logrank_test
from hemadose.outcome.statistics.incidence import cumulative_incidence
from hemadose.outcome.statistics.survival import kaplan_meier
from hemadose.outcome.summary.centres import pool_centres
from hemadose.outcome.summary.survival import (
    CAUSES,
    FREE,
    LANDMARKS,
    NAMES,
    OVERALL,
    cohort_survival,
    curve_at,
    endpoint_data,
)
from hemadose.simulate.followup import CohortTruth, simulate_cohort

TRUTH = CohortTruth()


def drawn(rng, n, truth=TRUTH):
    """Endpoints with the hazards of the simulated cohort, without everything else."""
    relapse, death = (rng.exponential(1.0 / h, n) for h in (truth.relapse_per_d, truth.death_per_d))
    censored = truth.follow_up_d * rng.uniform(0.5, 1.0, n)
    relapsed = relapse < death
    dies = np.where(relapsed, relapse + rng.exponential(1.0 / truth.death_after_relapse_per_d, n), death)
    first = np.minimum(relapse, death)
    failed = first <= censored
    status = np.where(failed, np.where(relapsed, FirstEvent.RELAPSE, FirstEvent.NON_RELAPSE_DEATH), FirstEvent.CENSORED)
    return Endpoints(
        pseudonyms=tuple(f"P{i}" for i in range(n)),
        survival_d=np.minimum(dies, censored),
        died=dies <= censored,
        progression_free_d=np.minimum(first, censored),
        failed=failed,
        first_event=status.astype(np.int64),
    )


def true_value(name, day, truth=TRUTH):
    relapse, death = truth.incidence(day)
    return {NAMES[0]: truth.survival(day), NAMES[1]: 1.0 - relapse - death, NAMES[2]: relapse, NAMES[3]: death}[name]


def test_the_truth_of_simulated_patients_is_recovered():
    """600 patients: every probability within 4 standard errors of the truth, and none exactly on it."""
    found = cohort_survival(endpoints(simulate_cohort(600, seed=11).patients))
    assert found.n == 600
    for name in NAMES:
        for (_, day), point in zip(LANDMARKS, found.of(name).at, strict=True):
            assert point.estimate == pytest.approx(true_value(name, day), abs=4.0 * point.standard_error)
            assert point.standard_error < 0.03


def test_intervals_cover_the_truth_as_often_as_they_promise():
    """200 cohorts of 40: a binomial with 0.95 leaves (0.90, 0.99) once in several hundred."""
    rng = np.random.default_rng(5)
    covered = dict.fromkeys(NAMES, 0)
    for _ in range(200):
        found = cohort_survival(drawn(rng, 40))
        for name in NAMES:
            point = found.of(name).at[2]  # 12 months
            covered[name] += point.low <= true_value(name, 365.25) <= point.high
    assert all(0.90 <= k / 200 <= 0.99 for k in covered.values()), covered


def test_wrong_truth_is_not_covered():
    """The check above can fail: a survival that is 20 points off is covered in a minority of cohorts only."""
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(100):
        point = cohort_survival(drawn(rng, 40)).of(OVERALL).at[2]
        hits += point.low <= true_value(OVERALL, 365.25) - 0.2 <= point.high
    assert hits < 50


def test_groups_without_a_difference_reject_as_often_as_alpha():
    """150 cohorts, two groups alike: 5 % of p values below 0.05, within 4 standard errors."""
    rng = np.random.default_rng(7)
    low = 0
    for _ in range(150):
        found = cohort_survival(drawn(rng, 60), groups=rng.choice(["a", "b"], 60).tolist())
        low += found.comparisons[0].test.p < 0.05
    assert low / 150 == pytest.approx(0.05, abs=4.0 * math.sqrt(0.05 * 0.95 / 150))


def test_comparisons_are_those_of_the_tests():
    found = drawn(np.random.default_rng(1), 80)
    groups, centres = ["a", "b"] * 40, ["x"] * 30 + ["y"] * 50
    summary = cohort_survival(found, groups=groups, centres=centres)
    overall = summary.comparisons[0]
    assert overall.test.p == logrank_test(times=found.survival_d, events=found.died, groups=groups).p
    within = logrank_test(times=found.survival_d, events=found.died, groups=groups, strata=centres)
    assert (overall.stratified.p, overall.stratified.strata) == (within.p, 2)
    assert [c.test.name for c in summary.comparisons] == ["log-rank", "log-rank", "Gray", "Gray"]
    assert summary.groups == ("a", "b")
    half = kaplan_meier(times=found.survival_d[::2], events=found.died[::2])
    assert summary.of(OVERALL, "a").at[2] == half.at(365.25)


def test_patients_without_a_group_stay_in_the_pooled_curve():
    found = drawn(np.random.default_rng(1), 80)
    summary = cohort_survival(found, groups=["a", "b"] * 35 + ["not known"] * 10)
    assert (summary.of(OVERALL).curve.n, summary.of(OVERALL, "a").curve.n) == (80, 35)
    assert sum(summary.comparisons[0].test.n) == 70
    assert any("10 patients without a group" in n for n in summary.notes)


def test_few_patients_get_no_p_value():
    found = cohort_survival(drawn(np.random.default_rng(2), 7), groups=list("aabbbbb"))
    assert all(c.test is None for c in found.comparisons)
    assert "descriptive only" in found.comparisons[0].withheld
    assert "box plot" not in found.comparisons[0].withheld


def test_thousands_of_patients_are_compared():
    found = drawn(np.random.default_rng(2), 3000)
    assert cohort_survival(found, groups=["a", "b"] * 1500).comparisons[0].test is not None


def test_all_censored_gives_curves_of_one_and_no_test():
    n = 20
    found = Endpoints(
        pseudonyms=tuple("abcdefghijklmnopqrst"), survival_d=np.linspace(1.0, 900.0, n), died=np.zeros(n, bool),
        progression_free_d=np.linspace(1.0, 900.0, n), failed=np.zeros(n, bool), first_event=np.zeros(n, np.int64),
    )  # fmt: skip
    summary = cohort_survival(found, groups=["a", "b"] * 10)
    assert summary.of(OVERALL).at[0].estimate == 1.0
    assert math.isnan(summary.of(OVERALL).at[0].low)
    assert summary.of(CAUSES[FirstEvent.RELAPSE]).at[1].estimate == 0.0
    assert all(c.test is None and c.withheld for c in summary.comparisons)
    assert summary.of(OVERALL).curve.median is None


def test_an_incidence_stays_where_it_ended_only_if_nobody_was_censored_there():
    for status, kept in (([1, 2, 1], True), ([1, 2, 0], False)):
        curve = cumulative_incidence(times=[1.0, 2.0, 3.0], status=status, cause=1)
        assert math.isnan(curve_at(curve, 9.0, [1.0, 2.0, 3.0], status).estimate) is not kept


def test_data_of_the_endpoints():
    found = drawn(np.random.default_rng(3), 30)
    data = endpoint_data(found)
    assert data[OVERALL][2] is None
    assert np.array_equal(data[FREE][1] != 0, data[CAUSES[FirstEvent.RELAPSE]][1] != 0)


def test_centres_alike_are_pooled_to_their_common_value():
    """Two centres: inverse variance of log(-log S) by hand; heterogeneity by Cochran's Q."""
    rng = np.random.default_rng(12)
    found = cohort_survival(drawn(rng, 400), groups=["x", "y"] * 200)
    pooled = next(p for p in pool_centres(found) if (p.endpoint, p.landmark) == (OVERALL, "12 months"))
    points = [found.of(OVERALL, c).at[2] for c in "xy"]
    scale = np.array([np.log(-np.log(p.estimate)) for p in points])
    weight = np.array([(p.estimate * np.log(p.estimate) / p.standard_error) ** 2 for p in points])
    assert pooled.estimate == pytest.approx(np.exp(-np.exp(weight @ scale / weight.sum())), rel=1e-12)
    assert pooled.low < pooled.estimate < pooled.high
    assert pooled.low < true_value(OVERALL, 365.25) < pooled.high
    assert pooled.pooled.method == "fixed"
    assert any("no variation between centres" in d for d in pooled.doubts)


def test_centres_that_differ_are_seen():
    """Three centres, one with ten times the hazards: I2 far above chance, and below without it."""
    rng = np.random.default_rng(13)
    bad = CohortTruth(relapse_per_d=4.0 / 365.0, death_per_d=2.5 / 365.0)
    parts = [drawn(rng, 150), drawn(rng, 150), drawn(rng, 150, bad)]
    names = ("survival_d", "died", "progression_free_d", "failed", "first_event")
    joined = Endpoints(
        pseudonyms=tuple(str(i) for i in range(450)),
        **{n: np.concatenate([getattr(p, n) for p in parts]) for n in names},
    )
    pooled = {
        k: pool_centres(cohort_survival(joined, groups=groups))
        for k, groups in {"apart": ["x"] * 150 + ["y"] * 150 + ["z"] * 150, "mixed": ["x", "y", "z"] * 150}.items()
    }
    apart, mixed = (next(p for p in pooled[k] if (p.endpoint, p.landmark) == (FREE, "6 months")) for k in pooled)
    assert apart.pooled.i2 > 0.8
    assert mixed.pooled.i2 < 0.6
    assert apart.pooled.method == "reml"


def test_incidences_are_pooled_the_right_way_up():
    found = cohort_survival(drawn(np.random.default_rng(14), 600), groups=["x", "y"] * 300)
    relapse = CAUSES[FirstEvent.RELAPSE]
    pooled = next(p for p in pool_centres(found) if (p.endpoint, p.landmark) == (relapse, "12 months"))
    both = [found.of(relapse, c).at[2].estimate for c in "xy"]
    assert min(both) <= pooled.estimate <= max(both)
    assert pooled.low < pooled.estimate < pooled.high
