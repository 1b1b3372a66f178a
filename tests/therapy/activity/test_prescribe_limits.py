"""Limits, probabilities and refusals of the prescription."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError, ReferenceDataError
from hemadose.model import Limit, LimitKind
from hemadose.therapy.activity.prescribe import doses_from_coefficients, prescribe
from hemadose.therapy.timing.residual import mono_exponential_residual
from hemadose.units import DAY_S, GBQ, HOUR_S

KIDNEYS = Limit(name="kidneys", kind=LimitKind.TOTAL_DOSE, target="kidneys", value=23.0)
LIVER = Limit(name="liver", kind=LimitKind.TOTAL_DOSE, target="liver", value=30.0)
MARROW = Limit(name="red_marrow_after_infusion", kind=LimitKind.RESIDUAL_DOSE, target="red_marrow", value=1.0)
CAP = Limit(name="cap", kind=LimitKind.ACTIVITY, target="", value=10.0 * GBQ)
TWO_WEEKS = 14 * DAY_S


def study(kidneys=1.59, liver=0.4, marrow=0.42, sd=0.0):
    residual = mono_exponential_residual(gy_per_bq=marrow / GBQ, effective_half_life_s=92 * HOUR_S, relative_sd=sd)
    return doses_from_coefficients({"kidneys": kidneys / GBQ, "liver": liver / GBQ}, residual=residual, relative_sd=sd)


@given(kidneys=st.floats(0.3, 4.0), liver=st.floats(0.1, 4.0), marrow=st.floats(0.05, 3.0), step=st.floats(0.01, 0.5))
def test_proposal_meets_every_limit_and_one_more_step_breaks_the_active(kidneys, liver, marrow, step):
    limits = [KIDNEYS, LIVER, MARROW, CAP]
    result = prescribe(
        study(kidneys, liver, marrow), limits=limits, interval_to_infusion_s=TWO_WEEKS, rounding_bq=step * GBQ
    )
    assert not result.violations
    active = next(o for o in result.outcomes if o.active)
    assert result.active_limit == active.limit.name
    assert active.max_activity_bq == min(o.max_activity_bq for o in result.outcomes)
    more = prescribe(
        study(kidneys, liver, marrow),
        limits=limits,
        interval_to_infusion_s=TWO_WEEKS,
        chosen_activity_bq=result.activity_bq + 1.001 * step * GBQ,
    )
    assert active.limit.name in [o.limit.name for o in more.violations]


def test_one_more_limit_never_allows_more():
    few = prescribe(study(), limits=[KIDNEYS])
    many = prescribe(study(), limits=[KIDNEYS, CAP])
    assert many.activity_bq < few.activity_bq
    assert many.active_limit == "cap"


def test_rounding_is_downward_and_exact_steps_stay():
    assert prescribe(study(kidneys=2.3), limits=[KIDNEYS]).activity_bq / GBQ == pytest.approx(10.0)
    assert prescribe(study(kidneys=2.301), limits=[KIDNEYS]).activity_bq / GBQ == pytest.approx(9.9)


@pytest.mark.parametrize("chosen", [0.0, -1e9, float("nan"), float("inf")])
def test_a_chosen_activity_must_be_one(chosen):
    with pytest.raises(QuantityError, match="chosen_activity_bq"):
        prescribe(study(), limits=[KIDNEYS], chosen_activity_bq=chosen)


@pytest.mark.parametrize("step", [0.0, -1e8, float("nan")])
def test_the_rounding_step_must_be_positive(step):
    with pytest.raises(QuantityError, match="rounding_bq"):
        prescribe(study(), limits=[KIDNEYS], rounding_bq=step)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, 2.0])
def test_the_probability_lies_between_zero_and_one(probability):
    for sd in (0.0, 0.1):
        with pytest.raises(QuantityError, match="between 0 and 1"):
            prescribe(study(sd=sd), limits=[KIDNEYS], max_probability_exceeding=probability)


def test_two_limits_of_one_name_are_refused():
    stricter = Limit(name="kidneys", kind=LimitKind.TOTAL_DOSE, target="kidneys", value=18.0)
    with pytest.raises(PlanningError, match="same name"):
        prescribe(study(), limits=[KIDNEYS, stricter])


def test_a_residual_limit_is_for_the_marrow():
    other = Limit(name="kidneys_later", kind=LimitKind.RESIDUAL_DOSE, target="kidneys", value=1.0)
    with pytest.raises(PlanningError, match="red_marrow only"):
        prescribe(study(), limits=[other], interval_to_infusion_s=TWO_WEEKS)
    without = doses_from_coefficients({"kidneys": 1.59 / GBQ})
    with pytest.raises(PlanningError, match="needs the curve"):
        prescribe(without, limits=[MARROW], interval_to_infusion_s=TWO_WEEKS)


def test_a_limit_of_an_organ_without_dose_is_an_error():
    spleen = Limit(name="spleen", kind=LimitKind.TOTAL_DOSE, target="spleen", value=20.0)
    with pytest.raises(ReferenceDataError, match="spleen"):
        prescribe(study(), limits=[spleen])


def test_the_probability_rule_only_ever_tightens():
    """Even a rule of 90 % keeps the best estimate within the limit."""
    plain = prescribe(study(sd=0.15), limits=[KIDNEYS], rounding_bq=0.001 * GBQ)
    lax = prescribe(study(sd=0.15), limits=[KIDNEYS], rounding_bq=0.001 * GBQ, max_probability_exceeding=0.9)
    strict = prescribe(study(sd=0.15), limits=[KIDNEYS], rounding_bq=0.001 * GBQ, max_probability_exceeding=0.05)
    assert lax.activity_bq == pytest.approx(plain.activity_bq)
    assert strict.activity_bq < 0.9 * plain.activity_bq
    assert not lax.violations


def test_the_probability_rule_without_uncertainty_says_so():
    silent = prescribe(study(), limits=[KIDNEYS], max_probability_exceeding=0.05)
    assert any("no uncertainty is known" in n for n in silent.notes)
    assert not any("no uncertainty" in n for n in prescribe(study(), limits=[KIDNEYS]).notes)
    known = prescribe(study(sd=0.1), limits=[KIDNEYS, CAP], max_probability_exceeding=0.05)
    assert not any("no uncertainty" in n for n in known.notes)


def test_probability_is_that_of_the_normal_law():
    """Kidneys log-normal, 10 %: P(dose > limit) at 0.9 of the largest activity is 14.6 %."""
    result = prescribe(study(sd=0.1), limits=[KIDNEYS], chosen_activity_bq=0.9 * 23.0 / 1.59 * GBQ)
    assert result.outcomes[0].probability_exceeding == pytest.approx(0.146, abs=0.03)
    assert any("probability" in n for n in result.notes)
    low = prescribe(study(sd=0.1), limits=[KIDNEYS], chosen_activity_bq=5 * GBQ)
    assert low.outcomes[0].probability_exceeding == 0.0
    assert not any("probability" in n for n in low.notes)


def test_broken_limits_are_named_with_units():
    result = prescribe(study(), limits=[KIDNEYS, CAP], chosen_activity_bq=20 * GBQ)
    assert "kidneys: 31.8 Gy exceeds the limit of 23 Gy" in result.notes
    assert "cap: 20 GBq exceeds the limit of 10 GBq" in result.notes
    assert result.active_limit == "chosen"


def test_too_early_an_infusion_is_said():
    early = prescribe(study(), limits=[KIDNEYS, MARROW], interval_to_infusion_s=3 * DAY_S, chosen_activity_bq=14 * GBQ)
    assert early.earliest_infusion_s > early.interval_to_infusion_s
    assert any("not be infused before" in n for n in early.notes)
    assert early.activity_for_interval_bq < early.activity_bq
    late = prescribe(study(), limits=[KIDNEYS, MARROW], interval_to_infusion_s=TWO_WEEKS)
    assert not any("not be infused before" in n for n in late.notes)


def test_uncertainties_of_organs_and_marrow_are_not_one_and_the_same():
    doses = study(sd=0.2)
    tail = doses.marrow_residual.gy_per_bq_draws(from_s=TWO_WEEKS)
    for organ in doses.organs:
        assert abs(np.corrcoef(organ.gy_per_bq_draws, tail)[0, 1]) < 0.1


def test_coefficients_must_be_positive():
    with pytest.raises(QuantityError, match="kidneys"):
        doses_from_coefficients({"kidneys": 0.0})
