"""Whole-body dose planning: TOS1, closed forms, and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Sex
from hemadose.refdata.nuclides import nuclide
from hemadose.therapy.activity.whole_body import (
    ActivityHours,
    activity_hours_from_s_value,
    activity_hours_from_table,
    effective_mass_kg,
    geometric_mean_counts,
    whole_body_clearance,
)
from hemadose.units import HOUR_S, LN2, MCI_BQ
from hemadose.workflow.svalues import stylised_s_values

IODINE = nuclide("I-131")
TIMES_H, COUNTS = (0.5, 70.0, 160.0), (100.0, 55.0, 24.5)


def clearance(times_h=TIMES_H, counts=COUNTS):
    return whole_body_clearance([t * HOUR_S for t in times_h], counts, nuclide=IODINE)


def test_tos1():
    """TOS1: lambda, T_eff, residence times and activities (0.1 %)."""
    found = clearance()
    assert found.rate_per_s * HOUR_S == pytest.approx(0.00882619, rel=1e-3)
    assert found.effective_half_life_s / HOUR_S == pytest.approx(78.533, rel=1e-3)
    assert found.residence_time_s / HOUR_S == pytest.approx(113.299, rel=1e-3)
    assert found.residence_time_through_100_s / HOUR_S == pytest.approx(114.281, rel=1e-3)
    hours = ActivityHours(bq_s=7640 * MCI_BQ * HOUR_S, mass_kg=70.0, origin="given")
    for dose, mci in ((0.75, 67.4), (0.65, 58.4)):
        activity = hours.activity_bq(residence_time_s=found.residence_time_s, dose_gy=dose)
        assert activity / MCI_BQ == pytest.approx(mci, rel=1e-3)


def test_the_dose_that_the_activity_gives_is_the_one_asked_for():
    """Activity x residence time x S(body <- body) = dose, for any mass."""
    table = stylised_s_values("I-131", Sex.MALE)
    own = table.get(source="total_body", target="total_body")
    reference = table.target_mass_kg["total_body"]
    for mass in (50.0, 70.0, 120.0):
        hours = activity_hours_from_s_value(own, reference_kg=reference, mass_kg=mass)
        activity = hours.activity_bq(residence_time_s=100 * HOUR_S, dose_gy=0.65)
        ratio = reference / mass
        s = own.electron_gy_per_bq_s * ratio + own.photon_gy_per_bq_s * ratio ** (2 / 3)
        assert activity * 100 * HOUR_S * s == pytest.approx(0.65)


def test_derived_activity_hours_agree_with_the_published_order():
    """An ellipsoid of 70 kg needs about 7600 mCi h for 0.75 Gy (10 %)."""
    for sex in Sex:
        table = stylised_s_values("I-131", sex)
        found = activity_hours_from_s_value(
            table.get(source="total_body", target="total_body"),
            reference_kg=table.target_mass_kg["total_body"],
            mass_kg=70.0,
        )
        assert found.bq_s / HOUR_S / MCI_BQ == pytest.approx(7600, rel=0.10)
        assert "derived" in found.origin


def test_an_exact_exponential_is_recovered():
    rate = LN2 / (60 * HOUR_S)
    times = np.array([0.0, 72.0, 150.0]) * HOUR_S
    found = whole_body_clearance(times.tolist(), (1e6 * np.exp(-rate * times)).tolist(), nuclide=IODINE)
    assert found.rate_per_s == pytest.approx(rate)
    assert found.largest_deviation < 1e-9
    assert found.notes == ()


def test_doubts_about_counts():
    assert any("2 whole-body counts" in n for n in clearance((0.5, 70), (100, 55)).notes)
    assert any("24.0 h" in n for n in clearance((0.5, 24, 160), (100, 80, 24.5)).notes)
    assert any("not mono-exponential" in n for n in clearance((0.5, 70, 160), (100, 40, 30)).notes)


@pytest.mark.parametrize(
    ("times_h", "counts", "message"),
    [
        ((0.5, 70, 160), (100, 98, 95), "more slowly"),
        ((0.5, 70, 160), (100, 120, 150), "more slowly"),
        ((0.5,), (100,), "at least two"),
        ((0.5, 70, 60), (100, 55, 24.5), "rise"),
        ((0.5, 70, 160), (100, 0, 24.5), "positive"),
        ((-0.5, 70, 160), (100, 55, 24.5), "rise"),
    ],
)
def test_counts_that_cannot_be(times_h, counts, message):
    """Decay-corrected counts clear more slowly than 131I decays (192.5 h)."""
    with pytest.raises(QuantityError, match=message):
        clearance(times_h, counts)


def test_geometric_mean_takes_off_background():
    assert geometric_mean_counts(
        anterior=510, posterior=220, anterior_background=10, posterior_background=20
    ) == pytest.approx(np.sqrt(500 * 200))
    with pytest.raises(QuantityError, match="above background"):
        geometric_mean_counts(anterior=10, posterior=100, anterior_background=10)


def test_a_table_is_read_between_its_rows_only():
    table = [(60.0, 1.0), (80.0, 2.0)]
    found = activity_hours_from_table(table, mass_kg=75.0, origin="site.csv")
    assert found.bq_s == pytest.approx(1.75)
    assert found.origin == "table: site.csv"
    with pytest.raises(PlanningError, match="does not reach"):
        activity_hours_from_table(table, mass_kg=81.0, origin="site.csv")
    with pytest.raises(QuantityError, match="rising"):
        activity_hours_from_table(table[::-1], mass_kg=70.0, origin="site.csv")


def test_the_effective_mass_caps_and_never_raises():
    table = [(160.0, 90.0), (180.0, 110.0)]
    assert effective_mass_kg(130.0, height_cm=160.0, table=table) == 90.0
    assert effective_mass_kg(70.0, height_cm=160.0, table=table) == 70.0
