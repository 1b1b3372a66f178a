"""The seven patients of Braitsch 2025, Table 2, recomputed (cases SEED1, SEED2, D0a)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.outcome import (
    CohortDosimetry,
    ColumnSummary,
    Verdict,
    analyse_cohort,
    max_half_life_s,
    residual_dose_gy,
)
from hemadose.outcome.dosimetry_cohort import judge
from hemadose.refdata import cohort

DAY_S, HOUR_S, GBQ = 86400.0, 3600.0, 1e9
LU177_S = 6.647 * DAY_S


@pytest.fixture(scope="module")
def result() -> CohortDosimetry:
    return analyse_cohort(
        cohort("braitsch-2025"),
        physical_half_life_s=LU177_S,
        marrow_half_life_s=92 * HOUR_S,
        interval_s=14 * DAY_S,
    )


def column(result: CohortDosimetry, quantity: str, phase: str) -> ColumnSummary:
    return next(c for c in result.columns if (c.quantity, c.phase) == (quantity, phase))


def test_seed1_activity_by_23_gy(result: CohortDosimetry) -> None:
    # SEED1, tolerance 0.1 %: A_max, injected activity, kidney dose
    assert [p.max_activity_bq / GBQ for p in result.patients] == pytest.approx(
        [14.47, 15.97, 13.29, 19.49, 31.51, 17.69, 7.74], rel=1e-3
    )
    assert [p.activity_bq / GBQ for p in result.patients] == pytest.approx([12.0, 14.4, 13.0, 11.4, 12.2, 16.1, 7.6])
    assert [p.kidneys_gy for p in result.patients] == pytest.approx(
        [19.08, 20.74, 22.49, 13.45, 8.91, 20.93, 22.57], rel=1e-3
    )


def test_given_over_limit(result: CohortDosimetry) -> None:
    # clinical reference 0.3
    assert [p.given_over_limit for p in result.patients] == pytest.approx(
        [0.83, 0.90, 0.98, 0.58, 0.39, 0.91, 0.98], abs=0.005
    )


def test_total_and_residual_marrow_dose(result: CohortDosimetry) -> None:
    # clinical reference 0.2: total, residual with physical decay from d-14, longest half-life for 1 Gy
    assert [p.red_marrow_gy for p in result.patients] == pytest.approx(
        [5.04, 8.21, 6.11, 5.02, 1.34, 2.58, 0.08], abs=0.005
    )
    assert [p.residual_red_marrow_physical_gy for p in result.patients] == pytest.approx(
        [1.17, 1.91, 1.42, 1.16, 0.31, 0.60, 0.02], abs=0.006
    )
    longest = [p.max_marrow_half_life_s for p in result.patients]
    assert [t / DAY_S for t in longest[:4] if t] == pytest.approx([6.00, 4.61, 5.36, 6.02], abs=0.006)
    assert longest[4:] == [None, None, None]
    # dosimetry reference 0: 0.40/0.65/0.49/0.40 Gy with 92 h
    assert [p.residual_red_marrow_gy for p in result.patients[:4]] == pytest.approx([0.40, 0.65, 0.49, 0.40], abs=0.005)


def test_longest_half_life_for_day_15() -> None:
    # clinical reference 0.2: 6.43, 4.94, 5.74, 6.45 d for endoradiotherapy on d-15
    made = analyse_cohort(
        cohort("braitsch-2025"), physical_half_life_s=LU177_S, marrow_half_life_s=92 * HOUR_S, interval_s=15 * DAY_S
    )
    found = [p.max_marrow_half_life_s for p in made.patients[:4]]
    assert [t / DAY_S for t in found if t] == pytest.approx([6.43, 4.94, 5.74, 6.45], abs=0.006)


def test_d0a_patient_2() -> None:
    # D0a, tolerance 0.1 %
    assert residual_dose_gy(total_gy=8.208, half_life_s=92 * HOUR_S, interval_s=14 * DAY_S) == pytest.approx(
        0.6528, rel=1e-3
    )
    longest = max_half_life_s(total_gy=8.208, limit_gy=1.0, interval_s=14 * DAY_S)
    assert longest is not None
    assert longest / HOUR_S == pytest.approx(110.6, rel=1e-3)
    assert max_half_life_s(total_gy=0.9, limit_gy=1.0, interval_s=DAY_S) is None


def test_delivered_doses(result: CohortDosimetry) -> None:
    # clinical reference A18
    kidneys = [p.delivered_kidneys_gy for p in result.patients if p.delivered_kidneys_gy is not None]
    marrow = [p.delivered_red_marrow_gy for p in result.patients if p.delivered_red_marrow_gy is not None]
    assert kidneys == pytest.approx([10.44, 17.42, 7.75, 10.95], abs=0.006)
    assert marrow == pytest.approx([1.68, 5.90, 3.42, 1.61], abs=0.006)
    assert [p.id for p in result.patients if p.delivered_kidneys_gy is None] == ["P3", "P5", "P7"]


def test_seed2_medians_and_sds(result: CohortDosimetry) -> None:
    # SEED2, tolerance 0.5 % (of the digits printed there)
    expected = {
        ("kidneys", "pre"): (1.44, 0.699, None),
        ("liver", "pre"): (0.40, 0.252, None),
        ("red_marrow", "pre"): (0.42, 0.214, 0.198),
        ("kidneys", "post"): (0.775, None, 0.216),
        ("liver", "post"): (0.34, None, 0.066),
        ("red_marrow", "post"): (0.22, None, 0.125),
    }
    for (quantity, phase), (median, sample, population) in expected.items():
        found = column(result, quantity, phase)
        assert found.median * GBQ == pytest.approx(median, rel=5e-3)
        if sample is not None:
            assert found.sd_sample * GBQ == pytest.approx(sample, abs=6e-4)
        if population is not None:
            assert found.sd_population * GBQ == pytest.approx(population, abs=6e-4)
    activity = column(result, "activity", "therapy")
    assert activity.mean / GBQ == pytest.approx(12.386, rel=5e-3)
    assert activity.sd_sample / GBQ == pytest.approx(2.655, rel=5e-3)


def test_only_the_marrow_sd_is_not_reproducible(result: CohortDosimetry) -> None:
    # clinical reference 0.4: "BM pre +- 0.12 is NOT reproducible: 0.21 (n-1) / 0.20 (n)"
    (wrong,) = result.not_reproducible
    assert (wrong.quantity, wrong.phase, wrong.statistic, wrong.printed) == ("red_marrow", "pre", "sd", 0.12)
    assert wrong.recomputed == pytest.approx(0.214, abs=5e-4)
    assert wrong.ddof is None
    assert len(result.verdicts) == 28
    assert any("not reproducible" in note for note in result.notes)


def test_the_definition_of_the_sd_changes_between_columns(result: CohortDosimetry) -> None:
    ddof = {(v.quantity, v.phase): v.ddof for v in result.verdicts if v.statistic == "sd"}
    assert ddof[("kidneys", "pre")] == ddof[("liver", "pre")] == ddof[("activity", "therapy")] == 1
    assert ddof[("kidneys", "post")] == ddof[("liver", "post")] == ddof[("red_marrow", "post")] == 0
    assert any("mix two definitions" in note for note in result.notes)


def test_without_patient_7_the_marrow_is_0_43() -> None:
    # clinical reference table 2, row 11: "median 0.43, SD 0.18"
    full = cohort("braitsch-2025")
    made = analyse_cohort(
        replace(full, patients=full.patients[:-1]),
        physical_half_life_s=LU177_S,
        marrow_half_life_s=92 * HOUR_S,
        interval_s=14 * DAY_S,
    )
    marrow = column(made, "red_marrow", "pre")
    assert marrow.median * GBQ == pytest.approx(0.43, abs=0.001)
    assert marrow.sd_sample * GBQ == pytest.approx(0.18, abs=0.005)


def test_a_wrong_printed_median_is_found(result: CohortDosimetry) -> None:
    statement = next(s for s in cohort("braitsch-2025").statements if s.quantity == "kidneys" and s.phase == "pre")
    verdicts = judge(replace(statement, value=1.54), column(result, "kidneys", "pre"))
    assert [v.verdict for v in verdicts if v.statistic == "median"] == [Verdict.NOT_REPRODUCIBLE]


def test_unknown_columns_and_times_are_refused() -> None:
    table = cohort("braitsch-2025")
    with pytest.raises(InputError, match="unknown column"):
        table.column("kidneys", "during")
    with pytest.raises(InputError, match="no dose of"):
        table.column("spleen", "pre")
    with pytest.raises(QuantityError, match="positive"):
        analyse_cohort(table, physical_half_life_s=0.0, marrow_half_life_s=1.0, interval_s=1.0)
