"""Conventions of dosimetry programs: masses, the kidney difference, and what is refused."""

from __future__ import annotations

import pytest

from hemadose.dose.conventions import convention_masses, kidney_ratio
from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import Sex
from hemadose.refdata.conventions import convention, conventions


def test_kidneys_with_and_without_blood_are_27_percent_apart():
    """Published masses: 310 g (ICRP 89) and 421.5 g (ICRP 133): 310 / 421.5 = 0.735."""
    ratio = kidney_ratio(convention("idac-2.1"), convention("olinda-2"), sex=Sex.MALE)
    assert ratio == pytest.approx(0.7355, abs=5e-4)
    assert 1.0 - ratio == pytest.approx(0.27, abs=0.01)


@pytest.mark.parametrize(("sex", "blood_g"), [(Sex.MALE, 5600.0), (Sex.FEMALE, 4100.0)])
def test_masses_with_blood_are_icrp89_plus_the_blood_share(sex, blood_g):
    """Derived masses within 0.3 %: 2 % of blood in kidneys, 10 % liver, 1.4 % spleen, 4 % red marrow."""
    shares = {"kidneys": 0.02, "liver": 0.10, "spleen": 0.014, "red_marrow": 0.04}
    for organ, share in shares.items():
        dry = convention("olinda-2").reference_mass_kg(organ, sex=sex)
        wet = convention("idac-2.1").reference_mass_kg(organ, sex=sex)
        assert wet == pytest.approx(dry + share * blood_g / 1000, rel=3e-3), organ


def test_own_masses_for_the_project_and_reference_masses_for_the_others():
    own = {"kidneys": 0.35, "lesion_1": 0.02}
    assert convention_masses(convention("hemadose"), sex=Sex.MALE, patient_kg=own) == own
    found = convention_masses(convention("idac-2.1"), sex=Sex.MALE, patient_kg=own)
    assert found == {"kidneys": pytest.approx(0.4215), "lesion_1": 0.02}
    asked = convention_masses(convention("olinda-2"), sex=Sex.FEMALE, patient_kg=own, masses="patient")
    assert asked == own


def test_a_reference_mass_needs_no_volume_of_the_patient():
    found = convention_masses(convention("olinda-2"), sex=Sex.MALE, patient_kg={"kidneys": None})
    assert found == {"kidneys": pytest.approx(0.31)}


def test_nothing_is_guessed():
    with pytest.raises(QuantityError, match="no mass is known for kidneys"):
        convention_masses(convention("hemadose"), sex=Sex.MALE, patient_kg={"kidneys": None})
    with pytest.raises(ReferenceDataError, match="no reference mass of thymus"):
        convention_masses(convention("olinda-2"), sex=Sex.MALE, patient_kg={"thymus": 0.02})
    with pytest.raises(QuantityError, match="positive"):
        convention_masses(convention("hemadose"), sex=Sex.MALE, patient_kg={"kidneys": 0.0})
    with pytest.raises(ReferenceDataError, match="unknown convention"):
        convention("olinda-3")


def test_every_convention_says_where_its_masses_come_from():
    assert [c.name for c in conventions()] == ["hemadose", "olinda-1", "olinda-2", "idac-2.1"]
    for c in conventions():
        assert c.source
        assert c.evidence in ("publication", "derived", "unverified")
        assert c.masses == ("patient" if c.name == "hemadose" else "reference")
