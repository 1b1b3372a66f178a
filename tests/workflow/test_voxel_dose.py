"""Dose by voxel from files: maps, histograms, and what happens with bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from hemadose.errors import GeometryError, HemadoseError, InputError, QuantityError, RegionError
from hemadose.io.dicom.rtdose import read_rtdose
from hemadose.io.nifti import read_image, write_image
from hemadose.model import Grid, Image, Quantity
from hemadose.refdata.emissions import emissions
from hemadose.units import HOUR_S, KEV_J
from hemadose.workflow.voxel_activity import ActivityOptions, without_negatives
from hemadose.workflow.voxel_inputs import VoxelRequest
from hemadose.workflow.voxel_results import voxel_answer

SIDE = 20
GRID = Grid.axial(shape=(SIDE,) * 3, spacing_mm=(5.0,) * 3, origin_mm=(0, 0, 0), frame_of_reference_uid="nifti:image")
LU = emissions("Lu-177")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMADOSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A cube of water in air with an active cube inside, at three times with 50 h half-life."""
    folder = tmp_path_factory.mktemp("voxel")
    hu = np.full((SIDE,) * 3, -1000.0, np.float32)
    hu[2:18, 2:18, 2:18] = 0.0
    write_image(Image(values=hu, grid=GRID, quantity=Quantity.HOUNSFIELD), folder / "ct.nii.gz")
    active = np.zeros((SIDE,) * 3, np.float32)
    active[6:14, 6:14, 6:14] = 1e6
    for hour in (4, 24, 96):
        image = Image(
            values=active * np.float32(0.5 ** (hour / 50.0)), grid=GRID, quantity=Quantity.ACTIVITY_CONCENTRATION
        )
        write_image(image, folder / f"a{hour}.nii.gz")
    labels = np.zeros((SIDE,) * 3, np.int32)
    labels[6:14, 6:14, 6:14] = 1
    labels[0:4, 2:18, 2:18] = 2
    labels[19, 19, 19] = 3
    write_image(Image(values=labels, grid=GRID, quantity=Quantity.LABEL), folder / "r.nii.gz")
    (folder / "r.json").write_text(json.dumps({"1": "lesion_1", "2": "liver"}))
    write_image(Image(values=labels, grid=GRID, quantity=Quantity.LABEL), folder / "out.nii.gz")
    (folder / "out.json").write_text(json.dumps({"3": "spleen"}))
    return folder


def request_of(files, **changes):
    """All three images, local electrons."""
    base = VoxelRequest(
        images=tuple(files / f"a{h}.nii.gz" for h in (4, 24, 96)),
        ct=files / "ct.nii.gz",
        nuclide="Lu-177",
        regions=files / "r.nii.gz",
        method="local",
        activity=ActivityOptions(hours=(4.0, 24.0, 96.0)),
        particles=5_000,
    )
    return replace(base, **changes)


def expected_gy():
    """1 MBq/ml, 50 h, electrons of Lu-177 in water of 1.018 g/ml (0 HU on the published curve)."""
    decays = 1e6 * 50.0 * HOUR_S / np.log(2.0)
    return decays * LU.electron_energy_kev * KEV_J / 1.0179e-3


@pytest.mark.parametrize("curves", ["voxel", "regions"])
def test_local_dose_of_an_even_cube_is_activity_times_energy_by_mass(files, curves):
    """D = A~ E / m, by hand; fits of voxels and scaling by regions agree where all decay alike."""
    options = ActivityOptions(hours=(4.0, 24.0, 96.0), curves=curves)
    row = voxel_answer(request_of(files, activity=options))["regions"][0]
    assert row["mean_Gy"] == pytest.approx(expected_gy(), rel=1e-3)
    assert row["D95_Gy"] == pytest.approx(row["D2_Gy"], rel=1e-4)
    assert row["homogeneity_index"] == pytest.approx(0.0, abs=1e-4)


def test_one_image_with_its_half_life_equals_the_series(files):
    """The same curve from one point and the known half-life."""
    one = request_of(files, images=(files / "a24.nii.gz",), activity=ActivityOptions(hours=(24.0,), half_life_h=50.0))
    assert voxel_answer(one)["regions"][0]["mean_Gy"] == pytest.approx(expected_gy(), rel=1e-3)


