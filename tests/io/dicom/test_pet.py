"""PET series: round trip, times and decay flags, units of the vendors, and files made wrong on purpose."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pydicom
import pytest

from hemadose.errors import DicomError, GeometryError, QuantityError, TimingError
from hemadose.imaging.pet.suv import standardised_uptake
from hemadose.io.dicom import DicomIdentity, study_facts
from hemadose.io.dicom.pet import read_pet
from hemadose.io.dicom.pet_injection import StatedFacts
from hemadose.io.dicom.pet_times import SliceClock, decay_factor, mean_count_delay_s, series_start
from hemadose.io.dicom.write_pet import write_pet
from hemadose.model import Grid, Sex
from hemadose.model.pet import BodySize, DecayReference, PetScan, SuvMeasure

ZONE = timezone(timedelta(hours=1))
START = datetime(2025, 3, 3, 10, 0, tzinfo=ZONE)
GA68_S = 67.71 * 60.0
FRAME_S = 180.0
GRID = Grid.axial(
    shape=(8, 10, 12), spacing_mm=(3.0, 4.0, 4.5), origin_mm=(-20, -30, 100), frame_of_reference_uid="2.25.7"
)
IDENTITY = DicomIdentity(
    pseudonym="VP-1", sex=Sex.MALE, height_cm=178.0, weight_kg=75.0, study_at=START, seed="pet-test"
)
DELAY = timedelta(seconds=mean_count_delay_s(FRAME_S, half_life_s=GA68_S))
BEDS = tuple(START + timedelta(seconds=FRAME_S * (k // 4)) for k in range(8))


def scan(**changes) -> PetScan:
    values = np.random.default_rng(3).random(GRID.shape) * np.linspace(1e3, 4e4, 8)[:, None, None]
    facts = {
        "values": values,
        "grid": GRID,
        "measure": None,
        "decay": DecayReference.START,
        "started_at": START,
        "slice_at": tuple(bed + DELAY for bed in BEDS),
        "frame_duration_s": FRAME_S,
        "half_life_s": GA68_S,
        "injected_activity_bq": 145e6,
        "injected_at": START - timedelta(minutes=60),
        "body": BodySize(weight_kg=75.0, height_cm=178.0, sex=Sex.MALE),
        "tracer": "68Ga-Pentixafor",
        "nuclide": "Ga-68",
        "corrections": frozenset({"ATTN", "SCAT", "DTIM"}),
    }
    return PetScan(**(facts | changes))


@pytest.fixture
def folder(tmp_path) -> Path:
    write_pet(scan(), tmp_path / "pet", identity=IDENTITY)
    return tmp_path / "pet"


def edit(folder: Path, change) -> Path:
    """Apply a change to every slice: change(dataset, radiopharmaceutical, index)."""
    for index, path in enumerate(sorted(folder.iterdir())):
        d = pydicom.dcmread(path)
        change(d, d.RadiopharmaceuticalInformationSequence[0], index)
        d.save_as(path)
    return folder


def put(**values):
    def change(d, item, _):
        for name, value in values.items():
            setattr(d, name, value)

    return change


def inject(**values):
    def change(d, item, _):
        for name, value in values.items():
            if value is None:
                delattr(item, name)
            else:
                setattr(item, name, value)

    return change


# --- what is right ----------------------------------------------------------------------------------------


def test_round_trip(folder):
    """Values to the 16 bits of each slice's own slope; every fact comes back."""
    found, written = read_pet(folder), scan()
    step = written.values.max(axis=(1, 2)) / 32767.0
    assert (np.abs(found.values - written.values).max(axis=(1, 2)) <= 0.51 * step).all()
    assert found.grid.matches(GRID)
    for name in ("decay", "injected_activity_bq", "injected_at", "body", "tracer", "nuclide", "measure"):
        assert getattr(found, name) == getattr(written, name)
    assert found.started_at == START
    assert found.half_life_s == pytest.approx(GA68_S)
    assert all(abs(a - b) < timedelta(milliseconds=1) for a, b in zip(found.slice_at, written.slice_at, strict=True))
    assert found.notes == ()


def test_slopes_differ_between_slices(folder):
    slopes = [float(pydicom.dcmread(p).RescaleSlope) for p in sorted(folder.iterdir())]
    assert max(slopes) > 5 * min(slopes)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("decay", list(DecayReference))
