"""The dose budget against closed forms: log-normal products, sums, ratios, smallest of several limits."""

from __future__ import annotations

from math import erf, log, sqrt

import numpy as np
import pytest

from hemadose.dose.uncertainty import (
    BudgetInputs,
    CurveDraws,
    RegionInput,
    TailInput,
    TargetInput,
    dose_relative_sd,
    dose_variances,
    known_curves,
    make_budget,
    s_value_relative_sd,
    tail_variances,
)
from hemadose.dose.uncertainty.montecarlo import COMMON, CURVE, LOCAL, Chain, model_index, sigma
from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Limit, LimitKind
from hemadose.model.budget import Component, QuantityKind

DRAWS = 40_000
TIA = 1e11


def region(name="kidney", **changes):
    return RegionInput(name=name, integrals_bq_s=(TIA,), **changes)


def target(name="kidney", own=(1e-19,), cross=(0.0,), **changes):
    return TargetInput(name=name, own=np.array(own), cross=np.array(cross), **changes)


def simple(*, target_changes=None, s=0.0, **region_changes):
    return BudgetInputs(
        regions=(region(**region_changes),), targets=(target(**(target_changes or {})),), s_value_relative_sd=s
    )


def budget(inputs, *, limits=(), curves=None, **options):
    held = curves or [known_curves(r.integrals_bq_s, DRAWS) for r in inputs.regions]
    return make_budget(inputs, held, limits=limits, **options)


def dose_line(found, name="kidney"):
    return found.quantity(name, QuantityKind.DOSE)


def limit(value=20.0, organ="kidney", kind=LimitKind.TOTAL_DOSE, name=None):
    return Limit(name=name or organ or "cap", kind=kind, target=organ, value=value)


def test_product_of_log_normal_factors():
    """var = exp(s^2) (exp(s^2) - 1) with s^2 the sum of log(1 + u^2); to first order the root of the squares."""
    sds = (0.05, 0.04, 0.2, 0.03)
    found = dose_line(
        budget(simple(calibration=sds[0], recovery=sds[1], target_changes={"mass_relative_sd": sds[2]}, s=sds[3]))
    )
    total = sum(log(1.0 + u**2) for u in sds)
    assert found.analytic_relative_sd == pytest.approx(sqrt(sum(u**2 for u in sds)))
    assert found.relative_sd == pytest.approx(sqrt(np.exp(total) * np.expm1(total)), rel=0.02)
    assert found.best == pytest.approx(1e-8)
    shares = {s.component: s for s in found.shares}
    assert set(shares) == {Component.CALIBRATION, Component.RECOVERY, Component.MASS, Component.S_VALUE}
    for component, sd in zip(
        (Component.CALIBRATION, Component.RECOVERY, Component.MASS, Component.S_VALUE), sds, strict=True
    ):
        assert shares[component].analytic == pytest.approx(sd**2 / sum(u**2 for u in sds))
        assert shares[component].first_order == pytest.approx(shares[component].analytic, abs=0.03)
        assert shares[component].total >= shares[component].first_order - 0.02
    assert found.dominant.component is Component.MASS
    assert "mass gives" in found.sentence
    assert sum(s.analytic for s in found.shares) == pytest.approx(1.0)


def test_the_outline_cancels_where_activity_and_mass_follow_it_alike():
    """Gear 2018: u(TIA, S). Activity as v^1, mass as v^1: the concentration, and the dose, do not move."""
    both = simple(volume=0.2, volume_exponent=1.0, target_changes={"mass_follows": np.array([1.0])}, s=0.01)
    found = dose_line(budget(both))
    assert found.share(Component.VOLUME) is None
    assert found.relative_sd == pytest.approx(0.01, rel=0.03)
    apart = dose_line(budget(simple(volume=0.2, volume_exponent=1.0, s=0.01)))
    assert apart.share(Component.VOLUME).first_order > 0.98
    half = dose_line(budget(simple(volume=0.1, volume_exponent=0.5, target_changes={"mass_follows": np.array([1.0])})))
    assert half.analytic_relative_sd == pytest.approx(0.05)
    assert half.relative_sd == pytest.approx(0.05, rel=0.02)


