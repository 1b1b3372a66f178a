"""Several therapies on one clock: published numbers, brute force over events, limits, draws."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose import fractionated_bed_gy
from hemadose.dose.radiobiology import (
    DoseRate,
    Fractions,
    Repair,
    TissueResponse,
    daily_times_s,
    total_effect,
)
from hemadose.errors import QuantityError
from hemadose.model import ResidualDose
from hemadose.units import DAY_S, LN2
from hemadose.units import HOUR_S as H

KIDNEYS = TissueResponse(organ="kidneys", alpha_beta_gy=2.6, repair=Repair(half_lives_s=(2.8 * H,)))
TWO_PHASES = TissueResponse(
    organ="kidneys", alpha_beta_gy=2.6, repair=Repair(half_lives_s=(0.5 * H, 6.0 * H), weights=(0.5, 0.5))
)


def agent(*, day=-15.0, dose=23.0, hours=(41.0,), shares=(1.0,), name="agent", **more):
    return DoseRate.from_dose(
        name, start_s=day * DAY_S, dose_gy=dose, half_lives_s=tuple(h * H for h in hours), shares=shares, **more
    )


def tbi(*, fractions=5, per_day=1, gap_h=8.0, day=-9.0, gy=2.0, **more):
    times = daily_times_s(fractions=fractions, per_day=per_day, gap_s=gap_h * H, first_s=day * DAY_S)
    return Fractions(name="TBI", times_s=times, doses_gy=np.full(fractions, gy), **more)


def brute_bed(components, tissue, *, step_s):
    """BED of everything as many small instants: d_i d_j phi(|t_i - t_j|), own squares included."""
    times, doses = [], []
    for c in components:
        if isinstance(c, Fractions):
            times.append(c.times_s)
            doses.append(c.doses_gy)
        else:
            edges = c.start_s + np.arange(0.0, 14 * LN2 / c.rates_per_s.min(), step_s)
            times.append((edges[:-1] + edges[1:]) / 2.0)
            doses.append(np.diff(c.given_gy(edges)))
    t, d = np.concatenate(times), np.concatenate(doses)
    left = tissue.repair.unrepaired(np.abs(t[:, None] - t[None, :]))
    return float(d.sum() + d @ left @ d / tissue.alpha_beta_gy)


def test_bed3_of_the_check_cases():
    # check-cases.json BED3: 5 x 2 Gy of TBI, alpha/beta 2.6 and 10; two a day 8 h apart; sum with BED1
    apart = Fractions(name="TBI", times_s=np.arange(5) * 1e9, doses_gy=np.full(5, 2.0))
    assert total_effect([apart], tissue=KIDNEYS).bed_gy == pytest.approx(17.692, abs=1e-3)
    early = TissueResponse(organ="x", alpha_beta_gy=10.0, repair=KIDNEYS.repair)
    assert total_effect([apart], tissue=early).bed_gy == pytest.approx(12.0)
    day = total_effect([tbi(fractions=2, per_day=2)], tissue=KIDNEYS)
    assert day.bed_gy == pytest.approx(7.5016, rel=1e-4)
    assert total_effect([tbi(fractions=1)], tissue=KIDNEYS).bed_gy * 2 == pytest.approx(7.0769, rel=1e-4)
    far = agent(day=-1e6)
    both = total_effect([far, apart], tissue=KIDNEYS)
    assert both.bed_gy == pytest.approx(53.699, rel=1e-4)
    assert both.between_bed_gy == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("per_day", [2, 3, 4])
def test_equal_gaps_within_a_day_are_thames_1985(per_day):
    one_day = total_effect([tbi(fractions=per_day, per_day=per_day, gap_h=5.0)], tissue=KIDNEYS)
    known = fractionated_bed_gy(
        fractions=per_day,
        dose_per_fraction_gy=2.0,
        alpha_beta_gy=2.6,
        same_day=per_day,
        gap_s=5 * H,
        repair_half_life_s=2.8 * H,
    )
    assert one_day.bed_gy == pytest.approx(known)


@pytest.mark.parametrize("tissue", [KIDNEYS, TWO_PHASES])
@pytest.mark.parametrize(
    "components",
    [
        (agent(day=-12.0, hours=(41.0,)), tbi(per_day=2)),
        (agent(day=-8.6, hours=(20.0, 3.0), shares=(1.0, -1.0)), tbi(per_day=2)),
        (agent(day=-3.0), agent(day=-2.0, hours=(10.0, 2.8), shares=(0.5, 0.5), dose=8.0, name="second")),
        (agent(day=-2.0, dose=8.0, hours=(10.0,), name="second"), agent(day=-2.0), tbi(day=-1.9)),
    ],
)
def test_overlaps_against_many_small_instants(components, tissue):
    exact = total_effect(components, tissue=tissue)
    assert exact.bed_gy == pytest.approx(brute_bed(components, tissue, step_s=0.25 * H), rel=6e-3)
    backwards = total_effect(components[::-1], tissue=tissue)
    assert backwards.bed_gy == pytest.approx(exact.bed_gy, rel=1e-12)
    assert exact.own_bed_gy.sum() + exact.between_bed_gy == pytest.approx(exact.bed_gy)


def test_one_agent_cut_in_two_is_the_same():
    # an administration is the same as two half administrations at the same time
    whole = total_effect([agent()], tissue=TWO_PHASES).bed_gy
    halves = [agent(dose=11.5, name="a"), agent(dose=11.5, name="b")]
    assert total_effect(halves, tissue=TWO_PHASES).bed_gy == pytest.approx(whole)


def test_a_very_short_lived_agent_is_a_fraction():
    short = agent(day=0.0, dose=6.0, hours=(1e-5,))
    single = Fractions(name="one", times_s=[0.0], doses_gy=[6.0])
    for other in (agent(day=-1.0, name="other"), agent(day=0.5, name="other")):
        assert total_effect([short, other], tissue=KIDNEYS).bed_gy == pytest.approx(
            total_effect([single, other], tissue=KIDNEYS).bed_gy, rel=1e-4
        )


def test_repair_as_slow_as_the_agent_has_no_singularity():
    tissue = TissueResponse(organ="x", alpha_beta_gy=3.0, repair=Repair(half_lives_s=(41.0 * H,)))
    near = TissueResponse(organ="x", alpha_beta_gy=3.0, repair=Repair(half_lives_s=(41.0001 * H,)))
    parts = [agent(day=-3.0), tbi(day=-2.0)]
    assert total_effect(parts, tissue=tissue).bed_gy == pytest.approx(total_effect(parts, tissue=near).bed_gy, rel=1e-5)


def test_clinical_reference_kidney_with_tbi():
    # clinical.md line 152: 20.74 Gy, T_eff 2.5 d, alpha/beta 2.5, repair 2.8 h: BED 28.4; 5 x 2 Gy: 18.0; EQD2 25.8 Gy
    tissue = TissueResponse(organ="kidneys", alpha_beta_gy=2.5, repair=Repair(half_lives_s=(2.8 * H,)))
    both = total_effect([agent(dose=20.74, hours=(60.0,), day=-15.0), tbi()], tissue=tissue)
    assert both.own_bed_gy == pytest.approx([28.4, 18.0], abs=0.1)
    assert (both.bed_gy - both.between_bed_gy) / 1.8 == pytest.approx(25.8, abs=0.1)
    assert both.between_bed_gy > 1.0  # what that sum leaves out


def test_draws_agree_with_first_order_propagation():
    parts = [agent(dose_relative_sd=0.1, draws=4000, rng=np.random.default_rng(1)), tbi(relative_sd=0.03)]
    both = total_effect(parts, tissue=KIDNEYS, draws=4000)
    assert both.dose_draws_gy.mean() == pytest.approx(33.0, rel=0.01)
    assert both.dose_draws_gy.std() == pytest.approx(np.hypot(2.3, 0.3), rel=0.05)
    g = both.protraction[0]
    slope = 1.0 + 2.0 * g * 23.0 / 2.6
    assert both.bed_draws_gy.std() == pytest.approx(2.3 * slope, rel=0.08)
    assert np.allclose(both.eqd2_draws_gy, both.bed_draws_gy / (1 + 2 / 2.6))


def test_ranges_of_the_tissue_widen_the_answer():
    wide = TissueResponse(
        organ="kidneys",
        alpha_beta_gy=2.6,
        alpha_beta_range_gy=(1.5, 3.0),
        repair=Repair(half_lives_s=(2.8 * H,)),
        repair_range_s=(1.5 * H, 2.8 * H),
    )
    sharp = total_effect([agent(), tbi()], tissue=KIDNEYS, draws=500)
    spread = total_effect([agent(), tbi()], tissue=wide, draws=500)
    assert sharp.bed_draws_gy.std() == pytest.approx(0.0, abs=1e-9)
    assert sharp.bed_draws_gy.mean() == pytest.approx(sharp.bed_gy)
    assert spread.bed_draws_gy.std() > 1.0


def test_draws_of_a_dose_study_are_used():
    residual = ResidualDose(
        target="red_marrow",
        amplitudes_gy_per_bq_s=np.array([1e-15]),
        rates_per_s=np.array([LN2 / (92 * H)]),
        draw_amplitudes_gy_per_bq_s=np.array([[0.9e-15], [1.1e-15]]),
        draw_rates_per_s=np.full((2, 1), LN2 / (92 * H)),
    )
    part = DoseRate.from_residual("agent", residual, activity_bq=1e10, start_s=0.0)
    assert part.dose_gy == pytest.approx(1e10 * residual.gy_per_bq(from_s=0.0))
    total = total_effect([part], tissue=KIDNEYS, draws=2)
    assert total.dose_draws_gy == pytest.approx(part.dose_gy * np.array([0.9, 1.1]))
    with pytest.raises(QuantityError, match="fewer draws"):
        total_effect([part], tissue=KIDNEYS, draws=3)


def test_dose_against_time():
    part, external = agent(day=-15.0), tbi()
    assert float(part.given_gy(-15 * DAY_S + 41 * H)) == pytest.approx(11.5)
    assert float(part.given_gy(-16 * DAY_S)) == 0.0
    assert float(part.rate_gy_per_s(-16 * DAY_S)) == 0.0
    assert float(part.rate_gy_per_s(-15 * DAY_S)) == pytest.approx(23.0 * LN2 / (41 * H))
    assert external.given_gy([-10 * DAY_S, -9 * DAY_S, 0.0]).tolist() == [0.0, 2.0, 10.0]


def test_what_is_refused():
    with pytest.raises(QuantityError, match="do not fit into it"):
        daily_times_s(fractions=4, per_day=4, gap_s=8 * H, first_s=0.0)
    with pytest.raises(QuantityError, match="nothing irradiates"):
        total_effect([], tissue=KIDNEYS)
    with pytest.raises(QuantityError, match="share a name"):
        total_effect([agent(), agent()], tissue=KIDNEYS)
    with pytest.raises(QuantityError, match="in order of time"):
        Fractions(name="x", times_s=[1.0, 0.0], doses_gy=[1.0, 1.0])
    with pytest.raises(QuantityError, match="no positive dose"):
        agent(hours=(2.0, 50.0), shares=(1.0, -1.0))
    with pytest.raises(QuantityError, match="must decay"):
        DoseRate(name="x", start_s=0.0, amplitudes_gy_per_s=[1.0], rates_per_s=[0.0])
    with pytest.raises(QuantityError, match="outside its range"):
        TissueResponse(organ="x", alpha_beta_gy=4.0, alpha_beta_range_gy=(1.0, 3.0), repair=KIDNEYS.repair)


def test_given_and_left_are_the_whole_dose_at_every_time():
    source = agent(dose=8.0, hours=(92.0,), day=-15.0)
    for day in (-20.0, -15.0, -3.0, 0.0, 40.0):
        assert float(source.given_gy(day * 86400.0) + source.left_gy(day * 86400.0)) == pytest.approx(8.0, rel=1e-12)
    # far in the tail the difference of two doses would be noise
    assert float(source.left_gy(200 * 86400.0)) == pytest.approx(8.0 * 2.0 ** (-215 * 24 / 92), rel=1e-9)
