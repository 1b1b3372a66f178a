"""Calibration experiments from files to numbers, each with a truth that was put in."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hemadose.errors import CaseError, FitError, HemadoseError, InputError, QuantityError, TimingError
from hemadose.imaging.calibration.recovery_forms import NEMA_DIAMETERS_MM
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.imaging.recovery import sphere_recovery
from hemadose.io.case import CalibrationSection
from hemadose.io.dicom.identity import DicomIdentity
from hemadose.io.nifti import write_image
from hemadose.model import Grid, Image, Quantity, Sex
from hemadose.refdata.nuclides import nuclide
from hemadose.workflow.calibrate import (
    calibrate_cross,
    calibrate_dead_time,
    calibrate_planar,
    calibrate_spect,
    calibrate_spheres,
    write_answer,
)

NOON = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
LU = nuclide("Lu-177")
FWHM_PER_SIGMA = 2.354820045
SOURCE = """
nuclide = "Lu-177"
activity_MBq = 100.0
measured_at = 2025-03-03T12:00:00Z
dose_calibrator_relative_sd = 0.02
"""


def activity_mbq(start, duration=0.0):
    mean = LU.decay_factor((start - NOON).total_seconds()) * 100.0
    x = LU.decay_constant_per_s * duration
    return mean * (-np.expm1(-x) / x if x else 1.0)


def write(path, text):
    path.write_text(text)
    return path


def case_lines(result):
    """What the snippet says, checked by the case file's own schema."""
    section = tomllib.loads(result.snippet).get("calibration", {})
    CalibrationSection.model_validate(section)
    return section


# planar


def planar_file(tmp_path, rows, **more):
    header = "head,started_at,duration_s,counts" + "".join(f",{k}" for k in rows[0] if k not in
        ("head", "started_at", "duration_s", "counts"))  # fmt: skip
    lines = [",".join(str(v) for v in row.values()) for row in rows]
    write(tmp_path / "runs.csv", "\n".join([header, *lines]))
    extra = "".join(f"{k}\n" for k in more.pop("extra", []))
    return write(tmp_path / "planar.toml", f'table = "runs.csv"\n{extra}[source]{SOURCE}' + more.pop("tail", ""))


def test_planar_table_with_scatter_and_dead_time(tmp_path):
    """9 and 8.5 cps/MBq on two heads; triple-energy window (PL3 widths); 3 us; known exactly before rounding."""
    camera = DeadTime(paralysable_s=3e-6)
    start = NOON + timedelta(hours=1)
    rows = []
    for head, cps in (("1", 9.0), ("2", 8.5)):
        true = cps * activity_mbq(start, 600.0)
        primary_share = 0.828
        peak_rate = float(camera.observed_per_s(true / primary_share))
        scatter = (1.0 - primary_share) * peak_rate * 600.0
        lower = scatter / 172.0 * 260.0
        upper = scatter / 172.0 * 40.0
        rows.append(
            {"head": head, "started_at": start.isoformat(), "duration_s": 600, "counts": peak_rate * 600.0,
             "lower_counts": lower, "upper_counts": upper}
        )  # fmt: skip
    path = planar_file(
        tmp_path,
        rows,
        tail="[windows]\npeak_keV = 24.96\nlower_keV = 20.8\nupper_keV = 31.2\n[dead_time]\nparalysable_us = 3.0\n",
    )
    result = calibrate_planar(path)
    assert result.answer["sensitivity"]["cps_per_MBq"] == pytest.approx(np.sqrt(9.0 * 8.5), rel=1e-6)
    assert [h["cps_per_MBq"] for h in result.answer["heads"]] == pytest.approx([9.0, 8.5], rel=1e-6)
    assert result.answer["sensitivity"]["relative_sd"] == pytest.approx(0.02, rel=0.05)
    section = case_lines(result)
    assert section["planar_cps_per_MBq"] == pytest.approx(np.sqrt(76.5), rel=1e-4)
    assert section["planar_relative_sd"] == pytest.approx(result.answer["sensitivity"]["relative_sd"], abs=1e-4)
    written = write_answer(result, tmp_path / "out")
    assert [p.name for p in written] == ["planar.json", "planar.toml", "planar.svg"]
    assert all(p.stat().st_size > 50 for p in written)
    assert b"<svg" in written[2].read_bytes()[:400]


