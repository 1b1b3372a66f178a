"""The virtual camera against what can be computed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import GeometryError, QuantityError, RegionError
from hemadose.model import Anatomy, Grid, Image, Quantity, View
from hemadose.simulate import Camera, planar_counts, project
from hemadose.simulate.projection import anatomy_axes
from hemadose.simulate.resample import Axis, transfer_matrix
from hemadose.simulate.sources import compartments_of, source_maps
from hemadose.simulate.tomography import carry, reconstructed_counts


@pytest.fixture(scope="module")
def box(box_of_water, camera):
    return project(box_of_water, camera)


@given(
    pitch=st.floats(1.0, 9.0),
    first=st.floats(-5.0, 5.0),
    fwhm=st.floats(0.0, 20.0),
    sign=st.sampled_from([-1.0, 1.0]),
)
@settings(max_examples=50, deadline=None)
def test_carrying_conserves_contents_and_place(pitch, first, fwhm, sign):
    source = Axis(first_mm=-20.0, pitch_mm=4.0, count=11)
    count = int(np.ceil(300.0 / pitch))
    target = Axis(first_mm=first - sign * 150.0, pitch_mm=sign * pitch, count=count)
    content = np.zeros(11)
    content[5] = 3.0
    carried = transfer_matrix(source, target, fwhm_mm=fwhm) @ content
    assert carried.sum() == pytest.approx(3.0, rel=1e-9)
    assert (carried * target.centres_mm).sum() / 3.0 == pytest.approx(0.0, abs=pitch / 2.0)


def test_carried_point_has_the_stated_width():
    fine = Axis(first_mm=0.0, pitch_mm=0.2, count=1)
    target = Axis(first_mm=-60.0, pitch_mm=0.2, count=601)
    profile = transfer_matrix(fine, target, fwhm_mm=12.0)[:, 0]
    above = target.centres_mm[profile >= profile.max() / 2.0]
    assert above[-1] - above[0] == pytest.approx(12.0, abs=0.4)


def test_attenuation_follows_depth(box, camera):
    """Single voxels in water, 208 keV: 0.1351 cm2/g (NIST, interpolated)."""
    for name, in_front_cm in (("kidney_left", 15.25), ("liver", 5.25), ("spleen", 10.25)):
        anterior = box.planar[name, View.ANTERIOR].sum()
        posterior = box.planar[name, View.POSTERIOR].sum()
        assert anterior == pytest.approx(np.exp(-0.1351 * in_front_cm), rel=2e-3)
        assert posterior == pytest.approx(np.exp(-0.1351 * (20.0 - in_front_cm)), rel=2e-3)
        assert np.sqrt(anterior * posterior) == pytest.approx(np.exp(-0.1351 * 10.0), rel=2e-3)


def test_resolution_worsens_with_distance(box, camera):
    widths = []
    for view in (View.ANTERIOR, View.POSTERIOR):
        profile = box.planar["kidney_left", view].sum(axis=0)
        x = box.plane.columns.centres_mm
        middle = (profile * x).sum() / profile.sum()
        widths.append(np.sqrt((profile * (x - middle) ** 2).sum() / profile.sum()) * 2.3548)
        assert middle == pytest.approx(42.5, abs=0.5)
    # depth of the voxel: 31 rows of 5 mm in front, 10 behind, gap 30 mm; pixel and voxel add their width
    extra = 2.3548**2 * (4.8**2 + 5.0**2) / 12.0
    expected = [np.hypot(camera.planar_fwhm_mm(d), np.sqrt(extra)) for d in (31 * 5 + 30.0, 10 * 5 + 30.0)]
    assert widths == pytest.approx(expected, rel=0.03)
    assert widths[0] > widths[1]


def test_planar_place_and_orientation(box):
    image = box.planar["liver", View.POSTERIOR]
    row = (image.sum(axis=1) * box.plane.rows.centres_mm).sum() / image.sum()
    column = (image.sum(axis=0) * box.plane.columns.centres_mm).sum() / image.sum()
    assert row == pytest.approx(132.5, abs=0.5)  # slice 26 of 5 mm from z = 0
    assert column == pytest.approx(-37.5, abs=0.5)  # patient's right at small columns
    assert box.plane.rows.centres_mm[0] > box.plane.rows.centres_mm[-1]  # head first


def test_triple_window_estimate_is_right_within_three_percent(box, camera):
    activity = {s.name: 1e8 for s in box.sources}
    counts = planar_counts(box, camera, activity_bq=activity, rng=None)
    primary = (
        sum(1e8 * box.planar[s.name, View.ANTERIOR] for s in box.sources)
        * camera.planar_counts_per_s_per_bq
        * camera.dwell_s
    )
    scatter = counts[View.ANTERIOR, "photopeak"] - primary
    estimate = (counts[View.ANTERIOR, "lower_scatter"] / 20.8 + counts[View.ANTERIOR, "upper_scatter"] / 31.2) * (
        24.96 / 2.0
    )
    assert estimate.sum() == pytest.approx(scatter.sum(), rel=0.03)
    assert scatter.sum() / primary.sum() == pytest.approx(camera.scatter_to_primary, rel=0.05)


def test_noise_is_poisson_about_the_expectation(box, camera):
    activity = {s.name: 2e7 for s in box.sources}
    expected = planar_counts(box, camera, activity_bq=activity, rng=None)[View.ANTERIOR, "photopeak"]
    draws = np.array(
        [
            planar_counts(box, camera, activity_bq=activity, rng=np.random.default_rng(n))[
                View.ANTERIOR, "photopeak"
            ].sum()
            for n in range(30)
        ]
    )
    assert draws.mean() == pytest.approx(expected.sum(), rel=4.0 / np.sqrt(30.0 * expected.sum()))
    assert 0.4 < draws.var(ddof=1) / expected.sum() < 2.2


def test_reconstruction_recovers_activity_and_blurs_as_stated(projected, camera):
    activity = {s.name: 0.0 for s in projected.sources} | {"kidney_left": 1e7}
    counts = reconstructed_counts(projected.spect, projected.spect_detected, camera, activity_bq=activity, rng=None)
    per_bq = camera.spect_counts_per_s_per_bq * camera.spect_duration_s
    assert counts.sum() / per_bq == pytest.approx(1e7, rel=1e-3)


def test_reconstructed_point_has_the_stated_resolution(box, camera):
    """Variance along the body axis: stated FWHM plus the 5 mm voxel that holds the source."""
    activity = {s.name: 0.0 for s in box.sources} | {"liver": 1e9}
    counts = reconstructed_counts(box.spect, box.spect_detected, camera, activity_bq=activity, rng=None)
    z = np.arange(counts.shape[0]) * camera.spect_voxel_mm
    profile = counts.sum(axis=(1, 2), dtype=np.float64)
    middle = (profile * z).sum() / profile.sum()
    variance = (profile * (z - middle) ** 2).sum() / profile.sum() - 5.0**2 / 12.0
    assert np.sqrt(variance * 8.0 * np.log(2.0)) == pytest.approx(camera.spect_fwhm_mm, rel=0.01)


def test_mean_in_a_sphere_is_the_overlap_of_the_sphere_with_its_blurred_self():
    """Sphere r = 15 mm, FWHM 12 mm, against the closed form.

    A sphere shifted by s overlaps itself by 1 - 3s/(4r) + s^3/(16 r^3); for a Gaussian the shift has
    a Maxwell distribution, E[s] = 2 sigma sqrt(2/pi), E[s^3] = 8 sigma^3 sqrt(2/pi): 0.6090.
    """
    sigma, r = 12.0 / np.sqrt(8.0 * np.log(2.0)), 15.0
    root = np.sqrt(2.0 / np.pi)
    expected = 1.0 - 0.75 * 2.0 * sigma * root / r + 8.0 * sigma**3 * root / (16.0 * r**3)
    assert expected == pytest.approx(0.6090, abs=2e-4)
    axis = Axis(first_mm=-39.0, pitch_mm=1.0, count=79)
    z, y, x = np.meshgrid(*([axis.centres_mm] * 3), indexing="ij")
    ball = (z**2 + y**2 + x**2 <= r**2).astype(np.float32)
    blurred = carry(ball, (axis,) * 3, (axis,) * 3, fwhm_mm=12.0)
    assert blurred[ball > 0].mean() == pytest.approx(expected, abs=0.005)


def test_noise_of_the_reconstruction_is_unbiased_and_larger_deep_inside(projected, camera):
    activity = {s.name: 0.0 for s in projected.sources} | {"liver": 2e7}
    draws = np.array(
        [
            reconstructed_counts(
                projected.spect, projected.spect_detected, camera, activity_bq=activity,
                rng=np.random.default_rng(n),
            )
            for n in range(12)
        ]
    )  # fmt: skip
    expected = reconstructed_counts(projected.spect, projected.spect_detected, camera, activity_bq=activity, rng=None)
    assert draws.sum() / 12.0 == pytest.approx(expected.sum(), rel=0.01)
    inside = expected > 0.9 * expected.max()
    relative = draws.std(axis=0)[inside].mean() / expected[inside].mean()
    assert 0.05 < relative < 0.5
    assert draws.min() >= 0.0


def test_sources_are_normalised_and_keep_apart(projected):
    names = [s.name for s in projected.sources]
    assert names == ["kidney_left", "kidney_right", "liver", "spleen", "red_marrow", "remainder", "bladder"]
    for source in projected.sources:
        assert source.share.sum(dtype=np.float64) == pytest.approx(1.0, rel=1e-4)
    total = sum((s.share > 0).astype(int) for s in projected.sources)
    assert total.max() == 1
    kidneys = [s.compartment_share for s in projected.sources[:2]]
    assert sum(kidneys) == pytest.approx(1.0)
    assert kidneys[0] == pytest.approx(0.5, abs=0.01)


def test_anatomy_without_a_kidney_is_refused(box_of_water):
    tissues = tuple(t for t in box_of_water.tissues if t.name != "kidney_left")
    values = box_of_water.labels.values.copy()
    values[values == 2] = 1
    labels = Image(values=values, grid=box_of_water.labels.grid, quantity=Quantity.LABEL)
    with pytest.raises(RegionError, match="kidney_left"):
        source_maps(Anatomy(name="one kidney", labels=labels, tissues=tissues))


def test_unknown_source_and_medium_are_refused(box_of_water):
    with pytest.raises(QuantityError, match="not a source"):
        compartments_of("pancreas")
    from dataclasses import replace

    tissues = tuple(replace(t, medium="jelly") if t.label == 1 else t for t in box_of_water.tissues)
    with pytest.raises(QuantityError, match="jelly"):
        project(replace(box_of_water, tissues=tissues), Camera())


def test_oblique_or_flipped_grids_are_refused():
    affine = np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
    anatomy_axes(Grid(shape=(2, 2, 2), affine=affine, frame_of_reference_uid="1.2"))
    flipped = affine.copy()
    flipped[0, 2] = -1.0
    oblique = affine.copy()
    oblique[0, 1] = 0.1
    for matrix in (flipped, oblique):
        with pytest.raises(GeometryError, match="axial"):
            anatomy_axes(Grid(shape=(2, 2, 2), affine=matrix, frame_of_reference_uid="1.2"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"planar_pixel_mm": 0.0},
        {"scan_speed_mm_per_s": float("nan")},
        {"spect_filter_fwhm_mm": 13.0},
        {"scatter_to_primary": -0.1},
    ],
)
def test_impossible_cameras_are_refused(wrong):
    with pytest.raises(QuantityError):
        Camera(**wrong)