def test_the_standards_own_checker_finds_nothing(tmp_path, decay):
    write_pet(scan(decay=decay), tmp_path, identity=IDENTITY)
    done = subprocess.run(["dciodvfy", str(tmp_path / "pet0005.dcm")], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "PETImage"


def test_another_reader_sees_the_same_place(folder):
    """SimpleITK places every voxel where we do."""
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage([str(p) for p in sorted(folder.iterdir())])
    for index in ((0, 0, 0), (7, 9, 11), (3, 2, 5)):
        theirs = image.TransformIndexToPhysicalPoint([int(i) for i in reversed(index)])
        assert theirs == pytest.approx(tuple(GRID.index_to_mm(index)), abs=1e-4)


def test_study_facts_agree(folder):
    """The reader of all modalities takes the PET's dose as Bq."""
    facts = study_facts(folder / "pet0001.dcm")
    assert facts.injected_activity_bq == 145e6
    assert facts.injected_at == START - timedelta(minutes=60)


@pytest.mark.parametrize("decay", list(DecayReference))
def test_every_decay_reference_reads_back(tmp_path, decay):
    write_pet(scan(decay=decay), tmp_path, identity=IDENTITY)
    found = read_pet(tmp_path)
    assert found.decay is decay
    assert ("DECY" in found.corrections) is (decay is not DecayReference.NONE)


@pytest.mark.parametrize(
    ("direction", "flip"),
    [
        ((-1, 0, 0, 0, 1, 0), (False, True)),  # feet first, supine
        ((-1, 0, 0, 0, -1, 0), (True, True)),  # head first, prone
        ((1, 0, 0, 0, -1, 0), (True, False)),  # feet first, prone
    ],
)
def test_however_the_patient_lay(folder, direction, flip):
    """The same voxels stored in the scanner's orientation read back to the same place and order."""
    rows, columns = flip

    def turn(d, item, _):
        plane = d.pixel_array
        plane = plane[::-1] if rows else plane
        plane = plane[:, ::-1] if columns else plane
        d.PixelData = np.ascontiguousarray(plane).tobytes()
        x, y, z = (float(v) for v in d.ImagePositionPatient)
        x += 11 * 4.5 if columns else 0.0
        y += 9 * 4.0 if rows else 0.0
        d.ImagePositionPatient = [x, y, z]
        d.ImageOrientationPatient = list(direction)

    found = read_pet(edit(folder, turn))
    assert found.grid.matches(GRID)
    assert np.allclose(found.values, scan().values, atol=1.0)
    assert found.slice_at[0] < found.slice_at[-1]


def test_lossless_compression(folder):
    edit(folder, lambda d, item, _: d.compress(pydicom.uid.RLELossless))
    assert np.allclose(read_pet(folder).values, scan().values, atol=1.0)


# --- times and decay --------------------------------------------------------------------------------------


def test_decay_factors_of_real_headers():
    """Siemens headers of TCIA ACRIN-FLT-Breast, F-18: 300 s from the start 1.01587; 180 s after 16 min 1.11682."""
    at = datetime(1960, 6, 14, 15, 23, 16, 921000, tzinfo=UTC)
    first = SliceClock(acquired_at=at, duration_s=300.0)
    assert decay_factor(first, reference_at=at, half_life_s=6586.2) == pytest.approx(1.01587, abs=5e-6)
    late = SliceClock(acquired_at=at + timedelta(seconds=959.999962), duration_s=180.0)
    assert decay_factor(late, reference_at=at, half_life_s=6586.2) == pytest.approx(1.11682, abs=5e-6)
    assert mean_count_delay_s(300.0, half_life_s=6586.2) == pytest.approx(149.60534, abs=1e-4)


def clocks(reference=True):
    return [
        SliceClock(
            acquired_at=bed,
            duration_s=FRAME_S if reference else None,
            reference_s=(bed + DELAY - START).total_seconds() if reference else None,
        )
        for bed in BEDS[4:]  # the first bed is gone: only FrameReferenceTime knows the start
    ]


def test_start_of_a_series_after_qiba():
    """Series time; if that is later than the images: GE's scan time, frame reference time, first acquisition."""
    later = START + timedelta(hours=5)

    def start(series_at, given, ge=None):
        return series_start(series_at=series_at, clocks=given, manufacturer_at=ge, half_life_s=GA68_S)

    assert start(START, clocks()) == (START, ())
    moment, notes = start(later, clocks(), ge=START - timedelta(seconds=20))
    assert moment == START - timedelta(seconds=20)
    assert "manufacturer" in notes[0]
    moment, notes = start(later, clocks())
    assert abs(moment - START) < timedelta(milliseconds=1)
    assert "FrameReferenceTime" in notes[0]
    moment, notes = start(None, clocks(reference=False))
    assert moment == BEDS[4]
    assert "first acquisition" in notes[0]


def test_a_series_made_later_keeps_its_uptake(folder):
    """Processed in the afternoon with a new series time: SUV as before, with a note."""
    before = standardised_uptake(read_pet(folder)).values
    found = read_pet(edit(folder, put(SeriesTime="153000")))
    assert np.allclose(standardised_uptake(found).values, before, rtol=1e-4)
    assert any("series time lies after" in note for note in found.notes)


def test_ge_private_scan_time(folder):
    def ge(d, item, _):
        d.SeriesTime = "153000"
        d.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20250303100000.00")

    found = read_pet(edit(folder, ge))
    assert found.started_at == START
    assert any("private scan time" in note for note in found.notes)


@pytest.mark.parametrize(
    ("flag", "fits"), [("ADMIN", "START, which the factors fit"), ("NONE", "START, which the factors fit")]
)
def test_wrong_decay_flag_is_found_by_the_decay_factors(folder, flag, fits):
    corrected = ["ATTN", "SCAT"] if flag == "NONE" else ["ATTN", "DECY", "SCAT"]
    with pytest.raises(DicomError, match=fits):
        read_pet(edit(folder, put(DecayCorrection=flag, CorrectedImage=corrected)))


def test_start_flag_on_values_corrected_to_the_injection(tmp_path):
    """The costliest mistake: SUV would be 85 % too high."""
    write_pet(scan(decay=DecayReference.ADMINISTRATION), tmp_path, identity=IDENTITY)
    with pytest.raises(DicomError, match=r"85 %.*ADMIN, which the factors fit"):
        read_pet(edit(tmp_path, put(DecayCorrection="START")))


def test_small_disagreement_is_a_note_and_missing_factors_too(folder):
    """Series time one minute and a half early: 1.5 %."""
    found = read_pet(edit(folder, put(SeriesTime="095830")))
    assert any("-1.5 %" in note for note in found.notes)
    found = read_pet(edit(folder, lambda d, item, _: delattr(d, "DecayFactor")))
    assert any("could not be checked" in note for note in found.notes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"DecayCorrection": ""}, "DecayCorrection is missing"),
        ({"DecayCorrection": "SCAN"}, "unknown decay correction"),
        ({"CorrectedImage": ["ATTN"]}, "contradict"),
        ({"DecayCorrection": "NONE"}, "contradict"),
    ],
)
def test_decay_flags_that_contradict(folder, values, message):
    with pytest.raises(DicomError, match=message):
        read_pet(edit(folder, put(**values)))


