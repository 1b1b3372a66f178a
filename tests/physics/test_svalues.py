"""S values: energy balance, mass scaling, the declared marrow model, imported tables."""

from __future__ import annotations

import pickle
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import SValue, SValueTable
from hemadose.physics.svalues import (
    MarrowModel,
    absorbed_energy_kev,
    patient_s_values,
    photon_absorbed_fraction,
    remainder_s_value,
    scale_to_mass,
)
from hemadose.refdata.nuclides import nuclide, nuclide_names

CASES = tomllib.loads((Path(__file__).parents[1] / "reference" / "dose.toml").read_text(encoding="utf-8"))
MGY_PER_MBQ_S = 1e-9
BOTH = (0.5, 2.0)


def close(value, rel=1e-9):
    """Relative only: S values lie far below the absolute tolerance that pytest adds by default."""
    return pytest.approx(value, rel=rel, abs=0.0)


def table(name="Lu-177", *, kidneys=0.31, liver=1.8, body=73.0, fraction=0.57, marrow_kg=1.17):
    return patient_s_values(
        nuclide=nuclide(name),
        organ_masses_kg={"kidneys": kidneys, "liver": liver, "lesion_1": 0.02},
        body_mass_kg=body,
        marrow=MarrowModel(absorbed_fraction=fraction, mass_kg=marrow_kg, rule="declared in a test"),
    )


@pytest.mark.parametrize("name", nuclide_names())
def test_no_source_gives_more_energy_than_it_has(name):
    found, emitted = table(name), nuclide(name)
    total = emitted.electron_energy_kev + emitted.photon_energy_kev
    for source in (*found.target_mass_kg, "remainder"):
        absorbed = sum(
            absorbed_energy_kev(s_gy_per_bq_s=found.get(source=source, target=t).gy_per_bq_s, mass_kg=m)
            for t, m in found.target_mass_kg.items()
        )
        assert 0.0 <= absorbed <= total
        if source in ("kidneys", "liver", "lesion_1"):
            assert absorbed >= emitted.electron_energy_kev * (1 - 1e-12)


def test_yttrium_self_dose_is_all_its_electrons():
    """E1: 933.1 keV of electrons, no photons: S m = E."""
    kidneys = table("Y-90").get(source="kidneys", target="kidneys")
    assert absorbed_energy_kev(s_gy_per_bq_s=kidneys.gy_per_bq_s, mass_kg=0.31) == close(933.106, rel=1e-5)


def test_marrow_keeps_the_declared_fraction_and_no_compact_organ_photons():
    """OLINDA/EXM 2 male: 83.98 keV per decay in red marrow (S1); 0.57 x 147.9 and spread photons, 1 %."""
    own = table().get(source="red_marrow", target="red_marrow")
    assert absorbed_energy_kev(s_gy_per_bq_s=own.gy_per_bq_s, mass_kg=1.17) == close(83.98, rel=0.01)
    other = table().get(source="remainder", target="red_marrow")
    assert own.photon_gy_per_bq_s == close(other.photon_gy_per_bq_s)
    full = table(fraction=1.0).get(source="red_marrow", target="red_marrow")
    assert full.electron_gy_per_bq_s * 0.57 == close(own.electron_gy_per_bq_s)


def test_electrons_give_no_cross_dose():
    found = table()
    pairs = [(v.source, v.target) for v in found.values if v.source != v.target and v.electron_gy_per_bq_s > 0]
    assert pairs == []
    assert found.get(source="kidneys", target="kidneys").electron_gy_per_bq_s > 0


@given(mass=st.floats(0.05, 2.0), factor=st.floats(*BOTH))
def test_self_dose_follows_mass_by_radiation(mass, factor):
    one = table(kidneys=mass).get(source="kidneys", target="kidneys")
    two = table(kidneys=mass * factor).get(source="kidneys", target="kidneys")
    assert two.electron_gy_per_bq_s == close(one.electron_gy_per_bq_s / factor)
    assert two.photon_gy_per_bq_s == close(one.photon_gy_per_bq_s / factor ** (2 / 3))


@given(mass=st.floats(0.1, 1.0))
def test_scaling_a_table_is_the_same_as_making_it(mass):
    made, scaled = table(kidneys=mass), scale_to_mass(table(), target="kidneys", mass_kg=mass)
    for value in made.values:
        assert scaled.get(source=value.source, target=value.target).gy_per_bq_s == close(value.gy_per_bq_s)
    assert scaled.target_mass_kg["kidneys"] == mass


