"""The voxelised adults keep volumes, masses and places of the equations."""

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.model import Sex
from hemadose.physics.phantoms import reference_volumes_ml, stylised_adult

UID = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture(scope="module", params=list(Sex), ids=lambda s: s.value)
def adult(request):
    return request.param, stylised_adult(sex=request.param, voxel_mm=5.0, frame_of_reference_uid=UID)


def _volumes(anatomy):
    counts = np.bincount(anatomy.labels.values.ravel(), minlength=256)
    return {t.name: counts[t.label] * anatomy.labels.grid.voxel_volume_ml for t in anatomy.tissues}


def test_every_part_keeps_its_volume(adult):
    sex, anatomy = adult
    reference = reference_volumes_ml(sex)
    voxel = anatomy.labels.grid.voxel_volume_ml
    for name, volume in _volumes(anatomy).items():
        if name in reference:
            # half a voxel by construction, thin walls a little more where voxels run out
            assert volume == pytest.approx(reference[name], rel=0.005, abs=1.01 * voxel), name


def test_total_mass(adult):
    sex, anatomy = adult
    volumes = _volumes(anatomy)
    mass = sum(volumes[t.name] * t.density_g_per_ml for t in anatomy.tissues if t.label) / 1000.0
    # published 73.67 and 56.88 kg; the man lacks 403 g of breasts that the published adult carries
    assert mass == pytest.approx({Sex.MALE: 73.67 - 0.403, Sex.FEMALE: 56.88}[sex], rel=0.001)


def test_published_male_with_breasts_weighs_73_67_kg():
    anatomy = stylised_adult(sex=Sex.MALE, voxel_mm=8.0, frame_of_reference_uid=UID, as_published=True)
    volumes = _volumes(anatomy)
    mass = sum(volumes[t.name] * t.density_g_per_ml for t in anatomy.tissues if t.label) / 1000.0
    assert mass == pytest.approx(73.67, rel=0.001)
    assert volumes["uterus"] == pytest.approx(76.0, abs=0.6)


def test_places_are_those_of_the_equations(adult):
    sex, anatomy = adult
    expected_cm = {
        Sex.MALE: {"spleen": (11.0, 3.0, 37.0), "liver": (-8.91, -1.63, 37.07), "brain": (0, 0, 86.85)},
        Sex.FEMALE: {"spleen": (9.49, 2.94, 33.35), "liver": (-7.67, -1.65, 33.54)},
    }[sex]
    for name, centre in expected_cm.items():
        assert anatomy.region(name).centroid_mm == pytest.approx([10.0 * c for c in centre], abs=1.5)
    left, right = anatomy.region("kidney_left"), anatomy.region("kidney_right")
    assert left.centroid_mm[0] > 0.0 > right.centroid_mm[0]


def test_grid_is_axial_lps_with_planes_at_multiples_of_the_voxel(adult):
    _, anatomy = adult
    grid = anatomy.labels.grid
    edges = grid.affine[:3, 3] - 2.5
    assert np.allclose(edges / 5.0, np.round(edges / 5.0))
    assert np.allclose(grid.affine[:3, :3], [[0, 0, 5.0], [0, 5.0, 0], [5.0, 0, 0]])
    labels = anatomy.labels.values
    assert not (labels[0].any())
    assert not (labels[-1].any())
    assert not (labels[:, :, 0].any())
    assert not (labels[:, 0].any())


def test_marrow_fractions_sum_to_one(adult):
    _, anatomy = adult
    assert sum(t.red_marrow_fraction for t in anatomy.tissues) == pytest.approx(1.0)


def test_sexes_carry_their_own_organs():
    names = {
        sex: {t.name for t in stylised_adult(sex=sex, voxel_mm=9.0, frame_of_reference_uid=UID).tissues} for sex in Sex
    }
    assert "testes" in names[Sex.MALE]
    assert "uterus" not in names[Sex.MALE]
    assert "uterus" in names[Sex.FEMALE]
    assert "testes" not in names[Sex.FEMALE]


@pytest.mark.parametrize("voxel_mm", [0.5, 12.0, float("nan")])
def test_absurd_voxels_are_refused(voxel_mm):
    with pytest.raises(QuantityError, match="voxelised"):
        stylised_adult(sex=Sex.MALE, voxel_mm=voxel_mm, frame_of_reference_uid=UID)
