"""Published and derived dose numbers (project check cases BM*, S*, E*, BED*)."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose import (
    SourceCurve,
    fractionated_bed_gy,
    marrow_from_lumbar,
    marrow_tia_from_blood_bq_s,
    marrow_to_blood_ratio,
    organ_doses,
    protraction_factor,
    radionuclide_bed_gy,
    remainder,
    require_image_based,
)
from hemadose.errors import PlanningError, QuantityError, ReferenceDataError
from hemadose.model import CurveEnsemble, ExponentialCurve, SValue, SValueTable
from hemadose.physics.svalues import (
    MarrowModel,
    absorbed_energy_kev,
    patient_s_values,
    remainder_s_value,
    scale_to_mass,
)
from hemadose.refdata.nuclides import nuclide
from hemadose.units import HOUR_S, KEV_J

H = HOUR_S


def source(name, tia_h, draws=50):
    """A curve with 100 h half-life and the given TIA in Bq h (per Bq administered)."""
    rate = np.log(2) / (100 * H)
    amplitude = tia_h * H * rate
    return SourceCurve(
        name=name,
        curve=ExponentialCurve(amplitudes_bq=np.array([amplitude]), rates_per_s=np.array([rate])),
        ensemble=CurveEnsemble(amplitudes_bq=np.full((draws, 1), amplitude), rates_per_s=np.full((draws, 1), rate)),
    )


def test_bm1_sgouros():
    """BM1: haematocrit 0.47 gives 0.3585 (Sgouros 1993 states 0.36)."""
    assert marrow_to_blood_ratio(haematocrit=0.47) == pytest.approx(0.3585, rel=1e-3)


def test_bm3_blood_based_marrow():
    """BM3: two-phase blood curve, S from OLINDA 2 (0.5 %)."""
    blood = ExponentialCurve(
        amplitudes_bq=np.array([1.2e-4, 2.0e-5]), rates_per_s=np.log(2) / (np.array([1.5, 30.0]) * H)
    )
    assert blood.integral_bq_s() / H == pytest.approx(0.001125302, rel=1e-6)
    for ratio, hours, dose in (
        (marrow_to_blood_ratio(haematocrit=0.42), 0.4313, 0.01786),
        (1.0, 1.3166, 0.05451),
    ):
        tia = marrow_tia_from_blood_bq_s(
            blood_tia_bq_s_per_ml=blood.integral_bq_s(), marrow_to_blood=ratio, marrow_mass_kg=1.170
        )
        assert tia / H == pytest.approx(hours, rel=5e-3)
        assert tia * 1.15e-5 == pytest.approx(dose, rel=5e-3)


def test_bm4_lumbar_scaling():
    """BM4: 0.61 MBq in L2-L4 over 6.7 % is 9.1045 MBq in the marrow."""
    marrow = marrow_from_lumbar(
        source("lumbar_l2_l4", 0.61), fraction=0.067, fraction_relative_sd=0.0, normal=np.zeros(50)
    )
    assert marrow.tia_bq_s / H == pytest.approx(9.1045, rel=1e-3)


@pytest.mark.parametrize("fraction", [0.0, 1.2, -0.1])
def test_lumbar_fraction_is_a_fraction(fraction):
    with pytest.raises(QuantityError, match="L2-L4"):
        marrow_from_lumbar(source("x", 1), fraction=fraction, fraction_relative_sd=0, normal=np.zeros(50))


def test_blood_alone_is_refused_for_marrow_targeting_agents():
    with pytest.raises(PlanningError, match="never instead"):
        require_image_based(agent="lu177-pentixather", marrow_targeting=True, has_image=False)
    require_image_based(agent="lu177-pentixather", marrow_targeting=True, has_image=True)
    require_image_based(agent="lu177-dotatate", marrow_targeting=False, has_image=False)


def test_e1_energies_and_half_lives():
    """E1: ICRP 107, 0.1 %."""
    expected = {
        "Lu-177": (147.92, 35.10, 159.528),
        "Y-90": (933.11, 0.0, 64.1),
        "I-131": (191.85, 382.76, 192.497),
        "Re-188": (779.34, 61.25, 17.004),
    }
    for name, (electrons, photons, hours) in expected.items():
        found = nuclide(name)
        assert found.electron_energy_kev == pytest.approx(electrons, rel=1e-3)
        assert found.photon_energy_kev == pytest.approx(photons, rel=1e-3, abs=0.01)
        assert found.half_life_s / H == pytest.approx(hours, rel=1e-3)
    assert nuclide("In-111").half_life_s / H == pytest.approx(67.313, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "complete", "per_hour"),
    [
        ("Lu-177", 19.636, 0.08532),
        ("Y-90", 49.771, 0.5382),
        ("I-131", 30.73, 0.11065),
        ("Re-188", 11.027, 0.44951),
    ],
)
def test_e2_complete_local_decay(name, complete, per_hour):
    """E2: Gy kg/GBq for complete decay and g Gy/(MBq h), electrons only, 0.1 %."""
    found = nuclide(name)
    joule = found.electron_energy_kev * KEV_J
    assert joule * 1e9 / found.decay_constant_per_s == pytest.approx(complete, rel=1e-3)
    assert joule * 1e6 * H / 1e-3 == pytest.approx(per_hour, rel=1e-3)


def test_s1_absorbed_energy_of_published_s_values():
    """S1: OLINDA 2 male self S of 177Lu, keV per decay, 0.2 %."""
    for s_mgy, mass_g, kev in (
        (7.76e-5, 310, 150.15),
        (1.37e-5, 1800, 153.92),
        (1.6e-4, 150, 149.8),
        (1.15e-5, 1170, 83.98),
        (3.54e-7, 73000, 161.29),
    ):
        found = absorbed_energy_kev(s_gy_per_bq_s=s_mgy * 1e-9, mass_kg=mass_g / 1000)
        assert found == pytest.approx(kev, rel=2e-3)


def test_own_self_s_values_match_the_published_organs():
    """The packaged fractions give back the OLINDA 2 male self S at its masses (0.3 %)."""
    table = patient_s_values(
        nuclide=nuclide("Lu-177"),
        organ_masses_kg={"kidneys": 0.310, "liver": 1.8, "spleen": 0.150},
        body_mass_kg=73.0,
        marrow=MarrowModel(absorbed_fraction=0.57, mass_kg=1.17, rule="test"),
    )
    for organ, published in (("kidneys", 7.76e-14), ("liver", 1.37e-14), ("spleen", 1.60e-13)):
        assert table.get(source=organ, target=organ).gy_per_bq_s == pytest.approx(published, rel=3e-3, abs=0)
    marrow = table.get(source="red_marrow", target="red_marrow").gy_per_bq_s
    assert marrow == pytest.approx(1.15e-14, rel=0.01, abs=0)


def s2_table():
    """OLINDA 2 male numbers quoted in S1/S2 as facts, made into a table (mGy/MBq s = 1e-9 Gy/Bq s)."""
    rows = {
        "kidneys": (7.76e-14, 0.310),
        "liver": (1.37e-14, 1.8),
        "spleen": (1.6e-13, 0.150),
        "red_marrow": (1.15e-14, 1.17),
    }
    return rows


def test_s2_self_doses():
    """S2: TIAC kidneys 2, liver 3, spleen 1 h: self parts within 3 % of the printed totals' main term."""
    for organ, hours in (("kidneys", 2.0), ("liver", 3.0), ("spleen", 1.0)):
        s, _ = s2_table()[organ]
        expected = {"kidneys": 0.56253, "liver": 0.1501, "spleen": 0.5798}[organ]
        assert hours * H * s * 1e9 == pytest.approx(expected, rel=0.03)


