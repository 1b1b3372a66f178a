"""A virtual study holds what a clinic would have, and its truth agrees with it."""

from dataclasses import replace

import numpy as np
import pytest

from hemadose.errors import QuantityError, RegionError, TimingError
from hemadose.model import Image, Quantity, View, require_disjoint
from hemadose.simulate import Schedule, planar_counts, project, virtual_study
from hemadose.simulate.outlines import planar_outlines, shadow
from hemadose.simulate.sources import compartments_of
from hemadose.units import HOUR_S

SPHERES = [(f"marrow_sphere_l{n}", "lumbar_l2_l4") for n in (2, 3, 4)]


@pytest.fixture(scope="module")
def study(projected, camera, administration, kinetics):
    return virtual_study(
        projected=projected, camera=camera, administration=administration, biokinetics=kinetics,
        schedule=Schedule(), seed=11,
    )  # fmt: skip


def _again(projected, camera, administration, kinetics, **changes):
    arguments = {"schedule": Schedule(planar_h=(24.0,), spect_h=()), "seed": 11} | changes
    return virtual_study(
        projected=projected, camera=camera, administration=administration, biokinetics=kinetics, **arguments
    )


def test_it_holds_what_was_scheduled(study, administration):
    assert len(study.planar_scans) == 5
    assert len(study.spect_scans) == 1
    assert [administration.time_since_s(s.started_at) for s in study.planar_scans] == [
        h * HOUR_S for h in (1, 4, 24, 48, 168)
    ]
    assert len(study.planar_scans[0].frames) == 6
    assert study.ct.quantity is Quantity.HOUNSFIELD
    assert study.ct.grid.frame_of_reference_uid == study.spect_scans[0].image.grid.frame_of_reference_uid
    assert study.planar_scans[0].pixel_dwell_s == 200.0


def test_noise_follows_the_seed(projected, camera, administration, kinetics):
    first, same = (_again(projected, camera, administration, kinetics) for _ in range(2))
    other = _again(projected, camera, administration, kinetics, seed=12)
    frames = [s.planar_scans[0].frames[0].counts for s in (first, same, other)]
    assert (frames[0] == frames[1]).all()
    assert (frames[0] != frames[2]).any()
    assert other.stated_planar_counts_per_s_per_bq != first.stated_planar_counts_per_s_per_bq


def test_stated_calibration_errs_as_stated(projected, camera, administration, kinetics):
    empty = Schedule(planar_h=(), spect_h=(24.0,))
    errors = []
    for seed in range(12):
        study = _again(projected, camera, administration, kinetics, seed=seed, schedule=empty)
        errors.append(study.stated_spect_counts_per_s_per_bq / camera.spect_counts_per_s_per_bq - 1.0)
        errors.append(study.stated_planar_counts_per_s_per_bq / camera.planar_counts_per_s_per_bq - 1.0)
    assert np.std(errors) == pytest.approx(0.02, rel=0.4)
    assert study.truth.spect_counts_per_s_per_bq == camera.spect_counts_per_s_per_bq
    exact = _again(projected, camera, administration, kinetics, calibration_relative_sd=0.0)
    assert exact.stated_spect_counts_per_s_per_bq == camera.spect_counts_per_s_per_bq


def test_spect_counts_carry_the_true_activity_of_the_kidneys(study, camera):
    """Counts in a generous box around the left kidney, background from the opposite expectation."""
    scan = study.spect_scans[0]
    inside = float(scan.image.values.sum()) / (camera.spect_counts_per_s_per_bq * scan.duration_s)
    truth = study.truth.spect_activity_bq
    organs = sum(truth[n][0] for n in ("kidneys", "liver", "spleen"))
    assert organs < inside < truth["whole_body"][0]
    kidney = next(r for r in study.regions if r.name == "kidney_left")
    mean = scan.image.values[kidney.mask].sum() / (camera.spect_counts_per_s_per_bq * scan.duration_s)
    assert 0.75 < mean / truth["kidney_left"][0] < 1.0  # spill-out at 12 mm resolution


def test_region_volumes_and_disjointness(study, male):
    require_disjoint([r for r in study.regions if r.name != "whole_body"], allowed=SPHERES, tolerance=0.0)
    volumes = {r.name: r.volume_ml for r in study.regions}
    for name in ("kidney_left", "liver", "spleen", "lumbar_l2_l4"):
        assert volumes[name] == pytest.approx(study.truth.volume_ml[name], abs=0.2, rel=0.002)
    assert volumes["marrow_sphere_l3"] == pytest.approx(4.19, abs=0.11)  # 4/3 pi 1 cm3
    spheres = [r.mask for r in study.regions if r.name.startswith("marrow_sphere")]
    lumbar = next(r.mask for r in study.regions if r.name == "lumbar_l2_l4")
    for sphere in spheres:
        assert (sphere & lumbar).sum() >= 0.9 * sphere.sum()
    centroid = next(r for r in study.regions if r.name == "liver").centroid_mm
    assert centroid == pytest.approx(male.region("liver").centroid_mm, abs=1.5)


def test_planar_regions_share_no_pixel_and_follow_the_background_rules(study, projected, male):
    regions = {r.name: r for r in study.planar_regions}
    require_disjoint([r for n, r in regions.items() if n != "whole_body"], tolerance=0.0)
    body = shadow(male, male.labels.values > 0, projected.plane)
    assert not (regions["background_liver"].mask & body).any()  # outside the body
    assert not (regions["background_kidneys"].mask & ~body).any()
    rows = projected.plane.rows.centres_mm
    assert rows[regions["background_kidneys"].mask.any(axis=1)].max() < -100.0  # thigh
    marrow_rows = regions["background_marrow"].mask.any(axis=1)
    lumbar_rows = regions["lumbar_l2_l4"].mask.any(axis=1)
    assert not (marrow_rows & ~lumbar_rows).any()  # beside L2-L4
    full = shadow(male, male.region("kidney_right").mask, projected.plane)
    assert (regions["kidney_right"].mask == full).all()
    assert (regions["liver"].mask & full).sum() == 0


