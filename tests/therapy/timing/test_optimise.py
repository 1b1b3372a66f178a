"""Best activity and day: the published patients' kidney limits, brute force, shadow prices, impossible calendars."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError
from hemadose.therapy.timing.interval import CalendarRange
from hemadose.therapy.timing.optimise import CAP, RESIDUAL, PlanOption, optimise
from hemadose.therapy.timing.tail import exponential_residual
from hemadose.units import DAY_S, GBQ, HOUR_S


def option(marrow=0.47, hours=92.0, kidneys=0.91, cap_gbq=None, name="Lu-177", tumour=3.0, **spread):
    curve = exponential_residual(gy_per_bq=marrow / GBQ, half_lives_s=(hours * HOUR_S,), **spread)
    return PlanOption(
        name=name,
        residual=curve,
        gy_per_bq={"kidneys": kidneys / GBQ, "red_marrow": marrow / GBQ, "tumour": tumour / GBQ},
        cap_bq=None if cap_gbq is None else cap_gbq * GBQ,
    )


def best(*options, objective="red_marrow", kidneys=23.0, residual=1.0, calendar=None, **more):
    return optimise(
        options,
        objective=objective,
        limits_gy={"kidneys": kidneys},
        residual_limit_gy=residual,
        calendar=calendar or CalendarRange(first=7.0, last=21.0),
        **more,
    )


@pytest.mark.parametrize(
    ("kidneys", "gbq"),
    [(1.59, 14.47), (1.44, 15.97), (1.73, 13.29), (1.18, 19.49), (0.73, 31.51), (1.3, 17.69), (2.97, 7.74)],
)
def test_seed1_kidneys_set_the_activity_when_time_is_long(kidneys, gbq):
    """SEED1, Braitsch 2025 table 2: 23 Gy over the tracer study's coefficient."""
    (found,) = best(option(kidneys=kidneys), calendar=CalendarRange(first=0.0, last=60.0))
    assert found.activity_bq / GBQ == pytest.approx(gbq, rel=1e-3)
    assert found.active == "kidneys"


def test_d0a_kidneys_bind_on_day_14_and_the_marrow_before():
    """P2 with 92 h: 23 Gy / 1.44 = 15.97 GBq needs 92 h log2(0.57 * 15.97) = 12.2 d, so day 13."""
    p2 = option(marrow=0.57, kidneys=1.44)
    (found,) = best(p2)
    assert found.plateau_d == pytest.approx(92.0 / 24.0 * np.log2(0.57 * 23.0 / 1.44), abs=1e-4)
    assert found.interval_d == 13.0
    assert found.gain_per_day_gy == pytest.approx(0.0, abs=1e-12)
    assert found.loss_per_day_gy > 0.0
    (short,) = best(p2, calendar=CalendarRange(first=7.0, last=10.0))
    assert short.interval_d == 10.0
    assert short.active == RESIDUAL
    assert short.residual_gy == pytest.approx(1.0)


def test_one_day_more_buys_a_factor_of_the_half_life():
    (found,) = best(option(), kidneys=1e6, calendar=CalendarRange(first=7.0, last=14.0))
    assert found.active == RESIDUAL
    assert found.gain_per_day_gy == pytest.approx(found.objective_gy * (2 ** (24 / 92) - 1), rel=1e-9)
    assert found.loss_per_day_gy == pytest.approx(found.objective_gy * (1 - 2 ** (-24 / 92)), rel=1e-9)
    assert found.gain_per_unit == pytest.approx(found.objective_gy / 1.0)
    assert found.before_graft_gy == pytest.approx(found.objective_gy - 1.0)


def test_the_cap_is_named_and_priced_per_gbq():
    (found,) = best(option(cap_gbq=10.0))
    assert found.active == CAP
    assert found.activity_bq == pytest.approx(10.0 * GBQ)
    assert found.gain_per_unit == pytest.approx(0.47)


@pytest.mark.parametrize("objective", ["red_marrow", "tumour"])
def test_price_of_a_gray_against_a_second_run(objective):
    (found,) = best(option(), objective=objective, calendar=CalendarRange(first=21.0, last=21.0))
    (more,) = best(option(), objective=objective, kidneys=23.1, calendar=CalendarRange(first=21.0, last=21.0))
    assert found.active == "kidneys"
    assert (more.objective_gy - found.objective_gy) / 0.1 == pytest.approx(found.gain_per_unit, rel=1e-9)


def test_pentixather_nuclides_under_one_kidney_limit():
    """Haenscheid 2022 medians: 23 Gy are 25.27 GBq of 177Lu and 6.13 GBq of 90Y (PX4): 11.9 and 6.5 Gy to the marrow."""
    lu, y = best(option(), option(marrow=1.06, hours=49.5, kidneys=3.75, name="Y-90"))
    assert (lu.option.name, y.option.name) == ("Lu-177", "Y-90")
    assert lu.activity_bq / GBQ == pytest.approx(25.27, rel=1e-3)
    assert y.activity_bq / GBQ == pytest.approx(6.13, rel=1e-3)
    assert (lu.interval_d, y.interval_d) == (14.0, 7.0)
    # with seven days only, the shorter half-life wins
    early = best(
        option(),
        option(marrow=1.06, hours=49.5, kidneys=3.75, name="Y-90"),
        calendar=CalendarRange(first=7.0, last=7.0),
    )
    assert early[0].option.name == "Y-90"