@pytest.mark.parametrize("method", ["convolution", "hybrid", "montecarlo"])
def test_methods_agree_inside_an_even_cube(files, method):
    """4 cm of Lu-177 in 8 cm of water: local electrons less 2 % over the border, plus 3-6 % of photons."""
    found = voxel_answer(request_of(files, method=method, decays=200_000, target_sd=0.1))
    row = found["regions"][0]
    assert 0.99 < row["mean_Gy"] / expected_gy() < 1.06
    energy = found["energy_J"]
    assert energy["in_tissue"] + energy["in_air"] < energy["emitted"]
    assert (row["mean_sd_Gy"] > 0.0) == (method != "convolution")


def test_maps_are_written_and_read_back(files, tmp_path):
    """NIfTI holds the map itself; figures, table and answer stand beside it; without DICOM there is no RT Dose."""
    found = voxel_answer(request_of(files, out=tmp_path), now=datetime(2026, 1, 2, tzinfo=UTC))
    assert {p.name for p in tmp_path.iterdir()} == {"dose.nii.gz", "dvh.csv", "dvh.svg", "isodose.svg", "voxel.json"}
    back = read_image(tmp_path / "dose.nii.gz", quantity=Quantity.ABSORBED_DOSE, frame_of_reference_uid="x")
    assert back.values.max() == pytest.approx(expected_gy(), rel=1e-3)
    assert any("no RT Dose" in note for note in found["notes"])
    assert json.loads((tmp_path / "voxel.json").read_text())["method"] == "local"


def test_rt_dose_is_written_beside_a_dicom_ct(files, tmp_path):
    """Patient and frame of reference are those of the CT."""
    from hemadose.io.dicom import write_ct_series
    from hemadose.io.dicom.identity import DicomIdentity
    from hemadose.model import Sex

    identity = DicomIdentity(
        pseudonym="virtual", sex=Sex.FEMALE, height_cm=170.0, weight_kg=60.0,
        study_at=datetime(2026, 1, 1, tzinfo=UTC), seed="voxel",
    )  # fmt: skip
    ct = read_image(files / "ct.nii.gz", quantity=Quantity.HOUNSFIELD, frame_of_reference_uid="1.2.3.4")
    write_ct_series(ct, tmp_path / "ct", identity=identity, acquired_at=datetime(2026, 1, 1, tzinfo=UTC))
    asked = request_of(files, ct=tmp_path / "ct", out=tmp_path / "out")
    with pytest.raises(GeometryError, match="frames of reference"):
        voxel_answer(asked)
    voxel_answer(replace(asked, same_frame=True))
    dose = read_rtdose(tmp_path / "out" / "dose.dcm")
    assert dose.grid.frame_of_reference_uid == "1.2.3.4"
    assert float(dose.values.max()) == pytest.approx(expected_gy(), rel=1e-3)


def test_a_region_that_leaves_the_body_keeps_its_tissue_and_says_so(files):
    """Two of the four slices of the second region are air."""
    found = voxel_answer(request_of(files))
    liver = found["regions"][1]
    assert liver["volume_ml"] == pytest.approx(2 * 16 * 16 * 0.125)
    assert any("liver: 50 %" in note and "left out" in note for note in found["notes"])


def test_a_region_without_tissue_is_refused(files):
    """The corner of the image is air."""
    with pytest.raises(RegionError, match="spleen holds no tissue"):
        voxel_answer(request_of(files, regions=files / "out.nii.gz"))


