"""SPECT projections: makers' header styles, orientation against a point source, and files that must be refused.

No maker's file is free to use: all files are synthetic. The geometry is checked against the definition of DICOM
PS3.3 C.8.4.11 (Start Angle: 0 at the patient's back, counter-clockwise as seen from the feet), not the reader's code.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pydicom
import pytest

from hemadose.errors import DicomError, GeometryError, TimingError
from hemadose.io.dicom import DicomIdentity
from hemadose.io.dicom.tomo import read_tomo, read_tomo_study
from hemadose.io.dicom.tomo_header import HeaderStyle, TomoStatements
from hemadose.io.dicom.write_tomo import write_tomo
from hemadose.model import Administration, EnergyWindow, Sex
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
IDENTITY = DicomIdentity(pseudonym="VP-1", sex=Sex.FEMALE, height_cm=165.0, weight_kg=61.0, study_at=NOON, seed="test")
WINDOWS = (
    EnergyWindow(name="photopeak", lower_kev=187.2, upper_kev=228.8),
    EnergyWindow(name="lower", lower_kev=166.4, upper_kev=187.2),
    EnergyWindow(name="upper", lower_kev=228.8, upper_kev=249.6),
)
STYLES = list(HeaderStyle)


def projections(views=24, slices=6, bins=20, **changes):
    """A body's worth of counts that fade towards the edge of the field."""
    rng = np.random.default_rng(7)
    counts = rng.poisson(60 * np.hanning(bins) ** 2, (len(WINDOWS), views, slices, bins))
    given = {
        "counts": counts,
        "windows": WINDOWS,
        "angle_deg": np.arange(views) * 360.0 / views,
        "radius_mm": 230.0 + 20.0 * np.cos(np.radians(2.0 * np.arange(views) * 360.0 / views)).round(2),
        "bin_mm": 4.8,
        "slice_mm": 5.2,
        "frame_duration_s": np.full(views, 20.0),
        "frame_start_s": np.tile(np.arange(views // 2) * 20.0, 2),
        "started_at": NOON,
        "duration_s": views / 2 * 20.0,
        "nuclide": "^177^Lutetium",
        "collimator": "MELP",
        "frame_of_reference_uid": "2.25.77",
        "axis_mm": (3.0, -120.0),
        "first_slice_mm": -400.0,
    }
    return ProjectionSet(**{**given, **changes})


def written(path, made=None, **options):
    made = made or projections()
    given = {"identity": IDENTITY, "administration": GIVEN, "series_number": 31, "style": HeaderStyle.SIEMENS}
    write_tomo(made, path, **{**given, **options})
    return path


@pytest.fixture
def siemens(tmp_path):
    return written(tmp_path / "nm.dcm")


@pytest.fixture
def ge(tmp_path):
    return written(tmp_path / "ge.dcm", style=HeaderStyle.GE)


def edit(path, change):
    d = pydicom.dcmread(path)
    change(d)
    d.save_as(path)
    return path


# --- round trips ------------------------------------------------------------------------------------


@pytest.mark.parametrize("clockwise", [False, True])
@pytest.mark.parametrize("detectors", [1, 2, 3])
@pytest.mark.parametrize("style", STYLES)
def test_every_style_comes_back_as_it_was(tmp_path, style, detectors, clockwise):
    made = projections()
    path = written(tmp_path / "nm.dcm", made, style=style, detectors=detectors, clockwise=clockwise)
    found = read_tomo(path)
    assert np.array_equal(found.counts, made.counts)
    assert found.angle_deg == pytest.approx(made.angle_deg)
    assert found.radius_mm == pytest.approx(made.radius_mm)
    assert found.axis_mm == pytest.approx(made.axis_mm, abs=1e-3)
    for name in ("bin_mm", "slice_mm", "first_slice_mm", "started_at", "collimator", "frame_of_reference_uid"):
        assert getattr(found, name) == getattr(made, name)
    assert found.windows == made.windows
    assert found.patient_position == "HFS"
    assert found.duration_s == pytest.approx(24 / detectors * 20.0)
    later = np.sort(found.frame_start_s)
    assert later[-1] == pytest.approx((24 / detectors - 1) * 20.0)


def test_time_of_views_follows_the_direction(tmp_path):
    """Clockwise, the view of the largest angle of each head comes first."""
    found = read_tomo(written(tmp_path / "nm.dcm", clockwise=True))
    assert found.frame_start_s[11] == 0.0
    assert found.frame_start_s[0] == 220.0


def test_the_order_of_frames_in_the_file_does_not_matter(siemens):
    before = read_tomo(siemens)

    def shuffle(d):
        order = np.random.default_rng(5).permutation(d.NumberOfFrames)
        d.PixelData = d.pixel_array[order].astype("<u2").tobytes()
        for keyword in ("EnergyWindowVector", "DetectorVector", "RotationVector", "AngularViewVector"):
            d[keyword].value = [d[keyword].value[i] for i in order]

    after = read_tomo(edit(siemens, shuffle))
    assert np.array_equal(before.counts, after.counts)
    assert np.array_equal(before.angle_deg, after.angle_deg)


def test_counts_that_are_not_whole_carry_a_slope(tmp_path):
    made = projections()
    made = replace(made, counts=made.counts * np.float32(0.37))
    found = read_tomo(written(tmp_path / "nm.dcm", made))
    assert found.counts == pytest.approx(made.counts, abs=float(made.counts.max()) / 65535)
    assert any("rescaled" in note for note in found.notes)


def test_rows_and_columns_have_their_own_pitch(siemens):
    """PixelSpacing is row spacing, then column spacing (PyTomography swaps them)."""
    found = read_tomo(siemens)
    assert (found.slice_mm, found.bin_mm) == (5.2, 4.8)
    assert found.grid().spacing_mm == pytest.approx((5.2, 4.8, 4.8))


@pytest.mark.parametrize("style", STYLES)
def test_written_objects_satisfy_dciodvfy(tmp_path, style):
    """Debian's dicom3tools; no line may start with Error."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    path = written(tmp_path / "nm.dcm", style=style)
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")] == []


# --- orientation: a point source seen by a camera ---------------------------------------------------

POINT = np.array([37.0, -55.0, 18.0])
"""Patient coordinates (LPS) about the middle of the field: left, in front, towards the head."""
INTO_CAMERA = {"HFS": (1, 1, 1), "HFP": (-1, -1, 1), "FFS": (-1, 1, -1), "FFP": (1, -1, -1)}
"""Half turns of the patient in a camera whose axes are LPS of a patient head first and supine."""
BINS, SLICES, VIEWS, RADIUS = 64, 32, 24, 250.0


def seen_by_camera(position, *, sense=1.0):
    """Frames of one turning detector: a pixel a view, whose value tells the depth of the point."""
    x, y, z = POINT * np.array(INTO_CAMERA[position])
    frames, angles = np.zeros((VIEWS, SLICES, BINS)), sense * np.arange(VIEWS) * 360.0 / VIEWS
    for frame, angle in zip(frames, np.radians(angles), strict=True):
        across = -x * np.cos(angle) + y * np.sin(angle)
        depth = RADIUS - (x * np.sin(angle) + y * np.cos(angle))
        row = round((SLICES - 1) / 2 - z / 4.0)  # row 0 towards the (camera's) head
        frame[row, round((BINS - 1) / 2 + across / 4.0)] = round(depth)
    return frames, angles


def require_point(found):
    """The point is where it is, seen from where the detector stands."""
    z = found.first_slice_mm + found.slice_mm * np.arange(SLICES)
    for k, angle in enumerate(np.radians(found.angle_deg)):
        view = found.counts[0, k]
        row, column = np.unravel_index(np.argmax(view), view.shape)
        across = (column - (BINS - 1) / 2) * 4.0
        assert across == pytest.approx(-POINT[0] * np.cos(angle) + POINT[1] * np.sin(angle), abs=2.01)
        depth = RADIUS - POINT[0] * np.sin(angle) - POINT[1] * np.cos(angle)
        assert view.max() == pytest.approx(depth, abs=0.51)
        assert z[row] == pytest.approx(POINT[2], abs=2.01)


def point_file(tmp_path, position, frames, *, stored="camera", sense=1.0):
    """An object by hand: the writer of hemadose is not asked which way things run."""
    base = projections(
        views=VIEWS, slices=SLICES, bins=BINS, bin_mm=4.0, slice_mm=4.0, radius_mm=np.full(VIEWS, RADIUS),
        windows=WINDOWS[:1], counts=np.ones((1, VIEWS, SLICES, BINS)), axis_mm=(0.0, 0.0), first_slice_mm=-62.0,
        patient_position=position,
    )  # fmt: skip
    path = written(tmp_path / "nm.dcm", base, detectors=1)

    def change(d):
        d.PixelData = frames.astype("<u2").tobytes()
        d.RotationInformationSequence[0].RotationDirection = "CC" if sense > 0 else "CW"
        for item in (d.DetectorInformationSequence[0], d.RotationInformationSequence[0]):
            item.StartAngle = 0
        if stored == "camera" and position.startswith("FF"):
            d.DetectorInformationSequence[0].ImagePositionPatient[2] = -62.0  # row 0 is at the patient's feet

    return edit(path, change)


@pytest.mark.parametrize("sense", [1.0, -1.0])
@pytest.mark.parametrize("position", list(INTO_CAMERA))
def test_positions_of_the_patient_are_turned_exactly(tmp_path, position, sense):
    frames, _ = seen_by_camera(position, sense=sense)
    path = point_file(tmp_path, position, frames, sense=sense)
    require_point(read_tomo(path, stated=TomoStatements(stored_in="camera")))


@pytest.mark.parametrize("position", ["HFP", "FFS", "FFP"])
def test_other_positions_are_not_guessed(tmp_path, position):
    frames, _ = seen_by_camera(position)
    path = point_file(tmp_path, position, frames)
    with pytest.raises(DicomError, match="did not lie head first and supine") as caught:
        read_tomo(path)
    assert "--stored-in" in str(caught.value)
    wrong = read_tomo(path, stated=TomoStatements(stored_in="patient"))
    with pytest.raises(AssertionError):
        require_point(wrong)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("upside_down", [False, True])
def test_direction_cosines_of_the_first_projection_decide(tmp_path, mirrored, upside_down):
    """Feet first, with the plane of the first projection (posterior view, angle 0) spelled out."""
    frames, _ = seen_by_camera("HFS")
    frames = frames[:, ::-1] if upside_down else frames
    frames = frames[..., ::-1] if mirrored else frames
    path = point_file(tmp_path, "FFS", frames, stored="patient")

    def change(d):
        u, down = np.array([-1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0])
        across, along = -u if mirrored else u, -down if upside_down else down
        corner = np.array([0.0, RADIUS, 0.0]) - across * 31.5 * 4.0 - along * 15.5 * 4.0
        item = d.DetectorInformationSequence[0]
        item.ImageOrientationPatient, item.ImagePositionPatient = [*across, *along], list(corner)

    found = read_tomo(edit(path, change))
    require_point(found)
    assert found.axis_mm == pytest.approx((0.0, 0.0), abs=1e-6)


def test_cosines_that_contradict_the_angle_are_refused(tmp_path):
    path = written(tmp_path / "nm.dcm", style=HeaderStyle.OTHER)

    def change(d):
        d.DetectorInformationSequence[0].ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

    with pytest.raises(DicomError, match="contradicts the start angle"):
        read_tomo(edit(path, change))


def test_detectors_that_run_differently(tmp_path):
    path = written(tmp_path / "nm.dcm", style=HeaderStyle.OTHER)

    def change(d):
        item = d.DetectorInformationSequence[1]
        item.ImageOrientationPatient = [-float(v) for v in item.ImageOrientationPatient]

    with pytest.raises(DicomError, match="different directions"):
        read_tomo(edit(path, change))


def test_spelled_out_directions_are_no_camera_coordinates(tmp_path):
    path = written(tmp_path / "nm.dcm", projections(patient_position="HFP"), style=HeaderStyle.OTHER)
    assert np.array_equal(read_tomo(path).counts, projections().counts)
    with pytest.raises(DicomError, match="spells out"):
        read_tomo(path, stated=TomoStatements(stored_in="camera"))


def test_position_stated_twice(siemens):
    path = edit(siemens, lambda d: setattr(d, "PatientPosition", "FFS"))
    with pytest.raises(DicomError, match="contradict each other"):
        read_tomo(path)


def test_position_unknown(siemens):
    def change(d):
        d.PatientOrientationCodeSequence, d.PatientGantryRelationshipCodeSequence = [], []

    path = edit(siemens, change)
    with pytest.raises(DicomError, match="how the patient lay"):
        read_tomo(path)
    assert read_tomo(path, stated=TomoStatements(patient_position="HFS")).patient_position == "HFS"
    with pytest.raises(DicomError, match="not supported"):
        read_tomo(path, stated=TomoStatements(patient_position="HFDR"))


# --- angles, radii, rotations -----------------------------------------------------------------------


def test_detectors_without_start_angles_are_not_guessed(siemens):
    def change(d):
        for item in d.DetectorInformationSequence:
            del item.StartAngle

    path = edit(siemens, change)
    with pytest.raises(DicomError, match="share one rotation"):
        read_tomo(path)
    found = read_tomo(path, stated=TomoStatements(start_angle_deg=(0.0, 180.0)))
    assert found.angle_deg == pytest.approx(np.arange(24) * 15.0)
    with pytest.raises(DicomError, match="one start angle is needed for each"):
        read_tomo(path, stated=TomoStatements(start_angle_deg=(0.0,)))


def test_one_detector_lacks_its_angle(siemens):
    path = edit(siemens, lambda d: d.DetectorInformationSequence[1].__delattr__("StartAngle"))
    with pytest.raises(DicomError, match="some detectors lack"):
        read_tomo(path)


def test_contradicting_start_angles(siemens):
    path = edit(siemens, lambda d: setattr(d.RotationInformationSequence[0], "StartAngle", 90))
    with pytest.raises(DicomError, match="contradict each other") as caught:
        read_tomo(path)
    assert "rotation 90" in str(caught.value)


def test_several_rotations_of_every_detector(siemens):
    """A second turn of both heads (Siemens quality control writes windows x detectors x rotations x views)."""
    before = read_tomo(siemens)

    def change(d):
        from copy import deepcopy

        pixels = d.pixel_array
        d.RotationInformationSequence.append(deepcopy(d.RotationInformationSequence[0]))
        d.NumberOfRotations = 2
        d.PixelData = np.concatenate([pixels, pixels]).astype("<u2").tobytes()
        for keyword in ("EnergyWindowVector", "DetectorVector", "AngularViewVector"):
            d[keyword].value = [*d[keyword].value, *d[keyword].value]
        d.RotationVector = [1] * len(pixels) + [2] * len(pixels)
        d.NumberOfFrames = 2 * len(pixels)

    found = read_tomo(edit(siemens, change))
    assert found.views == 48
    assert found.counts.sum() == 2 * before.counts.sum()
    assert found.duration_s == 2 * before.duration_s
    assert found.frame_start_s.max() == 2 * 240.0 - 20.0


def test_several_beds_in_one_file(ge):
    path = edit(ge, lambda d: setattr(d.RotationInformationSequence[1], "TableTraverse", -200))
    with pytest.raises(DicomError, match="several beds"):
        read_tomo(path)


def drop_views(d, gone):
    kept = [i for i, v in enumerate(zip(d.DetectorVector, d.AngularViewVector, strict=True)) if v not in gone]
    d.PixelData = d.pixel_array[kept].astype("<u2").tobytes()
    for keyword in ("EnergyWindowVector", "DetectorVector", "RotationVector", "AngularViewVector"):
        d[keyword].value = [d[keyword].value[i] for i in kept]
    d.NumberOfFrames = len(kept)


def test_a_small_gap_is_noted(siemens):
    found = read_tomo(edit(siemens, lambda d: drop_views(d, {(1, 5)})))
    assert found.views == 23
    assert 60.0 not in found.angle_deg.round(6)
    assert any("gap of 30.0 degrees" in note for note in found.notes)


def test_a_wide_gap_is_refused(siemens):
    path = edit(siemens, lambda d: drop_views(d, {(1, v) for v in range(5, 9)}))
    with pytest.raises(DicomError, match="gap of 75 degrees"):
        read_tomo(path)


def test_a_half_circle_is_refused(tmp_path):
    made = projections(angle_deg=np.arange(24) * 7.5)
    with pytest.raises(DicomError, match="gap of 188 degrees"):
        read_tomo(written(tmp_path / "nm.dcm", made))


def test_one_window_lacks_views(siemens):
    def change(d):
        d.PixelData = d.pixel_array[:-3].astype("<u2").tobytes()
        for keyword in ("EnergyWindowVector", "DetectorVector", "RotationVector", "AngularViewVector"):
            d[keyword].value = list(d[keyword].value)[:-3]
        d.NumberOfFrames = d.NumberOfFrames - 3

    with pytest.raises(DicomError, match="lack views that others have") as caught:
        read_tomo(edit(siemens, change))
    assert "3 of 72 frames" in str(caught.value)


def test_a_frame_comes_twice(siemens):
    def change(d):
        d.AngularViewVector[1] = 1

    with pytest.raises(DicomError, match="same view of one window"):
        read_tomo(edit(siemens, change))


@pytest.mark.parametrize("keyword", ["EnergyWindowVector", "DetectorVector", "AngularViewVector"])
def test_missing_vectors(siemens, keyword):
    with pytest.raises(DicomError, match=keyword):
        read_tomo(edit(siemens, lambda d: d.__delattr__(keyword)))


def test_vectors_that_point_nowhere(siemens):
    with pytest.raises(DicomError, match="not described"):
        read_tomo(edit(siemens, lambda d: d.DetectorVector.__setitem__(0, 3)))


def test_vector_of_the_wrong_length(siemens):
    with pytest.raises(DicomError, match="does not fit the frames"):
        read_tomo(edit(siemens, lambda d: setattr(d, "DetectorVector", list(d.DetectorVector)[:-1])))


def test_radius_missing_stated_or_mean(ge):
    def remove(d):
        for item in d.RotationInformationSequence:
            del item.RadialPosition

    path = edit(ge, remove)
    with pytest.raises(DicomError, match="--radius-mm"):
        read_tomo(path)
    assert set(read_tomo(path, stated=TomoStatements(radius_mm=240.0)).radius_mm) == {240.0}

    def mean(d):
        for item in d.RotationInformationSequence:
            item.RadialPosition = 251.5

    found = read_tomo(edit(path, mean))
    assert set(found.radius_mm) == {251.5}
    assert any("mean radius" in note for note in found.notes)


@pytest.mark.parametrize(
    ("value", "text"), [([0.0], "implausible distance"), ([250.0, 251.0], "does not fit the views")]
)
def test_bad_radii(siemens, value, text):
    path = edit(siemens, lambda d: setattr(d.DetectorInformationSequence[0], "RadialPosition", value))
    with pytest.raises(DicomError, match=text):
        read_tomo(path)


def add_ge_offsets(d, numbers):
    from pydicom.dataset import Dataset

    item = Dataset()
    item.private_block(0x0013, "GEMS_GENIE_1", create=True).add_new(0x1E, "FL", numbers)
    d.private_block(0x0055, "GEMS_GENIE_1", create=True).add_new(0x22, "SQ", [item])


def test_private_offsets_of_ge_are_added_to_the_radii(ge):
    """Three numbers a view in (0055,xx22) > (0013,xx1E); the third is along the radius, mm."""
    before = read_tomo(ge)
    numbers = np.column_stack([np.zeros(24), np.zeros(24), np.arange(24.0)]).ravel()
    found = read_tomo(edit(ge, lambda d: add_ge_offsets(d, list(numbers))))
    assert found.radius_mm - before.radius_mm == pytest.approx(np.arange(24.0))
    assert any("(0055,xx22)" in note for note in found.notes)


def test_private_offsets_that_do_not_fit(ge):
    with pytest.raises(DicomError, match="private detector offsets"):
        read_tomo(edit(ge, lambda d: add_ge_offsets(d, [1.0, 2.0, 3.0])))


def test_private_offsets_of_another_maker_are_left_alone(siemens):
    before = read_tomo(siemens)
    after = read_tomo(edit(siemens, lambda d: add_ge_offsets(d, [1.0] * 72)))
    assert np.array_equal(before.radius_mm, after.radius_mm)


@pytest.mark.parametrize(
    ("keyword", "value", "text"),
    [
        ("AngularStep", 0, "must be positive"),
        ("RotationDirection", "UP", "unknown direction"),
        ("ActualFrameDuration", 0, "no time"),
        ("ActualFrameDuration", None, "ActualFrameDuration is missing"),
    ],
)
def test_bad_rotation(siemens, keyword, value, text):
    path = edit(siemens, lambda d: setattr(d.RotationInformationSequence[0], keyword, value))
    with pytest.raises(DicomError, match=text):
        read_tomo(path)


def test_scan_arc_that_does_not_fit_is_noted(siemens):
    path = edit(siemens, lambda d: setattr(d.RotationInformationSequence[0], "ScanArc", 270))
    assert any("scan arc of 270" in note for note in read_tomo(path).notes)


@pytest.mark.parametrize("keyword", ["RotationInformationSequence", "DetectorInformationSequence"])
def test_no_angles_at_all(siemens, keyword):
    with pytest.raises(DicomError, match="without their angles"):
        read_tomo(edit(siemens, lambda d: setattr(d, keyword, [])))


# --- place ------------------------------------------------------------------------------------------


def test_projections_without_a_place(siemens):
    def change(d):
        for item in d.DetectorInformationSequence:
            del item.ImagePositionPatient

    path = edit(siemens, change)
    with pytest.raises(DicomError, match="no place in the patient"):
        read_tomo(path)
    alone = read_tomo(path, stated=TomoStatements(allow_unplaced=True))
    assert alone.frame_of_reference_uid != "2.25.77"
    assert any("fits no CT" in note for note in alone.notes)
    placed = read_tomo(path, stated=TomoStatements(place_mm=(3.0, -120.0, -400.0 + 5 * 5.2)))
    assert placed.axis_mm == (3.0, -120.0)
    assert placed.first_slice_mm == pytest.approx(-400.0)


def test_ge_places_by_the_table(ge):
    found = read_tomo(ge)
    assert found.axis_mm == pytest.approx((3.0, -120.0))
    assert any("overlay" in note for note in found.notes)
    with pytest.raises(DicomError, match="TableHeight"):
        read_tomo(edit(ge, lambda d: d.RotationInformationSequence[0].__delattr__("TableHeight")))


def test_ge_does_not_place_the_prone_by_the_table(tmp_path):
    path = written(tmp_path / "nm.dcm", projections(patient_position="HFP"), style=HeaderStyle.GE)
    with pytest.raises(DicomError, match="no place in the patient"):
        read_tomo(path, stated=TomoStatements(stored_in="patient"))


def test_detectors_that_see_other_slices(siemens):
    path = edit(siemens, lambda d: d.DetectorInformationSequence[1].ImagePositionPatient.__setitem__(2, -100.0))
    with pytest.raises(DicomError, match="same slices"):
        read_tomo(path)


def test_planes_that_meet_on_no_axis(tmp_path):
    path = written(tmp_path / "nm.dcm", style=HeaderStyle.OTHER)
    path = edit(path, lambda d: d.DetectorInformationSequence[1].ImagePositionPatient.__setitem__(0, 400.0))
    with pytest.raises(DicomError, match="one axis of rotation"):
        read_tomo(path)


# --- counts, windows, nuclide -----------------------------------------------------------------------


@pytest.mark.parametrize("code", ["SCAT", "ATTN", "DECY", "MOTN"])
def test_counts_worked_on_before(siemens, code):
    with pytest.raises(DicomError, match="not raw"):
        read_tomo(edit(siemens, lambda d: setattr(d, "CorrectedImage", ["UNIF", code])))


def test_harmless_corrections(siemens):
    found = read_tomo(edit(siemens, lambda d: setattr(d, "CorrectedImage", ["UNIF", "DTIM"])))
    assert found.corrections == {"UNIF", "DTIM"}
    assert any("dead time" in note for note in found.notes)


@pytest.mark.parametrize(
    "value", [["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"], ["ORIGINAL", "PRIMARY", "GATED TOMO"]]
)
def test_other_kinds_of_images(siemens, value):
    with pytest.raises(DicomError, match="cannot be used here"):
        read_tomo(edit(siemens, lambda d: setattr(d, "ImageType", value)))


def test_transmission(siemens):
    path = edit(siemens, lambda d: setattr(d, "ImageType", ["ORIGINAL", "PRIMARY", "TOMO", "TRANSMISSION"]))
    with pytest.raises(DicomError, match="own radiation"):
        read_tomo(path)


def test_windows_that_share_a_name(siemens):
    def change(d):
        for item in d.EnergyWindowInformationSequence:
            item.EnergyWindowName = "Lu177"

    found = read_tomo(edit(siemens, change))
    assert [w.name for w in found.windows] == [
        "Lu177 187.2-228.8 keV",
        "Lu177 166.4-187.2 keV",
        "Lu177 228.8-249.6 keV",
    ]


def test_window_without_a_limit(siemens):
    def change(d):
        del d.EnergyWindowInformationSequence[1].EnergyWindowRangeSequence[0].EnergyWindowUpperLimit

    with pytest.raises(DicomError, match="window 2 lacks a limit"):
        read_tomo(edit(siemens, change))


def test_two_peaks_in_one_window(siemens):
    def change(d):
        item = d.EnergyWindowInformationSequence[0]
        item.EnergyWindowRangeSequence.append(item.EnergyWindowRangeSequence[0])

    with pytest.raises(DicomError, match="2 ranges"):
        read_tomo(edit(siemens, change))


def test_nuclide_coded_private_or_stated(ge, siemens):
    def remove(d):
        d.RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence = []

    found = read_tomo(edit(ge, remove))
    assert found.nuclide == "Lu-177"
    assert any("private" in note for note in found.notes)
    edit(siemens, remove)
    with pytest.raises(DicomError, match="does not name the radionuclide"):
        read_tomo(siemens)
    assert read_tomo(siemens, stated=TomoStatements(nuclide="177Lu")).nuclide == "177Lu"


def test_two_nuclides(siemens):
    def change(d):
        from copy import deepcopy

        other = deepcopy(d.RadiopharmaceuticalInformationSequence[0])
        other.RadionuclideCodeSequence[0].CodeMeaning = "^111^Indium"
        d.RadiopharmaceuticalInformationSequence.append(other)

    with pytest.raises(DicomError, match="several radionuclides"):
        read_tomo(edit(siemens, change))


def test_collimators(siemens):
    path = edit(siemens, lambda d: setattr(d.DetectorInformationSequence[0], "CollimatorType", "FANB"))
    with pytest.raises(DicomError, match="parallel-hole"):
        read_tomo(path)
    edit(path, lambda d: setattr(d.DetectorInformationSequence[0], "CollimatorType", "UNKN"))
    assert any("parallel holes" in note for note in read_tomo(path).notes)
    edit(path, lambda d: setattr(d.DetectorInformationSequence[0], "CollimatorGridName", "LEHR"))
    with pytest.raises(DicomError, match="different collimators"):
        read_tomo(path)


def test_field_off_the_axis(siemens):
    path = edit(siemens, lambda d: setattr(d.DetectorInformationSequence[0], "ZoomCenter", [0, 30]))
    with pytest.raises(DicomError, match="off the axis"):
        read_tomo(path)


def test_centre_of_rotation(siemens):
    path = edit(siemens, lambda d: setattr(d.DetectorInformationSequence[0], "CenterOfRotationOffset", 6.0))
    with pytest.raises(DicomError, match="centre of rotation"):
        read_tomo(path)
    edit(path, lambda d: setattr(d, "CorrectedImage", ["COR"]))
    assert read_tomo(path).views == 24


def test_truncated_field_of_view(tmp_path):
    counts = np.array(projections().counts)
    counts[:, 3:8] += 30.0
    found = read_tomo(written(tmp_path / "nm.dcm", projections(counts=counts)))
    assert any("edge of the field of view in 5 of 24" in note for note in found.notes)


def test_a_body_inside_the_field_is_not_noted(siemens):
    assert read_tomo(siemens).notes == ()


def test_negative_counts(siemens):
    def change(d):
        d.RescaleSlope, d.RescaleIntercept = "1", "-5"

    with pytest.raises(DicomError, match="negative counts"):
        read_tomo(edit(siemens, change))


def test_no_counts(siemens):
    with pytest.raises(DicomError, match="no counts at all"):
        read_tomo(edit(siemens, lambda d: setattr(d, "PixelData", bytes(len(d.PixelData)))))


# --- files ------------------------------------------------------------------------------------------


def test_a_truncated_file(siemens):
    siemens.write_bytes(siemens.read_bytes()[:-5000])
    with pytest.raises(DicomError, match="cut short") as caught:
        read_tomo(siemens)
    assert "nm.dcm" in str(caught.value)


def test_not_dicom(tmp_path):
    path = tmp_path / "x.dcm"
    path.write_bytes(b"nothing of the kind" * 20)
    with pytest.raises(DicomError, match="not a readable DICOM file"):
        read_tomo(path)


def test_lossless_compression_that_needs_no_plugin(siemens):
    from pydicom.uid import RLELossless

    before = read_tomo(siemens)
    d = pydicom.dcmread(siemens)
    d.compress(RLELossless, encoding_plugin="pydicom")
    d.save_as(siemens)
    assert np.array_equal(read_tomo(siemens).counts, before.counts)


def test_compression_without_a_decoder_here(siemens):
    """MPEG-4 is a transfer syntax that no pixel decoder knows."""

    def change(d):
        from pydicom.encaps import encapsulate

        d.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
        d["PixelData"].VR = "OB"
        d.PixelData = encapsulate([b"\0" * 100])
        d["PixelData"].is_undefined_length = True

    with pytest.raises(DicomError, match="compressed without a decoder") as caught:
        read_tomo(edit(siemens, change))
    assert "Explicit VR Little Endian" in str(caught.value)


def test_a_zone_is_needed(siemens):
    from zoneinfo import ZoneInfo

    path = edit(siemens, lambda d: d.__delattr__("TimezoneOffsetFromUTC"))
    with pytest.raises(TimingError, match="no time zone"):
        read_tomo(path)
    assert read_tomo(path, zone=ZoneInfo("Europe/Berlin")).started_at.utcoffset() == timedelta(hours=1)


def test_unknown_makers_are_read_by_the_standard(tmp_path):
    found = read_tomo(written(tmp_path / "nm.dcm", style=HeaderStyle.OTHER))
    assert any("letter of the standard" in note for note in found.notes)


# --- several files ----------------------------------------------------------------------------------


def test_windows_in_files_of_their_own(tmp_path):
    made = projections()
    paths = [
        written(tmp_path / f"w{k}.dcm", replace(made, counts=made.counts[k : k + 1], windows=(WINDOWS[k],)), series_number=k + 1)
        for k in (1, 0, 2)
    ]  # fmt: skip
    beds = read_tomo_study(paths)
    assert len(beds) == 1
    for k, window in enumerate(WINDOWS):
        assert np.array_equal(beds[0].counts[beds[0].window_index(window.name)], made.counts[k])
    with pytest.raises(DicomError, match="given twice"):
        read_tomo_study([*paths, paths[0]])


def test_beds_are_sorted_from_the_feet(tmp_path):
    made = projections()
    above = replace(made, first_slice_mm=-400.0 + 4 * 5.2, started_at=NOON + timedelta(minutes=6))
    paths = [written(tmp_path / "b.dcm", above, series_number=2), written(tmp_path / "a.dcm", made, series_number=1)]
    beds = read_tomo_study(paths)
    assert [bed.first_slice_mm for bed in beds] == pytest.approx([-400.0, -400.0 + 4 * 5.2])


def test_a_gap_between_beds(tmp_path):
    made = projections()
    above = replace(made, first_slice_mm=-400.0 + 8 * 5.2, started_at=NOON + timedelta(minutes=6))
    paths = [written(tmp_path / "b.dcm", above, series_number=2), written(tmp_path / "a.dcm", made, series_number=1)]
    with pytest.raises(DicomError, match="gap between two beds") as caught:
        read_tomo_study(paths)
    assert "15.6 mm" in str(caught.value)


def test_two_times_are_not_two_beds(tmp_path):
    made = projections()
    later = replace(made, started_at=NOON + timedelta(hours=24))
    paths = [written(tmp_path / "b.dcm", later, series_number=2), written(tmp_path / "a.dcm", made, series_number=1)]
    with pytest.raises(DicomError, match="same bed at different times"):
        read_tomo_study(paths)


def test_beds_of_another_frame(tmp_path):
    made = projections()
    other = replace(made, first_slice_mm=-380.0, frame_of_reference_uid="2.25.78", started_at=NOON + timedelta(hours=1))
    paths = [written(tmp_path / "b.dcm", other, series_number=2), written(tmp_path / "a.dcm", made, series_number=1)]
    with pytest.raises(GeometryError, match="not beds of one study"):
        read_tomo_study(paths)


def test_another_patient(tmp_path):
    other = replace(IDENTITY, pseudonym="VP-2")
    paths = [written(tmp_path / "a.dcm"), written(tmp_path / "b.dcm", identity=other)]
    with pytest.raises(DicomError, match="another patient") as caught:
        read_tomo_study(paths)
    assert "VP-2" not in str(caught.value).replace(str(tmp_path), "")


def test_no_files():
    with pytest.raises(DicomError, match="no projections"):
        read_tomo_study([])


def test_irregular_rotations_cannot_be_written(tmp_path):
    angles = np.arange(24) * 15.0
    angles[5] += 3.0
    with pytest.raises(DicomError, match="equal rising steps"):
        written(tmp_path / "nm.dcm", projections(angle_deg=angles))


def test_names_longer_than_dicom_allows(tmp_path):
    with pytest.raises(DicomError, match="too long for DICOM"):
        written(tmp_path / "nm.dcm", projections(collimator="siemens-symbia-melp"))