def test_gear_closed_forms():
    """u(S)/S = |c2| u(m)/m; the covariance of TIA and S adds twice."""
    assert s_value_relative_sd(mass_relative_sd=0.1, mass_exponent=-0.96) == pytest.approx(0.096)
    together = dose_relative_sd(tia_relative_sd=0.06, s_value_relative_sd=0.08, correlation=0.5)
    assert together == pytest.approx(sqrt(0.06**2 + 0.08**2 + 0.06 * 0.08))
    for bad in ({"tia_relative_sd": -0.1}, {"correlation": 2.0}):
        with pytest.raises(QuantityError):
            dose_relative_sd(**{"tia_relative_sd": 0.1, "s_value_relative_sd": 0.1, **bad})


def two_organs(**changes):
    regions = (region("kidney", **changes), region("liver", **changes))
    targets = (
        target("kidney", own=(1e-19, 0.0), cross=(0.0, 0.0)),
        target("liver", own=(0.0, 4e-20), cross=(0.0, 0.0)),
    )
    return BudgetInputs(regions=regions, targets=targets)


@pytest.mark.parametrize(("changes", "expected"), [({"calibration": 0.05}, 1.0), ({"volume": 0.05}, 0.0)])
def test_what_is_shared_between_organs_correlates_them(changes, expected):
    assert budget(two_organs(**changes)).correlation[0, 1] == pytest.approx(expected, abs=0.02)


def test_a_remainder_takes_an_error_of_the_organ_off_again():
    """Cross-dose from whole body less kidney: the kidney's own error enters with both signs."""
    regions = (region("kidney", scale=0.1), region("whole_body"))
    goal = target("kidney", own=(1e-19, 0.0), cross=(-1e-20, 1e-20))
    inputs = BudgetInputs(regions=regions, targets=(goal,))
    best, parts = dose_variances(inputs, 0)
    assert best == pytest.approx(1e-8)
    assert sqrt(parts[Component.SCALE]) / best == pytest.approx(0.1 * 0.9)
    assert dose_line(budget(inputs)).relative_sd == pytest.approx(0.09, rel=0.02)


def tail_inputs(rest):
    regions = (
        RegionInput(name="lumbar_l2_l4", integrals_bq_s=(TIA, 0.1 * TIA), calibration=0.05, marrow_fraction=0.1),
        RegionInput(name="whole_body", integrals_bq_s=(TIA, 0.1 * TIA)),
    )
    goal = target("red_marrow", own=(1e-19, 0.0), cross=(-rest, rest))
    tail = TailInput(
        target="red_marrow", own=np.array([1e-19, 0.0]), cross=np.zeros(2), difference=np.array([-1.2 * rest, rest])
    )
    return BudgetInputs(regions=regions, targets=(goal,), tail=tail)


def test_a_negative_remainder_takes_nothing_off_the_tail():
    """At the infusion the difference is negative: it counts as nothing, at best and in every draw."""
    best, parts = tail_variances(tail_inputs(1e-20))
    assert best == pytest.approx(1e-9)
    assert sqrt(sum(parts.values())) / best == pytest.approx(sqrt(0.05**2 + 0.1**2))
    found = budget(tail_inputs(1e-20)).quantity("red_marrow", QuantityKind.RESIDUAL)
    assert found.best == pytest.approx(1e-9)
    assert found.relative_sd == pytest.approx(sqrt(0.05**2 + 0.1**2), rel=0.03)


def test_permitted_activity_and_probability_in_closed_form():
    """P(dose > limit) = Phi(ln(A d / L) / s) for a log-normal dose."""
    inputs = simple(calibration=0.2)
    spread = float(sigma(0.2))
    found = budget(inputs, limits=[limit(20.0)], activity_bq=1.8e9)
    line = found.quantity("kidney", QuantityKind.PERMITTED)
    assert line.best == pytest.approx(2e9)
    assert line.low == pytest.approx(2e9 * np.exp(-1.96 * spread), rel=0.02)
    (chance,) = found.probabilities
    expected = 0.5 * (1.0 + erf(log(0.9) / spread / sqrt(2.0)))
    assert chance.probability == pytest.approx(expected, abs=4.0 * chance.standard_error)
    assert chance.prescribed is None


