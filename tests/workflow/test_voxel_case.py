"""Dose by voxel from a case: calibration, regions, recovery and curves as the plan has them, by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hemadose.errors import CaseError, HemadoseError, RegionError
from hemadose.io.case import read_case
from hemadose.io.nifti import write_image
from hemadose.model import Grid, Image, Quantity
from hemadose.refdata.emissions import emissions
from hemadose.units import HOUR_S, KEV_J
from hemadose.workflow.voxel_activity import ActivityOptions
from hemadose.workflow.voxel_inputs import VoxelRequest
from hemadose.workflow.voxel_results import voxel_answer

SIDE, PITCH_MM = 24, 5.0
GRID = Grid.axial(shape=(SIDE,) * 3, spacing_mm=(PITCH_MM,) * 3, origin_mm=(0, 0, 0), frame_of_reference_uid="nifti:P")
LU = emissions("Lu-177")
CPS_PER_MBQ, DURATION_S, HALF_H = 10.0, 1200.0, 60.0
HOURS = (4, 24, 96, 168)
MBQ_PER_ML = 1.0

CASE = """
[case]
title = "Cubes"
zone = "Europe/Berlin"
[patient]
pseudonym = "P"
sex = "male"
height_cm = 176
weight_kg = 73
[administration]
agent = "lu177-pentixather"
measured_activity_MBq = 7000
measured_at = 2026-01-01T09:00:00
residual_activity_MBq = 1
residual_measured_at = 2026-01-01T10:30:00
administered_at = 2026-01-01T10:00:00
[images]
ct = "ct.nii.gz"
spect = [{spect}]
[regions]
volumes = "r.nii.gz"
[calibration]
spect_cps_per_MBq = 10.0
spect_relative_sd = 0.05
spect_fwhm_mm = 12.0
[quantification]
method = "spect"
recovery = "{recovery}"
volume_relative_sd = 0.0
[marrow]
absorbed_fraction = 0.57
[limits]
kidneys_Gy = 23
{voxel}
"""


def case_in(folder, *, hours=HOURS, recovery="none", voxel=""):
    """Write a case file over the images of the folder."""
    spect = ",".join(
        f'{{ file = "s{h}.nii.gz", quantity = "counts", started_at = {_at(h)}, duration_s = {DURATION_S:g} }}' for h in hours
    )  # fmt: skip
    path = folder / f"case-{abs(hash((hours, recovery, voxel)))}.toml"
    path.write_text(CASE.format(spect=spect, recovery=recovery, voxel=voxel))
    return path


def _at(hours):
    day, hour = divmod(10 + hours, 24)
    return f"2026-01-{1 + day:02d}T{hour:02d}:00:00"


@pytest.fixture(scope="module")
def sharp(tmp_path_factory):
    """A liver of 1 MBq/ml at injection in a cube of water, without blur; 60 h; counts per second and MBq: 10."""
    return written(tmp_path_factory.mktemp("sharp"), 0.0)


@pytest.fixture(scope="module")
def blurred(tmp_path_factory):
    """The same seen with 12 mm."""
    return written(tmp_path_factory.mktemp("blurred"), 12.0)


def written(folder, fwhm_mm):
    """Counts of the mean activity of each scan (its middle), CT and labels."""
    hu = np.full((SIDE,) * 3, -1000.0, np.float32)
    hu[2:22, 2:22, 2:22] = 0.0
    active = np.zeros((SIDE,) * 3, np.float32)
    active[2:22, 2:22, 2:22] = 0.05 * MBQ_PER_ML
    active[7:15, 7:15, 7:15] = MBQ_PER_ML
    seen = gaussian_filter(active, fwhm_mm / 2.3548 / PITCH_MM) if fwhm_mm else active
    for hour in HOURS:
        half = 2.0 ** (-(hour + DURATION_S / 7200.0) / HALF_H)
        counts = seen * GRID.voxel_volume_ml * half * CPS_PER_MBQ * DURATION_S
        write_image(Image(values=counts.astype(np.float32), grid=GRID, quantity=Quantity.COUNTS),
                    folder / f"s{hour}.nii.gz")  # fmt: skip
    labels = np.zeros((SIDE,) * 3, np.int32)
    labels[2:22, 2:22, 2:22] = 2
    labels[7:15, 7:15, 7:15] = 1
    write_image(Image(values=hu, grid=GRID, quantity=Quantity.HOUNSFIELD), folder / "ct.nii.gz")
    write_image(Image(values=labels, grid=GRID, quantity=Quantity.LABEL), folder / "r.nii.gz")
    (folder / "r.json").write_text(json.dumps({"1": "liver"}))
    return folder


def answered(path, **changes):
    """Local electrons."""
    return voxel_answer(VoxelRequest(case=path, method="local", **changes))


def expected_gy():
    """1 MBq/ml at injection, 60 h, electrons of Lu-177, 0 HU = 1.0179 g/ml on the published curve."""
    decays = MBQ_PER_ML * 1e6 * HALF_H * HOUR_S / np.log(2.0)
    return decays * LU.electron_energy_kev * KEV_J / 1.0179e-3


@pytest.mark.parametrize("curves", ["voxel", "regions"])
def test_counts_become_dose_by_hand(sharp, curves):
    """D = A~ E / m from counts, calibration and times of the case; Gy/GBq of the net administered activity."""
    found = answered(case_in(sharp, voxel=f'[voxel]\ncurves = "{curves}"'))
    liver = found["regions"][0]
    assert liver["mean_Gy"] == pytest.approx(expected_gy(), rel=2e-3)
    assert found["administered_GBq"] == pytest.approx(6.999, rel=0.01)
    assert liver["mean_Gy_per_GBq"] == pytest.approx(liver["mean_Gy"] / found["administered_GBq"])
    assert liver["mean_sd_Gy"] >= 0.05 * liver["mean_Gy"] * 0.95  # calibration is shared, and does not average out


def test_recovery_of_the_plan_restores_the_mean_of_a_blurred_organ(blurred):
    """12 mm takes a fifth out of a cube of 4 cm; the geometric transfer matrix of the case brings it back to 3 %."""
    raw = answered(case_in(blurred, recovery="geometric_transfer"))["regions"][0]
    path = case_in(blurred, recovery="geometric_transfer", voxel='[voxel]\npartial_volume = "regions"')
    found = answered(path)
    restored = found["regions"][0]
    assert raw["mean_Gy"] < 0.88 * expected_gy()
    assert restored["mean_Gy"] == pytest.approx(expected_gy(), rel=0.03)
    assert any("after recovery correction (liver 1." in note for note in found["notes"])
    total = answered(case_in(blurred, recovery="geometric_transfer"))["decays"]
    assert found["decays"] == pytest.approx(total, rel=1e-4)  # what the organ gains the rest gives


def test_the_command_line_wins_over_the_case(sharp):
    """Method, and levels, of the request."""
    path = case_in(
        sharp, voxel='[voxel]\nmethod = "montecarlo"\ndose_levels_Gy = [1.0]\neud_exponent = { liver = 1.0 }'
    )
    found = answered(path, dose_levels_gy=(3.0,))
    assert found["method"] == "local"
    assert "V3Gy_percent" in found["regions"][0]
    assert "V1Gy_percent" not in found["regions"][0]
    assert found["regions"][0]["gEUD_Gy"] == pytest.approx(found["regions"][0]["mean_Gy"])


@pytest.mark.parametrize(
    ("hours", "voxel", "message"),
    [
        ((24,), "", "two SPECT at least"),
        ((24,), '[voxel]\ncurves = "regions"', "measured once only"),
        (HOURS, '[voxel]\nphase = 2', "voxel.phase"),
        (HOURS, '[voxel]\nphases = 3', "voxel.phases"),
        (HOURS, '[voxel]\ncurves = "regions"\nphases = 2', "phases belongs to curves = voxel"),
        (HOURS, '[voxel]\ntarget_sd = 2', "voxel.target_sd"),
    ],
)  # fmt: skip
def test_what_a_choice_lacks_is_named(sharp, hours, voxel, message):
    """One SPECT has no curve; unknown and unfitting keys."""
    with pytest.raises(HemadoseError, match=message):
        answered(case_in(sharp, hours=hours, voxel=voxel))


def test_a_case_and_images_are_not_mixed(sharp):
    """The case names them itself."""
    with pytest.raises(CaseError, match="names images, CT, regions"):
        answered(case_in(sharp), images=(sharp / "s4.nii.gz",))
    with pytest.raises(CaseError) as refused:
        answered(case_in(sharp), activity_sd=0.1, same_frame=True)
    assert refused.value.field == "--same-frame, --activity-sd"
    with pytest.raises(CaseError, match="curves of voxels or of regions"):
        answered(case_in(sharp), activity=ActivityOptions(curves="integrated"))
    with pytest.raises(CaseError, match="not found"):
        read_case(sharp / "none.toml")


def test_spect_of_another_grid_is_refused(sharp, tmp_path):
    """Regions lie on the first one; without registration a second grid has no meaning."""
    other = Grid.axial(shape=(10, 12, 12), spacing_mm=(8.0,) * 3, origin_mm=(0, 0, 0), frame_of_reference_uid="nifti:P")
    for item in sharp.iterdir():
        (tmp_path / item.name).write_bytes(item.read_bytes())
    write_image(Image(values=np.ones((10, 12, 12), np.float32), grid=other, quantity=Quantity.COUNTS),
                tmp_path / "s24.nii.gz")  # fmt: skip
    with pytest.raises(CaseError, match="SPECT 2 lies on another grid"):
        answered(case_in(tmp_path))


def test_overlapping_regions_are_refused_in_a_case_and_told_on_the_command_line(sharp, tmp_path):
    """The plan's sums need disjoint organs; histograms alone do not, but say so."""
    from hemadose.model import Region
    from hemadose.workflow.voxel_inputs import region_notes

    whole = np.zeros((SIDE,) * 3, dtype=bool)
    whole[5:12, 5:12, 5:12] = True
    other = np.roll(whole, 3, axis=0)
    pair = tuple(Region(name=n, mask=m, grid=GRID) for n, m in (("liver", whole), ("spleen", other)))
    assert "liver and spleen share 196 voxels (57 % of the smaller one)" in region_notes(pair)[0]
    assert region_notes(pair[:1]) == []
    nested = Region(name="marrow_sphere_l2", mask=whole, grid=GRID)
    assert region_notes((nested, Region(name="lumbar_l2_l4", mask=whole, grid=GRID))) == []
    from hemadose.model.region import require_disjoint

    with pytest.raises(RegionError, match=r"overlap|share"):
        require_disjoint(pair)


