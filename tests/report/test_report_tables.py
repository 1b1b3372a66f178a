"""Rows for console and CSV: field units, plain values."""

import json

import pytest

from hemadose.report import (
    activity_rows,
    candidate_rows,
    contribution_rows,
    dose_rows,
    event_rows,
    fit_rows,
    limit_rows,
)


def test_activity_rows_are_what_fit_reads(report):
    rows = activity_rows(report.series)
    assert len(rows) == 25
    assert list(rows[0])[:4] == ["region", "time_h", "activity_MBq", "sd_MBq"]
    assert rows[2]["time_h"] == pytest.approx(24.0)
    assert rows[2]["activity_MBq"] == pytest.approx(2.6, rel=0.2)  # 3.9 MBq * 2^(-24/41)


def test_fit_rows_give_tia_in_mbq_h_and_tiac_in_h(report):
    row = fit_rows(report.fits, administered_activity_bq=200e6)[0]
    assert row["tia_MBq_h"] == pytest.approx(3.9 * 41.0 / 0.693147, rel=1e-5)
    assert row["tiac_h"] == pytest.approx(row["tia_MBq_h"] / 200.0)
    assert row["effective_half_life_h"] == pytest.approx(41.0)
    assert "tiac_h" not in fit_rows(report.fits, administered_activity_bq=None)[0]


def test_candidates_give_reasons(report):
    rejected = [row for row in candidate_rows(report.fits) if not row["accepted"]]
    assert rejected
    assert rejected[0]["reasons"] == "a parameter is uncertain by 50 % or more"


def test_dose_rows(report):
    row = dose_rows(report.doses, activity_bq=14.2e9)[0]
    assert row["dose_Gy_per_GBq"] == pytest.approx(1.55)
    assert row["dose_Gy"] == pytest.approx(22.01)
    assert row["mass_g"] == pytest.approx(298.0)
    assert "dose_Gy" not in dose_rows(report.doses)[0]


def test_contributions_sum_to_the_dose(report):
    rows = [r for r in contribution_rows(report.doses) if r["target"] == "kidneys"]
    assert sum(r["dose_Gy_per_GBq"] for r in rows) == pytest.approx(1.55)


def test_limit_rows_speak_gy_or_gbq(report):
    kidneys, _, cap = limit_rows(report.prescription)
    assert (kidneys["unit"], kidneys["limit_value"], kidneys["active"]) == ("Gy", 23.0, True)
    assert kidneys["max_activity_GBq"] == pytest.approx(14.84)
    assert (cap["unit"], cap["limit_value"]) == ("GBq", pytest.approx(16.5))


def test_event_rows_have_dates(report):
    first = event_rows(report.course)[0]
    assert (first["day"], first["date"], first["time"]) == (-14, "2025-03-17", "08:30")


def test_rows_are_json(report):
    rows = [
        *activity_rows(report.series),
        *fit_rows(report.fits, administered_activity_bq=2e8),
        *candidate_rows(report.fits),
        *dose_rows(report.doses, activity_bq=1e9),
        *contribution_rows(report.doses),
        *limit_rows(report.prescription),
        *event_rows(report.course),
    ]
    assert json.loads(json.dumps(rows)) == rows
