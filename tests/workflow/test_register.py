"""Registration from files: images, regions and landmarks carried over and written; what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hemadose.errors import GeometryError, InputError, QuantityError
from hemadose.imaging.registration.warping import carry_image, carry_region, invert
from hemadose.io.label_maps import write_label_regions
from hemadose.io.nifti import read_image, read_label_regions, write_image
from hemadose.io.transforms import read_transform
from hemadose.model import Grid, Image, Quantity, Region
from hemadose.model.transform import Transform
from hemadose.workflow.register import RegisterRequest, read_landmarks, register

pytest.importorskip("SimpleITK", reason="the extra 'registration' is not installed")

FIXED, MOVING = "nifti:fixed", "nifti:moving"
GRID = Grid.axial(shape=(40, 44, 48), spacing_mm=(5, 5, 5), origin_mm=(-117.5, -107.5, 0), frame_of_reference_uid=FIXED)


def body():
    """An ellipse of fat with organs, spine and lungs, edges as a scanner blurs them."""
    from scipy.ndimage import gaussian_filter

    index = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(GRID.index_to_mm(index), -1, 0)
    hu = np.full(GRID.shape, -1000.0)
    hu[(x / 100) ** 2 + (y / 75) ** 2 <= 1] = -90.0
    hu[(x / 92) ** 2 + (y / 67) ** 2 <= 1] = 20.0
    hu[(x / 18) ** 2 + ((y - 45) / 16) ** 2 <= 1] = 300.0
    masks = {
        "liver": ((x + 45) / 38) ** 2 + (y / 42) ** 2 + ((z - 110) / 45) ** 2 <= 1,
        "kidney_left": ((x - 50) / 18) ** 2 + ((y - 25) / 18) ** 2 + ((z - 80) / 36) ** 2 <= 1,
    }
    hu[masks["liver"]], hu[masks["kidney_left"]] = 90.0, 160.0
    hu[((x - 40) / 28) ** 2 + ((y + 15) / 35) ** 2 + ((z - 165) / 40) ** 2 <= 1] = -800.0
    return gaussian_filter(hu, 0.8).astype(np.float32), masks


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Fixed and moving CT (4 degrees, 12 mm), SPECT of the moving session, its regions, landmarks."""
    from scipy.spatial.transform import Rotation

    folder = tmp_path_factory.mktemp("pair")
    hu, masks = body()
    centre = np.array([0.0, 0.0, 100.0])
    turn = Rotation.from_rotvec(np.radians(4.0) * np.array([0.3, 0.5, 0.81])).as_matrix()
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, centre + np.array([7.0, -6.0, 7.7]) - turn @ centre
    truth = Transform(matrix=matrix, fixed_frame_uid=FIXED, moving_frame_uid=MOVING)
    back, away = invert(truth), replace(GRID, frame_of_reference_uid=MOVING)
    rng = np.random.default_rng(4)
    fixed = Image(values=hu, grid=GRID, quantity=Quantity.HOUNSFIELD)
    moving = carry_image(fixed, back, away)
    for name, image in (("fixed", fixed), ("moving", moving)):
        noisy = (image.values + rng.normal(0, 15, hu.shape)).astype(np.float32)
        write_image(replace(image, values=noisy), folder / f"{name}.nii.gz")
    spect = Image(values=np.where(masks["kidney_left"], 100.0, 1.0).astype(np.float32), grid=GRID,
                  quantity=Quantity.COUNTS)  # fmt: skip
    write_image(carry_image(spect, back, away), folder / "spect.nii.gz")
    drawn = [carry_region(Region(name=n, mask=m, grid=GRID), back, away) for n, m in masks.items()]
    write_label_regions(drawn, folder / "regions.nii.gz")
    points = np.array([[-40.0, 0, 110], [50, 25, 80], [0, 45, 60], [0, -40, 140]])
    rows = np.hstack([points, truth.map_points(points)])
    text = "name,fixed_x,fixed_y,fixed_z,moving_x,moving_y,moving_z\n"
    (folder / "landmarks.csv").write_text(
        text + "".join(f"p{i}," + ",".join(map(str, r)) + "\n" for i, r in enumerate(rows))
    )
    return folder, truth, masks


