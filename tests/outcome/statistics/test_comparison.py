"""Log-rank and Gray's test against R and statsmodels, and against each other."""

from __future__ import annotations

import time

import numpy as np
import pytest

from hemadose.outcome.statistics import gray_test, logrank_test


def test_logrank_against_statsmodels(bmt: dict[str, np.ndarray], cmprsk: dict[str, np.ndarray]) -> None:
    # statsmodels 0.15 duration.survdiff: (1.9463848673108233, 0.16297694891756231) with ties; three groups
    # 4.152825104128036, p 0.1253791977050115; stratified 3.7958215208654065
    two = logrank_test(times=bmt["months"], events=bmt["status"], groups=bmt["disease"])
    assert two.statistic == pytest.approx(1.9463848673108233, abs=1e-10)
    assert two.p == pytest.approx(0.16297694891756231, abs=1e-10)
    three = logrank_test(times=cmprsk["ss"], events=cmprsk["cc"], groups=cmprsk["gg"])
    assert three.statistic == pytest.approx(4.152825104128036, abs=1e-10)
    assert three.degrees_of_freedom == 2
    strata = logrank_test(times=cmprsk["ss"], events=cmprsk["cc"], groups=cmprsk["gg"], strata=cmprsk["strt"])
    assert strata.statistic == pytest.approx(3.7958215208654065, abs=1e-10)
    assert strata.strata == 2


def test_fleming_harrington_against_statsmodels(cmprsk: dict[str, np.ndarray]) -> None:
    # statsmodels 0.15 survdiff(weight_type="fh", fh_p=1)
    found = logrank_test(times=cmprsk["ss"], events=cmprsk["cc"], groups=cmprsk["gg"], rho=1.0)
    assert found.statistic == pytest.approx(3.7054541065268727, abs=1e-10)


def test_gray_against_r_on_transplant_data(bmt: dict[str, np.ndarray]) -> None:
    # R cmprsk 2.2-11: treatment-related mortality 1.301635, p 0.253914871
    found = gray_test(times=bmt["months"], status=bmt["status"], cause=1, groups=bmt["disease"])
    assert found.statistic == pytest.approx(1.301635, abs=1e-6)
    assert found.p == pytest.approx(0.253914871, abs=1e-8)
    assert found.observed == (3, 6)
    assert any("only 9 events" in note for note in found.notes)


@pytest.mark.parametrize(
    ("column", "cause", "without", "statistic", "p"),
    # cmprsk tests/test.Rout.save, stratified, three groups; then without group b
    [
        ("ss", 1, None, 3.393977, 0.1832345),
        ("ss", 2, None, 1.989511, 0.3698139),
        ("dd", 1, None, 1.214132, 0.5449473),
        ("dd", 2, None, 3.269462, 0.1950048),
        ("ss", 1, "b", 3.5151549, 0.06080997),
        ("ss", 2, "b", 0.1400145, 0.70826655),
    ],
)
def test_gray_against_cmprsk(
    cmprsk: dict[str, np.ndarray], column: str, cause: int, without: str | None, statistic: float, p: float
) -> None:
    kept = cmprsk["gg"] != without
    found = gray_test(
        times=cmprsk[column][kept],
        status=cmprsk["cc"][kept],
        cause=cause,
        groups=cmprsk["gg"][kept],
        strata=cmprsk["strt"][kept],
    )
    assert found.statistic == pytest.approx(statistic, abs=6e-7)
    assert found.p == pytest.approx(p, abs=6e-8)


def test_gray_without_competing_events_has_the_scores_of_the_logrank_test(cmprsk: dict[str, np.ndarray]) -> None:
    # R = Y when nobody competes: observed - expected are those of the log-rank test; the variances differ little
    event = (cmprsk["cc"] == 1).astype(int)
    gray = gray_test(times=cmprsk["ss"], status=event, cause=1, groups=cmprsk["gg"])
    rank = logrank_test(times=cmprsk["ss"], events=event, groups=cmprsk["gg"])
    assert gray.observed == rank.observed
    assert gray.expected == pytest.approx(rank.expected, abs=1e-10)
    assert gray.statistic == pytest.approx(rank.statistic, rel=0.1)


def test_order_and_names_of_groups_do_not_matter(cmprsk: dict[str, np.ndarray]) -> None:
    renamed = np.array([{"a": "z", "b": "y", "c": "x"}[g] for g in cmprsk["gg"]])
    order = np.random.default_rng(3).permutation(100)
    one = gray_test(times=cmprsk["ss"], status=cmprsk["cc"], cause=2, groups=cmprsk["gg"])
    two = gray_test(times=cmprsk["ss"][order], status=cmprsk["cc"][order], cause=2, groups=renamed[order])
    assert one.statistic == pytest.approx(two.statistic, rel=1e-9)


def test_a_group_that_has_ended_leaves_the_comparison() -> None:
    # group a has died out (pooled incidence 1/2) before the first event of b: later events compare nobody
    t = np.arange(1, 21)
    found = gray_test(times=t, status=np.ones(20, dtype=int), cause=1, groups=np.repeat(["a", "b"], 10))
    assert np.isfinite(found.statistic)
    early = sum((10 - i) / (20 - i) for i in range(10))
    assert found.expected == pytest.approx((early, 20 - early))
    assert sum(found.expected) == pytest.approx(20)
    cut = gray_test(times=np.minimum(t, 11), status=(t < 11).astype(int), cause=1, groups=np.repeat(["a", "b"], 10))
    assert found.statistic == pytest.approx(cut.statistic, rel=1e-9)


def test_few_events_are_told() -> None:
    found = logrank_test(times=[1, 2, 3, 4, 5, 6], events=[1, 0, 1, 1, 0, 1], groups=list("ababab"))
    assert any("only 4 events" in note for note in found.notes)


def test_a_real_difference_is_seen_and_none_is_not() -> None:
    rng = np.random.default_rng(11)
    group = np.repeat([0, 1], 400)
    t = rng.exponential(size=800) / np.where(group == 1, 1.6, 1.0)
    status = rng.integers(1, 3, 800)
    assert logrank_test(times=t, events=status, groups=group).p < 1e-4
    assert gray_test(times=t, status=rng.permutation(status), cause=1, groups=rng.permutation(group)).p > 0.001


def test_ten_thousand_patients_in_a_moment() -> None:
    rng = np.random.default_rng(1)
    t, s, g = rng.exponential(size=10_000), rng.integers(0, 3, 10_000), rng.integers(0, 3, 10_000)
    start = time.process_time()
    gray_test(times=t, status=s, cause=1, groups=g)
    logrank_test(times=t, events=s, groups=g)
    assert time.process_time() - start < 1.0