def test_five_days_before_tbi_lengthen_the_interval():
    (found,) = best(option(kidneys=5.0), calendar=CalendarRange(first=7.0, last=21.0, first_tbi_day=-9.0))
    assert found.interval_d == 14.0
    assert found.loss_per_day_gy == pytest.approx(0.0, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(
    marrow=st.floats(0.1, 2.0),
    hours=st.floats(20, 150),
    kidneys=st.floats(0.3, 4.0),
    residual=st.floats(0.05, 2.0),
    first=st.integers(5, 15),
    length=st.integers(0, 12),
)
def test_never_beaten_by_brute_force(marrow, hours, kidneys, residual, first, length):
    """Every activity on a grid and every day that keeps all limits gives no more."""
    calendar = CalendarRange(first=float(first), last=float(first + length))
    one = option(marrow=marrow, hours=hours, kidneys=kidneys, cap_gbq=20.0, draws=2)
    (found,) = best(one, calendar=calendar, residual=residual)
    activity = np.linspace(0.0, 20.0, 2001)[:, None]
    days = calendar.days()[None, :]
    good = (activity * kidneys <= 23.0) & (activity * marrow * 2.0 ** (-24.0 * days / hours) <= residual)
    reached = np.where(good, activity * marrow, 0.0)
    assert found.objective_gy >= reached.max() - 1e-9
    assert found.objective_gy <= reached.max() + 0.0101 * marrow
    assert found.bounds[0].used == pytest.approx(1.0)
    assert all(bound.used <= 1.0 + 1e-12 for bound in found.bounds)
    # no earlier day reaches it
    earlier = calendar.days()[calendar.days() < found.interval_d - 1e-9]
    for day in earlier:
        most = min(23.0 / kidneys, 20.0, residual / (marrow * 2.0 ** (-24.0 * day / hours)))
        assert most * marrow < found.objective_gy - 1e-12


def test_a_chance_to_keep_lowers_activity_to_the_quantile():
    spread = {"relative_sd": 0.3, "half_life_relative_sd": 0.1, "draws": 4000}
    one = option(**spread)
    rng = np.random.default_rng(1)
    one = PlanOption(
        name="Lu-177",
        residual=one.residual,
        gy_per_bq=one.gy_per_bq,
        gy_per_bq_draws={"kidneys": 0.91 / GBQ * np.exp(0.3 * rng.standard_normal(4000))},
    )
    for calendar in (CalendarRange(first=8.0, last=8.0), CalendarRange(first=30.0, last=30.0)):
        (found,) = best(one, max_probability_exceeding=0.05, calendar=calendar)
        tail = one.residual.gy_per_bq_draws(from_s=found.interval_d * DAY_S) * found.activity_bq
        kidneys = one.gy_per_bq_draws["kidneys"] * found.activity_bq
        worst = max((tail > 1.0).mean(), (kidneys > 23.0).mean())
        assert worst == pytest.approx(0.05, abs=1e-3)


def test_a_probability_without_draws_is_refused():
    with pytest.raises(PlanningError, match="no draws"):
        best(option(), max_probability_exceeding=0.05)


@pytest.mark.parametrize(
    ("calendar", "match"),
    [
        ({"first": -1.0, "last": 5.0}, "cannot precede"),
        ({"first": 9.0, "last": 5.0}, "cannot precede"),
        ({"first": 1.0, "last": 5.0, "first_tbi_day": 1.0}, "comes before the transplant"),
        ({"first": 1.0, "last": 5.0, "first_tbi_day": 0.0}, "comes before the transplant"),
    ],
)
def test_impossible_calendars_are_refused(calendar, match):
    with pytest.raises(PlanningError, match=match):
        CalendarRange(**calendar)


def test_no_day_before_tbi_is_refused_with_the_day_that_is_needed():
    with pytest.raises(PlanningError, match="no day of the calendar") as caught:
        best(option(), calendar=CalendarRange(first=7.0, last=12.0, first_tbi_day=-9.0))
    assert "14" in caught.value.expected


def test_an_organ_without_a_coefficient_is_never_spared():
    with pytest.raises(PlanningError, match="no dose per activity of liver"):
        optimise(
            [option()],
            objective="red_marrow",
            limits_gy={"liver": 30.0},
            residual_limit_gy=1.0,
            calendar=CalendarRange(first=7.0, last=21.0),
        )


def test_two_marrow_coefficients_that_disagree_are_refused():
    with pytest.raises(QuantityError, match="disagree"):
        PlanOption(name="x", residual=option().residual, gy_per_bq={"red_marrow": 0.5 / GBQ})
