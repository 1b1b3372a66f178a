"""Labelled phantoms from NIfTI, MetaImage, Interfile and the files of ICRP Publication 110."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest

from hemadose.errors import GeometryError, InputError
from hemadose.io.icrp110 import REFERENCE, Layout, read_icrp110
from hemadose.io.label_tables import hounsfield, read_label_table
from hemadose.io.nifti import write_image
from hemadose.io.phantoms import LabelledPhantom, read_labelled_phantom, to_axial
from hemadose.model import Anatomy, Grid, Image, Quantity
from hemadose.physics.matter import Medium, medium

UID = "1.2.3"


def approx(expected, rel=1e-6, abs=0.0):
    """As pytest's, without its absolute tolerance of 1e-12, beside which S values in Gy/(Bq s) vanish."""
    return pytest.approx(expected, rel=rel, abs=abs)


TABLE = """# made up
label,name,medium,density_g_per_ml,red_marrow_fraction,hounsfield
1,liver,soft_tissue,1.05,,45
2,spine,skeleton,1.4,0.25,
3,lungs,lung,0.296,,
"""


def block():
    """Labels that differ along every axis: liver right of the spine, lungs above."""
    values = np.zeros((3, 4, 5), dtype=np.int32)
    values[0, 1:3, 0:2] = 1
    values[0:2, 3, 2:4] = 2
    values[2, 1, 1] = 3
    grid = Grid.axial(
        shape=(3, 4, 5), spacing_mm=(5.0, 2.0, 3.0), origin_mm=(-7.0, 11.0, 100.0), frame_of_reference_uid=UID
    )
    return Image(values=values, grid=grid, quantity=Quantity.LABEL)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(TABLE)
    return path


def same(found, expected):
    assert np.array_equal(found.values, expected.values)
    found.grid.require_match(expected.grid)


def test_nifti_with_its_table(tmp_path, table):
    write_image(block(), tmp_path / "body.nii.gz")
    phantom = read_labelled_phantom(tmp_path / "body.nii.gz", table, frame_of_reference_uid=UID)
    same(phantom.anatomy.labels, block())
    assert phantom.anatomy.name == "body"
    assert phantom.anatomy.tissue("air").label == 0
    assert phantom.anatomy.tissue("spine").red_marrow_fraction == 0.25
    assert phantom.mass_kg("liver") == approx(4 * 0.030 * 1.05e-3)
    assert phantom.media["soft_tissue"] == medium("soft-tissue")
    assert phantom.media["skeleton"] == medium("stylised-bone")
    assert phantom.anatomy.tissue("liver").hounsfield == 45.0
    back = pickle.loads(pickle.dumps(phantom))
    assert dict(back.media) == dict(phantom.media)
    assert back.anatomy.tissues == phantom.anatomy.tissues


def test_a_computed_ct_number_is_that_of_the_stylised_skeleton():
    # stylised phantom: 605 HU for 1.40 g/ml, from NIST coefficients at 70 keV (its own table, 1995 data)
    assert hounsfield(medium("stylised-bone"), 1.40) == approx(605.0, abs=25.0)
    assert hounsfield(medium("stylised-lung"), 0.296) == approx(-708.0, abs=5.0)
    assert hounsfield(medium("water"), 1.0) == 0.0


def test_turned_and_flipped_images_come_out_axial():
    image = block()
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        for flips in ((), (0,), (1, 2), (0, 1, 2)):
            values, affine = image.values.transpose(order), image.grid.affine[:, [*order, 3]].copy()
            for axis in flips:
                values = np.flip(values, axis=axis)
                affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
                affine[:3, axis] *= -1.0
            grid = Grid(shape=values.shape, affine=affine, frame_of_reference_uid=UID)
            same(to_axial(Image(values=values, grid=grid, quantity=Quantity.LABEL)), image)


