"""Dose by voxel on a real patient's CT with the published activities; skipped where the data are not at hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hemadose.io.interfile import read_interfile
from hemadose.io.nifti import write_image
from hemadose.model import Image, Quantity
from hemadose.refdata.emissions import emissions
from hemadose.units import HOUR_S, KEV_J
from hemadose.workflow.voxel_activity import ActivityOptions
from hemadose.workflow.voxel_inputs import VoxelRequest
from hemadose.workflow.voxel_results import voxel_answer

DATA = Path(__file__).parents[3] / "shared" / "data" / "lu177-patient"
ORGANS = {
    15000: ("liver", 1167.645), 16000: ("spleen", 3847.511), 17000: ("kidney_left", 2625.665),
    18000: ("kidney_right", 2576.813), 19000: ("lesion_1", 28595.65), 20000: ("lesion_2", 25746.21),
    21000: ("lesion_3", 9210.026667),
}  # fmt: skip
"""Published example: photons of Lu-177 per second and voxel, 0.172688 a decay."""
YIELD = 0.172688
EFFECTIVE_H = {"liver": 75.0, "spleen": 65.0, "kidney_left": 50.0, "kidney_right": 50.0}

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the published patient data are not at hand")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """CT in HU, activity in Bq/ml and labels as NIfTI, right way up."""
    folder = tmp_path_factory.mktemp("patient")
    raw, labels = (
        read_interfile(next(DATA.glob(name)), frame_of_reference_uid="nifti:image", flip_rows=True, flip_slices=True)
        for name in ("*_attn.h33", "*_src.h33")
    )
    hu = np.minimum(np.asarray(raw.values, np.float32) - 1000.0, 3000.0)
    hu[np.asarray(raw.values) >= 2999] = -1000.0  # the bed is no patient
    write_image(Image(values=hu, grid=raw.grid, quantity=Quantity.HOUNSFIELD), folder / "ct.nii.gz")
    active = np.zeros(raw.grid.shape, np.float32)
    for label, (_, rate) in ORGANS.items():
        active[np.asarray(labels.values) == label] = rate / YIELD / raw.grid.voxel_volume_ml
    concentration = Image(values=active, grid=raw.grid, quantity=Quantity.ACTIVITY_CONCENTRATION)
    write_image(concentration, folder / "a.nii.gz")
    held = Image(values=np.asarray(labels.values, np.int32), grid=raw.grid, quantity=Quantity.LABEL)
    write_image(held, folder / "r.nii.gz")
    (folder / "r.json").write_text(json.dumps({str(k): name for k, (name, _) in ORGANS.items()}))
    return folder


def answer_of(files, method, out=None):
    """One image at 24 h with effective half-lives by organ."""
    options = ActivityOptions(hours=(24.0,), half_life_h=100.0, region_half_life_h=EFFECTIVE_H)
    return voxel_answer(
        VoxelRequest(images=(files / "a.nii.gz",), ct=files / "ct.nii.gz", nuclide="Lu-177", regions=files / "r.nii.gz",
                     method=method, activity=options, particles=20_000, out=out)
    )  # fmt: skip


def test_organ_means_are_electrons_by_mass(files):
    """Local: decays x electron energy / mass of a voxel of 1.05 g/ml, by hand (organs of the CT: 0.99-1.11 g/ml)."""
    local = {r["region"]: r for r in answer_of(files, "local")["regions"]}
    lu = emissions("Lu-177")
    for name, rate in ORGANS.values():
        half_s = EFFECTIVE_H.get(name, 100.0) * HOUR_S
        decays = rate / YIELD * 2.0 ** (24.0 * HOUR_S / half_s) * half_s / np.log(2.0)
        voxel_kg = 3.9063 * 3.9063 * 4.4196e-6 * 1.05
        assert local[name]["mean_Gy"] == pytest.approx(decays * lu.electron_energy_kev * KEV_J / voxel_kg, rel=0.06)


@pytest.mark.slow
def test_kernels_move_organ_means_by_little(files, tmp_path_factory, monkeypatch):
    """Lesions of some ml lose electrons and photons over their border (to -20 %), organs gain photons (to +15 %)."""
    monkeypatch.setenv("HEMADOSE_CACHE", str(tmp_path_factory.mktemp("cache")))
    local, kernel = (
        {r["region"]: r["mean_Gy"] for r in answer_of(files, m)["regions"]} for m in ("local", "convolution")
    )
    assert all(0.80 < kernel[name] / local[name] < 1.15 for name in local)
    assert kernel["liver"] > local["liver"]
    assert kernel["lesion_1"] < local["lesion_1"] * 1.02


def test_the_map_lies_the_right_way_round(files, tmp_path):
    """The liver is on the patient's right, the spleen on the left; pictures and maps are written."""
    from hemadose.io.nifti import read_image

    found = answer_of(files, "local", out=tmp_path)
    dose = read_image(tmp_path / "dose.nii.gz", quantity=Quantity.ABSORBED_DOSE, frame_of_reference_uid="x")
    labels = read_image(files / "r.nii.gz", quantity=Quantity.LABEL, frame_of_reference_uid="x")
    middle = {
        name: dose.grid.index_to_mm(np.argwhere((labels.values == k) & (dose.values > 0.0)).mean(axis=0))
        for k, (name, _) in ORGANS.items()
    }
    assert middle["liver"][0] < middle["spleen"][0]  # x rises to the patient's left
    assert middle["kidney_right"][0] < middle["kidney_left"][0]
    assert middle["liver"][1] < middle["kidney_right"][1]  # y rises to the back
    assert {"isodose.svg", "dvh.svg", "dose.nii.gz"} <= {Path(p).name for p in found["written"]}
