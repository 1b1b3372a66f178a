"""Sites: shares, published ranges, how each number is known."""

from __future__ import annotations

import pytest

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.physics.phantoms.marrow import RED_MARROW_PERCENT, red_marrow_fraction
from hemadose.physics.skeleton.sites import (
    BONE_G_PER_ML,
    SITES,
    BoneSite,
    Certainty,
    Microstructure,
    mean_cellularity,
    microstructure,
    microstructure_names,
)


def site(**changed):
    good = {
        "name": "x",
        "phantom_parts": ("pelvis",),
        "red_marrow_share": 0.1,
        "cellularity": 0.5,
        "microstructures": {"rib": 1.0},
        "structure_certainty": Certainty.CHOSEN,
        "spongiosa_mm": 5.0,
    }
    return BoneSite(**(good | changed))


def test_all_red_marrow_of_the_phantom_has_a_site():
    assert sum(s.red_marrow_share for s in SITES) == pytest.approx(1.0, abs=1e-12)
    assert {p for s in SITES for p in s.phantom_parts} == set(RED_MARROW_PERCENT)
    pelvis = sum(s.red_marrow_share for s in SITES if "pelvis" in s.phantom_parts)
    assert pelvis == pytest.approx(red_marrow_fraction("pelvis"))


def test_structure_of_an_adult_man_is_that_of_beddoe():
    """Beddoe 1978 (abstract): cavities typically 1200 um, bone about 16 %, surface to bone volume about 190 cm2/cm3."""
    lumbar = microstructure("lumbar vertebra")
    assert lumbar.cavity_chord_mm == pytest.approx(1.2, rel=0.05)
    typical = [microstructure(n) for n in microstructure_names() if n != "parietal bone"]
    assert sum(m.bone_volume_fraction for m in typical) / len(typical) == pytest.approx(0.16, abs=0.03)
    surface = sum(s.bone_surface_cm2(1.0) for s in SITES if s.name not in ("cranium", "mandible"))
    bone = sum(s.bone_volume_ml(1.0) for s in SITES if s.name not in ("cranium", "mandible"))
    assert surface / bone == pytest.approx(190.0, rel=0.2)  # here 160: adults of 44 and of 25-50 years


def test_surface_and_volume_follow_from_one_set_of_chords():
    for s in SITES:
        if len(s.microstructures) == 1:
            m = microstructure(*s.microstructures)
            assert s.bone_surface_cm2(1.0) / s.bone_volume_ml(1.0) == pytest.approx(10.0 * m.surface_per_bone_mm)


def test_amounts_for_the_reference_man():
    """ICRP 89: marrow 3650 g in all, trabecular bone 1100 g; ICRP 70: trabecular surface 10.5 m2 (recalled).

    Bones without red marrow hold the rest. The chords of the parietal bone put more bone into the skull than there is.
    """
    marrow = sum(s.marrow_volume_ml(1.17) for s in SITES)
    assert 1170.0 / 1.03 < marrow < 3650.0
    assert 0.6 < sum(s.bone_volume_ml(1.17) for s in SITES if s.name != "cranium") * BONE_G_PER_ML / 1000.0 < 1.1
    assert 7.0 < sum(s.bone_surface_cm2(1.17) for s in SITES) / 1e4 < 10.5


def test_mean_cellularity():
    """1170 g of red marrow over the marrow of these bones: between the 0.70 of vertebrae and the 0.25 of limbs."""
    assert mean_cellularity() == pytest.approx(
        0.38 * (0.076 + 0.008 + 0.028) + 0.33 * 0.008 + 0.7 * 0.613 + 0.48 * 0.175 + 0.25 * 0.09, abs=2e-3
    )


def test_unknown_sites_and_bad_numbers_are_refused():
    with pytest.raises(ReferenceDataError, match="no chord lengths"):
        microstructure("tibia")
    with pytest.raises(ReferenceDataError):
        site(microstructures={"tibia": 1.0})
    with pytest.raises(QuantityError, match="sum to 1"):
        site(microstructures={"rib": 0.5})
    with pytest.raises(QuantityError, match="cellularity"):
        site(cellularity=0.0)
    with pytest.raises(QuantityError):
        site(spongiosa_mm=0.0)
    with pytest.raises(QuantityError):
        Microstructure(name="x", cavity_chord_mm=0.0, trabecula_chord_mm=0.2, certainty=Certainty.CHOSEN)
