"""Recovery curves: theory on exactly blurred NEMA spheres, fits with known truth, coverage of bands, shapes, voxels."""

from __future__ import annotations

from datetime import UTC, datetime
from math import erf, exp, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.special import erf as erf_array

from hemadose.errors import CaseError, FitError, GeometryError, QuantityError, RegionError
from hemadose.imaging.calibration.recovery_fit import fit_recovery
from hemadose.imaging.calibration.recovery_forms import (
    NEMA_DIAMETERS_MM,
    SphereMeasurement,
    curve_value,
    sphere_diameter_mm,
    sphere_ml,
)
from hemadose.imaging.calibration.sphere_phantom import PhantomSphere, measure_spheres, ring_of_spheres
from hemadose.imaging.partial_volume import axes_of, ellipsoid_recovery, iterative_yang
from hemadose.imaging.recovery import sphere_recovery
from hemadose.model import Grid, Image, Quantity, Region, TomographicScan

NOON = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
FWHM_PER_SIGMA = 2.354820045
JASZCZAK_MM = (9.5, 12.7, 15.9, 19.1, 25.4, 31.8)


def blurred_sphere(distance_mm, radius_mm, fwhm_mm):
    """Height of a unit sphere after an exact Gaussian (closed form of the 3D convolution)."""
    s = fwhm_mm / FWHM_PER_SIGMA
    rho = np.maximum(distance_mm, 1e-6)
    body = 0.5 * (erf_array((radius_mm - rho) / (sqrt(2) * s)) + erf_array((radius_mm + rho) / (sqrt(2) * s)))
    tails = np.exp(-((radius_mm - rho) ** 2) / (2 * s**2)) - np.exp(-((radius_mm + rho) ** 2) / (2 * s**2))
    return body - s / (rho * sqrt(2 * pi)) * tails


def test_blurred_sphere_is_what_blurring_gives():
    """The closed form that the phantoms below are made of, against a fine voxel phantom."""
    step, radius, fwhm = 0.5, 8.0, 12.0
    axis = step * np.arange(-60, 61)
    d2 = axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2
    voxels = gaussian_filter((d2 <= radius**2).astype(float), fwhm / FWHM_PER_SIGMA / step, truncate=6.0)
    line = voxels[60, 60, 60:]
    assert line == pytest.approx(blurred_sphere(axis[60:], radius, fwhm), abs=2e-3)


def phantom(diameters, *, fwhm, voxel=2.5, hot=50e3, warm=0.0, noise=0.0, seed=1):
    """Spheres on the NEMA ring (57.2 mm radius), exactly blurred, in Bq/ml."""
    spheres = ring_of_spheres(diameters, radius_mm=57.2, centre_mm=(0.3, -0.4, 0.2))
    half = 57.2 + max(diameters) / 2 + 2.5 * fwhm
    n, slices = int(2 * half / voxel) + 1, int((max(diameters) + 5 * fwhm) / voxel) + 1
    grid = Grid.axial(
        shape=(slices, n, n),
        spacing_mm=(voxel,) * 3,
        origin_mm=(-voxel * (n - 1) / 2, -voxel * (n - 1) / 2, -voxel * (slices - 1) / 2),
        frame_of_reference_uid="1.2.3",
    )
    at = grid.index_to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    values = np.full(grid.shape, warm)
    for s in spheres:
        distance = np.linalg.norm(at - np.array(s.centre_mm), axis=-1)
        values += (hot - warm) * blurred_sphere(distance, s.diameter_mm / 2, fwhm)
    if noise:
        values += noise * hot * gaussian_filter(np.random.default_rng(seed).standard_normal(grid.shape), 0.8)
    image = Image(values=values.astype(np.float32), grid=grid, quantity=Quantity.ACTIVITY_CONCENTRATION)
    scan = TomographicScan(
        image=image, started_at=NOON, duration_s=1200.0, decay_reference_at=NOON, corrections=frozenset()
    )
    return scan, spheres


