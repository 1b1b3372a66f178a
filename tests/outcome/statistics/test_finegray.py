"""Fine-Gray against R's cmprsk, Cox regression, score tests and simulated truth."""

from __future__ import annotations

import time

import numpy as np
import pytest

from hemadose.errors import FitError, InputError, QuantityError
from hemadose.outcome.statistics import fine_gray, gray_test


def test_three_covariates_against_cmprsk(cmprsk: dict[str, np.ndarray]) -> None:
    # tests/test.Rout.save: crr(ss, cc, cv), three rows with NA left out; printed to four digits
    whole = np.isfinite(cmprsk["cv"]).all(axis=1)
    assert whole.sum() == 97
    model = fine_gray(times=cmprsk["ss"][whole], status=cmprsk["cc"][whole], cause=1, covariates=cmprsk["cv"][whole])
    assert [e.coefficient for e in model.effects] == pytest.approx([-0.29130, -0.06346, -0.47510], abs=6e-5)
    assert [e.standard_error for e in model.effects] == pytest.approx([0.3698, 0.3566, 0.3544], abs=6e-5)
    assert [round(e.p, 2) for e in model.effects] == [0.43, 0.86, 0.18]


def test_one_covariate_against_cmprsk(cmprsk: dict[str, np.ndarray]) -> None:
    # crr(ss, cc, cv[, 1]): -0.1753, 0.354, p 0.62
    whole = np.isfinite(cmprsk["cv"][:, 0])
    model = fine_gray(times=cmprsk["ss"][whole], status=cmprsk["cc"][whole], cause=1, covariates=cmprsk["cv"][whole, 0])
    effect = model.effects[0]
    assert effect.coefficient == pytest.approx(-0.1753, abs=5e-5)
    assert effect.standard_error == pytest.approx(0.354, abs=5e-5)
    assert round(effect.p, 2) == 0.62


def naive(t: np.ndarray, s: np.ndarray, x: np.ndarray, beta: float) -> tuple[float, float]:
    """Score and robust variance for one covariate by loops over patients, Fine and Gray 1999, section 4."""
    n = t.size
    censor = np.unique(t[s == 0])

    def g(u: float) -> float:
        return float(np.prod([1 - ((t == c) & (s == 0)).sum() / (t >= c).sum() for c in censor if c < u]))

    def w(i: int, u: float) -> float:
        if t[i] >= u:
            return 1.0
        return g(u) / g(t[i]) if s[i] == 2 else 0.0

    events = np.unique(t[s == 1])
    risk = np.exp(beta * x)
    s0 = {u: sum(w(i, u) * risk[i] for i in range(n)) for u in events}
    mean = {u: sum(w(i, u) * risk[i] * x[i] for i in range(n)) / s0[u] for u in events}
    step = {u: ((t == u) & (s == 1)).sum() / s0[u] for u in events}
    score = sum(x[i] - mean[t[i]] for i in range(n) if s[i] == 1)
    info = sum(step[u] * sum(w(i, u) * risk[i] * (x[i] - mean[u]) ** 2 for i in range(n)) for u in events)
    eta = np.array(
        [
            (x[i] - mean[t[i]] if s[i] == 1 else 0.0)
            - sum((x[i] - mean[u]) * w(i, u) * risk[i] * step[u] for u in events)
            for i in range(n)
        ]
    )
    q = {
        c: sum(
            (x[i] - mean[u]) * w(i, u) * risk[i] * step[u]
            for i in range(n)
            if s[i] == 2 and t[i] < c
            for u in events
            if u >= c
        )
        for c in censor
    }
    psi = np.zeros(n)
    for i in range(n):
        for c in censor:
            if t[i] >= c:
                y = (t >= c).sum()
                psi[i] += q[c] / y * ((t[i] == c and s[i] == 0) - ((t == c) & (s == 0)).sum() / y)
    return float(score), float(((eta + psi) ** 2).sum() / info**2)


