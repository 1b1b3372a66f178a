"""Files to image: activity comes back from projections made with known activity; beds, units, refusals.

Projections come from hemadose's own projector: these tests are about files, windows, times, units and places. How good
the projector is, is tested with it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pydicom
import pytest

from hemadose.errors import DicomError, InputError, QuantityError
from hemadose.imaging.camera.attenuation import attenuation_map
from hemadose.imaging.camera.projector import spect_projector
from hemadose.io.dicom import DicomIdentity, read_spect, write_ct_series
from hemadose.io.dicom.tomo_header import HeaderStyle, TomoStatements
from hemadose.io.dicom.write_tomo import write_tomo
from hemadose.io.nifti import read_image
from hemadose.model import Administration, EnergyWindow, Grid, Image, Quantity, Sex
from hemadose.model.projections import ProjectionSet
from hemadose.refdata.collimators import collimator
from hemadose.refdata.nuclides import nuclide
from hemadose.workflow.reconstruct import read_projections, reconstruct_study
from hemadose.workflow.reconstruct_files import write_reconstruction
from hemadose.workflow.reconstruct_plan import ReconstructionRequest

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
LU = nuclide("Lu-177")
GIVEN = Administration(
    agent="lu177-pentixather", nuclide=LU, measured_activity_bq=7e9, measured_at=NOON, residual_activity_bq=0.0,
    residual_measured_at=NOON, administered_at=NOON - timedelta(hours=24),
)  # fmt: skip
IDENTITY = DicomIdentity(pseudonym="VP-1", sex=Sex.FEMALE, height_cm=165.0, weight_kg=61.0, study_at=NOON, seed="test")
WINDOWS = (
    EnergyWindow(name="lower", lower_kev=166.4, upper_kev=187.2),
    EnergyWindow(name="upper", lower_kev=228.8, upper_kev=249.6),
    EnergyWindow(name="Lu-177 208", lower_kev=187.2, upper_kev=228.8),
)
COLLIMATOR = "siemens-symbia-melp"
FRAME, AXIS = "2.25.77", (8.0, -110.0)
BINS, PITCH, VIEWS, FRAME_S = 40, 9.6, 40, 30.0
CPS_PER_BQ = 9e-6


def grid(slices, first_mm):
    half = (BINS - 1) / 2 * PITCH
    return Grid.axial(
        shape=(slices, BINS, BINS), spacing_mm=(PITCH, PITCH, PITCH),
        origin_mm=(AXIS[0] - half, AXIS[1] - half, first_mm), frame_of_reference_uid=FRAME,
    )  # fmt: skip


def inside(where, centre, radii):
    """Ellipsoid or, with an infinite radius, cylinder, in mm about the axis."""
    index = np.stack(np.indices(where.shape), axis=-1)
    about = where.index_to_mm(index) - np.array([*AXIS, 0.0]) - np.array(centre)
    return (np.square(about / np.array(radii))).sum(axis=-1) <= 1.0


def activity_bq(where):
    """Bq a voxel at noon: a warm body, a hot ball left in front, a voxel-size shift to tell sides apart."""
    voxel_ml = where.voxel_volume_ml
    body = inside(where, (0, 0, 0), (150, 105, 1e9))
    ball = inside(where, (70, -40, -300), (36, 36, 36))
    return (2e4 * body + 4e5 * ball) * voxel_ml


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """CT of a water cylinder, and projections of one long field of 24 slices as numbers."""
    folder = tmp_path_factory.mktemp("phantom")
    ct_grid = Grid.axial(
        shape=(40, 80, 80), spacing_mm=(8.0, 5.0, 5.0), origin_mm=(AXIS[0] - 197.5, AXIS[1] - 197.5, -450.0),
        frame_of_reference_uid=FRAME,
    )  # fmt: skip
    water = np.where(inside(ct_grid, (0, 0, 0), (150, 105, 1e9)), 0, -1000).astype(np.int16)
    ct = Image(values=water, grid=ct_grid, quantity=Quantity.HOUNSFIELD)
    write_ct_series(ct, folder / "ct", identity=IDENTITY, acquired_at=NOON)
    whole = grid(24, -300.0 - 12 * PITCH)
    mu = attenuation_map(ct, whole, energy_kev=208.37, kvp=120.0).image_per_cm
    projector = spect_projector(
        grid=whole, angle_deg=np.arange(VIEWS) * 360.0 / VIEWS, radius_mm=240.0, axis_mm=AXIS, mu_per_cm=mu,
        response=collimator(COLLIMATOR).response(208.37),
    )  # fmt: skip
    rate = projector.forward(activity_bq(whole).astype(np.float32) * np.float32(CPS_PER_BQ))
    return folder, whole, rate


def bed_of(phantom, first, last, *, started_at=NOON, scatter=0.3):
    """Slices of the long field as one acquisition: decay from noon, flat scatter of 30 % in the windows beside."""
    _, whole, rate = phantom
    start = np.tile(np.arange(VIEWS // 2) * FRAME_S, 2)
    waited = (started_at - NOON).total_seconds()
    decay = np.array([LU.decay_factor(waited + s + FRAME_S / 2) for s in start])
    primary = rate[:, first:last] * FRAME_S * decay[:, None, None]
    under = scatter * primary
    # TEW turns windows of half the peak's width with the same counts a keV back into `under`
    counts = np.stack([under / 2, under / 2, primary + under])
    return ProjectionSet(
        counts=counts, windows=WINDOWS, angle_deg=np.arange(VIEWS) * 360.0 / VIEWS, radius_mm=np.full(VIEWS, 240.0),
        bin_mm=PITCH, slice_mm=PITCH, frame_duration_s=np.full(VIEWS, FRAME_S), frame_start_s=start,
        started_at=started_at, duration_s=VIEWS / 2 * FRAME_S, nuclide="Lu-177", collimator="MELP",
        frame_of_reference_uid=FRAME, axis_mm=AXIS, first_slice_mm=float(whole.affine[2, 3]) + first * PITCH,
    )  # fmt: skip


def stored(phantom, name, bed, **options):
    path = phantom[0] / name
    given = {"identity": IDENTITY, "administration": GIVEN, "series_number": 1, "style": HeaderStyle.SIEMENS}
    write_tomo(bed, path, **{**given, **options})
    return path


@pytest.fixture(scope="module")
def tomo(phantom):
    return stored(phantom, "tomo.dcm", bed_of(phantom, 0, 24))


@pytest.fixture(scope="module")
def quantitative(phantom, tomo):
    request = ReconstructionRequest(
        files=(tomo,), ct=phantom[0] / "ct", iterations=8, subsets=4, calibration_cps_per_mbq=CPS_PER_BQ * 1e6
    )
    return reconstruct_study(request)


def test_activity_comes_back(quantitative, phantom):
    """Total within 1 %, hot ball and warm body within 4 % of the truth at the start of the acquisition."""
    image = quantitative.scan.image
    assert image.quantity is Quantity.ACTIVITY_CONCENTRATION
    truth = activity_bq(image.grid) / image.grid.voxel_volume_ml
    inner = slice(3, -3)
    assert image.values[inner].sum() == pytest.approx(truth[inner].sum(), rel=0.01)
    ball = inside(image.grid, (70, -40, -300), (55, 55, 55))
    assert image.values[ball].sum() == pytest.approx(truth[ball].sum(), rel=0.04)
    warm = inside(image.grid, (-60, 0, -300), (50, 50, 80))
    assert image.values[warm].mean() == pytest.approx(truth[warm].mean(), rel=0.04)


def test_the_ball_is_on_the_patients_left_in_front(quantitative):
    image = quantitative.scan.image
    index = np.unravel_index(np.argmax(image.values), image.values.shape)
    at = image.grid.index_to_mm(index) - np.array([*AXIS, 0.0])
    assert np.linalg.norm(at - [70, -40, -300]) < 36.0


def test_what_was_done_is_told(quantitative):
    scan, settings = quantitative.scan, quantitative.settings
    assert scan.corrections == {"DECY", "ATTN", "SCAT"}
    assert scan.decay_reference_at == scan.started_at == NOON
    assert scan.duration_s == VIEWS / 2 * FRAME_S
    assert settings["window"] == "Lu-177 208"
    assert (settings["scatter_lower"], settings["scatter_upper"]) == ("lower", "upper")
    assert settings["kvp"] == 120.0
    assert settings["collimator"] == COLLIMATOR
    assert not any("beyond" in note or "outside" in note for note in quantitative.notes)
    assert set(quantitative.provenance.inputs) == {"projections 1", "ct"}
    assert quantitative.beds[0].nuclide == "Lu-177"


@pytest.mark.parametrize("style", [HeaderStyle.GE, HeaderStyle.OTHER])
def test_every_style_of_header_gives_the_same_image(phantom, quantitative, style):
    path = stored(phantom, f"{style.name}.dcm", bed_of(phantom, 0, 24), style=style, clockwise=True)
    request = ReconstructionRequest(files=(path,), ct=phantom[0] / "ct", calibration_cps_per_mbq=CPS_PER_BQ * 1e6)
    found = reconstruct_study(request).scan.image
    reference = quantitative.scan.image
    assert np.allclose(found.grid.affine, reference.grid.affine, atol=1e-2)
    assert np.abs(found.values - reference.values).max() < 0.01 * reference.values.max()


def test_counts_are_those_of_one_detector_in_the_acquisition_time(phantom, tomo, quantitative):
    counts = reconstruct_study(ReconstructionRequest(files=(tomo,), ct=phantom[0] / "ct")).scan
    image = quantitative.scan.image
    expected = image.values * image.grid.voxel_volume_ml * CPS_PER_BQ * counts.duration_s
    assert counts.image.quantity is Quantity.COUNTS
    assert counts.image.values == pytest.approx(expected, rel=1e-4)


def test_scatter_and_attenuation_left_out_are_noted_and_matter(phantom, tomo):
    plain = reconstruct_study(ReconstructionRequest(files=(tomo,), scatter="none", collimator="none", iterations=2))
    notes = " ".join(plain.notes)
    assert "scatter was not corrected" in notes
    assert "attenuation was not corrected" in notes
    assert "no resolution recovery" in notes
    assert plain.scan.corrections == {"DECY"}
    truth = activity_bq(plain.scan.image.grid).sum() * CPS_PER_BQ * plain.scan.duration_s
    assert plain.scan.image.values.sum() < 0.7 * truth


def test_dual_window(phantom, quantitative):
    """With k = 1 in the lower window alone, k Wp / Wl = 0.5 x 2: the same scatter from twice the counts."""
    bed = bed_of(phantom, 0, 24)
    bed = replace(bed, counts=bed.counts[[0, 2]] * np.array([2.0, 1.0], dtype=np.float32)[:, None, None, None],
                  windows=(WINDOWS[0], WINDOWS[2]))  # fmt: skip
    path = stored(phantom, "dew.dcm", bed)
    request = ReconstructionRequest(
        files=(path,), ct=phantom[0] / "ct", scatter="dew", calibration_cps_per_mbq=CPS_PER_BQ * 1e6
    )
    found = reconstruct_study(request).scan.image.values
    assert found == pytest.approx(quantitative.scan.image.values, abs=0.01 * float(found.max()))
    with pytest.raises(QuantityError, match="above the photopeak is missing") as caught:
        reconstruct_study(replace(request, scatter="tew"))
    assert "--scatter dew" in str(caught.value)


# --- beds -------------------------------------------------------------------------------------------


def test_two_beds_make_one_image(phantom, quantitative):
    """14 slices each, 4 of them in both; the upper bed follows a day later and is decayed by 10 %."""
    later = NOON + timedelta(hours=24)
    low = stored(phantom, "low.dcm", bed_of(phantom, 0, 14), series_number=5)
    high = stored(phantom, "high.dcm", bed_of(phantom, 10, 24, started_at=later), series_number=6)
    request = ReconstructionRequest(files=(high, low), ct=phantom[0] / "ct", calibration_cps_per_mbq=CPS_PER_BQ * 1e6)
    study = reconstruct_study(request)
    image, reference = study.scan.image, quantitative.scan.image
    assert image.grid.matches(reference.grid)
    assert study.scan.started_at == NOON
    assert any("38.4 mm" in note for note in study.notes)
    assert LU.decay_factor(24 * 3600.0) < 0.91
    ball = inside(image.grid, (70, -40, -300), (55, 55, 55))
    assert image.values[ball].sum() == pytest.approx(reference.values[ball].sum(), rel=0.03)
    upper = slice(16, 22)
    assert image.values[upper].sum() == pytest.approx(reference.values[upper].sum(), rel=0.02)


# --- files ------------------------------------------------------------------------------------------


def test_files_hold_the_same_image(quantitative, tomo, tmp_path):
    dicom, nifti, table, figure = write_reconstruction(quantitative, tmp_path, sources=(tomo,))
    image = quantitative.scan.image
    back = read_spect(dicom)
    assert back.image.grid.matches(image.grid)
    assert back.image.quantity is Quantity.ACTIVITY_CONCENTRATION
    assert np.abs(back.image.values - image.values).max() <= float(image.values.max()) / 65535
    assert back.duration_s == pytest.approx(quantitative.scan.duration_s)
    again = read_image(nifti, quantity=Quantity.ACTIVITY_CONCENTRATION, frame_of_reference_uid=FRAME)
    assert np.array_equal(again.values, image.values)
    assert np.allclose(again.grid.affine, image.grid.affine, atol=1e-4)
    told = json.loads(table.read_text())
    assert told["unit"] == "Bq/ml"
    assert told["settings"]["iterations"] == 8
    assert len(told["provenance"]["inputs"]["projections 1"]) == 64
    assert "VP-1" not in table.read_text()
    assert figure.read_bytes().startswith(b"<?xml")


# --- what is refused --------------------------------------------------------------------------------


def test_wrong_radionuclide(phantom, tomo):
    path = phantom[0] / "wrong.dcm"
    d = pydicom.dcmread(tomo)
    d.RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence[0].CodeMeaning = "^111^Indium"
    d.save_as(path)
    with pytest.raises(QuantityError, match="gamma line"):
        reconstruct_study(ReconstructionRequest(files=(path,)))
    with pytest.raises(DicomError, match="another radionuclide"):
        read_projections([path], stated=TomoStatements(nuclide="Lu-177"))


def test_ct_of_another_frame(phantom, tomo, tmp_path):
    image = Image(values=np.zeros((4, 4, 4), dtype=np.int16), quantity=Quantity.HOUNSFIELD,
                  grid=replace(grid(4, 0.0), shape=(4, 4, 4), frame_of_reference_uid="2.25.9"))  # fmt: skip
    write_ct_series(image, tmp_path / "ct", identity=IDENTITY, acquired_at=NOON)
    with pytest.raises(DicomError, match="different frames of reference"):
        reconstruct_study(ReconstructionRequest(files=(tomo,), ct=tmp_path / "ct"))


def test_ct_that_covers_little_or_most(phantom, tomo, tmp_path):
    slices = sorted((phantom[0] / "ct").iterdir())

    def with_slices(chosen):
        folder = tmp_path / f"ct{len(chosen)}"
        folder.mkdir()
        for path in chosen:
            (folder / path.name).write_bytes(path.read_bytes())
        return ReconstructionRequest(files=(tomo,), ct=folder, iterations=1)

    with pytest.raises(DicomError, match="does not cover the SPECT"):
        reconstruct_study(with_slices(slices[:8]))
    assert any("outside the CT" in note for note in reconstruct_study(with_slices(slices[:25])).notes)


def test_ct_without_tube_voltage(phantom, tomo, tmp_path):
    for path in (phantom[0] / "ct").iterdir():
        d = pydicom.dcmread(path)
        d.KVP = None
        d.save_as(tmp_path / path.name)
    request = ReconstructionRequest(files=(tomo,), ct=tmp_path, iterations=1)
    with pytest.raises(DicomError, match="--kvp"):
        reconstruct_study(request)
    assert reconstruct_study(replace(request, kvp=130.0)).settings["kvp"] == 130.0


def test_a_body_beyond_the_ct_is_noted(phantom, tomo, tmp_path):
    for path in sorted((phantom[0] / "ct").iterdir()):
        d = pydicom.dcmread(path)
        narrow = d.pixel_array[20:60, 20:60]  # 200 mm about the axis, of a body 300 mm wide
        d.Rows, d.Columns = narrow.shape
        d.ImagePositionPatient = [float(d.ImagePositionPatient[0]) + 100, float(d.ImagePositionPatient[1]) + 100,
                                  d.ImagePositionPatient[2]]  # fmt: skip
        d.PixelData = narrow.tobytes()
        d.save_as(tmp_path / path.name)
    found = reconstruct_study(ReconstructionRequest(files=(tomo,), ct=tmp_path, iterations=1))
    assert any("beyond the field of the CT in 40 slices" in note for note in found.notes)


def test_projections_without_a_place_fit_no_ct(phantom, tomo, tmp_path):
    d = pydicom.dcmread(tomo)
    del d.FrameOfReferenceUID
    d.save_as(tmp_path / "x.dcm")
    request = ReconstructionRequest(files=(tmp_path / "x.dcm",), iterations=1)
    assert any("fits no CT" in note for note in reconstruct_study(request).notes)
    with pytest.raises(DicomError, match="no place in the patient"):
        reconstruct_study(replace(request, ct=phantom[0] / "ct"))


def test_unknown_collimator(phantom, tomo):
    with pytest.raises(InputError, match="not in the tables") as caught:
        reconstruct_study(ReconstructionRequest(files=(tomo,), collimator="acme-9000"))
    assert COLLIMATOR in str(caught.value)
    nameless = stored(phantom, "nameless.dcm", replace(bed_of(phantom, 0, 24), collimator=None))
    with pytest.raises(InputError, match="do not name the collimator"):
        reconstruct_study(ReconstructionRequest(files=(nameless,)))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"scatter": "monte-carlo"}, "no such scatter correction"),
        ({"iterations": 0}, "at least one iteration"),
        ({"post_filter_mm": -1.0}, "implausible filter"),
        ({"scatter_filter_mm": 90.0}, "implausible filter"),
        ({"calibration_cps_per_mbq": 9.0}, "need attenuation correction"),
        ({"calibration_cps_per_mbq": 0.0}, "positive"),
    ],
)
def test_requests_that_make_no_sense(changes, text, tmp_path):
    with pytest.raises(InputError, match=text):
        ReconstructionRequest(files=(tmp_path / "x.dcm",), **changes)


def test_progress_runs_to_the_end(tomo):
    told = []
    reconstruct_study(
        ReconstructionRequest(files=(tomo,), iterations=2, scatter="none", collimator="none"),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1][0] == told[-1][1]