def test_curves_that_rise_after_the_first_image_are_told(sharp, tmp_path):
    """Uptake: the first image at half of its value; one exponential cannot follow and says so, two do not."""
    from hemadose.io.nifti import read_image

    for item in sharp.iterdir():
        (tmp_path / item.name).write_bytes(item.read_bytes())
    first = read_image(sharp / "s4.nii.gz", quantity=Quantity.COUNTS, frame_of_reference_uid="nifti:P")
    write_image(
        Image(values=first.values * np.float32(0.5), grid=GRID, quantity=Quantity.COUNTS), tmp_path / "s4.nii.gz"
    )
    one = answered(case_in(tmp_path))
    assert any("still rises after the first image in liver" in n for n in one["notes"])
    two = answered(case_in(tmp_path, voxel="[voxel]\nphases = 2"))
    assert not any("still rises" in n for n in two["notes"])
    assert not any("still rises" in n for n in answered(case_in(sharp))["notes"])


def test_lung_receives_more_from_the_same_activity(sharp, tmp_path):
    """-741 HU is 0.26 g/ml on the published curve: local dose goes by mass, and the organ is no air."""
    from hemadose.imaging.regions.density import mass_density_g_per_ml
    from hemadose.io.nifti import read_image

    for item in sharp.iterdir():
        (tmp_path / item.name).write_bytes(item.read_bytes())
    hu = np.array(
        read_image(sharp / "ct.nii.gz", quantity=Quantity.HOUNSFIELD, frame_of_reference_uid="nifti:P").values
    )
    hu[7:15, 7:15, 7:15] = -741.0
    write_image(Image(values=hu, grid=GRID, quantity=Quantity.HOUNSFIELD), tmp_path / "ct.nii.gz")
    density = float(mass_density_g_per_ml(-741.0))
    assert 0.2 < density < 0.3
    liver = answered(case_in(tmp_path))["regions"][0]
    assert liver["mean_Gy"] == pytest.approx(expected_gy() * 1.0179 / density, rel=2e-3)


