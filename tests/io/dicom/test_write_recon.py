"""Reconstructions written beside their projections: unit, place, time, study, the standard's own checker."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pydicom
import pytest

from hemadose.errors import DicomError
from hemadose.io.dicom import DicomIdentity, read_spect, study_facts, write_ct_series
from hemadose.io.dicom.ct_tube import ct_tube_kv
from hemadose.io.dicom.write_recon import ReconstructionLabel, write_recon
from hemadose.io.dicom.write_tomo import write_tomo
from hemadose.model import Administration, EnergyWindow, Grid, Image, Quantity, Sex, TomographicScan
from hemadose.model.projections import ProjectionSet
from hemadose.refdata.nuclides import nuclide

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
GIVEN = Administration(
    agent="lu177-pentixather",
    nuclide=nuclide("Lu-177"),
    measured_activity_bq=200e6,
    measured_at=NOON,
    residual_activity_bq=2e6,
    residual_measured_at=NOON,
    administered_at=NOON - timedelta(hours=24),
)
IDENTITY = DicomIdentity(pseudonym="VP-1", sex=Sex.MALE, height_cm=180.0, weight_kg=80.0, study_at=NOON, seed="test")
PEAK = EnergyWindow(name="peak", lower_kev=187.2, upper_kev=228.8)
LABEL = ReconstructionLabel(
    description="hemadose OSEM",
    method="OSEM 8 x 4",
    collimator="MELP",
    radius_mm=240.0,
    views=24,
    frame_duration_s=20.0,
)
GRID = Grid.axial(
    shape=(5, 8, 7), spacing_mm=(5.2, 4.8, 4.8), origin_mm=(-30.0, -140.0, -400.0), frame_of_reference_uid="2.25.77"
)


@pytest.fixture
def source(tmp_path):
    made = ProjectionSet(
        counts=np.random.default_rng(1).poisson(9, (1, 24, 5, 7)),
        windows=(PEAK,),
        angle_deg=np.arange(24) * 15.0,
        radius_mm=np.full(24, 240.0),
        bin_mm=4.8,
        slice_mm=5.2,
        frame_duration_s=np.full(24, 20.0),
        started_at=NOON,
        duration_s=240.0,
        nuclide="Lu-177",
        frame_of_reference_uid="2.25.77",
    )
    write_tomo(made, tmp_path / "tomo.dcm", identity=IDENTITY, administration=GIVEN, series_number=3)
    return tmp_path / "tomo.dcm"


def scan(quantity=Quantity.COUNTS):
    values = np.random.default_rng(2).gamma(2.0, 40.0, GRID.shape).astype(np.float32)
    return TomographicScan(
        image=Image(values=values, grid=GRID, quantity=quantity),
        started_at=NOON,
        duration_s=240.0,
        decay_reference_at=NOON,
        corrections=frozenset({"DECY", "ATTN", "SCAT"}),
    )


@pytest.mark.parametrize("quantity", [Quantity.COUNTS, Quantity.ACTIVITY_CONCENTRATION])
def test_round_trip_with_its_unit(tmp_path, source, quantity):
    made = scan(quantity)
    write_recon(made, tmp_path / "r.dcm", sources=[source], window=PEAK, label=LABEL)
    found = read_spect(tmp_path / "r.dcm")
    assert found.image.quantity is quantity
    assert found.image.grid.matches(GRID)
    half_a_step = float(made.image.values.max()) / 65535 / 2
    assert np.abs(found.image.values - made.image.values).max() <= 1.01 * half_a_step
    assert found.duration_s == pytest.approx(240.0)
    assert found.corrections == made.corrections
    assert found.started_at == NOON


def test_it_lands_in_the_same_study(tmp_path, source):
    write_recon(scan(), tmp_path / "r.dcm", sources=[source], window=PEAK, label=LABEL)
    before, after = pydicom.dcmread(source), pydicom.dcmread(tmp_path / "r.dcm")
    for keyword in ("StudyInstanceUID", "PatientID", "FrameOfReferenceUID"):
        assert before[keyword].value == after[keyword].value
    for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
        assert before[keyword].value != after[keyword].value
    assert after.SourceImageSequence[0].ReferencedSOPInstanceUID == before.SOPInstanceUID
    facts, original = study_facts(tmp_path / "r.dcm"), study_facts(source)
    assert facts.patient_digest == original.patient_digest
    assert facts.radionuclide == original.radionuclide == "^177^Lutetium"


def test_uids_follow_from_sources_method_and_values(tmp_path, source):
    def uid(made, label):
        write_recon(made, tmp_path / "r.dcm", sources=[source], window=PEAK, label=label)
        return pydicom.dcmread(tmp_path / "r.dcm").SOPInstanceUID

    first = uid(scan(), LABEL)
    assert uid(scan(), LABEL) == first
    assert uid(scan(), replace(LABEL, method="OSEM 4 x 4")) != first
    other = replace(scan(), image=replace(scan().image, values=scan().image.values[::-1].copy()))
    assert uid(other, LABEL) != first


@pytest.mark.parametrize("quantity", [Quantity.COUNTS, Quantity.ACTIVITY_CONCENTRATION])
def test_written_objects_satisfy_dciodvfy(tmp_path, source, quantity):
    """Debian's dicom3tools; no line may start with Error."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    write_recon(scan(quantity), tmp_path / "r.dcm", sources=[source], window=PEAK, label=LABEL)
    done = subprocess.run(["dciodvfy", str(tmp_path / "r.dcm")], capture_output=True, text=True, check=False)
    assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")] == []


# --- tube voltage -----------------------------------------------------------------------------------


@pytest.fixture
def ct_folder(tmp_path):
    image = Image(values=np.zeros((3, 4, 4), dtype=np.int16), quantity=Quantity.HOUNSFIELD,
                  grid=replace(GRID, shape=(3, 4, 4)))  # fmt: skip
    write_ct_series(image, tmp_path / "ct", identity=IDENTITY, acquired_at=NOON)
    return tmp_path / "ct"


def set_kvp(folder, values):
    for path, value in zip(sorted(folder.iterdir()), values, strict=True):
        d = pydicom.dcmread(path)
        d.KVP = value
        d.save_as(path)
    return folder


def test_tube_voltage(ct_folder):
    assert ct_tube_kv(ct_folder) == 120.0
    assert ct_tube_kv(set_kvp(ct_folder, [130, 130, 130])) == 130.0
    assert ct_tube_kv(set_kvp(ct_folder, [None, None, None])) is None


@pytest.mark.parametrize(("values", "text"), [([80, 140, 80], "different tube voltages"), ([0.12] * 3, "implausible")])
def test_bad_tube_voltages(ct_folder, values, text):
    with pytest.raises(DicomError, match=text):
        ct_tube_kv(set_kvp(ct_folder, values))
