"""Projections of a virtual patient: what is written can be read, and analysed without the truth."""

import json
import shutil
import tomllib

import numpy as np
import pytest

from hemadose.errors import CaseError, InputError, QuantityError
from hemadose.imaging import bone_regions
from hemadose.imaging.camera.attenuation import attenuation_map
from hemadose.imaging.camera.support import body_support
from hemadose.imaging.reconstruction.osem import OsemOptions
from hemadose.imaging.reconstruction.reconstruct import set_projector, view_weights
from hemadose.imaging.reconstruction.region_recovery import recovered_regions
from hemadose.imaging.reconstruction.scatter_windows import scatter_estimate
from hemadose.io.case import parse_case
from hemadose.io.dicom import read_ct_series, read_regions
from hemadose.model import GammaLine
from hemadose.refdata.nuclides import nuclide
from hemadose.simulate.gamma_camera import TomoProtocol
from hemadose.workflow.projection_activity import SCATTER_GEOMETRY_RELATIVE_SD, activity_from_projections
from hemadose.workflow.projection_study import projection_case
from hemadose.workflow.quantify import quantify
from hemadose.workflow.reconstruct import read_projections, reconstruct_study
from hemadose.workflow.reconstruct_plan import ReconstructionRequest
from hemadose.workflow.simulate import SimulationOptions
from hemadose.workflow.simulate_projections import (
    TRUTH_FILE,
    ProjectionOptions,
    imaged_lines,
    simulate_projections,
    virtual_camera,
)
from hemadose.workflow.study import case_administration, read_study

