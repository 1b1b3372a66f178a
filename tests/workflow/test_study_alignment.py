"""Later SPECT brought onto the first one in a plan: the activity of a region must survive a moved patient."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

pytest.importorskip("SimpleITK", reason="SimpleITK (extra `registration`) is not installed")

from scipy.ndimage import gaussian_filter

from hemadose.model import Grid, Image, Quantity, TomographicScan
from hemadose.workflow.study import _aligned

GRID = Grid.axial(
    shape=(40, 64, 64), spacing_mm=(4.8, 4.8, 4.8), origin_mm=(-151, -151, -94), frame_of_reference_uid="2.25.7"
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def body(shift_mm):
    """Two kidneys, a liver and a warm body, moved as a whole, as a camera shows them."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in GRID.shape], indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(GRID.index_to_mm(index) - shift_mm, -1, 0)
    image = 2.0 * ((x / 120) ** 2 + (y / 80) ** 2 < 1)
    image += 60.0 * (((x + 50) / 20) ** 2 + ((y - 25) / 16) ** 2 + ((z + 10) / 40) ** 2 < 1)
    image += 60.0 * (((x - 50) / 20) ** 2 + ((y - 25) / 16) ** 2 + (z / 40) ** 2 < 1)
    image += 15.0 * (((x + 40) / 60) ** 2 + ((y + 20) / 45) ** 2 + ((z - 45) / 35) ** 2 < 1)
    return gaussian_filter(image, 12.0 / 2.355 / 4.8).astype(np.float32)  # a resolution of 12 mm


def scan(values, hours):
    return TomographicScan(
        image=Image(values=values, grid=GRID, quantity=Quantity.COUNTS),
        started_at=START + timedelta(hours=hours),
        duration_s=1200.0,
        decay_reference_at=START + timedelta(hours=hours),
        corrections=frozenset(),
    )


def test_a_moved_patient_is_brought_back():
    still, moved = body((0.0, 0.0, 0.0)), body((9.0, -6.0, 7.0))
    kidney = still > 20.0
    notes: list[str] = []
    first, second = _aligned((scan(still, 24), scan(moved, 96)), notes)
    assert first.image.values is not None
    before = moved[kidney].sum() / still[kidney].sum()
    after = np.asarray(second.image.values)[kidney].sum() / still[kidney].sum()
    assert before < 0.8
    assert after == pytest.approx(1.0, abs=0.04)
    assert "moved rigidly by 1" in notes[0]
    assert second.started_at - first.started_at == timedelta(hours=72)