def test_images_of_another_grid_are_refused(files, tmp_path):
    """A series must be resampled before."""
    other = Grid.axial(
        shape=(4, 4, 4), spacing_mm=(9.0,) * 3, origin_mm=(0, 0, 0), frame_of_reference_uid="nifti:image"
    )
    write_image(
        Image(values=np.ones((4, 4, 4), np.float32), grid=other, quantity=Quantity.ACTIVITY_CONCENTRATION),
        tmp_path / "b.nii.gz",
    )
    images = (files / "a4.nii.gz", tmp_path / "b.nii.gz")
    with pytest.raises(GeometryError, match="share one grid"):
        voxel_answer(request_of(files, images=images, activity=ActivityOptions(hours=(4.0, 24.0))))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "guess"}, "no such method"),
        ({"activity": ActivityOptions(hours=(4.0,))}, "needs its time"),
        ({"activity": ActivityOptions(hours=(4.0, 4.0, 24.0))}, "must rise"),
        ({"activity": ActivityOptions(hours=(4.0, 24.0, 96.0), curves="one")}, "how the activity decays"),
        ({"activity_sd": 3.0}, "relative uncertainty"),
    ],
)
def test_bad_options_are_named(files, changes, message):
    """Each says what was expected."""
    with pytest.raises(HemadoseError, match=message):
        voxel_answer(request_of(files, **changes))


def test_a_half_life_longer_than_the_physical_one_is_refused(files):
    """Lu-177 decays with 159.5 h at least."""
    one = request_of(files, images=(files / "a24.nii.gz",), activity=ActivityOptions(hours=(24.0,), half_life_h=400.0))
    with pytest.raises(InputError, match="not longer than the physical"):
        voxel_answer(one)


def test_activity_that_does_not_decay_is_integrated_with_physical_decay(files):
    """The same image twice: the rate is that of the nuclide, and a note says so."""
    twice = (files / "a24.nii.gz", files / "a24.nii.gz")
    found = voxel_answer(request_of(files, images=twice, activity=ActivityOptions(hours=(4.0, 24.0))))
    assert any("do not decay faster" in note for note in found["notes"])
    assert found["regions"][0]["mean_Gy"] > expected_gy()


def test_few_negative_voxels_become_zero_and_many_are_refused():
    """Interpolation leaves little below zero; more is an error of the images."""
    values, notes = without_negatives(np.array([100.0, -0.1]))
    assert values.tolist() == [100.0, 0.0]
    assert notes
    with pytest.raises(QuantityError, match="negative in many voxels"):
        without_negatives(np.array([100.0, -5.0]))


def test_two_images_have_no_uncertainty_and_say_so(files):
    """Amplitude and rate of two images: nothing left over, neither by voxel nor by region."""
    two = (files / "a24.nii.gz", files / "a96.nii.gz")
    for curves in ("voxel", "regions"):
        options = ActivityOptions(hours=(24.0, 96.0), curves=curves)
        found = voxel_answer(request_of(files, images=two, activity=options))
        assert any("leave nothing over" in note for note in found["notes"])
    many = voxel_answer(request_of(files))
    assert not any("leave nothing over" in note for note in many["notes"])


def test_own_errors_of_voxels_reach_the_histogram(files, tmp_path):
    """5 % noise on each image: D95 has an uncertainty, the mean a smaller one, the map of fits is written."""
    rng = np.random.default_rng(1)
    images = []
    for hour in (4, 24, 96):
        clean = read_image(files / f"a{hour}.nii.gz", quantity=Quantity.ACTIVITY_CONCENTRATION,
                           frame_of_reference_uid="nifti:image")  # fmt: skip
        noisy = clean.values * (1.0 + 0.05 * rng.standard_normal(clean.values.shape, dtype=np.float32))
        images.append(tmp_path / f"n{hour}.nii.gz")
        write_image(Image(values=noisy, grid=GRID, quantity=Quantity.ACTIVITY_CONCENTRATION), images[-1])
    found = voxel_answer(request_of(files, images=tuple(images), out=tmp_path / "out"))
    row = found["regions"][0]
    assert 0.0 < row["mean_sd_Gy"] < row["D95_sd_Gy"] < 0.1 * row["D95_Gy"]
    assert 1.0 <= row["patch_voxels"] < 3.0
    assert row["common_relative_sd"] == 0.0
    assert (tmp_path / "out" / "dose_fit_sd.nii.gz").exists()
    assert (tmp_path / "out" / "dvh.csv").read_text().startswith("region,dose_Gy,dose_sd_Gy,volume_percent")
