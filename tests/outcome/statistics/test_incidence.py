"""Cumulative incidence against R's cmprsk and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import InputError
from hemadose.outcome.statistics import cumulative_incidence, kaplan_meier


@pytest.mark.parametrize(
    ("cause", "disease", "expected"),
    # R cmprsk 2.2-11, CIF at 12 months, ALL (0) and AML (1)
    [(1, 0, 0.176471), (1, 1, 0.368186), (2, 0, 0.470588), (2, 1, 0.205707)],
)
def test_twelve_months_against_r(bmt: dict[str, np.ndarray], cause: int, disease: int, expected: float) -> None:
    mine = bmt["disease"] == disease
    curve = cumulative_incidence(times=bmt["months"][mine], status=bmt["status"][mine], cause=cause)
    assert curve.at(12).estimate == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("cause", "expected"), [(1, 0.27283898781), (2, 0.48126955216)])
def test_overall_exact_with_ties(bmt: dict[str, np.ndarray], cause: int, expected: float) -> None:
    curve = cumulative_incidence(times=bmt["months"], status=bmt["status"], cause=cause)
    assert curve.incidence[-1] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("cause", "estimates", "variances"),
    # cmprsk tests/test.Rout.save, print(cuminc(ss, cc)), times 1, 2, 3
    [
        (1, [0.2352861, 0.3287068, 0.4247898], [0.002062112, 0.002957844, 0.004170634]),
        (2, [0.2567862, 0.3931580, 0.4631781], [0.002190305, 0.003273248, 0.004004514]),
    ],
)
def test_estimates_and_variances_of_cmprsk(
    cmprsk: dict[str, np.ndarray], cause: int, estimates: list[float], variances: list[float]
) -> None:
    curve = cumulative_incidence(times=cmprsk["ss"], status=cmprsk["cc"], cause=cause)
    points = [curve.at(t) for t in (1, 2, 3)]
    assert [p.estimate for p in points] == pytest.approx(estimates, abs=6e-8)
    assert [p.standard_error**2 for p in points] == pytest.approx(variances, abs=6e-10)


@pytest.mark.parametrize(
    ("group", "cause", "at", "variance"),
    # same file, cuminc(dd$ss, cc, gg, strt), $var
    [("a", 1, 1, 0.006386094), ("b", 2, 2, 0.010928915), ("c", 1, 2, 0.012216283), ("c", 2, 2, 0.008944878)],
)
def test_variances_of_cmprsk_by_group(
    cmprsk: dict[str, np.ndarray], group: str, cause: int, at: float, variance: float
) -> None:
    mine = cmprsk["gg"] == group
    curve = cumulative_incidence(times=cmprsk["dd"][mine], status=cmprsk["cc"][mine], cause=cause)
    assert curve.at(at).standard_error ** 2 == pytest.approx(variance, abs=6e-10)


def aalen_by_hand(t: np.ndarray, s: np.ndarray, cause: int, at: float) -> float:
    """Sum of terms at each time, from the definition."""
    times = [u for u in np.unique(t[s > 0]) if u <= at]
    alive, f, steps = 1.0, 0.0, []
    for u in times:
        n, d1, d2 = (t >= u).sum(), ((t == u) & (s == cause)).sum(), ((t == u) & (s > 0) & (s != cause)).sum()
        f += alive * d1 / n
        after = alive * (1 - (d1 + d2) / n)
        steps.append((n, d1, d2, alive, after, f))
        alive = after
    total = 0.0
    for n, d1, d2, before, after, then in steps:
        rest = (f - then) / after if after > 0 else 0.0
        for d, lift in ((d1, 1 - rest), (d2, rest)):
            tie = (n - d) / (n - 1) if d > 1 else 1.0
            total += before**2 * d / n**2 * tie * lift**2
    return total


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), min_size=3, max_size=30))
def test_variance_by_brute_force(patients: list[tuple[int, int]]) -> None:
    t, s = np.array([p[0] for p in patients]), np.array([p[1] for p in patients])
    curve = cumulative_incidence(times=t, status=s, cause=1, causes=[1, 2])
    for i, u in enumerate(curve.times):
        assert curve.standard_error[i] ** 2 == pytest.approx(aalen_by_hand(t, s, 1, u), abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=40))
def test_causes_and_survival_add_to_one(patients: list[tuple[int, int]]) -> None:
    t, s = [p[0] for p in patients], [p[1] for p in patients]
    total = kaplan_meier(times=t, events=s).survival
    for cause in (1, 2, 3):
        total = total + cumulative_incidence(times=t, status=s, cause=cause, causes=[1, 2, 3]).incidence
    np.testing.assert_allclose(total, 1.0, atol=1e-12)


def test_one_cause_is_one_minus_kaplan_meier_with_greenwood(bmt: dict[str, np.ndarray]) -> None:
    event = (bmt["status"] > 0).astype(int)
    survival = kaplan_meier(times=bmt["months"], events=event)
    curve = cumulative_incidence(times=bmt["months"], status=event, cause=1, variance="delta", interval="complementary")
    np.testing.assert_allclose(curve.incidence, 1 - survival.survival, atol=1e-14)
    np.testing.assert_allclose(curve.standard_error, survival.standard_error, atol=1e-12)
    np.testing.assert_allclose(curve.high, 1 - survival.low, atol=1e-10)


def test_delta_variance_is_multinomial_without_censoring() -> None:
    status = np.array([1, 2, 1, 1, 2, 2, 1, 2, 1, 1])
    curve = cumulative_incidence(times=np.arange(1, 11), status=status, cause=1, variance="delta")
    for i in range(9):
        p = (status[: i + 1] == 1).sum() / 10
        assert curve.standard_error[i] ** 2 == pytest.approx(p * (1 - p) / 10, abs=1e-12)


def test_interval_of_tidycmprsk(bmt: dict[str, np.ndarray]) -> None:
    # tidycmprsk's documentation: x^exp(+-z se/(x log x))
    p = cumulative_incidence(times=bmt["months"], status=bmt["status"], cause=2).at(12)
    x, e, z = p.estimate, p.standard_error, 1.959963984540054
    expected = sorted(x ** np.exp(side * z * e / (x * np.log(x))) for side in (-1, 1))
    assert [p.low, p.high] == pytest.approx(expected)
    assert 0 < p.low < x < p.high < 1


@pytest.mark.parametrize("wrong", [{"variance": "greenwood"}, {"interval": "wald"}])
def test_unknown_names(wrong: dict[str, str]) -> None:
    with pytest.raises(InputError, match="unknown"):
        cumulative_incidence(times=[1, 2], status=[1, 0], cause=1, **wrong)


def test_read_between_and_beyond() -> None:
    curve = cumulative_incidence(times=[2, 4], status=[1, 0], cause=1)
    assert curve.at(1).estimate == 0.0
    assert curve.at(3).estimate == 0.5
    assert np.isnan(curve.at(5).estimate)


def test_an_incidence_that_reaches_one_has_no_interval_there():
    """Sums of shares leave 1 - 1e-16; no limits are made of that."""
    import warnings

    times = np.arange(1.0, 42.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve = cumulative_incidence(times=times, status=np.ones(41, dtype=int), cause=1, causes=[1])
    assert curve.incidence[-1] == 1.0
    assert np.isnan(curve.low[-1])
    assert np.isfinite(curve.low[-2])
