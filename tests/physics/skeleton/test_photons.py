"""Photon dose to marrow: limits, and the size of King and Spiers's factor."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.physics.matter.media import medium
from hemadose.physics.matter.photons import photon_table
from hemadose.physics.skeleton.calculation import absorbed_fractions
from hemadose.physics.skeleton.photons import enhancement, marrow_over_bone, red_marrow_energy_kev
from hemadose.physics.skeleton.sites import SITES

SOME = tuple(s for s in SITES if s.name in ("lumbar spine", "cranium"))
PHOTONS = np.array([20.0, 50.0, 100.0, 208.0, 364.0, 1000.0])


@pytest.fixture(scope="module")
def table(ray_tracer):
    return absorbed_fractions(
        red_marrow_kg=1.0,
        sites=SOME,
        energy_kev=(10.0, 20.0, 40.0, 70.0, 100.0, 200.0, 500.0, 1000.0),
        electrons=1500,
        size=96,
        deposit=ray_tracer,
        retain=lambda *_: 1.0,
    )


def test_enhancement_has_the_published_size(table):
    """King and Spiers 1985 (recalled): a few per cent in the vertebra, most at 40-60 keV, more in the skull, none above 300 keV."""
    lumbar = enhancement(table, PHOTONS, site="lumbar spine")
    skull = enhancement(table, PHOTONS, site="cranium")
    assert 1.02 < lumbar[1] < 1.15
    assert skull[1] > lumbar[1]
    assert int(lumbar[:4].argmax()) in (1, 2)
    assert lumbar[-1] == pytest.approx(1.0, abs=0.03)


def test_the_skeleton_lies_between_its_sites(table):
    whole = enhancement(table, PHOTONS)
    parts = [enhancement(table, PHOTONS, site=s) for s in table.sites]
    assert np.all(whole <= np.maximum(*parts) + 1e-3)
    assert np.all(whole >= np.minimum(*parts) - 1e-3)


def test_homogeneous_bone_overstates_marrow_at_low_energy(table):
    """mu_en/rho of bone is several times that of marrow at 30-60 keV, and equal within some per cent at 1 MeV."""
    plain = marrow_over_bone(table, PHOTONS, enhanced=False)
    assert plain[1] < 0.5
    assert plain[-1] == pytest.approx(1.0, abs=0.08)
    wanted = (
        photon_table(medium("red-marrow"), PHOTONS).mass_energy_absorption
        / photon_table(medium("stylised-bone"), PHOTONS).mass_energy_absorption
    )
    assert plain == pytest.approx(wanted)
    assert np.all(marrow_over_bone(table, PHOTONS)[:3] > plain[:3])


def test_energy_of_marrow_is_its_share_of_mass_times_the_ratio(table):
    ratio = marrow_over_bone(table, [208.0])[0]
    got = red_marrow_energy_kev(table, photon_kev=[208.0], deposited_kev=[3.0], bone_kg=10.0, red_marrow_kg=1.12)
    assert got == pytest.approx(3.0 * 0.112 * ratio)
    with pytest.raises(QuantityError, match="less than the bone"):
        red_marrow_energy_kev(table, photon_kev=[208.0], deposited_kev=[3.0], bone_kg=1.0, red_marrow_kg=1.12)
