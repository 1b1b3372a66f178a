"""Followed photons and their convolution brought together: sums by hand, nothing across media, honest scatter."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.model.saf import Radiation
from hemadose.physics.anatomy_transport import mono_energetic
from hemadose.physics.matter.media import medium
from hemadose.physics.voxel_dose.matter import patient_matter
from hemadose.physics.voxel_dose.photons import NeighbourRatio, absorption_ratios
from hemadose.refdata.emissions import emissions

SIDE = (4.8, 4.8, 4.8)


def by_hand(energy, expected, kind, width):
    """Ratio of sums over neighbours of the same kind, one voxel after another."""
    found = np.zeros(energy.shape)
    for at in np.ndindex(energy.shape):
        near = tuple(slice(max(i - width, 0), i + width + 1) for i in at)
        same = kind[near] == kind[at]
        found[at] = expected[at] * energy[near][same].sum() / expected[near][same].sum()
    return found


@pytest.mark.parametrize("width", [1, 2])
def test_ratios_are_taken_among_neighbours_of_the_same_medium(width):
    """Lung, tissue and bone at random, absorbing unlike each other."""
    rng = np.random.default_rng(8)
    density = rng.choice([0.3, 1.04, 1.2], size=(6, 7, 5), p=[0.2, 0.6, 0.2])
    density[:3] = 1.04
    matter = patient_matter(density, voxel_mm=SIDE)
    expected, energy = rng.uniform(1.0, 3.0, density.shape), rng.random(density.shape)
    absorption = np.array([1.05, 0.5, 1.7])
    smooth = NeighbourRatio(expected, matter, absorption=absorption, alike=np.zeros(3, dtype=bool), width=width)
    found = smooth(energy.ravel()).reshape(density.shape)
    index = matter.geometry.medium_index
    assert np.allclose(found, by_hand(energy, expected * absorption[index], index, width), rtol=1e-12)
    mixed = by_hand(energy, expected, np.zeros(density.shape), width)
    assert not np.allclose(found, mixed, rtol=1e-3)


def test_media_that_absorb_alike_are_neighbours():
    """Lung with 1.05 and soft tissue with 0.9 share one ratio, each with its own absorption."""
    density = np.array([[[0.3, 1.04, 1.04]]])
    smooth = NeighbourRatio(
        np.ones((1, 1, 3)), patient_matter(density, voxel_mm=SIDE), absorption=np.array([1.05, 0.9]), width=2
    )
    found = smooth(np.array([0.0, 5.7, 0.0]))
    assert found == pytest.approx([2.1, 1.8, 1.8])


def test_photons_of_177lu_and_of_511_kev_in_bone():
    """mu_en/rho of cortical bone over soft tissue is 0.94 at 511 keV (NIST: 0.0307/0.0326 or so), above 1.4 for 177Lu."""
    media = [medium("lung"), medium("cortical-bone")]
    high = absorption_ratios(media, mono_energetic(Radiation.PHOTON, 511.0), of="soft-tissue")
    assert high == pytest.approx([1.0, 0.94], abs=0.01)
    low = absorption_ratios(media, emissions("Lu-177"), of="soft-tissue")
    assert low[0] == pytest.approx(1.0, abs=0.02)
    assert 1.3 < low[1] < 1.7
    assert absorption_ratios(media, mono_energetic(Radiation.PHOTON, 20.0), of="soft-tissue").tolist() == [1.0, 1.0]


def test_what_is_followed_as_expected_stays():
    """A ratio of 1.7 everywhere, whatever the map."""
    expected = np.random.default_rng(1).uniform(0.1, 9.0, (5, 6, 7))
    smooth = NeighbourRatio(expected, patient_matter(np.ones((5, 6, 7)), voxel_mm=SIDE))
    assert np.allclose(smooth(1.7 * expected.ravel()), 1.7 * expected.ravel(), rtol=1e-12)


def test_air_is_left_alone():
    """Energies of air are counted apart as they were followed, and do not enter those of tissue."""
    density = np.ones((3, 3, 3))
    density[1, 1, 1] = 0.0
    energy = np.ones(27)
    energy[13] = 50.0
    found = NeighbourRatio(np.ones((3, 3, 3)), patient_matter(density, voxel_mm=SIDE))(energy)
    assert found.tolist() == energy.tolist()


def test_it_is_linear():
    """So that the scatter of batches is that of their mean."""
    rng = np.random.default_rng(5)
    matter = patient_matter(rng.uniform(0.2, 1.6, (4, 4, 4)), voxel_mm=SIDE)
    smooth = NeighbourRatio(rng.random((4, 4, 4)) + 0.1, matter)
    one, two = rng.random(64), rng.random(64)
    assert np.allclose(smooth(one + 3.0 * two), smooth(one) + 3.0 * smooth(two), rtol=1e-12)
