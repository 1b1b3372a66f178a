"""What resolution takes: spheres and the geometric transfer matrix against voxel phantoms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from hemadose.errors import GeometryError, QuantityError
from hemadose.imaging import RecoveryCurve, sphere_recovery, transfer_matrix
from hemadose.model import Grid, Region

SIGMA_PER_FWHM = 1 / 2.354820045
GRID = Grid.axial(
    shape=(48, 48, 48), spacing_mm=(4.0, 4.0, 4.0), origin_mm=(0.0, 0.0, 0.0), frame_of_reference_uid="1.2.3"
)


def ball(centre, radius, name="ball", grid=GRID):
    index = np.indices(grid.shape)
    mask = sum((index[k] - centre[k]) ** 2 for k in range(3)) <= radius**2
    return Region(name=name, mask=mask, grid=grid)


@pytest.mark.parametrize(("radius", "fwhm"), [(15.0, 12.0), (8.0, 12.0), (30.0, 12.0)])
def test_sphere_formula_against_a_voxel_phantom(radius, fwhm):
    """Voxels of 1 mm (0.5 mm for the small sphere), blurred by a Gaussian of the stated FWHM."""
    step = 1.0 if radius > 10 else 0.5
    half = int((radius + 2.2 * fwhm) / step)
    r2 = sum(np.indices((2 * half + 1,) * 3).astype(np.float32)[k].__isub__(half) ** 2 for k in range(3)) * step**2
    inside = r2 <= radius**2
    blurred = gaussian_filter(inside.astype(np.float32), fwhm * SIGMA_PER_FWHM / step, mode="constant", truncate=5.0)
    assert sphere_recovery(radius_mm=radius, fwhm_mm=fwhm) == pytest.approx(blurred[inside].mean(), rel=0.006)


def test_short_sphere_form_is_not_used():
    """A form in circulation gives 0.7289 at r 15 mm, FWHM 12 mm; the phantom above gives 0.609."""
    assert sphere_recovery(radius_mm=15.0, fwhm_mm=12.0) == pytest.approx(0.609, abs=0.001)


@given(st.floats(2.0, 60.0), st.floats(4.0, 25.0))
def test_sphere_recovery_is_a_share_that_grows_with_size(radius, fwhm):
    small, large = (sphere_recovery(radius_mm=r, fwhm_mm=fwhm) for r in (radius, 1.1 * radius))
    assert 0.0 < small < large < 1.0


def test_sphere_recovery_refuses_nonsense():
    for radius, fwhm in ((0.0, 12.0), (10.0, 0.0)):
        with pytest.raises(QuantityError, match="positive"):
            sphere_recovery(radius_mm=radius, fwhm_mm=fwhm)
    with pytest.raises(QuantityError, match="positive"):
        RecoveryCurve(alpha_ml=4.0, beta=1.0).coefficient(0.0)


def test_recovery_curve():
    """RC(v) = 1 / (1 + (alpha/v)^beta), Gear 2018; by hand: 1 / (1 + (4/32)^(2/3)) = 1 / 1.25."""
    assert RecoveryCurve(alpha_ml=4.0, beta=2 / 3).coefficient(32.0) == pytest.approx(0.8)


def parts():
    first, second = ball((24, 24, 16), 5.2, "first"), ball((24, 24, 28), 6.1, "second")
    body = ball((24, 24, 24), 20.0, "whole_body")
    return first, second, body


@settings(deadline=None, max_examples=10)
@given(st.lists(st.floats(0.0, 50.0), min_size=3, max_size=3))
def test_transfer_matrix_gives_back_uniform_regions(concentration):
    """Blur the whole phantom at once, sum in each region, solve: the true sums return."""
    first, second, body = parts()
    rest = body.mask & ~first.mask & ~second.mask
    masks = (first.mask, second.mask, rest)
    image = sum(c * m for c, m in zip(concentration, masks, strict=True)) + np.zeros(GRID.shape)
    seen = gaussian_filter(image, 12.0 * SIGMA_PER_FWHM / 4.0, mode="constant", truncate=4.0)
    matrix = transfer_matrix([first, second], body=body, fwhm_mm=12.0)
    found = matrix.solve(np.array([seen[m].sum() for m in masks]))
    true = np.array([image[m].sum() for m in masks])
    assert found == pytest.approx(true, rel=1e-4, abs=1e-4 * max(true.sum(), 1.0))


def test_transfer_matrix_columns_lose_only_what_leaves_the_body():
    first, second, body = parts()
    matrix = transfer_matrix([first, second], body=body, fwhm_mm=12.0)
    assert matrix.names == ("first", "second", "rest")
    assert matrix.matrix[:, :2].sum(axis=0) == pytest.approx([1.0, 1.0], abs=0.01)
    assert matrix.matrix[:, 2].sum() < 1.0
    assert matrix.matrix[0, 0] == pytest.approx(sphere_recovery(radius_mm=5.2 * 4.0, fwhm_mm=12.0), rel=0.05)


def test_sharper_images_need_less_correction():
    first, second, body = parts()
    sharp = transfer_matrix([first, second], body=body, fwhm_mm=3.0).matrix
    blurred = transfer_matrix([first, second], body=body, fwhm_mm=15.0).matrix
    assert sharp[0, 0] > 0.9 > blurred[0, 0]


def test_noise_through_the_inverse_matrix():
    """Covariance against 4000 drawn measurements."""
    first, second, body = parts()
    matrix = transfer_matrix([first, second], body=body, fwhm_mm=12.0)
    variance = np.diag([4.0, 9.0, 25.0])
    rng = np.random.default_rng(3)
    measured = np.array([100.0, 200.0, 500.0]) + rng.standard_normal((4000, 3)) * np.sqrt(np.diag(variance))
    drawn = np.cov(matrix.solve(measured).T)
    assert np.diag(matrix.covariance(variance)) == pytest.approx(np.diag(drawn), rel=0.1)
    assert (np.diag(matrix.covariance(variance))[:2] > np.diag(variance)[:2]).all()


def test_transfer_matrix_refuses_other_grids_and_no_resolution():
    first, second, body = parts()
    other = Grid.axial(
        shape=GRID.shape, spacing_mm=(4.0, 4.0, 4.0), origin_mm=(0.0, 0.0, 0.0), frame_of_reference_uid="9.9"
    )
    with pytest.raises(GeometryError, match="frames of reference"):
        transfer_matrix([first, Region(name="x", mask=second.mask, grid=other)], body=body, fwhm_mm=12.0)
    with pytest.raises(QuantityError, match="resolution"):
        transfer_matrix([first], body=body, fwhm_mm=0.0)
