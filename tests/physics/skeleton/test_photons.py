"""Photon dose to marrow: limits, and the size of King and Spiers's factor."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.physics.matter.media import medium
from hemadose.physics.matter.photons import photon_table
from hemadose.physics.skeleton.calculation import absorbed_fractions
from hemadose.physics.skeleton.photons import enhancement, marrow_response
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


def test_response_is_that_of_marrow_times_the_enhancement(table):
    """Bone absorbs 2 to 4 times what marrow does at 30-60 keV, and as much within some per cent at 1 MeV (NIST)."""
    response = marrow_response(table, PHOTONS)
    marrow, bone = (
        photon_table(medium(name), PHOTONS).mass_energy_absorption for name in ("red-marrow", "stylised-bone")
    )
    assert response == pytest.approx(marrow * enhancement(table, PHOTONS))
    assert response[1] / bone[1] < 0.5
    assert response[-1] / bone[-1] == pytest.approx(1.0, abs=0.1)
