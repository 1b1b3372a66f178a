"""Expected deposits along the ways of photons against deposits where they happen: two estimators of one thing."""

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.model.saf import Radiation
from hemadose.physics.anatomy_transport import mono_energetic
from hemadose.physics.matter.media import medium
from hemadose.physics.transport.run import VoxelGeometry, transport_voxels
from hemadose.refdata.emissions import emissions


def body() -> VoxelGeometry:
    """20 cm of tissue with a lung and a bone."""
    index = np.zeros((10, 10, 10), dtype=np.uint8)
    density = np.ones(index.shape, dtype=np.float32)
    index[2:6, 2:6, 6:9], density[2:6, 2:6, 6:9] = 1, 0.26
    index[6:8, 6:8, 1:9], density[6:8, 6:8, 1:9] = 2, 1.4
    return VoxelGeometry(
        medium_index=index,
        density_g_per_ml=density,
        voxel_mm=(20.0, 20.0, 20.0),
        media=(medium("soft-tissue"), medium("lung"), medium("cortical-bone")),
    )


def source() -> np.ndarray:
    here = np.zeros((10, 10, 10))
    here[4:6, 4:6, 3:5] = 1.0
    return here


def run(energy_kev, decays, **options):
    emitted = mono_energetic(Radiation.PHOTON, energy_kev)
    return transport_voxels(geometry=body(), source=source(), emissions=emitted, decays=decays, seed=5, **options)


@pytest.mark.parametrize("energy_kev", [30.0, 140.5, 364.0])
def test_both_estimators_agree(energy_kev):
    """Voxel by voxel within their statistics (1000 voxels: |z| mean 0, rms 1), where electrons go less than 1 mm."""
    deposits, kerma = run(energy_kev, 400_000), run(energy_kev, 100_000, estimator="kerma")
    known = deposits.energy_kev_per_decay > 40.0 * energy_kev / deposits.decays
    spread = np.hypot(deposits.standard_uncertainty, kerma.standard_uncertainty)[known]
    z = (kerma.energy_kev_per_decay - deposits.energy_kev_per_decay)[known] / spread
    assert known.sum() > 150
    assert abs(z.mean()) < 4.0 / np.sqrt(z.size)
    assert 0.8 < z.std() < 1.25
    assert kerma.deposited_kev_per_decay == pytest.approx(deposits.deposited_kev_per_decay, rel=5e-3)


def test_voxels_are_known_better_from_as_many_photons():
    deposits, kerma = run(208.4, 50_000), run(208.4, 50_000, estimator="kerma")
    hit = deposits.energy_kev_per_decay > 0.0
    ratio = deposits.standard_uncertainty[hit] / np.maximum(kerma.standard_uncertainty[hit], 1e-12)
    assert np.median(ratio) > 2.0


def test_energy_balance_holds_within_statistics():
    """What is expected along the ways plus what leaves is what was emitted, 0.3 % at most lost as bremsstrahlung."""
    for energy_kev in (60.0, 511.0, 2000.0):
        found = run(energy_kev, 100_000, estimator="kerma")
        assert found.deposited_kev_per_decay + found.escaped_kev_per_decay == pytest.approx(energy_kev, rel=8e-3)


def test_uncertainty_is_that_of_repeats():
    emitted = mono_energetic(Radiation.PHOTON, 208.4)
    repeats = [
        transport_voxels(geometry=body(), source=source(), emissions=emitted, decays=3200, seed=seed, estimator="kerma")
        for seed in range(12)
    ]
    values = np.asarray([r.energy_kev_per_decay for r in repeats])
    stated = np.mean([r.standard_uncertainty**2 for r in repeats], axis=0)
    assert values.var(axis=0, ddof=1).sum() / stated.sum() == pytest.approx(1.0, abs=0.25)


def test_the_same_whatever_the_threads():
    one, two = (run(140.5, 3200, estimator="kerma", threads=n).energy_kev_per_decay for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_electrons_are_refused():
    with pytest.raises(QuantityError, match="kerma counts photons alone"):
        transport_voxels(
            geometry=body(), source=source(), emissions=emissions("Lu-177"), decays=64, seed=1, estimator="kerma"
        )
    with pytest.raises(QuantityError, match="no such estimator"):
        run(100.0, 64, estimator="guess")
