"""S values of a patient from a phantom's: mass scaling, remainder, regions the phantom lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import Nuclide, SValue, SValueTable
from hemadose.physics.patient_svalues import reference_marrow_fraction, scaled_s_values
from hemadose.physics.svalues import MarrowModel
from hemadose.units import KEV_J

LU = Nuclide(name="Lu-177", half_life_s=574300.0, electron_energy_kev=147.92, photon_energy_kev=35.1)
MASS = {"liver": 2.0, "kidneys": 0.3, "red_marrow": 1.12, "total_body": 73.0}


def table() -> SValueTable:
    """Electrons stay in their region; photons are spread over the body, three times denser in the source."""
    electron, photon = LU.electron_energy_kev * KEV_J, LU.photon_energy_kev * KEV_J
    values = []
    for source in MASS:
        for target, mass in MASS.items():
            inside = 1.0 if target in (source, "total_body") else mass / 73.0 if source == "total_body" else 0.0
            values.append(
                SValue(
                    source=source,
                    target=target,
                    electron_gy_per_bq_s=electron * inside / mass,
                    photon_gy_per_bq_s=photon * 0.38 / 73.0 * (3.0 if source == target != "total_body" else 1.0),
                    relative_sd=0.01,
                )
            )
    return SValueTable(name="phantom", nuclide="Lu-177", values=tuple(values), target_mass_kg=MASS, source_note="test")


def patient(**masses):
    return scaled_s_values(
        table(),
        nuclide=LU,
        organ_masses_kg=masses,
        body_mass_kg=80.0,
        marrow=MarrowModel(absorbed_fraction=0.5, mass_kg=1.2, rule="test"),
    )


def test_self_dose_scales_with_mass_and_cross_dose_stays():
    """MIRD 11: electrons with m^-1, photons with m^-2/3."""
    found, reference = patient(kidneys=0.4, liver=1.5), table()
    own, before = found.get(source="kidneys", target="kidneys"), reference.get(source="kidneys", target="kidneys")
    assert own.electron_gy_per_bq_s / before.electron_gy_per_bq_s == pytest.approx(0.75)
    assert own.photon_gy_per_bq_s / before.photon_gy_per_bq_s == pytest.approx(0.75 ** (2 / 3))
    cross = found.get(source="liver", target="kidneys")
    assert cross.gy_per_bq_s == pytest.approx(reference.get(source="liver", target="kidneys").gy_per_bq_s, abs=0)
    assert own.relative_sd == 0.01


def test_marrow_takes_what_was_declared():
    found = patient(liver=1.5).get(source="red_marrow", target="red_marrow")
    assert found.electron_gy_per_bq_s == pytest.approx(147.92 * KEV_J * 0.5 / 1.2, abs=0)
    assert reference_marrow_fraction(table(), electron_energy_kev=147.92) == pytest.approx(1.0)


def test_marrow_gets_no_electron_twice():
    """A table in which half of the marrow's electron energy from a uniform body comes from its neighbours.

    Declared 0.5 (the table's own): the remainder brings the other half. Declared 1: it brings none.
    """
    reference = table()
    electron = LU.electron_energy_kev * KEV_J
    pairs = {("red_marrow", "red_marrow"): 0.5 * electron / MASS["red_marrow"]}
    values = tuple(
        replace(v, electron_gy_per_bq_s=pairs.get((v.source, v.target), v.electron_gy_per_bq_s))
        for v in reference.values
    )
    got = {}
    for fraction in (0.3, 0.5, 1.0):
        found = scaled_s_values(
            replace(reference, values=values),
            nuclide=LU,
            organ_masses_kg={},
            body_mass_kg=73.0,
            marrow=MarrowModel(absorbed_fraction=fraction, mass_kg=1.12, rule="test"),
        )
        got[fraction] = found.get(source="remainder", target="red_marrow").electron_gy_per_bq_s
    assert got[0.5] == pytest.approx(0.5 * electron / (73.0 - 1.12), rel=1e-9, abs=0)
    assert got[0.3] == got[0.5]
    assert got[1.0] == pytest.approx(0.0, abs=1e-9 * got[0.5])


def test_remainder_conserves_energy():
    """All sources together, weighted with their masses, are the whole body again: sum of m_h S(T<-h) = m_TB S(T<-TB)."""
    same = scaled_s_values(
        table(),
        nuclide=LU,
        organ_masses_kg={k: MASS[k] for k in ("liver", "kidneys")},
        body_mass_kg=73.0,
        marrow=MarrowModel(absorbed_fraction=1.0, mass_kg=1.12, rule="test"),
    )
    rest = 73.0 - 2.0 - 0.3 - 1.12
    for target in ("liver", "kidneys", "red_marrow"):
        parts = sum(MASS[h] * same.get(source=h, target=target).gy_per_bq_s for h in ("liver", "kidneys", "red_marrow"))
        total = parts + rest * same.get(source="remainder", target=target).gy_per_bq_s
        assert total == pytest.approx(
            73.0 * table().get(source="total_body", target=target).gy_per_bq_s, rel=1e-9, abs=0
        )


def test_a_heavier_body_dilutes_the_remainder():
    light = patient(liver=1.5).get(source="remainder", target="liver").gy_per_bq_s
    heavy = scaled_s_values(
        table(),
        nuclide=LU,
        organ_masses_kg={"liver": 1.5},
        body_mass_kg=160.0,
        marrow=MarrowModel(absorbed_fraction=0.5, mass_kg=1.2, rule="test"),
    ).get(source="remainder", target="liver")
    assert heavy.gy_per_bq_s == pytest.approx(light / 2.0, abs=0)


def test_a_lesion_keeps_its_electrons_and_says_so():
    found = patient(lesion_1=0.02, liver=1.5)
    own = found.get(source="lesion_1", target="lesion_1")
    assert own.electron_gy_per_bq_s == pytest.approx(147.92 * KEV_J / 0.02, abs=0)
    cross = found.get(source="lesion_1", target="liver")
    assert cross.electron_gy_per_bq_s == 0.0
    assert cross.photon_gy_per_bq_s > 0.0
    assert any("lesion_1" in note for note in found.notes)


def test_wrong_input():
    with pytest.raises(QuantityError, match="weigh more"):
        patient(liver=90.0)
    with pytest.raises(QuantityError, match="positive"):
        patient(liver=0.0)
    other = Nuclide(name="Y-90", half_life_s=1.0, electron_energy_kev=933.0, photon_energy_kev=0.0)
    with pytest.raises(ReferenceDataError, match="another nuclide"):
        scaled_s_values(
            table(),
            nuclide=other,
            organ_masses_kg={"liver": 1.5},
            body_mass_kg=80.0,
            marrow=MarrowModel(absorbed_fraction=0.5, mass_kg=1.2, rule="test"),
        )
