"""A virtual pentixafor and FDG study from DICOM to lesions, sites and concordance; inputs that must be refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hemadose.errors import DicomError, GeometryError, InputError, RegionError
from hemadose.io.dicom import DicomIdentity
from hemadose.io.dicom.write_pet import write_pet
from hemadose.io.nifti import read_image, write_image
from hemadose.model import Grid, Image, Quantity, Sex
from hemadose.model.pet import BodySize, DecayReference, PetScan, SuvMeasure
from hemadose.simulate.pet_scanner import PetScanner
from hemadose.workflow.pet import SuvRequest, measure_pet, suv_answer
from hemadose.workflow.pet_burden import asked_burden, percist_note
from hemadose.workflow.pet_inputs import canonical, read_landmarks, read_pet_regions, read_transform
from hemadose.workflow.pet_results import study_answer, write_study
from hemadose.workflow.pet_simulation import PetSimulationOptions, simulate_pet

SCANNER = PetScanner(voxel_mm=5.5, slice_mm=8.0)
FIELD_MM = (-95.0, 850.0)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pet") / "study"
    simulate_pet(
        folder, PetSimulationOptions(voxel_mm=9.0, scanner=SCANNER, with_fdg=True, seed=5, between_mm=FIELD_MM)
    )
    return folder


def request_of(study, **changes) -> SuvRequest:
    facts = {
        "pet": study / "pentixafor",
        "regions": study / "regions/pentixafor.dcm",
        "landmarks": study / "landmarks.json",
        "threshold": "4",
    }
    return SuvRequest(**(facts | changes))


@pytest.fixture(scope="module")
def measured(study):
    return measure_pet(request_of(study, compare=study / "fdg", compare_regions=study / "regions/fdg.dcm"))


@pytest.fixture(scope="module")
def truth(study):
    return json.loads((study / "truth/pentixafor.json").read_text())


def test_every_lesion_is_found_once(measured, truth):
    lesions = measured.first.burden.lesions
    assert len(lesions) == len(truth["lesions"])
    ordered = sorted(truth["lesions"], key=lambda row: -row["centre_mm"][2])
    for lesion, true in zip(lesions, ordered, strict=True):
        assert lesion.region.centroid_mm == pytest.approx(true["centre_mm"], abs=3.0)


def asked(measured, study, **changes):
    first = measured.first
    return asked_burden(request_of(study, **changes), first.suv, first.tracer, first.regions, first.references)


@pytest.mark.parametrize(
    ("threshold", "detection", "volume", "total"),
    [
        ("41%", "4", (0.9, 1.2), (0.8, 1.0)),
        ("50%", "4", (0.7, 1.0), (0.65, 0.95)),
        ("4", None, (1.0, 1.25), (0.85, 1.05)),
    ],
)
def test_tumour_volume_near_the_truth(measured, study, truth, threshold, detection, volume, total):
    """41 % of the maximum of blurred spheres gives about their volume; SUV 4 more, 50 % less."""
    burden = asked(measured, study, threshold=threshold, detection=detection)
    assert volume[0] < burden.volume_ml / truth["tumour_volume_ml"] < volume[1]
    assert total[0] < burden.total_uptake / truth["total_lesion_uptake_SUV_ml"] < total[1]


def test_organs_and_references(measured):
    """Medians put in: liver 1.28, blood pool 1.66; the spleen loses some to blurring."""
    assert measured.first.references["liver"].suv_mean == pytest.approx(1.28, rel=0.05)
    assert measured.first.references["blood_pool"].suv_mean == pytest.approx(1.66, rel=0.02)
    assert 4.0 < measured.first.uptake["spleen"].suv_mean < 5.2
    assert measured.first.tracer == "pentixafor"


def test_skeletal_sites(measured):
    """Disease was put into T5, L5 and the left ilium, not into C4, skull base and the right ilium."""
    found = {s.site: s.uptake.suv_max for s in measured.sites}
    assert min(found[s] for s in ("t5", "l5", "ilium_left")) > 8.0
    assert max(found[s] for s in ("skull_base", "c4", "ilium_right")) < 3.0


def test_two_tracers(measured):
    """Three sites in both, two in pentixafor alone, one in FDG alone, as simulated."""
    kinds = [site.concordance.value for site in measured.comparison.sites]
    assert sorted(kinds) == ["both"] * 3 + ["first_only"] * 2 + ["second_only"]
    assert measured.comparison.seen_by_more == "first"
    groin = next(s for s in measured.comparison.sites if s.first == ("lesion_5",))
    assert groin.ratio == pytest.approx(7.0 / 15.0, rel=0.25)
    assert measured.second.tracer == "fdg"


def test_answer_and_files(measured, study, tmp_path):
    answer = study_answer(measured, request_of(study), {"pet": "0" * 64})
    answer["written"] = write_study(measured, answer, tmp_path / "out", top_suv=10.0)
    stored = json.loads((tmp_path / "out/suv.json").read_text())
    assert stored["tumour"] == json.loads(json.dumps(answer["tumour"]))
    assert answer["scan"]["uptake_time_min"] == pytest.approx(60.0)
    assert answer["tumour"]["lesions"][0]["tbr"] == pytest.approx(
        answer["tumour"]["lesions"][0]["suv_max"] / answer["references"][1]["suv_mean"]
    )
    names = {path.rsplit("/", 1)[-1] for path in answer["written"]}
    assert names >= {"lesions.csv", "sites.csv", "comparison.csv", "mip.svg", "sites.svg", "concordance.svg"}
    labels = read_image(tmp_path / "out/lesions.nii.gz", quantity=Quantity.LABEL, frame_of_reference_uid="2.25.57")
    assert labels.values.max() == answer["tumour"]["count"]
    assert np.count_nonzero(labels.values) * labels.grid.voxel_volume_ml == pytest.approx(
        answer["tumour"]["volume_ml"], rel=1e-6
    )


# --- what must be refused ---------------------------------------------------------------------------------


def test_physiological_uptake_is_never_tumour_in_silence(measured, study):
    first = measured.first
    with pytest.raises(InputError, match=r"counted as tumour.*spleen, kidney_left, kidney_right, bladder"):
        asked_burden(request_of(study), first.suv, first.tracer, (), {})
    everything = asked_burden(request_of(study, exclude=("none",)), first.suv, first.tracer, (), {})
    assert len(everything.lesions) > 5
    partly = asked(measured, study, exclude=("spleen", "urinary bladder"))
    assert len(partly.lesions) == 5  # kidneys stay below SUV 4 in this pattern
    with pytest.raises(InputError, match="pancreas"):
        asked(measured, study, exclude=("pancreas",))


def test_percist_thresholds_off_label_are_a_doubt(study):
    assert "PERCIST" in percist_note(request_of(study, threshold="liver"), "pentixafor")[0]
    assert percist_note(request_of(study, threshold="liver", measure=SuvMeasure.LBM_JAMES), "fdg") == ()
    assert percist_note(request_of(study, threshold="4"), "pentixafor") == ()


GRID = Grid.axial(shape=(6, 8, 8), spacing_mm=(5.0,) * 3, origin_mm=(0, 0, 0), frame_of_reference_uid="2.25.9")


def tiny(folder, *, pseudonym="VP-9", **changes):
    """A PET of 6 slices with one hot spot."""
    started = datetime(2025, 3, 3, 10, tzinfo=UTC)
    values = np.full(GRID.shape, 2e3)
    values[2:4, 3:6, 3:6] = 4e4
    facts = {
        "values": values,
        "grid": GRID,
        "measure": None,
        "decay": DecayReference.START,
        "started_at": started,
        "slice_at": (started + timedelta(seconds=60),) * 6,
        "frame_duration_s": 120.0,
        "half_life_s": 4062.6,
        "injected_activity_bq": 150e6,
        "injected_at": started - timedelta(minutes=60),
        "body": BodySize(weight_kg=75.0, height_cm=178.0, sex=Sex.MALE),
        "tracer": "68Ga-Pentixafor",
        "nuclide": "Ga-68",
        "corrections": frozenset({"ATTN", "SCAT"}),
    }
    identity = DicomIdentity(
        pseudonym=pseudonym, sex=Sex.MALE, height_cm=178.0, weight_kg=75.0, study_at=started, seed=str(folder)
    )
    write_pet(PetScan(**(facts | changes)), folder, identity=identity)
    return folder


def test_lean_body_mass_changes_every_number_alike(tmp_path):
    pet = tiny(tmp_path / "pet")
    by_weight = measure_pet(SuvRequest(pet=pet))
    lean = measure_pet(SuvRequest(pet=pet, measure=SuvMeasure.LBM_JANMAHASATIAN))
    assert lean.first.suv.values.max() / by_weight.first.suv.values.max() == pytest.approx(58.9545 / 75.0, rel=1e-4)
    assert lean.first.burden is None


def test_unknown_tracer_must_say_what_to_leave_out(tmp_path):
    pet = tiny(tmp_path / "pet", tracer="68Ga-PSMA-11")
    with pytest.raises(InputError, match=r"not known for this tracer.*PSMA"):
        measure_pet(SuvRequest(pet=pet, threshold="4"))
    assert len(measure_pet(SuvRequest(pet=pet, threshold="4", exclude=("none",))).first.burden.lesions) == 1


def test_half_life_of_another_nuclide(tmp_path):
    """Ga-68 by name, F-18 by half-life: the scanner corrected with the wrong one."""
    with pytest.raises(DicomError, match=r"not that of Ga-68.*6586"):
        measure_pet(SuvRequest(pet=tiny(tmp_path / "pet", half_life_s=6586.2)))
    measure_pet(SuvRequest(pet=tiny(tmp_path / "fdg", half_life_s=6586.2, nuclide="F-18")))


def test_two_patients_are_not_compared(tmp_path):
    one, two = tiny(tmp_path / "one"), tiny(tmp_path / "two", pseudonym="VP-10")
    request = SuvRequest(pet=one, compare=two, threshold="4", exclude=("none",))
    with pytest.raises(DicomError, match="different patients"):
        measure_pet(request)
    same = measure_pet(SuvRequest(pet=one, compare=one, threshold="4", exclude=("none",)))
    assert [site.ratio for site in same.comparison.sites] == [1.0]


def test_comparison_needs_lesions(tmp_path):
    pet = tiny(tmp_path / "pet")
    with pytest.raises(InputError, match="none were asked for"):
        measure_pet(SuvRequest(pet=pet, compare=pet))


def test_regions_of_another_frame(study, tmp_path):
    with pytest.raises(GeometryError, match="another frame of reference"):
        measure_pet(SuvRequest(pet=tiny(tmp_path / "pet"), regions=study / "regions/pentixafor.dcm"))


def test_the_answer_names_its_inputs(tmp_path):
    answer = suv_answer(SuvRequest(pet=tiny(tmp_path / "pet"), threshold="4", exclude=("none",)), out=tmp_path / "out")
    assert len(answer["provenance"]["inputs"]["pet"]) == 64
    assert answer["provenance"]["burden"]["excluded"] == ""
    assert (tmp_path / "out/figures/mip.svg").exists()


# --- inputs -----------------------------------------------------------------------------------------------


def test_nifti_labels_of_the_ct_grid(study, tmp_path, measured):
    """A label map with other voxels is taken at the centre of each PET voxel; the aorta is the blood pool."""
    pet = measured.first.scan.grid
    fine = Grid.axial(
        shape=tuple(2 * n for n in pet.shape),
        spacing_mm=tuple(s / 2 for s in pet.spacing_mm),
        origin_mm=tuple(float(v) for v in pet.index_to_mm([-0.25, -0.25, -0.25])),
        frame_of_reference_uid=pet.frame_of_reference_uid,
    )
    named = {r.name: r for r in measured.first.regions}
    labels = np.zeros(fine.shape, dtype=np.int16)
    for number, name in enumerate(("spleen", "blood_pool"), start=1):
        labels[np.repeat(np.repeat(np.repeat(named[name].mask, 2, 0), 2, 1), 2, 2)] = number
    write_image(Image(values=labels, grid=fine, quantity=Quantity.LABEL), tmp_path / "labels.nii.gz")
    (tmp_path / "labels.json").write_text('{"1": "Spleen", "2": "aorta"}')
    found = {r.name: r for r in read_pet_regions(tmp_path / "labels.nii.gz", reference=pet)}
    assert set(found) == {"spleen", "blood_pool"}
    for name, region in found.items():
        assert (region.mask == named[name].mask).all()


def test_regions_that_miss_the_pet(tmp_path):
    away = Grid.axial(shape=(4, 4, 4), spacing_mm=(5.0,) * 3, origin_mm=(5e3, 0, 0), frame_of_reference_uid="1")
    write_image(Image(values=np.ones((4, 4, 4), np.int16), grid=away, quantity=Quantity.LABEL), tmp_path / "l.nii")
    (tmp_path / "l.json").write_text('{"1": "spleen"}')
    with pytest.raises(RegionError, match="none of the regions"):
        read_pet_regions(tmp_path / "l.nii", reference=GRID)


def test_landmarks_and_transforms(tmp_path):
    good = tmp_path / "points.json"
    good.write_text('{"C4": [1, 2, 3]}')
    assert read_landmarks(good) == {"c4": (1.0, 2.0, 3.0)}
    for text in ("[1, 2]", '{"c4": [1, 2]}', '{"c4": "x"}', "{", '{"c4": [1, 2, NaN]}'):
        good.write_text(text)
        with pytest.raises(InputError, match="no landmarks"):
            read_landmarks(good)
    matrix = tmp_path / "t.json"
    matrix.write_text("[[1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]")
    assert read_transform(matrix)[0, 3] == 5.0
    for text in ("1 2 3", "a b", "[[1, 0], [0, 1]]"):
        matrix.write_text(text)
        with pytest.raises(InputError, match="4 x 4"):
            read_transform(matrix)
    for read in (read_landmarks, read_transform):
        with pytest.raises(InputError, match="not found"):
            read(tmp_path / "nowhere")


def test_simulation_does_not_overwrite(study):
    with pytest.raises(InputError, match="not empty"):
        simulate_pet(study, PetSimulationOptions())


def test_names():
    assert canonical("Left kidney") == "kidney_left"