def test_priority_decides_who_keeps_shared_pixels(projected):
    liver_first = {r.name: r for r in planar_outlines(projected, priority=("liver", "kidney_right"))}
    kidney_first = {r.name: r for r in planar_outlines(projected, priority=("kidney_right", "liver"))}
    assert liver_first["liver"].pixels > kidney_first["liver"].pixels
    assert liver_first["kidney_right"].pixels < kidney_first["kidney_right"].pixels


def test_truth_adds_up_and_decays(study, kinetics, administration):
    truth = study.truth
    parts = ("kidney_left", "kidney_right", "liver", "spleen", "red_marrow", "remainder", "bladder")
    assert sum(truth.tia_bq_s[p] for p in parts) == pytest.approx(truth.tia_bq_s["whole_body"])
    assert truth.tia_bq_s["kidneys"] == pytest.approx(2e8 * kinetics.tia_h("kidneys") * HOUR_S)
    assert truth.tia_bq_s["lumbar_l2_l4"] == pytest.approx(truth.l2_l4_marrow_fraction * truth.tia_bq_s["red_marrow"])
    assert truth.l2_l4_marrow_fraction == pytest.approx(0.0739, abs=1e-4)
    for i, t in enumerate(truth.times_s):
        retained = administration.nuclide.decay_factor(t) - float(kinetics.fraction("excreta", t))
        assert truth.activity_bq["whole_body"][i] == pytest.approx(2e8 * retained, rel=1e-9)
    assert truth.mass_kg["whole_body"] == pytest.approx(73.27, rel=0.002)


def test_every_row_is_seen_at_its_own_time(projected, camera, administration, kinetics):
    """A sweep of nearly a half-life: the feet have decayed further than the head."""
    rows = projected.plane.shape[0]
    slow = replace(camera, scan_speed_mm_per_s=0.005)
    strong = replace(administration, measured_activity_bq=12e9, residual_activity_bq=0.0)
    swept = _again(projected, slow, strong, kinetics).planar_scans[0]
    steady = planar_counts(
        projected, slow, rng=None,
        activity_bq={
            s.name: 12e9 * s.compartment_share * sum(
                float(kinetics.fraction(c, 24.0 * HOUR_S)) for c in compartments_of(s.name)
            )
            for s in projected.sources
        },
    )  # fmt: skip
    ratio = swept.frame(view=View.ANTERIOR, window_name="photopeak").counts.sum(axis=1) / np.maximum(
        steady[View.ANTERIOR, "photopeak"].sum(axis=1), 1.0
    )
    head, foot = rows // 8, 7 * rows // 8
    elapsed = (foot - head) * projected.pixel_mm / slow.scan_speed_mm_per_s
    remainder = sum(kinetics.fraction(c, 24.0 * HOUR_S + elapsed) for c in ("central", "tissue"))
    remainder /= sum(kinetics.fraction(c, 24.0 * HOUR_S) for c in ("central", "tissue"))
    assert remainder < 0.4
    assert ratio[foot] / ratio[head] == pytest.approx(remainder, rel=0.15)


def test_probe_starts_at_full_activity_and_follows_retention(study, kinetics):
    net = [r.counts / r.duration_s - r.background_counts_per_s for r in study.probe_readings]
    assert len(net) == 6
    assert (study.probe_readings[0].measured_at - study.administration.administered_at).total_seconds() < 600
    expected = [1.0 - float(kinetics.fraction("excreta", 0.0)), float(
        study.administration.nuclide.decay_factor(24 * HOUR_S) - kinetics.fraction("excreta", 24 * HOUR_S)
    )]  # fmt: skip
    assert net[3] / net[0] == pytest.approx(expected[1] / expected[0], rel=0.02)


def test_therapy_scales_counts(projected, camera, administration, kinetics):
    therapy = replace(administration, measured_activity_bq=12e9, residual_activity_bq=0.0)
    low = _again(projected, camera, administration, kinetics).planar_scans[0].frames[1].counts.sum()
    high = _again(projected, camera, therapy, kinetics).planar_scans[0].frames[1].counts.sum()
    assert high / low == pytest.approx(60.0, rel=0.02)


def test_female_runs_too(female, camera, administration, kinetics):
    study = _again(project(female, camera), camera, administration, kinetics,
                   schedule=Schedule(planar_h=(24.0,), spect_h=(24.6,)))  # fmt: skip
    assert {r.name for r in study.planar_regions} >= {"background_kidneys", "background_marrow", "liver"}
    assert study.truth.volume_ml["lumbar_l2_l4"] == pytest.approx(94.4, rel=0.01)


@pytest.mark.parametrize("times", [(), (-1.0,)])
def test_schedules_without_valid_times_are_refused(times):
    with pytest.raises(TimingError):
        Schedule(planar_h=times, spect_h=())


def test_lesion_without_kinetics_is_refused(male, camera, administration, kinetics):
    tissues = tuple(replace(t, name="lesion_1") if t.name == "thymus" else t for t in male.tissues)
    labels = Image(values=male.labels.values, grid=male.labels.grid, quantity=Quantity.LABEL)
    marked = replace(male, labels=labels, tissues=tissues)
    with pytest.raises(QuantityError, match="no compartment lesion_1"):
        _again(project(marked, camera), camera, administration, kinetics)
    with pytest.raises(RegionError):
        marked.tissue("thymus")
