"""Spheres through the virtual camera and a reconstruction: the closed form for the camera's own blur."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from hemadose.imaging.calibration.sphere_phantom import PhantomSphere, measure_spheres
from hemadose.imaging.camera.attenuation import attenuation_map
from hemadose.imaging.camera.response import DetectorResponse
from hemadose.imaging.camera.support import body_support
from hemadose.imaging.reconstruction.osem import OsemOptions
from hemadose.imaging.reconstruction.reconstruct import reconstruct_set
from hemadose.imaging.recovery import sphere_recovery
from hemadose.model import GammaLine, Image, Quantity, TomographicScan
from hemadose.simulate.gamma_camera import GammaCamera, TomoProtocol
from hemadose.simulate.tomo_phantoms import filled, sphere_sources, water_phantom
from hemadose.simulate.tomo_scene import tomo_scene
from hemadose.simulate.tomo_views import acquire, tomo_views
from hemadose.simulate.virtual_ct import virtual_ct

AT = datetime(2025, 1, 1, tzinfo=UTC)
RESPONSE = DetectorResponse(intrinsic_fwhm_mm=3.12, at_face_mm=3.32, per_mm=0.076)
BIN_MM, VOXEL_MM = 4.8, 3.0


@pytest.mark.parametrize("diameter_mm", [22.0, 37.0])
def test_a_sphere_on_the_axis_recovers_as_its_closed_form(diameter_mm):
    """On a circular orbit a sphere on the axis is always as far away: without resolution recovery its image is it,
    blurred by FWHM(R). Pixels and the phantom's voxels widen that a little: the recovery lies between the closed forms
    for FWHM(R) and for it and the full width of both, give or take 0.01 (iterations that have not ended)."""
    camera = GammaCamera(response=RESPONSE, geometric_efficiency=((150.0, 2e-4), (330.0, 2e-4)))
    phantom = water_phantom(width_mm=216, depth_mm=216, length_mm=120, voxel_mm=VOXEL_MM, frame_of_reference_uid="1.2")
    sphere = PhantomSphere(name="sphere", diameter_mm=diameter_mm, centre_mm=(0.4, 0.9, 0.7))
    (hot,) = sphere_sources(phantom, [sphere])
    warm = filled(phantom, without=[hot])
    protocol = TomoProtocol(views=32, orbit="circular", bins=56, slices=34)
    scene = tomo_scene(phantom, protocol, main_kev=208.366, centre_z_mm=1.3, axis_mm=(1.1, -0.7))
    views = tomo_views(
        scene, [hot, warm], camera, [GammaLine(energy_kev=208.366, photons_per_decay=0.11)], histories=800
    )
    primary = replace(views, scatter={name: np.zeros_like(s) for name, s in views.scatter.items()})
    volume = np.pi / 6.0 * (diameter_mm / 10.0) ** 3
    activity = {"sphere": 1e6 * volume, "water": 1e5 * (phantom.region("water").volume_ml - volume)}
    bed = acquire(primary, activity_bq=activity, started_at=AT, nuclide="Lu-177", rng=None)
    grid = bed.grid()
    mu = attenuation_map(virtual_ct(phantom, rng=None), grid, energy_kev=208.37, kvp=120.0).image_per_cm
    made = reconstruct_set(bed, window="photopeak", half_life_s=1e12, mu_per_cm=mu, support=body_support(mu, grid),
                           options=OsemOptions(iterations=20, subsets=4), threads=1)  # fmt: skip
    x, y, z = grid.index_to_mm(np.argwhere(np.ones(grid.shape, dtype=bool))).T
    far = (np.hypot(x, y) > 50.0) & (np.hypot(x, y) < 75.0) & (np.abs(z) < 25.0)
    factor = float(made.values.ravel()[far].mean()) / grid.voxel_volume_ml / 1e5
    scan = TomographicScan(
        image=Image(values=(made.values * bed.duration_s).astype(np.float32), grid=grid, quantity=Quantity.COUNTS),
        started_at=AT, duration_s=bed.duration_s, decay_reference_at=AT, corrections=frozenset({"ATTN"}),
    )  # fmt: skip
    (found,) = measure_spheres(scan, [sphere], true_bq_per_ml=1e6, background_bq_per_ml=1e5,
                               counts_per_s_per_bq=factor)  # fmt: skip
    blur = float(RESPONSE.fwhm_mm(scene.radius_mm[0]))
    whole = float(np.sqrt(blur**2 + (BIN_MM**2 + VOXEL_MM**2) * 8.0 * np.log(2.0) / 12.0))
    sharp, wide = (sphere_recovery(radius_mm=diameter_mm / 2.0, fwhm_mm=f) for f in (blur, whole))
    assert wide - 0.01 < found.recovery < sharp + 0.01
    assert found.recovery == pytest.approx(sharp, abs=0.02)
    assert (
        sphere_recovery(radius_mm=diameter_mm / 2.0, fwhm_mm=0.85 * blur) > sharp + 0.05
    )  # a narrower blur would show