def test_planar_from_nm_images(tmp_path):
    """A static NM image of 6 cps/MBq with a flat TEW background, written and read as DICOM."""
    from hemadose.io.dicom.planar import write_planar
    from hemadose.model import Administration, EnergyWindow, PlanarFrame, PlanarScan, View

    start = NOON + timedelta(hours=2)
    windows = [
        (EnergyWindow(name="peak", lower_kev=195.52, upper_kev=220.48), 24.96),
        (EnergyWindow(name="low", lower_kev=174.72, upper_kev=195.52), 20.8),
        (EnergyWindow(name="high", lower_kev=220.48, upper_kev=251.68), 31.2),
    ]
    net = 6.0 * activity_mbq(start, 300.0) * 300.0
    spot = np.zeros((32, 32))
    spot[14:18, 14:18] = net / 16
    frames = []
    for view in (View.ANTERIOR, View.POSTERIOR):
        for window, width in windows:
            flat = np.full((32, 32), round(2.0 * width))
            frames.append(
                PlanarFrame(counts=np.rint(flat + (spot if window.name == "peak" else 0)), view=view, window=window)
            )
    scan = PlanarScan(
        frames=tuple(frames), pixel_spacing_mm=(4.8, 4.8), pixel_dwell_s=300.0, started_at=start, duration_s=400.0
    )
    injection = Administration(
        agent="lu177-pentixather", nuclide=LU, measured_activity_bq=100e6, measured_at=NOON,
        residual_activity_bq=0.0, residual_measured_at=NOON, administered_at=NOON,
    )  # fmt: skip
    identity = DicomIdentity(
        pseudonym="phantom", sex=Sex.MALE, height_cm=170.0, weight_kg=70.0, study_at=start, seed="calibration"
    )
    write_planar(scan, tmp_path / "head.dcm", identity=identity, administration=injection, series_number=1)
    path = write(tmp_path / "planar.toml", f'zone = "UTC"\nimages = ["head.dcm"]\n[source]{SOURCE}')
    result = calibrate_planar(path)
    assert {h["head"] for h in result.answer["heads"]} == {"anterior", "posterior"}
    assert result.answer["sensitivity"]["cps_per_MBq"] == pytest.approx(6.0, rel=0.02)


def test_planar_refuses_with_file_and_field(tmp_path):
    row = {"head": "1", "started_at": "2025-03-03T13:00:00Z", "duration_s": 60, "counts": 5e4}
    with pytest.raises(InputError, match="dose_calibrator_relative_sd: is missing"):
        calibrate_planar(
            write(tmp_path / "a.toml", 'table = "runs.csv"\n[source]\nnuclide = "Lu-177"\nactivity_MBq = 5\n'
                  "measured_at = 2025-03-03T12:00:00Z\n")
        )  # fmt: skip
    with pytest.raises(InputError, match="either table or images"):
        calibrate_planar(write(tmp_path / "b.toml", f"[source]{SOURCE}"))
    with pytest.raises(InputError, match="not a known key"):
        calibrate_planar(write(tmp_path / "c.toml", f'table = "runs.csv"\nspeed = 3\n[source]{SOURCE}'))
    with pytest.raises(TimingError, match="no zone"):
        calibrate_planar(planar_file(tmp_path, [row | {"started_at": "2025-03-03T13:00:00"}]))
    with pytest.raises(QuantityError, match="line 2") as said:
        calibrate_planar(planar_file(tmp_path, [row | {"counts": "many"}]))
    assert "runs.csv" in str(said.value)
    with pytest.raises(InputError, match="not found"):
        calibrate_planar(tmp_path / "absent.toml")
    with pytest.raises(CaseError, match="widths"):
        calibrate_planar(planar_file(tmp_path, [row | {"lower_counts": 10, "upper_counts": 10}]))
    with pytest.raises(HemadoseError, match="no data for the nuclide"):
        calibrate_planar(
            write(tmp_path / "d.toml", f'table = "runs.csv"\n[source]{SOURCE.replace("Lu-177", "Xx-1")}')
        )  # fmt: skip