def test_s2_remainder_formula_is_the_mass_weighted_difference():
    """Coffey & Watson: spreading activity evenly over the body must give back S(T<-TB)."""
    sources = {"kidneys": (1.2e-16, 0.31), "liver": (7.0e-17, 1.8), "red_marrow": (1.15e-14, 1.17)}
    rest = remainder_s_value(total_body_gy_per_bq_s=3.0e-16, total_body_kg=73.0, sources=sources)
    rest_mass = 73.0 - sum(m for _, m in sources.values())
    back = (rest * rest_mass + sum(s * m for s, m in sources.values())) / 73.0
    assert back == pytest.approx(3.0e-16, rel=1e-12, abs=0)
    assert rest < 3.0e-16


def test_s4_mass_scaling_of_self_dose_only():
    """S4: kidney 310 -> 400 g: electrons linear, photons ^(2/3): 6.0219e-5 mGy/(MBq s), 0.3 %."""
    table = SValueTable(
        name="t",
        nuclide="Lu-177",
        values=(
            SValue(
                source="kidneys",
                target="kidneys",
                electron_gy_per_bq_s=7.6451e-14,
                photon_gy_per_bq_s=1.1488e-15,
            ),
            SValue(source="liver", target="kidneys", electron_gy_per_bq_s=0.0, photon_gy_per_bq_s=1.2e-16),
        ),
        target_mass_kg={"kidneys": 0.310},
        source_note="quoted",
    )
    heavy = scale_to_mass(table, target="kidneys", mass_kg=0.400)
    assert heavy.get(source="kidneys", target="kidneys").gy_per_bq_s == pytest.approx(6.0219e-14, rel=3e-3, abs=0)
    assert heavy.get(source="liver", target="kidneys") == table.get(source="liver", target="kidneys")


def test_s5_yttrium_self_doses():
    """S5: published ICRP 133 male S of 90Y times TIAC, 0.1 %."""
    for s, hours, expected in (
        (3.20545705e-13, 1.5, 1.7309),
        (6.03806893e-14, 1.6, 0.3478),
        (5.88945617e-13, 0.6, 1.2721),
        (4.06965556e-14, 0.65, 0.0952),
    ):
        assert hours * H * s * 1e9 == pytest.approx(expected, rel=1e-3)