@pytest.mark.parametrize("diameters", [NEMA_DIAMETERS_MM, JASZCZAK_MM], ids=["NEMA", "Jaszczak"])
@pytest.mark.parametrize(("fwhm", "warm"), [(12.0, 6e3), (8.0, 0.0)])
def test_recovery_of_phantom_spheres_is_the_theory(diameters, fwhm, warm):
    """Every sphere within 0.3 % of the closed form (0.609 for r 15 mm, FWHM 12 mm), with and without background."""
    scan, spheres = phantom(diameters, fwhm=fwhm, warm=warm)
    found = measure_spheres(scan, spheres, true_bq_per_ml=50e3, background_bq_per_ml=warm)
    theory = [sphere_recovery(radius_mm=d / 2, fwhm_mm=fwhm) for d in diameters]
    assert [m.recovery for m in found] == pytest.approx(theory, rel=0.003)
    assert [m.volume_ml for m in found] == pytest.approx([sphere_ml(d) for d in diameters])


def test_clinical_voxels_still_follow_theory():
    """4.8 mm voxels: all spheres within 1.5 %."""
    scan, spheres = phantom(NEMA_DIAMETERS_MM, fwhm=12.0, voxel=4.8)
    found = measure_spheres(scan, spheres, true_bq_per_ml=50e3)
    theory = [sphere_recovery(radius_mm=d / 2, fwhm_mm=12.0) for d in NEMA_DIAMETERS_MM]
    assert [m.recovery for m in found] == pytest.approx(theory, rel=0.015)


def test_resolution_comes_back_from_the_spheres():
    """Noisy phantom image -> spheres -> Gaussian form: FWHM within two of its standard uncertainties."""
    scan, spheres = phantom(NEMA_DIAMETERS_MM, fwhm=11.3, noise=0.05)
    found = fit_recovery(measure_spheres(scan, spheres, true_bq_per_ml=50e3, filling_relative_sd=0.01), form="gaussian")
    assert abs(found.parameters[0] - 11.3) < 2.0 * sqrt(found.covariance[0, 0]) + 0.1


def test_spheres_on_an_image_refuse():
    scan, spheres = phantom(NEMA_DIAMETERS_MM, fwhm=12.0)
    with pytest.raises(QuantityError, match="hotter"):
        measure_spheres(scan, spheres, true_bq_per_ml=1e3, background_bq_per_ml=2e3)
    with pytest.raises(RegionError, match="leaves the image"):
        measure_spheres(scan, [PhantomSphere(name="x", diameter_mm=20, centre_mm=(500.0, 0, 0))], true_bq_per_ml=50e3)
    with pytest.raises(CaseError, match="no calibration factor"):
        measure_spheres(scan, spheres, true_bq_per_ml=50e3, counts_per_s_per_bq=9e-6)
    cold = PhantomSphere(name="cold", diameter_mm=10, centre_mm=(0.0, 0.0, 0.0))
    with pytest.raises(QuantityError, match="nothing above background"):
        measure_spheres(scan, [cold], true_bq_per_ml=50e3, background_bq_per_ml=5e3)


# the fit


def points(form, parameters, diameters=NEMA_DIAMETERS_MM, *, sd=0.02, rng=None, shared=0.0):
    scale = 1.0 + (shared * rng.standard_normal() if rng is not None else 0.0)
    made = []
    for d in diameters:
        r = float(curve_value(form, parameters, sphere_ml(d)))
        value = scale * r * (1.0 + sd * rng.standard_normal()) if rng is not None else r
        made.append(SphereMeasurement(volume_ml=sphere_ml(d), recovery=value, sd=sd * r, name=f"{d:g}"))
    return made


@pytest.mark.parametrize(
    ("form", "parameters"), [("gear2", (4.0, 0.9)), ("gear3", (2.5, 1.1, 0.93)), ("gaussian", (13.0,))]
)
def test_exact_points_give_exact_parameters(form, parameters):
    found = fit_recovery(points(form, parameters), form=form)
    assert found.parameters == pytest.approx(parameters, rel=1e-5)
    assert found.chi_square == pytest.approx(0.0, abs=1e-8)


