"""Rules of release and waste: derived thresholds of the papers, order of verdicts, conservation of activity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import PlanningError, QuantityError
from hemadose.refdata import nuclide
from hemadose.therapy.protection.exposure import Source, WholeBodyCurve
from hemadose.therapy.protection.release import (
    ReleaseRule,
    RuleKind,
    activity_for_rate_bq,
    cautious,
    release_verdicts,
    threshold_rate_sv_per_s,
)
from hemadose.therapy.protection.waste import Stored, excreted_activity_bq, excreted_share, storage_time_s
from hemadose.units import DAY_S, GBQ, HOUR_S

LU, IODINE = nuclide("Lu-177"), nuclide("I-131")
USV_H = 1e-6 / HOUR_S


def body(hours=(30.0,), shares=(1.0,), of=LU):
    return WholeBodyCurve(nuclide=of, fractions=shares, half_lives_s=tuple(h * HOUR_S for h in hours))


def source(curve=None):
    return Source(body=curve or body(), activity_bq=12.4 * GBQ, sv_per_s_bq_at_1m=3.7 * USV_H / GBQ)


STAY = ReleaseRule(id="stay", title="48 h", kind=RuleKind.STAY, value=48 * HOUR_S)
RATE = ReleaseRule(id="rate", title="3.5", kind=RuleKind.RATE, value=3.5 * USV_H, distance_m=2.0)


def yearly(**more):
    known = {"id": "year", "title": "1 mSv", "kind": RuleKind.DOSE, "value": 1e-3, "distance_m": 2.0, "per_year": True}
    return ReleaseRule(**(known | more))


@pytest.mark.parametrize(
    ("name", "therapies", "rate"), [("I-131", 1, 3.601), ("Lu-177", 1, 4.345), ("Lu-177", 4, 1.086)]
)
def test_rp1_thresholds_from_one_millisievert(name, therapies, rate):
    found = threshold_rate_sv_per_s(yearly_sv=1e-3, half_life_s=nuclide(name).half_life_s, therapies_per_year=therapies)
    assert found / USV_H == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize(("constant", "gbq"), [(3.7, 3.784), (5.94, 2.357), (4.62, 3.03)])
def test_rp3_activity_at_the_threshold(constant, gbq):
    found = activity_for_rate_bq(3.5 * USV_H, sv_per_s_bq_at_1m=constant * USV_H / GBQ, distance_m=2.0)
    assert found / GBQ == pytest.approx(gbq, rel=2e-3)


def test_the_latest_rule_governs():
    verdicts = release_verdicts(source(), [STAY, RATE])
    assert [v.rule.id for v in verdicts] == ["rate", "stay"]
    assert verdicts[0].time_s / HOUR_S == pytest.approx(51.4, rel=2e-3)
    fast = release_verdicts(source(body((15.0,))), [STAY, RATE])
    assert fast[0].rule.id == "stay"
    assert fast[0].time_s == 48 * HOUR_S


def test_a_yearly_dose_with_physical_decay_is_the_derived_rate():
    (verdict,) = release_verdicts(source(), [yearly(physical_decay=True)])
    assert verdict.threshold_sv_per_s / USV_H == pytest.approx(4.345, rel=1e-3)
    (four,) = release_verdicts(source(), [yearly(physical_decay=True)], therapies_per_year=4)
    assert four.threshold_sv_per_s / USV_H == pytest.approx(1.086, rel=1e-3)
    assert four.time_s - verdict.time_s == pytest.approx(2 * 30 * HOUR_S, rel=1e-6)  # two half-lives for a factor 4


def test_own_curve_leaves_earlier_than_physical_decay_and_keeps_the_dose():
    (own,) = release_verdicts(source(), [yearly(value=0.1e-3)])
    (slow,) = release_verdicts(source(), [yearly(value=0.1e-3, physical_decay=True)])
    assert 0.0 < own.time_s < slow.time_s
    assert source().dose_sv(distance_m=2.0, from_s=own.time_s) == pytest.approx(0.1e-3, rel=1e-6)
    # for one phase the threshold is the closed form with the effective half-life
    expected = threshold_rate_sv_per_s(yearly_sv=0.1e-3, half_life_s=30 * HOUR_S)
    assert own.threshold_sv_per_s == pytest.approx(expected, rel=1e-6)


def test_a_rule_that_never_binds_still_tells_its_threshold():
    (own,) = release_verdicts(source(), [yearly(value=5e-3, distance_m=1.0, occupancy=0.25)])
    assert own.time_s == 0.0
    expected = threshold_rate_sv_per_s(yearly_sv=5e-3, half_life_s=30 * HOUR_S, occupancy=0.25)
    assert own.threshold_sv_per_s == pytest.approx(expected, rel=1e-9)


def test_activity_rule_and_dose_already_received():
    rule = ReleaseRule(id="a", title="1.2 GBq", kind=RuleKind.ACTIVITY, value=1.2 * GBQ)
    (verdict,) = release_verdicts(source(), [rule])
    assert verdict.time_s / HOUR_S == pytest.approx(30 * np.log2(12.4 / 1.2), rel=1e-9)
    (first,) = release_verdicts(source(), [yearly(physical_decay=True)])
    (second,) = release_verdicts(source(), [yearly(physical_decay=True)], already_sv=0.5e-3)
    assert second.time_s - first.time_s == pytest.approx(30 * HOUR_S, rel=1e-6)


def test_cautious_is_never_earlier():
    for rules in ([STAY, RATE], [yearly()], [yearly(physical_decay=True)]):
        assert release_verdicts(cautious(source()), rules)[0].time_s >= release_verdicts(source(), rules)[0].time_s


def test_release_refusals():
    with pytest.raises(QuantityError, match="nothing of the yearly dose"):
        release_verdicts(source(), [yearly()], already_sv=1e-3)
    with pytest.raises(QuantityError, match="at least this therapy"):
        release_verdicts(source(), [yearly()], therapies_per_year=0.5)
    only = ReleaseRule(id="i", title="i", kind=RuleKind.RATE, value=3.5 * USV_H, distance_m=2.0, nuclides=("I-131",))
    with pytest.raises(QuantityError, match="no rule of release holds for Lu-177"):
        release_verdicts(source(), [only])
    with pytest.raises(QuantityError, match="needs a distance"):
        ReleaseRule(id="x", title="x", kind=RuleKind.RATE, value=1.0)
    with pytest.raises(QuantityError, match="longer than always"):
        yearly(occupancy=1.5)


@settings(deadline=None, max_examples=60)
@given(fast=st.floats(0.5, 40), slow=st.floats(5, 159), share=st.floats(0.01, 0.99), hours=st.floats(0, 400))
def test_nothing_is_lost_between_body_and_excreta(fast, slow, share, hours):
    curve = body((fast, slow), (share, 1 - share))
    inside = GBQ * float(curve.retained(hours * HOUR_S))
    outside = float(excreted_activity_bq(curve, hours * HOUR_S, activity_bq=GBQ))
    assert inside + outside == pytest.approx(GBQ * LU.decay_factor(hours * HOUR_S), rel=1e-9)
    assert float(excreted_share(curve, (hours + 5) * HOUR_S)) >= float(excreted_share(curve, hours * HOUR_S))


def test_excretion_of_kurth_2018():
    """About 50 % excreted after 4 h and 70 % after 12 h: phases of 3 h and 50 h (70:30) stay within 10 points."""
    curve = body((3.0, 50.0), (0.7, 0.3))
    assert float(excreted_share(curve, 4 * HOUR_S)) == pytest.approx(0.5, abs=0.1)
    assert float(excreted_share(curve, 12 * HOUR_S)) == pytest.approx(0.7, abs=0.1)
    assert float(excreted_share(WholeBodyCurve.physical(LU), 100 * DAY_S)) == 0.0


def test_storage_is_the_closed_form_and_the_long_lived_impurity_governs():
    main = Stored(nuclide="Lu-177", half_life_s=LU.half_life_s, amount=1e5, limit=100.0)
    assert storage_time_s([main]) == pytest.approx(LU.half_life_s * np.log2(1000.0), rel=1e-9)
    trace = Stored(nuclide="Lu-177m", half_life_s=160.44 * DAY_S, amount=20.0, limit=10.0)
    both = storage_time_s([main, trace])
    assert both > max(storage_time_s([main]), storage_time_s([trace]))
    assert storage_time_s([main, Stored(nuclide="x", half_life_s=1.0, amount=0.0, limit=1.0)]) == pytest.approx(
        storage_time_s([main])
    )


def test_waste_refusals():
    with pytest.raises(QuantityError, match="nothing is stored"):
        storage_time_s([])
    with pytest.raises(QuantityError, match="positive"):
        Stored(nuclide="x", half_life_s=0.0, amount=1.0, limit=1.0)
    with pytest.raises(PlanningError, match="ten years"):
        storage_time_s([Stored(nuclide="x", half_life_s=3e9, amount=1e3, limit=1.0)])