@pytest.mark.parametrize("cause", [1, 2])
def test_transplant_data_by_loops_over_patients(bmt: dict[str, np.ndarray], cause: int) -> None:
    # an independent, slow writing of the article's formulas, with many ties
    t, x = bmt["months"].astype(float), bmt["disease"].astype(float)
    s = np.where(bmt["status"] == 0, 0, np.where(bmt["status"] == cause, 1, 2))
    effect = fine_gray(times=t, status=s, cause=1, covariates=x).effects[0]
    score, variance = naive(t, s, x, effect.coefficient)
    assert score == pytest.approx(0.0, abs=1e-8)
    assert effect.standard_error**2 == pytest.approx(variance, rel=1e-9)


def test_without_competing_events_it_is_cox(cmprsk: dict[str, np.ndarray], bmt: dict[str, np.ndarray]) -> None:
    # lifelines 0.30.3 CoxPHFitter(robust=True), its own tolerance about 1e-6; statsmodels 0.15 PHReg, Breslow ties:
    # -0.57036553
    whole = np.isfinite(cmprsk["cv"]).all(axis=1)
    status = (cmprsk["cc"][whole] == 1).astype(int)
    model = fine_gray(times=cmprsk["ss"][whole], status=status, cause=1, covariates=cmprsk["cv"][whole])
    assert [e.coefficient for e in model.effects] == pytest.approx([-0.39449694, -0.18554038, -0.4096625], abs=2e-6)
    assert [e.standard_error for e in model.effects] == pytest.approx([0.37871093, 0.35301045, 0.3616016], abs=2e-6)
    ties = fine_gray(times=bmt["months"], status=bmt["status"] > 0, cause=1, covariates=bmt["disease"])
    assert ties.effects[0].coefficient == pytest.approx(-0.57036553, abs=1e-8)


def test_without_censoring_competing_patients_stay_for_ever() -> None:
    rng = np.random.default_rng(5)
    t, x, s = rng.exponential(size=200), rng.normal(size=200), rng.integers(1, 3, 200)
    stay = fine_gray(times=np.where(s == 2, t.max() + 1, t), status=(s == 1).astype(int), cause=1, covariates=x)
    model = fine_gray(times=t, status=s, cause=1, covariates=x)
    assert model.effects[0].coefficient == pytest.approx(stay.effects[0].coefficient, abs=1e-9)
    assert model.effects[0].standard_error == pytest.approx(stay.effects[0].standard_error, rel=1e-9)


def test_known_subdistribution_hazard_ratio() -> None:
    # F1(t | x) = 1 - (1 - p (1 - e^-t))^exp(x b), Fine and Gray 1999, section 5
    rng, n, beta, p = np.random.default_rng(7), 6000, np.array([0.5, -0.4]), 0.66
    x = np.column_stack([rng.integers(0, 2, n), rng.normal(size=n)])
    lift = np.exp(x @ beta)
    p1 = 1 - (1 - p) ** lift
    first = rng.random(n) < p1
    t1 = -np.log(1 - (1 - (1 - rng.random(n) * p1) ** (1 / lift)) / p)
    t = np.where(first, t1, rng.exponential(size=n) / np.exp(0.5 * x[:, 0]))
    censor = rng.uniform(0.2, 3, n)
    status = np.where(t <= censor, np.where(first, 1, 2), 0)
    model = fine_gray(times=np.minimum(t, censor), status=status, cause=1, covariates=x)
    for effect, truth in zip(model.effects, beta, strict=True):
        assert abs(effect.coefficient - truth) < 3 * effect.standard_error
        assert effect.standard_error < 0.05
    predicted = model.incidence(covariates=[0.0, 0.0], time=1.0)
    assert predicted == pytest.approx(p * (1 - np.exp(-1)), abs=0.03)


