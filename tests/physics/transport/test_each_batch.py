"""What is made of each batch takes its place in mean and uncertainty."""

from __future__ import annotations

import numpy as np

from hemadose.physics.anatomy_transport import mono_energetic
from hemadose.physics.matter.media import medium
from hemadose.physics.transport.run import VoxelGeometry, transport_voxels


def test_answers_take_the_place_of_energies():
    """Energies halved and spread evenly: half the sum, one value everywhere; what escaped stays."""
    from hemadose.model.saf import Radiation

    shape = (3, 4, 5)
    geometry = VoxelGeometry(
        medium_index=np.zeros(shape, np.uint8), density_g_per_ml=np.ones(shape, np.float32), voxel_mm=(4.0,) * 3,
        media=(medium("water"),),
    )  # fmt: skip
    source = np.zeros(shape)
    source[1, 2, 2] = 1.0
    given = []

    def halved(energy):
        given.append(energy.copy())
        return np.full(energy.size, 0.5 * energy.mean())

    same = {
        "geometry": geometry, "source": source, "emissions": mono_energetic(Radiation.PHOTON, 100.0), "decays": 800,
        "seed": 3, "batches": 4,
    }  # fmt: skip
    plain, changed = transport_voxels(**same), transport_voxels(**same, each_batch=halved)
    assert len(given) == 4
    assert np.allclose(np.mean(given, axis=0).reshape(shape), plain.energy_kev_per_decay)
    assert np.allclose(changed.energy_kev_per_decay, 0.5 * plain.energy_kev_per_decay.mean())
    assert changed.escaped_kev_per_decay == plain.escaped_kev_per_decay
    scatter = np.std([0.5 * energy.mean() for energy in given], ddof=1) / 2.0
    assert np.allclose(changed.standard_uncertainty, scatter)
