"""Tandem and TBI: published radiobiology cases, sums, order of events, ranges."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.dose.radiobiology import Repair, TissueResponse
from hemadose.errors import PlanningError, QuantityError
from hemadose.refdata import nuclide
from hemadose.therapy.tandem.tbi import TbiScheme
from hemadose.therapy.tandem.totals import OrganShare, TandemAgent, days_before_tbi, organ_totals, require_order
from hemadose.units import GBQ, HOUR_S

LU, RE = nuclide("Lu-177"), nuclide("Re-188")


def share(best=1.0, low=None, high=None, hours=41.0):
    return OrganShare(
        best_gy_per_bq=best / GBQ,
        low_gy_per_bq=(best if low is None else low) / GBQ,
        high_gy_per_bq=(best if high is None else high) / GBQ,
        half_lives_s=(hours * HOUR_S,),
    )


def agent(name="first", day=-15.0, gbq=1.0, of=LU, **organs):
    return TandemAgent(name=name, nuclide=of, activity_bq=gbq * GBQ, day=day, organs=organs)


def kidneys(alpha_beta=2.6):
    tissue = TissueResponse(organ="kidneys", alpha_beta_gy=alpha_beta, repair=Repair(half_lives_s=(2.8 * HOUR_S,)))
    return {"kidneys": tissue}


def tbi(fractions=5, per_day=1, **more):
    return TbiScheme(fraction_gy=2.0, fractions=fractions, first_day=-9.0, per_day=per_day, **more)


def test_bed1_and_bed3_with_what_they_add_to_each_other():
    """BED1 36.007 and BED3 17.692 Gy (sum 53.699); overnight repair and the dose rate on day -9 add the rest."""
    (found,) = organ_totals([agent(kidneys=share(23.0))], tbi=tbi(), tissues=kidneys())
    assert found.effect.own_bed_gy[0] == pytest.approx(36.007, rel=1e-4)
    assert found.effect.own_bed_gy[1] == pytest.approx(17.692, abs=0.05)
    assert found.dose_gy[0] == pytest.approx(33.0)
    assert found.bed_gy[0] > 53.699
    assert found.effect.between_bed_gy == pytest.approx(found.bed_gy[0] - found.effect.own_bed_gy.sum())


def test_bed3_two_a_day_eight_hours_apart():
    """BED3: 7.5016 Gy a day with 8 h between, alpha/beta 2.6, 2.8 h; 7.0769 Gy without."""
    scheme = TbiScheme(fraction_gy=2.0, fractions=2, first_day=-9.0, per_day=2, gap_h=8.0)
    (found,) = organ_totals([agent(kidneys=share(1e-9))], tbi=scheme, tissues=kidneys())
    assert found.bed_gy[0] == pytest.approx(7.5016, rel=1e-4)


def test_paper_example_eqd2():
    """20.74 Gy with 2.5 d, alpha/beta 2.5, 2.8 h: BED 28.4; 5 x 2 Gy 18.0; EQD2 25.8 Gy."""
    (found,) = organ_totals([agent(kidneys=share(20.74, hours=60.0))], tbi=tbi(), tissues=kidneys(2.5))
    assert found.effect.own_bed_gy == pytest.approx([28.4, 18.0], abs=0.1)
    assert sum(found.effect.own_bed_gy) / 1.8 == pytest.approx(25.8, abs=0.1)


def test_sums_of_two_agents_and_what_comes_after_the_transplant():
    first = agent(kidneys=share(0.91), red_marrow=share(0.47, hours=92.0), gbq=12.4)
    second = agent("second", day=-12.0, gbq=8.0, of=RE, kidneys=share(0.71, hours=15.0), lungs=share(0.07, hours=15.0))
    totals = {t.organ: t for t in organ_totals([first, second], tbi=tbi(), tissues=kidneys())}
    assert totals["kidneys"].radionuclide_gy[0] == pytest.approx(12.4 * 0.91 + 8.0 * 0.71)
    assert totals["kidneys"].dose_gy[0] == pytest.approx(totals["kidneys"].radionuclide_gy[0] + 10.0)
    left = 12.4 * 0.47 * 2.0 ** (-15 * 24 / 92)
    assert totals["red_marrow"].residual_gy[0] == pytest.approx(left, rel=1e-9)
    assert totals["red_marrow"].missing == ("second",)
    assert totals["kidneys"].missing == ()
    assert totals["lungs"].bed_gy is None


def test_ranges_add_up_and_bed_follows():
    one = agent(kidneys=share(0.91, 0.38, 3.47), gbq=12.4)
    two = agent("second", day=-12.0, kidneys=share(1.0, 0.5, 2.0))
    (found,) = organ_totals([one, two], tbi=None, tissues=kidneys())
    best, low, high = found.radionuclide_gy
    assert (low, high) == pytest.approx((12.4 * 0.38 + 0.5, 12.4 * 3.47 + 2.0))
    assert low < best < high
    assert found.bed_gy[1] < found.bed_gy[0] < found.bed_gy[2]


def test_shielded_lungs_receive_less():
    scheme = tbi(factors={"lungs": 0.8})
    totals = {t.organ: t for t in organ_totals([agent(lungs=share(), kidneys=share())], tbi=scheme, tissues={})}
    assert totals["lungs"].dose_gy[0] == pytest.approx(9.0)
    assert totals["kidneys"].dose_gy[0] == pytest.approx(11.0)


@settings(deadline=None, max_examples=40)
@given(hours=st.floats(2, 150), shorter=st.floats(0.1, 0.99), dose=st.floats(0.5, 40))
def test_a_shorter_half_life_never_lowers_bed(hours, shorter, dose):
    """Why decay alone gives a lower bound of BED."""
    beds = [
        organ_totals([agent(kidneys=share(dose, hours=h))], tbi=None, tissues=kidneys())[0].bed_gy[0]
        for h in (hours, hours * shorter)
    ]
    assert beds[1] > beds[0]


@settings(deadline=None, max_examples=40)
@given(day=st.floats(-40, -1), earlier=st.floats(0.1, 20), hours=st.floats(5, 150))
def test_an_earlier_agent_leaves_less_after_the_transplant(day, earlier, hours):
    late, early = (
        organ_totals([agent(day=d, red_marrow=share(hours=hours))], tbi=None, tissues={})[0].residual_gy[0]
        for d in (day, day - earlier)
    )
    assert early < late


def test_days_before_tbi_counts_from_the_last_agent():
    assert days_before_tbi([agent(), agent("second", day=-13.0)], tbi()) == pytest.approx(4.0)


@pytest.mark.parametrize("day", [0.0, 3.0, float("nan")])
def test_an_agent_after_the_transplant_is_refused(day):
    with pytest.raises((PlanningError, QuantityError)):
        agent(day=day, kidneys=share())


@pytest.mark.parametrize("day", [-9.0, -8.0, -1.0])
def test_an_agent_on_or_after_tbi_is_refused(day):
    with pytest.raises(PlanningError, match="on or after the first day"):
        require_order([agent(), agent("second", day=day)], tbi())


def test_other_refusals():
    with pytest.raises(PlanningError, match="precedes the last fraction"):
        TbiScheme(fraction_gy=2.0, fractions=5, first_day=-4.0)
    with pytest.raises(QuantityError, match="do not fit"):
        TbiScheme(fraction_gy=2.0, fractions=4, first_day=-9.0, per_day=2, gap_h=30.0)
    with pytest.raises(QuantityError, match="positive"):
        TbiScheme(fraction_gy=0.0, fractions=4, first_day=-9.0)
    with pytest.raises(QuantityError, match="more slowly than Re-188"):
        agent(of=RE, kidneys=share(hours=41.0))
    with pytest.raises(QuantityError, match="outside its own range"):
        share(1.0, 1.2, 1.5)
    with pytest.raises(PlanningError, match="names that differ"):
        require_order([agent(), agent()], None)
    with pytest.raises(PlanningError, match="names that differ"):
        require_order([], None)
    with pytest.raises(QuantityError, match="positive"):
        agent(gbq=0.0, kidneys=share())
