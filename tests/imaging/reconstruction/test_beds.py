"""Joining beds: linear ramp over the overlap, partition of unity, odd offsets, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import GeometryError
from hemadose.imaging.reconstruction.beds import join_beds
from hemadose.model import Grid, Image, Quantity


def bed(z_mm, values, *, x_mm=0.0, frame="2.25.1", quantity=Quantity.COUNTS):
    values = np.asarray(values, dtype=np.float32)
    full = np.broadcast_to(values[:, None, None], (len(values), 2, 3)).copy()
    grid = Grid.axial(
        shape=full.shape, spacing_mm=(5.0, 4.0, 4.0), origin_mm=(x_mm, 0.0, z_mm), frame_of_reference_uid=frame
    )
    return Image(values=full, grid=grid, quantity=quantity)


def column(image):
    return image.values[:, 0, 0]


def test_one_bed_stays_as_it_is():
    one = bed(0.0, [1, 2, 3])
    joined, notes = join_beds([one])
    assert joined is one
    assert notes == ()


def test_overlap_is_a_linear_ramp():
    """Four overlapping slices: weights of the upper bed 1/8, 3/8, 5/8, 7/8 (slice centres over the overlap)."""
    joined, notes = join_beds([bed(0.0, np.zeros(10)), bed(30.0, np.ones(10))])
    assert column(joined) == pytest.approx([0.0] * 6 + [0.125, 0.375, 0.625, 0.875] + [1.0] * 6)
    assert joined.grid.shape[0] == 16
    assert "20.0 mm" in notes[0]


def test_order_does_not_matter():
    low, high = bed(0.0, np.arange(10)), bed(30.0, np.arange(10) + 6.0)
    assert np.array_equal(join_beds([low, high])[0].values, join_beds([high, low])[0].values)


def test_a_profile_that_both_beds_agree_on_is_kept():
    truth = np.sin(np.arange(26) / 3.0) + 2.0
    beds = [bed(5.0 * k, truth[k : k + 10]) for k in (0, 8, 16)]
    joined, _ = join_beds(beds)
    assert column(joined) == pytest.approx(truth, rel=1e-6)


def test_a_bed_between_the_slices_is_interpolated():
    """A straight line along z survives linear interpolation exactly."""
    beds = [bed(0.0, np.arange(10) * 5.0), bed(27.0, np.arange(10) * 5.0 + 27.0)]
    joined, notes = join_beds(beds)
    inner = column(joined)[:-1]
    assert inner == pytest.approx(np.arange(len(inner)) * 5.0, abs=1e-4)
    assert any("interpolated" in note for note in notes)


def test_beds_that_touch():
    joined, notes = join_beds([bed(0.0, [1.0, 1.0]), bed(10.0, [3.0, 3.0])])
    assert column(joined).tolist() == [1.0, 1.0, 3.0, 3.0]
    assert "without overlap" in notes[0]


def test_three_beds_that_all_overlap_add_up_to_one():
    joined, _ = join_beds([bed(z, np.full(10, 7.0)) for z in (0.0, 15.0, 30.0)])
    assert column(joined) == pytest.approx(np.full(16, 7.0))


def test_a_gap_is_refused():
    with pytest.raises(GeometryError, match="gap between two beds"):
        join_beds([bed(0.0, np.ones(4)), bed(25.0, np.ones(4))])


@pytest.mark.parametrize("changes", [{"x_mm": 2.0}, {"frame": "2.25.2"}, {"quantity": Quantity.ACTIVITY_CONCENTRATION}])
def test_other_volumes_are_refused(changes):
    with pytest.raises(GeometryError, match="not beds of one study"):
        join_beds([bed(0.0, np.ones(4)), bed(10.0, np.ones(4), **changes)])