def test_rigid_with_everything(files, tmp_path):
    folder, _, masks = files
    answer = register(
        RegisterRequest(
            fixed=folder / "fixed.nii.gz", moving=folder / "moving.nii.gz", quantity="HU",
            regions=folder / "regions.nii.gz", also=(folder / "spect.nii.gz",), also_quantity="counts",
            landmarks=folder / "landmarks.csv", out=tmp_path,
        )
    )  # fmt: skip
    assert answer["rotation_deg"] == pytest.approx(4.0 * np.linalg.norm([0.3, 0.5, 0.81]), abs=0.15)
    assert answer["landmarks"]["max_mm"] < 2.0  # voxels of 5 mm, and little to see along the patient
    assert answer["quality"]["correlation_after"] > 0.95
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"transform.json", "transform.tfm", "moving_on_fixed.nii.gz", "spect_on_fixed.nii.gz",
                     "regions.nii.gz", "regions.json", "registration.png"}  # fmt: skip
    assert len(answer["written"]) == len(names)
    carried = {r.name: r for r in read_label_regions(tmp_path / "regions.nii.gz", reference=GRID)}
    for name, mask in masks.items():
        both = 2 * (carried[name].mask & mask).sum() / (carried[name].mask.sum() + mask.sum())
        assert both > 0.93, name
    found = read_transform(tmp_path / "transform.json")
    itk = read_transform(tmp_path / "transform.tfm", fixed_frame_uid=FIXED, moving_frame_uid=MOVING)
    assert np.allclose(found.matrix, itk.matrix)
    assert np.allclose(found.matrix, answer["matrix"])
    spect = read_image(tmp_path / "spect_on_fixed.nii.gz", quantity=Quantity.COUNTS, frame_of_reference_uid=FIXED)
    assert spect.values[masks["kidney_left"]].sum() > 0.8 * 100.0 * masks["kidney_left"].sum()
    assert (tmp_path / "registration.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "transform.json").read_text())["made_by"]["step"] == "imaging.register_rigid"


def test_deformable_writes_its_field(files, tmp_path):
    folder, _, _ = files
    answer = register(
        RegisterRequest(fixed=folder / "fixed.nii.gz", moving=folder / "moving.nii.gz", quantity="HU",
                        kind="deformable", check_inverse=False, out=tmp_path)
    )  # fmt: skip
    assert answer["quality"]["jacobian_min"] > 0.0
    assert {"transform.json", "transform.field.nii.gz"} <= {p.name for p in tmp_path.iterdir()}
    assert not (tmp_path / "transform.tfm").exists()
    assert read_transform(tmp_path / "transform.json").is_deformable


def test_nothing_is_written_when_it_is_refused(files, tmp_path):
    folder, _, _ = files
    out = tmp_path / "out"
    with pytest.raises(InputError, match="unknown kind"):
        register(
            RegisterRequest(fixed=folder / "fixed.nii.gz", moving=folder / "moving.nii.gz", kind="affine", out=out)
        )
    noise = np.random.default_rng(0).choice([-800.0, 40.0, 600.0], GRID.shape).astype(np.float32)
    write_image(Image(values=noise, grid=GRID, quantity=Quantity.HOUNSFIELD), tmp_path / "noise.nii.gz")
    with pytest.raises(GeometryError, match="too poor"):
        register(RegisterRequest(fixed=folder / "fixed.nii.gz", moving=tmp_path / "noise.nii.gz", quantity="HU",
                                 check_inverse=False, out=out))  # fmt: skip
    flat = np.full(GRID.shape, 40.0, dtype=np.float32)
    write_image(Image(values=flat, grid=GRID, quantity=Quantity.HOUNSFIELD), tmp_path / "flat.nii.gz")
    with pytest.raises(QuantityError, match="nothing to register"):
        register(
            RegisterRequest(fixed=folder / "fixed.nii.gz", moving=tmp_path / "flat.nii.gz", quantity="HU", out=out)
        )
    assert not out.exists()


def test_landmark_tables(tmp_path):
    head = "fixed_x,fixed_y,fixed_z,moving_x,moving_y,moving_z\n"
    (tmp_path / "a.csv").write_text(head + "1,2,3,4,5,6\n")
    fixed, moving = read_landmarks(tmp_path / "a.csv")
    assert fixed.tolist() == [[1, 2, 3]]
    assert moving.tolist() == [[4, 5, 6]]
    (tmp_path / "b.csv").write_text(head + "1,2,3,4,5,left\n")
    with pytest.raises(InputError, match="no number"):
        read_landmarks(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_text("fixed_x,fixed_y\n1,2\n")
    with pytest.raises(InputError):
        read_landmarks(tmp_path / "c.csv")
