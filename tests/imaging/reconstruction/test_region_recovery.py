"""Recovery through the reconstruction: even regions must come back exactly, wherever the iterations stop."""

import numpy as np
import pytest

from hemadose.errors import QuantityError, RegionError
from hemadose.imaging.camera.projector import spect_projector
from hemadose.imaging.camera.response import DetectorResponse
from hemadose.imaging.reconstruction.osem import OsemOptions
from hemadose.imaging.reconstruction.region_recovery import recovered_regions
from hemadose.model import Grid

TRUE = {"small": 400.0, "large": 1500.0, "rest": 3000.0}


@pytest.fixture(scope="module")
def scene():
    """Two balls of 12 and 25 mm radius in a warm cylinder of water, 4.8 mm voxels, response of a MELP collimator."""
    grid = Grid.axial(
        shape=(16, 40, 40), spacing_mm=(4.8,) * 3, origin_mm=(-93.6, -93.6, 0.0), frame_of_reference_uid="1.2"
    )
    z, y, x = (np.indices(grid.shape).T * 4.8 + [0.0, -93.6, -93.6]).T
    body = np.hypot(x, y) <= 80.0
    small = (x - 30.0) ** 2 + y**2 + (z - 38.0) ** 2 <= 12.0**2
    large = (x + 30.0) ** 2 + y**2 + (z - 38.0) ** 2 <= 25.0**2
    regions = {"small": small, "large": large, "rest": body & ~small & ~large}
    projector = spect_projector(
        grid=grid, angle_deg=np.arange(32) * 11.25, radius_mm=110.0, mu_per_cm=np.where(body, 0.135, 0.0),
        response=DetectorResponse(intrinsic_fwhm_mm=3.1, at_face_mm=3.3, per_mm=0.076), support=body, threads=1,
    )  # fmt: skip
    activity = sum(TRUE[n] * m / m.sum() for n, m in regions.items())
    return projector, regions, projector.forward(activity)


@pytest.mark.parametrize(("iterations", "subsets", "filter_mm"), [(1, 4, 0.0), (4, 4, 0.0), (4, 4, 10.0)])
def test_even_regions_come_back_exactly_at_any_stage(scene, iterations, subsets, filter_mm):
    projector, regions, seen = scene
    options = OsemOptions(iterations=iterations, subsets=subsets, filter_fwhm_mm=filter_mm)
    found = recovered_regions(seen, projector, regions, options=options)
    np.testing.assert_allclose(found.values, list(TRUE.values()), rtol=3e-3)
    assert found.measured[0] < 0.85 * TRUE["small"]  # what the correction is for


def test_known_scatter_does_not_move_the_answer(scene):
    projector, regions, seen = scene
    scatter = np.full_like(seen, 0.3 * seen.mean())
    found = recovered_regions(
        seen + scatter, projector, regions, options=OsemOptions(iterations=4, subsets=4), scatter=scatter
    )
    np.testing.assert_allclose(found.values, list(TRUE.values()), rtol=3e-3)
    assert "scatter was taken as known" in " ".join(found.notes)
    off = recovered_regions(seen + scatter, projector, regions, options=OsemOptions(iterations=4, subsets=4))
    assert off.values.sum() > 1.1 * sum(TRUE.values())  # not accounted for, it would show


def test_stated_noise_is_that_of_repeated_acquisitions(scene):
    projector, regions, seen = scene
    options = OsemOptions(iterations=2, subsets=4)
    rng = np.random.default_rng(1)
    runs = [recovered_regions(rng.poisson(5.0 * seen), projector, regions, options=options) for _ in range(16)]
    spread = np.std([r.values for r in runs], axis=0, ddof=1)
    stated = np.mean([r.sd for r in runs], axis=0)
    np.testing.assert_allclose(stated, spread, rtol=0.45)  # 16 runs: the spread is known to 18 %
    mean = np.mean([r.values for r in runs], axis=0)
    error = 3.0 * spread / np.sqrt(16.0) + 0.02 * 5.0 * np.array(list(TRUE.values()))
    assert (np.abs(mean - 5.0 * np.array(list(TRUE.values()))) < error).all()


def test_counts_of_a_region_are_shared_as_the_matrix_says(scene):
    projector, regions, seen = scene
    found = recovered_regions(seen, projector, regions, options=OsemOptions(iterations=4, subsets=4))
    np.testing.assert_allclose(found.transfer.matrix @ found.values, found.measured, rtol=1e-3)
    own = np.diag(found.transfer.matrix)
    assert own[0] < own[1] < 1.0


def test_regions_that_cannot_be_told_apart_are_refused(scene):
    projector, regions, seen = scene
    twice = {**regions, "again": regions["small"]}
    with pytest.raises(QuantityError, match="cannot be told apart"):
        recovered_regions(seen, projector, twice, options=OsemOptions(iterations=1, subsets=4))
    with pytest.raises(RegionError):
        recovered_regions(seen, projector, {"none": np.zeros(projector.grid.shape, dtype=bool)})
