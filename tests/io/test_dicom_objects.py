"""DICOM objects: round trips, geometry against another reader, the standard's own checker, bad files."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pydicom
import pytest

from hemadose.errors import DicomError, GeometryError, RegionError, TimingError
from hemadose.io.dicom import (
    DicomIdentity,
    merge_planar,
    read_ct_series,
    read_planar,
    read_regions,
    read_spect,
    region_name,
    study_facts,
    write_ct_series,
    write_planar,
    write_rtstruct,
    write_segmentation,
    write_spect,
)
from hemadose.io.nifti import read_image, write_image
from hemadose.model import (
    Administration,
    EnergyWindow,
    Grid,
    Image,
    PlanarFrame,
    PlanarScan,
    Quantity,
    Region,
    Sex,
    TomographicScan,
    View,
)
from hemadose.refdata.nuclides import nuclide

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
GIVEN = Administration(
    agent="lu177-pentixather",
    nuclide=nuclide("Lu-177"),
    measured_activity_bq=200e6,
    measured_at=NOON,
    residual_activity_bq=2e6,
    residual_measured_at=NOON,
    administered_at=NOON,
)
IDENTITY = DicomIdentity(pseudonym="VP-1", sex=Sex.FEMALE, height_cm=165.0, weight_kg=61.0, study_at=NOON, seed="test")
FRAME = "2.25.77"
WINDOWS = (
    EnergyWindow(name="photopeak", lower_kev=195.52, upper_kev=220.48),
    EnergyWindow(name="lower_scatter", lower_kev=174.72, upper_kev=195.52),
    EnergyWindow(name="upper_scatter", lower_kev=220.48, upper_kev=251.68),
)


def grid(shape=(12, 20, 24), spacing=(5.0, 3.0, 2.0)):
    return Grid.axial(shape=shape, spacing_mm=spacing, origin_mm=(-30.0, -40.0, 100.0), frame_of_reference_uid=FRAME)


@pytest.fixture
def ct_folder(tmp_path) -> Path:
    values = np.random.default_rng(0).integers(-1000, 1500, grid().shape)
    image = Image(values=values.astype(np.int16), grid=grid(), quantity=Quantity.HOUNSFIELD)
    write_ct_series(image, tmp_path / "ct", identity=IDENTITY, acquired_at=NOON)
    return tmp_path / "ct"


@pytest.fixture
def planar_file(tmp_path) -> Path:
    write_planar(planar_scan(), tmp_path / "wb.dcm", identity=IDENTITY, administration=GIVEN, series_number=11)
    return tmp_path / "wb.dcm"


@pytest.fixture
def spect_file(tmp_path) -> Path:
    write_spect(
        spect_scan(), tmp_path / "nm.dcm", identity=IDENTITY, administration=GIVEN, window=WINDOWS[0], series_number=31
    )
    return tmp_path / "nm.dcm"


def planar_scan():
    rng = np.random.default_rng(1)
    frames = [PlanarFrame(counts=rng.integers(0, 900, (40, 16)), view=v, window=w) for w in WINDOWS for v in View]
    return PlanarScan(
        frames=tuple(frames),
        pixel_spacing_mm=(4.8, 4.8),
        pixel_dwell_s=200.0,
        started_at=NOON + timedelta(hours=4),
        duration_s=200.0 + 40 * 4.8 / 2.0,
    )


def spect_scan(hot=(9, 5, 17)):
    values = np.random.default_rng(2).random(grid().shape) * 5
    values[hot] = 500.0
    started = NOON + timedelta(hours=24)
    return TomographicScan(
        image=Image(values=values.astype(np.float32), grid=grid(), quantity=Quantity.COUNTS),
        started_at=started,
        duration_s=1280.0,
        decay_reference_at=started,
        corrections=frozenset({"ATTN", "SCAT"}),
    )


def change(path, **values):
    d = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            del d[keyword]
        else:
            setattr(d, keyword, value)
    d.save_as(path)
    return path


# --- CT ---------------------------------------------------------------------------------------------


def test_ct_round_trip_whatever_the_file_names(ct_folder):
    before = read_ct_series(ct_folder)
    for number, path in enumerate(sorted(ct_folder.iterdir(), reverse=True)):
        path.rename(ct_folder / f"x{(number * 7) % 12:02d}_{number}.dcm")
    after = read_ct_series(ct_folder)
    assert after.grid.matches(grid())
    assert np.array_equal(before.values, after.values)


def test_ct_missing_slice(ct_folder):
    (ct_folder / "ct0005.dcm").unlink()
    with pytest.raises(GeometryError, match="missing or unevenly"):
        read_ct_series(ct_folder)


def test_ct_mixed_series_and_foreign_files(ct_folder, planar_file):
    change(ct_folder / "ct0005.dcm", SeriesInstanceUID="2.25.5")
    with pytest.raises(DicomError, match="mixes several"):
        read_ct_series(ct_folder)
    shutil.copy(planar_file, ct_folder / "nm.dcm")
    with pytest.raises(DicomError, match="not a CT slice"):
        read_ct_series(ct_folder)


def test_ct_truncated_and_empty(ct_folder, tmp_path):
    path = ct_folder / "ct0003.dcm"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DicomError, match="cut short"):
        read_ct_series(ct_folder)
    (tmp_path / "none").mkdir()
    with pytest.raises(DicomError, match="no CT slices"):
        read_ct_series(tmp_path / "none")


def test_ct_of_pydicom_reads():
    from pydicom.data import get_testdata_file

    image = read_ct_series(Path(get_testdata_file("CT_small.dcm")))
    assert image.grid.shape == (1, 128, 128)
    assert image.values.min() < -500


def test_dicom_and_nifti_are_equal(ct_folder, tmp_path):
    ct = read_ct_series(ct_folder)
    write_image(ct, tmp_path / "ct.nii.gz")
    back = read_image(tmp_path / "ct.nii.gz", quantity=Quantity.HOUNSFIELD, frame_of_reference_uid=FRAME)
    assert back.grid.matches(ct.grid)
    assert np.array_equal(back.values, ct.values)


# --- planar -----------------------------------------------------------------------------------------


def test_planar_round_trip(planar_file):
    scan, back = planar_scan(), read_planar(planar_file)
    for frame in scan.frames:
        assert np.array_equal(back.frame(view=frame.view, window_name=frame.window.name).counts, frame.counts)
    assert back.started_at == scan.started_at
    assert back.pixel_dwell_s == pytest.approx(scan.pixel_dwell_s, rel=1e-3)
    assert back.duration_s == pytest.approx(scan.duration_s, rel=1e-6)


def test_posterior_view_is_mirrored_in_the_file(planar_file):
    stored = pydicom.dcmread(planar_file)
    posterior = planar_scan().frame(view=View.POSTERIOR, window_name="photopeak").counts
    assert any(np.array_equal(f[:, ::-1], posterior) for f in stored.pixel_array)
    assert not any(np.array_equal(f, posterior) for f in stored.pixel_array)


def test_frames_are_told_apart_by_vectors_not_by_order(planar_file):
    before = read_planar(planar_file)
    d = pydicom.dcmread(planar_file)
    order = [5, 2, 0, 4, 1, 3]
    d.PixelData = d.pixel_array[order].tobytes()
    d.EnergyWindowVector = [d.EnergyWindowVector[i] for i in order]
    d.DetectorVector = [d.DetectorVector[i] for i in order]
    d.save_as(planar_file)
    after = read_planar(planar_file)
    for frame in before.frames:
        assert np.array_equal(after.frame(view=frame.view, window_name=frame.window.name).counts, frame.counts)


@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("EnergyWindowVector", "EnergyWindowVector is missing"),
        ("DetectorVector", "DetectorVector is missing"),
        ("EnergyWindowInformationSequence", "no energy window"),
        ("DetectorInformationSequence", "anterior and which posterior"),
        ("ScanVelocity", "without its speed"),
        ("AcquisitionTime", "AcquisitionTime is missing"),
        ("PixelSpacing", "PixelSpacing is missing"),
        ("PixelData", "no image"),
    ],
)
def test_planar_says_what_is_missing(planar_file, keyword, message):
    change(planar_file, **{keyword: None})
    with pytest.raises(DicomError, match=message):
        read_planar(planar_file)


def test_views_can_be_stated_where_the_file_does_not_code_them(planar_file):
    d = pydicom.dcmread(planar_file)
    for item in d.DetectorInformationSequence:
        del item.ViewCodeSequence
    d.save_as(planar_file)
    with pytest.raises(DicomError, match="not guessed"):
        read_planar(planar_file)
    assert len(read_planar(planar_file, views=(View.ANTERIOR, View.POSTERIOR)).frames) == 6


def test_views_stored_apart_are_joined(tmp_path):
    """Vendors may write one file per detector: together they are one scan; other times are refused."""
    from dataclasses import replace

    scan, files = planar_scan(), []
    for number, view in enumerate(View, start=1):
        part = replace(scan, frames=tuple(f for f in scan.frames if f.view is view))
        files.append(tmp_path / f"{view}.dcm")
        write_planar(part, files[-1], identity=IDENTITY, administration=GIVEN, series_number=number)
    parts = [read_planar(path) for path in files]
    whole = merge_planar(parts)
    assert len(whole.frames) == 6
    with pytest.raises(DicomError, match="comes twice"):
        merge_planar([parts[0], parts[0]])
    later = replace(parts[1], started_at=parts[1].started_at + timedelta(hours=2))
    with pytest.raises(DicomError, match="not one acquisition"):
        merge_planar([parts[0], later])


def test_negative_counts_are_refused(planar_file):
    d = pydicom.dcmread(planar_file)
    pixels = d.pixel_array.astype(np.int16)
    pixels[0, 0, 0] = -4
    d.PixelRepresentation, d.PixelData = 1, pixels.tobytes()
    d.save_as(planar_file)
    with pytest.raises(DicomError, match="negative counts"):
        read_planar(planar_file)


def test_secondary_capture_bone_scan_is_refused_and_can_be_rewrapped(tmp_path):
    """The real whole-body bone scan of pydicom-data (GE Millennium MG, secondary capture)."""
    from pydicom.data import get_testdata_file

    source = get_testdata_file("JPEG-LL.dcm", download=False)
    if source is None:
        pytest.skip("pydicom-data is not installed")
    with pytest.raises(DicomError, match="not a nuclear-medicine image object"):
        read_planar(Path(source))
    try:
        counts = pydicom.dcmread(source).pixel_array
    except Exception:
        pytest.skip("no decoder for JPEG lossless in this environment")
    scan = PlanarScan(
        frames=(PlanarFrame(counts=counts, view=View.ANTERIOR, window=WINDOWS[0]),),
        pixel_spacing_mm=(2.26, 2.26),
        pixel_dwell_s=200.0,
        started_at=NOON,
        duration_s=1400.0,
    )
    write_planar(scan, tmp_path / "bone.dcm", identity=IDENTITY, administration=GIVEN, series_number=1)
    assert read_planar(tmp_path / "bone.dcm").frames[0].counts.sum() == counts.sum()


# --- SPECT ------------------------------------------------------------------------------------------


def test_spect_round_trip(spect_file):
    scan, back = spect_scan(), read_spect(spect_file)
    assert back.image.grid.matches(scan.image.grid)
    assert back.image.quantity is Quantity.COUNTS
    assert np.abs(back.image.values - scan.image.values).max() <= 500.0 / 65535
    assert back.duration_s == pytest.approx(1280.0)
    assert back.corrections == scan.corrections


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_hot_voxel_lies_where_simpleitk_sees_it(spect_file, sign):
    sitk = pytest.importorskip("SimpleITK")
    if sign < 0:
        change(spect_file, SpacingBetweenSlices="-5")
    back = read_spect(spect_file)
    ours = back.image.grid.index_to_mm(np.unravel_index(int(back.image.values.argmax()), back.image.values.shape))
    image = sitk.ReadImage(str(spect_file))
    array = sitk.GetArrayFromImage(image)
    k, j, i = np.unravel_index(int(array.argmax()), array.shape)
    theirs = image.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))
    assert ours == pytest.approx(np.array(theirs), abs=1e-3)
    assert image.GetSpacing() == pytest.approx((2.0, 3.0, 5.0))


def test_slices_are_ordered_by_their_vector(spect_file):
    before = read_spect(spect_file)
    d = pydicom.dcmread(spect_file)
    d.PixelData = d.pixel_array[::-1].tobytes()
    d.SliceVector = list(d.SliceVector)[::-1]
    d.save_as(spect_file)
    assert np.array_equal(read_spect(spect_file).image.values, before.image.values)


def mapped(path, unit="Bq/ml", slope=2.0):
    from pydicom.dataset import Dataset

    from hemadose.io.dicom.identity import code

    d = pydicom.dcmread(path)
    item = Dataset()
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, 0.0
    item.MeasurementUnitsCodeSequence = [code(unit, "UCUM", unit)]
    d.RealWorldValueMappingSequence = [item]
    d.save_as(path)
    return path


def test_real_world_values(spect_file):
    raw = pydicom.dcmread(spect_file).pixel_array
    change(spect_file, RescaleSlope="1")
    back = read_spect(mapped(spect_file))
    assert back.image.quantity is Quantity.ACTIVITY_CONCENTRATION
    assert back.image.values.max() == pytest.approx(2.0 * raw.max())
    with pytest.raises(DicomError, match="neither counts nor Bq/ml"):
        read_spect(mapped(spect_file, unit="g/ml"))


def test_contradictory_rescale_is_refused(spect_file):
    with pytest.raises(DicomError, match="contradict"):
        read_spect(mapped(spect_file))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Units": "GML"}, "neither counts nor Bq/ml"),
        ({"SpacingBetweenSlices": None}, "SpacingBetweenSlices is missing"),
        ({"RotationInformationSequence": None}, "acquisition time of the SPECT"),
        ({"DetectorInformationSequence": None}, "no place in the patient"),
        ({"FrameOfReferenceUID": None}, "FrameOfReferenceUID is missing"),
        ({"DecayCorrection": "ADMIN"}, "decay correction"),
        ({"DecayCorrection": "NONE", "CorrectedImage": ["DECY"]}, "contradict"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]}, "kind 'TOMO'"),
    ],
)
def test_spect_says_what_is_wrong(spect_file, values, message):
    change(spect_file, **values)
    with pytest.raises(DicomError, match=message):
        read_spect(spect_file)


def test_other_files_are_refused(tmp_path, ct_folder):
    (tmp_path / "text.dcm").write_text("hello")
    for path in (tmp_path / "text.dcm", tmp_path / "absent.dcm", tmp_path, ct_folder / "ct0001.dcm"):
        with pytest.raises(DicomError):
            read_spect(path)


# --- regions ----------------------------------------------------------------------------------------


def regions():
    g = grid(shape=(20, 40, 40), spacing=(5.0, 3.0, 3.0))
    z, y, x = np.indices(g.shape)
    ball = (((z - 9) * 5) ** 2 + ((y - 18) * 3) ** 2 + ((x - 20) * 3) ** 2) <= 32**2
    shell = ball & ~((((z - 9) * 5) ** 2 + ((y - 18) * 3) ** 2 + ((x - 20) * 3) ** 2) <= 15**2)
    box = np.zeros(g.shape, dtype=bool)
    box[3:6, 2:9, 30:37] = True
    return g, (Region(name="liver", mask=shell, grid=g), Region(name="spleen", mask=box, grid=g))


@pytest.fixture
def seg_file(tmp_path):
    g, found = regions()
    ct = Image(values=np.zeros(g.shape, dtype=np.int16), grid=g, quantity=Quantity.HOUNSFIELD)
    write_ct_series(ct, tmp_path / "c", identity=IDENTITY, acquired_at=NOON)
    write_segmentation(
        found, tmp_path / "seg.dcm", identity=IDENTITY, source_files=[tmp_path / "c/ct0001.dcm"], drawn_at=NOON
    )
    return tmp_path / "seg.dcm"


@pytest.fixture
def rtstruct_file(tmp_path):
    _, found = regions()
    write_rtstruct(found, tmp_path / "rt.dcm", identity=IDENTITY, reference_series_uid="2.25.3", drawn_at=NOON)
    return tmp_path / "rt.dcm"


def test_segmentation_round_trip_is_exact(seg_file):
    g, found = regions()
    back = {r.name: r for r in read_regions(seg_file, reference=g)}
    for region in found:
        assert np.array_equal(back[region.name].mask, region.mask)


def test_rtstruct_keeps_volume_and_holes(rtstruct_file):
    g, found = regions()
    back = {r.name: r for r in read_regions(rtstruct_file, reference=g)}
    for region in found:
        assert back[region.name].volume_ml == pytest.approx(region.volume_ml, rel=0.02)
    assert not back["liver"].mask[9, 18, 20]


def test_regions_of_another_frame_or_outside_are_refused(seg_file, rtstruct_file):
    g, _ = regions()
    foreign = Grid(shape=g.shape, affine=g.affine, frame_of_reference_uid="9.9")
    far = Grid.axial(shape=g.shape, spacing_mm=g.spacing_mm, origin_mm=(9e3, 0, 9e3), frame_of_reference_uid=FRAME)
    for path in (seg_file, rtstruct_file):
        with pytest.raises(GeometryError, match="another frame of reference"):
            read_regions(path, reference=foreign)
        with pytest.raises(RegionError, match="empty"):
            read_regions(path, reference=far)


def test_region_files_of_another_kind_are_refused(spect_file):
    with pytest.raises(DicomError, match="SEG or RTSTRUCT"):
        read_regions(spect_file, reference=grid())


def test_region_names():
    assert region_name(" Kidney (Left) ") == "kidney_left"


# --- facts ------------------------------------------------------------------------------------------


def test_facts_of_an_nm_file(planar_file):
    facts = study_facts(planar_file)
    assert facts.injected_activity_bq == pytest.approx(198e6, rel=1e-4)
    assert facts.injected_at == NOON
    assert "VP-1" not in repr(facts)
    assert facts.patient_digest == study_facts(planar_file).patient_digest
    other = change(planar_file, PatientID="VP-2")
    assert study_facts(other).patient_digest != facts.patient_digest


def test_activity_in_the_unit_of_the_other_modality_is_refused(planar_file):
    d = pydicom.dcmread(planar_file)
    d.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose = "198000000"
    d.save_as(planar_file)
    with pytest.raises(DicomError, match="NM states MBq"):
        study_facts(planar_file)
    change(planar_file, Modality="PT")
    assert study_facts(planar_file).injected_activity_bq == 198e6
    d = pydicom.dcmread(planar_file)
    d.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose = "198"
    d.save_as(planar_file)
    with pytest.raises(DicomError, match="PET states Bq"):
        study_facts(planar_file)


def test_injection_before_midnight(planar_file):
    d = pydicom.dcmread(planar_file)
    item = d.RadiopharmaceuticalInformationSequence[0]
    del item.RadiopharmaceuticalStartDateTime
    item.RadiopharmaceuticalStartTime, d.AcquisitionTime = "233000", "003000"
    d.save_as(planar_file)
    facts = study_facts(planar_file)
    assert facts.injected_at == datetime(2025, 3, 2, 23, 30, tzinfo=UTC)
    assert "day before" in facts.notes[0]


def test_a_zone_is_needed(planar_file):
    change(planar_file, TimezoneOffsetFromUTC=None)
    with pytest.raises(TimingError, match="no time zone"):
        read_planar(planar_file)
    berlin = read_planar(planar_file, zone=ZoneInfo("Europe/Berlin"))
    assert berlin.started_at.utcoffset() == timedelta(hours=1)


# --- the standard -----------------------------------------------------------------------------------


def test_written_objects_satisfy_dciodvfy(ct_folder, planar_file, spect_file, seg_file, rtstruct_file):
    """Debian's dicom3tools; no line may start with Error."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    for path in (ct_folder / "ct0001.dcm", planar_file, spect_file, seg_file, rtstruct_file):
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
        assert errors == [], f"{path.name}: {errors}"
