"""OSEM on projections of known activity; noise of regions against repeated Poisson samples."""

from datetime import UTC, datetime

import numpy as np
import pytest

from hemadose.errors import GeometryError, QuantityError, RegionError
from hemadose.imaging.camera.projector import spect_projector
from hemadose.imaging.camera.response import DetectorResponse
from hemadose.imaging.camera.support import body_support
from hemadose.imaging.reconstruction.osem import osem_data, start, subset_views, update
from hemadose.imaging.reconstruction.reconstruct import (
    BRAITSCH_OSEM,
    OsemOptions,
    filtered,
    reconstruct,
    reconstruct_set,
    scatter_estimate,
)
from hemadose.imaging.reconstruction.region_noise import pass_back, region_counts
from hemadose.imaging.reconstruction.scatter_windows import ScatterEstimate, smoothed_views
from hemadose.model import EnergyWindow, Grid
from hemadose.model.projections import ProjectionSet

RESPONSE = DetectorResponse(intrinsic_fwhm_mm=3.1, at_face_mm=3.3, per_mm=0.076)
GRID = Grid.axial(shape=(24, 40, 40), spacing_mm=(8, 8, 8), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2.3")
ANGLES = np.arange(32) * 360.0 / 32
Z, Y, X = (np.indices(GRID.shape) - np.reshape((np.array(GRID.shape) - 1) / 2, (3, 1, 1, 1))) * 8.0
BODY = (np.abs(Z) < 70) & ((Y / 95) ** 2 + (X / 130) ** 2 < 1)
HOT = Z**2 + (Y - 20) ** 2 + (X - 55) ** 2 < 35**2
ACTIVITY = 1.0 * BODY + 9.0 * HOT
MU = 0.135 * ((Y / 95) ** 2 + (X / 130) ** 2 < 1)


def projector(**changes):
    given = {
        "grid": GRID, "angle_deg": ANGLES, "radius_mm": 190.0, "mu_per_cm": MU, "response": RESPONSE,
        "support": body_support(MU, GRID, margin_mm=10.0),
    }  # fmt: skip
    return spect_projector(**(given | changes))


@pytest.fixture(scope="module")
def model():
    return projector()


@pytest.fixture(scope="module")
def ideal(model):
    return model.forward(ACTIVITY)


def test_noise_free_activity_is_recovered(model, ideal):
    found = reconstruct(ideal, model, options=OsemOptions(iterations=12, subsets=4))
    assert found.values.sum() == pytest.approx(ACTIVITY.sum(), rel=0.003)
    core = (np.abs(Z) < 50) & ((Y / 60) ** 2 + ((X + 50) / 45) ** 2 < 1)
    assert found.values[core].mean() == pytest.approx(1.0, rel=0.01)
    assert found.values[core].std() < 0.04
    wide = Z**2 + (Y - 20) ** 2 + (X - 55) ** 2 < 55**2
    assert found.values[wide].sum() == pytest.approx(ACTIVITY[wide].sum(), rel=0.015)
    assert np.linalg.norm(model.forward(found.values) - ideal) < 0.02 * np.linalg.norm(ideal)


def test_what_is_left_out_of_the_model_is_missed(ideal):
    plain = reconstruct(ideal, projector(mu_per_cm=None), options=OsemOptions(iterations=4, subsets=4))
    assert plain.values.sum() < 0.5 * ACTIVITY.sum()
    sharp = reconstruct(ideal, projector(response=None), options=OsemOptions(iterations=12, subsets=4))
    full = reconstruct(ideal, projector(), options=OsemOptions(iterations=12, subsets=4))
    assert sharp.values[HOT].mean() < 0.95 * full.values[HOT].mean()


def test_likelihood_rises_with_one_subset(model, ideal):
    found = reconstruct(ideal, model, options=OsemOptions(iterations=6, subsets=1))
    assert len(found.log_likelihood) == 6
    assert np.all(np.diff(found.log_likelihood) > 0.0)


def test_preset_is_that_of_the_paper():
    assert (BRAITSCH_OSEM.iterations, BRAITSCH_OSEM.subsets) == (8, 4)


def test_iteration_stops_and_goes_on_where_it_was(model, ideal):
    counts = np.random.default_rng(2).poisson(ideal).astype(np.float32)
    options = OsemOptions(iterations=3, subsets=4)
    straight = reconstruct(counts, model, options=options)
    told = []
    first = reconstruct(counts, model, options=options, progress=lambda done, total, _: told.append((done, total)) or
                        done < 8)  # fmt: skip
    assert told == [(4, 12), (8, 12)]
    assert any("stopped after 2 of 3" in note for note in first.notes)
    rest = reconstruct(counts, model, options=options, state=first.state)
    assert first.state.updates == 8
    assert rest.state.updates == 12
    assert np.array_equal(rest.values, straight.values)
    assert not np.array_equal(first.values, straight.values)


def test_scatter_is_added_to_the_model(model, ideal):
    scatter = np.full_like(ideal, 0.3 * ideal.mean())
    options = OsemOptions(iterations=6, subsets=4)
    right = reconstruct(ideal + scatter, model, options=options, scatter=scatter)
    wrong = reconstruct(ideal + scatter, model, options=options)
    assert right.values.sum() == pytest.approx(ACTIVITY.sum(), rel=0.005)
    assert wrong.values.sum() > 1.1 * ACTIVITY.sum()


def views_of(counts, **changes):
    windows = tuple(
        EnergyWindow(name=n, lower_kev=a, upper_kev=b)
        for n, a, b in (("peak", 196, 221), ("lower", 175, 196), ("upper", 221, 252))
    )
    given = {
        "counts": counts, "windows": windows, "angle_deg": ANGLES, "radius_mm": np.full(32, 190.0), "bin_mm": 8.0,
        "slice_mm": 8.0, "frame_duration_s": np.full(32, 20.0), "started_at": datetime(2025, 1, 2, tzinfo=UTC),
        "duration_s": 640.0, "nuclide": "Tc-99m", "frame_of_reference_uid": "1.2.3", "axis_mm": (156.0, 156.0),
    }  # fmt: skip
    return ProjectionSet(**(given | changes))


def test_a_set_comes_out_in_counts_per_second_at_its_start(ideal):
    half_life = 3600.0  # short, to see the decay during the acquisition
    seconds = np.where(np.arange(32) < 16, 20.0, 30.0)
    begins = np.concatenate([[0.0], np.cumsum(seconds)[:-1]])
    rate = np.log(2.0) / half_life
    decayed = (np.exp(-rate * begins) - np.exp(-rate * (begins + seconds))) / rate
    counts = np.stack([ideal * decayed[:, None, None], np.zeros_like(ideal), np.zeros_like(ideal)])
    views = views_of(counts, frame_duration_s=seconds, frame_start_s=begins, duration_s=800.0)
    found = reconstruct_set(
        views, window="peak", half_life_s=half_life, mu_per_cm=MU, response=RESPONSE,
        support=body_support(MU, GRID, margin_mm=10.0), options=OsemOptions(iterations=6, subsets=4),
    )  # fmt: skip
    assert found.grid.matches(views.grid())
    assert found.values.sum() == pytest.approx(ACTIVITY.sum(), rel=0.01)


def test_scatter_estimates_follow_their_formulas():
    """TEW: (Cl/Wl + Cu/Wu) Wp/2; DEW: k Cl Wp/Wl. Case PL3 of the reference has these windows."""
    counts = np.random.default_rng(1).poisson(9.0, (3, 32, 24, 40)).astype(np.float32)
    views = views_of(counts)
    tew = scatter_estimate(views, peak="peak", lower="lower", upper="upper")
    np.testing.assert_allclose(tew.counts, (counts[1] / 21.0 + counts[2] / 31.0) * 25.0 / 2.0, rtol=1e-5)
    dew = scatter_estimate(views, peak="peak", lower="lower", method="dew", k=0.4)
    np.testing.assert_allclose(dew.counts, 0.4 * counts[1] * 25.0 / 21.0, rtol=1e-5)
    smooth = scatter_estimate(views, peak="peak", lower="lower", upper="upper", smooth_fwhm_mm=40.0)
    np.testing.assert_allclose(smooth.counts.sum(axis=(1, 2)), tew.counts.sum(axis=(1, 2)), rtol=1e-4)
    assert smooth.counts.std() < 0.3 * tew.counts.std()
    with pytest.raises(QuantityError, match="above the photopeak"):
        scatter_estimate(views, peak="peak", lower="lower")
    with pytest.raises(QuantityError, match="no such scatter method"):
        scatter_estimate(views, peak="peak", lower="lower", method="guess")
    with pytest.raises(QuantityError, match="no energy window"):
        scatter_estimate(views, peak="peak", lower="nothing", upper="upper")


def test_subsets_take_every_view_once_and_lie_apart():
    parts = subset_views(np.roll(np.arange(60) * 6.0, 17), 4)
    assert sorted(v for part in parts for v in part) == list(range(60))
    angles = [sorted((np.roll(np.arange(60) * 6.0, 17)[list(p)]) % 24.0) for p in parts]
    assert [a[0] for a in angles] == [0.0, 12.0, 6.0, 18.0]


def test_filter_keeps_counts_and_width():
    values = np.zeros(GRID.shape, dtype=np.float32)
    values[12, 20, 20] = 5.0
    out = filtered(values, GRID, 20.0)
    assert out.sum() == pytest.approx(5.0, rel=1e-4)
    place = (np.arange(40) - 20) * 8.0
    profile = out.sum(axis=(0, 1))
    assert np.sqrt(profile @ place**2 / profile.sum()) * 2.3548 == pytest.approx(20.0, rel=0.01)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"counts": np.zeros((31, 24, 40))}, GeometryError, "do not fit"),
        ({"counts": np.full((32, 24, 40), -1.0)}, QuantityError, "not negative"),
        ({"scatter": np.full((32, 24, 40), np.nan)}, QuantityError, "scatter"),
        ({"view_weight": np.ones(31)}, GeometryError, "view_weight"),
        ({"view_weight": np.zeros(32)}, QuantityError, "positive"),
        ({"options": OsemOptions(iterations=1, subsets=33)}, QuantityError, "more subsets than views"),
    ],
)
def test_bad_input_is_refused(model, change, kind, says):
    given = {"counts": np.ones((32, 24, 40), dtype=np.float32), "options": OsemOptions(iterations=1, subsets=1)}
    given |= change
    with pytest.raises(kind, match=says):
        reconstruct(given.pop("counts"), model, **given)