def test_scaling_back_and_forth_returns_the_table():
    there = scale_to_mass(table(), target="liver", mass_kg=2.4)
    back = scale_to_mass(there, target="liver", mass_kg=1.8)
    for value in table().values:
        assert back.get(source=value.source, target=value.target).gy_per_bq_s == close(value.gy_per_bq_s)


def test_scaling_refuses_unknown_targets_and_masses():
    with pytest.raises(ReferenceDataError, match="no target thymus"):
        scale_to_mass(table(), target="thymus", mass_kg=0.02)
    for mass in (0.0, -1.0, float("nan")):
        with pytest.raises(QuantityError, match="must be positive"):
            scale_to_mass(table(), target="kidneys", mass_kg=mass)


@pytest.mark.parametrize("bad", [{"kidneys": 0.0}, {"kidneys": float("nan")}, {"liver": 80.0}, {"body": float("nan")}])
def test_absurd_masses_are_refused(bad):
    with pytest.raises(QuantityError):
        table(**bad)


@pytest.mark.parametrize("mass", [0.01, 5.0, float("nan")])
def test_absurd_marrow_masses_are_refused(mass):
    with pytest.raises(QuantityError, match="marrow mass"):
        MarrowModel(absorbed_fraction=0.57, mass_kg=mass, rule="x")


def test_photon_fraction_never_exceeds_one():
    assert photon_absorbed_fraction("whole_body", mass_kg=5000.0) == 1.0
    assert photon_absorbed_fraction("whole_body", mass_kg=73.0) == pytest.approx(0.381)
    assert photon_absorbed_fraction("lesion_3", mass_kg=0.15) == pytest.approx(0.054)


def test_doubts_name_marrow_cross_dose_and_strong_photons():
    assert any("0.57" in n and "declared in a test" in n for n in table().notes)
    assert any("spread evenly" in n for n in table().notes)
    assert not any("spread evenly" in n for n in table("Y-90").notes)
    assert any("rough approximation" in n for n in table("I-131").notes)
    assert not any("rough approximation" in n for n in table().notes)


def test_cross_dose_against_published_values():
    """OLINDA/EXM 2 male, 177Lu: what the evenly spread photons get right, and what the notes warn of."""
    case = CASES["S2"]["s"]
    ours = table().get(source="remainder", target="kidneys").gy_per_bq_s
    for organ in ("kidneys", "liver", "spleen"):
        ratio = ours / (case["red_marrow"][organ] * MGY_PER_MBQ_S)
        assert 0.7 < ratio < 1.05, organ
    assert ours / (case["kidneys"]["liver"] * MGY_PER_MBQ_S) == close(0.245, rel=0.02)
    assert ours / (CASES["S2"]["s_remainder_red_marrow"] * MGY_PER_MBQ_S) == close(0.315, rel=0.02)


def test_s2_remainder_of_the_body():
    """S2: S(red marrow <- remainder) by Coffey & Watson from published values."""
    case = CASES["S2"]
    row, masses = case["s"]["red_marrow"], case["masses"]
    found = remainder_s_value(
        total_body_gy_per_bq_s=row["whole_body"],
        total_body_kg=masses["whole_body"] / 1000,
        sources={k: (row[k], masses[k] / 1000) for k in row if k != "whole_body"},
    )
    assert found == close(case["s_remainder_red_marrow"], rel=1e-3)


def test_a_remainder_without_mass_is_refused():
    with pytest.raises(QuantityError, match="no body remains"):
        remainder_s_value(total_body_gy_per_bq_s=1e-16, total_body_kg=1.0, sources={"liver": (1e-14, 1.8)})
    with pytest.raises(QuantityError, match="no body remains"):
        remainder_s_value(total_body_gy_per_bq_s=1e-16, total_body_kg=73.0, sources={}, remainder_kg=0.0)


def test_missing_pairs_are_an_error_never_zero():
    one = SValueTable(
        name="imported",
        nuclide="Lu-177",
        values=(SValue(source="liver", target="liver", electron_gy_per_bq_s=1.3e-14, photon_gy_per_bq_s=5e-16),),
        target_mass_kg={"liver": 1.8},
        source_note="a table of the user",
    )
    assert one.has(source="liver", target="liver")
    assert not one.has(source="spleen", target="liver")
    with pytest.raises(ReferenceDataError, match="liver <- spleen"):
        one.get(source="spleen", target="liver")
    assert pickle.loads(pickle.dumps(one)) == one
