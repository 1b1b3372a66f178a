"""Marrow mass by rules, the doses they mean, and the split at an event."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose.marrow_events import marrow_event
from hemadose.dose.marrow_mass import BodyMasses, Spongiosa, chosen_mass, marrow_masses, mass_sensitivity
from hemadose.errors import QuantityError
from hemadose.model import DoseContribution, OrganDose, ResidualDose
from hemadose.units import DAY_S, GBQ, HOUR_S

BODY = BodyMasses(body_kg=90.0, reference_body_kg=73.0, lean_kg=60.0, reference_lean_kg=56.0)


def test_every_rule_side_by_side():
    masses = marrow_masses(
        reference_kg=1.17,
        reference_name="icrp89",
        body=BODY,
        spongiosa=Spongiosa(volume_ml=2400.0, marrow_volume_fraction=0.85, cellularity=0.6),
        given_kg=1.0,
    )
    assert {m.rule: round(m.mass_kg, 4) for m in masses} == {
        "given": 1.0,
        "spongiosa-volume": round(2400 * 0.85 * 0.6 * 1.03 / 1000, 4),
        "body-mass": round(1.17 * 90 / 73, 4),
        "lean-body-mass": round(1.17 * 60 / 56, 4),
        "reference": 1.17,
    }
    assert chosen_mass(masses, rule=None).rule == "given"
    assert chosen_mass(masses, rule="reference").mass_kg == 1.17


def test_without_a_given_mass_body_mass_scales():
    masses = marrow_masses(reference_kg=0.9, reference_name="x", body=BODY)
    assert chosen_mass(masses, rule=None).rule == "body-mass"
    with pytest.raises(QuantityError, match="cannot be found by this rule"):
        chosen_mass(masses, rule="spongiosa-volume")


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_masses_of_nothing_are_refused(bad):
    with pytest.raises(QuantityError):
        marrow_masses(reference_kg=bad, reference_name="x", body=BODY)
    with pytest.raises(QuantityError):
        BodyMasses(body_kg=bad, reference_body_kg=73.0)
    with pytest.raises(QuantityError):
        Spongiosa(volume_ml=bad, marrow_volume_fraction=0.8, cellularity=0.5)
    with pytest.raises(QuantityError):
        Spongiosa(volume_ml=2000.0, marrow_volume_fraction=bad, cellularity=0.5)


def dose():
    return OrganDose(
        target="red_marrow",
        gy_per_bq=0.5e-9,
        gy_per_bq_draws=np.array([0.5e-9]),
        contributions=(
            DoseContribution(source="red_marrow", gy_per_bq=0.45e-9),
            DoseContribution(source="liver", gy_per_bq=0.05e-9),
        ),
        mass_kg=1.17,
        method="test",
    )


def test_self_dose_goes_with_the_mass_and_cross_dose_does_not():
    masses = marrow_masses(reference_kg=1.17, reference_name="x", body=BODY, given_kg=0.585)
    by_rule = {m.rule: m for m in mass_sensitivity(masses, dose=dose(), concentration=False)}
    assert by_rule["given"].gy_per_bq == pytest.approx((0.9 + 0.05) * 1e-9)
    assert by_rule["reference"].gy_per_bq == pytest.approx(0.5e-9)
    assert by_rule["reference"].chosen
    assert not by_rule["given"].chosen


def test_activity_by_the_gram_cancels_the_mass():
    """Hindorf 2010: with a concentration in marrow the self-dose does not depend on its mass."""
    masses = marrow_masses(reference_kg=1.17, reference_name="x", body=BODY, given_kg=0.585)
    found = mass_sensitivity(masses, dose=dose(), concentration=True)
    assert {round(m.gy_per_bq * 1e9, 12) for m in found} == {0.5}


def tail(gy_per_gbq, half_life_h, relative_sd=0.0, draws=2000):
    rate = np.log(2) / (half_life_h * HOUR_S)
    amplitude = gy_per_gbq / GBQ * rate
    factor = np.exp(relative_sd * np.random.default_rng(1).standard_normal(draws))
    return ResidualDose(
        target="red_marrow",
        amplitudes_gy_per_bq_s=np.array([amplitude]),
        rates_per_s=np.array([rate]),
        draw_amplitudes_gy_per_bq_s=factor[:, None] * amplitude,
        draw_rates_per_s=np.full((draws, 1), rate),
    )


def test_d0a_infusion_at_day_14():
    """D0a: 0.57 Gy/GBq x 14.4 GBq, 92 h: 8.208 Gy in all, 0.6528 Gy from day 14 on, 4.919 mGy/h (0.1 %)."""
    event = marrow_event(tail(0.57, 92.0), name="infusion", at_s=14 * DAY_S, activity_bq=14.4 * GBQ)
    assert event.before_gy + event.after_gy == pytest.approx(8.208, rel=1e-3)
    assert event.after_gy == pytest.approx(0.6528, rel=1e-3)
    assert event.rate_gy_per_h * 1e3 == pytest.approx(4.919, rel=1e-3)


def test_d0c_zevalin_at_day_13():
    """D0c: 3.92 Gy; 51.9 mGy to come with 50 h, 134.3 mGy with physical decay alone (0.5 %)."""
    for half_life_h, expected_mgy in ((50.0, 51.9), (64.1, 134.3)):
        event = marrow_event(tail(1.0, half_life_h), name="reinfusion", at_s=13 * DAY_S, activity_bq=3.92 * GBQ)
        assert event.before_gy + event.after_gy == pytest.approx(3.92, rel=1e-9)
        assert event.after_gy * 1e3 == pytest.approx(expected_mgy, rel=5e-3)


def test_uncertainty_of_both_sides_is_that_of_the_scale():
    event = marrow_event(tail(0.5, 92.0, relative_sd=0.2), name="x", at_s=5 * DAY_S, activity_bq=10 * GBQ)
    for value, sd in (
        (event.before_gy, event.before_sd_gy),
        (event.after_gy, event.after_sd_gy),
        (event.rate_gy_per_h, event.rate_sd_gy_per_h),
    ):
        assert sd / value == pytest.approx(0.2, rel=0.08)


def test_an_event_at_the_administration_has_everything_to_come():
    event = marrow_event(tail(0.5, 92.0), name="x", at_s=0.0, activity_bq=GBQ)
    assert event.before_gy == pytest.approx(0.0, abs=1e-12)
    assert event.after_gy == pytest.approx(0.5)


@pytest.mark.parametrize(("at_s", "activity"), [(-1.0, 1e9), (1.0, 0.0), (float("nan"), 1e9)])
def test_events_before_the_administration_are_refused(at_s, activity):
    with pytest.raises(QuantityError):
        marrow_event(tail(0.5, 92.0), name="x", at_s=at_s, activity_bq=activity)
