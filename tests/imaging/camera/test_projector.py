"""The SPECT projector against closed forms and against a dense computation that shares no code with it."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from hemadose.errors import GeometryError, QuantityError, RegionError
from hemadose.imaging.camera._lattice import gaussian_taps
from hemadose.imaging.camera.planar_projector import planar_projector, planar_views
from hemadose.imaging.camera.projector import spect_projector
from hemadose.imaging.camera.response import DetectorResponse
from hemadose.imaging.camera.support import body_support, field_support
from hemadose.model import Grid, View

RESPONSE = DetectorResponse(intrinsic_fwhm_mm=3.1, at_face_mm=3.3, per_mm=0.076)  # about MELP at 208 keV


def make_grid(slices=8, rows=32, columns=32, pitch=4.8, slice_mm=None, origin=(0.0, 0.0, 0.0)):
    return Grid.axial(
        shape=(slices, rows, columns),
        spacing_mm=(slice_mm or pitch, pitch, pitch),
        origin_mm=origin,
        frame_of_reference_uid="1.2.3",
    )


def dense(activity, mu, grid, angles, radius, response):
    """Exact Gaussian of every depth, float64, on the same turned samples."""
    slices, rows, columns = grid.shape
    pitch = grid.spacing_mm[1]
    count = 2 * int(np.ceil(np.hypot(rows, columns) / 2)) + 2
    w, u = np.meshgrid(np.arange(count) - (count - 1) / 2, np.arange(columns) - (columns - 1) / 2, indexing="ij")
    seen = np.zeros((len(angles), slices, columns))
    for view, t in enumerate(np.deg2rad(angles)):
        place = [(rows - 1) / 2 + u * np.sin(t) + w * np.cos(t), (columns - 1) / 2 - u * np.cos(t) + w * np.sin(t)]
        a, m = (np.stack([map_coordinates(p.astype(float), place, order=1) for p in v], axis=1) for v in (activity, mu))
        m *= pitch / 10.0
        a *= np.exp(-(np.cumsum(m[::-1], axis=0)[::-1] - m / 2.0))
        for depth in range(count):
            sigma = response.sigma_mm(radius - (depth - (count - 1) / 2) * pitch) / np.array(grid.spacing_mm[::2])
            seen[view] += gaussian_filter(a[depth], sigma, mode="constant", truncate=8.0)
    return seen


def torso(grid):
    z, y, x = np.moveaxis(
        grid.index_to_mm(np.stack(np.indices(grid.shape), axis=-1)), -1, 0
    )[::-1] - grid.index_to_mm((np.array(grid.shape) - 1) / 2)[::-1].reshape(3, 1, 1, 1)  # fmt: skip
    body = (y / (0.3 * grid.shape[1] * 4.8)) ** 2 + (x / (0.42 * grid.shape[2] * 4.8)) ** 2 < 1.0
    hot = (y - 12) ** 2 + (x + 25) ** 2 + z**2 < 14.0**2
    return body + 7.0 * hot, np.where(body, 0.135, 0.0)


@pytest.mark.parametrize(
    ("grid", "axis", "bins", "radius"),
    [
        (make_grid(), None, None, 200.0),
        (make_grid(slices=35, rows=20, columns=26, slice_mm=3.3), (70.0, 40.0), 31, 180.0 + 30.0 * np.arange(7)),
        (make_grid(slices=3, rows=24, columns=24, slice_mm=9.0, origin=(-50.0, 30.0, 7.0)), None, 20, 150.0),
    ],
    ids=["square", "off axis, body contour", "coarse slices"],
)
def test_back_is_the_transpose_of_forward(grid, axis, bins, radius):
    rng = np.random.default_rng(4)
    projector = spect_projector(
        grid=grid, angle_deg=np.arange(7) * 51.3 + 4.0, radius_mm=radius, axis_mm=axis, bins=bins,
        mu_per_cm=rng.random(grid.shape) * 0.2, response=RESPONSE,
    )  # fmt: skip
    x, y = rng.random(grid.shape), rng.random(projector.shape)
    left = np.vdot(projector.forward(x).astype(np.float64), y)
    right = np.vdot(x, projector.back(y).astype(np.float64))
    assert left == pytest.approx(right, rel=1e-5)
    some = [5, 2]
    left = np.vdot(projector.forward(x, some).astype(np.float64), y[some])
    assert left == pytest.approx(np.vdot(x, projector.back(y[some], some).astype(np.float64)), rel=1e-5)


def test_projections_agree_with_exact_gaussians():
    grid = make_grid(slices=20, rows=48, columns=48)
    activity, mu = torso(grid)
    angles = [0.0, 17.0, 45.0, 133.0, 271.3]
    projector = spect_projector(
        grid=grid, angle_deg=angles, radius_mm=170.0, mu_per_cm=mu, response=RESPONSE, support=body_support(mu, grid)
    )
    reference = dense(activity, mu, grid, angles, 170.0, RESPONSE)
    seen = projector.forward(activity)
    assert np.linalg.norm(seen - reference) < 0.001 * np.linalg.norm(reference)  # the goal is 0.5 %
    sharper = DetectorResponse(intrinsic_fwhm_mm=3.1, at_face_mm=3.3, per_mm=0.070)
    other = dense(activity, mu, grid, angles, 170.0, sharper)
    assert np.linalg.norm(seen - other) > 0.002 * np.linalg.norm(other)  # and sees a response of 8 % less slope


@pytest.mark.parametrize("slice_mm", [2.0, 3.0])
def test_line_source_widens_with_distance(slice_mm):
    grid = make_grid(slices=41, rows=81, columns=81, pitch=2.0, slice_mm=slice_mm)
    projector = spect_projector(grid=grid, angle_deg=[0.0], radius_mm=120.0, response=RESPONSE)
    for row in (0, 25, 60):  # 0 degrees: the detector is behind, rows run towards it
        source = np.zeros(grid.shape)
        source[20, row, 40] = 1.0
        plane = projector.forward(source)[0].astype(np.float64)
        assert plane.sum() == pytest.approx(1.0, abs=0.003)
        wanted = float(RESPONSE.sigma_mm(120.0 - (row - 40) * 2.0))
        along, across = plane.sum(axis=1), plane.sum(axis=0)
        for profile, pitch in ((along, slice_mm), (across, 2.0)):
            place = np.arange(profile.size) * pitch
            mean = profile @ place / profile.sum()
            assert np.sqrt(profile @ (place - mean) ** 2 / profile.sum()) == pytest.approx(wanted, rel=0.01)


def test_uniform_disc_has_its_closed_form():
    """A ray through a uniform disc of chord L gives (1 - exp(-mu L)) / mu."""
    grid = make_grid(slices=1, rows=96, columns=96, pitch=4.0)
    sub = (np.arange(8) + 0.5) / 8 - 0.5
    row, column = np.indices((96, 96)) - 47.5
    share = sum((row + a) ** 2 + (column + b) ** 2 < 30.0**2 for a in sub for b in sub)[None] / 64.0
    mu = 0.15
    projector = spect_projector(grid=grid, angle_deg=[0.0, 22.5, 31.0, 90.0], radius_mm=250.0, mu_per_cm=mu * share)
    chord = 2.0 * np.sqrt(np.maximum(120.0**2 - ((np.arange(96) - 47.5) * 4.0) ** 2, 0.0)) / 10.0
    wanted = (1.0 - np.exp(-mu * chord)) / mu / 0.4  # cm to steps of 4 mm
    inside = chord > 8.0
    for plane in projector.forward(share):
        np.testing.assert_allclose(plane[0, inside], wanted[inside], rtol=0.01)
    emptied = spect_projector(grid=grid, angle_deg=[22.5], radius_mm=250.0).forward(share)[0, 0]
    assert emptied[inside].min() > 1.2 * wanted[inside].max()


def test_counts_are_kept_and_threads_do_not_matter():
    grid = make_grid(slices=40, rows=40, columns=40)
    activity, mu = torso(grid)
    angles = np.arange(16) * 22.5
    results = []
    for threads in (1, 3):
        projector = spect_projector(
            grid=grid, angle_deg=angles, radius_mm=190.0, mu_per_cm=mu, response=RESPONSE, threads=threads
        )
        seen = projector.forward(activity)
        results.append((seen, projector.back(seen)))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])
    middle = np.zeros(grid.shape)
    middle[15:25] = activity[15:25]
    free = spect_projector(grid=grid, angle_deg=angles, radius_mm=190.0, response=RESPONSE).forward(middle)
    np.testing.assert_allclose(free.sum(axis=(1, 2)), middle.sum(), rtol=0.004)


def test_views_lie_as_dicom_has_them():
    """PS3.3 C.8.4.11: 0 degrees at the back, 90 at the left; bins along (-cos t, sin t) in (x, y)."""
    grid = make_grid(slices=4, rows=21, columns=21)
    projector = spect_projector(
        grid=grid, angle_deg=[0.0, 90.0, 180.0, 270.0], radius_mm=150.0, mu_per_cm=np.full(grid.shape, 0.1)
    )
    source = np.zeros(grid.shape)
    source[3, 5, 14] = 1.0  # top slice, towards the front, left
    back, left, front, right = projector.forward(source)
    places = [tuple(int(i) for i in np.argwhere(p == p.max())[0]) for p in (back, left, front, right)]
    assert places == [(3, 20 - 14), (3, 5), (3, 14), (3, 20 - 5)]
    assert front.max() > back.max()
    assert left.max() > right.max()
    off = spect_projector(grid=grid, angle_deg=[180.0], radius_mm=150.0, axis_mm=(10 * 4.8 + 9.6, 48.0))
    assert int(off.forward(source)[0, 3].argmax()) == 14 - 2


def test_planar_views_are_oriented_alike():
    grid = make_grid(slices=10, rows=20, columns=24)
    source = np.zeros(grid.shape)
    source[7, 4, 18] = 1.0  # head end, front, left
    views = planar_views(
        planar_projector(
            grid=grid, radius_mm=(100.0, 140.0), mu_per_cm=np.full(grid.shape, 0.13), response=RESPONSE
        ),
        source,
    )  # fmt: skip
    for view in View:
        assert np.unravel_index(views[view].argmax(), views[view].shape) == (2, 18)
    assert views[View.ANTERIOR].sum() > 2.0 * views[View.POSTERIOR].sum()
    assert views[View.ANTERIOR].max() / views[View.ANTERIOR].sum() > views[View.POSTERIOR].max() / views[
        View.POSTERIOR
    ].sum()  # fmt: skip


def test_support_empties_what_lies_outside():
    grid = make_grid()
    support = np.zeros(grid.shape, dtype=bool)
    support[:, 10:20, 8:25] = True
    whole = spect_projector(grid=grid, angle_deg=[30.0, 80.0], radius_mm=200.0, response=RESPONSE)
    cropped = spect_projector(grid=grid, angle_deg=[30.0, 80.0], radius_mm=200.0, response=RESPONSE, support=support)
    activity = np.random.default_rng(0).random(grid.shape)
    wanted = whole.forward(np.where(support, activity, 0.0))
    np.testing.assert_allclose(cropped.forward(activity), wanted, atol=2e-3 * wanted.max())
    assert not cropped.back(np.ones(cropped.shape))[~support].any()


def test_supports():
    grid = make_grid(rows=40, columns=40)
    field = field_support(grid)
    assert field[0, 20, 0]
    assert not field[0, 0, 0]
    path = field_support(grid, angle_deg=[180.0], radius_mm=[50.0])
    assert not path[0, 5, 20]  # in front of the axis by 70 mm, where the collimator is
    assert path[0, 35, 20]
    mu = np.zeros(grid.shape)
    mu[:, 15:25, 15:25] = 0.13
    mu[:, 19:21, 19:21] = 0.0  # air inside is filled
    body = body_support(mu, grid, margin_mm=10.0)
    assert body[0, 20, 20]
    assert body[0, 13, 20]
    assert not body[0, 11, 20]
    with pytest.raises(RegionError, match="no body"):
        body_support(np.zeros(grid.shape), grid)
    with pytest.raises(GeometryError, match="attenuation and grid differ"):
        body_support(mu[1:], grid)


@pytest.mark.parametrize("variance", [0.02, 0.1, 0.4, 1.0, 9.0])
def test_taps_have_the_variance_they_should(variance):
    taps = gaussian_taps([variance])[0].astype(np.float64)
    place = np.arange(taps.size)
    assert taps[0] + 2 * taps[1:].sum() == pytest.approx(1.0, abs=1e-6)
    assert 2 * (taps @ place**2) == pytest.approx(variance, rel=1e-3)


def test_response_grows_in_quadrature():
    response = DetectorResponse(intrinsic_fwhm_mm=4.0, at_face_mm=3.0, per_mm=0.1)
    assert float(response.fwhm_mm(0.0)) == pytest.approx(5.0)
    assert float(response.fwhm_mm(90.0)) == pytest.approx(np.hypot(4.0, 12.0))
    with pytest.raises(QuantityError, match="per_mm"):
        DetectorResponse(intrinsic_fwhm_mm=4.0, at_face_mm=3.0, per_mm=-0.1)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"mu_per_cm": np.full((8, 32, 32), -0.1)}, QuantityError, "not negative"),
        ({"mu_per_cm": np.full((8, 32, 32), 40.0)}, QuantityError, "per cm"),
        ({"mu_per_cm": np.zeros((8, 32, 31))}, GeometryError, "different grids"),
        ({"mu_per_cm": np.full((8, 32, 32), np.nan)}, QuantityError, "finite"),
        ({"support": np.zeros((8, 32, 32))}, GeometryError, "at least one voxel"),
        ({"radius_mm": 0.0}, GeometryError, "radius_mm"),
        ({"angle_deg": []}, GeometryError, "angle_deg"),
        ({"angle_deg": [np.inf]}, GeometryError, "finite angles"),
    ],
)
def test_bad_input_is_refused(change, kind, says):
    given = {"grid": make_grid(), "angle_deg": [0.0, 90.0], "radius_mm": 200.0}
    with pytest.raises(kind, match=says):
        spect_projector(**(given | change))


def test_other_grids_and_shapes_are_refused():
    tilted = make_grid().affine.copy()
    tilted[1, 0] = 1.0
    with pytest.raises(GeometryError, match="axial grid"):
        spect_projector(
            grid=Grid(shape=(8, 32, 32), affine=tilted, frame_of_reference_uid="1.2"), angle_deg=[0], radius_mm=200
        )
    oblong = Grid.axial(
        shape=(8, 32, 32), spacing_mm=(4.8, 4.8, 4.0), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2"
    )
    with pytest.raises(GeometryError, match="square"):
        spect_projector(grid=oblong, angle_deg=[0], radius_mm=200)
    projector = spect_projector(grid=make_grid(), angle_deg=[0, 90], radius_mm=200)
    with pytest.raises(GeometryError, match="activity does not fit"):
        projector.forward(np.zeros((8, 32, 31)))
    with pytest.raises(GeometryError, match="projections do not fit"):
        projector.back(np.zeros((2, 8, 31)))
    with pytest.raises(GeometryError, match="no such view"):
        projector.forward(np.zeros((8, 32, 32)), [2])


def test_activity_behind_a_collimator_is_noted():
    near = spect_projector(grid=make_grid(), angle_deg=[0, 90], radius_mm=40.0, response=RESPONSE)
    assert any("behind the collimator" in note for note in near.notes)
    assert not spect_projector(grid=make_grid(), angle_deg=[0, 90], radius_mm=140.0, response=RESPONSE).notes
