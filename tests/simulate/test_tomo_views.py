"""The rotating virtual camera: primary photons, dead time, decay, noise, and what it must refuse."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from hemadose.errors import GeometryError, QuantityError, RegionError
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.imaging.camera.projector import spect_projector
from hemadose.imaging.camera.response import DetectorResponse
from hemadose.model import EnergyWindow, GammaLine
from hemadose.physics.matter import medium, photon_table
from hemadose.simulate.gamma_camera import GammaCamera, TomoProtocol
from hemadose.simulate.lesions import with_lesion
from hemadose.simulate.photon_tables import attenuation_by_label
from hemadose.simulate.primary_views import primary_views
from hemadose.simulate.projection import anatomy_axes
from hemadose.simulate.sources import SourceMap, source_maps
from hemadose.simulate.tomo_phantoms import filled, sphere_sources, water_phantom
from hemadose.simulate.tomo_scene import tomo_scene
from hemadose.simulate.tomo_views import TomoViews, acquire, tomo_views
from hemadose.simulate.tomography import carry, grid_axes
from hemadose.simulate.virtual_ct import virtual_ct

KEV = 208.366
UID = "1.2.3"
AT = datetime(2025, 3, 3, 9, tzinfo=UTC)
RESPONSE = DetectorResponse(intrinsic_fwhm_mm=3.1, at_face_mm=3.3, per_mm=0.076)
CAMERA = GammaCamera(response=RESPONSE, geometric_efficiency=((150.0, 2e-4), (330.0, 2e-4)), collimator="MELP")
LINE = [GammaLine(energy_kev=KEV, photons_per_decay=0.11)]


@pytest.fixture(scope="module")
def cylinder():
    return water_phantom(width_mm=200, depth_mm=200, length_mm=120, voxel_mm=4.0, frame_of_reference_uid=UID)


def at_voxel(phantom, index):
    share = np.zeros(phantom.labels.grid.shape, dtype=np.float32)
    share[index] = 1.0
    return SourceMap(name="point", share=share, compartment_share=1.0)


def scene_of(phantom, *, views=4, orbit="circular", bins=80, slices=41, bin_mm=4.0, axis=(0.0, 0.0)):
    protocol = TomoProtocol(views=views, heads=1, bins=bins, slices=slices, bin_mm=bin_mm, slice_mm=bin_mm, orbit=orbit)
    return tomo_scene(phantom, protocol, main_kev=KEV, centre_z_mm=0.0, axis_mm=axis)


def test_a_point_is_attenuated_placed_and_blurred_by_the_closed_forms(cylinder):
    """exp(-mu d) along the ray, the bin of (-cos t, sin t), variance of the response at its distance + voxel + bin."""
    grid = cylinder.labels.grid
    index = (grid.shape[0] // 2, grid.shape[1] // 2 + 8, grid.shape[2] // 2 + 5)
    x, y, z = grid.index_to_mm(np.array(index))
    scene = scene_of(cylinder)
    seen = primary_views(scene, [at_voxel(cylinder, index)], RESPONSE)["point"]
    table = photon_table(medium("water"), np.array([KEV]))
    mu = float(table.total[0] - table.coherent[0]) / 10.0
    for view, degrees in enumerate((0, 90, 180, 270)):
        t = np.deg2rad(degrees)
        along = x * np.sin(t) + y * np.cos(t)
        across = -x * np.cos(t) + y * np.sin(t)
        path = np.sqrt(100.0**2 - across**2) - along
        assert seen[view].sum() == pytest.approx(np.exp(-mu * path), rel=0.03)  # the wall is made of 4 mm voxels
        bins = (np.arange(80) - 39.5) * 4.0
        profile = seen[view].sum(axis=0) / seen[view].sum()
        assert profile @ bins == pytest.approx(across, abs=0.05)
        distance = float(scene.radius_mm[view]) - along
        wide = float(RESPONSE.sigma_mm(distance)) ** 2 + 2.0 * 4.0**2 / 12.0
        assert profile @ (bins - across) ** 2 == pytest.approx(wide, rel=0.01)
        heights = scene.slice_axis().centres_mm
        upright = seen[view].sum(axis=1) / seen[view].sum()
        assert upright @ heights == pytest.approx(z, abs=0.05)
        assert upright @ (heights - z) ** 2 == pytest.approx(wide, rel=0.02)


def test_primary_photons_agree_with_the_projector_that_reconstructs(male):
    """Two programs that share no code: rays through 6 mm voxels, and a turned lattice of 4.8 mm."""
    scene = tomo_scene(
        male, TomoProtocol(views=8, heads=1, bins=100, slices=50), main_kev=KEV,
        centre_z_mm=male.region("kidney_left").centroid_mm[2],
    )  # fmt: skip
    source = next(s for s in source_maps(male) if s.name == "liver")
    mine = primary_views(scene, [source], RESPONSE)["liver"]
    grid = TomoViews(scene=scene, camera=CAMERA, primary={}, scatter={}, primary_counts=np.ones(1)).grid()
    here, there = anatomy_axes(male.labels.grid), grid_axes(grid)
    mu = attenuation_by_label(male, KEV, coherent=False).astype(np.float32)[male.labels.values]
    share = male.labels.grid.voxel_volume_ml / grid.voxel_volume_ml
    projector = spect_projector(
        grid=grid, angle_deg=scene.protocol.angle_deg, radius_mm=scene.radius_mm, axis_mm=scene.axis_mm,
        mu_per_cm=np.maximum(carry(mu, here, there) * share, 0.0), response=RESPONSE, threads=1,
    )  # fmt: skip
    theirs = projector.forward(np.maximum(carry(source.share, here, there), 0.0))
    np.testing.assert_allclose(mine.sum(axis=(1, 2)), theirs.sum(axis=(1, 2)), rtol=0.015)
    assert np.linalg.norm(mine - theirs) < 0.02 * np.linalg.norm(mine)
    assert np.linalg.norm(mine[:, :, ::-1] - theirs) > 0.2 * np.linalg.norm(mine)  # mirrored bins would show


@pytest.fixture(scope="module")
def views(cylinder):
    return tomo_views(scene_of(cylinder, views=8), [filled(cylinder)], CAMERA, LINE, histories=20_000)


def test_counts_are_linear_and_their_sensitivity_is_that_of_air(views):
    one, two = (views.rates({"water": a}) for a in (1e6, 2e6))
    np.testing.assert_allclose(two, 2.0 * one, rtol=1e-9)
    expected = 0.11 * float(CAMERA.counts_per_photon(KEV)[1, 0])
    assert views.counts_per_s_per_bq == pytest.approx(expected)
    per_view = one[1].sum(axis=(1, 2)) / 1e6
    assert (per_view < views.counts_per_s_per_bq).all()
    assert (per_view > 0.2 * views.counts_per_s_per_bq).all()


def test_dead_time_takes_the_paralysable_share_of_all_windows(views):
    """m = n exp(-n tau) on the counts of all windows of each view (Sorenson 1975)."""
    slow = replace(views, camera=replace(CAMERA, dead_time=DeadTime(paralysable_s=2e-6)))
    activity = {"water": 2e10}
    free, late = (acquire(v, activity_bq=activity, started_at=AT, nuclide="Lu-177", rng=None).counts
                  for v in (views, slow))  # fmt: skip
    true = free.sum(axis=(0, 2, 3)) / views.scene.protocol.frame_s
    assert true.max() * 2e-6 > 0.05
    np.testing.assert_allclose(late.sum(axis=(0, 2, 3)) / free.sum(axis=(0, 2, 3)), np.exp(-2e-6 * true), rtol=1e-4)
    np.testing.assert_allclose(late[0].sum() / late[1].sum(), free[0].sum() / free[1].sum(), rtol=1e-2)


def test_activity_may_change_from_view_to_view(views):
    falling = np.linspace(1.0, 0.5, 8)
    steady = acquire(views, activity_bq={"water": 1e8}, started_at=AT, nuclide="Lu-177", rng=None)
    decaying = acquire(views, activity_bq={"water": 1e8 * falling}, started_at=AT, nuclide="Lu-177", rng=None)
    ratio = decaying.counts.sum(axis=(0, 2, 3)) / steady.counts.sum(axis=(0, 2, 3))
    np.testing.assert_allclose(ratio, falling, rtol=1e-5)


def test_noise_is_poisson_and_follows_the_seed(views):
    def shot(seed):
        rng = None if seed is None else np.random.default_rng(seed)
        return acquire(views, activity_bq={"water": 1e8}, started_at=AT, nuclide="Lu-177", rng=rng).counts

    expected = shot(None).astype(float)
    many = np.stack([shot(s) for s in range(30)]).astype(float)
    bright = expected > 1.0
    chi2 = ((many - expected) ** 2)[:, bright].mean(axis=0) / expected[bright]
    assert chi2.mean() == pytest.approx(1.0, abs=0.02)
    np.testing.assert_array_equal(shot(3), shot(3))
    assert (shot(3) == np.rint(shot(3))).all()


def test_two_heads_count_at_the_same_time():
    protocol = TomoProtocol(views=8, heads=2, frame_s=10.0)
    np.testing.assert_array_equal(protocol.frame_start_s, [0, 10, 20, 30, 0, 10, 20, 30])
    assert protocol.duration_s == 40.0


def test_orbits_keep_their_gap(male):
    kidneys = male.region("kidney_left").centroid_mm[2]
    radii = {}
    for orbit in ("contour", "circular"):
        scene = tomo_scene(male, TomoProtocol(views=16, orbit=orbit), main_kev=KEV, centre_z_mm=kidneys)
        radii[orbit] = scene.radius_mm
        row, column = np.nonzero((scene.labels > 0).any(axis=0))
        x, y = scene.centres_mm()
        t = np.deg2rad(scene.protocol.angle_deg)[:, None]
        reach = (x[column] * np.sin(t) + y[row] * np.cos(t)).max(axis=1)
        assert (scene.radius_mm - reach >= 20.0).all()
    assert np.ptp(radii["circular"]) == 0.0
    assert np.ptp(radii["contour"]) > 50.0
    assert radii["contour"].max() == pytest.approx(radii["circular"].max())


def test_energy_windows_share_out_the_peak():
    """10 % at 140.5 keV is 8.2 % at 208 keV (E^-1/2): 91.5 % of the peak lies in a 12 % window."""
    assert float(CAMERA.energy_sigma_kev(KEV)) * 2.35482 / KEV == pytest.approx(0.0821, abs=2e-4)
    lower, peak, upper = (float(CAMERA.share_in_window(KEV, w)) for w in CAMERA.windows)
    assert peak == pytest.approx(0.915, abs=0.002)
    wide = EnergyWindow(name="all", lower_kev=100.0, upper_kev=320.0)
    assert float(CAMERA.share_in_window(KEV, wide)) == pytest.approx(1.0, abs=1e-9)
    assert 0.02 < lower < 0.06
    assert 0.02 < upper < 0.06


def test_a_lesion_takes_room_from_its_host_alone(male):
    kidneys = male.region("kidney_left").centroid_mm[2]
    changed = with_lesion(male, volume_ml=30.0, between_z_mm=(kidneys - 150.0, kidneys + 150.0))
    lesion = changed.region("lesion_1")
    assert lesion.volume_ml == pytest.approx(30.0, abs=male.labels.grid.voxel_volume_ml)
    assert set(np.asarray(male.labels.values)[lesion.mask]) == {male.tissue("remaining_tissue").label}
    assert abs(lesion.centroid_mm[2] - kidneys) < 150.0
    assert "lesion_1" in {s.name for s in source_maps(changed)}
    with pytest.raises(RegionError, match="no room"):
        with_lesion(male, volume_ml=5000.0, between_z_mm=(kidneys - 150.0, kidneys + 150.0))
    with pytest.raises(RegionError, match="name of its own"):
        with_lesion(male, name="tumour", between_z_mm=(kidneys - 150.0, kidneys + 150.0))


def test_ct_numbers_follow_from_the_media(cylinder, male):
    assert set(np.unique(virtual_ct(cylinder, rng=None).values)) == {-999, 0}
    ct = virtual_ct(male, rng=np.random.default_rng(1))
    liver = np.asarray(ct.values)[male.region("liver").mask]
    assert liver.mean() == pytest.approx(29.0, abs=2.0)
    assert liver.std() == pytest.approx(12.0, rel=0.05)
    with pytest.raises(QuantityError, match="effective energy"):
        virtual_ct(cylinder, rng=None, effective_kev=511.0)


def test_spheres_hold_their_volume_and_stay_inside(cylinder):
    from hemadose.imaging.calibration.sphere_phantom import PhantomSphere

    ball = PhantomSphere(name="22 mm", diameter_mm=22.0, centre_mm=(10.3, -4.1, 2.2))
    (source,) = sphere_sources(cylinder, [ball])
    held = float(source.share.sum() / source.share.max()) * cylinder.labels.grid.voxel_volume_ml
    assert held == pytest.approx(np.pi / 6.0 * 2.2**3, rel=0.02)
    rest = filled(cylinder, without=[source])
    assert float(rest.share[source.share == source.share.max()].max()) < 1e-6 * float(rest.share.max())
    with pytest.raises(RegionError, match="not inside"):
        sphere_sources(cylinder, [replace(ball, centre_mm=(95.0, 0.0, 0.0))])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c, v: tomo_scene(c, TomoProtocol(), main_kev=KEV, centre_z_mm=5000.0), "beyond the anatomy"),
        (lambda c, v: tomo_scene(c, TomoProtocol(bins=8), main_kev=KEV, centre_z_mm=0.0), "wider than the detector"),
        (lambda c, v: TomoProtocol(views=9, heads=2), "share the views"),
        (lambda c, v: TomoProtocol(orbit="oval"), "no such orbit"),
        (lambda c, v: replace(CAMERA, geometric_efficiency=((300.0, 2e-4), (200.0, 2e-4))), "rising energies"),
        (lambda c, v: v.rates({}), "activity of a source is missing"),
        (
            lambda c, v: tomo_views(v.scene, [], CAMERA, [GammaLine(energy_kev=140.5, photons_per_decay=0.9)]),
            "another line",
        ),
    ],
)
def test_impossible_scans_are_refused(cylinder, views, make, message):
    with pytest.raises((GeometryError, QuantityError), match=message):
        make(cylinder, views)
