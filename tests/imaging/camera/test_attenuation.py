"""CT numbers to attenuation: nodes from composition, published slopes, averaging onto another grid."""

import numpy as np
import pytest

from hemadose.errors import GeometryError, QuantityError
from hemadose.imaging.camera.attenuation import (
    CT_EFFECTIVE_KEV,
    CT_KV,
    attenuation_map,
    effective_kev,
    hounsfield_curve,
)
from hemadose.model import Grid, Image, Quantity
from hemadose.physics.matter import medium, photon_table

CARNEY = {80: 3.64e-5, 100: 4.43e-5, 110: 4.92e-5, 120: 5.10e-5, 130: 5.51e-5, 140: 5.64e-5}
"""Med Phys 33:976 (2006), table I: /cm per HU beyond soft tissue at 511 keV; 9.6e-5 below."""


def per_cm(name, energy):
    matter = medium(name)
    return matter.density_g_per_ml * float(photon_table(matter, np.array([float(energy)])).total[0])


def hounsfield(name, energy):
    return 1000.0 * (per_cm(name, energy) / per_cm("water", energy) - 1.0)


@pytest.mark.parametrize(("kvp", "energy"), list(zip(CT_KV, CT_EFFECTIVE_KEV, strict=True)))
def test_effective_energies_follow_from_published_slopes(kvp, energy):
    excess = per_cm("cortical-bone", 511) / per_cm("water", 511) - 1.0
    assert excess / (CARNEY[int(kvp)] / 9.6e-5) * 1000.0 == pytest.approx(
        hounsfield("cortical-bone", energy), rel=0.005
    )


@pytest.mark.parametrize("kvp", [80.0, 110.0, 130.0])
@pytest.mark.parametrize("energy", [113.0, 140.5, 208.4, 364.5, 511.0])
def test_tissues_come_out_as_their_composition_says(kvp, energy):
    curve = hounsfield_curve(energy_kev=energy, kvp=kvp)
    for name, tolerance in (
        ("water", 1e-6), ("adipose", 1e-6), ("cortical-bone", 1e-6), ("lung", 1e-6),
        ("muscle", 0.012), ("blood", 0.01), ("red-marrow", 0.025), ("stylised-soft", 0.01),
    ):  # fmt: skip
        seen = float(curve(hounsfield(name, effective_kev(kvp))))
        assert seen == pytest.approx(per_cm(name, energy), rel=tolerance), name
    assert float(curve(-1000)) == 0.0


def test_water_is_that_of_nist():
    """NIST XCOM: water 0.1370 cm2/g at 200 keV, 0.1505 at 150 keV."""
    assert float(hounsfield_curve(energy_kev=200.0, kvp=120.0)(0)) == pytest.approx(0.1370, rel=0.002)
    assert float(hounsfield_curve(energy_kev=150.0, kvp=120.0)(0)) == pytest.approx(0.1505, rel=0.002)


def test_bilinear_is_published_practice_and_loses_fat():
    curve = hounsfield_curve(energy_kev=511.0, kvp=120.0, method="bilinear")
    slope = float(curve(1200) - curve(200)) / 1000.0
    assert slope == pytest.approx(CARNEY[120], rel=0.03)
    fat = hounsfield("adipose", effective_kev(120.0))
    assert float(curve(fat)) < 0.975 * per_cm("adipose", 511)


def test_voltage_matters_for_bone_and_not_for_soft_tissue():
    low, high = (hounsfield_curve(energy_kev=208.4, kvp=kvp) for kvp in (80.0, 140.0))
    assert float(high(1000)) > 1.1 * float(low(1000))
    assert float(high(50)) == pytest.approx(float(low(50)), rel=0.005)
    assert effective_kev(90.0) == pytest.approx((57.3 + 65.4) / 2.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"kvp": 60.0}, "tube voltage"), ({"kvp": 160.0}, "tube voltage"), ({"energy_kev": 10.0}, "this energy"),
     ({"method": "magic"}, "no such conversion")],
)  # fmt: skip
def test_what_is_not_covered_is_refused(change, says):
    with pytest.raises(QuantityError, match=says):
        hounsfield_curve(**({"energy_kev": 208.4, "kvp": 120.0} | change))


def ct_image(values, spacing=(3.0, 1.5, 1.5), origin=(0.0, 0.0, 0.0), uid="1.2.3"):
    grid = Grid.axial(shape=values.shape, spacing_mm=spacing, origin_mm=origin, frame_of_reference_uid=uid)
    return Image(values=values, grid=grid, quantity=Quantity.HOUNSFIELD)


