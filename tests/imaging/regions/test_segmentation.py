"""Thresholds against blurred spheres of known size; growing, tidying and parting on shapes of known volume."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import GeometryError, QuantityError, RegionError
from hemadose.imaging.regions.segmentation import (
    adaptive_threshold,
    body_region,
    closed,
    components,
    fill_holes,
    fixed_threshold,
    grow_region,
    largest_component,
    opened,
    peak_value,
    percent_threshold,
    split_neighbours,
    with_margin,
)
from hemadose.imaging.regions.thresholds import FWHM_PER_SIGMA, blurred_sphere
from hemadose.model import Grid, Image, Quantity, Region

UID = "1.2.826.0.1.3680043.2.1125.31"


def grid(n=48, mm=2.0):
    return Grid.axial(shape=(n, n, n), spacing_mm=(mm, mm, mm), origin_mm=(0, 0, 0), frame_of_reference_uid=UID)


def distance(g, centre_mm):
    index = np.stack(np.meshgrid(*(np.arange(n) for n in g.shape), indexing="ij"), axis=-1)
    return np.linalg.norm(g.index_to_mm(index) - np.asarray(centre_mm), axis=-1)


def blurred(radius_mm, fwhm_mm, *, ground=10.0, height=90.0):
    """A hot sphere in a warm background, blurred by a Gaussian; made at half the pitch, so that its edge is smooth."""
    from scipy.ndimage import gaussian_filter

    fine = grid(96, 1.0)
    hot = (distance(fine, (47.3, 47.6, 48.1)) <= radius_mm).astype(float)
    smooth = gaussian_filter(hot, fwhm_mm / FWHM_PER_SIGMA, mode="nearest")[::2, ::2, ::2]
    return Image(values=(ground + height * smooth).astype(np.float32), grid=grid(), quantity=Quantity.COUNTS)


def volume_ml(radius_mm):
    return 4.0 / 3.0 * np.pi * radius_mm**3 / 1000.0


def region(mask, g=None):
    return Region(name="r", mask=mask, grid=g or grid(mask.shape[0]))


def test_blurred_sphere_is_the_convolution():
    """Against a sphere of 1 mm voxels convolved with a Gaussian."""
    image = blurred(14.0, 11.0, ground=0.0, height=1.0)
    r = distance(grid(), (47.3, 47.6, 48.1))
    for low in (0.0, 6.0, 12.0, 14.0, 18.0):
        shell = (r >= low) & (r < low + 1.5)
        expected = np.mean([blurred_sphere(v, 14.0, 11.0 / FWHM_PER_SIGMA) for v in r[shell]])
        assert image.values[shell].mean() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("radius_mm", [8.0, 11.0, 16.0, 22.0])
def test_adaptive_threshold_finds_the_volume(radius_mm):
    """Sphere of known radius at 10 mm FWHM: volume within 6 %, where 41 % misses the smallest by more than a quarter."""
    image = blurred(radius_mm, 10.0)
    found, level = adaptive_threshold(image, fwhm_mm=10.0, name="lesion", background=10.0)
    assert found.volume_ml == pytest.approx(volume_ml(radius_mm), rel=0.06)
    assert 0.4 < level < 0.6
    if radius_mm == 8.0:
        plain = percent_threshold(image, percent=41.0, name="lesion")
        assert plain.volume_ml > 1.25 * volume_ml(radius_mm)


def test_background_of_the_search_volume_is_taken():
    image = blurred(12.0, 8.0)
    near = region(distance(grid(), (47, 47, 47)) <= 30.0)
    found, _ = adaptive_threshold(image, fwhm_mm=8.0, name="lesion", within=near)
    assert found.volume_ml == pytest.approx(volume_ml(12.0), rel=0.06)


def test_percent_threshold_keeps_to_the_hottest_object():
    values = np.zeros((20, 20, 20), dtype=np.float32)
    values[3:6, 3:6, 3:6] = 100.0
    values[12:16, 12:16, 12:16] = 80.0
    image = Image(values=values, grid=grid(20), quantity=Quantity.ACTIVITY_CONCENTRATION)
    assert percent_threshold(image, percent=41, name="a").mask.sum() == 27
    assert fixed_threshold(image, at_least=41, name="a").mask.sum() == 27 + 64
    other = region(distance(grid(20), (27, 27, 27)) < 12.0)
    assert percent_threshold(image, percent=41, name="a", within=other).mask.sum() == 64
    assert peak_value(image, (4, 4, 4)) < 100.0


def test_thresholds_that_cannot_be_are_refused():
    image = blurred(12.0, 8.0)
    with pytest.raises(RegionError, match="no voxel reaches"):
        fixed_threshold(image, at_least=1e6, name="a")
    with pytest.raises(QuantityError, match="between 0 and 100"):
        percent_threshold(image, percent=0.0, name="a")
    with pytest.raises(RegionError, match="does not stand out"):
        percent_threshold(image, percent=40.0, name="a", background=500.0)
    with pytest.raises(QuantityError, match="resolution"):
        adaptive_threshold(image, fwhm_mm=0.0, name="a")
    labels = Image(values=np.ones((4, 4, 4), dtype=np.int32), grid=grid(4), quantity=Quantity.LABEL)
    with pytest.raises(QuantityError, match="label map"):
        fixed_threshold(labels, at_least=1, name="a")
    with pytest.raises(GeometryError):
        fixed_threshold(image, at_least=1, name="a", within=region(np.ones((4, 4, 4), dtype=bool)))


def test_growing_stays_in_the_object_and_leaks_are_refused():
    values = np.full((20, 20, 20), 10.0, dtype=np.float32)
    values[5:10, 5:10, 5:10] = 50.0
    values[12:15, 12:15, 12:15] = 50.0
    image = Image(values=values, grid=grid(20), quantity=Quantity.HOUNSFIELD)
    grown = grow_region(image, seeds_mm=[(14.0, 14.0, 14.0)], lower=40.0, upper=60.0, name="organ")
    assert grown.mask.sum() == 125
    both = grow_region(image, seeds_mm=[(14, 14, 14), (26, 26, 26)], lower=40.0, name="organ")
    assert both.mask.sum() == 125 + 27
    with pytest.raises(RegionError, match="leaked"):
        grow_region(image, seeds_mm=[(14.0, 14.0, 14.0)], lower=0.0, name="organ", largest_ml=5.0)
    for seed in ((2.0, 2.0, 2.0), (500.0, 2.0, 2.0)):
        with pytest.raises(RegionError, match="outside"):
            grow_region(image, seeds_mm=[seed], lower=40.0, name="organ")
    with pytest.raises(QuantityError, match="lower < upper"):
        grow_region(image, seeds_mm=[(14.0, 14.0, 14.0)], lower=40.0, upper=40.0, name="organ")


def test_tidying():
    mask = np.zeros((30, 30, 30), dtype=bool)
    mask[5:16, 5:16, 5:16] = True
    mask[9:12, 9:12, 9:12] = False
    mask[25:27, 25:27, 25:27] = True
    whole = region(mask, grid(30, 1.0))
    one = largest_component(whole)
    assert one.mask.sum() == 11**3 - 27
    assert fill_holes(one).mask.sum() == 11**3
    assert [c.mask.sum() for c in components(whole)] == [11**3 - 27, 8]
    assert [c.name for c in components(whole, least_ml=0.1)] == ["r_1"]
    with pytest.raises(RegionError, match="as large"):
        components(whole, least_ml=10.0)
    assert (with_margin(fill_holes(one), -2.0).mask.sum()) == 7**3


def test_closing_and_opening_in_millimetres():
    g = Grid.axial(shape=(20, 40, 40), spacing_mm=(4.0, 1.0, 1.0), origin_mm=(0, 0, 0), frame_of_reference_uid=UID)
    mask = np.zeros(g.shape, dtype=bool)
    mask[5:15, 10:30, 10:30] = True
    mask[5:15, 19:21, 10:30] = False  # a slit of 2 mm
    shut = closed(Region(name="r", mask=mask, grid=g), radius_mm=2.0)
    assert shut.mask[8, 19:21, 14:26].all()
    assert not closed(Region(name="r", mask=mask, grid=g), radius_mm=0.9).mask[8, 19:21, 14:26].any()
    spur = np.zeros(g.shape, dtype=bool)
    spur[5:15, 10:30, 10:30] = True
    spur[10, 20, 30:38] = True
    smooth = opened(Region(name="r", mask=spur, grid=g), radius_mm=3.0)
    assert not smooth.mask[10, 20, 33:].any()
    assert smooth.mask[8:12, 14:26, 14:26].all()
    with pytest.raises(RegionError, match="thinner"):
        opened(Region(name="r", mask=spur, grid=g), radius_mm=60.0)


def test_two_touching_spheres_are_parted_and_nothing_is_lost():
    g = grid(48, 1.0)
    one, two = distance(g, (16, 24, 24)) <= 9.0, distance(g, (31, 24, 24)) <= 7.5
    parts = split_neighbours(region(one | two, g), apart_mm=10.0)
    assert [p.name for p in parts] == ["r_1", "r_2"]
    assert (parts[0].mask | parts[1].mask).sum() == (one | two).sum()
    assert not (parts[0].mask & parts[1].mask).any()
    for part, truth in zip(parts, (one, two), strict=True):
        assert (part.mask & truth).sum() / truth.sum() > 0.97
    assert len(split_neighbours(region(one, g), apart_mm=10.0)) == 1


def test_valleys_of_the_image_part_where_shape_does_not():
    """A box of even shape that holds two hot cores is parted by the image, not by its outline."""
    from scipy.ndimage import gaussian_filter

    g = grid(40, 1.0)
    box = np.zeros(g.shape, dtype=bool)
    box[14:26, 14:26, 5:35] = True
    values = np.zeros(g.shape)
    values[18:22, 18:22, 9:13] = values[18:22, 18:22, 26:30] = 100.0
    image = Image(values=gaussian_filter(values, 3.0).astype(np.float32), grid=g, quantity=Quantity.COUNTS)
    parts = split_neighbours(region(box, g), image=image, apart_mm=10.0)
    assert len(parts) == 2
    middles = sorted(p.centroid_mm[0] for p in parts)
    assert middles[0] == pytest.approx(12.0, abs=2.0)
    assert middles[1] == pytest.approx(27.0, abs=2.0)


def test_body_leaves_the_table():
    g = grid(40, 5.0)
    hu = np.full(g.shape, -1000.0, dtype=np.float32)
    y, x = np.indices((40, 40))
    hu[:, ((x - 20) / 14.0) ** 2 + ((y - 18) / 10.0) ** 2 <= 1.0] = 30.0
    hu[:, ((x - 15) / 4.0) ** 2 + ((y - 17) / 4.0) ** 2 <= 1.0] = -850.0  # lung
    hu[:, 34:36, 5:35] = 200.0
    body = body_region(Image(values=hu, grid=g, quantity=Quantity.HOUNSFIELD))
    assert not body.mask[:, 34:36].any()
    assert body.mask[:, 17, 15].all()
    with pytest.raises(RegionError, match="no body"):
        body_region(Image(values=np.full(g.shape, -1000.0), grid=g, quantity=Quantity.HOUNSFIELD))
    with pytest.raises(QuantityError):
        body_region(Image(values=np.ones(g.shape), grid=g, quantity=Quantity.COUNTS))
