"""Nuclides at equal marrow dose: Buck's statement in numbers, order, equal doses."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.refdata import nuclide
from hemadose.therapy.timing.comparison import (
    MarrowOption,
    compare_at_equal_dose,
    equal_fraction_interval_s,
    residual_fraction,
)
from hemadose.therapy.timing.tail import exponential_residual, translate_residual
from hemadose.units import DAY_S, GBQ, HOUR_S

NAMES = ("Lu-177", "Y-90", "Re-188", "I-131")


def physical(name):
    found = nuclide(name)
    return MarrowOption(
        nuclide=found,
        residual=exponential_residual(gy_per_bq=0.5 / GBQ, half_lives_s=(found.half_life_s,), nuclide=found),
    )


def molecule(half_life_h=92.0, **spread):
    """One molecule with each nuclide, from a lutetium half-life."""
    lu = nuclide("Lu-177")
    base = exponential_residual(gy_per_bq=0.47 / GBQ, half_lives_s=(half_life_h * HOUR_S,), nuclide=lu, **spread)
    moved = [translate_residual(base, measured=lu, wanted=nuclide(n), dose_per_decay_ratio=2.0) for n in NAMES[1:]]
    return [MarrowOption(nuclide=nuclide(n), residual=r) for n, r in zip(NAMES, [base, *moved], strict=True)]


def test_buck_2023_short_half_life_in_numbers():
    """Physical decay, 14 d: 23.2 % of 177Lu and 2.6 % of 90Y to come; 90Y has 23.2 % after 5.6 d."""
    lu, y = physical("Lu-177").residual, physical("Y-90").residual
    assert residual_fraction(lu, from_s=14 * DAY_S) == pytest.approx(0.232, abs=5e-4)
    assert residual_fraction(y, from_s=14 * DAY_S) == pytest.approx(0.026, abs=5e-4)
    assert equal_fraction_interval_s(lu, y, interval_s=14 * DAY_S) / DAY_S == pytest.approx(5.6, abs=0.05)


def test_every_nuclide_gives_the_same_marrow_dose_and_the_shortest_lets_the_graft_in_first():
    found = compare_at_equal_dose(molecule(), marrow_dose_gy=8.0, limits_gy=(1.0, 0.05))
    assert [t.option.nuclide.name for t in found] == ["Re-188", "Y-90", "Lu-177", "I-131"]
    for timing in found:
        assert timing.residual_gy[0] == pytest.approx(8.0)
        hours = timing.option.effective_half_life_s / HOUR_S
        assert timing.timings[0].earliest_s / HOUR_S == pytest.approx(3 * hours, abs=1e-3)
        assert timing.timings[1].earliest_s / HOUR_S == pytest.approx(hours * np.log2(160.0), abs=1e-3)
        assert (np.diff(timing.residual_gy) < 0.0).all()
        assert timing.timings[0].confident_s is None


def test_the_dose_per_decay_cancels_at_equal_dose():
    lu = nuclide("Lu-177")
    base = molecule()[0].residual
    days = []
    for ratio in (1.0, 6.3):
        moved = translate_residual(base, measured=lu, wanted=nuclide("Y-90"), dose_per_decay_ratio=ratio)
        option = MarrowOption(nuclide=nuclide("Y-90"), residual=moved)
        (timing,) = compare_at_equal_dose([option], marrow_dose_gy=8.0)
        days.append(timing.timings[0].earliest_s)
    assert days[0] == pytest.approx(days[1], abs=0.1)


def test_uncertainty_gives_a_later_confident_day_and_a_falling_chance():
    found = compare_at_equal_dose(molecule(relative_sd=0.2, half_life_relative_sd=0.15), marrow_dose_gy=8.0)
    lu = next(t for t in found if t.option.nuclide.name == "Lu-177")
    first = lu.timings[0]
    assert first.interval_s[0] < first.earliest_s < first.confident_s < first.interval_s[1]
    assert (np.diff(lu.probability_met) >= 0.0).all()
    assert lu.probability_met[0] == 0.0
    assert lu.probability_met[-1] > 0.95


def test_rate_limits_stand_beside_dose_limits():
    (lu,) = compare_at_equal_dose(
        molecule()[:1], marrow_dose_gy=8.208, limits_gy=(), rate_limits_gy_per_s=(4.919e-3 / HOUR_S,)
    )
    assert lu.timings[0].is_rate
    assert lu.timings[0].earliest_s / DAY_S == pytest.approx(14.0, abs=0.01)  # D0a read backwards


@pytest.mark.parametrize(
    ("options", "more", "match"),
    [
        ([], {}, "needs a nuclide and a limit"),
        (molecule()[:1] * 2, {}, "named twice"),
        (molecule()[:1], {"limits_gy": ()}, "needs a nuclide and a limit"),
        (molecule()[:1], {"marrow_dose_gy": 0.0}, "positive"),
    ],
)
def test_comparison_refuses(options, more, match):
    with pytest.raises(QuantityError, match=match):
        compare_at_equal_dose(options, **({"marrow_dose_gy": 8.0} | more))