# --- injection and body -----------------------------------------------------------------------------------


def test_injection_without_its_date(folder):
    found = read_pet(edit(folder, inject(RadiopharmaceuticalStartDateTime=None)))
    assert found.injected_at == START - timedelta(minutes=60)
    assert any("the day of the scan was taken" in note for note in found.notes)


def test_scan_after_midnight(tmp_path):
    """Injected at 23:40, scanned at 00:30, date missing: 50 min, not minus 23 h."""
    midnight = datetime(2025, 3, 4, 0, 30, tzinfo=ZONE)
    late = scan(
        started_at=midnight,
        slice_at=tuple(midnight + DELAY for _ in range(8)),
        injected_at=midnight - timedelta(minutes=50),
    )
    write_pet(late, tmp_path, identity=IDENTITY)
    found = read_pet(edit(tmp_path, inject(RadiopharmaceuticalStartDateTime=None)))
    assert found.injected_at == midnight - timedelta(minutes=50)
    assert any("midnight" in note for note in found.notes)


def test_clock_slip_without_date_is_not_a_day(folder):
    """Injection one minute after the scan by a wrong clock: 24 h would be 21 half-lives."""
    found = read_pet(edit(folder, inject(RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime="100100")))
    with pytest.raises(TimingError, match="21 half-lives"):
        standardised_uptake(found)


def test_injection_time_with_its_own_zone(folder):
    found = read_pet(edit(folder, inject(RadiopharmaceuticalStartDateTime="20250303080000.0+0000")))
    assert found.injected_at == START - timedelta(minutes=60)


