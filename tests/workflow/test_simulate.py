"""The virtual study as files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hemadose.errors import HemadoseError
from hemadose.io.case import read_case
from hemadose.io.nifti import write_image
from hemadose.model import Image, Quantity, Sex
from hemadose.physics.phantoms import stylised_adult
from hemadose.workflow.simulate import SimulationOptions, anatomy_of, simulate_study


def test_study_holds_what_a_clinic_has(study_folder):
    case = read_case(study_folder / "case.toml")
    assert len(case.images.planar) == 5
    assert len(case.images.spect) == 1
    for name in ("ct", "probe.csv", "regions/seg.dcm", "regions/rtstruct.dcm", "regions/planar.nii.gz"):
        assert (study_folder / name).exists()
    assert "truth" not in (study_folder / "case.toml").read_text()


def test_truth_conserves_activity(study_folder):
    truth = json.loads((study_folder / "truth/truth.json").read_text())
    parts = sum(
        truth["tia_MBq_h"][n]
        for n in ("kidney_left", "kidney_right", "liver", "spleen", "red_marrow", "remainder", "bladder")
    )
    assert parts == pytest.approx(truth["tia_MBq_h"]["whole_body"], rel=1e-9)
    assert truth["tia_MBq_h"]["lumbar_l2_l4"] == pytest.approx(
        truth["l2_l4_marrow_fraction"] * truth["tia_MBq_h"]["red_marrow"]
    )


def test_uptake_factor_scales_the_truth(tmp_path, study_folder):
    simulate_study(tmp_path / "s", SimulationOptions(seed=11, voxel_mm=6.0, uptake={"kidneys": 1.5}))
    one = json.loads((study_folder / "truth/truth.json").read_text())["tia_MBq_h"]["kidneys"]
    more = json.loads((tmp_path / "s/truth/truth.json").read_text())["tia_MBq_h"]["kidneys"]
    assert more == pytest.approx(1.5 * one)


def test_any_labelled_ct_in_nifti(tmp_path):
    adult = stylised_adult(sex=Sex.FEMALE, voxel_mm=8.0, frame_of_reference_uid="1.2.3")
    organs = {1: "liver", 2: "spleen", 3: "kidney_left", 4: "kidney_right"}
    labels = np.zeros(adult.labels.grid.shape, dtype=np.int16)
    for label, name in organs.items():
        labels[adult.region(name).mask] = label
    table = {t.label: t.hounsfield for t in adult.tissues}
    hounsfield = np.vectorize(table.get)(adult.labels.values).astype(np.int16)
    write_image(Image(values=hounsfield, grid=adult.labels.grid, quantity=Quantity.HOUNSFIELD), tmp_path / "ct.nii.gz")
    write_image(Image(values=labels, grid=adult.labels.grid, quantity=Quantity.LABEL), tmp_path / "labels.nii.gz")
    (tmp_path / "labels.json").write_text(json.dumps({"0": "female", **{str(k): v for k, v in organs.items()}}))
    anatomy, sex = anatomy_of(SimulationOptions(anatomy=tmp_path))
    assert sex is Sex.FEMALE
    assert anatomy.region("liver").volume_ml == pytest.approx(adult.region("liver").volume_ml, rel=0.02)
    assert sum(t.red_marrow_fraction for t in anatomy.tissues) == pytest.approx(1.0)


def test_bad_requests_are_refused(tmp_path):
    with pytest.raises(HemadoseError, match="no labelled CT"):
        anatomy_of(SimulationOptions(anatomy=tmp_path))
    with pytest.raises(HemadoseError, match="implausible activity"):
        simulate_study(tmp_path / "a", SimulationOptions(activity_bq=1.0, voxel_mm=8.0))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/other.txt").write_text("mine")
    with pytest.raises(HemadoseError, match="not empty"):
        simulate_study(tmp_path / "full", SimulationOptions())
    assert (tmp_path / "full/other.txt").exists()