def blocks():
    """CT of 20 x 32 x 32; halves of water and bone across columns, air below a slice."""
    values = np.zeros((20, 32, 32), dtype=np.int16)
    values[:, :, 16:] = 1000
    values[:4] = -1000
    return values


def spect_grid(shape=(12, 12, 12), origin=(0.75, 0.75, 1.5), pitch=6.0):
    return Grid.axial(shape=shape, spacing_mm=(pitch,) * 3, origin_mm=origin, frame_of_reference_uid="1.2.3")


def test_map_is_the_mean_over_each_voxel():
    ct = ct_image(blocks())
    # CT spans x, y of -0.75 to 47.25 mm and z of -1.5 to 58.5 mm; voxel edges at -2.25 + 6 n and -1.5 + 6 n
    found = attenuation_map(ct, spect_grid(), energy_kev=208.4, kvp=120.0)
    water, bone = (float(found.curve(h)) for h in (0, 1000))
    image = found.image_per_cm
    assert image[5, 4, 2] == pytest.approx(water, rel=1e-5)
    assert image[5, 4, 6] == pytest.approx(bone, rel=1e-5)
    assert image[5, 4, 4] == pytest.approx(
        (1.5 * water + 4.5 * bone) / 6.0, rel=1e-5
    )  # border at 23.25, voxel 21.75-27.75
    assert image[1, 4, 2] == 0.0  # air
    assert image[5, 4, 0] == pytest.approx(water * 4.5 / 6.0, rel=1e-5)  # partly beyond the CT
    assert image[11].max() == 0.0  # above the CT
    volume = image.sum(dtype=float) * 6.0**3
    wanted = found.curve(ct.values).sum() * 3.0 * 1.5**2
    assert volume == pytest.approx(wanted, rel=1e-4)


def test_direction_of_slices_and_rows_does_not_matter():
    ct = ct_image(blocks())
    straight = attenuation_map(ct, spect_grid(), energy_kev=208.4, kvp=120.0).image_per_cm
    affine = ct.grid.affine.copy()
    affine[:3, 3] += affine[:3, 0] * 19 + affine[:3, 2] * 31
    affine[:3, 0] *= -1
    affine[:3, 2] *= -1
    turned = Image(
        values=np.ascontiguousarray(ct.values[::-1, :, ::-1]),
        grid=Grid(shape=ct.grid.shape, affine=affine, frame_of_reference_uid="1.2.3"),
        quantity=Quantity.HOUNSFIELD,
    )
    again = attenuation_map(turned, spect_grid(), energy_kev=208.4, kvp=120.0).image_per_cm
    np.testing.assert_allclose(again, straight, atol=1e-6)


def test_a_tilted_ct_is_interpolated():
    values = np.zeros((30, 40, 40), dtype=np.int16)
    tilt = np.deg2rad(10.0)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 2.0], [-2.0 * np.sin(tilt), 2.0 * np.cos(tilt), 0],
                               [2.0 * np.cos(tilt), 2.0 * np.sin(tilt), 0]])  # fmt: skip
    ct = Image(
        values=values,
        grid=Grid(shape=values.shape, affine=affine, frame_of_reference_uid="1.2.3"),
        quantity=Quantity.HOUNSFIELD,
    )
    target = spect_grid(shape=(4, 4, 4), origin=(30.0, 25.0, 25.0))
    found = attenuation_map(ct, target, energy_kev=208.4, kvp=120.0)
    np.testing.assert_allclose(found.image_per_cm, float(found.curve(0)), rtol=1e-3)


def test_metal_is_noted():
    values = blocks()
    values[10:14, 5:10, 5:10] = 3000
    assert any(
        "metal" in note for note in attenuation_map(ct_image(values), spect_grid(), energy_kev=208.4, kvp=120.0).notes
    )
    assert not attenuation_map(ct_image(blocks()), spect_grid(), energy_kev=208.4, kvp=120.0).notes


def test_wrong_images_are_refused():
    with pytest.raises(GeometryError, match="frames of reference"):
        attenuation_map(ct_image(blocks(), uid="9.9"), spect_grid(), energy_kev=208.4, kvp=120.0)
    counts = Image(values=blocks().astype(float) + 1000, grid=ct_image(blocks()).grid, quantity=Quantity.COUNTS)
    with pytest.raises(GeometryError, match="CT in HU"):
        attenuation_map(counts, spect_grid(), energy_kev=208.4, kvp=120.0)
    with pytest.raises(GeometryError, match="no matter"):
        attenuation_map(ct_image(blocks(), origin=(900.0, 0.0, 0.0)), spect_grid(), energy_kev=208.4, kvp=120.0)