def test_gear_function_in_both_spellings():
    """Gear 2018 writes 1 - 1/(1 + (v/b1)^b2); curve files elsewhere 1/(1 + (b1/v)^b2)."""
    v = np.geomspace(0.1, 300.0, 20)
    assert curve_value("gear2", (4.0, 0.9), v) == pytest.approx(1.0 - 1.0 / (1.0 + (v / 4.0) ** 0.9), rel=1e-12)
    assert sphere_diameter_mm(sphere_ml(37.0)) == pytest.approx(37.0)


def test_parameter_covariance_against_replicates():
    """150 drawn phantoms with 2 % own and 3 % shared errors: stated SDs and correlation are those of the fits."""
    rng = np.random.default_rng(4)
    fits = [
        fit_recovery(points("gear2", (4.0, 0.9), rng=rng, shared=0.03), form="gear2", shared_relative_sd=0.03)
        for _ in range(150)
    ]
    drawn = np.cov(np.log([f.parameters for f in fits]).T)
    exact = fit_recovery(points("gear2", (4.0, 0.9)), form="gear2", shared_relative_sd=0.03)
    stated = exact.covariance / np.outer(exact.parameters, exact.parameters)
    assert np.sqrt(np.diag(drawn)) == pytest.approx(np.sqrt(np.diag(stated)), rel=0.2)
    assert drawn[0, 1] == pytest.approx(stated[0, 1], rel=0.4)


@pytest.mark.parametrize("shared", [0.0, 0.03])
@pytest.mark.parametrize(("form", "parameters"), [("gear2", (4.0, 0.9)), ("gaussian", (12.0,))])
def test_band_covers_the_true_curve(form, parameters, shared):
    """95 % band at 3 and 40 ml over 120 drawn phantoms."""
    rng, inside = np.random.default_rng(8), np.zeros(2)
    volumes = np.array([3.0, 40.0])
    true = curve_value(form, parameters, volumes)
    for _ in range(120):
        found = fit_recovery(points(form, parameters, rng=rng, shared=shared), form=form, shared_relative_sd=shared)
        low, high = found.band(volumes)
        inside += (low <= true) & (true <= high)
    assert (inside / 120 >= 0.91).all()


def test_prediction_band_covers_a_further_sphere():
    """95 % prediction interval for a sphere that was not fitted, over 120 drawn phantoms."""
    rng, inside = np.random.default_rng(9), 0
    true = float(curve_value("gear2", (4.0, 0.9), 8.0))
    for _ in range(120):
        found = fit_recovery(points("gear2", (4.0, 0.9), sd=0.04, rng=rng))
        low, high = found.band(8.0, prediction=True)
        inside += low <= true * (1.0 + 0.04 * rng.standard_normal()) <= high
    assert inside / 120 == pytest.approx(0.95, abs=0.045)


def test_shared_error_is_not_averaged_away():
    many = points("gear2", (4.0, 0.9), np.linspace(10, 40, 40), sd=0.01)
    found = fit_recovery(many, shared_relative_sd=0.05)
    assert found.sd(8.0) / found.coefficient(8.0) > 0.04
    assert fit_recovery(many).sd(8.0) / found.coefficient(8.0) < 0.005


def test_theory_is_told_from_other_curves():
    """Points of a Gaussian camera: the one-parameter theory wins by AICc over both Gear forms."""
    rng = np.random.default_rng(12)
    made = points("gaussian", (12.0,), sd=0.01, rng=rng)
    theory, gear2, gear3 = (fit_recovery(made, form=f) for f in ("gaussian", "gear2", "gear3"))
    assert theory.aicc < min(gear2.aicc, gear3.aicc)
    assert any("misses the spheres" in n for n in gear2.notes)