def test_blur_over_the_skin_is_told(blurred, sharp):
    """12 mm blur puts activity beyond the body; sharp activity does not; thin voxels are named where there are any."""
    from hemadose.physics.voxel_dose.matter import patient_matter
    from hemadose.physics.voxel_dose.result import VoxelDose
    from hemadose.workflow.voxel_dose import skin_note

    assert any("decays lie in voxels of air" in n for n in answered(case_in(blurred))["notes"])
    assert not any("decays lie in voxels of air" in n for n in answered(case_in(sharp))["notes"])
    density = np.zeros((9, 9, 9), np.float32)
    density[1:8, 1:8, 1:8] = 0.2
    density[2:7, 2:7, 2:7] = 1.0
    matter = patient_matter(density, voxel_mm=(5.0,) * 3)

    def noted(skin):
        dose = np.where(density > 0.5, 1.0, np.where(density > 0.0, skin, 0.0)).astype(np.float32)
        made = VoxelDose(method="local", dose_gy=dose, sd_gy=np.zeros_like(dose), emitted_j=1.0, deposited_j=1.0,
                         in_air_j=0.0, region_sd_gy={})  # fmt: skip
        return skin_note(made, matter)

    assert "reach 3 Gy: blurred activity" in noted(3.0)[0]
    assert noted(0.2) == []
