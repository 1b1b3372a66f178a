"""Published and derived check cases, kept as data in tests/reference/kinetics.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from hemadose.kinetics import (
    FitOptions,
    fit_series,
    haenscheid_tia_bq_s,
    madsen_tia_bq_s,
    relative_tia_sd,
    trapezoid,
)
from hemadose.model import ActivitySample, ActivitySeries, Nuclide

CASES = tomllib.loads((Path(__file__).parents[1] / "reference" / "kinetics.toml").read_text())
LU = Nuclide(name="Lu-177", half_life_s=6.647 * 86400, electron_energy_kev=147.92, photon_energy_kev=35.10)


def series(case):
    samples = tuple(
        ActivitySample(region="organ", time_s=t * 3600, activity_bq=a * 1e6)
        for t, a in zip(case["time_h"], case["activity"], strict=True)
    )
    return ActivitySeries(region="organ", samples=samples)


@pytest.mark.parametrize("name", ["TAC1", "TAC2"])
@pytest.mark.parametrize("averaging", [False, True])
def test_curves(name, averaging):
    case = CASES[name]
    fit = fit_series(series(case), nuclide=LU, options=FitOptions(averaging=averaging))
    assert fit.tia_bq_s / 3.6e9 == pytest.approx(case["tia_h"], rel=case["rtol"])
    assert fit.effective_half_life_s / 3600 == pytest.approx(case["half_life_h"], rel=case["rtol"])
    assert averaging or fit.model == case["model"]


def test_trapezoid():
    case = CASES["TAC4"]
    physical = trapezoid(series(case), nuclide=LU, tail="physical")
    last_two = trapezoid(series(case), nuclide=LU, tail="last_two")
    found = [physical.head_bq_s, physical.between_bq_s, physical.tail_bq_s, last_two.tail_bq_s]
    expected = [case[k] for k in ("head_h", "between_h", "tail_physical_h", "tail_last_two_h")]
    assert np.array(found) / 3.6e9 == pytest.approx(expected, rel=case["rtol"])
    assert last_two.tail_half_life_s / 3600 == pytest.approx(case["last_two_half_life_h"], rel=case["rtol"])


def test_trapezoid_heads():
    case = CASES["TAC4"]
    constant = trapezoid(series(case), nuclide=LU, head="constant")
    assert constant.head_bq_s / 3.6e9 == pytest.approx(2 * case["head_h"])


def test_single_time_points():
    one, two = CASES["STP1"], CASES["STP2"]
    for r, ratio in zip(one["r"], one["ratio"], strict=True):
        exact = 50.0 / np.log(2)
        found = haenscheid_tia_bq_s(activity_bq=2.0**-r, time_s=50.0 * r) / exact
        assert found == pytest.approx(ratio, abs=one["atol"])
    a, t = two["activity"], two["time_h"]
    assert haenscheid_tia_bq_s(activity_bq=a, time_s=t) == pytest.approx(two["haenscheid_h"], rel=two["rtol"])
    for half_life, key in ((51, "madsen_h"), (41, "exact_41_h"), (60, "exact_60_h")):
        found = madsen_tia_bq_s(activity_bq=a, time_s=t, half_life_s=half_life)
        assert found == pytest.approx(two[key], rel=two["rtol"])


def test_uncertainty_of_a_ratio():
    case = CASES["UNC1"]
    given = {k: case[k] for k in ("amplitude_relative_sd", "rate_relative_sd")}
    with_r = relative_tia_sd(**given, correlation=case["correlation"])
    assert with_r == pytest.approx(case["expected"], rel=case["rtol"])
    assert relative_tia_sd(**given, correlation=0.0) == pytest.approx(case["expected_uncorrelated"], rel=case["rtol"])