def test_files_without_zone(folder):
    edit(folder, lambda d, item, _: delattr(d, "TimezoneOffsetFromUTC"))
    edit(folder, inject(RadiopharmaceuticalStartDateTime="20250303090000"))
    before = standardised_uptake(read_pet(folder)).values
    assert any("no time zone" in note for note in read_pet(folder).notes)
    berlin = read_pet(folder, zone=ZoneInfo("Europe/Berlin"))
    assert berlin.started_at == START
    assert np.allclose(standardised_uptake(berlin).values, before)


def test_dose_in_mbq_is_refused_or_replaced(folder):
    edit(folder, inject(RadionuclideTotalDose="145"))
    with pytest.raises(DicomError, match=r"looks like MBq.*--activity-MBq"):
        read_pet(folder)
    stated = read_pet(folder, stated=StatedFacts(activity_bq=145e6))
    assert stated.injected_activity_bq == 145e6
    assert any("stated by the user" in note for note in stated.notes)


@pytest.mark.parametrize(("dose", "message"), [("0.000145", "implausible"), ("1.45e14", "implausible")])
def test_absurd_doses(folder, dose, message):
    with pytest.raises(DicomError, match=message):
        read_pet(edit(folder, inject(RadionuclideTotalDose=dose)))


def test_without_weight_there_is_no_suv(folder):
    found = read_pet(edit(folder, put(PatientWeight="")))
    assert found.body.weight_kg is None
    with pytest.raises(QuantityError, match=r"weight.*PatientWeight.*--weight-kg"):
        standardised_uptake(found)
    stated = read_pet(folder, stated=StatedFacts(weight_kg=75.0))
    assert standardised_uptake(stated).values.max() > 0


def test_weight_in_g_and_height_in_cm_are_left_out(folder):
    found = read_pet(edit(folder, put(PatientWeight="75000", PatientSize="178")))
    assert found.body == BodySize(sex=Sex.MALE)
    assert sum("left out" in note for note in found.notes) == 2


def test_stated_weight_far_from_the_header_is_noted(folder):
    found = read_pet(folder, stated=StatedFacts(weight_kg=100.0, height_cm=180.0, sex=Sex.FEMALE))
    assert found.body == BodySize(weight_kg=100.0, height_cm=180.0, sex=Sex.FEMALE)
    assert any("differs from the header's 75 kg" in note for note in found.notes)


def test_half_life_in_minutes_and_two_tracers(folder):
    with pytest.raises(DicomError, match="seconds"):
        read_pet(edit(folder, inject(RadionuclideHalfLife="1.13")))
    edit(folder, inject(RadionuclideHalfLife="4062.6"))
    with pytest.raises(DicomError, match="several radiopharmaceuticals"):
        read_pet(edit(folder, lambda d, item, _: d.RadiopharmaceuticalInformationSequence.append(item)))


# --- units ------------------------------------------------------------------------------------------------


def philips(suv_factor=None, activity_factor=None):
    def change(d, item, _):
        d.Units = "CNTS"
        block = d.private_block(0x7053, "Philips PET Private Group", create=True)
        if suv_factor is not None:
            block.add_new(0x00, "DS", str(suv_factor))
        if activity_factor is not None:
            block.add_new(0x09, "DS", str(activity_factor))

    return change


def test_philips_counts(folder):
    """Counts times (7053,xx09) are Bq/ml; with (7053,xx00) alone they are SUVbw, and nothing else is used."""
    bq = scan().values.max()
    found = read_pet(edit(folder, philips(suv_factor=0.002, activity_factor=0.5)))
    assert found.measure is None
    assert found.values.max() == pytest.approx(0.5 * bq, rel=1e-3)


def test_philips_suv_factor_alone(folder):
    found = read_pet(edit(folder, philips(suv_factor=0.002, activity_factor=0.0)))
    assert found.measure is SuvMeasure.BODY_WEIGHT
    assert standardised_uptake(found).values.max() == pytest.approx(0.002 * scan().values.max(), rel=1e-3)


def test_counts_without_factors_are_refused(folder):
    with pytest.raises(DicomError, match="private factor"):
        read_pet(edit(folder, put(Units="CNTS")))