COARSE = TomoProtocol(views=32, bins=64, slices=48, bin_mm=7.2, slice_mm=7.2, frame_s=80.0)
STUDY = SimulationOptions(seed=7, voxel_mm=6.0, activity_bq=2e9)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A Siemens-like study of 2 GBq on coarse pixels; the truth is taken out of the folder."""
    folder = tmp_path_factory.mktemp("projections") / "study"
    simulate_projections(folder, ProjectionOptions(study=STUDY, protocol=COARSE, histories=20_000))
    truth = json.loads((folder / "truth" / TRUTH_FILE).read_text(encoding="utf-8"))
    shutil.rmtree(folder / "truth")
    return folder, truth


def test_the_study_is_read_back_as_it_was_acquired(written):
    folder, _ = written
    (bed,) = read_projections([folder / "tomo/t024.6h.dcm"])
    assert bed.counts.shape == (3, 32, 48, 64)
    assert bed.nuclide == "Lu-177"
    assert bed.collimator == "MELP"
    np.testing.assert_allclose(np.diff(bed.angle_deg), 11.25)
    np.testing.assert_allclose(bed.frame_start_s[:17], [*(80.0 * np.arange(16)), 0.0])
    assert bed.radius_mm.min() < bed.radius_mm.max() - 30.0  # body contour
    ct = read_ct_series(folder / "ct")
    assert ct.grid.frame_of_reference_uid == bed.frame_of_reference_uid
    names = {r.name for r in read_regions(folder / "regions/seg.dcm", reference=bed.grid())}
    assert {"kidney_left", "kidney_right", "liver", "spleen", "lesion_1", "lumbar_l2_l4", "whole_body"} <= names


def test_activities_come_back_without_the_truth(written):
    """One realisation on coarse pixels: 7.2 mm voxels over 6 mm organs misplace walls by up to half a voxel, TEW leaves
    about 2 % and the sensitivity in air does not know that TEW takes 4 % of the primaries (docs), hence 10 %; without
    recovery correction the kidneys miss that by far."""
    folder, truth = written
    (bed,) = read_projections([folder / "tomo/t024.6h.dcm"])
    ct, grid = read_ct_series(folder / "ct"), bed.grid()
    drawn = read_regions(folder / "regions/seg.dcm", reference=grid)
    organs = [r for r in drawn if not r.name.startswith("marrow_sphere") and r.name != "whole_body"]
    mu = attenuation_map(ct, grid, energy_kev=208.37, kvp=120.0).image_per_cm
    regions = {r.name: r.mask for r in (*organs, *bone_regions(ct, grid, drawn=organs))}
    body = next(r.mask for r in drawn if r.name == "whole_body") & ~np.any(list(regions.values()), axis=0)
    regions |= {"lungs": body & (mu < 0.08), "rest": body & (mu >= 0.08)}
    scatter = scatter_estimate(bed, peak="photopeak", lower="lower_scatter", upper="upper_scatter", smooth_fwhm_mm=15.0)
    response = virtual_camera("siemens-symbia-melp").response
    projector = set_projector(bed, mu_per_cm=mu, response=response, support=body_support(mu, grid), threads=1)
    found = recovered_regions(
        bed.counts[bed.window_index("photopeak")], projector, regions, options=OsemOptions(iterations=4, subsets=4),
        scatter=scatter, view_weight=view_weights(bed, half_life_s=nuclide("Lu-177").half_life_s),
    )  # fmt: skip
    per_mbq = truth["cps_per_MBq_of_one_head_in_air"]
    true = truth["scans"][0]["activity_MBq"]
    ratio = {n: v / per_mbq / true[n] for n, v in zip(found.names, found.values, strict=True) if n in true}
    plain = {n: v / per_mbq / true[n] for n, v in zip(found.names, found.measured, strict=True) if n in true}
    assert set(ratio) >= {"kidney_left", "kidney_right", "liver", "spleen", "lesion_1", "lumbar_l2_l4"}
    for name, value in ratio.items():
        assert value == pytest.approx(1.0, abs=0.10), name
    assert plain["kidney_left"] < 0.80


def test_the_reconstruct_command_takes_the_study(written):
    folder, truth = written
    made = reconstruct_study(
        ReconstructionRequest(files=(folder / "tomo/t024.6h.dcm",), ct=folder / "ct", iterations=2, kvp=120.0)
    )
    assert made.window.name == "photopeak"
    assert made.settings["collimator"] == "siemens-symbia-melp"
    in_field = float(made.scan.image.values.sum()) / made.scan.duration_s / truth["cps_per_MBq_of_one_head_in_air"]
    whole = truth["scans"][0]["activity_MBq"]
    everything = sum(v for k, v in whole.items() if k not in ("kidneys", "lumbar_l2_l4"))
    assert 0.3 * everything < in_field < everything  # the field ends at thorax and pelvis


def test_ge_headers_two_beds_and_dead_time(tmp_path):
    options = ProjectionOptions(
        study=SimulationOptions(anatomy="female", seed=3, voxel_mm=8.0, activity_bq=7e9), camera="ge", beds=2,
        protocol=TomoProtocol(views=8, bins=48, slices=24, bin_mm=9.6, slice_mm=9.6), histories=800, lesion_ml=0.0,
        dead_time_us=2.0,
    )  # fmt: skip
    simulate_projections(tmp_path / "study", options)
    files = sorted((tmp_path / "study/tomo").glob("*.dcm"))
    assert [f.name for f in files] == ["t024.6h-bed1.dcm", "t024.6h-bed2.dcm"]
    beds = read_projections(files)
    assert [bed.collimator for bed in beds] == ["MEGP", "MEGP"]
    assert beds[0].axis_mm == pytest.approx(beds[1].axis_mm)
    overlap = beds[0].last_slice_mm - beds[1].first_slice_mm + 9.6
    assert overlap == pytest.approx(48.0, abs=9.6)
    assert beds[1].started_at > beds[0].started_at
    free = ProjectionOptions(**{**{f: getattr(options, f) for f in options.__slots__}, "dead_time_us": 0.0})
    simulate_projections(tmp_path / "free", free)
    more = read_projections(sorted((tmp_path / "free/tomo").glob("*.dcm")))
    free_view, late_view = (b[0].counts.sum(axis=(0, 2, 3), dtype=np.float64) for b in (more, beds))
    kept = np.exp(-2e-6 * free_view / 40.0)  # paralysable, each head on its own
    assert kept.min() < 0.988
    noise = np.sqrt(2.0 / free_view.sum())
    assert late_view.sum() / free_view.sum() == pytest.approx(
        (free_view * kept).sum() / free_view.sum(), abs=4.0 * noise
    )


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="not empty"):
        simulate_projections(tmp_path, ProjectionOptions(study=STUDY))
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"camera": "philips"}, "no such virtual camera"), ({"beds": 0}, "1 to 4 beds"), ({"hours": ()}, "follow the injection"),
     ({"lesion_ml": -1.0}, "has a volume")],
)  # fmt: skip
def test_impossible_options_are_refused(changed, message):
    with pytest.raises((InputError, QuantityError), match=message):
        ProjectionOptions(study=STUDY, **changed)


def test_lines_of_lutetium_come_from_the_tables():
    """ICRP 107: 208.4 keV first; 249.7 and 321.3 keV reach the upper window."""
    lines = imaged_lines("Lu-177")
    assert all(isinstance(line, GammaLine) for line in lines)
    assert [round(line.energy_kev) for line in lines] == [208, 321, 250]
    assert lines[0].photons_per_decay == pytest.approx(0.110, abs=0.002)


def case_of(**changes):
    """A case whose only SPECT is the projections of `written`."""
    data = {
        "case": {"title": "t", "zone": "Europe/Berlin", "study": "pre-therapy"},
        "patient": {"pseudonym": "VP", "sex": "male", "height_cm": 178, "weight_kg": 76, "age_years": 47,
                    "creatinine_mg_per_dl": 0.8},
        "administration": {
            "agent": "lu177-pentixather", "measured_activity_MBq": 2000.0, "measured_at": "2025-03-03T08:40:00",
            "residual_activity_MBq": 0.0, "residual_measured_at": "2025-03-03T09:25:00",
            "administered_at": "2025-03-03T09:00:00",
        },
        "images": {"ct": "ct", "spect": [{"projections": "tomo/t024.6h.dcm", "iterations": 4, "scatter_filter_mm": 15.0,
                                          "collimator": "siemens-symbia-melp"}]},
        "regions": {"volumes": "regions/seg.dcm"},
        "calibration": {"spect_cps_per_MBq": 12.46, "spect_relative_sd": 0.02},
        "quantification": {"method": "spect", "recovery": "reconstruction"},
        "marrow": {"absorbed_fraction": 0.57},
        "limits": {"kidneys_Gy": 23},
    }  # fmt: skip
    for section, values in changes.items():
        data[section] = data[section] | values
    return parse_case(data, source="test")


def test_a_case_measures_its_projections(written):
    """By the keys of a case file; the sensitivity is that of the cylinder through the same chain (docs)."""
    folder, truth = written
    case = case_of()
    administration = case_administration(case)
    study = read_study(case, folder)
    found = {s.region: s for s in quantify(case, study, administration, folder=folder).series}
    true = truth["scans"][0]["activity_MBq"]
    for name in ("kidney_left", "kidney_right", "liver", "spleen"):
        (sample,) = found[name].samples
        assert sample.activity_bq / 1e6 == pytest.approx(true[name], rel=0.10), name
        assert 0.0 < sample.sd_bq < 0.1 * sample.activity_bq
    assert found["liver"].shared_relative_sd == pytest.approx(np.hypot(0.02, SCATTER_GEOMETRY_RELATIVE_SD))
    plain = case_of(quantification={"recovery": "none"})
    (uncorrected,) = {s.region: s for s in quantify(plain, study, administration).series}["kidney_left"].samples
    assert uncorrected.activity_bq / 1e6 < 0.8 * true["kidney_left"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"images": {"spect": ["tomo/t024.6h.dcm"]}}, "images.spect"),
        ({"images": {"register_spect": "rigid"}}, "images.register_spect"),
        ({"calibration": {"spect_cps_per_MBq": None}}, "calibration.spect_cps_per_MBq"),
        ({"calibration": {"spect_dead_time_us": 2.0}}, "calibration.spect_dead_time_us"),
    ],
)
def test_recovery_by_reconstruction_says_what_it_needs(written, changes, field):
    folder, _ = written
    with pytest.raises(CaseError) as caught:
        activity_from_projections(case_of(**changes), folder, None, None)
    assert caught.value.field == field


def test_the_case_of_projections_is_a_case(written, study_folder):
    """The text of a study with reconstructed SPECT becomes that of its projections, and nothing planar is left."""
    text = (study_folder / "case.toml").read_text(encoding="utf-8")
    made = projection_case(text, tomo=["tomo/a.dcm", "tomo/b.dcm"], cps_per_mbq=12.4583)
    case = parse_case(tomllib.loads(made.replace('method = "hybrid"', 'method = "spect"')), source="test")
    assert [e.files for e in case.images.spect] == [("tomo/a.dcm",), ("tomo/b.dcm",)]
    assert case.images.planar == ()
    assert case.regions.planar is None
    assert case.calibration.spect_cps_per_MBq == 12.458
    assert case.quantification.recovery == "reconstruction"