def test_bad_options_are_refused():
    with pytest.raises(QuantityError, match="at least one iteration"):
        OsemOptions(iterations=0)
    with pytest.raises(QuantityError, match="width"):
        OsemOptions(filter_fwhm_mm=-1.0)


REGIONS = {"hot": HOT, "cold": (np.abs(Z) < 30) & ((Y + 10) ** 2 + (X + 60) ** 2 < 30**2), "body": BODY}
NOISY = OsemOptions(iterations=4, subsets=4, filter_fwhm_mm=12.0)


def noisy(primary, rng):
    level = 0.3 * primary.mean()
    peak = rng.poisson(primary + level).astype(np.float32)
    lower, upper = (rng.poisson(np.full_like(primary, f * level)).astype(np.float32) for f in (1.0, 0.5))
    weights, sigma = (0.6, 0.8), (1.0, 1.0)
    total = np.float32(0.6) * lower + np.float32(0.8) * upper
    scatter = ScatterEstimate(
        counts=smoothed_views(total, sigma), windows=(lower, upper), weights=weights, sigma_pixels=sigma, method="tew"
    )
    return peak, scatter


def test_noise_of_regions_agrees_with_repeated_samples(model, ideal):
    """Standard deviations of 60 replicates are themselves known to 9 %."""
    rng = np.random.default_rng(8)
    primary = ideal * (3e5 / ideal.sum())
    sums = []
    for _ in range(60):
        counts, scatter = noisy(primary, rng)
        values = reconstruct(counts, model, options=NOISY, scatter=scatter).values
        sums.append([values[mask].sum() for mask in REGIONS.values()])
    counts, scatter = noisy(primary, rng)
    found = region_counts(counts, model, REGIONS, options=NOISY, scatter=scatter)
    ratio = found.sd / np.std(sums, axis=0, ddof=1)
    assert np.all((ratio > 0.75) & (ratio < 1.33))
    assert np.abs(found.correlation - np.corrcoef(np.transpose(sums))).max() < 0.35
    same = reconstruct(counts, model, options=NOISY, scatter=scatter).values
    np.testing.assert_allclose(found.values, [same[mask].sum() for mask in REGIONS.values()], rtol=1e-4)
    quiet = region_counts(counts, model, REGIONS, options=NOISY, scatter=scatter.counts)
    assert np.all(quiet.sd < found.sd)
    assert any("without noise" in note for note in quiet.notes)