@pytest.mark.parametrize(
    ("units", "suv_type", "measure"),
    [
        ("GML", None, SuvMeasure.BODY_WEIGHT),
        ("GML", "BW", SuvMeasure.BODY_WEIGHT),
        ("GML", "LBMJAMES128", SuvMeasure.LBM_JAMES),
        ("GML", "LBMJANMA", SuvMeasure.LBM_JANMAHASATIAN),
        ("CM2ML", "BSA", SuvMeasure.BODY_SURFACE),
    ],
)
def test_uptake_values_of_the_scanner(folder, units, suv_type, measure):
    changed = edit(folder, put(Units=units, **({} if suv_type is None else {"SUVType": suv_type})))
    assert read_pet(changed).measure is measure


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Units": "GML", "SUVType": "LBM"}, "GML LBM"),  # which formula is not said
        ({"Units": "GML", "SUVType": "IBW"}, "GML IBW"),
        ({"Units": "PROPCPS"}, "PROPCPS"),
        ({"Units": ""}, "Units is missing"),
        ({"CorrectedImage": ["DECY", "SCAT"]}, "attenuation"),
        ({"RescaleSlope": ""}, "RescaleSlope"),
    ],
)
def test_units_that_are_refused(folder, values, message):
    with pytest.raises(DicomError, match=message):
        read_pet(edit(folder, put(**values)))


def test_written_uptake_reads_back(tmp_path):
    write_pet(scan(measure=SuvMeasure.LBM_JANMAHASATIAN), tmp_path, identity=IDENTITY)
    assert read_pet(tmp_path).measure is SuvMeasure.LBM_JANMAHASATIAN


# --- slices -----------------------------------------------------------------------------------------------


def test_gaps_doubles_and_a_missing_end(folder):
    whole = sorted(folder.iterdir())
    kept = whole[3].read_bytes()
    whole[3].unlink()
    with pytest.raises(GeometryError, match=r"missing.*7.*8"):
        read_pet(folder)
    edit(folder, put(NumberOfSlices=7))
    with pytest.raises(GeometryError, match=r"6\.00 mm after slice 3"):
        read_pet(folder)
    whole[3].write_bytes(kept)
    (folder / "again.dcm").write_bytes(kept)
    edit(folder, put(NumberOfSlices=8))
    with pytest.raises(GeometryError, match="one position"):
        read_pet(folder)


def test_a_missing_last_slice_is_no_gap_but_missed(folder):
    sorted(folder.iterdir())[-1].unlink()
    with pytest.raises(GeometryError, match="PET slices are missing"):
        read_pet(folder)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.130"}, DicomError, "enhanced"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.20"}, DicomError, "not a PET slice"),
        ({"SeriesType": ["DYNAMIC", "IMAGE"], "NumberOfTimeSlices": 4}, DicomError, "dynamic"),
        ({"SeriesType": ["WHOLE BODY", "REPROJECTION"]}, DicomError, "reprojected"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, GeometryError, "one position|not axial"),
        ({"FrameOfReferenceUID": ""}, DicomError, "FrameOfReferenceUID"),
        ({"AcquisitionTime": ""}, DicomError, "AcquisitionTime"),
        ({"SeriesTime": "ab"}, TimingError, "unreadable"),
    ],
)
def test_series_that_are_refused(folder, values, error, message):
    with pytest.raises(error, match=message):
        read_pet(edit(folder, put(**values)))


def test_mixed_series_and_cut_pixels(folder):
    edit(folder, lambda d, item, k: setattr(d, "SeriesInstanceUID", f"1.2.{k // 4 + 1}"))
    with pytest.raises(DicomError, match=r"mixes several.*SeriesInstanceUID"):
        read_pet(folder)
    edit(folder, put(SeriesInstanceUID="1.2.3"))
    path = sorted(folder.iterdir())[2]
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(DicomError, match="cut short"):
        read_pet(folder)


def test_empty_and_missing_folders(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DicomError, match="no PET slices"):
        read_pet(tmp_path / "empty")
    with pytest.raises(DicomError, match="folder with one PET series"):
        read_pet(tmp_path / "nowhere")
    (tmp_path / "empty" / "note.txt").write_text("not DICOM")
    with pytest.raises(DicomError, match="not a readable DICOM"):
        read_pet(tmp_path / "empty")


def test_writer_refuses_what_it_would_have_to_invent(tmp_path):
    with pytest.raises(DicomError, match="injected_at"):
        write_pet(replace(scan(), injected_at=None), tmp_path, identity=IDENTITY)


def test_no_identifier_is_kept(folder):
    found = read_pet(edit(folder, put(PatientName="Doe^Jane", PatientID="4711")))
    assert "Doe" not in repr(found)
    assert "4711" not in repr(found)
