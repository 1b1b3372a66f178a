"""`hemadose suv` in a small app: answers, files, options, errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hemadose.cli.suv import register
from hemadose.errors import InputError, QuantityError
from hemadose.imaging.pet.reference_spheres import sphere_region
from hemadose.io.dicom import DicomIdentity
from hemadose.io.dicom.write_pet import write_pet
from hemadose.io.nifti import write_image
from hemadose.model import Grid, Image, Quantity, Sex
from hemadose.model.pet import BodySize, DecayReference, PetScan

STARTED = datetime(2025, 3, 3, 10, tzinfo=UTC)
GRID = Grid.axial(shape=(24, 24, 24), spacing_mm=(5.0,) * 3, origin_mm=(0, 0, 0), frame_of_reference_uid="2.25.9")
ORGANS = {
    "spleen": ((90, 60, 20), 12.0, 5.0),
    "kidney_left": ((90, 60, 55), 12.0, 3.3),
    "kidney_right": ((25, 60, 55), 12.0, 3.3),
    "bladder": ((60, 25, 15), 12.0, 25.0),
    "blood_pool": ((60, 60, 60), 15.0, 1.6),
    "liver": ((28, 60, 20), 20.0, 1.3),
}
BOTH, ONE, OTHER = (60, 60, 100), (25, 90, 95), (95, 95, 95)


def pet(folder, tracer, spots):
    """Spheres of uptake on a background of 0.8."""
    values = np.full(GRID.shape, 0.8)
    for centre, radius, suv in (*ORGANS.values(), *((c, 9.0, s) for c, s in spots.items())):
        values[sphere_region("s", grid=GRID, centre_mm=centre, radius_mm=radius).mask] = suv
    activity = 150e6 * 2.0 ** (-3600.0 / 4062.6)
    scan = PetScan(
        values=values * activity / 75e3,
        grid=GRID,
        measure=None,
        decay=DecayReference.START,
        started_at=STARTED,
        slice_at=(STARTED + timedelta(seconds=60),) * 24,
        frame_duration_s=120.0,
        half_life_s=4062.6,
        injected_activity_bq=150e6,
        injected_at=STARTED - timedelta(minutes=60),
        body=BodySize(weight_kg=75.0, height_cm=178.0, sex=Sex.MALE),
        tracer=tracer,
        nuclide="Ga-68",
        corrections=frozenset({"ATTN", "SCAT"}),
    )
    identity = DicomIdentity(
        pseudonym="VP-9", sex=Sex.MALE, height_cm=178.0, weight_kg=75.0, study_at=STARTED, seed=tracer
    )
    write_pet(scan, folder, identity=identity)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pet")
    pet(folder / "pentixafor", "68Ga-Pentixafor", {BOTH: 9.0, ONE: 6.0})
    pet(folder / "second", "68Ga-FAPI", {BOTH: 6.0, OTHER: 7.0})
    labels = np.zeros(GRID.shape, dtype=np.int16)
    for number, (centre, radius, _) in enumerate(ORGANS.values(), start=1):
        labels[sphere_region("s", grid=GRID, centre_mm=centre, radius_mm=radius).mask] = number
    write_image(Image(values=labels, grid=GRID, quantity=Quantity.LABEL), folder / "organs.nii.gz")
    (folder / "organs.json").write_text(json.dumps({str(n): name for n, name in enumerate(ORGANS, start=1)}))
    (folder / "landmarks.json").write_text('{"c4": [60, 60, 100]}')
    return folder


def run(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    register(app)
    app.command("other")(lambda: None)  # with one command alone, typer drops its name
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["suv", *map(str, arguments)])


def answer(*arguments):
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_uptake_alone_needs_no_regions(study):
    found = answer(study / "pentixafor")
    assert found["measure"] == "SUVbw"
    assert found["tumour"] is None
    assert found["sites"] == []
    assert found["scan"]["injected_activity_MBq"] == pytest.approx(150.0)
    assert found["written"] == []


def test_tumour_sites_and_second_tracer_as_a_person_reads_them(study, tmp_path):
    done = run(
        study / "pentixafor", "--regions", study / "organs.nii.gz", "--landmarks", study / "landmarks.json",
        "--threshold", "41%", "--detect", "4", "--compare", study / "second", "--compare-regions",
        study / "organs.nii.gz", "--exclude", "spleen", "--exclude", "bladder", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    for text in (
        "pentixafor, 60 min after injection; SUVbw in g/ml",
        "Skeletal sites",
        "Lesions, threshold 41 %",
        "Tumour: 2 lesions",
        "Both 1, only pentixafor 1, only 68Ga-FAPI 1",
    ):
        assert text in done.stdout
    assert (tmp_path / "out/figures/concordance.svg").exists()
    assert f"Written: {tmp_path / 'out/suv.json'}" in done.stdout


def test_reference_thresholds(study):
    """Blood pool 1.6 without noise: 2.0 x 1.6 = 3.2; liver 1.5 x 1.3 = 1.95, where the kidneys would count."""
    found = answer(study / "pentixafor", "--regions", study / "organs.nii.gz", "--threshold", "blood")
    assert [round(lesion["threshold_suv"], 3) for lesion in found["tumour"]["lesions"]] == [3.2, 3.2]
    assert found["tumour"]["lesions"][0]["tbr"] == pytest.approx(9.0 / 1.6, rel=1e-3)
    assert any("PERCIST" in note for note in found["notes"])


def test_stated_facts_replace_the_header(study):
    after = answer(
        study / "pentixafor", "--regions", study / "organs.nii.gz", "--activity-MBq", 75,
        "--weight-kg", 60, "--injected-at", "2025-03-03T08:52:17", "--zone", "UTC",
    )  # fmt: skip
    expected = 1.6 * 2 * 60 / 75 * 2.0 ** ((3600 + 463) / 4062.6 - 3600 / 4062.6)
    blood = next(row for row in after["references"] if row["region"] == "blood_pool")
    assert blood["suv_mean"] == pytest.approx(expected, rel=1e-3)
    assert any("stated by the user" in note for note in after["notes"])


def test_measure_and_sex(study):
    found = answer(study / "pentixafor", "--measure", "lbm-james", "--sex", "female", "--height-cm", 170)
    assert found["measure"] == "SUVlbm (James)"
    weight = found["scan"]["weight_kg"]
    lean = 1.07 * weight - 148 * (weight / 170) ** 2
    assert found["provenance"]["uptake"]["normalisation_g"] == pytest.approx(1e3 * lean, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "field"),
    [
        (("--measure", "ibw"), InputError, "--measure"),
        (("--sex", "x"), InputError, "--sex"),
        (("--zone", "Europe/Nowhere"), InputError, "--zone"),
        (("--injected-at", "yesterday"), InputError, "--injected-at"),
        (("--threshold", "many"), InputError, "--threshold"),
        (("--threshold", "4"), InputError, "--regions"),
        (("--weight-kg", "75000"), QuantityError, "weight_kg"),
    ],
)
def test_errors_name_the_option(study, options, error, field):
    done = run(study / "pentixafor", *options)
    assert isinstance(done.exception, error)
    assert done.exception.field == field


def test_a_missing_folder(tmp_path):
    assert "folder with one PET series" in str(run(tmp_path / "nowhere").exception)