# SPECT


def phantom_image(tmp_path, mask_of, mbq, *, cf=9.0, fwhm=12.0, spacing=4.0, shape=(56, 56, 56), name="spect.nii.gz"):
    grid = Grid.axial(
        shape=shape, spacing_mm=(spacing,) * 3, origin_mm=tuple(-spacing * (n - 1) / 2 for n in shape[::-1]),
        frame_of_reference_uid="1.2.3",
    )  # fmt: skip
    z, y, x = np.moveaxis(grid.index_to_mm(np.moveaxis(np.indices(shape), 0, -1)), -1, 0)[::-1]
    mask = mask_of(x, y, z)
    counts = mask * (mbq * cf * 1200.0 / mask.sum())
    blurred = gaussian_filter(counts, fwhm / FWHM_PER_SIGMA / spacing, truncate=5.0)
    write_image(Image(values=blurred.astype(np.float32), grid=grid, quantity=Quantity.COUNTS), tmp_path / name)
    return float(mask.sum() * grid.voxel_volume_ml)


START = NOON + timedelta(hours=3)
TIMES = "started_at = 2025-03-03T15:00:00Z\nduration_s = 1200.0\n"


def test_cylinder_and_sphere_images_agree(tmp_path):
    """9 cps/MBq in both phantoms: factors, their comparison with a common dose calibrator, lines for the case."""
    mbq = activity_mbq(START, 1200.0)
    volume = phantom_image(
        tmp_path, lambda x, y, z: (np.hypot(x, y) <= 80) & (np.abs(z) <= 80), mbq, name="cylinder.nii.gz"
    )
    phantom_image(tmp_path, lambda x, y, z: x**2 + y**2 + z**2 <= 30**2, mbq, name="sphere.nii.gz")
    path = write(
        tmp_path / "spect.toml",
        f"""[source]{SOURCE}
[cylinder]
volume_ml = {volume}
volume_relative_sd = 0.003
diameter_mm = 160
length_mm = 160
margin_mm = 24
[cylinder.image]
file = "cylinder.nii.gz"
{TIMES}
[sphere]
diameter_mm = 60
fwhm_mm = 12
[sphere.image]
file = "sphere.nii.gz"
{TIMES}
""",
    )
    answer = calibrate_spect(path).answer
    assert answer["factor"]["method"] == "uniform cylinder, volume inside"
    every = [answer["factor"], *answer["others"]]
    assert [f["cps_per_MBq"] for f in every] == pytest.approx([9.0] * 4, rel=0.015)
    assert len(answer["comparisons"]) == 3
    assert all(c["relative_sd"] < 0.02 for c in answer["comparisons"])  # the dose calibrator's 2 % cancels
    assert case_lines(calibrate_spect(path))["spect_relative_sd"] == pytest.approx(0.0202, abs=0.0005)


def test_a_wrong_correction_shows(tmp_path):
    """Counts typed in: the sphere shows 8 % less than the cylinder; a note says so."""
    mbq = activity_mbq(START, 1200.0)
    text = f"""[source]{SOURCE}
[cylinder]
volume_ml = 6000
inside_ml = 1500
[cylinder.inside]
counts = {9.0 * mbq * 1200 * 0.25}
relative_sd = 0.004
{TIMES}
[sphere]
diameter_mm = 60
fwhm_mm = 12
[sphere.enlarged]
counts = {0.92 * 9.0 * mbq * 1200}
relative_sd = 0.004
{TIMES}
[sphere.inside]
counts = {0.92 * 9.0 * mbq * 1200 * sphere_recovery(radius_mm=30, fwhm_mm=12)}
relative_sd = 0.005
{TIMES}
"""
    answer = calibrate_spect(write(tmp_path / "spect.toml", text)).answer
    assert answer["factor"]["cps_per_MBq"] == pytest.approx(9.0, rel=1e-9)
    assert [o["cps_per_MBq"] for o in answer["others"]] == pytest.approx([0.92 * 9.0] * 2, rel=1e-9)
    assert any("+8.7 %" in n and "not right" in n for n in answer["notes"])


