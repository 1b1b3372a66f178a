"""When a CT field cuts the body: a scanner's circle, or a rectangle cut out of it."""

import numpy as np
import pytest

from hemadose.imaging.reconstruction.truncation import truncated_slices
from hemadose.model import Grid, Image, Quantity


def ct(shape, spacing, body):
    grid = Grid.axial(shape=shape, spacing_mm=spacing, origin_mm=(0, 0, 0), frame_of_reference_uid="1.2")
    values = np.full(shape, -1000.0)
    values[body] = 30.0
    return Image(values=values, grid=grid, quantity=Quantity.HOUNSFIELD)


@pytest.mark.parametrize(("first", "last", "cut"), [(2, 98, 0), (0, 100, 3), (40, 100, 3)])
def test_a_tight_rectangle_cuts_only_at_its_edges(first, last, cut):
    """A body of 38 cm in a field of 40 x 20 cm lies far outside the inscribed circle, and yet is whole."""
    body = np.s_[:, 2:48, first:last]
    assert truncated_slices(ct((3, 50, 100), (4.0, 4.0, 4.0), body)) == cut


def test_a_square_field_cuts_at_its_circle():
    assert truncated_slices(ct((2, 100, 100), (4.0, 4.0, 4.0), np.s_[:, 20:80, 2:98])) == 2
    assert truncated_slices(ct((2, 100, 100), (4.0, 4.0, 4.0), np.s_[:, 30:70, 10:90])) == 0