def test_spheres_without_uncertainty_are_weighed_alike():
    rng = np.random.default_rng(1)
    bare = [
        SphereMeasurement(volume_ml=s.volume_ml, recovery=s.recovery)
        for s in points("gear2", (4.0, 0.9), rng=rng, sd=0.03)
    ]
    found = fit_recovery(bare)
    assert found.parameters == pytest.approx((4.0, 0.9), rel=0.15)
    assert any("no uncertainty of their own" in n for n in found.notes)
    assert np.diag(found.covariance).min() > 0.0


def test_curve_for_a_case():
    found = fit_recovery(points("gear2", (4.0, 0.9)), shared_relative_sd=0.02)
    curve = found.curve(20.0)
    assert (curve.alpha_ml, curve.beta) == pytest.approx((4.0, 0.9), rel=1e-5)
    assert curve.coefficient(20.0) == pytest.approx(float(found.coefficient(20.0)))
    with pytest.raises(CaseError, match="two-parameter"):
        fit_recovery(points("gaussian", (12.0,)), form="gaussian").curve(20.0)


def test_fit_refuses():
    three = points("gear2", (4.0, 0.9), (10, 20, 30))
    with pytest.raises(FitError, match="too few"):
        fit_recovery(three, form="gear3")
    with pytest.raises(FitError, match="too few"):
        fit_recovery([three[0]] * 5)
    with pytest.raises(CaseError, match="unknown form"):
        fit_recovery(three, form="spline")
    with pytest.raises(CaseError, match="all spheres have"):
        fit_recovery([*three, SphereMeasurement(volume_ml=30.0, recovery=0.9)])
    with pytest.raises(QuantityError, match="percent"):
        SphereMeasurement(volume_ml=10.0, recovery=60.0)
    with pytest.raises(QuantityError, match="positive"):
        SphereMeasurement(volume_ml=0.0, recovery=0.5)
    with pytest.raises(QuantityError, match="share"):
        fit_recovery(three).band(3.0, level=95)


# other shapes, and voxels


@settings(deadline=None, max_examples=30)
@given(st.floats(5.0, 40.0), st.floats(5.0, 20.0))
def test_a_round_ellipsoid_is_a_sphere(radius, fwhm):
    found = ellipsoid_recovery(semi_axes_mm=(radius,) * 3, fwhm_mm=fwhm)
    assert found == pytest.approx(sphere_recovery(radius_mm=radius, fwhm_mm=fwhm), rel=1e-9)


@pytest.mark.parametrize(
    ("axes", "fwhm"),
    [((10.0, 15.0, 22.5), (12.0,) * 3), ((8.0, 8.0, 30.0), (12.0,) * 3), ((14.0, 18.0, 24.0), (9.0, 12.0, 15.0))],
)
def test_ellipsoid_against_a_voxel_phantom(axes, fwhm):
    step = 1.0
    half = [int((a + 2.5 * w) / step) for a, w in zip(axes, fwhm, strict=True)]
    grids = np.meshgrid(*(np.arange(-h, h + 1) * step for h in half), indexing="ij")
    inside = sum((g / a) ** 2 for g, a in zip(grids, axes, strict=True)) <= 1.0
    blurred = gaussian_filter(inside.astype(float), np.array(fwhm) / FWHM_PER_SIGMA / step, truncate=5.0)
    found = ellipsoid_recovery(semi_axes_mm=axes, fwhm_mm=fwhm)
    assert found == pytest.approx(blurred[inside].mean(), rel=0.008)
    equal_volume = float(np.prod(axes)) ** (1 / 3)
    if len(set(fwhm)) == 1:
        assert found < sphere_recovery(radius_mm=equal_volume, fwhm_mm=fwhm[0])


def region_grid(shape=(40, 40, 40), step=4.0):
    return Grid.axial(shape=shape, spacing_mm=(step,) * 3, origin_mm=(0.0, 0.0, 0.0), frame_of_reference_uid="1.2.3")


