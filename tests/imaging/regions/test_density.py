"""Density from CT against the published equations; mass of boxes of known size on like and unlike grids."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import GeometryError, QuantityError, RegionError
from hemadose.imaging.regions.density import DensityCurve, mass_density_g_per_ml, region_mass, region_masses
from hemadose.model import Grid, Image, Quantity, Region

UID = "1.2.826.0.1.3680043.2.1125.32"


def ct(hu=40.0, shape=(20, 30, 30), mm=(3.0, 2.0, 2.0)):
    g = Grid.axial(shape=shape, spacing_mm=mm, origin_mm=(0, 0, 0), frame_of_reference_uid=UID)
    return Image(values=np.full(shape, hu, dtype=np.float32), grid=g, quantity=Quantity.HOUNSFIELD)


def box(grid, low, high, name="liver"):
    mask = np.zeros(grid.shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return Region(name=name, mask=mask, grid=grid)


# Schneider et al., Phys Med Biol 2000;45:459, equations 20-24
@pytest.mark.parametrize(
    ("hu", "equation"),
    [
        (-1000.0, 1.03091 - 1.0297),
        (-700.0, 1.03091 - 1.0297e-3 * 700),
        (-98.0, 1.03091 - 1.0297e-3 * 98),
        (-50.0, 1.018 - 0.893e-3 * 50),
        (0.0, 1.018),
        (18.0, 1.03),
        (60.0, 1.003 + 1.169e-3 * 60),
        (150.0, 1.017 + 0.592e-3 * 150),
        (1000.0, 1.017 + 0.592e-3 * 1000),
        (1600.0, 1.017 + 0.592e-3 * 1600),
        (2900.0, 1.017 + 0.592e-3 * 2900),
    ],
)
def test_published_equations(hu, equation):
    assert float(mass_density_g_per_ml(hu)) == pytest.approx(equation, abs=1e-3)


def test_beyond_the_curve_it_is_constant():
    assert float(mass_density_g_per_ml(-1024.0)) == float(mass_density_g_per_ml(-1000.0))
    with pytest.raises(QuantityError, match="finite"):
        mass_density_g_per_ml([np.nan])


@pytest.mark.parametrize(
    ("hu", "rho"), [((0.0, 0.0), (1.0, 1.0)), ((0.0,), (1.0,)), ((0.0, 1.0), (1.0, -1.0)), ((0.0, 1.0), (1.0, 1500.0))]
)
def test_bad_curves_are_refused(hu, rho):
    with pytest.raises(QuantityError):
        DensityCurve(hounsfield=hu, g_per_ml=rho, source="x")


def test_mass_of_a_box():
    image = ct(40.0)
    mass = region_mass(image, box(image.grid, (2, 5, 5), (12, 25, 25)))
    assert mass.volume_ml == pytest.approx(10 * 3 * 20 * 2 * 20 * 2 / 1000)
    assert mass.mass_g == pytest.approx(mass.volume_ml * (1.003 + 1.169e-3 * 40), rel=1e-3)
    assert (mass.hounsfield_mean, mass.hounsfield_sd) == (40.0, 0.0)
    assert not mass.notes


def test_own_curve_changes_the_mass():
    image = ct(0.0)
    curve = DensityCurve(hounsfield=(-1000.0, 0.0, 1000.0), g_per_ml=(0.0, 0.998, 1.6), source="phantom")
    (mass,) = region_masses(image, [box(image.grid, (2, 5, 5), (12, 25, 25))], curve=curve)
    assert mass.density_g_per_ml == pytest.approx(0.998)


def test_region_on_a_coarser_grid_takes_the_ct_inside_it():
    """Half of the CT is fat: a SPECT-sized box over both halves has the mean of the densities, not of the HU."""
    image = ct(40.0)
    values = np.array(image.values)
    values[:, :, :15] = -100.0
    image = Image(values=values, grid=image.grid, quantity=Quantity.HOUNSFIELD)
    coarse = Grid.axial(shape=(12, 12, 12), spacing_mm=(4.8, 4.8, 4.8), origin_mm=(1.0, 1.0, 1.0),
                        frame_of_reference_uid=UID)  # fmt: skip
    both = box(coarse, (2, 2, 3), (8, 8, 9))
    low = coarse.index_to_mm([0, 0, 2.5])[0]
    high = coarse.index_to_mm([0, 0, 8.5])[0]
    share = (29.0 - low) / (high - low)
    expected = share * (1.03091 - 0.10297) + (1 - share) * (1.003 + 1.169e-3 * 40)
    assert region_mass(image, both).density_g_per_ml == pytest.approx(expected, abs=0.004)
    tiny = Grid.axial(shape=(4, 4, 4), spacing_mm=(0.2, 0.2, 0.2), origin_mm=(45.4, 30.4, 30.4),
                      frame_of_reference_uid=UID)  # fmt: skip
    assert region_mass(image, box(tiny, (0, 0, 0), (1, 1, 1))).hounsfield_mean == 40.0


def test_cut_field_of_view_and_foreign_frames_are_refused():
    image = ct()
    wide = Grid.axial(shape=(40, 30, 30), spacing_mm=(3.0, 2.0, 2.0), origin_mm=(0, 0, 0), frame_of_reference_uid=UID)
    with pytest.raises(RegionError, match="does not cover"):
        region_mass(image, box(wide, (10, 5, 5), (30, 25, 25)))
    other = Grid.axial(
        shape=(20, 30, 30), spacing_mm=(3.0, 2.0, 2.0), origin_mm=(0, 0, 0), frame_of_reference_uid="1.9"
    )
    with pytest.raises(GeometryError, match="frames of reference"):
        region_mass(image, box(other, (1, 1, 1), (5, 5, 5)))
    counts = Image(values=image.values, grid=image.grid, quantity=Quantity.COUNTS)
    with pytest.raises(QuantityError, match="HU"):
        region_mass(counts, box(image.grid, (1, 1, 1), (5, 5, 5)))


def test_doubts_about_contrast_gas_and_metal():
    bright, gassy = ct(180.0), np.array(ct(40.0).values)
    gassy[2:4] = -990.0
    gassy[5, 5, 5] = 3000.0
    kidney = box(bright.grid, (2, 5, 5), (6, 9, 9), "kidney_left")
    assert any("contrast" in n for n in region_mass(bright, kidney).notes)
    image = Image(values=gassy, grid=bright.grid, quantity=Quantity.HOUNSFIELD)
    notes = region_mass(image, kidney).notes
    assert any("gas" in n for n in notes)
    assert any("metal" in n for n in notes)
