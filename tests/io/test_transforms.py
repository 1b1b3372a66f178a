"""Transforms through JSON, ITK text and DICOM; against SimpleITK's own reader where it is installed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from hemadose.errors import DicomError, InputError
from hemadose.io.dicom import DicomIdentity, write_ct_series
from hemadose.io.dicom.registration import read_spatial_registration, write_spatial_registration
from hemadose.io.transforms import read_transform, write_transform
from hemadose.model import Grid, Image, Quantity, Sex
from hemadose.model.transform import RegistrationQuality, Transform
from hemadose.provenance import Provenance

FIXED, MOVING = "1.2.3.4.1", "1.2.3.4.2"
POINTS = np.random.default_rng(0).uniform(-100, 100, (20, 3))


def rigid():
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec([0.03, -0.05, 0.08]).as_matrix()
    matrix[:3, 3] = (7.0, -6.0, 7.7)
    return Transform(matrix=matrix, fixed_frame_uid=FIXED, moving_frame_uid=MOVING)


def deformable():
    grid = Grid.axial(shape=(6, 7, 8), spacing_mm=(10, 9, 8), origin_mm=(-30, -30, -30), frame_of_reference_uid=FIXED)
    field = np.random.default_rng(1).normal(0, 3, (*grid.shape, 3)).astype(np.float32)
    quality = RegistrationQuality(metric="demons", correlation_before=0.7, correlation_after=0.98,
                                  information_before=0.3, information_after=1.1, overlap=0.95, jacobian_min=0.6,
                                  inverse_error_mean_mm=0.7, notes=("a doubt",))  # fmt: skip
    made = Provenance(step="imaging.register_deformable", parameters={"method": "demons"})
    return replace(rigid(), displacement_mm=field, displacement_grid=grid, quality=quality, provenance=made)


def test_json_keeps_everything(tmp_path):
    before = deformable()
    written = write_transform(before, tmp_path / "t.json")
    assert [p.name for p in written] == ["t.json", "t.field.nii.gz"]
    after = read_transform(tmp_path / "t.json")
    assert np.allclose(after.map_points(POINTS), before.map_points(POINTS), atol=1e-4)
    assert after.quality == before.quality
    assert after.provenance == before.provenance
    first = [p.read_bytes() for p in written]
    write_transform(before, tmp_path / "t.json")
    assert [p.read_bytes() for p in written] == first


def test_itk_text_is_what_itk_reads(tmp_path):
    sitk = pytest.importorskip("SimpleITK", reason="the extra 'registration' is not installed")
    (path,) = write_transform(rigid(), tmp_path / "t.tfm")
    itk = sitk.ReadTransform(str(path))
    ours = rigid().map_points(POINTS)
    assert np.allclose([itk.TransformPoint(p) for p in POINTS.tolist()], ours, atol=1e-9)
    back = read_transform(path, fixed_frame_uid=FIXED, moving_frame_uid=MOVING)
    assert np.allclose(back.map_points(POINTS), ours, atol=1e-9)


@pytest.mark.parametrize("kind", ["Euler3DTransform", "VersorRigid3DTransform", "AffineTransform"])
def test_what_itk_writes_is_read(tmp_path, kind):
    sitk = pytest.importorskip("SimpleITK", reason="the extra 'registration' is not installed")
    made = sitk.AffineTransform(3) if kind == "AffineTransform" else getattr(sitk, kind)()
    made.SetCenter((10.0, -20.0, 30.0))
    made.SetTranslation((1.0, 2.0, 3.0))
    if kind == "Euler3DTransform":
        made.SetRotation(0.1, -0.2, 0.3)
    elif kind == "VersorRigid3DTransform":
        made.SetRotation((0.2, 0.3, 0.9), 0.25)
    else:
        made.SetMatrix((1.1, 0.1, 0, 0, 0.9, 0.05, 0, 0, 1.0))
    sitk.WriteTransform(made, str(tmp_path / "t.tfm"))
    ours = read_transform(tmp_path / "t.tfm", fixed_frame_uid=FIXED, moving_frame_uid=MOVING)
    assert np.allclose(ours.map_points(POINTS), [made.TransformPoint(p) for p in POINTS.tolist()], atol=1e-9)


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no displacement field"):
        write_transform(deformable(), tmp_path / "t.tfm")
    with pytest.raises(InputError, match="unknown ending"):
        write_transform(rigid(), tmp_path / "t.mat")
    with pytest.raises(InputError, match="readable"):
        read_transform(tmp_path / "none.json")
    (tmp_path / "x.json").write_text('{"format": "other"}')
    with pytest.raises(InputError, match="another kind"):
        read_transform(tmp_path / "x.json")
    (tmp_path / "y.json").write_text("[1, 2]")
    with pytest.raises(InputError, match="not a transform"):
        read_transform(tmp_path / "y.json")
    write_transform(rigid(), tmp_path / "t.tfm")
    with pytest.raises(InputError, match="frames of reference"):
        read_transform(tmp_path / "t.tfm")
    (tmp_path / "b.tfm").write_text(
        "#Insight Transform File V1.0\nTransform: BSplineTransform_double_3_3\nParameters: 1\n"
    )
    with pytest.raises(InputError, match="not read") as caught:
        read_transform(tmp_path / "b.tfm", fixed_frame_uid=FIXED, moving_frame_uid=MOVING)
    assert "BSpline" in str(caught.value)
    write_transform(deformable(), tmp_path / "d.json")
    (tmp_path / "d.field.nii.gz").write_bytes(b"no")
    with pytest.raises(InputError, match="displacement field"):
        read_transform(tmp_path / "d.json")


@pytest.fixture
def ct_file(tmp_path):
    grid = Grid.axial(shape=(8, 8, 8), spacing_mm=(3, 3, 3), origin_mm=(0, 0, 0), frame_of_reference_uid=FIXED)
    now = datetime(2025, 3, 3, 9, tzinfo=UTC)
    identity = DicomIdentity(pseudonym="VP-1", sex=Sex.MALE, height_cm=170, weight_kg=70, study_at=now, seed="reg")
    image = Image(values=np.zeros(grid.shape, dtype=np.int16), grid=grid, quantity=Quantity.HOUNSFIELD)
    write_ct_series(image, tmp_path / "ct", identity=identity, acquired_at=now)
    return tmp_path / "ct" / "ct0001.dcm"


def test_dicom_spatial_registration(tmp_path, ct_file):
    """The matrix in the file leads from the moving to the registered (fixed) frame; reading undoes that."""
    import pydicom

    path = tmp_path / "reg.dcm"
    write_spatial_registration(rigid(), path, fixed_file=ct_file, made_at=datetime(2025, 3, 4, tzinfo=UTC))
    d = pydicom.dcmread(path)
    assert d.FrameOfReferenceUID == FIXED
    assert d.StudyInstanceUID == pydicom.dcmread(ct_file).StudyInstanceUID
    item = next(i for i in d.RegistrationSequence if i.FrameOfReferenceUID == MOVING)
    matrix = np.array(item.MatrixRegistrationSequence[0].MatrixSequence[0].FrameOfReferenceTransformationMatrix, float)
    moving = rigid().map_points(POINTS)
    assert np.allclose(moving @ matrix.reshape(4, 4)[:3, :3].T + matrix.reshape(4, 4)[:3, 3], POINTS, atol=1e-4)
    back = read_spatial_registration(path, fixed_frame_uid=FIXED, moving_frame_uid=MOVING)
    assert np.allclose(back.map_points(POINTS), moving, atol=1e-4)
    inverse = read_spatial_registration(path, fixed_frame_uid=MOVING, moving_frame_uid=FIXED)
    assert np.allclose(inverse.map_points(moving), POINTS, atol=1e-4)
    with pytest.raises(DicomError, match="does not know the frame"):
        read_spatial_registration(path, fixed_frame_uid="1.9", moving_frame_uid=MOVING)
    with pytest.raises(DicomError, match="not a Spatial"):
        read_spatial_registration(ct_file, fixed_frame_uid=FIXED, moving_frame_uid=MOVING)
    with pytest.raises(DicomError, match="only rigid"):
        write_spatial_registration(deformable(), path, fixed_file=ct_file, made_at=datetime(2025, 3, 4, tzinfo=UTC))
    other = replace(rigid(), fixed_frame_uid="1.9")
    with pytest.raises(DicomError, match="not of the fixed"):
        write_spatial_registration(other, path, fixed_file=ct_file, made_at=datetime(2025, 3, 4, tzinfo=UTC))