def test_axes_of_a_region():
    grid = region_grid()
    z, y, x = np.meshgrid(*(4.0 * np.arange(40),) * 3, indexing="ij")
    mask = ((x - 80) / 24) ** 2 + ((y - 78) / 36) ** 2 + ((z - 81) / 60) ** 2 <= 1.0
    assert axes_of(Region(name="kidney", mask=mask, grid=grid)) == pytest.approx((24, 36, 60), rel=0.03)
    one = np.zeros(grid.shape, dtype=bool)
    one[5, 5, 5] = True
    assert np.prod(axes_of(Region(name="dot", mask=one, grid=grid))) == pytest.approx(64 * 3 / (4 * pi), rel=1e-6)
    with pytest.raises(QuantityError, match="positive"):
        ellipsoid_recovery(semi_axes_mm=(10.0, 0.0, 5.0), fwhm_mm=12.0)


def test_yang_gives_back_uniform_regions_voxel_by_voxel():
    """Three uniform levels, blurred exactly as assumed: every voxel returns, also beside hot neighbours."""
    grid = region_grid()
    z, y, x = np.meshgrid(*(4.0 * np.arange(40),) * 3, indexing="ij")
    near = (x - 60) ** 2 + (y - 80) ** 2 + (z - 80) ** 2 <= 20**2
    far = (x - 105) ** 2 + (y - 80) ** 2 + (z - 80) ** 2 <= 16**2
    true = 5.0 + 95.0 * near + 35.0 * far
    image = Image(
        values=gaussian_filter(true, 12.0 / FWHM_PER_SIGMA / 4.0, mode="nearest").astype(np.float32),
        grid=grid,
        quantity=Quantity.COUNTS,
    )
    regions = [Region(name=n, mask=m, grid=grid) for n, m in (("near", near), ("far", far))]
    found = iterative_yang(image, regions, fwhm_mm=12.0)
    assert found.names == ("near", "far", "rest")
    assert found.means == pytest.approx((100.0, 40.0, 5.0), rel=0.005)
    assert np.abs(np.asarray(found.image.values)[near] - 100.0).max() < 1.5
    assert found.notes == ()
    raw = np.asarray(image.values)
    assert raw[near].mean() < 75.0  # what it was before
    stopped = iterative_yang(image, regions, fwhm_mm=12.0, iterations=2)
    assert any("still moved" in n for n in stopped.notes)


def test_yang_refuses():
    grid = region_grid()
    mask = np.zeros(grid.shape, dtype=bool)
    mask[10:20, 10:20, 10:20] = True
    image = Image(values=np.ones(grid.shape, dtype=np.float32), grid=grid, quantity=Quantity.COUNTS)
    region = Region(name="a", mask=mask, grid=grid)
    with pytest.raises(QuantityError, match="positive"):
        iterative_yang(image, [region], fwhm_mm=0.0)
    with pytest.raises(RegionError):
        iterative_yang(image, [region, Region(name="b", mask=mask, grid=grid)], fwhm_mm=12.0)
    other = Grid.axial(shape=grid.shape, spacing_mm=(4.0,) * 3, origin_mm=(0.0, 0.0, 0.0), frame_of_reference_uid="9")
    with pytest.raises(GeometryError, match="frames of reference"):
        iterative_yang(image, [Region(name="a", mask=mask, grid=other)], fwhm_mm=12.0)


def test_short_form_is_the_edge_and_not_the_recovery():
    """erf(2r/(sigma sqrt2)) - 2 sigma/(r sqrt(2 pi)) (1 - exp(-2 r^2/sigma^2)), 0.7289 at r 15, FWHM 12, is twice
    the height of the blurred sphere at its edge."""
    r, s = 15.0, 12.0 / FWHM_PER_SIGMA
    short = erf(2 * r / (s * sqrt(2))) - 2 * s / (r * sqrt(2 * pi)) * (1 - exp(-2 * r**2 / s**2))
    assert short == pytest.approx(0.7289, abs=1e-4)
    assert short == pytest.approx(2.0 * float(blurred_sphere(np.array(r), r, 12.0)), rel=1e-12)