def test_s8_local_deposition_against_published_spheres():
    """S8: published 177Lu spheres; local deposition of all electrons is an upper bound, 1-3 % above."""
    electrons = nuclide("Lu-177").electron_energy_kev * KEV_J
    for mass_g, published in ((1, 2.3225e-11), (10, 2.3715e-12), (100, 2.3999e-13), (500, 4.8906e-14)):
        local = electrons / (mass_g / 1000)
        assert local == pytest.approx(published, rel=0.035, abs=0)


def test_bed_cases():
    """BED1, BED3 (a/b 2.6 Gy, repair 2.8 h)."""
    g = protraction_factor(effective_half_life_s=41 * H, repair_half_life_s=2.8 * H)
    assert g == pytest.approx(0.063927, rel=1e-4)
    kidney = radionuclide_bed_gy(absorbed_dose_gy=23, alpha_beta_gy=2.6, protraction=g)
    assert kidney == pytest.approx(36.007, rel=1e-4)
    tbi = fractionated_bed_gy(fractions=5, dose_per_fraction_gy=2, alpha_beta_gy=2.6)
    assert tbi == pytest.approx(17.692, rel=1e-4)
    assert fractionated_bed_gy(fractions=5, dose_per_fraction_gy=2, alpha_beta_gy=10) == pytest.approx(12.0)
    assert kidney + tbi == pytest.approx(53.699, rel=1e-4)
    day = fractionated_bed_gy(
        fractions=2,
        dose_per_fraction_gy=2,
        alpha_beta_gy=2.6,
        same_day=2,
        gap_s=8 * H,
        repair_half_life_s=2.8 * H,
    )
    assert day == pytest.approx(7.5016, rel=1e-4)


def doses(**tia_h):
    table = patient_s_values(
        nuclide=nuclide("Lu-177"),
        organ_masses_kg={"kidneys": 0.3, "liver": 1.8},
        body_mass_kg=73.0,
        marrow=MarrowModel(absorbed_fraction=0.57, mass_kg=1.17, rule="test"),
    )
    return organ_doses(
        [source(name, hours) for name, hours in tia_h.items()],
        administered_activity_bq=1.0,
        s_values=table,
    )


def test_contributions_add_up_and_cross_dose_is_small():
    study = doses(kidneys=3.0, liver=15.0, red_marrow=10.0, remainder=20.0)
    kidneys = study.organ("kidneys")
    parts = {c.source: c.gy_per_bq for c in kidneys.contributions}
    assert sum(parts.values()) == pytest.approx(kidneys.gy_per_bq, rel=1e-9, abs=0)
    assert 0 < parts["remainder"] < 0.03 * kidneys.gy_per_bq


def test_residual_from_zero_is_the_whole_marrow_dose():
    study = doses(kidneys=3.0, red_marrow=10.0, remainder=20.0)
    whole = study.marrow_residual.gy_per_bq(from_s=0.0)
    assert whole == pytest.approx(study.organ("red_marrow").gy_per_bq, rel=1e-9, abs=0)
    assert study.marrow_residual.gy_per_bq(from_s=100 * H) == pytest.approx(whole / 2, rel=1e-9, abs=0)


def test_doubling_the_activity_in_a_source_doubles_its_part():
    one, two = doses(kidneys=3.0), doses(kidneys=6.0)
    assert two.organ("kidneys").gy_per_bq == pytest.approx(2 * one.organ("kidneys").gy_per_bq, rel=1e-9, abs=0)


def test_unknown_source_is_an_error_not_zero():
    with pytest.raises(ReferenceDataError, match="no S value"):
        doses(kidneys=3.0, thymus=1.0)


def test_remainder_never_negative():
    rest = remainder(source("whole_body", 10.0), [source("kidneys", 12.0)])
    assert rest.tia_bq_s == 0.0
    assert "hold more than the whole body" in rest.notes[0]
    assert remainder(source("whole_body", 20.0), [source("kidneys", 12.0)]).tia_bq_s / H == pytest.approx(8.0)


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_marrow_fraction_is_checked(value):
    with pytest.raises(QuantityError, match="absorbed fraction"):
        MarrowModel(absorbed_fraction=value, mass_kg=1.0, rule="x")


def test_organs_heavier_than_the_body_are_refused():
    with pytest.raises(QuantityError, match="weigh more"):
        patient_s_values(
            nuclide=nuclide("Lu-177"),
            organ_masses_kg={"liver": 80.0},
            body_mass_kg=73.0,
            marrow=MarrowModel(absorbed_fraction=1.0, mass_kg=1.0, rule="x"),
        )


def test_unknown_nuclide_lists_the_known():
    with pytest.raises(ReferenceDataError, match="Lu-177"):
        nuclide("Xx-999")