def test_spect_refuses(tmp_path):
    with pytest.raises(InputError, match=r"\[cylinder\] or \[sphere\]"):
        calibrate_spect(write(tmp_path / "a.toml", f"[source]{SOURCE}"))
    with pytest.raises(InputError, match="a source in every phantom"):
        calibrate_spect(write(tmp_path / "b.toml", "[sphere]\ndiameter_mm=60\nfwhm_mm=12\n[sphere.enlarged]\ncounts=1e6\n"
                              f"relative_sd=0.01\n{TIMES}"))  # fmt: skip
    write_image(
        Image(
            values=np.ones((8, 8, 8), dtype=np.float32),
            grid=Grid.axial(
                shape=(8, 8, 8), spacing_mm=(4.0,) * 3, origin_mm=(0.0, 0.0, 0.0), frame_of_reference_uid="1"
            ),
            quantity=Quantity.COUNTS,
        ),
        tmp_path / "x.nii.gz",
    )
    with pytest.raises(CaseError, match="started_at and duration_s"):
        calibrate_spect(
            write(tmp_path / "c.toml", f'[source]{SOURCE}\n[sphere]\ndiameter_mm=60\nfwhm_mm=12\n'
                  'image = {file = "x.nii.gz"}\n')
        )  # fmt: skip


# spheres


def sphere_table(tmp_path, fwhm=12.0, name="spheres.csv"):
    rows = ["diameter_mm,recovery,sd"]
    rows += [f"{d},{sphere_recovery(radius_mm=d / 2, fwhm_mm=fwhm):.6f},0.01" for d in NEMA_DIAMETERS_MM]
    return write(tmp_path / name, "\n".join(rows))


def test_spheres_from_a_table(tmp_path):
    table = sphere_table(tmp_path)
    gauss = calibrate_spheres(table, form="gaussian", shared_relative_sd=0.02)
    assert case_lines(gauss)["spect_fwhm_mm"] == pytest.approx(12.0, abs=0.01)
    gear = calibrate_spheres(table, shared_relative_sd=0.02, at_ml=20.0)
    section = case_lines(gear)
    assert {"recovery_alpha_ml", "recovery_beta", "recovery_relative_sd", "spect_fwhm_mm"} <= section.keys()
    value = 1 / (1 + (section["recovery_alpha_ml"] / 11.5) ** section["recovery_beta"])
    assert value == pytest.approx(sphere_recovery(radius_mm=14.0, fwhm_mm=12.0), rel=0.05)
    assert {c["form"] for c in gear.answer["candidates"]} == {"gear2", "gear3", "gaussian"}
    assert len(gear.answer["spheres"]) == 6
    assert tomllib.loads(gear.snippet)["quantification"]["recovery"] == "sphere_curve"
    by_file = tomllib.loads(calibrate_spheres(table, form="gear3", shared_relative_sd=0.02).snippet)
    assert by_file["calibration"]["recovery_file"] == "spheres.json"


def test_spheres_by_activity_and_by_concentration(tmp_path):
    """Measured over true activity, and excess over background, give the same curve."""
    plain = sphere_table(tmp_path)
    expected = calibrate_spheres(plain, shared_relative_sd=0.0).answer["curve"]["parameters"]
    rows = ["volume_ml,measured_kBq_per_ml,true_kBq_per_ml,background_kBq_per_ml,sd"]
    activity = ["diameter_mm,measured_MBq,true_MBq,sd"]
    for d in NEMA_DIAMETERS_MM:
        r = sphere_recovery(radius_mm=d / 2, fwhm_mm=12.0)
        rows.append(f"{np.pi * d**3 / 6000:.8f},{20 + 180 * r:.6f},200,20,0.01")
        activity.append(f"{d},{3 * r:.8f},3,0.01")
    for k, lines in enumerate((rows, activity)):
        found = calibrate_spheres(write(tmp_path / f"{k}.csv", "\n".join(lines)), shared_relative_sd=0.0)
        parameters = found.answer["curve"]["parameters"]
        assert parameters["alpha_ml"]["value"] == pytest.approx(expected["alpha_ml"]["value"], rel=1e-3)