@pytest.mark.slow
def test_noise_of_regions_agrees_with_many_samples(model, ideal):
    rng = np.random.default_rng(9)
    primary = ideal * (3e5 / ideal.sum())
    sums = []
    for _ in range(600):
        counts, scatter = noisy(primary, rng)
        values = reconstruct(counts, model, options=NOISY, scatter=scatter).values
        sums.append([values[mask].sum() for mask in REGIONS.values()])
    estimates = [region_counts(*pair[:1], model, REGIONS, options=NOISY, scatter=pair[1]).sd
                 for pair in (noisy(primary, rng) for _ in range(5))]  # fmt: skip
    np.testing.assert_allclose(np.mean(estimates, axis=0), np.std(sums, axis=0, ddof=1), rtol=0.09)


def test_derivative_by_a_count_is_that_of_a_finite_step(model, ideal):
    """More counts in one view by 1 % change the region by what the covariance is made of: its own derivative."""
    counts = ideal * (1e6 / ideal.sum())
    options = OsemOptions(iterations=3, subsets=4)
    alone = np.zeros_like(counts)
    alone[7] = counts[7]
    base = region_counts(counts, model, {"hot": HOT}, options=options).values[0]
    moved = region_counts(counts + 0.01 * alone, model, {"hot": HOT}, options=options).values[0]
    data, _ = osem_data(counts, model, subsets=4, scatter=None, view_weight=None)
    trace = [start(model.engine, data, None)[0]]
    for step in range(12):
        trace.append(trace[-1].copy())
        update(model.engine, data, trace[-1], step % 4)
    slopes = np.zeros((1, *data.counts.shape), dtype=np.float32)
    adjoint = [model.engine.load(HOT)]
    for step in range(11, -1, -1):
        pass_back(model.engine, data, (trace[step], trace[step + 1]), step % 4, adjoint, slopes, None)
    wanted = float(np.vdot(slopes[0].astype(np.float64), 0.01 * alone.transpose(0, 2, 1)))
    assert moved - base == pytest.approx(wanted, rel=0.03)


def test_regions_must_be_there(model, ideal):
    with pytest.raises(RegionError, match="another grid"):
        region_counts(ideal, model, {"a": HOT[1:]})
    with pytest.raises(RegionError, match="no voxel that was reconstructed"):
        region_counts(ideal, model, {"a": ~model.support})
    with pytest.raises(RegionError, match="no regions"):
        region_counts(ideal, model, {})