def test_wald_and_gray_agree_in_a_large_sample() -> None:
    # with follow-up of one length for all the risk set of Gray's test, Y (1 - F)/S, is that of Fine and Gray
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, 3000)
    t, s = rng.exponential(size=3000) / np.where(x == 1, 1.1, 1.0), rng.integers(1, 3, 3000)
    t, s = np.minimum(t, 2.0), np.where(t > 2.0, 0, s)
    z = fine_gray(times=t, status=s, cause=1, covariates=x).effects[0].z
    assert z**2 == pytest.approx(gray_test(times=t, status=s, cause=1, groups=x).statistic, rel=0.05)


def test_units_shift_and_order_do_not_matter(cmprsk: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    x, order = rng.normal(size=100), rng.permutation(100)
    one = fine_gray(times=cmprsk["ss"], status=cmprsk["cc"], cause=1, covariates=x)
    two = fine_gray(
        times=30 * cmprsk["ss"][order], status=cmprsk["cc"][order], cause=1, covariates=1000 * x[order] + 5e4
    )
    assert two.effects[0].coefficient * 1000 == pytest.approx(one.effects[0].coefficient, rel=1e-7)
    assert two.effects[0].p == pytest.approx(one.effects[0].p, rel=1e-6)
    assert two.incidence(covariates=[5e4 + 1000], time=30) == pytest.approx(
        one.incidence(covariates=[1], time=1), rel=1e-6
    )
    assert one.incidence(covariates=[0], time=0) == 0.0


def test_separation_is_an_error_not_a_huge_ratio() -> None:
    with pytest.raises(FitError, match="separates"):
        fine_gray(times=[1, 2, 3, 4, 5, 6], status=[1, 1, 1, 2, 0, 2], cause=1, covariates=[1, 1, 1, 0, 0, 0])


def test_covariate_that_does_not_vary_at_risk() -> None:
    with pytest.raises(InputError, match="at the events"):
        fine_gray(times=[1, 2, 3, 4], status=[0, 0, 1, 0], cause=1, covariates=[1, 0, 0, 0])


def test_no_variance_is_an_error_not_certainty() -> None:
    with pytest.raises(FitError, match="robust variance is zero"):
        fine_gray(times=[1, 2, 1, 2], status=[0, 1, 0, 1], cause=1, covariates=[1, 0, 1, 1])


def test_refusals() -> None:
    t, s = [1, 2, 3, 4], [1, 0, 1, 2]
    with pytest.raises(InputError, match="constant"):
        fine_gray(times=t, status=s, cause=1, covariates=[1, 1, 1, 1])
    with pytest.raises(InputError, match="collinear"):
        fine_gray(times=t, status=s, cause=1, covariates=[[1, 2], [2, 4], [3, 6], [4, 8]])
    with pytest.raises(QuantityError, match="missing"):
        fine_gray(times=t, status=s, cause=1, covariates=[1, np.nan, 0, 1], names=["age"])
    with pytest.raises(InputError, match="one name"):
        fine_gray(times=t, status=s, cause=1, covariates=[1, 0, 0, 1], names=["a", "b"])
    with pytest.raises(InputError, match="one row a patient"):
        fine_gray(times=t, status=s, cause=1, covariates=[1, 0])


def test_few_events_are_told(cmprsk: dict[str, np.ndarray]) -> None:
    few = fine_gray(times=cmprsk["ss"][:20], status=cmprsk["cc"][:20], cause=1, covariates=np.arange(20.0))
    assert any("exploratory" in note for note in few.notes)
    with pytest.raises(InputError, match="one value"):
        few.incidence(covariates=[1, 2], time=1)


def test_ten_thousand_patients_five_covariates() -> None:
    rng = np.random.default_rng(1)
    t, s, x = rng.exponential(size=10_000).round(3), rng.integers(0, 3, 10_000), rng.normal(size=(10_000, 5))
    start = time.process_time()
    fine_gray(times=t, status=s, cause=1, covariates=x)
    assert time.process_time() - start < 5.0