def test_oblique_images_are_refused():
    affine = np.eye(4)
    affine[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    grid = Grid(shape=(2, 2, 2), affine=affine, frame_of_reference_uid=UID)
    with pytest.raises(GeometryError, match="oblique"):
        to_axial(Image(values=np.zeros((2, 2, 2), dtype=np.int32), grid=grid, quantity=Quantity.LABEL))


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_metaimage(tmp_path, table, suffix):
    sitk = pytest.importorskip("SimpleITK")
    image = block()
    written = sitk.GetImageFromArray(image.values[:, ::-1].astype(np.uint8))
    written.SetSpacing((3.0, 2.0, 5.0))
    written.SetOrigin((-7.0, 11.0 + 3 * 2.0, 100.0))
    written.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(written, str(tmp_path / f"body{suffix}"))
    phantom = read_labelled_phantom(tmp_path / f"body{suffix}", table, frame_of_reference_uid=UID)
    same(phantom.anatomy.labels, image)


def test_metaimage_without_simpleitk(tmp_path, table, monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(InputError, match="SimpleITK") as caught:
        read_labelled_phantom(tmp_path / "body.mha", table, frame_of_reference_uid=UID)
    assert "hemadose[dev]" in str(caught.value)


def test_broken_metaimage(tmp_path, table):
    pytest.importorskip("SimpleITK")
    (tmp_path / "body.mha").write_text("ObjectType = Image\nNDims = 3\n")
    with pytest.raises(InputError, match="not a readable MetaImage"):
        read_labelled_phantom(tmp_path / "body.mha", table, frame_of_reference_uid=UID)
    with pytest.raises(InputError, match="file not found"):
        read_labelled_phantom(tmp_path / "none.mha", table, frame_of_reference_uid=UID)


def test_interfile(tmp_path, table):
    image = block()
    (tmp_path / "body.i33").write_bytes(image.values[::-1].astype("<u2").tobytes())
    (tmp_path / "body.h33").write_text(
        "!INTERFILE :=\n!name of data file := body.i33\n!total number of images := 3\n"
        "!matrix size [1] := 5\n!matrix size [2] := 4\n!number format := unsigned integer\n"
        "!number of bytes per pixel := 2\nscaling factor (mm/pixel) [1] := 3\n"
        "scaling factor (mm/pixel) [2] := 2\nslice thickness (pixels) := 5\n"
    )
    phantom = read_labelled_phantom(
        tmp_path / "body.h33", table, frame_of_reference_uid=UID, flip_slices=True, name="other", source="made up"
    )
    assert np.array_equal(phantom.anatomy.labels.values, image.values)
    assert phantom.anatomy.labels.grid.spacing_mm == (5.0, 2.0, 3.0)
    assert (phantom.anatomy.name, phantom.anatomy.source) == ("other", "made up")


def test_a_label_without_a_row(tmp_path, table):
    write_image(block(), tmp_path / "body.nii")
    table.write_text(TABLE.replace("3,lungs,lung,0.296,,\n", ""))
    with pytest.raises(InputError, match="without a row") as caught:
        read_labelled_phantom(tmp_path / "body.nii", table, frame_of_reference_uid=UID)
    assert (caught.value.field, caught.value.value) == ("label", "3")
    assert caught.value.remedy


def test_a_row_without_voxels_is_noted(tmp_path, table):
    write_image(block(), tmp_path / "body.nii")
    table.write_text(TABLE + "9,spleen,soft_tissue,1.05,,\n")
    phantom = read_labelled_phantom(tmp_path / "body.nii", table, frame_of_reference_uid=UID)
    assert phantom.notes == ("no voxel of the image is spleen",)


def test_unknown_suffix_and_a_ct_instead_of_labels(tmp_path, table):
    with pytest.raises(InputError, match="unknown format") as caught:
        read_labelled_phantom(tmp_path / "body.dat", table, frame_of_reference_uid=UID)
    assert caught.value.value == ".dat"
    ct = block()
    write_image(Image(values=ct.values - 1000, grid=ct.grid, quantity=Quantity.LABEL), tmp_path / "ct.nii")
    with pytest.raises(InputError, match="small whole numbers") as caught:
        read_labelled_phantom(tmp_path / "ct.nii", table, frame_of_reference_uid=UID)
    assert caught.value.value == "-1000 to -997"


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        ("density_g_per_ml", "density", "density_g_per_ml", "label, name"),
        ("2,spine", "1,spine", "label", "1"),
        ("2,spine", "2,liver", "name", "liver"),
        ("2,spine", "2.5,spine", "label", "2.5"),
        ("2,spine", "-2,spine", "label", "-2"),
        ("2,spine", "two,spine", "label", "'two'"),
        ("2,spine", "2,", "name", None),
        ("lung,0.296", "pumice,0.296", "medium", "pumice"),
        ("lung,0.296", "lung,0", "density_g_per_ml", "0 for lungs"),
        ("lung,0.296", "lung,-0.3", "density_g_per_ml", "-0.3 for lungs"),
        ("lung,0.296", "lung,nan", "density_g_per_ml", "'nan'"),
        ("1.4,0.25", "1.4,25", "red_marrow_fraction", "25"),
        ("1.05,,45", "1.05,0.8,45", "red_marrow_fraction", "1.05"),
        ("1.05,,45", "1.05,,HU", "hounsfield", "'HU'"),
    ],
)
def test_broken_label_tables(table, old, new, field, value):
    read_label_table(table)
    table.write_text(TABLE.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_label_table(table)
    assert str(table) in str(caught.value)
    assert field in caught.value.field
    assert value is None or value in caught.value.value
    assert caught.value.remedy


def test_air_may_weigh_nothing_and_media_may_be_brought(table):
    table.write_text("label,name,medium,density_g_per_ml\n0,outside,air,0\n1,phantom,plastic,1.19\n")
    plastic = Medium(
        name="plastic",
        density_g_per_ml=1.19,
        mass_fraction={"H": 0.08, "C": 0.6, "O": 0.32},
        mean_excitation_ev=74.0,
        source="made up",
    )
    tissues, media = read_label_table(table, media={"plastic": plastic})
    assert tissues[0].density_g_per_ml == 0.0
    assert media["plastic"] is plastic


def test_an_empty_label_table(table):
    table.write_text("label,name,medium,density_g_per_ml\n")
    with pytest.raises(InputError, match="no rows"):
        read_label_table(table)


def test_a_phantom_needs_all_compositions():
    tissues, media = (), {}
    image = Image(values=np.zeros((1, 1, 1), dtype=np.int32), grid=grid_of_one(), quantity=Quantity.LABEL)
    from hemadose.io.phantoms import AIR

    tissues = (AIR,)
    with pytest.raises(InputError, match="no composition"):
        LabelledPhantom(anatomy=Anatomy(name="x", labels=image, tissues=tissues), media=media)


def grid_of_one():
    return Grid.axial(shape=(1, 1, 1), spacing_mm=(1, 1, 1), origin_mm=(0, 0, 0), frame_of_reference_uid=UID)


# ICRP 110: files in the published layout (text with the data: 16 organ numbers a line; columns fastest, to the left;
# rows to the back; slices to the head; skin of first and last slice under a number of its own)

ORGANS = """Organs and tissues of a made up phantom

Organ Organ                                          Tissue  Density
ID                                                   number
1     Adrenal, left                                    43    1.030
14    Humeri, upper half, spongiosa                     4    1.205
86    Spleen                                           33    1.040
107   Muscle tissue                                    29    1.050
140   Air inside body                                  53    0.001
141   Skin at top and bottom                           27    1.090
"""
MEDIA = """                                               1     6     7     8    11    12    15    16    17    19    20    26    53
No.   Medium                                     H     C     N     O    Na    Mg     P     S    Cl     K    Ca    Fe     I

4     Humeri, upper half, spongiosa            8.5  28.8   2.6  49.8   0.2   0.1   6.0   0.2   0.1   0.1  13.6   0.0   0.0
27    Skin                                    10.0  19.9   4.2  65.0   0.2   0.0   0.1   0.2   0.3   0.1   0.0   0.0   0.0
29    Muscle tissue                           10.2  14.2   3.4  71.1   0.1   0.0   0.2   0.3   0.1   0.4   0.0   0.0   0.0
33    Spleen                                  10.3  11.2   3.2  74.3   0.1   0.0   0.2   0.2   0.2   0.3   0.0   0.0   0.0
43    Adrenals                                10.4  22.8   2.8  63.0   0.1   0.0   0.2   0.3   0.2   0.2   0.0   0.0   0.0
53    Air                                      0.0   0.0  80.0  20.0   0.0   0.0   0.0   0.0   0.0   0.0   0.0   0.0   0.0
""".replace("49.8   0.2   0.1   6.0", "44.8   0.2   0.1   5.0").replace("13.6", " 9.6")  # fmt: skip
SPONGIOSA = "Med  RBM   YBM   Bone\n4   0.375 0.425 0.200\n"
SMALL = Layout(shape=(4, 3, 7), voxel_mm=(8.0, 2.0, 3.0))


def small_body():
    values = np.full(SMALL.shape, 107)
    values[:, 0, :] = 0
    values[0, 1, :] = values[3, 1, :] = 141
    values[1, 2, 0], values[1, 2, 6], values[2, 2, 1:3], values[2, 1, 3] = 86, 1, 14, 140
    return values


@pytest.fixture
def icrp(tmp_path):
    numbers = small_body().ravel().tolist()
    lines = [" ".join(f"{n:4d}" for n in numbers[i : i + 16]) for i in range(0, len(numbers), 16)]
    (tmp_path / "AM.dat").write_text("\r\n".join(lines) + "\r\n")
    (tmp_path / "AM_organs.dat").write_text(ORGANS)
    (tmp_path / "AM_media.dat").write_text(MEDIA)
    (tmp_path / "AM_spongiosa.dat").write_text(SPONGIOSA)
    return tmp_path


def read(folder, **more):
    return read_icrp110(folder, phantom="AM", frame_of_reference_uid=UID, layout=SMALL, **more)


def test_icrp110_lies_as_it_should(icrp):
    phantom = read(icrp)
    labels = phantom.anatomy.labels
    assert labels.grid.index_to_mm([1, 2, 6]).tolist() == [18.0, 4.0, 8.0]  # left, back, up in LPS
    assert labels.values[1, 2, 6] == phantom.anatomy.tissue("adrenal_left").label == 1
    assert labels.values[1, 2, 0] == phantom.anatomy.tissue("spleen").label == 86
    assert phantom.mass_kg("spleen") == approx(0.048 * 1.04e-3)
    assert phantom.notes == ()


def test_icrp110_media_sum_to_one_and_carry_their_excitation_energy(icrp):
    phantom = read(icrp)
    for tissue in phantom.anatomy.tissues:
        assert sum(phantom.media[tissue.medium].mass_fraction.values()) == approx(1.0)
    muscle = phantom.media[phantom.anatomy.tissue("muscle_tissue").medium]
    assert muscle.mass_fraction["O"] == approx(0.711, abs=1e-3)
    # ICRP skeletal muscle, ICRU 37: 75.3 eV
    assert muscle.mean_excitation_ev == approx(75.3, rel=0.01)
    assert phantom.anatomy.tissue("muscle_tissue").hounsfield == approx(50.0, abs=10.0)
    assert phantom.anatomy.tissue("air_inside_body").hounsfield == approx(-999.0, abs=1.0)


def test_icrp110_skin_of_the_ends(icrp):
    assert not np.any(read(icrp).anatomy.labels.values == 141)
    kept = read(icrp, keep_end_skin=True)
    assert np.array_equal(kept.anatomy.labels.values, small_body())
    assert kept.anatomy.tissue("skin_at_top_and_bottom").density_g_per_ml == 1.09


def test_icrp110_red_marrow(icrp):
    (icrp / "AM_organs.dat").write_text(
        ORGANS.replace("86    Spleen                                           33", "86    Sternum, spongiosa    4")
    )
    phantom = read(icrp)
    # one voxel of 1.04 g/ml and two of 1.205 g/ml with the same mass ratio
    assert phantom.anatomy.tissue("sternum_spongiosa").red_marrow_fraction == approx(1.04 / (1.04 + 2.41))
    assert sum(t.red_marrow_fraction for t in phantom.anatomy.tissues) == approx(1.0)
    (icrp / "AM_spongiosa.dat").unlink()
    bare = read(icrp)
    assert sum(t.red_marrow_fraction for t in bare.anatomy.tissues) == 0.0
    assert "no red marrow" in bare.notes[0]


def test_icrp110_reference_sizes():
    # Publication 110, table 3: voxels of 36.54 and 15.25 mm3
    for name, volume in (("AM", 36.54), ("AF", 15.25)):
        assert np.prod(REFERENCE[name].voxel_mm) == approx(volume, abs=0.01)


def test_icrp110_with_the_last_line_filled_up(icrp):
    text = (icrp / "AM.dat").read_text()
    (icrp / "AM.dat").write_text(text.rstrip() + "   0" * 12 + "\n")
    assert np.array_equal(read(icrp).anatomy.labels.values, np.where(small_body() == 141, 0, small_body()))
    (icrp / "AM.dat").write_text(text.rstrip() + "   7\n")
    with pytest.raises(InputError, match="number of voxels"):
        read(icrp)


def test_icrp110_density_in_the_media_file_is_left_to_the_organs(icrp):
    lines = [line + "  1.000" if line[:1].isdigit() else line for line in MEDIA.splitlines()]
    (icrp / "AM_media.dat").write_text("\n".join(lines))
    assert read(icrp).anatomy.tissue("spleen").density_g_per_ml == 1.04


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("AM.dat", " 107", " one", "hold something else"),
        ("AM.dat", " 107", " 107 107", "number of voxels"),
        ("AM.dat", "  86", " -86", "negative"),
        ("AM_organs.dat", "86    Spleen", "87    Spleen", "not described"),
        ("AM_organs.dat", "86    Spleen", "1     Spleen", "not in the format"),
        ("AM_organs.dat", "1.040", "heavy", "not in the format"),
        ("AM_organs.dat", "1.040", "0.000", "not in the format"),
        ("AM_media.dat", "33    Spleen", "34    Spleen", "not described"),
        ("AM_media.dat", "33    Spleen", "43    Spleen", "not in the format"),
        ("AM_media.dat", "74.3", "44.3", "not in the format"),
        ("AM_media.dat", "74.3  ", "", "not in the format"),
        ("AM_spongiosa.dat", "0.375", "RBM", "marrow mass ratios"),
        ("AM_spongiosa.dat", "4   0.375", "5   0.375", "holds red marrow"),
    ],
)
def test_broken_icrp110_files(icrp, file, old, new, message):
    text = (icrp / file).read_text()
    assert old in text
    (icrp / file).write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        read(icrp)
    assert str(icrp) in caught.value.source


def test_missing_icrp110_files(icrp):
    with pytest.raises(InputError, match="no size is known"):
        read_icrp110(icrp, phantom="XX", frame_of_reference_uid=UID)
    (icrp / "AM_media.dat").unlink()
    with pytest.raises(InputError, match="file not found"):
        read(icrp)
    (icrp / "AM_organs.dat").write_text("nothing\n")
    with pytest.raises(InputError, match="no line describes an organ"):
        read(icrp)
