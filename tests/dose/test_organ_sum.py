"""The organ sum: published totals, linearity, joint uncertainty, tail of the marrow dose."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from hemadose.dose import SourceCurve, fractionated_bed_gy, organ_doses, radionuclide_bed_gy, remainder, scaled
from hemadose.errors import QuantityError
from hemadose.model import CurveEnsemble, ExponentialCurve, SValue, SValueTable
from hemadose.physics.svalues import MarrowModel, patient_s_values, remainder_s_value
from hemadose.refdata.nuclides import nuclide
from hemadose.units import GBQ, HOUR_S

CASES = tomllib.loads((Path(__file__).parents[1] / "reference" / "dose.toml").read_text(encoding="utf-8"))


def close(value, rel=1e-9):
    return pytest.approx(value, rel=rel, abs=0.0)


def curve(name, tia_h, *, half_life_h=60.0, draws=8, factor=None, uptake_h=None):
    """A source with the given TIA (h per Bq administered), with a rising part if asked for."""
    rates = np.log(2) / (np.array([half_life_h] if uptake_h is None else [half_life_h, uptake_h]) * HOUR_S)
    shape = np.array([1.0]) if uptake_h is None else np.array([1.0, -1.0])
    amplitudes = shape * tia_h * HOUR_S / float(np.sum(shape / rates))
    factor = np.ones(draws) if factor is None else factor
    return SourceCurve(
        name=name,
        curve=ExponentialCurve(amplitudes_bq=amplitudes, rates_per_s=rates),
        ensemble=CurveEnsemble(
            amplitudes_bq=factor[:, None] * amplitudes, rates_per_s=np.tile(rates, (factor.size, 1))
        ),
    )


def patient_table():
    return patient_s_values(
        nuclide=nuclide("Lu-177"),
        organ_masses_kg={"kidneys": 0.31, "liver": 1.8},
        body_mass_kg=73.0,
        marrow=MarrowModel(absorbed_fraction=0.57, mass_kg=1.17, rule="test"),
    )


def study(*sources, activity=1.0, table=None, **keywords):
    return organ_doses(list(sources), administered_activity_bq=activity, s_values=table or patient_table(), **keywords)


def published_table(*, naive):
    """S2: published rows, with the remainder corrected (Coffey & Watson) or taken as the total body."""
    case = CASES["S2"]
    organs = [k for k in case["masses"] if k != "whole_body"]
    values = []
    for target in organs:
        row = case["s"][target]
        rest = row["whole_body"]
        if not naive:
            rest = remainder_s_value(
                total_body_gy_per_bq_s=row["whole_body"],
                total_body_kg=case["masses"]["whole_body"] / 1000,
                sources={k: (row[k], case["masses"][k] / 1000) for k in organs},
            )
        for name, s in (*((k, row[k]) for k in organs), ("remainder", rest)):
            values.append(SValue(source=name, target=target, electron_gy_per_bq_s=s * 1e-9, photon_gy_per_bq_s=0.0))
    return SValueTable(
        name="quoted",
        nuclide="Lu-177",
        values=tuple(values),
        target_mass_kg={k: case["masses"][k] / 1000 for k in organs},
        source_note="quoted",
    )


@pytest.mark.parametrize(("naive", "expected"), [(False, "dose"), (True, "dose_naive")])
def test_s2_published_totals(naive, expected):
    """S2: every organ within 0.3 %, with the corrected and with the naive remainder."""
    case = CASES["S2"]
    organs = [curve(k, case["tiac_h"][k]) for k in case["dose"]]
    rest = remainder(curve("whole_body", case["tiac_h"]["whole_body"]), organs)
    assert rest.tia_bq_s / HOUR_S == close(22 - 2 - 3 - 1 - 1.2)
    doses = study(*organs, rest, table=published_table(naive=naive))
    for organ, mgy_per_mbq in case[expected].items():
        assert doses.organ(organ).gy_per_bq * 1e9 == close(mgy_per_mbq, rel=case["rtol"]), organ


@pytest.mark.parametrize("sex", ["male", "female"])
def test_px5_kidney_dose_from_uptake(sex):
    """PX5: 2.2 % per kidney and 41 h give 0.727 / 0.815 Gy/GBq with published S; own S within 1 %."""
    case = CASES["PX5"]
    tiac = 2 * case["fraction_per_kidney"] * case["half_life_h"] / np.log(2)
    assert tiac == close(case["tiac_h"], rel=1e-3)
    table = patient_s_values(
        nuclide=nuclide("Lu-177"),
        organ_masses_kg={"kidneys": case[sex]["kidneys_g"] / 1000},
        body_mass_kg=73.0,
        marrow=MarrowModel(absorbed_fraction=0.57, mass_kg=1.17, rule="test"),
    )
    found = study(curve("kidneys", tiac), table=table).organ("kidneys").gy_per_bq * GBQ
    assert found == close(case[sex]["gy_per_gbq"], rel=0.01)
    assert 0.38 < found < 3.47, "published range, Haenscheid 2022"


@settings(max_examples=30)
@given(tia=st.floats(0.01, 50.0), factor=st.floats(0.1, 10.0), activity=st.floats(1e6, 1e10))
def test_dose_is_linear_in_activity_in_the_source(tia, factor, activity):
    one = study(curve("kidneys", tia), activity=activity)
    two = study(curve("kidneys", tia * factor), activity=activity)
    assert two.organ("kidneys").gy_per_bq == close(factor * one.organ("kidneys").gy_per_bq)
    per_bq = study(curve("kidneys", tia)).organ("kidneys").gy_per_bq
    assert one.organ("kidneys").gy_per_bq * activity == close(per_bq)


@settings(max_examples=30)
@given(kidneys=st.floats(0.1, 10.0), liver=st.floats(0.1, 30.0), marrow=st.floats(0.1, 30.0))
def test_sources_add_up(kidneys, liver, marrow):
    parts = {"kidneys": kidneys, "liver": liver, "red_marrow": marrow}
    together = study(*(curve(k, v) for k, v in parts.items()))
    for organ, hours in parts.items():
        found = {c.source: c.gy_per_bq for c in together.organ(organ).contributions}
        assert set(found) == set(parts)
        alone = study(curve(organ, hours)).organ(organ).gy_per_bq
        assert found[organ] == close(alone)
        assert sum(found.values()) == close(together.organ(organ).gy_per_bq)


def test_relative_uncertainty_of_one_source_adds_in_squares():
    """UNC: fit 6 %, mass 5 %, S 3 %, all independent."""
    draws = 20000
    factor = np.exp(np.random.default_rng(1).standard_normal(draws) * 0.06)
    doses = study(curve("kidneys", 3.0, factor=factor), mass_relative_sd=0.05, s_value_relative_sd=0.03)
    kidneys = doses.organ("kidneys")
    expected = np.sqrt(0.06**2 + 0.05**2 + 0.03**2)
    assert kidneys.sd_gy_per_bq / kidneys.gy_per_bq == pytest.approx(expected, rel=0.03)


def test_mass_acts_on_self_dose_only():
    """With all of the dose from elsewhere, the mass of the target does not blur it."""
    sources = [curve("kidneys", 1e-9, draws=2000), curve("remainder", 20.0, draws=2000)]
    doses = study(*sources, mass_relative_sd=0.3, s_value_relative_sd=0.0)
    kidneys = doses.organ("kidneys")
    assert kidneys.sd_gy_per_bq / kidneys.gy_per_bq < 1e-3
    own = study(curve("kidneys", 1.0, draws=2000), mass_relative_sd=0.3, s_value_relative_sd=0.0).organ("kidneys")
    assert own.sd_gy_per_bq / own.gy_per_bq > 0.25


def test_organs_share_the_uncertainty_of_the_s_values():
    sources = [curve("kidneys", 3.0, draws=4000), curve("liver", 10.0, draws=4000)]
    shared = study(*sources, mass_relative_sd=0.0, s_value_relative_sd=0.1)
    r = np.corrcoef(shared.organ("kidneys").gy_per_bq_draws, shared.organ("liver").gy_per_bq_draws)[0, 1]
    assert r == pytest.approx(1.0, abs=1e-6)
    apart = study(*sources, mass_relative_sd=0.1, s_value_relative_sd=0.0)
    r = np.corrcoef(apart.organ("kidneys").gy_per_bq_draws, apart.organ("liver").gy_per_bq_draws)[0, 1]
    assert abs(r) < 0.1


@pytest.mark.parametrize("sd", [0, 0.0, {"kidneys": 0.0}, {}])
def test_no_uncertainty_leaves_equal_draws(sd):
    kidneys = study(curve("kidneys", 3.0), mass_relative_sd=sd, s_value_relative_sd=0.0).organ("kidneys")
    assert np.ptp(kidneys.gy_per_bq_draws) <= 1e-12 * kidneys.gy_per_bq
    assert kidneys.gy_per_bq_draws[0] == close(kidneys.gy_per_bq)


def test_the_seed_decides_the_draws():
    def draws(seed):
        return study(curve("kidneys", 3.0), seed=seed).organ("kidneys").gy_per_bq_draws

    assert (draws(1) == draws(1)).all()
    assert not np.allclose(draws(1), draws(2), rtol=1e-6, atol=0)


def marrow_study():
    return study(
        curve("red_marrow", 10.0, half_life_h=92.0, uptake_h=3.0, draws=500),
        curve("kidneys", 3.0, half_life_h=41.0, draws=500),
        curve("remainder", 30.0, half_life_h=30.0, draws=500),
    )


def test_tail_of_marrow_holds_cross_dose_of_every_source():
    doses = marrow_study()
    tail = doses.marrow_residual
    assert tail.rates_per_s.size == 4
    assert tail.gy_per_bq(from_s=0.0) == close(doses.organ("red_marrow").gy_per_bq)
    np.testing.assert_allclose(tail.gy_per_bq_draws(from_s=0.0), doses.organ("red_marrow").gy_per_bq_draws, rtol=1e-9)
    alone = study(curve("red_marrow", 10.0, half_life_h=92.0, uptake_h=3.0)).marrow_residual
    assert tail.gy_per_bq(from_s=14 * 86400.0) > alone.gy_per_bq(from_s=14 * 86400.0)


@pytest.mark.parametrize("day", [0.5, 3.0, 14.0])
def test_head_and_tail_make_the_whole_marrow_dose(day):
    tail = marrow_study().marrow_residual
    head, _ = quad(lambda h: tail.rate_gy_per_bq_s(at_s=h * HOUR_S) * HOUR_S * GBQ, 0.0, day * 24.0, epsrel=1e-10)
    assert head + tail.gy_per_bq(from_s=day * 86400.0) * GBQ == pytest.approx(
        tail.gy_per_bq(from_s=0.0) * GBQ, rel=1e-8
    )


def test_a_negative_remainder_takes_nothing_off_the_tail():
    """Whole body that clears faster than the organs in it: the rest of it falls below zero late."""
    body, marrow = curve("whole_body", 40.0, half_life_h=30.0), curve("red_marrow", 10.0, half_life_h=92.0)
    rest = remainder(body, [marrow])
    day14 = 14 * 86400.0
    assert rest.tia_bq_s > 0.0
    assert rest.curve.integral_bq_s(from_s=day14) < 0.0
    alone, both = study(marrow).marrow_residual, study(marrow, rest).marrow_residual
    assert both.gy_per_bq(from_s=day14) == close(alone.gy_per_bq(from_s=day14))
    assert both.rate_gy_per_bq_s(at_s=day14) == close(alone.rate_gy_per_bq_s(at_s=day14))
    np.testing.assert_allclose(both.gy_per_bq_draws(from_s=day14), alone.gy_per_bq_draws(from_s=day14), rtol=1e-9)
    assert both.gy_per_bq(from_s=0.0) > alone.gy_per_bq(from_s=0.0)


def test_tail_falls_with_time():
    tail = marrow_study().marrow_residual
    left = [tail.gy_per_bq(from_s=d * 86400.0) for d in range(30)]
    assert (np.diff(left) < 0).all()


def test_without_a_marrow_source_there_is_no_marrow_dose():
    doses = study(curve("kidneys", 3.0))
    assert doses.marrow_residual is None
    assert [o.target for o in doses.organs] == ["kidneys"]


def test_bad_studies_are_refused():
    with pytest.raises(QuantityError, match="must be positive"):
        study(curve("kidneys", 3.0), activity=0.0)
    with pytest.raises(QuantityError, match="given twice"):
        study(curve("kidneys", 3.0), curve("kidneys", 2.0))
    with pytest.raises(QuantityError, match="equally many draws"):
        study(curve("kidneys", 3.0, draws=5), curve("liver", 2.0, draws=6))
    with pytest.raises(QuantityError, match="equally many draws"):
        study()


def test_a_stated_uncertainty_needs_its_draws():
    with pytest.raises(QuantityError, match="standard-normal"):
        scaled(curve("x", 1.0), 2.0, name="y", relative_sd=0.1)
    with pytest.raises(QuantityError, match="standard-normal"):
        scaled(curve("x", 1.0, draws=8), 2.0, name="y", relative_sd=0.1, normal=np.zeros(4))
    assert scaled(curve("x", 1.0), 2.0, name="y").tia_bq_s == close(2 * HOUR_S)


@pytest.mark.parametrize("alpha_beta", [0.0, -1.0, float("nan")])
def test_bed_needs_a_positive_alpha_beta(alpha_beta):
    with pytest.raises(QuantityError, match="alpha_beta"):
        radionuclide_bed_gy(absorbed_dose_gy=23, alpha_beta_gy=alpha_beta, protraction=0.06)
    with pytest.raises(QuantityError, match="alpha_beta"):
        fractionated_bed_gy(fractions=5, dose_per_fraction_gy=2, alpha_beta_gy=alpha_beta)