def test_the_smallest_of_two_limits():
    """Equal medians, independent: the mean of the smaller lies sd / sqrt(pi) below, and the budget says why it differs."""
    regions = (region("kidney", volume=0.1), region("liver", volume=0.1))
    targets = (
        target("kidney", own=(1e-19, 0.0), cross=(0.0, 0.0)),
        target("liver", own=(0.0, 1e-19), cross=(0.0, 0.0)),
    )
    found = budget(BudgetInputs(regions=regions, targets=targets), limits=[limit(20.0), limit(20.0, organ="liver")])
    line = found.quantities[-1]
    assert line.kind is QuantityKind.PROPOSED
    assert line.median < line.best
    spread = float(sigma(0.1))
    expected = spread * sqrt(1.0 - 1.0 / np.pi) * np.exp(-spread / sqrt(np.pi))
    assert line.sd / line.best == pytest.approx(expected, rel=0.02)
    assert "another limit is the smallest in 50 %" in line.why_different


@pytest.mark.parametrize(("cap", "known"), [(1e9, True), (2.2e9, False)])
def test_a_cap_bounds_every_draw(cap, known):
    found = budget(simple(calibration=0.1), limits=[limit(20.0), limit(cap, organ="", kind=LimitKind.ACTIVITY)])
    line = found.quantities[-1]
    assert line.high <= cap
    assert line.best == pytest.approx(min(cap, 2e9))
    assert (line.sd < 1e-3 * line.best) is known
    assert [q.name for q in found.quantities if q.kind is QuantityKind.PERMITTED] == ["kidney"]


def test_no_uncertainty_is_no_error():
    found = dose_line(budget(simple()))
    assert found.sd == 0.0
    assert found.dominant is None
    assert found.sentence == "no uncertainty is known"


def curve_draws(rng, *, spread=0.1, models=(1.0, 1.2), share=0.3):
    noise = np.exp(spread * rng.standard_normal(DRAWS))
    choice = (rng.random(DRAWS) < share).astype(np.int64)
    factor = np.array(models)[choice]
    return CurveDraws(
        samples=TIA * noise[None], both=TIA * (noise * factor)[None], models=TIA * factor[None], choice=choice
    )


def test_samples_and_model_are_told_apart():
    """Shares of a product of noise and a two-point factor: p (1 - p) d^2 against the variance of the noise."""
    inputs = simple(samples_variance=(0.01,), model_variance=(0.3 * 0.7 * 0.04,), stated_share=0.25)
    found = dose_line(budget(inputs, curves=[curve_draws(np.random.default_rng(1))]))
    shares = {s.component: s.first_order for s in found.shares}
    assert shares[Component.MODEL] == pytest.approx(0.0084 / 0.0204, abs=0.05)
    samples = shares[Component.COUNTING] + shares[Component.SCATTER]
    assert samples == pytest.approx(1.0 - shares[Component.MODEL], abs=0.02)
    assert shares[Component.COUNTING] == pytest.approx(0.25 * samples, rel=1e-6)


def test_the_compiled_loop_against_plain_arrays():
    """The same draws through the equation of the module text, written in numpy."""
    rng = np.random.default_rng(3)
    regions = tuple(
        RegionInput(name=n, integrals_bq_s=(TIA, TIA / 9), calibration=0.1, recovery=0.05, scale=0.07, shared=0.02,
                    marrow_fraction=f, volume=0.1, volume_exponent=0.4)
        for n, f in (("kidney", 0.0), ("lumbar", 0.1))
    )  # fmt: skip
    targets = (
        target("kidney", own=(1e-19, 0.0), cross=(0.0, 1e-20), mass_relative_sd=0.1, mass_follows=np.array([1.0, 0.0])),
        target("red_marrow", own=(0.0, 2e-19), cross=(3e-20, 0.0), fixed=1e-9, mass_relative_sd=0.2, mass_exponent=0.9),
    )
    tail = TailInput(
        target="red_marrow",
        own=np.array([0.0, 2e-19]),
        cross=np.array([1e-20, 0.0]),
        difference=np.array([-2e-20, 1e-20]),
    )
    inputs = BudgetInputs(regions=regions, targets=targets, tail=tail, s_value_relative_sd=0.03)
    draws = [np.exp(0.1 * rng.standard_normal((2, 2000))) * np.array([[TIA], [TIA / 9]]) for _ in regions]
    curves = [CurveDraws(samples=d, both=d, models=d, choice=np.zeros(2000, dtype=np.int64)) for d in draws]
    chain = Chain(inputs, curves, seed=5)
    for cause in (None, Component.VOLUME, CURVE, Component.MASS, Component.CALIBRATION):
        found = chain.all() if cause is None else chain.exchanged(cause)
        index = np.arange(2000)
        other = np.roll(index, -1000)
        at = lambda c: index if cause is None or c == cause else other  # noqa: B023, E731
        logs = sum(sd[:, None] * z[at(c)] for c, sd, z in zip(COMMON, chain._common_sd, chain._common, strict=True))
        local = {c: sd[:, None] * z[:, at(c)] for c, sd, z in zip(LOCAL, chain._local_sd, chain._local, strict=True)}
        logs = logs + local[Component.SCALE] + 0.4 * local[Component.VOLUME]
        x = np.exp(logs) * np.stack([d[0, at(CURVE)] for d in draws])
        y = np.exp(logs) * np.stack([d[1, at(CURVE)] for d in draws])
        mass = chain._mass[:, at(Component.MASS)] + np.stack([local[Component.VOLUME][0], np.zeros(2000)])
        light = np.exp(-np.array([[1.0], [0.9]]) * mass)
        s = np.exp(chain._s_value[at(Component.S_VALUE)])
        kidney = s * (light[0] * 1e-19 * x[0] + 1e-20 * x[1])
        marrow = s * (light[1] * 2e-19 * x[1] + 3e-20 * x[0] + 1e-9)
        left = s * (light[1] * 2e-19 * y[1] + 1e-20 * y[0] + np.maximum(1e-20 * y[1] - 2e-20 * y[0], 0.0))
        assert found.targets[0] == pytest.approx(kidney, rel=1e-10)
        assert found.targets[1] == pytest.approx(marrow, rel=1e-10)
        assert found.tail == pytest.approx(left, rel=1e-10)