def test_spheres_on_a_nifti_phantom(tmp_path):
    """Two hot spheres and more on one image in counts: recoveries as the theory, decay since filling undone."""
    diameters = (20.0, 30.0, 40.0, 50.0)
    centres = [(-70.0, -70.0), (70.0, -70.0), (-70.0, 70.0), (70.0, 70.0)]
    shape, spacing, filled = (48, 116, 116), 2.5, 120.0
    grid = Grid.axial(
        shape=shape, spacing_mm=(spacing,) * 3, origin_mm=tuple(-spacing * (n - 1) / 2 for n in shape[::-1]),
        frame_of_reference_uid="1.2.3",
    )  # fmt: skip
    x, y, z = np.moveaxis(grid.index_to_mm(np.moveaxis(np.indices(shape), 0, -1)), -1, 0)
    now = filled * activity_mbq(START, 1200.0) / 100.0
    kbq = np.zeros(shape)
    for d, (a, b) in zip(diameters, centres, strict=True):
        inside = (x - a) ** 2 + (y - b) ** 2 + z**2 <= (d / 2) ** 2
        kbq[inside] = now * (np.pi * d**3 / 6000) / (inside.sum() * grid.voxel_volume_ml)
    counts = kbq * 1e-3 * grid.voxel_volume_ml * 9.0 * 1200.0
    blurred = gaussian_filter(counts, 12.0 / FWHM_PER_SIGMA / spacing, truncate=5.0)
    write_image(Image(values=blurred.astype(np.float32), grid=grid, quantity=Quantity.COUNTS), tmp_path / "nema.nii.gz")
    spheres = "\n".join(
        f"[[spheres]]\ndiameter_mm = {d}\ncentre_mm = [{a}, {b}, 0.0]"
        for d, (a, b) in zip(diameters, centres, strict=True)
    )
    path = write(
        tmp_path / "nema.toml",
        f"""nuclide = "Lu-177"
spect_cps_per_MBq = 9.0
sphere_kBq_per_ml = {filled}
concentration_at = 2025-03-03T12:00:00Z
shared_relative_sd = 0.03
filling_relative_sd = 0.01
{spheres}
[image]
file = "nema.nii.gz"
{TIMES}""",
    )
    found = calibrate_spheres(path, form="gaussian")
    theory = [sphere_recovery(radius_mm=d / 2, fwhm_mm=12.0) for d in diameters]
    assert [s["recovery"] for s in found.answer["spheres"]] == pytest.approx(theory, rel=0.03)
    assert found.answer["curve"]["parameters"]["fwhm_mm"]["value"] == pytest.approx(12.0, abs=0.4)


def test_spheres_refuse(tmp_path):
    table = sphere_table(tmp_path)
    with pytest.raises(CaseError, match="never assumed"):
        calibrate_spheres(table)
    with pytest.raises(CaseError, match="unknown form"):
        calibrate_spheres(table, form="cubic", shared_relative_sd=0.0)
    with pytest.raises(InputError, match="lacks columns"):
        calibrate_spheres(write(tmp_path / "a.csv", "diameter_mm,colour\n10,red\n"), shared_relative_sd=0.0)
    with pytest.raises(QuantityError, match="percent") as said:
        calibrate_spheres(write(tmp_path / "b.csv", "diameter_mm,recovery\n10,40\n13,50\n"), shared_relative_sd=0.0)
    assert "b.csv, line 2" in str(said.value)
    with pytest.raises(FitError, match="too few"):
        calibrate_spheres(write(tmp_path / "c.csv", "diameter_mm,recovery\n10,0.4\n13,0.5\n"), shared_relative_sd=0.0)


# dead time