def test_model_index_of_chance_groups_is_nothing():
    rng = np.random.default_rng(1)
    values = rng.standard_normal(DRAWS)
    assert model_index(values, [rng.integers(0, 4, DRAWS)]) == pytest.approx(0.0, abs=3e-4)


@pytest.mark.parametrize(
    "build",
    [
        lambda: region(calibration=-0.1),
        lambda: region(volume=float("nan")),
        lambda: RegionInput(name="kidney", integrals_bq_s=(-1.0,)),
        lambda: RegionInput(name="kidney", integrals_bq_s=(1.0, 1.0), samples_variance=(0.1,)),
        lambda: target(mass_relative_sd=-0.1),
        lambda: target(own=(np.nan,)),
        lambda: target(own=(1e-19, 1e-19)),
        lambda: BudgetInputs(regions=(), targets=(target(),)),
        lambda: BudgetInputs(regions=(region(), region()), targets=(target(own=(1e-19, 0.0), cross=(0.0, 0.0)),)),
        lambda: BudgetInputs(regions=(region(),), targets=(target(own=(1e-19, 0.0), cross=(0.0, 0.0)),)),
        lambda: simple(s=-0.1),
        lambda: CurveDraws(
            samples=np.ones((1, 10)), both=np.ones((1, 9)), models=np.ones((1, 10)), choice=np.zeros(10, int)
        ),
        lambda: CurveDraws(
            samples=np.full((1, 4), np.nan), both=np.ones((1, 4)), models=np.ones((1, 4)), choice=np.zeros(4, int)
        ),
        lambda: CurveDraws(
            samples=np.ones((1, 4)), both=np.ones((1, 4)), models=np.ones((1, 4)), choice=np.zeros(3, int)
        ),
        lambda: budget(simple(), curves=[known_curves((TIA,), 100)]),
        lambda: budget(simple(), curves=[known_curves((TIA,), 2001)]),
        lambda: budget(two_organs(), curves=[known_curves((TIA,), 2000), known_curves((TIA,), 4000)]),
        lambda: budget(two_organs(), curves=[known_curves((TIA,), 2000)]),
    ],
)
def test_bad_input_is_refused(build):
    with pytest.raises(QuantityError):
        build()


def test_a_limit_without_its_dose_is_refused():
    with pytest.raises(PlanningError, match="liver"):
        budget(simple(), limits=[limit(20.0, organ="liver")])
    with pytest.raises(PlanningError, match="tail"):
        budget(simple(), limits=[limit(1.0, kind=LimitKind.RESIDUAL_DOSE)])
    nothing = BudgetInputs(regions=(region(),), targets=(target(own=(0.0,)),))
    with pytest.raises(PlanningError, match="not positive"):
        budget(nothing, limits=[limit(20.0)])