def test_dead_time_of_a_decaying_source(tmp_path):
    camera, rng = DeadTime(paralysable_s=2.4e-6), np.random.default_rng(4)
    rows = ["elapsed_h,duration_s,counts"]
    for day in (0, 2, 5, 9, 14, 20, 27, 35):
        true = 1.5e5 * LU.decay_factor(86400.0 * day)
        rows.append(f"{24 * day},60,{rng.poisson(60.0 * float(camera.observed_per_s(true)))}")
    write(tmp_path / "decay.csv", "\n".join(rows))
    path = write(tmp_path / "dead.toml", 'nuclide = "177Lu"\ntable = "decay.csv"\n')
    result = calibrate_dead_time(path)
    assert abs(result.answer["paralysable_us"] - 2.4) < 3 * result.answer["paralysable_sd_us"]
    assert case_lines(result)["spect_dead_time_us"] == pytest.approx(2.4, rel=0.02)
    assert {c["model"] for c in result.answer["candidates"]} >= {"paralysable", "non-paralysable"}
    other = calibrate_dead_time(path, model="non-paralysable")
    assert tomllib.loads(other.snippet)["calibration"].keys() == {"spect_nonparalysable_dead_time_us"}
    assert other.answer["aicc"] > result.answer["aicc"]


def test_dead_time_of_two_sources(tmp_path):
    camera = DeadTime(nonparalysable_s=3e-6)
    text = "".join(
        f"[two_sources.{n}]\ncounts = {60 * float(camera.observed_per_s(r))}\nduration_s = 60\n"
        for n, r in (("first", 6e4), ("second", 8e4), ("both", 1.4e5))
    )
    result = calibrate_dead_time(write(tmp_path / "two.toml", text), model="non-paralysable")
    assert result.answer["nonparalysable_us"] == pytest.approx(3.0, rel=1e-6)
    assert result.figure is not None


def test_dead_time_refuses(tmp_path):
    with pytest.raises(InputError, match="either table"):
        calibrate_dead_time(write(tmp_path / "a.toml", 'nuclide = "Lu-177"\n'))
    with pytest.raises(InputError, match="needs its nuclide"):
        calibrate_dead_time(write(tmp_path / "b.toml", 'table = "x.csv"\n'))
    write(tmp_path / "x.csv", "duration_s,counts\n60,100\n")
    with pytest.raises(InputError, match="elapsed_h or started_at"):
        calibrate_dead_time(write(tmp_path / "c.toml", 'nuclide = "Lu-177"\ntable = "x.csv"\n'))
    with pytest.raises(CaseError, match="unknown dead-time model"):
        calibrate_dead_time(tmp_path / "c.toml", model="both")


# dose calibrator


def test_cross_calibration(tmp_path):
    text = f"""[reference]{SOURCE.replace("0.02", "0.015")}
[[readings]]
activity_MBq = {103.0 * LU.decay_factor(86400.0)}
measured_at = 2025-03-04T12:00:00Z
[[readings]]
activity_MBq = {103.1 * LU.decay_factor(2 * 86400.0)}
measured_at = 2025-03-05T12:00:00Z
[geometry]
nuclide = "Lu-177"
reading_relative_sd = 0.003
vial_before = {{activity_MBq = 100.0, measured_at = 2025-03-03T12:00:00Z}}
vial_after = {{activity_MBq = 60.0, measured_at = 2025-03-03T12:00:00Z}}
syringe_full = {{activity_MBq = 38.0, measured_at = 2025-03-03T12:00:00Z}}
[dial]
settings = [420, 440, 450, 460, 480]
readings_MBq = [{", ".join(str(50 * 532 / (s + 80)) for s in (420, 440, 450, 460, 480))}]
reference_MBq = 50.0
reference_relative_sd = 0.01
"""
    result = calibrate_cross(write(tmp_path / "cross.toml", text))
    assert result.answer["reference"]["factor"] == pytest.approx(1 / 1.0305, rel=1e-4)
    assert result.answer["geometry"]["factor"] == pytest.approx(40 / 38)
    assert result.answer["dial"]["setting"] == pytest.approx(452.0, abs=0.1)
    assert "multiply" in result.snippet
    assert not tomllib.loads(result.snippet)
    with pytest.raises(InputError, match="belong together"):
        calibrate_cross(write(tmp_path / "b.toml", f"[reference]{SOURCE}"))
